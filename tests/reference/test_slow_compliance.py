"""The library's complier effects, bounds and imputations against the slow references."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from slow_compliance import (
    always_seen,
    assignment_t,
    covering,
    lee_bounds,
    lee_error,
    two_stages,
    worst_cases,
)
from statsmodels.sandbox.regression.gmm import IV2SLS

import checkpoint_eval as ce
from checkpoint_eval.models import (
    attrition_bounds,
    complier_average_effect,
    multiple_imputation,
)

CLOSED = 1e-9  # closed forms in another order; normal equations lose a digit or two
SEEDS = range(5)
VARIANCES: Any = ["classical", "HC0", "HC1", "HC2"]


def overridden(seed: int, n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng([78, seed])
    arm = rng.permutation(np.arange(n) % 2)
    kind = rng.choice(3, n, p=[0.2, 0.5, 0.3])
    age, prior = rng.integers(18, 60, n), rng.integers(0, 2, n)
    got = np.where(kind == 1, arm, kind == 0).astype(int)
    harm = rng.lognormal(2, 1, n) + 0.2 * age - 3 * got
    return pd.DataFrame({"arm": arm, "got": got, "age": age, "prior": prior, "harm": harm})


def read(frame: pd.DataFrame, **how: Any) -> ce.Trial:
    columns: Any = {"arm": "arm", "control": 0, "numeric": {"harm": "harm"}} | how
    return ce.Trial.from_frame(frame, **columns)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("variance", VARIANCES)
def test_two_stages(seed: int, variance: Any) -> None:
    f = overridden(seed)
    trial = read(f, received="got", covariates=["age", "prior"])
    for adjust in ([], ["age", "prior"]):
        found = complier_average_effect(trial, outcome="harm", adjust=adjust, variance=variance)
        x = [f[name].tolist() for name in adjust]
        value, error = two_stages(f["harm"], f["got"], f["arm"], x, variance)
        assert found.value == pytest.approx(value, rel=CLOSED)
        assert found.std_error == pytest.approx(error, rel=CLOSED)
        half = student.ppf(0.975, len(f) - 2 - len(adjust)) * error
        assert found.high - found.value == pytest.approx(half, rel=CLOSED)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_classical_variance_is_that_of_statsmodels(seed: int) -> None:
    f = overridden(seed)
    exog, instruments = (
        np.column_stack([np.ones(len(f)), f[name], f["age"]]) for name in ("got", "arm")
    )
    fit = IV2SLS(f["harm"].to_numpy(), exog, instruments).fit()
    trial = read(f, received="got", covariates=["age"])
    found = complier_average_effect(trial, outcome="harm", adjust="age", variance="classical")
    assert (found.value, found.std_error) == pytest.approx((fit.params[1], fit.bse[1]), rel=CLOSED)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("variance", VARIANCES)
def test_anderson_rubin_refuses_what_lies_outside(seed: int, variance: Any) -> None:
    f = overridden(seed)
    trial = read(f, received="got", covariates=["age"])
    how: Any = {"outcome": "harm", "adjust": "age", "variance": variance, "level": 0.8}
    found = complier_average_effect(trial, interval="anderson-rubin", **how)
    limit = student.ppf(0.9, len(f) - 3)
    x = [f["age"].tolist()]
    for end in (found.low, found.high):
        if np.isfinite(end):
            t = assignment_t(f["harm"], f["got"], f["arm"], end, x, variance)
            assert abs(t) == pytest.approx(limit, rel=1e-8)  # a root of a quadratic
    null = assignment_t(f["harm"], f["got"], f["arm"], 0.0, x, variance)
    assert found.p_value == pytest.approx(2 * student.sf(abs(null), len(f) - 3), rel=1e-8)


def partly(seed: int, n: int = 12) -> tuple[list[Fraction | None], list[Fraction | None]]:
    """Small whole numbers that tie, some unknown; enough are seen for every method."""
    rng = np.random.default_rng([79, seed])
    arms: list[list[Fraction | None]] = []
    for size in (n, n + 3):
        value, gone = rng.integers(0, 6, size), rng.random(size) < rng.choice([0.0, 0.15, 0.3])
        gone[: 2 * size // 3] = False
        known = zip(value.tolist(), gone.tolist(), strict=True)
        arms.append([None if lost else Fraction(each) for each, lost in known])
    return arms[0], arms[1]


def lost(treatment: list[Any], control: list[Any]) -> ce.Trial:
    y = [np.nan if each is None else float(each) for each in [*treatment, *control]]
    arm = [1] * len(treatment) + [0] * len(control)
    return read(pd.DataFrame({"arm": arm, "harm": y}))


@pytest.mark.parametrize("seed", range(20))
def test_bounds(seed: int) -> None:
    treatment, control = partly(seed)
    trial = lost(treatment, control)
    wanted: dict[Any, Any] = {
        "lee": lee_bounds(treatment, control),
        "horowitz-manski": always_seen(treatment, control),
        "manski": worst_cases(treatment, control, (Fraction(-1), Fraction(7))),
    }
    for method, (low, high) in wanted.items():
        support = (-1, 7) if method == "manski" else None
        found = attrition_bounds(trial, outcome="harm", method=method, support=support)
        assert (found.low, found.high) == pytest.approx((float(low), float(high)), abs=1e-12)
        c = covering(found.low, found.high, found.std_errors, 0.95)
        assert found.interval_low == pytest.approx(found.low - c * found.std_errors[0], abs=1e-8)
        assert found.interval_high == pytest.approx(found.high + c * found.std_errors[1], abs=1e-8)


@pytest.mark.parametrize("seed", SEEDS)
def test_errors_by_lees_formula(seed: int) -> None:
    """20 against 25 people, 16 and 15 seen: whole people are kept, so that no value is in part."""
    rng = np.random.default_rng([80, seed])
    treatment, control = rng.normal(size=20), rng.normal(size=25)
    treatment[16:], control[15:] = np.nan, np.nan
    found = attrition_bounds(
        lost([None if np.isnan(y) else y for y in treatment], [*control[:15], *[None] * 10]),
        outcome="harm",
        method="lee",
    )
    want = [lee_error(treatment, control, highest=highest) for highest in (False, True)]
    assert found.std_errors == pytest.approx(want, rel=CLOSED)


def jackknifed(frame: pd.DataFrame, **how: Any) -> tuple[float, float]:
    """Standard errors of the bounds by leaving each person out, arms apart."""
    squares = np.zeros(2)
    for code in (0, 1):
        own = frame.index[frame["arm"] == code]
        ends = []
        for person in own:
            found = attrition_bounds(
                read(frame.drop(person), factors=["site"]), outcome="harm", **how
            )
            ends.append([found.low, found.high])
        m = len(own)
        squares += (m - 1) * np.var(ends, axis=0)
    return float(np.sqrt(squares[0])), float(np.sqrt(squares[1]))


@pytest.mark.parametrize("how", [{"method": "lee"}, {"method": "horowitz-manski"}])
@pytest.mark.parametrize("within", [(), "site"])
def test_errors_by_leaving_people_out(how: Any, within: Any) -> None:
    """The formula's derivative beside differences: they part by a few per cent at 120 an arm."""
    rng = np.random.default_rng(81)
    n = 240
    arm, site = np.arange(n) % 2, np.arange(n) // 2 % 2
    harm = rng.exponential(2, n) + site
    seen = rng.random(n) < np.where(arm == 1, 0.9, 0.75) - 0.1 * site
    frame = pd.DataFrame({"arm": arm, "site": site, "harm": np.where(seen, harm, np.nan)})
    how = how | {"covariates": within}
    found = attrition_bounds(read(frame, factors=["site"]), outcome="harm", **how)
    assert found.std_errors == pytest.approx(jackknifed(frame, **how), rel=0.06)


