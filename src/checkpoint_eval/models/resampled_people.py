"""The people of a trial as a resampled statistic counts them, and statistics that do not fit."""

import numpy as np

from checkpoint_eval._arrays import NO_CODES, FloatArray, IntArray, floats
from checkpoint_eval._checks import check_positive
from checkpoint_eval._times import nearest_tie
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models.compared import Compared
from checkpoint_eval.models.event_tables import event_table
from checkpoint_eval.models.pseudo_values import Measure, kinds_of
from checkpoint_eval.models.recurrent import rows_of
from checkpoint_eval.models.resampled_tallies import Intervals, intervals_of
from checkpoint_eval.models.survival import check_follow_up, kaplan_meier
from checkpoint_eval.outcomes.episodes import Episodes
from checkpoint_eval.outcomes.observed import NumericOutcome, TimeToEvent
from checkpoint_eval.outcomes.trial import Trial, check_trial

INCIDENCE = "cumulative incidence difference"
# Of a number for each person.
MEANS = ("mean difference", "mean ratio")


def counts_repeats(statistic: object) -> bool:
    """Return whether a statistic is of repeated events."""
    return isinstance(statistic, str) and statistic.startswith("mean events")


def told_of(statistic: object, people: Compared, cause: str | None) -> str:
    """Return what results call a statistic."""
    if isinstance(statistic, str):
        return statistic if cause in (None, people.outcome) else f"{statistic} of {cause}"
    own = getattr(statistic, "__name__", type(statistic).__name__)
    return f"statistic {own!r} of the user's own"


def check_outcome(trial: Trial, outcome: str, statistic: object) -> None:
    """Refuse a statistic that is not of this kind of outcome."""
    check_trial(trial)
    observed = trial.outcome(outcome)
    repeated = isinstance(observed, Episodes)
    name = repr(statistic) if isinstance(statistic, str) else "of your own"
    if statistic in MEANS:
        if not isinstance(observed, NumericOutcome):
            raise TrialError(
                f"Statistic {name} needs a number for each person, which {outcome!r} is not; read "
                "one with `numeric`, or give `NumericOutcome`."
            )
        return
    if counts_repeats(statistic) and not repeated:
        raise TrialError(
            f"Statistic {name} needs an outcome of repeated events, which {outcome!r} is not; "
            "derive it with `reoffence_episodes`, or give `Episodes`."
        )
    if repeated and not counts_repeats(statistic):
        raise TrialError(
            f"Statistic {name} needs a time-to-event outcome, but {outcome!r} is of repeated "
            "events; use statistic='mean events difference'."
        )
    if not repeated and not isinstance(observed, TimeToEvent):
        raise TrialError(
            f"Statistic {name} needs a time-to-event outcome, which {outcome!r} is not; read one "
            "with `times`, or give `TimeToEvent`."
        )


def check_cause(statistic: object, cause: str | None) -> None:
    """Refuse a cause that the statistic would not use."""
    if cause is not None and statistic != INCIDENCE:
        raise TrialError(f"`cause` belongs to statistic={INCIDENCE!r}; leave it out.")


def ends_of(trial: Trial, people: Compared, statistic: object, cause: str | None) -> IntArray:
    """Return (n,) what ended each time: 0 censored, 1 what is asked about, 2 what competes.

    Numbers have no time, so none.
    """
    if statistic in MEANS:
        return NO_CODES
    measure: Measure = "cumulative incidence" if statistic == INCIDENCE else "survival"
    return kinds_of(trial, people, measure=measure, cause=cause)


def check_horizon(
    trial: Trial, people: Compared, kinds: IntArray, horizon: float | None, statistic: str
) -> float:
    """Return the horizon, or the time that it ties with, within the follow-up of every arm."""
    if horizon is None:
        raise TrialError(
            f"`horizon` is needed for statistic={statistic!r}: by how many {people.unit}?"
        )
    horizon = check_positive(horizon, "horizon")
    if not people.time.size:
        _check_intervals(trial, people, horizon)
        return horizon
    table = event_table(people.time, kinds > 0, people.arm, groups=len(people.arms))
    when = nearest_tie(horizon, table.time)
    check_follow_up(people, table, kaplan_meier(table), horizon=when, name="horizon")
    return when


def _check_intervals(trial: Trial, people: Compared, horizon: float) -> None:
    rows = rows_of(trial, people)
    for code, name in enumerate(people.arms):
        end = float(rows.stop[people.arm[rows.person] == code].max(initial=0.0))
        if horizon > end:
            raise ImpossibleDesign(
                f"`horizon` is {horizon:g} {people.unit}, beyond the follow-up of arm {name!r}, "
                f"which ends at {end:g}; choose at most {end:g}."
            )


def everyones_intervals(trial: Trial, people: Compared, *, until: float) -> Intervals:
    """Return the intervals at risk of the people compared, on a grid up to a horizon."""
    rows = rows_of(trial, people)
    return intervals_of(
        rows.person, rows.start, rows.stop, rows.event, people=people.people.size, until=until
    )


def held_to_shape(values: object, number: int, each: str) -> FloatArray:
    """Return what a user's statistic gave, `number` real numbers, one of each row."""
    array = np.asarray(values)
    if array.shape != (number,):
        raise TrialError(
            f"`statistic` must return {number} numbers, one {each} (row), got shape {array.shape}."
        )
    if array.dtype.kind not in "iufb":
        raise TrialError(f"`statistic` must return real numbers, got {array.dtype}.")
    return floats(array)
