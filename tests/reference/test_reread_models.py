"""Numbers computed again by a reader who had the docstrings alone, at settings of his own."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import slow_harm as zeros
import slow_rates as slow
from scipy.special import expit

import checkpoint_eval as ce
from checkpoint_eval.models import (
    adjusted_logrank_test,
    compare_fits,
    fit_cure,
    fit_parametric,
    mean_difference,
    rate_sensitivity,
    restricted_mean,
    two_part_effects,
)

EXACT = 1e-9  # sums of some hundred numbers in another order, and least squares
SEEDS = range(3)


def people(seed: int, n: int = 90) -> pd.DataFrame:
    """Two suites of unequal size and ratio, tied weeks, skewed harm with zeros."""
    rng = np.random.default_rng([101, seed])
    frame = pd.DataFrame({"suite": np.where(np.arange(n) < n // 3, "north", "south")})
    frame["arm"] = np.concatenate(
        [rng.permutation(np.arange(n // 3) % 3 > 0), rng.permutation(np.arange(n - n // 3) % 2 > 0)]
    ).astype(int)
    frame["age"] = rng.integers(18, 60, n)
    linear = -0.4 * frame["arm"] - 0.03 * (frame["age"] - 35)
    frame["week"] = np.minimum(np.ceil(rng.exponential(20 * np.exp(-linear))), 30)
    frame["again"] = ((frame["week"] < 30) & (rng.random(n) < 0.8)).astype(int)
    any_harm = rng.random(n) < expit(linear)
    frame["harm"] = np.where(any_harm, rng.gamma(2, 10 * np.exp(linear)), 0)
    return frame


def read(frame: pd.DataFrame, **how: Any) -> ce.Trial:
    told = {"strata": ["suite"], "covariates": ["age"], "numeric": {"harm": "harm"}}
    times = {"reoffence": ("week", "again", "weeks")}
    return ce.Trial.from_frame(frame, arm="arm", control=0, **(told | {"times": times} | how))


@pytest.mark.parametrize("dispersion", [0.3, 0.8, 1.6])
def test_the_likelihood_of_counts_without_a_part_for_zeros(dispersion: float) -> None:
    """Dispersions on both sides of 1, whose logarithm is 0."""
    rng = np.random.default_rng(17)
    n = 80
    frame = pd.DataFrame({"arm": np.arange(n) % 2, "years": rng.uniform(0.5, 2, n)})
    mean = frame["years"] * np.exp(0.8 - 0.4 * frame["arm"])
    frame["events"] = rng.poisson(mean * rng.gamma(1 / dispersion, dispersion, n))
    counts = {"arrests": ("events", "years", "years")}
    table = rate_sensitivity(
        ce.Trial.from_frame(frame, arm="arm", control=0, counts=counts), outcome="arrests"
    )
    rows = [
        (int(row["events"]), row["years"], (float(row["arm"]), 1.0))
        for row in frame.to_dict("records")
    ]
    value, _, found, height = slow.negative_binomial(rows)
    assert (found < 1) == (dispersion < 1)
    plain = slow.poisson(rows)[2]
    # Both stand at a maximum, so that the likelihood errs by the square of what places err.
    assert table.log_likelihood[:2] == pytest.approx([plain, height], rel=EXACT)
    assert table.aic[:2] == pytest.approx([4 - 2 * plain, 6 - 2 * height], rel=EXACT)
    assert np.log(table.estimates[1].value) == pytest.approx(value, abs=1e-6)


def test_few_zeros_added_are_found() -> None:
    """A hundred people whose likelihood has a peak at shares of 0.6 % and 3.4 % added.

    A climb from 27 % runs past it to shares of 0, where the likelihood is lower by 0.017.
    """
    rng = np.random.default_rng([23, 39])
    n = 100
    frame = pd.DataFrame({"arm": np.arange(n) % 2, "years": rng.uniform(0.5, 2, n)})
    mean = frame["years"] * np.exp(0.8 - 0.4 * frame["arm"]) * rng.gamma(1.2, 1 / 1.2, n)
    frame["events"] = rng.poisson(mean) * (rng.random(n) < 0.96)
    counts = {"arrests": ("events", "years", "years")}
    table = rate_sensitivity(
        ce.Trial.from_frame(frame, arm="arm", control=0, counts=counts), outcome="arrests"
    )
    rows = [
        (int(row["events"]), row["years"], (float(row["arm"]), 1.0))
        for row in frame.to_dict("records")
    ]
    likelihood = partial(zeros.log_likelihood, rows, kind="inflated", dispersed=True)
    at = slow.climb(likelihood, np.array([-5.0, 1.7, -0.7, 0.9, -0.1]))
    assert expit([at[0], at[0] + at[1]]) == pytest.approx([0.006, 0.034], abs=5e-4)
    found = table.estimates[3]
    # Newton's steps have slopes by differences, right to some 1e-9, over a curvature of some 0.01.
    assert table.log_likelihood[3] == pytest.approx(likelihood(at), rel=EXACT)
    assert table.log_likelihood[3] > table.log_likelihood[1] + 0.01
    value = zeros.log_ratio(rows, at, kind="inflated", dispersed=True)
    assert np.log(found.value) == pytest.approx(value, abs=1e-5)


def two_parts(frame: pd.DataFrame, weight: np.ndarray) -> np.ndarray:
    """Share, mean among those with any, mean difference, mean ratio: by Newton's method."""
    x = np.column_stack([np.ones(len(frame)), frame["arm"], frame["age"] / 40 - 1])
    harm = frame["harm"].to_numpy()
    some = harm > 0
    share, amount = np.zeros(3), np.array([np.log(harm[some].mean()), 0, 0])
    for _ in range(30):
        p = expit(x @ share)
        share = share + np.linalg.solve(
            (x.T * weight * p * (1 - p)) @ x, x.T @ (weight * (some - p))
        )
        ratio = harm[some] / np.exp(x[some] @ amount)
        score = x[some].T @ (weight[some] * (ratio - 1))
        amount = amount + np.linalg.solve((x[some].T * weight[some] * ratio) @ x[some], score)
    shares, means = [], []
    for code in (0, 1):
        x[:, 1] = code
        shares.append(np.average(expit(x @ share), weights=weight))
        means.append(np.average(expit(x @ share) * np.exp(x @ amount), weights=weight))
    among = (means[1] / shares[1]) / (means[0] / shares[0])
    return np.array([shares[1] - shares[0], among, means[1] - means[0], means[1] / means[0]])


