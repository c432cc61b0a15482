"""Small awkward crowds: what a rule may have done, listed in full, against what is said of it."""

from __future__ import annotations

import itertools
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.balance import drift, guessability, replay
from checkpoint_eval.design import (
    BiasedCoin,
    BigStick,
    Clustered,
    Complete,
    Custom,
    Mahalanobis,
    MaximalProcedure,
    PermutedBlocks,
    Rerandomised,
    Rule,
    Simple,
    Stratified,
)
from checkpoint_eval.randomise import Assignment, redraw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from checkpoint_eval.design import People

RNG = np.random.default_rng(1)
INNER = [Simple(), BigStick(tolerance=1), PermutedBlocks(sizes=(2,))]


def near(arms: NDArray[np.int8], people: People) -> NDArray[np.bool_]:
    """Accept arms whose sums of x lie close together."""
    return np.asarray(np.abs((2.0 * arms - 1) @ people.values["x"]) <= 3)


near.covariates = ("x",)  # type: ignore[attr-defined]


def even(arms: NDArray[np.int8], people: People) -> NDArray[np.bool_]:
    """Accept arms of nearly as many each."""
    return np.asarray(np.abs((2 * arms.astype(int) - 1).sum(axis=1)) <= 1)


SHAPES = {
    "plain": lambda rule: rule,
    "strata": lambda rule: Stratified(rule=rule, by="f"),
    "clusters": lambda rule: Clustered(rule=rule, by="team"),
    "clusters in strata": lambda rule: Stratified(rule=Clustered(rule=rule, by="team"), by="f"),
    "again": lambda rule: Rerandomised(rule=rule, criterion=near),
    "strata, each again": lambda rule: Stratified(
        rule=Rerandomised(rule=rule, criterion=near), by="f"
    ),
    "clusters, again": lambda rule: Clustered(
        rule=Rerandomised(rule=rule, criterion=even), by="team"
    ),
    "one stratum again": lambda rule: Stratified(
        rule={"a": Rerandomised(rule=rule, criterion=near), "b": rule}, by="f"
    ),
    "again, of clusters": lambda rule: Rerandomised(
        rule=Clustered(rule=rule, by="team"), criterion=near
    ),
}


