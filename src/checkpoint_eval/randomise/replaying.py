"""Following a ledger's entries by the rules of the record, and drawing its arms again."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from checkpoint_eval.errors import TrialError
from checkpoint_eval.randomise.chain import Entry, canonical
from checkpoint_eval.randomise.events import KINDS, Closed, Screened, check_event
from checkpoint_eval.randomise.keys import uniform, verify_commitment
from checkpoint_eval.randomise.terms import (
    ROUNDING,
    Standing,
    Terms,
    check_chances,
    chosen,
    follow,
    read_standing,
    read_terms,
    stored_at,
)

UNREADABLE = (TrialError, KeyError, TypeError, ValueError, IndexError, AttributeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a ledger says up to some entry; the collections grow as it is followed.

    Attributes
    ----------
    standing : Standing, optional
    stored : Standing, optional
        The one that the ledger must have stored last.
    terms : Terms, optional
    people : set of str
        Who was randomised.
    excluded : dict
        The reasons of each person's latest screening.
    """

    standing: Standing | None = None
    stored: Standing | None = None
    terms: Terms | None = None
    people: set[str] = field(default_factory=set)
    excluded: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry followed: what is known after it, and what is wrong with it.

    Attributes
    ----------
    record : Record
    faults : tuple of str
        Against the rules of the record; what comes after cannot be trusted.
    drawn : str
        How the seed contradicts it; empty when it does not.
    """

    record: Record
    faults: tuple[str, ...] = ()
    drawn: str = ""


def follow_entry(record: Record, entry: Entry, *, seed: str | None) -> Step:
    """Return what is known after one more entry."""
    try:
        if entry.kind in ("created", "amended"):
            terms = read_terms(entry)
            faults = tuple(_terms_faults(record, entry, terms))
            drawn = _commitment_fault(record, terms, seed)
        elif record.terms is None:
            return Step(record=record, faults=("it comes before the trial is declared.",))
        else:
            terms = record.terms
            faults = tuple(_faults(record, entry, terms))
            drawn = "" if faults or seed is None else _arm_fault(entry, terms, seed)
        if faults:
            return Step(record=record, faults=faults, drawn=drawn)
        # Through text and back, as the ledger itself does from one allocation to the next.
        standing = read_standing(follow(record.standing, entry, terms).text())
        if entry.kind == "randomised":
            record.people.add(entry.fields["person"])
        if entry.kind == "screened":
            record.excluded[entry.fields["person"]] = tuple(entry.fields["excluded"])
    except UNREADABLE as problem:
        return Step(record=record, faults=(f"it cannot be followed ({problem!s:.300}).",))
    stored = standing if stored_at(entry.sequence) == entry.sequence else record.stored
    return Step(record=replace(record, standing=standing, stored=stored, terms=terms), drawn=drawn)


def _terms_faults(record: Record, entry: Entry, terms: Terms) -> Iterator[str]:
    """Yield what an entry that declares the trial, or amends it, may not say."""
    before, standing = record.terms, record.standing
    if before is None or standing is None:
        if entry.kind != "created" or terms.era != 1 or terms.since != 1:
            yield "a ledger begins with its creation, in era 1."
        return
    if entry.kind == "created":
        yield "the ledger is created a second time."
        return
    if standing.closed:
        yield "the trial is amended after recruitment closed."
    kept = ("ledger", "title", "arms", "commitment", "pseudonyms", "protocol")
    for name in kept:
        if getattr(terms, name) != getattr(before, name):
            yield f"an amendment changes the {name}, which it cannot."
    if terms.era != before.era + 1 or terms.since not in (before.since, terms.era):
        yield f"it should begin era {before.era + 1}."
    if terms.since == before.since and _rule(terms) != _rule(before):
        yield "the rule changes, but does not start afresh."


def _rule(terms: Terms) -> str:
    return canonical(terms.fields()["rule"])


def _commitment_fault(record: Record, terms: Terms, seed: str | None) -> str:
    if seed is None or record.terms is not None or verify_commitment(terms.commitment, seed):
        return ""
    return "the seed is not the one committed to."


def _faults(record: Record, entry: Entry, terms: Terms) -> Iterator[str]:
    """Yield what an entry about people may not say."""
    said = entry.fields
    if entry.kind == "randomised":
        yield from _allocation_faults(record, entry, terms)
        return
    if entry.kind not in KINDS:
        yield f"{entry.kind!r} is no kind of entry."
        return
    event = KINDS[entry.kind](**said)
    check_event(event, arms=terms.arms, exclusions=terms.exclusions)
    if isinstance(event, Closed) and not event.person:
        if record.standing is not None and record.standing.closed:
            yield "recruitment is closed a second time."
    elif not isinstance(event, Screened) and event.person not in record.people:
        yield f"{event.person!r} was not randomised before."


def _allocation_faults(record: Record, entry: Entry, terms: Terms) -> Iterator[str]:
    said, standing = entry.fields, record.standing
    assert standing is not None
    if said["person"] in record.people:
        yield f"{said['person']!r} was randomised before."
    if record.excluded.get(said["person"]):
        yield f"{said['person']!r} was excluded at screening."
    if standing.closed:
        yield "recruitment was closed."
    if said["era"] != terms.era or said["place"] != standing.place + 1:
        yield (
            f"it says place {said['place']} of era {said['era']}, and is place "
            f"{standing.place + 1} of era {terms.era}."
        )
    levels = terms.levels_of(said["factors"])
    if levels != said["factors"]:
        yield f"its factors {said['factors']} are not levels as declared."
    chances = check_chances(terms.rule.chances(standing.state, levels), n_arms=len(terms.arms))
    told = said["probabilities"]
    if len(told) != len(chances) or not all(
        abs(one - other) <= ROUNDING for one, other in zip(told, chances, strict=True)
    ):
        yield f"it says the chances {told}, and the rule gives {list(chances)}."
    elif said["code"] not in range(len(chances)) or (
        terms.arms[said["code"]] != said["arm"] or not chances[said["code"]] > 0
    ):
        yield f"the arm {said['arm']!r} (code {said['code']}) had no chance there."


def _arm_fault(entry: Entry, terms: Terms, seed: str) -> str:
    """Return how an arm differs from the one that the seed draws."""
    if entry.kind != "randomised":
        return ""
    said = entry.fields
    code = chosen(tuple(said["probabilities"]), uniform(seed, said["place"]))
    if code == said["code"]:
        return ""
    return f"the seed gives {terms.arms[code]!r}, and the ledger says {said['arm']!r}."
