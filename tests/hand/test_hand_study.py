"""The steps that `checkpoint-eval power` prints, each by its own arithmetic.

Checkpoint's numbers: 521 people, 48 % in control, 10.3 points fewer.
"""

from typing import Any

import numpy as np
import pytest
from scipy.special import nctdtr, ndtr, ndtri, stdtrit
from scipy.stats import multivariate_normal

from checkpoint_eval.design import Protocol, parse_protocol
from checkpoint_eval.power import Study, simulate_study, study_of

PROTOCOL = """title = "Plan"
unit = "days"
horizon = 730
[columns]
arm = "arm"
[[arms]]
label = 0
name = "court"
[[arms]]
label = 1
name = "contract"
[allocation]
ratio = [1, {treated}]
[[outcomes]]
name = "again"
primary = true
variable = "v"
metric = "m"
aggregation = "a"
time = "days"
event = "again"
[[estimands]]
outcome = "again"
measure = "risk difference"
[analysis]
alpha = {alpha}
[planning]
"""
Z, N, P0, P1 = ndtri(0.975), 521, 0.48, 0.377


def protocol(*, alpha: float = 0.05, treated: int = 1, **plan: object) -> Protocol:
    lines = "\n".join(f"{name} = {value}" for name, value in plan.items())
    return parse_protocol(PROTOCOL.format(alpha=alpha, treated=treated) + lines)


def study(**told: Any) -> Study:
    told = {"people": N, "control_risk": P0, "difference": -0.103} | told
    return study_of(protocol(**told))


def by_hand(n0: float, n1: float, p0: float, p1: float, z: float = Z) -> float:
    """Φ((|p₁ − p₀| − z √(p̄q̄(1/n₀ + 1/n₁)))/√(p₀q₀/n₀ + p₁q₁/n₁)), p̄ of both arms."""
    mean = (n0 * p0 + n1 * p1) / (n0 + n1)
    null = np.sqrt(mean * (1 - mean) * (1 / n0 + 1 / n1))
    return float(ndtr((abs(p1 - p0) - z * null) / np.sqrt(p0 * (1 - p0) / n0 + p1 * (1 - p1) / n1)))


def test_on_paper() -> None:
    row = study().to_frame().iloc[0]
    assert row["power"] == pytest.approx(by_hand(261, 260, P0, P1), rel=1e-12)
    needed = int(row["people_needed"])
    assert needed == 723
    assert by_hand(362, 361, P0, P1) >= 0.8 > by_hand(361, 361, P0, P1)
    found = P0 + row["detectable_effect"]
    assert by_hand(261, 260, P0, found) == pytest.approx(0.8, abs=1e-9)


def test_people_lost_are_not_counted() -> None:
    """5 % lost: 494.95 people, half each; and 723 grow to 723/0.95."""
    row = study(dropout=0.05).to_frame().iloc[1]
    assert row["step"] == "5% lost"
    assert row["power"] == pytest.approx(by_hand(247.475, 247.475, P0, P1), rel=1e-12)
    assert row["people_needed"] == np.ceil(723 / 0.95)


def test_overrides_mix_the_risks() -> None:
    """10 % of treatment at 0.48; 2 % of control at 0.377."""
    row = study(overrides=0.1, contamination=0.02).to_frame().iloc[1]
    assert row["step"] == "10% overridden, 2% of control treated"
    mixed = 0.98 * P0 + 0.02 * P1, 0.9 * P1 + 0.1 * P0
    assert row["power"] == pytest.approx(by_hand(261, 260, *mixed), rel=1e-12)


def test_navigators_widen_the_arm_of_treatment() -> None:
    """Variance in treatment times 1 + (260/8 − 1)·0.02; t with Satterthwaite's freedom."""
    row = study(navigators=8, icc=0.02).to_frame().iloc[1]
    effect = 1 + (260 / 8 - 1) * 0.02
    mean = (261 * P0 + 260 * P1) / N
    null = np.array([mean * (1 - mean) / 261, mean * (1 - mean) / 260 * effect])
    own = np.array([P0 * (1 - P0) / 261, P1 * (1 - P1) / 260 * effect])
    df = own.sum() ** 2 / (own[0] ** 2 / 260 + own[1] ** 2 / 7)
    critical = stdtrit(df, 0.975) * np.sqrt(null.sum() / own.sum())
    power = 1 - nctdtr(df, (P0 - P1) / np.sqrt(own.sum()), critical)
    assert row["power"] == pytest.approx(power, abs=2e-3)  # the t of power_of, told there
    assert row["power"] == pytest.approx(0.502, abs=5e-4)
    assert row["people_needed"] == 1796


