"""Slow second implementations for competing causes, combined tests and proportionality.

Loops over people and times, fractions where roots and exponents allow, nothing shared with the
library. Kind 0 is censored, 1 the event, 2 and more other causes.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import slow_cox
from scipy.optimize import minimize
from scipy.stats import rankdata
from slow_survival import solve

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

ONE = Fraction(1)


class Person(NamedTuple):
    """Followed to `time`, which ended as `kind` says."""

    time: float
    kind: int
    arm: int = 0
    stratum: Hashable = 0


def members(people: Sequence[Person], arm: int) -> list[Person]:
    """Keep the people of one arm."""
    return [p for p in people if p.arm == arm]


def count(people: Sequence[Person], time: float, *, of: Sequence[int] | None = None) -> int:
    """How many are at risk at the time, or end at it in one of these kinds."""
    if of is None:
        return sum(p.time >= time for p in people)
    return sum(p.time == time and p.kind in of for p in people)


def kinds(people: Sequence[Person], *, but: int = 0) -> list[int]:
    """Every cause there is, but one."""
    return sorted({p.kind for p in people} - {0, but})


def free(people: Sequence[Person], time: float, *, before: bool = False) -> Fraction:
    """Kaplan-Meier of being free of all causes, just after the time or just before it."""
    value = ONE
    for s in sorted({p.time for p in people if p.kind > 0}):
        if s < time or (s == time and not before):
            value *= 1 - Fraction(count(people, s, of=kinds(people)), count(people, s))
    return value


def incidence(
    people: Sequence[Person], cause: int, time: float, *, before: bool = False
) -> Fraction:
    """Aalen & Johansen (1978): the sum of S(s-) d(s) / r(s)."""
    value = Fraction(0)
    for s in sorted({p.time for p in people if p.kind == cause}):
        if s < time or (s == time and not before):
            share = Fraction(count(people, s, of=[cause]), count(people, s))
            value += free(people, s, before=True) * share
    return value


def incidence_variance(people: Sequence[Person], cause: int, time: float) -> Fraction:
    """Aalen (1978): each time's influence squared, times the hypergeometric variance of its d / r.

    Once S(s) = 0 nothing more can happen, so the later incidence that d(s) could take away is 0.
    """
    value = Fraction(0)
    for s in sorted({p.time for p in people if p.kind > 0 and p.time <= time}):
        r, d1 = count(people, s), count(people, s, of=[cause])
        d2 = count(people, s, of=kinds(people, but=cause))
        left, right = free(people, s, before=True), free(people, s)
        later = incidence(people, cause, time) - incidence(people, cause, s)
        f = later * left / right if right else Fraction(0)
        for d, influence in ((d1, left - f), (d2, f)):
            spread = Fraction(d, r * r) * (1 - Fraction(d - 1, r - 1) if d > 1 else 1)
            value += influence**2 * spread
    return value


def gray_parts(
    people: Sequence[Person], cause: int, arms: int
) -> tuple[list[Fraction], list[list[Fraction]]]:
    """Score and covariance of Gray (1988) with rho = 0, summed over strata.

    Score of arm i: d_i - d R_i / R, where R_i = r_i (1 - F_i(t-)) / S_i(t-) is the size of the
    subdistribution's risk set. Variance: an event at s moves score i by a_ik(s) at once, and by
    the pooled incidence through S_k at every later time; each influence is squared and given
    the variance of the event's increment under the null, with the tie terms of R cmprsk.
    """
    scores = [Fraction(0)] * arms
    total = [[Fraction(0)] * arms for _ in range(arms)]
    for stratum in {p.stratum for p in people}:
        mine = [p for p in people if p.stratum == stratum]
        score, covariance = _gray_of_one_stratum(mine, cause, arms)
        for i in range(arms):
            scores[i] += score[i]
            for j in range(arms):
                total[i][j] += covariance[i][j]
    return scores, total


def _gray_of_one_stratum(
    people: Sequence[Person], cause: int, arms: int
) -> tuple[list[Fraction], list[list[Fraction]]]:
    by = [members(people, k) for k in range(arms)]
    times = sorted({p.time for p in people if p.kind > 0})
    watched = {t: [k for k in range(arms) if count(by[k], t)] for t in times}
    null, pooled = {}, Fraction(0)  # pooled incidence just after each time, under the null
    slope: dict[float, list[list[Fraction]]] = {}
    jump: dict[float, list[list[Fraction]]] = {}
    score = [Fraction(0)] * arms
    for t in times:
        d = count(people, t, of=[cause])
        mass, size = [Fraction(0)] * arms, [Fraction(0)] * arms
        for k in watched[t]:
            mass[k] = count(by[k], t) / free(by[k], t, before=True)
            size[k] = mass[k] * (1 - incidence(by[k], cause, t, before=True))
        all_mass = sum(mass, Fraction(0))
        jump[t] = [
            [mass[i] * ((i == k) - mass[k] / all_mass) for k in range(arms)] for i in range(arms)
        ]
        hazard = d / (all_mass * (1 - pooled))
        slope[t] = [[entry * hazard for entry in row] for row in jump[t]]
        for k in watched[t]:
            score[k] += count(by[k], t, of=[cause]) - d * size[k] / sum(size, Fraction(0))
        pooled += d / all_mass
        null[t] = pooled
    covariance = [[Fraction(0)] * arms for _ in range(arms)]
    for t in times:
        d = count(people, t, of=[cause])
        mass = sum((count(by[k], t) / free(by[k], t, before=True) for k in watched[t]), Fraction(0))
        later = [
            [sum((slope[u][i][k] for u in times if u > t), Fraction(0)) for k in range(arms)]
            for i in range(arms)
        ]
        for k in watched[t]:
            r, before, after = count(by[k], t), free(by[k], t, before=True), free(by[k], t)
            others = count(by[k], t, of=kinds(people, but=cause))
            ratio = (1 - null[t]) / after if after else Fraction(0)
            tie = 1 - (d - 1) / (mass * before - 1) if d > 1 else ONE
            own = [jump[t][i][k] + (1 - ratio if after else 1) * later[i][k] for i in range(arms)]
            spread = tie * before * d / (mass * r)
            tie = 1 - Fraction(others - 1, r - 1) if others > 1 else ONE
            other = [ratio * later[i][k] for i in range(arms)]
            other_spread = tie * before**2 * Fraction(others, r * r)
            for i in range(arms):
                for j in range(arms):
                    covariance[i][j] += own[i] * own[j] * spread
                    covariance[i][j] += other[i] * other[j] * other_spread
    return score, covariance


def two_sided(score: Sequence[Fraction], covariance: Sequence[Sequence[Fraction]]) -> float:
    """Signed z of the second of two arms; the chi-square of all but the first for more."""
    if len(score) == 2:
        return float(score[1]) / math.sqrt(covariance[1][1])
    solution = solve([row[1:] for row in covariance[1:]], score[1:])
    return float(sum(x * y for x, y in zip(score[1:], solution, strict=True)))


class Subdistribution:
    """Fine & Gray (1999) with everyone's weight at every event time, O(n^2) and more."""

    def __init__(self, x: np.ndarray, time: Sequence[float], kind: Sequence[int]) -> None:
        self.x, self.time, self.kind = x, list(time), list(kind)
        self.events = sorted({t for t, k in zip(time, kind, strict=True) if k == 1})
        self.censored = sorted({t for t, k in zip(time, kind, strict=True) if k == 0})
        self.n, self.p = x.shape

    def uncensored(self, time: float) -> float:
        """G(t-): the Kaplan-Meier estimate of being uncensored just before the time."""
        value = ONE
        for c in self.censored:
            if c < time:
                left = sum(t == c and k == 0 for t, k in zip(self.time, self.kind, strict=True))
                value *= 1 - Fraction(left, sum(t >= c for t in self.time))
        return float(value)

    def weight(self, i: int, time: float) -> float:
        """1 while under observation; G(t-) / G(T-) after another cause; else 0."""
        if self.time[i] >= time:
            return 1.0
        if self.kind[i] < 2:
            return 0.0
        return self.uncensored(time) / self.uncensored(self.time[i])

    def sums(self, beta: np.ndarray, time: float) -> tuple[float, np.ndarray, np.ndarray]:
        """S0, S1 and S2 of the weighted risk set."""
        s0, s1, s2 = 0.0, np.zeros(self.p), np.zeros((self.p, self.p))
        for i in range(self.n):
            r = self.weight(i, time) * math.exp(self.x[i] @ beta)
            s0, s1, s2 = (
                s0 + r,
                s1 + r * self.x[i],
                s2 + r * np.outer(self.x[i], self.x[i]),
            )
        return s0, s1, s2

    def dying(self, time: float) -> list[int]:
        """Who has the event at the time."""
        return [i for i in range(self.n) if self.time[i] == time and self.kind[i] == 1]

    def loglik(self, beta: np.ndarray) -> float:
        """The weighted partial log-likelihood; tied events as Breslow has them."""
        value = 0.0
        for t in self.events:
            s0 = self.sums(beta, t)[0]
            value += sum(float(self.x[i] @ beta) - math.log(s0) for i in self.dying(t))
        return value

    def score(self, beta: np.ndarray) -> np.ndarray:
        """Its gradient."""
        value = np.zeros(self.p)
        for t in self.events:
            s0, s1, _ = self.sums(beta, t)
            value += sum((self.x[i] - s1 / s0 for i in self.dying(t)), np.zeros(self.p))
        return value

    def information(self, beta: np.ndarray) -> np.ndarray:
        """Minus its second derivative."""
        value = np.zeros((self.p, self.p))
        for t in self.events:
            s0, s1, s2 = self.sums(beta, t)
            value += len(self.dying(t)) * (s2 / s0 - np.outer(s1, s1) / s0**2)
        return value

    def fit(self) -> np.ndarray:
        """Maximise by a generic optimiser, then one Newton step where it stopped."""
        found = minimize(
            lambda beta: -self.loglik(beta),
            np.zeros(self.p),
            jac=lambda beta: -self.score(beta),
            method="BFGS",
            options={"gtol": 1e-6},
        )
        return found.x + np.linalg.solve(self.information(found.x), self.score(found.x))

    def covariance(self, beta: np.ndarray) -> np.ndarray:
        """Fine & Gray, section 3: I^-1 sum (eta + psi)(eta + psi)' I^-1.

        psi is what the estimated censoring curve adds: censoring at u with T_i < u <= t, as the
        paper has it, moves the weight at t of everyone i who had another cause at T_i.
        """
        terms = {}
        for t in self.events:
            s0, s1, _ = self.sums(beta, t)
            terms[t] = (s1 / s0, len(self.dying(t)) / s0)
        residual = np.zeros((self.n, self.p))
        for t, (mean, hazard) in terms.items():
            for i in range(self.n):
                expected = self.weight(i, t) * math.exp(self.x[i] @ beta) * hazard
                observed = self.time[i] == t and self.kind[i] == 1
                residual[i] += (self.x[i] - mean) * (observed - expected)
        for u in self.censored:
            q = np.zeros(self.p)
            for t, (mean, hazard) in terms.items():
                for i in range(self.n):
                    if self.kind[i] >= 2 and self.time[i] < u <= t:
                        r = self.weight(i, t) * math.exp(self.x[i] @ beta)
                        q += (self.x[i] - mean) * r * hazard
            risk = [i for i in range(self.n) if self.time[i] >= u]
            left = [i for i in risk if self.time[i] == u and self.kind[i] == 0]
            for i in risk:
                residual[i] += q / len(risk) * ((i in left) - len(left) / len(risk))
        bread = np.linalg.inv(self.information(beta))
        return bread @ residual.T @ residual @ bread


