"""Tables for readers: finished numbers in, formatted text out."""

import numpy as np
import pandas as pd

from checkpoint_eval.report.evaluation import Evaluation, Result
from checkpoint_eval.results import Estimate, SignificanceTest

SHARES = ("risk", "survival difference", "cumulative incidence")


def estimates_table(evaluation: Evaluation) -> pd.DataFrame:
    """Return the results as a paper prints them, one row a result.

    Columns: outcome, measure, analysis set, control and treatment (events / people, and the
    result in the arm), effect (interval), p, standing. `Evaluation.to_frame` holds the numbers.
    """
    return pd.DataFrame(
        [table_row(each, several_arms=len(evaluation.arms) > 2) for each in evaluation.results]
    )


def table_row(result: Result, *, several_arms: bool = False) -> dict[str, str]:
    """Return one result as text, by column; with several treatment arms each names its own."""
    value = result.value
    standing = "planned" if value.planned else "exploratory"
    if result.confirmatory and value.planned:
        standing = "planned, confirmatory"
    p_value = format_p(value.p_value)
    if not np.isnan(result.p_adjusted):
        p_value += f"; {format_p(result.p_adjusted)} for multiplicity"
    if isinstance(value, SignificanceTest):
        return _test_row(value) | {"p": p_value, "standing": standing, "method": value.method}
    adjusted = f", adjusted for {', '.join(value.adjusted_for)}" if value.adjusted_for else ""
    which = f", {value.contrast[0]}" if several_arms else ""
    at = "" if np.isnan(value.time_point) else f" at {value.time_point:g} {value.unit}"
    return {
        "outcome": value.outcome,
        "measure": f"{value.estimand}{at}{which}{adjusted}",
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
        f"{f'{test.events[arm]}/' if test.events else ''}{n}{_lost(test.missing[arm])}"
        for arm, n in enumerate(test.n)
    ]
    told = f"statistic {test.statistic:.3f}".replace("-", "−")
    return {
        "outcome": test.outcome,
        "measure": test.test,
        "analysis set": test.analysis_set,
        "control": cells[0],
        "treatment": "; ".join(cells[1:]),
        "effect (interval)": told if test.estimable else "not estimable",
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


def _is_number_of_events(value: Estimate) -> bool:
    return value.estimand.startswith("mean events")


def format_value(value: Estimate, number: float) -> str:
    """Return one arm's result: a share as per cent, a rate per unit, a time in its unit."""
    if value.estimand.startswith(("risk", "survival", "odds", "cumulative incidence")):
        return f"{100 * number:.1f}%"
    if value.estimand == "rate ratio":
        return f"{number:.3g} per {value.unit.removesuffix('s')}"
    if _is_number_of_events(value):
        return f"{number:.2f}"
    return f"{number:.1f} {value.unit}"


def format_effect(value: Estimate) -> str:
    """Return the effect and its interval; shares in percentage points."""
    if not value.estimable:
        return "not estimable"
    points = is_share(value)
    numbers = [value.value, value.low, value.high]
    if points:
        numbers = [100 * number for number in numbers]
    least = 1 if points or max(map(abs, numbers)) >= 10 else 2
    shown, low, high = _told_apart(
        numbers, null=value.null, least=least, signed=value.scale == "difference"
    )
    unit = ""
    if value.scale == "difference":
        unit = " points" if points else "" if _is_number_of_events(value) else f" {value.unit}"
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
    """Return the primary outcome in plain sentences, one a treatment arm, or say there is none."""
    primary = evaluation.protocol.primary.name if evaluation.protocol else None
    told = [
        _sentence(result.value)
        for result in evaluation.results
        if isinstance(result.value, Estimate)
        and result.value.estimand == "risk difference"
        and result.value.analysis_set == "itt"
        and not result.value.adjusted_for
        and result.value.estimable
        and primary in (None, result.value.outcome)
    ]
    if not told:
        return "No plain comparison of risks was asked for; the table of results tells what was."
    return " ".join(told[: len(evaluation.arms) - 1])


def _sentence(value: Estimate) -> str:
    at = "" if np.isnan(value.time_point) else f" within {value.time_point:g} {value.unit}"
    gap = f"{100 * abs(value.value):.1f} in every 100 {'fewer' if value.value < 0 else 'more'}"
    limits = [100 * value.low, 100 * value.high]
    low, high = _told_apart(limits, null=0.0, least=1, signed=True)
    return (
        f"“{value.outcome}”{at}: {_people(value, 1)}, and {_people(value, 0)}; "
        f"{gap if value.value else 'no difference'}, unadjusted. The {100 * value.level:g}% "
        f"interval runs from {low} to {high} percentage points."
    )


def _people(value: Estimate, arm: int) -> str:
    """Tell one arm's people: assigned, known, with the event, and the share they stand for."""
    assigned = value.n[arm] + value.missing[arm]
    known = f", {value.n[arm]} of them with a known outcome" if value.missing[arm] else ""
    share = f"{100 * value.by_arm[arm]:.1f}%"
    counted = np.isclose(value.by_arm[arm], value.events[arm] / value.n[arm])
    told = share if counted else f"an estimated {share}, as some were followed for less"
    name = value.contrast[1 - arm]
    return f"{value.events[arm]} of {assigned} people assigned to {name}{known} ({told})"
