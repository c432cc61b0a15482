"""What the police would write down of histories: the tables of an extract."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from checkpoint_eval._arrays import IntArray, frozen_mapping
from checkpoint_eval._days import NOT_A_DAY, one_day
from checkpoint_eval.cohort.delivered import SEXES, Delivered, turn_of
from checkpoint_eval.cohort.histories import NEVER, Histories, contract_days
from checkpoint_eval.cohort.population import BIRTH_YEAR, YEAR, Persons, cut
from checkpoint_eval.cohort.scenario import Scenario
from checkpoint_eval.outcomes.dates import A_DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

Columns: TypeAlias = "dict[str, NDArray[Any] | pd.Categorical[Any]]"
Tables: TypeAlias = "Mapping[str, Mapping[str, NDArray[Any] | pd.Categorical[Any]]]"
# The first previous offence lies no further back than so many years, nor before tenth birthday.
BACK, YOUNG = 10.0, 10.0
INDEX_DAYS = 7.0  # mean days from the offence that somebody was arrested for to randomisation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lives:
    """What is written down: a scenario's people, what was delivered, and their histories."""

    scenario: Scenario
    persons: Persons
    delivered: Delivered
    histories: Histories

    @property
    def extract(self) -> np.datetime64:
        """The day of the extract."""
        return one_day(self.scenario.recording.extract)


def labelled(codes: NDArray[Any], names: tuple[str, ...]) -> "pd.Categorical[Any]":
    """Return codes with their names, without copying a name for each row."""
    return pd.Categorical.from_codes(codes, categories=pd.Index(names))


def write_extract(lives: Lives, rng: np.random.Generator) -> Tables:
    """Return the tables of the extract, as arrays by column."""
    told, n = lives.scenario.recording, lives.persons.n
    lost = rng.random(n) < np.array(told.unlinked)[lives.delivered.arm]
    # somebody who cannot be found stands in the extract under another number
    number = 1 + np.arange(n) + np.where(lost, n, 0)
    offences, disposals = _offences(lives, number, rng)
    return _frozen(
        {
            "people": {
                "id": number,
                "born": lives.persons.index
                - np.ceil(lives.persons.age * BIRTH_YEAR).astype(np.int64),
                "sex": labelled(lives.persons.female, SEXES),
            },
            "offences": offences,
            "disposals": disposals,
            "custody": _custody(lives, number),
            "deaths": _departures(lives, number),
            "pathways": _assessments(lives, number, rng),
        }
    )


def _frozen(tables: dict[str, Columns]) -> Tables:
    """Return tables that cannot be written to."""
    for columns in tables.values():
        for column in columns.values():
            if isinstance(column, np.ndarray):
                column.setflags(write=False)
            else:
                column.codes.setflags(write=False)
    return frozen_mapping({name: frozen_mapping(columns) for name, columns in tables.items()})


def observed_days(lives: Lives) -> NDArray[np.int32]:
    """Return (m,) the day of each offence under the arm received; NEVER where not committed."""
    arm = lives.delivered.received[lives.histories.person]
    return np.asarray(np.where(arm == 1, *lives.histories.day[::-1]), dtype=np.int32)


def _offences(lives: Lives, number: IntArray, rng: np.random.Generator) -> tuple[Columns, Columns]:
    """Return offences before, of and after randomisation, and how each was disposed of."""
    told, persons = lives.scenario.recording, lives.persons
    day = observed_days(lives)
    kept = np.flatnonzero(day != NEVER)
    whose = lives.histories.person[kept]
    earlier = turn_of(persons.record)
    back = np.minimum(BACK, persons.age - YOUNG)[earlier] * YEAR * rng.random(earlier.size)
    before = -INDEX_DAYS * rng.standard_exponential(persons.n)
    person = np.concatenate([earlier, np.arange(persons.n), whose])
    since = np.concatenate(
        [np.floor(-back) - 1, np.floor(before) - 1, day[kept].astype(np.float64)]
    ).astype(np.int32)
    m = person.size
    codes = cut(rng.random(m - kept.size), tuple(told.offences.values())).astype(np.int16)
    date = persons.index[person] + since
    recorded = date + np.floor(told.recording_days * rng.standard_exponential(m)).astype(np.int32)
    known = recorded <= lives.extract
    offence = np.arange(1, m + 1)
    disposals = _disposals(lives, date, known, index_at=earlier.size, rng=rng)
    offences: Columns = {
        "offence": offence[known],
        "person": number[person[known]],
        "date": date[known],
        "code": labelled(
            np.concatenate([codes, lives.histories.code[kept]])[known],
            tuple(told.offences),
        ),
        "recorded": recorded[known],
    }
    return offences, disposals


