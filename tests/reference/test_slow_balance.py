"""The library's balance checks and randomisation tests against the slow references."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2
from slow_balance import (
    binomial_p_value,
    categorical_difference,
    exact_p_value,
    hansen_bowers,
    pearson,
    standardised_difference,
    variance,
)
from slow_data import SEEDS, binary_frame
from slow_survival import Person, logrank

import checkpoint_eval as ce

if TYPE_CHECKING:
    from collections.abc import Sequence

NUMERIC = ["age", "prior"]
CLOSED = 1e-9  # means and variances of about 100 numbers, computed in another order
DRAWS = 10_000


def trial_of(
    frame: pd.DataFrame, covariates: Sequence[str], strata: Sequence[str] = ()
) -> ce.Trial:
    """A trial with covariates, perhaps stratified."""
    extra = {"strata": list(strata)} if strata else {}
    return ce.Trial.from_frame(
        frame, arm="arm", control=0, covariates=list(covariates), binary={"any": "any"}, **extra
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_numeric_differences(seed: int) -> None:
    """Arm means, standardised difference and variance ratio."""
    frame = binary_frame(seed)
    table = ce.standardised_differences(trial_of(frame, NUMERIC)).to_frame()
    for name in NUMERIC:
        row = table[table["covariate"] == name].iloc[0]
        treated, control = (frame.loc[frame["arm"] == a, name].tolist() for a in (1, 0))
        expected = standardised_difference(frame[name].tolist(), frame["arm"].tolist())
        assert row["difference"] == pytest.approx(expected, rel=CLOSED, abs=1e-12)
        assert row["mean_treatment"] == pytest.approx(np.mean(treated), rel=CLOSED)
        assert row["mean_control"] == pytest.approx(np.mean(control), rel=CLOSED)
        ratio = variance(treated) / variance(control)
        assert row["variance_ratio"] == pytest.approx(ratio, rel=CLOSED)


@pytest.mark.parametrize("seed", SEEDS)
def test_categorical_difference(seed: int) -> None:
    """One row per level and one overall row, which holds the Mahalanobis distance."""
    frame = binary_frame(seed)
    table = ce.standardised_differences(trial_of(frame, ["offence"])).to_frame()
    rows = table[table["covariate"] == "offence"]
    levels = sorted(set(frame["offence"]))
    assert sorted(rows.loc[rows["level"].isin(levels), "level"]) == levels
    overall = rows.loc[~rows["level"].isin(levels), "difference"]
    expected = categorical_difference(frame["offence"].tolist(), frame["arm"].tolist())
    assert list(overall) == pytest.approx([expected], rel=1e-8)  # a 2 x 2 inverse


def test_disjoint_arms_are_infinitely_apart() -> None:
    """All of one arm in a level nobody else has."""
    labels = ["a"] * 20 + ["b"] * 9 + ["c"] * 11
    frame = pd.DataFrame({"arm": [0] * 20 + [1] * 20, "kind": labels, "any": [0, 1] * 20})
    assert categorical_difference(labels, frame["arm"].tolist()) == math.inf
    table = ce.standardised_differences(trial_of(frame, ["kind"])).to_frame()
    overall = table.loc[~table["level"].isin(["a", "b", "c"]), "difference"]
    assert list(overall) == [math.inf]


@pytest.mark.parametrize("strata", [None, "site"])
@pytest.mark.parametrize("seed", SEEDS)
def test_omnibus(seed: int, strata: str | None) -> None:
    """Hansen-Bowers on two numeric covariates, whole and within strata."""
    frame = binary_frame(seed)
    got = ce.omnibus_balance(trial_of(frame, NUMERIC, [strata] if strata else []))
    labels = frame[strata].tolist() if strata else [0] * len(frame)
    expected = hansen_bowers(frame[NUMERIC].to_numpy(), frame["arm"].tolist(), labels)
    assert got.statistic == pytest.approx(expected.statistic, rel=1e-8)  # an inverse in between
    assert got.df == expected.df == 2
    assert got.p_value == pytest.approx(chi2.sf(expected.statistic, 2), rel=1e-7)


@pytest.mark.parametrize("seed", SEEDS[:4])
def test_omnibus_with_categories(seed: int) -> None:
    """A text covariate of three levels counts for two degrees of freedom."""
    frame = binary_frame(seed)
    got = ce.omnibus_balance(trial_of(frame, [*NUMERIC, "offence"]))
    dummies = pd.get_dummies(frame["offence"]).to_numpy(float)
    columns = np.column_stack([frame[NUMERIC].to_numpy(), dummies])
    expected = hansen_bowers(columns, frame["arm"].tolist(), [0] * len(frame))
    assert got.statistic == pytest.approx(expected.statistic, rel=1e-8)
    assert got.df == expected.df == 4


@pytest.mark.parametrize(("control", "treated"), [(30, 30), (44, 30), (20, 37), (61, 24)])
@pytest.mark.parametrize("ratio", [(1, 1), (2, 1)])
def test_sample_ratio(control: int, treated: int, ratio: tuple[int, int]) -> None:
    """Exact binomial for two arms; the ratio is given control first, as the arms are."""
    frame = pd.DataFrame({"arm": [0] * control + [1] * treated})
    frame["any"] = np.arange(len(frame)) % 2
    got = ce.sample_ratio_test(trial_of(frame, []), ratio=ratio)
    expected = binomial_p_value(treated, control + treated, Fraction(ratio[1], sum(ratio)))
    assert got.p_value == pytest.approx(float(expected), rel=1e-9)


def test_sample_ratio_of_three_arms() -> None:
    """Pearson's chi-square on two degrees of freedom."""
    frame = pd.DataFrame({"arm": ["a"] * 30 + ["b"] * 20 + ["c"] * 10})
    frame["any"] = np.arange(60) % 2
    trial = ce.Trial.from_frame(
        frame, arm="arm", control="a", arms=("a", "b", "c"), binary={"any": "any"}
    )
    got = ce.sample_ratio_test(trial, ratio=(2, 1, 1))
    expected = pearson([30, 20, 10], [2, 1, 1])
    assert (got.statistic, got.df) == pytest.approx(expected, rel=1e-12)
    assert got.p_value == pytest.approx(chi2.sf(expected.statistic, 2), rel=1e-10)


