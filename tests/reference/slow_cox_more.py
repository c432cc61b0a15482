"""Slow second implementation of what else a Cox model can do, by sums over people and event times.

Rows and their sums over risk sets are those of `slow_cox`; an offset is a last covariate whose
coefficient is 1 and is not sought.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from slow_cox import (
    Rows,
    death_times,
    information,
    loglik,
    make_rows,
    moments,
    score,
    score_residuals,
)


class Spell(NamedTuple):
    """A stretch of a person's time at risk, (start, stop], over which covariates stay."""

    person: int
    start: float
    stop: float
    event: bool
    x: list[float]


class Fit(NamedTuple):
    """Coefficients, inverse information and log likelihood at the fit; -1 is the offset's."""

    coef: np.ndarray
    covariance: np.ndarray
    loglik: float


def spells_of(
    exit_: np.ndarray,
    event: np.ndarray,
    entry: np.ndarray,
    fixed: np.ndarray,
    changes: list[list[tuple[float, list[float]]]],
) -> list[Spell]:
    """Cut each person's time at every change strictly inside it (Therneau & Grambsch, 3.7)."""
    spells = []
    for i in range(len(exit_)):
        ordered = sorted(changes[i])
        cuts = [entry[i], *[at for at, _ in ordered if entry[i] < at < exit_[i]], exit_[i]]
        for start, stop in pairwise(cuts):
            values = [value for at, value in ordered if at <= start][-1]
            ends = bool(event[i]) and stop == exit_[i]
            spells.append(Spell(i, start, stop, ends, [*fixed[i], *values]))
    return spells


def rows_of(
    spells: list[Spell], *, weight: np.ndarray, stratum: np.ndarray, offset: np.ndarray
) -> Rows:
    """Counting-process rows, people as clusters; the offset is the last covariate."""
    who = [spell.person for spell in spells]
    return make_rows(
        np.array([[*spell.x, offset[spell.person]] for spell in spells]),
        np.array([spell.stop for spell in spells]),
        np.array([spell.event for spell in spells]),
        entry=np.array([spell.start for spell in spells]),
        weight=weight[who],
        stratum=stratum[who],
        cluster=np.array(who),
    )


def fit(rows: Rows, ties: str) -> Fit:
    """Newton's method from 0, the last coefficient held at 1; each step halved until it climbs."""
    beta = np.zeros(rows.x.shape[1])
    beta[-1] = 1.0
    for _ in range(60):
        slope = score(rows, beta, ties)[:-1]
        step = np.append(np.linalg.solve(information(rows, beta, ties)[:-1, :-1], slope), 0.0)
        if np.abs(step).max() < 1e-13:
            break
        while loglik(rows, beta + step, ties) < loglik(rows, beta, ties) - 1e-9:
            step = step / 2
        beta = beta + step
    covariance = np.linalg.inv(information(rows, beta, ties)[:-1, :-1])
    return Fit(beta, covariance, loglik(rows, beta, ties))


def people_sums(rows: Rows, values: np.ndarray) -> np.ndarray:
    """Add up over each person's rows."""
    total = np.zeros((int(rows.cluster.max()) + 1, *values.shape[1:]))
    for row, person in enumerate(rows.cluster):
        total[person] += values[row]
    return total


def expected_events(rows: Rows, beta: np.ndarray, ties: str) -> np.ndarray:
    """Each row's cumulative hazard; under Efron the dead share is as in the likelihood."""
    value = np.zeros(len(rows.exit))
    for risk, dead in death_times(rows):
        for term in moments(rows, beta, ties, risk, dead):
            for i in risk:
                share = 1.0 - term.fade if i in dead else 1.0
                value[i] += share * np.exp(rows.x[i] @ beta) * term.mass / term.s0
    return value


