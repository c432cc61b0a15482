"""What a report says: each section's presence and numbers, the headline's words, the checklists."""

import dataclasses
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval import balance, cohort, models
from checkpoint_eval.design import Planning
from checkpoint_eval.report import Deviation, Result
from checkpoint_eval.report.checklist_items import CONSORT, CRIMPORT
from checkpoint_eval.report.checklists import BLANK, consort_answers, crimport_answers
from checkpoint_eval.report.rendering import draw_all
from checkpoint_eval.report.sections import Section, Table
from checkpoint_eval.report.sections_all import report_sections
from checkpoint_eval.report.sections_headline import headline, headline_section

ANCHORS = [
    *("headline", "flow", "baseline", "balance", "integrity", "planned", "curves", "pathways"),
    *("harm", "sensitivity", "exploratory", "deviations", "intercurrent", "consort", "crimport"),
    "provenance",
]


@pytest.fixture(scope="module")
def checkpoint() -> ce.Evaluation:
    """A synthetic Checkpoint trial with a part for every section but pathways."""
    trial = cohort.practice_trial(ce.generate(ce.checkpoint_scenario(), np.random.default_rng(7)))
    found = ce.evaluate(trial)
    return dataclasses.replace(
        found,
        integrity=(balance.treatment_integrity(trial),),
        bounds=(models.attrition_bounds(trial, outcome="reoffended", method="manski"),),
        inequality=(models.harm_inequality(trial, outcome="harm"),),
        deviations=(Deviation(what="another arm received", told="sent to court", counts=(3, 8)),),
        subgroups=(
            models.subgroup_effects(
                trial, effect=partial(models.risk_difference, outcome="reoffended"), by="suite"
            ),
        ),
    )


def by_anchor(evaluation: ce.Evaluation) -> dict[str, Section]:
    return {each.anchor: each for each in report_sections(evaluation, draw_all(evaluation))}


def tables_of(section: Section) -> dict[str, Table]:
    found = {table.caption: table for table in section.tables}
    for part in section.parts:
        found |= tables_of(part)
    return found


def words(section: Section) -> str:
    return " ".join((*section.paragraphs, *(words(part) for part in section.parts)))


def test_the_sections_stand_in_order_and_each_says_something(
    evaluation: ce.Evaluation, checkpoint: ce.Evaluation
) -> None:
    for each in (evaluation, checkpoint):
        sections = report_sections(each, draw_all(each))
        assert [section.anchor for section in sections] == ANCHORS
        assert all(section.paragraphs for section in sections)
        captions = [caption for section in sections for caption in tables_of(section)]
        assert len(captions) == len(set(captions)), "captions name tables, so they must differ"


def test_every_figure_is_shown_once(checkpoint: ce.Evaluation) -> None:
    drawings = draw_all(checkpoint, kinds=())
    sections = report_sections(checkpoint, drawings)
    shown = sorted(drawing.name for section in sections for drawing in section.drawings)
    assert shown == sorted(drawing.name for drawing in drawings)
    assert all(drawing.svg == "" and drawing.png == b"" for drawing in drawings)


def test_what_is_not_there_is_told(evaluation: ce.Evaluation) -> None:
    """The Maryland trial has no arm received, no pathways and no numeric outcome."""
    found = by_anchor(evaluation)
    assert "not recorded" in words(found["integrity"])
    assert "no scores" in words(found["pathways"])
    assert "No outcome measures harm" in words(found["harm"])
    assert "Every result was planned." in words(found["exploratory"])
    assert "treatment policy" in words(found["intercurrent"])
    for anchor in ("integrity", "pathways", "harm", "exploratory"):
        assert not found[anchor].tables
        assert not found[anchor].drawings


