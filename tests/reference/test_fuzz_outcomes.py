"""What a fuzz of yes and no, numbers, pairs and compliers found wrong, and some of what it tried.

Each answer is worked out again in plain loops or in fractions: from the definition, not the source.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import (
    attrition_bounds,
    complier_average_effect,
    mean_difference,
    ordinal_odds_ratio,
    pathway_interactions,
    superiority_probability,
    trimmed_mean_difference,
    win_ratio,
)

CLOSE = partial(pytest.approx, rel=1e-9, abs=1e-12)  # some dozens of sums of numbers of order 1


def read(table: pd.DataFrame, **declared: Any) -> ce.Trial:
    return ce.Trial.from_frame(table, arm="arm", control=0, **declared)


# --- pairs: numbers are compared as they are


def won_less_lost(treated: list[float], control: list[float]) -> float:
    """Count every pair of exact numbers."""
    pairs = [(a < b) - (a > b) for a in treated for b in control]
    return sum(pairs) / len(pairs)


@pytest.mark.parametrize("outlier", [1e3, 1e7, 1e9, 1e12])
def test_an_outlier_makes_no_others_tie(outlier: float) -> None:
    """Harm days tie when they are equal, however far the gravest lies from them."""
    control, treated = [0.25, 0.5, 3.75, outlier], [0.24, 0.49, 0.51, 3.5]
    table = pd.DataFrame({"arm": [0] * 4 + [1] * 4, "days": control + treated})
    trial = read(table, numeric={"harm": "days"})
    want = won_less_lost(treated, control)
    pairs = win_ratio(trial, outcomes="harm", measure="net benefit")
    placed = superiority_probability(trial, outcome="harm")
    assert pairs.value == CLOSE(want)
    assert placed.value == CLOSE(want)


def test_numbers_far_from_nought_are_not_rounded_together() -> None:
    """A million and a thousandth more are two numbers, and as many net benefits."""
    control, treated = [1e6 + 0.002, 1e6 + 0.004, 1e6 + 0.5], [1e6 + 0.001, 1e6 + 0.003, 1e6 + 0.6]
    table = pd.DataFrame({"arm": [0] * 3 + [1] * 3, "days": control + treated})
    found = win_ratio(read(table, numeric={"d": "days"}), outcomes="d", measure="net benefit")
    assert found.value == CLOSE(won_less_lost(treated, control))
    assert "tied 0.0%" in found.method


@pytest.mark.parametrize("measure", ["win ratio", "net benefit", "win odds"])
def test_strata_whose_pairs_all_tie_say_so(measure: Any) -> None:
    """A half in strata of unequal size is a half up to rounding, which is no variance."""
    sizes = {"a": (4, 5), "b": (6, 1)}
    rows = [(arm, site, 1.0) for site, n in sizes.items() for arm in (0, 1) for _ in range(n[arm])]
    table = pd.DataFrame(rows, columns=["arm", "site", "days"])
    found = win_ratio(
        read(table, factors=["site"], numeric={"d": "days"}),
        outcomes="d",
        measure=measure,
        strata="site",
    )
    assert not found.estimable
    assert "not estimable: all pairs are tied" in found.method


# --- regression in fractions


def inverse(matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    """Invert by elimination."""
    n = len(matrix)
    rows = [[*row, *(Fraction(int(i == j)) for j in range(n))] for i, row in enumerate(matrix)]
    for place in range(n):
        pivot = next(row for row in range(place, n) if rows[row][place] != 0)
        rows[place], rows[pivot] = rows[pivot], rows[place]
        rows[place] = [each / rows[place][place] for each in rows[place]]
        for other in set(range(n)) - {place}:
            factor = rows[other][place]
            rows[other] = [a - factor * b for a, b in zip(rows[other], rows[place], strict=True)]
    return [row[n:] for row in rows]


def of_arm(columns: list[list[float]], value: list[float], power: int) -> tuple[float, float]:
    """Return the second coefficient and its HC error, whoever has leverage 1 left out."""
    x = [[Fraction(each) for each in row] for row in columns]
    y, p = [Fraction(each) for each in value], len(columns[0])
    bread = inverse(
        [[sum((r[i] * r[j] for r in x), Fraction(0)) for j in range(p)] for i in range(p)]
    )
    moments = [sum((r[j] * v for r, v in zip(x, y, strict=True)), Fraction(0)) for j in range(p)]
    coef = [sum((b * m for b, m in zip(row, moments, strict=True)), Fraction(0)) for row in bread]
    total = Fraction(0)
    for row, v in zip(x, y, strict=True):
        along = [
            sum((b * c for b, c in zip(each, row, strict=True)), Fraction(0)) for each in bread
        ]
        leverage = sum((a * c for a, c in zip(along, row, strict=True)), Fraction(0))
        left = v - sum((b * c for b, c in zip(coef, row, strict=True)), Fraction(0))
        if leverage != 1:
            total += (along[1] * left) ** 2 / (1 - leverage) ** power
    return float(coef[1]), math.sqrt(total)


@pytest.mark.parametrize(("variance", "power"), [("HC2", 1), ("HC3", 2)])
@pytest.mark.parametrize("seed", range(4))
def test_covariates_far_from_nought_and_strata_of_one(variance: Any, power: int, seed: int) -> None:
    """In exact arithmetic: R's lm_robust is off in the fifth digit where a covariate is 1e6 + z,
    and in the fourth where someone is alone in a stratum, since 0 / 0² is what rounding makes it.
    """
    rng = np.random.default_rng(seed)
    n = 12
    table = pd.DataFrame(
        {
            "arm": [0, 1] * (n // 2),
            "age": np.round(1e6 + rng.normal(size=n), 3),
            "site": [*"aabbccaabb", "d", "e"],  # the last two are alone
            "days": np.round(rng.exponential(20, n), 1),
        }
    )
    trial = read(table, covariates=["age"], factors=["site"], numeric={"harm": "days"})
    strata = [[float(site == each) for each in "bcde"] for site in table["site"]]
    columns = [
        [1.0, float(arm), age, *own]
        for arm, age, own in zip(table["arm"], table["age"], strata, strict=True)
    ]
    value, error = of_arm(columns, table["days"].tolist(), power)
    found = mean_difference(
        trial, outcome="harm", adjust="age", method="ancova", strata="site", variance=variance
    )
    # An age of a million and a bit has ten of its sixteen digits left once it is centred.
    assert found.value == pytest.approx(value, rel=1e-7)
    assert found.std_error == pytest.approx(error, rel=1e-7)
    assert "2 people fitted exactly" in found.method


# --- compliers


def test_residuals_that_cancel_are_no_variance() -> None:
    """In a trial of the fuzz those with a residual had no assignment left: se was 1e-16, p 0.9."""
    rows = [  # arm, received, site, kind, count; only the eighth has any
        (0, 0, 1, "c", 0), (1, 1, 0, "c", 0), (0, 0, 1, "a", 0), (1, 1, 1, "c", 0),
        (1, 1, 1, "c", 0), (0, 0, 1, "c", 0), (0, 0, 0, "a", 0), (1, 0, 1, "b", 1),
        (0, 1, 0, "a", 0), (1, 1, 1, "c", 0), (1, 1, 1, "a", 0), (1, 0, 1, "c", 0),
        (1, 0, 1, "c", 0), (1, 0, 1, "b", 0), (1, 1, 1, "b", 0),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["arm", "got", "site", "kind", "days"])
    trial = read(table, received="got", factors=["site", "kind"], numeric={"harm": "days"})
    for variance in ("HC0", "HC1", "HC2"):
        found = complier_average_effect(
            trial, outcome="harm", strata="site", adjust="kind", variance=variance
        )
        assert "not estimable: deviations cancel, and leave no variance" in found.method
        assert math.isnan(found.p_value)
    # The variance of all alike needs no weights of theirs, and is there.
    alike = complier_average_effect(
        trial, outcome="harm", strata="site", adjust="kind", variance="classical"
    )
    assert alike.std_error > 0.1


# --- a spread of small awkward trials


def awkward(seed: int) -> pd.DataFrame:
    """From 4 to 24 people, ties, gaps, unequal arms, sometimes an arm without any."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 25))
    arm = np.r_[0, 0, 1, 1, rng.random(n - 4) < rng.choice([0.2, 0.5, 0.8])].astype(int)
    days = [np.round(rng.exponential(9, n)), rng.integers(0, 3, n) * 1.0, rng.lognormal(0, 3, n)]
    table = pd.DataFrame({"arm": arm, "days": days[seed % 3], "need": rng.integers(0, 3, n)})
    table["any"] = (rng.random(n) < rng.choice([0.1, 0.5, 0.9])).astype(float)
    if seed % 2:
        table.loc[rng.random(n) < 0.25, ["days", "any"]] = np.nan
    return table.iloc[rng.permutation(n)]


