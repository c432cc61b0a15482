"""Trials whose truth is known: bias, coverage and size of each method.

Times are exponential with hazards λ and λ·HR, censored uniformly late, so every estimand has a
closed form: S(t) = exp(−λt), restricted mean (1 − exp(−λτ))/λ. Bounds are Monte Carlo: five
standard errors of a share or a mean over the trials simulated, on top of what the method allows.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce

HAZARD, RATIO, HORIZON = 0.02, 0.7, 30.0
SIZES = [pytest.param(150, id="reduced"), pytest.param(2000, id="full", marks=pytest.mark.slow)]
# A method whose asymptotics hold covers within this of its nominal level; the rest is simulation.
SLACK = 0.012


def draw(rng: np.random.Generator, people: int, ratio: float) -> ce.Trial:
    """One trial: complete randomisation, a prognostic covariate, censoring after the horizon."""
    arm = rng.permutation(np.repeat([0, 1], people // 2))
    event = rng.exponential(1 / (HAZARD * ratio**arm))
    end = rng.uniform(HORIZON + 1, 2 * HORIZON, people)
    frame = pd.DataFrame(
        {
            "arm": arm,
            "time": np.minimum(event, end),
            "event": event <= end,
            "noise": rng.normal(size=people),
        }
    )
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        covariates=["noise"],
        times={"reoffence": ("time", "event", "weeks")},
    )


def survival(ratio: float, t: float = HORIZON) -> float:
    return float(np.exp(-HAZARD * ratio * t))


def mean_time(ratio: float) -> float:
    return (1 - survival(ratio)) / (HAZARD * ratio)


Verb = Callable[[ce.Trial], ce.Estimate]
AT = {"outcome": "reoffence", "horizon": HORIZON}
ODDS = [(1 - survival(ratio)) / survival(ratio) for ratio in (1.0, RATIO)]
METHODS: dict[str, tuple[Verb, float]] = {
    "hazard ratio": (lambda trial: ce.hazard_ratio(trial, outcome="reoffence"), RATIO),
    "hazard ratio, Breslow": (
        lambda trial: ce.hazard_ratio(trial, outcome="reoffence", ties="breslow"),
        RATIO,
    ),
    "hazard ratio, adjusted, sandwich": (
        lambda trial: ce.hazard_ratio(trial, outcome="reoffence", adjust="noise", robust=True),
        RATIO,
    ),
    "restricted mean difference": (
        lambda trial: ce.restricted_mean(trial, **AT),
        mean_time(RATIO) - mean_time(1),
    ),
    "restricted mean ratio": (
        lambda trial: ce.restricted_mean(trial, measure="ratio", **AT),
        mean_time(RATIO) / mean_time(1),
    ),
    "survival difference": (
        lambda trial: ce.survival_difference(trial, outcome="reoffence", at=HORIZON),
        survival(RATIO) - survival(1),
    ),
    "risk difference": (
        lambda trial: ce.risk_difference(trial, **AT),
        survival(1) - survival(RATIO),
    ),
    "risk difference, score": (
        lambda trial: ce.risk_difference(trial, interval="miettinen-nurminen", **AT),
        survival(1) - survival(RATIO),
    ),
    "risk ratio": (
        lambda trial: ce.risk_ratio(trial, **AT),
        (1 - survival(RATIO)) / (1 - survival(1)),
    ),
    "odds ratio": (lambda trial: ce.odds_ratio(trial, **AT), ODDS[1] / ODDS[0]),
    "risk difference, standardised": (
        lambda trial: ce.risk_difference(trial, adjust="noise", **AT),
        survival(1) - survival(RATIO),
    ),
}


@pytest.mark.parametrize("trials", SIZES)
@pytest.mark.parametrize("name", METHODS)
def test_bias_and_coverage(name: str, trials: int) -> None:
    verb, truth = METHODS[name]
    rng = np.random.default_rng([20161, trials])
    found = [verb(draw(rng, 400, RATIO)) for _ in range(trials)]
    log = found[0].scale == "ratio"
    scale: Callable[[object], np.ndarray] = np.log if log else np.asarray
    value, target = scale([each.value for each in found]), float(scale(truth))
    covered = np.mean([each.low <= truth <= each.high for each in found])
    spread = value.std(ddof=1)
    assert abs(value.mean() - target) < 5 * spread / np.sqrt(trials) + 0.02 * spread
    error = np.sqrt(0.95 * 0.05 / trials)
    assert 0.95 - SLACK - 5 * error < covered < 0.95 + SLACK + 5 * error
    reported = np.array([each.std_error for each in found])
    if np.isfinite(reported).all():
        # A standard deviation from N trials is itself uncertain by about 1/sqrt(2N).
        assert np.mean(reported) == pytest.approx(spread, rel=0.03 + 5 / np.sqrt(2 * trials))


@pytest.mark.slow
def test_coverage_lies_where_the_documentation_says() -> None:
    """93 to 97 per cent at 400 people, for every method with an interval."""
    rng = np.random.default_rng(7)
    drawn = [draw(rng, 400, RATIO) for _ in range(2000)]
    for name, (verb, truth) in METHODS.items():
        found = [verb(trial) for trial in drawn]
        covered = np.mean([each.low <= truth <= each.high for each in found])
        assert 0.93 < covered < 0.97, f"{name}: {covered}"


@pytest.mark.parametrize("trials", SIZES)
def test_size_of_the_tests(trials: int) -> None:
    """At no effect each test rejects at its level; Fisher's exact at most."""
    rng = np.random.default_rng([99, trials])
    draws = 199  # with 199 draws the randomisation p has exact size at 0.05
    p_values: dict[str, list[float]] = {"log-rank": [], "omnibus": [], "draws": [], "fisher": []}
    for _ in range(trials):
        trial = draw(rng, 200, 1.0)
        p_values["log-rank"].append(ce.logrank_test(trial, outcome="reoffence").p_value)
        p_values["omnibus"].append(ce.omnibus_balance(trial).p_value)
        test = ce.randomisation_test(
            trial,
            outcome="reoffence",
            statistic="risk difference",
            horizon=30,
            draws=draws,
            rng=rng,
        )
        p_values["draws"].append(test.p_value)
        p_values["fisher"].append(ce.risk_difference(trial, **AT).p_value)
    error = 5 * np.sqrt(0.05 * 0.95 / trials)
    rejected = {name: np.mean(np.array(each) <= 0.05) for name, each in p_values.items()}
    for name in ("log-rank", "omnibus"):
        assert 0.05 - 0.008 - error < rejected[name] < 0.05 + 0.008 + error
    # Whole-number risks tie, so the exact tests reject at most at their level.
    for name in ("draws", "fisher"):
        assert rejected[name] < 0.05 + error
    # The mean of a p-value is at least one half: never systematically small.
    assert np.mean(p_values["draws"]) > 0.5 - 5 * np.sqrt(1 / 12 / trials)
