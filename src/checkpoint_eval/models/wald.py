"""Wald intervals: one arm against another when each has a number and a variance."""

from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval.models.compared import Compared, not_estimable
from checkpoint_eval.results import Estimate


def wald(value: float, variance: float, *, level: float) -> tuple[float, float, float, float]:
    """Return low, high, two-sided p and standard error; the variance is above 0."""
    std_error = float(np.sqrt(variance))
    z = float(ndtri(0.5 + level / 2))
    p_value = float(2 * ndtr(-abs(value) / std_error))
    return value - z * std_error, value + z * std_error, p_value, std_error


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
    if not (variance.sum() > 0 and (measure == "difference" or (by_arm > 0).all())):
        return not_estimable(
            people,
            estimand=estimand,
            scale=measure,
            level=level,
            method=method,
            reason=reason,
            time_point=time_point,
        )
    if measure == "difference":
        value = float(by_arm[1] - by_arm[0])
        low, high, p_value, std_error = wald(value, float(variance.sum()), level=level)
    else:
        log_ratio = float(np.log(by_arm[1] / by_arm[0]))
        spread = float((variance / by_arm**2).sum())
        low, high, p_value, std_error = wald(log_ratio, spread, level=level)
        value, low, high = np.exp([log_ratio, low, high]).tolist()
    return Estimate(
        estimand=estimand,
        scale=measure,
        value=value,
        low=low,
        high=high,
        level=level,
        p_value=p_value,
        std_error=std_error,
        by_arm=(float(by_arm[0]), float(by_arm[1])),
        method=method,
        time_point=time_point,
        **people.labels(time_point),
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
    if not (np.isfinite(log_ratio) and std_error > 0):
        return not_estimable(
            people,
            estimand=estimand,
            scale="ratio",
            level=level,
            method=method,
            adjusted_for=adjusted_for,
            reason=reason,
        )
    half = float(ndtri(0.5 + level / 2)) * std_error
    value, low, high = np.exp([log_ratio, log_ratio - half, log_ratio + half]).tolist()
    return Estimate(
        estimand=estimand,
        scale="ratio",
        value=value,
        low=low,
        high=high,
        level=level,
        p_value=float(2 * ndtr(-abs(log_ratio) / std_error)),
        std_error=std_error,
        method=f"{method}; Wald interval on the log scale",
        adjusted_for=adjusted_for,
        **people.labels(),
    )
