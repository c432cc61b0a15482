"""Reading a table as somebody exported it: any of the usual separators and encodings, or Excel."""

import csv
import datetime
import io
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from checkpoint_eval._checks import counted
from checkpoint_eval.errors import InvalidData

EXCEL = (".xlsx", ".xlsm")
SEPARATORS = ",;\t|"


def read_sheet(file: Path) -> tuple[pd.DataFrame, list[str]]:
    """Return every cell as text, indexed by the rows of the sheet, and what was done to read it.

    Raises
    ------
    InvalidData
        When a row is longer or shorter than the header, or a column has no name or another's.
    """
    kind = file.suffix.lower()
    if kind == ".xls":
        raise InvalidData(f"{file} is an old Excel file; save it as .xlsx or as CSV UTF-8.")
    rows, told = _read_excel(file) if kind in EXCEL else _read_text(file)
    numbered = [
        (number, row) for number, row in enumerate(rows, start=1) if any(map(str.strip, row))
    ]
    if not numbered:
        raise InvalidData(f"{file} holds nothing.")
    empty = numbered[-1][0] - numbered[0][0] + 1 - len(numbered)
    if empty:
        told.append(f"{counted(empty, 'empty row')} left out")
    header = [name.strip() for name in numbered[0][1]]
    while header and not header[-1] and not any(any(row[len(header) - 1 :]) for _, row in numbered):
        header.pop()  # what a spreadsheet appends
    _check_header(file, header)
    for number, row in numbered[1:]:
        if len(row) < len(header) or any(row[len(header) :]):
            raise InvalidData(
                f"{file} has {counted(len(header), 'column')}, but row {number} (the header is row "
                f"{numbered[0][0]}) has {len(row):,}; a text that holds the separator needs quotes."
            )
    body = [row[: len(header)] for _, row in numbered[1:]]
    places = [number for number, _ in numbered[1:]]
    return pd.DataFrame(body, columns=header, index=places, dtype=object), told


def _check_header(file: Path, header: list[str]) -> None:
    if not all(header):
        place = header.index("") + 1
        raise InvalidData(f"Column {place} of {file} has no name; write one into its first row.")
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise InvalidData(f"{file} has two columns named {twice[0]!r}; rename one.")


def _read_text(file: Path) -> tuple[list[list[str]], list[str]]:
    told = []
    content = file.read_bytes()
    if b"\x00" in content:
        raise InvalidData(f"{file} is no text; save the table as CSV UTF-8 or as .xlsx.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
        told.append("read as Windows-1252 text, as it is no UTF-8; look at accented letters")
    header = text.lstrip().partition("\n")[0]
    separator = max(SEPARATORS, key=header.count)
    if separator != "," and header.count(separator):
        told.append(f"columns were separated by {separator!r}")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return list(rows), told
    except csv.Error as problem:  # read loosely, all lines after an open quote would be one cell
        raise InvalidData(
            f"{file} has a quote that is not closed, or not where a cell ends, by line "
            f"{rows.line_num}; close it, and write a quote within a text twice."
        ) from problem


def _read_excel(file: Path) -> tuple[list[list[str]], list[str]]:
    if find_spec("openpyxl") is None:
        raise InvalidData(
            f"Reading {file} needs more than is installed: pip install 'checkpoint-eval[excel]', "
            "or save the table as CSV UTF-8."
        )
    from zipfile import BadZipFile

    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(file, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, OSError) as problem:
        raise InvalidData(f"{file} cannot be read as Excel; save it as CSV UTF-8.") from problem
    sheet = book.worksheets[0]
    rows = [[_cell(value) for value in row] for row in sheet.iter_rows(values_only=True)]
    others = len(book.worksheets) - 1
    told = [f"sheet {sheet.title!r} was read, not the {others} others"] if others else []
    book.close()
    return rows, told


def _cell(value: Any) -> str:
    """Return a cell as CSV would write it; a moment without a time of day is a date."""
    if value is None:
        return ""
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        value = value.date()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)
