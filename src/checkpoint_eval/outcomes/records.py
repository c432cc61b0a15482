"""Police extracts: people, offences, disposals, custody, departures and pathway assessments."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from checkpoint_eval._arrays import frozen
from checkpoint_eval._checks import check_path, counted
from checkpoint_eval._days import Days
from checkpoint_eval._display import Shown
from checkpoint_eval._memory import remembered
from checkpoint_eval.errors import InvalidData, TrialError
from checkpoint_eval.outcomes.dates import NO_DAYS
from checkpoint_eval.outcomes.extract_tables import (
    Assessments,
    Custody,
    Departures,
    Disposals,
    Offences,
    Texts,
)
from checkpoint_eval.outcomes.reading_extracts import Given, read_tables
from checkpoint_eval.outcomes.reading_folders import folder_tables

# Columns that extracts could not have at first: where they are not told the seal is as it was.
LATER = ("assessor", "assessors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair(Shown):
    """One change to records that somebody asked for, and what it did.

    Attributes
    ----------
    rule, table : str
    rows : int
        Rows removed or changed.
    """

    rule: str
    table: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False, weakref_slot=True)
class Records(Shown):
    """What the police know of people, up to the day of the extract.

    Make one with `Records.from_tables` or `Records.from_folder`.

    Attributes
    ----------
    ids : (n,) str
        Identifiers of people, as first met.
    born : (n,) datetime64[D]
        NaT where unknown; empty when the extract does not say.
    offences, disposals, custody, departures, assessments
        The other tables; those not given are empty.
    extract_date : datetime64[D]
        The last day the extract covers.
    given : tuple of str
        The tables that were given: one that is missing is not one that is empty.
    repeats : tuple of (row, first row)
        Rows of the people table whose identifier stood there before.
    repairs : tuple of Repair
        What was changed since the extract was read, in order.
    """

    ids: Texts
    offences: Offences
    disposals: Disposals
    custody: Custody
    departures: Departures
    assessments: Assessments
    extract_date: np.datetime64
    given: tuple[str, ...]
    born: Days = field(default_factory=lambda: NO_DAYS)
    repeats: tuple[tuple[int, int], ...] = ()
    repairs: tuple[Repair, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", frozen(self.ids))
        object.__setattr__(self, "born", frozen(self.born))

    @classmethod
    def from_tables(
        cls,
        *,
        people: object,
        offences: object,
        disposals: object | None = None,
        custody: object | None = None,
        deaths: object | None = None,
        pathways: object | None = None,
        extract_date: object,
        names: Mapping[str, Mapping[str, str]] | None = None,
    ) -> "Records":
        """Read the tables of an extract (pandas, polars or pyarrow).

        Parameters
        ----------
        people : table
            `id`; optionally `born`.
        offences : table
            `person`, `date`; optionally `offence` (an identifier, which disposals name), `code`
            (the kind of offence) and `recorded` (when the police knew).
        disposals : table, optional
            `offence`, `date`, `disposal` (such as "conviction"). Without it nothing is proven.
        custody : table, optional
            `person`, `start`, `end` (empty while in custody); on the day it ends a person is at
            liberty.
        deaths : table, optional
            `person`, `date`; optionally `kind`, "death" or "emigration" for example.
        pathways : table, optional
            `person`, `date`, `pathway`, `score`; optionally `assessor`, who assessed.
        extract_date : date
            The last day the extract covers.
        names : mapping of table to mapping of name to column, optional
            What the extract calls them, for example ``{"offences": {"date": "committed_on"}}``.

        Returns
        -------
        Records

        Raises
        ------
        UnknownColumn
            When a column is not there; near names are listed.
        InvalidData
            When a date cannot be read. Errors in the records are not refused: `audit` finds them.

        Examples
        --------
        >>> import pandas as pd
        >>> Records.from_tables(
        ...     people=pd.DataFrame({"id": ["a", "b"]}),
        ...     offences=pd.DataFrame({"person": ["a", "a"], "date": ["2016-09-01", "2017-01-05"]}),
        ...     extract_date="2019-01-01",
        ... )
        Records(2 people, 2 offences; extract of 2019-01-01)
        """
        given: Given = {
            "people": people,
            "offences": offences,
            "disposals": disposals,
            "custody": custody,
            "deaths": deaths,
            "pathways": pathways,
        }
        return cls(**read_tables(given, names or {}, extract_date))

    @classmethod
    def from_folder(
        cls,
        folder: str | Path,
        *,
        extract_date: object,
        names: Mapping[str, Mapping[str, str]] | None = None,
        only: Texts | None = None,
    ) -> "Records":
        """Read an extract from a folder of people.csv, offences.parquet and so on.

        Parameters
        ----------
        folder : str or Path
            Each table as one CSV or Parquet file of its name, or a folder of Parquet parts.
        extract_date, names
            As `from_tables`.
        only : (k,) str, optional
            Identifiers to keep. Files are read in parts and only rows of these people are held, so
            that memory does not grow with the extract.

        Returns
        -------
        Records

        Raises
        ------
        InvalidData
            When the people or offences are not there, a table is there twice, or a file cannot
            be read: a row longer than the header, an open quote, text that is not UTF-8.
        """
        tables = folder_tables(check_path(folder, "folder"), names or {}, only)
        return cls(**read_tables(tables, names or {}, extract_date))

    def __repr__(self) -> str:
        parts = [
            counted(self.ids.size, "person", "people"),
            counted(self.offences.size, "offence"),
        ]
        for name, table in (
            ("disposal", self.disposals),
            ("custody spell", self.custody),
            ("departure", self.departures),
            ("assessment", self.assessments),
        ):
            if table.size:
                parts.append(counted(table.size, name))
        mended = f"; {counted(len(self.repairs), 'repair')}" if self.repairs else ""
        return f"Records({', '.join(parts)}; extract of {self.extract_date}{mended})"

    @property
    def n(self) -> int:
        """How many people."""
        return int(self.ids.size)

    @property
    def digest(self) -> str:
        """SHA-256 over every value of the records, in a fixed order."""
        return _digest(self)

    def table(self, name: str) -> Offences | Disposals | Custody | Departures | Assessments:
        """Return a table by the name it was given by."""
        attribute = {"deaths": "departures", "pathways": "assessments"}.get(name, name)
        if name not in ("offences", "disposals", "custody", "deaths", "pathways"):
            raise InvalidData(f"There is no table {name!r} of rows to look at.")
        found: Offences | Disposals | Custody | Departures | Assessments
        found = getattr(self, attribute)
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return one row a table of the extract: how many rows it has."""
        names = ("offences", "disposals", "custody", "departures", "assessments")
        rows = [self.n, *(getattr(self, name).size for name in names)]
        return pd.DataFrame({"table": ["people", *names], "rows": rows})