@pytest.mark.parametrize("seed", SEEDS)
def test_two_parts_and_derivatives_in_weights(seed: int) -> None:
    """The sandwich is how far each number moves with the weight of each person, squared."""
    frame = people(seed)
    n, step = len(frame), 1e-4
    found = two_part_effects(read(frame), outcome="harm", adjust="age")
    assert [each.value for each in found] == pytest.approx(two_parts(frame, np.ones(n)), rel=1e-7)

    def at(weight: np.ndarray) -> np.ndarray:
        share, among, difference, ratio = two_parts(frame, weight)
        return np.array([share, np.log(among), difference, np.log(ratio)])

    moves = [(at(1 + step * one) - at(1 - step * one)) / (2 * step) for one in np.eye(n)]
    own = np.bincount(frame["arm"])[frame["arm"]]
    errors = np.sqrt((own / (own - 1))[:, None].T @ np.square(moves))[0]
    # Differences over steps of 1e-4 err by some 1e-8, and by rounding of 1e-12 over the step.
    assert [each.std_error for each in found] == pytest.approx(errors, rel=1e-6)


def derived(frame: pd.DataFrame) -> tuple[np.ndarray, float]:
    """(n,) derived outcomes of the log-rank score, and its hypergeometric variance."""
    own, variance = np.zeros(len(frame)), 0.0
    arm, week, again = (frame[name].to_numpy() for name in ("arm", "week", "again"))
    for time in np.unique(week[again == 1]):
        at_risk, events = week >= time, (week == time) & (again == 1)
        r, d = at_risk.sum(), events.sum()
        p = (at_risk & (arm == 1)).sum() / r
        own += np.where(arm == 1, 1 - p, p) * (events - at_risk * d / r)
        variance += d * p * (1 - p) * (r - d) / max(r - 1, 1)
    return own, variance


