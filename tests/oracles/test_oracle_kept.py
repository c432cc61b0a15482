"""Treatment kept to, losses and distances against base R: prop.test, fisher, chisq, ks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.balance import Attrition, attrition, treatment_integrity

SAME = 1e-9
R = json.loads((Path(__file__).parent / "kept.json").read_text(encoding="utf-8"))


def lost(case: dict[str, Any]) -> Attrition:
    """People of whom the first of each arm are lost."""
    arm = np.repeat(np.arange(len(case["people"])), case["people"])
    known = np.concatenate(
        [np.arange(n) >= gone for n, gone in zip(case["people"], case["lost"], strict=True)]
    )
    values = np.where(known, np.cumsum(known) % 2, np.nan)
    trial = ce.Trial.from_frame(
        pd.DataFrame({"arm": arm, "any": values}),
        arm="arm",
        control=0,
        arms=range(len(case["people"])),
        binary={"any": "any"},
    )
    return attrition(trial, outcome="any")


@pytest.mark.parametrize("case", R["shares"], ids=lambda c: f"{c['x']}/{c['n']}@{c['level']}")
@pytest.mark.parametrize("arm", [0, 1])
def test_limits_equal_prop_test(case: dict[str, Any], arm: int) -> None:
    """In either arm; one person of the other arm kept to theirs."""
    got = [arm] * case["x"] + [1 - arm] * (case["n"] - case["x"]) + [1 - arm]
    table = pd.DataFrame({"arm": [arm] * case["n"] + [1 - arm], "got": got})
    trial = ce.Trial.from_frame(table, arm="arm", control=0, arms=(0, 1), received="got")
    row = treatment_integrity(trial, level=case["level"]).rows[arm]
    assert (row.as_assigned, row.people) == (case["x"], case["n"])
    assert (row.low, row.high) == pytest.approx((case["low"], case["high"]), rel=SAME, abs=1e-12)


@pytest.mark.parametrize("case", R["fishers"])
def test_two_arms_equal_fisher(case: dict[str, Any]) -> None:
    """Two-sided, as fisher.test."""
    found = lost(case)
    assert (found.lost, found.people) == (tuple(case["lost"]), tuple(case["people"]))
    assert found.test.p_value == pytest.approx(case["p"], rel=1e-7)


@pytest.mark.parametrize("case", R["pearsons"])
def test_more_arms_equal_chi_square(case: dict[str, Any]) -> None:
    """Without a correction."""
    found = lost(case)
    assert found.lost == tuple(case["lost"])
    assert found.test.p_value == pytest.approx(case["p"], rel=SAME)


@pytest.mark.parametrize("case", R["distances"])
def test_distance_equals_ks_test(case: dict[str, Any]) -> None:
    """The statistic alone; ties counted at the value."""
    arms = [0] * len(case["control"]) + [1] * len(case["treatment"])
    table = pd.DataFrame({"arm": arms, "x": case["control"] + case["treatment"]})
    trial = ce.Trial.from_frame(table, arm="arm", control=0, covariates=["x"])
    found = ce.standardised_differences(trial).rows[0].ks
    assert found == pytest.approx(case["ks"], rel=SAME)
