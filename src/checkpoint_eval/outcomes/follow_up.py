"""Following people through the records: whose row is whose, from when, and until when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import BoolArray, IntArray, frozen
from checkpoint_eval._checks import check_known, counted
from checkpoint_eval._days import NOT_A_DAY, Days, as_days
from checkpoint_eval._display import Shown, columns_frame
from checkpoint_eval._frames import at_row
from checkpoint_eval._memory import remembered
from checkpoint_eval.errors import InvalidData, TrialError
from checkpoint_eval.outcomes.dates import EARLIEST, LATEST, add_months
from checkpoint_eval.outcomes.observed import Provenance
from checkpoint_eval.outcomes.records import Records, check_records
from checkpoint_eval.randomise.assignment import Assignment

# Never: later than any day, for whole days compared as numbers.
NEVER = np.iinfo(np.int64).max

# Rows of a table worked on at once.
BLOCK_ROWS = 1 << 16
SHORT = (np.iinfo(np.int32).min, np.iinfo(np.int32).max)  # days fit in four bytes

Clock: TypeAlias = Literal["elapsed", "street"]
CLOCKS: tuple[str, ...] = ("elapsed", "street")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False, weakref_slot=True)
class FollowUp(Shown):
    """The n people of an assignment in the records.

    Attributes
    ----------
    records : Records
    person : (n,) int
        Place in the records; -1 for someone who is not there.
    index : (n,) datetime64[D]
        The day that time runs from.
    index_name : str
    left : (n,) datetime64[D]
        Death or departure, NaT for none known.
    cause : (n,) int
        Into `records.departures.kinds` from 1; 0 for none.
    """

    records: Records
    person: IntArray
    index: Days
    index_name: str
    left: Days
    cause: IntArray

    @property
    def n(self) -> int:
        """How many people."""
        return int(self.person.size)

    @property
    def unlinked(self) -> BoolArray:
        """(n,) who is not in the records."""
        return self.person < 0

    def until(self, months: int) -> Days:
        """Return (n,) the last day of a follow-up of some calendar months."""
        return _until(self, months)

    def end(self, last: Days) -> Days:
        """Return (n,) the last day each was seen: `last`, the extract, death or departure."""
        end = np.minimum(last, self.records.extract_date)
        end = np.where(np.isnat(self.left), end, np.minimum(self.left, end))
        return np.maximum(end, self.index).astype("datetime64[D]")

    def per_record(self, values: IntArray, otherwise: int) -> IntArray:
        """Return (people in the records + 1,) values by place; the last is for unknown places."""
        table = np.full(self.records.n + 1, otherwise, dtype=np.int64)
        known = self.person >= 0
        table[self.person[known]] = values[known]
        return table

    def offences_within(
        self, first: Days, last: Days, *, codes: Sequence[str] = ()
    ) -> tuple[IntArray, IntArray]:
        """Return rows of offences on days first to last of their person, and (k,) whose they are.

        Rows without a date, or of people not followed, lie in no window.
        """
        offences = self.records.offences
        ends = [(first.view(np.int64), NEVER), (last.view(np.int64), -NEVER)]
        # both ends of a person's window side by side in eight bytes: one look-up an offence
        window = np.stack([self.per_record(*end) for end in ends], axis=1)
        window = np.clip(window, *SHORT).astype(np.int32)
        found = []
        for at, person, day in _blocks(offences.person, offences.date.view(np.int64)):
            own = window.take(person, axis=0)
            found.append(at + np.flatnonzero((day >= own[:, 0]) & (day <= own[:, 1])))
        rows = np.concatenate(found) if found else np.zeros(0, dtype=np.int64)
        if codes:
            wanted = [
                offences.codes.index(check_known(code, offences.codes, what="offence code"))
                for code in codes
            ]
            rows = rows[np.isin(offences.code[rows], wanted)]
        return rows, self.per_record(np.arange(self.n), -1)[offences.person[rows]]

    def provenance(self, definition: str, notes: Sequence[str] = ()) -> Provenance:
        """Return where an outcome comes from."""
        unlinked = int(self.unlinked.sum())
        told = list(notes)
        if unlinked:
            told.append(f"{counted(unlinked, 'person', 'people')} not in the records: unknown")
        undated = int(np.isnat(self.records.offences.date).sum())
        if undated:
            told.append(f"{counted(undated, 'offence')} without a date not counted")
        return Provenance(
            definition=definition,
            index=self.index_name,
            extract_date=str(self.records.extract_date),
            digest=self.records.digest,
            notes=tuple(told),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person."""
        return columns_frame(self, "person", "index", "left", "cause")


@remembered
def _until(people: FollowUp, months: int) -> Days:
    return frozen(add_months(people.index, months))


