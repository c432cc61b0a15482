"""What risks over strata cannot be, cannot be asked, and cannot answer; zeros above all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.errors import ImpossibleDesign, InvalidData, TrialError, UnknownColumn
from checkpoint_eval.models import number_needed_to_treat, risk_effects

if TYPE_CHECKING:
    from collections.abc import Callable

PEOPLE = pd.DataFrame(
    {
        "arm": ["court", "contract"] * 8,
        "any": [0, 1, 1, 0, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1],
        "age": [20, 31, 44, 52, 23, 36, 41, 28, 33, 60, 19, 47, 22, 39, 51, 35],
        "suite": list("nnnnnnnnssssssss"),
        "week": [9.0, 3, 2, 9, 4, 9, 9, 9, 5, 1, 6, 9, 9, 9, 3, 8],
    }
)
VERBS: dict[str, Callable[..., ce.Estimate]] = {
    "risk_difference": ce.risk_difference,
    "risk_ratio": ce.risk_ratio,
    "odds_ratio": ce.odds_ratio,
}
TOGETHER: dict[str, Callable[..., Any]] = VERBS | {
    "number_needed_to_treat": number_needed_to_treat,
    "risk_effects": risk_effects,
}
verbs = pytest.mark.parametrize("name", VERBS)
together = pytest.mark.parametrize("name", TOGETHER)


def read(frame: pd.DataFrame = PEOPLE, **how: Any) -> ce.Trial:
    usual: dict[str, Any] = {
        "arm": "arm",
        "control": "court",
        "covariates": ["age"],
        "factors": ["suite"],
        "binary": {"any": "any"},
        "times": {"re": ("week", "any", "weeks")},
    }
    return ce.Trial.from_frame(frame, **(usual | how))


def of_counts(*suites: tuple[int, int, int, int]) -> ce.Trial:
    """Suites of events and people: contract, court."""
    rows = [
        {"suite": f"suite {place}", "arm": arm, "any": i < x}
        for place, (x1, n1, x0, n0) in enumerate(suites)
        for arm, x, n in (("contract", x1, n1), ("court", x0, n0))
        for i in range(n)
    ]
    return read(pd.DataFrame(rows), covariates=[], times={})


def not_estimable(found: ce.Estimate, reason: str) -> None:
    """No number at all, and why."""
    numbers = (found.value, found.low, found.high, found.p_value, found.std_error, *found.by_arm)
    assert np.isnan(numbers).all()
    assert "; not estimable: " in found.method
    assert reason in found.method


@together
@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"strata": "suit"}, UnknownColumn, "did you mean 'suite'"),
        ({"strata": ["suite", "suite"]}, ImpossibleDesign, "'suite' is named twice"),
        ({"strata": "suite", "adjust": ["suite"]}, TrialError, "both `adjust` and `strata`"),
        ({"interactions": True}, TrialError, "`interactions` are of covariates; name them in `adj"),
        ({"interactions": True, "strata": "suite"}, TrialError, "name them in `adjust`"),
        ({"strata": "suite", "level": 95}, TrialError, "95 % is written 0.95"),
        ({"strata": "suite", "level": np.nan}, TrialError, "strictly between 0 and 1, got nan"),
        ({"strata": "suite", "arm": "courts"}, UnknownColumn, "treatment arm 'courts'"),
        ({"strata": "suite", "horizon": 5}, TrialError, "is binary and has no clock"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked(
    name: str, how: dict[str, Any], error: type[TrialError], words: str
) -> None:
    with pytest.raises(error, match=words):
        TOGETHER[name](read(), outcome="any", **how)
    TOGETHER[name](read(), outcome="any", strata="suite")  # the unspoiled question is answered


@pytest.mark.parametrize("how", [{}, {"adjust": "age"}, {"adjust": "age", "strata": "suite"}])
def test_greenland_and_robins_need_strata(how: dict[str, Any]) -> None:
    with pytest.raises(TrialError, match=r"variance of a difference over strata; name `strata`"):
        ce.risk_difference(read(), outcome="any", interval="greenland-robins", **how)


@pytest.mark.parametrize("name", ["risk_ratio", "odds_ratio", "risk_effects"])
def test_greenland_and_robins_are_of_a_difference(name: str) -> None:
    """Ratios over strata have one variance only; newcombe's interval is of a difference too."""
    for interval in ("greenland-robins", "newcombe"):
        with pytest.raises(TrialError, match=rf"`interval` is '{interval}'; choose from"):
            TOGETHER[name](read(), outcome="any", strata="suite", interval=interval)
    assert TOGETHER[name](read(), outcome="any", strata="suite", interval="wald")


@together
def test_missing_strata_belong_nowhere(name: str) -> None:
    spoiled = read(PEOPLE.assign(suite=[None, *PEOPLE["suite"][1:]]))
    with pytest.raises(InvalidData, match="'suite' is missing for 1 people"):
        TOGETHER[name](spoiled, outcome="any", strata="suite")


@together
def test_times_need_a_horizon_within_follow_up(name: str) -> None:
    with pytest.raises(TrialError, match="`horizon` is needed to read the time-to-event"):
        TOGETHER[name](read(), outcome="re", strata="suite")
    with pytest.raises(ImpossibleDesign, match="beyond the follow-up of arm"):
        TOGETHER[name](read(), outcome="re", strata="suite", horizon=99)


@verbs
def test_censored_people_cannot_be_counted(name: str) -> None:
    lost = read(PEOPLE.assign(week=PEOPLE["week"].where(PEOPLE["any"] == 1, 2)), binary={})
    found = VERBS[name](lost, outcome="re", horizon=8, strata="suite")
    not_estimable(found, "censored earlier, so strata cannot be counted; use `survival_difference`")
    assert np.isnan(number_needed_to_treat(lost, outcome="re", horizon=8, strata="suite").value)


