"""Splines of the hazard that must be refused, or say why their numbers are missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import ParametricFit, compare_fits, fit_cure, fit_parametric
from checkpoint_eval.models.log_time_splines import falls, knots_of, spline_at

Model = Callable[..., ParametricFit]
every_model = pytest.mark.parametrize("model", [fit_parametric, fit_cure])


def read(time: Any, event: Any) -> ce.Trial:
    """Arms in turn, nothing else."""
    table = pd.DataFrame({"arm": np.arange(len(time)) % 2, "time": time, "event": event})
    return ce.Trial.from_frame(
        table, arm="arm", control=0, times={"re": ("time", "event", "weeks")}
    )


def plateau(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """About half have the event, all others are followed long past the last."""
    rng = np.random.default_rng(5)
    comes = rng.random(n) < 0.6
    return np.where(comes, rng.weibull(1.4, n) * 8, rng.uniform(40, 80, n)), comes.astype(int)


def splined(trial: ce.Trial, model: Model = fit_parametric, **options: Any) -> ParametricFit:
    return model(trial, outcome="re", distribution="royston-parmar", **options)


def assert_blank(fit: ParametricFit, reason: str) -> None:
    """No number that could be taken for one, and the reason."""
    assert fit.reason == reason
    assert reason in repr(fit)
    blank = (fit.loglik, fit.log_scale, fit.coef, fit.spline_coef, fit.share_coef)
    for numbers in (*blank, fit.covariance, fit.never, fit.survival, fit.aic, fit.bic):
        assert np.isnan(numbers).all()


@every_model
@pytest.mark.parametrize("knots", [-1, 1.5, True, "two", np.nan, [1, 2]])
def test_numbers_of_knots(model: Model, knots: object) -> None:
    with pytest.raises(ce.TrialError, match="`knots` must be a whole number of at least 0"):
        splined(read(*plateau()), model, knots=knots)


@every_model
@pytest.mark.parametrize("distribution", ["exponential", "weibull", "log-normal", "log-logistic"])
@pytest.mark.parametrize("knots", [0, 2, "two"])
def test_knots_of_a_distribution_without(model: Model, distribution: str, knots: object) -> None:
    """An option that would do nothing is a slip."""
    words = f"`knots` is for distribution='royston-parmar'; leave it out for '{distribution}'"
    with pytest.raises(ce.TrialError, match=words):
        model(read(*plateau()), outcome="re", distribution=distribution, knots=knots)


@every_model
def test_two_knots_unless_told(model: Model) -> None:
    trial = read(*plateau())
    fit = splined(trial, model)
    assert fit.reason == ""
    assert fit.knots.size == 4
    assert fit.loglik == splined(trial, model, knots=2).loglik
    assert fit.method.endswith(", 2 internal knots")
    other = model(trial, outcome="re")
    assert other.knots.size == other.spline_coef.size == 0
    assert "knot" not in other.method


@every_model
def test_more_knots_than_times(model: Model) -> None:
    time, event = plateau()
    fit = splined(read(np.ceil(time / 25) * 25, event), model, knots=9)
    assert_blank(fit, "events come at too few different times for the knots")
    assert np.isnan(fit.knots).all()
    assert fit.spline_coef.size == 10
    assert np.isnan(fit.to_frame()["coef"]).all()


@every_model
def test_quantiles_that_fall_together(model: Model) -> None:
    """Times enough, but most events at one of them."""
    time = np.concatenate([np.full(60, 5.0), np.arange(1, 21)])
    fit = splined(read(time, np.ones(80)), model, knots=3)
    assert_blank(fit, "events come at too few different times for the knots")


@every_model
def test_no_events(model: Model) -> None:
    fit = splined(read(np.arange(1.0, 21), np.zeros(20)), model)
    assert_blank(fit, "no events")
    assert np.isnan(fit.knots).all()


def test_a_negative_hazard() -> None:
    """Events in two short spells far apart, and between them survival that rises.

    No estimate, though the likelihood has a top; with fewer knots there is one.
    """
    rng = np.random.default_rng(1)
    early = rng.random(60) < 0.5
    time = np.where(early, rng.uniform(1, 2, 60), rng.uniform(20, 22, 60))
    trial = read(time, rng.random(60) < 0.6)
    fit = splined(trial, knots=3)
    assert_blank(fit, "the fitted hazard is negative between events; ask for fewer knots")
    fewer = splined(trial, knots=0)
    assert fewer.reason == ""
    assert (np.diff(fewer.survival) <= 0).all()
    table = compare_fits([fit, fewer])
    assert table["aic"].isna().tolist() == [False, True]  # what has no criterion comes last


@pytest.mark.parametrize("near", [1e-1, 1e-2, 1e-3])
def test_a_fall_between_near_knots(near: float) -> None:
    """However short the way down: the slope is 1 but for a dip over four `near` knots of 10."""
    knots = np.array([0.0, 5, 5 + near, 5 + 2 * near, 5 + 3 * near, 10])
    slopes = spline_at(knots, knots).slopes
    line = np.array([1.0, 0, 0, 0, 0])
    dip = np.linalg.solve(slopes[:5], [0, 0, 1, 1, 0])  # at the knots; 1.5 halfway
    assert slopes @ dip == pytest.approx([0, 0, 1, 1, 0, 0], abs=1e-3)
    assert not falls(line, knots)
    assert not falls(line - 0.6 * dip, knots)
    assert falls(line - 0.7 * dip, knots)


def test_knots_need_as_many_times() -> None:
    time, event = np.array([1.0, 2, 4, 8]), np.array([True, True, True, False])
    assert np.exp(knots_of(time, event, 1)) == pytest.approx([1, 2, 4], rel=1e-13)
    assert np.isnan(knots_of(time, event, 2)).tolist() == [True] * 4
    assert np.isnan(knots_of(time, event & False, 0)).tolist() == [True] * 2


def test_arrays_are_read_only() -> None:
    fit = splined(read(*plateau()))
    for array in (fit.knots, fit.spline_coef):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