def _survival(people: Sequence[Person], time: float, *, before: bool, add: int = 0) -> Fraction:
    """The product of 1 - d / (r + add) up to a time, everything but the event censored."""
    value = ONE
    for s in sorted({p.time for p in people if p.kind == 1}):
        if s < time or (s == time and not before):
            value *= 1 - Fraction(count(people, s, of=[1]), count(people, s) + add)
    return value


def fleming_harrington(rho: float, gamma: float) -> Callable[[Sequence[Person], float], float]:
    """S(t-)^rho (1 - S(t-))^gamma."""

    def weight(people: Sequence[Person], time: float) -> float:
        s = float(_survival(people, time, before=True))
        return s**rho * (1 - s) ** gamma

    return weight


def gehan(people: Sequence[Person], time: float) -> float:
    """The number at risk."""
    return count(people, time)


def tarone_ware(people: Sequence[Person], time: float) -> float:
    """Its root."""
    return math.sqrt(count(people, time))


def peto_peto(people: Sequence[Person], time: float) -> float:
    """Klein & Moeschberger (2003), section 7.3: the product of 1 - d / (r + 1), t included."""
    return float(_survival(people, time, before=False, add=1))


def modestly_weighted(
    *, until: float | None = None, survival: float | None = None
) -> Callable[[Sequence[Person], float], float]:
    """Magirr & Burman (2019): 1 / max(S(t-), S*), S* read just before `until`."""

    def weight(people: Sequence[Person], time: float) -> float:
        lowest = float(_survival(people, until, before=True)) if survival is None else survival
        return 1 / max(float(_survival(people, time, before=True)), lowest)

    return weight


