"""Laws of what is made of skewed amounts, and of counts with many zeros."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import (
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

import checkpoint_eval as ce
from checkpoint_eval.models import (
    bootstrap_interval,
    harm_inequality,
    mean_difference,
    rate_sensitivity,
    superiority_probability,
    trimmed_mean_difference,
    two_part_effects,
    win_ratio,
)

if TYPE_CHECKING:
    import pandas as pd

FITTED = 1e-7  # two iterated fits of the same likelihood
WAYS: dict[str, tuple[Any, dict[str, Any]]] = {
    "trimmed": (trimmed_mean_difference, {}),
    "winsorised": (trimmed_mean_difference, {"method": "winsorised", "trim": 0.1}),
    "superiority": (superiority_probability, {}),
    "two parts": (two_part_effects, {}),
    "two parts, log-normal": (two_part_effects, {"model": "log-normal"}),
    "inequality": (harm_inequality, {}),
}
ways = pytest.mark.parametrize("way", WAYS)
frames = cohorts(each=4, most=40)


def with_harm(frame: pd.DataFrame) -> pd.DataFrame:
    """Nothing for some, and skewed for the others; the year is one for all."""
    harm = np.where(frame["arrest"] == 1, np.exp(frame["week"] / 2).round(1), 0.0)
    return frame.assign(harm=harm, count=frame["arrest"] * frame["prio"], year=1.0)


def read(frame: pd.DataFrame, swapped: bool = False) -> ce.Trial:
    reader = swapped_trial if swapped else trial_of
    return reader(
        with_harm(frame),
        numeric={"y": "harm"},
        times={},
        counts={"n": ("count", "year", "years")},
    )


def found(trial: ce.Trial, way: str, **how: Any) -> tuple[ce.Estimate, ...]:
    verb, options = WAYS[way]
    answer = verb(trial, outcome="y", **(options | how))
    if isinstance(answer, ce.Estimate):
        return (answer,)
    return answer if isinstance(answer, tuple) else (answer.difference,)


@ways
@given(frame=frames)
def test_swapping_arms_negates_or_inverts(way: str, frame: pd.DataFrame) -> None:
    for one, two in zip(found(read(frame), way), found(read(frame, True), way), strict=True):
        mirrored(one, two, rel=FITTED)


@ways
@given(frame=frames, seed=st.integers(0, 99))
def test_order_does_not_matter(way: str, frame: pd.DataFrame, seed: int) -> None:
    again = found(read(shuffled(frame, seed)), way)
    for one, two in zip(found(read(frame), way), again, strict=True):
        same_estimate(one, two, rel=FITTED)


@ways
@given(frame=frames)
def test_sensible_and_dual(way: str, frame: pd.DataFrame) -> None:
    for each in found(read(frame), way):
        sensible(each)
        wald_dual(each)


@ways
@given(frame=frames, unit=st.sampled_from([0.001, 7.0, 365.25]))
def test_units(way: str, frame: pd.DataFrame, unit: float) -> None:
    """Differences of amounts are in the unit; shares, ratios and order know none."""
    trial = read(frame)
    other = trial_of(
        with_harm(frame).assign(harm=lambda each: each["harm"] * unit),
        numeric={"y": "harm"},
        times={},
    )
    for one, two in zip(found(trial, way), found(other, way), strict=True):
        scale = unit if "mean difference" in one.estimand else 1.0
        same([two.value, two.std_error], np.multiply([one.value, one.std_error], scale), rel=FITTED)
        same(two.p_value, one.p_value, rel=FITTED)


@given(frame=frames)
def test_only_order_counts_for_superiority(frame: pd.DataFrame) -> None:
    steep = with_harm(frame).assign(harm=lambda each: np.expm1(each["harm"] / 50))
    other = trial_of(steep, numeric={"y": "harm"}, times={})
    same_estimate(
        superiority_probability(read(frame), outcome="y"),
        superiority_probability(other, outcome="y"),
    )


@given(frame=frames)
def test_superiority_is_the_net_benefit(frame: pd.DataFrame) -> None:
    trial = read(frame)
    one = superiority_probability(trial, outcome="y")
    two = win_ratio(trial, outcomes="y", measure="net benefit", strata=())
    if one.estimable and two.estimable:
        same(one.value, two.value)
        same(sum(one.by_arm), 1.0)


@given(frame=frames)
def test_two_parts_make_the_mean(frame: pd.DataFrame) -> None:
    trial = read(frame)
    share, among, difference, ratio = found(trial, "two parts")
    if difference.estimable:
        plain = mean_difference(trial, outcome="y", strata=())
        same(
            [difference.value, difference.std_error, *difference.by_arm],
            [plain.value, plain.std_error, *plain.by_arm],
            rel=FITTED,
        )
    if ratio.estimable and among.estimable:
        same(np.multiply(share.by_arm, among.by_arm), ratio.by_arm, rel=FITTED)
        same(np.log(ratio.value), np.log(share.by_arm[1] / share.by_arm[0] * among.value), rel=1e-6)


@given(frame=frames)
def test_people_twice(frame: pd.DataFrame) -> None:
    """Shares of pairs, parts and Lorenz curves stay; Gini's n/(n − 1) shrinks."""
    once, twice = read(frame), read(doubled(frame))
    for way in ("superiority", "two parts"):
        for one, two in zip(found(once, way), found(twice, way), strict=True):
            if one.estimable:
                same(two.value, one.value, rel=FITTED)
                assert two.std_error < one.std_error
    one, two = (harm_inequality(each, outcome="y") for each in (once, twice))
    n = np.array(one.difference.n)
    same(np.array(two.gini) * (2 * n - 1) / (2 * n), np.array(one.gini) * (n - 1) / n)


