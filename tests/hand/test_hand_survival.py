"""Kaplan–Meier, its variance, limits, quantiles and area, worked by hand in fractions."""

from __future__ import annotations

from fractions import Fraction as F
from math import exp, log, sqrt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import checkpoint_eval as ce

if TYPE_CHECKING:
    from collections.abc import Sequence

Z = norm.ppf(0.975)
EXACT = 1e-12  # the same closed form, rounded along the way

CONTROL = [(1, 1), (2, 1), (2, 1), (2, 0), (3, 0), (4, 1), (6, 0), (7, 1)]
TREATED = [(1, 0), (2, 0), (5, 1), (5, 0), (8, 1), (8, 0), (9, 0), (9, 0)]

# control:  t 1: 8 at risk, 1 event;  t 2: 7, 2 (and 1 censored, still at risk);
#           t 3: 4, censored;  t 4: 3, 1;  t 6: 2, censored;  t 7: 1, 1
# treated:  t 1: 8, censored;  t 2: 7, censored;  t 5: 6, 1 and 1 censored;  t 8: 4, 1 and 1;
#           t 9: 2, censored
TIME = [1, 2, 3, 4, 5, 6, 7, 8, 9]
AT_RISK = [[8, 7, 4, 3, 2, 2, 1, 0, 0], [8, 7, 6, 6, 6, 4, 4, 4, 2]]
EVENTS = [[1, 2, 0, 1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0, 0, 1, 0]]
CENSORED = [[0, 1, 1, 0, 0, 1, 0, 0, 0], [1, 1, 0, 0, 1, 0, 0, 1, 2]]
SURVIVAL_CONTROL = [
    F(7, 8),
    F(7, 8) * F(5, 7),  # 5/8
    F(5, 8),
    F(5, 8) * F(2, 3),  # 5/12
    F(5, 12),
    F(5, 12),
    F(0),
    F(0),
    F(0),
]
SURVIVAL_TREATED = [F(1)] * 4 + [F(5, 6)] * 3 + [F(5, 6) * F(3, 4)] * 2
# Greenwood: sum of d / (n (n - d)); for control at 4: 1/(8·7) + 2/(7·5) + 1/(3·2) = 29/120
GREENWOOD_CONTROL_4 = F(1, 56) + F(2, 35) + F(1, 6)
GREENWOOD_TREATED_5 = F(1, 30)
GREENWOOD_TREATED_8 = F(1, 30) + F(1, 12)


def read(control: Sequence[tuple[float, int]], treated: Sequence[tuple[float, int]]) -> ce.Trial:
    """A trial of (time, event) pairs."""
    rows = [(0, *person) for person in control] + [(1, *person) for person in treated]
    table = pd.DataFrame(rows, columns=["arm", "week", "ev"])
    return ce.Trial.from_frame(table, arm="arm", control=0, times={"re": ("week", "ev", "weeks")})


@pytest.fixture
def trial() -> ce.Trial:
    """Eight people in each arm."""
    return read(CONTROL, TREATED)


def test_the_fractions_add_up() -> None:
    """The arithmetic in this file."""
    assert F(29, 120) == GREENWOOD_CONTROL_4
    assert F(1, 56) + F(2, 35) == F(3, 8) / (8 * F(5, 8))  # no censoring yet: (1 - S) / (n S)
    assert SURVIVAL_TREATED[-1] == F(5, 8)


def test_counts(trial: ce.Trial) -> None:
    """Someone censored at t is at risk at t; later arms keep their rows of zeros."""
    curve = ce.survival_curve(trial, outcome="re")
    assert curve.time.tolist() == TIME
    assert curve.at_risk.tolist() == AT_RISK
    assert curve.events.tolist() == EVENTS
    assert curve.censored.tolist() == CENSORED


def test_survival(trial: ce.Trial) -> None:
    """Product of (n - d) / n."""
    curve = ce.survival_curve(trial, outcome="re")
    expected = np.array([SURVIVAL_CONTROL, SURVIVAL_TREATED], dtype=float)
    np.testing.assert_allclose(curve.survival, expected, rtol=EXACT)


