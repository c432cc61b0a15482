"""Cox models with a closed form: Therneau's first test data set, and pairs."""

from __future__ import annotations

from math import acos, cos, exp, log, sqrt
from typing import Any

import pandas as pd
import pytest
from scipy.stats import norm

import checkpoint_eval as ce

Z = norm.ppf(0.975)
FITTED = 1e-8  # Newton steps against a closed form: the last step is below this

# Therneau and Grambsch (2000), appendix E.1: time, status, x; the second has no status.
TEST1 = [(9, 1, 0), (1, 1, 1), (1, 0, 1), (6, 1, 1), (6, 1, 0), (8, 0, 0)]

# At 1 all six are at risk, 3 r + 3; at 6 four, r + 3, one event with x = 1 and one with x = 0;
# at 9 one person alone. r = exp(b).
#   Breslow  l(b) = 2b - log(3r + 3) - 2 log(r + 3)
#   Efron    l(b) = 2b - log(3r + 3) - log(r + 3) - log((r + 5) / 2)
# Breslow score 2 - r/(r + 1) - 2r/(r + 3) = 0  <=>  r² - 3r - 6 = 0
R_BRESLOW = (3 + sqrt(33)) / 2
# Efron score 2 - r/(r + 1) - r/(r + 3) - r/(r + 5) = 0  <=>  r³ - 23r - 30 = 0
R_EFRON = 2 * sqrt(23 / 3) * cos(acos(45 / 23 * sqrt(3 / 23)) / 3)


@pytest.fixture
def trial() -> ce.Trial:
    """X is the arm; the person without a status has no outcome."""
    table = pd.DataFrame(TEST1, columns=["week", "ev", "x"]).astype(float)
    table.loc[len(table)] = [float("nan"), float("nan"), 1.0]
    return ce.Trial.from_frame(table, arm="x", control=0, times={"re": ("week", "ev", "weeks")})


def log_likelihood(r: float, ties: str) -> float:
    """The formulas above."""
    second = log(r + 3) if ties == "breslow" else log((r + 5) / 2)
    return 2 * log(r) - log(3 * r + 3) - log(r + 3) - second


def information(r: float, ties: str) -> float:
    """Sum of the variances of x over the risk sets."""
    second = 3 * r / (r + 3) ** 2 if ties == "breslow" else 5 * r / (r + 5) ** 2
    return r / (r + 1) ** 2 + 3 * r / (r + 3) ** 2 + second


CASES = [("breslow", R_BRESLOW, 1.475285), ("efron", R_EFRON, 1.676857)]


@pytest.mark.parametrize(("ties", "r", "printed"), CASES)
def test_closed_form(trial: ce.Trial, ties: Any, r: float, printed: float) -> None:
    """Coefficient, variance and both log likelihoods; the coefficients are printed in the book."""
    assert log(r) == pytest.approx(printed, abs=5e-7)
    fit = ce.models.fit_cox(trial, outcome="re", ties=ties)
    assert fit.coef[0] == pytest.approx(log(r), rel=FITTED)
    assert fit.covariance[0, 0] == pytest.approx(1 / information(r, ties), rel=FITTED)
    assert fit.std_error[0] == pytest.approx(1 / sqrt(information(r, ties)), rel=FITTED)
    assert fit.loglik_null == pytest.approx(log_likelihood(1, ties), rel=1e-12)
    assert fit.loglik == pytest.approx(log_likelihood(r, ties), rel=1e-12)
    assert (fit.n, fit.events, fit.missing) == ((3, 3), (2, 2), (0, 1))


@pytest.mark.parametrize(("ties", "r", "printed"), CASES)
def test_hazard_ratio(trial: ce.Trial, ties: Any, r: float, printed: float) -> None:
    """The ratio is r; its interval is symmetric on the log scale."""
    got = ce.hazard_ratio(trial, outcome="re", ties=ties)
    error = 1 / sqrt(information(r, ties))
    assert got.value == pytest.approx(r, rel=FITTED)
    assert got.std_error == pytest.approx(error, rel=FITTED)
    assert (got.low, got.high) == pytest.approx((r * exp(-Z * error), r * exp(Z * error)), rel=1e-7)
    assert got.p_value == pytest.approx(2 * norm.sf(log(r) / error), rel=1e-7)


def test_null_likelihoods_differ_by_ties() -> None:
    """Breslow -log 6 - 2 log 4; Efron -log 6 - log 4 - log 3."""
    assert log_likelihood(1, "breslow") == pytest.approx(-log(6) - 2 * log(4), rel=1e-15)
    assert log_likelihood(1, "efron") == pytest.approx(-log(6) - log(4) - log(3), rel=1e-15)


