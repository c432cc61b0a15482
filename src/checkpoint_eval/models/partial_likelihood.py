"""The partial likelihood of a set of risk sets: maximised, with its variances."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import BoolArray, FloatArray, floats
from checkpoint_eval._display import Shown, grid_frame
from checkpoint_eval.models.risk_sets import RiskSets

Ties = Literal["efron", "breslow"]

# Newton stops when another step could raise the log likelihood by less than this share of it.
TOLERANCE = 1e-14
LARGEST_STEPS = 50
# How far a linear predictor may move in the first step, twice as far after each that held, and
# at most. One that gets further than `BEYOND` from its stratum's mean belongs to coefficients
# that run away, which are those that still move; much further on, risks would underflow.
FIRST_REACH, LARGEST_REACH, BEYOND = 4.0, 32.0, 120.0
STILL_MOVING = 1e-6
# A direction whose information fell below this share of its start is running to infinity, and
# with it the coefficients that have at least this part in it.
VANISHED = 1e-7
TAKES_PART = 1e-3
# Information below this share of the sum it is left over from is rounding: there is none.
ROUNDING = 1e-12
# So is a sandwich variance below this share of the inverse information: residuals cancel.
NO_VARIANCE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CoxRegression(Shown):
    """A maximised partial likelihood.

    Attributes
    ----------
    coef : (p,) float
        Log hazard ratios.
    covariance : (p, p) float
        Inverse information.
    robust : (p, p) float or None
        Sandwich over clusters, when asked for; 0 where the residuals of every cluster cancel.
    score : (p,) float
        Score at zero coefficients.
    information_null : (p, p) float
        Information at zero coefficients.
    loglik_null, loglik : float
    infinite : (p,) bool
        Coefficients the likelihood drives to infinity (monotone likelihood).
    """

    coef: FloatArray
    covariance: FloatArray
    robust: FloatArray | None
    score: FloatArray
    information_null: FloatArray
    loglik_null: float
    loglik: float
    infinite: BoolArray

    def to_frame(self) -> pd.DataFrame:
        """Return one row a coefficient; the places of a batch come first."""
        return grid_frame(
            ("place",),
            coef=self.coef,
            std_error=np.sqrt(np.diag(self.covariance)),
            infinite=self.infinite,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CoxState:
    """The partial likelihood at one coefficient vector, and the sums its derivatives share."""

    loglik: float
    score: FloatArray
    information: FloatArray
    largest: FloatArray  # (s,) the largest linear predictor of each stratum
    risk: FloatArray  # (n,) weight times exp(linear predictor less the largest of the stratum)
    hazard: FloatArray  # (n,) cumulative increments while at risk, tie-corrected for own death
    sums: "TieSums"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TieSums:
    """Sums over the d steps c = 0, 1/d, ..., of an event time; c = 0 once under Breslow.

    With S the risk-set sum and D the sum over those with the event, each step's denominator is
    S0 − c D0 and its covariate mean (S1 − c D1) / (S0 − c D0).
    """

    mean_weight: FloatArray  # (e,) weight each step carries
    h0: FloatArray  # (e,) sum of weight / denominator
    h1: FloatArray  # (e,) sum of c weight / denominator
    q0: FloatArray  # (e,) sum of weight / denominator²
    q1: FloatArray  # (e,) sum of c weight / denominator²
    q2: FloatArray  # (e,) sum of c² weight / denominator²
    steps: FloatArray  # (e,) how many steps
    log_denominator: float  # sum of weight log denominator
    s1: FloatArray  # (e, p)
    d1: FloatArray  # (e, p)


def _tie_sums(sets: RiskSets, risk: FloatArray, ties: Ties) -> TieSums:
    s0, d0 = sets.at_risk_sum(risk), sets.death_sum(risk)
    dead_weight = sets.death_sum(sets.weight)
    moments = risk[:, None] * sets.covariates
    steps = sets.deaths if ties == "efron" else np.ones_like(sets.deaths)
    start = np.concatenate([[0], np.cumsum(steps)[:-1]]).astype(np.int64)
    c = (np.arange(steps.sum()) - np.repeat(start, steps)) / np.repeat(steps, steps)
    denominator = np.repeat(s0, steps) - c * np.repeat(d0, steps)
    weight = dead_weight / steps

    def total(values: FloatArray) -> FloatArray:
        return np.add.reduceat(values, start) * weight

    inverse = 1 / denominator
    shared = c * inverse
    return TieSums(
        mean_weight=weight,
        h0=total(inverse),
        h1=total(shared),
        q0=total(inverse * inverse),
        q1=total(shared * inverse),
        q2=total(shared * shared),
        steps=steps.astype(np.float64),
        log_denominator=float(total(np.log(denominator)).sum()),
        s1=sets.at_risk_sum(moments),
        d1=sets.death_sum(moments),
    )


def evaluate_at(sets: RiskSets, coef: FloatArray, ties: Ties) -> CoxState:
    """Return the partial likelihood and its derivatives at (p,) coefficients."""
    eta = sets.covariates @ coef + sets.offset
    # A common factor cancels within a stratum; taking out the largest keeps every risk below 1.
    largest = np.full(int(sets.stratum.max()) + 1, -np.inf)
    np.maximum.at(largest, sets.stratum, eta)
    eta = eta - largest[sets.stratum]
    risk = sets.weight * np.exp(eta)
    # Risks far below those of people who have not entered yet drown in their rounding.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        t = _tie_sums(sets, risk, ties)
        return _state(sets, eta, largest, risk, t)


def _state(
    sets: RiskSets, eta: FloatArray, largest: FloatArray, risk: FloatArray, t: "TieSums"
) -> CoxState:
    """Return the likelihood and its derivatives from the sums over risk sets."""
    x, dead = sets.covariates, sets.dead
    dead_weight = sets.weight[dead]
    loglik = float(dead_weight @ eta[dead]) - t.log_denominator
    hazard = sets.while_at_risk(t.h0)
    hazard[dead] -= t.h1[sets.last[dead]]
    expected = risk * hazard
    martingale = -expected
    martingale[dead] += dead_weight
    cross = (t.q1[:, None] * t.d1).T @ t.s1
    squares = (x * expected[:, None]).T @ x
    information = (
        squares
        - (t.q0[:, None] * t.s1).T @ t.s1
        + cross
        + cross.T
        - (t.q2[:, None] * t.d1).T @ t.d1
    )
    return CoxState(
        loglik=loglik,
        score=x.T @ martingale,
        largest=largest,
        information=without_rounding(information, squares),
        risk=risk,
        hazard=hazard,
        sums=t,
    )


def without_rounding(information: FloatArray, squares: FloatArray) -> FloatArray:
    """Return (p, p) information, 0 for coefficients of which it is no more than rounding.

    `squares` is what it is left over from when the means of those at risk are taken out.
    """
    none = ~(np.diag(information) > ROUNDING * np.diag(squares))
    return floats(np.where(none[:, None] | none, 0.0, information))


def score_residuals(sets: RiskSets, state: CoxState) -> FloatArray:
    """Return (n, p) weighted score residuals, exact for the tie method used."""
    x, dead, t = sets.covariates, sets.dead, state.sums
    own = sets.last[dead]
    spread = sets.while_at_risk(t.q0[:, None] * t.s1 - t.q1[:, None] * t.d1)
    spread[dead] -= (t.q1[:, None] * t.s1 - t.q2[:, None] * t.d1)[own]
    residual = state.risk[:, None] * (spread - x * state.hazard[:, None])
    residual[dead] += sets.weight[dead, None] * (x[dead] - step_means(state)[own])
    return floats(residual)


def step_means(state: CoxState) -> FloatArray:
    """Return (e, p) covariate means of those at risk, over the steps of each event time."""
    t = state.sums
    whole = (t.mean_weight * t.steps)[:, None]
    return floats((t.h0[:, None] * t.s1 - t.h1[:, None] * t.d1) / whole)


def cox_regression(sets: RiskSets, *, ties: Ties = "efron", robust: bool = False) -> CoxRegression:
    """Maximise the partial likelihood by Newton's method.

    Parameters
    ----------
    sets : RiskSets
        n rows, p covariates, at least one event.
    ties : {"efron", "breslow"}
        Efron: tied events leave the risk set one by one on average, sharing their mean weight.
    robust : bool
        Whether to return the sandwich variance, summed over clusters.

    Returns
    -------
    CoxRegression

    Notes
    -----
    The score is X'M with M the martingale residuals, and the information needs one weighted
    cross-product of X: no (n, p, p) array is ever formed.

    References
    ----------
    Cox (1972); Efron (1977); Breslow (1974); Lin and Wei (1989) for the sandwich, its score
    residuals under ties as Therneau and Grambsch (2000). Checked against Therneau's closed-form
    tests 1–3, R coxph and a slow reference.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> from checkpoint_eval.models import RiskSets, compare
    >>> table = compare(load_rossi(), outcome="rearrest").table_by_stratum(None)
    >>> cox_regression(RiskSets.of_table(table)).coef.round(3)
    array([-0.369])
    """
    p = sets.covariates.shape[1]
    null = state = evaluate_at(sets, np.zeros(p), ties)
    coef, reach = np.zeros(p), FIRST_REACH
    still = Directions.of(state.information, null.information)
    for _ in range(LARGEST_STEPS):
        step = _newton_step(sets, state, still, reach)
        gain = float(step @ state.score)
        size = 1.0
        new = evaluate_at(sets, coef + step, ties)
        while not new.loglik >= state.loglik - 1e-12 * abs(state.loglik) and size > 1e-6:
            size /= 2
            new = evaluate_at(sets, coef + size * step, ties)
        if not np.isfinite(new.loglik):
            infinite = still.infinite | _moved(sets, step)
            break
        coef, state = coef + size * step, new
        reach = min(2 * reach, LARGEST_REACH) if size == 1 else FIRST_REACH
        still = Directions.of(state.information, null.information)
        infinite = still.infinite
        if np.abs(sets.covariates @ coef).max() > BEYOND:
            infinite = infinite | _moved(sets, step)
            break
        if gain <= TOLERANCE * (1 + abs(state.loglik)):
            break
    else:
        infinite = np.ones(p, dtype=bool)  # still climbing: no maximum within reach
    covariance = still.inverse() if infinite.any() else inverse_of(state.information)
    return CoxRegression(
        coef=coef,
        covariance=covariance,
        robust=sandwich(summed_by_cluster(sets, state), covariance) if robust else None,
        score=null.score,
        information_null=null.information,
        loglik_null=null.loglik,
        loglik=state.loglik,
        infinite=infinite,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Directions:
    """Directions of the coefficients along which there is information still.

    Along the others it was never there, or has vanished: the likelihood is flat, or runs to
    infinity. The rest of the coefficients have a maximum all the same.
    """

    infinite: BoolArray  # (p,) coefficients that take part in a direction without information
    root: FloatArray  # (p, q) whose product with itself is the inverse over what is left

    @classmethod
    def of(cls, information: FloatArray, null: FloatArray) -> "Directions":
        """Compare the information now with that at no effect."""
        scale = np.sqrt(np.where(np.diag(null) > 0, np.diag(null), 1.0))
        now, before = information / np.outer(scale, scale), null / np.outer(scale, scale)
        left, directions = np.linalg.eigh(now)
        at_first = np.einsum("ij,ij->j", directions, before @ directions)
        gone = left < VANISHED * np.maximum(at_first, VANISHED)
        return cls(
            infinite=np.asarray((np.abs(directions[:, gone]) > TAKES_PART).any(axis=1)),
            root=floats(directions[:, ~gone] / np.sqrt(left[~gone]) / scale[:, None]),
        )

    def inverse(self) -> FloatArray:
        """Return the inverse of the information that is left."""
        return floats(self.root @ self.root.T)


def inverse_of(information: FloatArray) -> FloatArray:
    """Return the inverse, or the nearest thing; columns may be of any size."""
    scale = np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    square = np.outer(scale, scale)
    return floats(np.linalg.pinv(information / square, hermitian=True) / square)


def _newton_step(sets: RiskSets, state: CoxState, still: Directions, furthest: float) -> FloatArray:
    """Return the Newton step, shortened so that no linear predictor moves by more than `furthest`.

    Far from the maximum a full step can overflow the exponential.
    """
    step = still.root @ (still.root.T @ state.score)
    reach = float(np.abs(sets.covariates @ step).max())
    if reach > furthest:
        step *= furthest / reach
    return floats(step)


def _moved(sets: RiskSets, step: FloatArray) -> BoolArray:
    """Return which coefficients a step moves noticeably, by what it does to linear predictors."""
    moved = np.abs(sets.covariates).max(axis=0) * np.abs(step)
    return np.asarray(moved > STILL_MOVING * moved.max())


def sandwich(residual: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return the robust (p, p) variance of (c, p) score residuals, 0 where they cancel."""
    influence = residual @ covariance
    robust = influence.T @ influence
    none = ~(np.diag(robust) > NO_VARIANCE * np.diag(covariance))
    return floats(np.where(none[:, None] | none, 0.0, robust))


