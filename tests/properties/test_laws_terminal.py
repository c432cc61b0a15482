"""Laws of repeated events with death: what they become without it, and what must not matter."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import mirrored, numbers, same, sensible, wald_dual

import checkpoint_eval as ce
from checkpoint_eval.models import (
    mean_cumulative_difference,
    mean_cumulative_function,
    mean_cumulative_test,
    restricted_mean,
    terminal_mean,
    terminal_mean_difference,
    terminal_mean_test,
    while_alive_rate,
)
from checkpoint_eval.outcomes import Episodes

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

DAYS = 12
HALF = DAYS // 2
MEASURES = ("difference", "ratio")


class Lives(NamedTuple):
    """What happened to n people."""

    rows: np.ndarray  # (m, 4) person, start, stop, event
    end: np.ndarray  # (n,)
    dead: np.ndarray  # (n,)
    arm: np.ndarray  # (n,)


@st.composite
def lives(draw: DrawFn, *, censored: bool = True, gaps: bool = True) -> Lives:
    """Draw days of death or of the end, offences, and a spell away, of up to 14 people.

    One in each arm is at liberty to the last day, that any time may be asked about. Without
    `censored` everyone is followed to the last day or death.
    """
    n = draw(st.integers(4, 14))
    person = st.tuples(
        st.integers(1, DAYS), st.booleans(), st.sets(st.integers(1, DAYS), max_size=4),
        st.integers(0, DAYS), st.integers(0, 4),
    )  # fmt: skip
    drawn = draw(st.lists(person, min_size=n, max_size=n))
    rows, ends, deaths = [], [], []
    for who, (day, dies, events, away, long) in enumerate(drawn):
        last = who < 2 or not (dies or censored)
        end, back = (DAYS if last else day), away + long
        ends.append(end)
        deaths.append(dies and not last)
        gap = range(away + 1, back + 1) if gaps and who >= 2 else range(0)
        free = [d for d in range(1, end + 1) if d not in gap]
        cut = {d for d in free if d in events}
        stops = sorted(cut | {d for d in free if d + 1 not in free})
        for stop in stops:
            start = max([0, *(d for d in stops if d < stop), *(d for d in gap if d < stop)])
            rows.append((who, start, stop, stop in cut))
    return Lives(np.array(rows), np.array(ends), np.array(deaths), np.arange(n) % 2)


def trial_of(
    given: Lives, *, dead: Any = None, swapped: bool = False, factor: float = 1
) -> ce.Trial:
    arm, names = given.arm, ("court", "contract")
    if swapped:
        arm, names = 1 - arm, names[::-1]
    seen = Episodes(
        person=given.rows[:, 0],
        start=given.rows[:, 1] * factor,
        stop=given.rows[:, 2] * factor,
        event=given.rows[:, 3],
        people=len(given.end),
        end=given.end * factor,
        terminal=given.dead if dead is None else dead,
    )
    death = ce.TimeToEvent(time=np.asarray(seen.end), event=np.asarray(seen.terminal))
    arms = ce.Assignment(arm=arm, arms=names, stratum=[0] * len(arm))
    return ce.Trial(assignment=arms, outcomes={"y": seen, "death": death})


def estimates(trial: ce.Trial, factor: float = 1) -> list[ce.Estimate]:
    """Both verbs on both scales, half way and at the end."""
    return [
        verb(trial, outcome="y", measure=measure, **{name: time * factor})
        for verb, name in ((terminal_mean_difference, "at"), (while_alive_rate, "horizon"))
        for measure in MEASURES
        for time in (HALF, DAYS)
    ]


def everything(trial: ce.Trial) -> list[float]:
    """All that the four verbs say, as numbers."""
    means = terminal_mean(trial, outcome="y")
    found = [*means.mean.ravel(), *means.std_error.ravel(), *means.at_risk.ravel()]
    for one in estimates(trial):
        found += [*numbers(one), *one.by_arm, *one.n, *one.events]
    test = terminal_mean_test(trial, outcome="y")
    return [*found, test.statistic, test.p_value]


@given(lives())
def test_nobody_dying_is_the_mean_cumulative_function(given: Lives) -> None:
    """And the rate is that mean over the time."""
    trial = trial_of(given, dead=np.zeros(len(given.end)))
    one, two = (verb(trial, outcome="y") for verb in (terminal_mean, mean_cumulative_function))
    for name in ("time", "at_risk", "events", "mean", "low", "high"):
        same(getattr(one, name), getattr(two, name))
    same(one.std_error**2, two.std_error**2, floor=1e-20)
    for measure in MEASURES:
        how: dict[str, Any] = {"outcome": "y", "at": DAYS, "measure": measure}
        a, b = terminal_mean_difference(trial, **how), mean_cumulative_difference(trial, **how)
        same(numbers(a), numbers(b), floor=1e-12)
        assert (a.n, a.events, a.estimable) == (b.n, b.events, b.estimable)
        rate = while_alive_rate(trial, outcome="y", horizon=DAYS, measure=measure)
        assert rate.estimable == a.estimable
        if a.estimable:
            same(np.multiply(rate.by_arm, DAYS), a.by_arm)
            same(rate.std_error * (DAYS if measure == "difference" else 1), a.std_error)
    a, b = (verb(trial, outcome="y") for verb in (terminal_mean_test, mean_cumulative_test))
    same([a.statistic, a.p_value], [b.statistic, b.p_value], floor=1e-12)


@given(lives(censored=False, gaps=False))
def test_everyone_seen_to_the_end_it_is_a_plain_mean(given: Lives) -> None:
    """Of events by each day; and the rate is all events over all the time lived."""
    trial = trial_of(given)
    found = terminal_mean(trial, outcome="y")
    for arm in (0, 1):
        own = given.rows[(given.arm[given.rows[:, 0]] == arm) & (given.rows[:, 3] == 1)]
        size = (given.arm == arm).sum()
        for place, time in enumerate(found.time):
            same(found.mean[arm, place], (own[:, 2] <= time).sum() / size, floor=1e-14)
    for time in (HALF, DAYS):
        rate = while_alive_rate(trial, outcome="y", horizon=time, measure="difference")
        early = given.rows[(given.rows[:, 3] == 1) & (given.rows[:, 2] <= time)]
        events = np.bincount(given.arm[early[:, 0]], minlength=2)
        lived = np.bincount(given.arm, weights=np.minimum(given.end, time))
        if rate.estimable:
            same(rate.by_arm, events / lived)


@given(lives())
def test_deaths_can_only_lower_the_mean(given: Lives) -> None:
    """Below the mean had nobody died, and falling further behind it."""
    trial = trial_of(given)
    found = terminal_mean(trial, outcome="y").mean
    plain = mean_cumulative_function(trial, outcome="y").mean
    behind = np.diff(plain - found, axis=1, prepend=0)
    assert (behind >= -1e-12).all()


@given(lives())
def test_mean_over_restricted_mean_of_death_is_the_rate(given: Lives) -> None:
    trial = trial_of(given)
    for time in (HALF, DAYS):
        mean = terminal_mean_difference(trial, outcome="y", at=time)
        rate = while_alive_rate(trial, outcome="y", horizon=time, measure="difference")
        alive = restricted_mean(trial, outcome="death", horizon=time)
        if mean.estimable and rate.estimable and alive.estimable:
            same(np.multiply(rate.by_arm, alive.by_arm), mean.by_arm)


@given(lives())
def test_estimates_are_sensible(given: Lives) -> None:
    for one in estimates(trial_of(given)):
        sensible(one)
        wald_dual(one)


@given(lives())
def test_swapping_arms_turns_every_sign(given: Lives) -> None:
    trials = trial_of(given), trial_of(given, swapped=True)
    for one, two in zip(*(estimates(trial) for trial in trials), strict=True):
        mirrored(one, two)
    a, b = (terminal_mean_test(trial, outcome="y") for trial in trials)
    same(a.statistic, -b.statistic, floor=1e-12)


@given(lives(), st.randoms(use_true_random=False))
def test_order_and_names_change_nothing(given: Lives, draw: Any) -> None:
    n = len(given.end)
    new = np.array(draw.sample(range(n), n))
    rows = given.rows[draw.sample(range(len(given.rows)), len(given.rows))].copy()
    rows[:, 0] = new[rows[:, 0]]
    back = np.argsort(new)
    other = Lives(rows, given.end[back], given.dead[back], given.arm[back])
    same(everything(trial_of(given)), everything(trial_of(other)), rel=1e-7, floor=1e-9)


@given(lives())
def test_cutting_intervals_changes_nothing(given: Lives) -> None:
    """Each in two, at a point where nothing happens."""
    first, second = given.rows.astype(float), given.rows.astype(float)
    middle = given.rows[:, 1] + 0.75 * (given.rows[:, 2] - given.rows[:, 1]) - 0.125
    first[:, 2], first[:, 3], second[:, 1] = middle, 0, middle
    cut = np.concatenate([first, second])
    other = given._replace(rows=cut[np.lexsort((cut[:, 1], cut[:, 0]))])
    same(everything(trial_of(given)), everything(trial_of(other)), rel=1e-7, floor=1e-9)


@given(lives(), st.sampled_from([0.125, 0.1, 4]))
def test_the_unit_of_time_changes_only_rates_by_time(given: Lives, factor: float) -> None:
    """In tenths too, whose sums are not exact."""
    one, two = trial_of(given), trial_of(given, factor=factor)
    for a, b in zip(estimates(one), estimates(two, factor), strict=True):
        rate = "alive" in a.estimand and a.scale == "difference"
        scale = factor if rate else 1
        assert a.estimable == b.estimable
        if a.estimable:
            same([b.value * scale, b.std_error * scale], [a.value, a.std_error], floor=1e-12)
        assert (a.n, a.events) == (b.n, b.events)
    a, b = (terminal_mean_test(trial, outcome="y") for trial in (one, two))
    same(a.statistic, b.statistic, floor=1e-12)


@given(lives())
def test_two_of_everyone_halve_every_variance(given: Lives) -> None:
    n = len(given.end)
    again = given.rows.copy()
    again[:, 0] += n
    twice = Lives(np.concatenate([given.rows, again]), *(np.tile(part, 2) for part in given[1:]))
    a, b = (terminal_mean(trial_of(each), outcome="y") for each in (given, twice))
    same(a.mean, b.mean)
    same(a.std_error**2, 2 * b.std_error**2, floor=1e-20)
    for one, two in zip(*(estimates(trial_of(each)) for each in (given, twice)), strict=True):
        if one.estimable:
            same([one.value, one.std_error**2], [two.value, 2 * two.std_error**2], floor=1e-12)


@given(lives())
def test_deaths_after_the_last_event_of_anyone_change_the_rate_only(given: Lives) -> None:
    trial = trial_of(given)
    last = given.rows[given.rows[:, 3] == 1, 2].max(initial=0)
    early = replace(trial.outcome("y"), terminal=given.dead & (given.end <= last))
    other = replace(trial, outcomes={"y": early})
    for verb in (terminal_mean, mean_cumulative_function):
        same(verb(trial, outcome="y").mean, verb(other, outcome="y").mean)
    a, b = (terminal_mean(one, outcome="y").std_error for one in (trial, other))
    same(a**2, b**2, floor=1e-20)
    a, b = (terminal_mean_test(one, outcome="y").statistic for one in (trial, other))
    same(a, b, floor=1e-12)
