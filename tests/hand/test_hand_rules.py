"""Minimisation by hand (Pocock and Simon 1975, Han 2009) and allocations counted by formula."""

from __future__ import annotations

from itertools import combinations
from math import comb, factorial, sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from checkpoint_eval.design import (
    Clustered,
    Complete,
    Custom,
    Minimisation,
    PermutedBlocks,
    Stratified,
)

CLOSED = 1e-12
# Pocock and Simon (1975), section 3.4: people by arm at each level of three factors.
MARGINS = {
    "one": {"1": (9, 10, 9), "2": (8, 7, 7)},
    "two": {"1": (8, 6, 7), "2": (9, 11, 9)},
    "three": {"1": (8, 8, 8), "2": (4, 5, 3), "3": (5, 4, 5)},
}
NEXT = {"one": "1", "two": "2", "three": "2"}
COUNTS = [MARGINS[factor][level] for factor, level in NEXT.items()]
RATIO = (1, 1, 1)


def fifty() -> pd.DataFrame:
    """50 patients, 17, 17 and 16 an arm, with the margins; levels joined in no order at all."""
    arms = []
    for arm in range(3):
        columns = {
            factor: [level for level, counts in levels.items() for _ in range(counts[arm])]
            for factor, levels in MARGINS.items()
        }
        arms.append(pd.DataFrame(columns).assign(arm=arm))
    return pd.concat(arms).sample(frac=1, random_state=1)


def minimisation(**how: Any) -> Minimisation:
    """Three factors, three arms unless said."""
    return Minimisation(factors=list(MARGINS), **({"ratio": RATIO} | how))


def test_the_margins_are_those_of_the_paper() -> None:
    table = fifty()
    assert table["arm"].value_counts().to_dict() == {0: 17, 1: 17, 2: 16}
    for factor, levels in MARGINS.items():
        for level, counts in levels.items():
            rows = table[table[factor] == level]
            assert tuple((rows["arm"] == arm).sum() for arm in range(3)) == counts


@pytest.mark.parametrize(
    ("imbalance", "weights", "expected"),
    [
        ("range", (1, 1, 1), (5, 8, 4)),
        ("range", (2, 1, 1), (6, 10, 5)),
        ("variance", (1, 1, 1), (8 / 3, 20 / 3, 5 / 3)),
        ("variance", (2, 1, 1), (3, 8, 2)),
        (
            "sd",
            (1, 1, 1),
            (2.732051, 4.414277, 2.154701),
        ),
        ("sd", (2, 1, 1), (3.309401, 5.568977, 2.732051)),
    ],
)
def test_pocock_and_simon(
    imbalance: str, weights: tuple[int, ...], expected: tuple[float, ...]
) -> None:
    rule = minimisation(imbalance=imbalance, weights=weights, rule="best-only", p_best=2 / 3)
    found = rule.imbalances(COUNTS)
    assert found == pytest.approx(expected, abs=5e-7)
    # Arm 3 is best: 2/3, and half of a third for the others.
    for chances in (rule.chances_of(found), rule.next_probabilities(fifty(), NEXT)):
        assert chances == pytest.approx([1 / 6, 1 / 6, 2 / 3], rel=CLOSED)


def test_ranges_and_sds_by_hand() -> None:
    """Arm 1 gets the patient: (10,10,9), (10,11,9), (5,5,3): ranges 1, 2, 2."""
    after = [[10, 10, 9], [10, 11, 9], [5, 5, 3]]
    sds = [np.std(row, ddof=1) for row in after]
    assert sds == pytest.approx([1 / sqrt(3), 1, 2 / sqrt(3)])
    assert minimisation(imbalance="range").imbalances(COUNTS)[0] == 1 + 2 + 2
    assert minimisation(imbalance="sd").imbalances(COUNTS)[0] == pytest.approx(sum(sds), rel=CLOSED)


