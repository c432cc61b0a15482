"""How much navigators differ: the intraclass correlation, its interval, and what they cost."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import fdtri

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval.models.nested_likelihood import Fit, Layers, quadratic_of_navigators
from checkpoint_eval.results import NAN

# A share of 1 would leave people of one navigator alike.
NEARLY_ALL = 1 - 1e-12


def share_between(layers: Layers, *, level: float) -> tuple[float, float]:
    """Return the limits of the intraclass correlation under treatment.

    The correlations at which Harville and Fenech's F lies between its quantiles: Wald's (1940)
    exact interval where there are no covariates, Searle's where navigators have as many people.
    """

    def found(icc: float) -> tuple[float, int, int]:
        return quadratic_of_navigators(layers, icc / (1 - icc))

    seen, between, within = found(0.0)
    if np.isnan(seen):
        return NAN, NAN
    limits = []
    for tail in ((1 + level) / 2, (1 - level) / 2):
        quantile = float(fdtri(between, within, tail))
        if seen <= quantile:
            limits.append(0.0)
        else:
            # F falls to 0 as the share rises to 1.
            limits.append(
                float(brentq(lambda icc, at=quantile: found(icc)[0] - at, 0.0, NEARLY_ALL))
            )
    return limits[0], limits[1]


def design_effect(layers: Layers, spread: FloatArray) -> float:
    """Return the variance of the treated mean over that of as many people without navigators.

    Of the mean weighted best; 1 + (m - 1) ICC where each navigator has m people.
    """
    size = layers.caseload
    variance = 1 / (size / (spread[1] + size * spread[2])).sum()
    return float(variance * size.sum() / (spread[1] + spread[2]))


def predicted(layers: Layers, fit: Fit) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (j,) raw, shrunken effects of navigators and their errors of prediction.

    Henderson's: errors know that coefficients are estimated, not that variances are.
    """
    size, between = layers.caseload, fit.spread[2]
    total = fit.spread[1] + size * between
    rows, values = layers.mean[:, :-1], layers.mean[:, -1]
    raw = (values - rows @ fit.coef) / np.sqrt(size)
    of_coef = size * np.einsum("jp,pq,jq->j", rows, fit.variance, rows) / total**2
    squared = between - between**2 * (size / total - of_coef)
    return raw, between * size / total * raw, np.sqrt(np.maximum(squared, 0.0))
