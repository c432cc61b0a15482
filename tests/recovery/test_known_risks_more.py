"""Risks over strata, and by a regression in each arm, where the truth is known.

Three outcomes share, over the strata, a difference, a ratio or an odds ratio of risks. In one room
the strata are few and large, in the other many and of four people. In the third a covariate
foretells more under treatment, and each effect is that of risks averaged over it.
"""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce

DIFFERENCE, RATIO, ODDS = -0.12, 0.7, 0.55
COMMON = {
    "difference": lambda risk: risk + DIFFERENCE,
    "ratio": lambda risk: RATIO * risk,
    "odds": lambda risk: ODDS * risk / (1 - risk + ODDS * risk),
}
VERBS = {"difference": ce.risk_difference, "ratio": ce.risk_ratio, "odds": ce.odds_ratio}
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)


def risk_of(age: np.ndarray, arm: np.ndarray | int) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(0.4 - 0.5 * age + arm * (0.5 - 0.9 * age))))


def draw_strata(suite: np.ndarray, risk: np.ndarray, rng: np.random.Generator) -> ce.Trial:
    """Half of each suite is treated; suites are sorted and of even size."""
    arm = np.concatenate([rng.permutation(np.arange(n) % 2) for n in np.bincount(suite)])
    outcomes = {
        name: rng.random(suite.size) < np.where(arm, treated(risk), risk)
        for name, treated in COMMON.items()
    }
    frame = pd.DataFrame({"arm": arm, "suite": suite, **outcomes})
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        strata=["suite"],
        binary={name: name for name in COMMON},
    )


def draw_large(rng: np.random.Generator) -> ce.Trial:
    suite = np.repeat(np.arange(4), [60, 80, 120, 140])
    return draw_strata(suite, np.array([0.3, 0.6, 0.45, 0.2])[suite], rng)


def draw_small(rng: np.random.Generator) -> ce.Trial:
    """A hundred suites of four."""
    suite = np.repeat(np.arange(100), 4)
    return draw_strata(suite, np.linspace(0.2, 0.7, 100)[suite], rng)


def draw_people(rng: np.random.Generator) -> ce.Trial:
    age = rng.normal(size=400)
    arm = rng.permutation(np.arange(400) % 2)
    frame = pd.DataFrame({"arm": arm, "age": age, "any": rng.random(400) < risk_of(age, arm)})
    return ce.Trial.from_frame(
        frame, arm="arm", control=0, covariates=["age"], binary={"any": "any"}
    )


def over_strata(name: str, trial: ce.Trial, **how: Any) -> ce.Estimate:
    return VERBS[name](trial, outcome=name, strata=None, **how)


def standardised(name: str, trial: ce.Trial, **how: Any) -> ce.Estimate:
    return VERBS[name](trial, outcome="any", adjust="age", **how)


STRATIFIED = {
    "difference, Sato": (partial(over_strata, "difference"), DIFFERENCE),
    "ratio": (partial(over_strata, "ratio"), RATIO),
    "odds ratio": (partial(over_strata, "odds"), ODDS),
}
# Greenland and Robins' variance of the difference is of large strata only.
LARGE = STRATIFIED | {
    "difference, Greenland and Robins": (
        partial(over_strata, "difference", interval="greenland-robins"),
        DIFFERENCE,
    )
}
MEAN = [float(WEIGHTS @ risk_of(NODES, arm) / WEIGHTS.sum()) for arm in (0, 1)]
TRUTH = {
    "difference": MEAN[1] - MEAN[0],
    "ratio": MEAN[1] / MEAN[0],
    "odds": MEAN[1] * (1 - MEAN[0]) / (MEAN[0] * (1 - MEAN[1])),
}
MODELLED = {
    f"{name}, {'in each arm' if interactions else 'shared'}": (
        partial(standardised, name, interactions=interactions),
        TRUTH[name],
    )
    for name in VERBS
    for interactions in (False, True)
}


@pytest.mark.parametrize("name", LARGE)
def test_few_large_strata(recovery: Any, name: str) -> None:
    recovery.check_estimates(draw_large, LARGE, name)


@pytest.mark.parametrize("name", STRATIFIED)
def test_many_small_strata(recovery: Any, name: str) -> None:
    recovery.check_estimates(draw_small, STRATIFIED, name)


@pytest.mark.parametrize("name", MODELLED)
def test_standardised(recovery: Any, name: str) -> None:
    recovery.check_estimates(draw_people, MODELLED, name)
