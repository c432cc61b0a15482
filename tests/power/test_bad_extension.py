"""What the promising zone refuses, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.power import (
    GroupSequential,
    KimDeMets,
    PromisingZone,
    extend_information,
    extension_power,
    stopping_bounds,
)

NAN = float("nan")
BOUNDS = stopping_bounds(GroupSequential(looks=2))


@pytest.mark.parametrize(
    ("how", "kind", "match"),
    [
        ({"bounds": "two"}, TrialError, "`bounds` must be `StoppingBounds`"),
        (
            {"bounds": stopping_bounds(GroupSequential(looks=1))},
            ImpossibleDesign,
            "a look before the last",
        ),
        ({"zone": (0.8, 0.5)}, ImpossibleDesign, "two rising conditional powers"),
        ({"zone": (0.5,)}, ImpossibleDesign, "`zone`"),
        ({"zone": (0.5, 1)}, ImpossibleDesign, "`zone`"),
        ({"zone": (NAN, 0.8)}, ImpossibleDesign, "`zone`"),
        ({"zone": ("a", 0.8)}, ImpossibleDesign, "`zone`"),
        ({"target": 1}, TrialError, "`target`"),
        ({"target": NAN}, TrialError, "`target`"),
        ({"most": 1}, ImpossibleDesign, "`most` must be above 1"),
        ({"most": NAN}, ImpossibleDesign, "`most`"),
        ({"effect": "design"}, TrialError, "`effect` must be a finite number above 0"),
        ({"effect": -1}, TrialError, "`effect`"),
        ({"statistic": "sum"}, TrialError, "`statistic`"),
    ],
)
def test_plans(how: dict[str, Any], kind: type[TrialError], match: str) -> None:
    with pytest.raises(kind, match=match):
        PromisingZone(**({"bounds": BOUNDS} | how))


def test_verbs() -> None:
    plan = PromisingZone(bounds=BOUNDS)
    for z in (NAN, "2", None):
        with pytest.raises(TrialError, match="`z` must be a finite number"):
            extend_information(plan, z=z)  # type: ignore[arg-type]
    for z in (3.0, -3.0):
        with pytest.raises(ImpossibleDesign, match="beyond a bound of look 1"):
            extend_information(plan, z=z)
    wedge = stopping_bounds(GroupSequential(looks=2, futility=KimDeMets(rho=1)))
    with pytest.raises(ImpossibleDesign, match="where the trial stops"):
        extend_information(PromisingZone(bounds=wedge), z=0.1)
    for call in (lambda: extend_information(BOUNDS, z=1.0), lambda: extension_power(1, drift=0)):
        with pytest.raises(TrialError, match="`plan` must be a `PromisingZone`"):
            call()
    with pytest.raises(TrialError, match="between -100 and 100"):
        extension_power(plan, drift=[NAN])


def test_what_is_shown() -> None:
    found = [extend_information(PromisingZone(bounds=BOUNDS), z=z) for z in (0.5, 1.6, 2.2)]
    assert [each.zone for each in found] == ["unfavourable", "promising", "favourable"]
    assert "z = 1.600 is promising" in repr(found[1])
    assert found[1].to_frame()["share"][0] == found[1].share
