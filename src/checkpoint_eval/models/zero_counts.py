"""Counts with many zeros: zero-inflated and hurdle likelihoods, and what they say of two arms."""

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.optimize import minimize, root
from scipy.special import expit

from checkpoint_eval._arrays import BoolArray, FloatArray, floats
from checkpoint_eval.results import NAN

Spread = Literal["poisson", "negative binomial"]
Zeros = Literal["none", "inflated", "hurdle"]
UNREACHED = "no finite maximum of the likelihood was reached"
# A dispersion, or a share of added zeros, below this is on its way to 0.
LEAST = 1e-6
# Log odds of added zeros to climb from, many and few: one climb alone may end at a share of 0.
BEGUN = (-1.0, -4.0)
# At a maximum a Newton step would gain no more than this.
SETTLED = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counts:
    """What is fitted.

    Attributes
    ----------
    value : (n,) float
    log_time : (n,) float
        Logarithm of the time at risk.
    arm : (n,) float
        0 or 1.
    columns : (n, p) float
        Of the mean: the arm first, and a constant among the others.
    """

    value: FloatArray
    log_time: FloatArray
    arm: FloatArray
    columns: FloatArray

    @property
    def zero_columns(self) -> FloatArray:
        """(n, 2): a constant and the arm, of which the zeros depend."""
        return np.column_stack([np.ones(self.arm.size), self.arm])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """Ratio of overall means, and how likely the counts are under the model.

    Attributes
    ----------
    log_ratio, std_error : float
        Of the logarithm of the ratio of means; NaN without one, for `reason`.
    log_likelihood : float
    parameters : int
    told : str
        Estimates of what is beside the means.
    """

    log_ratio: float = NAN
    std_error: float = NAN
    log_likelihood: float = NAN
    parameters: int = 0
    told: str = ""
    reason: str = ""

    @property
    def aic(self) -> float:
        """Akaike's criterion: twice the parameters less twice the log-likelihood."""
        return 2 * self.parameters - 2 * self.log_likelihood


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Maximum:
    """Where a likelihood is highest; or why there is no such place.

    Attributes
    ----------
    at : (p,) float
    covariance : (p, p) float
        Inverse of the observed information.
    """

    at: FloatArray
    covariance: FloatArray
    log_likelihood: float = NAN
    reason: str = ""


NOWHERE = np.full(0, np.nan)


def maximum(model: Any, start: FloatArray, *, dispersed: bool) -> Maximum:
    """Return where the likelihood of a statsmodels model is highest.

    Climbed in the logarithm of the dispersion, the last parameter where there is one, which
    statsmodels lets step below 0; scipy takes the last digits.
    """
    size = start.size

    def plain(logged: FloatArray) -> FloatArray:
        return np.append(logged[:-1], np.exp(logged[-1])) if dispersed else logged

    def slope(logged: FloatArray) -> FloatArray:
        at = plain(logged)
        chain = np.append(np.ones(size - 1), at[-1]) if dispersed else np.ones(size)
        return floats(model.score(at) * chain / model.endog.size)

    def height(logged: FloatArray) -> float:
        value = float(model.loglike(plain(logged)))
        return -value / model.endog.size if np.isfinite(value) else np.inf

    begun = np.append(start[:-1], np.log(start[-1])) if dispersed else start
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            climbed = minimize(
                height, begun, jac=lambda z: -slope(z), method="BFGS", options={"gtol": 1e-7}
            )
            settled = root(slope, climbed.x, tol=1e-12).x
            better = np.isfinite(settled).all() and height(settled) <= height(climbed.x) + SETTLED
            return _checked(model, plain(settled if better else climbed.x))
        except (ValueError, FloatingPointError, np.linalg.LinAlgError):
            return Maximum(at=NOWHERE, covariance=NOWHERE, reason=UNREACHED)


