"""Slow second implementations for risks over strata, and for a regression in each arm.

In fractions and loops; variances are written as those of the estimating functions they come from:
with T = Σ(R_k - φS_k), Var log φ is Var T / (φΣS)².
"""

from __future__ import annotations

import math
from fractions import Fraction as F
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from slow_risk import Standardised, Table, logistic

if TYPE_CHECKING:
    from collections.abc import Sequence


class Common(NamedTuple):
    """An effect over strata: itself, and the standard error of it or of its logarithm."""

    value: float
    std_error: float


def both_arms(y: Sequence[int], arm: Sequence[int], stratum: Sequence[object]) -> list[Table]:
    """The tables of the strata that hold both arms."""
    found = []
    for one in dict.fromkeys(stratum):
        rows = [(e, a) for e, a, s in zip(y, arm, stratum, strict=True) if s == one]
        n1, n0 = sum(a == 1 for _, a in rows), sum(a == 0 for _, a in rows)
        if n1 and n0:
            found.append(
                Table(sum(e for e, a in rows if a), n1, sum(e for e, a in rows if not a), n0)
            )
    return found


def difference(tables: list[Table]) -> Common:
    """Sato (1989): half of the variance estimated from each side of the estimating function.

    T_k(δ) = (x1 n0 - x0 n1)/n - δ n1 n0/n has under the common difference δ the variance
    w²{p1 q1/n1 + p0 q0/n0}; with p1 = p0 + δ, and p0 + δ = p1 the other way round, each of
    p1 q1 and p0 q0 is replaced by unbiased products of independent shares, p1 q0 and p0 q1, and of
    single shares: averaged over both, δP + Q.
    """
    top = sum((F(t.x1 * t.n0 - t.x0 * t.n1, t.n1 + t.n0) for t in tables), F(0))
    weight = sum((F(t.n1 * t.n0, t.n1 + t.n0) for t in tables), F(0))
    delta, variance = top / weight, F(0)
    for t in tables:
        p1, p0, w = F(t.x1, t.n1), F(t.x0, t.n0), F(t.n1 * t.n0, t.n1 + t.n0)
        # p1 q1 = p1 q0 - δ p1 = p0 q1 + δ q1;  p0 q0 = p1 q0 - δ q0 = p0 q1 + δ p0
        treated = (p1 * (1 - p0) - delta * p1 + p0 * (1 - p1) + delta * (1 - p1)) / 2
        control = (p1 * (1 - p0) - delta * (1 - p0) + p0 * (1 - p1) + delta * p0) / 2
        variance += w**2 * (treated / t.n1 + control / t.n0)
    return Common(float(delta), math.sqrt(variance / weight**2))


def greenland_robins(tables: list[Table]) -> float:
    """Greenland and Robins (1985): the standard error from each stratum's own two variances."""
    total, weight = F(0), F(0)
    for t in tables:
        p1, p0, w = F(t.x1, t.n1), F(t.x0, t.n0), F(t.n1 * t.n0, t.n1 + t.n0)
        total, weight = total + w**2 * (p1 * (1 - p1) / t.n1 + p0 * (1 - p0) / t.n0), weight + w
    return math.sqrt(total / weight**2)


def ratio(tables: list[Table]) -> Common:
    """Greenland and Robins (1985): Var(R_k - φS_k) = φ·n1 n0/n²·(m - x1 x0 n/(n1 n0)) summed."""
    up = sum((F(t.x1 * t.n0, t.n1 + t.n0) for t in tables), F(0))
    down = sum((F(t.x0 * t.n1, t.n1 + t.n0) for t in tables), F(0))
    phi, spread = up / down, F(0)
    for t in tables:
        n, events = t.n1 + t.n0, t.x1 + t.x0
        spread += phi * F(t.n1 * t.n0, n * n) * (events - F(t.x1 * t.x0 * n, t.n1 * t.n0))
    return Common(float(phi), math.sqrt(spread / (phi * down) ** 2))


def odds(tables: list[Table]) -> Common:
    """Robins, Breslow and Greenland (1986), factored: ½ Σ (P_k/R + Q_k/S)(R_k/R + S_k/S)."""
    cells = []
    for t in tables:
        n = t.n1 + t.n0
        agree, differ = F(t.x1 + t.n0 - t.x0, n), F(t.x0 + t.n1 - t.x1, n)
        cells.append((agree, differ, F(t.x1 * (t.n0 - t.x0), n), F(t.x0 * (t.n1 - t.x1), n)))
    up, down = sum(c[2] for c in cells), sum(c[3] for c in cells)
    spread = sum((p / up + q / down) * (r / up + s / down) for p, q, r, s in cells) / 2
    return Common(float(up / down), math.sqrt(spread))


def in_each_arm(arm: np.ndarray, covariates: np.ndarray, y: np.ndarray) -> Standardised:
    """Standardise by a regression in each arm; the variance of Ye et al. (2023), eq. (5).

    It is written as the variance of the influence of each person: within arm a, (Y - m_a)/π_a
    about its mean; over everyone, m_a. With sample covariances of divisor n - 1.
    """
    n = len(y)
    design = np.column_stack([np.ones(n), covariates])
    predicted = []
    for a in (0, 1):
        beta = logistic(design[arm == a], y[arm == a].astype(float))
        predicted.append(1 / (1 + np.exp(-design @ beta)))

    def cov(u: np.ndarray, v: np.ndarray) -> float:
        return float(((u - u.mean()) * (v - v.mean())).sum() / (len(u) - 1))

    matrix = np.empty((2, 2))
    for a in (0, 1):
        own, m = arm == a, predicted[a]
        seen = cov(y[own], m[own])
        matrix[a, a] = (cov(y[own], y[own]) - 2 * seen + cov(m, m)) / own.mean()
        matrix[a, a] += 2 * seen - cov(m, m)
    crossed = [cov(y[arm == a], predicted[1 - a][arm == a]) for a in (0, 1)]
    matrix[0, 1] = matrix[1, 0] = sum(crossed) - cov(*predicted)
    return Standardised(np.array([m.mean() for m in predicted]), matrix / n)