def test_imputed_means_are_those_of_a_regression() -> None:
    """Over many imputations: the seen, and for the lost what least squares foretell."""
    f = overridden(3, n=80)
    f.loc[(f["age"] > 45) & (f["arm"] == 1), "harm"] = np.nan
    m = 3_000
    found = multiple_imputation(
        read(f, covariates=["age"]), outcome="harm", imputations=m, rng=np.random.default_rng(1)
    )
    own, gone = f[(f["arm"] == 1) & f["harm"].notna()], f[f["harm"].isna()]
    slope, base = np.polyfit(own["age"], own["harm"], 1)
    want = (own["harm"].sum() + (base + slope * gone["age"]).sum()) / 40
    # The posterior's variance: of the regression's mean over the lost, and of the lost themselves.
    left = own["harm"] - base - slope * own["age"]
    df = len(own) - 2
    x = np.column_stack([np.ones(len(own)), own["age"]])
    ahead = np.array([len(gone), gone["age"].sum()])
    variance = left @ left / (df - 2) * (ahead @ np.linalg.inv(x.T @ x) @ ahead + len(gone)) / 1600
    assert found.by_arm[1] == pytest.approx(want, abs=5 * np.sqrt(variance / m))
    lost_share = float(found.method.split("% of the variance")[0].split("; ")[-1]) / 100
    within = found.std_error**2 * (1 - lost_share)
    # A variance from m draws is uncertain by √(2/m); three printed digits add half a per cent.
    between = found.std_error**2 - within
    assert between == pytest.approx((1 + 1 / m) * variance, rel=5 * np.sqrt(2 / m) + 0.01)


def test_imputed_risks_are_those_of_a_logistic_regression() -> None:
    """12 of 30 seen: the log odds are drawn about log(12/18), with variance 1/12 + 1/18."""
    y = [1.0] * 12 + [0.0] * 18 + [np.nan] * 10 + [1.0] * 20 + [0.0] * 20
    frame = pd.DataFrame({"arm": [1] * 40 + [0] * 40, "y": y})
    trial = ce.Trial.from_frame(frame, arm="arm", control=0, binary={"y": "y"})
    m = 3_000
    for delta in (0.0, 1.0):
        found = multiple_imputation(
            trial, outcome="y", imputations=m, delta=delta, rng=np.random.default_rng(2)
        )
        node, weight = np.polynomial.hermite_e.hermegauss(40)
        odds = np.log(12 / 18) + delta + np.sqrt(1 / 12 + 1 / 18) * node
        chance = 1 / (1 + np.exp(-odds))
        mean, square = (float(weight @ each / weight.sum()) for each in (chance, chance**2))
        # Of the number of yeses among 10: chances differ between draws, then people within one.
        variance = 100 * (square - mean**2) + 10 * (mean - square)
        want = (12 + 10 * mean) / 40
        assert found.by_arm[1] == pytest.approx(want, abs=5 * np.sqrt(variance / m) / 40)
        lost_share = float(found.method.split("% of the variance")[0].split("; ")[-1]) / 100
        between = found.std_error**2 * lost_share
        # As of the means above; the default analysis is a difference of means, control known.
        assert between == pytest.approx(
            (1 + 1 / m) * variance / 1600, rel=5 * np.sqrt(2 / m) + 0.01
        )
