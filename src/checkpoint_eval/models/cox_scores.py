"""The interval of the score test, for hazard ratios that run to 0 or infinity."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval.models.partial_likelihood import (
    Ties,
    cox_regression,
    evaluate_at,
    inverse_of,
    summed_by_cluster,
)
from checkpoint_eval.models.risk_sets import RiskSets

WIDEST = 20.0  # log hazard ratios beyond this are infinite


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreInterval:
    """Limits of a hazard ratio, one of them 0 or infinite, and the p-value of 1."""

    low: float
    high: float
    p_value: float


def score_z(sets: RiskSets, log_ratio: float, *, ties: Ties, robust: bool = False) -> float:
    """Return the score test's z of the first covariate's log hazard ratio, others at their best.

    `robust` puts the sum of squared efficient scores over clusters in the information's place.

    References
    ----------
    Cox (1972); Rao's test with nuisance parameters: U/√(I₁₁ − I₁₂I₂₂⁻¹I₂₁). At 0 without other
    covariates and without ties it is the log-rank test.
    """
    coef = np.zeros(sets.covariates.shape[1])
    coef[0] = log_ratio
    if coef.size > 1:
        others = replace(
            sets,
            covariates=np.asfortranarray(sets.covariates[:, 1:]),
            centre=sets.centre[:, 1:],
            offset=floats(sets.offset + log_ratio * sets.covariates[:, 0]),
        )
        fitted = cox_regression(others, ties=ties)
        if fitted.infinite.any():
            return float("nan")
        coef[1:] = fitted.coef
    state = evaluate_at(sets, coef, ties)
    weight = _efficient(state.information)
    score = float(weight @ state.score)
    if robust:
        left = float(((summed_by_cluster(sets, state) @ weight) ** 2).sum())
    else:
        left = float(weight @ state.information @ weight)
    return score / np.sqrt(left) if left > 0 else float("nan")


def _efficient(information: FloatArray) -> FloatArray:
    """Return (p,) weights that make the first score one that the others do not foretell."""
    weight = np.zeros(information.shape[0])
    weight[0] = 1.0
    if weight.size > 1:
        weight[1:] = -inverse_of(information[1:, 1:]) @ information[1:, 0]
    return weight


def score_limits(
    sets: RiskSets, *, ties: Ties, level: float, robust: bool = False
) -> ScoreInterval | None:
    """Return where the score test stops rejecting, for a ratio with no finite maximum.

    None when the score has no limit either, as with no information about the arms.
    """
    at_one = score_z(sets, 0.0, ties=ties, robust=robust)
    if not abs(at_one) > 0:
        return None
    down = at_one < 0  # the ratio runs to 0, and the test rejects large ones
    target = float(ndtri(0.5 + level / 2)) * (-1 if down else 1)

    def beyond(log_ratio: float) -> float:
        return score_z(sets, log_ratio, ties=ties, robust=robust) - target

    # The score is flat where the ratio runs to and steep the other way: step out until it rejects.
    inner, outer = (-WIDEST, 0.0) if down else (WIDEST, 0.0)
    step = 1.0 if down else -1.0
    while (beyond(outer) > 0) == down and abs(outer) < WIDEST:
        outer += step
    if not beyond(inner) * beyond(outer) < 0:
        limit = np.inf if down else 0.0
    else:
        limit = float(np.exp(brentq(beyond, inner, outer, xtol=1e-12)))
    return ScoreInterval(
        low=0.0 if down else limit,
        high=limit if down else float("inf"),
        p_value=float(2 * ndtr(-abs(at_one))),
    )
