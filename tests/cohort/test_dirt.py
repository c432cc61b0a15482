"""Faults put into an extract on purpose: the audit finds each, as many as were asked for."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval.cohort as cc
from checkpoint_eval import TrialError
from checkpoint_eval.outcomes import Audit, audit

DOCS = Path(__file__).parents[2] / "docs" / "records.md"


def cohort_with(dirty: dict[str, int], *, people: int = 500, seed: int = 3) -> cc.Cohort:
    scenario = cc.Scenario(people=people, recording=cc.Recording(dirty=dirty))
    return cc.generate(scenario, np.random.default_rng(seed))


def audited(dirty: dict[str, int], **how: Any) -> Audit:
    cohort = cohort_with(dirty, **how)
    return audit(cohort.records(), cohort.assignment)


def rows(found: Audit) -> dict[str, int]:
    return {finding.rule: len(finding.rows) for finding in found.findings}


@cache
def clean() -> Audit:
    return audited({})


# Rules about how long the extract goes on; no row of it is at fault.
OF_THE_EXTRACT = {"followed for less than 12 months", "randomised after the extract"}
# Rules about arms, found or not as a whole.
OF_ARMS = ["linkage differs by arm", "follow-up differs by arm"]
# A rule about a column that invented extracts do not have.
UNSIGNED = "assessment without an assessor"
# Whose fault makes another row wrong by the same rule: offences after an invented death, offences
# beside the one that an invented spell was put around.
MORE = ["offence after death or departure", "custody after death or departure"]
MORE = [*MORE, "offence during custody"]


def every_rule() -> list[str]:
    found = clean()
    names = {*rows(found), *found.clean, *found.skipped}
    return sorted(names - OF_THE_EXTRACT - {*OF_ARMS, UNSIGNED})


@pytest.mark.parametrize("seed", range(5))
def test_without_dirt_the_audit_has_no_error(seed: int) -> None:
    found = audited({}, seed=seed)
    assert found.ok
    assert found.skipped == (UNSIGNED,)
    warned = {finding.rule for finding in found.findings if finding.severity == "warning"}
    assert warned <= {*OF_ARMS}  # one in twenty differs by chance


def test_without_dirt_nobody_is_in_custody_twice() -> None:
    scenario = cc.Scenario(people=200, recording=cc.Recording(custody=1.0))
    cohort = cc.generate(scenario, np.random.default_rng(4))
    assert "overlapping custody" in audit(cohort.records(), cohort.assignment).clean


def test_a_count_of_none_is_no_dirt() -> None:
    none = dict.fromkeys(every_rule(), 0)
    assert cohort_with(none).records().digest == cohort_with({}).records().digest


def test_the_docs_list_the_rules_that_can_be_asked_for() -> None:
    """Every rule shares its words with the table, whatever is said there in short."""
    table = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    told = set(re.findall(r"[a-z-]+", " ".join(table).lower()))
    known = {word for rule in every_rule() for word in re.findall(r"[a-z-]+", rule)}
    assert sorted(known - told - {"that", "begins"}) == []


@pytest.mark.parametrize("rule", sorted(OF_THE_EXTRACT))
def test_rules_about_the_extract_are_asked_for_by_its_day(rule: str) -> None:
    scenario = cc.Scenario(people=60, recording=cc.Recording(extract="2017-06-01"))
    cohort = cc.generate(scenario, np.random.default_rng(1))
    assert rows(audit(cohort.records(), cohort.assignment))[rule] > 0
    with pytest.raises(TrialError, match=f"`dirty` names the fault {rule!r}; (did you|choose)"):
        cc.Recording(dirty={rule: 1})


@pytest.mark.parametrize("k", [1, 3, 12])
@pytest.mark.parametrize("rule", every_rule())
def test_a_fault_is_found_as_often_as_it_was_put_in(rule: str, k: int) -> None:
    more = rows(audited({rule: k}))[rule] - rows(clean()).get(rule, 0)
    assert more >= k if rule in MORE else more == k


@pytest.mark.parametrize("rule", OF_ARMS)
def test_a_difference_between_arms_is_found_when_it_is_large(rule: str) -> None:
    assert rule in clean().clean
    assert rule in rows(audited({rule: 100}))


def test_people_lost_are_of_one_arm() -> None:
    cohort = cohort_with({"linkage differs by arm": 40})
    known = set(cohort.tables()["people"]["id"].astype(str))
    lost = cohort.people[~cohort.people["id"].astype(str).isin(known)]
    assert len(lost) == 40
    assert set(lost["arm"]) == {"checkpoint"}


@pytest.mark.parametrize("seed", range(4))
def test_all_faults_at_once_are_all_found(seed: int) -> None:
    found = rows(audited(dict.fromkeys(every_rule(), 5), seed=seed))
    assert sorted(set(every_rule()) - set(found)) == []


@pytest.mark.xfail(reason="a later fault may undo one row of an earlier one", strict=True)
def test_all_faults_at_once_are_found_as_often_as_they_were_put_in() -> None:
    for seed in range(4):
        found = rows(audited(dict.fromkeys(every_rule(), 5), seed=seed))
        assert {rule: found[rule] for rule in every_rule() if found[rule] < 5} == {}


def test_the_same_seed_has_the_same_dirt() -> None:
    dirty = dict.fromkeys(every_rule(), 2)
    digest = cohort_with(dirty).records().digest
    assert cohort_with(dirty).records().digest == digest
    assert cohort_with(dict(reversed(dirty.items()))).records().digest == digest
    assert cohort_with(dirty, seed=4).records().digest != digest
    cohort = cohort_with(dirty)
    assert cohort.records().digest == cohort.records().digest == digest


@pytest.mark.parametrize("rule", ["repeated identifier", "offence before birth"])
def test_another_seed_has_other_rows(rule: str) -> None:
    found = [audited({rule: 5}, seed=seed).finding(rule).rows.tolist() for seed in range(4)]
    assert rule == "repeated identifier" or len({tuple(each) for each in found}) > 1
    digests = {cohort_with({rule: 5}, seed=seed).records().digest for seed in range(4)}
    assert len(digests) == 4


def test_dirt_is_in_the_extract_alone() -> None:
    dirty, plain = cohort_with(dict.fromkeys(every_rule(), 5)), cohort_with({})
    assert dirty.people.equals(plain.people)
    assert (dirty.assignment.arm == plain.assignment.arm).all()
    assert (dirty.lives.histories.day == plain.lives.histories.day).all()
    truths = [cc.true_values(each, limit_people=1000) for each in (dirty, plain)]
    assert [t.in_cohort for t in truths[0]][:9] == [t.in_cohort for t in truths[1]][:9]


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("offence without date", "offence without a date"),
        ("repeated identifer", "repeated identifier"),
        ("Overlapping custody", "overlapping custody"),
    ],
)
def test_unknown_faults_are_refused_at_birth_with_near_ones(wrong: str, near: str) -> None:
    with pytest.raises(TrialError, match=f"`dirty` names the fault.*did you mean.*{near!r}"):
        cc.Recording(dirty={wrong: 1})


# The rows of these are added, or added for people chosen at random: other words, or none, when
# more are asked for than there can be.
ADDED = ["several deaths or departures of one person", "unknown person in deaths"]


@pytest.mark.parametrize("rule", [rule for rule in [*every_rule(), *OF_ARMS] if rule not in ADDED])
def test_more_rows_than_there_are_is_refused(rule: str) -> None:
    with pytest.raises(
        TrialError, match=f"`dirty` asks for 100000 rows of {rule!r}.*ask for fewer"
    ):
        cohort_with({rule: 10**5}, people=60).tables()


def test_more_rows_than_there_are_names_the_fault() -> None:
    dirty = {"offence before birth": 1, "repeated identifier": 10**5}
    with pytest.raises(TrialError, match="repeated identifier"):
        cohort_with(dirty, people=60).tables()


def test_dirt_of_a_table_without_rows_is_refused() -> None:
    recording = cc.Recording(custody=0.0, dirty={"overlapping custody": 1})
    cohort = cc.generate(cc.Scenario(people=60, recording=recording), np.random.default_rng(1))
    with pytest.raises(TrialError, match=r"`dirty` asks for 1 rows.*0 rows of custody"):
        cohort.records()


@pytest.mark.parametrize("parquet", [False, True])
def test_dirt_is_written_to_files_too(tmp_path: Path, *, parquet: bool) -> None:
    cohort = cohort_with({"repeated identifier": 3}, people=60)
    cohort.write(tmp_path, parquet=parquet)
    read = pd.read_parquet if parquet else pd.read_csv
    people = read(tmp_path / f"people.{'parquet' if parquet else 'csv'}")
    assert len(people) == 63
    assert people["id"].nunique() == 60
