"""The gateway from tables (pandas, polars, pyarrow) to arrays, through narwhals."""

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray
from checkpoint_eval._checks import counted, did_you_mean
from checkpoint_eval.errors import InvalidData, TrialError, UnknownColumn

HUGE = 1e100  # beyond it squares cannot be added up
EXACT = 2**53  # beyond it floats leave out whole numbers


def read_table(table: object) -> nw.DataFrame[Any]:
    """Return the table behind one interface, refusing repeated columns and empty tables."""
    if callable(getattr(table, "collect", None)):
        raise TrialError(
            f"The table is lazy ({type(table).__name__}); read it with .collect() first."
        )
    names = column_names(table)
    repeated = sorted({name for name in names if names.count(name) > 1}, key=str)
    if repeated:
        raise InvalidData(
            f"Column {repeated[0]!r} stands {names.count(repeated[0])} times in the table; "
            "keep one and rename or drop the others."
        )
    try:
        frame = nw.from_native(table, eager_only=True)  # type: ignore[call-overload]
    except TypeError as problem:
        raise TrialError(
            f"The table must be a pandas, polars or pyarrow table, got {type(table).__name__}."
        ) from problem
    frame = _decoded(frame)
    if frame.shape[0] == 0:
        raise InvalidData("The table has no rows; a trial needs at least one person in each arm.")
    return frame


def _decoded(frame: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """Return pyarrow's dictionaries as the values they stand for.

    Its arrays hand a missing entry of a dictionary to numpy as the last one: a person without a
    category would be in one.
    """
    if frame.implementation is not nw.Implementation.PYARROW:
        return frame
    table = frame.to_native()
    for place, (name, kind) in enumerate(frame.schema.items()):
        if kind == nw.Categorical:
            table = table.set_column(place, name, table[name].cast(table[name].type.value_type))
    return nw.from_native(table, eager_only=True)


def column_names(table: object) -> list[str]:
    """Return the column names of any supported table, repeated ones included."""
    names = getattr(table, "column_names", None)  # pyarrow
    if names is None:
        names = getattr(table, "columns", None)
    if names is None or isinstance(names, dict):
        return []
    return list(names)


def column(frame: nw.DataFrame[Any], name: str, *, role: str) -> nw.Series[Any]:
    """Return one column by name, or say which names are near."""
    if name not in frame.columns:
        raise UnknownColumn(
            f"The {role} column {name!r} is not in the table; {did_you_mean(name, frame.columns)}"
        )
    return frame[name]


def missing_mask(series: nw.Series[Any]) -> BoolArray:
    """Return where the column holds no value: null, in pandas NaN, in text nothing but blanks."""
    if series.dtype.is_numeric() or series.dtype == nw.Boolean or series.dtype.is_temporal():
        return np.asarray(series.is_null().to_numpy(), dtype=bool)
    return np.asarray(distinct(series)[0] < 0)


def numbers(series: nw.Series[Any], *, role: str) -> FloatArray:
    """Return the column as floats, NaN where missing; text that is no number is refused by row."""
    dtype = series.dtype
    if dtype.is_numeric() or dtype == nw.Boolean:
        values = np.asarray(series.cast(nw.Float64).to_numpy(), dtype=np.float64)
        return _refuse_huge(values, series.name, role=role)
    if dtype.is_temporal():
        raise InvalidData(
            f"The {role} column {series.name!r} holds dates; give numbers, "
            "for example whole days between two dates."
        )
    codes, found = distinct(series)
    texts = [code for code, value in enumerate(found) if not _is_number(value)]
    strays = [code for code in texts if not _reads_as_number(found[code])]
    if texts:
        code = (strays or texts)[0]
        remedy = "correct it" if strays else "convert the column, its numbers are written as text"
        raise InvalidData(
            f"The {role} column {series.name!r} must hold numbers, got {found[code]!r} "
            f"at {at_row(int((codes == code).argmax()))}; {remedy}."
        )
    values = np.array([*found, np.nan], dtype=np.float64)
    # code -1, missing, reads the NaN at the end
    return _refuse_huge(values[codes], series.name, role=role)


def _refuse_huge(values: FloatArray, name: str, *, role: str) -> FloatArray:
    """Refuse numbers whose squares could not be added up; infinite ones are another matter."""
    huge = np.isfinite(values) & (np.abs(values) > HUGE)
    if huge.any():
        row = int(huge.argmax())
        raise InvalidData(
            f"The {role} column {name!r} is {values[row]:g} at {at_row(row)}, beyond anything that "
            "is measured; correct it."
        )
    return values


def refuse_identifiers(series: nw.Series[Any], values: FloatArray, *, role: str) -> None:
    """Refuse whole numbers so long that, as floats, neighbours would become one."""
    long = (np.abs(values) >= EXACT) & np.isfinite(values)
    if long.any() and not series.dtype.is_float():
        raise InvalidData(
            f"The {role} column {series.name!r} holds whole numbers of 16 digits and more, as at "
            f"{at_row(int(long.argmax()))}, which would lose their last ones; convert identifiers "
            "to text."
        )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, bool, np.number, np.bool_))