def test_looks_cost_information() -> None:
    """Two looks by O'Brien–Fleming spending, at 2.9626 and 1.9686: 1.0037 times the information.

    θ is the mean of the last z; the first has mean θ√½, and their correlation is √½.
    """

    def power(theta: float) -> float:
        half = np.sqrt(0.5)
        joint = multivariate_normal([theta * half, theta], [[1, half], [half, 1]])
        return float(1 - joint.cdf([2.9626, 1.9686]))

    rows = study(looks="[0.5, 1.0]").to_frame()
    planned = (Z + ndtri(0.8)) * np.sqrt(1.0037)
    assert power(planned) == pytest.approx(0.8, abs=1e-4)
    assert rows["people_needed"].tolist() == [723, np.ceil(723 * 1.0037)]
    there = Z + ndtri(rows["power"][0])  # with 521 people
    assert rows["power"][1] == pytest.approx(power(there), abs=1e-4)
    found = P0 + rows["detectable_effect"][1]
    assert by_hand(*np.full(2, 260.5 / 1.0037), P0, found) == pytest.approx(0.8, abs=1e-4)


def test_alpha_and_ratio_are_those_of_the_protocol() -> None:
    row = study(alpha=0.01, treated=2).to_frame().iloc[0]
    assert row["power"] == pytest.approx(by_hand(174, 347, P0, P1, ndtri(0.995)), rel=1e-12)


def test_hazards_as_schoenfeld() -> None:
    """Φ(√(d π₀π₁)·|log 0.7| − z), d the events expected by the time point of 730 days."""
    timed = protocol(people=N, control_risk=P0, hazard_ratio=0.7)
    row = study_of(timed).to_frame().iloc[0]
    events = 261 * P0 + 260 * (1 - 0.52**0.7)
    assert row["events"] == pytest.approx(events, rel=1e-12)
    drift = np.sqrt(events * 261 * 260 / N**2) * abs(np.log(0.7))
    assert row["power"] == pytest.approx(float(ndtr(drift - Z)), rel=1e-12)
    assert row["detectable_effect"] < 1


def test_steps_stand_in_order_and_each_keeps_those_before() -> None:
    told = study(dropout=0.05, overrides=0.1, navigators=8, icc=0.02, looks="[0.5, 1.0]").to_frame()
    assert told["step"].tolist() == [
        "as on paper",
        "5% lost",
        "10% overridden",
        "8 navigators, ICC 0.02",
        "2 looks (O'Brien–Fleming spending)",
    ]
    assert (np.diff(told["power"]) < 0).all()
    assert (np.diff(told["people_needed"]) > 0).all()


def test_the_surface_agrees_with_the_steps() -> None:
    told = study(dropout=0.05, overrides=0.1, navigators=8, icc=0.02)
    surface = told.surface()
    assert surface is not None
    cell = surface[(surface["overrides"] == 0.1) & (surface["icc"] == 0.02)].iloc[0]
    last = told.to_frame().iloc[-1]
    # The surface splits 494.95 people evenly, as the step does.
    assert cell["power"] == pytest.approx(last["power"], rel=1e-12)
    assert cell["people_needed"] == last["people_needed"]
    assert study().surface() is None


def test_simulation_finds_the_formula() -> None:
    """4,000 trials: four standard errors of a share, and a point for whole counts."""
    told = study(overrides=0.1, navigators=8, icc=0.02)
    found = simulate_study(told, trials=4_000, rng=np.random.default_rng(1), progress=False)
    step = told.last_plain
    assert step.told == "10% overridden"  # without navigators
    closed = told.power_at(step).power
    error = 4 * np.sqrt(closed * (1 - closed) / 4_000) + 0.01
    assert abs(found.rows[0].power - closed) < error
    timed = study_of(
        protocol(people=N, control_risk=P0, hazard_ratio=0.7, dropout=0.1, accrual=300)
    )
    found = simulate_study(timed, trials=4_000, rng=np.random.default_rng(1), progress=False)
    closed = timed.power_at(timed.steps[-1]).power
    # Schoenfeld is of first order in the log ratio: two points, as tests/recovery argues.
    assert abs(found.rows[0].power - closed) < 4 * np.sqrt(closed * (1 - closed) / 4_000) + 0.02
