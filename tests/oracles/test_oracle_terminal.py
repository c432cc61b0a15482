"""Repeated events with death against R: mets recurrentMarginal, and base R from the papers.

terminal.R stops unless its base R gives what mets prints for means, test and while-alive rates. The
simulated trial is in terminal.json: 90 people on whole days, with ties, events on the day of death,
and deaths in custody.
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
from checkpoint_eval.models import (
    events_side_by_side,
    mean_cumulative_difference,
    recurrent_hazard_ratio,
    restricted_mean,
    terminal_mean,
    terminal_mean_difference,
    terminal_mean_test,
    while_alive_rate,
)
from checkpoint_eval.outcomes import Episodes

Compare = Callable[..., None]
R = json.loads((Path(__file__).parent / "terminal.json").read_text(encoding="utf-8"))
EXACT = 1e-10  # both sum the same products in double precision, in another order
AT = [
    *(("hfaction", one) for one in R["hfaction"]["at"]),
    *(("simulated", one) for one in R["simulated"]["at"]),
]


def hfaction() -> ce.Trial:
    """Usual care is control; years."""
    rows = pd.read_csv(Path(__file__).parents[1] / "data" / "hfactioncpx12.csv")
    last = rows.drop_duplicates("id", keep="last").sort_values("id")
    seen = Episodes(
        person=np.searchsorted(last["id"], rows["id"]),
        start=rows["entry"],
        stop=rows["time"],
        event=rows["status"] == 1,
        terminal=last["status"] == 2,
        people=len(last),
        unit="years",
    )
    time = ce.TimeToEvent(time=last["time"], event=last["status"] == 2, unit="years")
    arms = ce.Assignment(arm=last["treatment"], arms=("usual", "training"), stratum=[0] * len(last))
    return ce.Trial(assignment=arms, outcomes={"events": seen, "death": time})


def simulated() -> ce.Trial:
    rows, people = (R["simulated"][name] for name in ("rows", "people"))
    seen = Episodes(
        person=np.array(rows["id"]) - 1,
        start=rows["start"],
        stop=rows["stop"],
        event=rows["event"],
        people=len(people["id"]),
        terminal=people["terminal"],
        end=people["end"],
    )
    arms = ce.Assignment(
        arm=people["arm"], arms=("court", "contract"), stratum=[0] * len(people["id"])
    )
    return ce.Trial(assignment=arms, outcomes={"events": seen})


@pytest.fixture(scope="module")
def trial_of() -> dict[str, ce.Trial]:
    return {"hfaction": hfaction(), "simulated": simulated()}


def label(value: Any) -> str:
    return value if isinstance(value, str) else str(value["tau"])


@pytest.mark.parametrize("arm", [0, 1])
def test_mean_equals_mets(trial_of: dict[str, ce.Trial], agree: Compare, arm: int) -> None:
    want = R["hfaction"]["curves"][arm]
    found = terminal_mean(trial_of["hfaction"], outcome="events")
    step = np.searchsorted(found.time, want["time"], side="right") - 1
    agree(found.mean[arm, step], want["mean"], EXACT)
    agree(found.std_error[arm, step], want["std_error"], EXACT)


def test_mean_as_first_collected(trial_of: dict[str, ce.Trial], printed: Compare) -> None:
    found = terminal_mean(trial_of["hfaction"], outcome="events")
    step = int(np.searchsorted(found.time, 2, side="right")) - 1
    printed(found.mean[:, step], [1.57185626, 1.45340554])
    printed(found.std_error[:, step], [0.095729554, 0.103156056])


@pytest.mark.parametrize(("data", "want"), AT, ids=label)
def test_means_and_errors_at_times(
    trial_of: dict[str, ce.Trial], agree: Compare, data: str, want: dict[str, Any]
) -> None:
    found = terminal_mean(trial_of[data], outcome="events")
    step = int(np.searchsorted(found.time, want["tau"], side="right")) - 1
    arms = (want["control"], want["treatment"])
    agree(found.mean[:, step], [one["mean"] for one in arms], EXACT)
    agree(found.std_error[:, step], [one["std_error"] for one in arms], EXACT)


@pytest.mark.parametrize(("data", "want"), AT, ids=label)
def test_comparisons_of_means(
    trial_of: dict[str, ce.Trial], agree: Compare, data: str, want: dict[str, Any]
) -> None:
    zero, one = want["control"], want["treatment"]
    how: dict[str, Any] = {"outcome": "events", "at": want["tau"]}
    found = terminal_mean_difference(trial_of[data], **how)
    agree(found.value, one["mean"] - zero["mean"], EXACT, 1e-12)
    agree(found.std_error, np.hypot(zero["std_error"], one["std_error"]), EXACT)
    agree(found.by_arm, [zero["mean"], one["mean"]], EXACT)
    ratio = terminal_mean_difference(trial_of[data], measure="ratio", **how)
    error = np.hypot(zero["std_error"] / zero["mean"], one["std_error"] / one["mean"])
    agree(ratio.value, one["mean"] / zero["mean"], EXACT)
    agree(ratio.std_error, error, EXACT)
    agree(ratio.high, ratio.value * np.exp(1.959963984540054 * error), EXACT)


@pytest.mark.parametrize(("data", "want"), AT, ids=label)
def test_rates_while_alive(
    trial_of: dict[str, ce.Trial], agree: Compare, data: str, want: dict[str, Any]
) -> None:
    zero, one = want["control"], want["treatment"]
    how: dict[str, Any] = {"outcome": "events", "horizon": want["tau"]}
    found = while_alive_rate(trial_of[data], **how)
    error = np.hypot(zero["rate_error"] / zero["rate"], one["rate_error"] / one["rate"])
    agree(found.by_arm, [zero["rate"], one["rate"]], EXACT)
    agree(found.value, one["rate"] / zero["rate"], EXACT)
    agree(found.std_error, error, EXACT)
    agree(found.low, found.value / np.exp(1.959963984540054 * error), EXACT)
    difference = while_alive_rate(trial_of[data], measure="difference", **how)
    agree(difference.value, one["rate"] - zero["rate"], EXACT, 1e-12)
    agree(difference.std_error, np.hypot(zero["rate_error"], one["rate_error"]), EXACT)


def test_while_alive_as_mets_prints_it(trial_of: dict[str, ce.Trial], printed: Compare) -> None:
    """WA_recurrent of mets 1.3.11 weights for censoring: its errors differ in the 4th digit."""
    trial = trial_of["hfaction"]
    found = while_alive_rate(trial, outcome="events", horizon=2, measure="difference")
    printed(found.by_arm, [0.8457, 0.7555])
    printed([-found.value], [0.09022])
    printed([found.std_error], [0.07565], 5e-4)
    printed([-found.low, -found.high], [0.2385, -0.05805], 5e-4)
    printed([found.p_value], [0.233])
    difference = terminal_mean_difference(trial, outcome="events", at=2)
    printed([-difference.value, difference.std_error], [0.1185, 0.1407])
    printed([difference.p_value], [0.4])


@pytest.mark.parametrize("data", ["hfaction", "simulated"])
def test_test_equals_base_r(trial_of: dict[str, ce.Trial], agree: Compare, data: str) -> None:
    found = terminal_mean_test(trial_of[data], outcome="events")
    agree(found.statistic, R[data]["test"]["z"], EXACT)
    agree(found.p_value, R[data]["test"]["p_value"], 1e-9)


def test_everyone_is_counted(trial_of: dict[str, ce.Trial]) -> None:
    """Those who never were at liberty too."""
    found = while_alive_rate(trial_of["simulated"], outcome="events", horizon=24.5)
    assert found.n == (45, 45)
    rows, arm = R["simulated"]["rows"], np.array(R["simulated"]["people"]["arm"])
    own = arm[np.array(rows["id"]) - 1][(np.array(rows["event"]) == 1)]
    late = np.array(rows["stop"])[np.array(rows["event"]) == 1] > 24.5
    assert found.events == tuple(np.bincount(own[~late]))
    test = terminal_mean_test(trial_of["simulated"], outcome="events")
    assert (test.n, test.events) == ((45, 45), tuple(np.bincount(own)))


def test_time_alive_is_the_restricted_mean(trial_of: dict[str, ce.Trial], agree: Compare) -> None:
    """Of death, by its own verb: mean events over it is the rate."""
    trial = trial_of["hfaction"]
    mean = terminal_mean_difference(trial, outcome="events", at=3).by_arm
    alive = restricted_mean(trial, outcome="death", horizon=3).by_arm
    rate = while_alive_rate(trial, outcome="events", horizon=3).by_arm
    agree(np.array(mean) / alive, rate, EXACT)


def test_the_answers_side_by_side(trial_of: dict[str, ce.Trial]) -> None:
    """Had nobody died, training saves more than with the dead counted as dead."""
    trial = trial_of["hfaction"]
    how: dict[str, Any] = {"level": 0.9, "analysis_set": "itt"}
    found = events_side_by_side(trial, elapsed="events", at_liberty="events", at=2, **how)
    plain = mean_cumulative_difference(trial, outcome="events", at=2, measure="ratio", **how)
    rate = recurrent_hazard_ratio(trial, outcome="events", **how)
    assert [one.value for one in found[:3]] == [plain.value, plain.value, rate.value]
    with_death = terminal_mean_difference(trial, outcome="events", at=2, measure="ratio", **how)
    alive = while_alive_rate(trial, outcome="events", horizon=2, **how)
    assert [(one.value, one.low) for one in found[3:]] == [
        (one.value, one.low) for one in (with_death, alive)
    ]
    assert {one.scale for one in found} == {"ratio"}
    assert {one.level for one in found} == {0.9}
    assert plain.value < with_death.value < 1
