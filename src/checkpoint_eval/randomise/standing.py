"""Where a ledger stands: from memory, or from the standing stored last and the entries since."""

import sqlite3
from dataclasses import dataclass, field
from typing import TypeAlias

from checkpoint_eval.errors import InvalidData
from checkpoint_eval.randomise.chain import GENESIS, Head, chained, read_entry
from checkpoint_eval.randomise.terms import (
    EVERY,
    Standing,
    Terms,
    follow,
    read_standing,
    read_terms,
    stored_at,
)

Row: TypeAlias = tuple[int, str, str]  # sequence, body, hash

HEAD = "SELECT hash FROM entry ORDER BY sequence DESC LIMIT 1"
# What to follow from the stored standing on, and the hash before. One statement sees one moment,
# even while others write.
TAIL = (
    "SELECT sequence, body, hash, (SELECT body FROM tip) FROM entry ORDER BY sequence DESC "
    f"LIMIT {EVERY + 1}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a handle of a ledger need not read again, as entries never change.

    Attributes
    ----------
    terms : dict
        By the entry that declares them.
    last : list
        Where the ledger stood last, and the hash of the entry before it; one pair or none, put
        there in one step, as threads share it.
    """

    terms: dict[int, Terms] = field(default_factory=dict)
    last: list[tuple[str, Standing]] = field(default_factory=list)

    def keep(self, digest: str, standing: Standing) -> None:
        """Remember the standing after one more entry, should it be the last when we look again."""
        self.last[:] = [(digest, standing)]

    def recall(self, digest: str) -> Standing | None:
        """Return the standing after the entry with this hash, if it was the last we saw."""
        for hashed, standing in self.last:
            if hashed == digest:
                return standing
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """Where a ledger stands, what is in force, and the hash to chain on."""

    standing: Standing
    terms: Terms
    hash: str
    memory: Memory


def last_head(connection: sqlite3.Connection) -> Head:
    """Return the ledger's end, refusing last entries that were altered."""
    rows, _ = _tail(connection)
    sequence, _, digest = rows[-1]
    return Head(sequence=sequence, hash=digest)


def present(connection: sqlite3.Connection, memory: Memory) -> Present:
    """Return where the ledger stands."""
    (digest,) = connection.execute(HEAD).fetchone() or ("",)
    return present_after(connection, memory, digest)


def present_after(connection: sqlite3.Connection, memory: Memory, digest: str) -> Present:
    """Return where the ledger stands, given the hash of its last entry."""
    standing = memory.recall(digest)
    if standing is None:  # another process wrote since, or we look for the first time
        digest, standing = _followed(connection, memory)
        memory.keep(digest, standing)
    terms = _terms_of(connection, memory, standing.terms)
    return Present(standing=standing, terms=terms, hash=digest, memory=memory)


def _tail(connection: sqlite3.Connection) -> tuple[list[Row], str | None]:
    """Return the last entries, oldest first, and the text of the standing stored last."""
    found = connection.execute(TAIL).fetchall()
    if not found:
        raise InvalidData("The ledger has no entries; its creation was cut short, or they went.")
    rows = [row[:3] for row in reversed(found)]
    previous = GENESIS
    for sequence, body, digest in rows:
        # Of the oldest row the hash before is known only where the ledger begins with it.
        if (sequence == 1 or previous != GENESIS) and chained(previous, body) != digest:
            raise InvalidData(f"Entry {sequence} of the ledger was altered; verify the ledger.")
        previous = digest
    return rows, found[0][3]


def _followed(connection: sqlite3.Connection, memory: Memory) -> tuple[str, Standing]:
    """Return the hash of the last entry and where the entries lead, from the standing stored."""
    rows, text = _tail(connection)
    last, _, end = rows[-1]
    standing = None if text is None else read_standing(text)
    if standing is None or standing.sequence != stored_at(last):
        raise InvalidData(
            f"The ledger ends with entry {last}, but says where it stood at "
            f"{standing and standing.sequence} and not at {stored_at(last)}; verify the ledger."
        )
    for _, _, digest in rows:  # what we remember of one of them saves following those before
        standing = memory.recall(digest) or standing
    for sequence, body, digest in rows:
        if sequence > standing.sequence:
            entry = read_entry(body, digest)
            in_force = sequence if entry.kind == "amended" else standing.terms
            standing = follow(standing, entry, _terms_of(connection, memory, in_force))
    return end, standing


def _terms_of(connection: sqlite3.Connection, memory: Memory, sequence: int) -> Terms:
    """Return the terms that an entry declares."""
    if sequence not in memory.terms:
        body, digest = connection.execute(
            "SELECT body, hash FROM entry WHERE sequence = ?", (sequence,)
        ).fetchone() or ("", "")
        memory.terms[sequence] = read_terms(read_entry(body, digest))
    return memory.terms[sequence]
