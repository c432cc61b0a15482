"""What the ledger says of the trial's conduct: overrides, breaches, completions and the flow."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TypeAlias

import pandas as pd

from checkpoint_eval._arrays import frozen_mapping
from checkpoint_eval._display import Shown, text_table
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.randomise.chain import Entry
from checkpoint_eval.randomise.ledger import Ledger
from checkpoint_eval.results import NAN

Told: TypeAlias = tuple[str, str, str]  # reason, role and arm


@dataclass(frozen=True, slots=True, kw_only=True)
class ConductRow:
    """People of one arm and era to whom something happened, for one reason.

    `to` is the arm an override asked for, or the arm received; otherwise empty.
    """

    era: int
    arm: str
    event: str
    reason: str
    role: str
    to: str
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct(Shown):
    """What happened after randomisation, from the ledger.

    Attributes
    ----------
    arms : tuple of str
    randomised : mapping of era to people by arm
    rows : tuple of ConductRow
        Each person counts once in a row, and in as many rows as there were reasons; of several
        arms received the last.
    happened : mapping of event to people by arm
        Each person once, whatever the reasons.
    assessed : int
        People screened; 0 when the ledger recorded no screening.
    excluded : mapping of reason to people
        Of those whose latest screening excluded them; a person with two reasons stands in both.
    excluded_for : mapping of str to int
        The same by all reasons of a person together; adds up to everyone excluded.
    eligible_not_randomised : int
    """

    arms: tuple[str, ...]
    randomised: Mapping[str, tuple[int, ...]]
    rows: tuple[ConductRow, ...]
    happened: Mapping[str, tuple[int, ...]]
    assessed: int = 0
    excluded: Mapping[str, int] = field(default_factory=dict)
    excluded_for: Mapping[str, int] = field(default_factory=dict)
    eligible_not_randomised: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "randomised", frozen_mapping(self.randomised))
        object.__setattr__(self, "happened", frozen_mapping(self.happened))
        object.__setattr__(self, "excluded", frozen_mapping(self.excluded))
        object.__setattr__(self, "excluded_for", frozen_mapping(self.excluded_for))

    def to_frame(self) -> pd.DataFrame:
        """Return one row an era, arm, event and reason."""
        columns = ["era", "arm", "event", "reason", "role", "to", "people"]
        return pd.DataFrame([asdict(row) for row in self.rows], columns=columns)

    def count(self, event: str) -> tuple[int, ...]:
        """Return people by arm to whom an event happened, whatever the reason."""
        known = {"override", "received", "breached", "withdrawn", "closed", "excluded"}
        if event not in known:
            raise TrialError(f"`event` is {event!r}; choose from {', '.join(sorted(known))}.")
        return self.happened.get(event, (0,) * len(self.arms))

    def share(self, event: str) -> tuple[float, ...]:
        """Return the share of each arm to whom an event happened."""
        people = [
            sum(era[arm] for era in self.randomised.values()) for arm in range(len(self.arms))
        ]
        counts = self.count(event)
        return tuple(n / of if of else NAN for n, of in zip(counts, people, strict=True))

    def __repr__(self) -> str:
        people = sum(sum(counts) for counts in self.randomised.values())
        told = text_table(self.to_frame()) if self.rows else "nothing recorded since"
        return f"Conduct: {self.assessed} assessed, {people} randomised\n{told}"


def conduct(ledger: Ledger) -> Conduct:
    """Count what the ledger recorded: screening, overrides, treatment, breaches and ends.

    Parameters
    ----------
    ledger : Ledger

    Returns
    -------
    Conduct

    Raises
    ------
    ImpossibleDesign
        When the ledger's counts do not add up; the sum is shown.

    References
    ----------
    CONSORT 2025, items 22a, 22b and 24a. Checked against hand-kept ledgers.

    Examples
    --------
    >>> import tempfile
    >>> from checkpoint_eval import Complete
    >>> from checkpoint_eval.randomise import Ledger, Screened
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Ledger.create(
    ...         f"{folder}/trial", rule=Complete(counts=(1, 1)), arms=("court", "contract")
    ...     ) as ledger:
    ...         for person in ("P1", "P2"):
    ...             screened = ledger.record(Screened(person=person, excluded=()))
    ...             given = ledger.allocate(person)
    ...         found = conduct(ledger)
    >>> found.assessed, found.randomised
    (2, {'1': (1, 1)})
    """
    if not isinstance(ledger, Ledger):
        raise TrialError(f"`ledger` must be a `Ledger`, got {type(ledger).__name__}.")
    screened: dict[str, tuple[str, ...]] = {}
    allocated: dict[str, tuple[int, str]] = {}
    events: dict[tuple[str, str], dict[Told, None]] = {}
    arms: tuple[str, ...] = ()
    for entry in ledger.entries():
        said = entry.fields
        if entry.kind in ("created", "amended"):
            arms = tuple(said["arms"])
        elif entry.kind == "screened":
            screened[said["person"]] = tuple(said["excluded"])
        elif entry.kind == "randomised":
            allocated[said["person"]] = (said["era"], said["arm"])
        elif said["person"]:
            told = events.setdefault((said["person"], entry.kind), {})
            if entry.kind == "received":
                told.clear()
            told[_told(entry)] = None
    return _counted(arms, screened, allocated, events)


def _told(entry: Entry) -> Told:
    """Return reason, role and arm of an event."""
    said = entry.fields
    return (
        str(said.get("reason", "")),
        str(said.get("role", "")),
        str(said.get("to", said.get("arm", ""))),
    )


def _check_screened(screened: Mapping[str, object], allocated: Mapping[str, object]) -> None:
    """Refuse people who were randomised and never screened, where anybody was."""
    unscreened = [person for person in allocated if screened and person not in screened]
    if unscreened:
        raise ImpossibleDesign(
            f"The flow does not reconcile: {len(screened)} people were screened and "
            f"{len(allocated)} randomised, {len(unscreened)} of them never screened; record their "
            "screening."
        )


def _counted(
    arms: tuple[str, ...],
    screened: Mapping[str, tuple[str, ...]],
    allocated: Mapping[str, tuple[int, str]],
    events: Mapping[tuple[str, str], Iterable[Told]],
) -> Conduct:
    _check_screened(screened, allocated)
    excluded = {person for person, reasons in screened.items() if reasons}
    # Screened out after randomisation: kept in the trial, and told as an event of its own.
    after = excluded & set(allocated)
    excluded -= after
    events = {
        **events,
        **{(person, "excluded"): [("; ".join(screened[person]), "", "")] for person in after},
    }
    rows = Counter(
        (*allocated[person], event, *told)
        for (person, event), several in events.items()
        for told in several
    )
    people = Counter((event, allocated[person][1]) for person, event in events)
    eras = Counter(allocated.values())
    reasons = Counter(reason for person in excluded for reason in screened[person])
    together = Counter("; ".join(screened[person]) for person in excluded)
    return Conduct(
        arms=arms,
        randomised={
            str(era): tuple(eras[era, arm] for arm in arms)
            for era in sorted({era for era, _ in allocated.values()})
        },
        rows=tuple(
            ConductRow(
                era=era, arm=arm, event=event, reason=reason, role=role, to=to, people=people
            )
            for (era, arm, event, reason, role, to), people in sorted(rows.items())
        ),
        happened={
            event: tuple(people[event, arm] for arm in arms)
            for event in sorted({event for event, _ in people})
        },
        assessed=len(screened),
        excluded=dict(reasons.most_common()),
        excluded_for=dict(together.most_common()),
        eligible_not_randomised=len(screened.keys() - excluded - allocated.keys()),
    )
