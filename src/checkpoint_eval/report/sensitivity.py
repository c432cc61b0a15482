"""The primary outcome again: in other analysis sets, among compliers, measured otherwise."""

from collections.abc import Iterator
from dataclasses import replace

from checkpoint_eval.design.protocol import Protocol
from checkpoint_eval.design.protocol_measures import MEASURES
from checkpoint_eval.design.protocol_parts import BUILT_IN_SETS
from checkpoint_eval.models.received import QUESTIONS
from checkpoint_eval.outcomes.episodes import Episodes
from checkpoint_eval.outcomes.observed import TimeToEvent
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.report.evaluation import Result
from checkpoint_eval.report.measuring import attempted
from checkpoint_eval.report.promises import Asked, Exploration, Plan, explored, usual_measures
from checkpoint_eval.results import Estimate, SignificanceTest

AS_RECEIVED = {
    "per-protocol": QUESTIONS["per protocol"],
    "as-treated": QUESTIONS["as treated"],
}


def sensitivity_results(trial: Trial, protocol: Protocol | None, plan: Plan) -> tuple[Result, ...]:
    """Return the leading estimate of the primary outcome, varied in one thing at a time."""
    asked = {_key(each) for each in plan.estimands}
    declared = {each.name for each in protocol.outcomes if each.sensitivity} if protocol else set()
    found: list[Result] = []
    for place, each in enumerate(_variations(trial, protocol, plan)):
        if _key(each) in asked:
            continue
        asked.add(_key(each))
        found += [
            Result(value=_as_what_it_is(value, planned=each.outcome in declared))
            for value in attempted(trial, each, plan=plan, place=len(plan.estimands) + place)
        ]
    return tuple(found)


def _key(asked: Asked) -> tuple[str, str, tuple[str, ...], str]:
    return asked.outcome, asked.measure, tuple(sorted(asked.adjust)), asked.analysis_set


def _variations(trial: Trial, protocol: Protocol | None, plan: Plan) -> Iterator[Exploration]:
    leading = plan.leading(trial)
    for name in trial.analysis_sets[1:]:
        if not (name in BUILT_IN_SETS and MEASURES[leading.measure].needs == "received"):
            yield explored(leading, analysis_set=name)
    yield from _of_treatment_received(trial, plan)
    if protocol is not None:  # else every usual measure of every outcome is a result
        yield from _measured_otherwise(trial, protocol, plan, leading)


def _of_treatment_received(trial: Trial, plan: Plan) -> Iterator[Exploration]:
    """Give the effect on compliers, and with navigators in the model."""
    observed = trial.outcome(plan.primary)
    if isinstance(observed, Episodes):
        return
    if trial.received.size:
        yield Exploration(outcome=plan.primary, measure="complier average effect")
    if plan.navigator and not isinstance(observed, TimeToEvent):
        yield Exploration(outcome=plan.primary, measure="partially nested difference")


def _measured_otherwise(
    trial: Trial, protocol: Protocol, plan: Plan, leading: Asked
) -> Iterator[Exploration]:
    """Give the other adjustment, the other usual measures and the other definitions."""
    if MEASURES[leading.measure].adjust == "may":
        yield explored(leading, adjust=() if leading.adjust else protocol.covariates)
    observed, graded = trial.outcome(plan.primary), plan.primary in plan.ordinal
    for measure in usual_measures(observed, graded=graded):
        if not MEASURES[measure].test:
            yield Exploration(outcome=plan.primary, measure=measure)
    for outcome in protocol.outcomes:
        if outcome.sensitivity:
            yield explored(leading, outcome=outcome.name)


def _as_what_it_is(
    value: Estimate | SignificanceTest, *, planned: bool
) -> Estimate | SignificanceTest:
    """Return a result that says when the people compared were not randomised to be compared."""
    warning = AS_RECEIVED.get(value.analysis_set)
    method = f"{value.method}; {warning}" if warning else value.method
    return replace(value, method=method, planned=planned)
