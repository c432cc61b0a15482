"""Slow second implementations of outcomes read from a police extract.

Loops over people, rows and single days with `datetime.date`, written from the definitions in the
public docstrings and nothing else; nothing is shared with the library.
"""

from __future__ import annotations

import calendar
import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Day = dt.date
ONE = dt.timedelta(days=1)


class Offence(NamedTuple):
    """One offence as written; None where the extract says nothing."""

    person: str
    date: Day | None
    name: int
    code: str | None = None
    recorded: Day | None = None


class Disposal(NamedTuple):
    """What came of an offence."""

    offence: int
    date: Day | None
    kind: str | None


class Spell(NamedTuple):
    """Custody from `start` to the day before `end`; None while still open."""

    person: str
    start: Day | None
    end: Day | None


class Departure(NamedTuple):
    """A death or an emigration."""

    person: str
    date: Day | None
    kind: str | None


class Assessment(NamedTuple):
    """The need on one pathway on one day."""

    person: str
    date: Day | None
    pathway: str | None
    score: float | None
    assessor: str | None = None


class Extract(NamedTuple):
    """All that the police gave out, up to and with `day`."""

    people: Sequence[str]
    offences: Sequence[Offence]
    disposals: Sequence[Disposal]
    custody: Sequence[Spell]
    departures: Sequence[Departure]
    assessments: Sequence[Assessment]
    day: Day


class Rules(NamedTuple):
    """Which offences count."""

    proven: bool = True
    wait: int = 6
    proving: Sequence[str] = ("conviction", "caution", "reprimand", "warning")
    codes: Sequence[str] = ()
    day_zero: bool = False


class First(NamedTuple):
    """Time to the first reoffence, or to what ended the wait for it."""

    time: float
    event: bool
    cause: str | None


class Interval(NamedTuple):
    """A stretch of follow-up; an event happens at `stop`."""

    start: float
    stop: float
    event: bool


def months_later(day: Day, months: int) -> Day:
    """Return the same day of the month some months on, or the month's last when it has none."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    longest = calendar.monthrange(year, month + 1)[1]
    return Day(year, month + 1, min(day.day, longest))


def proven_by(extract: Extract, offence: Offence, last: Day, proving: Sequence[str]) -> bool:
    """Whether some disposal of a proving kind is dated on or before `last`."""
    for disposal in extract.disposals:
        if disposal.offence != offence.name or disposal.date is None:
            continue
        if disposal.kind in proving and disposal.date <= last:
            return True
    return False


def counted(
    extract: Extract, who: str, first: Day, last: Day, decided: Day, rules: Rules
) -> list[Offence]:
    """Offences of one person on days first to last that count, proven ones by `decided`."""
    found = []
    for offence in extract.offences:
        if offence.person != who or offence.date is None:
            continue
        if not first <= offence.date <= last:
            continue
        if rules.codes and offence.code not in rules.codes:
            continue
        if rules.proven and not proven_by(extract, offence, decided, rules.proving):
            continue
        found.append(offence)
    return found


def reoffences(
    extract: Extract, who: str, index: Day, months: int, rules: Rules
) -> list[Offence] | None:
    """Offences of a follow-up that count; None where the extract cannot tell."""
    reach = months + (rules.wait if rules.proven else 0)
    if who not in extract.people or months_later(index, reach) > extract.day:
        return None
    first = index if rules.day_zero else index + ONE
    last = still_here(extract, who, months_later(index, months))
    return counted(extract, who, first, last, months_later(index, reach), rules)


def still_here(extract: Extract, who: str, last: Day) -> Day:
    """`last`, or the day of death or departure if that came before: nobody reoffends after it."""
    gone = departure(extract, who)
    return last if gone is None else min(last, gone[0])


def departure(extract: Extract, who: str) -> tuple[Day, str] | None:
    """The earliest departure; of two on a day the first in the alphabet."""
    found = [(row.date, row.kind or "") for row in extract.departures if row.person == who]
    return min((row for row in found if row[0] is not None), default=None)  # type: ignore[type-var]


def in_custody(extract: Extract, who: str, day: Day) -> bool:
    """Whether a person spent that day in custody; on the day of release they are at liberty."""
    for spell in extract.custody:
        if spell.person != who or spell.start is None or day < spell.start:
            continue
        if spell.end is None or day < spell.end:
            return True
    return False


def days_between(extract: Extract, who: str, first: Day, last: Day, clock: str) -> int:
    """Days from `first` until `last`, the last not counted; street days are at liberty."""
    days, day = 0, first
    while day < last:
        if clock == "elapsed" or not in_custody(extract, who, day):
            days += 1
        day += ONE
    return days


def last_seen(extract: Extract, who: str, index: Day, months: int) -> Day:
    """The end of follow-up, of the extract, or the day of death or departure."""
    end = min(months_later(index, months), extract.day)
    gone = departure(extract, who)
    return end if gone is None else min(end, gone[0])


def time_at_risk(extract: Extract, who: str, index: Day, months: int, clock: str) -> int | None:
    """Days a person could have reoffended; None for someone not in the extract."""
    if who not in extract.people:
        return None
    return days_between(extract, who, index, last_seen(extract, who, index, months), clock)


def events(extract: Extract, who: str, index: Day, months: int, rules: Rules) -> list[Day]:
    """Days of reoffences while a person was seen, as far as the extract shows them proven."""
    first = index if rules.day_zero else index + ONE
    end = last_seen(extract, who, index, months)
    decided = months_later(index, months + rules.wait)
    found = counted(extract, who, first, end, decided, rules)
    return sorted(row.date for row in found if row.date is not None)


def first_reoffence(
    extract: Extract, who: str, index: Day, months: int, rules: Rules, clock: str
) -> First | None:
    """Time from the index day to the first reoffence, or to the end of follow-up."""
    if who not in extract.people:
        return None
    days = events(extract, who, index, months, rules)
    if days:
        return First(days_between(extract, who, index, days[0], clock), event=True, cause=None)
    end = last_seen(extract, who, index, months)
    gone = departure(extract, who)
    cause = gone[1] if gone is not None and gone[0] == end else None
    return First(days_between(extract, who, index, end, clock), event=False, cause=cause)


def episodes(
    extract: Extract, who: str, index: Day, months: int, rules: Rules, clock: str
) -> list[Interval] | None:
    """Intervals from event to event; None where two events share a time or one has time 0."""
    if who not in extract.people:
        return []
    days = sorted(set(events(extract, who, index, months, rules)))
    times = [days_between(extract, who, index, day, clock) for day in days]
    if times and (times[0] == 0 or len(set(times)) < len(times)):
        return None
    end = days_between(extract, who, index, last_seen(extract, who, index, months), clock)
    starts = [0, *times]
    found = [Interval(start, stop, event=True) for start, stop in zip(starts, times, strict=False)]
    if end > starts[-1]:
        found.append(Interval(starts[-1], end, event=False))
    return found


def harm(
    extract: Extract,
    who: str,
    index: Day,
    months: int,
    rules: Rules,
    weights: Mapping[str, float],
) -> float | None:
    """Sum of the weights of a person's reoffences."""
    found = reoffences(extract, who, index, months, rules)
    if found is None:
        return None
    return sum(weights[row.code] for row in found if row.code is not None)


