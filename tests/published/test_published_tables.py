"""Figures printed in papers, from the counts printed beside them (sources in each docstring).

Tolerances are half a unit of the last printed digit.
"""

from __future__ import annotations

from math import exp

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce


def read(x1: int, n1: int, x0: int, n0: int) -> ce.Trial:
    """x1 of n1 treated and x0 of n0 controls have the event."""
    arm = np.repeat([1, 0], [n1, n0])
    event = np.concatenate([np.arange(n1) < x1, np.arange(n0) < x0])
    table = pd.DataFrame({"arm": arm, "any": event})
    return ce.Trial.from_frame(table, arm="arm", control=0, binary={"any": "any"})


def printed(*values: float, digits: int) -> object:
    """Equal as far as printed."""
    return pytest.approx(values if len(values) > 1 else values[0], abs=0.5000001 * 10**-digits)


def test_newcombe_example_a() -> None:
    """Newcombe (1998), Statistics in Medicine 17:873, table II (a), method 10: 56/70 - 48/80."""
    got = ce.risk_difference(read(56, 70, 48, 80), outcome="any", interval="newcombe")
    assert got.value == pytest.approx(0.2, rel=1e-12)
    assert (got.low, got.high) == printed(0.0524, 0.3339, digits=4)


# Minneapolis: Berk and Sherman (1988), JASA 83:70, table 2 (N = 313); R output in the course
# notes of R. Brame, University of Maryland. Treated: assigned to arrest; control: advise, separate.
MINNEAPOLIS = (10, 92, 47, 221)


def test_minneapolis_difference() -> None:
    """RD -.103974 (SE .04255), 95 % .02057 to .18738 and 90 % .03398 to .17397 the other way."""
    trial = read(*MINNEAPOLIS)
    got = ce.risk_difference(trial, outcome="any", interval="wald")
    assert got.value == printed(-0.103974, digits=6)
    assert got.std_error == printed(0.04255, digits=5)
    assert (-got.high, -got.low) == printed(0.02057, 0.18738, digits=5)
    got = ce.risk_difference(trial, outcome="any", interval="wald", level=0.90)
    assert (-got.high, -got.low) == printed(0.03398, 0.17397, digits=5)
    assert got.p_value == printed(0.0360, digits=4)  # Fisher, recomputed in FACTS 2.4, not printed
    assert (got.n, got.events) == ((221, 92), (47, 10))


def test_minneapolis_ratios() -> None:
    """RR .5111008; OR .451479; log odds ratio -0.7952 (SE 0.3731)."""
    trial = read(*MINNEAPOLIS)
    assert ce.risk_ratio(trial, outcome="any").value == printed(0.5111008, digits=7)
    odds = ce.odds_ratio(trial, outcome="any", interval="wald")
    assert odds.value == printed(0.451479, digits=6)
    assert np.log(odds.value) == printed(-0.7952, digits=4)
    assert odds.std_error == printed(0.3731, digits=4)


def test_minneapolis_as_delivered() -> None:
    """Delivered arrest or not, 18/135 and 39/178: the contrast fades.

    FACTS 2.4, recomputed and not printed: RR .609 (.365 to 1.015), OR .5483 (.298 to 1.009). FACTS
    writes the RR as .6086, but 18·178 / (135·39) = .608547.
    """
    trial = read(18, 135, 39, 178)
    assert ce.risk_difference(trial, outcome="any").value == printed(-0.08577, digits=5)
    ratio = ce.risk_ratio(trial, outcome="any", interval="wald")
    assert (ratio.value, ratio.low, ratio.high) == (
        printed(0.609, digits=3),
        printed(0.365, digits=3),
        printed(1.015, digits=3),
    )
    odds = ce.odds_ratio(trial, outcome="any", interval="wald")
    assert (odds.value, odds.low, odds.high) == (
        printed(0.5483, digits=4),
        printed(0.298, digits=3),
        printed(1.009, digits=3),
    )


def test_minneapolis_of_angrist() -> None:
    """Angrist (2006), J Exp Criminology 2:23, N = 314: intention to treat .114 (SE .047).

    That standard error is of a regression with one variance for both arms; ours has two.
    """
    got = ce.risk_difference(read(9, 92, 47, 222), outcome="any", interval="wald")
    assert -got.value == printed(0.114, digits=3)
    assert -got.value == printed(0.11389, digits=5)


def test_milwaukee_homicide() -> None:
    """Sherman and Harris (2013), J Exp Criminology 9:491: suspects killed, arrest against warning.

    2.25 % against 0.81 %, RR 2.79, 90 % interval 1.0007 to 7.7696, two-tailed p .096; 17/756 and
    3/372 reproduce every figure.
    """
    trial = read(17, 756, 3, 372)
    got = ce.risk_ratio(trial, outcome="any", interval="wald", level=0.90)
    assert tuple(100 * risk for risk in got.by_arm) == printed(0.81, 2.25, digits=2)
    assert got.value == printed(2.7884, digits=4)
    assert (got.low, got.high) == printed(1.0007, 7.7696, digits=4)
    assert got.p_value == printed(0.0963, digits=4)
    wider = ce.risk_ratio(trial, outcome="any", interval="wald")
    assert wider.low < 1 < wider.high


