"""Certifying estimators: many trials whose truth is known, in blocks that can be resumed."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from checkpoint_eval._atomic import write_file
from checkpoint_eval._checks import check_count
from checkpoint_eval._progress import watched
from checkpoint_eval._version import __version__
from checkpoint_eval.cohort.characteristics import (
    Certificate,
    Characteristic,
    Replicates,
    characteristic,
)
from checkpoint_eval.cohort.estimators import CHECKS, ESTIMATORS, HORIZON, Estimator, settings
from checkpoint_eval.cohort.generating import live
from checkpoint_eval.cohort.practice import lived_trial
from checkpoint_eval.cohort.scenario import Scenario
from checkpoint_eval.cohort.truths import limiting_values, true_value
from checkpoint_eval.errors import ImpossibleDesign, OutputRefused, TrialError
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate

BLOCK = 50  # trials in a block; part of what a seed means
KEPT = ("value", "low", "high", "std_error", "p_value")

Progress = Callable[[Sequence[Any]], Iterable[Any]]
Found = dict[str, dict[str, list[float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One block of trials of one setting."""

    setting: str
    scenario: Scenario
    block: int
    trials: int
    seed: int
    place: int

    def name(self) -> str:
        """Return what its file is called: all that decides the numbers is in it."""
        told = f"{__version__} {self.scenario.digest} {self.seed} {self.place} {BLOCK} {_asked()}"
        seal = hashlib.sha256(told.encode()).hexdigest()[:16]
        return f"{self.setting.replace(' ', '-')}-{seal}-{self.block:05d}-{self.trials}.json"


def certify(
    *,
    trials: int = 1000,
    people: int = 400,
    seed: int,
    folder: str | Path | None = None,
    scenarios: Mapping[str, Scenario] | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Certificate:
    """Measure bias, standard errors, coverage and size of every estimator in every setting.

    Parameters
    ----------
    trials : int
        In each setting.
    people : int
        In each trial.
    seed : int
        The same seed gives the same numbers for any number of jobs.
    folder : str or Path, optional
        Where finished blocks of trials are kept: a run that was interrupted goes on from there.
    scenarios : mapping of str to Scenario, optional
        Settings of your own; `people` is then theirs.
    jobs : int
        Processes, by joblib: ``joblib.parallel_config`` takes it elsewhere.
    progress : callable, optional
        Given the blocks that are still to be done, in a sequence, and yields them on. Default: a
        bar after a second, where somebody can see it.

    Returns
    -------
    Certificate

    Raises
    ------
    TrialError
        When a setting cannot be.
    OutputRefused
        When the folder cannot be written.

    References
    ----------
    Morris, White and Crowther (2019), Using simulation studies to evaluate statistical methods,
    Statistics in Medicine 38, 2074-2102. Checked against closed forms and estimators of known
    faults in tests/recovery.

    Examples
    --------
    >>> certificate = certify(trials=2, people=60, seed=1)
    >>> len(certificate.rows) > 100
    True
    """
    check_count(trials, "trials")
    check_count(people, "people", least=20)
    check_count(seed, "seed", least=0)
    check_count(jobs, "jobs")
    asked = settings(people) if scenarios is None else scenarios
    place = None if folder is None else _opened(Path(folder))
    tasks = [
        Task(
            setting=name,
            scenario=scenario,
            block=block,
            trials=min(BLOCK, trials - block * BLOCK),
            seed=seed,
            place=number,
        )
        for number, (name, scenario) in enumerate(asked.items())
        for block in range(-(-trials // BLOCK))
    ]
    found = _all_blocks(tasks, place, jobs, progress or watched)
    rows = tuple(
        row
        for name, scenario in asked.items()
        for row in _rows(name, scenario, [found[task] for task in tasks if task.setting == name])
    )
    return Certificate(
        rows=rows,
        trials=trials,
        people=people if scenarios is None else min(each.people for each in asked.values()),
        seed=seed,
        version=__version__,
        digests={name: scenario.digest for name, scenario in asked.items()},
    )


def _opened(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputRefused(f"`folder` {folder} cannot be made: {problem.strerror}.") from problem
    return folder


def _all_blocks(
    tasks: Sequence[Task], folder: Path | None, jobs: int, progress: Progress
) -> dict[Task, Found]:
    """Return what was found in every block, doing those that no file holds."""
    held = {task: _read(folder / task.name()) for task in tasks} if folder else {}
    found = {task: block for task, block in held.items() if block is not None}
    missing = [task for task in tasks if task not in found]
    done: Iterator[Found] = joblib.Parallel(n_jobs=jobs, return_as="generator")(
        joblib.delayed(run_block)(task, folder) for task in missing
    )
    return found | dict(zip(progress(missing), done, strict=True))


def _read(file: Path) -> Found | None:
    """Return a block that was finished; one that cannot be read is done again."""
    try:
        held: Found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return held


def run_block(task: Task, folder: Path | None) -> Found:
    """Return what every estimator found in each trial of a block, and keep it in a file."""
    rngs = np.random.default_rng([task.seed, task.place, task.block]).spawn(task.trials)
    found: Found = {each.name: {name: [] for name in KEPT} for each in _estimators()}
    for rng in rngs:
        for name, numbers in _one_trial(task.scenario, rng).items():
            for kept, number in zip(KEPT, numbers, strict=True):
                found[name][kept].append(number)
    if folder is not None:
        write_file(folder / task.name(), json.dumps(found).encode())
    return found


def _one_trial(scenario: Scenario, rng: np.random.Generator) -> dict[str, tuple[float, ...]]:
    """Return the numbers of every estimator in one trial."""
    try:
        trial = lived_trial(live(scenario, rng), HORIZON)
    except ImpossibleDesign:  # a stratum that holds one arm only: not estimable
        return {each.name: (NAN,) * len(KEPT) for each in _estimators()}
    return {each.name: _numbers(each, trial, rng) for each in _estimators()}


def _numbers(each: Estimator, trial: Trial, rng: np.random.Generator) -> tuple[float, ...]:
    """Return the numbers of one estimator; where it refuses the trial it is not estimable."""
    try:
        told = each.ask(trial, rng)
    except TrialError:
        return (NAN,) * len(KEPT)
    estimate = isinstance(told, Estimate)
    return tuple(
        float(getattr(told, name)) if estimate or name == "p_value" else NAN for name in KEPT
    )


def _estimators() -> tuple[Estimator, ...]:
    return (*ESTIMATORS, *CHECKS)


def _asked() -> str:
    return ", ".join(each.name for each in _estimators())


def _rows(setting: str, scenario: Scenario, blocks: Sequence[Found]) -> Iterator[Characteristic]:
    """Yield the characteristics of every estimator in one setting."""
    truths = limiting_values(scenario)
    for each in _estimators():
        kept = {name: np.concatenate([b[each.name][name] for b in blocks]) for name in KEPT}
        truth = NAN
        if each.estimand:
            truth = true_value(truths, each.estimand, months=24).limit
        ratio = each.estimand in ("Cox limit", "risk ratio", "odds ratio", "restricted mean ratio")
        yield characteristic(
            Replicates(**kept),
            setting=setting,
            estimator=each.name,
            estimand=each.estimand,
            assumptions=each.holds(scenario),
            scale="test" if not each.estimand else "ratio" if ratio else "difference",
            truth=truth,
            null=scenario.effect.none or each in CHECKS,
        )
