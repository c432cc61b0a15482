"""Laws of baseline comparisons: coding, order and the randomisation itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import (
    ARMS,
    codes_of,
    cohorts,
    doubled,
    same,
    shuffled,
    swapped_trial,
    trial_of,
    whole_support,
)

import checkpoint_eval as ce

if TYPE_CHECKING:
    import pandas as pd

NUMBERS = ("age", "prio")


@st.composite
def _mixed(draw: st.DrawFn, **how: Any) -> pd.DataFrame:
    """Covariates that vary: constant ones are refused."""
    frame = draw(cohorts(**how))
    assume((frame[[*NUMBERS, "kind"]].nunique() > 1).all())
    return frame


mixed = _mixed()


def differences(trial: ce.Trial) -> pd.DataFrame:
    return ce.standardised_differences(trial).to_frame().set_index(["covariate", "level"])


def omnibus(frame: pd.DataFrame, *, names: tuple[str, ...] = NUMBERS, **declared: Any) -> Any:
    return ce.omnibus_balance(trial_of(frame, covariates=names, **declared))


def same_test(one: ce.SignificanceTest, two: ce.SignificanceTest) -> None:
    # A pseudo-inverse of centred sums: rounding of a solve with condition below about 1e4.
    same([two.statistic, two.p_value], [one.statistic, one.p_value], rel=1e-8)
    assert one.df == two.df


# --- standardised differences ------------------------------------------------------------------


@given(mixed)
def test_swapping_arms_negates_differences(frame: pd.DataFrame) -> None:
    """The overall distance of a category has no sign; variance ratios are inverted."""
    names = [*NUMBERS, "kind"]
    one = differences(trial_of(frame, covariates=names))
    two = differences(swapped_trial(frame, covariates=names)).loc[one.index]
    overall = one.index.get_level_values("level") == "(overall)"
    same(two["difference"], np.where(overall, 1, -1) * one["difference"])
    same(two["mean_control"], one["mean_treatment"])
    both = (one["variance_ratio"] > 0) & np.isfinite(one["variance_ratio"])
    same(two["variance_ratio"][both], 1 / one["variance_ratio"][both])


@given(mixed, st.sampled_from([-3, 0.25, 100]), st.integers(-50, 50))
def test_affine_change_moves_the_sign_only(frame: pd.DataFrame, slope: float, shift: int) -> None:
    one = differences(trial_of(frame, covariates=NUMBERS))
    moved = frame.assign(age=slope * frame["age"] + shift)
    two = differences(trial_of(moved, covariates=NUMBERS))
    turn = np.array([np.sign(slope), 1])
    same(two["difference"], turn * one["difference"])
    same(two["variance_ratio"], one["variance_ratio"])


@given(mixed, st.integers(0, 1000))
def test_order_of_people_and_names_of_levels_are_nothing(frame: pd.DataFrame, seed: int) -> None:
    names = {"theft": "zzz", "fraud": "aaa", "harm": "mmm"}
    columns = [*NUMBERS, "kind"]
    one = differences(trial_of(frame, covariates=columns))
    other = shuffled(frame, seed)
    other = other.assign(kind=other["kind"].map(names))
    two = differences(trial_of(other, covariates=columns))
    renamed = [(column, names.get(level, level)) for column, level in one.index]
    for column in ("difference", "mean_control", "mean_treatment"):
        same(two.loc[renamed, column], one[column])


@given(mixed)
def test_equal_arms_doubled_grow_by_the_divisor(frame: pd.DataFrame) -> None:
    """With m people an arm, s^2 is multiplied by (2 m - 2) / (2 m - 1); means stay."""
    arm = np.resize(ARMS[:2], 2 * (len(frame) // 2))
    frame = frame.iloc[: arm.size].assign(arm=arm)
    assume((frame[list(NUMBERS)].nunique() > 1).all())
    m = arm.size // 2
    one, two = (differences(trial_of(f, covariates=NUMBERS)) for f in (frame, doubled(frame)))
    same(two["difference"], one["difference"] * np.sqrt((2 * m - 1) / (2 * m - 2)))
    same(two["variance_ratio"], one["variance_ratio"])


@given(mixed)
def test_overall_distance_is_no_nearer_than_any_level(frame: pd.DataFrame) -> None:
    """A Mahalanobis distance is at least each coordinate's; shares of a category add to 1."""
    table = differences(trial_of(frame, covariates=["kind"])).loc["kind"]
    levels = table.drop("(overall)")
    assert table.loc["(overall)", "difference"] >= levels["difference"].abs().max() - 1e-9
    same(levels["mean_control"].sum(), 1)
    same(levels["mean_treatment"].sum(), 1)


@given(mixed, st.lists(st.booleans(), min_size=24, max_size=24))
def test_missing_values_are_counted_and_left_out(frame: pd.DataFrame, lost: list[bool]) -> None:
    gone = np.array(lost)[: len(frame)]
    kept = frame[~gone]
    assume(kept["arm"].nunique() == 2)
    assume((kept.groupby("arm").size() > 1).all())
    assume(kept["age"].nunique() > 1)
    holed = frame.assign(age=frame["age"].astype(float).mask(gone))
    one = differences(trial_of(holed, covariates=["age"])).iloc[0]
    two = differences(trial_of(kept, covariates=["age"])).iloc[0]
    same(one["difference"], two["difference"])
    assert one["missing_control"] == gone[frame["arm"] == "control"].sum()
    assert one["missing_treatment"] == gone[frame["arm"] == "treatment"].sum()


