"""The tidy table of estimates: one row an estimate or test, its columns and their types stable."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

ESTIMATES_SCHEMA = "checkpoint-eval/estimates/1"

# Column, kind, meaning. A change here asks for the next number in ESTIMATES_SCHEMA.
_COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("section", "text", "results, or sensitivity: the primary outcome again, otherwise analysed"),
    ("outcome", "text", "name of the outcome"),
    ("measure", "text", "the estimand, or the name of the test"),
    ("treatment", "text", "arm compared; several joined by ' / ' in one test of all"),
    ("control", "text", "arm it is compared with"),
    ("analysis_set", "text", "itt, per-protocol, as-treated or a declared set"),
    ("adjusted_for", "text", "covariates, joined by ', '; empty when unadjusted"),
    ("time_point", "number", "when the outcome is read; missing over all of follow-up"),
    ("unit", "text", "of time_point, and of a difference in time; empty without a clock"),
    ("scale", "text", "difference (no effect 0), ratio (no effect 1) or test"),
    ("value", "number", "treatment - control, or treatment / control; missing when not estimable"),
    ("low", "number", "lower limit of the interval"),
    ("high", "number", "upper limit of the interval"),
    ("level", "number", "of the interval, such as 0.95"),
    ("std_error", "number", "of the difference, or of the logarithm of the ratio"),
    ("statistic", "number", "of a test"),
    ("df", "number", "degrees of freedom of a test"),
    ("p_value", "number", "two-sided, of no effect"),
    ("result_control", "number", "risk, mean or survival in control"),
    ("result_treatment", "number", "the same in treatment"),
    ("n_control", "count", "people analysed in control"),
    ("n_treatment", "count", "people analysed in treatment"),
    ("events_control", "count", "their events; missing where the outcome has none to count"),
    ("events_treatment", "count", "the same in treatment"),
    ("missing_control", "count", "people of the set left out as data are missing"),
    ("missing_treatment", "count", "the same in treatment"),
    ("p_adjusted", "number", "adjusted for multiplicity, where that was promised"),
    ("planned", "flag", "whether a protocol asked for it; otherwise exploratory"),
    ("confirmatory", "flag", "whether the protocol's error rate covers it"),
    ("intercurrent", "text", "events in between, and the strategy for each"),
    ("method", "text", "how it was computed, or why it is not estimable"),
    ("protocol_digest", "text", "SHA-256 of the protocol; empty without one"),
    ("data_digest", "text", "SHA-256 of the data"),
)
COLUMNS = {name: kind for name, kind, _ in _COLUMNS}
MEANINGS = {name: meaning for name, _, meaning in _COLUMNS}
OWN = tuple(name for name in COLUMNS if name not in ("section", "protocol_digest", "data_digest"))


def tidy_row(value: Any) -> dict[str, Any]:
    """Return an `Estimate` or `SignificanceTest` by column."""
    test = hasattr(value, "test")
    arms = value.arms if test else value.contrast[::-1]
    own = ("outcome", "analysis_set", "time_point", "unit", "p_value", "planned", "method")
    numbers = ("value", "low", "high", "level", "std_error", "statistic", "df")
    results = (np.nan, np.nan) if test else value.by_arm
    return (
        {name: getattr(value, name) for name in own}
        | {name: getattr(value, name, np.nan) for name in numbers}
        | {
            "measure": value.test if test else value.estimand,
            "treatment": " / ".join(arms[1:]),
            "control": arms[0],
            "adjusted_for": "" if test else ", ".join(value.adjusted_for),
            "scale": "test" if test else value.scale,
            "result_control": results[0],
            "result_treatment": results[1],
            "intercurrent": strategies_told(value.intercurrent),
        }
        | _by_arm("n", value.n)
        | _by_arm("events", value.events)
        | _by_arm("missing", value.missing or (0, 0))
    )


def _by_arm(name: str, counts: Sequence[object]) -> dict[str, object]:
    """Return a count in control and, added up, in the treatment arms."""
    return {f"{name}_control": _sum(counts[:1]), f"{name}_treatment": _sum(counts[1:])}


def _sum(counts: Sequence[object]) -> object:
    """Return the sum; missing when nothing was counted, or a count was withheld."""
    known = [int(each) for each in counts if isinstance(each, (int, np.integer))]
    return sum(known) if counts and len(known) == len(counts) else np.nan


def strategies_told(intercurrent: tuple[tuple[str, str], ...]) -> str:
    """Tell by which strategy each intercurrent event is taken."""
    if not intercurrent:
        return "treatment policy for all"
    return "; ".join(f"{event}: {strategy}" for event, strategy in intercurrent)


def tidy_frame(
    rows: Iterable[Mapping[str, Any]], columns: Iterable[str] = tuple(COLUMNS)
) -> pd.DataFrame:
    """Return rows as a table whose columns and types do not depend on what they hold."""
    held = list(rows)
    made = {name: _typed([row.get(name) for row in held], COLUMNS[name]) for name in columns}
    return pd.DataFrame(made, index=pd.RangeIndex(len(held)))


def _typed(values: list[Any], kind: str) -> pd.Series:
    """Return one column in the type of its kind; what is withheld is missing."""
    if kind == "count":
        whole = [each if isinstance(each, (int, np.integer)) else pd.NA for each in values]
        return pd.Series(whole, dtype="Int64")
    if kind == "number":
        real = (int, float, np.integer, np.floating)
        return pd.Series(
            [each if isinstance(each, real) else np.nan for each in values], dtype=float
        )
    if kind == "flag":
        return pd.Series([bool(each) for each in values], dtype=bool)
    return pd.Series(["" if each is None else str(each) for each in values], dtype=str)
