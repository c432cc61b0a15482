"""How far a Brownian bridge strays: the width of simultaneous bands."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

TERMS = 200


def bridge_within(bound: float, end: float) -> float:
    """Return the chance that a Brownian bridge on [0, 1] stays within ±bound up to `end`.

    References
    ----------
    Hall and Wellner (1980), Biometrika 67, 133-143; at `end` 1 it is Kolmogorov's distribution.
    Checked against scipy's there, and simulated bridges elsewhere.
    """
    if not end > 0:
        return 1.0
    k = np.arange(1, TERMS + 1)
    sign = np.where(k % 2, -1.0, 1.0)
    weight = 2 * sign * np.exp(-2 * (k * bound) ** 2)
    if end >= 1:
        return float(1 + weight.sum())
    r, d = bound * np.sqrt((1 - end) / end), 1 / (1 - end)
    part = ndtr(r * (2 * k + d)) - ndtr(r * (2 * k - d))
    return float(1 - 2 * ndtr(-r * d) + (weight * part).sum())


def hall_wellner_value(end: float, *, level: float) -> float:
    """Return the bound a Brownian bridge stays within up to `end` with the chance `level`.

    NaN where the bridge has not begun.
    """
    if not end > 1e-12:
        return float("nan")
    scale = float(np.sqrt(end))  # near the start a bridge strays like a Brownian motion
    return float(
        brentq(
            lambda bound: bridge_within(bound, end) - level, 0.15 * scale, 10 * scale, rtol=1e-13
        )
    )
