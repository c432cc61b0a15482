"""Randomisation tests: how often the rule itself would make a difference this large."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from checkpoint_eval._arrays import BoolArray, FloatArray
from checkpoint_eval._checks import as_names, check_choice, check_count, check_rng, counted
from checkpoint_eval.design.declared import rule_told
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.compared import Compared, compare
from checkpoint_eval.models.logrank_weights import LOG_RANK, Weight
from checkpoint_eval.models.redrawn_statistics import (
    CURVES,
    Codes,
    Measure,
    Own,
    Statistic,
    measure_of,
)
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.randomise.redrawing import enumerated, tail
from checkpoint_eval.results import NAN, SignificanceTest

Alternative: TypeAlias = Literal["two-sided", "less", "greater"]
ALTERNATIVES: tuple[str, ...] = ("two-sided", "less", "greater")


def randomisation_test(  # noqa: PLR0913 - one keyword for each choice a protocol makes
    trial: Trial,
    *,
    outcome: str | Sequence[str],
    statistic: Statistic | Own = "log-rank",
    weight: Weight = LOG_RANK,
    adjust: str | Sequence[str] = (),
    alternative: Alternative = "two-sided",
    draws: int = 10_000,
    rng: np.random.Generator,
    horizon: float | None = None,
    cause: str | None = None,
    analysis_set: str = "itt",
) -> SignificanceTest:
    """Test whether treatment changed anything for anyone, by redrawing the allocation.

    Parameters
    ----------
    trial : Trial
        Two arms. Its own rule is redrawn, with arrival order, strata and factors kept; a trial
        read without one is redrawn by complete randomisation within strata, given the numbers.
    outcome : str or sequence of str
        With several, the largest statistic in size is tested: the log-rank z of times, the
        studentised difference of others; `statistic` is then left out.
    statistic : str or callable
        "log-rank" (z, stratified as the randomisation was), "risk difference", "mean difference"
        (both weighted by one over the chance of the arm where a stated rule varies it),
        "studentised difference", "adjusted difference" (of residuals given `adjust`), "rank sum"
        (difference in mean ranks). Of curves up to a horizon, not weighted: "restricted mean
        difference", "survival difference", "cumulative incidence difference" (Aalen–Johansen),
        "mean events difference" (of repeated events, ∫ dN/Y). Or your own, from (b, n) arm codes
        and the `Compared` people to (b,) numbers.
    weight : Weight
        Of the log-rank statistic.
    adjust : str or sequence of str
        Covariates of the adjusted difference.
    alternative : {"two-sided", "less", "greater"}
        "less": a statistic as low or lower counts.
    draws : int
        Allocations drawn. When the rule has no more than these, all are listed instead: exact.
    rng : numpy.random.Generator
    horizon : float, optional
        When a time-to-event outcome is read as a risk, for which the test is not estimable with
        people censored before it; or of curves, within the follow-up of both arms.
    cause : str, optional
        Whose cumulative incidence; that of the event itself when left out.
    analysis_set : {"itt"} or a named set
        A set by what was received has no randomisation distribution and is refused.

    Returns
    -------
    SignificanceTest
        `statistic` as observed; p = (b + 1) / (draws + 1) with b the draws at least as extreme,
        and its Monte Carlo standard error; or the exact p and an error of 0.

    Raises
    ------
    TrialError
        For more than two arms, a set defined by treatment received, or options not used.
    ImpossibleDesign
        When the stated rule cannot have made the allocation in the stated order, or the horizon
        of a curve is beyond the follow-up of an arm.

    Notes
    -----
    Tests the sharp null that nobody's outcome, nor whether and until when it is known, depends on
    the arm; exact then, whatever the distribution. Everyone randomised is redrawn; those with a
    known outcome enter the statistic. Where a redrawn arm's follow-up ends before the horizon its
    curve is carried forward. A hazard ratio is not offered: the log-rank test is its score test.

    References
    ----------
    Fisher (1935), The Design of Experiments; Phipson and Smyth (2010), eq. 2. Checked against full
    enumeration, R coin, and published examples of Gerber and Green (2012).

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import load_rossi
    >>> test = randomisation_test(
    ...     load_rossi(), outcome="rearrest", draws=999, rng=np.random.default_rng(1)
    ... )
    >>> test.draws
    999
    """
    check_choice(alternative, "alternative", ALTERNATIVES)
    check_count(draws, "draws")
    check_rng(rng)
    parts = [
        _part(trial, name, chosen, weight, as_names(adjust), horizon, cause, analysis_set)
        for name, chosen in _chosen(trial, outcome, statistic)
    ]
    test = _joined(parts, alternative)
    tested = _tested(trial, test, alternative, draws=draws, rng=rng)
    people = parts[0].people
    several = len(parts) > 1
    until = horizon if horizon is not None else np.inf
    return SignificanceTest(
        test=f"randomisation test ({'maximum' if several else name_of(statistic)})",
        outcome=", ".join(part.people.outcome for part in parts),
        analysis_set=analysis_set,
        arms=people.arms,
        statistic=test.observed,
        p_value=tested.p_value,
        method=f"{test.told}; {tested.told}",
        n=trial_counts(trial, analysis_set) if several else people.n,
        events=() if several else people.events(until),
        missing=() if several else people.missing,
        draws=tested.draws,
        monte_carlo_error=tested.error,
        exact=tested.exact,
        time_point=NAN if horizon is None else float(horizon),
        unit=people.unit,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One outcome's people, statistic and observed value; `reason` when there is none."""

    people: Compared
    measure: Measure
    observed: float
    reason: str = ""


