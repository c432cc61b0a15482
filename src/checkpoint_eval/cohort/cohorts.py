"""The cohort: an invented trial with its extracts and both potential outcomes of everyone."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from checkpoint_eval._display import Shown
from checkpoint_eval._memory import remembered
from checkpoint_eval.cohort.delivered import SEXES, officer_name
from checkpoint_eval.cohort.dirt import soil
from checkpoint_eval.cohort.scenario import Scenario
from checkpoint_eval.cohort.written import Lives, Tables, kept_contract
from checkpoint_eval.design.within import Stratified
from checkpoint_eval.errors import OutputRefused, TrialError
from checkpoint_eval.outcomes.records import Records
from checkpoint_eval.randomise.assignment import Assignment

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False, weakref_slot=True)
class Cohort(Shown):
    """An invented trial: what an evaluator is given, and what nobody is ever given.

    Make one with `generate`.

    Attributes
    ----------
    lives : Lives
        Scenario, people, what was delivered, and `histories`: what everyone would do under either
        arm.
    written : mapping of table to mapping of column to array
        The extract, before any dirt.
    dirt : int
        Seeds the faults that the scenario asks for.
    """

    lives: Lives
    written: Tables
    dirt: int

    def __repr__(self) -> str:
        offences = len(self.written["offences"]["offence"])
        return f"Cohort({self.lives.scenario.title}: {self.n:,} people, {offences:,} offences)"

    @property
    def scenario(self) -> Scenario:
        """What was supposed."""
        return self.lives.scenario

    @property
    def n(self) -> int:
        """How many people."""
        return self.lives.persons.n

    @property
    def people(self) -> pd.DataFrame:
        """One row a person, in order of arrival: what is known at the trial's desk.

        Columns: id, date, arm, received, suite, officer, era, navigator (of those who received
        Checkpoint), contacts, kept (the contract; missing without one), consents, band, sex, age,
        record and a 0/1 column for each need.
        """
        return _people_frame(self)

    @property
    def assignment(self) -> Assignment:
        """Who was randomised to what, when and by which rule, as a ledger exports it."""
        return _assignment(self)

    def tables(self) -> dict[str, Any]:
        """Return the extract as ``Records.from_tables(**tables)`` takes it, dirt put in."""
        frames: dict[str, Any] = {
            name: pd.DataFrame(dict(columns), copy=True) for name, columns in self.written.items()
        }
        if any(self.scenario.recording.dirty.values()):
            frames = soil(frames, self.assignment, self.scenario, np.random.default_rng(self.dirt))
        return frames | {"extract_date": self.scenario.recording.extract}

    def records(self) -> Records:
        """Return the extract read as `Records`."""
        return Records.from_tables(**self.tables())

    def write(self, folder: str | Path, *, parquet: bool = False) -> Path:
        """Write people at the desk and the extract as files, as `Records.from_folder` reads them.

        Parameters
        ----------
        folder : str or Path
            Made when it is not there; tables of the same names are replaced.
        parquet : bool
            Whether to write Parquet instead of CSV.

        Returns
        -------
        Path
            The folder. What everyone would have done under the other arm is not written.
        """
        if not isinstance(folder, (str, Path)):
            raise TrialError(f"`folder` must be a path, got {folder!r}.")
        place = Path(folder)
        frames = {name: table for name, table in self.tables().items() if name != "extract_date"}
        try:
            place.mkdir(parents=True, exist_ok=True)
            for name, frame in (frames | {"trial": self.people}).items():
                _write(frame, place / name, parquet=parquet)
        except OSError as problem:
            raise OutputRefused(f"{place} cannot be written: {problem.strerror}.") from problem
        return place

    def to_frame(self) -> pd.DataFrame:
        """Return `people`, one row a person."""
        return self.people


def _write(frame: pd.DataFrame, place: Path, *, parquet: bool) -> None:
    """Write one table; the other kind of file would be read beside it, so it goes."""
    csv, other = place.with_suffix(".csv"), place.with_suffix(".parquet")
    if parquet:
        csv, other = other, csv
        frame.to_parquet(csv, index=False)
    else:
        frame.to_csv(csv, index=False)
    other.unlink(missing_ok=True)


@remembered
def _assignment(cohort: Cohort) -> Assignment:
    return assignment_of(cohort.lives)


def assignment_of(lives: Lives) -> Assignment:
    """Return who was randomised to what, when and by which rule."""
    rule, read = lives.scenario.rule, lives.delivered.people
    stratum = np.zeros(lives.persons.n, dtype=np.int64)
    strata: tuple[str, ...] = ("everyone",)
    by: tuple[str, ...] = ()
    if isinstance(rule, Stratified):
        stratum, strata = read.strata(rule.factors)
        by = tuple(factor.name for factor in rule.factors)
    return Assignment(
        arm=lives.delivered.arm,
        arms=lives.scenario.arms,
        stratum=stratum,
        strata=strata,
        stratified_by=by,
        rule=rule,
        people=read,
        ids=np.arange(1, lives.persons.n + 1).astype(str),
        date=lives.persons.index,
    )


def _people_frame(cohort: Cohort) -> pd.DataFrame:
    lives, persons = cohort.lives, cohort.lives.persons
    scenario, delivered = lives.scenario, lives.delivered
    contract = delivered.received == 1
    rows = np.arange(cohort.n)
    columns: Mapping[str, Any] = {
        "id": rows + 1,
        "date": persons.index,
        "arm": np.array(scenario.arms)[delivered.arm],
        "received": np.array(scenario.arms)[delivered.received],
        "suite": np.array(list(scenario.suites))[persons.suite],
        "officer": np.array(
            [officer_name(code) for code in range(int(delivered.officer.max()) + 1)]
        )[delivered.officer],
        "era": delivered.era + 1,
        "navigator": pd.array(np.where(contract, delivered.navigator + 1, 0), dtype="Int64"),
        "contacts": np.where(contract, delivered.contacts, 0),
        "kept": pd.array(kept_contract(lives).astype(int), dtype="Int64"),
        "consents": delivered.consents[delivered.arm, rows],
        "band": np.array(list(scenario.population.bands))[persons.band],
        "sex": np.array(SEXES)[persons.female],
        "age": np.round(persons.age, 2),
        "record": persons.record,
    }
    frame = pd.DataFrame(columns)
    frame.loc[~contract, ["navigator", "kept"]] = pd.NA
    needs = {
        need: persons.needs[row].astype(int) for row, need in enumerate(scenario.population.needs)
    }
    return pd.concat([frame, pd.DataFrame(needs)], axis=1)
