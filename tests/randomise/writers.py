"""Run as a script: forks writers that allocate and acknowledge, each line of stdin one task."""

import json
import os
import random
import sys
import traceback
from typing import Any

from checkpoint_eval.randomise import Ledger


def write(task: dict[str, Any], writer: int) -> None:
    """Allocate people in an order of our own; acknowledge each once it is answered."""
    chance = random.Random(f"{task['round']}:{writer}")
    people = list(range(*task["people"]))
    chance.shuffle(people)
    acknowledged = os.open(task["acks"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with Ledger.open(task["ledger"]) as ledger:
        for number in people:
            answer = ledger.allocate(f"P{number:04d}", {"suite": ("north", "south")[number % 2]})
            line = f"{answer.person} {answer.arm} {answer.place}\n"
            os.write(acknowledged, line.encode())


def main() -> None:
    for line in sys.stdin:
        task = json.loads(line)
        children = []
        for writer in range(task["writers"]):
            child = os.fork()
            if not child:
                status = 1
                try:
                    write(task, writer)
                    status = 0
                except BaseException:
                    traceback.print_exc()
                    raise
                finally:
                    os._exit(status)
            children.append(child)
        print(json.dumps(children), flush=True)  # noqa: T201
        ended = [os.waitpid(child, 0)[1] for child in children]
        print(json.dumps(ended), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
