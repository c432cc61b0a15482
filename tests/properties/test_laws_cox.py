"""Laws of Cox models: the partial likelihood by its symmetries, and by what leaves it alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, assume, example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from strategies import (
    ARMS,
    OUTCOME,
    SOLVED,
    codes_of,
    cohorts,
    doubled,
    limits,
    mirrored,
    same,
    same_estimate,
    sensible,
    shuffled,
    strata_table,
    swapped_trial,
    trial_of,
    wald_dual,
)

import checkpoint_eval as ce
from checkpoint_eval.models import RiskSets, cox_regression, logrank

if TYPE_CHECKING:
    from checkpoint_eval.models import CoxRegression

TIES = ("efron", "breslow")
ties = st.sampled_from(TIES)


@st.composite
def _cohorts(draw: st.DrawFn, **how: Any) -> pd.DataFrame:
    """Enough people for two covariates, and events in both arms."""
    frame = draw(cohorts(**({"each": 6, "most": 30} | how)))
    assume((frame.groupby("arm")["arrest"].sum() >= 2).all())
    assume(frame["age"].nunique() > 1)
    assume(frame["prio"].nunique() > 2)
    return frame


people = _cohorts()
sited = _cohorts(sites=2, each=3)


def directions(
    x: np.ndarray[Any, Any], exit_: Any, event: Any, entry: Any = None, stratum: Any = None
) -> np.ndarray[Any, Any]:
    """(r, p): covariates of whoever had the event minus those of each other person at risk."""
    exit_, event = np.asarray(exit_, dtype=float), np.asarray(event, dtype=bool)
    entry = np.full(len(x), -np.inf) if entry is None else np.asarray(entry)
    stratum = np.zeros(len(x)) if stratum is None else np.asarray(stratum)
    rows = [
        x[i] - x[(entry < exit_[i]) & (exit_[i] <= exit_) & (stratum == stratum[i])]
        for i in np.flatnonzero(event)
    ]
    return np.concatenate([*rows, np.zeros((1, x.shape[1]))])


def monotone(steps: np.ndarray[Any, Any]) -> bool:
    """
    Whether some b has b'(x_i - x_j) >= 0 for every event i and every j at risk, not all 0: then the
    likelihood rises for ever along b and nothing is estimable. A linear programme decides.
    """
    found = linprog(-steps.sum(axis=0), A_ub=-steps, b_ub=np.zeros(len(steps)), bounds=(-1, 1))
    return bool(-found.fun > 1e-7)


def estimable(x: np.ndarray[Any, Any], *where: Any, **how: Any) -> bool:
    """Whether the partial likelihood has one finite maximum."""
    steps = directions(np.asarray(x, dtype=float), *where, **how)
    return np.linalg.matrix_rank(steps) == x.shape[1] and not monotone(steps)


def covariates_of(frame: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Arm, age in decades and prior arrests."""
    return np.column_stack([codes_of(frame), frame["age"] / 10, frame["prio"]])


def within_sites(frame: pd.DataFrame) -> bool:
    """Whether a model of arm and prior arrests, stratified by site, is estimable."""
    x = covariates_of(frame)[:, [0, 2]]
    return estimable(x, frame["week"], frame["arrest"], stratum=frame["site"])


def fitted(frame: pd.DataFrame, *, ties: Any = "efron", **how: Any) -> CoxRegression:
    """Fit the kernel with the sandwich; each row a cluster unless clusters are given."""
    x = how.pop("covariates", covariates_of(frame))
    where = {name: how[name] for name in ("entry", "stratum") if name in how}
    assume(estimable(x, frame["week"], frame["arrest"], **where))
    fit = cox_regression(
        RiskSets.of(x, frame["week"], frame["arrest"], **how), ties=ties, robust=True
    )
    assert not fit.infinite.any()
    return fit


def same_fit(one: CoxRegression, two: CoxRegression, *, but: tuple[str, ...] = ()) -> None:
    """Coefficients, both variances and both likelihoods."""
    for name in ("coef", "covariance", "robust", "loglik_null", "loglik"):
        if name not in but:
            same(getattr(two, name), getattr(one, name), rel=SOLVED)


def hazard(trial: ce.Trial, **how: Any) -> ce.Estimate:
    return ce.hazard_ratio(trial, outcome=OUTCOME, **how)


# --- symmetry and invariance -------------------------------------------------------------------


@given(sited, ties, st.booleans())
def test_swapping_arms_inverts_the_ratio(frame: pd.DataFrame, ties: Any, robust: bool) -> None:
    for strata in ((), ["site"]):
        one, two = (
            hazard(trial, ties=ties, robust=robust, strata=strata)
            for trial in (trial_of(frame), swapped_trial(frame))
        )
        mirrored(one, two, rel=SOLVED)