def _disposals(
    lives: Lives,
    date: NDArray[np.datetime64],
    known: NDArray[np.bool_],
    *,
    index_at: int,
    rng: np.random.Generator,
) -> Columns:
    """Return the disposals that had happened by the extract.

    The offence somebody was randomised for is a conviction when it was prosecuted or the contract
    was broken, and no further action at the end of a kept contract.
    """
    told, n = lives.scenario.recording, lives.persons.n
    kinds = [*told.proven]
    if "conviction" not in kinds:
        kinds.append("conviction")
    if "no further action" not in kinds:
        kinds.append("no further action")
    kind = cut(rng.random(date.size), tuple(told.proven.values())).astype(np.int8)
    delay = 1 + np.floor(told.disposal_days * rng.standard_exponential(date.size)).astype(np.int32)
    when = date + delay
    index = slice(index_at, index_at + n)
    convicted, none = kinds.index("conviction"), kinds.index("no further action")
    kept = kept_contract(lives)
    ended = lives.persons.index + contract_days(lives.scenario) * A_DAY
    contract = lives.delivered.received == 1
    kind[index] = np.where(kept, none, convicted)
    kind[:index_at] = convicted
    # a previous conviction was decided before randomisation
    before = lives.persons.index[turn_of(lives.persons.record)] - A_DAY
    when[:index_at] = np.minimum(when[:index_at], before)
    when[index] = np.where(
        kept, ended, np.where(contract, ended, lives.persons.index) + delay[index]
    )
    rows = np.flatnonzero(known & (when <= lives.extract))
    return {
        "offence": rows + 1,
        "date": when[rows],
        "disposal": labelled(kind[rows], tuple(kinds)),
    }


def kept_contract(lives: Lives) -> NDArray[np.bool_]:
    """Return (n,) who had a contract and kept it: no reoffence on it, nor another breach."""
    on_contract = lives.histories.first()[1] <= contract_days(lives.scenario)
    kept: NDArray[np.bool_] = (lives.delivered.received == 1) & ~lives.delivered.breach
    return np.asarray(kept & ~on_contract, dtype=bool)


def _custody(lives: Lives, number: IntArray) -> Columns:
    """Return spells that follow offences; open ones have no end.

    Of two that begin on one day the longer is written.
    """
    day, histories = observed_days(lives), lives.histories
    rows = np.flatnonzero((day != NEVER) & (histories.custody > 0))
    rows = rows[np.lexsort((-histories.custody[rows], day[rows], histories.person[rows]))]
    person, since = histories.person[rows], day[rows].astype(np.int64)
    again = np.zeros(rows.size, dtype=bool)
    again[1:] = (person[1:] == person[:-1]) & (since[1:] == since[:-1])
    rows, person, since = rows[~again], person[~again], since[~again]
    start = lives.persons.index[person] + (since + 1)
    gone = histories.left[person].astype(np.int64)
    # custody ends with death or departure at the latest
    until = np.minimum(since + 1 + histories.custody[rows], gone)
    end = lives.persons.index[person] + until
    end = np.where(end > lives.extract, NOT_A_DAY, end)
    known = (start <= lives.extract) & (since + 1 < gone)
    return {"person": number[person[known]], "start": start[known], "end": end[known]}


def _departures(lives: Lives, number: IntArray) -> Columns:
    rows = np.flatnonzero(lives.histories.left != NEVER)
    return {
        "person": number[rows],
        "date": lives.persons.index[rows] + lives.histories.left[rows],
        "kind": labelled(lives.histories.departed[rows].astype(np.int8), ("death", "emigration")),
    }


def _assessments(lives: Lives, number: IntArray, rng: np.random.Generator) -> Columns:
    """Return scores of every pathway at randomisation, and at the end of the contract."""
    persons, told = lives.persons, lives.scenario.recording
    pathways = tuple(lives.scenario.population.needs)
    p, n = persons.severity.shape
    ended = contract_days(lives.scenario)
    seen = rng.random(n) >= np.array(told.unassessed)[lives.delivered.arm]
    seen &= (lives.histories.left > ended) & (persons.index + ended * A_DAY <= lives.extract)
    later = np.flatnonzero(seen)
    resolved = lives.delivered.resolved_under_received()
    after = np.where(resolved, np.maximum(persons.severity - 5, 0), persons.severity)
    first = np.flatnonzero(persons.index <= lives.extract)
    everyone = np.concatenate([first, later])
    when = np.concatenate([persons.index[first], persons.index[later] + ended * A_DAY])
    score = np.concatenate([persons.severity[:, first], after[:, later]], axis=1)
    return {
        "person": np.tile(number[everyone], p),
        "date": np.tile(when, p),
        "pathway": labelled(np.repeat(np.arange(p, dtype=np.int16), everyone.size), pathways),
        "score": score.reshape(-1).astype(np.float64),
    }
