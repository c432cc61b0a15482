"""When the events of the next look will be there, from the trial so far and blind to its arms."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from checkpoint_eval._arrays import FloatArray, floats, frozen
from checkpoint_eval._checks import check_count, check_level, check_positive, check_rng, is_number
from checkpoint_eval._display import Shown
from checkpoint_eval._progress import watched
from checkpoint_eval.errors import ImpossibleDesign, InvalidData, TrialError
from checkpoint_eval.models.compared import compare
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.power.comparing import as_numbers, check_not_negative

CELLS = 4_000_000  # of one chunk of draws


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class EventsForecast(Shown):
    """When a trial will have so many events.

    Attributes
    ----------
    outcome, unit : str
    now : float
        The date of the data, on the clock of `entered`.
    events, people : int
        So far, both arms together; people with or without a known outcome.
    hazard, accrual : float
        Events per unit of time at risk so far; people entering per unit of calendar time.
    targets : (k,) int
        Numbers of events.
    date, low, high : (k,) float
        Median and interval of the date; infinite where a trial may never have so many.
    reached : (k,) float
        The chance that it ever has.
    """

    outcome: str
    unit: str
    now: float
    events: int
    people: int
    hazard: float
    accrual: float
    targets: FloatArray
    date: FloatArray
    low: FloatArray
    high: FloatArray
    reached: FloatArray
    level: float
    draws: int

    def __post_init__(self) -> None:
        for name in ("targets", "date", "low", "high", "reached"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))

    def __repr__(self) -> str:
        told = "; ".join(
            f"{target:g} events by {date:.4g} ({low:.4g} to {high:.4g})"
            for target, date, low, high in zip(
                self.targets, self.date, self.low, self.high, strict=True
            )
        )
        return (
            f"{self.events} events of {self.outcome} among {self.people} people by {self.now:g} "
            f"{self.unit}: {told} ({100 * self.level:g}% intervals, {self.draws:,} draws)."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a target."""
        columns = ("targets", "date", "low", "high", "reached")
        return pd.DataFrame({name: getattr(self, name) for name in columns})


