"""What differences of means cannot be, cannot be asked, and cannot answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.errors import ImpossibleDesign, InvalidData, TrialError, UnknownColumn
from checkpoint_eval.models import mean_difference
from checkpoint_eval.outcomes import CountOutcome, Episodes, NumericOutcome, TimeToEvent

PEOPLE = pd.DataFrame(
    {
        "arm": ["court", "contract"] * 6,
        "harm": [10.0, 3, 7, 300, 0, 0, 25, 4, 31, 9, 2, 1],
        "age": [20, 31, 44, 52, 23, 36, 41, 28, 33, 60, 19, 47],
        "suite": list("nnnnssssnnss"),
        "officer": list("abcdabefcdef"),
    }
)


def read(frame: pd.DataFrame = PEOPLE, **how: Any) -> ce.Trial:
    usual: dict[str, Any] = {
        "arm": "arm",
        "control": "court",
        "covariates": ["age"],
        "factors": ["suite", "officer"],
        "numeric": {"harm": "harm"},
    }
    return ce.Trial.from_frame(frame, **(usual | how))


def asked(trial: ce.Trial | None = None, **how: Any) -> ce.Estimate:
    return mean_difference(trial or read(), outcome="harm", **how)


def not_estimable(found: ce.Estimate, reason: str) -> None:
    """No number at all, and why."""
    numbers = (found.value, found.low, found.high, found.p_value, found.std_error, *found.by_arm)
    assert np.isnan(numbers).all()
    assert "; not estimable: " in found.method
    assert reason in found.method


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"method": "blocks"}, "`method` is 'blocks'; did you mean 'blocked'"),
        ({"variance": "HC4"}, "`variance` is 'HC4'; did you mean"),
        ({"level": 95}, "95 % is written 0.95"),
        ({"adjust": "age", "method": "neyman"}, "`adjust` names age; use method='lin' or 'ancova'"),
        ({"adjust": "age", "method": "blocked", "strata": "suite"}, "`adjust` names age"),
        ({"method": "blocked"}, "needs strata; name their columns in `strata`"),
        ({"method": "neyman", "strata": "suite"}, "unstratified; leave out `strata`"),
        ({"variance": "CR2"}, "'CR2' needs `cluster`"),
        ({"variance": "HC2", "cluster": "officer"}, "people in clusters need 'CR2'"),
        ({"strata": "suite", "variance": "HC3"}, "no variance 'HC3'; method='lin'"),
        ({"adjust": "suite", "strata": "suite"}, "stands in both `adjust` and `strata`"),
    ],
)
def test_options_that_do_not_go_together(how: dict[str, Any], words: str) -> None:
    with pytest.raises(TrialError, match=words.replace("(", r"\(")):
        asked(**how)


@pytest.mark.parametrize(
    "how",
    [{"adjust": "agee"}, {"strata": "suit"}, {"cluster": "office"}, {"analysis_set": "all"}],
)
def test_unknown_names(how: dict[str, Any]) -> None:
    with pytest.raises(UnknownColumn, match=str(next(iter(how.values())))):
        asked(**how)
    with pytest.raises(UnknownColumn, match="'harms' is not known; did you mean 'harm'"):
        mean_difference(read(), outcome="harms")


def outcomes(**named: Any) -> ce.Trial:
    return ce.Trial(
        assignment=ce.Assignment(arm=[0, 0, 1, 1], arms=("court", "contract"), stratum=[0] * 4),
        outcomes=named,
    )


def test_outcomes_that_have_no_mean() -> None:
    trial = outcomes(
        time=TimeToEvent(time=[1, 2, 3, 4], event=[1, 1, 0, 0]),
        again=Episodes(person=[0, 1, 2, 3], start=[0] * 4, stop=[5] * 4, event=[1] * 4, people=4),
    )
    with pytest.raises(TrialError, match=r"'time' is not one number .* use `restricted_mean`"):
        mean_difference(trial, outcome="time")
    with pytest.raises(TrialError, match="'again' is not one number"):
        mean_difference(trial, outcome="again")


def test_covariates_that_cannot_adjust() -> None:
    frame = PEOPLE.assign(twice=2 * PEOPLE["age"], north=(PEOPLE["suite"] == "n").astype(int))
    trial = read(frame, covariates=["age", "twice", "north"])
    with pytest.raises(ImpossibleDesign, match="'twice' is a combination of the columns before"):
        asked(trial, adjust=["age", "twice"])
    with pytest.raises(ImpossibleDesign, match="'north' does not vary within the strata"):
        asked(trial, adjust=["age", "north"], strata="suite")
    members = (PEOPLE["suite"] == "n").astype(int)
    northern = read(
        frame.assign(members=members), covariates=["north"], analysis_sets={"north": "members"}
    )
    with pytest.raises(ImpossibleDesign, match="'north' is constant among the 6 people"):
        asked(northern, adjust="north", analysis_set="north")


def test_missing_are_counted() -> None:
    """Outcome, covariate or cluster unknown."""
    frame = PEOPLE.astype({"age": float})
    frame.loc[0, "harm"] = np.nan
    frame.loc[[1, 2], "age"] = np.nan
    frame.loc[5, "officer"] = None
    trial = read(frame)
    assert asked(trial).missing == (1, 0)
    assert asked(trial, adjust="age").missing == (2, 1)
    found = asked(trial, adjust="age", cluster="officer", method="ancova")
    assert (found.missing, found.n) == ((2, 2), (4, 4))
    with pytest.raises(InvalidData, match="'officer' is missing for 1 people"):
        asked(trial, strata="officer")


def test_one_person_in_an_arm() -> None:
    frame = PEOPLE.iloc[[0, 1, 2, 4, 6]]
    trial = read(frame, factors=["officer"])
    not_estimable(asked(trial), "one person in 'contract', so no variance there")
    for variance in ("HC0", "HC1", "HC2", "HC3"):
        found = asked(trial, method="ancova", variance=variance)
        not_estimable(found, "the fit goes through one person (leverage 1)")
    lone = asked(trial, cluster="officer")
    not_estimable(lone, "one cluster alone decides a part of the fit")


def test_two_people() -> None:
    trial = read(PEOPLE.iloc[:2], factors=[])
    not_estimable(asked(trial), "one person in 'court'")
    not_estimable(asked(trial, method="ancova"), "no degrees of freedom are left")


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9 / 3])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"variance": "HC3", "method": "neyman"},
        {"strata": "suite"},
        {"adjust": "age"},
        {"adjust": "age", "strata": "suite", "method": "ancova"},
        {"cluster": "officer"},
    ],
)
def test_nobody_differs(value: float, how: dict[str, Any]) -> None:
    """Not a standard error of rounding, and p of 0 or 1."""
    alike = PEOPLE.assign(harm=value)
    not_estimable(asked(read(alike), **how), "no variation is left within")
    arms_apart = PEOPLE.assign(harm=np.where(PEOPLE["arm"] == "court", value, value + 1))
    not_estimable(asked(read(arms_apart), **how), "no variation is left within")


def test_one_arm_alike() -> None:
    """Nobody in treatment has any harm: the other arm's variance is enough."""
    found = asked(read(PEOPLE.assign(harm=np.where(PEOPLE["arm"] == "court", PEOPLE["harm"], 0))))
    assert found.estimable
    assert "5 degrees of freedom" in found.method


