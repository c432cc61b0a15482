"""Verifying a ledger: every row, every rule of the record, every chance, every arm."""

import itertools
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checkpoint_eval._checks import counted
from checkpoint_eval._display import Shown, frame_of
from checkpoint_eval.errors import TrialError
from checkpoint_eval.randomise.chain import (
    GENESIS,
    Entry,
    Head,
    as_head,
    chained,
    read_entry,
    write_body,
)
from checkpoint_eval.randomise.keys import seed_text
from checkpoint_eval.randomise.replaying import Record, follow_entry
from checkpoint_eval.randomise.storage import SCHEMA, Store

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem(Shown):
    """What is wrong with a ledger, and at which entry; 0 for the ledger as a whole."""

    sequence: int
    what: str

    def __str__(self) -> str:
        return f"Entry {self.sequence}: {self.what}" if self.sequence else self.what


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification(Shown):
    """What verifying a ledger found.

    Attributes
    ----------
    entries : int
        How many rows were read.
    problems : tuple of Problem
        In the order of the checks: the file; each row and its chain; the first entry that breaks
        the rules of the record; the first that the seed contradicts; where the ledger stands; the
        head.
    notes : tuple of str
        What an auditor should know and is no fault.
    replayed : bool
        Whether every arm was drawn again from the revealed seed, and was the same.
    """

    entries: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    replayed: bool

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def __str__(self) -> str:
        found = counted(self.entries, "entry", "entries")
        if self.problems:
            return f"{counted(len(self.problems), 'problem')} in {found}. {self.problems[0]}"
        drawn = "every arm drawn again" if self.replayed else "no arm drawn again, without the seed"
        return f"{found} in order; {drawn}."

    def to_frame(self) -> "pd.DataFrame":
        """Return one row a problem, in the order they were found."""
        found = [(each.sequence, each.what) for each in self.problems]
        return frame_of(
            {"sequence": [row[0] for row in found], "problem": [row[1] for row in found]}
        )


