"""Risks over strata and numbers needed by hand: fractions of two small strata."""

from __future__ import annotations

from fractions import Fraction as F
from math import exp, inf, log, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import checkpoint_eval as ce
from checkpoint_eval.models import NumberNeeded, number_needed_to_treat, risk_effects

Z = norm.ppf(0.975)
EXACT = 1e-12  # the same fractions, rounded along the way
# Suite, then events of people: treatment, control
Suites = dict[str, tuple[int, int, int, int]]
TWO: Suites = {"east": (1, 4, 3, 6), "north": (2, 5, 4, 5)}


def read(suites: Suites, *, stratified: bool = False) -> ce.Trial:
    """The suite is what the trial was stratified by, or a factor that may be named."""
    rows = [
        {"suite": name, "arm": arm, "any": i < x}
        for name, (x1, n1, x0, n0) in suites.items()
        for arm, x, n in ((1, x1, n1), (0, x0, n0))
        for i in range(n)
    ]
    named = "strata" if stratified else "factors"
    told = {named: ["suite"]} if len(suites) > 1 else {}
    return ce.Trial.from_frame(
        pd.DataFrame(rows), arm="arm", control=0, binary={"any": "any"}, **told
    )


# n = 10 and 10; weights n₁n₀/n = 24/10 and 25/10, together 49/10.
# Events of treatment against the size of control: 1·6/10 + 2·5/10 = 16/10;
# of control against the size of treatment: 3·4/10 + 4·5/10 = 32/10.
DIFFERENCE = F(16 - 32, 49)  # -16/49
RISKS = (F(32, 49), F(16, 49))


def test_difference_and_sato() -> None:
    """P: (16·3 - 36·1 + 24)/100 = 36/100 and (25·4 - 25·2 + 0)/100 = 50/100; Q: 12/20 and 14/20."""
    q = F(1 * 3 + 3 * 3, 20) + F(2 * 1 + 4 * 3, 20)
    p = F(16 * 3 - 36 * 1 + 24 * 1, 100) + F(25 * 4 - 25 * 2, 100)
    assert (p, q) == (F(86, 100), F(26, 20))
    variance = (DIFFERENCE * p + q) / F(49, 10) ** 2
    found = ce.risk_difference(read(TWO), outcome="any", strata="suite")
    assert found.value == pytest.approx(float(DIFFERENCE), rel=EXACT)
    assert found.by_arm == pytest.approx([float(each) for each in RISKS], rel=EXACT)
    assert found.std_error == pytest.approx(sqrt(variance), rel=EXACT)
    half = Z * sqrt(variance)
    assert (found.low, found.high) == pytest.approx(
        (float(DIFFERENCE) - half, float(DIFFERENCE) + half), rel=EXACT
    )
    assert found.p_value == pytest.approx(2 * norm.sf(16 / 49 / sqrt(variance)), rel=1e-10)
    assert (found.n, found.events, found.missing) == ((11, 9), (7, 3), (0, 0))
    assert (
        found.method == "risks; stratified by suite; Mantel–Haenszel; Sato variance; Wald interval"
    )


def test_greenland_and_robins() -> None:
    """(24/10)² (1/4·3/4/4 + 1/2·1/2/6) and (25/10)² (2/5·3/5/5 + 4/5·1/5/5), over (49/10)²."""
    east = F(24, 10) ** 2 * (F(3, 64) + F(1, 24))
    north = F(25, 10) ** 2 * (F(6, 125) + F(4, 125))
    found = ce.risk_difference(
        read(TWO), outcome="any", strata="suite", interval="greenland-robins"
    )
    assert found.std_error == pytest.approx(sqrt((east + north) / F(49, 10) ** 2), rel=EXACT)
    assert "Greenland–Robins variance" in found.method