def weighted_excess(
    people: Sequence[Person],
    weights: Sequence[Callable[[Sequence[Person], float], float]],
    arms: int = 2,
) -> tuple[np.ndarray, np.ndarray]:
    """O - E of each weight and arm, and the covariance of (weight, arm) with (weight, arm)."""
    m = len(weights)
    excess, covariance = np.zeros((m, arms)), np.zeros((m, arms, m, arms))
    for stratum in {p.stratum for p in people}:
        mine = [p for p in people if p.stratum == stratum]
        for time in sorted({p.time for p in mine if p.kind == 1}):
            w = np.array([weight(mine, time) for weight in weights])
            n, d = count(mine, time), count(mine, time, of=[1])
            share = [count(members(mine, k), time) / n for k in range(arms)]
            spread = d * (n - d) / (n - 1) if n > 1 else 0.0
            for a in range(arms):
                dead = count(members(mine, a), time, of=[1])
                excess[:, a] += w * (dead - d * share[a])
                for b in range(arms):
                    v = spread * share[a] * ((a == b) - share[b])
                    covariance[:, a, :, b] += np.outer(w, w) * v
    return excess, covariance


def weighted_logrank(
    people: Sequence[Person], weight: Callable[[Sequence[Person], float], float], arms: int = 2
) -> float:
    """Signed z for two arms, chi-square for more."""
    excess, covariance = weighted_excess(people, [weight], arms)
    if arms == 2:
        return float(excess[0, 1] / math.sqrt(covariance[0, 1, 0, 1]))
    kept = covariance[0, 1:, 0, 1:]
    return float(excess[0, 1:] @ np.linalg.solve(kept, excess[0, 1:]))


