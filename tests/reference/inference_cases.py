"""Nine people, thirteen rules that may have allocated them, rows that hide who came first."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import slow_inference as slow
import slow_rules as rules

import checkpoint_eval as ce
from checkpoint_eval.design import (
    BiasedCoin,
    BigStick,
    Clustered,
    Complete,
    Custom,
    MaximalProcedure,
    Minimisation,
    People,
    PermutedBlocks,
    Rerandomised,
    Rule,
    Simple,
    Stratified,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

# Nine people in order of arrival. One outcome each of kinds: numbers, yes/no, times.
PEOPLE = pd.DataFrame(
    {
        "came": [3, 5, 11, 20, 21, 34, 40, 41, 99],
        "suite": ["n", "s", "n", "n", "s", "s", "n", "n", "s"],
        "band": ["lo", "lo", "hi", "lo", "hi", "mid", "mid", "hi", "lo"],
        "team": ["a", "b", "a", "c", "b", "d", "c", "a", "d"],
        "age": [19, 44, 31, 52, 23, 38, 27, 61, 35],
        "prior": [2, 0, 5, 1, 7, 3, 4, 0, 6],
        "days": [12, 30, 7, 12, 41, 3, 18, 26, 9],
        "any": [1, 0, 1, 1, 0, 1, 0, 0, 1],
        "week": [4, 9, 2, 4, 12, 6, 9, 3, 12],
        "event": [1, 1, 1, 0, 1, 1, 0, 1, 0],
    }
)
LOST = {"days": [5], "any": [2], "week": [3], "event": [3]}
MATRIX = [
    [0, 1, 0, 1, 1, 0, 1, 1, 0],
    [1, 0, 1, 0, 0, 1, 0, 0, 1],
    [0, 0, 1, 1, 0, 1, 1, 0, 1],
    [1, 1, 0, 0, 1, 0, 1, 1, 0],
    [0, 1, 1, 0, 1, 1, 1, 0, 0],
    [1, 0, 0, 1, 0, 0, 1, 1, 1],
]
CHANCES = [1, 2, 3, 4, 5, 6]


class Close:
    """Accept what keeps the arms' mean ages within ten years."""

    covariates = ("age",)

    def __call__(self, arm: np.ndarray[Any, Any], people: People) -> np.ndarray[Any, Any]:
        """(b,) accepted."""
        age, treated = people.values["age"], arm.sum(axis=1)
        gap = arm @ age / treated - (1 - arm) @ age / (people.n - treated)
        return np.abs(gap) <= 10


def close(arm: tuple[int, ...]) -> bool:
    """Say the same of one allocation."""
    return abs(slow.mean_difference(PEOPLE["age"].tolist())(arm)) <= 10


class Case(NamedTuple):
    """A rule, its slow twin, and which allocation was made, counted through the support."""

    rule: Rule | None
    weights: slow.Weights
    made: int = 3
    strata: Sequence[str] = ()

    @property
    def arm(self) -> tuple[int, ...]:
        """The allocation made: one with two known outcomes of each kind in each arm."""
        usable = [
            arm for arm in sorted(self.weights) if 4 <= sum(arm) <= 5 or len(self.weights) < 9
        ]
        return usable[self.made * 7 % len(usable)]


def walked(twin: rules.Slow) -> rules.Weights:
    """Every allocation of the nine people."""
    return rules.every_allocation(twin, PEOPLE.to_dict("records"))


def complete(treated: int, people: int) -> rules.Slow:
    """Numbers fixed."""
    return rules.complete(people - treated, treated)


def _cases() -> dict[str, Case]:
    by_suite = {"n": complete(3, 5), "s": complete(2, 4)}
    stated = {"n": Complete(counts=(2, 3)), "s": Complete(counts=(2, 2))}
    two = rules.Minimise(
        ("suite", "band"), [Fraction(1)] * 2, Fraction(4, 5), "range", "biased-coin", (1, 1)
    )
    strata = walked(rules.stratified(by_suite, "suite"))
    return {
        "not stated": Case(None, walked(complete(4, 9))),
        "not stated, strata": Case(None, strata, 4, ("suite",)),
        "complete": Case(Complete(counts=(5, 4)), walked(complete(4, 9)), 5),
        "simple": Case(Simple(ratio=(1, 1)), walked(rules.simple(1, 1)), 6),
        "strata": Case(Stratified(rule=stated, by="suite"), strata, 2, ("suite",)),
        "blocks": Case(PermutedBlocks(sizes=(4,)), walked(rules.blocks((4,), 1, 1))),
        "coin": Case(BiasedCoin(p=2 / 3), walked(rules.biased_coin(Fraction(2, 3))), 8),
        "stick": Case(BigStick(tolerance=2), walked(rules.big_stick(2)), 5),
        "maximal": Case(MaximalProcedure(tolerance=2, people=10), walked(rules.maximal(2, 10)), 4),
        "minimisation": Case(Minimisation(factors=["suite", "band"]), walked(two), 5),
        "clusters": Case(
            Clustered(rule=Complete(counts=(2, 2)), by="team"),
            walked(rules.clustered(complete(2, 4), 2, "team")),
            2,
        ),
        "rerandomised": Case(
            Rerandomised(rule=Complete(counts=(5, 4)), criterion=Close()),
            rules.rerandomised(walked(complete(4, 9)), close),
        ),
        "custom": Case(
            Custom(matrix=MATRIX, weights=CHANCES), walked(rules.custom(MATRIX, CHANCES)), 2
        ),
    }


CASES = _cases()


def table(case: Case, *, lost: bool = True, seed: int = 5, **columns: Any) -> pd.DataFrame:
    """Everyone, arms and all, in an order that tells nothing of who came first."""
    frame = PEOPLE.assign(arm=list(case.arm), **columns)
    for name, rows in LOST.items() if lost else ():
        frame[name] = frame[name].astype(float)
        frame.loc[rows, name] = np.nan
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)


def trial(case: Case, frame: pd.DataFrame) -> ce.Trial:
    """Read it; arrival order in its own column."""
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        strata=list(case.strata),
        covariates=["age", "prior"],
        numeric={"days": "days"},
        binary={"any": "any"},
        times={"re": ("week", "event", "weeks")},
        rule=case.rule,
        order="came",
    )


def known(name: str, *, lost: bool = True) -> list[int | None]:
    """One outcome in order of arrival, None where it is lost."""
    gone = LOST.get(name, []) if lost else []
    return [None if i in gone else int(v) for i, v in enumerate(PEOPLE[name])]


def times() -> list[tuple[int, int] | None]:
    """(week, event) in order of arrival."""
    pairs = zip(known("week"), known("event"), strict=True)
    return [None if w is None or e is None else (w, e) for w, e in pairs]


def residual(name: str) -> list[Fraction | None]:
    """Given age and prior record."""
    return slow.residuals(known(name), [PEOPLE["age"].tolist(), PEOPLE["prior"].tolist()])


def of(values: slow.Known, case: Case) -> slow.Statistic:
    """The difference in means, weighted when a rule is stated."""
    if case.rule is None:
        return slow.mean_difference(values)
    return slow.weighted_difference(values, case.weights)


def rng(seed: int = 1) -> np.random.Generator:
    """A fresh generator."""
    return np.random.default_rng(seed)
