"""Repeated events worked out by hand on a few people, and practice data put into a trial."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import pairwise
from math import erfc, exp, isnan, log, sqrt
from typing import Any

import numpy as np
import pytest
from slow_recurrent import Interval, mean_cumulative
from small_extracts import RECORDED, records

import checkpoint_eval as ce
from checkpoint_eval import Assignment, outcomes
from checkpoint_eval.cohort import Scenario, generate
from checkpoint_eval.models import (
    MeanCumulative,
    mean_cumulative_difference,
    mean_cumulative_function,
    mean_cumulative_test,
    recurrent_hazard_ratio,
)
from checkpoint_eval.outcomes import Episodes

EXACT = 1e-12
Z = 1.959963984540054
METHODS = ["andersen-gill", "pwp-total", "pwp-gap", "wlw"]
# Control a, b, c; treatment d, e. b is in custody from day 3 to 6, c is seen until day 4.
FIVE = [
    (0, 0, 2, 1), (0, 2, 5, 1), (0, 5, 8, 0),
    (1, 0, 3, 0), (1, 6, 7, 1), (1, 7, 8, 0),
    (2, 0, 4, 0),
    (3, 0, 5, 1), (3, 5, 8, 0),
    (4, 0, 8, 0),
]  # fmt: skip
# Control a, b; treatment c, d: events of a on days 1 and 7, of c on days 2 and 7.5.
FOUR = [
    (0, 0, 1, 1), (0, 1, 7, 1), (0, 7, 9, 0),
    (1, 0, 9, 0),
    (2, 0, 2, 1), (2, 2, 7.5, 1), (2, 7.5, 9, 0),
    (3, 0, 9, 0),
]  # fmt: skip


def read(rows: list[Any], arm: list[int], unseen: tuple[int, ...] = ()) -> ce.Trial:
    """Rows (person, start, stop, event)."""
    person, start, stop, event = zip(*rows, strict=True)
    missing = [person in unseen for person in range(len(arm))]
    seen = Episodes(
        person=person, start=start, stop=stop, event=event, people=len(arm), missing=missing
    )
    arms = Assignment(arm=arm, arms=("court", "contract"), stratum=[0] * len(arm))
    return ce.Trial(assignment=arms, outcomes={"arrests": seen})


def five() -> ce.Trial:
    return read(FIVE, [0, 0, 0, 1, 1])


def means(trial: ce.Trial, **how: Any) -> MeanCumulative:
    return mean_cumulative_function(trial, outcome="arrests", **how)


def ratio(trial: ce.Trial, method: Any, **how: Any) -> ce.Estimate:
    return recurrent_hazard_ratio(trial, outcome="arrests", method=method, **how)


def test_the_mean_function() -> None:
    """1 of 3 on day 2, a alone at risk on day 5, a and b on day 7; d of d and e on day 5."""
    found = means(five())
    assert (found.outcome, found.arms, found.unit) == ("arrests", ("court", "contract"), "days")
    assert (found.level, found.missing) == (0.95, (0, 0))
    assert found.time.tolist() == [2, 5, 7]
    assert found.at_risk.tolist() == [[3, 1, 2], [2, 2, 2]]
    assert found.events.tolist() == [[1, 1, 1], [0, 1, 0]]
    want = [[F(1, 3), F(4, 3), F(11, 6)], [F(0), F(1, 2), F(1, 2)]]
    assert found.mean == pytest.approx(np.array(want, dtype=float), rel=EXACT)
    # Day 2 leaves 2/9, −1/9, −1/9; day 5 nothing, as a alone was at risk; day 7 −1/4 and 1/4.
    variance = [[F(6, 81), F(6, 81), F(1 + 25 + 16, 1296)], [F(0), F(1, 8), F(1, 8)]]
    assert found.std_error**2 == pytest.approx(np.array(variance, dtype=float), rel=1e-9)
    width = exp(Z * sqrt(F(1, 8)) * 2)
    assert (found.low[1, 2], found.high[1, 2]) == pytest.approx((0.5 / width, 0.5 * width))
    assert isnan(found.low[1, 0])
    assert isnan(found.high[1, 0])


def test_the_frame_of_the_mean_function() -> None:
    frame = means(five()).to_frame()
    assert frame["arm"].tolist() == ["court"] * 3 + ["contract"] * 3
    assert frame["time"].tolist() == [2, 5, 7] * 2
    assert frame["at_risk"].tolist() == [3, 1, 2, 2, 2, 2]
    assert frame["mean"].round(4).tolist() == [0.3333, 1.3333, 1.8333, 0, 0.5, 0.5]


def test_the_difference_and_the_ratio() -> None:
    """1/2 − 11/6 = −4/3 by day 8, and 3/11; variances 1/8 and 7/216."""
    found = mean_cumulative_difference(five(), outcome="arrests", at=8)
    assert found.value == pytest.approx(-4 / 3, rel=EXACT)
    assert found.std_error**2 == pytest.approx(float(F(17, 108)), rel=1e-10)
    half = Z * sqrt(F(17, 108))
    assert (found.low, found.high) == pytest.approx((-4 / 3 - half, -4 / 3 + half))
    assert found.by_arm == pytest.approx((11 / 6, 1 / 2), rel=EXACT)
    assert (found.contrast, found.time_point) == (("contract", "court"), 8)
    assert (found.scale, found.n, found.events) == ("difference", (3, 2), (3, 1))
    share = mean_cumulative_difference(five(), outcome="arrests", at=8, measure="ratio")
    assert share.value == pytest.approx(3 / 11, rel=EXACT)
    assert share.std_error**2 == pytest.approx(float(F(185, 363)), rel=1e-10)
    assert share.scale == "ratio"
    assert share.p_value == pytest.approx(erfc(abs(log(3 / 11)) / sqrt(2 * F(185, 363))))


@pytest.mark.parametrize(
    ("at", "want"),
    [(2, -F(1, 3)), (4.999, -F(1, 3)), (5, -F(5, 6)), (7, -F(4, 3)), (7.5, -F(4, 3))],
)
def test_events_of_the_day_count(at: float, want: F) -> None:
    found = mean_cumulative_difference(five(), outcome="arrests", at=at)
    assert found.value == pytest.approx(float(want), rel=EXACT)


def test_events_until_the_time_are_counted() -> None:
    """By day 5 court had two, contract one."""
    found = mean_cumulative_difference(five(), outcome="arrests", at=5)
    assert found.events == (2, 1)


def test_the_test() -> None:
    """Weights 6/5, 2/3, 1: −2/5 − 1/3 − 1/2 = −37/30; variance (1 + 49 + 64 + 200) / 3600."""
    found = mean_cumulative_test(five(), outcome="arrests")
    assert found.statistic == pytest.approx(-74 / sqrt(314), rel=1e-10)
    assert found.p_value == pytest.approx(erfc(74 / sqrt(628)), rel=1e-8)
    assert (found.arms, found.n, found.events) == (("court", "contract"), (3, 2), (3, 1))
    assert found.missing == (0, 0)


def test_the_rate_ratio_when_everyone_is_always_at_risk() -> None:
    """Three an arm for 9 days: 2 events against 4; squares of counts about their mean 2/3, 14/3."""
    days = {0: [1, 4, 6], 1: [3], 3: [2], 4: [7]}
    rows: list[Any] = []
    for person in range(6):
        edges = [0, *days.get(person, []), 9]
        rows += [(person, a, b, b != 9) for a, b in pairwise(edges)]
    trial = read(rows, [0, 0, 0, 1, 1, 1])
    for ties in ("efron", "breslow"):
        found = ratio(trial, "andersen-gill", ties=ties)
        assert found.value == pytest.approx(1 / 2, rel=1e-8)
        assert found.std_error**2 == pytest.approx(F(2, 3) / 4 + F(14, 3) / 16, rel=1e-7)
    assert (found.scale, found.n, found.events) == ("ratio", (3, 3), (4, 2))
    width = exp(Z * sqrt(11 / 24))
    assert (found.low, found.high) == pytest.approx((0.5 / width, 0.5 * width), rel=1e-7)


@pytest.mark.parametrize(
    ("method", "want"),
    [
        ("andersen-gill", 1.0),  # two events against two among two and two
        # First events: 1/(1 + r) = 2r/(1 + 2r). Second, on the calendar: a's, of a and c.
        ("pwp-total", (sqrt(17) - 1) / 8),
        # On their own clocks c had waited 5.5 days and a 6: c's, of a and c.
        ("pwp-gap", (1 + sqrt(5)) / 2),
        ("wlw", 1 / sqrt(2)),  # the second event among all repeats the equation of the first
    ],
)
def test_the_four_models_ask_four_questions(method: str, want: float) -> None:
    trial = read(FOUR, [0, 0, 1, 1])
    for ties in ("efron", "breslow"):
        found = ratio(trial, method, ties=ties)
        assert found.value == pytest.approx(want, rel=1e-7)
        assert (found.n, found.events, found.missing) == ((2, 2), (2, 2), (0, 0))
    swapped = ratio(read(FOUR, [1, 1, 0, 0]), method)
    assert swapped.value == pytest.approx(1 / want, rel=1e-7)


def test_gap_time_runs_on_through_custody() -> None:
    """a is away from day 3 to 5 and still waits 6 days: stopping the clock gives another ratio."""
    away = [row for row in FOUR if row[:2] != (0, 1)] + [(0, 1, 3, 0), (0, 5, 7, 1)]
    found = ratio(read(away, [0, 0, 1, 1]), "pwp-gap")
    assert found.value == pytest.approx((1 + sqrt(5)) / 2, rel=1e-7)
    stopped = [row for row in FOUR if row[0] != 0]
    stopped += [(0, 0, 1, 1), (0, 1, 5, 1), (0, 5, 7, 0)]  # what a stopped clock would see
    other = ratio(read(stopped, [0, 0, 1, 1]), "pwp-gap")
    assert other.value == pytest.approx((sqrt(17) - 1) / 8, rel=1e-7)


def test_someone_in_custody_is_not_at_risk() -> None:
    """d is away when a's first event comes: two and one, then two and two (c's), and so on."""
    away = [row for row in FOUR if row[0] != 3] + [(3, 0, 0.5, 0), (3, 1.5, 9, 0)]
    found = ratio(read(away, [0, 0, 1, 1]), "andersen-gill")
    # r/(2 + r) + 3r/(1 + r) = 2 is 2r² + r − 4 = 0.
    assert found.value == pytest.approx((sqrt(33) - 1) / 4, rel=1e-7)
    assert means(read(away, [0, 0, 1, 1])).at_risk[:, 0].tolist() == [2, 1]


def test_people_whose_records_are_unknown_are_counted() -> None:
    """Persons 5 and 6 of the five: out of every number but `missing`."""
    more = read(FIVE, [0, 0, 0, 1, 1, 1, 1], unseen=(5, 6))
    for method in METHODS:
        one, two = ratio(five(), method), ratio(more, method)
        assert two.value == pytest.approx(one.value, nan_ok=True)
        assert (two.n, two.events) == ((3, 2), (3, 1))
        assert (one.missing, two.missing) == ((0, 0), (0, 2))
    assert means(more).missing == (0, 2)
    assert means(more).mean.tolist() == means(five()).mean.tolist()
    difference = mean_cumulative_difference(more, outcome="arrests", at=8)
    assert (difference.n, difference.missing) == ((3, 2), (0, 2))
    test = mean_cumulative_test(more, outcome="arrests")
    assert (test.n, test.missing) == ((3, 2), (0, 2))
    assert more.to_frame()["arrests"].tolist()[:5] == [2, 1, 0, 1, 0]
    assert more.to_frame()["arrests"].isna().tolist() == [False] * 5 + [True] * 2
    flow = ce.flow(more).to_frame().set_index("step")
    assert flow.loc["arrests unknown", ["court", "contract"]].tolist() == [0, 2]
    assert flow.loc["arrests analysed", ["court", "contract"]].tolist() == [3, 2]


def test_counts_and_frame_of_episodes() -> None:
    seen = five().outcome("arrests")
    assert isinstance(seen, Episodes)
    assert seen.counts.tolist() == [2, 1, 0, 1, 0]
    frame = seen.to_frame()
    assert frame[["person", "start", "stop", "event"]].to_numpy().tolist() == [
        list(row) for row in FIVE
    ]


def test_one_extract_by_hand_on_both_clocks() -> None:
    """a reoffends after 61 and 92 days, in custody for 10 between; b after 62, not found proven."""
    given = records(
        [("a", "2016-05-01"), ("a", "2016-06-01"), ("b", "2016-05-02")],
        custody=[("a", "2016-05-10", "2016-05-20")],
    )
    arms = Assignment(
        arm=[0, 1], arms=("court", "contract"), stratum=[0, 0], ids=["a", "b"],
        date=["2016-03-01"] * 2,
    )  # fmt: skip
    for clock, want in (("elapsed", [61, 62, 92]), ("street", [61, 62, 82])):
        seen = outcomes.reoffence_episodes(given, arms, months=12, counting=RECORDED, clock=clock)
        trial = ce.Trial(assignment=arms, outcomes={"arrests": seen})
        found = means(trial)
        assert found.time.tolist() == want
        assert found.mean.tolist() == [[1, 1, 2], [0, 1, 1]]
        assert found.events.tolist() == [[1, 0, 1], [0, 1, 0]]
        assert f"{clock} days" in str(trial.outcome("arrests").provenance)


@pytest.fixture(scope="module")
def practice() -> Any:
    return generate(Scenario(people=200), np.random.default_rng(3))


@pytest.mark.parametrize("clock", ["elapsed", "street"])
def test_practice_data_straight_into_a_trial(practice: Any, clock: Any) -> None:
    """Made by the library from its own invented extract; means by loops over people."""
    given, arms = practice.records(), practice.assignment
    seen = outcomes.reoffence_episodes(given, arms, clock=clock)
    trial = ce.Trial(assignment=arms, outcomes={"reoffences": seen}, ids=arms.ids)
    kept = trial.outcome("reoffences").provenance
    assert kept == seen.provenance
    assert f"{clock} days" in kept.definition
    assert kept.digest == given.digest
    by_arm = tuple(int(seen.counts[arms.arm == arm].sum()) for arm in (0, 1))
    for method in METHODS:
        found = recurrent_hazard_ratio(trial, outcome="reoffences", method=method)
        assert found.estimable
        assert "stratified by suite" in found.method  # as it was randomised
        assert (found.n, found.events, found.missing) == ((100, 100), by_arm, (0, 0))
    found = mean_cumulative_function(trial, outcome="reoffences")
    assert found.events.sum(axis=1).tolist() == list(by_arm)
    rows = [Interval(*row) for row in seen.to_frame().itertuples(index=False)]
    for arm in (0, 1):
        last = mean_cumulative(rows, set(np.flatnonzero(arms.arm == arm).tolist()))[-1]
        place = np.searchsorted(found.time, last.time)
        assert found.mean[arm, place] == pytest.approx(float(last.mean), rel=1e-10)
        assert found.std_error[arm, place] ** 2 == pytest.approx(float(last.variance), rel=1e-8)
    assert trial.to_frame()["reoffences"].tolist() == seen.counts.tolist()


def test_the_two_clocks_differ_in_time_and_not_in_events(practice: Any) -> None:
    given, arms = practice.records(), practice.assignment
    elapsed, street = (
        outcomes.reoffence_episodes(given, arms, clock=clock) for clock in ("elapsed", "street")
    )
    assert elapsed.counts.tolist() == street.counts.tolist()
    assert (street.stop <= elapsed.stop).all()
    assert street.stop.sum() < elapsed.stop.sum()


def test_the_definition_is_of_every_offence(practice: Any) -> None:
    seen = outcomes.reoffence_episodes(practice.records(), practice.assignment)
    assert seen.provenance is not None
    assert "first of" not in seen.provenance.definition


def test_first_intervals_are_time_to_the_first_reoffence(practice: Any) -> None:
    """Everyone's, on either clock, and those whose first offence ends them."""
    given, arms = practice.records(), practice.assignment
    seen = outcomes.reoffence_episodes(given, arms)
    first = outcomes.time_to_reoffence(given, arms)
    opening = seen.start == 0
    assert seen.person[opening].tolist() == list(range(200))
    assert seen.stop[opening].tolist() == first.time.tolist()
    assert seen.event[opening].tolist() == first.event.tolist()
