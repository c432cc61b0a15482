"""Two by two tables by hand: Fisher by counting, Wald, Newcombe and score limits."""

from __future__ import annotations

from fractions import Fraction as F
from math import comb, exp, log, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import checkpoint_eval as ce

Z = norm.ppf(0.975)
EXACT = 1e-12  # the same closed form, rounded along the way
SOLVED = 1e-6  # a root found by search


def read(x1: int, n1: int, x0: int, n0: int) -> ce.Trial:
    """x1 of n1 treated and x0 of n0 controls have the event."""
    arm = np.repeat([1, 0], [n1, n0])
    event = np.concatenate([np.arange(n1) < x1, np.arange(n0) < x0])
    table = pd.DataFrame({"arm": arm, "any": event})
    return ce.Trial.from_frame(table, arm="arm", control=0, binary={"any": "any"})


def wilson(x: int, n: int) -> tuple[float, float]:
    """Roots p of (x/n - p)² = z² p (1 - p) / n."""
    centre = (2 * x + Z**2) / (2 * (n + Z**2))
    half = Z * sqrt(Z**2 + 4 * x * (1 - x / n)) / (2 * (n + Z**2))
    return centre - half, centre + half


# 1 of 5 treated, 4 of 6 controls: 5 events among 11 people, C(11, 5) = 462 ways
POINT = {
    "difference": F(1, 5) - F(4, 6),  # -7/15
    "ratio": F(1, 5) / F(4, 6),  # 3/10
    "odds": F(1 * 2, 4 * 4),  # (1/4) / (4/2) = 1/8
}


def test_points_and_denominators() -> None:
    """-7/15, 3/10 and 1/8."""
    trial = read(1, 5, 4, 6)
    verbs = [ce.risk_difference, ce.risk_ratio, ce.odds_ratio]
    for verb, point in zip(verbs, POINT.values(), strict=True):
        got = verb(trial, outcome="any")
        assert got.value == pytest.approx(float(point), rel=EXACT)
        assert (got.n, got.events) == ((6, 5), (4, 1))
        assert got.by_arm == pytest.approx((2 / 3, 1 / 5), rel=EXACT)
    assert list(POINT.values()) == [F(-7, 15), F(3, 10), F(1, 8)]


def test_fisher_by_counting() -> None:
    """Ways with x events among the 5 treated: C(5, x) C(6, 5 - x) = 6, 75, 200, 150, 30, 1.

    Observed x = 1, 75 ways; as rare or rarer are x = 0, 1, 4 and 5: 6 + 75 + 30 + 1 = 112.
    """
    ways = [comb(5, x) * comb(6, 5 - x) for x in range(6)]
    assert ways == [6, 75, 200, 150, 30, 1]
    assert sum(ways) == comb(11, 5) == 462
    expected = F(6 + 75 + 30 + 1, 462)
    assert expected == F(8, 33)
    for verb in (ce.risk_difference, ce.risk_ratio, ce.odds_ratio):
        assert verb(read(1, 5, 4, 6), outcome="any").p_value == pytest.approx(8 / 33, rel=EXACT)


@pytest.mark.parametrize(
    ("table", "p"),
    [
        ((3, 4, 1, 4), F(1 + 16 + 16 + 1, 70)),  # Fisher's tea: 3 of 4 right; 36 ways for 2
        ((4, 4, 0, 4), F(2, 70)),  # all right, and its mirror image
        ((2, 4, 2, 4), F(1)),
        ((0, 3, 2, 3), F(3 + 3, 15)),  # C(3, x) C(3, 2 - x): 3, 9, 3
        ((1, 1, 0, 9), F(1, 10)),
        ((0, 4, 0, 4), F(1)),
        ((4, 4, 4, 4), F(1)),
    ],
)
def test_fisher_of_other_tables(table: tuple[int, int, int, int], p: F) -> None:
    """Tables as rare as the one seen count, rounding apart."""
    got = ce.risk_difference(read(*table), outcome="any")
    assert got.p_value == pytest.approx(float(p), rel=EXACT)


