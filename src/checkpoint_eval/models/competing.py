"""Competing risks: who had what, counted by cause, and the Aalen–Johansen estimate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.compared import Compared
from checkpoint_eval.models.event_tables import event_table
from checkpoint_eval.outcomes.observed import TimeToEvent
from checkpoint_eval.outcomes.trial import Trial


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CauseTable:
    """At risk, and events by cause, by group and time.

    Attributes
    ----------
    time : (m,) float
    at_risk : (k, m) int
    events : (c, k, m) int
        The event first, then each competing cause.
    """

    time: FloatArray
    at_risk: IntArray
    events: IntArray


def causes_of(trial: Trial, people: Compared) -> tuple[IntArray, tuple[str, ...]]:
    """Return (n,) what ended each person's time: 0 censored, 1 the event, 2 and on other causes."""
    outcome = trial.outcome(people.outcome)
    if not isinstance(outcome, TimeToEvent) or not outcome.causes:
        raise TrialError(
            f"Outcome {people.outcome!r} has no competing causes; derive it with "
            "`time_to_reoffence`, or give `TimeToEvent` its `competing` and `causes`."
        )
    if people.outcome in outcome.causes or len(set(outcome.causes)) < len(outcome.causes):
        raise TrialError(
            f"`causes` of {people.outcome!r} are {', '.join(map(repr, outcome.causes))}; each "
            "needs a name of its own, and none that of the outcome."
        )
    other = outcome.competing[people.people] if outcome.competing.size else 0
    return np.where(people.event, 1, np.where(other > 0, other + 1, 0)), outcome.causes


def of_cause(trial: Trial, people: Compared, cause: str | None) -> Compared:
    """Return the people with a competing cause as their event; as they are when none is named."""
    if cause is None or (isinstance(cause, str) and cause == people.outcome):
        return people
    codes, names = causes_of(trial, people)
    return replace(people, event=codes == cause_row(people.outcome, names, cause) + 1)


def cause_table(
    time: FloatArray, cause: IntArray, group: IntArray, *, causes: int, groups: int
) -> CauseTable:
    """Count people at risk, and events by cause, on the grid of distinct times."""
    whole = event_table(time, cause > 0, group, groups=groups)
    m = whole.time.size
    at = np.searchsorted(whole.time, time)
    at = np.minimum(at, m - 1)
    known = cause > 0
    cell = ((cause - 1) * groups + group) * m + at
    counts = np.bincount(cell[known], minlength=causes * groups * m)
    return CauseTable(
        time=whole.time, at_risk=whole.at_risk, events=counts.reshape(causes, groups, m)
    )


def cause_row(outcome: str, names: Sequence[str], cause: str | None) -> int:
    """Return the row of a cause: 0 for the event itself, which is meant when none is named."""
    if cause is None or (isinstance(cause, str) and cause == outcome):
        return 0
    if not isinstance(cause, str) or cause not in names:
        raise TrialError(f"`cause` is {cause!r}; choose from {', '.join(map(repr, names))}.")
    return 1 + list(names).index(cause)


def aalen_johansen(table: CauseTable) -> tuple[FloatArray, FloatArray]:
    """Return (c, k, m) cumulative incidence and its variance.

    References
    ----------
    Aalen and Johansen (1978); variance Aalen (1978), hypergeometric where events tie: written
    out in docs/methods.md. Checked against R cmprsk.
    """
    r, d = floats(table.at_risk), floats(table.events)
    total = d.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.where(r > 0, 1 - total / r, 1.0)
        after = np.cumprod(step, axis=-1)
        before = np.concatenate([np.ones_like(after[..., :1]), after[..., :-1]], axis=-1)
        jump = np.where(r > 0, before * d / r, 0.0)
        incidence = np.cumsum(jump, axis=-1)
        # ((S(s−) − f)² w₁ + f² w₂) with f = (F(t) − F(s))·S(s−)/S(s), opened into running sums
        ratio = np.where(after > 0, before / after, 0.0)
        own, other = (_tied(each, r) for each in (d, total - d))
        a, b, c = ratio**2 * (own + other), before**2 * own, before * ratio * own
    f = incidence

    def running(values: FloatArray) -> FloatArray:
        return floats(np.cumsum(np.broadcast_to(values, f.shape), axis=-1))

    variance = (
        f**2 * running(a)
        - 2 * f * running(a * f)
        + running(a * f**2)
        + running(b)
        - 2 * (f * running(c) - running(c * f))
    )
    return floats(f), np.maximum(variance, 0.0)


def _tied(events: FloatArray, at_risk: FloatArray) -> FloatArray:
    """Return d/r², less what tied events take from it."""
    tie = np.where(events > 1, 1 - (events - 1) / (at_risk - 1), 1.0)
    return floats(np.where(at_risk > 0, tie * events / at_risk**2, 0.0))
