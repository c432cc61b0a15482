"""One number for each person compared, whatever kind of outcome it is read from."""

from dataclasses import dataclass, replace

import numpy as np

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import counted
from checkpoint_eval._times import nearest_tie
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models.compared import Compared
from checkpoint_eval.models.pseudo_values import pseudo_values
from checkpoint_eval.models.survival import survival_at
from checkpoint_eval.outcomes.episodes import Episodes
from checkpoint_eval.outcomes.observed import TimeToEvent
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """(n,) numbers, when they are read (NaN without a clock), and what the method says of them."""

    value: FloatArray
    when: float = NAN
    told: str = ""

    @property
    def until(self) -> float:
        """Up to when events are counted."""
        return np.inf if np.isnan(self.when) else self.when


def check_clock(trial: Trial, outcome: str, horizon: float | None) -> bool:
    """Return whether an outcome is a time to an event, which needs a horizon and others refuse."""
    observed = trial.outcome(outcome)
    if isinstance(observed, Episodes):
        raise TrialError(
            f"Outcome {outcome!r} is of repeated events, not one number for each person; count "
            "them with `reoffence_counts`."
        )
    clock = isinstance(observed, TimeToEvent)
    if clock and horizon is None:
        raise TrialError(
            f"`horizon` is needed to read the time-to-event outcome {outcome!r}: when?"
        )
    if not clock and horizon is not None:
        raise TrialError(
            f"`horizon` is {horizon!r}, but outcome {outcome!r} has no clock; leave it out."
        )
    return clock


def measured(trial: Trial, people: Compared, horizon: float | None) -> Measured:
    """Return the number of each person compared: for a time to an event, having it by a horizon.

    Where people are censored earlier the numbers are pseudo-observations within arms, whose means
    are Kaplan–Meier's risks.
    """
    if not check_clock(trial, people.outcome, horizon):
        count = "mean count, whatever the time at risk" if people.exposure.size else ""
        value = people.value if people.value.size else floats(people.event)
        return Measured(value=value, told=count)
    assert horizon is not None
    survival, _ = survival_at(people, at=horizon, name="horizon")
    when = nearest_tie(float(horizon), people.time)
    by = f"risk by {horizon:g} {people.unit}"
    censored = people.censored_before(when)
    if not censored:
        return Measured(value=floats(people.event_by(when)), when=when, told=by)
    left = pseudo_values(
        people, people.arm, people.event.astype(np.int64), measure="survival", horizon=when
    )
    own = np.array([left[people.arm == code].mean() for code in range(len(people.arms))])
    told = f"{by} from pseudo-observations centred on Kaplan–Meier, as "
    return Measured(
        value=1 - left + (own - survival)[people.arm],
        when=when,
        told=told + f"{counted(censored, 'person is', 'people are')} censored earlier",
    )


def known_received(trial: Trial, people: Compared) -> tuple[Compared, FloatArray]:
    """Return those whose arm received is known, the others counted as missing, and (n,) 0/1.

    1 for who received the treatment compared; control and any third arm are 0.
    """
    if not trial.received.size:
        raise TrialError(
            "The arm each person received was not recorded; name its column in `received` when the "
            "trial is read."
        )
    code = trial.received[people.people]
    known, treatment = code >= 0, trial.arms.index(people.arms[1])
    if known.all():
        return people, floats(code == treatment)
    lost = np.bincount(people.arm[~known], minlength=len(people.arms))
    parts = ("people", "arm", "time", "event", "value", "exposure")
    kept = {
        name: values[known] if (values := getattr(people, name)).size else values for name in parts
    }
    missing = tuple(int(each) for each in np.array(people.missing) + lost)
    some = replace(people, missing=missing, **kept)
    if np.unique(some.arm).size < len(some.arms):
        raise ImpossibleDesign(
            "An arm has nobody whose arm received is known; a comparison needs people in every arm."
        )
    return some, floats(code[known] == treatment)
