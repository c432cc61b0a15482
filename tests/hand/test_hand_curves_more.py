"""Pseudo-observations, adjusted and stratified contrasts, bands and landmarks, by hand."""

from __future__ import annotations

from dataclasses import replace
from math import log, sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import (
    incidence_difference,
    pseudo_observations,
    restricted_mean_curve,
)
from checkpoint_eval.models.bands import hall_wellner_value
from checkpoint_eval.outcomes import TimeToEvent, landmark

EXACT = 1e-12
Z = 1.959963984540054
# Control: 1, 2+, 3, 4+.     S = 3/4 from 1, 3/8 from 3.
# Treatment: 2, 3+, 4+, 4+.  S = 3/4 from 2.
EIGHT = {
    "arm": [0, 0, 0, 0, 1, 1, 1, 1],
    "week": [1.0, 2, 3, 4, 2, 3, 4, 4],
    "ev": [1, 0, 1, 0, 1, 0, 0, 0],
    "young": [0, 1, 0, 1, 0, 1, 0, 1],
}
# North, share 4/10: control 1, 3+; treatment 2, 3+.
# South, share 6/10: control 2, 3+, 3+, 3+; treatment 1, 3+.
TEN = {
    "site": list("nnnnssssss"),
    "arm": [0, 0, 1, 1, 0, 0, 0, 0, 1, 1],
    "week": [1.0, 3, 2, 3, 2, 3, 3, 3, 1, 3],
    "ev": [1, 0, 1, 0, 1, 0, 0, 0, 1, 0],
}


def read(table: dict[str, list[Any]], **columns: Any) -> ce.Trial:
    """Weeks to the event."""
    return ce.Trial.from_frame(
        pd.DataFrame(table), arm="arm", control=0, times={"re": ("week", "ev", "weeks")}, **columns
    )


def values(trial: ce.Trial, **how: Any) -> list[float]:
    """In the order of the people."""
    return pseudo_observations(trial, outcome="re", **how)["value"].tolist()


def test_pseudo_restricted_means() -> None:
    """
    Control: 1 + 2·3/4 + 3/8 = 23/8, times 4: 11.5. Without 1: 3 + 1/2 = 7/2, so 11.5 − 10.5 = 1;
    without 2+: 1 + 2·2/3 + 1/3 = 8/3, so 3.5; without 3: 1 + 3·2/3 = 3, so 2.5; without 4+:
    1 + 2·2/3 + 0 = 7/3, so 4.5. Treatment: 2 + 2·3/4 = 7/2, times 4: 14. Without 2: 4, so 2;
    without 3+ or a 4+: 2 + 2·2/3 = 10/3, so 4.
    """
    want = [1, 3.5, 2.5, 4.5, 2, 4, 4, 4]
    assert values(read(EIGHT), horizon=4) == pytest.approx(want, rel=EXACT)


def test_pseudo_survival() -> None:
    """
    At 3, control: 4·3/8 = 3/2, less 3 times 1/2, 1/3, 2/3 and 0: outside 0 to 1, as they may be.
    Treatment: 4·3/4 = 3 less 3 times 1, 2/3, 2/3, 2/3.
    """
    want = [0, 0.5, -0.5, 1.5, 0, 1, 1, 1]
    assert values(read(EIGHT), horizon=3, measure="survival") == pytest.approx(want, abs=EXACT)


def dying() -> ce.Trial:
    """The eight, but control's 2+ died, and treatment's 3+."""
    outcome = TimeToEvent(
        time=EIGHT["week"],
        event=np.array(EIGHT["ev"], bool),
        unit="weeks",
        competing=[0, 1, 0, 0, 0, 1, 0, 0],
        causes=("death",),
    )
    return replace(read(EIGHT), outcomes={"re": outcome})


def test_pseudo_incidence() -> None:
    """
    Nobody is censored before 4, so by 3.5 everyone's is whether it happened: control's 1 and 3
    and treatment's 2 reoffended, one in each arm died.
    """
    how: dict[str, Any] = {"horizon": 3.5, "measure": "cumulative incidence"}
    assert values(dying(), **how) == pytest.approx([1, 0, 1, 0, 1, 0, 0, 0], abs=EXACT)
    deaths = values(dying(), cause="death", **how)
    assert deaths == pytest.approx([0, 1, 0, 0, 0, 1, 0, 0], abs=EXACT)


