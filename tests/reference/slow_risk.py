"""Slow second implementations for proportions: score intervals, exact test, g-computation."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.stats import norm

if TYPE_CHECKING:
    from collections.abc import Callable

EDGE = 1e-13  # how near to 0 and 1 a probability may come while roots are sought


class Table(NamedTuple):
    """Two independent proportions: events and people, treatment then control."""

    x1: int
    n1: int
    x0: int
    n0: int

    @property
    def risks(self) -> tuple[float, float]:
        """Observed proportions, treatment then control."""
        return self.x1 / self.n1, self.x0 / self.n0


def normal_quantile(level: float) -> float:
    """Two-sided standard normal quantile."""
    return float(norm.ppf(0.5 + level / 2))


def wilson(x: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson (1927): the two roots of |x/n - pi| = z sqrt(pi (1 - pi) / n), by bisection."""
    z, p = normal_quantile(level), x / n

    def gap(pi: float) -> float:
        return (p - pi) ** 2 - z * z * pi * (1 - pi) / n

    # at 0 and 1 the observed share is itself a root: step over it to the other one
    low = 0.0 if x == 0 else brentq(gap, 0.0, min(p, 1 - 1e-9), xtol=1e-15)
    high = 1.0 if x == n else brentq(gap, max(p, 1e-9), 1.0, xtol=1e-15)
    return low, high


def newcombe(table: Table, level: float = 0.95) -> tuple[float, float]:
    """Newcombe (1998), method 10: square-and-add of the Wilson limits of the two arms."""
    p1, p0 = table.risks
    (l1, u1), (l0, u0) = wilson(table.x1, table.n1, level), wilson(table.x0, table.n0, level)
    difference = p1 - p0
    return difference - math.hypot(p1 - l1, u0 - p0), difference + math.hypot(u1 - p1, p0 - l0)


def _peak(slope: Callable[[float], float], low: float, high: float) -> float:
    """Maximiser of a concave function on (low, high) from its decreasing derivative."""
    a, b = low + EDGE * (1 + low), high - EDGE * (1 + high)
    if slope(a) <= 0:
        return low
    if slope(b) >= 0:
        return high
    return float(brentq(slope, a, b, xtol=1e-16, maxiter=500))


def _slope(x: int, n: int, p: float) -> float:
    """Differentiate x log p + (n - x) log(1 - p)."""
    return (x / p if x else 0.0) - ((n - x) / (1 - p) if n > x else 0.0)


def constrained(table: Table, measure: str, value: float) -> tuple[float, float]:
    """Maximum likelihood risks (treatment, control) subject to the measure having this value.

    The control risk maximises the two binomial log likelihoods along the constraint; each is
    concave there, so the zero of the derivative (or an end of the range) is the maximum.
    """
    x1, n1, x0, n0 = table
    if measure == "difference":
        low, high = max(0.0, -value), min(1.0, 1.0 - value)
        p0 = _peak(lambda p: _slope(x1, n1, p + value) + _slope(x0, n0, p), low, high)
        return min(max(p0 + value, 0.0), 1.0), p0
    if measure == "ratio":
        p0 = _peak(
            lambda p: value * _slope(x1, n1, value * p) + _slope(x0, n0, p),
            0.0,
            min(1.0, 1.0 / value),
        )
        return min(value * p0, 1.0), p0

    def treated(p: float) -> float:
        return value * p / (1 - p + value * p)

    # on the logit scale the derivative is observed minus expected events
    p0 = float(brentq(lambda p: x1 + x0 - n1 * treated(p) - n0 * p, 0.0, 1.0, xtol=1e-16))
    return treated(p0), p0


def score_statistic(table: Table, measure: str, value: float) -> float:
    """Miettinen & Nurminen (1985), eqs. (8), (10), (13): z with the factor N / (N - 1)."""
    x1, n1, _, n0 = table
    p1, p0 = table.risks
    r1, r0 = constrained(table, measure, value)
    inflate = (n1 + n0) / (n1 + n0 - 1)
    v1, v0 = r1 * (1 - r1), r0 * (1 - r0)
    if measure == "difference":
        gap, variance = p1 - p0 - value, inflate * (v1 / n1 + v0 / n0)
    elif measure == "ratio":
        gap, variance = p1 - value * p0, inflate * (v1 / n1 + value**2 * v0 / n0)
    else:
        if v1 == 0 or v0 == 0:
            return 0.0
        gap = x1 - n1 * r1
        variance = inflate / (1 / (n1 * v1) + 1 / (n0 * v0))
    if gap == 0:
        return 0.0
    return gap / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, gap)


def miettinen_nurminen(table: Table, measure: str, level: float = 0.95) -> tuple[float, float]:
    """Values of the measure not rejected by the score statistic, which falls as the value rises.

    Ratios are searched on the log scale; a ratio limit beyond exp(+-15) is 0 or infinity.
    """
    z = normal_quantile(level)
    if measure == "difference":
        edge = 1.0 - 1e-10
        low = _crossing(lambda value: score_statistic(table, measure, value) - z, edge)
        high = _crossing(lambda value: score_statistic(table, measure, value) + z, edge)
        return (-1.0 if low is None else low), (1.0 if high is None else high)
    edge = 15.0
    low = _crossing(lambda log: score_statistic(table, measure, math.exp(log)) - z, edge)
    high = _crossing(lambda log: score_statistic(table, measure, math.exp(log)) + z, edge)
    return (0.0 if low is None else math.exp(low)), (math.inf if high is None else math.exp(high))


