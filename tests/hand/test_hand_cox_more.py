"""Residuals and curves of Therneau's first test data, limits of the score test, and one weight."""

from __future__ import annotations

from math import acos, cos, exp, log, sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import checkpoint_eval as ce
from checkpoint_eval.models import (
    cox_residuals,
    fit_cox,
    hazard_ratio,
    predicted_survival,
    proportional_hazards_test,
    standardised_survival,
    standardised_survival_difference,
)
from checkpoint_eval.outcomes import TimeVarying

FITTED = 1e-8  # Newton steps against a closed form: the last step is below this
Z = norm.ppf(0.975)

# Therneau and Grambsch (2000), appendix E.1: time, status, x. Fits in test_hand_cox.py.
TEST1 = [(9, 1, 0), (1, 1, 1), (1, 0, 1), (6, 1, 1), (6, 1, 0), (8, 0, 0)]
EVENTS = [0, 1, 3, 4]  # rows
R_BRESLOW = (3 + sqrt(33)) / 2
R_EFRON = 2 * sqrt(23 / 3) * cos(acos(45 / 23 * sqrt(3 / 23)) / 3)
TIES = {"breslow": R_BRESLOW, "efron": R_EFRON}
every_tie = pytest.mark.parametrize(("ties", "r"), TIES.items())


def read(rows: Any, columns: str, **more: Any) -> ce.Trial:
    """Columns of a table: `arm`, `week` and `ev` among them, others baseline."""
    table = pd.DataFrame(rows, columns=columns.split())
    others = [name for name in table if name not in ("arm", "week", "ev")]
    return ce.Trial.from_frame(
        table,
        arm="arm",
        control=0,
        covariates=others,
        times={"re": ("week", "ev", "weeks")},
        **more,
    )


def fitted(ties: str, **how: Any) -> Any:
    return fit_cox(read(TEST1, "week ev arm"), outcome="re", ties=ties, **how)


def steps(ties: str, r: float) -> dict[str, Any]:
    """Terms at 1, 6 and 9: (hazard, mean of x, share of the dead that is still at risk).

    At 1: 3r + 3 at risk. At 6: r + 3, two events; Efron's second has half of each event gone,
    r/2 + 1/2 + 2 = (r + 5)/2 at risk, of which r/2 has x = 1. At 9 one person.
    """
    first, last = (1 / (3 * r + 3), r / (r + 1), 1), (1, 0, 1)
    if ties == "breslow":
        return {1: [first], 6: [(2 / (r + 3), r / (r + 3), 1)], 9: [last]}
    two = [(1 / (r + 3), r / (r + 3), 1), (2 / (r + 5), r / (r + 5), 1 / 2)]
    return {1: [first], 6: two, 9: [last]}


def information(ties: str, r: float) -> float:
    """Sum of m (1 - m) over events; Breslow's two at 6 count one mean twice."""
    own = [r / (r + 1), r / (r + 3), r / (r + (3 if ties == "breslow" else 5))]
    return sum(m * (1 - m) for m in own)


@every_tie
def test_martingale_residuals(ties: str, r: float) -> None:
    """Events less r^x H: H over the terms up to the end, the dead at 6 with half of Efron's 2nd."""
    h1, h9 = 1 / (3 * r + 3), 1
    h6 = 2 / (r + 3) if ties == "breslow" else 1 / (r + 3) + 2 / (r + 5)
    dead = 2 / (r + 3) if ties == "breslow" else 1 / (r + 3) + 1 / (r + 5)
    want = [
        1 - h1 - h6 - h9,
        1 - r * h1,
        -r * h1,
        1 - r * (h1 + dead),
        1 - (h1 + dead),
        -h1 - h6,
    ]
    assert sum(want) == pytest.approx(0, abs=1e-14)
    found = cox_residuals(fitted(ties))
    assert found["row"].tolist() == [0, 1, 2, 3, 4, 5]
    assert found["residual"].to_numpy() == pytest.approx(want, rel=1e-7)
    deviance = [
        np.sign(m) * sqrt(-2 * (m + (log(1 - m) if ev else 0)))
        for m, (_, ev, _) in zip(want, TEST1, strict=True)
    ]
    found = cox_residuals(fitted(ties), kind="deviance")
    assert found["residual"].to_numpy() == pytest.approx(deviance, rel=1e-7)


