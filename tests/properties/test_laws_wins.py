"""Laws of the win ratio, the win odds and the net benefit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from strategies import (
    EXACT,
    OUTCOME,
    TIMES,
    cohorts,
    doubled,
    mirrored,
    same,
    same_estimate,
    sensible,
    shuffled,
    swapped_trial,
    trial_of,
    wald_dual,
)

from checkpoint_eval.models import Gehan, compare, logrank, win_ratio, wins

if TYPE_CHECKING:
    import pandas as pd

    import checkpoint_eval as ce

MEASURES = ["win ratio", "win odds", "net benefit"]
measures = st.sampled_from(MEASURES)
# A grave event, then the arrest, then yes or no: all three decide some pairs.
NAMES = ["harm", OUTCOME, "any"]
SEVERAL = {"times": TIMES | {"harm": ("harm_week", "harm", "weeks")}, "numeric": {"prio": "prio"}}
orders = st.permutations([*NAMES, "prio"]).flatmap(
    lambda names: st.integers(1, 4).map(lambda size: names[:size])
)


@st.composite
def _graver(draw: st.DrawFn, **how: Any) -> pd.DataFrame:
    """Add to a cohort a second event in tied weeks, made of columns that nothing else reads."""
    frame = draw(cohorts(**how))
    week = (frame["age"] // 4 * 5 + frame["prio"]) % 12 + 1
    return frame.assign(harm_week=week, harm=(frame["kind"] == "theft").astype(int))


graver = _graver()
strata = _graver(sites=3)


def asked(frame: pd.DataFrame, *, swap: bool = False, **how: Any) -> ce.Estimate:
    read = swapped_trial if swap else trial_of
    return win_ratio(read(frame, **SEVERAL), **({"outcomes": NAMES} | how))


def numbers(found: ce.Estimate) -> list[float]:
    return [found.value, found.low, found.high, found.p_value, found.std_error, *found.by_arm]


@pytest.mark.parametrize("by", [(), "site"])
@given(frame=strata, measure=measures, names=orders)
def test_swapping_arms_inverts_or_negates(
    by: Any, frame: pd.DataFrame, measure: Any, names: list[str]
) -> None:
    one, two = (
        asked(frame, swap=swap, outcomes=names, measure=measure, strata=by)
        for swap in (False, True)
    )
    mirrored(one, two)
    same(two.by_arm, one.by_arm[::-1])
    sensible(one)
    wald_dual(one)


@given(strata, measures, orders, st.integers(0, 1000))
def test_any_order_of_people_will_do(
    frame: pd.DataFrame, measure: Any, names: list[str], seed: int
) -> None:
    how: dict[str, Any] = {"outcomes": names, "measure": measure, "strata": "site"}
    one, two = asked(frame, **how), asked(shuffled(frame, seed), **how)
    same_estimate(one, two)
    assert one.method == two.method


@given(_graver(censoring=False))
def test_without_censoring_it_is_the_test_of_mann_and_whitney(frame: pd.DataFrame) -> None:
    """U counts pairs won, ties half: net benefit 2 U / pairs - 1, odds U / (pairs - U)."""
    treated, control = (frame.loc[frame["arm"] == arm, "week"] for arm in ("treatment", "control"))
    u, pairs = mannwhitneyu(treated, control).statistic, len(treated) * len(control)
    benefit = asked(frame, outcomes=OUTCOME, measure="net benefit")
    if benefit.estimable:
        same(benefit.value, 2 * u / pairs - 1)
    odds = asked(frame, outcomes=OUTCOME, measure="win odds")
    if odds.estimable:
        same(odds.value, u / (pairs - u))
        same(odds.by_arm, [1 - u / pairs, u / pairs])


@given(graver)
def test_one_time_is_the_score_of_gehan(frame: pd.DataFrame) -> None:
    """Pairs lost less pairs won: observed less expected events, weighted by those at risk."""
    found = asked(frame, outcomes=OUTCOME, measure="net benefit")
    assume(found.estimable)
    people = compare(trial_of(frame), outcome=OUTCOME)
    score = logrank(people.table_by_stratum(None), Gehan())
    same(found.value * np.prod(found.n), score.expected[1] - score.observed[1], rel=1e-9)


@given(strata, measures, orders, st.sampled_from([0.25, 7.0, 1 / 3]))
def test_only_the_order_of_times_and_numbers_counts(
    frame: pd.DataFrame, measure: Any, names: list[str], factor: float
) -> None:
    """Any scale, and for numbers any monotone change."""
    other = frame.assign(
        week=frame["week"] * factor,
        harm_week=frame["harm_week"] * factor,
        prio=np.exp(frame["prio"] / 3) - 5,
    )
    one, two = (asked(each, outcomes=names, measure=measure) for each in (frame, other))
    same_estimate(one, two)


@given(strata, measures, orders, st.integers(0, 4))
def test_an_outcome_that_ties_all_adds_nothing(
    frame: pd.DataFrame, measure: Any, names: list[str], place: int
) -> None:
    trial = trial_of(
        frame.assign(level=1.0), **(SEVERAL | {"numeric": {"prio": "prio", "l": "level"}})
    )
    one = win_ratio(trial, outcomes=names, measure=measure, strata="site")
    wider = [*names[:place], "l", *names[place:]]
    two = win_ratio(trial, outcomes=wider, measure=measure, strata="site")
    same(numbers(one), numbers(two))
    assert "l decided 0.0%" in two.method


@given(strata, orders)
def test_win_odds_lie_between_1_and_the_win_ratio(frame: pd.DataFrame, names: list[str]) -> None:
    """And all three are on the same side of no effect: W - L has one sign."""
    ratio, odds, benefit = (
        asked(frame, outcomes=names, measure=measure, strata="site") for measure in MEASURES
    )
    assume(ratio.estimable)
    low, high = sorted([1.0, ratio.value])
    assert low - EXACT <= odds.value <= high + EXACT
    if benefit.estimable:
        same(benefit.value, ratio.by_arm[1] - ratio.by_arm[0])
        same(benefit.by_arm, ratio.by_arm)
        won, lost = ratio.by_arm[1], ratio.by_arm[0]
        same(ratio.value, won / lost)
        same(odds.value, (1 + won - lost) / (1 - won + lost))


@given(strata, orders)
def test_strata_are_averaged(frame: pd.DataFrame, names: list[str]) -> None:
    """Net benefit: the mean over sites, weighted n1 n0 / n; the variance by the square of that."""
    how: dict[str, Any] = {"outcomes": names, "measure": "net benefit"}
    own = [asked(frame[frame["site"] == site], **how) for site in sorted(set(frame["site"]))]
    assume(all(one.estimable for one in own))
    weight = np.array([one.n[0] * one.n[1] / sum(one.n) for one in own])
    weight = weight / weight.sum()
    found = asked(frame, strata="site", **how)
    same(found.value, weight @ [one.value for one in own])
    same(found.std_error**2, weight**2 @ [one.std_error**2 for one in own])


@given(strata, measures, orders)
def test_everyone_twice(frame: pd.DataFrame, measure: Any, names: list[str]) -> None:
    """
    The same pairs, four times: the value stays. Variances of n projections become those of 2 n:
    (n - 1) / (2 n - 1), at least 1/3 for the two people there are, and below 1/2.
    """
    how: dict[str, Any] = {"outcomes": names, "measure": measure, "strata": "site"}
    one, two = asked(frame, **how), asked(doubled(frame), **how)
    assume(one.estimable)
    same([two.value, *two.by_arm], [one.value, *one.by_arm])
    assert 1 / 3 - EXACT <= (two.std_error / one.std_error) ** 2 < 1 / 2


@given(graver, measures, st.lists(st.booleans(), min_size=24, max_size=24))
def test_missing_outcomes_are_counted_and_left_out(
    frame: pd.DataFrame, measure: Any, lost: list[bool]
) -> None:
    gone = np.array(lost)[: len(frame)]
    kept = frame[~gone]
    assume(kept["arm"].nunique() == 2)
    # unknown in one outcome or the other
    first = gone & (np.arange(len(frame)) % 2 == 0)
    some = frame.assign(any=frame["any"].astype(float).mask(first)).astype({"week": float})
    some.loc[gone & ~first, ["week", "arrest"]] = np.nan
    one, two = asked(some, measure=measure), asked(kept, measure=measure)
    assert tuple(np.add(one.n, one.missing)) == trial_of(frame).assignment.counts
    assert (one.n, one.events) == (two.n, two.events)
    same(numbers(one), numbers(two))


@given(graver, measures, orders, st.integers(1, 30))
def test_blocks_of_pairs_are_one_table(
    frame: pd.DataFrame, measure: Any, names: list[str], size: int
) -> None:
    whole = asked(frame, outcomes=names, measure=measure)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wins, "PAIRS_AT_ONCE", size)
        blocks = asked(frame, outcomes=names, measure=measure)
    assert numbers(blocks) == numbers(whole) or not whole.estimable
    assert blocks.method == whole.method
