"""What an evaluation holds beside its results: bounds, integrity, pathways, harm, subgroups."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from checkpoint_eval._arrays import BoolArray
from checkpoint_eval.balance.integrity import Integrity, treatment_integrity
from checkpoint_eval.design.protocol import Protocol
from checkpoint_eval.errors import InvalidProtocol, TrialError
from checkpoint_eval.models.bounding import Method, attrition_bounds
from checkpoint_eval.models.bounds import Bounds
from checkpoint_eval.models.inequality import Inequality, harm_inequality
from checkpoint_eval.models.pathway_comparison import compare_pathways
from checkpoint_eval.models.pathway_results import PathwayComparison
from checkpoint_eval.models.subgroup_results import SubgroupEffects
from checkpoint_eval.models.subgroups import subgroup_effects
from checkpoint_eval.models.survival import survival_curve
from checkpoint_eval.outcomes.episodes import Episodes
from checkpoint_eval.outcomes.observed import (
    BinaryOutcome,
    NumericOutcome,
    Observed,
    TimeToEvent,
)
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.report.departures import departures, not_done
from checkpoint_eval.report.evaluation import Deviation, Result
from checkpoint_eval.report.measuring import answer
from checkpoint_eval.report.promises import Plan, explored
from checkpoint_eval.report.sensitivity import sensitivity_results
from checkpoint_eval.results import NAN, Curve, Estimate

Found = TypeVar("Found")
# The stream of chance of pathways, apart from those of estimands, which are counted from 0.
PATHWAYS = 1_000_000


def parts_beside(
    trial: Trial, protocol: Protocol | None, plan: Plan, results: Sequence[Result]
) -> dict[str, Any]:
    """Return the fields of an `Evaluation` beside its results."""
    failed: list[Deviation] = []
    arms: tuple[str | None, ...] = trial.arms[1:] if len(trial.arms) > 2 else (None,)
    sensitivity = sensitivity_results(trial, protocol, plan)
    parts = {
        "curves": tuple(_curves(trial, plan, failed)),
        "bounds": tuple(_bounds(trial, plan, arms)),
        "integrity": tuple(_integrity(trial, protocol, plan, failed)),
        "pathways": next(_pathways(trial, protocol, plan, failed), None),
        "inequality": tuple(_inequality(trial, plan, arms, failed)),
        "subgroups": tuple(_subgroups(trial, protocol, plan, arms)),
    }
    told = departures(trial, protocol, results, sensitivity)
    return parts | {"sensitivity": sensitivity, "deviations": (*told, *failed)}


def _tried(failed: list[Deviation], what: str, compute: Callable[[], Found]) -> Iterator[Found]:
    """Give what can be computed; of what cannot, note the reason."""
    try:
        yield compute()
    except TrialError as problem:
        failed.append(not_done(what, problem))


def _curves(trial: Trial, plan: Plan, failed: list[Deviation]) -> Iterator[Curve]:
    """Draw every time to an event that is known of somebody in each arm."""
    for name, observed in trial.outcomes.items():
        if isinstance(observed, TimeToEvent):
            curve = partial(survival_curve, trial, outcome=name, level=plan.level)
            yield from _tried(failed, f"curves of {name!r}", curve)


def _bounds(trial: Trial, plan: Plan, arms: Sequence[str | None]) -> Iterator[Bounds]:
    """Bound the effect on the primary outcome, where somebody's is not known."""
    observed, at = trial.outcome(plan.primary), plan.time_points.get(plan.primary)
    if isinstance(observed, Episodes):
        return
    if not (observed.missing | _censored(observed, at)).any():
        return
    share = isinstance(observed, (BinaryOutcome, TimeToEvent))
    methods: tuple[Method, ...] = ("manski", "lee") if share else ("lee", "horowitz-manski")
    bound = partial(attrition_bounds, trial, outcome=plan.primary, horizon=at, level=plan.level)
    for arm in arms:
        for method in methods:
            try:
                yield bound(method=method, arm=arm)
            except TrialError as problem:
                yield _no_bounds(trial, plan, arm or trial.arms[1], method, problem)


def _censored(observed: Observed, at: float | None) -> BoolArray:
    """Return (n,) who was not followed until the outcome is read."""
    if not isinstance(observed, TimeToEvent) or at is None:
        return np.zeros(observed.missing.size, dtype=bool)
    ended = observed.event | (observed.competing > 0 if observed.competing.size else False)
    return np.asarray((observed.time < at) & ~ended)


