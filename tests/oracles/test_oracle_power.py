"""Closed forms of power and sample size against R, and against what others print."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.special import ndtr

from checkpoint_eval.power import (
    Counts,
    Diluted,
    Hazards,
    InClusters,
    Means,
    PartiallyNested,
    Proportions,
    RestrictedMeans,
    detectable_effect,
    events_needed,
    people_needed,
    power_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from checkpoint_eval.power import Comparison

FOLDER = Path(__file__).parent
R = json.loads((FOLDER / "power.json").read_text(encoding="utf-8"))
PLANNING = json.loads((FOLDER / "planning.json").read_text(encoding="utf-8"))

# rpact's and R's own searches stop at about this; the formulas are the same.
SEARCHED = 2e-7
EXACT = 1e-10  # sums of the same numbers in another order


def hazards(d: dict[str, Any], **other: Any) -> Hazards:
    names = ("ratio", "control", "at", "accrual", "follow_up", "dropout")
    return Hazards(**{name: d[name] for name in names}, **other)


@pytest.mark.parametrize("d", R["rates"], ids=lambda d: f"{d['control']}-{d['treatment']}")
def test_proportions_as_rpact(d: dict[str, Any]) -> None:
    none = 1.0 if d["risk_ratio"] else 0.0
    design = Proportions(
        control=d["control"],
        treatment=d["treatment"],
        measure="ratio" if d["risk_ratio"] else "difference",
        margin=None if d["margin"] == none else d["margin"],
    )
    got = people_needed(
        design, power=d["power"], alpha=d["alpha"], sided=d["sided"], ratio=d["ratio"]
    )
    assert got.exact == pytest.approx(d["n"], rel=SEARCHED)


PRINTED_TWO = {  # pooled, continuity corrected, unpooled, arcsine: 80 %, then 90 %, an arm
    (0.65, 0.85): (72.3930, 82.0885, 69.6588, 70.8501, 96.4128, 106.1773, 93.2534, 94.8482),
    (0.60, 0.70): (355.9428, 375.6766, 353.1996, 355.4201, 476.0072, 495.8055, 472.8340, 475.8067),
    (0.35, 0.25): (328.4715, 348.1843, 325.7285, 327.5834, 439.2309, 459.0131, 436.0581, 438.5412),
    (0.48, 0.35): (224.3218, 239.4593, 221.5799, 224.0727, 299.8038, 315.0005, 296.6326, 299.9698),
    (0.20, 0.10): (198.9634, 218.5058, 196.2220, 194.9086, 265.8560, 285.5057, 262.6856, 260.9273),
}


@pytest.mark.parametrize("pair", PRINTED_TWO)
@pytest.mark.parametrize("power", [0.8, 0.9])
def test_four_formulas_as_printed(
    pair: tuple[float, float], power: float, printed: Callable[..., None]
) -> None:
    formulas = ("pooled", "continuity", "unpooled", "arcsine")
    got = [
        people_needed(
            Proportions(control=pair[0], treatment=pair[1], formula=formula), power=power
        ).exact[0]
        for formula in formulas
    ]
    want = PRINTED_TWO[pair][:4] if power == 0.8 else PRINTED_TWO[pair][4:]
    printed(got, want)
    others = dict(people_needed(Proportions(control=pair[0], treatment=pair[1])).others)
    assert set(others) == {"continuity", "unpooled", "arcsine"}


@pytest.mark.parametrize("d", PLANNING["two_proportions"])
def test_collected_two_proportions(d: dict[str, Any]) -> None:
    """The file calls its first column unpooled; its numbers are those of the pooled formula."""
    # pwr's two-sided arcsine power counts the wrong side too: a millionth or so.
    names = {"pooled": ("n_per_arm_unpooled", SEARCHED), "arcsine": ("arcsine_n_per_arm", 5e-6)}
    for formula, (name, rel) in names.items():
        design = Proportions(control=d["p_control"], treatment=d["p_treated"], formula=formula)
        got = people_needed(design, power=d["power"], alpha=d["alpha"])
        assert got.exact[0] == pytest.approx(d[name], rel=rel)


def test_gsdesign_and_farrington_manning(printed: Callable[..., None]) -> None:
    def total(design: Comparison, power: float = 0.9, alpha: float = 0.025, **how: Any) -> float:
        return people_needed(design, power=power, alpha=alpha, sided=1, **how).exact_people

    tenth = Proportions(control=0.2, treatment=0.1)
    fewer = {"control": 0.35, "treatment": 0.25}
    printed(
        [
            total(tenth),
            total(Proportions(control=0.1, treatment=0.2), ratio=0.5),
            total(Proportions(control=0.1, treatment=0.1, margin=0.05)),
            total(Proportions(**fewer, measure="ratio"), 0.8),
            total(Proportions(**fewer, measure="odds ratio"), 0.8),
        ],
        [531.71197, 584.85022, 1549.1778, 656.94309, 654.22834],
    )
    # Their first group is our treatment.
    first = people_needed(Proportions(control=0.05, treatment=0.4, margin=0.2), alpha=0.05, sided=1)
    second = people_needed(
        Proportions(control=0.1, treatment=0.1, margin=-0.2),
        power=0.9, alpha=0.05, sided=1, ratio=1.5,
    )  # fmt: skip
    third = people_needed(
        Proportions(control=0.05, treatment=0.25, margin=0.1),
        power=0.9, alpha=0.05, sided=1, ratio=1 / 1.5,
    )  # fmt: skip
    fourth = people_needed(
        Proportions(control=0.05, treatment=0.25, measure="ratio", margin=2.0),
        power=0.9, alpha=0.05, sided=1, ratio=1 / 1.5,
    )  # fmt: skip
    printed([first.exact_people], [159.6876])
    printed([*third.exact[::-1]], [173.2214, 259.8322])
    printed([*fourth.exact[::-1]], [133.9289, 200.8933])
    assert sorted(second.exact) == pytest.approx([41.92, 62.88], abs=0.006)


def test_book_values() -> None:
    """Chow, Shao and Wang (2008): 70 an arm, 63 an arm; TrialSize's documentation."""
    apart = Proportions(control=0.65, treatment=0.85, formula="unpooled")
    assert math.ceil(people_needed(apart).exact[0]) == 70
    same = Means(difference=0, margin=0.05, sd=0.1, formula="z")
    assert people_needed(same).exact[0] == pytest.approx(62.79, abs=0.005)


