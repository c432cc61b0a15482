"""Bounds with missing outcomes, worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import checkpoint_eval as ce
from checkpoint_eval.models import attrition_bounds

LOST = [None]


def read(treatment: list[Any], control: list[Any], kind: str = "numeric", **more: Any) -> ce.Trial:
    people = pd.DataFrame(
        {"arm": [1] * len(treatment) + [0] * len(control), "y": [*treatment, *control]} | more
    )
    how: Any = {kind: {"y": "y"}}
    return ce.Trial.from_frame(people, arm="arm", control=0, covariates=list(more), **how)


def test_a_survey_with_a_middle_missing() -> None:
    """Stasny: 156 yes, 555 no, 104 not known of 815: 156/815 to 260/815."""
    answers = [1] * 156 + [0] * 555 + LOST * 104
    found = attrition_bounds(read(answers, answers, "binary"), outcome="y")
    for code in (0, 1):
        assert found.arm_low[code] == pytest.approx(0.191411, abs=5e-7)
        assert found.arm_high[code] == pytest.approx(0.3190184, abs=5e-8)
    assert (found.low, found.high) == pytest.approx((-104 / 815, 104 / 815))
    assert (found.n, found.missing, found.share) == ((815, 815), (104, 104), 1.0)
    # Each end is a difference of two shares of 815.
    p, q = 156 / 815, 260 / 815
    error = np.sqrt((p * (1 - p) + q * (1 - q)) / 815)
    assert found.std_errors == pytest.approx((error, error))
    # Far apart, the interval is one-sided at either end: 1.645 errors, not 1.96.
    assert found.interval_high == pytest.approx(104 / 815 + norm.ppf(0.95) * error, rel=1e-6)


def test_worst_cases_of_a_number() -> None:
    """Treatment 2, 4 and one of 0 to 10; control 3, 5, 7: (6 + 0 or 10)/3 − 5."""
    trial = read([2, 4, None], [3, 5, 7])
    found = attrition_bounds(trial, outcome="y", support=(0, 10))
    assert (found.low, found.high) == pytest.approx((2 - 5, 16 / 3 - 5))
    assert found.arm_low == pytest.approx((5, 2))
    assert found.arm_high == pytest.approx((5, 16 / 3))
    assert found.missing == (0, 1)
    assert "0 and 10" in found.method


def test_lee() -> None:
    """8 of 10 seen, 1 to 8, against 6 of 10 with mean 4: q = (.8 − .6)/.8, [3.5 − 4, 5.5 − 4]."""
    trial = read([*range(1, 9), *LOST * 2], [2, 3, 4, 4, 5, 6, *LOST * 4])
    found = attrition_bounds(trial, outcome="y", method="lee")
    assert (found.low, found.high) == pytest.approx((-0.5, 1.5), abs=1e-12)
    assert found.trimmed == pytest.approx((0, 0.25))
    assert found.share == pytest.approx(0.6)
    assert "'treatment' trimmed by 25% of those seen" in found.method
    # Lee's proposition 3 for the lower bound, term by term. Kept: 1 to 6, mean 3.5, edge 6.
    kept, q, edge = np.arange(1, 7), 0.25, 6
    seen = 8
    # The edge is where the kept share is full, so E(6 − Y)⁺ has the variance of its own terms.
    short = np.maximum(edge - np.arange(1, 9), 0)
    own = short.var() / (seen * (1 - q) ** 2)
    assert own == pytest.approx((kept.var() + (edge - 3.5) ** 2 * q) / (seen * (1 - q)))
    rate = 0.2 / (10 * 0.8) + 0.4 / (10 * 0.6)  # of log(.6/.8): (1 − p)/(n p) for either arm
    trimming = (edge - 3.5) ** 2 * rate  # dμ/d(1 − q) = (y − μ)/(1 − q), se(1 − q) = (1 − q)·√rate
    other = np.var([2, 3, 4, 4, 5, 6]) / 6
    assert found.std_errors[0] == pytest.approx(np.sqrt(own + trimming + other), rel=1e-12)


def test_lee_trims_whichever_arm_sees_more() -> None:
    trial = read([2, 3, 4, 4, 5, 6, *LOST * 4], [*range(1, 9), *LOST * 2])
    found = attrition_bounds(trial, outcome="y", method="lee")
    assert (found.low, found.high) == pytest.approx((-1.5, 0.5), abs=1e-12)
    assert found.trimmed == pytest.approx((0.25, 0))
    assert "'control' trimmed" in found.method


def test_lee_of_a_yes_or_no() -> None:
    """p = 4/8 trimmed by 1/4: (1/2 − 1/4)/(3/4) to (1/2)/(3/4); control 3 of 6."""
    trial = read([1] * 4 + [0] * 4 + LOST * 2, [1] * 3 + [0] * 3 + LOST * 4, "binary")
    found = attrition_bounds(trial, outcome="y", method="lee")
    assert (found.arm_low[1], found.arm_high[1]) == pytest.approx((1 / 3, 2 / 3))
    assert (found.low, found.high) == pytest.approx((1 / 3 - 1 / 2, 2 / 3 - 1 / 2))


def test_a_person_on_the_edge_counts_in_part() -> None:
    """5 of 5 seen, 1 to 5, against 7 of 10: 3.5 people are kept, the fourth by half."""
    trial = read([1, 2, 3, 4, 5], [0] * 7 + LOST * 3)
    found = attrition_bounds(trial, outcome="y", method="lee")
    assert found.low == pytest.approx((1 + 2 + 3 + 4 / 2) / 3.5)
    assert found.high == pytest.approx((5 + 4 + 3 + 2 / 2) / 3.5)


def test_horowitz_manski() -> None:
    """Seen .8 and .6, so at least .4 in both: half of treatment's 8, two thirds of control's 6."""
    trial = read([*range(1, 9), *LOST * 2], [2, 3, 4, 4, 5, 6, *LOST * 4])
    found = attrition_bounds(trial, outcome="y", method="horowitz-manski")
    assert found.low == pytest.approx(np.mean([1, 2, 3, 4]) - np.mean([4, 4, 5, 6]))
    assert found.high == pytest.approx(np.mean([5, 6, 7, 8]) - np.mean([2, 3, 4, 4]))
    assert found.share == pytest.approx(0.4)
    assert found.trimmed == pytest.approx((1 / 3, 1 / 2))


def test_lee_within_covariates() -> None:
    """Men: 1 to 4 seen of 4, control 2 of 4; women: both arms see 2 of 4. Weights .5 and .5.

    Men's treatment is trimmed by half, to 1.5 and 3.5; women's by nothing.
    """
    trial = read(
        [1, 2, 3, 4, 8, 10, *LOST * 2],
        [2, 4, *LOST * 2, 7, 7, *LOST * 2],
        sex=(["m"] * 4 + ["w"] * 4) * 2,
    )
    found = attrition_bounds(trial, outcome="y", method="lee", covariates="sex")
    assert found.low == pytest.approx(((1.5 - 3) + (9 - 7)) / 2)
    assert found.high == pytest.approx(((3.5 - 3) + (9 - 7)) / 2)
    whole = attrition_bounds(trial, outcome="y", method="lee")
    # Together: 6 seen of 8, 4 kept: 1, 2, 3, 4 or 3, 4, 8, 10, against a mean of 5.
    assert (whole.low, whole.high) == pytest.approx((2.5 - 5, 6.25 - 5))
    assert found.adjusted_for == ("sex",)


def test_cells_weigh_by_how_many_are_always_seen() -> None:
    """Men 4 + 4, seen half and half: 2 + 2 counted; women 2 + 2, all seen: weights 1/2 and 1/2."""
    trial = read(
        [1, 3, *LOST * 2, 10, 20],
        [0, 0, *LOST * 2, 4, 6],
        sex=(["m"] * 4 + ["w"] * 2) * 2,
    )
    found = attrition_bounds(trial, outcome="y", method="lee", covariates="sex")
    assert found.low == found.high == pytest.approx((2 * 1 + 10 * 1) / 2)
    assert found.share == pytest.approx(8 / 12)


def test_one_arm_missing_some() -> None:
    """Nobody lost in control: worst cases move treatment alone, and Lee trims control."""
    trial = read([1, 0, 0, None], [1, 1, 0, 0], "binary")
    found = attrition_bounds(trial, outcome="y")
    assert (found.low, found.high) == pytest.approx((1 / 4 - 1 / 2, 2 / 4 - 1 / 2))
    found = attrition_bounds(trial, outcome="y", method="lee")
    assert found.trimmed == pytest.approx((0.25, 0))
    assert (found.low, found.high) == pytest.approx((1 / 3 - 2 / 3, 1 / 3 - 1 / 3))


def test_nobody_missing() -> None:
    trial = read([1, 5, 6], [2, 3, 9])
    for method, how in (("manski", {"support": (0, 10)}), ("lee", {}), ("horowitz-manski", {})):
        found = attrition_bounds(trial, outcome="y", method=method, **how)  # type: ignore[arg-type]
        assert found.low == pytest.approx(found.high) == pytest.approx(4 - 14 / 3)
        # The bounds are one: the interval is two-sided.
        half = norm.ppf(0.975) * np.sqrt(np.var([1, 5, 6]) / 3 + np.var([2, 3, 9]) / 3)
        if method == "manski":
            assert found.interval_high - found.high == pytest.approx(half, rel=1e-6)


def test_times_censored_before_the_horizon_are_missing() -> None:
    """By 10 weeks: treatment yes, no (left at 10), lost at 4; control yes, yes, no (dead at 6)."""
    from checkpoint_eval.outcomes import TimeToEvent

    trial = ce.Trial(
        assignment=ce.Assignment(
            arm=np.array([1, 1, 1, 0, 0, 0]), arms=("court", "contract"), stratum=np.zeros(6, int)
        ),
        outcomes={
            "back": TimeToEvent(
                time=np.array([5, 10, 4, 1, 10, 6.0]),
                event=np.array([1, 0, 0, 1, 1, 0]),
                unit="weeks",
                competing=np.array([0, 0, 0, 0, 0, 1]),
                causes=("death",),
            )
        },
    )
    found = attrition_bounds(trial, outcome="back", horizon=10)
    assert (found.low, found.high) == pytest.approx((1 / 3 - 2 / 3, 2 / 3 - 2 / 3))
    assert (found.missing, found.time_point, found.unit) == ((0, 1), 10.0, "weeks")