def test_golden_tables(evaluation: ce.Evaluation) -> None:
    """Counts of the file: 216 a side, 66 and 48 re-arrested; the rest as R's survival has it."""
    found = by_anchor(evaluation)
    flow = tables_of(found["flow"])["People at each step, by arm"]
    assert flow.columns == ("Step", "no aid", "financial aid")
    assert flow.rows == (
        ("Randomised", "216", "216"),
        ("Rearrest unknown", "0", "0"),
        ("Rearrest analysed", "216", "216"),
    )
    baseline = tables_of(found["baseline"])["Baseline characteristics"]
    assert baseline.columns[1:] == ("no aid\nn = 216", "financial aid\nn = 216")
    assert baseline.rows[0] == ("age, mean (SD)", "24.2 (5.7)", "25.0 (6.5)")
    confirmatory = tables_of(found["planned"])["Planned, confirmatory"].rows
    assert len(confirmatory) == 1
    assert confirmatory[0][1:] == ("itt", "66/216", "48/216", "0.684 (0.470 to 0.996)", "0.047")
    curve = tables_of(found["curves"])["Share without rearrest, and people at risk"]
    assert curve.columns == ("Arm", "0 weeks", "13 weeks", "26 weeks", "39 weeks", "52 weeks")
    # 150 of 216 and 168 of 216 were never re-arrested; at risk in the last week are those and
    # its events.
    assert [row[-1] for row in curve.rows] == ["69.4%", "154", "77.8%", "168"]
    checks = tables_of(found["balance"])["Checks of the randomisation"]
    assert checks.rows[1][1:] == ("4.251 on 6 df", "0.643")
    assert ("prio", "0.00") in [
        (row[0], row[1].lstrip("+−"))
        for row in tables_of(found["balance"])["Standardised differences at baseline"].rows
    ]


def test_the_flow_reconciles(checkpoint: ce.Evaluation) -> None:
    """Unknown and analysed make randomised, for every outcome and arm."""
    rows = {row[0]: row[1:] for row in tables_of(by_anchor(checkpoint)["flow"]).popitem()[1].rows}
    received = checkpoint.flow.steps[1].counts
    assert received[0] != received[1], "or arms could not be told apart"
    assert tuple(map(int, rows["Randomised"])) == checkpoint.flow.steps[0].counts
    assert tuple(map(int, rows["Received as assigned"])) == received
    for name in ("Reoffence", "Reoffended", "Harm"):
        for arm, randomised in enumerate(rows["Randomised"]):
            parts = int(rows[f"{name} unknown"][arm]) + int(rows[f"{name} analysed"][arm])
            assert parts == int(randomised)


def test_results_planned_and_not_are_kept_apart(evaluation: ce.Evaluation) -> None:
    extra = dataclasses.replace(evaluation.results[1].value, planned=False)
    mixed = dataclasses.replace(evaluation, results=(*evaluation.results, Result(value=extra)))
    found = by_anchor(mixed)
    assert len(tables_of(found["exploratory"])["Exploratory"].rows) == 1
    planned = tables_of(found["planned"])
    assert "Exploratory" not in planned
    assert len(planned["Planned, not confirmatory"].rows) == len(evaluation.results) - 1
    assert [each.name for each in found["exploratory"].drawings] == ["forest-exploratory"]
    assert [each.name for each in found["planned"].drawings] == ["forest"]


def test_parts_of_a_full_evaluation(checkpoint: ce.Evaluation) -> None:
    found = by_anchor(checkpoint)
    overall = tables_of(found["integrity"])["Treated as assigned, overall"]
    row = checkpoint.integrity[0].rows[0]
    assert overall.rows[0][1:5] == tuple(
        str(each) for each in (row.people, row.as_assigned, row.otherwise, row.unknown)
    )
    crossed = tables_of(found["integrity"])["Arm assigned and arm received"]
    assert crossed.rows[1][1] == str(checkpoint.integrity[0].crossed_over[1][0])
    bounds = tables_of(found["sensitivity"])["Bounds for missing outcomes"].rows[0]
    low, high = checkpoint.bounds[0].low, checkpoint.bounds[0].high
    assert bounds[3] == f"{100 * low:+.1f} to {100 * high:+.1f} points".replace("-", "−")
    harm = found["harm"].tables[0]
    assert harm.rows[1][3].startswith(f"{checkpoint.inequality[0].gini[1]:.2f} (")
    departures = tables_of(found["deviations"])["Departures found in the data"]
    assert departures.rows == (("Another arm received", "Sent to court", "3", "8"),)
    subgroups = [name for name in tables_of(found["exploratory"]) if "subgroups" in name]
    assert len(subgroups) == 1


