"""Royston-Parmar models against a likelihood climbed in R, and figures other programs printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import ParametricFit, compare_fits, fit_cure, fit_parametric
from checkpoint_eval.models.lifetime_likelihood import LifetimeFit, Lifetimes, fit_lifetimes
from checkpoint_eval.models.log_time_splines import knots_of, spline_at
from checkpoint_eval.report import plot_fit

mpl.use("Agg")
R = json.loads((Path(__file__).parent / "splines.json").read_text(encoding="utf-8"))
DATA = Path(__file__).parent.parent / "data"
SIX = ("age", "race", "wexp", "mar", "paro", "prio")
NINE = ("priors", "tserved", "felon", "alcohol", "drugs", "black", "married", "educ", "age")
# Both programs end at rounding in the slope and take the curvature by differences of it.
COEF, SPREAD, LOGLIK = 1e-6, 1e-6, 1e-11


def _trial(
    frame: pd.DataFrame, arm: str, time: str, event: str, names: tuple[str, ...]
) -> ce.Trial:
    return ce.Trial.from_frame(
        frame, arm=arm, control=0, covariates=list(names), times={"y": (time, event, "weeks")}
    )


RECID = pd.read_csv(DATA / "recid.csv").assign(event=lambda frame: 1 - frame["cens"])
TRIALS = {
    "rossi": _trial(pd.read_csv(DATA / "rossi.csv"), "fin", "week", "arrest", SIX),
    "recid": _trial(RECID, "workprg", "durat", "event", NINE),
}
ADJUST = {"rossi": SIX, "recid": NINE}


def _fit(data: str, model: str, knots: int) -> ParametricFit:
    adjust = ADJUST[data] if model == "adjusted" else ()
    return fit_parametric(
        TRIALS[data], outcome="y", distribution="royston-parmar", knots=knots, adjust=adjust
    )


@pytest.mark.parametrize("knots", range(4))
@pytest.mark.parametrize("model", ["arm", "adjusted"])
@pytest.mark.parametrize("data", ["rossi", "recid"])
def test_spline_equals_r(data: str, model: str, knots: int) -> None:
    want: dict[str, Any] = R[data][model][str(knots)]
    fit = _fit(data, model, knots)
    assert fit.reason == ""
    assert fit.terms[0] == "(constant)"
    error = np.array(want["std_error"])
    theta = np.concatenate([fit.coef, fit.spline_coef])
    target = np.concatenate([want["coef"], np.ravel(want["spline"])])
    assert fit.knots == pytest.approx(want["knots"], rel=1e-12)
    assert theta / error == pytest.approx(target / error, abs=COEF)
    assert fit.std_error == pytest.approx(error, rel=SPREAD)
    square = np.outer(error, error)
    assert fit.covariance / square == pytest.approx(
        np.array(want["covariance"]) / square, abs=SPREAD
    )
    assert fit.loglik == pytest.approx(want["loglik"], rel=LOGLIK)
    assert fit.parameters == len(error)


@pytest.mark.parametrize("knots", range(4))
@pytest.mark.parametrize("data", ["rossi", "recid"])
def test_survival_equals_r(data: str, knots: int) -> None:
    """Both arms, weighted by their people, are everybody; straight between points of a grid."""
    want = R[data]["adjusted"][str(knots)]
    fit = _fit(data, "adjusted", knots)
    everybody = np.average(fit.survival, axis=0, weights=fit.n)
    # a chord over 1/200 of follow-up lies within h² |S''| / 8 < 1e-5 of these curves
    assert np.interp(want["at"], fit.time, everybody) == pytest.approx(want["survival"], abs=1e-5)
    assert (fit.survival[:, 0] == 1).all()
    assert (np.diff(fit.survival) < 0).all()


@pytest.mark.parametrize("model", ["arm", "adjusted"])
@pytest.mark.parametrize("data", ["rossi", "recid"])
def test_no_internal_knot_is_the_weibull(data: str, model: str) -> None:
    """log H = (log t − xβ)/σ: the same top, found along another way.

    Either climb ends where a step would gain 1e-12, within 1e-6 of a standard error.
    """
    spline = _fit(data, model, 0)
    adjust = ADJUST[data] if model == "adjusted" else ()
    weibull = fit_parametric(TRIALS[data], outcome="y", adjust=adjust)
    sigma = np.exp(weibull.log_scale)
    assert spline.loglik == pytest.approx(weibull.loglik, rel=1e-12)
    assert spline.spline_coef == pytest.approx([1 / sigma], rel=1e-8)
    assert spline.coef / spline.std_error[:-1] == pytest.approx(
        -weibull.coef / sigma / spline.std_error[:-1], abs=COEF
    )
    assert spline.survival == pytest.approx(weibull.survival, abs=1e-8)
    # by the delta method: γ1 = exp(-log σ)
    assert spline.std_error[-1] == pytest.approx(weibull.std_error[-1] / sigma, rel=1e-6)


@pytest.mark.parametrize("knots", range(3))
def test_split_population_equals_r(knots: int) -> None:
    want = R["cure"][str(knots)]
    fit = fit_cure(
        TRIALS["recid"],
        outcome="y",
        distribution="royston-parmar",
        knots=knots,
        adjust="priors",
        adjust_share="black",
    )
    error = np.array(want["std_error"])
    theta = np.concatenate([fit.coef, fit.spline_coef, fit.share_coef])
    target = np.concatenate([want["coef"], np.ravel(want["spline"]), want["share"]])
    assert fit.reason == ""
    assert theta / error == pytest.approx(target / error, abs=COEF)
    assert fit.std_error == pytest.approx(error, rel=SPREAD)
    assert fit.loglik == pytest.approx(want["loglik"], rel=LOGLIK)
    assert fit.never == pytest.approx(want["never"], rel=1e-6)
    assert fit.method.startswith("split population, royston-parmar, ")


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.5])
def test_no_internal_knot_is_the_weibull_everywhere(sigma: float) -> None:
    """Not at the top alone: value and slope at any parameters, by the chain rule."""
    time, event = RECID["durat"].to_numpy(float), RECID["event"].to_numpy() == 1
    x = np.column_stack([np.ones(time.size), RECID["workprg"], RECID["felon"]])
    seen = {"x": x, "time": time, "event": event, "z": x[:, :0]}
    weibull = Lifetimes(distribution="weibull", **seen)
    straight = spline_at(np.log(time), knots_of(time, event, 0))
    spline = Lifetimes(distribution="royston-parmar", spline=straight, **seen)
    beta = np.array([4.5, -0.3, 0.2])
    one, by_one = weibull.loglik(np.append(beta, np.log(sigma)))
    two, by_two = spline.loglik(np.append(-beta / sigma, 1 / sigma))
    assert two == pytest.approx(one, rel=1e-12)
    assert by_two[:-1] == pytest.approx(-sigma * by_one[:-1], rel=1e-9)
    # d/dlog σ moves both -β/σ and 1/σ
    moved = by_two[:-1] @ (beta / sigma) - by_two[-1] / sigma
    assert moved == pytest.approx(by_one[-1], rel=1e-9)


def _alone(frame: dict[str, list[float]], probabilities: tuple[float, ...]) -> LifetimeFit:
    """No covariate and no arm, years of 365 days, knots as Stata's centiles."""
    time, event = np.array(frame["rfstime"]) / 365, np.array(frame["status"]) == 1
    knots = np.quantile(np.log(time[event]), (0, *probabilities, 1), method="inverted_cdf")
    ones = np.ones((time.size, 1))
    spline = spline_at(np.log(time), knots)
    return fit_lifetimes(
        Lifetimes(
            x=ones,
            z=ones[:, :0],
            time=time,
            event=event,
            distribution="royston-parmar",
            spline=spline,
        )
    )


