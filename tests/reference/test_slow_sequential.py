"""Group-sequential designs against plain grids, bisection and trials simulated one by one."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
import pytest
from slow_sequential import (
    bisect,
    crossings,
    exponential_events,
    normal_above,
    simulated,
    wedge_stops,
)

from checkpoint_eval import Assignment, TimeToEvent, Trial
from checkpoint_eval.outcomes import Covariate
from checkpoint_eval.power import (
    GroupSequential,
    HwangShihDeCani,
    OBrienFleming,
    PocockSpending,
    conditional_power,
    estimate_at_stopping,
    forecast_events,
    operating_characteristics,
    predictive_power,
    stopping_bounds,
)

# The trapezium rule with 1200 steps of about 0.01 standard errors ends at the bounds, where its
# error is about step²/12 times a slope below 1: 1e-5.
PLAIN = 2e-5


@pytest.mark.parametrize("drift", [0.0, 2.0, -1.0])
def test_crossings(drift: float) -> None:
    design = GroupSequential(
        looks=(0.3, 0.55, 1), alpha=0.025, sided=1, futility=HwangShihDeCani(gamma=-2)
    )
    found = stopping_bounds(design)
    above, below = crossings(found.shares, found.futility, found.critical, drift)
    told = operating_characteristics(found, drift=drift).iloc[0]
    assert told["efficacy"] == pytest.approx(sum(above), abs=PLAIN)
    assert told["other"] == pytest.approx(sum(below), abs=PLAIN)
    stopped = [above[look] + below[look] for look in range(2)]
    mean = 0.3 * stopped[0] + 0.55 * stopped[1] + 1 - sum(stopped)
    assert told["expected"] == pytest.approx(mean * found.inflation, abs=PLAIN)


@pytest.mark.parametrize("binding", [False, True])
@pytest.mark.parametrize("share", [None, 0.6])
def test_inner_wedge(binding: bool, share: float | None) -> None:
    """Alpha, power and what futility spends, on a plain grid cut by the wedge."""
    design = GroupSequential(
        looks=(0.4, 0.7, 1),
        power=0.85,
        futility=HwangShihDeCani(gamma=-1),
        binding=binding,
        futile_share=share,
    )
    found = stopping_bounds(design)
    inner = found.futility.tolist()
    assert (np.diff(inner) > 0).all()
    assert inner[0] > 0
    above, within, below = wedge_stops(found.shares, inner, found.critical, found.drift)
    assert sum(above) == pytest.approx(0.85, abs=PLAIN)
    np.testing.assert_allclose(found.rejected[1], above, atol=PLAIN)
    np.testing.assert_allclose(found.futile[1], np.add(within, below), atol=PLAIN)
    spends = HwangShihDeCani(gamma=-1).spent(found.shares, alpha=0.15)
    if share is None:
        np.testing.assert_allclose(np.cumsum(found.futile[1]), spends, atol=PLAIN)
    above, within, below = wedge_stops(found.shares, inner, found.critical, 0.0)
    np.testing.assert_allclose(found.futile[0], np.add(within, below), atol=PLAIN)
    if share is not None:
        spends = HwangShihDeCani(gamma=-1).spent(found.shares, alpha=share)
        np.testing.assert_allclose(np.cumsum(within)[:-1], spends[:-1], atol=PLAIN)
    if not binding:  # alpha as if nobody stopped within
        above, _, below = wedge_stops(found.shares, [0, 0, 0], found.critical, 0.0)
    assert sum(above) + sum(below) == pytest.approx(0.05, abs=PLAIN)


def test_classical_constant_by_bisection() -> None:
    """O'Brien and Fleming's constant of two-sided looks at thirds."""
    shares = (1 / 3, 2 / 3, 1.0)

    def error(constant: float) -> float:
        upper = [constant / sqrt(share) for share in shares]
        above, below = crossings(shares, [-each for each in upper], upper, 0.0)
        return sum(above) + sum(below) - 0.05

    found = stopping_bounds(GroupSequential(looks=3, boundary=OBrienFleming()))
    assert found.critical[-1] == pytest.approx(bisect(error, 1.9, 2.3), abs=2e-4)


def test_trials_one_by_one() -> None:
    design = GroupSequential(
        looks=4,
        alpha=0.05,
        sided=1,
        boundary=PocockSpending(),
        futility=HwangShihDeCani(gamma=-1),
        binding=True,
    )
    found = stopping_bounds(design)
    trials = 20_000
    above, below, information = simulated(
        found.shares, found.futility, found.critical, found.drift, trials=trials, seed=5
    )
    # four Monte Carlo standard errors of a share of 0.8; information has a deviation below 0.4
    assert above == pytest.approx(0.8, abs=4 * sqrt(0.16 / trials))
    assert below == pytest.approx(found.futile[1].sum(), abs=4 * sqrt(0.16 / trials))
    assert information * found.inflation == pytest.approx(
        found.expected[1], abs=4 * 0.4 * found.inflation / sqrt(trials)
    )
    above, *_ = simulated(found.shares, found.futility, found.critical, 0, trials=trials, seed=6)
    assert above == pytest.approx(0.05, abs=4 * sqrt(0.0475 / trials))


@pytest.mark.parametrize(("look", "z"), [(1, 2.4), (2, 2.6), (3, 1.2), (2, -2.5)])
def test_stage_wise_order(look: int, z: float) -> None:
    """The chance of a result as far in the order, on the plain grid, at the effects found."""
    design = GroupSequential(looks=(0.4, 0.7, 1), boundary=PocockSpending())
    bounds = stopping_bounds(design)
    found = estimate_at_stopping(bounds, z=z, look=look, level=0.9)
    upper = [*bounds.critical[: look - 1], z]
    lower = [*(-bounds.critical[: look - 1]), -inf]

    def chance(drift: float) -> float:
        return sum(crossings(bounds.shares[:look], lower, upper, drift)[0])

    for effect, want in ((found.low, 0.05), (found.value, 0.5), (found.high, 0.95)):
        assert chance(effect) == pytest.approx(want, abs=PLAIN)
    none = chance(0.0)
    assert found.p_value == pytest.approx(2 * min(none, 1 - none), abs=2 * PLAIN)


def test_conditional_power_by_simulation() -> None:
    bounds = stopping_bounds(GroupSequential(looks=4, alpha=0.025, sided=1, power=0.9))
    z, now, trials = 1.2, 0.5, 40_000
    rng = np.random.default_rng(8)
    for prior, want in (
        (np.full(trials, 2.0), conditional_power(bounds, z=z, share=now, effect=2.0)),
        (
            rng.normal(z / sqrt(now), 1 / sqrt(now), trials),
            predictive_power(bounds, z=z, share=now),
        ),
    ):
        first = z * sqrt(now) + rng.normal(prior * 0.25, 0.5)
        second = first + rng.normal(prior * 0.25, 0.5)
        hit = (first / sqrt(0.75) >= bounds.critical[2]) | (second >= bounds.critical[3])
        assert hit.mean() == pytest.approx(want, abs=4 * 0.5 / sqrt(trials))


def test_one_look_is_a_plain_test() -> None:
    found = stopping_bounds(GroupSequential(looks=1))
    assert 2 * normal_above(found.critical[0]) == pytest.approx(0.05, abs=1e-12)
    assert found.inflation == pytest.approx(1, abs=1e-12)


def test_events_come_when_the_closed_form_says() -> None:
    """With 4,000 people the forecast's median is near the date of as many events expected."""
    n, now, rng = 4000, 400.0, np.random.default_rng(3)
    entry = np.linspace(0, now, n, endpoint=False)
    life = rng.exponential(500, n)
    trial = Trial(
        assignment=Assignment(arm=[0, 1] * (n // 2), arms=("court", "contract"), stratum=[0] * n),
        columns={"day": Covariate(name="day", values=entry)},
        outcomes={
            "arrest": TimeToEvent(time=np.minimum(life, now - entry), event=life < now - entry)
        },
    )
    events = int((life < now - entry).sum())
    target = events + 500
    found = forecast_events(
        trial,
        outcome="arrest",
        entered="day",
        now=now,
        targets=[target],
        people=n + 4000,
        rng=np.random.default_rng(1),
        draws=400,
    )
    waiting = int((life >= now - entry).sum())
    date = bisect(
        lambda at: 500 - exponential_events(now, at, found.hazard, waiting, n / now), now, now + 400
    )
    # 500 events come at about 6 a day: their count is off by √500, the date by about 4 days, and
    # the median of 400 draws by a tenth of that
    assert found.date[0] == pytest.approx(date, abs=1.5)
    assert found.low[0] < date < found.high[0]
    assert found.high[0] - found.low[0] == pytest.approx(2 * 1.96 * 4.5, rel=0.4)
