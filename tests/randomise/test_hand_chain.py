"""The chain, the draw and the secrets, computed here by the standard library alone."""

import hashlib
import hmac
import itertools
import json
import os
import sqlite3
import stat
from pathlib import Path

import pytest
from ledgers import ARMS, Make, bodies, fill, rows, seed_of

from checkpoint_eval.design import BiasedCoin, PermutedBlocks, Simple
from checkpoint_eval.errors import ImpossibleDesign, InvalidData, OutputRefused, TrialError
from checkpoint_eval.randomise import Ledger, commit_seed, verify_commitment
from checkpoint_eval.randomise.terms import chosen


def test_each_hash_is_of_the_hash_before_and_the_text(make: Make) -> None:
    ledger = make()
    fill(ledger, 12)
    ledger.override("P0003", to="court", by="PC 12", role="sergeant", reason="risk – née Å")
    previous = "0" * 64
    for sequence, body, digest in rows(ledger.path):
        assert digest == hashlib.sha256(previous.encode() + body.encode()).hexdigest()
        said = json.loads(body)
        assert said["previous"] == previous
        assert said["sequence"] == sequence
        plain = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert plain == body
        previous = digest
    assert str(ledger.head) == f"{sequence}:{previous}"


def test_times_are_utc_with_microseconds(make: Make) -> None:
    ledger = make()
    fill(ledger, 1)
    assert bodies(ledger.path, "created")[0]["at"] == "2026-03-01T09:00:01.000000Z"
    assert bodies(ledger.path, "randomised")[0]["at"] == "2026-03-01T09:00:02.000000Z"


def test_arms_come_from_the_seed_and_the_place_alone(make: Make) -> None:
    ledger = make(rule=Simple(ratio=(1, 2)))
    for number in range(40):
        ledger.allocate(f"P{number}")
    seed = seed_of(ledger).encode()
    for place, said in enumerate(bodies(ledger.path, "randomised"), start=1):
        code = hmac.new(seed, f"allocation:{place}".encode(), hashlib.sha256).digest()
        number = int.from_bytes(code, "big") >> (256 - 53)
        assert said["place"] == place
        assert said["probabilities"] == [1 / 3, 2 / 3]
        assert said["code"] == int(number / 2**53 >= 1 / 3)
        assert said["arm"] == ARMS[said["code"]]


def test_the_commitment_is_published_and_the_seed_kept_apart(make: Make) -> None:
    ledger = make()
    fill(ledger, 30)
    seed = seed_of(ledger)
    domain = b"checkpoint-eval seed commitment 1\0"
    expected = hashlib.sha256(domain + seed.encode()).hexdigest()
    assert ledger.terms.commitment == expected == commit_seed(seed)
    assert bodies(ledger.path, "created")[0]["commitment"] == expected
    assert verify_commitment(expected, seed)
    assert not verify_commitment(expected, seed[:-1])
    ledger.close()
    for ending in ("", "-wal", "-shm", ".lock"):
        file = ledger.path.with_name(ledger.path.name + ending)
        held = file.read_bytes() if file.exists() else b""
        assert seed.encode() not in held
        assert bytes.fromhex(seed) not in held
    assert seed not in repr(ledger)


def test_a_seed_is_the_same_as_number_or_text() -> None:
    assert commit_seed(42) == commit_seed("42")
    for wrong in (True, None, 1.5, "", "  "):
        with pytest.raises(TrialError, match="`seed`"):
            commit_seed(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("chances", "number", "arm"),
    [
        ((0.5, 0.5), 0.0, 0),
        ((0.5, 0.5), 0.5, 1),
        ((0.5, 0.5), 0.4999999, 0),
        ((0.0, 1.0), 0.0, 1),
        ((1.0, 0.0), 1 - 2**-53, 0),
        ((0.1, 0.2, 0.7), 0.3, 1),  # 0.1 + 0.2 is a little more than 0.3
        ((0.1,) * 9 + (0.1,), 1 - 2**-53, 9),  # the sum falls short of 1
        ((0.3, 0.7 - 1e-10, 0.0), 1 - 2**-53, 1),  # never an arm without a chance
        ((0.0, 0.0, 1.0), 0.3, 2),
    ],
)
def test_the_arm_is_where_the_chances_pass_the_number(
    chances: tuple[float, ...], number: float, arm: int
) -> None:
    assert chosen(chances, number) == arm


def test_the_key_is_for_its_owner_alone(make: Make, tmp_path: Path) -> None:
    ledger = make()
    key = tmp_path / "trial.ledger.key"
    for file in (key, ledger.path):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    ledger.close()
    key.chmod(0o640)
    with pytest.raises(InvalidData, match="chmod 600"):
        Ledger.open(ledger.path)
    with Ledger.open(ledger.path, read_only=True) as again:
        assert again.verify().ok
    key.chmod(0o600)
    with Ledger.open(ledger.path) as again:
        fill(again, 1)


