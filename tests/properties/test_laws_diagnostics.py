"""Laws of guessing and drifting that hold for any rule, by hypothesis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import checkpoint_eval as ce
from checkpoint_eval.balance import (
    compare_rules,
    drift,
    guess_test,
    guessability,
    replay,
    sample_ratio_by,
)
from checkpoint_eval.design import (
    BiasedCoin,
    BigStick,
    Chen,
    Complete,
    Minimisation,
    PermutedBlocks,
    Rule,
    Simple,
    Stratified,
    Urn,
)

N = 12
CLOSE = 1e-12  # sums of a few hundred products of chances
SIMULATED = settings(max_examples=25, deadline=None)
coins = st.floats(0.5, 0.95)
sequential = st.one_of(
    st.builds(Simple, ratio=st.sampled_from([(1, 1), (1, 2), (3, 1), (2, 3)])),
    st.builds(BiasedCoin, p=coins),
    st.builds(Urn, alpha=st.integers(0, 3), beta=st.integers(1, 3)),
    st.builds(BigStick, tolerance=st.integers(1, 4)),
    st.builds(Chen, p=coins, tolerance=st.integers(1, 4)),
    st.sampled_from([PermutedBlocks(sizes=sizes) for sizes in [(2,), (4,), (2, 4), (4, 6)]]),
    st.sampled_from([PermutedBlocks(sizes=(3, 6), ratio=ratio) for ratio in [(1, 2), (2, 1)]]),
    st.sampled_from([Complete(counts=counts) for counts in [(6, 6), (4, 8), (1, 11)]]),
)
SIZES = st.lists(st.integers(0, 2), min_size=N, max_size=N).filter(lambda c: len(set(c)) > 1)
ALL_HELD = st.permutations([0] * 5 + [1] * 7)  # no stratum too small to hold both arms
SEEDS = st.integers(0, 2**32 - 1)


def people(suites: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "suite": [f"s{code}" for code in suites],
            "band": ["low", "high"] * (N // 2),
            "force": "north",
        }
    )


def within(rule: Rule, suites: list[int]) -> Rule:
    """The rule for everyone, or for each suite where it does not fix the number of people."""
    return rule if isinstance(rule, Complete) else Stratified(rule=rule, by="suite")


@given(sequential, st.integers(1, 40))
@settings(deadline=None)
def test_of_two_arms_the_strategies_are_each_other_s_opposite(rule: Rule, n: int) -> None:
    """Always, by any rule and ratio: behind its share is one arm, ahead the other, ties even."""
    n = N if isinstance(rule, Complete) else n
    rates = [
        guessability(rule, people=n, strategy=strategy)  # type: ignore[arg-type]
        for strategy in ("convergence", "divergence")
    ]
    assert sum(one.correct for one in rates) == pytest.approx(1, abs=CLOSE)
    assert rates[0].variance == rates[1].variance
    assert all(0 <= one.correct <= 1 for one in rates)


@given(sequential, SIZES, SEEDS)
@SIMULATED
def test_so_they_are_draw_by_draw(rule: Rule, suites: list[int], seed: int) -> None:
    """The same seed gives the same draws to both, so that even simulated rates add up to 1."""
    rates = [
        guessability(
            within(rule, suites),
            people=people(suites),
            strategy=strategy,  # type: ignore[arg-type]
            sees="band",
            draws=300,
            rng=np.random.default_rng(seed),
        ).correct
        for strategy in ("convergence", "divergence")
    ]
    assert sum(rates) == pytest.approx(1, abs=1e-9)


@given(st.integers(3, 5), st.integers(1, 8))
@SIMULATED
def test_more_arms_leave_some_unguessed(arms: int, n: int) -> None:
    """Simple and equal: a guess, any guess, is right one time in k; two strategies, 2/k."""
    rule = Simple(ratio=(1,) * arms)
    for strategy in ("convergence", "divergence"):
        found = guessability(rule, people=n, strategy=strategy)  # type: ignore[arg-type]
        assert found.correct == pytest.approx(1 / arms, abs=CLOSE)


@given(sequential, SEEDS)
@SIMULATED
def test_simulation_agrees_with_the_exact_rate(rule: Rule, seed: int) -> None:
    """By stratifying on a column of one value the rule is the same, and its rate is simulated."""
    table = people([0] * (N - 1) + [1])
    alike = Stratified(rule=rule, by="force")
    rng = np.random.default_rng(seed)
    found = guessability(alike, people=table, draws=2000, rng=rng)
    exact = guessability(rule, people=N)
    assert abs(found.correct - exact.correct) <= max(5 * found.error, CLOSE)
    spread = 5 * np.sqrt(exact.variance / 2000)
    assert abs(found.mean_difference - exact.mean_difference) <= spread + CLOSE


@given(sequential.filter(lambda rule: not isinstance(rule, Complete)), SIZES)
@settings(deadline=None)
def test_within_strata_each_is_a_trial_of_its_own(rule: Rule, suites: list[int]) -> None:
    """The rate of one who sees the own stratum is the mean of each stratum's, by its people."""
    found = guessability(Stratified(rule=rule, by="suite"), people=people(suites), sees="suite")
    counts = [suites.count(code) for code in sorted(set(suites))]
    alone = [guessability(rule, people=count) for count in counts]
    pooled = sum(count * one.correct for count, one in zip(counts, alone, strict=True)) / N
    assert found.error == 0
    assert found.correct == pytest.approx(pooled, abs=CLOSE)
    assert found.variance == pytest.approx(sum(one.variance for one in alone), abs=1e-9)


