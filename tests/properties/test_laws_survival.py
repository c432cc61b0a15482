"""Laws of curves, equality tests and restricted means, whatever the cohort."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import (
    ARMS,
    OUTCOME,
    codes_of,
    cohorts,
    doubled,
    followed,
    limits,
    mirrored,
    same,
    same_estimate,
    sensible,
    shuffled,
    strata_table,
    swapped_trial,
    trial_of,
    wald_dual,
    whole_support,
)

import checkpoint_eval as ce
from checkpoint_eval.models import logrank, logrank_z, survival_quantiles
from checkpoint_eval.models.event_tables import event_table

WEIGHTS = [ce.FlemingHarrington(rho=rho, gamma=gamma) for rho, gamma in [(0, 0), (1, 0), (0.5, 2)]]
INTERVALS = ("log-log", "log", "plain")
MEASURES = ("difference", "ratio")
weights = st.sampled_from(WEIGHTS)


def test_of(trial: ce.Trial, **how: Any) -> ce.SignificanceTest:
    return ce.logrank_test(trial, outcome=OUTCOME, **how)


test_of.__test__ = False  # type: ignore[attr-defined]


def timed(trial: ce.Trial, horizon: float) -> list[ce.Estimate]:
    """The three contrasts that are read at a horizon."""
    means = [
        ce.restricted_mean(trial, outcome=OUTCOME, horizon=horizon, measure=measure)
        for measure in MEASURES
    ]
    return [ce.survival_difference(trial, outcome=OUTCOME, at=horizon), *means]


# --- the event table ---------------------------------------------------------------------------


@given(cohorts(arms=3), st.booleans(), st.integers(1, 7))
def test_table_is_its_definition(frame: pd.DataFrame, late: bool, earlier: int) -> None:
    """At risk: entry < t <= exit. Counts are whole, so equality is exact."""
    exit_, event, arm = frame["week"].to_numpy(), frame["arrest"].to_numpy(bool), codes_of(frame)
    entry = exit_ - 1 - np.arange(len(frame)) % earlier if late else np.full(len(frame), -np.inf)
    table = event_table(exit_, event, arm, groups=3, entry=entry if late else None)
    np.testing.assert_array_equal(table.time, sorted(set(exit_)))
    for j, t in enumerate(table.time):
        watched, now = (entry < t) & (t <= exit_), (exit_ == t) & event
        for k in range(3):
            assert table.at_risk[k, j] == (watched & (arm == k)).sum()
            assert table.events[k, j] == (now & (arm == k)).sum()


@given(cohorts(arms=3), st.booleans(), st.sampled_from([(1, 0.5), (1 / 7, 0), (1e7, 3), (1, -6)]))
def test_whole_and_broken_times_are_counted_alike(
    frame: pd.DataFrame, late: bool, change: tuple[float, float]
) -> None:
    """The histogram of whole weeks and the sort of any other times fill the same table."""
    slope, shift = change
    exit_, event, arm = frame["week"].to_numpy(), frame["arrest"], codes_of(frame)
    entry = np.maximum(exit_ - 1 - np.arange(len(frame)) % 5, 0)
    before, after = (
        event_table(a * exit_ + b, event, arm, groups=3, entry=a * entry + b if late else None)
        for a, b in [(1, 0), (slope, shift)]
    )
    np.testing.assert_array_equal(after.at_risk, before.at_risk)
    np.testing.assert_array_equal(after.events, before.events)
    same(after.time, slope * before.time + shift)


@given(cohorts(arms=2), st.booleans(), st.integers(0, 1000))
def test_rounding_noise_in_times_does_not_matter(
    frame: pd.DataFrame, late: bool, seed: int
) -> None:
    """Tenths of a week added up one by one or multiplied out: the same times, the same table."""
    rng = np.random.default_rng(seed)
    exit_, event, arm = frame["week"].to_numpy(), frame["arrest"], codes_of(frame)
    entry = exit_ - 1 - np.arange(len(frame)) % 3
    clean, noisy = (
        event_table(
            exit_ / 10 + amount * rng.integers(-1, 2, len(frame)),
            event,
            arm,
            groups=2,
            entry=entry / 10 + amount * rng.integers(-1, 2, len(frame)) if late else None,
        )
        for amount in [0, 4e-16]
    )
    np.testing.assert_array_equal(noisy.at_risk, clean.at_risk)
    np.testing.assert_array_equal(noisy.events, clean.events)


@given(cohorts(), st.integers(1, 12), st.sampled_from([0, 4e-16]))
def test_rounding_noise_in_a_horizon_does_not_matter(
    frame: pd.DataFrame, week: int, noise: float
) -> None:
    """Whoever had the event at week 3 / 10 had it by 0.3, though 3 * 0.1 is a bit more."""
    assume((frame.groupby("arm")["week"].max() >= week).all())
    exit_ = frame["week"].to_numpy() / 10
    found = [
        limits(estimate)
        for time, at in [(exit_, week / 10), (exit_ + noise, week / 10 - noise)]
        for estimate in timed(trial_of(frame.assign(week=time)), at)
    ]
    same(found[3:], found[:3])


@given(cohorts(), st.integers(0, 1000), st.booleans())
def test_batch_of_tables_is_a_loop_of_single_ones(
    frame: pd.DataFrame, seed: int, late: bool
) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 2, (2, 3, len(frame)))
    entry = frame["week"] - 1 - np.arange(len(frame)) % 4 if late else None
    batch = event_table(frame["week"], frame["arrest"], groups, groups=2, entry=entry)
    for place in np.ndindex(2, 3):
        one = event_table(frame["week"], frame["arrest"], groups[place], groups=2, entry=entry)
        np.testing.assert_array_equal(batch.at_risk[place], one.at_risk)
        np.testing.assert_array_equal(batch.events[place], one.events)


# --- curves ------------------------------------------------------------------------------------


@given(cohorts(arms=3), st.sampled_from(INTERVALS), st.sampled_from([0.5, 0.8, 0.95, 0.99]))
def test_curve_is_a_survival_curve(frame: pd.DataFrame, interval: Any, level: float) -> None:
    """Between 0 and 1, never rising, inside its limits; people at risk leave by their exits."""
    trial = trial_of(frame, arms=ARMS)
    curve = ce.survival_curve(trial, outcome=OUTCOME, interval=interval, level=level)
    assert ((curve.survival >= 0) & (curve.survival <= 1)).all()
    assert (np.diff(curve.survival, axis=1) <= 0).all()
    known = ~np.isnan(curve.low)
    assert (curve.low <= curve.survival + 1e-12)[known].all()  # cube roots and exps: rounding
    assert (curve.survival <= curve.high + 1e-12)[known].all()
    assert (curve.low[known] >= 0).all()
    assert (curve.high[known] <= 1).all()
    assert known[(curve.survival > 0) & (curve.survival < 1)].all()
    np.testing.assert_array_equal(curve.at_risk[:, 0], trial.assignment.counts)
    gone = curve.events + curve.censored
    np.testing.assert_array_equal(curve.at_risk[:, 1:], (curve.at_risk - gone)[:, :-1])
    np.testing.assert_array_equal(gone.sum(axis=1), trial.assignment.counts)
    drop = np.diff(curve.survival, axis=1, prepend=1)
    np.testing.assert_array_equal(drop < 0, curve.events > 0)


@given(cohorts(), st.sampled_from(INTERVALS))
def test_wider_level_wider_curve(frame: pd.DataFrame, interval: Any) -> None:
    trial = trial_of(frame)
    curves = [
        ce.survival_curve(trial, outcome=OUTCOME, interval=interval, level=level)
        for level in (0.5, 0.9, 0.99)
    ]
    for narrow, wide in pairwise(curves):
        known = ~np.isnan(narrow.low)
        assert (wide.low <= narrow.low + 1e-12)[known].all()
        assert (wide.high >= narrow.high - 1e-12)[known].all()


@given(cohorts(arms=3, censoring=False))
def test_without_censoring_the_curve_is_counting(frame: pd.DataFrame) -> None:
    """S = 1 - ECDF, and Greenwood's variance is the binomial S (1 - S) / n."""
    curve = ce.survival_curve(trial_of(frame, arms=ARMS), outcome=OUTCOME)
    for k, name in enumerate(ARMS):
        week = frame.loc[frame["arm"] == name, "week"].to_numpy()
        share = (week[:, None] > curve.time).mean(axis=0)
        same(curve.survival[k], share)
        left = share > 0  # at 0 the sum has a 0 / 0 and R prints NaN
        same(curve.std_error[k, left], np.sqrt(share * (1 - share) / week.size)[left], floor=1e-9)


