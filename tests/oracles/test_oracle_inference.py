"""Randomisation tests against R: coin's exact tests, and survdiff, t.test and lm over a list."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.design import Complete, Stratified

SAME = 1e-9  # shares of 924 allocations; statistics of R's lm and survdiff
SIDES = ("two-sided", "less", "greater")
RULES = {
    "": (None, Complete(counts=(6, 6))),
    "block": (None, Stratified(rule=Complete(counts=(3, 3)), by="block")),
}


@pytest.fixture(scope="module")
def listed() -> dict[str, Any]:
    """What `Rscript tests/oracles/inference.R` wrote."""
    path = Path(__file__).parent / "inference.json"
    return json.loads(path.read_text(encoding="utf-8"))


def read(listed: dict[str, Any], block: str = "", rule: Any = None) -> ce.Trial:
    """The twelve people of R."""
    people = pd.DataFrame(listed["people"])
    return ce.Trial.from_frame(
        people.assign(years=people["age"], before=people["any"]),
        arm="arm",
        control=0,
        strata=[block] if block else [],
        covariates=["years", "before"],
        numeric={"days": "days", "age": "age"},
        binary={"any": "any"},
        times={"re": ("week", "event", "weeks")},
        rule=rule,
    )


def same(trial: ce.Trial, asked: dict[str, Any], want: dict[str, float], size: int) -> None:
    """All three alternatives, and the statistic where R gave it."""
    for side in SIDES if isinstance(asked["outcome"], str) else SIDES[:1]:
        found = ce.randomisation_test(
            trial, **asked, alternative=side, rng=np.random.default_rng(1)
        )
        assert found.p_value == pytest.approx(want[side], rel=SAME), side
        assert found.draws == size
        if "statistic" in want:
            assert found.statistic == pytest.approx(want["statistic"], rel=SAME)


BY_COIN = {
    "means": {"outcome": "days", "statistic": "mean difference"},
    "risks": {"outcome": "any", "statistic": "risk difference"},
    "ranks": {"outcome": "days", "statistic": "rank sum"},
    "ranks_binary": {"outcome": "any", "statistic": "rank sum"},
}


@pytest.mark.parametrize("stated", [0, 1], ids=["no rule", "rule"])
@pytest.mark.parametrize("name", BY_COIN)
def test_coin(name: str, stated: int, listed: dict[str, Any]) -> None:
    """independence_test and wilcox_test, distribution = "exact"."""
    trial = read(listed, rule=RULES[""][stated])
    same(trial, BY_COIN[name], listed["by_coin"][name], listed["allocations"][0])


@pytest.mark.parametrize("stated", [0, 1], ids=["no rule", "rule"])
@pytest.mark.parametrize("name", ["means", "risks"])
def test_coin_in_blocks(name: str, stated: int, listed: dict[str, Any]) -> None:
    """`| block`: with equal shares in the blocks coin's sum orders as the difference does."""
    trial = read(listed, "block", RULES["block"][stated])
    want = listed["by_coin"][f"{name}_blocked"]
    same(trial, BY_COIN[name], want, listed["allocations"][1])


def test_coin_logrank_scores(listed: dict[str, Any]) -> None:
    """Its log-rank test is of a sum of scores, low for early events: a statistic of one's own."""
    scores = np.array(listed["scores"])

    def own(arm: np.ndarray[Any, Any], people: Any) -> np.ndarray[Any, Any]:
        return (arm - 0.5) @ scores[people.people]

    asked = {"outcome": "re", "statistic": own}
    same(read(listed), asked, listed["by_coin"]["scores"], listed["allocations"][0])


LISTED = {
    "logrank": {"outcome": "re"},
    "logrank_rho1": {"outcome": "re", "weight": ce.FlemingHarrington(rho=1)},
    "studentised": {"outcome": "days", "statistic": "studentised difference"},
    "adjusted": {
        "outcome": "days",
        "statistic": "adjusted difference",
        "adjust": ["years", "before"],
    },
}
STRATA = {
    "logrank": "logrank_strata",
    "logrank_rho1": "logrank_strata_rho1",
    "studentised": "studentised_strata",
    "adjusted": "adjusted_strata",
}


@pytest.mark.parametrize("stated", [0, 1], ids=["no rule", "rule"])
@pytest.mark.parametrize("block", RULES)
@pytest.mark.parametrize("name", LISTED)
def test_listed(name: str, block: str, stated: int, listed: dict[str, Any]) -> None:
    """survdiff (stratified too), Welch's t, and the residuals of lm, over R's own list."""
    trial = read(listed, block, RULES[block][stated])
    want = listed["by_listing"][STRATA[name] if block else name]
    same(trial, LISTED[name], want, listed["allocations"][bool(block)])


def test_the_largest(listed: dict[str, Any]) -> None:
    """Of Welch's t and survdiff's z."""
    want = listed["by_listing"]["largest"]
    same(read(listed), {"outcome": ["days", "re"]}, want, listed["allocations"][0])


def test_interval_is_what_coin_does_not_reject(listed: dict[str, Any]) -> None:
    """On a grid of effects; between two of them where the interval ends."""
    for level in (0.8, 0.95, 0.99):
        found = ce.randomisation_interval(
            read(listed), outcome="days", level=level, rng=np.random.default_rng(1)
        )
        kept = [
            effect
            for effect, p in zip(listed["grid"], listed["p_at"], strict=True)
            if p > 1 - level + 1e-9
        ]
        assert kept[0] - 0.25 - 1e-9 <= found.low <= kept[0] + 1e-9
        assert kept[-1] - 1e-9 <= found.high <= kept[-1] + 0.25 + 1e-9
    assert found.p_value == pytest.approx(listed["by_coin"]["means"]["two-sided"], rel=SAME)


def test_coin_approximate(listed: dict[str, Any]) -> None:
    """Two Monte Carlo p-values of one exact p, in blocks: 5 standard errors of their difference."""
    want, draws = listed["approximate"], 399
    for side in SIDES:
        found = ce.randomisation_test(
            read(listed, "block"),
            outcome="age",
            statistic="mean difference",
            alternative=side,
            draws=draws,
            rng=np.random.default_rng(1),
        )
        assert found.monte_carlo_error > 0
        p = want[side]
        room = 5 * math.sqrt(p * (1 - p) * (1 / draws + 1 / want["draws"])) + 1 / draws
        assert abs(found.p_value - p) < room