def test_milwaukee_victims() -> None:
    """Sherman and Harris (2015), J Exp Criminology 11:1: victims dead of any cause, N = 1125.

    RR 1.64, 95 % interval 1.024 to 2.628, p .037; 70/754 and 21/371 are FACTS' reconstruction.
    """
    got = ce.risk_ratio(read(70, 754, 21, 371), outcome="any", interval="wald")
    assert got.value == printed(1.6401, digits=4)
    assert (got.low, got.high) == printed(1.0235, 2.6283, digits=4)
    assert got.p_value == printed(0.0366, digits=4)


def test_gateway_arms() -> None:
    """Gateway caution trial (BMJ Open 2024; 14:e081179): 109 against 82 of 191 at 1:1.

    The p-value .060 is derived in FACTS 2.3, not printed in the paper.
    """
    got = ce.sample_ratio_test(read(50, 109, 40, 82))
    assert got.p_value == printed(0.060, digits=3)


# Rossi, Berk and Lenihan (1980), as in Allison and in Fox's appendix on Cox regression; values of
# FACTS 2.6, verified there with lifelines 0.30.3.
SIX = ["age", "race", "wexp", "mar", "paro", "prio"]
COEFFICIENTS = {
    "age": (-0.0574, 0.0220),
    "race": (0.3139, 0.3080),
    "wexp": (-0.1498, 0.2122),
    "mar": (-0.4337, 0.3819),
    "paro": (-0.0849, 0.1958),
    "prio": (0.0915, 0.0286),
}


@pytest.fixture(scope="module")
def rossi() -> ce.Trial:
    """432 men, 216 of them with financial aid."""
    return ce.load_rossi()


def test_rossi_counts(rossi: ce.Trial) -> None:
    """48 of 216 and 66 of 216 arrested within 52 weeks; 10,125 and 9,684 person-weeks."""
    outcome = rossi.outcome("rearrest")
    assert isinstance(outcome, ce.TimeToEvent)
    arm = rossi.assignment.arm
    assert np.bincount(arm).tolist() == [216, 216]
    assert np.bincount(arm, outcome.event).tolist() == [66, 48]
    assert np.bincount(arm, outcome.time).tolist() == [9684, 10125]
    assert outcome.time.max() == 52


def test_rossi_cox(rossi: ce.Trial) -> None:
    """Financial aid -0.3794 (.1914) beside six covariates; log likelihood -658.7477."""
    fit = ce.models.fit_cox(rossi, outcome="rearrest", adjust=SIX)
    assert fit.terms[1:] == tuple(SIX)
    assert (fit.coef[0], fit.std_error[0]) == printed(-0.3794, 0.1914, digits=4)
    for name, coef, error in zip(fit.terms[1:], fit.coef[1:], fit.std_error[1:], strict=True):
        assert (coef, error) == printed(*COEFFICIENTS[name], digits=4)
    assert fit.loglik == printed(-658.7477, digits=4)
    got = ce.hazard_ratio(rossi, outcome="rearrest", adjust=SIX)
    assert got.value == printed(0.6843, digits=4)
    assert got.value == pytest.approx(exp(fit.coef[0]), rel=1e-12)
    assert (got.low, got.high, got.p_value) == printed(0.470, 0.996, 0.047, digits=3)


def test_rossi_unadjusted_hazard_ratio(rossi: ce.Trial) -> None:
    """.6914 (.4767 to 1.0028), p .0517."""
    got = ce.hazard_ratio(rossi, outcome="rearrest")
    assert (got.value, got.low, got.high, got.p_value) == printed(
        0.6914, 0.4767, 1.0028, 0.0517, digits=4
    )


def test_rossi_log_rank(rossi: ce.Trial) -> None:
    """Chi-square 3.8376, p .0501; fewer arrests with aid."""
    got = ce.logrank_test(rossi, outcome="rearrest")
    assert got.statistic < 0
    assert got.statistic**2 == printed(3.8376, digits=4)
    assert got.p_value == printed(0.0501, digits=4)


def test_rossi_risks(rossi: ce.Trial) -> None:
    """RD -.0833; RR .727 (.528 to 1.002); OR .649 (.4215 to 1.0003); Fisher p .0632."""
    difference = ce.risk_difference(rossi, outcome="rearrest", horizon=52)
    assert difference.value == printed(-0.0833, digits=4)
    assert difference.p_value == printed(0.0632, digits=4)
    ratio = ce.risk_ratio(rossi, outcome="rearrest", horizon=52, interval="wald")
    assert (ratio.value, ratio.low, ratio.high) == printed(0.727, 0.528, 1.002, digits=3)
    odds = ce.odds_ratio(rossi, outcome="rearrest", horizon=52, interval="wald")
    assert odds.value == printed(0.649, digits=3)
    assert (odds.low, odds.high) == printed(0.4215, 1.0003, digits=4)


def test_rossi_survival(rossi: ce.Trial) -> None:
    """S(26) .8981 with aid, .8519 without; S(52) .7778, .6944; free weeks 46.875, 44.833."""
    at_26 = ce.survival_difference(rossi, outcome="rearrest", at=26)
    assert at_26.by_arm == printed(0.8519, 0.8981, digits=4)
    at_52 = ce.survival_difference(rossi, outcome="rearrest", at=52)
    assert at_52.by_arm == printed(0.6944, 0.7778, digits=4)
    mean = ce.restricted_mean(rossi, outcome="rearrest", horizon=52)
    assert mean.by_arm == printed(44.833, 46.875, digits=3)
