"""Partially nested trials with overridden assignments, where the truth is known.

Of those assigned to treatment some never have a navigator, and fare as controls do: the effect of
assigning is less than that of the treatment. Taken as navigators of one person each, as is often
done, they pull the difference towards 0 by far more than their share: by a fifth of it where one
in five is overridden.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import partially_nested_difference

EFFECT = -0.5
SIZES = [pytest.param(150, id="reduced"), pytest.param(2000, id="full", marks=pytest.mark.slow)]
# share overridden, the intraclass correlation, and whether people are skewed as harm is
ROOMS: dict[str, tuple[float, float, bool]] = {
    "one in sixteen": (1 / 16, 0.05, False),
    "one in five": (0.2, 0.1, False),
    "one in five, skewed": (0.2, 0.05, True),
}


def draw(rng: np.random.Generator, share: float, icc: float, *, skewed: bool) -> ce.Trial:
    """130 people an arm and twelve navigators; skewed: exponential, halved by treatment."""
    n, navigators = 260, 12
    arm = rng.permutation(np.arange(n) % 2)
    took = (arm == 1) & (rng.random(n) >= share)
    navigator = rng.integers(0, navigators, n)
    apart = rng.normal(0, np.sqrt(icc / (1 - icc)), navigators)[navigator]
    if skewed:
        y = rng.exponential(size=n) * np.where(took, 1 + EFFECT, 1.0) + took * apart / 2
    else:
        y = rng.normal(size=n) + took * (EFFECT + apart)
    frame = pd.DataFrame({"arm": arm, "y": y, "navigator": np.where(took, navigator, np.nan)})
    return ce.Trial.from_frame(
        frame, arm="arm", control=0, factors=["navigator"], numeric={"y": "y"}
    )


@pytest.mark.parametrize("trials", SIZES)
@pytest.mark.parametrize("name", ROOMS)
def test_bias_and_coverage(name: str, trials: int) -> None:
    share, icc, skewed = ROOMS[name]
    truth = (1 - share) * EFFECT
    rng = np.random.default_rng([77, trials])
    found = [
        partially_nested_difference(
            draw(rng, share, icc, skewed=skewed), outcome="y", navigator="navigator"
        )
        for _ in range(trials)
    ]
    value = np.array([each.value for each in found])
    spread = value.std(ddof=1)
    # Unbiased; singletons as navigators would be off by 0.08 with one in five.
    assert abs(value.mean() - truth) < 5 * spread / np.sqrt(trials)
    covered = np.mean([each.low <= truth <= each.high for each in found])
    assert abs(covered - 0.95) < 0.015 + 5 * np.sqrt(0.95 * 0.05 / trials)
    reported = np.mean([each.std_error for each in found])
    assert reported == pytest.approx(spread, rel=0.05 + 5 / np.sqrt(2 * trials))
