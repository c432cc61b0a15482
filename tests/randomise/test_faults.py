"""Killed writers, many writers, full disks and files that may not be written to."""

import fcntl
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from ledgers import Make, bodies, fill, seed_of

from checkpoint_eval.errors import InvalidData, OutputRefused, TrialError
from checkpoint_eval.randomise import Ledger


def acknowledged(acks: Path) -> list[tuple[str, str, int]]:
    """Return what writers were answered; the last line may be cut short by a kill."""
    lines = acks.read_text().splitlines(keepends=True) if acks.exists() else []
    parts = [line.split() for line in lines if line.endswith("\n")]
    return [(person, arm, int(place)) for person, arm, place in parts]


def check_kept(ledger: Path, acks: Path, seed: str) -> int:
    """Check that all that was answered is there, once; return how many were randomised."""
    said = bodies(ledger, "randomised")
    held = {each["person"]: (each["arm"], each["place"]) for each in said}
    assert max(Counter(each["person"] for each in said).values(), default=1) == 1
    assert [each["place"] for each in said] == list(range(1, len(said) + 1))
    for person, arm, place in acknowledged(acks):
        assert held[person] == (arm, place)
    with Ledger.open(ledger, read_only=True) as read:
        found = read.verify(seed=seed)
    assert found.replayed, found
    return len(said)


def _wait_for_more(acks: Path, answered: int) -> None:
    end = time.monotonic() + 30
    while len(acknowledged(acks)) <= answered and time.monotonic() < end:
        time.sleep(0.001)


def _kill(make: Make, writers: Any, tmp_path: Path, *, rounds: int, together: int) -> None:
    ledger, acks = make(), tmp_path / "acks"
    seed = seed_of(ledger)
    ledger.close()
    chance = random.Random(11)
    killed, answered, randomised = 0, 0, 0
    for number in range(rounds):
        people = (60 * number, 60 * number + 300)  # overlapping with the rounds before
        task = {"ledger": str(ledger.path), "acks": str(acks), "people": people}
        children = writers.start(task | {"round": number, "writers": together})
        if number % 2:  # every other round once somebody was answered, however slow the machine
            _wait_for_more(acks, answered)
        for child in chance.sample(children, together):
            time.sleep(chance.uniform(0.002, 0.03))
            with suppress(ProcessLookupError):  # it may have finished
                os.kill(child, signal.SIGKILL)
        killed += sum(status == signal.SIGKILL for status in writers.finish())
        randomised = check_kept(ledger.path, acks, seed)
        answered = len(acknowledged(acks))
    assert killed >= rounds  # else the test tests nothing
    assert answered >= rounds // 2
    with Ledger.open(ledger.path) as again:
        fill(again, 60 * rounds + 300)
        assert len(bodies(ledger.path, "randomised")) >= randomised
        assert again.verify(seed=seed).replayed


def test_killed_writers_lose_nothing(make: Make, writers: Any, tmp_path: Path) -> None:
    _kill(make, writers, tmp_path, rounds=25, together=3)


@pytest.mark.slow
def test_many_killed_writers_lose_nothing(make: Make, writers: Any, tmp_path: Path) -> None:
    _kill(make, writers, tmp_path, rounds=100, together=6)


def test_sixteen_processes_allocate_each_person_once(
    make: Make, writers: Any, tmp_path: Path
) -> None:
    ledger, acks = make(), tmp_path / "acks"
    task = {"ledger": str(ledger.path), "acks": str(acks), "people": (0, 120), "round": 0}
    writers.start(task | {"writers": 16})
    assert writers.finish() == [0] * 16
    answers = acknowledged(acks)
    assert len(answers) == 16 * 120
    assert len(set(answers)) == 120  # everyone was told the same
    assert check_kept(ledger.path, acks, seed_of(ledger)) == 120


