"""Rules of an audit about people: who is known, the day of randomisation, and follow-up."""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from scipy.stats import chi2_contingency, kruskal

from checkpoint_eval._arrays import IntArray
from checkpoint_eval._days import Days
from checkpoint_eval.outcomes.audit_rules import Looked, Severity
from checkpoint_eval.outcomes.follow_up import NEVER, FollowUp
from checkpoint_eval.outcomes.records import Records
from checkpoint_eval.randomise.assignment import Assignment

ThatDay: TypeAlias = tuple[str, str, Severity, IntArray, Days, str]


def person_rules(people: FollowUp, assignment: Assignment, months: int) -> Iterator[Looked]:
    """Yield what each rule found of who is whose, of the day of randomisation and of follow-up."""
    yield from _identifiers(people)
    yield from _randomisation(people)
    yield from _follow_up(people, assignment, months)


def _identifiers(people: FollowUp) -> Iterator[Looked]:
    records = people.records
    repeats = np.array([row for row, _ in records.repeats], dtype=np.int64)
    yield Looked(
        rule="repeated identifier",
        severity="error",
        table="people",
        rows=repeats,
        remedy="the first row was used; ask which row is right.",
    )
    tables = {
        "offences": records.offences.person,
        "custody": records.custody.person,
        "deaths": records.departures.person,
        "pathways": records.assessments.person,
    }
    for name, person in tables.items():
        known = name in records.given
        yield Looked(
            rule=f"unknown person in {name}",
            severity="error",
            table=name,
            rows=records.table(name).rows[person < 0] if known else None,
            remedy="nobody has this identifier; it counts for no one until it is corrected.",
        )
    unknown = records.disposals.offence < 0
    yield Looked(
        rule="disposal of an unknown offence",
        severity="error",
        table="disposals",
        rows=records.disposals.rows[unknown] if "disposals" in records.given else None,
        remedy="it proves nothing until its offence is found.",
    )


def _that_day(records: Records, whose: IntArray) -> Iterator[ThatDay]:
    """Yield what can happen on the day of randomisation: of whom, when, and a remedy."""
    yield from (
        (
            "offence",
            "offences",
            "warning",
            records.offences.person,
            records.offences.date,
            "it may be the index offence or a reoffence; Counting(day_zero=True) counts it.",
        ),
        (
            "disposal",
            "disposals",
            "note",
            whose,
            records.disposals.date,
            "of the index offence? Then the arm was known when it was decided.",
        ),
        (
            "custody that begins",
            "custody",
            "note",
            records.custody.person,
            records.custody.start,
            "of the arrest? On the street clock its days are not at risk.",
        ),
        (
            "death or departure",
            "deaths",
            "warning",
            records.departures.person,
            records.departures.date,
            "it leaves no follow-up; ask whether it came first.",
        ),
    )


def _randomisation(people: FollowUp) -> Iterator[Looked]:
    records, offences = people.records, people.records.offences
    index = people.per_record(people.index.view(np.int64), NEVER).view("datetime64[D]")
    whose = np.append(offences.person, -1)[records.disposals.offence]
    for what, table, severity, person, day, remedy in _that_day(records, whose):
        yield Looked(
            rule=f"{what} on the day of randomisation",
            severity=severity,
            table=table,
            rows=records.table(table).rows[day == index[person]]
            if table in records.given
            else None,
            remedy=remedy,
        )
    gone = np.flatnonzero(people.left < people.index)
    yield Looked(
        rule="death or departure before randomisation",
        severity="error",
        table="assignment",
        rows=gone if "deaths" in records.given else None,
        remedy="date or identifier is wrong; nobody is randomised after death.",
    )


def _follow_up(people: FollowUp, assignment: Assignment, months: int) -> Iterator[Looked]:
    records = people.records
    yield Looked(
        rule="person not in the records",
        severity="error",
        table="assignment",
        rows=np.flatnonzero(people.unlinked),
        remedy="their outcomes are missing; ask the police for them. See `linkage` by arm.",
    )
    yield Looked(
        rule=f"followed for less than {months} months",
        severity="warning",
        table="assignment",
        rows=np.flatnonzero(~people.unlinked & (people.until(months) > records.extract_date)),
        remedy="their outcomes are missing; wait for a later extract, or shorten the follow-up.",
    )
    for rule, p_value in _by_arm(people, assignment).items():
        yield Looked(
            rule=rule,
            severity="warning",
            table="assignment",
            rows=np.arange(people.n) if p_value < 0.05 else np.zeros(0, dtype=np.int64),
            remedy=f"p = {p_value:.3g}; see `linkage`, and ask why before outcomes are opened.",
        )
    yield Looked(
        rule="randomised after the extract",
        severity="error",
        table="assignment",
        rows=np.flatnonzero(people.index > records.extract_date),
        remedy="date or extract_date is wrong.",
    )


def _by_arm(people: FollowUp, assignment: Assignment) -> dict[str, float]:
    """Return p-values of the same linkage and the same length of follow-up in every arm."""
    linked = ~people.unlinked
    k = len(assignment.arms)
    table = np.bincount(assignment.arm * 2 + linked, minlength=2 * k).reshape(k, 2)
    found = {"linkage differs by arm": 1.0}
    if (table.sum(axis=0) > 0).all():
        found["linkage differs by arm"] = float(chi2_contingency(table).pvalue)
    end = people.end(np.full(people.n, people.records.extract_date))
    days = (end - people.index).astype(np.float64)
    groups = [days[linked & (assignment.arm == code)] for code in range(k)]
    found["follow-up differs by arm"] = 1.0
    if all(group.size for group in groups) and np.unique(np.concatenate(groups)).size > 1:
        found["follow-up differs by arm"] = float(kruskal(*groups).pvalue)
    return found
