"""Writing so that an interruption leaves the old or the new, never a half."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
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
        raise OutputRefused(f"{target} cannot be written: {problem.strerror}.") from problem
    finally:
        draft.unlink(missing_ok=True)


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
        raise OutputRefused(f"{target} cannot be written: {problem.strerror}.") from problem
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
