"""Reading the people table from a file, as it is written."""

import csv as strict
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import compute as pc
from pyarrow import csv, parquet

from checkpoint_eval._checks import check_path
from checkpoint_eval.errors import InvalidData

# What an empty cell of a CSV may say. Nothing else is taken for missing: "None" may be a category.
MISSING = ("", "NA")


def read_people(path: str | Path, *, id: str | None = None) -> Any:  # noqa: A002
    """Read a CSV or Parquet table; identifiers and text stay as they are written.

    Parameters
    ----------
    path : str or Path
        UTF-8 CSV separated by commas, or Parquet.
    id : str, optional
        Column of identifiers, read as text so that leading zeros stay.

    Returns
    -------
    pyarrow.Table
        For `Trial.from_frame` or `Trial.from_protocol`.

    Raises
    ------
    InvalidData
        When the file cannot be read, is not UTF-8, has lines that are too long or too short, or a
        quote that is not closed.

    Notes
    -----
    Only an empty cell and ``NA`` are missing. Other readers take more words for missing (a
    category called ``None``), drop leading zeros, or shift columns when a line is too long.

    Examples
    --------
    >>> read_people("people.xlsx")
    Traceback (most recent call last):
    checkpoint_eval.errors.InvalidData: people.xlsx is neither .csv nor .parquet; save the table as
    one of them.
    """
    file = check_path(path)
    kind = file.suffix.lower().removeprefix(".")
    if kind not in ("csv", "parquet"):
        raise InvalidData(f"{file} is neither .csv nor .parquet; save the table as one of them.")
    try:
        table = parquet.read_table(file) if kind == "parquet" else _read_csv(file, id)
    except (pa.ArrowException, OSError) as problem:
        told = str(problem).splitlines()[0].rstrip(".")
        raise InvalidData(f"{file} cannot be read as {kind}: {told}.") from problem
    _refuse_unreadable(file, table)
    if kind == "csv":
        _refuse_open_quotes(file, table)
    return table


def _read_csv(file: Path, id: str | None) -> Any:  # noqa: A002
    with file.open("rb") as opened:
        first = opened.readline()
    try:
        header = first.decode("utf-8-sig").rstrip()
    except UnicodeDecodeError as problem:
        raise InvalidData(
            f"The names of the columns of {file} are not UTF-8 text; save the file as UTF-8 "
            "(in a spreadsheet: CSV UTF-8)."
        ) from problem
    if any(header.count(mark) > header.count(",") for mark in (";", "\t")):
        raise InvalidData(
            f"{file} begins {header[:40]!r}; save it with commas between the columns."
        )
    return csv.read_csv(
        file,
        # One block: types are then told from every row, not from the first megabyte.
        read_options=csv.ReadOptions(block_size=max(1 << 20, file.stat().st_size + 1)),
        convert_options=csv.ConvertOptions(
            null_values=list(MISSING),
            strings_can_be_null=True,
            column_types={id: pa.string()} if id else {},
        ),
    )


def _refuse_open_quotes(file: Path, table: Any) -> None:
    """Refuse a quote that is not closed: all lines that follow would be one cell.

    Such a cell has ends of lines in it; only then the file is read once more, strictly.
    """
    texts = [column for column in table.columns if pa.types.is_string(column.type)]
    if not any(pc.any(pc.match_substring(column, "\n")).as_py() for column in texts):
        return
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = strict.reader(opened, strict=True)
        try:
            for _ in rows:
                pass
        except strict.Error as problem:
            raise InvalidData(
                f"{file} has a quote that is not closed, or not where a cell ends, by line "
                f"{rows.line_num}; close it, and write a quote within a text twice."
            ) from problem


def _refuse_unreadable(file: Path, table: Any) -> None:
    for field in table.schema:
        if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            raise InvalidData(
                f"Column {field.name!r} of {file} is not UTF-8 text; save the file as UTF-8 "
                "(in a spreadsheet: CSV UTF-8)."
            )
