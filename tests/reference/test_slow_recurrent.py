"""Repeated events of the library against the slow reference, and laws both must obey."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from slow_recurrent import (
    Interval,
    Row,
    fit,
    mean_at,
    mean_cumulative,
    mean_test,
    people_at_random,
    rows_of,
    z_of,
)

import checkpoint_eval as ce
from checkpoint_eval.models import (
    mean_cumulative_difference,
    mean_cumulative_function,
    mean_cumulative_test,
    mean_events,
    recurrent_hazard_ratio,
)
from checkpoint_eval.outcomes import Covariate, Episodes

if TYPE_CHECKING:
    from collections.abc import Sequence

N = 16
SEEDS = range(6)
METHODS = ["andersen-gill", "pwp-total", "pwp-gap", "wlw"]
TIES = ["efron", "breslow"]
COEF = 1e-6
EXACT = 1e-12


def covariates_of(n: int = N) -> np.ndarray:
    """(n, 2) arm and age: both spread over people whoever is seen."""
    return np.column_stack([np.arange(n) % 2, (np.arange(n) * 7 % 11) / 4.0])


def trial_of(intervals: Sequence[Interval], covariates: np.ndarray) -> ce.Trial:
    """Everyone of the covariates, the first column being the arm."""
    person, start, stop, event = zip(*intervals, strict=True)
    n = len(covariates)
    seen = Episodes(person=person, start=start, stop=stop, event=event, people=n)
    return ce.Trial(
        assignment=ce.Assignment(
            arm=covariates[:, 0].astype(int), arms=("court", "contract"), stratum=[0] * n
        ),
        outcomes={"arrests": seen},
        columns={
            "age": Covariate(name="age", values=covariates[:, 1]),
            "half": Covariate(name="half", values=np.arange(n) // (n // 2) > 0, levels=("a", "b")),
        },
        covariates=("age",),
    )


def arms_of(n: int = N) -> tuple[set[int], set[int]]:
    """Control, treatment."""
    return set(range(0, n, 2)), set(range(1, n, 2))


def numbers(trial: ce.Trial, methods: Sequence[str]) -> list[float]:
    """Everything the four verbs say, as numbers."""
    found: list[float] = []
    for method in methods:
        one = recurrent_hazard_ratio(trial, outcome="arrests", method=method, adjust="age")
        found += [math.log(one.value), one.std_error, *one.n, *one.events]
    means = mean_cumulative_function(trial, outcome="arrests")
    for values in (means.time, means.mean, means.std_error, means.at_risk, means.events):
        found += np.ravel(values).tolist()
    for measure in ("difference", "ratio"):
        one = mean_cumulative_difference(trial, outcome="arrests", at=8, measure=measure)
        found += [one.value, one.std_error, *one.by_arm]
    test = mean_cumulative_test(trial, outcome="arrests")
    return [*found, test.statistic, test.p_value]


def same(one: ce.Trial, other: ce.Trial, methods: Sequence[str] = METHODS) -> None:
    a, b = (numbers(trial, methods) for trial in (one, other))
    np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("seed", SEEDS)
def test_mean_function_equals_loops_over_people(seed: int) -> None:
    intervals = people_at_random(seed)
    found = mean_cumulative_function(trial_of(intervals, covariates_of()), outcome="arrests")
    assert found.time.tolist() == sorted({one.stop for one in intervals if one.event})
    for arm, who in enumerate(arms_of()):
        steps = mean_cumulative(intervals, who)
        own = np.isin(found.time, [step.time for step in steps])
        for name in ("at_risk", "events"):
            assert getattr(found, name)[arm, own].tolist() == [getattr(one, name) for one in steps]
        assert not found.events[arm, ~own].any()
        for place, time in enumerate(found.time):
            mean, variance = mean_at(steps, time)
            assert found.mean[arm, place] == pytest.approx(float(mean), rel=EXACT)
            error = found.std_error[arm, place]
            assert error**2 == pytest.approx(float(variance), rel=1e-9, abs=1e-20)


@pytest.mark.parametrize("at", [3, 6.5, 9])
@pytest.mark.parametrize("seed", SEEDS)
def test_differences_equal_fractions(seed: int, at: float) -> None:
    intervals = people_at_random(seed)
    trial = trial_of(intervals, covariates_of())
    (m0, v0), (m1, v1) = (mean_at(mean_cumulative(intervals, who), at) for who in arms_of())
    found = mean_cumulative_difference(trial, outcome="arrests", at=at)
    assert found.value == pytest.approx(float(m1 - m0), rel=1e-10, abs=EXACT)
    assert found.std_error**2 == pytest.approx(float(v1 + v0), rel=1e-10)
    assert found.by_arm == pytest.approx((float(m0), float(m1)), rel=EXACT)
    ratio = mean_cumulative_difference(trial, outcome="arrests", at=at, measure="ratio")
    if m0 and m1:
        assert ratio.value == pytest.approx(float(m1 / m0), rel=EXACT)
        assert ratio.std_error**2 == pytest.approx(float(v1 / m1**2 + v0 / m0**2), rel=1e-10)
    else:
        assert not ratio.estimable


@pytest.mark.parametrize("seed", SEEDS)
def test_test_equals_fractions(seed: int) -> None:
    intervals = people_at_random(seed)
    control, treatment = arms_of()
    want = z_of(*mean_test(intervals, treatment, control))
    found = mean_cumulative_test(trial_of(intervals, covariates_of()), outcome="arrests")
    assert found.statistic == pytest.approx(want, rel=1e-10)
    assert found.p_value == pytest.approx(math.erfc(abs(want) / math.sqrt(2)), rel=1e-9)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", SEEDS[:3])
def test_models_equal_loops_over_rows(seed: int, method: str, ties: str) -> None:
    """Gaps and late starts are not at risk in any of them."""
    intervals = people_at_random(seed)
    x = covariates_of()
    rows = rows_of(intervals, method)
    trial = trial_of(intervals, x)
    for adjust, columns in (((), x[:, :1]), (("age",), x)):
        want = fit(rows, columns, ties)
        found = recurrent_hazard_ratio(
            trial, outcome="arrests", method=method, ties=ties, adjust=adjust
        )
        assert math.log(found.value) == pytest.approx(want.coef[0], abs=COEF)
        assert found.std_error**2 == pytest.approx(want.sandwich[0, 0], rel=COEF)


@pytest.mark.parametrize("method", METHODS)
def test_strata_cross_those_of_the_method(method: str) -> None:
    """Two halves of the people, each with its own baseline for each number of events."""
    intervals = people_at_random(4, 24)
    x = covariates_of(24)
    rows = [
        Row(one.person, one.entry, one.exit, one.event, 2 * one.stratum + (one.person >= 12))
        for one in rows_of(intervals, method)
    ]
    want = fit(rows, x, "efron")
    found = recurrent_hazard_ratio(
        trial_of(intervals, x), outcome="arrests", method=method, adjust="age", strata="half"
    )
    assert math.log(found.value) == pytest.approx(want.coef[0], abs=COEF)
    assert found.std_error**2 == pytest.approx(want.sandwich[0, 0], rel=COEF)


@pytest.mark.parametrize("seed", SEEDS)
def test_cutting_an_interval_in_two_changes_nothing(seed: int) -> None:
    """At any point where nothing happens, many times over."""
    rng = np.random.default_rng(seed)
    intervals = people_at_random(seed)
    cut: list[Interval] = []
    for one in intervals:
        point = one.start + (one.stop - one.start) * float(rng.uniform(0.1, 0.9))
        cut += [Interval(one.person, one.start, point, False), one._replace(start=point)]
    same(trial_of(intervals, covariates_of()), trial_of(cut, covariates_of()))


@pytest.mark.parametrize("cells", [1, 40, 100])
def test_people_in_blocks_give_the_same(monkeypatch: pytest.MonkeyPatch, cells: int) -> None:
    """Many people by many times are summed a few people at a time."""
    trial = trial_of(people_at_random(1), covariates_of())
    whole = numbers(trial, METHODS)
    monkeypatch.setattr(mean_events, "CELLS", cells)
    np.testing.assert_allclose(numbers(trial, METHODS), whole, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_intervals_changes_nothing(seed: int) -> None:
    intervals = people_at_random(seed)
    order = np.random.default_rng(seed).permutation(len(intervals))
    mixed = [intervals[place] for place in order]
    same(trial_of(intervals, covariates_of()), trial_of(mixed, covariates_of()))


@pytest.mark.parametrize("seed", SEEDS)
def test_names_of_people_change_nothing(seed: int) -> None:
    intervals = people_at_random(seed)
    new = np.random.default_rng(seed).permutation(N)
    renamed = [one._replace(person=int(new[one.person])) for one in intervals]
    x = covariates_of()
    moved = np.empty_like(x)
    moved[new] = x
    same(trial_of(intervals, x), trial_of(renamed, moved))


@pytest.mark.parametrize("seed", SEEDS)
def test_swapping_arms_turns_every_sign(seed: int) -> None:
    intervals = people_at_random(seed)
    x = covariates_of()
    other = x.copy()
    other[:, 0] = 1 - x[:, 0]
    one, two = trial_of(intervals, x), trial_of(intervals, other)
    for method in METHODS:
        a, b = (recurrent_hazard_ratio(t, outcome="arrests", method=method) for t in (one, two))
        assert math.log(a.value) == pytest.approx(-math.log(b.value), abs=COEF)
        assert a.std_error == pytest.approx(b.std_error, rel=COEF)
        assert a.events == b.events[::-1]
        assert a.n == b.n[::-1]
    for measure in ("difference", "ratio"):
        a, b = (
            mean_cumulative_difference(t, outcome="arrests", at=9, measure=measure)
            for t in (one, two)
        )
        turned = -b.value if measure == "difference" else 1 / b.value
        assert a.value == pytest.approx(turned, rel=1e-9)
        assert a.std_error == pytest.approx(b.std_error, rel=1e-9)
        assert a.by_arm == pytest.approx(b.by_arm[::-1], rel=1e-9)
    a, b = (mean_cumulative_test(t, outcome="arrests") for t in (one, two))
    assert a.statistic == pytest.approx(-b.statistic, rel=1e-9)


def first_only(intervals: Sequence[Interval]) -> list[Interval]:
    """One interval a person, from 0 to the first event or the end."""
    found = []
    for person in range(N):
        mine = [one for one in intervals if one.person == person]
        events = [one.stop for one in mine if one.event]
        stop = min(events, default=max((one.stop for one in mine), default=11))
        found.append(Interval(person, 0, stop, bool(events)))
    return found


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("seed", SEEDS)
def test_one_event_each_is_cox_and_nelson_aalen(seed: int, ties: Any) -> None:
    """With nobody followed past it; the later-event strata are empty."""
    intervals = first_only(people_at_random(seed))
    trial = trial_of(intervals, covariates_of())
    time = ce.TimeToEvent(
        time=[one.stop for one in intervals], event=[one.event for one in intervals]
    )
    plain = ce.Trial(
        assignment=trial.assignment,
        outcomes={"arrests": time},
        columns=trial.columns,
        covariates=trial.covariates,
    )
    how: dict[str, Any] = {"outcome": "arrests", "adjust": "age", "ties": ties}
    want = ce.hazard_ratio(plain, robust=True, **how)
    for method in METHODS:
        found = recurrent_hazard_ratio(trial, method=method, **how)
        for name in ("value", "std_error", "low", "high", "p_value"):
            assert getattr(found, name) == pytest.approx(getattr(want, name), rel=COEF)
        assert (found.n, found.events) == (want.n, want.events)
    means = mean_cumulative_function(trial, outcome="arrests")
    for arm, who in enumerate(arms_of()):
        hazard = 0.0
        for place, when in enumerate(means.time):
            here = sum(one.person in who and one.stop >= when for one in intervals)
            hazard += sum(
                one.person in who and one.event and one.stop == when for one in intervals
            ) / max(here, 1)
            assert means.mean[arm, place] == pytest.approx(hazard, rel=1e-10)


@pytest.mark.parametrize("seed", SEEDS)
def test_follow_up_after_the_first_event_only_counts_for_andersen_gill(seed: int) -> None:
    """At most one event: the conditional and marginal models stop at it, the rate does not."""
    short = first_only(people_at_random(seed))
    more = [Interval(one.person, one.stop, 20, False) for one in short if one.event]
    one, two = trial_of(short, covariates_of()), trial_of(short + more, covariates_of())
    for method in METHODS:
        a, b = (
            recurrent_hazard_ratio(t, outcome="arrests", method=method, adjust="age")
            for t in (one, two)
        )
        assert (abs(a.value - b.value) < COEF) == (method != "andersen-gill")


@pytest.mark.parametrize("seed", SEEDS)
def test_what_comes_after_the_last_event_of_anyone_changes_nothing(seed: int) -> None:
    """Nor whether it is a gap, an interval, or the end of follow-up.

    Gap time is another clock: a late interval is early on it.
    """
    intervals = people_at_random(seed)
    last = max(one.stop for one in intervals if one.event)
    ended = [one._replace(stop=min(one.stop, last)) for one in intervals if one.start < last]
    latest: dict[int, float] = {}
    for one in intervals:
        latest[one.person] = max(latest.get(one.person, last), one.stop)
    after_a_gap = [Interval(person, stop + 3, stop + 9, False) for person, stop in latest.items()]
    x = covariates_of()
    whole = trial_of(intervals, x)
    for other in (ended, intervals + after_a_gap):
        same(whole, trial_of(other, x), [name for name in METHODS if name != "pwp-gap"])


@pytest.mark.parametrize("factor", [2, 0.125])
def test_the_unit_of_time_changes_only_time(factor: float) -> None:
    intervals = people_at_random(2)
    longer = [one._replace(start=one.start * factor, stop=one.stop * factor) for one in intervals]
    one, two = trial_of(intervals, covariates_of()), trial_of(longer, covariates_of())
    for method in METHODS:
        a, b = (recurrent_hazard_ratio(t, outcome="arrests", method=method) for t in (one, two))
        assert (a.value, a.std_error) == pytest.approx((b.value, b.std_error), rel=COEF)
    a, b = (mean_cumulative_function(t, outcome="arrests") for t in (one, two))
    assert (a.time * factor).tolist() == b.time.tolist()
    np.testing.assert_allclose(a.mean, b.mean, rtol=EXACT)
    tests = [mean_cumulative_test(t, outcome="arrests").statistic for t in (one, two)]
    assert tests[0] == pytest.approx(tests[1], rel=1e-10)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("method", METHODS)
def test_tied_times_stay_tied_in_tenths(seed: int, method: Any) -> None:
    """0.7 − 0.4 is not 0.3 to a computer; `TimeToEvent` and R coxph make such times equal."""
    intervals = people_at_random(seed)
    tenths = [one._replace(start=one.start / 10, stop=one.stop / 10) for one in intervals]
    a, b = (
        recurrent_hazard_ratio(trial_of(rows, covariates_of()), outcome="arrests", method=method)
        for rows in (intervals, tenths)
    )
    assert (a.value, a.std_error) == pytest.approx((b.value, b.std_error), rel=COEF)


def test_two_copies_of_everyone_halve_every_variance() -> None:
    """Each copy a person: Breslow's ties, as tied events would else count differently."""
    intervals = people_at_random(3)
    x = covariates_of()
    twice = intervals + [one._replace(person=one.person + N) for one in intervals]
    one, two = trial_of(intervals, x), trial_of(twice, np.vstack([x, x]))
    for method in METHODS:
        a, b = (
            recurrent_hazard_ratio(t, outcome="arrests", method=method, ties="breslow")
            for t in (one, two)
        )
        assert a.value == pytest.approx(b.value, rel=COEF)
        assert a.std_error**2 == pytest.approx(2 * b.std_error**2, rel=COEF)
    a, b = (mean_cumulative_function(t, outcome="arrests") for t in (one, two))
    np.testing.assert_allclose(a.mean, b.mean, rtol=EXACT)
    np.testing.assert_allclose(a.std_error**2, 2 * b.std_error**2, rtol=1e-9, atol=1e-20)
    tests = [mean_cumulative_test(t, outcome="arrests").statistic for t in (one, two)]
    assert tests[1] == pytest.approx(math.sqrt(2) * tests[0], rel=1e-9)