def test_the_rank_rule_by_hand() -> None:
    """p_k = q − 2(Nq − 1)k/(N(N + 1)); q = 1/2, N = 3: 1/2 − k/12; the arms rank 2, 3, 1."""
    rule = minimisation(rule="rank", p_best=1 / 2)
    assert rule.next_probabilities(fifty(), NEXT) == pytest.approx([4 / 12, 3 / 12, 5 / 12])
    four = minimisation(rule="rank", p_best=1 / 2, ratio=(1, 1, 1, 1))
    assert four.chances_of(np.array([3, 5, 4, 7])) == pytest.approx([0.4, 0.2, 0.3, 0.1])
    best = minimisation(rule="best-only", p_best=2 / 3, ratio=(1, 1, 1, 1))
    assert best.chances_of(np.array([3, 5, 4, 7])) == pytest.approx([2 / 3, 1 / 9, 1 / 9, 1 / 9])


@pytest.mark.parametrize(
    ("preferred", "chances"),
    [(0, (0.70, 0.12, 0.18)), (1, (0.06, 0.76, 0.18)), (2, (0.06, 0.12, 0.82))],
)
def test_han(preferred: int, chances: tuple[float, ...]) -> None:
    """Ratio 1:2:3 with 0.7 for the smallest arm: his table."""
    rule = minimisation(p_best=0.7, ratio=(1, 2, 3))
    imbalance = np.array([float(arm != preferred) for arm in range(3)])
    assert rule.chances_of(imbalance) == pytest.approx(chances, rel=CLOSED)


def test_ties_by_hand() -> None:
    """Two arms best of three, then all: shares of their ranks; Han's mixed in the ratio."""
    tie, flat = np.array([1.0, 1, 2]), np.zeros(3)
    best = minimisation(rule="best-only", p_best=0.8)
    assert best.chances_of(tie) == pytest.approx([0.45, 0.45, 0.1])
    assert best.chances_of(np.array([1.0, 2, 2])) == pytest.approx([0.8, 0.1, 0.1])
    rank = minimisation(rule="rank", p_best=1 / 2)
    assert rank.chances_of(tie) == pytest.approx([4.5 / 12, 4.5 / 12, 3 / 12])
    assert rank.chances_of(np.array([2.0, 1, 2])) == pytest.approx([3.5 / 12, 5 / 12, 3.5 / 12])
    han = minimisation(p_best=0.7, ratio=(1, 2, 3))
    # First or second best, one to two: (0.70 + 2·0.06)/3, (0.12 + 2·0.76)/3, 0.18.
    assert han.chances_of(tie) == pytest.approx([0.82 / 3, 1.64 / 3, 0.18])
    # 1/6 (0.70, 0.12, 0.18) + 2/6 (0.06, 0.76, 0.18) + 3/6 (0.06, 0.12, 0.82): 1:2:3 exactly.
    assert han.chances_of(flat) == pytest.approx([1 / 6, 2 / 6, 3 / 6], rel=CLOSED)
    for rule in (best, rank):
        assert rule.chances_of(flat) == pytest.approx([1 / 3] * 3, rel=CLOSED)


def test_ties_but_for_rounding_are_ties() -> None:
    """(1, 0) gives 2 or 0, (0, 1) the reverse: 0.1 · 2 + 0.2 · 2 and 0.3 · 2, alike on paper."""
    rule = Minimisation(factors=["a", "b", "c"], weights=(0.1, 0.2, 0.3))
    total = rule.imbalances([(1, 0), (1, 0), (0, 1)])
    assert total == pytest.approx([0.6, 0.6], rel=CLOSED)
    assert rule.chances_of(total) == pytest.approx([0.5, 0.5], rel=CLOSED)