def test_wald_difference() -> None:
    """Variance 1/5 · 4/5 / 5 + 2/3 · 1/3 / 6 = 4/125 + 1/27."""
    got = ce.risk_difference(read(1, 5, 4, 6), outcome="any", interval="wald")
    error = sqrt(F(4, 125) + F(1, 27))
    assert got.std_error == pytest.approx(error, rel=EXACT)
    low, high = -7 / 15 - Z * error, -7 / 15 + Z * error
    assert (got.low, got.high) == pytest.approx((low, high), rel=1e-10)


def test_wald_ratio() -> None:
    """Of the log: 1/1 - 1/5 + 1/4 - 1/6 = 53/60."""
    got = ce.risk_ratio(read(1, 5, 4, 6), outcome="any", interval="wald")
    error = sqrt(F(1) - F(1, 5) + F(1, 4) - F(1, 6))
    assert error**2 == pytest.approx(53 / 60, rel=EXACT)
    assert got.std_error == pytest.approx(error, rel=EXACT)
    assert (got.low, got.high) == pytest.approx(
        (0.3 * exp(-Z * error), 0.3 * exp(Z * error)), rel=1e-10
    )


def test_wald_odds() -> None:
    """Of the log, Woolf: 1/1 + 1/4 + 1/4 + 1/2 = 2."""
    got = ce.odds_ratio(read(1, 5, 4, 6), outcome="any", interval="wald")
    assert got.std_error == pytest.approx(sqrt(2), rel=EXACT)
    assert (got.low, got.high) == pytest.approx(
        (exp(-Z * sqrt(2)) / 8, exp(Z * sqrt(2)) / 8), rel=1e-10
    )
    wide = ce.odds_ratio(read(1, 5, 4, 6), outcome="any", interval="wald", level=0.5)
    assert wide.low == pytest.approx(exp(log(1 / 8) - norm.ppf(0.75) * sqrt(2)), rel=1e-10)


@pytest.mark.parametrize("table", [(1, 5, 4, 6), (0, 4, 2, 5), (56, 70, 48, 80), (3, 3, 0, 3)])
def test_newcombe(table: tuple[int, int, int, int]) -> None:
    """Wilson limits l, u of each risk, squared and added: d - sqrt((p1 - l1)² + (u0 - p0)²)."""
    x1, n1, x0, n0 = table
    p1, p0 = x1 / n1, x0 / n0
    (l1, u1), (l0, u0) = wilson(x1, n1), wilson(x0, n0)
    got = ce.risk_difference(read(*table), outcome="any", interval="newcombe")
    low = p1 - p0 - sqrt((p1 - l1) ** 2 + (u0 - p0) ** 2)
    high = p1 - p0 + sqrt((u1 - p1) ** 2 + (p0 - l0) ** 2)
    assert (got.low, got.high) == pytest.approx((low, high), abs=1e-12)


@pytest.mark.parametrize("n", [4, 10, 25])
def test_score_limits_without_events(n: int) -> None:
    """Under a difference of d > 0 the likelihood (1 - p0)^n (1 - p0 - d)^n is highest at p0 = 0.

    Then d² = z² d (1 - d)/n · 2n/(2n - 1), so d = z² / (z² + n (2n - 1)/(2n)).
    """
    got = ce.risk_difference(read(0, n, 0, n), outcome="any", interval="miettinen-nurminen")
    limit = Z**2 / (Z**2 + n * (2 * n - 1) / (2 * n))
    assert (got.low, got.value, got.high) == pytest.approx((-limit, 0, limit), rel=SOLVED)


