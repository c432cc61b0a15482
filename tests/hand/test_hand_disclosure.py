"""Disclosure by hand: what is told of small tables, and why."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval import report
from checkpoint_eval.balance import Flow
from checkpoint_eval.balance.participant_flow import FlowStep
from checkpoint_eval.report import Disclosure, Withheld, differencing, protect
from checkpoint_eval.report.disclosure_counts import HeardCounts
from checkpoint_eval.report.disclosure_curves import curve_told, step_ends
from checkpoint_eval.report.disclosure_estimates import share_told, text_told
from checkpoint_eval.report.disclosure_nouns import flow_told
from checkpoint_eval.results import Curve

FEW = Withheld(below=10)


def test_what_is_told_of_a_count() -> None:
    rule = Disclosure(threshold=10, round_to=5)
    # 0 and 9 are below 10. 12 is nearer 10, 13 nearer 15; 12.5 does not occur.
    assert [rule.published(each) for each in (0, 9, 10, 12, 13, 47)] == [FEW, FEW, 10, 10, 15, 45]
    assert rule.published(0, zero=True) == 0
    # Read back: 15 is 13 to 17, 10 is 10 to 12 as less is withheld.
    assert rule.possible(15) == (13, 17)
    assert rule.possible(10) == (10, 12)
    assert rule.possible(FEW) == (0, 9)
    assert rule.possible(FEW, zero=True) == (1, 9)
    assert rule.possible(Withheld()) == (10, math.inf)
    # Halves go up: to tens, 15 is 20.
    assert Disclosure(threshold=10, round_to=10).published(15) == 20


@pytest.mark.parametrize(
    ("threshold", "least"), [(2, 2), (3, 2), (5, 2), (6, 2), (7, 3), (10, 4), (30, 10)]
)
def test_a_third_of_the_threshold_stays_possible_and_two(threshold: int, least: int) -> None:
    assert Disclosure(threshold=threshold, round_to=1).least_possible == least


def told(rule: Disclosure, whole: int, parts: list[int]) -> list[object]:
    counts = HeardCounts(rule)
    cells = [((f"part {place}", "arm"), count) for place, count in enumerate(parts)]
    for kind, count in ((("whole", "arm"), whole), *cells):
        counts.tell(kind, count)
    counts.add_up((("whole", "arm"), whole), cells)
    counts = counts.settle()
    return list(counts.report.told.values())


def test_a_lone_withheld_count_gets_a_partner() -> None:
    plain = Disclosure(threshold=10, round_to=1)
    # 100 − 60 − 36 = 4 for anybody; without the 36, the 4 can be 0 to 9.
    assert told(plain, 100, [60, 36, 4]) == [100, 60, Withheld(), FEW]
    # Two small ones of a told sum of 8 are 0 + 8 to 8 + 0: nine values each, no partner.
    assert told(plain, 68, [60, 3, 5]) == [68, 60, FEW, FEW]
    # 60 of 60 leaves 0 and 0: both go, as the same count of an arm may be the same people.
    assert told(plain, 60, [60, 0, 0]) == [Withheld(), Withheld(), FEW, FEW]


def test_rounding_by_itself_can_be_room_enough() -> None:
    # 98 to 102 less 93 to 97 leaves 1 to 9: nine values, so that nothing more is withheld.
    assert told(Disclosure(), 100, [95, 5]) == [100, 95, FEW]
    # 10 to 12 less 10 to 12 leaves 0 to 2: three values of ten are too few. Without the part the
    # rest of 12 is still 0 to 2, so that it is the whole that goes.
    assert told(Disclosure(), 12, [10, 2]) == [Withheld(), 10, FEW]


def test_the_flow_reconciles_in_what_is_told() -> None:
    flow = Flow(
        arms=("court", "contract"),
        steps=(
            FlowStep(step="randomised", counts=(103, 98)),
            FlowStep(step="rearrest unknown", counts=(0, 4)),
            FlowStep(step="rearrest analysed", counts=(103, 94)),
        ),
        assessed=226,
        excluded=(("older than 60", 3), ("no consent", 22)),
    )
    counts = HeardCounts(Disclosure())
    flow_told(flow, counts)
    counts = counts.settle()
    found = flow_told(flow, counts)
    assert [step.counts for step in found.steps] == [(105, 100), (0, FEW), (105, 95)]
    # Excluded for age: 225 ± 2 less 20 ± 2, 105 ± 2 and 100 ± 2 leaves anything from 0 to 9.
    assert found.assessed == 225
    assert found.excluded == (("older than 60", FEW), ("no consent", 20))
    frame = found.to_frame()
    # Totals are sums of what is told; withheld is missing in a frame and says so in print.
    assert frame.loc[frame["step"] == "randomised", "people"].item() == 205
    unknown = frame.loc[frame["step"] == "rearrest unknown"].iloc[0]
    assert np.isnan(unknown["contract"])
    assert unknown["court"] == 0
    assert "<10" in repr(found)
    assert "4" not in frame.to_csv(index=False).splitlines()[5]


def test_a_share_is_told_as_rounded_counts_would_give_it() -> None:
    # 31 of 98 is 31.6 %: by fives of 100 that is 30 %.
    assert share_told(31 / 98, 100, Disclosure()) == pytest.approx(0.30)
    assert share_told(33 / 98, 100, Disclosure()) == pytest.approx(0.35)
    assert np.isnan(share_told(0.3, FEW, Disclosure()))


def test_people_in_words() -> None:
    rule = Disclosure()
    assert text_told("as 1 person is censored earlier", rule) == (
        "as fewer than 10 people are censored earlier"
    )
    assert text_told("23 such people, 1,204 people", rule) == "25 such people, 1,205 people"
    assert text_told("at 52 weeks; 10,000 draws", rule) == "at 52 weeks; 10,000 draws"


def curve() -> Curve:
    """Ten steps, days 1 to 10: control has 4 events a day, treatment 2, of 100 each."""
    events = np.array([[4] * 10, [2] * 10])
    left = np.cumsum(events, axis=1)
    at_risk = 100 - left + events
    survival = 1 - left / 100
    return Curve(
        outcome="rearrest",
        analysis_set="itt",
        unit="days",
        arms=("court", "contract"),
        time=np.arange(1.0, 11.0),
        at_risk=at_risk,
        events=events,
        censored=np.zeros((2, 10), dtype=int),
        survival=survival,
        std_error=np.full((2, 10), 0.01),
        low=survival - 0.05,
        high=np.minimum(survival + 0.05, 1),
        level=0.95,
        method="Kaplan–Meier",
        missing=(0, 0),
    )


def test_steps_of_a_curve() -> None:
    # Treatment reaches ten events on day 5 and twenty on day 10; control has 20 and 40 by then.
    assert step_ends(curve(), 10).tolist() == [4, 9]
    # Of fewer than 30 in treatment one step is told, of fewer than 50 none.
    assert step_ends(curve(), 15).tolist() == [9]
    assert step_ends(curve(), 25).tolist() == []
    counts = HeardCounts(Disclosure())
    curve_told(curve(), counts)
    counts = counts.settle()
    found = curve_told(curve(), counts)
    assert found is not None
    assert found.time.tolist() == [5, 10]
    assert found.events.tolist() == [[20, 20], [10, 10]]
    assert found.at_risk.tolist() == [[100, 80], [100, 90]]
    # 80 and 60 in a hundred, by fives; 90 and 80.
    assert found.survival == pytest.approx(np.array([[0.8, 0.6], [0.9, 0.8]]))


def trial(extra: int = 0) -> ce.Trial:
    """Read 60 people an arm, 20 and 15 with the event; and some more in treatment, without it."""
    event = [1] * 20 + [0] * 40 + [1] * 15 + [0] * (45 + extra)
    arm = [0] * 60 + [1] * (60 + extra)
    frame = pd.DataFrame({"arm": arm, "again": event})
    return ce.Trial.from_frame(frame, arm="arm", control=0, binary={"again": "again"})


def test_last_years_report_and_this_years() -> None:
    before, after = ce.evaluate(trial()), ce.evaluate(trial(extra=3))
    found = differencing(before, after)
    # As they are, 63 less 60 people tell of three who came.
    assert {(each.first, each.second, each.low, each.high) for each in found} == {(60, 63, 3, 3)}
    assert {each.arm for each in found} == {"treatment"}
    # Told as 60 and 65 they are 1 to 7 apart and more: nothing small is known closely.
    assert differencing(protect(before), protect(after)) == ()
    # The same data, once told and once not: what was withheld is told.
    few = replace(before, flow=told_few(before.flow))
    both = differencing(protect(few), few)
    assert any(each.first == FEW and each.low == each.high == 3 for each in both)


def told_few(flow: Flow) -> Flow:
    steps = (*flow.steps, FlowStep(step="withdrew", counts=(3, 3)))
    return replace(flow, steps=steps)


def test_an_effect_of_few_is_not_told() -> None:
    event = [1] * 20 + [0] * 40 + [1] * 6 + [0] * 54
    frame = pd.DataFrame({"arm": [0] * 60 + [1] * 60, "again": event})
    read = ce.Trial.from_frame(frame, arm="arm", control=0, binary={"again": "again"})
    found = protect(ce.evaluate(read))
    for each in found.results:
        assert each.value.events == (20, FEW)
        assert np.isnan(each.value.p_value)
        assert "withheld: fewer than 10 people or events" in each.value.method
    # Nor where nearly all had it: 54 of 60 tell of six who did not.
    frame["again"] = 1 - frame["again"]
    other = ce.Trial.from_frame(frame, arm="arm", control=0, binary={"again": "again"})
    shown = protect(ce.evaluate(other)).results[0].value
    assert "did not have the event" in shown.method
    assert isinstance(shown, report.evaluation.Estimate)
    assert np.isnan([shown.value, shown.low, shown.high, *shown.by_arm]).all()


def test_an_effect_that_tells_of_those_left_out_is_not_told() -> None:
    """Whoever solves 36 of 100 and 35 of 97 knows of three left out, one with the event."""
    event = [1] * 36 + [0] * 64 + [1] * 25 + [0] * 75
    arm = [0] * 100 + [1] * 100
    got = [1] + [0] * 97 + [1] * 2 + [1] * 100
    frame = pd.DataFrame({"arm": arm, "got": got, "again": event})
    read = ce.Trial.from_frame(
        frame, arm="arm", control=0, received="got", binary={"again": "again"}
    )
    values = [
        ce.risk_difference(read, outcome="again", analysis_set=each)
        for each in ("itt", "per-protocol")
    ]
    assert [each.events for each in values] == [(36, 25), (35, 25)]
    results = tuple(report.Result(value=each) for each in values)
    whole = replace(ce.evaluate(read), results=results, sensitivity=(), integrity=())
    itt, per_protocol = (each.value for each in protect(whole).results)
    # 25/100 − 36/100; in print 35 of 100, by fives, is 0.35.
    assert itt.value == pytest.approx(-0.11)
    assert itt.by_arm == pytest.approx((0.35, 0.25))
    assert itt.events == per_protocol.events == (35, 25)
    assert np.isnan([per_protocol.value, per_protocol.p_value]).all()
    assert "beside others it would tell how few had the event" in per_protocol.method
    # Alone it is told: there is nothing to be left out of.
    alone = replace(whole, results=results[1:])
    assert protect(alone).results[0].value.value == pytest.approx(round(25 / 100 - 35 / 97, 3))


def test_the_levels_of_a_subgroup_do_not_tell_the_last() -> None:
    """Of 40 events, 20 and 16 are of two levels: the third has four."""
    rule = Disclosure()
    counts = HeardCounts(rule)
    whole = (("events", "again", "arm"), 40)
    levels = [
        (("events", "again", "site", name, "arm"), n)
        for name, n in zip("abc", (20, 16, 4), strict=True)
    ]
    for cell in (whole, *levels):
        counts.tell(*cell, exact=True, keep=cell == whole)
    counts.add_up(whole, levels)
    counts = counts.settle()
    # 40 is known from everyone's effect, which is kept. Were 20 and 16 too, the last is 4.
    # The smaller is told by fives alone, 13 to 17, so that the last is 3 to 7.
    assert [counts.is_closed(*cell) for cell in (whole, *levels[:2])] == [False, False, True]
    assert list(counts.report.told.values()) == [40, 20, 15, FEW]


def test_the_effect_on_everyone_is_the_last_to_go() -> None:
    """As treated 36 had the event, as randomised 35: the larger goes, as the other is kept."""
    counts = HeardCounts(Disclosure())
    kind = ("events", "again", "arm")
    counts.tell(kind, 35, exact=True, keep=True)
    counts.tell(kind, 36, exact=True)
    counts = counts.settle()
    assert [counts.is_closed(kind, each) for each in (35, 36)] == [False, True]
    # By fives 36 is at most 37, so 0 to 2 more than 35: the count goes too, before the effect kept.
    assert list(counts.report.told.values()) == [35, Withheld()]
    # Neither kept, the smaller goes.
    counts = HeardCounts(Disclosure())
    for each in (35, 36):
        counts.tell(kind, each, exact=True)
    counts = counts.settle()
    assert [counts.is_closed(kind, each) for each in (35, 36)] == [True, False]
