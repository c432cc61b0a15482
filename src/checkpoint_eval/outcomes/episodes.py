"""Repeated events: intervals at risk, from one event to the next."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from checkpoint_eval import _frames
from checkpoint_eval._arrays import NO_FLAGS, BoolArray, FloatArray, IntArray, frozen
from checkpoint_eval._checks import as_floats, check_count, counted
from checkpoint_eval._display import Shown
from checkpoint_eval._frames import at_row
from checkpoint_eval.design.protocol import check_unit
from checkpoint_eval.errors import InvalidData
from checkpoint_eval.outcomes.observed import Provenance


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Episodes(Shown):
    """Counting-process intervals of everybody: from one reoffence to the next.

    Gaps between a person's intervals are times not at risk, such as custody.

    Attributes
    ----------
    person : (m,) int
        Row of the assignment.
    start, stop : (m,) float
        In `unit` since the index day; an event happens at `stop`.
    event : (m,) bool
    people : int
    unit : str
    missing : (n,) bool
        People whose records are unknown; they have no intervals.
    terminal : (n,) bool
        Whether what ended the person's follow-up, such as death, lets no further event happen.
        Nobody by default.
    end : (n,) float
        When each person's follow-up ended, NaN where `missing`. By default at the end of their last
        interval; later for someone who was last seen, or died, while not at risk.
    provenance : Provenance, optional

    Raises
    ------
    InvalidData
        For intervals without length, or that overlap in one person; for follow-up that ends before
        the last interval.

    Examples
    --------
    >>> Episodes(
    ...     person=[0, 0, 1], start=[0, 9, 0], stop=[9, 30, 30], event=[1, 0, 0], people=2
    ... )
    Episodes(2 people, 3 intervals, 1 event, days)
    """

    person: IntArray
    start: FloatArray
    stop: FloatArray
    event: BoolArray
    people: int
    unit: str = "days"
    missing: BoolArray = field(default_factory=lambda: NO_FLAGS)
    terminal: BoolArray = field(default_factory=lambda: NO_FLAGS)
    end: FloatArray = field(default_factory=lambda: np.zeros(0))
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        check_unit(self.unit)
        check_count(self.people, "people")
        missing = self.missing if np.size(self.missing) else np.zeros(self.people, dtype=bool)
        object.__setattr__(self, "missing", frozen(missing, bool))
        for name in ("person", "start", "stop", "event"):
            object.__setattr__(self, name, frozen(_numbers(getattr(self, name), name)))
        object.__setattr__(self, "person", frozen(self.person, np.int64))
        object.__setattr__(self, "event", frozen(self.event, bool))
        sizes = {getattr(self, name).size for name in ("person", "start", "stop", "event")}
        if len(sizes) > 1 or self.missing.size != self.people:
            raise InvalidData(
                "`person`, `start`, `stop` and `event` need one value for each interval, and "
                "`missing` one for each person."
            )
        if self.person.size and not (
            (self.person >= 0).all() and (self.person < self.people).all()
        ):
            raise InvalidData(f"`person` must be a row from 0 to {self.people - 1}.")
        if self.person.size and self.missing[self.person].any():
            row = int(self.missing[self.person].argmax())
            raise InvalidData(
                f"Interval {row} is of person {int(self.person[row])}, who is `missing`; someone "
                "whose records are unknown has no intervals."
            )
        wrong = np.flatnonzero(
            ~((self.start >= 0) & (self.stop > self.start) & (self.stop < np.inf))
        )
        if wrong.size:
            row = int(wrong[0])
            raise InvalidData(
                f"Interval {row} runs from {self.start[row]:g} to {self.stop[row]:g}; it must have "
                "a length above 0."
            )
        order = np.lexsort((self.start, self.person))
        same = self.person[order][1:] == self.person[order][:-1]
        over = np.flatnonzero(same & (self.start[order][1:] < self.stop[order][:-1]))
        if over.size:
            one, other = order[over[0]], order[over[0] + 1]
            raise InvalidData(
                f"Intervals {int(one)} and {int(other)} of one person overlap "
                f"({self.start[one]:g} to {self.stop[one]:g}, and {self.start[other]:g} to "
                f"{self.stop[other]:g}); nobody is at risk twice at once."
            )
        end = _ends(self)
        object.__setattr__(self, "terminal", frozen(_terminal(self, np.isnan(end)), bool))
        object.__setattr__(self, "end", frozen(np.where(np.isnan(end) & ~self.missing, 0.0, end)))

    @classmethod
    def from_frame(
        cls,
        table: object,
        *,
        ids: Sequence[object] | np.ndarray[Any, np.dtype[np.str_]],
        id: str,  # noqa: A002 - as in `Trial.from_frame`
        start: str,
        stop: str,
        event: str,
        unit: str = "days",
        terminal: str | None = None,
    ) -> "Episodes":
        """Read episodes from a long table, one row an interval at risk.

        Parameters
        ----------
        table : pandas, polars or pyarrow table
        ids : (n,) of identifiers
            Of everybody in the trial, as `Trial.ids`. Who has no row is `missing`: someone followed
            without an event has one interval, without one.
        id, start, stop, event : str
            Columns: whose interval it is, from when, until when, and 0/1 whether an event ended it.
        unit : str
        terminal : str, optional
            Column of 0/1: whether the interval ended with what lets no further event happen, such
            as death. Only a person's last interval can.

        Returns
        -------
        Episodes

        Raises
        ------
        UnknownColumn
            For a column that is not in the table.
        InvalidData
            For somebody who is not among `ids`, for empty cells, and as `Episodes`.

        Examples
        --------
        >>> import pandas as pd
        >>> rows = pd.DataFrame(
        ...     {"id": ["a", "a", "c"], "from": [0, 9, 0], "to": [9, 30, 30], "again": [1, 0, 0]}
        ... )
        >>> found = Episodes.from_frame(
        ...     rows, ids=["a", "b", "c"], id="id", start="from", stop="to", event="again"
        ... )
        >>> found, found.missing.tolist()
        (Episodes(3 people, 3 intervals, 1 event, days), [False, True, False])
        """
        names = {"id": id, "start": start, "stop": stop, "event": event}
        names |= {} if terminal is None else {"terminal": terminal}
        read = _complete_columns(table, names)
        known = np.asarray(ids).astype(str)
        person = _rows_of(_frames.text(read["id"]), known, id)
        ends = _frames.numbers(read["stop"], role="stop")
        ended = np.zeros(person.size, dtype=bool)
        if terminal is not None:
            ended = _frames.flags(read["terminal"], role="terminal") == 1
        last = np.full(known.size, -np.inf)
        np.maximum.at(last, person, ends)
        early = np.flatnonzero(ended & (ends < last[person]))
        if early.size:
            raise InvalidData(
                f"Column {terminal!r} is 1 at {at_row(int(early[0]))} (person "
                f"{str(known[person[early[0]]])!r}), who is at risk later; only a person's last "
                "interval can end for good."
            )
        return cls(
            person=person,
            start=_frames.numbers(read["start"], role="start"),
            stop=ends,
            event=_frames.flags(read["event"], role="event") == 1,
            people=known.size,
            unit=unit,
            missing=np.bincount(person, minlength=known.size) == 0,
            terminal=np.bincount(person[ended], minlength=known.size) > 0,
        )

    @property
    def counts(self) -> IntArray:
        """(n,) events of each person."""
        return np.bincount(self.person[self.event], minlength=self.people).astype(np.int64)

    def to_frame(self) -> pd.DataFrame:
        """Return one row an interval."""
        return pd.DataFrame(
            {"person": self.person, "start": self.start, "stop": self.stop, "event": self.event}
        )

    def __repr__(self) -> str:
        gone = int(self.terminal.sum())
        return (
            f"Episodes({counted(self.people, 'person', 'people')}, "
            f"{counted(self.person.size, 'interval')}, {counted(int(self.event.sum()), 'event')}, "
            f"{f'{gone} terminal, ' if gone else ''}{self.unit})"
        )


def _complete_columns(table: object, names: dict[str, str]) -> dict[str, nw.Series[Any]]:
    """Return the columns; an interval without all of them is refused."""
    frame = _frames.read_table(table)
    columns = {part: _frames.column(frame, name, role=part) for part, name in names.items()}
    for part, series in columns.items():
        empty = _frames.missing_mask(series)
        if empty.any():
            raise InvalidData(
                f"The {part} column {series.name!r} is missing at {at_row(int(empty.argmax()))} "
                f"({counted(int(empty.sum()), 'such row')}); fill it in, or leave out every row of "
                "somebody whose records are unknown."
            )
    return columns


def _rows_of(
    found: np.ndarray[Any, np.dtype[np.str_]], ids: np.ndarray[Any, np.dtype[np.str_]], column: str
) -> IntArray:
    """Return where in `ids` each identifier stands."""
    if not ids.size:
        raise InvalidData("`ids` names nobody; give the identifiers of everybody in the trial.")
    order = np.argsort(ids, kind="stable")
    repeated = ids[order][1:][ids[order][1:] == ids[order][:-1]]
    if repeated.size:
        raise InvalidData(f"`ids` repeat {str(repeated[0])!r}; give everybody one of their own.")
    place = order[np.minimum(np.searchsorted(ids[order], found), ids.size - 1)]
    strange = np.flatnonzero(ids[place] != found)
    if strange.size:
        row = int(strange[0])
        raise InvalidData(
            f"The id column {column!r} holds {str(found[row])!r} at {at_row(row)} "
            f"({counted(strange.size, 'such row')}), who is not among `ids`; leave out rows of "
            "people who are not in the trial."
        )
    return place.astype(np.int64)


def _numbers(values: object, name: str) -> FloatArray:
    """Return values as floats; whole numbers for people, 0 or 1 for events and ends for good."""
    found = as_floats(values, name)
    if name == "person" and not (found == np.floor(found)).all():
        raise InvalidData("`person` must hold whole numbers, rows of the assignment.")
    if name in ("event", "terminal") and not np.isin(found, (0, 1)).all():
        each = "interval" if name == "event" else "person"
        raise InvalidData(f"`{name}` must be 0 or 1, or False or True, for each {each}.")
    return found


def _ends(seen: Episodes) -> FloatArray:
    """Return (n,) ends of follow-up, as given or of the last interval; NaN where unknown."""
    last = np.full(seen.people, np.nan)
    np.fmax.at(last, seen.person, seen.stop)
    end = _numbers(seen.end, "end")
    if not end.size:
        return last
    _check_each(end, seen, "end")
    wrong = np.flatnonzero(~seen.missing & ~((end >= np.nan_to_num(last)) & (end < np.inf)))
    if wrong.size:
        who = int(wrong[0])
        raise InvalidData(
            f"`end` of person {who} is {end[who]:g}; it must be a finite time from "
            f"{np.nan_to_num(last[who]):g} on, when they were last at risk."
        )
    if (seen.missing & ~np.isnan(end)).any():
        who = int((seen.missing & ~np.isnan(end)).argmax())
        raise InvalidData(f"`end` of person {who}, who is `missing`, must be NaN.")
    return end


def _terminal(seen: Episodes, unseen: BoolArray) -> BoolArray:
    """Return (n,) whose follow-up ended for good; refuse those who were never followed."""
    terminal = _numbers(seen.terminal, "terminal") > 0
    if not terminal.size:
        return np.zeros(seen.people, dtype=bool)
    _check_each(terminal, seen, "terminal")
    if (terminal & unseen).any():
        who = int((terminal & unseen).argmax())
        known = "is `missing`" if seen.missing[who] else "has no interval"
        raise InvalidData(
            f"Person {who} is `terminal` but {known}; say in `end` when the follow-up of someone "
            "known ended."
        )
    return terminal


def _check_each(values: FloatArray | BoolArray, seen: Episodes, name: str) -> None:
    if values.shape != seen.missing.shape:
        raise InvalidData(
            f"`{name}` needs one value for each person; got {values.size} for "
            f"{counted(seen.people, 'person', 'people')}."
        )
