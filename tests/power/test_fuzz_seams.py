"""What fuzzing found at the seams of plans, looks and forecasts: refused in words, or mended."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from checkpoint_eval import Trial
from checkpoint_eval.cohort import Population, Reoffending, Scenario, generate, true_values
from checkpoint_eval.errors import InvalidData, TrialError, UnknownColumn
from checkpoint_eval.power import (
    Diluted,
    EventsForecast,
    GroupSequential,
    InClusters,
    PartiallyNested,
    PromisingZone,
    Proportions,
    UserSpending,
    extension_power,
    forecast_events,
    integrity_surface,
    monitor,
    operating_characteristics,
    power_curve,
    predictive_power,
    stopping_bounds,
)

BOUNDS = stopping_bounds(GroupSequential(looks=2))


def test_looks_of_spending_may_be_an_array() -> None:
    listed = UserSpending(values=[0.01, 0.05], looks=[0.4, 1])
    assert UserSpending(values=np.array([0.01, 0.05]), looks=np.array([0.4, 1.0])) == listed
    with pytest.raises(TrialError, match=r"`looks` must list the share .* got 2; write \(2,\)"):
        UserSpending(values=(0.01, 0.05), looks=2)  # type: ignore[arg-type] # refused


def test_what_are_no_bounds() -> None:
    with pytest.raises(TrialError, match=r"`bounds` must be `StoppingBounds`, got str; make them"):
        operating_characteristics("x", drift=1)  # type: ignore[arg-type] # refused


@pytest.mark.parametrize("drift", ["x", ["a"], {}, [[1.0]], 1j, pd.NA])
def test_what_is_no_drift(drift: object) -> None:
    with pytest.raises(TrialError, match=r"`drift` must be a number or a list of numbers, got"):
        operating_characteristics(BOUNDS, drift=drift)  # type: ignore[arg-type] # refused
    with pytest.raises(TrialError, match=r"`drift` must be a number or a list of numbers, got"):
        extension_power(PromisingZone(bounds=BOUNDS), drift=drift)  # type: ignore[arg-type] # refused


def test_a_field_of_what_is_no_comparison() -> None:
    design = InClusters(design=Proportions(control=0.5, treatment=0.4), size=10, icc=0.1)
    with pytest.raises(UnknownColumn, match=r"'x' is sought in 0.5, which is no comparison"):
        power_curve(design, n=(100,), over={"design.control.x": (1,)})


@pytest.mark.parametrize("over", [{"control": ()}, {"control": {}}])
def test_a_field_without_values(over: dict[str, tuple[float, ...]]) -> None:
    plan = Proportions(control=0.5, treatment=0.4)
    with pytest.raises(TrialError, match=r"`over` must list values of 'control', at least one"):
        power_curve(plan, n=(100,), over=over)
    nested = Diluted(design=PartiallyNested(design=plan, icc=0.02, caseload=30))
    with pytest.raises(TrialError, match=r"`icc` must list correlations, at least one, got \(\)"):
        integrity_surface(nested, overrides=(0,), icc=(), n=300)


def test_what_is_no_field_or_prior() -> None:
    with pytest.raises(UnknownColumn, match="field of Proportions '1' is not known"):
        power_curve(Proportions(control=0.5, treatment=0.4), n=(100,), over={1: (0.1,)})  # type: ignore[dict-item] # refused
    with pytest.raises(TrialError, match=r"prior must be a finite mean and a .* got 0\.5"):
        predictive_power(BOUNDS, z=1.0, share=0.5, prior=0.5)  # type: ignore[arg-type] # refused


def _trial(unknown: int = 0) -> Trial:
    """Return 100 people of whom one entered a day; the first so many have no known outcome."""
    day = np.arange(100.0)
    table = pd.DataFrame(
        {
            "id": day,
            "arm": ["court", "contract"] * 50,
            "day": day,
            "date": [f"{each:%Y-%m-%d}" for each in pd.date_range("2024-01-01", periods=100)],
            "time": 100 - day,
            "event": pd.array([False, False, False, True] * 25, dtype="boolean"),
        }
    )
    table.loc[: unknown - 1, ["time", "event"]] = pd.NA
    return Trial.from_frame(
        table,
        arm="arm",
        control="court",
        id="id",
        covariates=["day", "date"],
        times={"arrest": ("time", "event", "days")},
    )


def _forecast(trial: Trial, **changed: object) -> EventsForecast:
    asked = {"outcome": "arrest", "entered": "day", "now": 100, "targets": 50, "people": 150}
    asked |= {"draws": 400, "rng": np.random.default_rng(1)} | changed
    return forecast_events(trial, **asked)  # type: ignore[arg-type] # what the tests vary


def test_who_entered_is_not_still_to_come() -> None:
    """Twenty people whose outcome is unknown entered all the same: 50 are to come, not 70."""
    found = _forecast(_trial(unknown=20), targets=150)
    assert (found.people, found.events, found.accrual) == (100, 20, 1.0)
    # 20 events, 60 people at risk and 50 to come are all that there can be: 130 at most.
    assert not found.reached[0]
    assert found.reached.sum() == _forecast(_trial(unknown=20), targets=131).reached.sum() == 0
    assert _forecast(_trial(unknown=20), targets=130).reached[0] == 1


def test_dates_are_no_times() -> None:
    """Codes of the dates in order were taken for days."""
    with pytest.raises(InvalidData, match=r"'date' holds categories, such as '2024-01-01'; `ent"):
        _forecast(_trial(), entered="date")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"follow_up": "1"}, "`follow_up` must be a number above 0, got '1'"),
        ({"follow_up": np.nan}, "`follow_up` must be a number above 0, got nan"),
        ({"dropout": None}, "`dropout` must be a finite number of at least 0, got None"),
        ({"targets": "50"}, "`targets` must be a number or a list of numbers, got '50'"),
        ({"targets": []}, "`targets` must be numbers of events of at least 1"),
    ],
)
def test_what_forecasts_refuse(changed: dict[str, object], told: str) -> None:
    with pytest.raises(TrialError, match=told):
        _forecast(_trial(), **changed)


@pytest.mark.filterwarnings("error")
def test_more_events_than_a_whole_number_holds() -> None:
    assert _forecast(_trial(), targets=1e300).date[0] == np.inf


def _look(record: object, *, event: list[int], outcome: object = "again") -> None:
    table = pd.DataFrame({"id": range(20), "arm": ["court", "contract"] * 10, "again": event})
    trial = Trial.from_frame(table, arm="arm", control="court", id="id", binary={"again": "again"})
    design = GroupSequential(looks=2)
    monitor(trial, design, outcome=outcome, planned=60, look=1, record=record)  # type: ignore[arg-type] # refused


@pytest.mark.parametrize("event", [[0] * 20, [0, 1] * 10])
def test_a_look_without_spread_says_why(event: list[int], tmp_path: Path) -> None:
    with pytest.raises(TrialError, match=r"no z of 'again' .* standard error is 0, with nobody or"):
        _look(tmp_path / "looks", event=event)


@pytest.mark.parametrize("record", [None, 1, ["a"], np.nan])
def test_what_is_no_record(record: object) -> None:
    with pytest.raises(TrialError, match=r"`record` must be where a file is or will be, got"):
        _look(record, event=[0, 1, 1, 1] * 5)


@pytest.mark.parametrize("outcome", [np.nan, 3j, ["a"], np.array([1.0, 2.0])])
def test_what_is_no_outcome(outcome: object, tmp_path: Path) -> None:
    with pytest.raises(TrialError, match="outcome"):
        _look(tmp_path / "looks", event=[0, 1, 1, 1] * 5, outcome=outcome)


def test_no_true_value_is_missing_without_a_reason() -> None:
    """Too few events for a Cox limit, and in a cohort of two for ratios that the limit has."""
    rare = Reoffending(months=(24,), risks=(1e-6,), never=0.0)
    population = Population(needs={})
    scenario = Scenario(people=5, reoffending=rare, population=population)
    truths = true_values(generate(scenario, np.random.default_rng(1)), limit_people=1_000)
    limit = {(each.estimand, each.months): each for each in truths}["Cox limit", 24]
    assert (np.isnan(limit.limit), limit.reason) == (True, "an arm without events")
    seldom = Reoffending(months=(24,), risks=(0.05,), never=0.0)
    scenario = Scenario(people=2, reoffending=seldom, population=population)
    truths += true_values(generate(scenario, np.random.default_rng(1)), limit_people=1_000)
    missing = [each for each in truths if np.isnan(each.limit) or np.isnan(each.in_cohort)]
    assert all(each.reason for each in missing)
    assert any(each.reason.startswith("in this cohort: ") for each in missing)
