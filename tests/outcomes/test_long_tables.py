"""Repeated events from a long table, and what a trial shows of needs."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.design import parse_protocol
from checkpoint_eval.models import mean_cumulative_difference
from checkpoint_eval.outcomes import Episodes, reoffence_episodes

IDS = ["a", "b", "c", "d"]
ROWS = pd.DataFrame(
    {
        "id": ["c", "a", "a", "b", "c"],
        "from": [0.0, 0, 9, 0, 20],
        "to": [12.0, 9, 30, 30, 25],
        "again": [1, 1, 0, 0, 0],
        "died": [0, 0, 0, 0, 1],
    }
)
COLUMNS: dict[str, Any] = {"id": "id", "start": "from", "stop": "to", "event": "again"}


def read(rows: Any = ROWS, ids: Any = IDS, **how: Any) -> Episodes:
    return Episodes.from_frame(rows, ids=ids, **(COLUMNS | how))


def test_by_hand() -> None:
    """a: an event at 9, seen to 30; b: none; c: one at 12, dead at 25 after custody; d: lost."""
    found = read(terminal="died", unit="weeks")
    assert found.person.tolist() == [2, 0, 0, 1, 2]
    assert found.start.tolist() == [0, 0, 9, 0, 20]
    assert found.stop.tolist() == [12, 9, 30, 30, 25]
    assert found.counts.tolist() == [1, 0, 1, 0]
    assert found.missing.tolist() == [False, False, False, True]
    assert found.terminal.tolist() == [False, False, True, False]
    assert found.unit == "weeks"
    np.testing.assert_array_equal(found.end, [30, 30, 25, np.nan])
    assert not read().terminal.any()


def test_identifiers_are_matched_as_text() -> None:
    """Numbers on one side and text on the other; leading zeros stay."""
    assert read(ROWS.assign(id=[3, 1, 1, 2, 3]), ["1", "2", "3"]).person.tolist() == [2, 0, 0, 1, 2]
    with pytest.raises(ce.InvalidData, match=r"holds '3' at row 0 .* not among `ids`"):
        read(ROWS.assign(id=[3, 1, 1, 2, 3]), ["01", "02", "03"])


def test_it_is_what_the_records_say() -> None:
    """Out through a long table and in again: as the extract's own episodes, and as their verb."""
    cohort = ce.generate(ce.checkpoint_scenario(), np.random.default_rng(7))
    derived = reoffence_episodes(cohort.records(), cohort.assignment, months=12)
    ids = cohort.assignment.ids
    rows = derived.to_frame()
    rows["id"] = ids[rows["person"]]
    rows = rows.sample(frac=1, random_state=1)
    found = Episodes.from_frame(rows, ids=ids, id="id", start="start", stop="stop", event="event")
    np.testing.assert_array_equal(found.counts, derived.counts)
    trials = [
        ce.Trial(assignment=cohort.assignment, ids=ids, outcomes={"again": each})
        for each in (derived, found)
    ]
    values = [mean_cumulative_difference(each, outcome="again", at=180.0).value for each in trials]
    assert values[0] == pytest.approx(values[1], rel=1e-12)
    assert values[0] != 0


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"id": "who"}, ce.UnknownColumn, "id column 'who' is not in the table"),
        ({"stop": "too"}, ce.UnknownColumn, "stop column 'too' .* did you mean 'to'"),
        ({"ids": ["a", "b"]}, ce.InvalidData, r"holds 'c' at row 0 \(2 such rows\), who is not"),
        ({"ids": ["a", "a", "b", "c"]}, ce.InvalidData, "`ids` repeat 'a'"),
        ({"rows": ROWS.assign(to=[12, None, 30, 30, 25])}, ce.InvalidData, "missing at row 1"),
        ({"rows": ROWS.assign(again=[2, 1, 0, 0, 0])}, ce.InvalidData, "must hold 0/1"),
        ({"rows": ROWS.assign(to=[12, 9, 30, 0, 25])}, ce.InvalidData, "a length above 0"),
        ({"rows": ROWS.assign(to=[22, 9, 30, 30, 25])}, ce.InvalidData, "of one person overlap"),
        (
            {"rows": ROWS.assign(died=[1, 0, 0, 0, 0]), "terminal": "died"},
            ce.InvalidData,
            r"'died' is 1 at row 0 \(person 'c'\), who is at risk later",
        ),
        ({"unit": "day"}, ce.TrialError, "day"),
    ],
)
def test_bad_rows(change: dict[str, Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        read(**change)


def test_a_promise_of_repeated_events_is_kept_from_a_second_table() -> None:
    people = pd.DataFrame({"id": IDS, "arm": [0, 1, 1, 0], "y": [1, 0, 1, 0]})
    trial = ce.Trial.from_frame(people, id="id", arm="arm", control=0, binary={"y": "y"})
    whole = dataclasses.replace(trial, outcomes={**trial.outcomes, "again": read(ids=trial.ids)})
    assert [each.value.outcome for each in ce.evaluate(whole).results].count("again") == 2


PROTOCOL = """
title = "repeated events"
unit = "days"
horizon = 20
[columns]
arm = "arm"
id = "id"
[[arms]]
label = 0
name = "court"
[[arms]]
label = 1
name = "contract"
[allocation]
rule = "simple"
[[outcomes]]
name = "again"
primary = true
variable = "reoffences"
metric = "every one"
aggregation = "rate"
repeated = true
[[estimands]]
outcome = "again"
measure = "mean events difference"
[analysis]
alpha = 0.05
seed = 1
"""


def test_a_promise_without_its_long_table_says_where_to_get_it() -> None:
    protocol = parse_protocol(PROTOCOL)
    people = pd.DataFrame({"id": [*IDS, "e"], "arm": [0, 1, 1, 0, 0]})
    trial = ce.Trial.from_protocol(people, protocol)
    told = r"'again' is of repeated events, .* `reoffence_episodes` .* `Episodes.from_frame`"
    with pytest.raises(ce.InvalidProtocol, match=told):
        ce.evaluate(trial)
    e = pd.DataFrame({"id": ["e", "e"], "from": [0, 3], "to": [3, 30], "again": [1, 0], "died": 0})
    rows = pd.concat([ROWS, e])
    whole = dataclasses.replace(trial, outcomes={"again": read(rows, trial.ids)})
    (found,) = ce.evaluate(whole).results
    # By day 20: of the treated c, once, and b never; of controls a and e, once each.
    assert found.value.planned
    assert found.value.value == pytest.approx(0.5 - 1)


def test_a_trial_shows_needs() -> None:
    table = pd.DataFrame(
        {"arm": [0, 1, 0, 1], "h0": [1, 2, np.nan, 0], "h1": [0, 1, 2, np.nan], "y": [0, 1, 1, 0]}
    )
    trial = ce.Trial.from_frame(
        table, arm="arm", control=0, binary={"y": "y"}, pathways={"health": ("h0", "h1")}
    )
    shown = trial.to_frame()
    assert list(shown) == ["id", "arm", "y", "health, before", "health, after"]
    np.testing.assert_array_equal(shown["health, before"], table["h0"])
    np.testing.assert_array_equal(shown["health, after"], table["h1"])
