"""Royston-Parmar models against the slow reference, Cox's model, symmetries and truth."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import CubicSpline
from scipy.stats import norm
from slow_lifetimes import Seen, curvature, slope
from slow_splines import bends, curve, fit, knots_of, loglik, spline

import checkpoint_eval as ce
from checkpoint_eval.models import ParametricFit, fit_cure, fit_parametric
from checkpoint_eval.models.lifetime_likelihood import Lifetimes, with_spline


def drawn(seed: int, n: int = 90) -> pd.DataFrame:
    """A hazard that rises and falls, hazard ratio 2/3; a third never, followed long."""
    rng = np.random.default_rng(seed)
    arm = rng.permutation(np.arange(n) % 2)
    hazard = rng.exponential(size=n) * np.array([1, 1.5])[arm]
    comes, end = rng.random(n) < 2 / 3, rng.uniform(30, 90, n)
    time = np.where(comes, np.minimum(6 * np.expm1(hazard) ** 0.6, end), end)
    return pd.DataFrame(
        {
            "arm": arm,
            "time": time,
            "event": (time < end).astype(int),
            "prior": rng.poisson(2.0, n).astype(float),
        }
    )


def read(frame: pd.DataFrame, control: int = 0) -> ce.Trial:
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=control,
        covariates=["prior"],
        times={"end": ("time", "event", "weeks")},
    )


def seen(frame: pd.DataFrame, cure: bool) -> list[Seen]:
    """The same people for the reference; the arm and `prior` in the hazard, the arm in a share."""
    return [
        Seen(time, event == 1, (1.0, arm, prior), (1.0, arm) if cure else ())
        for arm, time, event, prior in frame[["arm", "time", "event", "prior"]].to_numpy().tolist()
    ]


def both(frame: pd.DataFrame, knots: int, cure: bool, control: int = 0) -> ParametricFit:
    """Either model, adjusted."""
    model = fit_cure if cure else fit_parametric
    options: dict[str, Any] = {"distribution": "royston-parmar", "adjust": "prior"}
    return model(read(frame, control), outcome="end", knots=knots, **options)


def written_out(knots: np.ndarray, coef: np.ndarray, y: float) -> float:
    """As in the paper, term by term: g1 y + sum of g_{j+1} v_j(y)."""
    total, low, high = coef[0] * y, knots[0], knots[-1]
    for knot, each in zip(knots[1:-1], coef[1:], strict=True):
        share = (high - knot) / (high - low)
        cubes = [max(y - at, 0.0) ** 3 for at in (knot, low, high)]
        total += each * (cubes[0] - share * cubes[1] - (1 - share) * cubes[2])
    return float(total)


def at_knots(fitted: ParametricFit) -> np.ndarray:
    """The same numbers in the reference's parameters."""
    knots = np.log(fitted.knots)
    values = [fitted.coef[0] + written_out(knots, fitted.spline_coef, y) for y in knots]
    return np.concatenate([values, fitted.coef[1:], fitted.share_coef])


SMALL = [drawn(seed) for seed in range(2)]
every_model = pytest.mark.parametrize("cure", [False, True])
every_number = pytest.mark.parametrize("knots", range(4))


@every_model
@every_number
def test_the_fit_is_the_top(knots: int, cure: bool) -> None:
    """The reference gets no higher, and no elsewhere; spread by its differences."""
    found, people = both(SMALL[0], knots, cure), seen(SMALL[0], cure)
    assert found.reason == ""
    places, theta, top = fit(people, knots)
    assert found.knots == pytest.approx(np.exp(places), rel=1e-12)
    own = at_knots(found)

    def value(at: np.ndarray) -> float:
        return loglik(people, places, at.tolist())

    assert found.loglik == pytest.approx(value(own), rel=1e-11)
    assert found.loglik >= top - 1e-9
    assert found.loglik == pytest.approx(top, abs=1e-6)
    spread = np.linalg.inv(-curvature(value, own, step=2e-4))
    errors = np.sqrt(np.diag(spread))
    assert own / errors == pytest.approx(theta / errors, abs=2e-3)
    # Flat at the top, on the scale of the standard errors.
    assert np.abs(slope(value, own) * errors).max() < 1e-5
    # The hazard's and the share's coefficients are the same in either's parameters.
    shared = [knots + 2, knots + 3, *([knots + 4, knots + 5] if cure else [])]
    mine = [1, 2, *([knots + 4, knots + 5] if cure else [])]
    block = np.outer(errors[shared], errors[shared])
    got = found.covariance[np.ix_(mine, mine)]
    assert got / block == pytest.approx(spread[np.ix_(shared, shared)] / block, abs=1e-3)


