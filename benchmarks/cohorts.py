"""Generating cohorts and small trials, beside drawing the raw random numbers they consume."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from measuring import Target, clocked, race

from checkpoint_eval.cohort import Scenario, checkpoint_scenario, draw_trials, generate
from checkpoint_eval.design import Complete, PermutedBlocks, Simple
from checkpoint_eval.design.allocation import Rule

PEOPLE = 1_000_000
TRIALS, EACH, POOL = 10_000, 1_000, 262_144
DRAWS = (
    *("random", "standard_normal", "standard_exponential", "standard_gamma", "poisson"),
    *("integers", "multinomial", "permuted", "permutation", "choice", "shuffle", "binomial"),
)
MEMORY = """
import sys
import numpy as np
from checkpoint_eval.cohort import Scenario, generate
from checkpoint_eval.cohort.generating import bytes_needed

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 2**20

generate(Scenario(people=1_000), np.random.default_rng(1))
before, scenario = peak(), Scenario(people=int(sys.argv[1]))
generate(scenario, np.random.default_rng(1))
print(peak() - before, bytes_needed(scenario) / 2**30)
"""

Call = tuple[str, tuple[Any, ...], dict[str, Any]]


class Recorder(np.random.Generator):
    """A generator that notes every draw asked of it or of its children, to be drawn again bare."""

    calls: list[Call]

    @classmethod
    def seeded(cls, seed: int, calls: list[Call]) -> "Recorder":
        """Return a recorder that notes its draws in `calls`."""
        made = cls(np.random.PCG64(seed))
        made.calls = calls
        return made

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name == "spawn":
            return lambda n: [Recorder.seeded(number, self.calls) for number in range(n)]
        if name not in DRAWS:
            return found

        def noted(*args: Any, **kwargs: Any) -> Any:
            self.calls.append((name, args, kwargs))
            return found(*args, **kwargs)

        return noted


def raw(work: Callable[[np.random.Generator], object]) -> Callable[[], float]:
    """Return what draws the same random numbers and does nothing with them."""
    calls: list[Call] = []
    work(Recorder.seeded(1, calls))

    def again() -> float:
        rng = np.random.default_rng(1)
        for name, args, kwargs in calls:
            getattr(rng, name)(*args, **kwargs)
        return float(len(calls))

    return again


def run(repeats: int) -> None:
    """Race generation against its random numbers; measure memory in fresh processes."""
    scenario = checkpoint_scenario()
    large = Scenario(
        people=PEOPLE,
        population=scenario.population,
        reoffending=scenario.reoffending,
        effect=scenario.effect,
        delivery=scenario.delivery,
    )

    def whole(rng: np.random.Generator) -> float:
        return float(len(generate(large, rng).written["offences"]["offence"]))

    print(f"  {PEOPLE:,} people with all extracts")
    contenders = [
        clocked("generate", lambda: whole(np.random.default_rng(1))),
        clocked("raw draws", raw(whole)),
    ]
    target = Target(slow="generate", fast="raw draws", at_most=15)
    race(contenders, [target], repeats=min(repeats, 3), answer="offences and calls")
    _small_trials(repeats)
    for people in (100_000, 300_000, 1_000_000):
        command = [sys.executable, "-c", MEMORY, str(people)]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        grown, stated = map(float, told)
        print(
            f"  {people:,} people: memory grew by {grown:.2f} GiB, "
            f"{grown * 2**30 / people:,.0f} bytes a person; {stated:.2f} GiB were estimated"
        )


def _small_trials(repeats: int) -> None:
    cohort = generate(Scenario(people=POOL), np.random.default_rng(1))
    rules: dict[str, Rule] = {
        "coin": Simple(),
        "blocks": PermutedBlocks(sizes=(4, 6)),
        "complete": Complete(counts=(EACH // 2, EACH // 2)),
    }
    for name, rule in rules.items():

        def trials(rng: np.random.Generator, rule: Rule = rule) -> float:
            batches = draw_trials(cohort, rule=rule, people=EACH, trials=TRIALS, rng=rng)
            return float(sum(batch.event.sum() for batch in batches))

        contenders = [
            clocked(f"trials ({name})", lambda trials=trials: trials(np.random.default_rng(1))),
            clocked("raw draws", raw(trials)),
        ]
        print(f"  {TRIALS:,} trials of {EACH:,} people, arm and time: {name}")
        target = Target(slow=f"trials ({name})", fast="raw draws", at_most=4)
        race(contenders, [target], repeats=max(repeats, 5))
