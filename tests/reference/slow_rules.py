"""
Allocation rules from their definitions: the chance of each arm given everyone before.

A slow rule is a function of the people before, each with their arm, and of the next person's
columns; it gives one `Fraction` an arm. Nothing is remembered: every chance is found anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import combinations, product
from math import factorial, prod
from typing import NamedTuple

Person = Mapping[str, object]
Before = Sequence[tuple[Person, int]]
Slow = Callable[[Before, Person], list[Fraction]]
Weights = dict[tuple[int, ...], Fraction]


def arms_of(before: Before) -> tuple[int, ...]:
    """Arms of those before."""
    return tuple(arm for _, arm in before)


def every_allocation(slow: Slow, people: Sequence[Person]) -> Weights:
    """Walk every path of positive chance."""
    paths: Weights = {(): Fraction(1)}
    for person in people:
        longer: Weights = {}
        for path, weight in paths.items():
            before = list(zip(people, path, strict=False))
            for arm, chance in enumerate(slow(before, person)):
                if chance:
                    longer[(*path, arm)] = weight * chance
        paths = longer
    return paths


def by_listing(weights: Weights, arms: int) -> Slow:
    """Make a rule of a list of whole allocations: arms among those that begin alike."""

    def chance(before: Before, person: Person) -> list[Fraction]:
        path = arms_of(before)
        like = {row: w for row, w in weights.items() if row[: len(path)] == path}
        place = len(path)
        return [
            sum((w for row, w in like.items() if row[place] == arm), Fraction(0))
            / sum(like.values())
            for arm in range(arms)
        ]

    return chance


def simple(*ratio: int) -> Slow:
    """Independent people."""
    return lambda before, person: [Fraction(r, sum(ratio)) for r in ratio]


def complete(*counts: int) -> Slow:
    """List every order of the counts, found by brute force, as equally likely."""
    rows = [
        row
        for row in product(range(len(counts)), repeat=sum(counts))
        if all(row.count(arm) == count for arm, count in enumerate(counts))
    ]
    return by_listing(dict.fromkeys(rows, Fraction(1, len(rows))), len(counts))


def maximal(tolerance: int, people: int) -> Slow:
    """List every balanced sequence within the tolerance, found by brute force."""
    rows = []
    for row in product((0, 1), repeat=people):
        steps = [sum(2 * arm - 1 for arm in row[:end]) for end in range(people + 1)]
        if steps[-1] == 0 and max(map(abs, steps)) <= tolerance:
            rows.append(row)
    return by_listing(dict.fromkeys(rows, Fraction(1, len(rows))), 2)


def custom(matrix: Sequence[Sequence[int]], weights: Sequence[int] | None = None) -> Slow:
    """Rows as likely as their weights; a row given twice has both."""
    weights = weights or [1] * len(matrix)
    total: Counter[tuple[int, ...]] = Counter()
    for row, weight in zip(matrix, weights, strict=True):
        total[tuple(row)] += weight
    shares = {row: Fraction(w, sum(weights)) for row, w in total.items()}
    return by_listing(shares, 1 + max(map(max, matrix)))


def _block(size: int, ratio: Sequence[int], start: tuple[int, ...]) -> Fraction:
    """P(a block of this size begins like `start`): orders that do, over all orders."""
    whole = [size // sum(ratio) * r for r in ratio]
    left = [full - start.count(arm) for arm, full in enumerate(whole)]
    if min(left) < 0:
        return Fraction(0)
    orders = [factorial(sum(c)) // prod(map(factorial, c)) for c in (left, whole)]
    return Fraction(orders[0], orders[1])


def blocks_chance(sizes: Sequence[int], ratio: Sequence[int], path: tuple[int, ...]) -> Fraction:
    """P(the arms so far): draw a size, fill the block, go on with the rest."""
    if not path:
        return Fraction(1)
    return sum(
        (
            Fraction(1, len(sizes))
            * _block(size, ratio, path[:size])
            * blocks_chance(sizes, ratio, path[size:])
            for size in sizes
        ),
        Fraction(0),
    )


def blocks(sizes: Sequence[int], *ratio: int) -> Slow:
    """Permuted blocks with drawn sizes that nobody is told."""

    def chance(before: Before, person: Person) -> list[Fraction]:
        path = arms_of(before)
        sofar = blocks_chance(sizes, ratio, path)
        return [blocks_chance(sizes, ratio, (*path, arm)) / sofar for arm in range(len(ratio))]

    return chance


def _two_arms(treated: Callable[[int, int], Fraction]) -> Slow:
    """Make a two-arm rule of P(treatment | people in control, people in treatment)."""

    def chance(before: Before, person: Person) -> list[Fraction]:
        path = arms_of(before)
        share = treated(path.count(0), path.count(1))
        return [1 - share, share]

    return chance


def biased_coin(p: Fraction) -> Slow:
    """Efron."""
    return _two_arms(lambda c, t: Fraction(1, 2) if c == t else p if t < c else 1 - p)


def urn(alpha: int, beta: int) -> Slow:
    """Wei: build the urn ball by ball; every person adds balls of the other arm."""

    def treated(control: int, treatment: int) -> Fraction:
        balls = [0] * alpha + [1] * alpha + [1] * beta * control + [0] * beta * treatment
        return Fraction(balls.count(1), len(balls)) if balls else Fraction(1, 2)

    return _two_arms(treated)


def big_stick(tolerance: int) -> Slow:
    """Soares and Wu."""
    return chen(Fraction(1, 2), tolerance)


def chen(p: Fraction, tolerance: int) -> Slow:
    """Chen."""

    def treated(control: int, treatment: int) -> Fraction:
        if abs(control - treatment) >= tolerance:
            return Fraction(int(treatment < control))
        return Fraction(1, 2) if control == treatment else p if treatment < control else 1 - p

    return _two_arms(treated)


class Minimise(NamedTuple):
    """Pocock and Simon's choices, and Han's."""

    factors: Sequence[str]
    weights: Sequence[Fraction]
    p: Fraction
    imbalance: str
    rule: str
    ratio: Sequence[int]

    def __call__(self, before: Before, person: Person) -> list[Fraction]:
        """Chance of each arm."""
        total = [self.total(before, person, arm) for arm in range(len(self.ratio))]
        return chances(total, self.p, self.rule, self.ratio)

    def total(self, before: Before, person: Person, candidate: int) -> Fraction:
        """Weighted imbalance if the next person were given `candidate`."""
        sums = Fraction(0)
        for factor, weight in zip(self.factors, self.weights, strict=True):
            alike = [arm for one, arm in before if one[factor] == person[factor]]
            alike.append(candidate)
            shares = [Fraction(alike.count(arm), r) for arm, r in enumerate(self.ratio)]
            sums += weight * spread(shares, self.imbalance)
        return sums


def spread(shares: Sequence[Fraction], how: str) -> Fraction:
    """Range, variance or SD (k − 1); the SD's root to 40 digits, then to 30 so that ties tie."""
    if how == "range":
        return max(shares) - min(shares)
    centre = sum(shares, Fraction(0)) / len(shares)
    variance = sum((share - centre) ** 2 for share in shares) / Fraction(len(shares) - 1)
    if how == "variance":
        return variance
    with localcontext() as context:
        context.prec = 40
        root = (Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt()
    return Fraction(root)


def chances(
    total: Sequence[Fraction], p: Fraction, rule: str, ratio: Sequence[int]
) -> list[Fraction]:
    """Average, over every way to order tied arms, what arms in that order would have."""
    keys = [round(value, 30) for value in total]
    arms = range(len(ratio))
    if rule == "rank":
        given = _linear(p, len(ratio))
        ranked = [[sum(k < keys[a] for k in keys), sum(k <= keys[a] for k in keys)] for a in arms]
        return [sum(given[low:high], Fraction(0)) / (high - low) for low, high in ranked]
    best = [arm for arm in arms if keys[arm] == min(keys)]
    picked = sum(ratio[arm] for arm in best)
    mixed = [Fraction(0)] * len(ratio)
    for one in best:
        given = _one_best(one, p, rule, ratio)
        mixed = [m + Fraction(ratio[one], picked) * g for m, g in zip(mixed, given, strict=True)]
    return mixed


def _linear(q: Fraction, k: int) -> list[Fraction]:
    """Pocock and Simon's third rule."""
    return [q - 2 * (k * q - 1) * rank / Fraction(k * (k + 1)) for rank in range(1, k + 1)]


def _one_best(best: int, p: Fraction, rule: str, ratio: Sequence[int]) -> list[Fraction]:
    """Chances when one arm is best: p and equal parts, or Han's with the rest in the ratio."""
    whole, k = sum(ratio), len(ratio)
    if rule == "best-only":
        return [p if arm == best else (1 - p) / (k - 1) for arm in range(k)]
    high = 1 - (1 - p) * Fraction(whole - ratio[best], whole - min(ratio))
    rest = whole - ratio[best]
    return [high if arm == best else (1 - high) * r / rest for arm, r in enumerate(ratio)]


def stratified(rule: Slow | Mapping[object, Slow], *by: str) -> Slow:
    """Keep to the people of one's own stratum; a mapping is by the level of the only column."""

    def chance(before: Before, person: Person) -> list[Fraction]:
        own = [(one, arm) for one, arm in before if all(one[c] == person[c] for c in by)]
        inner = rule if callable(rule) else rule[person[by[0]]]
        return inner(own, person)

    return chance


def clustered(rule: Slow, arms: int, *by: str) -> Slow:
    """A cluster's first person is drawn, in order of arrival; the others have that arm."""

    def chance(before: Before, person: Person) -> list[Fraction]:
        first: dict[tuple[object, ...], tuple[Person, int]] = {}
        for one, arm in before:
            first.setdefault(tuple(one[c] for c in by), (one, arm))
        own = tuple(person[c] for c in by)
        if own in first:
            return [Fraction(int(arm == first[own][1])) for arm in range(arms)]
        return rule(list(first.values()), person)

    return chance


def rerandomised(weights: Weights, accept: Callable[[tuple[int, ...]], bool]) -> Weights:
    """Allocations that are accepted, with what they weigh among themselves."""
    kept = {row: weight for row, weight in weights.items() if accept(row)}
    return {row: weight / sum(kept.values()) for row, weight in kept.items()}


def subsets(people: int, treated: int) -> int:
    """How many ways to choose who is treated, by listing them."""
    return sum(1 for _ in combinations(range(people), treated))
