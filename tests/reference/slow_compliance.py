"""Slow, plain second implementations: two-stage least squares, trimming and worst cases.

Written from Angrist and Pischke (2009), section 4.1; Lee (2009), propositions 1a and 3; Manski
(1989); Imbens and Manski (2004), equation 7. People one at a time, where that is plainer.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from scipy.stats import norm

Numbers = Sequence[float]


def two_stages(
    y: Numbers, d: Numbers, z: Numbers, x: Sequence[Numbers], variance: str
) -> tuple[float, float]:
    """Return the coefficient of d and its standard error, by (X'P X)⁻¹X'P y with all of P."""
    n = len(y)
    first = np.column_stack([np.ones(n), d, *x]).astype(float)
    instruments = np.column_stack([np.ones(n), z, *x]).astype(float)
    project = instruments @ np.linalg.inv(instruments.T @ instruments) @ instruments.T
    bread = np.linalg.inv(first.T @ project @ first)
    coef = bread @ first.T @ project @ np.asarray(y, dtype=float)
    residual = np.asarray(y, dtype=float) - first @ coef
    fitted = project @ first
    left = n - first.shape[1]
    if variance == "classical":
        return float(coef[1]), float(np.sqrt(residual @ residual / left * bread[1, 1]))
    square = np.zeros_like(bread)
    for i in range(n):
        each = residual[i] ** 2
        if variance == "HC1":
            each *= n / left
        if variance == "HC2":
            each /= 1 - fitted[i] @ bread @ fitted[i]
        square += each * np.outer(fitted[i], fitted[i])
    return float(coef[1]), float(np.sqrt((bread @ square @ bread)[1, 1]))


def assignment_t(
    y: Numbers, d: Numbers, z: Numbers, effect: float, x: Sequence[Numbers], variance: str
) -> float:
    """Return t of assignment in an ordinary regression of y − effect·d: Anderson and Rubin's."""
    u = np.asarray(y, dtype=float) - effect * np.asarray(d, dtype=float)
    coef, error = two_stages(u.tolist(), z, z, x, variance)
    return coef / error


def kept_mean(values: Sequence[Fraction], kept: Fraction, *, highest: bool) -> Fraction:
    """Return the mean of the lowest or highest share of values, the last of them in part."""
    room = kept * len(values)
    whole = room
    total = Fraction(0)
    for each in sorted(values, reverse=highest):
        part = min(Fraction(1), room)
        total += part * each
        room -= part
    return total / whole


def lee_bounds(
    treatment: Sequence[Fraction | None], control: Sequence[Fraction | None]
) -> tuple[Fraction, Fraction]:
    """Return the bounds: the arm that sees more is trimmed to the share of the other."""
    seen1 = [each for each in treatment if each is not None]
    seen0 = [each for each in control if each is not None]
    p1, p0 = Fraction(len(seen1), len(treatment)), Fraction(len(seen0), len(control))
    if p1 >= p0:
        other = sum(seen0, Fraction(0)) / len(seen0)
        return (
            kept_mean(seen1, p0 / p1, highest=False) - other,
            kept_mean(seen1, p0 / p1, highest=True) - other,
        )
    other = sum(seen1, Fraction(0)) / len(seen1)
    return (
        other - kept_mean(seen0, p1 / p0, highest=True),
        other - kept_mean(seen0, p1 / p0, highest=False),
    )


def lee_error(treatment: np.ndarray, control: np.ndarray, *, highest: bool) -> float:
    """Return Lee's standard error, treatment trimmed, NaN for unseen; values all different.

    V of proposition 3: kept people's variance and their distance from the edge, the trimming
    share's own error, and control's mean.
    """
    seen1, seen0 = treatment[~np.isnan(treatment)], control[~np.isnan(control)]
    p1, p0 = seen1.size / treatment.size, seen0.size / control.size
    q = 1 - p0 / p1
    values = np.sort(seen1)[::-1] if highest else np.sort(seen1)
    kept = values[: round((1 - q) * values.size)]
    edge = kept[-1]
    own = (kept.var() + (edge - kept.mean()) ** 2 * q) / (seen1.size * (1 - q))
    share = (1 - q) ** 2 * ((1 - p1) / (treatment.size * p1) + (1 - p0) / (control.size * p0))
    trimming = ((edge - kept.mean()) / (1 - q)) ** 2 * share
    return float(np.sqrt(own + trimming + seen0.var() / seen0.size))


def always_seen(
    treatment: Sequence[Fraction | None], control: Sequence[Fraction | None]
) -> tuple[Fraction, Fraction]:
    """Return bounds without monotone losses, at the fewest who can be seen in both arms."""
    seen1 = [each for each in treatment if each is not None]
    seen0 = [each for each in control if each is not None]
    p1, p0 = Fraction(len(seen1), len(treatment)), Fraction(len(seen0), len(control))
    both = p1 + p0 - 1
    k1, k0 = both / p1, both / p0
    return (
        kept_mean(seen1, k1, highest=False) - kept_mean(seen0, k0, highest=True),
        kept_mean(seen1, k1, highest=True) - kept_mean(seen0, k0, highest=False),
    )


def worst_cases(
    treatment: Sequence[Fraction | None],
    control: Sequence[Fraction | None],
    support: tuple[Fraction, Fraction],
) -> tuple[Fraction, Fraction]:
    """Return bounds with everyone missing at one end, then at the other."""

    def mean(values: Sequence[Fraction | None], end: Fraction) -> Fraction:
        return sum((end if each is None else each for each in values), Fraction(0)) / len(values)

    low, high = support
    return (
        mean(treatment, low) - mean(control, high),
        mean(treatment, high) - mean(control, low),
    )


def covering(low: float, high: float, errors: tuple[float, float], level: float) -> float:
    """Return c by bisection, so that low − c·se to high + c·se covers an effect at either end."""
    apart = (high - low) / max(errors)
    left, right = 0.0, 10.0
    for _ in range(200):
        middle = (left + right) / 2
        if norm.cdf(middle + apart) - norm.cdf(-middle) < level:
            left = middle
        else:
            right = middle
    return (left + right) / 2
