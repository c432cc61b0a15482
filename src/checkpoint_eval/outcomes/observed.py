"""What was observed of each person: a time to an event, a yes or no, a number or a count."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import NO_CODES, NO_FLAGS, BoolArray, FloatArray, IntArray, frozen
from checkpoint_eval._checks import as_floats, counted
from checkpoint_eval._display import Shown, columns_frame, named
from checkpoint_eval._frames import at_row
from checkpoint_eval._times import tied_times
from checkpoint_eval.design.protocol import check_unit
from checkpoint_eval.errors import InvalidData


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance(Shown):
    """Where an outcome comes from, when it was derived from an extract.

    Attributes
    ----------
    definition : str
        What counts, in words and in full.
    index : str
        The day that time runs from.
    extract_date : str
    digest : str
        SHA-256 of the records.
    notes : tuple of str
        What was left out or is not known, counted.
    """

    definition: str
    index: str
    extract_date: str
    digest: str
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        notes = f" {'; '.join(self.notes)}." if self.notes else ""
        return (
            f"{self.definition}; from {self.index}; extract of {self.extract_date}, records "
            f"{self.digest[:12]}.{notes}"
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TimeToEvent(Shown):
    """Time from randomisation to the event, or to the end of follow-up.

    Attributes
    ----------
    time : (n,) float
        Duration in `unit`, at least 0; NaN exactly where `missing`. Times that tie up to rounding
        are made equal.
    event : (n,) bool
        True when the event ended the time; False when follow-up ended first (censored).
    unit : {"days", "weeks", "months", "years"}
    missing : (n,) bool
        People whose outcome is unknown. They are counted in every result and enter none.
    competing : (n,) int
        0, or the code into `causes` (from 1) of what ended follow-up so that the event could no
        longer happen, such as death; empty when nothing did.
    causes : tuple of str
        Competing events.
    provenance : Provenance, optional
        Where it was derived from.

    Raises
    ------
    InvalidData
        For negative, infinite or undeclared NaN times, naming the row.

    Examples
    --------
    >>> TimeToEvent(time=[3, 5, 5], event=[True, False, True], unit="weeks")
    TimeToEvent(3 people, 2 events, weeks)
    """

    time: FloatArray
    event: BoolArray
    unit: str = "days"
    missing: BoolArray = field(default_factory=lambda: NO_FLAGS)
    competing: IntArray = field(default_factory=lambda: NO_CODES)
    causes: tuple[str, ...] = ()
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        check_unit(self.unit)
        time = as_floats(self.time, "time")
        missing = _mask(self.missing, time.size)
        event = _yes_no(self.event, missing, name="event")
        if time.ndim != 1 or event.shape != time.shape:
            raise InvalidData(
                f"`time` has shape {time.shape} and `event` {event.shape}; both need one value "
                "a person."
            )
        time[missing] = np.nan
        event[missing] = False
        wrong = np.flatnonzero(~(missing | ((time >= 0) & (time < np.inf))))
        if wrong.size:
            row = int(wrong[0])
            raise InvalidData(
                f"`time` must be finite and at least 0, got {time[row]:g} at {at_row(row)} "
                f"({counted(wrong.size, 'such row')}); mark unknown outcomes in `missing`, "
                "mend the others."
            )
        time[~missing] = tied_times(time[~missing])
        object.__setattr__(self, "competing", _competing(self.competing, event, self.causes))
        object.__setattr__(self, "time", frozen(time))
        object.__setattr__(self, "event", frozen(event))
        object.__setattr__(self, "missing", frozen(missing))

    def __repr__(self) -> str:
        people = counted(self.time.size, "person", "people")
        lost = f", {int(self.missing.sum())} missing" if self.missing.any() else ""
        return (
            f"TimeToEvent({people}, {counted(int(self.event.sum()), 'event')}{lost}, {self.unit})"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person; `cause` of a competing event, where there are any."""
        frame = columns_frame(self, "time", "event", "missing")
        if not self.causes:
            return frame
        return frame.assign(cause=named(self.competing - 1, self.causes))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class BinaryOutcome(Shown):
    """Whether something happened, by a time point the protocol states.

    Attributes
    ----------
    value : (n,) bool
        True when it happened.
    missing : (n,) bool
        People whose outcome is unknown; their `value` is False and is never read.

    Examples
    --------
    >>> BinaryOutcome(value=[1, 0, 0])
    BinaryOutcome(3 people, 1 yes)
    """

    value: BoolArray
    missing: BoolArray = field(default_factory=lambda: NO_FLAGS)
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        missing = _mask(self.missing, np.size(self.value))
        value = _yes_no(self.value, missing, name="value")
        value[missing] = False
        object.__setattr__(self, "value", frozen(value))
        object.__setattr__(self, "missing", frozen(missing))

    def __repr__(self) -> str:
        people = counted(self.value.size, "person", "people")
        lost = f", {int(self.missing.sum())} missing" if self.missing.any() else ""
        return f"BinaryOutcome({people}, {int(self.value.sum())} yes{lost})"

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person."""
        return columns_frame(self, "value", "missing")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NumericOutcome(Shown):
    """A number for each person, such as harm days.

    Attributes
    ----------
    value : (n,) float
        Finite; NaN exactly where `missing`.
    missing : (n,) bool
        People whose outcome is unknown.

    Examples
    --------
    >>> NumericOutcome(value=[15.0, 20.0, 30.0])
    NumericOutcome(3 people, mean 21.67)
    """

    value: FloatArray
    missing: BoolArray = field(default_factory=lambda: NO_FLAGS)
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        value = as_floats(self.value, "value")
        if value.ndim != 1:
            raise InvalidData(f"`value` has shape {value.shape}; it needs one value a person.")
        missing = _mask(self.missing, value.size)
        wrong = np.flatnonzero(~(missing | np.isfinite(value)))
        if wrong.size:
            raise InvalidData(
                f"`value` must be finite, got {value[wrong[0]]:g} at {at_row(int(wrong[0]))}; mark "
                "unknown outcomes in `missing`, mend the others."
            )
        value[missing] = np.nan
        object.__setattr__(self, "value", frozen(value))
        object.__setattr__(self, "missing", frozen(missing))

    def __repr__(self) -> str:
        people = counted(self.value.size, "person", "people")
        lost = f", {int(self.missing.sum())} missing" if self.missing.any() else ""
        known = self.value[~self.missing]
        mean = f", mean {known.mean():.4g}" if known.size else ""
        return f"NumericOutcome({people}{mean}{lost})"

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person."""
        return columns_frame(self, "value", "missing")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CountOutcome(Shown):
    """How often something happened to each person, and over how long.

    Attributes
    ----------
    value : (n,) int
        At least 0; 0 where `missing`.
    exposure : (n,) float
        Time at risk in `unit`, at least 0; NaN where `missing`. A person without any has no rate,
        and a comparison of rates leaves them out and says so.
    unit : {"days", "weeks", "months", "years"}
    missing : (n,) bool
        People whose outcome is unknown.
    provenance : Provenance, optional

    Raises
    ------
    InvalidData
        For counts that are not whole numbers of at least 0, and for negative, infinite or
        undeclared NaN exposures, naming the row.

    Examples
    --------
    >>> CountOutcome(value=[0, 3], exposure=[365.0, 200.0], unit="days")
    CountOutcome(2 people, 3 events in 565 days)
    """

    value: IntArray
    exposure: FloatArray
    unit: str = "days"
    missing: BoolArray = field(default_factory=lambda: NO_FLAGS)
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        check_unit(self.unit)
        value = as_floats(self.value, "value")
        exposure = as_floats(self.exposure, "exposure")
        missing = _mask(self.missing, value.size)
        if value.ndim != 1 or exposure.shape != value.shape:
            raise InvalidData(
                f"`value` has shape {value.shape} and `exposure` {exposure.shape}; both need one "
                "value a person."
            )
        counts = (value >= 0) & np.isfinite(value) & (value == np.floor(value))
        wrong = np.flatnonzero(~(missing | (counts & (exposure >= 0) & np.isfinite(exposure))))
        if wrong.size:
            row = int(wrong[0])
            raise InvalidData(
                "`value` and `exposure` need one whole number of events and one finite time of at "
                f"least 0 for each person, got {value[row]:g} in {exposure[row]:g} at "
                f"{at_row(row)} ({counted(wrong.size, 'such row')}); mark unknown outcomes in "
                "`missing`, mend the others."
            )
        object.__setattr__(self, "value", frozen(np.where(missing, 0, value), np.int64))
        object.__setattr__(self, "exposure", frozen(np.where(missing, np.nan, exposure)))
        object.__setattr__(self, "missing", frozen(missing))

    def __repr__(self) -> str:
        people = counted(self.value.size, "person", "people")
        lost = f", {int(self.missing.sum())} missing" if self.missing.any() else ""
        return (
            f"CountOutcome({people}, {counted(int(self.value.sum()), 'event')} in "
            f"{np.nansum(self.exposure):,.0f} {self.unit}{lost})"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person."""
        return columns_frame(self, "value", "exposure", "missing")


Observed: TypeAlias = TimeToEvent | BinaryOutcome | NumericOutcome | CountOutcome


def _competing(codes: IntArray, event: BoolArray, causes: tuple[str, ...]) -> IntArray:
    """Return (n,) codes of competing events; a person has the event or a competing one."""
    if not np.size(codes):
        return frozen(NO_CODES)
    found = frozen(codes, np.int64)
    if found.shape != event.shape or not ((found >= 0) & (found <= len(causes))).all():
        raise InvalidData(
            f"`competing` must hold one code from 0 to {len(causes)} for each person, 0 for none."
        )
    both = np.flatnonzero((found > 0) & event)
    if both.size:
        raise InvalidData(
            f"`competing` and `event` are both set at {at_row(int(both[0]))}; whatever came first "
            "ended the time."
        )
    return found


def _mask(missing: BoolArray, people: int) -> BoolArray:
    mask = np.array(missing, dtype=bool) if np.size(missing) else np.zeros(people, dtype=bool)
    if mask.shape != (people,):
        raise InvalidData(
            f"`missing` has shape {mask.shape}; it needs one flag for {people} people."
        )
    return mask


def _yes_no(values: Any, missing: BoolArray, *, name: str) -> BoolArray:
    """Return 0/1 or boolean values as booleans; R's 1/2 coding and everything else is refused."""
    array = np.array(values)
    if array.shape != missing.shape:
        raise InvalidData(
            f"`{name}` has shape {array.shape}; it needs one value for {missing.size} people."
        )
    if array.dtype != bool:
        wrong = np.flatnonzero(~(missing | (array == 0) | (array == 1)))
        if wrong.size:
            row = int(wrong[0])
            raise InvalidData(
                f"`{name}` must be 0/1 or False/True, got {array[row]} at {at_row(row)}; "
                "convert first, for example event=(status == 2)."
            )
        array = array == 1
    return array
