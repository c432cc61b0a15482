"""Bootstrap intervals: people drawn again within each arm, all draws at once."""

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
from scipy.special import ndtr, ndtri

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import check_choice, check_count, check_level, check_rng
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.amounts import amounts
from checkpoint_eval.models.compared import Compared, compare, not_estimable, strata_of
from checkpoint_eval.models.event_tables import EventTable
from checkpoint_eval.models.recurrent import rows_of, with_events
from checkpoint_eval.models.resampled_numbers import Numbers
from checkpoint_eval.models.resampled_people import (
    MEANS,
    check_cause,
    check_horizon,
    check_outcome,
    counts_repeats,
    ends_of,
    everyones_intervals,
    held_to_shape,
    told_of,
)
from checkpoint_eval.models.resampled_statistics import (
    Joint,
    event_tables_of,
    hazard_ratios,
    summary_of,
)
from checkpoint_eval.models.resampled_tallies import Cells, Intervals, Tally, cells_of
from checkpoint_eval.models.resampled_values import Arm, Resampled
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate

Statistic: TypeAlias = Literal[
    "restricted mean difference",
    "restricted mean ratio",
    "restricted mean lost ratio",
    "survival difference",
    "risk ratio",
    "median difference",
    "hazard ratio",
    "cumulative incidence difference",
    "mean events difference",
    "mean events ratio",
    "mean difference",
    "mean ratio",
]
Own: TypeAlias = Callable[[EventTable], FloatArray]
STATISTICS: tuple[str, ...] = get_args(Statistic)
UNTIL_THE_END = ("median difference", "hazard ratio", *MEANS)
ROUNDING = 1e-10  # of sums and products of a few hundred fractions


NAMES = {"bca": "BCa", "percentile": "percentile"}


