"""Forty small awkward trials against R's survfit and survdiff.

Ties, times of nought, arms without events or all of whom have it, strata of one arm, three arms:
what the real data sets of the other oracle tests do not hold.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, norm

import checkpoint_eval as ce
from checkpoint_eval.models import restricted_mean_curve, survival_quantiles

FOLDER = Path(__file__).parent
# Run `Rscript tests/oracles/fuzz_survival.R` from the project root.
TRIALS = json.loads((FOLDER / "fuzz_survival.json").read_text(encoding="utf-8"))
# R wrote 15 digits; sums of some dozens of terms, and differences of them, keep twelve or so.
WRITTEN = 1e-11
EVERY = range(len(TRIALS))
FOLLOWED = [number for number in EVERY if TRIALS[number]["mean"]]
NOTHING = 1e-9  # a variance below this is rounding: the smallest here is above 1e-3


@cache
def read(number: int) -> ce.Trial:
    frame = pd.DataFrame(TRIALS[number]["people"]).assign(site=lambda d: d["site"].astype(str))
    frame["arm"] = "arm " + frame["arm"].astype(str)
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control="arm 0",
        arms=sorted(set(frame["arm"])),
        times={"end": ("time", "event", "days")},
        covariates=["site"] if frame["site"].nunique() > 1 else [],
    )


def numbers(values: list[float | None]) -> np.ndarray[Any, Any]:
    return np.array(values, dtype=float)  # None, R's NA, is NaN


@pytest.mark.parametrize("number", EVERY)
def test_curves_equal_survfit(number: int) -> None:
    asked = TRIALS[number]
    curve = ce.survival_curve(read(number), outcome="end", level=asked["level"])
    np.testing.assert_array_equal(curve.time, asked["grid"])
    for arm, want in enumerate(asked["curves"]):
        np.testing.assert_array_equal(curve.at_risk[arm], want["at_risk"])
        survival = numbers(want["survival"])
        np.testing.assert_allclose(curve.survival[arm], survival, rtol=WRITTEN, atol=WRITTEN)
        # At 1 R writes limits of 1 and this library none: no variance is defined there.
        inside = (survival > NOTHING) & (survival < 1 - NOTHING)
        for got, name in ((curve.low[arm], "low"), (curve.high[arm], "high")):
            np.testing.assert_allclose(got[inside], numbers(want[name])[inside], rtol=WRITTEN)
            assert np.isnan(got[~inside]).all()


@pytest.mark.parametrize("number", FOLLOWED)
@pytest.mark.parametrize("measure", ["difference", "ratio", "lost ratio"])
def test_restricted_means_equal_survfit(number: int, measure: Any) -> None:
    asked = TRIALS[number]
    trial, horizon, level = read(number), asked["horizon"], asked["level"]
    mean, error = np.array(asked["mean"]).T
    if measure == "lost ratio":
        mean = np.where(horizon - mean > NOTHING * horizon, horizon - mean, 0.0)
    for arm in range(1, len(trial.arms)):
        found = ce.restricted_mean(
            trial, outcome="end", horizon=horizon, measure=measure, arm=f"arm {arm}", level=level
        )
        here = [0, arm]
        if measure == "difference":
            value, spread = mean[arm] - mean[0], np.hypot(*error[here])
        elif (mean[here] > 0).all():
            value, spread = np.log(mean[arm] / mean[0]), np.hypot(*(error[here] / mean[here]))
        else:
            value = spread = np.nan
        if not spread > NOTHING * horizon * (measure == "difference"):
            assert np.isnan([found.value, found.low, found.high, found.p_value]).all()
            assert "not estimable: before" in found.method
            continue
        half = norm.ppf(0.5 + level / 2) * spread
        want = np.array([value, value - half, value + half])
        want = want if measure == "difference" else np.exp(want)
        got = [found.value, found.low, found.high]
        size = horizon if measure == "difference" else 1.0
        np.testing.assert_allclose(got, want, rtol=WRITTEN * 100, atol=WRITTEN * size)
        np.testing.assert_allclose(found.std_error, spread, rtol=WRITTEN)
        np.testing.assert_allclose(found.p_value, 2 * norm.sf(abs(value) / spread), rtol=1e-9)


@pytest.mark.parametrize("number", EVERY)
def test_logrank_tests_equal_survdiff(number: int) -> None:
    trial = read(number)
    for want in TRIALS[number]["tests"]:
        found = ce.logrank_test(
            trial,
            outcome="end",
            weight=ce.models.FlemingHarrington(rho=want["rho"]),
            strata="site" if want["strata"] else (),
        )
        excess, variance = np.array(want["excess"]), np.array(want["variance"])
        rank = int(np.linalg.matrix_rank(variance, tol=NOTHING))
        if not rank:
            assert np.isnan(found.statistic)
            assert "not estimable: the event times leave no variance" in found.method
            continue
        square = excess @ np.linalg.pinv(variance, rcond=NOTHING, hermitian=True) @ excess
        z = np.sign(excess[1]) * np.sqrt(square)
        statistic = z if len(trial.arms) == 2 else square
        assert found.df == rank
        np.testing.assert_allclose(found.statistic, statistic, rtol=1e-10, atol=1e-7)
        np.testing.assert_allclose(found.p_value, chi2.sf(square, rank), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("number", FOLLOWED)
def test_the_curve_of_restricted_means_ends_as_they_do(number: int) -> None:
    """`restricted_mean_curve` at the last of its times, whose verb R was asked about above."""
    trial = read(number)
    for arm in trial.arms[1:]:
        for measure in ("difference", "ratio", "lost ratio"):
            curve = restricted_mean_curve(trial, outcome="end", measure=measure, arm=arm)
            if not curve.time[-1] > 0:
                continue
            one = ce.restricted_mean(
                trial, outcome="end", horizon=float(curve.time[-1]), measure=measure, arm=arm
            )
            last = [curve.low[-1], curve.high[-1], curve.std_error[-1]]
            np.testing.assert_allclose(
                last, [one.low, one.high, one.std_error], rtol=1e-9, atol=1e-6
            )


@pytest.mark.parametrize("number", EVERY)
def test_quantiles_are_the_first_times_at_or_below(number: int) -> None:
    """Read off R's curves; of a flat stretch exactly at the share the middle."""
    asked, trial, share = TRIALS[number], read(number), 0.3
    curve = ce.survival_curve(trial, outcome="end")
    found = survival_quantiles(curve, probabilities=[share]).time[:, 0]
    for arm, want in enumerate(asked["curves"]):
        survival = numbers(want["survival"])
        if (np.abs(survival - (1 - share)) < NOTHING).any():
            continue  # a flat stretch: tests/oracles/test_oracle_survival.py
        below = np.flatnonzero(survival < 1 - share)
        first = asked["grid"][below[0]] if below.size else np.nan
        np.testing.assert_equal(found[arm], first)
