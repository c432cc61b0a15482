"""Time to the first reoffence, and to every one, by the calendar or in the street."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray
from checkpoint_eval._checks import as_names, check_choice, check_count, check_known, counted
from checkpoint_eval._days import Days
from checkpoint_eval.errors import InvalidData
from checkpoint_eval.outcomes.counting import PROVEN, Counting, check_counting
from checkpoint_eval.outcomes.dates import whole_days
from checkpoint_eval.outcomes.episodes import Episodes
from checkpoint_eval.outcomes.follow_up import (
    CLOCKS,
    NEVER,
    Clock,
    FollowUp,
    follow,
)
from checkpoint_eval.outcomes.observed import Provenance, TimeToEvent
from checkpoint_eval.outcomes.records import Records
from checkpoint_eval.outcomes.street_time import days_in_custody
from checkpoint_eval.randomise.assignment import Assignment

Collapse: TypeAlias = Literal["day", "offence"]


def time_to_reoffence(
    records: Records,
    assignment: Assignment,
    *,
    months: int = 24,
    counting: Counting = PROVEN,
    clock: Clock = "elapsed",
    index: Sequence[object] | None = None,
    index_name: str = "",
) -> TimeToEvent:
    """Measure the time from the index day to the first reoffence.

    Parameters
    ----------
    records, assignment, counting, index, index_name
        As `proven_reoffending`.
    months : int
        The horizon, in calendar months: nobody is followed longer.
    clock : {"elapsed", "street"}
        Days by the calendar, or without days in custody. Published conclusions differ between the
        two; the provenance says which it is.

    Returns
    -------
    TimeToEvent
        In days. Follow-up ends at the reoffence, the horizon, the extract, or death or departure,
        which stand in `competing` when they came first. A proven reoffence counts whenever the
        extract shows it proven, up to the wait after the horizon; where the extract ends before
        that, late reoffences may still be proven.

    Raises
    ------
    TrialError
        As `proven_reoffending`.

    Notes
    -----
    An offence on the day of death or departure counts. One that happens on the index day has time
    0 and counts only with ``Counting(day_zero=True)``. On the street clock one that happens in
    custody has the time at which custody began.

    References
    ----------
    Elapsed and street time; written out in docs/methods.md. Checked against a plain loop over
    people and days.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> time_to_reoffence(cohort.records(), cohort.assignment)
    TimeToEvent(240 people, 158 events, days)
    """
    check_count(months, "months")
    check_choice(clock, "clock", CLOCKS)
    check_counting(counting)
    people = follow(records, assignment, index=index, index_name=index_name)
    last = people.end(people.until(months))
    rows, who = counting.reoffences(people, last, counting.decided(people, months))
    day = np.full(people.n, NEVER)
    np.minimum.at(day, who, records.offences.date[rows].view(np.int64))
    event = day < NEVER
    stop = np.where(event, day, last.view(np.int64)).astype("datetime64[D]")
    gone = ~event & (people.left <= last)
    return TimeToEvent(
        time=_on_clock(people, np.arange(people.n), stop, clock),
        event=event,
        unit="days",
        missing=people.unlinked,
        competing=np.where(gone & ~people.unlinked, people.cause, 0),
        causes=records.departures.kinds,
        provenance=_provenance(people, months, counting, clock),
    )


def _on_clock(people: FollowUp, who: IntArray, day: Days, clock: Clock) -> FloatArray:
    """Return (k,) time from index to a day, without custody on the street clock."""
    time = whole_days(day, people.index[who]).astype(np.float64)
    return time - days_in_custody(people, who, day) if clock == "street" else time


def _provenance(
    people: FollowUp,
    months: int,
    counting: Counting,
    clock: Clock,
    notes: Sequence[str] = (),
    which: str = "first of",
) -> Provenance:
    told = f"{which} {counting.told(months)}; {clock} days"
    waiting = counting.decided(people, months) > people.records.extract_date
    late = int((waiting & ~people.unlinked).sum()) if counting.proven else 0
    several = list(notes)
    if late:
        several.append(
            f"{counted(late, 'person', 'people')} whose offences may still be proven after the "
            "extract"
        )
    return people.provenance(told, several)


def reoffence_episodes(
    records: Records,
    assignment: Assignment,
    *,
    months: int = 24,
    counting: Counting = PROVEN,
    collapse: Collapse = "day",
    clock: Clock = "elapsed",
    index: Sequence[object] | None = None,
    index_name: str = "",
    terminal: str | Sequence[str] = ("death",),
) -> Episodes:
    """Split each person's follow-up at every reoffence.

    Parameters
    ----------
    records, assignment, months, counting, clock, index, index_name
        As `time_to_reoffence`.
    collapse : {"day", "offence"}
        "day": offences of one day are one event, as intervals need a length. "offence": refused
        when a person has two on a day, so that nothing is joined that was not asked for.
    terminal : str or sequence of str
        Kinds of departure after which nobody can reoffend anywhere. Any other, such as emigration,
        only ends what is seen.

    Returns
    -------
    Episodes
        Intervals from 0 to the first event, from event to event, and to the end of follow-up;
        none of length 0. `terminal` where that end was a death, in custody or not; on the street
        clock time stands still in custody, so such a death comes on the day of arrest.

    Raises
    ------
    InvalidData
        With ``collapse="offence"`` when two offences share a day; on the street clock when two
        events share a street day, as one of them happened in custody.
    UnknownColumn
        For a kind of departure, other than death, that the records do not know.
    TrialError
        As `proven_reoffending`.

    References
    ----------
    Andersen and Gill (1982), Cox's regression model for counting processes (the data layout).
    Checked against a plain loop over people and days.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> reoffence_episodes(cohort.records(), cohort.assignment)
    Episodes(240 people, 2,147 intervals, 1,910 events, 3 terminal, days)
    """
    check_count(months, "months")
    check_choice(clock, "clock", CLOCKS)
    check_counting(counting)
    check_choice(collapse, "collapse", ("day", "offence"))
    people = follow(records, assignment, index=index, index_name=index_name)
    last = people.end(people.until(months))
    rows, who = counting.reoffences(people, last, counting.decided(people, months))
    day = records.offences.date[rows]
    order = np.lexsort((day, who))
    who, day = who[order], day[order]
    again = np.zeros(who.size, dtype=bool)
    again[1:] = (who[1:] == who[:-1]) & (day[1:] == day[:-1])
    if again.any() and collapse == "offence":
        raise InvalidData(
            f"{counted(int(again.sum()), 'offence')} share a day with another of the same person, "
            "and an interval needs a length; collapse='day' makes each day one event."
        )
    joined = (
        [f"{counted(int(again.sum()), 'offence')} of the same day joined"] if again.any() else []
    )
    who, day = who[~again], day[~again]
    stop = _on_clock(people, who, day, clock)
    end = _on_clock(people, np.arange(people.n), last, clock)
    gone, told = _gone(people, last, as_names(terminal))
    return _intervals(
        people,
        who,
        stop,
        np.where(people.unlinked, np.nan, end),
        gone,
        _provenance(people, months, counting, clock, [*joined, *told], which="all"),
    )


def _gone(people: FollowUp, last: Days, terminal: Sequence[str]) -> tuple[BoolArray, list[str]]:
    """Return (n,) whose follow-up ended for good, and how many left in another way."""
    kinds = people.records.departures.kinds
    for name in terminal:
        if name != "death":  # records without a death need not know the word
            check_known(name, kinds, what="kind of departure")
    left = (people.left <= last) & ~people.unlinked
    gone = left & np.isin(
        people.cause, [kinds.index(name) + 1 for name in terminal if name in kinds]
    )
    told = []
    for code in np.unique(people.cause[left & ~gone]).tolist():
        number = int((left & ~gone & (people.cause == code)).sum())
        who = counted(number, "person", "people")
        kind = repr(kinds[code - 1]) if code else "a departure of unknown kind"
        told.append(f"{who} last seen at {kind}, which is not terminal")
    return gone, told


def _intervals(
    people: FollowUp,
    who: IntArray,
    stop: FloatArray,
    end: FloatArray,
    gone: BoolArray,
    provenance: Provenance,
) -> Episodes:
    """Return intervals from sorted event times and the ends of follow-up."""
    followed = np.flatnonzero(~people.unlinked)
    person = np.concatenate([who, followed])
    times = np.concatenate([stop, end[followed]])
    event = np.concatenate([np.ones(who.size, dtype=bool), np.zeros(followed.size, dtype=bool)])
    order = np.lexsort((~event, times, person))
    person, times, event = person[order], times[order], event[order]
    start = np.zeros(times.size)
    same = person[1:] == person[:-1]
    start[1:][same] = times[:-1][same]
    empty = times <= start
    if (empty & event).any():
        row = int((empty & event).argmax())
        raise InvalidData(
            f"Person at row {int(person[row])} has two events at one time ({times[row]:g} days), "
            "or one at time 0, as an offence in custody has on the street clock; use the elapsed "
            "clock, or repair the records."
        )
    keep = ~empty
    return Episodes(
        person=person[keep],
        start=start[keep],
        stop=times[keep],
        event=event[keep],
        people=people.n,
        missing=people.unlinked,
        terminal=gone,
        end=end,
        provenance=provenance,
    )
