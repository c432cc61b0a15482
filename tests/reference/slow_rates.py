"""Slow second implementation of rate ratios: likelihoods term by term, maximised without slopes.

Plain floats, sums over people, the negative binomial's gamma functions as products over events;
the maximum by a simplex search and Newton on numerical slopes; nothing shared with the library.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Row = tuple[int, float, tuple[float, ...]]  # events, time at risk, the arm and other columns


def log_likelihood(rows: Sequence[Row], coef: Sequence[float], dispersion: float) -> float:
    """Sum of log P(count), in full; with dispersion a a count y has the probability

    Π (1 + a·j for j < y) · m^y / y! · (1 + a·m)^−(y + 1/a), which is Poisson's for a = 0.
    """
    total = 0.0
    for count, time, columns in rows:
        mean = time * math.exp(sum(b * x for b, x in zip(coef, columns, strict=True)))
        total += sum(math.log1p(dispersion * j) for j in range(count))
        total += count * math.log(mean) - math.lgamma(count + 1)
        total -= (count + 1 / dispersion) * math.log1p(dispersion * mean) if dispersion else mean
    return total


def slopes(function: Callable[[np.ndarray], float], at: np.ndarray, step: float) -> np.ndarray:
    """Central differences, Richardson's way."""
    found = np.zeros(at.size)
    for place in range(at.size):
        aside = np.zeros(at.size)
        aside[place] = step
        wide = (function(at + aside) - function(at - aside)) / (2 * step)
        near = (function(at + aside / 2) - function(at - aside / 2)) / step
        found[place] = (4 * near - wide) / 3
    return found


def curvature(function: Callable[[np.ndarray], float], at: np.ndarray, step: float) -> np.ndarray:
    return np.array(
        [slopes(lambda z, k=k: slopes(function, z, step)[k], at, step) for k in range(at.size)]
    )


def climb(function: Callable[[np.ndarray], float], start: np.ndarray) -> np.ndarray:
    """The highest point: simplex search, then Newton's steps on numerical slopes."""
    how = {"xatol": 1e-7, "fatol": 1e-12, "maxiter": 20_000, "maxfev": 20_000}
    at = minimize(lambda z: -function(z), start, method="Nelder-Mead", options=how).x
    for _ in range(4):
        at = at - np.linalg.solve(curvature(function, at, 1e-2), slopes(function, at, 1e-3))
    return at


def poisson(rows: Sequence[Row]) -> tuple[float, float, float]:
    """Arm's coefficient, its standard error by the sandwich, and the likelihood there."""
    p = len(rows[0][2])
    at = climb(lambda z: log_likelihood(rows, z.tolist(), 0.0), np.zeros(p))
    bread, meat = np.zeros((p, p)), np.zeros((p, p))
    for count, time, columns in rows:
        x = np.array(columns)
        mean = time * math.exp(float(at @ x))
        bread += mean * np.outer(x, x)
        meat += (count - mean) ** 2 * np.outer(x, x)
    inverse = np.linalg.inv(bread)
    error = math.sqrt((inverse @ meat @ inverse)[0, 0])
    return float(at[0]), error, log_likelihood(rows, at.tolist(), 0.0)


def negative_binomial(rows: Sequence[Row]) -> tuple[float, float, float, float]:
    """Arm's coefficient, standard error at the dispersion found, dispersion, likelihood."""
    p = len(rows[0][2])

    def height(z: np.ndarray) -> float:
        return log_likelihood(rows, z[:-1].tolist(), math.exp(z[-1]))

    at = climb(height, np.zeros(p + 1))
    dispersion = math.exp(at[-1])
    information = np.zeros((p, p))
    for _, time, columns in rows:
        x = np.array(columns)
        mean = time * math.exp(float(at[:-1] @ x))
        information += mean / (1 + dispersion * mean) * np.outer(x, x)
    error = math.sqrt(np.linalg.inv(information)[0, 0])
    return float(at[0]), error, dispersion, height(at)
