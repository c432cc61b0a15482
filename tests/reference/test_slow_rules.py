"""Every allocation rule against its definition in exact fractions, walked person by person."""

from __future__ import annotations

import copy
import json
from fractions import Fraction
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pytest
import slow_rules as slow
from scipy.stats import chi2

from checkpoint_eval.design import (
    BiasedCoin,
    BigStick,
    Chen,
    Clustered,
    Complete,
    Custom,
    Mahalanobis,
    MaximalProcedure,
    Minimisation,
    People,
    PermutedBlocks,
    Rerandomised,
    Rule,
    Simple,
    Stratified,
    Urn,
)

CLOSED = 1e-12  # products of at most eight chances
TEAMS = pd.DataFrame(
    {
        "suite": ["n", "s", "n", "n", "s", "n"],
        "team": ["b", "a", "b", "c", "a", "d"],
        "band": ["lo", "hi", "lo", "lo", "hi", "hi"],
    }
)
MIXED = pd.DataFrame(
    {
        "suite": ["n", "n", "s", "n", "s", "s", "n"],
        "band": ["lo", "hi", "hi", "lo", "lo", "hi", "mid"],
    }
)
MATRIX = [[0, 1, 2, 0], [1, 0, 0, 2], [0, 1, 2, 0], [0, 0, 1, 2]]


class Case(NamedTuple):
    """A rule of the library, its slow twin and who comes."""

    rule: Rule
    slow: slow.Slow
    people: pd.DataFrame | int

    @property
    def persons(self) -> list[dict[str, Any]]:
        """Everyone's columns."""
        if isinstance(self.people, int):
            return [{} for _ in range(self.people)]
        return self.people.to_dict("records")


def minimise(imbalance: str, how: str, ratio: tuple[int, ...], weights: tuple[int, ...]) -> Case:
    """Minimisation on two factors."""
    people = MIXED.iloc[: 7 if len(ratio) == 2 else 5]
    p = Fraction(1, 2) if how == "rank" else Fraction(3, 4)
    rule = Minimisation(
        factors=["suite", "band"],
        weights=weights,
        p_best=float(p),
        imbalance=imbalance,  # type: ignore[arg-type]
        rule=how,  # type: ignore[arg-type]
        ratio=ratio,
    )
    fractions = [Fraction(weight) for weight in weights]
    twin = slow.Minimise(("suite", "band"), fractions, p, imbalance, how, ratio)
    return Case(rule, twin, people)


