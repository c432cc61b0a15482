"""Cox models that must be refused, or say why their numbers are missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import (
    CoxFit,
    cox_residuals,
    fit_cox,
    hazard_ratio,
    predicted_survival,
    standardised_survival,
    standardised_survival_difference,
)
from checkpoint_eval.outcomes import Covariate, TimeToEvent, TimeVarying

KINDS = ("martingale", "deviance", "score", "dfbeta", "schoenfeld", "scaled schoenfeld")
every_kind = pytest.mark.parametrize("kind", KINDS)


def people() -> pd.DataFrame:
    """Twelve, half of them treated."""
    return pd.DataFrame(
        {
            "arm": [0, 1] * 6,
            "week": [3, 4, 5, 6, 7, 8, 9, 10, 5, 6, 7, 12],
            "ev": [1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1],
            "age": [20, 31, 25, 44, 38, 19, 27, 33, 51, 22, 29, 35],
            "site": ["a"] * 6 + ["b"] * 6,
        }
    )


def read(frame: pd.DataFrame, **more: Any) -> ce.Trial:
    others = [name for name in frame if name not in ("arm", "week", "ev")]
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        covariates=others,
        times={"re": ("week", "ev", "weeks")},
        **more,
    )


def with_column(values: Any) -> ce.Trial:
    """A trial with the column `extra`, set as it is, which `from_frame` may refuse."""
    trial = read(people())
    columns = dict(trial.columns) | {
        "extra": Covariate(name="extra", values=np.asarray(values, dtype=float))
    }
    return ce.Trial(
        assignment=trial.assignment,
        outcomes=dict(trial.outcomes),
        columns=columns,
        covariates=(*trial.covariates, "extra"),
    )


def one_of(value: float, usual: float = 1.0) -> np.ndarray:
    """The fifth person has `value`; others differ a little."""
    values = usual + np.arange(12) % 2
    values[4] = value
    return values


def changes(n: int = 12, **other: Any) -> TimeVarying:
    """A value at the start of each person, 0 and 1 in turn by threes, and a change at 2."""
    given: dict[str, Any] = {
        "person": np.tile(np.arange(n), 2),
        "time": np.repeat([0.0, 2.0], n),
        "values": {"job": np.r_[np.arange(n) // 3 % 2, np.arange(n) // 2 % 2]},
        "people": n,
    }
    return TimeVarying(**(given | other))


def fitted(**how: Any) -> CoxFit:
    return fit_cox(read(people()), outcome="re", **how)


def with_cause() -> ce.Trial:
    frame = people()
    outcome = TimeToEvent(
        time=frame["week"].to_numpy(float),
        event=frame["ev"].to_numpy(bool),
        unit="weeks",
        competing=np.array([0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0]),
        causes=("death",),
    )
    return ce.Trial(assignment=read(frame).assignment, outcomes={"re": outcome})


def without_maximum() -> CoxFit:
    frame = people()
    frame["ev"] = frame["ev"] * (1 - frame["arm"])
    return fit_cox(read(frame), outcome="re")


# ---- columns ----------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [fit_cox, hazard_ratio])
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_weights_above_nought(verb: Any, value: float) -> None:
    words = rf"'extra' is {value:g} for the person in row 4; `weights` must be above 0"
    with pytest.raises(ce.InvalidData, match=words):
        verb(with_column(one_of(value)), outcome="re", weights="extra")


def test_infinite_weight() -> None:
    """A column of baseline values is checked where it is made."""
    with pytest.raises(ce.InvalidData, match="inf"):
        fit_cox(with_column(one_of(np.inf)), outcome="re", weights="extra")


@pytest.mark.parametrize("keyword", ["weights", "offset", "entry"])
def test_column_of_categories(keyword: str) -> None:
    with pytest.raises(ce.TrialError, match="which holds categories; name one that holds numbers"):
        fitted(**{keyword: "site"})


@pytest.mark.parametrize("keyword", ["weights", "offset", "entry", "cluster", "strata", "adjust"])
def test_unknown_column(keyword: str) -> None:
    with pytest.raises(ce.UnknownColumn, match="'agee' is not known; did you mean 'age'"):
        fitted(**{keyword: "agee"})


@pytest.mark.parametrize("value", [7.0, 7.5, 100.0])
def test_entry_at_or_after_the_end(value: float) -> None:
    words = f"'extra' is {value:g} for the person in row 4, whose time ends at 7; `entry` must come"
    with pytest.raises(ce.InvalidData, match=words):
        fit_cox(with_column(one_of(value)), outcome="re", entry="extra")


@pytest.mark.parametrize("keyword", ["entry", "offset"])
def test_missing_numbers_leave_people_out(keyword: str) -> None:
    """As a missing covariate does: the fit is that of the others, and the people are counted."""
    trial = with_column(one_of(np.nan))
    fit = fit_cox(trial, outcome="re", **{keyword: "extra"})
    assert (fit.n, fit.missing) == ((5, 6), (1, 0))
    rest = people().drop(index=4).assign(extra=np.delete(one_of(0), 4))
    want = fit_cox(read(rest), outcome="re", **{keyword: "extra"})
    assert fit.coef == pytest.approx(want.coef, rel=1e-10)
    assert fit.covariance == pytest.approx(want.covariance, rel=1e-10)
    found = cox_residuals(fit)
    assert found["row"].tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11]


def test_collinear_columns() -> None:
    with pytest.raises(ce.ImpossibleDesign, match=r"Column 'extra' is a combination of .*age"):
        fit_cox(with_column(3 - people()["age"]), outcome="re", adjust=["age", "extra"])


def test_cause() -> None:
    with pytest.raises(ce.TrialError, match="Outcome 're' has no competing causes"):
        fitted(cause="death")
    with pytest.raises(ce.TrialError, match="`cause` is 'deth'; choose from 'death'"):
        fit_cox(with_cause(), outcome="re", cause="deth")


# ---- changes over time ------------------------------------------------------------------------


def test_changes_of_other_people() -> None:
    with pytest.raises(ce.InvalidData, match="`varying` is of 11 people, the trial has 12"):
        fitted(varying=changes(11))


@pytest.mark.parametrize("start", [0.5, 2.0])
def test_no_value_at_the_start(start: float) -> None:
    time = np.repeat([0.0, 3.0], 12)
    time[7] = start
    with pytest.raises(ce.InvalidData, match="Person 7 has no value at 0, when their time at risk"):
        fitted(varying=changes(time=time))


def test_no_value_at_a_late_entry() -> None:
    """The value at entry must be known, not that at 0."""
    trial = with_column(1.0 + np.arange(12) % 2 / 2)
    late = changes(time=np.repeat([1.0, 2.0], 12))
    assert np.isfinite(fit_cox(trial, outcome="re", entry="extra", varying=late).coef).all()
    later = changes(time=np.repeat([1.25, 2.0], 12))
    with pytest.raises(ce.InvalidData, match="Person 0 has no value at 1"):
        fit_cox(trial, outcome="re", entry="extra", varying=later)


def test_somebody_without_changes() -> None:
    one = {"person": np.arange(11), "time": np.zeros(11), "values": {"job": np.arange(11) % 2}}
    with pytest.raises(ce.InvalidData, match="Person 11 has no value at 0"):
        fitted(varying=TimeVarying(people=12, **one))


def test_two_changes_at_once() -> None:
    with pytest.raises(ce.InvalidData, match="Person 3 changes twice at 0; keep one change"):
        TimeVarying(person=[0, 3, 3], time=[0, 0, 0], values={"job": [0, 1, 0]}, people=4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_unknown_values(value: float) -> None:
    with pytest.raises(ce.InvalidData, match=r"'job' is .* at change 1; every change needs known"):
        TimeVarying(person=[0, 1], time=[0, 0], values={"job": [0, value]}, people=2)
    with pytest.raises(ce.InvalidData, match=r"'time' is .* at change 1; every change needs known"):
        TimeVarying(person=[0, 1], time=[0, value], values={"job": [0, 1]}, people=2)


@pytest.mark.parametrize("person", [-1, 2])
def test_people_who_are_not_there(person: int) -> None:
    with pytest.raises(ce.InvalidData, match="`person` must be a row from 0 to 1"):
        TimeVarying(person=[0, person], time=[0, 0], values={"job": [0, 1]}, people=2)


@pytest.mark.parametrize("values", [{}, {"job": [0, 1, 1]}, {"job": [0, 1], "home": [1]}])
def test_lengths_of_changes(values: Any) -> None:
    with pytest.raises(ce.InvalidData, match="need one value for each change"):
        TimeVarying(person=[0, 1], time=[0, 0], values=values, people=2)


def test_half_a_person() -> None:
    with pytest.raises(ce.InvalidData, match="`person`"):
        TimeVarying(person=[0, 1.5], time=[0, 0], values={"job": [0, 1]}, people=2)


def test_values_as_text() -> None:
    with pytest.raises(ce.InvalidData, match="'job'"):
        TimeVarying(person=[0, 1], time=[0, 0], values={"job": ["yes", "no"]}, people=2)


@pytest.mark.parametrize("name", ["age", "treatment"])
def test_name_that_is_taken(name: str) -> None:
    with pytest.raises(ce.TrialError, match=f"'{name}'"):
        fitted(adjust="age", varying=changes(values={name: np.arange(24) // 3 % 2}))


def test_changes_as_a_dict() -> None:
    with pytest.raises(ce.TrialError, match="`varying`"):
        fitted(varying={"job": np.arange(12) % 2})


def from_before(times: list[float]) -> CoxFit:
    """Two people have the event on the day itself; the last value is the one that turns."""
    frame = people()
    frame.loc[[0, 6], "week"] = 0
    job = np.arange(12) // 3 % 2
    values = np.concatenate([job if at == times[0] else 1 - job for at in times])
    table = changes(
        person=np.tile(np.arange(12), len(times)),
        time=np.repeat(times, 12),
        values={"job": values},
    )
    return fit_cox(read(frame), outcome="re", varying=table)


def test_changes_before_the_start() -> None:
    """Values from before 0 on, and a change at 0: an event at 0 meets the earlier, and is one."""
    left = cox_residuals(from_before([-1.0, 0.0]))["residual"]
    assert left.sum() == pytest.approx(0, abs=1e-9)


def test_value_from_before_the_start() -> None:
    one, two = from_before([-1.0]), from_before([0.0])
    assert one.coef == pytest.approx(two.coef, rel=1e-12)
    assert len(cox_residuals(one, kind="schoenfeld")) == 9


def test_change_that_changes_nothing() -> None:
    with pytest.raises(ce.ImpossibleDesign, match="'job' does not vary within the strata"):
        fitted(varying=changes(values={"job": np.ones(24)}))


# ---- residuals --------------------------------------------------------------------------------


def test_unknown_kind() -> None:
    with pytest.raises(ce.TrialError, match=r"`kind` is 'dfbetas'; did you mean 'dfbeta'\?"):
        cox_residuals(fitted(), kind="dfbetas")  # type: ignore[arg-type]


@every_kind
def test_residuals_without_maximum(kind: Any) -> None:
    with pytest.raises(ce.TrialError, match="`fit` has coefficients that are not finite"):
        cox_residuals(without_maximum(), kind=kind)


@pytest.mark.parametrize(
    "verb",
    [
        predicted_survival,
        standardised_survival,
        lambda fit: standardised_survival_difference(fit, at=4),
    ],
)
def test_curves_without_maximum(verb: Any) -> None:
    with pytest.raises(ce.TrialError, match=r"not finite: .*no events in 'treatment'"):
        verb(without_maximum())


# ---- curves -----------------------------------------------------------------------------------


def test_unknown_term() -> None:
    with pytest.raises(ce.UnknownColumn, match="term 'agee' is not known; did you mean 'age'"):
        predicted_survival(fitted(adjust="age"), values={"agee": 30})


@pytest.mark.parametrize("value", [np.nan, np.inf, "thirty"])
def test_values_that_are_no_numbers(value: Any) -> None:
    with pytest.raises(ce.TrialError, match="age"):
        predicted_survival(fitted(adjust="age"), values={"age": value})


@pytest.mark.parametrize("level", [0, 1, 95, np.nan])
def test_level(level: float) -> None:
    fit = fitted()
    for verb in (predicted_survival, standardised_survival):
        with pytest.raises(ce.TrialError, match="`level` must lie strictly between 0 and 1"):
            verb(fit, level=level)
    with pytest.raises(ce.TrialError, match="`level` must lie strictly between 0 and 1"):
        standardised_survival_difference(fit, at=5, level=level)


@pytest.mark.parametrize(
    "verb", [standardised_survival, lambda fit: standardised_survival_difference(fit, at=4)]
)
def test_no_standardised_survival_over_changes(verb: Any) -> None:
    with pytest.raises(ce.TrialError, match=r"`varying`|change over time|over time"):
        verb(fitted(varying=changes()))


@pytest.mark.parametrize(
    "verb",
    [
        predicted_survival,
        standardised_survival,
        lambda fit: standardised_survival_difference(fit, at=4),
    ],
)
def test_no_survival_of_one_cause(verb: Any) -> None:
    with pytest.raises(ce.TrialError, match="cause"):
        verb(fit_cox(with_cause(), outcome="re", cause="death"))


@pytest.mark.parametrize("at", [0, -1, np.nan, np.inf, "week 3"])
def test_time_of_comparison(at: Any) -> None:
    with pytest.raises(ce.TrialError, match="`at` must be a finite number above 0, got"):
        standardised_survival_difference(fitted(), at=at)


@pytest.mark.parametrize("strata", [(), "site"])
def test_beyond_follow_up(strata: Any) -> None:
    """The last follow-up ends at 12; that of site a at 8."""
    with pytest.raises(ce.ImpossibleDesign, match="follow-up"):
        standardised_survival_difference(fitted(strata=strata), at=12.5)


def test_beyond_the_follow_up_of_a_stratum() -> None:
    fit = fitted(strata="site")
    assert np.isfinite(standardised_survival_difference(fit, at=8).value)
    with pytest.raises(ce.ImpossibleDesign, match=r"`at`.*8|8.*`at`"):
        standardised_survival_difference(fit, at=9)
    curve = standardised_survival(fit)
    assert np.isnan(curve.survival[:, curve.time > 8]).all()
    assert np.isfinite(curve.survival[:, curve.time <= 8]).all()


def test_other_words() -> None:
    with pytest.raises(ce.TrialError, match="`measure` is 'odds'; choose from 'difference'"):
        standardised_survival_difference(fitted(), at=5, measure="odds")  # type: ignore[arg-type]
    with pytest.raises(ce.UnknownColumn, match="treatment arm 'control' is not known"):
        standardised_survival_difference(fitted(), at=5, arm="control")


# ---- few people and few events ----------------------------------------------------------------


def test_no_events_in_a_stratum() -> None:
    """It compares nobody: the fit is that of the other stratum, and its survival stays at 1."""
    frame = people()
    frame.loc[frame["site"] == "b", "ev"] = 0
    fit = fit_cox(read(frame), outcome="re", strata="site")
    alone = fit_cox(read(frame[frame["site"] == "a"].drop(columns="site")), outcome="re")
    assert fit.coef == pytest.approx(alone.coef, rel=1e-12)
    assert fit.covariance == pytest.approx(alone.covariance, rel=1e-12)
    for kind in ("martingale", "deviance", "score", "dfbeta"):
        rest = cox_residuals(fit, kind=kind).iloc[6:, 1:].to_numpy()
        assert (rest == 0).all()
    assert set(cox_residuals(fit, kind="schoenfeld")["stratum"]) == {"site=a"}
    found = predicted_survival(fit)
    assert (found.loc[found["stratum"] == "site=b", "survival"] == 1).all()
    mean = (np.exp(-np.array([1.0, np.exp(alone.coef[0])]) * found["hazard"].iloc[2]) + 1) / 2
    column = list(standardised_survival(fit).time).index(found["time"].iloc[2])
    assert standardised_survival(fit).survival[:, column] == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_no_events_at_all(ties: Any) -> None:
    frame = people().assign(ev=0)
    fit = fit_cox(read(frame), outcome="re", ties=ties)
    assert np.isnan(fit.coef).all()
    assert fit.reason == "no events"
    found = hazard_ratio(read(frame), outcome="re", ties=ties)
    assert np.isnan([found.value, found.low, found.high, found.p_value]).all()
    assert "not estimable: no events" in found.method
    with pytest.raises(ce.TrialError, match="not finite: no events"):
        standardised_survival(fit)


@pytest.mark.parametrize("prio", [(0, 0, 1, 1), (0, 1, 2, 3)])
def test_likelihood_that_climbs_far(prio: tuple[int, ...]) -> None:
    """Without a maximum in three covariates: coefficients that are not finite, and no warning."""
    frame = people().assign(
        week=[10, *[1] * 8, 3, 3, 5], ev=[1, *[0] * 8, 1, 1, 1], age=[34, *[18] * 9, 42, 30]
    )
    frame["prio"] = [prio[0], 1, 3, *[0] * 6, *prio[1:]]
    fit = fit_cox(read(frame), outcome="re", adjust=["age", "prio"])
    assert np.isnan(fit.coef).any()


def test_one_person() -> None:
    with pytest.raises(ce.ImpossibleDesign, match="holds one arm only"):
        read(people().iloc[:1, :3])


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_all_at_one_time(ties: Any) -> None:
    """Everybody's event at once tells of no order: a ratio of 1; with some censored it is odds."""
    frame = people().assign(week=5, ev=1)
    found = hazard_ratio(read(frame), outcome="re", ties=ties)
    assert found.value == pytest.approx(1, abs=1e-12)
    assert np.isfinite([found.low, found.high]).all()
    # Breslow: d1 - d·6r/(6r + 6) = 0 with 4 of 5 treated events: r = 4
    frame = frame.assign(ev=[1, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0])
    found = hazard_ratio(read(frame), outcome="re", ties="breslow")
    assert found.value == pytest.approx(4, rel=1e-8)
    fit = fit_cox(read(frame), outcome="re", ties=ties)
    assert cox_residuals(fit)["residual"].sum() == pytest.approx(0, abs=1e-12)


