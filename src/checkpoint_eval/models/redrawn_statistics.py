"""Statistics of many allocations at once, for tests that redraw the allocation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from scipy.stats import rankdata

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import check_choice
from checkpoint_eval.design.allocation import SupportTooLarge
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.compared import Compared, strata_of
from checkpoint_eval.models.design_matrix import indicators
from checkpoint_eval.models.event_tables import event_table
from checkpoint_eval.models.logrank_weights import LOG_RANK, Weight, check_weight
from checkpoint_eval.models.resampled_arms import contrast_of_curves
from checkpoint_eval.models.resampled_people import check_cause, held_to_shape, told_of
from checkpoint_eval.models.resampled_tallies import (
    Codes as Codes,
)  # for whoever writes a statistic
from checkpoint_eval.models.survival import survival_at
from checkpoint_eval.models.weighted_logrank import NO_VARIANCE
from checkpoint_eval.outcomes.trial import Trial

Own: TypeAlias = Callable[[Codes, Compared], FloatArray]
Statistic: TypeAlias = Literal[
    "log-rank",
    "risk difference",
    "mean difference",
    "studentised difference",
    "adjusted difference",
    "rank sum",
    "restricted mean difference",
    "survival difference",
    "cumulative incidence difference",
    "mean events difference",
]
STATISTICS: tuple[str, ...] = get_args(Statistic)
# Read off curves of each arm, which know of censoring.
CURVES: tuple[str, ...] = STATISTICS[-4:]
DIFFERENCES: tuple[str, ...] = ("risk difference", "mean difference", "adjusted difference")

# People times draws worked on at once: few enough for a processor's cache.
BLOCK_CELLS = 250_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A statistic of (b, n) arm codes of the people compared.

    Attributes
    ----------
    of : callable
        From (b, n) codes to (b,) statistics, NaN where there is none.
    told : str
        What results call it.
    scale : float
        The size of what it adds up; rounding is judged by it.
    without : str
        Why there is no statistic where there is none.
    """

    of: Callable[[Codes], FloatArray]
    told: str
    scale: float = 1.0
    without: str = "an arm is empty, or within the arms nothing varies"


def measure_of(
    trial: Trial,
    people: Compared,
    *,
    statistic: Statistic | Own,
    weight: Weight = LOG_RANK,
    adjust: Sequence[str] = (),
    horizon: float | None = None,
    cause: str | None = None,
) -> Measure:
    """Return the statistic of a test, refusing options that it would not use."""
    check_cause(statistic, cause)
    if callable(statistic):
        refuse_unused(statistic, weight, adjust, horizon)
        return Measure(
            of=_checked(statistic, people),
            told=told_of(statistic, people, cause),
            without="`statistic` gave no number for the arms as they were",
        )
    check_choice(statistic, "statistic", STATISTICS)
    refuse_unused(statistic, weight, adjust, horizon)
    if statistic == "log-rank":
        return _logrank(trial, people, weight)
    if statistic in CURVES:
        return _curves(trial, people, statistic, horizon, cause)
    value = values_of(people, statistic, horizon)
    if statistic == "rank sum":
        return Measure(of=difference_of(rankdata(value)), told=statistic)
    if statistic == "studentised difference":
        many = studentised_many(_centred(value)[:, None])
        return Measure(of=lambda codes: many(codes)[:, 0], told=statistic)
    told: str = statistic
    scale = float(np.abs(_centred(value)).max())  # before covariates may explain it all
    if statistic == "adjusted difference":
        value = residuals(trial, people, adjust, value)
        told = f"difference in mean residuals given {', '.join(adjust)}"
    inverse, weighted = inverse_probabilities(trial, people)
    return Measure(
        of=difference_of(value, inverse),
        told=told + weighted,
        scale=scale,
    )


def refuse_unused(
    statistic: object,
    weight: Weight,
    adjust: Sequence[str],
    horizon: float | None,
) -> None:
    """Refuse options that the statistic would not use."""
    check_weight(weight)
    name = statistic if isinstance(statistic, str) else "of your own"
    if weight != LOG_RANK and name != "log-rank":
        raise TrialError(f"`weight` is for statistic='log-rank'; leave it out for {name!r}.")
    if bool(adjust) != (name == "adjusted difference"):
        remedy = "name covariates in it" if not adjust else f"leave it out for {name!r}"
        raise TrialError(f"`adjust` belongs to statistic='adjusted difference'; {remedy}.")
    if horizon is not None and name == "log-rank":
        raise TrialError(
            f"`horizon` is {horizon!r}, but the log-rank statistic uses all of follow-up; "
            "leave it out, or use statistic='risk difference'."
        )
    if horizon is not None and not isinstance(statistic, str):
        raise TrialError("`horizon` is not given to a statistic of your own; leave it out.")


