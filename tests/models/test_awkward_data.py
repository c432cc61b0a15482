"""Data at the edge that must give an answer, or a value that says why there is none."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce

if TYPE_CHECKING:
    from collections.abc import Sequence

HALF = [0, 1] * 4
WEEKS = [1, 2, 3, 4, 5, 6, 7, 8]
MIXED = [1, 0, 1, 1, 0, 0, 1, 0]


def read(arm: Sequence[int], week: Sequence[float], event: Sequence[int]) -> ce.Trial:
    """A trial of arm, week and event."""
    table = pd.DataFrame({"arm": arm, "week": week, "ev": event})
    return ce.Trial.from_frame(table, arm="arm", control=0, times={"re": ("week", "ev", "weeks")})


def everything(trial: ce.Trial, horizon: float) -> dict[str, Any]:
    """Every verb with every option that changes the arithmetic."""
    re: dict[str, Any] = {"outcome": "re"}
    at = re | {"horizon": horizon}
    curve = ce.survival_curve(trial, **re)
    found = {
        "log curve": ce.survival_curve(trial, interval="log", **re),
        "plain curve": ce.survival_curve(trial, interval="plain", **re),
        "quantiles": ce.models.survival_quantiles(curve),
        "logrank": ce.logrank_test(trial, **re),
        "early": ce.logrank_test(trial, weight=ce.FlemingHarrington(rho=1), **re),
        "late": ce.logrank_test(trial, weight=ce.FlemingHarrington(gamma=1), **re),
        "survival": ce.survival_difference(trial, at=horizon, **re),
        "mean difference": ce.restricted_mean(trial, **at),
        "mean ratio": ce.restricted_mean(trial, measure="ratio", **at),
        "redrawn": ce.randomisation_test(trial, draws=19, rng=np.random.default_rng(1), **re),
    }
    for ties in ("efron", "breslow"):
        for robust in (False, True):
            key = f"hazard {ties} {robust}"
            found[key] = ce.hazard_ratio(trial, ties=ties, robust=robust, **re)
            found[f"cox {ties} {robust}"] = ce.models.fit_cox(trial, ties=ties, robust=robust, **re)
    for name, verb in [("rd", ce.risk_difference), ("rr", ce.risk_ratio), ("or", ce.odds_ratio)]:
        for interval in (None, "wald"):
            found[f"{name} {interval}"] = verb(trial, interval=interval, **at)
    return found


SCENES: dict[str, tuple[list[int], list[float], list[int], float]] = {
    "all times equal": (HALF, [5.0] * 8, MIXED, 5),
    "all times equal, all events": (HALF, [5.0] * 8, [1] * 8, 5),
    "events at time 0": (HALF, [0, 0, 3, 3, 5, 6, 7, 8], MIXED, 3),
    "everything at time 0": (HALF, [0.0] * 8, [1] * 8, 1),
    "censored at time 0": (HALF, [0, 0, 0, 4, 5, 6, 7, 8], [0, 0, 0, 1, 1, 0, 1, 0], 4),
    "one person an arm, both events": ([0, 1], [4, 5], [1, 1], 4),
    "one person an arm, one event": ([0, 1], [4, 5], [1, 0], 4),
    "one person an arm, no event": ([0, 1], [4, 5], [0, 0], 4),
    "one person an arm, tied": ([0, 1], [4, 4], [1, 1], 4),
    "no events in control": (HALF, [4, 5, 6, 7, 8, 9, 9, 9], [0, 1, 0, 1, 0, 0, 0, 0], 7),
    "no events in treatment": (HALF, [4, 5, 6, 7, 8, 9, 9, 9], [1, 0, 1, 0, 0, 0, 0, 0], 7),
    "no events": (HALF, [9.0] * 8, [0] * 8, 7),
    "everyone has the event": (HALF, [float(w) for w in WEEKS], [1] * 8, 7),
    "everyone by the horizon": (HALF, [float(w) for w in WEEKS], [1] * 8, 8),
    "arms apart in time": ([0] * 4 + [1] * 4, [float(w) for w in WEEKS], [1] * 8, 4),
    "huge times": (HALF, [1e9 * w for w in WEEKS], MIXED, 3e9),
    "tiny times": (HALF, [1e-6 * w for w in WEEKS], MIXED, 3e-6),
    "one against 199": ([1] + [0] * 199, [float(i + 1) for i in range(200)], [1] * 200, 1),
    "one among 999": (
        [0] * 500 + [1] + [0] * 499,
        [float(i + 1) for i in range(1000)],
        [1] * 1000,
        400,
    ),
    "one against 999": ([1] + [0] * 999, [float(i + 1) for i in range(1000)], [1] * 1000, 1),
}


@pytest.mark.parametrize("scene", SCENES)
def test_no_exception_and_no_numpy_warning(scene: str) -> None:
    """A value with its reason, or a finite answer; warnings are errors here."""
    arm, week, event, horizon = SCENES[scene]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = everything(read(arm, week, event), horizon)
    for name, result in found.items():
        if isinstance(result, ce.Estimate):
            assert result.estimable == (not math.isnan(result.value)), name
            if not result.estimable:
                assert "not estimable: " in result.method, name
                # A monotone likelihood has no maximum, but where its score test rejects is known.
                if "limits and p of the score test" in result.method:
                    assert result.low == 0 or result.high == math.inf, name
                    assert 0 < result.p_value <= 1, name
                else:
                    assert math.isnan(result.low), name
                    assert math.isnan(result.p_value), name
            elif not math.isnan(result.low):
                assert result.low <= result.value <= result.high, name
            else:
                assert "no interval: " in result.method, name
        if isinstance(result, ce.SignificanceTest):
            if math.isnan(result.statistic):
                assert "not estimable: " in result.method, name
                assert math.isnan(result.p_value), name
            else:
                assert 0 <= result.p_value <= 1, name
        if isinstance(result, ce.CoxFit):
            assert np.isfinite(result.coef).all() == (result.reason == ""), name


def test_no_events_in_either_arm() -> None:
    """Ratios and tests have nothing to go by; the difference of two zero risks is 0."""
    trial = read(HALF, [9.0] * 8, [0] * 8)
    hazard = ce.hazard_ratio(trial, outcome="re")
    assert math.isnan(hazard.value)
    assert "not estimable: no events" in hazard.method
    assert (hazard.n, hazard.events) == ((4, 4), (0, 0))
    for verb in (ce.risk_ratio, ce.odds_ratio):
        got = verb(trial, outcome="re", horizon=9)
        assert math.isnan(got.value)
        assert "not estimable: no events in either arm" in got.method
    risk = ce.risk_difference(trial, outcome="re", horizon=9)
    assert (risk.value, risk.p_value) == (0, 1)
    assert risk.low < 0 < risk.high
    test = ce.logrank_test(trial, outcome="re")
    assert math.isnan(test.statistic)
    assert "event" in test.method


def test_no_events_in_one_arm() -> None:
    """The likelihood has no maximum; the log-rank test still answers."""
    for quiet in (0, 1):
        event = [int(a != quiet and w < 5) for a, w in zip(HALF, WEEKS, strict=True)]
        trial = read(HALF, [float(w) for w in WEEKS], event)
        hazard = ce.hazard_ratio(trial, outcome="re")
        assert math.isnan(hazard.value)
        name = trial.arms[quiet]
        assert "not estimable" in hazard.method
        assert f"no events in '{name}'" in hazard.method
        assert ce.logrank_test(trial, outcome="re").statistic * (1 if quiet == 0 else -1) > 0


def test_all_events_at_one_time() -> None:
    """Log-rank variance d n1 n0 (n - d) / n² (n - 1) is 0 at d = n; Breslow's likelihood is not.

    With 4 and 4 at risk, 8 events tied: l(b) = 4b - 8 log(4 + 4 exp(b)), highest at b = 0, with
    information 8 · 1/2 · 1/2 = 2. The same whether the one time is 5 or 0.
    """
    for moment in (5.0, 0.0):
        trial = read(HALF, [moment] * 8, [1] * 8)
        assert math.isnan(ce.logrank_test(trial, outcome="re").statistic)
        hazard = ce.hazard_ratio(trial, outcome="re", ties="breslow")
        assert hazard.value == pytest.approx(1, abs=1e-12)
        assert hazard.std_error == pytest.approx(math.sqrt(1 / 2), rel=1e-12)


def test_reason_for_all_events_at_one_time() -> None:
    """Both arms were at risk; what is lacking is a variance, and the reason may not lie."""
    trial = read(HALF, [5.0] * 8, [1] * 8)
    assert "nobody at risk in two arms" not in ce.logrank_test(trial, outcome="re").method
    robust = ce.hazard_ratio(trial, outcome="re", ties="breslow", robust=True)
    assert "no event time had both arms at risk" not in robust.method


def test_floating_ties() -> None:
    """0.1 + 0.2 and 0.3 are one time, as are 1/3 and 1 - 2/3."""
    assert 0.1 + 0.2 != 0.3
    rounded = [0.3, 0.3, 0.3, 0.3, 0.7, 0.8, 0.3, 0.9]
    noisy = [0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2, 0.7, 0.8, 3 * 0.1, 0.9]
    a, b = read(HALF, rounded, MIXED), read(HALF, noisy, MIXED)
    curve = ce.survival_curve(b, outcome="re")
    assert len(curve.time) == 4
    assert curve.events[:, 0].tolist() == [3, 1]
    left, right = everything(a, 0.3), everything(b, 0.3)
    for name, result in left.items():
        if isinstance(result, ce.Estimate):
            assert result.value == pytest.approx(right[name].value, rel=1e-12, nan_ok=True), name
        if isinstance(result, ce.SignificanceTest):
            assert result.statistic == pytest.approx(right[name].statistic, nan_ok=True), name


@pytest.mark.parametrize("horizon", [0.3, 0.1 + 0.2])
def test_a_horizon_ties_with_its_times(horizon: float) -> None:
    """An event at the horizon counts, however it is written; so does follow-up that ends there."""
    noisy = [0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2, 0.7, 0.8, 3 * 0.1, 0.9]
    b = read(HALF, noisy, MIXED)
    assert ce.survival_difference(b, outcome="re", at=horizon).by_arm == (0.25, 0.75)
    assert ce.risk_difference(b, outcome="re", horizon=horizon).events == (3, 1)
    redrawn = ce.randomisation_test(
        b,
        outcome="re",
        statistic="risk difference",
        horizon=horizon,
        draws=9,
        rng=np.random.default_rng(1),
    )
    assert redrawn.statistic == pytest.approx(-0.5, rel=1e-12)


@pytest.mark.parametrize("horizon", [0.3, 0.1 + 0.2])
@pytest.mark.parametrize("end", [0.3, 0.1 + 0.2])
def test_a_horizon_at_the_end_of_follow_up(horizon: float, end: float) -> None:
    """0.3 is not beyond 0.3."""
    trial = read(HALF, [0.1, 0.1, 0.2, end, end, end, end, end], [1, 1, 1, 0, 0, 0, 0, 0])
    assert ce.risk_difference(trial, outcome="re", horizon=horizon).by_arm == (0.5, 0.25)
    assert ce.survival_difference(trial, outcome="re", at=horizon).by_arm == (0.5, 0.75)
    mean = ce.restricted_mean(trial, outcome="re", horizon=horizon)
    assert mean.by_arm == pytest.approx((0.1 + 0.1 * 0.75 + 0.1 * 0.5, 0.1 + 0.2 * 0.75))


@pytest.mark.parametrize("start", [1e5, 1e7, 1e8, 1e9, 2.0**40])
def test_huge_whole_times_stay_apart(start: float) -> None:
    """Seconds since some epoch: 1,000,000,000 and 1,000,000,001 are two times, exactly held."""
    trial = read(HALF, [start + w for w in WEEKS], MIXED)
    plain = read(HALF, [float(w) for w in WEEKS], MIXED)
    curve = ce.survival_curve(trial, outcome="re")
    assert (curve.time - start).tolist() == WEEKS
    expected = ce.logrank_test(plain, outcome="re").statistic
    assert ce.logrank_test(trial, outcome="re").statistic == pytest.approx(expected, rel=1e-12)
    expected = ce.hazard_ratio(plain, outcome="re").value
    assert ce.hazard_ratio(trial, outcome="re").value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("factor", [1e-12, 1e-9, 1e-6, 1e-3, 1e3, 1e9, 1e12])
def test_the_unit_of_time_does_not_matter(factor: float) -> None:
    """Log-rank, hazard ratio and survival are the same in seconds and in centuries."""
    plain = read(HALF, [float(w) for w in WEEKS], MIXED)
    scaled = read(HALF, [factor * w for w in WEEKS], MIXED)
    curve = ce.survival_curve(scaled, outcome="re")
    assert len(curve.time) == 8
    np.testing.assert_array_equal(curve.survival, ce.survival_curve(plain, outcome="re").survival)
    expected = ce.restricted_mean(plain, outcome="re", horizon=6)
    got = ce.restricted_mean(scaled, outcome="re", horizon=6 * factor)
    assert got.value == pytest.approx(expected.value * factor, rel=1e-9)
    assert got.p_value == pytest.approx(expected.p_value, rel=1e-9)


def test_one_person_an_arm() -> None:
    """Control at 4, treatment at 5: O - E = 0 - 1/2 and V = 1/4, so z = -1."""
    trial = read([0, 1], [4, 5], [1, 1])
    assert ce.logrank_test(trial, outcome="re").statistic == pytest.approx(-1, rel=1e-12)
    assert not ce.hazard_ratio(trial, outcome="re").estimable
    curve = ce.survival_curve(trial, outcome="re")
    assert curve.survival.tolist() == [[0, 0], [1, 0]]
    assert np.isnan(curve.low).all()


def test_very_unequal_arms() -> None:
    """One treated person who goes first of 1000: O - E = 999/1000, V = 999/1000²."""
    n = 1000
    trial = read([1] + [0] * (n - 1), [float(i + 1) for i in range(n)], [1] * n)
    test = ce.logrank_test(trial, outcome="re")
    assert test.statistic == pytest.approx((999 / n) / math.sqrt(999 / n**2), rel=1e-9)
    assert test.n == (999, 1)
    hazard = ce.hazard_ratio(trial, outcome="re")
    assert not hazard.estimable  # whoever is treated goes first: the likelihood climbs for ever
    assert "no finite maximum" in hazard.method
    risk = ce.risk_difference(trial, outcome="re", horizon=1)
    assert risk.value == 1
    assert risk.p_value == pytest.approx(1 / n, rel=1e-9)
