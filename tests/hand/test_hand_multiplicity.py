"""Adjusted p-values with the arithmetic shown."""

import pytest

from checkpoint_eval.models import adjust_p_values

P = [0.010, 0.040, 0.020, 0.030]


def test_benjamini_and_hochberg() -> None:
    """In order .01, .02, .03, .04, times 4/1, 4/2, 4/3, 4/4: all .04."""
    assert adjust_p_values(P, method="bh") == pytest.approx([0.04] * 4)


def test_benjamini_and_hochberg_looks_at_the_larger_ones() -> None:
    """.01·4 = .04; .03·4/2 = .06, but .035·4/3 = .04667 is less; .5·4/4 = .5."""
    found = adjust_p_values([0.5, 0.03, 0.01, 0.035], method="bh")
    assert found == pytest.approx([0.5, 0.14 / 3, 0.04, 0.14 / 3])


def test_hochberg_and_holm() -> None:
    """.01·4, .02·3, .03·2, .04·1: Hochberg the least from there on, Holm the most up to there."""
    assert adjust_p_values(P, method="hochberg") == pytest.approx([0.04] * 4)
    assert adjust_p_values(P, method="holm") == pytest.approx([0.04, 0.06, 0.06, 0.06])


def test_hommel_of_three() -> None:
    """.01, .02, .9. Simes of all: min(3·.01, 3/2·.02, .9) = .03; of two: .01 with .02 gives
    min(2·.01, .02) = .02, .01 with .9 gives .02, .02 with .9 gives .04. The greatest of the
    families one is in: .01 → max(.03, .02, .02, .01), .02 → max(.03, .02, .04, .02), .9 → .9.
    """
    assert adjust_p_values([0.01, 0.02, 0.9], method="hommel") == pytest.approx([0.03, 0.04, 0.9])
