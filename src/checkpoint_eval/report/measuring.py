"""Which verb computes each measure that a protocol may name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from checkpoint_eval.design.protocol_measures import MEASURES
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.adjusted_logrank import adjusted_logrank_test, marginal_hazard_ratio
from checkpoint_eval.models.complier import complier_average_effect
from checkpoint_eval.models.cox import hazard_ratio
from checkpoint_eval.models.gray import gray_test
from checkpoint_eval.models.incidence import incidence_difference
from checkpoint_eval.models.maxcombo import maxcombo_test
from checkpoint_eval.models.mean_events import mean_cumulative_difference
from checkpoint_eval.models.means import mean_difference
from checkpoint_eval.models.navigators import partially_nested_difference
from checkpoint_eval.models.ordinal import ordinal_odds_ratio
from checkpoint_eval.models.rates import rate_ratio
from checkpoint_eval.models.recurrent import recurrent_hazard_ratio
from checkpoint_eval.models.rerandomise import randomisation_test
from checkpoint_eval.models.restricted_means import restricted_mean
from checkpoint_eval.models.risk import odds_ratio, risk_difference, risk_ratio
from checkpoint_eval.models.skewed import superiority_probability, trimmed_mean_difference
from checkpoint_eval.models.subdistribution import subdistribution_hazard_ratio
from checkpoint_eval.models.survival_differences import survival_difference
from checkpoint_eval.models.terminal import terminal_mean_difference, while_alive_rate
from checkpoint_eval.models.weighted_logrank import logrank_test
from checkpoint_eval.models.wins import win_ratio
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.report.promises import Asked, Plan
from checkpoint_eval.results import NAN, Estimate, SignificanceTest


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A function that computes a measure, what it calls time and outcome, and what it is told."""

    call: Callable[..., Any]
    at: str = "horizon"
    outcome: str = "outcome"
    told: Mapping[str, str] = field(default_factory=dict)


def _verb(call: Callable[..., Any], at: str = "horizon", **told: str) -> Verb:
    return Verb(call=call, at=at, told=told)


def _won(measure: str) -> Verb:
    return Verb(call=win_ratio, outcome="outcomes", told={"measure": measure})


VERBS: dict[str, Verb] = {
    "risk difference": _verb(risk_difference),
    "risk ratio": _verb(risk_ratio),
    "odds ratio": _verb(odds_ratio),
    "hazard ratio": _verb(hazard_ratio),
    "marginal hazard ratio": _verb(marginal_hazard_ratio),
    "restricted mean difference": _verb(restricted_mean, measure="difference"),
    "restricted mean ratio": _verb(restricted_mean, measure="ratio"),
    "restricted mean time lost ratio": _verb(restricted_mean, measure="lost ratio"),
    "survival difference": _verb(survival_difference, "at"),
    "cumulative incidence difference": _verb(incidence_difference, "at"),
    "subdistribution hazard ratio": _verb(subdistribution_hazard_ratio),
    "log-rank test": _verb(logrank_test),
    "covariate-adjusted log-rank test": _verb(adjusted_logrank_test),
    "MaxCombo test": _verb(maxcombo_test),
    "Gray's test": _verb(gray_test),
    "mean difference": _verb(mean_difference),
    "trimmed mean difference": _verb(trimmed_mean_difference, method="trimmed"),
    "winsorised mean difference": _verb(trimmed_mean_difference, method="winsorised"),
    "superiority probability": _verb(superiority_probability),
    "ordinal odds ratio": _verb(ordinal_odds_ratio),
    "rate ratio": _verb(rate_ratio),
    "recurrent rate ratio": _verb(recurrent_hazard_ratio),
    "mean events difference": _verb(mean_cumulative_difference, "at"),
    "mean events with death difference": _verb(terminal_mean_difference, "at"),
    "while-alive rate ratio": _verb(while_alive_rate),
    "win ratio": _won("win ratio"),
    "win odds": _won("win odds"),
    "net benefit": _won("net benefit"),
    "complier average effect": _verb(complier_average_effect),
    "partially nested difference": _verb(partially_nested_difference),
} | {
    name: _verb(randomisation_test, statistic=name.partition("(")[2].rstrip(")"))
    for name, measure in MEASURES.items()
    if measure.redrawn
}


