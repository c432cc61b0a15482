"""The balance and randomisation references themselves, by hand and by full enumeration."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import binomtest, chi2
from slow_balance import (
    adjusted_difference,
    allocations,
    balance_covariance,
    binomial_p_value,
    categorical_difference,
    exact_p_value,
    hansen_bowers,
    pearson,
    standardised_difference,
)
from slow_data import rossi

TERMS = ["age", "race", "wexp", "mar", "paro", "prio"]


def difference_in_means(outcome: list[float], arm: list[int]) -> float:
    """Mean of the treated minus mean of the rest."""
    treated = [y for y, a in zip(outcome, arm, strict=True) if a]
    control = [y for y, a in zip(outcome, arm, strict=True) if not a]
    return sum(treated) / len(treated) - sum(control) / len(control)


def test_gerber_and_green_villages() -> None:
    """Gerber & Green (2012, section 3.4): estimate 6.5, two-sided 8 of 21."""
    budget, arm = [15, 15, 20, 20, 10, 15, 30], [1, 0, 0, 0, 0, 0, 1]
    assert difference_in_means(budget, arm) == 6.5
    assert exact_p_value(lambda a: difference_in_means(budget, a), arm, [0] * 7) == Fraction(8, 21)


@pytest.mark.parametrize(
    ("guess", "p"), [((1, 1, 1, 1, 0, 0, 0, 0), 1), ((1, 1, 1, 0, 1, 0, 0, 0), 17)]
)
def test_lady_tasting_tea(guess: tuple[int, ...], p: int) -> None:
    """Fisher (1935): all four right 1/70, three or more right 17/70."""
    milk_first = (1, 1, 1, 1, 0, 0, 0, 0)

    def right(cups: list[int]) -> int:
        return sum(a * b for a, b in zip(cups, milk_first, strict=True))

    assert exact_p_value(right, guess, [0] * 8) == Fraction(p, 70)


def test_allocations_within_strata() -> None:
    """C(4,2) x C(3,1) allocations, all different, each keeping the numbers treated."""
    arm, strata = [1, 1, 0, 0, 1, 0, 0], list("aaaabbb")
    found = list(allocations(arm, strata))
    assert len(found) == len({tuple(a) for a in found}) == 18
    assert all(sum(a[:4]) == 2 and sum(a[4:]) == 1 for a in found)


@pytest.mark.parametrize("seed", range(4))
def test_hansen_bowers_covariance_is_that_of_all_allocations(seed: int) -> None:
    """Enumerate: the differences average zero, have covariance V, and d'V^-d averages its rank."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(9, 2))
    arm, strata = [1, 1, 0, 0, 0, 1, 1, 1, 0], list("aaaaabbbb")
    draws = np.array(
        [[adjusted_difference(list(c), a, strata) for c in x.T] for a in allocations(arm, strata)]
    )
    assert draws.mean(axis=0) == pytest.approx(0, abs=1e-12)  # sums of exact opposites
    expected = draws.T @ draws / len(draws)
    assert balance_covariance(x, arm, strata) == pytest.approx(expected, abs=1e-12)
    forms = [hansen_bowers(x, a, strata).statistic for a in allocations(arm, strata)]
    assert np.mean(forms) == pytest.approx(2, rel=1e-10)


def test_rossi_omnibus() -> None:
    """R coin: 4.25133368 on 6 (p .64270546); within race 2.51761379 on 5 (p .77384009)."""
    data = rossi()
    x, arm = data[TERMS].to_numpy(float), data["fin"].tolist()
    whole, by_race = (hansen_bowers(x, arm, s) for s in ([0] * 432, data["race"].tolist()))
    assert (whole.statistic, whole.df) == pytest.approx((4.25133368, 6), abs=5e-9)
    assert (by_race.statistic, by_race.df) == pytest.approx((2.51761379, 5), abs=5e-9)
    assert chi2.sf(whole.statistic, whole.df) == pytest.approx(0.64270546, abs=5e-9)


def test_omnibus_laws() -> None:
    """Mixing covariates changes nothing; one that is constant within strata adds nothing."""
    data = rossi().head(60)
    x, arm, race = (
        data[["age", "prio"]].to_numpy(float),
        data["fin"].tolist(),
        data["race"].tolist(),
    )
    mixed = x @ np.array([[1.0, -0.1], [0.1, 1.0]])
    base = hansen_bowers(x, arm, race)
    assert hansen_bowers(mixed, arm, race).statistic == pytest.approx(base.statistic, rel=1e-9)
    more = np.column_stack([x, data["race"], x.sum(axis=1)])
    assert hansen_bowers(more, arm, race) == pytest.approx(base, rel=1e-9)  # two redundant columns
    assert hansen_bowers(data[["race"]].to_numpy(float), arm, race) == (0, 0)


def test_rossi_standardised_differences() -> None:
    """Computed in R with var(), six printed decimals."""
    data = rossi()
    printed = [0.122771, 0.126965, 0.009335, -0.070438, -0.028523, -0.001597]
    got = [standardised_difference(data[term].tolist(), data["fin"].tolist()) for term in TERMS]
    assert got == pytest.approx(printed, abs=5.1e-7)


def test_categorical_difference_by_hand() -> None:
    """Two levels give |p1 - p0| over the average spread; three a hand-inverted 2 x 2 matrix."""
    arm = [1] * 10 + [0] * 10
    two = ["a"] * 7 + ["b"] * 3 + ["a"] * 4 + ["b"] * 6
    assert categorical_difference(two, arm) == pytest.approx(0.3 / math.sqrt(0.225), rel=1e-12)
    three = ["a"] * 5 + ["b"] * 3 + ["c"] * 2 + ["a"] * 2 + ["b"] * 3 + ["c"] * 5
    # d = (0, -.3); S = [[.21, -.105], [-.105, .205]]; (S^-1)_22 = .21 / (.21 * .205 - .105^2)
    expected = math.sqrt(0.09 * 0.21 / (0.21 * 0.205 - 0.105**2))
    assert categorical_difference(three, arm) == pytest.approx(expected, rel=1e-10)
    renamed = [{"a": "z", "b": "b", "c": "c"}[label] for label in three]
    assert categorical_difference(renamed, arm) == pytest.approx(expected, rel=1e-10)


def test_disjoint_categories_are_infinitely_apart() -> None:
    """Tableone issue 114: one arm all A, the other none of it, however the rest is split."""
    for b in (25, 49):
        labels = ["a"] * 50 + ["b"] * b + ["c"] * (50 - b)
        assert categorical_difference(labels, [0] * 50 + [1] * 50) == math.inf


@pytest.mark.parametrize(
    ("treated", "n", "share"), [(30, 80, (1, 2)), (61, 80, (2, 3)), (5, 9, (1, 2))]
)
def test_sample_ratio(treated: int, n: int, share: tuple[int, int]) -> None:
    """Exact fractions agree with scipy's binomial test; Pearson by hand."""
    expected = binomtest(treated, n, share[0] / share[1]).pvalue
    assert float(binomial_p_value(treated, n, Fraction(*share))) == pytest.approx(
        expected, rel=1e-9
    )
    assert pearson([30, 20, 10], [1, 1, 1]) == (10.0, 2)
