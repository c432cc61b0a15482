"""Second implementations for invented trials: closed forms, and true values person by person.

Written from the public docstrings and nothing else. Closed forms integrate over the latent risk
with the trapezoid rule, which for a smooth integrand under a normal density is exact to rounding;
true values walk over people and points of `cohort.lives` in plain Python.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from checkpoint_eval.outcomes import CAMBRIDGE_MEDIANS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from checkpoint_eval.cohort import Cohort, Effect, Reoffending

    Curve = Callable[[ArrayLike], NDArray[np.float64]]

NEVER = 2**31 - 1  # an int32 that is no day
MONTHS = (6, 12, 24)


def days_of(months: float) -> int:
    """Whole days of months of equal length."""
    return round(months * 365 / 12)


# Closed forms


def survive(
    reoffending: Reoffending,
    total: ArrayLike,
    *,
    below: float = 0.0,
    above: float = 1.0,
    ratio: float = 1.0,
) -> NDArray[np.float64]:
    """E[exp(−G·exp(βz − β²/2)·ratio·H)] of susceptible people with latent risk between quantiles.

    Over a gamma G of mean 1 and variance v, E[exp(−Gx)] is (1 + vx)^(−1/v).
    """
    low, high = np.clip(norm.ppf([below, above]), -9.0, 9.0)
    z = np.linspace(low, high, 2001)
    weight = norm.pdf(z)
    weight[[0, -1]] /= 2
    weight /= weight.sum()
    beta, v = reoffending.spread, reoffending.frailty
    x = np.multiply.outer(np.asarray(total, float) * ratio, np.exp(beta * z - beta**2 / 2))
    alive = (1 + v * x) ** (-1 / v) if v else np.exp(-x)
    return np.asarray(alive @ weight)


def risk(reoffending: Reoffending, total: ArrayLike, **part: float) -> NDArray[np.float64]:
    """Share of everyone who has reoffended once the cumulative hazard is `total`."""
    return (1 - reoffending.never) * (1 - survive(reoffending, total, **part))


def baseline(reoffending: Reoffending) -> Curve:
    """H by day, so that the stated risks hold on their days."""
    ends = [days_of(m) for m in reoffending.months]
    totals = [
        brentq(lambda h, r=r: float(risk(reoffending, h)) - r, 0.0, 1e6, xtol=1e-14)
        for r in reoffending.risks
    ]
    if reoffending.shape is not None:
        return lambda d: totals[0] * (np.asarray(d, float) / ends[0]) ** reoffending.shape
    # the last stretch goes on for good
    slope = (totals[-1] - ([0.0, *totals])[-2]) / (ends[-1] - ([0, *ends])[-2])
    far = 100_000
    knots = [0, *ends, ends[-1] + far]
    values = [0.0, *totals, totals[-1] + slope * far]
    return lambda d: np.interp(np.asarray(d, float), knots, values)


def treated(hazard: Curve, effect: Effect) -> Curve:
    """H under an effect: the hazard ratio of each stretch times what H gains in it."""

    def total(d: ArrayLike) -> NDArray[np.float64]:
        d = np.asarray(d, float)
        ends = [*effect.from_days[1:], math.inf]
        parts = [
            ratio * (hazard(np.clip(d, begin, end)) - hazard(begin))
            for ratio, begin, end in zip(effect.hazard_ratios, effect.from_days, ends, strict=True)
        ]
        return np.sum(parts, axis=0)

    return total


# True values, person by person


class Life(NamedTuple):
    """One person: their offences under each arm received, as (day, code), and what they take."""

    offences: tuple[list[tuple[int, int]], list[tuple[int, int]]]
    takes: tuple[int, int]
    needs: list[bool]
    resolved: tuple[list[bool], list[bool]]

    def assigned(self, z: int) -> list[tuple[int, int]]:
        """Return their offences when randomised to an arm."""
        return self.offences[self.takes[z]]

    def time(self, z: int) -> int:
        """Return the day of the first."""
        return min((day for day, _ in self.assigned(z)), default=NEVER)


def lives(cohort: Cohort) -> list[Life]:
    """Everyone."""
    histories, delivered = cohort.lives.histories, cohort.lives.delivered
    people = [
        Life(
            ([], []),
            (int(delivered.takes[0, i]), int(delivered.takes[1, i])),
            [bool(x) for x in cohort.lives.persons.needs[:, i]],
            tuple([bool(x) for x in delivered.resolved[z, :, i]] for z in (0, 1)),
        )
        for i in range(cohort.n)
    ]
    for j, person in enumerate(histories.person.tolist()):
        for z in (0, 1):
            day = int(histories.day[z, j])
            if day != NEVER:
                people[person].offences[z].append((day, int(histories.code[j])))
    return people


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def estimands(cohort: Cohort) -> dict[tuple[str, int], float]:
    """Return the value in the cohort of each estimand, by name and months."""
    everyone = lives(cohort)
    weights = [CAMBRIDGE_MEDIANS.weights[name] for name in cohort.scenario.recording.offences]
    values: dict[tuple[str, int], float] = {}
    for months in MONTHS:
        last = days_of(months)
        control, offered = (mean([life.time(z) <= last for life in everyone]) for z in (0, 1))
        values["risk difference", months] = offered - control
        alive = [mean([life.time(z) > last for life in everyone]) for z in (0, 1)]
        values["survival difference", months] = alive[1] - alive[0]
        values["risk ratio", months] = offered / control
        values["odds ratio", months] = offered / (1 - offered) / (control / (1 - control))
        free = [mean([min(life.time(z), last) for life in everyone]) for z in (0, 1)]
        values["restricted mean difference", months] = free[1] - free[0]
        values["restricted mean ratio", months] = free[1] / free[0]
        often = [
            mean([sum(day <= last for day, _ in life.assigned(z)) for life in everyone])
            for z in (0, 1)
        ]
        values["rate ratio", months] = often[1] / often[0]
        values["reoffences difference", months] = often[1] - often[0]
        harm = [
            mean(
                [sum(weights[c] for day, c in life.assigned(z) if day <= last) for life in everyone]
            )
            for z in (0, 1)
        ]
        values["harm difference", months] = harm[1] - harm[0]
        compliers = [life for life in everyone if life.takes == (0, 1)]
        values["complier risk difference", months] = mean(
            [(life.time(1) <= last) - (life.time(0) <= last) for life in compliers]
        )
    contract = cohort.scenario.delivery.contract_months
    for k, need in enumerate(cohort.scenario.population.needs):
        among = [life for life in everyone if life.needs[k]]
        values[f"resolved: {need}", contract] = mean(
            [life.resolved[life.takes[1]][k] - life.resolved[life.takes[0]][k] for life in among]
        )
    values["Cox limit", 24] = cox(
        [[life.time(z) for life in everyone] for z in (0, 1)], days_of(24)
    )
    return values


def cox(times: list[list[int]], last: int, treated_share: float = 0.5) -> float:
    """Root of the Breslow score when everyone is in both arms, weighted by the arms' shares."""
    shares = (1 - treated_share, treated_share)
    events = [np.bincount([t for t in arm if t <= last], minlength=last + 1) for arm in times]
    n = len(times[0])
    risk_sets = []
    for arm in events:
        left, sets = n, []
        for count in arm.tolist():
            sets.append(left)
            left -= count
        risk_sets.append(sets)

    def score(log_ratio: float) -> float:
        terms = []
        for day in range(last + 1):
            d = [share * float(arm[day]) for share, arm in zip(shares, events, strict=True)]
            one = shares[1] * risk_sets[1][day] * math.exp(log_ratio)
            zero = shares[0] * risk_sets[0][day]
            if sum(d):
                terms.append(d[1] - sum(d) * one / (one + zero))
        return math.fsum(terms)

    return math.exp(brentq(score, -10, 10, xtol=1e-14, rtol=1e-14))
