"""Permuted blocks: exact counts in every block, the sizes of blocks drawn at random."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._arrays import FloatArray, IntArray
from checkpoint_eval._checks import check_count, check_rng
from checkpoint_eval.design.allocation import LARGEST_SUPPORT, Complete, Support
from checkpoint_eval.errors import ImpossibleDesign


@dataclass(frozen=True, slots=True, kw_only=True)
class PermutedBlocks:
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
        ratio = tuple(check_count(part, "ratio") for part in self.ratio)
        if len(ratio) < 2 or not self.sizes:
            raise ImpossibleDesign(
                f"`ratio` needs at least two arms and `sizes` one size, got {ratio}, {self.sizes}."
            )
        for size in self.sizes:
            if check_count(size, "sizes") % sum(ratio):
                raise ImpossibleDesign(
                    f"A block of {size} cannot hold the ratio {':'.join(map(str, ratio))}: "
                    f"{size} / {sum(ratio)} = {size / sum(ratio):g} is no whole number; choose a "
                    f"multiple of {sum(ratio)}."
                )
        object.__setattr__(self, "sizes", tuple(int(size) for size in self.sizes))
        object.__setattr__(self, "ratio", ratio)

    def draw(self, people: int, rng: np.random.Generator) -> IntArray:
        """Return (n,) arm codes in arrival order."""
        return np.asarray(self.draw_many(people, 1, rng)[0], dtype=np.int64)

    def draw_many(self, people: int, draws: int, rng: np.random.Generator) -> NDArray[np.int8]:
        """Return (draws, n) arm codes, one independent allocation a row."""
        check_rng(rng)
        check_count(people, "people")
        check_count(draws, "draws")
        blocks = -(-people // min(self.sizes))
        width = people + max(self.sizes)
        drawn = rng.choice(np.array(self.sizes), size=(draws, blocks))
        ends = np.cumsum(drawn, axis=1)
        place = np.arange(width)
        # Which block each place is in: how many blocks ended at or before it.
        row = np.repeat(np.arange(draws), blocks)
        inside = ends < width
        started = np.zeros((draws, width), dtype=np.int64)
        started[row[inside.ravel()], ends[inside]] = 1
        block = np.cumsum(started, axis=1)
        begin = np.concatenate([np.zeros((draws, 1), dtype=np.int64), ends], axis=1)
        within = place - np.take_along_axis(begin, block, axis=1)
        pattern = np.repeat(np.arange(len(self.ratio), dtype=np.int8), self.ratio)
        codes = pattern[within % pattern.size]
        order = np.argsort(block + rng.random((draws, width)), axis=1)
        return np.ascontiguousarray(np.take_along_axis(codes, order, axis=1)[:, :people])

    def probabilities(self, people: int) -> FloatArray:
        """Return (n, k): everyone has each arm's share, as every place of a block is alike."""
        check_count(people, "people")
        return np.tile(np.array(self.ratio) / sum(self.ratio), (people, 1))

    def support(self, people: int) -> Support:
        """Return every allocation the rule can make and its chance; at most a million of them."""
        check_count(people, "people")
        weights: dict[tuple[int, ...], float] = {(): 1.0}
        done: dict[tuple[int, ...], float] = {}
        blocks = {size: self._block(size) for size in set(self.sizes)}
        while weights:
            longer: dict[tuple[int, ...], float] = {}
            for (start, weight), size in itertools.product(weights.items(), self.sizes):
                each = weight / len(self.sizes) / len(blocks[size])
                for block in blocks[size]:
                    path = start + block
                    into = done if len(path) >= people else longer
                    path = path[:people]
                    into[path] = into.get(path, 0.0) + each
            if len(longer) + len(done) > LARGEST_SUPPORT:
                raise ImpossibleDesign(
                    f"The rule has more than {LARGEST_SUPPORT:,} allocations of {people} people; "
                    "use draw_many to sample them."
                )
            weights = longer
        return Support(
            arm=np.array(list(done), dtype=np.int8), weight=np.array(list(done.values()))
        )

    def _block(self, size: int) -> list[tuple[int, ...]]:
        rule = Complete(counts=self._full(size))
        return [tuple(row) for row in rule.support(size).arm.tolist()]

    def next_probabilities(self, history: Sequence[int], person: object = None) -> FloatArray:
        """Return (k,): the chance of each arm for the next person, given the arms so far.

        With several sizes, for one who knows the rule but not where blocks began: each way the
        history can be cut into blocks counts by how likely it makes what was seen.
        """
        del person
        k = len(self.ratio)
        arms = np.asarray(history, dtype=np.int64)
        if not ((arms >= 0) & (arms < k)).all():
            raise ImpossibleDesign(f"`history` must hold arm codes 0 to {k - 1}.")
        # What may be left of the block that is open now, with its weight.
        left = _merged((self._full(size), 1.0 / len(self.sizes)) for size in self.sizes)
        for arm in arms.tolist():
            moved = []
            for counts, weight in left.items():
                if counts[arm]:
                    after = tuple(n - (code == arm) for code, n in enumerate(counts))
                    each = weight * counts[arm] / sum(counts)
                    if sum(after):
                        moved.append((after, each))
                    else:
                        share = each / len(self.sizes)
                        moved += [(self._full(size), share) for size in self.sizes]
            left = _merged(moved)
        total = sum(left.values())
        if not total > 0:
            raise ImpossibleDesign("`history` cannot have come from these blocks.")
        chance = sum(np.array(counts) / sum(counts) * weight for counts, weight in left.items())
        return np.asarray(chance / total, dtype=np.float64)

    def _full(self, size: int) -> tuple[int, ...]:
        return tuple(part * size // sum(self.ratio) for part in self.ratio)


def _merged(parts: Iterable[tuple[tuple[int, ...], float]]) -> dict[tuple[int, ...], float]:
    """Add up the weights of what is alike."""
    merged: dict[tuple[int, ...], float] = {}
    for counts, weight in parts:
        merged[counts] = merged.get(counts, 0.0) + weight
    return merged