def _checked(model: Any, at: FloatArray) -> Maximum:
    """Return the place if the likelihood curves down there and a Newton step gains nothing.

    The curvature is taken from the slope: statsmodels 0.15 has it wrong for the zero-inflated
    Poisson model, between the zeros and the counts.
    """
    from statsmodels.tools.numdiff import approx_fprime

    slope = floats(model.score(at))
    curvature = floats(approx_fprime(at, model.score, centered=True))
    curvature = (curvature + curvature.T) / 2
    known = np.isfinite(curvature).all() and np.isfinite(slope).all()
    covariance = NOWHERE
    if known and np.linalg.eigvalsh(curvature)[-1] < 0:
        covariance = -np.linalg.inv(curvature)
    settled = covariance.size > 0 and float(slope @ covariance @ slope) < SETTLED
    return Maximum(
        at=at,
        covariance=covariance,
        log_likelihood=float(model.loglike(at)),
        reason="" if settled else UNREACHED,
    )


def inflated_fit(counts: Counts, spread: Spread, start: FloatArray) -> Fit:
    """Fit zeros added, by logistic regression on the arm, to counts of either kind.

    Parameters
    ----------
    start : (p,) or (p + 1,) float
        Coefficients of the means, and the dispersion, without added zeros.
    """
    from statsmodels.discrete.count_model import (
        ZeroInflatedNegativeBinomialP,
        ZeroInflatedPoisson,
    )

    kind = ZeroInflatedPoisson if spread == "poisson" else ZeroInflatedNegativeBinomialP
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = kind(
            counts.value, counts.columns, exog_infl=counts.zero_columns, offset=counts.log_time
        )
    dispersed = spread == "negative binomial"
    climbed = [
        maximum(model, np.concatenate([[z, 0.0], start]), dispersed=dispersed) for z in BEGUN
    ]
    found = max(climbed, key=_height)
    told, reason = "", found.reason
    if found.at.size:
        added = expit([found.at[0], found.at[0] + found.at[1]])
        told = f"zeros added: {added[0]:.3g} of control, {added[1]:.3g} of treatment"
        reason = _at_the_edge(added, found.at[-1] if dispersed else NAN) or reason
        told += f", dispersion {found.at[-1]:.3g}" if dispersed else ""
    if reason:
        return Fit(reason=reason)
    # Mean: (1 − share added) times that of the counts; covariates cancel in the ratio.
    z0, z1, b = found.at[:3]
    value = b + np.logaddexp(0, z0) - np.logaddexp(0, z0 + z1)
    slope = np.zeros(found.at.size)
    slope[:3] = added[0] - added[1], -added[1], 1.0
    return Fit(
        log_ratio=float(value),
        std_error=float(np.sqrt(slope @ found.covariance @ slope)),
        log_likelihood=found.log_likelihood,
        parameters=found.at.size,
        told=told,
    )


def _height(found: Maximum) -> tuple[float, bool]:
    """Return what of two climbs is better: the higher, and of equals the one that settled."""
    reached = found.log_likelihood
    return round(reached, 8) if np.isfinite(reached) else -np.inf, not found.reason


def _at_the_edge(added: FloatArray, dispersion: float) -> str:
    """Return which part of the model is not needed, where the likelihood is highest without it."""
    if added.min() < LEAST:
        return "an arm has no more zeros than its counts foretell, so none to add"
    if dispersion < LEAST:
        return "beside the zeros added, counts vary no more than Poisson's"
    return ""


def plain_fit(counts: Counts, spread: Spread, start: FloatArray) -> Maximum:
    """Return the maximum without a part for the zeros; Poisson's where there is no dispersion."""
    from statsmodels.discrete.discrete_model import NegativeBinomialP, Poisson

    # statsmodels' NegativeBinomial takes the dispersion's logarithm until it was fitted once.
    kind = Poisson if spread == "poisson" else NegativeBinomialP
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = kind(counts.value, counts.columns, offset=counts.log_time)
    return maximum(model, start, dispersed=spread == "negative binomial")