def test_pseudo_incidence_with_censoring() -> None:
    """
    Control's 1 event, 2+, 3 death, 4 event. F(3.5) = 1/4, times 4: 1. Without 1: 0, so 1; without
    2+, 3 or 4: 1/3, so 0. F(4) = 1/4 + 3/4·1/2·1 = 5/8, times 4: 5/2. Without 1: 1/2, so 1;
    without 2+: 1/3 + 1/3 = 2/3, so 1/2; without 3: 1/3 + 2/3 = 1, so −1/2; without 4: 1/3, so 3/2.
    """
    one = {"arm": [0] * 4 + [1], "week": [1.0, 2, 3, 4, 5], "ev": [1, 0, 0, 1, 0]}
    outcome = TimeToEvent(
        time=one["week"],
        event=np.array(one["ev"], bool),
        unit="weeks",
        competing=[0, 0, 1, 0, 0],
        causes=("death",),
    )
    trial = replace(read(one), outcomes={"re": outcome})
    how: dict[str, Any] = {"measure": "cumulative incidence"}
    early = values(trial, horizon=3.5, **how)
    assert early == pytest.approx([1, 0, 0, 0, 0], abs=EXACT)
    late = values(trial, horizon=4, **how)
    assert late == pytest.approx([1, 0.5, -0.5, 1.5, 0], abs=EXACT)


def test_adjusted() -> None:
    """
    Half of each arm is young, so arm and age are orthogonal: 28/8 − 23/8 = 5/8 as unadjusted, and
    young people's mean 16/4 less the others' 9.5/4 is 13/8. Residuals −17, −3, 7, 13 and −11, −5,
    21, −5 sixteenths: squares add up to 1128/256. With arms coded ±1/2 the sandwich is
    (2/8)² times that.
    """
    found = ce.restricted_mean(
        read(EIGHT, covariates=["young"]), outcome="re", horizon=4, adjust="young"
    )
    squares = (17**2 + 3**2 + 7**2 + 13**2 + 11**2 + 5**2 + 21**2 + 5**2) / 256
    assert squares == 1128 / 256
    assert found.value == pytest.approx(5 / 8, rel=1e-8)
    assert found.std_error == pytest.approx(sqrt(squares / 16), rel=1e-8)
    assert found.by_arm == pytest.approx((23 / 8, 28 / 8), rel=1e-8)
    assert found.low == pytest.approx(5 / 8 - Z * sqrt(squares / 16), rel=1e-8)
    assert found.adjusted_for == ("young",)


# to week: control, treatment, their variances. Areas beyond 1 in control 3/4, 3/2, 15/8, beyond 3
# in control 3/8, beyond 2 in treatment 3/4, 3/2; d / (r (r − d)) = 1/12, 1/2 and 1/12.
MEANS = {
    1: (1, 1, 0, 0),
    2: (7 / 4, 2, (3 / 4) ** 2 / 12, 0),
    3: (5 / 2, 11 / 4, (3 / 2) ** 2 / 12, (3 / 4) ** 2 / 12),
    4: (23 / 8, 7 / 2, (15 / 8) ** 2 / 12 + (3 / 8) ** 2 / 2, (3 / 2) ** 2 / 12),
}


def test_restricted_mean_over_time() -> None:
    """Slab by slab; at 1 nobody has been at risk after an event yet."""
    curve = restricted_mean_curve(read(EIGHT), outcome="re")
    assert curve.time.tolist() == [1, 2, 3, 4]
    assert curve.value == pytest.approx([0, 1 / 4, 1 / 4, 5 / 8], rel=EXACT)
    error = [sqrt(v0 + v1) for _, _, v0, v1 in MEANS.values()]
    assert curve.std_error[1:] == pytest.approx(error[1:], rel=EXACT)
    assert curve.high[1:] == pytest.approx(curve.value[1:] + Z * np.array(error[1:]), rel=EXACT)
    assert np.isnan([curve.std_error[0], curve.low[0], curve.high[0]]).all()
    assert pytest.approx(np.array(list(MEANS.values()))[:, :2], rel=EXACT) == curve.by_arm.T


