"""The estimators and tests that are certified, and the settings they are certified in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from checkpoint_eval.balance.omnibus import omnibus_balance
from checkpoint_eval.balance.ratio import sample_ratio_test
from checkpoint_eval.cohort.delivery_parts import Delivery, Effect, Era, Recording
from checkpoint_eval.cohort.people_parts import Reoffending
from checkpoint_eval.cohort.scenario import Scenario
from checkpoint_eval.cohort.truths import not_proportional
from checkpoint_eval.models.cox import hazard_ratio
from checkpoint_eval.models.gray import gray_test
from checkpoint_eval.models.incidence import incidence_difference
from checkpoint_eval.models.inverted import randomisation_interval
from checkpoint_eval.models.logrank_weights import FlemingHarrington
from checkpoint_eval.models.rerandomise import randomisation_test
from checkpoint_eval.models.restricted_means import restricted_mean
from checkpoint_eval.models.risk import odds_ratio, risk_difference, risk_ratio
from checkpoint_eval.models.survival_differences import survival_difference
from checkpoint_eval.models.weighted_logrank import logrank_test
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import Estimate, SignificanceTest

HORIZON = 730  # days: 24 months
DRAWS = 199  # with 199 draws a randomisation test at 5 % has exactly its size

Found = Estimate | SignificanceTest
Verb = Callable[[Trial, np.random.Generator], Found]
Holds = Callable[[Scenario], str]


def independent(scenario: Scenario) -> str:
    """Return why people's outcomes are not independent; nothing when they are."""
    return "people share navigators" if scenario.delivery.navigator_spread > 0 else ""


def nobody_dies(scenario: Scenario) -> str:
    """Return that deaths are censored: what had happened had nobody died is another question."""
    told = scenario.recording
    died = told.deaths > 0 or told.departures > 0
    return independent(scenario) or ("deaths are censored, not counted" if died else "")


def proportional(scenario: Scenario) -> str:
    """Return why hazards are not proportional, or people not independent."""
    why = "" if scenario.effect.none else not_proportional(scenario)
    return nobody_dies(scenario) or why


def without_effect(scenario: Scenario) -> str:
    """Return why effects are not the same for everyone; they are where there is none."""
    why = "" if scenario.effect.none else "the effect on a risk differs between people"
    return nobody_dies(scenario) or why


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """One way of asking for an estimate or a test.

    Attributes
    ----------
    name : str
    ask : callable
        From a trial and a generator to an `Estimate` or a `SignificanceTest`.
    estimand : str
        The name of the true value; empty for a test.
    holds : callable
        From a scenario to why its assumptions do not hold, or nothing when they do.
    """

    name: str
    ask: Verb
    estimand: str = ""
    holds: Holds = nobody_dies


def _of(verb: Callable[..., Found], **options: object) -> Verb:
    return lambda trial, _: verb(trial, outcome="reoffence", **options)


def _drawn(verb: Callable[..., Found], **options: object) -> Verb:
    return lambda trial, rng: verb(trial, outcome="reoffence", rng=rng, draws=DRAWS, **options)


