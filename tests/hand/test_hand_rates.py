"""Rate ratios worked out by hand, and what of counts goes into a trial and comes out."""

from __future__ import annotations

from math import erfc, exp, log, sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import rate_ratio
from checkpoint_eval.outcomes import CountOutcome

Z = 1.959963984540054
CLOSE = 1e-9  # the engine stops when coefficients move by less than 1e-10
# Court: 2 + 0 + 4 events in 1 + 1 + 2 years; contract: 1 + 0 + 1 in 2 + 1 + 1.
SIX = pd.DataFrame(
    {"arm": [0, 1, 0, 1, 0, 1], "events": [2, 1, 0, 0, 4, 1], "years": [1.0, 2, 1, 1, 2, 1]}
)


def read(frame: pd.DataFrame, time: Any = "years", **how: Any) -> ce.Trial:
    counts = {"arrests": ("events", time, "years")}
    return ce.Trial.from_frame(frame, arm="arm", control=0, counts=counts, **how)


def test_poisson_with_the_sandwich() -> None:
    """Crude rates 6/4 and 2/4: ratio 1/3. A log rate's HC0 variance is Σ(y − m)² / (Σm)².

    Court, rate 1.5: residuals 0.5, −1.5, 1: 3.5/36. Contract, rate 0.5: 0, −0.5, 0.5: 0.5/4.
    """
    found = rate_ratio(read(SIX), outcome="arrests", method="poisson")
    error = sqrt(3.5 / 36 + 0.5 / 4)
    assert found.value == pytest.approx(1 / 3, rel=CLOSE)
    assert found.by_arm == (1.5, 0.5)
    assert found.std_error == pytest.approx(error, rel=CLOSE)
    assert found.low == pytest.approx(exp(log(1 / 3) - Z * error), rel=CLOSE)
    assert found.high == pytest.approx(exp(log(1 / 3) + Z * error), rel=CLOSE)
    assert found.p_value == pytest.approx(erfc(log(3) / error / sqrt(2)), rel=1e-8)
    assert (found.n, found.events, found.missing) == ((3, 3), (6, 2), (0, 0))
    assert found.unit == "years"
    assert "robust variance (HC0)" in found.method


def test_counts_that_vary_no_more_than_poissons() -> None:
    """Everybody has their arm's mean, 4 and 2: then var(log ratio) = 1/8 + 1/4."""
    frame = SIX.assign(events=[2, 1, 2, 1, 4, 2], years=1.0).drop(index=[4, 5])
    found = rate_ratio(read(frame), outcome="arrests")
    assert found.value == pytest.approx(1 / 2, rel=CLOSE)
    assert found.std_error == pytest.approx(sqrt(1 / 4 + 1 / 2), rel=CLOSE)
    assert "dispersion 0: Poisson regression" in found.method
    robust = rate_ratio(read(frame), outcome="arrests", method="poisson")
    assert "not estimable: people do not vary within the arms" in robust.method
    assert np.isnan(robust.value)


def test_negative_binomial_with_equal_times() -> None:
    """With everyone followed alike, means are the arms' own and var(log) = (1/m + a)/n each.

    Counts 0, 4 against 0, 2 in a year each: m = 2 and 1. The dispersion solves
    Σ over j < y of j/(1 + a·j) + Σ log(1 + a·m)/a² − Σ m(y + 1/a)/(1 + a·m) = 0.
    """
    frame = pd.DataFrame({"arm": [0, 1, 0, 1], "events": [0, 0, 4, 2]})
    found = rate_ratio(read(frame, None), outcome="arrests")
    a = float(found.method.split("dispersion ")[1].split(";")[0])
    a = bisected(lambda a: slope(a, [(0, 2), (4, 2), (0, 1), (2, 1)]), 0.9 * a, 1.1 * a)
    assert found.value == pytest.approx(1 / 2, rel=CLOSE)
    assert found.std_error == pytest.approx(sqrt((1 / 2 + a) / 2 + (1 + a) / 2), rel=1e-7)
    assert f"dispersion {a:.3g};" in found.method
    assert "expected information" in found.method


