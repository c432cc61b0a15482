"""The library's differences of means against the slow references."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from slow_means import Answer, bell_mccaffrey, blocked, design, neyman, robust

import checkpoint_eval as ce
from checkpoint_eval.models import mean_difference

CLOSED = 1e-9  # closed forms in another order; normal equations lose a digit or two
SEEDS = range(6)


def people(seed: int, n: int = 40) -> pd.DataFrame:
    """Skewed harm, numbers and a binary covariate, clusters of 1 to 6 within arms and suites."""
    rng = np.random.default_rng([77, seed])
    officer = np.sort(rng.integers(0, 12, n))
    frame = pd.DataFrame({"officer": officer, "arm": officer % 2, "suite": officer // 2 % 3})
    return frame.assign(
        free=rng.permutation(np.arange(n) % 2),
        age=rng.integers(18, 60, n),
        prior=(rng.random(n) < 0.4).astype(int),
        harm=rng.lognormal(3, 1, n) + 5 * officer,
    )


def read(frame: pd.DataFrame, **how: Any) -> ce.Trial:
    return ce.Trial.from_frame(
        frame, **({"arm": "arm", "control": 0, "numeric": {"harm": "harm"}} | how)
    )


def check(found: ce.Estimate, want: Answer) -> None:
    assert found.value == pytest.approx(want.value, rel=CLOSED)
    assert found.std_error == pytest.approx(want.std_error, rel=CLOSED)
    assert f"{want.df:.4g} degrees of freedom" in found.method
    assert found.by_arm[1] - found.by_arm[0] == pytest.approx(found.value, rel=CLOSED)


@pytest.mark.parametrize("seed", SEEDS)
def test_two_means(seed: int) -> None:
    frame = people(seed)
    found = mean_difference(read(frame, arm="free"), outcome="harm")
    check(found, neyman(frame["harm"].tolist(), frame["free"].tolist()))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("method", ["lin", "ancova"])
@pytest.mark.parametrize("variance", ["HC0", "HC1", "HC2", "HC3"])
def test_regressions(seed: int, method: Any, variance: Any) -> None:
    frame = people(seed)
    trial = read(frame, arm="free", covariates=["age", "prior"])
    x = design(frame["free"], [frame["age"], frame["prior"]], crossed=method == "lin")
    found = mean_difference(
        trial, outcome="harm", adjust=["age", "prior"], method=method, variance=variance
    )
    check(found, robust(x, frame["harm"].tolist(), variance))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("method", ["neyman", "lin", "ancova"])
@pytest.mark.parametrize("arm", ["arm", "free"])
def test_clusters(seed: int, method: Any, arm: str) -> None:
    """Within arms, and across them."""
    frame = people(seed)
    adjust = [] if method == "neyman" else ["age", "prior"]
    trial = read(frame, arm=arm, covariates=["age", "prior"], factors=["officer"])
    x = design(frame[arm], [frame[each] for each in adjust], crossed=method == "lin")
    found = mean_difference(trial, outcome="harm", adjust=adjust, method=method, cluster="officer")
    check(found, bell_mccaffrey(x, frame["harm"].tolist(), frame["officer"].tolist()))


# Blocks by their numbers in control and treatment; a block with one person in an arm is small.
SHAPES = {
    "big": [(3, 2), (5, 4), (2, 2)],
    "pairs": [(1, 1)] * 5,
    "one size": [(1, 2), (2, 1), (1, 2)],
    "small of many sizes": [(1, 1), (1, 2), (3, 1), (1, 1), (1, 4)],
    "mixed": [(6, 7), (1, 1), (1, 2), (1, 1), (4, 1), (3, 3)],
    "pairs and big": [(5, 5), (1, 1), (1, 1), (4, 6)],
}


def in_blocks(shape: list[tuple[int, int]], seed: int) -> pd.DataFrame:
    rng = np.random.default_rng([78, seed])
    frame = pd.DataFrame(
        [(block, code) for block, sizes in enumerate(shape) for code in (0, 1)
         for _ in range(sizes[code])],
        columns=["block", "arm"],
    )  # fmt: skip
    return frame.assign(harm=rng.lognormal(2, 1, len(frame)) + frame["block"])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", SHAPES)
def test_blocks(seed: int, name: str) -> None:
    frame = in_blocks(SHAPES[name], seed)
    found = mean_difference(read(frame, strata=["block"]), outcome="harm")
    columns = [frame[each].tolist() for each in ("harm", "arm", "block")]
    check(found, blocked(*columns))


def allocations(shape: list[tuple[int, int]]) -> list[np.ndarray]:
    """Every way to choose the treated of each block."""
    ways = [list(combinations(range(sum(sizes)), sizes[1])) for sizes in shape]
    return [
        np.concatenate(
            [np.isin(np.arange(sum(sizes)), way) for sizes, way in zip(shape, each, strict=True)]
        ).astype(int)
        for each in product(*ways)
    ]


@pytest.mark.parametrize(
    "shape",
    [[(2, 2), (2, 3)], [(1, 1)] * 4, [(1, 1), (1, 1), (2, 1), (2, 2)], [(1, 1), (2, 1), (1, 2)]],
)
def test_variance_is_unbiased_over_every_allocation(shape: list[tuple[int, int]]) -> None:
    """With an effect alike for all, the mean of the squared errors is the variance, exactly.

    Neyman's theorem within blocks, Pashley and Miratrix's between small ones. estimatr's variance
    of pairs among larger blocks gives every block the same weight, and is not.
    """
    rng = np.random.default_rng(5)
    block = np.repeat(np.arange(len(shape)), [sum(sizes) for sizes in shape])
    base = rng.normal(size=block.size)
    found = []
    for arm in allocations(shape):
        frame = pd.DataFrame({"arm": arm, "block": block, "harm": base + 0.5 * arm})
        found.append(mean_difference(read(frame, strata=["block"]), outcome="harm"))
    values = np.array([each.value for each in found])
    errors = np.array([each.std_error for each in found])
    assert values.mean() == pytest.approx(0.5, rel=CLOSED)
    assert (errors**2).mean() == pytest.approx(values.var(), rel=CLOSED)
