"""What the fuzz found to escape as another error, or to be surer than two people can be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.errors import InvalidData, TrialError

RNG = np.random.default_rng


def read(**columns: list[Any]) -> ce.Trial:
    """Two arms with a grade, a yes or no, and what was received."""
    table = {
        "arm": [0, 1] * 6,
        "grade": [0, 1, 2, 1, 0, 0, 2, 1, 1, 0, 2, None],
        "any": [0, 1, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0],
        "got": [0, 1] * 5 + [0, 0],
        "age": [20, 31, 25, 44, 38, 27, 51, 33, 29, 46, 22, 35],
    } | columns
    return ce.Trial.from_frame(
        pd.DataFrame(table),
        arm="arm",
        control=0,
        received="got",
        covariates=["age"],
        numeric={"grade": "grade"},
        binary={"any": "any"},
    )


@pytest.mark.parametrize("verb", [ce.models.mean_difference, ce.models.complier_average_effect])
@pytest.mark.parametrize("wrong", [None, 3, pd.DataFrame({"arm": [0, 1]})])
def test_what_is_no_trial(verb: Any, wrong: Any) -> None:
    """It is told that a trial is needed, before any of its fields is asked for."""
    with pytest.raises(TrialError, match="`trial` must be a `Trial`"):
        verb(wrong, outcome="grade")
    with pytest.raises(TrialError, match="`trial` must be a `Trial`"):
        ce.models.effects_by_analysis(wrong, outcome="any")


@pytest.mark.parametrize("grades", ["abc", ["low", "high"], [0, None, 2], 3, [0], [2, 1, 0]])
@pytest.mark.parametrize("verb", [ce.models.ordinal_odds_ratio, ce.models.proportional_odds_test])
def test_grades_that_are_no_ascending_numbers(verb: Any, grades: Any) -> None:
    """Words, holes and a single number are refused as such."""
    with pytest.raises(TrialError, match=r"`grades` must list"):
        verb(read(), outcome="grade", grades=grades)


@pytest.mark.parametrize("result", [3, None, "0.2"])
def test_an_analysis_that_gives_no_estimate(result: Any) -> None:
    """Both verbs that impute say what the function must return."""
    how: dict[str, Any] = {"outcome": "grade", "analysis": lambda _: result, "imputations": 3}
    with pytest.raises(TrialError, match=r"`analysis` must return an `Estimate`, got"):
        ce.models.multiple_imputation(read(), rng=RNG(1), **how)
    with pytest.raises(TrialError, match=r"`analysis` must return an `Estimate`, got"):
        ce.models.tipping_point(read(), deltas=[1.0], rng=RNG(1), **how)


@pytest.mark.parametrize("delta", [None, "a", math.inf, True])
def test_a_delta_that_is_no_number(delta: Any) -> None:
    """Every delta is checked before it is made a number."""
    with pytest.raises(TrialError, match=r"`deltas` must be finite, got"):
        ce.models.tipping_point(
            read(), outcome="grade", deltas=[1.0, delta], imputations=3, rng=RNG(1)
        )


@pytest.mark.parametrize("threshold", [None, "a", math.nan, math.inf, True])
def test_a_threshold_that_is_no_number(threshold: Any) -> None:
    """Of NaN every need would be absent, and of text nothing can be said."""
    scores = ce.outcomes.PathwayScores(
        pathways=("drugs",), baseline=[[1.0]] * 12, follow_up=[[0.0]] * 12
    )
    with pytest.raises(TrialError, match="`threshold` must be a finite number"):
        ce.models.co_occurrence(scores, threshold=threshold)
    with pytest.raises(TrialError, match="`threshold` must be a finite number"):
        ce.models.pathway_interactions(read(), scores, outcome="any", threshold=threshold)
    with pytest.raises(TrialError, match="`threshold` must be a finite number"):
        ce.models.compare_pathways(read(), scores, threshold=threshold, rng=RNG(1))


def test_a_column_of_numbers_is_told_how_to_be_cut() -> None:
    """What is shown can be pasted: one brace closes."""

    def effect(trial: ce.Trial, **how: Any) -> ce.Estimate:
        return ce.risk_difference(trial, outcome="any", **how)

    with pytest.raises(TrialError, match=r"as `cuts`=\{'age': \[\.\.\.\]\}\.$"):
        ce.models.subgroup_effects(read(), effect=effect, by="age")


@pytest.mark.parametrize("wrong", ["a", ["a"], {0.1, 0.2}, iter([0.1, 0.2])])
def test_families_that_are_no_numbers(wrong: Any) -> None:
    """Text and what has no order are refused by name."""
    with pytest.raises(TrialError, match="`p_values` must hold numbers"):
        ce.models.adjust_p_values(wrong, method="holm")
    with pytest.raises(TrialError, match="`values` must hold numbers"):
        ce.models.shrunken_effects(wrong, [1.0, 1.0])
    with pytest.raises(TrialError, match="`statistics` must hold numbers"):
        ce.models.westfall_young(wrong, [[1.0, 2.0]])


def test_rows_of_p_values_and_ragged_draws() -> None:
    """A table is no family, and draws are of one length."""
    with pytest.raises(TrialError, match="one for each test"):
        ce.models.adjust_p_values([[0.1, 0.2]], method="holm")  # type: ignore[list-item]
    with pytest.raises(TrialError, match="`redrawn` must hold numbers"):
        ce.models.westfall_young([1.0], [[1.0], [2.0, 3.0]])


def counts(*four: Any) -> ce.models.TwoProportions:
    """Control events and people, treatment events and people."""
    names = ("control_events", "control_n", "treatment_events", "treatment_n")
    return ce.models.TwoProportions(**dict(zip(names, four, strict=True)))


@pytest.mark.parametrize(
    ("four", "why"),
    [
        (("a", [2], [1], [2]), "`control_events` must hold numbers"),
        (([1], [math.inf], [1], [2]), "somebody is needed"),
        (([1], [2], [math.nan], [2]), "somebody is needed"),
        (([1, 2], [3, 3], [1, 2, 3], [3, 3, 3]), r"shapes .*\(2,\).*\(3,\)"),
    ],
)
def test_counts_that_make_no_table(four: Any, why: str) -> None:
    """Text, endless arms and batches of unlike length."""
    with pytest.raises(InvalidData, match=why):
        counts(*four)


def test_counts_cannot_change_after_birth() -> None:
    """The caller's arrays are copied, and the copies can be read only."""
    events = np.array([1.0, 2.0])
    table = counts(events, [4, 4], [1, 1], [4, 4])
    events[0] = 4
    assert table.control_events.tolist() == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        table.control_n[0] = 1


