"""Whoever alters the file is found out, and the row is named."""

import hashlib
import hmac
import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from ledgers import Make, fill, rows, seed_of, store_standing, stored_standing

from checkpoint_eval.design import PermutedBlocks
from checkpoint_eval.errors import TrialError
from checkpoint_eval.randomise import Breached, Ledger, Screened, Verification, Withdrawn
from checkpoint_eval.randomise.storage import SCHEMA


@pytest.fixture
def told(make: Make) -> Ledger:
    """Return a ledger with every kind of entry: 14, the standing stored after the 9th."""
    ledger = make()
    ledger.record(Screened(person="X", excluded=("under 18",)))
    fill(ledger, 5)
    ledger.override("P0001", to="court", by="PC 12", role="sergeant", reason="risk")
    ledger.record(Breached(person="P0002", reason="missed"))
    ledger.amend(rule=PermutedBlocks(sizes=(4,)), reason="one suite left")
    for number in range(3):
        ledger.allocate(f"B{number}")
    ledger.record(Withdrawn(person="B0", reason="moved"))
    assert ledger.verify(seed=seed_of(ledger)).replayed
    return ledger


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield the file without what guards it, and put the guards back where they still fit."""
    connection = sqlite3.connect(path, isolation_level=None)
    for name in ("entry_update", "entry_delete", "entry_insert"):
        connection.execute(f"DROP TRIGGER {name}")
    for name in ("entry_randomised", "entry_person"):
        connection.execute(f"DROP INDEX IF EXISTS {name}")
    yield connection
    for statement in SCHEMA[2:]:
        with suppress(sqlite3.Error):
            connection.execute(statement)
    connection.close()


def verified(ledger: Ledger, **options: object) -> Verification:
    with Ledger.open(ledger.path, read_only=True) as read:
        return read.verify(**options)  # type: ignore[arg-type]


def named(found: Verification) -> set[int]:
    return {problem.sequence for problem in found.problems}


def flips(text: str, sample: int, chance: random.Random) -> list[bytes]:
    """Return texts with one byte flipped: one bit of it, or all of them."""
    raw = text.encode()
    places = (
        range(len(raw)) if sample >= len(raw) else sorted(chance.sample(range(len(raw)), sample))
    )
    found = []
    for place in places:
        mask = 1 << chance.randrange(8)
        found.append(raw[:place] + bytes([raw[place] ^ mask]) + raw[place + 1 :])
    return found


def _flip(ledger: Ledger, sample: int) -> None:
    chance = random.Random(5)
    tried = 0
    for column in ("body", "hash"):
        for sequence, body, digest in rows(ledger.path):
            held = body if column == "body" else digest
            for wrong in flips(held, sample, chance):
                with opened(ledger.path) as connection:
                    change = f"UPDATE entry SET {column} = CAST(? AS TEXT) WHERE sequence = ?"
                    connection.execute(change, (wrong, sequence))
                found = verified(ledger)
                assert sequence in named(found), (column, sequence, wrong)
                assert str(found.problems[0])
                with opened(ledger.path) as connection:
                    connection.execute(change, (held.encode(), sequence))
                tried += 1
    assert verified(ledger).ok
    assert tried >= 2 * sample * 13


def test_any_flipped_byte_names_its_row(told: Ledger) -> None:
    _flip(told, 6)


@pytest.mark.slow
def test_every_flipped_byte_names_its_row(told: Ledger) -> None:
    _flip(told, 60)
    told.close()


def _delete(sequence: int) -> Callable[[sqlite3.Connection], object]:
    return lambda file: file.execute("DELETE FROM entry WHERE sequence = ?", (sequence,))


def _swap(file: sqlite3.Connection) -> None:
    kept = file.execute("SELECT body, hash FROM entry WHERE sequence IN (4, 5)").fetchall()
    for sequence, row in zip((5, 4), kept, strict=True):
        file.execute("UPDATE entry SET body = ?, hash = ? WHERE sequence = ?", (*row, sequence))


def _put_in(file: sqlite3.Connection) -> None:
    last = file.execute("SELECT max(sequence) FROM entry").fetchone()[0]
    for sequence in range(last, 4, -1):
        file.execute("UPDATE entry SET sequence = ? WHERE sequence = ?", (sequence + 1, sequence))
    body, digest = file.execute("SELECT body, hash FROM entry WHERE sequence = 4").fetchone()
    file.execute("INSERT INTO entry VALUES (5, ?, ?)", (body.replace("P0001", "PXXXX"), digest))


def _close_the_gap(file: sqlite3.Connection) -> None:
    file.execute("DELETE FROM entry WHERE sequence = 5")
    last = file.execute("SELECT max(sequence) FROM entry").fetchone()[0]
    for sequence in range(6, last + 1):
        file.execute("UPDATE entry SET sequence = ? WHERE sequence = ?", (sequence - 1, sequence))


@pytest.mark.parametrize(
    ("change", "row"),
    [
        (_delete(1), 1),
        (_delete(5), 5),
        (_swap, 4),
        (_put_in, 5),
        (_close_the_gap, 5),
        (lambda file: file.execute("UPDATE entry SET sequence = 99 WHERE sequence = 13"), 13),
        (lambda file: file.execute("UPDATE entry SET sequence = -1 WHERE sequence = 1"), 1),
        (lambda file: file.execute("DELETE FROM entry"), 1),
    ],
    ids=["first", "middle", "swapped", "put in", "gap closed", "moved away", "moved before", "all"],
)
def test_rows_taken_out_put_in_or_moved_are_named(
    told: Ledger, change: Callable[[sqlite3.Connection], object], row: int
) -> None:
    with opened(told.path) as file:
        change(file)
    found = verified(told)
    assert next(p.sequence for p in found.problems if p.sequence) == row, found.problems


def _rechained(
    path: Path, change: Callable[[dict[str, object]], None], *, comma: str = ","
) -> None:
    """Alter what entries say and hash the whole chain anew, as a clever forger would."""
    with opened(path) as file:
        previous = "0" * 64
        for sequence, body, _ in file.execute("SELECT * FROM entry ORDER BY sequence").fetchall():
            said = json.loads(body)
            change(said)
            said["previous"] = previous
            text = json.dumps(said, sort_keys=True, separators=(comma, ":"), ensure_ascii=False)
            previous = hashlib.sha256((previous + text).encode()).hexdigest()
            values = (text, previous, sequence)
            file.execute("UPDATE entry SET body = ?, hash = ? WHERE sequence = ?", values)


def _set(sequence: int, /, **changed: object) -> Callable[[dict[str, object]], None]:
    def change(said: dict[str, object]) -> None:
        if said["sequence"] == sequence:
            said.update(changed)

    return change


# Entry 3 is P0000's allocation in suite north; 9 the breach, 10 the amendment, 13 B2, 14 the end.
FORGERIES = {
    "chances": (3, {"probabilities": [0.4, 0.6]}),
    "arm of no chance": (13, {"arm": "prison"}),
    "place": (4, {"place": 7}),
    "era": (11, {"era": 1}),
    "factor": (4, {"factors": {"suite": "moon"}}),
    "person twice": (4, {"person": "P0000"}),
    "person excluded": (3, {"person": "X"}),
    "never randomised": (8, {"person": "P9999"}),
    "reason undeclared": (2, {"excluded": ["boredom"]}),
    "arm unknown": (8, {"to": "prison"}),
    "kind": (9, {"kind": "forgiven"}),
    "field gone": (9, {"kind": "override"}),
    "second creation": (10, {"kind": "created"}),
    "rule in secret": (10, {"since": 1}),
    "era skipped": (10, {"era": 5, "since": 5}),
    "arms renamed": (10, {"arms": ["court", "deferred"]}),
    "commitment": (10, {"commitment": "0" * 64}),
    "version": (1, {"version": 2}),
    "sequence": (5, {"sequence": 50}),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forger_who_hashes_anew_must_still_keep_the_rules(told: Ledger, forgery: str) -> None:
    sequence, changed = FORGERIES[forgery]
    with suppress(sqlite3.Error):
        _rechained(told.path, _set(sequence, **changed))
    found = verified(told)
    assert sequence in named(found), found.problems


def test_text_laid_out_otherwise_is_named(told: Ledger) -> None:
    _rechained(told.path, _set(0), comma=", ")
    assert named(verified(told)) == set(range(1, 15))


def test_another_rule_does_not_give_the_chances_stated(told: Ledger) -> None:
    rule = {"kind": "simple", "ratio": [1, 1]}
    _rechained(told.path, _set(1, rule=rule))
    assert named(verified(told)) == {3}  # its factor is none that the rule reads


def test_a_chain_hashed_anew_is_given_away_by_the_seed_or_the_head(told: Ledger) -> None:
    head, seed = told.head, seed_of(told)
    said = [json.loads(body) for _, body, _ in rows(told.path)]
    first = next(each for each in said if each["kind"] == "randomised")
    other = 1 - first["code"]
    arms = ["court", "contract"]

    def swap(entry: dict[str, object]) -> None:
        if entry["sequence"] == first["sequence"]:
            entry.update(code=other, arm=arms[other])

    _rechained(told.path, swap)
    found = verified(told, seed=seed)
    assert first["sequence"] in named(found)
    assert not found.replayed
    assert named(verified(told, head=head)) >= {head.sequence}


def test_an_entry_altered_with_its_hash_is_given_away_by_the_next(told: Ledger) -> None:
    _, body, _ = rows(told.path)[8]
    wrong = body.replace("missed", "forgave")
    digest = hashlib.sha256((json.loads(body)["previous"] + wrong).encode()).hexdigest()
    with opened(told.path) as file:
        file.execute("UPDATE entry SET body = ?, hash = ? WHERE sequence = 9", (wrong, digest))
    found = verified(told)
    assert named(found) == {10}
    assert "does not follow" in str(found.problems[0])


def test_a_tail_cut_off_is_found_by_the_head_alone(told: Ledger) -> None:
    before = rows(told.path)
    head = told.head
    with opened(told.path) as file:
        file.execute("DELETE FROM entry WHERE sequence > 10")
    found = verified(told, head=head)
    assert named(found) == {head.sequence}
    assert "cut off" in str(found.problems[-1])
    assert verified(told, head=f"10:{before[9][2]}").ok  # as it was then
    with opened(told.path) as file:
        file.execute("DELETE FROM entry WHERE sequence > 8")
    short = verified(told, head=f"8:{before[7][2]}")
    assert named(short) == {0}  # only where it says it stands
    with pytest.raises(TrialError, match="`head`"):
        verified(told, head="10")


@pytest.mark.parametrize(
    "changed",
    [{"place": 3}, {"closed": True}, {"sequence": 8}, {"terms": 9}, {"state": [1, 1]}, None],
    ids=str,
)
def test_an_altered_standing_is_found(told: Ledger, changed: dict[str, object] | None) -> None:
    said = stored_standing(told.path)
    assert said["sequence"] == 9
    if changed is None:
        with sqlite3.connect(told.path) as file:
            file.execute("DELETE FROM tip")
        file.close()
    else:
        store_standing(told.path, said | changed)
    found = verified(told)
    assert named(found) == {0}
    assert "stands" in str(found.problems[0])
    if changed is None or "sequence" in changed:
        with pytest.raises(TrialError, match="says where it stood"):
            Ledger.open(told.path)


def test_a_standing_that_was_true_once_is_found(make: Make) -> None:
    """Too old, it would be followed from at ever greater cost; ahead, it would be of no entry."""
    ledger = make()
    kept = {}
    for last in range(1, 26):
        kept[last] = stored_standing(ledger.path)
        assert kept[last]["sequence"] == last - (last - 1) % 8
        assert ledger.verify().ok
        fill(ledger, 1, start=last)
    for wrong in (kept[1], kept[16], kept[17], kept[25] | {"sequence": 27}):
        store_standing(ledger.path, wrong)
        assert named(verified(ledger)) == {0}
        with pytest.raises(TrialError, match="not at 25"):
            Ledger.open(ledger.path)
    store_standing(ledger.path, kept[25])
    assert verified(ledger).ok


@pytest.mark.parametrize("last", range(9, 18))
def test_any_of_the_last_entries_altered_is_told_before_it_is_followed(
    make: Make, last: int
) -> None:
    ledger = make()
    fill(ledger, last - 1)
    for sequence in range(last - (last - 1) % 8, last + 1):
        _, body, _ = rows(ledger.path)[sequence - 1]
        wrong = body.replace('"code":1', '"code":2').replace('"code":0', '"code":1')
        with opened(ledger.path) as file:
            change = "UPDATE entry SET body = ? WHERE sequence = ?"
            file.execute(change, (wrong, sequence))
        with pytest.raises(TrialError, match=f"Entry {sequence} of the ledger was altered"):
            Ledger.open(ledger.path)
        with opened(ledger.path) as file:
            file.execute(change, (body, sequence))
    Ledger.open(ledger.path).close()


def test_a_ledger_whose_end_was_altered_is_not_opened(told: Ledger) -> None:
    last, body, _ = rows(told.path)[-1]
    with opened(told.path) as file:
        file.execute("UPDATE entry SET body = ? WHERE sequence = ?", (body[:-1] + " }", last))
    with pytest.raises(TrialError, match="altered"):
        Ledger.open(told.path)


def test_missing_or_added_parts_of_the_file_are_told(told: Ledger) -> None:
    file = sqlite3.connect(told.path, isolation_level=None)
    file.execute("DROP TRIGGER entry_delete")
    assert "'entry_delete' of the file was removed" in str(verified(told).problems[0])
    file.execute(SCHEMA[5])
    assert verified(told).ok
    file.execute("CREATE TRIGGER more AFTER INSERT ON entry BEGIN DELETE FROM tip; END")
    assert "'more' of the file was added" in str(verified(told).problems[0])
    file.close()


def test_a_wrong_seed_names_the_first_arm_that_differs(told: Ledger) -> None:
    wrong = "another seed"
    first = 0
    for sequence, body, _ in rows(told.path):
        said = json.loads(body)
        if said["kind"] == "randomised" and not first:
            code = hmac.new(wrong.encode(), f"allocation:{said['place']}".encode(), hashlib.sha256)
            number = (int.from_bytes(code.digest()[:8], "big") >> 11) / 2**53
            if int(number >= said["probabilities"][0]) != said["code"]:
                first = sequence
    found = verified(told, seed=wrong)
    assert [problem.sequence for problem in found.problems] == [1, first]
    assert "committed" in str(found.problems[0])
    assert not found.replayed


def test_bytes_of_the_file_itself_are_noticed(told: Ledger) -> None:
    """Damage below SQL: each page overwritten in turn is told, and never a crash."""
    told.close()
    whole = told.path.read_bytes()
    size = int.from_bytes(whole[16:18], "big")
    for page in range(len(whole) // size):
        damaged = bytearray(whole)
        middle = page * size + size // 2
        damaged[middle : middle + size // 2] = bytes(
            each ^ 0xFF for each in damaged[middle : middle + size // 2]
        )
        told.path.write_bytes(bytes(damaged))
        try:
            found = verified(told)
        except TrialError:
            continue
        assert not found.ok, page
    told.path.write_bytes(whole)
    assert verified(told).ok
