"""Putting faults into an extract: each that an audit looks for, so many rows of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import IntArray
from checkpoint_eval._days import NOT_A_DAY, Days, one_day
from checkpoint_eval.cohort.scenario import Scenario
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.dates import A_DAY
from checkpoint_eval.randomise.assignment import Assignment

Frames = dict[str, pd.DataFrame]


@dataclass(frozen=True, slots=True, kw_only=True)
class Soiling:
    """The tables so far, and what a fault needs to know."""

    frames: Frames
    index: Mapping[int, np.datetime64]
    extract: np.datetime64
    arm: Mapping[int, int]
    rng: np.random.Generator
    rule: str = ""
    used: dict[str, set[int]] = field(default_factory=dict)

    def rows(self, table: str, k: int, among: Any = None) -> IntArray:
        """Return k different rows of a table, of those that can have the fault."""
        able = np.arange(len(self.frames[table])) if among is None else np.flatnonzero(among)
        # a row with a fault is left alone, where there are others
        fresh = able[~np.isin(able, list(self.used.get(table, ())))]
        chosen = self.chosen(fresh if fresh.size >= k else able, k, f"row of {table}")
        self.used.setdefault(table, set()).update(chosen.tolist())
        return chosen

    def people(self, k: int, among: Any = None) -> IntArray:
        """Return the numbers of k different people, in order."""
        return self.chosen(np.array(sorted(self.index) if among is None else among), k, "person")

    def chosen(self, able: IntArray, k: int, what: str) -> IntArray:
        """Return k of those that can have the fault, in order."""
        if able.size < k:
            several = {"person": "people"}.get(what, what.replace("row of", "rows of"))
            raise TrialError(
                f"`dirty` asks for {k} rows of {self.rule!r}, but {able.size:,} {several} can have "
                "the fault; ask for fewer, or for more people."
            )
        return np.sort(self.rng.choice(able, size=k, replace=False))

    def written(self, table: str, rows: IntArray, column: str, values: Any) -> "Soiling":
        """Return the tables with some cells written anew."""
        frame = self.frames[table].copy()
        held = frame[column].copy()
        if isinstance(held.dtype, pd.CategoricalDtype):
            held = held.astype(object)
        held.iloc[rows] = values
        frame[column] = held
        return replace(self, frames=self.frames | {table: frame})

    def added(self, table: str, rows: pd.DataFrame) -> "Soiling":
        """Return the tables with rows more."""
        frame = pd.concat([self.frames[table], rows], ignore_index=True)
        return replace(self, frames=self.frames | {table: frame})

    def days(self, table: str, column: str) -> Any:
        """Return a column of days."""
        return self.frames[table][column].to_numpy().astype("datetime64[D]")

    def randomised(self, person: Any) -> Any:
        """Return the day of randomisation of people by their number; NaT for strangers."""
        days = [self.index.get(int(who), NOT_A_DAY) for who in person]
        return np.array(days, dtype="datetime64[D]")


Fault = Callable[[Soiling, int], Soiling]


def soil(
    frames: Frames, assignment: Assignment, scenario: Scenario, rng: np.random.Generator
) -> Frames:
    """Return the tables with the faults the scenario asks for, in the order of `MAKERS`."""
    asked = scenario.recording.dirty
    ids = assignment.ids.astype(np.int64).tolist()
    soiling = Soiling(
        frames=frames,
        index=dict(zip(ids, assignment.date, strict=True)),
        extract=one_day(scenario.recording.extract),
        arm=dict(zip(ids, assignment.arm.tolist(), strict=True)),
        rng=rng,
    )
    for rule, fault in MAKERS.items():
        if asked.get(rule, 0):
            soiling = fault(replace(soiling, rule=rule), asked[rule])
    return soiling.frames


def _stranger(table: str) -> Fault:
    return lambda s, k: s.written(table, s.rows(table, k), "person", -1 - np.arange(k))


def _undated(table: str, column: str) -> Fault:
    return lambda s, k: s.written(table, s.rows(table, k), column, pd.NaT)


def _late(table: str, column: str) -> Fault:
    return lambda s, k: s.written(
        table, s.rows(table, k), column, pd.Timestamp(s.extract + s.rng.integers(1, 301) * A_DAY)
    )


def _moved(table: str, column: str, other: str, by: int) -> Fault:
    """Return a fault: a day so many days from another of its row."""

    def fault(s: Soiling, k: int) -> Soiling:
        day = s.days(table, other)
        rows = s.rows(table, k, ~np.isnat(day))
        return s.written(table, rows, column, pd.to_datetime(day[rows] + by * A_DAY))

    return fault


def _on_the_day(table: str, column: str) -> Fault:
    """Return a fault: something on the day of randomisation."""

    def fault(s: Soiling, k: int) -> Soiling:
        if table == "disposals":
            whose = s.frames["offences"].set_index("offence")["person"]
            person = s.frames[table]["offence"].map(whose).fillna(-1)
        else:
            person = s.frames[table]["person"]
        day = s.randomised(person)
        rows = s.rows(table, k, ~np.isnat(day))
        return s.written(table, rows, column, pd.to_datetime(day[rows]))

    return fault


def _repeated(s: Soiling, k: int) -> Soiling:
    return s.added("people", s.frames["people"].iloc[s.rows("people", k)])


def _orphans(s: Soiling, k: int) -> Soiling:
    return s.written("disposals", s.rows("disposals", k), "offence", -1 - np.arange(k))


def _unborn(s: Soiling, k: int) -> Soiling:
    born = s.frames["people"].drop_duplicates("id").set_index("id")["born"]
    first: Days = s.frames["offences"]["person"].map(born).to_numpy().astype("datetime64[D]")
    rows = s.rows("offences", k, ~np.isnat(first))
    return s.written("offences", rows, "date", pd.to_datetime(first[rows] - 30 * A_DAY))


def _after_death(table: str, column: str) -> Fault:
    """Return a fault: something after the person died, who dies for it where nobody has."""

    def fault(s: Soiling, k: int) -> Soiling:
        day = s.days(table, column)
        known = ~np.isnat(day) & (day > s.randomised(s.frames[table]["person"]) + A_DAY)
        rows = s.rows(table, k, known)
        dead = s.frames[table].iloc[rows].drop_duplicates("person")
        last: Days = dead[column].to_numpy().astype("datetime64[D]")
        who, day = dead["person"].to_numpy(), pd.to_datetime(last - A_DAY)
        return s.added("deaths", pd.DataFrame({"person": who, "date": day, "kind": "death"}))

    return fault


def _inside(s: Soiling, k: int) -> Soiling:
    """Put spells around offences."""
    day = s.days("offences", "date")
    rows = s.rows("offences", k, ~np.isnat(day) & (day < s.extract))
    spells = pd.DataFrame(
        {
            "person": s.frames["offences"]["person"].to_numpy()[rows],
            "start": pd.to_datetime(day[rows] - A_DAY),
            "end": pd.to_datetime(day[rows] + A_DAY),
        }
    )
    return s.added("custody", spells)


def _twice_a_day(s: Soiling, k: int) -> Soiling:
    frame = s.frames["offences"]
    rows = s.rows("offences", k, frame["date"].notna())
    top = int(frame["offence"].max())
    return s.added("offences", frame.iloc[rows].assign(offence=top + 1 + np.arange(k)))


def _together(s: Soiling, k: int) -> Soiling:
    """Add offences of the day before, disposed of with an offence that was."""
    known = s.frames["disposals"]
    first = known.dropna(subset="date").drop_duplicates("offence")
    first = first[first["offence"].isin(s.frames["offences"]["offence"])]
    chosen = first.iloc[s.chosen(np.arange(len(first)), k, "row of disposals")]
    frame = s.frames["offences"].set_index("offence").loc[chosen["offence"]].reset_index()
    number = int(s.frames["offences"]["offence"].max()) + 1 + np.arange(len(chosen))
    more = frame.assign(offence=number, date=frame["date"] - pd.Timedelta(days=1))
    return s.added("offences", more).added(
        "disposals", chosen.reset_index(drop=True).assign(offence=number)
    )


def _unknown_kind(s: Soiling, k: int) -> Soiling:
    return s.written("disposals", s.rows("disposals", k), "disposal", None)


def _misspelt(s: Soiling, k: int) -> Soiling:
    proving = s.frames["disposals"]["disposal"].isin(["conviction", "caution"])
    rows = s.rows("disposals", k, proving)
    told = s.frames["disposals"]["disposal"].iloc[rows].astype(str).str.capitalize() + " "
    return s.written("disposals", rows, "disposal", told.to_numpy())


def _open(s: Soiling, k: int) -> Soiling:
    started = s.days("custody", "start") <= s.extract
    return s.written("custody", s.rows("custody", k, started), "end", pd.NaT)


def _overlapping(s: Soiling, k: int) -> Soiling:
    start, end = s.days("custody", "start"), s.days("custody", "end")
    rows = s.rows("custody", k, ~np.isnat(start) & (np.isnat(end) | (end > start)))
    return s.added("custody", s.frames["custody"].iloc[rows])


def _dead_before(s: Soiling, k: int) -> Soiling:
    people = s.people(k)
    day = pd.to_datetime(s.randomised(people) - 10 * A_DAY)
    return s.added("deaths", pd.DataFrame({"person": people, "date": day, "kind": "death"}))


def _dead_on_the_day(s: Soiling, k: int) -> Soiling:
    people = s.people(k)
    day = pd.to_datetime(s.randomised(people))
    return s.added("deaths", pd.DataFrame({"person": people, "date": day, "kind": "death"}))


def _dead_twice(s: Soiling, k: int) -> Soiling:
    frame = s.frames["deaths"]
    if len(frame):
        return s.added("deaths", frame.iloc[s.rng.integers(0, len(frame), k)])
    people = s.people(k)
    day = pd.to_datetime(np.full(k, s.extract))
    once = pd.DataFrame({"person": people, "date": day, "kind": "death"})
    return s.added("deaths", once).added("deaths", once)


def _dead(late: bool) -> Fault:  # noqa: FBT001 - after the extract, or without a date
    def fault(s: Soiling, k: int) -> Soiling:
        people = s.people(k)
        day = pd.to_datetime(np.full(k, s.extract + 5 * A_DAY if late else NOT_A_DAY))
        return s.added("deaths", pd.DataFrame({"person": people, "date": day, "kind": "death"}))

    return fault


def _without(frame: pd.DataFrame, rows: IntArray) -> pd.DataFrame:
    return frame[~np.isin(np.arange(len(frame)), rows)].reset_index(drop=True)


def _unlinked(s: Soiling, k: int) -> Soiling:
    rows = s.rows("people", k)
    frame = _without(s.frames["people"], rows)
    return replace(s, frames=s.frames | {"people": frame})


def _strangers_dead(s: Soiling, k: int) -> Soiling:
    day = pd.to_datetime(np.full(k, s.extract))
    more = pd.DataFrame({"person": -1 - np.arange(k), "date": day, "kind": "death"})
    return s.added("deaths", more)


def _lost_of_one_arm(s: Soiling, k: int) -> Soiling:
    """Lose people of Checkpoint only; whether it is found depends on how many."""
    able = s.frames["people"]["id"].map(s.arm).to_numpy() == 1
    frame = _without(s.frames["people"], s.rows("people", k, able))
    return replace(s, frames=s.frames | {"people": frame})


def _left_of_one_arm(s: Soiling, k: int) -> Soiling:
    """Let people of Checkpoint leave early only; whether it is found depends on how many."""
    treated = [who for who, arm in sorted(s.arm.items()) if arm == 1]
    people = s.people(k, treated)
    day = pd.to_datetime(s.randomised(people) + 5 * A_DAY)
    return s.added("deaths", pd.DataFrame({"person": people, "date": day, "kind": "emigration"}))


# In this order: rows are added before rows are made impossible to link or to date.
MAKERS: Mapping[str, Fault] = {
    "several offences in one day": _twice_a_day,
    "several offences with one disposal": _together,
    "overlapping custody": _overlapping,
    "offence during custody": _inside,
    "custody open at the extract": _open,
    "offence on the day of randomisation": _on_the_day("offences", "date"),
    "disposal on the day of randomisation": _on_the_day("disposals", "date"),
    "custody that begins on the day of randomisation": _on_the_day("custody", "start"),
    "death or departure on the day of randomisation": _dead_on_the_day,
    "death or departure before randomisation": _dead_before,
    "several deaths or departures of one person": _dead_twice,
    "follow-up differs by arm": _left_of_one_arm,
    "offence after death or departure": _after_death("offences", "date"),
    "custody after death or departure": _after_death("custody", "start"),
    "offence recorded before it was committed": _moved("offences", "recorded", "date", -3),
    "disposal spelt unlike one that proves": _misspelt,
    "disposal of unknown kind": _unknown_kind,
    "custody that ends before it begins": _moved("custody", "end", "start", -4),
    "offence before birth": _unborn,
    "offence after the extract": _late("offences", "date"),
    "disposal after the extract": _late("disposals", "date"),
    "disposal before its offence": lambda s, k: s.written(
        "disposals", s.rows("disposals", k), "date", pd.Timestamp("1950-01-01")
    ),
    "custody that begins after the extract": _late("custody", "start"),
    "assessment after the extract": _late("pathways", "date"),
    "death or departure after the extract": _dead(late=True),
    "death or departure without a date": _dead(late=False),
    "offence without a date": _undated("offences", "date"),
    "disposal without a date": _undated("disposals", "date"),
    "custody without a start": _undated("custody", "start"),
    "assessment without a date": _undated("pathways", "date"),
    "disposal of an unknown offence": _orphans,
    "unknown person in offences": _stranger("offences"),
    "unknown person in custody": _stranger("custody"),
    "unknown person in deaths": _strangers_dead,
    "unknown person in pathways": _stranger("pathways"),
    "linkage differs by arm": _lost_of_one_arm,
    "person not in the records": _unlinked,
    "repeated identifier": _repeated,
}
