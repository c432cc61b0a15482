"""Three arms: sentences and rows that tell of each, and measures of two arms that are refused."""

import re

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.design import parse_protocol
from checkpoint_eval.errors import InvalidProtocol
from checkpoint_eval.models import ordinal_odds_ratio
from checkpoint_eval.report import decision_table
from checkpoint_eval.report.sections_headline import headline_section
from checkpoint_eval.report.sections_results import planned_section

PROTOCOL = """
title = "three arms"
unit = "days"
horizon = 100
covariates = ["age"]
[columns]
arm = "arm"
received = "got"
[[arms]]
label = 0
name = "charge"
[[arms]]
label = 1
name = "caution"
[[arms]]
label = 2
name = "contract"
[allocation]
ratio = [1, 1, 1]
strata = ["site"]
[[outcomes]]
name = "again"
primary = true
variable = "first offence"
metric = "time"
aggregation = "share"
time = "days"
event = "event"
[[estimands]]
outcome = "again"
measure = "risk difference"
confirmatory = true
[[estimands]]
outcome = "again"
measure = "restricted mean difference"
"""
PER_PROTOCOL = 'analysis_set = "per-protocol"\n'


def found(protocol: str = PROTOCOL) -> ce.Evaluation:
    """Sixty people; of 4, 3 and 2 by arm the outcome is unknown."""
    arm = np.resize([0, 1, 2], 60)
    place = np.arange(60) // 3
    days = np.where(place < 4 - arm, np.nan, 10.0 + 6 * place)
    people = pd.DataFrame(
        {
            "arm": arm,
            "got": arm,
            "site": np.where(place % 2, "a", "b"),
            "age": 20 + place,
            "days": np.minimum(days, 100),
            "event": np.where(np.isnan(days), np.nan, days < 100 - 20 * arm),
        }
    )
    return ce.evaluate(ce.Trial.from_protocol(people, parse_protocol(protocol)))


def test_the_unknown_are_told_of_every_arm() -> None:
    """Counted above: a sentence that stops at two arms hides whom the third lost."""
    told = " ".join(headline_section(found()).paragraphs)
    assert "(charge 4, caution 3, contract 2)" in told


def test_the_headline_says_when_another_set_is_compared() -> None:
    everyone = " ".join(headline_section(found()).paragraphs)
    assert "In these results everyone is counted in the arm they were assigned to" in everyone
    other = " ".join(headline_section(found(PROTOCOL + PER_PROTOCOL)).paragraphs)
    assert "In these results, unless another set is named, everyone is counted" in other


def test_each_criterion_names_its_arm() -> None:
    evaluation = found()
    table = decision_table(evaluation)
    assert table.loc[table["confirmatory"], "treatment"].tolist() == ["caution", "contract"]
    (criteria,) = [
        each
        for each in planned_section(evaluation, {}).tables
        if each.caption == "Confirmatory results beside the criterion promised"
    ]
    assert [row[0] for row in criteria.rows] == [
        "again: risk difference, caution",
        "again: risk difference, contract",
    ]


def test_restricted_means_say_which_variance_and_that_strata_do_not_enter() -> None:
    """So that another hand can work the number out from the words."""
    for each in found().results[2:]:
        assert each.value.method == (
            "area under Kaplan–Meier to 100 days; Greenwood variance; unstratified; Wald interval"
        )


@pytest.mark.parametrize(
    "measure",
    ["MaxCombo test", "covariate-adjusted log-rank test", "randomisation test (log-rank)"],
)
def test_measures_of_two_arms_are_refused_when_promised(measure: str) -> None:
    """Not when everything else has been computed."""
    asked = PROTOCOL.replace("restricted mean difference", measure)
    asked += 'adjust = ["age"]\n' if "covariate" in measure else ""
    says = f"{measure!r} compares two arms, and there are 3; choose from risk difference, "
    with pytest.raises(InvalidProtocol, match=re.escape(says)) as refused:
        parse_protocol(asked)
    offered = str(refused.value).partition("choose from ")[2]
    assert "log-rank test" in offered
    assert measure not in offered.split(", ")


def test_grades_of_minus_nothing_are_of_nothing() -> None:
    people = pd.DataFrame({"arm": [0, 1] * 30, "grade": np.resize([-0.0, 1, 2, 1, 0.0], 60)})
    trial = ce.Trial.from_frame(people, arm="arm", control=0, numeric={"grade": "grade"})
    method = ordinal_odds_ratio(trial, outcome="grade").method
    assert "grades 0: 12 against 12, 1: 12 against 12, 2: 6 against 6;" in method
