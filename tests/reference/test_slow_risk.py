"""The library's comparisons of proportions against the slow references."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from slow_data import SEEDS, binary_frame, complete_frame
from slow_risk import Table, fisher, g_computation, miettinen_nurminen, newcombe, wald

import checkpoint_eval as ce

if TYPE_CHECKING:
    from collections.abc import Sequence

Verb = Callable[..., ce.Estimate]
VERBS: dict[str, Verb] = {
    "difference": ce.risk_difference,
    "ratio": ce.risk_ratio,
    "odds": ce.odds_ratio,
}
MEASURES = list(VERBS)
CLOSED = 1e-10  # closed forms, or bisection to the last bit, in another order
SEARCHED = 1e-6  # root of a score statistic on top of a constrained maximum: both iterative
TABLES = [
    Table(56, 70, 48, 80),
    Table(9, 10, 3, 10),
    Table(6, 7, 2, 7),
    Table(1, 40, 6, 25),
    Table(17, 20, 12, 33),
]
SPARSE = [Table(0, 20, 5, 25), Table(5, 56, 0, 29), Table(10, 10, 4, 20), Table(3, 20, 25, 25)]


def counts(y: pd.Series, arm: pd.Series) -> Table:
    """The two by two table of a data set."""
    treated, control = y[arm == 1], y[arm == 0]
    return Table(int(treated.sum()), len(treated), int(control.sum()), len(control))


def trial_of(frame: pd.DataFrame, covariates: Sequence[str] = ()) -> ce.Trial:
    """A trial with the binary outcome "any"."""
    extra = {"covariates": list(covariates)} if covariates else {}
    return ce.Trial.from_frame(frame, arm="arm", control=0, binary={"any": "any"}, **extra)


def table_trial(table: Table) -> ce.Trial:
    """A trial that has exactly this table."""
    arm = np.repeat([1, 0], [table.n1, table.n0])
    y = np.concatenate([np.arange(table.n1) < table.x1, np.arange(table.n0) < table.x0])
    return trial_of(pd.DataFrame({"arm": arm, "any": y.astype(int)}))


def point(table: Table, measure: str) -> float:
    """Difference, ratio or odds ratio of the observed shares."""
    p1, p0 = table.risks
    if measure == "difference":
        return p1 - p0
    return p1 / p0 if measure == "ratio" else p1 * (1 - p0) / (p0 * (1 - p1))


def assert_estimate(got: ce.Estimate, table: Table, measure: str) -> None:
    """Point, exact p and the two denominators."""
    assert got.value == pytest.approx(point(table, measure), rel=CLOSED)
    assert got.p_value == pytest.approx(float(fisher(table)), rel=CLOSED)
    assert tuple(got.n) == (table.n0, table.n1)
    assert tuple(got.events) == (table.x0, table.x1)


@pytest.mark.parametrize("table", TABLES)
def test_newcombe(table: Table) -> None:
    """The default interval of a difference."""
    got = ce.risk_difference(table_trial(table), outcome="any")
    assert_estimate(got, table, "difference")
    assert (got.low, got.high) == pytest.approx(newcombe(table), rel=1e-9, abs=CLOSED)
    assert ce.risk_difference(table_trial(table), outcome="any", interval="newcombe").low == got.low


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("table", TABLES)
def test_miettinen_nurminen(table: Table, measure: str) -> None:
    """Score limits with the factor N / (N - 1)."""
    got = VERBS[measure](table_trial(table), outcome="any", interval="miettinen-nurminen")
    assert_estimate(got, table, measure)
    expected = miettinen_nurminen(table, measure)
    assert (got.low, got.high) == pytest.approx(expected, rel=SEARCHED, abs=SEARCHED)


@pytest.mark.parametrize("measure", ["ratio", "odds"])
def test_score_is_the_default_of_ratios(measure: str) -> None:
    """No interval named."""
    got = VERBS[measure](table_trial(TABLES[0]), outcome="any")
    expected = miettinen_nurminen(TABLES[0], measure)
    assert (got.low, got.high) == pytest.approx(expected, rel=SEARCHED)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("table", SPARSE)
def test_score_limits_with_an_empty_cell(table: Table, measure: str) -> None:
    """An arm where nobody or everybody has the event: the limits exist, some of them open."""
    got = VERBS[measure](table_trial(table), outcome="any", interval="miettinen-nurminen")
    expected = miettinen_nurminen(table, measure)
    assert (got.low, got.high) == pytest.approx(expected, rel=SEARCHED, abs=SEARCHED)
    assert got.p_value == pytest.approx(float(fisher(table)), rel=CLOSED)


@pytest.mark.parametrize("table", [*SPARSE, Table(0, 12, 0, 15), Table(12, 12, 0, 15)])
def test_newcombe_with_an_empty_cell(table: Table) -> None:
    """The hybrid limits always exist and are never of zero width."""
    got = ce.risk_difference(table_trial(table), outcome="any")
    assert (got.low, got.high) == pytest.approx(newcombe(table), rel=1e-9, abs=CLOSED)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("table", TABLES)
def test_wald(table: Table, measure: str) -> None:
    """Unpooled, on the log scale for ratios."""
    got = VERBS[measure](table_trial(table), outcome="any", interval="wald")
    assert (got.low, got.high) == pytest.approx(wald(table, measure), rel=1e-9, abs=CLOSED)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("seed", SEEDS)
def test_other_levels_on_random_data(seed: int, measure: str) -> None:
    """Every interval at 90 per cent."""
    frame = binary_frame(seed)
    table = counts(frame["any"], frame["arm"])
    score = VERBS[measure](trial_of(frame), outcome="any", interval="miettinen-nurminen", level=0.9)
    expected = miettinen_nurminen(table, measure, 0.9)
    assert (score.low, score.high) == pytest.approx(expected, rel=SEARCHED, abs=SEARCHED)
    plain = VERBS[measure](trial_of(frame), outcome="any", interval="wald", level=0.9)
    assert (plain.low, plain.high) == pytest.approx(wald(table, measure, 0.9), rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_risk_by_a_horizon(seed: int) -> None:
    """A time to event with everyone watched past week 8: arrests up to and including week 8."""
    frame = complete_frame(seed)
    trial = ce.Trial.from_frame(
        frame, arm="arm", control=0, times={"rearrest": ("week", "arrest", "weeks")}
    )
    table = counts((frame["arrest"] == 1) & (frame["week"] <= 8), frame["arm"])
    got = ce.risk_difference(trial, outcome="rearrest", horizon=8)
    assert_estimate(got, table, "difference")
    assert (got.low, got.high) == pytest.approx(newcombe(table), rel=1e-9)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("seed", SEEDS)
def test_standardised(seed: int, measure: str) -> None:
    """Logistic standardisation with the variance of Ye et al.; unequal arms (36 and 54)."""
    frame = binary_frame(seed)
    names = ["age", "prior"]
    got = VERBS[measure](trial_of(frame, names), outcome="any", adjust=names)
    reference = g_computation(
        frame["arm"].to_numpy(), frame[names].to_numpy(), frame["any"].to_numpy()
    )
    value, low, high = reference.contrast(measure)
    # logistic fits agree to about 1e-8 in the coefficients; the contrast is smooth in them
    assert (got.value, got.low, got.high) == pytest.approx((value, low, high), rel=1e-6, abs=1e-7)
    middle, far = (value, high) if measure == "difference" else (math.log(value), math.log(high))
    z = middle / ((far - middle) / norm.ppf(0.975))
    assert got.p_value == pytest.approx(2 * norm.sf(abs(z)), rel=1e-5)
