"""The rules an audit looks at, one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy.stats import chi2_contingency, kruskal

from checkpoint_eval._arrays import BoolArray, IntArray
from checkpoint_eval.outcomes.dates import Days
from checkpoint_eval.outcomes.follow_up import FollowUp
from checkpoint_eval.outcomes.records import Records
from checkpoint_eval.outcomes.street_time import inside_custody
from checkpoint_eval.randomise.assignment import Assignment

Severity: TypeAlias = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What one rule found; `rows` is None when it could not be looked at."""

    rule: str
    severity: Severity
    table: str
    rows: IntArray | None
    remedy: str


def all_rules(people: FollowUp, assignment: Assignment, months: int) -> Iterator[Looked]:
    """Yield what each rule found."""
    yield from _identifiers(people)
    yield from _offences(people)
    yield from _disposals(people)
    yield from _custody(people)
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


def _offences(people: FollowUp) -> Iterator[Looked]:
    records, offences = people.records, people.records.offences
    rows, day = offences.rows, offences.date
    known = offences.person >= 0
    born = np.append(records.born, np.datetime64("NaT", "D")) if records.born.size else None
    yield Looked(
        rule="offence without a date",
        severity="error",
        table="offences",
        rows=rows[np.isnat(day)],
        remedy="it lies in no follow-up; find its date.",
    )
    yield Looked(
        rule="offence before birth",
        severity="error",
        table="offences",
        rows=None if born is None else rows[known & (day < born[offences.person])],
        remedy="date or identifier is wrong; correct it, or ask for `without_rows`.",
    )
    yield Looked(
        rule="offence after the extract",
        severity="error",
        table="offences",
        rows=rows[day > records.extract_date],
        remedy="date or extract_date is wrong; correct it, or ask for `without_rows`.",
    )
    left = np.append(_by_person(people), np.datetime64("NaT", "D"))
    yield Looked(
        rule="offence after death or departure",
        severity="error",
        table="offences",
        rows=rows[known & (day > left[offences.person])] if "deaths" in records.given else None,
        remedy="date or identifier is wrong; correct it, or ask for `without_rows`.",
    )
    yield Looked(
        rule="offence recorded before it was committed",
        severity="error",
        table="offences",
        rows=rows[offences.recorded < day] if offences.recorded.size else None,
        remedy="one of the dates is wrong; correct it.",
    )
    yield from _custody_and_days(people)


def _custody_and_days(people: FollowUp) -> Iterator[Looked]:
    records, offences = people.records, people.records.offences
    rows, day = offences.rows, offences.date
    inside = inside_custody(records, offences.person, day) if "custody" in records.given else None
    yield Looked(
        rule="offence during custody",
        severity="warning",
        table="offences",
        rows=None if inside is None else rows[inside],
        remedy="it counts; on the street clock it happens when custody began.",
    )
    yield Looked(
        rule="several offences in one day",
        severity="note",
        table="offences",
        rows=rows[_again(offences.person, day)],
        remedy="each counts unless `collapse_episodes` joins them.",
    )


def _by_person(people: FollowUp) -> Days:
    """Return (people in the records,) first departures of everyone."""
    records = people.records
    left = np.full(records.n, np.datetime64("NaT", "D"))
    departures = records.departures
    order = np.argsort(departures.date, kind="stable")[::-1]
    usable = order[(departures.person[order] >= 0) & ~np.isnat(departures.date[order])]
    left[departures.person[usable]] = departures.date[usable]  # the earliest is written last
    return left


def _again(person: IntArray, day: Days) -> BoolArray:
    """Return (m,) whether an earlier row has the same person and day."""
    order = np.lexsort((day, person))
    same = np.zeros(person.size, dtype=bool)
    first, second = order[:-1], order[1:]
    same[second] = (
        (person[first] == person[second]) & (day[first] == day[second]) & (person[second] >= 0)
    )
    return same


