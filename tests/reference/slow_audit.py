"""Plain loops over the rows of an extract: every rule of the audit, and every repair.

Written from the words of the rules and from the docstrings, not from the library. A table is a list
of dicts, a missing cell is None, and each row keeps the number it was given by.
"""

from __future__ import annotations

import datetime as dt
import math
from calendar import monthrange
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

Row: TypeAlias = dict[str, Any]
ONE_DAY = dt.timedelta(days=1)
TABLES = ("people", "offences", "disposals", "custody", "deaths", "pathways")
DATES = ("born", "date", "recorded", "start", "end")
PROVING = ("conviction", "caution", "reprimand", "warning")
LATE = "offence recorded before it was committed"
UNSIGNED = "assessment without an assessor"


class Extract(NamedTuple):
    """The tables as given, None for one that was not."""

    people: list[Row]
    offences: list[Row]
    disposals: list[Row] | None
    custody: list[Row] | None
    deaths: list[Row] | None
    pathways: list[Row] | None
    day: dt.date
    columns: frozenset[str]  # optional columns, as "people born"


class Person(NamedTuple):
    """One person of the assignment."""

    name: str
    arm: int
    date: dt.date


class Found(NamedTuple):
    """What a rule found."""

    severity: str
    table: str
    rows: list[int]


def _cell(name: str, value: Any) -> Any:
    if value is None or pd.isna(value):
        return None
    return dt.date.fromisoformat(str(value)[:10]) if name in DATES else value


def read(tables: dict[str, Any]) -> Extract:
    """Read dataframes, and the day of the extract, into rows."""
    given: dict[str, Any] = {}
    columns = set()
    for name in TABLES:
        frame = tables.get(name)
        if frame is None:
            given[name] = None
            continue
        columns |= {f"{name} {column}" for column in frame.columns}
        given[name] = [
            {"row": place} | {key: _cell(key, value) for key, value in record.items()}
            for place, record in enumerate(frame.to_dict("records"))
        ]
    day = dt.date.fromisoformat(str(tables["extract_date"])[:10])
    return Extract(**given, day=day, columns=frozenset(columns))


def people(assignment: Any) -> list[Person]:
    """Read the rows of an assignment."""
    rows = zip(assignment.ids.tolist(), assignment.arm.tolist(), assignment.date, strict=True)
    return [Person(name, arm, dt.date.fromisoformat(str(day))) for name, arm, day in rows]


