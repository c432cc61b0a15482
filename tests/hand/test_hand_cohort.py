"""Invented trials against risks, means and effects that have a closed form.

A risk simulated with n people is a mean of n independent 0/1 values, so it is within five
standard errors √(p(1 − p)/n) of the truth but for some 6 in ten million comparisons; there are
fewer than a thousand here and the seed is fixed, so a failure is a fault. With 60,000 people five
errors are at most a point. The whole curve is bounded by Dvoretzky–Kiefer–Wolfowitz with
Massart's constant, P(sup|F_n − F| > ε) ≤ 2·exp(−2nε²), at 1 in 10⁹.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
import slow_cohort as slow
from scipy.integrate import quad
from scipy.special import expit, logit
from scipy.stats import norm

from checkpoint_eval.cohort import (
    Cohort,
    Delivery,
    Effect,
    Era,
    Population,
    Recording,
    Reoffending,
    Scenario,
    generate,
    true_value,
    true_values,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

PEOPLE = 60_000
ERRORS = 5
DAYS = (1, 30, 91, 182, 300, 365, 500, 730, 1000)
# Nobody leaves and nobody is kept from offending; followed for at least 1,150 days.
FREE = Recording(extract="2021-06-01", custody=0, deaths=0, departures=0)
FEW = Population(needs={"health": 0.4, "finances": 0.3}, correlations={})
EVEN = Reoffending(months=(12,), risks=(0.5,), never=0, spread=0, frailty=0)  # a constant hazard


def scenario(
    reoffending: Reoffending = EVEN, effect: Effect | None = None, **others: object
) -> Scenario:
    fields = {"people": PEOPLE, "recording": FREE, "population": FEW} | others
    return Scenario(reoffending=reoffending, effect=effect or Effect(), **fields)


def made(given: Scenario, seed: int = 521) -> Cohort:
    return generate(given, np.random.default_rng(seed))


def near(values: NDArray[np.generic], expected: float, *, errors: float = ERRORS) -> None:
    """Assert that a mean of independent values is within some standard errors."""
    values = np.asarray(values, dtype=float)
    error = values.std() / math.sqrt(values.size)
    away = abs(values.mean() - expected)
    # Rare events: 20 draws' worth on top, as the normal error of few events is unreliable
    assert away <= errors * error + 20 / values.size * (error == 0), (values.mean(), expected)


def near_share(happened: NDArray[np.bool_], share: float) -> None:
    error = math.sqrt(share * (1 - share) / happened.size)
    assert abs(happened.mean() - share) <= ERRORS * error + 1e-12, (happened.mean(), share)


# First offences

WEIBULL = {"months": (12,), "risks": (0.4,)}
CURVES = {
    "constant": EVEN,
    "weibull": Reoffending(**WEIBULL, never=0, spread=0, frailty=0, shape=0.7),
    "rising": Reoffending(**WEIBULL, never=0, spread=0, frailty=0, shape=1.4),
    "some never": Reoffending(**WEIBULL, never=0.34, spread=0, frailty=0, shape=0.8),
    "frailty": Reoffending(**WEIBULL, never=0, spread=0, frailty=1.5),
    "spread": Reoffending(**WEIBULL, never=0, spread=0.8, frailty=0),
    "stretches": Reoffending(never=0, spread=0, frailty=0),
    "everything": Reoffending(never=0.34, spread=0.5, frailty=1.0),
    "everything, weibull": Reoffending(**WEIBULL, never=0.2, spread=0.6, frailty=0.5, shape=0.6),
}
EFFECTS = {
    "none": Effect(),
    "constant": Effect.constant(0.6),
    "harm": Effect.constant(1.7),
    "delayed": Effect.delayed(0.4, months=4),
    "waning": Effect.waning(0.3, months=4, over=6),
    "steps": Effect(hazard_ratios=(0.2, 1.5, 0.8), from_days=(0, 100, 400)),
}
TRIED = [(curve, "constant") for curve in CURVES]
TRIED += [("everything", effect) for effect in EFFECTS if effect != "constant"]
TRIED += [("weibull", "steps"), ("stretches", "delayed")]


@pytest.mark.parametrize(("curve", "effect"), TRIED)
def test_risks_follow_their_closed_form(curve: str, effect: str) -> None:
    reoffending, acts = CURVES[curve], EFFECTS[effect]
    first = made(scenario(reoffending, acts)).lives.histories.first()
    hazard = slow.baseline(reoffending)
    hazards = (hazard, slow.treated(hazard, acts))
    every = np.arange(1, 1001)
    bound = math.sqrt(math.log(2e9) / (2 * PEOPLE))
    for z in (0, 1):
        for day in DAYS:
            near_share(first[z] <= day, float(slow.risk(reoffending, hazards[z](day))))
        observed = np.searchsorted(np.sort(first[z]), every, side="right") / PEOPLE
        expected = slow.risk(reoffending, hazards[z](every))
        assert np.abs(observed - expected).max() <= bound


@pytest.mark.parametrize("curve", CURVES)
def test_stated_risks_hold_in_the_closed_forms_and_by_another_integration(curve: str) -> None:
    # The closed forms that this file trusts, checked themselves: scipy's adaptive quadrature over
    # the latent risk and, for the frailty, over the gamma as well.
    reoffending = CURVES[curve]
    hazard, v, beta = slow.baseline(reoffending), reoffending.frailty, reoffending.spread

    def alive(z: float, total: float) -> float:
        x = total * math.exp(beta * z - beta**2 / 2)
        return (1 + v * x) ** (-1 / v) if v else math.exp(-x)

    for months, stated in zip(reoffending.months, reoffending.risks, strict=True):
        total = float(hazard(slow.days_of(months)))
        mean = quad(lambda z, h=total: norm.pdf(z) * alive(z, h), -9, 9, epsabs=1e-12)[0]
        assert abs((1 - reoffending.never) * (1 - mean) - stated) < 1e-9


HALF = math.log(2)


@pytest.mark.parametrize(
    ("reoffending", "effect", "day", "prosecuted", "offered"),
    [
        # survival ½ a year: 2 years ¼; under half the hazard √½ and ½
        (EVEN, Effect.constant(0.5), 365, 1 / 2, 1 - math.sqrt(1 / 2)),
        (EVEN, Effect.constant(0.5), 730, 3 / 4, 1 / 2),
        # Weibull of shape 2: four times H in twice the time, 1/16
        (replace(EVEN, shape=2.0), Effect.constant(2.0), 730, 15 / 16, 255 / 256),
        # risk 0.4 with 0.2 who never do: half of the others, whose survival under 1/2 is √½
        (replace(EVEN, risks=(0.4,), never=0.2), Effect.constant(0.5), 365, 0.4,
         0.8 * (1 - math.sqrt(1 / 2))),
        # gamma frailty of variance 1, survival 1/(1 + H): H = 1 a year, so 1/3 after two years;
        # 1/(1 + ½) under half the hazard
        (replace(EVEN, frailty=1.0), Effect.constant(0.5), 730, 2 / 3, 1 / 2),
        (replace(EVEN, frailty=1.0), Effect.constant(0.5), 365, 1 / 2, 1 / 3),
        # variance 2, survival (1 + 2H)^(−½) = ½: H = 3/2; under 1/3 of the hazard (1 + 1)^(−½)
        (replace(EVEN, frailty=2.0), Effect.constant(1 / 3), 365, 1 / 2, 1 - math.sqrt(1 / 2)),
        # no effect for 122 days less a third, then none at all of the hazard but a tenth:
        # half a year each of H = log 2 · (121⅔ + 0.1·(365 − 121⅔))/365 = log 2 · 0.4
        (EVEN, Effect.delayed(0.1, months=4), 365, 1 / 2, 1 - 0.5**0.4),
        # 0.4 at 182 days and 0.5 at 365: survival 0.6, then another factor 5/6 to the year, and
        # hazard ratio 1/2 from day 182 on takes its root
        (Reoffending(months=(6, 12), risks=(0.4, 0.5), never=0, spread=0, frailty=0),
         Effect(hazard_ratios=(1.0, 0.5), from_days=(0, 182)), 365, 0.5,
         1 - 0.6 * math.sqrt(5 / 6)),
        # and beyond the last stated month the last stretch goes on: 365 + 183 days
        (Reoffending(months=(6, 12), risks=(0.4, 0.5), never=0, spread=0, frailty=0),
         Effect(hazard_ratios=(1.0, 0.5), from_days=(0, 182)), 548, 1 - 0.6 * (5 / 6) ** 2,
         0.5),
    ],
)  # fmt: skip
def test_risks_worked_by_hand(
    reoffending: Reoffending, effect: Effect, day: int, prosecuted: float, offered: float
) -> None:
    first = made(scenario(reoffending, effect)).lives.histories.first()
    near_share(first[0] <= day, prosecuted)
    near_share(first[1] <= day, offered)


def test_a_waning_effect_lasts_and_then_goes_back_in_monthly_steps() -> None:
    effect = Effect.waning(0.4, months=4, over=6)
    ratios, days = effect.hazard_ratios, effect.from_days
    assert (ratios[0], ratios[-1], days[0]) == (0.4, 1.0, 0.0)
    assert list(ratios) == sorted(set(ratios))
    np.testing.assert_allclose(days[1:], [365 / 12 * m for m in range(4, 11)], atol=0.5)


@pytest.mark.parametrize("spread", [0.0, 0.9])
def test_an_effect_by_band_is_the_risk_of_that_cut_of_the_latent_risk(spread: float) -> None:
    bands = {"low": 0.3, "moderate": 0.5, "high": 0.2}
    effect = Effect(hazard_ratios=(0.8,), by_band={"low": 0.5, "high": 1.5})
    reoffending = Reoffending(**WEIBULL, never=0.2, spread=spread, frailty=0.8)
    cohort = made(scenario(reoffending, effect, population=replace(FEW, bands=bands)))
    first, hazard = cohort.lives.histories.first(), slow.baseline(reoffending)
    below = 0.0
    for k, (name, share) in enumerate(bands.items()):
        mine = cohort.lives.persons.band == k
        near_share(mine, share)
        assert (cohort.people["band"][mine] == name).all()
        part = {"below": below, "above": min(1.0, below + share)}
        ratio = 0.8 * {"low": 0.5, "high": 1.5}.get(name, 1.0)
        for day in (91, 365, 730):
            total = hazard(day)
            near_share(first[0][mine] <= day, float(slow.risk(reoffending, total, **part)))
            treated = slow.risk(reoffending, total, ratio=ratio, **part)
            near_share(first[1][mine] <= day, float(treated))
        below += share


@pytest.mark.parametrize("chance", [0.35, 1.0])
def test_an_effect_through_a_need_acts_on_those_whose_need_the_contract_resolves(
    chance: float,
) -> None:
    effect = Effect(hazard_ratios=(0.9,), pathways={"health": 0.3}, resolved=(0.0, chance))
    cohort = made(scenario(EVEN, effect))
    first, needs = cohort.lives.histories.first(), cohort.lives.persons.needs[0]
    near_share(needs, 0.4)
    for day in (91, 365, 730):
        alive = 0.5 ** (day / 365)
        near_share(first[0] <= day, 1 - alive)
        near_share(first[1][~needs] <= day, 1 - alive**0.9)
        mixed = chance * alive**0.27 + (1 - chance) * alive**0.9
        near_share(first[1][needs] <= day, 1 - mixed)
    for z, expected in enumerate((0.0, chance)):
        near_share(cohort.lives.delivered.resolved[z, 0][needs], expected)


def test_navigators_differ_about_a_mean_ratio_of_1() -> None:
    # With room for one contract each there are navigators in the hundreds: many draws.
    delivery = Delivery(caseload=4, navigator_spread=0.5)
    cohort = made(scenario(EVEN, Effect.constant(0.6), delivery=delivery))
    delivered = cohort.lives.delivered
    numbers, rows = np.unique(delivered.navigator, return_index=True)
    own = np.exp(delivered.log_ratio[rows])
    assert numbers.size > 1_000
    near(own, 1.0)
    assert abs(np.log(own).std() - 0.5) <= ERRORS * 0.5 / math.sqrt(2 * numbers.size)
    first = cohort.lives.histories.first()[1]
    for day in (91, 365):
        expected = 1 - 0.5 ** (day / 365 * 0.6 * np.exp(delivered.log_ratio))
        error = math.sqrt(np.sum(expected * (1 - expected))) / PEOPLE
        assert abs((first <= day).mean() - expected.mean()) <= ERRORS * error


def test_days_are_rounded_up_so_that_nothing_is_on_day_0() -> None:
    busy = replace(EVEN, months=(1,), risks=(0.9,))
    soon = replace(FREE, extract="2018-06-01")
    first = made(scenario(busy, recording=soon)).lives.histories.first()
    assert first.min() == 1
    for day in (1, 2, 3):
        near_share(first[0] <= day, 1 - 0.1 ** (day / 30))


# How many offences


@pytest.mark.parametrize("curve", ["constant", "some never", "frailty", "spread", "everything"])
def test_counts_are_poisson_or_negative_binomial_mixtures(curve: str) -> None:
    reoffending = CURVES[curve]
    c, v, beta = reoffending.never, reoffending.frailty, reoffending.spread
    ratio = 0.6
    cohort = made(scenario(reoffending, Effect.constant(ratio)))
    hazard = slow.baseline(reoffending)
    for day in (182, 365):
        for z, counts in enumerate(cohort.lives.histories.totals(day)):
            mean = float(hazard(day)) * (ratio if z else 1)
            near(counts, (1 - c) * mean)
            # Rates are B·G·M·H with B 0/1, E[G²] = 1 + v and E[M²] = exp(β²), so that
            # E[N²] = E[rate] + E[rate²]
            square = (1 - c) * (mean + (1 + v) * math.exp(beta**2) * mean**2)
            near(counts.astype(float) ** 2, square, errors=6)  # a heavier tail: an error more


def test_without_heterogeneity_counts_are_poisson() -> None:
    counts = made(scenario(EVEN)).lives.histories.totals(730)[0]
    mean = 2 * HALF
    for k in range(8):
        near_share(counts == k, math.exp(-mean) * mean**k / math.factorial(k))


def test_frailty_of_variance_1_makes_counts_geometric() -> None:
    counts = made(scenario(replace(EVEN, frailty=1.0))).lives.histories.totals(365)[0]
    for k in range(8):  # H = 1: P(N = k) = ½·½ᵏ
        near_share(counts == k, 0.5 ** (k + 1))


def test_counts_of_the_two_arms_are_thinned_from_one_process() -> None:
    # The points of one process go through either hazard: a Checkpoint history within d days is
    # the prosecuted one within the days that reach the same hazard, ratio·d for a constant one.
    cohort = made(scenario(EVEN, Effect.constant(0.5)))
    histories = cohort.lives.histories
    both = histories.day.max(axis=0) != slow.NEVER
    later = histories.day[1, both] - 2 * histories.day[0, both]
    assert both.any()
    assert np.isin(later, (-1, 0)).all()  # whole days are rounded up: ⌈2t⌉ − 2⌈t⌉


# Effects of being randomised


@pytest.mark.parametrize(("p", "q"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.2), (0.25, 0.15)])
def test_overrides_dilute_the_effect(p: float, q: float) -> None:
    delivery = Delivery(eras=(Era(to_prosecution=p, to_checkpoint=q),))
    cohort = made(scenario(EVEN, Effect.constant(0.5), delivery=delivery))
    takes = cohort.lives.delivered.takes
    near_share(takes[1] == 0, p)
    near_share(takes[0] == 1, q)
    arm, received = cohort.assignment.arm, cohort.lives.delivered.received
    near_share(received[arm == 1] == 0, p)
    near_share(received[arm == 0] == 1, q)
    truths = true_values(cohort, limit_people=PEOPLE)
    for months, days in ((6, 182), (12, 365), (24, 730)):
        full = 0.5 ** (days / 365) - 0.5 ** (days / 730)  # risks fall as survival rises
        told = true_value(truths, "risk difference", months=months)
        # Both histories of a person come from one process, so a difference is −1 or 0 with mean
        # p·full: its error is that of a share.
        share = (1 - p - q) * -full
        error = math.sqrt(share * (1 - share) / PEOPLE)
        assert abs(told.in_cohort + share) <= ERRORS * error
        assert abs(told.limit + share) <= ERRORS * error
        assert abs(told.monte_carlo_error / error - 1) < 0.05
        complier = true_value(truths, "complier risk difference", months=months)
        some = math.sqrt(-full * (1 + full) / (PEOPLE * (1 - p - q)))
        assert abs(complier.in_cohort - full) <= ERRORS * some
        assert abs(complier.limit - full) <= ERRORS * some
        assert abs(complier.monte_carlo_error / some - 1) < 0.05


def test_overrides_by_era_and_by_risk_follow_their_log_odds() -> None:
    eras = (
        Era(to_prosecution=0.3, to_checkpoint=0.1),
        Era(to_prosecution=0.1, to_checkpoint=0.02, first="2017-06-01"),
    )
    cohort = made(scenario(delivery=Delivery(eras=eras, by_risk=0.9)))
    delivered, persons = cohort.lives.delivered, cohort.lives.persons
    second = persons.index >= np.datetime64("2017-06-01")
    assert (np.asarray(delivered.era) == second).all()
    high = persons.risk > 0
    for mine, era in zip((~second, second), eras, strict=True):
        for half, (low, top) in ((high, (0, 9)), (~high, (-9, 0))):
            # twice the density: the half of people on one side of the median risk
            expected = (
                2
                * quad(
                    lambda z, p=era.to_prosecution: norm.pdf(z) * expit(logit(p) + 0.9 * z),
                    low,
                    top,
                )[0]
            )
            near_share(delivered.takes[1][mine & half] == 0, expected)
        whole = quad(lambda z, q=era.to_checkpoint: norm.pdf(z) * expit(logit(q) + 0.9 * z), -9, 9)[
            0
        ]
        near_share(delivered.takes[0][mine] == 1, whole)
    assert (delivered.takes[0] <= delivered.takes[1]).all()


def test_officers_differ_by_a_normal_log_odds() -> None:
    spread, p = 1.2, 0.2
    delivery = Delivery(officers=700, eras=(Era(to_prosecution=p),), officer_spread=spread)
    cohort = made(scenario(delivery=delivery, suites={"A": 0.5, "B": 0.5}))
    officer, overridden = cohort.lives.delivered.officer, cohort.lives.delivered.takes[1] == 0
    cases = np.bincount(officer, minlength=1400)
    often = np.bincount(officer, overridden, minlength=1400)
    assert cases.size == 1400
    assert cases.min() > 20
    moments = [
        quad(lambda z, k=k: norm.pdf(z) * expit(logit(p) + spread * z) ** k, -9, 9)[0]
        for k in (1, 2)
    ]
    # Of m cases of one officer x are overridden: x/m is unbiased for the officer's chance, and
    # x(x − 1)/(m(m − 1)) for its square; the 1,400 officers are independent.
    near(often / cases, moments[0])
    near(often * (often - 1) / (cases * (cases - 1)), moments[1])


# True values

RATIOS = {
    "constant": (EVEN, Effect.constant(0.6)),
    "weibull": (CURVES["weibull"], Effect.constant(1.4)),
    "stretches": (CURVES["stretches"], Effect.constant(0.5)),
}


@pytest.mark.parametrize("name", RATIOS)
def test_under_proportional_hazards_there_is_a_hazard_ratio_and_cox_tends_to_it(name: str) -> None:
    reoffending, effect = RATIOS[name]
    cohort = made(scenario(reoffending, effect))
    truths = true_values(cohort, limit_people=PEOPLE)
    (ratio,) = effect.hazard_ratios
    exact = true_value(truths, "hazard ratio", months=0)
    assert (exact.in_cohort, exact.limit, exact.reason) == (ratio, ratio, "")
    cox = true_value(truths, "Cox limit", months=24)
    # Whole days tie events; with events on under a fifth of a percent of days' risk sets, ties
    # move the limit by less than a tenth of a percent.
    assert abs(cox.limit - ratio) <= ERRORS * cox.monte_carlo_error + 0.001 * ratio
    assert abs(cox.in_cohort - ratio) <= ERRORS * cox.monte_carlo_error + 0.001 * ratio
    # An error by ten parts has nine degrees of freedom: within a factor of 3. Were the two arms
    # independent it would be ratio·√(1/events + 1/events); a shared process can only help.
    hazard = slow.baseline(reoffending)(730)
    events = [PEOPLE * -math.expm1(-float(hazard) * r) for r in (1.0, ratio)]
    assert 0 < cox.monte_carlo_error < 3 * ratio * math.sqrt(1 / events[0] + 1 / events[1])


@pytest.mark.parametrize(
    "change",
    [
        {"reoffending": replace(EVEN, never=0.2)},
        {"reoffending": replace(EVEN, frailty=0.5)},
        {"reoffending": replace(EVEN, spread=0.4)},
        {"effect": Effect.delayed(0.5, months=4)},
        {"effect": Effect.waning(0.5)},
        {"effect": Effect(hazard_ratios=(0.5,), pathways={"health": 0.8})},
        {"delivery": Delivery(eras=(Era(to_prosecution=0.1),))},
        {"delivery": Delivery(eras=(Era(to_checkpoint=0.1),))},
        {"delivery": Delivery(navigator_spread=0.3)},
        {
            "effect": Effect(hazard_ratios=(0.5,), by_band={"high": 0.8}),
            "population": replace(FEW, bands={"low": 0.5, "high": 0.5}),
        },
    ],
    ids=str,
)
def test_otherwise_there_is_none_and_the_reason_is_told(change: dict[str, object]) -> None:
    given = {"reoffending": EVEN, "effect": Effect.constant(0.5)} | change
    cohort = made(scenario(**given, people=2_000))
    truth = true_value(true_values(cohort, limit_people=1_000), "hazard ratio", months=0)
    assert math.isnan(truth.in_cohort)
    assert math.isnan(truth.limit)
    assert truth.reason


def test_truths_tend_to_their_closed_forms() -> None:
    reoffending, effect = CURVES["everything"], EFFECTS["steps"]
    truths = true_values(made(scenario(reoffending, effect)), limit_people=PEOPLE)
    hazard = slow.baseline(reoffending)
    hazards = (hazard, slow.treated(hazard, effect))
    c = reoffending.never
    for months, days in ((6, 182), (12, 365), (24, 730)):
        risks = [float(slow.risk(reoffending, h(days))) for h in hazards]
        odds = [r / (1 - r) for r in risks]
        counts = [(1 - c) * float(h(days)) for h in hazards]
        # E[min(T, d)] of a whole day T is the sum of P(T > t) over days 0 to d − 1
        free = [np.sum(1 - slow.risk(reoffending, h(np.arange(days)))) for h in hazards]
        for name, expected in {
            "risk difference": risks[1] - risks[0],
            "survival difference": risks[0] - risks[1],
            "risk ratio": risks[1] / risks[0],
            "odds ratio": odds[1] / odds[0],
            "restricted mean difference": free[1] - free[0],
            "restricted mean ratio": free[1] / free[0],
            "rate ratio": counts[1] / counts[0],
            "reoffences difference": counts[1] - counts[0],
            "harm difference": (counts[1] - counts[0]) * mean_harm(),
        }.items():
            truth = true_value(truths, name, months=months)
            error = truth.monte_carlo_error
            assert error > 0
            assert abs(truth.limit - expected) <= ERRORS * error, (name, months)
            assert abs(truth.in_cohort - expected) <= ERRORS * error, (name, months)
            assert error < 0.05 * abs(expected) + 0.01  # else the two lines above say little


def mean_harm() -> float:
    """Cambridge medians weighted by the shares of codes, read off the defaults by hand."""
    medians = {"violence without injury": 10, "violence with injury": 365, "other theft": 2}
    medians |= {"shoplifting": 1, "possession of drugs": 3, "criminal damage": 2}
    shares = Recording().offences
    assert set(shares) == set(medians)
    return sum(share * medians[code] for code, share in shares.items())


# What happens to people


def test_death_and_departure_compete_at_their_rates() -> None:
    # Constant hazards λ of offending and μ of leaving: the share who offend within d days is
    # λ/(λ + μ)·(1 − exp(−(λ + μ)d)). Whole days move it by less than half a day's risk, 0.1 %.
    deaths, departures = 0.3, 0.2
    recording = replace(FREE, deaths=deaths, departures=departures)
    histories = made(scenario(EVEN, recording=recording)).lives.histories
    mu, rate = (deaths + departures) / 365, HALF / 365
    for day in (91, 365, 730):
        share = -math.expm1(-mu * day)
        assert abs((histories.left <= day).mean() - share) <= ERRORS * 0.5 / math.sqrt(PEOPLE) + mu
        expected = rate / (rate + mu) * -math.expm1(-(rate + mu) * day)
        assert (
            abs((histories.first()[0] <= day).mean() - expected)
            <= ERRORS * 0.5 / math.sqrt(PEOPLE) + mu
        )
    gone = histories.left <= 730
    near_share(histories.departed[gone], departures / (deaths + departures))


def test_the_offences_of_a_spell_in_custody_are_lost_and_later_ones_are_not() -> None:
    # A constant hazard λ, custody with chance κ and mean m: offences and spells alternate, and
    # in the long run λ/(1 + λκm) are committed a day (renewal reward). Over 1,000 days the start
    # at liberty adds less than one spell's worth of rate, λ·κ·m/1000·λ ≪ the bound of 1 %.
    busy = replace(EVEN, months=(1,), risks=(0.9,))
    rate = -math.log(0.1) / 30
    recording = replace(FREE, custody=0.2, custody_days=20)
    cohort = made(scenario(busy, recording=recording, people=4_000))
    histories = cohort.lives.histories
    committed = histories.day[0] != slow.NEVER
    days = histories.custody[committed]
    near_share(days > 0, 0.2)
    mean = days[days > 0].mean()
    assert 20 * 0.95 < mean < 21 * 1.05  # whole days, and how they are rounded is not stated
    often = histories.totals(1000)[0].mean() / 1000
    assert abs(often / (rate / (1 + rate * 0.2 * mean)) - 1) < 0.01


# Contracts and consent


def test_contracts_are_kept_by_those_who_neither_reoffend_nor_break_them() -> None:
    delivery = Delivery(breach=0.3, contacts=2.5, contract_months=6)
    cohort = made(scenario(EVEN, Effect.constant(0.6), delivery=delivery))
    people = cohort.people
    treated = (people["received"] == "checkpoint").to_numpy()
    assert people["kept"].isna().to_numpy().tolist() == (~treated).tolist()
    near_share(people["kept"][treated].to_numpy(bool), 0.7 * 0.5 ** (0.6 * 182 / 365))
    near(people["contacts"][treated].to_numpy(), 2.5 * 6)
    assert (people["contacts"][~treated] == 0).all()


def test_consent_linkage_and_assessment_differ_by_arm_as_stated() -> None:
    delivery = Delivery(consent=(0.7, 0.9))
    recording = replace(FREE, unlinked=(0.05, 0.2))
    cohort = made(scenario(delivery=delivery, recording=recording, people=20_000))
    arm, people = cohort.assignment.arm, cohort.people
    linked = people["id"].isin(cohort.tables()["people"]["id"]).to_numpy()
    for z in (0, 1):
        near_share(people["consents"].to_numpy()[arm == z], (0.7, 0.9)[z])
        near_share(linked[arm == z], (0.95, 0.8)[z])


@cache
def written() -> Cohort:
    recording = Recording(disposal_days=40, recording_days=5, custody=0, deaths=0, departures=0)
    return made(scenario(EVEN, recording=recording, people=20_000))


def test_disposals_and_recording_take_their_time() -> None:
    tables, n = written().tables(), written().n
    offences = tables["offences"].set_index("offence")
    number = dict(zip(written().people["id"], written().people["date"], strict=True))
    index = offences["person"].map(number)
    delay = (offences["recorded"] - offences["date"]).dt.days.to_numpy()
    # Only reoffences long before the extract: later ones may not have been recorded or disposed
    # of yet, which would favour short delays.
    early = (offences["date"] > index) & (offences["date"] < np.datetime64("2018-10-01"))
    # rounded down, P(D = 0) = 1 − exp(−1/5)
    near_share(delay[early] == 0, -math.expm1(-1 / 5))
    assert delay.min() == 0
    disposals = tables["disposals"].set_index("offence")
    mine = disposals.loc[disposals.index.intersection(offences.index[early])]
    for kind, share in Recording().proven.items():
        # offences share a disposal when one proceeding ends several: fewer draws than rows
        assert abs((mine["disposal"] == kind).mean() - share) < ERRORS * math.sqrt(0.25 * 3 / n)
    missing = 1 - len(mine) / early.sum()
    assert missing < 1e-3  # all but none are decided after two years of mean 40 days
