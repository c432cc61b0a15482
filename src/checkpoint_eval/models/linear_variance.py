"""How sure a linear regression is of one coefficient when variances differ, or people cluster."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.linalg import solve_triangular

from checkpoint_eval._arrays import FloatArray, IntArray
from checkpoint_eval.results import NAN

Variance = Literal["HC0", "HC1", "HC2", "HC3", "CR2"]
# The power of 1 − leverage that a squared residual is divided by.
LEVERAGE_POWER = {"HC0": 0, "HC1": 0, "HC2": 1, "HC3": 2}
# Less than this share of a residual left by the fit, or of a coefficient's weight, is rounding.
FIXED, WEIGHTLESS = 1e-10, 1e-8
# Residuals, and standard errors beside them, that are rounding.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Regression:
    """A least-squares fit and how sure it is of one of its coefficients.

    Attributes
    ----------
    coef : (p,) float
    std_error, df : float
        Of the coefficient asked about; NaN when there is none.
    alone : int
        People, or clusters under CR2, fitted exactly whom that coefficient does not depend on.
    reason : str
        Why there is no standard error.
    """

    coef: FloatArray
    std_error: float = NAN
    df: float = NAN
    alone: int = 0
    reason: str = ""


def least_squares(
    columns: FloatArray,
    value: FloatArray,
    *,
    place: int,
    variance: Variance,
    cluster: IntArray | None = None,
) -> Regression:
    """Regress (n,) values on (n, p) independent columns, one of them constant.

    Parameters
    ----------
    place : int
        The column whose coefficient is asked about.
    variance : {"HC0", "HC1", "HC2", "HC3", "CR2"}
        On n − p degrees of freedom; CR2 on those of Bell and McCaffrey.
    cluster : (n,) int, optional
        Codes, needed by CR2.

    References
    ----------
    MacKinnon and White (1985) for HC1 to HC3; Bell and McCaffrey (2002) and Pustejovsky and
    Tipton (2018) for CR2 with a working model of equal variances; written out in docs/methods.md.
    Checked against R estimatr and a slow reference.
    """
    n, p = columns.shape
    q, r = np.linalg.qr(columns)
    coef = solve_triangular(r, q.T @ value)
    residual = value - q @ (q.T @ value)
    size = float(np.linalg.norm(residual))
    if not n > p:
        return Regression(coef=coef, reason="no degrees of freedom are left")
    # Beside the values themselves as well: a constant differs from its mean by rounding.
    if not size > ROUNDING * (np.linalg.norm(value - value.mean()) + np.linalg.norm(value) / 100):
        return Regression(coef=coef, reason="no variation is left within arms")
    # The coefficient is q @ along, summed with the values.
    along = solve_triangular(r.T, np.eye(p)[place], lower=True)
    scores = (
        _person_scores(q, residual, along, LEVERAGE_POWER[variance])
        if cluster is None
        else _cluster_scores(q, residual, along, cluster)
    )
    if scores.reason:
        return Regression(coef=coef, reason=scores.reason)
    factor = n / (n - p) if variance == "HC1" else 1.0
    std_error = float(np.sqrt(factor * (scores.score**2).sum()))
    if not std_error > ROUNDING * size * np.linalg.norm(along):
        return Regression(coef=coef, reason="deviations cancel, and leave no variance")
    df = float(n - p) if cluster is None else scores.df
    return Regression(coef=coef, std_error=std_error, df=df, alone=scores.alone)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scores:
    """What each person or cluster moves the coefficient by, their spread mended for the fit."""

    score: FloatArray
    alone: int = 0
    df: float = NAN
    reason: str = ""


def _person_scores(q: FloatArray, residual: FloatArray, along: FloatArray, power: float) -> _Scores:
    left, weight = 1 - (q**2).sum(axis=1), q @ along
    fixed = left < FIXED
    if (np.abs(weight[fixed]) > WEIGHTLESS * np.linalg.norm(along)).any():
        # The residual is 0 however far off the person is: no estimator sees that variance.
        return _Scores(
            score=weight,
            reason="the fit goes through one person (leverage 1), alone in an arm or in an arm of "
            "a stratum or category",
        )
    score = weight * np.where(fixed, 0.0, residual) / np.where(fixed, 1.0, left) ** (power / 2)
    return _Scores(score=score, alone=int(fixed.sum()))


def _cluster_scores(
    q: FloatArray, residual: FloatArray, along: FloatArray, cluster: IntArray
) -> _Scores:
    """Return CR2's scores: with W = q'q of a cluster, along'(1 − W)^(−1/2) q'e.

    That is the adjustment by the inverse root of 1 − qq', n by n, written p by p.
    """
    order = np.argsort(cluster, kind="stable")
    starts = np.flatnonzero(np.diff(cluster[order], prepend=-1))
    pieces = np.split(q[order], starts[1:])
    share, axes = np.linalg.eigh(np.stack([piece.T @ piece for piece in pieces]))
    weight = along @ axes
    fixed = 1 - share < FIXED
    if (np.abs(weight[fixed]) > WEIGHTLESS * np.linalg.norm(along)).any():
        return _Scores(score=weight, reason="one cluster alone decides a part of the fit")
    root = np.where(fixed, 0.0, weight / np.sqrt(np.where(fixed, 1.0, 1 - share)))
    adjusted, spread = ((axes @ each[..., None])[..., 0] for each in (root, share * root))
    moved = np.add.reduceat((q * residual[:, None])[order], starts, axis=0)
    return _Scores(
        score=(adjusted * moved).sum(axis=1),
        alone=int(fixed.any(axis=1).sum()),
        df=_bell_mccaffrey(adjusted, spread),
    )


def _bell_mccaffrey(adjusted: FloatArray, spread: FloatArray) -> float:
    """Return tr(P)²/tr(P²), P = diag(a'v) − VV': the covariance of the scores were people alike."""
    own, lost = (adjusted * spread).sum(axis=1), (spread**2).sum(axis=1)
    inner = spread.T @ spread
    square = (own**2).sum() - 2 * (own * lost).sum() + (inner**2).sum()
    return float((own - lost).sum() ** 2 / square) if square > 0 else NAN
