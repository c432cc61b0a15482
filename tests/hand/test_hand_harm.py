"""Skewed amounts and counts with many zeros, worked out by hand."""

from __future__ import annotations

from math import exp, isnan, log, sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import (
    harm_inequality,
    mean_difference,
    rate_sensitivity,
    superiority_probability,
    trimmed_mean_difference,
    two_part_effects,
)

Z = 1.959963984540054
CLOSE = 1e-9  # the engine stops when coefficients move by less than 1e-10
FIVES = ([9, 2, 4, 6, 99], [0, 1, 2, 6, 2555])
FOURS = ([0, 10, 20, 30], [0, 0, 10, 14])


def read(control: Any, treatment: Any, **how: Any) -> ce.Trial:
    frame = pd.DataFrame(
        {"arm": [0] * len(control) + [1] * len(treatment), "days": [*control, *treatment]}
    )
    return ce.Trial.from_frame(frame, arm="arm", control=0, numeric={"harm": "days"}, **how)


def test_trimmed_means() -> None:
    """One of five off each end. Court: 4, 6, 9; winsorised 4, 4, 6, 9, 9, squares 25.2 about 6.4.

    Contract: 1, 2, 6; winsorised 1, 1, 2, 6, 6, squares 26.8 about 3.2. Each over 3 · 2.
    """
    found = trimmed_mean_difference(read(*FIVES), outcome="harm")
    v0, v1 = 25.2 / 6, 26.8 / 6
    assert found.by_arm == pytest.approx((19 / 3, 3))
    assert found.value == pytest.approx(3 - 19 / 3)
    assert found.std_error == pytest.approx(sqrt(v0 + v1))
    df = (v0 + v1) ** 2 / (v0**2 / 2 + v1**2 / 2)
    assert f"{df:.4g} degrees of freedom" in found.method
    assert (found.n, found.events, found.missing) == ((5, 5), (), (0, 0))
    assert found.estimand == "trimmed mean difference"


def test_winsorised_means() -> None:
    """Two of ten off each end of 0 1 2 2 4 6 6 9 99 2555: nobody below 2, nobody above 9.

    Court 9, 2, 4, 6, 9 with squares 38 about 6; contract 2, 2, 2, 6, 9 with 40.8 about 4.2.
    """
    found = trimmed_mean_difference(read(*FIVES), outcome="harm", method="winsorised")
    assert found.by_arm == pytest.approx((6, 4.2))
    assert found.value == pytest.approx(-1.8)
    assert found.std_error == pytest.approx(sqrt((38 + 40.8) / 20))
    assert "less than 2 or more than 9" in found.method


def test_a_share_that_is_no_whole_number_of_people_is_rounded_down() -> None:
    """0.39 of five is one person; 0.29 of a hundred is 29, though 0.29 * 100 < 29 in binary."""
    some = trimmed_mean_difference(read(*FIVES), outcome="harm", trim=0.39)
    assert some.by_arm == pytest.approx((19 / 3, 3))
    many = read(np.arange(100) ** 2, np.arange(100))
    found = trimmed_mean_difference(many, outcome="harm", trim=0.29)
    assert found.by_arm == pytest.approx(((np.arange(29, 71) ** 2).mean(), 49.5))


def test_superiority() -> None:
    """Contract's 0 beats three, 15 beats two and ties with one, 2555 none: 5.5 of 9 pairs.

    Placements of contract 1, 5/6, 0; of court 1/2, 1/3, 1/3.
    """
    found = superiority_probability(read([15, 20, 40], [0, 15, 2555]), outcome="harm")
    assert found.by_arm == pytest.approx((3.5 / 9, 5.5 / 9))
    assert found.value == pytest.approx(2 / 9)
    placed = ([1 / 2, 1 / 3, 1 / 3], [1, 5 / 6, 0])
    assert found.std_error == pytest.approx(2 * sqrt(sum(np.var(x, ddof=1) / 3 for x in placed)))
    assert (found.low, found.high) == (-1.0, 1.0)  # what t would make of it is beyond
    assert found.scale == "difference"


def test_gini_and_lorenz() -> None:
    """Court 0, 0, 10, 30: gaps of the six pairs add up to 100; (100 / 6) / (2 · 10).

    Without someone: 3/4, 3/4, 1, 1; mean 7/8, squares 1/16, times 3/4.
    Contract 5, 5, 10, 20: 50 / 6 / 20; without someone 3/7, 3/7, 1/2, 1/4.
    """
    found = harm_inequality(read([30, 0, 10, 0], [10, 5, 20, 5]), outcome="harm")
    assert found.gini == pytest.approx((5 / 6, 5 / 12))
    v0, v1 = 3 / 64, 3 * np.var([3 / 7, 3 / 7, 1 / 2, 1 / 4])
    assert found.difference.value == pytest.approx(-5 / 12)
    assert found.difference.std_error == pytest.approx(sqrt(v0 + v1))
    half = Z * sqrt(v0) / (5 / 36)
    odds = [5 * exp(-half), 5 * exp(half)]
    assert (found.low[0], found.high[0]) == pytest.approx(tuple(x / (1 + x) for x in odds))
    assert found.people[0] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert found.share[0] == pytest.approx([0, 0, 0, 0.25, 1])
    assert found.share[1] == pytest.approx([0, 0.125, 0.25, 0.5, 1])
    assert found.held_by(0.25) == pytest.approx((0.75, 0.5))
    assert found.held_by(0.5) == pytest.approx((1, 0.75))
    assert found.arms == ("control", "treatment")
    frame = found.to_frame()
    assert frame["gini"].tolist() == pytest.approx([5 / 6, 5 / 12])
    assert frame["n"].tolist() == [4, 4]