@given(people, ties)
def test_swapping_arms_leaves_other_coefficients(frame: pd.DataFrame, ties: Any) -> None:
    assume(estimable(covariates_of(frame), frame["week"], frame["arrest"]))
    one, two = (
        ce.fit_cox(trial, outcome=OUTCOME, adjust=["age", "prio"], ties=ties)
        for trial in (
            trial_of(frame, covariates=["age", "prio"]),
            swapped_trial(frame, covariates=["age", "prio"]),
        )
    )
    flip = np.array([-1, 1, 1])
    same(two.coef, flip * one.coef, rel=SOLVED)
    same(two.covariance, flip * one.covariance * flip[:, None], rel=SOLVED)
    same([two.loglik_null, two.loglik], [one.loglik_null, one.loglik])
    assert two.events == one.events[::-1]
    assert two.terms[1:] == one.terms[1:]


@given(sited, st.integers(0, 1000), ties)
def test_the_order_of_people_is_nothing(frame: pd.DataFrame, seed: int, ties: Any) -> None:
    assume(within_sites(frame))
    how: dict[str, Any] = {"adjust": "prio", "strata": ["site"], "ties": ties, "robust": True}
    one, two = (
        hazard(trial_of(f, covariates=["prio"]), **how) for f in (frame, shuffled(frame, seed))
    )
    same_estimate(one, two, rel=SOLVED)


@pytest.mark.parametrize("clock", [np.square, np.log, lambda week: week / 7, lambda week: week + 9])
@given(frame=sited, ties=ties)
def test_hazard_ratio_does_not_read_the_clock(clock: Any, frame: pd.DataFrame, ties: Any) -> None:
    """Any strictly increasing change of time."""
    moved = frame.assign(week=clock(frame["week"].to_numpy(float)))
    for strata in ((), ["site"]):
        how: dict[str, Any] = {"strata": strata, "ties": ties, "robust": True}
        same_estimate(hazard(trial_of(frame), **how), hazard(trial_of(moved), **how), rel=SOLVED)


@given(sited, ties)
def test_each_stratum_may_have_its_own_clock(frame: pd.DataFrame, ties: Any) -> None:
    moved = frame.assign(week=(1 + frame["site"]) * frame["week"] + 50 * frame["site"])
    stratum = frame["site"].to_numpy()
    one, two = (fitted(f, stratum=stratum, ties=ties) for f in (frame, moved))
    same_fit(one, two)


@given(people, ties, st.tuples(st.sampled_from([-3, 0.1, 12]), st.integers(-99, 99)))
def test_affine_change_of_a_covariate_rescales_its_coefficient(
    frame: pd.DataFrame, ties: Any, change: tuple[float, float]
) -> None:
    slope, shift = change
    assume(estimable(covariates_of(frame), frame["week"], frame["arrest"]))
    one, two = (
        ce.fit_cox(
            trial_of(f, covariates=["age", "prio"]),
            outcome=OUTCOME,
            adjust=["age", "prio"],
            ties=ties,
            robust=True,
        )
        for f in (frame, frame.assign(age=slope * frame["age"] + shift))
    )
    scale = np.array([1, slope, 1])
    same(two.coef * scale, one.coef, rel=SOLVED)
    same(two.covariance * np.outer(scale, scale), one.covariance, rel=1e-6)  # scale up to 144
    same(two.loglik, one.loglik)


@given(people, ties, st.permutations([-2, -1, 1, 2, 3, 5]))
def test_any_linear_recoding_is_the_same_model(
    frame: pd.DataFrame, ties: Any, corners: list[int]
) -> None:
    """X -> X A gives coefficients A^-1 b and covariances A^-1 V A^-T."""
    mix = np.eye(3)
    mix[np.triu_indices(3)] = np.array(corners) / 2  # triangular with no zero: invertible
    back = np.linalg.inv(mix)
    one = fitted(frame, ties=ties)
    two = fitted(frame, ties=ties, covariates=covariates_of(frame) @ mix)
    same(two.coef, back @ one.coef, rel=1e-6)  # the inverse magnifies by up to about 50
    same(two.covariance, back @ one.covariance @ back.T, rel=1e-6)
    same(two.robust, back @ one.robust @ back.T, rel=1e-6)
    same(two.loglik, one.loglik)


# --- weights, copies and pieces ----------------------------------------------------------------