# --- omnibus -----------------------------------------------------------------------------------


@given(mixed, st.permutations([-2, -1, 1, 2]), st.integers(0, 1000))
def test_omnibus_reads_no_coding_and_no_order(
    frame: pd.DataFrame, corners: list[int], seed: int
) -> None:
    """Any invertible linear recoding of the covariates, arms swapped, people in any order."""
    a, b, c, _ = corners
    one = omnibus(frame)
    recoded = frame.assign(
        age=a * frame["age"] + b * frame["prio"] + 11, prio=c * frame["prio"] - 4
    )
    # A recoding may be constant where two covariates were collinear: refused, not wrong.
    assume((recoded[list(NUMBERS)].nunique() > 1).all())
    same_test(one, omnibus(recoded))
    same_test(one, omnibus(shuffled(frame, seed)))
    same_test(one, omnibus(frame, control="treatment"))
    assert 0 <= one.p_value <= 1
    assert one.df == np.linalg.matrix_rank(frame[list(NUMBERS)] - frame[list(NUMBERS)].mean())


@given(_mixed(sites=2, each=2), st.integers(-99, 99))
def test_omnibus_within_strata_reads_no_stratum_means(frame: pd.DataFrame, shift: int) -> None:
    """Adding a constant to everyone of a stratum says nothing about the arms within it."""
    moved = frame.assign(age=frame["age"] + shift * frame["site"])
    assume(moved["age"].nunique() > 1)
    same_test(omnibus(frame, strata=["site"]), omnibus(moved, strata=["site"]))


@given(mixed)
def test_omnibus_of_one_stratum_is_plain(frame: pd.DataFrame) -> None:
    same_test(omnibus(frame), omnibus(frame, strata=["site"]))


@given(mixed)
def test_omnibus_is_n_minus_1_times_r_squared(frame: pd.DataFrame) -> None:
    """Of arm on the covariates: complete randomisation's moments are those of a regression."""
    x = frame[list(NUMBERS)].to_numpy(float)
    x, arm = x - x.mean(axis=0), codes_of(frame) - codes_of(frame).mean()
    fit = x @ np.linalg.lstsq(x, arm, rcond=None)[0]
    same(omnibus(frame).statistic, (len(frame) - 1) * (fit @ fit) / (arm @ arm), rel=1e-8)


@pytest.mark.parametrize(("sites", "most"), [(1, 6), (2, 8)])
@given(data=st.data())
def test_omnibus_averages_its_degrees_of_freedom(sites: int, most: int, data: Any) -> None:
    """
    Over every allocation the randomisation could have made the mean is df exactly: the mean of
    d' V^+ d is the trace of V^+ V. Two covariates and at least as many free people.
    """
    frame = data.draw(_mixed(sites=sites, most=most, each=1 if sites == 1 else 2))
    support = whole_support(frame)
    found = [
        omnibus(
            frame.assign(arm=np.array(ARMS)[arm]), **({"strata": ["site"]} if sites > 1 else {})
        )
        for arm in support
    ]
    assume(found[0].df > 0)  # a covariate that only varies between strata compares nothing
    assert len({test.df for test in found}) == 1
    same(np.mean([test.statistic for test in found]), found[0].df, rel=1e-8)


# --- sample ratio ------------------------------------------------------------------------------


@given(cohorts(), st.tuples(st.integers(1, 5), st.integers(1, 5)), st.sampled_from([0.1, 7]))
def test_sample_ratio_is_symmetric(
    frame: pd.DataFrame, ratio: tuple[int, int], scale: float
) -> None:
    """Swapping arms and promise negates the surplus; only proportions of the promise matter."""
    one = ce.sample_ratio_test(trial_of(frame), ratio=ratio)
    two = ce.sample_ratio_test(swapped_trial(frame), ratio=ratio[::-1])
    three = ce.sample_ratio_test(trial_of(frame), ratio=[scale * part for part in ratio])
    same([two.statistic, two.p_value], [-one.statistic, one.p_value])
    same([three.statistic, three.p_value], [one.statistic, one.p_value])
    assert 0 < one.p_value <= 1 + 1e-12
    assert one.n == trial_of(frame).assignment.counts


@given(cohorts())
def test_sample_ratio_equal_arms_are_never_suspect(frame: pd.DataFrame) -> None:
    arm = np.resize(ARMS[:2], 2 * (len(frame) // 2))
    even = ce.sample_ratio_test(trial_of(frame.iloc[: arm.size].assign(arm=arm)))
    same([even.statistic, even.p_value], [0, 1])


@given(cohorts(arms=3, each=3), st.permutations([1, 2, 3]))
def test_sample_ratio_of_three_arms_reads_no_names(frame: pd.DataFrame, ratio: list[int]) -> None:
    one = ce.sample_ratio_test(trial_of(frame, arms=ARMS), ratio=ratio)
    turned = ARMS[1:] + ARMS[:1]
    two = ce.sample_ratio_test(
        trial_of(frame, arms=turned, control=turned[0]), ratio=ratio[1:] + ratio[:1]
    )
    same([two.statistic, two.p_value], [one.statistic, one.p_value])
    assert one.df == 2
    same(one.p_value, np.exp(-one.statistic / 2))