def months_later(day: dt.date, months: int) -> dt.date:
    """Return the same day of the month, or the last of a month that has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


# -- what the rules need to know of an extract ---------------------------------------------------


def known(extract: Extract) -> dict[str, dt.date | None]:
    """Return everyone of the people table with the day of birth in their first row."""
    found: dict[str, dt.date | None] = {}
    for each in extract.people:
        found.setdefault(each["id"], each.get("born"))
    return found


def left(extract: Extract) -> dict[str, dt.date]:
    """Return the first day of death or departure of those who have one."""
    found: dict[str, dt.date] = {}
    for each in extract.deaths or []:
        if each["date"] is not None:
            found[each["person"]] = min(found.get(each["person"], each["date"]), each["date"])
    return found


def days_held(spell: Row, last: dt.date) -> set[dt.date]:
    """Return the days of a spell, of an open one up to the last day known."""
    start, end = spell["start"], spell["end"]
    if start is None:
        return set()
    end = last + ONE_DAY if end is None else end
    return {start + ONE_DAY * step for step in range((end - start).days)}


def usable(extract: Extract) -> list[Row]:
    """Return the spells of known people that hold any day."""
    everyone = known(extract)
    return [
        spell
        for spell in extract.custody or []
        if spell["person"] in everyone and days_held(spell, extract.day)
    ]


# -- the rules ---------------------------------------------------------------------------------


def rules_of_offences(extract: Extract) -> dict[str, list[int]]:
    """Rules whose rows are offences, but those that need the assignment."""
    everyone, gone = known(extract), left(extract)
    inside = in_custody(extract)
    found: dict[str, list[int]] = {
        "unknown person in offences": [],
        "offence without a date": [],
        "offence before birth": [],
        "offence after the extract": [],
        "offence after death or departure": [],
        LATE: [],
        "offence during custody": [],
        "several offences in one day": [],
        "several offences with one disposal": disposed_together(extract),
    }
    seen = set()
    for each in extract.offences:
        who, day, row = each["person"], each["date"], each["row"]
        if who not in everyone:
            found["unknown person in offences"].append(row)
        if day is None:
            found["offence without a date"].append(row)
            continue
        born, recorded = everyone.get(who), each.get("recorded")
        if born is not None and day < born:
            found["offence before birth"].append(row)
        if day > extract.day:
            found["offence after the extract"].append(row)
        if who in everyone and who in gone and day > gone[who]:
            found["offence after death or departure"].append(row)
        if recorded is not None and recorded < day:
            found[LATE].append(row)
        # Who is arrested on the day of the offence was free when it was committed.
        if (who, day) in inside and (who, day - ONE_DAY) in inside:
            found["offence during custody"].append(row)
        if who in everyone and (who, day) in seen:
            found["several offences in one day"].append(row)
        seen.add((who, day))
    return found


def disposed_together(extract: Extract) -> list[int]:
    """Return rows of offences of known people first disposed of on the day an earlier row was."""
    everyone, disposed = known(extract), first_disposed(extract)
    found, before = [], []
    for each in extract.offences:
        if each["person"] in everyone and each["row"] in disposed:
            episode = (each["person"], disposed[each["row"]])
            if episode in before:
                found.append(each["row"])
            before.append(episode)
    return found


def rules_of_disposals(extract: Extract) -> dict[str, list[int]]:
    """Rules whose rows are disposals."""
    committed = {each.get("offence"): each["date"] for each in extract.offences}
    found: dict[str, list[int]] = {
        "disposal of an unknown offence": [],
        "disposal without a date": [],
        "disposal before its offence": [],
        "disposal after the extract": [],
        "disposal of unknown kind": [],
        "disposal spelt unlike one that proves": [],
    }
    for each in extract.disposals or []:
        row, day, offence = each["row"], each["date"], each["offence"]
        if offence not in committed:
            found["disposal of an unknown offence"].append(row)
        if day is None:
            found["disposal without a date"].append(row)
        elif day > extract.day:
            found["disposal after the extract"].append(row)
        at = committed.get(offence)
        if day is not None and at is not None and day < at:
            found["disposal before its offence"].append(row)
        if each["disposal"] is None:
            found["disposal of unknown kind"].append(row)
        for kind in PROVING if each["disposal"] is not None else ():
            if each["disposal"] != kind and each["disposal"].strip().lower() == kind:
                found["disposal spelt unlike one that proves"].append(row)
    return found


def rules_of_custody(extract: Extract) -> dict[str, list[int]]:
    """Rules whose rows are spells."""
    everyone = known(extract)
    spells = extract.custody or []
    found: dict[str, list[int]] = {
        "unknown person in custody": [],
        "custody without a start": [],
        "custody that ends before it begins": [],
        "overlapping custody": [],
        "custody open at the extract": [],
        "custody that begins after the extract": [],
        "custody after death or departure": held_after_leaving(extract),
    }
    for each in spells:
        if each["person"] not in everyone:
            found["unknown person in custody"].append(each["row"])
        if each["start"] is None:
            found["custody without a start"].append(each["row"])
            continue
        if each["start"] > extract.day:
            found["custody that begins after the extract"].append(each["row"])
        if each["end"] is None and each["person"] in everyone and each["start"] <= extract.day:
            found["custody open at the extract"].append(each["row"])
        elif each["end"] is not None and each["end"] < each["start"]:
            found["custody that ends before it begins"].append(each["row"])
    for each in usable(extract):
        for other in usable(extract):
            earlier = (other["start"], other["row"]) < (each["start"], each["row"])
            same = other["person"] == each["person"]
            shared = days_held(each, extract.day) & days_held(other, extract.day)
            if earlier and same and shared and each["row"] not in found["overlapping custody"]:
                found["overlapping custody"].append(each["row"])
    return found


def held_after_leaving(extract: Extract) -> list[int]:
    """Return rows of spells of known people that begin after their first departure."""
    everyone, gone = known(extract), left(extract)
    found = []
    for each in extract.custody or []:
        who = each["person"]
        if who in everyone and who in gone and each["start"] is not None:
            days = (each["start"] - gone[who]).days
            found += [each["row"]] if days > 0 else []
    return found


def rules_of_departures(extract: Extract) -> dict[str, list[int]]:
    """Rules whose rows are deaths and departures."""
    everyone = known(extract)
    found: dict[str, list[int]] = {
        "unknown person in deaths": [],
        "death or departure without a date": [],
        "death or departure after the extract": [],
        "several deaths or departures of one person": [],
    }
    before = []
    for each in extract.deaths or []:
        if each["person"] not in everyone:
            found["unknown person in deaths"].append(each["row"])
        elif each["person"] in before:
            found["several deaths or departures of one person"].append(each["row"])
        before.append(each["person"])
        if each["date"] is None:
            found["death or departure without a date"].append(each["row"])
        elif each["date"] > extract.day:
            found["death or departure after the extract"].append(each["row"])
    return found


def rules_of_assessments(extract: Extract) -> dict[str, list[int]]:
    """Rules whose rows are assessments of pathways."""
    everyone = known(extract)
    found: dict[str, list[int]] = {
        "unknown person in pathways": [],
        "assessment without a date": [],
        "assessment after the extract": [],
        UNSIGNED: [],
    }
    for each in extract.pathways or []:
        if each["person"] not in everyone:
            found["unknown person in pathways"].append(each["row"])
        if each.get("assessor") is None:
            found[UNSIGNED].append(each["row"])
        if each["date"] is None:
            found["assessment without a date"].append(each["row"])
        elif each["date"] > extract.day:
            found["assessment after the extract"].append(each["row"])
    return found


def rules_of_day_zero(
    extract: Extract, assigned: Sequence[Person]
) -> dict[str, dict[str, list[int]]]:
    """Rules about the day of randomisation of people in the records, by table."""
    everyone = known(extract)
    zero = [(each.name, each.date) for each in assigned if each.name in everyone]
    whose = {each.get("offence"): each["person"] for each in extract.offences}

    def on_it(rows: list[Row] | None, date: str) -> list[int]:
        return [each["row"] for each in rows or [] if (each["person"], each[date]) in zero]

    dealt = [each | {"person": whose.get(each["offence"])} for each in extract.disposals or []]
    return {
        "offences": {"offence on the day of randomisation": on_it(extract.offences, "date")},
        "disposals": {"disposal on the day of randomisation": on_it(dealt, "date")},
        "custody": {
            "custody that begins on the day of randomisation": on_it(extract.custody, "start")
        },
        "deaths": {"death or departure on the day of randomisation": on_it(extract.deaths, "date")},
    }


def rules_of_people(
    extract: Extract, assigned: Sequence[Person], months: int
) -> dict[str, list[int]]:
    """Rules whose rows are people of the assignment, but the comparisons between arms."""
    everyone, gone = known(extract), left(extract)
    found: dict[str, list[int]] = {
        "death or departure before randomisation": [],
        "person not in the records": [],
        f"followed for less than {months} months": [],
        "randomised after the extract": [],
    }
    for place, each in enumerate(assigned):
        if each.date > extract.day:
            found["randomised after the extract"].append(place)
        if each.name not in everyone:
            found["person not in the records"].append(place)
            continue
        if each.name in gone and gone[each.name] < each.date:
            found["death or departure before randomisation"].append(place)
        if months_later(each.date, months) > extract.day:
            found[f"followed for less than {months} months"].append(place)
    return found


def upper_tail(statistic: float, df: int) -> float:
    """Chi-square tail by the recursion from df - 2, begun at 1 (normal) or 2 (exponential)."""
    if df == 1:
        return math.erfc(math.sqrt(statistic / 2))
    if df == 2:
        return math.exp(-statistic / 2)
    step = math.exp((df / 2 - 1) * math.log(statistic / 2) - statistic / 2 - math.lgamma(df / 2))
    return upper_tail(statistic, df - 2) + step


def linkage_p(linked: Sequence[bool], arm: Sequence[int], arms: int) -> float:
    """Pearson's chi-square of linked by arm; with two arms each |O - E| loses up to a half."""
    statistic = 0.0
    for code in range(arms):
        mine = [flag for flag, own in zip(linked, arm, strict=True) if own == code]
        for value in (True, False):
            expected = len(mine) * sum(flag is value for flag in linked) / len(linked)
            if expected == 0:
                return math.nan
            gap = abs(sum(flag is value for flag in mine) - expected)
            if arms == 2:
                gap = max(gap - 0.5, 0.0)
            statistic += gap**2 / expected
    return upper_tail(statistic, arms - 1) if statistic else 1.0


