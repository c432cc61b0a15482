"""Repeated events with a terminal event: death counted as death, not as unseen reoffending."""

from typing import Literal

import numpy as np
from scipy.special import ndtr

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval._checks import check_choice, check_level, check_positive
from checkpoint_eval._times import nearest_tie
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.compared import Compared, compare
from checkpoint_eval.models.mean_events import MeanCumulative, log_limits
from checkpoint_eval.models.recurrent import with_events
from checkpoint_eval.models.terminal_parts import (
    Course,
    above_rounding,
    check_followed,
    courses,
    influence,
    variances,
    without,
)
from checkpoint_eval.models.wald import wald_contrast
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate, SignificanceTest

Measure = Literal["difference", "ratio"]
MEASURES = ("difference", "ratio")


def terminal_mean(
    trial: Trial, *, outcome: str, level: float = 0.95, analysis_set: str = "itt"
) -> MeanCumulative:
    """Estimate how many events a person has had on average by each time, none after death.

    Parameters
    ----------
    trial : Trial
    outcome : str
        Repeated events (`Episodes`) with `terminal`.
    level : float
    analysis_set : str

    Returns
    -------
    MeanCumulative
        Over everyone randomised, the dead included.

    Raises
    ------
    TrialError
        When the outcome is not of repeated events.

    Notes
    -----
    μ(t) = ∫ S(u−) dN(u)/Y(u): S is Kaplan–Meier of death, Y those alive and at risk, so that an
    event on the day of death counts. `mean_cumulative_function` is the mean had nobody died, which
    is larger; without a terminal event the two are equal. A lower mean may be due to deaths: read
    it beside `while_alive_rate`. Death is followed through gaps, such as custody, to the `end` of
    each person; those at risk stand for those in a gap.

    The variance is the sum over people of the squares of
    ∫ S(u−) dMᴿ(u)/Y(u) − ∫ {μ(t) − μ(u)} dMᴰ(u)/Yᴰ(u), as published: where many die at one time a
    Greenwood variance would be larger, by the factor 1/(1 − dᴰ/Yᴰ) in the second term's square.

    References
    ----------
    Cook and Lawless (1997), Statistics in Medicine 16, 911-924; Ghosh and Lin (2000), Biometrics
    56, 554-562. Checked against R mets recurrentMarginal on hfactioncpx12.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import Assignment, Trial
    >>> from checkpoint_eval.outcomes import Episodes
    >>> seen = Episodes(
    ...     person=[0, 0, 1, 2, 2], start=[0, 4, 0, 0, 6], stop=[4, 9, 9, 6, 9],
    ...     event=[1, 0, 0, 1, 1], people=4, end=[9, 9, 9, 5], terminal=[0, 0, 0, 1],
    ... )
    >>> arms = Assignment(arm=[0, 1, 0, 0], arms=("court", "contract"), stratum=[0] * 4)
    >>> trial = Trial(assignment=arms, outcomes={"arrests": seen})
    >>> terminal_mean(trial, outcome="arrests").mean[0].round(3).tolist()
    [0.5, 0.833, 1.167]
    """
    check_level(level)
    people = compare(
        trial, outcome=outcome, analysis_set=analysis_set, kind="episodes", every_arm=True
    )
    _, found = courses(trial, people)
    mean = np.stack([np.cumsum(course.steps() * course.seen.events) for course in found])
    error = np.sqrt(np.stack([variances(course) for course in found]))
    low, high = log_limits(mean, error, level)
    return MeanCumulative(
        outcome=outcome,
        analysis_set=analysis_set,
        unit=people.unit,
        arms=people.arms,
        time=found[0].seen.time,
        at_risk=np.stack([course.seen.at_risk for course in found]),
        events=np.stack([course.seen.events for course in found]),
        mean=mean,
        std_error=error,
        low=low,
        high=high,
        level=level,
        method=f"Ghosh–Lin mean, {_deaths(people, found)}; variance by person; log interval",
        missing=people.missing,
    )


