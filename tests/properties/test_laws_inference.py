"""Laws of randomisation tests and of the intervals they are inverted to."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import same

import checkpoint_eval as ce
from checkpoint_eval.design import (
    BiasedCoin,
    BigStick,
    Complete,
    Custom,
    Minimisation,
    PermutedBlocks,
    Rule,
    Stratified,
)

SIDES = ("two-sided", "less", "greater")
OTHER = {"two-sided": "two-sided", "less": "greater", "greater": "less"}
STATISTICS = ("mean difference", "studentised difference", "adjusted difference", "rank sum")
N = 8
PLAIN = Complete(counts=(4, 4))


class Asked(NamedTuple):
    """People in order of arrival, and the rule that allocated them."""

    frame: pd.DataFrame
    rule: Rule | None

    def read(self, seed: int | None = None, **columns: Any) -> ce.Trial:
        """Read the trial, rows shuffled when a seed is given; columns replaced by keyword."""
        frame = self.frame.assign(**columns)
        if seed is not None:
            order = np.random.default_rng(seed).permutation(len(frame))
            frame = frame.iloc[order].reset_index(drop=True)
        return ce.Trial.from_frame(
            frame,
            arm="arm",
            control=0,
            numeric={"days": "days"},
            covariates=["age"],
            times={"re": ("week", "event", "weeks")},
            rule=self.rule,
            order="came",
        )


def fitting(frame: pd.DataFrame) -> list[Rule]:
    """Rules whose support of eight people is small enough to list."""
    uneven = Custom(matrix=[frame["arm"], *PLAIN.support(N).arm[::9]], weights=range(1, 10))
    return [
        PLAIN,
        PermutedBlocks(sizes=(4,)),
        BiasedCoin(p=2 / 3),
        BigStick(tolerance=2),
        Minimisation(factors=["suite"]),
        Stratified(rule=PermutedBlocks(sizes=(2,)), by="suite"),
        uneven,
    ]


@st.composite
def trials(draw: Any, *, ties: bool = True, rules: bool = True) -> Asked:
    """Draw eight people; the allocation is one of their rule's, four in each arm."""
    values = st.integers(-9, 9) if ties else st.integers(-999, 999)
    days = draw(st.lists(values, min_size=N, max_size=N, unique=not ties))
    code = draw(st.integers(0, 2**31))
    rng = np.random.default_rng(code)
    frame = pd.DataFrame(
        {
            "arm": rng.permutation([0, 1] * 4),
            "days": np.array(days, dtype=float),
            "age": rng.permutation(40)[:N] + 18.0,
            "week": rng.integers(1, 7, N),
            "event": (rng.random(N) < 0.8).astype(int),
            "suite": list("nsnsnssn"),
            "came": np.sort(rng.permutation(500)[:N]),
        }
    )
    rule = None if not rules else draw(st.sampled_from([None, *fitting(frame)]))
    if rule is not None:
        support = rule.support(frame.drop(columns="arm")).arm
        balanced = support[support.sum(axis=1) == 4]
        frame["arm"] = balanced[code % len(balanced)]
    return Asked(frame, rule)


def ask(trial: ce.Trial, side: str = "two-sided", **how: Any) -> ce.SignificanceTest:
    """By listing, unless `draws` are fewer."""
    how = {"outcome": "days", "statistic": "mean difference"} | how
    if how["statistic"] == "adjusted difference":
        how["adjust"] = "age"
    rng = np.random.default_rng(how.pop("seed", 1))
    return ce.randomisation_test(trial, **how, alternative=side, rng=rng)


def interval(trial: ce.Trial, level: float = 0.8) -> ce.Estimate:
    """Of the mean difference."""
    return ce.randomisation_interval(
        trial, outcome="days", level=level, rng=np.random.default_rng(1)
    )


statistics = st.sampled_from(STATISTICS)
sides = st.sampled_from(SIDES)
scales = st.sampled_from([-8.0, -1.0, -0.5, 0.25, 1.0, 4.0, 3.0, 1000.0])
shifts = st.integers(-50, 50)
seeds = st.integers(0, 2**31)