@given(people, st.lists(st.integers(1, 3), min_size=30, max_size=30))
def test_breslow_weight_k_is_k_copies(frame: pd.DataFrame, counts: list[int]) -> None:
    """With clusters, the copies' residuals add up to k times the one."""
    k = np.array(counts)[: len(frame)]
    copies = frame.loc[frame.index.repeat(k)]
    one = fitted(frame, weight=k, ties="breslow")
    two = fitted(copies, cluster=np.repeat(np.arange(len(frame)), k), ties="breslow")
    same_fit(one, two)


@given(people, st.sampled_from([0.5, 3.0, 1e-3]))
def test_common_weight_scales_the_information(frame: pd.DataFrame, weight: float) -> None:
    """Weighting everyone alike moves no estimate, and no sandwich: only the model's variance."""
    for method in TIES:
        one = fitted(frame, ties=method)
        two = fitted(frame, weight=np.full(len(frame), weight), ties=method)
        same(two.coef, one.coef, rel=SOLVED)
        same(two.robust, one.robust, rel=SOLVED)
        same(two.covariance * weight, one.covariance, rel=SOLVED)


@given(people)
def test_doubling_halves_breslow_variances_exactly(frame: pd.DataFrame) -> None:
    one, two = fitted(frame, ties="breslow"), fitted(doubled(frame), ties="breslow")
    same(two.coef, one.coef, rel=SOLVED)
    same(two.covariance, one.covariance / 2, rel=SOLVED)
    same(two.robust, one.robust / 2, rel=SOLVED)


@given(sited, ties, st.lists(st.integers(1, 23), min_size=30, max_size=30), st.booleans())
def test_splitting_rows_changes_nothing(
    frame: pd.DataFrame, ties: Any, where: list[int], late: bool
) -> None:
    """
    (entry, exit] is (entry, cut] censored and (cut, exit], cut at any half week: on event times
    and between them. The sandwich is the same when the pieces share their person's cluster.
    """
    n = len(frame)
    entry = np.minimum(np.arange(n) % 4, frame["week"] - 1).to_numpy(float) * late
    cut = np.array(where)[:n] / 2
    split = (entry < cut) & (cut < frame["week"].to_numpy())
    rows = np.concatenate([np.arange(n), np.flatnonzero(split)])
    pieces = frame.iloc[rows].reset_index(drop=True)
    start, stop = entry[rows], pieces["week"].to_numpy(float)
    event = pieces["arrest"].to_numpy(copy=True)
    start[:n] = np.where(split, cut, entry)
    stop[n:], event[n:] = cut[split], 0
    pieces = pieces.assign(week=stop, arrest=event)
    for stratum in (np.zeros(n, dtype=int), frame["site"].to_numpy()):
        one = fitted(frame, entry=entry, stratum=stratum, ties=ties)
        two = fitted(pieces, entry=start, stratum=stratum[rows], cluster=rows, ties=ties)
        same_fit(one, two)


@given(people, ties)
def test_entry_at_the_start_is_no_entry(frame: pd.DataFrame, ties: Any) -> None:
    same_fit(fitted(frame, ties=ties), fitted(frame, ties=ties, entry=np.zeros(len(frame))))


@given(people, ties, st.integers(0, 1000), st.booleans())
def test_rounding_noise_in_times_does_not_matter(
    frame: pd.DataFrame, ties: Any, seed: int, late: bool
) -> None:
    """The last bit of a time is not information: ties stay ties, and entry = exit is not risk."""
    rng = np.random.default_rng(seed)
    exit_, start = frame["week"].to_numpy(), np.arange(len(frame)) % 3
    entry = np.minimum(start, exit_ - 1)
    fits = [
        fitted(
            frame.assign(week=exit_ / 10 + noise * rng.integers(-1, 2, len(frame))),
            entry=entry / 10 + noise * rng.integers(-1, 2, len(frame)) if late else None,
            ties=ties,
        )
        for noise in (0, 4e-16)
    ]
    same_fit(*fits)


@given(people, ties, st.integers(1, 5))
def test_people_lost_before_the_first_event_are_nothing(
    frame: pd.DataFrame, ties: Any, lost: int
) -> None:
    """At risk at no event: no likelihood, no residual."""
    rows = np.concatenate([np.arange(len(frame)), np.zeros(lost, dtype=int)])
    more = frame.iloc[rows].reset_index(drop=True)
    extra = more.index >= len(frame)
    more = more.assign(week=more["week"].where(~extra, 0.5), arrest=more["arrest"].where(~extra, 0))
    same_fit(fitted(frame, ties=ties), fitted(more, ties=ties))


