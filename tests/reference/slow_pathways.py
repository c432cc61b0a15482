"""Families of tests and shrunken effects by loops over lists, from the papers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

Row = Sequence[float]


def westfall_young(seen: Row, drawn: Sequence[Row]) -> list[float]:
    """Westfall and Young (1993), algorithm 2.8: successive maxima, counted, made monotone."""
    order = sorted(range(len(seen)), key=lambda place: -abs(seen[place]))
    adjusted = [0.0] * len(seen)
    least = 0.0
    for rank, place in enumerate(order):
        rest = order[rank:]
        reached = sum(
            max(abs(row[each]) for each in rest) >= abs(seen[place]) - 1e-9 for row in drawn
        )
        least = max(least, (reached + 1) / (len(drawn) + 1))
        adjusted[place] = least
    return adjusted


def single_step(seen: Row, drawn: Sequence[Row]) -> list[float]:
    """The largest of all, for every test."""
    largest = [max(map(abs, row)) for row in drawn]
    return [
        (sum(each >= abs(value) - 1e-9 for each in largest) + 1) / (len(drawn) + 1)
        for value in seen
    ]


def left(before: Row, after: Row) -> list[float]:
    """What a straight line through (before, after) leaves; of one value before, the mean."""
    n = len(before)
    x, y = sum(before) / n, sum(after) / n
    square = sum((each - x) ** 2 for each in before)
    cross = sum((b - x) * (a - y) for b, a in zip(before, after, strict=True))
    slope = cross / square if square > 0 else 0.0
    return [a - y - slope * (b - x) for b, a in zip(before, after, strict=True)]


def midranks(values: Row) -> list[float]:
    """The mean rank of those that tie, up to rounding."""
    rank = []
    for each in values:
        below = sum(other < each - 1e-9 for other in values)
        same = sum(abs(other - each) <= 1e-9 for other in values)
        rank.append(below + (same + 1) / 2)
    return rank


def welch(values: dict[int, float], arm: Row) -> float:
    """Welch's t of the people who have a value, treatment less control."""
    groups = [[value for who, value in values.items() if arm[who] == code] for code in (0, 1)]
    if min(map(len, groups)) < 2:
        return math.nan
    means = [sum(each) / len(each) for each in groups]
    error = sum(
        sum((value - mean) ** 2 for value in each) / (len(each) - 1) / len(each)
        for each, mean in zip(groups, means, strict=True)
    )
    return (means[1] - means[0]) / math.sqrt(error) if error > 1e-20 else math.nan


def statistics(
    before: Sequence[Row], after: Sequence[Row], arm: Row, *, needing: bool
) -> list[float]:
    """Welch's t of each pathway, then O'Brien's of the sums of ranks."""
    people, pathways = len(before), len(before[0])
    found, sums = [], {}
    for place in range(pathways):
        who = [
            each
            for each in range(people)
            if not math.isnan(before[each][place] + after[each][place])
            and (not needing or before[each][place] > 0)
        ]
        own = left([before[each][place] for each in who], [after[each][place] for each in who])
        found.append(welch(dict(zip(who, own, strict=True)), arm))
        for each, rank in zip(who, midranks(own), strict=True):
            sums[each] = sums.get(each, 0.0) + (rank - (len(who) + 1) / 2) / len(who)
    return [*found, welch(sums, arm)]


def every_split(arm: Row) -> list[tuple[int, ...]]:
    """Every allocation with as many treated."""
    treated = sum(arm)
    return [
        tuple(int(each in chosen) for each in range(len(arm)))
        for chosen in itertools.combinations(range(len(arm)), int(treated))
    ]


def restricted(y: Row, v: Row, between: float) -> float:
    """Twice the restricted log likelihood: the likelihood of the m − 1 differences to the last.

    Of normal effects with variances v + between, the differences have covariance diag + the last's
    variance in every cell; its determinant and inverse are written out by elimination.
    """
    total = [each + between for each in v]
    gaps = [each - y[-1] for each in y[:-1]]
    matrix = [
        [total[-1] + (total[row] if row == column else 0.0) for column in range(len(gaps))]
        for row in range(len(gaps))
    ]
    target, log_det = list(gaps), 0.0
    for pivot in range(len(gaps)):
        log_det += math.log(matrix[pivot][pivot])
        for row in range(pivot + 1, len(gaps)):
            factor = matrix[row][pivot] / matrix[pivot][pivot]
            for column in range(pivot, len(gaps)):
                matrix[row][column] -= factor * matrix[pivot][column]
            target[row] -= factor * target[pivot]
    square = sum(target[row] ** 2 / matrix[row][row] for row in range(len(gaps)))
    return -log_det - square