@given(frame=frames)
def test_lorenz_curves(frame: pd.DataFrame) -> None:
    curves = harm_inequality(read(frame), outcome="y")
    for people, share, gini in zip(curves.people, curves.share, curves.gini, strict=True):
        if np.isnan(gini):
            continue
        assert -1e-12 < gini < 1 + 1e-12
        assert (np.diff(share) >= -1e-15).all()
        assert (np.diff(share, 2) >= -1e-12).all()  # convex
        assert (share <= people + 1e-12).all()
        same([share[0], share[-1]], [0, 1])


@given(frame=frames)
def test_nothing_is_trimmed_of_those_all_alike_but_one(frame: pd.DataFrame) -> None:
    """One person of enormous harm moves the mean by as much, and the trimmed mean not at all."""
    worst = with_harm(frame)
    worst.loc[worst["harm"].idxmax(), "harm"] += 1e6
    other = trial_of(worst, numeric={"y": "harm"}, times={})
    # each arm has four people or more, so that a quarter is one of them at least
    one, two = (
        trimmed_mean_difference(each, outcome="y", trim=0.25) for each in (read(frame), other)
    )
    same([one.value, one.std_error], [two.value, two.std_error], rel=1e-9)


@settings(max_examples=15)
@given(frame=frames)
def test_bootstrapped_means(frame: pd.DataFrame) -> None:
    trial = read(frame)
    plain = mean_difference(trial, outcome="y", strata=())
    rng = np.random.default_rng(1)
    drawn = bootstrap_interval(trial, outcome="y", statistic="mean difference", draws=400, rng=rng)
    sensible(drawn)
    if plain.estimable and drawn.estimable:
        same(drawn.value, plain.value)
        # Draws vary by (n − 1)/n, four people or more an arm, with √(κ/4B) to spare.
        assert drawn.std_error < 1.5 * plain.std_error


@settings(max_examples=10)
@given(frame=frames)
def test_rates_of_many_zeros(frame: pd.DataFrame) -> None:
    """Both arms have their own parts in the Poisson models: their means are the arms' own."""
    one = rate_sensitivity(read(frame), outcome="n", strata=())
    two = rate_sensitivity(read(frame, True), outcome="n", strata=())
    for name, each, other in zip(one.models, one.estimates, two.estimates, strict=True):
        sensible(each)
        wald_dual(each)
        assert np.isnan(each.value) == ("not estimable" in each.method)
        if each.estimable and other.estimable and "negative" not in name:
            mirrored(each, other, rel=1e-5)
            same(each.value, one.estimates[0].value, rel=1e-6)
    known = np.isfinite(one.aic)
    same(one.aic[known], (2 * one.parameters - 2 * one.log_likelihood)[known])
