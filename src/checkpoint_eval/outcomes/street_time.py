"""Days in custody, which are not days at risk in the street."""

from dataclasses import dataclass

import numpy as np

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray
from checkpoint_eval._days import Days
from checkpoint_eval._memory import remembered
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.dates import A_DAY
from checkpoint_eval.outcomes.follow_up import FollowUp
from checkpoint_eval.outcomes.records import Records

# Keys of (person, day) in one number: more days than any calendar here has.
SPAN = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Spells:
    """Spells that do not overlap, by person and start, with the days of all spells before.

    Attributes
    ----------
    person, start, end, before, row : (s,) int
        `end` is the day of release; `before` counts days of the earlier spells of everyone; `row`
        is the extract's row of the first spell that was merged.
    """

    person: IntArray
    start: IntArray
    end: IntArray
    before: IntArray
    row: IntArray


@remembered
def merged_spells(records: Records) -> Spells:
    """Return the custody of the records as spells that do not overlap.

    Open spells last to the extract. Spells that cannot be (without a start, ending before it) are
    left out; `audit` names them.
    """
    custody = records.custody
    start = custody.start.view(np.int64)
    closing = (records.extract_date + A_DAY).astype(np.int64)
    end = np.where(np.isnat(custody.end), closing, custody.end.view(np.int64))
    usable = (custody.person >= 0) & ~np.isnat(custody.start) & (end > start)
    person, start, end = custody.person[usable], start[usable], end[usable]
    row = custody.rows[usable]
    order = np.lexsort((start, person))
    person, start, end, row = person[order], start[order], end[order], row[order]
    # The furthest end so far within a person; a spell that begins beyond it opens a new one.
    offset = person * SPAN
    reach = np.maximum.accumulate(end + offset) if end.size else end
    opens = np.ones(person.size, dtype=bool)
    opens[1:] = start[1:] + offset[1:] > reach[:-1]
    first = np.flatnonzero(opens)
    last = np.append(first[1:], person.size) - 1
    person, start = person[first], start[first]
    end = (reach[last] - offset[last]) if reach.size else end
    length = end - start
    return Spells(
        person=person, start=start, end=end, before=np.cumsum(length) - length, row=row[first]
    )


def days_in_custody(people: FollowUp, who: IntArray, until: Days) -> FloatArray:
    """Return (k,) days in custody of people from their index day to the day before `until`.

    Raises
    ------
    TrialError
        When the extract came without custody: street time is then not known.
    """
    if "custody" not in people.records.given:
        raise TrialError(
            "The extract came without custody spells, so time in the street is not known; give "
            "them, or use elapsed time."
        )
    spells = merged_spells(people.records)
    person = people.person[who]
    end = _custody_before(spells, person, until.view(np.int64))
    begin = _custody_before(spells, person, people.index[who].view(np.int64))
    return np.where(person < 0, np.nan, end - begin).astype(np.float64)


def _custody_before(spells: Spells, person: IntArray, day: IntArray) -> IntArray:
    """Return (k,) days in custody before a day, over spells of everyone that sort before."""
    if not spells.person.size:
        return np.zeros(person.size, dtype=np.int64)
    keys = spells.person * SPAN + spells.start
    at = np.searchsorted(keys, person * SPAN + day, side="left") - 1
    own = (at >= 0) & (spells.person[at] == person)
    begun = np.minimum(day - spells.start[at], spells.end[at] - spells.start[at])
    # Days of everyone who sorts before: they cancel in the difference of two days of one person.
    whole = np.append(spells.before, spells.before[-1] + spells.end[-1] - spells.start[-1])
    return np.where(own, spells.before[at] + begun, whole[at + 1])


def inside_custody(records: Records, person: IntArray, day: Days) -> BoolArray:
    """Return (k,) whether a person was in custody on a day; on the day of arrest they were not."""
    spells = merged_spells(records)
    if not spells.person.size:
        return np.zeros(person.size, dtype=bool)
    number = day.view(np.int64)
    known = (person >= 0) & ~np.isnat(day)
    sought = np.where(known, person * SPAN + np.where(known, number, 0), 0)
    at = np.searchsorted(spells.person * SPAN + spells.start, sought, side="left") - 1
    own = known & (at >= 0) & (spells.person[at] == person)
    return np.asarray(own & (number > spells.start[at]) & (number < spells.end[at]))