def _no_bounds(trial: Trial, plan: Plan, arm: str, method: str, problem: TrialError) -> Bounds:
    code, lost = trial.assignment.arm, trial.outcome(plan.primary).missing
    pair = [code == trial.arms.index(name) for name in (trial.arms[0], arm)]
    return Bounds(
        outcome=plan.primary,
        analysis_set="itt",
        contrast=(arm, trial.arms[0]),
        low=NAN,
        high=NAN,
        interval_low=NAN,
        interval_high=NAN,
        level=plan.level,
        method=f"{method}; not estimable: {str(problem).removesuffix('.')}",
        n=(int(pair[0].sum()), int(pair[1].sum())),
        missing=(int((pair[0] & lost).sum()), int((pair[1] & lost).sum())),
    )


def _integrity(
    trial: Trial, protocol: Protocol | None, plan: Plan, failed: list[Deviation]
) -> Iterator[Integrity]:
    """Count who received what they were assigned: overall, by era, by stratum."""
    if not trial.received.size:
        return
    eras = (protocol.eras.column,) if protocol and protocol.eras else ()
    contacts = protocol.navigators.contacts if protocol and protocol.navigators else ""
    groups = ((), eras, trial.assignment.stratified_by)
    for by in dict.fromkeys(groups):
        yield from _tried(
            failed,
            f"integrity by {', '.join(by)}",
            partial(treatment_integrity, trial, by=by, contacts=contacts or None, level=plan.level),
        )


def _pathways(
    trial: Trial, protocol: Protocol | None, plan: Plan, failed: list[Deviation]
) -> Iterator[PathwayComparison]:
    """Compare need on every pathway, as the protocol says or at the defaults."""
    if trial.pathways is None:
        return
    told: dict[str, Any] = {}
    promised = protocol.pathways if protocol else None
    if promised:
        told = {"threshold": promised.threshold, "adjust": promised.adjust}
    compare = partial(
        compare_pathways,
        trial,
        trial.pathways,
        rng=np.random.default_rng([plan.analysis.seed, PATHWAYS]),
        draws=plan.analysis.draws,
        level=plan.level,
        **told,
    )
    for found in _tried(failed, "pathways", compare):
        yield replace(found, planned=promised is not None)


def _inequality(
    trial: Trial, plan: Plan, arms: Sequence[str | None], failed: list[Deviation]
) -> Iterator[Inequality]:
    """Tell how unequally each amount of at least 0 is spread."""
    for name, observed in trial.outcomes.items():
        if not isinstance(observed, NumericOutcome) or name in plan.ordinal:
            continue
        if (observed.value[~observed.missing] < 0).any():
            continue
        for arm in arms:
            yield from _tried(
                failed,
                f"inequality of {name!r}",
                partial(harm_inequality, trial, outcome=name, level=plan.level, arm=arm),
            )


def _subgroups(
    trial: Trial, protocol: Protocol | None, plan: Plan, arms: Sequence[str | None]
) -> Iterator[SubgroupEffects]:
    """Take the leading estimate apart by the columns that the protocol names."""
    if protocol is None or not protocol.subgroups:
        return
    named = protocol.subgroups
    columns = tuple(each.column for each in named)
    leading = plan.leading(trial)
    # Within a level such a column is constant, so it cannot adjust.
    adjust = tuple(name for name in leading.adjust if name not in columns)
    asked = explored(leading, adjust=adjust)

    def effect(some: Trial, *, analysis_set: str, arm: str | None) -> Estimate:
        found: Estimate = answer(
            some, replace(asked, analysis_set=analysis_set), plan=plan, level=plan.level, arm=arm
        )
        return replace(found, planned=True)

    for arm in arms:
        try:
            yield subgroup_effects(
                trial,
                effect=partial(effect, arm=arm),
                by=columns,
                cuts={each.column: each.cuts for each in named if each.cuts},
                planned=tuple(each.column for each in named if each.planned),
                expected={each.column: each.expected for each in named if each.expected},
            )
        except TrialError as problem:
            raise InvalidProtocol(f"[[subgroups]]: {problem}", at=("subgroups",)) from problem
