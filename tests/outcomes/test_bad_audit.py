"""What the audit, its findings and the repairs refuse, and what they say."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval.outcomes as co
from checkpoint_eval import Assignment, TrialError, UnknownColumn
from checkpoint_eval.testing import assignments, extracts, records, trials

if TYPE_CHECKING:
    from collections.abc import Callable

PEOPLE = pd.DataFrame({"id": ["a", "b", "b"]})
OFFENCES = pd.DataFrame({"offence": [1, 2], "person": ["a", "zoe"], "date": ["2019-03-01"] * 2})


def read(**tables: Any) -> co.Records:
    given = {"people": PEOPLE, "offences": OFFENCES, "extract_date": "2019-01-01"}
    return co.Records.from_tables(**(given | tables))


def assigned(**how: Any) -> Assignment:
    known = {"ids": np.array(["a", "c"]), "date": np.array(["2016-06-01"] * 2, "datetime64[D]")}
    return Assignment(
        arm=np.array([0, 1]), arms=("court", "contract"), stratum=np.zeros(2, int), **(known | how)
    )


@pytest.mark.parametrize("rule", ["repeated identifier", "person not in the records"])
def test_no_repair_removes_people(rule: str) -> None:
    finding = co.audit(read(), assigned()).finding(rule)
    with pytest.raises(TrialError, match=f"{rule}.*about people"):
        co.without_rows(read(), finding)


@pytest.mark.parametrize("rule", ["offence befor birth", "", 3, None])
def test_a_rule_that_found_nothing_has_no_finding(rule: Any) -> None:
    with pytest.raises(UnknownColumn, match="offence after the extract"):
        co.audit(read(), assigned()).finding(rule)


def test_a_clean_rule_is_told_from_an_unknown_one() -> None:
    with pytest.raises(TrialError, match="found nothing"):
        co.audit(read(), assigned()).finding("offence without a date")


@pytest.mark.parametrize(
    "rule",
    [
        *("several offences with one disposal", "disposal on the day of randomisation"),
        *("custody after death or departure", "several deaths or departures of one person"),
        "assessment without a date",
    ],
)
def test_a_rule_of_a_table_that_was_not_given_has_no_finding(rule: str) -> None:
    with pytest.raises(TrialError, match="could not be looked at"):
        co.audit(read(), assigned()).finding(rule)


@pytest.mark.parametrize("verb", [co.audit, co.linkage])
@pytest.mark.parametrize("months", [0, -1, 1.5, "12", None, True, np.nan])
def test_months_are_a_whole_number(verb: Callable[..., Any], months: Any) -> None:
    with pytest.raises(TrialError, match="months"):
        verb(read(), assigned(), months=months)


@pytest.mark.parametrize("verb", [co.audit, co.linkage])
@pytest.mark.parametrize("lacking", ["ids", "date"])
def test_an_assignment_needs_identifiers_and_dates(verb: Callable[..., Any], lacking: str) -> None:
    with pytest.raises(TrialError, match=lacking):
        verb(read(), assigned(**{lacking: assigned().date[:0].astype(str)}))


@pytest.mark.parametrize("verb", [co.audit, co.linkage])
@pytest.mark.parametrize("wrong", [None, PEOPLE, "folder"])
def test_records_are_records(verb: Callable[..., Any], wrong: Any) -> None:
    with pytest.raises(TrialError, match="records"):
        verb(wrong, assigned())


@pytest.mark.parametrize("verb", [co.audit, co.linkage])
@pytest.mark.parametrize("wrong", [None, PEOPLE])
def test_assignments_are_assignments(verb: Callable[..., Any], wrong: Any) -> None:
    with pytest.raises(TrialError, match="assignment"):
        verb(read(), wrong)


@pytest.mark.parametrize("verb", [co.merge_custody, co.close_custody, co.collapse_episodes])
@pytest.mark.parametrize("wrong", [None, PEOPLE])
def test_repairs_are_of_records(verb: Callable[..., Any], wrong: Any) -> None:
    with pytest.raises(TrialError, match="records"):
        verb(wrong)


@pytest.mark.parametrize("wrong", ["offence after the extract", None])
def test_rows_leave_by_their_finding(wrong: Any) -> None:
    with pytest.raises(TrialError, match="finding"):
        co.without_rows(read(), wrong)


def test_a_finding_of_a_table_that_is_not_there() -> None:
    finding = co.Finding(
        rule="mine", severity="error", table="offense", rows=np.array([0]), remedy="none"
    )
    with pytest.raises(TrialError, match="offense"):
        co.without_rows(read(), finding)


def test_episodes_are_of_a_day_or_a_disposal() -> None:
    with pytest.raises(TrialError, match=r"'week'.*'day', 'disposal'"):
        co.collapse_episodes(read(), by="week")  # type: ignore[arg-type]
    with pytest.raises(TrialError, match="without disposals"):
        co.collapse_episodes(read(), by="disposal")


def test_an_extract_of_nobody_is_audited() -> None:
    none = read(people=PEOPLE[:0])
    audit = co.audit(none, assigned())
    assert audit.finding("person not in the records").rows.tolist() == [0, 1]


@pytest.mark.parametrize("end", ["person,start,end\na,2017-01-01,\n", "person,start,end\n"])
def test_spells_that_are_all_open_can_be_read(end: str) -> None:
    table = pd.read_csv(io.StringIO(end)).astype({"end": float})
    assert read(custody=table).custody.size == len(table)


def test_nothing_of_a_finding_can_be_changed() -> None:
    audit = co.audit(read(), assigned())
    with pytest.raises(ValueError, match="read-only"):
        audit.findings[0].rows[0] = 7
    with pytest.raises(AttributeError):
        audit.findings = ()  # type: ignore[misc]


# -- the strategies --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how",
    [
        {"most": 1},
        {"rows": -1},
        {"first": "2018-01-01", "last": "2017-01-01"},
        {"first": "1950-01-01"},
        {"last": "2100-01-01"},
        {"first": "NaT"},
    ],
)
def test_extracts_of_nothing_are_refused_when_asked_for(how: dict[str, Any]) -> None:
    for strategy in (extracts, records):
        with pytest.raises(TrialError, match=r"`most`|`first`"):
            strategy(**how)


def test_a_trial_needs_people_for_its_arms() -> None:
    with pytest.raises(TrialError, match="2 people for 3 arms"):
        assignments(read(), arms=("x", "y", "z"))
    with pytest.raises(TrialError, match="back"):
        assignments(read(), back=-1)
    with pytest.raises(TrialError, match="arms"):
        trials(arms=("x",))
    with pytest.raises(TrialError, match="strata"):
        trials(strata=0)


def test_without_hypothesis_the_extra_is_named() -> None:
    code = "import sys; sys.modules['hypothesis'] = None; import checkpoint_eval.testing"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "pip install 'checkpoint-eval[test]'" in run.stderr.splitlines()[-1]
