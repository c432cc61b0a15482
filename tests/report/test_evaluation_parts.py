"""What stands beside the results: each part is its verb's, and what cannot be had says why."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from promised_trial import PARTS, estimand, people, promised, written

import checkpoint_eval as ce
from checkpoint_eval import models
from checkpoint_eval.balance import treatment_integrity
from checkpoint_eval.models import compare_pathways, subgroup_effects
from checkpoint_eval.outcomes import PathwayScores

LEADING = estimand("breach", "risk ratio") + estimand(
    "breach", "risk difference", more="confirmatory = true"
)


@pytest.fixture(scope="module")
def trial() -> ce.Trial:
    return promised(written(LEADING))


@pytest.fixture(scope="module")
def found(trial: ce.Trial) -> ce.Evaluation:
    return ce.evaluate(trial)


def results(found: ce.Evaluation) -> dict[tuple[str, str, tuple[str, ...], str], Any]:
    """The sensitivity results by outcome, measure, covariates and set."""
    return {
        (each.value.outcome, each.value.estimand, each.value.adjusted_for, each.value.analysis_set):
            each.value
        for each in found.sensitivity
        if isinstance(each.value, ce.Estimate)
    }  # fmt: skip


def test_the_leading_estimate_is_varied_one_thing_at_a_time(found: ce.Evaluation) -> None:
    """The confirmatory risk difference, given age; not again what the protocol promises."""
    breach = "breach"
    assert [
        (each.value.outcome, each.value.estimand, each.value.adjusted_for, each.value.analysis_set)
        for each in found.sensitivity
        if isinstance(each.value, ce.Estimate)
    ] == [
        (breach, "risk difference", ("age",), "per-protocol"),
        (breach, "risk difference", ("age",), "as-treated"),
        (breach, "risk difference", ("age",), "eligible"),
        (breach, "complier average effect", (), "itt"),
        (breach, "risk difference", (), "itt"),  # with navigators in the model
        (breach, "risk difference", (), "itt"),
        (breach, "risk ratio", (), "itt"),
        (breach, "odds ratio", (), "itt"),
        ("breach, strict", "risk difference", ("age",), "itt"),
    ]
    assert not any(each.confirmatory for each in found.sensitivity)
    planned = [each.value.outcome for each in found.sensitivity if each.value.planned]
    assert planned == ["breach, strict"]  # declared as a sensitivity analysis


def test_sensitivity_results_are_the_verbs(trial: ce.Trial, found: ce.Evaluation) -> None:
    held = results(found)
    difference = partial(models.risk_difference, trial, outcome="breach")
    for name, told in (
        ("per-protocol", "no randomised comparison: who complied differs from who did not, by arm"),
        ("as-treated", "no randomised comparison: who received treatment was chosen after"),
        ("eligible", ""),
    ):
        value = held["breach", "risk difference", ("age",), name]
        direct = difference(adjust="age", analysis_set=name)
        assert replace(value, method=direct.method) == direct
        assert told in value.method
        assert value.method.startswith(direct.method)
    complier = models.complier_average_effect(trial, outcome="breach")
    assert held["breach", "complier average effect", (), "itt"] == complier
    assert held["breach", "risk difference", (), "itt"] == difference()
    strict = models.risk_difference(trial, outcome="breach, strict", adjust="age")
    assert held["breach, strict", "risk difference", ("age",), "itt"] == replace(
        strict, planned=True
    )


def test_bounds_are_of_the_primary_outcome(trial: ce.Trial, found: ce.Evaluation) -> None:
    """Twelve of its outcomes are unknown; nobody's strict one is."""
    manski, lee = found.bounds
    assert manski == models.attrition_bounds(trial, outcome="breach")
    assert lee == models.attrition_bounds(trial, outcome="breach", method="lee")
    assert sum(manski.missing) == 12
    full = promised(written(LEADING), breached=people()["strict"])
    assert ce.evaluate(full).bounds == ()


def test_integrity_overall_by_era_and_by_stratum(trial: ce.Trial, found: ce.Evaluation) -> None:
    asked = [(), ("era",), ("site",)]
    assert [each.by for each in found.integrity] == asked
    direct = [treatment_integrity(trial, by=by, contacts="met") for by in asked]
    assert repr(found.integrity) == repr(tuple(direct))