THIRD, QUARTER = Fraction(2, 3), Fraction(3, 4)
BY_SUITE = minimise("range", "biased-coin", (1, 2), (1, 2))
PLAIN = [
    Case(Simple(), slow.simple(1, 1), 5),
    Case(Simple(ratio=(1, 2, 3)), slow.simple(1, 2, 3), 4),
    Case(Complete(counts=(2, 4)), slow.complete(2, 4), 6),
    Case(Complete(counts=(1, 3, 2)), slow.complete(1, 3, 2), 6),
    Case(PermutedBlocks(sizes=(4,)), slow.blocks((4,), 1, 1), 7),
    Case(PermutedBlocks(sizes=(2, 4, 6)), slow.blocks((2, 4, 6), 1, 1), 8),
    Case(PermutedBlocks(sizes=(3, 6), ratio=(1, 2)), slow.blocks((3, 6), 1, 2), 8),
    Case(PermutedBlocks(sizes=(4, 4, 8), ratio=(1, 2, 1)), slow.blocks((4, 4, 8), 1, 2, 1), 6),
    Case(BiasedCoin(p=2 / 3), slow.biased_coin(THIRD), 7),
    Case(BiasedCoin(p=1), slow.biased_coin(Fraction(1)), 6),
    Case(Urn(alpha=0, beta=1), slow.urn(0, 1), 6),
    Case(Urn(alpha=2, beta=3), slow.urn(2, 3), 6),
    Case(Urn(alpha=1, beta=0), slow.urn(1, 0), 5),
    Case(BigStick(tolerance=1), slow.big_stick(1), 6),
    Case(BigStick(tolerance=2), slow.big_stick(2), 7),
    Case(Chen(p=3 / 4, tolerance=2), slow.chen(QUARTER, 2), 7),
    Case(MaximalProcedure(tolerance=2, people=8), slow.maximal(2, 8), 8),
    Case(MaximalProcedure(tolerance=3, people=8), slow.maximal(3, 8), 5),
    Case(Custom(matrix=MATRIX), slow.custom(MATRIX), 4),
    Case(Custom(matrix=MATRIX, weights=[1, 2, 3, 5]), slow.custom(MATRIX, [1, 2, 3, 5]), 4),
]
NESTED = [
    Case(
        Stratified(rule=PermutedBlocks(sizes=(2, 4)), by="suite"),
        slow.stratified(slow.blocks((2, 4), 1, 1), "suite"),
        MIXED,
    ),
    Case(
        Stratified(rule=Urn(alpha=1, beta=1), by=["suite", "band"]),
        slow.stratified(slow.urn(1, 1), "suite", "band"),
        MIXED,
    ),
    Case(
        Stratified(rule={"n": Complete(counts=(1, 3)), "suite=s": BiasedCoin(p=0.75)}, by="suite"),
        slow.stratified({"n": slow.complete(1, 3), "s": slow.biased_coin(QUARTER)}, "suite"),
        MIXED,
    ),
    Case(
        Stratified(
            rule=Minimisation(factors=["band"], p_best=0.75), by={"suite": ["s", "unused", "n"]}
        ),
        slow.stratified(
            slow.Minimise(("band",), [Fraction(1)], QUARTER, "range", "biased-coin", (1, 1)),
            "suite",
        ),
        MIXED,
    ),
    Case(
        Stratified(rule=Stratified(rule=BigStick(tolerance=1), by="band"), by="suite"),
        slow.stratified(slow.big_stick(1), "suite", "band"),
        MIXED,
    ),
    Case(
        Clustered(rule=BiasedCoin(p=2 / 3), by="team"),
        slow.clustered(slow.biased_coin(THIRD), 2, "team"),
        TEAMS,
    ),
    Case(
        Clustered(rule=Custom(matrix=[[0, 1, 0, 2], [1, 0, 2, 0]], weights=[1, 3]), by="team"),
        slow.clustered(slow.custom([[0, 1, 0, 2], [1, 0, 2, 0]], [1, 3]), 3, "team"),
        TEAMS,
    ),
    Case(
        Clustered(rule=Stratified(rule=PermutedBlocks(sizes=(2,)), by="suite"), by="team"),
        slow.clustered(slow.stratified(slow.blocks((2,), 1, 1), "suite"), 2, "team"),
        TEAMS,
    ),
    Case(
        Stratified(rule=Clustered(rule=PermutedBlocks(sizes=(2,)), by="team"), by="suite"),
        slow.stratified(slow.clustered(slow.blocks((2,), 1, 1), 2, "team"), "suite"),
        TEAMS,
    ),
    Case(
        Clustered(
            rule=Minimisation(factors=["suite", "band"], p_best=0.75, ratio=(2, 1)), by="team"
        ),
        slow.clustered(
            slow.Minimise(
                ("suite", "band"), [Fraction(1)] * 2, QUARTER, "range", "biased-coin", (2, 1)
            ),
            2,
            "team",
        ),
        TEAMS,
    ),
    Case(
        Clustered(rule=Simple(), by=["suite", "band"]),
        slow.clustered(slow.simple(1, 1), 2, "suite", "band"),
        MIXED,
    ),
]
RATIOS = [(1, 1), (1, 2), (3, 1), (1, 1, 1), (1, 2, 3), (2, 1, 2)]
MINIMISED = [
    minimise(imbalance, how, ratio, weights)
    for imbalance, how, ratio, weights in product(
        ("range", "variance", "sd"),
        ("best-only", "rank", "biased-coin"),
        RATIOS,
        [(1, 1), (2, 1), (1, 3)],
    )
    if how != "rank" or len(set(ratio)) == 1
]
CASES = [*PLAIN, *NESTED, *MINIMISED]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.rule)[:90])


