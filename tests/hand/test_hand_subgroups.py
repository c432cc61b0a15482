"""Ordinal odds ratios, interactions and their flags where the arithmetic is plain."""

from __future__ import annotations

from functools import partial
from math import log, sqrt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models.ordinal import ordinal_odds_ratio, proportional_odds_test
from checkpoint_eval.models.subgroups import subgroup_effects

if TYPE_CHECKING:
    from checkpoint_eval.models.subgroup_results import SubgroupEffects


def table(cells: dict[str, tuple[int, int, int, int]]) -> ce.Trial:
    """People of each band: treated with and without the event, controls with and without."""
    rows = [
        {"band": band, "arm": arm, "again": again}
        for band, counts in cells.items()
        for (arm, again), count in zip(((1, 1), (1, 0), (0, 1), (0, 0)), counts, strict=True)
        for _ in range(count)
    ]
    return ce.Trial.from_frame(
        pd.DataFrame(rows),
        arm="arm",
        control=0,
        covariates=["band"] if len(cells) > 1 else [],
        binary={"again": "again"},
    )


# Odds ratios (10·20)/(30·20) = 1/3 among the high, (20·10)/(20·20) = 1/2 among the low.
TWO = {"high": (10, 30, 20, 20), "low": (20, 20, 20, 10)}


def by_band(trial: ce.Trial, **how: object) -> SubgroupEffects:
    return subgroup_effects(
        trial,
        effect=partial(ce.odds_ratio, outcome="again"),
        by="band",
        **how,  # type: ignore[arg-type]
    )


def test_two_grades_are_a_fourfold_table() -> None:
    """10 of 40 against 20 of 40: odds ratio 1/3, variance 1/10 + 1/30 + 1/20 + 1/20."""
    found = ordinal_odds_ratio(table({"high": TWO["high"]}), outcome="again")
    # A difference-quotient Hessian: six digits.
    assert found.value == pytest.approx(1 / 3, rel=1e-6)
    assert found.std_error == pytest.approx(sqrt(1 / 10 + 1 / 30 + 1 / 20 + 1 / 20), rel=1e-6)
    assert "grades 0: 30 against 20, 1: 10 against 20" in found.method
    assert "only two grades" in found.method


def graded(treated: list[int], control: list[int]) -> ce.Trial:
    """So many people in each grade."""
    grade = [g for counts in (treated, control) for g, n in enumerate(counts) for _ in range(n)]
    arm = [1] * sum(treated) + [0] * sum(control)
    return ce.Trial.from_frame(
        pd.DataFrame({"arm": arm, "grade": grade}),
        arm="arm",
        control=0,
        numeric={"severity": "grade"},
    )


def test_brants_test_of_three_grades() -> None:
    """Odds above 0: 24/24 against 48/12, ratio 1/4; above 1: 12/36 against 30/30, ratio 1/3."""
    found = proportional_odds_test(graded([24, 12, 12], [12, 18, 30]), outcome="severity")
    assert "above 0: 0.25, above 1: 0.333" in found.method
    # Var(b1) = 1/24+1/24+1/48+1/12, Var(b2) = 1/12+1/36+1/30+1/30; covariance within an arm of
    # logits of nested shares p1 > p2: 1/(n p1 (1 − p2)).
    v1, v2 = 2 / 24 + 1 / 48 + 1 / 12, 1 / 12 + 1 / 36 + 2 / 30
    shared = 1 / (48 * (24 / 48) * (36 / 48)) + 1 / (60 * (48 / 60) * (30 / 60))
    want = (log(1 / 3) - log(1 / 4)) ** 2 / (v1 + v2 - 2 * shared)
    assert found.statistic == pytest.approx(want, rel=1e-9)
    assert found.df == 1