# --- reduction ---------------------------------------------------------------------------------


@given(people, ties)
def test_one_stratum_is_no_stratum(frame: pd.DataFrame, ties: Any) -> None:
    plain = hazard(trial_of(frame), ties=ties)
    declared = trial_of(frame, strata=["site"])
    for how in ({}, {"strata": ["site"]}, {"strata": ()}):
        same_estimate(hazard(declared, ties=ties, **how), plain)


@given(sited, ties)
def test_likelihood_adds_up_over_strata(frame: pd.DataFrame, ties: Any) -> None:
    """At zero: log likelihood, score and information of the whole are sums over the strata."""
    assume((frame.groupby("site")["arrest"].sum() > 0).all())
    arm = codes_of(frame)[:, None]
    whole = fitted(frame, ties=ties, covariates=arm, stratum=frame["site"].to_numpy())
    parts = [
        cox_regression(RiskSets.of(codes_of(f)[:, None], f["week"], f["arrest"]), ties=ties)
        for _, f in frame.groupby("site")
    ]
    for name in ("loglik_null", "score", "information_null"):
        same(getattr(whole, name), sum(getattr(part, name) for part in parts))


@given(sited, st.integers(0, 1000))
def test_without_ties_the_score_test_is_the_log_rank(frame: pd.DataFrame, seed: int) -> None:
    """Score = O - E and information = V, each within strata too."""
    order = np.random.default_rng(seed).permutation(len(frame)) + 1
    untied = frame.assign(week=order)
    arm = codes_of(frame)
    for stratum in (np.zeros(len(frame), dtype=int), frame["site"].to_numpy()):
        test = logrank(strata_table(untied.assign(site=stratum), arm))
        for method in TIES:
            fit = fitted(untied, covariates=arm[:, None], stratum=stratum, ties=method)
            same(fit.score, (test.observed - test.expected)[1])
            same(fit.information_null, test.covariance[1, 1])
    z = ce.logrank_test(trial_of(untied), outcome=OUTCOME).statistic
    fit = fitted(untied, covariates=arm[:, None])
    same(z, fit.score[0] / np.sqrt(fit.information_null[0, 0]))


@given(people)
def test_breslow_score_is_observed_minus_expected_with_ties_too(frame: pd.DataFrame) -> None:
    """Ties make the hypergeometric variance smaller than Breslow's, never the score different."""
    arm = codes_of(frame)
    test = logrank(strata_table(frame, arm))
    fit = fitted(frame, covariates=arm[:, None], ties="breslow")
    same(fit.score, (test.observed - test.expected)[1])
    assert fit.information_null[0, 0] >= test.covariance[1, 1] - 1e-12


@given(people, st.integers(0, 1000))
def test_without_ties_all_methods_are_one(frame: pd.DataFrame, seed: int) -> None:
    untied = frame.assign(week=np.random.default_rng(seed).permutation(len(frame)) + 1)
    same_fit(*(fitted(untied, ties=method) for method in TIES))


@given(people, ties)
def test_each_person_a_cluster_is_the_plain_sandwich(frame: pd.DataFrame, ties: Any) -> None:
    own = frame.assign(person=np.arange(len(frame)))
    trial = trial_of(own, factors=["person"])
    same_estimate(hazard(trial, ties=ties, robust=True), hazard(trial, ties=ties, cluster="person"))
    plain, robust = hazard(trial, ties=ties), hazard(trial, ties=ties, robust=True)
    same(robust.value, plain.value)


@given(people, ties)
def test_the_fit_is_a_maximum(frame: pd.DataFrame, ties: Any) -> None:
    """
    The log likelihood is concave, so it gains no more than its slope at zero promises:
    score' b >= loglik - loglik_null >= 0.
    """
    fit = fitted(frame, ties=ties)
    gain = fit.loglik - fit.loglik_null
    assert gain >= -1e-12
    assert fit.score @ fit.coef >= gain - 1e-9


@given(people, ties)
def test_larger_models_fit_better(frame: pd.DataFrame, ties: Any) -> None:
    x = covariates_of(frame)
    gains = [fitted(frame, ties=ties, covariates=x[:, :p]).loglik for p in (1, 2, 3)]
    assert (np.diff(gains) >= -1e-9).all()


@given(people, ties)
def test_no_events_in_an_arm_is_not_estimable(frame: pd.DataFrame, ties: Any) -> None:
    """And said so, in both directions."""
    quiet = frame.assign(arrest=frame["arrest"].where(frame["arm"] == "control", 0))
    for trial in (trial_of(quiet), swapped_trial(quiet)):
        found = hazard(trial, ties=ties)
        assert not found.estimable
        assert "not estimable" in found.method


