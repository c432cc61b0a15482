"""Many trials at once give what the verbs give, trial by trial, and what slow loops give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import fisher_exact

import checkpoint_eval as ce
from checkpoint_eval.cohort.resampling import TrialBatch
from checkpoint_eval.design import Complete, PermutedBlocks, Simple
from checkpoint_eval.models import (
    Gehan,
    ModestlyWeighted,
    PetoPeto,
    TaroneWare,
    hazard_ratio,
    restricted_mean,
    risk_difference,
)
from checkpoint_eval.power import Analysis, ExponentialTrial
from checkpoint_eval.power.batched_analyses import block_of
from checkpoint_eval.power.trial_sources import trial_of

if TYPE_CHECKING:
    from collections.abc import Callable

RISK = 0.004  # a person and day: half of the people within the half year that is looked at
WORLDS = {
    "plain": ExponentialTrial(people=60, control_hazard=RISK, hazard_ratio=0.6, follow_up=180),
    "accrual": ExponentialTrial(
        people=80, control_hazard=RISK, follow_up=120, accrual=90, ratio=(1, 2)
    ),
    "dropout": ExponentialTrial(
        people=50, control_hazard=RISK, hazard_ratio=2.0, follow_up=150, accrual=60, dropout=0.004
    ),
    "ties": ExponentialTrial(people=40, control_hazard=0.2, hazard_ratio=0.7, follow_up=7),
    "few": ExponentialTrial(people=6, control_hazard=0.01, follow_up=100, dropout=0.01),
    "rare": ExponentialTrial(people=30, control_hazard=0.0004, follow_up=60),
}
Answers = tuple[np.ndarray, np.ndarray]


def drawn(world: str, seed: int = 1) -> TrialBatch:
    return next(iter(WORLDS[world].batches(40, np.random.default_rng(seed))))


def at_once(world: str, **how: Any) -> Answers:
    source = WORLDS[world]
    block = block_of(drawn(world), horizon=source.horizon, rule=source.rule)
    return Analysis(**how).of(block, np.random.default_rng(2))


def one_by_one(world: str, verb: Callable[[ce.Trial], Any]) -> Answers:
    """What the verb says of each trial; NaN where it refuses it or has no answer."""
    batch, found = drawn(world), []
    for row in range(batch.arm.shape[0]):
        try:
            told = verb(trial_of(batch, row, WORLDS[world].rule))
        except ce.TrialError:
            found.append((np.nan, np.nan))
            continue
        value = told.value if isinstance(told, ce.Estimate) else told.statistic
        found.append((value, told.p_value))
    value, p_value = np.array(found).T
    return value, p_value


def same(left: Answers, right: Answers, *, rtol: float) -> None:
    for one, other in zip(left, right, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-12)


worlds = pytest.mark.parametrize("world", WORLDS)


@worlds
@pytest.mark.parametrize(
    "weight",
    [
        ce.FlemingHarrington(),
        ce.FlemingHarrington(rho=0, gamma=1),
        Gehan(),
        TaroneWare(),
        PetoPeto(),
        ModestlyWeighted(until=60),
    ],
    ids=lambda weight: weight.told,
)
def test_log_rank(world: str, weight: Any) -> None:
    """The same sums in the same order of days, but for days without events: rounding only."""
    mine = at_once(world, statistic="log-rank", weight=weight)
    verb = one_by_one(world, lambda t: ce.logrank_test(t, outcome="reoffence", weight=weight))
    same(mine, verb, rtol=1e-9)


@worlds
def test_hazard_ratio(world: str) -> None:
    """Newton's steps stop within 1e-10 of the maximum, on either side."""
    mine = at_once(world, statistic="hazard ratio")
    verb = one_by_one(world, lambda t: hazard_ratio(t, outcome="reoffence", ties="breslow"))
    same(mine, verb, rtol=1e-6)


@worlds
@pytest.mark.parametrize("share", [1.0, 0.4])
def test_restricted_mean(world: str, share: float) -> None:
    when = int(share * WORLDS[world].horizon)
    mine = at_once(world, statistic="restricted mean difference", horizon=when)
    verb = one_by_one(world, lambda t: restricted_mean(t, outcome="reoffence", horizon=when))
    same(mine, verb, rtol=1e-8)


