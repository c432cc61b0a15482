"""Dates as systems export them; a column that could be read in two ways is told of."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from checkpoint_eval._checks import counted
from checkpoint_eval.cli_reading import quoted
from checkpoint_eval.errors import InvalidData

MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
CLOCK = r"(?:(?:[ T]|, )(\d{1,2}:\d{2}(?::\d{2})?)(?:\.\d+)?)?"  # parts of a second go
ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})" + CLOCK)
SLASHED = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})" + CLOCK)
NAMED = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[ -]([a-z]{3,9})\.?,?[ -](\d{4})" + CLOCK, re.I)
NAME_FIRST = re.compile(r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})" + CLOCK, re.I)
SHORT_YEAR = re.compile(r"\d{1,2}([/. -])(?:\d{1,2}|[A-Za-z]{3})\1\d{2}")
MIDNIGHT = re.compile(r"0?0:00(?::00)?")
DAYS = re.compile(r"\d{4}-\d{2}-\d{2}(?: \d{1,2}:\d{2}(?::\d{2})?)?")
MISSING = ("", "NA")
EARLIEST, LATEST = "1900-01-01", "2100-01-01"  # as in police extracts


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A date as a cell writes it.

    Attributes
    ----------
    numbers : (int, int), optional
        Day and month as they stand, where nothing in the text says which is which.
    """

    year: int
    month: int
    day: int
    clock: str = ""
    numbers: tuple[int, int] | None = None

    @property
    def iso(self) -> str:
        """The day as 2026-01-31, with the time of day where it is not midnight."""
        day = f"{self.year:04}-{self.month:02}-{self.day:02}"
        return day if not self.clock or MIDNIGHT.fullmatch(self.clock) else f"{day} {self.clock}"

    @property
    def possible(self) -> bool:
        """Whether the calendar has the day."""
        try:
            date(self.year, self.month, self.day)
        except ValueError:
            return False
        return True


def written(text: str, *, month_first: bool = False) -> Written | None:
    """Return the date that a text tells; None where it is not written as one."""
    if found := ISO.fullmatch(text):
        year, number, day, clock = found.groups(default="")
        return Written(year=int(year), month=int(number), day=int(day), clock=clock)
    if found := SLASHED.fullmatch(text):
        one, other = int(found[1]), int(found[3])
        month, on = (one, other) if month_first else (other, one)
        return Written(
            year=int(found[4]), month=month, day=on, clock=found[5] or "", numbers=(one, other)
        )
    if found := NAMED.fullmatch(text):
        day, name, year, clock = found.groups(default="")
    elif found := NAME_FIRST.fullmatch(text):
        name, day, year, clock = found.groups(default="")
    else:
        return None
    named = _month(name)
    if named is None:
        return None
    return Written(year=int(year), month=named, day=int(day), clock=clock)


def _month(name: str) -> int | None:
    """Return the number of a month, written whole or by its first letters."""
    said = name.casefold()
    places = [place for place, month in enumerate(MONTHS, start=1) if month.startswith(said)]
    return places[0] if places else None


def as_iso(texts: pd.Series, *, month_first: bool) -> tuple[pd.Series, str]:
    """Return a column of dates as 2026-01-31, and what was done; any other column as it is.

    Raises
    ------
    InvalidData
        With the row and the remedy, for a day that the calendar does not have.
    """
    known = [str(text) for text in texts.unique() if text not in MISSING]
    found = {text: written(text, month_first=month_first) for text in known}
    dates = {text: date for text, date in found.items() if date is not None}
    if len(dates) < len(known) or not dates:
        return texts, _left(known, dates)
    _refuse_impossible(texts, dates, month_first=month_first)
    after = texts.map(lambda text: dates[text].iso if text in dates else text)
    number = int((after != texts).sum())
    if not number:
        return texts, ""
    example = next(text for text, date in dates.items() if date.iso != text)
    told = f"'{example}' is now {dates[example].iso}"
    return (
        after,
        f"{counted(number, 'date')}{_order(texts, dates, month_first=month_first)}: {told}",
    )


def _refuse_impossible(
    texts: pd.Series, dates: Mapping[str, Written], *, month_first: bool
) -> None:
    wrong = texts.isin([text for text, date in dates.items() if not date.possible])
    if not wrong.any():
        return
    text = str(texts[wrong].iloc[0])
    where = f"Column {texts.name!r} holds dates, but row {wrong.idxmax()} of the sheet has {text!r}"
    other = written(text, month_first=not month_first)
    if other is None or not other.possible:
        raise InvalidData(f"{where}, a day that the calendar has not; correct it.")
    if month_first:
        raise InvalidData(
            f"{where}, which has no such month; --month-first reads month/day/year: leave it out, "
            "or write that date as 2026-01-31."
        )
    days = next((each for each, date in dates.items() if date.numbers and date.numbers[0] > 12), "")
    if days:
        raise InvalidData(
            f"{where} and another {days!r}: day first and month first in one column cannot be told "
            "apart; write them as 2026-01-31."
        )
    raise InvalidData(
        f"{where}; dates are read day/month/year. If this column has the month first, add "
        f"--month-first {quoted(texts.name)}; else write that date as 2026-01-31."
    )


def _order(texts: pd.Series, dates: Mapping[str, Written], *, month_first: bool) -> str:
    """Say in which order dates were read, and aloud where nothing in the column tells it."""
    pairs = [date.numbers for date in dates.values() if date.numbers]
    if not pairs:
        return ""
    if month_first:
        return ", month first"
    if max(max(pair) for pair in pairs) > 12 or all(one == other for one, other in pairs):
        return ", day first"
    return (
        ", day first, though no day is above 12 and nothing tells it from month first (if it is "
        f"that, add --month-first {quoted(texts.name)})"
    )


def _left(known: Sequence[str], dates: Iterable[str]) -> str:
    """Say why a column that looks like dates is left as it is."""
    held = set(dates)
    odd = [text for text in known if text not in held]
    if odd and all(SHORT_YEAR.fullmatch(text) for text in odd):
        return f"left as it is: the year of {odd[0]!r} has two digits; export it with four"
    if len(held) > len(odd):
        return f"left as it is: {odd[0]!r} is no date, though most are; empty it or correct it"
    return ""


def days_of(texts: pd.Series) -> pd.Series:
    """Return days; no day where the text is none."""
    kept = texts.where(~texts.isin(MISSING), None).str.slice(0, 10)
    return pd.to_datetime(kept, format="%Y-%m-%d", errors="coerce")


def date_column(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return the days of a column that must hold dates.

    Raises
    ------
    InvalidData
        With what it holds instead.
    """
    texts = frame[name]
    known = [str(text) for text in texts.unique() if text not in MISSING]
    wrong = [text for text in known if not DAYS.fullmatch(text)]
    if wrong or not known:
        raise InvalidData(
            f"Column {name!r} must hold dates such as 31/01/2026, 31 Jan 2026 or 2026-01-31, got "
            f"{wrong[0] if wrong else 'nothing'!r}."
        )
    far = texts.isin([text for text in known if not EARLIEST <= text[:10] < LATEST])
    if far.any():
        raise InvalidData(
            f"Column {name!r} is {texts[far].iloc[0]!r} in row {far.idxmax()} of the sheet "
            f"({int(far.sum()):,} such); a date before 1900 or after 2100 stands for an unknown "
            "one: leave it empty."
        )
    return days_of(texts)
