"""Reading the tables of an extract into codes and days."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from checkpoint_eval import _frames
from checkpoint_eval._arrays import NO_CODES, FloatArray, IntArray
from checkpoint_eval._checks import did_you_mean
from checkpoint_eval._days import Days, one_day
from checkpoint_eval.errors import InvalidData, TrialError, UnknownColumn
from checkpoint_eval.outcomes.dates import EARLIEST, LATEST, NO_DAYS, read_days
from checkpoint_eval.outcomes.extract_tables import (
    Assessments,
    Custody,
    Departures,
    Disposals,
    Offences,
)

Given: TypeAlias = Mapping[str, object | None]
Names: TypeAlias = Mapping[str, Mapping[str, str]]

# The columns of each table: needed, then optional.
COLUMNS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "people": (("id",), ("born",)),
    "offences": (("person", "date"), ("offence", "code", "recorded")),
    "disposals": (("offence", "date", "disposal"), ()),
    "custody": (("person", "start", "end"), ()),
    "deaths": (("person", "date"), ("kind",)),
    "pathways": (("person", "date", "pathway", "score"), ("assessor",)),
}
# What pandas calls a column of anything in which 7.0 may stand for 7.
PERHAPS_NUMBERS = ("floating", "mixed-integer-float", "mixed-integer", "mixed", "categorical")


class _Table:
    """One table of an extract, and what its columns are called."""

    def __init__(self, name: str, table: object, names: Mapping[str, str]) -> None:
        self.name = name
        needed, optional = COLUMNS[name]
        unknown = sorted(set(names) - {*needed, *optional})
        if unknown:
            raise UnknownColumn(
                f"`names[{name!r}]` names {unknown[0]!r}; "
                f"{did_you_mean(unknown[0], (*needed, *optional))}"
            )
        self._called = names
        self._frame = _empty_allowed(table)

    def has(self, column: str) -> bool:
        """Return whether an optional column is there; one that was named must be."""
        return column in self._called or column in self._frame.columns

    def series(self, column: str) -> nw.Series[Any]:
        """Return one column."""
        name = self._called.get(column, column)
        return _frames.column(self._frame, name, role=f"{self.name} {column}")

    def days(self, column: str) -> Days:
        """Return a column of dates; none when it is optional and absent."""
        return read_days(self.series(column), role=f"{self.name} {column}")

    def texts(self, column: str, *, otherwise: str = "") -> tuple[IntArray, tuple[str, ...]]:
        """Return codes into the sorted texts found; where missing that of `otherwise`, or -1."""
        codes, found = _frames.distinct(self.series(column))
        texts = [_text(value) for value in found]
        more = [otherwise] if otherwise and (codes < 0).any() else []
        names = tuple(sorted({*texts, *more}))
        place = {name: code for code, name in enumerate(names)}
        lookup = np.array([*map(place.__getitem__, texts), place.get(otherwise, -1)])
        return lookup.astype(np.int64)[codes], names

    def numbers(self, column: str) -> FloatArray:
        """Return a column of numbers; a CSV was read as text, so that identifiers keep zeros."""
        series = self.series(column)
        if _frames.is_text(series):
            codes, found = _frames.distinct(series)
            with suppress(ValueError, TypeError):  # what is no number is told by row below
                return np.array([*map(float, found), np.nan])[codes]
        return _frames.numbers(series, role=f"{self.name} {column}")

    def keys(self, column: str) -> pd.Index:
        """Return identifiers as they are compared between tables."""
        return identifiers(self.series(column))


def _text(value: object) -> str:
    plain = value.item() if isinstance(value, np.generic) else value
    return str(int(plain)) if isinstance(plain, float) and plain.is_integer() else str(plain)


def identifiers(series: nw.Series[Any]) -> "pd.Index[Any]":
    """Return identifiers such that 7, 7.0 and "7" are one; whole numbers stay numbers for speed."""
    native = series.to_pandas()
    missing = native.isna().to_numpy(dtype=bool)
    if native.dtype.kind in "iuf" and not missing.any():
        values = native.to_numpy()
        if _whole(values):
            return pd.Index(values.astype(np.int64))
    elif native.dtype.kind in "iuf":
        known = native[~missing].to_numpy(dtype=np.float64)
        if _whole(known):  # 7.0 beside a missing one is still 7
            text = pd.array([None] * len(native), dtype="string")
            text[~missing] = known.astype(np.int64).astype(str)
            return pd.Index(text)
    if pd.api.types.infer_dtype(native, skipna=True) in PERHAPS_NUMBERS:
        codes, found = pd.factorize(native)
        texts = pd.array([*map(_text, found), None], dtype="string")
        return pd.Index(texts[codes]).str.strip()
    return pd.Index(native.astype("string").str.strip())


def _whole(values: NDArray[Any]) -> bool:
    """Whether all are whole numbers that eight bytes hold."""
    return bool(((values == np.floor(values)) & (np.abs(values) < 2.0**63)).all())


def _matched(people: "pd.Index[Any]", keys: "pd.Index[Any]") -> IntArray:
    """Return the first place of each key among people, -1 where it is none."""
    if people.dtype != keys.dtype:
        people, keys = people.astype("string"), keys.astype("string")
    found = np.asarray(people.get_indexer(keys), dtype=np.int64)
    return np.where(np.asarray(keys.isna()), -1, found)  # a missing identifier is nobody's


def _empty_allowed(table: object) -> nw.DataFrame[Any]:
    """Return the table; unlike a trial, a table of events may be empty."""
    lazy = callable(getattr(table, "collect", None))
    names = [] if lazy else _frames.column_names(table)
    if lazy or len(set(names)) < len(names):
        return _frames.read_table(table)  # which refuses them
    frame = nw.from_native(table, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame) and frame.shape[0] == 0:
        return frame
    return _frames.read_table(table)


def read_tables(given: Given, names: Names, extract_date: object) -> dict[str, Any]:
    """Return the fields of `Records` from its tables."""
    wrong = sorted(set(names) - set(COLUMNS))
    if wrong:
        raise UnknownColumn(
            f"`names` names the table {wrong[0]!r}; {did_you_mean(wrong[0], COLUMNS)}"
        )
    tables = {
        name: _Table(name, table, names.get(name, {}))
        for name, table in given.items()
        if table is not None
    }
    for name in ("people", "offences"):
        if name not in tables:
            raise InvalidData(f"The table `{name}` is missing; every extract needs it.")
    keys = tables["people"].keys("id")
    _refuse_missing(keys)
    first = ~keys.duplicated()
    unique = keys[first]
    repeats = _repeats(keys)
    born = tables["people"].days("born")[first] if tables["people"].has("born") else NO_DAYS
    offences, offence_keys = _offences(tables["offences"], unique)
    return {
        "ids": np.asarray(unique.astype(str), dtype=str),
        "born": born,
        "offences": offences,
        "disposals": _disposals(tables.get("disposals"), offence_keys, offences.size),
        "custody": _custody(tables.get("custody"), unique),
        "departures": _departures(tables.get("deaths"), unique),
        "assessments": _assessments(tables.get("pathways"), unique),
        "extract_date": _extract_day(extract_date),
        "given": tuple(tables),
        "repeats": repeats,
    }


def _refuse_missing(keys: "pd.Index[Any]") -> None:
    missing = np.asarray(keys.isna()) | np.asarray(keys.astype(str) == "")
    if missing.any():
        raise InvalidData(
            f"The people column `id` is missing at row {int(missing.argmax())}; every person needs "
            "an identifier."
        )


def _repeats(keys: "pd.Index[Any]") -> tuple[tuple[int, int], ...]:
    again = np.flatnonzero(keys.duplicated())
    if not again.size:
        return ()
    first = keys[~keys.duplicated()]
    place = np.flatnonzero(~keys.duplicated())[first.get_indexer(keys[again])]
    return tuple(zip(again.tolist(), place.tolist(), strict=True))


def _extract_day(value: object) -> np.datetime64:
    try:
        day = one_day(str(value))
    except ValueError as problem:
        raise TrialError(
            f"`extract_date` must be a date such as '2019-01-31', got {value!r}."
        ) from problem
    if not EARLIEST <= day < LATEST:
        raise TrialError(
            f"`extract_date` is {day}, before 1900 or after 2100; say the last day the extract "
            "covers."
        )
    return day


def _offences(table: _Table, people: "pd.Index[Any]") -> tuple[Offences, "pd.Index[Any] | None"]:
    code, codes = table.texts("code") if table.has("code") else (NO_CODES, ())
    offences = Offences(
        person=_matched(people, table.keys("person")),
        date=table.days("date"),
        code=code,
        codes=codes,
        recorded=table.days("recorded") if table.has("recorded") else NO_DAYS,
    )
    keys = table.keys("offence") if table.has("offence") else None
    if keys is not None and (keys.isna().any() or not keys.is_unique):
        row = int((np.asarray(keys.isna()) | keys.duplicated()).argmax())
        raise InvalidData(
            f"The offences column `offence` is missing or repeated at row {row}; disposals name "
            "offences by it, so each needs its own."
        )
    return offences, keys


def _disposals(table: _Table | None, offences: "pd.Index[Any] | None", size: int) -> Disposals:
    if table is None:
        return Disposals(offence=NO_CODES, date=NO_DAYS, kind=NO_CODES)
    if offences is None:
        raise InvalidData(
            f"Disposals name offences, but the {size:,} offences have no identifier; give their "
            "column as `offence`."
        )
    kind, kinds = table.texts("disposal")
    return Disposals(
        offence=_matched(offences, table.keys("offence")),
        date=table.days("date"),
        kind=kind,
        kinds=kinds,
    )


def _custody(table: _Table | None, people: "pd.Index[Any]") -> Custody:
    if table is None:
        return Custody(person=NO_CODES, start=NO_DAYS, end=NO_DAYS)
    return Custody(
        person=_matched(people, table.keys("person")),
        start=table.days("start"),
        end=table.days("end"),
    )


def _departures(table: _Table | None, people: "pd.Index[Any]") -> Departures:
    if table is None:
        return Departures(person=NO_CODES, date=NO_DAYS, kind=NO_CODES)
    person = _matched(people, table.keys("person"))
    kind, kinds = np.zeros(person.size, dtype=np.int64), ("death",)
    if table.has("kind"):
        # who left in a way that nobody wrote down has left
        kind, kinds = table.texts("kind", otherwise="unknown")  # type: ignore[assignment]
    return Departures(person=person, date=table.days("date"), kind=kind, kinds=kinds)


def _assessments(table: _Table | None, people: "pd.Index[Any]") -> Assessments:
    if table is None:
        return Assessments(
            person=NO_CODES, date=NO_DAYS, pathway=NO_CODES, pathways=(), score=np.zeros(0)
        )
    pathway, pathways = table.texts("pathway")
    assessor, assessors = table.texts("assessor") if table.has("assessor") else (NO_CODES, ())
    return Assessments(
        person=_matched(people, table.keys("person")),
        date=table.days("date"),
        pathway=pathway,
        pathways=pathways,
        score=table.numbers("score"),
        assessor=assessor,
        assessors=assessors,
    )
