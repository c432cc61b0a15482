"""Repeated events with death worked out by hand, and deaths read from extracts of two people."""

from __future__ import annotations

from fractions import Fraction as F
from math import erfc, exp, isnan, sqrt
from typing import Any

import numpy as np
import pytest
from small_extracts import RECORDED, cohort, records

import checkpoint_eval as ce
from checkpoint_eval import Assignment, outcomes
from checkpoint_eval.cohort import Scenario, generate
from checkpoint_eval.errors import UnknownColumn
from checkpoint_eval.models import (
    events_side_by_side,
    mean_cumulative_difference,
    recurrent_hazard_ratio,
    terminal_mean,
    terminal_mean_difference,
    terminal_mean_test,
    while_alive_rate,
)
from checkpoint_eval.outcomes import Episodes

EXACT = 1e-12
Z = 1.959963984540054
# Control a, b, c, d: b offends on the day of death, c is in custody from day 3 and dies there.
# Treatment e, f: f dies on day 6.
ROWS = [
    (0, 0, 2, 1), (0, 2, 5, 1), (0, 5, 8, 0),
    (1, 0, 4, 1),
    (2, 0, 3, 0),
    (3, 0, 7, 1), (3, 7, 8, 0),
    (4, 0, 3, 1), (4, 3, 8, 0),
    (5, 0, 6, 0),
]  # fmt: skip
END = [8, 4, 6, 8, 8, 6]
DEAD = [0, 1, 1, 0, 0, 1]
# Control. Alive: 3/4 from day 4, when c still is, 3/4 · 2/3 = 1/2 from day 6. Events, of those at
# liberty: 1/4 on day 2, 1/3 on day 4 (c is away, b not yet dead), 3/4 · 1/2 on day 5, 1/2 · 1/2
# on day 7. Treatment: 1/2 on day 3.
MEAN = [
    [F(1, 4), F(1, 4), F(7, 12), F(23, 24), F(29, 24)],
    [F(0), F(1, 2), F(1, 2), F(1, 2), F(1, 2)],
]
# What a, b, c, d add to the mean by day 8. Events: 3/16 and −1/16 three times; 2/9 for b, −1/9 for
# a and d; 3/16, −3/16 for a, d; −1/8, 1/8 for a, d. Deaths: 5/8 to come after day 4 takes 15/128
# from b and gives 5/128 to the others; 1/4 to come after day 6 takes 1/18 from c, gives 1/36 to a
# and d.
CONTROL = [F(237, 1152), F(49, 1152), F(-91, 1152), F(-195, 1152)]
TREATMENT = [F(1, 4), F(-1, 4)]  # nothing is to come when f dies
# Time alive by day 8: 4 + 2 · 3/4 + 2 · 1/2 = 13/2, of which 5/2 lie after day 4, 1 after day 6;
# 6 + 2 · 1/2 = 7, of which 1 lies after day 6.
ALIVE = [F(13, 2), F(7)]
CONTROL_ALIVE = [F(77, 288), F(-135, 288), F(-19, 288), F(77, 288)]
TREATMENT_ALIVE = [F(1, 4), F(-1, 4)]


def trial(rows: Any = ROWS, end: Any = END, terminal: Any = DEAD) -> ce.Trial:
    person, start, stop, event = zip(*rows, strict=True)
    seen = Episodes(
        person=person, start=start, stop=stop, event=event, people=6, end=end, terminal=terminal
    )
    arms = Assignment(arm=[0, 0, 0, 0, 1, 1], arms=("court", "contract"), stratum=[0] * 6)
    return ce.Trial(assignment=arms, outcomes={"arrests": seen})


def squares(values: list[F]) -> F:
    return sum((value**2 for value in values), F(0))


def rates() -> tuple[list[F], list[F]]:
    """Events for each day alive, by arm, and their variances: by the rule for quotients."""
    found, variance = [], []
    for mean, alive, adds, lived in zip(
        (MEAN[0][-1], MEAN[1][-1]), ALIVE, (CONTROL, TREATMENT), (CONTROL_ALIVE, TREATMENT_ALIVE),
        strict=True,
    ):  # fmt: skip
        rate = mean / alive
        found.append(rate)
        variance.append(
            squares([(one - rate * days) / alive for one, days in zip(adds, lived, strict=True)])
        )
    return found, variance