def rank_p(values: Sequence[float], arm: Sequence[int]) -> float:
    """Kruskal and Wallis's H with mid-ranks, divided by 1 - sum(t^3 - t) / (n^3 - n)."""
    n, groups = len(values), sorted(set(arm))
    ranks = [
        sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2
        for value in values
    ]
    ties = sum(values.count(value) ** 3 - values.count(value) for value in set(values))
    if len(groups) < 2 or ties == n**3 - n:
        return math.nan
    statistic = 0.0
    for code in groups:
        mine = [rank for rank, own in zip(ranks, arm, strict=True) if own == code]
        statistic += len(mine) * (sum(mine) / len(mine) - (n + 1) / 2) ** 2
    statistic *= 12 / (n * (n + 1)) / (1 - ties / (n**3 - n))
    return upper_tail(statistic, len(groups) - 1) if statistic else 1.0


def days_followed(extract: Extract, assigned: Sequence[Person]) -> list[int | None]:
    """Return days from randomisation to death, departure or the extract; None for the unlinked."""
    everyone, gone = known(extract), left(extract)
    return [
        (min(gone.get(each.name, extract.day), extract.day) - each.date).days
        if each.name in everyone
        else None
        for each in assigned
    ]


def p_values(extract: Extract, assigned: Sequence[Person]) -> dict[str, float]:
    """Return the two comparisons between arms."""
    followed = days_followed(extract, assigned)
    arm = [each.arm for each in assigned]
    pairs = [(days, own) for days, own in zip(followed, arm, strict=True) if days is not None]
    return {
        "linkage differs by arm": linkage_p(
            [days is not None for days in followed], arm, len(set(arm))
        ),
        "follow-up differs by arm": rank_p([days for days, _ in pairs], [own for _, own in pairs])
        if pairs
        else math.nan,
    }


