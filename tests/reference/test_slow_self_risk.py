"""The references for proportions themselves, against published values and identities."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import chi2_contingency, fisher_exact
from slow_data import SEEDS, binary_frame, rossi
from slow_risk import (
    Table,
    constrained,
    fisher,
    g_computation,
    miettinen_nurminen,
    newcombe,
    score_statistic,
    wilson,
)

# Newcombe (1998, Statistics in Medicine 17:873), table II: methods 10 and 6
NEWCOMBE = [
    (Table(56, 70, 48, 80), (0.0524, 0.3339), (0.0528, 0.3382)),
    (Table(9, 10, 3, 10), (0.1705, 0.8090), (0.1700, 0.8406)),
    (Table(6, 7, 2, 7), (0.0582, 0.8062), (0.0342, 0.8534)),
    (Table(5, 56, 0, 29), (-0.0381, 0.1926), (-0.0326, 0.1933)),
    (Table(0, 10, 0, 20), (-0.1611, 0.2775), (-0.1658, 0.2844)),
]
TABLES = [
    Table(56, 70, 48, 80),
    Table(9, 10, 3, 10),
    Table(5, 56, 1, 29),
    Table(48, 216, 66, 216),
    Table(2, 17, 9, 12),
]


@pytest.mark.parametrize(("table", "hybrid", "score"), NEWCOMBE)
def test_newcombe_table_ii(
    table: Table, hybrid: tuple[float, float], score: tuple[float, float]
) -> None:
    """The four printed decimals of the hybrid and of the Miettinen-Nurminen limits."""
    assert newcombe(table) == pytest.approx(hybrid, abs=5.1e-5)
    assert miettinen_nurminen(table, "difference") == pytest.approx(score, abs=5.1e-5)


@pytest.mark.parametrize("x", [0, 1, 7, 19, 20])
def test_wilson_has_its_closed_form(x: int) -> None:
    """Centre and half width of the quadratic (Wilson 1927)."""
    n, z = 20, 1.959963984540054
    centre = (x + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(x * (n - x) / n + z * z / 4)
    assert wilson(x, n) == pytest.approx((centre - half, centre + half), abs=1e-12)  # bisection


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(("measure", "null"), [("difference", 0), ("ratio", 1), ("odds", 1)])
def test_score_at_no_effect_is_pearson(table: Table, measure: str, null: float) -> None:
    """At no effect z^2 is Pearson's chi-square times (N - 1) / N, whatever the measure."""
    x1, n1, x0, n0 = table
    counts = np.array([[x1, n1 - x1], [x0, n0 - x0]])
    pearson = chi2_contingency(counts, correction=False).statistic
    expected = pearson * (n1 + n0 - 1) / (n1 + n0)
    # the maximum of a likelihood is known to about 1e-9 by root finding near its edge
    assert score_statistic(table, measure, null) ** 2 == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    ("measure", "value"), [("difference", 0.13), ("ratio", 0.7), ("ratio", 2.1), ("odds", 0.4)]
)
def test_constrained_risks_beat_a_grid(table: Table, measure: str, value: float) -> None:
    """No point of a fine grid along the constraint has a higher likelihood."""

    def height(p1: np.ndarray, p0: np.ndarray) -> np.ndarray:
        x1, n1, x0, n0 = table
        treated = x1 * np.log(p1) + (n1 - x1) * np.log1p(-p1)
        return treated + x0 * np.log(p0) + (n0 - x0) * np.log1p(-p0)

    p0 = np.linspace(1e-6, 1 - 1e-6, 20_001)
    odds = value * p0 / (1 - p0)
    p1 = {"difference": p0 + value, "ratio": p0 * value, "odds": odds / (1 + odds)}[measure]
    inside = (p1 > 0) & (p1 < 1)
    best = constrained(table, measure, value)
    assert height(*(np.array([r]) for r in best))[0] >= height(p1[inside], p0[inside]).max() - 1e-9
    relation = {
        "difference": best[0] - best[1],
        "ratio": best[0] / best[1],
        "odds": best[0] / (1 - best[0]) * (1 - best[1]) / best[1],
    }
    assert relation[measure] == pytest.approx(value, rel=1e-10)  # by construction


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("measure", ["difference", "ratio", "odds"])
def test_swapping_arms_mirrors_the_score_interval(table: Table, measure: str) -> None:
    """Differences change sign and ratios invert; each limit has |z| = 1.96."""
    low, high = miettinen_nurminen(table, measure)
    other = miettinen_nurminen(Table(table.x0, table.n0, table.x1, table.n1), measure)
    mirror = (-high, -low) if measure == "difference" else (1 / high, 1 / low)
    assert other == pytest.approx(mirror, rel=1e-7)  # two root findings to about 1e-9
    for limit in (low, high):
        assert abs(score_statistic(table, measure, limit)) == pytest.approx(1.95996398, rel=1e-7)


