"""Slow second implementations for kept promises, losses and clusters; nothing is shared."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from itertools import combinations, product
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

Way = tuple[int, ...]
Ways = dict[Way, Fraction]


def wilson(successes: int, people: int, level: float = 0.95) -> tuple[float, float]:
    """Both p with |p̂ - p| = z sqrt(p (1 - p) / n), by bisection on each side of p̂."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / people

    def within(p: float) -> bool:
        return (share - p) ** 2 <= z * z * p * (1 - p) / people

    found = []
    for outside in (0.0, 1.0):
        if share == outside:
            found.append(outside)
            continue
        inside, edge = share, outside
        if share in (0.0, 1.0):  # p̂ itself has no variance: any point just off it is within
            inside = abs(share - 1e-12)
        for _ in range(200):
            middle = (inside + edge) / 2
            inside, edge = (middle, edge) if within(middle) else (inside, middle)
        found.append(inside)
    return found[0], found[1]


def fisher(a: int, n: int, b: int, m: int) -> Fraction:
    """Two-sided exact p of a in n against b in m: every table no likelier than the one seen."""

    def chance(k: int) -> Fraction:
        return Fraction(math.comb(n, k) * math.comb(m, a + b - k), math.comb(n + m, a + b))

    tables = range(max(0, a + b - m), min(n, a + b) + 1)
    return sum((chance(k) for k in tables if chance(k) <= chance(a)), Fraction(0))


def pearson_table(lost: Sequence[int], people: Sequence[int]) -> Fraction:
    """Pearson's chi-square of lost and kept by arm."""
    total = Fraction(0)
    share = Fraction(sum(lost), sum(people))
    for gone, n in zip(lost, people, strict=True):
        for seen, expected in ((gone, n * share), (n - gone, n * (1 - share))):
            total += (seen - expected) ** 2 / expected
    return total


def greatest_distance(one: Sequence[float], two: Sequence[float]) -> Fraction:
    """Kolmogorov-Smirnov: the greatest gap between two distribution functions."""
    return max(
        abs(
            Fraction(sum(v <= x for v in one), len(one))
            - Fraction(sum(v <= x for v in two), len(two))
        )
        for x in {*one, *two}
    )


def cluster_form(
    columns: np.ndarray,
    arm: Sequence[int],
    clusters: Sequence[Hashable],
    strata: Sequence[Hashable] | None = None,
) -> float:
    """d' V⁺ d of cluster sums: people centred within strata, sums centred over their clusters."""
    strata = [0] * len(arm) if strata is None else strata
    x = np.asarray(columns, dtype=float)
    d, v = np.zeros(x.shape[1]), np.zeros((x.shape[1],) * 2)
    for stratum in set(strata):
        inside = [i for i in range(len(arm)) if strata[i] == stratum]
        middle = x[inside].mean(axis=0)
        names = sorted({clusters[i] for i in inside}, key=str)
        sums = np.array([sum(x[i] - middle for i in inside if clusters[i] == c) for c in names])
        treated = [any(arm[i] for i in inside if clusters[i] == c) for c in names]
        centred = sums - sums.mean(axis=0)
        n, m = len(names), sum(treated)
        d += centred[np.array(treated)].sum(axis=0)
        if 0 < m < n:
            v += m * (n - m) / n * (centred.T @ centred) / (n - 1)
    return float(d @ np.linalg.pinv(v, rcond=1e-10, hermitian=True) @ d)


def people_form(columns: np.ndarray, arm: Sequence[int]) -> float:
    """The same when everyone is a cluster; 0 where an arm is empty."""
    if len(set(arm)) == 1:
        return 0.0
    return cluster_form(columns, arm, list(range(len(arm))))


def complete(people: int, treated: int) -> Ways:
    """Every choice of the treated, alike."""
    ways = [
        tuple(int(i in who) for i in range(people)) for who in combinations(range(people), treated)
    ]
    return dict.fromkeys(ways, Fraction(1, len(ways)))


def joined(*parts: Ways) -> Ways:
    """Independent parts, one after the other, such as blocks."""
    found = {}
    for chosen in product(*(part.items() for part in parts)):
        way = tuple(arm for each, _ in chosen for arm in each)
        found[way] = math.prod((chance for _, chance in chosen), start=Fraction(1))
    return found


def clustered(ways: Ways, clusters: Sequence[Hashable]) -> Ways:
    """Whole clusters, in order of their first person."""
    names = list(dict.fromkeys(clusters))
    return {tuple(w[names.index(c)] for c in clusters): chance for w, chance in ways.items()}


def minimised(people: Sequence[Sequence[Hashable]], best: Fraction) -> Ways:
    """Pocock and Simon, two arms, the range of each shared level; ties by a fair coin."""

    def step(before: Way) -> tuple[Fraction, Fraction]:
        me = people[len(before)]
        gaps = [0, 0]
        for k, level in enumerate(me):
            alike = Counter(
                a for other, a in zip(people, before, strict=False) if other[k] == level
            )
            gaps[0] += abs(alike[0] + 1 - alike[1])
            gaps[1] += abs(alike[0] - alike[1] - 1)
        if gaps[0] == gaps[1]:
            return Fraction(1, 2), Fraction(1, 2)
        return (best, 1 - best) if gaps[0] < gaps[1] else (1 - best, best)

    ways: Ways = {(): Fraction(1)}
    for _ in people:
        ways = {
            (*way, arm): chance * step(way)[arm] for way, chance in ways.items() for arm in (0, 1)
        }
    return ways


def at_least(ways: Ways, statistic: Callable[[Way], float], seen: float) -> float:
    """The chance of a statistic at least as great."""
    return float(sum(c for way, c in ways.items() if statistic(way) >= seen - 1e-9))


def shares_apart(lost: Sequence[int]) -> Callable[[Way], float]:
    """|share lost in treatment - share lost in control|; 0 where an arm is empty."""

    def statistic(way: Way) -> float:
        return float(max(_shares(lost, way)) - min(_shares(lost, way)))

    return statistic


def _shares(lost: Sequence[int], way: Way) -> list[Fraction]:
    return list(_each(lost, way))


def _each(lost: Sequence[int], way: Way) -> Iterator[Fraction]:
    for arm in sorted(set(way)):
        mine = [gone for gone, a in zip(lost, way, strict=True) if a == arm]
        yield Fraction(sum(mine), len(mine))
