"""Slow second implementations of what is made of skewed amounts and of many zeros.

Every pair counted, everyone left out, every draw made person by person, likelihoods term by term;
nothing shared with the library.
"""

from __future__ import annotations

import math
from statistics import NormalDist, mean, stdev
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from slow_rates import curvature, slopes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Row = tuple[int, float, tuple[float, ...]]  # events, time at risk, the arm and other columns


def superiority(control: Sequence[float], treatment: Sequence[float]) -> tuple[float, float, float]:
    """P(T < C) − P(T > C) over all pairs, its standard error and degrees of freedom."""

    def better(one: float, other: float) -> float:
        return 1.0 if one < other else 0.5 if one == other else 0.0

    placed = [
        [mean(better(one, other) for other in others) for one in own]
        for own, others in ((control, treatment), (treatment, control))
    ]
    parts = [stdev(each) ** 2 / len(each) for each in placed]
    df = sum(parts) ** 2 / sum(v**2 / (len(p) - 1) for v, p in zip(parts, placed, strict=True))
    return mean(placed[1]) - mean(placed[0]), 2 * math.sqrt(sum(parts)), df


def gini(values: Sequence[float]) -> float:
    gaps = [abs(a - b) for i, a in enumerate(values) for b in values[:i]]
    return mean(gaps) / (2 * mean(values))


def jackknife(values: Sequence[float], statistic: Callable[[Sequence[float]], float]) -> float:
    """Variance from leaving out each in turn."""
    n = len(values)
    left = [statistic([*values[:k], *values[k + 1 :]]) for k in range(n)]
    return (n - 1) / n * sum((each - mean(left)) ** 2 for each in left)


def bca(
    control: Sequence[float],
    treatment: Sequence[float],
    statistic: Callable[[Sequence[float], Sequence[float]], float],
    chosen: tuple[np.ndarray, np.ndarray],
    level: float,
) -> tuple[float, float]:
    """Efron's interval from given draws; the acceleration from each person of each arm left out."""
    drawn = sorted(
        statistic([control[i] for i in c], [treatment[i] for i in t])
        for c, t in zip(*chosen, strict=True)
    )
    value, normal = statistic(control, treatment), NormalDist()
    # Sums in another order differ by rounding: ties with the value count half.
    tied = [each for each in drawn if math.isclose(each, value, rel_tol=1e-9, abs_tol=1e-9)]
    below = sum(each < value for each in drawn if each not in tied) + len(tied) / 2
    shift = normal.inv_cdf(below / len(drawn))
    square = cube = 0.0
    for code, own in enumerate((control, treatment)):
        n, left = len(own), []
        for k in range(n):
            rest = [*own[:k], *own[k + 1 :]]
            left.append(statistic(rest, treatment) if code == 0 else statistic(control, rest))
        influence = [(n - 1) / n * (mean(left) - each) for each in left]
        square += sum(each**2 for each in influence)
        cube += sum(each**3 for each in influence)
    skew = cube / (6 * square**1.5)
    ends = []
    for share in ((1 - level) / 2, (1 + level) / 2):
        z = normal.inv_cdf(share) + shift
        ends.append(float(np.quantile(drawn, normal.cdf(shift + z / (1 - skew * z)))))
    return ends[0], ends[1]


def log_chance(count: int, rate: float, dispersion: float) -> float:
    """log P(count) of Poisson, or of NB2 with a dispersion above 0."""
    total = sum(math.log1p(dispersion * j) for j in range(count))
    total += count * math.log(rate) - math.lgamma(count + 1)
    total -= (count + 1 / dispersion) * math.log1p(dispersion * rate) if dispersion else rate
    return total


def log_likelihood(rows: Sequence[Row], at: np.ndarray, *, kind: str, dispersed: bool) -> float:
    """Zeros by arm at[0], at[1]; means by the columns; the log of the dispersion last."""
    dispersion = math.exp(at[-1]) if dispersed else 0.0
    coef = at[2:-1] if dispersed else at[2:]
    total = 0.0
    for count, time, columns in rows:
        rate = time * math.exp(sum(b * x for b, x in zip(coef, columns, strict=True)))
        own = at[0] + at[1] * columns[0]
        none = math.exp(log_chance(0, rate, dispersion))
        if kind == "inflated":
            added = 1 / (1 + math.exp(-own))
            if count:
                total += math.log(1 - added) + log_chance(count, rate, dispersion)
            else:
                total += math.log(added + (1 - added) * none)
        elif count:
            some = 1 - math.exp(-time * math.exp(own))
            total += math.log(some) + log_chance(count, rate, dispersion) - math.log(1 - none)
        else:
            total -= time * math.exp(own)
    return total


def log_ratio(rows: Sequence[Row], at: np.ndarray, *, kind: str, dispersed: bool) -> float:
    """Logarithm of the ratio of means had everyone been in each arm."""
    dispersion = math.exp(at[-1]) if dispersed else 0.0
    coef = at[2:-1] if dispersed else at[2:]
    sums = [0.0, 0.0]
    for _, time, columns in rows:
        for arm in (0, 1):
            rest = sum(b * x for b, x in zip(coef[1:], columns[1:], strict=True))
            rate = time * math.exp(coef[0] * arm + rest)
            own = at[0] + at[1] * arm
            if kind == "inflated":
                sums[arm] += rate / (1 + math.exp(own))
            else:
                none = math.exp(log_chance(0, rate, dispersion))
                sums[arm] += rate * (1 - math.exp(-time * math.exp(own))) / (1 - none)
    return math.log(sums[1] / sums[0])


def rate_ratio(rows: Sequence[Row], *, kind: str, dispersed: bool) -> tuple[float, float, float]:
    """Log ratio of means, its standard error and the log-likelihood at the maximum."""
    size = 2 + len(rows[0][2]) + dispersed

    def less(at: np.ndarray) -> float:
        return -log_likelihood(rows, at, kind=kind, dispersed=dispersed)

    at = np.zeros(size)
    for _ in range(2):  # a simplex shrinks too early: begin again from where it ended
        how = {"xatol": 1e-10, "fatol": 1e-12, "maxiter": 20_000, "maxfev": 20_000}
        at = minimize(less, at, method="Nelder-Mead", options=how).x
    covariance = np.linalg.inv(curvature(less, at, 1e-3))

    def of(z: np.ndarray) -> float:
        return log_ratio(rows, z, kind=kind, dispersed=dispersed)

    slope = slopes(of, at, 1e-3)
    return of(at), math.sqrt(slope @ covariance @ slope), -less(at)
