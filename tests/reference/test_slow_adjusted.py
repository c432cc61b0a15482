"""Adjusted log-rank tests by loops over event times; bootstrap intervals by drawing one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap
from strategies import settings as profile

import checkpoint_eval as ce
from checkpoint_eval.models import (
    adjusted_logrank_test,
    bootstrap_interval,
    logrank_test,
    marginal_hazard_ratio,
)

assert profile


def drawn(seed: int, n: int = 60, *, strata: int = 1) -> tuple[ce.Trial, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "arm": rng.permutation(np.arange(n) % 2),
            "x": rng.normal(size=n),
            "z": rng.normal(size=n),
            "site": rng.permutation(np.arange(n) % strata),
        }
    )
    hazard = np.exp(0.8 * frame["x"] - 0.3 * frame["arm"])
    frame["week"] = np.minimum(np.ceil(rng.exponential(12 / hazard)), 20)
    frame["event"] = ((frame["week"] < 20) & (rng.random(n) < 0.9)).astype(int)
    trial = ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        covariates=["x", "z"],
        factors=["site"],
        times={"re": ("week", "event", "weeks")},
    )
    return trial, frame


def outcomes(frame: pd.DataFrame, theta: float) -> tuple[np.ndarray, float, float]:
    """Derived outcomes, the hypergeometric variance and Σ d p (1 − p), time by time."""
    found, variance, information = np.zeros(len(frame)), 0.0, 0.0
    for _, rows in frame.groupby("site"):
        arm, week, event = (rows[name].to_numpy() for name in ("arm", "week", "event"))
        own = np.zeros(len(rows))
        for t in np.unique(week[event == 1]):
            at_risk, dead = week >= t, (week == t) & (event == 1)
            ones, d, r = (at_risk & (arm == 1)).sum() * np.exp(theta), dead.sum(), at_risk.sum()
            exposed = ones + (at_risk & (arm == 0)).sum()
            p = ones / exposed
            hazard = d / exposed * np.where(arm == 1, np.exp(theta), 1)
            own += np.where(arm == 1, 1 - p, p) * (dead - at_risk * hazard)
            information += d * p * (1 - p)
            variance += d * p * (1 - p) * ((r - d) / (r - 1) if r > 1 else 0)
        found[rows.index] = own
    return found, variance, information


def slopes(frame: pd.DataFrame, derived: np.ndarray) -> list[np.ndarray]:
    found = []
    for arm in (0, 1):
        above, below = np.zeros((2, 2)), np.zeros(2)
        for _, rows in frame[frame["arm"] == arm].groupby("site"):
            x = rows[["x", "z"]].to_numpy() - rows[["x", "z"]].to_numpy().mean(axis=0)
            above, below = above + x.T @ x, below + x.T @ derived[rows.index]
        found.append(np.linalg.solve(above, below))
    return found


def gain(frame: pd.DataFrame, beta: list[np.ndarray]) -> float:
    share, both = frame["arm"].mean(), beta[0] + beta[1]
    spread = sum(
        len(rows) * np.cov(rows[["x", "z"]].to_numpy().T) for _, rows in frame.groupby("site")
    )
    return float(share * (1 - share) * both @ spread @ both)


def score(frame: pd.DataFrame, derived: np.ndarray, beta: list[np.ndarray]) -> float:
    x = frame[["x", "z"]] - frame.groupby("site")[["x", "z"]].transform("mean")
    told = np.where(frame["arm"] == 1, x @ beta[1], -(x @ beta[0]))
    return float((np.where(frame["arm"] == 1, derived, -derived) - told).sum())


@pytest.mark.parametrize("strata", [1, 3])
@pytest.mark.parametrize("seed", range(6))
def test_adjusted_logrank(seed: int, strata: int) -> None:
    trial, frame = drawn(seed, strata=strata)
    derived, variance, _ = outcomes(frame, 0.0)
    beta = slopes(frame, derived)
    z = score(frame, derived, beta) / np.sqrt(variance - gain(frame, beta))
    found = adjusted_logrank_test(trial, outcome="re", adjust=["x", "z"], strata="site")
    assert found.statistic == pytest.approx(z, rel=1e-9)
    plain = logrank_test(trial, outcome="re", strata="site")
    raw = np.where(frame["arm"] == 1, derived, -derived).sum() / np.sqrt(variance)
    assert plain.statistic == pytest.approx(raw, rel=1e-9)


@pytest.mark.parametrize("strata", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_marginal_hazard_ratio(seed: int, strata: int) -> None:
    """The score of the answer is nought, with the slopes at the unadjusted answer."""
    trial, frame = drawn(seed, strata=strata)
    found = marginal_hazard_ratio(trial, outcome="re", adjust=["x", "z"], strata="site")
    plain = ce.hazard_ratio(trial, outcome="re", strata="site", ties="breslow")
    beta = slopes(frame, outcomes(frame, np.log(plain.value))[0])
    derived, _, information = outcomes(frame, np.log(found.value))
    assert score(frame, derived, beta) == pytest.approx(0, abs=1e-7)
    error = np.sqrt(information - gain(frame, beta)) / information
    assert found.std_error == pytest.approx(error, rel=1e-7)


@given(st.integers(0, 10_000))
def test_swapping_arms_turns_the_sign(seed: int) -> None:
    _, frame = drawn(seed, 40)
    how: dict[str, Any] = {
        "arm": "arm",
        "covariates": ["x", "z"],
        "times": {"re": ("week", "event", "weeks")},
    }
    one, other = (
        adjusted_logrank_test(
            ce.Trial.from_frame(frame, control=control, **how), outcome="re", adjust=["x", "z"]
        )
        for control in (0, 1)
    )
    assert one.statistic == pytest.approx(-other.statistic, rel=1e-9, abs=1e-12)


def test_covariates_that_tell_sharpen() -> None:
    """x moves the hazard: the standard error falls, and the estimates stay near each other."""
    trial, _ = drawn(3, 2_000)
    found = marginal_hazard_ratio(trial, outcome="re", adjust="x")
    plain = ce.hazard_ratio(trial, outcome="re", ties="breslow")
    assert found.std_error < 0.95 * plain.std_error
    assert abs(np.log(found.value / plain.value)) < 3 * plain.std_error


# --- bootstrap ---------------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", ["restricted mean difference", "survival difference"])
def test_percentiles_of_draws_one_by_one(statistic: str) -> None:
    """Quantiles of 4,000 draws have errors of some 3 % of the spread; five of those."""
    trial, frame = drawn(5, 50)
    found = bootstrap_interval(
        trial,
        outcome="re",
        horizon=15,
        statistic=statistic,
        interval="percentile",
        draws=4_000,
        rng=np.random.default_rng(2),
    )
    rng, values = np.random.default_rng(3), []
    groups = [rows for _, rows in frame.groupby("arm")]
    for _ in range(600):
        again = [rows.iloc[rng.integers(0, len(rows), len(rows))] for rows in groups]
        one = ce.Trial.from_frame(
            pd.concat(again, ignore_index=True),
            arm="arm",
            control=0,
            times={"re": ("week", "event", "weeks")},
        )
        verb = ce.restricted_mean if statistic.startswith("rest") else ce.survival_difference
        at = {"horizon": 15} if statistic.startswith("rest") else {"at": 15}
        values.append(verb(one, outcome="re", **at).value)
    spread = np.std(values)
    assert found.std_error == pytest.approx(spread, rel=0.2)  # its own error is 1/√1200, 3 %
    low, high = np.quantile(values, [0.025, 0.975])
    assert [found.low, found.high] == pytest.approx([low, high], abs=0.6 * spread)


def test_bca_of_uncensored_means_is_that_of_scipy() -> None:
    """Without censoring the restricted mean is a mean; ends agree to the draws' own error."""
    rng = np.random.default_rng(8)
    days = [np.ceil(rng.exponential(9, 70)), np.ceil(rng.exponential(14, 60))]
    frame = pd.DataFrame(
        {"arm": np.repeat([0, 1], [70, 60]), "day": np.concatenate(days), "event": 1}
    )
    trial = ce.Trial.from_frame(frame, arm="arm", control=0, times={"t": ("day", "event", "days")})
    how = {"outcome": "t", "horizon": float(frame["day"].max()), "draws": 20_000}
    found = bootstrap_interval(trial, rng=rng, **how)
    theirs = bootstrap(
        (days[1], days[0]),
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        n_resamples=20_000,
        method="BCa",
        rng=rng,
    ).confidence_interval
    assert found.value == pytest.approx(days[1].mean() - days[0].mean())
    near = 0.06 * found.std_error  # five errors of a 2.5 % quantile of 20,000 draws
    assert [found.low, found.high] == pytest.approx([theirs.low, theirs.high], abs=2 * near)


