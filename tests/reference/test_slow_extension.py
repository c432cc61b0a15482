"""The promising zone against trials simulated one by one."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest
from slow_sequential import bisect, normal_above

from checkpoint_eval.power import (
    GroupSequential,
    HwangShihDeCani,
    PocockSpending,
    PromisingZone,
    extension_power,
    stopping_bounds,
)

TRIALS = 20_000
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "combination": ({"looks": (0.5, 1)}, {"most": 1.8}),
    "all data": ({"looks": (0.6, 1)}, {"statistic": "all data", "zone": (0.4, 0.8)}),
    "fixed effect": ({"looks": (0.5, 1)}, {"effect": 2.5, "most": 3.0, "target": 0.9}),
    "three looks": (
        {
            "looks": (0.3, 0.6, 1),
            "alpha": 0.025,
            "sided": 1,
            "boundary": PocockSpending(),
            "futility": HwangShihDeCani(gamma=-1),
        },
        {"zone": (0.2, 0.7)},
    ),
}


def ends(plan: PromisingZone, z: float) -> tuple[float, float]:
    """Information at the end, and the z of later data that is then needed: by bisection."""
    now, end = plan.bounds.shares[-2:]
    critical = plan.bounds.critical[-1]
    drift = z / sqrt(now) if plan.effect == "trend" else plan.effect

    def needed(after: float) -> float:
        span = after if plan.statistic == "all data" else end - now
        return float((critical * sqrt(now + span) - z * sqrt(now)) / sqrt(span))

    def power(after: float) -> float:
        return normal_above(needed(after) - drift * sqrt(after))

    low, high, target = plan.wanted
    after = end - now
    if low <= power(after) <= high and power(after) < target:
        most = plan.most * end - now
        after = most
        if power(most) > target:
            after = bisect(lambda some: target - power(some), end - now, most)
    return after, needed(after)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("drift", [0.0, 2.3])
def test_trials_one_by_one(case: str, drift: float) -> None:
    design, how = CASES[case]
    bounds = stopping_bounds(GroupSequential(**design))
    plan = PromisingZone(bounds=bounds, **how)
    rng = np.random.default_rng(11)
    won, extended, information = 0, 0, np.zeros(TRIALS)
    for number in range(TRIALS):
        score = before = 0.0
        for look, share in enumerate(bounds.shares[:-1]):
            score += rng.normal(drift * (share - before), sqrt(share - before))
            before = share
            z = score / sqrt(share)
            low = -bounds.critical[look] if design.get("sided") != 1 else bounds.futility[look]
            if z >= bounds.critical[look] or z <= low:
                won += z >= bounds.critical[look]
                break
        else:
            after, needed = ends(plan, z)
            extended += after > bounds.shares[-1] - before + 1e-9
            won += rng.normal(drift * sqrt(after), 1) >= needed
            before += after
        information[number] = before
    found = extension_power(plan, drift=drift).iloc[0]
    # four Monte Carlo standard errors
    for name, count in (("efficacy", won), ("extended", extended)):
        told = float(found[name])
        assert count / TRIALS == pytest.approx(told, abs=4 * sqrt(told * (1 - told) / TRIALS))
    error = information.std() * bounds.inflation / sqrt(TRIALS)
    assert information.mean() * bounds.inflation == pytest.approx(
        float(found["expected"]), abs=4 * error
    )