def slope(a: float, people: list[tuple[int, float]]) -> float:
    return sum(
        sum(j / (1 + a * j) for j in range(y))
        + log(1 + a * m) / a**2
        - m * (y + 1 / a) / (1 + a * m)
        for y, m in people
    )


def bisected(function: Any, low: float, high: float) -> float:
    assert function(low) > 0 > function(high)
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return low


def test_strata_are_indicators() -> None:
    """North: 4 in 2 years against 2 in 2; south: 8 in 1 against 4 in 1. Both halve: 1/2.

    Over all, 12 in 3 against 6 in 3 is 1/2 as well; with south's treated followed for 4 years and
    16 events it is 18 in 6 against 12 in 3, 3/4, while both strata still halve.
    """
    frame = pd.DataFrame(
        {
            "arm": [0, 0, 1, 1] * 2,
            "site": ["north"] * 4 + ["south"] * 4,
            "events": [1, 3, 2, 0, 3, 5, 9, 7],
            "years": [1.0, 1, 1, 1, 0.5, 0.5, 2, 2],
        }
    )
    trial = read(frame, strata=["site"])
    found = rate_ratio(trial, outcome="arrests", method="poisson")
    assert found.value == pytest.approx(1 / 2, rel=CLOSE)
    assert "stratified by site, as indicators" in found.method
    plain = rate_ratio(trial, outcome="arrests", method="poisson", strata=())
    assert plain.value == pytest.approx((18 / 6) / (12 / 3), rel=CLOSE)
    assert "unstratified" in plain.method


@pytest.mark.parametrize("method", ["poisson", "negative binomial"])
def test_people_and_strata_that_tell_nothing_are_left_out_and_told(method: Any) -> None:
    idle = pd.DataFrame({"arm": [0, 1, 1], "events": [0, 0, 0], "years": [0.0, 0, 0]})
    quiet = pd.DataFrame({"arm": [0, 1], "events": [0, 0], "years": [1.0, 3]})
    frame = pd.concat([SIX.assign(site="n"), idle.assign(site="n"), quiet.assign(site="s")])
    found = rate_ratio(read(frame, strata=["site"]), outcome="arrests", method=method)
    want = rate_ratio(read(SIX), outcome="arrests", method=method)
    assert found.value == pytest.approx(want.value, rel=CLOSE)
    assert found.std_error == pytest.approx(want.std_error, rel=1e-7)
    assert (found.n, found.missing) == ((4, 4), (1, 2))
    assert "3 people without time at risk left out" in found.method
    assert "strata without events compare nothing" in found.method


def test_counts_are_read_missing_and_sealed() -> None:
    frame = SIX.astype(float)
    frame.loc[2, ["events", "years"]] = np.nan
    trial = read(frame)
    outcome = trial.outcomes["arrests"]
    assert isinstance(outcome, CountOutcome)
    assert outcome.value.tolist() == [2, 1, 0, 0, 4, 1]
    assert outcome.missing.tolist() == [False, False, True, False, False, False]
    table = trial.to_frame()
    assert table["arrests (years)"].tolist()[:2] == [1.0, 2.0]
    assert np.isnan(table.loc[2, ["arrests", "arrests (years)"]].astype(float)).all()
    found = rate_ratio(trial, outcome="arrests", method="poisson")
    assert found.value == pytest.approx((2 / 4) / (6 / 3), rel=CLOSE)
    assert found.missing == (1, 0)
    others = (SIX.assign(years=2.0), SIX.assign(events=1), SIX)
    assert len({read(each).digest for each in others} | {trial.digest}) == 4
    months = ce.Trial.from_frame(
        SIX, arm="arm", control=0, counts={"arrests": ("events", "years", "months")}
    )
    assert months.digest != read(SIX).digest


def test_a_length_for_everybody() -> None:
    one, two = (read(SIX, time).outcomes["arrests"] for time in (None, 2.5))
    assert isinstance(one, CountOutcome)
    assert isinstance(two, CountOutcome)
    assert one.exposure.tolist() == [1.0] * 6
    assert two.exposure.tolist() == [2.5] * 6
    assert rate_ratio(read(SIX, 2.5), outcome="arrests", method="poisson").by_arm == (
        pytest.approx(6 / 7.5),
        pytest.approx(2 / 7.5),
    )