def test_unequal_ratios_count_the_new_person_before_dividing() -> None:
    """Ratio 3:1, counts 5 and 1 (men), 5 and 3 (site): A 6/3 v 1, 6/3 v 3; B 5/3 v 2, 5/3 v 4."""
    rule = Minimisation(factors=["sex", "site"], ratio=(3, 1), p_best=0.7)
    found = rule.imbalances([(5, 1), (5, 3)])
    assert found == pytest.approx([(2 - 1) + (3 - 2), (2 - 5 / 3) + (4 - 5 / 3)], rel=CLOSED)
    # A best: Han 1 - 0.3·(4 - 3)/(4 - 1) = 0.9.
    assert rule.chances_of(found) == pytest.approx([0.9, 0.1], rel=CLOSED)


def test_a_factor_too_many_turns_the_choice() -> None:
    """Ratio 3:1, men 5 and 1, site 5 and 3: by sex B (1/3 v 1); with the site too A (2 v 8/3)."""
    sex = Minimisation(factors=["sex"], ratio=(3, 1), p_best=0.7)
    assert sex.imbalances([(5, 1)]) == pytest.approx([1, 1 / 3], rel=CLOSED)
    assert sex.chances_of(sex.imbalances([(5, 1)])) == pytest.approx([0.3, 0.7], rel=CLOSED)
    both = Minimisation(factors=["sex", "site"], ratio=(3, 1), p_best=0.7)
    assert both.imbalances([(5, 1), (5, 3)]) == pytest.approx([2, 8 / 3], rel=CLOSED)


def test_complete() -> None:
    """N = 4 has 6; nine in three arms 1680; five people, one or two of them treated: 5 and 10."""
    for counts, ways in [((2, 2), 6), ((3, 3, 3), 1680), ((4, 1), 5), ((3, 2), 10), ((4, 4), 70)]:
        support = Complete(counts=counts).support(sum(counts))
        assert len(np.unique(support.arm, axis=0)) == ways
        assert support.weight == pytest.approx(np.full(ways, 1 / ways), rel=CLOSED)
        for arm, count in enumerate(counts):
            assert ((support.arm == arm).sum(axis=1) == count).all()


def test_five_people_two_or_three_treated() -> None:
    """20 allocations of 0.05 each, as randomizr has for half of five."""
    rows = [[int(i in who) for i in range(5)] for m in (2, 3) for who in combinations(range(5), m)]
    support = Custom(matrix=rows).support(5)
    assert support.weight == pytest.approx(np.full(20, 0.05), rel=CLOSED)
    assert support.probabilities(2) == pytest.approx(np.full((5, 2), 0.5), rel=CLOSED)


def test_blocks_of_four_and_six() -> None:
    """Two treated in each: 6 · 15 = 90, with chances of 1/2 and 1/3."""
    people = pd.DataFrame({"block": list("xyyxyyxyxy")})
    rule = Stratified(rule={"x": Complete(counts=(2, 2)), "y": Complete(counts=(4, 2))}, by="block")
    support = rule.support(people)
    assert len(np.unique(support.arm, axis=0)) == 90
    treated = np.where(people["block"] == "x", 1 / 2, 1 / 3)
    assert rule.probabilities(people)[:, 1] == pytest.approx(treated, rel=CLOSED)
    for block in "xy":
        assert (support.arm[:, people["block"] == block].sum(axis=1) == 2).all()


def test_six_clusters() -> None:
    """Two of six treated: C(6, 2) = 15, whatever the clusters' sizes."""
    people = pd.DataFrame({"team": list("fabacdefffe")})
    support = Clustered(rule=Complete(counts=(4, 2)), by="team").support(people)
    assert len(support.arm) == comb(6, 2) == 15
    for team in "abcdef":
        within = support.arm[:, people["team"] == team]
        assert (within == within[:, :1]).all()
        assert within[:, 0].mean() == pytest.approx(1 / 3)


