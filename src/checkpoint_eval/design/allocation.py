"""Allocation rules: one object that draws, states probabilities and enumerates its support."""

import itertools
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._arrays import FloatArray, IntArray, frozen
from checkpoint_eval._checks import as_tuple, check_count, check_rng
from checkpoint_eval._display import Shown
from checkpoint_eval._frames import column, column_names, numbers, read_table
from checkpoint_eval.design.people import Factor, People, PeopleLike, as_people
from checkpoint_eval.errors import ImpossibleDesign, TrialError

LARGEST_SUPPORT = 1_000_000

State: TypeAlias = Any  # what JSON can hold
Person: TypeAlias = Mapping[str, object] | None
History: TypeAlias = Sequence[int] | Any  # arm codes, or a table with a column `arm`


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Support(Shown):
    """Every allocation a rule can make.

    Attributes
    ----------
    arm : (s, n) int8
        One allocation a row.
    weight : (s,) float
        How likely each is; adds up to 1.
    """

    arm: NDArray[np.int8]
    weight: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "arm", frozen(self.arm, np.int8))
        object.__setattr__(self, "weight", frozen(self.weight, np.float64))

    def probabilities(self, n_arms: int) -> FloatArray:
        """Return (n, k): how often each person has each arm, over all allocations."""
        each = [self.weight @ (self.arm == code) for code in range(n_arms)]
        return np.asarray(np.stack(each, axis=1), dtype=np.float64)


@runtime_checkable
class Allocation(Protocol):
    """A rule that allocates people to arms; control is always code 0.

    `people` is a count, or a table in order of arrival where the rule reads columns of it. The law
    that ties the methods: every draw lies in the support, and the mean of the support, weighted,
    is the stated probability.
    """

    @property
    def n_arms(self) -> int:
        """How many arms, control included."""

    def draw(self, people: PeopleLike, rng: np.random.Generator) -> IntArray:
        """Return (n,) arm codes in arrival order."""

    def draw_many(
        self, people: PeopleLike, draws: int, rng: np.random.Generator
    ) -> NDArray[np.int8]:
        """Return (draws, n) arm codes, one independent allocation a row."""

    def probabilities(self, people: PeopleLike) -> FloatArray:
        """Return (n, k): each person's chance of each arm before anyone is allocated."""

    def support(self, people: PeopleLike, *, limit: int = LARGEST_SUPPORT) -> Support:
        """Return every allocation the rule can make, with how likely each is."""

    def next_probabilities(self, history: History, person: Person = None) -> FloatArray:
        """Return (k,): the chance of each arm for the next person, given those before."""


class Rule(ABC):
    """What all rules of this library share."""

    __slots__ = ()

    @property
    @abstractmethod
    def n_arms(self) -> int:
        """How many arms, control included."""

    def shares(self) -> tuple[int, ...]:
        """Return the ratio of the arms that the rule aims at, control first."""
        return (1,) * self.n_arms

    @property
    def columns(self) -> tuple[Factor, ...]:
        """The columns of people the rule reads as levels."""
        return ()

    @property
    def covariates(self) -> tuple[str, ...]:
        """The columns of people the rule reads as numbers."""
        return ()

    @property
    def by_arrival(self) -> bool:
        """Whether the order in which people came matters to the rule."""
        return True

    @property
    def clusters(self) -> tuple[tuple[Factor, ...], ...]:
        """The columns of the clusters that the rule allocates as a whole, at every depth."""
        return ()

    @abstractmethod
    def draw_many(
        self, people: PeopleLike, draws: int, rng: np.random.Generator
    ) -> NDArray[np.int8]:
        """Return (draws, n) arm codes, one independent allocation a row."""

    @abstractmethod
    def probabilities(self, people: PeopleLike) -> FloatArray:
        """Return (n, k): each person's chance of each arm before anyone is allocated."""

    @abstractmethod
    def support(self, people: PeopleLike, *, limit: int = LARGEST_SUPPORT) -> Support:
        """Return every allocation the rule can make, with how likely each is."""

    @abstractmethod
    def next_probabilities(self, history: History, person: Person = None) -> FloatArray:
        """Return (k,): the chance of each arm for the next person, given those before."""

    def draw(self, people: PeopleLike, rng: np.random.Generator) -> IntArray:
        """Return (n,) arm codes in arrival order."""
        return np.asarray(self.draw_many(people, 1, rng)[0], dtype=np.int64)

    def read(self, people: PeopleLike) -> People:
        """Return people with the columns the rule reads."""
        return as_people(people, factors=self.columns, covariates=self.covariates)


