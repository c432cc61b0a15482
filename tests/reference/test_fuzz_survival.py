"""What awkward data found wrong in tests and curves of times, and a spread of such data.

Strata that end before others with everybody having the event, sums of areas that miss the horizon
by a rounding error, covariates that separate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, norm
from slow_competing import (
    Person,
    fleming_harrington,
    gehan,
    modestly_weighted,
    peto_peto,
    tarone_ware,
    weighted_excess,
)

import checkpoint_eval as ce
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.models import (
    FlemingHarrington,
    Gehan,
    ModestlyWeighted,
    PetoPeto,
    TaroneWare,
    adjusted_logrank_test,
    bootstrap_interval,
    logrank_test,
    maxcombo_test,
    randomisation_interval,
    randomisation_test,
    restricted_mean_curve,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from checkpoint_eval.models.logrank_weights import Weight

    Slow = Callable[[Sequence[Person], float], float]

# Sums of some dozens of products, in another order; the smallest variance here is above 1e-3.
EXACT = 1e-9
NOTHING = 1e-9
WEIGHTS: dict[str, tuple[Weight, Slow]] = {
    "late": (FlemingHarrington(gamma=1), fleming_harrington(0, 1)),
    "Gehan": (Gehan(), gehan),
    "Tarone-Ware": (TaroneWare(), tarone_ware),
    "Peto-Peto": (PetoPeto(), peto_peto),
    "until 9": (ModestlyWeighted(until=9), modestly_weighted(until=9)),
    "half": (ModestlyWeighted(survival=0.5), modestly_weighted(survival=0.5)),
}


def awkward(seed: int) -> pd.DataFrame:
    """A few people of two or three arms; the first site ends before the others."""
    rng = np.random.default_rng(seed)
    k, n = 2 + seed % 2, int(rng.integers(8, 25))
    site = rng.integers(3, size=n)
    time = rng.integers(0, 6, n) + np.where(site == 0, 0, rng.integers(0, 8, n))
    arm = np.concatenate([np.arange(k), rng.integers(k, size=n - k)])
    event = rng.random(n) < (0.9, 0.5, 0.2)[seed % 3]
    event[site == 0] = True  # survival of the site comes to 0
    return pd.DataFrame({"arm": arm, "site": site, "time": time, "event": event.astype(int)})


def read(table: pd.DataFrame, **more: object) -> ce.Trial:
    frame = table.assign(arm="arm " + table["arm"].astype(str), site=table["site"].astype(str))
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control="arm 0",
        arms=sorted(set(frame["arm"])),
        times={"end": ("time", "event", "days")},
        **({"covariates": ["site"]} | more),
    )


def listed(table: pd.DataFrame) -> list[Person]:
    columns = table["time"], table["event"], table["arm"], table["site"]
    return [Person(float(t), int(e), int(a), s) for t, e, a, s in zip(*columns, strict=True)]


@pytest.mark.parametrize("weight", sorted(WEIGHTS))
@pytest.mark.parametrize("seed", range(8))
def test_weights_where_one_stratum_ends_before_another(seed: int, weight: str) -> None:
    table = awkward(seed)
    ours, slow = WEIGHTS[weight]
    arms = table["arm"].nunique()
    excess, covariance = weighted_excess(listed(table), [slow], arms)
    spread = covariance[0, :, 0, :]
    rank = int(np.linalg.matrix_rank(spread, tol=NOTHING))
    found = logrank_test(read(table), outcome="end", weight=ours, strata="site")
    if not rank:
        assert np.isnan(found.statistic)
        return
    square = excess[0] @ np.linalg.pinv(spread, rcond=NOTHING, hermitian=True) @ excess[0]
    statistic = np.sign(excess[0, 1]) * np.sqrt(square) if arms == 2 else square
    assert found.df == rank
    assert found.statistic == pytest.approx(statistic, rel=EXACT, abs=1e-7)
    assert found.p_value == pytest.approx(chi2.sf(square, rank), rel=1e-8)


ENDED = pd.DataFrame(
    {
        "arm": [0, 1, 0, 1, 0, 1, 0, 1],
        "site": ["a"] * 4 + ["b"] * 4,
        "time": [1, 2, 2, 2, 3, 4, 5, 6],
        "event": [1, 1, 1, 1, 1, 1, 1, 0],
    }
)


def test_a_modest_weight_where_everybody_of_a_stratum_has_had_the_event() -> None:
    """S* is 0 in site a, where nobody is left at the times of site b: those weigh nothing.

    Site a: at 1 one of control of four, O − E = −1/2, V = 1/4, w = 1; at 2 all three left, no
    variance and no excess. Site b, S(t−) = 1, 3/4, 1/2 and S* = 1/4: weights 1, 4/3, 2; O − E =
    −1/2, 1 − 2/3, −1/2; V = 1/4, 2/9, 1/4. Sum −1/2 − 1/2 + 4/9 − 1 = −14/9, of variance
    1/4 + 1/4 + 32/81 + 1 = 307/162.
    """
    trial = read(ENDED, covariates=[], strata=["site"])
    weight = ModestlyWeighted(until=6)
    found = logrank_test(trial, outcome="end", weight=weight)
    z = -(14 / 9) / np.sqrt(307 / 162)
    assert found.statistic == pytest.approx(z, rel=EXACT)
    assert found.p_value == pytest.approx(2 * norm.sf(-z), rel=EXACT)
    redrawn = randomisation_test(trial, outcome="end", weight=weight, rng=np.random.default_rng(1))
    assert redrawn.statistic == pytest.approx(z, rel=EXACT)


FOUR = pd.DataFrame(
    {"arm": [0, 0, 1, 1], "site": 0, "time": [0.2, 0.9, 0.2, 0.9], "event": [0, 0, 1, 0]}
)


def test_no_time_lost_is_not_a_rounding_error() -> None:
    """0.2 + 0.7 is not 0.9: control lost no time, and nothing can be divided by that."""
    trial = read(FOUR, covariates=[])
    found = ce.restricted_mean(trial, outcome="end", horizon=0.9, measure="lost ratio")
    assert np.isnan([found.value, found.low, found.high, found.p_value]).all()
    assert found.method.endswith("or an arm lost no time")
    curve = restricted_mean_curve(trial, outcome="end", measure="lost ratio")
    assert np.isnan(curve.value).all()
    assert curve.by_arm[0].tolist() == [0.0, 0.0]
    assert curve.by_arm[1].tolist() == pytest.approx([0.0, 0.35], abs=1e-12)  # (0.9 − 0.2) / 2
    other = ce.restricted_mean(trial, outcome="end", horizon=0.9)
    assert other.value == pytest.approx(-0.35, rel=EXACT)


@pytest.mark.parametrize("interval", ["bca", "percentile"])
def test_draws_without_time_lost_are_left_out_and_counted(interval: str) -> None:
    """Half of four people have the event: one control draw in sixteen loses no time at all."""
    arm = [0] * 4 + [1] * 4
    time, event = [0.1, 0.2, 0.3, 0.9] * 2, [1, 1, 0, 0] * 2
    found = bootstrap_interval(
        read(pd.DataFrame({"arm": arm, "site": 0, "time": time, "event": event}), covariates=[]),
        outcome="end",
        horizon=0.9,
        statistic="restricted mean lost ratio",
        interval=interval,
        draws=400,
        rng=np.random.default_rng(1),
    )
    assert "not estimable left out" in found.method
    # Least lost by a draw of control: one of four at 0.2, 0.7 / 4; most of treatment: all at 0.1.
    assert found.high <= 0.8 / (0.7 / 4)


def test_a_log_linear_model_that_separates_has_no_solution() -> None:
    """Coefficients run off and the ratio came to 9e39; without covariates it is estimable."""
    table = pd.DataFrame(
        {
            "arm": [0, 1, 1, 0, 0, 1, 0],
            "site": 0,
            "time": [0.4, 0.1, 0.2, 0.6, 0.7, 0.6, 0.7],
            "event": 1,
            "x": [-5, -3, 6, -2, -3, 21, 10],
            "z": [2, 0, 2, 2, 1, 1, 0],
        }
    )
    trial = read(table, covariates=["x", "z"])
    how = {"outcome": "end", "horizon": 0.48, "measure": "lost ratio"}
    found = ce.restricted_mean(trial, adjust=["x", "z"], **how)
    assert np.isnan([found.value, found.low, found.high, found.p_value]).all()
    assert "not estimable: the regression has no solution" in found.method
    # Times lost: 0.08 of one of control's four, 0.38 and 0.28 of two of treatment's three.
    assert ce.restricted_mean(trial, **how).value == pytest.approx(11, rel=EXACT)


def test_the_weight_without_variance_is_named() -> None:
    """One event time: no weight that is 0 until then has a variance, but the log-rank has."""
    table = pd.DataFrame(
        {"arm": [0, 1, 0, 1], "site": 0, "time": [1, 2, 3, 3], "event": [1, 0, 0, 0]}
    )
    found = maxcombo_test(
        read(table, covariates=[]),
        outcome="end",
        weights=[FlemingHarrington(), FlemingHarrington(gamma=1)],
    )
    assert np.isnan(found.statistic)
    assert found.method.endswith(
        "not estimable: weighted by Fleming–Harrington(0, 1) the event times leave no variance"
    )


@pytest.mark.parametrize(
    ("arm", "value", "level", "p"),
    [
        ([0, 0, 1, 1, 0, 1], [0.7, 0.7, 0.7, 0.8, 0.7, 0.9], 0.8, 2 / 5),
        ([0, 1, 1, 1, 1, 1, 1, 0], [1, 1, 0, 0, 0, 0, 0, 1], 0.9, 3 / 28),
    ],
)
def test_an_interval_that_ends_at_no_effect_holds_it(
    arm: list[int], value: list[float], level: float, p: float
) -> None:
    """An effect of 0 is not rejected, so it is inside, not a rounding error outside.

    First: 0.8 and 0.9 fall to one arm, as seen, in 4 + 4 of 20 allocations. Second: the two of
    control both have a one, of three there are, in 3 of 28.
    """
    trial = ce.Trial.from_frame(
        pd.DataFrame({"arm": arm, "value": value}),
        arm="arm",
        control=0,
        numeric={"harm": "value"},
    )
    found = randomisation_interval(trial, outcome="harm", level=level, rng=np.random.default_rng(1))
    assert found.p_value == pytest.approx(p, abs=1e-12)
    assert found.low <= 0 <= found.high
    assert 0.0 in (found.low, found.high)


BOTH = pd.DataFrame(
    {
        "arm": [0] * 4 + [1] * 6,
        "site": ["a", "a", "b", "b", "a", "a", "a", "b", "b", "b"],
        "time": [1, 3, 2, 6, 2, 4, 5, 1, 7, 8],
        "event": [1, 1, 1, 0, 1, 0, 1, 1, 1, 0],
        "x": [0, 1, 5, 6, 3, 1, 4, 1, 5, 9],
        "z": [0, 1, 0, 1, 2, 6, 5, 3, 5, 8],
    }
)


def test_covariates_that_are_one_within_an_arm_and_its_strata_are_refused() -> None:
    """In control x and z move together within each site: their slopes cannot be told apart.

    Least squares would share a slope out by the units that x and z happen to have.
    """
    trial = read(BOTH, covariates=["x", "z"], strata=["site"])
    with pytest.raises(ImpossibleDesign, match="Within an arm and its strata covariates are"):
        adjusted_logrank_test(trial, outcome="end", adjust=["x", "z"])
    # Without strata the slopes can be told apart, but ten people leave no variance over.
    found = adjusted_logrank_test(trial, outcome="end", adjust=["x", "z"], strata=())
    assert np.isnan(found.statistic)
    assert found.method.endswith("not estimable: the covariates leave no variance")


@pytest.mark.parametrize("strata", [(), "site"])
@pytest.mark.parametrize("size", [1e-9, 1e9])
def test_an_adjusted_test_does_not_know_the_units_of_covariates(size: float, strata: str) -> None:
    rng = np.random.default_rng(4)
    n = 40
    table = pd.DataFrame(
        {
            "arm": np.arange(n) % 2,
            "site": np.arange(n) // 2 % 2,
            "time": rng.integers(1, 30, n),
            "event": rng.integers(2, size=n),
            "x": rng.integers(9, size=n),
            "z": rng.integers(5, size=n),
        }
    )
    one, other = (
        adjusted_logrank_test(
            read(each, covariates=["site", "x", "z"]),
            outcome="end",
            adjust=["x", "z"],
            strata=strata,
        ).statistic
        for each in (table, table.assign(x=table["x"] * size, z=table["z"] / size))
    )
    assert other == pytest.approx(one, rel=EXACT)
