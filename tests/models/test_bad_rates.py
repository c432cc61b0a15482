"""What counts cannot be, cannot be asked, and cannot answer."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.errors import ImpossibleDesign, InvalidData, TrialError, UnknownColumn
from checkpoint_eval.models import hazard_ratio, rate_ratio, recurrent_hazard_ratio, risk_ratio
from checkpoint_eval.outcomes import CountOutcome, NumericOutcome

METHODS: tuple[Any, ...] = ("negative binomial", "poisson")
ARM = [0, 1] * 6


def table(events: Any = (1, 2, 0, 3, 0, 1, 2, 2, 1, 1, 0, 4), **more: Any) -> pd.DataFrame:
    return pd.DataFrame({"arm": ARM, "events": events, "years": 1.0} | more)


def read(frame: pd.DataFrame, count: Any = ("events", "years", "years"), **how: Any) -> ce.Trial:
    return ce.Trial.from_frame(frame, arm="arm", control=0, counts={"y": count}, **how)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"value": [1, 2], "exposure": [1.0]}, r"shape \(2,\) and `exposure` \(1,\)"),
        ({"value": [1, -2], "exposure": [1, 1]}, r"got -2 in 1 at row 1 .*mark unknown"),
        ({"value": [1.5, 2], "exposure": [1, 1]}, "got 1.5 in 1 at row 0"),
        ({"value": [1, 2], "exposure": [1, np.nan]}, "got 2 in nan at row 1"),
        ({"value": [1, 2], "exposure": [-1, np.inf]}, r"got 1 in -1 at row 0 \(2 such rows\)"),
        ({"value": [np.nan, 2], "exposure": [1, 1]}, "got nan in 1"),
    ],
)
def test_counts_that_are_none(given: Any, message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        CountOutcome(**given)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (table([0.5, *[1] * 11]), r"'events' is 0.5 at .*counts are whole and at least 0"),
        (table([-1, *[1] * 11]), "'events' is -1 at"),
        (table(years=[-1.0] * 12), r"'years' is -1 at .*12 such rows.*finite and at least 0"),
        (table(years=[0.0, *[1.0] * 11]), r"'years' is 0 at .*events, here 'events', need some"),
        (table(years=[np.nan, *[1.0] * 11]), r"'years' is missing at .*while 'events' is known"),
        (table([np.nan] * 12, years=np.nan), "missing for everyone"),
    ],
)
def test_columns_that_hold_no_counts(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        read(frame)


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (("events", "years"), r"counts\['y'\].*count column, exposure column or length or None"),
        ("events", r"counts\['y'\].*got 'events'"),
        (("events", "years", "fortnights"), "fortnights"),
        (("events", -1, "years"), "exposure.*-1"),
        (("events", "yeras", "years"), "years"),
    ],
)
def test_counts_read_the_wrong_way(count: Any, message: str) -> None:
    with pytest.raises(TrialError, match=message):
        read(table(), count)


def test_a_name_and_a_column_are_used_once() -> None:
    with pytest.raises(TrialError, match="'y'"):
        read(table(), binary={"y": "events"})
    with pytest.raises(TrialError, match=r"'years'.*outcome"):
        read(table(), covariates=["years"])


def test_options() -> None:
    trial = read(table(age=range(12)), covariates=["age"])
    with pytest.raises(TrialError, match=r"method.*poison"):
        rate_ratio(trial, outcome="y", method="poison")  # type: ignore[arg-type]
    with pytest.raises(TrialError, match="level"):
        rate_ratio(trial, outcome="y", level=95)
    with pytest.raises(UnknownColumn, match="aeg"):
        rate_ratio(trial, outcome="y", adjust="aeg")
    with pytest.raises(UnknownColumn, match="arests"):
        rate_ratio(trial, outcome="arests")
    with pytest.raises(UnknownColumn, match="site"):
        rate_ratio(trial, outcome="y", strata="site")
    with pytest.raises(TrialError, match="age"):
        rate_ratio(trial, outcome="y", adjust=["age", "age"])


def test_outcomes_of_other_kinds() -> None:
    trial = read(table(yes=ARM), binary={"breach": "yes"}, numeric={"harm": "years"})
    for name in ("breach", "harm"):
        with pytest.raises(TrialError, match=f"'{name}' is not a count over a time at risk"):
            rate_ratio(trial, outcome=name)
    for verb in (hazard_ratio, risk_ratio):
        with pytest.raises(TrialError, match="is a count over a time at risk; use `rate_ratio`"):
            verb(trial, outcome="y")
    with pytest.raises(TrialError, match="not of repeated events"):
        recurrent_hazard_ratio(trial, outcome="y")


def test_covariates_that_tell_nothing() -> None:
    frame = table(one=1.0, copy=ARM, site=["n", "s"] * 3 + ["s", "n"] * 3)
    frame["same"] = (frame["site"] == "s").astype(float)
    trial = read(frame, strata=["site"], factors=["one", "copy", "same"])
    with pytest.raises(ImpossibleDesign, match="'one' is constant"):
        rate_ratio(trial, outcome="y", adjust="one")
    with pytest.raises(ImpossibleDesign, match="'copy' is a combination"):
        rate_ratio(trial, outcome="y", adjust="copy")
    with pytest.raises(ImpossibleDesign, match="'same' does not vary within the strata"):
        rate_ratio(trial, outcome="y", adjust="same")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("events", "more", "how", "reason"),
    [
        ([0] * 12, {}, {}, "no events"),
        ([0, 1] * 6, {}, {}, "no events in 'control'"),
        ([1, 0] * 6, {}, {}, "no events in 'treatment'"),
        ([0, 2] * 6, {"years": [0.0, 1] * 6}, {}, "nobody in 'control' has time at risk"),
        (
            [1, 2, 0, 3, 0, 1, *[0] * 6],
            {"kind": ["a"] * 6 + ["b"] * 6},
            {"adjust": "kind"},
            "a column tells people without events apart",
        ),
        (
            [1, 0, 0, 3, *[0] * 8],
            {"kind": [9.0, 1, 1, 8, 1, 1, 2, 3, 2, 4, 2, 1]},
            {"adjust": "kind"},
            "a column tells people without events apart",
        ),
        (
            [1, 2, 0, 3, 0, 1, 2, 2, 1, 1, 0, 4],
            {"kind": ["a", "b"] * 6},
            {"strata": "kind"},
            "no stratum with events holds both arms",
        ),
    ],
)
def test_not_estimable_is_a_value(
    method: Any, events: Any, more: Any, how: Any, reason: str
) -> None:
    trial = read(table(events, **more), factors=["kind"] if "kind" in more else ())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = rate_ratio(trial, outcome="y", method=method, **how)
    assert np.isnan([found.value, found.low, found.high, found.p_value, found.std_error]).all()
    assert f"not estimable: {reason}" in found.method


def test_events_at_risk_for_no_time() -> None:
    """What an extract may hold, and a table may not."""
    counts = CountOutcome(value=[1, 2, 0, 3], exposure=[0, 1, 0, 1])
    arms = ce.Assignment(arm=[0, 1, 0, 1], arms=("court", "contract"), stratum=[0] * 4)
    found = rate_ratio(ce.Trial(assignment=arms, outcomes={"y": counts}), outcome="y")
    assert "not estimable: 1 person has events and no time at risk" in found.method


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(4))
def test_no_warning_nor_traceback_on_small_uneven_data(method: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(8):
            rate = rng.gamma(0.3, 3, 12) * 10.0 ** rng.integers(-2, 5)
            frame = table(rng.poisson(rate), age=rng.normal(size=12), years=rng.exponential(1, 12))
            trial = read(frame, covariates=["age"])
            found = rate_ratio(trial, outcome="y", method=method, adjust="age")
            assert found.estimable == (0 < found.std_error < np.inf)
            assert found.estimable or "not estimable" in found.method


def test_numbers_have_no_events() -> None:
    """A numeric outcome beside counts keeps its own fields."""
    arms = ce.Assignment(arm=[0, 1], arms=("court", "contract"), stratum=[0] * 2)
    harm = NumericOutcome(value=[1.0, 2.0])
    trial = ce.Trial(assignment=arms, outcomes={"harm": harm})
    assert ce.models.compare(trial, outcome="harm", kind="any").events() == ()
