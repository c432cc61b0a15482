"""Amounts by the rule: a mean that is the doing of few, or mostly of one, tells of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from checkpoint_eval._arrays import FloatArray, frozen
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.pathway_parts import with_pathways
from checkpoint_eval.outcomes.episodes import Episodes
from checkpoint_eval.outcomes.observed import CountOutcome, NumericOutcome, Observed
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.report.disclosure import Disclosure

# Nobody's amount may be estimated to within this share of it by the person with the second most.
CLOSEST = 0.1
# Of whom covariates are: everyone randomised, before anything happened.
AT_BASELINE = "at baseline"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Amounts:
    """How much each person of an arm has of something: what says whether its mean may be told.

    Attributes
    ----------
    name, among, arm : str
        The outcome and its analysis set, or a covariate `AT_BASELINE`.
    amount : (n,) float
        Without its sign, the greatest first.
    unlike : int
        People whose value is not the commonest one.
    """

    name: str
    among: str
    arm: str
    amount: FloatArray
    unlike: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", frozen(self.amount, np.float64))

    @classmethod
    def known(cls, name: str, among: str, arm: str, values: ArrayLike) -> "Amounts":
        """Return the amounts of (n,) people whose value is known."""
        value = np.asarray(values, dtype=np.float64)
        times = np.unique(value, return_counts=True)[1]
        unlike = value.size - int(times.max(initial=0))
        amount = -np.sort(-np.abs(value))
        return cls(name=name, among=among, arm=arm, amount=amount, unlike=unlike)

    def is_of_few(self, rule: Disclosure, *, total: float | None = None) -> bool:
        """Whether all but few people have the same value: its mean tells how few.

        `total`: of some of the people only, who then are at least so many as have the most.
        """
        if total is None:
            return self.unlike < rule.threshold
        so_far = np.cumsum(self.amount[: rule.threshold - 1])
        return not so_far.size or total <= so_far[-1]

    def is_of_one(self, *, total: float | None = None) -> bool:
        """Whether one person dominates: what two others leave is little beside the largest.

        `total`: of some of the people only, as if the two largest of all were among them.
        """
        return dominated(self.amount[:2], float(self.amount.sum()) if total is None else total)


def dominated(largest: ArrayLike, total: float) -> bool:
    """Whether the p % rule is broken: total less the two largest is little beside the largest."""
    first, second = np.pad(np.asarray(largest, dtype=np.float64), (0, 2))[:2]
    # A share of what is summed may be rounding.
    return bool(first > 0 and total - first - second < CLOSEST * first * (1 - 1e-9))


# By outcome, set and arm.
Held: TypeAlias = Mapping[tuple[str, str, str], Amounts]


def by_place(amounts: Iterable[Amounts]) -> Held:
    """Return amounts by what, of whom and in which arm they are."""
    return {(each.name, each.among, each.arm): each for each in amounts}


def amounts_of(trial: Trial, *, threshold: float = 0.0) -> tuple[Amounts, ...]:
    """Return the amounts of every outcome that has some, in each set, and of covariates.

    `threshold`: a score of a critical pathway above it is a need.
    """
    return (*_outcomes(_with_needs(trial, threshold)), *_covariates(trial))


def _with_needs(trial: Trial, threshold: float) -> Trial:
    """Return the trial with scores of pathways as outcomes, as they are compared."""
    if trial.pathways is None:
        return trial
    code = trial.assignment.arm
    try:
        return with_pathways(trial, trial.pathways, code, analysis_set="itt", threshold=threshold)
    except TrialError:  # then nothing is compared
        return trial


def _outcomes(trial: Trial) -> Iterator[Amounts]:
    found = {name: _each(observed) for name, observed in trial.outcomes.items()}
    sets = {name: trial.arm_in(name) for name in trial.analysis_sets} if any(found.values()) else {}
    for (name, held), (among, code) in product(found.items(), sets.items()):
        if held is not None:
            value, known = held
            for place, arm in enumerate(trial.arms):
                yield Amounts.known(name, among, arm, value[known & (code == place)])


def _each(observed: Observed | Episodes) -> "tuple[FloatArray, np.ndarray] | None":
    """Return (n,) amounts and who has a known one; None for an outcome without amounts."""
    if isinstance(observed, (NumericOutcome, CountOutcome)):
        return np.asarray(observed.value, dtype=np.float64), ~observed.missing
    if isinstance(observed, Episodes):
        events = np.bincount(observed.person[observed.event], minlength=observed.people)
        return events.astype(np.float64), ~observed.missing
    return None


def _covariates(trial: Trial) -> Iterator[Amounts]:
    columns = (trial.column(name) for name in (*trial.assignment.stratified_by, *trial.covariates))
    for column in columns:
        if column.kind != "continuous":
            continue
        for place, arm in enumerate(trial.arms):
            known = (trial.assignment.arm == place) & ~column.missing
            yield Amounts.known(column.name, AT_BASELINE, arm, column.values[known])
