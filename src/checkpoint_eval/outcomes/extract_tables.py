"""The tables of a police extract as columns of codes and days."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, Self, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from checkpoint_eval._arrays import NO_CODES, BoolArray, FloatArray, IntArray
from checkpoint_eval._days import Days
from checkpoint_eval._display import Shown, columns_frame, named
from checkpoint_eval.outcomes.dates import NO_DAYS

Texts: TypeAlias = NDArray[np.str_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ExtractTable(Shown):
    """Rows of one table of an extract.

    Attributes
    ----------
    row : (m,) int
        The row of the extract each came from; empty when none was removed.
    """

    row: IntArray = field(default_factory=lambda: NO_CODES)

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, np.ndarray) and value.flags.writeable:
                # The reader made these arrays and keeps none, so a copy would only cost memory.
                view = value.view()
                view.setflags(write=False)
                object.__setattr__(self, each.name, view)

    @property
    def size(self) -> int:
        """How many rows."""
        raise NotImplementedError

    @property
    def rows(self) -> IntArray:
        """(m,) the row of the extract each came from."""
        return self.row if self.row.size else np.arange(self.size)

    @property
    def as_read(self) -> bool:
        """Whether the rows are still those of the extract, in its order."""
        return not self.row.size or np.array_equal(self.row, np.arange(self.size))

    def kept(self, mask: BoolArray) -> Self:
        """Return the rows where the mask is true."""
        columns: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, np.ndarray) and value.size == self.size and each.name != "row":
                columns[each.name] = value[mask]
        return replace(self, **columns, row=self.rows[mask])

    def to_frame(self) -> pd.DataFrame:
        """Return one row a record, codes by their names; `row` is that of the extract."""
        held = {each.name: getattr(self, each.name) for each in fields(self)}
        frame = columns_frame(
            self, *(name for name, each in held.items() if hasattr(each, "dtype"))
        )
        for name in frame.columns.intersection(["code", "kind", "pathway", "assessor"]):
            frame[name] = named(held[name], held[f"{name}s"])
        return frame.assign(row=self.rows)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Offences(ExtractTable):
    """Offences, one a row.

    Attributes
    ----------
    person : (m,) int
        Place of the person in `Records.ids`; -1 for an identifier that is not there.
    date : (m,) datetime64[D]
        When it was committed.
    code : (m,) int
        Into `codes`; -1 where unknown, empty when the extract does not say.
    codes : tuple of str
        Kinds of offence.
    recorded : (m,) datetime64[D]
        When the police recorded it; empty when the extract does not say.
    """

    person: IntArray
    date: Days
    code: IntArray = field(default_factory=lambda: NO_CODES)
    codes: tuple[str, ...] = ()
    recorded: Days = field(default_factory=lambda: NO_DAYS)

    @property
    def size(self) -> int:
        """How many offences."""
        return int(self.person.size)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Disposals(ExtractTable):
    """What came of offences, one a row; an offence may have several.

    Attributes
    ----------
    offence : (m,) int
        Row of `Records.offences`; -1 for an identifier that is not there.
    date : (m,) datetime64[D]
    kind : (m,) int
        Into `kinds`, -1 where unknown.
    kinds : tuple of str
        Such as "conviction" and "caution".
    """

    offence: IntArray
    date: Days
    kind: IntArray
    kinds: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many disposals."""
        return int(self.offence.size)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Custody(ExtractTable):
    """Spells in custody, one a row, from `start` to the day before `end`; NaT while still open."""

    person: IntArray
    start: Days
    end: Days

    @property
    def size(self) -> int:
        """How many spells."""
        return int(self.person.size)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Departures(ExtractTable):
    """Deaths and emigrations, one a row: when a person could no longer reoffend here.

    Attributes
    ----------
    person : (m,) int
        Place of the person in `Records.ids`; -1 for an identifier that is not there.
    date : (m,) datetime64[D]
        The last day they could have been seen.
    kind : (m,) int
        Into `kinds`, -1 where unknown.
    kinds : tuple of str
        Such as "death" and "emigration"; "unknown" for an empty cell of an extract.
    """

    person: IntArray
    date: Days
    kind: IntArray
    kinds: tuple[str, ...] = ("death",)

    @property
    def size(self) -> int:
        """How many departures."""
        return int(self.person.size)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Assessments(ExtractTable):
    """Assessments of critical pathways, one a row: person, pathway, when, how great the need.

    Attributes
    ----------
    person : (m,) int
        Place of the person in `Records.ids`; -1 for an identifier that is not there.
    date : (m,) datetime64[D]
    pathway : (m,) int
        Into `pathways`, -1 where unknown.
    pathways : tuple of str
    score : (m,) float
    assessor : (m,) int
        Who assessed, into `assessors`; -1 where unknown, empty when the extract does not say.
    assessors : tuple of str
    """

    person: IntArray
    date: Days
    pathway: IntArray
    pathways: tuple[str, ...]
    score: FloatArray
    assessor: IntArray = field(default_factory=lambda: NO_CODES)
    assessors: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many assessments."""
        return int(self.person.size)
