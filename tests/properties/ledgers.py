"""Small ledgers for tests: a rule, a clock, people."""

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from checkpoint_eval.design import PermutedBlocks, Stratified
from checkpoint_eval.randomise import Ledger

Make = Callable[..., Ledger]
ARMS = ("court", "contract")


def suites(*sizes: int) -> Stratified:
    blocks = PermutedBlocks(sizes=sizes or (4, 6))
    return Stratified(rule=blocks, by={"suite": ["north", "south"]})


class Clock:
    """Ticks a second at each look."""

    def __init__(self, *, ahead: float = 0.0) -> None:
        self.looks = [0]
        self.start = datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(seconds=ahead)

    def __call__(self) -> datetime:
        self.looks[0] += 1
        return self.start + timedelta(seconds=self.looks[0])


def seed_of(ledger: Ledger) -> str:
    key = ledger.path.with_name(ledger.path.name + ".key")
    return str(json.loads(key.read_text())["seed"])


def fill(ledger: Ledger, people: int, *, start: int = 0) -> None:
    for number in range(start, start + people):
        ledger.allocate(f"P{number:04d}", {"suite": ("north", "south")[number % 2]})


def rows(path: Path) -> list[tuple[int, str, str]]:
    """Return what a ledger's table holds, read by sqlite3 alone."""
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT sequence, body, hash FROM entry ORDER BY sequence")
    answer = found.fetchall()
    connection.close()
    return answer


def stored_standing(path: Path) -> dict[str, Any]:
    """Return where the ledger says it stood last, read by sqlite3 and json alone."""
    connection = sqlite3.connect(path)
    (text,) = connection.execute("SELECT body FROM tip").fetchone()
    connection.close()
    return dict(json.loads(text))


def store_standing(path: Path, said: dict[str, Any]) -> None:
    """Alter where the ledger says it stood, as a forger would."""
    connection = sqlite3.connect(path, isolation_level=None)
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    connection.execute("UPDATE tip SET body = ?", (text,))
    connection.close()


def bodies(path: Path, kind: str) -> list[dict[str, Any]]:
    """Return the entries of a kind, read by sqlite3 and json alone."""
    said = [json.loads(body) for _, body, _ in rows(path)]
    return [each for each in said if each["kind"] == kind]
