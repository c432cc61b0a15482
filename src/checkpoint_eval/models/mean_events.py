"""Repeated events: how many a person has had, on average, by each time."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats, frozen
from checkpoint_eval._checks import check_choice, check_level, check_positive
from checkpoint_eval._display import Shown
from checkpoint_eval._times import nearest_tie
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models.compared import compare
from checkpoint_eval.models.recurrent import Rows, rows_of, with_events
from checkpoint_eval.models.wald import wald_contrast
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate, SignificanceTest

# Cells of people by times worked on at once.
CELLS = 4_000_000
NO_VARIANCE = 1e-18  # a variance below this, for a result of 1, is rounding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class MeanCumulative(Shown):
    """Mean number of events a person has had, by arm and time.

    Attributes
    ----------
    outcome, analysis_set, unit : str
    arms : (k,) str
    time : (m,) float
        Times of events.
    at_risk, events : (k, m) int
    mean, std_error, low, high : (k, m) float
        Limits on the log scale, NaN where the mean is 0 or people of the arm do not vary.
    """

    outcome: str
    analysis_set: str
    unit: str
    arms: tuple[str, ...]
    time: FloatArray
    at_risk: IntArray
    events: IntArray
    mean: FloatArray
    std_error: FloatArray
    low: FloatArray
    high: FloatArray
    level: float
    method: str
    missing: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("time", "mean", "std_error", "low", "high"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))
        for name in ("at_risk", "events"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.int64))

    def __repr__(self) -> str:
        if not self.time.size:
            return f"Mean cumulative function of {self.outcome}: no events. {self.method}."
        ends = ", ".join(
            f"{arm}: {row[-1]:.3g}" for arm, row in zip(self.arms, self.mean, strict=True)
        )
        return (
            f"Mean cumulative function of {self.outcome}, {self.analysis_set}; at "
            f"{self.time[-1]:g} {self.unit}: {ends}. {self.method}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row an arm and time."""
        k, m = self.mean.shape
        columns = ("at_risk", "events", "mean", "std_error", "low", "high")
        return pd.DataFrame(
            {
                "arm": np.repeat(np.array(self.arms, dtype=object), m),
                "time": np.tile(self.time, k),
                **{name: getattr(self, name).ravel() for name in columns},
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Increments:
    """Events of one arm on a grid, and what each person adds to their mean."""

    people: int
    at_risk: IntArray  # (m,)
    events: IntArray  # (m,)
    jump: FloatArray  # (m,) events over at risk
    variance: FloatArray  # (m,) of the running sum, robust


def _increments(
    rows: Rows, grid: FloatArray, here: BoolArray, weight: FloatArray | None = None
) -> _Increments:
    """Return at risk, events and the mean's jumps in one arm, with Lawless and Nadeau's variance.

    `weight` (m,) multiplies each jump.
    """
    m = grid.size
    person = np.unique(rows.person[here], return_inverse=True)[1].reshape(-1)
    n = int(person.max(initial=-1)) + 1
    first = np.searchsorted(grid, rows.start[here], side="right")
    last = np.searchsorted(grid, rows.stop[here], side="right")  # at risk in (start, stop]
    edges = np.bincount(first, minlength=m + 1) - np.bincount(last, minlength=m + 1)
    at_risk = np.cumsum(edges)[:m]
    happened = rows.event[here] & (rows.stop[here] <= grid.max(initial=0.0))
    place = np.searchsorted(grid, rows.stop[here][happened])
    events = np.bincount(place, minlength=m)
    share = np.ones(m) if weight is None else weight
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.where(at_risk > 0, share / at_risk, 0.0)
    jump = events * inverse
    hazard = np.where(at_risk > 0, events / np.maximum(at_risk, 1), 0.0) * inverse
    variance = np.zeros(m)
    block = max(1, CELLS // max(m, 1))
    for at in range(0, n, block):
        size = min(block, n - at)
        own = (person >= at) & (person < at + size)
        risk = np.zeros((size, m + 1))
        np.add.at(risk, (person[own] - at, first[own]), 1.0)
        np.add.at(risk, (person[own] - at, last[own]), -1.0)
        add = -np.cumsum(risk, axis=1)[:, :m] * hazard
        some = own[happened]
        np.add.at(add, (person[happened][some] - at, place[some]), inverse[place[some]])
        variance += (np.cumsum(add, axis=1) ** 2).sum(axis=0)
    return _Increments(
        people=n, at_risk=at_risk, events=events, jump=floats(jump), variance=variance
    )


def mean_cumulative_function(
    trial: Trial, *, outcome: str, level: float = 0.95, analysis_set: str = "itt"
) -> MeanCumulative:
    """Estimate how many events a person has had on average by each time, in each arm.

    Parameters
    ----------
    trial : Trial
    outcome : str
        Repeated events (`Episodes`).
    level : float
    analysis_set : str

    Returns
    -------
    MeanCumulative

    Raises
    ------
    TrialError
        When the outcome is not of repeated events.

    Notes
    -----
    ∫ dN/Y with a variance by person, valid whatever ties a person's events together. Where death
    ends follow-up it is the mean had nobody died.

    References
    ----------
    Nelson (1988); Lawless and Nadeau (1995), Technometrics 37, 158-168. Checked against R
    survfit(id=) on bladder2.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import Assignment, Trial
    >>> from checkpoint_eval.outcomes import Episodes
    >>> seen = Episodes(
    ...     person=[0, 0, 1, 2, 2], start=[0, 4, 0, 0, 6], stop=[4, 9, 9, 6, 9],
    ...     event=[1, 0, 0, 1, 1], people=3,
    ... )
    >>> arms = Assignment(arm=[0, 1, 0], arms=("court", "contract"), stratum=[0] * 3)
    >>> trial = Trial(assignment=arms, outcomes={"arrests": seen})
    >>> mean_cumulative_function(trial, outcome="arrests").mean[0].tolist()
    [0.5, 1.0, 1.5]
    """
    check_level(level)
    people = compare(
        trial, outcome=outcome, analysis_set=analysis_set, kind="episodes", every_arm=True
    )
    rows = rows_of(trial, people)
    grid = np.unique(rows.stop[rows.event])
    arm = people.arm[rows.person]
    parts = [_increments(rows, grid, arm == code) for code in range(len(people.arms))]
    mean = np.stack([np.cumsum(part.jump) for part in parts])
    error = np.sqrt(np.stack([part.variance for part in parts]))
    low, high = log_limits(mean, error, level)
    return MeanCumulative(
        outcome=outcome,
        analysis_set=analysis_set,
        unit=people.unit,
        arms=people.arms,
        time=grid,
        at_risk=np.stack([part.at_risk for part in parts]),
        events=np.stack([part.events for part in parts]),
        mean=mean,
        std_error=error,
        low=low,
        high=high,
        level=level,
        method="Nelson–Aalen of repeated events; variance by person; log interval",
        missing=people.missing,
    )


def log_limits(mean: FloatArray, error: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Return limits on the log scale, NaN where the mean or its variance is nought."""
    told = error**2 > NO_VARIANCE * np.maximum(1.0, mean**2)
    told &= mean > 0
    share = np.divide(error, mean, out=np.full(mean.shape, np.nan), where=told)
    half = np.exp(float(ndtri(0.5 + level / 2)) * share)
    return floats(mean / half), floats(mean * half)


def mean_cumulative_difference(
    trial: Trial,
    *,
    outcome: str,
    at: float,
    measure: Literal["difference", "ratio"] = "difference",
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Compare the mean number of events by a time.

    Parameters
    ----------
    trial : Trial
    outcome : str
        Repeated events (`Episodes`).
    at : float
        In the outcome's unit; within follow-up.
    measure : {"difference", "ratio"}
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Estimate
        Negative difference, or ratio below 1: fewer events under treatment.

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
    As `mean_cumulative_function`.

    Examples
    --------
    >>> from checkpoint_eval import Assignment, Trial
    >>> from checkpoint_eval.outcomes import Episodes
    >>> seen = Episodes(
    ...     person=[0, 0, 1, 1, 2, 3], start=[0, 4, 0, 6, 0, 0], stop=[4, 9, 6, 9, 9, 9],
    ...     event=[1, 1, 1, 0, 1, 0], people=4,
    ... )
    >>> arms = Assignment(arm=[0, 1, 0, 1], arms=("court", "contract"), stratum=[0] * 4)
    >>> trial = Trial(assignment=arms, outcomes={"arrests": seen})
    >>> mean_cumulative_difference(trial, outcome="arrests", at=9).value
    -1.0
    """
    check_level(level)
    check_choice(measure, "measure", ("difference", "ratio"))
    when = check_positive(at, "at")
    people = compare(trial, outcome=outcome, analysis_set=analysis_set, kind="episodes", arm=arm)
    rows = rows_of(trial, people)
    when = nearest_tie(when, np.unique(rows.stop))
    group = people.arm[rows.person]
    for code, name in enumerate(people.arms):
        end = float(rows.stop[group == code].max(initial=0.0))
        if when > end:
            raise ImpossibleDesign(
                f"`at` is {at:g} {people.unit}, beyond the follow-up of arm {name!r}, which ends "
                f"at {end:g}; choose at most {end:g}."
            )
    times = np.unique(rows.stop[rows.event & (rows.stop <= when)])
    parts = [_increments(rows, times, group == code) for code in range(2)]
    found = wald_contrast(
        people,
        estimand=f"mean events {measure}",
        measure=measure,
        by_arm=np.array([part.jump.sum() for part in parts]),
        variance=np.array([_above_rounding(part) for part in parts]),
        level=level,
        method=(
            f"mean cumulative function at {at:g} {people.unit}; variance by person; Wald interval"
        ),
        reason=_without(parts),
        time_point=at,
    )
    return with_events(found, people, rows, when)


def _without(parts: list[_Increments]) -> str:
    """Return why there is no variance."""
    if not all(part.events.sum() for part in parts):
        return "no events, or none in an arm"
    if min(part.people for part in parts) < 2:
        return "an arm of one person has no variance"
    return "people in the arms do not vary"


def _above_rounding(part: _Increments) -> float:
    """Return the variance at the end; 0 where it is rounding, NaN for a single person."""
    if part.people < 2:
        return NAN
    if not part.variance.size:
        return 0.0
    last = float(part.variance[-1])
    return last if last > NO_VARIANCE * max(1.0, float(part.jump.sum()) ** 2) else 0.0


def mean_cumulative_test(
    trial: Trial, *, outcome: str, analysis_set: str = "itt"
) -> SignificanceTest:
    """Test whether two arms have events equally often over time.

    Parameters
    ----------
    trial : Trial
        Two arms.
    outcome : str
        Repeated events (`Episodes`).
    analysis_set : str

    Returns
    -------
    SignificanceTest
        A signed z, negative when treatment has fewer events.

    Raises
    ------
    TrialError
        When the trial has more than two arms.

    References
    ----------
    Lawless and Nadeau (1995); Cook and Lawless (2007): ∫ Y₁Y₀/(Y₁ + Y₀) (dM₁ − dM₀), the log-rank
    numerator of repeated events, with a variance by person. Checked against a slow reference.
    """
    people = compare(
        trial, outcome=outcome, analysis_set=analysis_set, kind="episodes", every_arm=True
    )
    if len(people.arms) != 2:
        raise TrialError(
            f"`mean_cumulative_test` compares two arms, the trial has {len(people.arms)}; read "
            "two of them as a trial of their own."
        )
    rows = rows_of(trial, people)
    grid = np.unique(rows.stop[rows.event])
    group = people.arm[rows.person]
    plain = [_increments(rows, grid, group == code) for code in range(2)]
    zero, one = (floats(part.at_risk) for part in plain)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(zero + one > 0, zero * one / (zero + one), 0.0)
    parts = [_increments(rows, grid, group == code, weight) for code in range(2)]
    variance = sum(_above_rounding(part) for part in parts)
    z = p_value = NAN
    method = "weighted difference of mean functions, variance by person"
    if variance > 0:
        z = float((parts[1].jump.sum() - parts[0].jump.sum()) / np.sqrt(variance))
        p_value = float(2 * ndtr(-abs(z)))
    else:
        method += f"; not estimable: {_without(plain)}"
    return SignificanceTest(
        test="test of mean cumulative functions",
        outcome=outcome,
        analysis_set=analysis_set,
        arms=people.arms,
        statistic=z,
        df=1.0,
        p_value=p_value,
        method=method,
        n=people.n,
        events=tuple(int(part.events.sum()) for part in plain),
        missing=people.missing,
        unit=people.unit,
    )
