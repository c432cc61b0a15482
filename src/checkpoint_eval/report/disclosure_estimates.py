"""Estimates and tests by the rule: their counts told, their numbers no closer than printed."""

import numpy as np

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval.report.disclosure import Disclosure
from checkpoint_eval.report.disclosure_audit import Told
from checkpoint_eval.report.disclosure_counts import Counts
from checkpoint_eval.report.disclosure_means import amounts_closed
from checkpoint_eval.report.disclosure_texts import text_told, without_reasons
from checkpoint_eval.report.evaluation import Result
from checkpoint_eval.report.rounded import Rounded, figures
from checkpoint_eval.report.tables import is_share
from checkpoint_eval.report.withheld import Withheld, told_as
from checkpoint_eval.results import NAN, Estimate, SignificanceTest

# Results in an arm that are shares of its people.
SHARES = ("risk", "odds", "survival", "cumulative incidence")
FIGURES = 2  # of p-values, standard errors and statistics


def result_told(result: Result, counts: Counts) -> Result:
    """Return a result by the rule."""
    if isinstance(result.value, Estimate):
        estimate = estimate_told(result.value, counts)
        closed = np.isnan(estimate.p_value)
        value: Estimate | SignificanceTest = estimate
    else:
        value = significance_told(result.value, counts)
        closed = np.isnan(value.p_value)
    adjusted = NAN if closed else rounded(result.p_adjusted)
    return told_as(result, value=value, p_adjusted=adjusted)


def estimate_told(value: Estimate, counts: Counts, *, of: tuple[str, ...] = ()) -> Estimate:
    """Return an estimate by the rule; `of` names the part of the people it is about."""
    arms = value.contrast[1], value.contrast[0]
    told = _counts_told((value.outcome, *of), arms, value, counts)
    method = text_told(value.method, counts.rule, names=counts.names)
    reason = (
        _closed(value, told, counts.rule)
        or amounts_closed(value, counts, of=of)
        or _of_compliers(value, counts)
    )
    if not reason and _solvable(value) and _tells(value, (value.outcome, *of), arms, counts):
        reason = "withheld: beside others it would tell how few had the event, or of a subgroup"
    if reason:
        empty = dict.fromkeys(("value", "low", "high", "p_value", "std_error"), NAN)
        told_why = _with_reason(method, reason)
        return told_as(value, **told, **empty, by_arm=(NAN, NAN), method=told_why)
    numbers = _numbers(value)
    by_arm = tuple(
        share_told(each, n, counts.rule) if value.estimand.startswith(SHARES) else rounded(each, 3)
        for each, n in zip(value.by_arm, told["n"], strict=True)
    )
    return told_as(value, **told, **numbers, by_arm=by_arm, method=method)


def significance_told(
    value: SignificanceTest, counts: Counts, *, of: tuple[str, ...] = ()
) -> SignificanceTest:
    """Return a test by the rule."""
    told = _counts_told((value.outcome, *of), value.arms, value, counts)
    method = text_told(value.method, counts.rule, names=counts.names)
    if reason := _closed(value, told, counts.rule) or amounts_closed(value, counts, of=of):
        empty = dict.fromkeys(("statistic", "p_value", "monte_carlo_error"), NAN)
        return told_as(value, **told, **empty, draws=0, method=_with_reason(method, reason))
    return told_as(
        value,
        **told,
        # All allocations are as many as the sizes of the arms make them.
        draws=0 if value.exact else value.draws,
        statistic=rounded(value.statistic),
        p_value=rounded(value.p_value),
        monte_carlo_error=rounded(value.monte_carlo_error),
        method=method,
    )


