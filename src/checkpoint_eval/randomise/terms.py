"""What is in force at a place of a ledger: arms, rule, levels, exclusions; and where it stands."""

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from checkpoint_eval._checks import as_names, as_tuple, did_you_mean
from checkpoint_eval.design.allocation import OneAtATime, State
from checkpoint_eval.design.declared import rule_from_dict, rule_to_dict
from checkpoint_eval.design.people import Factor, level_name
from checkpoint_eval.errors import ImpossibleDesign, InvalidData, TrialError, UnknownColumn
from checkpoint_eval.randomise.chain import Entry, canonical

VERSION = 1
# Chances may miss 1 by rounding; more is a fault of the rule.
ROUNDING = 1e-9
# The standing is stored after the 1st, 9th, 17th ... entry: storing it costs as much as the entry
# itself, and whoever does not remember the rest follows at most seven entries.
EVERY = 8
# Combinations of levels that are tried when a rule is declared.
TRIED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the trial promises from one entry of its ledger to the next amendment.

    Attributes
    ----------
    sequence : int
        The entry that says so.
    ledger : str
        Which ledger; the key file names it too.
    title : str
    arms : tuple of str
        Their names, control first.
    rule : OneAtATime
    exclusions : tuple of str
        The reasons that may exclude a person.
    era : int
        1, and one more with each amendment.
    since : int
        The era in which the rule began, afresh.
    commitment : str
        To the seed of the trial.
    pseudonyms : str
        Fingerprint of the key that makes them; empty when identifiers are stored as given.
    protocol : str
        The digest of the protocol, where one was given.
    factors : tuple of Factor
        The columns the rule reads, with their levels.
    """

    sequence: int
    ledger: str
    title: str
    arms: tuple[str, ...]
    rule: OneAtATime
    exclusions: tuple[str, ...]
    era: int
    since: int
    commitment: str
    pseudonyms: str
    protocol: str
    factors: tuple[Factor, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "factors", self.rule.columns)  # asked for at each allocation

    def levels_of(self, factors: Mapping[str, object] | None) -> dict[str, str]:
        """Return the level of each factor of the next person, refusing what was not declared."""
        known = [factor.name for factor in self.factors]
        for name in factors or ():
            if name not in known:
                raise UnknownColumn(
                    f"Factor {name!r} is not read by the rule; {did_you_mean(name, known)}"
                )
        return {factor.name: factor.level_of(factors or {}) for factor in self.factors}

    def fields(self) -> dict[str, Any]:
        """Return what an entry stores of the terms."""
        return {
            "version": VERSION,
            "ledger": self.ledger,
            "title": self.title,
            "arms": list(self.arms),
            "rule": rule_to_dict(self.rule),
            "factors": {factor.name: list(factor.levels) for factor in self.factors},
            "exclusions": list(self.exclusions),
            "era": self.era,
            "since": self.since,
            "commitment": self.commitment,
            "pseudonyms": self.pseudonyms,
            "protocol": self.protocol,
        }


def read_terms(entry: Entry) -> Terms:
    """Return the terms that a created or amended entry declares."""
    said = entry.fields
    try:
        if said["version"] != VERSION:
            raise InvalidData(
                f"The ledger has version {said['version']!r}; this library reads {VERSION}."
            )
        return Terms(
            sequence=entry.sequence,
            arms=tuple(said["arms"]),
            rule=check_rule(rule_from_dict(said["rule"]), arms=said["arms"]),
            exclusions=tuple(said["exclusions"]),
            **{
                name: said[name]
                for name in (
                    *("ledger", "title", "era", "since", "commitment", "pseudonyms", "protocol"),
                )
            },
        )
    except (KeyError, TypeError, AttributeError) as problem:
        raise InvalidData(
            f"Entry {entry.sequence} of the ledger does not declare a trial ({problem}); verify "
            "the ledger."
        ) from problem


def check_arms(arms: Iterable[str]) -> tuple[str, ...]:
    """Return arm names, control first."""
    if isinstance(arms, str):
        raise TrialError(
            f"`arms` is {arms!r}; list every arm, control first, like ('control', 'treatment')."
        )
    names = as_names(as_tuple(arms, "arms", of="the name of every arm"))
    if len(names) < 2 or not all(isinstance(name, str) and name.strip() for name in names):
        raise ImpossibleDesign(
            f"`arms` needs the name of control and of at least one more, got {names}."
        )
    return names


def check_rule(rule: object, *, arms: Iterable[str]) -> OneAtATime:
    """Return a rule that can allocate one at a time, with every level declared."""
    names = tuple(arms)
    if not isinstance(rule, OneAtATime):
        raise ImpossibleDesign(
            f"`rule` is {type(rule).__name__}, which does not allocate one person at a time; use "
            "one such as PermutedBlocks or Minimisation."
        )
    if rule.n_arms != len(names):
        raise ImpossibleDesign(
            f"`rule` has {rule.n_arms} arms, but `arms` names {len(names)}: {', '.join(names)}."
        )
    if rule.covariates:
        raise ImpossibleDesign(
            f"`rule` reads the number {rule.covariates[0]!r}; a ledger takes factors with declared "
            "levels only, so declare bands of it."
        )
    for factor in rule.columns:
        if not factor.levels:
            raise ImpossibleDesign(
                f"`rule` reads {factor.name!r} without declared levels, so a typing error would be "
                f"a level of its own; write by={{{factor.name!r}: ['first', 'second', ...]}}."
            )
    _try_out(rule)
    return rule


def _try_out(rule: OneAtATime) -> None:
    """Ask a rule for its first chances, so that one that has none fails before anyone comes."""
    state = rule.start()
    cells = itertools.product(*(factor.levels for factor in rule.columns))
    for cell in itertools.islice(cells, TRIED):
        person = {factor.name: level for factor, level in zip(rule.columns, cell, strict=True)}
        check_chances(rule.chances(state, person), n_arms=rule.n_arms)


def check_chances(chances: Iterable[float], *, n_arms: int) -> tuple[float, ...]:
    """Return the chances of the arms, which add up to 1."""
    told = tuple(map(float, chances))
    if len(told) != n_arms or not (min(told) >= 0 and abs(sum(told) - 1) <= ROUNDING):
        raise ImpossibleDesign(
            f"`rule` gives the next person the chances {told}; it must give {n_arms} that add up "
            "to 1."
        )
    return told


def chosen(chances: tuple[float, ...], number: float) -> int:
    """Return the arm where the cumulative chances pass a number in [0, 1)."""
    passed, arm = 0.0, 0
    for code, chance in enumerate(chances):
        if chance > 0:  # an arm without a chance is never chosen, however the sum is rounded
            passed, arm = passed + chance, code
            if number < passed:
                break
    return arm


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a ledger stands after an entry; derived from the entries, stored for speed.

    Attributes
    ----------
    sequence : int
        Of that entry.
    terms : int
        The entry whose terms are in force.
    place : int
        How many people were randomised.
    closed : bool
        Whether recruitment is.
    state : State
        What the rule remembers.
    """

    sequence: int
    terms: int
    place: int = 0
    closed: bool = False
    state: State

    def text(self) -> str:
        """Return the standing as canonical JSON."""
        return canonical(
            {
                "sequence": self.sequence,
                "terms": self.terms,
                "place": self.place,
                "closed": self.closed,
                "state": self.state,
            }
        )


