"""Many small trials at once, drawn from the people of one large cohort."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from checkpoint_eval._arrays import floats, frozen
from checkpoint_eval._checks import check_count, check_rng
from checkpoint_eval._display import Shown, grid_frame
from checkpoint_eval._memory import remembered
from checkpoint_eval.cohort.cohorts import Cohort
from checkpoint_eval.cohort.generating import refuse_bytes
from checkpoint_eval.cohort.truths import assigned
from checkpoint_eval.design.allocation import Rule
from checkpoint_eval.errors import TrialError

# Trials drawn from one child of the generator, whatever is asked for: part of what a seed means.
TOGETHER = 256
# Cells worked on at once: few enough for a processor's cache.
CELLS = 1 << 17


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TrialBatch(Shown):
    """Some trials of n people each.

    Attributes
    ----------
    first : int
        The number of the first trial.
    arm : (b, n) int8
    time : (b, n) int16
        Whole days to the first offence, or to the horizon.
    event : (b, n) bool
    """

    first: int
    arm: NDArray[np.int8]
    time: NDArray[np.int16]
    event: NDArray[np.bool_]

    def __post_init__(self) -> None:
        for name in ("arm", "time", "event"):
            getattr(self, name).setflags(write=False)

    def __repr__(self) -> str:
        b, n = self.arm.shape
        return f"TrialBatch({b} trials of {n} people, from number {self.first})"

    def to_frame(self) -> pd.DataFrame:
        """Return one row a trial and person; the places of a batch come first."""
        return grid_frame(("trial", "person"), arm=self.arm, time=self.time, event=self.event)


def draw_trials(
    cohort: Cohort,
    *,
    rule: Rule,
    people: int,
    trials: int,
    horizon: int = 730,
    rng: np.random.Generator,
) -> Iterator[TrialBatch]:
    """Draw many trials: whom they hold, who has which arm, and when they first reoffend.

    Parameters
    ----------
    cohort : Cohort
        A large one stands for everyone who might take part: people are drawn from it with
        replacement, so the truth of these trials is that of the cohort itself, `in_cohort`.
    rule : rule
        Of two arms, reading no columns.
    people : int
        In each trial.
    trials : int
    horizon : int
        Days; everyone is followed so long.
    rng : numpy.random.Generator
        It is left as it was but for one child; a seed gives the same trials whatever the number
        of them asked for together.

    Yields
    ------
    TrialBatch
        Up to 256 trials, in order.

    Raises
    ------
    TrialError
        When the rule reads columns, or the extract does not reach the horizon.

    References
    ----------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap (resampling a population).
    Checked against the cohort's own risks and against draws one by one.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval.cohort import Scenario, generate
    >>> from checkpoint_eval.design import Complete
    >>> cohort = generate(Scenario(people=2_000), np.random.default_rng(1))
    >>> rng = np.random.default_rng(2)
    >>> [
    ...     batch.arm.shape
    ...     for batch in draw_trials(
    ...         cohort, rule=Complete(counts=(50, 50)), people=100, trials=300, rng=rng
    ...     )
    ... ]
    [(256, 100), (44, 100)]
    """
    if not isinstance(cohort, Cohort):
        raise TrialError(f"`cohort` must be a `Cohort`, got {type(cohort).__name__}.")
    for name, count in (("people", people), ("trials", trials), ("horizon", horizon)):
        check_count(count, name)
    child = check_rng(rng).spawn(1)[0]
    if not isinstance(rule, Rule) or rule.n_arms != 2 or rule.columns or rule.covariates:
        raise TrialError(
            "`rule` must have two arms and read no columns, such as PermutedBlocks(); got "
            f"{rule!r}."
        )
    refuse_bytes(TOGETHER * people * 16, f"`people` is {people:,} in each trial")
    reach = int((cohort.lives.extract - cohort.lives.persons.index.max()).astype(int))
    if not horizon <= min(reach, np.iinfo(np.int16).max - 1):
        raise TrialError(
            f"`horizon` is {horizon} days, but the extract follows the last person for {reach}; "
            "take a later extract or a shorter horizon."
        )
    return _batches(cohort, rule, people, trials, horizon, child)


def _batches(
    cohort: Cohort, rule: Rule, people: int, trials: int, horizon: int, rng: np.random.Generator
) -> Iterator[TrialBatch]:
    day = _first_days(cohort, horizon)
    for first in range(0, trials, TOGETHER):
        own = rng.spawn(1)[0]
        # all 256 are drawn even where fewer are wanted, so that numbers mean the same trials
        arm = rule.draw_many(people, TOGETHER, own)[: trials - first]
        time = np.empty((TOGETHER, people), dtype=np.int16)
        rows = max(1, CELLS // people)
        for at in range(0, TOGETHER, rows):
            some = slice(at, min(at + rows, TOGETHER))
            who = own.integers(0, cohort.n, (some.stop - at, people), dtype=np.int32)
            if at < arm.shape[0]:
                here = arm[some]
                who = who[: here.shape[0]]
                who *= 2
                who += here
                np.take(day, who, out=time[at : at + here.shape[0]], mode="clip")
        time = time[: arm.shape[0]]
        event = time <= horizon
        np.minimum(time, horizon, out=time)
        yield TrialBatch(first=first, arm=arm, time=time, event=event)


@remembered
def _first_days(cohort: Cohort, horizon: int) -> NDArray[np.int16]:
    """Return (2n,) days to the first offence by arm randomised to, cut off after the horizon."""
    first = assigned(cohort.lives, floats(cohort.lives.histories.first()))
    return frozen(np.minimum(first, horizon + 1).T.ravel(), np.int16)