def monte_carlo_margin(p: float, draws: int = DRAWS) -> float:
    """Five standard errors of a share of the draws, plus the one counted for the trial itself."""
    return 5 * math.sqrt(p * (1 - p) / draws) + 1 / draws


def tiny_frame(seed: int) -> pd.DataFrame:
    """Twelve people in two strata of six, tied weeks, some censoring, at least one early event."""
    rng = np.random.default_rng(400 + seed)
    arm = np.concatenate([rng.permutation([0, 0, 0, 1, 1, 1]) for _ in range(2)])
    week = np.minimum(np.ceil(rng.exponential(4.0 + 5.0 * arm)), 9.0)
    arrest = (week < 9).astype(int) * (rng.random(12) < 0.85)
    arrest[np.argmin(week)] = 1
    return pd.DataFrame({"arm": arm, "week": week, "arrest": arrest, "site": list("aaaaaabbbbbb")})


@pytest.mark.parametrize("strata", [None, "site"])
@pytest.mark.parametrize("seed", SEEDS[:5])
def test_randomisation_logrank(seed: int, strata: str | None) -> None:
    """All 924 (or, within strata, all 400) allocations, and 399 redraws, against a plain loop."""
    frame = tiny_frame(seed)
    labels = frame[strata].tolist() if strata else ["all"] * 12

    def statistic(arm: list[int]) -> float:
        columns = (frame["week"], frame["arrest"], arm, labels)
        group = [Person(w, bool(e), a, s) for w, e, a, s in zip(*columns, strict=True)]
        return logrank(group, 2)

    exact = float(exact_p_value(statistic, frame["arm"].tolist(), labels))
    extra = {"strata": [strata]} if strata else {}
    trial = ce.Trial.from_frame(
        frame, arm="arm", control=0, times={"rearrest": ("week", "arrest", "weeks")}, **extra
    )
    rng = np.random.default_rng(1)
    got = ce.randomisation_test(
        trial, outcome="rearrest", statistic="log-rank", draws=DRAWS, rng=rng
    )
    assert got.p_value == pytest.approx(exact, rel=1e-12)  # all of them fit into the draws
    assert got.monte_carlo_error == 0
    few = 399  # fewer than there are, so they are drawn
    drawn = ce.randomisation_test(trial, outcome="rearrest", draws=few, rng=rng)
    assert drawn.p_value == pytest.approx(exact, abs=monte_carlo_margin(exact, few))
    assert drawn.p_value * (few + 1) == pytest.approx(round(drawn.p_value * (few + 1)), abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS[:5])
def test_randomisation_risk_difference(seed: int) -> None:
    """With one stratum the exact answer is the sum over a hypergeometric, here by enumeration."""
    frame = binary_frame(seed, n=12)
    y = frame["any"].to_numpy()

    def statistic(arm: list[int]) -> float:
        treated = np.array(arm) == 1
        return float(y[treated].mean() - y[~treated].mean())

    exact = float(exact_p_value(statistic, frame["arm"].tolist(), [0] * 12))
    rng = np.random.default_rng(2)
    got = ce.randomisation_test(
        trial_of(frame, NUMERIC), outcome="any", statistic="risk difference", draws=DRAWS, rng=rng
    )
    assert got.p_value == pytest.approx(exact, abs=monte_carlo_margin(exact))
