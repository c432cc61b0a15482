"""Weights, offset, late entry, changes over time, causes, residuals and curves of Cox models.

R survival's coxph, residuals.coxph, survfit.coxph and predict.coxph, climbed to rounding.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import (
    CoxFit,
    RiskSets,
    cox_regression,
    cox_residuals,
    fit_cox,
    hazard_ratio,
    predicted_survival,
    standardised_survival,
    standardised_survival_difference,
)
from checkpoint_eval.models.event_tables import event_table
from checkpoint_eval.outcomes import Covariate, TimeToEvent, TimeVarying

R = json.loads((Path(__file__).parent / "cox_more.json").read_text(encoding="utf-8"))
DATA = Path(__file__).parent.parent / "data"
TIES = ("efron", "breslow")
KINDS = ("martingale", "deviance", "score", "dfbeta", "schoenfeld", "scaled schoenfeld")
WEEKS = (5, 12, 13, 14, 26, 40, 52)
# Both sides solve the score equation to its rounding, near 1e-11 of a standard error; numbers that
# cancel (residuals near 0, sums of them with signs) are held against the largest of their column.
REL = 1e-8
every_tie = pytest.mark.parametrize("ties", TIES)

# Name in cox_more.json -> keywords of `fit_cox`, and the covariates of somebody who is predicted.
CASES: dict[str, dict[str, Any]] = {
    "plain": {"adjust": ["age", "prio"]},
    "strata": {"adjust": ["age", "prio"], "strata": "race"},
    "whole": {"adjust": ["age", "prio"], "weights": "whole"},
    "whole_strata": {"adjust": ["age", "prio"], "weights": "whole", "strata": "race"},
    "part_strata": {"adjust": ["age", "prio"], "weights": "part", "strata": "race"},
    "offset": {"adjust": ["mar", "prio"], "offset": "known"},
    "entry": {"adjust": ["age", "prio"], "entry": "since"},
    "everything": {
        "adjust": ["prio"],
        "entry": "since",
        "weights": "whole",
        "offset": "known",
        "strata": "race",
    },
    "groups": {"adjust": ["age"], "strata": "race"},
}
PERSON = {"treatment": 1.0, "age": 25.0, "prio": 3.0, "mar": 1.0, "few": 1.0}
every_case = pytest.mark.parametrize("case", CASES)


@cache
def rossi(case: str = "plain") -> ce.Trial:
    """Rossi with the columns R made."""
    frame = pd.read_csv(DATA / "rossi.csv")
    frame["whole"] = 1 + frame["age"] % 3
    frame["part"] = 0.5 + frame["age"] % 5 / 4
    frame["known"] = -0.05 * frame["age"] + 0.1 * (frame["prio"] > 3)
    frame["since"] = np.where(frame["week"] > 5, frame["age"] % 4, 0)
    frame["group"] = np.array(["none", "few", "many"])[np.digitize(frame["prio"], [1, 3])]
    arms: dict[str, Any] = {"arm": "fin", "control": 0}
    if case == "groups":
        arms = {"arm": "group", "control": "none", "arms": ("none", "few", "many")}
    names = ("age", "race", "wexp", "mar", "paro", "prio", "whole", "part", "known", "since")
    return ce.Trial.from_frame(
        frame, **arms, covariates=names, times={"rearrest": ("week", "arrest", "weeks")}
    )


def fitted(case: str, ties: str, **more: Any) -> CoxFit:
    return fit_cox(rossi(case), outcome="rearrest", ties=ties, **(CASES[case] | more))


def close(got: Any, want: Any, *, rel: float = REL) -> None:
    """Within `rel`, or within `rel` of the largest number of the column."""
    got, want = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    assert got.shape == want.shape
    size = np.abs(want).max(axis=0) if want.ndim else np.abs(want)
    assert (np.abs(got - want) <= rel * size + 1e-13).all()


def same_fit(fit: CoxFit, want: dict[str, Any]) -> None:
    """Coefficients, their model covariance, and the likelihood at nought and at the fit."""
    error = np.sqrt(np.diag(want["naive"]))
    assert (np.abs(fit.coef - want["coef"]) <= REL * error).all()
    close(fit.model_covariance, want["naive"])
    assert [fit.loglik_null, fit.loglik] == pytest.approx(want["loglik"], rel=1e-11)
    assert sum(fit.events) == want["nevent"]


def by_person(frame: pd.DataFrame, terms: tuple[str, ...], people: int) -> np.ndarray:
    """(n, p); rows of events stand at the person who had them, others are 0."""
    of_events = "time" in frame
    columns = list(terms) if of_events or terms[0] in frame else ["residual"]
    assert list(frame) == (["row", "stratum", "time"] if of_events else ["row"]) + columns
    table = np.zeros((people, len(columns)))
    assert frame["row"].is_unique
    table[frame["row"]] = frame[columns].to_numpy(float)
    return table


def same_residuals(fit: CoxFit, want: dict[str, Any], kind: str, kept: Any = None) -> None:
    """Some rows as they are, and two sums over all that no exchange of rows leaves alone."""
    table = by_person(cox_residuals(fit, kind=kind), fit.terms, kept or max(want["rows"], 432))
    target = want
    assert len(table) == target["rows"]
    i = np.arange(1, len(table) + 1)
    scale = np.abs(table).max(axis=0)
    some = np.asarray(target["some"], dtype=float)
    assert some.shape == table[::37].shape
    assert np.abs(table[::37] - some).max() <= REL * scale.max()
    for name, wave in (("sine", np.sin(i)), ("cosine", np.cos(i * np.sqrt(2)))):
        got = (table * wave[:, np.newaxis]).sum(axis=0)
        # a sum of n such numbers errs by no more than sqrt(n) of one's error, with signs that mix
        assert (np.abs(got - target[name]) <= REL * np.sqrt(len(table)) * scale + 1e-13).all()


@every_tie
@every_case
def test_fit_equals_coxph(case: str, ties: str) -> None:
    want = R["rossi"][case][ties]
    fit = fitted(case, ties)
    same_fit(fit, want)
    # weights that are not whole numbers count no people: the sandwich without being asked for
    close(fit.covariance, want["robust" if case == "part_strata" else "naive"])


@every_tie
@every_case
def test_sandwich_equals_coxph(case: str, ties: str) -> None:
    """Each person a cluster, and people with as many convictions together."""
    want = R["rossi"][case][ties]
    close(fitted(case, ties, robust=True).covariance, want["robust"])
    frame = pd.read_csv(DATA / "rossi.csv")
    if case != "groups":
        assert frame["prio"].nunique() > 10
    close(fitted(case, ties, cluster="prio").covariance, want["cluster"])


@every_tie
@pytest.mark.parametrize("case", [name for name in CASES if name != "groups"])
@pytest.mark.parametrize("robust", [False, True])
def test_hazard_ratio_equals_coxph(case: str, ties: str, robust: bool) -> None:
    want = R["rossi"][case][ties]
    found = hazard_ratio(
        rossi(), outcome="rearrest", ties=ties, robust=robust, level=0.9, **CASES[case]
    )
    kind = "robust" if robust or case == "part_strata" else "naive"
    error, coef = np.sqrt(want[kind][0][0]), want["coef"][0]
    assert found.std_error == pytest.approx(error, rel=REL)
    reach = 1.6448536269514722 * error
    limits = np.exp([coef - reach, coef, coef + reach])
    assert [found.low, found.value, found.high] == pytest.approx(limits, rel=REL)


@every_tie
@every_case
@pytest.mark.parametrize("kind", KINDS)
def test_residuals_equal_coxph(case: str, ties: str, kind: str) -> None:
    same_residuals(fitted(case, ties), R["rossi"][case][ties]["residuals"][kind], kind)


@every_tie
@every_case
def test_predicted_survival_equals_survfit(case: str, ties: str) -> None:
    """By stratum at given weeks, an offset of 0; the interval is symmetric in log survival."""
    want = R["rossi"][case][ties]["predicted"]
    fit = fitted(case, ties)
    values = {name: value for name, value in PERSON.items() if name in fit.terms}
    found = predicted_survival(fit, values=values)
    strata = list(dict.fromkeys(found["stratum"]))
    assert len(strata) == len(want)
    for label, curve in zip(strata, want, strict=True):
        rows = found[found["stratum"] == label].set_index("time").loc[list(WEEKS)]
        for name in ("hazard", "survival", "std_error", "low", "high"):
            assert rows[name].to_numpy() == pytest.approx(curve[name], rel=REL, abs=1e-13)


@every_tie
@every_case
def test_standardised_survival_equals_averaged_predictions(case: str, ties: str) -> None:
    want = R["rossi"][case][ties]
    fit = fitted(case, ties)
    curve = standardised_survival(fit)
    columns = np.searchsorted(curve.time, want["at"])
    found = curve.survival[:, columns]
    assert found == pytest.approx(np.array(want["standardised"]), rel=REL)
    for column, at in enumerate(want["at"]):
        for arm in range(1, len(found)):
            name = curve.arms[arm]
            one = standardised_survival_difference(fit, at=at, arm=name)
            ratio = standardised_survival_difference(fit, at=at, arm=name, measure="ratio")
            control, treated = (want["standardised"][row][column] for row in (0, arm))
            assert one.by_arm == pytest.approx((control, treated), rel=REL)
            assert one.value == pytest.approx(treated - control, rel=1e-7)
            assert ratio.value == pytest.approx(treated / control, rel=REL)


def test_standardised_survival_as_collected() -> None:
    """Printed in the notes of the project, from R 4.2.2."""
    curve = standardised_survival(fitted("plain", "efron"))
    assert curve.survival[:, -1] == pytest.approx([0.699231873, 0.773841786], abs=6e-10)


@every_tie
def test_standardised_errors_equal_moves_with_the_weights(ties: str) -> None:
    """Differences of steps of 1e-4 in each person's weight, of coxph: their error is its square."""
    want, fit = R["moved"][ties], fitted("plain", ties)
    assert standardised_survival(fit).std_error[:, -1] == pytest.approx(want["arms"], rel=1e-6)
    found = standardised_survival_difference(fit, at=52)
    assert found.std_error == pytest.approx(want["difference"], rel=1e-6)