def flags(series: nw.Series[Any], *, role: str) -> FloatArray:
    """Return a 0/1 or boolean column as 0.0/1.0, NaN where missing; other values are refused."""
    try:
        values = numbers(series, role=role)
    except InvalidData as problem:
        told = str(problem).removesuffix(".")
        raise InvalidData(f"{told}; code yes as 1 and no as 0.") from problem
    wrong = np.flatnonzero(~(missing_mask(series) | (values == 0) | (values == 1)))
    if wrong.size:
        row = int(wrong[0])
        raise InvalidData(
            f"The {role} column {series.name!r} must hold 0/1 or False/True, got {values[row]:g} "
            f"at {at_row(row)} ({counted(wrong.size, 'such row')}); code yes as 1 and no as 0."
        )
    return values


def distinct(series: nw.Series[Any]) -> tuple[IntArray, list[Any]]:
    """Return (n,) codes by first appearance, -1 where missing, and the values they stand for.

    Text of nothing but blanks is missing: readers differ in what they make of an empty cell.
    """
    codes, found = pd.factorize(series.to_pandas())
    values = [value.item() if isinstance(value, np.generic) else value for value in found]
    blank = [isinstance(value, str) and not value.strip() for value in values]
    code = np.where(blank, -1, np.cumsum(np.logical_not(blank)) - 1)
    return np.append(code, -1)[codes], [
        value for value, gone in zip(values, blank, strict=True) if not gone
    ]


def is_text(series: nw.Series[Any]) -> bool:
    """Return whether the column holds categories rather than numbers."""
    dtype = series.dtype
    if dtype.is_numeric() or dtype == nw.Boolean:
        return False
    if dtype in (nw.String, nw.Categorical, nw.Enum):
        return True
    return not all(_is_number(value) for value in distinct(series)[1])


# A text column whose values are nearly all numbers is a number column that something spoiled.
SPOILED_LEAST, SPOILED_SHARE = 10, 0.9


def refuse_spoiled_numbers(series: nw.Series[Any], *, role: str) -> None:
    """Refuse a column of numbers that a few texts would turn into categories."""
    codes, found = distinct(series)
    strays = [code for code, value in enumerate(found) if not _reads_as_number(value)]
    numeric = len(found) - len(strays)
    mixed = any(_is_number(value) for value in found)
    nearly_all = numeric >= SPOILED_LEAST and numeric > SPOILED_SHARE * len(found)
    if nearly_all and not strays:
        raise InvalidData(
            f"The {role} column {series.name!r} holds {numeric} different numbers written as text, "
            f"such as {found[0]!r}; convert the column to numbers."
        )
    if strays and (mixed or nearly_all):
        row = int((codes == strays[0]).argmax())
        raise InvalidData(
            f"The {role} column {series.name!r} holds numbers, but {found[strays[0]]!r} at "
            f"{at_row(row)}; correct it, or write every category as text that is no number."
        )


def _reads_as_number(value: object) -> bool:
    try:
        return bool(np.isfinite(float(value)))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def text(series: nw.Series[Any]) -> np.ndarray[Any, np.dtype[np.str_]]:
    """Return the values as text."""
    return np.asarray(series.to_pandas().astype(str).to_numpy(), dtype=str)


def at_row(row: int, ids: Sequence[object] | NDArray[np.str_] | None = None) -> str:
    """Return how messages point at a row: counted from 0, as dataframes count."""
    person = "" if ids is None else f" (person {str(ids[row])!r})"
    return f"row {row}{person}"