def _chosen(
    trial: Trial, outcome: str | Sequence[str], statistic: Statistic | Own
) -> list[tuple[str, Statistic | Own]]:
    """Return each outcome with its statistic."""
    if isinstance(outcome, str) or not isinstance(outcome, Sequence):
        return [(outcome, statistic)]
    names = as_names(outcome)
    if len(names) < 2 or statistic != "log-rank":
        raise TrialError(
            "With several outcomes the largest standardised statistic is tested: name two or more "
            f"and leave `statistic` out, got {len(names)} and {statistic!r}."
        )
    timed = [hasattr(trial.outcome(name), "time") for name in names]
    return [
        (name, "log-rank" if time else "studentised difference")
        for name, time in zip(names, timed, strict=True)
    ]


def _part(
    trial: Trial,
    outcome: str,
    statistic: Statistic | Own,
    weight: Weight,
    adjust: tuple[str, ...],
    horizon: float | None,
    cause: str | None,
    analysis_set: str,
) -> Part:
    people = compared_arms(trial, outcome, analysis_set, adjust)
    measure = measure_of(
        trial,
        people,
        statistic=statistic,
        weight=weight,
        adjust=adjust,
        horizon=horizon,
        cause=cause,
    )
    reason = "" if statistic in CURVES else censored_early(people, horizon)
    observed = NAN if reason else float(measure.of(people.arm.astype(np.int8)[None, :])[0])
    if np.isnan(observed) and not reason:
        reason = measure.without
    return Part(people=people, measure=measure, observed=observed, reason=reason)


def compared_arms(
    trial: Trial, outcome: str, analysis_set: str, complete: tuple[str, ...]
) -> Compared:
    """Return the people compared, refusing what has no randomisation distribution of two arms."""
    people = compare(
        trial,
        outcome=outcome,
        analysis_set=analysis_set,
        kind="any",
        every_arm=True,
        complete=complete,
    )
    if len(people.arms) != 2:
        raise TrialError(
            f"`randomisation_test` compares two arms, the trial has {len(people.arms)}; read two "
            "of them as a trial of their own."
        )
    if people.analysis_set in ("as-treated", "per-protocol"):
        raise TrialError(
            f"Analysis set {people.analysis_set!r} depends on what was received, which the rule "
            "did not draw; use 'itt' or a set fixed before randomisation."
        )
    return people


