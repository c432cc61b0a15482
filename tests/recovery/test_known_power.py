"""Power by closed form against trials drawn and tested.

Bounds are five Monte Carlo standard errors of a share, and what the formula itself may miss.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import t as student

from checkpoint_eval.power import (
    Counts,
    Diluted,
    Hazards,
    Means,
    PartiallyNested,
    Proportions,
    people_needed,
    power_of,
)

pytestmark = pytest.mark.slow
DRAWS = 20_000
Z = ndtri(0.975)


def agrees(rejected: np.ndarray, power: float, miss: float) -> None:
    error = 5 * np.sqrt(power * (1 - power) / rejected.size)
    assert abs(rejected.mean() - power) < error + miss


@pytest.mark.parametrize("treatment", [0.35, 0.48])
def test_proportions(treatment: float) -> None:
    """Pooled score test; with equal risks it rejects half of alpha on the side of success."""
    rng = np.random.default_rng(1)
    design = Proportions(control=0.48, treatment=treatment, better="lower")
    n = np.array([224, 224])
    x = rng.binomial(n, [0.48, treatment], size=(DRAWS, 2))
    p = x / n
    pooled = x.sum(axis=1) / n.sum()
    z = (p[:, 1] - p[:, 0]) / np.sqrt(pooled * (1 - pooled) * (1 / n).sum())
    # Steps of one event move the share rejected by about a hundredth.
    agrees(z < -Z, power_of(design, n=(224, 224)).power, 0.01)


def test_fisher_is_exact() -> None:
    rng = np.random.default_rng(2)
    from checkpoint_eval.power.exact_risks import rejection_region

    x0, x1 = rng.binomial(40, 0.6, DRAWS), rng.binomial(50, 0.3, DRAWS)
    design = Proportions(control=0.6, treatment=0.3, formula="fisher")
    rejected = rejection_region(40, 50, "fisher", 0.05, 2, -1)[x0, x1]
    agrees(rejected, power_of(design, n=(40, 50)).power, 0.0)


@pytest.mark.parametrize("ratio", [0.75, 1.0])
def test_hazards(ratio: float) -> None:
    """Score test of exponential times with dropout and even accrual: what Schoenfeld stands for."""
    rng = np.random.default_rng(3)
    design = Hazards(
        ratio=ratio, control=0.48, at=24, accrual=20, follow_up=24, dropout=0.1, better="lower"
    )
    n, rate, loss = 330, -np.log(0.52) / 24, -np.log(0.9) / 24
    draws = 4000
    time = rng.exponential(1 / (rate * np.array([1.0, ratio]))[:, None], size=(draws, 2, n))
    end = np.minimum(
        rng.exponential(1 / loss, size=time.shape), 24 + rng.uniform(0, 20, size=time.shape)
    )
    event, seen = time <= end, np.minimum(time, end)
    events, risk = event.sum(axis=2), seen.sum(axis=2)
    expected = events.sum(axis=1) * risk[:, 1] / risk.sum(axis=1)
    spread = expected * risk[:, 0] / risk.sum(axis=1)
    z = (events[:, 1] - expected) / np.sqrt(spread)
    # Local: two hundredths at a ratio of 0.75, where three formulas differ by about one.
    agrees(z < -Z, power_of(design, n=(n, n)).power, 0.02)
    got = event.mean(axis=(0, 2))
    want = design.events(np.float64(1), np.float64(1))
    assert got == pytest.approx(want, abs=5 * np.sqrt(0.25 / (draws * n)))


def test_counts() -> None:
    """Wald test with the dispersion known, of negative binomial counts."""
    rng = np.random.default_rng(4)
    design = Counts(control=1.6, ratio=0.7, exposure=1.5, dispersion=0.8, formula="unpooled")
    n, size = 150, 1 / 0.8
    mean = 2.4 * np.array([1.0, 0.7])
    y = rng.poisson(rng.gamma(size, mean[:, None] / size, size=(DRAWS // 4, 2, n))).mean(axis=2)
    z = np.log(y[:, 1] / y[:, 0]) / np.sqrt(((1 / y + 0.8) / n).sum(axis=1))
    agrees(z < -Z, power_of(design, n=(n, n)).power, 0.01)


def test_people_found_for_navigators_and_overrides() -> None:
    """Normal outcomes, unequal caseloads, 10 % overridden; the test of weighted means by truth."""
    rng = np.random.default_rng(5)
    caseloads = np.tile([5, 10, 15, 30], 3)
    cv = caseloads.std() / caseloads.mean()
    nested = PartiallyNested(
        design=Means(difference=0.5, sd=1.0, formula="z"),
        icc=0.08,
        caseload=float(caseloads.mean()),
        cv=float(cv),
        distribution="normal",
    )
    design = Diluted(design=nested, overrides=0.1)
    people = (180, int(caseloads.sum()))
    control = rng.normal(size=(DRAWS, people[0])).mean(axis=1)
    own = rng.normal(scale=np.sqrt(0.08), size=(DRAWS, caseloads.size))
    # Overridden people have no effect; they stay in their navigator's caseload.
    taken = rng.binomial(people[1], 0.9, DRAWS) / people[1]
    treatment = (
        (own * caseloads).sum(axis=1) / people[1]
        + rng.normal(scale=np.sqrt(0.92 / people[1]), size=DRAWS)
        + 0.5 * taken
    )
    error = np.sqrt(1 / people[0] + 0.92 / people[1] + 0.08 * (caseloads**2).sum() / people[1] ** 2)
    agrees((treatment - control) / error > Z, power_of(design, n=people).power, 0.002)


def test_a_t_test_of_few() -> None:
    rng = np.random.default_rng(6)
    found = people_needed(Means(difference=1.4, sd=1.0, covariates=0))
    n0, n1 = (int(each) for each in found.n)
    x, y = rng.normal(size=(DRAWS, n0)), rng.normal(1.4, size=(DRAWS, n1))
    pooled = ((n0 - 1) * x.var(axis=1, ddof=1) + (n1 - 1) * y.var(axis=1, ddof=1)) / (n0 + n1 - 2)
    z = (y.mean(axis=1) - x.mean(axis=1)) / np.sqrt(pooled * (1 / n0 + 1 / n1))
    agrees(z > student.ppf(0.975, n0 + n1 - 2), found.power, 0.0)
