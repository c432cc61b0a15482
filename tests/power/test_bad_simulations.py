"""What cannot be simulated, asked or drawn; each with its error and words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import checkpoint_eval as ce
from checkpoint_eval.cohort import Scenario
from checkpoint_eval.design import PermutedBlocks, Stratified
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models import Gehan
from checkpoint_eval.power import Analysis, ExponentialTrial, PooledTrials, simulate_power

PLANNED = ExponentialTrial(people=40, control_hazard=0.002)


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"people": 1}, TrialError, "`people` must be a whole number of at least 2, got 1"),
        ({"people": 40.5}, TrialError, r"`people` must be a whole number .*, got 40\.5"),
        ({"people": 3, "ratio": (1, 9)}, ImpossibleDesign, "leave an arm with nobody"),
        ({"control_hazard": 0.0}, TrialError, "`control_hazard` must be a finite number above 0"),
        ({"control_hazard": -0.1}, TrialError, "`control_hazard` must be a finite number above 0"),
        ({"control_hazard": np.nan}, TrialError, "`control_hazard` .* got nan"),
        ({"hazard_ratio": 0}, TrialError, "`hazard_ratio` must be a finite number above 0, got 0"),
        ({"hazard_ratio": np.inf}, TrialError, "`hazard_ratio` .* got inf"),
        ({"follow_up": 0}, TrialError, "`follow_up` must be a whole number of at least 1"),
        ({"follow_up": 1.5}, TrialError, "`follow_up` must be a whole number"),
        ({"follow_up": 32_000, "accrual": 767}, TrialError, "32,767 days together; at most 32,766"),
        ({"accrual": -1}, TrialError, "`accrual` must be a whole number of at least 0, got -1"),
        ({"dropout": -0.1}, TrialError, "`dropout` must be a finite number of at least 0"),
        ({"dropout": np.nan}, TrialError, "`dropout` must be a finite number .* got nan"),
        ({"ratio": (1, 1, 1)}, ImpossibleDesign, "`ratio` needs two numbers, control first"),
        ({"ratio": (0, 1)}, TrialError, "`ratio` must be a whole number of at least 1, got 0"),
    ],
)
def test_what_cannot_be_planned(how: dict[str, Any], error: type[TrialError], words: str) -> None:
    usual: dict[str, Any] = {"people": 40, "control_hazard": 0.002}
    ExponentialTrial(**usual)  # the unspoiled one can be
    with pytest.raises(error, match=words):
        ExponentialTrial(**(usual | how))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"statistic": "logrank"}, "`statistic` is 'logrank'; did you mean 'log-rank'"),
        ({"horizon": 0}, "`horizon` must be a finite number above 0, got 0"),
        ({"horizon": np.nan}, "`horizon` must be a finite number above 0, got nan"),
        ({"statistic": "log-rank", "horizon": 9}, "not of the log-rank; leave it out"),
        ({"weight": Gehan()}, "`weight` is of the log-rank test, not of the risk difference"),
        ({"statistic": "log-rank", "weight": "Gehan"}, "`weight` must be a weight such as"),
        ({"draws": -1}, "`draws` must be a whole number of at least 0, got -1"),
        ({"statistic": "hazard ratio", "draws": 99}, "asks `randomisation_test`"),
        ({"statistic": "log-rank", "draws": 99, "weight": Gehan()}, "asks `randomisation_test`"),
    ],
)
def test_what_cannot_be_asked_of_each_trial(how: dict[str, Any], words: str) -> None:
    Analysis(statistic="risk difference", horizon=9)
    with pytest.raises(TrialError, match=words):
        Analysis(**({"statistic": "risk difference"} | how))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"trials": 0}, "`trials` must be a whole number of at least 1, got 0"),
        ({"trials": 10.0}, r"`trials` must be a whole number of at least 1, got 10\.0"),
        ({"chunk": 0}, "`chunk` must be a whole number of at least 1"),
        ({"workers": 0}, "`workers` must be a whole number of at least 1, got 0"),
        ({"alpha": 5}, "`alpha` must lie strictly between 0 and 1, got 5; 5 % is written 0.05"),
        ({"alpha": np.nan}, "`alpha` must lie strictly between 0 and 1, got nan"),
        ({"level": 1.0}, "`level` must lie strictly between 0 and 1"),
        ({"precision": 0}, "`precision` must lie strictly between 0 and 1, got 0"),
        ({"precision": np.nan}, "`precision` must lie strictly between 0 and 1, got nan"),
        ({"rng": 1}, "`rng` must be a numpy random Generator, got int"),
        ({"scenario": "exponential"}, "`scenario` must be an `ExponentialTrial`.* got str"),
        ({"analyses": "log-rank"}, "`analyses` must list analyses, got 'log-rank'"),
        ({"analyses": []}, "`analyses` has none"),
        ({"analyses": ["logrank"]}, "`analyses` has 'logrank'; did you mean 'log-rank'"),
        ({"analyses": [ce.hazard_ratio]}, "functions need names: give a mapping"),
        ({"analyses": {"a": 3}}, "`analyses` has 3; give a name, an `Analysis`, or a function"),
        (
            {"analyses": [Analysis(statistic="risk difference", horizon=731)]},
            "is 731 days, but people are followed for 730; take an earlier one",
        ),
        ({"scenario": Scenario(people=30)}, "a `Scenario` gives whole trials one by one"),
    ],
)
def test_what_cannot_be_simulated(how: dict[str, Any], words: str) -> None:
    usual: dict[str, Any] = {
        "scenario": PLANNED,
        "analyses": ["log-rank"],
        "rng": np.random.default_rng(1),
        "trials": 2,
        "progress": False,
    }
    simulate_power(usual.pop("scenario"), usual.pop("analyses"), **usual)
    asked = {"scenario": PLANNED, "analyses": ["log-rank"]} | usual | how
    with pytest.raises(TrialError, match=words):
        simulate_power(asked.pop("scenario"), asked.pop("analyses"), **asked)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"scenario": "checkpoint"}, "`scenario` must be a `Scenario`, got str"),
        ({"rule": "blocks"}, "`rule` must be a rule of allocation, got 'blocks'"),
        ({"people": 1}, "`people` must be a whole number of at least 2"),
        ({"pool_seed": -1}, "`pool_seed` must be a whole number of at least 0"),
    ],
)
def test_people_that_cannot_be_drawn(how: dict[str, Any], words: str) -> None:
    usual: dict[str, Any] = {
        "scenario": Scenario(people=30),
        "people": 30,
        "rule": PermutedBlocks(),
    }
    PooledTrials(**usual)
    with pytest.raises(TrialError, match=words):
        PooledTrials(**(usual | how))


def test_a_rule_that_reads_columns_has_no_pool() -> None:
    rule = Stratified(rule=PermutedBlocks(), by="suite")
    pooled = PooledTrials(scenario=Scenario(people=30), people=30, rule=rule, pool=500)
    with pytest.raises(TrialError, match="must have two arms and read no columns"):
        simulate_power(pooled, ["log-rank"], trials=2, rng=np.random.default_rng(1), progress=False)


def test_a_function_must_return_a_result() -> None:
    with pytest.raises(TypeError, match="must return an `Estimate` or a `SignificanceTest`"):
        simulate_power(
            PLANNED,
            {"p": lambda trial, rng: 0.03},  # type: ignore[dict-item, return-value]
            trials=2,
            rng=np.random.default_rng(1),
            progress=False,
        )


def test_numpys_numbers_make_the_same_source() -> None:
    """A file of results knows its study by what is written of it."""
    plain = ExponentialTrial(people=100, control_hazard=0.001, hazard_ratio=0.5, dropout=0.25)
    numpys = ExponentialTrial(
        people=100,
        control_hazard=np.float64(0.001),
        hazard_ratio=np.float64(0.5),
        dropout=np.float64(0.25),
    )
    assert repr(numpys) == repr(plain)
    assert "np." not in repr(numpys)