@every_tie
def test_standardised_survival_equals_ate(ties: str) -> None:
    """riskRegression::ate, estimates alone: its errors leave a part of the variance out."""
    fit = fitted("plain", ties)
    assert len(R["ate"][ties]) == 4
    for row in R["ate"][ties]:
        found = standardised_survival_difference(fit, at=row["time"]).by_arm[row["arm"]]
        assert 1 - found == pytest.approx(row["risk"], rel=REL)


@cache
def recid() -> ce.Trial:
    frame = pd.read_csv(DATA / "recid.csv")
    frame["event"] = 1 - frame["cens"]
    frame["since"] = np.where(frame["durat"] > 6, frame["priors"] % 5, 0)
    frame["whole"] = 1 + frame["educ"] % 4
    names = ("tserved", "educ", "black", "felon", "since", "whole")
    return ce.Trial.from_frame(
        frame,
        arm="workprg",
        control=0,
        covariates=names,
        times={"return": ("durat", "event", "months")},
    )


@every_tie
def test_recid_equals_coxph(ties: str) -> None:
    want = R["recid"][ties]
    fit = fit_cox(
        recid(),
        outcome="return",
        adjust=["tserved", "educ"],
        strata="black",
        weights="whole",
        entry="since",
        ties=ties,
    )
    same_fit(fit, want)
    for kind in KINDS:
        same_residuals(fit, want["residuals"][kind], kind)


