"""Allocation rules: one object that draws, states probabilities and enumerates its support."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._arrays import FloatArray, IntArray, frozen
from checkpoint_eval._checks import check_count, check_rng
from checkpoint_eval.errors import ImpossibleDesign

LARGEST_SUPPORT = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Support:
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


@runtime_checkable
class Allocation(Protocol):
    """A rule that allocates people to arms; control is always code 0.

    The law that ties the methods: every draw lies in the support, and the mean of the support,
    weighted, is the stated probability.
    """

    def draw(self, people: int, rng: np.random.Generator) -> IntArray:
        """Return (n,) arm codes in arrival order."""

    def draw_many(self, people: int, draws: int, rng: np.random.Generator) -> NDArray[np.int8]:
        """Return (draws, n) arm codes, one independent allocation a row."""

    def probabilities(self, people: int) -> FloatArray:
        """Return (n, k): each person's chance of each arm before anyone is allocated."""

    def support(self, people: int) -> Support:
        """Return every allocation the rule can make, with how likely each is."""

    def next_probabilities(self, history: Sequence[int], person: object = None) -> FloatArray:
        """Return (k,): the chance of each arm for the next person, given the arms so far.

        `person` is for rules that look at who comes; others leave it out.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """Complete randomisation: exactly `counts[a]` people in arm a, all ways equally likely.

    Parameters
    ----------
    counts : tuple of int
        People in each arm, control first; every count at least 1, at least two arms.

    Raises
    ------
    ImpossibleDesign
        When the counts are not whole, positive and two or more, or do not add up to the people.

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
        counts = tuple(check_count(count, "counts") for count in self.counts)
        if len(counts) < 2:
            raise ImpossibleDesign(f"`counts` needs at least two arms, got {counts}.")
        object.__setattr__(self, "counts", counts)

    def draw(self, people: int, rng: np.random.Generator) -> IntArray:
        """Return (n,) arm codes in arrival order."""
        return np.asarray(self.draw_many(people, 1, rng)[0], dtype=np.int64)

    def draw_many(self, people: int, draws: int, rng: np.random.Generator) -> NDArray[np.int8]:
        """Return (draws, n) arm codes, one independent allocation a row."""
        codes = self._codes(people)
        return check_rng(rng).permuted(np.tile(codes, (draws, 1)), axis=1)

    def probabilities(self, people: int) -> FloatArray:
        """Return (n, k): the same share of each arm for everyone."""
        self._codes(people)
        return np.tile(np.array(self.counts) / people, (people, 1))

    def support(self, people: int) -> Support:
        """Return every allocation, all equally likely; refused above a million of them."""
        codes = self._codes(people)
        size = math.factorial(people)
        for count in self.counts:
            size //= math.factorial(count)
        if size > LARGEST_SUPPORT:
            raise ImpossibleDesign(
                f"The rule has {size:,} possible allocations, above the {LARGEST_SUPPORT:,} that "
                "are listed; use draw_many to sample them."
            )
        rows = _arrangements(tuple(range(people)), self.counts)
        table = np.zeros((size, people), dtype=codes.dtype)
        for index, groups in enumerate(rows):
            for arm, members in enumerate(groups):
                table[index, list(members)] = arm
        return Support(arm=table, weight=np.full(size, 1 / size))

    def next_probabilities(self, history: Sequence[int], person: object = None) -> FloatArray:
        """Return (k,): what is left in the urn, as shares."""
        del person
        used = np.bincount(np.asarray(history, dtype=np.int64), minlength=len(self.counts))
        left = np.array(self.counts) - used[: len(self.counts)]
        if not ((left >= 0).all() and left.sum() > 0 and used.size == len(self.counts)):
            raise ImpossibleDesign(
                f"`history` has {used.tolist()} people by arm; the rule allows {self.counts} and "
                "one more must still be possible."
            )
        return np.asarray(left / left.sum(), dtype=np.float64)

    def _codes(self, people: int) -> NDArray[np.int8]:
        if people != sum(self.counts):
            raise ImpossibleDesign(
                f"`counts` {self.counts} add up to {sum(self.counts)}, but there are "
                f"{people} people; the two must agree."
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
