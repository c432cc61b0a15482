"""The file of a ledger: SQLite, durable at each commit, that only grows at its end."""

import os
import sqlite3
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checkpoint_eval.errors import InvalidData, OutputRefused, TrialError
from checkpoint_eval.randomise.keys import sync_folder
from checkpoint_eval.randomise.queueing import forget_lock, leave_lock, sole_writer, take_lock

OLDEST_SQLITE = (3, 38, 0)  # strict tables and JSON functions
PAGE = 2048  # bytes; a commit syncs two pages, and half of SQLite's usual size costs less
WAIT = 60.0  # seconds that one process waits for the others

KIND = "json_extract(body,'$.kind')"
PERSON = "json_extract(body,'$.person')"
SCHEMA = (
    "CREATE TABLE entry(sequence INTEGER PRIMARY KEY, body TEXT NOT NULL, hash TEXT NOT NULL) "
    "STRICT",
    "CREATE TABLE tip(one INTEGER PRIMARY KEY CHECK (one = 1), body TEXT NOT NULL) STRICT",
    # At most one allocation a person, whatever program writes.
    f"CREATE UNIQUE INDEX entry_randomised ON entry({PERSON}) WHERE {KIND} = 'randomised'",
    f"CREATE INDEX entry_person ON entry({PERSON}, sequence) WHERE {KIND} <> 'randomised'",
    "CREATE TRIGGER entry_update BEFORE UPDATE ON entry "
    "BEGIN SELECT RAISE(ABORT, 'entries of a ledger never change'); END",
    "CREATE TRIGGER entry_delete BEFORE DELETE ON entry "
    "BEGIN SELECT RAISE(ABORT, 'entries of a ledger never go'); END",
    # INSERT OR REPLACE deletes without the trigger above, so it is stopped before it can.
    "CREATE TRIGGER entry_insert BEFORE INSERT ON entry "
    "WHEN NEW.sequence <> (SELECT ifnull(max(sequence), 0) + 1 FROM entry) "
    "OR (json_extract(NEW.body,'$.kind') = 'randomised' AND EXISTS (SELECT 1 FROM entry "
    f"WHERE {KIND} = 'randomised' AND {PERSON} = json_extract(NEW.body,'$.person'))) "
    "BEGIN SELECT RAISE(ABORT, 'a ledger grows at its end, once for each person'); END",
)

# Connections made before a fork: a child must neither use nor close them.
_INHERITED: list[sqlite3.Connection] = []


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Store:
    """A ledger's file; every thread of every process has a connection of its own."""

    path: Path
    read_only: bool = False
    wait: float = WAIT
    connections: dict[tuple[int, int], sqlite3.Connection] = field(default_factory=dict, repr=False)

    @property
    def connection(self) -> sqlite3.Connection:
        """Return the connection of the thread that asks, opened when it first does."""
        here = (os.getpid(), threading.get_ident())
        found = self.connections.get(here)
        if found is None:
            self._leave_behind(here[0])
            found = self.connections[here] = _connect(self.path, self.read_only, self.wait)
        return found

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection to read with; each statement sees one moment of the ledger."""
        try:
            yield self.connection
        except sqlite3.Error as problem:
            raise _clear(self.path, problem) from problem

    def ask(self, question: str, *values: str | int) -> list[Any]:
        """Return the rows that answer one question; they are of one moment of the ledger."""
        try:
            return self.connection.execute(question, values).fetchall()
        except sqlite3.Error as problem:
            raise _clear(self.path, problem) from problem

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that sees one moment of the ledger throughout, text as bytes."""
        with told(self.path):
            connection = _connect(self.path, self.read_only, self.wait)
            try:
                connection.text_factory = bytes
                connection.execute("BEGIN")
                yield connection
            finally:
                connection.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that alone may write; all is kept, durably, or nothing is."""
        if self.read_only:
            raise TrialError(f"The ledger {self.path} was opened with `read_only`; open it anew.")
        handle, connection = take_lock(self.path, wait=self.wait), None
        try:
            connection = self.connection
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except BaseException as problem:  # a key pressed must not leave a lock behind either
            if connection is not None and connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            if isinstance(problem, sqlite3.Error):
                raise _clear(self.path, problem) from problem
            raise
        finally:
            leave_lock(handle)

    def close(self) -> None:
        """Close this process's connections; who closes last copies the log back into the file."""
        with ExitStack() as stack:
            if not self.read_only:
                with suppress(TrialError):  # where nothing can be written, nothing is copied
                    stack.enter_context(sole_writer(self.path, wait=self.wait))
            self.drop()
        forget_lock(self.path)

    def drop(self) -> None:
        """Close this process's connections, without waiting for other writers."""
        self._leave_behind(os.getpid())
        while self.connections:
            with told(self.path):
                self.connections.popitem()[1].close()

    def _leave_behind(self, process: int) -> None:
        others = [key for key in self.connections if key[0] != process]
        _INHERITED.extend(self.connections.pop(key) for key in others)


