"""A duration made of dates: to a date beside the person, or to the first in a table of events."""

import re

import numpy as np
import pandas as pd

from checkpoint_eval._checks import counted
from checkpoint_eval.cli_dates import date_column
from checkpoint_eval.errors import InvalidData

Told = tuple[pd.DataFrame, list[str]]


def one_row_each(frame: pd.DataFrame, *, id: str) -> Told:  # noqa: A002 - as in `read_people`
    """Return a table of people without rows that are word for word another's.

    Raises
    ------
    InvalidData
        When somebody has no identifier, or rows that differ.
    """
    ids = frame[id]
    if (ids == "").any():
        raise InvalidData(f"Column {id!r} is empty in row {(ids == '').idxmax()} of the sheet.")
    again = frame.duplicated()
    left = frame[~again]
    twice = left[id][left[id].duplicated()]
    if twice.size:
        person, other = str(twice.iloc[0]), twice.index[0]
        one = left.index[left[id] == person][0]
        same = left.loc[one].eq(left.loc[other])
        parts = ", ".join(repr(name) for name in same.index[~same])
        raise InvalidData(
            f"Rows {one} and {other} of the sheet are both {id} {person!r}, but differ in {parts}; "
            "a table of people has one row a person: keep one."
        )
    if not again.any():
        return left, []
    rows = frame[again]
    return left, [
        f"{counted(len(rows), 'row')} left out that another row repeats word for word, the first "
        f"of them row {rows.index[0]} ({rows[id].iloc[0]})"
    ]


def first_events(
    frame: pd.DataFrame,
    events: pd.DataFrame,
    *,
    id: str,  # noqa: A002
    start: str,
    event: str,
) -> tuple[pd.Series, list[str]]:
    """Return the day of each person's first event after the day of `start`, and what was left out.

    Parameters
    ----------
    frame : DataFrame
        One row a person.
    events : DataFrame
        One row an event, of people named by the same `id`.
    id, start, event : str
        Columns; `start` is of `frame`, `event` of `events`.
    """
    began = pd.Series(date_column(frame, start).to_numpy(), index=frame[id].to_numpy())
    happened = date_column(events, event)
    known = events[id].isin(began.index)
    after = happened > events[id].map(began)
    told = [
        f"{counted(int(number), 'row')} {why} not counted"
        for number, why in (
            ((~known).sum(), f"of people ({id}) who are not in the table"),
            ((known & happened.isna()).sum(), f"without {event!r}"),
            ((known & happened.notna() & ~after).sum(), f"on the day of {start!r} or before it"),
        )
        if number
    ]
    if not known.any():
        raise InvalidData(
            f"No {id!r} of the events ({events[id].iloc[0]!r}, ...) is in the table of people "
            f"({frame[id].iloc[0]!r}, ...); both must write it in the same way."
        )
    first = happened[after].groupby(events.loc[after, id]).min()
    return pd.Series(frame[id].map(first).to_numpy(), index=frame.index), told


def with_duration(
    frame: pd.DataFrame,
    happened: pd.Series | None,
    *,
    start: str,
    event: str,
    until: str | None,
    days: int | None,
) -> Told:
    """Return the table with two more columns: days from start to event, and whether it was seen.

    `happened` has the days of the events; None where they stand in the column `event`. Follow-up
    ends on `until`, after `days` days, or on whichever comes first.
    """
    began = date_column(frame, start)
    happened = date_column(frame, event) if happened is None else happened
    followed = _followed(began, until=until, days=days)
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


def _followed(began: pd.Series, *, until: str | None, days: int | None) -> pd.Series:
    """Return for how many days each person is followed."""
    followed = pd.Series(np.inf if days is None else float(days), index=began.index)
    if until is None:
        return followed.where(began.notna())
    last = (pd.Timestamp(until) - began).dt.days
    _refuse(last < 0, f"{began.name!r} is after {until}, the last day the records cover")
    return followed.where(began.notna()).clip(upper=last)


def intervals(
    frame: pd.DataFrame,
    events: pd.DataFrame,
    *,
    id: str,  # noqa: A002
    start: str,
    event: str,
    until: str | None,
    days: int | None,
) -> pd.DataFrame:
    """Return one row an interval at risk, from one event to the next, as `Episodes` reads them.

    Several events in one day are one. Who has no date of randomisation has no row.
    """
    began = date_column(frame, start)
    followed = _followed(began, until=until, days=days)
    ids = frame[id].to_numpy()
    people = pd.DataFrame({id: ids, "stop": followed.to_numpy(), "event": 0})
    randomised = events[id].map(pd.Series(began.to_numpy(), index=ids))
    after = (date_column(events, event) - randomised).dt.days
    within = (after > 0) & (after <= events[id].map(pd.Series(followed.to_numpy(), index=ids)))
    seen = pd.DataFrame({id: events.loc[within, id], "stop": after[within], "event": 1})
    rows = pd.concat([seen, people]).query("stop > 0").drop_duplicates([id, "stop"])
    order = pd.Series(range(len(ids)), index=ids)
    rows = rows.assign(place=rows[id].map(order)).sort_values(["place", "stop"])
    rows = rows.astype({"stop": int})
    return rows.assign(start=rows.groupby(id)["stop"].shift(fill_value=0))[
        [id, "start", "stop", "event"]
    ]


def _refuse(wrong: pd.Series, what: str) -> None:
    if wrong.any():
        row = wrong.index[int(np.argmax(wrong))]
        more = f" and {int(wrong.sum()) - 1:,} more" if wrong.sum() > 1 else ""
        raise InvalidData(f"In row {row} of the sheet{more} {what}; correct it.")


def _noun(column: str) -> str:
    """Return what happened on a date: "first offence" of "Date of first offence"."""
    words = re.sub(r"[\W_]+", " ", column).strip().casefold()
    return re.sub(r"^(date|dt)( of)? | (date|dt)$", "", words) or words


def _whole(numbers: pd.Series) -> pd.Series:
    return numbers.map(lambda number: "" if np.isnan(number) else str(int(number))).astype(object)
