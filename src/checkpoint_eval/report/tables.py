"""Tables for readers: finished numbers in, formatted text out."""

import re
from collections.abc import Sequence
from numbers import Integral

import numpy as np
import pandas as pd

from checkpoint_eval.models.bounds import Bounds
from checkpoint_eval.report.evaluation import Evaluation, Result
from checkpoint_eval.report.withheld import Withheld
from checkpoint_eval.results import Estimate, SignificanceTest, strategies_told

SHARES = ("risk", "survival difference", "cumulative incidence")
# Comparisons of pairs of people: by arm, the share of pairs that it wins.
PAIRS = ("superiority difference", "net benefit", "win ratio", "win odds")
RATES = ("rate ratio", "while-alive rate ratio")
NAMED = re.compile(r"`(\w+)`")
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def visible(text: str) -> str:
    """Return text with a � for each character that no font draws and no Word document holds."""
    return UNSEEN.sub("\ufffd", text)


def told(count: object) -> str:
    """Return a count as it is printed everywhere; one that is withheld says so itself."""
    return f"{count:,}" if isinstance(count, Integral) else str(count)


def told_by_arm(counts: Sequence[object], arms: Sequence[str]) -> str:
    """Return counts in words, each with its arm."""
    return ", ".join(f"{arm} {told(count)}" for arm, count in zip(arms, counts, strict=True))


