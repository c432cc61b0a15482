"""Ten thousand simulated trials of a thousand people, beside the exponentials they are made of."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import pandas as pd
from measuring import Contender, RSession, Target, clocked, has_lifelines, r_version, race

from checkpoint_eval.power import Analysis, ExponentialTrial, simulate_power

TRIALS, PEOPLE = 10_000, 1_000
R_TRIALS, LIFELINES_TRIALS = 40, 10
REDRAWN_TRIALS = 500
PLANNED = ExponentialTrial(people=PEOPLE, control_hazard=0.0009, hazard_ratio=0.8)
THREE = ("log-rank", "hazard ratio", "restricted mean difference")
R_WORK = """
sum(sapply(split(data, data$trial), function(d) survdiff(Surv(days, event) ~ arm, d)$chisq))
"""
MEMORY = """
import sys
import numpy as np
from checkpoint_eval.power import ExponentialTrial, simulate_power

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 2**10

def simulate(people, trials):
    planned = ExponentialTrial(people=people, control_hazard=0.0009)
    names = ["log-rank", "hazard ratio", "restricted mean difference"]
    rng = np.random.default_rng(1)
    simulate_power(planned, names, trials=trials, rng=rng, progress=False)

simulate(100, 10)
before = peak()
simulate(int(sys.argv[1]), int(sys.argv[2]))
print(peak() - before)
"""


def run(repeats: int) -> None:
    """Race on one core, then two workers against one; measure memory in fresh processes."""
    print(f"  {TRIALS:,} trials of {PEOPLE:,} people over {PLANNED.follow_up} days")
    with ExitStack() as stack:
        contenders = [
            clocked("exponentials alone", _exponentials),
            clocked("log-rank", lambda: _power(["log-rank"])),
            clocked("log-rank, Cox and restricted mean", lambda: _power(THREE)),
        ]
        if version := r_version():
            print(f"  {version}: survdiff of {R_TRIALS} trials a round, extrapolated")
            session = stack.enter_context(RSession(R_WORK, dict(_people(R_TRIALS).items())))
            contenders.append(
                Contender(name="R survdiff", lap=session.lap, share=R_TRIALS / TRIALS)
            )
        if has_lifelines():
            print(f"  lifelines: {LIFELINES_TRIALS} trials a round, extrapolated")
            share = LIFELINES_TRIALS / TRIALS
            contenders.append(clocked("lifelines", _lifelines(), share=share))
        targets = [
            Target(slow="log-rank", fast="exponentials alone", at_most=10),
            Target(slow="R survdiff", fast="log-rank", at_least=40),
            Target(slow="lifelines", fast="log-rank", at_least=150),
            Target(slow="log-rank, Cox and restricted mean", fast="log-rank", at_most=3),
        ]
        race(contenders, targets, repeats=repeats)
    _redrawn(repeats)
    _workers(repeats)
    for people, trials in ((1_000, 2_000), (1_000, 20_000), (10_000, 2_000), (100_000, 200)):
        command = [sys.executable, "-c", MEMORY, str(people), str(trials)]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        print(f"  {trials:,} trials of {people:,} people: memory grew by {float(told):.1f} MiB")


def _power(analyses: Any, trials: int = TRIALS, workers: int | None = None) -> float:
    found = simulate_power(
        PLANNED,
        analyses,
        trials=trials,
        rng=np.random.default_rng(1),
        workers=workers,
        progress=False,
    )
    return found.rows[0].power


def _exponentials() -> float:
    """Draw what the trials draw, in blocks of the same size, and do nothing with it."""
    rng = np.random.default_rng(1)
    rows = 32
    for _ in range(TRIALS // rows):
        rng.standard_exponential((rows, PEOPLE))
    return float(TRIALS)


def _people(trials: int) -> pd.DataFrame:
    """Return some trials as a table of people."""
    batches = list(PLANNED.batches(trials, np.random.default_rng(1)))
    days, event, arm = (
        np.concatenate([getattr(batch, name) for batch in batches]).ravel()
        for name in ("time", "event", "arm")
    )
    trial = np.repeat(np.arange(trials), PEOPLE)
    return pd.DataFrame({"trial": trial, "arm": arm, "days": days, "event": event})


def _lifelines() -> Callable[[], float]:
    from lifelines.statistics import logrank_test

    split = [
        [some[some["arm"] == code] for code in (0, 1)]
        for _, some in _people(LIFELINES_TRIALS).groupby("trial")
    ]

    def work() -> float:
        return sum(
            float(logrank_test(a["days"], b["days"], a["event"], b["event"]).test_statistic)
            for a, b in split
        )

    return work


def _redrawn(repeats: int) -> None:
    """Race 999 re-randomisations of each trial against drawing the allocations alone."""
    rng = np.random.default_rng(1)
    redrawn = [Analysis(statistic="log-rank", draws=999)]

    def allocations() -> float:
        blocks = REDRAWN_TRIALS // 32 + 1
        return float(sum(PLANNED.rule.draw_many(PEOPLE, 999, rng).size for _ in range(blocks)))

    print(f"  {REDRAWN_TRIALS} trials, each with 999 re-randomisations")
    contenders = [
        clocked("re-randomised", lambda: _power(redrawn, REDRAWN_TRIALS)),
        clocked("allocations alone", allocations),
    ]
    race(contenders, [Target(slow="re-randomised", fast="allocations alone")], repeats=repeats)


def _workers(repeats: int) -> None:
    """Race two processes against one; they are started before the first round."""
    trials = 6 * TRIALS
    print(f"  {trials:,} trials, three analyses")
    contenders = [
        clocked("one worker", lambda: _power(THREE, trials, 1)),
        clocked("two workers", lambda: _power(THREE, trials, 2)),
    ]
    target = Target(slow="one worker", fast="two workers", at_least=1.6)
    race(contenders, [target], repeats=min(repeats, 3))
