"""Simulated people: two arms, whole days, follow-up of two years, some 40 % with the event."""

import numpy as np
import pandas as pd

FOLLOW_UP = 730
COVARIATES = ("age", "prior", "drug", "employed", "score")


def simulated(people: int, *, covariates: bool = False, last: int = FOLLOW_UP) -> pd.DataFrame:
    """Return columns arm, days, event and, when asked for, five covariates that matter."""
    rng = np.random.default_rng(2026)
    arm = rng.integers(0, 2, people)
    risk = np.where(arm == 1, 0.85, 1.0)
    columns = {"arm": arm}
    if covariates:
        columns |= {
            "age": rng.normal(27, 6, people).round(),
            "prior": rng.poisson(2.0, people),
            "drug": rng.integers(0, 2, people),
            "employed": rng.integers(0, 2, people),
            "score": rng.normal(0, 1, people),
        }
        effects = (-0.03, 0.06, 0.2, -0.3, 0.1)
        centred = [columns[name] - columns[name].mean() for name in COVARIATES]
        risk = risk * np.exp(sum(b * x for b, x in zip(effects, centred, strict=True)))
    event_day = np.ceil(rng.exponential(1.0 / risk) * last / 0.8)
    end = np.where(rng.random(people) < 0.5, last, rng.integers(last // 4, last + 1, people))
    columns["days"] = np.minimum(event_day, end)
    columns["event"] = (event_day <= end).astype(np.int64)
    return pd.DataFrame(columns)
