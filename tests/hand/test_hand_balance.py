"""Balance before any outcome, worked by hand on a handful of people."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import combinations
from math import exp, inf, sqrt

import pandas as pd
import pytest
from scipy.stats import chi2

import checkpoint_eval as ce

EXACT = 1e-12  # the same closed form, rounded along the way


def read(arm: list[int], strata: tuple[str, ...] = (), **covariates: list[object]) -> ce.Trial:
    """A trial of arms and covariates."""
    table = pd.DataFrame({"arm": arm} | covariates)
    names = [name for name in covariates if name not in strata]
    return ce.Trial.from_frame(table, arm="arm", control=0, covariates=names, strata=strata)


def row(trial: ce.Trial, covariate: str, level: str = "") -> pd.Series:
    """One row of the balance table."""
    table = ce.standardised_differences(trial).to_frame()
    found = table[(table["covariate"] == covariate) & (table["level"] == level)]
    assert len(found) == 1
    return found.iloc[0]


def test_numbers() -> None:
    """Ages 1, 2, 3 against 2, 4, 6: means 2 and 4, variances 1 and 4: 2 / sqrt(5/2)."""
    age = row(read([0, 0, 0, 1, 1, 1], age=[1, 2, 3, 2, 4, 6]), "age")
    assert (age["mean_control"], age["mean_treatment"]) == (2, 4)
    assert age["difference"] == pytest.approx(2 / sqrt(5 / 2), rel=EXACT)
    assert age["variance_ratio"] == pytest.approx(4, rel=EXACT)


def test_yes_and_no() -> None:
    """1 of 4 against 2 of 3, variances with n - 1: 4/3 · 3/16 = 1/4 and 3/2 · 2/9 = 1/3."""
    trial = read([0, 0, 0, 0, 1, 1, 1], drugs=[1, 0, 0, 0, 1, 1, 0])
    drugs = row(trial, "drugs")
    expected = float(F(2, 3) - F(1, 4)) / sqrt((F(1, 4) + F(1, 3)) / 2)
    assert drugs["difference"] == pytest.approx(expected, rel=EXACT)


def test_missing_values_are_left_out_and_counted() -> None:
    """Ages 1, 3 and two unknown against 2, 4: means 2 and 3, variances 2 and 2."""
    age = row(read([0, 0, 0, 0, 1, 1], age=[1, None, 3, None, 2, 4]), "age")
    assert age["difference"] == pytest.approx(1 / sqrt(2), rel=EXACT)
    assert (age["missing_control"], age["missing_treatment"]) == (2, 0)


def test_two_categories() -> None:
    """North for 3 of 4 against 2 of 4, and overall |1/2 - 3/4| / sqrt((3/16 + 1/4) / 2)."""
    trial = read([0] * 4 + [1] * 4, site=["n", "n", "n", "s", "n", "n", "s", "s"])
    spread = sqrt((F(4, 3) * F(3, 16) + F(4, 3) * F(1, 4)) / 2)  # each level as a 0/1 column
    assert row(trial, "site", "n")["difference"] == pytest.approx(-0.25 / spread, rel=EXACT)
    assert row(trial, "site", "s")["difference"] == pytest.approx(0.25 / spread, rel=EXACT)
    overall = row(trial, "site", "(overall)")["difference"]
    assert overall == pytest.approx(0.25 / sqrt(F(7, 32)), rel=EXACT)


def test_three_categories() -> None:
    """Yang and Dalton: shares 2/4, 1/4, 1/4 against 1/4, 1/4, 2/4.

    Without the third level: d = (-1/4, 0); S is the mean of the two covariances,
    control (1/4, -1/8; -1/8, 3/16), treated (3/16, -1/16; -1/16, 3/16):
    S = (7/32, -3/32; -3/32, 6/32), det = (42 - 9)/1024, d' S⁻¹ d = 1/16 · 6/32 / det = 4/11.
    """
    determinant = F(7, 32) * F(6, 32) - F(3, 32) ** 2
    distance = F(1, 16) * F(6, 32) / determinant
    assert distance == F(4, 11)
    trial = read([0] * 4 + [1] * 4, site=list("xxyz") + list("xyzz"))
    overall = row(trial, "site", "(overall)")["difference"]
    assert overall == pytest.approx(sqrt(4 / 11), rel=EXACT)


def test_disjoint_categories_are_infinitely_far_apart() -> None:
    """Arms without a category in common; tableone printed 0 for such arms (its issue 114)."""
    trial = read([0, 0, 0, 1, 1, 1], site=["x", "x", "y", "z", "z", "w"])
    assert row(trial, "site", "(overall)")["difference"] == inf
    two = read([0, 0, 1, 1], site=["x", "x", "y", "y"])
    assert row(two, "site", "(overall)")["difference"] == inf
    assert row(two, "site", "x")["difference"] == -inf
    assert row(two, "site", "y")["difference"] == inf


def test_no_spread() -> None:
    """The same constant in both arms cannot be read in; constants that differ are far apart."""
    assert row(read([0, 0, 1, 1], age=[1, 1, 2, 2]), "age")["difference"] == inf
    assert row(read([0, 0, 1, 1], age=[2, 2, 1, 1]), "age")["difference"] == -inf


def test_omnibus_of_four_people() -> None:
    """Ages 1, 2 | 3, 5: difference of means 5/2; over all 6 allocations its variance is 35/12.

    S² = ((1 + 4 + 9 + 25) - 121/4) / 3 = 35/12 and the factor 4/(2·2) is 1; 25/4 / (35/12) = 15/7.
    """
    age = [1, 2, 3, 5]
    differences = [
        F(sum(age[i] for i in pair), 2) - F(11 - sum(age[i] for i in pair), 2)
        for pair in combinations(range(4), 2)
    ]
    assert len(differences) == 6
    assert sum(differences) == 0
    variance = sum(d * d for d in differences) / 6
    assert variance == F(35, 12)
    got = ce.omnibus_balance(read([0, 0, 1, 1], age=list(age)))
    assert F(25, 4) / variance == F(15, 7)
    assert got.statistic == pytest.approx(15 / 7, rel=EXACT)
    assert got.df == 1
    assert got.p_value == pytest.approx(chi2.sf(15 / 7, 1), rel=1e-10)


def test_omnibus_of_two_covariates() -> None:
    """With y = 0, 1, 1, 0 besides: d = (5/2, 0), covariance 1/3 · (35/4, -1/2; -1/2, 1).

    The determinant of the bracket is 35/4 - 1/4 = 17/2: 25/4 · 3 · 1 / (17/2) = 75/34.
    """
    got = ce.omnibus_balance(read([0, 0, 1, 1], age=[1, 2, 3, 5], y=[0, 1, 1, 0]))
    assert got.statistic == pytest.approx(75 / 34, rel=EXACT)
    assert got.df == 2
    # a combination of the two adds nothing, not even a degree of freedom
    third = ce.omnibus_balance(
        read([0, 0, 1, 1], age=[1, 2, 3, 5], y=[0, 1, 1, 0], sum=[1, 3, 4, 5])
    )
    assert third.statistic == pytest.approx(75 / 34, rel=1e-9)
    assert third.df == 2


def test_omnibus_within_pairs() -> None:
    """Three pairs with treated - control 1, 2, -1: each sign is a coin: (1 + 2 - 1)² / 6 = 2/3."""
    site = ["p", "p", "q", "q", "r", "r"]
    age = [10, 11, 20, 22, 31, 30]
    trial = read([0, 1, 0, 1, 0, 1], strata=("site",), site=list(site), age=list(age))
    got = ce.omnibus_balance(trial)
    assert got.statistic == pytest.approx(2 / 3, rel=1e-9)
    assert got.df == 1


def test_sample_ratio_of_two_arms() -> None:
    """1 treated of 4: P(0, 1, 3 or 4 heads) = (1 + 4 + 4 + 1)/16 = 5/8."""
    got = ce.sample_ratio_test(read([0, 0, 0, 1], age=[1, 2, 3, 5]))
    assert got.p_value == pytest.approx(5 / 8, rel=EXACT)
    assert got.statistic == pytest.approx(1 / 4 - 1 / 2, rel=EXACT)
    # promised 1 : 2, control first: P(k) = 1, 8, 24, 32, 16 of 81; as rare as 8: 1 + 8
    got = ce.sample_ratio_test(read([0, 0, 0, 1], age=[1, 2, 3, 5]), ratio=(1, 2))
    assert got.p_value == pytest.approx(1 / 9, rel=EXACT)
    assert got.statistic == pytest.approx(1 / 4 - 2 / 3, rel=EXACT)


def test_sample_ratio_of_three_arms() -> None:
    """2, 4 and 6 people for 4 each: (4 + 0 + 4)/4 = 2, and P(chi² on 2 df > 2) = 1/e."""
    table = pd.DataFrame({"arm": list("aabbbbcccccc")})
    trial = ce.Trial.from_frame(table, arm="arm", control="a", arms=("a", "b", "c"))
    got = ce.sample_ratio_test(trial)
    assert (got.statistic, got.df) == pytest.approx((2, 2), rel=EXACT)
    assert got.p_value == pytest.approx(exp(-1), rel=1e-10)
    kept = ce.sample_ratio_test(trial, ratio=(1, 2, 3))
    assert (kept.statistic, kept.p_value) == pytest.approx((0, 1), abs=1e-12)
