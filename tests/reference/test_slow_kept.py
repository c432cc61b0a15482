"""Omnibus balance of clusters, and p by redrawing, against slow sums and full enumeration."""

from __future__ import annotations

from fractions import Fraction
from math import exp, sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest
import slow_kept as slow

import checkpoint_eval as ce
from checkpoint_eval.balance import attrition, treatment_integrity
from checkpoint_eval.design import Clustered, Complete, Minimisation, PermutedBlocks, Stratified

CLOSED = 1e-9  # sums of a few dozen numbers in another order
DRAWS = 20_000
N = 8
PEOPLE = pd.DataFrame(
    {
        "arm": [0, 1, 1, 0, 0, 1, 0, 1],
        "x": [1.0, 4, 2, 8, 5, 7, 3, 9],
        "y": [0, 1, 1, 1, 0, 1, 0, 0],
        "sex": list("mfmfmmff"),
        "half": list("ppqqpqpq"),
        "out": [0, 1, None, 1, 0, None, 1, None],
    }
)
TEAMS = pd.DataFrame(
    {
        "team": list("aabbbcdddeef"),
        "site": list("nnnnnnssssss"),
        "x": [1.0, 5, 2, 8, 3, 9, 4, 4, 7, 1, 6, 2],
        "y": [0, 1, 1, 1, 0, 0, 1, 0, 0, 1, 0, 1],
        "out": [0, None, 1, None, 1, 0, 1, 0, 1, 0, None, 1],
    }
)
TEAMS["arm"] = TEAMS["team"].map({"a": 0, "b": 1, "c": 0, "d": 1, "e": 1, "f": 0})


def read(table: pd.DataFrame, **options: Any) -> ce.Trial:
    """In order of arrival, whatever the rule."""
    usual = {"covariates": ["x", "y"], "binary": {"out": "out"}, "order": "rows"}
    return ce.Trial.from_frame(table, arm="arm", control=0, **(usual | options))


RULES = {
    "complete": (PEOPLE, Complete(counts=(4, 4)), slow.complete(N, 4)),
    "blocked": (
        PEOPLE.assign(arm=[0, 1, 1, 0, 0, 1, 0, 1]),
        PermutedBlocks(sizes=(4,)),
        slow.joined(slow.complete(4, 2), slow.complete(4, 2)),
    ),
    "clustered": (
        TEAMS,
        Clustered(rule=Complete(counts=(3, 3)), by="team"),
        slow.clustered(slow.complete(6, 3), TEAMS["team"].tolist()),
    ),
    "minimised": (
        PEOPLE,
        Minimisation(factors=["sex", "half"], p_best=0.8),
        slow.minimised(PEOPLE[["sex", "half"]].to_numpy().tolist(), Fraction(4, 5)),
    ),
}


def near(found: float, exact: float, draws: int = DRAWS) -> None:
    """Within five standard errors of a share of draws."""
    error = sqrt(exact * (1 - exact) / draws)
    assert abs(found - exact) < 5 * error + 1 / draws


def given(name: str) -> tuple[pd.DataFrame, ce.Trial, slow.Ways]:
    """The people, their trial and every way to allocate them."""
    table, rule, ways = RULES[name]
    assert sum(ways.values()) == 1
    factors = ["team"] if "team" in table else ["half", "sex"]
    return table, read(table, rule=rule, factors=factors), ways


@pytest.mark.parametrize("name", list(RULES))
def test_omnibus_redrawn_against_enumeration(name: str) -> None:
    """The rule's own allocations, weighted: p within the error of the draws."""
    table, trial, ways = given(name)
    columns = table[["x", "y"]].to_numpy(dtype=float)

    def form(way: slow.Way) -> float:
        if name == "clustered":
            return slow.cluster_form(columns, way, table["team"].tolist())
        return slow.people_form(columns, way)

    seen = form(tuple(table["arm"]))
    found = ce.omnibus_balance(trial, draws=DRAWS, rng=np.random.default_rng(7))
    assert found.statistic == pytest.approx(seen, rel=CLOSED)
    assert found.draws == DRAWS
    near(found.p_value, slow.at_least(ways, form, seen))


@pytest.mark.parametrize("name", list(RULES))
def test_attrition_redrawn_against_enumeration(name: str) -> None:
    """The spread of the shares lost, over the rule's own allocations."""
    table, trial, ways = given(name)
    statistic = slow.shares_apart(table["out"].isna().astype(int).tolist())
    seen = statistic(tuple(table["arm"]))
    found = attrition(trial, outcome="out", draws=DRAWS, rng=np.random.default_rng(8)).test
    assert abs(found.statistic) == pytest.approx(seen, rel=CLOSED)
    near(found.p_value, slow.at_least(ways, statistic, seen))


@pytest.mark.parametrize("seed", range(6))
def test_redrawn_p_counts_the_allocation_seen(seed: int) -> None:
    """(b + 1) / (B + 1): with 9 draws a whole number of tenths, never 0."""
    table = PEOPLE.assign(x=[1, 90, 91, 2, 3, 92, 4, 93], out=[0, None, None, 1, 0, None, 1, None])
    trial = read(table, rule=Complete(counts=(4, 4)))
    rng = np.random.default_rng(seed)
    tests = [
        ce.omnibus_balance(trial, draws=9, rng=rng),
        attrition(trial, outcome="out", draws=9, rng=rng).test,
    ]
    for test in tests:
        assert test.p_value > 0
        assert 10 * test.p_value == pytest.approx(round(10 * test.p_value), abs=1e-9)