def test_figures_of_flexsurv_and_stpm() -> None:
    """As in flexsurv's tests/testthat/test_spline.R, on German breast cancer, nobody apart.

    flexsurv without a knot; Stata's stpm with two, at the 33rd and 67th centile, where it counts on
    the scale of log time. Stata stops some 1e-5 from the top.
    """
    assert _alone(R["gbsg"], ()).loglik == pytest.approx(-873.207054864145, rel=1e-11)
    two = _alone(R["gbsg"], (0.33, 0.67))
    time, event = np.array(R["gbsg"]["rfstime"]) / 365, np.array(R["gbsg"]["status"]) == 1
    assert two.loglik + np.log(time[event]).sum() == pytest.approx(-674.75128, abs=5e-6)
    assert two.theta == pytest.approx([-1.728339, 3.476179, 0.567432, -0.3420749], abs=1e-5)


def test_figure_of_rstpm2() -> None:
    """log hazard ratio of hormones with 3 degrees of freedom: rstpm2's tests/testthat/test_base.R.

    Quantiles as R's default, as here; that file, too, asks for five digits.
    """
    trial = _trial(pd.DataFrame(R["gbsg"]), "hormon", "rfstime", "status", ())
    fit = fit_parametric(trial, outcome="y", distribution="royston-parmar", knots=2)
    assert fit.coef[1] == pytest.approx(-0.361403, abs=1e-5)


