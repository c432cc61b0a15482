"""Risks over strata, and standardised by a regression in each arm, against the slow references."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from slow_data import SEEDS
from slow_risk import Table
from slow_risks_more import (
    Common,
    both_arms,
    difference,
    greenland_robins,
    in_each_arm,
    odds,
    ratio,
)

import checkpoint_eval as ce
from checkpoint_eval.models.proportions import TwoProportions
from checkpoint_eval.models.stratified_risks import mantel_haenszel

if TYPE_CHECKING:
    from collections.abc import Callable

VERBS = {"difference": ce.risk_difference, "ratio": ce.risk_ratio, "odds": ce.odds_ratio}
SLOW: dict[str, Callable[[list[Table]], Common]] = {
    "difference": difference,
    "ratio": ratio,
    "odds": odds,
}
CLOSED = 1e-10  # closed forms in another order
FITTED = 1e-7  # two iterative fits of one likelihood


def people(seed: int, *, sites: int, n: int = 120, alike: float = 0.7) -> pd.DataFrame:
    """Sites of different sizes, unless `alike`; a third treated; risks and effects differ."""
    rng = np.random.default_rng([7, seed, sites])
    share = rng.dirichlet(np.full(sites, alike))
    site = rng.choice(sites, size=n, p=share)
    arm = (rng.random(n) < 1 / 3).astype(int)
    age = rng.normal(size=n)
    risk = 1 / (1 + np.exp(0.8 - 0.6 * (site % 3) + 0.7 * arm * (site % 2) - 0.5 * age * (1 + arm)))
    any_event = (rng.random(n) < risk).astype(int)
    return pd.DataFrame({"site": site, "arm": arm, "age": age, "any": any_event, "noise": age**2})


def read(frame: pd.DataFrame) -> ce.Trial:
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        covariates=["age", "noise"],
        factors=["site"],
        binary={"any": "any"},
    )


def test_the_references_know_unstratified_variances() -> None:
    """One table: Greenland and Robins' are Agresti's and Woolf's."""
    table = Table(5, 17, 9, 20)
    (p1, p0), rest = table.risks, (17 - 5, 20 - 9)
    plain = math.sqrt(p1 * (1 - p1) / 17 + p0 * (1 - p0) / 20)
    assert greenland_robins([table]) == pytest.approx(plain, rel=1e-12)
    assert difference([table]).std_error == pytest.approx(plain, rel=1e-12)
    assert ratio([table]).std_error == pytest.approx(math.sqrt(1 / 5 - 1 / 17 + 1 / 9 - 1 / 20))
    woolf = math.sqrt(1 / 5 + 1 / rest[0] + 1 / 9 + 1 / rest[1])
    assert odds([table]).std_error == pytest.approx(woolf, rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("sites", [2, 9, 45])
@pytest.mark.parametrize("measure", VERBS)
def test_over_strata(seed: int, sites: int, measure: str) -> None:
    frame = people(seed, sites=sites)
    want = SLOW[measure](both_arms(frame["any"], frame["arm"], frame["site"]))
    found = VERBS[measure](read(frame), outcome="any", strata="site", level=0.9)
    assert found.value == pytest.approx(want.value, rel=CLOSED)
    assert found.std_error == pytest.approx(want.std_error, rel=CLOSED)
    centre = want.value if measure == "difference" else math.log(want.value)
    half = float(norm.ppf(0.95)) * want.std_error
    limits = np.array([centre - half, centre + half])
    limits = limits if measure == "difference" else np.exp(limits)
    assert (found.low, found.high) == pytest.approx(tuple(limits), rel=CLOSED)
    z = abs(centre) / want.std_error
    assert found.p_value == pytest.approx(2 * norm.sf(z), rel=1e-8)


@pytest.mark.parametrize("seed", SEEDS)
def test_greenland_and_robins(seed: int) -> None:
    frame = people(seed, sites=6)
    want = greenland_robins(both_arms(frame["any"], frame["arm"], frame["site"]))
    found = ce.risk_difference(
        read(frame), outcome="any", strata="site", interval="greenland-robins"
    )
    assert found.std_error == pytest.approx(want, rel=CLOSED)


@pytest.mark.parametrize("measure", VERBS)
def test_a_batch_is_each_of_its_trials(measure: str) -> None:
    """The strata are the last axis; what stands before it are trials."""
    rng = np.random.default_rng(11)
    n1, n0 = rng.integers(3, 20, (2, 3, 4, 5))
    x1, x0 = rng.integers(1, n1), rng.integers(1, n0)
    name = "odds ratio" if measure == "odds" else measure
    got = mantel_haenszel(
        TwoProportions(
            control_events=x0.astype(float),
            control_n=n0.astype(float),
            treatment_events=x1.astype(float),
            treatment_n=n1.astype(float),
        ),
        name,  # type: ignore[arg-type]
    )
    assert got.value.shape == (3, 4)
    assert got.risk.shape == (3, 4, 2)
    for i, j in np.ndindex(3, 4):
        cells = zip(x1[i, j], n1[i, j], x0[i, j], n0[i, j], strict=True)
        want = SLOW[measure]([Table(*map(int, each)) for each in cells])
        value = want.value if measure == "difference" else math.log(want.value)
        assert got.value[i, j] == pytest.approx(value, rel=CLOSED)
        assert got.variance[i, j] == pytest.approx(want.std_error**2, rel=CLOSED)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("strata", [(), "site"])
def test_a_regression_in_each_arm(seed: int, strata: tuple[()] | str) -> None:
    frame = people(seed, sites=3, n=300, alike=50)
    columns = [frame["age"], frame["noise"]]
    if strata:
        columns += [(frame["site"] == site).astype(float) for site in (1, 2)]
    want = in_each_arm(frame["arm"].to_numpy(), np.column_stack(columns), frame["any"].to_numpy())
    found = ce.risk_difference(
        read(frame), outcome="any", adjust=["age", "noise"], strata=strata, interactions=True
    )
    assert found.by_arm == pytest.approx(tuple(want[0]), rel=FITTED)
    contrast = np.array([-1.0, 1.0])
    assert found.std_error == pytest.approx(math.sqrt(contrast @ want[1] @ contrast), rel=FITTED)
