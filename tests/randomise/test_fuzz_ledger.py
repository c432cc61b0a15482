"""What fuzzing ledgers found: empty ones, half signs, and levels that are no mapping."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.balance import conduct, flow
from checkpoint_eval.design import Simple
from checkpoint_eval.randomise import Ledger, Screened, Withdrawn
from checkpoint_eval.randomise.chain import GENESIS

if TYPE_CHECKING:
    from ledgers import Make

HALF_A_SIGN = "\ud800"


def test_the_flow_of_a_ledger_that_randomised_nobody(make: Make) -> None:
    ledger = make(rule=Simple(), arms=("court", "contract"))
    table = pd.DataFrame({"arm": ["court", "contract"], "y": [0, 1]})
    trial = ce.Trial.from_frame(table, arm="arm", control="court", binary={"y": "y"})
    assert conduct(ledger).share("override") == pytest.approx((float("nan"),) * 2, nan_ok=True)
    with pytest.raises(ce.ImpossibleDesign, match=r"randomised 0 people \(court: 0, contract: 0\)"):
        flow(trial, ledger=ledger)


def test_half_a_sign_is_refused_and_nothing_recorded(make: Make) -> None:
    """As a terminal of another encoding hands them on: \\udce9 is a lone byte of Latin-1."""
    ledger = make(rule=Simple())
    ledger.allocate("A-001")
    head = ledger.head
    with pytest.raises(ce.TrialError, match="cannot record '\\\\ud800'"):
        ledger.record(Withdrawn(person="A-001", reason=f"moved {HALF_A_SIGN}"))
    assert ledger.head == head
    assert ledger.verify().ok
    with pytest.raises(ce.TrialError, match="cannot record '\\\\udce9'"):
        make("other.ledger", rule=Simple(), title="caf\udce9")
    make("other.ledger", rule=Simple(), title="café")  # the refused one left no file


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("screened", "previous", -1),
        ("screened", "sequence", "2"),
        ("screened", "person", [0.5]),
        ("randomised", "person", {}),
        ("randomised", "code", lambda said: said["code"] - 2),  # counted from the end
        ("randomised", "previous", HALF_A_SIGN),
    ],
)
def test_values_of_other_kinds_are_named_not_tripped_over(
    make: Make, kind: str, name: str, value: Any
) -> None:
    """A forger writes another kind of value, and every hash from there on anew."""
    ledger = make(rule=Simple())
    ledger.record(Screened(person="A-001"))
    ledger.allocate("A-001")
    ledger.record(Withdrawn(person="A-001", reason="moved"))
    file = sqlite3.connect(ledger.path, isolation_level=None)
    guard = "SELECT sql FROM sqlite_master WHERE name = 'entry_update'"
    (statement,) = file.execute(guard).fetchone()
    file.execute("DROP TRIGGER entry_update")
    before, altered = GENESIS, 0
    for sequence, body in file.execute("SELECT sequence, body FROM entry ORDER BY 1").fetchall():
        said = json.loads(body) | {"previous": before}
        if said["kind"] == kind:
            said[name], altered = value(said) if callable(value) else value, sequence
        text = json.dumps(said, sort_keys=True, separators=(",", ":"))
        before = hashlib.sha256((before + text).encode()).hexdigest()
        update = "UPDATE entry SET body = ?, hash = ? WHERE sequence = ?"
        file.execute(update, (text, before, sequence))
    file.execute(statement)
    file.close()
    with Ledger.open(ledger.path, read_only=True) as read:
        found = read.verify()
    assert [problem.sequence for problem in found.problems][:1] == [altered], found


@pytest.mark.parametrize("factors", [3, "north", ["north"]])
def test_levels_are_a_mapping(make: Make, factors: Any) -> None:
    ledger = make(rule=Simple())
    for _ in range(2):  # of one who is new, and of one who was allocated
        with pytest.raises(
            ce.TrialError, match=r"`factors` must map each column.*'suite': 'north'"
        ):
            ledger.allocate("A-001", factors)
        ledger.allocate("A-001")