SEVERITY = {
    "offence during custody": "warning",
    "disposal of unknown kind": "warning",
    "overlapping custody": "warning",
    "offence on the day of randomisation": "warning",
    "death or departure on the day of randomisation": "warning",
    "disposal spelt unlike one that proves": "warning",
    "several deaths or departures of one person": "warning",
    UNSIGNED: "warning",
    "several offences in one day": "note",
    "several offences with one disposal": "note",
    "disposal on the day of randomisation": "note",
    "custody that begins on the day of randomisation": "note",
    "custody open at the extract": "note",
    "custody that begins after the extract": "error",
    "linkage differs by arm": "warning",
    "follow-up differs by arm": "warning",
}
NEEDS = {
    "unknown person in custody": "custody person",
    "unknown person in deaths": "deaths person",
    "unknown person in pathways": "pathways person",
    "disposal of an unknown offence": "disposals offence",
    "offence before birth": "people born",
    "offence after death or departure": "deaths person",
    LATE: "offences recorded",
    "several offences with one disposal": "disposals offence",
    "offence during custody": "custody person",
    "disposal without a date": "disposals offence",
    "disposal before its offence": "disposals offence",
    "disposal after the extract": "disposals offence",
    "disposal of unknown kind": "disposals offence",
    "disposal spelt unlike one that proves": "disposals offence",
    "disposal on the day of randomisation": "disposals offence",
    "custody without a start": "custody person",
    "custody that ends before it begins": "custody person",
    "overlapping custody": "custody person",
    "custody open at the extract": "custody person",
    "custody that begins after the extract": "custody person",
    "custody after death or departure": "custody person",
    "custody that begins on the day of randomisation": "custody person",
    "death or departure before randomisation": "deaths person",
    "death or departure without a date": "deaths person",
    "death or departure after the extract": "deaths person",
    "several deaths or departures of one person": "deaths person",
    "death or departure on the day of randomisation": "deaths person",
    "assessment without a date": "pathways person",
    "assessment after the extract": "pathways person",
    UNSIGNED: "pathways assessor",
}


