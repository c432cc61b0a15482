"""Two-arm rules that allocate one person at a time by the difference so far."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import check_count, check_rng, is_number
from checkpoint_eval.design.allocation import LARGEST_SUPPORT, Support
from checkpoint_eval.errors import ImpossibleDesign, TrialError


class Sequential(ABC):
    """A two-arm rule whose next step depends on people so far and the difference between arms.

    A rule states one thing, `chance`; drawing, probabilities, support and the distribution of the
    difference all follow from it, so that they cannot disagree.
    """

    __slots__ = ()

    @abstractmethod
    def chance(self, difference: ArrayLike, *, place: int) -> FloatArray:
        """Return the chance of treatment for the person at `place` (0 is the first).

        `difference` is treatment − control among those before, of any shape; so is the answer.
        """

    def draw(self, people: int, rng: np.random.Generator) -> IntArray:
        """Return (n,) arm codes in arrival order."""
        return np.asarray(self.draw_many(people, 1, rng)[0], dtype=np.int64)

    def draw_many(self, people: int, draws: int, rng: np.random.Generator) -> NDArray[np.int8]:
        """Return (draws, n) arm codes, one independent allocation a row."""
        check_rng(rng)
        self._check_people(people)
        arms = np.empty((people, check_count(draws, "draws")), dtype=np.int8)
        difference = np.zeros(draws, dtype=np.int64)
        for place in range(people):  # each step needs the one before; draws are the batch
            arms[place] = rng.random(draws) < self.chance(difference, place=place)
            difference += 2 * arms[place].astype(np.int64) - 1
        return np.ascontiguousarray(arms.T)

    def differences(self, people: int) -> FloatArray:
        """Return (n + 1, 2n + 1): the exact distribution of the difference after each person.

        Row j is after j people; column n + d is a difference of d.
        """
        self._check_people(people)
        values = np.arange(-people, people + 1)
        rows = np.zeros((people + 1, values.size))
        rows[0, people] = 1.0
        for place in range(people):
            reached = rows[place] > 0
            chance = np.zeros(values.size)
            chance[reached] = self.chance(values[reached], place=place)
            rows[place + 1, 1:] += (rows[place] * chance)[:-1]
            rows[place + 1, :-1] += (rows[place] * (1 - chance))[1:]
        return rows

    def probabilities(self, people: int) -> FloatArray:
        """Return (n, 2): each person's chance of each arm before anyone is allocated."""
        rows = self.differences(people)
        values = np.arange(-people, people + 1)
        treated = np.array(
            [
                row[row > 0] @ self.chance(values[row > 0], place=place)
                for place, row in enumerate(rows[:-1])
            ]
        )
        return np.stack([1 - treated, treated], axis=1)

    def support(self, people: int) -> Support:
        """Return every allocation the rule can make and its chance; at most a million of them."""
        self._check_people(people)
        arm, weight = np.zeros((1, 0), dtype=np.int8), np.ones(1)
        for place in range(people):
            difference = 2 * arm.sum(axis=1, dtype=np.int64) - place
            chance = self.chance(difference, place=place)
            both = np.concatenate([weight * (1 - chance), weight * chance])
            code = np.repeat(np.array([0, 1], dtype=np.int8), weight.size)
            arm = np.concatenate([np.tile(arm, (2, 1)), code[:, None]], axis=1)[both > 0]
            weight = both[both > 0]
            if weight.size > LARGEST_SUPPORT:
                raise ImpossibleDesign(
                    f"The rule has more than {LARGEST_SUPPORT:,} allocations of {people} people; "
                    "use draw_many to sample them."
                )
        return Support(arm=arm, weight=weight)

    def next_probabilities(self, history: Sequence[int], person: object = None) -> FloatArray:
        """Return (2,): the chance of each arm for the next person, given the arms so far."""
        del person
        arms = np.asarray(history, dtype=np.int64)
        if not np.isin(arms, (0, 1)).all():
            raise ImpossibleDesign(f"`history` must hold 0 and 1, got {sorted(set(history))}.")
        self._check_people(arms.size + 1)
        chance = float(self.chance(2 * arms.sum() - arms.size, place=arms.size))
        return np.array([1 - chance, chance])

    def _check_people(self, people: int) -> None:
        check_count(people, "people", least=1)


def _check_tolerance(tolerance: int) -> None:
    check_count(tolerance, "tolerance")