@given(cohorts(censoring=False))
def test_without_censoring_quantiles_are_those_of_the_times(frame: pd.DataFrame) -> None:
    """R's mid-point of a flat step is the "averaged inverted cdf" of numpy."""
    shares = (0.125, 0.25, 0.5, 0.75)  # binary fractions: n p is a whole number or clearly not
    curve = ce.survival_curve(trial_of(frame), outcome=OUTCOME)
    found = survival_quantiles(curve, shares)
    for k, name in enumerate(ARMS[:2]):
        week = frame.loc[frame["arm"] == name, "week"]
        same(found.time[k], np.quantile(week, shares, method="averaged_inverted_cdf"))


@given(cohorts(), st.sampled_from(INTERVALS))
def test_quantiles_are_ordered_and_carry_the_clock(frame: pd.DataFrame, interval: Any) -> None:
    shares = (0.1, 0.25, 0.4, 0.5, 0.8)
    found, slower = (
        survival_quantiles(
            ce.survival_curve(trial_of(one), outcome=OUTCOME, interval=interval), shares
        )
        for one in (frame, frame.assign(week=frame["week"] * 2.5))
    )
    for kind in ("time", "low", "high"):
        same(getattr(slower, kind), 2.5 * getattr(found, kind))
        step = np.diff(getattr(found, kind), axis=1)
        assert (step[~np.isnan(step)] >= 0).all()
    with np.errstate(invalid="ignore"):
        assert not (found.low > found.time).any()
        assert not (found.time > found.high).any()


