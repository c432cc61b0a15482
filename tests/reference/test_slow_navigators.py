"""The library's partially nested differences against the slow reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from slow_navigators import Model, redrawn

import checkpoint_eval as ce
from checkpoint_eval.models.navigator_tests import partially_nested_test
from checkpoint_eval.models.navigators import navigator_effects

CLOSED = 1e-8  # at the same variances: sums over navigators against n by n matrices
SEARCHED = 1e-5  # a simplex stops where the likelihood is flat: at half the digits
SEEDS = range(6)
ADJUST: list[tuple[str, ...]] = [(), ("age", "prior")]


def people(seed: int, n: int = 46) -> pd.DataFrame:
    """Three to eight navigators of unequal caseload; some of the treated have none."""
    rng = np.random.default_rng([79, seed])
    j = 3 + seed
    arm = rng.permutation(np.arange(n) % 2)
    navigator = np.where(arm == 1, np.sqrt(rng.integers(0, j * j, n)).astype(int), -1)
    navigator[(arm == 1) & (rng.random(n) < 0.1)] = -1
    effect = rng.normal(0, 0.4 * seed, j + 1)
    age = rng.integers(18, 60, n)
    y = 0.1 * age + effect[navigator] * (navigator >= 0) + rng.normal(0, 1 + arm)
    return pd.DataFrame(
        {
            "arm": arm,
            "navigator": [None if code < 0 else f"n{code}" for code in navigator],
            "age": age,
            "prior": (rng.random(n) < 0.4).astype(int),
            "y": y.round(3),
        }
    )


def read(frame: pd.DataFrame, **how: Any) -> ce.Trial:
    return ce.Trial.from_frame(
        frame,
        **(
            {"arm": "arm", "control": 0, "covariates": ["age", "prior"], "factors": ["navigator"]}
            | {"numeric": {"y": "y"}}
            | how
        ),
    )


def model_of(frame: pd.DataFrame, adjust: tuple[str, ...]) -> Model:
    x = np.column_stack([np.ones(len(frame)), frame["arm"], *(frame[each] for each in adjust)])
    known = [
        each if isinstance(each, str) else None for each in frame["navigator"]
    ]  # pandas 3: NaN
    return Model(frame["y"].tolist(), x.astype(float), known)


@pytest.mark.parametrize("adjust", ADJUST)
@pytest.mark.parametrize("seed", SEEDS)
def test_at_the_same_variances(seed: int, adjust: tuple[str, ...]) -> None:
    frame = people(seed)
    found = navigator_effects(read(frame), outcome="y", navigator="navigator", adjust=adjust)
    model = model_of(frame, adjust)
    want = model.at(np.array([*found.residual, found.spread]) ** 2)
    assert found.estimate.value == pytest.approx(want.value, rel=CLOSED)
    assert found.estimate.std_error == pytest.approx(want.std_error, rel=CLOSED)
    assert found.df == pytest.approx(want.df, rel=CLOSED)
    named = [model.slots.index(each) for each in found.navigators]
    assert found.value == pytest.approx(want.shrunken[named], rel=1e-7, abs=1e-9)
    if found.spread > 0:
        assert found.std_error == pytest.approx(want.errors[named], rel=CLOSED)


@pytest.mark.parametrize("adjust", ADJUST)
@pytest.mark.parametrize("seed", [0, 3, 5])
def test_no_variances_are_likelier(seed: int, adjust: tuple[str, ...]) -> None:
    frame = people(seed)
    found = navigator_effects(read(frame), outcome="y", navigator="navigator", adjust=adjust)
    model = model_of(frame, adjust)
    best = model.fitted()
    own = model.likelihood(np.array([*found.residual, found.spread]) ** 2)
    assert own == pytest.approx(best.likelihood, abs=1e-9)
    assert found.estimate.value == pytest.approx(best.value, rel=SEARCHED)
    assert found.estimate.std_error == pytest.approx(best.std_error, rel=SEARCHED)


@pytest.mark.parametrize("seed", range(4))
def test_every_allocation(seed: int) -> None:
    """In an order of arrival other than the rows'; the whole support of 5 of 11 people."""
    rng = np.random.default_rng([80, seed])
    n = 11
    frame = pd.DataFrame({"arm": rng.permutation([1] * 5 + [0] * 6), "y": rng.normal(size=n)})
    frame["navigator"] = np.where(frame["arm"] == 1, rng.integers(0, 3, n), np.nan)
    frame["came"] = rng.permutation(n)
    trial = ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        factors=["navigator"],
        numeric={"y": "y"},
        rule=ce.Complete(counts=(6, 5)),
        order="came",
    )
    found = partially_nested_test(
        trial, outcome="y", navigator="navigator", rng=np.random.default_rng(1)
    )
    in_order = frame.sort_values("came")
    columns = [in_order[each].tolist() for each in ("y", "arm", "navigator")]
    value, p = redrawn(*columns)
    assert found.exact
    assert found.statistic == pytest.approx(value, rel=CLOSED)
    assert found.p_value == pytest.approx(p, rel=1e-12)
