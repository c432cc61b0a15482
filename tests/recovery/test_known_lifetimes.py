"""Parametric times whose truth is known: log t = 3 + β·arm + σW, W of each distribution.

In the split populations a share has such a time, log odds of it a + b·arm, and nobody else ever;
follow-up is ten times the median, so that there is a plateau to tell the share from.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

import checkpoint_eval as ce
from checkpoint_eval import models
from checkpoint_eval.outcomes import TimeToEvent

PEOPLE = 400
CENTRE, LATER = 3.0, 0.4
SCALES = {"exponential": 1.0, "weibull": 0.7, "log-normal": 0.9, "log-logistic": 0.6}
CURED = ("exponential", "weibull", "log-normal")
EVER, OF_ARM = 0.6, -0.8
FITS = 16


def errors(rng: np.random.Generator, distribution: str, people: int) -> np.ndarray:
    """Standard errors W of log time."""
    if distribution == "log-normal":
        return rng.normal(size=people)
    if distribution == "log-logistic":
        return rng.logistic(size=people)
    return np.log(rng.exponential(size=people))


def trial_of(arm: np.ndarray, times: dict[str, np.ndarray], end: np.ndarray) -> ce.Trial:
    return ce.Trial(
        assignment=ce.Assignment(
            arm=arm, arms=("court", "contract"), stratum=np.zeros(arm.size, dtype=int)
        ),
        outcomes={
            name: TimeToEvent(time=np.minimum(time, end), event=time <= end, unit="weeks")
            for name, time in times.items()
        },
    )


def log_times(
    rng: np.random.Generator, distribution: str, arm: np.ndarray, centre: float
) -> np.ndarray:
    return centre + LATER * arm + SCALES[distribution] * errors(rng, distribution, arm.size)


def draw_everybody(rng: np.random.Generator) -> ce.Trial:
    """One outcome of each distribution, about a third of them censored."""
    arm = rng.permutation(np.repeat([0, 1], PEOPLE // 2))
    times = {name: np.exp(log_times(rng, name, arm, CENTRE)) for name in SCALES}
    return trial_of(arm, times, rng.uniform(15, 60, PEOPLE))


def draw_split(rng: np.random.Generator) -> ce.Trial:
    arm = rng.permutation(np.repeat([0, 1], PEOPLE // 2))
    times = {}
    for name in CURED:
        ever = rng.random(PEOPLE) < expit(EVER + OF_ARM * arm)
        times[name] = np.where(ever, np.exp(log_times(rng, name, arm, 1.5)), np.inf)
    return trial_of(arm, times, rng.uniform(40, 60, PEOPLE))


# Several numbers are read off one fit.
@lru_cache(maxsize=FITS)
def fitted(trial: ce.Trial, outcome: str, *, distribution: str = "", split: bool = False) -> Any:
    verb = models.fit_cure if split else models.fit_parametric
    return verb(trial, outcome=outcome, distribution=distribution or outcome)


def coefficient(trial: ce.Trial, outcome: str, part: str, **how: Any) -> SimpleNamespace:
    """A number of the fit with its Wald interval."""
    fit = fitted(trial, outcome, **how)
    table = fit.to_frame()
    arm = fit.arms[1]
    term = "" if part == "log scale" else arm
    row = table[(table["part"] == part) & (table["term"] == term)].iloc[0]
    half = 1.959964 * row["std_error"]
    return SimpleNamespace(
        value=row["coef"],
        std_error=row["std_error"],
        low=row["coef"] - half,
        high=row["coef"] + half,
    )


Method = tuple[Callable[[ce.Trial], Any], float]


def number(outcome: str, part: str, truth: float, **how: Any) -> Method:
    return partial(coefficient, outcome=outcome, part=part, **how), truth


EVERYBODY: dict[str, Method] = {
    **{f"{name}, log time": number(name, "log time", LATER) for name in SCALES},
    **{
        f"{name}, log scale": number(name, "log scale", np.log(scale))
        for name, scale in SCALES.items()
        if name != "exponential"
    },
    "royston-parmar": number(
        "weibull",
        "log cumulative hazard",
        -LATER / SCALES["weibull"],
        distribution="royston-parmar",
    ),
}
SPLIT: dict[str, Method] = {
    f"{name}, {part}": number(name, part, truth, split=True)
    for name in CURED
    for part, truth in (("log time", LATER), ("log odds of ever", OF_ARM))
}
ROOMS = {draw_everybody: EVERYBODY, draw_split: SPLIT}
CASES = [
    pytest.param(draw, name, id=f"{draw.__name__[5:]}-{name}")
    for draw, methods in ROOMS.items()
    for name in methods
]


@pytest.mark.parametrize(("draw", "name"), CASES)
def test_bias_and_coverage(draw: Callable[..., ce.Trial], name: str, recovery: Any) -> None:
    recovery.check_estimates(draw, ROOMS[draw], name)