class OneAtATime(Rule):
    """A rule that can allocate each person as they come.

    Its memory of those before is a `state`: nested lists, mappings, numbers and text, so that a
    ledger can store it. `start` gives the first, `after` the next; states are never changed.
    """

    __slots__ = ()

    @abstractmethod
    def start(self) -> State:
        """Return what the rule remembers before anyone came."""

    @abstractmethod
    def chances(self, state: State, person: Person = None) -> tuple[float, ...]:
        """Return the chance of each arm for the next person."""

    @abstractmethod
    def after(self, state: State, arm: int, person: Person = None) -> State:
        """Return what the rule remembers once a person was given an arm."""

    def next_probabilities(self, history: History, person: Person = None) -> FloatArray:
        """Return (k,): the chance of each arm for the next person, given those before.

        Parameters
        ----------
        history : sequence of int, or table
            Arm codes in order of arrival; for a rule that reads columns, a table of those before
            with these columns and a column `arm` of codes. Empty for nobody.
        person : mapping, optional
            The next person's value of each column the rule reads.
        """
        state = self.start()
        for place, (arm, other) in enumerate(_people_before(history, self.columns, self.n_arms)):
            after = self.after(state, arm, other)
            if not self.chances(state, other)[arm] > 0:
                raise ImpossibleDesign(
                    f"`history` gives arm {arm} to the {place + 1}. person, which "
                    f"{type(self).__name__} cannot have done after the {place} before."
                )
            state = after
        return np.array(self.chances(state, person))

    def knows_cluster(self, state: State, person: Person) -> bool:
        """Return whether a person belongs to a cluster that already has its arm."""
        return False

    def walked(self, people: int, limit: int) -> Support:
        """Return the support by following every state the rule can be in; for rules of counts.

        Allocations that lead to the same state go on together.
        """
        check_count(limit, "limit")
        now: dict[str, tuple[State, NDArray[np.int8], FloatArray]] = {
            "": (self.start(), np.zeros((1, 0), dtype=np.int8), np.ones(1))
        }
        for _ in range(people):
            then: dict[str, tuple[State, list[NDArray[np.int8]], list[FloatArray]]] = {}
            for state, arms, weight in now.values():
                for arm, chance in enumerate(self.chances(state)):
                    if chance > 0:
                        after = self.after(state, arm)
                        into = then.setdefault(json.dumps(after), (after, [], []))
                        into[1].append(np.insert(arms, arms.shape[1], arm, axis=1))
                        into[2].append(weight * chance)
            now = {
                key: (state, np.concatenate(arms), np.concatenate(weights))
                for key, (state, arms, weights) in then.items()
            }
            if sum(weight.size for _, _, weight in now.values()) > limit:
                raise too_many(people, limit)
        return Support(
            arm=np.concatenate([arms for _, arms, _ in now.values()]),
            weight=np.concatenate([weight for _, _, weight in now.values()]),
        )


def _people_before(
    history: History, factors: Sequence[Factor], k: int
) -> Iterator[tuple[int, dict[str, str] | None]]:
    """Yield the arm and levels of each person before."""
    table = column_names(history)
    if not table:
        arms = np.asarray(history)
        if arms.ndim != 1 or arms.dtype.kind not in "iufb":
            raise TrialError(
                f"`history` must be a table or a list of arm codes, such as [0, 1], got "
                f"{history!r}."
            )
        if arms.size and factors:
            raise TrialError(
                "`history` must be a table with a column `arm` and "
                f"{', '.join(repr(factor.name) for factor in factors)}, got arms alone."
            )
        people = None
    else:
        if len(history) == 0:
            return
        frame = read_table(history)
        arms = numbers(column(frame, "arm", role="arm"), role="arm")
        people = as_people(history, factors=factors)
    if not np.isin(arms, np.arange(k)).all():
        wrong = arms[~np.isin(arms, np.arange(k))][0]
        raise ImpossibleDesign(f"`history` must hold arm codes 0 to {k - 1}, got {wrong:g}.")
    for row, arm in enumerate(arms.astype(np.int64).tolist()):
        yield arm, people.person(row) if people is not None else None


MOST_ARMS = 127  # codes are 8-bit whole numbers


def check_arms(number: int, name: str) -> None:
    """Refuse more arms than codes can tell apart."""
    if number > MOST_ARMS:
        raise ImpossibleDesign(f"`{name}` names {number} arms; at most {MOST_ARMS} are possible.")


class SupportTooLarge(ImpossibleDesign):
    """More allocations than may be listed."""


