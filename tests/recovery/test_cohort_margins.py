"""Invented trials against what their scenario states: margins, correlations, calibration.

Shares of n independent people are within five standard errors of what is stated but for some 6
in ten million comparisons; chi-square and Kolmogorov–Smirnov bounds are set at 1 in 10⁹ (the
latter by Dvoretzky–Kiefer–Wolfowitz with Massart's constant, √(log(2·10⁹)/(2n))). Seeds are fixed.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.stats import chi2, lognorm, multivariate_normal, norm, spearmanr

from checkpoint_eval import TrialError
from checkpoint_eval.cohort import (
    Arrivals,
    Burst,
    Cohort,
    Delivery,
    Effect,
    Era,
    Population,
    Recording,
    Reoffending,
    Scenario,
    checkpoint_scenario,
    fidelity,
    gateway_scenario,
    generate,
    true_value,
    true_values,
    turning_point_scenario,
)
from checkpoint_eval.outcomes import on_contract_reoffending, reoffence_counts

ERRORS = 5
RARE = 1e-9
CORRELATIONS = {
    "risk ~ age": -0.3,
    "risk ~ record": 0.4,
    "age ~ record": 0.2,
    "risk ~ female": -0.25,
    "risk ~ health": 0.35,
    "female ~ finances": 0.3,
}
NEEDS = {"health": 0.6, "finances": 0.3, "accommodation": 0.1}
MIXED = Scenario(
    people=100_000,
    suites={"North": 0.15, "Middle": 0.6, "South": 0.25},
    population=Population(
        bands={"low": 0.25, "moderate": 0.6, "high": 0.15},
        female=0.3,
        no_record=0.35,
        mean_record=4.0,
        needs=NEEDS,
        needs_together=0.4,
        correlations=CORRELATIONS,
    ),
    reoffending=Reoffending(months=(12,), risks=(0.3,)),
    recording=Recording(extract="2019-06-01"),
)


def made(scenario: Scenario, seed: int = 1969) -> Cohort:
    return generate(scenario, np.random.default_rng(seed))


@cache
def mixed() -> Cohort:
    return made(MIXED)


@cache
def large(seed: int = 2016) -> Cohort:
    """Checkpoint's scenario with 100,000 people."""
    return made(replace(checkpoint_scenario(), people=100_000), seed)


def near_share(happened: object, share: float) -> None:
    happened = np.asarray(happened, dtype=bool)
    error = math.sqrt(share * (1 - share) / happened.size)
    assert abs(happened.mean() - share) <= ERRORS * error, (happened.mean(), share)


def fits(seen: np.ndarray, shares: np.ndarray) -> None:
    """Assert that counts have these shares, by Pearson's chi-square; cells must expect 5."""
    expected = seen.sum() * np.asarray(shares) / np.sum(shares)
    assert expected.min() >= 5
    assert chi2.sf(((seen - expected) ** 2 / expected).sum(), seen.size - 1) > RARE


def above(one: float, other: float, correlation: float) -> float:
    """P(X, Y both among the top shares `one` and `other`) of a bivariate normal."""
    limits = norm.ppf([one, other])  # by symmetry: the bottom shares
    return float(multivariate_normal([0, 0], [[1, correlation], [correlation, 1]]).cdf(limits))


def age_shares(population: Population, age: np.ndarray) -> np.ndarray:
    """Shares younger than some ages: log-normal years above the youngest, cut off at the oldest.

    The scale is found by halving, so that half of those who are left are below the median.
    """
    spread, oldest = population.age_spread, population.oldest - population.youngest
    middle = population.median_age - population.youngest
    low, high = middle, middle * math.exp(20 * spread)
    while high / low > 1 + 1e-12:
        years = lognorm(spread, scale=math.sqrt(low * high))
        if years.cdf(middle) / years.cdf(oldest) > 0.5:
            low = math.sqrt(low * high)
        else:
            high = math.sqrt(low * high)
    years = lognorm(spread, scale=high)
    return np.asarray(years.cdf(np.asarray(age) - population.youngest) / years.cdf(oldest))


# Margins


def test_suites_bands_sexes_and_needs_have_their_shares() -> None:
    people, population = mixed().people, MIXED.population
    for column, shares in (("suite", MIXED.suites), ("band", population.bands)):
        for name, share in shares.items():
            near_share(people[column] == name, share)
    near_share(people["sex"] == "female", population.female)
    near_share(people["record"] == 0, population.no_record)
    for need, share in NEEDS.items():
        near_share(people[need] == 1, share)