@given(cohorts())
def test_doubling_halves_greenwood_exactly(frame: pd.DataFrame) -> None:
    """d / (r (r - d)) with everything doubled is half of itself."""
    one, two = (
        ce.survival_curve(trial_of(cohort), outcome=OUTCOME) for cohort in (frame, doubled(frame))
    )
    same(two.survival, one.survival)
    same(two.std_error, one.std_error / np.sqrt(2))


# --- symmetry and invariance -------------------------------------------------------------------


@given(followed())
def test_swapping_arms_turns_the_contrasts(drawn: tuple[pd.DataFrame, float]) -> None:
    frame, horizon = drawn
    for one, two in zip(
        timed(trial_of(frame), horizon), timed(swapped_trial(frame), horizon), strict=True
    ):
        mirrored(one, two)
        assert two.by_arm == one.by_arm[::-1]
    one_way, other_way = (
        ce.survival_curve(trial, outcome=OUTCOME)
        for trial in (trial_of(frame), swapped_trial(frame))
    )
    np.testing.assert_array_equal(other_way.survival, one_way.survival[::-1])
    np.testing.assert_array_equal(other_way.at_risk, one_way.at_risk[::-1])


@given(cohorts(sites=2), weights)
def test_swapping_arms_negates_the_log_rank(
    frame: pd.DataFrame, weight: ce.FlemingHarrington
) -> None:
    for strata in ((), ["site"]):
        one = test_of(trial_of(frame), weight=weight, strata=strata)
        two = test_of(swapped_trial(frame), weight=weight, strata=strata)
        same([two.statistic, two.p_value], [-one.statistic, one.p_value], floor=1e-8)


def arm_names(first: int) -> tuple[str, ...]:
    """Three arms with another one called control."""
    return ARMS[first:] + ARMS[:first]


@given(cohorts(arms=3, sites=2), weights)
def test_which_arm_is_control_is_nothing_to_the_chi_square(
    frame: pd.DataFrame, weight: ce.FlemingHarrington
) -> None:
    """Also: 2 degrees of freedom, and p from that chi-square."""
    tests = [
        test_of(
            trial_of(frame, arms=arm_names(first), control=ARMS[first]),
            weight=weight,
            strata=["site"],
        )
        for first in range(3)
    ]
    # The quadratic form is solved anew with another arm dropped: rounding of a 2 x 2 solve.
    for one in tests:
        same([one.statistic, one.p_value], [tests[0].statistic, tests[0].p_value], rel=1e-7)
        assert np.isnan(one.statistic) or one.statistic >= -1e-9
        if one.df == 2:
            same(one.p_value, np.exp(-one.statistic / 2))


