"""People with a number each, drawn again many times: how many, and what they add up to."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray
from checkpoint_eval.models.resampled_tallies import Tally


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Numbers:
    """People with a number each: a tally of one time, with people at risk and sums as events.

    Their mean is then that of events, and whatever is made of tallies is made of numbers too.

    Attributes
    ----------
    value : (n,) float
    """

    value: FloatArray

    @property
    def time(self) -> FloatArray:
        """(1,): the one time."""
        return np.zeros(1)

    @property
    def n(self) -> int:
        """How many people."""
        return self.value.size

    @property
    def width(self) -> int:
        """Numbers held for one draw."""
        return self.n

    def some(self, who: BoolArray) -> "Numbers":
        """Return some of the people."""
        return Numbers(value=self.value[who])

    def whole(self) -> Tally:
        """Return the one tally of everyone as they are."""
        return self._tally(self.value.sum(keepdims=True))

    def drawn(self, draws: int, rng: np.random.Generator, size: int) -> Iterator[Tally]:
        """Yield tallies of n people drawn with replacement, `size` draws at a time.

        Numbers of 32 bits are drawn one by one, so the draws do not depend on `size`.
        """
        room = np.empty((size, self.n))
        for at in range(0, draws, size):
            b = min(size, draws - at)
            chosen = rng.integers(0, self.n, (b, self.n), dtype=np.uint32)
            # none is out of bounds; "clip" spares the check, and with it a copy
            yield self._tally(np.take(self.value, chosen, out=room[:b], mode="clip").sum(axis=1))

    def left_out(self, size: int) -> Iterator[tuple[Tally, IntArray]]:
        """Yield what each kind of person takes from the tally, and how many are of that kind."""
        kinds, number = np.unique(self.value, return_counts=True)
        for at in range(0, kinds.size, size):
            some = kinds[at : at + size]
            yield self._tally(some, people=1), number[at : at + size]

    def _tally(self, total: FloatArray, people: int | None = None) -> Tally:
        """Return the tallies of (b,) sums of `people`, everyone when left out."""
        at_risk = np.full((total.size, 1), self.n if people is None else people)
        return Tally(time=self.time, at_risk=at_risk, events=total[None, :, None])
