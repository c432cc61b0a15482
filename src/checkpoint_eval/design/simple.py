"""Simple randomisation: a die for each person."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval._checks import as_tuple, check_count, check_rng
from checkpoint_eval.design.allocation import (
    LARGEST_SUPPORT,
    OneAtATime,
    Person,
    State,
    Support,
    check_arms,
    too_many,
)
from checkpoint_eval.design.people import PeopleLike
from checkpoint_eval.errors import ImpossibleDesign

LARGEST_RATIO = 10_000


def check_ratio(ratio: tuple[int, ...]) -> tuple[int, ...]:
    """Return a ratio: one whole number an arm, control first, at least two arms."""
    several = as_tuple(ratio, "ratio", of="a whole number for each arm")
    parts = tuple(check_count(part, "ratio") for part in several)
    check_arms(len(parts), "ratio")
    if sum(parts) > LARGEST_RATIO:
        raise ImpossibleDesign(
            f"`ratio` {parts} adds up to more than {LARGEST_RATIO:,}; divide by a common factor or "
            "round it."
        )
    if len(parts) < 2:
        raise ImpossibleDesign(
            f"`ratio` needs at least two arms, got {parts}; give a whole number for each, control "
            "first."
        )
    return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Simple(OneAtATime):
    """Each person alone, whatever came before: arm a with its share of the ratio.

    Parameters
    ----------
    ratio : tuple of int
        One whole number an arm, control first.

    References
    ----------
    Rosenberger and Lachin (2016), Randomization in Clinical Trials (complete randomisation).
    Checked against the binomial distribution and enumeration.

    Examples
    --------
    >>> Simple(ratio=(1, 2)).next_probabilities([1, 1, 0]).round(4)
    array([0.3333, 0.6667])
    """

    ratio: tuple[int, ...] = (1, 1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ratio", check_ratio(self.ratio))

    @property
    def n_arms(self) -> int:
        """How many arms, control included."""
        return len(self.ratio)

    def shares(self) -> tuple[int, ...]:
        """Return the ratio."""
        return self.ratio

    @property
    def by_arrival(self) -> bool:
        """Return False: nobody's arm depends on another's."""
        return False

    def draw_many(
        self, people: PeopleLike, draws: int, rng: np.random.Generator
    ) -> NDArray[np.int8]:
        """Return (draws, n) arm codes, one independent allocation a row."""
        shape = (check_count(draws, "draws"), self.read(people).n)
        arm_of = np.repeat(np.arange(self.n_arms, dtype=np.int8), self.ratio)
        return arm_of[check_rng(rng).integers(0, arm_of.size, size=shape, dtype=np.int32)]

    def probabilities(self, people: PeopleLike) -> FloatArray:
        """Return (n, k): the same share of each arm for everyone."""
        return np.tile(np.array(self.chances(None)), (self.read(people).n, 1))

    def support(self, people: PeopleLike, *, limit: int = LARGEST_SUPPORT) -> Support:
        """Return every sequence of arms and its chance; at most `limit` of them."""
        n, k = self.read(people).n, self.n_arms
        check_count(limit, "limit")
        if n * np.log(k) > np.log(limit) + 1e-9:
            raise too_many(n, limit)
        arm = np.stack(np.unravel_index(np.arange(k**n), (k,) * n), axis=1).astype(np.int8)
        return Support(arm=arm, weight=np.prod(np.array(self.chances(None))[arm], axis=1))

    def start(self) -> State:
        """Return nothing: the rule remembers nobody."""
        return None

    def chances(self, state: State, person: Person = None) -> tuple[float, ...]:
        """Return each arm's share of the ratio."""
        return tuple(part / sum(self.ratio) for part in self.ratio)

    def after(self, state: State, arm: int, person: Person = None) -> State:
        """Return nothing."""
        return None
