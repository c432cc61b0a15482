"""How every noun shows itself: short in a terminal, words and a table in a notebook."""

import html
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

ROWS = 20  # of a table that is shown; `to_frame` holds them all


class Shown:
    """A noun that shows itself.

    Its `repr` is its own, or its fields with arrays told by their shape. A notebook shows that,
    and the table of `to_frame` where there is one; lines of the `repr` after the first are then
    the same table for a terminal.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return brief(self)

    def _repr_html_(self) -> str:
        told, table = repr(self).splitlines(), self._table()
        if table is None or (len(table) < 2 and len(told) == 1):  # one row says no more
            return f"<p>{'<br>'.join(map(html.escape, told))}</p>"
        return f"<p>{html.escape(told[0])}</p>{html_table(table)}"

    def _table(self) -> "pd.DataFrame | None":
        """Return the table a notebook shows."""
        frame = getattr(self, "to_frame", None)
        return None if frame is None else frame()


def html_table(frame: "pd.DataFrame") -> str:
    """Return a small table: text escaped, numbers to four digits, long ones cut in the middle."""
    from pandas import RangeIndex

    table = frame.to_html(
        index=not isinstance(frame.index, RangeIndex),
        max_rows=ROWS,
        float_format=number_told,
        na_rep="–",
        border=0,
    )
    return str(table) + (f"<p>{len(frame):,} rows</p>" if len(frame) > ROWS else "")


def text_table(frame: "pd.DataFrame") -> str:
    """Return a table for a terminal, cut in the middle when it is long."""
    return str(frame.to_string(index=False, max_rows=ROWS))


def number_told(value: float) -> str:
    """Return a number to four digits, large ones whole."""
    return f"{value:.4g}" if abs(value) < 1e4 or not np.isfinite(value) else f"{value:,.0f}"


def brief(noun: object) -> str:
    """Return a dataclass in a line: arrays by their shape, long texts and tuples cut."""
    held = ((each.name, getattr(noun, each.name)) for each in fields(noun) if each.repr)  # type: ignore[arg-type]
    told = ", ".join(f"{name}={_BRIEF.repr(value)}" for name, value in held if not _empty(value))
    return f"{type(noun).__name__}({told})"


def frame_of(columns: Mapping[str, Any]) -> "pd.DataFrame":
    """Return columns as a table, loading pandas only now."""
    from pandas import DataFrame

    return DataFrame(dict(columns))


def columns_frame(noun: object, *names: str) -> "pd.DataFrame":
    """Return fields of one length as columns; those that are empty are left out."""
    found = {name: np.asarray(getattr(noun, name)) for name in names}
    longest = max(each.size for each in found.values())
    return frame_of({name: each for name, each in found.items() if each.size == longest})


def row_frame(noun: object) -> "pd.DataFrame":
    """Return the fields as one row: pairs by arm, and nothing that is itself a table."""
    row: dict[str, Any] = {}
    for each in fields(noun):  # type: ignore[arg-type]
        value = getattr(noun, each.name)
        if each.name == "contrast":
            row |= {"treatment": value[0], "control": value[1]}
        elif isinstance(value, tuple) and len(value) == 2 and not isinstance(value[0], tuple):
            row |= {f"{each.name}_control": value[0], f"{each.name}_treatment": value[1]}
        elif isinstance(value, (str, int, float, np.generic)):
            row[each.name] = value
    return frame_of({name: [value] for name, value in row.items()})


def grid_frame(axes: tuple[str, ...], **arrays: NDArray[Any]) -> "pd.DataFrame":
    """Return arrays of one shape as columns, beside the places along their axes.

    `axes` names the last; those before them are a batch.
    """
    shape = np.broadcast_shapes(*(np.shape(each) for each in arrays.values()))
    batch = len(shape) - len(axes)
    names = [*("batch" if batch == 1 else f"batch {place}" for place in range(batch)), *axes]
    places = np.indices(shape).reshape(len(shape), -1)
    return frame_of(
        dict(zip(names, places, strict=True))
        | {name: np.broadcast_to(each, shape).ravel() for name, each in arrays.items()}
    )


def named(codes: NDArray[Any], names: Sequence[str]) -> NDArray[Any]:
    """Return the names that codes stand for; None for code -1."""
    found: NDArray[Any] = np.array([*names, None], dtype=object)[codes]
    return found


def _empty(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return value.size == 0  # an array of no axes has no length
    return value is None or (isinstance(value, (tuple, str)) and not value)


class _Brief(reprlib.Repr):
    """The standard library's short `repr`: arrays told by their shape, numbers to four digits."""

    def repr_ndarray(self, array: NDArray[Any], _: int) -> str:
        if array.size <= 4:
            told = np.array2string(
                array,
                separator=", ",
                formatter={"float_kind": lambda number: self.repr_float(float(number), 0)},
            )
            return told.replace("\n", "")
        return f"<{' × '.join(map(str, array.shape))} {array.dtype}>"

    def repr_float(self, number: float, _: int) -> str:
        return number_told(number).replace(",", "")  # a comma parts one value from the next

    repr_float64 = repr_float

    def repr_FrozenMapping(self, held: Mapping[str, Any], level: int) -> str:
        return self.repr_dict(dict(held), level)


_BRIEF = _Brief()
_BRIEF.maxtuple = _BRIEF.maxlist = _BRIEF.maxdict = 4
_BRIEF.maxstring = _BRIEF.maxother = 60
