"""Laws of what else a Cox model can do: sums that vanish, and other ways to say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import (
    EXACT,
    OUTCOME,
    SOLVED,
    cohorts,
    mirrored,
    numbers,
    same,
    sensible,
    shuffled,
    swapped_trial,
    trial_of,
)

from checkpoint_eval.models import (
    CoxFit,
    cox_residuals,
    fit_cox,
    hazard_ratio,
    predicted_survival,
    proportional_hazards_test,
    standardised_survival,
    standardised_survival_difference,
)
from checkpoint_eval.outcomes import TimeVarying

if TYPE_CHECKING:
    import checkpoint_eval as ce

ties = st.sampled_from(("efron", "breslow"))
COLUMNS = ["age", "prio"]


@st.composite
def _cohorts(draw: st.DrawFn, **how: Any) -> pd.DataFrame:
    """Enough people for two covariates; a weight of 1 to 3 and a number of its own for each."""
    frame = draw(cohorts(**({"each": 6, "most": 30} | how)))
    assume((frame.groupby("arm")["arrest"].sum() >= 2).all())
    assume(frame["age"].nunique() > 1)
    assume(frame["prio"].nunique() > 2)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = len(frame)
    return frame.assign(
        weight=1 + rng.permutation(n) % 3,
        part=(1 + rng.permutation(n) % 6) / 4,
        known=rng.normal(0, 0.5, n),
        since=rng.permutation(n) % 3 / 4,
    )


people = _cohorts()
sited = _cohorts(sites=2, each=3)
HOW: list[dict[str, Any]] = [
    {},
    {"weights": "weight"},
    {"weights": "part"},
    {"offset": "known"},
    {"entry": "since"},
    {"weights": "part", "offset": "known", "entry": "since"},
]
hows = st.sampled_from(HOW)


def trial(frame: pd.DataFrame, **declared: Any) -> ce.Trial:
    extra = [name for name in ("weight", "part", "known", "since") if name in frame]
    used = [*COLUMNS, *(name for name in extra if frame[name].nunique() > 1)]
    return trial_of(frame, covariates=used, **declared)


def fitted(data: ce.Trial, **how: Any) -> CoxFit:
    """A fit with a maximum: those without are refused elsewhere."""
    fit = fit_cox(data, outcome=OUTCOME, **how)
    assume(np.isfinite(fit.coef).all())
    assume(np.abs(fit.coef).max() < 8)
    assume(fit.std_error.max() < 20)
    return fit


def values(fit: CoxFit, kind: Any) -> np.ndarray[Any, Any]:
    frame = cox_residuals(fit, kind=kind)
    names = [name for name in frame if name not in ("row", "time", "stratum")]
    return frame[names].to_numpy(float)


def weights_of(frame: pd.DataFrame, how: dict[str, Any]) -> np.ndarray[Any, Any]:
    return frame[how["weights"]].to_numpy(float) if "weights" in how else np.ones(len(frame))


@given(sited, ties, hows, st.booleans())
def test_martingale_residuals_sum_to_nought(
    frame: pd.DataFrame, method: str, how: dict[str, Any], stratified: bool
) -> None:
    """In every stratum, weighted, whatever the coefficients."""
    strata = "site" if stratified else ()
    fit = fitted(trial(frame), adjust="prio", ties=method, strata=strata, **how)
    left = values(fit, "martingale")[:, 0] * weights_of(frame, how)
    events = frame["arrest"].sum() * 3
    groups = [frame["site"] == site for site in (0, 1)] if stratified else [frame["site"] >= 0]
    for who in groups:
        assert abs(left[who].sum()) < EXACT * events
    # deviance has the sign, and is 0 only together
    same(np.sign(values(fit, "deviance")[:, 0]), np.sign(values(fit, "martingale")[:, 0]))


@given(sited, ties, hows, st.booleans())
def test_scores_sum_to_nought_at_the_fit(
    frame: pd.DataFrame, method: str, how: dict[str, Any], stratified: bool
) -> None:
    """So do dfbeta and, without weights, Schoenfeld's; the sandwich is the squares of dfbeta."""
    strata = "site" if stratified else ()
    given_ = {"adjust": COLUMNS, "ties": method, "strata": strata} | how
    fit = fitted(trial(frame), **given_)
    scale = frame[COLUMNS].to_numpy().max() * len(frame)
    score = values(fit, "score") * weights_of(frame, how)[:, np.newaxis]
    assert np.abs(score.sum(axis=0)).max() < SOLVED * scale
    moved = values(fit, "dfbeta")
    same(moved, score @ fit.model_covariance, rel=1e-9)
    robust = fitted(trial(frame), robust=True, **given_)
    same(robust.covariance, moved.T @ moved, rel=1e-9)
    if "weights" not in how:
        assert np.abs(values(fit, "schoenfeld").sum(axis=0)).max() < SOLVED * scale
        # then the mean of the scaled ones is the coefficient
        mean = values(fit, "scaled schoenfeld").mean(axis=0)
        same(mean, fit.coef, rel=1e-6)


