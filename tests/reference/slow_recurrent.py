"""Slow second implementations for repeated events: mean functions, their test, the four models.

Loops over people, times and pairs of rows; fractions where the answer is rational; nothing shared
with the library.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import minimize, root

if TYPE_CHECKING:
    from collections.abc import Sequence


class Interval(NamedTuple):
    """Someone at risk on (start, stop]; an event happens at stop."""

    person: int
    start: float
    stop: float
    event: bool


class Step(NamedTuple):
    """The mean cumulative function just after one time of events."""

    time: float
    at_risk: int
    events: int
    mean: Fraction
    variance: Fraction


class Row(NamedTuple):
    """One row of a Cox model: at risk on (entry, exit] in one stratum."""

    person: int
    entry: float
    exit: float
    event: bool
    stratum: int


class Model(NamedTuple):
    """A maximum of the partial likelihood; `sandwich` sums scores by person."""

    coef: np.ndarray
    sandwich: np.ndarray


def at_risk(intervals: Sequence[Interval], who: set[int], time: float) -> list[int]:
    """Those of `who` with start < t <= stop."""
    return [one.person for one in intervals if one.person in who and one.start < time <= one.stop]


def events_at(intervals: Sequence[Interval], who: set[int], time: float) -> list[int]:
    """Those of `who` with an event at t."""
    return [one.person for one in intervals if one.person in who and one.event and one.stop == time]


def event_times(intervals: Sequence[Interval], who: set[int]) -> list[float]:
    """When anyone of `who` has an event."""
    return sorted({one.stop for one in intervals if one.event and one.person in who})


def mean_cumulative(intervals: Sequence[Interval], who: set[int]) -> list[Step]:
    """Nelson (1988), with the variance of Lawless and Nadeau (1995), eq. 2.3.

    M(t) is the sum of dN / Y. Its variance is the sum over people of the square of
    the sum over s <= t of (dN_i(s) - Y_i(s) dN(s) / Y(s)) / Y(s).
    """
    mean, steps = Fraction(0), []
    left_over = dict.fromkeys(who, Fraction(0))
    for time in event_times(intervals, who):
        here, had = at_risk(intervals, who, time), events_at(intervals, who, time)
        rate = Fraction(len(had), len(here))
        mean += rate
        for person in here:
            left_over[person] += (int(person in had) - rate) / len(here)
        variance = sum((value**2 for value in left_over.values()), Fraction(0))
        steps.append(Step(time, len(here), len(had), mean, variance))
    return steps


def mean_at(steps: Sequence[Step], time: float) -> tuple[Fraction, Fraction]:
    """Mean and variance at a time."""
    before = [step for step in steps if step.time <= time]
    return (before[-1].mean, before[-1].variance) if before else (Fraction(0), Fraction(0))


def mean_test(
    intervals: Sequence[Interval], treatment: set[int], control: set[int]
) -> tuple[Fraction, Fraction]:
    """Numerator and variance of the two-arm test of Cook and Lawless (2007), section 3.7.5.

    The sum of w (dM1 - dM0) with w = Y1 Y0 / (Y1 + Y0); its variance sums, over everyone in
    either arm, the square of the sum of w / Y_arm (dN_i - Y_i dM_arm).
    """
    numerator, variance = Fraction(0), Fraction(0)
    left_over = dict.fromkeys(treatment | control, Fraction(0))
    for time in event_times(intervals, treatment | control):
        y1 = len(at_risk(intervals, treatment, time))
        y0 = len(at_risk(intervals, control, time))
        if not y1 or not y0:
            continue
        weight = Fraction(y1 * y0, y1 + y0)
        for who, size, sign in ((treatment, y1, 1), (control, y0, -1)):
            had = events_at(intervals, who, time)
            rate = Fraction(len(had), size)
            numerator += sign * weight * rate
            for person in at_risk(intervals, who, time):
                left_over[person] += weight / size * (int(person in had) - rate)
    variance = sum((value**2 for value in left_over.values()), Fraction(0))
    return numerator, variance


def z_of(numerator: Fraction, variance: Fraction) -> float:
    """The signed statistic."""
    return float(numerator) / math.sqrt(variance)


def rows_of(intervals: Sequence[Interval], method: str) -> list[Row]:
    """Lay intervals out as one of the four models wants them.

    Andersen and Gill (1982): one stratum. Prentice, Williams and Peterson (1981): stratum k holds
    those with k events before, the clock runs from randomisation, or from the last event and on
    through gaps. Wei, Lin and Weissfeld (1989): in stratum k everyone until their event k.
    """
    rows: list[Row] = []
    counts = [sum(other.event for other in intervals if other.person == one.person)
              for one in intervals]  # fmt: skip
    for one in intervals:
        mine = [other for other in intervals if other.person == one.person]
        before = [other.stop for other in mine if other.event and other.stop <= one.start]
        if method == "andersen-gill":
            rows.append(Row(one.person, one.start, one.stop, one.event, 0))
        elif method == "pwp-total":
            rows.append(Row(one.person, one.start, one.stop, one.event, len(before)))
        elif method == "pwp-gap":
            last = max(before, default=0)
            rows.append(Row(one.person, one.start - last, one.stop - last, one.event, len(before)))
        else:
            for k in range(len(before), max(counts)):
                kth = one.event and k == len(before)
                rows.append(Row(one.person, one.start, one.stop, kth, k))
    return rows


class _At(NamedTuple):
    """One time of one stratum: rows at risk, rows with the event, and each share removed."""

    here: list[int]
    had: list[int]
    shares: list[float]


def _times(rows: Sequence[Row], ties: str) -> list[_At]:
    """Efron (1977) removes j/d of the tied rows for the jth of them; Breslow (1974) none."""
    found = []
    for stratum, time in sorted({(row.stratum, row.exit) for row in rows if row.event}):
        here = [
            i
            for i, row in enumerate(rows)
            if row.stratum == stratum and row.entry < time <= row.exit
        ]
        had = [i for i in here if rows[i].event and rows[i].exit == time]
        shares = [j / len(had) if ties == "efron" else 0.0 for j in range(len(had))]
        found.append(_At(here, had, shares))
    return found


def _averages(at: _At, x: np.ndarray, risk: np.ndarray, share: float) -> tuple[float, np.ndarray]:
    """Sum of risks, and the average of x weighted by risk, with a share of the tied rows gone."""
    total, weighted = 0.0, np.zeros(x.shape[1])
    for i in at.here:
        kept = risk[i] * (1 - share if i in at.had else 1)
        total += kept
        weighted = weighted + kept * x[i]
    return total, weighted / total


def fit(rows: Sequence[Row], covariates: np.ndarray, ties: str) -> Model:
    """Maximise the partial likelihood; the sandwich of Lin and Wei (1989), summed by person.

    `covariates` are (people, p).
    """
    x = np.array([covariates[row.person] for row in rows], dtype=float)
    times = _times(rows, ties)

    def against(beta: np.ndarray) -> float:
        risk = np.exp(x @ beta)
        total = 0.0
        for at in times:
            total -= sum(float(x[i] @ beta) for i in at.had)
            total += sum(math.log(_averages(at, x, risk, share)[0]) for share in at.shares)
        return total

    def scores(beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One score a row, and the information."""
        risk = np.exp(x @ beta)
        score, information = np.zeros(x.shape), np.zeros((x.shape[1], x.shape[1]))
        for at in times:
            for share in at.shares:
                total, average = _averages(at, x, risk, share)
                for i in at.here:
                    off = x[i] - average
                    kept = risk[i] * (1 - share if i in at.had else 1) / total
                    score[i] -= kept * off
                    information += kept * np.outer(off, off)
                for i in at.had:
                    score[i] += (x[i] - average) / len(at.had)
        return score, information

    near = minimize(against, np.zeros(x.shape[1]), method="BFGS").x
    beta = root(lambda b: scores(b)[0].sum(axis=0), near, tol=1e-13).x
    score, information = scores(beta)
    by_person: dict[int, np.ndarray] = {}
    for row, value in zip(rows, score, strict=True):
        by_person[row.person] = by_person.get(row.person, np.zeros(x.shape[1])) + value
    bread = np.linalg.inv(information)
    meat = sum(np.outer(value, value) for value in by_person.values())
    return Model(beta, bread @ meat @ bread)


def people_at_random(seed: int, n: int = 16) -> list[Interval]:
    """Whole days with ties; gaps, late starts, ends at an event, and people never seen."""
    rng = np.random.default_rng(seed)
    found: list[Interval] = []
    for person in range(n):
        if person and rng.random() < 0.07:
            continue
        now, end = int(rng.integers(0, 3)) * int(rng.random() < 0.3), int(rng.integers(10, 18))
        while now < end:
            stop = min(now + int(rng.integers(1, 9)), end)
            event = bool(rng.random() < 0.55)
            found.append(Interval(person, now, stop, event))
            now = stop + (int(rng.integers(1, 4)) if rng.random() < 0.3 else 0)
            if event and rng.random() < 0.15:
                break
    return found
