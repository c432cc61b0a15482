"""What a trial under way shows now, as a z with its information."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from checkpoint_eval._values import Value
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.compared import compare, strata_of
from checkpoint_eval.models.means import mean_difference
from checkpoint_eval.models.rates import rate_ratio
from checkpoint_eval.models.risk import risk_difference
from checkpoint_eval.models.weighted_logrank import NO_VARIANCE, logrank
from checkpoint_eval.outcomes.observed import BinaryOutcome, CountOutcome, TimeToEvent
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import Estimate

Strata = str | Sequence[str] | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InterimResult(Value):
    """A result with the sign of its measure: treatment − control.

    Attributes
    ----------
    information : float
        Events or people.
    z, std_error : float
        The effect over its standard error, and that standard error.
    measure : str
    """

    information: float
    z: float
    std_error: float
    measure: str


def interim_result(trial: Trial, outcome: str, strata: Strata, analysis_set: str) -> InterimResult:
    """Return the result of an outcome now, by the test that its kind has."""
    observed = trial.outcome(outcome)
    if isinstance(observed, TimeToEvent):
        return _logrank(trial, outcome, strata, analysis_set)
    verb: Callable[..., Estimate] = mean_difference
    if isinstance(observed, BinaryOutcome):
        verb = risk_difference
    if isinstance(observed, CountOutcome):
        verb = rate_ratio
    found = verb(trial, outcome=outcome, strata=strata, analysis_set=analysis_set)
    return _wald(found, counted_by_events=isinstance(observed, CountOutcome))


def _logrank(trial: Trial, outcome: str, strata: Strata, analysis_set: str) -> InterimResult:
    """Return the log-rank score over its variance, which is the log hazard ratio of one step."""
    people = compare(trial, outcome=outcome, analysis_set=analysis_set, kind="time")
    stratum, _ = strata_of(trial, people, strata)
    found = logrank(people.table_by_stratum(stratum))
    variance = float(found.covariance[1, 1])
    if not variance > 0:
        raise TrialError(f"There is no z of {outcome!r} to look at: {NO_VARIANCE}.")
    score = float(found.observed[1] - found.expected[1])
    return InterimResult(
        information=float(sum(people.events())),
        z=score / variance**0.5,
        std_error=variance**-0.5,
        measure="log hazard ratio",
    )


def _wald(found: Estimate, *, counted_by_events: bool) -> InterimResult:
    if not found.std_error > 0:
        why = found.method
        if found.std_error == 0:
            why = "its standard error is 0, with nobody or everybody having the event in each arm"
        raise TrialError(f"There is no z of {found.outcome!r} to look at: {why}.")
    ratio = found.scale == "ratio"
    value = float(np.log(found.value)) if ratio else found.value
    return InterimResult(
        information=float(sum(found.events if counted_by_events else found.n)),
        z=value / found.std_error,
        std_error=found.std_error,
        measure=f"log {found.estimand}" if ratio else found.estimand,
    )
