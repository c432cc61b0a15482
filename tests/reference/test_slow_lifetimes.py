"""Parametric and cure models against the slow reference, closed forms, symmetries and truth."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import norm
from slow_lifetimes import Seen, curvature, curve, fit, loglik, never, slope, split

import checkpoint_eval as ce
from checkpoint_eval.models import ParametricFit, compare_fits, fit_cure, fit_parametric
from checkpoint_eval.models.lifetime_likelihood import Lifetimes

DISTRIBUTIONS = ("exponential", "weibull", "log-normal", "log-logistic")
# What is in the time and the share beside the arm -> keywords of fit_cure.
CURES: dict[str, dict[str, Any]] = {
    "arm in both": {},
    "arm in the share": {"arm_in_time": False},
    "adjusted": {"adjust": "prior", "adjust_share": "age"},
}


def drawn(
    rng: np.random.Generator, n: int, ever: tuple[float, float] = (0.7, 0.5), shift: float = 0.3
) -> pd.DataFrame:
    """Split people: Weibull times of shape 1/0.7, followed long past the last event."""
    arm = rng.permutation(np.arange(n) % 2)
    comes = rng.random(n) < np.array(ever)[arm]
    time = np.exp(2.0 + shift * arm + 0.7 * np.log(rng.exponential(size=n)))
    end = rng.uniform(30, 90, n)
    return pd.DataFrame(
        {
            "arm": arm,
            "time": np.where(comes, np.minimum(time, end), end),
            "event": (comes & (time <= end)).astype(int),
            "prior": rng.poisson(2.0, n).astype(float),
            "age": rng.normal(size=n),
        }
    )


def read(frame: pd.DataFrame, control: int = 0) -> ce.Trial:
    """Two arms and two covariates."""
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=control,
        covariates=["prior", "age"],
        times={"end": ("time", "event", "weeks")},
    )


def seen(frame: pd.DataFrame, x: list[str], z: list[str] | None) -> list[Seen]:
    """The same people for the reference; no share where z is None."""
    return [
        Seen(
            float(row["time"]),
            bool(row["event"]),
            (1.0, *(float(row[name]) for name in x)),
            () if z is None else (1.0, *(float(row[name]) for name in z)),
        )
        for _, row in frame.iterrows()
    ]


def flat(found: ParametricFit) -> np.ndarray:
    """All parameters, in the order of the covariance."""
    scale = [] if found.distribution == "exponential" else [found.log_scale]
    return np.concatenate([found.coef, scale, found.share_coef])


def design(keywords: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Columns of the time and of the share."""
    x = ["arm"] * keywords.get("arm_in_time", True) + ["prior"] * ("adjust" in keywords)
    return x, ["arm"] + ["age"] * ("adjust_share" in keywords)


SMALL = [drawn(np.random.default_rng(seed), 90) for seed in range(3)]


def assert_same(found: ParametricFit, people: list[Seen]) -> None:
    """The simplex gets no higher, and no elsewhere; spread by differences of the reference."""
    theta, top = fit(people, found.distribution)
    assert found.reason == ""
    assert found.loglik == pytest.approx(loglik(people, flat(found), found.distribution), rel=1e-11)
    assert found.loglik >= top - 1e-9
    assert found.loglik == pytest.approx(top, abs=1e-6)
    assert flat(found) / found.std_error == pytest.approx(theta / found.std_error, abs=2e-3)

    def value(at: np.ndarray) -> float:
        return loglik(people, at.tolist(), found.distribution)

    # Flat at the top, on the scale of the standard errors.
    assert np.abs(slope(value, flat(found)) * found.std_error).max() < 1e-6
    spread = np.linalg.inv(-curvature(value, flat(found), step=2e-4))
    square = np.outer(found.std_error, found.std_error)
    assert found.covariance / square == pytest.approx(spread / square, abs=1e-3)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("frame", SMALL, ids=["0", "1", "2"])