def test_scores_of_5_and_more_are_the_critical_needs() -> None:
    persons = mixed().lives.persons
    assert ((persons.severity >= 5) == persons.needs).all()
    assert (persons.severity.min(), persons.severity.max()) >= (0, 5)
    assert persons.severity.max() <= 10
    tables = mixed().tables()["pathways"]
    assert tables["score"].between(0, 10).all()


@pytest.mark.parametrize(
    "population",
    [
        Population(),
        Population(youngest=18, oldest=25, median_age=21, age_spread=0.6),
        Population(youngest=10, oldest=17.5, median_age=16, age_spread=0.4),
    ],
    ids=["adults", "young", "children"],
)
def test_years_above_the_youngest_are_log_normal_cut_off_at_the_oldest(
    population: Population,
) -> None:
    n = 60_000
    recording = Recording(extract="2018-04-01")
    cohort = made(Scenario(people=n, population=population, recording=recording))
    age = np.sort(cohort.lives.persons.age)
    assert age[0] >= population.youngest
    assert age[-1] <= population.oldest
    expected = age_shares(population, age)
    steps = np.arange(n + 1) / n
    apart = max(np.abs(steps[1:] - expected).max(), np.abs(steps[:-1] - expected).max())
    assert apart <= math.sqrt(math.log(2 / RARE) / (2 * n))
    assert np.abs(cohort.people["age"] - cohort.lives.persons.age).max() <= 0.005 + 1e-9


def test_the_day_of_birth_in_the_extract_gives_the_age_at_the_desk() -> None:
    population = Population(median_age=18.5, age_spread=1.0)
    cohort = made(Scenario(people=20_000, population=population))
    people = cohort.people
    born = people["id"].map(cohort.tables()["people"].set_index("id")["born"])
    lived = (people["date"] - born).dt.days / 365.25
    # a day for whole days, another for leap years, and rounding to 0.01 years at the desk
    assert np.abs(lived - people["age"]).max() <= 2 / 365 + 0.005
    birthday = born.dt.month * 100 + born.dt.day
    before = people["date"].dt.month * 100 + people["date"].dt.day < birthday
    assert (people["date"].dt.year - born.dt.year - before).min() >= 18


@pytest.mark.parametrize(
    "population",
    [Population(), gateway_scenario().population],
    ids=["default", "gateway"],
)
def test_the_median_age_is_the_one_stated(population: Population) -> None:
    recording = Recording(extract="2018-04-01")
    scenario = Scenario(people=100_000, population=population, recording=recording)
    # the median of n lies between the quantiles ½ ± 5·½/√n
    low, high = np.quantile(
        made(scenario).lives.persons.age, 0.5 + ERRORS * 0.5 / math.sqrt(1e5) * np.array([-1, 1])
    )
    assert low <= population.median_age <= high


@pytest.mark.parametrize(("median", "spread"), [(24.5, 5.0), (24.99, 0.8)])
def test_a_median_too_near_the_oldest_is_refused(median: float, spread: float) -> None:
    population = Population(youngest=18, oldest=25, median_age=median, age_spread=spread)
    with pytest.raises(TrialError, match=r"`median_age` is .* too near `oldest`, 25.*lower the"):
        made(Scenario(people=100, population=population))


def test_a_median_near_the_oldest_is_kept() -> None:
    population = Population(youngest=18, oldest=25, median_age=24.5, age_spread=0.8)
    near_share(made(Scenario(people=20_000, population=population)).lives.persons.age < 24.5, 0.5)


@pytest.mark.parametrize("most", [52, 6])
def test_records_are_none_or_one_and_a_geometric_number_more(most: int) -> None:
    population = Population(no_record=0.3, mean_record=4.0, most_record=most)
    recording = Recording(extract="2018-04-01")
    cohort = made(Scenario(people=60_000, population=population, recording=recording))
    record = cohort.lives.persons.record
    near_share(record == 0, 0.3)
    assert record.max() <= most
    # Geometric on 1, ..., most with mean 4: each value has q times the people of the one before,
    # with Σ (k - 4) q^(k - 1) = 0. Cut off nowhere q is 3/4; cut off at 6 it is above 1.
    values = np.arange(1, most + 1)
    roots = np.roots((values - 4.0)[::-1])
    (q,) = roots[(abs(roots.imag) < 1e-9) & (roots.real > 0)].real
    assert abs(q - 0.75) < 1e-4 if most == 52 else q > 1
    shown = values[:19]
    fits(np.array([(record == k).sum() for k in shown]), q ** (shown - 1.0))
    some = record[record > 0]
    assert abs(some.mean() - 4.0) <= ERRORS * some.std() / math.sqrt(some.size)