def terminal_mean_difference(
    trial: Trial,
    *,
    outcome: str,
    at: float,
    measure: Measure = "difference",
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Compare the mean number of events by a time, none after death.

    Parameters
    ----------
    trial : Trial
    outcome : str
        Repeated events (`Episodes`) with `terminal`.
    at : float
        In the outcome's unit; within follow-up, or after everybody's death.
    measure : {"difference", "ratio"}
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Estimate
        Negative difference, or ratio below 1: fewer events under treatment, or earlier deaths.

    Raises
    ------
    ImpossibleDesign
        When `at` is beyond the follow-up of an arm.

    Notes
    -----
    Arms are independent, so variances add up; the ratio's interval is symmetric on the log scale.
    Not stratified.

    References
    ----------
    As `terminal_mean`.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import Trial, generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> from checkpoint_eval.outcomes import reoffence_episodes
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> episodes = reoffence_episodes(cohort.records(), cohort.assignment, terminal=["death"])
    >>> trial = Trial(assignment=cohort.assignment, outcomes={"reoffences": episodes})
    >>> fewer = terminal_mean_difference(trial, outcome="reoffences", at=365)
    >>> round(fewer.value, 3), round(fewer.std_error, 3)
    (0.708, 0.496)
    """
    check_level(level)
    check_choice(measure, "measure", MEASURES)
    return _contrast(
        trial,
        compare(trial, outcome=outcome, analysis_set=analysis_set, kind="episodes", arm=arm),
        time=check_positive(at, "at"),
        name="at",
        measure=measure,
        level=level,
        rate=False,
    )


def while_alive_rate(
    trial: Trial,
    *,
    outcome: str,
    horizon: float,
    measure: Measure = "ratio",
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Compare how often events happen in the time that people are alive.

    Parameters
    ----------
    trial : Trial
    outcome : str
        Repeated events (`Episodes`) with `terminal`.
    horizon : float
        In the outcome's unit; within follow-up, or after everybody's death.
    measure : {"ratio", "difference"}
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Estimate
        Negative difference, or ratio below 1: fewer events under treatment for the time lived.
        `by_arm` holds the rates: events for each unit of time alive.

    Raises
    ------
    ImpossibleDesign
        When the horizon is beyond the follow-up of an arm.

    Notes
    -----
    Mean events by the horizon, as `terminal_mean`, over mean time alive by then. Deaths lower both,
    so the rate does not reward them; unlike a rate ratio it supposes no proportional rates. The
    ratio's interval is symmetric on the log scale; variance from the influence functions of both
    means, person by person.

    References
    ----------
    Mao (2023), Biometrics 79, 1749-1760. Checked against base R on hfactioncpx12 and mets' ratio of
    means.

    Examples
    --------
    >>> from checkpoint_eval import Assignment, Trial
    >>> from checkpoint_eval.outcomes import Episodes
    >>> seen = Episodes(
    ...     person=[0, 0, 1, 1, 2, 3], start=[0, 4, 0, 6, 0, 0], stop=[4, 8, 6, 8, 8, 4],
    ...     event=[1, 1, 1, 0, 1, 0], people=4, terminal=[0, 0, 0, 1],
    ... )
    >>> arms = Assignment(arm=[0, 1, 0, 1], arms=("court", "contract"), stratum=[0] * 4)
    >>> trial = Trial(assignment=arms, outcomes={"arrests": seen})
    >>> while_alive_rate(trial, outcome="arrests", horizon=8).by_arm
    (0.1875, 0.08333333333333333)
    """
    check_level(level)
    check_choice(measure, "measure", MEASURES)
    return _contrast(
        trial,
        compare(trial, outcome=outcome, analysis_set=analysis_set, kind="episodes", arm=arm),
        time=check_positive(horizon, "horizon"),
        name="horizon",
        measure=measure,
        level=level,
        rate=True,
    )


def _contrast(
    trial: Trial,
    people: Compared,
    *,
    time: float,
    name: str,
    measure: Measure,
    level: float,
    rate: bool,
) -> Estimate:
    """Compare two arms' means, or their means for each unit of time alive."""
    rows, found = courses(trial, people)
    time = nearest_tie(time, np.unique(np.concatenate([rows.stop, found[0].lost.time])))
    check_followed(people, found, time=time, name=name)
    numbers = [_mean_and_variance(course, time, rate=rate) for course in found]
    what = "while-alive rate" if rate else "Ghosh–Lin mean"
    result = wald_contrast(
        people,
        estimand=f"while-alive rate {measure}" if rate else f"mean events with death {measure}",
        measure=measure,
        by_arm=np.array([mean for mean, _ in numbers]),
        variance=np.array([variance for _, variance in numbers]),
        level=level,
        method=(
            f"{what} by {time:g} {people.unit}, {_deaths(people, found, time)}; variance by "
            f"person; Wald interval{' on the log scale' if measure == 'ratio' else ''}"
        ),
        reason=without(found, time),
        time_point=time,
    )
    return with_events(result, people, rows, time)


def _mean_and_variance(course: Course, time: float, *, rate: bool) -> tuple[float, float]:
    """Return mean events by a time, or their rate while alive, and its variance."""
    until = np.array([time])
    mean = float((course.steps() * course.seen.events)[course.seen.time <= time].sum())
    if not rate:
        return mean, above_rounding(influence(course, until)[0], mean)
    alive = float(course.time_alive(until)[0])
    if not alive > 0:  # everyone died on the index day
        return NAN, NAN
    each = influence(course, until, per_time=mean / alive)[0] / alive
    return mean / alive, above_rounding(each, mean / alive)


def _deaths(people: Compared, found: list[Course], until: float = np.inf) -> str:
    """Tell how many died, by arm, for whoever forgot to say."""
    count = [course.deaths_by(until) for course in found]
    if not any(count):
        return "nobody with a terminal event"
    told = ", ".join(f"{n} of {arm}" for n, arm in zip(count, people.arms, strict=True))
    return f"terminal events: {told}"


def terminal_mean_test(
    trial: Trial, *, outcome: str, analysis_set: str = "itt"
) -> SignificanceTest:
    """Test whether two arms have events equally often over time, none after death.

    Parameters
    ----------
    trial : Trial
        Two arms.
    outcome : str
        Repeated events (`Episodes`) with `terminal`.
    analysis_set : str

    Returns
    -------
    SignificanceTest
        A signed z, negative when treatment has fewer events.

    Raises
    ------
    TrialError
        When the trial has more than two arms.

    Notes
    -----
    ∫ W (dμ₁ − dμ₀) over all of follow-up, W = Y₁Y₀/(Y₁ + Y₀), Y being those alive and at risk; its
    variance by person, the weight held fixed. Without a terminal event it is
    `mean_cumulative_test`. Not stratified.

    References
    ----------
    Ghosh and Lin (2000), Biometrics 56, 554-562, with their log-rank weight. Checked against base
    R on hfactioncpx12.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import Trial, generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> from checkpoint_eval.outcomes import reoffence_episodes
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> episodes = reoffence_episodes(cohort.records(), cohort.assignment, terminal=["death"])
    >>> trial = Trial(assignment=cohort.assignment, outcomes={"reoffences": episodes})
    >>> test = terminal_mean_test(trial, outcome="reoffences")
    >>> round(test.statistic, 3), round(test.p_value, 3)
    (0.69, 0.49)
    """
    people = compare(
        trial, outcome=outcome, analysis_set=analysis_set, kind="episodes", every_arm=True
    )
    if len(people.arms) != 2:
        raise TrialError(
            f"`terminal_mean_test` compares two arms, the trial has {len(people.arms)}; read "
            "two of them as a trial of their own."
        )
    _, found = courses(trial, people)
    zero, one = (course.seen.at_risk for course in found)
    weight = zero * one / np.maximum(zero + one, 1)
    sums, spread = zip(*(_weighted(course, weight) for course in found), strict=True)
    variance = sum(spread)
    z = p_value = NAN
    method = f"weighted difference of Ghosh–Lin means, {_deaths(people, found)}; variance by person"
    if variance > 0:
        z = float((sums[1] - sums[0]) / np.sqrt(variance))
        p_value = float(2 * ndtr(-abs(z)))
    else:
        method += f"; not estimable: {without(found)}"
    return SignificanceTest(
        test="test of mean events with death",
        outcome=outcome,
        analysis_set=analysis_set,
        arms=people.arms,
        statistic=z,
        df=1.0,
        p_value=p_value,
        method=method,
        n=people.n,
        events=tuple(int(course.seen.events.sum()) for course in found),
        missing=people.missing,
        unit=people.unit,
    )


def _weighted(course: Course, weight: FloatArray) -> tuple[float, float]:
    """Return the weighted sum of the mean's steps and its variance."""
    step = course.steps(weight)
    total = float((step * course.seen.events).sum())
    each = influence(course, np.array([np.inf]), step=step)[0]
    return total, above_rounding(each, total)
