"""Parametric models against survreg; split populations against a likelihood written in R."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import ParametricFit, compare_fits, fit_cure, fit_parametric
from checkpoint_eval.models.lifetime_likelihood import Lifetimes, fit_lifetimes

R = json.loads((Path(__file__).parent / "lifetimes.json").read_text(encoding="utf-8"))
DATA = Path(__file__).parent.parent / "data"
DISTRIBUTIONS = ("exponential", "weibull", "log-normal", "log-logistic")
SIX = ("age", "race", "wexp", "mar", "paro", "prio")
NINE = ("priors", "tserved", "felon", "alcohol", "drugs", "black", "married", "educ", "age")
# Both programs end at rounding in the slope; the library's curvature is by differences.
COEF, SPREAD, LOGLIK = 1e-6, 1e-6, 1e-11
# What R had in the time and in the share -> keywords of fit_cure, for recid and for made data.
PARTS: dict[str, dict[str, dict[str, Any]]] = {
    "cure_recid": {
        "share": {"arm_in_time": False},
        "both": {},
        "adjusted": {"adjust": "priors", "adjust_share": ("black", "priors")},
        "share_adjusted": {
            "adjust": "priors",
            "adjust_share": ("black", "priors"),
            "arm_in_time": False,
        },
    },
    "cure_made": {
        "share": {"arm_in_time": False},
        "both": {},
        "adjusted": {"adjust": "prior", "adjust_share": "prior"},
        "share_adjusted": {"adjust": "prior", "adjust_share": "prior", "arm_in_time": False},
    },
}
CASES = [(data, part) for data, parts in PARTS.items() for part in parts]


def _rossi() -> ce.Trial:
    return ce.Trial.from_frame(
        pd.read_csv(DATA / "rossi.csv"),
        arm="fin",
        control=0,
        covariates=list(SIX),
        times={"rearrest": ("week", "arrest", "weeks")},
    )


def _recid_frame() -> pd.DataFrame:
    frame = pd.read_csv(DATA / "recid.csv")
    return frame.assign(event=1 - frame["cens"])


def _recid() -> ce.Trial:
    return ce.Trial.from_frame(
        _recid_frame(),
        arm="workprg",
        control=0,
        covariates=list(NINE),
        times={"return": ("durat", "event", "months")},
    )


def _made() -> ce.Trial:
    return ce.Trial.from_frame(
        pd.DataFrame(R["made"]),
        arm="arm",
        control=0,
        covariates=["prior"],
        times={"end": ("time", "event", "months")},
    )


TRIALS = {"rossi": _rossi(), "recid": _recid(), "made": _made()}
OUTCOME = {"rossi": "rearrest", "recid": "return", "made": "end"}
ADJUST = {"rossi": SIX, "recid": NINE}


def _same(fit: ParametricFit, want: dict[str, Any]) -> None:
    """Coefficients on the scale of their errors, errors, correlations, likelihood."""
    spread = np.array(want["covariance"], dtype=float)
    error = np.sqrt(np.diag(spread))
    scaled = fit.distribution != "exponential"
    scale = [want["log_scale"]] if scaled else []
    coef = np.concatenate([fit.coef, [fit.log_scale] if scaled else [], fit.share_coef])
    target = np.concatenate([np.ravel(want["coef"]), scale, np.ravel(want.get("share_coef", []))])
    assert fit.reason == ""
    assert len(coef) == len(target) == len(error) == fit.parameters
    assert coef / error == pytest.approx(target / error, abs=COEF)
    assert fit.std_error == pytest.approx(error, rel=SPREAD)
    square = np.outer(error, error)
    assert np.array(fit.covariance) / square == pytest.approx(spread / square, abs=SPREAD)
    assert fit.loglik == pytest.approx(want["loglik"], rel=LOGLIK)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("model", ["arm", "adjusted"])
@pytest.mark.parametrize("data", ["rossi", "recid"])
def test_parametric_equals_survreg(data: str, model: str, distribution: str) -> None:
    want = R[data][model][distribution]
    adjust = ADJUST[data] if model == "adjusted" else ()
    fit = fit_parametric(
        TRIALS[data], outcome=OUTCOME[data], distribution=distribution, adjust=adjust
    )
    assert fit.terms[0] == "(constant)"
    assert fit.terms[2:] == tuple(want["terms"][2:])  # the arm comes second in both
    assert fit.share_terms == ()
    _same(fit, want)
    assert fit.std_error == pytest.approx(want["std_error"], rel=SPREAD)
    assert fit.aic == pytest.approx(want["aic"], rel=LOGLIK)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_parametric_equals_survreg_on_made_data(distribution: str) -> None:
    fit = fit_parametric(_made(), outcome="end", distribution=distribution, adjust="prior")
    _same(fit, R["aft_made"][distribution])


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize(("data", "part"), CASES)
def test_cure_equals_r(data: str, part: str, distribution: str) -> None:
    name = data.removeprefix("cure_")
    want = R[data][part][distribution]
    keywords = PARTS[data][part]
    fit = fit_cure(TRIALS[name], outcome=OUTCOME[name], distribution=distribution, **keywords)
    _same(fit, want)
    assert fit.never == pytest.approx(want["never"], rel=1e-6)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_cure_with_nine_covariates_equals_r(distribution: str) -> None:
    """Age in months: columns of very different sizes."""
    want = R["cure_nine"][distribution]
    fit = fit_cure(
        TRIALS["recid"],
        outcome="return",
        distribution=distribution,
        adjust=NINE,
        adjust_share=("black", "priors"),
    )
    _same(fit, want)
    assert fit.never == pytest.approx(want["never"], rel=1e-6)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_nobody_named_in_the_share(distribution: str) -> None:
    """No arm at all, which no trial can say: the kernel itself."""
    frame = _recid_frame()
    ones = np.ones((len(frame), 1))
    seen = {"time": frame["durat"].to_numpy(float), "event": frame["event"].to_numpy() == 1}
    plain = Lifetimes(x=ones, z=ones[:, :0], distribution=distribution, **seen)
    assert fit_lifetimes(plain).loglik == pytest.approx(
        R["recid"]["none"][distribution]["loglik"], rel=LOGLIK
    )
    fit = fit_lifetimes(Lifetimes(x=ones, z=ones, distribution=distribution, **seen))
    want = R["cure_recid"]["none"][distribution]
    scale = [want["log_scale"]] if distribution != "exponential" else []
    assert fit.converged
    assert fit.theta == pytest.approx(
        [want["coef"], *scale, want["share_coef"]], rel=1e-6, abs=1e-7
    )
    assert fit.covariance == pytest.approx(np.array(want["covariance"]), rel=1e-4, abs=1e-9)
    assert fit.loglik == pytest.approx(want["loglik"], rel=LOGLIK)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("arm_in_time", [True, False])
def test_no_plateau_in_either_program(distribution: str, arm_in_time: bool) -> None:
    """Rossi: R's search, too, runs to everybody in some arm."""
    assert R["cure_rossi" if arm_in_time else "cure_rossi_share"][distribution] in (None, {})
    fit = fit_cure(
        TRIALS["rossi"], outcome="rearrest", distribution=distribution, arm_in_time=arm_in_time
    )
    assert np.isnan(fit.loglik)
    assert fit.reason


def test_order_of_models_is_rs() -> None:
    """By AIC as R counts it."""
    fits = [
        fit_parametric(TRIALS["recid"], outcome="return", distribution=one, adjust=NINE)
        for one in DISTRIBUTIONS
    ]
    table = compare_fits(fits)
    want = sorted(R["recid"]["adjusted"][one]["aic"] for one in DISTRIBUTIONS)
    assert list(table["aic"]) == pytest.approx(want, rel=LOGLIK)