@pytest.mark.parametrize("d", R["hazards"], ids=lambda d: f"{d['ratio']}-{d['formula']}")
def test_hazards_as_rpact(d: dict[str, Any]) -> None:
    design = hazards(d, formula=d["formula"], margin=d["margin"])
    how = {name: d[name] for name in ("power", "alpha", "sided")} | {"ratio": d["allocation"]}
    got = people_needed(design, **how)
    assert got.exact_people == pytest.approx(d["n"], rel=SEARCHED)
    assert events_needed(design, **how).exact_events == pytest.approx(d["events"], rel=SEARCHED)


@pytest.mark.parametrize("d", PLANNING["logrank"])
def test_collected_logrank(d: dict[str, Any]) -> None:
    formula = d["formula"].lower().replace("hsieh", "")
    design = Hazards(
        ratio=d["hr"],
        control=d["control_12m_risk"],
        at=365,
        accrual=d["accrual_days"],
        follow_up=d["follow_up_days"],
        formula=formula,
    )
    got = people_needed(design, power=d["power"], alpha=d["alpha"], ratio=d["allocation"])
    assert got.exact_people == pytest.approx(d["n"], rel=SEARCHED)


EVENTS = {  # Schoenfeld, Freedman: 80 %, then 90 %
    0.5: (65.3457, 70.6399, 87.4793, 94.5668),
    0.57: (99.3599, 104.6333, 133.0148, 140.0743),
    0.6: (120.3157, 125.5821, 161.0686, 168.1188),
    2 / 3: (190.9680, 196.2220, 255.6520, 262.6856),
    0.7: (246.7871, 252.0362, 330.3779, 337.4050),
    0.75: (379.3517, 384.5951, 507.8443, 514.8637),
    0.8: (630.5202, 635.7593, 844.0876, 851.1013),
}


