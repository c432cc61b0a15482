"""Grades and the odds of being above each: proportional odds, and odds ratios grade by grade."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.special import chdtrc, expit, logit

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval.results import NAN

SEPARATED = "a column tells the grades apart, so there is no finite maximum of the likelihood"
UNREACHED = "no maximum of the likelihood was reached"
# At a maximum a Newton step would gain no more than this.
SETTLED = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Graded:
    """What is fitted: who reached which grade.

    Attributes
    ----------
    grade : (n,) int
        Codes of the grades that somebody has, the least severe 0.
    columns : (n, p) float
        Of the regression, the arm first, without a constant.
    """

    grade: IntArray
    columns: FloatArray

    @property
    def thresholds(self) -> int:
        """How many grades can be exceeded."""
        return int(self.grade.max())


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdinalFit:
    """The arm's log odds ratio and its standard error, or why there is none."""

    log_ratio: float = NAN
    std_error: float = NAN
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brant:
    """The arm's odds ratio of exceeding each grade but the last, and Wald's test that all agree."""

    ratios: tuple[float, ...] = ()
    statistic: float = NAN
    df: int = 0
    p_value: float = NAN
    reason: str = ""


class _Logistic:
    """The logistic distribution as the engine asks for it: scipy.stats takes ten times as long."""

    cdf, ppf = staticmethod(expit), staticmethod(logit)

    @staticmethod
    def pdf(at: FloatArray) -> FloatArray:
        return floats(expit(at) * expit(-at))


def proportional_odds(data: Graded) -> OrdinalFit:
    """Fit one odds ratio for all thresholds by maximum likelihood."""
    # Imported here as it takes longer than everything else this library imports.
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    if ordered_separation(data):
        return OrdinalFit(reason=SEPARATED)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        model = OrderedModel(data.grade, data.columns, distr="logit")
        model.distr = _Logistic
        try:
            near = model.fit(method="bfgs", disp=0, maxiter=500, gtol=1e-8, skip_hessian=True)
            found = model.fit(near.params, method="newton", disp=0, maxiter=20, tol=1e-12)
            settled = _settled(model, found.params)
        except (ValueError, np.linalg.LinAlgError):
            settled = False
    if not settled:
        return OrdinalFit(reason=UNREACHED)
    cut = floats(model.transform_threshold_params(found.params))
    information = _information(data, floats(found.params)[: data.columns.shape[1]], cut)
    std_error = float(np.sqrt(np.linalg.inv(information)[0, 0]))
    return OrdinalFit(log_ratio=float(found.params[0]), std_error=std_error)


def _information(data: Graded, coef: FloatArray, cut: FloatArray) -> FloatArray:
    """Return the observed information of the coefficients and the thresholds.

    `cut` holds the thresholds between −∞ and ∞. The engine's, by differences, has five digits.
    """
    edge, density = np.zeros((1, data.thresholds)), _Logistic.pdf
    steps = np.vstack([edge, np.eye(data.thresholds), edge])
    above, below = (
        np.hstack([-data.columns, steps[place]]) for place in (data.grade + 1, data.grade)
    )
    high, low = (cut[place] - data.columns @ coef for place in (data.grade + 1, data.grade))
    chance = expit(high) - expit(low)
    slope = (density(high)[:, None] * above - density(low)[:, None] * below) / chance[:, None]

    def bend(at: FloatArray, rows: FloatArray) -> FloatArray:
        return floats((rows.T * (density(at) * (expit(-at) - expit(at)) / chance)) @ rows)

    return floats(slope.T @ slope - bend(high, above) + bend(low, below))


def _settled(model: Any, at: FloatArray) -> bool:
    """Return whether the likelihood curves down everywhere and a Newton step gains nothing."""
    curvature, slope = floats(model.hessian(at)), floats(model.score(at))
    if not (np.isfinite(curvature).all() and np.linalg.eigvalsh(curvature)[-1] < 0):
        return False
    return bool(-slope @ np.linalg.solve(curvature, slope) < SETTLED)


def brant(data: Graded) -> Brant:
    """Fit a logistic regression for each threshold, and compare the arm's coefficients.

    Their covariance is Brant's: the regressions are of the same people.
    """
    from statsmodels.discrete.discrete_model import Logit

    if data.thresholds < 2:
        return Brant(reason="there are only two grades, so one odds ratio")
    columns = np.hstack([np.ones((data.grade.size, 1)), data.columns])
    above = data.grade[:, None] > np.arange(data.thresholds)
    coef = []
    for each in above.T:
        if ordered_separation(Graded(grade=each.astype(np.int64), columns=data.columns)):
            return Brant(reason=f"at one threshold {SEPARATED}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            coef.append(Logit(floats(each), columns).fit(disp=0, maxiter=100, tol=1e-12).params)
    of_arm = floats(coef)[:, 1]
    joint = _joint_covariance(columns, expit(columns @ floats(coef).T))
    contrast = np.eye(data.thresholds)[1:] - np.eye(data.thresholds)[0]
    gap = contrast @ of_arm
    df = data.thresholds - 1
    ratios = tuple(np.exp(of_arm).tolist())
    spread = contrast @ joint @ contrast.T
    if np.linalg.eigvalsh(spread)[0] <= 1e-10 * np.trace(spread):
        return Brant(ratios=ratios, reason="the odds ratios do not vary freely of each other")
    statistic = float(gap @ np.linalg.solve(spread, gap))
    return Brant(ratios=ratios, statistic=statistic, df=df, p_value=float(chdtrc(df, statistic)))


def _joint_covariance(columns: FloatArray, above: FloatArray) -> FloatArray:
    """Return (t, t) covariances of the arm's coefficients from (n, t) chances of being above."""
    # Whoever is above the later threshold is above the earlier: E(zz') - E(z)E(z').
    place = np.arange(above.shape[1])
    later = above[:, np.maximum.outer(place, place)]
    weight = later - above[:, :, None] * above[:, None]
    inside = np.einsum("np,nst,nq->stpq", columns, weight, columns, optimize=True)
    rows = np.linalg.inv(inside[place, place])[:, 1]
    return floats(np.einsum("sp,stpq,tq->st", rows, inside, rows))


def ordered_separation(data: Graded) -> bool:
    """Return whether the likelihood of ordered grades has no maximum at finite coefficients.

    Then a direction raises, or leaves as it is, every threshold above a person and lowers, or
    leaves, every one below, some of them for good (Albert and Anderson 1984, for two grades).
    """
    people = np.unique(np.column_stack([data.grade, data.columns]), axis=0)
    grade, columns = people[:, 0].astype(np.int64), people[:, 1:]
    steps = np.eye(data.thresholds)
    below_top, above_bottom = grade < data.thresholds, grade > 0
    room = np.vstack(
        [
            np.hstack([-columns[below_top], steps[grade[below_top]]]),
            np.hstack([columns[above_bottom], -steps[grade[above_bottom] - 1]]),
        ]
    )
    lowest = linprog(-room.sum(axis=0), A_ub=-room, b_ub=np.zeros(len(room)), bounds=(-1, 1))
    return bool(lowest.fun < -1e-6)
