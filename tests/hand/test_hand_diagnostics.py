"""Guessing, replaying and drifting with numbers that can be worked out on paper.

`g` is the expected share guessed right under convergence, `certain` the expected share of forced
allocations. Values of c3 are of exact rational recursion, printed to six decimals.
"""

from itertools import product
from math import comb, exp

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.balance import (
    compare_rules,
    drift,
    guess_test,
    guessability,
    replay,
    sample_ratio_by,
)
from checkpoint_eval.design import (
    BiasedCoin,
    BigStick,
    Complete,
    Custom,
    PermutedBlocks,
    Rule,
    Simple,
    Stratified,
)

PRINTED = 6e-7
EXACT = 1e-12


def rng() -> np.random.Generator:
    return np.random.default_rng(4)


def read(path: list[int], rule: Rule, **columns: object) -> ce.Trial:
    """People in order of arrival, 0 control."""
    frame = pd.DataFrame({"arm": path, "y": [1] + [0] * (len(path) - 1), **columns})
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        arms=range(max(path) + 1),
        binary={"y": "y"},
        covariates=list(columns),
        rule=rule,
        order="rows",
    )


BLOCKS = {2: 3 / 2, 4: 17 / 6, 6: 41 / 10, 8: 373 / 70, 10: 823 / 126, 12: 3565 / 462}


@pytest.mark.parametrize(("size", "right"), BLOCKS.items())
def test_blocks(size: int, right: float) -> None:
    """Right guesses a block; one in m + 1 certain; whatever the number of whole blocks."""
    m = size // 2
    assert right == pytest.approx(m + 2 ** (size - 1) / comb(size, m) - 1 / 2, rel=EXACT)
    for many in (1, 2, 5):
        found = guessability(PermutedBlocks(sizes=(size,)), people=many * size)
        assert found.correct == pytest.approx(right / size, rel=EXACT)
        assert found.forced == pytest.approx(1 / (m + 1), rel=EXACT)
        assert (found.variance, found.balanced) == pytest.approx((0, 1), abs=EXACT)


def test_a_block_cut_off() -> None:
    """Six people in blocks of four: 17/6 and, of the first two of a block, 1/2 + 2/3."""
    found = guessability(PermutedBlocks(sizes=(4,)), people=6)
    assert found.correct == pytest.approx((17 / 6 + 1 / 2 + 2 / 3) / 6, rel=EXACT)
    # After one, the other arm has 2 of the 3 places left: D at the end is 0 or +-2, 2/3 and 1/3.
    assert found.balanced == pytest.approx(2 / 3, rel=EXACT)
    assert found.variance == pytest.approx(4 / 3, rel=EXACT)
    assert found.mean_difference == pytest.approx(2 / 3, rel=EXACT)
    assert found.forced == pytest.approx((4 / 3) / 6, rel=EXACT)


@pytest.mark.parametrize(
    ("people", "g", "certain"), [(50, 0.579067, 2 / 52), (100, 0.557823, 2 / 102)]
)
def test_the_random_allocation_rule(people: int, g: float, certain: float) -> None:
    """A single block: certain 1/(n/2 + 1) = .038462 and .019608."""
    half = people // 2
    found = guessability(Complete(counts=(half, half)), people=people)
    assert found.correct == pytest.approx(g, abs=PRINTED)
    assert found.forced == pytest.approx(certain, rel=1e-9)
    block = guessability(PermutedBlocks(sizes=(people,)), people=people)
    assert block.correct == pytest.approx(found.correct, rel=EXACT)