def test_the_same_seed_gives_the_same_interval() -> None:
    trial = ce.load_rossi()
    how = {"outcome": "rearrest", "horizon": 52, "draws": 300}
    found = [bootstrap_interval(trial, rng=np.random.default_rng(4), **how) for _ in range(2)]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"draws": 20}, "`draws`"),
        ({"rng": 3}, "`rng`"),
        ({"horizon": 99}, "`horizon`"),
        ({"horizon": float("nan")}, "`horizon`"),
        ({"statistic": "mean"}, "`statistic`"),
        ({"interval": "bc"}, "`interval`"),
        ({"level": 95}, "`level`"),
    ],
)
def test_impossible_intervals_are_refused(how: dict[str, Any], says: str) -> None:
    usual = {"outcome": "rearrest", "horizon": 52, "rng": np.random.default_rng(1)}
    with pytest.raises(ce.TrialError, match=says):
        bootstrap_interval(ce.load_rossi(), **(usual | how))


@pytest.mark.parametrize("verb", [adjusted_logrank_test, marginal_hazard_ratio])
@pytest.mark.parametrize("adjust", [(), "nobody", ["x", "x"]])
def test_impossible_adjustments_are_refused(verb: Any, adjust: Any) -> None:
    trial, _ = drawn(1)
    with pytest.raises(ce.TrialError):
        verb(trial, outcome="re", adjust=adjust)


def test_without_events_there_is_nothing_to_adjust() -> None:
    _, frame = drawn(1)
    trial = ce.Trial.from_frame(
        frame.assign(event=0),
        arm="arm",
        control=0,
        covariates=["x"],
        times={"re": ("week", "event", "weeks")},
    )
    test = adjusted_logrank_test(trial, outcome="re", adjust="x")
    ratio = marginal_hazard_ratio(trial, outcome="re", adjust="x")
    assert not test.estimable
    assert not ratio.estimable
    assert "not estimable" in test.method
    assert "not estimable" in ratio.method
