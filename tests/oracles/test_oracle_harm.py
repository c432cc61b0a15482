"""Skewed amounts and counts with many zeros against base R, boot and pscl (harm.R)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import (
    bootstrap_interval,
    harm_inequality,
    rate_sensitivity,
    superiority_probability,
    trimmed_mean_difference,
    two_part_effects,
)

Compare = Callable[..., None]
R = json.loads((Path(__file__).parent / "harm.json").read_text(encoding="utf-8"))
PARTS = ("value", "std_error", "low", "high", "p_value")


@pytest.fixture(scope="module")
def trial() -> ce.Trial:
    people = pd.DataFrame(R["people"])
    numeric = {"harm": "harm"}
    return ce.Trial.from_frame(people, arm="arm", control=0, covariates=["age"], numeric=numeric)


@pytest.fixture(scope="module")
def counts() -> ce.Trial:
    return ce.Trial.from_frame(
        pd.DataFrame(R["counts"]),
        arm="arm",
        control=0,
        covariates=["age"],
        counts={"events": ("events", "years", "years")},
    )


@pytest.mark.parametrize(
    ("method", "name", "trim"),
    [
        ("trimmed", "yuen", 0.2),
        ("trimmed", "yuen", 0.1),
        ("winsorised", "winsorised", 0.2),
        ("winsorised", "winsorised", 0.05),
    ],
)
def test_trimmed(trial: ce.Trial, method: Any, name: str, trim: float, agree: Compare) -> None:
    found = trimmed_mean_difference(trial, outcome="harm", trim=trim, method=method)
    want = R[name][f"{trim:g}"]
    # Sums of 140 numbers in another order.
    agree([getattr(found, part) for part in PARTS], [want[part] for part in PARTS], 1e-10)
    assert f"{want['df']:.4g} degrees of freedom" in found.method


def test_brunner_and_munzel(trial: ce.Trial, agree: Compare) -> None:
    """R's p is the chance that treatment has less; the difference is 2p − 1."""
    found, want = superiority_probability(trial, outcome="harm"), R["brunner_munzel"]
    assert found.by_arm == pytest.approx((1 - want["p"], want["p"]), rel=1e-10)
    agree([found.low, found.high], [2 * want["low"] - 1, 2 * want["high"] - 1], 1e-10)
    agree([found.std_error, found.p_value], [2 * want["std_error"], want["p_value"]], 1e-10)


def test_gini(trial: ce.Trial, agree: Compare) -> None:
    found, want = harm_inequality(trial, outcome="harm"), R["inequality"]
    agree(found.gini, want["gini"], 1e-10)
    agree(found.difference.value, want["gini"][1] - want["gini"][0], 1e-9)
    agree(found.difference.std_error, want["std_error"], 1e-9)
    agree(np.transpose([found.low, found.high]), want["intervals"], 1e-9)


@pytest.mark.parametrize("model", ["gamma", "log-normal"])
@pytest.mark.parametrize("adjusted", [0, 1])
def test_two_parts(trial: ce.Trial, model: Any, adjusted: int, agree: Compare) -> None:
    names = ["age"][:adjusted]
    found = two_part_effects(trial, outcome="harm", model=model, adjust=names)
    want = R["two_part"][model][adjusted]
    agree([each.value for each in found], want["value"], 1e-7)  # iterated fits
    # R's slopes are central differences, right to about seven digits.
    agree([each.std_error for each in found], want["std_error"], 1e-6)
    agree(found[0].by_arm, want["share"], 1e-7)
    agree(found[2].by_arm, want["mean"], 1e-7)


@pytest.mark.parametrize("statistic", ["mean difference", "mean ratio"])
def test_bootstrap(trial: ce.Trial, statistic: Any, agree: Compare) -> None:
    """Two sets of 10,000 draws: as argued in test_oracle_bootstrap.py, an end errs by
    √(2.67² + 2.5²)/√B = 0.037 of the spread in each of them, and five of those in both are 0.26.
    """
    want = R["bootstrap"][statistic]
    for interval in ("percentile", "bca"):
        found = bootstrap_interval(
            trial,
            outcome="harm",
            statistic=statistic,
            interval=interval,  # type: ignore[arg-type]
            draws=want["draws"],
            rng=np.random.default_rng(1),
        )
        agree(found.value, want["value"], 1e-10)
        # √(κ/4B) of a spread each, κ some 3
        assert found.std_error == pytest.approx(want["std_error"], rel=0.06)
        got, ends = np.array([found.low, found.high]), np.array(want[interval])
        if statistic == "mean ratio":
            got, ends = np.log(got), np.log(ends)
        assert np.abs(got - ends).max() < 0.26 * want["std_error"]


@pytest.mark.parametrize("adjusted", [0, 1])
def test_counts_with_many_zeros(counts: ce.Trial, adjusted: int, agree: Compare) -> None:
    found = rate_sensitivity(counts, outcome="events", adjust=["age"][:adjusted])
    want = R["rates"][adjusted]
    assert found.models == tuple(want)
    of = {name: [each[name] for each in want.values()] for name in want["hurdle poisson"]}
    # R's optim stops when the likelihood no longer moves by 1e-15: coefficients to about 1e-7.
    agree([each.value for each in found.estimates], of["ratio"], 3e-6)
    # pscl's curvature is by differences of its slopes with steps of 1e-3.
    agree([each.std_error for each in found.estimates], of["std_error"], 2e-4)
    agree(found.log_likelihood, of["log_likelihood"], 1e-10)
    agree(found.aic, of["aic"], 1e-10)
