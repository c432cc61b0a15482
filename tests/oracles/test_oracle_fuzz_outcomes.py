"""Twenty-four small awkward trials against R: risks, means, compliers and grades.

Few people, gaps, unequal arms, strata of one arm, many zeros and everyone alike: what the real data
sets of the other oracle tests do not hold. Where R has no variance either, ours must say why.
"""

from __future__ import annotations

import json
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import (
    complier_average_effect,
    mean_difference,
    odds_ratio,
    ordinal_odds_ratio,
    risk_difference,
    risk_ratio,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# Run `Rscript tests/oracles/fuzz_outcomes.R` from the project root.
WRITTEN = Path(__file__).with_name("fuzz_outcomes.json").read_text(encoding="utf-8")
SETS = json.loads(WRITTEN)["sets"]
EVERY = range(len(SETS))
# Sums of some dozens of terms in 15 digits; what is squared and rooted again keeps fewer.
CLOSED = 1e-8
# `polr` stops where its likelihood no longer moves, half as many digits into its maximum.
SEARCHED = 1e-4
NOTHING = 1e-8  # a standard error below this is rounding: the smallest here is above 0.01

MANTEL: dict[str, Any] = {"outcome": "any", "strata": "site", "interval": "wald"}
DAYS: dict[str, Any] = {"outcome": "days", "strata": ()}
VERBS: dict[str, Callable[[ce.Trial], ce.Estimate]] = {
    "RD": partial(risk_difference, **MANTEL),
    "RR": partial(risk_ratio, **MANTEL),
    "OR": partial(odds_ratio, **MANTEL),
    "neyman": partial(mean_difference, **DAYS),
    "clusters": partial(mean_difference, adjust="kind", method="ancova", cluster="group", **DAYS),
    "grades crude": partial(ordinal_odds_ratio, outcome="grade", strata=()),
    "grades kind": partial(ordinal_odds_ratio, outcome="grade", strata=(), adjust="kind"),
}
for name in ("HC0", "HC1", "HC2", "HC3"):
    VERBS[f"ancova {name}"] = partial(
        mean_difference,
        outcome="days",
        strata="site",
        adjust=["age", "kind"],
        method="ancova",
        variance=name,
    )
    VERBS[f"lin {name}"] = partial(mean_difference, adjust=["age", "kind"], variance=name, **DAYS)
for name in ("classical", "HC0", "HC1", "HC2"):
    VERBS[f"wald {name}"] = partial(complier_average_effect, variance=name, **DAYS)
    VERBS[f"2sls {name}"] = partial(complier_average_effect, variance=name, adjust="kind", **DAYS)


@cache
def read(number: int) -> ce.Trial:
    return ce.Trial.from_frame(
        pd.DataFrame(SETS[number]["people"]),
        arm="arm",
        control=0,
        received="got",
        covariates=["age", "kind"],
        factors=["site", "group"],
        binary={"any": "any"},
        numeric={"days": "days", "grade": "grade"},
    )


@pytest.mark.parametrize("name", VERBS)
def test_every_set_as_r(name: str) -> None:
    """Value, standard error, limits and p; or no estimate, where R finds no variance."""
    compared = 0
    for number in EVERY:
        want = SETS[number]["found"].get(name)
        if want is None or (want and want[0] is None):
            continue  # R refused, warned or dropped a column
        found = VERBS[name](read(number))
        if len(want) < 2 or not (want[1] or 0) > NOTHING:
            assert not found.estimable, (name, number)
            assert "not estimable: " in found.method
            continue
        ratio = found.scale == "ratio"
        ours = [found.value, found.std_error, found.low, found.high, found.p_value]
        ours = [*np.log([ours[0]]), ours[1], *np.log(ours[2:4]), ours[4]] if ratio else ours
        rel = SEARCHED if name.startswith("grades") else CLOSED
        assert ours[: len(want)] == pytest.approx(want, rel=rel, abs=rel), (name, number)
        compared += 1
    assert compared >= 3, name


def test_fishers_p_of_every_set() -> None:
    """Of the risk difference without strata, with whoever is missing left out and counted."""
    for number in EVERY:
        people = pd.DataFrame(SETS[number]["people"])
        found = risk_difference(read(number), outcome="any")
        assert found.p_value == pytest.approx(SETS[number]["found"]["fisher"][0], rel=CLOSED)
        lost = people.groupby("arm")["any"].apply(lambda each: int(each.isna().sum()))
        assert found.missing == tuple(lost)
        assert sum(found.n) + sum(found.missing) == len(people)
