"""A few rows for every rule of the audit, with days on both sides of each limit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval.outcomes as co
from checkpoint_eval import Assignment

EXTRACT = "2019-01-01"
COLUMNS = {
    "people": ["id", "born"],
    "offences": ["offence", "person", "date", "recorded"],
    "disposals": ["offence", "date", "disposal"],
    "custody": ["person", "start", "end"],
    "deaths": ["person", "date"],
    "pathways": ["person", "date", "pathway", "score", "assessor"],
}
PEOPLE = [("a", "1990-05-01"), ("b", "1980-01-01"), ("c", None)]
NOTHING: tuple[Any, ...] = ()


def extract(*, extract_date: str = EXTRACT, **rows: Any) -> co.Records:
    """Three people and whatever rows are given; offences are (person, date[, recorded])."""
    given = {"people": PEOPLE, **dict.fromkeys(list(COLUMNS)[1:], NOTHING), **rows}
    given["offences"] = [
        (f"o{at}", *row, *[None] * (3 - len(row)))[:4] for at, row in enumerate(given["offences"])
    ]
    tables = {
        name: pd.DataFrame(list(given[name]), columns=COLUMNS[name], dtype=object)
        for name in COLUMNS
        if given[name] is not None
    }
    if tables.get("pathways") is not None:
        tables["pathways"]["score"] = tables["pathways"]["score"].astype(float)
    return co.Records.from_tables(**tables, extract_date=extract_date)


def assigned(*people: tuple[str, int, str]) -> Assignment:
    people = people or (("a", 0, "2016-08-01"), ("b", 1, "2016-09-01"), ("c", 1, "2016-10-01"))
    ids, arm, date = zip(*people, strict=True)
    return Assignment(
        arm=np.array(arm),
        arms=("court", "contract", "other")[: max(arm) + 1],
        stratum=np.zeros(len(arm), dtype=int),
        ids=np.array(ids),
        date=np.array(date, dtype="datetime64[D]"),
    )


def found(records: co.Records, assignment: Assignment | None = None, **how: Any) -> dict[str, Any]:
    """Rows by rule."""
    audit = co.audit(records, assigned() if assignment is None else assignment, **how)
    return {each.rule: each.rows.tolist() for each in audit.findings}


ALL = {
    *("repeated identifier", "unknown person in offences", "unknown person in custody"),
    *("unknown person in deaths", "unknown person in pathways", "disposal of an unknown offence"),
    *("offence without a date", "offence before birth", "offence after the extract"),
    *("offence after death or departure", "offence recorded before it was committed"),
    *("offence during custody", "several offences in one day", "disposal without a date"),
    *("disposal before its offence", "disposal after the extract", "disposal of unknown kind"),
    *("custody without a start", "custody that ends before it begins", "overlapping custody"),
    *("custody open at the extract", "offence on the day of randomisation"),
    "custody that begins after the extract",
    *("death or departure before randomisation", "person not in the records"),
    *("followed for less than 12 months", "linkage differs by arm", "follow-up differs by arm"),
    "randomised after the extract",
    *("several offences with one disposal", "disposal spelt unlike one that proves"),
    *("custody after death or departure", "death or departure without a date"),
    *("death or departure after the extract", "several deaths or departures of one person"),
    *("assessment without a date", "assessment after the extract"),
    "assessment without an assessor",
    *("disposal on the day of randomisation", "death or departure on the day of randomisation"),
    "custody that begins on the day of randomisation",
}
ONE = [("a", "2017-01-01", "2017-01-02")]


def test_a_sound_extract_is_clean() -> None:
    audit = co.audit(
        extract(
            offences=ONE,
            disposals=[("o0", "2017-03-01", "conviction")],
            custody=[("b", "2017-01-01", "2017-01-05")],
            deaths=[("c", "2018-12-01")],
            pathways=[("a", "2016-08-01", "finances", 3, "Ann")],
        ),
        assigned(),
    )
    assert audit.findings == ()
    assert audit.ok
    assert set(audit.clean) == ALL
    assert len(audit.clean) == len(ALL)
    assert audit.skipped == ()
    assert str(audit) == "41 rules looked at.\nNothing was found."
    frame = audit.to_frame()
    assert frame.empty
    assert {"rule", "severity", "table", "rows", "remedy"} <= set(frame.columns)


# what it is about: rule, severity, table, rows of the extract, rows expected
OFFENCES = {
    # born 1 May 1990: the day of birth itself is possible, if not likely
    "before birth": (
        ("offence before birth", "error", [1]),
        [("a", "1990-05-01"), ("a", "1990-04-30"), ("c", "1900-01-01"), ("b", "1990-04-30")],
    ),
    # the extract covers 1 January 2019
    "after the extract": (
        ("offence after the extract", "error", [0, 2]),
        [("a", "2019-01-02"), ("a", "2019-01-01"), ("b", "2020-02-29"), ("b", None)],
    ),
    "no date": (
        ("offence without a date", "error", [0]),
        [("a", None), ("a", "2017-01-01")],
    ),
    "unknown": (
        ("unknown person in offences", "error", [1, 3]),
        [("a", "2017-01-01"), ("zoe", "2017-01-01"), ("b", "2017-01-01"), (None, "2017-01-01")],
    ),
    "recorded": (
        ("offence recorded before it was committed", "error", [1]),
        [
            ("a", "2017-01-02", "2017-01-02"),
            ("a", "2017-01-03", "2017-01-02"),
            ("a", "2017-01-04", None),
            ("a", None, "2017-01-01"),
            ("a", "2017-01-05", "2017-02-01"),
        ],
    ),
    # the first row of a day counts as the offence; another person's day is another day
    "one day": (
        ("several offences in one day", "note", [2, 4]),
        [
            ("a", "2017-01-02"),
            ("b", "2017-01-02"),
            ("a", "2017-01-02"),
            ("a", "2017-01-03"),
            ("a", "2017-01-02"),
            ("a", None),
            ("a", None),
            ("zoe", "2017-01-02"),
            ("zoe", "2017-01-02"),
        ],
    ),
    # a was randomised on 1 August 2016, b on 1 September
    "day 0": (
        ("offence on the day of randomisation", "warning", [1]),
        [
            ("a", "2016-07-31"),
            ("a", "2016-08-01"),
            ("a", "2016-08-02"),
            ("a", "2016-09-01"),
            ("zoe", "2016-08-01"),
        ],
    ),
}


@pytest.mark.parametrize("case", OFFENCES)
def test_rules_about_offences(case: str) -> None:
    (rule, severity, rows), offences = OFFENCES[case]
    audit = co.audit(extract(offences=offences), assigned())
    finding = audit.finding(rule)
    assert (finding.table, finding.severity) == ("offences", severity)
    assert finding.rows.tolist() == rows
    assert finding.remedy
    assert audit.ok == (not any(each.severity == "error" for each in audit.findings))


def test_an_offence_after_death_is_after_the_first_departure_of_that_person() -> None:
    records = extract(
        offences=[
            ("a", "2017-05-02"),
            ("a", "2017-05-01"),
            ("a", "2017-07-01"),
            ("b", "2018-01-01"),
        ],
        deaths=[("a", "2017-06-01"), ("a", "2017-05-01"), ("zoe", "2017-01-01"), ("b", None)],
    )
    assert found(records)["offence after death or departure"] == [0, 2]


def test_nobody_knows_when_an_unknown_person_was_born_or_died() -> None:
    """Whoever stands first or last in the tables."""
    everyone = [("a", "1990-05-01"), ("b", "1990-05-01")]
    records = extract(
        people=everyone,
        offences=[("zoe", "1980-01-01"), ("zoe", "2018-01-01"), (None, "1980-01-01")],
        custody=[("zoe", "2018-01-01", "2018-01-05"), (None, "2018-01-01", "2018-01-05")],
        deaths=[("a", "2017-01-01"), ("zoe", "2016-12-01"), ("b", "2017-01-01")],
    )
    clean = co.audit(records, assigned()).clean
    assert {
        *("offence before birth", "offence after death or departure"),
        "custody after death or departure",
    } <= set(clean)


DISPOSALS = [
    ("o0", "2017-01-01", "caution"),  # 0: on the day of the offence
    ("o0", "2016-12-31", "caution"),  # 1: the day before it
    ("o9", "2017-02-01", "caution"),  # 2: of no offence
    ("o0", None, "caution"),  # 3
    ("o0", "2019-01-01", "caution"),  # 4: the last day of the extract
    ("o0", "2019-01-02", None),  # 5
    ("o1", "2015-01-01", "caution"),  # 6: of an offence without a date
    ("o9", None, None),  # 7
]


def test_rules_about_disposals() -> None:
    records = extract(offences=[("a", "2017-01-01"), ("a", None)], disposals=DISPOSALS)
    audit = co.audit(records, assigned())
    for rule, severity, rows in (
        ("disposal of an unknown offence", "error", [2, 7]),
        ("disposal without a date", "error", [3, 7]),
        ("disposal before its offence", "error", [1]),
        ("disposal after the extract", "error", [5]),
        ("disposal of unknown kind", "warning", [5, 7]),
    ):
        finding = audit.finding(rule)
        assert (finding.table, finding.severity) == ("disposals", severity)
        assert finding.rows.tolist() == rows
        assert finding.remedy


EPISODE = {
    "offences": [
        ("a", "2017-01-09"),  # 0: first dealt with on 1 March, again on 1 April
        ("a", "2017-01-01"),  # 1: on 1 March with row 0, though committed before it
        ("b", "2017-01-01"),  # 2: someone else
        ("a", "2017-01-02"),  # 3: on 1 April: not the first day of row 0
        ("a", "2017-01-03"),  # 4: the day before
        ("a", "2017-01-04"),  # 5: the day after
        ("a", None),  # 6: on 1 March, when committed is unknown
        ("zoe", "2017-01-01"),  # 7: nobody knows
        ("zoe", "2017-01-01"),  # 8
        ("a", "2017-01-05"),  # 9: never with a date
        ("a", "2017-01-06"),  # 10
        ("a", "2017-01-07"),  # 11: no disposal
        ("a", "2017-01-08"),  # 12
        ("a", "2017-01-09"),  # 13: committed on the day of row 0, on 1 March at the latest
        ("a", "2017-01-10"),  # 14: with row 13
    ],
    "disposals": [
        ("o0", "2017-04-01", "caution"),
        ("o0", "2017-03-01", "no further action"),
        ("o1", "2017-03-01", "conviction"),
        ("o1", "2017-03-01", "conviction"),
        ("o2", "2017-03-01", "caution"),
        ("o3", "2017-04-01", "caution"),
        ("o4", "2017-02-28", "caution"),
        ("o5", "2017-03-02", "caution"),
        ("o6", None, "caution"),
        ("o6", "2017-03-01", "caution"),
        ("o7", "2017-03-01", "caution"),
        ("o8", "2017-03-01", "caution"),
        ("o9", None, "caution"),
        ("o10", None, "caution"),
        ("o13", "2017-03-01", "caution"),
        ("o13", "2017-02-01", "caution"),
        ("o14", "2017-02-01", "caution"),
        ("o99", "2017-01-20", "caution"),  # of none of them
    ],
}


def test_offences_with_one_disposal_are_those_first_disposed_of_on_one_day() -> None:
    records = extract(**EPISODE)
    finding = co.audit(records, assigned()).finding("several offences with one disposal")
    assert (finding.table, finding.severity) == ("offences", "note")
    assert finding.rows.tolist() == [1, 6, 14]
    assert "collapse_episodes" in finding.remedy
    mended = co.collapse_episodes(records, by="disposal")
    assert repairs(mended) == [("offences", 3)]
    assert "several offences with one disposal" in co.audit(mended, assigned()).clean


KINDS = {
    **dict.fromkeys(["conviction", "caution", "reprimand", "warning"], False),
    **dict.fromkeys(["Conviction", "CAUTION", "rePrimand", "Warning"], True),
    **dict.fromkeys(["conviction ", " caution", "  reprimand  ", "warning\t"], True),
    **dict.fromkeys([" Conviction ", "WARNING  "], True),
    **dict.fromkeys(["convictions", "con viction", "warn ing", "a caution", "caution."], False),
    **dict.fromkeys(["no further action", "No Further Action ", "", " "], False),
}


def test_a_disposal_spelt_unlike_one_that_proves() -> None:
    """Letter case and blanks around it are all that may differ."""
    disposals = [("o0", "2017-03-01", kind) for kind in KINDS]
    disposals += [("o0", None, "Caution"), ("o9", "2017-03-01", "Caution")]
    disposals += [("o0", "2017-03-01", None)]
    audit = co.audit(extract(offences=ONE, disposals=disposals), assigned())
    finding = audit.finding("disposal spelt unlike one that proves")
    assert (finding.table, finding.severity) == ("disposals", "warning")
    wanted = [at for at, unlike in enumerate(KINDS.values()) if unlike]
    assert finding.rows.tolist() == [*wanted, len(KINDS), len(KINDS) + 1]
    assert finding.remedy


SPELLS_AFTER = [
    ("a", "2017-06-01", "2017-06-05"),  # 0: after the first departure, on the day of the second
    ("a", "2017-05-01", "2017-06-05"),  # 1: on the day of death, though it ends later
    ("a", "2017-05-02", "2017-05-02"),  # 2: the day after, and no day long
    ("a", "2017-04-30", None),  # 3: the day before, open
    ("a", None, "2017-06-05"),  # 4: nobody knows
    ("b", "2017-06-01", "2017-06-05"),  # 5: whose departure has no date
    ("zoe", "2018-01-01", "2018-01-05"),  # 6: nobody
    ("a", "2018-06-01", "2018-01-05"),  # 7: after it, and ends before it begins
    ("c", "2018-06-01", "2018-06-05"),  # 8: who never left
    ("a", "2018-06-01", None),  # 9
]
LEFT = [("a", "2017-06-01"), ("a", "2017-05-01"), ("zoe", "2017-01-01"), ("b", None), ("a", None)]


def test_custody_after_death_begins_after_the_first_departure() -> None:
    rule = "custody after death or departure"
    records = extract(offences=ONE, custody=SPELLS_AFTER, deaths=LEFT)
    finding = co.audit(records, assigned()).finding(rule)
    assert (finding.table, finding.severity) == ("custody", "error")
    assert finding.rows.tolist() == [0, 2, 7, 9]
    assert finding.remedy
    for deaths, custody, told in (
        (None, SPELLS_AFTER, "clean"),
        (LEFT, None, "skipped"),
        (None, None, "skipped"),
    ):
        audit = co.audit(extract(offences=ONE, custody=custody, deaths=deaths), assigned())
        assert rule in getattr(audit, told)


DEPARTURES = [
    ("a", None),  # 0
    ("b", "2019-01-01"),  # 1: the last day of the extract
    ("a", "2019-01-02"),  # 2: the second row of a, whatever the first tells
    ("zoe", "2019-01-02"),  # 3
    ("zoe", None),  # 4
    (None, None),  # 5
    ("b", "2018-12-31"),  # 6: before row 1, yet the second
    ("a", None),  # 7: the third of a
    ("c", "2018-12-31"),  # 8: the only one
]


def test_rules_about_departures() -> None:
    audit = co.audit(extract(offences=ONE, deaths=DEPARTURES), assigned())
    for rule, severity, rows in (
        ("unknown person in deaths", "error", [3, 4, 5]),
        ("death or departure without a date", "error", [0, 4, 5, 7]),
        ("death or departure after the extract", "error", [2, 3]),
        ("several deaths or departures of one person", "warning", [2, 6, 7]),
    ):
        finding = audit.finding(rule)
        assert (finding.table, finding.severity) == ("deaths", severity)
        assert finding.rows.tolist() == rows
        assert finding.remedy


def test_rules_about_assessments() -> None:
    pathways = [
        ("a", None, "finances", 3, "Ann"),
        ("a", "2019-01-02", "finances", 3, None),
        ("a", "2019-01-01", "finances", 3, "Ann"),
        ("zoe", "2019-02-01", "finances", None, "Bob"),
        ("zoe", None, "finances", 3, " "),
        ("b", "2018-12-31", "finances", 3, "nobody"),
        ("b", "2018-12-31", "finances", 3, "Bob"),
    ]
    audit = co.audit(extract(offences=ONE, pathways=pathways), assigned())
    for rule, rows in (
        ("unknown person in pathways", [3, 4]),
        ("assessment without a date", [0, 4]),
        ("assessment after the extract", [1, 3]),
    ):
        finding = audit.finding(rule)
        assert (finding.table, finding.severity) == ("pathways", "error")
        assert finding.rows.tolist() == rows
        assert finding.remedy
    unsigned = audit.finding("assessment without an assessor")
    assert (unsigned.table, unsigned.severity) == ("pathways", "warning")
    assert unsigned.rows.tolist() == [1, 4]  # none, and nothing but a blank


# a is randomised on 1 August 2016, b on 1 September, zoe, who is not in the records, on 1 August
DAY_ZERO = [
    ("a", "2016-07-31"),  # 0
    ("a", "2016-08-01"),  # 1: the day
    ("a", "2016-08-02"),  # 2
    ("b", "2016-08-01"),  # 3: the day of another
    ("b", "2016-09-01"),  # 4: the day
    ("zoe", "2016-08-01"),  # 5
    ("a", None),  # 6
    ("c", "2016-08-01"),  # 7: was not randomised
    ("a", "2016-08-01"),  # 8: the day again
]


@pytest.mark.parametrize(
    ("rule", "table", "severity"),
    [
        ("disposal on the day of randomisation", "disposals", "note"),
        ("custody that begins on the day of randomisation", "custody", "note"),
        ("death or departure on the day of randomisation", "deaths", "warning"),
    ],
)
def test_rules_about_the_day_of_randomisation(rule: str, table: str, severity: str) -> None:
    people = assigned(("b", 0, "2016-09-01"), ("zoe", 1, "2016-08-01"), ("a", 1, "2016-08-01"))
    # Offences themselves are far from every day of randomisation.
    rows: dict[str, Any] = {"offences": [(who, "2016-01-05") for who in "abc"] + [("zoe", None)]}
    of = {"a": "o0", "b": "o1", "c": "o2", "zoe": "o3"}
    rows[table] = {
        "disposals": [(of[who], day, "caution") for who, day in DAY_ZERO]
        + [("o9", "2016-08-01", "caution"), (None, "2016-08-01", "caution")],
        # Who is held over the day, or up to it, does not begin on it.
        "custody": [(who, day, "2016-08-01") for who, day in DAY_ZERO]
        + [("a", "2016-07-01", None), (None, "2016-08-01", None)],
        "deaths": [*DAY_ZERO, (None, "2016-08-01")],
    }[table]
    audit = co.audit(extract(**rows), people)
    finding = audit.finding(rule)
    assert (finding.table, finding.severity) == (table, severity)
    assert finding.rows.tolist() == [1, 4, 8]
    assert finding.remedy
    others = {each.rule for each in audit.findings if "the day of randomisation" in each.rule}
    assert others == {rule}


CUSTODY = [
    ("a", "2017-03-05", "2017-03-10"),  # 0
    ("a", "2017-03-01", "2017-03-05"),  # 1: ends as row 0 begins: they touch
    ("a", "2017-03-09", "2017-03-12"),  # 2: the 9th is in row 0 as well
    ("b", "2017-03-09", "2017-03-12"),  # 3: someone else
    ("b", "2017-04-02", "2017-04-02"),  # 4: no day
    ("b", "2017-04-03", "2017-04-02"),  # 5: negative
    ("b", None, "2017-05-01"),  # 6
    ("b", "2018-01-01", None),  # 7: open
    ("b", "2018-12-31", "2019-02-01"),  # 8: overlaps the open one; ends after the extract
    ("zoe", "2017-01-01", "2017-02-01"),  # 9
    ("zoe", "2017-01-01", "2017-02-01"),  # 10: nobody's spells do not overlap
    ("c", "2017-01-01", "2017-12-31"),  # 11: a long one
    ("c", "2017-02-01", "2017-02-05"),  # 12: inside it
    ("c", "2017-03-01", "2017-03-05"),  # 13: inside it, though apart from the last
    ("a", "2019-01-02", "2019-01-05"),  # 14: after the extract
    ("a", "2019-01-02", None),  # 15: open, though no day of it is known
    ("zoe", "2019-01-01", "2019-01-05"),  # 16: on the last day of the extract
]


def test_rules_about_custody() -> None:
    audit = co.audit(extract(offences=ONE, custody=CUSTODY), assigned())
    for rule, severity, rows in (
        ("unknown person in custody", "error", [9, 10, 16]),
        ("custody without a start", "error", [6]),
        ("custody that ends before it begins", "error", [5]),
        ("overlapping custody", "warning", [2, 8, 12, 13]),
        ("custody open at the extract", "note", [7]),
        ("custody that begins after the extract", "error", [14, 15]),
    ):
        finding = audit.finding(rule)
        assert (finding.table, finding.severity) == ("custody", severity)
        assert finding.rows.tolist() == rows
        assert finding.remedy


def test_an_offence_during_custody_is_after_its_first_day_and_before_its_last() -> None:
    """Held from the 1st, free on the 8th: two spells that touch on the 5th are one stretch."""
    records = extract(
        offences=[
            ("a", "2017-02-28"),  # 0
            ("a", "2017-03-01"),  # 1: arrested on the day
            ("a", "2017-03-02"),  # 2
            ("a", "2017-03-05"),  # 3: where the spells touch
            ("a", "2017-03-07"),  # 4
            ("a", "2017-03-08"),  # 5: free
            ("b", "2017-03-02"),  # 6: someone else
            ("c", "2018-12-31"),  # 7: open from the 30th
            ("c", "2019-01-01"),  # 8
            ("c", "2019-01-02"),  # 9: after the extract nobody knows
        ],
        custody=[
            ("a", "2017-03-05", "2017-03-08"),
            ("a", "2017-03-01", "2017-03-05"),
            ("c", "2018-12-30", None),
        ],
    )
    audit = co.audit(records, assigned())
    finding = audit.finding("offence during custody")
    assert (finding.table, finding.severity) == ("offences", "warning")
    assert finding.rows.tolist() == [2, 3, 4, 7, 8]


def test_repeated_and_unknown_people() -> None:
    records = extract(
        people=[("a", "1990-01-01"), ("b", None), ("a", "1991-01-01"), ("c", None), ("b", None)],
        offences=[("a", "1990-06-01")],  # before the second birth, after the first
        deaths=[("zoe", "2018-01-01"), ("a", "2018-01-01")],
        pathways=[("a", "2018-01-01", "x", 1, "Ann"), ("zoe", "2018-01-01", "x", 1, "Ann")],
    )
    audit = co.audit(records, assigned())
    for rule, table, rows in (
        ("repeated identifier", "people", [2, 4]),
        ("unknown person in deaths", "deaths", [0]),
        ("unknown person in pathways", "pathways", [1]),
    ):
        finding = audit.finding(rule)
        assert (finding.table, finding.severity, finding.rows.tolist()) == (table, "error", rows)
    assert "offence before birth" in audit.clean


def test_rules_about_people() -> None:
    """The extract reaches 29 February 2016 and 12 months: 28 February 2017."""
    records = extract(
        extract_date="2017-02-28", offences=[("a", "2016-01-01")], deaths=[("b", "2016-02-27")]
    )
    audit = co.audit(
        records,
        assigned(
            ("zoe", 0, "2016-02-01"),
            ("a", 0, "2016-02-29"),
            ("b", 1, "2016-02-28"),
            ("c", 1, "2016-03-01"),
        ),
    )
    for rule, severity, rows in (
        ("person not in the records", "error", [0]),
        ("death or departure before randomisation", "error", [2]),
        ("followed for less than 12 months", "warning", [3]),
    ):
        finding = audit.finding(rule)
        assert (finding.table, finding.severity) == ("assignment", severity)
        assert finding.rows.tolist() == rows
    late = co.audit(records, assigned(("a", 0, "2017-03-01"), ("b", 1, "2017-02-28")))
    assert late.finding("randomised after the extract").rows.tolist() == [0]
    assert late.finding("randomised after the extract").severity == "error"
    assert late.finding("death or departure before randomisation").rows.tolist() == [1]
    # death on the day is possible
    same = found(records, assigned(("a", 0, "2016-02-01"), ("b", 1, "2016-02-27")))
    assert "death or departure before randomisation" not in same


def test_months_of_follow_up_are_as_asked() -> None:
    records = extract(extract_date="2017-02-28", offences=[("a", "2016-01-01")])
    people = assigned(("a", 0, "2016-12-31"), ("b", 1, "2017-01-01"))
    assert found(records, people, months=2)["followed for less than 2 months"] == [1]
    assert "followed for less than 1 months" not in found(records, people, months=1)


def test_who_is_followed_too_shortly_has_no_local_outcome() -> None:
    """The rule and the outcome must draw the line on the same day."""
    for day, short in (("2018-01-01", False), ("2018-01-02", True)):
        records, people = extract(offences=ONE), assigned(("a", 0, day), ("b", 1, "2016-01-01"))
        outcome = co.proven_reoffending(records, people, counting=co.Counting(proven=False))
        assert bool(outcome.missing[0]) is short
        assert ("followed for less than 12 months" in found(records, people)) is short


def many(linked: tuple[int, ...], people: tuple[int, ...], days: Any = None) -> Any:
    """Records of the first `linked` people of each arm, followed for `days`."""
    ids = [f"{arm}-{at}" for arm, n in enumerate(people) for at in range(n)]
    known = [f"{arm}-{at}" for arm, n in enumerate(linked) for at in range(n)]
    arms = [arm for arm, n in enumerate(people) for _ in range(n)]
    followed = [800] * len(ids) if days is None else days
    dates = [str(np.datetime64(EXTRACT) - np.timedelta64(int(day), "D")) for day in followed]
    records = extract(people=[("someone else", None), *((who, None) for who in known)])
    return records, assigned(*zip(ids, arms, dates, strict=True))


def test_linkage_by_arm() -> None:
    """20 of 20 and 14 of 20.

    Expected 17 and 3, so |O - E| = 3, less a half 2.5: chi-square
    2.5^2 (2/17 + 2/3) = 4.9020, and p = 0.0268. With 15 of 20 it is
    2^2 (2/17.5 + 2/2.5) = 3.6571, p = 0.0558: not told.
    """
    records, people = many((20, 14), (20, 20))
    finding = co.audit(records, people).finding("linkage differs by arm")
    assert (finding.table, finding.severity) == ("assignment", "warning")
    assert finding.rows.tolist() == list(range(40))
    assert "p = 0.0268" in finding.remedy
    records, people = many((20, 15), (20, 20))
    assert "linkage differs by arm" in co.audit(records, people).clean


@pytest.mark.parametrize("linked", [(5, 5), (0, 0)])
def test_all_or_nobody_linked_is_no_difference(linked: tuple[int, int]) -> None:
    records, people = many(linked, (5, 5))
    audit = co.audit(records, people)
    assert {"linkage differs by arm", "follow-up differs by arm"} <= set(audit.clean)


def test_follow_up_by_arm() -> None:
    """Three of 401, 402, 403 days against three of 501, 502, 503: ranks 6 and 15.

    H = 12 / (6 7) ((6 - 10.5)^2 / 3 + (15 - 10.5)^2 / 3) = 3.857, p = 0.0495. With 404 in the place
    of 501 the ranks are the same; with 402 they tie and p = 0.0765 or more: not told.
    """
    records, people = many((3, 3), (3, 3), [401, 402, 403, 501, 502, 503])
    finding = co.audit(records, people).finding("follow-up differs by arm")
    assert finding.rows.tolist() == list(range(6))
    assert (finding.table, finding.severity) == ("assignment", "warning")
    assert "p = 0.0495" in finding.remedy
    records, people = many((3, 3), (3, 3), [401, 402, 403, 402, 502, 503])
    assert "follow-up differs by arm" in co.audit(records, people).clean


def test_linkage_counts_by_arm() -> None:
    """a dies after 100 days, b is followed 731 and 366 days later c is not linked."""
    records = extract(
        people=PEOPLE[:2], offences=ONE, deaths=[("a", "2016-11-09")], extract_date="2018-09-02"
    )
    table = co.linkage(records, assigned())
    assert table["arm"].tolist() == ["court", "contract"]
    assert table["people"].tolist() == [1, 2]
    assert table["linked"].tolist() == [1, 1]
    assert table["share linked"].tolist() == [1.0, 0.5]
    assert table["median days"].tolist() == [100.0, 731.0]
    assert [name for name in table if str(name).startswith("share followed")] == [
        "share followed 12 months"
    ]


SKIPPED = {
    "disposals": {rule for rule in ALL if "disposal" in rule},
    "custody": {rule for rule in ALL if "custody" in rule},
    "deaths": {rule for rule in ALL if "death" in rule} - {"custody after death or departure"},
    "pathways": {rule for rule in ALL if "pathways" in rule or "assessment" in rule},
}


@pytest.mark.parametrize("table", SKIPPED)
def test_rules_of_a_table_that_was_not_given_are_skipped(table: str) -> None:
    audit = co.audit(extract(offences=ONE, **{table: None}), assigned())
    assert set(audit.skipped) == SKIPPED[table]
    assert set(audit.clean) == ALL - SKIPPED[table]
    assert audit.ok


@pytest.mark.parametrize(
    ("table", "column", "rule"),
    [
        ("people", "born", "offence before birth"),
        ("offences", "recorded", "offence recorded before it was committed"),
        ("pathways", "assessor", "assessment without an assessor"),
    ],
)
def test_rules_of_a_column_that_was_not_given_are_skipped(
    table: str, column: str, rule: str
) -> None:
    tables = {
        "people": pd.DataFrame(PEOPLE, columns=COLUMNS["people"]),
        "offences": pd.DataFrame([("o0", *ONE[0])], columns=COLUMNS["offences"]),
        "pathways": pd.DataFrame([("a", "2016-08-01", "x", 1, "Ann")], columns=COLUMNS["pathways"]),
    }
    tables[table] = tables[table].drop(columns=column)
    records = co.Records.from_tables(**tables, extract_date=EXTRACT)
    assert rule in co.audit(records, assigned()).skipped


@pytest.mark.parametrize("columns", [COLUMNS["offences"], COLUMNS["offences"][:3]])
def test_no_offence_was_recorded_too_early_where_there_is_none(columns: list[str]) -> None:
    people = pd.DataFrame(PEOPLE, columns=COLUMNS["people"])
    for rows in ([], [("o0", "a", "2019-01-05", None)]):
        offences = pd.DataFrame(rows, columns=COLUMNS["offences"], dtype=object)[columns]
        records = co.Records.from_tables(people=people, offences=offences, extract_date=EXTRACT)
        audit = co.audit(records, assigned())
        if rows:
            records = co.without_rows(records, audit.finding("offence after the extract"))
            audit = co.audit(records, assigned())
        assert "offence recorded before it was committed" in audit.clean
    assert "offence recorded before it was committed" in co.audit(extract(), assigned()).clean


def test_an_audit_as_a_table_and_in_words() -> None:
    records = extract(offences=[("a", "2019-01-05"), ("a", "2016-08-01"), ("b", "2019-01-05")])
    audit = co.audit(records, assigned())
    frame = audit.to_frame()
    assert frame["rule"].tolist() == [each.rule for each in audit.findings]
    assert frame["rule"].tolist() == [
        "offence after the extract",
        "offence on the day of randomisation",
    ]
    assert frame["severity"].tolist() == ["error", "warning"]
    assert frame["table"].tolist() == ["offences", "offences"]
    assert frame["rows"].tolist() == [2, 1]
    assert frame["first row"].tolist() == [0, 1]
    assert (frame["remedy"].str.len() > 10).all()
    assert not audit.ok
    assert "offence after the extract, 2 rows of offences (0, 2)" in str(audit)


# -- repairs -------------------------------------------------------------------------------------


def dates(records: co.Records) -> list[tuple[int, str]]:
    table = records.offences
    return list(zip(table.rows.tolist(), table.date.astype(str).tolist(), strict=True))


def repairs(records: co.Records) -> list[tuple[str, int]]:
    return [(each.table, each.rows) for each in records.repairs]


def test_rows_are_those_of_the_extract_after_a_repair() -> None:
    """Row 0 leaves with its disposal; what was row 3 is still row 3, disposal 2 still 2."""
    records = extract(
        offences=[
            ("a", "2019-01-05"),
            ("a", "2017-01-01"),
            ("b", "2017-01-01"),
            ("b", "1970-01-01"),
        ],
        disposals=[
            ("o0", "2019-01-06", "caution"),
            ("o1", "2017-02-01", "caution"),
            ("o3", "1969-01-01", "caution"),
        ],
    )
    audit = co.audit(records, assigned())
    mended = co.without_rows(records, audit.finding("offence after the extract"))
    assert repairs(mended) == [("offences", 1), ("disposals", 1)]
    assert mended.offences.rows.tolist() == [1, 2, 3]
    assert mended.disposals.rows.tolist() == [1, 2]
    assert mended.disposals.offence.tolist() == [0, 2]
    assert mended.digest != records.digest
    later = co.audit(mended, assigned())
    assert "offence after the extract" in later.clean
    assert later.finding("offence before birth").rows.tolist() == [3]
    assert later.finding("disposal before its offence").rows.tolist() == [2]
    rest = co.without_rows(mended, later.finding("offence before birth"))
    assert rest.offences.rows.tolist() == [1, 2]
    assert rest.disposals.rows.tolist() == [1]
    assert rest.disposals.offence.tolist() == [0]
    assert repairs(rest) == [("offences", 1), ("disposals", 1)] * 2
    again = co.without_rows(rest, later.finding("offence before birth"))
    assert again.digest == rest.digest
    assert ("offences", 0) in repairs(again)[4:]


def test_spells_are_merged() -> None:
    """1-5 and 5-8 touch; 9-12 stands apart by a day; b's overlap is b's own."""
    records = extract(
        offences=ONE,
        custody=[
            ("a", "2017-03-05", "2017-03-08"),
            ("a", "2017-03-01", "2017-03-05"),
            ("a", "2017-03-09", "2017-03-12"),
            ("b", "2017-03-07", "2017-03-20"),
            ("b", "2017-03-09", "2017-03-10"),
            ("c", "2018-12-31", None),
        ],
    )
    merged = co.merge_custody(records)
    spells = zip(
        merged.ids[merged.custody.person].tolist(),
        merged.custody.start.astype(str).tolist(),
        merged.custody.end.astype(str).tolist(),
        strict=True,
    )
    assert sorted(spells) == [
        ("a", "2017-03-01", "2017-03-08"),
        ("a", "2017-03-09", "2017-03-12"),
        ("b", "2017-03-07", "2017-03-20"),
        ("c", "2018-12-31", "2019-01-02"),
    ]
    assert repairs(merged)[0][0] == "custody"
    assert merged.digest != records.digest
    assert "overlapping custody" in co.audit(merged, assigned()).clean


def test_open_spells_are_closed() -> None:
    records = extract(
        offences=ONE, custody=[("a", "2018-12-31", None), ("b", "2018-12-01", "2018-12-05")]
    )
    closed = co.close_custody(records)
    assert closed.custody.end.astype(str).tolist() == ["2019-01-02", "2018-12-05"]
    assert repairs(closed) == [("custody", 1)]
    assert "custody open at the extract" in co.audit(closed, assigned()).clean


EPISODES = {
    "offences": [
        ("a", "2017-01-02"),  # 0: disposed of on 1 March with row 2
        ("a", "2017-01-02"),  # 1: the same day; disposed of on 1 April
        ("a", "2017-01-01"),  # 2: the earliest of those disposed of on 1 March
        ("b", "2017-01-02"),  # 3: b's, disposed of on 1 March
        ("a", "2017-01-02"),  # 4: the same day, no disposal
        ("zoe", "2017-01-02"),  # 5: nobody knows whether these two are one person's
        ("zoe", "2017-01-02"),  # 6
    ],
    "disposals": [
        ("o0", "2017-03-01", "caution"),
        ("o1", "2017-04-01", "caution"),
        ("o2", "2017-03-01", "conviction"),
        ("o3", "2017-03-01", "caution"),
    ],
}


def test_episodes_by_day() -> None:
    mended = co.collapse_episodes(extract(**EPISODES), by="day")
    assert dates(mended) == [
        (0, "2017-01-02"),
        (2, "2017-01-01"),
        (3, "2017-01-02"),
        (5, "2017-01-02"),
        (6, "2017-01-02"),
    ]
    assert mended.offences.rows[mended.disposals.offence].tolist() == [0, 0, 2, 3]
    assert repairs(mended) == [("offences", 2)]


def test_episodes_by_disposal() -> None:
    mended = co.collapse_episodes(extract(**EPISODES), by="disposal")
    assert dates(mended) == [
        (1, "2017-01-02"),
        (2, "2017-01-01"),
        (3, "2017-01-02"),
        (4, "2017-01-02"),
        (5, "2017-01-02"),
        (6, "2017-01-02"),
    ]
    assert mended.offences.rows[mended.disposals.offence].tolist() == [2, 1, 2, 3]
    assert repairs(mended) == [("offences", 1)]


def test_closing_makes_no_negative_spell() -> None:
    records = extract(offences=ONE, custody=[("a", "2019-01-05", None)])
    assert "custody that ends before it begins" in co.audit(records, assigned()).clean
    closed = co.audit(co.close_custody(records), assigned())
    assert "custody that ends before it begins" in closed.clean


def test_a_finding_from_before_the_merge_removes_none_but_its_own() -> None:
    """Rows 0 and 1 are a's and become one; the finding is row 1, which b's spell must not be."""
    records = extract(
        offences=ONE,
        custody=[
            ("a", "2017-03-01", "2017-03-08"),
            ("a", "2017-03-05", "2017-03-06"),
            ("b", "2017-03-01", "2017-03-02"),
        ],
    )
    finding = co.audit(records, assigned()).finding("overlapping custody")
    merged = co.merge_custody(records)
    mended = co.without_rows(merged, finding)
    assert "b" in mended.ids[mended.custody.person].tolist()


def test_a_repair_of_nothing_leaves_the_digest() -> None:
    records = extract(offences=ONE)
    assert co.collapse_episodes(records).digest == records.digest


def test_a_merge_counts_the_spells_it_closes() -> None:
    merged = co.merge_custody(extract(offences=ONE, custody=[("a", "2018-12-31", None)]))
    assert merged.custody.end.astype(str).tolist() == ["2019-01-02"]
    assert sum(each.rows for each in merged.repairs) == 1


def test_the_first_offence_of_an_episode_is_one_with_a_date() -> None:
    records = extract(
        offences=[("a", None), ("a", "2017-01-02")],
        disposals=[("o0", "2017-03-01", "caution"), ("o1", "2017-03-01", "caution")],
    )
    mended = co.collapse_episodes(records, by="disposal")
    assert "2017-01-02" in mended.offences.date.astype(str).tolist()