def test_a_writer_killed_in_a_transaction_leaves_no_trace(make: Make) -> None:
    ledger = make()
    fill(ledger, 3)
    head = ledger.head
    child = os.fork()
    if not child:  # the worst moment: written, not yet committed
        other = sqlite3.connect(ledger.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        body = '{"kind":"randomised","person":"half"}'
        other.execute("INSERT INTO entry VALUES (5, ?, 'x')", (body,))
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert ledger.head == head
    fill(ledger, 1, start=3)
    assert ledger.verify(seed=seed_of(ledger)).ok


def test_a_forked_child_opens_its_own_connection(make: Make) -> None:
    ledger = make()
    fill(ledger, 3)
    for number in range(3):
        child = os.fork()
        if not child:
            status = 1
            try:
                fill(ledger, 20, start=20 * number)
                status = 0
            finally:
                os._exit(status)
        fill(ledger, 20, start=20 * number + 10)
        assert os.waitpid(child, 0)[1] == 0
    assert len(bodies(ledger.path, "randomised")) == 70
    assert ledger.verify(seed=seed_of(ledger)).ok


def test_a_full_disk_leaves_the_ledger_as_it_was(make: Make) -> None:
    ledger = make()
    fill(ledger, 30)
    connection = ledger.store.connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OutputRefused, match="full"):
        fill(ledger, 500, start=30)
    head = ledger.head
    held = len(bodies(ledger.path, "randomised"))
    assert head.sequence == held + 1
    assert ledger.allocate("P0001").repeated  # still answered
    assert ledger.verify(seed=seed_of(ledger), head=head).replayed
    connection.execute("PRAGMA max_page_count = 1000000")
    fill(ledger, 60)
    assert ledger.allocate("P0059").place == 60
    assert ledger.verify(seed=seed_of(ledger), head=head).replayed


def test_a_limit_on_the_size_of_files_leaves_the_ledger_as_it_was(
    make: Make, tmp_path: Path
) -> None:
    ledger = make()
    fill(ledger, 10)
    acks = tmp_path / "acks"
    wal = ledger.path.with_name(ledger.path.name + "-wal")
    code = f"""
        import resource
        from checkpoint_eval.errors import OutputRefused
        from checkpoint_eval.randomise import Ledger
        ledger = Ledger.open({str(ledger.path)!r})
        limit = {wal.stat().st_size + 40_000}
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        told = 0
        for number in range(10, 60):
            try:
                answer = ledger.allocate(f"P{{number:04d}}", {{"suite": "north"}})
                print(answer.person, answer.arm, answer.place)
            except OutputRefused as problem:
                assert "What it held before is kept" in str(problem), problem
                told += 1
        assert told > 10, told
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        answer = ledger.allocate("P0059", {{"suite": "north"}})
        print(answer.person, answer.arm, answer.place)
        ledger.close()
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    acks.write_text(ran.stdout)
    assert len(acknowledged(acks)) >= 2
    assert check_kept(ledger.path, acks, seed_of(ledger)) >= 12
    fill(ledger, 60)
    assert ledger.verify(seed=seed_of(ledger)).ok


def test_a_disk_full_from_the_start_leaves_nothing(tmp_path: Path) -> None:
    code = f"""
        import resource
        from checkpoint_eval.design import Simple
        from checkpoint_eval.errors import OutputRefused
        from checkpoint_eval.randomise import Ledger
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
        try:
            path = {str(tmp_path / "a.ledger")!r}
            Ledger.create(path, rule=Simple(ratio=(1, 1)), arms=("a", "b"))
        except OutputRefused as problem:
            print(problem)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert "a.ledger" in ran.stdout, ran.stderr
    assert not list(tmp_path.iterdir())


NOBODY = 65534


