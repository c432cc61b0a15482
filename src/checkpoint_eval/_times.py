"""Times and their ties: what counts as one time."""

import numpy as np

from checkpoint_eval._arrays import FloatArray, IntArray

# Times that differ by less than this, relative to the mean time, are one time: durations computed
# by floating-point subtraction must tie when the calendar says they tie (R's `timefix`). Whole
# numbers are exact and never merged.
TIE_TOLERANCE = float(np.sqrt(np.finfo(float).eps))
# A histogram is worth its bins when there are not many more of them than people.
BINS_PER_PERSON = 4
SMALLEST_HISTOGRAM = 100_000


def time_grid(time: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the distinct times (m,), ascending, and each person's place among them (n,)."""
    if not time.size:
        return np.zeros(0), np.zeros(0, dtype=np.int64)
    bins_allowed = max(SMALLEST_HISTOGRAM, BINS_PER_PERSON * time.size)
    if time.min() >= 0 and time.max() < bins_allowed:
        whole = time.astype(np.int64)
        if (whole == time).all():
            seen = np.bincount(whole, minlength=int(time.max()) + 1) > 0
            return np.flatnonzero(seen).astype(np.float64), (np.cumsum(seen) - 1)[whole]
    grid, position = np.unique(time, return_inverse=True)
    new = np.concatenate([[True], np.diff(grid) > _tolerance(grid)])
    return grid[new], (np.cumsum(new) - 1)[position.reshape(-1)]


def _tolerance(grid: FloatArray) -> float:
    whole = bool((grid == np.rint(grid)).all())
    return 0.0 if whole else TIE_TOLERANCE * float(np.abs(grid).mean())


def tied_times(time: FloatArray) -> FloatArray:
    """Return times with those that tie up to rounding made equal."""
    if (time == np.rint(time)).all():
        return time
    grid, position = time_grid(time)
    return grid[position]


def nearest_tie(time: float, grid: FloatArray) -> float:
    """Return the time of the grid that `time` ties with up to rounding, else `time` itself."""
    if not grid.size:
        return time
    near = float(grid[np.abs(grid - time).argmin()])
    tolerance = max(_tolerance(grid), TIE_TOLERANCE * abs(near))
    return near if abs(near - time) <= tolerance else time
