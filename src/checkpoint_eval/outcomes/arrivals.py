"""The order in which people came, read from a column."""

from datetime import UTC, datetime
from typing import Any

import narwhals as nw
import numpy as np

from checkpoint_eval import _frames
from checkpoint_eval._arrays import IntArray
from checkpoint_eval._frames import at_row
from checkpoint_eval.errors import InvalidData


def places_in_order(series: nw.Series[Any], ids: np.ndarray[Any, np.dtype[np.str_]]) -> IntArray:
    """Return each row's place in the order that a column tells; `ids` say whose row it is."""
    missing = _frames.missing_mask(series)
    if missing.any():
        raise InvalidData(
            f"The order column {series.name!r} is missing at "
            f"{at_row(int(missing.argmax()), ids)}; everyone allocated came at some time."
        )
    codes, found = _frames.distinct(series)
    if len(found) < codes.size:
        row = int(np.flatnonzero(np.bincount(codes)[codes] > 1)[1])
        raise InvalidData(
            f"The order column {series.name!r} repeats {str(found[codes[row]])!r} at "
            f"{at_row(row, ids)}; each person has a place of their own: use the sequence "
            "number of the allocation."
        )
    rank = np.argsort(np.argsort(_instants(series, found), kind="stable"))
    return np.asarray(rank[codes], dtype=np.int64)


def _instants(series: nw.Series[Any], found: list[Any]) -> Any:
    """Return values that sort as time runs; text must be ISO dates, else 10 precedes 9."""
    if not _frames.is_text(series):
        return np.array(found)
    try:
        moments = [datetime.fromisoformat(str(each)) for each in found]
        if all(moment.tzinfo for moment in moments):
            moments = [each.astimezone(UTC).replace(tzinfo=None) for each in moments]
        return np.array(moments, dtype="datetime64[us]")
    except (ValueError, TypeError) as problem:
        raise InvalidData(
            f"The order column {series.name!r} holds text such as {str(found[0])!r}; give "
            "numbers, dates, or text as 2026-01-31T09:30:00."
        ) from problem
