"""Small seeded data sets with the awkward features the references are meant to exercise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from slow_cox import Rows, make_rows
from slow_survival import Person

if TYPE_CHECKING:
    from collections.abc import Sequence

SEEDS = range(10)


def survival_frame(seed: int, n: int = 48, arms: int = 2, sites: int = 3) -> pd.DataFrame:
    """People with heavily tied weeks, censoring throughout, and unequal arms over some sites.

    On odd seeds nobody in the last arm is watched past week 9, so that arm is empty later on.
    """
    rng = np.random.default_rng(seed)
    arm = rng.permutation(np.resize(np.arange(arms), n))
    prior = rng.poisson(2.0, n)
    age = rng.integers(18, 50, n)
    scale = 9.0 * np.exp(0.3 * (arm == arms - 1) - 0.15 * prior)
    failure = np.ceil(rng.exponential(scale)) + (seed % 3 == 0)
    censoring = rng.integers(3, 15, n)
    if seed % 2:
        censoring[arm == arms - 1] = np.minimum(censoring[arm == arms - 1], 9)
    return pd.DataFrame(
        {
            "id": np.arange(n),
            "arm": arm,
            "week": np.minimum(failure, censoring).astype(float),
            "arrest": (failure <= censoring).astype(int),
            "site": np.array(["north", "south", "west"])[rng.integers(0, sites, n)],
            "age": age.astype(float),
            "prior": prior.astype(float),
        }
    )


def people(frame: pd.DataFrame, strata: str | None = None) -> list[Person]:
    """Turn the rows of a frame into what the references take."""
    stratum = ["all"] * len(frame) if strata is None else list(frame[strata])
    columns = (frame["week"], frame["arrest"], frame["arm"], stratum)
    return [
        Person(float(week), bool(arrest), int(arm), label)
        for week, arrest, arm, label in zip(*columns, strict=True)
    ]


def binary_frame(seed: int, n: int = 90) -> pd.DataFrame:
    """Two unequal arms, a binary outcome that depends on two covariates, and a text covariate."""
    rng = np.random.default_rng(100 + seed)
    arm = rng.permutation((np.arange(n) < 0.4 * n).astype(int))
    age = rng.normal(30.0, 8.0, n)
    prior = rng.poisson(1.5, n).astype(float)
    risk = 1 / (1 + np.exp(-(-1.0 - 0.5 * arm + 0.5 * prior - 0.02 * (age - 30))))
    return pd.DataFrame(
        {
            "id": np.arange(n),
            "arm": arm,
            "any": (rng.random(n) < risk).astype(int),
            "age": age,
            "prior": prior,
            "offence": np.array(["assault", "drugs", "theft"])[rng.integers(0, 3, n)],
            "site": np.array(["north", "south"])[rng.integers(0, 2, n)],
        }
    )


def counting_rows(seed: int, n: int = 50) -> Rows:
    """Start-stop rows with late entry, heavy ties, uneven weights, strata and clusters of rows."""
    rng = np.random.default_rng(200 + seed)
    x = np.column_stack([rng.integers(0, 2, n), rng.normal(size=n)]).astype(float)
    entry = rng.integers(0, 4, n).astype(float)
    span = np.ceil(rng.exponential(4.0 * np.exp(-0.5 * x[:, 0])))
    exit_ = entry + np.minimum(span, 7)
    event = (rng.random(n) < 0.75) & (span <= 7)
    return make_rows(
        x,
        exit_,
        event,
        entry=entry,
        weight=rng.choice([0.5, 1.0, 1.7, 3.0], n),
        stratum=rng.integers(0, 3, n),
        cluster=rng.integers(0, n // 2, n),
    )


def rossi() -> pd.DataFrame:
    """Read the Rossi data of the tests."""
    return pd.read_csv(Path(__file__).parents[1] / "data" / "rossi.csv")


def rossi_people(strata: Sequence[str] = ()) -> list[Person]:
    """Rossi as people: weeks to first arrest by financial aid."""
    frame = rossi()
    labels = [tuple(row) for row in frame[list(strata)].to_numpy()]
    columns = (frame["week"], frame["arrest"], frame["fin"], labels)
    return [Person(float(w), bool(a), int(f), s) for w, a, f, s in zip(*columns, strict=True)]


def complete_frame(seed: int, n: int = 60) -> pd.DataFrame:
    """Survival data in which nobody is censored before week 12, so risks by week 8 are known."""
    rng = np.random.default_rng(300 + seed)
    arm = rng.permutation(np.resize([0, 0, 1], n))
    failure = np.ceil(rng.exponential(12.0 + 6.0 * arm))
    return pd.DataFrame(
        {
            "id": np.arange(n),
            "arm": arm,
            "week": np.minimum(failure, 12.0),
            "arrest": (failure <= 12).astype(int),
        }
    )
