"""Ten thousand redrawn allocations: the log-rank randomisation test beside the draws alone."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from measuring import Target, clocked, has_lifelines, race
from people import simulated

import checkpoint_eval as ce
from checkpoint_eval.models.compared import compare
from checkpoint_eval.randomise.redrawing import redraw

DRAWS = 10_000
LIFELINES_DRAWS = 20
PEOPLE = 1_000
DAYS = 450  # of which a thousand people use some 350


def run(repeats: int) -> None:
    """Race on Rossi and on a thousand people with almost as many days as a year has."""
    _race("Rossi", ce.load_rossi(), repeats)
    trial = ce.Trial.from_frame(
        simulated(PEOPLE, last=DAYS),
        arm="arm",
        control=0,
        times={"rearrest": ("days", "event", "days")},
    )
    _race("simulated", trial, repeats)


def _race(name: str, trial: ce.Trial, repeats: int) -> None:
    people = compare(trial, outcome="rearrest")
    m = np.unique(people.time).size
    print(f"  {name}: {trial.n:,} people, {m} distinct times, {DRAWS:,} draws")

    def draws_alone() -> float:
        return float(sum(len(b) for b in redraw(trial.assignment, draws=DRAWS, rng=_rng())))

    def test() -> float:
        return ce.randomisation_test(trial, outcome="rearrest", draws=DRAWS, rng=_rng()).p_value

    contenders = [clocked("test", test), clocked("draws alone", draws_alone)]
    if has_lifelines():
        contenders.append(clocked("lifelines", _lifelines(trial), share=LIFELINES_DRAWS / DRAWS))
        print(f"  lifelines: {LIFELINES_DRAWS} draws a round, extrapolated to {DRAWS:,}")
    targets = [
        Target(slow="test", fast="draws alone"),
        Target(slow="lifelines", fast="test"),
    ]
    race(contenders, targets, repeats=repeats)


def _rng() -> np.random.Generator:
    return np.random.default_rng(1)


def _lifelines(trial: ce.Trial) -> Callable[[], float]:
    from lifelines.statistics import logrank_test

    people = compare(trial, outcome="rearrest")
    time, event = pd.Series(people.time), pd.Series(people.event)
    blocks = list(redraw(trial.assignment, draws=LIFELINES_DRAWS, rng=_rng()))
    masks = [row == 1 for block in blocks for row in block[:, people.people]]

    def work() -> float:
        largest = 0.0
        for treated in masks:
            result = logrank_test(time[~treated], time[treated], event[~treated], event[treated])
            largest = max(largest, result.test_statistic)
        return largest

    return work