@given(people, hows.filter(lambda how: "weights" not in how))
def test_weight_of_k_is_k_people(frame: pd.DataFrame, how: dict[str, Any]) -> None:
    """Breslow's ties do not see whether those who tie are one row; Efron's do."""
    given_ = {"adjust": COLUMNS, "ties": "breslow"} | how
    one = fitted(trial(frame), weights="weight", **given_)
    again = frame.loc[frame.index.repeat(frame["weight"])].reset_index(drop=True)
    many = fitted(trial(again), **given_)
    same(one.coef, many.coef, rel=SOLVED)
    same(one.model_covariance, many.model_covariance, rel=SOLVED)
    same(one.covariance, many.covariance, rel=SOLVED)
    same([one.loglik, one.loglik_null], [many.loglik, many.loglik_null], rel=1e-9)
    which = np.repeat(np.arange(len(frame)), frame["weight"])
    for kind in ("martingale", "deviance", "score"):
        same(values(one, kind)[which], values(many, kind), rel=1e-6)
    for name in ("hazard", "survival", "std_error"):
        same(predicted_survival(one)[name], predicted_survival(many)[name], rel=SOLVED)
    same(standardised_survival(one).survival, standardised_survival(many).survival, rel=SOLVED)


def test_weight_of_k_is_k_people_of_a_curve() -> None:
    """`weights` says that weights count people unless they are fractions."""
    rng = np.random.default_rng(2)
    n = 60
    table = {
        "arm": np.array(["control", "treatment"])[np.arange(n) % 2],
        "week": rng.integers(1, 12, n),
        "arrest": rng.integers(0, 2, n),
        "any": rng.integers(0, 2, n),
        "site": 0,
        "age": rng.integers(18, 40, n),
        "prio": rng.integers(0, 6, n),
        "weight": rng.integers(1, 4, n),
    }
    frame = pd.DataFrame(table)
    again = frame.loc[frame.index.repeat(frame["weight"])].reset_index(drop=True)
    how: dict[str, Any] = {"adjust": COLUMNS, "ties": "breslow"}
    counted = fit_cox(trial(frame), outcome=OUTCOME, weights="weight", **how)
    one = standardised_survival_difference(counted, at=6)
    many = standardised_survival_difference(fit_cox(trial(again), outcome=OUTCOME, **how), at=6)
    same(one.value, many.value, rel=SOLVED)
    same(one.std_error, many.std_error, rel=SOLVED)


@given(people, ties, st.floats(0.1, 9))
def test_scale_of_fractional_weights(frame: pd.DataFrame, method: str, scale: float) -> None:
    """They say how people count against each other: estimates and errors stay."""
    frame = frame.assign(other=frame["part"] * (scale + 1e-3 * np.pi))
    data = trial_of(frame, covariates=[*COLUMNS, "part", "other"])
    one, two = (
        fitted(data, adjust=COLUMNS, ties=method, weights=name) for name in ("part", "other")
    )
    same(one.coef, two.coef, rel=SOLVED)
    same(one.covariance, two.covariance, rel=SOLVED)
    same(values(one, "martingale"), values(two, "martingale"), rel=1e-6)
    same(standardised_survival(one).std_error, standardised_survival(two).std_error, rel=1e-6)