def test_pathways_as_the_protocol_says(trial: ce.Trial, found: ce.Evaluation) -> None:
    assert trial.pathways is not None
    assert found.pathways is not None
    direct = compare_pathways(
        trial,
        trial.pathways,
        rng=np.random.default_rng([3, 1_000_000]),
        draws=99,
        threshold=1,
        adjust=["age"],
    )
    pd.testing.assert_frame_equal(found.pathways.to_frame(), direct.to_frame())
    assert found.pathways.planned
    assert found.pathways.threshold == 1
    assert trial.pathways.assessors == ("x", "y")
    other = PathwayScores.from_frame(
        people(),
        columns={
            "housing": ("housing_before", "housing_after"),
            "drugs": ("drugs_before", "drugs_after"),
        },
        scale="ordinal",
        id="who",
        assessors=("by_before", "by_after"),
    )
    assert (trial.pathways.follow_up == other.follow_up).all()
    assert (trial.pathways.assessor == other.assessor).all()


def test_inequality_of_amounts_not_of_grades(trial: ce.Trial, found: ce.Evaluation) -> None:
    [harm] = found.inequality
    assert harm.difference == models.harm_inequality(trial, outcome="harm").difference


def test_subgroups_of_the_leading_estimate(trial: ce.Trial, found: ce.Evaluation) -> None:
    """Age tells a subgroup, so it no longer adjusts."""
    [shown] = found.subgroups
    direct = subgroup_effects(
        trial,
        effect=partial(models.risk_difference, outcome="breach"),
        by=["sex", "age"],
        cuts={"age": [25, 35]},
        planned=["sex"],
        expected={"sex": ["f", "m"]},
    )
    pd.testing.assert_frame_equal(shown.to_frame(), direct.to_frame())
    assert [each.planned for each in shown.subgroups] == [True, False]


def test_deviations_are_counted_by_hand(trial: ce.Trial, found: ce.Evaluation) -> None:
    table = people()
    other = table[table["got"] != table["arm"]]["arm"].value_counts()
    lost = table[table["breached"].isna()]["arm"].value_counts()
    told = {each.what: each for each in found.deviations}
    assert told["another arm received"].counts == (other[0], other[1])
    assert told["outcome missing"].counts == (lost[0], lost[1])
    assert "'breach'" in told["outcome missing"].told
    assert "complier average effect of 'breach'" in told["computed, not promised"].told
    assert "breach, strict" not in told["computed, not promised"].told
    assert set(told) == {"another arm received", "outcome missing", "computed, not promised"}


def test_deviations_of_promises_that_could_not_be_kept() -> None:
    """No event in either arm; one person's arm received is not known; one outcome is a stranger."""
    table = people()
    text = written(estimand("breach", "risk difference") + estimand("reoffence", "hazard ratio"))
    received = table["got"].astype(float).where(table.index != 5)
    plain = promised(text, ev=0, why=["death"] + [None] * 159, got=received)
    extra = plain.outcomes["harm"]
    found = ce.evaluate(replace(plain, outcomes={**plain.outcomes, "another": extra}))
    told = {each.what: each for each in found.deviations}
    assert told["promised, not estimable"].told.startswith("hazard ratio of 'reoffence' adjusted")
    assert told["promised, not estimable"].counts == ()
    assert sum(told["arm received not known"].counts) == 1
    known = table.index != 5
    other = ((table["got"] != table["arm"]) & known).sum()
    assert sum(told["another arm received"].counts) == other
    assert "'another'" in told["observed, not promised"].told


def test_another_number_of_people_than_planned() -> None:
    plan = "\n[planning]\npeople = 200\ncontrol_risk = 0.5\ndifference = -0.2\n"
    found = ce.evaluate(promised(written(LEADING, PARTS + plan)))
    [told] = [each for each in found.deviations if each.what == "another number of people"]
    assert "200 were planned" in told.told
    assert sum(told.counts) == 160


def test_json_holds_everything_but_everybodys_own_harm(found: ce.Evaluation) -> None:
    content = json.loads(found.to_json(), parse_constant=lambda name: pytest.fail(name))
    assert len(content["sensitivity"]) == len(found.sensitivity)
    assert content["bounds"][0]["low"] == pytest.approx(found.bounds[0].low)
    assert content["integrity"][1]["by"] == ["era"]
    assert content["pathways"]["pathways"] == ["housing", "drugs"]
    assert content["inequality"][0]["gini"] == pytest.approx(list(found.inequality[0].gini))
    assert "share" not in content["inequality"][0]
    assert content["subgroups"][0]["subgroups"][0]["moderator"] == "sex"
    assert content["deviations"][0]["counts"] == list(found.deviations[0].counts)