def test_parametric_is_the_top(frame: pd.DataFrame, distribution: str) -> None:
    found = fit_parametric(read(frame), outcome="end", distribution=distribution, adjust="prior")
    assert found.terms == ("(constant)", "treatment", "prior")
    assert_same(found, seen(frame, ["arm", "prior"], None))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("cure", CURES)
def test_cure_is_the_top(cure: str, distribution: str) -> None:
    keywords = CURES[cure]
    found = fit_cure(read(SMALL[0]), outcome="end", distribution=distribution, **keywords)
    x, z = design(keywords)
    assert len(found.terms) == 1 + len(x)
    assert len(found.share_terms) == 1 + len(z)
    assert_same(found, seen(SMALL[0], x, z))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_value_and_slope_anywhere(distribution: str, share: bool, seed: int) -> None:
    """Not only at the top."""
    rng = np.random.default_rng(seed)
    frame = SMALL[0]
    people = seen(frame, ["arm", "age"], ["arm"] if share else None)
    kernel = Lifetimes(
        x=np.array([one.x for one in people]),
        z=np.array([one.z for one in people]).reshape(len(people), -1),
        time=frame["time"].to_numpy(float),
        event=frame["event"].to_numpy() == 1,
        distribution=distribution,
    )
    k = 3 + (distribution != "exponential") + 2 * share
    assert kernel.size == k
    theta = rng.normal(scale=0.3, size=k)
    theta[0] += 3
    value, got = kernel.loglik(theta)

    def plain(at: np.ndarray) -> float:
        return loglik(people, at.tolist(), distribution)

    assert value == pytest.approx(plain(theta), rel=1e-11)
    want = slope(plain, theta, step=1e-4)
    assert got == pytest.approx(want, rel=1e-6, abs=1e-6 * np.abs(want).max())
    information = kernel.information(theta)
    rough = -curvature(plain, theta, step=5e-4)
    assert information == pytest.approx(rough, rel=1e-3, abs=1e-4 * np.abs(rough).max())


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("cure", [None, "arm in both", "arm in the share", "adjusted"])
def test_curves_and_never(distribution: str, cure: str | None) -> None:
    """Mean over each arm's own people, from 0 to the last time seen."""
    frame = SMALL[1]
    if cure is None:
        found = fit_parametric(read(frame), outcome="end", distribution=distribution, adjust="age")
        x, z = ["arm", "age"], None
    else:
        keywords = CURES[cure]
        found = fit_cure(read(frame), outcome="end", distribution=distribution, **keywords)
        x, z = design(keywords)
        assert (found.never > 0).all()
    assert found.survival.shape == (2, len(found.time))
    assert found.time[0] == 0
    assert found.time[-1] == pytest.approx(frame["time"].max(), rel=1e-12)
    assert (np.diff(found.survival, axis=1) <= 1e-12).all()
    for arm in (0, 1):
        people = seen(frame[frame["arm"] == arm], x, z)
        for at in (0, 1, 7, 60, len(found.time) - 1):
            want = curve(people, flat(found).tolist(), distribution, float(found.time[at]))
            assert found.survival[arm, at] == pytest.approx(want, rel=1e-11)
        want = never(people, flat(found).tolist(), distribution)
        assert found.never[arm] == pytest.approx(want, rel=1e-11, abs=1e-13)
        assert found.survival[arm, -1] >= found.never[arm] - 1e-12


def test_never_is_one_less_expit() -> None:
    found = fit_cure(read(SMALL[0]), outcome="end")
    constant, arm = found.share_coef
    assert found.never == pytest.approx([1 - expit(constant), 1 - expit(constant + arm)], rel=1e-12)
    assert fit_parametric(read(SMALL[0]), outcome="end").never.tolist() == [0, 0]