def change(
    extract: Extract, who: str, index: Day, months: int, rules: Rules
) -> tuple[int, int] | None:
    """Offences in the months before the index day, and after it; it belongs to neither."""
    after = reoffences(extract, who, index, months, rules)
    if after is None:
        return None
    decided = months_later(index, rules.wait)
    before = counted(extract, who, months_later(index, -months), index - ONE, decided, rules)
    return len(before), len(after)


def entered(extract: Extract, who: str, index: Day, months: int, rules: Rules) -> bool | None:
    """Whether a person first proven to have offended after the index day was within follow-up.

    An entry is a disposal: whatever it is for, it is a first one by its own date.
    """
    end = months_later(index, months)
    if who not in extract.people or end > extract.day:
        return None
    mine = [offence for offence in extract.offences if offence.person == who]
    if any(proven_by(extract, offence, index, rules.proving) for offence in mine):
        return None
    return any(proven_by(extract, offence, end, rules.proving) for offence in mine)


def pathway(
    extract: Extract, who: str, index: Day, months: int, earliest: int, name: str
) -> tuple[float | None, float | None]:
    """The last score on or before the index day, and the last within follow-up."""
    if who not in extract.people:
        return None, None
    before, after = windows(index, months, earliest)
    found = _last(extract, who, name, *before), _last(extract, who, name, *after)
    return found[0] and found[0][1], found[1] and found[1][1]


def assessed(
    extract: Extract, who: str, index: Day, months: int, earliest: int, names: Sequence[str]
) -> tuple[str, str]:
    """Whose scores those of some pathways are, "" for nobody's, or several people's."""
    told = []
    for first, last in windows(index, months, earliest):
        used = [_last(extract, who, name, first, last) for name in names]
        people = {row[2] for row in used if row and row[2] and who in extract.people}
        told.append(people.pop() if len(people) == 1 else "")
    return told[0], told[1]


def windows(index: Day, months: int, earliest: int) -> tuple[tuple[Day, Day], tuple[Day, Day]]:
    """First and last days before and after."""
    return (Day.min, index), (index + earliest * ONE, months_later(index, months))


def _last(
    extract: Extract, who: str, name: str, first: Day, last: Day
) -> tuple[Day, float, str] | None:
    best: tuple[Day, float, str] | None = None
    for row in extract.assessments:
        if row.person != who or row.pathway != name or row.score is None or row.date is None:
            continue
        found = (row.date, row.score, row.assessor or "")
        if first <= row.date <= last and (best is None or found > best):
            best = found
    return best


def measured(
    extract: Extract, cohort: Mapping[str, Day], months: int, ages: Sequence[int], rules: Rules
) -> list[tuple[int, int, float, float]]:
    """One (age, people, share recorded, share proven) for each age, as looked at then."""
    followed = {
        who: index
        for who, index in cohort.items()
        if who in extract.people and months_later(index, months + max(ages)) <= extract.day
    }
    table = []
    for age in sorted(ages):
        recorded = proven = 0
        for who, index in followed.items():
            first = index if rules.day_zero else index + ONE
            last = still_here(extract, who, months_later(index, months))
            seen = months_later(index, months + age)
            known = counted(extract, who, first, last, last, rules._replace(proven=False))
            recorded += any((row.recorded or row.date or seen) <= seen for row in known)
            decided = months_later(index, months + min(age, rules.wait))
            found = counted(extract, who, first, last, decided, rules._replace(proven=True))
            proven += bool(found)
        table.append((age, len(followed), recorded / len(followed), proven / len(followed)))
    return table