def test_score_limits_when_everyone_in_one_arm_has_it() -> None:
    """n of n against 0 of n: p1 = 1, p0 = d' mirrored: the low limit d solves z² by hand.

    For d = p1 - p0 the likelihood p1^n (1 - p0)^n is highest at p1 = (1 + d)/2, p0 = (1 - d)/2,
    with variance 2 (1 - d²)/(4n) · 2n/(2n - 1) = (1 - d²)/(2n - 1).
    (1 - d)² = z² (1 - d²)/(2n - 1)  <=>  (1 - d)/(1 + d) = z²/(2n - 1) = k, d = (1 - k)/(1 + k).
    """
    for n in (5, 12):
        k = Z**2 / (2 * n - 1)
        got = ce.risk_difference(read(n, n, 0, n), outcome="any", interval="miettinen-nurminen")
        assert got.low == pytest.approx((1 - k) / (1 + k), rel=SOLVED)
        assert (got.value, got.high) == (1, 1)


def test_score_limits_of_the_odds_ratio() -> None:
    """n of n against 0 of n: with p1 = 1 - p0 = q the odds ratio is (q/(1 - q))².

    Score of the table given psi: (n - nq) with variance 1/(1/(n q(1-q)) + same) = nq(1 - q)/2,
    times 2n/(2n - 1): n²(1-q)² = z² nq(1-q)/2 · 2n/(2n-1)  <=>  (1-q)/q = z²/(2n - 1) = k.
    """
    for n in (5, 12):
        k = Z**2 / (2 * n - 1)
        got = ce.odds_ratio(read(n, n, 0, n), outcome="any")
        assert got.low == pytest.approx(1 / k**2, rel=SOLVED)
        assert (got.value, got.high) == (np.inf, np.inf)


def test_no_events_in_control() -> None:
    """2 of 4 against 0 of 4: the ratio is infinite and says so; it is not hidden by a 1/2."""
    for verb in (ce.risk_ratio, ce.odds_ratio):
        got = verb(read(2, 4, 0, 4), outcome="any")
        assert got.value == np.inf
        assert got.high == np.inf
        assert 0 < got.low < np.inf
        assert "infinite" in got.method
        assert got.p_value == pytest.approx(2 * 6 / comb(8, 2), rel=EXACT)
        mirrored = verb(read(0, 4, 2, 4), outcome="any")
        assert mirrored.value == 0
        assert mirrored.low == 0
        assert mirrored.high == pytest.approx(1 / got.low, rel=SOLVED)


def test_standardised_over_a_covariate_that_changes_nothing() -> None:
    """Risks 1/4 and 2/4 treated and control at both ages: standardised they stay 1/4 and 1/2."""
    rows = [(arm, age, int(i < 2 - arm)) for arm in (0, 1) for age in (20, 40) for i in range(4)]
    table = pd.DataFrame(rows, columns=["arm", "age", "any"])
    trial = ce.Trial.from_frame(
        table, arm="arm", control=0, covariates=["age"], binary={"any": "any"}
    )
    got = ce.risk_difference(trial, outcome="any", adjust="age")
    assert got.by_arm == pytest.approx((1 / 2, 1 / 4), rel=1e-8)
    assert got.value == pytest.approx(-1 / 4, rel=1e-8)
    assert ce.risk_ratio(trial, outcome="any", adjust="age").value == pytest.approx(1 / 2, rel=1e-8)
    odds = ce.odds_ratio(trial, outcome="any", adjust="age")
    assert odds.value == pytest.approx((1 / 3) / 1, rel=1e-8)


def test_risk_at_a_horizon_counts_people() -> None:
    """Nobody is censored before 3: by then 1 of 3 treated and 2 of 3 controls had the event."""
    table = pd.DataFrame(
        {"arm": [1, 1, 1, 0, 0, 0], "week": [3, 4, 5, 1, 3, 3], "ev": [1, 1, 0, 1, 1, 0]}
    )
    trial = ce.Trial.from_frame(table, arm="arm", control=0, times={"re": ("week", "ev", "weeks")})
    got = ce.risk_difference(trial, outcome="re", horizon=3)
    assert got.by_arm == pytest.approx((2 / 3, 1 / 3), rel=EXACT)
    assert (got.events, got.n, got.time_point, got.unit) == ((2, 1), (3, 3), 3, "weeks")
    assert got.p_value == 1  # C(3, 1) C(3, 2) + its mirror image + 1 + 1 = all 20 ways
