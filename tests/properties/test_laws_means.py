"""Laws of differences of means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import (
    cohorts,
    doubled,
    mirrored,
    same,
    same_estimate,
    sensible,
    shuffled,
    swapped_trial,
    trial_of,
    wald_dual,
)

import checkpoint_eval as ce
from checkpoint_eval.models import mean_difference

if TYPE_CHECKING:
    import pandas as pd

# A regression loses digits that two means keep: to the square of what is left of a column.
FITTED = 1e-8
WAYS: dict[str, dict[str, Any]] = {
    "neyman": {},
    "neyman, HC3": {"method": "neyman", "variance": "HC3"},
    "blocked": {"strata": "site"},
    "lin": {"adjust": "prio"},
    "lin in strata": {"adjust": "prio", "strata": "site"},
    "ancova": {"adjust": ["age", "kind"], "method": "ancova", "variance": "HC1"},
    "ancova in strata": {"adjust": "age", "method": "ancova", "strata": "site"},
    "clusters": {"cluster": "kind"},
    "clusters, adjusted": {"cluster": "kind", "adjust": "age", "method": "ancova"},
}
ways = pytest.mark.parametrize("way", WAYS)
frames = cohorts(sites=2, each=3, most=30)
DECLARED = {
    "numeric": {"y": "week"},
    "times": {},
    "covariates": ["age", "prio", "kind"],
    "factors": ["site"],
}


def read(frame: pd.DataFrame, **how: Any) -> ce.Trial:
    return trial_of(frame, **(DECLARED | how))


def found(trial: ce.Trial, way: str) -> ce.Estimate:
    """Estimated, unless a covariate is constant or only varies as others do."""
    try:
        return mean_difference(trial, outcome="y", **WAYS[way])
    except ce.ImpossibleDesign:
        assume(False)
        raise


def told(frame: pd.DataFrame) -> bool:
    """Whether every covariate varies, so that the trial can be read."""
    return all(frame[each].nunique() > 1 for each in ("age", "prio", "kind", "any"))


@ways
@given(frame=frames)
def test_swapping_arms_negates(way: str, frame: pd.DataFrame) -> None:
    assume(told(frame))
    mirrored(found(read(frame), way), found(swapped_trial(frame, **DECLARED), way), rel=FITTED)


@ways
@given(frame=frames, seed=st.integers(0, 99))
def test_order_does_not_matter(way: str, frame: pd.DataFrame, seed: int) -> None:
    assume(told(frame))
    same_estimate(found(read(frame), way), found(read(shuffled(frame, seed)), way), rel=FITTED)


@ways
@given(frame=frames)
def test_units_of_outcome_and_covariates(way: str, frame: pd.DataFrame) -> None:
    """y in other units from another nought; ages in months from a birthday."""
    assume(told(frame))
    other = frame.assign(week=1000 - 7 * frame["week"], age=12 * frame["age"] - 216)
    one, two = found(read(frame), way), found(read(other), way)
    assert one.estimable == two.estimable
    same(two.value, -7 * one.value, rel=FITTED)
    same([two.low, two.high], [-7 * one.high, -7 * one.low], rel=FITTED)
    same(two.p_value, one.p_value, rel=FITTED)


@ways
@given(frame=frames)
def test_limits_and_p(way: str, frame: pd.DataFrame) -> None:
    assume(told(frame))
    estimate = found(read(frame), way)
    sensible(estimate)
    wald_dual(estimate)
    if estimate.estimable:
        same(estimate.by_arm[1] - estimate.by_arm[0], estimate.value, rel=FITTED)
    else:
        assert "not estimable: " in estimate.method
        assert np.isnan([estimate.low, estimate.std_error, estimate.p_value]).all()


@given(frame=cohorts(each=2))
def test_two_means_are_a_regression_on_the_arm(frame: pd.DataFrame) -> None:
    trial = trial_of(frame, numeric={"y": "week"}, times={})
    one = mean_difference(trial, outcome="y")
    two = mean_difference(trial, outcome="y", method="ancova")
    assert one.estimable == two.estimable
    same([two.value, two.std_error], [one.value, one.std_error])


@given(frame=cohorts(sites=2, each=2))
def test_blocks_are_lins_regression_on_them(frame: pd.DataFrame) -> None:
    """As long as no arm of a stratum has one person, to the degrees of freedom."""
    trial = trial_of(frame, numeric={"y": "week"}, times={}, strata=["site"])
    one = mean_difference(trial, outcome="y")
    same_estimate(mean_difference(trial, outcome="y", method="lin"), one, rel=FITTED)


@given(frame=cohorts(sites=2, each=2))
def test_a_stratum_by_itself_in_everybody(frame: pd.DataFrame) -> None:
    """One stratum: the same means and variance as without, on n - 2 degrees of freedom."""
    trial = trial_of(frame.assign(all="a"), numeric={"y": "week"}, times={}, factors=["all"])
    one = mean_difference(trial, outcome="y")
    two = mean_difference(trial, outcome="y", strata="all")
    same([two.value, two.std_error], [one.value, one.std_error])


@given(frame=cohorts(each=3))
def test_everyone_their_own_cluster(frame: pd.DataFrame) -> None:
    """CR2 is then HC2."""
    assume(told(frame))
    trial = read(frame.assign(id=np.arange(len(frame))), factors=["id"])
    how = {"outcome": "y", "adjust": "age", "method": "ancova"}
    try:
        one = mean_difference(trial, **how)
    except ce.ImpossibleDesign:
        assume(False)
    two = mean_difference(trial, cluster="id", **how)
    assert one.estimable == two.estimable
    same([two.value, two.std_error], [one.value, one.std_error], rel=FITTED)


@given(frame=cohorts(sites=2, each=2), times=st.integers(2, 4))
def test_more_of_the_same(frame: pd.DataFrame, times: int) -> None:
    """Everyone k times: the same difference; HC0's variance is a k-th."""
    trials = [
        trial_of(each, numeric={"y": "week"}, times={}, covariates=["age"])
        for each in (frame, doubled(frame, times))
        if frame["age"].nunique() > 1
    ]
    assume(trials)
    how = {"outcome": "y", "adjust": "age", "method": "ancova", "variance": "HC0"}
    try:
        one, many = (mean_difference(each, **how) for each in trials)
    except ce.ImpossibleDesign:
        assume(False)
    assume(one.estimable)
    same(many.value, one.value, rel=FITTED)
    same(many.std_error, one.std_error / np.sqrt(times), rel=FITTED)
