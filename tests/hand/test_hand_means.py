"""Differences of means by hand: two means, strata, pairs, a line of covariates, clusters."""

from __future__ import annotations

from fractions import Fraction as F
from math import sqrt
from typing import Any

import pandas as pd
import pytest
from scipy.stats import t as student

import checkpoint_eval as ce
from checkpoint_eval.models import mean_difference
from checkpoint_eval.outcomes import CountOutcome

EXACT = 1e-12  # the same closed form, rounded along the way


def read(**columns: Any) -> ce.Trial:
    """A trial of columns arm and y, and whatever else may be named."""
    frame = pd.DataFrame(columns)
    others = [each for each in columns if each not in ("arm", "y", "block")]
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        strata=["block"] if "block" in columns else [],
        factors=others,
        numeric={"y": "y"},
    )


def check(found: ce.Estimate, value: F, variance: F, df: F | int) -> None:
    """Value, standard error, and the t interval and p that follow from them."""
    error, width = sqrt(variance), student.ppf(0.975, float(df)) * sqrt(variance)
    assert found.value == pytest.approx(float(value), rel=EXACT)
    assert found.std_error == pytest.approx(error, rel=EXACT)
    assert found.low == pytest.approx(float(value) - width, rel=1e-10)  # student's quantile
    assert found.high == pytest.approx(float(value) + width, rel=1e-10)
    p_value = 2 * student.sf(abs(float(value)) / error, float(df))
    assert found.p_value == pytest.approx(p_value, rel=1e-10)


def test_seven_villages() -> None:
    """Gerber and Green: treated 15, 30, control 15, 20, 20, 10, 15.

    Means 45/2 and 16; squares about them 225/2 over 1 and 1 + 16 + 16 + 36 + 1 = 70 over 4, so
    the variance is (225/2)/2 + (70/4)/5 = 225/4 + 7/2 = 239/4.
    """
    found = mean_difference(
        read(arm=[1, 0, 0, 0, 0, 0, 1], y=[15, 15, 20, 20, 10, 15, 30]), outcome="y"
    )
    df = F(239, 4) ** 2 / (F(225, 4) ** 2 / 1 + F(7, 2) ** 2 / 4)
    check(found, F(13, 2), F(239, 4), df)
    assert found.by_arm == (16.0, 22.5)
    assert (found.n, found.events, found.missing) == ((5, 2), (), (0, 0))
    assert found.estimand == "mean difference"


def test_two_strata() -> None:
    """North, 4 of 10 people: 1, 3 v 5, 9. South, 6 of 10: 2, 4, 6, 8 v 3, 7.

    North 7 - 2 = 5 with variance 2/2 + 8/2 = 5; south 5 - 5 = 0 with (20/3)/4 + 8/2 = 17/3.
    Value 4/10 * 5 = 2; variance 16/100 * 5 + 36/100 * 17/3 = 71/25; 10 - 4 degrees of freedom.
    """
    trial = read(
        arm=[0, 0, 1, 1, 0, 0, 0, 0, 1, 1],
        block=["n"] * 4 + ["s"] * 6,
        y=[1, 3, 5, 9, 2, 4, 6, 8, 3, 7],
    )
    check(mean_difference(trial, outcome="y"), F(2), F(71, 25), 6)
    # Lin's regression on the stratum is the same: each arm has its own mean in each stratum.
    check(mean_difference(trial, outcome="y", method="lin"), F(2), F(71, 25), 6)


def test_three_pairs() -> None:
    """Differences 4, 1 and 7: mean 4, squares about it 0, 9, 9, so 18 / (3 * 2) = 3."""
    trial = read(arm=[0, 1] * 3, block=["a", "a", "b", "b", "c", "c"], y=[1, 5, 8, 9, 0, 7])
    check(mean_difference(trial, outcome="y"), F(4), F(3), 2)


def test_pairs_beside_a_larger_stratum() -> None:
    """Two pairs with effects 4 and 1 and four people, 1, 3 v 5, 9, with effect 5, variance 5.

    Value (2*4 + 2*1 + 4*5)/8 = 15/4. Pairs: half the people, mean 5/2, squares 9/4 each, their
    variance (9/2)/(2*1) = 9/4. So 1/4 * 9/4 + 1/4 * 5 = 29/16, on 1 and 2 degrees of freedom.
    """
    trial = read(
        arm=[0, 1, 0, 1, 0, 0, 1, 1],
        block=["a", "a", "b", "b", *"cccc"],
        y=[1, 5, 8, 9, 1, 3, 5, 9],
    )
    df = F(29, 16) ** 2 / (F(9, 16) ** 2 / 1 + F(5, 4) ** 2 / 2)
    found = mean_difference(trial, outcome="y")
    check(found, F(15, 4), F(29, 16), df)
    assert "variance between the 2 strata with one person in an arm, within the others" in (
        found.method
    )


# Control: x 0, 0, 1, 1 and y 1, 3, 5, 7; treatment: x 0, 1, 1, 1 and y 2, 4, 6, 8. A line through
# two values of x is the mean at each: of control 2 and 6, of treatment 2 and 6.
LINE = {"arm": [0] * 4 + [1] * 4, "x": [0, 0, 1, 1, 0, 1, 1, 1], "y": [1, 3, 5, 7, 2, 4, 6, 8]}


def test_slopes_by_arm() -> None:
    """At x = 0 and at x = 1 arms differ by 0; one person is alone at x = 0 in treatment."""
    found = mean_difference(read(**LINE), outcome="y", adjust="x")
    assert not found.estimable
    assert "leverage 1" in found.method


