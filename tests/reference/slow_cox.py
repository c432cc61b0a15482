"""Slow second implementation of Cox regression: sums over every death time's own risk set."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import minimize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Rows(NamedTuple):
    """Counting-process rows: at risk on (entry, exit], with case weight, stratum and cluster."""

    x: np.ndarray
    exit: np.ndarray
    event: np.ndarray
    entry: np.ndarray
    weight: np.ndarray
    stratum: np.ndarray
    cluster: np.ndarray


class Fit(NamedTuple):
    """Maximum partial likelihood fit, model covariance and sandwich."""

    coef: np.ndarray
    covariance: np.ndarray
    robust: np.ndarray
    loglik_null: float
    loglik: float


class Moment(NamedTuple):
    """One term of the likelihood at one death time: hazard mass, S0, S1 and S2 of the risk set.

    ``fade`` is how much of each dead person's risk has been taken out (Efron's k / d).
    """

    mass: float
    fade: float
    s0: float
    s1: np.ndarray
    s2: np.ndarray


def make_rows(x: np.ndarray, exit_: np.ndarray, event: np.ndarray, **extra: np.ndarray) -> Rows:
    """Rows with entry before all time, unit weight, one stratum and each row its own cluster."""
    n = len(exit_)
    defaults = {
        "entry": np.full(n, -np.inf),
        "weight": np.ones(n),
        "stratum": np.zeros(n, dtype=int),
        "cluster": np.arange(n),
    }
    columns = {name: np.asarray(value) for name, value in (defaults | extra).items()}
    matrix = np.asarray(x, dtype=float).reshape(n, -1)
    return Rows(matrix, np.asarray(exit_, float), np.asarray(event).astype(bool), **columns)


def death_times(rows: Rows) -> Iterator[tuple[list[int], list[int]]]:
    """For each stratum and distinct death time: who is at risk and who dies."""
    for stratum in sorted(set(rows.stratum.tolist())):
        members = [i for i in range(len(rows.exit)) if rows.stratum[i] == stratum]
        for time in sorted({rows.exit[i] for i in members if rows.event[i]}):
            risk = [i for i in members if rows.entry[i] < time <= rows.exit[i]]
            yield risk, [i for i in risk if rows.event[i] and rows.exit[i] == time]


def moments(
    rows: Rows, beta: np.ndarray, ties: str, risk: Sequence[int], dead: Sequence[int]
) -> list[Moment]:
    """List the terms of one death time.

    Breslow (1974): one term with the whole risk set, mass = summed weight of the dead.
    Efron (1977), weighted as Therneau & Grambsch (2000, section 3.3): d terms, each with mass
    the mean weight of the dead, the k-th with the fraction k/d of the dead removed.
    """

    def power_sums(who: Sequence[int]) -> tuple[float, np.ndarray, np.ndarray]:
        p = rows.x.shape[1]
        s0, s1, s2 = 0.0, np.zeros(p), np.zeros((p, p))
        for i in who:
            r = rows.weight[i] * np.exp(rows.x[i] @ beta)
            s0, s1, s2 = s0 + r, s1 + r * rows.x[i], s2 + r * np.outer(rows.x[i], rows.x[i])
        return s0, s1, s2

    a0, a1, a2 = power_sums(risk)
    total = float(sum(rows.weight[i] for i in dead))
    if ties == "breslow":
        return [Moment(total, 0.0, a0, a1, a2)]
    b0, b1, b2 = power_sums(dead)
    d = len(dead)
    fades = [k / d for k in range(d)]
    return [Moment(total / d, f, a0 - f * b0, a1 - f * b1, a2 - f * b2) for f in fades]


def loglik(rows: Rows, beta: np.ndarray, ties: str) -> float:
    """Sum of w x'beta over deaths minus mass times log S0 over the terms."""
    value = 0.0
    for risk, dead in death_times(rows):
        value += sum(rows.weight[i] * float(rows.x[i] @ beta) for i in dead)
        value -= sum(m.mass * np.log(m.s0) for m in moments(rows, beta, ties, risk, dead))
    return float(value)


def score(rows: Rows, beta: np.ndarray, ties: str) -> np.ndarray:
    """First derivative: sum of w x over deaths minus mass times the risk-set mean."""
    value = np.zeros(len(beta))
    for risk, dead in death_times(rows):
        value += sum(rows.weight[i] * rows.x[i] for i in dead)
        value -= sum(m.mass * m.s1 / m.s0 for m in moments(rows, beta, ties, risk, dead))
    return value


def information(rows: Rows, beta: np.ndarray, ties: str) -> np.ndarray:
    """Minus the second derivative: mass times the risk-set covariance, summed."""
    value = np.zeros((len(beta), len(beta)))
    for risk, dead in death_times(rows):
        for m in moments(rows, beta, ties, risk, dead):
            mean = m.s1 / m.s0
            value += m.mass * (m.s2 / m.s0 - np.outer(mean, mean))
    return value


def score_residuals(rows: Rows, beta: np.ndarray, ties: str) -> np.ndarray:
    """Each row's (x - mean) dM, unweighted, one row of the result per row of the data.

    Therneau & Grambsch (2000), section 4.6: observed part minus compensator. Under Efron a
    death is spread evenly over the d terms and stays at risk in the k-th with share 1 - k/d.
    """
    value = np.zeros(rows.x.shape)
    for risk, dead in death_times(rows):
        terms = moments(rows, beta, ties, risk, dead)
        for m in terms:
            mean = m.s1 / m.s0
            for i in risk:
                share = 1.0 - m.fade if i in dead else 1.0
                hazard = share * np.exp(rows.x[i] @ beta) * m.mass / m.s0
                observed = 1 / len(terms) if i in dead else 0.0
                value[i] += (rows.x[i] - mean) * (observed - hazard)
    return value


def sandwich(rows: Rows, beta: np.ndarray, ties: str) -> np.ndarray:
    """Lin & Wei (1989): I^-1 (sum over clusters of the weighted residual sums, squared) I^-1."""
    residuals = score_residuals(rows, beta, ties)
    meat = np.zeros((len(beta), len(beta)))
    for cluster in set(rows.cluster.tolist()):
        members = [i for i in range(len(rows.exit)) if rows.cluster[i] == cluster]
        total = sum(rows.weight[i] * residuals[i] for i in members)
        meat += np.outer(total, total)
    bread = np.linalg.inv(information(rows, beta, ties))
    return bread @ meat @ bread


def fit(rows: Rows, ties: str) -> Fit:
    """Maximise the slow likelihood with a generic trust-region optimiser."""
    p = rows.x.shape[1]
    centre = rows.x.mean(axis=0)  # shifting x changes neither slope nor likelihood, only scale
    spread = np.where(rows.x.std(axis=0) > 0, rows.x.std(axis=0), 1.0)
    scaled = rows._replace(x=(rows.x - centre) / spread)
    found = minimize(
        lambda beta: -loglik(scaled, beta, ties),
        np.zeros(p),
        jac=lambda beta: -score(scaled, beta, ties),
        hess=lambda beta: information(scaled, beta, ties),
        method="trust-exact",
        options={"gtol": 1e-9},
    )
    # trust-exact stops early once the likelihood is flat to rounding: one last Newton step
    curvature = information(scaled, found.x, ties)
    beta = (found.x + np.linalg.solve(curvature, score(scaled, found.x, ties))) / spread
    covariance = np.linalg.inv(information(rows, beta, ties))
    null = loglik(rows, np.zeros(p), ties)
    best = loglik(rows, beta, ties)
    return Fit(beta, covariance, sandwich(rows, beta, ties), null, best)