def test_one_person_has_everything() -> None:
    """The coefficient is 1, but nothing is left without them."""
    found = harm_inequality(read([0, 0, 7], [1, 2, 3]), outcome="harm")
    assert found.gini == pytest.approx((1, 1 / 3))
    assert isnan(found.difference.value)
    assert "one person in 'control' has all of it" in found.difference.method
    assert isnan(found.low[0])
    assert not isnan(found.low[1])


def test_two_parts() -> None:
    """Shares 3/4 and 2/4; means of those with any 20 and 12, of everyone 15 and 6."""
    found = two_part_effects(read(*FOURS), outcome="harm")
    share, among, difference, ratio = found
    assert [each.value for each in found] == pytest.approx([-1 / 4, 3 / 5, -9, 2 / 5], rel=CLOSE)
    assert share.by_arm == pytest.approx((0.75, 0.5), rel=CLOSE)
    assert among.by_arm == pytest.approx((20, 12), rel=CLOSE)
    assert ratio.by_arm == difference.by_arm == pytest.approx((15, 6), rel=CLOSE)
    # Squares of those with any about their mean: 200 of three, 8 of two; n/(n − 1) is 4/3.
    assert share.std_error == pytest.approx(sqrt((3 / 16 + 4 / 16) / 3), rel=CLOSE)
    assert among.std_error == pytest.approx(sqrt(4 / 3 * (200 / 60**2 + 8 / 24**2)), rel=CLOSE)
    assert difference.std_error == pytest.approx(sqrt((500 + 152) / 12), rel=CLOSE)
    assert ratio.std_error == pytest.approx(sqrt(500 / 12 / 15**2 + 152 / 12 / 6**2), rel=CLOSE)
    welch = mean_difference(read(*FOURS), outcome="harm")
    assert (welch.value, welch.std_error) == pytest.approx(
        (difference.value, difference.std_error), rel=CLOSE
    )
    assert "no randomised comparison" in among.method


def test_two_parts_smeared() -> None:
    """The ratio is of geometric means; means are those times the mean of everyone's e^residual."""
    _, among, difference, _ = two_part_effects(read(*FOURS), outcome="harm", model="log-normal")
    court, contract = 6000 ** (1 / 3), sqrt(140)
    smear = (60 / court + 24 / contract) / 5
    assert among.value == pytest.approx(contract / court, rel=CLOSE)
    assert among.by_arm == pytest.approx((court * smear, contract * smear), rel=CLOSE)
    assert difference.value == pytest.approx(
        0.5 * contract * smear - 0.75 * court * smear, rel=CLOSE
    )


def counted(events: Any, **how: Any) -> ce.Trial:
    half = len(events) // 2
    frame = pd.DataFrame({"arm": [0] * half + [1] * half, "events": events, "years": 2.0})
    counts = {"arrests": ("events", "years", "years")}
    return ce.Trial.from_frame(frame, arm="arm", control=0, counts=counts, **how)


COURT, CONTRACT = [0, 0, 0, 0, 1, 5, 3, 7], [0, 0, 0, 0, 0, 0, 2, 4]


def truncated_rate(mean: float) -> float:
    """The rate λ of which λ / (1 − e^−λ) is the mean, by halving."""
    low, high = 1e-9, mean
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if middle / (1 - exp(-middle)) < mean else (low, middle)
    return low


def test_hurdle_and_inflated_poisson() -> None:
    """Each arm has its own parts, so means are the arms' own: 16/8 and 6/8.

    Hurdle: shares 4/8 and 2/8, means above 0 of 4 and 3. A truncated Poisson mean m has variance
    m (1 + λ − m), so the log of share times mean has (1 − p)/(np) + (1 + λ − m)/(km). Zeros added:
    the same likelihood in other parameters, as both arms have more zeros than Poisson's.
    """
    table = rate_sensitivity(counted(COURT + CONTRACT), outcome="arrests")
    assert table.zeros == (4, 6)
    rows = dict(zip(table.models, table.estimates, strict=True))
    rates = [truncated_rate(4), truncated_rate(3)]
    variance = 0.5 / 4 + (1 + rates[0] - 4) / 16 + 0.75 / 2 + (1 + rates[1] - 3) / 6
    for name in ("hurdle poisson", "zero-inflated poisson"):
        assert rows[name].value == pytest.approx(6 / 16, rel=1e-7)
        assert rows[name].std_error == pytest.approx(sqrt(variance), rel=1e-6)
        assert rows[name].by_arm == (1.0, 6 / 16)
    assert rows["poisson, robust"].value == pytest.approx(6 / 16, rel=CLOSE)

    def truncated(value: int, rate: float) -> float:
        factorial = sum(log(each) for each in range(2, value + 1))
        return value * log(rate) - factorial - log(exp(rate) - 1)

    likelihood = 8 * log(1 / 2) + 6 * log(3 / 4) + 2 * log(1 / 4)
    likelihood += sum(truncated(value, rates[0]) for value in (1, 5, 3, 7))
    likelihood += sum(truncated(value, rates[1]) for value in (2, 4))
    places = [table.models.index(name) for name in ("hurdle poisson", "zero-inflated poisson")]
    assert table.log_likelihood[places] == pytest.approx([likelihood] * 2, rel=CLOSE)
    assert table.aic[places] == pytest.approx([8 - 2 * likelihood] * 2, rel=CLOSE)
    assert table.parameters.tolist() == [2, 3, 4, 5, 4, 5] or not table.estimates[3].estimable
    frame = table.to_frame()
    assert frame["model"].tolist() == list(table.models)
    assert "10" not in repr(table).splitlines()[0]
    assert "6 against 4 without events" in repr(table)