@pytest.mark.parametrize("ratio", EVENTS)
def test_events_as_printed(ratio: float, printed: Callable[..., None]) -> None:
    got = [
        events_needed(Hazards(ratio=ratio, formula=formula), power=power).exact_events
        for power in (0.8, 0.9)
        for formula in ("schoenfeld", "freedman")
    ]
    printed(got, EVENTS[ratio])


def test_events_of_unequal_arms(printed: Callable[..., None]) -> None:
    two = events_needed(Hazards(ratio=0.5), power=0.9, ratio=2)
    three = events_needed(Hazards(ratio=0.3), power=0.9, ratio=3)
    printed([two.exact_events, three.exact_events], [98.41421, 38.6600])
    assert three.total_events == 39
    assert "simulate_power" in three.cautions[0]
    assert events_needed(Hazards(ratio=0.7), ratio=3).cautions == ()


def test_people_of_hazards_as_printed(printed: Callable[..., None]) -> None:
    want = {
        0.5: (235.3744, 254.4443),
        0.6: (408.7530, 426.6446),
        0.7: (796.0120, 812.9432),
        0.8: (1941.6541, 1957.7876),
    }
    for ratio, both in want.items():
        design = Hazards(ratio=ratio, control=0.4, at=24, accrual=12, follow_up=24)
        got = people_needed(design, power=0.9)
        printed([got.exact_people, dict(got.others)["freedman"]], both)


@pytest.mark.parametrize(
    ("rates", "loss", "times", "how", "want"),
    [
        ((0.2, 0.1), 0.1, (0.5, 1.5), {"alpha": 0.025, "power": 0.9}, (429.61886, 90.098749)),
        ((0.3, 0.2), 0.0, (3, 2), {"alpha": 0.05, "power": 0.9}, (367.76006, 208.53173)),
        ((0.3, 0.2), 0.05, (3, 2), {"alpha": 0.05, "power": 0.9}, (396.5503, 208.63749)),
        (
            (math.log(2) / 6, 0.6 * math.log(2) / 6),
            0.01,
            (12, 24),
            {"alpha": 0.025, "power": 0.9},
            (189.32096, 159.67893),
        ),
    ],
)
def test_lachin_foulkes_as_gsdesign(
    rates: tuple[float, float],
    loss: float,
    times: tuple[float, float],
    how: dict[str, float],
    want: tuple[float, float],
    printed: Callable[..., None],
) -> None:
    design = Hazards(
        ratio=rates[1] / rates[0],
        control=-math.expm1(-rates[0]),
        dropout=-math.expm1(-loss),
        accrual=times[0],
        follow_up=times[1],
        formula="lachin-foulkes",
    )
    people = people_needed(design, sided=1, **how)
    events = events_needed(design, sided=1, **how)
    printed([people.exact_people, events.exact_events], want)
    if loss == 0.01:  # gsDesign's nSurv by the other two
        others = dict(people.others)
        printed([others["schoenfeld"], others["freedman"]], [190.96859, 199.32753])
        others = dict(events.others)
        printed([others["schoenfeld"], others["freedman"]], [161.06859, 168.11877])


def test_sas_and_east(printed: Callable[..., None]) -> None:
    """SAS SEQDESIGN, its hazard log 2 / 20 written 0.03466; East: power at 39.02 events."""
    twenty = Hazards(ratio=0.5, control=-math.expm1(-0.03466), accrual=24, follow_up=12)
    printed([people_needed(twenty, power=0.9).exact_people], [197.1152])
    east = power_of(Hazards(ratio=0.5), events=39.02121789, alpha=0.025, sided=1)
    assert east.power == pytest.approx(0.58120457, abs=1e-7)  # its last digit is not ours


def test_domain_cases(printed: Callable[..., None]) -> None:
    plan = Hazards(ratio=0.7, control=0.48, at=24, accrual=20, follow_up=24)
    lost = Hazards(ratio=0.7, control=0.48, at=24, accrual=20, follow_up=24, dropout=1 - 0.95**2)
    printed([people_needed(plan).exact_people], [459.957])
    printed([people_needed(lost).exact_people], [489.805])
    # rpact counts a rejection on the wrong side as power; it adds two in a million.
    found = power_of(plan, events=217).power
    wrong = ndtr(-1.959963984540054 - math.sqrt(217) / 2 * -math.log(0.7))
    printed([found + wrong], [0.747652])


