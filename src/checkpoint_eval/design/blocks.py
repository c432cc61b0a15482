"""Permuted blocks: exact counts in every block, the sizes of blocks drawn at random."""

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval._checks import as_tuple, check_count, check_rng
from checkpoint_eval.design.allocation import (
    LARGEST_SUPPORT,
    Complete,
    OneAtATime,
    Person,
    State,
    Support,
)
from checkpoint_eval.design.people import PeopleLike
from checkpoint_eval.design.simple import check_ratio
from checkpoint_eval.errors import ImpossibleDesign


@dataclass(frozen=True, slots=True, kw_only=True)
class PermutedBlocks(OneAtATime):
    """Blocks in which each arm has its exact share, in random order.

    Parameters
    ----------
    sizes : tuple of int
        Block sizes; with several, each block's size is drawn, all alike. Each must be a multiple
        of the ratio's sum.
    ratio : tuple of int
        One whole number an arm, control first.

    Raises
    ------
    ImpossibleDesign
        When a size is no multiple of the ratio's sum; the arithmetic is shown.

    Notes
    -----
    The last block is cut off where recruitment ends.

    References
    ----------
    Rosenberger and Lachin (2016), Randomization in Clinical Trials (permuted block designs).
    Checked against enumeration.

    Examples
    --------
    >>> rule = PermutedBlocks(sizes=(4,))
    >>> rule.support(4).arm.shape
    (6, 4)
    >>> rule.next_probabilities([0, 0, 1])
    array([0., 1.])
    """

    sizes: tuple[int, ...] = (4, 6)
    ratio: tuple[int, ...] = (1, 1)

    def __post_init__(self) -> None:
        ratio = check_ratio(self.ratio)
        sizes = as_tuple(self.sizes, "sizes", of="block sizes")
        if not sizes:
            raise ImpossibleDesign(
                "`sizes` names no block size; give at least one multiple of the ratio's sum."
            )
        for size in sizes:
            if check_count(size, "sizes") % sum(ratio):
                raise ImpossibleDesign(
                    f"A block of {size} cannot hold the ratio {':'.join(map(str, ratio))}: "
                    f"{size} / {sum(ratio)} = {size / sum(ratio):g} is no whole number; choose a "
                    f"multiple of {sum(ratio)}."
                )
        object.__setattr__(self, "sizes", tuple(int(size) for size in sizes))
        object.__setattr__(self, "ratio", ratio)

    @property
    def n_arms(self) -> int:
        """How many arms, control included."""
        return len(self.ratio)

    def shares(self) -> tuple[int, ...]:
        """Return the ratio."""
        return self.ratio

    def draw_many(
        self, people: PeopleLike, draws: int, rng: np.random.Generator
    ) -> NDArray[np.int8]:
        """Return (draws, n) arm codes, one independent allocation a row."""
        check_rng(rng)
        n = self.read(people).n
        blocks = (check_count(draws, "draws"), -(-n // min(self.sizes)))
        size, pattern = self._draw_blocks(blocks, rng)
        if len(set(self.sizes)) == 1:
            return np.ascontiguousarray(pattern.reshape(draws, -1)[:, :n])
        # Keep of each block what it holds, and of the last what recruitment reached.
        begin = np.cumsum(size, axis=1) - size
        held = np.clip(n - begin, 0, size)
        kept = np.arange(pattern.shape[-1]) < held[..., None]
        arms: NDArray[np.int8] = pattern[kept].reshape(draws, n)
        return arms

    def _draw_blocks(
        self, shape: tuple[int, int], rng: np.random.Generator
    ) -> tuple[NDArray[np.integer], NDArray[np.int8]]:
        """Return (draws, blocks) sizes and (draws, blocks, largest) arms of as many blocks."""
        listed = _listed_blocks(self.sizes, self.ratio)
        if listed is not None:
            arrangement, sizes = listed
            row = rng.integers(0, sizes.size, size=shape, dtype=np.int32)
            return sizes[row], arrangement[row]
        size = rng.choice(np.array(self.sizes), size=shape)
        place = np.arange(max(self.sizes))
        within = np.repeat(np.arange(len(self.ratio), dtype=np.int8), self.ratio)
        codes = within[place % within.size]
        key = rng.random((*shape, place.size))
        key[place >= size[..., None]] = 2.0  # places beyond the block stay behind it
        return size, codes[np.argsort(key, axis=-1)]

    def probabilities(self, people: PeopleLike) -> FloatArray:
        """Return (n, k): everyone has each arm's share, as every place of a block is alike."""
        return np.tile(np.array(self.ratio) / sum(self.ratio), (self.read(people).n, 1))

    def support(self, people: PeopleLike, *, limit: int = LARGEST_SUPPORT) -> Support:
        """Return every allocation the rule can make and its chance; at most `limit` of them."""
        return self.walked(self.read(people).n, limit)

    def start(self) -> State:
        """Return what may be left of the open block, each with its weight."""
        return [[list(self._full(size)), 1.0 / len(self.sizes)] for size in self.sizes]

    def chances(self, state: State, person: Person = None) -> tuple[float, ...]:
        """Return the chance of each arm for one who knows the rule and the arms so far.

        With several sizes nobody is told where blocks began: each way the arms can be cut into
        blocks counts by how likely it makes what was seen. Allocating by these chances gives the
        same distribution as drawing sizes first, and leaves no sizes to be found out.
        """
        total = math.fsum(weight for _, weight in state)
        shares = [[weight * left / sum(counts) for left in counts] for counts, weight in state]
        return tuple(math.fsum(share) / total for share in zip(*shares, strict=True))

    def after(self, state: State, arm: int, person: Person = None) -> State:
        """Return what may be left once a person was given an arm."""
        moved: dict[tuple[int, ...], float] = {}
        for counts, weight in state:
            if counts[arm]:
                left = tuple(n - (code == arm) for code, n in enumerate(counts))
                each = weight * counts[arm] / sum(counts)
                opened = [left] if sum(left) else [self._full(size) for size in self.sizes]
                for counts_left in opened:
                    moved[counts_left] = moved.get(counts_left, 0.0) + each / len(opened)
        total = math.fsum(moved.values())
        if not total > 0:
            raise ImpossibleDesign("`history` cannot have come from these blocks.")
        return [[list(counts), weight / total] for counts, weight in moved.items()]

    def _full(self, size: int) -> tuple[int, ...]:
        return tuple(part * size // sum(self.ratio) for part in self.ratio)


# Cells of a table of all arrangements; larger blocks are shuffled instead.
LARGEST_TABLE = 2_000_000


@functools.lru_cache(maxsize=32)
def _listed_blocks(
    sizes: tuple[int, ...], ratio: tuple[int, ...]
) -> tuple[NDArray[np.int8], NDArray[np.int16]] | None:
    """Return (rows, largest) arrangements and (rows,) sizes such that every row is as likely.

    An arrangement of a size that has fewer is repeated, up to the least common multiple, so that
    each size has as many rows. None when that is too many.
    """
    rules = [Complete(counts=tuple(part * size // sum(ratio) for part in ratio)) for size in sizes]
    number = [
        math.factorial(sum(r.counts)) // math.prod(map(math.factorial, r.counts)) for r in rules
    ]
    each = math.lcm(*number)
    if each * len(sizes) * max(sizes) > LARGEST_TABLE:
        return None
    table = np.zeros((len(sizes), each, max(sizes)), dtype=np.int8)
    for place, (rule, size, n) in enumerate(zip(rules, sizes, number, strict=True)):
        table[place, :, :size] = np.tile(rule.support(size).arm, (each // n, 1))
    rows = table.reshape(-1, max(sizes))
    rows.setflags(write=False)
    return rows, np.repeat(np.array(sizes, dtype=np.int16), each)
