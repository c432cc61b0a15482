"""Slow second implementation of splines of the log cumulative hazard: by their values at the knots.

A natural cubic spline is the one through given points with no bend at either end, so its values at
the knots are as good parameters as coefficients of any columns. One person at a time.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from slow_lifetimes import dot, ever
from slow_survival import solve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slow_lifetimes import Seen


def bends(knots: Sequence[float], values: Sequence[float]) -> list[float]:
    """Second derivatives at the knots: both sides of each inner knot have one slope there."""
    size = len(knots)
    gaps = [b - a for a, b in pairwise(knots)]
    rises = [(b - a) / gap for (a, b), gap in zip(pairwise(values), gaps, strict=True)]
    rows = [[0.0] * size for _ in range(size)]
    right = [0.0] * size
    rows[0][0] = rows[-1][-1] = 1.0
    for j in range(1, size - 1):
        rows[j][j - 1 : j + 2] = [gaps[j - 1] / 6, (gaps[j - 1] + gaps[j]) / 3, gaps[j] / 6]
        right[j] = rises[j] - rises[j - 1]
    return solve(rows, right)


def spline(
    knots: Sequence[float], values: Sequence[float], bend: Sequence[float], y: float
) -> tuple[float, float]:
    """Height and slope at y; straight on beyond the ends."""
    at = min(max(y, knots[0]), knots[-1])
    j = max(i for i in range(len(knots) - 1) if knots[i] <= at)
    gap = knots[j + 1] - knots[j]
    a, b = (knots[j + 1] - at) / gap, (at - knots[j]) / gap
    height = a * values[j] + b * values[j + 1]
    height += ((a**3 - a) * bend[j] + (b**3 - b) * bend[j + 1]) * gap**2 / 6
    slope = (values[j + 1] - values[j]) / gap
    slope += ((3 * b**2 - 1) * bend[j + 1] - (3 * a**2 - 1) * bend[j]) * gap / 6
    return height + slope * (y - at), slope


def quantile(ordered: Sequence[float], share: float) -> float:
    """Straight between neighbours, the least at 0 and the greatest at 1."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def knots_of(people: Sequence[Seen], internal: int) -> list[float]:
    """Log times of the first event, the last, and shares of events between."""
    ordered = sorted(math.log(one.time) for one in people if one.event)
    return [quantile(ordered, j / (internal + 1)) for j in range(internal + 2)]


def loglik(people: Sequence[Seen], knots: Sequence[float], theta: Sequence[float]) -> float:
    """Sum of log chances of what was seen; minus infinity where one is nought.

    `theta`: values at the knots; coefficients of x beside its constant; those of the share.
    """
    m, p = len(knots), len(people[0].x) - 1
    values, beta, gamma = theta[:m], theta[m : m + p], theta[m + p :]
    bend = bends(knots, values)
    total = 0.0
    for one in people:
        height, slope = spline(knots, values, bend, math.log(one.time))
        hazard = math.exp(min(height + dot(one.x[1:], beta), 300.0))
        share, late = ever(one.z, gamma), math.exp(-hazard)
        free = 1 - share + share * late
        chance = share * hazard * slope / one.time * late if one.event else free
        if not chance > 0:
            return -math.inf
        total += math.log(chance)
    return total


def curve(
    people: Sequence[Seen], knots: Sequence[float], theta: Sequence[float], t: float
) -> float:
    """Mean share of these people without the event at t."""
    m, p = len(knots), len(people[0].x) - 1
    values, beta, gamma = theta[:m], theta[m : m + p], theta[m + p :]
    height = spline(knots, values, bends(knots, values), math.log(t))[0]
    total = 0.0
    for one in people:
        share = ever(one.z, gamma)
        total += 1 - share + share * math.exp(-math.exp(height + dot(one.x[1:], beta)))
    return total / len(people)


def fit(people: Sequence[Seen], internal: int) -> tuple[list[float], np.ndarray, float]:
    """Climb by Nelder and Mead's simplex, restarted until it stays.

    Returns the knots, the parameters and the log likelihood.
    """
    knots = knots_of(people, internal)
    p, q = len(people[0].x) - 1, len(people[0].z)
    events = sum(one.event for one in people)
    rate = math.log(events / sum(one.time for one in people))
    theta = np.array([rate + knot for knot in knots] + [0.0] * (p + q))

    def down(at: np.ndarray) -> float:
        return -loglik(people, knots, at.tolist()) if np.abs(at).max() < 50 else math.inf

    for _ in range(12):
        before = down(theta)
        options = {"xatol": 1e-5, "fatol": 1e-9, "maxiter": 4000, "adaptive": True}
        theta = minimize(down, theta, method="Nelder-Mead", options=options).x
        if before - down(theta) < 1e-8:
            break
    return knots, theta, -down(theta)
