"""The library's curves, equality tests and restricted means against the slow references."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import chi2, norm
from slow_data import SEEDS, people, survival_frame
from slow_survival import (
    by_arm,
    kaplan_meier,
    limits,
    logrank,
    quantile,
    restricted_mean,
    survival_at,
    wald,
)

import checkpoint_eval as ce
from checkpoint_eval.models.event_tables import event_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

TIMES = {"rearrest": ("week", "arrest", "weeks")}
WEIGHTS = [(0, 0), (1, 0), (0, 1), (1, 1), (0.5, 2)]
EXACT = 1e-10  # same arithmetic in another order, against exact fractions; n is below 100
NAMES = np.array(["a", "b", "c"])


def trial_of(frame: pd.DataFrame, strata: Sequence[str] = ()) -> ce.Trial:
    """Two arms: control 0, treatment 1."""
    extra = {"strata": list(strata)} if strata else {}
    return ce.Trial.from_frame(frame, arm="arm", control=0, times=TIMES, **extra)


def three_arm_trial(frame: pd.DataFrame, strata: Sequence[str] = ()) -> ce.Trial:
    """Three arms a, b, c, control first."""
    extra = {"strata": list(strata)} if strata else {}
    named = frame.assign(arm=NAMES[frame["arm"].to_numpy()])
    return ce.Trial.from_frame(
        named, arm="arm", control="a", arms=("a", "b", "c"), times=TIMES, **extra
    )


@pytest.mark.parametrize("arms", [2, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_curve(seed: int, arms: int) -> None:
    """Counts exactly, survival and Greenwood error closely, wherever the arm is still watched."""
    frame = survival_frame(seed, arms=arms)
    trial = trial_of(frame) if arms == 2 else three_arm_trial(frame)
    curve = ce.survival_curve(trial, outcome="rearrest")
    grid = sorted(set(frame["week"]))
    assert list(curve.time) == grid
    for arm in range(arms):
        steps = kaplan_meier(by_arm(people(frame), arm), grid)
        for name in ("at_risk", "events", "censored"):
            assert list(getattr(curve, name)[arm]) == [getattr(step, name) for step in steps]
        watched = np.array([step.at_risk > 0 for step in steps])
        survival = np.array([float(step.survival) for step in steps])
        assert curve.survival[arm][watched] == pytest.approx(survival[watched], rel=EXACT)
        alive = watched & (survival > 0)  # Greenwood's sum is infinite where the curve is zero
        error = np.array([math.sqrt(step.variance) for step in steps])
        assert curve.std_error[arm][alive] == pytest.approx(error[alive], rel=EXACT)


@pytest.mark.parametrize("interval", ["log-log", "log", "plain"])
@pytest.mark.parametrize("seed", SEEDS)
def test_curve_limits(seed: int, interval: str) -> None:
    """Both limits, nan where R has nan, at an unusual level as well."""
    frame = survival_frame(seed)
    for level in (0.95, 0.8):
        curve = ce.survival_curve(
            trial_of(frame), outcome="rearrest", interval=interval, level=level
        )
        for arm in (0, 1):
            for j, step in enumerate(kaplan_meier(by_arm(people(frame), arm), curve.time)):
                if step.at_risk > 0:
                    got = (curve.low[arm][j], curve.high[arm][j])
                    expected = limits(step, interval, level)
                    assert got == pytest.approx(expected, rel=EXACT, nan_ok=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_quantiles(seed: int) -> None:
    """Times and, where a limit never turns back up, their limits; midpoints of flats included."""
    frame = survival_frame(seed, n=40)
    curve = ce.survival_curve(trial_of(frame), outcome="rearrest")
    shares = (0.1, 0.25, 0.5, 0.75)
    got = ce.models.survival_quantiles(curve, probabilities=shares)
    for arm in (0, 1):
        steps = [s for s in kaplan_meier(by_arm(people(frame), arm)) if s.at_risk > 0]
        times = [step.time for step in steps]
        bounds = np.array([limits(step, "log-log") for step in steps]).T
        curves = {"time": [float(s.survival) for s in steps], "low": bounds[0], "high": bounds[1]}
        for name, values in curves.items():
            known = np.asarray(values)[~np.isnan(values)]
            if (np.diff(known) <= 0).all():
                expected = [quantile(times, list(values), share) for share in shares]
                # observed times and their midpoints are exact in floating point
                assert list(getattr(got, name)[arm]) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("strata", [None, "site"])
@pytest.mark.parametrize("seed", SEEDS)
def test_two_arm_logrank(seed: int, strata: str | None, weights: tuple[float, float]) -> None:
    """Signed z and two-sided p, weighted and stratified, with one arm empty late on odd seeds."""
    frame = survival_frame(seed)
    rho, gamma = weights
    trial = trial_of(frame, [strata] if strata else [])
    weight = ce.FlemingHarrington(rho=rho, gamma=gamma)
    got = ce.logrank_test(trial, outcome="rearrest", weight=weight)
    z = logrank(people(frame, strata), 2, rho, gamma)
    assert got.statistic == pytest.approx(z, rel=EXACT, abs=EXACT)
    # the tail magnifies a relative error of z by about z^2, which is below 20 here
    assert got.p_value == pytest.approx(2 * norm.sf(abs(z)), rel=20 * EXACT)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("strata", [None, "site"])
@pytest.mark.parametrize("seed", SEEDS[:5])
def test_three_arm_logrank(seed: int, strata: str | None, weights: tuple[float, float]) -> None:
    """Chi-square on two degrees of freedom."""
    frame = survival_frame(seed, n=60, arms=3)
    rho, gamma = weights
    trial = three_arm_trial(frame, [strata] if strata else [])
    weight = ce.FlemingHarrington(rho=rho, gamma=gamma)
    got = ce.logrank_test(trial, outcome="rearrest", weight=weight)
    expected = logrank(people(frame, strata), 3, rho, gamma)
    # inverting a 2 x 2 covariance costs up to its condition number, below 100 here
    assert got.statistic == pytest.approx(expected, rel=100 * EXACT)
    assert got.df == 2
    assert got.p_value == pytest.approx(chi2.sf(expected, 2), rel=1000 * EXACT)


def test_an_arm_missing_from_a_stratum() -> None:
    """A stratum with people of one arm only adds nothing to the stratified test, and is told."""
    frame = survival_frame(3)
    frame.loc[frame["site"] == "west", "arm"] = 0
    trial = ce.Trial.from_frame(frame, arm="arm", control=0, factors=["site"], times=TIMES)
    got = ce.logrank_test(trial, outcome="rearrest", strata="site")
    assert "(1 of " in got.method
    assert "one arm only" in got.method
    assert got.statistic == pytest.approx(logrank(people(frame, "site"), 2), rel=EXACT)
    without = frame[frame["site"] != "west"]
    assert got.statistic == pytest.approx(logrank(people(without, "site"), 2), rel=EXACT)


@pytest.mark.parametrize("at", [3, 5, 7.5])
@pytest.mark.parametrize("seed", SEEDS)
def test_survival_difference(seed: int, at: float) -> None:
    """Difference of the two curves with Greenwood errors; also between event times."""
    frame = survival_frame(seed)
    arms = [survival_at(by_arm(people(frame), arm), at) for arm in (0, 1)]
    (s0, v0), (s1, v1) = arms
    got = ce.survival_difference(trial_of(frame), outcome="rearrest", at=at)
    low, high, p = wald(s1 - s0, v0 + v1)
    assert (got.value, got.low, got.high) == pytest.approx(
        (s1 - s0, low, high), rel=1e-9, abs=1e-12
    )
    assert got.std_error == pytest.approx(math.sqrt(v0 + v1), rel=EXACT)
    assert got.p_value == pytest.approx(p, rel=1e-9)


@pytest.mark.parametrize("horizon", [4, 7.5])
@pytest.mark.parametrize("seed", SEEDS)
def test_restricted_mean(seed: int, horizon: float) -> None:
    """Difference and ratio against the exact area and the exact double integral."""
    frame = survival_frame(seed)
    means = [restricted_mean(by_arm(people(frame), arm), horizon) for arm in (0, 1)]
    (m0, v0), (m1, v1) = means
    difference = ce.restricted_mean(trial_of(frame), outcome="rearrest", horizon=horizon)
    low, high, p = wald(float(m1 - m0), float(v0 + v1))
    assert difference.value == pytest.approx(float(m1 - m0), rel=1e-9, abs=1e-12)
    assert (difference.low, difference.high, difference.p_value) == pytest.approx(
        (low, high, p), rel=1e-9
    )
    ratio = ce.restricted_mean(
        trial_of(frame), outcome="rearrest", horizon=horizon, measure="ratio"
    )
    low, high, p = wald(math.log(m1 / m0), float(v1 / m1**2 + v0 / m0**2))
    expected = (float(m1 / m0), math.exp(low), math.exp(high), p)
    assert (ratio.value, ratio.low, ratio.high, ratio.p_value) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("seed", SEEDS[:4])
def test_event_table_counts(seed: int, late: bool) -> None:
    """Every cell of a batch of re-drawn groups, with and without late entry."""
    rng = np.random.default_rng(seed)
    n, k = 40, 3
    entry = rng.integers(0, 4, n).astype(float) if late else np.full(n, -np.inf)
    time = np.where(late, entry, 0.0) + rng.integers(1, 8, n)
    event = rng.random(n) < 0.6
    group = rng.integers(0, k, (2, 4, n))
    extra = {"entry": entry} if late else {}
    table = event_table(time, event=event, group=group, groups=k, **extra)
    assert set(time[event]) <= set(table.time)
    assert table.at_risk.shape == table.events.shape == (2, 4, k, len(table.time))
    for b, c, g in np.ndindex(2, 4, k):
        mine = group[b, c] == g
        risk = [sum(mine & (entry < t) & (t <= time)) for t in table.time]
        dead = [sum(mine & event & (time == t)) for t in table.time]
        assert list(table.at_risk[b, c, g]) == risk
        assert list(table.events[b, c, g]) == dead
