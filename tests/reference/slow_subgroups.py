"""Proportional odds, Brant's test and Cochran's Q, written plainly from the papers."""

from __future__ import annotations

from itertools import pairwise
from math import exp, log
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def above(score: float) -> float:
    return 1 / (1 + exp(-score)) if score > 0 else exp(score) / (1 + exp(score))


def log_likelihood(
    thresholds: Sequence[float], slopes: Sequence[float], grade: Sequence[int], rows: NDArray
) -> float:
    """Each person's chance of exactly their grade, McCullagh (1980)."""
    total = 0.0
    last = len(thresholds)
    for own, row in zip(grade, rows, strict=True):
        score = sum(slope * value for slope, value in zip(slopes, row, strict=True))
        reached = 1.0 if own == 0 else above(score - thresholds[own - 1])
        passed = 0.0 if own == last else above(score - thresholds[own])
        total += log(max(reached - passed, 1e-300))
    return total


def proportional_odds(grade: Sequence[int], rows: NDArray) -> tuple[float, float]:
    """The first column's log odds ratio and standard error, by climbing and a fine Hessian."""
    last, p = max(grade), rows.shape[1]
    shares = [sum(own <= g for own in grade) / len(grade) for g in range(last)]
    start = [*(log(share / (1 - share)) for share in shares), *[0.0] * p]

    def lost(at: NDArray) -> float:
        if any(b <= a for a, b in pairwise(at[:last])):
            return 1e10
        return -log_likelihood(at[:last], at[last:], grade, rows)

    stop = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 20_000, "maxfev": 20_000}
    found = minimize(lost, start, method="Nelder-Mead", options=stop)
    step = 1e-3
    size = last + p
    curvature = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            corners = []
            for a in (1, -1):
                for b in (1, -1):
                    at = found.x.copy()
                    at[i] += a * step
                    at[j] += b * step
                    corners.append(a * b * lost(at))
            curvature[i, j] = sum(corners) / (4 * step**2)
    return float(found.x[last]), float(np.sqrt(np.linalg.inv(curvature)[last, last]))


def logistic(z: Sequence[int], rows: NDArray) -> NDArray:
    """Newton's method for a logistic regression with a constant."""
    x = np.column_stack([np.ones(len(z)), rows])
    b = np.zeros(x.shape[1])
    for _ in range(60):
        p = np.array([above(float(each @ b)) for each in x])
        b = b + np.linalg.solve((x.T * p * (1 - p)) @ x, x.T @ (np.array(z) - p))
    return b


def brant(grade: Sequence[int], rows: NDArray) -> float:
    """Brant (1990): the Wald statistic that the first column has one coefficient."""
    k = max(grade)
    x = np.column_stack([np.ones(len(grade)), rows])
    fits = [logistic([int(own > g) for own in grade], rows) for g in range(k)]
    p = np.array([[above(float(each @ b)) for b in fits] for each in x])
    joint = np.zeros((k, k))
    for s in range(k):
        for t in range(k):
            parts = []
            for one, two in ((s, s), (s, t), (t, t)):
                inside = np.zeros((x.shape[1], x.shape[1]))
                for person, row in enumerate(x):
                    both = p[person, max(one, two)] - p[person, one] * p[person, two]
                    inside += both * np.outer(row, row)
                parts.append(inside)
            joint[s, t] = (np.linalg.inv(parts[0]) @ parts[1] @ np.linalg.inv(parts[2]))[1, 1]
    gap = np.array([b[1] - fits[0][1] for b in fits[1:]])
    spread = np.array(
        [
            [joint[s, t] - joint[0, t] - joint[s, 0] + joint[0, 0] for t in range(1, k)]
            for s in range(1, k)
        ]
    )
    return float(gap @ np.linalg.solve(spread, gap))


def cochran(values: Sequence[float], errors: Sequence[float]) -> float:
    """Cochran (1954), as a sum over pairs: Σ_{a<b} w_a w_b (y_a − y_b)² / Σ w."""
    weights = [1 / error**2 for error in errors]
    total = 0.0
    for a, one in enumerate(values):
        for b in range(a):
            total += weights[a] * weights[b] * (one - values[b]) ** 2
    return total / sum(weights)
