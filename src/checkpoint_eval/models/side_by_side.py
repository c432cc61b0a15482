"""Repeated events compared in several ways at once: by calendar, at liberty, and with death."""

from typing import Any

from checkpoint_eval.models.mean_events import mean_cumulative_difference
from checkpoint_eval.models.recurrent import recurrent_hazard_ratio
from checkpoint_eval.models.terminal import terminal_mean_difference, while_alive_rate
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import Estimate


def events_side_by_side(
    trial: Trial,
    *,
    elapsed: str,
    at_liberty: str,
    at: float,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> tuple[Estimate, ...]:
    """Compare repeated events in the ways that published conclusions flip between.

    Parameters
    ----------
    trial : Trial
    elapsed : str
        Repeated events (`Episodes`) by the calendar, with `terminal`.
    at_liberty : str
        The same events in days at liberty, as `reoffence_episodes` has them with clock="street".
    at : float
        In the unit of both outcomes; within follow-up on both clocks.
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    tuple of Estimate
        Ratios all, below 1 for fewer events under treatment:

        - mean events by the calendar, had nobody died: what the policy does;
        - mean events by as many days at liberty, and the Andersen–Gill rate at liberty over all of
          follow-up: how people behave when they can offend;
        - mean events with none after death, and while alive: what is left of it with the dead
          counted as dead, and for the time they lived.

    Raises
    ------
    ImpossibleDesign
        When `at` is beyond the follow-up of an arm, on either clock.

    Notes
    -----
    None is stratified, so that rows differ only in their question. Before the outcome is opened,
    decide which is primary.

    References
    ----------
    As `mean_cumulative_difference`, `recurrent_hazard_ratio`, `terminal_mean` and
    `while_alive_rate`; it is they that are checked against other programs.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import Trial, generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> from checkpoint_eval.outcomes import reoffence_episodes
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> records, assignment = cohort.records(), cohort.assignment
    >>> outcomes = {
    ...     clock: reoffence_episodes(records, assignment, clock=clock, terminal=["death"])
    ...     for clock in ("elapsed", "street")
    ... }
    >>> trial = Trial(assignment=assignment, outcomes=outcomes)
    >>> for each in events_side_by_side(trial, elapsed="elapsed", at_liberty="street", at=180):
    ...     print(each.estimand, round(each.value, 3))
    mean events ratio 1.106
    mean events ratio 1.118
    rate ratio 1.125
    mean events with death ratio 1.113
    while-alive rate ratio 1.106
    """
    told: dict[str, Any] = {"level": level, "analysis_set": analysis_set, "arm": arm}
    return (
        mean_cumulative_difference(trial, outcome=elapsed, at=at, measure="ratio", **told),
        mean_cumulative_difference(trial, outcome=at_liberty, at=at, measure="ratio", **told),
        recurrent_hazard_ratio(trial, outcome=at_liberty, strata=(), **told),
        terminal_mean_difference(trial, outcome=elapsed, at=at, measure="ratio", **told),
        while_alive_rate(trial, outcome=elapsed, horizon=at, **told),
    )