def verify_store(
    store: Store, *, seed: str | None = None, head: Head | str | None = None
) -> Verification:
    """Check a ledger's file; see `Ledger.verify`."""
    wanted = None if head is None else as_head(head)
    secret = None if seed is None else seed_text(seed)
    with store.snapshot() as connection:
        problems = list(_file_problems(connection))
        rows = _Rows(found=[], problems=[])
        replay = _Replay(records=[Record()], problems=[], drawn=[])
        for entry in _checked_rows(connection, rows):
            _replay(replay, entry, secret)
        problems += rows.problems + replay.problems + replay.drawn
        if not problems:
            problems += _standing_problems(connection, replay.records[0])
    if wanted is not None:
        problems += _head_problems(rows, wanted)
    return Verification(
        entries=len(rows.found),
        problems=tuple(problems),
        notes=tuple(_clock_notes(rows)),
        replayed=secret is not None and not problems,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """The rows read so far: (sequence, hash, at) of each, and what is wrong with them."""

    found: list[tuple[int, str, str]]
    problems: list[Problem]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replay:
    """How far the entries were followed: one record; what stopped it; what the seed contradicts."""

    records: list[Record]
    problems: list[Problem]
    drawn: list[Problem]


def _file_problems(connection: sqlite3.Connection) -> Iterator[Problem]:
    """Ask SQLite about the file, and compare its tables and triggers with ours."""
    try:
        for (said,) in connection.execute("PRAGMA integrity_check(5)").fetchall():
            if said != b"ok":
                yield Problem(sequence=0, what=f"The file is damaged: {said.decode()}.")
    except sqlite3.DatabaseError as problem:
        yield Problem(sequence=0, what=f"The file is damaged: {problem}.")
    pure = sqlite3.connect(":memory:")
    for statement in SCHEMA:
        pure.execute(statement)
    question = "SELECT name, CAST(sql AS TEXT) FROM sqlite_master WHERE name NOT LIKE 'sqlite%'"
    ours = dict(pure.execute(question).fetchall())
    pure.close()
    rows = connection.execute(question).fetchall()
    found = {name.decode(): (sql or b"").decode() for name, sql in rows}
    for name in dict.fromkeys([*ours, *found]):
        if found.get(name) != ours.get(name):
            happened = "altered"
            if name not in found or name not in ours:
                happened = "removed" if name in ours else "added"
            yield Problem(sequence=0, what=f"The part {name!r} of the file was {happened}.")


def _checked_rows(connection: sqlite3.Connection, rows: _Rows) -> Iterator[Entry]:
    """Yield the entries up to the first row with a problem; check the rows to the end."""
    question = "SELECT sequence, CAST(body AS BLOB), CAST(hash AS BLOB) FROM entry "
    expected, previous = 1, GENESIS
    try:
        for sequence, body, stored in connection.execute(question + "ORDER BY sequence"):
            if sequence != expected:
                what = f"it is missing; the next is {sequence}."
                rows.problems.append(Problem(sequence=expected, what=what))
            digest = stored.decode("ascii", "replace")
            entry, faults = _check_row(sequence, body, digest, previous)
            rows.problems.extend(Problem(sequence=sequence, what=what) for what in faults)
            at = "" if entry is None else entry.at.isoformat()
            rows.found.append((sequence, digest, at))
            expected, previous = sequence + 1, digest
            if entry is not None and not rows.problems:
                yield entry
    except sqlite3.DatabaseError as problem:
        what = f"the file is damaged from here on ({problem})."
        rows.problems.append(Problem(sequence=expected, what=what))
    if not rows.found and not rows.problems:
        rows.problems.append(Problem(sequence=1, what="it is missing: there are no entries."))


def _check_row(
    sequence: int, raw: bytes, digest: str, previous: str
) -> tuple[Entry | None, list[str]]:
    """Return the entry of a row, if it is one, and what is wrong with it."""
    try:
        body = raw.decode()
        entry = read_entry(body, digest)
        written = write_body(
            entry.kind,
            sequence=entry.sequence,
            at=entry.at,
            previous=entry.previous,
            fields=entry.fields,
        )
        own = chained(entry.previous, body)
    except (UnicodeDecodeError, TrialError):
        return None, ["its text is not readable, so it was altered."]
    faults = []
    if written != body:
        faults.append("its text is not written as this library writes, so it was altered.")
    if own != digest:
        faults.append("its hash is not that of its text, so one of them was altered.")
    if entry.sequence != sequence:
        faults.append(f"it says it is entry {entry.sequence}, so it was moved.")
    if entry.previous != previous:
        faults.append(
            "it does not follow the entry before, so one of the two was altered, put in or taken "
            "out."
        )
    return entry, faults


def _replay(replay: _Replay, entry: Entry, seed: str | None) -> None:
    """Follow one more entry, unless an earlier one stopped it."""
    if replay.problems:
        return
    step = follow_entry(replay.records[0], entry, seed=seed)
    replay.records[0] = step.record
    replay.problems.extend(Problem(sequence=entry.sequence, what=what) for what in step.faults[:1])
    # A wrong seed contradicts half of all arms: the commitment and the first arm tell enough.
    first = not any(problem.sequence > 1 for problem in replay.drawn)
    if step.drawn and first:
        replay.drawn.append(Problem(sequence=entry.sequence, what=step.drawn))


def _standing_problems(connection: sqlite3.Connection, record: Record) -> Iterator[Problem]:
    """Compare where the ledger says it stands with where its entries lead."""
    stored = [
        body.decode("utf-8", "replace")
        for (body,) in connection.execute("SELECT CAST(body AS BLOB) FROM tip")
    ]
    if record.stored is None or stored != [record.stored.text()]:
        after = record.stored.sequence if record.stored else 1
        yield Problem(
            sequence=0,
            what=f"Where the ledger says it stands is not where its entries lead up to entry "
            f"{after}, so it was altered; the next chances would be wrong.",
        )


def _head_problems(rows: _Rows, head: Head) -> Iterator[Problem]:
    hashes = {sequence: digest for sequence, digest, _ in rows.found}
    if head.sequence not in hashes:
        yield Problem(
            sequence=head.sequence,
            what=f"it was there when the head was noted, and the ledger now ends with entry "
            f"{max(hashes, default=0)}: entries were cut off.",
        )
    elif hashes[head.sequence] != head.hash:
        yield Problem(
            sequence=head.sequence,
            what="its hash is not the one noted as head: the ledger was written anew.",
        )


def _clock_notes(rows: _Rows) -> Iterator[str]:
    """Say where the clock went back: machines' clocks differ, and the chain tells the order."""
    dated = [(sequence, at) for sequence, _, at in rows.found if at]
    back = [here for (_, one), (here, other) in itertools.pairwise(dated) if other < one]
    yield from _told_back(back)


def _told_back(back: Iterable[int]) -> Iterator[str]:
    places = list(back)
    if places:
        yield (
            f"Entry {places[0]} is dated before the one it follows"
            + (f", and so are {len(places) - 1} more" if len(places) > 1 else "")
            + ". The clocks of machines differ; the order of entries is that of the chain."
        )
