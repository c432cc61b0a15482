"""Two-arm rules that allocate one person at a time by the difference so far."""

import functools
from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import check_count, check_rng, is_number
from checkpoint_eval.design.allocation import (
    LARGEST_SUPPORT,
    OneAtATime,
    Person,
    State,
    Support,
    too_many,
)
from checkpoint_eval.design.people import PeopleLike
from checkpoint_eval.errors import ImpossibleDesign, TrialError

# Beyond this the count of balls would overflow.
LARGEST_URN = 1e100


class Sequential(OneAtATime):
    """A two-arm rule whose next step depends on people so far and the difference between arms.

    A rule states one thing, `chance`; drawing, probabilities, support and the distribution of the
    difference all follow from it, so that they cannot disagree.
    """

    __slots__ = ()

    @property
    def n_arms(self) -> int:
        """Two: control and treatment."""
        return 2

    @abstractmethod
    def chance(self, difference: ArrayLike, *, place: int) -> FloatArray:
        """Return the chance of treatment for the person at `place` (0 is the first).

        `difference` is treatment − control among those before, of any shape; so is the answer.
        """

    def draw_many(
        self, people: PeopleLike, draws: int, rng: np.random.Generator
    ) -> NDArray[np.int8]:
        """Return (draws, n) arm codes, one independent allocation a row."""
        check_rng(rng)
        n = self._size(people)
        arms = np.empty((n, check_count(draws, "draws")), dtype=np.int8)
        difference = np.zeros(draws, dtype=np.int64)
        for place in range(n):  # each step needs the one before; draws are the batch
            arms[place] = rng.random(draws) < self.chance(difference, place=place)
            difference += 2 * arms[place].astype(np.int64) - 1
        return np.ascontiguousarray(arms.T)

    def differences(self, people: PeopleLike) -> FloatArray:
        """Return (n + 1, 2n + 1): the exact distribution of the difference after each person.

        Row j is after j people; column n + d is a difference of d.
        """
        n = self._size(people)
        values = np.arange(-n, n + 1)
        rows = np.zeros((n + 1, values.size))
        rows[0, n] = 1.0
        for place in range(n):
            reached = rows[place] > 0
            chance = np.zeros(values.size)
            chance[reached] = self.chance(values[reached], place=place)
            rows[place + 1, 1:] += (rows[place] * chance)[:-1]
            rows[place + 1, :-1] += (rows[place] * (1 - chance))[1:]
        return rows

    def probabilities(self, people: PeopleLike) -> FloatArray:
        """Return (n, 2): each person's chance of each arm before anyone is allocated."""
        rows = self.differences(people)
        values = np.arange(rows.shape[1]) - (rows.shape[0] - 1)
        treated = np.array(
            [
                row[row > 0] @ self.chance(values[row > 0], place=place)
                for place, row in enumerate(rows[:-1])
            ]
        )
        return np.stack([1 - treated, treated], axis=1)

    def support(self, people: PeopleLike, *, limit: int = LARGEST_SUPPORT) -> Support:
        """Return every allocation the rule can make and its chance; at most `limit` of them."""
        n = self._size(people)
        check_count(limit, "limit")
        arm, weight = np.zeros((1, 0), dtype=np.int8), np.ones(1)
        for place in range(n):
            difference = 2 * arm.sum(axis=1, dtype=np.int64) - place
            chance = self.chance(difference, place=place)
            both = np.concatenate([weight * (1 - chance), weight * chance])
            code = np.repeat(np.array([0, 1], dtype=np.int8), weight.size)
            arm = np.concatenate([np.tile(arm, (2, 1)), code[:, None]], axis=1)[both > 0]
            weight = both[both > 0]
            if weight.size > limit:
                raise too_many(n, limit)
        return Support(arm=arm, weight=weight)

    def start(self) -> State:
        """Return how many came, and the difference between arms."""
        return [0, 0]

    def chances(self, state: State, person: Person = None) -> tuple[float, ...]:
        """Return the chance of control and of treatment."""
        place, difference = state
        self._size(place + 1)
        chance = float(self.chance(difference, place=place))
        return 1 - chance, chance

    def after(self, state: State, arm: int, person: Person = None) -> State:
        """Return the count and the difference once a person was given an arm."""
        place, difference = state
        return [place + 1, difference + (1 if arm else -1)]

    def _size(self, people: PeopleLike) -> int:
        return self.read(people).n