@every_tie
def test_score_residuals_and_dfbeta(ties: str, r: float) -> None:
    """(x - m) dM term by term; an event is spread evenly over the terms of its time."""
    want = []
    for week, ev, x in TEST1:
        total = 0.0
        for at, terms in steps(ties, r).items():
            if at > week:
                continue
            for h, m, share in terms:
                died = ev and at == week
                total += (x - m) * (died / len(terms) - (share if died else 1) * r**x * h)
        want.append(total)
    assert sum(want) == pytest.approx(0, abs=1e-14)
    fit = fitted(ties)
    found = cox_residuals(fit, kind="score")
    assert list(found) == ["row", "treatment"]
    assert found["treatment"].to_numpy() == pytest.approx(want, rel=1e-7)
    moved = cox_residuals(fit, kind="dfbeta")["treatment"].to_numpy()
    assert moved == pytest.approx(np.array(want) / information(ties, r), rel=1e-7)


@every_tie
@pytest.mark.parametrize("robust", [False, True])
def test_schoenfeld_residuals(ties: str, r: float, robust: bool) -> None:
    """1 - r/(r + 1) at 1; at 6 x less the mean over the terms; at 9 nobody else: 0.

    Scaled: log r + 4 events · residual / information, whatever the variance that is reported.
    """
    m6 = sum(m for _, m, _ in steps(ties, r)[6]) / len(steps(ties, r)[6])
    want = {1: 1 - r / (r + 1), 3: 1 - m6, 4: -m6, 0: 0.0}  # row -> residual
    assert sum(want.values()) == pytest.approx(0, abs=1e-14)
    fit = fitted(ties, robust=robust)
    found = cox_residuals(fit, kind="schoenfeld")
    assert list(found) == ["row", "stratum", "time", "treatment"]
    assert found["time"].tolist() == [1, 6, 6, 9]
    assert set(found["row"]) == set(EVENTS)
    got = found.set_index("row")["treatment"]
    assert [got[row] for row in want] == pytest.approx(list(want.values()), rel=1e-7, abs=1e-12)
    scaled = cox_residuals(fit, kind="scaled schoenfeld").set_index("row")["treatment"]
    target = [log(r) + 4 * value / information(ties, r) for value in want.values()]
    assert [scaled[row] for row in want] == pytest.approx(target, rel=1e-7)


@every_tie
def test_predicted_survival(ties: str, r: float) -> None:
    """The variance of H(t): the squares of the terms, and of the mean of x against them."""
    fit = fitted(ties)
    for x in (0, 1):
        found = predicted_survival(fit, values={"treatment": x} if x else None)
        assert found["time"].tolist() == [1, 6, 8, 9]
        hazard = variance = drift = 0.0
        expected = []
        for at in (1, 6, 8, 9):
            for h, m, _ in steps(ties, r).get(at, []):
                mass = 2 if ties == "breslow" and at == 6 else 1
                hazard, drift = hazard + h * r**x, drift + (x - m) * h * r**x
                variance += h**2 / mass * r ** (2 * x)  # mass / S0², with h = mass / S0
            error = sqrt(variance + drift**2 / information(ties, r))
            expected.append((hazard, exp(-hazard), exp(-hazard) * error, exp(-hazard - Z * error)))
        columns = ["hazard", "survival", "std_error", "low"]
        assert found[columns].to_numpy() == pytest.approx(np.array(expected), rel=1e-7)


@every_tie
def test_standardised_over_the_arm_alone(ties: str, r: float) -> None:
    """Without covariates everybody's survival in an arm is the arm's own: exp(-H) and exp(-rH)."""
    hazard = sum(h for at in (1, 6) for h, _, _ in steps(ties, r)[at])
    found = standardised_survival_difference(fitted(ties), at=7)
    assert found.by_arm == pytest.approx((exp(-hazard), exp(-r * hazard)), rel=1e-7)
    assert found.value == pytest.approx(exp(-r * hazard) - exp(-hazard), rel=1e-7)
    found = standardised_survival_difference(fitted(ties), at=7, measure="ratio")
    assert found.value == pytest.approx(exp(hazard - r * hazard), rel=1e-7)
    curve = standardised_survival(fitted(ties))
    assert curve.survival[:, 1] == pytest.approx([exp(-hazard), exp(-r * hazard)], rel=1e-7)


