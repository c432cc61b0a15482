"""The evaluation: every result of a trial with what is needed to trace and repeat it."""

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import frozen_mapping, plain
from checkpoint_eval.balance.baseline import BaselineTable
from checkpoint_eval.balance.differences import BalanceTable
from checkpoint_eval.balance.participant_flow import Flow
from checkpoint_eval.design.protocol import Protocol
from checkpoint_eval.results import NAN, Curve, Estimate, SignificanceTest, strategies_told

SCHEMA = "checkpoint-eval/evaluation/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One estimate or test, its standing in the protocol, and its adjusted p-value.

    `p_adjusted` is NaN where no adjustment for multiplicity was promised.
    """

    value: Estimate | SignificanceTest
    confirmatory: bool = False
    p_adjusted: float = NAN

    def to_row(self) -> dict[str, Any]:
        """Return the columns of the tidy table of estimates."""
        value = self.value
        row = _estimate_row(value) if isinstance(value, Estimate) else _test_row(value)
        return row | {
            "p_adjusted": self.p_adjusted,
            "planned": value.planned,
            "confirmatory": self.confirmatory,
            "intercurrent": strategies_told(value.intercurrent),
            "method": value.method,
        }


def _estimate_row(value: Estimate) -> dict[str, Any]:
    return {
        "outcome": value.outcome,
        "measure": value.estimand,
        "treatment": value.contrast[0],
        "control": value.contrast[1],
        "analysis_set": value.analysis_set,
        "adjusted_for": ", ".join(value.adjusted_for),
        "time_point": value.time_point,
        "unit": value.unit,
        "scale": value.scale,
        "value": value.value,
        "low": value.low,
        "high": value.high,
        "level": value.level,
        "std_error": value.std_error,
        "statistic": NAN,
        "df": NAN,
        "p_value": value.p_value,
        "result_control": value.by_arm[0],
        "result_treatment": value.by_arm[1],
        **_counts(value.n, value.events, value.missing),
    }


def _test_row(value: SignificanceTest) -> dict[str, Any]:
    return {
        "outcome": value.outcome,
        "measure": value.test,
        "treatment": " / ".join(value.arms[1:]),
        "control": value.arms[0],
        "analysis_set": value.analysis_set,
        "adjusted_for": "",
        "time_point": value.time_point,
        "unit": value.unit,
        "scale": "test",
        "value": NAN,
        "low": NAN,
        "high": NAN,
        "level": NAN,
        "std_error": NAN,
        "statistic": value.statistic,
        "df": value.df,
        "p_value": value.p_value,
        "result_control": NAN,
        "result_treatment": NAN,
        **_counts(value.n, value.events, value.missing),
    }


def _counts(
    n: tuple[int, ...], events: tuple[int, ...], missing: tuple[int, ...]
) -> dict[str, int]:
    """Return counts in control and, added up, in the treatment arms."""
    named = {"n": n, "events": events, "missing": missing}
    return {
        f"{name}_{arm}": value
        for name, counts in named.items()
        for arm, value in (("control", sum(counts[:1])), ("treatment", sum(counts[1:])))
    }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Evaluation:
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
        shown = self.to_frame()[columns].drop(columns=[] if len(self.arms) > 2 else ["treatment"])
        return (
            f"Evaluation of {self.title}; {standing}, data {self.data_digest[:12]}\n"
            f"{shown.to_string(index=False)}"
        )

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.title)}</p>" + str(self.to_frame().to_html(index=False))

    def to_frame(self) -> pd.DataFrame:
        """Return one row a result, tidy, with the digests that tie it to protocol and data."""
        frame = pd.DataFrame([result.to_row() for result in self.results])
        frame["protocol_digest"] = self.protocol_digest
        frame["data_digest"] = self.data_digest
        return frame

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
            "protocol": plain(self.protocol),
            "flow": plain(self.flow),
            "baseline": plain(self.baseline),
            "balance": plain(self.balance),
            "checks": [check.to_dict() for check in self.checks],
            "curves": [curve.to_frame().to_dict("list") for curve in self.curves],
            "results": [
                result.value.to_dict()
                | {"confirmatory": result.confirmatory, "p_adjusted": result.p_adjusted}
                for result in self.results
            ],
        }
        return json.dumps(_plain(content), ensure_ascii=False, indent=1, allow_nan=False)


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold exactly."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None if np.isnan(value) else str(value)
    return value