def _checked(statistic: Own, people: Compared) -> Callable[[Codes], FloatArray]:
    """Call a user's statistic and hold it to its shape."""

    def measure(codes: Codes) -> FloatArray:
        seen = codes.view()
        seen.setflags(write=False)  # a statistic looks and does not touch
        return held_to_shape(statistic(seen, people), codes.shape[0], "an allocation")

    return measure


def values_of(people: Compared, statistic: str, horizon: float | None) -> FloatArray:
    """Return (n,) numbers to compare: as measured, or 1 for those with the event by the horizon."""
    timed = bool(people.time.size)
    if timed and statistic == "rank sum":
        raise TrialError(
            f"Outcome {people.outcome!r} is a time that may be censored, which has no rank; use "
            "statistic='log-rank', which compares ranks of times that may be censored."
        )
    if horizon is not None and not timed:
        raise TrialError(
            f"`horizon` is {horizon!r}, but outcome {people.outcome!r} is read once; leave it out."
        )
    if timed:
        if horizon is None:
            raise TrialError(
                f"`horizon` is needed to read {people.outcome!r} as a risk: by how many "
                f"{people.unit}?"
            )
        survival_at(people, at=horizon, name="horizon")
        return people.event_by(horizon).astype(np.float64)
    if people.value.size and statistic == "risk difference":
        raise TrialError(
            f"Outcome {people.outcome!r} is a number; use statistic='mean difference'."
        )
    return people.value if people.value.size else people.event.astype(np.float64)


def residuals(
    trial: Trial, people: Compared, adjust: Sequence[str], value: FloatArray
) -> FloatArray:
    """Return what least squares on the covariates, blind to the arms, leaves of the values."""
    columns = [np.ones(value.size)]
    for covariate in people.columns(trial, adjust):
        columns += indicators(covariate)[1]
    matrix = np.stack(columns, axis=1)
    fitted = np.linalg.lstsq(matrix, value, rcond=None)[0]
    left = value - matrix @ fitted
    # What is rounding only is nothing: else allocations that tie would be told apart by it.
    return floats(np.where(np.abs(left) <= 1e-12 * np.abs(value).max(initial=0.0), 0.0, left))


def inverse_probabilities(trial: Trial, people: Compared) -> tuple[FloatArray | None, str]:
    """Return (2, n) one over each person's chance of each arm, where a stated rule varies it."""
    assignment = trial.assignment
    if assignment.rule is None:
        return None, ""
    try:
        rule, in_order = assignment.redrawn_by()
        chance = np.empty((assignment.n, rule.n_arms))
        chance[assignment.order] = rule.probabilities(in_order)
    except SupportTooLarge:
        return None, ", not weighted, as people's chances under the rule cannot be listed"
    chance = chance[people.people].T
    if np.allclose(chance, chance[:, :1], rtol=1e-9, atol=0):
        return None, ""
    if not (chance > 0).all():
        raise TrialError(
            "Some people could only be given one arm, so no difference between arms tells of "
            "them; leave them out of the analysis set."
        )
    return 1 / chance, ", weighted by one over the chance of the arm"


def _centred(value: FloatArray) -> FloatArray:
    return floats(value - value.mean())


