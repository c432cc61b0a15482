"""The log-rank test term by term: observed, expected, variance."""

from __future__ import annotations

from fractions import Fraction as F
from math import sqrt

import pandas as pd
import pytest
from scipy.stats import chi2, norm

import checkpoint_eval as ce

EXACT = 1e-12  # the same closed form, rounded along the way


def read(
    rows: list[tuple[object, ...]], columns: str = "arm week ev", **options: object
) -> ce.Trial:
    """A trial of rows."""
    table = pd.DataFrame(rows, columns=columns.split())
    keywords: dict[str, object] = {"control": 0, "times": {"re": ("week", "ev", "weeks")}}
    return ce.Trial.from_frame(table, arm="arm", **(keywords | options))  # type: ignore[arg-type]


CONTROL = [(1, 1), (2, 1), (2, 1), (2, 0), (3, 0), (4, 1), (6, 0), (7, 1)]
TREATED = [(1, 0), (2, 0), (5, 1), (5, 0), (8, 1), (8, 0), (9, 0), (9, 0)]
# time: (at risk in control, in treatment, events in control, in treatment)
STEPS = {
    1: (8, 8, 1, 0),
    2: (7, 7, 2, 0),
    4: (3, 6, 1, 0),
    5: (2, 6, 0, 1),
    7: (1, 4, 1, 0),
    8: (0, 4, 0, 1),
}
EXPECTED = [F(1, 2), F(1), F(2, 3), F(3, 4), F(4, 5), F(1)]
VARIANCE = [F(1, 4), F(6, 13), F(2, 9), F(3, 16), F(4, 25), F(0)]
# Pooled survival just before each event time: times 15/16, 12/14, 8/9, 7/8, 4/5
BEFORE = [F(1), F(15, 16), F(45, 56), F(5, 7), F(5, 8), F(1, 2)]


@pytest.fixture
def trial() -> ce.Trial:
    """Eight people in each arm."""
    return read([(0, *p) for p in CONTROL] + [(1, *p) for p in TREATED])


def test_the_fractions_follow_from_the_counts() -> None:
    """E = d n1 / n and V = d (n1/n) (n0/n) (n - d) / (n - 1)."""
    survival = F(1)
    for i, (n0, n1, d0, d1) in enumerate(STEPS.values()):
        n, d = n0 + n1, d0 + d1
        assert EXPECTED[i] == F(d * n1, n)
        assert VARIANCE[i] == F(d * n1 * n0 * (n - d), n * n * (n - 1))
        assert BEFORE[i] == survival
        survival *= F(n - d, n)


def test_two_arms(trial: ce.Trial) -> None:
    """O1 = 2, E1 = 1/2 + 1 + 2/3 + 3/4 + 4/5 + 1."""
    z = (2 - sum(EXPECTED)) / sqrt(sum(VARIANCE))
    assert sum(EXPECTED) == F(283, 60)
    got = ce.logrank_test(trial, outcome="re")
    assert got.statistic == pytest.approx(z, rel=EXACT)
    assert got.statistic < 0  # fewer events in treatment than expected
    assert got.p_value == pytest.approx(2 * norm.sf(abs(z)), rel=1e-10)
    assert (got.n, got.events, got.df) == ((8, 8), (5, 2), 1)


@pytest.mark.parametrize(("rho", "gamma"), [(1, 0), (0, 1), (1, 1), (0.5, 0)])
def test_weighted(trial: ce.Trial, rho: float, gamma: float) -> None:
    """Weights S(t-)^rho (1 - S(t-))^gamma: 1, 15/16, 45/56, 5/7, 5/8, 1/2 and one minus them."""
    weights = [float(s) ** rho * float(1 - s) ** gamma for s in BEFORE]
    excess = sum(
        w * float(d1 - e)
        for w, (_, _, _, d1), e in zip(weights, STEPS.values(), EXPECTED, strict=True)
    )
    spread = sum(w**2 * float(v) for w, v in zip(weights, VARIANCE, strict=True))
    got = ce.logrank_test(trial, outcome="re", weight=ce.FlemingHarrington(rho=rho, gamma=gamma))
    assert got.statistic == pytest.approx(excess / sqrt(spread), rel=EXACT)


