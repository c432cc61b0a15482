"""What else a Cox model can do, against loops over people and event times."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import slow_cox_more as slow
from scipy.stats import norm
from slow_cox import loglik

import checkpoint_eval as ce
from checkpoint_eval.models import (
    CoxFit,
    cox_residuals,
    fit_cox,
    hazard_ratio,
    predicted_survival,
    standardised_survival,
    standardised_survival_difference,
)
from checkpoint_eval.outcomes import TimeVarying

TIES = ("efron", "breslow")
every_tie = pytest.mark.parametrize("ties", TIES)
KINDS = ("martingale", "deviance", "score", "dfbeta", "schoenfeld", "scaled schoenfeld")
# Both climb until the score is rounding, about 1e-12 of the coefficient's error.
REL = 1e-8
N = 36

# Name -> keywords of `fit_cox`; `varying` is filled in.
CASES: dict[str, dict[str, Any]] = {
    "weights": {"weights": "whole"},
    "fractions": {"weights": "part", "strata": "site"},
    "offset": {"offset": "known"},
    "entry": {"entry": "since", "strata": "site"},
    "varying": {"varying": True, "strata": "site"},
    "all": {
        "weights": "whole",
        "offset": "known",
        "entry": "since",
        "varying": True,
        "strata": "site",
    },
}
every_case = pytest.mark.parametrize("case", CASES)
Changes = list[list[tuple[float, list[float]]]]


def people(n: int = N, seed: int = 3) -> pd.DataFrame:
    """Whole weeks with ties, entry before the end, two sites, weights and a known score."""
    rng = np.random.default_rng(seed)
    week = rng.integers(2, 13, n)
    return pd.DataFrame(
        {
            "arm": np.arange(n) % 2,
            "week": week,
            "arrest": rng.random(n) < 0.7,
            "age": rng.integers(18, 50, n),
            "site": np.arange(n) // 2 % 2,
            "whole": rng.integers(1, 4, n),
            "part": rng.integers(1, 8, n) / 4,
            "known": rng.normal(0, 0.5, n).round(2),
            "since": rng.integers(0, 3, n) * (week > 3),
        }
    )


def changed(frame: pd.DataFrame, seed: int = 8) -> Changes:
    """A value of employment at the start of each, then up to three changes, some too late."""
    rng = np.random.default_rng(seed)
    each = []
    for _ in frame.index:
        times = [0.0, *(float(t) for t in rng.choice(np.arange(1, 14), 3, replace=False))]
        each.append([(t, [float(rng.integers(2))]) for t in times])
    return each


def trial_of(frame: pd.DataFrame) -> ce.Trial:
    names = ("age", "site", "whole", "part", "known", "since")
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        covariates=[name for name in names if name in frame],
        times={"rearrest": ("week", "arrest", "weeks")},
    )


def varying_of(changes: Changes) -> TimeVarying:
    rows = [(i, at, value[0]) for i, each in enumerate(changes) for at, value in each]
    person, time, value = (np.array(column) for column in zip(*rows, strict=True))
    return TimeVarying(person=person, time=time, values={"job": value}, people=len(changes))


def rows_of(frame: pd.DataFrame, terms: list[str], how: dict[str, Any]) -> slow.Rows:
    """The rows of the reference for the keywords of `fit_cox`."""

    def column(key: str, default: float) -> np.ndarray:
        return frame[how[key]].to_numpy(float) if key in how else np.full(len(frame), default)

    changes = changed(frame) if how.get("varying") else [[(-np.inf, [])] for _ in frame.index]
    entry = column("entry", 0.0 if "varying" in how else -np.inf)
    fixed = frame[terms].to_numpy(float)
    spells = slow.spells_of(
        frame["week"].to_numpy(float), frame["arrest"].to_numpy(), entry, fixed, changes
    )
    return slow.rows_of(
        spells,
        weight=column("weights", 1.0),
        stratum=column("strata", 0.0).astype(int),
        offset=column("offset", 0.0),
    )


@cache
def pair(case: str, ties: str) -> tuple[CoxFit, slow.Rows, slow.Fit]:
    """The library's fit, and that of the reference."""
    frame, how = people(), CASES[case]
    rows = rows_of(frame, ["arm", "age"], how)
    given = how | ({"varying": varying_of(changed(frame))} if "varying" in how else {})
    fit = fit_cox(trial_of(frame), outcome="rearrest", adjust="age", ties=ties, **given)
    return fit, rows, slow.fit(rows, ties)


@every_tie
@every_case
def test_fit(case: str, ties: str) -> None:
    fit, rows, want = pair(case, ties)
    assert fit.coef == pytest.approx(want.coef[:-1], rel=REL)
    assert fit.model_covariance == pytest.approx(want.covariance, rel=REL)
    null = np.zeros(len(want.coef))
    null[-1] = 1.0
    likelihoods = [loglik(rows, null, ties), want.loglik]
    assert [fit.loglik_null, fit.loglik] == pytest.approx(likelihoods, rel=1e-11)


