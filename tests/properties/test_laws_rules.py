"""The law that ties a rule's methods, for every plain rule; nested ones are in their own file."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import same

import checkpoint_eval as ce
from checkpoint_eval.balance import guessability
from checkpoint_eval.design import (
    Allocation,
    BiasedCoin,
    BigStick,
    Chen,
    Complete,
    Custom,
    MaximalProcedure,
    PermutedBlocks,
    Simple,
    Support,
    Urn,
    rule_from_dict,
    rule_to_dict,
)

PEOPLE = 6
ROWS = ["010101", "110010", "010101", "000111", "212001"]
LIST = [[int(arm) for arm in row] for row in ROWS]  # one of them twice
bias = st.floats(0.5, 1)
rules = st.one_of(
    st.builds(Simple, ratio=st.sampled_from([(1, 1), (1, 2), (3, 1), (2, 2), (1, 2, 3)])),
    st.builds(BiasedCoin, p=bias),
    st.builds(Urn, alpha=st.integers(0, 3), beta=st.integers(1, 3)),
    st.builds(BigStick, tolerance=st.integers(1, 4)),
    st.builds(Chen, p=bias, tolerance=st.integers(1, 4)),
    st.builds(MaximalProcedure, tolerance=st.integers(1, 4), people=st.just(PEOPLE)),
    st.builds(PermutedBlocks, sizes=st.sampled_from([(2,), (4,), (2, 4), (6,), (4, 6)])),
    st.just(PermutedBlocks(sizes=(3,), ratio=(1, 2))),
    st.just(PermutedBlocks(sizes=(3, 6), ratio=(1, 1, 1))),
    st.sampled_from([Custom(matrix=LIST), Custom(matrix=LIST, weights=[1, 2, 3, 6, 1])]),
    st.sampled_from([Complete(counts=(3, 3)), Complete(counts=(2, 2, 2)), Complete(counts=(1, 5))]),
)
# Sums of at most 64 products of six numbers between 0 and 1.
EXACT = {"rtol": 1e-12, "atol": 1e-14}


@given(rules)
@settings(deadline=None, max_examples=60)
def test_support_probabilities_and_next_step_agree(rule: Allocation) -> None:
    support = rule.support(PEOPLE)
    stated = rule.probabilities(PEOPLE)
    assert support.weight.sum() == pytest.approx(1, rel=1e-12)
    assert (support.weight > 0).all()
    assert len(np.unique(support.arm, axis=0)) == len(support.arm)
    for arm in range(stated.shape[1]):
        np.testing.assert_allclose(support.weight @ (support.arm == arm), stated[:, arm], **EXACT)
    for path, weight in zip(support.arm.tolist(), support.weight, strict=True):
        steps = [rule.next_probabilities(path[:place])[arm] for place, arm in enumerate(path)]
        assert np.prod(steps) == pytest.approx(weight, rel=1e-10)


@given(rules, st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_draws_lie_in_the_support_as_often_as_they_should(rule: Allocation, seed: int) -> None:
    draws = 4000
    drawn = rule.draw_many(PEOPLE, draws, np.random.default_rng(seed))
    again = rule.draw_many(PEOPLE, draws, np.random.default_rng(seed))
    assert drawn.tobytes() == again.tobytes()
    support = rule.support(PEOPLE)
    place = {row.tobytes(): number for number, row in enumerate(support.arm)}
    seen = np.bincount([place[row.tobytes()] for row in drawn], minlength=len(place))
    # Six standard errors on each of at most 64 cells, over 40 examples: never by chance. A cell of
    # almost no weight is Poisson; ten more than expected of it is as unlikely.
    error = 6 * np.sqrt(support.weight * (1 - support.weight) / draws) + 10 / draws
    assert (np.abs(seen / draws - support.weight) <= error).all()


@given(st.integers(1, 60), st.sampled_from([(4,), (4, 6), (2, 4, 8)]), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_blocks_are_never_far_from_balance(people: int, sizes: tuple[int, ...], seed: int) -> None:
    """Within a block the arms differ by at most half of it, so everywhere by half the largest."""
    drawn = PermutedBlocks(sizes=sizes).draw_many(people, 50, np.random.default_rng(seed))
    assert drawn.shape == (50, people)
    difference = np.cumsum(2 * drawn.astype(int) - 1, axis=1)
    assert np.abs(difference).max() <= max(sizes) // 2
    if len(sizes) == 1:
        assert (difference[:, sizes[0] - 1 :: sizes[0]] == 0).all()


@given(rules.filter(lambda rule: not isinstance(rule, Complete | MaximalProcedure | Custom)))
@settings(deadline=None, max_examples=40)
def test_who_comes_later_changes_nothing(rule: Allocation) -> None:
    """The first four of six people are allocated as four people are: blocks are cut, not fitted."""
    longer, shorter = rule.support(PEOPLE), rule.support(4)
    heads, place = np.unique(longer.arm[:, :4], axis=0, return_inverse=True)
    np.testing.assert_array_equal(heads, np.unique(shorter.arm, axis=0))
    order = np.lexsort(shorter.arm.T[::-1])
    same(np.bincount(place.ravel(), weights=longer.weight), shorter.weight[order])


def table_of(support: Support) -> dict[tuple[int, ...], float]:
    """Weight by allocation."""
    return dict(zip(map(tuple, support.arm.tolist()), support.weight.tolist(), strict=True))


TURNS: list[tuple[Allocation, Allocation, tuple[int, ...]]] = [
    (Simple(ratio=(1, 2, 3)), Simple(ratio=(3, 1, 2)), (1, 2, 0)),
    (Complete(counts=(1, 2, 3)), Complete(counts=(3, 1, 2)), (1, 2, 0)),
    (
        PermutedBlocks(sizes=(4, 8), ratio=(1, 3)),
        PermutedBlocks(sizes=(8, 4), ratio=(3, 1)),
        (1, 0),
    ),
    (PermutedBlocks(sizes=(3, 6), ratio=(1, 1, 1)),) * 2 + ((2, 0, 1),),
    *[
        (rule, rule, (1, 0))
        for rule in (
            BiasedCoin(p=0.7),
            Urn(alpha=1, beta=2),
            BigStick(tolerance=2),
            Chen(p=0.8, tolerance=2),
            MaximalProcedure(tolerance=2, people=PEOPLE),
            PermutedBlocks(sizes=(2, 4)),
        )
    ],
]


@pytest.mark.parametrize(("rule", "turned", "becomes"), TURNS)
def test_arms_may_be_renamed(
    rule: Allocation, turned: Allocation, becomes: tuple[int, ...]
) -> None:
    """Arm a of the rule is arm `becomes[a]` of the other; nothing else differs."""
    renamed = {
        tuple(becomes[arm] for arm in row): weight
        for row, weight in table_of(rule.support(PEOPLE)).items()
    }
    assert renamed == pytest.approx(table_of(turned.support(PEOPLE)), rel=1e-12)


@given(
    st.lists(st.integers(1, 4), min_size=2, max_size=4).map(tuple),
    st.sets(st.integers(1, 3), min_size=1),
    st.integers(1, 40),
    st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=40)
def test_blocks_keep_an_unequal_ratio(
    ratio: tuple[int, ...], times: set[int], people: int, seed: int
) -> None:
    """No arm is ever further from its share than a whole block could take it; often exact."""
    whole = sum(ratio)
    rule = PermutedBlocks(sizes=tuple(whole * t for t in sorted(times)), ratio=ratio)
    drawn = rule.draw_many(people, 20, np.random.default_rng(seed))
    for arm, share in enumerate(ratio):
        count = np.cumsum(drawn == arm, axis=1)
        due = np.arange(1, people + 1) * share / whole
        largest = max(times) * share * (whole - share) / whole
        assert np.abs(count - due).max() <= largest + 1e-9
        if len(times) == 1:
            size = whole * max(times)
            assert (count[:, size - 1 :: size] == due[size - 1 :: size]).all()
    same(rule.probabilities(people), np.tile(np.array(ratio) / whole, (people, 1)))


@given(rules, st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_a_stored_rule_draws_the_same(rule: Allocation, seed: int) -> None:
    again = rule_from_dict(json.loads(json.dumps(rule_to_dict(rule))))
    assert rule_to_dict(again) == rule_to_dict(rule)
    drawn = [one.draw_many(PEOPLE, 9, np.random.default_rng(seed)) for one in (rule, again)]
    assert drawn[0].tobytes() == drawn[1].tobytes()
    assert drawn[0].dtype == np.int8


def test_reductions() -> None:
    """A coin of 1/2 is Simple; a stick longer than the trial never breaks; Chen with p = 1/2."""
    n = 20
    plain = guessability(Simple(), people=n)
    for rule in (BiasedCoin(p=0.5), BigStick(tolerance=n + 1), Chen(p=0.5, tolerance=n + 1)):
        found = guessability(rule, people=n)
        assert found.variance == pytest.approx(plain.variance, rel=1e-12)
        assert found.correct == pytest.approx(0.5, rel=1e-12)
    assert guessability(Chen(p=0.5, tolerance=3), people=n).variance == pytest.approx(
        guessability(BigStick(tolerance=3), people=n).variance, rel=1e-12
    )


BAD = [
    (lambda: BiasedCoin(p=0.4), "`p` is the chance of the smaller arm.*0.4"),
    (lambda: BiasedCoin(p=float("nan")), "`p`.*nan"),
    (lambda: Simple(ratio=(0, 1)), "`ratio` must be a whole number of at least 1, got 0"),
    (lambda: Urn(alpha=0, beta=0), "urn is empty"),
    (lambda: BigStick(tolerance=0), "`tolerance`.*at least 1"),
    (lambda: MaximalProcedure(tolerance=2, people=7), "odd number"),
    (lambda: MaximalProcedure(tolerance=2, people=8).draw_many(9, 1, RNG), "made for 8 people"),
    (
        lambda: MaximalProcedure(tolerance=2, people=4).next_probabilities([1, 1, 1]),
        "cannot have done after",
    ),
    (lambda: PermutedBlocks(sizes=(5,)), r"5 / 2 = 2.5.*multiple of 2"),
    (lambda: PermutedBlocks(sizes=(4,), ratio=(1, 2)), r"4 / 3.*multiple of 3"),
    (lambda: PermutedBlocks(sizes=()), "names no block size"),
    (lambda: PermutedBlocks(sizes=(2,)).next_probabilities([1, 1]), "cannot have come"),
    (lambda: PermutedBlocks(sizes=(2,)).next_probabilities([3]), "arm codes 0 to 1"),
    (lambda: BiasedCoin().next_probabilities([2]), "must hold arm codes 0 to 1, got 2"),
    (lambda: BiasedCoin().draw_many(4, 2, 7), "`rng`.*Generator"),
    (lambda: BiasedCoin().support(40), "more than 1,000,000 allocations"),
    (lambda: guessability("blocks", people=4), "allocation rule, got str"),
]
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("wrong", "message"), BAD)
def test_impossible_rules_are_refused(wrong: object, message: str) -> None:
    with pytest.raises(ce.TrialError, match=message):
        wrong()  # type: ignore[operator]