@every_model
@every_number
@pytest.mark.parametrize("seed", range(3))
def test_value_and_slope_anywhere(knots: int, cure: bool, seed: int) -> None:
    """Not only at the top; `at` is a rising line with a bend too small to turn it."""
    frame, rng = SMALL[0], np.random.default_rng(seed)
    people = seen(frame, cure)
    time, event = frame["time"].to_numpy(), frame["event"].to_numpy() == 1
    kernel = with_spline(
        Lifetimes(
            x=np.array([one.x for one in people]),
            z=np.array([one.z for one in people]).reshape(len(people), -1),
            time=time,
            event=event,
            distribution="royston-parmar",
        ),
        knots,
    )
    at = np.concatenate(
        [
            [-3, *rng.normal(scale=0.2, size=2), rng.uniform(0.8, 1.4)],
            rng.normal(scale=0.003, size=knots),
            rng.normal(size=2 * cure),
        ]
    )
    assert kernel.size == at.size
    value, got = kernel.loglik(at)
    places = np.array(knots_of(people, knots))

    def plain(theta: np.ndarray) -> float:
        values = [theta[0] + written_out(places, theta[3 : 4 + knots], y) for y in places]
        other = np.concatenate([values, theta[1:3], theta[4 + knots :]])
        return loglik(people, places.tolist(), other.tolist())

    assert math.isfinite(value)
    assert value == pytest.approx(plain(at), rel=1e-11)
    want = slope(plain, at, step=1e-5)
    assert got == pytest.approx(want, rel=1e-6, abs=1e-6 * np.abs(want).max())


@every_model
@every_number
def test_curves_and_never(knots: int, cure: bool) -> None:
    """Mean over each arm's own people, beyond the outer knots too."""
    frame = SMALL[1]
    found = both(frame, knots, cure)
    places = np.log(found.knots).tolist()
    assert (found.survival[:, 0] == 1).all()
    assert (np.diff(found.survival) <= 0).all()
    for arm in (0, 1):
        people = seen(frame[frame["arm"] == arm], cure)
        for at in (1, 7, 60, 200):
            want = curve(people, places, at_knots(found).tolist(), float(found.time[at]))
            assert found.survival[arm, at] == pytest.approx(want, rel=1e-10)
        share = 1 / (1 + math.exp(found.share_coef @ [1, arm])) if cure else 0.0
        assert found.never[arm] == pytest.approx(share, rel=1e-12)


@every_model
def test_swapping_arms_flips_the_sign(cure: bool) -> None:
    one, two = (both(SMALL[0], 2, cure, control) for control in (0, 1))
    assert abs(one.coef[1]) > 0.05
    assert two.coef[1] == pytest.approx(-one.coef[1], rel=1e-6)
    assert two.coef[0] == pytest.approx(one.coef[0] + one.coef[1], rel=1e-6)
    assert two.spline_coef == pytest.approx(one.spline_coef, rel=1e-5)
    assert two.std_error[1:3] == pytest.approx(one.std_error[1:3], rel=1e-5)
    assert two.survival == pytest.approx(one.survival[::-1], abs=1e-7)
    assert two.never == pytest.approx(one.never[::-1], rel=1e-6)


@every_model
def test_order_of_people_and_unit_of_a_covariate(cure: bool) -> None:
    one = both(SMALL[0], 2, cure)
    mixed = SMALL[0].sample(frac=1, random_state=3).assign(prior=lambda f: 12 * f["prior"] - 5)
    two = both(mixed, 2, cure)
    assert two.loglik == pytest.approx(one.loglik, rel=1e-11)
    assert 12 * two.coef[2] == pytest.approx(one.coef[2], rel=1e-5, abs=1e-7)
    assert two.coef[1] == pytest.approx(one.coef[1], rel=1e-5)
    assert two.spline_coef == pytest.approx(one.spline_coef, rel=1e-5)


