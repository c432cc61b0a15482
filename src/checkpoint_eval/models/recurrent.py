"""Repeated events: Cox models that count every one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray
from checkpoint_eval._checks import as_names, check_choice, check_level
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models.compared import Compared, compare, strata_of
from checkpoint_eval.models.cox_models import refuse_constant, refuse_repeated
from checkpoint_eval.models.design_matrix import design_matrix
from checkpoint_eval.models.partial_likelihood import Ties, cox_regression
from checkpoint_eval.models.risk_sets import RiskSets
from checkpoint_eval.models.wald import wald_log_ratio
from checkpoint_eval.outcomes.episodes import Episodes
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate

Method = Literal["andersen-gill", "pwp-total", "pwp-gap", "wlw"]
NO_ERROR = 1e-9  # a standard error below this is rounding
TOLD = {
    "andersen-gill": "Andersen–Gill",
    "pwp-total": "Prentice–Williams–Peterson, total time",
    "pwp-gap": "Prentice–Williams–Peterson, gap time",
    "wlw": "Wei–Lin–Weissfeld",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Intervals at risk of the people compared.

    Attributes
    ----------
    person : (m,) int
        Place among the people compared; in order, and by time within each.
    start, stop : (m,) float
    event : (m,) bool
    """

    person: IntArray
    start: FloatArray
    stop: FloatArray
    event: BoolArray


def rows_of(trial: Trial, people: Compared) -> Rows:
    """Return the intervals of the people compared, sorted."""
    episodes = trial.outcome(people.outcome)
    if not isinstance(episodes, Episodes):
        raise TrialError(
            f"Outcome {people.outcome!r} is not of repeated events; `reoffence_episodes` reads "
            "those, and `hazard_ratio` compares times to a first event."
        )
    place = np.full(trial.n, -1)
    place[people.people] = np.arange(people.people.size)
    own = place[episodes.person]
    order = np.lexsort((episodes.start, own))
    order = order[own[order] >= 0]
    if not order.size:
        raise ImpossibleDesign(f"Nobody compared has an interval at risk of {people.outcome!r}.")
    return Rows(
        person=own[order],
        start=episodes.start[order],
        stop=episodes.stop[order],
        event=episodes.event[order],
    )


def earlier_events(rows: Rows) -> IntArray:
    """Return (m,) how many events each person had before each interval."""
    total: IntArray = np.cumsum(rows.event) - rows.event
    first = np.concatenate([[True], rows.person[1:] != rows.person[:-1]])
    return np.asarray(
        total - total[np.maximum.accumulate(np.where(first, np.arange(total.size), 0))]
    )


