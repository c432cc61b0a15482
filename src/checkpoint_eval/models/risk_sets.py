"""The kernel under every Cox model: people, risk sets and the partial likelihood."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats
from checkpoint_eval.errors import InvalidData
from checkpoint_eval.models.event_table import time_grid

Ties = Literal["efron", "breslow"]

# Newton stops when another step could raise the log likelihood by less than this share of it.
TOLERANCE = 1e-14
LARGEST_STEPS = 50
# A coefficient whose information fell below this share of its start is running to infinity.
VANISHED = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RiskSets:
    """n people and which of the e event times (of their stratum) each was at risk at.

    Event times are numbered over all strata: by stratum, then by time. A person is at risk at
    event times first, first + 1, ..., last: those with entry < time <= exit.

    Attributes
    ----------
    covariates : (n, p) float
        Centred at their means; Fortran order.
    weight : (n,) float
        Case weights.
    first, last : (n,) int
    dead : (d,) int
        The rows whose exit was an event; then `last` is its event time.
    deaths : (e,) int
        Events at each event time.
    cluster : (n,) int
        Cluster codes for the robust variance.
    """

    covariates: FloatArray
    weight: FloatArray
    first: IntArray
    last: IntArray
    dead: IntArray
    deaths: IntArray
    cluster: IntArray

    @classmethod
    def of(
        cls,
        covariates: ArrayLike,
        exit: ArrayLike,  # noqa: A002 - the field's word
        event: ArrayLike,
        *,
        entry: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        stratum: ArrayLike | None = None,
        cluster: ArrayLike | None = None,
    ) -> "RiskSets":
        """Sort people into risk sets.

        Parameters
        ----------
        covariates : (n, p) float
        exit : (n,) float
        event : (n,) bool
        entry : (n,) float, optional
            Start of risk, exclusive; before every exit.
        weight : (n,) float, optional
            Positive case weights.
        stratum, cluster : (n,) int, optional
            Codes from 0. Without clusters each row is its own.

        Raises
        ------
        InvalidData
            For entry not before exit, or weights that are not positive and finite.
        """
        x = np.array(covariates, dtype=np.float64, order="F", ndmin=2)
        stop, died = np.asarray(exit, dtype=np.float64), np.asarray(event, dtype=bool)
        n = stop.size
        w = np.ones(n) if weight is None else floats(weight)
        if not ((w > 0) & (w < np.inf)).all():
            raise InvalidData("`weight` must be positive and finite for everyone.")
        start = None if entry is None else floats(entry)
        if start is not None and not (start < stop).all():
            raise InvalidData("`entry` must come before the exit for everyone.")
        s = np.zeros(n, dtype=np.int64) if stratum is None else np.asarray(stratum)
        dead = np.flatnonzero(died)
        first, last, e = _places(start, stop, dead, s)
        mean = (w @ x) / w.sum() if n else np.zeros(x.shape[1])
        return cls(
            covariates=np.asfortranarray(x - mean),
            weight=w,
            first=first,
            last=last,
            dead=dead,
            deaths=np.bincount(last[dead], minlength=e),
            cluster=np.arange(n) if cluster is None else np.asarray(cluster),
        )

    def at_risk_sum(self, values: FloatArray) -> FloatArray:
        """Return (e,) or (e, p): the sum of (n,) or (n, p) values over each risk set."""
        e = self.deaths.size
        if values.ndim == 2:
            return np.stack([self.at_risk_sum(column) for column in values.T], axis=1)
        # Everyone counts up to `last` and, taken off again, before `first`.
        steps = np.bincount(self.last + 1, weights=values, minlength=e + 1)[: e + 1]
        if self.first.any():
            steps -= np.bincount(self.first, weights=values, minlength=e + 1)[: e + 1]
        return floats(np.cumsum(steps[::-1])[::-1][1:])

    def death_sum(self, values: FloatArray) -> FloatArray:
        """Return (e,) or (e, p): the sum of values over those who had the event at each time."""
        if values.ndim == 2:
            return np.stack([self.death_sum(column) for column in values.T], axis=1)
        own = self.last[self.dead]
        return floats(np.bincount(own, weights=values[self.dead], minlength=self.deaths.size))

    def while_at_risk(self, increments: FloatArray) -> FloatArray:
        """Return (n,) or (n, p): increments (e,) or (e, p) summed over each time at risk."""
        zero = np.zeros_like(increments[:1])
        total = np.concatenate([zero, np.cumsum(increments, axis=0)])
        return floats(total[self.last + 1] - total[self.first])


def _places(
    start: FloatArray | None, stop: FloatArray, dead: IntArray, s: IntArray
) -> tuple[IntArray, IntArray, int]:
    """Return each person's first and last event time, and how many event times there are."""
    grid, exit_place = time_grid(stop)
    m = grid.size
    strata = int(s.max(initial=0)) + 1
    is_event = np.bincount(s[dead] * m + exit_place[dead], minlength=strata * m) > 0
    through = np.cumsum(is_event)  # event times up to and including each cell
    last = through[s * m + exit_place] - 1
    entered = np.zeros(s.size, dtype=np.int64)
    if start is not None:
        # Times tie up to rounding; an entry a rounding error off an exit must tie with it too.
        slack = np.maximum(np.abs(start), 1.0) * 1e-9
        entered = np.searchsorted(grid, start + slack, side="right")
    cell = s * m + entered - 1
    first = np.where(cell >= 0, through[np.maximum(cell, 0)], 0)
    return first, last, int(is_event.sum())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CoxRegression:
    """A maximised partial likelihood.

    Attributes
    ----------
    coef : (p,) float
        Log hazard ratios.
    covariance : (p, p) float
        Inverse information.
    robust : (p, p) float or None
        Sandwich over clusters, when asked for.
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _State:
    """The partial likelihood at one coefficient vector, and the sums its derivatives share."""

    loglik: float
    score: FloatArray
    information: FloatArray
    risk: FloatArray  # (n,) weight times exp(linear predictor), up to a common factor
    hazard: FloatArray  # (n,) cumulative increments while at risk, tie-corrected for own death
    sums: "_TieSums"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _TieSums:
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


def _tie_sums(sets: RiskSets, risk: FloatArray, ties: Ties) -> _TieSums:
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
    return _TieSums(
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


def _evaluate(sets: RiskSets, coef: FloatArray, ties: Ties) -> _State:
    x, dead = sets.covariates, sets.dead
    eta = x @ coef
    shift = eta.max()
    risk = sets.weight * np.exp(eta - shift)
    t = _tie_sums(sets, risk, ties)
    dead_weight = sets.weight[dead]
    loglik = float(dead_weight @ (eta[dead] - shift)) - t.log_denominator
    hazard = sets.while_at_risk(t.h0)
    hazard[dead] -= t.h1[sets.last[dead]]
    expected = risk * hazard
    martingale = -expected
    martingale[dead] += dead_weight
    cross = (t.q1[:, None] * t.d1).T @ t.s1
    information = (
        (x * expected[:, None]).T @ x
        - (t.q0[:, None] * t.s1).T @ t.s1
        + cross
        + cross.T
        - (t.q2[:, None] * t.d1).T @ t.d1
    )
    return _State(
        loglik=loglik,
        score=x.T @ martingale,
        information=information,
        risk=risk,
        hazard=hazard,
        sums=t,
    )


def _score_residuals(sets: RiskSets, state: _State) -> FloatArray:
    """Return (n, p) weighted score residuals, exact for the tie method used."""
    x, dead, t = sets.covariates, sets.dead, state.sums
    own = sets.last[dead]
    spread = sets.while_at_risk(t.q0[:, None] * t.s1 - t.q1[:, None] * t.d1)
    spread[dead] -= (t.q1[:, None] * t.s1 - t.q2[:, None] * t.d1)[own]
    residual = state.risk[:, None] * (spread - x * state.hazard[:, None])
    mean = (t.h0[:, None] * t.s1 - t.h1[:, None] * t.d1) / (t.mean_weight * t.steps)[:, None]
    residual[dead] += sets.weight[dead, None] * (x[dead] - mean[own])
    return floats(residual)


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
    Cox (1972); Efron (1977), eq. 4.1; Breslow (1974); Therneau and Grambsch (2000), sections 3.1
    and 3.3 and eq. 3.9; Lin and Wei (1989), eq. 2.5. Checked against Therneau's closed-form tests
    1–3, R coxph and a slow reference.
    """
    p = sets.covariates.shape[1]
    null = state = _evaluate(sets, np.zeros(p), ties)
    coef = np.zeros(p)
    for _ in range(LARGEST_STEPS):
        step = _newton_step(state)
        gain = float(step @ state.score)
        size = 1.0
        new = _evaluate(sets, coef + step, ties)
        while not new.loglik >= state.loglik - 1e-12 * abs(state.loglik) and size > 1e-6:
            size /= 2
            new = _evaluate(sets, coef + size * step, ties)
        coef, state = coef + size * step, new
        if gain <= TOLERANCE * (1 + abs(state.loglik)):
            break
    infinite = np.diag(state.information) < VANISHED * np.diag(null.information)
    covariance = floats(np.linalg.pinv(state.information, hermitian=True))
    return CoxRegression(
        coef=coef,
        covariance=covariance,
        robust=_sandwich(sets, state, covariance) if robust else None,
        score=null.score,
        information_null=null.information,
        loglik_null=null.loglik,
        loglik=state.loglik,
        infinite=infinite,
    )


def _newton_step(state: _State) -> FloatArray:
    """Return the Newton step, bounded so that one step cannot overflow the exponential."""
    step = np.linalg.pinv(state.information, hermitian=True) @ state.score
    return floats(step)


def _sandwich(sets: RiskSets, state: _State, covariance: FloatArray) -> FloatArray:
    residual = _score_residuals(sets, state)
    clusters = np.unique(sets.cluster, return_inverse=True)[1].reshape(-1)
    summed = np.stack([np.bincount(clusters, weights=column) for column in residual.T], axis=1)
    influence = summed @ covariance
    return floats(influence.T @ influence)