def crowd(seed: int) -> pd.DataFrame:
    """Six people who did not come in the order of rows; teams lie within f."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"f": list("aaabbb"), "x": rng.integers(0, 4, 6) * 1.0})
    table["team"] = table["f"] + pd.Series(rng.choice(list("pq"), 6))
    return table.assign(y=[0, 1, 0, 1, 1, 0], when=rng.permutation(6) * 3 + 1)


def trial_of(table: pd.DataFrame, rule: Rule, arm: tuple[int, ...]) -> ce.Trial:
    """A trial of the arms in order of arrival."""
    place = table["when"].rank().astype(int).to_numpy() - 1
    return ce.Trial.from_frame(
        table.assign(arm=np.array(arm)[place]),
        arm="arm",
        control=0,
        arms=[0, 1],
        covariates=["x"],
        factors=["f", "team"],
        binary={"y": "y"},
        rule=rule,
        order="when",
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_what_a_rule_can_have_done_is_redrawn_and_nothing_else(shape: str) -> None:
    """Of all 62 allocations of six people to two arms, those of the support and no others."""
    asked = 0
    for seed, inner in enumerate(INNER):
        table = crowd(seed)
        rule = SHAPES[shape](inner)
        try:
            support = rule.support(table.sort_values("when"))
        except ce.ImpossibleDesign:  # a criterion may accept nothing
            continue
        can = set(map(tuple, support.arm.tolist()))
        place = table["when"].rank().astype(int).to_numpy() - 1
        for arm in list(itertools.product((0, 1), repeat=6))[1:-1]:  # both arms have people
            seen = Assignment(
                arm=np.array(arm)[place],
                arms=("court", "contract"),
                stratum=np.zeros(6, dtype=int),
                rule=rule,
                people=rule.read(table),
                arrival=place,
            )
            asked += 1
            if arm in can:
                (codes,) = redraw(seen, draws=20, rng=RNG)
                assert set(map(tuple, codes[:, seen.order].tolist())) <= can
            else:
                with pytest.raises(ce.ImpossibleDesign, match=r"cannot have given|not accept"):
                    next(redraw(seen, draws=1, rng=RNG))
    assert asked >= 62


def test_chances_where_everyone_of_a_stratum_is_allocated_at_once() -> None:
    """Stratum a waits until all are there; in b the second of a pair is certain."""
    table = crowd(0).assign(x=[1.0, 2, 3, 1, 2, 3], when=range(6))
    rule = SHAPES["one stratum again"](PermutedBlocks(sizes=(2,)))
    trial = trial_of(table, rule, (0, 1, 0, 1, 0, 1))
    nan = float("nan")
    chance = replay(trial, draws=10, rng=RNG).chance
    np.testing.assert_array_equal(chance, [nan, nan, nan, 0.5, 1.0, 0.5])
    criterion = Mahalanobis(covariates="x", acceptance=0.9)
    again = Rerandomised(rule=Complete(counts=(3, 3)), criterion=criterion)
    assert np.isnan(
        replay(trial_of(table, again, (0, 1, 1, 1, 0, 0)), draws=10, rng=RNG).chance
    ).all()


def test_a_randomisation_test_within_strata_drawn_again() -> None:
    """Two pairs, each accepted either way: four allocations, two as extreme as arms = y."""
    table = pd.DataFrame({"f": list("aabb"), "x": [1.0, 2, 3, 4], "y": [0, 1, 0, 1]})
    every = Mahalanobis(covariates="x", acceptance=0.999)
    rule = Stratified(rule=Rerandomised(rule=Complete(counts=(1, 1)), criterion=every), by="f")
    trial = ce.Trial.from_frame(
        table.assign(arm=table["y"]),
        arm="arm",
        control=0,
        covariates=["x"],
        binary={"y": "y"},
        rule=rule,
        order="rows",
    )
    found = ce.randomisation_test(trial, outcome="y", statistic="risk difference", rng=RNG)
    assert found.p_value == pytest.approx(2 / 4)


def test_the_longest_maximal_procedures() -> None:
    """With tolerance 1 people come in pairs; with one never reached, it is an urn of halves."""
    pairs = MaximalProcedure(tolerance=1, people=6000)
    drawn = pairs.draw(6000, np.random.default_rng(1)).reshape(-1, 2)
    assert (drawn.sum(axis=1) == 1).all()
    assert 1350 < drawn[:, 0].sum() < 1650  # 3,000 fair coins, 5.5 standard errors
    urn = MaximalProcedure(tolerance=600, people=600)
    for place, difference in ((0, 0), (300, -40), (599, 1), (500, 100)):
        treated = (place + difference) // 2
        # The ways to end with 300 treated, of those still to come.
        left = 600 - place
        ways = comb(left - 1, 300 - treated - 1) if treated < 300 else 0
        share = ways / comb(left, 300 - treated)
        assert urn.chance(difference, place=place) == pytest.approx(share, rel=1e-12)


def test_weights_as_large_as_numbers_go() -> None:
    rule = Custom(matrix=[[0, 1], [1, 0], [1, 1]], weights=[1e308, 1e308, 5e307])
    np.testing.assert_allclose(rule.support(2).weight, [0.4, 0.4, 0.2], rtol=1e-12)


@pytest.mark.parametrize("rule", [Complete(counts=(3, 4)), Simple(ratio=(3, 5)), BiasedCoin()])
def test_drift_is_of_paths_counted_one_by_one(rule: Any) -> None:
    """The same redraws, their paths sorted: the least that a share of them do not exceed."""
    arm = [0, 1, 1, 0, 1, 0, 1]
    table = pd.DataFrame({"arm": arm, "y": [0, 1, 0, 1, 0, 1, 1]})
    trial = ce.Trial.from_frame(
        table, arm="arm", control=0, binary={"y": "y"}, rule=rule, order="rows"
    )
    found = drift(trial, level=0.8, draws=500, rng=np.random.default_rng(4))
    codes = np.concatenate(list(redraw(trial.assignment, draws=500, rng=np.random.default_rng(4))))
    control, treated = rule.shares()
    paths = np.cumsum(np.where(codes == 1, 1 / treated, -1 / control), axis=1)
    own = np.cumsum([1 / treated if code else -1 / control for code in arm])
    # Sums of sevenths and the like, in another order than whole steps.
    np.testing.assert_allclose(found.difference, own, atol=1e-12)
    ranked = np.sort(paths, axis=0)
    np.testing.assert_allclose(found.low, ranked[49], atol=1e-12)  # the 50th of 500
    np.testing.assert_allclose(found.high, ranked[449], atol=1e-12)
    far = (np.abs(paths).max(axis=1) >= np.abs(own).max() - 1e-12).sum()
    assert found.p_value == pytest.approx((far + 1) / 501)


def test_drift_of_many_with_a_ratio_that_does_not_cancel() -> None:
    """1,009 and 1,013 people: steps of 1/1,009 and 1/1,013, whose whole unit is a millionth."""
    arm = RNG.permutation(np.repeat([0, 1], [1009, 1013]))
    table = pd.DataFrame({"arm": arm, "y": np.arange(arm.size) % 2})
    rule = Complete(counts=(1009, 1013))
    trial = ce.Trial.from_frame(
        table, arm="arm", control=0, binary={"y": "y"}, rule=rule, order="rows"
    )
    found = drift(trial, draws=50, rng=RNG)
    assert found.difference[-1] == found.low[-1] == found.high[-1] == 0
    one = 1 / 1009 + 1 / 1013  # one person in the other arm
    assert (np.abs(found.high - found.low) < 200 * one).all()


def test_guesses_of_simple_randomisation_of_many() -> None:
    """A coin is guessed in half; 1:2 in ever less than 2/3, by hand for three people.

    Equal arms, one at random: 1/2. After control (1/3) treatment is behind: 2/3; after treatment
    control is: 1/3, together 4/9. Third: after two of control treatment, 2/3 of 1/9; after one
    each (1, 1/2) treatment, 2/3 of 4/9; after two treated (0, 1) control, 1/3 of 4/9.
    """
    assert guessability(Simple(), people=600).correct == pytest.approx(0.5, abs=1e-12)
    third = 2 / 27 + 8 / 27 + 4 / 27
    found = guessability(Simple(ratio=(1, 2)), people=3).correct
    assert found == pytest.approx((1 / 2 + 4 / 9 + third) / 3, rel=1e-12)
