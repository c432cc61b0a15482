"""True values, trials drawn and assignments received, against a plain loop over people."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import slow_cohort as slow

from checkpoint_eval.cohort import (
    Cohort,
    Delivery,
    Effect,
    Era,
    Population,
    Recording,
    Reoffending,
    Scenario,
    draw_trials,
    generate,
    true_value,
    true_values,
)
from checkpoint_eval.design import Complete, PermutedBlocks, Simple

EXACT = 1e-12  # the same sums in another order
OVERRIDES = Delivery(eras=(Era(to_prosecution=0.15, to_checkpoint=0.1),), officer_spread=0.5)
HARD = Recording(custody=0.2, custody_days=90, deaths=0.1, departures=0.1)
SCENARIOS = {
    "plain": Scenario(people=700, effect=Effect.constant(0.6)),
    "overrides": Scenario(people=700, effect=Effect.delayed(0.4, months=4), delivery=OVERRIDES),
    "custody and death": Scenario(people=600, effect=Effect.waning(0.3), recording=HARD),
    "harmful": Scenario(people=500, effect=Effect.constant(1.8), delivery=OVERRIDES),
    "bands and needs": Scenario(
        people=800,
        population=Population(bands={"low": 0.3, "moderate": 0.5, "high": 0.2}),
        effect=Effect(
            hazard_ratios=(0.9, 0.5),
            from_days=(0, 200),
            by_band={"high": 1.4, "low": 0.6},
            pathways={"health": 0.7},
        ),
        delivery=Delivery(navigator_spread=0.4, caseload=5),
    ),
    "no effect": Scenario(people=300, recording=HARD),
}


def made(scenario: Scenario, seed: int = 20160801) -> Cohort:
    return generate(scenario, np.random.default_rng(seed))


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_true_value_in_a_cohort_is_the_loop_over_its_people(name: str) -> None:
    cohort = made(SCENARIOS[name])
    truths = true_values(cohort, limit_people=1_000)
    expected = slow.estimands(cohort)
    told = {(t.estimand, t.months): t.in_cohort for t in truths}
    assert set(told) - set(expected) == {("hazard ratio", 0)}
    assert set(expected) <= set(told)
    for key, value in expected.items():
        # the Cox limit is a root found by iteration
        within = 1e-8 if key[0] == "Cox limit" else EXACT * max(1, abs(value))
        assert abs(told[key] - value) <= within, key


@pytest.mark.parametrize("ratio", [(2, 1), (1, 3)])
def test_the_cox_limit_weights_risk_sets_by_the_ratio_of_arms(ratio: tuple[int, int]) -> None:
    # Under hazards that are not proportional the limit depends on the ratio (Struthers and
    # Kalbfleisch 1986), so an evaluator of a 2:1 trial needs the limit of a 2:1 trial.
    cohort = made(
        Scenario(people=900, effect=Effect.waning(0.2), rule=Simple(ratio=ratio)),
    )
    everyone = slow.lives(cohort)
    times = [[life.time(z) for life in everyone] for z in (0, 1)]
    at_ratio = slow.cox(times, slow.days_of(24), ratio[1] / sum(ratio))
    told = true_value(true_values(cohort, limit_people=1_000), "Cox limit", months=24).in_cohort
    assert abs(at_ratio - slow.cox(times, slow.days_of(24))) > 1e-4  # the ratio does matter here
    assert abs(told - at_ratio) <= 1e-8


def test_first_offences_and_totals_are_the_loop_over_points() -> None:
    cohort = made(SCENARIOS["custody and death"])
    histories = cohort.lives.histories
    first = histories.first()
    names = list(cohort.scenario.recording.offences)
    weights = np.arange(1.0, len(names) + 1)
    for days in (1, 100, 365, 730):
        count, harm = histories.totals(days), histories.totals(days, weights)
        for i, life in enumerate(slow.lives(cohort)):
            for z in (0, 1):
                within = [code for day, code in life.offences[z] if day <= days]
                assert count[z, i] == len(within)
                assert harm[z, i] == sum(weights[c] for c in within)
                assert first[z, i] == min((d for d, _ in life.offences[z]), default=slow.NEVER)


@pytest.mark.parametrize(
    ("extract", "reached"),
    # the last are randomised on 2018-03-31: 6, 12 and 24 months later is about the end of
    # September 2018, of March 2019 and of March 2020; the days are a week clear on either side
    [
        ("2018-09-20", ()),
        ("2018-10-08", (6,)),
        ("2019-03-20", (6,)),
        ("2019-04-08", (6, 12)),
        ("2020-03-20", (6, 12)),
        ("2020-04-08", (6, 12, 24)),
    ],
)
def test_a_time_point_the_extract_does_not_reach_has_no_value_but_a_reason(
    extract: str, reached: tuple[int, ...]
) -> None:
    scenario = Scenario(
        people=3_000, effect=Effect.constant(0.5), recording=Recording(extract=extract)
    )
    truths = true_values(made(scenario), limit_people=1_000)
    for truth in truths:
        if truth.estimand.startswith("resolved") or not truth.months:
            continue
        there = truth.months in reached
        assert np.isfinite([truth.in_cohort, truth.limit]).all() == there, truth
        assert bool(truth.reason) != there, truth


def test_a_value_that_is_missing_always_has_its_reason() -> None:
    # The last of 8,000 come on the last day, 729 days before the extract; of the 1,000 people of
    # the limit nobody does.
    scenario = Scenario(people=8_000, recording=Recording(extract="2020-03-29"))
    truths = true_values(made(scenario), limit_people=1_000)
    for truth in truths:
        assert truth.reason or np.isfinite(truth.in_cohort), truth


# Trials drawn from a cohort


def test_every_person_drawn_is_a_person_of_the_cohort_under_the_arm_drawn() -> None:
    cohort = made(SCENARIOS["overrides"])
    everyone = slow.lives(cohort)
    horizon = 365
    pairs = [
        {(min(life.time(z), horizon), life.time(z) <= horizon) for life in everyone} for z in (0, 1)
    ]
    rule = Complete(counts=(30, 50))
    rng = np.random.default_rng(3)
    firsts = []
    for batch in draw_trials(cohort, rule=rule, people=80, trials=300, horizon=horizon, rng=rng):
        firsts.append((batch.first, len(batch.arm)))
        assert (batch.arm.sum(axis=1) == 50).all()
        seen = zip(
            batch.arm.ravel().tolist(),
            batch.time.ravel().tolist(),
            batch.event.ravel().tolist(),
            strict=True,
        )
        strangers = [(z, t, e) for z, t, e in seen if (t, e) not in pairs[z]]
        assert not strangers
        assert batch.time.min() >= 1
        assert batch.time.max() <= horizon
    assert sum(size for _, size in firsts) == 300
    assert all(one[0] + one[1] == other[0] for one, other in pairwise(firsts))


@pytest.mark.parametrize(
    ("rule", "share"),
    [
        (Complete(counts=(60, 60)), 1 / 2),
        (PermutedBlocks(sizes=(3, 6), ratio=(2, 1)), 1 / 3),
        (Simple(), 1 / 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_trials_drawn_have_the_risks_of_their_cohort(rule: object, share: float) -> None:
    cohort = made(SCENARIOS["overrides"])
    everyone = slow.lives(cohort)
    trials, people, horizon = 2_000, 120, slow.days_of(24)
    drawn = list(
        draw_trials(
            cohort,
            rule=rule,
            people=people,
            trials=trials,
            horizon=horizon,
            rng=np.random.default_rng(4),
        )
    )
    arm, time, event = (
        np.concatenate([getattr(batch, name) for batch in drawn])
        for name in ("arm", "time", "event")
    )
    assert arm.shape == (trials, people)
    # People are drawn with replacement: draws are independent, and so errors are binomial. Five
    # of them: no more than about 1 in a million.
    assert abs(arm.mean() - share) <= 5 * np.sqrt(0.25 / arm.size)
    for z in (0, 1):
        mine = arm == z
        truth = slow.mean([life.time(z) <= horizon for life in everyone])
        error = np.sqrt(truth * (1 - truth) / mine.sum())
        assert abs(event[mine].mean() - truth) <= 5 * error
        free = [min(life.time(z), horizon) for life in everyone]
        assert abs(time[mine].mean() - slow.mean(free)) <= 5 * np.std(free) / np.sqrt(mine.sum())
        # everyone is equally likely at each place of the queue: the first half is like the rest
        half = event[:, : people // 2][mine[:, : people // 2]]
        assert abs(half.mean() - truth) <= 5 * np.sqrt(truth * (1 - truth) / half.size)
    told = true_value(true_values(cohort, limit_people=1_000), "risk difference", months=24)
    difference = event[arm == 1].mean() - event[arm == 0].mean()
    assert abs(difference - told.in_cohort) <= 5 * np.sqrt(0.25 * 4 / arm.size / min(share, 0.5))
    # and trials are not copies of one another
    assert len({row.tobytes() for row in time}) == trials


def test_an_offence_on_the_last_day_counts() -> None:
    # Half of everyone offends within a day: at a horizon of one day all times are 1, and only
    # the indicator tells who did.
    soon = Reoffending(months=(1,), risks=(1 - 0.5**30,), never=0, spread=0, frailty=0)
    cohort = made(Scenario(people=500, reoffending=soon))
    truth = slow.mean([life.time(0) <= 1 for life in slow.lives(cohort)])
    assert 0.3 < truth < 0.7
    rng = np.random.default_rng(6)
    (batch,) = draw_trials(cohort, rule=Simple(), people=100, trials=200, horizon=1, rng=rng)
    assert (batch.time == 1).all()
    error = np.sqrt(truth * (1 - truth) / batch.event.size)
    assert abs(batch.event.mean() - truth) <= 5 * error