@pytest.mark.parametrize(("mean", "most"), [(18.4, 52), (51.0, 52), (1.5, 2)])
def test_the_mean_record_holds_however_near_the_most_is(mean: float, most: int) -> None:
    population = Population(no_record=0.2, mean_record=mean, most_record=most, needs={})
    record = made(Scenario(people=20_000, population=population)).lives.persons.record
    some = record[record > 0]
    assert abs(some.mean() - mean) <= ERRORS * some.std() / math.sqrt(some.size)


def test_arrivals_follow_weekdays_months_and_bursts() -> None:
    weekdays = (1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 0.5)
    months = (1.0, 0.8, 1.0, 1.0, 1.0, 1.0, 1.5, 1.0, 1.0, 1.0, 1.0, 0.25)
    arrivals = Arrivals(
        first="2016-11-05",
        last="2018-02-10",
        weekdays=weekdays,
        months=months,
        bursts=(Burst(first="2017-07-14", last="2017-07-16", times=4),),
    )
    days = np.arange(np.datetime64("2016-11-05"), np.datetime64("2018-02-11"))
    busy = np.array(
        [
            weekdays[day.weekday()]
            * months[day.month - 1]
            * (4 if day.isoformat() in ("2017-07-14", "2017-07-15", "2017-07-16") else 1)
            for day in days.astype(object)
        ]
    )
    assert (arrivals.days == days).all()
    ratio = arrivals.intensity() / busy
    np.testing.assert_allclose(ratio, ratio[0])
    recording = Recording(extract="2018-02-11")
    cohort = made(Scenario(people=60_000, arrivals=arrivals, recording=recording))
    index = cohort.lives.persons.index
    assert (np.diff(index.astype(int)) >= 0).all()  # in order of arrival
    fits(np.bincount((index - days[0]).astype(int), minlength=days.size), busy)
    assert (cohort.people["date"].to_numpy().astype("M8[D]") == index).all()


# Correlations


def test_latent_risk_is_standard_normal_and_bands_are_its_cuts() -> None:
    persons = mixed().lives.persons
    n = persons.n
    expected = norm.cdf(np.sort(persons.risk))
    apart = np.abs(np.arange(1, n + 1) / n - expected).max()
    assert apart <= math.sqrt(math.log(2 / RARE) / (2 * n)) + 1 / n
    cuts = norm.ppf([0.25, 0.85])
    assert (persons.band == np.searchsorted(cuts, persons.risk)).all()


def risk_with_age(population: Population) -> tuple[float, float]:
    """Correlations of risk with age: of the latent values, and of the ranks."""
    recording = Recording(extract="2018-04-01")
    scenario = Scenario(people=60_000, population=population, recording=recording)
    persons = made(scenario).lives.persons
    latent = norm.ppf(age_shares(population, persons.age))
    ranked = spearmanr(persons.risk, persons.age).statistic
    return float(np.corrcoef(persons.risk, latent)[0, 1]), float(ranked)


@pytest.mark.parametrize(
    "population",
    [
        Population(oldest=110, median_age=25, age_spread=0.3),  # next to nobody is cut off
        Population(correlations={"risk ~ age": -0.6}),
        gateway_scenario().population,
    ],
    ids=["nobody cut off", "to 80", "gateway"],
)
def test_risk_and_age_have_their_latent_correlation(population: Population) -> None:
    rho = population.correlations["risk ~ age"]
    latent, ranked = risk_with_age(population)
    # the error of a correlation ρ of n pairs is (1 − ρ²)/√n; ranks lose a little, 6/π·asin(ρ/2)
    error = (1 - rho**2) / math.sqrt(60_000)
    assert abs(latent - rho) <= ERRORS * error
    assert abs(ranked - 6 / math.pi * math.asin(rho / 2)) <= ERRORS * 1.03 * error


