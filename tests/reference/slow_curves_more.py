"""Slow second implementations: people left out one by one, strata added up, a bridge followed.

Loops over people, exact arithmetic in fractions, nothing shared with the library.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from slow_competing import incidence, incidence_variance
from slow_survival import kaplan_meier, restricted_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Who = TypeVar("Who")
Pair = tuple[Fraction, Fraction]


def survival(people: Sequence[Any], time: float) -> Pair:
    """Kaplan-Meier just after a time, and Greenwood's variance; (0, 0) once nobody is left."""
    past = [step for step in kaplan_meier(people) if step.time <= time]
    if not past:
        return Fraction(1), Fraction(0)
    last = past[-1]
    return last.survival, last.survival**2 * (last.greenwood or Fraction(0))


def incidence_of(cause: int) -> Callable[[Sequence[Any], float], Pair]:
    """Aalen-Johansen of a cause, and Aalen's variance."""

    def of(people: Sequence[Any], time: float) -> Pair:
        return incidence(people, cause, time), incidence_variance(people, cause, time)

    return of


MEASURES: dict[str, Callable[[Sequence[Any], float], Pair]] = {
    "restricted mean": restricted_mean,
    "survival": survival,
}


def left_out(people: Sequence[Who], value: Callable[[list[Who]], Fraction]) -> list[float]:
    """Andersen, Klein & Rosthoej (2003), eq. (2): n times all less n - 1 times all but one."""
    n = len(people)
    whole = value(list(people))
    without = [value([p for j, p in enumerate(people) if j != i]) for i in range(n)]
    return [float(n * whole - (n - 1) * each) for each in without]


def over_strata(
    people: Sequence[Any], arms: int, of: Callable[[list[Any]], Pair]
) -> tuple[list[float], list[float]]:
    """Direct standardisation: each arm's number in each stratum, times the stratum's share."""
    value, variance = [Fraction(0)] * arms, [Fraction(0)] * arms
    for stratum in {p.stratum for p in people}:
        share = Fraction(sum(p.stratum == stratum for p in people), len(people))
        for arm in range(arms):
            own = of([p for p in people if p.stratum == stratum and p.arm == arm])
            value[arm] += share * own[0]
            variance[arm] += share**2 * own[1]
    return [float(v) for v in value], [float(v) for v in variance]


def regression(
    value: Sequence[float], rows: Sequence[Sequence[float]], *, log: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Liang & Zeger (1986), independence: coefficients and sandwich, person by person.

    Scores x(y - mu), Gaussian or Poisson's under the log link, information xx' or mu xx', and meat
    (y - mu)^2 xx' are summed over people; steps are halved while the objective they descend grows.
    """
    x = np.array(rows, dtype=float)
    b = np.zeros(x.shape[1])
    b[0] = math.log(sum(value) / len(value)) if log else 0.0

    def mean(row: np.ndarray, at: np.ndarray) -> float:
        return math.exp(row @ at) if log else float(row @ at)

    def objective(at: np.ndarray) -> float:
        if log:
            return sum(mean(row, at) - y * float(row @ at) for y, row in zip(value, x, strict=True))
        return sum((y - mean(row, at)) ** 2 for y, row in zip(value, x, strict=True))

    for _ in range(200):
        score, information, meat = np.zeros(b.size), 0.0, 0.0
        for y, row in zip(value, x, strict=True):
            mu = mean(row, b)
            score += row * (y - mu)
            information += np.outer(row, row) * (mu if log else 1.0)
            meat += np.outer(row, row) * (y - mu) ** 2
        step = np.linalg.solve(information, score)
        here = objective(b)
        while objective(b + step) > here + 1e-12 * abs(here):
            step = step / 2
        b = b + step
        if np.abs(step).max() < 1e-13:
            break
    bread = np.linalg.inv(information)
    return b, bread @ meat @ bread


def bridge_stays(
    bound: float, end: float, rng: np.random.Generator, *, paths: int, steps: int = 40
) -> np.ndarray:
    """(paths,) chances that Brownian bridges through simulated points stay within the bound.

    Between two neighbouring points u and v, d apart in time, a path crosses c with the chance
    exp(-2 (c - u)(c - v) / d); crossing both bounds within one step is beyond rounding. So the
    mean has no error of the grid, only that of the draws.
    """
    at, chance = np.zeros(paths), np.ones(paths)
    d = end / steps
    for i in range(steps):
        left = 1 - i * d  # time until the bridge is back at 0
        mean, variance = at * (1 - d / left), d * max(1 - d / left, 0.0)
        after = mean + math.sqrt(variance) * rng.standard_normal(paths)
        for side in (1, -1):
            gap = np.maximum(bound - side * at, 0) * np.maximum(bound - side * after, 0)
            chance *= -np.expm1(-2 * gap / d)
        at = after
    return chance


def band(people: Sequence[Any], value: float, interval: str) -> list[tuple[float, float, float]]:
    """Hall & Wellner (1980), eq. (2.6), about one arm: time, low, high; nan without a limit.

    S ± S c (1 + n G) / √n, and the same on the scales of log S and log -log S (Borgan & Liestoel
    1990), cut to 0 and 1.
    """
    n, found = len(people), []
    for step in kaplan_meier(people):
        s = float(step.survival)
        if s == 0 or step.greenwood is None or (s == 1 and interval == "log-log"):
            found.append((step.time, math.nan, math.nan))
            continue
        half = value * float(1 + n * step.greenwood) / math.sqrt(n)
        if interval == "plain":
            low, high = s * (1 - half), s * (1 + half)
        elif interval == "log":
            low, high = s * math.exp(-half), s * math.exp(half)
        else:
            low, high = (s ** math.exp(sign * half / -math.log(s)) for sign in (1, -1))
        found.append((step.time, max(low, 0.0), min(high, 1.0)))
    return found


def reach(people: Sequence[Any]) -> float:
    """nG / (1 + nG) at the last time with a share still free: how much of the bridge is used."""
    known = [step.greenwood for step in kaplan_meier(people) if step.greenwood is not None]
    spread = len(people) * max(known, default=Fraction(0))
    return float(spread / (1 + spread))
