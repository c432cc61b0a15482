"""Laws of group-sequential designs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkpoint_eval.power import (
    GroupSequential,
    HaybittlePeto,
    HwangShihDeCani,
    KimDeMets,
    OBrienFleming,
    OBrienFlemingSpending,
    Pocock,
    PocockSpending,
    UserSpending,
    WangTiatis,
    assurance,
    at_information,
    conditional_power,
    estimate_at_stopping,
    operating_characteristics,
    predictive_power,
    stopping_bounds,
)

EXACT = 1e-9  # bounds are found to 1e-13 and chances to about 1e-14
spendings = st.one_of(
    st.just(OBrienFlemingSpending()),
    st.just(PocockSpending()),
    st.builds(KimDeMets, rho=st.floats(0.5, 5)),
    st.builds(HwangShihDeCani, gamma=st.floats(-8, 4)),
)
boundaries = st.one_of(
    spendings,
    st.just(OBrienFleming()),
    st.just(Pocock()),
    st.builds(WangTiatis, delta=st.floats(-0.2, 0.7)),
    st.builds(HaybittlePeto, z=st.floats(2.9, 4)),
)
looks = st.lists(st.floats(0.03, 0.95), min_size=0, max_size=4).map(
    lambda cuts: (*_apart(sorted(cuts)), 1.0)
)
few = settings(max_examples=40, deadline=None)


def _apart(cuts: list[float]) -> tuple[float, ...]:
    kept: list[float] = []
    for cut in cuts:
        if not kept or cut > kept[-1] + 0.02:
            kept.append(cut)
    return tuple(kept)


@st.composite
def designs(draw: Any, boundary: Any = boundaries, futile: bool = False) -> GroupSequential:
    sided = draw(st.sampled_from([1, 2]))
    how: dict[str, Any] = {}
    if futile:
        how = {"futility": draw(spendings), "binding": draw(st.booleans())}
    return GroupSequential(
        looks=draw(looks),
        alpha=draw(st.floats(0.02, 0.1)) * sided,
        sided=sided,
        power=draw(st.floats(0.5, 0.95)),
        boundary=draw(boundary),
        **how,
    )


@few
@given(designs())
def test_all_alpha_is_spent_and_power_is_had(design: GroupSequential) -> None:
    found = stopping_bounds(design)
    assert found.alpha_spent[-1] == pytest.approx(design.alpha, abs=EXACT)
    assert found.power[-1] == pytest.approx(design.power, abs=EXACT)
    assert (np.diff(found.alpha_spent) >= -EXACT).all()
    assert found.inflation >= 1 - EXACT
    assert found.expected[1] <= found.inflation + EXACT


@few
@given(designs(spendings, futile=True))
def test_futility_spends_what_power_leaves(design: GroupSequential) -> None:
    found = stopping_bounds(design)
    missed = found.futile[1].cumsum()
    assert missed[-1] == pytest.approx(1 - design.power, abs=EXACT)
    assert found.rejected[1].sum() + missed[-1] == pytest.approx(1, abs=EXACT)
    assert found.rejected[0].sum() + found.futile[0].sum() == pytest.approx(1, abs=EXACT)
    assert found.alpha_spent[-1] == pytest.approx(design.alpha, abs=EXACT)
    assert (found.futility <= found.critical).all()
    assert found.futility[-1] == found.critical[-1]


@few
@given(designs(spendings, futile=True))
def test_binding_futility_buys_lower_bounds(design: GroupSequential) -> None:
    how = {name: getattr(design, name) for name in ("looks", "alpha", "sided", "power", "boundary")}
    free = stopping_bounds(GroupSequential(**how, futility=design.futility))
    bound = stopping_bounds(GroupSequential(**how, futility=design.futility, binding=True))
    assert (bound.critical <= free.critical + EXACT).all()
    assert bound.inflation <= free.inflation + EXACT
    # Without futility at all the trial is at most as long.
    assert stopping_bounds(GroupSequential(**how)).inflation <= free.inflation + EXACT


@few
@given(designs(spendings, futile=True), st.floats(0.01, 0.9))
def test_futility_stops_as_many_without_effect_as_asked(
    design: GroupSequential, share: float
) -> None:
    """At every look but the last, where no bound is as high as that for efficacy."""
    found = stopping_bounds(replace(design, futile_share=share * (1 - design.alpha)))
    spent = design.futility.spent(found.shares, alpha=share * (1 - design.alpha))  # type: ignore
    wrong = found.rejected[0] if design.sided == 2 else 0.0
    stopped = np.cumsum(found.futile[0] - wrong)[:-1]
    free = np.cumprod(found.futility < found.critical)[:-1].astype(bool)
    np.testing.assert_allclose(stopped[free], spent[:-1][free], rtol=0, atol=EXACT)
    assert found.power[-1] == pytest.approx(design.power, abs=EXACT)
    assert found.alpha_spent[-1] == pytest.approx(design.alpha, abs=EXACT)


@few
@given(designs(spendings))
def test_as_planned_is_as_observed(design: GroupSequential) -> None:
    planned = stopping_bounds(design)
    seen = at_information(design, 300 * planned.shares, planned=300)
    np.testing.assert_allclose(seen.critical, planned.critical, rtol=0, atol=EXACT)
    np.testing.assert_allclose(seen.rejected, planned.rejected, rtol=0, atol=EXACT)


@few
@given(designs(spendings), st.floats(0.2, 0.9))
def test_bounds_taken_stay_as_they_are(design: GroupSequential, share: float) -> None:
    """Whatever comes after, and in whatever unit."""
    if len(design.shares) < 3:
        return
    first = at_information(design, [share * 80], planned=80)
    second = at_information(design, [share, (1 + share) / 2], planned=1)
    assert second.critical[0] == pytest.approx(first.critical[0], abs=EXACT)


@few
@given(designs(), st.floats(-3, 4))
def test_effects_mirror_on_two_sides(design: GroupSequential, drift: float) -> None:
    if design.sided == 1:
        return
    told = operating_characteristics(stopping_bounds(design), drift=[drift, -drift])
    assert told["efficacy"][0] == pytest.approx(told["other"][1], abs=EXACT)
    assert told["expected"][0] == pytest.approx(told["expected"][1], abs=EXACT)


@few
@given(designs())
def test_power_grows_with_the_effect(design: GroupSequential) -> None:
    told = operating_characteristics(stopping_bounds(design), drift=np.linspace(-3, 6, 19))
    assert (np.diff(told["efficacy"]) >= -EXACT).all()


@few
@given(st.one_of(designs(), designs(spendings, futile=True)), st.data())
def test_estimates_at_stopping(design: GroupSequential, data: Any) -> None:
    """p is at most alpha exactly where the trial stops, and grows as z falls."""
    bounds = stopping_bounds(design)
    look = data.draw(st.integers(1, bounds.shares.size))
    critical = bounds.critical[look - 1]
    if critical > 6:
        return
    here, more = (estimate_at_stopping(bounds, z=z, look=look) for z in (critical, critical + 0.5))
    assert here.p_value == pytest.approx(bounds.alpha_spent[look - 1], abs=1e-8)
    assert more.p_value < here.p_value
    assert more.value > here.value
    assert here.low < here.value < here.high
    wide = estimate_at_stopping(bounds, z=critical, look=look, level=0.99)
    assert wide.low < here.low < here.high < wide.high
    assert wide.value == pytest.approx(here.value, abs=1e-8)


@few
@given(st.one_of(designs(), designs(spendings, futile=True)), st.floats(-4, 4))
def test_estimates_mirror(design: GroupSequential, z: float) -> None:
    if design.sided == 1:
        return
    bounds = stopping_bounds(design)
    one, other = (estimate_at_stopping(bounds, z=sign * z, std_error=0.3) for sign in (1, -1))
    assert one.value == pytest.approx(-other.value, abs=1e-7)
    assert one.low == pytest.approx(-other.high, abs=1e-7)
    assert one.p_value == pytest.approx(other.p_value, abs=1e-8)


@few
@given(designs(), st.floats(0.05, 0.5))
def test_power_is_conditional_power_on_average(design: GroupSequential, share: float) -> None:
    """Before any bound: over what z may be by then at the planned effect."""
    bounds = stopping_bounds(design)
    share *= float(bounds.shares[0])
    node, weight = np.polynomial.hermite_e.hermegauss(41)
    mean = bounds.drift * np.sqrt(share)
    chances = [
        conditional_power(bounds, z=mean + each, share=share, effect="design") for each in node
    ]
    average = weight @ chances / weight.sum()
    # 41 points integrate a smooth step of width about √(1 − share)/√share
    assert average == pytest.approx(design.power, abs=1e-6)


@few
@given(designs(), st.floats(-2, 3), st.floats(0.1, 0.9))
def test_predictive_power_between_certainties(
    design: GroupSequential, z: float, share: float
) -> None:
    bounds = stopping_bounds(design)
    sure = predictive_power(bounds, z=z, share=share, prior=(1.7, 1e-6))
    assert sure == pytest.approx(conditional_power(bounds, z=z, share=share, effect=1.7), abs=1e-6)
    flat = predictive_power(bounds, z=z, share=share)
    assert predictive_power(bounds, z=z, share=share, prior=(0, 1e4)) == pytest.approx(
        flat, abs=1e-5
    )


@few
@given(designs(), st.floats(-1, 4))
def test_assurance_of_what_is_certain_is_power(design: GroupSequential, effect: float) -> None:
    bounds = stopping_bounds(design)
    power = operating_characteristics(bounds, drift=effect / 0.5)["efficacy"][0]
    assert assurance(bounds, mean=effect, sd=1e-7, std_error=0.5) == pytest.approx(power, abs=1e-6)


@few
@given(looks)
def test_user_spending_that_copies_is_the_same(shares: tuple[float, ...]) -> None:
    copied = UserSpending(
        values=tuple(PocockSpending().spent(np.array(shares), alpha=0.05)), looks=shares
    )
    one = stopping_bounds(GroupSequential(looks=shares, boundary=PocockSpending()))
    other = stopping_bounds(GroupSequential(looks=shares, boundary=copied))
    np.testing.assert_allclose(one.critical, other.critical, rtol=0, atol=EXACT)
