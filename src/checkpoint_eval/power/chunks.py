"""A chunk of simulated trials: what it is asked, where its chance comes from, what it finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval.cohort.resampling import TrialBatch
from checkpoint_eval.cohort.scenario import Scenario
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.power.batched_analyses import Analysis, block_of
from checkpoint_eval.power.trial_sources import CELLS, TrialSource, trial_of, whole_trial
from checkpoint_eval.results import NAN, Estimate, SignificanceTest

Verb: TypeAlias = Callable[[Trial, np.random.Generator], Estimate | SignificanceTest]
# Numbers of an array that is made and freed unused: until a larger block was freed, the C library
# hands each freed one back to the system, and a fresh worker spends a fifth of its time on getting
# them again, page by page (mallopt(3), M_MMAP_THRESHOLD: at most 32 MiB).
KEPT = 3_500_000
DAYS = 730  # for which the whole trials of a scenario are followed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chunk:
    """Some trials that share a child of the seed.

    Attributes
    ----------
    scenario : TrialSource or Scenario
    analyses : tuple of Analysis or callable
    number : int
        Which chunk it is, from 0.
    trials : int
    entropy, spawn_key : int, tuple of int
        Of the seed of all chunks.
    """

    scenario: TrialSource | Scenario
    analyses: tuple[Analysis | Verb, ...]
    number: int
    trials: int
    entropy: int
    spawn_key: tuple[int, ...]

    def generators(self) -> list[np.random.Generator]:
        """Return one for the trials and one for each analysis, so that none moves another."""
        seed = np.random.SeedSequence(self.entropy, spawn_key=(*self.spawn_key, self.number))
        return np.random.default_rng(seed).spawn(1 + len(self.analyses))


def run_chunk(chunk: Chunk) -> tuple[int, FloatArray]:
    """Return the chunk's number, and (a, 2, t) values and p-values of every analysis."""
    np.empty(KEPT)
    drawing, *own = chunk.generators()
    found = np.full((len(chunk.analyses), 2, chunk.trials), NAN)
    if isinstance(chunk.scenario, Scenario):
        for place, rng in enumerate(drawing.spawn(chunk.trials)):
            trial = whole_trial(chunk.scenario, DAYS, rng)
            for number, analysis in enumerate(chunk.analyses):
                if trial is not None and not isinstance(analysis, Analysis):
                    found[number, :, place] = _numbers(analysis, trial, own[number])
        return chunk.number, found
    for batch in _small(chunk.scenario.batches(chunk.trials, drawing)):
        there = slice(batch.first, batch.first + batch.arm.shape[0])
        _analyse(chunk, batch, own, found[:, :, there])
    return chunk.number, found


def _small(batches: Iterator[TrialBatch]) -> Iterator[TrialBatch]:
    """Yield batches cut so small that their tables stay in a processor's cache."""
    for batch in batches:
        b, n = batch.arm.shape
        rows = max(1, CELLS // n)
        for at in range(0, b, rows):
            some = slice(at, at + rows)
            yield TrialBatch(
                first=batch.first + at,
                arm=batch.arm[some],
                time=batch.time[some],
                event=batch.event[some],
            )


def _analyse(
    chunk: Chunk, batch: TrialBatch, own: list[np.random.Generator], found: FloatArray
) -> None:
    """Fill in (a, 2, b) values and p-values of every analysis of a batch."""
    source = chunk.scenario
    if isinstance(source, Scenario):
        return
    verbs = [k for k, each in enumerate(chunk.analyses) if not isinstance(each, Analysis)]
    if len(verbs) < len(chunk.analyses):
        block = block_of(batch, horizon=source.horizon, rule=source.rule)
        for number, analysis in enumerate(chunk.analyses):
            if isinstance(analysis, Analysis):
                found[number] = analysis.of(block, own[number])
    for row in range(batch.arm.shape[0] if verbs else 0):
        try:
            trial = trial_of(batch, row, source.rule)
        except TrialError:  # an arm with nobody
            continue
        for number in verbs:
            found[number, :, row] = _numbers(chunk.analyses[number], trial, own[number])


def _numbers(
    analysis: Analysis | Verb, trial: Trial, rng: np.random.Generator
) -> tuple[float, float]:
    """Return value and p-value; where a verb refuses the trial it is not estimable."""
    if isinstance(analysis, Analysis):
        return NAN, NAN
    try:
        told = analysis(trial, rng)
    except TrialError:
        return NAN, NAN
    if isinstance(told, Estimate):
        return told.value, told.p_value
    if isinstance(told, SignificanceTest):
        return told.statistic, told.p_value
    raise TypeError(
        f"An analysis must return an `Estimate` or a `SignificanceTest`, got {type(told).__name__}."
    )
