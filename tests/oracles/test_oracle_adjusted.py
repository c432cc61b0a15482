"""Covariate-adjusted log-rank tests and marginal hazard ratios against R RobinCar2 0.2.3.9000.

The values were printed by that package (`robin_surv`) on Rossi and on survival::lung; its root
finding stops early, so log ratios agree to some 1e-6 on Rossi and 1e-4 on lung.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import adjusted_logrank_test, marginal_hazard_ratio

DATA = Path(__file__).parents[1] / "data"
ROSSI = {"outcome": "rearrest", "adjust": ["age", "prio"]}


@pytest.fixture(scope="module")
def lung() -> ce.Trial:
    frame = pd.read_csv(DATA / "lung.csv").assign(died=lambda rows: (rows["status"] == 2) * 1)
    return ce.Trial.from_frame(
        frame,
        arm="sex",
        control=1,
        arms={1: "men", 2: "women"},
        covariates=["age"],
        times={"death": ("time", "died", "days")},
    )


@pytest.mark.parametrize(
    ("strata", "z", "log_ratio", "error"),
    [((), -1.8240305, -0.331951043, 0.184569516), ("race", -1.90609054, -0.347153118, 0.185038131)],
)
def test_rossi(strata: str, z: float, log_ratio: float, error: float) -> None:
    trial = ce.load_rossi()
    test = adjusted_logrank_test(trial, strata=strata, **ROSSI)
    assert test.statistic == pytest.approx(z, rel=2e-8)
    found = marginal_hazard_ratio(trial, strata=strata, **ROSSI)
    assert np.log(found.value) == pytest.approx(log_ratio, rel=2e-6)
    assert found.std_error == pytest.approx(error, rel=2e-7)


def test_lung(lung: ce.Trial) -> None:
    """Women against men; RobinCar2's snapshot has the arms the other way round."""
    test = adjusted_logrank_test(lung, outcome="death", adjust="age")
    assert -test.statistic == pytest.approx(3.06610317830763, rel=1e-12)
    found = marginal_hazard_ratio(lung, outcome="death", adjust="age")
    assert -np.log(found.value) == pytest.approx(0.5016113861505, rel=1e-4)
    assert found.std_error == pytest.approx(0.16561813992359, rel=1e-5)