@given(followed(sites=2), st.integers(0, 1000), weights)
def test_the_order_of_people_is_nothing(
    drawn: tuple[pd.DataFrame, float], seed: int, weight: ce.FlemingHarrington
) -> None:
    frame, horizon = drawn
    trial, other = trial_of(frame), trial_of(shuffled(frame, seed))
    for one, two in zip(timed(trial, horizon), timed(other, horizon), strict=True):
        same_estimate(two, one)
    one, two = (test_of(t, weight=weight, strata=["site"]) for t in (trial, other))
    same([two.statistic, two.p_value], [one.statistic, one.p_value])
    curve, again = (ce.survival_curve(t, outcome=OUTCOME) for t in (trial, other))
    np.testing.assert_array_equal(again.survival, curve.survival)


CLOCKS = {
    "square": np.square,
    "logarithm": np.log,  # 0 for week 1: a time of nothing is allowed
    "exponential": np.exp,
    "years": lambda week: week * 7 / 365.25,
    "later": lambda week: week + 1000,
}


@pytest.mark.parametrize("clock", CLOCKS)
@given(cohorts(sites=2), weights)
def test_log_rank_and_survival_do_not_read_the_clock(
    clock: str, frame: pd.DataFrame, weight: ce.FlemingHarrington
) -> None:
    """Only the order of times matters: exactly the same counts go in."""
    other = frame.assign(week=CLOCKS[clock](frame["week"].to_numpy(float)))
    for strata in ((), ["site"]):
        one, two = (test_of(trial_of(f), weight=weight, strata=strata) for f in (frame, other))
        same([two.statistic, two.p_value], [one.statistic, one.p_value])
    curve, moved = (ce.survival_curve(trial_of(f), outcome=OUTCOME) for f in (frame, other))
    same(moved.survival, curve.survival)
    same(moved.low, curve.low)


@given(cohorts(sites=3), weights)
def test_each_stratum_may_have_its_own_clock(
    frame: pd.DataFrame, weight: ce.FlemingHarrington
) -> None:
    """Stratified expectations never compare times across strata."""
    moved = frame.assign(week=frame["week"] * (1 + frame["site"]) + 40 * frame["site"])
    one, two = (test_of(trial_of(f), weight=weight, strata=["site"]) for f in (frame, moved))
    same([two.statistic, two.p_value], [one.statistic, one.p_value])


@given(followed(), st.sampled_from([7, 0.25, 1 / 7]))
def test_restricted_means_are_in_the_unit_of_time(
    drawn: tuple[pd.DataFrame, float], slope: float
) -> None:
    frame, horizon = drawn
    weeks = timed(trial_of(frame), horizon)
    days = timed(trial_of(frame.assign(week=slope * frame["week"])), slope * horizon)
    same(limits(days[0]), limits(weeks[0]))
    same(limits(days[1]), slope * np.array(limits(weeks[1])))
    same(days[1].std_error, slope * weeks[1].std_error)
    same(limits(days[2]), limits(weeks[2]))


# --- restricted means --------------------------------------------------------------------------


@given(followed())
def test_mean_and_area_above_fill_the_horizon(drawn: tuple[pd.DataFrame, float]) -> None:
    frame, horizon = drawn
    trial = trial_of(frame)
    curve = ce.survival_curve(trial, outcome=OUTCOME)
    estimate = ce.restricted_mean(trial, outcome=OUTCOME, horizon=horizon)
    assume(estimate.estimable)  # not when nobody has had the event
    inside = curve.time < horizon
    edges = np.concatenate([[0], curve.time[inside], [horizon]])
    for k, mean in enumerate(estimate.by_arm):
        lost = 1 - np.concatenate([[1], curve.survival[k, inside]])
        same(mean + (lost * np.diff(edges)).sum(), horizon)
        assert 0 <= mean <= horizon + 1e-12


@given(followed(censoring=False))
def test_without_censoring_a_restricted_mean_is_a_mean(drawn: tuple[pd.DataFrame, float]) -> None:
    """Of min(T, horizon); at the last time, of T. Its variance is then the sample's over n."""
    frame, _ = drawn
    for horizon in (drawn[1], float(frame["week"].max())):
        cut = np.minimum(frame["week"], horizon).groupby(frame["arm"])
        mean, variance = cut.mean(), cut.var(ddof=0) / cut.size()
        found, ratio = timed(trial_of(frame), horizon)[1:]
        assume(found.estimable)
        same(found.by_arm, [mean["control"], mean["treatment"]])
        same(found.value, mean["treatment"] - mean["control"])
        same(ratio.value, mean["treatment"] / mean["control"])
        same(found.std_error, np.sqrt(variance.sum()), floor=1e-7)
        same(ratio.std_error, np.sqrt((variance / mean**2).sum()), floor=1e-7)