def test_checkpoint_diluted_by_overrides(printed: Callable[..., None]) -> None:
    """48 % and 10.3 points: power, and people for 80 %, with overrides both ways.

    The printed values leave 48 % in control; we mix what control received into its risk too, which
    brings both arms nearer to a half by the same and takes half a per cent off the people.
    """
    plain = Proportions(control=0.48, treatment=0.377)
    printed([power_of(plain, n=n).power for n in (521, 800)], [0.662, 0.839])
    printed([round(people_needed(plain).exact_people)], [722.0])
    for overrides, power, people in ((0.1, 0.522, 1005.0), (0.2, 0.427, 1295.0)):
        diluted = Diluted(design=plain, overrides=overrides, contamination=0.05)
        kept = Proportions(control=0.48, treatment=0.48 - diluted.kept * 0.103)
        printed([power_of(kept, n=521).power], [power])
        printed([math.ceil(people_needed(kept).exact_people)], [people])
        assert people_needed(diluted).exact_people == pytest.approx(people, rel=0.005)


def test_navigators_take_from_power(printed: Callable[..., None]) -> None:
    """Eight navigators with 32.5 people each and ICC 0.02; Wald, unpooled, normal."""
    plain = Proportions(control=0.48, treatment=0.377, formula="unpooled")
    both = [
        PartiallyNested(design=plain, icc=icc, caseload=32.5, distribution="normal")
        for icc in (0.0, 0.02)
    ]
    printed([power_of(each, n=(260, 260)).power for each in both], [0.665, 0.551])
    fixed = PartiallyNested(design=plain, icc=0.02, navigators=8, distribution="normal")
    assert power_of(fixed, n=(260, 260)).power == power_of(both[1], n=(260, 260)).power


def test_cluster_power(printed: Callable[..., None]) -> None:
    """clusterPower: its partially nested arms, and 37.28 or 38.27 clusters an arm."""
    normal = PartiallyNested(
        design=Means(difference=0.5, sd=1, formula="z"),
        icc=0.1, caseload=10, distribution="normal",
    )  # fmt: skip
    assert power_of(normal, n=(77.81084, 100)).power == pytest.approx(0.8, abs=1e-7)
    size = 7.96624
    binary = PartiallyNested(
        design=Proportions(control=0.243, treatment=0.397, formula="unpooled"),
        icc=0.05, caseload=size, distribution="normal",
    )  # fmt: skip
    assert power_of(binary, n=(146, 23 * size)).power == pytest.approx(0.8, abs=1e-5)
    rare = Proportions(control=0.1, treatment=0.2, formula="unpooled")
    got = [
        people_needed(InClusters(design=rare, size=10, icc=0.1, distribution=distribution)).exact[0]
        / 10
        for distribution in ("normal", "t")
    ]
    printed(got, [37.28, 38.27])
    # Variance 5, ICC 0.1, difference 1: 16 clusters of 10 in each arm.
    eight = InClusters(design=Means(difference=1, sd=math.sqrt(5)), size=10, icc=0.1)
    printed([power_of(eight, n=320).power], [0.801766])


def test_hmisc(printed: Callable[..., None]) -> None:
    """Hmisc cpower: variance 1/events in each arm; of the log hazard ratio a share is kept."""
    # "25" is the fall of the risk at two years, in per cent.
    control, treatment = -math.log1p(-0.48), -math.log1p(-0.36)
    plain = Hazards(
        ratio=treatment / control, control=0.48, at=2, accrual=20 / 12, follow_up=2,
        formula="wald",
    )  # fmt: skip
    power = power_of(plain, n=460).power
    # Hmisc counts a rejection on the wrong side too.
    error = math.sqrt(sum(1 / each for each in plain.events(np.float64(230), np.float64(230))))
    wrong = ndtr(-1.959963984540054 + math.log(plain.ratio) / error)
    printed([plain.ratio, power + wrong], [0.6824729, 0.8426671])
    printed(power_of(plain, n=460).events, [137.8, 107.1])
    ratio = math.log1p(-0.75 * 0.18) / math.log1p(-0.18)
    diluted = Diluted(design=Hazards(ratio=ratio), non_compliance=0.15, contamination=0.1)
    printed([ratio, diluted.received.effect], [0.7307890, 0.7903947])