def kept(ordered: np.ndarray[Any, Any], share: float) -> float:
    """Return the mean of the first `share` of numbers, the one on the edge in part."""
    weight = np.clip(share * ordered.size - np.arange(ordered.size), 0, 1)
    return float(weight @ ordered / weight.sum())


@pytest.mark.parametrize("seed", range(30))
def test_bounds_trims_and_pairs_of_awkward_trials(seed: int) -> None:
    """Manski by filling in, Lee by trimming, trimmed means by sorting, pairs by counting."""
    table = awkward(seed)
    seen = [table.loc[table["arm"] == arm, "days"].dropna().sort_values() for arm in (0, 1)]
    control, treated = (each.to_numpy() for each in seen)
    if not control.size or not treated.size:
        return
    trial = read(table, numeric={"harm": "days"}, binary={"any": "any"})
    n = np.bincount(table["arm"])
    share = np.array([control.size, treated.size]) / n
    least, most = 0.0, 1e6
    found = attrition_bounds(trial, outcome="harm", support=(least, most))
    ends = [
        [(each.sum() + (size - each.size) * fill) / size for fill in (least, most)]
        for each, size in zip((control, treated), n, strict=True)
    ]
    assert (found.low, found.high) == CLOSE((ends[1][0] - ends[0][1], ends[1][1] - ends[0][0]))
    lee = attrition_bounds(trial, outcome="harm", method="lee")
    q = share.min() / share
    assert lee.low == CLOSE(kept(treated, q[1]) - kept(control[::-1], q[0]))
    assert lee.high == CLOSE(kept(treated[::-1], q[1]) - kept(control, q[0]))
    trimmed = trimmed_mean_difference(trial, outcome="harm", trim=0.25)
    if trimmed.estimable:
        middle = [each[each.size // 4 : each.size - each.size // 4] for each in (control, treated)]
        assert trimmed.value == CLOSE(middle[1].mean() - middle[0].mean())
    pairs = win_ratio(trial, outcomes="harm", measure="net benefit")
    if pairs.estimable:
        assert pairs.value == CLOSE(won_less_lost(treated.tolist(), control.tolist()))


@pytest.mark.parametrize("seed", range(0, 30, 3))
def test_a_need_is_asked_of_those_who_have_it(seed: int) -> None:
    """Effects with and without a need are those of the two tables, their difference Wald's."""
    table = awkward(seed).reset_index(drop=True)
    need = table[["need"]].to_numpy(dtype=float)
    scores = ce.outcomes.PathwayScores(pathways=("drugs",), baseline=need, follow_up=need)
    trial = read(table, numeric={"harm": "days"})
    found = pathway_interactions(trial, scores, outcome="harm", threshold=0)
    parts = (found.with_need[0], found.without[0])
    for has, part in zip((True, False), parts, strict=True):
        own = table[(table["need"] > 0) == has]
        if part.estimable:
            alone = mean_difference(read(own, numeric={"harm": "days"}), outcome="harm")
            assert (part.value, part.std_error) == CLOSE((alone.value, alone.std_error))
            assert (part.n, part.missing) == (alone.n, alone.missing)
        else:
            assert "not estimable: " in part.method
    if all(part.estimable for part in parts):
        asked = found.interactions[0]
        assert asked.value == CLOSE(parts[0].value - parts[1].value)
        assert asked.std_error == CLOSE(math.hypot(*(part.std_error for part in parts)))


# --- grades


@pytest.mark.parametrize("seed", range(6))
def test_the_error_of_an_odds_ratio_of_grades_is_not_by_differences(seed: int) -> None:
    """Of two grades it is Woolf's; of more, names of levels do not move its sixth digit."""
    rng = np.random.default_rng(seed)
    n = 60
    table = pd.DataFrame(
        {
            "arm": np.arange(n) % 2,
            "kind": rng.choice(list("abc"), n),
            "two": rng.integers(0, 2, n),
            "four": rng.integers(0, 4, n),
        }
    )
    turned = table.assign(kind=table["kind"].map({"a": "z", "b": "y", "c": "x"}))
    given: dict[str, Any] = {"covariates": ["kind"], "numeric": {"two": "two", "four": "four"}}
    crude = ordinal_odds_ratio(read(table, **given), outcome="two")
    cells = table.groupby(["arm", "two"]).size()
    assert crude.std_error == pytest.approx(math.sqrt((1 / cells).sum()), rel=1e-8)
    one, other = (
        ordinal_odds_ratio(read(each, **given), outcome="four", adjust="kind")
        for each in (table, turned)
    )
    # The fits stop within 1e-10 of the greatest likelihood, a hundred-thousandth of an error.
    assert one.std_error == pytest.approx(other.std_error, rel=1e-7)
