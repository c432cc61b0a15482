"""What is done to a table as exported until it can be read, and how it is told."""

import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path

import pandas as pd

from checkpoint_eval._checks import check_known, counted
from checkpoint_eval.cli_dates import MISSING, as_iso
from checkpoint_eval.cli_sheets import read_sheet
from checkpoint_eval.errors import InvalidData

WORDS = {"yes": "1", "y": "1", "true": "1", "no": "0", "n": "0", "false": "0"}
BITS = {"0": "0", "1": "1"}
GROUPED = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
MOST_LABELS = 20


def tidied(
    frame: pd.DataFrame,
    *,
    month_first: Collection[str] = (),
    id: str | None = None,  # noqa: A002 - as in `read_people`
) -> tuple[pd.DataFrame, list[str]]:
    """Return a table of texts as `read_people` and `Trial` want it, and every change in words.

    Identifiers lose blanks and nothing else: "a1" and "A1", "Y" and "1" may be two people.
    """
    told: list[str] = []
    columns = {}
    for name in frame.columns:
        texts = frame[name]
        dated = partial(as_iso, month_first=name in month_first)
        changes = (_trimmed, _yes_as_one, dated, _spelt_once, _ungrouped)
        for change in changes[:1] if name == id else changes:
            texts, said = change(texts)
            told += [f"{name!r}: {said}"] if said else []
        columns[name] = texts
    return pd.DataFrame(columns, dtype=object), told


def read_tidied(
    data: Path,
    events: Path | None,
    *,
    month_first: Collection[str],
    id: str | None,  # noqa: A002
) -> tuple[list[pd.DataFrame], list[str]]:
    """Return the table, and that of events where there is one, tidied, with every change in words.

    Raises
    ------
    UnknownColumn
        For a column of `month_first` that no table has.
    """
    sheets = [read_sheet(file) for file in (data, events) if file is not None]
    names = [str(name) for frame, _ in sheets for name in frame.columns]
    for name in month_first:
        check_known(name, names, what="--month-first: column")
    told: list[str] = []
    tables = []
    for place, (frame, read) in enumerate(sheets):
        where = f"{events.name}, " if place and events is not None else ""
        try:
            table, changed = tidied(frame, month_first=month_first, id=id)
        except InvalidData as problem:
            raise InvalidData(f"{where}{problem}") from problem
        tables.append(table)
        told += [f"{where}{line}" for line in read + changed]
    return tables, told


def refuse_unknown(frame: pd.DataFrame, options: Mapping[str, str | None]) -> None:
    """Refuse an option that names a column which the table has not."""
    for option, name in options.items():
        if name is not None:
            check_known(name, list(frame.columns), what=f"{option}: column")


Changed = tuple[pd.Series, str]


def _known(texts: pd.Series) -> list[str]:
    return [str(text) for text in texts.unique() if text not in MISSING]


def _replaced(texts: pd.Series, new: Callable[[str], str]) -> tuple[pd.Series, int]:
    lookup = {text: new(text) for text in _known(texts)}
    after = texts.map(lambda text: lookup.get(text, text))
    return after, int((after != texts).sum())


def _trimmed(texts: pd.Series) -> Changed:
    after = texts.map(lambda text: " ".join(text.split()))
    number = int((after != texts).sum())
    return after, f"{counted(number, 'cell')} with blanks too many" if number else ""


def _spelt_once(texts: pd.Series) -> Changed:
    """Write a category as it is most often written."""
    labels = _known(texts)
    if len({label.casefold() for label in labels}) > MOST_LABELS:
        return texts, ""
    counts = texts.value_counts()
    best: dict[str, str] = {}
    for label in sorted(labels, key=lambda label: (-counts[label], label)):
        best.setdefault(label.casefold(), label)
    after, number = _replaced(texts, lambda label: best[label.casefold()])
    was = [
        f"{label!r} as {best[label.casefold()]!r}" for label in labels if label not in best.values()
    ]
    return after, f"{', '.join(was)} ({counted(number, 'cell')})" if number else ""


def _yes_as_one(texts: pd.Series) -> Changed:
    words = {text.casefold() for text in _known(texts)}
    if not words & set(WORDS) or not words <= {*WORDS, *BITS}:
        return texts, ""
    after, number = _replaced(texts, lambda text: (WORDS | BITS)[text.casefold()])
    return after, f"yes as 1 and no as 0 ({counted(number, 'cell')})"


def _ungrouped(texts: pd.Series) -> Changed:
    known = _known(texts)
    grouped = [text for text in known if GROUPED.fullmatch(text)]
    if not grouped or not all(GROUPED.fullmatch(text) or NUMBER.fullmatch(text) for text in known):
        return texts, ""
    after, number = _replaced(texts, lambda text: text.replace(",", ""))
    example = f"{grouped[0]!r} is now {grouped[0].replace(',', '')}"
    return after, f"commas of thousands out of {counted(number, 'number')}: {example}"
