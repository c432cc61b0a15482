"""Reading a ledger's entries as an assignment or as tables."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from checkpoint_eval.design.allocation import OneAtATime
from checkpoint_eval.design.people import Factor, People, stratum_name
from checkpoint_eval.design.within import Stratified
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.randomise.assignment import Assignment
from checkpoint_eval.randomise.chain import Entry, utc_text
from checkpoint_eval.randomise.terms import Terms, read_terms

if TYPE_CHECKING:
    import pandas as pd


def read_all(entries: Iterable[Entry]) -> tuple[list[Terms], list[Entry]]:
    """Return the terms of each era, and the allocations in order of arrival."""
    terms, allocations = [], []
    for entry in entries:
        if entry.kind in ("created", "amended"):
            terms.append(read_terms(entry))
        elif entry.kind == "randomised":
            allocations.append(entry)
    return terms, allocations


def check_zone(zone: str) -> ZoneInfo:
    """Return the time zone of a name such as "Europe/London"."""
    try:
        return ZoneInfo(zone)
    except (ValueError, TypeError, OSError, KeyError) as problem:
        raise TrialError(
            f"`zone` {zone!r} is no time zone; name one such as 'Europe/London' or 'UTC'."
        ) from problem


def assignment_of(entries: Iterable[Entry], *, zone: tzinfo = UTC) -> Assignment:
    """Return who was randomised to what, in order of arrival, dated by the calendar of a zone.

    Strata are those the rule kept apart. Where an amendment changed the rule, each rule's people
    are strata of their own, as it started afresh.
    """
    terms, allocations = read_all(entries)
    if not allocations:
        raise ImpossibleDesign(
            "Nobody was randomised yet, so there is no assignment; allocate people first."
        )
    since = {each.era: each for each in terms}
    used = sorted({since[entry.fields["era"]].since for entry in allocations})
    names, by = [], dict[str, None]()
    for entry in allocations:
        own = since[entry.fields["era"]]
        levels = {"era": str(own.since)} if len(used) > 1 else {}
        levels |= {name: entry.fields["factors"][name] for name in _kept_apart(own)}
        by |= dict.fromkeys(levels)
        names.append(stratum_name(levels) or "everyone")
    strata = tuple(sorted(set(names)))
    place = {name: code for code, name in enumerate(strata)}
    rule, people = _rule_and_people(since, used, allocations)
    return Assignment(
        arm=np.array([entry.fields["code"] for entry in allocations]),
        arms=terms[0].arms,
        stratum=np.array([place[name] for name in names]),
        strata=strata,
        stratified_by=tuple(by),
        rule=rule,
        people=people,
        commitment=terms[0].commitment,
        ids=np.array([entry.fields["person"] for entry in allocations], dtype=str),
        date=np.array(
            [entry.at.astimezone(zone).date() for entry in allocations], dtype="datetime64[D]"
        ),
    )


def _rule_and_people(
    terms: Mapping[int, Terms], used: Sequence[int], allocations: Sequence[Entry]
) -> tuple[OneAtATime | None, People | None]:
    """Return the rule that allocated everyone, and what it read of them.

    Rules of several eras are one rule, stratified by the era in which each began. If they read
    different columns or levels no one table holds what all of them read, and neither is returned;
    inference then draws within strata, given the numbers seen.
    """
    rules = {era: terms[era].rule for era in used}
    factors = rules[used[0]].columns
    if any(rule.columns != factors for rule in rules.values()):
        return None, None
    columns = {
        factor: [entry.fields["factors"][factor.name] for entry in allocations]
        for factor in factors
    }
    rule = rules[used[0]]
    if len(used) > 1:
        era = Factor(name="era", levels=tuple(map(str, used)))
        columns[era] = [str(terms[entry.fields["era"]].since) for entry in allocations]
        rule = Stratified(rule={f"era={each}": rules[each] for each in used}, by=(era,))
    people = People(
        n=len(allocations),
        codes={
            factor.name: np.array([factor.levels.index(level) for level in levels])
            for factor, levels in columns.items()
        },
        levels={factor.name: factor.levels for factor in columns},
    )
    return rule, people


def _kept_apart(terms: Terms) -> tuple[str, ...]:
    """Return the columns whose combinations a rule keeps apart."""
    rule = terms.rule
    return tuple(each.name for each in rule.factors) if isinstance(rule, Stratified) else ()


def entries_frame(entries: Iterable[Entry]) -> "pd.DataFrame":
    """Return one row for each entry; what an entry does not say is missing."""
    import pandas as pd

    return pd.DataFrame([_flat(entry) for entry in entries])


def _flat(entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = {"sequence": entry.sequence, "kind": entry.kind, "at": entry.at}
    for name, value in entry.fields.items():
        if entry.kind == "randomised" and name == "factors":
            row |= value
        elif isinstance(value, list):
            row[name] = ", ".join(map(str, value))
        elif not isinstance(value, dict):
            row[name] = value
    return row | {"previous": entry.previous, "hash": entry.hash}


def people_frame(entries: Iterable[Entry]) -> "pd.DataFrame":
    """Return one row for each person randomised, with what was recorded of them since."""
    import pandas as pd

    arms: tuple[str, ...] = ()
    rows: dict[str, dict[str, Any]] = {}
    for entry in entries:
        said = entry.fields
        if entry.kind in ("created", "amended"):
            arms = tuple(said["arms"])
        elif entry.kind == "randomised":
            rows[said["person"]] = _person_row(entry, arms)
        elif said["person"] in rows:
            _add_event(rows[said["person"]], entry)
    columns = ["person", "place", "era", "arm", "at"]
    return pd.DataFrame(list(rows.values()), columns=None if rows else columns)


def _person_row(entry: Entry, arms: tuple[str, ...]) -> dict[str, Any]:
    said = entry.fields
    chances = zip(arms, said["probabilities"], strict=True)
    fixed = {name: said[name] for name in ("person", "place", "era", "arm")}
    later = {"override": "", "received": "", "breached": 0, "withdrawn": 0}
    stated = {f"probability of {arm}": chance for arm, chance in chances}
    return {**fixed, "at": utc_text(entry.at), **said["factors"], **stated, **later}


def _add_event(row: dict[str, Any], entry: Entry) -> None:
    """Note an event in the person's row; of several alike the last."""
    if entry.kind == "override":
        row["override"] = entry.fields["to"]
    elif entry.kind == "received":
        row["received"] = entry.fields["arm"]
    elif entry.kind in ("breached", "withdrawn"):
        row[entry.kind] = 1