def censored_early(people: Compared, horizon: float | None) -> str:
    """Return why a risk cannot be compared: people whose status at the horizon is unknown."""
    if horizon is None or not people.time.size:
        return ""
    early = people.censored_before(horizon)
    told = counted(early, "person is", "people are")
    return f"{told} censored earlier, so their risk is unknown" if early else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The statistic of the whole test, of allocations of everyone randomised."""

    of: Callable[[Codes], FloatArray]
    observed: float
    slack: float
    told: str
    reason: str = ""


def _joined(parts: Sequence[Part], alternative: Alternative) -> Joined:
    """Return the one statistic, or the largest in size of several."""
    if len(parts) > 1 and alternative != "two-sided":
        raise TrialError("The largest of several statistics is two-sided; leave `alternative` out.")
    reason = "; ".join(part.reason for part in parts if part.reason)

    def of(codes: Codes) -> FloatArray:
        each = [part.measure.of(codes[:, part.people.people]) for part in parts]
        return each[0] if len(each) == 1 else np.nanmax(np.abs(_no_nan(np.stack(each))), axis=0)

    observed = [part.observed for part in parts]
    largest = observed[0] if len(parts) == 1 else float(np.abs(observed).max())
    told = parts[0].measure.told
    if len(parts) > 1:
        each = (f"{part.measure.told} of {part.people.outcome}" for part in parts)
        told = f"largest in size of {', '.join(each)}"
    return Joined(
        of=of,
        observed=largest,
        # A draw that ties with the observed statistic must count though rounding differs.
        slack=0.0
        if np.isinf(largest)
        else 1e-9 * abs(largest) + 1e-12 * max(part.measure.scale for part in parts),
        told=told,
        reason=reason,
    )


def _no_nan(values: FloatArray) -> FloatArray:
    """Return 0 for a draw that leaves no variance: it says nothing against the null."""
    return np.where(np.isnan(values), 0.0, values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What redrawing gave."""

    p_value: float
    error: float
    draws: int
    told: str
    exact: bool = False


def _tested(
    trial: Trial,
    test: Joined,
    alternative: Alternative,
    *,
    draws: int,
    rng: np.random.Generator,
) -> Tested:
    rule = told_of(trial)
    support = enumerated(trial.assignment, limit=draws)
    made = draws if support is None else support.weight.size
    told = f"{made:,} allocations redrawn by {rule}; {alternative} (b + 1)/(B + 1)"
    if support is not None:
        told = f"all {made:,} allocations of {rule}; {alternative}, exact"
    if np.isnan(test.observed):
        return Tested(
            p_value=NAN, error=NAN, draws=made, told=f"{told}; not estimable: {test.reason}"
        )
    if support is not None:
        extreme = _extreme(test, test.of(support.arm), alternative)
        p_value = float(support.weight[extreme].sum()) / float(support.weight.sum())
        return Tested(p_value=p_value, error=0.0, draws=made, told=told, exact=True)
    found = tail(
        trial.assignment,
        lambda codes: _extreme(test, test.of(codes), alternative),
        draws=draws,
        rng=rng,
    )
    return Tested(p_value=found.p_value, error=found.error, draws=draws, told=told)


def _extreme(test: Joined, values: FloatArray, alternative: Alternative) -> BoolArray:
    if alternative == "two-sided":
        return np.abs(_no_nan(values)) >= abs(test.observed) - test.slack
    if alternative == "less":
        return np.where(np.isnan(values), np.inf, values) <= test.observed + test.slack
    return np.where(np.isnan(values), -np.inf, values) >= test.observed - test.slack


def name_of(statistic: Statistic | Own) -> str:
    """Return what a statistic is called in a result's name."""
    return statistic if isinstance(statistic, str) else "own statistic"


def told_of(trial: Trial) -> str:
    """Return what the rule that is redrawn is called."""
    if trial.assignment.rule is not None:
        return rule_told(trial.assignment.rule)
    strata = trial.assignment.stratified_by
    return "complete randomisation" + (f" within {', '.join(strata)}" if strata else "")


def trial_counts(trial: Trial, analysis_set: str) -> tuple[int, ...]:
    """Return the people of an analysis set by arm."""
    arm = trial.arm_in(analysis_set)
    return tuple(int((arm == code).sum()) for code in range(len(trial.arms)))
