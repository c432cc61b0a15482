"""Laws of allocation, of re-randomisation and of reading a trial."""

from __future__ import annotations

from math import factorial, prod
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import (
    ARMS,
    OUTCOME,
    cohorts,
    numbers,
    same,
    same_estimate,
    strata_table,
    swapped_trial,
    trial_of,
    whole_support,
)

import checkpoint_eval as ce
from checkpoint_eval.models import logrank_z
from checkpoint_eval.randomise import redraw

if TYPE_CHECKING:
    from collections.abc import Callable

counts = st.lists(st.integers(1, 4), min_size=2, max_size=3).map(tuple)
seeds = st.integers(0, 2**32 - 1)
DRAWS = 400


# --- complete randomisation --------------------------------------------------------------------


@given(counts)
def test_support_is_every_allocation_once(numbers_: tuple[int, ...]) -> None:
    """As many as the multinomial coefficient, all different, all with the counts asked."""
    n, k = sum(numbers_), len(numbers_)
    support = ce.Complete(counts=numbers_).support(n).arm
    size = factorial(n) // prod(map(factorial, numbers_))
    assert support.shape == (size, n)
    assert len({row.tobytes() for row in support}) == size
    for arm in range(k):
        assert ((support == arm).sum(axis=1) == numbers_[arm]).all()


@given(counts)
def test_mean_of_support_is_the_stated_probability(numbers_: tuple[int, ...]) -> None:
    n, k = sum(numbers_), len(numbers_)
    rule = ce.Complete(counts=numbers_)
    share = (rule.support(n).arm[:, :, None] == np.arange(k)).mean(axis=0)
    same(rule.probabilities(n), share)
    same(share, np.broadcast_to(np.array(numbers_) / n, (n, k)))


@given(counts, seeds)
def test_draws_are_in_the_support_and_follow_the_seed(numbers_: tuple[int, ...], seed: int) -> None:
    n = sum(numbers_)
    rule = ce.Complete(counts=numbers_)
    possible = {tuple(row) for row in rule.support(n).arm.tolist()}
    one, two = (rule.draw_many(n, 20, np.random.default_rng(seed)) for _ in range(2))
    assert one.tobytes() == two.tobytes()
    assert {tuple(row) for row in one.tolist()} <= possible
    single, again = (rule.draw(n, np.random.default_rng(seed)) for _ in range(2))
    assert single.tobytes() == again.tobytes()
    assert tuple(single.tolist()) in possible


@given(counts, seeds)
def test_every_path_through_the_urn_is_equally_likely(numbers_: tuple[int, ...], seed: int) -> None:
    """The chain rule: next probabilities multiply to 1 / size of the support on every path."""
    n = sum(numbers_)
    rule = ce.Complete(counts=numbers_)
    support = rule.support(n).arm
    path = support[seed % len(support)].tolist()
    chance = 1.0
    for place, arm in enumerate(path):
        ahead = rule.next_probabilities(path[:place])
        same(ahead.sum(), 1)
        assert (ahead >= 0).all()
        chance *= ahead[arm]
    same(chance * len(support), 1)


@pytest.mark.parametrize("numbers_", [(2, 2), (1, 3), (1, 1, 2)])
def test_all_allocations_are_drawn_alike(numbers_: tuple[int, ...]) -> None:
    """Each allocation's share of 20,000 draws is within 5 binomial standard errors of its due."""
    n, draws = sum(numbers_), 20_000
    rule = ce.Complete(counts=numbers_)
    size = len(rule.support(n).arm)
    drawn = rule.draw_many(n, draws, np.random.default_rng(20_240_601))
    _, seen = np.unique(drawn, axis=0, return_counts=True)
    assert len(seen) == size
    assert np.abs(seen / draws - 1 / size).max() < 5 * np.sqrt((1 - 1 / size) / size / draws)


@given(cohorts(arms=3, sites=2, each=1), seeds, st.integers(1, 50))
def test_redrawing_keeps_each_stratum_s_numbers(frame: pd.DataFrame, seed: int, draws: int) -> None:
    assignment = trial_of(frame, arms=ARMS, strata=["site"]).assignment
    one, two = (
        np.concatenate(list(redraw(assignment, draws=draws, rng=np.random.default_rng(seed))))
        for _ in range(2)
    )
    assert one.tobytes() == two.tobytes()
    assert one.shape == (draws, len(frame))
    for code, row in enumerate(assignment.counts_by_stratum):
        members = one[:, assignment.stratum == code]
        for arm, count in enumerate(row):
            assert ((members == arm).sum(axis=1) == count).all()


