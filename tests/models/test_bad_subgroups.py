"""What ordinal odds ratios and subgroups cannot be, cannot be asked, and cannot answer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.errors import ImpossibleDesign, InvalidData, TrialError, UnknownColumn
from checkpoint_eval.models import mean_difference
from checkpoint_eval.models.ordinal import ordinal_odds_ratio, proportional_odds_test
from checkpoint_eval.models.subgroups import subgroup_effects

if TYPE_CHECKING:
    from checkpoint_eval.models.subgroup_results import SubgroupEffects

PEOPLE = pd.DataFrame(
    {
        "arm": ["court", "contract"] * 8,
        "grade": [2, 0, 1, 1, 2, 0, 0, 1, 2, 2, 1, 0, 0, 0, 2, 1],
        "some": [1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1],
        "days": [5, 9, 3, 8, 7, 6, 2, 4, 9, 9, 3, 7, 6, 8, 1, 2],
        "age": [20, 31, 44, 52, 23, 36, 41, 28, 33, 60, 19, 47, 27, 30, 55, 48],
        "band": list("hhhhllllhhhhllll"),
        "suite": list("aabbaabbaabbaabb"),
    }
)


def read(frame: pd.DataFrame = PEOPLE, **how: Any) -> ce.Trial:
    usual: dict[str, Any] = {
        "arm": "arm",
        "control": "court",
        "covariates": ["age", "band"],
        "factors": ["suite"],
        "numeric": {"grade": "grade", "days": "days"},
        "binary": {"some": "some"},
        "times": {"end": ("days", "some", "days")},
    }
    return ce.Trial.from_frame(frame, **(usual | how))


def graded(grade: list[float], **how: Any) -> ce.Estimate:
    return ordinal_odds_ratio(read(PEOPLE.assign(grade=grade)), outcome="grade", **how)


def not_estimable(found: ce.Estimate, reason: str) -> None:
    """No number at all, and why."""
    assert np.isnan((found.value, found.low, found.high, found.p_value, found.std_error)).all()
    assert "; not estimable: " in found.method
    assert reason in found.method


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"outcome": "end"}, TrialError, "'end' is not a grade of severity"),
        ({"outcome": "grades"}, UnknownColumn, "did you mean 'grade'"),
        ({"grades": [0, 1]}, InvalidData, "is 2 for 5 of the people compared"),
        ({"grades": [2, 1, 0]}, TrialError, "`grades` must list at least two numbers, ascending"),
        ({"grades": [0]}, TrialError, "at least two numbers"),
        ({"grades": [0, np.nan, 2]}, TrialError, "ascending"),
        ({"adjust": "agee"}, UnknownColumn, "did you mean 'age'"),
        ({"adjust": "suite", "strata": "suite"}, TrialError, "both `adjust` and `strata`"),
        ({"level": 95}, TrialError, "95 % is written 0.95"),
        ({"arm": "court"}, UnknownColumn, "treatment arm"),
    ],
)
@pytest.mark.parametrize("verb", [ordinal_odds_ratio, proportional_odds_test])
def test_grades_that_cannot_be_asked(
    verb: Any, how: dict[str, Any], error: type[TrialError], words: str
) -> None:
    if verb is proportional_odds_test and "level" in how:
        return
    if "arm" in how:
        trial = read(PEOPLE.assign(arm=["court", "contract", "fine", "contract"] * 4),
                     arms=["court", "contract", "fine"])  # fmt: skip
    else:
        trial = read()
    with pytest.raises(error, match=words):
        verb(trial, **({"outcome": "grade"} | how))


def test_a_measurement_is_no_grade() -> None:
    frame = pd.concat([PEOPLE, PEOPLE], ignore_index=True)
    trial = read(frame.assign(grade=np.arange(32) / 7))
    with pytest.raises(TrialError, match="32 different values; state `grades`"):
        ordinal_odds_ratio(trial, outcome="grade")
    found = ordinal_odds_ratio(trial, outcome="grade", grades=np.arange(32) / 7)
    assert found.estimable


def test_covariates_that_strata_tell() -> None:
    with pytest.raises(ImpossibleDesign, match="'band=l' is a combination of the columns before"):
        ordinal_odds_ratio(
            read(PEOPLE.assign(suite=PEOPLE["band"])),
            outcome="grade",
            adjust="band",
            strata="suite",
        )


def test_everyone_alike() -> None:
    not_estimable(graded([1.0] * 16), "everyone has the grade 1")
    test = proportional_odds_test(read(PEOPLE.assign(grade=1)), outcome="grade")
    assert not test.estimable
    assert "everyone has the grade 1" in test.method


def test_grades_that_the_arm_tells_apart() -> None:
    """All of one arm at the bottom: no finite maximum, however the other arm lies."""
    grade = np.where(PEOPLE["arm"] == "contract", 0, PEOPLE["grade"]).tolist()
    not_estimable(graded(grade), "a column tells the grades apart")
    middle = np.where(PEOPLE["arm"] == "contract", 1, [0, 0, 2, 2] * 4).tolist()
    assert graded(middle).estimable  # all treated between others: the maximum is finite


def test_grades_that_a_covariate_tells_apart() -> None:
    grade = np.digitize(PEOPLE["age"], [30, 45]).tolist()
    not_estimable(graded(grade, adjust="age"), "a column tells the grades apart")
    assert graded(grade).estimable


def test_one_threshold_that_cannot_be_told() -> None:
    """Nobody treated has the highest grade: one odds ratio there is, but none of that threshold."""
    grade = np.where((PEOPLE["arm"] == "contract") & (PEOPLE["grade"] == 2), 1, PEOPLE["grade"])
    found = graded(grade.tolist())
    assert found.estimable
    assert "equal odds ratios not tested: at one threshold" in found.method
    test = proportional_odds_test(read(PEOPLE.assign(grade=grade)), outcome="grade")
    assert np.isnan([test.statistic, test.p_value, test.df]).all()
    assert "not estimable: at one threshold" in test.method


def test_strata_that_compare_nothing() -> None:
    grade = np.where(PEOPLE["band"] == "l", 0, PEOPLE["grade"]).tolist()
    found = graded(grade, strata="band")
    assert "strata at the lowest or highest grade only compare nothing" in found.method
    half = PEOPLE[PEOPLE["band"] == "h"]
    alone = ordinal_odds_ratio(read(half, covariates=["age"]), outcome="grade")
    # The same likelihood, climbed from another start.
    assert found.value == pytest.approx(alone.value, rel=1e-7)
    same = PEOPLE.assign(suite=np.where(PEOPLE["arm"] == "court", "x", "y"))
    found = ordinal_odds_ratio(read(same), outcome="grade", strata="suite")
    not_estimable(found, "no stratum with several grades holds both arms")


def test_a_grade_that_nobody_has_counts_nothing() -> None:
    plain, stated = (
        graded(PEOPLE["grade"].tolist()),
        graded((PEOPLE["grade"] * 2).tolist(), grades=[0, 1, 2, 3, 4, 9]),
    )
    assert stated.value == plain.value
    assert "1: 0 against 0" in stated.method


def test_missing_grades_are_counted_by_arm() -> None:
    grade = PEOPLE["grade"].astype(float)
    grade[[1, 3, 4]] = np.nan
    found = graded(grade.tolist())
    assert found.missing == (1, 2)
    assert found.n == (7, 6)


EFFECT = partial(ce.risk_difference, outcome="some")


def asked(trial: ce.Trial | None = None, **how: Any) -> SubgroupEffects:
    usual: dict[str, Any] = {"effect": EFFECT, "by": "band"}
    return subgroup_effects(trial or read(), **(usual | how))


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"effect": "risk difference"}, TrialError, "`effect` must be a function"),
        ({"effect": lambda trial, analysis_set: 1.0}, TrialError, "`Estimate`, got float"),
        ({"by": ()}, TrialError, "`by` is empty"),
        ({"by": "bands"}, UnknownColumn, "did you mean 'band'"),
        ({"by": ["band", "band"]}, ImpossibleDesign, "named twice"),
        ({"by": "age"}, TrialError, "'age' holds numbers; state where to cut it"),
        ({"by": "age", "cuts": {"age": [40, 30]}}, TrialError, "must ascend"),
        ({"by": "age", "cuts": {"age": [30, 30]}}, TrialError, "must ascend"),
        ({"by": "age", "cuts": {"age": []}}, TrialError, "must list numbers"),
        ({"by": "age", "cuts": {"age": [np.nan]}}, TrialError, "must list numbers"),
        ({"cuts": {"band": [1]}}, TrialError, "holds categories"),
        ({"cuts": {"age": [30]}}, UnknownColumn, "subgroup column 'age'"),
        ({"planned": "age"}, UnknownColumn, "subgroup column 'age'"),
        ({"expected": {"band": ["h", "l"]}}, TrialError, "not among `planned`"),
        ({"planned": "band", "expected": {"band": ["h", "x"]}}, UnknownColumn, "level of 'band'"),
        ({"planned": "band", "expected": {"band": ["h"]}}, TrialError, "at least two levels"),
        ({"analysis_set": "as-treated"}, TrialError, "as-treated|randomised to"),
        ({"analysis_set": "all"}, UnknownColumn, "'all' is not known"),
    ],
)
def test_subgroups_that_cannot_be_asked(
    how: dict[str, Any], error: type[TrialError], words: str
) -> None:
    with pytest.raises(error, match=words):
        asked(**how)


def test_a_table_is_no_trial() -> None:
    with pytest.raises(TrialError, match="`trial` must be a `Trial`"):
        subgroup_effects(PEOPLE, effect=EFFECT, by="band")  # type: ignore[arg-type]


def test_a_level_with_one_arm_says_so() -> None:
    band = np.where((PEOPLE["band"] == "l") & (PEOPLE["arm"] == "contract"), "h", PEOPLE["band"])
    found = asked(read(PEOPLE.assign(band=band))).subgroups[0]
    low = found.effects[found.levels.index("l")]
    not_estimable_level = low.method
    assert np.isnan([low.value, low.low, low.high]).all()
    assert "'contract' has nobody" in not_estimable_level
    assert low.n == (4, 0)
    assert not found.interaction.estimable
    assert "fewer than two levels" in found.interaction.method
    assert np.isnan(found.p_adjusted)


def test_a_level_without_an_effect_is_left_out_of_the_test_and_told() -> None:
    kind = np.where(np.arange(16) < 2, "few", np.where(np.arange(16) % 4 < 2, "one", "two"))
    found = asked(read(PEOPLE.assign(band=kind)), effect=partial(ce.odds_ratio, outcome="some"))
    each = found.subgroups[0]
    assert not np.isfinite(each.effects[each.levels.index("few")].std_error)
    assert "without few, which cannot be estimated" in each.interaction.method
    assert each.interaction.df == 1


def test_one_level_has_no_interaction() -> None:
    found = asked(read(factors=["suite", "one"], frame=PEOPLE.assign(one="x")), by="one")
    assert not found.subgroups[0].interaction.estimable
    assert found.credibility().loc[0, "measured"] == "not known when"


def test_people_of_unknown_level_and_unknown_outcome_are_counted_apart() -> None:
    frame = PEOPLE.assign(grade=PEOPLE["grade"].astype(float), band=PEOPLE["band"].astype(object))
    frame.loc[[0, 1, 3], "band"] = None
    frame.loc[[4], "grade"] = np.nan
    found = asked(read(frame), effect=partial(mean_difference, outcome="grade"))
    each = found.subgroups[0]
    assert each.unknown == (1, 2)
    assert sum(sum(one.n) + sum(one.missing) for one in each.effects) == 13
    row = found.to_frame().set_index("level").loc["l"]
    assert (row["missing_control"], row["missing_treatment"]) == (1, 0)
