"""Evaluating: from a trial and its protocol to every result that was promised."""

import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from importlib import metadata
from typing import Any

from checkpoint_eval._progress import watched
from checkpoint_eval.balance.baseline import baseline_table
from checkpoint_eval.balance.differences import standardised_differences
from checkpoint_eval.balance.omnibus import omnibus_balance
from checkpoint_eval.balance.participant_flow import flow
from checkpoint_eval.balance.ratio import sample_ratio_test
from checkpoint_eval.design.protocol import Estimand, Protocol
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.multiplicity import adjust_p_values
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.report.disclosure_amounts import amounts_of
from checkpoint_eval.report.evaluation import Evaluation, Result
from checkpoint_eval.report.evaluation_parts import parts_beside
from checkpoint_eval.report.measuring import attempted, computed, nobody_known
from checkpoint_eval.report.promises import Asked, Exploration, Plan
from checkpoint_eval.results import Estimate, SignificanceTest

PACKAGES = ("checkpoint-eval", "numpy", "scipy", "pandas", "statsmodels", "narwhals")

Progress = Callable[[Sequence[Any]], Iterable[Any]]


def evaluate(
    trial: Trial, protocol: Protocol | None = None, *, progress: Progress = watched
) -> Evaluation:
    """Compute everything the protocol promised.

    Parameters
    ----------
    trial : Trial
    protocol : Protocol, optional
        Default: the trial's own. Without any, a standard set of results is computed for each
        outcome and all of them are marked exploratory.
    progress : callable, optional
        Wraps the sequence of estimands, for example ``rich.progress.track``. Default: a bar after
        a second, where somebody can see it; ``iter`` for none.

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
    difference, risk ratio and odds ratio. Of amounts: the mean difference beside the trimmed one,
    the probability of superiority and a randomisation test of the means; the ordinal odds ratio
    before these where three to ten whole numbers occur.

    `sensitivity` takes the first confirmatory estimate of the primary outcome (without a protocol
    the first outcome's first) and varies it: in each other analysis set, without its covariates or
    with the protocol's, as the complier average effect, by the other measures usual for its kind,
    and of each outcome that the protocol marks as another definition. People compared by what they
    received were not randomised to be compared, and `method` says so. `subgroups` are of the same
    estimate, which columns that tell subgroups do not adjust. What nobody promised never stops an
    evaluation, nor does an outcome known of nobody in an arm: it is not estimable and says why, or
    stands in `deviations`.

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
    if promised is None and not trial.outcomes:
        raise TrialError(
            "The trial has no outcomes; name some in `times`, `binary`, `counts` or `numeric`."
        )
    # First, as it refuses a screening that does not reconcile.
    counts = flow(trial if promised is trial.protocol else replace(trial, protocol=promised))
    plan = Plan.promised(trial, promised) if promised is not None else Plan.exploratory(trial)
    found = [
        (estimand, value)
        for place, estimand in enumerate(progress(plan.estimands))
        for value in _named_values(trial, plan, estimand, place)
    ]
    results = _adjusted(
        [_result(promised, estimand, value) for estimand, value in found],
        plan.analysis.multiplicity,
    )
    tables = [
        standardised_differences(trial, arm=arm) for arm in trial.arms[1:] if trial.covariates
    ]
    return Evaluation(
        title=promised.title if promised else "a trial without a protocol",
        arms=trial.arms,
        protocol=promised,
        protocol_digest=promised.digest if promised else "",
        data_digest=trial.digest,
        level=plan.level,
        seed=plan.analysis.seed,
        versions=_versions(),
        flow=counts,
        baseline=baseline_table(trial),
        balance=tuple(tables),
        checks=_checks(trial, promised),
        results=tuple(results),
        **parts_beside(trial, promised, plan, results),
        amounts=amounts_of(
            trial, threshold=promised.pathways.threshold if promised and promised.pathways else 0.0
        ),
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
    trial: Trial, plan: Plan, asked: Asked, place: int
) -> list[Estimate | SignificanceTest]:
    """Return the results of one estimand; what was promised and cannot be asked is refused."""
    if isinstance(asked, Exploration) or nobody_known(trial, asked):
        return attempted(trial, asked, plan=plan, place=place)
    try:
        return computed(trial, asked, plan=plan, place=place)
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