def test_cut_columns_are_tied_as_a_bivariate_normal_has_it() -> None:
    persons = mixed().lives.persons
    health, finances, accommodation = persons.needs
    female, recorded = persons.female == 1, persons.record > 0
    risky, old = persons.risk > 0, persons.age > np.median(persons.age)
    for one, other, expected in [
        (health, finances, above(0.6, 0.3, 0.4)),
        (health, accommodation, above(0.6, 0.1, 0.4)),
        (finances, accommodation, above(0.3, 0.1, 0.4)),
        (risky, female, above(0.5, 0.3, -0.25)),
        (risky, health, above(0.5, 0.6, 0.35)),
        (risky, recorded, above(0.5, 0.65, 0.4)),
        (old, recorded, above(0.5, 0.65, 0.2)),
        (female, finances, above(0.3, 0.3, 0.3)),
        # and what is not stated is not tied
        (female, health, 0.3 * 0.6),
        (risky, finances, 0.5 * 0.3),
        (recorded, finances, 0.65 * 0.3),
        (old, health, 0.5 * 0.6),
    ]:
        near_share(one & other, expected)


def test_suite_day_and_arm_tell_nothing_of_people() -> None:
    cohort = mixed()
    persons = cohort.lives.persons
    for code in (cohort.assignment.arm == 1, persons.suite == 1, np.arange(persons.n) % 2 == 0):
        for value in (persons.risk, persons.age, persons.record, persons.needs.sum(axis=0)):
            # Welch's: both groups have 15,000 people and more
            one, other = value[code], value[~code]
            error = math.sqrt(one.var() / one.size + other.var() / other.size)
            assert abs(one.mean() - other.mean()) <= ERRORS * error


# Fidelity


def test_a_scenarios_own_margins_hold() -> None:
    for cohort in (mixed(), large()):
        own = fidelity(cohort, cohort.scenario)
        names = {margin.measure for margin in own.margins}
        population = cohort.scenario.population
        assert {"female", "no record"} <= names
        assert {f"suite={suite}" for suite in cohort.scenario.suites} <= names
        assert {f"need: {need}" for need in population.needs} <= names
        for margin in own.margins:
            if margin.std_error:
                assert abs(margin.errors_away) <= ERRORS, margin
            else:
                assert margin.cohort == margin.reference


def test_measures_of_fidelity_are_what_they_are_called() -> None:
    delivery = Delivery(eras=(Era(to_prosecution=0.2, to_checkpoint=0.1),), breach=0.3)
    cohort = made(Scenario(people=5_000, effect=Effect.constant(0.5), delivery=delivery), seed=3)
    people, histories = cohort.people, cohort.lives.histories
    first, totals = histories.first(), histories.totals(365)
    received = (people["received"] == "checkpoint").to_numpy()
    needs = people[list(cohort.scenario.population.needs)].sum(axis=1)
    mine = {
        "suite=Durham": (people["suite"] == "Durham").mean(),
        "female": (people["sex"] == "female").mean(),
        "no record": (people["record"] == 0).mean(),
        "median age": people["age"].median(),
        "need: health": people["health"].mean(),
        "more than one need": (needs > 1).mean(),
        "risk at 12 months": (first[0] <= 365).mean(),
        "reoffences a reoffender at 12 months": totals[0].sum() / (totals[0] > 0).sum(),
        "reoffending on contract": (first[1][received] <= 122).mean(),
        "contract kept": people["kept"].dropna().astype(float).mean(),
        "treated as assigned": (people["arm"] == people["received"]).mean(),
        "age ~ record": spearmanr(people["age"], people["record"]).statistic,
    }
    told = fidelity(cohort, dict.fromkeys(mine, 0.5))
    assert {margin.measure for margin in told.margins} == set(mine)
    for margin in told.margins:
        within = 0.01 if margin.measure == "median age" else 1e-9  # rounded at the desk
        assert abs(margin.cohort - mine[margin.measure]) <= within, margin
        assert margin.difference == margin.cohort - 0.5
        assert abs(margin.errors_away - margin.difference / margin.std_error) < 1e-9
    shares = [m for m in told.margins if m.measure in ("female", "risk at 12 months")]
    for margin in shares:
        share = mine[margin.measure]
        assert abs(margin.std_error / math.sqrt(share * (1 - share) / 5_000) - 1) < 1e-3


def test_a_cohort_is_faithful_to_its_own_people() -> None:
    cohort = made(Scenario(people=2_000), seed=4)
    own = fidelity(cohort, cohort.people)
    assert own.margins
    assert max(abs(margin.difference) for margin in own.margins) < 1e-9
    other = fidelity(cohort, made(Scenario(people=2_000), seed=5).people)
    assert max(abs(margin.difference) for margin in other.margins) > 1e-3


# Checkpoint as published