def _disposals(people: FollowUp) -> Iterator[Looked]:
    records, disposals = people.records, people.records.disposals
    given = "disposals" in records.given
    rows = disposals.rows
    offence_day = np.append(records.offences.date, np.datetime64("NaT", "D"))[disposals.offence]
    checks: tuple[tuple[str, Severity, BoolArray, str], ...] = (
        (
            "disposal without a date",
            "error",
            np.isnat(disposals.date),
            "it proves nothing; find its date.",
        ),
        (
            "disposal before its offence",
            "error",
            disposals.date < offence_day,
            "one of the dates or the link is wrong; correct it, or ask for `without_rows`.",
        ),
        (
            "disposal after the extract",
            "error",
            disposals.date > records.extract_date,
            "date or extract_date is wrong; correct it, or ask for `without_rows`.",
        ),
        (
            "disposal of unknown kind",
            "warning",
            disposals.kind < 0,
            "it proves nothing; find what was decided.",
        ),
    )
    for rule, severity, mask, remedy in checks:
        yield Looked(
            rule=rule,
            severity=severity,
            table="disposals",
            rows=rows[mask] if given else None,
            remedy=remedy,
        )


def _custody(people: FollowUp) -> Iterator[Looked]:
    records, custody = people.records, people.records.custody
    given, rows = "custody" in records.given, custody.rows
    usable = (custody.person >= 0) & ~np.isnat(custody.start)
    checks: tuple[tuple[str, Severity, BoolArray, str], ...] = (
        (
            "custody without a start",
            "error",
            np.isnat(custody.start),
            "it is not counted; find its start.",
        ),
        (
            "custody that ends before it begins",
            "error",
            custody.end < custody.start,
            "it is not counted; correct it, or ask for `without_rows`.",
        ),
        (
            "custody that begins after the extract",
            "error",
            custody.start > records.extract_date,
            "date or extract_date is wrong; correct it, or ask for `without_rows`.",
        ),
        (
            "overlapping custody",
            "warning",
            _overlapping(records),
            "days are counted once; `merge_custody` makes such spells one.",
        ),
        (
            "custody open at the extract",
            "note",
            usable & np.isnat(custody.end) & (custody.start <= records.extract_date),
            "it is taken to last to the extract; `close_custody` writes that down.",
        ),
    )
    for rule, severity, mask, remedy in checks:
        yield Looked(
            rule=rule,
            severity=severity,
            table="custody",
            rows=rows[mask] if given else None,
            remedy=remedy,
        )


def _overlapping(records: Records) -> BoolArray:
    """Return (m,) whether a spell begins before an earlier one of the same person ended."""
    custody = records.custody
    closing = records.extract_date + 1
    end = np.where(np.isnat(custody.end), closing, custody.end)
    usable = np.flatnonzero(
        (custody.person >= 0) & ~np.isnat(custody.start) & (end > custody.start)
    )
    order = usable[np.lexsort((custody.start[usable], custody.person[usable]))]
    person, start = custody.person[order], custody.start[order].view(np.int64)
    offset = person * (1 << 22)
    reach = np.maximum.accumulate(end[order].view(np.int64) + offset) if order.size else start
    found = np.zeros(custody.size, dtype=bool)
    inside = (person[1:] == person[:-1]) & (start[1:] + offset[1:] < reach[:-1])
    found[order[1:][inside]] = True
    return found


def _randomisation(people: FollowUp) -> Iterator[Looked]:
    records, offences = people.records, people.records.offences
    never = np.iinfo(np.int64).min
    index = people.per_record(people.index.view(np.int64), never)[offences.person]
    yield Looked(
        rule="offence on the day of randomisation",
        severity="warning",
        table="offences",
        rows=offences.rows[(offences.date.view(np.int64) == index) & (index > never)],
        remedy="it may be the index offence or a reoffence; Counting(day_zero=True) counts it.",
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
