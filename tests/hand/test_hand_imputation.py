"""Rubin's rules, shifts and their tipping point, worked by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

import checkpoint_eval as ce
from checkpoint_eval.models import (
    TippingPoint,
    mean_difference,
    multiple_imputation,
    risk_ratio,
    tipping_point,
)
from checkpoint_eval.models.imputed import rubins_rules


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def read(y: list[Any], kind: str = "numeric", **more: Any) -> ce.Trial:
    half = len(y) // 2
    people = pd.DataFrame({"arm": [0] * half + [1] * half, "y": y} | more)
    how: Any = {kind: {"y": "y"}}
    return ce.Trial.from_frame(people, arm="arm", control=0, covariates=list(more), **how)


def test_rubins_rules() -> None:
    """Three imputations: 2, 3, 4 with variances 1, 2, 3.

    W = 2, B = 1, T = 2 + 4/3 = 10/3; lost (4/3)/(10/3) = .4; Rubin's df 2/.16 = 12.5. Of 20
    degrees of freedom 21/23·20·.6 = 252/23 are seen; together 1/(1/12.5 + 23/252).
    """
    found = rubins_rules(np.array([2.0, 3, 4]), np.sqrt([1.0, 2, 3]), complete_df=20)
    assert found.value == pytest.approx(3)
    assert found.std_error == pytest.approx(np.sqrt(10 / 3))
    assert found.lost == pytest.approx(0.4)
    assert found.df == pytest.approx(1 / (1 / 12.5 + 23 / 252))


def test_imputations_that_agree() -> None:
    """Nothing between them: the degrees of freedom of what was seen, (ν + 1)/(ν + 3)·ν."""
    found = rubins_rules(np.array([2.0, 2, 2]), np.ones(3), complete_df=20)
    assert (found.std_error, found.lost) == (1, 0)
    assert found.df == pytest.approx(21 / 23 * 20)


def test_the_estimate_is_pooled_as_the_rules_say() -> None:
    """Every imputed trial caught on its way: their pooled numbers are the estimate's."""
    trial = read([9, 7, 8, 10, 9, None, 4, 5, 3, 6, None, None])
    caught: list[ce.Estimate] = []
    filled: list[np.ndarray] = []

    def analysis(each: ce.Trial) -> ce.Estimate:
        filled.append(each.outcomes["y"].value)  # type: ignore[union-attr]
        caught.append(mean_difference(each, outcome="y"))
        return caught[-1]

    found = multiple_imputation(trial, outcome="y", analysis=analysis, imputations=4, rng=rng())
    values, errors = (np.array([getattr(e, p) for e in caught]) for p in ("value", "std_error"))
    pooled = rubins_rules(values, errors, complete_df=10)
    assert len(caught) == 4
    assert found.value == pytest.approx(values.mean())
    total = (errors**2).mean() + (1 + 1 / 4) * values.var(ddof=1)
    assert found.std_error == pytest.approx(np.sqrt(total))
    half = student.ppf(0.975, pooled.df) * np.sqrt(total)
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half))
    assert found.p_value == pytest.approx(
        2 * student.sf(abs(found.value) / np.sqrt(total), pooled.df)
    )
    assert (found.n, found.missing) == ((6, 6), (0, 0))
    assert "(imputed: 1 in 'control', 2 in 'treatment')" in found.method
    # What was seen stays, what was lost is drawn anew each time.
    stack = np.stack(filled)
    assert (stack[:, [0, 1, 2, 3, 4, 6, 7, 8, 9]] == [9, 7, 8, 10, 9, 4, 5, 3, 6]).all()
    assert (np.ptp(stack[:, [5, 10, 11]], axis=0) > 0).all()
    default = multiple_imputation(trial, outcome="y", imputations=4, rng=rng())
    assert default.value == found.value


def test_ratios_are_pooled_as_logarithms() -> None:
    trial = read([1, 0, 1, 0, 1, 1, 0, None, 0, 1, 0, 0, 1, 0, 0, None], "binary")
    caught: list[ce.Estimate] = []

    def analysis(each: ce.Trial) -> ce.Estimate:
        caught.append(risk_ratio(each, outcome="y", interval="wald"))
        return caught[-1]

    found = multiple_imputation(trial, outcome="y", analysis=analysis, rng=rng())
    assert found.value == pytest.approx(np.exp(np.log([each.value for each in caught]).mean()))
    assert found.low * found.high == pytest.approx(found.value**2)
    assert found.events == (4, 2)  # those seen


def test_nobody_missing_is_the_analysis_itself() -> None:
    trial = read([9, 7, 8, 4, 5, 3])
    found = multiple_imputation(trial, outcome="y", rng=rng())
    want = mean_difference(trial, outcome="y")
    assert replace(found, method="") == replace(want, method="")
    assert "none imputed" in found.method


