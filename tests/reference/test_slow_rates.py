"""Rate ratios of the library against the slow reference, and laws they must obey."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from slow_rates import Row, log_likelihood, negative_binomial, poisson

import checkpoint_eval as ce
from checkpoint_eval.models import rate_ratio

SEEDS = range(5)
# Numerical slopes of the reference hold about nine digits.
CLOSE = 1e-6


def people(seed: int, spread: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = 40
    arm, age = rng.permutation(np.arange(n) % 2), rng.normal(0, 1, n).round(2)
    site = rng.choice(["east", "west"], n)
    time = rng.integers(30, 400, n) / 100
    rate = np.exp(0.3 - 0.5 * arm + 0.3 * age) * rng.gamma(1 / spread, spread, n)
    events = rng.poisson(rate * time)
    return pd.DataFrame({"arm": arm, "age": age, "site": site, "time": time, "events": events})


def estimate(frame: pd.DataFrame, method: str, **how: Any) -> ce.Estimate:
    trial = ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        strata=["site"],
        covariates=["age"],
        counts={"arrests": ("events", "time", "years")},
    )
    return rate_ratio(trial, outcome="arrests", method=method, adjust="age", **how)  # type: ignore[arg-type]


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """The arm, age, and an indicator of each site."""
    return [
        (int(y), float(t), (float(a), float(x), float(s == "east"), float(s == "west")))
        for a, x, s, t, y in zip(*(frame[name] for name in frame), strict=True)
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_poisson(seed: int) -> None:
    frame = people(seed)
    found = estimate(frame, "poisson")
    coef, error, _ = poisson(rows_of(frame))
    assert np.log(found.value) == pytest.approx(coef, abs=CLOSE)
    assert found.std_error == pytest.approx(error, rel=CLOSE)


@pytest.mark.parametrize("seed", SEEDS)
def test_negative_binomial(seed: int) -> None:
    frame = people(seed)
    found = estimate(frame, "negative binomial")
    coef, error, dispersion, _ = negative_binomial(rows_of(frame))
    assert np.log(found.value) == pytest.approx(coef, abs=CLOSE)
    assert found.std_error == pytest.approx(error, rel=CLOSE)
    assert f"dispersion {dispersion:.3g};" in found.method


def test_the_higher_of_two_maxima_is_found() -> None:
    """The likelihood falls as the dispersion leaves 0 and then rises above where it started."""
    frame = pd.DataFrame(
        {
            "arm": [0, 1] * 5,
            "events": [0, 0, 0, 5, 1, 0, 0, 0, 0, 2],
            "time": [0.5, 0.1, 0.5, 5, 0.2, 0.5, 0.1, 1, 5, 0.1],
        }
    )
    trial = ce.Trial.from_frame(
        frame, arm="arm", control=0, counts={"arrests": ("events", "time", "years")}
    )
    rows: list[Row] = [
        (int(y), float(t), (float(a), 1.0))
        for a, y, t in zip(frame["arm"], frame["events"], frame["time"], strict=True)
    ]
    # Of two arms alone Poisson's maximum is at the crude rates: 1 event in 6.3 years, 7 in 7.1.
    crude = [np.log(7 / 7.1) - np.log(1 / 6.3), np.log(1 / 6.3)]
    at_zero = log_likelihood(rows, crude, 0.0)
    coef, error, dispersion, height = negative_binomial(rows)
    assert log_likelihood(rows, crude, 1e-3) < at_zero < height - 1
    found = rate_ratio(trial, outcome="arrests")
    assert np.log(found.value) == pytest.approx(coef, abs=CLOSE)
    assert found.std_error == pytest.approx(error, rel=CLOSE)
    assert f"dispersion {dispersion:.3g};" in found.method


@pytest.mark.parametrize("method", ["poisson", "negative binomial"])
def test_laws(method: str) -> None:
    frame = people(11)
    found = estimate(frame, method)
    days = estimate(frame.assign(time=frame["time"] * 365.25), method)
    swapped = estimate(frame.assign(arm=1 - frame["arm"]), method)
    older = estimate(frame.assign(age=1000 + 100 * frame["age"]), method)
    assert days.value == pytest.approx(found.value, rel=1e-8)
    assert days.std_error == pytest.approx(found.std_error, rel=1e-8)
    assert swapped.value == pytest.approx(1 / found.value, rel=1e-8)
    assert older.value == pytest.approx(found.value, rel=1e-8)
    assert older.std_error == pytest.approx(found.std_error, rel=1e-8)
