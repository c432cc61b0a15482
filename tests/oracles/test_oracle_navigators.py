"""Partially nested differences against R nlme: estimates, errors, variances, shrunken effects.

navigators.json is written by navigators.R. lme stops where its optimiser (BFGS on logarithms of
ratios of standard deviations) sees no more gain in the likelihood: a flat top is known to half the
digits. Its degrees of freedom are computed there with n by n matrices, at lme's own variances.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models.navigators import navigator_effects, partially_nested_difference

Compare = Callable[..., None]
R = json.loads((Path(__file__).parent / "navigators.json").read_text(encoding="utf-8"))
MODELS: dict[str, dict[str, Any]] = {
    "plain": {},
    "age": {"adjust": "age"},
    "suites": {"adjust": "age", "strata": "suite"},
    "any": {"outcome": "any"},
}
FITS = [
    (data, model)
    for data in ("uneven", "even", "many", "alike")
    for model in MODELS
    if model in R[data]
]


def trial(data: str) -> ce.Trial:
    return ce.Trial.from_frame(
        pd.DataFrame(R[data]["people"]),
        arm="arm",
        control=0,
        covariates=["age"],
        factors=["suite", "navigator"],
        numeric={"y": "y"},
        binary={"any": "any"},
    )


def asked(model: str) -> dict[str, Any]:
    return {"outcome": "y", "navigator": "navigator"} | MODELS[model]


@pytest.mark.parametrize(("data", "model"), FITS)
def test_the_mixed_model(data: str, model: str, agree: Compare) -> None:
    want = R[data][model]
    found = navigator_effects(trial(data), **asked(model))
    estimate = found.estimate
    # The coefficient depends on variances that are known to half the digits only.
    agree(estimate.value, want["value"], 1e-6)
    agree(estimate.by_arm[0], want["mean_control"], 1e-6)
    agree(estimate.std_error, want["std_error"], 1e-5)
    # lme's logarithms never reach a variance of 0 between navigators.
    agree([each**2 for each in (*found.residual, found.spread)], want["spread"], 1e-4, 1e-5)
    agree(found.df, want["df"], 1e-3)
    assert f"{found.df:.4g} degrees of freedom" in estimate.method


@pytest.mark.parametrize(("data", "model"), FITS)
def test_shrunken_effects(data: str, model: str, agree: Compare) -> None:
    """Of ranef."""
    found = navigator_effects(trial(data), **asked(model))
    want = dict(zip(R[data][model]["navigator"], R[data][model]["shrunken"], strict=True))
    agree(found.value, [want[name] for name in found.navigators], 1e-4, 1e-5)


@pytest.mark.parametrize(
    ("data", "model", "key"),
    [
        ("uneven", "plain", "icc"),
        ("uneven", "age", "icc_age"),
        ("even", "plain", "icc"),
        ("many", "plain", "icc"),
        ("alike", "plain", "icc"),
    ],
)
def test_limits_of_the_correlation(data: str, model: str, key: str, agree: Compare) -> None:
    """A search by uniroot over regressions of transformed rows by lm."""
    found = navigator_effects(trial(data), **asked(model))
    agree([found.icc_low, found.icc_high], R[data][key], 1e-7, 1e-11)


def test_the_estimate_is_that_of_the_effects() -> None:
    found = partially_nested_difference(trial("uneven"), **asked("plain"))
    same = navigator_effects(trial("uneven"), **asked("plain")).estimate
    assert repr(found) == repr(same)
    assert "3 people in 'treatment' without, at a level of their own" in found.method
    assert re.search("8 navigators with 1 to 15 people; .*fewer than 10", found.method)
