"""Evaluations with everything in them, to be protected."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import strategies  # noqa: F401 - registers the profile of hypothesis

import checkpoint_eval as ce
from checkpoint_eval import models, report
from checkpoint_eval.outcomes import PathwayScores


def people(seed: int, n: int = 160) -> pd.DataFrame:
    """Draw people in two arms: some missing, some crossed over, a rare level, a rare outcome."""
    rng = np.random.default_rng(seed)
    arm = rng.permutation(np.arange(n) % 2)
    event = rng.random(n) < np.where(arm == 1, 0.4, 0.5)
    unseen = rng.random(n) < 0.06
    return pd.DataFrame(
        {
            "arm": arm,
            "got": np.where(rng.random(n) < 0.05, 1 - arm, arm),
            "week": np.where(event, rng.integers(1, 53, n), rng.integers(40, 53, n)),
            "event": event.astype(int),
            "again": np.where(unseen, np.nan, rng.random(n) < 0.4),
            "rare": (rng.random(n) < 0.03).astype(int),
            "site": rng.choice(list("abc"), n, p=[0.6, 0.36, 0.04]),
            "known": rng.integers(0, 2, n),
            "age": np.where(rng.random(n) < 0.03, np.nan, rng.integers(18, 60, n)),
            "harm": rng.exponential(20, n) * (rng.random(n) < 0.4),
        }
    )


def read(frame: pd.DataFrame) -> ce.Trial:
    """Read such people as a trial."""
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        received="got",
        strata=["site"],
        covariates=["age", "known"],
        times={"rearrest": ("week", "event", "weeks")},
        binary={"again": "again", "rare": "rare"},
        numeric={"harm": "harm"},
    )


def evaluated(seed: int, n: int = 160) -> report.Evaluation:
    """Evaluate such people, with subgroups, bounds and pathways whether promised or not."""
    trial = read(people(seed, n))
    rng = np.random.default_rng(seed)
    need = rng.integers(0, 3, (n, 2)).astype(float)
    after = np.where(rng.random((n, 2)) < 0.05, np.nan, rng.integers(0, 3, (n, 2)))
    scores = PathwayScores(pathways=("drugs", "home"), baseline=need, follow_up=after)
    return replace(
        ce.evaluate(trial),
        subgroups=(
            models.subgroup_effects(
                trial,
                effect=partial(ce.risk_difference, outcome="again"),
                by=["site", "known"],
            ),
        ),
        bounds=(models.attrition_bounds(trial, outcome="again"),),
        pathways=models.compare_pathways(trial, scores, rng=rng, draws=200),
        inequality=(models.harm_inequality(trial, outcome="harm"),),
    )