def small(**columns: list[int]) -> pd.DataFrame:
    """Control and treatment in turn."""
    frame = pd.DataFrame(columns)
    return frame.assign(arm=np.resize(ARMS[:2], len(frame)), age=frame.index, any=0)


# Found by hypothesis: each stratum alone runs to infinity, and risks differ by e to the 20 or 30.
TWELVE = small(
    week=[2, 5, 1, 5, 1, 1, 3, 1, 1, 1, 1, 3],
    arrest=[1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
    site=[0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 1],
    prio=[2, 1, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0],
)
EIGHT = small(
    week=[1, 1, 1, 11, 12, 12, 1, 1],
    arrest=[1, 0, 0, 1, 1, 1, 0, 0],
    site=[0, 0, 1, 1, 0, 0, 1, 1],
    prio=[2, 2, 2, 4, 5, 5, 4, 4],
)


@settings(phases=[Phase.explicit, Phase.generate])  # shrinking takes minutes and explains no more
@given(_cohorts(sites=2, each=2, most=12), ties)
@example(TWELVE, "efron")
@example(TWELVE, "breslow")
@example(EIGHT, "efron")
@example(EIGHT, "breslow")
def test_a_likelihood_without_maximum_is_told(frame: pd.DataFrame, ties: Any) -> None:
    """Finite or not as a linear programme finds, with no warning on the way."""
    x = covariates_of(frame)[:, [0, 2]]
    steps = directions(x, frame["week"], frame["arrest"], stratum=frame["site"])
    assume(np.linalg.matrix_rank(steps) == 2)
    found = ce.fit_cox(
        trial_of(frame, covariates=["prio"]),
        outcome=OUTCOME,
        adjust="prio",
        strata=["site"],
        ties=ties,
    )
    assert np.isnan(found.coef).any() == monotone(steps)
    assert bool(found.reason) == monotone(steps)
    # Variances may be unknown, never negative.
    assert not (np.diag(found.covariance) < 0).any()


@given(sited, ties, st.booleans(), st.sampled_from([0.5, 0.8, 0.95]))
def test_intervals_are_sensible_and_agree_with_their_p(
    frame: pd.DataFrame, ties: Any, robust: bool, level: float
) -> None:
    assume(within_sites(frame))
    trial = trial_of(frame, covariates=["prio"])
    found = hazard(trial, adjust="prio", strata=["site"], ties=ties, robust=robust, level=level)
    assert found.estimable
    sensible(found)
    wald_dual(found)
    assert found.low > 0
    same(np.log(found.low * found.high), 2 * np.log(found.value), rel=SOLVED)


@given(_cohorts(arms=3, each=4), ties)
def test_one_contrast_of_three_arms_is_the_two_arm_trial(frame: pd.DataFrame, ties: Any) -> None:
    """Asked for one contrast, the third arm is left out of the model."""
    three = trial_of(frame, arms=ARMS)
    alone = trial_of(frame[frame["arm"] != "treatment"], arms=("control", "other"))
    one, two = hazard(three, arm="other", ties=ties), hazard(alone, ties=ties)
    same_estimate(one, two, rel=SOLVED)


@given(people, st.lists(st.booleans(), min_size=30, max_size=30), ties)
def test_missing_people_are_counted_and_left_out(
    frame: pd.DataFrame, lost: list[bool], ties: Any
) -> None:
    """Missing outcomes and missing covariates alike."""
    gone = np.array(lost)[: len(frame)] & (np.arange(len(frame)) % 3 == 0)
    half = gone & (np.arange(len(frame)) % 2 == 0)
    kept = frame[~gone]
    assume((kept.groupby("arm")["arrest"].sum() > 0).sum() == 2)
    assume(kept["prio"].nunique() > 1)
    assume(estimable(covariates_of(kept)[:, [0, 2]], kept["week"], kept["arrest"]))
    holed = frame.assign(
        week=frame["week"].astype(float).mask(half),
        arrest=frame["arrest"].astype(float).mask(half),
        prio=frame["prio"].astype(float).mask(gone & ~half),
    )
    trial = trial_of(holed, covariates=["prio"])
    one = hazard(trial, adjust="prio", ties=ties)
    two = hazard(trial_of(kept, covariates=["prio"]), adjust="prio", ties=ties)
    assert tuple(np.add(one.n, one.missing)) == trial.assignment.counts
    assert (one.n, one.events) == (two.n, two.events)
    same(limits(one), limits(two), rel=SOLVED)
