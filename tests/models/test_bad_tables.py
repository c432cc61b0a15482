"""What is no table of counts, no curve, no fit, or no name of a column, is refused in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval import models
from checkpoint_eval.errors import InvalidData, TrialError, UnknownColumn

if TYPE_CHECKING:
    from collections.abc import Callable

PEOPLE: dict[str, Any] = {"time": [1, 2, 3.5], "event": [1, 0, 1], "group": [0, 1, 0], "groups": 2}
TABLE = models.event_table(**PEOPLE)


@pytest.mark.parametrize(
    ("field", "values", "words"),
    [
        ("time", [1, np.nan, 3], "`time` must be one finite number a person"),
        ("time", [1, np.inf, 3], "`time` must be one finite number a person"),
        ("time", 3.0, "`time` must be one finite number a person"),
        ("time", [[1.0, 2.0, 3.0]], "`time` must be one finite number a person"),
        ("time", ["one", "two", "three"], "`time` must be numbers"),
        ("event", [1, 0], "`event` must be 0 or 1.*once for each of `time`"),
        ("event", [1, 2, 0], "`event` must be 0 or 1"),
        ("event", [1, np.nan, 0], "`event` must be 0 or 1"),
        ("event", ["yes", "no", "no"], "`event` must be numbers"),
        ("group", [0, 1, 2], "`group` must be codes from 0 to 1, as `groups` is 2"),
        ("group", [0, -1, 1], "`group` must be codes from 0 to 1"),
        ("group", [0, 1], "`group` must be codes.*one for each of `time`"),
        ("group", [0.0, 1.0, 0.0], "`group` must be codes"),
        ("group", ["a", "b", "a"], "`group` must be codes"),
        ("entry", [0, 0], "`entry` must be one time a person, before the exit"),
        ("entry", [0, 2, 0], "`entry` must be one time a person, before the exit"),
        ("entry", [0, np.nan, 0], "`entry` must be one time a person, before the exit"),
        ("entry", ["a", "b", "c"], "`entry` must be numbers"),
    ],
)
def test_people_that_cannot_be_counted(field: str, values: Any, words: str) -> None:
    with pytest.raises(InvalidData, match=words):
        models.event_table(**(PEOPLE | {field: values}))


@pytest.mark.parametrize("groups", [0, -1, 1.5, None, "two", True])
def test_groups_must_be_a_number_of_them(groups: Any) -> None:
    with pytest.raises(TrialError, match="`groups` must be a whole number of at least 1"):
        models.event_table(**(PEOPLE | {"groups": groups}))


def test_nullable_columns_are_counted_as_plain_ones() -> None:
    found = models.event_table(
        pd.Series([1, 2, 3.5], dtype="Float64"),
        pd.Series([True, False, True], dtype="boolean"),
        np.array([0, 1, 0], dtype=np.int8),
        groups=2,
    )
    np.testing.assert_array_equal(found.at_risk, TABLE.at_risk)
    np.testing.assert_array_equal(found.events, TABLE.events)


@pytest.mark.parametrize("table", [None, "table", [[1, 2]], np.ones((2, 3))])
@pytest.mark.parametrize(
    "verb",
    [
        models.kaplan_meier,
        models.logrank,
        models.logrank_z,
        lambda table: models.restricted_mean_of(table, horizon=1),
    ],
)
def test_what_is_no_table(verb: Callable[[Any], Any], table: Any) -> None:
    with pytest.raises(TrialError, match=r"`table` must be an `EventTable`.*`event_table` makes"):
        verb(table)


@pytest.mark.parametrize("verb", [models.logrank, models.logrank_z])
def test_a_table_without_strata_is_no_table_of_a_test(verb: Callable[[Any], Any]) -> None:
    with pytest.raises(TrialError, match=r"`table` must have an axis of strata.*shape \(2, 3\)"):
        verb(TABLE)


def test_a_signed_statistic_is_of_two_groups() -> None:
    counts = np.ones((1, 3, 3), dtype=np.int64)
    table = models.EventTable(time=TABLE.time, at_risk=counts, events=counts)
    with pytest.raises(TrialError, match="`logrank_z` compares two groups, `table` has 3"):
        models.logrank_z(table)


@pytest.mark.parametrize("verb", [models.logrank, models.logrank_z])
def test_a_weight_of_a_kernel_is_checked(verb: Callable[..., Any]) -> None:
    table = models.EventTable(
        time=TABLE.time, at_risk=TABLE.at_risk[None], events=TABLE.events[None]
    )
    with pytest.raises(TrialError, match="`weight` must be a weight"):
        verb(table, "gehan")


@pytest.mark.parametrize("horizon", [0, -1, np.nan, np.inf, None, "a year"])
def test_a_horizon_of_a_kernel_is_a_time(horizon: Any) -> None:
    with pytest.raises(TrialError, match="`horizon` must be a finite number above 0"):
        models.restricted_mean_of(TABLE, horizon=horizon)


@pytest.mark.parametrize("noun", [None, "curve", 3])
def test_what_is_no_curve_and_no_fit(noun: Any) -> None:
    with pytest.raises(TrialError, match=r"`curve` must be a `Curve`.*`survival_curve` makes one"):
        models.survival_quantiles(noun)
    for verb in (models.predicted_survival, models.standardised_survival):
        with pytest.raises(TrialError, match=r"`fit` must be a `CoxFit`.*`fit_cox` makes one"):
            verb(noun)
    with pytest.raises(TrialError, match="`fit` must be a `CoxFit`"):
        models.standardised_survival_difference(noun, at=20)


@pytest.mark.parametrize("values", [3, "age", [("age", 30)]])
def test_values_of_covariates_are_a_mapping(values: Any) -> None:
    fit = models.fit_cox(ce.load_rossi(), outcome="rearrest", adjust="age")
    with pytest.raises(TrialError, match="`values` must map each name"):
        models.predicted_survival(fit, values=values)


@pytest.mark.parametrize("names", [None, 0, 3.5, [3], [["age"]], b"age"])
def test_columns_are_named_by_text(names: Any) -> None:
    with pytest.raises(TrialError, match=r"Columns are named by text.*\(\) names none"):
        ce.restricted_mean(ce.load_rossi(), outcome="rearrest", horizon=52, adjust=names)


@pytest.mark.parametrize("name", [[], ["itt"], {}, None, 3, pd.NA, np.array(["itt", "itt"])])
def test_sets_outcomes_and_choices_are_text(name: Any) -> None:
    trial = ce.load_rossi()
    with pytest.raises(UnknownColumn, match="analysis set"):
        ce.survival_curve(trial, outcome="rearrest", analysis_set=name)
    with pytest.raises(UnknownColumn, match="outcome"):
        ce.survival_curve(trial, outcome=name)
    with pytest.raises(TrialError, match="`interval` is"):
        ce.survival_curve(trial, outcome="rearrest", interval=name)