def _check_bias(p: float) -> None:
    if not is_number(p) or not 0.5 <= p <= 1:
        raise TrialError(f"`p` is the chance of the smaller arm, between 0.5 and 1, got {p!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasedCoin(Sequential):
    """Efron's biased coin: the smaller arm with chance `p`, a fair coin when they are equal.

    Parameters
    ----------
    p : float
        From 0.5, a fair coin throughout, to 1, pairs of which the second is certain.

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

    Parameters
    ----------
    alpha, beta : float
        At least 0 and not both. An empty urn is a fair coin: with `alpha` 0 the second person
        always has the other arm than the first.

    References
    ----------
    Wei (1978), An application of an urn model to the design of sequential controlled clinical
    trials. Checked against exact rational recursion.

    Examples
    --------
    >>> Urn(alpha=1, beta=3).next_probabilities([1, 1, 0]).round(4)
    array([0.6364, 0.3636])
    """

    alpha: float = 0
    beta: float = 1

    def __post_init__(self) -> None:
        for name in ("alpha", "beta"):
            value = getattr(self, name)
            if not is_number(value) or not 0 <= value < np.inf:
                raise TrialError(f"`{name}` must be finite and at least 0, got {value!r}.")
            if value > LARGEST_URN:
                raise TrialError(f"`{name}` must be at most {LARGEST_URN:g}, got {value!r}.")
            object.__setattr__(self, name, float(value))
        if self.alpha == 0 and self.beta == 0:
            raise ImpossibleDesign(
                "`alpha` and `beta` are both 0, so the urn is empty; set one above 0."
            )

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

    Parameters
    ----------
    tolerance : int
        The largest difference between the arms there can ever be.

    References
    ----------
    Soares and Wu (1983), Some restricted randomization rules in sequential designs. Checked
    against exact rational recursion.

    Examples
    --------
    >>> BigStick(tolerance=2).next_probabilities([1, 1])
    array([1., 0.])
    """

    tolerance: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "tolerance", check_count(self.tolerance, "tolerance"))

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

    Parameters
    ----------
    p : float
        The chance of the smaller arm, from 0.5 (the big stick) to 1.
    tolerance : int
        The largest difference between the arms there can ever be.

    References
    ----------
    Chen (1999), Biased coin design with imbalance tolerance. Checked against exact rational
    recursion.
    """

    p: float = 2 / 3
    tolerance: int = 3

    def __post_init__(self) -> None:
        _check_bias(self.p)
        object.__setattr__(self, "tolerance", check_count(self.tolerance, "tolerance"))

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
        Even: the sequence ends with as many in each arm. Fewer may be allocated, and then it is
        broken off; more are refused.

    References
    ----------
    Berger, Ivanova and Knoll (2003), Minimizing predictability while retaining balance through the
    use of less restrictive randomization procedures. Checked against enumeration.
    """

    tolerance: int
    people: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "tolerance", check_count(self.tolerance, "tolerance"))
        object.__setattr__(self, "people", check_count(self.people, "people", least=2))
        if self.people % 2:
            raise ImpossibleDesign(
                f"`people` is {self.people}: an odd number cannot end with as many in each arm."
            )

    def chance(self, difference: ArrayLike, *, place: int) -> FloatArray:
        """Return the share of the remaining sequences that treat the next person."""
        at, bound = np.asarray(difference), self.tolerance
        ahead = np.pad(_completions(bound, self.people)[self.people - place - 1], 1)
        inside = np.clip(at, -bound, bound) + bound + 1
        up, down = ahead[inside + 1], ahead[inside - 1]
        possible = (np.abs(at) <= bound) & (up + down > 0)
        if not possible.all():
            raise ImpossibleDesign(
                f"After {place} people a difference of {np.ravel(at)[~np.ravel(possible)][0]} "
                f"cannot end balanced at {self.people} within a tolerance of {bound}."
            )
        return floats(up / (up + down))

    def _size(self, people: PeopleLike) -> int:
        n = self.read(people).n
        if n > self.people:
            raise ImpossibleDesign(
                f"The rule was made for {self.people} people, got {n}; make one for more."
            )
        return n


@functools.lru_cache(maxsize=32)
def _completions(tolerance: int, people: int) -> FloatArray:
    """Return (people + 1, 2 tolerance + 1): walks of j steps from each difference back to 0.

    Each row is divided by its largest, so that no trial is too long for the digits.
    """
    ways = np.zeros((people + 1, 2 * tolerance + 1))
    ways[0, tolerance] = 1.0
    for left in range(people):
        ways[left + 1, :-1] += ways[left, 1:]
        ways[left + 1, 1:] += ways[left, :-1]
        ways[left + 1] /= ways[left + 1].max()
    ways.setflags(write=False)
    return ways
