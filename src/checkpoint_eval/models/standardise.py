"""Standardised risks: what the risk would be had everyone been in each arm (g-computation)."""

import warnings
from dataclasses import dataclass

import numpy as np

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats

# A fitted risk this close to 0 or 1 tells of a coefficient on its way to infinity.
SEPARATED = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StandardisedRisks:
    """Risk had everyone been in control, and in treatment; with their covariance.

    Attributes
    ----------
    risk : (2,) float
    covariance : (2, 2) float
        Unconditional: over people as well as over outcomes.
    reason : str
        Why there are none, when `risk` is NaN.
    """

    risk: FloatArray
    covariance: FloatArray
    reason: str = ""


def standardised_risks(
    event: BoolArray, arm: IntArray, covariates: FloatArray, *, interactions: bool = False
) -> StandardisedRisks:
    """Return risks standardised over everyone by a logistic regression on arm and covariates.

    Parameters
    ----------
    event : (n,) bool
    arm : (n,) int
        0 control, 1 treatment.
    covariates : (n, p) float
        Without the arm and without a constant.
    interactions : bool
        Whether each arm has coefficients of its own: a model in each arm.

    Notes
    -----
    The logistic model needs not be true: randomisation alone makes the estimate consistent and
    the variance valid, as the canonical link makes predictions unbiased within arms. That holds
    of one model with the arm in it, and of one in each arm.

    References
    ----------
    Freedman (2008); Ye, Bannick, Yi and Shao (2023), Statistical Theory and Related Fields
    (variance, with n − 1 in sample moments; written out in docs/methods.md). Checked against R
    beeca and RobinCar2 values for Rossi. Engine: statsmodels GLM.
    """
    centred = covariates - covariates.mean(axis=0)
    shared = np.column_stack([np.ones(event.size), centred / centred.std(axis=0)])
    members = [arm == code for code in (0, 1)]
    if not interactions:
        coef = logistic_coefficients(event, np.column_stack([shared, arm]))
        linear = [] if coef is None else [shared @ coef[:-1], shared @ coef[:-1] + coef[-1]]
    elif any(np.linalg.matrix_rank(shared[own]) < shared.shape[1] for own in members):
        return _unknown("a covariate is constant, or a combination of others, within an arm")
    else:
        fits = [logistic_coefficients(event[own], shared[own]) for own in members]
        linear = [shared @ coef for coef in fits if coef is not None]
    if len(linear) < 2:
        return _unknown(
            "the logistic regression separates events from others, so it has no maximum"
        )
    predicted = 1 / (1 + np.exp(-np.column_stack(linear)))
    return StandardisedRisks(
        risk=predicted.mean(axis=0), covariance=_covariance(event, arm, predicted)
    )


def _unknown(reason: str) -> StandardisedRisks:
    return StandardisedRisks(
        risk=np.full(2, np.nan), covariance=np.full((2, 2), np.nan), reason=reason
    )


def logistic_coefficients(event: BoolArray, design: FloatArray) -> FloatArray | None:
    """Return logistic coefficients, or None when the likelihood has no maximum."""
    # Imported here as it takes longer than everything else this library imports.
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import PerfectSeparationError, PerfectSeparationWarning

    # On the way to no maximum odds overflow, and with as many people as columns nothing is left.
    with warnings.catch_warnings(), np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        warnings.simplefilter("error", PerfectSeparationWarning)
        try:
            # The deviance is quadratic at its minimum: a change of 1e-10 leaves the coefficients
            # right to about 1e-10, and asking for less can never be met by a sum of many terms.
            fit = GLM(floats(event), design, family=families.Binomial()).fit(
                atol=1e-10, rtol=1e-13, maxiter=100
            )
        except (PerfectSeparationWarning, PerfectSeparationError, np.linalg.LinAlgError):
            return None
    fitted = floats(fit.fittedvalues)
    if not (fit.converged and fitted.min() > SEPARATED and fitted.max() < 1 - SEPARATED):
        return None
    return floats(fit.params)


def _covariance(event: BoolArray, arm: IntArray, predicted: FloatArray) -> FloatArray:
    """Return the covariance of the two standardised risks (Ye et al. 2023)."""
    n = event.size
    y = event.astype(np.float64)
    everyone = np.cov(predicted, rowvar=False)
    within = [np.cov(np.column_stack([y, predicted])[arm == code], rowvar=False) for code in (0, 1)]
    v = np.empty((2, 2))
    for code, moments in enumerate(within):
        share = (arm == code).mean()
        own = 1 + code
        # The variance of predictions is taken over everyone: randomisation makes it alike by arm.
        residual = moments[0, 0] - 2 * moments[0, own] + everyone[code, code]
        v[code, code] = residual / share + 2 * moments[0, own] - everyone[code, code]
    v[0, 1] = v[1, 0] = within[0][0, 2] + within[1][0, 1] - everyone[0, 1]
    return v / n
