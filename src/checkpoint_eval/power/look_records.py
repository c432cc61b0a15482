"""The record of looks taken: lines that only grow, chained by hashes, one for each look."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from checkpoint_eval._atomic import write_file
from checkpoint_eval.errors import InvalidData, OutputRefused
from checkpoint_eval.randomise.chain import (
    GENESIS,
    Entry,
    canonical,
    chained,
    now,
    read_entry,
    write_body,
)
from checkpoint_eval.randomise.queueing import forget_lock, sole_writer

WAIT = 30.0  # seconds that one process waits for another to finish its look


@contextmanager
def held(record: Path) -> Iterator[list[Entry]]:
    """Yield the looks of a record, which nobody else may add to meanwhile."""
    if not record.parent.is_dir():
        raise OutputRefused(f"There is no folder {record.parent} for the `record`; make it first.")
    try:
        with sole_writer(record, wait=WAIT):
            yield read_looks(record)
    finally:
        forget_lock(record)


def read_looks(record: Path) -> list[Entry]:
    """Return the looks of a record, checked against their chain; none where there is no file."""
    try:
        text = record.read_text(encoding="utf-8") if record.exists() else ""
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidData(f"The record {record} cannot be read: {problem}.") from problem
    previous, found = GENESIS, []
    for number, line in enumerate(text.splitlines(), start=1):
        entry = _read(line, record, number)
        if entry.previous != previous or entry.sequence != number:
            raise InvalidData(
                f"Line {number} of the record {record} does not follow the one before; a line was "
                "changed or removed. Go back to a copy."
            )
        found.append(entry)
        previous = entry.hash
    return found


def _read(line: str, record: Path, number: int) -> Entry:
    try:
        said = json.loads(line)
        body, digest = said["entry"], said["hash"]
        entry = read_entry(body, digest)
        whole = chained(entry.previous, body) == digest
    except (ValueError, TypeError, KeyError) as problem:
        raise InvalidData(
            f"Line {number} of the record {record} is no look; go back to a copy."
        ) from problem
    if not whole:
        raise InvalidData(
            f"Line {number} of the record {record} was changed after it was written; go back to a "
            "copy."
        )
    return entry


def add_look(record: Path, looks: list[Entry], fields: Mapping[str, Any]) -> str:
    """Write one more look behind those there are, and return its hash."""
    previous = looks[-1].hash if looks else GENESIS
    body = write_body("look", sequence=len(looks) + 1, at=now(), previous=previous, fields=fields)
    digest = chained(previous, body)
    before = record.read_bytes() if looks else b""
    write_file(record, before + (canonical({"entry": body, "hash": digest}) + "\n").encode())
    return digest
