"""Calendar dates as whole days, and calendar months added to them."""

from typing import Any

import narwhals as nw
import numpy as np

from checkpoint_eval import _frames
from checkpoint_eval._arrays import IntArray
from checkpoint_eval._days import NOT_A_DAY, Days, from_dates, one_day
from checkpoint_eval._frames import at_row
from checkpoint_eval.errors import InvalidData

# numpy takes no bare integer for a span of time: the unit is said.
A_DAY, A_MONTH = np.timedelta64(1, "D"), np.timedelta64(1, "M")
NO_DAYS: Days = np.zeros(0, dtype="datetime64[D]")
# Spreadsheets and databases write these where a date is not known.
EARLIEST, LATEST = np.datetime64("1900-01-01", "D"), np.datetime64("2100-01-01", "D")


def read_days(series: nw.Series[Any], *, role: str) -> Days:
    """Return the column as dates, NaT where missing; clock times are cut off.

    A moment with a time zone lies on the day of its own zone.

    Raises
    ------
    InvalidData
        For text that is not written as 2026-01-31, numbers, and dates before 1900 or after 2100.
    """
    missing = _frames.missing_mask(series)
    if missing.all():  # a column without any date may have been read as numbers
        return np.full(missing.size, NOT_A_DAY)
    if series.dtype.is_numeric():
        raise InvalidData(
            f"The {role} column {series.name!r} holds numbers; give dates, or text as 2026-01-31."
        )
    if series.dtype in (nw.Duration, nw.Time):
        kind = "durations" if series.dtype == nw.Duration else "times of day"
        raise InvalidData(
            f"The {role} column {series.name!r} holds {kind}; give dates, or text as 2026-01-31."
        )
    days = from_dates(series) if series.dtype.is_temporal() else _from_text(series, role)
    days = np.where(missing, NOT_A_DAY, days).astype("datetime64[D]")
    wrong = np.flatnonzero((days < EARLIEST) | (days >= LATEST))
    if wrong.size:
        row = int(wrong[0])
        raise InvalidData(
            f"The {role} column {series.name!r} is {days[row]} at {at_row(row)} "
            f"({wrong.size:,} such); a date before 1900 or after 2100 stands for an unknown one: "
            "leave it empty."
        )
    return days


def _from_text(series: nw.Series[Any], role: str) -> Days:
    """Parse each different text once."""
    codes, found = _frames.distinct(series)
    days = np.full(len(found) + 1, NOT_A_DAY)
    for code, value in enumerate(found):
        try:
            days[code] = one_day(str(value))
        except ValueError as problem:
            raise InvalidData(
                f"The {role} column {series.name!r} holds {value!r} at "
                f"{at_row(int((codes == code).argmax()))}; write dates as 2026-01-31."
            ) from problem
    return days[codes]


def add_months(days: Days, months: int) -> Days:
    """Return the same day some calendar months later, the month's last where there is none.

    31 January and one month is 28 or 29 February; 29 February and twelve months is 28 February.

    Examples
    --------
    >>> add_months(np.array(["2016-02-29", "2015-01-31"], dtype="datetime64[D]"), 12)
    array(['2017-02-28', '2016-01-31'], dtype='datetime64[D]')
    """
    month = days.astype("datetime64[M]")
    within = (days - month.astype("datetime64[D]")).astype(np.int64)
    later = month + months * A_MONTH
    begins, ends = later.astype("datetime64[D]"), (later + A_MONTH).astype("datetime64[D]")
    moved = begins + np.minimum(within, (ends - begins).astype(np.int64) - 1)
    return np.where(np.isnat(days), NOT_A_DAY, moved).astype("datetime64[D]")


def whole_days(later: Days, earlier: Days) -> IntArray:
    """Return days between dates; where either is unknown the answer means nothing."""
    return np.asarray((later - earlier).astype(np.int64))
