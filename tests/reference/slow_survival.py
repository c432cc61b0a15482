"""Slow second implementations for one arm's curve and for tests of equal curves.

Loops over people and times, exact arithmetic in fractions, nothing shared with the library.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from scipy.stats import norm

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

FLAT = 1e-9  # two survival values closer than this are one value; the data sets are far coarser


class Person(NamedTuple):
    """One person under observation on (entry, time]; at risk at t when entry < t <= time."""

    time: float
    event: bool
    arm: int = 0
    stratum: Hashable = 0
    entry: float = -math.inf


class Step(NamedTuple):
    """The Kaplan-Meier curve just after one time; greenwood is None where it is infinite."""

    time: float
    at_risk: int
    events: int
    censored: int
    survival: Fraction
    greenwood: Fraction | None

    @property
    def variance(self) -> float:
        """Greenwood (1926): S(t)^2 times the sum of d / (n (n - d))."""
        return math.nan if self.greenwood is None else float(self.survival**2 * self.greenwood)


def at_risk(people: Sequence[Person], time: float) -> list[Person]:
    """Everyone with entry < t <= time (Andersen, Borgan, Gill & Keiding 1993, section III.2)."""
    return [person for person in people if person.entry < time <= person.time]


def deaths(people: Sequence[Person], time: float) -> list[Person]:
    """Everyone at risk at t whose event happens at t."""
    return [person for person in at_risk(people, time) if person.event and person.time == time]


def event_times(people: Sequence[Person]) -> list[float]:
    """Distinct times at which somebody has the event, ascending."""
    return sorted({person.time for person in people if person.event})


def kaplan_meier(people: Sequence[Person], grid: Sequence[float] | None = None) -> list[Step]:
    """Kaplan & Meier (1958), eq. (2b): the product of 1 - d/n, on the given or observed times."""
    survival, greenwood = Fraction(1), Fraction(0)
    steps = []
    for time in sorted({person.time for person in people}) if grid is None else grid:
        n, d = len(at_risk(people, time)), len(deaths(people, time))
        censored = sum(person.time == time and not person.event for person in people)
        if d > 0:
            survival *= 1 - Fraction(d, n)
            if d == n:
                greenwood = None
            elif greenwood is not None:
                greenwood += Fraction(d, n * (n - d))
        steps.append(Step(time, n, d, censored, survival, greenwood))
    return steps


def limits(step: Step, interval: str, level: float = 0.95) -> tuple[float, float]:
    """Kalbfleisch & Prentice (1980, section 1.3): S +- z se on the plain, log or log-log scale."""
    s = float(step.survival)
    if s == 0 or step.greenwood is None or (s == 1 and interval == "log-log"):
        return math.nan, math.nan
    z = float(norm.ppf(0.5 + level / 2))
    root = math.sqrt(step.greenwood)  # standard error of log S
    if interval == "plain":
        return max(0.0, s - z * s * root), min(1.0, s + z * s * root)
    if interval == "log":
        return s * math.exp(-z * root), min(1.0, s * math.exp(z * root))
    centre, width = math.log(-math.log(s)), z * root / abs(math.log(s))
    return math.exp(-math.exp(centre + width)), math.exp(-math.exp(centre - width))


def quantile(times: Sequence[float], curve: Sequence[float], p: float) -> float:
    """Time by which a share p has had the event; midpoint of a flat at 1 - p (quantile.survfit).

    A flat stretch that lasts to the end of the curve ends at its last time. nan: not reached.
    """
    known = [(t, float(s)) for t, s in zip(times, curve, strict=True) if not math.isnan(s)]
    reached = [(t, s) for t, s in known if s <= 1 - p + FLAT]
    if not reached:
        return math.nan
    start, height = reached[0]
    if height < 1 - p - FLAT:
        return start
    below = [t for t, s in reached if s < 1 - p - FLAT]
    return (start + (below[0] if below else times[-1])) / 2


def survival_at(people: Sequence[Person], time: float) -> tuple[float, float]:
    """S(t) and its Greenwood variance, read as a right-continuous step function."""
    past = [step for step in kaplan_meier(people) if step.time <= time]
    return (float(past[-1].survival), past[-1].variance) if past else (1.0, 0.0)


def restricted_mean(people: Sequence[Person], horizon: float) -> tuple[Fraction, Fraction]:
    """Area under S to the horizon and its variance, both as exact fractions.

    The variance is the double integral of Cov(S(u), S(v)) = S(u) S(v) G(min(u, v)), with G
    Greenwood's sum (Andersen et al. 1993, eq. 4.1.10): rectangle by rectangle, not by the A_j.
    """
    cuts = [t for t in event_times(people) if t < horizon]
    starts = [Fraction(0), *(Fraction(t) for t in cuts)]
    ends = [*starts[1:], Fraction(horizon)]
    curve = [(Fraction(1), Fraction(0))]
    curve += [(step.survival, step.greenwood or Fraction(0)) for step in kaplan_meier(people, cuts)]
    area, variance = Fraction(0), Fraction(0)
    for a, (s, _) in enumerate(curve):
        area += s * (ends[a] - starts[a])
        for b, (other, _) in enumerate(curve):
            rectangle = (ends[a] - starts[a]) * (ends[b] - starts[b])
            variance += rectangle * s * other * curve[min(a, b)][1]
    return area, variance


def wald(value: float, variance: float, level: float = 0.95) -> tuple[float, float, float]:
    """Low, high and two-sided p-value of value / se against zero."""
    z, error = float(norm.ppf(0.5 + level / 2)), math.sqrt(variance)
    return value - z * error, value + z * error, 2 * float(norm.sf(abs(value) / error))


def by_arm(people: Sequence[Person], arm: int) -> list[Person]:
    """Keep the people of one arm."""
    return [person for person in people if person.arm == arm]


def left_survival(people: Sequence[Person], time: float) -> Fraction:
    """Pooled Kaplan-Meier just before t."""
    survival = Fraction(1)
    for earlier in event_times(people):
        if earlier < time:
            n, d = len(at_risk(people, earlier)), len(deaths(people, earlier))
            survival *= 1 - Fraction(d, n)
    return survival


def logrank_parts(
    people: Sequence[Person], arms: int, rho: float = 0, gamma: float = 0
) -> tuple[list[Fraction], list[list[Fraction]]]:
    """Weighted O - E and its hypergeometric covariance, summed over strata.

    Fleming & Harrington (1991), section 7.2, with weight S(t-)^rho (1 - S(t-))^gamma from the
    pooled curve of the stratum; Mantel (1966) for strata; d (n - d) / (n - 1) for ties.
    """
    excess = [Fraction(0)] * arms
    covariance = [[Fraction(0)] * arms for _ in range(arms)]
    for stratum in {person.stratum for person in people}:
        members = [person for person in people if person.stratum == stratum]
        for time in event_times(members):
            before = left_survival(members, time)
            weight = Fraction(float(before) ** rho * float(1 - before) ** gamma)
            risk, dead = at_risk(members, time), deaths(members, time)
            n, d = len(risk), len(dead)
            share = [Fraction(len(by_arm(risk, arm)), n) for arm in range(arms)]
            spread = weight**2 * Fraction(d * (n - d), n - 1) if n > 1 else Fraction(0)
            for a in range(arms):
                excess[a] += weight * (len(by_arm(dead, a)) - d * share[a])
                for b in range(arms):
                    covariance[a][b] += spread * share[a] * ((a == b) - share[b])
    return excess, covariance


def solve(matrix: Sequence[Sequence[Fraction]], target: Sequence[Fraction]) -> list[Fraction]:
    """Gauss-Jordan elimination in exact fractions; the matrix must be regular."""
    rows = [[*row, right] for row, right in zip(matrix, target, strict=True)]
    for i in range(len(rows)):
        pivot = next(j for j in range(i, len(rows)) if rows[j][i] != 0)
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [entry / rows[i][i] for entry in rows[i]]
        for j in range(len(rows)):
            if j != i:
                rows[j] = [x - rows[j][i] * y for x, y in zip(rows[j], rows[i], strict=True)]
    return [row[-1] for row in rows]


def logrank(people: Sequence[Person], arms: int, rho: float = 0, gamma: float = 0) -> float:
    """Signed z for two arms, (O1 - E1) / sqrt(V); chi-square with arms - 1 df for more."""
    excess, covariance = logrank_parts(people, arms, rho, gamma)
    if arms == 2:
        return float(excess[1]) / math.sqrt(covariance[1][1])
    kept = [row[1:] for row in covariance[1:]]
    solution = solve(kept, excess[1:])
    return float(sum(x * y for x, y in zip(excess[1:], solution, strict=True)))