def recurrent_hazard_ratio(
    trial: Trial,
    *,
    outcome: str,
    method: Method = "andersen-gill",
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = None,
    ties: Ties = "efron",
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Compare how often events happen under treatment and control, every event counted.

    Parameters
    ----------
    trial : Trial
    outcome : str
        Repeated events (`Episodes`).
    method : {"andersen-gill", "pwp-total", "pwp-gap", "wlw"}
        "andersen-gill": the rate of all events (LWYY with the robust variance used here).
        "pwp-total", "pwp-gap": each further event among those who had the ones before, since
        randomisation or since the last. "wlw": each event since randomisation, everyone at risk of
        all.
    adjust, strata, ties, analysis_set, arm
        As in `hazard_ratio`.
    level : float

    Returns
    -------
    Estimate
        Scale "ratio"; `std_error` of the log, robust, by person.

    Raises
    ------
    TrialError
        When the outcome is not of repeated events.

    Notes
    -----
    "andersen-gill" keeps the comparison of randomisation. The conditional models compare, from
    the second event on, people selected by what treatment did to them before. Gaps in a person's
    intervals, such as custody, are not at risk; gap time runs on through them from the last event.

    References
    ----------
    Andersen and Gill (1982); Lin, Wei, Yang and Ying (2000); Prentice, Williams and Peterson
    (1981); Wei, Lin and Weissfeld (1989). Checked against R coxph on bladder2.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import Assignment, Trial
    >>> from checkpoint_eval.outcomes import Episodes
    >>> seen = Episodes(
    ...     person=[0, 0, 1, 2, 2, 2, 3], start=[0, 4, 0, 0, 6, 8, 0],
    ...     stop=[4, 9, 9, 6, 8, 9, 9], event=[1, 0, 1, 1, 1, 0, 0], people=4,
    ... )
    >>> arms = Assignment(arm=[0, 1, 0, 1], arms=("court", "contract"), stratum=[0] * 4)
    >>> trial = Trial(assignment=arms, outcomes={"arrests": seen})
    >>> recurrent_hazard_ratio(trial, outcome="arrests").value < 1
    True
    """
    check_level(level)
    check_choice(method, "method", TOLD)
    check_choice(ties, "ties", ("efron", "breslow"))
    names = as_names(adjust)
    refuse_repeated(names, as_names(() if strata is None else strata))
    people = compare(
        trial, outcome=outcome, analysis_set=analysis_set, kind="episodes", arm=arm, complete=names
    )
    matrix = design_matrix(trial, people, names)
    stratum, told = strata_of(trial, people, strata)
    rows = rows_of(trial, people)
    laid = _laid_out(rows, method)
    group = laid.group
    if stratum is not None:
        group = group * (int(stratum.max(initial=0)) + 1) + stratum[laid.person]
    coef, error, reason = _fitted(laid, group, matrix.values, matrix.terms, ties)
    covariates = f"adjusted for {', '.join(names)}" if names else ""
    parts = (TOLD[method], f"{ties.capitalize()} ties", told, covariates, "sandwich by person")
    found = wald_log_ratio(
        people,
        estimand="rate ratio" if method == "andersen-gill" else "recurrent hazard ratio",
        log_ratio=coef,
        std_error=error,
        level=level,
        method="; ".join(part for part in parts if part),
        reason=reason,
        adjusted_for=names,
    )
    return with_events(found, people, rows)


def _fitted(
    laid: "_Laid", group: IntArray, covariates: FloatArray, terms: tuple[str, ...], ties: Ties
) -> tuple[float, float, str]:
    """Return the treatment's log ratio, its robust standard error, and why there is none."""
    if not laid.event.any():
        return NAN, NAN, "no events"
    sets = RiskSets.of(
        covariates[laid.person],
        laid.stop,
        laid.event,
        entry=laid.start,
        stratum=np.unique(group, return_inverse=True)[1].reshape(-1),
        cluster=laid.person,
    )
    refuse_constant(sets, terms, arms=1)
    result = cox_regression(sets, ties=ties, robust=True)
    if result.infinite[0] or result.robust is None:
        return NAN, NAN, "the partial likelihood has no finite maximum"
    error = float(np.sqrt(result.robust[0, 0]))
    if error < NO_ERROR:
        return NAN, NAN, "people do not vary within the arms, so there is no variance by person"
    return float(result.coef[0]), error, ""


def with_events(found: Estimate, people: Compared, rows: Rows, until: float = np.inf) -> Estimate:
    """Return an estimate with the events of both arms counted, up to a time."""
    arm = people.arm[rows.person[rows.event & (rows.stop <= until)]]
    events = tuple(int((arm == code).sum()) for code in range(2))
    return replace(found, events=events)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Laid:
    person: IntArray
    start: FloatArray
    stop: FloatArray
    event: BoolArray
    group: IntArray


def _laid_out(rows: Rows, method: str) -> _Laid:
    """Return rows as each model has them: on which clock, and in which stratum."""
    number = earlier_events(rows)
    start, stop, group = rows.start, rows.stop, np.zeros(rows.person.size, dtype=np.int64)
    if method == "wlw":
        return _marginal(rows)
    if method != "andersen-gill":
        group = number
    if method == "pwp-gap":
        # the clock starts anew at each event
        first = np.concatenate([[True], (rows.person[1:] != rows.person[:-1]) | rows.event[:-1]])
        began = np.maximum.accumulate(np.where(first, np.arange(first.size), 0))
        since = np.where(number > 0, np.concatenate([[0.0], rows.stop[:-1]])[began], 0.0)
        start, stop = rows.start - since, rows.stop - since
    return _Laid(person=rows.person, start=start, stop=stop, event=rows.event, group=group)


def _marginal(rows: Rows) -> _Laid:
    """Return, for each event number, the intervals at risk of it: all up to that event."""
    number = earlier_events(rows)
    most = int(number[rows.event].max(initial=-1)) + 1
    row, wanted = np.nonzero(number[:, None] <= np.arange(most))
    return _Laid(
        person=rows.person[row],
        start=rows.start[row],
        stop=rows.stop[row],
        event=rows.event[row] & (number[row] == wanted),
        group=wanted,
    )