def test_greenwood(trial: ce.Trial) -> None:
    """S² times the sum; 145/3456 at 4 for control."""
    error = ce.survival_curve(trial, outcome="re").std_error
    assert F(5, 12) ** 2 * GREENWOOD_CONTROL_4 == F(145, 3456)
    assert error[0, 1] ** 2 == pytest.approx(float(F(5, 8) * F(3, 8) / 8), rel=EXACT)  # binomial
    assert error[0, 3] ** 2 == pytest.approx(float(F(145, 3456)), rel=EXACT)
    assert error[0, 5] == error[0, 3]
    assert error[1, :4].tolist() == [0] * 4
    assert error[1, 4] ** 2 == pytest.approx(float(F(5, 6) ** 2 * F(1, 30)), rel=EXACT)
    assert error[1, 7] ** 2 == pytest.approx(float(F(5, 8) ** 2 * F(7, 60)), rel=EXACT)


def test_log_log_limits(trial: ce.Trial) -> None:
    """S to the power exp(± z se), se = sqrt(Greenwood) / |log S|; nothing at 0 and 1."""
    curve = ce.survival_curve(trial, outcome="re", interval="log-log")
    width = Z * sqrt(29 / 120) / abs(log(5 / 12))
    assert curve.low[0, 3] == pytest.approx((5 / 12) ** exp(width), rel=EXACT)
    assert curve.high[0, 3] == pytest.approx((5 / 12) ** exp(-width), rel=EXACT)
    width = Z * sqrt(7 / 60) / abs(log(5 / 8))
    assert curve.low[1, 8] == pytest.approx((5 / 8) ** exp(width), rel=EXACT)
    assert curve.high[1, 8] == pytest.approx((5 / 8) ** exp(-width), rel=EXACT)
    for limits in (curve.low, curve.high):
        assert np.isnan(limits[0, 6:]).all()  # S is 0
        assert np.isnan(limits[1, :4]).all()  # S is 1


def test_log_and_plain_limits(trial: ce.Trial) -> None:
    """S exp(± z sqrt(G)) and S ± z S sqrt(G), cut at 0 and 1 as R does."""
    g = sqrt(29 / 120)
    logged = ce.survival_curve(trial, outcome="re", interval="log")
    assert logged.low[0, 3] == pytest.approx(5 / 12 * exp(-Z * g), rel=EXACT)
    assert 5 / 12 * exp(Z * g) > 1
    assert logged.high[0, 3] == 1
    plain = ce.survival_curve(trial, outcome="re", interval="plain")
    assert plain.low[0, 3] == pytest.approx(5 / 12 * (1 - Z * g), rel=EXACT)
    assert plain.high[0, 3] == pytest.approx(5 / 12 * (1 + Z * g), rel=EXACT)
    narrow = ce.survival_curve(trial, outcome="re", interval="plain", level=0.5)
    assert narrow.high[0, 3] == pytest.approx(5 / 12 * (1 + norm.ppf(0.75) * g), rel=EXACT)
    for curve in (logged, plain):
        assert np.isnan(curve.low[0, 6:]).all()
        assert curve.low[1, :4].tolist() == [1] * 4  # no event yet: variance 0


def test_quantile_on_a_flat_half() -> None:
    """Events at 1, 2, 4, 7: S is 3/4, 1/2, 1/4, 0, so it is flat at 1/2 from 2 to 4: median 3."""
    trial = read([(1, 1), (2, 1), (4, 1), (7, 1)], [(3, 1), (5, 0), (6, 1), (8, 0), (9, 1)])
    # treated: 3: 4/5; 6 (3 at risk): 4/5 · 2/3 = 8/15; 9 (1 at risk): 0
    curve = ce.survival_curve(trial, outcome="re", level=0.5)
    quantiles = ce.models.survival_quantiles(curve, (0.25, 0.5, 0.75, 0.4))
    # 25 % are gone from 1 to 2; 75 % from 4 to 7; 40 % when S first falls below 3/5: at 2
    assert quantiles.time[0].tolist() == [1.5, 3, 5.5, 2]
    # treated: 3/4, 1/2, 1/4 and 3/5 are crossed, not met: at 6, 9, 9 and 6
    assert quantiles.time[1].tolist() == [6, 9, 9, 6]