def estimates_table(evaluation: Evaluation) -> pd.DataFrame:
    """Return the results as a paper prints them, one row a result.

    Parameters
    ----------
    evaluation : Evaluation
        As computed: counts are the true ones unless it went through `protect`.

    Returns
    -------
    DataFrame
        Text: outcome, measure, analysis set, control and treatment (events / people, and the
        result in the arm), effect (interval), p, standing, intercurrent (how events after
        randomisation are taken), method. `Evaluation.to_frame` holds the numbers.

    Examples
    --------
    >>> from checkpoint_eval import evaluate, load_rossi
    >>> table = estimates_table(evaluate(load_rossi()))
    >>> table[["measure", "effect (interval)"]].to_numpy()[0].tolist()
    ['hazard ratio, adjusted for age, race, wexp, mar, paro, prio', '0.684 (0.470 to 0.996)']
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
        return _test_row(value) | {"p": p_value} | _footing(value, standing)
    adjusted = f", adjusted for {', '.join(value.adjusted_for)}" if value.adjusted_for else ""
    which = f", {value.contrast[0]}" if several_arms else ""
    at = "" if np.isnan(value.time_point) else f" at {value.time_point:g} {value.unit}"
    return {
        "outcome": value.outcome,
        "measure": f"{measure_told(value)}{at}{which}{adjusted}",
        "analysis set": value.analysis_set,
        "control": _arm_cell(value, 0),
        "treatment": _arm_cell(value, 1),
        "effect (interval)": format_effect(value),
        "p": p_value,
        **_footing(value, standing),
    }


def measure_told(value: Estimate) -> str:
    """Return the estimand; one of a model with shared navigators says so, beside the plain one."""
    nested = value.method.startswith("mixed model with navigators")
    return f"partially nested {value.estimand}" if nested else value.estimand


def _footing(value: Estimate | SignificanceTest, standing: str) -> dict[str, str]:
    return {
        "standing": standing,
        "intercurrent": strategies_told(value.intercurrent),
        "method": value.method,
    }


def _test_row(test: SignificanceTest) -> dict[str, str]:
    cells = [_counts(test, arm) for arm in range(len(test.n))]
    return {
        "outcome": test.outcome,
        "measure": test.test,
        "analysis set": test.analysis_set,
        "control": cells[0],
        "treatment": "; ".join(cells[1:]),
        "effect (interval)": f"statistic {_statistic(test)}" if test.estimable else untold(test),
    }


def _statistic(test: SignificanceTest) -> str:
    """Return the statistic; a difference that was re-drawn is in the unit of that difference."""
    of = test.test.partition("(")[2].rstrip(")")
    binary = of == "adjusted difference" and bool(test.events) and not test.unit
    if of.startswith(SHARES) or binary:
        return f"{100 * test.statistic:+.1f} points".replace("-", "−")
    if of.startswith("restricted mean"):
        return f"{test.statistic:+.1f} {test.unit}".replace("-", "−")
    degrees = f" on {test.df:g} df" if test.df > 1 else ""
    return f"{test.statistic:.3f}{degrees}".replace("-", "−")


def _counts(value: Estimate | SignificanceTest, arm: int) -> str:
    """Return events and people of one arm; outcomes that are no events have people alone."""
    events = f"{told(value.events[arm])}/" if value.events else ""
    missing = value.missing[arm] if value.missing else 0
    return f"{events}{told(value.n[arm])}{f', {told(missing)} unknown' if missing else ''}"


def _arm_cell(value: Estimate, arm: int) -> str:
    result = value.by_arm[arm]
    counts = _counts(value, arm)
    return counts if np.isnan(result) else f"{counts}; {format_value(value, result)}"


def untold(value: Estimate | SignificanceTest | Bounds) -> str:
    """Return what is printed in the place of a result that there is none of."""
    return "withheld" if "withheld: " in value.method else "not estimable"


def without_curve(difference: Estimate) -> str:
    """Return why an arm has no Gini coefficient: nobody has any, or it is withheld."""
    return "withheld" if untold(difference) == "withheld" else "nobody has any"


def why_untold(value: Estimate | SignificanceTest) -> str:
    """Return that a result cannot be estimated, or is withheld, and why, as its method says."""
    what = {"withheld": "is withheld", "not estimable": "cannot be estimated"}[untold(value)]
    return f"{what}: {in_words(re.split('withheld: |not estimable: ', value.method)[-1])}"


def in_words(method: str) -> str:
    """Return a method for those who do not write code: names of verbs as words."""
    return NAMED.sub(lambda found: found[1].replace("_", " "), method)


def is_share(value: Estimate) -> bool:
    """Return whether the estimate and its results by arm are shares, printed as per cent."""
    named = value.estimand.startswith((*SHARES, *PAIRS)) or _complied(value)
    return named and value.scale == "difference"


def _complied(value: Estimate) -> bool:
    """Return whether this is the effect on compliers of what happens or does not."""
    # Events read at a time are shares; those without a clock are, unless they are counted.
    once = not value.unit or not np.isnan(value.time_point)
    return value.estimand == "complier average effect" and bool(value.events) and once


def _is_number_of_events(value: Estimate) -> bool:
    """Return whether these are events a person: the unit is that of the time they took."""
    if value.estimand.startswith("mean events"):
        return True
    means = value.estimand in ("mean difference", "complier average effect")
    return means and bool(value.events) and bool(value.unit) and not _complied(value)


def share(number: float) -> str:
    """Return a share as per cent; one that is not known or not told says so."""
    if isinstance(number, Withheld):
        return str(number)
    return "–" if np.isnan(number) else f"{100 * number:.1f}%"


def format_value(value: Estimate, number: float) -> str:
    """Return one arm's result: a share as per cent, a rate per unit, a time in its unit."""
    if value.estimand in PAIRS:
        return f"{share(number)} of pairs"
    if value.estimand.startswith((*SHARES, "odds", "survival")) or is_share(value):
        return share(number)
    if value.estimand in RATES:
        return f"{number:.3g} per person-{value.unit.removesuffix('s')}"
    if _is_number_of_events(value):
        return f"{number:.2f} per person"
    if value.estimand.startswith("restricted mean"):
        return f"{number:.1f} {value.unit}"
    return f"{number:.2f}".replace("-", "−")


def format_effect(value: Estimate) -> str:
    """Return the effect and its interval; shares in percentage points."""
    if not value.estimable:
        return untold(value)
    points = is_share(value)
    numbers = [value.value, value.low, value.high]
    if points:
        numbers = [100 * number for number in numbers]
    finite = [abs(number) for number in numbers if np.isfinite(number)]
    least = 1 if points or max(finite) >= 10 else 2
    shown, low, high = told_apart(
        numbers, null=value.null, least=least, signed=value.scale == "difference"
    )
    return f"{shown}{_unit_of(value)} ({low} to {high})"


def _unit_of(value: Estimate) -> str:
    if value.scale == "ratio":
        return ""
    if is_share(value):
        return " points"
    if _is_number_of_events(value):
        return " per person"
    return f" {value.unit}" if value.estimand.startswith("restricted mean") else ""


def told_apart(numbers: Sequence[float], *, null: float, least: int, signed: bool) -> list[str]:
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
    return [text.replace("-", "−").replace("inf", "∞") for text in texts]


def format_p(p_value: float) -> str:
    """Return a p-value to three decimals, as CONSORT asks; never as a verdict."""
    if np.isnan(p_value):
        return "–"
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"