@every_model
def test_every_spline_holds_the_weibull(cure: bool) -> None:
    """A straight line is among the curves of any knots, and everybody among the shares."""
    straight = both(SMALL[0], 0, cure).loglik
    for knots in (1, 2, 3):
        assert both(SMALL[0], knots, cure).loglik > straight
        assert both(SMALL[0], knots, cure=True).loglik > both(SMALL[0], knots, cure=False).loglik


def test_a_spline_is_proportional_hazards() -> None:
    """Near Cox's coefficients, on Rossi; the nearer the freer the hazard."""
    frame = pd.read_csv(Path(__file__).parent.parent / "data" / "rossi.csv")
    trial = ce.Trial.from_frame(
        frame,
        arm="fin",
        control=0,
        covariates=["age", "prio"],
        times={"rearrest": ("week", "arrest", "weeks")},
    )
    found = fit_parametric(
        trial,
        outcome="rearrest",
        distribution="royston-parmar",
        knots=3,
        adjust=("age", "prio"),
    )
    cox = ce.fit_cox(trial, outcome="rearrest", adjust=("age", "prio"))
    assert np.exp(found.coef[1:]) == pytest.approx(np.exp(cox.coef), rel=0.005)
    assert found.std_error[1:4] == pytest.approx(cox.std_error, rel=0.005)


def test_table_of_numbers() -> None:
    found = both(SMALL[0], 1, cure=True)
    table = found.to_frame()
    assert table["part"].tolist() == (
        ["log cumulative hazard"] * 3 + ["spline"] * 2 + ["log odds of ever"] * 2
    )
    assert table["term"].tolist()[3:5] == ["log time", f"knot at {found.knots[1]:g}"]
    flat = np.concatenate([found.coef, found.spline_coef, found.share_coef])
    assert table["coef"].tolist() == flat.tolist()
    assert table["z"].to_numpy() == pytest.approx(flat / found.std_error, rel=1e-12)
    assert found.parameters == 7
    assert math.isnan(found.log_scale)


SIZES = [pytest.param(40, id="reduced"), pytest.param(500, id="full", marks=pytest.mark.slow)]


@pytest.mark.parametrize("trials", SIZES)
def test_recovers_a_hazard_ratio(trials: int) -> None:
    """400 people whose hazard rises and falls; bounds are Monte Carlo, five errors.

    The spline is near the hazard, not equal to it, and an estimate from 280 events is off by some
    1/280 of itself: 0.01 for both.
    """
    rng = np.random.default_rng(13)
    estimates, errors = [], []
    for _ in range(trials):
        arm = rng.permutation(np.arange(400) % 2)
        time = 6 * np.expm1(rng.exponential(size=400) * np.array([1, 1.5])[arm]) ** 0.6
        end = rng.uniform(5, 40, 400)
        frame = pd.DataFrame(
            {"arm": arm, "time": np.minimum(time, end), "event": (time <= end).astype(int)}
        )
        found = fit_parametric(
            read(frame.assign(prior=rng.normal(size=400))),
            outcome="end",
            distribution="royston-parmar",
        )
        estimates.append(found.coef[1])
        errors.append(found.std_error[1])
    values, truth = np.array(estimates), -math.log(1.5)
    assert abs(values.mean() - truth) < 5 * values.std(ddof=1) / math.sqrt(trials) + 0.01
    inside = np.abs(values - truth) < norm.ppf(0.975) * np.array(errors)
    assert abs(inside.mean() - 0.95) < 5 * math.sqrt(0.95 * 0.05 / trials) + 0.01


@pytest.mark.parametrize("size", [2, 3, 6])
def test_the_reference_is_a_natural_spline(size: int) -> None:
    """SciPy's, between the ends; beyond them straight."""
    rng = np.random.default_rng(size)
    knots, values = np.cumsum(rng.uniform(0.2, 2, size)), rng.normal(size=size)
    bend = bends(knots.tolist(), values.tolist())
    other = CubicSpline(knots, values, bc_type="natural")
    for y in np.linspace(knots[0], knots[-1], 23):
        got = spline(knots.tolist(), values.tolist(), bend, y)
        assert got == pytest.approx((float(other(y)), float(other(y, 1))), rel=1e-11, abs=1e-12)
    height, steep = spline(knots.tolist(), values.tolist(), bend, knots[-1] + 2)
    assert steep == pytest.approx(other(knots[-1], 1), rel=1e-11)
    assert height == pytest.approx(values[-1] + 2 * steep, rel=1e-11)
