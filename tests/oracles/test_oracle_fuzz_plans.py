"""Plans drawn at random, small risks, unequal arms and margins among them, against R rpact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from checkpoint_eval.power import Hazards, Proportions, events_needed, people_needed

R = json.loads((Path(__file__).parent / "fuzz_plans.json").read_text(encoding="utf-8"))
# rpact searches the people of a trial with accrual to about this; events are in closed form.
SEARCHED = 1e-6


def _how(want: dict[str, Any]) -> dict[str, Any]:
    return {name: want[name] for name in ("power", "alpha", "sided", "ratio")}


@pytest.mark.parametrize("want", R["risks"], ids=lambda one: f"{one['n']:.0f}")
def test_risks(want: dict[str, Any]) -> None:
    plan = Proportions(
        control=want["control"],
        treatment=want["treatment"],
        measure=want["measure"],
        margin=want["margin"],
    )
    found = people_needed(plan, **_how(want))
    assert found.exact_people == pytest.approx(want["n"], rel=SEARCHED)


@pytest.mark.parametrize("want", R["hazards"], ids=lambda one: f"{one['n']:.0f}")
def test_hazards(want: dict[str, Any]) -> None:
    names = ("control", "at", "accrual", "follow_up", "dropout", "formula", "margin")
    plan = Hazards(ratio=want["hazard"], **{name: want[name] for name in names})
    assert people_needed(plan, **_how(want)).exact_people == pytest.approx(want["n"], rel=SEARCHED)
    found = events_needed(plan, **_how(want))
    assert found.exact_events == pytest.approx(want["events"], rel=SEARCHED)
