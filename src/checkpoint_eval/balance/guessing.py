"""Right guesses under a strategy: exact recursions over what a rule can do, and simulation."""

import functools
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats
from checkpoint_eval._progress import watched
from checkpoint_eval.design.allocation import Complete, Rule
from checkpoint_eval.design.blocks import PermutedBlocks
from checkpoint_eval.design.people import People
from checkpoint_eval.design.sequential import Sequential
from checkpoint_eval.design.simple import Simple
from checkpoint_eval.design.within import Stratified
from checkpoint_eval.results import NAN

Counts: TypeAlias = tuple[int, ...]
# A state of the rule and the counts seen, whole multiples of the ratio taken off.
Place: TypeAlias = tuple[Hashable, Counts]

# States of an exact recursion at one place; beyond these guesses are simulated.
MOST_STATES = 20_000
# People times draws simulated at once.
CHUNK_CELLS = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Guessed:
    """What a strategy guesses right of n people, and where the arms end.

    Attributes
    ----------
    right : float
        Expected number of right guesses.
    forced : float
        Expected number of people whose arm was certain; NaN where not found.
    difference : mapping of Fraction to float
        The chance of each difference between two arms at the end, counts divided by the ratio;
        empty for more arms.
    error : float
        Monte Carlo standard error of `right`.
    """

    right: float
    forced: float
    difference: dict[Fraction, float]
    error: float = 0.0


def guessed_arms(counts: NDArray[np.number], ratio: Counts, strategy: str) -> BoolArray:
    """Return (k, ...) which arms are guessed, one of them at random, from (k, ...) counts seen."""
    share = np.array(ratio, dtype=np.float64).reshape(-1, *(1,) * (counts.ndim - 1))
    filled = counts / share
    if strategy == "convergence":
        return np.asarray(filled <= filled.min(axis=0) + 1e-9)
    return np.asarray(filled >= filled.max(axis=0) - 1e-9)


def exactly(rule: Rule, people: People, seen_by: tuple[str, ...], strategy: str) -> Guessed | None:
    """Return right guesses by exact recursion, or None when there is none for the rule."""
    if isinstance(rule, Stratified) and set(seen_by) == {each.name for each in rule.factors}:
        parts = []
        for within, rows in rule.parts(people):
            part = exactly(within, people.take(rows), (), strategy)
            if part is None:
                return None
            parts.append(part)
        return _added(parts)
    if seen_by:
        return None
    if isinstance(rule, Sequential):
        return _by_difference(rule, people.n, strategy)
    if isinstance(rule, (Simple, Complete, PermutedBlocks)):
        return _by_counts(rule, people.n, strategy)
    return None


def _added(parts: Iterable[Guessed]) -> Guessed:
    """Add up strata, which are drawn on their own."""
    right = forced = 0.0
    difference = {Fraction(0): 1.0}
    for part in parts:
        right, forced = right + part.right, forced + part.forced
        both: dict[Fraction, float] = defaultdict(float)
        for one, chance in difference.items():
            for other, weight in part.difference.items():
                both[one + other] += chance * weight
        difference = dict(both)
    return Guessed(right=right, forced=forced, difference=difference)


def _by_difference(rule: Sequential, n: int, strategy: str) -> Guessed:
    rows = rule.differences(n)
    values = np.arange(-n, n + 1)
    right = forced = 0.0
    for place, row in enumerate(rows[:-1]):
        at, weight = values[row > 0], row[row > 0]
        chance = rule.chance(at, place=place)
        behind = np.where(at < 0, chance, np.where(at > 0, 1 - chance, 0.5))
        guess = behind if strategy == "convergence" else np.where(at == 0, 0.5, 1 - behind)
        right += float(weight @ guess)
        forced += float(weight[(chance == 0) | (chance == 1)].sum())
    ends = {Fraction(int(d)): float(p) for d, p in zip(values, rows[-1], strict=True) if p > 0}
    return Guessed(right=right, forced=forced, difference=ends)


def _by_counts(rule: Simple | Complete | PermutedBlocks, n: int, strategy: str) -> Guessed | None:
    """Follow every state the rule can be in, with the counts that an officer sees."""
    ratio = rule.shares()
    nobody = (0,) * rule.n_arms
    now: dict[Place, float] = {(state, nobody): p for state, p in _starts(rule)}
    right = forced = 0.0
    # The same places come again and again.
    step = functools.lru_cache(MOST_STATES)(functools.partial(_step, rule, strategy=strategy))
    for _ in range(n):
        then: dict[Place, float] = defaultdict(float)
        for place, weight in now.items():
            chance, certain, after = step(place)
            right += weight * chance
            forced += weight * certain
            for each, share in after:
                then[each] += weight * share
        if len(then) > MOST_STATES:
            return None
        now = then
    several = isinstance(rule, PermutedBlocks) and len(set(rule.sizes)) > 1
    ends: dict[Fraction, float] = defaultdict(float)
    if rule.n_arms == 2:
        for (_, counts), weight in now.items():
            ends[Fraction(counts[1], ratio[1]) - Fraction(counts[0], ratio[0])] += weight
    # With several sizes a state here says more than anybody knows.
    return Guessed(right=right, forced=NAN if several else forced, difference=dict(ends))