def test_covariates_that_explain_everything() -> None:
    frame = PEOPLE.assign(harm=3 * PEOPLE["age"] + (PEOPLE["arm"] == "court"))
    not_estimable(asked(read(frame), adjust="age"), "no variation is left within arms")


def test_lin_where_an_arm_does_not_vary() -> None:
    """Slopes by arm need the covariate to vary in both; a common slope does not."""
    frame = PEOPLE.assign(flag=((PEOPLE["arm"] == "court") & (PEOPLE["age"] > 30)).astype(int))
    trial = read(frame, covariates=["flag"])
    not_estimable(asked(trial, adjust="flag"), "'flag' does not vary within 'contract'")
    assert asked(trial, adjust="flag", method="ancova").estimable


def test_strata_with_one_arm() -> None:
    frame = PEOPLE.assign(suite=np.where(PEOPLE.index == 0, "lone", PEOPLE["suite"]))
    trial = read(frame)
    found = asked(trial, strata="suite")
    assert "1 of 3 strata hold one arm only and compare nothing" in found.method
    same = asked(read(frame.iloc[1:], factors=["suite"]), strata="suite")
    assert found.value == pytest.approx(same.value, rel=1e-12)  # other order of summing
    lin = asked(trial, strata="suite", method="lin")
    not_estimable(lin, "a stratum has nobody in 'contract'; use method='ancova'")
    assert asked(trial, strata="suite", method="ancova").estimable
    apart = read(PEOPLE.assign(suite=PEOPLE["arm"]))
    for method in ("blocked", "lin", "ancova"):
        not_estimable(asked(apart, strata="suite", method=method), "no stratum holds both arms")


