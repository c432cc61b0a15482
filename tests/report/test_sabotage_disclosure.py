"""Attempts to learn from a protected evaluation how few people something is about."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from promised_trial import promised

import checkpoint_eval as ce
from checkpoint_eval import models
from checkpoint_eval.outcomes import PathwayScores
from checkpoint_eval.report import Disclosure, Withheld, protect
from checkpoint_eval.report.disclosure_counts import HeardCounts
from checkpoint_eval.report.disclosure_estimates import estimate_told
from checkpoint_eval.report.disclosure_nouns import deviation_told
from checkpoint_eval.report.disclosure_texts import text_told, without_reasons
from checkpoint_eval.report.evaluation import Deviation

RULE = Disclosure()

# What verbs say of their method that was found in the data, and what may be told of it.
FOUND = [
    ("ordinal; grades 0: 2 against 18, 1: 3 against 24; Wald", "ordinal; Wald"),
    (
        "Ghosh–Lin mean by 418 days, terminal events: 3 of court, 5 of contract; Wald",
        "Ghosh–Lin mean by 418 days, terminal events: withheld; Wald",
    ),
    ("wins / losses; of 992 pairs harm decided 0.0%, tied 100.0%; Wald", "wins / losses; Wald"),
    ("mixed model; 4 navigators with 3 to 26 people; t interval", "mixed model; t interval"),
    ("HC2 variance; t interval on 62 degrees of freedom", "HC2 variance; t interval"),
    ("two-stage; 94.3% comply; first-stage F = 106.5", "two-stage"),
    ("Lee; 'contract' trimmed by 2.67% of those seen; Imbens", "Lee; Imbens"),
    ("nobody counting for less than 2 or more than 54; t interval", "t interval"),
    ("mean count (0.110558 to 4.27913 years); Wald", "mean count; Wald"),
    ("stratified by site (1 of 2 strata hold one arm only)", "stratified by site"),
    ("all 70 allocations of complete randomisation", "all allocations of complete randomisation"),
    ("`horizon` is 365 days, beyond arm 'court', which ends at 349", "withheld"),
    ("as 1 person is censored earlier", "as fewer than 10 people are censored earlier"),
    ("as 39 people are censored earlier", "as 40 people are censored earlier"),
]
# Numbers that somebody chose, and names.
CHOSEN = [
    "99 allocations redrawn by complete randomisation; two-sided (b + 1)/(B + 1)",
    "largest of Fleming–Harrington(0, 0), Fleming–Harrington(0, 1); joint normal p",
    "means of the middle 60% of each arm (Yuen and Welch)",
    "exact binomial against 1:1, control first",
    "area under Kaplan–Meier to 365 days; HC2 variance; NB2",
    "wins / losses, above 1 is in favour of treatment; the ratio is 0 or 1",
    "difference / sqrt((s1² + s0²)/2), n − 1",
    "521 were planned; those randomised are counted",
    "not estimable: nobody in 'site 3' was assessed",
]


@pytest.mark.parametrize(("said", "told"), FOUND)
def test_numbers_that_were_found_are_not_told(said: str, told: str) -> None:
    assert text_told(said, RULE) == told


@pytest.mark.parametrize("said", CHOSEN)
def test_numbers_that_were_chosen_are_told(said: str) -> None:
    assert text_told(said, RULE) == said


def test_names_keep_their_numbers() -> None:
    said = "Cochran's Q by age; without 35 and above, adjusted for prior 5; 5 found"
    told = text_told(said, RULE, names=("35 and above", "prior 5"))
    assert told == "Cochran's Q by age; without 35 and above, adjusted for prior 5"


def test_a_reason_goes_with_its_number() -> None:
    """No events is a small count too."""
    assert without_reasons("risks; not estimable: no events; Wald") == "risks; Wald"
    assert without_reasons("risks; the ratio is infinite: a cell is 0") == "risks"
    told = "risk ratio of 'a: b' adjusted for x (per-protocol): no events: none"
    found = Deviation(what="promised, not estimable", told=told)
    shown = deviation_told(found, ("a", "b"), HeardCounts(RULE)).told
    assert shown == "risk ratio of 'a: b' adjusted for x (per-protocol)"


def read(columns: dict[str, Any], **how: Any) -> ce.Trial:
    n = len(next(iter(columns.values())))
    frame = pd.DataFrame({"arm": np.arange(n) % 2, **columns})
    return ce.Trial.from_frame(frame, arm="arm", control=0, **how)


def evaluated(trial: ce.Trial) -> ce.Evaluation:
    return ce.evaluate(trial, progress=iter)


def test_what_few_people_have_is_not_told_as_a_mean() -> None:
    """Harm by 2 of 40 and 3 of 40: mean times people is their sum, Gini near 1 their number."""
    harm = np.zeros(80)
    harm[[0, 2, 1, 3, 5]] = 30, 40, 20, 10, 5
    whole = evaluated(read({"harm": harm}, numeric={"harm": "harm"}))
    told = protect(whole)
    assert {each.value.estimable for each in whole.results if isinstance(each.value, ce.Estimate)}
    for result in told.results:
        if isinstance(result.value, ce.Estimate):
            assert not result.value.estimable
            assert np.isnan(result.value.by_arm).all()
    assert np.isnan(told.inequality[0].gini).all()
    assert np.isnan(np.concatenate(told.inequality[0].share)).all()
    many = evaluated(read({"harm": np.arange(80) % 7}, numeric={"harm": "harm"}))
    assert not np.isnan(protect(many).inequality[0].gini).any()


def test_counts_of_few_are_not_told_as_a_mean() -> None:
    """Four stops of 50 people are a mean of 0.08."""
    stops = np.zeros(100, dtype=int)
    stops[[0, 2, 4, 6]], stops[1::2] = 1, 1
    trial = read({"stops": stops}, counts={"stops": ("stops", None, "years")})
    whole = evaluated(trial)
    result = replace(whole.results[0], value=models.mean_difference(trial, outcome="stops"))
    value: Any = protect(replace(whole, results=(result,))).results[0].value
    assert result.value.by_arm == pytest.approx((0.08, 1.0))
    assert not value.estimable
    assert np.isnan(value.by_arm).all()


def crossed(few: int) -> ce.Evaluation:
    """Everybody of control as assigned, some of treatment not."""
    rng = np.random.default_rng(5)
    got = np.arange(120) % 2
    got[1 : 2 * few : 2] = 0
    return evaluated(
        read({"got": got, "any": rng.random(120) < 0.5}, binary={"any": "any"}, received="got")
    )


def test_compliers_do_not_tell_how_few_did_not_comply() -> None:
    """The effect on everyone divided by that on compliers is the share who complied."""
    few, many, nobody = map(crossed, (3, 25, 0))

    def found(evaluation: ce.Evaluation) -> Any:
        values = (each.value for each in evaluation.sensitivity)
        return next(
            each for each in values if getattr(each, "estimand", "") == "complier average effect"
        )

    counts = HeardCounts(RULE)
    for settled in (False, True):
        counts.tell(("received", "court", "contract"), 3)
        told = estimate_told(found(few), counts)
        assert told.estimable is not settled
        if not settled:
            counts = counts.settle()
    assert "how few received another arm" in told.method
    protected = [protect(each) for each in (few, many, nobody)]
    assert [found(each).estimable for each in protected] == [False, True, True]
    for each in protected:
        assert "comply" not in each.to_json()


def test_a_trial_in_which_all_went_as_assigned_is_not_emptied() -> None:
    """That nobody received another arm is told, so no other count goes for its sake."""
    told = protect(crossed(0))
    assert [step.counts for step in told.flow.steps] == [(60, 60), (60, 60), (0, 0), (60, 60)]
    assert told.integrity[0].rows[0].as_assigned == 60
    assert all(each.value.estimable for each in told.results)


def test_that_everybody_was_assessed_empties_no_report() -> None:
    """Nobody left out is no small count: with needs of everybody known, all numbers stay."""
    n = 400
    rng = np.random.default_rng(8)
    need = (rng.random((n, 2)) < 0.5).astype(float)
    after = np.where(rng.random((n, 2)) < 0.3, 0, need)
    scores = PathwayScores(
        pathways=("home", "drugs"), baseline=need, follow_up=after, scale="binary"
    )
    trial = read({"any": np.arange(n) % 3 == 0}, binary={"any": "any"})
    found = models.compare_pathways(trial, scores, rng=rng, draws=20)
    # Unrounded, so that 200 beside 200 is seen to be nobody.
    told = protect(replace(evaluated(trial), pathways=found), Disclosure(threshold=10, round_to=1))
    assert told.flow.steps[0].counts == (200, 200)
    assert all(each.value.estimable for each in told.results)
    assert told.pathways is not None
    assert told.pathways.counts.assessed_before.tolist() == [[200, 200]] * 2


def test_combinations_of_needs_do_not_tell_one_of_few() -> None:
    """30 need housing: 26 alone and, not told, 4 with drugs; 20 need drugs alone."""
    n = 120
    need = np.zeros((n, 2))
    need[:26, 0] = need[30:50, 1] = 1
    need[26:30] = 1
    scores = PathwayScores(
        pathways=("home", "drugs"), baseline=need, follow_up=need, scale="binary"
    )
    trial = read({"any": np.arange(n) % 3 == 0}, binary={"any": "any"})
    rng = np.random.default_rng(1)
    found = models.compare_pathways(trial, scores, rng=rng, draws=20)
    whole = replace(evaluated(trial), pathways=found)
    told = protect(whole, Disclosure(threshold=10, round_to=1)).pathways
    assert told is not None
    assert 4 not in told.together.counts
    alone = dict(
        zip(map(tuple, told.together.combinations.tolist()), told.together.counts, strict=True)
    )
    for place, only in enumerate([(True, False), (False, True)]):
        # One of the two that leave 4 when subtracted is withheld.
        assert isinstance(told.together.need[place], Withheld) or only not in alone


def test_all_allocations_are_not_numbered() -> None:
    test = ce.SignificanceTest(
        test="randomisation test",
        outcome="any",
        analysis_set="itt",
        arms=("a", "b"),
        statistic=0.4,
        p_value=0.3,
        method="all 184,756 allocations of complete randomisation; two-sided, exact",
        n=(30, 30),
        draws=184_756,
        exact=True,
    )
    whole = evaluated(read({"any": np.arange(60) % 3 == 0}, binary={"any": "any"}))
    told: Any = protect(replace(whole, results=(replace(whole.results[0], value=test),)))
    assert told.results[0].value.draws == 0
    assert "184" not in told.to_json()


@pytest.mark.parametrize("rare", [False, True])
def test_a_level_that_cannot_be_compared_is_protected(rare: bool) -> None:
    """It has no events to add up; the others must not tell how many it has."""
    rng = np.random.default_rng(2)
    any_, site = rng.random(100) < 0.5, np.where(np.arange(100) % 50 == 1, "rare", "usual")
    any_[site == "rare"] = rare  # none of two, or both
    trial = read({"any": any_, "site": site}, binary={"any": "any"}, factors=["site"])
    effect = partial(ce.risk_difference, outcome="any", strata=())
    found = models.subgroup_effects(trial, effect=effect, by=["site"])
    assert found.subgroups[0].effects[0].events == ()
    whole = replace(evaluated(trial), subgroups=(found,))
    assert protect(whole).subgroups[0].subgroups[0].levels == ("rare", "usual")
    told = protect(whole, Disclosure(threshold=10, round_to=1)).subgroups[0]
    usual = told.subgroups[0].effects[1]
    hidden = [isinstance(each, Withheld) for each in (*told.overall.events, *usual.events)]
    assert any(hidden[1::2]), "of treatment: everyone's less the usual is the rare one's"


@pytest.fixture(scope="module")
def everything() -> ce.Evaluation:
    """An evaluation in which every measure of every kind of outcome was promised."""
    return protect(evaluated(promised()))


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    return [value] if isinstance(value, str) else []


def test_no_words_of_any_measure_hold_what_was_found(everything: ce.Evaluation) -> None:
    content = json.loads(everything.to_json())
    content.pop("protocol")
    said = " | ".join(texts(content))
    tells = (
        r"\d+ against \d+|pairs \w+ decided|comply|degrees of freedom|trimmed by|navigators? with"
    )
    assert not re.findall(
        rf"{tells}|\d of (?:court|contract)|F = |ICC|more than \d|chi-square \d", said
    )
    assert "99 allocations redrawn" in said
    assert "proportional odds" in said
