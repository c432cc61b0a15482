"""Repeated events until a terminal event: what each arm's events and deaths say, and each person.

Ghosh and Lin's mean, its test and the while-alive rate are readings of one influence function.
"""

from dataclasses import dataclass, replace

import numpy as np

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats
from checkpoint_eval._times import tied_times
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.models.compared import Compared
from checkpoint_eval.models.event_tables import EventTable, event_table
from checkpoint_eval.models.mean_events import NO_VARIANCE
from checkpoint_eval.models.recurrent import Rows, rows_of
from checkpoint_eval.models.survival import survival_after
from checkpoint_eval.outcomes.episodes import Episodes
from checkpoint_eval.outcomes.trial import Trial

CELLS = 1_000_000  # of times by intervals worked on at once


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """Events and deaths of one arm's n people.

    Attributes
    ----------
    seen : EventTable (m,)
        At risk of events, and events, at the times of events in any arm.
    lost : EventTable (d,)
        Alive and followed, and deaths, at the times when anyone's follow-up ended.
    rows : Rows
        Intervals, `person` being the place in the arm.
    end : (n,) float
    terminal : (n,) bool
        Whether follow-up ended in death.
    """

    seen: EventTable
    lost: EventTable
    rows: Rows
    end: FloatArray
    terminal: BoolArray

    def survival(self, count: IntArray) -> FloatArray:
        """Return the share alive after so many of the times in `lost`."""
        return np.append(1.0, survival_after(self.lost.at_risk, self.lost.events))[count]

    def survival_at(self, time: float) -> float:
        """Return the share alive just after a time."""
        return float(self.survival(passed(self.lost.time, time)))

    def time_alive(self, time: FloatArray) -> FloatArray:
        """Return the mean time alive by each time."""
        knots = np.append(0.0, self.lost.time)
        slabs = np.diff(knots) * self.survival(np.arange(knots.size - 1))
        return floats(np.interp(time, knots, running(slabs)))

    def steps(self, weight: FloatArray | float = 1.0) -> FloatArray:
        """Return (m,) what one event at each time adds to the mean, S(u−)/Y(u) times a weight.

        Who dies at a time is alive just before it, so that their events of the day count.
        """
        alive = self.survival(np.searchsorted(self.lost.time, self.seen.time))
        return shared(alive * weight, self.seen.at_risk)

    def deaths_by(self, time: float) -> int:
        """Return how many had died by a time."""
        return int(self.lost.events[self.lost.time <= time].sum())


def courses(trial: Trial, people: Compared) -> tuple[Rows, list[Course]]:
    """Return the intervals of the people compared, and the course of each arm.

    Times that tie up to rounding are made equal, so that an event on the day of death is one.
    """
    episodes = trial.outcome(people.outcome)
    assert isinstance(episodes, Episodes)  # `compare` refuses any other
    rows = rows_of(trial, people)
    m = rows.stop.size
    times = tied_times(np.concatenate([rows.stop, rows.start, episodes.end[people.people]]))
    rows = replace(rows, stop=times[:m], start=times[m : 2 * m])
    end, terminal = times[2 * m :], episodes.terminal[people.people]
    k = len(people.arms)
    group = people.arm[rows.person]
    seen = event_table(rows.stop, rows.event, group, groups=k, entry=rows.start)
    lost = event_table(end, terminal, people.arm, groups=k)
    kept: BoolArray = np.asarray(seen.events.any(axis=0))
    found = []
    for code in range(k):
        own, member = group == code, people.arm == code
        intervals = Rows(
            person=(np.cumsum(member) - 1)[rows.person[own]],
            start=rows.start[own],
            stop=rows.stop[own],
            event=rows.event[own],
        )
        found.append(
            Course(
                seen=_table_of(seen, code, kept),
                lost=_table_of(lost, code, np.ones_like(lost.time, dtype=bool)),
                rows=intervals,
                end=end[member],
                terminal=terminal[member],
            )
        )
    return rows, found


def _table_of(table: EventTable, code: int, kept: BoolArray) -> EventTable:
    """Return the table of one arm, at some of its times."""
    return EventTable(
        time=table.time[kept],
        at_risk=table.at_risk[code, kept],
        events=table.events[code, kept],
    )