def test_limits_of_the_median() -> None:
    """Read off the limits of the curve, here the 50 % log-log limits with z = 0.6745.

    t   S     sum d/(n(n-d))        z se    low                     high
    1   3/4   1/12                  0.677   (3/4)^exp(.677) = .568  .864
    2   1/2   1/12 + 1/6 = 1/4      0.487   (1/2)^exp(.487) = .324  .653
    4   1/4   1/4 + 1/2 = 3/4       0.421   (1/4)^exp(.421) = .121  .403
    """
    trial = read([(1, 1), (2, 1), (4, 1), (7, 1)], [(9, 0)])
    curve = ce.survival_curve(trial, outcome="re", level=0.5)
    z = norm.ppf(0.75)
    for column, (s, g) in enumerate([(0.75, 1 / 12), (0.5, 1 / 4), (0.25, 3 / 4)]):
        width = z * sqrt(g) / abs(log(s))
        assert curve.low[0, column] == pytest.approx(s ** exp(width), rel=EXACT)
        assert curve.high[0, column] == pytest.approx(s ** exp(-width), rel=EXACT)
    quantiles = ce.models.survival_quantiles(curve, [0.5])
    # low passes 1/2 at 2 (.568 to .324), high at 4 (.653 to .403)
    assert (quantiles.low[0, 0], quantiles.time[0, 0], quantiles.high[0, 0]) == (2, 3, 4)
    assert np.isnan([quantiles.low[1, 0], quantiles.time[1, 0], quantiles.high[1, 0]]).all()


def test_survival_difference(trial: ce.Trial) -> None:
    """At 6: 5/6 - 5/12 = 5/12, variance 145/3456 + (5/6)²/30 = 145/3456 + 5/216."""
    got = ce.survival_difference(trial, outcome="re", at=6)
    error = sqrt(F(145, 3456) + F(5, 216))
    assert got.by_arm == pytest.approx((5 / 12, 5 / 6), rel=EXACT)
    assert got.value == pytest.approx(5 / 12, rel=EXACT)
    assert got.std_error == pytest.approx(error, rel=EXACT)
    assert (got.low, got.high) == pytest.approx((5 / 12 - Z * error, 5 / 12 + Z * error), rel=EXACT)
    assert got.p_value == pytest.approx(2 * norm.sf(5 / 12 / error), rel=1e-10)
    # between the steps the curve stands still; on a step the event counts
    assert ce.survival_difference(trial, outcome="re", at=5.5).value == got.value
    assert ce.survival_difference(trial, outcome="re", at=4.999).by_arm[1] == 1
    assert ce.survival_difference(trial, outcome="re", at=5).by_arm[1] == pytest.approx(5 / 6)


def test_risk_difference_with_censoring(trial: ce.Trial) -> None:
    """Risks are one minus Kaplan–Meier: 7/12 and 1/6 at 6; the sign turns."""
    got = ce.risk_difference(trial, outcome="re", horizon=6)
    error = sqrt(F(145, 3456) + F(5, 216))
    assert got.by_arm == pytest.approx((7 / 12, 1 / 6), rel=EXACT)
    assert got.value == pytest.approx(-5 / 12, rel=EXACT)
    assert (got.low, got.high) == pytest.approx(
        (-5 / 12 - Z * error, -5 / 12 + Z * error), rel=EXACT
    )
    assert "Kaplan" in got.method
    ratio = ce.risk_ratio(trial, outcome="re", horizon=6)
    # log scale: var(S) / risk² in each arm
    spread = sqrt(F(145, 3456) / F(7, 12) ** 2 + F(5, 216) / F(1, 6) ** 2)
    assert ratio.value == pytest.approx(2 / 7, rel=EXACT)
    assert ratio.low == pytest.approx(2 / 7 * exp(-Z * spread), rel=1e-10)
    assert ratio.high == pytest.approx(2 / 7 * exp(Z * spread), rel=1e-10)