@given(st.tuples(st.integers(1, 7), st.integers(1, 7)), SIZES)
@settings(deadline=None)
def test_simple_randomisation_within_strata_is_simple(
    ratio: tuple[int, int], suites: list[int]
) -> None:
    """People are independent, so strata change nothing about the difference at the end."""
    rule = Simple(ratio=ratio)
    own = guessability(Stratified(rule=rule, by="suite"), people=people(suites), sees="suite")
    force = guessability(rule, people=N)
    for name in ("variance", "balanced", "mean_difference"):
        assert getattr(own, name) == pytest.approx(getattr(force, name), rel=1e-9, abs=1e-11)


def trial_of(rule: Rule, suites: list[int], seed: int, shuffle: int) -> ce.Trial:
    """A trial the rule made; its rows in an order of their own."""
    frame = people(suites)
    rng = np.random.default_rng(seed)
    for _ in range(50):
        frame["arm"] = rule.draw(frame, rng)
        if frame["arm"].nunique() == 2:
            break
    frame = frame.assign(
        who=[f"p{place}" for place in range(N)],
        came=np.arange(N) ** 2,
        risk=rng.normal(size=N).round(2),
        y=np.arange(N) % 2,
    )
    order = np.random.default_rng(shuffle).permutation(N) if shuffle else np.arange(N)
    return ce.Trial.from_frame(
        frame.iloc[order],
        arm="arm",
        control=0,
        id="who",
        binary={"y": "y"},
        covariates=["risk"],
        factors=["suite", "band"],
        rule=rule,
        order="came",
    )


mixed = st.one_of(
    st.just(Stratified(rule=PermutedBlocks(sizes=(2, 4)), by="suite")),
    st.just(Minimisation(factors=["suite", "band"], p_best=0.8)),
    st.just(PermutedBlocks(sizes=(4,))),
    st.just(Simple(ratio=(1, 2))),
)


def every_diagnosis(trial: ce.Trial, seed: int) -> dict[str, Any]:
    """What is said of each person, by identifier, and of all."""

    def rng() -> np.random.Generator:
        return np.random.default_rng(seed)

    seen = replay(trial, sees="suite", draws=60, rng=rng())
    path = drift(trial, draws=60, rng=rng())
    test = guess_test(trial, column="risk", sees="suite", draws=60, rng=rng())
    by = sample_ratio_by(trial, by="band").to_frame()
    return {
        "people": seen.to_frame().sort_values("id").reset_index(drop=True),
        "replay": (seen.correct, seen.expected, seen.p_value),
        "drift": [*path.difference, *path.low, *path.high, path.p_value],
        "test": (round(test.statistic, 12), test.p_value),
        "ratio": by,
    }