def test_sandwich(trial: ce.Trial) -> None:
    """Score residuals by Breslow's formula, person by person.

    Mean of x in the risk sets: m1 = r/(r + 1), m6 = r/(r + 3), m9 = 0; jumps of the baseline
    hazard: h1 = 1/(3r + 3), h6 = 2/(r + 3), h9 = 1. Residual of a person with event at t:
    (x - m_t) - exp(b x) · sum over s <= t of (x - m_s) h_s; without event only the sum.
    """
    r = R_BRESLOW
    m1, m6 = r / (r + 1), r / (r + 3)
    h1, h6 = 1 / (3 * r + 3), 2 / (r + 3)
    later = m1 * h1 + m6 * h6  # minus the sum for x = 0, at 6, 8 and 9 alike, as m9 = 0
    residuals = [
        later,  # 9, event, x = 0: (0 - m9) = 0
        (1 - m1) - r * (1 - m1) * h1,  # 1, event, x = 1
        -r * (1 - m1) * h1,  # 1, censored, x = 1
        (1 - m6) - r * ((1 - m1) * h1 + (1 - m6) * h6),  # 6, event, x = 1
        -m6 + later,  # 6, event, x = 0
        later,  # 8, censored, x = 0
    ]
    assert sum(residuals) == pytest.approx(0, abs=1e-14)
    variance = sum(u * u for u in residuals) / information(r, "breslow") ** 2
    fit = ce.models.fit_cox(trial, outcome="re", ties="breslow", robust=True)
    assert fit.covariance[0, 0] == pytest.approx(variance, rel=1e-7)
    assert fit.model_covariance[0, 0] == pytest.approx(1 / information(r, "breslow"), rel=FITTED)
    got = ce.hazard_ratio(trial, outcome="re", ties="breslow", robust=True)
    assert got.std_error == pytest.approx(sqrt(variance), rel=1e-7)


def test_sandwich_over_clusters(trial: ce.Trial) -> None:
    """Residuals are added within a cluster first; one cluster for all would give 0."""
    r = R_BRESLOW
    m1, m6 = r / (r + 1), r / (r + 3)
    h1, h6 = 1 / (3 * r + 3), 2 / (r + 3)
    later = m1 * h1 + m6 * h6
    pairs = [
        later + (1 - m1) - r * (1 - m1) * h1,
        -r * (1 - m1) * h1 + (1 - m6) - r * ((1 - m1) * h1 + (1 - m6) * h6),
        -m6 + later + later,
    ]
    table = pd.DataFrame(TEST1, columns=["week", "ev", "x"])
    table["officer"] = ["p", "p", "q", "q", "s", "s"]
    clustered = ce.Trial.from_frame(
        table, arm="x", control=0, factors=["officer"], times={"re": ("week", "ev", "weeks")}
    )
    variance = sum(u * u for u in pairs) / information(r, "breslow") ** 2
    fit = ce.models.fit_cox(clustered, outcome="re", ties="breslow", cluster="officer")
    assert fit.covariance[0, 0] == pytest.approx(variance, rel=1e-7)


def test_pairs() -> None:
    """Stratified on pairs, treated first in 2 of 7: r/(1 + r) = 2/7, information 7 · 2/7 · 5/7."""
    rows = [(a, p, 1 + (a != (p < 2)), 1) for p in range(7) for a in (0, 1)]
    # pair p: the treated person goes at 1 when p < 2, else at 2
    table = pd.DataFrame(rows, columns=["arm", "pair", "week", "ev"]).assign(
        pair=lambda t: t["pair"].map("p{}".format)
    )
    trial = ce.Trial.from_frame(
        table, arm="arm", control=0, strata=["pair"], times={"re": ("week", "ev", "weeks")}
    )
    got = ce.hazard_ratio(trial, outcome="re")
    assert got.value == pytest.approx(2 / 5, rel=FITTED)
    assert got.std_error == pytest.approx(sqrt(7 / 10), rel=FITTED)
    fit = ce.models.fit_cox(trial, outcome="re")
    assert fit.loglik_null == pytest.approx(7 * log(1 / 2), rel=1e-12)
    assert fit.loglik == pytest.approx(2 * log(2 / 7) + 5 * log(5 / 7), rel=1e-12)


def test_score_test_is_the_log_rank_test(trial: ce.Trial) -> None:
    """At b = 0 the score of Breslow's likelihood is O - E: 2 - 1/2 - 2/4 = 1, V without its tie.

    The hypergeometric variance at 6 has the factor (n - d)/(n - 1) = 2/3: 1/4 + 2·3/16·2/3 = 1/2.
    """
    got = ce.logrank_test(trial, outcome="re")
    assert got.statistic == pytest.approx(1 / sqrt(1 / 2), rel=1e-12)
