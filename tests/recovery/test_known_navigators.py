"""Partially nested trials where the truth is known: bias, coverage and size.

Navigators' caseloads are unequal, people under treatment vary more than controls, and everybody's
outcome follows their age. Bounds as in test_known_truth.py. Where navigators differ, a full run
covers 94 to 96 per cent; where they do not, up to 98, since a variance between them is never
estimated below 0: there the interval may only be too wide.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models.navigator_tests import partially_nested_test
from checkpoint_eval.models.navigators import navigator_effects, partially_nested_difference

TRUTH = -0.5
SPREAD = 1.3  # of people under treatment; of controls 1
SIZES = [pytest.param(150, id="reduced"), pytest.param(2000, id="full", marks=pytest.mark.slow)]
# navigators, their ICC, and what is adjusted for
ROOMS: dict[str, tuple[int, float, dict[str, Any]]] = {
    "six": (6, 0.05, {}),
    "ten, far apart": (10, 0.1, {"adjust": "age"}),
    "twenty": (20, 0.1, {}),
    "six alike": (6, 0.0, {}),
    "twenty alike": (20, 0.0, {"adjust": "age"}),
}


def draw(
    rng: np.random.Generator, navigators: int, icc: float, *, effect: float = TRUTH, n: int = 240
) -> ce.Trial:
    """Half treated, each by a navigator whose share of people rises from 1 to J to the power .7."""
    arm = rng.permutation(np.arange(n) % 2)
    share = np.arange(1, navigators + 1) ** 0.7
    navigator = rng.choice(navigators, size=n, p=share / share.sum())
    of_navigator = rng.normal(0, SPREAD * np.sqrt(icc / (1 - icc)), navigators)
    age = rng.normal(size=n)
    y = 0.3 * age + np.where(
        arm == 1, effect + of_navigator[navigator] + rng.normal(0, SPREAD, n), rng.normal(size=n)
    )
    return read(arm, navigator, age, y)


def read(arm: np.ndarray, navigator: np.ndarray, age: np.ndarray, y: np.ndarray) -> ce.Trial:
    frame = pd.DataFrame(
        {"arm": arm, "navigator": np.where(arm == 1, navigator, np.nan), "age": age, "y": y}
    )
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        covariates=["age"],
        factors=["navigator"],
        **{"binary" if set(y) == {0, 1} else "numeric": {"y": "y"}},
    )


@cache
def found(name: str, trials: int) -> list[Any]:
    navigators, icc, how = ROOMS[name]
    rng = np.random.default_rng([32, trials, navigators])
    return [
        navigator_effects(draw(rng, navigators, icc), outcome="y", navigator="navigator", **how)
        for _ in range(trials)
    ]


@pytest.mark.parametrize("trials", SIZES)
@pytest.mark.parametrize("name", ROOMS)
def test_bias_and_coverage(name: str, trials: int) -> None:
    estimates = [each.estimate for each in found(name, trials)]
    value = np.array([each.value for each in estimates])
    spread = value.std(ddof=1)
    assert abs(value.mean() - TRUTH) < 5 * spread / np.sqrt(trials)  # unbiased by symmetry
    covered = np.mean([each.low <= TRUTH <= each.high for each in estimates])
    error = 5 * np.sqrt(0.95 * 0.05 / trials)
    alike = ROOMS[name][1] == 0
    assert 0.938 - error < covered < (0.985 if alike else 0.962) + error
    if trials == 2000:
        assert 0.93 < covered < (0.985 if alike else 0.972)
    reported = np.mean([each.std_error for each in estimates])
    # The error of a difference is too large where a variance of 0 is estimated from above only.
    assert reported == pytest.approx(spread, rel=(0.1 if alike else 0.05) + 5 / np.sqrt(2 * trials))


@pytest.mark.parametrize("trials", SIZES)
@pytest.mark.parametrize("name", [each for each in ROOMS if ROOMS[each][1] > 0])
def test_the_interval_of_the_correlation_is_exact(name: str, trials: int) -> None:
    """Given normal people, though some of their variance is that of age."""
    _, icc, how = ROOMS[name]
    within = SPREAD**2 * icc / (1 - icc)
    total = SPREAD**2 + within + (0 if how else 0.09)
    covered = np.mean(
        [each.icc_low <= within / total <= each.icc_high for each in found(name, trials)]
    )
    assert abs(covered - 0.95) < 5 * np.sqrt(0.95 * 0.05 / trials)


@pytest.mark.parametrize("trials", SIZES)
def test_yes_or_no(trials: int) -> None:
    """Chances of .5 under control, and of .4 on average over 12 navigators of SD .1."""
    rng = np.random.default_rng([33, trials])
    estimates = []
    for _ in range(trials):
        n, j = 240, 12
        arm, navigator = rng.permutation(np.arange(n) % 2), rng.integers(0, j, n)
        chance = np.where(arm == 1, 0.4 + rng.uniform(-0.17, 0.17, j)[navigator], 0.5)
        y = (rng.random(n) < chance).astype(int)
        estimates.append(
            partially_nested_difference(
                read(arm, navigator, chance, y), outcome="y", navigator="navigator"
            )
        )
    value = np.array([each.value for each in estimates])
    assert abs(value.mean() + 0.1) < 5 * value.std(ddof=1) / np.sqrt(trials)
    covered = np.mean([each.low <= -0.1 <= each.high for each in estimates])
    assert abs(covered - 0.95) < 0.015 + 5 * np.sqrt(0.95 * 0.05 / trials)


# Navigators, their ICC, and about how often the test rejects at 5 per cent.
NULLS: dict[str, tuple[int, float, float]] = {
    "sharp": (6, 0.0, 0.05),
    "navigators differ, none on average": (6, 0.05, 0.055),
    "and differ much": (6, 0.1, 0.057),
    "and many navigators": (16, 0.05, 0.052),
}


@pytest.mark.parametrize("trials", SIZES)
@pytest.mark.parametrize("name", NULLS)
def test_size_of_the_test(name: str, trials: int) -> None:
    """Exact for the sharp null; for the weak one, with few navigators, hardly too often.

    Differences over errors, not told as scores, would reject 6 to 7 times in 100 of these.
    """
    navigators, icc, size = NULLS[name]
    rng = np.random.default_rng([34, trials, navigators, round(100 * icc)])
    p_values = np.array(
        [
            partially_nested_test(
                draw(rng, navigators, icc, effect=0.0, n=120) if icc else alike(rng),
                outcome="y",
                navigator="navigator",
                draws=199,
                rng=rng,
            ).p_value
            for _ in range(trials)
        ]
    )
    error = 5 * np.sqrt(size * (1 - size) / trials)
    slack = 0.0 if icc == 0 else 0.005
    assert abs(np.mean(p_values <= 0.05) - size) < slack + error


def alike(rng: np.random.Generator) -> ce.Trial:
    """Nobody's outcome depends on the arm."""
    n = 120
    arm = rng.permutation(np.arange(n) % 2)
    return read(
        arm, np.sqrt(rng.integers(0, 36, n)).astype(int), rng.normal(size=n), rng.gamma(1, size=n)
    )