def test_common_slope() -> None:
    """Both arms have slope 4, so the common one is 4, and 5 - 4 - 4 (3/4 - 1/2) = 0.

    x about its mean in an arm: ±1/2 in control, -3/4, 1/4, 1/4, 1/4 in treatment; squares add up
    to 1 + 3/4 = 7/4. The coefficient is the sum of c y with c = ±1/4 - (x - mean)/7, as
    x's means differ by 1/4 and (1/4)/(7/4) = 1/7. Residuals -1, 1, -1, 1, 0, -2, 0, 2.
    c of control: -1/4 + 1/14 = -5/28 twice, then -1/4 - 1/14 = -9/28 twice; of treatment
    1/4 + 3/28 = 10/28, then 1/4 - 1/28 = 6/28 three times. HC0: sum of (c e)² =
    (25 + 25 + 81 + 81 + 36 * 4 * 2)/784 = 500/784.
    """
    trial = read(**LINE)
    how = {"outcome": "y", "adjust": "x", "method": "ancova"}
    found = mean_difference(trial, variance="HC0", **how)
    assert found.value == pytest.approx(0, abs=EXACT)
    assert found.std_error == pytest.approx(sqrt(500 / 784), rel=EXACT)
    # HC1: 8 people, 3 coefficients. Both means are read at x = 5/8: 2 + 4 * 5/8.
    hc1 = mean_difference(trial, variance="HC1", **how)
    assert hc1.std_error == pytest.approx(sqrt(500 / 784 * 8 / 5), rel=EXACT)
    assert hc1.by_arm == pytest.approx((4.5, 4.5), rel=EXACT)
    # Leverage 1/4 + (x - mean)²/(7/4): 1/4 + 1/7 in control; 1/4 + 9/28, then 1/4 + 1/28.
    left = [F(17, 28)] * 4 + [F(12, 28)] + [F(20, 28)] * 3
    squares = [F(25), F(25), F(81), F(81), F(0), F(36 * 4), F(0), F(36 * 4)]
    for variance, power in (("HC2", 1), ("HC3", 2)):
        got = mean_difference(trial, variance=variance, **how)  # type: ignore[arg-type]
        want = sum(each / 784 / one**power for each, one in zip(squares, left, strict=True))
        assert got.std_error == pytest.approx(sqrt(want), rel=EXACT)


def test_clusters_of_one_size() -> None:
    """Five clusters of two: with one size, CR2 is Welch's variance of cluster means.

    Means 1, 3 in control and 4, 6, 11 in treatment: 7 - 2 = 5, variance 2/2 + 13/3 = 16/3. Were
    people alike, each cluster mean would vary by v: (v/2 + v/3)² / ((v/2)²/1 + (v/3)²/2) =
    (25/36)/(1/4 + 1/18) = 25/11 degrees of freedom.
    """
    trial = read(
        arm=[0] * 4 + [1] * 6,
        officer=["a", "a", "b", "b", "c", "c", "d", "d", "e", "e"],
        y=[0, 2, 3, 3, 1, 7, 6, 6, 10, 12],
    )
    found = mean_difference(trial, outcome="y", cluster="officer")
    check(found, F(5), F(16, 3), F(25, 11))
    assert "2.273 degrees of freedom, too few to trust p" in found.method


def test_clusters_in_pairs() -> None:
    """Two couples of officers, with 3 and 5 people: effects 6 - 1 = 5 and 2 - 4 = -2.

    Value (3*5 - 5*2)/8 = 5/8. Imai, King and Nall: shares times effects 15/8 and -10/8 differ by
    25/8; squares about their mean 2 (25/16)², times 2/1: (25/8)², on 1 degree of freedom.
    """
    trial = read(
        arm=[0, 1, 1, 0, 0, 1, 1, 1],
        block=["a"] * 3 + ["b"] * 5,
        officer=["p", "q", "q", "r", "r", "s", "s", "s"],
        y=[1, 5, 7, 3, 5, 1, 2, 3],
    )
    found = mean_difference(trial, outcome="y", cluster="officer")
    check(found, F(5, 8), F(25, 8) ** 2, 1)


def test_yes_or_no() -> None:
    """2 of 3 treated, 1 of 4 controls: shares, with n - 1 in the variances.

    2/3 - 1/4 = 5/12; (2/3)/2/3 + (3/4)/3/4 = 1/9 + 1/16 = 25/144, so the error is 5/12 too.
    """
    frame = pd.DataFrame({"arm": [1, 1, 1, 0, 0, 0, 0], "any": [1, 1, 0, 1, 0, 0, 0]})
    trial = ce.Trial.from_frame(frame, arm="arm", control=0, binary={"any": "any"})
    found = mean_difference(trial, outcome="any")
    df = F(25, 144) ** 2 / (F(1, 9) ** 2 / 2 + F(1, 16) ** 2 / 3)
    check(found, F(5, 12), F(25, 144), df)
    assert (found.estimand, found.events, found.n) == ("risk difference", (1, 2), (4, 3))


@pytest.mark.parametrize(
    ("exposure", "told"),
    [
        ([1, 2, 2, 3], "whatever the time at risk (1 to 3 years)"),
        ([2] * 4, "mean count, each person 2 years at risk"),
    ],
)
def test_counts(exposure: list[int], told: str) -> None:
    """Counts 2, 6 v 0, 2: 1 - 4 = -3, variance 8/2 + 2/2 = 5; times at risk do not enter.

    Degrees of freedom 5² / (4² + 1²) = 25/17.
    """
    counts = CountOutcome(value=[2, 6, 0, 2], exposure=exposure, unit="years")
    arms = ce.Assignment(arm=[0, 0, 1, 1], arms=("court", "contract"), stratum=[0] * 4)
    found = mean_difference(
        ce.Trial(assignment=arms, outcomes={"arrests": counts}), outcome="arrests"
    )
    check(found, F(-3), F(5), F(25, 17))
    assert found.events == (8, 2)
    assert told in found.method