@given(trials(), statistics, sides, scales, shifts)
def test_scale_and_origin_do_not_matter(
    asked: Asked, statistic: str, side: str, scale: float, shift: int
) -> None:
    """Another unit or origin leaves p; a negative one turns the alternative round."""
    one = ask(asked.read(), side, statistic=statistic)
    assume(one.estimable)
    turned = side if scale > 0 else OTHER[side]
    moved = asked.read(days=asked.frame["days"] * scale + shift)
    two = ask(moved, turned, statistic=statistic)
    same(two.p_value, one.p_value)
    factor = abs(scale) if statistic in ("mean difference", "adjusted difference") else 1
    same(two.statistic, np.sign(scale) * factor * one.statistic, floor=1e-8 * factor)


@given(trials(), scales, shifts)
def test_interval_moves_with_the_outcome(asked: Asked, scale: float, shift: int) -> None:
    """Ends are in the outcome's unit; its origin goes."""
    one = interval(asked.read())
    two = interval(asked.read(days=asked.frame["days"] * scale + shift))
    ends = sorted([one.low * scale, one.high * scale])
    same([two.low, two.value, two.high], [ends[0], one.value * scale, ends[1]], rel=1e-9)
    same(two.p_value, one.p_value)


@given(trials(), shifts)
def test_interval_follows_a_known_effect(asked: Asked, effect: int) -> None:
    """Adding 4 to everyone treated adds 4 to both ends, whatever the rule."""
    one = interval(asked.read())
    two = interval(asked.read(days=asked.frame["days"] + effect * asked.frame["arm"]))
    same([two.low, two.value, two.high], np.array([one.low, one.value, one.high]) + effect)


@given(trials(), shifts, st.sampled_from([0.3, 0.5, 0.8, 0.9]))
def test_interval_holds_what_the_test_does_not_reject(
    asked: Asked, effect: int, level: float
) -> None:
    """
    Test of the outcomes less the effect at 1 - level, odd fractions so that no end is met.

    Where chances of arms differ the interval may be too wide (see the slow reference).
    """
    tau = effect + float(Fraction(1, 7))
    found = interval(asked.read(), level)
    p = ask(asked.read(days=asked.frame["days"] - tau * asked.frame["arm"])).p_value
    assume(abs(p - (1 - level)) > 1e-9)
    held = found.low <= tau <= found.high
    if isinstance(asked.rule, Custom):
        assert held or p < 1 - level
    else:
        assert held == (p > 1 - level)


@given(trials(), statistics, sides)
def test_swapped_arms_swap_the_sign(asked: Asked, statistic: str, side: str) -> None:
    """Calling the arms the other way round; the rule's two arms are alike or are turned too."""
    turned = asked.rule
    if isinstance(turned, Custom):
        turned = Custom(matrix=1 - np.asarray(turned.matrix), weights=turned.weights)
    one = ask(asked.read(), side, statistic=statistic)
    assume(one.estimable)
    other = asked._replace(rule=turned).read(arm=1 - asked.frame["arm"])
    two = ask(other, OTHER[side], statistic=statistic)
    same(two.p_value, one.p_value)
    same(two.statistic, -one.statistic, floor=1e-8)


@given(trials(), seeds, st.sampled_from([*STATISTICS, "log-rank"]), sides)
def test_rows_in_any_order(asked: Asked, seed: int, statistic: str, side: str) -> None:
    """The column of arrival tells all there is; when listed, p is the same to the bit or nearly."""
    outcome = "re" if statistic == "log-rank" else "days"
    one = ask(asked.read(), side, statistic=statistic, outcome=outcome)
    two = ask(asked.read(seed=seed), side, statistic=statistic, outcome=outcome)
    assume(one.estimable)
    same(two.p_value, one.p_value, rel=1e-12)
    same(two.statistic, one.statistic)
    assert (one.draws, one.monte_carlo_error) == (two.draws, two.monte_carlo_error)


@given(trials(ties=False), seeds, sides)
def test_rows_in_any_order_when_drawn(asked: Asked, seed: int, side: str) -> None:
    """The same seed draws the same allocations of the same people, however rows stand."""
    assume(asked.rule is not None)
    how = {"draws": 7, "seed": seed}
    one, two = ask(asked.read(), side, **how), ask(asked.read(seed=seed), side, **how)
    assume(asked.rule is None or one.monte_carlo_error > 0)
    assert one.p_value == two.p_value