def test_the_truncated_binomial_given_as_a_list() -> None:
    """A fair coin until an arm is full. Eight people: g = 163/256."""
    rows = [row for row in product((0, 1), repeat=8) if sum(row) == 4]
    free = [
        sum(max(row[:place].count(0), row[:place].count(1)) < 4 for place in range(8))
        for row in rows
    ]
    weights = [0.5**number for number in free]
    assert sum(weights) == 1
    certain = sum(w * (8 - number) / 8 for w, number in zip(weights, free, strict=True))
    assert certain == pytest.approx(0.273438, abs=PRINTED)
    found = guessability(Custom(matrix=rows, weights=weights), people=8, draws=20_000, rng=rng())
    assert abs(found.correct - 163 / 256) <= max(5 * found.error, EXACT)
    trial = read(list(rows[0]), Custom(matrix=rows, weights=weights))
    assert replay(trial, rng=rng()).chance == pytest.approx([0.5] * 4 + [1] * 4, rel=EXACT)


def test_efron_and_the_big_stick_in_the_long_run() -> None:
    """Efron's g -> 5/8; big stick's g -> 1/2 + 1/(4b), certain -> 1/(2b): short of them by c/n."""

    def limits(rule: Rule) -> tuple[float, float]:
        short, long = (guessability(rule, people=n) for n in (400, 800))
        return 2 * long.correct - short.correct, 2 * long.forced - short.forced

    assert limits(BiasedCoin(p=2 / 3)) == pytest.approx((5 / 8, 0), abs=1e-9)
    for b in (1, 2, 3, 4):
        assert limits(BigStick(tolerance=b)) == pytest.approx(
            (1 / 2 + 1 / (4 * b), 1 / (2 * b)), abs=1e-9
        )


def test_divergence_is_the_other_guess() -> None:
    found = guessability(PermutedBlocks(sizes=(4,)), people=8, strategy="divergence")
    assert found.correct == pytest.approx(1 - 17 / 24, rel=EXACT)


def test_three_arms() -> None:
    """A block of three: a third, then one of two arms, then the last: 1/3 + 1/2 + 1.

    Ahead: a third; the arm just given cannot come again in the block, so 0; then one of two, 0.
    """
    rule = PermutedBlocks(sizes=(3,), ratio=(1, 1, 1))
    assert guessability(rule, people=3).correct == pytest.approx(11 / 18, rel=EXACT)
    assert guessability(rule, people=3, strategy="divergence").correct == pytest.approx(1 / 9)


def test_unequal_arms() -> None:
    """Blocks of three, 1:2. First an even guess. Behind its share is the arm not given.

    Control first (1/3): treatment is guessed and comes; shares 1 and 1/2: again treatment, right.
    Treatment first (2/3): control is guessed, right half the time. If right, shares 1, 1/2:
    treatment, right. If wrong, shares 0, 1: control, right. So 1/2 + 1/3 + 1/3 + 1.
    """
    rule = PermutedBlocks(sizes=(3,), ratio=(1, 2))
    assert guessability(rule, people=3).correct == pytest.approx(13 / 18, rel=EXACT)


SUITES = pd.DataFrame({"suite": ["n", "s", "n", "s"]})


def test_own_suite_by_hand() -> None:
    """Blocks of two down the force: pairs are of different suites, so one's own says nothing.

    Within suites, an officer who sees all. First and second: even odds, as they are independent.
    Third, opposite the first: D is +-2 if the first two are alike, and right; else even: 3/4.
    Fourth: after three, D is +-1. Alike before: the fourth evens it, right. Else, say 1, 0, 0: the
    fourth is opposite the second, 1, and control is ahead: right.
    """
    force, own = PermutedBlocks(sizes=(2,)), Stratified(rule=PermutedBlocks(sizes=(2,)), by="suite")
    assert guessability(force, people=SUITES).correct == pytest.approx(3 / 4, rel=EXACT)
    seen = guessability(force, people=SUITES, sees="suite", draws=20_000, rng=rng())
    assert abs(seen.correct - 1 / 2) <= 5 * seen.error
    assert guessability(own, people=SUITES, sees="suite").correct == pytest.approx(3 / 4, rel=EXACT)
    all_of_it = guessability(own, people=SUITES, draws=20_000, rng=rng())
    assert abs(all_of_it.correct - 2.75 / 4) <= 5 * all_of_it.error


