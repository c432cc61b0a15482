"""Faults that independent readers found in the rules, each held to its mending."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.design import (
    BigStick,
    Clustered,
    Complete,
    Custom,
    Factor,
    Mahalanobis,
    MaximalProcedure,
    Minimisation,
    PermutedBlocks,
    Rerandomised,
    Simple,
    Stratified,
    Urn,
    rule_from_dict,
    rule_to_dict,
)

RNG = np.random.default_rng(1)
COIN = Simple()
TEAMS = Clustered(rule=COIN, by="team")
SPLIT = pd.DataFrame({"s": ["n", "s"], "band": ["x", "x"], "team": ["a", "a"]})
AGES = pd.DataFrame({"age": [1.0, 2, 3, 4], "cash": [4e9, 1e9, 3e9, 7e9], "one": [0.1] * 4})


@pytest.mark.parametrize(
    "rule",
    [
        Stratified(rule=TEAMS, by="s"),
        Stratified(rule=Stratified(rule=TEAMS, by="band"), by="s"),
        Stratified(rule=Rerandomised(rule=TEAMS, criterion=lambda a, _: a[:, 0] >= 0), by="s"),
    ],
    ids=["direct", "nested", "rerandomised"],
)
def test_a_cluster_in_two_strata_is_refused_at_every_depth(rule: Any) -> None:
    with pytest.raises(ce.ImpossibleDesign, match=r"Cluster 'team=a' lies in 2 strata \(1 in"):
        rule.draw(SPLIT, RNG)


def test_a_cluster_in_two_strata_is_refused_one_at_a_time() -> None:
    rule = Stratified(rule=TEAMS, by="s")
    state = rule.after(rule.start(), 1, {"s": "n", "team": "a"})
    with pytest.raises(ce.ImpossibleDesign, match="allocated in another stratum"):
        rule.chances(state, {"s": "s", "team": "a"})
    assert rule.chances(state, {"s": "n", "team": "a"}) == (0.0, 1.0)


def test_levels_that_hold_separators_stay_apart() -> None:
    people = pd.DataFrame({"s": ["x, c=y", "x"], "c": ["z", "y, c=z"]})
    rule = Stratified(rule=PermutedBlocks(sizes=(2,)), by=["s", "c"])
    state = rule.after(rule.start(), 1, dict(people.iloc[0]))
    assert rule.chances(state, dict(people.iloc[1])) == (0.5, 0.5)
    assert len(rule.support(people).weight) == 4


def test_a_stored_custom_rule_comes_back_the_same() -> None:
    for seed in range(50):
        weights = np.random.default_rng(seed).random(3)
        rule = Custom(matrix=[[0, 1], [1, 0], [1, 1]], weights=weights)
        again = rule_from_dict(json.loads(json.dumps(rule_to_dict(rule))))
        assert np.asarray(again.weights).tobytes() == np.asarray(rule.weights).tobytes()


def test_numpy_whole_numbers_are_whole_numbers() -> None:
    rules = (
        BigStick(tolerance=np.int64(3)),
        Urn(alpha=np.int64(1), beta=np.float64(1)),
        MaximalProcedure(tolerance=np.int64(2), people=np.int64(4)),
    )
    for rule in rules:
        json.dumps(rule_to_dict(rule))
    minimised = Minimisation(factors="s")
    json.dumps(minimised.after(minimised.start(), np.int64(1), {"s": "n"}))
    listed = Custom(matrix=[[0, 1], [1, 0]])
    json.dumps(listed.after(listed.start(), np.int64(1)))


def test_words_for_missing_are_levels_and_missing_values_are_not() -> None:
    rule = Stratified(rule=COIN, by={"s": ["None", "nan"]})
    assert rule.next_probabilities([], {"s": "None"}).tolist() == [0.5, 0.5]
    for nothing in (None, float("nan"), pd.NA, pd.NaT):
        with pytest.raises(ce.InvalidData, match="'s' is missing"):
            rule.next_probabilities([], {"s": nothing})


def test_weights_decide_whatever_their_size() -> None:
    """One factor with weight 1e-10 alone; a second beside one of 1e10."""
    before = pd.DataFrame({"s": ["n"], "c": ["x"], "arm": [1]})
    small = Minimisation(factors="s", weights=(1e-10,), p_best=0.8)
    assert small.next_probabilities(before, {"s": "n"})[0] == pytest.approx(0.8)
    apart = Minimisation(factors=["s", "c"], weights=(1e10, 1), p_best=0.8)
    assert apart.next_probabilities(before, {"s": "m", "c": "x"})[0] == pytest.approx(0.8)


def test_the_distance_does_not_depend_on_units() -> None:
    arms = np.array([[0, 1, 0, 1], [0, 0, 1, 1]], dtype=np.int8)
    criterion = Mahalanobis(covariates=("age", "cash"), acceptance=0.5)
    read = ce.design.People(n=4, values={name: AGES[name] for name in AGES})
    scaled = ce.design.People(n=4, values={"age": AGES.age * 1e-9, "cash": AGES.cash * 1e9})
    np.testing.assert_allclose(
        criterion.distance(arms, read), criterion.distance(arms, scaled), rtol=1e-9
    )


def test_a_block_longer_than_the_trial_can_be_listed() -> None:
    support = PermutedBlocks(sizes=(24,)).support(2)
    found = dict(zip(map(tuple, support.arm.tolist()), support.weight, strict=True))
    assert found[0, 0] == pytest.approx(12 / 24 * 11 / 23)
    assert found[0, 1] == pytest.approx(12 / 24 * 12 / 23)


def test_rank_reaches_certainty_for_two_arms() -> None:
    rule = Minimisation(factors="s", rule="rank", p_best=2)
    before = pd.DataFrame({"s": ["n"], "arm": [1]})
    np.testing.assert_allclose(rule.next_probabilities(before, {"s": "n"}), [1, 0], atol=1e-12)


def test_equal_rules_are_equal_and_travel() -> None:
    def make() -> Stratified:
        return Stratified(rule={"n": PermutedBlocks(sizes=(4,)), "s": COIN}, by="site")

    assert make() == make()
    assert hash(make()) == hash(make())
    assert pickle.loads(pickle.dumps(make())) == make()
    assert copy.deepcopy(make()) == make()


def test_a_criterion_cannot_change_what_it_looks_at() -> None:
    def spoil(arms: Any, _: Any) -> Any:
        arms[:] = 0
        return np.ones(len(arms), dtype=bool)

    with pytest.raises(ValueError, match="read-only"):
        Rerandomised(rule=COIN, criterion=spoil).draw(4, RNG)


REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: Simple(ratio=(1,) * 200), "names 200 arms; at most 127"),
    (lambda: Complete(counts=(1,) * 128), "names 128 arms"),
    (lambda: Simple(ratio=2), r"`ratio` must list a whole number for each arm, got 2"),
    (lambda: Simple(ratio=(10**11, 1)), "more than 10,000"),
    (lambda: PermutedBlocks(sizes=4), r"`sizes` must list block sizes, got 4; write \(4,\)"),
    (lambda: Minimisation(factors="s", weights=1.0), "`weights` must list"),
    (lambda: Minimisation(factors=None), "`factors` must list columns, got None"),
    (lambda: Minimisation(factors={}), "`factors` names no column"),
    (lambda: Factor(name=" "), "named by its column, got ' '"),
    (lambda: Factor(name=3), "named by its column, got 3"),
    (lambda: Factor(name="s", levels=("n", None)), "missing level"),
    (lambda: COIN.next_probabilities([[0, 1]]), "list of arm codes"),
    (lambda: COIN.next_probabilities("01"), "list of arm codes"),
    (lambda: COIN.next_probabilities(None), "list of arm codes"),
    (lambda: COIN.support(3, limit=-1), "`limit` must be a whole number"),
    (lambda: COIN.support(3, limit=float("nan")), "`limit` must be a whole number"),
    (lambda: BigStick(tolerance=1).next_probabilities([1, 1]), "arm 1 to the 2. person"),
    (lambda: Urn(alpha=1e308, beta=1e308), "at most 1e.100"),
    (lambda: Custom(matrix=[[0, 1], [1]]), "rows of different length"),
    (lambda: rule_from_dict([1]), "a mapping with a `kind`"),
    (lambda: rule_from_dict({"kind": "complete"}), "needs `counts`"),
    (
        lambda: Stratified(rule={"n": COIN, "site=n": COIN}, by="site"),
        "'site=n' is named twice",
    ),
    (
        lambda: Stratified(rule={"n": COIN, "zz": COIN}, by={"site": ["n"]}),
        "'zz', which was not declared|stratum 'site=zz'",
    ),
    (
        lambda: Stratified(rule=Minimisation(factors={"s": ["a"]}), by={"s": ["b"]}),
        "declared with the levels",
    ),
    (
        lambda: Rerandomised(rule=COIN, criterion=Mahalanobis(covariates=("one",))).draw(AGES, RNG),
        "constant or copies",
    ),
    (
        lambda: Rerandomised(rule=COIN, criterion=Mahalanobis(covariates=("age",))).draw(
            AGES.assign(age=[np.inf, 1, 2, 3]), RNG
        ),
        "covariate column 'age' is infinite at row 0",
    ),
    (
        lambda: Clustered(
            rule=Rerandomised(rule=COIN, criterion=Mahalanobis(covariates=("age",))), by="team"
        ).draw(AGES.assign(team=["a", "a", "b", "b"]), RNG),
        "lies in 2 strata",
    ),
]


@pytest.mark.parametrize(("wrong", "message"), REFUSED)
def test_refused(wrong: Callable[[], Any], message: str) -> None:
    with pytest.raises(ce.TrialError, match=message):
        wrong()