# ---- one number of each keyword ---------------------------------------------------------------

# Events of the treated and of the untreated in turn, two people at risk at a time: pairs as strata,
# treated first in 2 of 7. Without anything else r/(1 + r) = 2/7 and r = 2/5.
PAIRS = [
    (arm, f"p{p}", 1 + (arm != (p < 2)), 1, 1 + (p < 2), log(3) * arm + 0.2 * (p == 0))
    for p in range(7)
    for arm in (0, 1)
]


def pairs(**how: Any) -> ce.Estimate:
    trial = read(PAIRS, "arm pair week ev twice known")
    return hazard_ratio(trial, outcome="re", strata="pair", **how)


def test_weights_of_pairs() -> None:
    """The two pairs count double: 4 of 9, r/(1 + r) = 4/9, information 9 · 4/9 · 5/9."""
    found = pairs(weights="twice")
    assert found.value == pytest.approx(4 / 5, rel=FITTED)
    assert found.std_error == pytest.approx(sqrt(9 / 20), rel=FITTED)


def test_offset_of_pairs() -> None:
    """The treated are known to have 3 times the hazard: 3r = 2/5, with the same error.

    Both of pair 0 have 0.2 more, which compares nobody.
    """
    found = pairs(offset="known")
    assert found.value == pytest.approx(2 / 15, rel=FITTED)
    assert found.std_error == pytest.approx(sqrt(7 / 10), rel=FITTED)


def test_entry_takes_somebody_out_of_risk_sets() -> None:
    """Who enters at 1 is at risk after 1, not at it.

    One treated and two controls at 1 (event: treated) and at 2 (control), one and one at 3
    (treated): 2 - 2r/(r + 2) - r/(r + 1) = 0, so r² - 2r - 4 = 0 and r = 1 + sqrt 5.
    """
    rows = [(1, 1, 1, 0), (1, 3, 1, 1), (0, 2, 1, 0), (0, 3, 0, 0)]
    found = hazard_ratio(read(rows, "arm week ev since"), outcome="re", entry="since")
    r = 1 + sqrt(5)
    assert found.value == pytest.approx(r, rel=FITTED)
    curvature = 2 * 2 * r / (r + 2) ** 2 + r / (r + 1) ** 2
    assert found.std_error == pytest.approx(1 / sqrt(curvature), rel=FITTED)


def test_changing_covariate() -> None:
    """Seven pairs in which one has a job, until 1; an event at 1 still meets the values before."""
    rows = [(p % 2 ^ a, f"p{p}", 1 + a, 1) for p in range(7) for a in (0, 1)]
    trial = read(rows, "arm pair week ev")
    first = np.array([(p < 2) == (a == 0) for p in range(7) for a in (0, 1)], dtype=float)
    changes = TimeVarying(
        person=np.repeat(np.arange(14), 2),
        time=np.tile([0, 1], 14),
        values={"job": np.column_stack([first, 1 - first]).ravel()},
        people=14,
    )
    fit = fit_cox(trial, outcome="re", strata="pair", varying=changes)
    # arm and job of who goes first less those of the other, by pair:
    # (-1, 1), (1, 1), (-1, -1), (1, -1), (-1, -1), (1, -1), (-1, -1). With u = c - b and v = c + b
    # the chances are F(u), F(v), F(-v), F(-u), F(-v), F(-u), F(-v): 1 of 3 for u, 1 of 4 for v.
    b, c = fit.coef
    assert c - b == pytest.approx(log(1 / 2), rel=FITTED)
    assert c + b == pytest.approx(log(1 / 3), rel=FITTED)


# ---- no maximum: limits of the score test -----------------------------------------------------


