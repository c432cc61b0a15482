"""Evaluating: from a trial and its protocol to every result that was promised."""

import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any

from checkpoint_eval.balance.baseline import baseline_table
from checkpoint_eval.balance.differences import standardised_differences
from checkpoint_eval.balance.omnibus import omnibus_balance
from checkpoint_eval.balance.participant_flow import flow
from checkpoint_eval.balance.ratio import sample_ratio_test
from checkpoint_eval.design.protocol import AnalysisPlan, Estimand, Protocol
from checkpoint_eval.errors import InvalidProtocol, TrialError
from checkpoint_eval.models.multiplicity import adjust_p_values
from checkpoint_eval.models.survival import survival_curve
from checkpoint_eval.outcomes.episodes import Episodes
from checkpoint_eval.outcomes.observed import TimeToEvent
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.report.evaluation import Evaluation, Result
from checkpoint_eval.report.measuring import (
    Asked,
    Exploration,
    common_end,
    computed,
    usual_measures,
)
from checkpoint_eval.results import Estimate, SignificanceTest

PACKAGES = ("checkpoint-eval", "numpy", "scipy", "pandas", "statsmodels", "narwhals")

Progress = Callable[[Sequence[Any]], Iterable[Any]]


def evaluate(
    trial: Trial, protocol: Protocol | None = None, *, progress: Progress = iter
) -> Evaluation:
    """Compute everything the protocol promised.

    Parameters
    ----------
    trial : Trial
    protocol : Protocol, optional
        Default: the trial's own. Without any, a standard set of results is computed for each
        outcome and all of them are marked exploratory.
    progress : callable, optional
        Wraps the sequence of estimands, for example ``tqdm.tqdm`` or ``rich.progress.track``.

    Returns
    -------
    Evaluation

    Raises
    ------
    InvalidProtocol
        When the protocol names an outcome, unit, arm, set or covariate the trial does not have.
    TrialError
        When a promised result cannot be asked of these data, such as a horizon beyond follow-up.
        What merely cannot be estimated is a result that says so.

    Notes
    -----
    With several treatment arms each is compared with control. Chance comes from the protocol's
    seed: the same protocol and data give the same evaluation on any machine.

    Without a protocol, of times: hazard ratio, log-rank test, and risks and restricted means as far
    as every arm was followed; cumulative incidence and Gray's test where causes compete. Of
    repeated events: the rate ratio (Andersen-Gill) and the difference in mean events, given death
    where that is known. Of counts: the rate ratio (negative binomial). Of yes or no: risk
    difference, risk ratio and odds ratio. Of numbers: a randomisation test of the means.

    References
    ----------
    CONSORT 2025 (Hopewell et al., BMJ 2025;388:e081123), items 21, 22, 25 and 26. Adjusted
    p-values: Holm (1979), Hochberg (1988), Hommel (1988), computed by statsmodels and checked
    against R p.adjust.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> evaluate(load_rossi()).results[0].value.estimand
    'hazard ratio'
    """
    check_trial(trial)
    promised = protocol if protocol is not None else trial.protocol
    if not trial.outcomes:
        raise TrialError(
            "The trial has no outcomes; name some in `times`, `binary`, `counts` or `numeric`."
        )
    # First, as it refuses a screening that does not reconcile.
    counts = flow(trial if promised is trial.protocol else replace(trial, protocol=promised))
    plan = _Plan.promised(trial, promised) if promised is not None else _Plan.exploratory(trial)
    found = [
        (estimand, value)
        for place, estimand in enumerate(progress(plan.estimands))
        for value in _named_values(trial, plan, estimand, place)
    ]
    results = _adjusted(
        [_result(promised, estimand, value) for estimand, value in found],
        plan.analysis.multiplicity,
    )
    timed = [name for name, each in trial.outcomes.items() if isinstance(each, TimeToEvent)]
    treatments = trial.arms[1:]
    tables = [standardised_differences(trial, arm=arm) for arm in treatments if trial.covariates]
    return Evaluation(
        title=promised.title if promised else "a trial without a protocol",
        arms=trial.arms,
        protocol=promised,
        protocol_digest=promised.digest if promised else "",
        data_digest=trial.digest,
        level=1 - plan.analysis.alpha,
        seed=plan.analysis.seed,
        versions=_versions(),
        flow=counts,
        baseline=baseline_table(trial),
        balance=tuple(tables),
        checks=_checks(trial, promised),
        curves=tuple(
            survival_curve(trial, outcome=name, level=1 - plan.analysis.alpha) for name in timed
        ),
        results=tuple(results),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What to compute: estimands, when outcomes are read, error rates."""

    estimands: tuple[Asked, ...]
    time_points: dict[str, float]
    analysis: AnalysisPlan

    @classmethod
    def promised(cls, trial: Trial, protocol: Protocol) -> "_Plan":
        _check_fit(trial, protocol)
        return cls(
            estimands=protocol.estimands,
            time_points={each.name: protocol.time_point(each.name) for each in protocol.outcomes},
            analysis=protocol.analysis,
        )

    @classmethod
    def exploratory(cls, trial: Trial) -> "_Plan":
        ends = {name: common_end(trial, name) for name in trial.outcomes}
        return cls(
            estimands=tuple(
                Exploration(outcome=name, measure=measure)
                for name, outcome in trial.outcomes.items()
                for measure in usual_measures(outcome)
            ),
            time_points={name: end for name, end in ends.items() if end is not None},
            analysis=AnalysisPlan(),
        )


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
    try:
        found = {outcome.name: trial.outcome(outcome.name) for outcome in protocol.outcomes}
        for estimand in protocol.estimands:
            trial.arm_in(estimand.analysis_set)
            for name in estimand.adjust:
                trial.column(name)
    except TrialError as problem:
        raise InvalidProtocol(f"The protocol does not fit the trial: {problem}") from problem
    for outcome, observed in found.items():
        if isinstance(observed, TimeToEvent) and observed.unit != protocol.unit:
            raise InvalidProtocol(
                f"Outcome {outcome!r} is in {observed.unit} in the trial and in {protocol.unit} in "
                "the protocol; units are never converted."
            )


def _result(promised: Protocol | None, asked: Asked, value: Estimate | SignificanceTest) -> Result:
    """Return a result with its standing, and how it takes intercurrent events."""
    events = promised.strategies(asked) if promised and isinstance(asked, Estimand) else ()
    told = replace(
        value,
        planned=promised is not None,
        intercurrent=tuple((each.event, each.strategy) for each in events),
    )
    return Result(value=told, confirmatory=asked.confirmatory)


def _named_values(
    trial: Trial, plan: _Plan, asked: Asked, place: int
) -> list[Estimate | SignificanceTest]:
    """Return the results of one estimand, or a refusal that says which estimand it is."""
    try:
        timed = isinstance(trial.outcome(asked.outcome), (TimeToEvent, Episodes))
        at = plan.time_points[asked.outcome] if timed else None
        return computed(trial, asked, at=at, plan=plan.analysis, place=place)
    except TrialError as problem:
        which = f"estimands[{place}], {asked.measure} of {asked.outcome!r}"
        raise type(problem)(f"{which}: {problem}") from problem


def _adjusted(results: list[Result], method: str) -> list[Result]:
    """Adjust the confirmatory p-values as one family."""
    family = [place for place, result in enumerate(results) if result.confirmatory]
    if method == "none" or not family:
        return results
    adjusted = adjust_p_values([results[place].value.p_value for place in family], method=method)
    raised = dict(zip(family, adjusted.tolist(), strict=True))
    return [
        replace(result, p_adjusted=raised[place]) if place in raised else result
        for place, result in enumerate(results)
    ]


def _checks(trial: Trial, protocol: Protocol | None) -> tuple[SignificanceTest, ...]:
    ratio = protocol.allocation.ratio if protocol else None
    tests = [sample_ratio_test(trial, ratio=ratio)]
    if set(trial.covariates) - set(trial.assignment.stratified_by):
        tests.append(omnibus_balance(trial))
    return tuple(replace(test, planned=protocol is not None) for test in tests)


def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {
        name: metadata.version(name) for name in PACKAGES
    }
