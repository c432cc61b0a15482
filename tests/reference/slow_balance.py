"""Slow second implementations for balance, and exact tests over every possible allocation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

Labels = Sequence["Hashable"]


class Chi(NamedTuple):
    """A quadratic form and its degrees of freedom."""

    statistic: float
    df: int


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean by a compensated sum."""
    return math.fsum(values) / len(values)


def variance(values: Sequence[float]) -> float:
    """Sample variance, divisor n - 1."""
    centre = mean(values)
    return math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1)


def split(values: Sequence[float], arm: Sequence[int]) -> tuple[list[float], list[float]]:
    """Values of the treatment arm (1) and of the control arm (0)."""
    treated = [v for v, a in zip(values, arm, strict=True) if a == 1]
    control = [v for v, a in zip(values, arm, strict=True) if a == 0]
    return treated, control


def standardised_difference(values: Sequence[float], arm: Sequence[int]) -> float:
    """Austin (2009), eq. (1): difference in means over the root of the average variance."""
    treated, control = split(values, arm)
    return (mean(treated) - mean(control)) / math.sqrt((variance(treated) + variance(control)) / 2)


def categorical_difference(labels: Labels, arm: Sequence[int]) -> float:
    """Yang & Dalton (2012), eq. (1): sqrt((T - C)' S^-1 (T - C)) without the first level.

    S is the average of the two multinomial covariances, p (1 - p) and -p q, in fractions.
    Infinite when some direction separates the arms without any spread.
    """
    levels = sorted(set(labels), key=str)[1:]
    shares = []
    for a in (1, 0):
        mine = [label for label, b in zip(labels, arm, strict=True) if b == a]
        shares.append([Fraction(mine.count(level), len(mine)) for level in levels])
    gap = np.array([float(t - c) for t, c in zip(*shares, strict=True)])
    matrix = np.array(
        [
            [float(sum(p[i] * ((i == j) - p[j]) for p in shares) / 2) for j in range(len(levels))]
            for i in range(len(levels))
        ]
    )
    inverse = np.linalg.pinv(matrix, rcond=1e-12, hermitian=True)
    if not np.allclose(matrix @ inverse @ gap, gap, rtol=0, atol=1e-9):
        return math.inf
    return math.sqrt(gap @ inverse @ gap)


def adjusted_difference(values: Sequence[float], arm: Sequence[int], strata: Labels) -> float:
    """Hansen & Bowers (2008), eq. (5): stratum differences weighted by m (n - m) / n, summed."""
    total = 0.0
    for stratum in set(strata):
        inside = [i for i, label in enumerate(strata) if label == stratum]
        treated, control = split([values[i] for i in inside], [arm[i] for i in inside])
        if treated and control:
            weight = len(treated) * len(control) / len(inside)
            total += weight * (mean(treated) - mean(control))
    return total


def balance_covariance(columns: np.ndarray, arm: Sequence[int], strata: Labels) -> np.ndarray:
    """Covariance of the adjusted differences under re-randomisation within strata.

    Each stratum gives m (n - m) / n times its covariance with divisor n - 1 (finite sampling).
    """
    p = columns.shape[1]
    total = np.zeros((p, p))
    for stratum in set(strata):
        inside = [i for i, label in enumerate(strata) if label == stratum]
        n, m = len(inside), sum(arm[i] for i in inside)
        if 0 < m < n:
            centred = columns[inside] - columns[inside].mean(axis=0)
            for row in centred:
                total += m * (n - m) / n * np.outer(row, row) / (n - 1)
    return total


def hansen_bowers(columns: np.ndarray, arm: Sequence[int], strata: Labels) -> Chi:
    """Hansen & Bowers (2008), eq. (9): d' V^- d with rank(V) degrees of freedom."""
    d = np.array([adjusted_difference(list(x), arm, strata) for x in columns.T])
    v = balance_covariance(columns, arm, strata)
    size = np.sqrt(np.diag(v))
    size[size < 1e-12] = 1.0  # a covariate constant within strata has nothing to say
    scaled = v / np.outer(size, size)
    inverse = np.linalg.pinv(scaled, rcond=1e-9, hermitian=True)
    rank = int(np.linalg.matrix_rank(scaled, tol=1e-9, hermitian=True))
    return Chi(float((d / size) @ inverse @ (d / size)), rank)


def allocations(arm: Sequence[int], strata: Labels) -> Iterator[list[int]]:
    """Every two-arm allocation with the observed number treated in each stratum."""
    blocks = [
        [i for i, s in enumerate(strata) if s == label] for label in sorted(set(strata), key=str)
    ]
    choices = [combinations(block, sum(arm[i] for i in block)) for block in blocks]
    for chosen in product(*choices):
        treated = set().union(*chosen)
        yield [int(i in treated) for i in range(len(arm))]


def exact_p_value(
    statistic: Callable[[list[int]], float], arm: Sequence[int], strata: Labels
) -> Fraction:
    """Fisher (1935): share of all allocations with |statistic| at least that of the real one."""
    seen = abs(statistic(list(arm)))
    values = [abs(statistic(other)) for other in allocations(arm, strata)]
    # equal statistics computed in another order may differ in the last bits
    return Fraction(sum(value >= seen - 1e-9 for value in values), len(values))


def binomial_p_value(treated: int, n: int, share: Fraction) -> Fraction:
    """Exact two-sided binomial: all counts no likelier than the one seen."""
    chance = [math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]
    return sum((p for p in chance if p <= chance[treated]), Fraction(0))


def pearson(counts: Sequence[int], ratio: Sequence[float]) -> Chi:
    """Pearson (1900) chi-square of the arm sizes against the planned ratio."""
    n = sum(counts)
    expected = [n * Fraction(part) / sum(Fraction(x) for x in ratio) for part in ratio]
    total = sum((c - e) ** 2 / e for c, e in zip(counts, expected, strict=True))
    return Chi(float(total), len(counts) - 1)