def forecast_events(  # noqa: PLR0913 - accrual, follow-up and losses are each their own question
    trial: Trial,
    *,
    outcome: str,
    entered: str,
    now: float,
    targets: ArrayLike,
    people: int,
    rng: np.random.Generator,
    accrual: float | None = None,
    follow_up: float = np.inf,
    dropout: float = 0.0,
    draws: int = 2000,
    level: float = 0.95,
) -> EventsForecast:
    """Forecast when a trial will have the events of its next looks.

    Parameters
    ----------
    trial : Trial
        As it is now. The arms are not looked at.
    outcome : str
        A time to event.
    entered : str
        The baseline column with the calendar time at which each person entered, in the outcome's
        unit.
    now : float
        The calendar time of the data.
    targets : (k,) int
        Numbers of events, such as planned information times the looks' shares.
    people : int
        How many the trial will have in all.
    rng : numpy Generator
    accrual : float, optional
        People entering per unit of time from now on. Default: as since the first entered.
    follow_up : float
        How long each person is followed at most.
    dropout : float
        Hazard of being lost from now on.
    draws : int
    level : float

    Returns
    -------
    EventsForecast

    Raises
    ------
    InvalidData
        When somebody entered after now, or entry is unknown.
    ImpossibleDesign
        When there are fewer people planned than there are, or no events yet to go by.

    Notes
    -----
    One constant hazard for all, both arms together; its uncertainty is that of a gamma distribution
    with the events and time at risk so far (Jeffreys' prior adds half an event). Each draw gives
    those still at risk and those still to come, a Poisson process of the pace of `accrual`, their
    times. Whoever has no event and was followed until now is at risk; whoever was followed for less
    is lost, as is whoever entered and has no known outcome.

    References
    ----------
    Bagiella and Heitjan (2001). Checked against the expected events in closed form, and slow draws
    one person at a time in tests/reference.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import Assignment, TimeToEvent, Trial
    >>> from checkpoint_eval.outcomes import Covariate
    >>> entry = np.arange(100.0)
    >>> trial = Trial(
    ...     assignment=Assignment(arm=[0, 1] * 50, arms=("court", "contract"), stratum=[0] * 100),
    ...     columns={"day": Covariate(name="day", values=entry)},
    ...     outcomes={"arrest": TimeToEvent(time=100 - entry, event=[0, 0, 0, 1] * 25)},
    ... )
    >>> found = forecast_events(
    ...     trial, outcome="arrest", entered="day", now=100, targets=50, people=200,
    ...     rng=np.random.default_rng(1),
    ... )
    >>> bool(125 < found.date[0] < 165)
    True
    """
    check_rng(rng)
    check_level(level)
    check_count(draws, "draws", least=100)
    check_positive(now, "now")
    goals = _check_targets(targets)
    _check_losses(follow_up, dropout)
    so_far = _so_far(trial, outcome, entered, now, follow_up)
    to_come = check_count(people, "people") - so_far.people
    if to_come < 0:
        raise ImpossibleDesign(
            f"`people` is {people}, and {so_far.people} have entered; count all, those included."
        )
    pace = so_far.accrual(now) if accrual is None else check_positive(accrual, "accrual")
    ahead = _Ahead(people=to_come, pace=pace, follow_up=follow_up, dropout=dropout)
    dates = _dates(so_far, ahead, goals, draws, rng)
    tail = (1 - level) / 2
    ends = np.percentile(dates, [100 * tail, 50, 100 * (1 - tail)], axis=0, method="nearest")
    low, middle, high = now + np.where(goals <= so_far.events, 0.0, ends)
    return EventsForecast(
        outcome=outcome,
        unit=so_far.unit,
        now=now,
        events=so_far.events,
        people=so_far.people,
        hazard=so_far.events / so_far.exposure,
        accrual=pace,
        targets=goals,
        date=middle,
        low=low,
        high=high,
        reached=np.isfinite(dates).mean(axis=0),
        level=level,
        draws=draws,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _SoFar:
    """What there is: how long each person at risk will still be followed, and totals."""

    waiting: FloatArray
    first: float
    people: int
    events: int
    exposure: float
    unit: str

    def accrual(self, now: float) -> float:
        return self.people / (now - self.first)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ahead:
    """Who is still to come, how fast, and how long they will be followed."""

    people: int
    pace: float
    follow_up: float
    dropout: float


def _check_losses(follow_up: float, dropout: float) -> None:
    if not is_number(follow_up) or not follow_up > 0:
        raise TrialError(f"`follow_up` must be a number above 0, got {follow_up!r}.")
    check_not_negative(dropout, "dropout")


def _check_targets(targets: ArrayLike) -> FloatArray:
    goals = as_numbers(targets, "targets")
    if not goals.size or not ((goals >= 1) & (goals < np.inf)).all():
        raise TrialError(f"`targets` must be numbers of events of at least 1, got {targets!r}.")
    return np.ceil(goals - 1e-9)


def _so_far(trial: Trial, outcome: str, entered: str, now: float, follow_up: float) -> _SoFar:
    seen = compare(trial, outcome=outcome, kind="time", every_arm=True)
    column = trial.column(entered)
    if column.levels:
        raise InvalidData(
            f"{entered!r} holds categories, such as {column.levels[0]!r}; `entered` must name a "
            f"column of times, in {seen.unit} on the clock of `now`."
        )
    entry = floats(column.values)
    if not (entry <= now).all() or not now > entry.min():
        raise InvalidData(
            f"Somebody's {entered!r} is unknown or after `now` ({now:g}), or nobody entered before "
            "it; the data must be of that date."
        )
    open_ended = ~seen.event & (seen.time >= np.minimum(now - entry[seen.people], follow_up) - 1e-9)
    left = follow_up - seen.time[open_ended]
    exposure, events = float(seen.time.sum()), int(seen.event.sum())
    if not exposure > 0 or events == 0:
        raise ImpossibleDesign(
            f"There are no events of {outcome!r} yet to forecast from; use the planned hazard."
        )
    return _SoFar(
        waiting=left[left > 0],
        first=float(entry.min()),
        people=entry.size,
        events=events,
        exposure=exposure,
        unit=seen.unit,
    )


def _dates(
    so_far: _SoFar, ahead: _Ahead, goals: FloatArray, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Return (draws, k) how long from now until each goal, drawn in chunks of bounded memory."""
    per = max(1, CELLS // max(1, so_far.waiting.size + ahead.people))
    return np.concatenate(
        [
            _draw(so_far, ahead, goals, min(per, draws - start), rng)
            for start in watched(range(0, draws, per), "Forecasting")
        ]
    )


def _draw(
    so_far: _SoFar, ahead: _Ahead, goals: FloatArray, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Return (draws, k) how long from now until each goal; infinite where it is not reached."""
    hazard = rng.gamma(so_far.events + 0.5, 1 / so_far.exposure, draws)
    entry = np.cumsum(rng.exponential(1 / ahead.pace, (draws, ahead.people)), axis=1)
    start = np.concatenate([np.zeros((draws, so_far.waiting.size)), entry], axis=1)
    left = np.append(so_far.waiting, np.full(ahead.people, ahead.follow_up))
    wait = rng.exponential(1.0, start.shape) / hazard[:, None]
    if ahead.dropout:
        left = np.minimum(left, rng.exponential(1 / ahead.dropout, start.shape))
    times = np.sort(np.where(wait <= left, start + wait, np.inf), axis=1)
    more = np.clip(goals - so_far.events, 0, times.shape[1] + 1).astype(np.int64)
    padded = np.concatenate([np.zeros((draws, 1)), times, np.full((draws, 1), np.inf)], axis=1)
    return padded[:, more]
