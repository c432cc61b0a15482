"""Randomisation tests and intervals against full enumeration in fractions, rows shuffled."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import slow_inference as slow
from inference_cases import CASES, PEOPLE, Case, known, of, residual, rng, table, times, trial

import checkpoint_eval as ce
from checkpoint_eval.design import Custom

if TYPE_CHECKING:
    from collections.abc import Mapping

CLOSED = 1e-10  # sums of fewer than 300 chances and statistics of nine people
SIDES = ("two-sided", "less", "greater")


def square_free(case: Case) -> dict[str, tuple[slow.Statistic, dict[str, Any]]]:
    """Statistics that are fractions, and how the library is asked for them."""
    adjust = {"statistic": "adjusted difference", "adjust": ["age", "prior"]}
    return {
        "means": (of(known("days"), case), {"outcome": "days", "statistic": "mean difference"}),
        "risks": (of(known("any"), case), {"outcome": "any", "statistic": "risk difference"}),
        "ranks": (
            slow.mean_difference(slow.midranks(known("days"))),
            {"outcome": "days", "statistic": "rank sum"},
        ),
        "binary ranks": (
            slow.mean_difference(slow.midranks(known("any"))),
            {"outcome": "any", "statistic": "rank sum"},
        ),
        "adjusted": (of(residual("days"), case), {"outcome": "days", **adjust}),
    }


def with_root(case: Case) -> dict[str, tuple[slow.Statistic, dict[str, Any]]]:
    """Statistics given by their signed squares."""
    strata = PEOPLE["suite"].tolist() if case.strata else None
    largest = slow.largest([slow.studentised(known("days")), slow.logrank(times(), strata)])
    asked = {
        "studentised": (
            slow.studentised(known("days")),
            {"outcome": "days", "statistic": "studentised difference"},
        ),
        "largest": (largest, {"outcome": ["days", "re"]}),
    }
    for rho, gamma in [(0, 0), (1, 0), (0, 1), (1, 1)]:
        weight = ce.FlemingHarrington(rho=rho, gamma=gamma)
        twin = slow.logrank(times(), strata, rho, gamma)
        asked[f"log-rank {rho} {gamma}"] = (twin, {"outcome": "re", "weight": weight})
    return asked


def check(case: Case, twin: slow.Statistic, asked: dict[str, Any], statistic: float) -> None:
    """The statistic, every alternative, and the whole support."""
    twin = cache(twin)
    read = trial(case, table(case))
    for side in ("two-sided",) if isinstance(asked["outcome"], list) else SIDES:
        found = ce.randomisation_test(read, **asked, alternative=side, rng=rng())
        assert found.statistic == pytest.approx(statistic, rel=CLOSED, abs=1e-13)
        exact = slow.p_value(twin, case.arm, case.weights, side)
        assert found.p_value == pytest.approx(float(exact), rel=CLOSED), side
        assert (found.draws, found.monte_carlo_error) == (len(case.weights), 0)


@pytest.mark.parametrize("name", square_free(CASES["not stated"]))
@pytest.mark.parametrize("rule", CASES)
def test_differences(rule: str, name: str) -> None:
    """Means, risks, ranks and residuals; by inverse probability where a rule is stated."""
    twin, asked = square_free(CASES[rule])[name]
    check(CASES[rule], twin, asked, float(twin(CASES[rule].arm)))


@pytest.mark.parametrize("name", with_root(CASES["not stated"]))
@pytest.mark.parametrize("rule", CASES)
def test_standardised(rule: str, name: str) -> None:
    """Studentised differences, log-rank z of four weights, and the largest of several."""
    twin, asked = with_root(CASES[rule])[name]
    check(CASES[rule], twin, asked, slow.root(twin(CASES[rule].arm)))


def oldest(arm: tuple[int, ...]) -> Fraction:
    """Sum of days of the treated who are known, doubled for those who came late."""
    pairs = zip(known("days"), arm, strict=True)
    return Fraction(sum((1 + (i > 5)) * v * a for i, (v, a) in enumerate(pairs) if v is not None))


@pytest.mark.parametrize("rule", CASES)
def test_own_callable(rule: str) -> None:
    """It is given the known people, in the order of the table, and whose places they are."""
    case = CASES[rule]
    frame = table(case)
    late = (frame["came"] > 34).to_numpy()

    def own(arm: np.ndarray[Any, Any], people: Any) -> np.ndarray[Any, Any]:
        return arm @ (people.value * (1 + late[people.people]))

    for side in SIDES:
        found = ce.randomisation_test(
            trial(case, frame), outcome="days", statistic=own, alternative=side, rng=rng()
        )
        assert found.statistic == float(oldest(case.arm))
        exact = slow.p_value(oldest, case.arm, case.weights, side)
        assert found.p_value == pytest.approx(float(exact), rel=CLOSED)


@pytest.mark.parametrize("rule", ["coin", "blocks", "minimisation", "maximal", "stick", "custom"])
def test_dates_and_text_tell_the_order_too(rule: str) -> None:
    """As whole dates and as text in order; and the order of rows where it is the order."""
    case = CASES[rule]
    twin, asked = square_free(case)["means"]
    exact = float(slow.p_value(twin, case.arm, case.weights))
    dates = pd.to_datetime("2026-01-01") + pd.to_timedelta(PEOPLE["came"], unit="D")
    for came in (dates, dates.dt.strftime("%Y-%m-%d"), dates.dt.strftime("%Y-%m-%dT%H:%M")):
        read = trial(case, table(case, seed=4, came=list(came)))
        found = ce.randomisation_test(read, **asked, rng=rng())
        assert found.p_value == pytest.approx(exact, rel=CLOSED)
    rows = table(case).sort_values("came").reset_index(drop=True)
    read = ce.Trial.from_frame(
        rows, arm="arm", control=0, numeric={"days": "days"}, rule=case.rule, order="rows"
    )
    assert ce.randomisation_test(read, **asked, rng=rng()).p_value == pytest.approx(exact)


@pytest.mark.parametrize("name", ["means", "adjusted", "log-rank 0 0", "largest"])
@pytest.mark.parametrize("rule", [r for r, case in CASES.items() if len(case.weights) > 59])
def test_monte_carlo(rule: str, name: str) -> None:
    """Fewer draws than allocations: (b + 1) / (B + 1), within 5 standard errors of the exact p."""
    case, draws = CASES[rule], len(CASES[rule].weights) - 1
    twin, asked = (square_free(case) | with_root(case))[name]
    exact = float(slow.p_value(twin, case.arm, case.weights))
    read = trial(case, table(case))
    found = [ce.randomisation_test(read, **asked, draws=draws, rng=rng(i)) for i in range(20)]
    hits = [one.p_value * (draws + 1) for one in found]
    assert hits == pytest.approx([round(b) for b in hits], abs=1e-8)
    assert len(set(hits)) > 1 or exact in (0, 1)
    assert min(hits) > 0.5
    # the ones taken off again, b of all draws is binomial with the exact p
    share, total = sum(b - 1 for b in hits) / draws / 20, 20 * draws
    assert abs(share - exact) <= 5 * math.sqrt(exact * (1 - exact) / total) + 1e-12
    for one in found:
        assert one.draws == draws
        error = math.sqrt(one.p_value * (1 - one.p_value) / draws)
        assert one.monte_carlo_error == pytest.approx(error, rel=0.2)


# --- intervals ---------------------------------------------------------------------------------


KINDS: Mapping[str, dict[str, Any]] = {
    "means": {"statistic": "mean difference"},
    "adjusted": {"statistic": "adjusted difference", "adjust": ["age", "prior"]},
}


def maker(case: Case, kind: str) -> slow.Maker:
    """How the statistic of shifted outcomes is made."""
    covariates = [PEOPLE["age"].tolist(), PEOPLE["prior"].tolist()]
    if kind == "adjusted":
        return lambda values: of(slow.residuals(values, covariates), case)
    return lambda values: of(values, case)


LEVELS = [Fraction(4, 5), Fraction(95, 100)]


def asked_intervals() -> list[Any]:
    """Every rule, kind and level; the large supports are slow."""
    found = []
    for rule, case in CASES.items():
        for kind, level in product(KINDS, LEVELS):
            marks = [pytest.mark.slow] if len(case.weights) > 200 else []
            found.append(pytest.param(rule, kind, level, marks=marks))
    return found


@pytest.mark.parametrize(("rule", "kind", "level"), asked_intervals())
def test_interval(rule: str, kind: str, level: Fraction) -> None:
    """Against the lowest and highest of all stretches of effects, each tested by itself."""
    case = CASES[rule]
    make, days = maker(case, kind), known("days")
    found = ce.randomisation_interval(
        trial(case, table(case)), outcome="days", level=float(level), rng=rng(), **KINDS[kind]
    )
    assert found.value == pytest.approx(float(slow.estimate(make, days, case.arm)), rel=CLOSED)
    exact = slow.p_at(make, days, case.arm, case.weights, Fraction(0))
    assert found.p_value == pytest.approx(float(exact), rel=CLOSED)
    low, high = slow.ends(make, days, case.arm, case.weights, 1 - level)
    assert found.low <= low + 1e-9  # never too narrow
    assert found.high >= high - 1e-9
    assert [found.low, found.high] == pytest.approx((low, high), rel=CLOSED, abs=1e-12)


def test_interval_with_a_mirror_image_by_hand() -> None:
    """
    Three allocations alike, 0011 made, 1100 its mirror; chances of treatment 1/3, 2/3, 1/3, 2/3.

    y − τ·arm = (0, 4, 5 − τ, 9 − τ). Made: means (5·3 + 9·3/2)/4.5 − τ = 19/3 − τ and
    (0·3/2 + 4·3)/4.5 = 8/3: 11/3 − τ. Mirror: 4/3 − (5·3/2 + 9·3)/4.5 + τ = τ − 19/3. So the
    mirror counts when |τ − 19/3| >= |τ − 11/3|: up to τ = 5 and never beyond. 0101 counts up to
    23/3; at 80 % confidence less than all three is rejected, so the interval ends at 5.
    """
    matrix = [[0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1]]
    frame = pd.DataFrame({"arm": matrix[0], "days": [0.0, 4.0, 5.0, 9.0]})
    read = ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        numeric={"days": "days"},
        rule=Custom(matrix=matrix),
        order="rows",
    )
    found = ce.randomisation_interval(read, outcome="days", level=0.2, rng=rng())
    assert found.value == pytest.approx(11 / 3)
    assert found.high == pytest.approx(5)


@pytest.mark.parametrize("rule", ["strata", "stick", "custom"])
def test_interval_is_all_that_is_not_rejected(rule: str) -> None:
    """A grid of effects from end to end and beyond: no gap inside, nothing kept outside."""
    case = CASES[rule]
    make, days = maker(case, "means"), known("days")
    found = ce.randomisation_interval(
        trial(case, table(case)), outcome="days", level=0.7, rng=rng()
    )
    assert math.isfinite(found.low)
    for effect in np.linspace(found.low - 5, found.high + 5, 41).tolist():
        p = slow.p_at(make, days, case.arm, case.weights, Fraction(effect))
        assert (p > Fraction(3, 10)) == (found.low <= effect <= found.high)


@pytest.mark.parametrize("rule", ["not stated", "complete", "coin", "minimisation", "blocks"])
def test_interval_from_draws(rule: str) -> None:
    """
    The allocation made counts beside those drawn, each 1 / (B + 1).

    The same seed draws the same allocations in a test, whose own statistic sees them.
    """
    case, draws, drawn = CASES[rule], 39, []

    def own(arm: np.ndarray[Any, Any], people: Any) -> np.ndarray[Any, Any]:
        drawn.append(arm.copy())
        return arm @ people.value

    read = trial(case, table(case))
    how: dict[str, Any] = {"outcome": "days", "draws": draws}
    ce.randomisation_test(read, statistic=own, rng=rng(8), **how)
    rows = [tuple(row) for row in np.concatenate(drawn).tolist()]
    made, days = rows[0], table(case)["days"].dropna().tolist()  # the one made is asked first
    assert len(rows) == draws + 1
    weights = {row: Fraction(count, draws + 1) for row, count in Counter(rows).items()}
    for level in (0.7, 0.9, 0.99):
        found = ce.randomisation_interval(read, level=level, rng=rng(8), **how)
        alpha = 1 - Fraction(level).limit_denominator(100)
        ends = slow.ends(slow.mean_difference, days, made, weights, alpha)
        assert [found.low, found.high] == pytest.approx(ends, rel=CLOSED)
        p = slow.p_value(slow.mean_difference(days), made, weights)
        assert found.p_value == pytest.approx(float(p), rel=CLOSED)
    assert (found.low, found.high) == (-math.inf, math.inf)  # 1/40 is never rejected at 1 %


def test_risk_difference_interval() -> None:
    """Of a yes/no outcome with missing answers, read as the numbers 0 and 1."""
    for rule in ("not stated", "stick"):
        case = CASES[rule]
        make = maker(case, "means")
        found = ce.randomisation_interval(
            trial(case, table(case)),
            outcome="any",
            statistic="risk difference",
            level=0.8,
            rng=rng(),
        )
        ends = slow.ends(make, known("any"), case.arm, case.weights, Fraction(1, 5))
        assert [found.low, found.high] == pytest.approx(ends, rel=CLOSED, abs=1e-12)
