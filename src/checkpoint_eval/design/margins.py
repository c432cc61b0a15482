"""The margins of many allocations at once, while minimisation makes them."""

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval.design.people import People

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkpoint_eval.design.minimisation import Minimisation

# Imbalances nearer than this share are equal but for rounding.
TIE = 1e-12


def chance_table(p: float, rule: str, ratio: FloatArray) -> FloatArray:
    """Return (k, k): in row b, the chance of each arm when arm b is the best."""
    k = ratio.size
    if rule == "best-only":
        return np.where(np.eye(k, dtype=bool), p, (1 - p) / (k - 1))
    total = ratio.sum()
    best = 1 - (1 - p) * (total - ratio) / (total - ratio.min())
    others = (1 - best)[:, None] * ratio / (total - ratio)[:, None]
    return floats(np.where(np.eye(k, dtype=bool), best[:, None], others))


@functools.lru_cache(maxsize=32)
def chance_rows(p: float, rule: str, ratio: tuple[int, ...]) -> list[list[float]]:
    """Return the same as lists, remembered."""
    table: list[list[float]] = chance_table(p, rule, np.array(ratio, dtype=np.float64)).tolist()
    return table


def walk(rule: "Minimisation", people: People, width: int) -> "Margins | Differences":
    """Return the memory of many allocations while they are made; of two arms the lighter one."""
    kind = Differences if rule.n_arms == 2 and rule.rule != "rank" else Margins
    return kind(rule, people, width)


class Differences:
    """Differences between two arms by level, of many allocations at once, while they are made.

    Of two counts the range is the size of their difference, the SD that over √2, and the variance
    its square over 2: the arm with the least imbalance is told by the differences alone.
    """

    def __init__(self, rule: "Minimisation", people: People, width: int) -> None:
        scale = math.lcm(*rule.ratio)
        self._step = (scale // rule.ratio[0], scale // rule.ratio[1])
        self._power = 2 if rule.imbalance == "variance" else 1
        self._weights: Sequence[float] = rule.weights  # type: ignore[assignment]
        self._codes = [people.codes[factor.name] for factor in rule.columns]
        self._apart = [
            np.zeros((len(people.levels[factor.name]), width), dtype=np.int32)
            for factor in rule.columns
        ]
        rows = chance_rows(rule.p_best, rule.rule, rule.ratio)
        share = rule.ratio[0] / sum(rule.ratio)
        tied = share * rows[0][0] + (1 - share) * rows[1][0]
        control = np.array([tied, rows[0][0], rows[1][0]])
        # The chance of each arm by sign: 0 neither is better, 1 control is, -1 treatment is.
        self._chance = np.stack([control, 1 - control])
        self._alike = len(set(self._weights)) == 1

    def chances(self, place: int) -> FloatArray:
        """Return (2, width): the chance of each arm for the person at a place."""
        if self._alike:
            return self._by_whole_numbers(place)
        control = treatment = np.zeros(self._apart[0].shape[1])
        for weight, codes, apart in zip(self._weights, self._codes, self._apart, strict=True):
            here = apart[codes[place]]
            less, more = np.abs(here - self._step[0]), np.abs(here + self._step[1])
            if self._power == 2:
                less, more = less * less, more * more
            control, treatment = control + weight * less, treatment + weight * more
        near = TIE * np.maximum(control, treatment)
        gap = treatment - control
        sign = (gap > near).astype(np.int8) - (gap < -near)
        return self._chance[:, sign]

    def _by_whole_numbers(self, place: int) -> FloatArray:
        """Return the same where all factors weigh alike: sums are whole, and ties exact."""
        gap = np.zeros(self._apart[0].shape[1], dtype=np.int32)
        for codes, apart in zip(self._codes, self._apart, strict=True):
            here = apart[codes[place]]
            less, more = np.abs(here - self._step[0]), np.abs(here + self._step[1])
            gap += more - less if self._power == 1 else more * more - less * less
        return self._chance[:, np.sign(gap)]

    def add(self, place: int, arms: NDArray[np.int8]) -> None:
        """Count the person at a place in the arm each allocation gave them."""
        step = np.where(arms == 1, self._step[1], -self._step[0]).astype(np.int32)
        for codes, apart in zip(self._codes, self._apart, strict=True):
            apart[codes[place]] += step


class Margins:
    """Counts by level and arm of many allocations at once, while they are made."""

    def __init__(self, rule: "Minimisation", people: People, width: int) -> None:
        self._rule = rule
        self._codes = [people.codes[factor.name] for factor in rule.columns]
        k = rule.n_arms
        self._counts = [
            np.zeros((len(people.levels[factor.name]), k, width), dtype=np.int32)
            for factor in rule.columns
        ]

    def chances(self, place: int) -> FloatArray:
        """Return (k, width): the chance of each arm for the person at a place."""
        here = [counts[codes[place]] for counts, codes in zip(self._counts, self._codes)]  # noqa: B905
        return self._rule.chances_of(self._rule.imbalances(here))

    def add(self, place: int, arms: NDArray[np.int8]) -> None:
        """Count the person at a place in the arm each allocation gave them."""
        for arm in range(self._rule.n_arms):
            given = arms == arm
            for counts, codes in zip(self._counts, self._codes, strict=True):
                counts[codes[place], arm] += given
