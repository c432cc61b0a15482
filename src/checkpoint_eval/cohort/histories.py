"""Offence histories of every person, had they been prosecuted and had they had Checkpoint."""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._days import one_day
from checkpoint_eval._display import Shown, columns_frame
from checkpoint_eval.cohort.delivered import Delivered
from checkpoint_eval.cohort.hazards import (
    MONTH,
    CumulativeHazard,
    baseline_hazard,
    treated_hazard,
)
from checkpoint_eval.cohort.population import YEAR, Persons, cut
from checkpoint_eval.cohort.scenario import Scenario

NEVER = np.int32(np.iinfo(np.int32).max)
Days32 = NDArray[np.int32]
BLOCK = 8192  # people whose points are drawn at once; part of what a seed means


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Histories(Shown):
    """What n people would do under each arm received, up to the extract.

    Offences are the points of one Poisson process a person, run through either hazard: so the two
    histories of a person are as alike as the effect allows.

    Attributes
    ----------
    person : (m,) int32
        Whose point it is; in order.
    day : (2, m) int32
        Whole days from randomisation to the offence when prosecuted, and under Checkpoint; NEVER
        where it is not committed.
    code : (m,) int16
        Into the scenario's offences.
    custody : (m,) int32
        Days of custody that follow when it is committed; 0 for none.
    left : (n,) int32
        Days to death or departure; NEVER within the follow-up.
    departed : (n,) bool
        Whether it is a departure.
    """

    person: Days32
    day: Days32
    code: NDArray[np.int16]
    custody: Days32
    left: Days32
    departed: NDArray[np.bool_]

    def __post_init__(self) -> None:
        for each in fields(self):
            getattr(self, each.name).setflags(write=False)

    def first(self) -> Days32:
        """Return (2, n) days to the first offence under each arm received."""
        found = np.full((2, self.left.size), NEVER)
        for arm in (0, 1):
            rows = np.flatnonzero(self.day[arm] != NEVER)[::-1]
            found[arm, self.person[rows]] = self.day[arm, rows]  # the first is written last
        return found

    def totals(self, days: int, weights: FloatArray | None = None) -> FloatArray:
        """Return (2, n) offences within some days, or sums of the weights of their codes."""
        n = self.left.size
        each = None if weights is None else weights[self.code]
        found = [
            np.bincount(self.person, weights=inside if each is None else inside * each, minlength=n)
            for inside in (self.day[arm] <= days for arm in (0, 1))
        ]
        return floats(np.stack(found))

    def to_frame(self) -> pd.DataFrame:
        """Return one row a point."""
        return columns_frame(self, "person", "code", "custody")