def test_tables_tell_sections_apart(found: ce.Evaluation) -> None:
    table = found.to_frame()
    counts = table["section"].value_counts()
    assert (counts["results"], counts["sensitivity"]) == (2, len(found.sensitivity))
    told = repr(found)
    assert "Beside them: sensitivity: 9, bounds: 2, integrity: 3, inequality: 1" in told
    shown = found._repr_html_()
    for part in ("bounds", "integrity", "pathways", "inequality", "subgroups", "deviations"):
        assert f"<h4>{part}</h4>" in shown


def test_what_nobody_promised_never_stops_an_evaluation() -> None:
    """As-treated, one arm is empty; nobody complies; harm below 0 has no Gini coefficient."""
    table = people()
    trial = ce.Trial.from_frame(
        table.assign(got=0, harm=table["harm"] - 50),
        arm="arm",
        control=0,
        received="got",
        binary={"breach": "breached"},
        numeric={"harm": "harm"},
    )
    found = ce.evaluate(trial)
    held = results(found)
    for key in (
        ("breach", "risk difference", (), "per-protocol"),
        ("breach", "risk difference", (), "as-treated"),
        ("breach", "complier average effect", (), "itt"),
    ):
        assert np.isnan(held[key].value)
        assert "not estimable" in held[key].method
    assert held["breach", "risk difference", (), "as-treated"].n == (148, 0)
    assert found.inequality == ()
    assert not found.to_frame()["planned"].any()


def test_bounds_that_cannot_be_had_say_why() -> None:
    """Nobody in control is seen among those whose outcome could be."""
    table = people()
    lost = table["breached"].where(table["arm"] == 1)
    trial = ce.Trial.from_frame(
        table.assign(breached=lost, days=1.0), arm="arm", control=0, binary={"b": "breached"}
    )
    with pytest.raises(ce.ImpossibleDesign):
        models.attrition_bounds(trial, outcome="b")
    found = ce.evaluate(trial)
    assert [each.estimable for each in found.bounds] == [False, False]
    assert "not estimable: Arm" in found.bounds[0].method
    assert found.bounds[0].missing[0] == (table["arm"] == 0).sum()
    assert not any(each.value.estimable for each in found.results)


def test_several_arms_each_have_their_parts() -> None:
    table = people()
    trial = ce.Trial.from_frame(
        table.assign(arm=np.arange(160) % 3, got=np.arange(160) % 3),
        arm="arm",
        control=0,
        arms=(0, 1, 2),
        received="got",
        binary={"breach": "breached"},
        numeric={"harm": "harm"},
        pathways={"drugs": ("drugs_before", "drugs_after")},
    )
    found = ce.evaluate(trial)
    assert [each.contrast[0] for each in found.bounds] == ["1", "1", "2", "2"]
    assert [each.difference.contrast[0] for each in found.inequality] == ["1", "2"]
    assert found.pathways is None
    [told] = [each for each in found.deviations if each.what == "not computed"]
    assert "compares two arms, the trial has 3" in told.told


def test_amounts_without_a_protocol_are_never_a_bare_t_test() -> None:
    table = people()
    trial = ce.Trial.from_frame(
        table, arm="arm", control=0, numeric={"harm": "harm", "severity": "grade"}
    )
    shown = ce.evaluate(trial).to_frame().groupby("outcome", sort=False)["measure"].apply(list)
    amount = ["mean difference", "trimmed mean difference", "superiority difference"]
    amount += ["randomisation test (mean difference)"]
    assert shown["harm"] == amount
    assert shown["severity"] == ["ordinal odds ratio", *amount]


def test_a_protocol_of_tests_alone_still_has_a_leading_estimate() -> None:
    text = written(estimand("breach", "randomisation test (risk difference)"))
    found = ce.evaluate(promised(text))
    [first, *_] = found.sensitivity
    assert isinstance(first.value, ce.Estimate)
    assert (first.value.estimand, first.value.analysis_set) == ("risk difference", "per-protocol")


def test_a_subgroup_that_cannot_be_asked_is_refused_with_the_protocol() -> None:
    text = written(LEADING, PARTS.replace("cuts = [25, 35]\n", ""))
    with pytest.raises(ce.InvalidProtocol, match=r"\[\[subgroups\]\]: .*'age' holds numbers.*cuts"):
        ce.evaluate(promised(text))


def test_a_trial_without_the_promised_pathways_is_refused(trial: ce.Trial) -> None:
    with pytest.raises(ce.InvalidProtocol, match=r"pathways are \('housing', 'drugs'\).*not told"):
        ce.evaluate(replace(trial, pathways=None))
