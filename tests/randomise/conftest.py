"""A small ledger to work on, and a process that makes writers to be killed."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ledgers import ARMS, Clock, Make, suites

from checkpoint_eval.randomise import Ledger


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return what creates a ledger, and closes it in the end."""
    made: list[Ledger] = []

    def create(name: str | Path = "trial.ledger", **changed: Any) -> Ledger:
        told = {
            "rule": suites(),
            "arms": ARMS,
            "title": "A trial",
            "exclusions": ("under 18", "victim refuses"),
            "clock": Clock(),
        }
        made.append(Ledger.create(tmp_path / name, **(told | changed)))
        return made[-1]

    yield create
    for ledger in made:
        ledger.close()


class Writers:
    """A process that forks writers when told to; they are real processes, and can be killed."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("writers.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, task: Mapping[str, Any]) -> list[int]:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        return list(self._told())

    def finish(self) -> list[int]:
        return list(self._told())

    def _told(self) -> Any:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.communicate()


@pytest.fixture(scope="module")
def writers() -> Iterator[Writers]:
    started = Writers()
    yield started
    started.close()