def test_one_stratum_with_one_person_in_an_arm() -> None:
    """Its variance cannot be seen: neither from within nor from strata like it."""
    frame = PEOPLE.assign(suite=["x"] * 2 + list("nnssssnnss"))
    not_estimable(asked(read(frame), strata="suite"), "name coarser `strata`")
    assert asked(read(frame), strata="suite", method="ancova").estimable


def test_clusters_that_do_not_fit_blocks() -> None:
    with pytest.raises(ImpossibleDesign, match="A cluster lies in both arms, or in several strata"):
        asked(strata="suite", cluster="officer")
    frame = PEOPLE.assign(officer=PEOPLE["arm"] + PEOPLE["suite"])
    found = asked(read(frame), cluster="officer", strata="suite")
    assert "variance between all strata" in found.method
    one = read(frame[frame["suite"] == "n"].assign(all="a"), factors=["officer", "all"])
    not_estimable(asked(one, cluster="officer", strata="all"), "an arm has one cluster")


def test_three_arms_need_a_name() -> None:
    frame = PEOPLE.assign(arm=["court", "contract", "letter"] * 4)
    trial = read(frame, arms=["court", "contract", "letter"])
    with pytest.raises(TrialError, match="name the one to compare with 'court' in `arm`"):
        asked(trial)
    assert asked(trial, arm="letter").contrast == ("letter", "court")


def test_defaults_follow_the_design() -> None:
    """Blocked when randomised in strata, Lin when covariates are named."""
    stratified = read(strata=["suite"], factors=["officer"])
    assert "within strata, in the shares of the strata; stratified by suite" in (
        asked(stratified).method
    )
    told = asked(stratified, adjust="age")
    assert "slopes by arm (Lin); adjusted for age; HC2 variance; stratified by suite" in told.method
    assert told.adjusted_for == ("age",)
    assert "unstratified" in asked(stratified, method="neyman").method
    assert "unstratified" in asked(stratified, strata=()).method
    assert "difference of two means; HC2 variance; t interval" in asked().method


def test_counts_and_missing_counts() -> None:
    counts = CountOutcome(
        value=[2, 6, 0, 2], exposure=[1, 1, 1, 9], missing=[0, 0, 0, 1], unit="years"
    )
    found = mean_difference(outcomes(arrests=counts), outcome="arrests", variance="HC2")
    not_estimable(found, "one person in 'contract'")
    assert (found.missing, found.n, found.unit) == ((0, 1), (2, 1), "years")
    assert "mean count, each person 1 years at risk" in found.method


def test_huge_and_tiny_numbers() -> None:
    """Units of 1e-9 and 1e12: the same answer in those units."""
    want = asked(adjust="age")
    for unit in (1e-9, 1e12):
        got = asked(read(PEOPLE.assign(harm=unit * PEOPLE["harm"])), adjust="age")
        assert got.std_error == pytest.approx(unit * want.std_error, rel=1e-9)
        assert got.p_value == pytest.approx(want.p_value, rel=1e-9)


def test_an_arm_without_known_outcomes() -> None:
    trial = outcomes(harm=NumericOutcome(value=[1.0, 2, np.nan, np.nan], missing=[0, 0, 1, 1]))
    with pytest.raises(ImpossibleDesign, match="'contract' has nobody with a known 'harm'"):
        mean_difference(trial, outcome="harm")
