"""Repeated events against R: coxph with cluster(id) in four layouts, survfit(id=) by arm.

The simulated trial is in recurrent.json: 120 people on whole days, with gaps, late starts and up to
8 events each; "ungapped" is the same with the gaps closed by intervals without an event.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from slow_recurrent import Interval, mean_test

import checkpoint_eval as ce
from checkpoint_eval.models import (
    mean_cumulative_difference,
    mean_cumulative_function,
    recurrent_hazard_ratio,
)
from checkpoint_eval.outcomes import Covariate, Episodes

Compare = Callable[..., None]
R = json.loads((Path(__file__).parent / "recurrent.json").read_text(encoding="utf-8"))
ADJUST = {"bladder": ["number", "size"], "simulated": ["age"], "ungapped": ["age"]}
STRATUM = {"bladder": "big", "simulated": "suite", "ungapped": "suite"}
MODELS = [(data, one) for data in R for one in R[data]["models"]]
# The coefficients every textbook analysis of bladder2 prints, with Breslow's ties.
PRINTED = {
    "andersen-gill": (-0.4597909487, 0.2580104875),
    "pwp-total": (-0.33429549418, 0.1970643889),
    "pwp-gap": (-0.2695212884, 0.2080758727),
    "wlw": (-0.5798608195, 0.3034352901),
}


def rows_of(data: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Intervals (id, start, stop, event) and people (id, arm, covariates), as R read them."""
    if data != "bladder":
        return pd.DataFrame(R[data]["rows"]), pd.DataFrame(R[data]["people"])
    rows = pd.read_csv(Path(__file__).parents[1] / "data" / "bladder2.csv")
    people = rows.drop_duplicates("id").sort_values("id").reset_index(drop=True)
    people = people.assign(arm=people["rx"] - 1, big=people["size"] > 1)
    return rows[["id", "start", "stop", "event"]], people[["id", "arm", "number", "size", "big"]]


def read(data: str) -> ce.Trial:
    """The trial; R's arm 1 or 0 is control."""
    rows, people = rows_of(data)
    columns = {
        name: Covariate(name=name, values=people[name].astype(float))
        for name in people
        if name not in {"id", "arm", STRATUM[data]}
    }
    last = STRATUM[data]
    columns[last] = Covariate(name=last, values=people[last].astype(float), levels=("no", "yes"))
    seen = Episodes(
        person=np.searchsorted(people["id"], rows["id"]),
        start=rows["start"],
        stop=rows["stop"],
        event=rows["event"],
        people=len(people),
        unit="months",
    )
    arms = ce.Assignment(arm=people["arm"], arms=("placebo", "drug"), stratum=[0] * len(people))
    return ce.Trial(
        assignment=arms, outcomes={"events": seen}, columns=columns, covariates=tuple(columns)
    )


@pytest.fixture(scope="module")
def trial_of() -> dict[str, ce.Trial]:
    return {data: read(data) for data in R}


def label(value: Any) -> str:
    if isinstance(value, str):
        return value
    choices = [value["method"], value["ties"]]
    return "-".join(choices + [name for name in ("adjusted", "stratified") if value[name]])


@pytest.mark.parametrize(("data", "want"), MODELS, ids=label)
def test_models_equal_coxph(
    trial_of: dict[str, ce.Trial], agree: Compare, data: str, want: dict[str, Any]
) -> None:
    """WLW of bladder2 equals R on the bladder layout: four rows a person."""
    found = recurrent_hazard_ratio(
        trial_of[data],
        outcome="events",
        method=want["method"],
        ties=want["ties"],
        adjust=ADJUST[data] if want["adjusted"] else (),
        strata=[STRATUM[data]] if want["stratified"] else (),
    )
    coef = np.atleast_1d(want["coef"])[0]
    agree(np.log(found.value), coef, 1e-7, 1e-9)
    agree(found.std_error, np.atleast_1d(want["std_error"])[0], 1e-7)
    agree([found.low, found.high], [want["low"], want["high"]], 1e-7)
    agree(found.p_value, np.atleast_1d(want["p_value"])[0], 1e-6)


@pytest.mark.parametrize("method", PRINTED)
def test_bladder_as_printed(trial_of: dict[str, ce.Trial], printed: Compare, method: Any) -> None:
    found = recurrent_hazard_ratio(
        trial_of["bladder"],
        outcome="events",
        method=method,
        ties="breslow",
        adjust=["number", "size"],
    )
    rel = 1e-8  # R's own stopping rule
    printed([np.log(found.value), found.std_error], PRINTED[method], rel)