def limits(found: ce.Estimate) -> tuple[float, float]:
    assert np.isnan(found.value)
    assert "not estimable" in found.method
    assert "score test" in found.method
    return found.low, found.high


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_score_limit_of_one_event(level: float) -> None:
    """One control, one treated, p = r/(1 + r): z² = p²/(p(1 - p)) = r, so r below z²."""
    found = hazard_ratio(read([(0, 1, 1), (1, 2, 0)], "arm week ev"), outcome="re", level=level)
    assert limits(found) == pytest.approx((0, norm.ppf((1 + level) / 2) ** 2), rel=FITTED)
    assert found.p_value == pytest.approx(2 * norm.sf(1), rel=1e-9)
    turned = hazard_ratio(read([(1, 1, 1), (0, 2, 0)], "arm week ev"), outcome="re", level=level)
    assert limits(turned)[0] == pytest.approx(norm.ppf((1 + level) / 2) ** -2, rel=FITTED)
    assert turned.high == np.inf


def six(first: int) -> list[tuple[int, int, int]]:
    """3 and 3 at 1, 2 and 2 at 2, 1 and 1 at 3: one of `first` has the event, one leaves."""
    return [(arm, week, arm == first) for week in (1, 2, 3) for arm in (0, 1)]


@pytest.mark.parametrize("ties", TIES)
def test_score_limits_of_six_people(ties: str) -> None:
    """Always as many of each: U = -3p, V = 3p(1 - p), z² = 3r: quadratic in p, r below z²/3."""
    found = hazard_ratio(read(six(0), "arm week ev"), outcome="re", ties=ties)
    assert limits(found) == pytest.approx((0, Z**2 / 3), rel=FITTED)
    assert found.p_value == pytest.approx(2 * norm.sf(sqrt(3)), rel=1e-9)
    turned = hazard_ratio(read(six(1), "arm week ev"), outcome="re", ties=ties)
    assert limits(turned) == pytest.approx((3 / Z**2, np.inf), rel=FITTED)
    assert turned.p_value == pytest.approx(found.p_value, rel=1e-12)


def test_score_limit_with_offset() -> None:
    """The treated are known to have twice the hazard: 2r below z²/3."""
    rows = [(*row, log(2) * row[0]) for row in six(0)]
    found = hazard_ratio(read(rows, "arm week ev known"), outcome="re", offset="known")
    assert limits(found) == pytest.approx((0, Z**2 / 6), rel=FITTED)


@pytest.mark.parametrize("ties", TIES)
def test_score_limit_of_a_tie(ties: str) -> None:
    """Two controls of 3 and 3 at once. Breslow: U = -2p, V = 2p(1 - p), r = z²/2.

    Efron: p = r/(r + 1) and q = 3r/(3r + 2); (p + q)² = z² (p(1 - p) + q(1 - q)), times
    (r + 1)²(3r + 2)²/r: r (6r + 5)² = z² ((3r + 2)² + 6 (r + 1)²).
    """
    rows = [(0, 1, 1), (0, 1, 1), (0, 4, 0), (1, 2, 0), (1, 3, 0), (1, 4, 0)]
    found = hazard_ratio(read(rows, "arm week ev"), outcome="re", ties=ties)
    c = Z**2
    roots = np.roots([36, 60 - 15 * c, 25 - 24 * c, -10 * c])
    (cubic,) = roots[(np.abs(roots.imag) < 1e-9) & (roots.real > 0)].real
    want = c / 2 if ties == "breslow" else cubic
    assert limits(found) == pytest.approx((0, want), rel=FITTED)


# ---- hazards that change with time ------------------------------------------------------------


def crossing() -> ce.Trial:
    """Weeks 1 to 40, one event each: ten controls, then twenty treated, then ten controls."""
    rows = [(int(10 < week <= 30), week, 1) for week in range(1, 41)]
    return read(rows, "arm week ev")


def test_word_on_changing_hazards() -> None:
    """With the p of the test, only where it is below 0.05, and only of the arms."""
    found = hazard_ratio(crossing(), outcome="re")
    p = proportional_hazards_test(crossing(), outcome="re").p_value[0]
    assert p < 0.05
    assert f"changes with time (p = {p:.2g})" in found.method
    assert "restricted_mean" in found.method
    assert "changes with time" in fit_cox(crossing(), outcome="re").method
    rossi = ce.load_rossi()  # p 0.88 for the arm and 0.01 for age
    assert "changes" not in hazard_ratio(rossi, outcome="rearrest", adjust="age").method