# Area to 6.  control: 1·1 + 1·7/8 + 2·5/8 + 2·5/12 = 95/24;  treated: 5·1 + 1·5/6 = 35/6
AREA_CONTROL = 1 + F(7, 8) + 2 * F(5, 8) + 2 * F(5, 12)
AREA_TREATED = 5 + F(5, 6)
# Area from each event to 6, squared, times d / (n (n - d))
AREA_VARIANCE_CONTROL = (
    (F(7, 8) + 2 * F(5, 8) + 2 * F(5, 12)) ** 2 * F(1, 56)
    + (2 * F(5, 8) + 2 * F(5, 12)) ** 2 * F(2, 35)
    + (2 * F(5, 12)) ** 2 * F(1, 6)
)
AREA_VARIANCE_TREATED = F(5, 6) ** 2 * F(1, 30)


def test_restricted_mean_difference(trial: ce.Trial) -> None:
    """35/6 - 95/24 = 15/8."""
    got = ce.restricted_mean(trial, outcome="re", horizon=6)
    assert (F(95, 24), F(35, 6)) == (AREA_CONTROL, AREA_TREATED)
    error = sqrt(AREA_VARIANCE_CONTROL + AREA_VARIANCE_TREATED)
    assert got.by_arm == pytest.approx((95 / 24, 35 / 6), rel=EXACT)
    assert got.value == pytest.approx(15 / 8, rel=EXACT)
    assert got.std_error == pytest.approx(error, rel=EXACT)
    assert (got.low, got.high) == pytest.approx((15 / 8 - Z * error, 15 / 8 + Z * error), rel=EXACT)


def test_restricted_mean_ratio(trial: ce.Trial) -> None:
    """28/19, symmetric on the log scale: variance / mean² in each arm."""
    got = ce.restricted_mean(trial, outcome="re", horizon=6, measure="ratio")
    error = sqrt(AREA_VARIANCE_CONTROL / AREA_CONTROL**2 + AREA_VARIANCE_TREATED / AREA_TREATED**2)
    assert got.value == pytest.approx(28 / 19, rel=EXACT)
    assert got.std_error == pytest.approx(error, rel=EXACT)
    assert got.low == pytest.approx(28 / 19 * exp(-Z * error), rel=1e-10)
    assert got.high == pytest.approx(28 / 19 * exp(Z * error), rel=1e-10)
    assert got.p_value == pytest.approx(2 * norm.sf(log(28 / 19) / error), rel=1e-10)


def test_restricted_mean_between_steps(trial: ce.Trial) -> None:
    """To 4.5 the event at 4 has an area of only 5/12 · 1/2 behind it."""
    got = ce.restricted_mean(trial, outcome="re", horizon=4.5)
    assert got.by_arm == pytest.approx((float(1 + F(7, 8) + 2 * F(5, 8) + F(5, 24)), 4.5))


def test_uncensored_restricted_mean_is_the_mean() -> None:
    """Times 1, 2, 6 and 3, 4, 8: means 3 and 5; variance is the sum of squares over n²."""
    trial = read([(1, 1), (2, 1), (6, 1)], [(3, 1), (4, 1), (8, 1)])
    got = ce.restricted_mean(trial, outcome="re", horizon=8)
    assert got.by_arm == pytest.approx((3, 5), rel=EXACT)
    # about 3: 4 + 1 + 9 = 14, about 5: 4 + 1 + 9 = 14; (14 + 14) / 9
    assert got.std_error == pytest.approx(sqrt(28 / 9), rel=EXACT)


def test_event_at_time_zero() -> None:
    """Everyone is at risk at 0; two of four go at once, so S(0) is 1/2."""
    trial = read([(0, 1), (0, 1), (2, 1), (3, 0)], [(0, 0), (2, 1), (3, 0), (3, 0)])
    curve = ce.survival_curve(trial, outcome="re")
    assert curve.time.tolist() == [0, 2, 3]
    assert curve.at_risk.tolist() == [[4, 2, 1], [4, 3, 2]]
    np.testing.assert_allclose(curve.survival, [[1 / 2, 1 / 4, 1 / 4], [1, 2 / 3, 2 / 3]])
    got = ce.restricted_mean(trial, outcome="re", horizon=3)
    assert got.by_arm == pytest.approx((2 / 2 + 1 / 4, 2 + 2 / 3), rel=EXACT)