def walked(case: Case) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Rows in order, and their weights, of the slow rule."""
    weights = slow.every_allocation(case.slow, case.persons)
    assert sum(weights.values()) == 1
    rows = sorted(weights)
    return np.array(rows), np.array([float(weights[row]) for row in rows])


@every_case
def test_support_and_probabilities(case: Case) -> None:
    rows, weights = walked(case)
    support = case.rule.support(case.people)
    order = np.lexsort(support.arm.T[::-1])
    np.testing.assert_array_equal(support.arm[order], rows)
    np.testing.assert_allclose(support.weight[order], weights, rtol=CLOSED, atol=0)
    stated = case.rule.probabilities(case.people)
    for arm in range(stated.shape[1]):
        np.testing.assert_allclose(stated[:, arm], weights @ (rows == arm), rtol=0, atol=CLOSED)


def visits(case: Case, most: int) -> list[tuple[int, ...]]:
    """At most so many of the rows, spread over them."""
    rows, _ = walked(case)
    return [tuple(rows[place]) for place in range(0, len(rows), -(-len(rows) // most))]


@every_case
def test_next_step(case: Case) -> None:
    """`next_probabilities`, and `chances` of a state that went through JSON and was not changed."""
    persons = case.persons
    frame = pd.DataFrame(persons, index=range(len(persons)))
    for path in visits(case, 3):
        state = json.loads(json.dumps(case.rule.start()))  # type: ignore[attr-defined]
        for place, (person, arm) in enumerate(zip(persons, path, strict=True)):
            before = list(zip(persons[:place], path[:place], strict=True))
            exact = [float(chance) for chance in case.slow(before, person)]
            history = frame.iloc[:place].assign(arm=path[:place]) if person else path[:place]
            found = case.rule.next_probabilities(history, person)
            np.testing.assert_allclose(found, exact, rtol=0, atol=CLOSED)
            kept = copy.deepcopy(state)
            chances = case.rule.chances(state, person)  # type: ignore[attr-defined]
            np.testing.assert_allclose(chances, exact, rtol=0, atol=CLOSED)
            later = case.rule.after(state, int(arm), person)  # type: ignore[attr-defined]
            assert state == kept
            again = case.rule.after(state, int(arm), person)  # type: ignore[attr-defined]
            assert json.dumps(later) == json.dumps(again)
            state = json.loads(json.dumps(later))


@pytest.mark.parametrize("case", NESTED, ids=lambda case: repr(case.rule)[:90])
def test_polars_and_another_index_change_nothing(case: Case) -> None:
    assert isinstance(case.people, pd.DataFrame)
    support = case.rule.support(case.people)
    others = [pl.from_pandas(case.people), case.people.set_index(case.people.index[::-1])]
    for other in others:
        again = case.rule.support(other)
        np.testing.assert_array_equal(again.arm, support.arm)
        np.testing.assert_array_equal(again.weight, support.weight)
    drawn = [
        case.rule.draw_many(people, 5, np.random.default_rng(3)).tobytes()
        for people in (case.people, *others)
    ]
    assert len(set(drawn)) == 1


def test_rows_of_no_weight_do_not_come() -> None:
    """A rule of chance 0 or 1 lists only what can happen: two for a coin of 1, two people."""
    assert len(BiasedCoin(p=1).support(2).arm) == 2


def agrees(rule: Rerandomised, people: Any, exact: slow.Weights) -> None:
    """Support, probabilities and draws of a rule that draws again."""
    support = rule.support(people)
    found = dict(zip(map(tuple, support.arm.tolist()), support.weight, strict=True))
    assert found == pytest.approx({row: float(w) for row, w in exact.items()}, rel=CLOSED)
    treated = [float(sum(w for row, w in exact.items() if row[i])) for i in range(len(people))]
    np.testing.assert_allclose(rule.probabilities(people)[:, 1], treated, rtol=CLOSED)
    drawn = rule.draw_many(people, 400, np.random.default_rng(1))
    assert {tuple(row) for row in drawn.tolist()} <= set(found)


def test_rerandomised_by_a_criterion_of_ones_own() -> None:
    """First and last person in different arms; the rule within is not uniform."""

    def accept(arms: np.ndarray[Any, Any], people: People) -> np.ndarray[Any, Any]:
        return arms[:, 0] != arms[:, -1]

    rule = Rerandomised(rule=BiasedCoin(p=0.75), criterion=accept)
    weights = slow.every_allocation(slow.biased_coin(QUARTER), [{}] * 6)
    exact = slow.rerandomised(weights, lambda row: row[0] != row[-1])
    agrees(rule, pd.DataFrame(index=range(6), data={"x": 1}), exact)


def distance(row: tuple[int, ...], table: pd.DataFrame) -> float:
    """Mahalanobis distance by a plain loop: n₁n₀/n d′S⁻¹d, S from `numpy.cov`."""
    treated = [i for i, arm in enumerate(row) if arm]
    control = [i for i, arm in enumerate(row) if not arm]
    d = np.array([table[c].iloc[treated].mean() - table[c].iloc[control].mean() for c in table])
    inverse = np.linalg.inv(np.atleast_2d(np.cov(table.to_numpy(), rowvar=False)))
    return float(len(treated) * len(control) / len(row) * d @ inverse @ d)


@pytest.mark.parametrize("names", [("x",), ("y", "x"), ("x", "y", "z")])
@pytest.mark.parametrize("acceptance", [0.2, 0.6])
@pytest.mark.parametrize("counts", [(4, 4), (3, 5)])
def test_mahalanobis(names: tuple[str, ...], acceptance: float, counts: tuple[int, int]) -> None:
    rng = np.random.default_rng(8)
    table = pd.DataFrame(rng.normal(size=(8, 3)) * [1, 50, 0.01], columns=list("xyz"))
    criterion = Mahalanobis(covariates=names, acceptance=acceptance)
    chosen = table[list(names)]
    people = People(n=8, values={name: table[name].to_numpy() for name in names})
    weights = slow.every_allocation(slow.complete(*counts), [{}] * 8)
    rows = np.array(list(weights), dtype=np.int8)
    exact = [distance(row, chosen) for row in weights]
    np.testing.assert_allclose(criterion.distance(rows, people), exact, rtol=1e-9, atol=1e-12)
    limit = chi2.ppf(acceptance, len(names))
    kept = slow.rerandomised(weights, lambda row: distance(row, chosen) <= limit)
    rule = Rerandomised(rule=Complete(counts=counts), criterion=criterion)
    agrees(rule, table, kept)