def _counts_told(
    outcome: tuple[str, ...],
    arms: tuple[str, ...],
    value: Estimate | SignificanceTest,
    counts: Counts,
) -> dict[str, tuple[Told, ...]]:
    """Tell people, events and missing by arm; people and missing are the analysis set."""
    asked = {"exact": _solvable(value), "keep": value.analysis_set == "itt" and len(outcome) == 1}
    missing = value.missing or (0,) * len(arms)
    for place, (arm, n) in enumerate(zip(arms, value.n, strict=True)):
        people = ("analysed", *outcome, arm), n
        lost = ("missing", *outcome, arm), missing[place]
        if not isinstance(n, Withheld) and not isinstance(lost[1], Withheld):
            name = "level" if len(outcome) > 2 else "people"  # of a subgroup those of its level
            counts.add_up(
                ((name, *outcome[1:], arm), n + lost[1]),
                [people, lost] if value.missing else [people],
            )
        if value.events and value.events[place] <= n:
            events = ("events", *outcome, arm), value.events[place]
            counts.add_up(people, [events], all_of_it=False)
    return {
        "n": tuple(
            counts.tell(("analysed", *outcome, arm), n, **asked)
            for arm, n in zip(arms, value.n, strict=True)
        ),
        "events": tuple(
            counts.tell(("events", *outcome, arm), n, **asked)
            for arm, n in zip(arms, value.events, strict=False)
        ),
        "missing": tuple(
            counts.tell(("missing", *outcome, arm), n, zero=True)
            for arm, n in zip(arms, value.missing, strict=False)
        ),
    }


def _solvable(value: Estimate | SignificanceTest) -> bool:
    """Whether an effect is a function of four counts, which its print gives away."""
    if isinstance(value, SignificanceTest) or not value.events or value.adjusted_for:
        return False
    return value.estimable and value.estimand.startswith(SHARES)


def _tells(
    value: Estimate, outcome: tuple[str, ...], arms: tuple[str, ...], counts: Counts
) -> bool:
    """Whether one of the four counts must not be known exactly."""
    return any(
        counts.is_closed((name, *outcome, arm), count)
        for name, by_arm in (("analysed", value.n), ("events", value.events))
        for arm, count in zip(arms, by_arm, strict=True)
    )


def _closed(
    value: Estimate | SignificanceTest, told: dict[str, tuple[Told, ...]], rule: Disclosure
) -> str:
    """Return why an effect is not told: its width and value would tell how many events there were.

    The variance of a log hazard ratio is near 1/events + 1/events, that of a risk is a function of
    the two counts: neither can be told beside a withheld count.
    """
    if any(isinstance(each, Withheld) for each in (*told["n"], *told["events"])):
        return (
            f"withheld: fewer than {rule.threshold} people or events in an arm, or in another table"
        )
    without = [n - events for n, events in zip(value.n, value.events, strict=False)]
    if any(0 <= each < rule.threshold for each in without):
        return f"withheld: fewer than {rule.threshold} people of an arm did not have the event"
    return ""


def _with_reason(method: str, reason: str) -> str:
    return "; ".join(filter(None, (without_reasons(method), reason)))


def _of_compliers(value: Estimate, counts: Counts) -> str:
    """Return why the effect on compliers is not told: everyone's by the share who complied."""
    if value.estimand.startswith("complier") and counts.hides("received", "as assigned"):
        return "withheld: beside the effect on everyone it would tell how few received another arm"
    return ""


def _numbers(value: Estimate) -> dict[str, float]:
    """Return effect and limits to the decimals that are printed, the rest to two figures."""
    least = 3 if is_share(value) else 2
    numbers = [value.value, value.low, value.high]
    for decimals in range(least, least + 4):
        found = [Rounded.to(each, 10.0**-decimals) for each in numbers]
        # 0.996 is not told as 1: whether the interval holds no effect is the message.
        if not any(
            told == value.null != number for told, number in zip(found, numbers, strict=True)
        ):
            break
    return {
        **dict(zip(("value", "low", "high"), found, strict=True)),
        "p_value": rounded(value.p_value),
        "std_error": rounded(value.std_error),
    }


def share_told(share: float, n: Told, rule: Disclosure) -> float:
    """Return a share no closer than counts are told: a multiple of `round_to` of those told."""
    if isinstance(n, Withheld) or not n or np.isnan(share):
        return NAN
    step = rule.round_to / n
    return min(1.0, float(np.floor(share / step + 0.5) * step))


def rounded(value: float, several: int = FIGURES) -> float:
    """Return a number to so many significant figures."""
    if isinstance(value, Withheld) or not np.isfinite(value) or value == 0:
        return value
    return Rounded.to(float(value), figures(value, several))


def rounded_all(values: FloatArray, several: int = FIGURES) -> FloatArray:
    """Return an array of numbers, each to so many significant figures."""
    flat = [rounded(float(each), several) for each in values.ravel()]
    return floats(flat).reshape(values.shape)
