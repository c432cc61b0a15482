"""Laws of pathways: swapped arms, renamed pathways, ordered adjustments, shrinkage inwards."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING
from unittest import mock

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

import checkpoint_eval as ce
from checkpoint_eval import models
from checkpoint_eval.outcomes import (
    COUNTY_DURHAM,
    CRIME_PANEL,
    NATIONAL,
    REGISTER,
    Pathways,
    PathwayScores,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

VOCABULARIES = (COUNTY_DURHAM, NATIONAL, REGISTER, CRIME_PANEL)
P, N = 3, 12
NUMBERS = st.integers(-400, 400).map(lambda each: each / 100)
SCORES = arrays(float, (N, P), elements=st.sampled_from([0.0, 1.0, 2.0, 3.0, np.nan]))
KINDS = ("down", "single", "none")


@pytest.fixture(scope="module", autouse=True)
def _without_collecting() -> Iterator[None]:
    """Statsmodels collects garbage in every Holm adjustment: four fifths of a comparison here."""
    with mock.patch("gc.collect"):
        yield


def families(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    m = draw(st.integers(1, 5))
    seen = draw(arrays(float, m, elements=NUMBERS))
    return seen, draw(arrays(float, (draw(st.integers(1, 12)), m), elements=NUMBERS))


FAMILIES = st.composite(families)()


def compared(before: np.ndarray, after: np.ndarray, arm: np.ndarray) -> models.PathwayComparison:
    trial = ce.Trial.from_frame(pd.DataFrame({"arm": arm}), arm="arm", control=0)
    scores = PathwayScores(pathways=("a", "b", "c"), baseline=before, follow_up=after)
    return models.compare_pathways(trial, scores, rng=np.random.default_rng(2), draws=60)


def values(found: models.PathwayComparison) -> np.ndarray:
    families = (found.with_need, found.everyone)
    return np.array([each.value for family in families for each in family.effects])


@given(FAMILIES)
def test_adjusted_p_lie_in_order(family: tuple[np.ndarray, np.ndarray]) -> None:
    """Alone, stepping down, all at once: never smaller; and a larger statistic, a smaller p."""
    down, single, alone = (models.westfall_young(*family, step=each) for each in KINDS)  # type: ignore[arg-type]
    assert (alone <= down + 1e-12).all()
    assert (down <= single + 1e-12).all()
    assert ((alone > 0) & (single <= 1)).all()
    order = np.argsort(-np.abs(family[0]), kind="stable")
    assert all(one <= two for one, two in pairwise(down[order]))


@given(FAMILIES)
def test_signs_and_order_do_not_matter(family: tuple[np.ndarray, np.ndarray]) -> None:
    seen, drawn = family
    turned = models.westfall_young(-seen[::-1], -drawn[:, ::-1])
    np.testing.assert_allclose(turned[::-1], models.westfall_young(seen, drawn))


@given(FAMILIES)
def test_a_family_of_one_is_not_adjusted(family: tuple[np.ndarray, np.ndarray]) -> None:
    seen, drawn = family[0][:1], family[1][:, :1]
    found = [models.westfall_young(seen, drawn, step=each) for each in KINDS]  # type: ignore[arg-type]
    assert found[0] == found[1] == found[2]


@given(arrays(float, 5, elements=NUMBERS), arrays(float, 5, elements=st.integers(1, 300)))
def test_effects_move_towards_their_mean(y: np.ndarray, s: np.ndarray) -> None:
    for spread in ("reml", "dl"):
        found = models.shrunken_effects(y, s / 100, spread=spread)  # type: ignore[arg-type]
        near, far = np.abs(found.value - found.mean), np.abs(y - found.mean)
        assert (near <= far + 1e-9).all()
        assert ((found.value - found.mean) * (y - found.mean) >= -1e-9).all()
        assert (found.low <= found.value).all()
        moved = models.shrunken_effects(3 + 2 * y, 2 * s / 100, spread=spread)  # type: ignore[arg-type]
        # The highest point of a flat likelihood is found to half the digits.
        np.testing.assert_allclose(moved.value, 3 + 2 * found.value, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(SCORES, SCORES, st.permutations([0, 1] * (N // 2)))
def test_swapped_arms_turn_signs(before: np.ndarray, after: np.ndarray, arm: list[int]) -> None:
    one, two = compared(before, after, np.array(arm)), compared(before, after, 1 - np.array(arm))
    np.testing.assert_allclose(values(one), -values(two), atol=1e-9)
    np.testing.assert_allclose(
        one.everyone.statistics, -two.everyone.statistics, rtol=1e-7, atol=1e-9
    )
    assert (one.counts.need == two.counts.need[:, ::-1]).all()


@settings(max_examples=25, deadline=None)
@given(SCORES, SCORES, st.permutations([0, 1] * (N // 2)))
def test_everyone_is_counted_once(before: np.ndarray, after: np.ndarray, arm: list[int]) -> None:
    """n and missing add up to those with the need, or to everyone; no pathway drops anyone."""
    found = compared(before, after, np.array(arm))
    for place in range(P):
        mine, every = found.with_need.effects[place], found.everyone.effects[place]
        both = np.add(mine.n, mine.missing)
        assert both.tolist() == found.counts.need[place].tolist()
        assert np.add(every.n, every.missing).tolist() == [N // 2, N // 2]
    p = pd.DataFrame(dict(found.with_need.p_values)).dropna()
    assert (p["redrawn"] <= p["westfall-young"] + 1e-12).all()
    assert (p["hochberg"] <= p["holm"] + 1e-12).all()
    assert (p["bh"] <= p["hochberg"] + 1e-12).all()
    assert found.together.counts.sum() + found.together.incomplete == N


@settings(max_examples=25, deadline=None)
@given(SCORES, SCORES, st.permutations(range(P)))
def test_the_order_of_pathways_does_not_matter(
    before: np.ndarray, after: np.ndarray, order: list[int]
) -> None:
    arm = np.arange(N) % 2
    one, two = compared(before, after, arm), compared(before[:, order], after[:, order], arm)
    for name in ("westfall-young", "holm", "bh"):
        np.testing.assert_allclose(
            one.everyone.p_values[name][order], two.everyone.p_values[name], atol=1e-12
        )
    np.testing.assert_allclose(
        one.everyone.rank_sum.statistic, two.everyone.rank_sum.statistic, rtol=1e-7, atol=1e-9
    )


@given(st.sampled_from(VOCABULARIES), st.sampled_from(VOCABULARIES))
def test_words_map_both_ways(one: Pathways, two: Pathways) -> None:
    for name in one.names:
        for other in one.counterparts(name, two):
            assert name in two.counterparts(other, one)
    if one is two:
        assert (one.mapping(two)["relation"] == "same").all()
