"""The chain of a ledger: canonical text, hashes, and one entry as a value."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from checkpoint_eval._arrays import frozen_mapping
from checkpoint_eval._display import Shown
from checkpoint_eval.errors import InvalidData, TrialError

GENESIS = "0" * 64  # what the first entry says came before it
ALWAYS = ("sequence", "kind", "at", "previous")
_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)
_MAKE = getattr(json.encoder, "c_make_encoder", None)
# `JSONEncoder.encode` makes this anew for each text, at the cost of the text itself.
_PARTS = _MAKE and _MAKE(
    *(None, _ENCODER.default, json.encoder.encode_basestring, None),
    *(_ENCODER.key_separator, _ENCODER.item_separator, True, False, False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head(Shown):
    """The end of a ledger at some moment: note it down elsewhere, as it witnesses all before it.

    Attributes
    ----------
    sequence : int
        How many entries there were.
    hash : str
        The hash of the last of them.

    Examples
    --------
    >>> str(Head(sequence=3, hash="ab" * 32))[:8]
    '3:ababab'
    """

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


def as_head(head: "Head | str") -> Head:
    """Return a head from itself or from what it prints as."""
    if isinstance(head, Head):
        return head
    sequence, _, digest = str(head).strip().partition(":")
    if not sequence.isdecimal() or len(digest) != len(GENESIS):
        raise TrialError(
            f"`head` must be a number, a colon and 64 hexadecimal digits, got {head!r}; give what "
            "the ledger's head printed."
        )
    return Head(sequence=int(sequence), hash=digest.lower())


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Entry(Shown):
    """One entry of a ledger, as it was written.

    Attributes
    ----------
    sequence : int
        Its place, from 1.
    kind : str
        Such as "created", "screened", "randomised" or "override".
    at : datetime
        When, by the clock of the machine that wrote it, in UTC.
    previous, hash : str
        The hash of the entry before, and its own.
    fields : mapping
        What else it says, by name.
    """

    sequence: int
    kind: str
    at: datetime
    previous: str
    hash: str
    fields: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", frozen_mapping(self.fields))


def canonical(value: object) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, letters as they are."""
    return "".join(_PARTS(value, 0)) if _PARTS else _ENCODER.encode(value)


def chained(previous: str, body: str) -> str:
    """Return an entry's hash: SHA-256 of the hash before it and its own text."""
    try:
        return hashlib.sha256((previous + body).encode()).hexdigest()
    except UnicodeEncodeError as problem:
        raise TrialError(
            f"The ledger cannot record {problem.object[problem.start]!r}, which is half of a sign; "
            "write the text that holds it anew."
        ) from problem


def write_body(
    kind: str, *, sequence: int, at: datetime, previous: str, fields: Mapping[str, Any]
) -> str:
    """Return the text of an entry."""
    return canonical(
        {
            **fields,
            "sequence": sequence,
            "kind": kind,
            "at": utc_text(at),
            "previous": previous,
        }
    )


def read_entry(body: str, digest: str) -> Entry:
    """Return the entry a row holds; one that is no entry is refused."""
    try:
        said = json.loads(body)
        fixed = {name: said.pop(name) for name in ALWAYS}
        at = datetime.fromisoformat(fixed.pop("at"))
        entry = Entry(at=at, hash=digest, fields=said, **fixed)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
        raise InvalidData(
            f"An entry of the ledger is not readable ({body[:40]!r}...); verify the ledger."
        ) from problem
    if list(map(type, fixed.values())) != [int, str, str]:
        raise InvalidData(f"An entry of the ledger has {fixed}, of other kinds; verify the ledger.")
    return entry


def utc_text(at: datetime) -> str:
    """Return a moment as text: UTC, microseconds, Z."""
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise TrialError(
            f"`clock` must return a datetime that knows its zone, got {at!r}; "
            "return datetime.now(UTC)."
        )
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)
