"""Reading the people table for a command, with the remedy a command line has."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from checkpoint_eval.errors import InvalidData, TrialError

ROW = re.compile(r"\brow ([\d,]+)")


def read_table(file: Path, *, id: str | None) -> Any:  # noqa: A002
    """Return the table; where it cannot be read, say which command mends it.

    Raises
    ------
    InvalidData
        As `read_people` does.
    """
    from checkpoint_eval.outcomes.files import read_people

    try:
        return read_people(file, id=id)
    except InvalidData as problem:
        raise InvalidData(f"{problem}\nOr try:  checkpoint-eval tidy {quoted(file)}") from problem


@contextmanager
def lines_told(file: Path) -> Iterator[None]:
    """Say of a row, which dataframes count from 0, which line of the file it is."""
    try:
        yield
    except TrialError as problem:
        found = ROW.search(str(problem))
        if found is None or file.suffix.lower() != ".csv":
            raise
        row = int(found.group(1).replace(",", ""))
        told = f"(Row {row} is line {row + 2} of {file.name}.)"
        raise type(problem)(f"{problem}\n{told}") from problem


def quoted(text: object) -> str:
    """Return a word of a command line, in quotes where it needs them; they suit every shell."""
    word = str(text)
    return word if re.fullmatch(r"[\w./:\\-]+", word) else f'"{word}"'