@given(people, ties, hows.filter(lambda how: "offset" not in how), st.floats(-5, 5))
def test_shift_of_an_offset(
    frame: pd.DataFrame, method: str, how: dict[str, Any], shift: float
) -> None:
    """A known score counts by its differences; only the baseline takes the shift up."""
    frame = frame.assign(shifted=frame["known"] + shift)
    data = trial_of(frame, covariates=[*COLUMNS, "weight", "part", "known", "since", "shifted"])
    given_ = {"adjust": COLUMNS, "ties": method} | how
    one, two = (fitted(data, offset=name, **given_) for name in ("known", "shifted"))
    same(one.coef, two.coef, rel=SOLVED)
    same(one.covariance, two.covariance, rel=SOLVED)
    same(one.loglik - one.loglik_null, two.loglik - two.loglik_null, rel=1e-8)
    for kind in ("martingale", "dfbeta", "scaled schoenfeld"):
        same(values(one, kind), values(two, kind), rel=1e-6)
    same(standardised_survival(one).survival, standardised_survival(two).survival, rel=SOLVED)
    ratio = predicted_survival(one)["hazard"] / np.exp(shift)
    same(predicted_survival(two)["hazard"], ratio, rel=SOLVED)


@given(people, ties)
def test_offset_is_a_coefficient_that_is_known(frame: pd.DataFrame, method: str) -> None:
    """With the fitted part of a covariate as offset the others stay, and so does the maximum."""
    whole = fitted(trial(frame), adjust=COLUMNS, ties=method)
    frame = frame.assign(fixed=whole.coef[2] * frame["prio"])
    assume(frame["fixed"].nunique() > 1)
    data = trial_of(frame, covariates=[*COLUMNS, "fixed"])
    part = fitted(data, adjust="age", offset="fixed", ties=method)
    same(part.coef, whole.coef[:2], rel=1e-6)
    same(part.loglik, whole.loglik, rel=1e-9)
    same(values(part, "martingale"), values(whole, "martingale"), rel=1e-6)


@given(people, ties, hows.filter(lambda how: "entry" not in how))
def test_entry_before_the_first_event(
    frame: pd.DataFrame, method: str, how: dict[str, Any]
) -> None:
    """Weeks are whole from 1 on, so whoever enters before 1 misses nothing."""
    given_ = {"adjust": COLUMNS, "ties": method} | how
    one, two = fitted(trial(frame), **given_), fitted(trial(frame), entry="since", **given_)
    same(one.coef, two.coef, rel=SOLVED)
    same(one.covariance, two.covariance, rel=SOLVED)
    same([one.loglik, one.loglik_null], [two.loglik, two.loglik_null], rel=1e-10)
    for kind in ("martingale", "deviance", "score", "dfbeta", "schoenfeld", "scaled schoenfeld"):
        same(values(one, kind), values(two, kind), rel=1e-6)
    first, second = standardised_survival(one), standardised_survival(two)
    same(first.survival, second.survival, rel=SOLVED)
    same(first.std_error, second.std_error, rel=1e-6)


def repeated(frame: pd.DataFrame, name: str, cuts: list[float]) -> TimeVarying:
    """The same value of a baseline column said again at each cut."""
    n, times = len(frame), [0.0, *cuts]
    return TimeVarying(
        person=np.tile(np.arange(n), len(times)),
        time=np.repeat(times, n),
        values={"again": np.tile(frame[name].to_numpy(float), len(times))},
        people=n,
    )


