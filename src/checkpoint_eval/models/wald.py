"""Wald intervals: one arm against another when each has a number and a variance."""

from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval.models.compared import Compared, not_estimable
from checkpoint_eval.results import NAN, Estimate


def wald(value: float, std_error: float, *, level: float) -> tuple[float, float, float]:
    """Return low, high and two-sided p; the standard error is above 0."""
    half = float(ndtri(0.5 + level / 2)) * std_error
    return value - half, value + half, float(2 * ndtr(-abs(value) / std_error))


def wald_estimate(  # noqa: PLR0913 - the fields of an Estimate that the people do not tell
    people: Compared,
    *,
    estimand: str,
    measure: Literal["difference", "ratio"],
    value: float,
    std_error: float,
    level: float,
    method: str,
    reason: str,
    by_arm: tuple[float, float] = (NAN, NAN),
    time_point: float = NAN,
    adjusted_for: tuple[str, ...] = (),
) -> Estimate:
    """Return an estimate and its interval, or why there is none.

    `value` and `std_error` are of the difference, or of the logarithm of the ratio.
    """
    if not (np.isfinite(value) and 0 < std_error < np.inf):
        return not_estimable(
            people,
            estimand=estimand,
            scale=measure,
            level=level,
            method=method,
            reason=reason,
            time_point=time_point,
            adjusted_for=adjusted_for,
        )
    low, high, p_value = wald(value, std_error, level=level)
    if measure == "ratio":
        with np.errstate(over="ignore"):  # a limit may be beyond all numbers
            value, low, high = np.exp([value, low, high]).tolist()
    return Estimate(
        estimand=estimand,
        scale=measure,
        value=value,
        low=low,
        high=high,
        level=level,
        p_value=p_value,
        std_error=std_error,
        by_arm=by_arm,
        method=method,
        time_point=time_point,
        adjusted_for=adjusted_for,
        **people.labels(time_point if time_point == time_point else np.inf),
    )


def wald_contrast(
    people: Compared,
    *,
    estimand: str,
    measure: Literal["difference", "ratio"],
    by_arm: FloatArray,
    variance: FloatArray,
    level: float,
    method: str,
    reason: str,
    time_point: float,
) -> Estimate:
    """Return treatment against control from two independent numbers and their variances.

    A ratio is taken on the log scale, by the delta method. Without any variance, or a ratio with
    a zero, the estimate is not estimable for the reason given.
    """
    value = std_error = NAN
    if measure == "difference":
        value, std_error = float(by_arm[1] - by_arm[0]), float(np.sqrt(variance.sum()))
    elif (by_arm > 0).all():
        value = float(np.log(by_arm[1] / by_arm[0]))
        std_error = float(np.sqrt((variance / by_arm**2).sum()))
    return wald_estimate(
        people,
        estimand=estimand,
        measure=measure,
        value=value,
        std_error=std_error,
        level=level,
        method=method,
        reason=reason,
        by_arm=(float(by_arm[0]), float(by_arm[1])),
        time_point=time_point,
    )


def wald_log_ratio(
    people: Compared,
    *,
    estimand: str,
    log_ratio: float,
    std_error: float,
    level: float,
    method: str,
    reason: str,
    adjusted_for: tuple[str, ...] = (),
) -> Estimate:
    """Return a ratio with an interval symmetric on the log scale, or why there is none."""
    return wald_estimate(
        people,
        estimand=estimand,
        measure="ratio",
        value=log_ratio,
        std_error=std_error,
        level=level,
        method=f"{method}; Wald interval on the log scale",
        reason=reason,
        adjusted_for=adjusted_for,
    )
