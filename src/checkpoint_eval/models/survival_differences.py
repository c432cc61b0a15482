"""Survival compared at one time."""

from collections.abc import Sequence

import numpy as np

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval._checks import check_level
from checkpoint_eval.models.compared import Compared
from checkpoint_eval.models.standardised_contrasts import Question, answered, asked, horizon_of
from checkpoint_eval.models.survival import survival_at
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import Estimate


def survival_difference(
    trial: Trial,
    *,
    outcome: str,
    at: float,
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = (),
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate how many more, as a share, are still free of the event at one time under treatment.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A time-to-event outcome.
    at : float
        When survival is compared, in the outcome's unit; within follow-up.
    adjust, strata
        As in `restricted_mean`.
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Estimate
        Scale "difference"; positive means fewer events under treatment. `by_arm` is survival; all
        are shares between 0 and 1, not percentage points.

    Raises
    ------
    ImpossibleDesign
        When `at` is beyond the follow-up of an arm, in a stratum, that still has people free of
        the event; for constant or collinear covariates, which are named.
    UnknownColumn, TrialError
        For names the trial does not have; for options outside those stated.

    References
    ----------
    Klein et al. (2007), Statistics in Medicine 26:4505 (the untransformed test); Andersen, Klein
    and Rosthøj (2003) for adjusting by pseudo-observations. Checked against R survfit and geepack.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> round(survival_difference(load_rossi(), outcome="rearrest", at=26).value, 4)
    0.0463
    """
    check_level(level)
    people, names, stratum, told = asked(
        trial, outcome=outcome, adjust=adjust, strata=strata, analysis_set=analysis_set, arm=arm
    )
    when = horizon_of(people, at, "at")

    def by_arm(some: Compared) -> tuple[FloatArray, FloatArray]:
        return survival_at(some, at=when, name="at")

    if names:
        by_arm(people)  # refuses a time beyond follow-up
    variance = "" if names else "; Greenwood variance"
    return answered(
        trial,
        Question(
            people=people,
            kind=people.event.astype(np.int64),
            stratum=stratum,
            adjust=names,
            of="survival",
            horizon=when,
            method=f"Kaplan–Meier survival at {at:g} {people.unit}{variance}",
            told=told,
        ),
        by_arm,
        estimand="survival difference",
        contrast="difference",
        level=level,
        reason="no variance, as every arm stands at 0 or 1",
    )
