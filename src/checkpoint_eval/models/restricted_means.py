"""Restricted mean time free of the event: area under the survival curve to a horizon."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval._checks import check_choice, check_level, check_positive
from checkpoint_eval._times import nearest_tie
from checkpoint_eval.models.compared import compare
from checkpoint_eval.models.event_tables import EventTable
from checkpoint_eval.models.survival import check_follow_up, kaplan_meier
from checkpoint_eval.models.wald import wald_contrast
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import Estimate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RestrictedMean:
    """Area under each survival curve up to the horizon, and its variance; both (..., k)."""

    mean: FloatArray
    variance: FloatArray


def restricted_mean_of(table: EventTable, *, horizon: float) -> RestrictedMean:
    """Return the restricted mean of every group of an event table.

    References
    ----------
    Klein and Moeschberger (2003); the variance without a small-sample factor, as survRM2 and
    survfit print it; written out in docs/methods.md. Checked against R survfit(rmean=).
    """
    curve = kaplan_meier(table)
    before = np.concatenate([np.ones_like(curve.survival[..., :1]), curve.survival], axis=-1)
    edges = np.minimum(np.concatenate([[0.0], table.time, [np.inf]]), horizon)
    slabs = before * np.diff(edges)
    mean = slabs.sum(axis=-1)
    beyond = np.cumsum(slabs[..., ::-1], axis=-1)[..., ::-1][..., 1:]
    r, d = table.at_risk, table.events
    with np.errstate(divide="ignore", invalid="ignore"):
        # Where everyone left has the event survival is 0 from then on, and so is the area.
        jump = np.where((d > 0) & (r > d), d / (r * (r - d)), 0.0)
    return RestrictedMean(mean=mean, variance=(beyond**2 * jump).sum(axis=-1))


def restricted_mean(
    trial: Trial,
    *,
    outcome: str,
    horizon: float,
    measure: Literal["difference", "ratio", "lost ratio"] = "difference",
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Compare the mean time free of the event within a horizon.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A time-to-event outcome.
    horizon : float
        In the outcome's unit; within the follow-up of both arms.
    measure : {"difference", "ratio", "lost ratio"}
        Treatment minus control, or treatment divided by control; "lost ratio" divides the mean
        times lost to the event, horizon less restricted mean: below 1 is in favour of treatment.
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Estimate
        Positive difference, or ratio above 1: more time free of the event under treatment.
        `by_arm` holds the two means, in the outcome's unit.

    Raises
    ------
    ImpossibleDesign
        When the horizon is beyond the follow-up of an arm that still has people free of the event.
    UnknownColumn, TrialError
        For names the trial does not have; for options outside those stated.

    Notes
    -----
    Needs no proportional hazards. The ratio's interval is symmetric on the log scale.

    References
    ----------
    Royston and Parmar (2013) for the difference; Uno et al. (2014) for the ratio. Checked against R
    survRM2 on Rossi and survfit on recid.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> round(restricted_mean(load_rossi(), outcome="rearrest", horizon=52).value, 4)
    2.0417
    """
    check_choice(measure, "measure", ("difference", "ratio", "lost ratio"))
    check_level(level)
    people = compare(trial, outcome=outcome, analysis_set=analysis_set, kind="time", arm=arm)
    table = people.table()
    horizon = nearest_tie(check_positive(horizon, "horizon"), table.time)
    check_follow_up(people, table, kaplan_meier(table), horizon=horizon, name="horizon")
    result = restricted_mean_of(table, horizon=horizon)
    method = f"area under Kaplan–Meier to {horizon:g} {people.unit}; Wald interval"
    lost = measure == "lost ratio"
    return wald_contrast(
        people,
        estimand="restricted mean time lost ratio" if lost else f"restricted mean {measure}",
        measure="difference" if measure == "difference" else "ratio",
        by_arm=horizon - result.mean if lost else result.mean,
        variance=result.variance,
        level=level,
        method=method if measure == "difference" else f"{method} on the log scale",
        reason=f"before {horizon:g} {people.unit} no event left anyone at risk",
        time_point=horizon,
    )
