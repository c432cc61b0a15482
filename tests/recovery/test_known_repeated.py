"""Repeated events whose truth is known: Poisson processes, some people busier than others.

Events come at a constant rate times a person's own gamma frailty of mean 1. Means are then RATE·t,
frailty or not, and counts are negative binomial. Conditional models (Prentice, Williams and
Peterson) have a known truth without frailty, or where treatment does nothing; that of Wei, Lin and
Weissfeld, of whom each event has hazards of its own, where treatment does nothing.
"""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import checkpoint_eval as ce
from checkpoint_eval import models
from checkpoint_eval.outcomes import CountOutcome, Episodes
from checkpoint_eval.outcomes.baseline import Covariate

PEOPLE, HORIZON = 300, 30.0
RATE, RATIO = 0.05, 0.7
DEATH, OF_DEATH = 0.02, 1.5
FRAILTY = 0.8  # variance of the rate between people
RISKS = np.array([0.5, 1.5])  # rates of two strata of half the people each


def episodes(
    rng: np.random.Generator, rate: np.ndarray, end: np.ndarray, terminal: np.ndarray | bool = False
) -> Episodes:
    """Poisson events up to the end of each person's follow-up, and the intervals between."""
    n = end.size
    events = rng.poisson(rate * end)
    who = np.repeat(np.arange(n), events)
    person = np.append(who, np.arange(n))
    stop = np.append(end[who] * rng.random(who.size), end)
    event = np.repeat([True, False], [who.size, n])
    order = np.lexsort((stop, person))
    person, stop, event = person[order], stop[order], event[order]
    start = np.where(np.diff(person, prepend=-1) > 0, 0.0, np.append(0.0, stop[:-1]))
    return Episodes(
        person=person,
        start=start,
        stop=stop,
        event=event,
        people=n,
        unit="weeks",
        terminal=np.broadcast_to(terminal, n),
    )


def counted(seen: Episodes) -> CountOutcome:
    return CountOutcome(value=seen.counts, exposure=seen.end, unit="weeks")


def draw(rng: np.random.Generator, ratio: float = RATIO, of_death: float = OF_DEATH) -> ce.Trial:
    """Events with frailty; with strata too; without either; and with death."""
    arm, risk = rng.permutation(np.repeat([0, 1], PEOPLE // 2)), rng.integers(2, size=PEOPLE)
    end = rng.uniform(HORIZON + 1, 2 * HORIZON, PEOPLE)
    death = rng.exponential(1 / (DEATH * of_death**arm))
    plain = RATE * ratio**arm
    own = plain * rng.gamma(1 / FRAILTY, FRAILTY, PEOPLE)
    frail, risky = (episodes(rng, rate, end) for rate in (own, own * RISKS[risk]))
    return ce.Trial(
        assignment=ce.Assignment(
            arm=arm, arms=("court", "contract"), stratum=np.zeros(PEOPLE, dtype=int)
        ),
        outcomes={
            "plain": episodes(rng, plain, end),
            "frail": frail,
            "risky": risky,
            "mortal": episodes(rng, own, np.minimum(end, death), death <= end),
            "frail count": counted(frail),
            "risky count": counted(risky),
        },
        columns={"risk": Covariate(name="risk", values=risk)},
        covariates=("risk",),
    )


draw_null = partial(draw, ratio=1.0, of_death=1.0)

Method = tuple[Callable[[ce.Trial], Any], float | None]


def hazard(outcome: str, truth: float = RATIO, **asked: Any) -> Method:
    return partial(models.recurrent_hazard_ratio, outcome=outcome, **asked), truth


def mean(outcome: str, truth: float, **asked: Any) -> Method:
    return partial(models.mean_cumulative_difference, outcome=outcome, at=HORIZON, **asked), truth


def rates(outcome: str, **asked: Any) -> Method:
    return partial(models.rate_ratio, outcome=outcome, **asked), RATIO


def mean_with_death(arm: int) -> float:
    """RATE over the mean time alive by the horizon."""
    death = DEATH * OF_DEATH**arm
    return float(RATE * RATIO**arm * (1 - np.exp(-death * HORIZON)) / death)


DIED = [mean_with_death(arm) for arm in (0, 1)]
at_death = partial(models.terminal_mean_difference, outcome="mortal", at=HORIZON)
alive = partial(models.while_alive_rate, outcome="mortal", horizon=HORIZON)
ESTIMATES: dict[str, Method] = {
    "Andersen-Gill": hazard("frail"),
    "Andersen-Gill, Breslow": hazard("frail", ties="breslow"),
    "Andersen-Gill, marginal": hazard("risky"),
    "Andersen-Gill, adjust": hazard("risky", adjust="risk"),
    "Andersen-Gill, strata": hazard("risky", strata="risk"),
    "PWP total": hazard("plain", method="pwp-total"),
    "PWP gap": hazard("plain", method="pwp-gap"),
    "mean cumulative difference": mean("frail", RATE * (RATIO - 1) * HORIZON),
    "mean cumulative ratio": mean("frail", RATIO, measure="ratio"),
    "terminal mean difference": (at_death, DIED[1] - DIED[0]),
    "terminal mean ratio": (partial(at_death, measure="ratio"), DIED[1] / DIED[0]),
    "while-alive rate ratio": (alive, RATIO),
    "while-alive rate difference": (partial(alive, measure="difference"), RATE * (RATIO - 1)),
    "rate ratio, negative binomial": rates("frail count"),
    "rate ratio, negative binomial, adjust": rates("risky count", adjust="risk"),
    "rate ratio, negative binomial, strata": rates("risky count", strata="risk"),
    "rate ratio, Poisson": rates("risky count", method="poisson"),
    "rate ratio, Poisson, adjust": rates("risky count", method="poisson", adjust="risk"),
}
NO_EFFECT: dict[str, Method] = {
    method: hazard("frail", 1.0, method=method) for method in ("pwp-total", "pwp-gap", "wlw")
}


def each_event(trial: ce.Trial) -> SimpleNamespace:
    """Wei, Lin and Weissfeld's ratio read as a test; under an effect its truth is not known."""
    found = models.recurrent_hazard_ratio(trial, outcome="frail", method="wlw")
    return SimpleNamespace(statistic=np.log(found.value) / found.std_error, p_value=found.p_value)


TESTS: dict[str, Method] = {
    "wlw test": (each_event, None),
    "mean cumulative test": (partial(models.mean_cumulative_test, outcome="frail"), None),
    "terminal mean test": (partial(models.terminal_mean_test, outcome="mortal"), None),
}
ROOMS = {draw: ESTIMATES | TESTS, draw_null: NO_EFFECT | TESTS}


@pytest.mark.parametrize("name", ESTIMATES)
def test_bias_and_coverage(name: str, recovery: Any) -> None:
    recovery.check_estimates(draw, ROOMS[draw], name)


@pytest.mark.parametrize("name", NO_EFFECT)
def test_bias_and_coverage_without_effect(name: str, recovery: Any) -> None:
    recovery.check_estimates(draw_null, ROOMS[draw_null], name)


@pytest.mark.parametrize("name", TESTS)
def test_size(name: str, recovery: Any) -> None:
    recovery.check_size(draw_null, ROOMS[draw_null], name)


@pytest.mark.parametrize("name", TESTS)
def test_direction(name: str, recovery: Any) -> None:
    recovery.check_direction(draw, ROOMS[draw], name)