@pytest.fixture
def reachable() -> Iterator[Path]:
    """Return a folder that another user can reach, as root may write anywhere."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_file_that_may_not_be_written_to_is_told(make: Make, reachable: Path) -> None:
    ledger = make(reachable / "trial.ledger")
    fill(ledger, 10)
    head = ledger.head
    ledger.close()
    key = reachable / "trial.ledger.key"
    if not os.getuid():
        os.chown(key, NOBODY, NOBODY)
    ledger.path.chmod(0o444)
    reachable.chmod(0o555)
    code = f"""
        import os
        from checkpoint_eval.errors import TrialError
        from checkpoint_eval.randomise import Ledger
        if not os.getuid():
            os.setgid({NOBODY})
            os.setuid({NOBODY})
        try:
            ledger = Ledger.open({str(ledger.path)!r})
            ledger.allocate("new", {{"suite": "north"}})
        except TrialError as problem:
            print(type(problem).__name__, problem)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    reachable.chmod(0o755)
    assert ran.stdout.startswith("OutputRefused"), ran.stdout + ran.stderr
    ledger.path.chmod(0o600)
    with Ledger.open(ledger.path) as again:
        assert again.head == head
        fill(again, 1, start=10)
        assert again.verify(seed=seed_of(ledger), head=head).ok


def test_a_read_only_connection_is_told_and_nothing_changes(make: Make) -> None:
    ledger = make()
    fill(ledger, 4)
    head = ledger.head
    connection = ledger.store.connection
    connection.execute("PRAGMA query_only = ON")
    with pytest.raises(OutputRefused, match="may not be written to"):
        fill(ledger, 1, start=4)
    connection.execute("PRAGMA query_only = OFF")
    assert ledger.head == head
    fill(ledger, 1, start=4)
    assert ledger.head.sequence == head.sequence + 1


def test_a_lock_that_is_never_lifted_is_told(make: Make, tmp_path: Path) -> None:
    from dataclasses import replace

    ledger = make()
    impatient = replace(ledger, store=replace(ledger.store, wait=0.1, connections={}))
    with ledger.store.writing(), pytest.raises(TrialError, match="kept locked"):
        fill(impatient, 1)
    fill(impatient, 1)
    with ledger.store.writing():
        assert impatient.allocate("P0000").repeated  # asked again, nothing is written
    other = sqlite3.connect(ledger.path, isolation_level=None)  # a program that asks SQLite alone
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TrialError, match="kept locked"):
        fill(impatient, 1, start=1)
    other.execute("ROLLBACK")
    other.close()
    fill(impatient, 1, start=1)
    impatient.close()
    assert ledger.verify(seed=seed_of(ledger)).ok


def test_a_writer_holds_both_locks(make: Make) -> None:
    """SQLite's, against other programs, and our own, under which the log is copied back."""
    ledger = make()
    other = sqlite3.connect(ledger.path, isolation_level=None, timeout=0)
    with (
        ledger.store.writing(),
        ledger.path.with_name("trial.ledger.lock").open("w") as file,
    ):
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    other.close()


def test_a_child_does_not_keep_its_parents_lock(make: Make) -> None:
    """Else the lock would outlast a parent that is killed."""
    ledger = make()
    with ledger.store.writing():
        child = os.fork()
        if not child:
            held = [
                os.readlink(f"/proc/self/fd/{each}")
                for each in os.listdir("/proc/self/fd")
                if os.path.lexists(f"/proc/self/fd/{each}")
            ]
            os._exit(any(name.endswith(".lock") for name in held))
        assert os.waitpid(child, 0)[1] == 0


def test_a_key_pressed_in_the_middle_changes_nothing(make: Make) -> None:
    def interrupted() -> Any:
        raise KeyboardInterrupt

    ledger = make()
    fill(ledger, 2)
    with Ledger.open(ledger.path, clock=interrupted) as other, pytest.raises(KeyboardInterrupt):
        fill(other, 1, start=2)
    fill(ledger, 1, start=2)  # no lock was left
    assert ledger.verify(seed=seed_of(ledger)).ok


def test_a_file_that_is_swapped_for_another_is_told(make: Make, tmp_path: Path) -> None:
    ledger = make()
    ledger.close()
    ledger.path.write_bytes(b"something else" * 1000)
    with pytest.raises(InvalidData, match="no ledger"):
        Ledger.open(ledger.path)
