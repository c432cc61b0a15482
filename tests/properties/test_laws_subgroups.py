"""Laws of ordinal odds ratios and of interactions."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import cohorts

import checkpoint_eval as ce
from checkpoint_eval.models import mean_difference, win_ratio
from checkpoint_eval.models.ordinal import ordinal_odds_ratio, proportional_odds_test
from checkpoint_eval.models.subgroups import subgroup_effects

CLIMBED = 1e-6  # two runs of an iterative fit, from different starts
# The engine's Hessian is a difference quotient of the likelihood: in few people, who nearly tell
# the grades apart, its square root was seen to be off by 1e-5.
CURVED = 1e-4


def read(frame: pd.DataFrame, **how: Any) -> ce.Trial:
    usual: dict[str, Any] = {
        "arm": "arm",
        "control": "control",
        "arms": ("control", "treatment"),
        "numeric": {"harm": "prio"},
        "factors": ["kind"],
    }
    return ce.Trial.from_frame(frame, **(usual | how))


def ratio(trial: ce.Trial, **how: Any) -> ce.Estimate:
    return ordinal_odds_ratio(trial, outcome="harm", **how)


def swapped(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(arm=frame["arm"].map({"control": "treatment", "treatment": "control"}))


@given(cohorts(most=40, each=6))
def test_swapped_arms_invert_the_ratio(frame: pd.DataFrame) -> None:
    one, other = ratio(read(frame)), ratio(read(swapped(frame)))
    assert one.estimable == other.estimable
    assume(one.estimable)
    assert np.log(one.value) == pytest.approx(-np.log(other.value), rel=CLIMBED, abs=CLIMBED)
    assert one.std_error == pytest.approx(other.std_error, rel=CURVED)
    assert one.p_value == pytest.approx(other.p_value, abs=CURVED)


@given(cohorts(most=40, each=6))
def test_reversed_grades_invert_the_ratio_and_only_order_counts(frame: pd.DataFrame) -> None:
    one = ratio(read(frame))
    assume(one.estimable)
    other = ratio(read(frame.assign(prio=-frame["prio"])))
    assert np.log(one.value) == pytest.approx(-np.log(other.value), rel=CLIMBED, abs=CLIMBED)
    stretched = ratio(read(frame.assign(prio=np.exp(frame["prio"]))))
    assert stretched.value == one.value


@given(cohorts(most=40, each=6))
def test_below_one_exactly_where_win_odds_are_above_one(frame: pd.DataFrame) -> None:
    """The slope of the likelihood at no effect is the rank sum, and the likelihood is concave."""
    one = ratio(read(frame))
    assume(one.estimable)
    wins = win_ratio(read(frame), outcomes="harm", measure="win odds")
    assume(wins.estimable)
    if abs(np.log(wins.value)) < 1e-12:
        assert np.log(one.value) == pytest.approx(0, abs=1e-6)
    else:
        assert np.sign(np.log(one.value)) == -np.sign(np.log(wins.value))


@given(cohorts(most=30, each=6))
def test_everyone_twice_leaves_the_ratio_and_halves_the_variance(frame: pd.DataFrame) -> None:
    one = ratio(read(frame))
    assume(one.estimable)
    twice = ratio(read(pd.concat([frame, frame], ignore_index=True)))
    assert np.log(twice.value) == pytest.approx(np.log(one.value), rel=CLIMBED, abs=CLIMBED)
    assert twice.std_error == pytest.approx(one.std_error / np.sqrt(2), rel=CURVED)
    test = proportional_odds_test(read(frame), outcome="harm")
    assume(test.estimable)
    doubled = proportional_odds_test(
        read(pd.concat([frame, frame], ignore_index=True)), outcome="harm"
    )
    assert doubled.statistic == pytest.approx(2 * test.statistic, rel=1e-5, abs=1e-9)


EFFECT = partial(mean_difference, outcome="harm", method="neyman")


@given(cohorts(most=40, each=6))
def test_swapped_arms_leave_the_interaction(frame: pd.DataFrame) -> None:
    one, other = (
        subgroup_effects(read(each), effect=EFFECT, by="kind").subgroups[0]
        for each in (frame, swapped(frame))
    )
    assert one.interaction.estimable == other.interaction.estimable
    assume(one.interaction.estimable)
    # the same arithmetic, other order
    assert one.interaction.statistic == pytest.approx(
        other.interaction.statistic, rel=1e-9, abs=1e-9
    )


@given(cohorts(most=40, each=6), st.floats(0.1, 50))
def test_units_leave_the_interaction(frame: pd.DataFrame, scale: float) -> None:
    one, other = (
        subgroup_effects(read(each), effect=EFFECT, by="kind").subgroups[0]
        for each in (frame, frame.assign(prio=scale * frame["prio"]))
    )
    assume(one.interaction.estimable and other.interaction.estimable)
    assert one.interaction.statistic == pytest.approx(
        other.interaction.statistic, rel=1e-7, abs=1e-9
    )


@given(cohorts(most=40, each=4))
def test_levels_divide_the_people(frame: pd.DataFrame) -> None:
    found = subgroup_effects(read(frame), effect=EFFECT, by="kind")
    each = found.subgroups[0]
    for arm in (0, 1):
        assert sum(one.n[arm] for one in each.effects) == found.overall.n[arm]
    if each.interaction.estimable:
        assert 0 <= each.interaction.p_value <= each.p_adjusted <= 1