@given(followed())
def test_doubling_halves_the_variance_of_timed_contrasts(
    drawn: tuple[pd.DataFrame, float],
) -> None:
    frame, horizon = drawn
    for one, two in zip(
        timed(trial_of(frame), horizon), timed(trial_of(doubled(frame)), horizon), strict=True
    ):
        same([two.value, two.std_error], [one.value, one.std_error / np.sqrt(2)])


@given(followed())
def test_what_comes_after_the_horizon_is_nothing(drawn: tuple[pd.DataFrame, float]) -> None:
    """Everyone's follow-up may stop at the horizon."""
    frame, horizon = drawn
    stopped = frame.assign(
        week=np.minimum(frame["week"], horizon),
        arrest=frame["arrest"].where(frame["week"] <= horizon, 0),
    )
    for one, two in zip(
        timed(trial_of(frame), horizon), timed(trial_of(stopped), horizon), strict=True
    ):
        same([two.value, two.std_error], [one.value, one.std_error])
        same(two.by_arm, one.by_arm)


@given(followed(sites=2), st.integers(1, 5), weights)
def test_people_lost_before_the_first_event_are_nothing(
    drawn: tuple[pd.DataFrame, float], lost: int, weight: ce.FlemingHarrington
) -> None:
    """They are at risk at no event time: every estimate, error and test stays."""
    frame, horizon = drawn
    early = frame.iloc[[0] * lost].assign(week=0.5, arrest=0)
    more = pd.concat([frame, early], ignore_index=True)
    for one, two in zip(
        timed(trial_of(frame), horizon), timed(trial_of(more), horizon), strict=True
    ):
        same([two.value, two.std_error], [one.value, one.std_error])
        assert sum(two.n) == sum(one.n) + lost
    for strata in ((), ["site"]):
        one, two = (test_of(trial_of(f), weight=weight, strata=strata) for f in (frame, more))
        same([two.statistic, two.p_value], [one.statistic, one.p_value])


@given(followed())
def test_intervals_are_sensible_and_agree_with_their_p(drawn: tuple[pd.DataFrame, float]) -> None:
    frame, horizon = drawn
    found = timed(trial_of(frame), horizon)
    for estimate in found:
        sensible(estimate)
        wald_dual(estimate)
    assert not abs(found[0].value) > 1
    assert not abs(found[1].value) > horizon
    assert not found[2].low < 0


@given(cohorts(arms=3))
def test_one_contrast_of_three_arms_is_the_two_arm_trial(frame: pd.DataFrame) -> None:
    """Curves of other arms have no part in a contrast."""
    two = frame[frame["arm"] != "treatment"]
    horizon = float(frame.groupby("arm")["week"].max().min())
    three = trial_of(frame, arms=ARMS)
    alone = trial_of(two, arms=("control", "other"))
    for measure in MEASURES:
        how: dict[str, Any] = {"outcome": OUTCOME, "horizon": horizon, "measure": measure}
        same_estimate(
            ce.restricted_mean(three, arm="other", **how), ce.restricted_mean(alone, **how)
        )


# --- log-rank ----------------------------------------------------------------------------------


@given(cohorts(sites=3, arms=3, each=1), weights)
def test_log_rank_adds_up_over_strata(frame: pd.DataFrame, weight: ce.FlemingHarrington) -> None:
    """Observed, expected and covariance of the whole are sums of those of the strata alone."""
    whole = logrank(strata_table(frame, codes_of(frame), arms=3), weight)
    parts = [
        logrank(strata_table(part, codes_of(part), arms=3), weight)
        for _, part in frame.groupby("site")
    ]
    for name in ("observed", "expected", "covariance"):
        same(getattr(whole, name), sum(getattr(part, name) for part in parts))
    same(whole.observed.sum(), whole.expected.sum())
    same(whole.covariance.sum(axis=-1), np.zeros(3))
    assert np.linalg.eigvalsh(whole.covariance).min() > -1e-9


