"""Restricted randomisation: exact values by rational recursion, and closed forms.

The table is of n people: variance of the difference D, P(D = 0), E|D|, expected share of right
guesses under convergence, expected share of forced allocations. Rational recursion with
`fractions.Fraction` made it; printed to six decimals, so half a unit of the last is allowed.
"""

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from checkpoint_eval.balance import guessability
from checkpoint_eval.design import (
    BiasedCoin,
    BigStick,
    Chen,
    MaximalProcedure,
    PermutedBlocks,
    Sequential,
    Simple,
    Urn,
)

EFRON, EFRON_34 = BiasedCoin(p=2 / 3), BiasedCoin(p=3 / 4)
TABLE: list[tuple[Sequential, int, tuple[float, float, float, float, float]]] = [
    (Simple(), 50, (50, 0.112275, 5.613759, 0.5, 0)),
    (EFRON, 4, (2.074074, 16 / 27, 8 / 9, 43 / 72, 0)),
    (EFRON, 8, (2.959305, 0.541381, 1.091907, 7091 / 11664, 0)),
    (EFRON, 50, (4.405311, 0.500495, 1.328842, 0.621678, 0)),
    (EFRON, 51, (4.519416, 0, 1.662836, 0.620924, 0)),
    (EFRON, 100, (4.443404, 0.500011, 1.333225, 0.623333, 0)),
    (EFRON, 101, (4.554588, 0, 1.666572, 0.622937, 0)),
    (EFRON_34, 50, (1.874910, 0.666669, 0.749985, 0.664167, 0)),
    (BigStick(tolerance=2), 50, (2, 0.5, 1, 0.62, 0.24)),
    (BigStick(tolerance=3), 50, (8 / 3, 1 / 3, 4 / 3, 0.578889, 0.157778)),
    (BigStick(tolerance=3), 51, (11 / 3, 0, 5 / 3, 0.577342, 0.154684)),
    (BigStick(tolerance=4), 50, (6, 0.25, 2, 0.555, 0.11)),
    (Chen(p=2 / 3, tolerance=3), 50, (12 / 7, 4 / 7, 6 / 7, 0.639796, 0.067755)),
    (Urn(alpha=0, beta=1), 50, (50 / 3, 0.194854, 3.194876, 0.559876, 1 / 50)),
    (Urn(alpha=0, beta=1), 100, (100 / 3, 0.137990, 4.562621, 0.543438, 1 / 100)),
    (Urn(alpha=1, beta=1), 50, (52 / 3, 0.191092, 3.260620, 0.551167, 0)),
    (Urn(alpha=1, beta=1), 100, (102 / 3, 0.136635, 4.608896, 0.538896, 0)),
    (MaximalProcedure(tolerance=2, people=8), 8, (0, 1, 0, 11 / 16, 0.25)),
    (MaximalProcedure(tolerance=2, people=12), 12, (0, 1, 0, 49 / 72, 0.222222)),
    (MaximalProcedure(tolerance=2, people=50), 50, (0, 1, 0, 0.67, 0.18)),
    (MaximalProcedure(tolerance=3, people=8), 8, (0, 1, 0, 0.669118, 0.205882)),
    (MaximalProcedure(tolerance=3, people=12), 12, (0, 1, 0, 0.654461, 0.161616)),
    (MaximalProcedure(tolerance=3, people=50), 50, (0, 1, 0, 0.632071, 0.094437)),
]


@pytest.mark.parametrize(("rule", "people", "exact"), TABLE, ids=lambda value: str(value)[:40])
def test_the_exact_table(
    rule: Sequential, people: int, exact: tuple[float, float, float, float, float]
) -> None:
    found = guessability(rule, people=people)
    got = (found.variance, found.balanced, found.mean_difference, found.correct, found.forced)
    assert got == pytest.approx(exact, abs=6e-7)