def _blocks(person: IntArray, day: IntArray) -> Iterator[tuple[int, IntArray, IntArray]]:
    """Yield rows in blocks small enough for what is made of them to stay in the cache."""
    for at in range(0, person.size, BLOCK_ROWS):
        yield at, person[at : at + BLOCK_ROWS], day[at : at + BLOCK_ROWS]


def follow(
    records: Records,
    assignment: Assignment,
    *,
    index: Sequence[object] | None = None,
    index_name: str = "",
) -> FollowUp:
    """Find the people of an assignment in the records.

    Parameters
    ----------
    records : Records
    assignment : Assignment
        With `ids`, and with `date` unless `index` is given.
    index : sequence of dates, optional
        Another day that time runs from, one for each person; it needs an `index_name`. Both arms
        must have it: a conviction date, which only one arm has, starts the clocks apart.
    index_name : str

    Returns
    -------
    FollowUp

    Raises
    ------
    TrialError
        When the assignment has no identifiers or dates.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> people = follow(cohort.records(), cohort.assignment)
    >>> people.until(12)[:2]
    array(['2017-08-02', '2017-08-02'], dtype='datetime64[D]')
    """
    check_records(records)
    if not isinstance(assignment, Assignment):
        raise TrialError(f"`assignment` must be an `Assignment`, got {type(assignment).__name__}.")
    if not assignment.ids.size:
        raise TrialError(
            "`assignment` has no `ids`, so nobody can be found in the records; give each person's "
            "identifier there."
        )
    if index is None and not index_name:
        return _from_randomisation(records, assignment)
    return _followed(records, assignment, *_index(assignment, index, index_name))


@remembered
def _from_randomisation(records: Records, assignment: Assignment) -> FollowUp:
    """Follow from randomisation: what every outcome of a trial asks for."""
    return _followed(records, assignment, *_index(assignment, None, ""))


def _followed(records: Records, assignment: Assignment, days: Days, name: str) -> FollowUp:
    place = _places(records, assignment)
    left = np.full(records.n + 1, NEVER)
    departures = records.departures
    known = (departures.person >= 0) & ~np.isnat(departures.date)
    who, when = departures.person[known], departures.date[known].view(np.int64)
    np.minimum.at(left, who, when)
    cause = np.full(records.n + 1, NEVER)
    first = when == left[who]
    np.minimum.at(cause, who[first], departures.kind[known][first] + 1)
    cause[cause == NEVER] = 0
    left[-1], cause[-1] = NEVER, 0
    gone = left[place]
    return FollowUp(
        records=records,
        person=place,
        index=days,
        index_name=name,
        left=np.where(gone == NEVER, NOT_A_DAY, gone.astype("datetime64[D]")),
        cause=cause[place],
    )


def check_people(assignment: object, n: int) -> None:
    """Refuse an assignment that is not of the n people whose outcome is told by arm."""
    if not isinstance(assignment, Assignment):
        raise TrialError(f"`assignment` must be an `Assignment`, got {type(assignment).__name__}.")
    if assignment.n != n:
        raise TrialError(
            f"`assignment` has {counted(assignment.n, 'person', 'people')}, but the outcome is of "
            f"{n:,}; give the assignment that it was derived for."
        )


def _places(records: Records, assignment: Assignment) -> IntArray:
    known = pd.Index(records.ids)
    place = np.asarray(known.get_indexer(pd.Index(assignment.ids)), dtype=np.int64)
    lost = place < 0
    if lost.any():  # a column with a gap says 7.0 for 7, and blanks around a name do not count
        plain = pd.Index(assignment.ids[lost]).str.strip().str.removesuffix(".0")
        again = np.asarray(known.get_indexer(plain), dtype=np.int64)
        taken = plain.duplicated(keep=False) | np.isin(again, place[~lost])
        place[lost] = np.where(taken, -1, again)
    return place


def _index(assignment: Assignment, index: Sequence[object] | None, name: str) -> tuple[Days, str]:
    if index is None:
        if name:
            raise TrialError("`index_name` names an index that was not given; give `index` too.")
        if not assignment.date.size:
            raise TrialError("`assignment` has no `date` of randomisation; give `index` days.")
        return assignment.date, "randomisation"
    if not name:
        raise TrialError(
            "`index` is a day other than randomisation; say which in `index_name`, for it is "
            "printed with the outcome."
        )
    days = as_days(index, "index")
    if days.shape != assignment.arm.shape or np.isnat(days).any():
        raise InvalidData(
            f"`index` has {days.size} dates, {int(np.isnat(days).sum())} of them missing, for "
            f"{assignment.n} people; everyone needs one."
        )
    far = (days < EARLIEST) | (days >= LATEST)
    if far.any():
        raise InvalidData(
            f"`index` is {days[far][0]} at {at_row(int(far.argmax()))}; a date before 1900 or "
            "after 2100 stands for an unknown one, and everyone needs a day."
        )
    return days, name