# ---- fractions of weights count no people -----------------------------------------------------


def monotone(scale: float) -> ce.Estimate:
    frame = people().assign(part=(0.5 + np.arange(12) % 4 / 4) * scale)
    frame["ev"] = frame["ev"] * (1 - frame["arm"])
    return hazard_ratio(read(frame), outcome="re", weights="part")


def test_scale_of_weights_and_score_limits() -> None:
    """Weights of 0.5 to 1.25 or of 0.05 to 0.125 say the same; limits and p must not move."""
    one, tenth = monotone(1), monotone(0.1)
    assert (tenth.high, tenth.p_value) == pytest.approx((one.high, one.p_value), rel=1e-6)


def test_clusters_and_score_limits() -> None:
    """Everyone again as their own twin: what twins in one cluster add is no information."""
    frame = people()
    frame["ev"] = frame["ev"] * (1 - frame["arm"])
    twins = pd.concat([frame, frame], ignore_index=True)
    twins["who"] = np.tile(np.arange(12), 2)
    how: dict[str, Any] = {"outcome": "re", "ties": "breslow"}
    alone = hazard_ratio(read(frame.assign(who=range(12))), cluster="who", **how)
    both = hazard_ratio(read(twins), cluster="who", **how)
    assert (both.high, both.p_value) == pytest.approx((alone.high, alone.p_value), rel=1e-6)


def test_scale_of_weights_and_changing_hazards() -> None:
    """The word on hazards that change must not hang on the unit of the weights."""
    n = 40
    week = np.arange(1, n + 1)
    frame = pd.DataFrame({"arm": ((week > 10) & (week <= 30)) * 1, "week": week, "ev": 1})
    words = [
        "changes"
        in hazard_ratio(
            read(frame.assign(part=(0.5 + week % 3 / 4) * scale)), outcome="re", weights="part"
        ).method
        for scale in (1.0, 0.01)
    ]
    assert words[0] == words[1]
