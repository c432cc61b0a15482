"""Group-sequential designs, looks and blinded answers worked out by hand."""

from __future__ import annotations

import json
from math import erfc, exp, log, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

import checkpoint_eval as ce
from checkpoint_eval.outcomes import Covariate
from checkpoint_eval.power import (
    GroupSequential,
    HaybittlePeto,
    HwangShihDeCani,
    KimDeMets,
    OBrienFlemingSpending,
    PocockSpending,
    UserSpending,
    assurance,
    at_information,
    conditional_power,
    estimate_at_stopping,
    forecast_events,
    monitor,
    predictive_power,
    reestimate_people,
    stopping_bounds,
)

if TYPE_CHECKING:
    from pathlib import Path


def above(z: float) -> float:
    return 0.5 * erfc(z / sqrt(2))


def within(low: float, high: float) -> float:
    return above(low) - above(high)


@pytest.mark.parametrize("binding", [False, True])
def test_inner_wedge_of_two_looks(binding: bool) -> None:
    """All by the normal distribution at the first look; the second as one integral over it.

    Half of 1 − power = .2 is spent at half of the information: Φ(c − m) − Φ(−c − m) + Φ(−u − m)
    with m = θ√½. The trial goes on with c < |z| < u, and √½z + √½·N(θ√½, 1) then ends it.
    """
    design = GroupSequential(looks=2, boundary=KimDeMets(rho=1), futility=KimDeMets(rho=1),
                             binding=binding)  # fmt: skip
    found = stopping_bounds(design)
    u, c, mean = found.critical[0], found.futility[0], found.drift * sqrt(0.5)
    assert 2 * above(u) == pytest.approx(0.025, abs=1e-12)
    missed = within(-c - mean, c - mean) + above(u + mean)
    assert missed == pytest.approx(0.1, abs=1e-12)
    z = np.linspace(c, u, 2001)
    simpson = np.array([1, *[4, 2] * 999, 4, 1]) * (u - c) / 6000

    def ends(z: np.ndarray, mean: float) -> float:
        """Chance to go on from about z and end above: Simpson's rule, error about 1e-14."""
        density = np.exp(-((z - mean) ** 2) / 2) / sqrt(2 * np.pi)
        last = [above((found.critical[1] - sqrt(0.5) * x) / sqrt(0.5) - mean) for x in z]
        return float(simpson @ (density * last))

    power = above(u - mean) + ends(z, mean) + ends(-z, mean)
    assert power == pytest.approx(0.8, abs=1e-10)
    error = 2 * (above(u) + ends(z, 0) + ends(-z, 0))
    if binding:
        assert error == pytest.approx(0.05, abs=1e-10)
    else:
        assert error < 0.05
        plain = stopping_bounds(GroupSequential(looks=2, boundary=KimDeMets(rho=1)))
        np.testing.assert_array_equal(found.critical, plain.critical)


def test_futile_share_at_the_first_look() -> None:
    """A tenth of trials without effect, a quarter of it by half of the information."""
    how = {"looks": 2, "alpha": 0.05, "futility": KimDeMets(rho=2), "futile_share": 0.1}
    one, two = (stopping_bounds(GroupSequential(**how, sided=sided)) for sided in (1, 2))
    assert one.futility[0] == pytest.approx(ndtri(0.025), abs=1e-12)
    assert two.futility[0] == pytest.approx(ndtri(0.5125), abs=1e-12)
    assert (one.futility[1], two.futility[1]) == (one.critical[1], two.critical[1])


def test_a_wedge_leaves_the_sides_their_order() -> None:
    """Seen first at a bound: p is twice its tail; what lies in the wedge changes nothing yet."""
    design = GroupSequential(looks=2, boundary=KimDeMets(rho=1), futility=KimDeMets(rho=1),
                             binding=True)  # fmt: skip
    bounds = stopping_bounds(design)
    for z in (2.4, -2.4):
        found = estimate_at_stopping(bounds, z=z, look=1, std_error=0.1)
        assert found.z == z
        assert found.p_value == pytest.approx(2 * above(2.4), abs=1e-12)
        assert found.value == pytest.approx(z * 0.1, abs=1e-10)
        assert (found.low, found.high) == pytest.approx(
            (0.1 * (z - 1.959963985), 0.1 * (z + 1.959963985)), abs=1e-9
        )
    last = estimate_at_stopping(bounds, z=-bounds.critical[1], look=2)
    assert last.p_value == pytest.approx(0.05, abs=1e-9)


