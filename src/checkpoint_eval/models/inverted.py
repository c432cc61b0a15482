"""Intervals from randomisation tests: the constant effects that the test does not reject."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval._checks import as_names, check_choice, check_count, check_level, check_rng
from checkpoint_eval.models.compared import Compared, not_estimable
from checkpoint_eval.models.logrank_weights import LOG_RANK
from checkpoint_eval.models.redrawn_statistics import (
    DIFFERENCES,
    Codes,
    difference_of,
    inverse_probabilities,
    refuse_unused,
    residuals,
    values_of,
)
from checkpoint_eval.models.rerandomise import censored_early, compared_arms, told_of
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.randomise.redrawing import enumerated, redraw
from checkpoint_eval.results import NAN, Estimate

Difference: TypeAlias = Literal["mean difference", "risk difference", "adjusted difference"]


def randomisation_interval(
    trial: Trial,
    *,
    outcome: str,
    statistic: Difference = "mean difference",
    adjust: str | Sequence[str] = (),
    level: float = 0.95,
    draws: int = 10_000,
    rng: np.random.Generator,
    horizon: float | None = None,
    analysis_set: str = "itt",
) -> Estimate:
    """Return the constant effects that a randomisation test does not reject.

    Parameters
    ----------
    trial : Trial
        Two arms; its own rule is redrawn, as in `randomisation_test`.
    outcome : str
    statistic : {"mean difference", "risk difference", "adjusted difference"}
    adjust : str or sequence of str
        Covariates of the adjusted difference.
    level : float
    draws : int
        Allocations drawn; when the rule has no more than these all are listed.
    rng : numpy.random.Generator
    horizon : float, optional
        When a time-to-event outcome is read as a risk.
    analysis_set : str

    Returns
    -------
    Estimate
        `value` is the effect at which the statistic is 0, `low` and `high` the ends of what a
        two-sided test at 1 − level does not reject; infinite when so few allocations are possible
        or drawn that nothing can be rejected. `p_value` tests an effect of 0.

    Raises
    ------
    TrialError
        As `randomisation_test`.

    Notes
    -----
    Supposes that treatment adds the same to everyone's outcome. Of a binary outcome that can be
    so for an effect of 0 only; the interval is then a rough guide and `risk_difference` better.
    The statistic under an effect τ is linear in τ for every allocation, so the ends follow by
    sorting, without a search. Effects between the ends can be rejected too, where an allocation
    less like the arms than the one seen may be drawn.

    References
    ----------
    Rosenbaum (2002), Observational Studies, section 2.6 (intervals by inversion). Checked against
    a search over effects with the outcomes shifted, by full enumeration.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import load_rossi
    >>> found = randomisation_interval(
    ...     load_rossi(), outcome="rearrest", statistic="risk difference", horizon=52,
    ...     draws=999, rng=np.random.default_rng(1),
    ... )
    >>> round(found.value, 4)
    -0.0833
    """
    check_choice(statistic, "statistic", DIFFERENCES)
    level, draws, rng = check_level(level), check_count(draws, "draws"), check_rng(rng)
    names = as_names(adjust)
    people = compared_arms(trial, outcome, analysis_set, names)
    line = _line(trial, people, statistic, names, horizon)
    drawn = _drawn(trial, people, line, draws=draws, rng=rng)
    method = f"constant effect, {line.told}; inverted randomisation test, {drawn.told}"
    point = NAN if horizon is None else float(horizon)
    reason = censored_early(people, horizon)
    if reason or drawn.seen[1] == 0:
        return not_estimable(
            people,
            estimand="constant effect",
            scale="difference",
            level=level,
            method=method,
            reason=reason or "the covariates tell the arms wholly, or an arm is empty",
            time_point=point,
            adjusted_for=names,
        )
    low, high = _ends(drawn, alpha=1 - level, scale=line.scale)
    few = "; too few allocations to reject every large effect"
    return Estimate(
        estimand="constant effect",
        scale="difference",
        value=drawn.seen[0] / drawn.seen[1],
        low=low,
        high=high,
        level=level,
        p_value=_p_value(drawn, slack=1e-12 * line.scale),
        method=method + (few if np.isinf(low) or np.isinf(high) else ""),
        time_point=point,
        adjusted_for=names,
        **people.labels(np.inf if horizon is None else horizon),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The statistic under an effect τ: that of the outcomes less τ times that of the arms seen.

    Attributes
    ----------
    outcome, arms : callable
        From (b, n) codes to (b,): the statistic of the outcomes, and of the arms seen.
    """

    outcome: Callable[[Codes], FloatArray]
    arms: Callable[[Codes], FloatArray]
    told: str
    scale: float


