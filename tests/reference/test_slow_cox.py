"""The library's Cox regression against the slow reference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import norm
from slow_cox import Fit, Rows, fit, loglik, make_rows
from slow_data import SEEDS, counting_rows, survival_frame

import checkpoint_eval as ce
from checkpoint_eval.models import RiskSets, cox_regression

if TYPE_CHECKING:
    import pandas as pd

TIES = ["efron", "breslow"]
TERMS = ["arm", "age", "prior"]
COEF = 1e-6  # both maxima are iterative; R's own stopping rule leaves about 1e-7 in a coefficient
LOGLIK = 1e-10  # second order in the error of the coefficients, so only rounding remains


def trial_of(frame: pd.DataFrame, strata: list[str] | None = None) -> ce.Trial:
    """Two arms and two numeric covariates."""
    extra = {"strata": strata} if strata else {}
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        covariates=["age", "prior"],
        times={"rearrest": ("week", "arrest", "weeks")},
        **extra,
    )


def rows_of(frame: pd.DataFrame, terms: list[str], strata: str | None = None) -> Rows:
    """The same people for the reference."""
    extra = {} if strata is None else {"stratum": frame[strata].to_numpy()}
    columns = (frame[terms].to_numpy(), frame["week"].to_numpy(), frame["arrest"].to_numpy())
    return make_rows(*columns, **extra)


def risk_sets(rows: Rows, **changes: object) -> RiskSets:
    """The same rows for the library's kernel."""
    given = {
        "exit": rows.exit,
        "event": rows.event,
        "entry": rows.entry,
        "weight": rows.weight,
        "stratum": rows.stratum,
        "cluster": rows.cluster,
    }
    return RiskSets.of(rows.x, **(given | changes))


def assert_same_fit(got: object, expected: Fit) -> None:
    """Coefficients to the optimiser's precision, their spread likewise, likelihoods closely."""
    size = np.sqrt(np.diag(expected.covariance))
    assert got.coef / size == pytest.approx(expected.coef / size, abs=COEF)
    square = np.outer(size, size)
    assert got.covariance / square == pytest.approx(expected.covariance / square, abs=10 * COEF)
    assert got.loglik_null == pytest.approx(expected.loglik_null, rel=LOGLIK)
    assert got.loglik == pytest.approx(expected.loglik, rel=LOGLIK)


def assert_same_sandwich(got: object, expected: Fit) -> None:
    """Robust covariance on the scale of its own standard errors; smooth in the coefficients."""
    size = np.sqrt(np.diag(expected.robust))
    square = np.outer(size, size)
    assert got.robust / square == pytest.approx(expected.robust / square, abs=10 * COEF)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("strata", [None, "site"])
@pytest.mark.parametrize("seed", SEEDS)
def test_fit_cox(seed: int, strata: str | None, ties: str) -> None:
    """Three terms on heavily tied weeks, whole and stratified."""
    frame = survival_frame(seed)
    named = [strata] if strata else None
    got = ce.models.fit_cox(
        trial_of(frame, named),
        outcome="rearrest",
        adjust=["age", "prior"],
        strata=named,
        ties=ties,
    )
    assert_same_fit(got, fit(rows_of(frame, TERMS, strata), ties))
    assert got.std_error == pytest.approx(np.sqrt(np.diag(got.covariance)), rel=1e-12)
    assert (sum(got.n), sum(got.events)) == (len(frame), frame["arrest"].sum())
    assert len(got.terms) == 3


@pytest.mark.parametrize("robust", [False, True])
@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("seed", SEEDS[:5])
def test_hazard_ratio(seed: int, ties: str, robust: bool) -> None:
    """Wald limits and p on the log scale, with the model or the sandwich error."""
    frame = survival_frame(seed)
    got = ce.hazard_ratio(
        trial_of(frame), outcome="rearrest", adjust=["prior"], ties=ties, robust=robust
    )
    expected = fit(rows_of(frame, ["arm", "prior"]), ties)
    error = math.sqrt((expected.robust if robust else expected.covariance)[0, 0])
    log = expected.coef[0]
    ends = np.exp(log + norm.ppf([0.5, 0.025, 0.975]) * error)
    assert (got.value, got.low, got.high) == pytest.approx(ends, rel=10 * COEF)
    assert got.p_value == pytest.approx(2 * norm.sf(abs(log / error)), rel=20 * COEF)
    assert tuple(got.n) == tuple(frame.groupby("arm").size())
    assert tuple(got.events) == tuple(frame.groupby("arm")["arrest"].sum())


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("seed", SEEDS)
def test_kernel_with_everything(seed: int, ties: str) -> None:
    """Late entry, ties, uneven fractional weights, strata and clusters together."""
    rows = counting_rows(seed)
    got = cox_regression(risk_sets(rows), ties=ties, robust=True)
    expected = fit(rows, ties)
    assert_same_fit(got, expected)
    assert_same_sandwich(got, expected)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("feature", ["entry", "weight", "stratum", "cluster"])
@pytest.mark.parametrize("seed", SEEDS[:3])
def test_kernel_one_feature_at_a_time(seed: int, feature: str, ties: str) -> None:
    """Only late entry, only weights, only strata, only clusters; the others left at None."""
    rows = counting_rows(seed)
    alone = make_rows(rows.x, rows.exit, rows.event, **{feature: getattr(rows, feature)})
    none = dict.fromkeys({"entry", "weight", "stratum", "cluster"} - {feature})
    got = cox_regression(risk_sets(rows, **none), ties=ties, robust=True)
    expected = fit(alone, ties)
    assert_same_fit(got, expected)
    assert_same_sandwich(got, expected)


@pytest.mark.parametrize("ties", TIES)
def test_therneau_test_3_weights(ties: str) -> None:
    """Uneven weights at a time of three tied deaths: .8726042464 (Efron), .8595574445."""
    weight = np.array([1, 2, 3, 4, 3, 2, 1, 2, 1], dtype=float)
    rows = make_rows(
        np.array([2, 0, 1, 1, 0, 1, 0, 1, 0]),
        np.array([1, 1, 2, 2, 2, 2, 3, 4, 5]),
        np.array([1, 0, 1, 1, 1, 0, 0, 1, 0]),
        weight=weight,
    )
    expected = fit(rows, ties)
    got = cox_regression(risk_sets(rows, entry=None, stratum=None), ties=ties, robust=True)
    assert_same_fit(got, expected)
    assert_same_sandwich(got, expected)
    # equal weights of 2.5 are not the same thing: the comparison above can fail
    level = rows._replace(weight=np.full(9, weight.mean()))
    assert fit(level, ties).coef[0] != pytest.approx(expected.coef[0], abs=0.01)


@pytest.mark.parametrize("seed", SEEDS[:3])
def test_the_library_fit_is_at_the_top_of_the_slow_likelihood(seed: int) -> None:
    """A small step to any side of the library's maximum lowers the reference's likelihood."""
    rows = counting_rows(seed)
    got = cox_regression(risk_sets(rows), ties="efron")
    top = loglik(rows, got.coef, "efron")
    for j in range(2):
        for step in (-1e-3, 1e-3):  # a fall of about 1e-6 x information / 2, far above rounding
            assert loglik(rows, got.coef + step * np.eye(2)[j], "efron") < top
