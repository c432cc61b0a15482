"""Competing causes, weights, combined tests and proportionality against slow references."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import chi2, norm
from slow_competing import (
    Person,
    Subdistribution,
    combined,
    fleming_harrington,
    free,
    gehan,
    gray_parts,
    incidence,
    incidence_variance,
    members,
    modestly_weighted,
    peto_peto,
    proportionality,
    tarone_ware,
    two_sided,
    weighted_logrank,
)
from slow_cox import make_rows
from slow_data import survival_frame

import checkpoint_eval as ce
from checkpoint_eval.models import (
    Gehan,
    ModestlyWeighted,
    PetoPeto,
    TaroneWare,
    cumulative_incidence,
    fine_gray,
    gray_test,
    incidence_difference,
    logrank_test,
    maxcombo_test,
    proportional_hazards_test,
    randomisation_test,
    subdistribution_hazard_ratio,
)
from checkpoint_eval.outcomes import Covariate, TimeToEvent

EXACT = 1e-10  # the same arithmetic in another order; n is below 100
FITTED = 1e-7  # two maxima, of standard errors near 0.5; the slow one ends with a Newton step
SCORED = 1e-6  # the information by differences of 2e-3, to the fourth order
CAUSES = {1: "end", 2: "death", 3: "move"}
WEIGHTS = {
    "FH 0.5 2": (ce.FlemingHarrington(rho=0.5, gamma=2), fleming_harrington(0.5, 2)),
    "Gehan": (Gehan(), gehan),
    "Tarone-Ware": (TaroneWare(), tarone_ware),
    "Peto-Peto": (PetoPeto(), peto_peto),
    "until 5": (ModestlyWeighted(until=5), modestly_weighted(until=5)),
    "until 4.5": (ModestlyWeighted(until=4.5), modestly_weighted(until=4.5)),
    "until 99": (ModestlyWeighted(until=99), modestly_weighted(until=99)),
    "down to 0.6": (ModestlyWeighted(survival=0.6), modestly_weighted(survival=0.6)),
}


def people(seed: int, *, arms: int = 2, n: int = 42, ties: bool = True) -> pd.DataFrame:
    """Three causes and censoring; on odd seeds the last arm is gone by week 5.

    With ties there are eight weeks, else no two people have the same time.
    """
    rng = np.random.default_rng(seed)
    arm = rng.permutation(np.resize(np.arange(arms), n))
    x = np.round(rng.normal(size=n), 2)
    rate = np.array([0.10, 0.08, 0.05]) * np.exp(np.outer(0.5 * arm + 0.4 * x, [1, -0.5, 0.2]))
    latent = rng.exponential(1 / rate)
    end = rng.uniform(2, 9, n)
    if seed % 2:
        end[arm == arms - 1] = np.minimum(end[arm == arms - 1], 5)
    every = np.column_stack([end, latent])
    time, kind = every.min(axis=1), every.argmin(axis=1)
    site = rng.integers(0, 2, n)
    time = np.ceil(time) if ties else time
    return pd.DataFrame({"arm": arm, "time": time, "kind": kind, "x": x, "site": site})


def trial_of(table: pd.DataFrame) -> ce.Trial:
    """Arms a, b, ...; columns x and site."""
    kind = table["kind"].to_numpy()
    outcome = TimeToEvent(
        time=table["time"].to_numpy(float),
        event=kind == 1,
        unit="weeks",
        competing=np.maximum(kind - 1, 0),
        causes=tuple(CAUSES.values())[1:],
    )
    columns = {
        "x": Covariate(name="x", values=table["x"].to_numpy(float)),
        "site": Covariate(
            name="site", values=table["site"].to_numpy(float), levels=("north", "south")
        ),
    }
    arms = tuple("abc")[: table["arm"].max() + 1]
    return ce.Trial(
        assignment=ce.Assignment(
            arm=table["arm"].to_numpy(), arms=arms, stratum=np.zeros(len(table), int)
        ),
        outcomes={"end": outcome},
        columns=columns,
        covariates=("x", "site"),
    )


def listed(table: pd.DataFrame, strata: str = "", cause: int = 1) -> list[Person]:
    """People as the references take them, a cause made the event."""
    kind = table["kind"].replace({cause: 1, 1: cause})
    place = table[strata] if strata else [0] * len(table)
    columns = (table["time"], kind, table["arm"], place)
    return [Person(float(t), int(k), int(a), s) for t, k, a, s in zip(*columns, strict=True)]


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_incidence(seed: int, ties: bool) -> None:
    """Every cause, arm and time, wherever the arm is still watched."""
    table = people(seed, arms=3, n=36, ties=ties)
    found = cumulative_incidence(trial_of(table), outcome="end")
    assert found.causes == tuple(CAUSES.values())
    assert set(found.time) >= set(table.loc[table["kind"] > 0, "time"])
    for arm in range(3):
        mine = members(listed(table), arm)
        for j, t in enumerate(found.time):
            at_risk = sum(p.time >= t for p in mine)
            assert found.at_risk[arm, j] == at_risk
            for c, cause in enumerate(CAUSES):
                dead = sum(p.time == t and p.kind == cause for p in mine)
                assert found.events[c, arm, j] == dead
                if at_risk:
                    want = incidence(mine, cause, t)
                    assert found.incidence[c, arm, j] == pytest.approx(float(want), rel=EXACT)
                    error = float(incidence_variance(mine, cause, t)) ** 0.5
                    got = found.std_error[c, arm, j]
                    assert got == pytest.approx(error, rel=EXACT, abs=1e-15)
            if at_risk:
                whole = 1 - found.incidence[:, arm, j].sum()
                assert whole == pytest.approx(float(free(mine, t)), abs=1e-14)


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("seed", range(4))
def test_incidence_difference(seed: int, cause: int) -> None:
    """Between times too; each against control."""
    table = people(seed, arms=3, n=36)
    for at in (1.5, 3, 4.25):
        for arm in (1, 2):
            found = incidence_difference(
                trial_of(table), outcome="end", at=at, cause=CAUSES[cause], arm="abc"[arm]
            )
            both = [members(listed(table), k) for k in (0, arm)]
            value = [float(incidence(mine, cause, at)) for mine in both]
            variance = sum(incidence_variance(mine, cause, at) for mine in both)
            if variance == 0:  # nobody in either arm had it yet
                assert not found.estimable
                continue
            assert found.by_arm == pytest.approx(value, rel=EXACT)
            assert found.value == pytest.approx(value[1] - value[0], rel=EXACT, abs=1e-14)
            assert found.std_error == pytest.approx(float(variance) ** 0.5, rel=EXACT)


@pytest.mark.parametrize("strata", ["", "site"])
@pytest.mark.parametrize("arms", [2, 3])
@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_gray(seed: int, ties: bool, arms: int, strata: str) -> None:
    """Score and variance; without ties the latter is the paper's, with ties R's."""
    table = people(seed, arms=arms, n=30, ties=ties)
    for cause, name in list(CAUSES.items())[:2]:
        want = two_sided(*gray_parts(listed(table, strata, cause), 1, arms))
        found = gray_test(trial_of(table), outcome="end", cause=name, strata=strata or ())
        assert found.statistic == pytest.approx(want, rel=EXACT)
        square = want**2 if arms == 2 else want
        assert found.p_value == pytest.approx(chi2.sf(square, arms - 1), rel=1e-9)
        assert found.df == arms - 1


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_fine_gray(seed: int, ties: bool) -> None:
    """Coefficients, likelihoods and, by the influence of every person, the covariance."""
    table = people(seed, ties=ties)
    x = table[["arm", "x"]].to_numpy(float)
    time, kind = table["time"].to_numpy(float), np.minimum(table["kind"].to_numpy(), 2)
    slow = Subdistribution(x, time.tolist(), kind.tolist())
    beta = slow.fit()
    found = fine_gray(x, time, kind)
    assert found.coef == pytest.approx(beta, abs=FITTED)
    assert np.abs(slow.score(found.coef)).max() < FITTED  # which is what a maximum is
    assert found.loglik == pytest.approx(slow.loglik(beta), rel=EXACT)
    assert found.loglik_null == pytest.approx(slow.loglik(np.zeros(2)), rel=EXACT)
    assert found.covariance == pytest.approx(slow.covariance(found.coef), rel=FITTED)
    ratio = subdistribution_hazard_ratio(trial_of(table), outcome="end", adjust="x")
    assert np.log(ratio.value) == pytest.approx(beta[0], abs=FITTED)
    assert ratio.std_error == pytest.approx(slow.covariance(beta)[0, 0] ** 0.5, rel=1e-6)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("strata", ["", "site"])
@pytest.mark.parametrize("arms", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_weighted_logrank(seed: int, arms: int, strata: str, weight: str) -> None:
    """Ties, strata and an arm that is gone early; other causes are censored."""
    table = people(seed, arms=arms)
    ours, slow = WEIGHTS[weight]
    want = weighted_logrank(listed(table, strata), slow, arms)
    found = logrank_test(trial_of(table), outcome="end", weight=ours, strata=strata or ())
    assert found.statistic == pytest.approx(want, rel=EXACT)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_randomisation_test_lists_every_weighted_allocation(weight: str) -> None:
    """Eight people, four an arm: seventy allocations."""
    table = people(3, n=8).assign(arm=[0, 1, 1, 0, 0, 1, 0, 1], kind=[1, 2, 1, 1, 0, 1, 3, 1])
    table["time"] = [1, 2, 2, 3, 3, 4, 5, 6]  # two at the third event, so no variance is nought
    ours, slow = WEIGHTS[weight]
    every = []
    for treated in combinations(range(8), 4):
        drawn = table.assign(arm=np.isin(range(8), treated).astype(int))
        every.append(weighted_logrank(listed(drawn), slow))
    seen = weighted_logrank(listed(table), slow)
    found = randomisation_test(
        trial_of(table), outcome="end", weight=ours, rng=np.random.default_rng(1)
    )
    assert found.exact
    assert found.statistic == pytest.approx(seen, rel=EXACT)
    assert found.p_value == pytest.approx(np.mean(np.abs(every) >= abs(seen) - 1e-9), abs=1e-12)


def two_weights_p(largest: float, correlation: float) -> float:
    """P(|Z1| or |Z2| beyond), by one integral over Z1."""
    spread = np.sqrt(1 - correlation**2)

    def inside(z: float) -> float:
        low, high = ((side * largest - correlation * z) / spread for side in (-1, 1))
        return float(norm.pdf(z) * (norm.cdf(high) - norm.cdf(low)))

    return 1 - quad(inside, -largest, largest, epsabs=1e-12, epsrel=1e-12)[0]


@pytest.mark.parametrize("strata", ["", "site"])
@pytest.mark.parametrize("seed", range(4))
def test_maxcombo_of_two_weights(seed: int, strata: str) -> None:
    """Against an integral; a wrong correlation of 0.9 instead of 0.8 moves p by a tenth."""
    table = people(seed)
    names = ["Gehan", "until 5"] if seed % 2 else ["FH 0.5 2", "Peto-Peto"]
    z, correlation = combined(listed(table, strata), [WEIGHTS[name][1] for name in names])
    weights = [WEIGHTS[name][0] for name in names]
    found = maxcombo_test(trial_of(table), outcome="end", weights=weights, strata=strata or ())
    assert found.statistic == pytest.approx(z[np.abs(z).argmax()], rel=EXACT)
    want = two_weights_p(np.abs(z).max(), correlation[0, 1])
    assert found.p_value == pytest.approx(want, abs=2e-6)


@pytest.mark.parametrize("strata", ["", "site"])
@pytest.mark.parametrize("seed", range(4))
def test_maxcombo_of_four_weights(seed: int, strata: str) -> None:
    """Against a million draws of the joint normal, at five standard errors of them."""
    table = people(seed, n=60)
    pairs = [(0, 0), (0, 1), (1, 0), (1, 1)]
    z, correlation = combined(
        listed(table, strata), [fleming_harrington(rho, gamma) for rho, gamma in pairs]
    )
    found = maxcombo_test(trial_of(table), outcome="end", strata=strata or ())
    assert found.statistic == pytest.approx(z[np.abs(z).argmax()], rel=EXACT)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0))
    draws = np.random.default_rng(seed).standard_normal((1_000_000, 4)) @ root.T
    p = np.mean(np.abs(draws).max(axis=1) >= np.abs(z).max())
    assert found.p_value == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / 1e6) + 1e-6)


@pytest.mark.parametrize("transform", ["km", "rank", "identity", "log"])
@pytest.mark.parametrize("strata", [None, "site"])
@pytest.mark.parametrize("seed", range(2))
def test_proportional_hazards(seed: int, strata: str | None, transform: str) -> None:
    """A column x g(t) in counting-process rows; Efron and Breslow."""
    frame = survival_frame(seed + 4, n=44, sites=2)
    trial = ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        covariates=["age"],
        factors=["site"],
        times={"rearrest": ("week", "arrest", "weeks")},
    )
    extra = {} if strata is None else {"stratum": frame[strata].to_numpy()}
    columns = (frame[["arm", "age"]].to_numpy(), frame["week"], frame["arrest"])
    rows = make_rows(*columns, **extra)
    for ties in ("efron", "breslow"):
        want = proportionality(rows, transform, ties)
        found = proportional_hazards_test(
            trial,
            outcome="rearrest",
            adjust="age",
            strata=strata or (),
            transform=transform,
            ties=ties,
        )
        assert found.statistic == pytest.approx(want.terms, rel=SCORED, abs=SCORED)
        assert found.global_statistic == pytest.approx(want.everything, rel=SCORED, abs=SCORED)
        assert found.p_value == pytest.approx(chi2.sf(want.terms, 1), abs=10 * SCORED)
        assert found.global_p_value == pytest.approx(chi2.sf(want.everything, 2), abs=10 * SCORED)
