"""Awkward baseline tables: arms of one, constants that are no binary fraction, far-off strata."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

import checkpoint_eval as ce
from checkpoint_eval.balance import (
    attrition,
    omnibus_balance,
    sample_ratio_by,
    sample_ratio_test,
    standardised_differences,
)
from checkpoint_eval.design import Complete, Simple, Stratified

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CLOSED = 1e-9  # moments of at most 20 numbers, added up in another order
VALUES = {
    "number": lambda rng, n, arm: rng.normal(size=n),
    "far from 0": lambda rng, n, arm: 1e6 + rng.integers(0, 3, n),
    "tiny": lambda rng, n, arm: 1e-6 * rng.normal(size=n),
    "constant in control": lambda rng, n, arm: np.where(arm == 0, 0.1, rng.choice([0.3, 0.7], n)),
    "constant in each": lambda rng, n, arm: np.where(arm == 0, 0.1, 0.7),
    "separating": lambda rng, n, arm: arm + 0.1,
    "few values": lambda rng, n, arm: rng.integers(0, 3, n) / 10,
}


def trial_of(table: pd.DataFrame, covariates: Sequence[str], **extra: Any) -> ce.Trial:
    """A trial of a table with an outcome that nobody reads."""
    full = table.assign(y=np.arange(len(table)) % 2)
    return ce.Trial.from_frame(
        full, arm="arm", control=0, covariates=list(covariates), binary={"y": "y"}, **extra
    )


def moments(values: NDArray[np.float64]) -> tuple[Fraction, Fraction | None]:
    """Mean and variance as fractions; no variance of one."""
    exact = [Fraction(float(value)) for value in values]
    mean = sum(exact, Fraction(0)) / len(exact)
    squares = sum(((value - mean) ** 2 for value in exact), Fraction(0))
    return mean, squares / (len(exact) - 1) if len(exact) > 1 else None


def difference(values: NDArray[np.float64], arm: NDArray[np.int64], pooled: bool) -> float:
    """The standardised difference, from its definition."""
    (mean0, var0), (mean1, var1) = (moments(values[arm == code]) for code in (0, 1))
    if var0 is None or (pooled and var1 is None):
        return math.nan
    spread = (var0 + var1) / 2 if pooled and var1 is not None else var0
    gap = mean1 - mean0
    if spread == 0:
        return math.copysign(math.inf, gap) if gap else 0.0
    return float(gap) / math.sqrt(spread)


@pytest.mark.parametrize("kind", VALUES)
def test_differences_of_awkward_columns(kind: str) -> None:
    """In fractions: 0.1 three times has no spread, and one person has none that is known."""
    for seed, (control, treated) in enumerate([(1, 3), (2, 1), (1, 1), (3, 5), (6, 7), (10, 10)]):
        rng = np.random.default_rng(seed)
        arm = rng.permutation(np.repeat([0, 1], [control, treated]))
        values = np.asarray(VALUES[kind](rng, arm.size, arm), dtype=float)
        if (values == values[0]).all():
            continue
        trial = trial_of(pd.DataFrame({"arm": arm, "x": values}, index=[3] * arm.size), ["x"])
        for denominator in ("pooled", "control"):
            (row,) = standardised_differences(trial, denominator=denominator).rows  # type: ignore[arg-type]
            want = difference(values, arm, denominator == "pooled")
            assert row.difference == pytest.approx(want, rel=1e-7, nan_ok=True)
        spreads = [moments(values[arm == code])[1] for code in (0, 1)]
        if spreads[0] and spreads[1] is not None:
            ratio = float(spreads[1] / spreads[0])
            assert row.variance_ratio == pytest.approx(ratio, rel=1e-6)
        else:
            assert math.isnan(row.variance_ratio)


def test_the_lost_and_the_kept_when_each_are_all_alike() -> None:
    """Those lost have 0.1, those kept 0.7; in control one was lost, whose spread is not known."""
    table = pd.DataFrame(
        {
            "arm": [0] * 4 + [1] * 6,
            "x": [0.1, 0.7, 0.7, 0.6] + [0.1] * 3 + [0.7] * 3,
            "out": [np.nan, 1, 0, 1] + [np.nan] * 3 + [0, 1, 0],
        }
    )
    trial = ce.Trial.from_frame(
        table, arm="arm", control=0, covariates=["x"], binary={"out": "out"}
    )
    control, treatment = attrition(trial, outcome="out").selection
    assert math.isnan(control.difference)
    assert treatment.difference == -math.inf


def hansen_bowers(
    columns: NDArray[np.float64], arm: NDArray[np.int64], stratum: NDArray[Any]
) -> tuple[float, int]:
    """d'V⁺d with the covariance of each stratum from its definition, and its rank.

    Columns are centred within strata and put in units of their length, so that what is left of a
    constant is seen for what it is.
    """
    x = np.zeros_like(columns)
    for code in np.unique(stratum):
        here = stratum == code
        x[here] = columns[here] - columns[here].mean(axis=0)
    length = np.sqrt((x**2).sum(axis=0))
    x = x[:, length > 1e-11 * np.abs(columns).max(axis=0)]
    x = x / np.sqrt((x**2).sum(axis=0))
    d, v = x[arm == 1].sum(axis=0), np.zeros((x.shape[1],) * 2)
    for code in np.unique(stratum):
        here = stratum == code
        n, share = here.sum(), arm[here].mean()
        v += n * share * (1 - share) * np.cov(x[here].T, ddof=1).reshape(v.shape)
    values, vectors = np.linalg.eigh(v)
    kept = values > 1e-9 * values.max()
    return float(((vectors.T @ d)[kept] ** 2 / values[kept]).sum()), int(kept.sum())


@pytest.mark.parametrize("seed", range(8))
def test_omnibus_where_strata_lie_far_apart(seed: int) -> None:
    """A covariate that differs between strata by up to a million times what it does within."""
    rng = np.random.default_rng(seed)
    n = 24
    stratum = np.repeat(["a", "b", "c"], n // 3)
    arm = np.tile([0, 1], n // 2)
    off = pd.Series(stratum).map({"a": 0.0, "b": 10.0 ** (seed % 7), "c": 0.1}).to_numpy()
    table = pd.DataFrame(
        {
            "arm": arm,
            "s": stratum,
            "far": off + rng.integers(0, 4, n),
            "near": rng.normal(size=n),
            "fixed": pd.Series(stratum).map({"a": 0.1, "b": 0.7, "c": 1 / 3}),
        }
    )
    table["twice"] = 2 * table["near"] + 5
    names = ["far", "near", "fixed", "twice"]
    found = omnibus_balance(trial_of(table, names, strata=["s"]))
    statistic, rank = hansen_bowers(table[names].to_numpy(float), arm, stratum)
    assert found.df == rank == 2
    # Digits are lost to an offset of 10^6: 10^-16 · 10^6 · √24 of a spread of 1.
    assert found.statistic == pytest.approx(statistic, rel=1e-7)
    assert found.p_value == pytest.approx(chi2.sf(statistic, rank), rel=1e-6)
    nothing = omnibus_balance(trial_of(table, ["fixed"], strata=["s"]))
    assert math.isnan(nothing.statistic)
    assert "no covariate varies within strata" in nothing.method


def test_strata_that_were_promised_different_ratios() -> None:
    """1:1 in the north, 1:3 in the south; each held exactly, and so nothing departs."""
    table = pd.DataFrame(
        {"suite": ["n"] * 8 + ["s"] * 8, "arm": [0, 1] * 4 + [0, 1, 1, 1] * 2, "x": range(16)}
    )
    rule = Stratified(rule={"n": Simple(), "s": Simple(ratio=(1, 3))}, by="suite")
    trial = trial_of(table, ["x"], rule=rule)
    by = sample_ratio_by(trial)
    assert [test.p_value for test in by.tests] == [1.0, 1.0]
    assert by.overall.statistic == 0
    whole = sample_ratio_test(trial)  # promised (8/2 + 8 · 3/4)/16 = 10/16, and 10 had it
    assert (whole.statistic, whole.p_value) == (0.0, 1.0)
    equal = sample_ratio_by(trial, ratio=(1, 1))  # (6 − 4)²/4 twice
    assert equal.overall.statistic == pytest.approx(2.0)


def test_a_stratum_in_which_nobody_may_have_an_arm() -> None:
    """Of three arms the north has two: one degree of freedom there, two in the south."""
    table = pd.DataFrame(
        {"suite": ["n"] * 4 + ["s"] * 6, "arm": [0, 0, 1, 1, 0, 1, 2, 0, 1, 2], "x": range(10)}
    )
    rule = Stratified(
        rule={"n": Complete(counts=(2, 2, 0)), "s": Complete(counts=(2, 2, 2))}, by="suite"
    )
    trial = trial_of(table, ["x"], rule=rule, arms=[0, 1, 2])
    by = sample_ratio_by(trial)
    assert [test.df for test in by.tests] == [1, 2]
    assert (by.overall.statistic, by.overall.df) == (pytest.approx(0.0), 3)


def test_ratios_as_large_as_numbers_go() -> None:
    table = pd.DataFrame({"arm": [0, 1, 1, 1], "x": range(4)})
    trial = trial_of(table, ["x"])
    large = sample_ratio_test(trial, ratio=(1e308, 1e308))
    assert large.p_value == sample_ratio_test(trial).p_value == pytest.approx(10 / 16)
