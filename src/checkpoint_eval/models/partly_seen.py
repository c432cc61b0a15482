"""What is known of an effect when some outcomes are not: bounds, and each person's part in them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray

ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """The people of two arms in one cell of covariates.

    Attributes
    ----------
    value : (n,) float
        0 where not seen.
    seen : (n,) bool
    arm : (n,) int
    """

    value: FloatArray
    seen: BoolArray
    arm: IntArray

    @property
    def share(self) -> FloatArray:
        """(2,) share seen by arm."""
        return np.array([self.seen[self.arm == code].mean() for code in (0, 1)])

    def share_influence(self) -> FloatArray:
        """(2, n) what each person moves the share seen of each arm by."""
        moved = np.zeros((2, self.arm.size))
        for code in (0, 1):
            own = self.arm == code
            moved[code, own] = (self.seen[own] - self.seen[own].mean()) / own.sum()
        return moved


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moved:
    """A number, and (n,) what each person moves it by; the squares add up to its variance."""

    value: float
    by: FloatArray

    def __sub__(self, other: "Moved") -> "Moved":
        return Moved(value=self.value - other.value, by=self.by - other.by)

    @property
    def std_error(self) -> float:
        """The root of the sum of squares."""
        return float(np.sqrt((self.by**2).sum()))


# What a method makes of one cell: how many its effect is about, as a share of the cell; by arm the
# lowest and highest mean they can have.
Cell: TypeAlias = tuple[Moved, tuple[tuple[Moved, Moved], tuple[Moved, Moved]]]
Rule: TypeAlias = Callable[[Seen], Cell]


def worst_case(support: tuple[float, float]) -> Rule:
    """Everyone counts; who is not seen has the lowest or the highest value there is.

    References
    ----------
    Manski (1989); Horowitz and Manski (2000), JASA 95, 77-84.
    """

    def rule(cell: Seen) -> Cell:
        everyone = Moved(value=1.0, by=np.zeros(cell.arm.size))

        def filled(code: int, end: float) -> Moved:
            own = cell.arm == code
            value = np.where(cell.seen, cell.value, end)
            mean = float(value[own].mean())
            return Moved(value=mean, by=np.where(own, value - mean, 0.0) / own.sum())

        low, high = support
        return everyone, (
            (filled(0, low), filled(0, high)),
            (filled(1, low), filled(1, high)),
        )

    return rule


def lee(cell: Seen) -> Cell:
    """Those who would be seen in either arm, when one arm sees all whom the other does and more.

    References
    ----------
    Lee (2009), Review of Economic Studies 76, 1071-1102, propositions 1a and 3.
    """
    fewest = int(np.argmin(cell.share))
    always = Moved(value=float(cell.share[fewest]), by=cell.share_influence()[fewest])
    return always, _trimmed(cell, always)


def both_trimmed(cell: Seen) -> Cell:
    """Those who would be seen in either arm, at their fewest: whoever can be is not among them.

    References
    ----------
    Horowitz and Manski (1995), Econometrica 63, 281-302; in trials Zhang and Rubin (2003), Journal
    of Educational and Behavioral Statistics 28, 353-368.
    """
    always = Moved(
        value=max(float(cell.share.sum() - 1), 0.0), by=cell.share_influence().sum(axis=0)
    )
    return always, _trimmed(cell, always)


def _trimmed(cell: Seen, always: Moved) -> tuple[tuple[Moved, Moved], tuple[Moved, Moved]]:
    """Return by arm the least and greatest mean of the always seen among the seen."""
    moved = cell.share_influence()
    arms = []
    for code in (0, 1):
        share = cell.share[code]
        kept = Moved(
            value=always.value / share,
            by=always.by / share - always.value * moved[code] / share**2,
        )
        arms.append((_lowest(cell, code, kept, 1), _lowest(cell, code, kept, -1)))
    return arms[0], arms[1]


def _lowest(cell: Seen, code: int, kept: Moved, sign: int) -> Moved:
    """Return the mean of the lowest share `kept` of those seen; of the highest with sign −1.

    With y the value at which the share is full it is y − E(y − Y)⁺ / kept, and y itself moves it
    by nothing; the last person at y counts in part.
    """
    own = (cell.arm == code) & cell.seen
    value = np.sort(sign * cell.value[own])
    if not kept.value > 0:
        return Moved(value=np.nan, by=np.zeros(own.size))
    last = int(np.ceil(value.size * kept.value * (1 - ROUNDING))) - 1
    y = float(value[min(last, value.size - 1)])
    below = np.where(own, np.maximum(y - sign * cell.value, 0.0), 0.0)
    short = float(below[own].mean())
    each = np.where(own, short - below, 0.0) / (kept.value * own.sum())
    mean = y - short / kept.value
    return Moved(value=sign * mean, by=sign * (each + short / kept.value**2 * kept.by))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoundedEffect:
    """Lowest and highest effect, by arm lowest and highest mean, and the share they are about."""

    low: Moved
    high: Moved
    by_arm: tuple[tuple[Moved, Moved], tuple[Moved, Moved]]
    share: float


def bounded(rule: Rule, people: Seen, cell: IntArray) -> BoundedEffect:
    """Return bounds averaged over cells, each by how many its effect is about.

    Parameters
    ----------
    cell : (n,) int
        Codes from 0; every cell holds people seen in both arms.
    """
    n = cell.size
    top = np.zeros((4, n + 1))  # by arm and end: the sum, and what each person moves it by
    share = np.zeros(n + 1)
    for code in range(int(cell.max()) + 1):
        own = np.flatnonzero(cell == code)
        part = Seen(value=people.value[own], seen=people.seen[own], arm=people.arm[own])
        about, arms = rule(part)
        weight = own.size / n
        share[n] += weight * about.value
        share[own] += weight * about.by + about.value / n
        share[:n] -= weight * about.value / n
        for place, mean in enumerate(end for ends in arms for end in ends):
            # A cell that nobody counts in has no means, and adds nothing.
            level, by = (mean.value, mean.by) if about.value > 0 else (0.0, mean.by)
            top[place, n] += weight * about.value * level
            top[place, own] += weight * (about.value * by + about.by * level)
            top[place, own] += about.value * level / n
            top[place, :n] -= weight * about.value * level / n
    whole = float(share[n])
    means = [
        Moved(
            value=float(row[n]) / whole if whole > 0 else np.nan,
            by=(row[:n] - row[n] / whole * share[:n]) / whole if whole > 0 else row[:n],
        )
        for row in top
    ]
    return BoundedEffect(
        low=means[2] - means[1],
        high=means[3] - means[0],
        by_arm=((means[0], means[1]), (means[2], means[3])),
        share=whole,
    )


def imbens_manski(low: Moved, high: Moved, *, level: float) -> tuple[float, float]:
    """Return an interval that covers the effect, wherever it lies between its bounds.

    low − c·se(low) to high + c·se(high), with Φ(c + (high − low)/max se) − Φ(−c) = level: one-sided
    when the bounds are far apart, two-sided when they are one.

    References
    ----------
    Imbens and Manski (2004), Econometrica 72, 1845-1857, equations 6 and 7.
    """
    widest = max(low.std_error, high.std_error)
    if not widest > 0:
        return low.value, high.value
    apart = max(high.value - low.value, 0.0) / widest
    level = float(level)  # a narrower one would round the ends the wrong way
    ends = float(ndtri(level)) - 1e-9, float(ndtri(0.5 + level / 2)) + 1e-9
    c = float(brentq(lambda c: ndtr(c + apart) - ndtr(-c) - level, *ends, xtol=1e-12))
    return low.value - c * low.std_error, high.value + c * high.std_error
