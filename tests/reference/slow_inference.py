"""
Randomisation tests and inverted intervals from their definitions, in exact fractions.

Everything is a loop over a dictionary of allocations, each with its chance; statistics that hold
a root are compared by their signed squares, so that what ties on paper ties here. A statistic is
a function of the arms, in order of arrival, that gives None where it is undefined: an allocation
like that is never extreme. People whose outcome is None are allocated, but not compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, pairwise, product

Arms = tuple[int, ...]
Weights = Mapping[Arms, Fraction]
Number = Fraction | float  # a float only for ± infinity
Statistic = Callable[[Arms], Number | None]
Known = Sequence[Fraction | int | None]


def split(values: Known, arm: Arms) -> tuple[list[Fraction], list[Fraction]]:
    """Known values of treatment and of control."""
    known = [(Fraction(v), a) for v, a in zip(values, arm, strict=True) if v is not None]
    return [v for v, a in known if a == 1], [v for v, a in known if a == 0]


def mean(values: Sequence[Fraction]) -> Fraction:
    """Arithmetic mean."""
    return sum(values, Fraction(0)) / len(values)


def signed_square(top: Fraction, variance: Fraction) -> Number | None:
    """Signed square of top / root of variance; infinite or undefined where nothing varies."""
    if variance == 0:
        return None if top == 0 else math.copysign(math.inf, top)
    return (1 if top >= 0 else -1) * top**2 / variance


def root(value: Number) -> float:
    """Undo the signed square."""
    return math.copysign(math.sqrt(abs(value)), value)


# --- statistics --------------------------------------------------------------------------------


def mean_difference(values: Known) -> Statistic:
    """Treatment less control; of 0/1 a difference in risks."""

    def statistic(arm: Arms) -> Number | None:
        treated, control = split(values, arm)
        return mean(treated) - mean(control) if treated and control else None

    return statistic


def weighted_difference(values: Known, weights: Weights) -> Statistic:
    """Hájek: each person weighs one over the chance of the arm they have."""
    chance = chances(weights)

    def side(arm: Arms, of: int) -> Fraction | None:
        own = [
            (Fraction(v), 1 / (p if of else 1 - p))
            for v, a, p in zip(values, arm, chance, strict=True)
            if v is not None and a == of
        ]
        total = sum((w for _, w in own), Fraction(0))
        return sum((v * w for v, w in own), Fraction(0)) / total if own else None

    def statistic(arm: Arms) -> Number | None:
        treated, control = side(arm, 1), side(arm, 0)
        return None if treated is None or control is None else treated - control

    return statistic


def studentised(values: Known) -> Statistic:
    """Signed square of the difference over Neyman's standard error, variances with n - 1."""

    def statistic(arm: Arms) -> Number | None:
        sides = split(values, arm)
        if min(map(len, sides)) < 2:
            return None
        spread = [
            sum(((v - mean(side)) ** 2 for v in side), Fraction(0)) / (len(side) - 1) / len(side)
            for side in sides
        ]
        return signed_square(mean(sides[0]) - mean(sides[1]), sum(spread, Fraction(0)))

    return statistic


def residuals(values: Known, covariates: Sequence[Sequence[int]]) -> list[Fraction | None]:
    """Least squares on an intercept and the covariates, the arm left out; normal equations."""
    rows = [[Fraction(1), *map(Fraction, row)] for row in zip(*covariates, strict=True)]
    used = [(row, Fraction(v)) for row, v in zip(rows, values, strict=True) if v is not None]
    size = range(len(rows[0]))
    system = [
        [sum((row[i] * row[j] for row, _ in used), Fraction(0)) for j in size]
        + [sum((row[i] * v for row, v in used), Fraction(0))]
        for i in size
    ]
    slopes = solve(system)
    return [
        None if v is None else v - sum((b * x for b, x in zip(slopes, row, strict=True)), 0)
        for row, v in zip(rows, values, strict=True)
    ]


def solve(system: list[list[Fraction]]) -> list[Fraction]:
    """Gauss and Jordan on [A | b]."""
    size = len(system)
    for i in range(size):
        pivot = next(r for r in range(i, size) if system[r][i] != 0)
        system[i], system[pivot] = system[pivot], system[i]
        system[i] = [x / system[i][i] for x in system[i]]
        for r in range(size):
            if r != i:
                factor = system[r][i]
                system[r] = [x - factor * y for x, y in zip(system[r], system[i], strict=True)]
    return [row[-1] for row in system]


def midranks(values: Known) -> list[Fraction | None]:
    """Place among the known values; tied values share the mean of their places."""
    known = [v for v in values if v is not None]
    return [
        None if v is None else Fraction(2 * sum(k < v for k in known) + known.count(v) + 1, 2)
        for v in values
    ]


def logrank(
    people: Sequence[tuple[int, int] | None],
    strata: Sequence[object] | None = None,
    rho: int = 0,
    gamma: int = 0,
) -> Statistic:
    """Signed square of (observed - expected) / root of the hypergeometric variance, summed."""
    labels = strata or [0] * len(people)
    parts = [
        [i for i, who in enumerate(people) if who is not None and labels[i] == label]
        for label in sorted(set(labels), key=str)
    ]

    def statistic(arm: Arms) -> Number | None:
        top, variance = Fraction(0), Fraction(0)
        for part in parts:
            survival = Fraction(1)
            for time in sorted({people[i][0] for i in part if people[i][1]}):
                risk = [i for i in part if people[i][0] >= time]
                events = [i for i in risk if people[i] == (time, 1)]
                weight = survival**rho * (1 - survival) ** gamma
                share = Fraction(sum(arm[i] for i in risk), len(risk))
                d, n = len(events), len(risk)
                top += weight * (sum(arm[i] for i in events) - d * share)
                if n > 1:
                    variance += weight**2 * d * share * (1 - share) * Fraction(n - d, n - 1)
                survival *= 1 - Fraction(d, n)
        return signed_square(top, variance)

    return statistic