@every_tie
@every_case
def test_sandwich(case: str, ties: str) -> None:
    """The squares of the people's dfbeta added, those of a site first."""
    _, rows, want = pair(case, ties)
    frame, how = people(), CASES[case] | {"outcome": "rearrest", "adjust": "age", "ties": ties}
    if "varying" in how:
        how["varying"] = varying_of(changed(frame))
    moved = slow.residuals(rows, want, ties)["dfbeta"]
    fit = fit_cox(trial_of(frame), robust=True, **how)
    assert fit.covariance == pytest.approx(moved.T @ moved, rel=REL)
    ages = np.array([moved[frame["age"] == age].sum(axis=0) for age in set(frame["age"])])
    fit = fit_cox(trial_of(frame), cluster="age", **how)
    assert fit.covariance == pytest.approx(ages.T @ ages, rel=REL)


@every_tie
@every_case
@pytest.mark.parametrize("kind", KINDS)
def test_residuals(case: str, ties: str, kind: str) -> None:
    fit, rows, want = pair(case, ties)
    found = cox_residuals(fit, kind=kind)
    columns = list(fit.terms) if kind not in ("martingale", "deviance") else ["residual"]
    table = np.zeros((N, len(columns)))
    table[found["row"]] = found[columns]
    assert table == pytest.approx(slow.residuals(rows, want, ties)[kind], rel=REL, abs=1e-11)
    if "time" in found:
        frame = people()
        assert (frame["week"][found["row"]].to_numpy() == found["time"]).all()
        assert frame["arrest"][found["row"]].all()
        assert len(found) == frame["arrest"].sum()


@every_tie
@every_case
def test_predicted_survival(case: str, ties: str) -> None:
    """Offset 0; the sandwich of fractional weights stands in place of the model's variance."""
    fit, rows, want = pair(case, ties)
    values = {"treatment": 1.0, "age": 30.0} | ({"job": 1.0} if "varying" in CASES[case] else {})
    x = np.array(list(values.values()))
    found = predicted_survival(fit, values=values, level=0.9)
    labels = list(dict.fromkeys(found["stratum"]))
    assert len(labels) == 1 + ("strata" in CASES[case])
    spread = want._replace(covariance=fit.covariance)
    for stratum, label in enumerate(labels):
        part = found[found["stratum"] == label].set_index("time")
        last = rows.exit[rows.stratum == stratum].max()
        assert part.index[-1] == last
        for at in (3.0, 7.0, last):
            hazard = np.exp(x @ want.coef[:-1]) * slow.baseline(rows, want.coef, ties, stratum, at)
            error = np.sqrt(slow.hazard_variance(rows, spread, ties, stratum, at, x))
            row = part.loc[at]
            assert row["hazard"] == pytest.approx(hazard, rel=REL)
            assert row["survival"] == pytest.approx(np.exp(-hazard), rel=REL)
            assert row["std_error"] == pytest.approx(np.exp(-hazard) * error, rel=REL)
            reach = norm.ppf(0.95) * error
            limits = [np.exp(-hazard - reach), min(1.0, np.exp(-hazard + reach))]
            assert [row["low"], row["high"]] == pytest.approx(limits, rel=REL)


@every_tie
@pytest.mark.parametrize("case", [name for name in CASES if "varying" not in CASES[name]])
def test_standardised_survival(case: str, ties: str) -> None:
    fit, rows, want = pair(case, ties)
    curve = standardised_survival(fit)
    for at in (2.0, 6.0, 10.0):
        survival = [slow.standardised(rows, want, ties, arm, at) for arm in (0, 1)]
        assert curve.survival[:, np.searchsorted(curve.time, at)] == pytest.approx(
            survival, rel=REL
        )
        found = standardised_survival_difference(fit, at=at)
        assert found.value == pytest.approx(survival[1] - survival[0], rel=1e-7)
        assert found.by_arm == pytest.approx(survival, rel=REL)


# ---- the variance, by moving the weight of each person ----------------------------------------

# The move is symmetric: its error is of the order of its square, with the sums of 36 people.
MOVED, NEAR = 1e-4, 1e-5


def moved_values(case: str, ties: str) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) derivatives of difference and log ratio in each person's case weight; the weights."""
    frame, how = people(), CASES[case] | {"outcome": "rearrest", "adjust": "age", "ties": ties}
    weight = frame[how["weights"]].to_numpy(float) if "weights" in how else np.ones(N)
    how["weights"] = "whole"
    how.pop("cluster", None)

    def values(new: np.ndarray) -> np.ndarray:
        fit = fit_cox(trial_of(frame.assign(whole=new)), **how)
        control, treated = standardised_survival_difference(fit, at=9).by_arm
        return np.array([treated - control, np.log(treated / control)])

    slopes = [
        (values(weight + step) - values(weight - step)) / (2 * MOVED) for step in MOVED * np.eye(N)
    ]
    return np.array(slopes), weight