def test_figures_of_stpm2() -> None:
    """Rotterdam breast cancer, cut at ten years, 5 degrees of freedom.

    P. Lambert, pclambert.net/software/stpm3/scale_option: stpm2 hormon, scale(hazard) df(5).
    """
    years = np.array(R["rotterdam"]["dtime"]) / 365.25
    event = (np.array(R["rotterdam"]["death"]) == 1) & (years <= 10)
    frame = pd.DataFrame(
        {"hormon": R["rotterdam"]["hormon"], "t": np.minimum(years, 10), "d": event.astype(int)}
    )
    fit = fit_parametric(
        _trial(frame, "hormon", "t", "d", ()), outcome="y", distribution="royston-parmar", knots=4
    )
    assert sum(fit.n) == 2982
    assert sum(fit.events) == 1171
    assert fit.coef[1] == pytest.approx(0.4321954, abs=5e-8)
    assert fit.std_error[1] == pytest.approx(0.0861189, abs=6e-8)
    on_log_time = fit.loglik + np.log(years[event]).sum()
    assert on_log_time == pytest.approx(-2928.2966, abs=5e-5)


def test_knots_are_quantiles_of_event_times() -> None:
    time = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 100.0])
    event = np.array([True, True, True, True, True, False])
    knots = knots_of(time, event, 3)
    assert np.exp(knots) == pytest.approx([1, 2, 4, 8, 16], rel=1e-13)


def test_comparison_takes_splines() -> None:
    """In order of R's own AIC, beside other models."""
    fits = [_fit("recid", "adjusted", knots) for knots in range(4)]
    table = compare_fits([*fits, fit_parametric(TRIALS["recid"], outcome="y", adjust=NINE)])
    want = {
        f"royston-parmar model, {knots} internal knot{'s' * (knots != 1)}": 2 * (12 + knots)
        - 2 * R["recid"]["adjusted"][str(knots)]["loglik"]
        for knots in range(4)
    }
    found = table[table["model"] != "weibull model"]
    assert list(found["model"]) == sorted(want, key=want.__getitem__)
    assert list(found["aic"]) == pytest.approx(sorted(want.values()), rel=LOGLIK)


def test_drawing_takes_splines() -> None:
    """The lines drawn are the survival checked above."""
    fit = _fit("recid", "arm", 2)
    ax = plot_fit(fit)
    try:
        for line, want in zip(ax.lines, fit.survival, strict=True):
            assert line.get_ydata() == pytest.approx(want)
        assert "royston-parmar model, 2 internal knots" in ax.get_title("left")
    finally:
        plt.close(ax.figure)
