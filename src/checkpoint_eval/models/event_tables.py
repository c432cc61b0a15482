"""The kernel under every curve and every log-rank test: counts on a grid of times, batched."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats
from checkpoint_eval._checks import check_count, check_noun
from checkpoint_eval._display import Shown, grid_frame
from checkpoint_eval._times import TIE_TOLERANCE, time_grid
from checkpoint_eval.errors import InvalidData, TrialError

# People counted at a time; a table of more cells than this is counted in one go.
BLOCK = 32_768


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class EventTable(Shown):
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

    def __post_init__(self) -> None:
        for name in ("time", "at_risk", "events"):
            view = np.asarray(getattr(self, name)).view()  # not a copy: a batch may be large
            view.setflags(write=False)
            object.__setattr__(self, name, view)

    @property
    def ended(self) -> IntArray:
        """(..., k, m) people whose follow-up ended at each time, without delayed entry."""
        after = np.concatenate(
            [self.at_risk[..., 1:], np.zeros_like(self.at_risk[..., :1])], axis=-1
        )
        return np.asarray(self.at_risk - after)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a group and time; the places of a batch come first."""
        return grid_frame(
            ("group", "place"), time=self.time, at_risk=self.at_risk, events=self.events
        )


def check_table(table: EventTable, *, axes: int = 2) -> EventTable:
    """Return an event table with at least so many axes."""
    check_noun(table, EventTable, "table", of="event_table")
    if table.at_risk.ndim < axes:
        raise TrialError(
            f"`table` must have an axis of strata before those of groups and times, got counts of "
            f"shape {table.at_risk.shape}; put one before both counts."
        )
    return table


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

    Raises
    ------
    InvalidData
        When time is not one finite number a person, event not 0 or 1, a group code not below
        groups, or an entry not before the exit.

    Notes
    -----
    Whole-number times are counted by histogram; any other by one sort. Both give the same table.
    Someone censored at t counts as at risk at t.

    References
    ----------
    Kaplan and Meier (1958); Therneau and Grambsch (2000) for (entry, exit]. Checked
    against R survival::survfit and a loop over people and times.

    Examples
    --------
    >>> table = event_table([1, 2, 2, 3], [True, True, False, False], [0, 0, 1, 1], groups=2)
    >>> table.at_risk.tolist(), table.events.tolist()
    ([[2, 1, 0], [2, 2, 1]], [[1, 1, 0], [0, 0, 0]])
    """
    exits, flags, codes = _people(time, event, group, check_count(groups, "groups"))
    batch = codes.shape[:-1]
    rows = int(np.prod(batch, dtype=np.int64)) * groups
    if entry is None and rows == groups:
        pairs = _count_days(exits, flags, codes.reshape(-1), groups)
        if pairs is not None:
            days = np.flatnonzero(pairs.any(axis=(0, 2)))
            pairs = pairs[:, days].reshape(*batch, groups, days.size, 2)
            return _table(floats(days), pairs)
    grid, position = time_grid(exits)
    m = grid.size
    # One histogram counts both: each cell of the table is a pair, censored and event.
    place = 2 * position + flags
    cell = np.multiply(codes, 2 * m, dtype=np.int64)
    cell += place + (np.arange(rows // groups) * 2 * groups * m).reshape(*batch, 1)
    table = _table(grid, _count(cell, 2 * rows * m).reshape(*batch, groups, m, 2))
    if entry is not None:
        late = floats(_numbers(entry, "entry"))
        if late.shape != exits.shape or not (late < exits).all():
            raise InvalidData("`entry` must be one time a person, before the exit for everyone.")
        # Exits tie up to rounding; an entry a rounding error off an exit must tie with it too.
        first = np.searchsorted(grid, late + TIE_TOLERANCE * np.abs(late), side="right")
        cell -= place
        cell //= 2
        waiting = np.where(first > 0, cell + first - 1, -1)
        absent = _count(waiting[waiting >= 0], rows * m).reshape(table.events.shape)
        table = replace(table, at_risk=table.at_risk - reverse_cumsum(absent))
    return table


def _people(
    time: ArrayLike, event: ArrayLike, group: ArrayLike, groups: int
) -> tuple[FloatArray, BoolArray, IntArray]:
    """Return times, events and groups of people, refused where they cannot be counted."""
    exits, flags, codes = _numbers(time, "time"), _numbers(event, "event"), np.asarray(group)
    if exits.ndim != 1 or not np.isfinite(exits).all():
        raise InvalidData("`time` must be one finite number a person; leave out who has none.")
    if flags.shape != exits.shape or not (
        flags.dtype == bool or ((flags == 0) | (flags == 1)).all()
    ):
        raise InvalidData("`event` must be 0 or 1, False or True, once for each of `time`.")
    whole = codes.dtype.kind in "iub" and codes.shape[-1:] == exits.shape
    if not whole or (codes.size and not 0 <= codes.min() <= codes.max() < groups):
        raise InvalidData(
            f"`group` must be codes from 0 to {groups - 1}, as `groups` is {groups}, one for each "
            "of `time`."
        )
    return floats(exits), flags.astype(bool, copy=False), codes


def _numbers(values: ArrayLike, name: str) -> FloatArray:
    found = np.asarray(values)
    if found.dtype == object:  # nullable columns come as such
        found = np.asarray(pd.to_numeric(found.ravel(), errors="coerce")).reshape(found.shape)
    if found.dtype.kind not in "fiub":
        raise InvalidData(f"`{name}` must be numbers, got {found.dtype}.")
    return found


def _table(grid: FloatArray, pairs: IntArray) -> EventTable:
    """Return the table of (..., k, m, 2) people whose follow-up ended: censored, with the event."""
    events = np.ascontiguousarray(pairs[..., 1])
    return EventTable(time=grid, at_risk=reverse_cumsum(pairs[..., 0] + events), events=events)


def _count_days(
    time: FloatArray, event: BoolArray, group: IntArray, groups: int
) -> IntArray | None:
    """Return (k, bins, 2) people censored and with the event at 0, 1, 2, ...; None if not whole.

    A block of people at a time, so that what is computed on the way stays in the cache.
    """
    if not (time.size and time.min() >= 0 and 2 * groups * (time.max() + 1) <= BLOCK):
        return None
    bins = int(time.max()) + 1
    total = np.zeros(2 * groups * bins, dtype=np.int64)
    for start in range(0, time.size, BLOCK):
        block = slice(start, start + BLOCK)
        cell = time[block].astype(np.int64)
        if not (cell == time[block]).all():
            return None
        cell *= 2
        cell += event[block]
        cell += group[block] * np.int64(2 * bins)
        total += np.bincount(cell, minlength=total.size)
    return total.reshape(groups, bins, 2)


def _count(cells: NDArray[np.int64], size: int) -> IntArray:
    return np.bincount(cells.reshape(-1), minlength=size)


def reverse_cumsum(counts: IntArray) -> IntArray:
    """Sum from each time to the end, along the last axis."""
    return np.asarray(np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1])