def test_ratio() -> None:
    """16/32; variance of the log Σ(n₁n₀(x₁+x₀) - x₁x₀n)/n², 66/100 and 70/100, over 1.6·3.2."""
    top = F(24 * 4 - 3 * 10, 100) + F(25 * 6 - 8 * 10, 100)
    variance = top / (F(16, 10) * F(32, 10))
    assert variance == F(136, 512)
    found = ce.risk_ratio(read(TWO), outcome="any", strata="suite")
    assert found.value == pytest.approx(0.5, rel=EXACT)
    assert found.std_error == pytest.approx(sqrt(variance), rel=EXACT)
    half = Z * sqrt(variance)
    assert (found.low, found.high) == pytest.approx((exp(-half) / 2, exp(half) / 2), rel=1e-10)


def test_odds_ratio() -> None:
    """R: 1·3/10, 2·1/10; S: 3·3/10, 4·3/10; P: 4/10, 3/10; Q: 6/10, 7/10. 5/21."""
    r, s = [F(3, 10), F(2, 10)], [F(9, 10), F(12, 10)]
    p, q = [F(4, 10), F(3, 10)], [F(6, 10), F(7, 10)]
    both = list(zip(r, s, p, q, strict=True))
    variance = (
        sum(c * a for a, _, c, _ in both) / (2 * sum(r) ** 2)
        + sum(c * b + d * a for a, b, c, d in both) / (2 * sum(r) * sum(s))
        + sum(d * b for _, b, _, d in both) / (2 * sum(s) ** 2)
    )
    found = ce.odds_ratio(read(TWO), outcome="any", strata="suite")
    assert found.value == pytest.approx(5 / 21, rel=EXACT)
    assert found.std_error == pytest.approx(sqrt(variance), rel=EXACT)
    assert found.high == pytest.approx(exp(log(5 / 21) + Z * sqrt(variance)), rel=1e-10)


def test_matched_pairs_are_mcnemars() -> None:
    """9 pairs where the treated alone has the event and 4 where the control alone: odds 9/4.

    The variance of its log is 1/9 + 1/4; difference and ratio are of all 30 pairs: (9 - 4)/30, and
    (9 + 5)/(4 + 5). Sato: δ + Q over pairs, Q = 1/4 for each of the 13, over 15²; P is -5/4.
    """
    rows = [(1, 0)] * 9 + [(0, 1)] * 4 + [(1, 1)] * 5 + [(0, 0)] * 12
    pairs = read({f"pair {i}": (x1, 1, x0, 1) for i, (x1, x0) in enumerate(rows)})
    odds = ce.odds_ratio(pairs, outcome="any", strata="suite")
    assert odds.value == pytest.approx(9 / 4, rel=EXACT)
    assert odds.std_error == pytest.approx(sqrt(1 / 9 + 1 / 4), rel=EXACT)
    assert ce.risk_ratio(pairs, outcome="any", strata="suite").value == pytest.approx(14 / 9)
    difference = ce.risk_difference(pairs, outcome="any", strata="suite")
    assert difference.value == pytest.approx(1 / 6, rel=EXACT)
    variance = (F(1, 6) * F(4 - 9, 4) + F(13, 4)) / 15**2
    assert difference.std_error == pytest.approx(sqrt(variance), rel=EXACT)


def test_one_stratum_of_equal_arms_is_unstratified() -> None:
    """Sato's variance of one table of arms alike is p₁q₁/n + p₀q₀/n: 1/5·4/5/5 + 3/5·2/5/5."""
    one = {"east": (1, 5, 3, 5), "west": (0, 0, 1, 3)}  # the second holds control only
    found = ce.risk_difference(read(one), outcome="any", strata="suite")
    assert found.value == pytest.approx(-2 / 5, rel=EXACT)
    assert found.std_error == pytest.approx(sqrt(F(4, 125) + F(6, 125)), rel=EXACT)
    assert "(1 of 2 strata hold one arm only and compare nothing)" in found.method
    assert (found.n, found.events) == ((8, 5), (4, 1))  # all are counted, few are compared


