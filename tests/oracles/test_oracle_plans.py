"""Whole plans, people and events and looks together, as rpact, East, SAS and lifelines have them.

planning.json holds rpact's designs; single values have the digits that were printed.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.optimize import brentq

from checkpoint_eval.power import (
    GroupSequential,
    Hazards,
    HwangShihDeCani,
    KimDeMets,
    OBrienFleming,
    OBrienFlemingSpending,
    Pocock,
    PocockSpending,
    events_needed,
    people_needed,
    power_of,
    stopping_bounds,
)

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent
PLANNING = json.loads((FOLDER / "planning.json").read_text(encoding="utf-8"))
FAMILIES: dict[str, Any] = {
    "OF": OBrienFleming(),
    "P": Pocock(),
    "asOF": OBrienFlemingSpending(),
    "asP": PocockSpending(),
    "asKD": KimDeMets(rho=2),
    "asHSD": HwangShihDeCani(gamma=-4),
}
# rpact's default tolerance in alpha, 1e-8, is 2e-7 in z where its density is 0.05, and 2e-6 early
# on, where it is small
SEARCHED = 2e-6


@pytest.mark.parametrize(
    "want", PLANNING["group_sequential"], ids=lambda one: f"{one['type']}{one['k']}{one['sided']}"
)
def test_collected_designs(want: dict[str, Any]) -> None:
    found = stopping_bounds(
        GroupSequential(
            looks=(*want["information_rates"][:-1], 1),
            alpha=want["alpha"],
            sided=want["sided"],
            boundary=FAMILIES[want["type"]],
        )
    )
    np.testing.assert_allclose(found.critical, want["critical_values"], rtol=0, atol=SEARCHED)
    np.testing.assert_allclose(found.alpha_spent, want["alpha_spent"], rtol=0, atol=2e-8)
    # levels of one side, whatever the sides of the design
    levels = found.nominal_p / want["sided"]
    np.testing.assert_allclose(levels, want["stage_levels"], rtol=0, atol=1e-7)


def test_collected_futility_and_inflation() -> None:
    want = PLANNING["with_futility"]
    how: dict[str, Any] = {"alpha": 0.025, "sided": 1, "power": 0.9}
    found = stopping_bounds(GroupSequential(looks=3, futility=OBrienFlemingSpending(), **how))
    np.testing.assert_allclose(found.critical, want["critical"], rtol=0, atol=SEARCHED)
    np.testing.assert_allclose(found.futility[:-1], want["futility"], rtol=0, atol=SEARCHED)
    plain = stopping_bounds(GroupSequential(looks=3, **how))
    assert plain.inflation == pytest.approx(PLANNING["inflation"]["inflation"], abs=1e-7)
    expected = PLANNING["inflation"]["expected_reduction_h1"]
    assert plain.expected[1] == pytest.approx(expected, abs=1e-7)
    five = GroupSequential(looks=5, alpha=0.025, sided=1, power=0.8, boundary=OBrienFleming())
    want = PLANNING["inflation_of5"]["inflation"]
    assert stopping_bounds(five).inflation == pytest.approx(want, abs=1e-7)


def test_the_domain_case_with_looks(printed: Callable[..., None]) -> None:
    """48 per cent at 24 months, ratio 0.7, three O'Brien–Fleming looks: events, people, months."""
    plan = Hazards(ratio=0.7, control=0.48, at=24, accrual=20, follow_up=24)
    bounds = stopping_bounds(GroupSequential(looks=3))
    events = events_needed(plan).exact_events * bounds.inflation * bounds.shares
    people = people_needed(plan).exact_people * bounds.inflation
    printed(events, [83.315, 166.630, 249.945])
    printed([people], [465.842])
    printed(np.exp(-2 * bounds.critical / np.sqrt(events)), [0.443536, 0.677659, 0.777143])

    def short(month: float, want: float) -> float:
        """Events that are missing by a month, people coming evenly over the first 20."""
        come = min(month, 20)
        so_far = Hazards(
            ratio=0.7, control=0.48, at=24, accrual=come, follow_up=max(month - 20, 1e-9)
        )
        arm = np.float64(people * come / 20 / 2)
        return float(want - so_far.events(arm, arm).sum())

    months = [brentq(short, 1, 60, args=(each,)) for each in events]
    printed(months, [18.891, 29.640, 44.0])


def test_east_survival_with_looks() -> None:
    """East 6.5, four looks: HSD(-4) for efficacy, Kim–DeMets 0.5 for futility, Schoenfeld."""
    bounds = stopping_bounds(
        GroupSequential(
            looks=4,
            alpha=0.025,
            sided=1,
            power=0.9,
            boundary=HwangShihDeCani(gamma=-4),
            futility=KimDeMets(rho=0.5),
        )
    )
    events = events_needed(Hazards(ratio=0.5), alpha=0.025, sided=1, power=0.9).exact_events
    # East's own search of the inflation is good to about six digits
    want = [29.1514896, 58.3029792, 87.4544688, 116.6059584]
    np.testing.assert_allclose(events * bounds.inflation * bounds.shares, want, rtol=1e-6)


def test_sas_at_a_rate(printed: Callable[..., None]) -> None:
    """SAS SEQDESIGN: six people a month as long as it takes, then twelve months."""
    months = 182.1759 / 6
    plan = Hazards(ratio=0.5, control=-math.expm1(-0.03466), accrual=months, follow_up=12)
    printed([people_needed(plan, power=0.9).exact_people], [182.1759])


def test_lifelines() -> None:
    """Its size is Freedman's events over the mean chance of one, rounded up in each arm."""
    for power, chances, ratio, want in (
        (0.8, (0.25, 0.35), 0.7, 421),
        (0.9, (0.4, 0.4), 0.6, 211),
    ):
        design = Hazards(ratio=ratio, formula="freedman")
        events = events_needed(design, power=power).exact_events
        assert math.ceil(events / sum(chances)) == want
    found = power_of(Hazards(ratio=0.7, formula="freedman"), events=421 * 0.6).power
    assert found == pytest.approx(0.8008755508881442, abs=1e-12)
