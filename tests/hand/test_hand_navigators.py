"""Partially nested differences worked by hand: equal caseloads have a closed form."""

from __future__ import annotations

from fractions import Fraction as F
from math import atan, pi, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models.navigator_tests import normal_score, partially_nested_test
from checkpoint_eval.models.navigators import navigator_effects

EXACT = 1e-9  # closed forms, reached by Newton's steps that stop at 1e-18 of a likelihood
CONTROL = [15, 20, 40, 25]  # mean 25, squares 100 + 25 + 225 = 350, variance 350/3


def read(treated: list[float], names: list[Any], control: list[float] | None = None) -> ce.Trial:
    control = CONTROL if control is None else control
    frame = pd.DataFrame(
        {
            "arm": [0] * len(control) + [1] * len(treated),
            "y": [*control, *treated],
            "navigator": [None] * len(control) + names,
        }
    )
    return ce.Trial.from_frame(
        frame, arm="arm", control=0, factors=["navigator"], numeric={"y": "y"}
    )


def effects(trial: ce.Trial) -> Any:
    return navigator_effects(trial, outcome="y", navigator="navigator")


def quantile(p: float) -> float:
    """Of F on 2 and 3 degrees of freedom: 1 - (1 + 2x/3)^(-3/2) = p."""
    return 1.5 * ((1 - p) ** (-2 / 3) - 1)


def test_three_navigators_of_two_people() -> None:
    """10 15, 20 5, 30 28: means 12.5, 12.5 and 29 about 18.

    Between: 2 (5.5² + 5.5² + 11²)/2 = 363/2. Within: (12.5 + 112.5 + 2)/3 = 127/3. Between
    navigators (363/2 - 127/3)/2 = 835/12. Variances of the means: 350/12 = 175/6 on 3 degrees of
    freedom, and (363/2)/6 = 121/4 on 2.
    """
    found = effects(read([10, 15, 20, 5, 30, 28], list("AABBCC")))
    estimate, v0, v1 = found.estimate, F(175, 6), F(121, 4)
    assert estimate.value == pytest.approx(18 - 25, rel=EXACT)
    assert estimate.by_arm == pytest.approx((25, 18), rel=EXACT)
    assert estimate.std_error == pytest.approx(sqrt(v0 + v1), rel=EXACT)
    assert found.df == pytest.approx(float((v0 + v1) ** 2 / (v0**2 / 3 + v1**2 / 2)), rel=EXACT)
    assert found.residual == pytest.approx((sqrt(F(350, 3)), sqrt(F(127, 3))), rel=EXACT)
    assert found.spread == pytest.approx(sqrt(F(835, 12)), rel=EXACT)
    icc = F(835, 12) / (F(835, 12) + F(127, 3))
    assert found.icc == pytest.approx(float(icc), rel=EXACT)
    assert found.design_effect == pytest.approx(float(1 + icc), rel=EXACT)  # 1 + (2 - 1) ICC
    # Searle: (F/q - 1)/(F/q + m - 1).
    ratio = (F(363, 2) / F(127, 3)) / quantile(0.025)
    assert found.icc_high == pytest.approx((ratio - 1) / (ratio + 1), rel=EXACT)
    assert float(F(363, 2) / F(127, 3)) < quantile(0.975)
    assert found.icc_low == 0


def test_their_effects() -> None:
    """Shrunk by 1 - 127/3 / (363/2) = 835/1089, of errors τ² (1 - 835/1089 (1 - 1/3))."""
    found = effects(read([10, 15, 20, 5, 30, 28], list("AABBCC")))
    assert found.navigators == ("A", "B", "C")
    assert found.people.tolist() == [2, 2, 2]
    assert found.raw == pytest.approx([-5.5, -5.5, 11], rel=EXACT)
    assert found.value == pytest.approx([float(F(835, 1089) * F(x, 2)) for x in (-11, -11, 22)])
    error = sqrt(F(835, 12) * (1 - F(835, 1089) * F(2, 3)))
    assert found.std_error == pytest.approx([error] * 3, rel=EXACT)
    # 1.959964 is the normal quantile of 97.5 %, to the digits written.
    assert found.high - found.value == pytest.approx([1.959964 * error] * 3, rel=1e-6)
    assert found.to_frame()["navigator"].tolist() == ["A", "B", "C"]


