"""Arms follow the rule, from ledger and table alike, and nothing but the seed tells the next."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ledgers import Make, fill, rows, seed_of, suites
from scipy import stats

from checkpoint_eval.design import BiasedCoin, Complete, PermutedBlocks, Simple, Stratified
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.randomise import allocate, commit_seed
from checkpoint_eval.randomise.keys import uniform
from checkpoint_eval.randomise.terms import chosen

# Chances of a false alarm in the tests below, each: seeds are fixed, so they alarm once or never.
ALARM = 1e-4
SEEDS = 2000


def drawn(rule: PermutedBlocks | BiasedCoin | Simple, seed: str, people: int) -> tuple[int, ...]:
    """Return the arms a ledger with this seed gives, by its own two functions."""
    state, arms = rule.start(), []
    for place in range(1, people + 1):
        arms.append(chosen(rule.chances(state), uniform(seed, place)))
        state = rule.after(state, arms[-1])
    return tuple(arms)


@pytest.mark.parametrize(
    "rule",
    [PermutedBlocks(sizes=(2, 4)), BiasedCoin(p=2 / 3), Simple(ratio=(2, 1))],
    ids=lambda rule: type(rule).__name__,
)
def test_allocations_over_many_seeds_follow_the_rules_support(
    rule: PermutedBlocks | BiasedCoin | Simple,
) -> None:
    support = rule.support(5)
    place = {tuple(row): number for number, row in enumerate(support.arm.tolist())}
    seen = np.zeros(len(place))
    for seed in range(SEEDS):
        seen[place[drawn(rule, f"seed {seed}", 5)]] += 1
    assert stats.chisquare(seen, support.weight * SEEDS).pvalue > ALARM


def test_the_functions_above_are_what_a_ledger_does(make: Make) -> None:
    ledger = make(rule=BiasedCoin(p=2 / 3))
    arms = tuple(ledger.allocate(f"P{number}").code for number in range(60))
    assert arms == drawn(BiasedCoin(p=2 / 3), seed_of(ledger), 60)


def test_uniforms_are_uniform_and_unrelated_from_place_to_place() -> None:
    table = np.array(
        [[uniform(f"seed {seed}", place) for place in range(1, 11)] for seed in range(SEEDS)]
    )
    assert table.min() >= 0
    assert table.max() < 1
    assert stats.kstest(table.ravel(), "uniform").pvalue > ALARM
    together = np.corrcoef(table.T)[np.triu_indices(10, 1)]
    # 45 correlations, each with standard error 1 / sqrt(n)
    assert np.abs(together).max() < stats.norm.isf(ALARM / 2 / 45) / math.sqrt(SEEDS)


def test_the_ledger_tells_nothing_of_the_next_arm(make: Make) -> None:
    """Two ledgers alike but for the seed differ in arms and hashes only, never before a draw."""
    one, two = make("one", rule=Simple(ratio=(1, 1))), make("two", rule=Simple(ratio=(1, 1)))
    for ledger in (one, two):
        for number in range(64):
            ledger.allocate(f"P{number}")
    arms = [
        [entry.fields["code"] for entry in ledger.entries() if entry.kind == "randomised"]
        for ledger in (one, two)
    ]
    assert arms[0] != arms[1]  # alike in 1 of 2^64
    stored = [
        ledger.store.connection.execute("SELECT body FROM tip").fetchone()[0]
        for ledger in (one, two)
    ]
    assert stored[0] == stored[1]  # a simple rule remembers nothing, and nothing else is kept
    assert len(rows(one.path)) == 65


def test_a_table_is_drawn_by_the_rule_and_the_seed_alone() -> None:
    people = pd.DataFrame({"suite": ["north", "south"] * 20})
    rule = suites(4)
    first = allocate(rule, people, seed="a secret", arms=("court", "contract"))
    again = allocate(rule, people, seed=" a secret ", arms=("court", "contract"))
    other = allocate(rule, people, seed="another", arms=("court", "contract"))
    assert first.arm.tolist() == again.arm.tolist() != other.arm.tolist()
    assert first.arms == ("court", "contract")
    assert first.strata == ("suite=north", "suite=south")
    assert first.commitment == commit_seed("a secret")
    assert first.counts_by_stratum.tolist() == [[10, 10], [10, 10]]
    assert first.rule is rule
    assert allocate(Complete(counts=(3, 4)), 7, seed=1).counts == (3, 4)


def test_tables_over_many_seeds_follow_the_rules_support() -> None:
    rule = Stratified(rule=Complete(counts=(1, 1)), by="suite")
    people = pd.DataFrame({"suite": ["a", "a", "b", "b"]})
    support = [tuple(row) for row in rule.support(people).arm.tolist()]
    seen = np.zeros(len(support))
    for seed in range(SEEDS // 2):
        seen[support.index(tuple(allocate(rule, people, seed=seed).arm.tolist()))] += 1
    assert stats.chisquare(seen).pvalue > ALARM


def test_a_table_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ImpossibleDesign, match="2 arms"):
        allocate(Simple(ratio=(1, 1)), 10, seed=1, arms=("a", "b", "c"))
    with pytest.raises(TrialError, match="`arms`"):
        allocate(Simple(ratio=(1, 1)), 10, seed=1, arms="control")
    with pytest.raises(ImpossibleDesign, match="named twice"):
        allocate(Simple(ratio=(1, 1)), 10, seed=1, arms=("a", "a"))
    with pytest.raises(TrialError, match="`seed`"):
        allocate(Simple(ratio=(1, 1)), 10, seed=None)  # type: ignore[arg-type]
    with pytest.raises(ImpossibleDesign, match="nobody"):
        allocate(Simple(ratio=(1, 1)), 1, seed=1)


def test_seed_bytes_are_in_the_key_file_alone(make: Make, tmp_path: Path) -> None:
    ledger = make()
    fill(ledger, 50)
    seed = seed_of(ledger).encode()
    holding = [file.name for file in tmp_path.iterdir() if seed in file.read_bytes()]
    assert holding == ["trial.ledger.key"]
