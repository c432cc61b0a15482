"""The people of a result as a table for other engines, read off the trial without our kernels."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from checkpoint_eval._arrays import BoolArray, floats
from checkpoint_eval.outcomes.observed import BinaryOutcome, TimeToEvent
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import Curve, Estimate, SignificanceTest

DATA = ("arm", "stratum", "time", "event")


def people_of(
    trial: Trial,
    result: Estimate | SignificanceTest | Curve,
    arms: Sequence[str],
    *,
    missing: bool = False,
) -> pd.DataFrame:
    """Return arm, stratum, event, time and covariates of the people of a result.

    Arms are coded in the order given; people of other arms, outside the analysis set or with
    anything unknown are left out. With `missing`, only those of the set whom something is unknown
    of are returned.
    """
    named = np.array([*trial.arms, ""])[trial.arm_in(result.analysis_set)]
    code = pd.Index(list(arms)).get_indexer(pd.Index(named))
    frame = pd.DataFrame({"arm": code, "stratum": trial.assignment.stratum})
    known = np.ones(trial.n, dtype=bool)
    if result.outcome:
        observed = trial.outcome(result.outcome)
        known = ~observed.missing
        if isinstance(observed, TimeToEvent):
            frame["time"], frame["event"] = observed.time, observed.event
        elif isinstance(observed, BinaryOutcome):
            frame["event"] = observed.value
    for place, name in enumerate(getattr(result, "adjusted_for", ())):
        column = trial.column(name)
        labels = np.array([*column.levels, None], dtype=object)
        codes = np.nan_to_num(column.values, nan=-1).astype(int)
        frame[f"x{place}"] = labels[codes] if column.levels else column.values
    if getattr(result, "estimand", "") == "complier average effect":
        known &= trial.received >= 0
    known &= frame.notna().all(axis=1).to_numpy()
    if missing:
        return frame[(code >= 0) & ~known]
    # Columns that hold text become indicators.
    return pd.get_dummies(frame[(code >= 0) & known], drop_first=True, dtype=float)


def by_arm(trial: Trial, result: Estimate) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the people of control and of treatment."""
    people = people_of(trial, result, result.contrast[::-1])
    return people[people["arm"] == 0], people[people["arm"] == 1]


def tied(time: ArrayLike, at: float) -> BoolArray:
    """Return which times are `at` up to rounding."""
    return np.isclose(time, at, rtol=1e-8, atol=0)


def until(time: ArrayLike, at: float) -> BoolArray:
    """Return which times are no later than `at`."""
    return np.asarray((floats(time) <= at) | tied(time, at))


def events_by(people: pd.DataFrame, at: float) -> pd.Series:
    """Return who had the event by a time; whenever it was, without a clock or a time."""
    if "time" not in people or np.isnan(at):
        return people["event"]
    return people["event"] & until(people["time"], at)
