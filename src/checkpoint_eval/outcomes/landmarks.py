"""Landmarks: starting the clock anew among those still free of the event."""

from dataclasses import replace

import numpy as np

from checkpoint_eval._checks import check_positive
from checkpoint_eval._times import nearest_tie
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.outcomes.observed import TimeToEvent
from checkpoint_eval.outcomes.trial import Trial, check_trial


def landmark(trial: Trial, *, outcome: str, at: float) -> Trial:
    """Start the clock anew at a time, among those still followed and free of the event then.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A time-to-event outcome.
    at : float
        The landmark, in the outcome's unit, such as the end of a four-month contract.

    Returns
    -------
    Trial
        The same trial with one more outcome, ``"{outcome} after {at} {unit}"``, timed from the
        landmark, and one more analysis set of the same name: those followed beyond it. Every verb
        takes the two. In the new outcome all others are missing.

    Raises
    ------
    ImpossibleDesign
        When an arm has nobody left at the landmark.
    TrialError
        When the outcome is not a time to an event.

    Notes
    -----
    Those left at the landmark were selected by what the arms did to them before: their
    comparison is not the one that was randomised. It answers what happens from then on among
    those who got there, and lets what happened before the landmark, such as finishing the
    contract, group people without immortal time.

    References
    ----------
    Anderson, Cain and Gelber (1983), Journal of Clinical Oncology 1, 710-719. Checked against R
    survfit of those left.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi, survival_curve
    >>> later = landmark(load_rossi(), outcome="rearrest", at=16)
    >>> name = "rearrest after 16 weeks"
    >>> int(survival_curve(later, outcome=name, analysis_set=name).at_risk[:, 0].sum())
    405
    """
    check_trial(trial)
    seen = trial.outcome(outcome)
    if not isinstance(seen, TimeToEvent):
        raise TrialError(
            f"Outcome {outcome!r} is a {type(seen).__name__}; a landmark needs a time to an event."
        )
    known = ~seen.missing
    when = nearest_tie(check_positive(at, "at"), seen.time[known])
    left = known & (seen.time > when)
    counts = np.bincount(trial.assignment.arm[left], minlength=len(trial.arms))
    if not counts.all():
        raise ImpossibleDesign(
            f"Arm {trial.arms[int(counts.argmin())]!r} has nobody followed beyond {at:g} "
            f"{seen.unit}; choose a smaller `at`."
        )
    name = f"{outcome} after {at:g} {seen.unit}"
    if name in trial.outcomes or name in trial.analysis_sets:
        raise TrialError(
            f"The trial has {name!r} already; ask it of the trial without, or at another `at`."
        )
    # Outside the set nobody is asked, so an unknown time there is never counted as missing.
    later = replace(
        seen,
        time=np.where(left, seen.time - when, np.nan),
        event=seen.event & left,
        missing=~left,
        competing=np.where(left, seen.competing, 0) if seen.competing.size else seen.competing,
    )
    return replace(
        trial,
        outcomes={**trial.outcomes, name: later},
        sets={**trial.sets, name: left},
    )
