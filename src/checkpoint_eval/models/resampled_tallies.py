"""People drawn again, or given other arms, many times: how many are at risk and have events."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray
from checkpoint_eval._times import time_grid

Codes: TypeAlias = NDArray[np.int8]

# Cells or people times draws counted at once: few enough for a processor's cache.
CELLS = 65_536
# Those who outlast the grid are many and alike: counting them all in one cell would make each
# addition wait for the one before. They are told apart by nothing else.
SPREAD = 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tally:
    """At risk and events of one group of people, in each of b draws.

    Attributes
    ----------
    time : (m,) float
    at_risk : (b, m) int
    events : (c, b, m) int
        The event first, then what competes with it; of numbers (`Numbers`) their sum.
    """

    time: FloatArray
    at_risk: IntArray
    events: IntArray | FloatArray


class Sample(Protocol):
    """People who are drawn again with replacement: those of an arm, or of an arm and stratum."""

    @property
    def time(self) -> FloatArray:
        """(m,) the times at which they are counted."""

    @property
    def n(self) -> int:
        """How many people."""

    @property
    def width(self) -> int:
        """Numbers held for one draw."""

    def whole(self) -> Tally:
        """Return the one tally of everyone as they are."""

    def drawn(self, draws: int, rng: np.random.Generator, size: int) -> Iterator[Tally]:
        """Yield tallies of n people drawn with replacement, `size` draws at a time."""

    def left_out(self, size: int) -> Iterator[tuple[Tally, IntArray]]:
        """Yield what each kind of person takes from the tally, and how many are of that kind."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """People by when they leave the grid and why: all that a tally needs to know of them.

    Each time has 1 + c cells: those censored from the time before on, until just before it; and
    those with the event, and with each competing cause, at it. Who outlasts the grid comes after.

    Attributes
    ----------
    time : (m,) float
    cell : (n,) int
    causes : int
        c.
    """

    time: FloatArray
    cell: IntArray
    causes: int = 1

    @property
    def n(self) -> int:
        """How many people."""
        return self.cell.size

    @property
    def last(self) -> int:
        """The first cell of those who outlast the grid."""
        return (1 + self.causes) * self.time.size

    @property
    def width(self) -> int:
        """Numbers held for one draw."""
        return max(self.last + SPREAD, self.n)

    def counts(self) -> IntArray:
        """Return ((1 + c) m + 1,) people in each cell, those who outlast the grid in one."""
        return np.bincount(np.minimum(self.cell, self.last), minlength=self.last + 1)

    def some(self, who: BoolArray) -> "Cells":
        """Return the cells of some of the people, on the same grid."""
        return Cells(time=self.time, cell=self.cell[who], causes=self.causes)

    def whole(self) -> Tally:
        """Return the one tally of everyone as they are."""
        return self._tally(self.counts()[None, : self.last])

    def drawn(self, draws: int, rng: np.random.Generator, size: int) -> Iterator[Tally]:
        """Yield tallies of n people drawn with replacement, `size` draws at a time.

        Numbers of 32 bits are drawn one by one, so the draws do not depend on `size`.
        """
        wide = self.last + SPREAD
        room = np.empty((size, self.n), dtype=np.int64)
        rows = np.arange(size)[:, None] * wide
        for at in range(0, draws, size):
            b = min(size, draws - at)
            chosen = rng.integers(0, self.n, (b, self.n), dtype=np.uint32)
            # none is out of bounds; "clip" spares the check, and with it a copy
            cell = np.take(self.cell, chosen, out=room[:b], mode="clip")
            cell += rows[:b]
            counts = np.bincount(cell.reshape(-1), minlength=b * wide)
            yield self._tally(counts.reshape(b, wide)[:, : self.last])

    def left_out(self, size: int) -> Iterator[tuple[Tally, IntArray]]:
        """Yield what each kind of person takes from the tally, and how many are of that kind."""
        counts = self.counts()
        kinds = np.flatnonzero(counts)
        step = np.arange(self.time.size)
        for at in range(0, kinds.size, size):
            some = kinds[at : at + size]
            place, cause = np.divmod(some, 1 + self.causes)
            there = step == place[:, None]
            events = there & (cause == np.arange(1, 1 + self.causes)[:, None])[..., None]
            at_risk = step < (place + (cause > 0))[:, None]
            one = Tally(
                time=self.time, at_risk=at_risk.astype(np.int64), events=events.astype(np.int64)
            )
            yield one, counts[some]

    def redrawn(self) -> Callable[[Codes], tuple[Tally, Tally]]:
        """Return a function from (b, n) arm codes to the tallies of control and treatment.

        With people in order of their cells, those of an arm who have left by a cell are one
        running sum.
        """
        order = np.argsort(self.cell, kind="stable")
        edge = np.searchsorted(self.cell[order], np.arange(self.last + 1))
        size, whole = edge[1:] - edge[:-1], self.counts()[: self.last]

        def of(codes: Codes) -> tuple[Tally, Tally]:
            b = codes.shape[0]
            running = np.zeros((b, self.n + 1), dtype=np.int32, order="F")
            np.cumsum(codes[:, order], axis=1, out=running[:, 1:])
            treated = np.zeros((b, self.last), dtype=np.int64)
            some = np.flatnonzero(size)
            treated[:, some] = running[:, edge[some + 1]] - running[:, edge[some]]
            given = running[:, -1:].astype(np.int64)
            control = self._tally(whole - treated, self.n - given)
            return control, self._tally(treated, given)

        return of

    def _tally(self, counts: IntArray, people: IntArray | None = None) -> Tally:
        """Return the tally of (b, (1 + c) m) people in each cell, of `people` (b, 1) in all."""
        cells = counts.reshape(counts.shape[0], self.time.size, 1 + self.causes)
        events = np.moveaxis(cells[..., 1:], -1, 0)
        total = events[0] if self.causes == 1 else events.sum(axis=0)
        at_risk = np.cumsum(cells[..., 0] + total, axis=-1)
        np.subtract(self.n if people is None else people, at_risk, out=at_risk)
        at_risk += total
        return Tally(time=self.time, at_risk=at_risk, events=events)


def cells_of(time: FloatArray, cause: IntArray, *, until: float, every_time: bool = False) -> Cells:
    """Return everyone's cell: on the grid of times of events by a horizon, or of all times.

    Parameters
    ----------
    time : (n,) float
    cause : (n,) int
        What ended each person's time: 0 censored, 1 the event, 2 and on what competes with it.
    until : float
        Times after it are not on the grid.
    every_time : bool
        Times at which nobody has an event are on the grid too.
    """
    causes = int(cause.max(initial=1))
    grid, position = time_grid(time)
    kept: BoolArray = np.bincount(position[cause > 0], minlength=grid.size) > 0
    kept = (kept | every_time) & (grid <= until)
    before = np.cumsum(kept)  # times of the new grid not after each of the old
    here = (cause > 0) & kept[position]
    cell = (1 + causes) * (before[position] - here) + np.where(here, cause, 0)
    late = cell >= (1 + causes) * int(kept.sum())
    cell[late] += np.arange(int(late.sum())) % SPREAD
    return Cells(time=grid[kept], cell=cell, causes=causes)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Intervals:
    """People with intervals at risk and repeated events.

    Attributes
    ----------
    time : (m,) float
    edges : (n, m + 1) sparse int
        1 at the first time at risk of each interval, −1 at the first time after.
    happened : (n, m) sparse int
        Events.
    """

    time: FloatArray
    edges: Any
    happened: Any

    @property
    def n(self) -> int:
        """How many people."""
        return int(self.edges.shape[0])

    @property
    def width(self) -> int:
        """Numbers held for one draw."""
        return max(self.time.size, self.n)

    def some(self, who: BoolArray) -> "Intervals":
        """Return the intervals of some of the people, on the same grid."""
        return Intervals(time=self.time, edges=self.edges[who], happened=self.happened[who])

    def whole(self) -> Tally:
        """Return the one tally of everyone as they are."""
        return self._tally(np.ones((1, self.n), dtype=np.int64))

    def drawn(self, draws: int, rng: np.random.Generator, size: int) -> Iterator[Tally]:
        """Yield tallies of n people drawn with replacement, `size` draws at a time."""
        for at in range(0, draws, size):
            b = min(size, draws - at)
            chosen = rng.integers(0, self.n, (b, self.n), dtype=np.uint32)
            place = chosen + np.arange(b)[:, None] * self.n
            times = np.bincount(place.reshape(-1), minlength=b * self.n)
            yield self._tally(times.reshape(b, self.n))

    def left_out(self, size: int) -> Iterator[tuple[Tally, IntArray]]:
        """Yield what each person takes from the tally; each is of a kind of their own."""
        for at in range(0, self.n, size):
            some = slice(at, min(at + size, self.n))
            risk = self.edges[some].toarray().cumsum(axis=1)[:, :-1]
            events = self.happened[some].toarray()[None]
            one = Tally(time=self.time, at_risk=risk, events=events)
            yield one, np.ones(risk.shape[0], dtype=np.int64)

    def redrawn(self) -> Callable[[Codes], tuple[Tally, Tally]]:
        """Return a function from (b, n) arm codes to the tallies of control and treatment."""

        def of(codes: Codes) -> tuple[Tally, Tally]:
            given = codes.astype(np.int64)
            return self._tally(1 - given), self._tally(given)

        return of

    def _tally(self, times: IntArray) -> Tally:
        """Return the tally of everyone taken (b, n) times."""
        risk = (self.edges.T @ times.T).cumsum(axis=0)[:-1].T
        events = (self.happened.T @ times.T).T
        return Tally(time=self.time, at_risk=risk, events=events[None])


def intervals_of(
    person: IntArray,
    start: FloatArray,
    stop: FloatArray,
    event: BoolArray,
    *,
    people: int,
    until: float,
) -> Intervals:
    """Return the intervals at risk of `people`, on the grid of times of events by a horizon."""
    happened = event & (stop <= until)
    grid = np.unique(stop[happened])
    one = np.ones(person.size, dtype=np.int64)
    first, last = (np.searchsorted(grid, ends, side="right") for ends in (start, stop))
    entered, left = (
        csr_array((one, (person, place)), shape=(people, grid.size + 1)) for place in (first, last)
    )
    place = np.searchsorted(grid, stop[happened])
    return Intervals(
        time=grid,
        edges=entered - left,
        happened=csr_array((one[happened], (person[happened], place)), shape=(people, grid.size)),
    )
