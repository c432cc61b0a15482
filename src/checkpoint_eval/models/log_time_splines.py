"""Natural cubic splines of log time, as Royston and Parmar write them."""

from dataclasses import dataclass

import numpy as np

from checkpoint_eval._arrays import BoolArray, FloatArray, floats

GRID = 101  # points from each knot to the next where a fitted hazard must be above 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spline:
    """Columns of a natural cubic spline at n log times.

    Attributes
    ----------
    knots : (m + 2,) float
        Log times, in order: the first event, m internal knots, the last event.
    columns : (n, m + 1) float
        Log time itself, then one column an internal knot; the constant is elsewhere.
    slopes : (n, m + 1) float
        Their derivatives.
    """

    knots: FloatArray
    columns: FloatArray
    slopes: FloatArray


def spline_at(log_time: FloatArray, knots: FloatArray) -> Spline:
    """Return the columns at some log times; beyond the outer knots they are straight lines.

    References
    ----------
    Royston and Parmar (2002), section 2.3: v_j(x) = (x − k_j)₊³ − λ_j (x − k_min)₊³
    − (1 − λ_j)(x − k_max)₊³, λ_j = (k_max − k_j) / (k_max − k_min).
    """
    inner, low, high = knots[1:-1], knots[0], knots[-1]
    share = (high - inner) / (high - low) if inner.size else inner
    beyond = np.maximum(log_time[:, None] - knots, 0)
    cubes, squares = (
        each[:, 1:-1] - share * each[:, :1] - (1 - share) * each[:, -1:]
        for each in (beyond**3, 3 * beyond**2)
    )
    return Spline(
        knots=knots,
        columns=floats(np.hstack([log_time[:, None], cubes])),
        slopes=floats(np.hstack([np.ones((log_time.size, 1)), squares])),
    )


def knots_of(time: FloatArray, event: BoolArray, internal: int) -> FloatArray:
    """Return the extreme log event times and, between them, equally spaced quantiles of all.

    NaN where events come at too few different times for as many knots.
    """
    log_time = np.log(time[event])
    none = np.full(internal + 2, np.nan)
    if np.unique(log_time).size < none.size:
        return none
    knots = floats(np.quantile(log_time, np.linspace(0, 1, none.size)))
    return knots if (np.diff(knots) > 0).all() else none


def falls(coef: FloatArray, knots: FloatArray) -> bool:
    """Return whether a spline goes down anywhere; beyond the outer knots its slope is constant."""
    between = floats(np.linspace(knots[:-1], knots[1:], GRID).ravel())
    return not bool((spline_at(between, knots).slopes @ coef > 0).all())