def test_another_ledgers_key_is_refused(make: Make, tmp_path: Path) -> None:
    one, two = make("one"), make("two")
    with pytest.raises(InvalidData, match="does not belong"):
        Ledger.open(one.path, key=tmp_path / "two.key")
    (tmp_path / "no.key").write_text("{}")
    (tmp_path / "no.key").chmod(0o600)
    with pytest.raises(InvalidData, match="no key file"):
        Ledger.open(two.path, key=tmp_path / "no.key")
    with pytest.raises(InvalidData, match="cannot be read"):
        Ledger.open(two.path, key=tmp_path / "absent.key")


def test_without_a_key_all_but_allocation_goes_on(make: Make, tmp_path: Path) -> None:
    ledger = make(key=tmp_path / "elsewhere.key")
    fill(ledger, 20)
    ledger.close()
    with Ledger.open(ledger.path) as again:
        with pytest.raises(TrialError, match="`key` is needed"):
            fill(again, 1, start=20)
        assert again.allocate("P0001").repeated
        again.override("P0001", to="court", by="a", role="b", reason="c")
        assert again.verify().ok
        assert again.export().n == 20
    with Ledger.open(ledger.path, key=tmp_path / "elsewhere.key") as again:
        fill(again, 1, start=20)


def test_nothing_is_written_over(make: Make, tmp_path: Path) -> None:
    ledger = make()
    kept = ledger.path.read_bytes(), (tmp_path / "trial.ledger.key").read_bytes()
    with pytest.raises(OutputRefused, match="there already"):
        make()
    (tmp_path / "b.ledger.key").write_text("another's")
    with pytest.raises(OutputRefused, match="key file"):
        make("b.ledger")
    assert not (tmp_path / "b.ledger").exists()
    assert (tmp_path / "b.ledger.key").read_text() == "another's"
    with pytest.raises(OutputRefused, match="cannot be written"):
        make("no/such/folder")
    assert kept == (ledger.path.read_bytes(), (tmp_path / "trial.ledger.key").read_bytes())


def test_a_rule_that_fails_leaves_no_file(make: Make, tmp_path: Path) -> None:
    class Own(BiasedCoin):
        """Somebody's own rule, which a file cannot hold."""

    for rule, told in ((Own(p=0.6), "cannot be stored"), (Simple(ratio=(1, 1, 1)), "3 arms")):
        with pytest.raises(TrialError, match=told):
            make(rule=rule)
    assert not list(tmp_path.iterdir())


def test_levels_must_be_declared(make: Make) -> None:
    from checkpoint_eval.design import Minimisation, Stratified

    for rule in (
        Stratified(rule=PermutedBlocks(), by="suite"),
        Minimisation(factors=["suite", "band"]),
    ):
        with pytest.raises(ImpossibleDesign, match="without declared levels"):
            make(rule=rule)


def test_every_commit_is_synced(make: Make) -> None:
    ledger = make()
    connection = ledger.store.connection
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_file_itself_refuses_change(make: Make) -> None:
    ledger = make()
    fill(ledger, 6)
    other = sqlite3.connect(ledger.path, isolation_level=None)
    body, digest = other.execute("SELECT body, hash FROM entry WHERE sequence = 3").fetchone()
    again = body.replace('"sequence":3', '"sequence":8')
    for statement, values in (
        ("UPDATE entry SET hash = 'x' WHERE sequence = 3", ()),
        ("UPDATE OR REPLACE entry SET sequence = 2 WHERE sequence = 3", ()),
        ("DELETE FROM entry WHERE sequence = 7", ()),
        ("DELETE FROM entry", ()),
        ("INSERT OR REPLACE INTO entry VALUES (3, ?, ?)", (body, digest)),
        ("REPLACE INTO entry VALUES (8, ?, ?)", (again, digest)),
        ("INSERT INTO entry VALUES (9, '{}', 'x')", ()),
        ("INSERT INTO entry(body, hash) VALUES ('{}', 'x')", ()),
        ("INSERT OR IGNORE INTO entry VALUES (8, ?, ?)", (again, digest)),
    ):
        with pytest.raises(sqlite3.IntegrityError, match="ledger"):
            other.execute(statement, values)
    other.close()
    assert ledger.verify().ok
    assert [sequence for sequence, _, _ in rows(ledger.path)] == list(range(1, 8))


def test_an_interrupted_creation_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("no ledger at all, but some text" * 100)
    for name, told in (("empty", "holds no ledger"), ("text", "no ledger"), ("absent", "no ledg")):
        with pytest.raises(InvalidData, match=told):
            Ledger.open(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["empty", "text"]


def test_places_and_sequences_run_on(make: Make) -> None:
    ledger = make()
    fill(ledger, 8)
    entries = list(ledger.entries())
    assert [entry.sequence for entry in entries] == list(range(1, 10))
    assert [entry.fields["place"] for entry in entries[1:]] == list(range(1, 9))
    assert all(one.hash == two.previous for one, two in itertools.pairwise(entries))
