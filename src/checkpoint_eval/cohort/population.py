"""Drawing people: arrival, suite, latent risk and what it is tied to."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._days import Days
from checkpoint_eval.cohort.hazards import MONTH
from checkpoint_eval.cohort.people_parts import AGE, RECORD, RISK, SEX, Population
from checkpoint_eval.cohort.scenario import Scenario
from checkpoint_eval.errors import TrialError

YEAR = 12 * MONTH  # of rates
BIRTH_YEAR = 365.25  # of ages


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Persons:
    """n people in order of arrival, as they were before randomisation.

    Attributes
    ----------
    index : (n,) datetime64[D]
        The day of randomisation.
    suite, band, female, record : (n,) int
        Codes of suite and band, 0/1, and previous convictions.
    age : (n,) float
        Years.
    risk : (n,) float
        Latent; standard normal.
    needs : (p, n) bool
        Critical needs.
    severity : (p, n) int8
        Scores of the needs from 0 to 10; 5 and more is a critical need.
    """

    index: Days
    suite: IntArray
    band: IntArray
    female: IntArray
    record: IntArray
    age: FloatArray
    risk: FloatArray
    needs: NDArray[np.bool_]
    severity: NDArray[np.int8]

    def __post_init__(self) -> None:
        for each in fields(self):
            getattr(self, each.name).setflags(write=False)

    @property
    def n(self) -> int:
        """How many people."""
        return int(self.index.size)


def draw_people(scenario: Scenario, rng: np.random.Generator) -> Persons:
    """Draw the people of a scenario, in order of arrival."""
    population, n = scenario.population, scenario.people
    intensity = scenario.arrivals.intensity()
    perday = rng.multinomial(n, intensity / intensity.sum())
    suite = cut(rng.random(n), tuple(scenario.suites.values()))
    names = population.names
    factor = np.linalg.cholesky(population.correlation())
    latent = dict(zip(names, factor @ rng.standard_normal((len(names), n)), strict=True))
    needs, severity = _needs(population, [latent[need] for need in population.needs], n)
    bands = ndtri(np.cumsum(tuple(population.bands.values()))[:-1])
    return Persons(
        index=np.repeat(scenario.arrivals.days, perday),
        suite=suite,
        band=np.searchsorted(bands, latent[RISK]).astype(np.int64),
        female=(latent[SEX] > ndtri(1 - population.female)).astype(np.int64),
        record=_records(population, latent[RECORD]),
        age=_ages(population, latent[AGE]),
        risk=latent[RISK],
        needs=needs,
        severity=severity,
    )


def cut(uniform: FloatArray, shares: tuple[float, ...]) -> IntArray:
    """Return codes that have these shares."""
    edges = np.cumsum(shares)[:-1]
    if edges.size < 16:  # a few comparisons are quicker than a search
        code = np.zeros(uniform.shape, dtype=np.int64)
        for edge in edges:
            code += uniform >= edge
        return code
    return np.searchsorted(edges, uniform, side="right").astype(np.int64)


def _ages(population: Population, latent: FloatArray) -> FloatArray:
    """Return log-normal years above the youngest, cut off at the oldest; the median as stated."""
    spread = population.age_spread
    top, median = (
        float(np.log(age - population.youngest))
        for age in (population.oldest, population.median_age)
    )

    def off(middle: float) -> float:
        return float(middle + spread * ndtri(ndtr((top - middle) / spread) / 2) - median)

    # cutting off pulls the median down, so the middle of what is cut lies above it
    reach = median + 30 * spread
    if not off(median) <= 0 <= off(reach):
        raise TrialError(
            f"`median_age` is {population.median_age:g}, too near `oldest`, {population.oldest:g}, "
            f"for `age_spread` {spread:g}; lower the spread or raise `oldest`."
        )
    middle = brentq(off, median, reach)
    share = ndtr((top - middle) / spread)
    return floats(population.youngest + np.exp(middle + spread * ndtri(ndtr(latent) * share)))


def _records(population: Population, latent: FloatArray) -> IntArray:
    """Return previous convictions: none, or 1 and a geometric number more, by quantile."""
    more = np.arange(population.most_record)

    def shares(log: float) -> FloatArray:
        weight = np.exp(log * (more - more[-1] * (log > 0)))
        return floats(weight / weight.sum())

    # cutting off pulls the mean down, so each number is likelier after the one before it
    ratio = brentq(lambda log: float(1 + shares(log) @ more) - population.mean_record, -40, 40)
    edges = population.no_record + (1 - population.no_record) * np.cumsum(shares(ratio))
    levels = ndtri(np.append(population.no_record, edges[:-1]))
    return np.searchsorted(levels, latent).astype(np.int64)


def _needs(
    population: Population, latent: list[FloatArray], n: int
) -> tuple[NDArray[np.bool_], NDArray[np.int8]]:
    """Return who has which need, and scores that rise with the latent value."""
    needs, scores = np.zeros((len(latent), n), dtype=bool), np.zeros((len(latent), n), np.int8)
    for row, (share, value) in enumerate(zip(population.needs.values(), latent, strict=True)):
        level = ndtri(1 - share)
        needs[row] = value > level
        # five half-SD steps on either side of what makes a need critical
        scores[row] = (
            np.clip(np.floor(5 + 2 * (value - level)), 0, 10) if 0 < share < 1 else 10 * share
        )
    return needs, scores