def test_three_arms() -> None:
    """The quadratic form of (O - E) for b and c in the inverse of their covariance.

    t  at risk  events   E_b  E_c   V_bb  V_cc  V_bc
    1  2 2 2    a        1/3  1/3   2/9   2/9   -1/9
    2  1 2 2    b        2/5  2/5   6/25  6/25  -4/25
    3  1 1 2    a and c  1/2  1     1/4   1/3   -1/6     (each times d (n - d)/(n - 1) = 4/3)
    """
    rows = [("a", 1, 1), ("a", 3, 1), ("b", 2, 1), ("b", 3, 0), ("c", 3, 1), ("c", 4, 0)]
    trial = read(list(rows), control="a", arms=("a", "b", "c"))
    b = 1 - (F(1, 3) + F(2, 5) + F(1, 2))
    c = 1 - (F(1, 3) + F(2, 5) + F(1))
    bb = F(2, 9) + F(6, 25) + F(4, 3) * F(1, 4) * F(3, 4)
    cc = F(2, 9) + F(6, 25) + F(4, 3) * F(1, 2) * F(1, 2)
    bc = -(F(1, 9) + F(4, 25) + F(4, 3) * F(1, 4) * F(1, 2))
    statistic = (b * b * cc - 2 * b * c * bc + c * c * bb) / (bb * cc - bc * bc)
    got = ce.logrank_test(trial, outcome="re")
    assert got.statistic == pytest.approx(float(statistic), rel=EXACT)
    assert got.df == 2
    assert got.p_value == pytest.approx(chi2.sf(float(statistic), 2), rel=1e-10)


STRATA: list[tuple[object, ...]] = [
    (0, 1, 1, "x"),
    (0, 4, 0, "x"),
    (1, 2, 1, "x"),
    (1, 3, 1, "x"),
    (0, 1, 1, "y"),
    (0, 2, 1, "y"),
    (0, 5, 1, "y"),
    (1, 2, 1, "y"),
    (1, 6, 0, "y"),
]


def test_two_strata() -> None:
    """Expectations are formed within x and y, then added.

    x: t 1: 2 and 2 at risk, E 1/2, V 1/4;  t 2: 1 and 2, E 2/3, V 2/9;  t 3: 1 and 1, E 1/2, V 1/4
    y: t 1: 3 and 2 at risk, E 2/5, V 6/25;  t 2: 2 and 2, two events, E 1, V 2·1/4·2/3 = 1/3;
       t 5: 1 and 1, E 1/2, V 1/4
    """
    columns = "arm week ev site"
    excess = 3 - (F(1, 2) + F(2, 3) + F(1, 2) + F(2, 5) + 1 + F(1, 2))
    spread = F(1, 4) + F(2, 9) + F(1, 4) + F(6, 25) + F(1, 3) + F(1, 4)
    z = excess / sqrt(spread)
    stratified = read(STRATA, columns, strata=["site"])
    assert ce.logrank_test(stratified, outcome="re").statistic == pytest.approx(z, rel=EXACT)
    named = read(STRATA, columns, factors=["site"])
    got = ce.logrank_test(named, outcome="re", strata="site")
    assert got.statistic == pytest.approx(z, rel=EXACT)
    assert "site" in got.method


def test_the_same_people_without_strata() -> None:
    """Pooled: t 1: 5 and 4 at risk, 2 events; t 2: 3 and 4, 3; t 3: 2 and 2, 1; t 5: 1 and 1, 1."""
    excess = 3 - (2 * F(4, 9) + 3 * F(4, 7) + F(1, 2) + F(1, 2))
    spread = 2 * F(20, 81) * F(7, 8) + 3 * F(12, 49) * F(4, 6) + F(1, 4) + F(1, 4)
    z = excess / sqrt(spread)
    columns = "arm week ev site"
    stratified = read(STRATA, columns, strata=["site"])
    got = ce.logrank_test(stratified, outcome="re", strata=())
    assert got.statistic == pytest.approx(z, rel=EXACT)
    named = read(STRATA, columns, factors=["site"])
    assert ce.logrank_test(named, outcome="re").statistic == pytest.approx(z, rel=EXACT)


def test_a_whole_stratum_gone_before_any_event() -> None:
    """Stratum y has no event: it adds nothing, not even to the variance."""
    quiet = [(arm, week, 0 if site == "y" else ev, site) for arm, week, ev, site in STRATA]
    z = (2 - (F(1, 2) + F(2, 3) + F(1, 2))) / sqrt(F(1, 4) + F(2, 9) + F(1, 4))
    got = ce.logrank_test(read(quiet, "arm week ev site", strata=["site"]), outcome="re")
    assert got.statistic == pytest.approx(z, rel=EXACT)
