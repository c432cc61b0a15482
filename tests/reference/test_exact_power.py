"""Exact power by plain loops over tables, with scipy's own p-values."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from checkpoint_eval.power import Proportions, power_of
from checkpoint_eval.power.exact_risks import fisher_tables, rejection_region


def chance(x: int, n: int, p: float) -> float:
    return math.comb(n, x) * p**x * (1 - p) ** (n - x)


def slow_power(
    n0: int, n1: int, p0: float, p1: float, test: str, alpha: float, sided: int
) -> float:
    total = 0.0
    for x0, x1 in itertools.product(range(n0 + 1), range(n1 + 1)):
        if not x1 / n1 < x0 / n0:
            continue
        table = [[x1, x0], [n1 - x1, n0 - x0]]
        if test == "boschloo":
            found = stats.boschloo_exact(table, alternative="less", n=64).pvalue <= alpha / sided
        else:
            side = "two-sided" if sided == 2 else "less"
            found = stats.fisher_exact(table, alternative=side).pvalue <= alpha
        total += found * chance(x0, n0, p0) * chance(x1, n1, p1)
    return total


@pytest.mark.parametrize(
    ("n0", "n1", "test", "alpha", "sided"),
    [
        (9, 7, "fisher", 0.05, 2),
        (7, 12, "fisher", 0.1, 1),
        (14, 14, "fisher", 0.05, 2),
        (8, 7, "boschloo", 0.1, 2),
        (6, 9, "boschloo", 0.05, 1),
    ],
)
def test_power_by_loops(n0: int, n1: int, test: str, alpha: float, sided: int) -> None:
    for p0, p1 in ((0.8, 0.2), (0.6, 0.3)):
        design = Proportions(control=p0, treatment=p1, formula=test)
        got = power_of(design, n=(n0, n1), alpha=alpha, sided=sided).power
        want = slow_power(n0, n1, p0, p1, test, alpha, sided)
        assert got == pytest.approx(want, rel=1e-10)


def test_p_values_of_all_tables() -> None:
    n0, n1 = 6, 9
    for sided, side in ((1, "less"), (2, "two-sided")):
        got = fisher_tables(n0, n1, sided=sided)
        for x0, x1 in itertools.product(range(n0 + 1), range(n1 + 1)):
            want = stats.fisher_exact([[x1, x0], [n1 - x1, n0 - x0]], alternative=side).pvalue
            assert got[x0, x1] == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("test", ["fisher", "boschloo"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_size_is_kept_at_every_risk(test: str, sign: int) -> None:
    """Exact tests reject no more often than half of alpha on a side, whatever the common risk."""
    n0, n1 = 23, 31
    rejected = rejection_region(n0, n1, test, 0.1, 2, sign)
    sizes = []
    for risk in np.linspace(0.003, 0.997, 180):
        first = np.array([chance(x, n0, risk) for x in range(n0 + 1)])
        second = np.array([chance(x, n1, risk) for x in range(n1 + 1)])
        sizes.append(float(first @ rejected @ second))
    # Boschloo's is found on a grid of 400 risks; between its points the size moves by 1e-5.
    limit = 0.05 if test == "boschloo" else 0.1
    assert max(sizes) <= limit + 1e-5
    assert max(sizes) > 0.02
