"""The survival references themselves, against textbook values and closed forms."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import chi2
from slow_data import SEEDS, people, rossi_people, survival_frame
from slow_survival import (
    Person,
    by_arm,
    kaplan_meier,
    limits,
    logrank,
    logrank_parts,
    quantile,
    restricted_mean,
    survival_at,
    wald,
)

# Freireich et al. (1963), weeks in remission, as printed in Kalbfleisch & Prentice, table 1.1
MERCAPTOPURINE = [6, 6, 6, 7, 10, 13, 16, 22, 23]
MERCAPTOPURINE_CENSORED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
TREATED = [Person(t, event=True, arm=1) for t in MERCAPTOPURINE]
TREATED += [Person(t, event=False, arm=1) for t in MERCAPTOPURINE_CENSORED]
FREIREICH = TREATED + [Person(t, event=True, arm=0) for t in PLACEBO]


def test_freireich_curve() -> None:
    """Collett (2015) and many others print these survival values and Greenwood errors."""
    steps = {step.time: step for step in kaplan_meier(TREATED)}
    printed = {6: (0.857, 0.0764), 7: (0.807, 0.0869), 10: (0.753, 0.0963), 13: (0.690, 0.1068)}
    printed |= {16: (0.627, 0.1141), 22: (0.538, 0.1282), 23: (0.448, 0.1346)}
    for time, (survival, error) in printed.items():
        assert float(steps[time].survival) == pytest.approx(survival, abs=5e-4)  # printed digits
        assert math.sqrt(steps[time].variance) == pytest.approx(error, abs=5e-5)  # printed digits
    assert steps[6].survival == Fraction(18, 21)
    assert (steps[6].at_risk, steps[6].events, steps[6].censored) == (21, 3, 1)


def test_freireich_medians() -> None:
    """The medians printed everywhere: 23 weeks on treatment, 8 on placebo."""
    for arm, median in ((1, 23), (0, 8)):
        steps = kaplan_meier(by_arm(FREIREICH, arm))
        assert quantile([s.time for s in steps], [s.survival for s in steps], 0.5) == median


def test_freireich_logrank() -> None:
    """O - E = 9 - 19.25 and chi-square 16.79 (Kleinbaum & Klein 2012, section 2.IV)."""
    excess, _ = logrank_parts(FREIREICH, 2)
    assert float(excess[1]) == pytest.approx(9 - 19.25, abs=5e-3)  # printed digits
    assert logrank(FREIREICH, 2) ** 2 == pytest.approx(16.79, abs=5e-3)  # printed digits
    assert logrank(FREIREICH, 2) < 0  # fewer relapses in arm 1


def test_late_entry_curve() -> None:
    """Therneau's test 2: KM 1/2, 1/3, 4/15, 1/5, 3/20, 9/100 with 2, 3, 5, 4, 4, 5 at risk."""
    rows = [(1, 2), (2, 3), (5, 6), (2, 7), (1, 8), (7, 9), (3, 9)]
    late = [Person(stop, event=True, entry=start) for start, stop in rows]
    late += [Person(stop, event=False, entry=start) for start, stop in ((4, 9), (8, 14), (8, 17))]
    steps = [step for step in kaplan_meier(late) if step.events]
    assert [step.at_risk for step in steps] == [2, 3, 5, 4, 4, 5]
    expected = [(1, 2), (1, 3), (4, 15), (1, 5), (3, 20), (9, 100)]
    assert [step.survival for step in steps] == [Fraction(*pair) for pair in expected]


def test_uncensored_curve_is_binomial() -> None:
    """Without censoring S is the observed share and Greenwood is S (1 - S) / n, exactly."""
    placebo = by_arm(FREIREICH, 0)
    for step in kaplan_meier(placebo)[:-1]:
        share = Fraction(sum(t > step.time for t in PLACEBO), 21)
        assert step.survival == share
        assert step.survival**2 * (step.greenwood or 0) == share * (1 - share) / 21
    assert kaplan_meier(placebo)[-1].greenwood is None


@pytest.mark.parametrize(
    ("arm", "time", "low", "high"),
    [
        (0, 13, 0.9099298789, 0.9714705574),
        (0, 52, 0.6282883076, 0.7511909335),
        (1, 26, 0.8494436156, 0.9317257941),
        (1, 52, 0.716243779, 0.8275804525),
    ],
)
def test_rossi_limits(arm: int, time: int, low: float, high: float) -> None:
    """Log-log limits of R survival 3.5-3 (survival_more.json, km_loglog)."""
    past = [step for step in kaplan_meier(by_arm(rossi_people(), arm)) if step.time <= time]
    assert limits(past[-1], "log-log") == pytest.approx((low, high), abs=1e-9)  # printed digits


@pytest.mark.parametrize("interval", ["plain", "log", "log-log"])
def test_limits_are_wald_on_their_own_scale(interval: str) -> None:
    """Transforming the limits back gives a symmetric interval of the delta-method width."""
    step = kaplan_meier(TREATED)[3]
    s, root = float(step.survival), math.sqrt(step.greenwood or 0)
    scale, slope = {
        "plain": (lambda x: x, 1.0),
        "log": (math.log, 1 / s),
        "log-log": (lambda x: math.log(-math.log(x)), 1 / (s * math.log(s))),
    }[interval]
    low, high = limits(step, interval)
    width = 1.959963984540054 * s * root * abs(slope)
    assert abs(scale(low) - scale(s)) == pytest.approx(width, rel=1e-9)  # rounding only
    assert abs(scale(high) - scale(s)) == pytest.approx(width, rel=1e-9)  # rounding only


