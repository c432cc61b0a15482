"""What the page says in words: true of the trial at hand, in good English, without code."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval import report
from checkpoint_eval.report.evaluation import Result
from checkpoint_eval.report.sections_all import report_sections
from checkpoint_eval.report.sections_headline import headline, headline_section
from checkpoint_eval.report.tables import in_words
from checkpoint_eval.results import Estimate


def sections(evaluation: ce.Evaluation) -> dict[str, Any]:
    return {each.anchor: each for each in report_sections(evaluation, ())}


def words(section: Any) -> str:
    told = [*section.paragraphs]
    for table in section.tables:
        told += [table.caption, *table.columns, *(cell for row in table.rows for cell in row)]
        told += table.notes
    return "\n".join([*told, *(words(part) for part in section.parts)])


@pytest.fixture(scope="module")
def nobody() -> ce.Evaluation:
    """A trial in which nobody reoffends, and some are followed for less than the horizon."""
    days = np.resize([100, 365, 365], 60)
    people = pd.DataFrame({"arm": [0, 1] * 30, "days": days, "again": 0})
    trial = ce.Trial.from_frame(
        people, arm="arm", control=0, times={"reoffence": ("days", "again", "days")}
    )
    return ce.evaluate(trial)


def test_curves_that_are_withheld_are_not_said_to_be_of_no_time(nobody: ce.Evaluation) -> None:
    """The outcome is a time to an event: a page that denies it is wrong."""
    hidden = report.protect(nobody, report.Disclosure())
    assert hidden.curves == ()
    (sentence,) = sections(hidden)["curves"].paragraphs
    assert "too few people had the event" in sentence
    (sentence,) = sections(replace(nobody, curves=()))["curves"].paragraphs
    assert sentence == "No outcome is a time to an event, so there are no curves."


def test_bounds_do_not_call_missing_who_is_analysed(nobody: ce.Evaluation) -> None:
    """The flow counts them as known: they are, as far as they were followed."""
    counts = {each.step: each.counts for each in nobody.flow.steps}
    assert counts["reoffence unknown"] == (0, 0)
    bounds = sections(nobody)["sensitivity"].tables[-1]
    assert bounds.caption == "Bounds for missing outcomes"
    assert bounds.columns[2] == "Missing, or followed for less"
    assert bounds.rows[0][2] == "control 10, treatment 10"


def test_p_values_are_said_to_be_two_sided(evaluation: ce.Evaluation) -> None:
    assert "p-values are two-sided, and no verdict" in words(sections(evaluation)["planned"])


def test_no_page_speaks_code_or_of_significance(
    evaluation: ce.Evaluation, nobody: ce.Evaluation
) -> None:
    for each in (evaluation, nobody, report.protect(nobody, report.Disclosure())):
        told = "\n".join(map(words, sections(each).values()))
        assert not re.search(r"\bsignifican", told, re.IGNORECASE)
        assert "`" not in told
        assert "nan" not in re.findall(r"\w+", told.lower())


def test_names_of_verbs_become_words() -> None:
    assert in_words("misleads: see `restricted_mean`; give a `horizon`") == (
        "misleads: see restricted mean; give a horizon"
    )
    assert in_words("a ` alone, `not this one` and code_without") == (
        "a ` alone, `not this one` and code_without"
    )


def with_ratio(evaluation: ce.Evaluation, **changes: Any) -> str:
    ratio = next(
        each.value
        for each in evaluation.results
        if isinstance(each.value, Estimate) and each.value.estimand == "hazard ratio"
    )
    return headline(replace(evaluation, results=(Result(value=replace(ratio, **changes)),)))


def test_a_ratio_that_changes_with_time_is_not_told_as_one_number_for_all_of_it(
    evaluation: ce.Evaluation,
) -> None:
    changes = "Cox; the hazard ratio of {!r} changes with time, so one number misleads"
    caveat = "This ratio is seen to change with time, so one number for all of follow-up misleads."
    assert caveat in with_ratio(evaluation, method=changes.format("financial aid"))
    assert caveat not in with_ratio(evaluation, method=changes.format("another arm"))
    assert caveat not in with_ratio(evaluation)


def test_how_many_results_are_withheld_is_said_of_one_and_of_several(
    evaluation: ce.Evaluation,
) -> None:
    first = next(each.value for each in evaluation.results if isinstance(each.value, Estimate))
    none = {"value": np.nan, "low": np.nan, "high": np.nan}
    withheld = Result(value=replace(first, method="m; withheld: few", **none))
    failed = Result(value=replace(first, method="not estimable: why", **none))

    def unknown(*results: Result) -> str:
        return headline_section(replace(evaluation, results=results)).paragraphs[-1]

    assert "; 1 result asked for is withheld, so that nobody" in unknown(withheld)
    assert "; 2 results asked for are withheld, so that nobody" in unknown(withheld, withheld)
    both = unknown(withheld, failed)
    assert "; 1 result asked for cannot be estimated; 1 result asked for is withheld" in both


def test_all_that_was_promised_is_all(evaluation: ce.Evaluation) -> None:
    number = len(evaluation.results)
    told = words(headline_section(evaluation))
    assert f"all the {number} main results below were promised in advance" in told
    first, *others = evaluation.results
    found = replace(first, value=replace(first.value, planned=False))
    told = words(headline_section(replace(evaluation, results=(found, *others))))
    assert f"; {number - 1} of the {number} main results below" in told


def test_a_test_of_several_arms_tells_its_degrees_of_freedom() -> None:
    rng = np.random.default_rng(2)
    arms = ("a", "b", "c")
    people = pd.DataFrame(
        {"arm": np.resize(arms, 90), "days": rng.integers(1, 99, 90), "again": [0, 1] * 45}
    )
    trial = ce.Trial.from_frame(
        people, arm="arm", control="a", arms=arms, times={"t": ("days", "again", "days")}
    )
    table = report.estimates_table(ce.evaluate(trial)).set_index("measure")
    assert re.fullmatch(r"statistic \d+\.\d{3} on 2 df", table.loc["log-rank test"].iloc[4])
