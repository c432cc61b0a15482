"""Writing so that an interruption leaves the old or the new, never a half."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from checkpoint_eval.errors import OutputRefused


def write_file(target: Path, content: bytes) -> None:
    """Write a file under another name, flush it to disk and rename it into place."""
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except OSError as problem:
        raise _refused(target, problem) from problem
    finally:
        with suppress(OSError):  # nowhere to write, nothing to take away
            draft.unlink()


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target` that takes its place when all went well."""
    token = secrets.token_hex(4)
    draft = target.with_name(f".{target.name}.{token}.part")
    old = target.with_name(f".{target.name}.{token}.old")
    try:
        draft.mkdir(parents=True)
        yield draft
        if target.exists():
            target.rename(old)
        try:
            draft.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError as problem:
        raise _refused(target, problem) from problem
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)


def check_writable(target: Path) -> None:
    """Refuse, before any work, a place where nothing can be written after it.

    Raises
    ------
    OutputRefused
        With the remedy.
    """
    folder = _nearest(target)
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise _refused(target, PermissionError())


def _nearest(target: Path) -> Path:
    """Return the nearest folder above that is there."""
    return next(each for each in target.absolute().parents if _there(each))


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # in a folder that nobody may look into
        return False


def _refused(target: Path, problem: OSError) -> OutputRefused:
    """Return what stood in the way, and what to do about it."""
    folder = _nearest(target)
    if not folder.is_dir():
        remedy = f"{folder} is a file, not a folder; choose another place"
    elif isinstance(problem, PermissionError):
        remedy = (
            f"you may not write in {folder}, or a program has it open; close that, or choose "
            "another place"
        )
    elif isinstance(problem, FileNotFoundError):
        remedy = f"there is no folder {target.parent}; make it, or choose another place"
    else:
        remedy = f"{problem.strerror or problem}; choose another place"
    return OutputRefused(f"{target} cannot be written: {remedy}.")
