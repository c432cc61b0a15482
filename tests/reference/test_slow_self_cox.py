"""The Cox reference itself, against Therneau's closed forms and R on Rossi."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize
from slow_cox import (
    Rows,
    fit,
    information,
    loglik,
    make_rows,
    sandwich,
    score,
    score_residuals,
)
from slow_data import SEEDS, counting_rows, rossi

TIES = ["breslow", "efron"]

# Therneau & Grambsch (2000), appendix E, and survival's vignette validate.Rnw
TEST1 = make_rows(
    np.array([1, 1, 1, 0, 0, 0]), np.array([1, 1, 6, 6, 8, 9]), np.array([1, 0, 1, 1, 0, 1])
)
TEST2 = make_rows(
    np.array([1, 0, 0, 1, 0, 1, 1, 1, 0, 0]),
    np.array([2, 3, 6, 7, 8, 9, 9, 9, 14, 17]),
    np.array([1, 1, 1, 1, 1, 1, 1, 0, 0, 0]),
    entry=np.array([1, 2, 5, 2, 1, 7, 3, 4, 8, 8]),
)
TEST3 = make_rows(
    np.array([2, 0, 1, 1, 0, 1, 0, 1, 0]),
    np.array([1, 1, 2, 2, 2, 2, 3, 4, 5]),
    np.array([1, 0, 1, 1, 1, 0, 0, 1, 0]),
    weight=np.array([1, 2, 3, 4, 3, 2, 1, 2, 1]),
)


class Printed(NamedTuple):
    """Values printed by R survival 3.5-3 (survival_more.json); ten or more digits."""

    beta: float
    variance: float
    robust: float | None
    null: float
    best: float


PRINTED = [
    (
        TEST1,
        "breslow",
        Printed(1.4752849148, 1.576868866, 0.6761775557, -4.564348191, -3.824749505),
    ),
    (TEST1, "efron", Printed(1.6768574856, 1.632301561, 0.770738979, -4.276666119, -3.35897484)),
    (
        TEST2,
        "breslow",
        Printed(-0.08452608066, 0.63014587003, 0.2587856348, -9.39266192877, -9.38701511837),
    ),
    (
        TEST2,
        "efron",
        Printed(-0.02110520963, 0.63230626065, 0.2904649828, -9.16951837746, -9.16916646472),
    ),
    (TEST3, "breslow", Printed(0.8595574445, 0.5085033375, None, -32.8675507789, -32.0210462764)),
    (TEST3, "efron", Printed(0.8726042464, 0.507756627, None, -30.2921796059, -29.4167846001)),
]


@pytest.mark.parametrize(("rows", "ties", "printed"), PRINTED)
def test_therneau(rows: Rows, ties: str, printed: Printed) -> None:
    """Every number to the digits printed."""
    got = fit(rows, ties)
    assert got.coef[0] == pytest.approx(printed.beta, abs=2e-10)
    assert got.covariance[0, 0] == pytest.approx(printed.variance, abs=1e-9)
    assert got.loglik_null == pytest.approx(printed.null, abs=1e-9)
    assert got.loglik == pytest.approx(printed.best, abs=1e-9)
    if printed.robust is not None:
        assert got.robust[0, 0] == pytest.approx(printed.robust, abs=1e-9)


def test_closed_forms_of_test_1() -> None:
    """Roots given in the vignette; U(0) = 52/48, I(0) = 83/144 (Efron) and 5/8 (Breslow)."""
    assert fit(TEST1, "breslow").coef[0] == pytest.approx(
        math.log((3 + math.sqrt(33)) / 2), abs=1e-12
    )
    angle = math.acos((45 / 23) * math.sqrt(3 / 23))
    root = math.log(2 * math.sqrt(23 / 3) * math.cos(angle / 3))
    assert fit(TEST1, "efron").coef[0] == pytest.approx(root, abs=1e-12)  # a Newton step past 1e-9
    zero = np.zeros(1)
    assert score(TEST1, zero, "efron")[0] == pytest.approx(52 / 48, rel=1e-12)
    assert information(TEST1, zero, "efron")[0, 0] == pytest.approx(83 / 144, rel=1e-12)
    assert information(TEST1, zero, "breslow")[0, 0] == pytest.approx(0.625, rel=1e-12)


def test_score_residuals_of_test_1() -> None:
    """Breslow at zero in twelfths and twenty-fourths; Efron at the maximum, printed digits."""
    breslow = np.array([10, -2, 7, -1, 5, 5]) / 24
    assert score_residuals(TEST1, np.zeros(1), "breslow")[:, 0] == pytest.approx(breslow, abs=1e-12)
    efron = [0.11327803948, -0.04423399866, -0.10291991774, -0.40784087075, 0.22085837384]
    got = score_residuals(TEST1, fit(TEST1, "efron").coef, "efron")[:, 0]
    assert got == pytest.approx([*efron, efron[-1]], abs=1e-10)


def test_rossi_seven_covariates() -> None:
    """R: coefficients, model and Efron-correct robust errors, log likelihoods."""
    data = rossi()
    terms = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
    rows = make_rows(data[terms].to_numpy(), data["week"].to_numpy(), data["arrest"].to_numpy())
    got = fit(rows, "efron")
    coef = [-0.37942216649, -0.05743774268, 0.31389978784, -0.14979569767]
    coef += [-0.43370387794, -0.0848710825, 0.09149708099]
    robust = [0.19554177898, 0.02533614626, 0.29232855535, 0.21806031528]
    robust += [0.38024447466, 0.1992008296, 0.02897459463]
    assert got.coef == pytest.approx(coef, abs=1e-8)  # R stops at relative change 1e-9 of loglik
    assert np.sqrt(np.diag(got.robust)) == pytest.approx(robust, abs=1e-8)
    assert np.sqrt(got.covariance[0, 0]) == pytest.approx(0.19137948071, abs=1e-8)
    assert (got.loglik_null, got.loglik) == pytest.approx((-675.3806323, -658.7476594), abs=1e-7)


@pytest.mark.parametrize(
    ("ties", "coef", "robust"),
    [
        (
            "efron",
            [-0.370046777, -0.0694098767, 0.0940232419],
            [0.194919534, 0.0230835164, 0.0271803514],
        ),
        (
            "breslow",
            [-0.36918078, -0.0692022252, 0.0935745485],
            [0.193967393, 0.0229925299, 0.0269423385],
        ),
    ],
)
def test_rossi_uneven_weights(ties: str, coef: list[float], robust: list[float]) -> None:
    """R with case weights 1 + (prio > 2) / 2: weighted Efron is where other packages go wrong."""
    data = rossi()
    rows = make_rows(
        data[["fin", "age", "prio"]].to_numpy(),
        data["week"].to_numpy(),
        data["arrest"].to_numpy(),
        weight=np.where(data["prio"] > 2, 1.5, 1.0),
    )
    got = fit(rows, ties)
    assert got.coef == pytest.approx(coef, abs=2e-8)  # nine printed digits
    assert np.sqrt(np.diag(got.robust)) == pytest.approx(robust, abs=1e-9)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("seed", SEEDS)
def test_derivatives_and_residuals_are_consistent(seed: int, ties: str) -> None:
    """Score and information are derivatives of the likelihood; residuals add up to the score."""
    rows = counting_rows(seed)
    beta = np.array([0.3, -0.2])
    slope = approx_fprime(beta, lambda b: loglik(rows, b, ties), 1e-7)
    # forward differences: error of order step times curvature (about 20) plus rounding / step
    assert score(rows, beta, ties) == pytest.approx(slope, abs=2e-5)
    for j in range(2):
        curve = approx_fprime(beta, lambda b, j=j: -score(rows, b, ties)[j], 1e-7)
        assert information(rows, beta, ties)[j] == pytest.approx(curve, abs=2e-5)
    total = rows.weight @ score_residuals(rows, beta, ties)
    assert total == pytest.approx(score(rows, beta, ties), abs=1e-10)  # same sums, other order


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_derivative_free_optimiser_finds_the_same_maximum(seed: int, ties: str) -> None:
    """Nelder-Mead on the likelihood alone."""
    rows = counting_rows(seed, n=30)
    options = {"xatol": 1e-7, "fatol": 1e-12}
    found = minimize(
        lambda b: -loglik(rows, b, ties), np.zeros(2), method="Nelder-Mead", options=options
    )
    # the likelihood is flat to its rounding (1e-14 relative) within about 1e-6 of the top
    assert fit(rows, ties).coef == pytest.approx(found.x, abs=2e-6)


def test_whole_weights_are_copies_under_breslow_but_not_efron() -> None:
    """Therneau's test 3 written out row by row: same Breslow fit, Efron .939787494."""
    copies = TEST3.weight.astype(int)
    expanded = make_rows(
        np.repeat(TEST3.x, copies, axis=0),
        np.repeat(TEST3.exit, copies),
        np.repeat(TEST3.event, copies),
    )
    assert fit(expanded, "breslow").coef == pytest.approx(fit(TEST3, "breslow").coef, rel=1e-10)
    assert fit(expanded, "efron").coef[0] == pytest.approx(0.939787494, abs=1e-9)


@pytest.mark.parametrize("ties", TIES)
def test_cutting_rows_in_two_changes_nothing_when_clustered(ties: str) -> None:
    """A person's time cut at week 4 into two rows of one cluster keeps fit and sandwich."""
    rows = counting_rows(5)
    own = rows._replace(cluster=np.arange(len(rows.exit)))
    cut = np.flatnonzero((rows.entry < 4) & (rows.exit > 4))
    first = own._replace(exit=np.where((rows.entry < 4) & (rows.exit > 4), 4, rows.exit))
    first = first._replace(event=np.where(first.exit == rows.exit, rows.event, False))
    later = Rows(*(column[cut] for column in own))._replace(entry=np.full(len(cut), 4.0))
    both = Rows(*(np.concatenate([a, b]) for a, b in zip(first, later, strict=True)))
    whole, halves = fit(own, ties), fit(both, ties)
    assert halves.coef == pytest.approx(whole.coef, rel=1e-9)  # same sums in another order
    assert halves.robust == pytest.approx(whole.robust, rel=1e-9)
    assert sandwich(both._replace(cluster=np.arange(len(both.exit))), halves.coef, ties) != (
        pytest.approx(whole.robust, rel=1e-3)
    )
