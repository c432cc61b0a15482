"""How much of something each person has, such as harm days: who is compared, and how skewed."""

from collections.abc import Sequence

import numpy as np

from checkpoint_eval._checks import counted
from checkpoint_eval.errors import InvalidData, TrialError
from checkpoint_eval.models.compared import Compared, compare
from checkpoint_eval.outcomes.observed import CountOutcome, NumericOutcome
from checkpoint_eval.outcomes.trial import Trial


def amounts(
    trial: Trial,
    *,
    outcome: str,
    analysis_set: str,
    arm: str | None,
    complete: Sequence[str] = (),
    negative: bool = True,
) -> Compared:
    """Pick the people of an analysis set whose number is known.

    Parameters
    ----------
    negative : bool
        Whether numbers below 0 have a meaning for the question.

    Raises
    ------
    TrialError
        When the outcome is not a number for each person.
    InvalidData
        For numbers below 0 that have no meaning, naming the row.
    """
    people = compare(
        trial, outcome=outcome, analysis_set=analysis_set, kind="any", arm=arm, complete=complete
    )
    observed = trial.outcome(outcome)
    if isinstance(observed, CountOutcome):
        raise TrialError(f"Outcome {outcome!r} is a count over a time at risk; use `rate_ratio`.")
    if not isinstance(observed, NumericOutcome):
        raise TrialError(
            f"Outcome {outcome!r} is not a number for each person; use `risk_difference` for a "
            "binary outcome, `restricted_mean` for a time to an event."
        )
    below = np.flatnonzero(people.value < 0)
    if below.size and not negative:
        first = int(people.people[below[0]])
        raise InvalidData(
            f"Outcome {outcome!r} is {people.value[below[0]]:g} for the person at place {first} "
            f"({counted(below.size, 'such person', 'such people')}); shares and "
            "ratios of sums need numbers of at least 0. Mend it, or use `mean_difference`."
        )
    return people
