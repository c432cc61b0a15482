"""Differences of means where the truth is known: bias, coverage and standard errors.

Harm rises with a covariate, more steeply under treatment, varies more there, and differs between
suites; officers, each of one arm, share what they add. Everybody's effect averages TRUTH, so that
no regression fitted here is the model that made the data. Bounds as in test_known_truth.py.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import mean_difference

if TYPE_CHECKING:
    from collections.abc import Callable

TRUTH = -2.0
SIZES = [pytest.param(150, id="reduced"), pytest.param(2000, id="full", marks=pytest.mark.slow)]
# Degrees of freedom are approximate: a method covers within this of its nominal level.
SLACK = 0.012


def harm(rng: np.random.Generator, arm: np.ndarray, age: np.ndarray) -> np.ndarray:
    mean = 10 + 2 * age + arm * (TRUTH + 1.5 * age + 0.5 * (age**2 - 1))
    return np.asarray(mean + rng.gamma(4, 1 + 0.5 * arm) - 4 * (1 + 0.5 * arm))


def of_people(rng: np.random.Generator, people: int = 160) -> ce.Trial:
    """Complete randomisation, a third treated."""
    arm = rng.permutation(np.arange(people) % 3 == 0).astype(int)
    age = rng.normal(size=people)
    y = harm(rng, arm, age) + 3 * rng.integers(0, 4, people)
    return read(arm=arm, harm=y, age=age)


def of_suites(rng: np.random.Generator) -> ce.Trial:
    """The same within four suites, where about a third of each is treated."""
    suite = np.repeat(np.arange(4), [16, 24, 48, 72])
    arm = np.concatenate([rng.permutation(np.arange(n) % 3 == 0) for n in np.bincount(suite)])
    age = rng.normal(size=suite.size)
    y = harm(rng, arm, age) + 3 * suite
    return read(arm=arm.astype(int), harm=y, age=age, suite=suite)


def of_pairs(rng: np.random.Generator, pairs: int = 30) -> ce.Trial:
    """Pairs of people alike, and one suite of 40."""
    arm = np.concatenate([rng.permuted(np.tile([0, 1], (pairs, 1)), axis=1).ravel(),
                          rng.permutation(np.arange(40) % 2)])  # fmt: skip
    suite = np.concatenate([np.repeat(np.arange(pairs), 2), np.full(40, pairs)])
    y = harm(rng, arm, rng.normal(size=arm.size)) + rng.normal(0, 4, pairs + 1)[suite]
    return read(arm=arm, harm=y, suite=suite)


def of_clusters(rng: np.random.Generator, officers: int = 16) -> ce.Trial:
    """Officers with 2 to 15 people, allocated whole, six of them to treatment."""
    officer = np.repeat(np.arange(officers), rng.integers(2, 16, officers))
    arm = rng.permutation(np.arange(officers) < 6)[officer]
    age = rng.normal(size=officer.size)
    # Effects do not depend on age here: they would differ with the sizes of clusters.
    y = 10 + 2 * age + TRUTH * arm + rng.normal(0, 1.5, officers)[officer]
    return read(
        arm=arm.astype(int),
        harm=y + rng.normal(0, 3, officer.size),
        age=age,
        suite=officer % 2,
        officer=officer,
    )


def read(**columns: np.ndarray) -> ce.Trial:
    return ce.Trial.from_frame(
        pd.DataFrame(columns),
        arm="arm",
        control=0,
        factors=[each for each in columns if each not in ("arm", "harm")],
        numeric={"harm": "harm"},
    )


@cache
def drawn(draw: Callable[[np.random.Generator], ce.Trial], trials: int) -> list[ce.Trial]:
    rng = np.random.default_rng([31, trials])
    return [draw(rng) for _ in range(trials)]


METHODS = {
    "neyman": (of_people, {}),
    "blocked": (of_suites, {"strata": "suite"}),
    "lin": (of_people, {"adjust": "age"}),
    "lin in strata": (of_suites, {"adjust": "age", "strata": "suite"}),
    "lin, HC3": (of_people, {"adjust": "age", "variance": "HC3"}),
    "ancova": (of_suites, {"adjust": "age", "strata": "suite", "method": "ancova"}),
    "pairs beside others": (of_pairs, {"strata": "suite"}),
    "clusters": (of_clusters, {"cluster": "officer"}),
    "clusters, ancova": (
        of_clusters,
        {"cluster": "officer", "adjust": "age", "method": "ancova"},
    ),
}


@pytest.mark.parametrize("trials", SIZES)
@pytest.mark.parametrize("name", METHODS)
def test_bias_and_coverage(name: str, trials: int) -> None:
    draw, how = METHODS[name]
    found = [mean_difference(each, outcome="harm", **how) for each in drawn(draw, trials)]
    value = np.array([each.value for each in found])
    spread = value.std(ddof=1)
    # Unbiased but for Lin's and ANCOVA's terms of order 1/n: small beside the spread.
    assert abs(value.mean() - TRUTH) < 5 * spread / np.sqrt(trials) + 0.05 * spread
    covered = np.mean([each.low <= TRUTH <= each.high for each in found])
    error = np.sqrt(0.95 * 0.05 / trials)
    assert 0.95 - SLACK - 5 * error < covered < 0.95 + SLACK + 5 * error
    reported = np.mean([each.std_error for each in found])
    # A standard deviation from N trials is itself uncertain by about 1/sqrt(2N).
    assert reported == pytest.approx(spread, rel=0.05 + 5 / np.sqrt(2 * trials))


@pytest.mark.slow
def test_coverage_lies_where_the_documentation_says() -> None:
    """93 to 97 per cent, for every method."""
    for name, (draw, how) in METHODS.items():
        found = [mean_difference(each, outcome="harm", **how) for each in drawn(draw, 2000)]
        covered = np.mean([each.low <= TRUTH <= each.high for each in found])
        assert 0.93 < covered < 0.97, f"{name}: {covered}"