_AT = {"horizon": HORIZON}
ESTIMATORS: tuple[Estimator, ...] = (
    Estimator(name="hazard ratio", ask=_of(hazard_ratio), estimand="Cox limit", holds=proportional),
    Estimator(
        name="hazard ratio, Breslow",
        ask=_of(hazard_ratio, ties="breslow"),
        estimand="Cox limit",
        holds=proportional,
    ),
    Estimator(
        name="hazard ratio, sandwich",
        ask=_of(hazard_ratio, robust=True, strata=()),
        estimand="Cox limit",
    ),
    Estimator(
        name="restricted mean difference",
        ask=_of(restricted_mean, **_AT),
        estimand="restricted mean difference",
    ),
    Estimator(
        name="restricted mean ratio",
        ask=_of(restricted_mean, measure="ratio", **_AT),
        estimand="restricted mean ratio",
    ),
    Estimator(
        name="survival difference",
        ask=_of(survival_difference, at=HORIZON),
        estimand="survival difference",
    ),
    Estimator(
        name="risk difference, Newcombe",
        ask=_of(risk_difference, **_AT),
        estimand="risk difference",
    ),
    Estimator(
        name="risk difference, Miettinen-Nurminen",
        ask=_of(risk_difference, interval="miettinen-nurminen", **_AT),
        estimand="risk difference",
    ),
    Estimator(
        name="risk difference, Wald",
        ask=_of(risk_difference, interval="wald", **_AT),
        estimand="risk difference",
    ),
    Estimator(
        name="risk difference, standardised",
        ask=_of(risk_difference, adjust=("age", "record"), **_AT),
        estimand="risk difference",
    ),
    Estimator(name="risk ratio", ask=_of(risk_ratio, **_AT), estimand="risk ratio"),
    Estimator(name="odds ratio", ask=_of(odds_ratio, **_AT), estimand="odds ratio"),
    Estimator(
        name="cumulative incidence difference",
        ask=_of(incidence_difference, at=HORIZON),
        estimand="risk difference",
        holds=independent,
    ),
    Estimator(
        name="constant effect by inversion",
        ask=_drawn(randomisation_interval, statistic="risk difference", **_AT),
        estimand="risk difference",
        holds=without_effect,
    ),
    Estimator(name="log-rank", ask=_of(logrank_test)),
    Estimator(
        name="log-rank, Fleming-Harrington (0, 1)",
        ask=_of(logrank_test, weight=FlemingHarrington(rho=0, gamma=1)),
    ),
    Estimator(name="Gray", ask=_of(gray_test), holds=independent),
    Estimator(name="randomisation test, log-rank", ask=_drawn(randomisation_test)),
    Estimator(
        name="randomisation test, risk difference",
        ask=_drawn(randomisation_test, statistic="risk difference", **_AT),
    ),
    Estimator(
        name="randomisation test, harm",
        ask=lambda trial, rng: randomisation_test(
            trial, outcome="harm", statistic="studentised difference", draws=DRAWS, rng=rng
        ),
    ),
)
# Tests whose null holds in every setting: balance and numbers are those of the rule.
CHECKS: tuple[Estimator, ...] = (
    Estimator(
        name="omnibus balance", ask=lambda trial, _: omnibus_balance(trial), holds=lambda _: ""
    ),
    Estimator(
        name="sample ratio",
        ask=lambda trial, _: sample_ratio_test(trial),
        holds=lambda _: "blocks keep the arms' numbers alike",
    ),
)


def settings(people: int = 400) -> Mapping[str, Scenario]:
    """Return the settings that estimators are certified in, by name.

    Parameters
    ----------
    people : int
        In each trial.

    Returns
    -------
    mapping of str to Scenario
        No effect; a constant hazard ratio with proportional hazards; a delayed effect; a share who
        never reoffend, with frailty; officers who override; navigators who differ; people lost
        once their arm is known; deaths.

    Examples
    --------
    >>> list(settings())[:3]
    ['no effect', 'proportional', 'delayed effect']
    """
    plain = Reoffending(months=(12,), risks=(0.4,), never=0.0, spread=0.0, frailty=0.0)
    mixed = Reoffending()
    recording = Recording(deaths=0.0, departures=0.0)

    def setting(effect: Effect, reoffending: Reoffending, delivery: Delivery) -> Scenario:
        return Scenario(
            people=people,
            effect=effect,
            reoffending=reoffending,
            delivery=delivery,
            recording=recording,
        )

    usual = Delivery()
    some = Effect.constant(0.7)
    override = Delivery(
        eras=(Era(to_prosecution=0.2, to_checkpoint=0.05),), officer_spread=0.5, by_risk=0.3
    )
    return {
        "no effect": setting(Effect(), mixed, usual),
        "proportional": setting(some, plain, usual),
        "delayed effect": setting(Effect.delayed(0.5, months=4), plain, usual),
        "some never": setting(Effect.constant(0.4), mixed, usual),
        "overrides": setting(Effect.constant(0.4), mixed, override),
        "navigators": setting(some, plain, Delivery(navigator_spread=0.3, caseload=8)),
        "lost": setting(some, plain, Delivery(consent=(0.8, 0.9))),
        "deaths": replace(
            setting(some, plain, usual), recording=Recording(deaths=0.15, departures=0.0)
        ),
    }
