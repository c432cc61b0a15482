"""What departed from the promise, told in words and counted by arm."""

from collections.abc import Iterator, Sequence

import numpy as np

from checkpoint_eval._arrays import BoolArray
from checkpoint_eval.design.protocol import Protocol
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.report.evaluation import Deviation, Result
from checkpoint_eval.results import Estimate


def departures(
    trial: Trial,
    protocol: Protocol | None,
    results: Sequence[Result],
    sensitivity: Sequence[Result],
) -> Iterator[Deviation]:
    """Give each departure that the data show; without a protocol, those from the assignment."""
    yield from _counted(trial, protocol)
    if protocol is None:
        return
    for result in results:
        value = result.value
        if not value.estimable:
            reason = value.method.rpartition("not estimable: ")[2]
            yield Deviation(what="promised, not estimable", told=f"{_named(result)}: {reason}")
    beside = dict.fromkeys(_named(each) for each in sensitivity if not each.value.planned)
    if beside:
        yield Deviation(what="computed, not promised", told="; ".join(beside))
    declared = {outcome.name for outcome in protocol.outcomes}
    for name in trial.outcomes:
        if name not in declared:
            yield Deviation(
                what="observed, not promised", told=f"{name!r} is in the trial; nothing is computed"
            )


def not_done(what: str, problem: TrialError) -> Deviation:
    """Return why something that a report shows could not be computed."""
    return Deviation(what="not computed", told=f"{what}: {str(problem).removesuffix('.')}")


def _counted(trial: Trial, protocol: Protocol | None) -> Iterator[Deviation]:
    """Give what happened to people: another number, another arm, no outcome."""
    k, arm = len(trial.arms), trial.assignment.arm

    def of(what: str, told: str, here: BoolArray) -> Iterator[Deviation]:
        if here.any():
            counts = np.bincount(arm[here], minlength=k)
            yield Deviation(what=what, told=told, counts=tuple(counts.tolist()))

    planned = protocol.planning.people if protocol and protocol.planning else trial.n
    if planned != trial.n:
        yield Deviation(
            what="another number of people",
            told=f"{planned:,} were planned; those randomised are counted",
            counts=trial.assignment.counts,
        )
    if trial.received.size:
        unknown = trial.received < 0
        told = "people who received another arm than they were randomised to"
        yield from of("another arm received", told, (trial.received != arm) & ~unknown)
        told = "people of whom it is not known which arm they received"
        yield from of("arm received not known", told, unknown)
    for name, outcome in trial.outcomes.items():
        if protocol is None or name in (each.name for each in protocol.outcomes):
            yield from of("outcome missing", f"{name!r} is not known", outcome.missing)


def _named(result: Result) -> str:
    """Return what a result is of, without its numbers."""
    value = result.value
    name, adjusted = (
        (value.estimand, value.adjusted_for) if isinstance(value, Estimate) else (value.test, ())
    )
    given = f" adjusted for {', '.join(adjusted)}" if adjusted else ""
    within = "" if value.analysis_set == "itt" else f" ({value.analysis_set})"
    return f"{name} of {value.outcome!r}{given}{within}"