def _step(
    rule: Simple | Complete | PermutedBlocks, place: Place, *, strategy: str
) -> tuple[float, bool, tuple[tuple[Place, float], ...]]:
    """Return the chance of a right guess, whether the arm is certain, and what may follow."""
    (state, counts), ratio = place, rule.shares()
    chances = _chances(rule, state)
    guess = guessed_arms(np.array(counts), ratio, strategy)
    after: dict[Place, float] = defaultdict(float)
    for arm, chance in enumerate(chances):
        if chance > 0:
            seen = _less_whole(counts, arm, ratio)
            for then, share in _moves(rule, state, arm):
                after[then, seen] += chance * share
    right = float(np.array(chances) @ guess) / int(guess.sum())
    return right, max(chances) == 1, tuple(after.items())


def _starts(rule: Simple | Complete | PermutedBlocks) -> list[tuple[Hashable, float]]:
    if isinstance(rule, PermutedBlocks):
        return [(tuple(left), weight) for left, weight in rule.start()]
    return [(tuple(rule.start() or ()), 1.0)]


def _chances(rule: Simple | Complete | PermutedBlocks, state: Hashable) -> tuple[float, ...]:
    if isinstance(rule, PermutedBlocks):
        return rule.chances([[state, 1.0]])
    return rule.chances(state)


def _moves(
    rule: Simple | Complete | PermutedBlocks, state: Hashable, arm: int
) -> list[tuple[Hashable, float]]:
    """Return the states that may follow, a new block of each size where one ended."""
    if isinstance(rule, PermutedBlocks):
        return [(tuple(left), share) for left, share in rule.after([[state, 1.0]], arm)]
    return [(tuple(rule.after(state, arm) or ()), 1.0)]


def _less_whole(counts: Counts, arm: int, ratio: Counts) -> Counts:
    """Count one more, and take off as many whole ratios as there are: guesses do not need them."""
    more = [count + (code == arm) for code, count in enumerate(counts)]
    whole = min(count // part for count, part in zip(more, ratio, strict=True))
    return tuple(count - whole * part for count, part in zip(more, ratio, strict=True))


def simulated(
    rule: Rule,
    people: People,
    group: IntArray,
    strategy: str,
    *,
    draws: int,
    rng: np.random.Generator,
) -> Guessed:
    """Return right guesses of an officer who sees the allocations of one group each."""
    ratio = rule.shares()
    size = max(1, CHUNK_CELLS // people.n)
    right, ends = [], []
    for start in watched(range(0, draws, size), "Guessing"):
        arms = rule.draw_many(people, min(size, draws - start), rng)
        right.append(right_guesses(arms, group, ratio, strategy).sum(axis=1))
        if rule.n_arms == 2:
            ends.append(arms.sum(axis=1, dtype=np.int64))
    each = np.concatenate(right)
    difference: dict[Fraction, float] = {}
    if ends:
        values, number = np.unique(np.concatenate(ends), return_counts=True)
        difference = {
            Fraction(treated, ratio[1]) - Fraction(people.n - treated, ratio[0]): share
            for treated, share in zip(values.tolist(), (number / draws).tolist(), strict=True)
        }
    error = float(each.std(ddof=1) / np.sqrt(draws)) if draws > 1 else NAN
    return Guessed(right=float(each.mean()), forced=NAN, difference=difference, error=error)


def guesses(arms: NDArray[np.int8], group: IntArray, ratio: Counts, strategy: str) -> FloatArray:
    """Return (k, b, n) the chance that each arm is guessed, for (b, n) allocations in order."""
    chance = np.empty((len(ratio), *arms.shape))
    for code in np.unique(group):
        rows = np.flatnonzero(group == code)
        given = np.stack([arms[:, rows] == arm for arm in range(len(ratio))])
        before = np.cumsum(given, axis=2, dtype=np.int32) - given
        guess = guessed_arms(before, ratio, strategy)
        chance[:, :, rows] = guess / guess.sum(axis=0)
    return chance


def right_guesses(
    arms: NDArray[np.int8], group: IntArray, ratio: Counts, strategy: str
) -> FloatArray:
    """Return (b, n) the chance that each of (b, n) allocations was guessed, given those before."""
    chance = guesses(arms, group, ratio, strategy)
    return floats(np.take_along_axis(chance, arms[None].astype(np.int64), axis=0)[0])