def _connect(path: Path, read_only: bool, wait: float) -> sqlite3.Connection:  # noqa: FBT001
    address = f"file:{urllib.parse.quote(str(path.absolute()))}"
    if not read_only:
        return _tuned(f"{address}?mode=rw", wait)
    try:
        connection = _tuned(f"{address}?mode=ro", wait)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except BaseException:
            connection.close()
            raise
    except sqlite3.OperationalError:
        # A copy in a folder that cannot be written: nobody else writes there either.
        beside = path.with_name(path.name + "-wal")
        if beside.exists() and beside.stat().st_size:
            raise
        return _tuned(f"{address}?mode=ro&immutable=1", wait)
    return connection


class _Connection(sqlite3.Connection):
    """Closes with the ledger that nobody closed; Python 3.13 warns of those left open."""

    def __del__(self) -> None:
        with suppress(sqlite3.Error):  # one that never opened
            self.close()


def _tuned(address: str, wait: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address,
        uri=True,
        timeout=wait,
        isolation_level=None,
        check_same_thread=False,
        factory=_Connection,
    )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # what a Mac needs for the same promise
    return connection


def create_file(path: Path) -> Store:
    """Make the empty file of a ledger, refusing to write over anything."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise TrialError(
            f"A ledger needs SQLite {'.'.join(map(str, OLDEST_SQLITE))} or later, and Python has "
            f"{sqlite3.sqlite_version}; install a newer Python."
        )
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        sync_folder(path.parent)
    except FileExistsError as problem:
        raise OutputRefused(
            f"The ledger {path} is there already; open it, or give `path` another place."
        ) from problem
    except OSError as problem:
        raise OutputRefused(
            f"The ledger {path} cannot be written: {problem.strerror}."
        ) from problem
    store = Store(path=path)
    with told(path):
        store.connection.execute(f"PRAGMA page_size = {PAGE}")
        mode = store.connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise OutputRefused(
                f"{path} is on a file system without shared memory (a network drive?); keep the "
                "ledger on a disk of the machine that allocates."
            )
    return store


def remove_file(store: Store) -> None:
    """Remove a ledger that could not be begun."""
    with suppress(TrialError):
        store.close()
    for ending in ("", "-wal", "-shm", ".lock"):
        with suppress(OSError):
            store.path.with_name(store.path.name + ending).unlink()


def open_file(path: Path, *, read_only: bool) -> Store:
    """Open the file of a ledger that is there."""
    if not _is_file(path):
        raise InvalidData(f"There is no ledger at {path}; create one, or correct `path`.")
    store = Store(path=path, read_only=read_only)
    try:
        with store.reading() as connection:
            _check_tables(connection, path)
    except BaseException:
        with suppress(TrialError):
            store.drop()
        raise
    return store


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as problem:
        raise OutputRefused(
            f"The ledger {path} cannot be reached: {problem.strerror}."
        ) from problem


def _check_tables(connection: sqlite3.Connection, path: Path) -> None:
    tables = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE name IN ('entry', 'tip')"
    ).fetchone()[0]
    if tables != 2:
        raise InvalidData(
            f"{path} holds no ledger; if its creation was cut short, remove it and its key, "
            "and create it anew."
        )


BUSY, READ_ONLY, IO, CORRUPT, FULL, CANNOT_OPEN, PROTOCOL, CONSTRAINT, NOT_A_DATABASE = (
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR),
    *(sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN),
    *(sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_NOTADB),
)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours; whatever was asked for was not recorded."""
    try:
        yield
    except sqlite3.Error as problem:
        raise _clear(path, problem) from problem


def _clear(path: Path, problem: sqlite3.Error) -> TrialError:
    code = (getattr(problem, "sqlite_errorcode", None) or 0) & 0xFF
    kept = "What it held before is kept; put this right and ask again."
    if code in (BUSY, sqlite3.SQLITE_LOCKED, PROTOCOL):
        return TrialError(
            f"The ledger {path} was kept locked by another process for {WAIT:g} seconds; find "
            "what holds it and ask again."
        )
    if code == FULL:
        return OutputRefused(f"The disk of the ledger {path} is full. {kept}")
    if code in (READ_ONLY, sqlite3.SQLITE_PERM):
        return OutputRefused(f"The ledger {path} may not be written to ({problem}). {kept}")
    if code in (IO, CANNOT_OPEN):
        return OutputRefused(f"The ledger {path} cannot be read or written ({problem}). {kept}")
    if code == NOT_A_DATABASE:
        return InvalidData(f"{path} is no ledger ({problem}); correct `path`.")
    if code == CONSTRAINT:
        return InvalidData(f"The ledger {path} refused an entry ({problem}); verify it.")
    return InvalidData(
        f"The ledger {path} is damaged ({problem}); verify it, and go back to a copy."
    )