def combined(
    people: Sequence[Person], weights: Sequence[Callable[[Sequence[Person], float], float]]
) -> tuple[np.ndarray, np.ndarray]:
    """The z of each weight for treatment, and their correlations (Karrison 2016)."""
    excess, covariance = weighted_excess(people, weights)
    v = covariance[:, 1, :, 1]
    size = np.sqrt(np.diag(v))
    return excess[:, 1] / size, v / np.outer(size, size)


def transformed(time: Sequence[float], event: Sequence[int], how: str) -> dict[float, float]:
    """g of each event time: over everyone, whatever their stratum."""
    people = [Person(t, int(e)) for t, e in zip(time, event, strict=True)]
    ranks = dict(zip(time, rankdata(time), strict=True))
    of = {
        "km": lambda t: 1 - float(_survival(people, t, before=True)),
        "rank": lambda t: float(ranks[t]),
        "identity": lambda t: t,
        "log": math.log,
    }[how]
    return {t: of(t) for t in sorted({p.time for p in people if p.kind})}


class Proportionality(NamedTuple):
    """Chi-squares of each term on 1 df, and of all."""

    terms: np.ndarray
    everything: float


def proportionality(rows: slow_cox.Rows, how: str, ties: str) -> Proportionality:
    """Score tests of x g(t) added to the model, at the fit without it.

    Grambsch & Therneau (1994): each person is cut at every event time, so that x g(t) is a
    column like any other; the information is the numerical derivative of the score (five
    points, error of order step^4).
    """
    beta = slow_cox.fit(rows, ties).coef
    g = transformed(rows.exit.tolist(), rows.event.astype(int).tolist(), how)
    reach = max(abs(value) for value in g.values())  # the test does not depend on the scale of g
    pieces = []
    for i in range(len(rows.exit)):
        start = -math.inf
        for t, value in g.items():
            if t <= rows.exit[i]:
                dead = rows.event[i] and rows.exit[i] == t
                x = [*rows.x[i], *(rows.x[i] * value / reach)]
                pieces.append((x, t, dead, start, rows.stratum[i]))
                start = t
    x, exit_, event, entry, stratum = zip(*pieces, strict=True)
    cut = slow_cox.make_rows(
        np.array(x), np.array(exit_), np.array(event), entry=np.array(entry), stratum=stratum
    )
    p = len(beta)
    at = np.concatenate([beta, np.zeros(p)])
    spread = np.array(x).std(axis=0)
    information = np.zeros((2 * p, 2 * p))
    for j in range(2 * p):
        step = np.zeros(2 * p)
        step[j] = 2e-3 / spread[j]
        far, near = (
            slow_cox.score(cut, at + k * step, ties) - slow_cox.score(cut, at - k * step, ties)
            for k in (2, 1)
        )
        information[:, j] = -(8 * near - far) / (12 * step[j])
    score = slow_cox.score(cut, at, ties)

    def chi_square(added: Sequence[int]) -> float:
        kept = [*range(p), *added]
        part = np.where(np.isin(kept, added), score[kept], 0.0)
        return float(part @ np.linalg.solve(information[np.ix_(kept, kept)], part))

    each = np.array([chi_square([p + j]) for j in range(p)])
    return Proportionality(each, chi_square(range(p, 2 * p)))
