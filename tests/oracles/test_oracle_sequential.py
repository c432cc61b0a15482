"""Group-sequential designs against R gsDesign and rpact.

group_sequential.json: 41 designs by gsDesign 3.10.1 (its own error is below 5e-9, found by making
our quadrature finer), equal to rpact 3.3.4 to 6e-8. sequential.json: written by sequential.R with
rpact, whose bounds stop at a tolerance of 1e-6 to 1e-8 in alpha. Single values have the
digits that were printed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checkpoint_eval.power import (
    GroupSequential,
    HaybittlePeto,
    HwangShihDeCani,
    KimDeMets,
    OBrienFleming,
    OBrienFlemingSpending,
    Pocock,
    PocockSpending,
    WangTiatis,
    assurance,
    at_information,
    conditional_power,
    estimate_at_stopping,
    operating_characteristics,
    predictive_power,
    stopping_bounds,
)

Compare = Callable[..., None]
FOLDER = Path(__file__).parent
GS = json.loads((FOLDER / "group_sequential.json").read_text(encoding="utf-8"))["group_sequential"]
R = json.loads((FOLDER / "sequential.json").read_text(encoding="utf-8"))
FAMILIES: dict[str, Any] = {
    "OF": OBrienFleming(),
    "Pocock": Pocock(),
    "LDOF": OBrienFlemingSpending(),
    "LDPocock": PocockSpending(),
    "HSDm4": HwangShihDeCani(gamma=-4),
    "HSD1": HwangShihDeCani(gamma=1),
    "KDrho3": KimDeMets(rho=3),
    "WT25": WangTiatis(delta=0.25),
    "asOF": OBrienFlemingSpending(),
    "asP": PocockSpending(),
    "asKD": KimDeMets(rho=2),
    "asHSD": HwangShihDeCani(gamma=-3),
    "P": Pocock(),
    "bsOF": OBrienFlemingSpending(),
    "bsP": PocockSpending(),
    "bsKD": KimDeMets(rho=1.5),
    "bsHSD": HwangShihDeCani(gamma=-2),
}
LOOKS: dict[str, Sequence[float]] = {
    "LDOF_t_.5_.75_1": (0.5, 0.75, 1),
    "LDOF_t_.3_.7_1_beta.2": (0.3, 0.7, 1),
}
TOLERANCE = 1e-7  # what the project promises


def one_sided(looks: int | Sequence[float], name: str, power: float = 0.9) -> GroupSequential:
    return GroupSequential(looks=looks, alpha=0.025, sided=1, power=power, boundary=FAMILIES[name])


def test_there_are_41_designs() -> None:
    assert len(GS) == 41


@pytest.mark.parametrize("name", GS)
def test_designs(name: str) -> None:
    want = GS[name]
    looks = LOOKS.get(name, len(want["z"]))
    found = stopping_bounds(one_sided(looks, name.split("_")[0], 0.8 if "beta.2" in name else 0.9))
    got = {
        "z": found.critical,
        "nominal_p": found.nominal_p,
        "cum_alpha": found.alpha_spent,
        "cum_power": found.power,
        "inflation": found.inflation,
        "asn_h0": found.expected[0],
        "asn_h1": found.expected[1],
    }
    assert set(got) == set(want)
    for each, value in got.items():
        np.testing.assert_allclose(value, want[each], rtol=0, atol=TOLERANCE, err_msg=each)


@pytest.mark.parametrize("want", R["designs"], ids=lambda one: f"{one['type']}{one['sided']}")
def test_both_sides_and_uneven_looks(want: dict[str, Any]) -> None:
    design = GroupSequential(
        looks=want["shares"],
        alpha=0.03,
        sided=want["sided"],
        power=0.85,
        boundary=FAMILIES[want["type"]],
    )
    _agree(stopping_bounds(design), want)


@pytest.mark.parametrize("want", R["futile"], ids=lambda one: f"{one['type']}{one['binding']}")
def test_futility(want: dict[str, Any]) -> None:
    design = GroupSequential(
        looks=want["shares"],
        alpha=0.025,
        sided=1,
        power=0.85,
        futility=FAMILIES[want["type"]],
        binding=want["binding"],
    )
    found = stopping_bounds(design)
    _agree(found, want)
    # rpact prints no bound as -6
    futility = np.maximum(found.futility[:-1], -6)
    np.testing.assert_allclose(futility, want["futility"], rtol=0, atol=2e-5)
    assert found.futility[-1] == found.critical[-1]


@pytest.mark.parametrize("want", R["wedges"], ids=lambda one: f"{one['type']}{one['binding']}")
def test_inner_wedge(want: dict[str, Any]) -> None:
    """Spending in rpact too counts those who stop on the other side as missed."""
    futility = {"bsKD": KimDeMets(rho=0.8), "bsHSD": HwangShihDeCani(gamma=1)}
    design = GroupSequential(
        looks=want["shares"],
        power=0.9,
        futility=futility.get(want["type"], PocockSpending()),
        binding=want["binding"],
    )
    found = stopping_bounds(design)
    _agree(found, want)
    np.testing.assert_allclose(found.futility[:-1], want["futility"], rtol=0, atol=1e-6)
    assert found.expected[0] == pytest.approx(want["expected_h0"], abs=1e-5)


@pytest.mark.parametrize(
    "want", R["asked"], ids=lambda one: f"{one['sided']}{one['binding']}{one['share']}"
)
def test_futility_spent_without_effect(want: dict[str, Any]) -> None:
    """gsDesign's test types 5 and 6, and a wedge by the same, on mvtnorm's chances."""
    design = GroupSequential(
        looks=want["shares"],
        alpha=0.025 * want["sided"],
        sided=want["sided"],
        futility=KimDeMets(rho=1),
        futile_share=want["share"],
        binding=want["binding"],
    )
    found = stopping_bounds(design)
    # Miwa's algorithm with 2000 steps is good to about 1e-11 of a chance
    np.testing.assert_allclose(found.critical, want["critical"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.futility, want["futility"], rtol=0, atol=1e-9)
    assert found.drift == pytest.approx(want["drift"], abs=1e-9)
    np.testing.assert_allclose(found.rejected[1], want["rejected"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.rejected[0], want["rejected_h0"], rtol=0, atol=1e-9)


def _agree(found: Any, want: dict[str, Any]) -> None:
    # rpact's final bound spends up to 1e-8 less than alpha: 1e-6 in z where its density is 0.05
    np.testing.assert_allclose(found.critical, want["critical"], rtol=0, atol=5e-6)
    np.testing.assert_allclose(found.alpha_spent, want["alpha_spent"], rtol=0, atol=3e-8)
    np.testing.assert_allclose(found.power, want["power"], rtol=0, atol=1e-5)
    assert found.inflation == pytest.approx(want["inflation"], abs=1e-5)
    assert found.expected[1] == pytest.approx(want["expected_h1"], abs=1e-5)
    assert found.drift**2 == pytest.approx(want["shift"], abs=1e-4)
    if found.design.futility is None:
        assert found.expected[0] == pytest.approx(want["expected_h0"], abs=1e-5)


def test_haybittle_peto(printed: Compare) -> None:
    _agree(
        stopping_bounds(GroupSequential(looks=4, alpha=0.025, sided=1, boundary=HaybittlePeto())),
        R["haybittle"],
    )
    five = GroupSequential(looks=5, alpha=0.025, sided=1, boundary=HaybittlePeto(z=3))
    printed(stopping_bounds(five).critical, [3, 3, 3, 3, 1.990048])


@pytest.mark.parametrize(
    "want", R["stops"], ids=lambda one: f"{one['type']}{one['sided']}_{one['stage']}"
)
def test_inference_at_stopping(want: dict[str, Any]) -> None:
    sided = want["sided"]
    design = GroupSequential(
        looks=want["shares"],
        alpha=0.025 * sided,
        sided=sided,
        power=0.9,
        boundary=FAMILIES[want["type"]],
    )
    found = estimate_at_stopping(
        stopping_bounds(design),
        z=want["z"],
        look=want["stage"],
        std_error=(want["n"] / 2) ** -0.5,  # two arms of variance 1
    )
    # rpact finds roots to about 1e-6: where it is 2.6e-6 off, the plain grid of tests/reference
    # agrees with us to 1e-8
    assert found.p_value == pytest.approx(want["p_value"], rel=1e-5)
    assert found.value == pytest.approx(want["median"], abs=2e-6)
    np.testing.assert_allclose((found.low, found.high), want["interval"], rtol=0, atol=5e-6)


def test_defaults_of_gsdesign(printed: Compare) -> None:
    """K = 3, HSD(-4) and futility by HSD(-2) that does not bind."""
    found = stopping_bounds(
        GroupSequential(
            looks=3,
            alpha=0.025,
            sided=1,
            power=0.9,
            boundary=HwangShihDeCani(gamma=-4),
            futility=HwangShihDeCani(gamma=-2),
        )
    )
    printed(found.critical, [3.0107395, 2.5465306, 1.9992264])
    # printed by gsDesign at its own tolerance of 1e-6
    want = [-0.2387240, 0.9410673, 1.9992264]
    np.testing.assert_allclose(found.futility, want, rtol=0, atol=TOLERANCE)
    want = [0.3566277, 0.7132555, 1.0698832]
    np.testing.assert_allclose(found.shares * found.inflation, want, rtol=0, atol=TOLERANCE)
    want = [[0.4056598, 0.4290045, 0.1420312], [0.1411961, 0.4402737, 0.3185302]]
    np.testing.assert_allclose((found.futile[0], found.rejected[1]), want, rtol=0, atol=TOLERANCE)


def test_frozen_values_of_rpact(printed: Compare) -> None:
    printed(
        stopping_bounds(
            GroupSequential(
                looks=(0.2, 0.5, 1), alpha=0.025, sided=1, boundary=WangTiatis(delta=0.3)
            )
        ).critical,
        [2.8688923, 2.3885055, 2.0793148],
    )
    found = stopping_bounds(
        GroupSequential(
            looks=4,
            alpha=0.07,
            sided=1,
            power=0.86,
            boundary=HwangShihDeCani(gamma=-1),
            futility=HwangShihDeCani(gamma=-2),
        )
    )
    # printed by rpact at its tolerance of 1e-6
    want = [2.2710911, 2.0692301, 1.8645608, 1.6606881]
    np.testing.assert_allclose(found.critical, want, rtol=0, atol=1e-6)
    want = [-0.81517021, 0.063469084, 0.84025384]
    np.testing.assert_allclose(found.futility[:-1], want, rtol=0, atol=1e-6)
    assert found.drift**2 == pytest.approx(7.5749205, abs=1e-6)
    assert found.inflation == pytest.approx(1.1593615, abs=1e-6)


@pytest.mark.parametrize(
    ("looks", "want"),
    [
        ((0.3, 0.7, 1), [3.928573, 2.438742, 2.000009]),
        ((1 / 3, 2 / 3, 1), [3.710303, 2.511427, 1.993047]),
        ((0.5, 1), [2.962588, 1.968596]),
    ],
)
def test_uneven_looks(looks: Sequence[float], want: list[float]) -> None:
    found = stopping_bounds(one_sided(looks, "LDOF")).critical
    np.testing.assert_allclose(found, want, rtol=0, atol=6e-7)


def test_looks_where_they_fell_are_as_if_planned_there() -> None:
    """The same spending at the same information: (.3, .7, 1) seen though thirds were planned."""
    found = at_information(one_sided(3, "LDOF"), [60, 140, 200], planned=200)
    np.testing.assert_allclose(found.critical, [3.928573, 2.438742, 2.000009], rtol=0, atol=6e-7)


CONDITIONAL = [
    (0.5, 1.0, 0.220114, 0.038213, 0.698569, 0.292619),
    (0.5, 1.5, 0.590252, 0.101721, 0.846205, 0.564094),
    (0.5, 2.0, 0.890313, 0.220114, 0.935781, 0.807430),
    (0.25, 1.0, 0.518436, 0.045915, 0.868944, 0.509221),
    (0.75, 1.5, 0.324257, 0.093109, 0.617494, 0.346511),
]


@pytest.mark.parametrize(("share", "z", "trend", "null", "design", "predictive"), CONDITIONAL)
def test_conditional_power_of_one_look(
    share: float, z: float, trend: float, null: float, design: float, predictive: float
) -> None:
    bounds = stopping_bounds(one_sided(1, "LDOF"))
    got = [conditional_power(bounds, z=z, share=share, effect=by) for by in ("trend", "null")]
    got += [conditional_power(bounds, z=z, share=share, effect="design")]
    got += [predictive_power(bounds, z=z, share=share)]
    np.testing.assert_allclose(got, [trend, null, design, predictive], rtol=0, atol=6e-7)


def test_conditional_power_of_looks_to_come() -> None:
    """gsCP of gsDesign's K = 3 design, n.fix 800, z = 1.5 at the first look."""
    bounds = stopping_bounds(one_sided(3, "HSDm4"))
    planned = 800 * bounds.inflation
    np.testing.assert_allclose(
        planned * bounds.shares, [270.7191, 541.4383, 812.1574], rtol=5e-7, atol=0
    )
    got = [
        conditional_power(bounds, z=1.5, share=1 / 3, effect=theta * np.sqrt(planned))
        for theta in (0.09116577, 0.0, 0.11460488)
    ]
    np.testing.assert_allclose(got, [0.77365878, 0.08826401, 0.90218704], rtol=0, atol=2e-7)


def test_chance_of_success_over_a_discrete_prior() -> None:
    """gsPOS of gsDesign(k=2, test.type=1)."""
    bounds = stopping_bounds(one_sided(2, "HSDm4"))
    theta = np.arange(-1.5, 1.51, 0.75)
    weights = [0.064758798, 0.301137432, 0.199471140, 0.301137432, 0.064758798]
    # gsDesign's information is that of a design with n.fix = 1
    power = operating_characteristics(bounds, drift=theta * np.sqrt(bounds.inflation))
    assert power["efficacy"] @ weights == pytest.approx(0.060780135, abs=1e-6)


@pytest.mark.parametrize(
    ("mean", "sd", "std_error", "want"),
    [
        (0.3, 0.15, 0.1, 0.717999),
        (-np.log(0.7), 0.2, 0.1101, 0.731412),
        (0.3, 1e-9, 0.1, 0.850838),
        (-np.log(0.7), 1e-9, 0.1101, 0.899655),
    ],
)
def test_assurance(mean: float, sd: float, std_error: float, want: float) -> None:
    bounds = stopping_bounds(GroupSequential(looks=1))
    got = assurance(bounds, mean=mean, sd=sd, std_error=std_error)
    assert got == pytest.approx(want, abs=6e-7)
