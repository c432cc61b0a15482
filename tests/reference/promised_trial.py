"""A protocol that promises every measure there is, and the people it is about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

import checkpoint_eval as ce
from checkpoint_eval.design import MEASURES, parse_protocol
from checkpoint_eval.outcomes import Episodes

HEAD = """
title = "Contract or court"
unit = "days"
horizon = 730
covariates = ["age", "sex"]
[columns]
arm = "arm"
id = "who"
received = "got"
[[arms]]
label = 0
name = "court"
[[arms]]
label = 1
name = "contract"
[allocation]
strata = ["site"]
"""
TOLD = 'variable = "what"\nmetric = "how"\naggregation = "of all"\n'
OUTCOMES = {
    "breach": 'primary = true\nbinary = "breached"',
    "breach, strict": 'sensitivity = true\nbinary = "strict"',
    "reoffence": 'time = "days"\nevent = "ev"\ncompeting = "why"\ntime_point = 365',
    "stops": 'count = "stopped"\nexposure = "free"\nunit = "years"',
    "calls": 'count = "called"',
    "harm": 'numeric = "harm"',
    "severity": 'ordinal = "grade"\ngrades = [0, 1, 2, 3, 4]',
    "arrests": "repeated = true\ntime_point = 300",
}
KINDS = {
    "breach": "binary",
    "reoffence": "time",
    "stops": "count",
    "harm": "numeric",
    "severity": "ordinal",
    "arrests": "repeated",
}
PARTS = """
[[analysis_sets]]
name = "eligible"
column = "elig"
description = "those who were eligible"
[analysis]
draws = 99
seed = 3
[pathways]
vocabulary = "trial register"
scale = "ordinal"
threshold = 1
adjust = ["age"]
assessors = ["by_before", "by_after"]
[[pathways.needs]]
pathway = "housing"
before = "housing_before"
after = "housing_after"
[[pathways.needs]]
pathway = "drugs"
before = "drugs_before"
after = "drugs_after"
[[subgroups]]
column = "sex"
expected = ["f", "m"]
[[subgroups]]
column = "age"
cuts = [25, 35]
planned = false
[navigators]
column = "navigator"
contacts = "met"
[eras]
column = "era"
"""


def estimand(outcome: str, measure: str, *, more: str = "") -> str:
    """Return one promised comparison, adjusted for age where it can be."""
    adjust = 'adjust = ["age"]\n' if MEASURES[measure].adjust != "none" else ""
    return f'[[estimands]]\noutcome = "{outcome}"\nmeasure = "{measure}"\n{adjust}{more}\n'


ESTIMANDS = "".join(
    estimand(outcome, measure.name)
    for outcome, kind in KINDS.items()
    for measure in MEASURES.values()
    if kind in measure.kinds
)


def written(estimands: str = ESTIMANDS, parts: str = PARTS) -> str:
    """Return the whole protocol, its outcomes in order."""
    outcomes = "".join(
        f'[[outcomes]]\nname = "{name}"\n{TOLD}{keys}\n' for name, keys in OUTCOMES.items()
    )
    return HEAD + outcomes + estimands + parts


def people(n: int = 160) -> pd.DataFrame:
    """Return the people, some of them with unknown outcomes and another arm."""
    rng = np.random.default_rng(11)
    arm = rng.permutation(np.arange(n) % 2)
    event = rng.integers(0, 2, n)
    table: dict[str, Any] = {
        "who": [f"p{number}" for number in range(n)],
        "arm": arm,
        "got": np.where(rng.random(n) < 0.8, arm, 1 - arm),
        "site": rng.choice(["n", "s"], n),
        "age": rng.normal(30, 6, n),
        "sex": rng.choice(["f", "m"], n),
        "era": rng.choice(["I", "II"], n),
        "navigator": np.where(arm == 1, rng.choice(["Ann", "Bob", "Cas", "Dee"], n), None),
        "met": rng.integers(0, 9, n) * arm,
        "elig": (np.arange(n) % 10 > 0).astype(int),
        "breached": np.where(np.arange(n) < 12, np.nan, rng.integers(0, 2, n)),
        "strict": rng.integers(0, 2, n),
        "days": rng.integers(1, 730, n).astype(float),
        "ev": event,
        "why": np.where((event == 0) & (rng.random(n) < 0.3), "death", None),
        "stopped": rng.poisson(2, n),
        "free": rng.exponential(1, n) + 0.1,
        "called": rng.poisson(1, n),
        "harm": rng.exponential(30, n).round() * (rng.random(n) < 0.8),
        "grade": rng.integers(0, 4, n),
        "by_before": rng.choice(["x", "y"], n),
        "by_after": rng.choice(["x", "y"], n),
    }
    for name in ("housing", "drugs"):
        for when in ("before", "after"):
            table[f"{name}_{when}"] = rng.integers(0, 4, n)
    return pd.DataFrame(table)


def arrests(n: int = 160) -> Episodes:
    """Return repeated events of people followed for 320 to 420 days, some of whom die."""
    rng = np.random.default_rng(12)
    rows = []
    for person in range(n):
        end, start = int(rng.integers(320, 420)), 0
        for stop in [*np.unique(rng.integers(1, 320, rng.poisson(1.5))), end]:
            rows.append((person, start, int(stop), stop < end))
            start = int(stop)
    person, begin, stop, event = zip(*rows, strict=True)
    return Episodes(
        person=person,
        start=begin,
        stop=stop,
        event=event,
        people=n,
        terminal=np.arange(n) % 9 == 0,
    )


def promised(text: str | None = None, **columns: object) -> ce.Trial:
    """Return the trial as its protocol says; `columns` take the place of those of the people."""
    protocol = parse_protocol(written() if text is None else text)
    trial = ce.Trial.from_protocol(people().assign(**columns), protocol)
    return replace(trial, outcomes={**trial.outcomes, "arrests": arrests()})
