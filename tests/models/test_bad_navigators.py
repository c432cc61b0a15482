"""What partially nested comparisons cannot be asked, and cannot answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.errors import ImpossibleDesign, TrialError, UnknownColumn
from checkpoint_eval.models.navigator_tests import partially_nested_test
from checkpoint_eval.models.navigators import navigator_effects, partially_nested_difference
from checkpoint_eval.outcomes import CountOutcome, Episodes, NumericOutcome, TimeToEvent

PEOPLE = pd.DataFrame(
    {
        "arm": ["court", "contract"] * 6,
        "harm": [10.0, 3, 7, 30, 0, 0, 25, 4, 31, 9, 2, 1],
        "age": [20, 31, 44, 52, 23, 36, 41, 28, 33, 60, 19, 47],
        "suite": list("nnnnssssnnss"),
        "navigator": [None, "a", None, "a", None, "b", None, "b", None, "c", None, "c"],
    }
)


def read(frame: pd.DataFrame = PEOPLE, **how: Any) -> ce.Trial:
    usual: dict[str, Any] = {
        "arm": "arm",
        "control": "court",
        "covariates": ["age"],
        "factors": ["suite", "navigator"],
        "numeric": {"harm": "harm"},
    }
    return ce.Trial.from_frame(frame, **(usual | how))


def asked(trial: ce.Trial | None = None, **how: Any) -> ce.Estimate:
    usual: dict[str, Any] = {"outcome": "harm", "navigator": "navigator"}
    return partially_nested_difference(trial or read(), **(usual | how))


def redrawn(trial: ce.Trial | None = None, **how: Any) -> ce.SignificanceTest:
    usual: dict[str, Any] = {"outcome": "harm", "navigator": "navigator", "draws": 99}
    rng = np.random.default_rng(3)
    return partially_nested_test(trial or read(), **(usual | {"rng": rng} | how))


def changed(**columns: Any) -> ce.Trial:
    return read(PEOPLE.assign(**columns))


def not_estimable(trial: ce.Trial, reason: str, **how: Any) -> None:
    """No number at all, and why; navigators are still told."""
    found = navigator_effects(trial, outcome="harm", navigator="navigator", **how)
    one = found.estimate
    numbers = (one.value, one.low, one.high, one.p_value, one.std_error, *one.by_arm)
    assert np.isnan(numbers).all()
    assert "; not estimable: " in one.method
    assert reason in one.method
    assert not found.estimable
    alone = (found.icc, found.icc_low, found.design_effect, found.spread, *found.residual, found.df)
    assert np.isnan([*alone, *found.raw, *found.value, *found.std_error, *found.high]).all()
    assert repr(found)
    assert len(found.to_frame()) == len(found.navigators)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"level": 95}, "95 % is written 0.95"),
        ({"adjust": "navigator"}, "'navigator' is named in `navigator` and in `adjust` or `strata"),
        ({"strata": "navigator"}, "'navigator' is named in `navigator` and in `adjust` or `strata"),
        ({"adjust": "suite", "strata": "suite"}, "stands in both `adjust` and `strata`"),
    ],
)
def test_options_that_do_not_go_together(how: dict[str, Any], words: str) -> None:
    with pytest.raises(TrialError, match=words):
        asked(**how)


@pytest.mark.parametrize(
    "how",
    [{"navigator": "navigater"}, {"adjust": "agee"}, {"strata": "suit"}, {"analysis_set": "all"}],
)
def test_unknown_names(how: dict[str, Any]) -> None:
    with pytest.raises(UnknownColumn, match=str(next(iter(how.values())))):
        asked(**how)


def outcomes(**named: Any) -> ce.Trial:
    base = read(PEOPLE.iloc[:4])
    return ce.Trial(assignment=base.assignment, outcomes=named, columns=base.columns)


def test_outcomes_that_have_no_mean() -> None:
    trial = outcomes(
        time=TimeToEvent(time=[1, 2, 3, 4], event=[1, 1, 0, 0]),
        again=Episodes(person=[0, 1, 2, 3], start=[0] * 4, stop=[5] * 4, event=[1] * 4, people=4),
    )
    for verb in (asked, redrawn):
        with pytest.raises(TrialError, match=r"'time' is not one number .* use `restricted_mean`"):
            verb(trial, outcome="time")
        with pytest.raises(TrialError, match="'again' is not one number"):
            verb(trial, outcome="again")


def test_no_navigator_and_one() -> None:
    nobodys = changed(navigator=["a"] + [None] * 11)
    not_estimable(nobodys, "no navigator is recorded under 'contract'")
    one = changed(navigator=PEOPLE["navigator"].where(PEOPLE["navigator"].isna(), "a"))
    not_estimable(one, "1 navigator is recorded under 'contract'")
    found = redrawn(one)
    assert np.isnan(found.p_value)
    assert found.method.endswith(
        "not estimable: an arm has one person, or one navigator, or nothing varies within the arms"
    )


def test_each_with_a_navigator_of_their_own() -> None:
    names = [None if arm == "court" else f"n{row}" for row, arm in enumerate(PEOPLE["arm"])]
    not_estimable(changed(navigator=names), "too few people share a navigator")


def test_navigators_of_controls() -> None:
    """Two of six share one: told. Three: people are nested in both arms."""
    some = PEOPLE["navigator"].copy()
    some[[0, 2]] = ["a", "b"]
    found = asked(changed(navigator=some))
    assert "2 people in 'court' share one and are taken as without" in found.method
    assert found.value == asked().value
    some[4] = "c"
    for verb in (asked, redrawn):
        with pytest.raises(ImpossibleDesign, match="3 of 6 people in 'court' share a 'navigator'"):
            verb(changed(navigator=some))


def test_controls_with_one_each_are_nested_in_nothing() -> None:
    """As Candlish and others code them, and as practice cohorts do."""
    own = PEOPLE["navigator"].copy()
    own[PEOPLE["arm"] == "court"] = [f"own {row}" for row in range(6)]
    found = asked(changed(navigator=own))
    assert repr(found) == repr(asked())


def test_treated_without_a_navigator() -> None:
    some = PEOPLE["navigator"].copy()
    some[1] = None
    found = navigator_effects(changed(navigator=some), outcome="harm", navigator="navigator")
    assert found.estimate.n == (6, 6)
    assert found.estimate.missing == (0, 0)
    assert "1 person in 'contract' without, at a level of their own" in found.estimate.method
    assert found.people.tolist() == [1, 2, 2]


def test_few_navigators_are_told() -> None:
    assert "3 navigators with 2 people; fewer than 10 with several people" in asked().method
    assert "fewer than 10 with several people" in redrawn().method
    many = pd.concat([PEOPLE.assign(navigator=PEOPLE["navigator"] + str(k)) for k in range(4)])
    assert "12 navigators with 2 people; ICC" in asked(read(many.assign(id=range(48)))).method


def test_nobody_differs() -> None:
    for value in (0.0, 0.1, 1e9 / 3):
        not_estimable(changed(harm=value), "nobody differs from anybody")
    court = PEOPLE["arm"] == "court"
    for value in (0.1, 1e9 / 3):
        alike = changed(harm=PEOPLE["harm"].where(~court, value))
        not_estimable(alike, "no variation is left within 'court'")
        by_navigator = PEOPLE["navigator"].map({"a": value, "b": 2 * value, "c": 5 * value})
        alike = changed(harm=(value * PEOPLE["harm"]).where(court, by_navigator))
        not_estimable(alike, "no variation is left between people of the same navigator")


def test_few_people() -> None:
    one_control = PEOPLE[(PEOPLE["arm"] == "contract") | (PEOPLE.index == 0)]
    not_estimable(read(one_control), "too few people in 'court'")
    two = PEOPLE[(PEOPLE["arm"] == "contract") | (PEOPLE.index < 3)]
    not_estimable(read(two), "too few people in 'court'", adjust="age")


def test_covariates_that_cannot_adjust() -> None:
    frame = PEOPLE.assign(twice=2 * PEOPLE["age"], north=(PEOPLE["suite"] == "n").astype(int))
    trial = read(frame, covariates=["age", "twice", "north"])
    with pytest.raises(ImpossibleDesign, match="'twice' is a combination of the columns before"):
        asked(trial, adjust=["age", "twice"])
    with pytest.raises(ImpossibleDesign, match="'north' is a combination of the columns before"):
        asked(trial, adjust=["age", "north"], strata="suite")


def test_strata_that_hold_one_arm() -> None:
    not_estimable(changed(suite=PEOPLE["arm"]), "no stratum holds both arms", strata="suite")


def test_strata_of_the_randomisation() -> None:
    trial = read(strata=["suite"], factors=["navigator"])
    assert "stratified by suite" in asked(trial).method
    assert asked(trial).value == asked(strata="suite").value
    assert "unstratified" in asked(trial, strata=()).method
    assert asked(trial, strata=()).value == asked().value


def test_missing_are_counted() -> None:
    frame = PEOPLE.astype({"age": float})
    frame.loc[0, "harm"] = np.nan
    frame.loc[[1, 2], "age"] = np.nan
    trial = read(frame)
    for verb in (asked, redrawn):
        assert verb(trial).missing == (1, 0)
        found = verb(trial, adjust="age")
        assert (found.missing, found.n) == ((2, 1), (4, 5))
    assert asked(trial, adjust="age").adjusted_for == ("age",)


def test_yes_or_no_and_counts() -> None:
    trial = read(PEOPLE.assign(any=PEOPLE["harm"] > 5), numeric={}, binary={"any": "any"})
    found = asked(trial, outcome="any")
    assert found.estimand == "risk difference"
    assert found.events == (4, 2)
    assert "linear probability model of a yes or no" in found.method
    counts = CountOutcome(value=PEOPLE["harm"].astype(int), exposure=[1] * 12, unit="years")
    base = read()
    counted = ce.Trial(assignment=base.assignment, outcomes={"n": counts}, columns=base.columns)
    assert asked(counted, outcome="n").value == asked().value
    assert "mean count, whatever the time at risk" in asked(counted, outcome="n").method


def test_an_arm_without_known_outcomes() -> None:
    trial = outcomes(harm=NumericOutcome(value=[1.0, np.nan, 2, np.nan], missing=[0, 1, 0, 1]))
    with pytest.raises(ImpossibleDesign, match="'contract' has nobody with a known 'harm'"):
        asked(trial)


def test_three_arms_need_a_name() -> None:
    trial = read(
        PEOPLE.assign(arm=["court", "contract", "letter"] * 4, navigator=list("xayxbzyazzbx")),
        arms=["court", "contract", "letter"],
    )
    with pytest.raises(TrialError, match="name the one to compare with 'court' in `arm`"):
        asked(trial)
    with pytest.raises(TrialError, match="compares two arms, the trial has 3"):
        redrawn(trial)


def test_what_a_test_refuses() -> None:
    with pytest.raises(TrialError, match="`rng` must be a numpy random Generator"):
        redrawn(rng=1)
    with pytest.raises(TrialError, match="`draws` must be a whole number"):
        redrawn(draws=0)
    with pytest.raises(TrialError, match="`alternative` is 'larger'"):
        redrawn(alternative="larger")
    with pytest.raises(TrialError, match="named in `navigator` and in `adjust`"):
        redrawn(adjust="navigator")


@pytest.mark.parametrize("unit", [1e-9, 1e12])
def test_huge_and_tiny_numbers(unit: float) -> None:
    want, got = asked(adjust="age"), asked(changed(harm=unit * PEOPLE["harm"]), adjust="age")
    assert got.std_error == pytest.approx(unit * want.std_error, rel=1e-9)
    assert got.p_value == pytest.approx(want.p_value, rel=1e-9)
