"""Allocations by the ledger: beside bare durable commits, from first to last, by many at once."""

import json
import multiprocessing
import os
import sqlite3
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from measuring import Target, clocked, race

from checkpoint_eval.design import Minimisation, PermutedBlocks, Stratified
from checkpoint_eval.design.allocation import OneAtATime
from checkpoint_eval.randomise import Ledger

LAP = 500  # allocations or commits in one lap
LONG, ENDS = 100_000, 1_000
PROCESSES, EACH = 16, 200
SUITES = ("north", "south", "east", "west")
LEVELS = {"suite": SUITES, "band": ("low", "medium", "high"), "sex": ("female", "male")}
RULES: dict[str, OneAtATime] = {
    "blocks in strata": Stratified(rule=PermutedBlocks(sizes=(4, 6)), by={"suite": SUITES}),
    "minimisation": Minimisation(factors=LEVELS),
}


def run(repeats: int) -> None:
    """Race against bare commits; measure the first and last of many; let 16 processes contend."""
    with TemporaryDirectory() as folder:
        print(f"  on {folder}, which must be a disk for a commit to cost what it costs")
        for name, rule in RULES.items():
            _against_commits(name, rule, Path(folder) / name, repeats)
        _many_processes(Path(folder) / "many")
    _first_and_last()


def _person(number: int, rule: OneAtATime) -> dict[str, str]:
    return {
        factor.name: factor.levels[(number * 7 // (place + 1)) % len(factor.levels)]
        for place, factor in enumerate(rule.columns)
    }


def _allocations(ledger: Ledger, rule: OneAtATime) -> Callable[[], float]:
    """Return what allocates so many more people, ready made like the row of a bare commit."""
    done, people = [0], [_person(number, rule) for number in range(LAP)]

    def work() -> float:
        for number, person in enumerate(people, start=done[0]):
            ledger.allocate(f"person {number:06d}", person)
        done[0] += LAP
        return float(done[0])

    return work


def _commits(path: Path, row: str) -> Callable[[], float]:
    """Return what commits as many rows of the same size, durably and with nothing else."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE bare(number INTEGER PRIMARY KEY, body TEXT)")

    def work() -> float:
        for _ in range(LAP):
            connection.execute("INSERT INTO bare(body) VALUES (?)", (row,))
        return float(LAP)

    return work


def _against_commits(name: str, rule: OneAtATime, path: Path, repeats: int) -> None:
    with Ledger.create(path, rule=rule, arms=("court", "contract")) as ledger:
        ledger.allocate("person", _person(0, rule))
        body, digest = ledger.store.connection.execute(
            "SELECT body, hash FROM entry ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        bare = path.with_name("bare " + path.name)
        contenders = [
            clocked(f"allocations ({name})", _allocations(ledger, rule)),
            clocked("bare commits", _commits(bare, body + digest)),
        ]
        print(f"  {LAP} of each in a lap, rows of {len(body + digest)} bytes")
        target = Target(slow=f"allocations ({name})", fast="bare commits", at_most=2)
        race(contenders, [target], repeats=max(repeats, 9))


def _first_and_last() -> None:
    """Fill a ledger in memory, where what a place costs is not hidden behind the disk."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        for name, rule in RULES.items():
            seconds = []
            with Ledger.create(
                Path(folder) / name, rule=rule, arms=("court", "contract")
            ) as ledger:
                for number in range(LONG):
                    start = time.perf_counter()
                    ledger.allocate(f"person {number * 7919 % LONG:06d}", _person(number, rule))
                    seconds.append(time.perf_counter() - start)
                first, last = (
                    statistics.median(part) for part in (seconds[:ENDS], seconds[-ENDS:])
                )
                mean = sum(seconds[-ENDS:]) / sum(seconds[:ENDS])
                start = time.perf_counter()
                found = ledger.verify()
                took = time.perf_counter() - start
            print(
                f"  {name}: last {ENDS:,} of {LONG:,} / first {ENDS:,} = {last / first:.2f} by "
                f"median, {mean:.2f} by mean ({last * 1e6:.0f} microseconds); "
                f"verified in {took:.1f} s: {found}"
            )


def _work(path: Path, worker: int, answers: Path) -> None:
    rule = RULES["blocks in strata"]
    with Ledger.open(path) as ledger, answers.open("w") as file:
        for number in range(EACH):  # half of the people are asked for by another process too
            person = number + worker // 2 * EACH if number % 2 else number + (worker + 16) * EACH
            answer = ledger.allocate(f"person {person}", _person(person, rule))
            file.write(f"{answer.person}\t{answer.arm}\t{answer.place}\n")


def _many_processes(path: Path) -> None:
    rule = RULES["blocks in strata"]
    with Ledger.create(path, rule=rule, arms=("court", "contract")) as ledger:
        seed = str(json.loads(Path(f"{path}.key").read_text())["seed"])
        files = [path.with_name(f"answers {worker}") for worker in range(PROCESSES)]
        context = multiprocessing.get_context("fork" if os.name == "posix" else "spawn")
        workers = [
            context.Process(target=_work, args=(path, worker, file))
            for worker, file in enumerate(files)
        ]
        start = time.perf_counter()
        for each in workers:
            each.start()
        for each in workers:
            each.join()
        took = time.perf_counter() - start
        answers = {line for file in files for line in file.read_text().splitlines()}
        people = ledger.people()
        held = {
            f"{person}\t{arm}\t{place}"
            for person, arm, place in zip(
                people["person"], people["arm"], people["place"], strict=True
            )
        }
        found = ledger.verify(seed=seed)
    lost = len(answers - held)
    twice = len(people) - people["person"].nunique()
    print(
        f"  {PROCESSES} processes, {PROCESSES * EACH:,} requests for {len(held):,} people in "
        f"{took:.2f} s ({PROCESSES * EACH / took:,.0f} a second): {lost} lost, {twice} twice; "
        f"{found}"
    )