@remembered
def _digest(records: Records) -> str:
    seal = hashlib.sha256(f"{records.extract_date} {records.given}".encode())
    seal.update("\x1f".join(records.ids.tolist()).encode())
    seal.update(records.born.tobytes())
    for name in ("offences", "disposals", "custody", "deaths", "pathways"):
        table = records.table(name)
        for each in fields(table):
            value = getattr(table, each.name)
            if each.name in LATER and not len(value):
                continue
            if each.name == "row" and table.as_read:
                value = ()  # rows as they were read need no numbers
            seal.update(f"\0{name}.{each.name}\0".encode())
            for held in _sealed(value) if isinstance(value, np.ndarray) else [repr(value).encode()]:
                seal.update(held)
    return seal.hexdigest()


def _sealed(values: NDArray[Any]) -> Iterator[Any]:
    """Yield codes and days in four bytes, which hash in half the time; unknown days stay apart."""
    if values.dtype.kind not in "iM":
        yield np.ascontiguousarray(values).data
        return
    whole = values.view(np.int64)
    for at in range(0, whole.size, 1 << 16):  # in blocks that stay in the cache
        block = np.maximum(whole[at : at + (1 << 16)], np.iinfo(np.int32).min)
        yield block.astype(np.int32).data


def check_records(records: object) -> None:
    """Refuse what is not records, such as a table of them."""
    if not isinstance(records, Records):
        raise TrialError(f"`records` must be `Records`, got {type(records).__name__}.")
