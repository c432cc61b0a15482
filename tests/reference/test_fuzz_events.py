"""Small data sets in which numbers of events over time once went wrong, found by drawing many.

Each holds what the definition says by a line of arithmetic, or by scanning the likelihood.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval import models
from checkpoint_eval.outcomes import CountOutcome, Episodes, TimeToEvent


def trial_of(arm: list[int], outcome: Any, **columns: list[Any]) -> ce.Trial:
    """A trial of arms, one outcome "y" and columns."""
    table = pd.DataFrame({"arm": arm, **columns})
    table["day"], table["seen"] = 1.0, 0
    kinds = {name: pd.api.types.is_numeric_dtype(table[name]) for name in columns}
    read = ce.Trial.from_frame(
        table,
        arm="arm",
        control=0,
        covariates=[name for name, number in kinds.items() if number],
        factors=[name for name, number in kinds.items() if not number],
        times={"first": ("day", "seen", "days")},
    )
    return ce.Trial(
        assignment=read.assignment,
        outcomes={"y": outcome},
        columns=read.columns,
        covariates=read.covariates,
    )


def unknown(found: ce.Estimate | ce.SignificanceTest, why: str) -> None:
    assert f"not estimable: {why}" in found.method
    assert np.isnan(found.p_value)


# ------------------------------------------------------------------------------------------- Cox


def test_residuals_that_cancel_leave_no_sandwich() -> None:
    """Everyone has the event at once: by Efron 1 (95% interval 1 to 1), p = 1 it was, or p = 0.9.

    All martingale residuals are nought, so nothing varies; the information is not nought.
    """
    arm, x = [0, 1, 0, 1, 1, 0, 1, 0], [0.1, 0.7, 0.2, 0.9, 0.4, 0.8, 0.6, 0.3]
    given = trial_of(arm, TimeToEvent(time=[7.0] * 8, event=[True] * 8), x=x)
    plain = ce.hazard_ratio(given, outcome="y", adjust="x")
    assert plain.value == pytest.approx(1)
    assert plain.std_error > 0
    unknown(ce.hazard_ratio(given, outcome="y", adjust="x", robust=True), "the residuals")
    fit = ce.models.fit_cox(given, outcome="y", adjust="x", robust=True)
    assert np.isnan(fit.std_error).all()
    assert np.isfinite(fit.model_covariance).all()
    assert "no variance of 'treatment', 'x'" in fit.method


# ------------------------------------------------------------------------- competing causes


def test_fine_gray_where_several_coefficients_run_away() -> None:
    """Five people, four coefficients: once a ratio of 7e8 (9e7 to 6e9), p = 4e-83.

    The likelihood climbs towards 1 along the way: each event alone among those at risk.
    """
    given = trial_of(
        [0, 0, 1, 0, 0],
        TimeToEvent(
            time=[8.0, 8.0, 7.0, 3.75, 5.0],
            event=[False, False, True, True, True],
            competing=[1, 0, 0, 0, 0],
            causes=("death",),
        ),
        x=[-1.4, -0.8, -1.5, 0.3, 1.0],
        g=["a", "b", "a", "a", "c"],
    )
    found = models.subdistribution_hazard_ratio(given, outcome="y", adjust=["x", "g"])
    unknown(found, "the likelihood has no finite maximum")


# -------------------------------------------------------------------------- repeated events


def counted_by(arm: list[int], rows: list[tuple[int, float, float, bool]], **more: Any) -> ce.Trial:
    person, start, stop, event = zip(*rows, strict=True)
    seen = Episodes(
        person=person, start=start, stop=stop, event=event, people=len(arm), unit="years", **more
    )
    return trial_of(arm, seen)


ONE_AGAINST_FOUR = [
    (0, 0, 2, True),
    (0, 2, 9, True),
    (1, 0, 9, False),
    (2, 0, 4, True),
    (2, 4, 9, False),
    (3, 0, 7, True),
    (4, 0, 9, True),
]


def test_one_person_has_no_variance_in_either_verb() -> None:
    """The person's residuals are nought: z was -15 of one against many, p = 4e-50."""
    given = counted_by([0, 1, 1, 1, 1], ONE_AGAINST_FOUR)
    why = "an arm of one person has no variance"
    unknown(models.mean_cumulative_test(given, outcome="y"), why)
    unknown(models.terminal_mean_test(given, outcome="y"), why)
    for measure in ("difference", "ratio"):
        for verb in (models.mean_cumulative_difference, models.terminal_mean_difference):
            unknown(verb(given, outcome="y", at=9, measure=measure), why)


@pytest.mark.parametrize("verb", [models.mean_cumulative_function, models.terminal_mean])
def test_limits_are_none_where_nobody_varies(verb: Any) -> None:
    """One person has 1 and then 2 events for certain, not 1 (1 to 1) and 2 (2 to 2)."""
    found = verb(counted_by([0, 1, 1, 1, 1], ONE_AGAINST_FOUR), outcome="y")
    assert found.mean[0, [0, -1]].tolist() == [1, 2]
    assert np.isnan(found.low[0]).all()
    assert np.isnan(found.high[0]).all()
    last = found.low[1, -1], found.mean[1, -1], found.high[1, -1]
    assert last[0] < last[1] < last[2]


def test_a_time_ties_with_its_events_in_both_means() -> None:
    """An event at 0.1 + 0.2 has happened by 0.3: 2/2 − 1/2 events in either verb."""
    rows = [(who, 0.0, 0.1 + 0.2 if who < 3 else 0.5, who < 3) for who in range(4)]
    given = counted_by([0, 0, 1, 1], rows)
    for verb in (models.mean_cumulative_difference, models.terminal_mean_difference):
        assert verb(given, outcome="y", at=0.3).by_arm == pytest.approx((1, 0.5))


