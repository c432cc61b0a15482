"""Mantel–Haenszel: one effect on a yes-no outcome over strata, each compared within itself."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval.models.proportions import Measure, TwoProportions

RiskVariance = Literal["sato", "greenland-robins"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CommonEffect:
    """The effect that strata share, from a batch of them.

    Attributes
    ----------
    value, variance : (...) float
        Of the difference, or of the logarithm of the ratio or odds ratio; NaN or infinite where
        there is none.
    risk : (..., 2) float
        Control and treatment, with the strata in the weights n₀n₁/n of Mantel and Haenszel: their
        difference is the difference, their ratio the ratio.
    """

    value: FloatArray
    variance: FloatArray
    risk: FloatArray


def strata_of_counts(
    events: IntArray, arm: IntArray, stratum: IntArray
) -> tuple[TwoProportions, IntArray]:
    """Return the tables of the strata that hold both arms, and (s,) their codes.

    Parameters
    ----------
    events, arm, stratum : (n,) int
        Whether each person had the event; 0 control, 1 treatment; codes from 0.
    """
    size = 2 * (int(stratum.max(initial=-1)) + 1)
    code = 2 * stratum + arm
    people = np.bincount(code, minlength=size).reshape(-1, 2)
    seen = np.bincount(code, weights=events, minlength=size).reshape(-1, 2)
    both = np.flatnonzero(people.min(axis=1) > 0)
    table = TwoProportions(
        control_events=floats(seen[both, 0]),
        control_n=floats(people[both, 0]),
        treatment_events=floats(seen[both, 1]),
        treatment_n=floats(people[both, 1]),
    )
    return table, both


def mantel_haenszel(
    strata: TwoProportions, measure: Measure, *, variance: RiskVariance = "sato"
) -> CommonEffect:
    """Return the effect over (..., s) tables, the strata along the last axis.

    `variance` is of the difference: Sato's holds for few large strata and for many small ones,
    that of Greenland and Robins for large ones, whether or not they share the difference. The
    ratio has that of Greenland and Robins, the odds ratio that of Robins, Breslow and Greenland,
    which hold for both.

    References
    ----------
    Mantel and Haenszel (1959); Greenland and Robins (1985), Biometrics 41; Robins, Breslow and
    Greenland (1986), Biometrics 42; Sato (1989), Biometrics 45; written out in docs/methods.md.
    Checked against R mantelhaen.test, epiR and metafor, and a slow reference.
    """
    n = strata.control_n + strata.treatment_n
    # Events of each arm against the size of the other: Σ x₁n₀/n and Σ x₀n₁/n.
    seen = strata.treatment_events * strata.control_n / n
    due = strata.control_events * strata.treatment_n / n
    weight = (strata.control_n * strata.treatment_n / n).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        risk = np.stack([due.sum(axis=-1), seen.sum(axis=-1)], axis=-1) / weight[..., None]
        if measure == "difference":
            value = (seen - due).sum(axis=-1) / weight
            error = _sato(strata, value) if variance == "sato" else _greenland_robins(strata)
            return CommonEffect(value=value, variance=error / weight**2, risk=risk)
        if measure == "ratio":
            value = np.log(risk[..., 1] / risk[..., 0])
            error = _ratio_variance(strata) / (seen.sum(axis=-1) * due.sum(axis=-1))
            return CommonEffect(value=value, variance=floats(error), risk=risk)
        value, error = _odds(strata)
        return CommonEffect(value=value, variance=error, risk=risk)


def _sato(strata: TwoProportions, difference: FloatArray) -> FloatArray:
    """Return Σ(δP + Q), the numerator of the difference's variance; never below 0 (Sato 1989)."""
    x0, n0, x1, n1 = _cells(strata)
    n = n0 + n1
    p = (n1**2 * x0 - n0**2 * x1 + n1 * n0 * (n0 - n1) / 2) / n**2
    q = (x1 * (n0 - x0) + x0 * (n1 - x1)) / (2 * n)
    return floats((difference[..., None] * p + q).sum(axis=-1))


def _greenland_robins(strata: TwoProportions) -> FloatArray:
    """Return Σw²V, w the weight of a stratum and V the variance of its own difference."""
    x0, n0, x1, n1 = _cells(strata)
    n = n0 + n1
    own = (x1 * (n1 - x1) * n0**3 + x0 * (n0 - x0) * n1**3) / (n0 * n1 * n**2)
    return floats(own.sum(axis=-1))


def _ratio_variance(strata: TwoProportions) -> FloatArray:
    """Return the numerator of the variance of the log ratio (Greenland and Robins 1985)."""
    x0, n0, x1, n1 = _cells(strata)
    n = n0 + n1
    return floats(((n1 * n0 * (x1 + x0) - x1 * x0 * n) / n**2).sum(axis=-1))


def _odds(strata: TwoProportions) -> tuple[FloatArray, FloatArray]:
    """Return the log odds ratio and its variance (Robins, Breslow and Greenland 1986)."""
    x0, n0, x1, n1 = _cells(strata)
    n = n0 + n1
    r, s = x1 * (n0 - x0) / n, x0 * (n1 - x1) / n
    p, q = (x1 + n0 - x0) / n, (x0 + n1 - x1) / n
    up, down = r.sum(axis=-1), s.sum(axis=-1)
    variance = (
        (p * r).sum(axis=-1) / (2 * up**2)
        + (p * s + q * r).sum(axis=-1) / (2 * up * down)
        + (q * s).sum(axis=-1) / (2 * down**2)
    )
    return floats(np.log(up / down)), floats(variance)


def _cells(strata: TwoProportions) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    return strata.control_events, strata.control_n, strata.treatment_events, strata.treatment_n
