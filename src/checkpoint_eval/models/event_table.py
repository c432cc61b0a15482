"""The kernel under every curve and every log-rank test: counts on a grid of times, batched."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval.errors import InvalidData

# Times that differ by less than this, relative to their mean, are one time: durations computed by
# floating-point subtraction must tie when the calendar says they tie (R's `timefix` does the same).
TIE_TOLERANCE = float(np.sqrt(np.finfo(float).eps))
# A histogram is worth its bins when there are not many more of them than people.
BINS_PER_PERSON = 4
SMALLEST_HISTOGRAM = 100_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventTable:
    """How many were at risk and how many had the event, by group and time.

    A sufficient statistic for Kaplan–Meier, Nelson–Aalen, every weighted log-rank test and the
    restricted mean. Leading axes are batches: strata, re-randomisations, bootstrap draws.

    Attributes
    ----------
    time : (m,) float
        Distinct times at which somebody's follow-up ended, ascending.
    at_risk : (..., k, m) int
        People of each group with entry < time <= exit.
    events : (..., k, m) int
        People of each group with the event at the time.
    """

    time: FloatArray
    at_risk: IntArray
    events: IntArray

    @property
    def ended(self) -> IntArray:
        """(..., k, m) people whose follow-up ended at each time, without delayed entry."""
        after = np.concatenate(
            [self.at_risk[..., 1:], np.zeros_like(self.at_risk[..., :1])], axis=-1
        )
        return np.asarray(self.at_risk - after)


def event_table(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    groups: int,
    entry: ArrayLike | None = None,
) -> EventTable:
    """Count people at risk and events on the grid of distinct times.

    Parameters
    ----------
    time : (n,) float
        Exit times, finite.
    event : (n,) bool
        Whether the event happened at the exit.
    group : (..., n) int
        Group codes 0 to groups − 1, one row for each member of the batch.
    groups : int
        k, the number of groups.
    entry : (n,) float, optional
        Entry times; someone who enters at t is at risk after t. Without it, from the start.

    Returns
    -------
    EventTable

    Notes
    -----
    Whole-number times are counted by histogram; any other by one sort. Both give the same table.
    Someone censored at t counts as at risk at t.

    References
    ----------
    Kaplan and Meier (1958); Therneau and Grambsch (2000), section 2.2, for (entry, exit]. Checked
    against R survival::survfit and a loop over people and times.
    """
    exits = floats(time)
    flags = np.asarray(event, dtype=bool)
    codes = np.asarray(group)
    grid, position = time_grid(exits)
    batch = codes.shape[:-1]
    rows = int(np.prod(batch, dtype=np.int64)) * groups
    m = grid.size
    offset = (np.arange(rows // groups) * groups * m).reshape(*batch, 1)
    cell = codes.astype(np.int64) * m
    cell += offset + position
    shape = (*batch, groups, m)
    events = _count(cell[..., flags], rows * m).reshape(shape)
    at_risk = reverse_cumsum(_count(cell, rows * m).reshape(shape))
    if entry is not None:
        late = floats(entry)
        if not (late < exits).all():
            raise InvalidData("`entry` must come before the exit for everyone.")
        first = np.searchsorted(grid, late, side="right")
        waiting = np.where(first > 0, cell - position + first - 1, -1)
        at_risk = at_risk - reverse_cumsum(_count(waiting[waiting >= 0], rows * m).reshape(shape))
    return EventTable(time=grid, at_risk=at_risk, events=events)


def _count(cells: NDArray[np.int64], size: int) -> IntArray:
    return np.bincount(cells.reshape(-1), minlength=size)


def reverse_cumsum(counts: IntArray) -> IntArray:
    """Sum from each time to the end, along the last axis."""
    return np.asarray(np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1])


def time_grid(time: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the distinct times (m,), ascending, and each person's place among them (n,)."""
    if not time.size:
        return np.zeros(0), np.zeros(0, dtype=np.int64)
    largest = time.max()
    bins_allowed = max(SMALLEST_HISTOGRAM, BINS_PER_PERSON * time.size)
    if time.min() >= 0 and largest < bins_allowed:
        whole = time.astype(np.int64)
        if (whole == time).all():
            seen = np.bincount(whole, minlength=int(largest) + 1) > 0
            return np.flatnonzero(seen).astype(np.float64), (np.cumsum(seen) - 1)[whole]
    return _sorted_grid(time)


def _sorted_grid(time: FloatArray) -> tuple[FloatArray, IntArray]:
    grid, position = np.unique(time, return_inverse=True)
    gap = np.diff(grid)
    tolerance = TIE_TOLERANCE * max(1.0, float(np.abs(grid).mean()))
    new = np.concatenate([[True], gap > tolerance])
    return grid[new], (np.cumsum(new) - 1)[position.reshape(-1)]
