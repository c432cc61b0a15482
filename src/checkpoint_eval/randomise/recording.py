"""Writing entries: each in one transaction that reads where the ledger stands and moves it on."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from checkpoint_eval._display import Shown
from checkpoint_eval.errors import TrialError
from checkpoint_eval.randomise.chain import GENESIS, Entry, chained, read_entry, write_body
from checkpoint_eval.randomise.events import Closed, Event, Screened, check_event, event_fields
from checkpoint_eval.randomise.keys import check_person, uniform
from checkpoint_eval.randomise.standing import HEAD, Present, present, present_after
from checkpoint_eval.randomise.storage import KIND, PERSON, SCHEMA, Store
from checkpoint_eval.randomise.terms import (
    check_chances,
    check_rule,
    chosen,
    differing,
    follow,
    read_terms,
    stored_at,
)

if TYPE_CHECKING:
    from checkpoint_eval.design.allocation import Rule
    from checkpoint_eval.randomise.ledger import Ledger

AFTER = "SELECT sequence, body, hash FROM entry WHERE sequence > ? ORDER BY sequence LIMIT 1000"
RANDOMISED = f"SELECT body, hash FROM entry WHERE {KIND} = 'randomised' AND {PERSON} = ?"
OTHERS = (
    f"SELECT body, hash FROM entry WHERE {KIND} <> 'randomised' AND {PERSON} = ? "
    "ORDER BY sequence DESC"
)
# All that is asked before a person is allocated, in one statement: how the ledger ends, and
# whether it already says something of them.
ASKED = (
    f"SELECT ({HEAD}), "
    f"EXISTS (SELECT 1 FROM entry WHERE {KIND} = 'randomised' AND {PERSON} = ?1), "
    f"EXISTS (SELECT 1 FROM entry WHERE {KIND} <> 'randomised' AND {PERSON} = ?1)"
)
INSERT = "INSERT INTO entry(sequence, body, hash) VALUES (?, ?, ?)"
TIP = "INSERT OR REPLACE INTO tip(one, body) VALUES (1, ?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocated(Shown):
    """The answer to a request for allocation.

    Attributes
    ----------
    person : str
        As asked for.
    arm : str
        The arm's name.
    code : int
        Its code; 0 is control.
    place : int
        How manieth person of the trial, from 1.
    probabilities : tuple of float
        The chance of each arm at that place.
    era : int
    at : datetime
        When they were randomised, in UTC.
    repeated : bool
        Whether this is the answer to an earlier request.
    differs : tuple of str
        The factors that were told otherwise in the first request, which stands.
    """

    person: str
    arm: str
    code: int
    place: int
    probabilities: tuple[float, ...]
    era: int
    at: datetime
    repeated: bool = False
    differs: tuple[str, ...] = ()


def begin(store: Store, fields: Mapping[str, Any], *, at: datetime) -> None:
    """Write the tables and the first entry."""
    with store.writing() as connection:
        for statement in SCHEMA:
            connection.execute(statement)
        _append(connection, None, "created", fields, at=at)


def all_entries(store: Store) -> Iterator[Entry]:
    """Yield the entries in order, holding no lock between one and the next."""
    after = 0
    while True:
        rows = store.ask(AFTER, after)
        if not rows:
            return
        for sequence, body, digest in rows:
            yield read_entry(body, digest)
            after = sequence


def allocate_one(ledger: "Ledger", person: str, factors: Mapping[str, object] | None) -> Allocated:
    """Allocate a person unless they were; see `Ledger.allocate`."""
    if factors is not None and not isinstance(factors, Mapping):
        raise TrialError(
            f"`factors` must map each column to the person's level, like {{'suite': 'north'}}, got "
            f"{factors!r}."
        )
    stored = ledger.stored(person, next(iter(ledger.memory.terms.values()), None) or ledger.terms)
    rows = ledger.store.ask(RANDOMISED, stored)
    if rows:  # asked again: no lock, and an answer even when the disk is full
        return _answer(read_entry(*rows[0]), person, repeated=True, factors=factors)
    with ledger.store.writing() as connection:
        digest, randomised, told_of = connection.execute(ASKED, (stored,)).fetchone()
        if not randomised:
            here = present_after(connection, ledger.memory, digest)
            levels = _allowed(ledger, here, person, factors)
            if told_of:
                _refuse_excluded(connection, stored, person)
            entry = _randomise(ledger, connection, here, stored, levels)
            return _answer(entry, person, repeated=False, factors=None)
        first = _randomised(connection, stored)  # by another process, in between
    assert first is not None
    return _answer(first, person, repeated=True, factors=factors)


def _allowed(
    ledger: "Ledger", here: Present, person: str, factors: Mapping[str, object] | None
) -> dict[str, str]:
    """Return the person's levels, if anyone may be allocated."""
    if here.standing.closed:
        raise TrialError(
            f"Recruitment is closed, so {person!r} cannot be allocated; the ledger says when and "
            "why."
        )
    if ledger.key is None:
        raise TrialError(
            f"`key` is needed to allocate {person!r}; open the ledger with the key file that was "
            "written when it was created."
        )
    return here.terms.levels_of(factors)


