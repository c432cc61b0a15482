"""What an evaluation computes: estimands, when each outcome is read, error rates."""

from dataclasses import dataclass, field, replace

import numpy as np

from checkpoint_eval.design.protocol import AnalysisPlan, Estimand, Protocol
from checkpoint_eval.design.protocol_measures import MEASURES
from checkpoint_eval.errors import InvalidProtocol, TrialError
from checkpoint_eval.outcomes.episodes import Episodes
from checkpoint_eval.outcomes.observed import (
    BinaryOutcome,
    CountOutcome,
    NumericOutcome,
    Observed,
    TimeToEvent,
)
from checkpoint_eval.outcomes.trial import Trial

GRADES = range(3, 11)  # how many whole numbers are taken as grades when nobody says what they are
_TIMED = (
    "hazard ratio",
    "log-rank test",
    "risk difference",
    "risk ratio",
    "restricted mean difference",
)
_COMPETING = ("cumulative incidence difference", "Gray's test")
_AMOUNT = (
    "mean difference",
    "trimmed mean difference",
    "superiority probability",
    "randomisation test (mean difference)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """One comparison nobody promised, as `Estimand` is one that was."""

    outcome: str
    measure: str
    adjust: tuple[str, ...] = ()
    analysis_set: str = "itt"
    confirmatory: bool = False


Asked = Estimand | Exploration


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to compute, and how each outcome is read.

    Attributes
    ----------
    primary : str
        The primary outcome; without a protocol the first.
    estimands : tuple of Estimand or Exploration
    time_points : dict of str to float
        Of outcomes with a clock.
    grades : dict of str to tuple of float
        Of ordinal outcomes whose grades are stated.
    ordinal : tuple of str
    navigator : str
    """

    primary: str
    estimands: tuple[Asked, ...]
    time_points: dict[str, float]
    analysis: AnalysisPlan
    grades: dict[str, tuple[float, ...]] = field(default_factory=dict)
    ordinal: tuple[str, ...] = ()
    navigator: str = ""

    @classmethod
    def promised(cls, trial: Trial, protocol: Protocol) -> "Plan":
        """Return what a protocol asks for, after a look whether it is about this trial."""
        _check_fit(trial, protocol)
        return cls(
            primary=protocol.primary.name,
            estimands=protocol.estimands,
            time_points={
                each.name: protocol.time_point(each.name)
                for each in protocol.outcomes
                if each.kind in ("time", "repeated")
            },
            analysis=protocol.analysis,
            grades={each.name: each.grades for each in protocol.outcomes if each.grades},
            ordinal=tuple(each.name for each in protocol.outcomes if each.ordinal),
            navigator=protocol.navigators.column if protocol.navigators else "",
        )

    @classmethod
    def exploratory(cls, trial: Trial) -> "Plan":
        """Return the usual measures of every outcome."""
        ends = {name: common_end(trial, name) for name in trial.outcomes}
        return cls(
            primary=next(iter(trial.outcomes)),
            estimands=tuple(
                Exploration(outcome=name, measure=measure)
                for name, outcome in trial.outcomes.items()
                for measure in usual_measures(outcome)
            ),
            time_points={name: end for name, end in ends.items() if end is not None},
            analysis=AnalysisPlan(),
        )

    @property
    def level(self) -> float:
        """Of every interval."""
        return 1 - self.analysis.alpha

    def leading(self, trial: Trial) -> Asked:
        """Return the estimate of the primary outcome that sensitivity analyses vary.

        The first confirmatory one of everyone as randomised, else the first; where the protocol
        asks for tests alone, the measure that is usual for such an outcome.
        """
        own = [
            each
            for each in self.estimands
            if (each.outcome, each.analysis_set) == (self.primary, "itt")
            and not MEASURES[each.measure].test
        ]
        usual = (
            Exploration(outcome=self.primary, measure=name)
            for name in usual_measures(
                trial.outcome(self.primary), graded=self.primary in self.ordinal
            )
            if not MEASURES[name].test
        )
        confirmatory = (each for each in own if each.confirmatory)
        return next(confirmatory, None) or next(iter(own), None) or next(usual)


def usual_measures(observed: Observed | Episodes, *, graded: bool = False) -> tuple[str, ...]:
    """Return the measures computed of an outcome that no protocol speaks of."""
    if isinstance(observed, TimeToEvent):
        return (*_TIMED, *(_COMPETING if observed.causes else ()))
    if isinstance(observed, Episodes):
        death = "with death " if observed.terminal.any() else ""
        return ("recurrent rate ratio", f"mean events {death}difference")
    if isinstance(observed, CountOutcome):
        return ("rate ratio",)
    if isinstance(observed, BinaryOutcome):
        return ("risk difference", "risk ratio", "odds ratio")
    return ("ordinal odds ratio", *_AMOUNT) if graded or _is_graded(observed) else _AMOUNT


def _is_graded(observed: NumericOutcome) -> bool:
    """Return whether few whole numbers occur, so that they may stand for grades."""
    found = np.unique(observed.value[~observed.missing])
    return found.size in GRADES and bool((found == np.floor(found)).all())


def common_end(trial: Trial, outcome: str) -> float | None:
    """Return the longest time that somebody of every arm was followed; None without a clock."""
    observed, arm = trial.outcome(outcome), trial.assignment.arm
    if isinstance(observed, TimeToEvent):
        known = ~observed.missing
        time, arm = observed.time[known], arm[known]
    elif isinstance(observed, Episodes):
        time, arm = observed.stop, arm[observed.person]
    else:
        return None
    return min(float(time[arm == code].max(initial=0.0)) for code in range(len(trial.arms)))


def explored(asked: Asked, **changes: object) -> Exploration:
    """Return an estimand as one that nobody promised, changed in what is named."""
    same = Exploration(
        outcome=asked.outcome,
        measure=asked.measure,
        adjust=asked.adjust,
        analysis_set=asked.analysis_set,
    )
    return replace(same, **changes)  # type: ignore[arg-type]


def _check_fit(trial: Trial, protocol: Protocol) -> None:
    """Refuse a protocol that is not about this trial."""
    names = tuple(arm.name for arm in protocol.arms)
    if names != trial.arms:
        raise InvalidProtocol(
            f"The protocol's arms are {names}, the trial's {trial.arms}; read the trial with "
            "`Trial.from_protocol`."
        )
    if protocol.allocation.strata != trial.assignment.stratified_by:
        raise InvalidProtocol(
            f"The protocol's strata are {protocol.allocation.strata}, the trial's "
            f"{trial.assignment.stratified_by}; read the trial with `Trial.from_protocol`."
        )
    _check_episodes(trial, protocol)
    try:
        for estimand in protocol.estimands:
            trial.arm_in(estimand.analysis_set)
        for name in _columns(protocol):
            trial.column(name)
        found = {each.name: trial.outcome(each.name) for each in protocol.outcomes}
    except TrialError as problem:
        raise InvalidProtocol(f"The protocol does not fit the trial: {problem}") from problem
    for name, observed in found.items():
        unit = protocol.outcome(name).unit or protocol.unit
        if not isinstance(observed, (BinaryOutcome, NumericOutcome)) and observed.unit != unit:
            raise InvalidProtocol(
                f"Outcome {name!r} is in {observed.unit} in the trial and in {unit} in the "
                "protocol; units are never converted."
            )
    held = trial.pathways.pathways if trial.pathways else ()
    asked = tuple(each.pathway for each in protocol.pathways.needs) if protocol.pathways else held
    if asked != held:
        raise InvalidProtocol(
            f"The protocol's pathways are {asked}, the trial's {held or 'not told'}; read the "
            "trial with `Trial.from_protocol`, or give it `pathways`."
        )


def _check_episodes(trial: Trial, protocol: Protocol) -> None:
    """Refuse a promise of repeated events that were never added to the trial."""
    for outcome in protocol.outcomes:
        if outcome.kind == "repeated" and outcome.name not in trial.outcomes:
            raise InvalidProtocol(
                f"Outcome {outcome.name!r} is of repeated events, which a people table does not "
                "hold; add it with `dataclasses.replace(trial, outcomes=...)`, from "
                "`reoffence_episodes` or, of a long table, `Episodes.from_frame`."
            )


def _columns(protocol: Protocol) -> list[str]:
    """Return the baseline columns that anything promised reads."""
    named = [name for estimand in protocol.estimands for name in estimand.adjust]
    named += [each.column for each in protocol.subgroups]
    named += list(protocol.pathways.adjust) if protocol.pathways else []
    named += [protocol.eras.column] if protocol.eras else []
    if protocol.navigators:
        named += [protocol.navigators.column]
        named += [protocol.navigators.contacts] if protocol.navigators.contacts else []
    return named
