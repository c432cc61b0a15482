"""Outcomes that nobody in an arm has: an evaluation goes on, and says what it could not do."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import survival_curve

N = 60
ARM = np.arange(N) % 2
LOST = np.where(ARM == 1, np.nan, 1.0)
VALUES = np.random.default_rng(77).integers(1, 9, N).astype(float)
KINDS: dict[str, tuple[dict[str, np.ndarray], dict[str, Any]]] = {
    "time": (
        {"d": LOST * VALUES, "e": LOST * (VALUES > 4)},
        {"times": {"y": ("d", "e", "days")}},
    ),
    "binary": ({"y": LOST * (VALUES > 4)}, {"binary": {"y": "y"}}),
    "count": ({"y": LOST * VALUES}, {"counts": {"y": ("y", None, "years")}}),
    "amount": ({"y": LOST * VALUES / 3}, {"numeric": {"y": "y"}}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_protocol(kind: str) -> None:
    columns, how = KINDS[kind]
    trial = ce.Trial.from_frame(pd.DataFrame({"arm": ARM} | columns), arm="arm", control=0, **how)
    found = ce.evaluate(trial)
    assert found.results
    for each in found.results:
        assert not each.value.estimable
        assert "Arm 'treatment' has nobody with a known 'y'" in each.value.method
        assert each.value.missing == (0, N // 2)
    assert found.curves == ()
    told = [each.told for each in found.deviations if each.what == "not computed"]
    assert bool(told) == (kind in ("time", "amount"))
    if kind == "time":
        assert told[0].startswith("curves of 'y': Arm 'treatment' has nobody")


def test_what_was_promised_of_it_is_a_result_that_says_so() -> None:
    """The primary outcome is lost in one arm; the others are evaluated as ever."""
    trial = ce.load_rossi()
    whole = ce.evaluate(trial)
    lost = dataclasses.replace(trial.outcome("rearrest"), missing=trial.assignment.arm == 1)
    found = ce.evaluate(dataclasses.replace(trial, outcomes={"rearrest": lost}))
    assert len(found.results) == len(whole.results)
    for each in found.results:
        assert each.value.planned
        assert not each.value.estimable
    promised = [each.told for each in found.deviations if each.what == "promised, not estimable"]
    assert len(promised) == len(found.results)
    assert "Arm 'financial aid' has nobody with a known 'rearrest'" in promised[0]


def test_of_three_arms_the_others_are_compared() -> None:
    arm = np.array(["a", "b", "c"])[np.arange(N) % 3]
    y = np.where(arm == "b", np.nan, VALUES > 4)
    trial = ce.Trial.from_frame(
        pd.DataFrame({"arm": arm, "y": y}),
        arm="arm",
        control="a",
        arms=("a", "b", "c"),
        binary={"y": "y"},
    )
    found = {
        each.value.contrast[0]: each.value
        for each in ce.evaluate(trial).results
        if each.value.estimand == "risk difference"
    }
    assert not found["b"].estimable
    assert found["c"].value == ce.risk_difference(trial, outcome="y", arm="c").value
    assert found["c"].n == (20, 20)


def test_curves_are_those_of_the_verb() -> None:
    trial = ce.load_rossi()
    (curve,) = ce.evaluate(trial).curves
    want = survival_curve(trial, outcome="rearrest")
    pd.testing.assert_frame_equal(curve.to_frame(), want.to_frame())
