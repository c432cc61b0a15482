"""Randomisation tests by a statistic of one's own, and where nothing varies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.design import Complete, Factor, Minimisation

N = 8
AGE = [20.0, 31, 25, 44, 52, 23, 38, 61]
DAYS = [1.0, 5, 3, 8, 2, 9, 4, 7]


def read(days: list[float], arm: tuple[int, ...] = (0, 1, 1, 0, 1, 0, 0, 1)) -> ce.Trial:
    """Eight people."""
    week = [float(i + 1) for i in range(N)]
    frame = pd.DataFrame({"arm": arm, "days": days, "age": AGE, "week": week, "event": 1})
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        covariates=["age"],
        numeric={"days": "days"},
        times={"re": ("week", "event", "weeks")},
    )


def ask(trial: ce.Trial, **options: Any) -> ce.SignificanceTest:
    """The mean difference unless said."""
    usual = {"outcome": "days", "statistic": "mean difference", "rng": np.random.default_rng(1)}
    return ce.randomisation_test(trial, **(usual | options))


# --- statistics of one's own -------------------------------------------------------------------

SHAPES = {
    "one number": lambda arm, who: 1.0,
    "as the arms": lambda arm, who: arm,
    "too many": lambda arm, who: np.zeros(len(arm) + 2),
    "nothing": lambda arm, who: None,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_own_statistics_of_the_wrong_shape(shape: str) -> None:
    """One number an allocation."""
    with pytest.raises(ce.TrialError, match=r"`statistic` must return 1 numbers.*got shape"):
        ask(read(DAYS), statistic=SHAPES[shape])


def test_own_statistics_that_are_not_numbers() -> None:
    """NaN as observed: not estimable; NaN as drawn: never extreme."""
    never = ask(read(DAYS), statistic=lambda arm, who: np.full(len(arm), np.nan))
    assert not never.estimable
    assert "not estimable" in never.method
    value = np.array(DAYS)

    def some(arm: np.ndarray[Any, Any], who: Any) -> np.ndarray[Any, Any]:
        return np.where(arm[:, 0] == 0, arm @ value, np.nan)

    found = ask(read(DAYS), statistic=some, alternative="greater")
    support = Complete(counts=(4, 4)).support(N).arm
    sums = (support @ value)[support[:, 0] == 0]
    assert found.p_value == pytest.approx((sums >= 17).sum() / 70)


@pytest.mark.parametrize("kind", [str, complex])
def test_own_statistics_of_another_type(kind: type) -> None:
    """Not numbers that can be ordered."""
    with pytest.raises(ce.TrialError, match="`statistic`"):
        ask(read(DAYS), statistic=lambda arm, who: np.array([kind("1")] * len(arm)))


def test_own_statistics_cannot_write_to_the_arms() -> None:
    """They are read-only, as arrays of a trial are."""

    def writes(arm: np.ndarray[Any, Any], who: Any) -> np.ndarray[Any, Any]:
        arm[:] = 0
        return arm @ who.value

    with pytest.raises(ValueError, match="read-only"):
        ask(read(DAYS), statistic=writes)


# --- nothing varies ----------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", ["mean difference", "rank sum", "adjusted difference"])
def test_a_constant_outcome(statistic: str) -> None:
    """Every allocation ties: p is 1, listed and drawn; the interval of no effect has no width."""
    flat = read([3.0] * N)
    adjust = {"adjust": "age"} if statistic == "adjusted difference" else {}
    for draws in (9, 10_000):
        for side in ("two-sided", "less", "greater"):
            found = ask(flat, statistic=statistic, draws=draws, alternative=side, **adjust)
            assert found.p_value == pytest.approx(1)
    if statistic == "rank sum":
        return  # of ranks there is no effect
    kept = ce.randomisation_interval(
        flat, outcome="days", statistic=statistic, level=0.5, rng=np.random.default_rng(1), **adjust
    )
    assert (kept.low, kept.value, kept.high) == pytest.approx((0, 0, 0), abs=1e-12)


def test_a_constant_outcome_has_no_standard_error() -> None:
    """Not estimable, and not significant."""
    for options in ({"statistic": "studentised difference"}, {"outcome": ["days", "re"]}):
        flat = read([3.0] * N)
        found = ask(flat, **({"statistic": "log-rank"} | options))
        assert not found.estimable
        assert np.isnan(found.p_value)
        assert "not estimable" in found.method


def test_the_reason_is_that_of_the_statistic() -> None:
    """A studentised difference and one's own statistic have no event times."""
    flat = read([3.0] * N)
    found = ask(flat, statistic="studentised difference")
    assert "event times" not in found.method


def test_arms_without_spread_are_farthest_apart() -> None:
    """
    Three of 1 and three of 2: infinite where they part, 2 of 20; the test must not lose them.

    Now the allocation that parts them has no p-value, and elsewhere the two are not counted:
    18/20 where everything is at least as extreme.
    """
    parted = pd.DataFrame({"arm": [0, 0, 0, 1, 1, 1], "days": [1.0, 1, 1, 2, 2, 2]})
    mixed = parted.assign(arm=[0, 1, 0, 1, 1, 0])
    for frame, p in ((parted, 2 / 20), (mixed, 1)):
        trial = ce.Trial.from_frame(frame, arm="arm", control=0, numeric={"days": "days"})
        assert ask(trial, statistic="studentised difference").p_value == pytest.approx(p)


def test_an_outcome_that_the_covariate_tells_wholly() -> None:
    """Residuals are all nought: every allocation ties, and p is 1 whatever they round to."""
    days = [0.1 * age + 0.7 for age in AGE]
    for arm in Complete(counts=(4, 4)).support(N).arm[:35]:
        for side in ("two-sided", "less", "greater"):
            found = ask(
                read(days, tuple(arm.tolist())),
                statistic="adjusted difference",
                adjust="age",
                alternative=side,
            )
            assert found.p_value == pytest.approx(1)


def test_chances_that_cannot_be_listed_leave_differences_unweighted() -> None:
    """Minimisation of 300 people at 2:1: no list of allocations; the method line must say so.

    The observed statistic is then the plain difference in means.
    """
    rng, n = np.random.default_rng(5), 300
    suite = rng.choice(["north", "south"], n)
    rule = Minimisation(factors=(Factor(name="suite", levels=("north", "south")),), ratio=(1, 2))
    frame = pd.DataFrame({"suite": suite, "days": rng.normal(size=n)})
    frame["arm"] = rule.draw(frame[["suite"]], rng)
    trial = ce.Trial.from_frame(
        frame, arm="arm", control=0, numeric={"days": "days"}, rule=rule, order="rows"
    )
    found = ask(trial, draws=99)
    assert "not weighted, as people's chances under the rule cannot be listed" in found.method
    means = frame.groupby("arm")["days"].mean()
    assert found.statistic == pytest.approx(means[1] - means[0])