def test_equal_ratios_have_no_departure() -> None:
    """Above 0: 20:20 against 40:10, above 1: 8:32 against 25:25; both ratios 1/4."""
    trial = graded([20, 12, 8], [10, 15, 25])
    assert proportional_odds_test(trial, outcome="severity").statistic == pytest.approx(0, abs=1e-9)
    # Where proportional odds hold exactly in the sample the maximum is there.
    found = ordinal_odds_ratio(trial, outcome="severity")
    assert found.value == pytest.approx(1 / 4, rel=1e-7)
    assert found.high < 1


def test_the_interaction_is_the_squared_difference_over_its_variance() -> None:
    found = by_band(table(TWO)).subgroups[0]
    assert [round(each.value, 12) for each in found.effects] == [round(1 / 3, 12), 0.5]
    variances = 1 / 10 + 1 / 30 + 1 / 20 + 1 / 20, 1 / 20 + 1 / 20 + 1 / 20 + 1 / 10
    want = (log(1 / 3) - log(1 / 2)) ** 2 / sum(variances)
    assert found.interaction.statistic == pytest.approx(want, rel=1e-12)
    assert found.interaction.df == 1
    assert found.interaction.n == (70, 80)


def test_counts_stand_beside_each_level() -> None:
    frame = by_band(table(TWO)).to_frame()
    assert frame["level"].tolist() == ["", "interaction", "high", "low"]
    assert frame["n_control"].tolist() == [70, 70, 40, 30]
    assert frame["n_treatment"].tolist() == [80, 80, 40, 40]
    assert frame["events_treatment"].tolist()[2:] == [10, 20]
    assert frame["p_value"].notna().tolist() == [False, True, False, False]
    assert frame.loc[1, "standing"] == "exploratory"


def test_flags() -> None:
    how = {"planned": "band", "expected": {"band": ["high", "low"]}}
    found = by_band(table(TWO), **how)
    assert found.subgroups[0].interaction.planned
    row = found.credibility().iloc[0]
    assert row["planned"]
    assert row["direction"] == "as stated"
    assert row["columns tested"] == 1
    assert row["measured"] == "before randomisation"
    assert row["smallest level"] == 70
    other = by_band(table(TWO), planned="band", expected={"band": ["low", "high"]})
    assert other.credibility().loc[0, "direction"] == "not as stated"
    assert by_band(table(TWO)).credibility().loc[0, "direction"] == "not stated"


def test_holm_over_two_columns() -> None:
    """The smaller p doubles; the larger stays unless the doubled one is above it."""
    rng = np.random.default_rng(8)
    frame = table(TWO).to_frame()
    frame["other"] = rng.permutation(np.arange(len(frame)) % 2)
    trial = ce.Trial.from_frame(
        frame, arm="arm", control="control", covariates=["band", "other"], binary={"again": "again"}
    )
    found = subgroup_effects(
        trial, effect=partial(ce.odds_ratio, outcome="again"), by=["band", "other"]
    ).subgroups
    p = [each.interaction.p_value for each in found]
    want = [min(1, max(2 * min(p), one)) for one in p]
    assert [each.p_adjusted for each in found] == pytest.approx(want, rel=1e-12)


def test_a_number_is_cut_where_it_was_stated() -> None:
    """At 25 one is no longer below 25; who has no age is in no level and counted."""
    frame = pd.DataFrame(
        {
            "arm": [0, 1] * 8,
            "age": [20, 21, 22, 23, 25, 25, 30, 31, 40, 40, 41, 50, 24, 24, None, None],
            "y": [1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0],
        }
    )
    trial = ce.Trial.from_frame(frame, arm="arm", control=0, covariates=["age"], binary={"y": "y"})
    found = subgroup_effects(
        trial,
        effect=partial(ce.risk_difference, outcome="y"),
        by="age",
        cuts={"age": [25, 40]},
    ).subgroups[0]
    assert found.levels == ("below 25", "25 to below 40", "40 and above")
    assert [each.n for each in found.effects] == [(3, 3), (2, 2), (2, 2)]
    assert found.unknown == (1, 1)
    assert found.effects[0].analysis_set == "itt, age: below 25"
