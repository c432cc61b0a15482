"""Randomisation tests and intervals that can be counted on paper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.design import Clustered, Complete, PermutedBlocks, Stratified

CLOSED = 1e-12


def trial(arm: list[int], days: list[float], **how: Any) -> ce.Trial:
    """Numbers for outcomes; other columns and options by keyword."""
    columns = {name: how.pop(name) for name in ("block", "team") if name in how}
    frame = pd.DataFrame({"arm": arm, "days": days, **columns})
    return ce.Trial.from_frame(frame, arm="arm", control=0, numeric={"days": "days"}, **how)


def asked(of: ce.Trial, side: str = "two-sided", **how: Any) -> ce.SignificanceTest:
    """Difference in means unless said."""
    how = {"outcome": "days", "statistic": "mean difference"} | how
    return ce.randomisation_test(of, **how, alternative=side, rng=np.random.default_rng(1))


def interval(of: ce.Trial, level: float) -> ce.Estimate:
    """Of the difference in means."""
    return ce.randomisation_interval(of, outcome="days", level=level, rng=np.random.default_rng(1))


@pytest.mark.parametrize("rule", [None, Complete(counts=(5, 2))])
def test_gerber_and_green_villages(rule: Complete | None) -> None:
    """
    Gerber and Green (2012, table 2.2 and section 3.4): villages 1 and 7 of 7 have a woman.

    22.5 − 16 = 6.5. With a sum s of the two treated the difference is 0.7 s − 25; of C(7, 2) = 21
    pairs 5 have s >= 45 (30 with each of 15, 15, 15, 20, 20) and 3 have s <= 26.4 (10 with 15).
    """
    village = trial([1, 0, 0, 0, 0, 0, 1], [15, 15, 20, 20, 10, 15, 30], rule=rule)
    found = asked(village)
    assert (found.statistic, found.draws, found.monte_carlo_error) == (6.5, 21, 0)
    assert found.p_value == pytest.approx(8 / 21, rel=CLOSED)
    assert asked(village, "greater").p_value == pytest.approx(5 / 21, rel=CLOSED)
    # 16 lie below the five; those that tie at a sum of 45 count again: 15 + 30 three times
    assert asked(village, "less").p_value == pytest.approx(19 / 21, rel=CLOSED)


BLOCKED = {
    "days": [8, 6, 2, 0, 3, 1, 1, 1, 2, 2, 0, 1, 0, 2, 2, 4, 1, 1],
    "team": [f"t{i // 2 + 1}" for i in range(18)],
    "block": ["one"] * 4 + ["two"] * 6 + ["three"] * 8,
}


@pytest.mark.parametrize(("side", "p"), [("two-sided", 7), ("greater", 3), ("less", 34)])
@pytest.mark.parametrize("seed", [None, 1])
def test_clusters_in_blocks_with_unequal_chances(side: str, p: int, seed: int | None) -> None:
    """
    The ri2 test: 1 of 2, 2 of 3 and 2 of 4 clusters treated, 2·3·6 = 36 allocations; weighted 2.0.

    The order of the rows does not matter to complete randomisation.
    """
    clusters = {"one": Complete(counts=(1, 1)), "two": Complete(counts=(1, 2))}
    stated = {
        block: Clustered(rule=rule, by="team")
        for block, rule in (clusters | {"three": Complete(counts=(2, 2))}).items()
    }
    treated = ("t1", "t3", "t5", "t6", "t8")
    frame = pd.DataFrame(BLOCKED).assign(arm=[int(t in treated) for t in BLOCKED["team"]])
    if seed is not None:
        frame = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    stratified = ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        numeric={"days": "days"},
        rule=Stratified(rule=stated, by="block"),
        order="rows",
    )
    found = asked(stratified, side)
    assert found.statistic == pytest.approx(2, rel=CLOSED)
    assert found.draws == 36
    assert found.p_value == pytest.approx(p / 36, rel=CLOSED)


@pytest.mark.parametrize(
    ("guess", "ways"), [([1, 1, 1, 1, 0, 0, 0, 0], 1), ([1, 1, 1, 0, 1, 0, 0, 0], 17)]
)
@pytest.mark.parametrize("statistic", ["risk difference", "mean difference", "rank sum"])
def test_lady_tasting_tea(guess: list[int], ways: int, statistic: str) -> None:
    """Fisher (1935): all four right 1/70; three or more right 1 + 16 = 17 of 70."""
    cups = pd.DataFrame({"milk first": [1, 1, 1, 1, 0, 0, 0, 0], "said": guess})
    tea = ce.Trial.from_frame(cups, arm="milk first", control=0, binary={"days": "said"})
    assert asked(tea, "greater", statistic=statistic).p_value == pytest.approx(ways / 70)
    assert asked(tea, statistic=statistic).p_value == pytest.approx(2 * ways / 70)


def test_interval_of_four_people() -> None:
    """
    Control 1 and 4, treatment 7 and 12: estimate 9.5 − 2.5 = 7; six allocations.

    Less the effect τ: 1, 4, 7 − τ, 12 − τ. The one made gives 7 − τ and its mirror as much; {1, 7}
    and its mirror 4, {1, 12} and its mirror 1. |7 − τ| <= 4 from 3 to 11, <= 1 from 6 to 8. So p is
    2/6 outside [3, 11], 4/6 in it but outside [6, 8], 1 within.
    """
    four = trial([0, 0, 1, 1], [1, 4, 7, 12])
    found = interval(four, 0.5)  # p > 1/2: [3, 11]
    assert (found.low, found.value, found.high) == pytest.approx((3, 7, 11), rel=CLOSED)
    assert found.p_value == pytest.approx(2 / 6, rel=CLOSED)
    narrow = interval(four, 0.3)  # p > 0.7: [6, 8]
    assert (narrow.low, narrow.high) == pytest.approx((6, 8), rel=CLOSED)
    wide = interval(four, 0.95)  # 2/6 is never rejected at 5 %
    assert (wide.low, wide.high) == (-np.inf, np.inf)
    # exactly 1/3 = 1 − level is rejected, just above it is not
    assert interval(four, 2 / 3 + 1e-9).high == np.inf
    assert interval(four, 2 / 3 - 1e-9).high == pytest.approx(11)


def test_interval_in_pairs() -> None:
    """
    Two blocks of two; in order of arrival 1, 6 | 5, 2, the second and third treated.

    Difference (6 + 5 − 1 − 2)/2 = 4. Less τ: 1, 6 − τ | 5 − τ, 2; treating the other of the first
    pair: (1 + 5 − τ − 6 + τ − 2)/2 = −1; of the second: 1; of both: −4 + τ. So p is 1/2 outside
    3 to 5 and 1 within.
    """
    pairs = ce.Trial.from_frame(
        pd.DataFrame({"arm": [1, 0, 0, 1], "days": [6, 1, 2, 5], "came": [2, 1, 4, 3]}),
        arm="arm",
        control=0,
        numeric={"days": "days"},
        rule=PermutedBlocks(sizes=(2,)),
        order="came",
    )
    found = interval(pairs, 0.4)
    assert (found.low, found.value, found.high) == pytest.approx((3, 4, 5), rel=CLOSED)
    assert found.p_value == pytest.approx(1 / 2, rel=CLOSED)
    # Complete randomisation would also treat the first two or the last two: 1.
    assert asked(pairs).draws == 4


def test_rank_sum_of_five_with_a_tie() -> None:
    """
    Values 3, 5, 5, 8, 9 have ranks 1, 2.5, 2.5, 4, 5; treated the last two: 4.5 − 2 = 2.5.

    Of C(5, 2) = 10 pairs the sum of ranks is 9 once; the lowest, 3.5, twice: 1.75 − 11.5/3 =
    −2.083, nearer than 2.5. Greater 1/10, two-sided 1/10.
    """
    five = trial([0, 0, 0, 1, 1], [3, 5, 5, 8, 9])
    found = asked(five, statistic="rank sum")
    assert found.statistic == pytest.approx(2.5, rel=CLOSED)
    assert found.p_value == pytest.approx(1 / 10, rel=CLOSED)
    assert asked(five, "greater", statistic="rank sum").p_value == pytest.approx(1 / 10)
    assert asked(five, "less", statistic="rank sum").p_value == 1


def test_studentised_by_hand() -> None:
    """Control 1, 3 (variance 2), treatment 6, 12 (18): 7 / √(2/2 + 18/2) = 2.2136; mirror too."""
    four = trial([0, 0, 1, 1], [1, 3, 6, 12])
    found = asked(four, statistic="studentised difference")
    assert found.statistic == pytest.approx(7 / np.sqrt(10), rel=CLOSED)
    assert found.p_value == pytest.approx(2 / 6, rel=CLOSED)


def test_logrank_by_hand() -> None:
    """
    Events in control at 1 and 2, in treatment at 3 and censored at 4.

    Treatment: 0 − 2/4, 0 − 2/3, 1 − 1 = −7/6; variance 1/4 + 2/9 = 17/36: z = −7/√17. As far
    only its mirror: 2 of 6.
    """
    frame = pd.DataFrame({"arm": [0, 0, 1, 1], "week": [1, 2, 3, 4], "event": [1, 1, 1, 0]})
    read = ce.Trial.from_frame(
        frame, arm="arm", control=0, times={"days": ("week", "event", "weeks")}
    )
    found = asked(read, statistic="log-rank")
    assert found.statistic == pytest.approx(-7 / np.sqrt(17), rel=CLOSED)
    assert found.p_value == pytest.approx(2 / 6, rel=CLOSED)
    assert asked(read, "less", statistic="log-rank").p_value == pytest.approx(1 / 6, rel=CLOSED)
