"""Power by simulation: the same call from one core to a cluster."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, get_args

import numpy as np

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval._checks import check_count, check_level, check_rng, did_you_mean
from checkpoint_eval._progress import counting
from checkpoint_eval._version import __version__
from checkpoint_eval.cohort.scenario import Scenario
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.proportions import wilson_limits
from checkpoint_eval.power.batched_analyses import Analysis, PowerStatistic
from checkpoint_eval.power.chunks import Chunk, Verb
from checkpoint_eval.power.kept_results import KeptResults
from checkpoint_eval.power.running_chunks import chunks_in_order
from checkpoint_eval.power.simulated import ROUNDING, SimulatedPower, simulated_power
from checkpoint_eval.power.trial_sources import TrialSource, seal_of

Asked: TypeAlias = Analysis | Verb | PowerStatistic
CHUNK = 500


def simulate_power(  # noqa: PLR0913 - what is simulated, how precisely, and where it runs
    scenario: TrialSource | Scenario,
    analyses: Mapping[str, Asked] | Sequence[Analysis | PowerStatistic],
    *,
    trials: int = 10_000,
    rng: np.random.Generator,
    alpha: float = 0.05,
    precision: float | None = None,
    level: float = 0.95,
    chunk: int = CHUNK,
    workers: int | None = None,
    results: str | Path | None = None,
    progress: bool = True,
) -> SimulatedPower:
    """Find the power of analyses by simulating the trial many times.

    Parameters
    ----------
    scenario : ExponentialTrial, PooledTrials, Scenario or your own TrialSource
        What is simulated. A `Scenario` gives whole trials, with strata and covariates, one by one.
    analyses : sequence or mapping
        Names ("log-rank", "hazard ratio", "restricted mean difference", "risk difference") or
        `Analysis` values, done for many trials at once; in a mapping of names also functions of
        (trial, generator) that return an `Estimate` or a `SignificanceTest`, trial by trial: the
        outcome is "reoffence", in days.
    trials : int
        At most.
    rng : numpy.random.Generator
        It is left as it was but for one child. The same seed and chunk give the same bytes for
        any number of workers, anywhere; analyses do not change the trials.
    alpha : float
        Of the tests, two-sided.
    precision : float, optional
        Stop after the first chunk at which every power's Monte Carlo limits are at most so far
        from their middle.
    level : float
        Of the Monte Carlo limits.
    chunk : int
        Trials that share a child of the seed, go to a worker together and are kept together.
    workers : int, optional
        Processes, by joblib. Default: what ``joblib.parallel_config`` says, otherwise one.
    results : str or Path, optional
        A Parquet file, one row a trial. Finished chunks wait beside it in a folder: the same call
        goes on where a run stopped, also with more trials. A function's body is not part of what
        is compared; give it another name when it changes.
    progress : bool
        Show a bar on a terminal.

    Returns
    -------
    SimulatedPower

    Raises
    ------
    TrialError
        For what cannot be simulated or asked.
    OutputRefused
        When the file holds another study, or cannot be written.

    Notes
    -----
    Memory is bounded by what one worker has in hand (some 32,000 people at once, or one trial)
    plus 16 bytes for each trial and analysis. Power is the share of p-values at most alpha in
    either direction; a trial without one counts as not significant and is told.

    References
    ----------
    Morris, White and Crowther (2019), Using simulation studies to evaluate statistical methods,
    Statistics in Medicine 38, 2074-2102. Checked against Schoenfeld's and Lachin and Foulkes'
    formulas, alpha under the null, and the verbs trial by trial.

    Examples
    --------
    >>> from checkpoint_eval.power import ExponentialTrial
    >>> planned = ExponentialTrial(people=521, control_hazard=0.0009, hazard_ratio=0.7)
    >>> found = simulate_power(
    ...     planned, ["log-rank"], trials=400, rng=np.random.default_rng(1), progress=False
    ... )
    >>> 0.6 < found.rows[0].power < 0.85
    True
    """
    check_count(trials, "trials")
    check_count(chunk, "chunk")
    check_level(alpha, "alpha")
    check_level(level)
    if precision is not None:
        check_level(precision, "precision")
    if workers is not None and workers != -1:
        check_count(workers, "workers")
    asked = _asked(scenario, analyses)
    entropy, key = _entropy(check_rng(rng))
    kept = None
    if results is not None:
        told = f"{__version__} {seal_of(scenario)} {_told(asked)} {chunk} {entropy} {key}"
        seal = hashlib.sha256(told.encode()).hexdigest()
        kept = KeptResults(file=Path(results), names=tuple(asked), seal=seal, chunk=chunk)
    chunks = [
        Chunk(
            scenario=scenario,
            analyses=tuple(asked.values()),
            number=number,
            trials=min(chunk, trials - number * chunk),
            entropy=entropy,
            spawn_key=key,
        )
        for number in range(-(-trials // chunk))
    ]
    enough = _enough(len(asked), alpha=alpha, precision=precision, level=level)
    with counting("Simulating", total=len(chunks), shown=progress) as step:
        found = chunks_in_order(chunks, kept=kept, workers=workers, enough=enough, step=step)
    if kept is not None:
        kept.finish(found)
    value, p_value = np.moveaxis(np.concatenate(found, axis=-1), 1, 0)
    return simulated_power(
        tuple(asked), value, p_value, alpha=alpha, level=level, scenario=repr(scenario)
    )


def _enough(
    analyses: int, *, alpha: float, precision: float | None, level: float
) -> Callable[[FloatArray], bool]:
    """Return what says, of each chunk in order, whether every power is precise by now."""
    if precision is None:
        return lambda _: False
    significant, trials = np.zeros(analyses), 0

    def enough(found: FloatArray) -> bool:
        nonlocal significant, trials
        significant = significant + (found[:, 1] <= alpha + ROUNDING).sum(axis=1)
        trials += found.shape[-1]
        low, high = wilson_limits(significant, trials, level=level)
        return bool(((high - low) / 2 <= precision).all())

    return enough


def _asked(
    scenario: TrialSource | Scenario,
    analyses: Mapping[str, Asked] | Sequence[Analysis | PowerStatistic],
) -> dict[str, Analysis | Verb]:
    """Return analyses by name; refuse what cannot be asked of the scenario."""
    if not isinstance(scenario, (TrialSource, Scenario)):
        raise TrialError(
            "`scenario` must be an `ExponentialTrial`, `PooledTrials` or `Scenario`, got "
            f"{type(scenario).__name__}."
        )
    if isinstance(analyses, Mapping):
        asked = {str(name): _analysis(each) for name, each in analyses.items()}
    elif isinstance(analyses, (str, Analysis)) or not isinstance(analyses, Sequence):
        raise TrialError(f"`analyses` must list analyses, got {analyses!r}; write [...] for one.")
    else:
        named = [_analysis(each) for each in analyses]
        if not all(isinstance(each, Analysis) for each in named):
            raise TrialError("`analyses` that are functions need names: give a mapping.")
        asked = {each.told: each for each in named if isinstance(each, Analysis)}
    if not asked:
        raise TrialError("`analyses` has none; name at least one, such as 'log-rank'.")
    for name, each in asked.items():
        if isinstance(scenario, Scenario) and isinstance(each, Analysis):
            raise TrialError(
                f"`analyses` has {name!r}, for many trials at once, but a `Scenario` gives whole "
                "trials one by one; give a function of trial and generator, or `PooledTrials`."
            )
        horizon = None if isinstance(scenario, Scenario) else scenario.horizon
        if isinstance(each, Analysis) and not (each.horizon or 0) <= (horizon or 0):
            raise TrialError(
                f"`horizon` of {name!r} is {each.horizon:g} days, but people are followed for "
                f"{horizon}; take an earlier one."
            )
    return asked


def _analysis(each: object) -> Analysis | Verb:
    if isinstance(each, str):
        names = get_args(PowerStatistic)
        if each not in names:
            raise TrialError(f"`analyses` has {each!r}; {did_you_mean(each, names)}")
        return Analysis(statistic=each)  # type: ignore[arg-type]
    if isinstance(each, Analysis):
        return each
    if not callable(each):
        raise TrialError(
            f"`analyses` has {each!r}; give a name, an `Analysis`, or a function of trial and "
            "generator."
        )
    return each


def _told(asked: Mapping[str, Analysis | Verb]) -> str:
    """Return text in which the analyses are told; a function by its name."""
    return "; ".join(
        f"{name}: {each!r}"
        if isinstance(each, Analysis)
        else f"{name}: {getattr(each, '__module__', '')}.{getattr(each, '__qualname__', '')}"
        for name, each in asked.items()
    )


def _entropy(rng: np.random.Generator) -> tuple[int, tuple[int, ...]]:
    """Return what seeds a child of the generator."""
    seed = rng.spawn(1)[0].bit_generator.seed_seq
    if not isinstance(seed, np.random.SeedSequence) or not isinstance(seed.entropy, int):
        raise TrialError(
            "`rng` must come from a whole number, so that its chunks can be seeded; write "
            "rng=np.random.default_rng(seed)."
        )
    return seed.entropy, tuple(seed.spawn_key)