def stored_at(last: int) -> int:
    """Return after which entry the standing was stored, in a ledger that ends with `last`."""
    return last - (last - 1) % EVERY


def read_standing(text: str) -> Standing:
    """Return the standing that was stored."""
    try:
        return Standing(**json.loads(text))
    except (ValueError, TypeError) as problem:
        raise InvalidData("The ledger's standing is not readable; verify the ledger.") from problem


def follow(standing: Standing | None, entry: Entry, terms: Terms) -> Standing:
    """Return where a ledger stands after one more entry; `terms` are those then in force."""
    said, sequence = entry.fields, entry.sequence
    if standing is None or entry.kind == "created":
        return Standing(sequence=sequence, terms=sequence, state=terms.rule.start())
    place, closed, state = standing.place, standing.closed, standing.state
    if entry.kind == "amended" and terms.since == terms.era:
        state = terms.rule.start()
    if entry.kind == "randomised":
        state = terms.rule.after(state, said["code"], said["factors"])
        place += 1
    if entry.kind == "closed" and not said["person"]:
        closed = True
    return Standing(
        sequence=sequence, terms=terms.sequence, place=place, closed=closed, state=state
    )


def differing(first: Mapping[str, str], again: Mapping[str, object] | None) -> tuple[str, ...]:
    """Return the factors told otherwise than the first time."""
    return tuple(
        name for name, value in (again or {}).items() if first.get(name) != level_name(value)
    )