def test_gerber_and_green() -> None:
    """Seven villages, 1 and 7 treated: estimate 6.5, 21 assignments, 5/21 and 8/21."""
    y = np.array([15, 15, 20, 20, 10, 15, 30])
    support = Complete(counts=(5, 2)).support(7)
    assert len(support.arm) == 21
    effects = np.array([y[row == 1].mean() - y[row == 0].mean() for row in support.arm])
    assert support.weight[effects >= 6.5].sum() == pytest.approx(5 / 21, rel=CLOSED)
    assert support.weight[np.abs(effects) >= 6.5].sum() == pytest.approx(8 / 21, rel=CLOSED)


def test_blocked_clusters_with_unequal_chances() -> None:
    """Blocks of 2, 3 and 4 clusters, 1, 2 and 2 treated: 36; p = 1/2, 2/3, 1/2; 7/36 two-sided."""
    y = np.array([8, 6, 2, 0, 3, 1, 1, 1, 2, 2, 0, 1, 0, 2, 2, 4, 1, 1])
    cluster = np.repeat(np.arange(1, 10), 2)
    block = np.array([1, 1, 2, 2, 2, 3, 3, 3, 3])[cluster - 1]
    people = pd.DataFrame({"cluster": cluster, "block": block})
    counts = {"1": (1, 1), "2": (1, 2), "3": (2, 2)}
    rules = {name: Clustered(rule=Complete(counts=c), by="cluster") for name, c in counts.items()}
    rule = Stratified(rule=rules, by="block")
    support = rule.support(people)
    assert len(support.arm) == comb(2, 1) * comb(3, 2) * comb(4, 2) == 36
    p = rule.probabilities(people)[:, 1]
    assert p == pytest.approx(np.array([1 / 2, 2 / 3, 1 / 2])[block - 1], rel=CLOSED)

    def hajek(row: np.ndarray[Any, Any]) -> float:
        treated, control = row == 1, row == 0
        return float(
            np.average(y[treated], weights=1 / p[treated])
            - np.average(y[control], weights=1 / (1 - p[control]))
        )

    effects = np.array([hajek(row) for row in support.arm])
    seen = hajek(np.isin(cluster, [1, 3, 5, 6, 8]).astype(int))
    assert seen == pytest.approx(2.0, rel=CLOSED)
    near = 1e-9
    assert support.weight[np.abs(effects) >= seen - near].sum() == pytest.approx(7 / 36)
    assert support.weight[effects >= seen - near].sum() == pytest.approx(3 / 36)
    assert support.weight[effects <= seen + near].sum() == pytest.approx(34 / 36)


def test_the_lady_tasting_tea() -> None:
    """70 ways; all right 1/70; at least three of four right 17/70."""
    support = Complete(counts=(4, 4)).support(8)
    right = support.arm[:, :4].sum(axis=1)
    assert support.weight[right == 4].sum() == pytest.approx(1 / 70, rel=CLOSED)
    assert support.weight[right >= 3].sum() == pytest.approx(17 / 70, rel=CLOSED)


def test_a_cut_block_by_hand() -> None:
    """Blocks of 4, six people: the second block's first two are 00, 01, 10, 11 as 1, 2, 2, 1."""
    support = PermutedBlocks(sizes=(4,)).support(6)
    assert len(support.arm) == 6 * 4
    tail = {(0, 0): 1, (0, 1): 2, (1, 0): 2, (1, 1): 1}
    for row, weight in zip(support.arm.tolist(), support.weight, strict=True):
        assert weight == pytest.approx(tail[tuple(row[4:])] / 36, rel=CLOSED)


def test_unequal_blocks_by_hand() -> None:
    """Ratio 1:2:1 in a block of eight: 8!/(2! 4! 2!) = 420, all alike."""
    support = PermutedBlocks(sizes=(8,), ratio=(1, 2, 1)).support(8)
    assert len(support.arm) == factorial(8) // (2 * 24 * 2) == 420
    assert support.weight == pytest.approx(np.full(420, 1 / 420), rel=1e-11)