def _check_bias(p: float) -> None:
    if not is_number(p) or not 0.5 <= p <= 1:
        raise TrialError(f"`p` is the chance of the smaller arm, between 0.5 and 1, got {p!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Simple(Sequential):
    """A coin for each person: treatment with chance `probability`, whatever came before.

    References
    ----------
    Rosenberger and Lachin (2016), Randomization in Clinical Trials (complete randomisation).
    Checked against the binomial distribution.
    """

    probability: float = 0.5

    def __post_init__(self) -> None:
        if not is_number(self.probability) or not 0 < self.probability < 1:
            raise TrialError(
                f"`probability` must lie strictly between 0 and 1, got {self.probability!r}."
            )

    def chance(self, difference: ArrayLike, *, place: int) -> FloatArray:
        """Return the same chance for everyone."""
        del place
        return np.full(np.shape(difference), self.probability)


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasedCoin(Sequential):
    """Efron's biased coin: the smaller arm with chance `p`, a fair coin when they are equal.

    References
    ----------
    Efron (1971), Forcing a sequential experiment to be balanced. Checked against exact rational
    recursion and his limits.

    Examples
    --------
    >>> BiasedCoin(p=2 / 3).next_probabilities([1, 1, 0]).round(4)
    array([0.6667, 0.3333])
    """

    p: float = 2 / 3

    def __post_init__(self) -> None:
        _check_bias(self.p)

    def chance(self, difference: ArrayLike, *, place: int) -> FloatArray:
        """Return p when treatment is behind, 1 − p when ahead."""
        del place
        return _towards_smaller(np.asarray(difference), self.p)


def _towards_smaller(difference: IntArray, p: float) -> FloatArray:
    return np.where(difference < 0, p, np.where(difference > 0, 1 - p, 0.5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Urn(Sequential):
    """Wei's urn: `alpha` balls an arm to begin with, `beta` of the other arm after each person.

    References
    ----------
    Wei (1978), An application of an urn model to the design of sequential controlled clinical
    trials. Checked against exact rational recursion.
    """

    alpha: float = 0
    beta: float = 1

    def __post_init__(self) -> None:
        for name in ("alpha", "beta"):
            value = getattr(self, name)
            if not is_number(value) or not 0 <= value < np.inf:
                raise TrialError(f"`{name}` must be finite and at least 0, got {value!r}.")
        if self.alpha == 0 and self.beta == 0:
            raise ImpossibleDesign("`alpha` and `beta` are both 0, so the urn is empty.")

    def chance(self, difference: ArrayLike, *, place: int) -> FloatArray:
        """Return the share of treatment balls in the urn."""
        control = (place - np.asarray(difference)) / 2
        balls = 2 * self.alpha + self.beta * place
        if balls == 0:
            return np.full(np.shape(difference), 0.5)
        return floats((self.alpha + self.beta * control) / balls)


@dataclass(frozen=True, slots=True, kw_only=True)
class BigStick(Sequential):
    """A fair coin until one arm is `tolerance` people ahead; then the other arm.

    References
    ----------
    Soares and Wu (1983), Some restricted randomization rules in sequential designs. Checked
    against exact rational recursion.
    """

    tolerance: int = 3

    def __post_init__(self) -> None:
        _check_tolerance(self.tolerance)

    def chance(self, difference: ArrayLike, *, place: int) -> FloatArray:
        """Return one half, or certainty at the tolerance."""
        del place
        return _within(np.asarray(difference), self.tolerance, 0.5)


def _within(difference: IntArray, tolerance: int, p: float) -> FloatArray:
    return np.where(
        difference >= tolerance,
        0.0,
        np.where(difference <= -tolerance, 1.0, _towards_smaller(difference, p)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chen(Sequential):
    """Chen's biased coin with tolerance: Efron's coin until one arm is `tolerance` ahead.

    References
    ----------
    Chen (1999), Biased coin design with imbalance tolerance. Checked against exact rational
    recursion.
    """

    p: float = 2 / 3
    tolerance: int = 3

    def __post_init__(self) -> None:
        _check_bias(self.p)
        _check_tolerance(self.tolerance)

    def chance(self, difference: ArrayLike, *, place: int) -> FloatArray:
        """Return Efron's chance, or certainty at the tolerance."""
        del place
        return _within(np.asarray(difference), self.tolerance, self.p)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaximalProcedure(Sequential):
    """All sequences that end balanced and never leave the tolerance, equally likely.

    Parameters
    ----------
    tolerance : int
        The largest difference allowed on the way.
    people : int
        Even: the sequence ends with as many in each arm.

    References
    ----------
    Berger, Ivanova and Knoll (2003), Minimizing predictability while retaining balance through the
    use of less restrictive randomization procedures. Checked against enumeration.
    """

    tolerance: int
    people: int

    def __post_init__(self) -> None:
        _check_tolerance(self.tolerance)
        if check_count(self.people, "people", least=2) % 2:
            raise ImpossibleDesign(
                f"`people` is {self.people}: an odd number cannot end with as many in each arm."
            )

    def chance(self, difference: ArrayLike, *, place: int) -> FloatArray:
        """Return the share of the remaining sequences that treat the next person."""
        table = _completions(self.tolerance, self.people)
        ways, ahead = table[self.people - place], table[self.people - place - 1]
        at = np.asarray(difference)
        bound = self.tolerance
        inside = np.abs(at) <= bound
        here = np.where(inside, ways[np.clip(at, -bound, bound) + bound], 0.0)
        up = np.where(inside & (at < bound), ahead[np.clip(at + 1, -bound, bound) + bound], 0.0)
        if not (here > 0).all():
            raise ImpossibleDesign(
                f"After {place} people a difference of {np.ravel(at)[np.ravel(here) == 0][0]} "
                f"cannot end balanced at {self.people} within a tolerance of {bound}."
            )
        return floats(up / here / 2)  # one step fewer was halved

    def _check_people(self, people: int) -> None:
        if check_count(people, "people", least=1) > self.people:
            raise ImpossibleDesign(
                f"The rule was made for {self.people} people, got {people}; make one for more."
            )


@functools.lru_cache(maxsize=32)
def _completions(tolerance: int, people: int) -> FloatArray:
    """Return (people + 1, 2 tolerance + 1): walks of j steps from each difference back to 0.

    Halved at each step, so that long trials neither overflow nor lose digits.
    """
    ways = np.zeros((people + 1, 2 * tolerance + 1))
    ways[0, tolerance] = 1.0
    for left in range(people):
        ways[left + 1, :-1] += ways[left, 1:] / 2
        ways[left + 1, 1:] += ways[left, :-1] / 2
    ways.setflags(write=False)
    return ways