# --- re-randomisation --------------------------------------------------------------------------


def redrawn(trial: ce.Trial, seed: int, statistic: Any = "log-rank") -> ce.SignificanceTest:
    return ce.randomisation_test(
        trial,
        outcome=OUTCOME if statistic == "log-rank" else "any",
        statistic=statistic,
        draws=DRAWS,
        rng=np.random.default_rng(seed),
    )


statistics = st.sampled_from(["log-rank", "risk difference"])


@given(cohorts(sites=2), seeds, statistics)
def test_randomisation_p_counts_draws(frame: pd.DataFrame, seed: int, statistic: str) -> None:
    """p is (b + 1) / (B + 1), or b / B over all, never 0; same seed, same p; plain statistic."""
    trial = trial_of(frame, strata=["site"])
    one, two = (redrawn(trial, seed, statistic) for _ in range(2))
    if not one.estimable:
        assert np.isnan(two.statistic)
        return
    assert (one.statistic, one.p_value) == (two.statistic, two.p_value)
    if one.monte_carlo_error > 0 or one.p_value == 1:
        hits = one.p_value * (DRAWS + 1)
        same(hits, round(hits))
        assert 1 <= round(hits) <= DRAWS + 1
    else:  # all allocations were listed, each as likely
        assert one.draws <= DRAWS
        same(one.p_value * one.draws, round(one.p_value * one.draws))
    plain = (
        ce.logrank_test(trial, outcome=OUTCOME).statistic
        if statistic == "log-rank"
        else ce.risk_difference(trial, outcome="any").value
    )
    same(one.statistic, plain)
    same(redrawn(swapped_trial(frame, strata=["site"]), seed, statistic).statistic, -plain)


@pytest.mark.parametrize("sites", [1, 2])
@given(data=st.data(), seed=seeds, statistic=statistics)
def test_randomisation_p_estimates_the_enumerated_one(
    sites: int, data: Any, seed: int, statistic: str
) -> None:
    """
    Over the whole support of a tiny trial: b of B draws is binomial with the exact p, ties in |z|
    counted as at least as far (1e-9 below). 5 standard errors, and (b + 1) / (B + 1) is off b / B
    by less than 1 / (B + 1).
    """
    frame = data.draw(cohorts(sites=sites, each=2, most=8))
    support = whole_support(frame)
    if statistic == "log-rank":
        values = logrank_z(strata_table(frame, support))
    else:
        had = frame["any"].to_numpy()
        values = (support * had).sum(axis=1) / support.sum(axis=1)
        values = values - ((1 - support) * had).sum(axis=1) / (1 - support).sum(axis=1)
    assume(not np.isnan(values).any())
    trial = trial_of(frame, **({"strata": ["site"]} if sites > 1 else {}))
    found = redrawn(trial, seed, statistic)
    assume(found.estimable)
    exact = (np.abs(values) >= abs(found.statistic) - 1e-9).mean()
    if len(support) <= DRAWS:
        same(found.p_value, exact)
        assert (found.draws, found.monte_carlo_error) == (len(support), 0)
    room = 5 * np.sqrt(exact * (1 - exact) / DRAWS) + 1 / (DRAWS + 1)
    assert abs(found.p_value - exact) <= room


@given(cohorts(), seeds)
def test_nothing_happened_is_never_significant(frame: pd.DataFrame, seed: int) -> None:
    """When the outcome is everyone's, no allocation is farther out than the one made."""
    for constant in (0, 1):
        found = redrawn(trial_of(frame.assign(any=constant)), seed, "risk difference")
        assert np.isnan(found.p_value) or found.p_value == 1


# --- reading -----------------------------------------------------------------------------------

READERS: dict[str, Callable[[dict[str, list[Any]]], Any]] = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
}