@pytest.mark.parametrize("stratified", [False, True])
def test_clusters_against_slow_sums(*, stratified: bool) -> None:
    """Six teams, in one place or in two."""
    strata = ["site"] if stratified else []
    trial = read(TEAMS, factors=["team"], strata=strata)
    want = slow.cluster_form(
        TEAMS[["x", "y"]].to_numpy(dtype=float),
        TEAMS["arm"].tolist(),
        TEAMS["team"].tolist(),
        TEAMS["site"].tolist() if stratified else None,
    )
    assert ce.omnibus_balance(trial, clusters="team").statistic == pytest.approx(want, rel=CLOSED)
    alone = ce.omnibus_balance(trial).statistic
    assert alone != pytest.approx(want, rel=0.01)  # the clusters were not ignored


def test_clusters_of_a_stated_rule_are_the_default() -> None:
    """Said by the rule or in the call; people are compared when clusters are named away."""
    rule = Clustered(rule=Complete(counts=(3, 3)), by="team")
    stated = ce.omnibus_balance(read(TEAMS, rule=rule))
    named = ce.omnibus_balance(read(TEAMS, factors=["team"]), clusters=["team"])
    assert stated.statistic == pytest.approx(named.statistic, rel=CLOSED)
    assert stated.df == named.df == 2


def test_clusters_within_strata_of_a_rule() -> None:
    """Teams drawn within sites: 3 · 3 ways, three of each arm seen as 1 of 3 and 2 of 3."""
    rule = Stratified(
        rule={
            "site=n": Clustered(rule=Complete(counts=(2, 1)), by="team"),
            "site=s": Clustered(rule=Complete(counts=(1, 2)), by="team"),
        },
        by="site",
    )
    trial = read(TEAMS, rule=rule, factors=["team"])
    where, teams = TEAMS["site"].tolist(), TEAMS["team"].tolist()
    columns = TEAMS[["x", "y"]].to_numpy(dtype=float)
    ways = slow.clustered(slow.joined(slow.complete(3, 1), slow.complete(3, 2)), teams)

    def form(way: slow.Way) -> float:
        return slow.cluster_form(columns, way, teams, where)

    seen = form(tuple(TEAMS["arm"]))
    found = ce.omnibus_balance(trial, clusters="team", draws=DRAWS, rng=np.random.default_rng(5))
    assert found.statistic == pytest.approx(seen, rel=CLOSED)
    near(found.p_value, slow.at_least(ways, form, seen))


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_limits_against_bisection(level: float) -> None:
    """Every count of up to 9, as a trial of its own."""
    for people in range(1, 10):
        for kept in range(people + 1):
            table = pd.DataFrame(
                {
                    "arm": ["c"] * people + ["t"],
                    "got": ["c"] * kept + ["t"] * (people - kept) + ["t"],
                }
            )
            trial = ce.Trial.from_frame(table, arm="arm", control="c", received="got")
            row = treatment_integrity(trial, level=level).rows[0]
            want = slow.wilson(kept, people, level)
            assert (row.low, row.high) == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_tests_of_losses_and_distances(seed: int) -> None:
    """Fisher, Pearson and Kolmogorov-Smirnov in fractions, on random people."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(12, 30))
    arms = 2 + seed % 2
    table = pd.DataFrame(
        {
            "arm": np.arange(n) % arms,
            "x": rng.integers(0, 6, n),
            "out": np.where(rng.random(n) < 0.4, np.nan, 1.0),
        }
    )
    table.loc[:2, "out"] = [np.nan, 1.0, 0.0]
    trial = ce.Trial.from_frame(
        table, arm="arm", control=0, arms=range(arms), covariates=["x"], binary={"out": "out"}
    )
    got = attrition(trial, outcome="out")
    groups = [table[table["arm"] == a] for a in range(arms)]
    lost = [int(g["out"].isna().sum()) for g in groups]
    people = [len(g) for g in groups]
    assert (got.lost, got.people) == (tuple(lost), tuple(people))
    if arms == 2:
        exact = slow.fisher(lost[0], people[0], lost[1], people[1])
        assert got.test.p_value == pytest.approx(float(exact), rel=CLOSED)
        row = ce.standardised_differences(trial).rows[0]
        want = slow.greatest_distance(*(g["x"].tolist() for g in groups))
        assert row.ks == pytest.approx(float(want), abs=1e-12)
    else:
        want = float(slow.pearson_table(lost, people))
        assert got.test.p_value == pytest.approx(exp(-want / 2), rel=CLOSED)  # 2 df


def test_the_chi_square_of_three_arms_is_told() -> None:
    """9, 8 and 2 of 20: a test that calls itself chi-square gives it, and its df."""
    lost = [9, 8, 2]
    table = pd.DataFrame({"arm": np.repeat([0, 1, 2], 20), "out": 1.0})
    for arm, gone in enumerate(lost):
        table.loc[20 * arm : 20 * arm + gone - 1, "out"] = np.nan
    table.loc[19, "out"] = 0.0
    trial = ce.Trial.from_frame(table, arm="arm", control=0, arms=range(3), binary={"out": "out"})
    test = attrition(trial, outcome="out").test
    want = float(slow.pearson_table(lost, [20, 20, 20]))
    assert (test.statistic, test.df) == pytest.approx((want, 2), rel=CLOSED)