@pytest.mark.parametrize("seed", range(3))
def test_exponential_closed_form(seed: int) -> None:
    """Rate = events / time of each arm; variance of a log rate 1 / events."""
    frame = SMALL[seed]
    found = fit_parametric(read(frame), outcome="end", distribution="exponential")
    total = frame.groupby("arm")["time"].sum().to_numpy()
    events = frame.groupby("arm")["event"].sum().to_numpy()
    rate = events / total
    want = [-np.log(rate[0]), -np.log(rate[1] / rate[0])]
    assert found.coef / found.std_error == pytest.approx(want / found.std_error, abs=1e-7)
    assert found.std_error == pytest.approx(np.sqrt([1 / events[0], (1 / events).sum()]), rel=1e-6)
    assert found.loglik == pytest.approx((events * np.log(rate) - events).sum(), rel=1e-12)
    assert found.log_scale == 0
    assert found.parameters == 2
    assert found.survival == pytest.approx(np.exp(-np.outer(rate, found.time)), rel=1e-6)


def test_log_normal_closed_form_without_censoring() -> None:
    """Means of log time by arm; sigma with n below."""
    frame = SMALL[0].assign(event=1)
    found = fit_parametric(read(frame), outcome="end", distribution="log-normal")
    mean = np.log(frame["time"]).groupby(frame["arm"]).mean().to_numpy()
    left = np.log(frame["time"]).to_numpy() - mean[frame["arm"]]
    sigma = np.sqrt((left**2).mean())
    assert found.coef == pytest.approx([mean[0], mean[1] - mean[0]], rel=1e-8)
    assert math.exp(found.log_scale) == pytest.approx(sigma, rel=1e-8)
    half = len(frame) / 2
    want = [sigma / np.sqrt(half), sigma * np.sqrt(2 / half), 1 / np.sqrt(2 * len(frame))]
    assert found.std_error == pytest.approx(want, rel=1e-6)


def both(frame: pd.DataFrame, distribution: str, cure: bool, control: int = 0) -> ParametricFit:
    """Either model, adjusted."""
    model = fit_cure if cure else fit_parametric
    return model(read(frame, control), outcome="end", distribution=distribution, adjust="prior")


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("cure", [False, True])
def test_swapping_arms_flips_the_sign(distribution: str, cure: bool) -> None:
    one, two = (both(SMALL[0], distribution, cure, control) for control in (0, 1))
    close = {"rel": 1e-6, "abs": 1e-7}
    assert two.coef[1] == pytest.approx(-one.coef[1], **close)
    assert two.coef[0] == pytest.approx(one.coef[0] + one.coef[1], **close)
    assert two.coef[2:] == pytest.approx(one.coef[2:], **close)
    assert two.std_error[1:3] == pytest.approx(one.std_error[1:3], rel=1e-5)
    assert two.loglik == pytest.approx(one.loglik, rel=1e-11)
    assert two.log_scale == pytest.approx(one.log_scale, **close)
    if cure:
        assert two.share_coef[1] == pytest.approx(-one.share_coef[1], **close)
        assert two.share_coef[0] == pytest.approx(one.share_coef.sum(), **close)
        assert two.never == pytest.approx(one.never[::-1], rel=1e-6)


@pytest.mark.parametrize("factor", [1 / 7, 30.4, 1e-3, 1e4])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("cure", [False, True])
def test_another_unit_of_time(distribution: str, cure: bool, factor: float) -> None:
    """Moves the constant by its log, the log likelihood by events times that, and nothing else."""
    frame = SMALL[0]
    one = both(frame, distribution, cure)
    two = both(frame.assign(time=frame["time"] * factor), distribution, cure)
    want = flat(one)
    want[0] += math.log(factor)
    assert flat(two) / one.std_error == pytest.approx(want / one.std_error, abs=1e-6)
    assert two.std_error == pytest.approx(one.std_error, rel=1e-5)
    moved = one.loglik - frame["event"].sum() * math.log(factor)
    assert two.loglik == pytest.approx(moved, rel=1e-10)
    assert two.never == pytest.approx(one.never, rel=1e-6)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("cure", [False, True])
