"""The promising zone, and conditional power, as R gsDesign and East have them.

Values are as printed. East's come from simulation and from whole
people: gsDesign itself is held to 1e-2 or 1e-3 of them, relative.
"""

from __future__ import annotations

import numpy as np
import pytest

from checkpoint_eval.power import (
    GroupSequential,
    HwangShihDeCani,
    PromisingZone,
    StoppingBounds,
    conditional_power,
    extension_power,
    stopping_bounds,
)

EAST = 0.057302441  # the effect, in units of a person


def gsdesign(looks: int, sided: int, power: float = 0.9) -> StoppingBounds:
    """Return gsDesign's default, test types 1 and 2: HSD(-4), .025 on a side."""
    return stopping_bounds(
        GroupSequential(
            looks=looks,
            alpha=0.025 * sided,
            sided=sided,
            power=power,
            boundary=HwangShihDeCani(gamma=-4),
        )
    )


@pytest.mark.parametrize(("zone", "want"), [((0.3, 0.8), 0.9214), ((0.5, 0.6), 0.901)])
def test_power_with_a_promising_zone(zone: tuple[float, float], want: float) -> None:
    """ssrCP and Power.ssrCP: two sides, n.fix = 3200, at most twice as many, all data alike."""
    bounds = gsdesign(2, 2)
    plan = PromisingZone(bounds=bounds, zone=zone, target=0.8, most=2, statistic="all data")
    found = extension_power(plan, drift=EAST * np.sqrt(3200 * bounds.inflation))
    assert found["efficacy"][0] == pytest.approx(want, rel=1e-2)


@pytest.mark.parametrize("statistic", ["combination", "all data"])
def test_no_zone_no_change(statistic: str) -> None:
    """A zone nobody comes to leaves the power as planned."""
    bounds = gsdesign(2, 2)
    plan = PromisingZone(bounds=bounds, zone=(0.999, 0.9999), target=0.8, statistic=statistic)  # type: ignore[arg-type]
    found = extension_power(plan, drift=EAST * np.sqrt(3200 * bounds.inflation))
    assert found["efficacy"][0] == pytest.approx(0.9, abs=1e-7)


@pytest.mark.parametrize("z", [1.19999, 1.16])
def test_people_of_ssr(z: float) -> None:
    """gsDesign's own check of ssrCP: n₁ + n₁/z²·((u√n − z√n₁)/√(n − n₁) − z(β))²."""
    bounds = gsdesign(2, 2, power=0.8)
    n = 800 * bounds.inflation
    plan = PromisingZone(bounds=bounds, zone=(0.3, 0.8), most=4)
    after = plan.after(np.array(z))
    last = (bounds.critical[1] * np.sqrt(n) - z * np.sqrt(n / 2)) / np.sqrt(n / 2)
    want = n / 2 + n / 2 / z**2 * (last + 0.8416212335729143) ** 2
    assert (0.5 + float(after)) * n == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("effect", [None, 0.057339132])
def test_conditional_power_of_a_stage(effect: float | None) -> None:
    """East: condPower of 403 people after z = 1.15176499 at the first of two looks."""
    bounds = gsdesign(2, 1)
    n = 800 * bounds.inflation
    drift = "trend" if effect is None else effect * np.sqrt(n)
    plan = PromisingZone(bounds=bounds, effect=drift)  # type: ignore[arg-type]
    got = float(plan.conditional(np.array(1.151764990571), np.array(403 / n)))
    assert got == pytest.approx(0.308644, rel=1e-3)


def test_conditional_power_of_two_sides() -> None:
    """East 6.5: gsCP of K = 3, two-sided, n.fix = 800, at the first look."""
    bounds = gsdesign(3, 2)
    effect = 0.05733214 * np.sqrt(800 * bounds.inflation)
    got = conditional_power(bounds, z=0.943317, share=1 / 3, effect=effect)
    assert got == pytest.approx(0.3306859, abs=1e-7)


def test_conditional_power_of_one_side() -> None:
    """The trend, no effect and the planned one together; and a hopeless trend alone."""
    bounds = gsdesign(3, 1)
    z = -3.255599
    got = [conditional_power(bounds, z=z, share=1 / 3, effect=by) for by in ("trend", "null")]
    got.append(conditional_power(bounds, z=z, share=1 / 3, effect="design"))
    # printed by gsDesign, whose bounds stop at a tolerance of 1e-6
    assert sum(got) == pytest.approx(0.01858668, rel=2e-6)
    effect = -0.1977636 * np.sqrt(800 * bounds.inflation)
    got = [conditional_power(bounds, z=-3.25558989896551, share=1 / 3, effect=effect)]
    assert got[0] == pytest.approx(4.289818e-21, rel=1e-5)