def test_power_prop_test() -> None:
    for d in R["prop_test"]:
        design = Proportions(control=d["control"], treatment=d["treatment"])
        assert power_of(design, n=(d["n"], d["n"])).power == pytest.approx(d["power"], rel=EXACT)
    d = R["prop_detect"]
    found = detectable_effect(Proportions(control=0.48, treatment=0.6), n=(260, 260))
    assert found.effect == pytest.approx(d["treatment"], rel=1e-9)


def test_power_t_test() -> None:
    # The noncentral t of R is good to 1e-12 absolute, by its own account.
    for d in R["t_test"]:
        design = Means(difference=d["difference"], sd=d["sd"])
        got = power_of(design, n=(d["n"], d["n"])).power
        assert got == pytest.approx(d["power"], abs=1e-9)
    assert people_needed(Means(difference=0.5, sd=1), power=0.9).exact[0] == pytest.approx(
        R["t_n"], rel=1e-8
    )
    found = detectable_effect(Means(difference=1, sd=2), n=80)
    assert found.effect == pytest.approx(R["t_detect"], rel=1e-8)
    d = R["t_unequal"]
    got = power_of(Means(difference=d["difference"], sd=1), n=tuple(d["n"]))
    # pwr counts both sides; the wrong one is about a millionth.
    assert got.power == pytest.approx(d["power"], abs=2e-6)


def test_arcsine_as_pwr() -> None:
    for d in R["arcsine"]:
        design = Proportions(control=d["control"], treatment=d["treatment"], formula="arcsine")
        assert power_of(design, n=tuple(d["n"])).power == pytest.approx(d["power"], rel=EXACT)


@pytest.mark.parametrize("d", R["fisher"], ids=lambda d: f"{d['n']}")
def test_fisher_as_r(d: dict[str, Any]) -> None:
    design = Proportions(control=d["control"], treatment=d["treatment"], formula="fisher")
    got = power_of(design, n=tuple(d["n"]), alpha=d["alpha"], sided=d["sided"])
    assert got.power == pytest.approx(d["power"], rel=EXACT)


@pytest.mark.parametrize("d", R["counts"], ids=lambda d: f"{d['ratio']}")
def test_variance_of_counts_as_a_fit(d: dict[str, Any]) -> None:
    names = ("control", "ratio", "exposure", "dispersion")
    design = Counts(**{name: d[name] for name in names}, formula="unpooled")
    got = design.spread(*np.array(d["n"], dtype=float))
    # A fit stops when its deviance does, and knows its coefficients to the root of that.
    assert float(got.variance.sum()) == pytest.approx(d["variance"], rel=1e-6)
    assert float(got.effect) == pytest.approx(math.log(d["ratio"]), rel=EXACT)


def test_variance_of_odds_as_a_fit() -> None:
    for d in R["odds"]:
        for formula in ("pooled", "unpooled"):
            design = Proportions(
                control=d["control"],
                treatment=d["treatment"],
                measure="odds ratio",
                formula=formula,
            )
            got = design.spread(*np.array(d["n"], dtype=float))
            assert float(got.variance.sum()) == pytest.approx(d["variance"], rel=1e-8)


@pytest.mark.parametrize("d", R["restricted"], ids=lambda d: f"{d['ratio']}")
def test_restricted_means_as_integrals(d: dict[str, Any]) -> None:
    inside = hazards(d, plateau=d["plateau"])
    design = RestrictedMeans(hazards=inside, horizon=d["horizon"])
    got = design.spread(np.float64(50), np.float64(80))
    # R's integrate was asked for 1e-11 of each piece.
    assert float(got.effect) == pytest.approx(d["mean"][1] - d["mean"][0], rel=1e-9)
    want = np.array(d["variance"]) / [50, 80]
    np.testing.assert_allclose(got.variance, want, rtol=1e-8)
    np.testing.assert_allclose(inside.events(np.float64(1), np.float64(1)), d["chance"], rtol=1e-9)