def test_spending_at_half() -> None:
    half = np.array([0.5])
    got = [
        OBrienFlemingSpending().spent(half, alpha=0.02)[0],  # 2 − 2Φ(z(.99)√2)
        PocockSpending().spent(half, alpha=0.02)[0],
        KimDeMets(rho=2).spent(half, alpha=0.02)[0],
        HwangShihDeCani(gamma=2).spent(half, alpha=0.02)[0],
        HwangShihDeCani(gamma=0).spent(half, alpha=0.02)[0],
        UserSpending(values=(0.004, 0.02), looks=(0.25, 1)).spent(half, alpha=0.02)[0],
    ]
    want = [
        2 * above(2.3263478740408408 * sqrt(2)),
        0.02 * log(1 + (exp(1) - 1) / 2),
        0.005,
        0.02 * (1 - exp(-1)) / (1 - exp(-2)),
        0.01,
        0.004 + 0.016 / 3,
    ]
    np.testing.assert_allclose(got, want, rtol=1e-12)


def test_two_sides_spend_half_each() -> None:
    """O'Brien–Fleming's function is not linear: 0.05 on two sides is twice that of 0.025."""
    one = OBrienFlemingSpending().spent(np.array([0.5]), alpha=0.025)
    two = OBrienFlemingSpending().spent(np.array([0.5]), alpha=0.05, sided=2)
    assert two == pytest.approx(2 * one, rel=1e-12)


def test_nothing_is_spent_beyond_all() -> None:
    assert KimDeMets(rho=1).spent(np.array([1.2]), alpha=0.05) == pytest.approx(0.05)


def test_the_first_bound_is_its_normal_quantile() -> None:
    """Spent evenly, the first of four looks has 0.025/4."""
    design = GroupSequential(looks=4, alpha=0.025, sided=1, boundary=KimDeMets(rho=1))
    assert stopping_bounds(design).critical[0] == pytest.approx(-ndtri(0.00625), abs=1e-10)


def test_two_looks_of_bivariate_normal() -> None:
    """By the second of two looks at halves, z1 and z2 correlate by √½.

    P(z1 < 3, z2 < c) from scipy's bivariate normal.
    """
    from scipy.stats import multivariate_normal

    design = GroupSequential(looks=2, alpha=0.025, sided=1, boundary=HaybittlePeto(z=3))
    critical = stopping_bounds(design).critical
    root = sqrt(0.5)
    # Before scipy 1.17 the integral is by random points, to 1e-5 unless more is asked for.
    fine = {"maxpts": 1_000_000, "abseps": 1e-10, "releps": 0}
    inside = multivariate_normal(cov=[[1, root], [root, 1]], **fine).cdf(critical)
    assert 1 - inside == pytest.approx(0.025, abs=1e-8)


def test_a_look_that_spends_nothing_has_no_bound() -> None:
    design = GroupSequential(
        looks=2, alpha=0.025, sided=1, boundary=UserSpending(values=(0, 0.025))
    )
    found = stopping_bounds(design)
    assert found.critical[0] == np.inf
    assert found.critical[1] == pytest.approx(1.959963984540054, abs=1e-9)
    assert found.inflation == pytest.approx(1, abs=1e-9)


def test_the_first_look_is_estimated_as_without_looks() -> None:
    """z = 3 with a standard error of 0.2: 0.6, ± 1.96 × 0.2, p = 2(1 − Φ(3))."""
    found = estimate_at_stopping(
        stopping_bounds(GroupSequential(looks=3)), z=3.0, look=1, std_error=0.2
    )
    half = 1.959963984540054 * 0.2
    assert (found.value, found.naive) == pytest.approx((0.6, 0.6), abs=1e-9)
    assert (found.low, found.high) == pytest.approx((0.6 - half, 0.6 + half), abs=1e-9)
    assert found.p_value == pytest.approx(2 * above(3), rel=1e-9)