def test_checkpoints_risks_under_prosecution() -> None:
    first = large().lives.histories.first()[0]
    for day, share in ((182, 0.4), (365, 0.5), (730, 0.6)):
        assert abs((first <= day).mean() - share) <= 0.015
    # "levelling at 60–70 %": the share who ever would, and the curve once the last are followed
    assert 0.6 <= 1 - checkpoint_scenario().reoffending.never <= 0.7
    assert 0.6 <= (first <= 1000).mean() <= 0.7
    late = [(first <= day).mean() for day in (730, 910)]
    assert late[1] - late[0] < 0.02  # it has nearly levelled


def test_checkpoints_reoffences_by_reoffender() -> None:
    cohort = large()
    counts = reoffence_counts(cohort.records(), cohort.assignment, months=12)
    prosecuted = counts.value[(cohort.assignment.arm == 0) & ~counts.missing]
    assert 4.46 <= prosecuted.sum() / (prosecuted > 0).sum() <= 5.10


def test_checkpoints_contracts() -> None:
    cohort = large()
    people = cohort.people
    on_contract = (people["received"] == "checkpoint").to_numpy()
    first = cohort.lives.histories.first()[1]
    assert abs((first[on_contract] <= 122).mean() - 0.056) <= 0.005
    told = on_contract_reoffending(cohort.records(), cohort.assignment, months=4)
    seen = told.value[on_contract & ~told.missing]
    assert abs(seen.mean() - 0.056) <= 0.005
    assert people["kept"].dropna().mean() > 0.7
    needs = people[list(cohort.scenario.population.needs)].sum(axis=1)
    assert (needs > 1).mean() >= 0.95


def test_checkpoints_effect() -> None:
    truths = true_values(large(), limit_people=100_000)
    effect = true_value(truths, "risk difference", months=24)
    assert abs(effect.in_cohort - -0.103) <= 0.007
    assert abs(effect.limit - -0.103) <= 0.007


@pytest.mark.parametrize(
    "scenario", [checkpoint_scenario, turning_point_scenario, gateway_scenario]
)
def test_every_value_of_a_published_scenario_has_a_source(scenario: object) -> None:
    given = scenario()
    assert set(given.sources) == set(given.values())
    assert all(source.strip() for source in given.sources.values())
    frame = given.to_frame()
    assert set(frame["field"]) == set(given.values())
    assert (frame["source"].str.strip() != "").all()
    assert (frame.set_index("field")["source"] != "assumed")["people"] or (
        given.people == 240  # Gateway's is assumed, and its docstring says so
    )


def test_turning_points_phases_and_who_is_treated_as_assigned() -> None:
    cohorts = [made(turning_point_scenario(), seed) for seed in range(20)]
    low = np.array([(cohort.people["era"] == 1).sum() for cohort in cohorts])
    assert {cohort.n for cohort in cohorts} == {628}
    # the number is binomial: SD √(628·p(1 − p)), about 11.7 a trial and 2.6 for a mean of 20
    spread = math.sqrt(204 * 424 / 628)
    assert abs(low.mean() - 204) <= ERRORS * spread / math.sqrt(20) + 1  # dates are whole days
    assert np.abs(low - 204).max() <= ERRORS * spread
    for era, chance in ((1, 0.4), (2, 0.05)):
        rows = [cohort.people.query(f"era == {era} and arm == arm.iloc[0]") for cohort in cohorts]
        assert all(len(frame) for frame in rows)
        delivered = [
            (cohort.lives.delivered.takes[1] == 0)[(cohort.people["era"] == era).to_numpy()]
            for cohort in cohorts
        ]
        # officers differ by an SD of 0.5 and odds rise with risk: the median stays, the mean of
        # a chance below one half rises by at most a tenth of itself and a point
        assert chance * 0.8 <= np.concatenate(delivered).mean() <= chance * 1.2 + 0.01


def test_gateways_people_who_stay() -> None:
    stay = []
    for seed in range(30):
        cohort = made(gateway_scenario(), seed)
        arm, consents = cohort.assignment.arm, cohort.people["consents"].to_numpy()
        stay.append([consents[arm == z].sum() for z in (0, 1)])
        assert cohort.people["age"].between(18, 25).all()
        assert cohort.people["date"].between("2019-10-01", "2021-04-30").all()
    for seen, share in zip(np.mean(stay, axis=0), (82 / 120, 109 / 120), strict=True):
        # allocation may put a few more than 120 into an arm: some 8 in simple randomisation
        error = math.sqrt((120 * share * (1 - share) + (share * 7.75) ** 2) / 30)
        assert abs(seen - 120 * share) <= ERRORS * error
