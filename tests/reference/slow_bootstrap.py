"""Slow second implementations for resampling: a list of people in, one number out.

Fractions where the answer is rational, None where there is none; Efron's (1987) intervals from
lists of numbers. Nothing shared with the library.
"""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Value = Fraction | float | None
NORMAL = NormalDist()
HALF = Fraction(1, 2)


class Person(NamedTuple):
    """Followed to a time; kind 0 censored, 1 the event, 2 what competes with it."""

    time: Fraction
    kind: int


class History(NamedTuple):
    """Intervals (start, stop] at risk, and the times of a person's events."""

    at_risk: tuple[tuple[Fraction, Fraction], ...]
    events: tuple[Fraction, ...]


Group = "Sequence[Person]"
Arms = "tuple[Sequence[Person], Sequence[Person]]"


def steps(people: Sequence[Person], kinds: Sequence[int] = (1,)) -> list[tuple[Fraction, Fraction]]:
    """Each time of an end, and Kaplan–Meier survival just after it."""
    survival, found = Fraction(1), []
    for time in sorted({one.time for one in people}):
        left = sum(one.time >= time for one in people)
        had = sum(one.time == time and one.kind in kinds for one in people)
        survival *= 1 - Fraction(had, left)
        found.append((time, survival))
    return found


def survival(people: Sequence[Person], at: Fraction) -> Fraction:
    """Survival just after a time, carried forward."""
    return next((s for t, s in reversed(steps(people)) if t <= at), Fraction(1))


def restricted_mean(people: Sequence[Person], horizon: Fraction) -> Fraction:
    """Area under survival, slab by slab."""
    area, before, alive = Fraction(0), Fraction(0), Fraction(1)
    for time, after in steps(people):
        if time >= horizon:
            break
        area, before, alive = area + alive * (time - before), time, after
    return area + alive * (horizon - before)


def median(people: Sequence[Person]) -> Fraction | None:
    """When survival falls by a half; the middle where it stays at a half, as R quantile.survfit."""
    curve = steps(people)
    first = next((t for t, s in curve if s <= HALF), None)
    if first is None:
        return None
    later = next((t for t, s in curve if s < HALF), curve[-1][0])
    return (first + later) / 2


def incidence(people: Sequence[Person], at: Fraction) -> Fraction:
    """Aalen–Johansen: survival of everything just before, times the share with the event."""
    total, before = Fraction(0), Fraction(1)
    for time, after in steps(people, (1, 2)):
        if time > at:
            break
        left = sum(one.time >= time for one in people)
        had = sum(one.time == time and one.kind == 1 for one in people)
        total, before = total + before * Fraction(had, left), after
    return total


def mean_events(people: Sequence[History], at: Fraction) -> Fraction:
    """Nelson's sum of events over people at risk."""
    total = Fraction(0)
    for time in sorted({t for one in people for t in one.events if t <= at}):
        had = sum(one.events.count(time) for one in people)
        total += Fraction(had, sum(a < time <= b for one in people for a, b in one.at_risk))
    return total


def hazard_ratio(control: Sequence[Person], treatment: Sequence[Person]) -> float | None:
    """Where the score of the partial likelihood, Breslow's for ties, is nought; by halving."""
    sets = []
    for time in sorted({one.time for one in (*control, *treatment) if one.kind == 1}):
        r0, r1 = (sum(one.time >= time for one in arm) for arm in (control, treatment))
        d0, d1 = (
            sum(one.time == time and one.kind == 1 for one in arm) for arm in (control, treatment)
        )
        if r0 and r1:
            sets.append((r0, r1, d0, d1))
    if not sum(d1 for *_, d1 in sets) or not sum(d0 for _, _, d0, _ in sets):
        return None

    def score(beta: float) -> float:
        return math.fsum(
            d1 - (d0 + d1) * r1 * math.exp(beta) / (r0 + r1 * math.exp(beta))
            for r0, r1, d0, d1 in sets
        )

    low, high = -30.0, 30.0
    for _ in range(90):
        middle = (low + high) / 2
        low, high = (middle, high) if score(middle) > 0 else (low, middle)
    return math.exp(low)


def peto(control: Sequence[Person], treatment: Sequence[Person]) -> float | None:
    """Peto's log odds ratio: observed less expected over the hypergeometric variance."""
    over, variance = 0.0, 0.0
    for time in sorted({one.time for one in (*control, *treatment) if one.kind == 1}):
        r0, r1 = (sum(one.time >= time for one in arm) for arm in (control, treatment))
        d0, d1 = (
            sum(one.time == time and one.kind == 1 for one in arm) for arm in (control, treatment)
        )
        r, d = r0 + r1, d0 + d1
        over += d1 - d * r1 / r
        variance += d * r0 * r1 * (r - d) / (r * r * (r - 1)) if r > 1 else 0.0
    return over / variance if variance > 0 else None


def difference(of: Callable[..., Value]) -> Callable[..., Value]:
    """Treatment less control."""

    def statistic(control: Sequence[object], treatment: Sequence[object]) -> Value:
        one, other = of(treatment), of(control)
        return None if one is None or other is None else one - other

    return statistic


def ratio(of: Callable[..., Fraction]) -> Callable[..., Value]:
    """Treatment over control; none where control has none."""

    def statistic(control: Sequence[object], treatment: Sequence[object]) -> Value:
        below = of(control)
        return of(treatment) / below if below else None

    return statistic


def quantile(values: Sequence[float], share: float) -> float:
    """Between order statistics, in a straight line."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = min(int(place), len(ordered) - 2)
    return ordered[low] + (place - low) * (ordered[low + 1] - ordered[low])


def bias(drawn: Sequence[float], value: float) -> float:
    """Efron (1987): the normal deviate of the share of draws below the value, ties halved."""
    below = sum((one < value) + (one == value) / 2 for one in drawn) / len(drawn)
    return NORMAL.inv_cdf(min(max(below, 0.5 / len(drawn)), 1 - 0.5 / len(drawn)))


def acceleration(left_out: Sequence[Sequence[float | None]]) -> float:
    """Efron and Tibshirani (1993), of several samples: values without each person, by sample."""
    influence = []
    for values in left_out:
        known = [one for one in values if one is not None]
        if not known:
            continue
        mean = math.fsum(known) / len(known)
        influence += [(mean - one) * (len(values) - 1) / len(values) for one in known]
    square = math.fsum(u**2 for u in influence)
    return math.fsum(u**3 for u in influence) / (6 * square**1.5) if square else 0.0


def ends(drawn: Sequence[float], level: float, z0: float, a: float) -> tuple[float, float]:
    """Efron (1987), eq. 2.3; the percentile interval with z0 = a = 0."""
    found = []
    for share in (0.5 - level / 2, 0.5 + level / 2):
        z = z0 + NORMAL.inv_cdf(share)
        found.append(quantile(drawn, NORMAL.cdf(z0 + z / (1 - a * z))))
    return found[0], found[1]