def test_strata_are_asked_for() -> None:
    """Default: none, which the method says of a stratified trial; None: those of the trial."""
    trial = read(TWO, stratified=True)
    plain = ce.risk_difference(trial, outcome="any")
    assert plain.value == pytest.approx(float(F(3, 9) - F(7, 11)), rel=EXACT)
    assert plain.method == "risks; unstratified; Newcombe hybrid score interval; Fisher's exact p"
    named = ce.risk_difference(trial, outcome="any", strata="suite")
    assert ce.risk_difference(trial, outcome="any", strata=None) == named
    assert "unstratified" not in ce.risk_difference(read(TWO), outcome="any").method


# --- number needed -----------------------------------------------------------------------------


def of_difference(value: float, low: float, high: float) -> NumberNeeded:
    arms = ce.risk_difference(read(TWO), outcome="any")
    fields = {name: getattr(arms, name) for name in arms.__dataclass_fields__}
    return NumberNeeded(
        difference=ce.Estimate(**(fields | {"value": value, "low": low, "high": high}))
    )


@pytest.mark.parametrize(
    ("limits", "value", "fewer", "more", "told"),
    [
        ((-0.1, -0.25, -0.04), 10, (4, 25), None, "10 for one event fewer (95% interval: 4 to 25"),
        ((0.05, 0.02, 0.1), 20, None, (10, 50), "20 for one event more (95% interval: 10 to 50"),
        # Altman (1998): NNTB 10, from NNTB 4 through infinity to NNTH 20
        ((-0.1, -0.25, 0.05), 10, (4, inf), (20, inf), "from 4 for one event fewer, through inf"),
        ((0.1, -0.25, 0.5), 10, (4, inf), (2, inf), "10 for one event more (95% interval: from 4"),
        ((-0.1, -0.2, 0), 10, (5, inf), None, "5 to infinity for one event fewer"),
        ((0, -0.5, 0.25), inf, (2, inf), (4, inf), "infinity, as there is no difference (95% in"),
        ((0, 0, 0), inf, None, None, "(95% interval: no effect only)"),
        ((-0.1, -0.25, 1e-5), 10, (4, inf), (1e5, inf), "to 100,000 for one event more"),
        ((-0.1, -0.25, 1e-17), 10, (4, inf), None, "4 to infinity for one event fewer"),
        ((-1, -1, -0.8), 1, (1, 1.25), None, "1 for one event fewer (95% interval: 1 to 1.25"),
        ((-0.1, np.nan, np.nan), 10, None, None, "(95% interval: none)"),
    ],
)  # fmt: skip
def test_number_needed(
    limits: tuple[float, float, float],
    value: float,
    fewer: tuple[float, float] | None,
    more: tuple[float, float] | None,
    told: str,
) -> None:
    """Reciprocals; an interval that holds 0 has two pieces that meet at infinity."""
    found = of_difference(*limits)
    none = (np.nan, np.nan)
    assert found.value == pytest.approx(value, rel=EXACT)
    for got, want in ((found.fewer, fewer), (found.more, more)):
        np.testing.assert_allclose(got, none if want is None else want, rtol=1e-9)
    assert told in found.told
    assert told in repr(found)
    frame = found.to_frame().set_index("measure")
    np.testing.assert_allclose(
        frame.loc["number needed for one fewer", ["low", "high"]].to_numpy(float),
        fewer or none,
        rtol=1e-9,
    )
    np.testing.assert_allclose(
        frame.loc["number needed for one more", ["low", "high"]].to_numpy(float),
        more or none,
        rtol=1e-9,
    )
    assert found.direction == ("" if limits[0] == 0 else "fewer" if limits[0] < 0 else "more")