def draw_histories(
    scenario: Scenario, persons: Persons, delivered: Delivered, rng: np.random.Generator
) -> Histories:
    """Draw what everyone would do under each arm."""
    baseline = baseline_hazard(scenario.reoffending)
    treated = treated_hazard(baseline, scenario.effect)
    rate = _rates(scenario, persons, rng)
    ratio = _ratios(scenario, persons, delivered)
    left, departed, until = _departures(scenario, persons, rng)
    most = np.maximum(baseline.at(until), ratio * treated.at(until)) * rate
    number = rng.poisson(most)
    blocks = [
        _points(
            scenario,
            (baseline, treated),
            _Block(
                first=at,
                number=number[at : at + BLOCK],
                most=most[at : at + BLOCK],
                rate=rate[at : at + BLOCK],
                ratio=ratio[at : at + BLOCK],
                until=until[at : at + BLOCK],
            ),
            rng,
        )
        for at in range(0, persons.n, BLOCK)
    ]
    person, day, code, custody = (
        np.concatenate(parts, axis=-1) for parts in zip(*blocks, strict=True)
    )
    return Histories(
        person=person, day=day, code=code, custody=custody, left=left, departed=departed
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Block:
    """Some of the people: few enough for their points to stay in a processor's cache."""

    first: int
    number: IntArray
    most: FloatArray
    rate: FloatArray
    ratio: FloatArray
    until: FloatArray


def _points(
    scenario: Scenario,
    hazards: tuple[CumulativeHazard, CumulativeHazard],
    block: _Block,
    rng: np.random.Generator,
) -> tuple[Days32, Days32, NDArray[np.int16], Days32]:
    """Return person, days under each arm, code and custody of the points of a block."""
    person = np.repeat(np.arange(block.number.size), block.number)
    # sorted within each person at once, as everyone's points lie between two whole numbers
    place = person + rng.random(person.size)
    place.sort()
    place -= person
    place *= (block.most / np.where(block.rate > 0, block.rate, 1))[person]
    until = block.until[person]
    day = np.empty((2, person.size), dtype=np.int32)
    day[0] = _day(hazards[0], place, until)
    place /= block.ratio[person]
    day[1] = _day(hazards[1], place, until)
    custody = _custody(scenario, person.size, rng)
    _prevent(day, person, block.number, custody)
    code = cut(rng.random(person.size), tuple(scenario.recording.offences.values()))
    return (block.first + person).astype(np.int32), day, code.astype(np.int16), custody


def _rates(scenario: Scenario, persons: Persons, rng: np.random.Generator) -> FloatArray:
    """Return (n,) each person's hazard over that of a susceptible person of mean hazard."""
    told = scenario.reoffending
    rate = np.exp(told.spread * persons.risk - told.spread**2 / 2)
    if told.frailty > 0:
        rate *= rng.standard_gamma(1 / told.frailty, persons.n) * told.frailty
    return floats(np.where(rng.random(persons.n) < told.never, 0.0, rate))


def _ratios(scenario: Scenario, persons: Persons, delivered: Delivered) -> FloatArray:
    """Return (n,) each person's own hazard ratio beside that of time."""
    effect = scenario.effect
    bands = [effect.by_band.get(band, 1.0) for band in scenario.population.bands]
    log = np.log(bands)[persons.band] + delivered.log_ratio
    for row, need in enumerate(scenario.population.needs):
        if need in effect.pathways:
            gained = delivered.resolved[1, row] & ~delivered.resolved[0, row]
            log += np.log(effect.pathways[need]) * gained
    return floats(np.exp(log))


def _departures(
    scenario: Scenario, persons: Persons, rng: np.random.Generator
) -> tuple[Days32, NDArray[np.bool_], FloatArray]:
    """Return days to death or departure, which of them, and days to the end of the follow-up."""
    told = scenario.recording
    end = np.maximum((one_day(told.extract) - persons.index).astype(np.int64), 0)
    total = told.deaths + told.departures
    day = np.full(persons.n, np.inf)
    if total > 0:
        day = np.ceil(rng.standard_exponential(persons.n) * (YEAR / total))
    departed = rng.random(persons.n) * total >= told.deaths
    left = np.where(day <= end, day, NEVER).astype(np.int32)
    return left, departed & (left != NEVER), floats(np.minimum(day, end))


def _day(hazard: CumulativeHazard, total: FloatArray, until: FloatArray) -> FloatArray:
    """Return whole days, from 1, on which cumulative hazards are reached; NEVER after the end."""
    day = np.ceil(hazard.when(total))
    np.maximum(day, 1, out=day)
    day[day > until] = NEVER
    return day


def _custody(scenario: Scenario, size: int, rng: np.random.Generator) -> Days32:
    """Return days in custody after each offence, 0 for most."""
    told = scenario.recording
    found = np.zeros(size, dtype=np.int32)
    sent = np.flatnonzero(rng.random(size) < told.custody)
    found[sent] = 1 + np.floor(told.custody_days * rng.standard_exponential(sent.size))
    return found


def _prevent(day: Days32, person: IntArray, number: IntArray, custody: Days32) -> None:
    """Strike out the offences that custody for an earlier one prevents.

    Everyone's first spell is looked at, then everyone's second, and so on: an offence that was
    struck out leads to no spell.
    """
    ends = np.cumsum(number)
    sent = np.flatnonzero(custody)
    turn = np.arange(sent.size) - np.searchsorted(person[sent], person[sent])
    for spell in range(int(turn.max(initial=-1)) + 1):
        row = sent[turn == spell]
        after = ends[person[row]] - row - 1
        cause = np.repeat(row, after)
        later = cause + 1 + np.arange(cause.size) - np.repeat(np.cumsum(after) - after, after)
        for found in day:
            begun = found[cause].astype(np.int64)
            inside = (found[later] > begun) & (found[later] <= begun + custody[cause])
            found[later[inside]] = NEVER


def contract_days(scenario: Scenario) -> int:
    """Return the length of the contract in days."""
    return round(scenario.delivery.contract_months * MONTH)
