"""A verb asked for an outcome of another kind says what it is, and which verbs are for it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import checkpoint_eval as ce
from checkpoint_eval import TrialError, models
from checkpoint_eval.outcomes import (
    BinaryOutcome,
    CountOutcome,
    Episodes,
    NumericOutcome,
    TimeToEvent,
)

ARM = np.array([0, 0, 1, 1])
YES = np.array([0, 1, 1, 0])
TRIAL = ce.Trial(
    assignment=ce.Assignment(
        arm=ARM, arms=("court", "contract"), stratum=np.zeros(4, dtype=np.int64)
    ),
    outcomes={
        "re": TimeToEvent(time=np.array([3.0, 5, 2, 9]), event=YES, unit="weeks"),
        "any": BinaryOutcome(value=YES),
        "offences": CountOutcome(
            value=np.array([0, 2, 1, 3]), exposure=np.array([1.0, 2, 1, 2]), unit="years"
        ),
        "harm": NumericOutcome(value=np.array([0.0, 7, 2555, 3])),
        "again": Episodes(
            person=np.arange(4),
            start=np.zeros(4),
            stop=np.array([3.0, 5, 2, 9]),
            event=YES,
            unit="weeks",
            people=4,
        ),
    },
)
TIMED: list[Any] = [
    *(ce.hazard_ratio, ce.fit_cox, ce.logrank_test, ce.survival_curve, models.maxcombo_test),
    *(models.cumulative_incidence, models.gray_test, models.subdistribution_hazard_ratio),
    lambda given, outcome: ce.restricted_mean(given, outcome=outcome, horizon=2),
]
RISKS: list[Any] = [ce.risk_difference, ce.risk_ratio, ce.odds_ratio]
COUNTED: list[Any] = [models.rate_ratio, models.rate_sensitivity]
REPEATED: list[Any] = [models.recurrent_hazard_ratio, models.mean_cumulative_function]
VERBS = {
    "re": "`hazard_ratio` or `restricted_mean`",
    "any": "`risk_difference`, `risk_ratio` or `odds_ratio`",
    "offences": "`rate_ratio`",
    "harm": "`mean_difference`",
    "again": "`recurrent_hazard_ratio` or `mean_cumulative_function`",
}
IS = {
    "re": "a time to an event",
    "any": "binary",
    "offences": "a count over a time at risk",
    "harm": "a number for each person",
    "again": "of repeated events",
}


def refused(verb: Any, outcome: str, words: str) -> None:
    with pytest.raises(TrialError) as caught:
        verb(TRIAL, outcome=outcome)
    assert str(caught.value) == words


@pytest.mark.parametrize("verb", [*TIMED, *RISKS])
@pytest.mark.parametrize("outcome", ["offences", "harm", "again"])
def test_verbs_of_events(verb: Any, outcome: str) -> None:
    refused(verb, outcome, f"Outcome {outcome!r} is {IS[outcome]}; use {VERBS[outcome]}.")


@pytest.mark.parametrize("verb", TIMED)
def test_verbs_of_times(verb: Any) -> None:
    refused(
        verb,
        "any",
        f"Outcome 'any' is binary; a time-to-event outcome is needed. Use {VERBS['any']} instead.",
    )


@pytest.mark.parametrize("verb", COUNTED)
@pytest.mark.parametrize("outcome", ["re", "any", "harm", "again"])
def test_verbs_of_counts(verb: Any, outcome: str) -> None:
    refused(
        verb,
        outcome,
        f"Outcome {outcome!r} is not a count over a time at risk; read it with `counts`, derive it "
        "with `reoffence_counts`, give `CountOutcome`, or, as it is "
        f"{IS[outcome]}, use {VERBS[outcome]}.",
    )


@pytest.mark.parametrize("verb", REPEATED)
@pytest.mark.parametrize("outcome", ["re", "any", "offences", "harm"])
def test_verbs_of_repeated_events(verb: Any, outcome: str) -> None:
    refused(
        verb,
        outcome,
        f"Outcome {outcome!r} is not of repeated events; derive it with `reoffence_episodes`, give "
        f"`Episodes`, or, as it is {IS[outcome]}, use {VERBS[outcome]}.",
    )


@pytest.mark.parametrize("outcome", VERBS)
def test_the_verbs_that_are_named_can_read_it(outcome: str) -> None:
    """Or the advice would be worthless."""
    for name in re.findall("`(.*?)`", VERBS[outcome]):
        how = {"horizon": 2} if name == "restricted_mean" else {}
        found = getattr(models, name)(TRIAL, outcome=outcome, **how)
        assert outcome in repr(found)