def test_conditional_power_of_one_look() -> None:
    """Now at 0.4 with z = 1: B = √.4; to reach 1.96 with drift 2 over 0.6 more."""
    bounds = stopping_bounds(GroupSequential(looks=1))
    want = above((1.959963984540054 - sqrt(0.4) - 2 * 0.6) / sqrt(0.6))
    assert conditional_power(bounds, z=1, share=0.4, effect=2) == pytest.approx(want, abs=1e-9)


def test_predictive_power_with_a_prior() -> None:
    """Prior N(1, 0.5²), information 0.4 and z = 1: posterior precision 4.4, mean (√.4 + 4)/4.4.

    B(1) is normal about √.4 + 0.6 mean with variance 0.6 + 0.36/4.4.
    """
    bounds = stopping_bounds(GroupSequential(looks=1))
    mean = (sqrt(0.4) + 4) / 4.4
    want = above((1.959963984540054 - sqrt(0.4) - 0.6 * mean) / sqrt(0.6 + 0.36 / 4.4))
    got = predictive_power(bounds, z=1, share=0.4, prior=(1, 0.5))
    assert got == pytest.approx(want, abs=1e-9)


def test_assurance_without_looks() -> None:
    bounds = stopping_bounds(GroupSequential(looks=1))
    want = above((1.959963984540054 * 2 - 5) / sqrt(9 + 4))
    assert assurance(bounds, mean=5, sd=3, std_error=2) == pytest.approx(want, abs=1e-9)


# Arm 1 has events at 2 and 4, arm 0 at 1, 3 and 5; all six people but one have the event.
SIX = pd.DataFrame(
    {"arm": [0, 0, 0, 1, 1, 1], "time": [1, 3, 5, 2, 4, 6], "event": [1, 1, 1, 1, 1, 0]}
)


def trial(frame: pd.DataFrame = SIX, **how: Any) -> ce.Trial:
    return ce.Trial.from_frame(
        frame, arm="arm", control=0, times={"arrest": ("time", "event", "weeks")}, **how
    )


def test_a_look_by_hand(tmp_path: Path) -> None:
    """Expected in treatment: 3/6 + 3/5 + 2/4 + 2/3 + 1/2 = 2.7667 against 2.

    Variance with one event at a time: share × (1 − share).
    """
    shares = [3 / 6, 3 / 5, 2 / 4, 2 / 3, 1 / 2]
    score = 2 - sum(shares)
    variance = sum(each * (1 - each) for each in shares)
    z = score / sqrt(variance)
    record = tmp_path / "looks.jsonl"
    found = monitor(
        trial(), GroupSequential(looks=2), outcome="arrest", planned=10, look=1, record=record
    )
    assert found.information.tolist() == [5]
    assert found.z[0] == pytest.approx(-z, rel=1e-12)  # fewer events favour treatment
    assert found.decision == "continue"
    assert found.measure == "log hazard ratio"
    # At the first look the estimate is the score over its variance, with the measure's own sign.
    assert found.estimate.value == pytest.approx(score / variance, abs=1e-9)
    assert found.estimate.low == pytest.approx(
        score / variance - 1.959963984540054 / sqrt(variance), abs=1e-9
    )
    (line,) = record.read_text(encoding="utf-8").splitlines()
    said = json.loads(json.loads(line)["entry"])
    assert said["information"] == 5
    assert said["decision"] == "continue"
    assert json.loads(line)["hash"] == found.record_hash


def test_more_is_good_where_one_says_so(tmp_path: Path) -> None:
    def look(favours: Any) -> float:
        record = tmp_path / favours
        found = monitor(
            trial(),
            GroupSequential(looks=2),
            outcome="arrest",
            planned=10,
            look=1,
            record=record,
            favours=favours,
        )
        return float(found.z[0])

    assert look("fewer") == -look("more")


