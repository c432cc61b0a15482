"""Slow second implementations for repeated events with death: mean, test, while-alive rate.

Loops over people and times, in fractions; written from Ghosh and Lin (2000) and Mao (2023), and
nothing shared with the library. `jackknife` leaves people out one by one.
"""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Life(NamedTuple):
    """One person: intervals (start, stop] at liberty, event times, the end, and if it is death."""

    intervals: tuple[tuple[Fraction, Fraction], ...]
    events: tuple[Fraction, ...]
    end: Fraction
    dies: bool


class Result(NamedTuple):
    """A number and what each person adds to it."""

    value: Fraction
    adds: list[Fraction]

    @property
    def variance(self) -> Fraction:
        return sum((add**2 for add in self.adds), Fraction(0))


Weight = "Callable[[Fraction], Fraction]"


def free(one: Life, time: Fraction) -> bool:
    return any(start < time <= stop for start, stop in one.intervals)


def share(count: int, among: int) -> Fraction:
    return Fraction(count, among) if among else Fraction(0)


def death_rate(lives: Sequence[Life], time: Fraction) -> Fraction:
    return share(
        sum(one.dies and one.end == time for one in lives), sum(one.end >= time for one in lives)
    )


def event_rate(lives: Sequence[Life], time: Fraction) -> Fraction:
    return share(sum(time in one.events for one in lives), sum(free(one, time) for one in lives))


def death_times(lives: Sequence[Life], until: Fraction) -> list[Fraction]:
    return sorted({one.end for one in lives if one.dies and one.end <= until})


def event_times(lives: Sequence[Life], until: Fraction) -> list[Fraction]:
    return sorted({time for one in lives for time in one.events if time <= until})


def alive_before(lives: Sequence[Life], time: Fraction) -> Fraction:
    found = Fraction(1)
    for each in death_times(lives, time):
        if each < time:
            found *= 1 - death_rate(lives, each)
    return found


def events_between(
    lives: Sequence[Life], after: Fraction, until: Fraction, weight: Weight | None = None
) -> Fraction:
    """Weighted rise of the mean on (after, until]."""
    return sum(
        (
            (weight(time) if weight else 1) * alive_before(lives, time) * event_rate(lives, time)
            for time in event_times(lives, until)
            if time > after
        ),
        Fraction(0),
    )


def alive_between(lives: Sequence[Life], after: Fraction, until: Fraction) -> Fraction:
    """Area under survival from one time to another."""
    knots = [after, *(t for t in death_times(lives, until) if after < t < until), until]
    return sum(
        ((right - left) * alive_before(lives, right) for left, right in pairwise(knots)),
        Fraction(0),
    )


def adds(
    lives: Sequence[Life],
    until: Fraction,
    later: Callable[[Fraction], Fraction],
    weight: Weight | None = None,
    events: int = 1,
) -> list[Fraction]:
    """What each person adds: events as they fall, less what is lost `later` by each death."""
    found = []
    for one in lives:
        total = Fraction(0)
        for time in event_times(lives, until):
            there = sum(free(other, time) for other in lives)
            if events and there:
                surplus = (time in one.events) - free(one, time) * event_rate(lives, time)
                total += (
                    (weight(time) if weight else 1) * alive_before(lives, time) * surplus / there
                )
        for time in death_times(lives, until):
            left = sum(other.end >= time for other in lives)
            died = one.dies and one.end == time
            surplus = died - (one.end >= time) * death_rate(lives, time)
            total -= later(time) * surplus / left
        found.append(total)
    return found


def mean_events(lives: Sequence[Life], until: Fraction, weight: Weight | None = None) -> Result:
    def later(time: Fraction) -> Fraction:
        return events_between(lives, time, until, weight)

    return Result(
        events_between(lives, Fraction(0), until, weight), adds(lives, until, later, weight)
    )


def mean_alive(lives: Sequence[Life], until: Fraction) -> Result:
    def later(time: Fraction) -> Fraction:
        return alive_between(lives, time, until)

    return Result(later(Fraction(0)), adds(lives, until, later, events=0))


def rate_alive(lives: Sequence[Life], until: Fraction) -> Result:
    """Quotient of the two, by the rule for quotients."""
    mean, alive = mean_events(lives, until), mean_alive(lives, until)
    pairs = zip(mean.adds, alive.adds, strict=True)
    return Result(
        mean.value / alive.value,
        [one / alive.value - mean.value * other / alive.value**2 for one, other in pairs],
    )


def two_sample(control: Sequence[Life], treatment: Sequence[Life]) -> tuple[Fraction, Fraction]:
    """Numerator and variance of the test."""
    last = max(one.end for one in (*control, *treatment))

    def weight(time: Fraction) -> Fraction:
        zero, one = (sum(free(each, time) for each in arm) for arm in (control, treatment))
        return share(zero * one, zero + one)

    zero, one = (mean_events(arm, last, weight) for arm in (control, treatment))
    return one.value - zero.value, one.variance + zero.variance


def jackknife(
    lives: Sequence[Life], number: Callable[[Sequence[Life]], Fraction]
) -> tuple[float, float]:
    """The number, and its variance by leaving each person out."""
    n = len(lives)
    without = [float(number([*lives[:i], *lives[i + 1 :]])) for i in range(n)]
    middle = sum(without) / n
    return float(number(lives)), (n - 1) / n * sum((one - middle) ** 2 for one in without)


def lives_at_random(
    seed: int, n: int = 12, days: int = 9, *, deaths: float = 0.4, gaps: bool = True
) -> list[Life]:
    """On whole days: ties, events on the last day, gaps, some never at liberty or dying there."""
    draw = random.Random(seed)
    found = []
    for _ in range(n):
        end = draw.randint(2, days)
        dies = draw.random() < deaths
        states = [not gaps or draw.random() < 0.8 for _ in range(end)]
        spans, start = [], None
        for day, at_liberty in enumerate([*states, False]):
            if at_liberty and start is None:
                start = day
            if not at_liberty and start is not None:
                spans.append((Fraction(start), Fraction(day)))
                start = None
        events = [
            Fraction(day + 1) for day, at_liberty in enumerate(states)
            if at_liberty and draw.random() < 0.25
        ]  # fmt: skip
        found.append(Life(tuple(spans), tuple(events), Fraction(end), dies))
    return found