@given(cohorts(sites=2), st.lists(st.booleans(), min_size=24, max_size=24))
def test_three_kinds_of_table_are_one_trial(frame: pd.DataFrame, lost: list[bool]) -> None:
    """pandas' NaN, polars' and pyarrow's null: one digest, and to the bit the same results."""
    gone = (np.array(lost)[: len(frame)]) & (np.arange(len(frame)) > 3)
    assume((frame[["age", "prio"]].nunique() > 1).all())
    assume(frame["age"][~gone].nunique() > 1)
    columns: dict[str, list[Any]] = frame.to_dict("list")
    for name in ("week", "arrest", "age"):
        columns[name] = [
            None if lacking else value for value, lacking in zip(columns[name], gone, strict=True)
        ]
    how: dict[str, Any] = {"covariates": ["age", "prio"], "strata": ["site"]}
    trials = [
        trial_of(read({name: list(column) for name, column in columns.items()}), **how)
        for read in READERS.values()
    ]
    assert len({trial.digest for trial in trials}) == 1
    horizon = float(frame["week"][~gone].groupby(frame["arm"]).max().min())
    results = [
        [
            *numbers(ce.restricted_mean(trial, outcome=OUTCOME, horizon=horizon)),
            *numbers(ce.survival_difference(trial, outcome=OUTCOME, at=horizon)),
            *numbers(ce.risk_difference(trial, outcome="any")),
            ce.logrank_test(trial, outcome=OUTCOME).statistic,
            ce.omnibus_balance(trial).statistic,
            *ce.standardised_differences(trial).to_frame()["difference"],
        ]
        for trial in trials
    ]
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


@given(cohorts(), st.integers(0, 7), st.sampled_from(["arrest", "week", "any", "arm"]))
def test_digest_reads_values_not_layout(frame: pd.DataFrame, row: int, column: str) -> None:
    """Any one value changed changes it; columns in another order, or floats for ints, do not."""
    row = row % len(frame)
    first = trial_of(frame).digest
    assert trial_of(frame[frame.columns[::-1]]).digest == first
    assert trial_of(frame.astype({"week": float, "any": bool})).digest == first
    changed = frame.copy()
    old = changed.loc[row, column]
    other = {"control": "treatment", "treatment": "control"}
    changed.loc[row, column] = (
        other[old] if column == "arm" else 13 if column == "week" else 1 - old
    )
    assert trial_of(changed).digest != first


@given(cohorts())
def test_codes_and_labels_of_arms_give_one_result(frame: pd.DataFrame) -> None:
    coded = frame.assign(arm=(frame["arm"] == "treatment").astype(int))
    for control in (0, 1):
        one = ce.risk_difference(trial_of(coded, control=control), outcome="any")
        two = ce.risk_difference(trial_of(frame, control=ARMS[control]), outcome="any")
        same_estimate(one, two)


@given(cohorts())
def test_full_compliance_makes_all_sets_one(frame: pd.DataFrame) -> None:
    """Everyone received what they were assigned, and everyone is in the named set."""
    trial = trial_of(
        frame.assign(got=frame["arm"], all=1), received="got", analysis_sets={"everyone": "all"}
    )
    first = ce.risk_difference(trial, outcome="any", analysis_set="itt")
    for name in trial.analysis_sets:
        same_estimate(ce.risk_difference(trial, outcome="any", analysis_set=name), first)


@given(cohorts(), st.lists(st.booleans(), min_size=24, max_size=24))
def test_analysis_sets_count_everyone_they_should(frame: pd.DataFrame, cross: list[bool]) -> None:
    """Per-protocol leaves out who crossed over; as-treated moves them; n + missing is the set."""
    crossed = np.array(cross)[: len(frame)]
    crossed[:4] = False  # two uncrossed people in each arm
    other = frame["arm"].map({"control": "treatment", "treatment": "control"})
    got = frame["arm"].where(~crossed, other)
    lost = np.arange(len(frame)) % 5 == 4
    trial = trial_of(
        frame.assign(got=got, any=frame["any"].astype(float).mask(lost)), received="got"
    )
    due = {"itt": frame["arm"], "per-protocol": frame["arm"][~crossed], "as-treated": got}
    for name, arm in due.items():
        found = ce.risk_difference(trial, outcome="any", analysis_set=name)
        size = arm.value_counts()
        assert tuple(np.add(found.n, found.missing)) == (size["control"], size["treatment"])
        assert sum(found.missing) == lost[arm.index].sum()
