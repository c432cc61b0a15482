"""Who is compared: the people of an analysis set whose outcome is known, by arm and stratum."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import NO_CODES, NO_FLAGS, BoolArray, FloatArray, IntArray
from checkpoint_eval._checks import as_names, check_known
from checkpoint_eval._display import Shown, columns_frame, named
from checkpoint_eval._memory import remembered
from checkpoint_eval._times import nearest_tie
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models.event_tables import EventTable, event_table
from checkpoint_eval.outcomes.baseline import Covariate, crossed
from checkpoint_eval.outcomes.episodes import Episodes
from checkpoint_eval.outcomes.observed import (
    BinaryOutcome,
    CountOutcome,
    NumericOutcome,
    Observed,
    TimeToEvent,
)
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.results import NAN, Estimate

# The outcomes a verb can read, by what it asks for.
READ: dict[str, tuple[type, ...]] = {
    "time": (TimeToEvent,),
    "event": (TimeToEvent, BinaryOutcome),
    "episodes": (Episodes,),
    "count": (CountOutcome,),
}
# What each outcome is, and the verbs for it.
VERBS: dict[type, tuple[str, str]] = {
    TimeToEvent: ("a time to an event", "`hazard_ratio` or `restricted_mean`"),
    BinaryOutcome: ("binary", "`risk_difference`, `risk_ratio` or `odds_ratio`"),
    CountOutcome: ("a count over a time at risk", "`rate_ratio`"),
    NumericOutcome: ("a number for each person", "`mean_difference`"),
    Episodes: ("of repeated events", "`recurrent_hazard_ratio` or `mean_cumulative_function`"),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True, repr=False)
class Compared(Shown):
    """The n people one result is about.

    Attributes
    ----------
    outcome, analysis_set, unit : str
    arms : (k,) str
        The arms compared, control first.
    people : (n,) int
        Their places in the trial.
    arm : (n,) int
        Arm codes into `arms`.
    time : (n,) float
        Time to event or end of follow-up; empty for a binary outcome.
    event : (n,) bool
        The event, or the binary outcome; empty for a numeric outcome.
    value : (n,) float
        The number of a numeric outcome, or the events counted; otherwise empty.
    exposure : (n,) float
        The time at risk of a count; otherwise empty.
    missing : (k,) int
        People of the set left out by arm, as outcome or covariates are unknown.
    """

    outcome: str
    analysis_set: str
    unit: str
    arms: tuple[str, ...]
    people: IntArray
    arm: IntArray
    time: FloatArray
    event: BoolArray
    missing: tuple[int, ...]
    value: FloatArray = field(default_factory=lambda: np.zeros(0))
    exposure: FloatArray = field(default_factory=lambda: np.zeros(0))

    def table(self) -> EventTable:
        """Return the event table by arm: (k, m)."""
        return _table_of(self)

    def table_by_stratum(self, stratum: IntArray | None) -> EventTable:
        """Return the event table by stratum and arm: (s, k, m); one stratum for None."""
        k = len(self.arms)
        flat = self.table()
        s = 1
        if stratum is not None:
            s = int(stratum.max(initial=0)) + 1
            flat = event_table(self.time, self.event, stratum * k + self.arm, groups=s * k)
        shape = (s, k, flat.time.size)
        return EventTable(
            time=flat.time,
            at_risk=flat.at_risk.reshape(shape),
            events=flat.events.reshape(shape),
        )

    @property
    def n(self) -> tuple[int, ...]:
        """People analysed by arm."""
        if not self.time.size:
            return _counts(self.arm, len(self.arms))
        return tuple(int(count) for count in self.table().at_risk[:, 0])  # all, at the first time

    def events(self, until: float = np.inf) -> tuple[int, ...]:
        """Events by arm, up to a time and the times that tie with it."""
        if self.exposure.size:
            counts = np.bincount(self.arm, weights=self.value, minlength=len(self.arms))
            return tuple(int(count) for count in counts)
        if self.value.size:
            return ()
        if not self.time.size:
            return _counts(self.arm[self.event], len(self.arms))
        table = self.table()
        reached = table.time <= nearest_tie(until, table.time)
        return tuple(int(count) for count in table.events[:, reached].sum(axis=1))

    def event_by(self, horizon: float) -> BoolArray:
        """Return (n,) whether the event happened by a time, or one that ties with it."""
        return self.event & (self.time <= nearest_tie(horizon, self.time))

    def censored_before(self, horizon: float) -> int:
        """Return how many people's status at a time is unknown."""
        return int(((self.time < nearest_tie(horizon, self.time)) & ~self.event).sum())

    def labels(self, until: float = np.inf) -> dict[str, Any]:
        """Return the fields of an Estimate that say who was compared."""
        n, events = self.n, self.events(until)
        return {
            "outcome": self.outcome,
            "analysis_set": self.analysis_set,
            "contrast": (self.arms[1], self.arms[0]),
            "n": (n[0], n[1]),
            "events": events[:2],
            "missing": (self.missing[0], self.missing[1]),
            "unit": self.unit,
        }

    def columns(self, trial: Trial, names: Sequence[str]) -> tuple[Covariate, ...]:
        """Return baseline columns of the people compared."""
        return tuple(
            Covariate(name=name, values=column.values[self.people], levels=column.levels)
            for name, column in ((name, trial.column(name)) for name in names)
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person: place in the trial, arm, and what the outcome has."""
        frame = columns_frame(self, "people", "arm", "time", "event", "value", "exposure")
        return frame.assign(arm=named(self.arm, self.arms))


@remembered
def _table_of(people: Compared) -> EventTable:
    return event_table(people.time, people.event, people.arm, groups=len(people.arms))


def _counts(codes: IntArray, groups: int) -> tuple[int, ...]:
    return tuple(int(np.count_nonzero(codes == code)) for code in range(groups))


def compare(
    trial: Trial,
    *,
    outcome: str,
    analysis_set: str = "itt",
    kind: Literal["time", "event", "episodes", "count", "any"] = "event",
    arm: str | None = None,
    every_arm: bool = False,
    complete: Sequence[str] = (),
) -> Compared:
    """Pick the people of an analysis set whose outcome, and `complete` columns, are known.

    Parameters
    ----------
    trial : Trial
    outcome : str
    analysis_set : str
    kind : {"time", "event", "episodes", "count", "any"}
        What the outcome may be: a time to an event; that or a yes or no; repeated events; a count
        over a time at risk; or anything.
    arm : str, optional
        Which treatment arm is compared with control, when there are several.
    every_arm : bool
        Whether to compare all arms, as `arm` then does not say.
    complete : sequence of str
        Baseline columns that must be known too, such as covariates.

    Returns
    -------
    Compared
        Codes 0 control and 1 treatment, or those of the trial with `every_arm`; whoever is left
        out is counted in `missing`.

    Raises
    ------
    UnknownColumn
        For an outcome, set, arm or column that the trial does not have.
    TrialError
        When the outcome is of the wrong kind, or it is unclear which arms are compared.
    ImpossibleDesign
        When an arm has nobody left.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> people = compare(load_rossi(), outcome="rearrest")
    >>> people.arms, people.n
    (('no aid', 'financial aid'), (216, 216))
    """
    check_trial(trial)
    _check_kind(outcome, trial.outcome(outcome), kind)
    if not isinstance(analysis_set, str):  # what is remembered must be hashable
        check_known(analysis_set, trial.analysis_sets, what="analysis set")
    if every_arm or (len(trial.arms) == 2 and arm is None):
        return _compared(trial, outcome, analysis_set, None, tuple(complete))
    return _compared(trial, outcome, analysis_set, _treatment(trial, arm), tuple(complete))


@remembered
def _compared(
    trial: Trial, outcome: str, analysis_set: str, arm: str | None, complete: tuple[str, ...]
) -> Compared:
    """Compare every arm, or one treatment arm with control."""
    observed = trial.outcome(outcome)
    code = trial.arm_in(analysis_set)
    arms = trial.arms
    if arm is not None:
        code, arms = _pair(trial, code, arm)
    usable = ~observed.missing
    for name in complete:
        usable = usable & ~trial.column(name).missing
    members = code >= 0
    chosen = members & usable
    everyone = bool(chosen.all())
    people = np.arange(trial.n) if everyone else np.flatnonzero(chosen)
    left_out = NO_CODES if everyone else code[members & ~chosen]
    missing = np.bincount(left_out, minlength=len(arms))
    # When nobody is left out the trial's own read-only arrays serve as they are.
    who = slice(None) if everyone else people
    compared = Compared(
        outcome=outcome,
        analysis_set=analysis_set,
        unit="" if isinstance(observed, (BinaryOutcome, NumericOutcome)) else observed.unit,
        arms=arms,
        people=people,
        arm=code[who],
        missing=tuple(int(count) for count in missing),
        **_measurements(observed, who),
    )
    for name, count in zip(arms, compared.n, strict=True):
        if count == 0:
            raise ImpossibleDesign(
                f"Arm {name!r} has nobody with a known {outcome!r} in analysis set "
                f"{analysis_set!r}; a comparison needs people in every arm."
            )
    return compared


def _measurements(observed: Observed | Episodes, who: IntArray | slice) -> dict[str, Any]:
    """Return the fields of `Compared` that hold what was observed."""
    if isinstance(observed, TimeToEvent):
        return {"time": observed.time[who], "event": observed.event[who]}
    if isinstance(observed, BinaryOutcome):
        return {"time": np.zeros(0), "event": observed.value[who]}
    if isinstance(observed, Episodes):
        counts = observed.counts.astype(np.float64)
        return {"time": np.zeros(0), "event": NO_FLAGS, "value": counts[who]}
    number = {"time": np.zeros(0), "event": NO_FLAGS, "value": observed.value[who]}
    if isinstance(observed, CountOutcome):
        counts = observed.value.astype(np.float64)
        return number | {"value": counts[who], "exposure": observed.exposure[who]}
    return number


def _check_kind(name: str, observed: Observed | Episodes, kind: str) -> None:
    """Refuse an outcome that a verb cannot read, and name the verbs that can."""
    if kind == "any" or isinstance(observed, READ[kind]):
        return
    what, verbs = VERBS[type(observed)]
    if kind == "episodes":
        raise TrialError(
            f"Outcome {name!r} is not of repeated events; derive it with `reoffence_episodes`, "
            f"give `Episodes`, or, as it is {what}, use {verbs}."
        )
    if kind == "count":
        raise TrialError(
            f"Outcome {name!r} is not a count over a time at risk; read it with `counts`, derive "
            f"it with `reoffence_counts`, give `CountOutcome`, or, as it is {what}, use {verbs}."
        )
    if isinstance(observed, BinaryOutcome):
        raise TrialError(
            f"Outcome {name!r} is binary; a time-to-event outcome is needed. Use {verbs} instead."
        )
    raise TrialError(f"Outcome {name!r} is {what}; use {verbs}.")


def _treatment(trial: Trial, arm: str | None) -> str:
    """Return which treatment arm is compared with control; with several, it must be named."""
    if arm is None:
        raise TrialError(
            f"The trial has {len(trial.arms)} arms; name the one to compare with "
            f"{trial.arms[0]!r} in `arm`: {', '.join(map(repr, trial.arms[1:]))}."
        )
    return check_known(arm, trial.arms[1:], what="treatment arm")


def _pair(trial: Trial, code: IntArray, arm: str) -> tuple[IntArray, tuple[str, str]]:
    """Keep control and one treatment arm, recoded 0 and 1."""
    chosen = trial.arms.index(arm)
    return (
        np.where(code == chosen, 1, np.where(code == 0, 0, -1)),
        (trial.arms[0], arm),
    )


def strata_of(
    trial: Trial, people: Compared, strata: str | Sequence[str] | None
) -> tuple[IntArray | None, str]:
    """Return (n,) stratum codes of the people compared, or None, and how the method tells them.

    As `strata`, None means the strata of the randomisation; an empty sequence means none at all.
    """
    names = trial.assignment.stratified_by if strata is None else as_names(strata)
    if not names:
        return None, "unstratified" if trial.assignment.stratified_by else ""
    if strata is None:
        codes = trial.assignment.stratum[people.people]
    else:
        codes, _ = crossed(people.columns(trial, names))
    told = f"stratified by {', '.join(names)}"
    k = len(people.arms)
    cells = np.bincount(codes * k + people.arm, minlength=(int(codes.max()) + 1) * k).reshape(-1, k)
    alone = int(((cells > 0).sum(axis=1) == 1).sum())
    if alone:
        told += f" ({alone} of {len(cells)} strata hold one arm only and compare nothing)"
    return codes, told


def not_estimable(
    people: Compared,
    *,
    estimand: str,
    scale: Literal["difference", "ratio"],
    level: float,
    method: str,
    reason: str,
    time_point: float = NAN,
    adjusted_for: tuple[str, ...] = (),
) -> Estimate:
    """Return the estimate that says why there is none."""
    return Estimate(
        estimand=estimand,
        scale=scale,
        value=NAN,
        low=NAN,
        high=NAN,
        level=level,
        p_value=NAN,
        method=f"{method}; not estimable: {reason}",
        time_point=time_point,
        adjusted_for=adjusted_for,
        **people.labels(time_point if time_point == time_point else np.inf),
    )