def audited(extract: Extract, assigned: Sequence[Person], months: int) -> dict[str, Found | None]:
    """Return what every rule found, None for one that could not be looked at."""
    first: dict[str, int] = {}
    repeats = [
        each["row"]
        for each in extract.people
        if first.setdefault(each["id"], each["row"]) != each["row"]
    ]
    parts = {
        "people": {"repeated identifier": repeats},
        "offences": rules_of_offences(extract),
        "disposals": rules_of_disposals(extract),
        "custody": rules_of_custody(extract),
        "deaths": rules_of_departures(extract),
        "pathways": rules_of_assessments(extract),
        "assignment": rules_of_people(extract, assigned, months),
    }
    for name, rules in rules_of_day_zero(extract, assigned).items():
        parts[name] |= rules
    whole = list(range(len(assigned)))
    parts["assignment"] |= {
        rule: whole if p < 0.05 else [] for rule, p in p_values(extract, assigned).items()
    }
    found: dict[str, Found | None] = {}
    for table, rules in parts.items():
        for rule, rows in rules.items():
            severity = "warning" if rule.startswith("followed") else SEVERITY.get(rule, "error")
            able = NEEDS.get(rule, "people id") in extract.columns
            able = able or (rule == LATE and not extract.offences)
            able = able or (rule == UNSIGNED and extract.pathways == [])
            found[rule] = Found(severity, table, sorted(rows)) if able else None
    return found


# -- repairs -----------------------------------------------------------------------------------


def without(extract: Extract, table: str, rows: Sequence[int]) -> Extract:
    """Leave out rows of a table; disposals of offences left out go with them."""
    kept = [each for each in getattr(extract, table) if each["row"] not in rows]
    changed = extract._replace(**{table: kept})
    if table != "offences" or extract.disposals is None:
        return changed
    gone = {each["offence"] for each in extract.offences if each["row"] in rows}
    return changed._replace(
        disposals=[each for each in extract.disposals if each["offence"] not in gone]
    )


def in_custody(extract: Extract) -> set[tuple[str, dt.date]]:
    """Return every (person, day) in custody, of known people, up to where the spells tell."""
    return {
        (spell["person"], day) for spell in usable(extract) for day in days_held(spell, extract.day)
    }


def runs(extract: Extract) -> set[tuple[str, dt.date, dt.date]]:
    """Return the longest unbroken stretches of those days as person, start, end."""
    inside = in_custody(extract)
    found = set()
    for who, day in inside:
        if (who, day - ONE_DAY) not in inside:
            end = day
            while (who, end) in inside:
                end += ONE_DAY
            found.add((who, day, end))
    return found


def episodes_by_day(extract: Extract) -> dict[int, int]:
    """Return for each row of offences the row that remains of its day."""
    first: dict[tuple[str, dt.date], int] = {}
    everyone = known(extract)
    return {
        each["row"]: first.setdefault((each["person"], each["date"]), each["row"])
        if each["person"] in everyone and each["date"] is not None
        else each["row"]
        for each in extract.offences
    }


def first_disposed(extract: Extract) -> dict[int, dt.date]:
    """Return the first day on which each offence that has one was disposed of, by its row."""
    found: dict[int, dt.date] = {}
    for each in extract.offences:
        mine = [
            other["date"]
            for other in extract.disposals or []
            if other["offence"] == each["offence"] and other["date"] is not None
        ]
        if mine:
            found[each["row"]] = min(mine)
    return found


def episodes_by_disposal(extract: Extract) -> dict[int, int]:
    """Return for each row of offences the row that remains: the first of those disposed with it.

    An offence disposed of on several days belongs to the earliest of them.
    """
    everyone = known(extract)
    disposed = first_disposed(extract)
    found = {}
    for each in extract.offences:
        row = each["row"]
        found[row] = row
        if row not in disposed or each["person"] not in everyone:
            continue
        together = [
            (other["date"] is None, other["date"] or dt.date.max, other["row"])
            for other in extract.offences
            if other["person"] == each["person"] and disposed.get(other["row"]) == disposed[row]
        ]
        found[row] = min(together)[2]
    return found
