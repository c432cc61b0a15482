"""The audit and its repairs against plain loops, on extracts with every fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import slow_audit as slow
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import settings as profile

import checkpoint_eval as ce
import checkpoint_eval.outcomes as co
from checkpoint_eval import TrialError
from checkpoint_eval.testing import assignments, extracts

if TYPE_CHECKING:
    from checkpoint_eval import Assignment

assert profile  # the laws' profile is loaded: derandomised, without a deadline

# Everything happens within twelve days, so that days coincide, touch and cross.
DENSE = {"first": "2016-02-22", "last": "2016-03-04", "rows": 12, "most": 3}
WIDE = {"rows": 8}


@st.composite
def given_to_audit(draw: Any, **how: Any) -> tuple[dict[str, Any], co.Records, Assignment]:
    """Draw tables, the records read from them, and an assignment."""
    tables = draw(extracts(dirty=True, **how))
    records = co.Records.from_tables(**tables)
    back = 15 if how.get("first") else 1_100
    return tables, records, draw(assignments(records, dirty=True, back=back))


BOTH = st.one_of(
    given_to_audit(partial=True, **DENSE),
    given_to_audit(**DENSE),
    given_to_audit(**DENSE),
    given_to_audit(**WIDE),
)


def compared(records: co.Records, assignment: Assignment, expected: slow.Extract, months: int):
    """Compare rule by rule."""
    audit = co.audit(records, assignment, months=months)
    wanted = slow.audited(expected, slow.people(assignment), months)
    found = {
        each.rule: slow.Found(each.severity, each.table, each.rows.tolist())
        for each in audit.findings
    }
    assert found == {rule: what for rule, what in wanted.items() if what and what.rows}
    assert sorted(audit.clean) == sorted(
        rule for rule, what in wanted.items() if what and not what.rows
    )
    assert sorted(audit.skipped) == sorted(rule for rule, what in wanted.items() if what is None)
    assert len(audit.findings) == len(found)
    assert all(each.remedy.strip() for each in audit.findings)
    assert audit.ok == all(each.severity != "error" for each in audit.findings)
    order = ["error", "warning", "note"]
    places = [order.index(each.severity) for each in audit.findings]
    assert places == sorted(places)
    return audit


@settings(max_examples=200)
@given(BOTH, st.sampled_from([1, 12]))
def test_every_rule_is_that_of_the_loops(
    drawn: tuple[dict[str, Any], co.Records, Assignment], months: int
) -> None:
    tables, records, assignment = drawn
    compared(records, assignment, slow.read(tables), months)


@pytest.mark.parametrize("arms", [2, 3, 4])
@pytest.mark.parametrize("seed", range(8))
def test_comparisons_between_arms(arms: int, seed: int) -> None:
    """Forty people an arm, some not linked, tied follow-up that ends in death for some."""
    rng = np.random.default_rng([arms, seed])
    n = 40 * arms
    arm = np.arange(n) % arms
    ids = np.array([f"p{number}" for number in range(n)])
    linked = rng.random(n) < np.where(arm == 0, 0.95, 0.8)
    date = np.datetime64("2016-01-01") - rng.integers(400, 500, n) - 15 * arm
    dead = rng.random(n) < 0.1
    tables = {
        "people": pd.DataFrame({"id": ids[linked]}),
        "offences": pd.DataFrame({"person": ["p0"], "date": ["2015-01-01"]}),
        "deaths": pd.DataFrame(
            {"person": ids[dead], "date": (date[dead] + np.timedelta64(100, "D")).astype(str)}
        ),
        "extract_date": "2016-01-01",
    }
    records = co.Records.from_tables(**tables)
    assignment = ce.Assignment(
        arm=arm,
        arms=tuple("ABCD"[:arms]),
        stratum=np.zeros(n, dtype=int),
        ids=ids,
        date=date,
    )
    expected = slow.read(tables)
    p = slow.p_values(expected, slow.people(assignment))
    audit = compared(records, assignment, expected, 12)
    for each in audit.findings:
        if each.rule in p:
            assert each.remedy.startswith(f"p = {p[each.rule]:.3g};")


# -- repairs -----------------------------------------------------------------------------------


def day(value: Any) -> str | None:
    return None if str(value) == "NaT" else str(value)


def name(records: co.Records, person: int) -> str | None:
    return str(records.ids[person]) if person >= 0 else None


def offences_of(records: co.Records) -> dict[int, tuple[Any, ...]]:
    """Each offence that is left, by the row it was given by."""
    table = records.offences
    return {
        int(row): (
            name(records, table.person[at]),
            day(table.date[at]),
            table.codes[table.code[at]] if table.code.size and table.code[at] >= 0 else None,
            day(table.recorded[at]) if table.recorded.size else None,
        )
        for at, row in enumerate(table.rows)
    }


def disposals_of(records: co.Records) -> dict[int, tuple[Any, ...]]:
    """Each disposal that is left, with the row its offence was given by."""
    table = records.disposals
    return {
        int(row): (
            int(records.offences.rows[table.offence[at]]) if table.offence[at] >= 0 else None,
            day(table.date[at]),
            table.kinds[table.kind[at]] if table.kind[at] >= 0 else None,
        )
        for at, row in enumerate(table.rows)
    }


def custody_of(records: co.Records) -> dict[int, tuple[Any, ...]]:
    table = records.custody
    return {
        int(row): (name(records, table.person[at]), day(table.start[at]), day(table.end[at]))
        for at, row in enumerate(table.rows)
    }


def others_of(records: co.Records) -> dict[str, Any]:
    """Everything that is not offences, disposals or custody."""
    return {
        "ids": records.ids.tolist(),
        "born": records.born.tolist(),
        "day": records.extract_date,
        "given": records.given,
        "repeats": records.repeats,
        "left": [
            getattr(records.departures, each).tolist()
            for each in ("person", "date", "kind", "rows")
        ],
        "seen": [
            getattr(records.assessments, each).tolist()
            for each in ("person", "date", "pathway", "score", "rows")
        ],
    }


def everything(records: co.Records) -> list[Any]:
    return [
        offences_of(records),
        disposals_of(records),
        custody_of(records),
        repr(others_of(records)),
    ]


def counts(records: co.Records) -> list[tuple[str, int]]:
    return [(each.table, each.rows) for each in records.repairs]


@settings(max_examples=70)
@given(BOTH, st.data())
def test_rows_of_a_finding_leave_and_nothing_else(
    drawn: tuple[dict[str, Any], co.Records, Assignment], data: st.DataObject
) -> None:
    tables, records, assignment = drawn
    audit = co.audit(records, assignment)
    able = [each for each in audit.findings if each.table not in ("people", "assignment")]
    if not able:
        return
    finding = data.draw(st.sampled_from(able), label="finding")
    mended = co.without_rows(records, finding)
    before, after = everything(records), everything(mended)
    rows = set(finding.rows.tolist())
    for at, table in enumerate(("offences", "disposals", "custody")):
        if finding.table == table:
            assert after[at] == {row: what for row, what in before[at].items() if row not in rows}
        elif table == "disposals" and finding.table == "offences":
            kept = {row: what for row, what in before[at].items() if what[0] not in rows}
            assert after[at] == kept
        else:
            assert after[at] == before[at]
    if finding.table in ("offences", "disposals", "custody"):
        assert after[3] == before[3]
    else:
        kept_rows = set(range(len(tables[finding.table]))) - rows
        assert set(mended.table(finding.table).rows.tolist()) == kept_rows
        assert mended.table(finding.table).size == len(kept_rows)
    expected = [(finding.table, len(rows))]
    follow = len(before[1]) - len(after[1])
    if finding.table == "offences" and follow:
        expected.append(("disposals", follow))
    assert [each for each in counts(mended) if each[1]] == expected
    assert mended.digest != records.digest
    again = co.without_rows(mended, finding)
    assert everything(again) == after
    assert counts(again)[len(counts(mended)) :][0] == (finding.table, 0)
    assert again.digest == mended.digest
    rest = co.audit(mended, assignment)
    assert finding.rule in (*rest.clean, *rest.skipped)


@settings(max_examples=70)
@given(BOTH, st.data())
def test_what_an_audit_finds_after_repairs_is_told_by_the_rows_as_given(
    drawn: tuple[dict[str, Any], co.Records, Assignment], data: st.DataObject
) -> None:
    """Three repairs one after another; the loops run over the rows that are left."""
    tables, records, assignment = drawn
    expected = slow.read(tables)
    for _ in range(3):
        findings = co.audit(records, assignment).findings
        able = [each for each in findings if each.table not in ("people", "assignment")]
        if not able:
            return
        finding = data.draw(st.sampled_from(able), label="finding")
        records = co.without_rows(records, finding)
        expected = slow.without(expected, finding.table, finding.rows.tolist())
        compared(records, assignment, expected, 12)


@settings(max_examples=70)
@given(BOTH)
def test_merged_spells_are_the_unbroken_runs_of_days(
    drawn: tuple[dict[str, Any], co.Records, Assignment],
) -> None:
    tables, records, assignment = drawn
    merged = co.merge_custody(records)
    expected = slow.read(tables)
    spells = list(
        zip(
            [name(merged, person) for person in merged.custody.person],
            [day(each) for each in merged.custody.start],
            [day(each) for each in merged.custody.end],
            strict=True,
        )
    )
    runs = [(who, str(start), str(end)) for who, start, end in slow.runs(expected)]
    assert sorted(spells) == sorted(runs)
    before, after = everything(records), everything(merged)
    assert [after[at] for at in (0, 1, 3)] == [before[at] for at in (0, 1, 3)]
    if records.custody.size:
        touched = sum(after[2].get(row) != spell for row, spell in before[2].items())
        assert counts(merged) == [("custody", touched)]
    again = co.merge_custody(merged)
    assert everything(again) == after
    assert again.digest == merged.digest
    if records.custody.size:
        assert counts(again)[-1] == ("custody", 0)
    rest = co.audit(merged, assignment)
    gone = ("overlapping custody", "custody open at the extract", "custody without a start")
    assert all(rule in (*rest.clean, *rest.skipped) for rule in gone)


@settings(max_examples=70)
@given(BOTH)
def test_closed_spells_end_on_the_day_after_the_extract(
    drawn: tuple[dict[str, Any], co.Records, Assignment],
) -> None:
    _, records, assignment = drawn
    closed = co.close_custody(records)
    end = str(records.extract_date + np.timedelta64(1, "D"))
    before, after = everything(records), everything(closed)
    audit = co.audit(records, assignment)
    found = [each for each in audit.findings if each.rule == "custody open at the extract"]
    opened = set(found[0].rows.tolist()) if found else set()
    for row, (who, start, over) in before[2].items():
        if row in opened and start <= end:
            assert after[2][row] == (who, start, end)
        elif row not in opened and over is not None:
            assert after[2][row] == (who, start, over)
    assert [after[at] for at in (0, 1, 3)] == [before[at] for at in (0, 1, 3)]
    again = co.close_custody(closed)
    assert everything(again) == after
    assert again.digest == closed.digest
    if records.custody.size:
        assert counts(again)[-1] == ("custody", 0)
    rest = co.audit(closed, assignment)
    assert "custody open at the extract" in (*rest.clean, *rest.skipped)


@settings(max_examples=150)
@given(BOTH, st.sampled_from(["day", "disposal"]))
def test_an_episode_is_one_offence(
    drawn: tuple[dict[str, Any], co.Records, Assignment], by: Any
) -> None:
    tables, records, assignment = drawn
    expected = slow.read(tables)
    if by == "disposal" and expected.disposals is None:
        with pytest.raises(TrialError, match="disposals"):
            co.collapse_episodes(records, by=by)
        return
    first = (slow.episodes_by_day if by == "day" else slow.episodes_by_disposal)(expected)
    mended = co.collapse_episodes(records, by=by)
    before, after = everything(records), everything(mended)
    assert after[0] == {row: before[0][row] for row in set(first.values())}
    assert after[1] == {
        row: (None if offence is None else first[offence], *rest)
        for row, (offence, *rest) in before[1].items()
    }
    assert after[2:] == before[2:]
    left_out = len(before[0]) - len(after[0])
    assert [each for each in counts(mended) if each[0] == "offences"] == [("offences", left_out)]
    if left_out:
        assert mended.digest != records.digest
    again = co.collapse_episodes(mended, by=by)
    assert counts(again)[len(counts(mended))] == ("offences", 0)
    assert everything(again) == after
    assert again.digest == mended.digest
    rule = "several offences in one day" if by == "day" else "several offences with one disposal"
    told = {each.rule: each.rows.size for each in co.audit(records, assignment).findings}
    assert told.get(rule, 0) == left_out
    assert rule in co.audit(mended, assignment).clean
