"""Intercurrent events: declared in a protocol, carried by results, told in tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.design import parse_protocol
from checkpoint_eval.design.intercurrent import STRATEGIES, IntercurrentEvent, with_strategies
from checkpoint_eval.errors import InvalidProtocol, TrialError
from checkpoint_eval.report.deciding import decision_table
from checkpoint_eval.results import strategies_told

PROTOCOL = """
title = "A contract"
unit = "days"
horizon = 100
[columns]
arm = "arm"
[[arms]]
label = 0
name = "court"
[[arms]]
label = 1
name = "contract"
[[outcomes]]
name = "reoffence"
primary = true
variable = "first proven offence"
metric = "within 100 days"
aggregation = "share"
binary = "again"
[[outcomes]]
name = "breach"
variable = "contract breached"
metric = "yes or no"
aggregation = "share"
binary = "breached"
"""
ESTIMANDS = """
[[estimands]]
outcome = "reoffence"
measure = "risk ratio"
[[estimands]]
outcome = "reoffence"
measure = "risk difference"
confirmatory = true
[[estimands]]
outcome = "breach"
measure = "risk difference"
confirmatory = true
[analysis]
multiplicity = "holm"
"""
EVENTS = """
[[intercurrent]]
event = "override"
strategy = "treatment policy"
[[intercurrent]]
event = "custody"
strategy = "while on treatment"
handled = "follow-up ends on the day of reception"
"""


def trial(protocol: str, treated: int = 12, control: int = 24) -> ce.Trial:
    """40 an arm: so many reoffend, and 20 of each breach."""
    frame = pd.DataFrame(
        {
            "arm": np.repeat([1, 0], 40),
            "again": np.r_[np.arange(40) < treated, np.arange(40) < control].astype(int),
            "breached": np.tile([0, 1], 40),
        }
    )
    return ce.Trial.from_protocol(frame, parse_protocol(protocol))


def test_strategies_of_the_guideline() -> None:
    assert STRATEGIES == (
        "treatment policy",
        "hypothetical",
        "composite",
        "while on treatment",
        "principal stratum",
    )


def test_without_any_it_is_treatment_policy_for_all() -> None:
    found = ce.evaluate(trial(PROTOCOL + ESTIMANDS))
    assert [each.value.intercurrent for each in found.results] == [()] * 3
    assert set(found.to_frame()["intercurrent"]) == {"treatment policy for all"}
    assert "Intercurrent" not in repr(found.results[0].value)


def test_every_planned_result_carries_what_was_declared() -> None:
    found = ce.evaluate(trial(PROTOCOL + EVENTS + ESTIMANDS))
    want = (("override", "treatment policy"), ("custody", "while on treatment"))
    assert [each.value.intercurrent for each in found.results] == [want] * 3
    told = "override: treatment policy; custody: while on treatment"
    table = found.to_frame()
    assert table.loc[table["section"] == "results", "intercurrent"].tolist() == [told] * 3
    assert repr(found.results[0].value).endswith(f" Intercurrent events: {told}.")
    assert '"while on treatment"' in found.to_json()


def test_an_estimand_may_take_an_event_otherwise() -> None:
    own = """
