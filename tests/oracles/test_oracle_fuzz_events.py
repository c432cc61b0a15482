"""Small awkward data against R: Cox models, Gray's test and Fine and Gray, drawn and kept in JSON.

Heavy ties, everyone at one time, three arms, numbers of 1e6 and 1e-6, late entry, weights and
clusters at once; and the smallest sets in which a likelihood without a maximum once spoilt what
had one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import fit_cox, gray_test, subdistribution_hazard_ratio

R = json.loads((Path(__file__).parent / "fuzz_events.json").read_text(encoding="utf-8"))
SPREAD = R["spread"]
MODELS: dict[str, dict[str, Any]] = {
    "arms": {"strata": "s"},
    "weighted": {"strata": (), "adjust": "g", "weights": "w", "cluster": "cl"},
    "breslow": {"strata": (), "adjust": "x", "ties": "breslow", "robust": True},
    "late": {
        "adjust": "x",
        "strata": "s",
        "offset": "off",
        "entry": "entry",
        "weights": "w",
        "cluster": "cl",
    },
}


def read(data: dict[str, list[Any]]) -> ce.Trial:
    """The trial that R analysed; columns that do not vary are none."""
    table = pd.DataFrame(data)
    causes = ("cause",) if "cause" in table and (table["cause"] != "").any() else ()
    covariates = [name for name in ("x", "w", "off", "entry") if name in table]
    return ce.Trial.from_frame(
        table,
        arm="arm",
        control=0,
        arms={code: f"arm {code}" for code in sorted(set(data["arm"]))},
        covariates=[name for name in covariates if table[name].nunique() > 1],
        factors=[name for name in ("g", "s", "cl") if name in table],
        times={"end": ("time", "event", "days", *causes)},
    )


def numbers(values: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.atleast_1d(np.asarray(values, dtype=float))


@pytest.mark.parametrize("place", range(len(SPREAD)))
@pytest.mark.parametrize("name", MODELS)
def test_cox(place: int, name: str) -> None:
    """R's coefficients and variances wherever R has them; NaN with a reason where it has not."""
    want = SPREAD[place]["cox"][name]
    trial = read(SPREAD[place]["data"])
    try:
        fit = fit_cox(trial, outcome="end", **MODELS[name])
    except ce.TrialError:
        # Columns that tell nothing: R drops them, or has coefficients of any size.
        coef = numbers(want["coef"])
        assert want["infinite"] or (coef == 0).any()
        return
    found = np.isfinite(fit.coef)
    assert found.all() or (want["infinite"] and fit.reason)
    coef, variance = numbers(want["coef"])[found], np.asarray(want["variance"], float)
    error = np.sqrt(np.diag(variance))[found]
    # R goes on to where its likelihood stands still, we to where one direction's information has
    # vanished (a share of 1e-7): beside such a one the others agree to about as many digits.
    rel = 1e-6 if found.all() else 1e-4
    own = np.sqrt(np.diag(fit.model_covariance))[found]
    assert (np.abs(fit.coef[found] - coef) <= rel * np.maximum(own, np.abs(coef))).all()
    told = np.isfinite(fit.std_error[found])
    np.testing.assert_allclose(fit.std_error[found][told], error[told], rtol=100 * rel)
    # A sandwich that is rounding has no standard error here, and one of about 1e-16 in R.
    assert (error[~told] < 1e-6 * own[~told]).all()
    assert told.all() or "no variance of" in fit.method
    if found.all():
        assert fit.loglik == pytest.approx(want["loglik"], abs=1e-8)


@pytest.mark.parametrize(
    "place", [place for place, each in enumerate(SPREAD) if any(each["data"]["cause"])]
)
def test_competing(place: int) -> None:
    want = SPREAD[place]["competing"]
    trial = read(SPREAD[place]["data"])
    test = gray_test(trial, outcome="end", strata=())
    statistic, p_value, df = numbers(want["gray"])
    two = len(trial.arms) == 2
    if np.isfinite(test.statistic) and statistic >= 0:  # R writes -1 for a singular matrix
        assert (test.statistic**2 if two else test.statistic) == pytest.approx(statistic, rel=1e-7)
        assert (test.p_value, test.df) == (pytest.approx(p_value, rel=1e-6), df)
    else:
        assert np.isnan(test.statistic) == ("not estimable" in test.method)
    ratio = subdistribution_hazard_ratio(trial, outcome="end", arm="arm 1")
    if ratio.estimable:
        coef, error = numbers(want["ratio"])
        assert np.log(ratio.value) == pytest.approx(coef, abs=1e-6)
        assert ratio.std_error == pytest.approx(error, rel=1e-5)
    else:
        assert "not estimable: " in ratio.method
        assert not want["ratio"] or abs(want["ratio"][0]) > 8 or want["ratio"][1] < 1e-6


def test_an_arm_never_at_risk_leaves_the_others_as_they_are() -> None:
    """Arm 1 is gone before any event. Arm 2's coefficient was stopped short, with error 0, p 0."""
    told = R["told"]["flat"]
    fit = fit_cox(read(told["data"]), outcome="end")
    assert np.isnan(fit.coef[0])
    assert "'arm 1'" in fit.reason
    assert fit.coef[1] == pytest.approx(told["fit"]["coef"][1], rel=1e-8)
    assert fit.std_error[1] == pytest.approx(np.sqrt(told["fit"]["variance"][1][1]), rel=1e-8)


def test_rounding_is_no_information() -> None:
    """One arm alone is at risk at each event: once a hazard ratio of 12 with an error of 4e8."""
    told = R["told"]["alone"]
    assert told["fit"]["infinite"]
    found = ce.hazard_ratio(read(told["data"]), outcome="end")
    assert not found.estimable
    assert "not estimable: " in found.method


def test_more_than_one_direction_runs_away() -> None:
    """R warns of all three coefficients; 'g=c' was once -18 with an error of 0.6, p = 1e-198."""
    told = R["told"]["apart"]
    assert told["fit"]["infinite"]
    fit = fit_cox(read(told["data"]), outcome="end", **MODELS["weighted"])
    assert fit.terms == ("arm 1", "g=b", "g=c")
    assert np.isnan(fit.coef).all()
    assert np.isnan(fit.std_error).all()
