"""Laws of the promising zone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.power import (
    GroupSequential,
    HwangShihDeCani,
    OBrienFlemingSpending,
    PocockSpending,
    PromisingZone,
    extend_information,
    extension_power,
    operating_characteristics,
    stopping_bounds,
)

few = settings(max_examples=40, deadline=None)
EXACT = 1e-9  # quadrature cut where the plan jumps


@st.composite
def plans(draw: Any, **fixed: Any) -> PromisingZone:
    first = draw(st.floats(0.2, 0.85))
    design = GroupSequential(
        looks=draw(st.sampled_from([(first, 1), (first / 2, first, 1)])),
        sided=draw(st.sampled_from([1, 2])),
        power=draw(st.floats(0.6, 0.95)),
        boundary=draw(
            st.sampled_from([OBrienFlemingSpending(), PocockSpending(), HwangShihDeCani()])
        ),
    )
    low = draw(st.floats(0.05, 0.8))
    how = {
        "zone": (low, draw(st.floats(low + 0.05, 0.95))),
        "target": draw(st.floats(0.5, 0.95)),
        "most": draw(st.floats(1.05, 5)),
        "effect": draw(st.one_of(st.just("trend"), st.floats(1, 4))),
    }
    return PromisingZone(bounds=stopping_bounds(design), **(how | fixed))


@few
@given(plans())
def test_the_combination_errs_as_often_as_planned(plan: PromisingZone) -> None:
    design = plan.bounds.design
    found = extension_power(plan, drift=0.0)["efficacy"][0]
    assert found == pytest.approx(design.alpha / design.sided, abs=EXACT)


@few
@given(plans(statistic="all data"), st.floats(0.5, 0.8))
def test_all_data_err_no_more_where_half_is_promising(plan: PromisingZone, low: float) -> None:
    """Chen, DeMets and Lan (2004), with the trend as the effect."""
    design = plan.bounds.design
    safe = PromisingZone(
        bounds=plan.bounds, zone=(low, 0.95), target=plan.target, most=plan.most,
        statistic="all data",
    )  # fmt: skip
    found = extension_power(safe, drift=0.0)["efficacy"][0]
    assert found <= design.alpha / design.sided + EXACT


@few
@given(plans(), st.floats(0, 5))
def test_more_information_more_power(plan: PromisingZone, drift: float) -> None:
    found = extension_power(plan, drift=drift).iloc[0]
    plain = operating_characteristics(plan.bounds, drift=drift).iloc[0]
    assert found["efficacy"] >= plain["efficacy"] - EXACT
    most = plan.most * plan.bounds.inflation
    assert plain["expected"] - EXACT <= found["expected"] <= most + EXACT
    assert -EXACT <= found["extended"] <= 1


@few
@given(plans(), st.floats(-2, 4))
def test_an_extension_is_as_long_as_the_target_needs(plan: PromisingZone, z: float) -> None:
    try:
        found = extend_information(plan, z=z)
    except ImpossibleDesign:
        return
    assert found.planned <= found.share <= plan.most * found.planned + EXACT
    if found.zone != "promising":
        assert found.share == found.planned
        assert found.conditional == found.as_planned
        return
    assert plan.wanted[0] <= found.as_planned <= plan.wanted[1]
    if found.share < plan.most * found.planned - 1e-6:
        assert found.conditional == pytest.approx(plan.target, abs=1e-6)
    else:
        assert found.conditional <= plan.target + 1e-6


@few
@given(plans(), st.floats(0.1, 0.9))
def test_z_of_a_conditional_power(plan: PromisingZone, chance: float) -> None:
    now, end, _ = plan.told
    z = plan.z_of(chance, end - now)
    got = plan.conditional(np.array(z), np.array(end - now))
    assert float(got) == pytest.approx(chance, abs=EXACT)
