"""Bootstrap intervals of what is read off an event table, all draws at once."""

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import (
    check_choice,
    check_count,
    check_level,
    check_positive,
    check_rng,
)
from checkpoint_eval._times import nearest_tie
from checkpoint_eval.models.compared import Compared, compare, not_estimable
from checkpoint_eval.models.event_tables import EventTable, reverse_cumsum
from checkpoint_eval.models.restricted_means import restricted_mean_of
from checkpoint_eval.models.survival import check_follow_up, kaplan_meier
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate

Statistic = Literal[
    "restricted mean difference", "restricted mean ratio", "survival difference", "risk ratio"
]
STATISTICS: tuple[str, ...] = (
    *("restricted mean difference", "restricted mean ratio", "survival difference", "risk ratio"),
)
CELLS = 2_000_000  # of event tables made at once


def bootstrap_interval(  # noqa: PLR0913 - one keyword for each choice an analysis makes
    trial: Trial,
    *,
    outcome: str,
    horizon: float,
    statistic: Statistic = "restricted mean difference",
    interval: Literal["bca", "percentile"] = "bca",
    level: float = 0.95,
    draws: int = 2_000,
    rng: np.random.Generator,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate a comparison of survival with a bootstrap interval.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A time-to-event outcome.
    horizon : float
        In the outcome's unit; within the follow-up of both arms.
    statistic : {"restricted mean difference", "restricted mean ratio", "survival difference", \
"risk ratio"}
    interval : {"bca", "percentile"}
        BCa is corrected for bias and skewness.
    level : float
    draws : int
    rng : numpy.random.Generator
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Estimate
        `std_error` is the SD of the draws, of the logarithm for ratios; `p_value` the smallest
        alpha whose interval of the same kind leaves out no effect, and at least 2/(draws + 1).

    Raises
    ------
    ImpossibleDesign
        When the horizon is beyond the follow-up of an arm.

    Notes
    -----
    People are drawn with replacement within each arm. In a draw whose follow-up ends before the
    horizon survival is carried forward.

    References
    ----------
    Efron (1987), JASA 82, 171-185. Checked against draws one by one, scipy's bootstrap on
    uncensored means, and coverage in tests/recovery.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import load_rossi
    >>> found = bootstrap_interval(
    ...     load_rossi(), outcome="rearrest", horizon=52, rng=np.random.default_rng(1)
    ... )
    >>> round(found.value, 4)
    2.0417
    """
    check_choice(statistic, "statistic", STATISTICS)
    check_choice(interval, "interval", ("bca", "percentile"))
    check_level(level)
    check_count(draws, "draws", least=100)
    check_rng(rng)
    people = compare(trial, outcome=outcome, analysis_set=analysis_set, kind="time", arm=arm)
    table = people.table()
    when = nearest_tie(check_positive(horizon, "horizon"), table.time)
    check_follow_up(people, table, kaplan_meier(table), horizon=when, name="horizon")
    measure = _measure(statistic, when)
    value = float(measure(table))
    drawn = np.concatenate([measure(part) for part in _resampled(people, table, draws, rng)])
    known = drawn[np.isfinite(drawn)]
    shift = skew = 0.0
    if interval == "bca" and known.size and np.isfinite(value):
        shift, skew = _corrections(people, table, measure, value, known)
    return _estimate(
        people,
        value,
        known,
        (shift, skew),
        statistic=statistic,
        level=level,
        lost=draws - known.size,
        told=f"{statistic} to {when:g} {people.unit}; {interval} bootstrap, {draws:,} draws "
        "within arms",
        when=when,
    )


def _estimate(
    people: Compared,
    value: float,
    drawn: FloatArray,
    corrections: tuple[float, float],
    *,
    statistic: str,
    level: float,
    lost: int,
    told: str,
    when: float,
) -> Estimate:
    """Return the estimate, or why there is none."""
    ratio = statistic.endswith("ratio")
    scale: Literal["difference", "ratio"] = "ratio" if ratio else "difference"
    method = told + (f" ({lost:,} not estimable left out)" if lost else "")
    if not np.isfinite(value) or drawn.size <= lost or np.ptp(drawn) == 0:
        return not_estimable(
            people,
            estimand=statistic,
            scale=scale,
            level=level,
            method=method,
            reason="the draws do not vary, or most have no value",
            time_point=when,
        )
    low, high = np.quantile(drawn, _shares(level, *corrections)).tolist()
    spread = np.log(drawn[drawn > 0]) if ratio else drawn
    return Estimate(
        estimand=statistic,
        scale=scale,
        value=value,
        low=min(low, value),
        high=max(high, value),
        level=level,
        p_value=_p_value(drawn, 1.0 if ratio else 0.0, *corrections),
        std_error=float(spread.std(ddof=1)) if spread.size > 1 else NAN,
        method=method,
        time_point=when,
        **people.labels(when),
    )


def _measure(statistic: str, horizon: float) -> Callable[[EventTable], FloatArray]:
    """Return what takes event tables (..., 2, m) to (...) numbers."""

    def survival(table: EventTable) -> FloatArray:
        last = int(np.searchsorted(table.time, horizon, side="right")) - 1
        if last < 0:
            return np.ones(table.at_risk.shape[:-1])
        return kaplan_meier(table).survival[..., last]

    def measured(table: EventTable) -> FloatArray:
        if statistic.startswith("restricted"):
            mean = restricted_mean_of(table, horizon=horizon).mean
        else:
            mean = survival(table)
            mean = 1 - mean if statistic == "risk ratio" else mean
        if statistic.endswith("difference"):
            return floats(mean[..., 1] - mean[..., 0])
        with np.errstate(divide="ignore", invalid="ignore"):
            return floats(np.where(mean[..., 0] > 0, mean[..., 1] / mean[..., 0], np.nan))

    return measured


def _tables(counts: IntArray, time: FloatArray) -> EventTable:
    """Return event tables of (b, 2, m, 2) people censored and with the event at each time."""
    events = counts[..., 1]
    return EventTable(time=time, at_risk=reverse_cumsum(counts.sum(axis=-1)), events=events)


def _resampled(
    people: Compared, table: EventTable, draws: int, rng: np.random.Generator
) -> Iterator[EventTable]:
    """Yield event tables of people drawn with replacement within each arm."""
    m = table.time.size
    place = np.searchsorted(table.time, people.time)
    cell = 2 * np.minimum(place, m - 1) + people.event
    arms = [cell[people.arm == code] for code in range(2)]
    size = max(1, CELLS // max(4 * m, people.time.size))
    for at in range(0, draws, size):
        b = min(size, draws - at)
        counts = np.empty((b, 2, 2 * m), dtype=np.int64)
        rows = np.arange(b)[:, None] * (2 * m)
        for code, own in enumerate(arms):
            chosen = own[rng.integers(0, own.size, (b, own.size), dtype=np.int32)]
            chosen += rows
            counts[:, code] = np.bincount(chosen.ravel(), minlength=b * 2 * m).reshape(b, 2 * m)
        yield _tables(counts.reshape(b, 2, m, 2), table.time)


def _corrections(
    people: Compared,
    table: EventTable,
    measure: Callable[[EventTable], FloatArray],
    value: float,
    drawn: FloatArray,
) -> tuple[float, float]:
    """Return BCa's bias correction and acceleration; the jack-knife leaves out each kind of person.

    People of one arm, time and event are alike, so each kind is left out once and weighted.
    """
    below = (np.count_nonzero(drawn < value) + np.count_nonzero(drawn == value) / 2) / drawn.size
    shift = float(ndtri(np.clip(below, 1 / (2 * drawn.size), 1 - 1 / (2 * drawn.size))))
    m = table.time.size
    whole = np.stack([table.ended - table.events, table.events], axis=-1)
    kinds = np.argwhere(whole > 0)
    number = whole[tuple(kinds.T)]
    n = np.bincount(people.arm, minlength=2)
    influence = np.empty(kinds.shape[0])
    size = max(1, CELLS // (4 * m))
    for at in range(0, kinds.shape[0], size):
        some = kinds[at : at + size]
        counts = np.repeat(whole[None], some.shape[0], axis=0)
        counts[(np.arange(some.shape[0]), *some.T)] -= 1
        influence[at : at + size] = measure(_tables(counts, table.time))
    for code in range(2):  # each arm about its own mean, by its own size
        own = kinds[:, 0] == code
        mean = np.average(influence[own], weights=number[own])
        influence[own] = (mean - influence[own]) * (n[code] - 1) / n[code]
    influence = np.nan_to_num(influence)
    square = float((number * influence**2).sum())
    cube = float((number * influence**3).sum())
    return shift, cube / (6 * square**1.5) if square > 0 else 0.0


def _shares(level: float, shift: float, skew: float) -> FloatArray:
    """Return the shares of the draws at which the interval ends."""
    z = ndtri(np.array([0.5 - level / 2, 0.5 + level / 2])) + shift
    return floats(ndtr(shift + z / (1 - skew * z)))


def _p_value(drawn: FloatArray, null: float, shift: float, skew: float) -> float:
    """Return the smallest alpha whose interval leaves out the null: BCa's shares turned round."""
    below = (np.count_nonzero(drawn < null) + np.count_nonzero(drawn == null) / 2) / drawn.size
    least = 1 / (drawn.size + 1)
    w = float(ndtri(np.clip(below, least, 1 - least))) - shift
    z = w / (1 + skew * w) - shift
    return float(np.clip(2 * ndtr(-abs(z)), 2 * least, 1.0))