def test_bladder_equals_the_first_collected_values(
    trial_of: dict[str, ce.Trial], survival_r: Any, agree: Compare
) -> None:
    """The same models, by the script that was there before."""
    keys = {"andersen-gill": "ag", "pwp-total": "pwp_total", "pwp-gap": "pwp_gap", "wlw": "wlw"}
    for method, key in keys.items():
        found = recurrent_hazard_ratio(
            trial_of["bladder"], outcome="events", method=method, adjust=["number", "size"]
        )
        want = survival_r["bladder"][key]
        agree(found.value, want["hr"][0], 1e-6)
        agree(found.std_error, want["robust_se"][0], 1e-6)


def test_everyone_is_counted(trial_of: dict[str, ce.Trial]) -> None:
    for data, trial in trial_of.items():
        rows, people = rows_of(data)
        arm = people.set_index("id")["arm"]
        events = rows["event"].groupby(arm[rows["id"]].to_numpy()).sum()
        for method in PRINTED:
            found = recurrent_hazard_ratio(trial, outcome="events", method=method)
            assert found.n == tuple(arm.value_counts().sort_index())
            assert found.events == tuple(events)
            assert found.missing == (0, 0)


@pytest.mark.parametrize("data", R)
def test_mean_function_equals_survfit(
    trial_of: dict[str, ce.Trial], agree: Compare, data: str
) -> None:
    """R steps at each arm's own times, ends of follow-up among them; ours at all event times."""
    rows, _ = rows_of(data)
    found = mean_cumulative_function(trial_of[data], outcome="events")
    agree(found.time, np.unique(rows["stop"][rows["event"] == 1]), 0)
    for arm, want in enumerate(R[data]["curves"]):
        time = np.array(want["time"])
        step = np.searchsorted(time, found.time, side="right") - 1
        for got, name in ((found.mean, "mean"), (found.std_error, "std_error")):
            agree(got[arm], np.where(step < 0, 0, np.array(want[name])[step]), 1e-9, 1e-12)
        known = np.isin(found.time, time)
        agree(found.at_risk[arm, known], np.array(want["at_risk"])[step[known]], 0)
        events = np.where(known, np.array(want["events"])[step], 0)
        agree(found.events[arm], events, 0)


@pytest.mark.parametrize("data", R)
def test_limits_are_on_the_log_scale(
    trial_of: dict[str, ce.Trial], agree: Compare, data: str
) -> None:
    found = mean_cumulative_function(trial_of[data], outcome="events", level=0.9)
    started = found.mean > 0
    mean, error = found.mean[started], found.std_error[started]
    width = np.exp(1.6448536269514722 * error / mean)
    agree(found.low[started], mean / width)
    agree(found.high[started], mean * width)
    assert np.isnan(found.low[~started]).all()
    assert np.isnan(found.high[~started]).all()


def test_bladder_mean_function_equals_the_first_collected_values(
    trial_of: dict[str, ce.Trial], survival_r: Any, agree: Compare
) -> None:
    found = mean_cumulative_function(trial_of["bladder"], outcome="events")
    for want in survival_r["bladder"]["mcf_nelson_aalen"]:
        step = np.searchsorted(found.time, want["time"], side="right") - 1
        agree(found.mean[int(want["arm"]) - 1, step], want["cumhaz"])
        agree(found.std_error[int(want["arm"]) - 1, step], want["se"])


@pytest.mark.parametrize("at", [3, 12, 24.5, 45])
@pytest.mark.parametrize("data", R)
def test_differences_equal_those_of_survfit(
    trial_of: dict[str, ce.Trial], agree: Compare, data: str, at: float
) -> None:
    means, errors = [], []
    for want in R[data]["curves"]:
        step = np.searchsorted(want["time"], at, side="right") - 1
        means.append(want["mean"][step])
        errors.append(want["std_error"][step])
    found = mean_cumulative_difference(trial_of[data], outcome="events", at=at)
    agree(found.value, means[1] - means[0], 1e-9)
    agree(found.std_error, np.hypot(*errors), 1e-9)
    agree(found.by_arm, means, 1e-9)
    assert found.time_point == at
    ratio = mean_cumulative_difference(trial_of[data], outcome="events", at=at, measure="ratio")
    error = np.hypot(errors[0] / means[0], errors[1] / means[1])
    agree(ratio.value, means[1] / means[0], 1e-9)
    agree(ratio.std_error, error, 1e-9)
    width = np.exp(1.959963984540054 * error)
    agree([ratio.low, ratio.high], [ratio.value / width, ratio.value * width], 1e-9)


@pytest.mark.parametrize("data", R)
def test_the_slow_numerator_of_the_test_is_the_score_of_coxph(data: str, agree: Compare) -> None:
    """At a ratio of 1. The variance by arm has no counterpart in R; test_slow_recurrent has it."""
    rows, people = rows_of(data)
    intervals = [Interval(*row) for row in rows.itertuples(index=False)]
    arms = [set(people["id"][people["arm"] == arm]) for arm in (0, 1)]
    numerator, _ = mean_test(intervals, treatment=arms[1], control=arms[0])
    agree(float(numerator), R[data]["score"], 1e-10)