def test_the_mean() -> None:
    found = terminal_mean(trial(), outcome="arrests")
    assert found.time.tolist() == [2, 3, 4, 5, 7]
    assert found.at_risk.tolist() == [[4, 4, 3, 2, 2], [2, 2, 2, 2, 1]]
    assert found.events.tolist() == [[1, 0, 1, 1, 1], [0, 1, 0, 0, 0]]
    assert found.mean == pytest.approx(np.array(MEAN, dtype=float), rel=EXACT)
    assert found.std_error[:, -1] ** 2 == pytest.approx(
        [float(squares(CONTROL)), float(squares(TREATMENT))], rel=1e-10
    )
    # By day 2: 3/4 and −1/4 three times, over 4. By day 4 also 2/3 and −1/3 twice, over 3.
    early = [squares([F(3, 16), *[F(-1, 16)] * 3])]
    early.append(squares([F(3, 16) - F(1, 9), F(2, 9) - F(1, 16), F(-1, 16), F(-1, 16) - F(1, 9)]))
    assert found.std_error[0, [0, 2]] ** 2 == pytest.approx([float(v) for v in early], rel=1e-10)
    width = exp(Z * sqrt(F(1, 8)) * 2)
    assert (found.low[1, -1], found.high[1, -1]) == pytest.approx((0.5 / width, 0.5 * width))
    assert isnan(found.low[1, 0])
    assert "terminal events: 2 of court, 1 of contract" in found.method
    assert (found.unit, found.level, found.missing) == ("days", 0.95, (0, 0))


def test_the_difference_and_the_ratio_of_means() -> None:
    """1/2 − 29/24 = −17/24 by day 8, and 12/29."""
    found = terminal_mean_difference(trial(), outcome="arrests", at=8)
    variance = squares(CONTROL) + squares(TREATMENT)
    assert found.value == pytest.approx(-17 / 24, rel=EXACT)
    assert found.std_error**2 == pytest.approx(float(variance), rel=1e-10)
    assert found.by_arm == pytest.approx((29 / 24, 1 / 2), rel=EXACT)
    assert (found.contrast, found.time_point) == (("contract", "court"), 8)
    assert (found.scale, found.n, found.events) == ("difference", (4, 2), (4, 1))
    ratio = terminal_mean_difference(trial(), outcome="arrests", at=8, measure="ratio")
    error = squares(CONTROL) / F(29, 24) ** 2 + squares(TREATMENT) * 4
    assert ratio.value == pytest.approx(12 / 29, rel=EXACT)
    assert ratio.std_error**2 == pytest.approx(float(error), rel=1e-10)
    half = exp(Z * sqrt(error))
    assert (ratio.low, ratio.high) == pytest.approx((12 / 29 / half, 12 / 29 * half))


@pytest.mark.parametrize(
    ("at", "want", "deaths"),
    [(3.999, F(1, 4), ""), (4, F(7, 12), "1 of court, 0"), (6.5, F(23, 24), "2 of court, 1")],
)
def test_events_of_the_day_of_death_count(at: float, want: F, deaths: str) -> None:
    found = terminal_mean_difference(trial(), outcome="arrests", at=at)
    assert found.by_arm == pytest.approx((float(want), 0.5), rel=EXACT)
    assert (deaths or "nobody with a terminal event") in found.method


def test_the_rate_while_alive() -> None:
    """29/24 over 13/2 days is 29/156 a day, 1/2 over 7 is 1/14; 78/203 of it."""
    zero, one = rates()[0]
    assert (zero, one) == (F(29, 156), F(1, 14))
    v0, v1 = rates()[1]
    found = while_alive_rate(trial(), outcome="arrests", horizon=8)
    assert found.value == pytest.approx(78 / 203, rel=EXACT)
    assert found.by_arm == pytest.approx((29 / 156, 1 / 14), rel=EXACT)
    error = sqrt(v0 / zero**2 + v1 / one**2)
    assert found.std_error == pytest.approx(error, rel=1e-10)
    assert found.p_value == pytest.approx(erfc(-np.log(78 / 203) / error / sqrt(2)), rel=1e-9)
    assert (found.scale, found.time_point, found.n, found.events) == ("ratio", 8, (4, 2), (4, 1))
    less = while_alive_rate(trial(), outcome="arrests", horizon=8, measure="difference")
    assert less.value == pytest.approx(float(one - zero), rel=EXACT)
    assert less.std_error**2 == pytest.approx(float(v0 + v1), rel=1e-10)


def test_the_test() -> None:
    """Weights 4/3, 4/3, 6/5, 1, 2/3: 2/3 − (1/3 + 2/5 + 3/8 + 1/6) = −73/120."""
    after4, after6 = F(3, 8) + F(1, 6), F(1, 6)
    a = F(1, 4) - F(2, 15) + F(3, 16) - F(1, 12) + after4 / 16 + after6 / 9
    b = F(-1, 12) + F(4, 15) - after4 * 3 / 16
    c = F(-1, 12) + after4 / 16 - after6 * 2 / 9
    d = F(-1, 12) - F(2, 15) - F(3, 16) + F(1, 12) + after4 / 16 + after6 / 9
    assert a + b + c + d == 0
    want = -73 / 120 / sqrt(squares([a, b, c, d, F(1, 3), F(-1, 3)]))
    found = terminal_mean_test(trial(), outcome="arrests")
    assert found.statistic == pytest.approx(want, rel=1e-10)
    assert found.p_value == pytest.approx(erfc(-want / sqrt(2)), rel=1e-9)
    assert (found.arms, found.n, found.events) == (("court", "contract"), (4, 2), (4, 1))


