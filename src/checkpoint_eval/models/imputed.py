"""Outcomes drawn for those whose own is missing, many times over, and their analyses pooled."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats
from checkpoint_eval._values import Value
from checkpoint_eval.models.linear_variance import ROUNDING
from checkpoint_eval.models.standardise import logistic_coefficients
from checkpoint_eval.results import NAN


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """Outcomes for m imputations of the people whose own is missing, before any shift.

    Attributes
    ----------
    people : (l,) int
        Their places in the trial.
    arm : (l,) int
    level : (m, l) float
        The outcome itself, or the log odds of a yes or no.
    chance : (m, l) float
        Uniform draws that decide a yes or no; empty for a number.
    aside : int
        Most columns left aside in an arm, as they tell nothing more among those seen there.
    reason, reason_in : str, int
        Why there are none, and in which arm.
    """

    people: IntArray
    arm: IntArray
    level: FloatArray
    chance: FloatArray
    aside: int = 0
    reason: str = ""
    reason_in: int = -1

    def shifted(self, delta: FloatArray) -> FloatArray:
        """Return (m, l) outcomes with (k,) shifts by arm; the same draws whatever the shift."""
        moved = self.level + delta[self.arm]
        if not self.chance.size:
            return floats(moved)
        return floats(self.chance < 1 / (1 + np.exp(-moved)))


def draw_outcomes(
    value: FloatArray,
    seen: BoolArray,
    arm: IntArray,
    columns: FloatArray,
    *,
    source: Sequence[int],
    binary: bool,
    imputations: int,
    rng: np.random.Generator,
) -> Drawn:
    """Draw what is missing from a regression within arms, coefficients and all.

    Parameters
    ----------
    value, seen, arm : (n,)
    columns : (n, c) float
        Known for everyone.
    source : (k,) int
        The arm whose people tell of the missing of each arm: itself, or control for all.
    binary : bool
        Logistic regression, coefficients from the normal approximation of their posterior;
        otherwise linear, with normal residuals and the posterior of a flat prior.

    References
    ----------
    Rubin (1987), pages 167 and 169.
    """
    lost = np.flatnonzero(~seen)
    design = np.column_stack([np.ones(arm.size), columns])
    level = np.empty((imputations, lost.size))
    chance = rng.random((imputations, lost.size)) if binary else np.zeros((0, 0))
    noise = np.zeros((0, 0)) if binary else rng.standard_normal((imputations, lost.size))
    own = [rng.standard_normal((imputations, design.shape[1])) for _ in source]
    scale = [rng.spawn(1)[0] for _ in source]
    told, aside = np.array(source)[arm[lost]], 0
    for code in np.unique(told):
        who = seen & (arm == code)
        told_by = independent(design[who])
        aside = max(aside, design.shape[1] - told_by.size)
        coef, sigma = np.zeros((imputations, design.shape[1])), np.zeros(imputations)
        few, normal = design[who][:, told_by], own[code][:, told_by]
        reason = ""
        if not few.shape[0] > few.shape[1]:
            reason = "too few outcomes were seen for the regression"
        elif binary:
            coef[:, told_by], reason = _logistic_draws(value[who] > 0, few, normal)
        else:
            coef[:, told_by], sigma = _linear_draws(value[who], few, normal, scale[code])
        if reason:
            return Drawn(
                people=lost,
                arm=arm[lost],
                level=level,
                chance=chance,
                reason=reason,
                reason_in=int(code),
            )
        here = told == code
        level[:, here] = coef @ design[lost[here]].T
        if not binary:
            level[:, here] += sigma[:, None] * noise[:, here]
    return Drawn(people=lost, arm=arm[lost], level=level, chance=chance, aside=aside)


def independent(columns: FloatArray) -> IntArray:
    """Return the places of (n, p) columns that are no combination of those before them.

    The first is constant, the others of about unit size.
    """
    kept: list[int] = []
    for place in range(columns.shape[1]):
        own, each = columns[:, kept], columns[:, place]
        left = each - own @ np.linalg.lstsq(own, each, rcond=None)[0]
        if float(left @ left) > 1e-10 * len(columns):
            kept.append(place)
    return np.array(kept, dtype=np.int64)


def _linear_draws(
    value: FloatArray, design: FloatArray, normal: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return (m, p) coefficients and (m,) standard deviations."""
    n, p = design.shape
    q, r = np.linalg.qr(design)
    fitted = q.T @ value
    left = float(((value - q @ fitted) ** 2).sum())
    sigma = np.sqrt(left / rng.chisquare(n - p, size=len(normal)))
    return solve_triangular(r, (fitted + sigma[:, None] * normal).T).T, sigma


def _logistic_draws(
    event: BoolArray, design: FloatArray, normal: FloatArray
) -> tuple[FloatArray, str]:
    """Return (m, p) coefficients, or why the likelihood has no maximum."""
    coef = logistic_coefficients(event, design)
    if coef is None:
        return normal, "the logistic regression separates events from others"
    fitted = 1 / (1 + np.exp(-design @ coef))
    root = np.linalg.qr(design * np.sqrt(fitted * (1 - fitted))[:, None], mode="r")
    return coef + solve_triangular(root, normal.T).T, ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pooled(Value):
    """Rubin's rules: estimate, standard error, degrees of freedom and the share of variance lost.

    `lost` is the part of the variance that is between imputations.
    """

    value: float
    std_error: float
    df: float
    lost: float


def rubins_rules(values: FloatArray, std_errors: FloatArray, *, complete_df: float) -> Pooled:
    """Pool (m,) estimates and their standard errors.

    Parameters
    ----------
    complete_df : float
        Degrees of freedom had nothing been missing.

    References
    ----------
    Rubin (1987), equations 3.1.2 to 3.1.5; Barnard and Rubin (1999), Biometrika 86, 948-955,
    equation 3. Checked against arithmetic in tests/hand.
    """
    m = values.size
    within = float((std_errors**2).mean())
    between = float(values.var(ddof=1)) * (1 + 1 / m) if m > 1 else 0.0
    total = within + between
    if not total > 0:
        return Pooled(value=float(values.mean()), std_error=NAN, df=NAN, lost=NAN)
    lost = between / total
    seen = (complete_df + 1) / (complete_df + 3) * complete_df * (1 - lost)
    if lost <= ROUNDING:
        df = seen
    else:
        drawn = (m - 1) / lost**2
        df = drawn * seen / (drawn + seen)
    return Pooled(value=float(values.mean()), std_error=float(np.sqrt(total)), df=df, lost=lost)