@pytest.mark.parametrize("seed", SEEDS)
def test_the_adjusted_logrank_over_strata(seed: int) -> None:
    frame = people(seed)
    parts = [(part, *derived(part)) for _, part in frame.groupby("suite")]
    own = np.concatenate([outcome for _, outcome, _ in parts])
    rows = pd.concat([part for part, _, _ in parts])
    treated = rows["arm"].to_numpy() == 1
    slopes = []
    for arm in (0, 1):
        mine = rows[rows["arm"] == arm]
        x = (mine["age"] - mine.groupby("suite")["age"].transform("mean")).to_numpy()
        slopes.append(x @ own[rows["arm"] == arm] / (x @ x))
    centred = (rows["age"] - rows.groupby("suite")["age"].transform("mean")).to_numpy()
    rest = own - centred * np.where(treated, slopes[1], slopes[0])
    spread = sum(len(part) * part["age"].var() for part, _, _ in parts)
    share = treated.mean()
    variance = sum(each for _, _, each in parts)
    variance -= share * (1 - share) * (slopes[0] + slopes[1]) ** 2 * spread
    found = adjusted_logrank_test(read(frame), outcome="reoffence", adjust="age")
    z = (rest[treated].sum() - rest[~treated].sum()) / np.sqrt(variance)
    assert found.statistic == pytest.approx(z, rel=EXACT)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_adjusted_ratio_of_restricted_means(seed: int) -> None:
    """Nobody is censored before week 12: pseudo-observations are the times themselves."""
    frame = people(seed)
    frame.loc[(frame["again"] == 0) & (frame["week"] < 12), "week"] = 13
    time = np.minimum(frame["week"].to_numpy(), 12)
    x = np.column_stack([np.ones(len(frame)), frame["arm"], frame["age"] / 40 - 1])
    coef = np.array([np.log(time.mean()), 0, 0])
    for _ in range(30):  # Poisson's score
        mean = np.exp(x @ coef)
        coef = coef + np.linalg.solve((x.T * mean) @ x, x.T @ (time - mean))
    bread = np.linalg.inv((x.T * mean) @ x)
    error = np.sqrt((bread @ ((x.T * (time - mean) ** 2) @ x) @ bread)[1, 1])
    found = restricted_mean(
        read(frame), outcome="reoffence", horizon=12, measure="ratio", adjust="age"
    )
    assert np.log(found.value) == pytest.approx(coef[1], abs=EXACT)
    assert found.std_error == pytest.approx(error, rel=1e-7)  # the engine stops at a score of 1e-10


def test_schwarz_counts_events() -> None:
    frame = people(3)
    frame["week"] = frame["week"].astype(float)
    trial = read(frame)
    fits = [
        partial(fit_parametric, distribution="weibull"),
        partial(fit_parametric, distribution="exponential", adjust="age"),
        partial(fit_cure, distribution="log-normal", arm_in_time=False),
    ]
    table = compare_fits([fit(trial, outcome="reoffence") for fit in fits])
    size = np.log(frame["again"].sum())
    assert np.isfinite(table["bic"]).all()
    assert table["bic"].to_numpy() == pytest.approx(
        (table["aic"] + table["parameters"] * (size - 2)).to_numpy(), rel=EXACT
    )


def test_strata_of_unequal_shares_weigh_by_people() -> None:
    """Two arms of unlike shares by suite: means within each, and the suites' shares of people."""
    frame = people(2)
    parts = [part for _, part in frame.groupby("suite")]
    by_arm = [[part["harm"][part["arm"] == arm] for arm in (0, 1)] for part in parts]
    shares = [len(part) / len(frame) for part in parts]
    value = sum(w * (t.mean() - c.mean()) for w, (c, t) in zip(shares, by_arm, strict=True))
    variance = sum(
        w**2 * (t.var() / t.size + c.var() / c.size)
        for w, (c, t) in zip(shares, by_arm, strict=True)
    )
    found = mean_difference(read(frame), outcome="harm")
    assert (found.value, found.std_error) == pytest.approx((value, np.sqrt(variance)), rel=EXACT)