[[estimands.intercurrent]]
event = "custody"
strategy = "composite"
handled = "custody counts as reoffending in column again"
"""
    at = ESTIMANDS.index("[[estimands]]", 5)
    changed = ESTIMANDS[:at] + own + ESTIMANDS[at:]
    found = ce.evaluate(trial(PROTOCOL + EVENTS + changed))
    strategies = [dict(each.value.intercurrent)["custody"] for each in found.results]
    assert strategies == ["composite", "while on treatment", "while on treatment"]


def test_tests_carry_them_too() -> None:
    asked = ESTIMANDS + "draws = 99\n"
    asked = asked.replace("risk ratio", "randomisation test (risk difference)")
    found = ce.evaluate(trial(PROTOCOL + EVENTS + asked)).results[0].value
    assert isinstance(found, ce.SignificanceTest)
    assert found.intercurrent[1] == ("custody", "while on treatment")
    assert "Intercurrent events: override" in repr(found)


def test_nothing_that_nobody_promised_carries_any() -> None:
    read = trial(PROTOCOL + EVENTS + ESTIMANDS)
    found = ce.evaluate(replace(read, protocol=None))
    assert all(each.value.intercurrent == () for each in found.results)
    assert ce.risk_difference(read, outcome="reoffence").intercurrent == ()


def test_the_digest_tells_protocols_apart_only_where_they_differ() -> None:
    plain, declared = (parse_protocol(PROTOCOL + each + ESTIMANDS) for each in ("", EVENTS))
    assert plain.digest != declared.digest
    assert "intercurrent" not in repr(plain)
    other = parse_protocol(PROTOCOL + EVENTS.replace("while on treatment", "composite") + ESTIMANDS)
    assert len({plain.digest, declared.digest, other.digest}) == 3


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (EVENTS.replace("while on treatment", "while at liberty"), "`strategy`|did you mean"),
        (EVENTS.replace('"custody"', '" "'), "`event` of an intercurrent event is empty"),
        (EVENTS.replace('"custody"', '"override"'), "'override' is declared twice"),
        (EVENTS.split("handled")[0], "`handled` is needed for 'custody'"),
        (EVENTS.replace("strategy", "strategie", 1), "no such key; did you mean 'strategy'"),
    ],
)
def test_what_cannot_be_declared(events: str, words: str) -> None:
    with pytest.raises(InvalidProtocol, match=words):
        parse_protocol(PROTOCOL + events + ESTIMANDS)


def test_an_estimand_takes_only_declared_events() -> None:
    own = 'intercurrent = [{event = "custdy", strategy = "treatment policy"}]'
    own = ESTIMANDS.replace('measure = "risk ratio"', f'measure = "risk ratio"\n{own}')
    with pytest.raises(InvalidProtocol, match="'custdy' is not known; did you mean 'custody'"):
        parse_protocol(PROTOCOL + EVENTS + own)


def test_told_in_words() -> None:
    assert strategies_told(()) == "treatment policy for all"
    event = IntercurrentEvent(event="death", strategy="treatment policy")
    other = replace(event, strategy="composite", handled="counts as the outcome")
    assert with_strategies([event], [other]) == (other,)
    assert with_strategies([event], []) == (event,)


def test_the_decision_table() -> None:
    """12 of 40 against 24 of 40 reoffend: the criterion is met after Holm; 20 against 20 breach."""
    found = ce.evaluate(trial(PROTOCOL + EVENTS + ESTIMANDS))
    table = decision_table(found)
    # the confirmatory ones first, in the protocol's order
    assert table["estimand"].tolist() == ["risk difference", "risk difference", "risk ratio"]
    assert table["outcome"].tolist() == ["reoffence", "breach", "reoffence"]
    assert table["met"].tolist() == ["met", "not met", "none promised"]
    first = table.iloc[0]
    assert first["value"] == pytest.approx(12 / 40 - 24 / 40)
    # Holm: the smaller of two p-values doubles
    assert first["p_adjusted"] == pytest.approx(2 * first["p_value"])
    assert first["promised"] == (
        "primary outcome: first proven offence; within 100 days; share; criterion: two-sided p of "
        "at most 0.05, adjusted by Holm"
    )
    assert first["in_words"].startswith("The criterion was met: p is ")
    assert "leaves out no effect (0)" in first["in_words"]
    assert "above 0.05" in table.loc[1, "in_words"]
    assert "holds no effect (0)" in table.loc[1, "in_words"]
    assert table.loc[2, "in_words"].startswith("Planned, without a criterion.")
    assert not table.to_string().count("significant")


def test_the_adjusted_p_decides() -> None:
    """14 against 24 of 40: p lies between 0.025 and 0.05, so Holm's is above 0.05."""
    table = decision_table(ce.evaluate(trial(PROTOCOL + ESTIMANDS, treated=14)))
    assert 0.025 < table.loc[0, "p_value"] <= 0.05 < table.loc[0, "p_adjusted"]
    assert table.loc[0, "met"] == "not met"
    alone = ESTIMANDS.replace('"holm"', '"none"')
    table = decision_table(ce.evaluate(trial(PROTOCOL + alone, treated=14)))
    assert table.loc[0, "met"] == "met"
    assert table.loc[0, "promised"].endswith("p of at most 0.05")


def test_what_cannot_be_estimated_is_not_decided() -> None:
    asked = ESTIMANDS.replace('"risk ratio"', '"odds ratio"\nconfirmatory = true')
    table = decision_table(ce.evaluate(trial(PROTOCOL + asked, treated=0, control=0)))
    first = table.iloc[0]
    assert first["met"] == "cannot be told"
    assert first["in_words"].startswith("Promised, but it cannot be estimated: ")


@pytest.mark.parametrize("given", ["evaluation", None])
def test_a_table_of_no_evaluation(given: Any) -> None:
    with pytest.raises(TrialError, match="`evaluation` must be an `Evaluation`"):
        decision_table(given)


def test_nothing_promised() -> None:
    read = replace(trial(PROTOCOL + ESTIMANDS), protocol=None)
    with pytest.raises(TrialError, match="Nothing was promised"):
        decision_table(ce.evaluate(read))