@pytest.mark.parametrize("world", ["dropout", "few"])
@pytest.mark.parametrize("share", [1.0, 0.4])
def test_risk_difference_with_people_censored(world: str, share: float) -> None:
    """By curves where somebody is lost before the horizon; not where nobody is."""
    batch, when = drawn(world), int(share * WORLDS[world].horizon)
    censored = (~batch.event & (batch.time < when)).any(axis=1)
    assert censored.any()
    mine = at_once(world, statistic="risk difference", horizon=when)
    verb = one_by_one(world, lambda t: risk_difference(t, outcome="reoffence", horizon=when))
    np.testing.assert_allclose(mine[0], verb[0], atol=1e-12)
    np.testing.assert_allclose(mine[1][censored], verb[1][censored], rtol=1e-8)


@pytest.mark.parametrize("world", ["plain", "accrual", "ties", "rare"])
@pytest.mark.parametrize("level", [0.95, 0.8, 0.5])
def test_risk_difference_counted(world: str, level: float) -> None:
    """The score test is significant exactly where its interval leaves out no difference."""
    when = WORLDS[world].horizon
    batch = drawn(world)
    assert not (~batch.event & (batch.time < when)).any()
    value, p_value = at_once(world, statistic="risk difference")
    for row in range(batch.arm.shape[0]):
        told = risk_difference(
            trial_of(batch, row, WORLDS[world].rule),
            outcome="reoffence",
            horizon=when,
            interval="miettinen-nurminen",
            level=level,
        )
        assert value[row] == pytest.approx(told.value, abs=1e-12)
        assert (p_value[row] < 1 - level) == (not told.low <= 0 <= told.high)


def whole_days(arm: list[int], time: list[int], event: list[int]) -> TrialBatch:
    return TrialBatch(
        first=0,
        arm=np.array([arm], dtype=np.int8),
        time=np.array([time], dtype=np.int16),
        event=np.array([event], dtype=bool),
    )


def test_table_and_log_rank_by_hand() -> None:
    """Control 2+, 3, 5; treatment 3, 4+, 6.

    Days 3, 5 and 6 have events: 5 people at risk on day 3 (2 control), two with the event; on day
    5 one of each arm; on day 6 treatment alone. Expected in treatment 2·3/5 + 1/2 + 1 = 2.7 of 2
    observed. Variance on day 3: 2·(3/5)(2/5)(5 − 2)/(5 − 1) = 0.36, on day 5: 1/4; day 6: none.
    """
    batch = whole_days([0, 0, 0, 1, 1, 1], [2, 3, 5, 3, 4, 6], [0, 1, 1, 1, 0, 1])
    block = block_of(batch, horizon=6, rule=Complete(counts=(3, 3)))
    assert block.table.time.tolist() == [[[3, 5, 6]]]
    assert block.table.at_risk.tolist() == [[[[2, 1, 0], [3, 1, 1]]]]
    assert block.table.events.tolist() == [[[[1, 1, 0], [1, 0, 1]]]]
    z, _ = Analysis(statistic="log-rank").of(block, np.random.default_rng(1))
    assert z[0] == pytest.approx(-0.7 / np.sqrt(0.61))


def test_redrawn_by_hand() -> None:
    """Four people, events on days 1 to 4, treatment the last two: six allocations, alike likely.

    Hazards up to each day: 1/4, 7/12, 13/12, 25/12; scores 3/4, 5/12, −1/12, −13/12. Treatment's
    are −14/12. Sums of two: ±14/12 by two of the six, ±8/12 by two, ±4/12 by two. So a third of
    allocations are as large; with 99,999 draws chance leaves 5·√(2/9/1e5) = 0.0075.
    """
    batch = whole_days([0, 0, 1, 1], [1, 2, 3, 4], [1, 1, 1, 1])
    block = block_of(batch, horizon=4, rule=Complete(counts=(2, 2)))
    draw = Analysis(statistic="log-rank", draws=99_999)
    value, p_value = draw.of(block, np.random.default_rng(1))
    assert value[0] == pytest.approx(-14 / 12)
    assert p_value[0] == pytest.approx(1 / 3, abs=0.0075)


@pytest.mark.parametrize("statistic", ["log-rank", "risk difference"])
def test_the_trial_itself_is_one_of_its_allocations(statistic: Any) -> None:
    """(b + 1)/(draws + 1), b a whole number: never 0, and with 9 draws in tenths."""
    _, p_value = at_once("plain", statistic=statistic, draws=9)
    np.testing.assert_allclose(p_value * 10, np.round(p_value * 10), atol=1e-12)
    assert p_value.min() == pytest.approx(0.1)


