"""One writer at a time: a lock that waits, and that the system lifts when its holder dies."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from checkpoint_eval.errors import OutputRefused, TrialError

try:
    import fcntl
except ImportError:  # Windows: SQLite's own lock serves alone
    fcntl = None  # type: ignore[assignment]

SHORTEST, LONGEST = 0.0005, 0.02  # seconds between two tries
# Lock files by process, thread and place, kept open as opening costs as much as locking.
_HANDLES: dict[tuple[int, int, Path], int] = {}


@contextmanager
def sole_writer(ledger: Path, *, wait: float) -> Iterator[None]:
    """Hold the ledger's lock, waiting for others at most `wait` seconds."""
    handle = take_lock(ledger, wait=wait)
    try:
        yield
    finally:
        leave_lock(handle)


def take_lock(ledger: Path, *, wait: float) -> int:
    """Take the ledger's lock, waiting for others at most `wait` seconds; return what holds it.

    SQLite locks by itself, but up to version 3.51.2 its write-ahead log can be damaged when one
    process copies the log back while another starts it anew (sqlite.org/wal.html#walresetbug).
    Both happen under this lock. It is a file of its own, as closing a file that SQLite has open
    would lift SQLite's locks.
    """
    if fcntl is None:
        return 0
    handle = _handle_of(ledger)
    _wait_for(handle, ledger, wait)
    return handle


def leave_lock(handle: int) -> None:
    """Lift a lock that was taken."""
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_UN)


def _handle_of(ledger: Path) -> int:
    here = (os.getpid(), threading.get_ident(), ledger)
    if here not in _HANDLES:
        file = ledger.with_name(ledger.name + ".lock")
        try:
            _HANDLES[here] = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise OutputRefused(
                f"The ledger {ledger} may not be written to: {file} cannot be opened "
                f"({problem.strerror})."
            ) from problem
    return _HANDLES[here]


def forget_lock(ledger: Path) -> None:
    """Close the lock files this thread opened for a ledger."""
    handle = _HANDLES.pop((os.getpid(), threading.get_ident(), ledger), None)
    if handle is not None:
        os.close(handle)


def _close_inherited() -> None:
    """Close what a parent opened: a lock lasts as long as any process has its file open."""
    while _HANDLES:
        os.close(_HANDLES.popitem()[1])


if fcntl is not None:
    os.register_at_fork(after_in_child=_close_inherited)


def _wait_for(handle: int, ledger: Path, wait: float) -> None:
    end, pause = time.monotonic() + wait, SHORTEST
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            if time.monotonic() > end:
                raise TrialError(
                    f"The ledger {ledger} was kept locked by another process for {wait:g} "
                    "seconds; find what holds it and ask again."
                ) from problem
            time.sleep(pause)
            pause = min(2 * pause, LONGEST)
        else:
            return
