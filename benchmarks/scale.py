"""What a simulated trial costs one core, by how many people it has: the table of docs/scale.md."""

import time
from typing import Any

import numpy as np
from power import THREE

from checkpoint_eval.power import Analysis, ExponentialTrial, simulate_power

# People of a trial; how many trials are timed, and how many with re-randomisations.
SIZES = ((100, 20_000, 4_000), (1_000, 10_000, 500), (10_000, 1_000, 20), (100_000, 100, 1))
REDRAWN = (Analysis(statistic="log-rank", draws=999),)


def run(repeats: int) -> None:
    """Time each in turn and print the median round, in microseconds a trial."""
    print("  people, then microseconds a trial: log-rank; with Cox and restricted mean; with")
    print("  accrual and dropout too; log-rank by 999 re-randomisations")
    for people, trials, fewer in SIZES:
        bare = ExponentialTrial(people=people, control_hazard=0.0009, hazard_ratio=0.8)
        lossy = ExponentialTrial(
            people=people, control_hazard=0.0009, hazard_ratio=0.8, accrual=365, dropout=0.0001
        )
        laps = (
            (bare, ("log-rank",), trials),
            (bare, THREE, trials),
            (lossy, THREE, trials),
            (bare, REDRAWN, fewer),
        )
        cost = [_microseconds(*each, repeats) for each in laps]
        print(f"  {people:>7,}", *(f"{each:>12,.0f}" for each in cost))


def _microseconds(planned: ExponentialTrial, analyses: Any, trials: int, repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        rng = np.random.default_rng(1)
        began = time.perf_counter()
        simulate_power(planned, analyses, trials=trials, rng=rng, progress=False)
        taken.append(time.perf_counter() - began)
    return float(np.median(taken)) / trials * 1e6
