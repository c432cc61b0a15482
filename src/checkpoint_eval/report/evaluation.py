"""The evaluation: every result of a trial with what is needed to trace and repeat it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import frozen_mapping, plain
from checkpoint_eval._display import Shown, text_table
from checkpoint_eval._tidy import OWN, tidy_frame, tidy_row
from checkpoint_eval._values import Value
from checkpoint_eval.balance.baseline import BaselineTable
from checkpoint_eval.balance.differences import BalanceTable
from checkpoint_eval.balance.integrity import Integrity
from checkpoint_eval.balance.participant_flow import Flow
from checkpoint_eval.design.protocol import Protocol
from checkpoint_eval.models.bounds import Bounds
from checkpoint_eval.models.inequality import Inequality
from checkpoint_eval.models.pathway_results import PathwayComparison
from checkpoint_eval.models.subgroup_results import SubgroupEffects
from checkpoint_eval.report.disclosure import Disclosure
from checkpoint_eval.report.disclosure_amounts import Amounts
from checkpoint_eval.results import NAN, Curve, Estimate, SignificanceTest

SCHEMA = "checkpoint-eval/evaluation/1"
# Beside results and sensitivity, in the order of a report.
PARTS: tuple[str, ...] = (
    *("bounds", "integrity", "pathways", "inequality", "subgroups", "deviations"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Result(Value, Shown):
    """One estimate or test, its standing in the protocol, and its adjusted p-value.

    `p_adjusted` is NaN where no adjustment for multiplicity was promised.
    """

    value: Estimate | SignificanceTest
    confirmatory: bool = False
    p_adjusted: float = NAN

    def to_row(self) -> dict[str, Any]:
        """Return the columns of the tidy table of estimates."""
        standing = {"p_adjusted": self.p_adjusted, "confirmatory": self.confirmatory}
        return tidy_row(self.value) | standing

    def to_dict(self) -> dict[str, Any]:
        """Return the fields of the value, and its standing, as plain values."""
        standing = {"confirmatory": self.confirmatory, "p_adjusted": self.p_adjusted}
        return self.value.to_dict() | standing

    def to_frame(self) -> pd.DataFrame:
        """Return one row of the tidy table of estimates."""
        return tidy_frame([self.to_row()], OWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation(Shown):
    """One way in which the trial departed from what was promised.

    Attributes
    ----------
    what : str
        The kind of departure, such as "another arm received".
    told : str
        What happened, in words and without a count of people.
    counts : (k,) int
        How many people it touched by arm, control first; empty where it is about no people.
    """

    what: str
    told: str
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Evaluation(Shown):
    """Everything a trial's protocol promised, computed.

    Attributes
    ----------
    title : str
    protocol : Protocol or None
        None: nothing was promised and every result is exploratory.
    data_digest, protocol_digest : str
        SHA-256 of the data and of the protocol ("" without one).
    level : float
        Of every interval: 1 − alpha.
    seed : int
        From which every draw of chance can be repeated.
    versions : mapping of str to str
        Of Python and the packages that computed.
    flow, baseline, balance, checks, curves, results
        In the order of a report.
    sensitivity : tuple of Result
        The primary outcome again: in other analysis sets, among compliers, measured otherwise.
    bounds : tuple of Bounds
        Of the primary outcome, where somebody's is missing.
    integrity : tuple of Integrity
        Overall, then by era and stratum, where the arm received is known.
    pathways : PathwayComparison or None
        Where the trial has pathway scores.
    inequality : tuple of Inequality
        Of each numeric outcome of at least 0.
    subgroups : tuple of SubgroupEffects
        Where the protocol names subgroups.
    deviations : tuple of Deviation
    protected : Disclosure or None
        The rule by which its counts are withheld and rounded; None: they are the true ones.
    amounts : tuple of Amounts
        What protecting asks of who has how much. It is in no file, and none are left afterwards.
    """

    title: str
    arms: tuple[str, ...]
    protocol: Protocol | None
    protocol_digest: str
    data_digest: str
    level: float
    seed: int
    versions: Mapping[str, str]
    flow: Flow
    baseline: BaselineTable
    balance: tuple[BalanceTable, ...]
    checks: tuple[SignificanceTest, ...]
    curves: tuple[Curve, ...]
    results: tuple[Result, ...]
    sensitivity: tuple[Result, ...] = ()
    bounds: tuple[Bounds, ...] = ()
    integrity: tuple[Integrity, ...] = ()
    pathways: PathwayComparison | None = None
    inequality: tuple[Inequality, ...] = ()
    subgroups: tuple[SubgroupEffects, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    protected: Disclosure | None = None
    amounts: tuple[Amounts, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "versions", frozen_mapping(self.versions))

    def __repr__(self) -> str:
        standing = f"protocol {self.protocol_digest[:12]}" if self.protocol else "no protocol"
        columns = [
            "outcome",
            "measure",
            "treatment",
            "adjusted_for",
            "analysis_set",
            "value",
            "low",
        ]
        columns += ["high", "p_value", "missing_control", "missing_treatment", "planned"]
        shown = self.to_frame()
        shown = shown.loc[shown["section"] == "results", columns]
        shown = shown.drop(columns=[] if len(self.arms) > 2 else ["treatment"])
        beside = f"\nBeside them: {', '.join(told)}" if (told := list(self._beside())) else ""
        return (
            f"Evaluation of {self.title}; {standing}, data {self.data_digest[:12]}\n"
            f"{text_table(shown)}{beside}"
        )

    def _beside(self) -> Iterator[str]:
        """Tell how much there is beside the results."""
        for name in ("sensitivity", *PARTS):
            held = getattr(self, name)
            if isinstance(held, tuple) and held:
                yield f"{name}: {len(held)}"
        if self.pathways is not None:
            yield f"pathways: {len(self.pathways.pathways)}"

    def _repr_html_(self) -> str:
        """Show the results, then each part beside them that there is."""
        parts = [(name, held) for name in PARTS if (held := getattr(self, name))]
        return Shown._repr_html_(self) + "".join(
            f"<h4>{name}</h4>"
            + "".join(each._repr_html_() for each in (held if isinstance(held, tuple) else (held,)))
            for name, held in parts
        )

    def _table(self) -> pd.DataFrame:
        return self.to_frame().drop(columns=["protocol_digest", "data_digest"])

    def to_frame(self) -> pd.DataFrame:
        """Return one row a result, tidy, with the digests that tie it to protocol and data."""
        digests = {"protocol_digest": self.protocol_digest, "data_digest": self.data_digest}
        told = {"results": self.results, "sensitivity": self.sensitivity}
        return tidy_frame(
            each.to_row() | digests | {"section": section}
            for section, results in told.items()
            for each in results
        )

    def to_json(self) -> str:
        """Return the whole evaluation as JSON: NaN as null, infinities as text."""
        content = {
            "schema": SCHEMA,
            "title": self.title,
            "protocol_digest": self.protocol_digest,
            "data_digest": self.data_digest,
            "level": self.level,
            "seed": self.seed,
            "versions": dict(self.versions),
            "protected": plain(self.protected),
            "protocol": plain(self.protocol),
            "flow": plain(self.flow),
            "baseline": plain(self.baseline),
            "balance": plain(self.balance),
            "checks": [check.to_dict() for check in self.checks],
            "curves": [curve.to_frame().to_dict("list") for curve in self.curves],
            "results": [each.to_dict() for each in self.results],
            "sensitivity": [each.to_dict() for each in self.sensitivity],
            "bounds": plain(self.bounds),
            "integrity": plain(self.integrity),
            "pathways": plain(self.pathways),
            "inequality": [_without_curves(each) for each in self.inequality],
            "subgroups": plain(self.subgroups),
            "deviations": plain(self.deviations),
        }
        return json.dumps(_plain(content), ensure_ascii=False, indent=1, allow_nan=False)


def _without_curves(found: Inequality) -> dict[str, Any]:
    """Return what is found, without the curves: they hold everybody's own number, in order."""
    told: dict[str, Any] = plain(found)
    return {key: value for key, value in told.items() if key not in ("people", "share")}


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold exactly."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None if np.isnan(value) else str(value)
    return value