def test_order_of_people_and_unit_of_a_covariate(distribution: str, cure: bool) -> None:
    frame = SMALL[0]
    one = both(frame, distribution, cure)
    mixed = frame.sample(frac=1, random_state=3).assign(prior=lambda f: 12 * f["prior"] - 5)
    two = both(mixed, distribution, cure)
    assert two.loglik == pytest.approx(one.loglik, rel=1e-11)
    assert 12 * two.coef[2] == pytest.approx(one.coef[2], rel=1e-5, abs=1e-7)
    assert two.coef[1] == pytest.approx(one.coef[1], rel=1e-5, abs=1e-7)
    assert two.std_error[1] == pytest.approx(one.std_error[1], rel=1e-4)


@pytest.mark.parametrize("cure", [False, True])
def test_weibull_holds_the_exponential(cure: bool) -> None:
    """More parameters, no less likely; and the cure model no less than without a share."""
    small, large = (both(SMALL[0], one, cure) for one in ("exponential", "weibull"))
    assert large.loglik >= small.loglik
    assert large.parameters == small.parameters + 1
    assert both(SMALL[0], "weibull", cure=True).loglik > both(SMALL[0], "weibull", False).loglik


def test_weibull_is_proportional_hazards() -> None:
    """exp(-coef / sigma) near Cox's hazard ratio, on Rossi."""
    frame = pd.read_csv(Path(__file__).parent.parent / "data" / "rossi.csv")
    trial = ce.Trial.from_frame(
        frame,
        arm="fin",
        control=0,
        covariates=["age", "prio"],
        times={"rearrest": ("week", "arrest", "weeks")},
    )
    found = fit_parametric(trial, outcome="rearrest", adjust=("age", "prio"))
    ratio = np.exp(-found.coef[1:] / math.exp(found.log_scale))
    cox = ce.fit_cox(trial, outcome="rearrest", adjust=("age", "prio"))
    assert ratio == pytest.approx(np.exp(cox.coef), rel=0.01)


def test_criteria() -> None:
    for found in (both(SMALL[0], "exponential", True), both(SMALL[0], "weibull", False)):
        k = len(found.covariance)
        assert found.parameters == k == len(flat(found))
        assert found.aic == pytest.approx(2 * k - 2 * found.loglik, rel=1e-13)
        events = math.log(SMALL[0]["event"].sum())
        assert found.bic == pytest.approx(k * events - 2 * found.loglik, rel=1e-13)
        assert found.std_error == pytest.approx(np.sqrt(np.diag(found.covariance)), rel=1e-13)


def test_table_of_numbers() -> None:
    found = both(SMALL[0], "weibull", cure=True)
    table = found.to_frame()
    assert table["coef"].tolist() == flat(found).tolist()
    assert table["std_error"].tolist() == pytest.approx(found.std_error, rel=1e-13)
    assert table["z"].to_numpy() == pytest.approx(flat(found) / found.std_error, rel=1e-12)
    assert table["p_value"].to_numpy() == pytest.approx(
        2 * norm.sf(abs(flat(found) / found.std_error)), rel=1e-10
    )
    assert table["part"].nunique() == 3


def test_counts() -> None:
    found = both(SMALL[0], "weibull", cure=False)
    by_arm = SMALL[0].groupby("arm")["event"].agg(["size", "sum"])
    assert found.n == tuple(by_arm["size"])
    assert found.events == tuple(by_arm["sum"])
    assert found.missing == (0, 0)
    assert found.unit == "weeks"


def test_comparison_is_in_order_of_aic() -> None:
    fits = [both(SMALL[0], one, cure) for one in DISTRIBUTIONS for cure in (False, True)]
    table = compare_fits(fits)
    want = sorted(fits, key=lambda one: one.aic)
    assert table.index.tolist() == list(range(len(fits)))
    assert list(table["model"]) == [one.method for one in want]
    for column in ("parameters", "loglik", "aic", "bic"):
        assert table[column].tolist() == [getattr(one, column) for one in want]
    nevers = table[["never, control", "never, treatment"]].to_numpy()
    assert nevers.tolist() == [one.never.tolist() for one in want]