def summed_by_cluster(sets: RiskSets, state: CoxState) -> FloatArray:
    """Return (c, p) score residuals of each cluster, scaled so that their squares add up."""
    residual = score_residuals(sets, state)
    # A row's residual is that of all its people together, who are alike and each their own.
    residual /= np.sqrt(sets.copies)[:, None]
    clusters = np.unique(sets.cluster, return_inverse=True)[1].reshape(-1)
    return np.stack([np.bincount(clusters, weights=column) for column in residual.T], axis=1)


def schoenfeld_sums(
    sets: RiskSets, coef: FloatArray, ties: Ties, *, columns: Sequence[int] | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return (e, p) sums of Schoenfeld residuals and (e, c, p) information at each event time.

    `columns` are the c rows of the information wanted; all by default.
    """
    x, p = sets.covariates, sets.covariates.shape[1]
    wanted = range(p) if columns is None else columns
    state = evaluate_at(sets, coef, ties)
    t = state.sums
    mean = t.h0[:, None] * t.s1 - t.h1[:, None] * t.d1
    residual = sets.death_sum(sets.weight[:, None] * x) - mean
    information = np.empty((sets.deaths.size, len(wanted), p))
    for place, i in enumerate(wanted):
        products = state.risk[:, None] * x[:, [i]] * x
        s2, d2 = sets.at_risk_sum(products), sets.death_sum(products)
        cross = t.s1[:, [i]] * t.d1 + t.d1[:, [i]] * t.s1
        information[:, place] = (
            t.h0[:, None] * s2
            - t.h1[:, None] * d2
            - t.q0[:, None] * t.s1[:, [i]] * t.s1
            + t.q1[:, None] * cross
            - t.q2[:, None] * t.d1[:, [i]] * t.d1
        )
    return floats(residual), information