@given(
    people,
    ties,
    hows,
    st.lists(st.integers(1, 24).map(lambda half: half / 2), max_size=4, unique=True),
    st.booleans(),
)
def test_changes_that_change_nothing(
    frame: pd.DataFrame, method: str, how: dict[str, Any], cuts: list[float], robust: bool
) -> None:
    """A covariate said again and again is the baseline covariate, in its sandwich too."""
    given_ = {"ties": method, "robust": robust} | how
    one = fitted(trial(frame), adjust=COLUMNS, **given_)
    changes = repeated(frame, "prio", cuts)
    two = fitted(trial(frame), adjust="age", varying=changes, **given_)
    assert two.terms == (*one.terms[:-1], "again")
    same(one.coef, two.coef, rel=SOLVED)
    same(one.covariance, two.covariance, rel=SOLVED)
    same([one.loglik, one.loglik_null], [two.loglik, two.loglik_null], rel=1e-10)
    assert (one.n, one.events, one.missing) == (two.n, two.events, two.missing)
    for kind in ("martingale", "deviance", "score", "dfbeta", "schoenfeld"):
        same(values(one, kind), values(two, kind), rel=1e-6)


@given(people, ties)
def test_changes_in_another_order(frame: pd.DataFrame, method: str) -> None:
    """Rows of changes may come in any order, and changes after the end tell nothing."""
    n = len(frame)
    rng = np.random.default_rng(n)
    table = {
        "person": np.tile(np.arange(n), 3),
        "time": np.repeat([0.0, 2.0, 50.0], n),
        "value": rng.integers(0, 3, 3 * n),
    }
    order = rng.permutation(3 * n)
    all_, early = order, order[table["time"][order] < 50]

    def changes(rows: Any) -> TimeVarying:
        return TimeVarying(
            person=table["person"][rows],
            time=table["time"][rows],
            values={"x": table["value"][rows]},
            people=n,
        )

    one, two, three = (
        fitted(trial(frame), ties=method, varying=changes(rows))
        for rows in (np.arange(3 * n), all_, early)
    )
    for other in (two, three):
        same(one.coef, other.coef, rel=EXACT)
        same(one.covariance, other.covariance, rel=EXACT)
        same(values(one, "dfbeta"), values(other, "dfbeta"), rel=1e-9)


@given(sited, ties, st.booleans())
def test_without_covariates_standardised_is_predicted(
    frame: pd.DataFrame, method: str, weighted: bool
) -> None:
    """Everybody's survival in an arm is one curve, in each stratum one with the stratum's share."""
    how: dict[str, Any] = {"weights": "weight"} if weighted else {}
    fit = fitted(trial(frame), ties=method, **how)
    curve = standardised_survival(fit)
    for arm, given_ in enumerate((None, {"treatment": 1.0})):
        found = predicted_survival(fit, values=given_)
        assert found["time"].tolist() == curve.time.tolist()
        same(curve.survival[arm], found["survival"], rel=EXACT)
    fit = fitted(trial(frame), ties=method, strata="site", **how)
    curve = standardised_survival(fit)
    weight = weights_of(frame, how)
    share = [weight[frame["site"] == site].sum() / weight.sum() for site in (0, 1)]
    for arm, given_ in enumerate((None, {"treatment": 1.0})):
        found = predicted_survival(fit, values=given_)
        total = np.zeros(curve.time.size)
        for part, label in zip(share, sorted(set(found["stratum"])), strict=True):
            one = found[found["stratum"] == label].set_index("time")["survival"]
            total += part * one.reindex(curve.time).to_numpy()
        same(curve.survival[arm], total, rel=EXACT)


@given(people, ties, hows)
def test_arms_exchanged(frame: pd.DataFrame, method: str, how: dict[str, Any]) -> None:
    """Differences change sign, ratios turn over, curves change places."""
    used = [*COLUMNS, "weight", "part", "known", "since"]
    given_ = {"adjust": COLUMNS, "ties": method} | how
    one = fitted(trial(frame), **given_)
    other = swapped_trial(frame, covariates=used)
    two = fitted(other, **given_)
    same(two.coef, one.coef * [-1, 1, 1], rel=SOLVED)
    mirrored(
        hazard_ratio(trial(frame), outcome=OUTCOME, **given_),
        hazard_ratio(other, outcome=OUTCOME, **given_),
        rel=1e-6,
    )
    first, second = standardised_survival(one), standardised_survival(two)
    same(first.survival[::-1], second.survival, rel=SOLVED)
    same(first.std_error[::-1], second.std_error, rel=1e-6)
    at = float(frame["week"].median())
    for measure in ("difference", "ratio"):
        both = [
            standardised_survival_difference(fit, at=at, measure=measure)  # type: ignore[arg-type]
            for fit in (one, two)
        ]
        mirrored(*both, rel=1e-6)
        sensible(both[0])
    for kind in ("martingale", "deviance"):
        same(values(one, kind), values(two, kind), rel=1e-6)
    same(values(one, "dfbeta") * [-1, 1, 1], values(two, "dfbeta"), rel=1e-6)


