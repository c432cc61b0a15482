"""What plans refuse, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from checkpoint_eval.errors import ImpossibleDesign, TrialError, UnknownColumn
from checkpoint_eval.power import (
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
    integrity_surface,
    people_needed,
    power_curve,
    power_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NAN, INF = float("nan"), float("inf")
PLAN = Proportions(control=0.48, treatment=0.38)
EXACT = Proportions(control=0.48, treatment=0.38, formula="fisher")


@pytest.mark.parametrize("value", [0, 1, -0.1, 1.2, NAN, INF, True, "0.3", None])
def test_risks_are_between_0_and_1(value: Any) -> None:
    with pytest.raises(TrialError, match="`control` must lie strictly between 0 and 1"):
        Proportions(control=value, treatment=0.3)
    with pytest.raises(TrialError, match="`treatment` must lie strictly between 0 and 1"):
        Proportions(control=0.3, treatment=value)


@pytest.mark.parametrize("verb", [people_needed, events_needed])
@pytest.mark.parametrize("value", [0, 1, 80, NAN, True, None])
def test_power_and_alpha_are_between_0_and_1(verb: Callable[..., Any], value: Any) -> None:
    design = Hazards(ratio=0.7, control=0.3)
    with pytest.raises(TrialError, match="`power` must lie strictly between 0 and 1"):
        verb(design, power=value)
    with pytest.raises(TrialError, match="`alpha` must lie strictly between 0 and 1"):
        verb(design, alpha=value)


@pytest.mark.parametrize("value", [0, -1, NAN, INF, "2", None])
def test_ratio_is_positive(value: Any) -> None:
    with pytest.raises(TrialError, match="`ratio` must be a finite number above 0"):
        people_needed(PLAN, ratio=value)
    with pytest.raises(TrialError, match="`ratio` must be a finite number above 0"):
        Hazards(ratio=value)


@pytest.mark.parametrize("value", [0, 3, "two", None, True, NAN])
def test_sides(value: Any) -> None:
    with pytest.raises(TrialError, match="`sided` must be 1 or 2, got"):
        power_of(PLAN, n=100, sided=value)


@pytest.mark.parametrize("value", [0, -5, NAN, INF, "many", (1, 2, 3), (100, NAN), True])
def test_people(value: Any) -> None:
    with pytest.raises(TrialError, match="`n` must be"):
        power_of(PLAN, n=value)
    with pytest.raises(TrialError, match="`n` must be"):
        detectable_effect(PLAN, n=value)


@pytest.mark.parametrize(
    "design",
    [
        Proportions(control=0.3, treatment=0.3),
        Proportions(control=0.3, treatment=0.35, margin=0.05),
        Proportions(control=0.2, treatment=0.3, measure="ratio", margin=1.5),
        Hazards(ratio=1.0, control=0.3),
        Hazards(ratio=1.2, control=0.3, margin=1.2),
        Means(difference=0, sd=1),
        Counts(control=1, ratio=1),
        Diluted(design=Means(difference=0, sd=1), overrides=0.1),
        RestrictedMeans(hazards=Hazards(ratio=1, control=0.3), horizon=1),
    ],
)
def test_an_effect_of_nothing(design: Any) -> None:
    with pytest.raises(ImpossibleDesign, match="There is no effect to find"):
        people_needed(design)


@pytest.mark.parametrize(
    "design",
    [
        Proportions(control=0.3, treatment=0.4, better="lower"),
        Proportions(control=0.3, treatment=0.4, margin=0.05, better="lower"),
        Hazards(ratio=0.7, control=0.3, better="higher"),
        Means(difference=-1, sd=1, better="higher"),
        Counts(control=1, ratio=1.3, better="lower"),
    ],
)
def test_an_effect_in_the_impossible_direction(design: Any) -> None:
    with pytest.raises(ImpossibleDesign, match=r"`better` is '(lower|higher)', but the effect"):
        people_needed(design)
    assert power_of(design, n=400).power < 0.025


def test_what_is_no_comparison() -> None:
    for verb in (people_needed, events_needed):
        with pytest.raises(TrialError, match="`design` must be a comparison such as"):
            verb(0.3)
    with pytest.raises(TrialError, match="`design` must be a comparison such as"):
        InClusters(design=None, size=3, icc=0.1)
    with pytest.raises(ImpossibleDesign, match="`hazards` must be Hazards"):
        RestrictedMeans(hazards=PLAN, horizon=3)


def test_choices() -> None:
    with pytest.raises(TrialError, match="`measure` is 'odds'; choose from 'difference'"):
        Proportions(control=0.3, treatment=0.2, measure="odds")
    with pytest.raises(TrialError, match="`formula` is 'fischer'; did you mean 'fisher'"):
        Proportions(control=0.3, treatment=0.2, formula="fischer")
    with pytest.raises(TrialError, match="`better` is 'less'"):
        Proportions(control=0.3, treatment=0.2, better="less")
    with pytest.raises(TrialError, match="`formula` is 'cox'"):
        Hazards(ratio=0.7, formula="cox")
    with pytest.raises(TrialError, match="`distribution` is 'z'"):
        InClusters(design=PLAN, size=3, icc=0.1, distribution="z")
    with pytest.raises(TrialError, match="`weights` is 'equal'"):
        InStrata(designs=(PLAN,), shares=(1,), weights="equal")


def test_margins() -> None:
    for margin, measure in ((1, "difference"), (-1.5, "difference"), (0, "ratio"), (-2, "ratio")):
        with pytest.raises(ImpossibleDesign, match=f"`margin` of a {measure} must lie between"):
            Proportions(control=0.3, treatment=0.2, margin=margin, measure=measure)
    with pytest.raises(TrialError, match="`margin` must be a finite number"):
        Proportions(control=0.3, treatment=0.2, margin=NAN)
    for how in ({"margin": 0.05}, {"measure": "ratio"}):
        with pytest.raises(ImpossibleDesign, match="'arcsine' tests the difference against none"):
            Proportions(control=0.3, treatment=0.2, formula="arcsine", **how)
    with pytest.raises(ImpossibleDesign, match="'freedman' tests against a ratio of 1"):
        Hazards(ratio=0.7, formula="freedman", margin=1.1)


def test_times() -> None:
    for name in ("at", "follow_up", "margin"):
        with pytest.raises(TrialError, match=f"`{name}` must be a finite number above 0"):
            Hazards(ratio=0.7, **{name: NAN})
    with pytest.raises(TrialError, match="`accrual` must be a finite number of at least 0"):
        Hazards(ratio=0.7, accrual=-1)
    for name in ("dropout", "plateau"):
        with pytest.raises(TrialError, match=f"`{name}` must lie from 0 to below 1, got 1"):
            Hazards(ratio=0.7, **{name: 1})
    with pytest.raises(ImpossibleDesign, match=r"with a `plateau` of 0.6 fewer than 0.4 ever"):
        Hazards(ratio=0.7, control=0.45, plateau=0.6)
    with pytest.raises(ImpossibleDesign, match="nobody is followed beyond 30"):
        RestrictedMeans(
            hazards=Hazards(ratio=0.7, control=0.3, accrual=6, follow_up=24), horizon=30
        )


def test_events_only() -> None:
    with pytest.raises(ImpossibleDesign, match=r"Events alone .* Hazards only, not of Means"):
        events_needed(Means(difference=1, sd=1))
    with pytest.raises(ImpossibleDesign, match=r"Events alone .* not of Proportions"):
        power_of(PLAN, events=100)
    with pytest.raises(ImpossibleDesign, match="Give one of `n`, people, and `events`"):
        power_of(Hazards(ratio=0.7), n=100, events=100)
    with pytest.raises(ImpossibleDesign, match="Give one of `n`, people, and `events`"):
        power_of(PLAN)
    with pytest.raises(ImpossibleDesign, match="People need the share of `control`"):
        people_needed(Hazards(ratio=0.7))
    with pytest.raises(ImpossibleDesign, match="People need the share of `control`"):
        power_of(Hazards(ratio=0.7), n=300)
    with pytest.raises(TrialError, match="`events` must be a finite number above 0"):
        power_of(Hazards(ratio=0.7), events=NAN)


def test_numbers_of_means_and_counts() -> None:
    with pytest.raises(TrialError, match="`difference` must be a finite number"):
        Means(difference=NAN, sd=1)
    for name in ("sd", "treatment_sd"):
        with pytest.raises(TrialError, match=f"`{name}` must be a finite number above 0"):
            Means(difference=1, **({"sd": 1} | {name: 0}))
    for correlation in (1, -1, NAN):
        with pytest.raises(TrialError, match="`correlation` must lie strictly between -1 and 1"):
            Means(difference=1, sd=1, correlation=correlation)
    with pytest.raises(TrialError, match="`covariates` must be a whole number"):
        Means(difference=1, sd=1, covariates=1.5)
    for name in ("control", "ratio", "exposure", "margin"):
        with pytest.raises(TrialError, match=f"`{name}` must be a finite number above 0"):
            Counts(**({"control": 1, "ratio": 0.5} | {name: NAN}))
    with pytest.raises(TrialError, match="`dispersion` must be a finite number of at least 0"):
        Counts(control=1, ratio=0.5, dispersion=-0.1)


def test_clusters_and_navigators() -> None:
    with pytest.raises(TrialError, match="`size` must be a finite number above 0"):
        InClusters(design=PLAN, size=NAN, icc=0.1)
    for icc in (1, -0.1, NAN):
        with pytest.raises(TrialError, match="`icc` must lie from 0 to below 1"):
            InClusters(design=PLAN, size=10, icc=icc)
    with pytest.raises(TrialError, match="`cv` must be a finite number of at least 0"):
        PartiallyNested(design=PLAN, caseload=10, icc=0.1, cv=-1)
    for how in ({}, {"caseload": 10, "navigators": 8}):
        with pytest.raises(ImpossibleDesign, match=r"Give one of `caseload`.* and `navigators`"):
            PartiallyNested(design=PLAN, icc=0.1, **how)
    with pytest.raises(TrialError, match="`navigators` must be a whole number of at least 2"):
        PartiallyNested(design=PLAN, icc=0.1, navigators=1)
    for wrap in (
        lambda: InClusters(design=EXACT, size=10, icc=0.1),
        lambda: PartiallyNested(design=EXACT, caseload=10, icc=0.1),
        lambda: InStrata(designs=(EXACT,), shares=(1,)),
    ):
        with pytest.raises(ImpossibleDesign, match="Exact tests are enumerated for independent"):
            wrap()


def test_strata() -> None:
    other = Means(difference=1, sd=1)
    with pytest.raises(ImpossibleDesign, match="`designs` must be comparisons of one kind"):
        InStrata(designs=(PLAN, other), shares=(0.5, 0.5))
    with pytest.raises(ImpossibleDesign, match="`shares` has 1 values for 2 strata"):
        InStrata(designs=(PLAN, PLAN), shares=(1,))
    with pytest.raises(ImpossibleDesign, match=r"`shares` must add up to 1, got 0.9"):
        InStrata(designs=(PLAN, PLAN), shares=(0.5, 0.4))
    with pytest.raises(TrialError, match="`designs` must list one comparison a stratum"):
        InStrata(designs=PLAN, shares=(1,))
    both = InStrata(designs=(PLAN, PLAN), shares=(0.5, 0.5))
    with pytest.raises(ImpossibleDesign, match="Strata have an effect each"):
        detectable_effect(both, n=300)


@pytest.mark.parametrize("name", ["overrides", "non_compliance", "contamination"])
@pytest.mark.parametrize("value", [-0.1, 1, NAN, "all"])
def test_shares_of_dilution(name: str, value: Any) -> None:
    with pytest.raises(TrialError, match=f"`{name}` must lie from 0 to below 1"):
        Diluted(design=PLAN, **{name: value})


def test_exact_tests_want_whole_people_and_not_too_many() -> None:
    with pytest.raises(ImpossibleDesign, match="`n` must be whole people for an exact test"):
        power_of(EXACT, n=(50.5, 50))
    with pytest.raises(ImpossibleDesign, match="more tables than the 4,000,000"):
        power_of(EXACT, n=9000)


def test_curves() -> None:
    with pytest.raises(UnknownColumn, match="field of Proportions 'risk' is not known"):
        power_curve(PLAN, n=(100,), over={"risk": (0.3,)})
    with pytest.raises(TrialError, match="`n` must list numbers of people"):
        power_curve(PLAN, n=100)
    with pytest.raises(TrialError, match="`over` must map"):
        power_curve(PLAN, n=(100,), over="control")
    with pytest.raises(ImpossibleDesign, match="`design` must be Diluted"):
        integrity_surface(PLAN, overrides=(0.1,), icc=(0.1,), n=100)
    nested = PartiallyNested(design=PLAN, caseload=10, icc=0)
    with pytest.raises(TrialError, match="`overrides` must lie from 0 to below 1"):
        integrity_surface(Diluted(design=nested), overrides=(NAN,), icc=(0.1,), n=100)


def test_few_people_give_no_warning() -> None:
    """Too few for degrees of freedom: no power, and no silent NaN."""
    clustered = InClusters(design=PLAN, size=10, icc=0.05)
    assert power_of(clustered, n=15).power == 0
    nested = PartiallyNested(design=PLAN, caseload=10, icc=0.05)
    assert power_of(nested, n=8).power == 0
    assert power_of(Means(difference=1, sd=1, treatment_sd=2), n=2).power == 0
