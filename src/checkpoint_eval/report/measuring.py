"""Which verb computes each measure, and which measures each kind of outcome has."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from checkpoint_eval.design.protocol import AnalysisPlan, Estimand
from checkpoint_eval.models.compared import compare
from checkpoint_eval.models.cox import hazard_ratio
from checkpoint_eval.models.gray import gray_test
from checkpoint_eval.models.incidence import incidence_difference
from checkpoint_eval.models.mean_events import mean_cumulative_difference
from checkpoint_eval.models.rates import rate_ratio
from checkpoint_eval.models.recurrent import recurrent_hazard_ratio
from checkpoint_eval.models.rerandomise import randomisation_test
from checkpoint_eval.models.restricted_means import restricted_mean
from checkpoint_eval.models.risk import odds_ratio, risk_difference, risk_ratio
from checkpoint_eval.models.survival_differences import survival_difference
from checkpoint_eval.models.terminal import terminal_mean_difference
from checkpoint_eval.models.weighted_logrank import logrank_test
from checkpoint_eval.outcomes.episodes import Episodes
from checkpoint_eval.outcomes.observed import (
    CountOutcome,
    NumericOutcome,
    Observed,
    TimeToEvent,
)
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate, SignificanceTest


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """One comparison nobody promised, as `Estimand` is one that was."""

    outcome: str
    measure: str
    adjust: tuple[str, ...] = ()
    analysis_set: str = "itt"
    confirmatory: bool = False


Asked = Estimand | Exploration


def usual_measures(observed: Observed | Episodes) -> tuple[str, ...]:
    """Return the measures computed of an outcome that no protocol speaks of."""
    if isinstance(observed, TimeToEvent):
        return (*_TIMED, *(_COMPETING if observed.causes else ()))
    if isinstance(observed, Episodes):
        with_death = observed.terminal.any()
        return ("recurrent rate ratio", "mean events with death" if with_death else "mean events")
    if isinstance(observed, CountOutcome):
        return ("rate ratio",)
    if isinstance(observed, NumericOutcome):
        return ("randomisation test (mean difference)",)
    return ("risk difference", "risk ratio", "odds ratio")


_TIMED = (
    "hazard ratio",
    "log-rank test",
    "risk difference",
    "risk ratio",
    "restricted mean difference",
)
_COMPETING = ("cumulative incidence difference", "Gray's test")


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


def computed(
    trial: Trial, asked: Asked, *, at: float | None, plan: AnalysisPlan, place: int
) -> list[Estimate | SignificanceTest]:
    """Return the results of one measure: one for each treatment arm, or one test of all.

    `place` in the plan makes chance differ between measures and repeat between runs.
    """
    common: dict[str, Any] = {"outcome": asked.outcome, "analysis_set": asked.analysis_set}
    measure = asked.measure
    if measure == "log-rank test":
        return [logrank_test(trial, **common)]
    if measure == "Gray's test":
        return [gray_test(trial, **common)]
    if measure.startswith("randomisation test"):
        if isinstance(asked, Exploration) and len(trial.arms) > 2:
            return [_of_two_arms_only(trial, asked)]
        rng = np.random.default_rng([plan.seed, place])
        return [_randomised(trial, measure, common, at, plan.draws, rng)]
    common |= {"level": 1 - plan.alpha}
    verb = _VERBS[measure]
    return [
        verb(trial, asked.adjust, at, {**common, "arm": arm if len(trial.arms) > 2 else None})
        for arm in trial.arms[1:]
    ]


def _randomised(
    trial: Trial,
    measure: str,
    common: dict[str, Any],
    at: float | None,
    draws: int,
    rng: np.random.Generator,
) -> SignificanceTest:
    statistics: tuple[Literal["log-rank", "risk difference", "mean difference"], ...]
    statistics = ("log-rank", "risk difference", "mean difference")
    statistic = next(each for each in statistics if each in measure)
    horizon = at if statistic == "risk difference" else None
    return randomisation_test(
        trial, statistic=statistic, horizon=horizon, draws=draws, rng=rng, **common
    )


def _of_two_arms_only(trial: Trial, asked: Exploration) -> SignificanceTest:
    """Return the test that says why there is none, as nobody asked for it by name."""
    people = compare(
        trial,
        outcome=asked.outcome,
        analysis_set=asked.analysis_set,
        kind="any",
        every_arm=True,
    )
    return SignificanceTest(
        test=asked.measure,
        outcome=asked.outcome,
        analysis_set=asked.analysis_set,
        arms=people.arms,
        statistic=NAN,
        p_value=NAN,
        method=f"not estimable: it compares two arms, the trial has {len(people.arms)}",
        n=people.n,
        events=people.events(),
        missing=people.missing,
    )


_Verb = Callable[[Trial, tuple[str, ...], float | None, dict[str, Any]], Estimate]

_VERBS: dict[str, _Verb] = {
    "risk difference": lambda trial, adjust, at, rest: risk_difference(
        trial, adjust=adjust, horizon=at, **rest
    ),
    "risk ratio": lambda trial, adjust, at, rest: risk_ratio(
        trial, adjust=adjust, horizon=at, **rest
    ),
    "odds ratio": lambda trial, adjust, at, rest: odds_ratio(
        trial, adjust=adjust, horizon=at, **rest
    ),
    "hazard ratio": lambda trial, adjust, _, rest: hazard_ratio(trial, adjust=adjust, **rest),
    "restricted mean difference": lambda trial, _, at, rest: restricted_mean(
        trial, horizon=_known(at), measure="difference", **rest
    ),
    "restricted mean ratio": lambda trial, _, at, rest: restricted_mean(
        trial, horizon=_known(at), measure="ratio", **rest
    ),
    "survival difference": lambda trial, _, at, rest: survival_difference(
        trial, at=_known(at), **rest
    ),
    "cumulative incidence difference": lambda trial, _, at, rest: incidence_difference(
        trial, at=_known(at), **rest
    ),
    "rate ratio": lambda trial, adjust, _, rest: rate_ratio(trial, adjust=adjust, **rest),
    "recurrent rate ratio": lambda trial, adjust, _, rest: recurrent_hazard_ratio(
        trial, adjust=adjust, **rest
    ),
    "mean events": lambda trial, _, at, rest: mean_cumulative_difference(
        trial, at=_known(at), **rest
    ),
    "mean events with death": lambda trial, _, at, rest: terminal_mean_difference(
        trial, at=_known(at), **rest
    ),
}


def _known(at: float | None) -> float:
    return NAN if at is None else at