# --- zeros -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "suites", "reason"),
    [
        ("risk_ratio", [(0, 5, 0, 6), (0, 4, 0, 5)], "no events in 'court' and 'contract'"),
        ("odds_ratio", [(0, 5, 2, 6), (0, 4, 3, 5)], "no events in 'contract'"),
        # every suite has a zero, each time the same way round
        ("odds_ratio", [(0, 5, 2, 6), (2, 4, 5, 5)], "zeros in every stratum that holds both arms"),
        ("odds_ratio", [(5, 5, 6, 6), (4, 4, 5, 5)], "zeros in every stratum"),
    ],
)  # fmt: skip
def test_zeros_over_strata(name: str, suites: list[tuple[int, int, int, int]], reason: str) -> None:
    """No half is added anywhere: what zeros leave out is told."""
    found = VERBS[name](of_counts(*suites), outcome="any", strata="suite")
    not_estimable(found, reason)
    plain = VERBS[name](of_counts(*suites), outcome="any")
    if name != "risk_difference" and 0 < sum(plain.events) < sum(plain.n):
        assert "without strata there is a score interval" in found.method
        assert np.isfinite([plain.low, plain.high]).any()


@verbs
def test_zeros_that_leave_something(name: str) -> None:
    """A suite without events, and one where all have it, are no hindrance."""
    suites = [(0, 5, 0, 6), (4, 4, 5, 5), (1, 4, 3, 5)]
    found = VERBS[name](of_counts(*suites), outcome="any", strata="suite")
    assert np.isfinite([found.low, found.value, found.high, found.p_value]).all()
    if name == "odds_ratio":  # neither says anything of odds
        alone = VERBS[name](of_counts(suites[2]), outcome="any", interval="wald")
        assert found.value == pytest.approx(alone.value)


@verbs
def test_greenland_and_robins_of_pairs(name: str) -> None:
    """Strata of two have no variance of their own; Sato's has."""
    pairs = of_counts(*[(1, 1, 0, 1), (0, 1, 1, 1), (1, 1, 0, 1), (0, 1, 0, 1)])
    found = ce.risk_difference(pairs, outcome="any", strata="suite", interval="greenland-robins")
    not_estimable(found, "leave no variance")
    assert VERBS[name](pairs, outcome="any", strata="suite").estimable


@verbs
def test_no_stratum_holds_both_arms(name: str) -> None:
    apart = of_counts((2, 5, 0, 0), (0, 0, 3, 6))
    found = VERBS[name](apart, outcome="any", strata="suite")
    not_estimable(found, "no stratum holds both arms")
    assert "2 of 2 strata hold one arm only" in found.method


@verbs
def test_a_regression_in_each_arm_that_has_no_answer(name: str) -> None:
    """A suite of one arm; an arm without events; a suite without events in one arm."""
    cases = {
        "constant, or a combination of others, within an arm": [(2, 5, 3, 6), (1, 4, 0, 0)],
        "separates events from others": [(0, 5, 2, 6), (2, 4, 3, 5)],
    }
    for reason, suites in cases.items():
        trial = of_counts(*suites)
        found = VERBS[name](trial, outcome="any", adjust="suite", interactions=True)
        not_estimable(found, reason)
        assert found.adjusted_for == ("suite",)


def test_strata_that_repeat_a_covariate() -> None:
    twice = read(PEOPLE.assign(again=PEOPLE["suite"]), factors=["suite", "again"])
    with pytest.raises(ImpossibleDesign, match="'stratum 1' is a combination"):
        ce.risk_difference(twice, outcome="any", adjust="suite", strata="again")


# --- what stands together ----------------------------------------------------------------------


def test_nothing_estimable_together() -> None:
    """Every effect says why, numbers needed are NaN, and the risks are told all the same."""
    found = risk_effects(of_counts((0, 5, 0, 0), (0, 0, 0, 6)), outcome="any", strata="suite")
    assert not any(each.estimable for each in found.estimates)
    assert np.isnan(found.number_needed.value)
    assert found.number_needed.direction == ""
    assert found.number_needed.told == "not estimable"
    assert found.risk == (0, 0)
    assert found.risk_high[0] > 0
    assert repr(found).count("not estimable") == 5
    frame = found.to_frame()
    assert np.isnan(frame["value"][2:].to_numpy(dtype=float)).all()


def test_missing_people_are_told() -> None:
    spoiled = read(PEOPLE.assign(any=[None, None, None, *PEOPLE["any"][3:]]), times={})
    found = risk_effects(spoiled, outcome="any", strata="suite")
    assert found.difference.missing == (2, 1)
    assert "3 left out, as data are missing" in repr(found)
    assert found.to_frame()["missing"].tolist()[:2] == [2, 1]
    assert "(3 more left out" in repr(found.number_needed)


@pytest.mark.parametrize("arm", ["contract", "caution"])
def test_several_arms(arm: str) -> None:
    three = read(
        PEOPLE.assign(arm=["court", "contract", "caution", "court"] * 4),
        arms=("court", "contract", "caution"),
    )
    with pytest.raises(TrialError, match="3 arms; name the one to compare"):
        risk_effects(three, outcome="any", strata="suite")
    found = risk_effects(three, outcome="any", strata="suite", arm=arm)
    assert found.difference.contrast == (arm, "court")
    assert found.to_frame()["of"].tolist()[:2] == ["court", arm]


def test_nouns_cannot_change() -> None:
    found = risk_effects(read(), outcome="any")
    for noun, field in ((found, "risk"), (found.number_needed, "difference")):
        with pytest.raises(AttributeError):
            setattr(noun, field, None)