def test_lost_ratio() -> None:
    """To 4: 1/2 week lost against 9/8, 4/9; to 2 treatment has lost nothing."""
    m0, m1, v0, v1 = MEANS[4]
    error = sqrt(v0 / (4 - m0) ** 2 + v1 / (4 - m1) ** 2)
    found = ce.restricted_mean(read(EIGHT), outcome="re", horizon=4, measure="lost ratio")
    assert found.value == pytest.approx(4 / 9, rel=EXACT)
    assert found.std_error == pytest.approx(error, rel=EXACT)
    assert log(found.low) == pytest.approx(log(4 / 9) - Z * error, rel=EXACT)
    assert found.by_arm == pytest.approx((9 / 8, 1 / 2), rel=EXACT)
    assert (found.scale, found.null) == ("ratio", 1)
    curve = restricted_mean_curve(read(EIGHT), outcome="re", measure="lost ratio")
    assert np.isnan(curve.value[:2]).all()
    assert curve.value[2:] == pytest.approx([(1 / 4) / (1 / 2), 4 / 9], rel=EXACT)
    early = ce.restricted_mean(read(EIGHT), outcome="re", horizon=2, measure="lost ratio")
    assert not early.estimable


def test_restricted_mean_over_strata() -> None:
    """
    To 3. North: 1 + 2/2 = 2 (variance 1²/2) and 2 + 1/2 (1/4·1/2). South: 2 + 3/4 ((3/4)²/12) and
    1 + 2/2 (1²/2). Control 4/10·2 + 6/10·11/4 = 2.45, treatment 4/10·5/2 + 6/10·2 = 2.2.
    """
    trial = read(TEN, factors=["site"])
    found = ce.restricted_mean(trial, outcome="re", horizon=3, strata="site")
    assert found.by_arm == pytest.approx((2.45, 2.2), rel=EXACT)
    assert found.value == pytest.approx(-0.25, rel=EXACT)
    variance = 0.16 * (1 / 2 + 1 / 8) + 0.36 * (9 / 16 / 12 + 1 / 2)
    assert found.std_error == pytest.approx(sqrt(variance), rel=EXACT)
    assert "stratified by site, in their shares" in found.method
    # Unstratified, control is 2/6 of the north: another answer.
    plain = ce.restricted_mean(trial, outcome="re", horizon=3)
    assert plain.by_arm == pytest.approx((1 + 5 / 6 + 2 / 3, 1 + 3 / 4 + 1 / 2), rel=EXACT)


def test_survival_over_strata() -> None:
    """At 2.5: 1/2 and 1/2 in the north, 3/4 and 1/2 in the south; binomial variances."""
    trial = read(TEN, factors=["site"])
    found = ce.survival_difference(trial, outcome="re", at=2.5, strata="site")
    assert found.by_arm == pytest.approx((0.2 + 0.45, 0.2 + 0.3), rel=EXACT)
    variance = 0.16 * (1 / 8 + 1 / 8) + 0.36 * (3 / 16 / 4 + 1 / 8)
    assert found.std_error == pytest.approx(sqrt(variance), rel=EXACT)


def test_incidence_over_strata() -> None:
    """
    At 2.5 with everyone known: shares. Deaths: the north's treated person at 2 and the south's
    control person at 2. Reoffences left: one of two in north control, one of two in south
    treatment. Aalen's variance of one jump from r people is 1/r² (not F(1 − F)/r, as Greenwood's).
    """
    died = np.array([0, 0, 1, 0, 1, 0, 0, 0, 0, 0])
    outcome = TimeToEvent(
        time=TEN["week"],
        event=(np.array(TEN["ev"]) - died).astype(bool),
        unit="weeks",
        competing=died,
        causes=("death",),
    )
    trial = replace(read(TEN, factors=["site"]), outcomes={"re": outcome})
    how: dict[str, Any] = {"outcome": "re", "at": 2.5, "strata": "site"}
    found = incidence_difference(trial, **how)
    assert found.by_arm == pytest.approx((0.4 / 2, 0.6 / 2), rel=EXACT)
    assert found.std_error == pytest.approx(sqrt(0.16 / 4 + 0.36 / 4), rel=EXACT)
    deaths = incidence_difference(trial, cause="death", **how)
    assert deaths.by_arm == pytest.approx((0.6 / 4, 0.4 / 2), rel=EXACT)
    assert deaths.std_error == pytest.approx(sqrt(0.16 / 4 + 0.36 / 16), rel=EXACT)