def _crossing(curve: Callable[[float], float], edge: float) -> float | None:
    """Where a decreasing curve crosses zero on (-edge, edge), by plain bisection; None: nowhere."""
    low, high = -edge, edge
    if not curve(low) > 0 > curve(high):
        return None
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if curve(middle) > 0 else (low, middle)
    return (low + high) / 2


def wald(table: Table, measure: str, level: float = 0.95) -> tuple[float, float]:
    """Textbook limits (Rothman, Greenland & Lash 2008, ch. 14); logarithms for the ratios."""
    z = normal_quantile(level)
    x1, n1, x0, n0 = table
    p1, p0 = table.risks
    if measure == "difference":
        error = math.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
        return p1 - p0 - z * error, p1 - p0 + z * error
    if measure == "ratio":
        value, error = p1 / p0, math.sqrt(1 / x1 - 1 / n1 + 1 / x0 - 1 / n0)
    else:
        value = x1 * (n0 - x0) / (x0 * (n1 - x1))
        error = math.sqrt(1 / x1 + 1 / (n1 - x1) + 1 / x0 + 1 / (n0 - x0))
    return value * math.exp(-z * error), value * math.exp(z * error)


def fisher(table: Table) -> Fraction:
    """Fisher (1935), two-sided: all tables with these margins no likelier than the one seen."""
    x1, n1, x0, n0 = table
    total = x1 + x0
    chance = {
        x: Fraction(math.comb(n1, x) * math.comb(n0, total - x), math.comb(n1 + n0, total))
        for x in range(max(0, total - n0), min(n1, total) + 1)
    }
    return sum((p for p in chance.values() if p <= chance[x1]), Fraction(0))


class Standardised(NamedTuple):
    """Standardised risks (control, treatment) and their covariance matrix."""

    risks: np.ndarray
    covariance: np.ndarray

    def contrast(self, measure: str, level: float = 0.95) -> tuple[float, float, float]:
        """Value and Wald limits; delta method on the log scale for the ratios."""
        p0, p1 = self.risks
        if measure == "difference":
            value, gradient = p1 - p0, np.array([-1.0, 1.0])
        elif measure == "ratio":
            value, gradient = math.log(p1 / p0), np.array([-1 / p0, 1 / p1])
        else:
            value = math.log(p1 / (1 - p1) / (p0 / (1 - p0)))
            gradient = np.array([-1 / (p0 * (1 - p0)), 1 / (p1 * (1 - p1))])
        width = normal_quantile(level) * math.sqrt(gradient @ self.covariance @ gradient)
        triple = np.array([value, value - width, value + width])
        a, b, c = triple if measure == "difference" else np.exp(triple)
        return float(a), float(b), float(c)


def logistic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Maximum likelihood logistic coefficients from a generic optimiser."""

    def minus_loglik(beta: np.ndarray) -> float:
        eta = x @ beta
        return float(np.sum(np.logaddexp(0.0, eta) - y * eta))

    def risk(beta: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x @ beta))

    def curvature(beta: np.ndarray) -> np.ndarray:
        return x.T @ (x * (risk(beta) * (1 - risk(beta)))[:, None])

    found = minimize(
        minus_loglik,
        np.zeros(x.shape[1]),
        jac=lambda beta: x.T @ (risk(beta) - y),
        hess=curvature,
        method="trust-exact",
        options={"gtol": 1e-9},
    ).x
    # one last Newton step: trust-exact stops once the likelihood is flat to rounding
    return found + np.linalg.solve(curvature(found), x.T @ (y - risk(found)))


def g_computation(arm: np.ndarray, covariates: np.ndarray, y: np.ndarray) -> Standardised:
    """Logistic standardisation with the robust variance of Ye, Bannick, Yi & Shao (2023), eq. (5).

    n times the covariance: on the diagonal Var(Y - m_a | a) / pi_a + 2 Cov(Y, m_a | a) - Var(m_a),
    off it Cov(Y, m_b | a) + Cov(Y, m_a | b) - Cov(m_a, m_b); sample covariances (divisor n - 1).
    Var(Y - m_a | a) is taken apart as Var(Y | a) - 2 Cov(Y, m_a | a) + Var(m_a), the last one
    over everybody because m_a is known for everybody (it gives RobinCar2's value on Rossi).
    """
    n = len(y)
    beta = logistic(np.column_stack([np.ones(n), arm, covariates]), y.astype(float))
    predicted = []
    for value in (0.0, 1.0):
        eta = np.column_stack([np.ones(n), np.full(n, value), covariates]) @ beta
        predicted.append(1 / (1 + np.exp(-eta)))

    def covariance(a: np.ndarray, b: np.ndarray) -> float:
        return sum((u - a.mean()) * (v - b.mean()) for u, v in zip(a, b, strict=True)) / (
            len(a) - 1
        )

    matrix = np.zeros((2, 2))
    for a in (0, 1):
        mine, m = arm == a, predicted[a]
        residual = covariance(y[mine], y[mine]) - 2 * covariance(y[mine], m[mine])
        matrix[a, a] = (residual + covariance(m, m)) / mine.mean()
        matrix[a, a] += 2 * covariance(y[mine], m[mine]) - covariance(m, m)
    matrix[0, 1] = sum(covariance(y[arm == a], predicted[1 - a][arm == a]) for a in (0, 1))
    matrix[0, 1] -= covariance(*predicted)
    matrix[1, 0] = matrix[0, 1]
    return Standardised(np.array([m.mean() for m in predicted]), matrix / n)