def employed() -> list[np.ndarray]:
    """Employed or not in each week of a person's follow-up."""
    table = pd.read_csv(DATA / "rossi_weeks.csv", dtype=str)["employed"]
    return [np.array(list(one), dtype=float) for one in table]


@every_tie
def test_employment_equals_coxph(ties: str) -> None:
    want = R["employment"][ties]["now"]
    weeks = employed()
    changes = TimeVarying(
        person=np.repeat(np.arange(432), [len(one) for one in weeks]),
        time=np.concatenate([np.arange(len(one)) for one in weeks]),
        values={"employed": np.concatenate(weeks)},
        people=432,
    )
    six = ["age", "race", "wexp", "mar", "paro", "prio"]
    how: dict[str, Any] = {"outcome": "rearrest", "adjust": six, "varying": changes, "ties": ties}
    fit = fit_cox(rossi(), **how)
    assert fit.terms[-1] == "employed"
    same_fit(fit, want)
    close(fit_cox(rossi(), robust=True, **how).covariance, want["robust"])
    for kind in KINDS:
        same_residuals(fit, want["residuals"][kind], kind)
    if ties == "efron":  # as Fox and Weisberg print it
        assert fit.coef[-1] == pytest.approx(-1.32832106652, abs=6e-9)
        assert fit.std_error[-1] == pytest.approx(0.25071559686, abs=6e-9)