def test_a_death_in_custody_is_a_death() -> None:
    """Without `end` c would die on day 3, and be gone on day 4: 1 of 4, then 1 of 3."""
    found = terminal_mean(trial(end=()), outcome="arrests")
    want = [F(1, 4), F(1, 4), F(1, 4) + F(3, 4) / 3]
    assert found.mean[0, :3] == pytest.approx([float(value) for value in want], rel=EXACT)


def test_deaths_in_tenths_tie_as_days_do() -> None:
    """0.7 − 0.3 is a little before 0.4: c dies with b, not before b's offence."""
    assert 0.7 - 0.3 < 0.4
    tenths = [(who, start / 10, stop / 10, event) for who, start, stop, event in ROWS]
    days = terminal_mean(trial(end=[8, 4, 4, 8, 8, 6]), outcome="arrests")
    found = terminal_mean(trial(tenths, [0.8, 0.4, 0.7 - 0.3, 0.8, 0.8, 0.6]), outcome="arrests")
    assert found.mean == pytest.approx(days.mean, rel=EXACT)
    assert found.std_error == pytest.approx(days.std_error, rel=1e-10)
    assert found.mean[0, 3] == pytest.approx(float(F(7, 12) + F(1, 2) / 2), rel=EXACT)


def test_a_time_a_rounding_error_before_an_event_reaches_it() -> None:
    """0.7 − 0.4 is a little before 0.3, e's offence."""
    assert 0.7 - 0.4 < 0.3
    tenths = [(who, start / 10, stop / 10, event) for who, start, stop, event in ROWS]
    given = trial(tenths, [end / 10 for end in END])
    for near, tenth in ((0.7 - 0.4, 3), (0.8 - 0.1, 7)):
        mean = terminal_mean_difference(given, outcome="arrests", at=near)
        rate = while_alive_rate(given, outcome="arrests", horizon=near, measure="difference")
        want = terminal_mean_difference(trial(), outcome="arrests", at=tenth)
        assert mean.by_arm == pytest.approx(want.by_arm, rel=EXACT)
        assert mean.events == want.events
        again = while_alive_rate(trial(), outcome="arrests", horizon=tenth, measure="difference")
        assert rate.by_arm == pytest.approx([10 * each for each in again.by_arm], rel=EXACT)


def test_side_by_side_each_row_is_its_verb_on_its_clock() -> None:
    """Practice data of two suites, in custody some of the time; no row is stratified."""
    made = generate(Scenario(people=200), np.random.default_rng(3))
    given, arms = made.records(), made.assignment
    trial = ce.Trial(
        assignment=arms,
        outcomes={
            "all": outcomes.reoffence_episodes(given, arms),
            "free": outcomes.reoffence_episodes(given, arms, clock="street"),
        },
    )
    how: dict[str, Any] = {"at": 300, "measure": "ratio", "level": 0.9}
    want = [
        mean_cumulative_difference(trial, outcome="all", **how),
        mean_cumulative_difference(trial, outcome="free", **how),
        recurrent_hazard_ratio(trial, outcome="free", strata=(), level=0.9),
        terminal_mean_difference(trial, outcome="all", **how),
        while_alive_rate(trial, outcome="all", horizon=300, level=0.9),
    ]
    found = events_side_by_side(trial, elapsed="all", at_liberty="free", at=300, level=0.9)
    assert [(one.estimand, one.outcome) for one in found] == [
        (one.estimand, one.outcome) for one in want
    ]
    numbers = [[(one.value, one.low, one.high) for one in each] for each in (found, want)]
    assert numbers[0] == numbers[1]
    assert len(set(numbers[0])) > 3
    assert found[2].value != recurrent_hazard_ratio(trial, outcome="free").value


def test_the_end_of_follow_up_by_default() -> None:
    """The end of the last interval in whatever order; 0 for who has none, NaN where unknown."""
    seen = Episodes(
        person=[0, 1, 0], start=[4, 0, 0], stop=[9, 3, 2], event=[1, 0, 0], people=4,
        missing=[0, 0, 0, 1],
    )  # fmt: skip
    np.testing.assert_array_equal(seen.end, [9, 3, 0, np.nan])
    assert not seen.terminal.any()
    assert "terminal" not in repr(seen)
    assert "5 events, 3 terminal, days" in repr(trial().outcome("arrests"))


