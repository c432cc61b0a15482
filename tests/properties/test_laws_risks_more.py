"""Laws of risks over strata, of a regression in each arm, and of numbers needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import (
    cohorts,
    doubled,
    limits,
    mirrored,
    same,
    same_estimate,
    sensible,
    shuffled,
    swapped_trial,
    tables,
    trial_of,
    wald_dual,
)

import checkpoint_eval as ce
from checkpoint_eval.models import number_needed_to_treat, risk_effects
from checkpoint_eval.models.proportions import TwoProportions
from checkpoint_eval.models.stratified_risks import mantel_haenszel

if TYPE_CHECKING:
    from collections.abc import Callable

MEASURES = ("difference", "ratio", "odds ratio")
VERBS: dict[str, Callable[..., ce.Estimate]] = {
    "difference": ce.risk_difference,
    "ratio": ce.risk_ratio,
    "odds ratio": ce.odds_ratio,
}
measures = pytest.mark.parametrize("measure", MEASURES)
FITTED = 1e-6  # two runs of an iterative fit, and a covariance that loses digits on top
frames = cohorts(sites=3, each=2, most=40)


def found(trial: ce.Trial, measure: str, **how: Any) -> ce.Estimate:
    return VERBS[measure](trial, outcome="any", **({"strata": "site"} | how))


def varied(frame: pd.DataFrame) -> pd.DataFrame:
    """Somebody has the event and somebody not, or the outcome would be refused."""
    assume(frame["any"].nunique() > 1)
    return frame


def strata_of(*several: TwoProportions) -> TwoProportions:
    names = ("control_events", "control_n", "treatment_events", "treatment_n")
    return TwoProportions(
        **{name: np.array([float(getattr(one, name)) for one in several]) for name in names}
    )


@measures
@given(frame=frames)
def test_swapping_arms(measure: str, frame: pd.DataFrame) -> None:
    varied(frame)
    mirrored(found(trial_of(frame), measure), found(swapped_trial(frame), measure))


@measures
@given(frame=frames, seed=st.integers(0, 99))
def test_the_order_of_people_changes_nothing(measure: str, frame: pd.DataFrame, seed: int) -> None:
    varied(frame)
    same_estimate(found(trial_of(frame), measure), found(trial_of(shuffled(frame, seed)), measure))


@measures
@given(frame=frames)
def test_intervals_and_p_values_agree(measure: str, frame: pd.DataFrame) -> None:
    one = found(trial_of(varied(frame)), measure, level=0.9)
    sensible(one)
    wald_dual(one)


@given(frame=frames)
def test_exchanging_events_and_the_rest(frame: pd.DataFrame) -> None:
    """Negates the difference and inverts the odds ratio; variances are the same."""
    varied(frame)
    rest = frame.assign(any=1 - frame["any"])
    for measure, turn in (("difference", lambda x: -x), ("odds ratio", lambda x: 1 / x)):
        for how in ({}, {"interval": "greenland-robins"}):
            if measure != "difference" and how:
                continue
            one, two = found(trial_of(frame), measure, **how), found(trial_of(rest), measure, **how)
            same(limits(two), [turn(each) for each in (one.high, one.value, one.low)])
            same(two.std_error, one.std_error)


@measures
@given(frame=frames)
def test_everyone_again_halves_the_variance(measure: str, frame: pd.DataFrame) -> None:
    """Each stratum twice as large: the same estimate. Greenland and Robins' variance is halved."""
    varied(frame)
    one, two = (found(trial_of(each), measure) for each in (frame, doubled(frame)))
    same([two.value, *two.by_arm], [one.value, *one.by_arm])
    if measure == "difference":
        how = {"interval": "greenland-robins"}
        one, two = (found(trial_of(each), measure, **how) for each in (frame, doubled(frame)))
        same(two.std_error * np.sqrt(2), one.std_error)


@measures
@given(frame=frames)
def test_more_strata_alike_halve_the_variance(measure: str, frame: pd.DataFrame) -> None:
    """Twice as many strata of the same people: every variance here is a sum over strata."""
    varied(frame)
    more = pd.concat([frame, frame.assign(site=frame["site"] + 3)], ignore_index=True)
    one, two = (found(trial_of(each), measure) for each in (frame, more))
    same(two.value, one.value)
    same(two.std_error * np.sqrt(2), one.std_error)


@measures
@given(frame=cohorts(arms=2, each=2, most=24))
def test_one_stratum_is_none(measure: str, frame: pd.DataFrame) -> None:
    """Where nobody is elsewhere but one in control: Mantel–Haenszel is the plain Wald interval."""
    varied(frame)
    elsewhere = frame.iloc[[0]].assign(arm="control", site=1, any=0)
    apart = pd.concat([frame.assign(site=0), elsewhere], ignore_index=True)
    one = found(trial_of(apart), measure)
    plain = VERBS[measure](trial_of(frame.assign(site=0)), outcome="any", interval="wald")
    assume(one.estimable and plain.std_error > 0)
    same(limits(one), limits(plain))
    same(one.std_error, plain.std_error)
    assert "1 of 2 strata hold one arm only" in one.method


