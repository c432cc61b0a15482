"""A bar over anything that takes more than a second, where somebody can see it."""

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeVar

Item = TypeVar("Item")

DELAY = 1.0  # seconds before a bar appears


def watched(steps: Iterable[Item], told: str = "", *, total: int | None = None) -> Iterable[Item]:
    """Return the same steps; a bar moves with them once they take longer than a second.

    On stderr, in a terminal or notebook only, and gone when done. The environment variable
    TQDM_DISABLE=1 switches it off.
    """
    return _bar(steps, told, total) if _seen() else steps


@contextmanager
def counting(told: str, *, total: int, shown: bool = True) -> Iterator[Callable[[], None]]:
    """Yield what is called after each step, for work that is no plain loop."""
    if not shown or not _seen():
        yield lambda: None
        return
    with _bar(None, told, total) as bar:
        yield bar.update


def _seen() -> bool:
    """Return whether somebody can see a bar: a terminal, or a notebook's kernel."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return terminal or "ipykernel" in sys.modules


def _bar(steps: Iterable[Any] | None, told: str, total: int | None) -> Any:
    # Loaded only now: it costs more than many an analysis. A notebook without widgets has a bar of
    # text, which needs no warning.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        tqdm = import_module("tqdm.auto").tqdm
    return tqdm(steps, desc=told or None, total=total, delay=DELAY, leave=False)