def _randomise(
    ledger: "Ledger",
    connection: sqlite3.Connection,
    here: Present,
    stored: str,
    levels: dict[str, str],
) -> Entry:
    """Draw an arm and write it down."""
    assert ledger.key is not None
    terms, place = here.terms, here.standing.place + 1
    chances = check_chances(terms.rule.chances(here.standing.state, levels), n_arms=len(terms.arms))
    code = chosen(chances, uniform(ledger.key.seed, place))
    fields = {
        "person": stored,
        "factors": levels,
        "era": terms.era,
        "place": place,
        "probabilities": list(chances),
        "code": code,
        "arm": terms.arms[code],
    }
    return _append(connection, here, "randomised", fields, at=ledger.clock())


def record_event(ledger: "Ledger", event: Event) -> Entry:
    """Write an event down; see `Ledger.record`."""
    with ledger.store.writing() as connection:
        here = present(connection, ledger.memory)
        terms = here.terms
        check_event(event, arms=terms.arms, exclusions=terms.exclusions)
        recruitment = isinstance(event, Closed) and not event.person
        person = "" if recruitment else check_person(event.person)
        stored = ledger.stored(person, terms)
        if recruitment and here.standing.closed:
            raise TrialError("Recruitment is closed already; nothing was recorded.")
        if not (recruitment or isinstance(event, Screened)):
            _need_randomised(connection, stored, person, event.kind)
        fields = event_fields(event, person=stored)
        return _append(connection, here, event.kind, fields, at=ledger.clock())


def amend_terms(
    ledger: "Ledger",
    *,
    rule: "Rule | None",
    exclusions: tuple[str, ...] | None,
    reason: str,
) -> Entry:
    """Write an amendment down; see `Ledger.amend`."""
    if rule is None and exclusions is None:
        raise TrialError("An amendment changes something; give `rule`, `exclusions` or both.")
    if not isinstance(reason, str) or not reason.strip():
        raise TrialError(f"`reason` is {reason!r}; say in words why the trial is amended.")
    with ledger.store.writing() as connection:
        here = present(connection, ledger.memory)
        if here.standing.closed:
            raise TrialError("Recruitment is closed, so there is nothing left to amend by `rule`.")
        old = here.terms
        terms = replace(
            old,
            sequence=here.standing.sequence + 1,
            rule=old.rule if rule is None else check_rule(rule, arms=old.arms),
            exclusions=old.exclusions if exclusions is None else exclusions,
            era=old.era + 1,
            since=old.since if rule is None else old.era + 1,
        )
        changed = [
            *(["rule"] if rule is not None else []),
            *(["exclusions"] if exclusions is not None else []),
        ]
        fields = {**terms.fields(), "changed": changed, "reason": reason}
        return _append(connection, here, "amended", fields, at=ledger.clock())


def _append(
    connection: sqlite3.Connection,
    here: Present | None,
    kind: str,
    fields: Mapping[str, Any],
    *,
    at: datetime,
) -> Entry:
    """Write one entry and, every so many, where the ledger stands after it."""
    sequence = 1 if here is None else here.standing.sequence + 1
    previous = GENESIS if here is None else here.hash
    body = write_body(kind, sequence=sequence, at=at, previous=previous, fields=fields)
    digest = chained(previous, body)
    entry = Entry(
        sequence=sequence, kind=kind, at=at, previous=previous, hash=digest, fields=fields
    )
    terms = read_terms(entry) if here is None or kind == "amended" else here.terms
    standing = follow(None if here is None else here.standing, entry, terms)
    connection.execute(INSERT, (sequence, body, digest))
    if stored_at(sequence) == sequence:
        connection.execute(TIP, (standing.text(),))
    if here is not None:
        here.memory.keep(digest, standing)  # if it is not committed no entry will have this hash
    return entry


def _randomised(connection: sqlite3.Connection, stored: str) -> Entry | None:
    row = connection.execute(RANDOMISED, (stored,)).fetchone()
    return None if row is None else read_entry(*row)


def _refuse_excluded(connection: sqlite3.Connection, stored: str, person: str) -> None:
    """Refuse whom the latest screening excluded."""
    for row in connection.execute(OTHERS, (stored,)):
        entry = read_entry(*row)
        if entry.kind == "screened":
            if entry.fields["excluded"]:
                raise TrialError(
                    f"{person!r} was excluded at screening ({', '.join(entry.fields['excluded'])}) "
                    "and cannot be allocated; record another screening if that was wrong."
                )
            return


def _need_randomised(connection: sqlite3.Connection, stored: str, person: str, kind: str) -> None:
    if _randomised(connection, stored) is None:
        raise TrialError(
            f"{person!r} was never randomised, so {kind!r} cannot be recorded; correct the "
            "identifier, or allocate them first."
        )


def _answer(
    entry: Entry, person: str, *, repeated: bool, factors: Mapping[str, object] | None
) -> Allocated:
    """Return what an allocation's entry says, to whom asked."""
    said = entry.fields
    return Allocated(
        person=person,
        arm=said["arm"],
        code=said["code"],
        place=said["place"],
        probabilities=tuple(said["probabilities"]),
        era=said["era"],
        at=entry.at,
        repeated=repeated,
        differs=differing(said["factors"], factors),
    )
