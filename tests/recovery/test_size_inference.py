"""
Size and coverage over the whole support of a rule, not by simulation.

With nobody's outcome changed by treatment, the trial that would have been seen is tested for every
allocation the rule can make. The weight of those with p <= α is at most α, for every α; as each p
is the weight of what is at least as extreme, it is p itself at every p that occurs. An allocation
with nobody in an arm is no trial: nothing is rejected there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.design import (
    BiasedCoin,
    BigStick,
    Clustered,
    Complete,
    Custom,
    Mahalanobis,
    MaximalProcedure,
    Minimisation,
    PermutedBlocks,
    Rerandomised,
    Rule,
    Stratified,
    Support,
)

PEOPLE = pd.DataFrame(
    {
        "came": [2, 3, 5, 7, 11, 13, 17, 19],
        "suite": ["n", "s", "s", "n", "n", "s", "n", "s"],
        "band": ["lo", "hi", "lo", "lo", "hi", "hi", "lo", "lo"],
        "team": ["a", "b", "b", "c", "c", "d", "a", "d"],
        "age": [19.0, 44.0, 31.0, 52.0, 23.0, 38.0, 27.0, 61.0],
        "days": [12.0, 30.0, 7.0, 12.0, 41.0, 3.0, 18.0, 26.0],
        "any": [1, 0, 1, 1, 0, 1, 0, 0],
        "week": [4, 9, 2, 4, 12, 6, 9, 3],
        "event": [1, 1, 1, 0, 1, 1, 0, 1],
    }
)
UNEVEN = Complete(counts=(5, 3)).support(8).arm[::4]
RULES: dict[str, Rule] = {
    "complete": Complete(counts=(5, 3)),
    "strata": Stratified(
        rule={"n": Complete(counts=(2, 2)), "s": Complete(counts=(3, 1))}, by="suite"
    ),
    "blocks": PermutedBlocks(sizes=(4,)),
    "coin": BiasedCoin(p=2 / 3),
    "stick": BigStick(tolerance=2),
    "maximal": MaximalProcedure(tolerance=2, people=8),
    "minimisation": Minimisation(factors=["suite", "band"]),
    "clusters": Clustered(rule=Complete(counts=(2, 2)), by="team"),
    "rerandomised": Rerandomised(
        rule=Complete(counts=(4, 4)), criterion=Mahalanobis(covariates=("age",), acceptance=0.5)
    ),
    "custom": Custom(matrix=UNEVEN, weights=range(1, len(UNEVEN) + 1)),
}


def own(arm: np.ndarray[Any, Any], people: Any) -> np.ndarray[Any, Any]:
    """Largest outcome among the treated."""
    return np.where(arm == 1, people.value, -np.inf).max(axis=1)


STATISTICS: dict[str, dict[str, Any]] = {
    "means": {"outcome": "days", "statistic": "mean difference"},
    "risks": {"outcome": "any", "statistic": "risk difference"},
    "studentised": {"outcome": "days", "statistic": "studentised difference"},
    "adjusted": {"outcome": "days", "statistic": "adjusted difference", "adjust": "age"},
    "ranks": {"outcome": "days", "statistic": "rank sum"},
    "log-rank": {"outcome": "re"},
    "late": {"outcome": "re", "weight": ce.FlemingHarrington(rho=0, gamma=1)},
    "largest": {"outcome": ["days", "re"]},
    "own": {"outcome": "days", "statistic": own},
}


class Seen(NamedTuple):
    """A trial that may have been, and how likely; none when an arm was empty."""

    trial: ce.Trial | None
    weight: float
    arm: np.ndarray[Any, Any]


def support_of(name: str) -> Support:
    """Every allocation of the eight people."""
    return RULES[name].support(PEOPLE)


def worlds(name: str, *, lost: bool = False, effect: float = 0) -> list[Seen]:
    """Every trial that may have been seen; what is not known is so whatever the arm."""
    seen = []
    support = support_of(name)
    for arm, weight in zip(support.arm, support.weight, strict=True):
        frame = PEOPLE.assign(arm=arm, days=PEOPLE["days"] + effect * arm)
        if lost:
            frame.loc[2, ["days", "any", "week", "event"]] = np.nan
        seen.append(Seen(_read(frame, name), float(weight), arm))
    assert sum(one.weight for one in seen) == pytest.approx(1, rel=1e-12)
    return seen


def _read(frame: pd.DataFrame, name: str) -> ce.Trial | None:
    if frame["arm"].nunique() == 1:
        return None
    return ce.Trial.from_frame(
        frame.sample(frac=1, random_state=3),
        arm="arm",
        control=0,
        covariates=["age"],
        numeric={"days": "days"},
        binary={"any": "any"},
        times={"re": ("week", "event", "weeks")},
        rule=RULES[name],
        order="came",
    )


def p_values(seen: list[Seen], asked: dict[str, Any], side: str) -> np.ndarray[Any, Any]:
    """One a world; 1 where there is no trial or no statistic: nothing is rejected."""
    found = []
    for one in seen:
        p = 1.0
        if one.trial is not None:
            test = ce.randomisation_test(
                one.trial, **asked, alternative=side, rng=np.random.default_rng(1)
            )
            p = test.p_value if test.estimable else 1.0
            assert test.monte_carlo_error == 0 or not test.estimable
        found.append(p)
    return np.array(found)


def check_size(rule: str, statistic: str, side: str, *, lost: bool = False) -> None:
    """At every p that occurs, and so for every α."""
    seen = worlds(rule, lost=lost)
    weight = np.array([one.weight for one in seen])
    p = p_values(seen, STATISTICS[statistic], side)
    for alpha in np.unique(p[p < 1]):
        rejected = weight[p <= alpha + 1e-10].sum()
        assert rejected <= alpha + 1e-9
        # One's own may be defined, and the largest of what is defined, where no trial is.
        if statistic not in ("largest", "own") or rule in SMALL:
            assert rejected == pytest.approx(alpha, rel=1e-9)


SMALL = ("complete", "strata", "blocks", "clusters", "custom")
CELLS = [
    pytest.param(rule, statistic, marks=() if rule in SMALL else pytest.mark.slow)
    for rule in RULES
    for statistic in STATISTICS
]


@pytest.mark.parametrize(("rule", "statistic"), CELLS)
def test_size_is_exact(rule: str, statistic: str) -> None:
    """Two-sided, every outcome known."""
    check_size(rule, statistic, "two-sided")


@pytest.mark.parametrize("side", ["less", "greater"])
@pytest.mark.parametrize("statistic", STATISTICS)
def test_size_of_one_side(statistic: str, side: str) -> None:
    """By rules that vary the chances; the largest has one side only."""
    if statistic != "largest":
        for rule in ("custom", "clusters"):
            check_size(rule, statistic, side)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_size_with_somebody_lost(statistic: str) -> None:
    """Who is lost is so in every world, and redrawn."""
    for rule in ("custom", "strata"):
        check_size(rule, statistic, "two-sided", lost=True)


@pytest.mark.parametrize("statistic", ["means", "log-rank", "studentised"])
def test_size_of_sequential_rules(statistic: str) -> None:
    """The first six of the same people, so that it is quick; a coin may leave an arm empty."""
    for rule in (BiasedCoin(p=0.75), BigStick(tolerance=2), Minimisation(factors=["suite"])):
        six = PEOPLE.iloc[:6]
        support = rule.support(six)
        p = []
        for arm in support.arm:
            trial = None
            if 0 < arm.sum() < 6:
                trial = ce.Trial.from_frame(
                    six.assign(arm=arm).iloc[::-1],
                    arm="arm",
                    control=0,
                    numeric={"days": "days"},
                    times={"re": ("week", "event", "weeks")},
                    rule=rule,
                    order="came",
                )
            p.extend(p_values([Seen(trial, 1, arm)], STATISTICS[statistic], "two-sided"))
        found = np.array(p)
        for alpha in np.unique(found[found < 1]):
            rejected = support.weight[found <= alpha + 1e-10].sum()
            assert rejected == pytest.approx(alpha, rel=1e-9)


INTERVALS: dict[str, dict[str, Any]] = {
    "means": {"statistic": "mean difference"},
    "adjusted": {"statistic": "adjusted difference", "adjust": "age"},
}
COVERED = [
    pytest.param(rule, kind, marks=() if rule in SMALL else pytest.mark.slow)
    for rule in RULES
    for kind in INTERVALS
]


@pytest.mark.parametrize(("rule", "kind"), COVERED)
def test_coverage_is_at_least_the_level(rule: str, kind: str) -> None:
    """A constant effect of −6.5 is in the interval with at least the chance it says."""
    seen = worlds(rule, effect=-6.5)
    for level in (0.6, 0.8, 0.9):
        covered = 0.0
        for one in seen:
            if one.trial is None:
                covered += one.weight
                continue
            found = ce.randomisation_interval(
                one.trial,
                outcome="days",
                level=level,
                rng=np.random.default_rng(1),
                **INTERVALS[kind],
            )
            inside = found.low - 1e-9 <= -6.5 <= found.high + 1e-9
            covered += one.weight * (inside or not found.estimable)
        assert covered >= level - 1e-9
        if rule in ("complete", "blocks"):  # no more than the steps of p allow
            assert covered <= level + 0.15


@pytest.mark.slow
@pytest.mark.parametrize("draws", [9, 19])
def test_size_of_the_monte_carlo_test(draws: int) -> None:
    """(b + 1) / (B + 1) <= α no more often than α, over allocations and draws; b / B would be."""
    rng, repeats = np.random.default_rng(5), 4000
    levels = np.array([1 / (draws + 1), 1 / draws, 2 / draws])
    trials, hits = worlds("complete"), np.zeros(3)
    for _ in range(repeats):
        one = trials[rng.integers(len(trials))].trial
        found = ce.randomisation_test(
            one, **STATISTICS["means"], alternative="greater", draws=draws, rng=rng
        )
        hits += found.p_value <= levels + 1e-12
    assert (hits / repeats <= levels + 5 * np.sqrt(levels * (1 - levels) / repeats)).all()
    assert (hits > 0).all()
