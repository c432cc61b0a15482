"""Times to one event whose truth is known: curves, restricted means, hazard ratios, win ratios.

A prognostic covariate must not spoil the closed forms: each event time is an exponential quantile
of Φ(ρx + √(1 − ρ²)e) with x and e standard normal. So, given arm (and stratum), times are exactly
exponential, while x foretells them: what adjusting estimates is what it would be without x.
"""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtr

import checkpoint_eval as ce
from checkpoint_eval import models
from checkpoint_eval.outcomes import TimeToEvent, TimeVarying
from checkpoint_eval.outcomes.baseline import Covariate

HAZARD, RATIO, HORIZON, PEOPLE = 0.03, 0.7, 30.0, 300
FORETELLS = 0.6
RISKS = np.array([0.5, 1.5])  # hazards of two strata of half the people each
SHAPE = 1.5
SWITCHED, CHANGES = 0.5, 0.03  # what a change does to the hazard, and how soon it comes
KEPT = 0.4  # share of those without the event who are sampled


def half_treated(rng: np.random.Generator, people: int) -> np.ndarray:
    return rng.permutation(np.repeat([0, 1], people // 2))


def trial_of(arm: np.ndarray, time: np.ndarray, end: np.ndarray, **columns: np.ndarray) -> ce.Trial:
    return ce.Trial(
        assignment=ce.Assignment(
            arm=arm, arms=("court", "contract"), stratum=np.zeros(arm.size, dtype=int)
        ),
        outcomes={
            "reoffence": TimeToEvent(time=np.minimum(time, end), event=time <= end, unit="weeks")
        },
        columns={name: Covariate(name=name, values=each) for name, each in columns.items()},
        covariates=tuple(columns),
    )


def exponentials(
    rng: np.random.Generator, x: np.ndarray, foretells: float = FORETELLS
) -> np.ndarray:
    """Standard exponential times that x foretells: the larger it is, the later."""
    rest = np.sqrt(1 - foretells**2) * rng.normal(size=x.size)
    return -np.log(ndtr(rest - foretells * x))


def ends(rng: np.random.Generator, people: int) -> np.ndarray:
    return rng.uniform(HORIZON + 1, 2 * HORIZON, people)


def draw_marginal(
    rng: np.random.Generator, foretells: float = FORETELLS, people: int = PEOPLE
) -> ce.Trial:
    """Exponential with HAZARD · RATIO^arm over all people, x foretelling."""
    arm, x = half_treated(rng, people), rng.normal(size=people)
    time = exponentials(rng, x, foretells) / (HAZARD * RATIO**arm)
    return trial_of(arm, time, ends(rng, people), x=x, upper=x > 0)


def draw_alike(rng: np.random.Generator, ratio: float = RATIO) -> ce.Trial:
    """Exponential within each of two strata, x foretelling."""
    arm, x = half_treated(rng, PEOPLE), rng.normal(size=PEOPLE)
    risk = rng.integers(2, size=PEOPLE)
    time = exponentials(rng, x) / (HAZARD * RISKS[risk] * ratio**arm)
    known = np.log(RISKS[risk])
    return trial_of(arm, time, ends(rng, PEOPLE), x=x, risk=risk, score=known)


def draw_late(rng: np.random.Generator) -> ce.Trial:
    """Weibull hazards, people seen from a random time on, if they were still free of the event."""
    arm, since = half_treated(rng, PEOPLE), rng.uniform(0, HORIZON, PEOPLE)
    scale = HAZARD**-1.0
    passed = (since / scale) ** SHAPE
    time = scale * (passed + rng.exponential(size=PEOPLE) / RATIO**arm) ** (1 / SHAPE)
    return trial_of(arm, time, since + rng.uniform(1, HORIZON, PEOPLE), since=since)


def draw_sampled(rng: np.random.Generator) -> ce.Trial:
    """Everybody with the event, but only a share KEPT of those without."""
    arm = half_treated(rng, 2 * PEOPLE)
    time, end = rng.exponential(1 / (HAZARD * RATIO**arm)), ends(rng, 2 * PEOPLE)
    event = time <= end
    kept = event | (rng.random(2 * PEOPLE) < KEPT)
    weight = np.where(event, 1.0, 1 / KEPT)
    return trial_of(arm[kept], time[kept], end[kept], weight=weight[kept])


def draw_switching(rng: np.random.Generator) -> ce.Trial:
    """A change that lowers the hazard, and comes sooner under treatment."""
    arm = half_treated(rng, PEOPLE)
    switch = rng.exponential(1 / (CHANGES * 3.0**arm))
    needed = rng.exponential(size=PEOPLE) / (HAZARD * RATIO**arm)
    time = np.where(needed < switch, needed, switch + (needed - switch) / SWITCHED)
    return trial_of(arm, time, ends(rng, PEOPLE), switch=switch)


def survival(ratio: float, t: float = HORIZON, hazard: float = HAZARD) -> float:
    return float(np.exp(-hazard * ratio * t))


def mean_time(ratio: float) -> float:
    return (1 - survival(ratio)) / (HAZARD * ratio)


def mixed(ratio: float) -> float:
    """Survival over the two strata."""
    return float(np.mean([survival(ratio, hazard=HAZARD * risk) for risk in RISKS]))


def decided(hazard: float, other: float) -> float:
    """Share of pairs lost by an event of the one while both are free of it and followed."""

    def density(t: float) -> float:
        followed = min(1.0, (2 * HORIZON - t) / (HORIZON - 1))
        return hazard * np.exp(-(hazard + other) * t) * followed**2

    return float(sum(quad(density, *part)[0] for part in ((0, HORIZON + 1), (31, 2 * HORIZON))))


WON, LOST = decided(HAZARD, HAZARD * RATIO), decided(HAZARD * RATIO, HAZARD)
TIED = 1 - WON - LOST


def wald(value: float, std_error: float) -> SimpleNamespace:
    low, high = value - 1.959964 * std_error, value + 1.959964 * std_error
    return SimpleNamespace(value=value, std_error=std_error, low=low, high=high)


def median(trial: ce.Trial, arm: int) -> SimpleNamespace:
    """The median of an arm; a limit that is not reached is infinite."""
    found = models.survival_quantiles(models.survival_curve(trial, outcome="reoffence"), [0.5])
    high = np.nan_to_num(found.high[arm, 0], nan=np.inf)
    return SimpleNamespace(value=found.time[arm, 0], low=found.low[arm, 0], high=high)


def bootstrapped(trial: ce.Trial, **asked: Any) -> ce.Estimate:
    seed = int(1e9 * trial.outcomes["reoffence"].time[0])
    rng = np.random.default_rng(seed)
    return models.bootstrap_interval(trial, outcome="reoffence", draws=999, rng=rng, **asked)


def standardised(trial: ce.Trial, *, measure: str, **model: str) -> ce.Estimate:
    fit = models.fit_cox(trial, outcome="reoffence", **model)
    return models.standardised_survival_difference(fit, at=HORIZON, measure=measure)


def changes(trial: ce.Trial) -> TimeVarying:
    switch = trial.columns["switch"].values
    n = switch.size
    return TimeVarying(
        person=np.tile(np.arange(n), 2),
        time=np.append(np.zeros(n), switch),
        values={"switched": np.repeat([0, 1], n)},
        people=n,
    )


def switched(trial: ce.Trial) -> SimpleNamespace:
    fit = models.fit_cox(trial, outcome="reoffence", varying=changes(trial))
    row = fit.terms.index("switched")
    return wald(fit.coef[row], fit.std_error[row])


def at(verb: Callable[..., Any], **asked: Any) -> Callable[[ce.Trial], Any]:
    return partial(verb, outcome="reoffence", **asked)


MEANS = (mean_time(1), mean_time(RATIO))
TRUE_MEANS = {
    "difference": MEANS[1] - MEANS[0],
    "ratio": MEANS[1] / MEANS[0],
    "lost ratio": (HORIZON - MEANS[1]) / (HORIZON - MEANS[0]),
}
STEP = survival(RATIO) - survival(1)
MARGINAL = {
    **{
        f"restricted mean {measure}, {' and '.join(how) or 'plain'}": (
            at(models.restricted_mean, horizon=HORIZON, measure=measure, **how),
            truth,
        )
        for measure, truth in TRUE_MEANS.items()
        for how in ({}, {"adjust": "x"}, {"strata": "upper"})
        if not (how == {"adjust": "x"} and measure != "difference")
    },
    "restricted mean difference, adjust and strata": (
        at(models.restricted_mean, horizon=HORIZON, adjust="x", strata="upper"),
        TRUE_MEANS["difference"],
    ),
    **{
        f"survival difference, {next(iter(how))}": (
            at(models.survival_difference, at=HORIZON, **how),
            STEP,
        )
        for how in ({"adjust": "x"}, {"strata": "upper"})
    },
    "marginal hazard ratio": (at(models.marginal_hazard_ratio, adjust="x"), RATIO),
    "win ratio": (partial(models.win_ratio, outcomes="reoffence"), 1 / RATIO),
    "win odds": (
        partial(models.win_ratio, outcomes="reoffence", measure="win odds"),
        (WON + TIED / 2) / (LOST + TIED / 2),
    ),
    "net benefit": (
        partial(models.win_ratio, outcomes="reoffence", measure="net benefit"),
        WON - LOST,
    ),
    "median under control": (partial(median, arm=0), np.log(2) / HAZARD),
    "median under treatment": (partial(median, arm=1), np.log(2) / (HAZARD * RATIO)),
    "bootstrap, restricted mean difference": (
        partial(bootstrapped, horizon=HORIZON),
        TRUE_MEANS["difference"],
    ),
    "bootstrap, survival difference, percentile": (
        partial(
            bootstrapped, horizon=HORIZON, statistic="survival difference", interval="percentile"
        ),
        STEP,
    ),
    "bootstrap, hazard ratio": (partial(bootstrapped, statistic="hazard ratio"), RATIO),
}
ALIKE = {
    "hazard ratio, strata": (at(models.hazard_ratio, strata="risk"), RATIO),
    "hazard ratio, adjust": (at(models.hazard_ratio, adjust="risk"), RATIO),
    "hazard ratio, offset": (at(models.hazard_ratio, offset="score"), RATIO),
    "marginal hazard ratio, strata": (
        at(models.marginal_hazard_ratio, adjust="x", strata="risk"),
        RATIO,
    ),
    "win ratio, strata": (
        partial(models.win_ratio, outcomes="reoffence", strata="risk"),
        1 / RATIO,
    ),
    "standardised difference, adjust": (
        partial(standardised, measure="difference", adjust="risk"),
        mixed(RATIO) - mixed(1),
    ),
    "standardised ratio, adjust": (
        partial(standardised, measure="ratio", adjust="risk"),
        mixed(RATIO) / mixed(1),
    ),
    "standardised difference, strata": (
        partial(standardised, measure="difference", strata="risk"),
        mixed(RATIO) - mixed(1),
    ),
}
draw_null = partial(draw_alike, ratio=1.0)


def maxcombo(trial: ce.Trial, **asked: Any) -> Any:
    """Four weights, their joint chance to 0.001: to six digits it takes a fifth of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("checkpoint_eval.models.maxcombo.POINTS", 5000)
        return models.maxcombo_test(trial, outcome="reoffence", **asked)


def of_arms(trial: ce.Trial) -> SimpleNamespace:
    """Proportional hazards of the arms, in strata."""
    found = models.proportional_hazards_test(trial, outcome="reoffence", strata="risk")
    return SimpleNamespace(p_value=found.p_value[0])


WEIGHTS = (
    *(models.FlemingHarrington(rho=rho, gamma=gamma) for rho in (0, 1) for gamma in (0, 1)),
    models.ModestlyWeighted(until=HORIZON / 2),
    models.ModestlyWeighted(survival=0.5),
    models.Gehan(),
    models.TaroneWare(),
    models.PetoPeto(),
)
TESTS = {
    **{weight.told: (at(models.logrank_test, weight=weight), None) for weight in WEIGHTS},
    "log-rank, strata": (at(models.logrank_test, strata="risk"), None),
    "MaxCombo": (maxcombo, None),
    "MaxCombo, strata": (partial(maxcombo, strata="risk"), None),
    "adjusted log-rank": (at(models.adjusted_logrank_test, adjust="x"), None),
    "adjusted log-rank, strata": (
        at(models.adjusted_logrank_test, adjust="x", strata="risk"),
        None,
    ),
}
PROPORTIONAL = {"proportional hazards": (of_arms, None)}
# A log-linear mean is wrong of these times, which a ratio of randomised arms need not mind: by
# least squares the lost ratio was off by a standard error at half the people, where its interval
# covered 93 % by this score too: the sandwich wants more people when so much is foretold.
draw_foretold = partial(draw_marginal, foretells=0.9, people=600)
FORETOLD = {
    f"restricted mean {measure}, adjust": (
        at(models.restricted_mean, horizon=HORIZON, measure=measure, adjust="x"),
        TRUE_MEANS[measure],
    )
    for measure in ("ratio", "lost ratio")
}
ROOMS = {
    draw_marginal: MARGINAL,
    draw_foretold: FORETOLD,
    draw_alike: ALIKE | TESTS,
    draw_null: TESTS | PROPORTIONAL,
    draw_late: {"hazard ratio, entry": (at(models.hazard_ratio, entry="since"), RATIO)},
    draw_sampled: {"hazard ratio, weights": (at(models.hazard_ratio, weights="weight"), RATIO)},
    draw_switching: {
        "hazard ratio, varying": (
            lambda trial: models.hazard_ratio(trial, outcome="reoffence", varying=changes(trial)),
            RATIO,
        ),
        "varying": (switched, np.log(SWITCHED)),
    },
}
CASES = [
    pytest.param(draw, name, id=name)
    for draw, methods in ROOMS.items()
    for name, (_verb, truth) in methods.items()
    if truth is not None
]


@pytest.mark.parametrize(("draw", "name"), CASES)
def test_bias_and_coverage(draw: Callable[..., ce.Trial], name: str, recovery: Any) -> None:
    recovery.check_estimates(draw, ROOMS[draw], name)


@pytest.mark.parametrize("name", TESTS | PROPORTIONAL)
def test_size(name: str, recovery: Any) -> None:
    recovery.check_size(draw_null, ROOMS[draw_null], name)


@pytest.mark.parametrize("name", TESTS)
def test_direction(name: str, recovery: Any) -> None:
    recovery.check_direction(draw_alike, ROOMS[draw_alike], name)