def test_three_arms_are_the_reference_with_two_columns() -> None:
    frame = SMALL[2].assign(arm=np.array(list("abc"))[np.arange(len(SMALL[2])) % 3])
    trial = ce.Trial.from_frame(
        frame,
        arm="arm",
        control="a",
        arms=("a", "b", "c"),
        times={"end": ("time", "event", "weeks")},
    )
    found = fit_parametric(trial, outcome="end", distribution="log-logistic")
    marked = frame.assign(b=frame["arm"] == "b", c=frame["arm"] == "c")
    assert found.terms == ("(constant)", "b", "c")
    assert_same(found, seen(marked, ["b", "c"], None))
    assert found.survival.shape[0] == len(found.never) == 3


SIZES = [pytest.param(40, id="reduced"), pytest.param(500, id="full", marks=pytest.mark.slow)]


@pytest.mark.parametrize("trials", SIZES)
def test_recovers_a_known_split(trials: int) -> None:
    """800 people: shares .7 and .5 ever, Weibull times; bounds are Monte Carlo, five errors."""
    rng = np.random.default_rng(11)
    odds = [math.log(0.7 / 0.3), math.log(0.5 / 0.5)]
    truth = np.array([2.0, 0.3, math.log(0.7), odds[0], odds[1] - odds[0]])
    found = [fit_cure(read(drawn(rng, 800)), outcome="end") for _ in range(trials)]
    values, errors = (np.array([f(one) for one in found]) for f in (flat, lambda o: o.std_error))
    wide = values.std(axis=0, ddof=1) / math.sqrt(trials)
    assert (np.abs(values.mean(axis=0) - truth) < 5 * wide).all()
    inside = np.abs(values - truth) < norm.ppf(0.975) * errors
    loose = 5 * math.sqrt(0.95 * 0.05 / trials) + 0.01
    assert (np.abs(inside.mean(axis=0) - 0.95) < loose).all()
    nevers = np.array([one.never for one in found])
    wide = nevers.std(axis=0, ddof=1) / math.sqrt(trials)
    assert (np.abs(nevers.mean(axis=0) - [0.3, 0.5]) < 5 * wide).all()


@pytest.mark.parametrize("trials", SIZES)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_recovers_known_times(distribution: str, trials: int) -> None:
    """Everybody has the event in the end; censored halfway."""
    rng = np.random.default_rng(12)
    noise = {
        "exponential": lambda n: np.log(rng.exponential(size=n)),
        "weibull": lambda n: 0.6 * np.log(rng.exponential(size=n)),
        "log-normal": lambda n: 0.6 * rng.normal(size=n),
        "log-logistic": lambda n: 0.6 * rng.logistic(size=n),
    }[distribution]
    estimates, inside = [], []
    for _ in range(trials):
        arm = rng.permutation(np.arange(400) % 2)
        time = np.exp(2.5 - 0.4 * arm + noise(400))
        end = rng.uniform(5, 40, 400)
        frame = pd.DataFrame(
            {"arm": arm, "time": np.minimum(time, end), "event": (time <= end).astype(int)}
        )
        trial = ce.Trial.from_frame(
            frame, arm="arm", control=0, times={"end": ("time", "event", "weeks")}
        )
        found = fit_parametric(trial, outcome="end", distribution=distribution)
        estimates.append(found.coef)
        inside.append(np.abs(found.coef - [2.5, -0.4]) < norm.ppf(0.975) * found.std_error[:2])
    values = np.array(estimates)
    wide = values.std(axis=0, ddof=1) / math.sqrt(trials)
    assert (np.abs(values.mean(axis=0) - [2.5, -0.4]) < 5 * wide).all()
    loose = 5 * math.sqrt(0.95 * 0.05 / trials) + 0.01
    assert (np.abs(np.mean(inside, axis=0) - 0.95) < loose).all()


def test_the_reference_splits_its_parameters() -> None:
    """Or the order of everything above would be in doubt."""
    people = seen(SMALL[0], ["arm"], ["arm"])
    assert split(people, [1, 2, 0, 4, 5], "weibull") == ([1, 2], 1, [4, 5])
    assert split(people, [1, 2, 4, 5], "exponential") == ([1, 2], 1, [4, 5])