@every_tie
@pytest.mark.parametrize("case", ["plain", "fractions", "offset", "entry", "cluster"])
def test_standardised_variance_is_a_derivative_in_the_weights(
    case: str, ties: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reid & Crépeau (1985): what the estimate moves by when a person's weight does, squared.

    Those of people of one age are added first where ages are clusters.
    """
    monkeypatch.setitem(CASES, "plain", {})
    monkeypatch.setitem(CASES, "cluster", {"cluster": "age", "weights": "part", "strata": "site"})
    slopes, weight = moved_values(case, ties)
    moved = weight[:, np.newaxis] * slopes
    if case == "cluster":
        age = people()["age"].to_numpy()
        assert len(set(age)) < N
        moved = np.array([moved[age == one].sum(axis=0) for one in set(age)])
    errors = np.sqrt((moved**2).sum(axis=0))
    fit = fit_cox(trial_of(people()), outcome="rearrest", adjust="age", ties=ties, **CASES[case])
    for measure, error in zip(("difference", "ratio"), errors, strict=True):
        found = standardised_survival_difference(fit, at=9, measure=measure)
        assert found.std_error == pytest.approx(error, rel=NEAR)


@cache
def rossi() -> pd.DataFrame:
    frame = ce.load_rossi()
    observed = frame.outcomes["rearrest"]
    columns = {name: frame.columns[name].values for name in ("age", "prio")}
    return pd.DataFrame(
        {"arm": frame.assignment.arm, "week": observed.time, "arrest": observed.event} | columns
    )


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_standardised_variance_is_near_the_jackknife(every: int) -> None:
    """Leaving one out is a larger step than a derivative: all of Rossi 0.0412, not 0.0408."""

    def value(table: pd.DataFrame) -> Any:
        trial = ce.Trial.from_frame(
            table,
            arm="arm",
            control=0,
            covariates=["age", "prio"],
            times={"rearrest": ("week", "arrest", "weeks")},
        )
        fit = fit_cox(trial, outcome="rearrest", adjust=["age", "prio"])
        return standardised_survival_difference(fit, at=52)

    table = rossi()[::every]
    left = np.array([value(table.drop(index=i)).value for i in table.index])
    n = len(left)
    jackknife = np.sqrt((n - 1) / n * np.sum((left - left.mean()) ** 2))
    # a quarter of the people, four times the remainder of order 1 / n
    near = 0.02 if every == 1 else 0.06
    assert value(table).std_error == pytest.approx(jackknife, rel=near)


# ---- likelihoods without a maximum ------------------------------------------------------------


def parted(least: int, seed: int = 5) -> pd.DataFrame:
    """As `people`, with events in one arm only."""
    frame = people(16, seed)
    return frame.assign(arrest=frame["arrest"] & (frame["arm"] != least))


MONOTONE: dict[str, dict[str, Any]] = {
    "arms": {},
    "strata": {"strata": "site"},
    "adjusted": {"adjust": "age"},
    "weights": {"weights": "whole", "adjust": "age"},
    "offset": {"offset": "known"},
    "entry": {"entry": "since", "strata": "site", "adjust": "age"},
}


@every_tie
@pytest.mark.parametrize("case", MONOTONE)
@pytest.mark.parametrize("least", [0, 1])
def test_score_limits(case: str, ties: str, least: int) -> None:
    """The limit that exists is where |z| crosses the quantile, found by ever finer grids."""
    frame, how = parted(least), MONOTONE[case]
    level = 0.9
    found = hazard_ratio(trial_of(frame), outcome="rearrest", ties=ties, level=level, **how)
    rows = rows_of(frame, ["arm", *(["age"] if "adjust" in how else [])], how)
    crossing = slow.scanned(rows, ties, norm.ppf(0.95))
    assert len(crossing) == 1
    assert np.isnan(found.value)
    limits = (0.0, np.exp(crossing[0])) if least == 1 else (np.exp(crossing[0]), np.inf)
    # halved 26 times from 0.75: 1e-8
    assert (found.low, found.high) == pytest.approx(limits, rel=1e-7)
    z = slow.score_z(rows, 0.0, ties)
    assert found.p_value == pytest.approx(2 * norm.sf(abs(z)), rel=1e-7)


def test_curve_times() -> None:
    """Every time at which somebody's follow-up ends, and nobody else's."""
    curve = standardised_survival(pair("weights", "efron")[0])
    assert curve.time.tolist() == sorted(set(people()["week"].tolist()))