def test_the_digest_seals_deaths_and_ends() -> None:
    seals = [trial().digest, trial(terminal=[0] * 6).digest, trial(end=[8, 4, 7, 8, 8, 6]).digest]
    assert len(set(seals)) == 3
    assert trial().digest == seals[0]


# Person a: offence on day 61, in custody from day 70 to 80 where death comes on day 75.
CUSTODY = [("a", "2016-05-10", "2016-05-20")]
OFFENCES = [("a", "2016-05-01"), ("b", "2016-05-02")]


def read(gone: Any, **how: Any) -> Episodes:
    given = records(OFFENCES, custody=CUSTODY, gone=gone)
    return outcomes.reoffence_episodes(given, cohort(), months=12, counting=RECORDED, **how)


@pytest.mark.parametrize(("clock", "day"), [("elapsed", 75), ("street", 70)])
def test_a_death_in_custody_read_from_records(clock: Any, day: int) -> None:
    seen = read([("a", "2016-05-15", "death")], clock=clock)
    frame = seen.to_frame().to_numpy().tolist()
    assert frame == [[0, 0, 61, 1], [0, 61, day, 0], [1, 0, 62, 1], [1, 62, 365, 0]]
    assert seen.terminal.tolist() == [True, False]
    assert seen.end.tolist() == [day, 365]


def test_an_offence_on_the_day_of_death() -> None:
    seen = read([("b", "2016-05-02", "death")])
    assert seen.to_frame().query("person == 1").to_numpy().tolist() == [[1, 0, 62, 1]]
    assert (seen.terminal.tolist(), seen.end.tolist()) == ([False, True], [365, 62])


def test_a_death_after_follow_up_is_not_seen() -> None:
    """On its last day it is: 1 March 2017 is day 365."""
    for day, dies in (("2017-03-01", True), ("2017-03-02", False)):
        seen = read([("b", day, "death")])
        assert (seen.terminal.tolist(), seen.end.tolist()) == ([False, dies], [365, 365])


def test_a_death_on_the_index_day() -> None:
    """No time at risk, but a person and a death."""
    given = records(OFFENCES[1:], gone=[("a", "2016-03-01", "death")])
    seen = outcomes.reoffence_episodes(given, cohort(), months=12, counting=RECORDED)
    assert set(seen.person.tolist()) == {1}
    assert (seen.terminal.tolist(), seen.end.tolist()) == ([True, False], [0, 365])


def test_a_death_dated_before_randomisation_stands_in_the_way_from_the_index_day() -> None:
    """As in `time_to_reoffence`; nobody reoffends who is dead. An error for the audit to find."""
    given = records(OFFENCES[1:], gone=[("a", "2016-02-28", "death")])
    seen = outcomes.reoffence_episodes(given, cohort(), months=12, counting=RECORDED)
    assert (seen.terminal.tolist(), seen.end.tolist()) == ([True, False], [0, 365])
    first = outcomes.time_to_reoffence(given, cohort(), months=12, counting=RECORDED)
    assert (first.time[0], first.causes[first.competing[0] - 1]) == (0, "death")
    seen_of = outcomes.proven_reoffending(given, cohort(), months=12, counting=RECORDED)
    assert (seen_of.missing[0], seen_of.reoffences[0]) == (False, 0)


def test_emigration_ends_what_is_seen_only() -> None:
    gone = [("a", "2016-05-15", "death"), ("b", "2016-06-01", "emigration")]
    seen = read(gone)
    assert (seen.terminal.tolist(), seen.end.tolist()) == ([True, False], [75, 92])
    assert seen.provenance is not None
    assert "1 person last seen at 'emigration', which is not terminal" in seen.provenance.notes
    both = read(gone, terminal=("death", "emigration"))
    assert both.terminal.tolist() == [True, True]
    assert read(gone, terminal="emigration").terminal.tolist() == [False, True]
    assert not read(gone, terminal=()).terminal.any()
    with pytest.raises(UnknownColumn, match="transfer"):
        read(gone, terminal="transfer")
    assert not read(()).terminal.any()  # records of no death need not know the word


def test_who_is_not_in_the_records_has_no_end() -> None:
    given = records(OFFENCES, gone=[("a", "2016-05-15", "death")], people=("a", "b"))
    seen = outcomes.reoffence_episodes(given, cohort(ids=("a", "z")), months=12, counting=RECORDED)
    assert seen.terminal.tolist() == [True, False]
    np.testing.assert_array_equal(seen.end, [75, np.nan])
