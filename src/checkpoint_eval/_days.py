"""Dates of any kind as whole days."""

from datetime import datetime
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from checkpoint_eval.errors import InvalidData

Days: TypeAlias = NDArray[np.datetime64]  # datetime64[D]; NaT where unknown

NOT_A_DAY = np.datetime64("NaT", "D")


def from_dates(series: nw.Series[Any]) -> Days:
    """Return the day on the wall of the column's own time zone, not the one in Greenwich."""
    found, zone = series.to_pandas(), getattr(series.dtype, "time_zone", None)
    if zone is None:
        return np.asarray(found).astype("datetime64[D]")
    moments = pd.DatetimeIndex(pd.to_datetime(found, utc=True))
    return np.asarray(moments.tz_convert(zone).tz_localize(None)).astype("datetime64[D]")


def one_day(text: str) -> np.datetime64:
    """Return the day that a text such as 2026-01-31, with or without a time, names.

    numpy alone would take "2026", "today" and 20260131 for days.
    """
    told = text.strip()
    if told[4:5] != "-" or told[7:8] != "-":
        raise ValueError(f"{text!r} is not written as 2026-01-31")
    return np.datetime64(datetime.fromisoformat(told).date(), "D")


def as_days(values: object, name: str) -> Days:
    """Return dates of any kind, in a list, an array or a column, as days; NaT where missing."""
    if isinstance(values, np.ndarray) and values.dtype == "datetime64[D]":
        return values
    column = nw.from_native(values, series_only=True, pass_through=True)
    if isinstance(column, nw.Series) and column.dtype == nw.Datetime:
        return from_dates(column)
    given = np.asarray(values)
    remedy = f"`{name}` must hold dates such as '2016-08-01'."
    if given.dtype.kind in "iufbm":  # numpy would take them for days since 1970
        raise InvalidData(remedy)
    try:
        if given.dtype.kind in "UO":
            found, code = np.unique(given.astype(str), return_inverse=True)
            missing = ("None", "NaT", "nan", "<NA>", "")
            read = [NOT_A_DAY if each in missing else one_day(each) for each in found]
            given = np.array(read, dtype="datetime64[D]")[code]
        return given.astype("datetime64[D]")
    except (ValueError, TypeError) as problem:
        raise InvalidData(remedy) from problem