def test_band_without_censoring_is_kolmogorovs() -> None:
    """
    100 people an arm, 20 events at 1, 30 at 2, the others left at 5. n·Greenwood = (1 − S) / S,
    so S·(1 + nG) = 1 and the plain band is S ± c/√100 all along, with c of a bridge up to
    nG / (1 + nG) = 1 − S = 1/2.
    """
    week = [1.0] * 20 + [2.0] * 30 + [5.0] * 50
    table = {"arm": [0] * 100 + [1] * 100, "week": week * 2, "ev": [w < 5 for w in week] * 2}
    curve = ce.survival_curve(read(table), outcome="re", band="hall-wellner", interval="plain")
    c = hall_wellner_value(0.5, level=0.95)
    assert 0.894 < c < 1.358  # of bridges up to 1/4 and to the end
    for low, high in zip(curve.low, curve.high, strict=True):
        assert low == pytest.approx([0.8 - c / 10, 0.5 - c / 10, 0.5 - c / 10], rel=1e-9)
        assert high == pytest.approx([0.8 + c / 10, 0.5 + c / 10, 0.5 + c / 10], rel=1e-9)
    assert curve.method.endswith("plain Hall–Wellner band")


def test_band_starts_at_once() -> None:
    """Before the first event S = 1: c/√n below it already, where a pointwise limit is 1."""
    week = [1.0] * 50 + [2.0] * 50
    table = {"arm": [0] * 100 + [1] * 100, "week": week * 2, "ev": [w == 2 for w in week] * 2}
    table["week"][:1] = [3.0]  # one control person left free of the event
    table["ev"][:1] = [False]
    curve = ce.survival_curve(read(table), outcome="re", band="hall-wellner", interval="plain")
    assert curve.survival[:, 0].tolist() == [1, 1]
    g = 50 / 51  # control at 2: 50 of 51 have it, G = 50 / (51·1)
    c = hall_wellner_value(100 * g / (1 + 100 * g), level=0.95)
    assert curve.low[0, 0] == pytest.approx(1 - c / 10, rel=1e-9)
    assert curve.high[0, 0] == 1
    # Treatment: everyone left has the event at 2, nothing is known of the spread before.
    assert np.isnan(curve.low[1]).all()


def test_landmark() -> None:
    """
    At 2: who ended at 2 or before is gone, event or not. Control keeps 3 and 4+, treatment 3+,
    4+, 4+, timed 1, 2 and 1, 2, 2.
    """
    before = read(EIGHT)
    later = landmark(before, outcome="re", at=2)
    name = "re after 2 weeks"
    curve = ce.survival_curve(later, outcome=name, analysis_set=name)
    assert curve.time.tolist() == [1, 2]
    assert curve.at_risk.tolist() == [[2, 1], [3, 2]]
    assert curve.events.tolist() == [[1, 0], [0, 0]]
    assert curve.survival.tolist() == [[0.5, 0.5], [1, 1]]
    assert curve.missing == (0, 0)
    assert list(later.outcomes) == ["re", name]
    # Asked of everyone, those gone are counted as unknown, never as free of the event.
    assert ce.survival_curve(later, outcome=name).missing == (2, 1)
    assert list(before.outcomes) == ["re"]


def test_landmark_of_a_landmark() -> None:
    """Another week on: 4+ in control, 4+ and 4+ in treatment, timed 1."""
    once = landmark(read(EIGHT), outcome="re", at=2)
    twice = landmark(once, outcome="re after 2 weeks", at=1)
    name = "re after 2 weeks after 1 weeks"
    curve = ce.survival_curve(twice, outcome=name, analysis_set=name)
    assert curve.at_risk.tolist() == [[1], [2]]
    assert curve.time.tolist() == [1]
