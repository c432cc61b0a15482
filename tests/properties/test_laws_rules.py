"""The law that ties a rule's methods, for every rule: draw, probabilities, support, next step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import checkpoint_eval as ce
from checkpoint_eval.balance import guessability
from checkpoint_eval.design import (
    Allocation,
    BiasedCoin,
    BigStick,
    Chen,
    Complete,
    MaximalProcedure,
    PermutedBlocks,
    Simple,
    Urn,
)

PEOPLE = 6
bias = st.floats(0.5, 1)
rules = st.one_of(
    st.builds(Simple, probability=st.floats(0.05, 0.95)),
    st.builds(BiasedCoin, p=bias),
    st.builds(Urn, alpha=st.integers(0, 3), beta=st.integers(1, 3)),
    st.builds(BigStick, tolerance=st.integers(1, 4)),
    st.builds(Chen, p=bias, tolerance=st.integers(1, 4)),
    st.builds(MaximalProcedure, tolerance=st.integers(1, 4), people=st.just(PEOPLE)),
    st.builds(PermutedBlocks, sizes=st.sampled_from([(2,), (4,), (2, 4), (6,), (4, 6)])),
    st.just(PermutedBlocks(sizes=(3,), ratio=(1, 2))),
    st.just(PermutedBlocks(sizes=(3, 6), ratio=(1, 1, 1))),
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
    (lambda: Simple(probability=1), "strictly between 0 and 1"),
    (lambda: Urn(alpha=0, beta=0), "urn is empty"),
    (lambda: BigStick(tolerance=0), "`tolerance`.*at least 1"),
    (lambda: MaximalProcedure(tolerance=2, people=7), "odd number"),
    (lambda: MaximalProcedure(tolerance=2, people=8).draw_many(9, 1, RNG), "made for 8 people"),
    (lambda: MaximalProcedure(tolerance=2, people=4).next_probabilities([1, 1, 1]), "within a tol"),
    (lambda: PermutedBlocks(sizes=(5,)), r"5 / 2 = 2.5.*multiple of 2"),
    (lambda: PermutedBlocks(sizes=(4,), ratio=(1, 2)), r"4 / 3.*multiple of 3"),
    (lambda: PermutedBlocks(sizes=()), "one size"),
    (lambda: PermutedBlocks(sizes=(2,)).next_probabilities([1, 1]), "cannot have come"),
    (lambda: PermutedBlocks(sizes=(2,)).next_probabilities([3]), "arm codes 0 to 1"),
    (lambda: BiasedCoin().next_probabilities([2]), "must hold 0 and 1"),
    (lambda: BiasedCoin().draw_many(4, 2, 7), "`rng`.*Generator"),
    (lambda: BiasedCoin().support(40), "more than 1,000,000 allocations"),
    (lambda: guessability(Complete(counts=(2, 2)), people=4), "sequential rule, got Complete"),
]
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("wrong", "message"), BAD)
def test_impossible_rules_are_refused(wrong: object, message: str) -> None:
    with pytest.raises(ce.TrialError, match=message):
        wrong()  # type: ignore[operator]