@given(cohorts(), weights)
def test_one_stratum_is_no_stratum(frame: pd.DataFrame, weight: ce.FlemingHarrington) -> None:
    plain = test_of(trial_of(frame), weight=weight)
    declared = trial_of(frame, strata=["site"])
    for how in ({}, {"strata": ["site"]}, {"strata": ()}):
        one = test_of(declared, weight=weight, **how)
        same([one.statistic, one.p_value], [plain.statistic, plain.p_value])


@given(cohorts(sites=2), weights)
def test_declared_strata_are_the_default(frame: pd.DataFrame, weight: ce.FlemingHarrington) -> None:
    declared = test_of(trial_of(frame, strata=["site"]), weight=weight)
    named = test_of(trial_of(frame), weight=weight, strata=["site"])
    same([declared.statistic, declared.p_value], [named.statistic, named.p_value])


@given(cohorts())
def test_doubling_doubles_observed_minus_expected(frame: pd.DataFrame) -> None:
    """
    O - E doubles exactly. One event time's hypergeometric variance, n at risk, is multiplied by
    4 (n - 1) / (2 n - 1): between 4/3 and 2 for n >= 2, and 0 / 0 -> 0 stays 0 for n = 1.
    """
    one, two = (
        logrank(strata_table(f.assign(site=0), codes_of(f))) for f in (frame, doubled(frame))
    )
    same(two.observed - two.expected, 2 * (one.observed - one.expected))
    growth = two.covariance[1, 1], one.covariance[1, 1]
    assert 4 / 3 * growth[1] - 1e-9 <= growth[0] <= 2 * growth[1] + 1e-9


@given(cohorts(sites=2, each=1, most=6), weights)
def test_a_batch_of_z_is_a_loop_of_tests(frame: pd.DataFrame, weight: ce.FlemingHarrington) -> None:
    """Over every allocation the randomisation could have made, within sites."""
    support = whole_support(frame)[:12]
    batch = logrank_z(strata_table(frame, support), weight)
    for arm, z in zip(support, batch, strict=True):
        one = test_of(
            trial_of(frame.assign(arm=np.array(ARMS)[arm])), weight=weight, strata=["site"]
        )
        same(one.statistic, z)


@given(cohorts(sites=2), weights)
def test_z_squared_is_the_chi_square(frame: pd.DataFrame, weight: ce.FlemingHarrington) -> None:
    parts = logrank(strata_table(frame, codes_of(frame)), weight)
    variance = parts.covariance[1, 1]
    assume(variance > 1e-9)
    found = test_of(trial_of(frame), weight=weight, strata=["site"])
    same(found.statistic, (parts.observed - parts.expected)[1] / np.sqrt(variance))
    assert found.df == 1
    assert 0 <= found.p_value <= 1


@given(cohorts())
def test_more_events_in_treatment_is_a_larger_z(frame: pd.DataFrame) -> None:
    """Turning a treated person's censoring into an event raises O1 - E1, by 1 - E's share."""
    free = frame.index[(frame["arm"] == "treatment") & (frame["arrest"] == 0)]
    assume(len(free) > 0)
    worse = frame.assign(arrest=frame["arrest"].where(frame.index != free[0], 1))
    before, after = (logrank(strata_table(f.assign(site=0), codes_of(f))) for f in (frame, worse))
    gain = (after.observed - after.expected)[1] - (before.observed - before.expected)[1]
    assert -1e-12 <= gain <= 1


@given(cohorts(), st.lists(st.booleans(), min_size=24, max_size=24))
def test_missing_outcomes_are_counted_and_left_out(frame: pd.DataFrame, lost: list[bool]) -> None:
    """n + missing is everyone randomised; the numbers are those of the people known."""
    gone = np.array(lost)[: len(frame)]
    kept = frame[~gone]
    assume(kept["arm"].nunique() == 2)
    holed = frame.assign(
        week=frame["week"].astype(float).mask(gone), arrest=frame["arrest"].astype(float).mask(gone)
    )
    trial, known = trial_of(holed), trial_of(kept)
    horizon = float(kept.groupby("arm")["week"].max().min())
    whole = trial.assignment.counts
    for one, two in zip(timed(trial, horizon), timed(known, horizon), strict=True):
        assert tuple(np.add(one.n, one.missing)) == whole
        assert one.n == two.n
        same(limits(one), limits(two))
    one, two = test_of(trial), test_of(known)
    assert tuple(np.add(one.n, one.missing)) == whole
    same([one.statistic, one.p_value], [two.statistic, two.p_value])
