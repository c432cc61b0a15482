"""Shrinking effects towards each other: what one learns from its fellows."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import ndtri

from checkpoint_eval._arrays import FloatArray, frozen
from checkpoint_eval._checks import as_floats, check_choice, check_level
from checkpoint_eval._display import Shown
from checkpoint_eval.errors import TrialError
from checkpoint_eval.results import NAN

Spread: TypeAlias = Literal["reml", "dl"]
# Fewer effects than this say nothing of their own spread.
LEAST = 4
SPREADS: tuple[str, ...] = ("reml", "dl")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Shrunken(Shown):
    """Effects shrunk towards their mean.

    Attributes
    ----------
    value, low, high : (m,) float
        NaN where the effect was not estimable, or fewer than four were.
    mean, std_error : float
        What they are shrunk towards.
    spread : float
        The standard deviation τ of true effects.
    level : float
    method : str
    """

    value: FloatArray
    low: FloatArray
    high: FloatArray
    mean: float
    std_error: float
    spread: float
    level: float
    method: str

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))

    def __repr__(self) -> str:
        return (
            f"Shrunken({self.value.size} effects towards {self.mean:.3g}, spread "
            f"{self.spread:.3g}; {self.method})"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row an effect."""
        return pd.DataFrame({"value": self.value, "low": self.low, "high": self.high})


def shrunken_effects(
    values: ArrayLike, std_errors: ArrayLike, *, spread: Spread = "reml", level: float = 0.95
) -> Shrunken:
    """Shrink effects towards their mean by how little they differ beyond chance.

    Parameters
    ----------
    values, std_errors : (m,) float
        NaN where not estimable; those neither enter nor are shrunk.
    spread : {"reml", "dl"}
        How the variance of true effects is estimated: restricted maximum likelihood, or
        DerSimonian and Laird's moments.
    level : float

    Returns
    -------
    Shrunken

    Raises
    ------
    TrialError
        For lengths that differ, or a standard error that is not above 0.

    Notes
    -----
    Model: y ~ N(θ, s²), θ ~ N(μ, τ²). Of m effects each gives up B = (m − 3)/(m − 1) · s²/(s² + τ²)
    of its distance from μ; the factor allows for τ being estimated. The variance is
    s²(1 − B(m − 1)/m) + 2B²/(m − 3) · (v + τ²)/(s² + τ²) · (y − μ)², v the mean s² weighted by
    1/(s² + τ²). Without both, intervals of nine effects cover some 85 per cent at 95. Effects are
    taken as independent; of pathways in the same people they are not quite, so intervals are a
    guide. Fewer than four effects are not shrunk.

    References
    ----------
    Morris (1983), JASA 78, 47-55; for τ DerSimonian and Laird (1986) and Viechtbauer (2005).
    Checked against the BCG trials in Viechtbauer (2010), R, statsmodels combine_effects, by hand,
    and for τ a slow reference.

    Examples
    --------
    >>> found = shrunken_effects([-1.5, -0.5, 0.5, 1.5], [0.5] * 4)
    >>> found.value.round(3).tolist()
    [-1.425, -0.475, 0.475, 1.425]
    """
    check_choice(spread, "spread", SPREADS)
    check_level(level)
    y, s = as_floats(values, "values"), as_floats(std_errors, "std_errors")
    if y.ndim != 1 or y.shape != s.shape:
        raise TrialError(
            f"`values` and `std_errors` have shapes {y.shape} and {s.shape}; give one each."
        )
    known = np.isfinite(y) & ~np.isnan(s)
    if not ((s[known] > 0) & (s[known] < np.inf)).all():
        raise TrialError("`std_errors` must be finite and above 0, or NaN where not estimable.")
    told = f"empirical Bayes (Morris), normal-normal, spread by {spread.upper()}"
    value, low, high = np.full((3, y.size), np.nan)
    if known.sum() < LEAST:
        reason = f"{told}; not estimable: fewer than four effects to learn from"
        return Shrunken(value=value, low=low, high=high, mean=NAN, std_error=NAN, spread=NAN,
                        level=level, method=reason)  # fmt: skip
    y, v = y[known], s[known] ** 2
    between = _reml(y, v) if spread == "reml" else _moments(y, v)
    mean, of_mean = _pooled(y, v, between)
    m, weight = y.size, 1 / (v + between)
    given_up = (m - 3) / (m - 1) * v * weight
    typical = float(weight @ v / weight.sum()) + between
    unsure = 2 / (m - 3) * given_up**2 * typical * weight * (y - mean) ** 2
    half = float(ndtri(0.5 + level / 2)) * np.sqrt(v * (1 - given_up * (m - 1) / m) + unsure)
    value[known] = y - given_up * (y - mean)
    low[known], high[known] = value[known] - half, value[known] + half
    return Shrunken(
        value=value,
        low=low,
        high=high,
        mean=mean,
        std_error=float(np.sqrt(of_mean)),
        spread=float(np.sqrt(between)),
        level=level,
        method=told,
    )


def _pooled(y: FloatArray, v: FloatArray, between: float) -> tuple[float, float]:
    """Return the mean of effects weighted by their precision, and its variance."""
    weight = 1 / (v + between)
    return float(weight @ y / weight.sum()), float(1 / weight.sum())


def _moments(y: FloatArray, v: FloatArray) -> float:
    """Return DerSimonian and Laird's variance between effects."""
    weight = 1 / v
    heterogeneity = float(weight @ (y - _pooled(y, v, 0.0)[0]) ** 2)
    return max(
        0.0,
        (heterogeneity - (y.size - 1)) / float(weight.sum() - (weight**2).sum() / weight.sum()),
    )


def _reml(y: FloatArray, v: FloatArray) -> float:
    """Return the variance between effects of highest restricted likelihood."""

    def lost(between: float) -> float:
        mean, of_mean = _pooled(y, v, between)
        total = v + between
        return float(np.log(total).sum() - np.log(of_mean) + ((y - mean) ** 2 / total).sum()) / 2

    # True effects do not differ by more than the estimates do. The likelihood may have two humps.
    roots = np.linspace(0, np.ptp(y) + float(np.sqrt(v.min())), 65)
    best = int(np.argmin([lost(root**2) for root in roots]))
    low, high = roots[max(best - 1, 0)], roots[min(best + 1, 64)]
    exact = {"xatol": 1e-10 * float(high)}
    found = minimize_scalar(
        lambda root: lost(root**2), bounds=(low, high), method="bounded", options=exact
    )
    between = float(found.x) ** 2
    # A likelihood that is highest at none is flat there, and is told from it by rounding only.
    return between if lost(between) < lost(0.0) - 1e-12 else 0.0