@every_tie
def test_lagged_employment_equals_coxph(ties: str) -> None:
    """Those still there after week 1, with last week's employment; the first value at their entry.

    Nothing happens between 0 and 1 to those who stay, so when they enter in between is the same.
    """
    want = R["employment"][ties]["lagged"]
    frame = pd.read_csv(DATA / "rossi.csv")
    frame["since"] = 1 - 0.5 * (np.arange(432) % 2)
    stays = (frame["week"] > 1).to_numpy()
    six = ["age", "race", "wexp", "mar", "paro", "prio"]
    frame = frame[stays].reset_index(drop=True)
    trial = ce.Trial.from_frame(
        frame,
        arm="fin",
        control=0,
        covariates=[*six, "since"],
        times={"rearrest": ("week", "arrest", "weeks")},
    )
    weeks = [one[:-1] for one, stay in zip(employed(), stays, strict=True) if stay]
    times = [
        np.concatenate([[since], np.arange(2, len(one) + 1)])
        for one, since in zip(weeks, frame["since"], strict=True)
    ]
    changes = TimeVarying(
        person=np.repeat(np.arange(len(weeks)), [len(one) for one in weeks]),
        time=np.concatenate(times),
        values={"lagged": np.concatenate(weeks)},
        people=len(weeks),
    )
    how: dict[str, Any] = {"outcome": "rearrest", "adjust": six, "varying": changes, "ties": ties}
    fit = fit_cox(trial, entry="since", **how)
    same_fit(fit, want)
    close(fit_cox(trial, entry="since", robust=True, **how).covariance, want["robust"])
    for kind in KINDS:
        same_residuals(fit, want["residuals"][kind], kind, kept=len(weeks))
    if ties == "efron":
        assert fit.coef[-1] == pytest.approx(-0.78688864896, abs=6e-9)
        assert fit.std_error[-1] == pytest.approx(0.21808068828, abs=6e-9)


@cache
def mgus2() -> ce.Trial:
    frame = pd.read_csv(DATA / "mgus2.csv")
    numbers = {"age": frame["age"], "old": frame["age"] >= 70}
    outcome = TimeToEvent(
        time=frame["et"].to_numpy(float),
        event=(frame["ev"] == 1).to_numpy(),
        unit="months",
        competing=np.maximum(frame["ev"].to_numpy() - 1, 0),
        causes=("death",),
    )
    return ce.Trial(
        assignment=ce.Assignment(
            arm=(frame["sex"] == "M").to_numpy(int),
            arms=("women", "men"),
            stratum=np.zeros(len(frame), int),
        ),
        outcomes={"progression": outcome},
        columns={
            name: Covariate(name=name, values=values.to_numpy(float))
            for name, values in numbers.items()
        },
        covariates=("age", "old"),
    )


@every_tie
@pytest.mark.parametrize("name", ["progression", "death"])
def test_hazards_of_causes_equal_coxph(name: str, ties: str) -> None:
    """The outcome's own event without `cause`; the competing one by its name."""
    want = R["causes"][name][ties]
    cause = None if name == "progression" else name
    how: dict[str, Any] = {"outcome": "progression", "adjust": "age", "ties": ties, "cause": cause}
    fit = fit_cox(mgus2(), **how)
    same_fit(fit, want)
    assert fit.cause == cause
    for kind in KINDS:
        same_residuals(fit, want["residuals"][kind], kind)
    same_fit(fit_cox(mgus2(), strata="old", **how), want["stratified"])
    found = hazard_ratio(mgus2(), **how)
    assert np.log(found.value) == pytest.approx(want["coef"][0], rel=REL)
    assert sum(found.events) == want["nevent"]


ARMS = {
    "rossi": ("plain", "rearrest", ["race", "wexp"]),
    "groups": ("groups", "rearrest", ["race", "wexp"]),
    "recid": ("", "return", ["black", "felon"]),
}


@every_tie
@pytest.mark.parametrize("name", ARMS)
def test_arms_within_strata_equal_coxph(name: str, ties: str) -> None:
    """Alike people may be one row of the risk sets; then as many rows as people."""
    want = R["arms"][ties][name]
    case, outcome, strata = ARMS[name]
    trial = rossi(case) if case else recid()
    fit = fit_cox(trial, outcome=outcome, strata=strata, ties=ties)
    same_fit(fit, want)
    observed = trial.outcomes[outcome]
    codes = np.column_stack([trial.columns[column].values for column in strata]).astype(int)
    stratum = np.unique(codes, axis=0, return_inverse=True)[1].ravel()
    arm, arms = trial.assignment.arm, len(trial.assignment.arms)
    people = RiskSets.of(
        (arm[:, np.newaxis] == np.arange(1, arms)).astype(float),
        observed.time,
        observed.event,
        stratum=stratum,
    )
    strata_n = int(stratum.max()) + 1
    flat = event_table(observed.time, observed.event, stratum * arms + arm, groups=strata_n * arms)
    shape = (strata_n, arms, flat.time.size)
    table = type(flat)(
        time=flat.time, at_risk=flat.at_risk.reshape(shape), events=flat.events.reshape(shape)
    )
    collapsed = RiskSets.of_table(table)
    assert int(collapsed.copies.sum()) == len(arm)
    assert len(collapsed.copies) < len(arm)
    assert len(people.copies) == len(arm)
    one, two = (cox_regression(sets, ties=ties) for sets in (people, collapsed))
    for found in (one, two):
        close(found.coef, want["coef"])
        close(found.covariance, want["naive"])
        assert [found.loglik_null, found.loglik] == pytest.approx(want["loglik"], rel=1e-11)
