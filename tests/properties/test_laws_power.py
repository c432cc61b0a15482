"""Laws of power and sample size, whatever the comparison."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import EXACT

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
    RestrictedMeans,
    detectable_effect,
    events_needed,
    people_needed,
    power_of,
)

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

RISKS = st.integers(2, 98).map(lambda x: x / 100)
RATIOS = st.sampled_from([0.5, 1.0, 1.5, 3.0])


@st.composite
def proportions(draw: DrawFn) -> Proportions:
    control, treatment = draw(RISKS), draw(RISKS)
    assume(abs(control - treatment) >= 0.03)
    measure = draw(st.sampled_from(["difference", "ratio", "odds ratio"]))
    names = ["pooled", "unpooled"]
    names += ["arcsine", "continuity"] if measure == "difference" else []
    return Proportions(
        control=control,
        treatment=treatment,
        measure=measure,
        formula=draw(st.sampled_from(names)),
    )


@st.composite
def hazards(draw: DrawFn) -> Hazards:
    return Hazards(
        ratio=draw(st.sampled_from([0.3, 0.6, 0.8, 1.3, 2.2])),
        control=draw(st.sampled_from([0.1, 0.3, 0.5])),
        at=12,
        accrual=draw(st.sampled_from([0, 6, 20])),
        follow_up=draw(st.sampled_from([6, 12, 30])),
        dropout=draw(st.sampled_from([0, 0.1])),
        plateau=draw(st.sampled_from([0, 0.3])),
        formula=draw(st.sampled_from(["schoenfeld", "freedman", "lachin-foulkes", "wald"])),
    )


@st.composite
def others(draw: DrawFn) -> Comparison:
    effect = draw(st.sampled_from([-0.8, -0.2, 0.1, 0.5]))
    kind = draw(st.sampled_from(["means", "counts", "restricted"]))
    if kind == "means":
        return Means(
            difference=effect,
            sd=1.0,
            treatment_sd=draw(st.sampled_from([None, 1.7])),
            formula=draw(st.sampled_from(["t", "z"])),
        )
    if kind == "counts":
        return Counts(
            control=draw(st.sampled_from([0.3, 2.0])),
            ratio=float(np.exp(effect)),
            dispersion=draw(st.sampled_from([0, 0.7])),
            formula=draw(st.sampled_from(["pooled", "unpooled", "control"])),
        )
    return RestrictedMeans(
        hazards=Hazards(ratio=float(np.exp(effect)), control=0.4, at=12, follow_up=12, accrual=4),
        horizon=draw(st.sampled_from([6, 12, 14])),
        measure=draw(st.sampled_from(["difference", "ratio"])),
    )


@st.composite
def comparisons(draw: DrawFn) -> Comparison:
    plain = draw(st.one_of(proportions(), hazards(), others()))
    how = draw(st.sampled_from(["plain", "clusters", "navigators", "diluted"]))
    if how == "clusters":
        return InClusters(design=plain, size=draw(st.sampled_from([2, 7.5])), icc=0.04, cv=0.5)
    if how == "navigators":
        return PartiallyNested(design=plain, caseload=draw(st.sampled_from([5, 20])), icc=0.03)
    return Diluted(design=plain, overrides=0.1, contamination=0.05) if how == "diluted" else plain


@given(design=comparisons(), power=st.sampled_from([0.5, 0.8, 0.95]), ratio=RATIOS)
def test_n_achieves_the_power_and_one_fewer_does_not(
    design: Comparison, power: float, ratio: float
) -> None:
    found = people_needed(design, power=power, ratio=ratio)
    assert found.power >= power > found.power_below
    assert power_of(design, n=found.n).power == pytest.approx(found.power, rel=EXACT)
    assert all(each == round(each) > 0 for each in found.n)
    if found.exact_people > 20:  # the search has room
        at = power_of(design, n=found.exact)
        assert at.power == pytest.approx(power, abs=1e-9)
        assert found.exact[1] / found.exact[0] == pytest.approx(ratio, rel=1e-9)


@given(design=comparisons(), ratio=RATIOS)
def test_power_rises_with_people_and_alpha(design: Comparison, ratio: float) -> None:
    n = np.array([60, 90, 200, 1000, 1e5])
    control, treatment = n / (1 + ratio), n * ratio / (1 + ratio)
    found = design.power(control, treatment, alpha=0.05, sided=2)
    assert (np.diff(found) >= -EXACT).all()
    assert ((found >= 0) & (found <= 1)).all()
    assert (design.power(control, treatment, alpha=0.1, sided=2) >= found - EXACT).all()
    one = design.power(control, treatment, alpha=0.025, sided=1)
    np.testing.assert_allclose(one, found, rtol=EXACT)


@given(design=comparisons())
def test_arrays_are_many_scalars(design: Comparison) -> None:
    control, treatment = np.array([[40.0, 50.5], [300, 80]]), np.array([[40.0, 60], [90, 70]])
    together = design.power(control, treatment, alpha=0.05, sided=2)
    assert together.shape == (2, 2)
    for place in np.ndindex(2, 2):
        one = design.power(control[place], treatment[place], alpha=0.05, sided=2)
        assert together[place] == pytest.approx(float(one), rel=EXACT)


@given(design=st.one_of(proportions(), others()), n0=st.integers(20, 400), n1=st.integers(20, 400))
def test_exchanging_the_arms_changes_nothing(design: Comparison, n0: int, n1: int) -> None:
    if isinstance(design, Proportions):
        other: Comparison = dataclasses.replace(
            design, control=design.treatment, treatment=design.control
        )
        # The score test of a ratio is of p' − p, so is that of the difference.
    elif isinstance(design, Means):
        sd = design.sd if design.treatment_sd is None else design.treatment_sd
        other = dataclasses.replace(
            design, difference=-design.difference, sd=sd, treatment_sd=design.sd
        )
    elif isinstance(design, Counts) and design.formula != "control":
        other = dataclasses.replace(
            design, control=design.control * design.ratio, ratio=1 / design.ratio
        )
    else:
        return
    want = power_of(design, n=(n0, n1)).power
    assert power_of(other, n=(n1, n0)).power == pytest.approx(want, rel=1e-9, abs=1e-14)


@given(control=RISKS, treatment=RISKS, formula=st.sampled_from(["pooled", "arcsine", "continuity"]))
def test_events_and_their_absence_have_the_same_power(
    control: float, treatment: float, formula: str
) -> None:
    assume(abs(control - treatment) >= 0.03)
    plain = Proportions(control=control, treatment=treatment, formula=formula)
    turned = Proportions(control=1 - control, treatment=1 - treatment, formula=formula)
    want = power_of(plain, n=(90, 130)).power
    assert power_of(turned, n=(90, 130)).power == pytest.approx(want, rel=1e-9)


@given(design=hazards(), scale=st.sampled_from([1 / 30, 7.0]))
def test_units_of_time_do_not_matter(design: Hazards, scale: float) -> None:
    other = dataclasses.replace(
        design,
        at=design.at * scale,
        accrual=design.accrual * scale,
        follow_up=design.follow_up * scale,
    )
    want = people_needed(design).exact_people
    assert people_needed(other).exact_people == pytest.approx(want, rel=1e-9)


@given(design=comparisons(), n=st.sampled_from([(150, 150), (400, 200)]))
def test_a_detectable_effect_has_the_power(design: Comparison, n: tuple[int, int]) -> None:
    found = detectable_effect(design, n=n)
    if found.estimable:
        assert found.power == pytest.approx(0.8, abs=1e-8)
        assert power_of(found.design, n=n).power == found.power
    else:
        assert "no effect" in found.reason


@given(design=hazards(), ratio=RATIOS)
def test_events_are_those_of_the_people(design: Hazards, ratio: float) -> None:
    people = people_needed(design, ratio=ratio)
    events = events_needed(design, ratio=ratio)
    expected = design.events(*(np.float64(each) for each in people.exact)).sum()
    assert events.exact_events == pytest.approx(float(expected), rel=1e-9)
    assert events.power >= 0.8 > events.power_below
    again = power_of(design, events=events.exact_events, ratio=ratio)
    assert again.power == pytest.approx(0.8, abs=1e-9)


@given(plain=st.one_of(proportions(), hazards(), others()))
def test_wrapping_in_nothing_changes_nothing(plain: Comparison) -> None:
    want = plain.power(np.float64(80), np.float64(70), alpha=0.05, sided=2)
    if isinstance(plain, Means) and plain.formula == "t":
        plain = dataclasses.replace(plain, formula="z")
        want = plain.power(np.float64(80), np.float64(70), alpha=0.05, sided=2)
    wrapped = (
        InClusters(design=plain, size=7, icc=0, distribution="normal"),
        PartiallyNested(design=plain, navigators=7, icc=0, distribution="normal"),
        Diluted(design=plain),
        InStrata(designs=(plain,), shares=(1.0,)),
        InStrata(designs=(plain,), shares=(1.0,), weights="information"),
    )
    for each in wrapped:
        got = each.power(np.float64(80), np.float64(70), alpha=0.05, sided=2)
        assert float(got) == pytest.approx(float(want), rel=1e-9)


@given(plain=st.one_of(proportions(), others()), icc=st.sampled_from([0.01, 0.1]))
def test_clusters_dilution_and_uneven_caseloads_cost_power(plain: Comparison, icc: float) -> None:
    def power(design: Comparison) -> float:
        return power_of(design, n=(200, 200)).power

    how = {"design": plain, "icc": icc, "distribution": "normal"}  # t counts clusters its own way
    even = PartiallyNested(caseload=10, **how)
    uneven = PartiallyNested(caseload=10, cv=0.8, **how)
    # Where the power falls short of a half a wider spread would raise it.
    assume(power(uneven) > 0.5)
    whole = InClusters(size=10, cv=0.8, **how)
    assert power(plain) >= power(even) - EXACT >= power(uneven) - 2 * EXACT
    assert power(uneven) >= power(whole) - EXACT
    if not isinstance(plain, RestrictedMeans):
        assert power(Diluted(design=plain, overrides=0.2)) <= power(plain) + EXACT


@given(control=st.integers(2, 8), treatment=st.integers(2, 8), sided=st.sampled_from([1, 2]))
def test_exact_tests_are_ordered(control: int, treatment: int, sided: int) -> None:
    """Boschloo's test rejects whatever Fisher's one-sided test does, and more."""
    assume(control != treatment)
    risks = {"control": control / 10, "treatment": treatment / 10}
    fisher = Proportions(**risks, formula="fisher")
    boschloo = Proportions(**risks, formula="boschloo")
    alpha = 0.05
    small = power_of(fisher, n=(17, 22), alpha=alpha / sided, sided=1).power
    more = power_of(boschloo, n=(17, 22), alpha=alpha, sided=sided).power
    assert more >= small - EXACT


def test_an_exact_n_keeps_its_power() -> None:
    design = Proportions(control=0.6, treatment=0.3, formula="fisher")
    found = people_needed(design)
    assert found.power >= 0.8 > found.power_below
    for more in range(15):  # and the saw-tooth stays above it
        assert power_of(design, n=int(found.people) + more).power >= 0.8
