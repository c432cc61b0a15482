"""The assignment: arm codes, names, strata and the rule that made them."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._arrays import NO_CODES, IntArray, frozen
from checkpoint_eval._checks import counted
from checkpoint_eval._days import as_days
from checkpoint_eval._display import Shown, columns_frame, named
from checkpoint_eval.design.allocation import Complete, Rule
from checkpoint_eval.design.people import People
from checkpoint_eval.design.within import Stratified
from checkpoint_eval.errors import ImpossibleDesign, InvalidData

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False, weakref_slot=True)
class Assignment(Shown):
    """Who was allocated to what.

    Attributes
    ----------
    arm : (n,) int
        Arm codes in arrival order; 0 is control.
    arms : tuple of str
        The k arm names, control first.
    stratum : (n,) int
        Stratum codes; all 0 when the randomisation was not stratified.
    strata : tuple of str
        The names of the strata, by code.
    stratified_by : tuple of str
        The columns whose combinations are the strata.
    rule : rule, optional
        The rule that allocated them. Without one, inference draws complete randomisation within
        strata, given the numbers seen.
    people : People, optional
        The columns the rule reads; needed when it reads any.
    arrival : (n,) int
        Each person's place in the order of arrival, from 0. Empty: as they stand.
    commitment : str
        SHA-256 that committed the seed before anyone was allocated.
    ids : (n,) str
        Identifiers; empty where they are not known.
    date : (n,) datetime64[D]
        When each was allocated; empty where it is not known.

    Raises
    ------
    ImpossibleDesign
        When an arm has nobody, a stratum holds one arm only, or the rule has other arms.
    """

    arm: IntArray
    arms: tuple[str, ...]
    stratum: IntArray
    strata: tuple[str, ...] = ("everyone",)
    stratified_by: tuple[str, ...] = ()
    rule: Rule | None = None
    people: People | None = None
    arrival: IntArray = field(default_factory=lambda: NO_CODES)
    commitment: str = ""
    ids: NDArray[np.str_] = field(default_factory=lambda: np.zeros(0, dtype=str))
    date: NDArray[np.datetime64] = field(default_factory=lambda: np.zeros(0, dtype="datetime64[D]"))

    def __post_init__(self) -> None:
        for name in ("arm", "stratum", "arrival"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.int64))
        object.__setattr__(self, "ids", frozen(self.ids, str))
        object.__setattr__(self, "date", frozen(as_days(self.date, "date")))
        _check_rule(self)
        _check_identity(self)
        if self.arm.shape != self.stratum.shape or self.arm.ndim != 1:
            raise ImpossibleDesign(
                f"`arm` has shape {self.arm.shape} and `stratum` {self.stratum.shape}; "
                "both need one code a person."
            )
        for name, codes, size in (
            ("arm", self.arm, len(self.arms)),
            ("stratum", self.stratum, len(self.strata)),
        ):
            if not ((codes >= 0) & (codes < size)).all():
                row = int((~((codes >= 0) & (codes < size))).argmax())
                raise ImpossibleDesign(
                    f"`{name}` is {int(codes[row])} at row {row}; codes run from 0 to {size - 1}."
                )
        table = self.counts_by_stratum
        empty = [
            name for name, count in zip(self.arms, table.sum(axis=0), strict=True) if not count
        ]
        if empty:
            raise ImpossibleDesign(
                f"Arm {empty[0]!r} has nobody; a comparison needs people in every arm."
            )
        for name, row in zip(self.strata, table, strict=True):
            if (row > 0).sum() < 2:
                only = self.arms[int(row.argmax())]
                raise ImpossibleDesign(
                    f"Stratum {name!r} holds one arm only "
                    f"({counted(int(row.sum()), 'person', 'people')} in {only!r}), so it compares "
                    "nothing; merge it with a neighbouring stratum or leave the factor out of "
                    "`strata`."
                )

    def __repr__(self) -> str:
        arms = ", ".join(f"{name}: {n}" for name, n in zip(self.arms, self.counts, strict=True))
        by = f"; stratified by {', '.join(self.stratified_by)}" if self.stratified_by else ""
        rule = f"; by {type(self.rule).__name__}" if self.rule is not None else ""
        return f"Assignment({arms}{by}{rule})"

    @property
    def counts(self) -> tuple[int, ...]:
        """People in each arm, control first."""
        return tuple(int(n) for n in np.bincount(self.arm, minlength=len(self.arms)))

    @property
    def counts_by_stratum(self) -> IntArray:
        """(s, k) people in each arm of each stratum."""
        k, s = len(self.arms), len(self.strata)
        counts = np.bincount(self.stratum * k + self.arm, minlength=s * k)
        return counts.reshape(s, k)

    @property
    def order(self) -> IntArray:
        """(n,) rows in order of arrival."""
        return np.argsort(self.arrival, kind="stable") if self.arrival.size else np.arange(self.n)

    @property
    def n(self) -> int:
        """How many people."""
        return int(self.arm.size)

    def seal(self) -> dict[str, IntArray]:
        """Return what a digest must cover beside arms and strata, where it is known."""
        codes = self.people.codes if self.people is not None else {}
        found = {f"factor {name}": codes[name] for name in sorted(codes)}
        return found | ({"arrival": self.arrival} if self.arrival.size else {})

    def redrawn_by(self) -> tuple[Rule, People]:
        """Return the rule that inference draws, and the people in order of arrival.

        Without a stated rule: complete randomisation within strata, given the numbers seen.
        """
        if self.rule is not None:
            people = self.people if self.people is not None else People(n=self.n)
            return self.rule, people.take(self.order)
        rules = {
            f"stratum={code}": Complete(counts=tuple(counts))
            for code, counts in enumerate(self.counts_by_stratum.tolist())
        }
        if len(rules) == 1:
            return rules["stratum=0"], People(n=self.n)
        levels = tuple(str(code) for code in range(len(rules)))
        return Stratified(rule=rules, by="stratum"), People(
            n=self.n, codes={"stratum": self.stratum[self.order]}, levels={"stratum": levels}
        )

    def to_frame(self) -> "pd.DataFrame":
        """Return one row a person: identifier and day where known, arm and stratum."""
        frame = columns_frame(self, "ids", "date", "arm", "stratum", "arrival")
        named_ = {"arm": named(self.arm, self.arms), "stratum": named(self.stratum, self.strata)}
        return frame.assign(**named_)


def _check_identity(assignment: Assignment) -> None:
    """Refuse identifiers that repeat, and identifiers or dates that not everyone has."""
    n, ids, date = assignment.arm.size, assignment.ids, assignment.date
    for name, values in (("ids", ids), ("date", date)):
        if values.size not in (0, n):
            raise InvalidData(f"`{name}` has {values.size} values for {n} people; give one each.")
    if np.unique(ids).size < ids.size:
        _, first, number = np.unique(ids, return_index=True, return_counts=True)
        repeated = ids[first[number.argmax()]]
        raise InvalidData(f"`ids` repeats {str(repeated)!r}; a person is allocated once.")
    if np.isnat(date).any():
        raise InvalidData(
            f"`date` is missing at row {int(np.isnat(date).argmax())}; everyone allocated was "
            "allocated on some day."
        )


def _check_rule(assignment: Assignment) -> None:
    n, arrival = assignment.arm.size, assignment.arrival
    if arrival.size and not np.array_equal(np.sort(arrival), np.arange(n)):
        raise ImpossibleDesign(
            f"`arrival` must hold each place from 0 to {n - 1} once, got {arrival[:5]}..."
        )
    if assignment.rule is None:
        return
    if assignment.rule.n_arms != len(assignment.arms):
        raise ImpossibleDesign(
            f"`rule` allocates to {assignment.rule.n_arms} arms, but there are "
            f"{len(assignment.arms)}: {', '.join(map(repr, assignment.arms))}."
        )
    people = assignment.people
    if people is not None and people.n != n:
        raise ImpossibleDesign(
            f"`people` are {people.n}, but {n} have an arm; give the columns of everyone "
            "with an arm."
        )
    assignment.rule.read(people if people is not None else n)
