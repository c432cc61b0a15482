"""Collected values of c8 and c9 that stood in no other test."""

import numpy as np
import pytest

from checkpoint_eval.power import (
    GroupSequential,
    Hazards,
    HwangShihDeCani,
    KimDeMets,
    Proportions,
    events_needed,
    people_needed,
    stopping_bounds,
)


def test_two_to_one_as_rpact() -> None:
    """0.35 against 0.25, 90 per cent: 653.8129 at 0.25 and 326.9065; to the digits printed."""
    found = people_needed(Proportions(control=0.35, treatment=0.25), power=0.9, ratio=2)
    assert found.exact == pytest.approx((326.9065, 653.8129), abs=5e-5)
    assert found.exact_people == pytest.approx(980.7194, abs=5e-5)


def test_people_of_a_cox_model_as_printed() -> None:
    """Chow, Shao and Wang: hazard ratio 2, 80 per cent have the event: 81.68 people."""
    assert events_needed(Hazards(ratio=2)).exact_events / 0.8 == pytest.approx(81.68, abs=5e-3)


def test_four_looks_as_east() -> None:
    """gsSurv(4, sflpar 0.5 of sfPower, hazard ratio 0.5): 29.15 58.30 87.45 116.61 events."""
    design = GroupSequential(
        looks=4,
        alpha=0.025,
        sided=1,
        power=0.9,
        boundary=HwangShihDeCani(gamma=-4),
        futility=KimDeMets(rho=0.5),
    )
    bounds = stopping_bounds(design)
    events = events_needed(Hazards(ratio=0.5), alpha=0.025, sided=1, power=0.9).exact_events
    found = bounds.shares * bounds.inflation * events
    np.testing.assert_allclose(found, [29.15, 58.30, 87.45, 116.61], atol=5.1e-3)