def test_empty_cells_give_open_score_intervals() -> None:
    """No events in one arm leaves one limit of a ratio open; none at all leaves both."""
    for measure in ("ratio", "odds"):
        low, high = miettinen_nurminen(Table(5, 56, 0, 29), measure)
        assert 0 < low < 1
        assert high == math.inf
        assert miettinen_nurminen(Table(0, 10, 0, 20), measure) == (0, math.inf)


def test_fisher_by_hand_and_on_rossi() -> None:
    """The lady tasting tea, both sides: 2/70 and 34/70; Rossi .0632182640 (R)."""
    assert fisher(Table(4, 4, 0, 4)) == Fraction(2, 70)
    assert fisher(Table(3, 4, 1, 4)) == Fraction(34, 70)
    assert float(fisher(Table(48, 216, 66, 216))) == pytest.approx(0.0632182640, abs=1e-10)


@pytest.mark.parametrize("table", TABLES)
def test_fisher_agrees_with_scipy(table: Table) -> None:
    """Exact fractions against floating point."""
    x1, n1, x0, n0 = table
    expected = fisher_exact([[x1, n1 - x1], [x0, n0 - x0]]).pvalue
    assert float(fisher(table)) == pytest.approx(expected, rel=1e-10)


def test_rossi_standardised_risks() -> None:
    """RobinCar2 and beeca: means, difference with Ye's error, and the ratios (printed digits)."""
    data = rossi()
    covariates = data[["age", "race", "wexp", "mar", "paro", "prio"]].to_numpy(float)
    got = g_computation(data["fin"].to_numpy(), covariates, data["arrest"].to_numpy())
    assert got.risks == pytest.approx((0.3033575212, 0.2241947433), abs=1e-9)
    errors = {"difference": 0.040948997, "ratio": 0.15825652, "odds": 0.21351687}
    values = {"difference": -0.07916278, "ratio": 0.73904462, "odds": 0.66363288}
    for measure, error in errors.items():
        value, low, high = got.contrast(measure)
        if measure != "difference":
            low, high = math.log(low), math.log(high)
        assert value == pytest.approx(values[measure], abs=6e-9)
        assert (high - low) / 2 / 1.959963984540054 == pytest.approx(error, abs=6e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_standardised_risks_without_covariates_are_plain(seed: int) -> None:
    """With the arm alone the risks are the shares and the variance p q / (n - 1)."""
    data = binary_frame(seed)
    arm, y = data["arm"].to_numpy(), data["any"].to_numpy()
    got = g_computation(arm, np.empty((len(arm), 0)), y)
    for a in (0, 1):
        p, m = y[arm == a].mean(), (arm == a).sum()
        assert got.risks[a] == pytest.approx(p, rel=1e-9)  # optimiser, then a Newton step
        assert got.covariance[a, a] == pytest.approx(p * (1 - p) / (m - 1), rel=1e-9)
    assert got.covariance[0, 1] == pytest.approx(0, abs=1e-12)
