"""Pathways against loops: every allocation listed, adjusted step by step; REML by elimination."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import slow_pathways as slow

import checkpoint_eval as ce
from checkpoint_eval import models
from checkpoint_eval.outcomes import PathwayScores

PEOPLE, PATHWAYS = 10, 3


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng([71, seed])
    arm = rng.permutation(np.arange(PEOPLE) % 2)
    before, after = rng.integers(0, 4, (2, PEOPLE, PATHWAYS)).astype(float)
    after[rng.random((PEOPLE, PATHWAYS)) < 0.1] = np.nan
    return arm, before, after + 0.1 * rng.normal(size=after.shape)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("among", ["need", "everyone"])
def test_every_allocation(seed: int, among: str) -> None:
    arm, before, after = drawn(seed)
    trial = ce.Trial.from_frame(pd.DataFrame({"arm": arm}), arm="arm", control=0)
    given = PathwayScores(pathways=("a", "b", "c"), baseline=before, follow_up=after)
    found = models.compare_pathways(trial, given, rng=np.random.default_rng(1))
    family = found.with_need if among == "need" else found.everyone
    table = (before.tolist(), after.tolist())
    seen = slow.statistics(*table, arm.tolist(), needing=among == "need")
    np.testing.assert_allclose([*family.statistics, family.rank_sum.statistic], seen, rtol=1e-8)
    rows = [
        slow.statistics(*table, each, needing=among == "need") for each in slow.every_split(arm)
    ]
    rows = [[0.0 if np.isnan(each) else each for each in row] for row in rows]
    assert found.exact
    assert found.draws == len(rows) == 252

    # The loop counts (b + 1)/(B + 1); listed, the allocation seen is one of the rows already.
    def exact(p: float) -> float:
        return (p * (len(rows) + 1) - 1) / len(rows)

    usable = [place for place in range(PATHWAYS) if not np.isnan(seen[place])]
    family_rows = [[row[place] for place in usable] for row in rows]
    mine = [seen[place] for place in usable]
    for name, adjusted in (
        ("westfall-young", slow.westfall_young(mine, family_rows)),
        ("westfall-young single step", slow.single_step(mine, family_rows)),
    ):
        due = [exact(each) for each in adjusted]
        np.testing.assert_allclose(family.p_values[name][usable], due, atol=1e-12)
    rank = np.mean([abs(row[-1]) >= abs(seen[-1]) - 1e-9 for row in rows])
    assert family.rank_sum.p_value == pytest.approx(rank)


@pytest.mark.parametrize("seed", range(4))
def test_families_of_any_statistics(seed: int) -> None:
    rng = np.random.default_rng([72, seed])
    seen, redrawn = 2 * rng.normal(size=7), rng.normal(size=(60, 7))
    down, single = slow.westfall_young(seen, redrawn), slow.single_step(seen, redrawn)
    np.testing.assert_allclose(models.westfall_young(seen, redrawn), down)
    np.testing.assert_allclose(models.westfall_young(seen, redrawn, step="single"), single)


@pytest.mark.parametrize("seed", range(6))
def test_the_highest_restricted_likelihood(seed: int) -> None:
    """No spread near or far has a higher likelihood, by another way of writing it."""
    rng = np.random.default_rng([73, seed])
    v = rng.uniform(0.02, 0.3, 8)
    y = rng.normal(0, np.sqrt(v + 0.1 * (seed % 3)))
    found = models.shrunken_effects(y, np.sqrt(v))
    highest = slow.restricted(y, v, found.spread**2)
    others = [*np.linspace(0, 2, 81), found.spread**2 * 1.01, found.spread**2 * 0.99]
    # Rounding: the sums are of order ten.
    assert all(slow.restricted(y, v, other) <= highest + 1e-9 for other in others)


@pytest.mark.parametrize("seed", range(3))
def test_phi_is_a_correlation(seed: int) -> None:
    rng = np.random.default_rng([74, seed])
    need = (rng.random((50, 4)) < rng.random(4)).astype(float)
    need[rng.random((50, 4)) < 0.2] = np.nan
    given = PathwayScores(pathways=tuple("abcd"), baseline=need, follow_up=need)
    phi = models.co_occurrence(given).phi
    for row in range(4):
        for column in range(4):
            both = ~np.isnan(need[:, row] + need[:, column])
            due = np.corrcoef(need[both, row], need[both, column])[0, 1]
            assert phi[row, column] == pytest.approx(due)
