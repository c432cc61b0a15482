"""How the error a trial may make is shared among its looks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from scipy.special import ndtr, ndtri

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import as_tuple, check_positive, is_number
from checkpoint_eval.errors import ImpossibleDesign, TrialError


@runtime_checkable
class Spending(Protocol):
    """Error spent as information accrues (Lan and DeMets 1983).

    `spent(share, alpha=, sided=)` is the error spent by a share of the planned information, of
    `alpha` in all: 0 at 0 and at most alpha at 1.
    """

    def spent(self, share: FloatArray, *, alpha: float, sided: int = 1) -> FloatArray:
        """Return (k,) the error spent by each share of the information."""
        ...


def _at_most_all(share: FloatArray) -> FloatArray:
    return np.minimum(floats(share), 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class OBrienFlemingSpending:
    """Next to nothing early, nearly all at the end: 2 − 2Φ(z(1 − α/2)/√t).

    References
    ----------
    Lan and DeMets (1983), α1. Checked against R rpact and gsDesign.

    Examples
    --------
    >>> OBrienFlemingSpending().spent(np.array([0.5, 1]), alpha=0.025).round(6)
    array([0.001525, 0.025   ])
    """

    def spent(self, share: FloatArray, *, alpha: float, sided: int = 1) -> FloatArray:
        """Return (k,) the error spent by each share of the information."""
        half = ndtri(alpha / sided / 2)
        return np.asarray(sided * 2 * ndtr(half / np.sqrt(_at_most_all(share))))


@dataclass(frozen=True, slots=True, kw_only=True)
class PocockSpending:
    """About as much at each look: α ln(1 + (e − 1)t).

    References
    ----------
    Lan and DeMets (1983), α2. Checked against R rpact and gsDesign.
    """

    def spent(self, share: FloatArray, *, alpha: float, sided: int = 1) -> FloatArray:  # noqa: ARG002 - linear in alpha
        """Return (k,) the error spent by each share of the information."""
        return np.asarray(alpha * np.log1p(np.expm1(1) * _at_most_all(share)))


@dataclass(frozen=True, slots=True, kw_only=True)
class KimDeMets:
    """A power of the information: α t^ρ.

    Attributes
    ----------
    rho : float
        Above 0: 1 spends evenly, 3 is near O'Brien–Fleming.

    References
    ----------
    Kim and DeMets (1987). Checked against R rpact and gsDesign.
    """

    rho: float = 3.0

    def __post_init__(self) -> None:
        check_positive(self.rho, "rho")

    def spent(self, share: FloatArray, *, alpha: float, sided: int = 1) -> FloatArray:  # noqa: ARG002 - linear in alpha
        """Return (k,) the error spent by each share of the information."""
        return np.asarray(alpha * _at_most_all(share) ** self.rho)


@dataclass(frozen=True, slots=True, kw_only=True)
class HwangShihDeCani:
    """A family from early to late: α(1 − exp(−γt))/(1 − exp(−γ)).

    Attributes
    ----------
    gamma : float
        −4 is near O'Brien–Fleming, 1 near Pocock, 0 spends evenly.

    References
    ----------
    Hwang, Shih and De Cani (1990). Checked against R rpact and gsDesign.
    """

    gamma: float = -4.0

    def __post_init__(self) -> None:
        if not is_number(self.gamma) or not abs(self.gamma) <= 100:
            raise TrialError(f"`gamma` must lie between -100 and 100, got {self.gamma!r}.")

    def spent(self, share: FloatArray, *, alpha: float, sided: int = 1) -> FloatArray:  # noqa: ARG002 - linear in alpha
        """Return (k,) the error spent by each share of the information."""
        share = _at_most_all(share)
        if self.gamma == 0:
            return np.asarray(alpha * share)
        return np.asarray(alpha * np.expm1(-self.gamma * share) / np.expm1(-self.gamma))


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSpending:
    """Error spent as the trial's own plan has it, on a straight line between looks.

    Attributes
    ----------
    values : (k,) float
        The error spent by each look, all looks before it included and both sides together. The
        last is at most the design's alpha; what it leaves is never spent.
    looks : (k,) float
        The shares of the planned information at which; evenly spaced when not given.

    Examples
    --------
    >>> UserSpending(values=(0.01, 0.025)).spent(np.array([0.5, 0.75]), alpha=0.025)
    array([0.01  , 0.0175])
    """

    values: Sequence[float]
    looks: Sequence[float] = field(default=())

    def __post_init__(self) -> None:
        values = as_tuple(self.values, "values", of="the error spent by each look")
        if not values or not all(is_number(each) for each in values):
            raise TrialError(f"`values` must be numbers, one for each look, got {values!r}.")
        if not (np.diff(values, prepend=0.0) >= 0).all() or not values[-1] < 1:
            raise ImpossibleDesign(
                f"`values` are the error spent so far, from 0 to below 1 and never falling; got "
                f"{values!r}."
            )
        looks = as_tuple(self.looks, "looks", of="the share of the information at each look")
        looks = looks or tuple((np.arange(len(values)) + 1) / len(values))
        if len(looks) != len(values):
            raise ImpossibleDesign(
                f"`values` has {len(values)} looks and `looks` {len(looks)}; give one for each."
            )
        object.__setattr__(self, "values", tuple(float(each) for each in values))
        object.__setattr__(self, "looks", check_shares(looks))

    def spent(self, share: FloatArray, *, alpha: float, sided: int = 1) -> FloatArray:  # noqa: ARG002 - says so itself
        """Return (k,) the error spent by each share of the information."""
        return np.interp(_at_most_all(share), (0.0, *self.looks), (0.0, *self.values))


CLOSEST = 1e-4  # of the planned information between two looks


def check_shares(looks: Sequence[float]) -> tuple[float, ...]:
    """Return shares of the information that rise to 1."""
    shares = as_tuple(looks, "looks", of="the share of the information at each look")
    if not shares or not all(is_number(each) for each in shares):
        raise TrialError(f"`looks` must be numbers, one for each look, got {shares!r}.")
    if not (np.diff(shares, prepend=0.0) >= CLOSEST).all() or not abs(shares[-1] - 1) < 1e-9:
        raise ImpossibleDesign(
            f"`looks` are shares of the planned information, each at least {CLOSEST:g} more than "
            f"the one before and the last 1, got {shares!r}; divide by the planned information."
        )
    return (*(float(each) for each in shares[:-1]), 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class WangTiatis:
    """Bounds c t^(δ − ½), with c so large that the whole trial errs as often as alpha.

    Attributes
    ----------
    delta : float
        0 is O'Brien–Fleming, 0.5 Pocock.

    References
    ----------
    Wang and Tsiatis (1987). Checked against R rpact and gsDesign.
    """

    delta: float = 0.25

    def __post_init__(self) -> None:
        if not is_number(self.delta) or not -1 <= self.delta <= 1:
            raise TrialError(f"`delta` must lie between -1 and 1, got {self.delta!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class OBrienFleming:
    """Bounds c/√t: hard to cross early.

    References
    ----------
    O'Brien and Fleming (1979). Checked against R rpact and gsDesign.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Pocock:
    """The same bound at every look.

    References
    ----------
    Pocock (1977). Checked against R rpact and gsDesign.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class HaybittlePeto:
    """One high bound at all looks but the last, which has what error is left.

    Attributes
    ----------
    z : float

    References
    ----------
    Haybittle (1971); Peto and others (1976). Checked against R rpact and gsDesign.
    """

    z: float = 3.0

    def __post_init__(self) -> None:
        check_positive(self.z, "z")


Classical = WangTiatis | OBrienFleming | Pocock
Boundary = Spending | Classical | HaybittlePeto


def exponent(boundary: Classical) -> float:
    """Return to which power of the information a classical bound goes."""
    if isinstance(boundary, WangTiatis):
        return boundary.delta - 0.5
    return -0.5 if isinstance(boundary, OBrienFleming) else 0.0
