"""Where simulated trials come from: exponential times, people of a scenario, whole trials."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._arrays import floats
from checkpoint_eval._checks import check_count, check_positive, is_number
from checkpoint_eval.cohort.cohorts import Cohort
from checkpoint_eval.cohort.generating import generate, live
from checkpoint_eval.cohort.practice import lived_trial
from checkpoint_eval.cohort.resampling import TrialBatch, draw_trials
from checkpoint_eval.cohort.scenario import Scenario
from checkpoint_eval.design.allocation import Complete, Rule
from checkpoint_eval.design.simple import check_ratio
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.outcomes.observed import TimeToEvent
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.randomise.assignment import Assignment

OUTCOME = "reoffence"  # what the event is called in every simulated trial, as in `practice_trial`
ARMS = ("control", "treatment")
LONGEST = np.iinfo(np.int16).max - 1  # days
# People drawn at once: few enough for a processor's cache. Part of what a seed means.
CELLS = 1 << 15


@runtime_checkable
class TrialSource(Protocol):
    """What can draw many trials of two arms at once, in whole days."""

    @property
    def rule(self) -> Rule:
        """The rule that allocates, which a test by re-randomisation draws again."""

    @property
    def horizon(self) -> int:
        """Days for which everyone is followed who is not lost."""

    @property
    def seal(self) -> str:
        """Text in which everything is told that decides the trials."""

    def batches(self, trials: int, rng: np.random.Generator) -> Iterator[TrialBatch]:
        """Yield the trials in order, some at a time; fewer trials are the first of more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExponentialTrial:
    """A trial with constant hazards, for planning: the world of the closed formulas.

    Parameters
    ----------
    people : int
        Of both arms together.
    control_hazard : float
        Events a person and day in control; −log(1 − risk) / days for a known risk.
    hazard_ratio : float
        Of treatment to control.
    follow_up : int
        Days from the last person's arrival to the analysis.
    accrual : int
        Days over which people arrive, evenly; 0: everyone is followed alike.
    dropout : float
        Losses a person and day in either arm, independent of the event.
    ratio : (int, int)
        Of the arms, control first; their numbers are fixed.

    Raises
    ------
    TrialError
        For hazards that are not positive, or times that are not whole days.
    ImpossibleDesign
        When an arm would have nobody.

    Notes
    -----
    Times are rounded up to whole days, those to an event as those to the end of follow-up.

    References
    ----------
    Lachin and Foulkes (1986) for the model. Checked against its closed risks and moments.

    Examples
    --------
    >>> trial = ExponentialTrial(people=521, control_hazard=0.0009, hazard_ratio=0.7)
    >>> trial.counts
    (260, 261)
    """

    people: int
    control_hazard: float
    hazard_ratio: float = 1.0
    follow_up: int = 730
    accrual: int = 0
    dropout: float = 0.0
    ratio: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        check_count(self.people, "people", least=2)
        check_positive(self.control_hazard, "control_hazard")
        check_positive(self.hazard_ratio, "hazard_ratio")
        check_count(self.follow_up, "follow_up")
        check_count(self.accrual, "accrual", least=0)
        if not is_number(self.dropout) or not 0 <= self.dropout < np.inf:
            raise TrialError(
                f"`dropout` must be a finite number of at least 0, got {self.dropout!r}."
            )
        if not self.follow_up + self.accrual <= LONGEST:
            raise TrialError(
                f"`follow_up` and `accrual` are {self.follow_up + self.accrual:,} days together; "
                f"at most {LONGEST:,} are simulated."
            )
        # numpy's numbers are written otherwise, and a file of results is known by what is written.
        for name in ("control_hazard", "hazard_ratio", "dropout"):
            object.__setattr__(self, name, float(getattr(self, name)))
        object.__setattr__(self, "ratio", check_ratio(self.ratio))
        if len(self.ratio) != 2:
            raise ImpossibleDesign(f"`ratio` needs two numbers, control first; got {self.ratio}.")
        if not min(self.counts) > 0:
            raise ImpossibleDesign(
                f"{self.people} `people` in a `ratio` of {self.ratio} leave an arm with nobody; "
                "ask for more."
            )

    @property
    def counts(self) -> tuple[int, int]:
        """People in control and treatment."""
        control = self.people * self.ratio[0] // sum(self.ratio)
        return control, self.people - control

    @property
    def rule(self) -> Rule:
        """Complete randomisation of these numbers."""
        return Complete(counts=self.counts)

    @property
    def horizon(self) -> int:
        """Days for which everyone is followed who is not lost."""
        return self.follow_up

    @property
    def seal(self) -> str:
        """Text in which everything is told that decides the trials."""
        return repr(self)

    def batches(self, trials: int, rng: np.random.Generator) -> Iterator[TrialBatch]:
        """Yield the trials in order, some at a time; fewer trials are the first of more.

        People stand by arm: with constant hazards nothing else tells them apart.
        """
        rows = max(1, CELLS // self.people)
        arm = np.repeat(np.array([0, 1], dtype=np.int8), self.counts)
        mean = 1 / (self.control_hazard * np.where(arm == 1, self.hazard_ratio, 1.0))
        for first in range(0, trials, rows):
            kept = min(rows, trials - first)
            time, event = self._times((rows, self.people), mean, rng)
            yield TrialBatch(
                first=first,
                arm=np.broadcast_to(arm, (kept, self.people)).view(),
                time=time[:kept],
                event=event[:kept],
            )

    def _times(
        self, shape: tuple[int, int], mean: NDArray[np.float64], rng: np.random.Generator
    ) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
        """Return whole days to the event or the end of follow-up, and whether it was the event."""
        day = rng.standard_exponential(shape)
        day *= mean
        np.ceil(day, out=day)
        end = floats(self.follow_up)
        if self.accrual:
            end = end + rng.integers(0, self.accrual, shape, endpoint=True)
        if self.dropout:
            end = np.minimum(end, np.ceil(rng.standard_exponential(shape) / self.dropout))
        event = day <= end
        np.minimum(day, end, out=day)
        return day.astype(np.int16), event


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledTrials:
    """Trials of people drawn from one large cohort of a scenario.

    Parameters
    ----------
    scenario : Scenario
        Its own `people` and rule are not used.
    people : int
        In each trial.
    rule : rule
        Of two arms, reading no columns.
    horizon : int
        Days for which everyone is followed.
    pool : int
        People of the cohort; drawn from with replacement.
    pool_seed : int
        Of the cohort, which every process makes for itself.

    Raises
    ------
    TrialError
        For what is no scenario or rule, or numbers that are not whole.

    References
    ----------
    As `draw_trials`. Checked against it.

    Examples
    --------
    >>> from checkpoint_eval.cohort import Scenario
    >>> from checkpoint_eval.design import PermutedBlocks
    >>> scenario, rule = Scenario(people=60), PermutedBlocks()
    >>> trials = PooledTrials(scenario=scenario, people=60, rule=rule, pool=2_000)
    >>> [batch.time.shape for batch in trials.batches(300, np.random.default_rng(1))]
    [(256, 60), (44, 60)]
    """

    scenario: Scenario
    people: int
    rule: Rule
    horizon: int = 730
    pool: int = 100_000
    pool_seed: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.scenario, Scenario):
            raise TrialError(
                f"`scenario` must be a `Scenario`, got {type(self.scenario).__name__}."
            )
        if not isinstance(self.rule, Rule):
            raise TrialError(f"`rule` must be a rule of allocation, got {self.rule!r}.")
        for name in ("people", "horizon", "pool"):
            check_count(getattr(self, name), name, least=2)
        check_count(self.pool_seed, "pool_seed", least=0)

    @property
    def seal(self) -> str:
        """Text in which everything is told that decides the trials."""
        numbers = f"{self.people} {self.horizon} {self.pool} {self.pool_seed}"
        return f"{self.scenario.digest} {self.rule!r} {numbers}"

    def batches(self, trials: int, rng: np.random.Generator) -> Iterator[TrialBatch]:
        """Yield the trials in order, some at a time; fewer trials are the first of more."""
        cohort = _pool(self.scenario, self.pool, self.pool_seed)
        return draw_trials(
            cohort,
            rule=self.rule,
            people=self.people,
            trials=trials,
            horizon=self.horizon,
            rng=rng,
        )


@lru_cache(maxsize=2)
def _pool(scenario: Scenario, people: int, seed: int) -> Cohort:
    """Return the cohort, made once in each process."""
    return generate(replace(scenario, people=people), np.random.default_rng(seed))


def seal_of(scenario: TrialSource | Scenario) -> str:
    """Return text in which everything is told that decides the trials."""
    return scenario.digest if isinstance(scenario, Scenario) else scenario.seal


def trial_of(batch: TrialBatch, row: int, rule: Rule) -> Trial:
    """Return one trial of a batch, for verbs that take a trial."""
    return Trial(
        assignment=Assignment(
            arm=batch.arm[row],
            arms=ARMS,
            stratum=np.zeros(batch.arm.shape[1], dtype=np.int64),
            rule=rule,
        ),
        outcomes={OUTCOME: TimeToEvent(time=floats(batch.time[row]), event=batch.event[row])},
    )


def whole_trial(scenario: Scenario, days: int, rng: np.random.Generator) -> Trial | None:
    """Return one trial with everything a scenario tells; None where a stratum has one arm only."""
    try:
        return lived_trial(live(scenario, rng), days)
    except ImpossibleDesign:
        return None