# ------------------------------------------------------------------------------------ counts


def test_rates_that_a_search_stops_short_of() -> None:
    """Three counts that three columns fit: once 9e-18 (95% interval 0 to infinity), p = 1.

    x takes the rates 5/504 and 1/486 apart at 0.16374 and 0.16708, with a slope of
    log(4.8)/0.0033 = 470: the first person is foretold e^-260 events, and the deviance stands
    still long before.
    """
    given = trial_of(
        [1, 1, 1, 0],
        CountOutcome(value=[0, 5, 1, 3], exposure=[158.0, 504.0, 486.0, 94.0]),
        x=[-0.72327, -0.16374, -0.16708, -0.30652],
    )
    for method in ("poisson", "negative binomial"):
        found = models.rate_ratio(given, outcome="y", method=method, adjust="x", strata=())
        unknown(found, "no finite maximum of the likelihood was reached")


def test_times_at_risk_of_every_size_warn_of_nothing() -> None:
    """Exposures from 0.001 to 5,000 days: exp of a large number of expected events overflowed."""
    given = trial_of(
        [1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0],
        CountOutcome(
            value=[0, 0, 11, 0, 0, 259, 0, 271, 1, 0, 1, 0],
            exposure=[0.001, 1668, 778, 0.1, 0.3, 3766, 0.002, 5453, 2091, 2299, 27.3, 0.007],
        ),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = models.rate_sensitivity(given, outcome="y")
    assert all(each.estimable or "not estimable: " in each.method for each in table.estimates)


# --------------------------------------------------------------------------------- lifetimes


def test_the_share_of_one_arm_runs_to_everyone() -> None:
    """No plateau in control: its log odds of ever were 27 with an error of 551,891.

    By scanning: the likelihood rises with the log odds of control, all the way, and ever less.
    """
    arm = [1, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 0, 1, 0, 0]
    time = [
        19.6, 3.8, 5.3, 30.8, 56.5, 2.6, 9.8, 4.9, 48.3, 9.6,
        6.2, 21.8, 6.6, 3.6, 9.1, 7.9, 1.4, 7.4, 20.5, 12.5,
    ]  # fmt: skip
    event = [each in "149bcdfhi" for each in "0123456789abcdefghij"]
    given = trial_of(arm, TimeToEvent(time=time, event=event))
    fit = models.fit_cure(given, outcome="y", distribution="weibull", arm_in_time=False)
    assert np.isnan(fit.share_coef).all()
    assert "no plateau tells a share who never do" in fit.reason
    at = np.array(time)[np.array(arm) == 0]
    died = np.array(event)[np.array(arm) == 0]
    survival = np.exp(-((at / np.exp(3.4174)) ** np.exp(0.1482)))
    scanned = [
        np.log(np.where(died, ever, 1 - ever + ever * survival)).sum()
        for ever in (0.9, 0.99, 0.999, 0.9999, 1.0)
    ]
    assert (np.diff(scanned) > 0).all()


# -------------------------------------------------------------------------------- bad input

FOUR = trial_of(
    [0, 1, 0, 1, 0, 1],
    TimeToEvent(
        time=[1.0, 2, 3, 4, 5, 6],
        event=[True, True, False, True, True, False],
        competing=[0, 0, 1, 0, 0, 0],
        causes=("death",),
    ),
    x=[1.0, 2.0, 1.0, 3.0, 2.0, 2.0],
)


@pytest.mark.parametrize("name", ["cluster", "weights", "offset", "entry"])
@pytest.mark.parametrize("given", [["x"], {"x"}, np.array([1.0, 2.0]), pd.Series([1.0]), 1])
def test_a_column_is_named_by_text(name: str, given: Any) -> None:
    with pytest.raises(ce.TrialError, match=f"`{name}` must be the name of a column, got"):
        models.fit_cox(FOUR, outcome="y", **{name: given})


@pytest.mark.parametrize("given", ["no", None, 2, np.array([True, False]), pd.Series([True])])
def test_yes_or_no_is_true_or_false(given: Any) -> None:
    """Not "no", which is true."""
    with pytest.raises(ce.TrialError, match="`robust` must be True or False, got"):
        ce.hazard_ratio(FOUR, outcome="y", robust=given)
    with pytest.raises(ce.TrialError, match="`arm_in_time` must be True or False, got"):
        models.fit_cure(FOUR, outcome="y", arm_in_time=given)
    assert ce.hazard_ratio(FOUR, outcome="y", robust=np.True_).method.endswith("log scale")


@pytest.mark.parametrize("given", [np.array(["death", "y"]), pd.Series(["death"]), ["death"], 1])
def test_a_cause_is_named_by_text(given: Any) -> None:
    for verb, more in (
        (models.gray_test, {}),
        (models.subdistribution_hazard_ratio, {}),
        (models.incidence_difference, {"at": 3}),
        (ce.hazard_ratio, {}),
    ):
        with pytest.raises(ce.TrialError, match=r"(?s)`cause` is .*choose from 'death'"):
            verb(FOUR, outcome="y", cause=given, **more)


@pytest.mark.parametrize("given", [None, "fit", [], FOUR])
def test_residuals_are_of_a_fit(given: Any) -> None:
    with pytest.raises(ce.TrialError, match="`fit` must be a `CoxFit`, got"):
        models.cox_residuals(given)