RISK = {"guess test": [1, 2, 3, 6], "drift": [1, 2, 3, 4, 5, 6], "replay": [1, 2, 3, 4, 5, 6]}


def test_replay_of_a_block() -> None:
    """1, 1, 0, 0 of a block of four: chances 1/2, 1/3, 1, 1; even odds, then control thrice."""
    trial = read([1, 1, 0, 0], PermutedBlocks(sizes=(4,)))
    found = replay(trial, draws=8000, rng=rng())
    assert found.chance == pytest.approx([1 / 2, 1 / 3, 1, 1], rel=EXACT)
    assert found.guessed.tolist() == [0.5, 0, 1, 1]
    assert found.correct == 0.625
    # Two of six orders are guessed as ill, 2.5; the other four: 1/2 + 1 + 1/2 + 1 = 3.
    assert abs(found.expected - 17 / 24) < 5 * (1 / 8 * np.sqrt(2) / 3) / np.sqrt(8000)
    assert found.p_value == 1
    other = replay(read([1, 0, 0, 1], PermutedBlocks(sizes=(4,))), draws=8000, rng=rng())
    assert other.guessed.tolist() == [0.5, 1, 0.5, 1]
    assert abs(other.p_value - 2 / 3) < 5 * np.sqrt(2 / 9 / 8000) + 1 / 8000
    ahead = replay(trial, strategy="divergence", rng=rng())
    assert ahead.guessed.tolist() == [0.5, 1, 0, 0]


def test_replay_of_three_arms() -> None:
    """Arms 2, 0, 2 by the ratio 1:1:2: even thirds; then 0 or 1; then 1 alone is behind."""
    found = replay(read([2, 0, 2, 1], Simple(ratio=(1, 1, 2))), draws=200, rng=rng())
    assert found.chance == pytest.approx([1 / 2, 1 / 4, 1 / 2, 1 / 4], rel=EXACT)
    assert found.guessed == pytest.approx([1 / 3, 1 / 2, 0, 1], rel=EXACT)


@pytest.mark.parametrize(
    ("path", "statistic", "p"),
    [([0, 1, 1, 0], -2, 1 / 2), ([1, 0, 0, 1], 2, 1 / 2), ([0, 1, 0, 1], 4 / 3, 1)],
)
def test_the_guess_test(path: list[int], statistic: float, p: float) -> None:
    """Blocks of two: the second and fourth are the only guesses, risks 1, 2, 3, 6.

    Guesses T and C: (1/2 + 2 + 3/2)/2 - (1/2 + 3/2 + 6)/2 = -2; C and T: 2. T and T: 10/3 - 2, C
    and C: 2 - 10/3. All four alike: |2| comes half the time.
    """
    trial = read(path, PermutedBlocks(sizes=(2,)), risk=[1, 2, 3, 6])
    found = guess_test(trial, column="risk", draws=4000, rng=rng())
    assert found.statistic == pytest.approx(statistic, rel=EXACT)
    assert abs(found.p_value - p) <= 5 * np.sqrt(p * (1 - p) / 4000) + 1 / 4000
    ahead = guess_test(trial, column="risk", strategy="divergence", draws=50, rng=rng())
    assert ahead.statistic == pytest.approx(-statistic, rel=EXACT)


@pytest.mark.parametrize("verb", ["guess test", "drift", "replay"])
def test_one_draw_gives_a_half_or_one(verb: str) -> None:
    """(b + 1)/(B + 1) with B = 1; and with 9, tenths, of allocations that few are as odd as."""
    paths = {"guess test": [0, 1, 1, 0], "drift": [0, 0, 0, 0, 1, 1], "replay": [0, 1, 1, 0, 0, 1]}
    path = paths[verb]
    trial = read(
        path, PermutedBlocks(sizes=(2,)) if verb == "guess test" else Simple(), risk=RISK[verb]
    )

    def p_value(draws: int, seed: int) -> float:
        how = {"draws": draws, "rng": np.random.default_rng(seed)}
        if verb == "drift":
            return drift(trial, **how).p_value
        return (
            guess_test(trial, column="risk", **how) if verb[0] == "g" else replay(trial, **how)
        ).p_value

    assert {p_value(1, seed) for seed in range(30)} == {0.5, 1.0}
    tenths = np.array([10 * p_value(9, seed) for seed in range(30)])
    assert tenths == pytest.approx(tenths.round(), abs=1e-9)
    assert tenths.min() >= 1


