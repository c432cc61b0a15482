"""Rules of an audit about rows of an extract: days that cannot be so, or that stand twice."""

from collections.abc import Iterator

import numpy as np

from checkpoint_eval._arrays import BoolArray, IntArray
from checkpoint_eval._days import NOT_A_DAY, Days
from checkpoint_eval.outcomes.audit_rules import Looked, Severity
from checkpoint_eval.outcomes.counting import PROVING
from checkpoint_eval.outcomes.dates import A_DAY
from checkpoint_eval.outcomes.extract_tables import Disposals
from checkpoint_eval.outcomes.follow_up import FollowUp
from checkpoint_eval.outcomes.records import Records
from checkpoint_eval.outcomes.street_time import inside_custody


def row_rules(people: FollowUp) -> Iterator[Looked]:
    """Yield what each rule found in the rows of the extract."""
    yield from _offences(people)
    yield from _disposals(people)
    yield from _custody(people)
    yield from _departures(people)


def _offences(people: FollowUp) -> Iterator[Looked]:
    records, offences = people.records, people.records.offences
    rows, day = offences.rows, offences.date
    known = offences.person >= 0
    born = np.append(records.born, NOT_A_DAY) if records.born.size == records.n else None
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
    left = np.append(_by_person(people), NOT_A_DAY)
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
        # of a table without rows a column without values was given or does not matter
        rows=None if offences.recorded.size != day.size else rows[offences.recorded < day],
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
    given = "disposals" in records.given
    yield Looked(
        rule="several offences with one disposal",
        severity="note",
        table="offences",
        rows=rows[_again(offences.person, first_disposal(records))] if given else None,
        remedy="each counts unless `collapse_episodes(by='disposal')` joins those of one day.",
    )


def first_disposal(records: Records) -> Days:
    """Return (m,) the day each offence was first disposed of, NaT for none."""
    disposals = records.disposals
    never = np.iinfo(np.int64).max
    first = np.full(records.offences.size, never)
    usable = (disposals.offence >= 0) & ~np.isnat(disposals.date)
    np.minimum.at(first, disposals.offence[usable], disposals.date[usable].view(np.int64))
    first[first == never] = np.iinfo(np.int64).min
    return first.view("datetime64[D]")


def _by_person(people: FollowUp) -> Days:
    """Return (people in the records,) first departures of everyone."""
    records = people.records
    left = np.full(records.n, NOT_A_DAY)
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
    return same  # no day is like another when it is not known: NaT differs from itself


def _disposals(people: FollowUp) -> Iterator[Looked]:
    records, disposals = people.records, people.records.disposals
    given = "disposals" in records.given
    rows = disposals.rows
    offence_day = np.append(records.offences.date, NOT_A_DAY)[disposals.offence]
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
        (
            "disposal spelt unlike one that proves",
            "warning",
            _misspelt(disposals),
            "it proves nothing as it is spelt; correct it, or name it in Counting(proving=...).",
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


def _misspelt(disposals: Disposals) -> BoolArray:
    """Return (k,) disposals that differ from a proving one by case and blanks only."""
    alike = [
        kind
        for kind, name in enumerate(disposals.kinds)
        if name not in PROVING and name.strip().casefold() in PROVING
    ]
    return np.isin(disposals.kind, alike)


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
            "custody after death or departure",
            "error",
            usable & (custody.start > np.append(_by_person(people), NOT_A_DAY)[custody.person]),
            "date or identifier is wrong; correct it, or ask for `without_rows`.",
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
    closing = records.extract_date + A_DAY
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


def _departures(people: FollowUp) -> Iterator[Looked]:
    records, left = people.records, people.records.departures
    again = np.zeros(left.size, dtype=bool)
    known = np.flatnonzero(left.person >= 0)
    again[known] = True
    again[known[np.unique(left.person[known], return_index=True)[1]]] = False
    given = "deaths" in records.given
    checks: tuple[tuple[str, Severity, BoolArray, str], ...] = (
        (
            "death or departure without a date",
            "error",
            np.isnat(left.date),
            "it ends no follow-up; find its date.",
        ),
        (
            "death or departure after the extract",
            "error",
            left.date > records.extract_date,
            "date or extract_date is wrong; correct it, or ask for `without_rows`.",
        ),
        (
            "several deaths or departures of one person",
            "warning",
            again,
            "the earliest ends follow-up; `without_rows` keeps the first row: ask which is right.",
        ),
    )
    for rule, severity, mask, remedy in checks:
        rows = left.rows[mask] if given else None
        yield Looked(rule=rule, severity=severity, table="deaths", rows=rows, remedy=remedy)
    yield from _assessments(people)


def _assessments(people: FollowUp) -> Iterator[Looked]:
    records, seen = people.records, people.records.assessments
    given = "pathways" in records.given
    yield Looked(
        rule="assessment without a date",
        severity="error",
        table="pathways",
        rows=seen.rows[np.isnat(seen.date)] if given else None,
        remedy="it belongs to no time; find its date.",
    )
    yield Looked(
        rule="assessment after the extract",
        severity="error",
        table="pathways",
        rows=seen.rows[seen.date > records.extract_date] if given else None,
        remedy="date or extract_date is wrong; correct it, or ask for `without_rows`.",
    )
    told = given and seen.assessor.size == seen.size
    yield Looked(
        rule="assessment without an assessor",
        severity="warning",
        table="pathways",
        rows=seen.rows[seen.assessor < 0] if told else None,
        remedy="arms may have been assessed by other people; ask who did it.",
    )