@given(people, ties, hows)
def test_people_in_another_order(frame: pd.DataFrame, method: str, how: dict[str, Any]) -> None:
    """Residuals stay with their people."""
    given_ = {"adjust": COLUMNS, "ties": method} | how
    order = np.random.default_rng(5).permutation(len(frame))
    one, two = fitted(trial(frame), **given_), fitted(trial(shuffled(frame, 5)), **given_)
    same(one.coef, two.coef, rel=SOLVED)
    for kind in ("martingale", "deviance", "score", "dfbeta"):
        same(values(one, kind)[order], values(two, kind), rel=1e-6)
    for kind in ("schoenfeld", "scaled schoenfeld"):
        first, second = (
            cox_residuals(fit, kind=kind).set_index("row")[list(fit.terms)]  # type: ignore[arg-type]
            for fit in (one, two)
        )
        place = {old: new for new, old in enumerate(order)}
        same(first.to_numpy(), second.loc[[place[row] for row in first.index]], rel=1e-6)
    same(standardised_survival(one).std_error, standardised_survival(two).std_error, rel=1e-6)


@given(people, ties, hows)
def test_curves_are_survival(frame: pd.DataFrame, method: str, how: dict[str, Any]) -> None:
    """From at most 1 down to at least 0, inside their limits."""
    fit = fitted(trial(frame), adjust=COLUMNS, ties=method, **how)
    curve = standardised_survival(fit)
    assert (np.diff(curve.survival, axis=1) <= EXACT).all()
    assert ((curve.survival >= 0) & (curve.survival <= 1)).all()
    known = np.isfinite(curve.low)
    assert (curve.low <= curve.survival + EXACT)[known].all()
    assert (curve.survival <= curve.high + EXACT)[known].all()
    found = predicted_survival(fit, values={"age": 25})
    assert (np.diff(found["hazard"]) >= 0).all()
    same(found["survival"], np.exp(-found["hazard"]))
    assert ((found["low"] <= found["survival"]) & (found["survival"] <= found["high"])).all()


@given(people, ties)
def test_word_on_changing_hazards(frame: pd.DataFrame, method: str) -> None:
    """Said where the test of the arm is below 0.05, and nowhere else."""
    fit = fitted(trial(frame), adjust=COLUMNS, ties=method)
    test = proportional_hazards_test(trial(frame), outcome=OUTCOME, adjust=COLUMNS, ties=method)
    assert ("changes with time" in fit.method) == (test.p_value[0] < 0.05)


@given(people, ties)
def test_limits_without_a_maximum(frame: pd.DataFrame, method: str) -> None:
    """No events in one arm: one limit is 0 or infinite; 1 is inside just when p is above."""
    frame = frame.assign(arrest=frame["arrest"] * (frame["arm"] == "control"))
    found = hazard_ratio(trial(frame), outcome=OUTCOME, ties=method)
    assert np.isnan(found.value)
    assert found.low == 0
    if np.isnan(numbers(found)[2]):
        return
    assert (found.high > 1) == (found.p_value > 0.05)
    turned = hazard_ratio(swapped_trial(frame), outcome=OUTCOME, ties=method)
    assert turned.high == np.inf
    same(turned.low, 1 / found.high, rel=1e-6)
    same(turned.p_value, found.p_value, rel=1e-6)
    wider = hazard_ratio(trial(frame), outcome=OUTCOME, ties=method, level=0.99)
    assert wider.high > found.high