def test_drift_of_blocks() -> None:
    """D goes +-1, 0, +-1, 0: any path is as far as any other."""
    found = drift(read([0, 1, 1, 0], PermutedBlocks(sizes=(2,))), level=0.9, rng=rng())
    assert found.difference.tolist() == [-1, 0, 1, 0]
    assert (found.low.tolist(), found.high.tolist()) == ([-1, 0, -1, 0], [1, 0, 1, 0])
    assert (found.largest, found.p_value) == (1, 1)


def test_drift_of_unequal_arms() -> None:
    """1:2, so a treated person counts a half. Only 0, 0 of four goes as far as two."""
    found = drift(read([0, 0, 1, 1], Simple(ratio=(1, 2))), draws=9000, rng=rng())
    assert found.difference.tolist() == [-1, -2, -1.5, -1]
    assert found.largest == 2
    # D = T/2 - C reaches 2 in size by 0, 0 (1/9); by 1, 1, 1, 1 (16/81); by 0, 1, 0, 0 and
    # 1, 0, 0, 0, which end at -5/2 (2/81 each).
    p = 1 / 9 + 16 / 81 + 2 * 2 / 81
    assert abs(found.p_value - p) <= 5 * np.sqrt(p * (1 - p) / 9000) + 1 / 9000


def test_rules_side_by_side() -> None:
    """Four people of suites n, s, n, s, as above. Blocks of two: D +-1, 0, +-1, 0.

    A suite's two are of independent blocks: |D| within it is 0 or 2. Within suites it is 0, and D
    reaches 2 half the time.
    """
    rules = {
        "force": PermutedBlocks(sizes=(2,)),
        "own": Stratified(rule=PermutedBlocks(sizes=(2,)), by="suite"),
    }
    table = compare_rules(rules, people=SUITES, sees="suite", draws=8000, rng=rng())
    force, own = table.rows
    slack = 5 / np.sqrt(8000)
    assert (force.correct, force.certain) == pytest.approx((3 / 4, 1 / 2), rel=EXACT)
    assert (force.difference, force.drift) == (0, 1)
    assert force.correct_own == pytest.approx(1 / 2, abs=slack / 4)
    assert force.margins == pytest.approx(1, abs=slack)
    assert own.correct == pytest.approx(11 / 16, abs=slack / 4)
    assert own.correct_own == pytest.approx(3 / 4, rel=EXACT)
    assert (own.difference, own.margins) == (0, 0)
    assert own.drift == pytest.approx(1.5, abs=slack / 2)


def test_the_ratio_within_strata() -> None:
    """Three to one and one to three: 10/16 each; Pearson 1 + 1 = 2 on 2, so p = 1/e."""
    frame = pd.DataFrame(
        {"arm": [0, 0, 0, 1, 1, 1, 1, 0], "suite": list("nnnnssss"), "y": [0, 1] * 4}
    )
    trial = ce.Trial.from_frame(frame, arm="arm", control=0, binary={"y": "y"}, factors=["suite"])
    found = sample_ratio_by(trial, by="suite")
    assert [one.p_value for one in found.tests] == pytest.approx([0.625, 0.625], rel=EXACT)
    assert found.overall.statistic == pytest.approx(2, rel=EXACT)
    assert found.overall.p_value == pytest.approx(exp(-1), rel=EXACT)
    assert ce.sample_ratio_test(trial).p_value == 1