def influence(
    course: Course, until: FloatArray, *, step: FloatArray | None = None, per_time: float = 0.0
) -> FloatArray:
    """Return (b, n) what each person adds to the mean by each time: they sum to 0.

    ∫ S dMᴿᵢ/Y − ∫ {μ(t) − μ(u)} dMᴰᵢ(u)/Yᴰ(u), Mᴿ and Mᴰ being the martingales of events and
    deaths. `step` (m,) is what an event adds to μ, S/Y if not given. With `per_time`, a rate, μ is
    less that rate for each unit of time alive, whose mean only deaths move.

    References
    ----------
    Ghosh and Lin (2000), Biometrics 56, 554-562.
    """
    seen, lost, rows = course.seen, course.lost, course.rows
    each = course.steps() if step is None else step
    mean = running(each * seen.events)
    past = passed(seen.time, until)[:, None]
    spent = running(shared(each * seen.events, seen.at_risk))
    first, last = passed(seen.time, rows.start), passed(seen.time, rows.stop)
    own = spent[np.minimum(first, past)] - spent[np.minimum(last, past)]
    own += np.where(rows.event & (last <= past), np.append(0.0, each)[last], 0.0)
    found = np.zeros((until.size, course.end.size))
    person, place = np.unique(rows.person, return_index=True)
    found[:, person] = np.add.reduceat(own, place, axis=1)

    total = mean[past] - per_time * course.time_alive(until)[:, None]
    worth = mean[passed(seen.time, lost.time)] - per_time * course.time_alive(lost.time)
    share = shared(np.ones(worth.size), lost.at_risk)
    hazard = lost.events * share**2
    ended = passed(lost.time, course.end)
    reached = np.minimum(ended, passed(lost.time, until)[:, None])
    found += total * running(hazard)[reached] - running(hazard * worth)[reached]
    died = course.terminal & (ended == reached)
    return floats(found - np.where(died, (total - worth[ended - 1]) * share[ended - 1], 0.0))


def variances(course: Course) -> FloatArray:
    """Return (m,) the variance of the mean at each time of events."""
    time = course.seen.time
    block = max(1, CELLS // max(course.rows.person.size, course.end.size))
    parts = [
        (influence(course, time[at : at + block]) ** 2).sum(axis=1)
        for at in range(0, time.size, block)
    ]
    return np.concatenate([np.zeros(0), *parts])


def check_followed(people: Compared, found: list[Course], *, time: float, name: str) -> None:
    """Refuse a time by which an arm has people alive of whom nobody is at risk any more."""
    for arm, course in zip(people.arms, found, strict=True):
        end = float(course.rows.stop.max(initial=0.0))
        if time > end and course.survival_at(end) > 0:
            raise ImpossibleDesign(
                f"`{name}` is {time:g} {people.unit}, beyond the follow-up of arm {arm!r}, which "
                f"ends at {end:g}; choose at most {end:g}."
            )


def above_rounding(contributions: FloatArray, size: float) -> float:
    """Return the sum of squares; 0 where it is rounding, NaN for a single person."""
    if contributions.size < 2:
        return float("nan")
    variance = float((contributions**2).sum())
    return variance if variance > NO_VARIANCE * max(1.0, size**2) else 0.0


def without(found: list[Course], until: float = np.inf) -> str:
    """Return why there is no variance."""
    if not all(course.seen.events[course.seen.time <= until].any() for course in found):
        return "no events, or none in an arm"
    if min(course.end.size for course in found) < 2:
        return "an arm of one person has no variance"
    return "people in the arms do not vary"


def passed(grid: FloatArray, time: FloatArray | float) -> IntArray:
    """Return how many times of a grid are not after each time."""
    return np.asarray(np.searchsorted(grid, time, side="right"))


def running(values: FloatArray) -> FloatArray:
    """Return the running sum, from 0 before the first value."""
    return np.append(0.0, np.cumsum(values))


def shared(values: FloatArray, count: IntArray) -> FloatArray:
    """Return values over counts; 0 where there is nobody."""
    return np.divide(values, count, out=np.zeros(values.size), where=count > 0)