def test_pathways_are_told() -> None:
    rng = np.random.default_rng(5)
    n = 80
    before = rng.integers(0, 5, (n, 2)).astype(float)
    people = pd.DataFrame({"arm": [0, 1] * (n // 2), "y": rng.integers(0, 2, n)})
    trial = ce.Trial.from_frame(people, arm="arm", control=0, binary={"y": "y"})
    scores = ce.outcomes.PathwayScores(
        pathways=("drugs", "housing"), baseline=before, follow_up=np.maximum(before - 1, 0)
    )
    found = models.compare_pathways(trial, scores, draws=99, rng=rng)
    table = by_anchor(dataclasses.replace(ce.evaluate(trial), pathways=found))["pathways"].tables
    assert [row[0] for row in table[0].rows] == ["drugs", "housing"]
    need = " / ".join(str(each) for each in found.counts.need[0])
    assert table[0].rows[0][1] == need


def estimate(**changes: Any) -> ce.Estimate:
    """A risk difference of 30 of 100 against 40 of 100, unless changed."""
    held: dict[str, Any] = {
        "estimand": "risk difference",
        "outcome": "rearrest",
        "analysis_set": "itt",
        "contrast": ("financial aid", "no aid"),
        "scale": "difference",
        "value": -0.1,
        "low": -0.23,
        "high": 0.03,
        "level": 0.95,
        "p_value": 0.14,
        "method": "m",
        "n": (100, 100),
        "events": (40, 30),
        "by_arm": (0.4, 0.3),
        "planned": True,
    }
    return ce.Estimate(**held | changes)


def told(evaluation: ce.Evaluation, *values: ce.Estimate, **standing: Any) -> str:
    results = tuple(Result(value=each, **standing) for each in values)
    return headline(dataclasses.replace(evaluation, results=results))


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        (
            {},
            [
                "10.0 fewer in every 100 people under financial aid than under no aid.",
                "anything from 23.0 fewer to 3.0 more in every 100, so they do not settle",
                "30 of 100 people assigned to financial aid (30.0%)",
            ],
        ),
        (
            {"value": 0.1, "low": 0.02, "high": 0.18, "events": (30, 40), "by_arm": (0.3, 0.4)},
            ["10.0 more in every 100", "anything from 18.0 more to 2.0 more in every 100 "],
        ),
        (
            {"value": -0.1, "low": -0.2, "high": -0.002},
            ["anything from 20.0 fewer to 0.2 fewer in every 100 (the 95% interval"],
        ),
        (
            {"value": 0.0, "low": -0.1, "high": 0.1, "by_arm": (0.3, 0.3), "events": (30, 30)},
            ["no difference between financial aid and no aid"],
        ),
        (
            {
                "value": float("nan"),
                "low": float("nan"),
                "high": float("nan"),
                "method": "not estimable: nobody was followed so long",
            },
            ["The risk difference of “rearrest” cannot be estimated: nobody was followed so long."],
        ),
        (
            {
                "estimand": "restricted mean difference",
                "value": 2.0,
                "low": 0.5,
                "high": 3.5,
                "unit": "weeks",
                "by_arm": (44.0, 46.0),
            },
            [
                "on average 2.00 weeks more free of it a person under financial aid",
                "46.00 assigned",
            ],
        ),
        (
            {"estimand": "survival difference", "value": 0.1, "low": 0.02, "high": 0.18},
            ["10.0 more in every 100 people free of it under financial aid"],
        ),
        (
            {"adjusted_for": ("age",), "by_arm": (0.41, 0.31)},
            ["an estimated 31.0%, as if the arms were alike", "adjusted for age"],
        ),
    ],
)
def test_the_headline_tells_the_absolute_effect(
    evaluation: ce.Evaluation, changes: dict[str, Any], sentences: list[str]
) -> None:
    found = told(evaluation, estimate(**changes))
    for sentence in sentences:
        assert sentence in found, found


RATIO = {"estimand": "risk ratio", "scale": "ratio", "value": 0.75, "low": 0.5, "high": 1.125}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "the share under financial aid was 25% lower than under no aid; anything from 50%"),
        ({}, "lower to 12% higher fits the data"),
        ({"value": 1.0}, "the share was the same as under no aid"),
        ({"value": 2.5, "high": float("inf")}, "was 2.5 times as high as under no aid"),
        ({"estimand": "odds ratio"}, "financial aid against no aid: odds ratio 0.75 (0.50 to"),
    ],
)
def test_the_headline_of_a_ratio_alone(
    evaluation: ce.Evaluation, changes: dict[str, Any], sentence: str
) -> None:
    assert sentence in told(evaluation, estimate(**RATIO | changes))


def test_the_headline_names_what_was_confirmatory_beside_what_it_tells(
    evaluation: ce.Evaluation,
) -> None:
    assert "confirmatory is the hazard ratio, adjusted for age" in headline(evaluation)
    assert "confirmatory is" not in told(evaluation, estimate(), confirmatory=True)


def test_a_planned_result_of_everyone_is_told_before_any_other(evaluation: ce.Evaluation) -> None:
    other = estimate(value=-0.3, low=-0.4, high=-0.2, planned=False)
    subset = estimate(value=-0.2, low=-0.4, high=-0.1, analysis_set="per-protocol")
    found = told(evaluation, other, subset, estimate())
    assert "10.0 fewer" in found
    assert "30.0 fewer" not in found


