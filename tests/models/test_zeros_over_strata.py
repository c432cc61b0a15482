"""Zeros over strata: score intervals where Wald's have none, and never a half added."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import number_needed_to_treat, risk_effects

SITES = np.repeat([0, 1], 40)
ARM = np.tile([0, 1], 40)


def read(events: np.ndarray) -> ce.Trial:
    frame = pd.DataFrame({"arm": ARM, "site": SITES, "y": events.astype(float)})
    return ce.Trial.from_frame(frame, arm="arm", control=0, binary={"y": "y"}, strata=["site"])


NONE_TREATED = read((ARM == 0) & (np.arange(80) % 8 == 0))
NOBODY = read(np.zeros(80))
ASKED: dict[str, Any] = {"outcome": "y", "strata": None}


def test_no_events_under_treatment() -> None:
    """The ratio is 0, and how far above 0 it may be is told."""
    found = ce.risk_ratio(NONE_TREATED, **ASKED)
    assert (found.value, found.low, found.by_arm[1]) == (0, 0, 0)
    assert 0 < found.high < 1
    assert found.p_value < 0.05
    assert np.isnan(found.std_error)
    assert "zeros leave no Wald interval; Miettinen–Nurminen score interval" in found.method
    asked = ce.risk_ratio(NONE_TREATED, **ASKED, interval="miettinen-nurminen")
    assert (asked.low, asked.high) == (found.low, found.high)
    assert "zeros" not in asked.method
    wald = ce.risk_ratio(NONE_TREATED, **ASKED, interval="wald")
    assert not wald.estimable
    assert "without strata there is a score interval" not in wald.method
    assert "no events in 'treatment'" in wald.method


def test_no_events_at_all() -> None:
    found = ce.risk_difference(NOBODY, **ASKED)
    assert found.value == 0
    assert found.low == pytest.approx(-found.high, rel=1e-9)
    assert 0.03 < found.high < 0.2
    assert found.p_value == 1
    ratio = ce.risk_ratio(NOBODY, **ASKED)
    assert not ratio.estimable
    assert "no events in 'control' and 'treatment'" in ratio.method
    assert number_needed_to_treat(NOBODY, **ASKED).value == np.inf


def test_where_there_are_no_zeros_the_default_stays_wald() -> None:
    some = read(np.arange(80) % 7 < 2 + ARM)
    assert "Sato variance; Wald interval" in ce.risk_difference(some, **ASKED).method
    assert "Wald interval on the log scale" in ce.risk_ratio(some, **ASKED).method


def test_the_odds_ratio_over_strata_has_none() -> None:
    found = ce.odds_ratio(NONE_TREATED, **ASKED)
    assert not found.estimable
    assert "without strata there is a score interval" in found.method
    for interval in ("miettinen-nurminen",):
        with pytest.raises(ce.TrialError, match="compared within strata"):
            ce.odds_ratio(NONE_TREATED, **ASKED, interval=interval)
    with pytest.raises(ce.TrialError, match="'newcombe', but these are compared within strata"):
        ce.risk_difference(NONE_TREATED, **ASKED, interval="newcombe")


def test_together() -> None:
    found = risk_effects(NONE_TREATED, **ASKED)
    assert [each.estimable for each in found.estimates] == [True, True, False]


def test_coverage_of_rare_events() -> None:
    """Chances of .06 and .03 in sites of 60 and 30, where half of all trials hold some zero.

    400 trials: a share of .95 has a standard error of 1.1 points, and score intervals are
    conservative where events are few.
    """
    rng = np.random.default_rng(5)
    site = np.repeat([0, 1], [120, 60])
    arm = np.arange(180) % 2
    covered = []
    for _ in range(400):
        y = rng.random(180) < np.where(site == 0, 0.06, 0.09) * np.where(arm == 1, 0.5, 1.0)
        frame = pd.DataFrame({"arm": arm, "site": site, "y": y.astype(float)})
        trial = ce.Trial.from_frame(
            frame, arm="arm", control=0, binary={"y": "y"}, factors=["site"]
        )
        found = ce.risk_ratio(trial, outcome="y", strata="site", interval="miettinen-nurminen")
        covered.append(np.isnan(found.value) or found.low <= 0.5 <= found.high)
    assert 0.95 - 5 * 0.011 < np.mean(covered) <= 0.995
