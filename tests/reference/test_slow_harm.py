"""Skewed amounts and many zeros against slow_harm and scipy, which are engines of none of these."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import slow_harm as slow
from scipy import stats

import checkpoint_eval as ce
from checkpoint_eval.models import (
    bootstrap_interval,
    harm_inequality,
    rate_sensitivity,
    superiority_probability,
    trimmed_mean_difference,
)

EXACT = 1e-10  # sums of a few dozen numbers in another order


def arms(seed: int, control: int = 23, treatment: int = 31) -> tuple[Any, Any]:
    """Many zeros, many ties and a few large."""
    rng = np.random.default_rng(seed)
    weights = np.array([0, 0, 0, 1, 2, 2, 10, 365, 2555])
    return rng.choice(weights, control), rng.choice(weights[1:], treatment)


def read(control: Any, treatment: Any) -> ce.Trial:
    frame = pd.DataFrame(
        {
            "arm": [0] * len(control) + [1] * len(treatment),
            "days": np.concatenate([control, treatment]),
        }
    )
    return ce.Trial.from_frame(frame, arm="arm", control=0, numeric={"harm": "days"})


@pytest.mark.parametrize("seed", range(5))
def test_superiority(seed: int) -> None:
    control, treatment = arms(seed)
    found = superiority_probability(read(control, treatment), outcome="harm")
    value, error, df = slow.superiority(control.tolist(), treatment.tolist())
    assert (found.value, found.std_error) == pytest.approx((value, error), rel=EXACT)
    assert f"{df:.4g} degrees of freedom" in found.method
    other = stats.brunnermunzel(control, treatment)
    assert found.p_value == pytest.approx(float(other.pvalue), rel=1e-8)
    # scipy's statistic is above 0 where the second sample has more
    assert np.sign(found.value) == -np.sign(float(other.statistic))


@pytest.mark.parametrize("trim", [0.05, 0.2, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_trimmed(seed: int, trim: float) -> None:
    control, treatment = arms(seed)
    found = trimmed_mean_difference(read(control, treatment), outcome="harm", trim=trim)
    other = stats.ttest_ind(treatment, control, equal_var=False, trim=trim)
    interval = other.confidence_interval(0.95)
    assert found.p_value == pytest.approx(float(other.pvalue), rel=1e-9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    means = tuple(stats.trim_mean(each, trim) for each in (control, treatment))
    assert found.by_arm == pytest.approx(means, rel=EXACT)


@pytest.mark.parametrize("seed", range(5))
def test_gini(seed: int) -> None:
    control, treatment = arms(seed)
    found = harm_inequality(read(control, treatment), outcome="harm")
    lists = [control.astype(float).tolist(), treatment.astype(float).tolist()]
    assert found.gini == pytest.approx([slow.gini(each) for each in lists], rel=EXACT)
    variance = sum(slow.jackknife(each, slow.gini) for each in lists)
    assert found.difference.std_error == pytest.approx(variance**0.5, rel=1e-8)
    # Twice the area above the Lorenz curve, by trapezes, times n/(n − 1).
    for code, values in enumerate(lists):
        area = np.trapezoid(found.people[code] - found.share[code], found.people[code])
        n = len(values)
        assert 2 * area * n / (n - 1) == pytest.approx(found.gini[code], rel=1e-9)


@pytest.mark.parametrize("statistic", ["mean difference", "mean ratio"])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_bootstrap_of_means(statistic: Any, level: float) -> None:
    """The same draws: one generator for each arm, and one within for its only stratum."""
    control, treatment = arms(1)
    found = bootstrap_interval(
        read(control, treatment),
        outcome="harm",
        statistic=statistic,
        level=level,
        draws=400,
        rng=np.random.default_rng(5),
    )
    children = [child.spawn(1)[0] for child in np.random.default_rng(5).spawn(2)]
    chosen = [
        child.integers(0, each.size, (400, each.size), dtype=np.uint32)
        for child, each in zip(children, (control, treatment), strict=True)
    ]

    def contrast(c: Any, t: Any) -> float:
        a, b = sum(c) / len(c), sum(t) / len(t)
        return float(b - a if statistic == "mean difference" else b / a)

    low, high = slow.bca(
        control.tolist(), treatment.tolist(), contrast, (chosen[0], chosen[1]), level
    )
    assert found.value == pytest.approx(contrast(control, treatment), rel=EXACT)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-8)


@pytest.mark.parametrize(("seed", "adjust"), [(1, []), (2, ["age"])])
def test_many_zeros(seed: int, adjust: list[str]) -> None:
    rng = np.random.default_rng(seed)
    n = 60
    frame = pd.DataFrame({"arm": np.arange(n) % 2, "years": rng.uniform(0.5, 2, n)})
    frame["age"] = rng.normal(size=n)
    spread = rng.gamma(2, 0.5, n)
    rate = np.exp(1 - 0.4 * frame["arm"] + 0.2 * frame["age"]) * frame["years"] * spread
    frame["events"] = rng.poisson(rate) * (rng.random(n) < 0.7)
    trial = ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        covariates=["age"],
        counts={"events": ("events", "years", "years")},
    )
    table = rate_sensitivity(trial, outcome="events", adjust=adjust)
    columns = ["arm", *adjust]
    rows = [
        (int(row["events"]), row["years"], (*(row[each] for each in columns), 1.0))
        for row in frame.to_dict("records")
    ]
    names = {"inflated": "zero-inflated", "hurdle": "hurdle"}
    for kind, told in names.items():
        for dispersed in (False, True):
            model = f"{told} {'negative binomial' if dispersed else 'poisson'}"
            place = table.models.index(model)
            found = table.estimates[place]
            value, error, height = slow.rate_ratio(rows, kind=kind, dispersed=dispersed)
            # A simplex is right to the square root of what it can tell apart in likelihood.
            assert np.log(found.value) == pytest.approx(value, abs=2e-5)
            assert found.std_error == pytest.approx(error, rel=1e-3)
            assert table.log_likelihood[place] == pytest.approx(height, abs=1e-7)
