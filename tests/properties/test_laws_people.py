"""The number of people found is the least: exact tests, margins, one side, strata, few navigators.

`test_laws_power` has the plain comparisons, two-sided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from checkpoint_eval.power import (
    Comparison,
    Counts,
    Diluted,
    Hazards,
    InClusters,
    InStrata,
    Means,
    PartiallyNested,
    Proportions,
    people_needed,
    power_curve,
    power_of,
)

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

RATIOS = st.sampled_from([0.5, 1.0, 2.0, 3.5])
FAR = st.sampled_from([0.05, 0.4, 1.0, 7.0, 30.0])  # one person more or less is felt
ALPHAS = st.sampled_from([0.01, 0.05, 0.1])
POWERS = st.sampled_from([0.4, 0.8, 0.97])


@st.composite
def margins(draw: DrawFn) -> Comparison:
    """Non-inferiority: a little worse, or not at all, against a margin."""
    kind = draw(st.sampled_from(["risk", "ratio", "odds", "hazard", "rate", "mean"]))
    worse = draw(st.sampled_from([0.0, 0.02]))
    if kind == "hazard":
        return Hazards(ratio=1 + worse, control=0.4, margin=1.3, better="lower")
    if kind == "rate":
        return Counts(control=0.8, ratio=1 + worse, dispersion=0.4, margin=1.25, better="lower")
    if kind == "mean":
        return Means(difference=worse, sd=1.0, margin=0.2, better="lower")
    measure = {"risk": "difference", "ratio": "ratio", "odds": "odds ratio"}[kind]
    return Proportions(
        control=0.4,
        treatment=0.4 + worse,
        measure=measure,  # type: ignore[arg-type]
        margin=0.12 if kind == "risk" else 1.4,
        better="lower",
        formula=draw(st.sampled_from(["pooled", "unpooled"])),
    )


@st.composite
def wrapped(draw: DrawFn) -> Comparison:
    """Strata, clusters, navigators as many as there are, and overrides around them."""
    first = Proportions(control=0.6, treatment=draw(st.sampled_from([0.45, 0.52])))
    second = Proportions(control=0.3, treatment=draw(st.sampled_from([0.2, 0.25])))
    plain: Comparison = draw(
        st.sampled_from(
            [
                first,
                InStrata(designs=(first, second), shares=(0.3, 0.7)),
                InStrata(designs=(first, second), shares=(0.3, 0.7), weights="information"),
            ]
        )
    )
    how = draw(st.sampled_from(["clusters", "navigators", "caseload", "none"]))
    if how == "clusters":
        plain = InClusters(design=plain, size=12, icc=0.02, cv=0.4)
    elif how == "navigators":
        plain = PartiallyNested(design=plain, navigators=60, icc=0.02)
    elif how == "caseload":
        plain = PartiallyNested(design=plain, caseload=17.5, icc=0.02, cv=0.6)
    return Diluted(design=plain, overrides=draw(st.sampled_from([0.0, 0.15])))


@given(design=st.one_of(margins(), wrapped()), power=POWERS, alpha=ALPHAS, ratio=FAR)
def test_one_fewer_does_not_have_the_power(
    design: Comparison, power: float, alpha: float, ratio: float
) -> None:
    found = people_needed(design, power=power, alpha=alpha, sided=1, ratio=ratio)
    assert found.power >= power > found.power_below
    assert power_of(design, n=found.n, alpha=alpha, sided=1).power >= power
    two = people_needed(design, power=power, alpha=2 * alpha, sided=2, ratio=ratio)
    assert two.n == found.n


@pytest.mark.parametrize("ratio", [0.05, 30.0])
@pytest.mark.parametrize("power", [0.3, 0.6, 0.9, 0.99])
def test_the_least_where_the_arms_are_far_apart(ratio: float, power: float) -> None:
    """Whole people round the smaller arm, which is worth thirty of the other. All are asked."""
    design = Proportions(control=0.3, treatment=0.42)
    found = people_needed(design, power=power, ratio=ratio)
    every = np.arange(int(found.people) // 2, int(1.5 * found.people))
    curve = power_curve(design, n=every.tolist(), ratio=ratio)
    assert found.people == every[curve["power"] < power][-1] + 1
    assert found.power >= power > found.power_below


def test_an_effect_that_cannot_be_missed_has_a_power_of_one() -> None:
    """Far beyond its critical value scipy's noncentral t says NaN."""
    nested = PartiallyNested(
        design=Proportions(control=0.905, treatment=0.467, measure="ratio", formula="unpooled"),
        navigators=40,
        icc=0.02,
    )
    found = people_needed(nested, power=0.9, alpha=0.01, sided=1, ratio=0.05)
    assert found.power >= 0.9 > found.power_below
    for people in np.geomspace(1e3, 1e12, 300):
        assert power_of(nested, n=people, alpha=0.01, sided=1).power == pytest.approx(1, abs=1e-6)
    shift = np.linspace(30, 60, 3000)
    far = Means(difference=1.0, sd=1.0)
    n = 2 * (shift + 2) ** 2
    assert (far.power(n, n, alpha=0.05, sided=2) == 1).all()


def test_two_people_are_the_fewest() -> None:
    """With one an arm would have nobody, and no power."""
    found = people_needed(Proportions(control=0.2, treatment=0.92, formula="unpooled"), power=0.3)
    assert found.n == (1, 1)
    assert found.power_below == 0


# Tables of a few dozen people an arm: more take seconds each.
@settings(max_examples=12)
@given(
    control=st.sampled_from([0.55, 0.7, 0.9]),
    gap=st.sampled_from([0.35, 0.45, 0.5]),
    sided=st.sampled_from([1, 2]),
    power=st.sampled_from([0.5, 0.8]),
    ratio=RATIOS,
)
def test_an_exact_n_is_the_least_from_which_on_the_power_is_kept(
    control: float, gap: float, sided: int, power: float, ratio: float
) -> None:
    assume(control - gap > 0)
    design = Proportions(control=control, treatment=control - gap, formula="fisher")
    found = people_needed(design, power=power, sided=sided, ratio=ratio)
    assert found.power >= power > found.power_below
    n = int(found.people)
    for more in range(12):  # the power of an exact test is a saw-tooth
        assert power_of(design, n=n + more, sided=sided, ratio=ratio).power >= power


def test_boschloo_needs_no_more_than_fisher() -> None:
    """It rejects whatever Fisher's test rejects; one-sided, as Boschloo's is."""
    fisher, boschloo = (
        people_needed(Proportions(control=0.8, treatment=0.3, formula=formula), sided=1)
        for formula in ("fisher", "boschloo")
    )
    assert boschloo.power >= 0.8 > boschloo.power_below
    assert boschloo.people <= fisher.people
