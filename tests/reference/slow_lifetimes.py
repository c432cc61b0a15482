"""Slow second implementation of parametric and cure models: one person at a time, `math` alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import minimize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Row = tuple[float, ...]


class Seen(NamedTuple):
    """One person: time, whether the event came, row of the time's and of the share's design."""

    time: float
    event: bool
    x: Row
    z: Row


def density(distribution: str, t: float, mu: float, sigma: float) -> float:
    """Density at t, from each distribution's textbook form (not by way of log time)."""
    rate, shape = math.exp(-mu), 1 / sigma
    if distribution == "exponential":
        return rate * math.exp(-rate * t)
    if distribution == "weibull":
        return shape * rate * (rate * t) ** (shape - 1) * math.exp(-((rate * t) ** shape))
    if distribution == "log-normal":
        z = (math.log(t) - mu) / sigma
        return math.exp(-z * z / 2) / (t * sigma * math.sqrt(2 * math.pi))
    odds = (rate * t) ** shape
    return shape * odds / t / (1 + odds) ** 2


def survival(distribution: str, t: float, mu: float, sigma: float) -> float:
    """Share of those who have the event who have it after t."""
    rate, shape = math.exp(-mu), 1 / sigma
    if distribution == "exponential":
        return math.exp(-rate * t)
    if distribution == "weibull":
        return math.exp(-((rate * t) ** shape))
    if distribution == "log-normal":
        return math.erfc((math.log(t) - mu) / sigma / math.sqrt(2)) / 2
    return 1 / (1 + (rate * t) ** shape)


def dot(row: Sequence[float], coef: Sequence[float]) -> float:
    """Sum of products."""
    return sum(a * b for a, b in zip(row, coef, strict=True))


def split(
    people: Sequence[Seen], theta: Sequence[float], distribution: str
) -> tuple[Sequence[float], float, Sequence[float]]:
    """Coefficients of time, sigma, coefficients of the share."""
    p = len(people[0].x)
    if distribution == "exponential":
        return theta[:p], 1.0, theta[p:]
    return theta[:p], math.exp(theta[p]), theta[p + 1 :]


def ever(z: Row, gamma: Sequence[float]) -> float:
    """Chance of ever having the event; certain without a share."""
    return 1.0 if not z else 1 / (1 + math.exp(-dot(z, gamma)))


def loglik(people: Sequence[Seen], theta: Sequence[float], distribution: str) -> float:
    """Sum of log chances of what was seen; minus infinity where a chance is nought."""
    beta, sigma, gamma = split(people, theta, distribution)
    total = 0.0
    for one in people:
        share, mu = ever(one.z, gamma), dot(one.x, beta)
        if one.event:
            chance = share * density(distribution, one.time, mu, sigma)
        else:
            chance = 1 - share + share * survival(distribution, one.time, mu, sigma)
        if chance <= 0:
            return -math.inf
        total += math.log(chance)
    return total


def slope(f: Callable[[np.ndarray], float], theta: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Derivative by central differences of fourth order."""
    out = []
    for j in range(len(theta)):
        side = np.zeros(len(theta))
        side[j] = step
        near = f(theta + side) - f(theta - side)
        far = f(theta + 2 * side) - f(theta - 2 * side)
        out.append((8 * near - far) / (12 * step))
    return np.array(out)


def curvature(f: Callable[[np.ndarray], float], theta: np.ndarray, step: float) -> np.ndarray:
    """Second derivatives by central differences of values."""
    k = len(theta)
    sides = np.eye(k) * step
    out = np.empty((k, k))
    for i in range(k):
        for j in range(k):
            a, b = sides[i], sides[j]
            corners = f(theta + a + b) - f(theta + a - b) - f(theta - a + b) + f(theta - a - b)
            out[i, j] = corners / (4 * step * step)
    return out


def fit(people: Sequence[Seen], distribution: str) -> tuple[np.ndarray, float]:
    """Climb by Nelder and Mead's simplex, restarted until it stays, from the best of a few starts.

    Returns the parameters and the log likelihood.
    """
    p, q = len(people[0].x), len(people[0].z)
    scaled = distribution != "exponential"
    middle = sum(math.log(one.time) for one in people) / len(people)

    def down(theta: np.ndarray) -> float:
        if np.abs(theta).max() > 50:
            return math.inf
        return -loglik(people, theta.tolist(), distribution)

    best: tuple[float, np.ndarray] = (math.inf, np.zeros(0))
    for shift in (-0.5, 0.8):
        theta = np.zeros(p + scaled + q)
        theta[0] = middle + shift
        for _ in range(12):
            before = down(theta)
            found = minimize(
                down,
                theta,
                method="Nelder-Mead",
                options={"xatol": 1e-5, "fatol": 1e-9, "maxiter": 4000, "adaptive": True},
            )
            theta = found.x
            if before - found.fun < 1e-8:
                break
        if found.fun < best[0]:
            best = (found.fun, theta)
    return best[1], -best[0]


def curve(people: Sequence[Seen], theta: Sequence[float], distribution: str, t: float) -> float:
    """Mean share of these people without the event at t."""
    beta, sigma, gamma = split(people, theta, distribution)
    total = 0.0
    for one in people:
        share = ever(one.z, gamma)
        late = survival(distribution, t, dot(one.x, beta), sigma) if t > 0 else 1.0
        total += 1 - share + share * late
    return total / len(people)


def never(people: Sequence[Seen], theta: Sequence[float], distribution: str) -> float:
    """Mean share of these people who never have the event."""
    gamma = split(people, theta, distribution)[2]
    return sum(1 - ever(one.z, gamma) for one in people) / len(people)
