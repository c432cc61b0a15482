"""Which offences count as reoffences, and counting them for everyone at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray
from checkpoint_eval._checks import as_names, check_count, counted
from checkpoint_eval._days import Days
from checkpoint_eval._memory import remembered
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.dates import A_DAY
from checkpoint_eval.outcomes.follow_up import BLOCK_ROWS, NEVER, FollowUp
from checkpoint_eval.outcomes.observed import Provenance
from checkpoint_eval.outcomes.records import Records

# Disposals that prove an offence: a court conviction or a caution (bulletin of 28 July 2016), and
# what cautions of the young were called before.
PROVING: tuple[str, ...] = ("conviction", "caution", "reprimand", "warning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """Which offences count as reoffences.

    Attributes
    ----------
    proven : bool
        Whether only offences count that a disposal proved; False is the timely proxy, offences as
        recorded.
    wait : int
        Calendar months after the end of follow-up in which a disposal may still prove an offence.
    proving : tuple of str
        Disposals that prove.
    codes : tuple of str
        Offence codes that count; all when empty.
    day_zero : bool
        Whether an offence on the index day counts: an extract does not say whether it came after.
    """

    proven: bool = True
    wait: int = 6
    proving: tuple[str, ...] = PROVING
    codes: tuple[str, ...] = ()
    day_zero: bool = False

    def __post_init__(self) -> None:
        check_count(self.wait, "wait", least=0)
        for name in ("proven", "day_zero"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise TrialError(f"`{name}` must be True or False, got {getattr(self, name)!r}.")
        object.__setattr__(self, "proving", as_names(self.proving))
        object.__setattr__(self, "codes", as_names(self.codes))

    def told(self, months: int | None) -> str:
        """Say in words what counts within some months, or at any time."""
        kind = f"offences of kind {', '.join(self.codes)}" if self.codes else "offences"
        first = "on or after" if self.day_zero else "after"
        until = "" if months is None else f" and within {months} months of it"
        told = f"{kind} committed {first} the index day{until}"
        if not self.proven:
            return f"{told}, as recorded (local measure, not proven)"
        when = "" if months is None else f" within {months + self.wait} months"
        return f"{told}, proven by {', '.join(self.proving)}{when}"

    def decided(self, people: FollowUp, months: int) -> Days:
        """Return (n,) the last day on which a disposal may prove an offence of the follow-up."""
        return people.until(months + (self.wait if self.proven else 0))

    def reoffences(self, people: FollowUp, last: Days, decided: Days) -> tuple[IntArray, IntArray]:
        """Return rows of offences that count up to `last`, and (k,) whose they are.

        A proven one counts when it was proven by `decided`. After the extract, death or departure
        none does.
        """
        first = people.index if self.day_zero else people.index + A_DAY
        last = np.minimum(last, people.records.extract_date)
        seen = np.where(np.isnat(people.left), last, np.minimum(people.left, last))
        rows, who = people.offences_within(first, seen.astype("datetime64[D]"), codes=self.codes)
        if not self.proven:
            return rows, who
        in_time = proven_by(people.records, self.proving)[rows] <= decided.view(np.int64)[who]
        return rows[in_time], who[in_time]

    def within(self, people: FollowUp, months: int) -> "Counted":
        """Return the reoffences of a follow-up, and whom the extract does not follow so long."""
        return _within(people, self, months)


def check_counting(counting: object) -> Counting:
    """Return what counts; a word or a mapping in its place is refused."""
    if not isinstance(counting, Counting):
        raise TrialError(
            f"`counting` must be a `Counting`, got {counting!r}; write Counting(proven=False) for "
            "offences as recorded."
        )
    return counting


@remembered
def _within(people: FollowUp, counting: Counting, months: int) -> "Counted":
    decided = counting.decided(people, months)
    rows, who = counting.reoffences(people, people.until(months), decided)
    late = ~people.unlinked & (decided > people.records.extract_date)
    return Counted(
        rows=rows,
        person=who,
        missing=people.unlinked | late,
        provenance=people.provenance(counting.told(months), _notes(late)),
    )


def _notes(late: BoolArray) -> list[str]:
    """Say how many people the extract does not follow long enough."""
    if not late.any():
        return []
    told = counted(int(late.sum()), "person", "people")
    return [f"{told} not followed for so long by the extract: unknown"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Counted:
    """The reoffences of the n people of a follow-up.

    Attributes
    ----------
    rows : (k,) int
        Rows of the offences.
    person : (k,) int
        Whose each is.
    missing : (n,) bool
        People not in the records, or not followed so long.
    provenance : Provenance
    """

    rows: IntArray
    person: IntArray
    missing: BoolArray
    provenance: Provenance

    def total(self, weights: FloatArray | None = None) -> NDArray[Any]:
        """Return (n,) how many each person has, or the sum of their weights; 0 where missing."""
        found = np.bincount(self.person, weights=weights, minlength=self.missing.size)
        return np.where(self.missing, 0, found)


PROVEN, RECORDED = Counting(), Counting(proven=False)


@remembered
def proven_by(records: Records, proving: tuple[str, ...]) -> IntArray:
    """Return (m,) the first day an offence was proven, as a number of days; NEVER for none.

    Raises
    ------
    TrialError
        When the extract came without disposals, or none of them is of a proving kind.
    """
    if "disposals" not in records.given:
        raise TrialError(
            "The extract came without disposals, so nothing is proven; give them, or count "
            "recorded offences with counting=Counting(proven=False)."
        )
    disposals = records.disposals
    kinds = [kind for kind, name in enumerate(disposals.kinds) if name in proving]
    if disposals.size and not kinds:
        raise TrialError(
            f"No disposal is one of {', '.join(map(repr, proving))}; the extract has "
            f"{', '.join(map(repr, disposals.kinds))}: say in `proving` which of them prove."
        )
    proves = np.zeros(len(disposals.kinds) + 1, dtype=bool)  # the last: of unknown kind
    proves[kinds] = True
    first = np.full(records.offences.size, NEVER)
    for at in range(0, disposals.size, BLOCK_ROWS):
        rows = slice(at, at + BLOCK_ROWS)
        offence, day = disposals.offence[rows], disposals.date[rows]
        chosen = proves[disposals.kind[rows]] & (offence >= 0) & ~np.isnat(day)
        np.minimum.at(first, offence[chosen], day[chosen].view(np.int64))
    return first