def test_number_needed_of_a_trial() -> None:
    """20 of 80 against 30 of 80: one event fewer among 8."""
    trial = read({"all": (20, 80, 30, 80)})
    found = number_needed_to_treat(trial, outcome="any")
    difference = ce.risk_difference(trial, outcome="any")
    assert found.value == pytest.approx(8, rel=EXACT)
    assert found.difference == difference
    assert found.fewer == (pytest.approx(-1 / difference.low), inf)
    assert found.more == (pytest.approx(1 / difference.high), inf)
    assert "8 for one event fewer" in found._repr_html_()


# --- all of it together ------------------------------------------------------------------------


def test_effects_are_those_of_the_verbs() -> None:
    """Whatever is asked of all is asked of each."""
    trial = read(TWO)
    for how in ({}, {"strata": "suite"}, {"adjust": "suite"}, {"interval": "wald", "level": 0.8}):
        found = risk_effects(trial, outcome="any", **how)
        verbs = (ce.risk_difference, ce.risk_ratio, ce.odds_ratio)
        assert found.estimates == tuple(verb(trial, outcome="any", **how) for verb in verbs)
        assert (found.difference, found.ratio, found.odds_ratio) == found.estimates
        assert found.number_needed == number_needed_to_treat(trial, outcome="any", **how)
        assert found.risk == pytest.approx((7 / 11, 3 / 9), rel=EXACT)  # as they were seen


def test_effects_as_a_table() -> None:
    trial = read({"all": (20, 80, 30, 80)})
    found = risk_effects(trial, outcome="any", interval="miettinen-nurminen")
    frame = found.to_frame()
    assert frame["measure"].tolist() == [
        "risk", "risk", "risk difference", "risk ratio", "odds ratio",
        "number needed for one fewer", "number needed for one more",
    ]  # fmt: skip
    np.testing.assert_allclose(frame["value"][:6], [3 / 8, 1 / 4, -1 / 8, 2 / 3, 5 / 9, 8])
    assert frame["events"].tolist()[:2] == [30, 20]
    assert frame["n"].tolist()[:2] == [80, 80]
    assert frame["of"].tolist()[:3] == ["control", "treatment", "treatment against control"]
    # 95 % Wilson limits of 20 of 80, printed by R prop.test(20, 80, correct = FALSE)
    z2 = Z**2
    centre, half = (20 + z2 / 2) / (80 + z2), Z / (80 + z2) * sqrt(15 + z2 / 4)
    assert (frame["low"][1], frame["high"][1]) == pytest.approx((centre - half, centre + half))
    told = repr(found)
    assert "0.25 in treatment (20 of 80) against 0.375 in control (30 of 80)" in told
    assert "risk ratio 0.6667" in told
    assert "through infinity" in told
    assert "<table" in found._repr_html_()


def test_risks_off_a_curve() -> None:
    """Control loses one of four to follow-up in week 2, before two events in week 3: 1 - 1/3."""
    frame = pd.DataFrame(
        {
            "arm": [0] * 4 + [1] * 4,
            "week": [2, 3, 3, 9, 1, 9, 9, 9],
            "event": [0, 1, 1, 0, 1, 0, 0, 0],
        }
    )
    trial = ce.Trial.from_frame(
        frame, arm="arm", control=0, times={"re": ("week", "event", "weeks")}
    )
    found = risk_effects(trial, outcome="re", horizon=9)
    assert found.risk == pytest.approx((2 / 3, 1 / 4), rel=EXACT)
    # log S ± z·√G/log S on the log–log scale: G = 2/(3·1) in control, 1/(4·3) under treatment
    for code, (s, g) in enumerate(((1 / 3, 2 / 3), (3 / 4, 1 / 12))):
        up = exp(Z * sqrt(g) / abs(log(s)))
        assert found.risk_low[code] == pytest.approx(1 - s ** (1 / up), rel=1e-10)
        assert found.risk_high[code] == pytest.approx(1 - s**up, rel=1e-10)
    assert found.risk_method == "Kaplan–Meier; log-log interval"
    early = risk_effects(trial, outcome="re", horizon=1)  # nobody is lost by then
    assert early.risk == (0, 0.25)
    assert early.risk_method == "Wilson interval"