def residuals(rows: Rows, found: Fit, ties: str) -> dict[str, np.ndarray]:
    """Give all kinds, a row a person; Schoenfeld's are 0 for people without the event.

    Therneau, Grambsch & Fleming (1990); Schoenfeld (1982); Grambsch & Therneau (1994), whose
    scale is the number of events times the inverse information.
    """
    beta, p = found.coef, rows.x.shape[1] - 1
    events = people_sums(rows, rows.event.astype(float))
    martingale = events - people_sums(rows, expected_events(rows, beta, ties))
    deviance = np.array(
        [
            np.sign(m) * np.sqrt(-2 * (m + (np.log(d - m) if d else 0.0)))
            for m, d in zip(martingale, events, strict=True)
        ]
    )
    scores = people_sums(rows, score_residuals(rows, beta, ties)[:, :-1])
    weight = np.ones(len(martingale))
    weight[rows.cluster] = rows.weight
    schoenfeld = np.zeros((len(martingale), p))
    for risk, dead in death_times(rows):
        terms = moments(rows, beta, ties, risk, dead)
        mean = sum(term.s1 / term.s0 for term in terms) / len(terms)
        for i in dead:
            schoenfeld[rows.cluster[i]] = (rows.x[i] - mean)[:-1]
    scaled = np.zeros_like(schoenfeld)
    died = events > 0
    scaled[died] = found.coef[:-1] + died.sum() * schoenfeld[died] @ found.covariance
    return {
        "martingale": martingale[:, np.newaxis],
        "deviance": deviance[:, np.newaxis],
        "score": scores,
        "dfbeta": weight[:, np.newaxis] * scores @ found.covariance,
        "schoenfeld": schoenfeld,
        "scaled schoenfeld": scaled,
    }


def baseline(rows: Rows, beta: np.ndarray, ties: str, stratum: int, at: float) -> float:
    """Sum the mass over S0 of all terms of the stratum up to a time (Breslow 1974)."""
    total = 0.0
    for risk, dead in death_times(rows):
        if rows.stratum[risk[0]] == stratum and rows.exit[dead[0]] <= at:
            total += sum(term.mass / term.s0 for term in moments(rows, beta, ties, risk, dead))
    return total


def hazard_variance(
    rows: Rows, found: Fit, ties: str, stratum: int, at: float, x: np.ndarray
) -> float:
    """Tsiatis (1981): the variance of exp(x'b) H0(t), of the steps and of the coefficients."""
    steps, drift = 0.0, np.zeros(len(x))
    for risk, dead in death_times(rows):
        if rows.stratum[risk[0]] == stratum and rows.exit[dead[0]] <= at:
            for term in moments(rows, found.coef, ties, risk, dead):
                steps += term.mass / term.s0**2
                drift += (x - (term.s1 / term.s0)[:-1]) * term.mass / term.s0
    size = np.exp(x @ found.coef[:-1])
    return float(size**2 * (steps + drift @ found.covariance @ drift))


def standardised(rows: Rows, found: Fit, ties: str, arm: int, at: float) -> float:
    """g-formula: everyone's own survival with the arm, the first covariate, set; one row each."""
    total = 0.0
    for i in range(len(rows.exit)):
        x = rows.x[i].copy()
        x[0] = arm
        hazard = baseline(rows, found.coef, ties, int(rows.stratum[i]), at)
        total += rows.weight[i] * np.exp(-hazard * np.exp(x @ found.coef))
    return float(total / rows.weight.sum())


def score_z(rows: Rows, log_ratio: float, ties: str) -> float:
    """Score of the first coefficient where it is held, the others at their best, over its error.

    Rao (1948); Cox & Hinkley (1974), section 9.3: the information of the one given the others.
    """
    held = rows._replace(
        x=np.column_stack([rows.x[:, 1:-1], rows.x[:, -1] + log_ratio * rows.x[:, 0]])
    )
    others = fit(held, ties).coef[:-1] if held.x.shape[1] > 1 else np.zeros(0)
    beta = np.array([log_ratio, *others, 1.0])
    whole = information(rows, beta, ties)[:-1, :-1]
    spread = whole[0, 0]
    if len(others):
        spread = spread - whole[0, 1:] @ np.linalg.solve(whole[1:, 1:], whole[1:, 0])
    return float(score(rows, beta, ties)[0] / np.sqrt(spread))


def scanned(rows: Rows, ties: str, bound: float) -> list[float]:
    """Log ratios where |z| crosses `bound`: between neighbours of a grid that differ, halved."""
    crossings = []
    grid = np.linspace(-6, 6, 17)
    beyond = [abs(score_z(rows, b, ties)) > bound for b in grid]
    for left in range(len(grid) - 1):
        if beyond[left] == beyond[left + 1]:
            continue
        a, b = grid[left], grid[left + 1]
        for _ in range(26):
            middle = (a + b) / 2
            same_side = (abs(score_z(rows, middle, ties)) > bound) == beyond[left]
            a, b = (middle, b) if same_side else (a, middle)
        crossings.append((a + b) / 2)
    return crossings