def too_many(people: int, limit: int) -> SupportTooLarge:
    """Return the refusal of a support that is too large to list."""
    return SupportTooLarge(
        f"The rule has more than {limit:,} allocations of {people} people; use draw_many to "
        "sample them."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete(OneAtATime):
    """Complete randomisation: exactly `counts[a]` people in arm a, all ways equally likely.

    Parameters
    ----------
    counts : tuple of int
        People in each arm, control first; at least two arms with people.

    Raises
    ------
    ImpossibleDesign
        When fewer than two arms have people, or the counts do not add up to the people.

    References
    ----------
    Rosenberger and Lachin (2016), Randomization in Clinical Trials (random allocation rule).
    Checked against exact enumeration.

    Examples
    --------
    >>> rule = Complete(counts=(2, 2))
    >>> rule.support(4).arm.shape
    (6, 4)
    >>> rule.probabilities(4)[0]
    array([0.5, 0.5])
    """

    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        several = as_tuple(self.counts, "counts", of="the people of each arm")
        counts = tuple(check_count(count, "counts", least=0) for count in several)
        check_arms(len(counts), "counts")
        if sum(count > 0 for count in counts) < 2:
            raise ImpossibleDesign(f"`counts` needs people in at least two arms, got {counts}.")
        object.__setattr__(self, "counts", counts)

    @property
    def n_arms(self) -> int:
        """How many arms, control included."""
        return len(self.counts)

    def shares(self) -> tuple[int, ...]:
        """Return the counts without their common divisor."""
        return tuple(count // math.gcd(*self.counts) for count in self.counts)

    @property
    def by_arrival(self) -> bool:
        """Return False: all orders are equally likely."""
        return False

    def draw_many(
        self, people: PeopleLike, draws: int, rng: np.random.Generator
    ) -> NDArray[np.int8]:
        """Return (draws, n) arm codes, one independent allocation a row."""
        check_count(draws, "draws")
        return check_rng(rng).permuted(np.tile(self._codes(people), (draws, 1)), axis=1)

    def probabilities(self, people: PeopleLike) -> FloatArray:
        """Return (n, k): the same share of each arm for everyone."""
        n = self._codes(people).size
        return np.tile(np.array(self.counts) / n, (n, 1))

    def support(self, people: PeopleLike, *, limit: int = LARGEST_SUPPORT) -> Support:
        """Return every allocation, all equally likely; refused above `limit` of them."""
        codes = self._codes(people)
        check_count(limit, "limit")
        size = math.factorial(codes.size)
        for count in self.counts:
            size //= math.factorial(count)
        if size > limit:
            raise too_many(codes.size, limit)
        table = np.zeros((size, codes.size), dtype=codes.dtype)
        for index, groups in enumerate(_arrangements(tuple(range(codes.size)), self.counts)):
            for arm, members in enumerate(groups):
                table[index, list(members)] = arm
        return Support(arm=table, weight=np.full(size, 1 / size))

    def start(self) -> State:
        """Return the places left in each arm."""
        return list(self.counts)

    def chances(self, state: State, person: Person = None) -> tuple[float, ...]:
        """Return what is left in the urn, as shares."""
        if not sum(state):
            raise ImpossibleDesign(
                f"All {sum(self.counts)} places of {self.counts} are taken; the rule has none "
                "for another person."
            )
        return tuple(left / sum(state) for left in state)

    def after(self, state: State, arm: int, person: Person = None) -> State:
        """Return the places left once a person took one."""
        if not state[arm]:
            raise ImpossibleDesign(
                f"`history` has more people in arm {arm} than the {self.counts[arm]} of "
                f"{self.counts}."
            )
        return [left - (code == arm) for code, left in enumerate(state)]

    def _codes(self, people: PeopleLike) -> NDArray[np.int8]:
        n = self.read(people).n
        if n != sum(self.counts):
            raise ImpossibleDesign(
                f"`counts` {self.counts} add up to {sum(self.counts)}, but there are "
                f"{n} people; the two must agree."
            )
        return np.repeat(np.arange(len(self.counts), dtype=np.int8), self.counts)


def _arrangements(
    people: tuple[int, ...], counts: tuple[int, ...]
) -> "itertools.chain[tuple[tuple[int, ...], ...]]":
    """Every way to split people into groups of the given sizes."""
    if len(counts) == 1:
        return itertools.chain([(people,)])
    return itertools.chain.from_iterable(
        (
            (first, *rest)
            for rest in _arrangements(
                tuple(person for person in people if person not in first), counts[1:]
            )
        )
        for first in itertools.combinations(people, counts[0])
    )