def _line(
    trial: Trial,
    people: Compared,
    statistic: str,
    adjust: tuple[str, ...],
    horizon: float | None,
) -> Line:
    refuse_unused(statistic, LOG_RANK, adjust, horizon)
    value = values_of(people, statistic, horizon)
    arms = people.arm.astype(np.float64)
    told = statistic
    scale = float(np.abs(value - value.mean()).max())
    if adjust:
        told = f"difference in mean residuals given {', '.join(adjust)}"
        value, arms = (residuals(trial, people, adjust, each) for each in (value, arms))
    inverse, weighted = inverse_probabilities(trial, people)
    return Line(
        outcome=difference_of(value, inverse),
        arms=difference_of(arms, inverse),
        told=told + weighted,
        scale=scale,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """Both parts of the line as seen and in (b,) allocations, each with its weight."""

    seen: tuple[float, float]
    outcome: FloatArray
    arms: FloatArray
    weight: FloatArray
    base: float
    whole: float
    told: str


def _drawn(
    trial: Trial, people: Compared, line: Line, *, draws: int, rng: np.random.Generator
) -> Drawn:
    who = people.people
    codes = people.arm.astype(np.int8)[None, :]
    seen = (float(line.outcome(codes)[0]), float(line.arms(codes)[0]))
    rule = told_of(trial)
    support = enumerated(trial.assignment, limit=draws)
    arm: Iterable[Codes]
    if support is not None:
        arm, weight, base = [support.arm], support.weight, 0.0
        told = f"all {weight.size:,} allocations of {rule}"
    else:
        arm = redraw(trial.assignment, draws=draws, rng=rng)
        weight, base = np.full(draws, 1 / (draws + 1)), 1 / (draws + 1)
        told = f"{draws:,} allocations redrawn by {rule}"
    pairs = [(line.outcome(each[:, who]), line.arms(each[:, who])) for each in arm]
    outcome, arms = (np.concatenate(part) for part in zip(*pairs, strict=True))
    # An allocation that leaves an arm empty has no statistic and counts as never extreme.
    known = np.isfinite(outcome) & np.isfinite(arms)
    return Drawn(
        seen=seen,
        outcome=outcome[known],
        arms=arms[known],
        weight=weight[known],
        base=base,
        whole=base + float(weight.sum()),
        told=told,
    )


def _p_value(drawn: Drawn, *, slack: float) -> float:
    """Return the p-value of an effect of 0."""
    bar = abs(drawn.seen[0]) * (1 - 1e-9) - slack
    extreme = float(drawn.weight[np.abs(drawn.outcome) >= bar].sum())
    return (drawn.base + extreme) / drawn.whole


def _ends(drawn: Drawn, *, alpha: float, scale: float) -> tuple[float, float]:
    """Return the least and greatest effect whose p-value is above alpha.

    The statistic under an effect that is u more than the estimate τ̂ = a₀/b₀ is d − ub with
    d = a − τ̂b, and −ub₀ as seen: an allocation is as extreme where |d − ub| ≥ u|b₀|, which is
    linear in 1/u.
    """
    estimate, speed = drawn.seen[0] / drawn.seen[1], abs(drawn.seen[1])
    gap = drawn.outcome - estimate * drawn.arms
    gap = np.where(np.abs(gap) <= 1e-12 * scale, 0.0, gap)
    above = _furthest(gap, drawn.arms, speed, drawn, alpha)
    below = _furthest(gap, -drawn.arms, speed, drawn, alpha)
    ends = np.array([estimate - below, estimate + above])
    low, high = np.where(np.abs(ends) <= 1e-12 * scale, 0.0, ends).tolist()
    return low, high


def _furthest(gap: FloatArray, arms: FloatArray, speed: float, drawn: Drawn, alpha: float) -> float:
    """Return the greatest u ≥ 0 whose p-value is above alpha.

    An allocation is as extreme up to u = |d| / (b' + |b₀|), with b' = b in the direction of d,
    and again from |d| / (b' − |b₀|) on where b' > |b₀|.
    """
    toward = np.where(gap < 0, -arms, arms)
    size, near = np.abs(gap), 1e-9 * speed
    still = (size == 0) & (np.abs(arms) >= speed - near)
    endless = still | ((size > 0) & (toward + speed <= near))
    again = ~endless & (size > 0) & (toward - speed > near)
    once = ~endless & np.isfinite(size)
    # Going down from the furthest effect, weight joins where an allocation stops being extreme
    # and leaves where it began again; joining comes first where they meet.
    join = size[once] / np.where(size > 0, toward + speed, 1.0)[once]
    leave = size[again] / (toward - speed)[again]
    at = np.concatenate([join, leave])
    change = np.concatenate([drawn.weight[once], -drawn.weight[again]])
    beyond = drawn.base + float(drawn.weight[endless | again].sum())
    bar = alpha * (1 + 1e-9)
    if beyond > bar:
        return np.inf
    order = np.lexsort((change < 0, -at))
    above = np.flatnonzero(beyond + np.cumsum(change[order]) > bar)
    return float(at[order][above[0]]) if above.size else NAN
