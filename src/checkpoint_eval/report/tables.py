"""Tables for readers: finished numbers in, formatted text out."""

import numpy as np
import pandas as pd

from checkpoint_eval.report.evaluation import Evaluation, Result
from checkpoint_eval.results import Estimate, SignificanceTest

SHARES = ("risk", "survival difference")


def estimates_table(evaluation: Evaluation) -> pd.DataFrame:
    """Return the results as a paper prints them, one row a result.

    Columns: outcome, measure, analysis set, control and treatment (events / people, and the
    result in the arm), effect (interval), p, standing. `Evaluation.to_frame` holds the numbers.
    """
    return pd.DataFrame([table_row(result) for result in evaluation.results])


def table_row(result: Result) -> dict[str, str]:
    """Return one result as text, by column."""
    value = result.value
    standing = "planned" if value.planned else "exploratory"
    if result.confirmatory and value.planned:
        standing = "planned, confirmatory"
    p_value = format_p(value.p_value)
    if not np.isnan(result.p_adjusted):
        p_value += f" (adjusted {format_p(result.p_adjusted)})"
    if isinstance(value, SignificanceTest):
        return _test_row(value) | {"p": p_value, "standing": standing, "method": value.method}
    adjusted = f", adjusted for {', '.join(value.adjusted_for)}" if value.adjusted_for else ""
    at = "" if np.isnan(value.time_point) else f" at {value.time_point:g} {value.unit}"
    return {
        "outcome": value.outcome,
        "measure": f"{value.estimand}{at}{adjusted}",
        "analysis set": value.analysis_set,
        "control": _arm_cell(value, 0),
        "treatment": _arm_cell(value, 1),
        "effect (interval)": format_effect(value),
        "p": p_value,
        "standing": standing,
        "method": value.method,
    }


def _test_row(test: SignificanceTest) -> dict[str, str]:
    cells = [
        f"{events}/{n}{_lost(missing)}"
        for events, n, missing in zip(test.events, test.n, test.missing, strict=True)
    ]
    return {
        "outcome": test.outcome,
        "measure": test.test,
        "analysis set": test.analysis_set,
        "control": cells[0],
        "treatment": "; ".join(cells[1:]),
        "effect (interval)": f"statistic {test.statistic:.3f}".replace("-", "−"),
    }


def _arm_cell(value: Estimate, arm: int) -> str:
    counts = f"{value.events[arm]}/{value.n[arm]}{_lost(value.missing[arm])}"
    result = value.by_arm[arm]
    return counts if np.isnan(result) else f"{counts}; {format_value(value, result)}"


def _lost(missing: int) -> str:
    return f", {missing} unknown" if missing else ""


def is_share(value: Estimate) -> bool:
    """Return whether the estimate and its results by arm are shares, printed as per cent."""
    return value.estimand.startswith(SHARES) and value.scale == "difference"


def format_value(value: Estimate, number: float) -> str:
    """Return one arm's result: a share as per cent, a time in its unit."""
    if value.estimand.startswith(("risk", "survival", "odds")):
        return f"{100 * number:.1f}%"
    return f"{number:.2f} {value.unit}"


def format_effect(value: Estimate) -> str:
    """Return the effect and its interval; shares in percentage points."""
    if not value.estimable:
        return "not estimable"
    points = is_share(value)
    numbers = [value.value, value.low, value.high]
    if points:
        numbers = [100 * number for number in numbers]
    shown, low, high = _told_apart(
        numbers, null=value.null, least=1 if points else 2, signed=value.scale == "difference"
    )
    unit = " points" if points else f" {value.unit}" if value.scale == "difference" else ""
    return f"{shown}{unit} ({low} to {high})"


def _told_apart(numbers: list[float], *, null: float, least: int, signed: bool) -> list[str]:
    """Return numbers with as many decimals as it takes that none reads as no effect unless it is.

    A limit of 0.996 must not be printed as 1.00: whether the interval holds 1 is the message.
    """
    sign = "+" if signed else ""
    for decimals in range(least, least + 4):
        texts = [f"{number:{sign}.{decimals}f}" for number in numbers]
        reads_null = [float(text) == null for text in texts]
        if not any(
            reads and number != null for reads, number in zip(reads_null, numbers, strict=True)
        ):
            break
    return [text.replace("-", "−") for text in texts]


def format_p(p_value: float) -> str:
    """Return a p-value to three decimals, as CONSORT asks; never as a verdict."""
    if np.isnan(p_value):
        return "–"
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def headline(evaluation: Evaluation) -> str:
    """Return the primary outcome in one plain sentence, or say that there is none."""
    primary = evaluation.protocol.primary.name if evaluation.protocol else None
    for result in evaluation.results:
        value = result.value
        if (
            isinstance(value, Estimate)
            and value.estimand == "risk difference"
            and not value.adjusted_for
            and value.estimable
            and primary in (None, value.outcome)
        ):
            return _sentence(value)
    return "No plain comparison of risks was asked for; the table of results tells what was."


def _sentence(value: Estimate) -> str:
    treatment, control = value.contrast
    at = "" if np.isnan(value.time_point) else f" within {value.time_point:g} {value.unit}"
    direction = "fewer" if value.value < 0 else "more"
    reads = (
        f"{100 * abs(value.value):.1f} in every 100 {direction}" if value.value else "no difference"
    )
    limits = [100 * value.low, 100 * value.high]
    low, high = _told_apart(limits, null=0.0, least=1, signed=True)
    return (
        f"Of {value.n[1]} people assigned to {treatment}, {value.events[1]} "
        f"({100 * value.by_arm[1]:.1f}%) had the outcome “{value.outcome}”{at}; of "
        f"{value.n[0]} assigned to {control}, {value.events[0]} ({100 * value.by_arm[0]:.1f}%): "
        f"{reads}. The {100 * value.level:g}% interval runs from {low} to {high} percentage points."
    )