def hurdle_fit(counts: Counts, spread: Spread, start: FloatArray) -> Fit:
    """Fit who has any events, and how many those have who have some; start as `inflated_fit`.

    The chance of any is 1 − exp(−time · rate), with a rate by arm: what Poisson's would be.
    """
    from statsmodels.discrete.truncated_model import (
        TruncatedLFNegativeBinomialP,
        TruncatedLFPoisson,
    )

    dispersed = spread == "negative binomial"
    some = counts.value > 0
    most = [counts.value[some & (counts.arm == code)].max(initial=0) for code in (0, 1)]
    if min(most) < 2:
        return Fit(reason="nobody in an arm has more than one event")
    chance = _any_fit(counts, some)
    if chance.reason:
        return Fit(reason=chance.reason)
    kind = TruncatedLFNegativeBinomialP if dispersed else TruncatedLFPoisson
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = kind(counts.value[some], counts.columns[some], offset=counts.log_time[some])
    number = maximum(model, start, dispersed=dispersed)
    if number.at.size and dispersed and number.at[-1] < LEAST:
        return Fit(reason="above 0, counts vary no more than Poisson's")
    if number.reason:
        return Fit(reason=number.reason)
    value, std_error = _hurdle_ratio(counts, chance, number, dispersed=dispersed)
    return Fit(
        log_ratio=value,
        std_error=std_error,
        log_likelihood=chance.log_likelihood + number.log_likelihood,
        parameters=chance.at.size + number.at.size,
        told=f"dispersion {number.at[-1]:.3g} above 0" if dispersed else "",
    )


def _any_fit(counts: Counts, some: BoolArray) -> Maximum:
    """Fit who has any events: a complementary log-log regression with log time as offset."""
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM

    for code in (0, 1):
        if some[counts.arm == code].all():
            return Maximum(
                at=NOWHERE, covariance=NOWHERE, reason="everyone in an arm has events, so no zeros"
            )
    family = families.Binomial(link=families.links.CLogLog())
    model = GLM(floats(some), counts.zero_columns, family=family, offset=counts.log_time)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            fit = model.fit(tol_criterion="params", atol=1e-10, rtol=1e-10, maxiter=200)
            return _checked(_Observed(model=model), floats(fit.params))
        except (ValueError, np.linalg.LinAlgError):
            return Maximum(at=NOWHERE, covariance=NOWHERE, reason=UNREACHED)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Observed:
    """A generalised linear model asked as the discrete models are."""

    model: Any

    def score(self, at: FloatArray) -> FloatArray:
        return floats(self.model.score(at, scale=1.0))

    def loglike(self, at: FloatArray) -> float:
        return float(self.model.loglike(at, scale=1.0))


def _hurdle_ratio(
    counts: Counts, chance: Maximum, number: Maximum, *, dispersed: bool
) -> tuple[float, float]:
    """Return the log of the ratio of means over everyone's times, and its error (delta method)."""
    from statsmodels.tools.numdiff import approx_fprime

    time, own = np.exp(counts.log_time), counts.columns.copy()
    split = chance.at.size

    def log_ratio(at: FloatArray) -> float:
        means = []
        for code in (0, 1):
            own[:, 0] = code
            coef = at[split:-1] if dispersed else at[split:]
            mean = time * np.exp(own @ coef)
            any_events = -np.expm1(-time * np.exp(at[0] + code * at[1]))
            none = np.log1p(at[-1] * mean) / at[-1] if dispersed else mean
            means.append((any_events * mean / -np.expm1(-none)).mean())
        return float(np.log(means[1] / means[0]))

    at = np.concatenate([chance.at, number.at])
    slope = floats(approx_fprime(at, log_ratio, centered=True))
    variance = slope[:split] @ chance.covariance @ slope[:split]
    variance += slope[split:] @ number.covariance @ slope[split:]
    return log_ratio(at), float(np.sqrt(variance))
