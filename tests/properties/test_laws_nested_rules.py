"""The laws of every rule, for minimisation and for rules within strata and clusters."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import same

from checkpoint_eval.design import (
    BiasedCoin,
    BigStick,
    Chen,
    Clustered,
    Complete,
    Custom,
    Mahalanobis,
    Minimisation,
    OneAtATime,
    PermutedBlocks,
    Rerandomised,
    Rule,
    Simple,
    Stratified,
    Support,
    Urn,
    rule_from_dict,
    rule_to_dict,
)

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

# A team lies in one suite and one band, so that it may be a cluster within either.
TEAMS = [("a", "n", "lo"), ("b", "n", "hi"), ("c", "s", "lo"), ("d", "s", "hi"), ("e", "n", "lo")]
SUITES, FACTORS = ["n", "s"], ["suite", "band"]
INTO: dict[int, list[tuple[int, ...]]] = {2: [(1, 1), (1, 2)], 3: [(1, 1, 1), (2, 1, 1)]}
positive = st.sampled_from([0.1, 0.3, 1.0, 1.7, 3.0])


@st.composite
def crowds(draw: DrawFn, most: int = 6) -> pd.DataFrame:
    """Up to six people; each of the columns may hold one level only."""
    rows = draw(st.lists(st.sampled_from(TEAMS), min_size=1, max_size=most))
    table = pd.DataFrame(rows, columns=["team", "suite", "band"])
    return table.assign(one="same", own=[f"p{n}" for n in range(len(rows))])


@st.composite
def minimisations(draw: DrawFn, arms: int) -> Minimisation:
    """Every imbalance and rule; unequal ratios where they are allowed."""
    how = draw(st.sampled_from(["best-only", "rank", "biased-coin"]))
    return Minimisation(
        factors=draw(st.permutations(FACTORS)),
        weights=draw(st.tuples(positive, positive)),
        p_best=draw(st.sampled_from([0.5, 0.7, 0.95])),
        imbalance=draw(st.sampled_from(["range", "variance", "sd"])),
        rule=how,
        ratio=(1,) * arms if how == "rank" else draw(st.sampled_from(INTO[arms])),
    )


def leaves(arms: int) -> SearchStrategy[Any]:
    """Rules for any number of people."""
    plain = [
        *[Simple(ratio=ratio) for ratio in INTO[arms]],
        *[PermutedBlocks(sizes=(sum(r), 2 * sum(r)), ratio=r) for r in INTO[arms]],
    ]
    two = [BiasedCoin(), Urn(alpha=1), BigStick(tolerance=1), Chen(tolerance=2)]
    known = st.sampled_from(plain + two * (arms == 2))
    return st.one_of(known, minimisations(arms))


def nested(arms: int) -> SearchStrategy[Any]:
    """Rules within strata, clusters, or both, either way round, twice over."""
    inner = leaves(arms)
    by = st.sampled_from([["suite"], ["band"], FACTORS, ["one"], {"suite": ["s", "none", "n"]}])
    strata = st.one_of(
        st.builds(lambda rule, by: Stratified(rule=rule, by=by), inner, by),
        st.builds(lambda a, b: Stratified(rule={"n": a, "suite=s": b}, by="suite"), inner, inner),
    )
    twice = st.builds(lambda rule, by: Stratified(rule=rule, by=by), strata, by)
    whole = st.builds(lambda rule: Clustered(rule=rule, by="team"), st.one_of(inner, strata, twice))
    split = st.builds(lambda rule, by: Stratified(rule=rule, by=by), whole, by)
    return st.one_of(inner, strata, twice, whole, split)


one_at_a_time = st.sampled_from([2, 2, 3]).flatmap(nested)


def odd_first(arms: np.ndarray[Any, Any], people: Any) -> np.ndarray[Any, Any]:
    """Accept when the arm of the first is odd, or all are alike: never nothing."""
    return (arms[:, 0] % 2 == 1) | (arms == arms[:, :1]).all(axis=1)


every_rule = st.one_of(
    one_at_a_time,
    st.builds(lambda rule: Rerandomised(rule=rule, criterion=odd_first), one_at_a_time),
)


def table_of(support: Support) -> dict[tuple[int, ...], float]:
    """Weight by allocation."""
    return dict(zip(map(tuple, support.arm.tolist()), support.weight.tolist(), strict=True))


def same_support(one: Rule, two: Rule, people: Any, other: Any = None) -> None:
    """The same allocations, as likely."""
    found = table_of(two.support(people if other is None else other))
    assert table_of(one.support(people)) == pytest.approx(found, rel=1e-11)


@given(every_rule, crowds())
@settings(max_examples=80)
def test_the_mean_of_the_support_is_what_is_stated(rule: Rule, people: pd.DataFrame) -> None:
    support = rule.support(people)
    stated = rule.probabilities(people)
    assert support.weight.sum() == pytest.approx(1, rel=1e-12)
    assert (support.weight > 0).all()
    assert len(np.unique(support.arm, axis=0)) == len(support.arm)
    for arm in range(stated.shape[1]):
        same(support.weight @ (support.arm == arm), stated[:, arm], rel=1e-12)
    same(support.probabilities(stated.shape[1]), stated, rel=1e-12)


@given(one_at_a_time, crowds(most=5))
@settings(max_examples=50)
def test_walking_gives_the_weight(rule: OneAtATime, people: pd.DataFrame) -> None:
    """Chances multiplied along each row; a branch of the walk that is no row has chance 0."""
    persons = people.to_dict("records")
    support = rule.support(people)

    @cache
    def state(path: tuple[int, ...]) -> Any:
        if not path:
            return rule.start()
        later = rule.after(state(path[:-1]), path[-1], persons[len(path) - 1])
        return json.loads(json.dumps(later))

    for path, weight in table_of(support).items():
        steps = [rule.chances(state(path[:n]), persons[n])[arm] for n, arm in enumerate(path)]
        assert np.prod(steps) == pytest.approx(weight, rel=1e-10)
    last = support.arm[len(support.arm) // 2].tolist()
    for place, person in enumerate(persons):
        history = people.iloc[:place].assign(arm=last[:place])
        told = rule.next_probabilities(pl.from_pandas(history), person)
        assert told.sum() == pytest.approx(1, rel=1e-12)
        same(told, rule.chances(state(tuple(last[:place])), person))


@given(every_rule, crowds(), st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_draws(rule: Rule, people: pd.DataFrame, seed: int) -> None:
    """In the support, as often as they should be, the same bytes from the same seed."""
    draws = 5000  # more than one batch
    drawn = rule.draw_many(people, draws, np.random.default_rng(seed))
    assert drawn.dtype == np.int8
    assert drawn.tobytes() == rule.draw_many(people, draws, np.random.default_rng(seed)).tobytes()
    support = rule.support(people)
    place = {row: number for number, row in enumerate(table_of(support))}
    seen = np.bincount([place[tuple(row)] for row in drawn.tolist()], minlength=len(place))
    # Six standard errors on each of at most 729 cells, over 50 examples: 2e-9 · 36,450 = 7e-5. Ten
    # more draws than expected cover the cells of little weight, which are Poisson and not normal.
    error = 6 * np.sqrt(support.weight * (1 - support.weight) / draws) + 10 / draws
    assert (np.abs(seen / draws - support.weight) <= error).all()
    one = rule.draw(people, np.random.default_rng(seed))
    assert tuple(one.tolist()) in place


@given(one_at_a_time, crowds(), st.integers(0, 2**32 - 1))
def test_a_stored_rule_draws_the_same(rule: Rule, people: pd.DataFrame, seed: int) -> None:
    again = rule_from_dict(json.loads(json.dumps(rule_to_dict(rule))))
    assert rule_to_dict(again) == rule_to_dict(rule)
    drawn = [one.draw_many(people, 9, np.random.default_rng(seed)) for one in (rule, again)]
    assert drawn[0].tobytes() == drawn[1].tobytes()


def test_a_stored_list_or_criterion_draws_the_same() -> None:
    people = pd.DataFrame({"x": [3.0, 1, 4, 1, 5, 9]})
    criterion = Mahalanobis(covariates=("x",), acceptance=0.3)
    rules: list[Rule] = [
        Custom(matrix=[[0, 1, 0, 1, 2, 2], [0, 0, 1, 1, 2, 2]], weights=[1, 6]),
        Rerandomised(rule=Complete(counts=(3, 3)), criterion=criterion),
    ]
    for rule in rules:
        again = rule_from_dict(json.loads(json.dumps(rule_to_dict(rule))))
        drawn = [one.draw_many(people, 50, np.random.default_rng(2)) for one in (rule, again)]
        assert drawn[0].tobytes() == drawn[1].tobytes()


@given(one_at_a_time, crowds(most=5))
def test_one_stratum_or_clusters_of_one_change_nothing(rule: Rule, people: pd.DataFrame) -> None:
    same_support(rule, Stratified(rule=rule, by="one"), people)
    same_support(rule, Clustered(rule=rule, by="own"), people)


@given(minimisations(2), crowds(), st.sampled_from([1 / 7, 3.0, 10.0]))
@settings(max_examples=60)
def test_minimisation_does_not_see_order_or_scale(
    rule: Minimisation, people: pd.DataFrame, scale: float
) -> None:
    """Factors the other way round; weights or a ratio multiplied; levels named otherwise."""

    def like(**changed: Any) -> Minimisation:
        usual = {
            "factors": rule.factors,
            "weights": rule.weights,
            "p_best": rule.p_best,
            "imbalance": rule.imbalance,
            "rule": rule.rule,
            "ratio": rule.ratio,
        }
        return Minimisation(**(usual | changed))

    turned = like(factors=rule.factors[::-1], weights=rule.weights[::-1])
    scaled = like(weights=[weight * scale for weight in rule.weights])
    tripled = like(ratio=tuple(3 * r for r in rule.ratio))
    for other in (turned, scaled, tripled):
        same_support(rule, other, people)
    swap = people.assign(suite=people["suite"].map({"n": "south", "s": "north"}))
    same_support(rule, rule, people, swap)


@given(minimisations(3), crowds(most=5), st.permutations(range(3)))
def test_minimisation_does_not_see_what_arms_are_called(
    rule: Minimisation, people: pd.DataFrame, becomes: list[int]
) -> None:
    ratio = tuple(rule.ratio[becomes.index(arm)] for arm in range(3))
    turned = Minimisation(
        factors=rule.factors,
        weights=rule.weights,
        p_best=rule.p_best,
        imbalance=rule.imbalance,
        rule=rule.rule,
        ratio=ratio,
    )
    renamed = {
        tuple(becomes[arm] for arm in row): weight
        for row, weight in table_of(rule.support(people)).items()
    }
    assert renamed == pytest.approx(table_of(turned.support(people)), rel=1e-11)


@given(crowds(), st.integers(0, 2**32 - 1))
def test_strata_are_balanced_and_clusters_whole(people: pd.DataFrame, seed: int) -> None:
    """Blocks of two teams within suites: teams are whole, and suites differ by at most one team."""
    rule = Stratified(rule=Clustered(rule=PermutedBlocks(sizes=(2,)), by="team"), by="suite")
    drawn = rule.draw_many(people, 20, np.random.default_rng(seed))
    teams = people.drop_duplicates("team")
    for team, index in zip(teams["team"], teams.index, strict=True):
        assert (drawn[:, people["team"] == team] == drawn[:, [index]]).all()
    for suite in SUITES:
        where = teams.index[teams["suite"] == suite]
        difference = 2 * drawn[:, where].astype(int) - 1
        assert (np.abs(difference.sum(axis=1)) <= 1).all()


LONG: list[OneAtATime] = [
    Simple(ratio=(1, 2, 3)),
    PermutedBlocks(sizes=(4, 6)),
    PermutedBlocks(sizes=(6, 12), ratio=(1, 2, 3)),
    PermutedBlocks(sizes=(20, 40)),  # too many orders to list
    BiasedCoin(p=0.8),
    Urn(alpha=1, beta=2),
    BigStick(tolerance=2),
    Chen(p=0.7, tolerance=3),
    Minimisation(factors=FACTORS, p_best=1),
    Minimisation(factors=FACTORS, p_best=1, weights=(2, 1), imbalance="sd", rule="best-only"),
    Minimisation(factors=FACTORS, p_best=0.7, imbalance="variance", ratio=(1, 2, 3)),
    Minimisation(factors=FACTORS, p_best=1 / 2, rule="rank", ratio=(1, 1, 1, 1)),
    Stratified(rule={"n": PermutedBlocks(sizes=(2, 4)), "s": BigStick(tolerance=1)}, by="suite"),
    Stratified(rule=Minimisation(factors=["band"], p_best=1), by="suite"),
    Clustered(rule=Stratified(rule=PermutedBlocks(sizes=(2,)), by="suite"), by="pair"),
    Stratified(rule=Clustered(rule=Minimisation(factors=["band"]), by="pair"), by="suite"),
]


@pytest.mark.parametrize("rule", LONG, ids=lambda rule: repr(rule)[:80])
def test_long_draws_follow_their_chances(rule: OneAtATime) -> None:
    """
    200 people, 40 draws: nobody has an arm of chance 0, and arms come as often as the chances say.

    The sum of (has arm a) − (chance of arm a) is a martingale whose variance is the sum of
    chance · (1 − chance), so that its ratio to the SD is nearly normal: five SDs are 6e-7. So it is
    with signs that only look back: the last person's arm sees blocks that were not shuffled.
    """
    rng = np.random.default_rng(5)
    people = pd.DataFrame([TEAMS[i] for i in rng.integers(5, size=200)])
    people.columns = pd.Index(["team", "suite", "band"])
    pair = rng.integers(20, size=200)
    people["pair"] = [f"{team}{number}" for team, number in zip(people["team"], pair, strict=True)]
    drawn = rule.draw_many(people, 40, rng)
    persons = people.to_dict("records")
    excess, variance = np.zeros(2), 0.0
    for row in drawn.tolist():
        state, last = rule.start(), 1
        for arm, person in zip(row, persons, strict=True):
            chances = np.array(rule.chances(state, person))
            assert chances[arm] > 0
            excess += ((arm == 1) - chances[1]) * np.array([1, 1 if last == 1 else -1])
            variance += chances[1] * (1 - chances[1])
            state, last = rule.after(state, arm, person), arm
    assert (np.abs(excess) <= 5 * np.sqrt(variance)).all()
