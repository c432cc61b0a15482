"""Laws of pseudo-observations, adjusted and stratified contrasts, bands and landmarks."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import (
    OUTCOME,
    SOLVED,
    cohorts,
    doubled,
    followed,
    limits,
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
from checkpoint_eval.models import (
    incidence_difference,
    pseudo_observations,
    restricted_mean_curve,
)
from checkpoint_eval.models.bands import bridge_within, hall_wellner_value
from checkpoint_eval.outcomes import TimeToEvent, landmark

if TYPE_CHECKING:
    import pandas as pd

# The engine stops at a gradient of 1e-10, from another start for other people or arms.
REFITTED = 1e-5
MEASURES = ("difference", "ratio", "lost ratio")
KINDS = ("restricted mean", "survival", "cumulative incidence")
measures = st.sampled_from(MEASURES)


def competing(frame: pd.DataFrame, **declared: Any) -> ce.Trial:
    """Some of the fraudsters did not reoffend but died."""
    died = ((frame["kind"] == "fraud") & (frame["arrest"] == 1)).to_numpy()
    outcome = TimeToEvent(
        time=frame["week"],
        event=(frame["arrest"] == 1).to_numpy() & ~died,
        unit="weeks",
        competing=died.astype(int),
        causes=("death",),
    )
    return replace(trial_of(frame, **declared), outcomes={OUTCOME: outcome})


def values(trial: ce.Trial, horizon: float, **how: Any) -> np.ndarray[Any, Any]:
    found = pseudo_observations(trial, outcome=OUTCOME, horizon=horizon, **how)
    return found["value"].to_numpy()


def mean(trial: ce.Trial, horizon: float, **how: Any) -> ce.Estimate:
    return ce.restricted_mean(trial, outcome=OUTCOME, horizon=horizon, **how)


def all_three(frame: pd.DataFrame, horizon: float, **how: Any) -> list[ce.Estimate]:
    """Restricted means, survival and incidence."""
    declared = {"covariates": ["age"]} if "adjust" in how else {}
    trial = trial_of(frame, **declared)
    return [
        mean(trial, horizon, **how),
        ce.survival_difference(trial, outcome=OUTCOME, at=horizon, **how),
        incidence_difference(competing(frame, **declared), outcome=OUTCOME, at=horizon, **how),
    ]


def varied(frame: pd.DataFrame) -> None:
    """Age must be neither constant nor the arm."""
    within = [group["age"].nunique() for _, group in frame.groupby("arm")]
    assume(max(within) > 1)


# --- pseudo-observations ----------------------------------------------------------------------


@given(followed(arms=3, censoring=False), st.sampled_from(KINDS))
def test_without_censoring_they_are_what_was_seen(
    drawn: tuple[pd.DataFrame, float], measure: Any
) -> None:
    """The time within the horizon, or whether it had happened by then."""
    frame, horizon = drawn
    trial = competing(frame, arms=("control", "treatment", "other"))
    event = trial.outcomes[OUTCOME].event
    if measure != "cumulative incidence":
        trial = trial_of(frame, arms=("control", "treatment", "other"))
    week = frame["week"].to_numpy(float)
    try:
        found = values(trial, horizon, measure=measure)
    except ce.ImpossibleDesign:
        assume(False)
    seen = {
        "restricted mean": np.minimum(week, horizon),
        "survival": (week > horizon).astype(float),
        "cumulative incidence": (event & (week <= horizon)).astype(float),
    }[measure]
    same(found, seen, rel=1e-9)


@given(followed(), st.integers(0, 1000))
def test_they_follow_their_people(drawn: tuple[pd.DataFrame, float], seed: int) -> None:
    """In another order the same person has the same number."""
    frame, horizon = drawn
    frame = frame.assign(who=[f"p{i:02}" for i in range(len(frame))])
    one, two = (
        pseudo_observations(trial_of(each, id="who"), outcome=OUTCOME, horizon=horizon)
        for each in (frame, shuffled(frame, seed))
    )
    same(two.set_index("id").loc[one["id"], "value"], one["value"])


@given(followed())
def test_mean_and_survival_are_one_area(drawn: tuple[pd.DataFrame, float]) -> None:
    """A restricted mean is the area under survival, and so for each person."""
    frame, horizon = drawn
    trial = trial_of(frame)
    edges = np.unique([0, *frame.loc[frame["week"] < horizon, "week"], horizon])
    area = np.zeros(len(frame))
    for start, end in pairwise(edges):
        level = values(trial, start, measure="survival") if start else np.ones(len(frame))
        area += level * (end - start)
    same(values(trial, horizon), area, rel=1e-9)


@given(followed())
def test_incidences_and_survival_add_up_to_one(drawn: tuple[pd.DataFrame, float]) -> None:
    """For each person, with the time to whatever comes first."""
    frame, horizon = drawn
    free = values(trial_of(frame), horizon, measure="survival")
    try:
        both = [
            values(competing(frame), horizon, measure="cumulative incidence", cause=cause)
            for cause in (OUTCOME, "death")
        ]
    except ce.ImpossibleDesign:
        assume(False)
    same(free + both[0] + both[1], np.ones(len(frame)), rel=1e-9)


# --- adjusted and stratified ------------------------------------------------------------------


@given(followed(), measures)
def test_adjusted_by_nothing(drawn: tuple[pd.DataFrame, float], measure: Any) -> None:
    """However nothing is written."""
    frame, horizon = drawn
    trial = trial_of(frame)
    plain = mean(trial, horizon, measure=measure)
    for nothing in ((), [], np.array([], dtype=str)):
        same_estimate(mean(trial, horizon, measure=measure, adjust=nothing, strata=nothing), plain)


@given(followed(censoring=False), st.sampled_from(MEASURES[:2]))
def test_balanced_covariates_change_no_estimate(
    drawn: tuple[pd.DataFrame, float], measure: Any
) -> None:
    """Everybody twice, once with each value of x: x is the same in both arms and foretells nothing.

    Then the adjusted estimate and its sandwich are the unadjusted plain means' own.
    """
    frame, horizon = drawn
    frame = doubled(frame).assign(x=np.repeat([0.0, 1.0], len(frame)))
    trial = trial_of(frame, covariates=["x"])
    plain = mean(trial, horizon, measure=measure)
    assume(plain.estimable)
    found = mean(trial, horizon, measure=measure, adjust="x")
    same(limits(found), limits(plain), rel=SOLVED)
    same(found.by_arm, plain.by_arm, rel=SOLVED)


@given(followed(), measures)
def test_adjusted_symmetry_and_sense(drawn: tuple[pd.DataFrame, float], measure: Any) -> None:
    """Arms exchanged: negated or inverted; people shuffled: the same; limits and p agree."""
    frame, horizon = drawn
    varied(frame)
    how: dict[str, Any] = {"measure": measure, "adjust": "age"}
    lost = np.maximum(horizon - frame["week"], 0) * frame["arrest"]
    assume(measure != "lost ratio" or lost.groupby(frame["arm"]).sum().min() > 0)
    found = mean(trial_of(frame, covariates=["age"]), horizon, **how)
    # Below, rounding is told as a variance (an xfail of tests/models); above, the log link runs off
    # to a ratio of 0 or infinity.
    assume(found.estimable and 1e-9 < found.std_error < 3)
    sensible(found)
    wald_dual(found)
    mirrored(found, mean(swapped_trial(frame, covariates=["age"]), horizon, **how), rel=REFITTED)
    other = mean(trial_of(shuffled(frame, 3), covariates=["age"]), horizon, **how)
    same_estimate(found, other, rel=REFITTED)


@given(followed(), st.floats(0.01, 100), st.floats(-50, 50))
def test_adjusted_does_not_mind_units(
    drawn: tuple[pd.DataFrame, float], slope: float, shift: float
) -> None:
    """Age in months from any year is age."""
    frame, horizon = drawn
    varied(frame)
    one = all_three(frame, horizon, adjust="age")[0]
    other = frame.assign(age=slope * frame["age"] + shift)
    two = mean(trial_of(other, covariates=["age"]), horizon, adjust="age")
    same_estimate(one, two, rel=SOLVED)


@given(followed(sites=2), measures)
def test_one_stratum_is_none(drawn: tuple[pd.DataFrame, float], measure: Any) -> None:
    """Strata by a column with one value among the people compared."""
    frame, horizon = drawn
    half = frame[frame["site"] == 0].assign(site=0)
    reach = half.groupby("arm")["week"].max().min()
    frame = frame.assign(in_site=(frame["site"] == 0).astype(int))
    trial = trial_of(frame, analysis_sets={"site 0": "in_site"})
    how: dict[str, Any] = {"measure": measure, "analysis_set": "site 0"}
    plain = mean(trial, min(horizon, reach), **how)
    same_estimate(plain, mean(trial, min(horizon, reach), strata="site", **how))


@given(cohorts(sites=2), st.floats(0.1, 1))
def test_strata_add_up_in_their_shares(frame: pd.DataFrame, share: float) -> None:
    """Each stratum by itself, its share of everyone; variances by its square."""
    horizon = share * float(frame.groupby(["arm", "site"])["week"].max().min())
    whole = all_three(frame.assign(kind="theft"), horizon, strata="site")
    parts = [
        all_three(frame[frame["site"] == site].assign(kind="theft"), horizon) for site in (0, 1)
    ]
    weight = [float((frame["site"] == site).mean()) for site in (0, 1)]
    for i, found in enumerate(whole):
        own = [part[i] for part in parts]
        if all(each.estimable for each in own):
            same(found.value, sum(w * e.value for w, e in zip(weight, own, strict=True)))
            variance = sum((w * e.std_error) ** 2 for w, e in zip(weight, own, strict=True))
            same(found.std_error**2, variance)
        elif not any(each.estimable for each in own):
            assert not found.estimable


@given(cohorts(sites=2), st.floats(0.1, 1), measures)
def test_stratified_symmetry(frame: pd.DataFrame, share: float, measure: Any) -> None:
    """Arms exchanged: negated or inverted."""
    horizon = share * float(frame.groupby(["arm", "site"])["week"].max().min())
    how: dict[str, Any] = {"measure": measure, "strata": "site"}
    found = mean(trial_of(frame), horizon, **how)
    sensible(found)
    wald_dual(found)
    mirrored(found, mean(swapped_trial(frame), horizon, **how))


# --- over time --------------------------------------------------------------------------------


@given(cohorts(), measures, st.sampled_from([0.5, 0.95]))
def test_curve_is_the_verb_at_each_horizon(frame: pd.DataFrame, measure: Any, level: float) -> None:
    """Where the verb can tell; elsewhere there are no limits."""
    trial = trial_of(frame)
    curve = restricted_mean_curve(trial, outcome=OUTCOME, measure=measure, level=level)
    assert curve.time[-1] == frame.groupby("arm")["week"].max().min()
    for i, horizon in enumerate(curve.time):
        one = mean(trial, float(horizon), measure=measure, level=level)
        got = [curve.low[i], curve.value[i], curve.high[i]]
        if one.estimable:
            same(got, limits(one), rel=1e-8)
            same(curve.std_error[i], one.std_error, rel=1e-8)
            same(curve.by_arm[:, i], one.by_arm)
        else:
            assert np.isnan([curve.std_error[i], got[0], got[2]]).all()
    assert (curve.n, curve.missing) == (one.n, one.missing)


@given(cohorts())
def test_means_grow_with_the_horizon(frame: pd.DataFrame) -> None:
    """By no more than the horizon itself, and ever more slowly."""
    curve = restricted_mean_curve(trial_of(frame), outcome=OUTCOME)
    step = np.diff(curve.time, prepend=0)
    slope = np.diff(curve.by_arm, prepend=0) / step
    assert (slope <= 1 + 1e-12).all()
    assert (np.diff(slope) <= 1e-12).all()
    assert (slope >= -1e-12).all()


# --- bands ------------------------------------------------------------------------------------


@given(
    cohorts(most=40),
    st.sampled_from(["plain", "log", "log-log"]),
    st.sampled_from([0.5, 0.9, 0.95, 0.999]),
)
def test_band_holds_the_curve_and_more_than_the_limits(
    frame: pd.DataFrame, interval: Any, level: float
) -> None:
    """Wider than the limits at each time, wherever there are both; there is a band where needed."""
    point, band = (
        ce.survival_curve(
            trial_of(frame), outcome=OUTCOME, interval=interval, level=level, band=kind
        )
        for kind in ("pointwise", "hall-wellner")
    )
    known = np.isfinite(band.low)
    assert (np.isfinite(band.high) == known).all()
    assert (band.low[known] <= band.survival[known]).all()
    assert (band.survival[known] <= band.high[known]).all()
    both = known & np.isfinite(point.low)
    assert (band.low[both] <= point.low[both] + 1e-12).all()
    assert (band.high[both] >= point.high[both] - 1e-12).all()
    inner = both & (point.low > 0) & (point.low < point.survival)
    assert (band.low[inner] < point.low[inner]).all()
    same(band.survival, point.survival)
    same(band.std_error, point.std_error)
    if interval != "log-log":
        open_ended = (band.survival > 0) & ((band.survival < 1).any(axis=1))[:, None]
        drops_inside = np.array(
            [((row > 0) & (row < 1)).any() for row in band.survival]
        )  # else nothing of the spread is known
        assert known[open_ended & drops_inside[:, None]].all()


@given(st.floats(0.001, 1), st.floats(0.001, 1), st.floats(0.05, 0.999), st.floats(0.05, 0.999))
def test_bound_grows_with_the_stretch_and_the_level(
    a: float, b: float, low: float, high: float
) -> None:
    """More of a bridge strays further; and the chance of the bound is the level."""
    assume(abs(a - b) > 1e-6)
    assume(abs(low - high) > 1e-6)
    (a, b), (low, high) = sorted((a, b)), sorted((low, high))
    assert hall_wellner_value(a, level=low) <= hall_wellner_value(b, level=low) + 1e-12
    assert hall_wellner_value(a, level=low) < hall_wellner_value(a, level=high)
    assert bridge_within(hall_wellner_value(b, level=high), b) == pytest.approx(high, abs=1e-10)


@given(st.floats(1e-9, 1e-3))
def test_a_bridge_begins_as_a_motion(end: float) -> None:
    """Within ±c of a Brownian motion up to 1, scaled: c = 2.2414 (Feller 1971, X.5 (e)) √end."""
    assert hall_wellner_value(end, level=0.95) == pytest.approx(
        2.241403 * np.sqrt(end), rel=2 * end + 1e-5
    )


# --- landmarks --------------------------------------------------------------------------------


@given(cohorts(arms=2), st.integers(1, 20))
def test_landmark_is_the_curve_given_that_one_got_there(frame: pd.DataFrame, at: int) -> None:
    """S(at + t) / S(at): whoever is censored by then tells no more."""
    last = frame.groupby("arm")["week"].max().min()
    assume(at / 2 < last)
    trial = trial_of(frame)
    later = landmark(trial, outcome=OUTCOME, at=at / 2)
    name = f"{OUTCOME} after {at / 2:g} weeks"
    before = ce.survival_curve(trial, outcome=OUTCOME)
    after = ce.survival_curve(later, outcome=name, analysis_set=name)
    place = np.searchsorted(before.time, at / 2, side="right") - 1
    start = before.survival[:, place] if place >= 0 else np.ones(2)
    same(before.survival[:, place + 1 :] / start[:, None], after.survival, rel=1e-9)
    same(before.time[place + 1 :] - at / 2, after.time)
    np.testing.assert_array_equal(before.at_risk[:, place + 1 :], after.at_risk)
    np.testing.assert_array_equal(before.events[:, place + 1 :], after.events)


@given(cohorts(arms=2), st.integers(1, 5), st.integers(1, 5))
def test_landmarks_chain(frame: pd.DataFrame, first: int, then: int) -> None:
    """From the first to the second, or at once."""
    assume(first + then < frame.groupby("arm")["week"].max().min())
    trial = trial_of(frame)
    once = f"{OUTCOME} after {first} weeks"
    both = f"{once} after {then} weeks"
    stepped = landmark(landmark(trial, outcome=OUTCOME, at=first), outcome=once, at=then)
    direct = landmark(trial, outcome=OUTCOME, at=first + then)
    name = f"{OUTCOME} after {first + then} weeks"
    one = ce.survival_curve(stepped, outcome=both, analysis_set=both)
    two = ce.survival_curve(direct, outcome=name, analysis_set=name)
    for field in ("time", "at_risk", "events", "survival"):
        np.testing.assert_array_equal(getattr(one, field), getattr(two, field))
