"""Critical pathways by hand: needs counted, families adjusted, effects shrunk, words mapped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

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

RNG = np.random.default_rng(1)
# Eight people, court first. Need on drugs 0 to 3 before and after; on housing yes or no.
ARM = [0, 0, 0, 0, 1, 1, 1, 1]
DRUGS = [(2, 2), (1, 1), (0, 0), (3, None), (2, 0), (1, 1), (2, 0), (0, 1)]
HOME = [(1, 1), (0, 0), (1, 1), (1, None), (1, 0), (1, 1), (0, 0), (None, 0)]


def trial(arm: list[int] = ARM, **columns: Any) -> ce.Trial:
    frame = pd.DataFrame({"arm": np.array(["court", "contract"])[arm], **columns})
    return ce.Trial.from_frame(
        frame, arm="arm", control="court", binary={each: each for each in columns}
    )


def scores(**several: Any) -> PathwayScores:
    given = several or {"drugs": DRUGS, "housing": HOME}
    tables = [np.array(list(each), dtype=float) for each in given.values()]
    return PathwayScores(
        pathways=tuple(given),
        baseline=np.stack([each[:, 0] for each in tables], axis=1),
        follow_up=np.stack([each[:, 1] for each in tables], axis=1),
    )


def compared(**how: Any) -> models.PathwayComparison:
    return models.compare_pathways(trial(), scores(), rng=RNG, **how)


def test_who_had_a_need_and_who_was_seen() -> None:
    counts = compared().counts
    assert counts.randomised.tolist() == [4, 4]
    # drugs: court 2, 1, 3; contract 2, 1, 2.  housing: court three; contract two, one not assessed
    assert counts.need.tolist() == [[3, 3], [3, 2]]
    assert counts.assessed_before.tolist() == [[4, 4], [4, 3]]
    assert counts.assessed_after.tolist() == [[3, 4], [3, 4]]
    assert counts.need_assessed.tolist() == [[2, 3], [2, 2]]
    assert counts.need_missing.tolist() == [[1, 0], [1, 0]]
    assert counts.resolved.tolist() == [[0, 2], [0, 1]]


def test_a_higher_threshold_is_a_greater_need() -> None:
    counts = compared(threshold=1.0).counts
    assert counts.need.tolist() == [[2, 2], [0, 0]]
    assert counts.resolved.tolist() == [[0, 2], [0, 0]]


def test_a_yes_or_no_need_is_a_difference_of_shares() -> None:
    """Housing, those with the need: court 1, 1 of 2 still; contract 0, 1. −1/2, Neyman √(1/4)."""
    effect = compared().with_need.effects[1]
    assert effect.by_arm == pytest.approx((1.0, 0.5))
    assert effect.value == pytest.approx(-0.5)
    # variances 0/2 + (1/2)/2
    assert effect.std_error == pytest.approx(0.5)
    assert (effect.n, effect.missing) == ((2, 2), (1, 0))
    assert "housing before is the same for all" in effect.method
    assert effect.analysis_set == "itt, need in housing"


def test_an_effect_adjusted_for_the_score_before() -> None:
    """Drugs, with need: court (2, 2), (1, 1); contract (2, 0), (1, 1), (2, 0).

    Slopes within arms: Σ(x − x̄)(y − ȳ) = 1/2 and −2/3; Σ(x − x̄)² = 1/2 and 2/3. Slope in common
    (1/2 − 2/3)/(7/6) = −1/7. Means x: 3/2, 5/3; y: 3/2, 1/3. Effect −7/6 + (1/6)/7 = −8/7.
    """
    effect = compared().with_need.effects[0]
    assert effect.value == pytest.approx(-8 / 7)
    assert (effect.n, effect.missing) == ((2, 3), (1, 0))
    assert effect.adjusted_for == ("drugs before",)


def test_among_everyone_the_unassessed_are_missing() -> None:
    drugs, housing = compared().everyone.effects
    assert (drugs.n, drugs.missing) == ((3, 4), (1, 0))
    assert (housing.n, housing.missing) == ((3, 3), (1, 1))  # one not assessed before


def test_needs_resolved() -> None:
    """Court: 0 of 2, 0 of 1, 0 of 1, one unknown; contract: 2 of 2, 0 of 2, 1 of 1, nobody else.

    Adjusted for the number of needs x: court x 2, 1, 1 and y 0; contract x 2, 2, 1 and y 2, 0, 1.
    Slope (0 + 0)/(2/3 + 2/3) = 0, so the difference is 1 − 0.
    """
    found = compared().resolved
    assert found.value == pytest.approx(1.0)
    assert found.by_arm == pytest.approx((0.0, 1.0))
    assert (found.n, found.missing) == ((3, 3), (1, 0))


def test_all_allocations_are_listed() -> None:
    """Four of eight people: 70 ways."""
    found = compared()
    assert (found.draws, found.exact) == (70, True)
    assert (found.with_need.p_values["redrawn"] * 70) % 1 == pytest.approx([0, 0], abs=1e-9)


def test_both_tests_of_the_whole_by_listing_four_people() -> None:
    """Two pathways, nothing before; after 0, 1, 2, 4 and 0, 1, 4, 2; the last two treated.

    Six splits. Welch's t of (0, 1) against (2, 4): 2.5/√(1/4 + 1) = √5. Every other pair of pairs:
    (0, 2) against (1, 4): 1.5/√(1 + 9/4), (0, 4) against (1, 2) 0.5/√(4 + 1/4); mirrored, signs
    turn. On both pathways the split seen and its mirror are the largest: p = 2/6.
    """
    before = np.zeros((4, 2))
    after = np.array([[0, 1, 2, 4], [0, 1, 4, 2]], dtype=float).T
    given = PathwayScores(pathways=("a", "b"), baseline=before, follow_up=after)
    found = models.compare_pathways(trial([0, 0, 1, 1]), given, rng=RNG)
    family = found.everyone
    assert family.statistics == pytest.approx([np.sqrt(5)] * 2)
    for name in ("redrawn", "westfall-young", "westfall-young single step"):
        assert family.p_values[name] == pytest.approx([1 / 3] * 2)
    assert family.p_values["holm"] == pytest.approx([2 / 3] * 2)
    assert family.largest.p_value == pytest.approx(1 / 3)
    # Ranks less the middle, over 4: −3/8, −1/8, 1/8, 3/8 and −3/8, −1/8, 3/8, 1/8. Sums −3/4,
    # −1/4, 1/2, 1/2: means −1/2 and 1/2, variances 1/8 and 0: t = 1/√(1/16).
    assert family.rank_sum.statistic == pytest.approx(4.0)
    assert family.rank_sum.p_value == pytest.approx(1 / 3)
    assert all(not each.estimable for each in found.with_need.effects)


def test_westfall_young_step_by_step() -> None:
    """Four draws, three tests: |t| 3, 2, 1; the second is largest in the family in two draws."""
    redrawn = [[0.1, 2.5, 0.2], [1.0, 0.5, 3.5], [-3.2, 0.1, 0.3], [0.2, -0.4, 1.1]]
    seen = [3.0, -2.0, 1.0]
    # each alone: 1 (3.2), 1 (2.5), 2 (3.5, 1.1) of four draws, and the allocation seen
    assert models.westfall_young(seen, redrawn, step="none") == pytest.approx([0.4, 0.4, 0.6])
    # largest of all 2.5, 3.5, 3.2, 1.1
    assert models.westfall_young(seen, redrawn, step="single") == pytest.approx([0.6, 0.8, 1.0])
    # of the last two 2.5, 3.5, 0.3, 1.1: two reach 2; of the last 0.2, 3.5, 0.3, 1.1: two reach 1
    assert models.westfall_young(seen, redrawn) == pytest.approx([0.6, 0.6, 0.6])
    chances = [1, 1, 1, 5]  # all there are: 2/8 of the weight reaches 3
    exact = models.westfall_young(seen, redrawn, step="single", chances=chances)
    assert exact == pytest.approx([2 / 8, 3 / 8, 1.0])


def test_a_test_that_could_not_be_done_is_not_in_the_family() -> None:
    redrawn = [[9.0, 1.0], [9.0, 0.5], [9.0, np.nan]]
    found = models.westfall_young([np.nan, 0.7], redrawn, step="single")
    np.testing.assert_allclose(found, [np.nan, 2 / 4])


def test_four_effects_shrunk() -> None:
    """−3/2, −1/2, 1/2, 3/2 with variance 1/4: Q = 20, τ² = (20 − 3)/(16 − 64/16) = 17/12.

    B = 1/3 · (1/4)/(5/3) = 1/20. Variance (1 − 3/80)/4 + 2/400 · y².
    """
    y = np.array([-1.5, -0.5, 0.5, 1.5])
    found = models.shrunken_effects(y, [0.5] * 4, spread="dl")
    assert found.spread**2 == pytest.approx(17 / 12)
    assert found.value == pytest.approx(0.95 * y)
    half = 1.959963984540054 * np.sqrt(0.25 * 77 / 80 + y**2 / 200)
    assert found.high - found.value == pytest.approx(half)
    # With equal variances REML is the variance of the effects less theirs: 5/3 − 1/4.
    assert models.shrunken_effects(y, [0.5] * 4).spread ** 2 == pytest.approx(17 / 12)


def test_effects_that_differ_by_chance_only() -> None:
    """τ = 0: four effects give up a third of their distance from 0.25. Variance 3/4 + 2/9 · d²."""
    y = np.array([0.1, 0.2, 0.3, 0.4])
    for spread in ("reml", "dl"):
        found = models.shrunken_effects(y, [1.0] * 4, spread=spread)  # type: ignore[arg-type]
        assert found.spread == 0
        assert found.value == pytest.approx(0.25 + 2 / 3 * (y - 0.25))
        half = 1.959963984540054 * np.sqrt(0.75 + 2 / 9 * (y - 0.25) ** 2)
        assert found.high - found.value == pytest.approx(half)


def test_phi_of_two_needs() -> None:
    """n₁₁ 2, n₁₀ 1, n₀₁ 0, n₀₀ 1: (2·1 − 1·0)/√(3·1·2·2) = 0.577."""
    given = PathwayScores(
        pathways=("a", "b", "c"),
        baseline=[[1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0], [1, np.nan, 0]],
        follow_up=np.zeros((5, 3)),
    )
    found = models.co_occurrence(given)
    assert found.phi[0, 1] == pytest.approx(2 / np.sqrt(12))
    assert np.isnan(found.phi[2]).all()  # nobody has it
    assert found.to_frame().values.tolist() == [["a, b", 2], ["", 1], ["a", 1]]
    assert (found.several, found.incomplete) == (2, 1)
    assert found.need.tolist() == [4, 2, 0]
    assert found.assessed.tolist() == [5, 4, 5]


def test_a_need_as_moderator() -> None:
    """With need: court 2 of 3, contract 0 of 2, a third not followed; without: 0 of 1, 1 of 2.

    An arm of one person has no variance, so add one: without 1 of 2 against 1 of 2.
    """
    arm = [0, 0, 0, 0, 0, 1, 1, 1, 1]
    yes = [1, 1, 0, 1, 0, 0, 0, 1, 0]
    need = [1, 1, 1, 0, 0, 1, 1, 0, 0]
    given = scores(drugs=[(each, 0) for each in need])
    found = models.pathway_interactions(trial(arm, again=yes), given, outcome="again")
    mine, other, both = found.with_need[0], found.without[0], found.interactions[0]
    assert mine.value == pytest.approx(-2 / 3)
    assert other.value == pytest.approx(0.0)
    assert both.value == pytest.approx(-2 / 3)
    # (1/3)/3 + 0; and (1/2)/2 twice
    assert both.std_error == pytest.approx(np.sqrt(1 / 9 + 1 / 2))
    assert (both.n, both.scale) == ((5, 4), "difference")


def test_the_words_of_four_sources() -> None:
    assert [len(each.names) for each in (COUNTY_DURHAM, NATIONAL, REGISTER, CRIME_PANEL)] == [
        *(8, 7, 9, 7)
    ]
    assert COUNTY_DURHAM.names[:7] == NATIONAL.names
    table = REGISTER.mapping(COUNTY_DURHAM).set_index("trial register")
    assert table.loc["alcohol"].tolist() == ["Drug and Alcohol Misuse", "narrower"]
    assert table.loc["housing"].tolist() == ["Accommodation", "same"]
    # The register has no thinking and behaviour; the national seven no exploitation.
    back = COUNTY_DURHAM.mapping(REGISTER).set_index(COUNTY_DURHAM.name)
    assert back.loc["Attitudes, Thinking and Behaviour"].tolist() == ["", "none"]
    assert REGISTER.counterparts("sexual exploitation (victim)", NATIONAL) == ()
    assert back.loc["Health", "relation"].tolist() == ["broader", "broader"]


def test_scores_told_in_coarser_words() -> None:
    given = scores(alcohol=[(1, 0), (0, 0), (None, 2)], drugs=[(3, 1), (0, 2), (1, 1)])
    groups = {"Substance misuse": CRIME_PANEL.counterparts("Substance misuse", REGISTER)}
    found = given.merged(groups)
    np.testing.assert_array_equal(found.baseline[:, 0], [3, 0, np.nan])
    np.testing.assert_array_equal(found.follow_up[:, 0], [1, 2, 2])


def test_a_vocabulary_of_ones_own() -> None:
    own = Pathways.of("pilot", ["debt", "gambling"], source="pilot")
    assert own.names == ("debt", "gambling")
    assert own.mapping(REGISTER)["relation"].tolist() == ["none", "none"]


def test_who_assessed() -> None:
    frame = pd.DataFrame(
        {"b": [1, 1, 0, 1], "a": [0, 1, 0, None], "by": ["x", "x", "y", ""], "then": list("xxyy")}
    )
    given = PathwayScores.from_frame(
        frame, columns={"drugs": ("b", "a")}, scale="binary", assessors=("by", "then")
    )
    who = trial([0, 0, 1, 1])
    table = given.assessed_by(who.assignment).set_index("assessor")
    # before, after and both, in either arm; the last has no score afterwards
    assert table.loc["x"].tolist() == [2, 0, 2, 0, 2, 0]
    assert table.loc["y"].tolist() == [0, 1, 0, 2, 0, 1]
    assert table.loc["not known"].tolist() == [0, 1, 0, 0, 0, 0]
    found = models.compare_pathways(who, given, rng=RNG)
    assert "Nobody assessed people of both arms" in found.notes[0]


def test_who_assessed_is_not_known() -> None:
    """Of the first both times, which is not to say that it was one person; the other was not."""
    one = np.array([[1.0], [np.nan]])
    given = PathwayScores(
        pathways=("drugs",),
        baseline=one,
        follow_up=one,
        assessor=np.full((2, 2), -1),
        assessors=("x",),
    )
    table = given.assessed_by(trial([0, 1]).assignment).set_index("assessor")
    assert table.loc["x"].tolist() == [0] * 6
    assert table.loc["not known"].tolist() == [1, 0, 1, 0, 0, 0]
