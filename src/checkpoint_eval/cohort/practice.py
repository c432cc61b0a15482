"""The trial an evaluator would have, were offences known without police records."""

import numpy as np

from checkpoint_eval._arrays import floats
from checkpoint_eval._checks import check_count
from checkpoint_eval.cohort.cohorts import Cohort, assignment_of
from checkpoint_eval.cohort.hazards import days_of
from checkpoint_eval.cohort.histories import NEVER
from checkpoint_eval.cohort.written import Lives, observed_days
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.baseline import Covariate
from checkpoint_eval.outcomes.harm import CAMBRIDGE_MEDIANS
from checkpoint_eval.outcomes.observed import BinaryOutcome, NumericOutcome, TimeToEvent
from checkpoint_eval.outcomes.trial import Trial


def practice_trial(cohort: Cohort, *, months: int = 24) -> Trial:
    """Return the trial of a cohort, with offences as they were committed.

    Parameters
    ----------
    cohort : Cohort
    months : int
        The horizon: months of 365/12 days, rounded to whole days; 6 are 182.

    Returns
    -------
    Trial
        Outcomes "reoffence" (days to the first; death and departure compete), "reoffended",
        "reoffences" and "harm" (Cambridge medians) by the horizon; covariates age, record and
        female; factors band, suite, officer and navigator, each person's own where prosecuted;
        missing for those who did not consent or whom the extract does not follow so long.

    Raises
    ------
    TrialError
        When a code has no weight, or an arm or stratum is left with nobody.

    References
    ----------
    For rehearsals through police records instead, see `Cohort.records`. Checked against a plain
    loop over people.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval.cohort import Scenario, generate
    >>> practice_trial(generate(Scenario(people=40), np.random.default_rng(1))).n
    40
    """
    if not isinstance(cohort, Cohort):
        raise TrialError(f"`cohort` must be a `Cohort`, got {type(cohort).__name__}.")
    return lived_trial(cohort.lives, days_of(check_count(months, "months")))


def lived_trial(lives: Lives, days: int) -> Trial:
    """Return the trial of lives followed for some days."""
    persons, delivered, histories = lives.persons, lives.delivered, lives.histories
    everyone = np.arange(persons.n)
    day = observed_days(lives)
    within = day <= days
    who = histories.person[within]
    first = np.full(persons.n, NEVER)
    np.minimum.at(first, who, day[within])
    event = first <= days
    left = ~event & (histories.left <= days)
    time = np.where(event, first, np.minimum(days, histories.left))
    followed = (lives.extract - persons.index).astype(np.int64)
    missing = ~delivered.consents[delivered.arm, everyone] | (followed < days)
    weights = np.array(
        [CAMBRIDGE_MEDIANS.weights.get(code, np.nan) for code in lives.scenario.recording.offences]
    )
    harm = np.bincount(who, weights=weights[histories.code[within]], minlength=persons.n)
    columns = _columns(lives)
    return Trial(
        assignment=assignment_of(lives),
        outcomes={
            "reoffence": TimeToEvent(
                time=floats(time),
                event=event,
                unit="days",
                missing=missing,
                competing=np.where(left & ~missing, 1 + histories.departed, 0),
                causes=("death", "emigration"),
            ),
            "reoffended": BinaryOutcome(value=event, missing=missing),
            "reoffences": NumericOutcome(
                value=floats(np.bincount(who, minlength=persons.n)), missing=missing
            ),
            "harm": NumericOutcome(value=floats(harm), missing=missing),
        },
        columns={column.name: column for column in columns},
        covariates=("age", "record", "female"),
        ids=(everyone + 1).astype(str),
        received=delivered.received,
    )


def _columns(lives: Lives) -> tuple[Covariate, ...]:
    persons, scenario, delivered = lives.persons, lives.scenario, lives.delivered
    # the prosecuted have no navigator: each is a cluster of one
    alone = delivered.navigator.max(initial=0) + 1 + np.arange(persons.n)
    navigator = np.where(delivered.received == 1, delivered.navigator, alone)
    return (
        Covariate(name="age", values=persons.age),
        Covariate(name="record", values=floats(persons.record)),
        Covariate(name="female", values=floats(persons.female)),
        Covariate(
            name="band", values=floats(persons.band), levels=tuple(scenario.population.bands)
        ),
        Covariate(name="suite", values=floats(persons.suite), levels=tuple(scenario.suites)),
        Covariate(name="officer", values=floats(delivered.officer)),
        Covariate(name="navigator", values=floats(navigator)),
    )
