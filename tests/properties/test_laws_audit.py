"""Laws of the audit and its repairs, and of the strategies that are published for users."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from strategies import settings as profile

import checkpoint_eval as ce
import checkpoint_eval.outcomes as co
from checkpoint_eval.testing import assignments, extracts, followed, trials

if TYPE_CHECKING:
    from checkpoint_eval import Assignment

assert profile  # the laws' profile is loaded

DENSE = {"first": "2016-02-22", "last": "2016-03-04", "rows": 12, "most": 3}
HOW = st.sampled_from([DENSE, {}])
# Of rows alike the first in the table is kept, so that another order names another of them.
FIRST_OF_MANY = {
    *("repeated identifier", "several offences in one day", "overlapping custody"),
    *("several offences with one disposal", "several deaths or departures of one person"),
}


@st.composite
def cases(draw: Any, **how: Any) -> tuple[dict[str, Any], Assignment]:
    tables = draw(extracts(**({"dirty": True} | draw(HOW) | how)))
    records = co.Records.from_tables(**tables)
    return tables, draw(assignments(records, dirty=how.get("dirty", True), back=60))


def rows(audit: co.Audit) -> dict[str, tuple[str, list[int]]]:
    return {each.rule: (each.table, each.rows.tolist()) for each in audit.findings}


@settings(max_examples=60)
@given(cases(), st.integers(0, 2**20))
def test_rows_in_another_order_are_found_where_they_stand(
    case: tuple[dict[str, Any], Assignment], seed: int
) -> None:
    tables, assignment = case
    rng = np.random.default_rng(seed)
    # People stay: the first row of a repeated identifier is the one that is used.
    order = {
        name: rng.permutation(len(table)) if name != "people" else np.arange(len(table))
        for name, table in tables.items()
        if isinstance(table, pd.DataFrame)
    }
    moved = {name: tables[name].iloc[order[name]].reset_index(drop=True) for name in order}
    before = co.audit(co.Records.from_tables(**tables), assignment)
    after = co.audit(co.Records.from_tables(**(tables | moved)), assignment)
    one, two = rows(before), rows(after)
    assert list(one) == list(two)
    assert before.clean == after.clean
    for rule, (table, found) in one.items():
        place = order[table][two[rule][1]].tolist() if table in order else two[rule][1]
        assert len(place) == len(found), rule
        if rule not in FIRST_OF_MANY:
            assert sorted(place) == found, rule


@given(cases())
def test_people_of_the_assignment_in_another_order(
    case: tuple[dict[str, Any], Assignment],
) -> None:
    tables, assignment = case
    records = co.Records.from_tables(**tables)
    n = assignment.arm.size
    turned = ce.Assignment(
        arm=assignment.arm[::-1],
        arms=assignment.arms,
        stratum=assignment.stratum,
        ids=assignment.ids[::-1],
        date=assignment.date[::-1],
    )
    one, two = rows(co.audit(records, assignment)), rows(co.audit(records, turned))
    assert list(one) == list(two)
    for rule, (table, found) in one.items():
        expected = sorted(n - 1 - row for row in found) if table == "assignment" else found
        assert two[rule][1] == expected


@given(cases(), st.sampled_from(["{}-x", "ü{}", "00{}", "number"]))
def test_identifiers_mean_nothing(case: tuple[dict[str, Any], Assignment], form: str) -> None:
    tables, assignment = case
    people = sorted({*tables["people"]["id"], *assignment.ids.tolist(), "nobody"}, reverse=True)

    def called(who: str) -> Any:
        return people.index(who) if form == "number" else form.format(who)

    columns = {"people": "id", "offences": "person", "custody": "person", "deaths": "person"}
    renamed = {
        name: tables[name].assign(**{column: [called(who) for who in tables[name][column]]})
        for name, column in (columns | {"pathways": "person"}).items()
    }
    relabelled = ce.Assignment(
        arm=assignment.arm,
        arms=assignment.arms,
        stratum=assignment.stratum,
        ids=np.array([str(called(who)) for who in assignment.ids.tolist()]),
        date=assignment.date,
    )
    before = co.audit(co.Records.from_tables(**tables), assignment)
    after = co.audit(co.Records.from_tables(**(tables | renamed)), relabelled)
    assert rows(before) == rows(after)
    assert (before.clean, before.skipped) == (after.clean, after.skipped)


@given(cases(), st.sampled_from(["merge", "close"]))
def test_the_street_clock_counts_days_not_spells(
    case: tuple[dict[str, Any], Assignment], repair: str
) -> None:
    tables, assignment = case
    records = co.Records.from_tables(**tables)
    mended = (co.merge_custody if repair == "merge" else co.close_custody)(records)
    counting = co.Counting(proven=False)
    for months in (1, 12):
        one = co.time_at_risk(records, assignment, months=months, clock="street")
        two = co.time_at_risk(mended, assignment, months=months, clock="street")
        np.testing.assert_array_equal(one, two)
        first, second = (
            co.time_to_reoffence(each, assignment, months=months, clock="street", counting=counting)
            for each in (records, mended)
        )
        np.testing.assert_array_equal(first.time, second.time)
        np.testing.assert_array_equal(first.event, second.event)
        np.testing.assert_array_equal(first.competing, second.competing)


@given(cases())
def test_nothing_changes_without_being_asked(case: tuple[dict[str, Any], Assignment]) -> None:
    tables, assignment = case
    records = co.Records.from_tables(**tables)
    digest = records.digest
    co.audit(records, assignment)
    co.linkage(records, assignment)
    for repair in (co.merge_custody, co.close_custody, co.collapse_episodes):
        repair(records)
    assert co.Records.from_tables(**tables).digest == digest
    assert records.repairs == ()


@given(cases())
def test_linkage_agrees_with_the_findings(case: tuple[dict[str, Any], Assignment]) -> None:
    tables, assignment = case
    records = co.Records.from_tables(**tables)
    table = co.linkage(records, assignment)
    found = rows(co.audit(records, assignment))
    missing = found.get("person not in the records", ("", []))[1]
    assert table["people"].tolist() == list(assignment.counts)
    lost = np.bincount(assignment.arm[missing], minlength=len(assignment.arms))
    assert (table["people"] - table["linked"]).tolist() == lost.tolist()
    short = found.get("followed for less than 12 months", ("", []))[1]
    few = np.bincount(assignment.arm[short], minlength=len(assignment.arms))
    kept = table["linked"].to_numpy() - few
    share = table["share followed 12 months"].to_numpy()
    np.testing.assert_allclose(share, kept / table["people"], atol=1e-12)


# -- what is published for users ------------------------------------------------------------------


@settings(max_examples=40)
@given(HOW.flatmap(lambda how: followed(**how)))
def test_sound_extracts_have_no_errors(drawn: tuple[co.Records, Assignment]) -> None:
    audit = co.audit(*drawn)
    assert audit.ok, str(audit)
    assert {
        *("overlapping custody", "disposal of unknown kind"),
        *("disposal spelt unlike one that proves", "several deaths or departures of one person"),
    } <= set(audit.clean)
    assert set(audit.skipped) <= {"assessment without an assessor"}  # none is drawn


RULES = sorted(
    {
        *("repeated identifier", "unknown person in offences", "unknown person in custody"),
        *("unknown person in deaths", "unknown person in pathways"),
        *("disposal of an unknown offence", "offence without a date", "offence before birth"),
        *("offence after the extract", "offence after death or departure"),
        *("offence recorded before it was committed", "offence during custody"),
        *("several offences in one day", "disposal without a date"),
        *("disposal before its offence", "disposal after the extract"),
        *("disposal of unknown kind", "custody without a start"),
        *("custody that ends before it begins", "overlapping custody"),
        *("custody open at the extract", "offence on the day of randomisation"),
        "custody that begins after the extract",
        *("death or departure before randomisation", "person not in the records"),
        *("followed for less than 12 months", "randomised after the extract"),
        *("several offences with one disposal", "disposal spelt unlike one that proves"),
        *("custody after death or departure", "death or departure without a date"),
        *("death or departure after the extract", "several deaths or departures of one person"),
        "assessment after the extract",
        *("disposal on the day of randomisation", "death or departure on the day of randomisation"),
        "custody that begins on the day of randomisation",
    }
)


@cache
def seen_in_dirty_extracts() -> set[str]:
    seen: set[str] = set()

    @settings(max_examples=250, phases=[Phase.generate])
    @given(HOW.flatmap(lambda how: followed(dirty=True, **how)))
    def look(drawn: tuple[co.Records, Assignment]) -> None:
        seen.update(each.rule for each in co.audit(*drawn).findings)

    look()
    return seen


def test_dirty_extracts_have_every_fault() -> None:
    """All but the two comparisons, which a handful of people cannot tell apart."""
    assert set(RULES) <= seen_in_dirty_extracts()


def test_dirty_extracts_have_assessments_without_a_date() -> None:
    assert "assessment without a date" in seen_in_dirty_extracts()


@given(HOW.flatmap(lambda how: followed(dirty=True, partial=True, **how)))
def test_outcomes_can_be_derived_from_whatever_is_drawn(
    drawn: tuple[co.Records, Assignment],
) -> None:
    records, assignment = drawn
    outcome = co.time_to_reoffence(records, assignment, counting=co.Counting(proven=False))
    assert outcome.time.size == assignment.arm.size


@given(
    st.sampled_from([("control", "treatment"), ("court", "contract", "caution")]),
    st.integers(1, 3),
    st.booleans(),
    st.data(),
)
def test_trials_are_valid(
    arms: tuple[str, ...], strata: int, missing: bool, data: st.DataObject
) -> None:
    trial = data.draw(trials(arms=arms, strata=strata, missing=missing))
    assert trial.arms == arms
    assert (trial.assignment.counts_by_stratum >= 2).all()
    assert len(trial.assignment.strata) == strata
    assert list(trial.outcomes) == ["reoffence", "any", "harm"]
    assert trial.covariates == ("age",)
    lost = [each.missing.any() for each in trial.outcomes.values()]
    assert missing or not any(lost)
    if len(arms) == 2:
        assert abs(ce.risk_difference(trial, outcome="any").value) <= 1