def computed(
    trial: Trial, asked: Asked, *, plan: Plan, place: int
) -> list[Estimate | SignificanceTest]:
    """Return the results of one measure: one for each treatment arm, or one test of all.

    `place` in the plan makes chance differ between measures and repeat between runs.
    """
    if MEASURES[asked.measure].test:
        more: dict[str, Any] = {}
        if MEASURES[asked.measure].redrawn:
            rng = np.random.default_rng([plan.analysis.seed, place])
            more = {"draws": plan.analysis.draws, "rng": rng}
        return [answer(trial, asked, plan=plan, **more)]
    return [
        answer(trial, asked, plan=plan, level=plan.level, arm=arm) for arm in _compared_arms(trial)
    ]


def answer(
    trial: Trial, asked: Asked, *, plan: Plan, **more: Any
) -> Any:  # Estimate, or SignificanceTest where the measure is one
    """Return one result: the verb of the measure, told what the measure takes."""
    measure, verb = MEASURES[asked.measure], VERBS[asked.measure]
    told: dict[str, Any] = {verb.outcome: asked.outcome, "analysis_set": asked.analysis_set}
    if measure.adjust != "none":
        told["adjust"] = asked.adjust
    if measure.timed and asked.outcome in plan.time_points:
        told[verb.at] = plan.time_points[asked.outcome]
    if measure.needs == "navigators":
        told["navigator"] = plan.navigator
    if asked.measure == "ordinal odds ratio" and asked.outcome in plan.grades:
        told["grades"] = plan.grades[asked.outcome]
    return verb.call(trial, **told, **verb.told, **more)


def attempted(
    trial: Trial, asked: Asked, *, plan: Plan, place: int
) -> list[Estimate | SignificanceTest]:
    """Return the results of a measure that need not be had, each of them or why there is none."""
    k = len(trial.arms)
    if MEASURES[asked.measure].test:
        if k > 2 and MEASURES[asked.measure].two_arms:
            return [_no_test(trial, asked, f"it compares two arms, the trial has {k}")]
        try:
            return computed(trial, asked, plan=plan, place=place)
        except TrialError as problem:
            return [_no_test(trial, asked, str(problem).removesuffix("."))]
    return [_tried(trial, asked, arm, plan=plan) for arm in _compared_arms(trial)]


def _tried(trial: Trial, asked: Asked, arm: str | None, *, plan: Plan) -> Estimate:
    """Return an estimate, or why there is none."""
    try:
        found: Estimate = answer(trial, asked, plan=plan, level=plan.level, arm=arm)
    except TrialError as problem:
        reason = str(problem).removesuffix(".")
        return _no_estimate(trial, asked, arm or trial.arms[1], reason, plan.level)
    return found


def nobody_known(trial: Trial, asked: Asked) -> bool:
    """Return whether in some arm nobody's outcome is known: then there is nothing to compare."""
    return 0 in _by_arm(trial, asked)[0]


def _compared_arms(trial: Trial) -> tuple[str | None, ...]:
    """Return the treatment arms by name; None for the only one."""
    return trial.arms[1:] if len(trial.arms) > 2 else (None,)


def _by_arm(trial: Trial, asked: Asked) -> tuple[list[int], list[int]]:
    """Count people by arm whose outcome is known, and whose is not."""
    code, lost = trial.arm_in(asked.analysis_set), trial.outcome(asked.outcome).missing
    k = len(trial.arms)
    counts = [np.bincount(code[here & (code >= 0)], minlength=k) for here in (~lost, lost)]
    return counts[0].tolist(), counts[1].tolist()


def _no_test(trial: Trial, asked: Asked, reason: str) -> SignificanceTest:
    known, lost = _by_arm(trial, asked)
    return SignificanceTest(
        test=asked.measure,
        outcome=asked.outcome,
        analysis_set=asked.analysis_set,
        arms=trial.arms,
        statistic=NAN,
        p_value=NAN,
        method=f"not estimable: {reason}",
        n=tuple(known),
        missing=tuple(lost),
    )


def _no_estimate(trial: Trial, asked: Asked, arm: str, reason: str, level: float) -> Estimate:
    known, lost = _by_arm(trial, asked)
    treatment = trial.arms.index(arm)
    return Estimate(
        estimand=asked.measure,
        outcome=asked.outcome,
        analysis_set=asked.analysis_set,
        contrast=(arm, trial.arms[0]),
        scale=MEASURES[asked.measure].scale,
        value=NAN,
        low=NAN,
        high=NAN,
        level=level,
        p_value=NAN,
        method=f"not estimable: {reason}",
        n=(known[0], known[treatment]),
        events=(),
        missing=(lost[0], lost[treatment]),
        adjusted_for=asked.adjust,
    )