def test_quantile_of_a_flat_segment() -> None:
    """Four events at 1, 2, 3, 4: the curve is exactly 1/2 from 2 to 3, so the median is 2.5."""
    steps = kaplan_meier([Person(t, event=True) for t in (1, 2, 3, 4)])
    times, curve = [s.time for s in steps], [s.survival for s in steps]
    assert [quantile(times, curve, p) for p in (0.25, 0.5, 0.6, 1)] == [1.5, 2.5, 3, 4]


def test_quantile_at_the_end_of_the_curve() -> None:
    """A flat half that lasts to the end of follow-up at 6 has its midpoint with 6; then nan."""
    steps = kaplan_meier(
        [Person(1, event=True), Person(2, event=True)] + [Person(6, event=False)] * 2
    )
    times, curve = [s.time for s in steps], [s.survival for s in steps]
    assert quantile(times, curve, 0.5) == 4
    assert math.isnan(quantile(times, curve, 0.6))


def test_rossi_logrank_family() -> None:
    """Chi-squares of survdiff in R survival 3.5-3, ten printed digits."""
    rossi = rossi_people()
    assert logrank(rossi, 2) ** 2 == pytest.approx(3.8375695765, abs=1e-9)
    assert logrank(rossi, 2, rho=1) ** 2 == pytest.approx(3.749499682, abs=1e-8)
    assert logrank(rossi_people(["paro"]), 2) ** 2 == pytest.approx(3.912789261, abs=1e-8)
    assert logrank(rossi_people(["wexp", "mar"]), 2) ** 2 == pytest.approx(4.21111192, abs=1e-7)


@pytest.mark.parametrize(
    ("rho", "gamma", "z"),
    [(0, 0, -1.95897156), (1, 0, -1.93636249), (0, 1, -1.77691553), (1, 1, -1.80238012)],
)
def test_rossi_fleming_harrington(rho: float, gamma: float, z: float) -> None:
    """The four components of MaxCombo in survival_more.json, eight printed decimals."""
    assert logrank(rossi_people(), 2, rho, gamma) == pytest.approx(z, abs=1e-8)


def test_three_arm_logrank_by_hand() -> None:
    """One event among three people in three arms: U = (-1/3, -1/3), chi-square 2 on 2 df."""
    trio = [
        Person(1, event=True, arm=0),
        Person(2, event=False, arm=1),
        Person(2, event=False, arm=2),
    ]
    assert logrank(trio, 3) == pytest.approx(2.0, rel=1e-12)  # exact fractions, one division


@pytest.mark.parametrize("seed", SEEDS)
def test_two_and_three_arm_forms_agree(seed: int) -> None:
    """Merging two of three arms and squaring z equals the quadratic form with one contrast."""
    group = people(survival_frame(seed), strata="site")
    excess, covariance = logrank_parts(group, 2, rho=0.5, gamma=1)
    assert sum(excess) == 0
    assert covariance[0][0] == covariance[1][1] == -covariance[0][1]
    assert logrank(group, 2) == pytest.approx(
        -logrank([p._replace(arm=1 - p.arm) for p in group], 2)
    )


def test_rossi_restricted_mean() -> None:
    """survRM2 on Rossi to week 52: areas, standard errors, difference and ratio limits."""
    (m0, v0), (m1, v1) = (restricted_mean(by_arm(rossi_people(), arm), 52) for arm in (0, 1))
    assert float(m1) == 46.875
    assert m0 == Fraction(269, 6)
    assert math.sqrt(v0) == pytest.approx(0.9176715405, abs=1e-9)  # ten printed digits
    assert math.sqrt(v1) == pytest.approx(0.7933248959, abs=1e-9)
    low, high, p = wald(float(m1 - m0), v0 + v1)
    assert (low, high, p) == pytest.approx((-0.335863722, 4.41919706, 0.0923580353), abs=1e-8)
    logs = wald(math.log(m1 / m0), v1 / m1**2 + v0 / m0**2)
    assert np.exp(logs[:2]) == pytest.approx((0.992505739, 1.1014061), abs=5e-8)
    assert logs[2] == pytest.approx(0.0935954294, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_restricted_mean_variance_equals_the_single_sum(seed: int) -> None:
    """The double integral collapses to the sum of A_j^2 d_j / (n_j (n_j - d_j)), exactly."""
    group = by_arm(people(survival_frame(seed)), 0)
    horizon = 8
    area, variance = restricted_mean(group, horizon)
    single = Fraction(0)
    for step in kaplan_meier(group):
        if 0 < step.events < step.at_risk and step.time < horizon:
            ahead = area - restricted_mean(group, step.time)[0]
            single += ahead**2 * Fraction(step.events, step.at_risk * (step.at_risk - step.events))
    assert variance == single


def test_rossi_survival_difference() -> None:
    """Risk difference at week 52: .0833333333 with standard error .0422202593 (R)."""
    (s0, v0), (s1, v1) = (survival_at(by_arm(rossi_people(), arm), 52) for arm in (0, 1))
    assert s1 - s0 == pytest.approx(0.0833333333, abs=1e-10)
    assert math.sqrt(v0 + v1) == pytest.approx(0.0422202593, abs=1e-10)


def test_logrank_of_rossi_has_the_printed_p_value() -> None:
    """Two-sided p of .0501161174 from chi-square with one degree of freedom."""
    assert chi2.sf(logrank(rossi_people(), 2) ** 2, 1) == pytest.approx(0.0501161174, abs=1e-10)
