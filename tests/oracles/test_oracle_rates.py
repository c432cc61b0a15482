"""Rate ratios against R: glm(poisson) with sandwich's vcovHC, and MASS::glm.nb.

bladder2 gives each person's recurrences over their follow-up, recid prior convictions over months
served, and "simulated" 90 people in three suites, in rates.json. Written by rates.R: full
precision; glm.nb stops at 1e-8, so the script takes its last steps again until nothing moves.
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
from checkpoint_eval.models import rate_ratio

Compare = Callable[..., None]
R = json.loads((Path(__file__).parent / "rates.json").read_text(encoding="utf-8"))
DATA = Path(__file__).parents[1] / "data"
ADJUST = {"bladder": ["number", "size"], "recid": ["age"], "simulated": ["age"]}
STRATUM = {"bladder": "big", "recid": "married", "simulated": "suite"}
CASES = [(data, one) for data in ADJUST for one in R[data]["fits"]]
NAMES = [f"{data}-{one['adjusted']:d}{one['stratified']:d}" for data, one in CASES]


def people_of(data: str) -> pd.DataFrame:
    """The table R fitted; made anew from the data sets it read."""
    if data == "recid":
        frame = pd.read_csv(DATA / "recid.csv")
        frame = frame.assign(arm=frame["workprg"], count=frame["priors"], time=frame["tserved"])
        return frame[frame["time"] > 0]
    if data == "bladder":
        rows = pd.read_csv(DATA / "bladder2.csv")
        frame = rows.groupby("id", as_index=False).agg(
            arm=("rx", "first"),
            number=("number", "first"),
            size=("size", "first"),
            count=("event", "sum"),
            time=("stop", "max"),
        )
        return frame.assign(arm=frame["arm"] - 1, big=(frame["size"] > 1).astype(int))
    return pd.DataFrame(R[data]["people"])


def read(data: str) -> ce.Trial:
    return ce.Trial.from_frame(
        people_of(data),
        arm="arm",
        control=0,
        strata=[STRATUM[data]],
        covariates=ADJUST[data],
        counts={"events": ("count", "time", "months")},
    )


def fitted(data: str, one: dict[str, Any], method: str) -> ce.Estimate:
    return rate_ratio(
        read(data),
        outcome="events",
        method=method,  # type: ignore[arg-type]
        adjust=ADJUST[data] if one["adjusted"] else (),
        strata=None if one["stratified"] else (),
    )


def check(found: ce.Estimate, want: dict[str, float], agree: Compare) -> None:
    got = [np.log(found.value), found.std_error, np.log(found.low), np.log(found.high)]
    # Both stop when a step is below 1e-11, but R's glm keeps the weights of its last step but one:
    # its sandwich differs from ours by up to 1e-9 on bladder2.
    agree(got, [want["coef"], want["std_error"], want["low"], want["high"]], 1e-8, 1e-9)
    agree(found.p_value, want["p_value"], 1e-7)


@pytest.mark.parametrize(("data", "one"), CASES, ids=NAMES)
def test_poisson_with_its_sandwich(data: str, one: dict[str, Any], agree: Compare) -> None:
    check(fitted(data, one, "poisson"), one["robust"], agree)


@pytest.mark.parametrize(("data", "one"), CASES, ids=NAMES)
def test_negative_binomial(data: str, one: dict[str, Any], agree: Compare) -> None:
    found = fitted(data, one, "negative binomial")
    check(found, one["nb"], agree)
    assert f"dispersion {1 / one['nb']['theta']:.3g}" in found.method


@pytest.mark.parametrize(("data", "one"), CASES, ids=NAMES)
def test_negative_binomial_as_r_prints_it(data: str, one: dict[str, Any], agree: Compare) -> None:
    """The default call of glm.nb, which stops when the deviance moves by less than 1e-8."""
    found = fitted(data, one, "negative binomial")
    want = one["as_printed"]
    agree([np.log(found.value), found.std_error], [want["coef"], want["std_error"]], 1e-6, 1e-7)


def test_counts_that_vary_less_than_poissons(agree: Compare) -> None:
    """The limit of glm.nb: glm(poisson) with the model's own variance."""
    trial = ce.Trial.from_frame(
        pd.DataFrame(R["even"]["people"]),
        arm="arm",
        control=0,
        counts={"events": ("count", "time", "days")},
    )
    found = rate_ratio(trial, outcome="events")
    check(found, R["even"]["model"], agree)
    assert "no more than Poisson" in found.method


def test_the_people_are_those_r_read() -> None:
    """bladder is made anew here: the same rows as R made of it."""
    want = pd.DataFrame(R["bladder"]["people"]).sort_values("id").reset_index(drop=True)
    got = people_of("bladder").sort_values("id").reset_index(drop=True)[list(want)]
    pd.testing.assert_frame_equal(got, want, check_dtype=False)