def in_blocks(
    statistics: Callable[[Codes], FloatArray], people: int
) -> Callable[[Codes], FloatArray]:
    """Return a statistic of (b, n) codes that is asked for some of them at a time."""
    size = max(1, BLOCK_CELLS // people)

    def all_blocks(codes: Codes) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.concatenate(
                [statistics(codes[at : at + size]) for at in range(0, codes.shape[0], size)]
            )

    return all_blocks


def difference_of(
    value: FloatArray, inverse: FloatArray | None = None
) -> Callable[[Codes], FloatArray]:
    """Return a function from (b, n) arm codes to (b,) differences in means.

    Weighted means by one over the chance of each arm, `inverse` (2, n), where it is given.
    """
    value = _centred(value)
    control, treatment = np.ones((2, value.size)) if inverse is None else inverse
    up, down = np.stack([treatment * value, treatment], 1), np.stack([control * value, control], 1)
    everyone = down.sum(axis=0)

    def statistics(codes: Codes) -> FloatArray:
        given = codes.astype(np.float64)
        treated, rest = given @ up, everyone - given @ down
        return floats(treated[:, 0] / treated[:, 1] - rest[:, 0] / rest[:, 1])

    return in_blocks(statistics, value.size)


def studentised_many(value: FloatArray) -> Callable[[Codes], FloatArray]:
    """Return a function from (b, n) arm codes to (b, m) Welch t of (n, m) values, NaN for nobody.

    Treatment less control; one matrix product a block of draws; NaN where an arm is empty or
    nothing varies.
    """
    m, inside = value.shape[1], ~np.isnan(value)
    filled = np.where(inside, value, 0.0)
    sums = np.hstack([inside.astype(np.float64), filled, filled**2])
    everyone = sums.sum(axis=0).reshape(3, m)

    def moments(total: FloatArray) -> tuple[FloatArray, FloatArray]:
        n, first, second = (total[..., row, :] for row in range(3))
        # One person has no variance, whatever rounding makes of it.
        return first / n, np.where(n > 1, (second - first**2 / n) / (n - 1) / n, np.nan)

    def block(codes: Codes) -> FloatArray:
        treated = (codes.astype(np.float64) @ sums).reshape(-1, 3, m)
        mean1, error1 = moments(treated)
        mean0, error0 = moments(everyone - treated)
        squared, gap = error1 + error0, mean1 - mean0
        size = everyone[2] / np.maximum(everyone[0], 1) ** 2
        none = ~(squared > 1e-14 * size)
        # Arms without spread are infinitely far apart, unless their means are the same.
        apart = np.abs(gap) > 1e-7 * np.sqrt(size * everyone[0])
        without = np.where(apart & (squared == squared), np.copysign(np.inf, gap), np.nan)
        return np.where(none, without, gap / np.sqrt(np.where(none, 1.0, squared)))

    return in_blocks(block, value.shape[0])


def _curves(
    trial: Trial, people: Compared, statistic: str, horizon: float | None, cause: str | None
) -> Measure:
    of, when = contrast_of_curves(trial, people, statistic=statistic, horizon=horizon, cause=cause)
    return Measure(
        of=in_blocks(of, people.people.size),
        told=f"{told_of(statistic, people, cause)} to {when:g} {people.unit}",
        scale=when if statistic.startswith("restricted") else 1.0,
        without="an arm is empty",
    )


def _logrank(trial: Trial, people: Compared, weight: Weight) -> Measure:
    if not people.time.size:
        other = "mean difference" if people.value.size else "risk difference"
        kind = "a number" if people.value.size else "binary"
        raise TrialError(f"Outcome {people.outcome!r} is {kind}; use statistic={other!r}.")
    stratum, _ = strata_of(trial, people, None)
    told = "log-rank"
    if weight != LOG_RANK:
        told = f"{weight.told} log-rank"
    return Measure(of=logrank_many(people, stratum, weight), told=told, without=NO_VARIANCE)


def logrank_many(
    people: Compared, strata: IntArray | None, weight: Weight = LOG_RANK
) -> Callable[[Codes], FloatArray]:
    """Return a function from (b, n) arm codes to (b,) log-rank statistics.

    Who is at risk and who has the event does not depend on the allocation, nor does the weight of
    a time: with people in order of stratum and falling time, the treated at risk at an event time
    are one running sum.
    """
    stratum = np.zeros(people.time.size, dtype=np.int64) if strata is None else strata
    s = int(stratum.max(initial=0)) + 1
    pooled = event_table(people.time, people.event, stratum, groups=s)
    cells = np.nonzero(pooled.events)
    r, d = pooled.at_risk[cells], pooled.events[cells]
    w = np.broadcast_to(
        weight.weights(floats(pooled.at_risk), floats(pooled.events), pooled.time),
        pooled.events.shape,
    )[cells]
    tie = w**2 * d * (r - d) / np.maximum(r - 1, 1)
    order = np.lexsort((-people.time, stratum))
    before = np.concatenate([[0], np.cumsum(np.bincount(stratum, minlength=s))])[cells[0]]
    event = _weights_of_events(people, stratum, pooled.time, cells, w)
    exact = weight == LOG_RANK  # whole numbers below 2**24 are exact as 32-bit floats
    counted = event.astype(np.float32 if exact else np.float64)

    def statistics(codes: Codes) -> FloatArray:
        running = np.zeros((codes.shape[0], people.time.size + 1), dtype=np.int32, order="F")
        np.cumsum(codes[:, order], axis=1, out=running[:, 1:])
        share = (running[:, before + r] - running[:, before]) / r
        treated = floats(codes.astype(counted.dtype) @ counted)
        difference = treated - share @ (w * d)
        variance = (share * (1 - share)) @ tie
        return np.where(variance > 0, difference / np.sqrt(variance), np.nan)

    return in_blocks(statistics, people.time.size)


def _weights_of_events(
    people: Compared,
    stratum: IntArray,
    times: FloatArray,
    cells: tuple[IntArray, ...],
    weights: FloatArray,
) -> FloatArray:
    """Return (n,) the weight of each person's event time, 0 for those censored."""
    table = np.zeros((int(stratum.max(initial=0)) + 1, times.size))
    table[cells] = weights
    place = np.minimum(np.searchsorted(times, people.time), times.size - 1)
    return np.where(people.event, table[stratum, place], 0.0)
