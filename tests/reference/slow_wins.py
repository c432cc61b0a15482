"""Slow second implementation of win ratios: words about two people, fractions, nothing shared.

The variance is not taken from projections but from its definition: covariances of pairs that
share one person (Hoeffding 1948; Bebu and Lachin 2016), by loops over triples.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple


class Person(NamedTuple):
    """Arm, stratum, and for each outcome (time, event); a number or yes-no has time None."""

    treated: bool
    stratum: int
    course: tuple[tuple[float | None, float], ...]


class Result(NamedTuple):
    """Weighted shares of pairs won by treatment and by control, and their covariance matrix."""

    won: Fraction
    lost: Fraction
    covariance: tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]


def loses(one: tuple[float | None, float], other: tuple[float | None, float]) -> bool:
    """Whether `one` did worse: the event while the other was known to be still free of it."""
    (time, event), (other_time, other_event) = one, other
    if time is None or other_time is None:
        return event > other_event
    free_for_longer = other_time > time
    free_at_the_time = other_time == time and not other_event
    return bool(event) and (free_for_longer or free_at_the_time)


def decides(a: Person, b: Person) -> int:
    """Return which outcome tells a and b apart, from 1; 0 for none."""
    for place, (one, other) in enumerate(zip(a.course, b.course, strict=True), start=1):
        if loses(one, other) or loses(other, one):
            return place
    return 0


def score(a: Person, b: Person) -> tuple[int, int]:
    """Return (a wins, b wins)."""
    place = decides(a, b)
    if place == 0:
        return (0, 0)
    return (0, 1) if loses(a.course[place - 1], b.course[place - 1]) else (1, 0)


def sharing(rows: list[list[int]], other: list[list[int]]) -> Fraction:
    """
    Covariance of two kernels of pairs that share the person of a row, without bias: the mean
    over two different people of the other arm of f(i, j) g(i, k), less the mean over two
    different people of each arm of f(i, j) g(h, k).
    """
    n, m = len(rows), len(rows[0])
    same = [
        Fraction(row[j] * own[k] + row[k] * own[j], 2)
        for row, own in zip(rows, other, strict=True)
        for j, k in combinations(range(m), 2)
    ]
    apart = [
        Fraction(
            rows[i][j] * other[h][k] + rows[h][k] * other[i][j]
            + rows[i][k] * other[h][j] + rows[h][j] * other[i][k], 4
        )
        for i, h in combinations(range(n), 2)
        for j, k in combinations(range(m), 2)
    ]  # fmt: skip
    return sum(same, Fraction(0)) / len(same) - sum(apart, Fraction(0)) / len(apart)


def transposed(rows: list[list[int]]) -> list[list[int]]:
    return [list(column) for column in zip(*rows, strict=True)]


def projected(rows: list[list[int]], other: list[list[int]]) -> Fraction:
    """Covariance of the rows' means, with divisor n - 1, as a sum over pairs of rows."""
    n, m = len(rows), len(rows[0])
    total = Fraction(0)
    for i, h in combinations(range(n), 2):
        difference = Fraction(sum(rows[i]) - sum(rows[h]), m)
        own = Fraction(sum(other[i]) - sum(other[h]), m)
        total += difference * own
    return total / (n * (n - 1))


def wins(people: list[Person]) -> Result:
    """Mantel-Haenszel over strata that hold two people or more of each arm."""
    shares, covariances, weights = [], [], []
    for stratum in sorted({person.stratum for person in people}):
        here = [person for person in people if person.stratum == stratum]
        treated = [person for person in here if person.treated]
        control = [person for person in here if not person.treated]
        if not treated or not control:
            continue
        table = [[score(a, b) for b in control] for a in treated]
        kernels = [[[cell[way] for cell in row] for row in table] for way in (0, 1)]
        pairs = len(treated) * len(control)
        shares.append([Fraction(sum(map(sum, kernel)), pairs) for kernel in kernels])
        covariances.append(
            [
                [
                    projected(f, g) / len(treated)
                    + projected(transposed(f), transposed(g)) / len(control)
                    for g in kernels
                ]
                for f in kernels
            ]
        )
        weights.append(Fraction(pairs, len(here)))
    total = sum(weights)
    won, lost = (
        sum((w / total * s[way] for w, s in zip(weights, shares, strict=True)), Fraction(0))
        for way in (0, 1)
    )
    a, b, c, d = (
        sum(
            ((w / total) ** 2 * v[i][j] for w, v in zip(weights, covariances, strict=True)),
            Fraction(0),
        )
        for i in (0, 1)
        for j in (0, 1)
    )
    return Result(won, lost, ((a, b), (c, d)))


def measured(result: Result, measure: str) -> tuple[float, float]:
    """Value (of a ratio its log) and standard error, by numerical derivatives of the formula."""

    def formula(won: float, lost: float) -> float:
        tied = 1 - won - lost
        if measure == "net benefit":
            return won - lost
        if measure == "win ratio":
            return math.log(won / lost)
        return math.log((won + tied / 2) / (lost + tied / 2))

    won, lost, step = float(result.won), float(result.lost), 1e-5
    slope = (
        (formula(won + step, lost) - formula(won - step, lost)) / (2 * step),
        (formula(won, lost + step) - formula(won, lost - step)) / (2 * step),
    )
    variance = sum(
        slope[i] * slope[j] * float(result.covariance[i][j]) for i in (0, 1) for j in (0, 1)
    )
    return formula(won, lost), math.sqrt(variance)


def at_random(seed: int, n: int = 26) -> list[Person]:
    """People with a grave and a slighter event in tied weeks, a number and a yes-no; two strata."""
    draw = random.Random(seed)
    people = []
    for i in range(n):
        end = draw.randint(4, 12)
        grave, slight = draw.randint(1, 30), draw.randint(1, 14)
        seen = min(end, grave)
        course = (
            (float(seen), float(grave <= end)),
            (float(min(seen, slight)), float(slight <= seen)),
            (None, float(draw.randint(0, 2))),
            (None, float(draw.random() < 0.4)),
        )
        people.append(Person(i % 2 == 1, int(draw.random() < 0.4) if i > 7 else i // 4, course))
    return people
