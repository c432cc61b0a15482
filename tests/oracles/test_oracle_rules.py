"""Allocation rules against lists and laws made in R, and smallerize."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import smallerize as sm

from checkpoint_eval.design import (
    Complete,
    Mahalanobis,
    Minimisation,
    People,
    PermutedBlocks,
    Rerandomised,
    Simple,
    Stratified,
    Support,
)

SAME = 1e-10
FACTORS = {"sex": ("m", "f"), "band": ("lo", "mid", "hi"), "suite": ("n", "s")}
D_METHODS = {"range": "range", "variance": "variance", "sd": "standard_deviation"}
P_METHODS = {"best-only": "best_only", "rank": "rank_all", "biased-coin": "biased_coin"}


@pytest.fixture(scope="module")
def listed() -> dict[str, Any]:
    """What `Rscript tests/oracles/design_rules.R` wrote."""
    path = Path(__file__).parent / "design_rules.json"
    return json.loads(path.read_text(encoding="utf-8"))


def same_rows(support: Support, rows: Any) -> None:
    """The same allocations, all alike."""
    assert sorted(map(tuple, support.arm.tolist())) == sorted(map(tuple, rows))
    np.testing.assert_allclose(support.weight, 1 / len(rows), rtol=SAME)


def test_combn(listed: dict[str, Any]) -> None:
    same_rows(Complete(counts=(4, 2)).support(6), listed["complete"])


def test_strata(listed: dict[str, Any]) -> None:
    people = pd.DataFrame({"suite": listed["stratum"]})
    rules = {"a": Complete(counts=(2, 1)), "b": Complete(counts=(2, 2))}
    same_rows(Stratified(rule=rules, by="suite").support(people), listed["strata"])


def test_mahalanobis(listed: dict[str, Any]) -> None:
    table = pd.DataFrame(listed["covariates"])
    criterion = Mahalanobis(covariates=("age", "prior"), acceptance=0.3)
    people = People(n=9, values={name: table[name].to_numpy(dtype=float) for name in table})
    found = criterion.distance(np.array(listed["allocations"], dtype=np.int8), people)
    np.testing.assert_allclose(found, listed["distance"], rtol=SAME)
    rule = Rerandomised(rule=Complete(counts=(5, 4)), criterion=criterion)
    same_rows(rule.support(table), listed["kept"])
    np.testing.assert_allclose(rule.probabilities(table)[:, 1], listed["kept_share"], rtol=SAME)


@pytest.mark.parametrize(
    ("rule", "people", "law"),
    [
        (Simple(ratio=(1, 2)), 10, "simple_treated"),
        (PermutedBlocks(sizes=(10,), ratio=(2, 3)), 5, "cut_block"),
    ],
)
def test_laws_of_the_number_treated(
    rule: Any, people: int, law: str, listed: dict[str, Any]
) -> None:
    """Binomial for people alone; hypergeometric in a block that was cut off."""
    support = rule.support(people)
    treated = (support.arm == 1).sum(axis=1)
    found = np.bincount(treated, weights=support.weight, minlength=people + 1)
    np.testing.assert_allclose(found, listed[law], rtol=SAME, atol=1e-15)


def before(rng: np.random.Generator, arms: int) -> pd.DataFrame:
    """Seventeen people with arms of their own."""
    columns = {name: rng.choice(levels, 17) for name, levels in FACTORS.items()}
    return pd.DataFrame(columns).assign(arm=rng.integers(arms, size=17))


def smallerize_of(sm: Any, weights: Any, p: float, methods: tuple[str, str], arms: int) -> Any:
    """The same rule there."""
    factors = [
        sm.Factor(name, levels, weight=weight)
        for (name, levels), weight in zip(FACTORS.items(), weights, strict=True)
    ]
    return sm.Minimizer(
        factors,
        [sm.Arm(str(arm)) for arm in range(arms)],
        d_imbalance_method=D_METHODS[methods[0]],
        total_imbalance_method="weighted_sum",
        probability_method=P_METHODS[methods[1]],
        preferred_p=p,
        q=p,
    )


@pytest.mark.parametrize("arms", [2, 3, 4])
@pytest.mark.parametrize("how", list(P_METHODS))
@pytest.mark.parametrize("imbalance", list(D_METHODS))
def test_smallerize(imbalance: Any, how: Any, arms: int) -> None:
    """Equal ratios only, where it follows the paper; it orders ties at random, so those are out."""
    rng, p, weights = np.random.default_rng(arms), 0.6, (1.0, 2.5, 0.75)
    rule = Minimisation(
        factors=list(FACTORS),
        weights=weights,
        p_best=p,
        imbalance=imbalance,
        rule=how,
        ratio=(1,) * arms,
    )
    compared = 0
    for _ in range(15):
        history = before(rng, arms)
        person = {name: str(rng.choice(levels)) for name, levels in FACTORS.items()}
        other = smallerize_of(sm, weights, p, (imbalance, how), arms)
        for row in history.to_dict("records"):
            other.add_existing_participant({name: row[name] for name in FACTORS}, str(row["arm"]))
        theirs = [other.get_new_total_imbalances(person)[str(arm)] for arm in range(arms)]
        alike = [history[history[name] == level] for name, level in person.items()]
        counts = [np.bincount(rows["arm"], minlength=arms) for rows in alike]
        np.testing.assert_allclose(rule.imbalances(counts), theirs, rtol=SAME)
        if np.diff(np.sort(theirs)).min() > 1e-6:
            expected = other.get_arm_probability(_named(theirs))
            found = rule.next_probabilities(history, person)
            np.testing.assert_allclose(found, [expected[str(a)] for a in range(arms)], rtol=SAME)
            compared += 1
    assert compared > 3


def _named(values: list[float]) -> dict[str, float]:
    return {str(number): value for number, value in enumerate(values)}