def test_redrawn_score_is_observed_less_expected() -> None:
    """In every trial, ties and censoring among them."""
    for world in WORLDS:
        value, _ = at_once(world, statistic="log-rank", draws=9)
        source, batch = WORLDS[world], drawn(world)
        table = block_of(batch, horizon=source.horizon, rule=source.rule).table
        told = ce.models.logrank(table)
        np.testing.assert_allclose(value, (told.observed - told.expected)[:, 1], atol=1e-9)


@pytest.mark.parametrize("rule", [PermutedBlocks(sizes=(4,)), Simple(), Complete(counts=(30, 30))])
@pytest.mark.parametrize("statistic", ["log-rank", "risk difference"])
def test_redrawn_p_is_that_of_the_verb(rule: Any, statistic: Any) -> None:
    """Both draw the same rule 3,999 times: they differ by chance, 5·√(2·p(1 − p)/3,999)."""
    source = WORLDS["plain"]
    raw = drawn("plain")
    arm = rule.draw_many(60, raw.arm.shape[0], np.random.default_rng(3))
    batch = TrialBatch(first=0, arm=arm, time=raw.time, event=raw.event)
    block = block_of(batch, horizon=source.horizon, rule=rule)
    mine = Analysis(statistic=statistic, draws=3999).of(block, np.random.default_rng(4))[1]
    asked: Any = {"statistic": "risk difference", "horizon": source.horizon}
    for row in range(6):
        if statistic == "log-rank":
            score = _observed_less_expected(batch, row)
            asked = {"statistic": lambda codes, _, score=score: codes @ score}
        trial = trial_of(batch, row, rule)
        verb = ce.randomisation_test(
            trial, outcome="reoffence", draws=3999, rng=np.random.default_rng(5), **asked
        ).p_value
        assert abs(mine[row] - verb) <= 5 * np.sqrt(2 * verb * (1 - verb) / 3999) + 1 / 4000


def test_redrawn_risks_are_fishers_exact_test() -> None:
    """Arms of one size: |difference| as large is a table as unlikely. Within 5 errors of 9,999."""
    batch, source = drawn("plain"), WORLDS["plain"]
    block = block_of(batch, horizon=180, rule=source.rule)
    rng = np.random.default_rng(6)
    _, p_value = Analysis(statistic="risk difference", draws=9_999).of(block, rng)
    for row in range(batch.arm.shape[0]):
        x0, x1 = (int(batch.event[row, batch.arm[row] == arm].sum()) for arm in (0, 1))
        told = fisher_exact([[x1, 30 - x1], [x0, 30 - x0]]).pvalue
        assert abs(p_value[row] - told) <= 5 * np.sqrt(told * (1 - told) / 9_999) + 1e-4


def _observed_less_expected(batch: TrialBatch, row: int) -> np.ndarray:
    """Event less cumulative hazard, by a loop."""
    time, event = batch.time[row], batch.event[row]
    hazard = [
        sum(((time == t) & event).sum() / (time >= t).sum() for t in set(time[event]) if t <= own)
        for own in time
    ]
    return event - np.array(hazard)


def test_nothing_to_compare_is_not_estimable() -> None:
    """An arm with nobody, nobody with the event, or one arm gone before the horizon: NaN."""
    rng = np.random.default_rng(1)
    empty = whole_days([1, 1, 1, 1], [1, 2, 3, 4], [1, 1, 1, 1])
    nobody = whole_days([0, 0, 1, 1], [4, 4, 4, 4], [0, 0, 0, 0])
    gone = whole_days([0, 0, 1, 1], [1, 2, 4, 4], [1, 0, 1, 0])
    for batch, names in (
        (empty, ("log-rank", "hazard ratio", "restricted mean difference", "risk difference")),
        (nobody, ("log-rank", "hazard ratio", "restricted mean difference")),
        (gone, ("restricted mean difference", "risk difference")),
    ):
        block = block_of(batch, horizon=4, rule=Complete(counts=(2, 2)))
        for name in names:
            _, p_value = Analysis(statistic=name).of(block, rng)
            assert np.isnan(p_value).all(), name
    # nobody with the event: risks of 0 are known, and do not differ
    block = block_of(nobody, horizon=4, rule=Complete(counts=(2, 2)))
    assert Analysis(statistic="risk difference").of(block, rng)[1].tolist() == [1.0]
