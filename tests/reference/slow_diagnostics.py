"""
Guessing, drifting and comparing rules, from their definitions, over every allocation there is.

All in `Fraction`: nothing is drawn, nothing remembered. Paths are arms in order of arrival. What
is seen of others is looked up anew for each person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise

from slow_rules import Before, Person, Slow, Weights, every_allocation

People = Sequence[Person]
Path = tuple[int, ...]
HALF = Fraction(1, 2)


def seen(before: Before, person: Person, sees: Sequence[str]) -> list[int]:
    """Arms of those before who have the same values; of everyone when `sees` is empty."""
    return [arm for one, arm in before if all(one[name] == person[name] for name in sees)]


def guess(arms: Sequence[int], ratio: Sequence[int], strategy: str) -> list[Fraction]:
    """Chance that each arm is guessed: furthest behind its share, or ahead, among equals one."""
    shares = [Fraction(list(arms).count(arm), part) for arm, part in enumerate(ratio)]
    wanted = {"convergence": min, "divergence": max}[strategy](shares)
    equals = shares.count(wanted)
    return [Fraction(int(share == wanted), equals) for share in shares]


def guesses(
    path: Path, people: People, ratio: Sequence[int], strategy: str, sees: Sequence[str]
) -> list[list[Fraction]]:
    """What is guessed for each person, given those who came before."""
    pairs = list(zip(people, path, strict=True))
    return [
        guess(seen(pairs[:place], person, sees), ratio, strategy)
        for place, person in enumerate(people)
    ]


def right(
    path: Path, people: People, ratio: Sequence[int], strategy: str, sees: Sequence[str] = ()
) -> list[Fraction]:
    """Chance that each guess is right."""
    rows = guesses(path, people, ratio, strategy, sees)
    return [row[arm] for row, arm in zip(rows, path, strict=True)]


def mean(values: Sequence[Fraction]) -> Fraction:
    """Add up and divide."""
    return sum(values, Fraction(0)) / len(values)


def expected(weights: Weights, value: Callable[[Path], Fraction]) -> Fraction:
    """Mean over allocations by how likely they are."""
    return sum((weight * value(path) for path, weight in weights.items()), Fraction(0))


def chance(weights: Weights, holds: Callable[[Path], bool]) -> Fraction:
    """P(allocation for which something holds)."""
    return sum((weight for path, weight in weights.items() if holds(path)), Fraction(0))


def rate(
    slow: Slow, people: People, ratio: Sequence[int], strategy: str, sees: Sequence[str] = ()
) -> Fraction:
    """Expected share of right guesses."""
    weights = every_allocation(slow, people)
    return expected(weights, lambda path: mean(right(path, people, ratio, strategy, sees)))


def chances(slow: Slow, people: People, path: Path) -> list[Fraction]:
    """How likely each arm given was, to one who knows everyone before and the rule."""
    pairs = list(zip(people, path, strict=True))
    return [
        slow(pairs[:place], person)[arm]
        for place, (person, arm) in enumerate(zip(people, path, strict=True))
    ]


def forced(slow: Slow, people: People) -> Fraction:
    """Expected share of people whose arm was certain."""
    weights = every_allocation(slow, people)
    return expected(
        weights, lambda path: mean([Fraction(int(c == 1)) for c in chances(slow, people, path)])
    )


def differences(path: Path, ratio: Sequence[int]) -> list[Fraction]:
    """Treatment less control, counts divided by the ratio, after each person."""
    return [
        Fraction(path[:end].count(1), ratio[1]) - Fraction(path[:end].count(0), ratio[0])
        for end in range(1, len(path) + 1)
    ]


def greatest(path: Path, ratio: Sequence[int]) -> Fraction:
    """Greatest size of the difference on the way."""
    return max(map(abs, differences(path, ratio)))


def at_the_end(weights: Weights, ratio: Sequence[int]) -> tuple[Fraction, Fraction, Fraction]:
    """Of the difference at the end: variance, chance of 0, mean size."""

    def end(path: Path) -> Fraction:
        return differences(path, ratio)[-1]

    centre = expected(weights, end)
    return (
        expected(weights, lambda path: (end(path) - centre) ** 2),
        chance(weights, lambda path: end(path) == 0),
        expected(weights, lambda path: abs(end(path))),
    )


def margins(path: Path, people: People, factors: Sequence[str], ratio: Sequence[int]) -> Fraction:
    """Mean size of the difference among those who share a level, over all levels of all factors."""
    sizes = []
    for name in factors:
        for level in sorted({str(person[name]) for person in people}):
            pairs = zip(people, path, strict=True)
            own = tuple(arm for person, arm in pairs if str(person[name]) == level)
            sizes.append(abs(differences(own, ratio)[-1]))
    return mean(sizes)


def followed(
    path: Path,
    people: People,
    column: Sequence[Fraction],
    ratio: Sequence[int],
    strategy: str,
    sees: Sequence[str] = (),
) -> Fraction:
    """Mean where treatment was guessed less mean where control was; an even guess is half each."""
    rows = guesses(path, people, ratio, strategy, sees)
    means = []
    for arm in (0, 1):
        total = sum(row[arm] for row in rows)
        held = sum((row[arm] * value for row, value in zip(rows, column, strict=True)), Fraction(0))
        means.append(held / total)
    return means[1] - means[0]


def as_far(weights: Weights, statistic: Callable[[Path], Fraction], observed: Path) -> Fraction:
    """P(a statistic at least as large as that observed)."""
    bound = statistic(observed)
    return chance(weights, lambda path: statistic(path) >= bound)


def band(weights: Weights, ratio: Sequence[int]) -> list[dict[Fraction, Fraction]]:
    """The distribution of the difference after each person."""
    people = len(next(iter(weights)))
    rows: list[dict[Fraction, Fraction]] = [{} for _ in range(people)]
    for path, weight in weights.items():
        for row, value in zip(rows, differences(path, ratio), strict=True):
            row[value] = row.get(value, Fraction(0)) + weight
    return rows


def quantile(row: dict[Fraction, Fraction], tail: Fraction) -> Fraction:
    """Least value with at least `tail` of the distribution up to it; never a tie in the tests."""
    total, reached = Fraction(0), []
    for value in sorted(row):
        total += row[value]
        reached.append((value, total))
    assert all(up_to != tail for _, up_to in reached), "a tie: choose another level"
    assert all(low[1] < high[1] for low, high in pairwise(reached))
    return next(value for value, up_to in reached if up_to > tail)
