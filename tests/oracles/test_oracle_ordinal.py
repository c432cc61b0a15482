"""Ordinal odds ratios against R: MASS polr, VGAM vglm, glm, and Brant's formulas.

ordinal.json is written by ordinal.R.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models.ordinal import ordinal_odds_ratio, proportional_odds_test

Compare = Callable[..., None]
R = json.loads((Path(__file__).parent / "ordinal.json").read_text(encoding="utf-8"))
DATA = Path(__file__).parents[1] / "data"


def rossi() -> ce.Trial:
    """Never arrested, arrested in the second half of the year, in the first."""
    frame = pd.read_csv(DATA / "rossi.csv")
    grade = np.where(frame["arrest"] == 0, 0, np.where(frame["week"] > 26, 1, 2))
    return ce.Trial.from_frame(
        frame.assign(grade=grade),
        arm="fin",
        control=0,
        covariates=["age", "prio", "race"],
        numeric={"grade": "grade"},
    )


def simulated() -> ce.Trial:
    frame = pd.DataFrame(R["simulated"]["people"])
    return ce.Trial.from_frame(
        frame.assign(some=frame["harm"] > 0),
        arm="arm",
        control=0,
        strata=["suite"],
        covariates=["age"],
        numeric={"grade": "harm"},
        binary={"some": "some"},
    )


CASES: dict[str, tuple[Callable[[], ce.Trial], dict[str, Any], dict[str, Any]]] = {
    "rossi": (rossi, {}, R["rossi"]["plain"]),
    "rossi, adjusted": (rossi, {"adjust": ["age", "prio"]}, R["rossi"]["adjusted"]),
    "rossi, by race": (rossi, {"adjust": "age", "strata": "race"}, R["rossi"]["by_race"]),
    "simulated": (simulated, {"strata": ()}, R["simulated"]["plain"]),
    "simulated, by suite": (simulated, {"adjust": "age"}, R["simulated"]["by_suite"]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_odds_ratio(name: str, agree: Compare) -> None:
    read, how, want = CASES[name]
    found = ordinal_odds_ratio(read(), outcome="grade", **how)
    # Both iterate to rounding of the likelihood's slope.
    agree(np.log(found.value), want["vglm"], 1e-7)
    # polr stops on the likelihood, whose last digits fix half as many of its coefficients.
    agree(np.log(found.value), want["polr"]["log_ratio"], 1e-4)
    # polr's Hessian is a difference quotient with steps of 0.001.
    agree(found.std_error, want["polr"]["std_error"], 1e-5)


@pytest.mark.parametrize("name", CASES)
def test_the_test_of_proportional_odds(name: str, agree: Compare) -> None:
    read, how, want = CASES[name]
    found = proportional_odds_test(read(), outcome="grade", **how)
    brant = want["brant"]
    agree([found.statistic, found.df], [brant["statistic"], brant["df"]], 1e-7)
    agree(found.p_value, brant["p_value"], 1e-7)
    for ratio in brant["ratios"]:
        assert f": {ratio:.3g}" in found.method


def test_of_two_grades_it_is_logistic_regression(agree: Compare) -> None:
    found = ordinal_odds_ratio(simulated(), outcome="some")
    want = R["simulated"]["two_grades"]
    # The Hessian is of differences of an exact score: six digits.
    agree([np.log(found.value), found.std_error], [want["log_ratio"], want["std_error"]], 1e-6)
