"""Laws of partially nested differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import cohorts, same, sensible, shuffled, trial_of, wald_dual

import checkpoint_eval as ce
from checkpoint_eval.models.navigator_tests import partially_nested_test
from checkpoint_eval.models.navigators import navigator_effects

if TYPE_CHECKING:
    import pandas as pd

# Newton's steps stop at 1e-18 of the likelihood, variances hence at about 1e-9 of themselves.
SOLVED = 1e-6
frames = cohorts(sites=2, each=3, most=36)
ways = pytest.mark.parametrize("how", [{}, {"adjust": "age"}, {"strata": "site"}])


def nested(frame: pd.DataFrame) -> pd.DataFrame:
    """Navigators are named by `prio`; controls have none."""
    named = "n" + frame["prio"].astype(str)
    return frame.assign(navigator=named.where(frame["arm"] == "treatment", None))


def found(frame: pd.DataFrame, how: dict[str, Any]) -> Any:
    """Estimated, unless a covariate is constant or only varies as others do."""
    factors = [each for each in ("site", "navigator") if frame[each].nunique() > 1]
    assume("navigator" in factors)
    assume(frame["age"].nunique() > 1)
    trial = trial_of(frame, numeric={"y": "week"}, times={}, covariates=["age"], factors=factors)
    try:
        return navigator_effects(trial, outcome="y", navigator="navigator", **how)
    except ce.ImpossibleDesign:
        assume(False)


def numbers(one: Any) -> list[float]:
    estimate = one.estimate
    return [
        estimate.value,
        estimate.std_error,
        one.df,
        one.spread,
        *one.residual,
        one.design_effect,
    ]


@ways
@given(frame=frames)
def test_it_is_an_estimate_or_says_why_not(how: dict[str, Any], frame: pd.DataFrame) -> None:
    one = found(nested(frame), how)
    sensible(one.estimate)
    wald_dual(one.estimate)
    assert one.estimable == np.isfinite(one.estimate.std_error)
    if one.estimable:
        same(np.diff(one.estimate.by_arm)[0], one.estimate.value)
        assert 0 <= one.icc < 1
        assert not one.icc_low > one.icc_high
        assert one.design_effect >= 1 - 1e-12  # sums in another order
        # Shrunk towards 0, never beyond it.
        assert (one.value * one.raw >= 0).all()
        assert (np.abs(one.value) <= np.abs(one.raw) + 1e-12).all()
        assert not (one.std_error > one.spread * (1 + 1e-9)).any()
    else:
        assert "not estimable: " in one.estimate.method


@ways
@given(frame=frames, seed=st.integers(0, 99))
def test_order_and_names_do_not_matter(how: dict[str, Any], frame: pd.DataFrame, seed: int) -> None:
    frame = nested(frame)
    other = shuffled(frame, seed)
    other["navigator"] = other["navigator"].map({f"n{k}": f"z{9 - k}" for k in range(9)})
    one, two = found(frame, how), found(other, how)
    same(numbers(two), numbers(one), rel=SOLVED)
    same(two.value[::-1], one.value, rel=SOLVED)


@ways
@given(frame=frames)
def test_units(how: dict[str, Any], frame: pd.DataFrame) -> None:
    """In other units from another nought, covariates too."""
    frame = nested(frame)
    other = frame.assign(week=500 - 7 * frame["week"], age=12 * frame["age"] - 216)
    one, two = found(frame, how), found(other, how)
    assert one.estimable == two.estimable
    assume(one.estimable)
    same(two.estimate.value, -7 * one.estimate.value, rel=SOLVED)
    same([two.estimate.low, two.estimate.high], [-7 * one.estimate.high, -7 * one.estimate.low],
         rel=SOLVED)  # fmt: skip
    same([two.icc, two.icc_low, two.icc_high, two.df], [one.icc, one.icc_low, one.icc_high, one.df],
         rel=SOLVED, floor=1e-8)  # fmt: skip
    same(two.value, -7 * one.value, rel=SOLVED)


@given(frame=frames)
def test_navigators_not_seen_to_differ_leave_two_means(frame: pd.DataFrame) -> None:
    """Then the difference is that of the means, and its error that of two variances."""
    frame = nested(frame)
    one = found(frame, {})
    assume(one.estimable)
    assume(one.spread == 0)
    y = [frame.loc[frame["arm"] == each, "week"] for each in ("control", "treatment")]
    same(one.estimate.value, y[1].mean() - y[0].mean())
    same(one.estimate.std_error, np.sqrt(sum(each.var() / each.size for each in y)), rel=1e-8)
    same(one.design_effect, 1)


@given(frame=frames)
def test_people_without_a_navigator_count_by_their_share(frame: pd.DataFrame) -> None:
    """Where navigators are not seen to differ the treated mean is that of everybody treated.

    Whatever those without are like, navigators vary as if they had not been there.
    """
    frame = nested(frame)
    treated = frame["arm"] == "treatment"
    alone = treated & (frame["navigator"] == "n0")
    frame = frame.assign(navigator=frame["navigator"].where(~alone, None))
    assume(alone.any())
    assume(frame["navigator"].nunique() > 1)
    moved = frame.assign(week=frame["week"] + 50 * alone)
    one, two = found(frame, {}), found(moved, {})
    assume(one.estimable)
    same(two.estimate.value - one.estimate.value, 50 * alone.sum() / treated.sum(), rel=SOLVED)
    same([two.spread, *two.residual], [one.spread, *one.residual], rel=SOLVED, floor=1e-5)
    if one.spread == 0:
        y = [frame.loc[treated == each, "week"].mean() for each in (False, True)]
        same(one.estimate.value, y[1] - y[0], rel=1e-8, floor=1e-10)


@given(frame=frames, seed=st.integers(0, 99))
def test_what_is_added_to_all_the_treated_is_added_to_the_difference(
    frame: pd.DataFrame, seed: int
) -> None:
    """Moving the treated by a constant moves the difference, and nothing else."""
    frame = nested(frame)
    moved = frame.assign(week=frame["week"] + seed * (frame["arm"] == "treatment"))
    one, two = found(frame, {}), found(moved, {})
    assume(one.estimable)
    same(two.estimate.value, one.estimate.value + seed, rel=SOLVED)
    same(numbers(two)[1:], numbers(one)[1:], rel=SOLVED, floor=1e-5)


@settings(max_examples=5)
@given(frame=cohorts(each=3, most=9))
def test_the_test_is_exact(frame: pd.DataFrame) -> None:
    """Over the whole support with the turns kept, P(p <= a) <= a."""
    frame = nested(frame)
    arm = (frame["arm"] == "treatment").to_numpy()
    turns = frame.loc[arm, "navigator"].to_numpy()
    assume(len(set(turns)) > 1)
    assume(frame["week"].nunique() > 1)
    rng = np.random.default_rng(len(frame))
    p_values = []
    for _ in range(40):
        redrawn = rng.permutation(arm)
        named = np.full(len(frame), None, dtype=object)
        named[redrawn] = turns
        trial = trial_of(
            frame.assign(arm=np.where(redrawn, "treatment", "control"), navigator=named),
            numeric={"y": "week"},
            times={},
            factors=["navigator"],
        )
        p_values.append(
            partially_nested_test(trial, outcome="y", navigator="navigator", rng=rng).p_value
        )
    share = np.mean(np.array(p_values) <= 0.2)
    assert share <= 0.2 + 5 * np.sqrt(0.16 / 40)