@given(several=st.lists(tables(most=25), min_size=1, max_size=6))
def test_a_common_difference_lies_between_those_of_the_strata(
    several: list[TwoProportions],
) -> None:
    """And so does the ratio, where every stratum has one; Sato's variance is never below 0."""
    strata = strata_of(*several)
    own = strata.treatment - strata.control
    difference = mantel_haenszel(strata, "difference")
    assert own.min() - 1e-12 <= difference.value <= own.max() + 1e-12
    assert difference.variance >= -1e-12
    same(difference.risk[1] - difference.risk[0], difference.value)
    if (strata.control_events > 0).all() and (strata.treatment_events > 0).all():
        each = np.log(strata.treatment / strata.control)
        ratio = mantel_haenszel(strata, "ratio")
        assert each.min() - 1e-12 <= ratio.value <= each.max() + 1e-12
        same(ratio.risk[1] / ratio.risk[0], np.exp(ratio.value))


@measures
@given(frame=cohorts(sites=1, each=6, most=40))
def test_a_regression_in_each_arm_swaps(measure: str, frame: pd.DataFrame) -> None:
    varied(frame)
    how: dict[str, Any] = {"adjust": ["age"], "interactions": True, "strata": ()}
    declared = {"covariates": ["age"]}
    assume(frame["age"].nunique() > 2)
    one = found(trial_of(frame, **declared), measure, **how)
    two = found(swapped_trial(frame, **declared), measure, **how)
    mirrored(one, two, rel=FITTED)
    sensible(one)


@given(frame=cohorts(sites=1, each=6, most=40))
def test_a_yes_no_covariate_with_a_model_in_each_arm_is_a_stratum(frame: pd.DataFrame) -> None:
    """Saturated: risks within cells, weighted by the shares of all the people."""
    frame = varied(frame).assign(old=(frame["age"] > 30).astype(int))
    cells = frame.groupby(["arm", "old"])["any"].agg(["mean", "size"])
    assume(len(cells) == 4)
    assume(((cells["mean"] > 0) & (cells["mean"] < 1)).all())
    share = frame["old"].mean()
    want = [
        (1 - share) * cells["mean"][arm, 0] + share * cells["mean"][arm, 1]
        for arm in ("control", "treatment")
    ]
    trial = trial_of(frame, covariates=["old"])
    got = ce.risk_difference(trial, outcome="any", adjust="old", interactions=True)
    same(got.by_arm, want, rel=FITTED)


# --- numbers needed ----------------------------------------------------------------------------


@given(frame=frames)
def test_swapping_arms_swaps_fewer_and_more(frame: pd.DataFrame) -> None:
    varied(frame)
    one = number_needed_to_treat(trial_of(frame), outcome="any")
    two = number_needed_to_treat(swapped_trial(frame), outcome="any")
    same(two.value, one.value)
    same([*two.fewer, *two.more], [*one.more, *one.fewer], rel=1e-8)
    turned = {"fewer": "more", "more": "fewer", "": ""}
    assert two.direction == turned[one.direction]


@given(frame=frames)
def test_the_interval_of_a_number_is_that_of_its_difference(frame: pd.DataFrame) -> None:
    """Every number in a piece is a difference in the interval, and no others are."""
    needed = number_needed_to_treat(trial_of(varied(frame)), outcome="any")
    low, high = needed.difference.low, needed.difference.high
    for number in (1.0, 1.5, 3.0, 10.0, 1e3, 1e6):
        for sign, piece in ((-1, needed.fewer), (1, needed.more)):
            inside = piece[0] <= number <= piece[1]  # NaN holds nothing
            gap = min(abs(sign / number - low), abs(sign / number - high))
            assert gap < 1e-9 or inside == (low <= sign / number <= high)
    piece = needed.fewer if needed.direction == "fewer" else needed.more
    assert not needed.direction or piece[0] <= needed.value * (1 + 1e-9)
    assert ("through infinity" in needed.interval) == (low < -1e-12 and high > 1e-12)


@given(frame=frames)
def test_score_intervals_together_agree_about_no_effect(frame: pd.DataFrame) -> None:
    """Absolute and relative: all three hold no effect, or none does."""
    effects = risk_effects(
        trial_of(varied(frame)), outcome="any", interval="miettinen-nurminen", level=0.8
    )
    held = {
        each.low <= each.null <= each.high
        for each in effects.estimates
        if each.estimable and min(abs(each.low - each.null), abs(each.high - each.null)) > 1e-6
    }
    assert len(held) <= 1
