"""Reading the tables of an extract from a folder of files, in parts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from checkpoint_eval.errors import InvalidData, TrialError
from checkpoint_eval.outcomes.extract_tables import Texts
from checkpoint_eval.outcomes.reading_extracts import COLUMNS, Given, Names, identifiers

# Rows of a file held at once while it is read in parts.
PART_ROWS = 250_000


def folder_tables(folder: Path, names: Names, only: Texts | None) -> Given:
    """Return the tables of a folder, only the rows of some people where they are named."""
    if not folder.is_dir():
        raise InvalidData(f"{folder} is no folder; put people.csv, offences.csv and so on in one.")
    found: dict[str, object | None] = {}
    kept: pd.Index[Any] | None = None
    if isinstance(only, str):
        raise TrialError(f"`only` must list identifiers, got {only!r}; write [{only!r}].")
    for name in COLUMNS:
        paths = [
            path
            for path in (folder / f"{name}.parquet", folder / f"{name}.csv", folder / name)
            if path.exists()
        ]
        if len(paths) > 1:
            raise InvalidData(
                f"{folder} holds {name} as {paths[0].name} and as {paths[1].name}; keep one."
            )
        if not paths:
            continue
        key = {"people": "id", "disposals": "offence"}.get(name, "person")
        column = names.get(name, {}).get(key, key)
        wanted = None if only is None else _texts_of(only)
        if name == "disposals" and only is not None:
            wanted = kept
        known = {names.get(name, {}).get(each, each) for both in COLUMNS[name] for each in both}
        found[name] = _kept(paths[0], column, wanted, known)
        if name == "offences" and only is not None:
            offence = names.get("offences", {}).get("offence", "offence")
            table: Any = found[name]
            kept = pd.Index(table[offence].astype("string")) if offence in table else None
    return found


def _texts_of(only: Texts) -> "pd.Index[Any]":
    """Return identifiers that somebody listed, as they are compared between tables."""
    listed = pd.Series(list(only), dtype=object)
    return identifiers(nw.from_native(listed, series_only=True)).astype("string")


def _kept(path: Path, column: str, wanted: "pd.Index[Any] | None", known: set[str]) -> pd.DataFrame:
    """Read a file in parts, holding the rows whose identifier is wanted."""
    parts: list[pd.DataFrame] = []
    for part in _parts(path):
        differ = known & (set(part.columns) ^ set(parts[0].columns if parts else part.columns))
        if differ:  # put together, custody without an end would be custody to this day
            raise InvalidData(
                f"Not every part of {path} has the column {min(differ)!r}; write the same columns "
                "in each."
            )
        if wanted is None or column not in part:
            parts.append(part)
            continue
        keys = identifiers(nw.from_native(part[column], series_only=True)).astype("string")
        parts.append(part[np.asarray(keys.isin(wanted))])
    if not parts:
        raise InvalidData(f"{path} holds no part of the table; put its Parquet files there.")
    parts = [part for part in parts if len(part)] or parts[:1]  # an empty part has no kinds
    return pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]


def _csv_parts(path: Path) -> Iterator[pd.DataFrame]:
    """Read a CSV as text as it stands: identifiers may begin with zeros."""
    how: dict[str, Any] = {"dtype": str, "keep_default_na": False, "na_values": [""]}
    try:
        header = pd.read_csv(path, header=None, nrows=1, **how).iloc[0]
        twice = header[header.duplicated() & header.notna()]
        if twice.size:
            raise InvalidData(f"{path} has two columns named {twice.iloc[0]!r}; rename one.")
        with pd.read_csv(path, chunksize=PART_ROWS, **how) as parts:
            for part in parts:
                if not isinstance(part.index, pd.RangeIndex):  # pandas took a column for names
                    raise InvalidData(
                        f"The first row of {path} is longer than its names of columns; a text that "
                        "holds a comma needs quotes, and a comma ending a line is one too many."
                    )
                yield part
    except UnicodeDecodeError as problem:
        raise InvalidData(f"{path} is not UTF-8 text; save the file as UTF-8.") from problem
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as problem:
        told = str(problem).strip().removeprefix("Error tokenizing data. C error: ")
        raise InvalidData(f"{path} cannot be read as csv: {told}.") from problem


def _parts(path: Path) -> Iterator[pd.DataFrame]:
    if path.suffix == ".csv":
        yield from _csv_parts(path)
        return
    import pyarrow as pa

    try:
        yield from _parquet_parts(path)
    except pa.ArrowException as problem:
        told = str(problem).splitlines()[0].rstrip(".")
        raise InvalidData(f"{path} cannot be read as parquet: {told}.") from problem


def _parquet_parts(path: Path) -> Iterator[pd.DataFrame]:
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    whole = ds.dataset(path, format="parquet")
    if whole.files:
        yield whole.schema.empty_table().to_pandas()  # the columns, should there be no row
    for file in whole.files:  # one after the other, as a scan of all would read far ahead
        with pq.ParquetFile(file) as part:
            for batch in part.iter_batches(batch_size=PART_ROWS, use_threads=False):
                yield batch.to_pandas()