@given(mixed, ALL_HELD, SEEDS, st.integers(1, 10**6))
@SIMULATED
def test_the_order_of_rows_does_not_matter(
    rule: Rule, suites: list[int], seed: int, shuffle: int
) -> None:
    """Given who came first; and a seed gives the same answer again."""
    one = every_diagnosis(trial_of(rule, suites, seed, 0), seed)
    for again in (0, shuffle):
        other = every_diagnosis(trial_of(rule, suites, seed, again), seed)
        pd.testing.assert_frame_equal(one["people"], other["people"])
        pd.testing.assert_frame_equal(one["ratio"], other["ratio"])
        for name in ("replay", "drift", "test"):
            assert one[name] == pytest.approx(other[name], abs=CLOSE)


@given(mixed, ALL_HELD, SEEDS)
@SIMULATED
def test_a_replay_by_two_strategies(rule: Rule, suites: list[int], seed: int) -> None:
    """Opposite guesses; a chance of 0 never happened; p lies in (0, 1]; the test changes sign."""
    trial = trial_of(rule, suites, seed, 1)
    found = [
        replay(trial, strategy=how, sees="suite", draws=40, rng=np.random.default_rng(seed))
        for how in ("convergence", "divergence")
    ]
    assert found[0].guessed + found[1].guessed == pytest.approx(np.ones(N), abs=CLOSE)
    assert found[0].expected + found[1].expected == pytest.approx(1, abs=1e-9)
    assert (found[0].chance > 0).all()
    assert all(1 / 41 <= one.p_value <= 1 for one in found)
    tests = [
        guess_test(trial, column="risk", strategy=how, draws=40, rng=np.random.default_rng(seed))
        for how in ("convergence", "divergence")
    ]
    assert tests[0].statistic == pytest.approx(-tests[1].statistic, abs=CLOSE)
    assert tests[0].p_value == pytest.approx(tests[1].p_value, abs=CLOSE)


@given(mixed, ALL_HELD, SEEDS, st.sampled_from([0.5, 0.8, 0.95, 0.999]))
@SIMULATED
def test_the_band_of_a_drift(rule: Rule, suites: list[int], seed: int, level: float) -> None:
    """Wider for a higher level; a path ends at its greatest or nearer; steps are of one person."""
    trial = trial_of(rule, suites, seed, 1)
    found = drift(trial, level=level, draws=80, rng=np.random.default_rng(seed))
    wide = drift(trial, level=0.9995, draws=80, rng=np.random.default_rng(seed))
    assert (wide.low <= found.low).all()
    assert (found.low <= found.high).all()
    assert (found.high <= wide.high).all()
    assert found.largest == np.abs(found.difference).max()
    ratio = (1, 2) if isinstance(rule, Simple) else (1, 1)
    steps = np.diff(found.difference, prepend=0)
    assert set(np.round(steps, 9)) <= {-1 / ratio[0], 1 / ratio[1]}


@given(SEEDS)
@settings(max_examples=10, deadline=None)
def test_a_rule_s_row_does_not_depend_on_the_others(seed: int) -> None:
    table = people([0, 1] * (N // 2))
    rules: dict[str, Rule] = {
        "blocks": Stratified(rule=PermutedBlocks(sizes=(4,)), by="suite"),
        "mini": Minimisation(factors=["suite", "band"]),
        "stick": BigStick(tolerance=2),
    }

    def rows(names: list[str]) -> dict[str, Any]:
        found = compare_rules(
            {name: rules[name] for name in names},
            people=table,
            sees="suite",
            draws=200,
            rng=np.random.default_rng(seed),
        )
        return {row.rule: row for row in found.rows}

    three = rows(["blocks", "mini", "stick"])
    two = rows(["blocks", "mini"])
    assert repr(two["blocks"]) == repr(three["blocks"])
    assert repr(two["mini"]) == repr(three["mini"])
