"""Group-sequential arithmetic the slow way: by simulation-free sums on a fine plain grid.

A trapezium rule on a uniform grid of the score, look by look, straight from Jennison and Turnbull
(2000), chapter 19: no likelihood ratio, no Gauss nodes, and a density computed afresh for each
effect.
"""

from __future__ import annotations

from math import erfc, exp, inf, pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

POINTS = 1200


def normal_above(z: float) -> float:
    return 0.5 * erfc(z / sqrt(2))


def wedge_stops(
    shares: Sequence[float], inner: Sequence[float], upper: Sequence[float], drift: float
) -> tuple[list[float], list[float], list[float]]:
    """Chances of first stopping above, within ±inner, and below, at each look, on one grid."""
    stops: tuple[list[float], list[float], list[float]] = ([], [], [])
    scores, masses, before = np.zeros(1), np.ones(1), 0.0
    for look, share in enumerate(shares):
        step, root = share - before, sqrt(share)
        edges = [upper[look], inner[look], -inner[look], -upper[look]]
        ahead = [(edge * root - scores - drift * step) / sqrt(step) for edge in edges]
        beyond = [float(masses @ [normal_above(each) for each in some]) for some in ahead]
        stops[0].append(beyond[0])
        stops[1].append(max(beyond[2] - beyond[1], 0.0))
        stops[2].append(float(masses.sum()) - beyond[3])
        grids, weights = [], []
        for low, high in ((-upper[look], -inner[look]), (inner[look], upper[look])):
            low, high = max(low, drift * root - 8), min(high, drift * root + 8)
            grid = np.linspace(low, high, POINTS + 1) * root
            weight = np.full(POINTS + 1, grid[1] - grid[0])
            weight[[0, -1]] /= 2  # the trapezium rule
            grids.append(grid)
            weights.append(weight)
        ends = np.concatenate(grids)
        apart = (ends[:, None] - scores - drift * step) / sqrt(step)
        density = (np.exp(-(apart**2) / 2) * masses).sum(axis=1) / sqrt(2 * pi * step)
        scores, masses, before = ends, density * np.concatenate(weights), share
    return stops


def crossings(
    shares: Sequence[float], lower: Sequence[float], upper: Sequence[float], drift: float
) -> tuple[list[float], list[float]]:
    """Chances of first crossing above and below at each look."""
    above, below = [], []
    scores, density, spacing, before = np.zeros(1), np.ones(1), 1.0, 0.0
    for look, share in enumerate(shares):
        step, root = share - before, sqrt(share)
        sums = [0.0, 0.0]
        for score, mass in zip(scores, density * spacing, strict=True):
            if upper[look] < inf:
                ahead = (upper[look] * root - score - drift * step) / sqrt(step)
                sums[0] += mass * normal_above(ahead)
            if lower[look] > -inf:
                ahead = (lower[look] * root - score - drift * step) / sqrt(step)
                sums[1] += mass * normal_above(-ahead)
        above.append(sums[0])
        below.append(sums[1])
        low = max(lower[look], drift * root - 8) * root
        high = min(upper[look], drift * root + 8) * root
        grid = np.linspace(low, high, POINTS + 1)
        apart = (grid[:, None] - scores - drift * step) / sqrt(step)
        new = (np.exp(-(apart**2) / 2) * density * spacing).sum(axis=1) / sqrt(2 * pi * step)
        new[[0, -1]] /= 2  # the trapezium rule
        scores, density, spacing, before = grid, new, (high - low) / POINTS, share
    return above, below


def bisect(function: Callable[[float], float], low: float, high: float) -> float:
    """The root of a falling function."""
    for _ in range(60):
        middle = (low + high) / 2
        if function(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def simulated(
    shares: Sequence[float],
    lower: Sequence[float],
    upper: Sequence[float],
    drift: float,
    *,
    trials: int,
    seed: int,
) -> tuple[float, float, float]:
    """Shares of trials that cross above and below, and mean information, one trial at a time."""
    rng = np.random.default_rng(seed)
    high = low = 0
    information = 0.0
    for _ in range(trials):
        score = before = 0.0
        for look, share in enumerate(shares):
            score += rng.normal(drift * (share - before), sqrt(share - before))
            before = share
            z = score / sqrt(share)
            if z >= upper[look] or z <= lower[look] or look == len(shares) - 1:
                high += z >= upper[look]
                low += z <= lower[look] and not z >= upper[look]
                information += share
                break
    return high / trials, low / trials, information / trials


def exponential_events(now: float, at: float, hazard: float, waiting: int, pace: float) -> float:
    """Events expected between `now` and `at` of those waiting and those who enter at a pace."""
    length = at - now
    old = waiting * (1 - exp(-hazard * length))
    new = pace * (length - (1 - exp(-hazard * length)) / hazard)
    return old + new