def bootstrap_interval(  # noqa: PLR0913 - one keyword for each choice an analysis makes
    trial: Trial,
    *,
    outcome: str,
    horizon: float | None = None,
    statistic: Statistic | Own = "restricted mean difference",
    cause: str | None = None,
    interval: Literal["bca", "percentile"] = "bca",
    level: float = 0.95,
    draws: int = 2_000,
    rng: np.random.Generator,
    strata: str | Sequence[str] | None = (),
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate a comparison of two arms with a bootstrap interval.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A time-to-event outcome; of repeated events for the mean events; a number for the means.
    horizon : float, optional
        In the outcome's unit; within the follow-up of both arms. Needed, but for the median, the
        hazard ratio and a statistic of your own, which use all of follow-up, and for means.
    statistic : str or callable
        "restricted mean difference", "restricted mean ratio", "restricted mean lost ratio" (of the
        times lost to the event); "survival difference", "risk ratio" (one less survival);
        "median difference" (times of `survival_quantiles`); "hazard ratio" (Cox, unstratified,
        Breslow ties); "cumulative incidence difference"; "mean events difference", "mean events
        ratio"; of numbers, such as harm days, "mean difference" and "mean ratio". Or your own,
        from an `EventTable` with counts (b, 2, m), control first, to (b,) numbers that are 0 when
        the arms are alike.
    cause : str, optional
        Whose cumulative incidence; that of the event itself when left out.
    interval : {"bca", "percentile"}
        BCa is corrected for bias and skewness.
    level : float
    draws : int
    rng : numpy.random.Generator
        Spawned once for each arm and stratum.
    strata : str or sequence of str, optional
        People are drawn within arms and within these columns too; the statistic stays the same.
        Default: within arms alone. None means the strata of the randomisation.
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Estimate
        `std_error` is the SD of the draws, of the logarithm for ratios; `p_value` the smallest
        alpha whose interval of the same kind leaves out no effect, and at least 2/(draws + 1).
        Draws without a value, such as a median not reached, are left out and counted in `method`.

    Raises
    ------
    ImpossibleDesign
        When the horizon is beyond the follow-up of an arm.
    TrialError
        When the statistic is not of this kind of outcome, or an option is not used.

    Notes
    -----
    People are drawn with replacement within each arm, all intervals of a person together. In a
    draw whose follow-up ends before the horizon survival is carried forward. BCa leaves out each
    person in turn, within their arm and stratum.

    A log-rank statistic is none of these: it is no estimate; see `randomisation_test`.

    References
    ----------
    Efron (1987), JASA 82, 171-185. Checked against every draw made again person by person, R boot
    and scipy's bootstrap on uncensored means.

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
    check_choice(interval, "interval", NAMES)
    check_level(level)
    check_count(draws, "draws", least=100)
    check_rng(rng)
    if not callable(statistic):
        check_choice(statistic, "statistic", STATISTICS)
    check_outcome(trial, outcome, statistic)
    check_cause(statistic, cause)
    repeated = counts_repeats(statistic)
    people = _people(trial, outcome, statistic, analysis_set=analysis_set, arm=arm)
    kinds = ends_of(trial, people, statistic, cause)
    when = _until(trial, people, statistic, kinds, horizon)
    stratum, _ = strata_of(trial, people, strata)
    resampled = _resampled(trial, people, statistic, kinds, until=when, stratum=stratum)
    value, drawn = resampled.value(), resampled.drawn(draws, rng)
    known = drawn[np.isfinite(drawn)]
    corrections = 0.0, 0.0
    if interval == "bca" and known.size and np.isfinite(value):
        corrections = _bias(known, value), _acceleration(resampled)
    name = told_of(statistic, people, cause)
    told = name if when == np.inf else f"{name} to {when:g} {people.unit}"
    within = "arms" if stratum is None else "arms and strata"
    found = _estimate(
        people,
        value,
        drawn,
        corrections,
        estimand=name,
        ratio=isinstance(statistic, str) and statistic.endswith("ratio"),
        level=level,
        told=f"{told}; {NAMES[interval]} bootstrap, {draws:,} draws within {within}",
        when=NAN if when == np.inf else when,
    )
    return with_events(found, people, rows_of(trial, people), when) if repeated else found


def _people(
    trial: Trial, outcome: str, statistic: Statistic | Own, *, analysis_set: str, arm: str | None
) -> Compared:
    """Return who is compared; a ratio of means is of numbers of at least 0."""
    if statistic in MEANS:
        negative = statistic == "mean difference"
        return amounts(
            trial, outcome=outcome, analysis_set=analysis_set, arm=arm, negative=negative
        )
    kind: Literal["episodes", "time"] = "episodes" if counts_repeats(statistic) else "time"
    return compare(trial, outcome=outcome, analysis_set=analysis_set, kind=kind, arm=arm)


def _until(
    trial: Trial,
    people: Compared,
    statistic: Statistic | Own,
    kinds: IntArray,
    horizon: float | None,
) -> float:
    """Return the horizon; infinity for a statistic that uses all of follow-up."""
    if isinstance(statistic, str) and statistic not in UNTIL_THE_END:
        return check_horizon(trial, people, kinds, horizon, statistic)
    if horizon is not None:
        name = repr(statistic) if isinstance(statistic, str) else "of your own"
        used = "is of numbers without a time" if statistic in MEANS else "uses all of follow-up"
        raise TrialError(f"`horizon` is {horizon!r}, but statistic {name} {used}; leave it out.")
    return np.inf


def _resampled(
    trial: Trial,
    people: Compared,
    statistic: Statistic | Own,
    kinds: IntArray,
    *,
    until: float,
    stratum: IntArray | None,
) -> Resampled:
    """Return the statistic with the people of each arm laid out for it."""
    joint: Joint | None = None
    pooled: Cells | Intervals | Numbers | None = None
    if callable(statistic):
        joint = _of_tables(statistic)
        pooled = cells_of(people.time, kinds, until=until, every_time=True)
    elif statistic == "hazard ratio":
        joint, pooled = hazard_ratios, cells_of(people.time, kinds, until=until)
    elif counts_repeats(statistic):
        pooled = everyones_intervals(trial, people, until=until)
    elif statistic in MEANS:
        pooled = Numbers(value=people.value)
    arms = []
    for code in range(2):
        who = people.arm == code
        if pooled is None:  # its own times only: fewer to go through
            every = statistic == "median difference"
            own: Cells | Intervals | Numbers = cells_of(
                people.time[who], kinds[who], until=until, every_time=every
            )
        else:
            own = pooled.some(who)
        summary = None if joint else summary_of(str(statistic), own.time, until)
        within = None if stratum is None else stratum[who]
        parts = [own] if within is None else [own.some(within == s) for s in np.unique(within)]
        arms.append(Arm(samples=tuple(parts), summary=summary))
    return Resampled(statistic=str(statistic), arms=(arms[0], arms[1]), joint=joint)


def _of_tables(statistic: Own) -> Joint:
    """Return a user's statistic of event tables, held to its shape."""

    def joint(control: Tally, treatment: Tally) -> FloatArray:
        table = event_tables_of(control, treatment)
        return held_to_shape(statistic(table), table.at_risk.shape[0], "a draw")

    return joint


def _estimate(
    people: Compared,
    value: float,
    drawn: FloatArray,
    corrections: tuple[float, float],
    *,
    estimand: str,
    ratio: bool,
    level: float,
    told: str,
    when: float,
) -> Estimate:
    """Return the estimate, or why there is none."""
    scale: Literal["difference", "ratio"] = "ratio" if ratio else "difference"
    lost = int(np.count_nonzero(~np.isfinite(drawn)))
    method = told + (f" ({lost:,} not estimable left out)" if lost else "")
    drawn = drawn[np.isfinite(drawn)]
    reason = _without(value, drawn, lost)
    if reason:
        return not_estimable(
            people,
            estimand=estimand,
            scale=scale,
            level=level,
            method=method,
            reason=reason,
            time_point=when,
        )
    low, high = np.quantile(drawn, _shares(level, *corrections)).tolist()
    spread = np.log(drawn[drawn > 0]) if ratio else drawn
    return Estimate(
        estimand=estimand,
        scale=scale,
        value=value,
        low=min(low, value),
        high=max(high, value),
        level=level,
        p_value=_p_value(drawn, 1.0 if ratio else 0.0, *corrections),
        std_error=float(spread.std(ddof=1)) if spread.size > 1 else NAN,
        method=method,
        time_point=when,
        **people.labels(np.inf if np.isnan(when) else when),
    )


def _without(value: float, drawn: FloatArray, lost: int) -> str:
    """Return why there is no estimate, of draws with a value and how many are without."""
    if not np.isfinite(value):
        return "the statistic has no value for the people as they are"
    if drawn.size <= lost:
        return "most draws have no value"
    varied = np.ptp(drawn) > ROUNDING * np.abs(drawn).max()
    return "" if varied else "the draws do not vary"


def _bias(drawn: FloatArray, value: float) -> float:
    """Return BCa's bias correction: the share of draws below the value, as a normal deviate."""
    below = _share_below(drawn, value)
    return float(ndtri(np.clip(below, 1 / (2 * drawn.size), 1 - 1 / (2 * drawn.size))))


def _share_below(drawn: FloatArray, value: float) -> float:
    """Return the share of draws below a value; those that tie with it up to rounding by half."""
    tied = np.abs(drawn - value) <= ROUNDING * (abs(value) + drawn.std())
    below = np.count_nonzero((drawn < value) & ~tied)
    return float((below + np.count_nonzero(tied) / 2) / drawn.size)


def _acceleration(resampled: Resampled) -> float:
    """Return BCa's acceleration; the jack-knife leaves out each kind of person.

    People of one arm, time and event are alike, so each kind is left out once and weighted.
    """
    square = cube = 0.0
    for values, number in resampled.left_out():  # each sample about its own mean, by its own size
        known = np.isfinite(values)
        if not known.any():
            continue
        n = int(number.sum())
        mean = np.average(values[known], weights=number[known])
        influence = (mean - values[known]) * (n - 1) / n
        square += float((number[known] * influence**2).sum())
        cube += float((number[known] * influence**3).sum())
    return cube / (6 * square**1.5) if square > 0 else 0.0


def _shares(level: float, shift: float, skew: float) -> FloatArray:
    """Return the shares of the draws at which the interval ends."""
    z = ndtri(np.array([0.5 - level / 2, 0.5 + level / 2])) + shift
    return floats(ndtr(shift + z / (1 - skew * z)))


def _p_value(drawn: FloatArray, null: float, shift: float, skew: float) -> float:
    """Return the smallest alpha whose interval leaves out the null: BCa's shares turned round."""
    below = _share_below(drawn, null)
    least = 1 / (drawn.size + 1)
    w = float(ndtri(np.clip(below, least, 1 - least))) - shift
    z = w / (1 + skew * w) - shift
    return float(np.clip(2 * ndtr(-abs(z)), 2 * least, 1.0))
