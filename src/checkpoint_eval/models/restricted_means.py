"""Restricted mean time free of the event: area under the survival curve to a horizon."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval._checks import check_choice, check_level, check_positive
from checkpoint_eval._display import Shown, grid_frame
from checkpoint_eval.models.compared import Compared
from checkpoint_eval.models.event_tables import EventTable, check_table
from checkpoint_eval.models.standardised_contrasts import (
    Contrast,
    Question,
    answered,
    asked,
    horizon_of,
)
from checkpoint_eval.models.survival import check_follow_up, kaplan_meier, survival_after
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import Estimate

WITHOUT = {
    "difference": "no event left anyone at risk",
    "ratio": "no event left anyone at risk, or an arm has no time free of the event",
    "lost ratio": "no event left anyone at risk, or an arm lost no time",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RestrictedMean(Shown):
    """Area under each survival curve of an event table, up to a horizon.

    Attributes
    ----------
    mean, variance : (..., k) float
        By group: of the time lived without the event, in the table's unit and its square.
    """

    mean: FloatArray
    variance: FloatArray

    def to_frame(self) -> pd.DataFrame:
        """Return one row a group; the places of a batch come first."""
        return grid_frame(("group",), mean=self.mean, variance=self.variance)


def restricted_mean_of(table: EventTable, *, horizon: float) -> RestrictedMean:
    """Return the restricted mean of every group of an event table.

    Parameters
    ----------
    table : EventTable
        (..., k, m): k groups on a grid of m times. The times too may have leading axes, (..., m):
        each member of a batch its own grid. Of a trial ask `restricted_mean`.
    horizon : float
        In the unit of the table's times, within the follow-up of every group; not checked here.

    Returns
    -------
    RestrictedMean
        `mean` and `variance`, (..., k) each.

    References
    ----------
    Klein and Moeschberger (2003); the variance without a small-sample factor, as survRM2 and
    survfit print it; written out in docs/methods.md. Checked against R survfit(rmean=).

    Examples
    --------
    >>> from checkpoint_eval.models import event_table
    >>> table = event_table([1, 2, 3, 4], [True, False, True, False], [0, 0, 0, 0], groups=1)
    >>> restricted_mean_of(table, horizon=4).mean
    array([2.875])
    """
    check_positive(horizon, "horizon")
    r, d = check_table(table).at_risk, table.events
    after = survival_after(r, d)
    ends = np.minimum(table.time, horizon)
    slabs = after * np.diff(ends, axis=-1, append=horizon)[..., None, :]
    beyond = np.cumsum(slabs[..., ::-1], axis=-1)[..., ::-1]
    # Where everyone left has the event survival is 0 from then on, and so is the area.
    jump = np.divide(d, r * (r - d), out=np.zeros(d.shape), where=r > d)
    return RestrictedMean(
        mean=ends.min(axis=-1, initial=horizon)[..., None] + slabs.sum(axis=-1),
        variance=np.einsum("...m,...m,...m->...", beyond, beyond, jump),
    )


def restricted_mean(
    trial: Trial,
    *,
    outcome: str,
    horizon: float,
    measure: Contrast = "difference",
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = (),
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
    adjust : str or sequence of str
        Baseline columns that foretell the outcome; categories become indicators.
    strata : str or sequence of str
        Columns over whose combinations the means of each arm are added up in the shares of the
        strata. Default: none, as each arm of each stratum must be followed to the horizon; None
        means the strata of the randomisation.
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
        When the horizon is beyond the follow-up of an arm, in a stratum, that still has people
        free of the event; for constant or collinear covariates, which are named.
    UnknownColumn, TrialError
        For names the trial does not have; for options outside those stated.

    Notes
    -----
    Needs no proportional hazards. The ratio's interval is symmetric on the log scale. Adjusting
    regresses pseudo-observations (see `pseudo_observations`): a model of the mean, linear or, for
    ratios, log-linear with Poisson's score, Σ x(y − μ), which needs not be true in a randomised
    trial; the variance is the sandwich, HC0. With both `adjust` and `strata` the strata are
    covariates too.

    References
    ----------
    Royston and Parmar (2013) for the difference; Uno et al. (2014) for the ratio; Andersen, Hansen
    and Klein (2004) for adjusting. Checked against R survRM2 on Rossi, survfit on recid and
    geepack.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> round(restricted_mean(load_rossi(), outcome="rearrest", horizon=52).value, 4)
    2.0417
    """
    check_choice(measure, "measure", ("difference", "ratio", "lost ratio"))
    check_level(level)
    people, names, stratum, told = asked(
        trial, outcome=outcome, adjust=adjust, strata=strata, analysis_set=analysis_set, arm=arm
    )
    when = horizon_of(people, horizon, "horizon")

    def by_arm(some: Compared) -> tuple[FloatArray, FloatArray]:
        table = some.table()
        check_follow_up(some, table, kaplan_meier(table), horizon=when, name="horizon")
        found = restricted_mean_of(table, horizon=when)
        return found.mean, found.variance

    if names:
        by_arm(people)  # refuses a horizon beyond follow-up
    lost = measure == "lost ratio"
    variance = "" if names else "; Greenwood variance"
    return answered(
        trial,
        Question(
            people=people,
            kind=people.event.astype(np.int64),
            stratum=stratum,
            adjust=names,
            of="restricted mean",
            horizon=when,
            method=f"area under Kaplan–Meier to {when:g} {people.unit}{variance}",
            told=told,
        ),
        by_arm,
        estimand="restricted mean time lost ratio" if lost else f"restricted mean {measure}",
        contrast=measure,
        level=level,
        reason=f"before {when:g} {people.unit} {WITHOUT[measure]}",
    )