def test_a_shift_moves_the_mean_by_the_share_imputed() -> None:
    """One of six in treatment: 12 more for it is 2 more in the mean, the draws being the same."""
    trial = read([9, 7, 8, 10, 9, None, 4, 5, 3, 6, None, 4])
    none, up, by_arm, control = (
        multiple_imputation(trial, outcome="y", delta=delta, rng=rng())
        for delta in (
            0,
            12,
            {"treatment": 12.0},
            {"control": 12.0},
        )
    )
    assert up.value - none.value == pytest.approx(2)
    assert by_arm.value == up.value
    assert control.value - none.value == pytest.approx(-2)
    assert up.by_arm[1] - none.by_arm[1] == pytest.approx(2)
    assert "+12 in" in up.method


def test_odds_shifted_out_of_sight_are_worst_cases() -> None:
    """At log odds ±100 all the missing of treatment are yes, or none: risk 2/8 or 3/8 less 4/7."""
    trial = read([1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, None], "binary")
    for delta, risk in ((100, 3 / 8), (-100, 2 / 8)):
        found = multiple_imputation(trial, outcome="y", delta=delta, rng=rng())
        assert found.by_arm == pytest.approx((4 / 8, risk))
        assert found.events == (4, 2)  # those seen, whatever was drawn
        assert "0% of the variance is between" in found.method


def test_the_control_as_reference() -> None:
    """Everybody seen has their arm's number: lost under treatment, a person gets 5 or 9."""
    y = [9, 9 + 1e-9, 9, 9, 9, 9, 5, 5 + 1e-9, 5, 5, 5, None]
    own = multiple_imputation(read(y), outcome="y", rng=rng())
    jumped = multiple_imputation(read(y), outcome="y", reference="control", rng=rng())
    assert own.by_arm == pytest.approx((9, 5), abs=1e-6)
    assert jumped.by_arm == pytest.approx((9, (25 + 9) / 6), abs=1e-6)
    assert "from control's people" in jumped.method


def test_covariates_foretell() -> None:
    """y is ten times the age: the lost person of age 4 gets 40, whatever the others' mean."""
    age = [1, 2, 3, 2, 3, 1, 1, 2, 3, 2, 3, 4]
    y: list[Any] = [10 * each + 1e-7 * (place % 3) for place, each in enumerate(age)]
    trial = read([*y[:-1], None], age=age)
    found = multiple_imputation(trial, outcome="y", rng=rng())
    assert found.by_arm[1] == pytest.approx((110 + 40) / 6, abs=1e-5)
    blind = multiple_imputation(trial, outcome="y", covariates=(), rng=rng())
    assert blind.by_arm[1] < 24


def test_where_the_result_turns() -> None:
    """Treatment 5 less, one of six lost: 30 more for that one brings the difference to 0."""
    trial = read([9, 7, 8, 10, 9, 8, 4, 5, 3, 6, None, 4])
    found = tipping_point(trial, outcome="y", deltas=[-10, 5, 10, 30], rng=rng())
    assert found.deltas == (-10.0, 0.0, 5.0, 10.0, 30.0)
    same = [multiple_imputation(trial, outcome="y", delta=d, rng=rng()) for d in found.deltas]
    assert list(found.estimates) == same
    p = [each.p_value for each in same]
    assert found.significant == tuple(each < 0.05 for each in p)
    turned = [d for d, each in zip(found.deltas, p, strict=True) if (each < 0.05) != (p[1] < 0.05)]
    assert found.tips == (*[d for d in turned if d < 0][-1:], *[d for d in turned if d > 0][:1])
    assert len(found.tips) > 0
    assert "significance turns at a delta of" in repr(found)
    calm = tipping_point(trial, outcome="y", deltas=[0.1], rng=rng())
    assert calm.tips == ()
    assert "does not turn at any delta tried" in repr(calm)


def test_the_deltas_that_turn_are_those_nearest_nought() -> None:
    """p of .2 at 0, below .05 at −3, −2, 2 and 4 but not at −1 and 1: it turns at −2 and at 2."""
    like = mean_difference(read([9, 7, 8, 4, 5, 3]), outcome="y")
    told = {-3.0: 0.01, -2.0: 0.04, -1.0: 0.1, 0.0: 0.2, 1.0: 0.06, 2.0: 0.03, 4.0: 0.001}
    found = TippingPoint(
        outcome="y",
        deltas=tuple(told),
        estimates=tuple(replace(like, p_value=p_value) for p_value in told.values()),
    )
    assert found.tips == (-2.0, 2.0)
    assert found.to_frame()["significant"].sum() == 4