def test_more_alike_than_chance() -> None:
    """10 30, 15 28, 20 5: means 20, 21.5, 12.5 about 18; squares within 200 + 84.5 + 112.5 = 397.

    Between 2 (4 + 12.25 + 30.25)/2 = 46.5 < 397/3: navigators are not seen to differ. All six vary
    by (397 + 93)/5 = 98; of their mean 98/6 = 49/3, still on the 2 degrees of freedom of three
    navigators.
    """
    found = effects(read([10, 30, 15, 28, 20, 5], list("AABBCC")))
    v0, v1 = F(175, 6), F(49, 3)
    assert (found.spread, found.icc, found.design_effect) == (0, 0, 1)
    assert found.residual[1] == pytest.approx(sqrt(98), rel=EXACT)
    assert found.estimate.std_error == pytest.approx(sqrt(v0 + v1), rel=EXACT)
    assert found.df == pytest.approx(float((v0 + v1) ** 2 / (v0**2 / 3 + v1**2 / 2)), rel=EXACT)
    assert found.raw == pytest.approx([2, 3.5, -5.5], rel=EXACT)
    assert found.value.tolist() == [0, 0, 0]
    assert np.isnan(found.std_error).all()


def test_the_treated_without_a_navigator_count_by_their_share() -> None:
    """Navigators with means 10 and 20, and two people alone, 32 and 38: (2·15 + 1·35)/3 - 25.

    Controls and those alone vary by (350 + 18)/(3 + 1) = 92 about their means; navigators' means
    by (5² + 5²)/1 = 50. The share of a third of six has the variance (1/3)(2/3)/6, times
    (35 - 15)².
    """
    found = effects(read([9, 11, 19, 21, 32, 38], ["A", "A", "B", "B", None, None]))
    assert found.estimate.value == pytest.approx((2 * 15 + 35) / 3 - 25, rel=EXACT)
    controls = F(350 + 18, 4)
    apart = F(4, 9) * 50 / 2 + F(1, 9) * controls / 2 + controls / 4
    share = F(1, 3) * F(2, 3) / 6 * 20**2
    assert found.estimate.std_error == pytest.approx(sqrt(apart + share), rel=EXACT)
    assert found.residual[0] == pytest.approx(sqrt(controls), rel=EXACT)
    assert found.residual[1] == pytest.approx(sqrt(2), rel=EXACT)
    assert found.raw == pytest.approx([-5, 5], rel=EXACT)
    assert found.navigators == ("A", "B")
    assert "2 people in 'treatment' without, at a level of their own" in found.estimate.method
    assert "2 navigators with 2 people; " in found.estimate.method


def test_scores() -> None:
    """t on 1 degree of freedom has the tail 1/2 - atan(t)/π: 1/4 from 1 on. Far out it is t."""
    found = normal_score(np.array([-1.0, 0.0, 1.0, 60.0]), np.array([1.0, 1.0, 1.0, 1e9]))
    quarter = NormalDist().inv_cdf(0.75)
    assert found.tolist() == pytest.approx([-quarter, 0.0, quarter, 60.0], rel=EXACT, abs=1e-15)
    assert np.isnan(normal_score(np.array([np.nan]), np.array([3.0]))).all()


def test_redrawn_arms() -> None:
    """In order of arrival: control 2, A 5, B 8, control 2; turns A, B. Six allocations.

    (5 + 8)/2 - 2 = 4.5; variances 0 of controls, and of sums of one person each
    ((5 - 6.5)² + (8 - 6.5)²)/(1 - 1/2)/4 = 9/4: t = 4.5/1.5 = 3, on the one degree of freedom of
    two navigators, where t has the tail 1/2 - atan(3)/π. The mirror image has -3, on that of two
    controls; the others less in size: 2 5 v 8 2 has -1.5/√(9 + 9/4), 2 8 v 5 2 has
    1.5/√(9/4 + 9), on (45/4)²/(9² + (9/4)²) = 25/17 degrees; mirrors alike.
    """
    frame = pd.DataFrame(
        {"arm": [0, 1, 1, 0], "y": [2, 5, 8, 2], "navigator": [None, "A", "B", None]}
    )
    trial = ce.Trial.from_frame(
        frame, arm="arm", control=0, factors=["navigator"], numeric={"y": "y"}
    )
    how = {"outcome": "y", "navigator": "navigator", "rng": np.random.default_rng(1)}
    found = partially_nested_test(trial, **how)
    assert found.statistic == pytest.approx(-NormalDist().inv_cdf(0.5 - atan(3) / pi), rel=EXACT)
    assert found.exact
    assert found.p_value == pytest.approx(2 / 6)
    assert partially_nested_test(trial, alternative="greater", **how).p_value == pytest.approx(
        1 / 6
    )