def test_efron_by_hand() -> None:
    """P(|D|) with p = 2/3: three people 8/9; four 16/27, 10/27, 1/27; six 136, 92, 14, 1 of 243."""

    def sizes(people: int) -> list[float]:
        row = EFRON.differences(people)[-1]
        return [row[people], *(row[people + d] + row[people - d] for d in range(1, people + 1))]

    assert sizes(3)[1] == pytest.approx(8 / 9, rel=1e-14)
    assert [sizes(4)[d] for d in (0, 2, 4)] == pytest.approx([16 / 27, 10 / 27, 1 / 27], rel=1e-13)
    of = [Fraction(number, 243) for number in (136, 92, 14, 1)]
    assert [sizes(6)[d] for d in (0, 2, 4, 6)] == pytest.approx([float(f) for f in of], rel=1e-13)


def test_efron_in_the_long_run() -> None:
    """Efron's limits for r = 2: P(D = 0) = 1/2, P(|D| = 2) = 3/8; odd n P(|D| = 1) = 3/4."""
    row = EFRON.differences(400)
    assert row[400][400] == pytest.approx(1 / 2, abs=1e-9)
    assert row[400][402] + row[400][398] == pytest.approx(3 / 8, abs=1e-9)
    assert row[399][401] + row[399][399] == pytest.approx(3 / 4, abs=1e-9)


@pytest.mark.parametrize(
    ("tolerance", "counts"),
    [(2, [6, 18, 54, 162, 486]), (3, [6, 20, 68, 232, 792]), (4, [6, 20, 70, 250, 900])],
)
def test_how_many_sequences_the_maximal_procedure_has(tolerance: int, counts: list[int]) -> None:
    """Terminal balance at 4, 6, ..., 12; 2·3^(n/2 − 1) for a tolerance of 2; all equally likely."""
    for people, count in zip(range(4, 13, 2), counts, strict=True):
        support = MaximalProcedure(tolerance=tolerance, people=people).support(people)
        assert support.weight == pytest.approx(np.full(count, 1 / count), rel=1e-12)


@pytest.mark.parametrize("half", [1, 2, 3, 4, 5, 6])
def test_guessing_a_block(half: int) -> None:
    """A block of 2m: m + 2^(2m − 1)/C(2m, m) − 1/2 right guesses; one in m + 1 forced."""
    size = 2 * half
    rule = PermutedBlocks(sizes=(size,))
    support = rule.support(size)
    correct = forced = 0.0
    for path, weight in zip(support.arm.tolist(), support.weight, strict=True):
        for place, arm in enumerate(path):
            control, treated = rule.next_probabilities(path[:place])
            behind = np.sign(place - 2 * sum(path[:place]))
            right = 0.5 if behind == 0 else float(arm == (behind > 0))
            correct += weight * right
            forced += weight * (min(control, treated) == 0)
    assert correct == pytest.approx(half + 2 ** (size - 1) / comb(size, half) - 0.5, rel=1e-12)
    assert forced / size == pytest.approx(1 / (half + 1), rel=1e-12)


def test_a_block_of_unknown_size_by_hand() -> None:
    """Sizes 2 and 4 alike. After one treated: blocks {0,1} left (1/2 · 1/2) or {0,0,1} (1/2 · 1/2).

    Equal weights: the next is treated with (0 + 1/3)/2 = 1/6. After two treated only a block of 4
    is possible, or a block of 2 that ended: impossible, as it would hold one control. So control.
    """
    rule = PermutedBlocks(sizes=(2, 4))
    assert rule.next_probabilities([1]) == pytest.approx([5 / 6, 1 / 6], rel=1e-14)
    assert rule.next_probabilities([1, 1]) == pytest.approx([1, 0], rel=1e-14)
    # 1, 0: a block of 2 ended (1/2 · 1/2 · 1) or a block of 4 has {0, 1} left (1/2 · 1/2 · 2/3).
    ended, open_ = Fraction(1, 4), Fraction(1, 4) * Fraction(2, 3)
    treated = (ended * Fraction(1, 2) + open_ * Fraction(1, 2)) / (ended + open_)
    assert rule.next_probabilities([1, 0])[1] == pytest.approx(float(treated), rel=1e-14)