@given(trials(), statistics, sides, st.integers(1, 40), seeds)
def test_p_is_never_nought(asked: Asked, statistic: str, side: str, draws: int, seed: int) -> None:
    """1 / (draws + 1) when drawn; the allocation made counts, so its own chance when listed."""
    found = ask(asked.read(), side, statistic=statistic, draws=draws, seed=seed)
    assume(found.estimable)
    if found.draws == draws and found.monte_carlo_error > 0:
        same(found.p_value * (draws + 1), round(found.p_value * (draws + 1)))
        assert found.p_value >= 1 / (draws + 1) - 1e-12
    whole = ask(asked.read(), side, statistic=statistic)
    rule = asked.rule or PLAIN
    support = rule.support(asked.frame.drop(columns="arm"))
    made = (support.arm == asked.frame["arm"].to_numpy()).all(axis=1)
    assert support.weight[made].sum() - 1e-12 <= whole.p_value <= 1 + 1e-12


@given(trials(), statistics)
def test_sides_fit_together(asked: Asked, statistic: str) -> None:
    """
    Both one-sided p-values add up to 1 and what ties, less what is undefined.

    Two-sided is at least the side it lies on, and at most both; where an allocation and its mirror
    are alike in chance, twice the side.
    """
    both, less, greater = (ask(asked.read(), side, statistic=statistic) for side in SIDES)
    assume(both.estimable)
    side = greater if both.statistic > 0 else less
    assert both.p_value >= side.p_value - 1e-12
    if asked.rule is None or isinstance(asked.rule, (Complete, PermutedBlocks, Stratified)):
        assert less.p_value + greater.p_value >= 1 - 1e-12
        same(both.p_value, min(1, 2 * min(less.p_value, greater.p_value)))


@given(trials(rules=False), st.integers(0, 1), st.sampled_from([*STATISTICS, "log-rank"]), sides)
def test_somebody_whose_outcome_is_unknown(
    asked: Asked, arm: int, statistic: str, side: str
) -> None:
    """Is redrawn though not compared: p mixes the trials that the others may be in."""
    lost = {"arm": arm, "days": np.nan, "age": 33.0, "week": np.nan, "event": np.nan}
    more = pd.DataFrame([lost | {"suite": "n", "came": 999}])
    frame = pd.concat([asked.frame, more], ignore_index=True)
    outcome = "re" if statistic == "log-rank" else "days"
    found = ask(Asked(frame, None).read(), side, statistic=statistic, outcome=outcome)
    alone = ask(asked.read(), side, statistic=statistic, outcome=outcome)
    assume(alone.estimable)
    same(found.statistic, alone.statistic)
    assert (found.n, sum(found.missing), found.draws) == (alone.n, 1, 126)
    # With chance 5/9 the lost one is in the larger arm, and the rest as in the smaller trial.
    assert found.p_value >= 5 / 9 * alone.p_value - 1e-12
    assert found.p_value <= 5 / 9 * alone.p_value + 4 / 9 + 1e-12


@given(trials(rules=False), st.sampled_from([*STATISTICS, "log-rank"]), sides, seeds)
def test_no_rule_is_complete_randomisation(
    asked: Asked, statistic: str, side: str, seed: int
) -> None:
    """Given the numbers seen; listed, and drawn with one seed."""
    outcome = "re" if statistic == "log-rank" else "days"
    how = {"statistic": statistic, "outcome": outcome, "seed": seed}
    one, two = asked.read(), asked._replace(rule=PLAIN).read()
    for draws in (20, 70):
        first, second = (ask(trial, side, draws=draws, **how) for trial in (one, two))
        np.testing.assert_equal(first.p_value, second.p_value)
        assert first.draws == second.draws == draws
    assert interval(one) == interval(two)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_ties_tie_in_every_unit(unit: float) -> None:
    """Thirds and tenths that tie on paper, off by a last bit in floats, count as ties."""
    days = np.array([0.1, 0.2, 0.3, 0.1, 0.2, 0.3]) * unit
    frame = pd.DataFrame({"arm": [1, 0, 1, 0, 1, 0], "days": days})
    read = ce.Trial.from_frame(frame, arm="arm", control=0, numeric={"days": "days"})
    # nought: 0.1 + 0.2 + 0.3 on either side, 8 of 20 allocations
    assert ask(read).p_value == 1
    same(ask(read, "less").p_value, 14 / 20)
    same(ask(read, "greater").p_value, 14 / 20)