def largest(parts: Sequence[Statistic]) -> Statistic:
    """Largest square of several, of those that are defined."""

    def statistic(arm: Arms) -> Number | None:
        found = [abs(value) for value in (part(arm) for part in parts) if value is not None]
        return max(found, default=None)

    return statistic


# --- the test and its inversion ----------------------------------------------------------------


def complete_within(arm: Arms, strata: Sequence[object] | None = None) -> Weights:
    """Every allocation with the numbers treated in each stratum, all alike."""
    labels = strata or [0] * len(arm)
    blocks = [
        [i for i, s in enumerate(labels) if s == label] for label in sorted(set(labels), key=str)
    ]
    ways = [combinations(block, sum(arm[i] for i in block)) for block in blocks]
    chosen = [set().union(*way) for way in product(*ways)]
    return {
        tuple(int(i in who) for i in range(len(arm))): Fraction(1, len(chosen)) for who in chosen
    }


def chances(weights: Weights) -> list[Fraction]:
    """Chance of treatment for each person."""
    n = len(next(iter(weights)))
    return [sum((w for a, w in weights.items() if a[i] == 1), Fraction(0)) for i in range(n)]


def as_extreme(value: Number | None, seen: Number, alternative: str) -> bool:
    """Whether one allocation counts."""
    if value is None:
        return False
    if alternative == "two-sided":
        return abs(value) >= abs(seen)
    return value <= seen if alternative == "less" else value >= seen


def p_value(
    statistic: Statistic, arm: Arms, weights: Weights, alternative: str = "two-sided"
) -> Fraction:
    """Chance, under the rule, of a statistic at least as extreme."""
    seen = statistic(arm)
    assert seen is not None
    return sum(
        (w for a, w in weights.items() if as_extreme(statistic(a), seen, alternative)), Fraction(0)
    )


def shifted(values: Known, arm: Arms, effect: Fraction) -> list[Fraction | None]:
    """Outcomes had everyone been in control, when treatment adds `effect`."""
    return [None if v is None else v - effect * a for v, a in zip(values, arm, strict=True)]


Maker = Callable[[Known], Statistic]


def p_at(make: Maker, values: Known, arm: Arms, weights: Weights, effect: Fraction) -> Fraction:
    """Two-sided p-value of one constant effect."""
    return p_value(make(shifted(values, arm, effect)), arm, weights)


def estimate(make: Maker, values: Known, arm: Arms) -> Fraction:
    """Effect at which the statistic is 0, which is linear in it."""
    zero, one = (make(shifted(values, arm, Fraction(e)))(arm) for e in (0, 1))
    return zero / (zero - one)


def lines(
    make: Maker, values: Known, arm: Arms, weights: Weights
) -> tuple[tuple[Fraction, Fraction], list[tuple[Fraction, Fraction, Fraction]]]:
    """Of each allocation the statistic at effect τ, a + bτ: the one made, then all with chances.

    Found from the outcomes shifted by 0 and by 1; that a third point lies on the line is checked.
    """
    zero, one, three = (make(shifted(values, arm, Fraction(e))) for e in (0, 1, 3))

    def line(other: Arms) -> tuple[Fraction, Fraction] | None:
        start, end, check = zero(other), one(other), three(other)
        if start is None:
            return None
        assert check == start + 3 * (end - start)
        return start, end - start

    found = [(line(a), w) for a, w in weights.items()]
    made = line(arm)
    assert made is not None
    return made, [(*pair, w) for pair, w in found if pair is not None]


def crossings(
    made: tuple[Fraction, Fraction], others: list[tuple[Fraction, Fraction, Fraction]]
) -> list[Fraction]:
    """Effects at which an allocation begins or ceases to count: |a + bτ| = |A + Bτ|."""
    a, b = made
    roots = {
        -(a - sign * c) / (b - sign * d) for c, d, _ in others for sign in (1, -1) if b != sign * d
    }
    return sorted(roots)


def kept(make: Maker, values: Known, arm: Arms, weights: Weights, alpha: Fraction) -> list[bool]:
    """Whether each stretch between crossings, from -∞ to ∞, is not rejected."""
    made, others = lines(make, values, arm, weights)
    roots = crossings(made, others)
    inner = [(x + y) / 2 for x, y in pairwise(roots)]
    flags = []
    for effect in (roots[0] - 1, *inner, roots[-1] + 1):
        seen = abs(made[0] + made[1] * effect)
        chance = sum((w for c, d, w in others if abs(c + d * effect) >= seen), Fraction(0))
        flags.append(chance > alpha)
    return flags


def ends(
    make: Maker, values: Known, arm: Arms, weights: Weights, alpha: Fraction
) -> tuple[float, float]:
    """Lowest and highest effect not rejected; there is one, the estimate."""
    roots = crossings(*lines(make, values, arm, weights))
    flags = kept(make, values, arm, weights, alpha)
    edges = [-math.inf, *map(float, roots), math.inf]
    stretches = [(edges[i], edges[i + 1]) for i, flag in enumerate(flags) if flag]
    centre = float(estimate(make, values, arm))
    return min([centre, *(low for low, _ in stretches)]), max([centre, *(h for _, h in stretches)])
