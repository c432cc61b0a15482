"""Times to one of two events whose truth is known: incidences, cause-specific and Fine–Gray ratios.

In one room both causes have constant hazards, so that incidences are λ₁/Λ · (1 − exp(−Λt)) in each
stratum. In the other the subdistribution hazards are proportional, as Fine and Gray (1999) drew
them: the chance of the event by t is 1 − {1 − p(1 − exp(−t/s))}^exp(η).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import checkpoint_eval as ce
from checkpoint_eval import models
from checkpoint_eval.outcomes import TimeToEvent
from checkpoint_eval.outcomes.baseline import Covariate

PEOPLE, HORIZON = 300, 30.0
HAZARDS = {"reoffence": 0.025, "death": 0.012}
RATIOS = {"reoffence": 0.7, "death": 1.4}
RISKS = np.array([0.5, 1.5])  # hazards of both causes in two strata of half the people each
EVER, SCALE, OF_RISK = 0.6, 15.0, 0.8  # of Fine and Gray's model


def trial_of(
    arm: np.ndarray, risk: np.ndarray, **outcomes: tuple[np.ndarray, np.ndarray]
) -> ce.Trial:
    """A trial of outcomes (time, kind), kind being 0, 1 for the event or 2 for death."""
    return ce.Trial(
        assignment=ce.Assignment(
            arm=arm, arms=("court", "contract"), stratum=np.zeros(arm.size, dtype=int)
        ),
        outcomes={
            name: TimeToEvent(
                time=time,
                event=kind == 1,
                unit="weeks",
                competing=(kind == 2).astype(int),
                causes=("death",),
            )
            for name, (time, kind) in outcomes.items()
        },
        columns={"risk": Covariate(name="risk", values=risk)},
        covariates=("risk",),
    )


def seen(time: np.ndarray, cause: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.minimum(time, end), np.where(time <= end, cause, 0)


def draw_specific(rng: np.random.Generator) -> ce.Trial:
    arm = rng.permutation(np.repeat([0, 1], PEOPLE // 2))
    risk = rng.integers(2, size=PEOPLE)
    event, death = (
        rng.exponential(1 / (HAZARDS[cause] * RISKS[risk] * RATIOS[cause] ** arm))
        for cause in HAZARDS
    )
    end = rng.uniform(HORIZON + 1, 2 * HORIZON, PEOPLE)
    found = seen(np.minimum(event, death), np.where(event < death, 1, 2), end)
    return trial_of(arm, risk, reoffence=found)


def fine_gray_times(
    rng: np.random.Generator, log_ratio: np.ndarray, deaths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Times and causes with these log subdistribution hazard ratios and rates of death."""
    power = np.exp(log_ratio)
    first = rng.random(power.size) < 1 - (1 - EVER) ** power
    # the inverse of the incidence, at a uniform share of what it comes to
    left = 1 - rng.random(power.size) * (1 - (1 - EVER) ** power)
    event = -SCALE * np.log(1 - (1 - left ** (1 / power)) / EVER)
    death = rng.exponential(1 / deaths)
    return np.where(first, event, death), np.where(first, 1, 2)


def draw_subdistribution(rng: np.random.Generator, ratio: float = 0.7) -> ce.Trial:
    """With and without a covariate; and with the two causes in each other's place."""
    arm = rng.permutation(np.repeat([0, 1], PEOPLE // 2))
    risk = rng.integers(2, size=PEOPLE)
    end, deaths = rng.uniform(20, 60, PEOPLE), 0.03 * 2.0**arm
    of_arm = np.log(ratio) * arm
    time, kind = seen(*fine_gray_times(rng, of_arm, deaths), end)
    with_risk, its_kind = seen(*fine_gray_times(rng, of_arm + OF_RISK * risk, deaths), end)
    return trial_of(
        arm,
        risk,
        plain=(time, kind),
        risky=(with_risk, its_kind),
        swapped=(with_risk, np.array([0, 2, 1])[its_kind]),
    )


draw_null = partial(draw_subdistribution, ratio=1.0)


def incidence(arm: int, cause: str) -> float:
    """At the horizon, over the strata."""
    own = {name: HAZARDS[name] * RATIOS[name] ** arm * RISKS for name in HAZARDS}
    total = own["reoffence"] + own["death"]
    return float(np.mean(own[cause] / total * (1 - np.exp(-total * HORIZON))))


def truth(cause: str) -> float:
    return incidence(1, cause) - incidence(0, cause)


def incidences(**asked: str) -> Callable[[ce.Trial], ce.Estimate]:
    return partial(models.incidence_difference, outcome="reoffence", at=HORIZON, **asked)


def ratio(outcome: str, **asked: str) -> tuple[Callable[[ce.Trial], ce.Estimate], float]:
    return partial(models.subdistribution_hazard_ratio, outcome=outcome, **asked), 0.7


def gray(outcome: str, **asked: str) -> tuple[Callable[[ce.Trial], Any], None]:
    return partial(models.gray_test, outcome=outcome, **asked), None


SPECIFIC = {
    "incidence difference": (incidences(), truth("reoffence")),
    "incidence difference, death": (incidences(cause="death"), truth("death")),
    "incidence difference, adjust": (incidences(adjust="risk"), truth("reoffence")),
    "incidence difference, death, adjust": (
        incidences(cause="death", adjust="risk"),
        truth("death"),
    ),
    "incidence difference, strata": (incidences(strata="risk"), truth("reoffence")),
    "hazard ratio": (
        partial(models.hazard_ratio, outcome="reoffence", adjust="risk"),
        RATIOS["reoffence"],
    ),
    "hazard ratio of death": (
        partial(models.hazard_ratio, outcome="reoffence", cause="death", strata="risk"),
        RATIOS["death"],
    ),
}
SUBDISTRIBUTION = {
    "subdistribution hazard ratio": ratio("plain"),
    "subdistribution hazard ratio, adjust": ratio("risky", adjust="risk"),
    "subdistribution hazard ratio of a cause, adjust": ratio(
        "swapped", cause="death", adjust="risk"
    ),
}
TESTS = {
    "Gray": gray("plain"),
    "Gray, strata": gray("risky", strata="risk"),
    "Gray of a cause": gray("swapped", cause="death"),
}
ROOMS = {
    draw_specific: SPECIFIC,
    draw_subdistribution: SUBDISTRIBUTION | TESTS,
    draw_null: TESTS,
}
ESTIMATES = [
    pytest.param(draw, name, id=name)
    for draw, methods in ((draw_specific, SPECIFIC), (draw_subdistribution, SUBDISTRIBUTION))
    for name in methods
]


@pytest.mark.parametrize(("draw", "name"), ESTIMATES)
def test_bias_and_coverage(draw: Callable[..., ce.Trial], name: str, recovery: Any) -> None:
    recovery.check_estimates(draw, ROOMS[draw], name)


@pytest.mark.parametrize("name", TESTS)
def test_size_when_deaths_differ_but_incidence_does_not(name: str, recovery: Any) -> None:
    recovery.check_size(draw_null, TESTS, name)


@pytest.mark.parametrize("name", TESTS)
def test_direction(name: str, recovery: Any) -> None:
    recovery.check_direction(draw_subdistribution, ROOMS[draw_subdistribution], name)