def test_what_is_not_known_is_told(evaluation: ce.Evaluation) -> None:
    some_missing = (Result(value=estimate(missing=(4, 6))),)
    told_of = headline_section(dataclasses.replace(evaluation, results=some_missing)).paragraphs[-1]
    assert "no proof of no effect" in told_of
    assert "unknown (no aid 4, financial aid 6)" in told_of


@pytest.mark.parametrize("name", ["evaluation", "checkpoint"])
def test_no_verdicts(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Neither the page's own words nor those of methods call anything significant or proven."""
    page = ce.write_report(request.getfixturevalue(name), tmp_path / "r.html", disclosure=None)
    text = re.sub(r"<style>.*?</style>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not re.findall(
        r"significan|\beffective\b|\bworks\b|\bproved\b|\bproven\b", text, flags=re.IGNORECASE
    )


def test_checklists_have_every_item_and_invent_nothing(evaluation: ce.Evaluation) -> None:
    """CONSORT 2025 has 30 items, 42 with their letters; CrimPORT 12 sections, six items in one."""
    numbers = [number for number, _ in CONSORT]
    assert len(numbers) == 42
    assert len({int(re.sub(r"\D", "", number)) for number in numbers}) == 30
    first = ["1A", "1B-D", "1E", "1F1", "1F2", "1F3"]
    assert [number for number, _ in CRIMPORT] == [*first, *map(str, range(2, 13))]
    answers = consort_answers(evaluation)
    assert set(answers) <= set(numbers)
    assert answers["2"] == evaluation.protocol.registration
    assert "216" in answers["22a"]
    # What no protocol and no data can tell.
    for number in ("5a", "5b", "6", "8", "11", "12a", "13", "16a", "18", "19", "20a", "27", "29"):
        assert number not in answers
    table = by_anchor(evaluation)["consort"].tables[0]
    assert dict(zip(numbers, (row[2] for row in table.rows), strict=True))["29"] == BLANK
    assert crimport_answers(evaluation)["7"] == "complete, ratio 1:1, control first"
    assert crimport_answers(evaluation)["1A"] == evaluation.protocol.title
    assert not {"1B-D", "1F1", "2", "12"} & set(crimport_answers(evaluation))
    assert set(crimport_answers(evaluation)) <= {number for number, _ in CRIMPORT}
    bare = dataclasses.replace(evaluation, protocol=None)
    assert "9" not in consort_answers(bare)
    assert "7" not in crimport_answers(bare)


def test_the_checklist_tells_what_was_planned(evaluation: ce.Evaluation) -> None:
    plan = Planning(people=521, control_risk=0.48, difference=-0.103, looks=(0.5, 1.0))
    planned = dataclasses.replace(evaluation.protocol, planning=plan)
    answers = consort_answers(dataclasses.replace(evaluation, protocol=planned))
    assert "521 people" in answers["16a"]
    assert "-10.3 points" in answers["16a"]
    assert "48% of control" in answers["16a"]
    assert "50%, 100%" in answers["16b"]


def test_intercurrent_events_stand_in_the_tables(evaluation: ce.Evaluation) -> None:
    value = dataclasses.replace(
        evaluation.results[0].value, intercurrent=(("custody", "while on treatment"),)
    )
    held = dataclasses.replace(
        evaluation, results=(dataclasses.replace(evaluation.results[0], value=value),)
    )
    assert ce.report.estimates_table(held).loc[0, "intercurrent"] == "custody: while on treatment"
    table = tables_of(by_anchor(held)["planned"])["Planned, confirmatory"]
    assert table.columns[-1] == "Intercurrent events"
    assert table.rows[0][-1] == "custody: while on treatment"
    plain = ce.report.estimates_table(evaluation)
    assert set(plain["intercurrent"]) == {"treatment policy for all"}


def test_the_page_says_how_counts_are_protected(evaluation: ce.Evaluation, tmp_path: Path) -> None:
    safe = ce.write_report(evaluation, tmp_path / "safe.html").read_text(encoding="utf-8")
    assert "Counts below 10 are withheld" in safe
    assert "counts are withheld or rounded: see Provenance" in safe
    assert ">216<" not in safe
    bare = ce.write_report(evaluation, tmp_path / "bare.html", disclosure=None)
    assert "without disclosure control" in bare.read_text(encoding="utf-8")
