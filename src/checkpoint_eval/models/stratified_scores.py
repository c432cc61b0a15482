"""Score intervals over strata: where zeros leave Mantel and Haenszel's estimate no variance."""

from typing import Literal

import numpy as np
from scipy.optimize import elementwise
from scipy.special import ndtr, ndtri

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval.models.proportions import TwoProportions, score_over_error, score_parts

Common = Literal["difference", "ratio"]
# Of the logarithm of a ratio: beyond these there is nothing.
SPAN = 40.0


def common_score(strata: TwoProportions, measure: Common, null: FloatArray) -> FloatArray:
    """Return (...) scores of null values for (s,) strata: Σ w (p₁ − p₀ − δ), or Σ w (p₁ − φp₀).

    The weights are n₀n₁/n, so that the score is 0 at the estimate of Mantel and Haenszel; each
    stratum has the variance that it has at the null.
    """
    weight = strata.control_n * strata.treatment_n / (strata.control_n + strata.treatment_n)
    top, variance = score_parts(strata, measure, floats(null)[..., None])
    return score_over_error((weight * top).sum(axis=-1), (weight**2 * variance).sum(axis=-1))


def common_score_limits(
    strata: TwoProportions, measure: Common, value: float, *, level: float
) -> tuple[float, float, float]:
    """Return the nulls that the score over strata does not reject, and p of no effect.

    `value` is the estimate of Mantel and Haenszel; it may be 0 or infinite, but not NaN.

    References
    ----------
    Miettinen and Nurminen (1985), Statistics in Medicine 4, 213-226, section on strata, with the
    weights of Mantel and Haenszel; Agresti and Hartzel (2000), Statistics in Medicine 19,
    1115-1139. Checked against a slow reference that maximises each stratum's likelihood.
    """
    z = float(ndtri(0.5 + level / 2))
    if measure == "difference":
        edge = 1 - 1e-12
        low = -1.0 if value <= -edge else _root(strata, measure, z, -edge, value)
        high = 1.0 if value >= edge else _root(strata, measure, -z, value, edge)
        none = 0.0
    else:
        with np.errstate(divide="ignore"):
            log_value = float(np.clip(np.log(value), -SPAN, SPAN))
        low = 0.0 if value == 0 else np.exp(_root(strata, measure, z, -SPAN, log_value))
        high = np.inf if np.isinf(value) else np.exp(_root(strata, measure, -z, log_value, SPAN))
        none = 1.0
    score = float(common_score(strata, measure, floats(none)))
    return float(low), float(high), float(2 * ndtr(-abs(score)))


def _root(
    strata: TwoProportions, measure: Common, target: float, left: float, right: float
) -> float:
    """Solve score(null) = target, or of the logarithm; the score falls as the null rises."""

    def gap(null: FloatArray) -> FloatArray:
        at = np.exp(null) if measure == "ratio" else null
        return np.clip(common_score(strata, measure, at), -1e10, 1e10) - target

    found = elementwise.find_root(gap, (floats(left), floats(right)), tolerances={"xatol": 1e-14})
    return float(found.x)