def test_a_second_look_stops(tmp_path: Path) -> None:
    """Forty in each arm: 17 against 25 have the event; of eighty, 20 against 38. Risks unpooled."""

    def at(treated: int, control: int, n: int) -> ce.Trial:
        event = np.repeat([1, 0, 1, 0], [treated, n - treated, control, n - control])
        frame = pd.DataFrame({"arm": np.repeat([1, 0], n), "event": event})
        return ce.Trial.from_frame(frame, arm="arm", control=0, binary={"any": "event"})

    design = GroupSequential(looks=2, boundary=PocockSpending())
    how: dict[str, Any] = {"outcome": "any", "planned": 160, "record": tmp_path / "r.jsonl"}
    first = monitor(at(17, 25, 40), design, look=1, **how)
    z = (25 / 40 - 17 / 40) / sqrt((25 * 15 + 17 * 23) / 40**3)
    assert first.z[0] == pytest.approx(z, rel=1e-9)
    assert first.information.tolist() == [80]
    # Pocock spends 0.05 ln(1 + (e − 1)/2) = 0.031 at half: 2.157 on two sides
    assert first.bounds.critical[0] == pytest.approx(2.157, abs=1e-3)
    assert first.decision == "continue"
    second = monitor(at(20, 38, 80), design, look=2, **how)
    assert second.information.tolist() == [80, 160]
    assert second.z[0] == first.z[0]
    assert second.decision == "stop for efficacy"
    assert np.isnan(second.predictive)
    assert second.to_frame()["z"].notna().all()


def test_looks_at_other_information_than_planned() -> None:
    """The first bound spends what its own share has: 60 of 200 events, 2 − 2Φ(2.2414/√.3)."""
    found = at_information(GroupSequential(looks=2, alpha=0.025, sided=1), [60], planned=200)
    spent = 2 * above(2.2414027276049464 / sqrt(0.3))
    assert found.critical[0] == pytest.approx(-ndtri(spent), abs=1e-9)
    assert found.shares.tolist() == [0.3, 1.0]
    assert found.taken == 1


def test_a_trial_cut_short_spends_all_it_has() -> None:
    design = GroupSequential(looks=3, alpha=0.025, sided=1)
    found = at_information(design, [50], planned=200, final=True)
    assert found.critical.tolist() == pytest.approx([1.959963984540054], abs=1e-9)


def test_people_by_the_pooled_risk() -> None:
    """Planned 0.5 against 0.4: 0.25 + 0.24. Seen 0.3 pooled: 0.35 against 0.25, 0.2275 + 0.1875."""
    frame = pd.DataFrame({"arm": [0, 1] * 50, "event": [1] * 30 + [0] * 70})
    seen = ce.Trial.from_frame(frame, arm="arm", control=0, binary={"any": "event"})
    found = reestimate_people(seen, outcome="any", planned=800, effect=-0.1, assumed=0.5)
    assert found.exact == pytest.approx(800 * (0.2275 + 0.1875) / 0.49, rel=1e-12)
    assert found.people == 678
    assert (found.found, found.assumed) == pytest.approx((0.3, 0.45))


def test_people_by_the_variance() -> None:
    """0, 2, 4, ..., 18: variance 110/3, less 0.25 × 9 × 10/9 for an effect of 3."""
    frame = pd.DataFrame({"arm": [0, 1] * 5, "value": np.arange(0, 20, 2)})
    seen = ce.Trial.from_frame(frame, arm="arm", control=0, numeric={"harm": "value"})
    found = reestimate_people(seen, outcome="harm", planned=100, effect=3, assumed=5)
    assert found.exact == pytest.approx(100 * (110 / 3 - 2.5) / 25, rel=1e-12)
    assert (
        reestimate_people(seen, outcome="harm", planned=100, effect=3, assumed=5, most=120).people
        == 120
    )


def test_events_that_are_there_already() -> None:
    frame = trial(numeric={}).outcome("arrest")
    held = ce.Trial(
        assignment=ce.Assignment(arm=[0, 0, 0, 1, 1, 1], arms=("a", "b"), stratum=[0] * 6),
        columns={"day": Covariate(name="day", values=np.zeros(6))},
        outcomes={"arrest": frame},
    )
    found = forecast_events(
        held,
        outcome="arrest",
        entered="day",
        now=6,
        targets=[5, 6, 7],
        people=6,
        rng=np.random.default_rng(1),
        draws=200,
    )
    assert found.date[0] == 6
    assert found.reached.tolist() == [1.0, 1.0, 0.0]  # one person is left, and nobody comes
    assert found.date[2] == np.inf
    assert found.hazard == pytest.approx(5 / 21)
