"""What is done to a table as exported until it can be read, and how it is told."""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from checkpoint_eval._checks import counted
from checkpoint_eval.errors import InvalidData

WORDS = {"yes": "1", "y": "1", "true": "1", "no": "0", "n": "0", "false": "0"}
BITS = {"0": "0", "1": "1"}
GROUPED = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
# Day first, as in Britain; a day that is no day is refused rather than read month first.
DAY_FIRST = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})( 00:00(:00)?)?")
ISO = re.compile(r"\d{4}-\d{2}-\d{2}([ T]00:00(:00)?)?")
MOST_LABELS = 20
MISSING = ("", "NA")


def tidied(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return a table of texts as `read_people` and `Trial` want it, and every change in words."""
    told: list[str] = []
    columns = {}
    for name in frame.columns:
        texts = frame[name]
        for change in (_trimmed, _yes_as_one, _spelt_once, _ungrouped, _dates):
            texts, said = change(texts)
            told += [f"{name!r}: {said}"] if said else []
        columns[name] = texts
    return pd.DataFrame(columns, dtype=object), told


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


def _dates(texts: pd.Series) -> Changed:
    known = _known(texts)
    if not known or not all(DAY_FIRST.fullmatch(text) or ISO.fullmatch(text) for text in known):
        return texts, ""
    after, number = _replaced(texts, _iso)
    _refuse_no_day(after, texts)
    if not number:
        return texts, ""
    example = next(text for text in known if _iso(text) != text)
    return after, f"{counted(number, 'date')}, day first: {example!r} is now {_iso(example)}"


def _iso(text: str) -> str:
    found = DAY_FIRST.fullmatch(text)
    if found is None:
        return text[:10]
    day, month, year = found.group(1, 2, 3)
    return f"{year}-{int(month):02}-{int(day):02}"


def _days(texts: pd.Series) -> pd.Series:
    """Return days; no day where the text is none."""
    kept = texts.where(~texts.isin(MISSING), None)
    return pd.to_datetime(kept, format="%Y-%m-%d", errors="coerce")


def _refuse_no_day(iso: pd.Series, texts: pd.Series) -> None:
    wrong = _days(iso).isna() & ~iso.isin(MISSING)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InvalidData(
            f"Column {texts.name!r} holds dates, but row {texts.index[row]} of the sheet has "
            f"{texts.iloc[row]!r}; dates are read day/month/year, so write it that way or as "
            "2026-01-31."
        )


def with_duration(
    frame: pd.DataFrame, *, start: str, event: str, until: str | None, days: int | None
) -> tuple[pd.DataFrame, list[str]]:
    """Return the table with two more columns: days from start to event, and whether it was seen.

    Follow-up ends on `until`, after `days` days, or on whichever comes first.
    """
    began, happened = _date_column(frame, start), _date_column(frame, event)
    followed = pd.Series(np.inf if days is None else float(days), index=frame.index)
    if until is not None:
        last = (pd.Timestamp(until) - began).dt.days
        followed = followed.clip(upper=last)
        _refuse(last < 0, f"{start!r} is after {until}, the last day the records cover")
    after = (happened - began).dt.days.astype(float)
    _refuse(after < 0, f"{event!r} is before {start!r}")
    seen = after <= followed
    time = after.where(seen, followed).where(began.notna())
    noun = _noun(event)
    new = {f"days to {noun}": time, noun: seen.astype(float).where(began.notna())}
    for name in new:
        if name in frame.columns:
            raise InvalidData(f"The table has a column {name!r} already; rename it.")
    late = int((after > followed).sum())
    told = [f"{', '.join(map(repr, new))}: from {start!r} to {event!r}; {int(seen.sum()):,} seen"]
    told += [f"{counted(late, 'event')} after the end of follow-up not counted"] if late else []
    unknown = int(began.isna().sum())
    told += (
        [f"{counted(unknown, 'person', 'people')} without {start!r}: unknown"] if unknown else []
    )
    made = {name: _whole(values) for name, values in new.items()}
    return frame.assign(**made), told


def _date_column(frame: pd.DataFrame, name: str) -> pd.Series:
    texts = frame[name]
    known = _known(texts)
    if not known or not all(ISO.fullmatch(text) for text in known):
        some = next((text for text in known if not ISO.fullmatch(text)), "nothing")
        raise InvalidData(
            f"Column {name!r} must hold dates such as 31/01/2026 or 2026-01-31, got {some!r}."
        )
    _refuse_no_day(texts, texts)
    return _days(texts)


def _refuse(wrong: pd.Series, what: str) -> None:
    if wrong.any():
        row = wrong.index[int(np.argmax(wrong))]
        more = f" and {int(wrong.sum()) - 1:,} more" if wrong.sum() > 1 else ""
        raise InvalidData(f"In row {row} of the sheet{more} {what}; correct it.")


def _noun(column: str) -> str:
    """Return what happened on a date: "first offence" of "Date of first offence"."""
    words = re.sub(r"[\W_]+", " ", column).strip().casefold()
    return re.sub(r"^date( of)? | date$", "", words) or words


def _whole(numbers: pd.Series) -> pd.Series:
    return numbers.map(lambda number: "" if np.isnan(number) else str(int(number))).astype(object)