@pytest.mark.parametrize("method", ["manski", "lee", "horowitz-manski"])
def test_a_narrow_level_is_a_level(method: Any) -> None:
    """A level of single precision bounds as its value does, to that precision."""
    how: dict[str, Any] = {"outcome": "any", "method": method}
    narrow = ce.models.attrition_bounds(read(), level=np.float32(0.9), **how)  # type: ignore[arg-type]
    wide = ce.models.attrition_bounds(read(), level=float(np.float32(0.9)), **how)
    assert (narrow.interval_low, narrow.interval_high) == (wide.interval_low, wide.interval_high)


@pytest.mark.parametrize("method", ["manski", "lee", "horowitz-manski"])
def test_bounds_from_people_who_do_not_vary(method: Any) -> None:
    """One person in an arm, or none that differs: bounds, but no interval of no width."""
    for arm, seen, want, why in [
        ([0, 1], [0, 1], 1, "one person in 'control', so no variance there"),
        ([0, 0, 0, 1], [0, 1, 0, 1], 2 / 3, "one person in 'treatment', so no variance there"),
        ([0, 0, 1, 1], [0, 0, 1, 1], 1, "no variation is left within arms"),
    ]:
        table = pd.DataFrame({"arm": arm, "any": seen})
        trial = ce.Trial.from_frame(table, arm="arm", control=0, binary={"any": "any"})
        found = ce.models.attrition_bounds(trial, outcome="any", method=method)
        assert found.low <= found.high
        assert (found.low, found.high) == pytest.approx((want, want))
        assert math.isnan(found.interval_low)
        assert math.isnan(found.interval_high)
        assert all(map(math.isnan, found.std_errors))
        assert f"interval not estimable: {why}" in found.method
        assert "Imbens–Manski interval" not in found.method


def test_a_wald_interval_of_no_width_is_told() -> None:
    """Risks of 0 and 1 have no variance by Wald's formula: the answer says so, and what to use."""
    for events, value in ([0] * 12, 0), ([0, 1] * 6, 1):
        trial = read(any=events)
        wald = ce.risk_difference(trial, outcome="any", interval="wald")
        assert (wald.low, wald.value, wald.high) == (value, value, value)
        assert "no width" in wald.method
        newcombe = ce.risk_difference(trial, outcome="any")
        assert newcombe.low < newcombe.high
        assert "no width" not in newcombe.method
