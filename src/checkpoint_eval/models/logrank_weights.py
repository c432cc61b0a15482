"""How much each event time counts in a log-rank test."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import check_level, check_positive, is_number
from checkpoint_eval._times import TIE_TOLERANCE
from checkpoint_eval.errors import TrialError


@runtime_checkable
class Weight(Protocol):
    """A weight for each event time, from counts pooled over arms within the stratum."""

    @property
    def told(self) -> str:
        """What results call it."""

    def weights(self, at_risk: FloatArray, events: FloatArray, time: FloatArray) -> FloatArray:
        """Return (..., m) weights from pooled counts (..., m) at (m,) times."""


def check_weight(weight: object) -> None:
    """Refuse what is no weight."""
    if not isinstance(weight, Weight) or isinstance(weight, type):
        raise TrialError(
            f"`weight` must be a weight such as FlemingHarrington(rho=1), got {weight!r}; a test "
            "by several is `maxcombo_test`."
        )


def _before(at_risk: FloatArray, events: FloatArray) -> FloatArray:
    """Return Kaplan–Meier survival just before each time."""
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.where(at_risk > 0, 1 - events / at_risk, 1.0)
    after = np.cumprod(step, axis=-1)
    return floats(np.concatenate([np.ones_like(after[..., :1]), after[..., :-1]], axis=-1))


@dataclass(frozen=True, slots=True, kw_only=True)
class FlemingHarrington:
    """Weight each event time by S(t−)^rho (1 − S(t−))^gamma, S pooled over arms in the stratum.

    ``(0, 0)`` is the log-rank test; ``rho`` stresses early, ``gamma`` late differences.

    References
    ----------
    Fleming and Harrington (1991), Counting Processes and Survival Analysis. Checked against R
    survdiff(rho=) and MaxCombo z-values.

    Examples
    --------
    >>> FlemingHarrington(rho=1)
    FlemingHarrington(rho=1, gamma=0)
    """

    rho: float = 0
    gamma: float = 0

    def __post_init__(self) -> None:
        for name in ("rho", "gamma"):
            value = getattr(self, name)
            if not is_number(value) or not 0 <= value < np.inf:
                raise TrialError(f"`{name}` must be finite and at least 0, got {value!r}.")

    @property
    def told(self) -> str:
        """What results call it."""
        return f"Fleming–Harrington({self.rho:g}, {self.gamma:g})"

    def weights(self, at_risk: FloatArray, events: FloatArray, time: FloatArray) -> FloatArray:
        """Return (..., m) weights from pooled counts (..., m)."""
        if self.rho == 0 and self.gamma == 0:
            return np.ones(1)
        before = _before(at_risk, events)
        return floats(before**self.rho * (1 - before) ** self.gamma)


LOG_RANK = FlemingHarrington()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gehan:
    """Weight each event time by how many are at risk: stresses early differences.

    Depends on censoring; `PetoPeto` and FlemingHarrington(rho=1) do so less.

    References
    ----------
    Gehan (1965), Breslow (1970). Checked against statsmodels and a slow reference.
    """

    @property
    def told(self) -> str:
        """What results call it."""
        return "Gehan"

    def weights(self, at_risk: FloatArray, events: FloatArray, time: FloatArray) -> FloatArray:
        """Return (..., m) weights from pooled counts (..., m)."""
        return floats(at_risk)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaroneWare:
    """Weight each event time by the root of how many are at risk.

    References
    ----------
    Tarone and Ware (1977). Checked against statsmodels and a slow reference.
    """

    @property
    def told(self) -> str:
        """What results call it."""
        return "Tarone–Ware"

    def weights(self, at_risk: FloatArray, events: FloatArray, time: FloatArray) -> FloatArray:
        """Return (..., m) weights from pooled counts (..., m)."""
        return floats(np.sqrt(at_risk))


@dataclass(frozen=True, slots=True, kw_only=True)
class PetoPeto:
    """Weight each event time by Peto and Peto's survival, ∏ (1 − d/(r + 1)) up to it.

    R's ``survdiff(rho=1)`` has S(t−) of Kaplan–Meier instead: FlemingHarrington(rho=1).

    References
    ----------
    Peto and Peto (1972); Klein and Moeschberger (2003), section 7.3. Checked against a slow
    reference.
    """

    @property
    def told(self) -> str:
        """What results call it."""
        return "Peto–Peto"

    def weights(self, at_risk: FloatArray, events: FloatArray, time: FloatArray) -> FloatArray:
        """Return (..., m) weights from pooled counts (..., m)."""
        return floats(np.cumprod(1 - events / (floats(at_risk) + 1), axis=-1))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModestlyWeighted:
    """Weight each event time by 1 / max(S(t−), S*): late differences, but no time counts for less.

    Parameters
    ----------
    until : float, optional
        S* is survival just before this time, in the outcome's unit.
    survival : float, optional
        Or S* itself. One of the two is given.

    References
    ----------
    Magirr and Burman (2019), Statistics in Medicine 38, 3782-3790. Checked against R nphRCT.
    """

    until: float | None = None
    survival: float | None = None

    def __post_init__(self) -> None:
        if (self.until is None) == (self.survival is None):
            raise TrialError("Give one of `until`, a time, and `survival`, a share.")
        if self.until is not None:
            check_positive(self.until, "until")
        if self.survival is not None:
            check_level(self.survival, "survival")

    @property
    def told(self) -> str:
        """What results call it."""
        at = f"to {self.until:g}" if self.until is not None else f"to survival {self.survival:g}"
        return f"modestly ({at})"

    def weights(self, at_risk: FloatArray, events: FloatArray, time: FloatArray) -> FloatArray:
        """Return (..., m) weights from pooled counts (..., m)."""
        before = _before(at_risk, events)
        least = np.asarray(self.survival)
        if self.until is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                step = np.where(at_risk > 0, 1 - events / at_risk, 1.0)
            reached = time < self.until * (1 - TIE_TOLERANCE)
            least = np.prod(np.where(reached, step, 1.0), axis=-1, keepdims=True)
        largest = np.maximum(before, least)
        # both are 0 where nobody of the stratum is left, at a time of another one
        return floats(np.divide(1.0, largest, out=np.zeros_like(largest), where=largest > 0))
