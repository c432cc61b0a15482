"""Pseudo-observations, adjusted and stratified contrasts, bands and landmarks, the slow way."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import slow_competing
import slow_curves_more as slow
from slow_data import people, survival_frame
from slow_survival import by_arm, kaplan_meier

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

NAME = "rearrest"
SEEDS = range(4)
EXACT = 1e-10  # the same sums in another order, against exact fractions
# n copies of a number less n - 1 copies of nearly the same one: some 50 of them
LEFT_OUT = 1e-10
FITTED = 1e-7  # statsmodels stops at a gradient of 1e-10, the reference at a step of 1e-13
CAUSES = ("restricted mean", "survival", "cumulative incidence")


def read(frame: pd.DataFrame) -> ce.Trial:
    """Two arms: control 0, treatment 1."""
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        covariates=["age", "prior"],
        factors=["site"] if frame["site"].nunique() > 1 else [],
        times={NAME: ("week", "arrest", "weeks")},
    )


def kinds(frame: pd.DataFrame, seed: int) -> list[int]:
    """0 censored, 1 arrested; every third arrest is a death instead, and some censorings are."""
    draw = np.random.default_rng(500 + seed).integers(0, 3, len(frame))
    return np.where(draw == 0, 2 * (frame["week"] < 12), frame["arrest"]).astype(int).tolist()


def competing(frame: pd.DataFrame, seed: int) -> ce.Trial:
    kind = np.array(kinds(frame, seed))
    outcome = TimeToEvent(
        time=frame["week"],
        event=kind == 1,
        unit="weeks",
        competing=np.maximum(kind - 1, 0),
        causes=("death",),
    )
    return replace(read(frame), outcomes={NAME: outcome})


def competitors(frame: pd.DataFrame, seed: int) -> list[slow_competing.Person]:
    columns = (frame["week"], kinds(frame, seed), frame["arm"], frame["site"])
    return [
        slow_competing.Person(float(w), int(k), int(a), s)
        for w, k, a, s in zip(*columns, strict=True)
    ]


def within_reach(frame: pd.DataFrame, *, strata: bool) -> list[float]:
    """Horizons that every arm, of every site if asked, is followed to."""
    cells = frame.groupby(["arm", "site"] if strata else ["arm"])["week"].max()
    last = float(cells.min())
    return [last, max(last - 1.5, 0.5), last / 3]


def slowly(seed: int, frame: pd.DataFrame, measure: str, horizon: float, cause: int = 1) -> Any:
    """Return the people of the references and what to ask of some of them."""
    if measure == "cumulative incidence":
        of = slow.incidence_of(cause)
        return competitors(frame, seed), lambda some: of(some, horizon)
    return people(frame, "site"), lambda some: slow.MEASURES[measure](some, horizon)


def pseudo(seed: int, frame: pd.DataFrame, measure: str, horizon: float) -> list[float]:
    """In the order of the frame, each within their own arm."""
    who, of = slowly(seed, frame, measure, horizon)
    found = {}
    for arm in sorted({p.arm for p in who}):
        own = [i for i, p in enumerate(who) if p.arm == arm]
        values = slow.left_out([who[i] for i in own], lambda some: of(some)[0])
        found |= dict(zip(own, values, strict=True))
    return [found[i] for i in range(len(who))]


def asked(trial: ce.Trial, of: str, horizon: float, **how: Any) -> ce.Estimate:
    if of == "restricted mean":
        return ce.restricted_mean(trial, outcome=NAME, horizon=horizon, **how)
    if of == "survival":
        return ce.survival_difference(trial, outcome=NAME, at=horizon, **how)
    return incidence_difference(trial, outcome=NAME, at=horizon, **how)


@pytest.mark.parametrize("measure", CAUSES)
@pytest.mark.parametrize("seed", SEEDS)
def test_pseudo_observations(seed: int, measure: Any) -> None:
    """Everyone left out in turn, within arms; at the end of follow-up as well."""
    frame = survival_frame(seed)
    trial = competing(frame, seed) if measure == "cumulative incidence" else read(frame)
    for horizon in within_reach(frame, strata=False):
        found = pseudo_observations(trial, outcome=NAME, horizon=horizon, measure=measure)
        want = pseudo(seed, frame, measure, horizon)
        assert found["value"].tolist() == pytest.approx(want, rel=LEFT_OUT, abs=1e-11)
        assert found["id"].tolist() == trial.ids.tolist()
        assert (found["arm"] == np.array(["control", "treatment"])[frame["arm"]]).all()


@pytest.mark.parametrize("cause", [1, 2])
@pytest.mark.parametrize("seed", SEEDS)
def test_pseudo_observations_of_a_cause(seed: int, cause: int) -> None:
    """Death is the other cause; the event is meant when none is named."""
    frame = survival_frame(seed)
    horizon = within_reach(frame, strata=False)[1]
    found = pseudo_observations(
        competing(frame, seed),
        outcome=NAME,
        horizon=horizon,
        measure="cumulative incidence",
        cause="death" if cause == 2 else NAME,
    )
    who, of = slowly(seed, frame, "cumulative incidence", horizon, cause)
    for arm, name in enumerate(("control", "treatment")):
        want = slow.left_out(by_arm(who, arm), lambda some: of(some)[0])
        own = found.loc[found["arm"] == name, "value"]
        assert own.tolist() == pytest.approx(want, rel=LEFT_OUT, abs=1e-11)


@pytest.mark.parametrize("measure", CAUSES)
@pytest.mark.parametrize("seed", SEEDS)
def test_over_strata(seed: int, measure: str) -> None:
    """Person by person, site by site."""
    frame = survival_frame(seed)
    trial = competing(frame, seed) if measure == "cumulative incidence" else read(frame)
    for horizon in within_reach(frame, strata=True):
        who, of = slowly(seed, frame, measure, horizon)
        value, variance = slow.over_strata(who, 2, of)
        found = asked(trial, measure, horizon, strata="site")
        assert found.estimable == (sum(variance) > 0)
        if found.estimable:
            assert found.by_arm == pytest.approx(value, rel=EXACT, abs=EXACT)
            assert found.value == pytest.approx(value[1] - value[0], rel=EXACT, abs=EXACT)
            assert found.std_error == pytest.approx(math.sqrt(sum(variance)), rel=EXACT)


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_ratio_over_strata(seed: int, lost: bool) -> None:
    """Ratio of the standardised means, by the delta method."""
    frame = survival_frame(seed)
    horizon = within_reach(frame, strata=True)[0]
    who, of = slowly(seed, frame, "restricted mean", horizon)
    value, variance = slow.over_strata(who, 2, of)
    mean = [horizon - v for v in value] if lost else value
    measure: Any = "lost ratio" if lost else "ratio"
    found = asked(read(frame), "restricted mean", horizon, strata="site", measure=measure)
    error = math.sqrt(sum(v / m**2 for v, m in zip(variance, mean, strict=True)))
    assert found.value == pytest.approx(mean[1] / mean[0], rel=EXACT)
    assert found.std_error == pytest.approx(error, rel=EXACT)
    assert found.low == pytest.approx(found.value * math.exp(-1.959963984540054 * error), rel=EXACT)


def columns(frame: pd.DataFrame, *, strata: bool) -> list[list[float]]:
    """One, arm, age, prior, and the second and third site."""
    sites = sorted(set(frame["site"]))[1:] if strata else []
    return [
        [1, arm, (age - 30) / 10, prior, *(float(site == each) for each in sites)]
        for arm, age, prior, site in frame[["arm", "age", "prior", "site"]].itertuples(index=False)
    ]


@pytest.mark.parametrize("strata", [False, True])
@pytest.mark.parametrize("contrast", ["difference", "ratio", "lost ratio"])
@pytest.mark.parametrize("seed", range(4))
def test_adjusted_restricted_mean(seed: int, contrast: Any, strata: bool) -> None:
    """Left out one by one, then regressed person by person; predictions for everyone."""
    frame = survival_frame(seed)
    horizon = within_reach(frame, strata=False)[0]
    value = pseudo(seed, frame, "restricted mean", horizon)
    value = [horizon - v for v in value] if contrast == "lost ratio" else value
    log = contrast != "difference"
    rows = columns(frame, strata=strata)
    coef, covariance = slow.regression(value, rows, log=log)
    found = asked(
        read(frame),
        "restricted mean",
        horizon,
        adjust=["age", "prior"],
        strata=["site"] if strata else [],
        measure=contrast,
    )
    assert (math.log(found.value) if log else found.value) == pytest.approx(coef[1], rel=FITTED)
    assert found.std_error == pytest.approx(math.sqrt(covariance[1, 1]), rel=FITTED)
    for arm in (0, 1):
        linear = [np.array([row[0], arm, *row[2:]]) @ coef for row in rows]
        mean = np.mean(np.exp(linear) if log else linear)
        assert found.by_arm[arm] == pytest.approx(mean, rel=FITTED)


@pytest.mark.parametrize("measure", ["survival", "cumulative incidence"])
@pytest.mark.parametrize("seed", range(4))
def test_adjusted_shares(seed: int, measure: str) -> None:
    """Survival and incidence, by the identity link."""
    frame = survival_frame(seed)
    trial = competing(frame, seed) if measure == "cumulative incidence" else read(frame)
    horizon = within_reach(frame, strata=False)[1]
    value = pseudo(seed, frame, measure, horizon)
    coef, covariance = slow.regression(value, columns(frame, strata=False), log=False)
    found = asked(trial, measure, horizon, adjust=["age", "prior"])
    assert found.value == pytest.approx(coef[1], rel=FITTED)
    assert found.std_error == pytest.approx(math.sqrt(covariance[1, 1]), rel=FITTED)


@pytest.mark.parametrize("measure", ["difference", "ratio", "lost ratio"])
@pytest.mark.parametrize("seed", SEEDS)
def test_restricted_mean_curve(seed: int, measure: Any) -> None:
    """Both arms by exact fractions at every time; NaN where there is no variance."""
    frame = survival_frame(seed)
    curve = restricted_mean_curve(read(frame), outcome=NAME, measure=measure)
    who = people(frame)
    ends = [max(p.time for p in by_arm(who, arm)) for arm in (0, 1)]
    grid = sorted({p.time for p in who if p.time <= min(ends)})
    assert curve.time.tolist() == grid
    for i, horizon in enumerate(grid):
        both = [slow.restricted_mean(by_arm(who, arm), horizon) for arm in (0, 1)]
        mean = [float(horizon - m if measure == "lost ratio" else m) for m, _ in both]
        variance = [float(v) for _, v in both]
        assert curve.by_arm[:, i] == pytest.approx(mean, rel=EXACT, abs=1e-12)
        if not sum(variance) or (measure == "lost ratio" and 0 in [horizon - m for m, _ in both]):
            assert np.isnan([curve.std_error[i], curve.low[i], curve.high[i]]).all()
            continue
        log = measure != "difference"
        error = math.sqrt(
            sum(v / (m**2 if log else 1) for v, m in zip(variance, mean, strict=True))
        )
        value = math.log(mean[1] / mean[0]) if log else mean[1] - mean[0]
        ends_of = [value + sign * 1.959963984540054 * error for sign in (-1, 1)]
        if log:
            value, *ends_of = (math.exp(v) for v in (value, *ends_of))
        got = [curve.value[i], curve.low[i], curve.high[i]]
        assert got == pytest.approx([value, *ends_of], rel=1e-9, abs=1e-10)
        assert curve.std_error[i] == pytest.approx(error, rel=1e-9)


# --- bands ------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.5, 0.95])
@pytest.mark.parametrize("end", [0.02, 0.3, 0.7, 0.97, 1.0])
def test_bound_of_simulated_bridges(end: float, level: float) -> None:
    """Within five standard errors of 40,000 paths, a few thousandths: 1 % off the bound fails."""
    rng = np.random.default_rng(11)
    for bound, chance in (
        (hall_wellner_value(end, level=level), level),
        (0.8 * math.sqrt(end), bridge_within(0.8 * math.sqrt(end), end)),
    ):
        stays = slow.bridge_stays(bound, end, rng, paths=40_000)
        error = float(stays.std()) / math.sqrt(stays.size)
        assert error < 0.0025
        assert abs(float(stays.mean()) - chance) < 5 * error


@pytest.mark.parametrize("interval", ["plain", "log", "log-log"])
@pytest.mark.parametrize("seed", SEEDS)
def test_band(seed: int, interval: Any) -> None:
    """Each arm about its own curve, as far as it is watched."""
    frame = survival_frame(seed)
    curve = ce.survival_curve(
        read(frame), outcome=NAME, interval=interval, band="hall-wellner", level=0.9
    )
    for arm in (0, 1):
        own = by_arm(people(frame), arm)
        value = hall_wellner_value(slow.reach(own), level=0.9)
        time, low, high = np.array(slow.band(own, value, interval)).T
        at = np.searchsorted(curve.time, time)
        np.testing.assert_allclose(curve.low[arm, at], low, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(curve.high[arm, at], high, rtol=1e-9, atol=1e-12)


# --- landmarks --------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [1, 2.5, 4])
@pytest.mark.parametrize("seed", SEEDS)
def test_landmark(seed: int, at: float) -> None:
    """Those still followed and free after the time: whoever ended at it is not among them."""
    frame = survival_frame(seed)
    later = landmark(read(frame), outcome=NAME, at=at)
    name = f"{NAME} after {at:g} weeks"
    curve = ce.survival_curve(later, outcome=name, analysis_set=name)
    who = [p._replace(time=p.time - at) for p in people(frame) if p.time > at]
    assert (later.arm_in(name) >= 0).tolist() == [p.time > at for p in people(frame)]
    assert curve.time.tolist() == sorted({p.time for p in who})
    for arm in (0, 1):
        steps = kaplan_meier(by_arm(who, arm), curve.time.tolist())
        assert curve.at_risk[arm].tolist() == [step.at_risk for step in steps]
        assert curve.events[arm].tolist() == [step.events for step in steps]
        survival = [float(step.survival) for step in steps]
        assert curve.survival[arm] == pytest.approx(survival, rel=EXACT)


@pytest.mark.parametrize("seed", SEEDS)
def test_landmark_keeps_the_causes(seed: int) -> None:
    """Deaths before it are gone, those after it compete."""
    frame = survival_frame(seed)
    later = landmark(competing(frame, seed), outcome=NAME, at=2)
    name = f"{NAME} after 2 weeks"
    who = [p._replace(time=p.time - 2) for p in competitors(frame, seed) if p.time > 2]
    found = incidence_difference(later, outcome=name, at=5, cause="death", analysis_set=name)
    for arm in (0, 1):
        want = slow.incidence(slow_competing.members(who, arm), 2, 5)
        assert found.by_arm[arm] == pytest.approx(float(want), rel=EXACT)
