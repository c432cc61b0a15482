"""Critical values, futility bounds and what they cost, look by look."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr

from checkpoint_eval._arrays import FloatArray, floats, frozen
from checkpoint_eval._checks import as_tuple, check_positive, is_number
from checkpoint_eval._display import Shown
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.power.boundary_solving import Bounds, bounds_at, edges_of, solve
from checkpoint_eval.power.comparing import as_numbers
from checkpoint_eval.power.group_sequential import GroupSequential
from checkpoint_eval.power.recursion import NO_EFFECT, Edges, crossing
from checkpoint_eval.power.spending import CLOSEST, Spending


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class StoppingBounds(Shown):
    """The bounds of a design's looks and how often trials stop at each.

    Attributes
    ----------
    design : GroupSequential
    shares : (k,) float
        Information at the looks, as shares of the planned.
    critical : (k,) float
        The trial stops for efficacy at a z of at least this, or with two sides of at most its
        negative. Infinite where a look spends nothing.
    futility : (k,) float
        It stops for futility at a z, or with two sides a |z|, of at most this; −inf where there is
        no such bound. At the last look it is the critical value.
    alpha_spent : (k,) float
        The error made by each look, both sides together; futility counts where it binds.
    rejected, futile : (2, k) float
        The chance of stopping at each look for efficacy (favouring treatment), and otherwise (on
        the other side, or for futility): without effect, and at the effect planned for.
    drift : float
        That effect as the mean of z at all the planned information.
    inflation : float
        The planned information over that of a trial without looks.
    expected : (2,) float
        The information expected by the end over that of a trial without looks: without effect, and
        at the effect planned for.
    taken : int
        How many of the looks have been taken, as `at_information` was told.
    """

    design: GroupSequential
    shares: FloatArray
    critical: FloatArray
    futility: FloatArray
    alpha_spent: FloatArray
    rejected: FloatArray
    futile: FloatArray
    drift: float
    inflation: float
    expected: FloatArray
    taken: int = 0

    def __post_init__(self) -> None:
        for name in ("shares", "critical", "futility", "alpha_spent", "rejected", "futile"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))
        object.__setattr__(self, "expected", frozen(self.expected, np.float64))

    def edges(self, *, binding_only: bool = False) -> Edges:
        """Return where trials stop; perhaps without futility, where it does not bind."""
        futile = self.futility
        if self.design.futility is None or (binding_only and not self.design.binding):
            futile = np.full(self.critical.size, -np.inf)
        return edges_of(self.critical, self.design.sided, futile)

    @property
    def nominal_p(self) -> FloatArray:
        """(k,) the p-value of each look at its critical value, of the design's sides."""
        return np.asarray(self.design.sided * ndtr(-self.critical))

    @property
    def power(self) -> FloatArray:
        """(k,) the chance of having stopped for efficacy by each look, at the planned effect."""
        return np.asarray(self.rejected[1].cumsum())

    def __repr__(self) -> str:
        return (
            f"{self.shares.size} looks, {self.design.sided}-sided alpha {self.design.alpha:g}: "
            f"final critical value {self.critical[-1]:.4f}, information {self.inflation:.4f} times "
            f"that of a trial without looks, {self.expected[0]:.4f} expected without effect and "
            f"{self.expected[1]:.4f} with (power {self.power[-1]:.3f})."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a look."""
        return pd.DataFrame(
            {
                "look": np.arange(self.shares.size) + 1,
                "share": self.shares,
                "critical": self.critical,
                "futility": self.futility,
                "nominal_p": self.nominal_p,
                "alpha_spent": self.alpha_spent,
                "power": self.power,
                "stopped_without_effect": (self.rejected[0] + self.futile[0]).cumsum(),
            }
        )


def stopping_bounds(design: GroupSequential) -> StoppingBounds:
    """Find a design's critical values and futility bounds, and how much longer the trial must be.

    Parameters
    ----------
    design : GroupSequential

    Returns
    -------
    StoppingBounds

    Raises
    ------
    ImpossibleDesign
        When the bounds err more often than alpha, or no effect reaches the power.

    Notes
    -----
    Power counts results that favour treatment. Futility that does not bind is left out of alpha and
    kept in power and in the expected information.

    References
    ----------
    Armitage, McPherson and Rowe (1969); Lan and DeMets (1983); Pampallona and Tsiatis (1994) for
    futility; Jennison and Turnbull (2000), Group Sequential Methods, chapter 19 for the recursion.
    Checked against R gsDesign and rpact on 41 designs, and a second recursion in tests/reference.

    Examples
    --------
    >>> found = stopping_bounds(GroupSequential(looks=3, power=0.9))
    >>> found.critical.round(4), round(found.inflation, 4)
    (array([3.7103, 2.5114, 1.993 ]), 1.0119)
    """
    check_design(design)
    bounds, drift = solve(design)
    return told(design, bounds, drift)


def at_information(
    design: GroupSequential,
    observed: ArrayLike,
    *,
    planned: float,
    final: bool = False,
) -> StoppingBounds:
    """Find the bounds at the information there was at the looks taken so far.

    Parameters
    ----------
    design : GroupSequential
        With a spending function, or Haybittle–Peto.
    observed : (j,) float
        Information at each look taken: events, or people.
    planned : float
        All the information planned, in the same unit.
    final : bool
        Whether the last of them ends the trial, so that all error that is left is spent there. It
        does so anyway when it is the last look planned or has all the planned information.

    Returns
    -------
    StoppingBounds
        Of the looks taken, and of those still planned at a larger share.

    Raises
    ------
    ImpossibleDesign
        When information does not increase, there are more looks than planned, or the bounds are
        classical.

    Notes
    -----
    A look's bound depends on the information before it and not on what comes after, so it stays
    as it is when the next look is taken. Bounds for futility are at the effect planned for.

    References
    ----------
    Lan and DeMets (1983, 1989). Checked against R gsDesign designs planned at the
    same information.

    Examples
    --------
    >>> found = at_information(GroupSequential(looks=3), [95, 180], planned=247)
    >>> found.critical.round(3)
    array([3.43 , 2.385, 2.007])
    """
    check_design(design)
    seen = _check_observed(design, observed)
    planned = check_positive(planned, "planned")
    if not isinstance(design.boundary, Spending) and not hasattr(design.boundary, "z"):
        raise ImpossibleDesign(
            f"{design.boundary!r} has bounds at the planned `looks` only; plan a trial whose looks "
            "may come when they come with a spending function."
        )
    shares = seen / planned
    if not (np.diff(shares, prepend=0.0) >= CLOSEST).all():
        raise ImpossibleDesign(
            f"`observed` must increase from look to look, by at least {CLOSEST:g} of `planned`; "
            f"got {seen.tolist()}."
        )
    ends = final or shares.size == len(design.shares) or bool(shares[-1] >= 1 - CLOSEST)
    if (shares[:-1] >= 1).any():
        raise ImpossibleDesign("All the planned information was there before the last look.")
    ahead = np.asarray(design.shares)[shares.size :]
    if not ends:
        shares = np.append(shares, ahead[ahead >= shares[-1] + CLOSEST])
    drift = solve(design)[1]
    return told(design, bounds_at(design, shares, drift), drift, seen.size)


def operating_characteristics(bounds: StoppingBounds, *, drift: ArrayLike) -> pd.DataFrame:
    """Tell how often and how early a trial stops, over effects.

    Parameters
    ----------
    bounds : StoppingBounds
    drift : (m,) float
        Effects, as the mean of z at all the planned information; `bounds.drift` is the planned one.

    Returns
    -------
    DataFrame
        One row an effect: `drift`, `efficacy` (the chance to stop favouring treatment), `other`
        (on the other side, or for futility), `expected` information over that of a trial without
        looks.

    References
    ----------
    Jennison and Turnbull (2000), chapter 19. Checked against a second recursion in
    tests/reference and R gsDesign (gsPOS).

    Examples
    --------
    >>> found = stopping_bounds(GroupSequential(looks=2, power=0.9))
    >>> operating_characteristics(found, drift=[0, found.drift]).round(3)
       drift  efficacy  other  expected
    0  0.000     0.025  0.025     1.002
    1  3.247     0.900  0.000     0.877
    """
    check_bounds(bounds)
    effects = check_drift(drift)
    above, other = crossing(bounds.shares, bounds.edges(), effects)
    return pd.DataFrame(
        {
            "drift": effects,
            "efficacy": above.sum(axis=-1),
            "other": other.sum(axis=-1),
            "expected": _expected(bounds.shares, above, other) * bounds.inflation,
        }
    )


def told(design: GroupSequential, bounds: Bounds, drift: float, taken: int = 0) -> StoppingBounds:
    """Return bounds with what they do."""
    edges = edges_of(bounds.upper, design.sided, bounds.futility)
    above, other = crossing(bounds.shares, edges, np.array([0.0, drift]))
    spent = above[0]
    if design.futility is not None and not design.binding:
        free = edges_of(bounds.upper, design.sided)
        spent = crossing(bounds.shares, free, NO_EFFECT)[0]
    inflation = (drift / design.fixed_drift) ** 2
    return StoppingBounds(
        design=design,
        shares=bounds.shares,
        critical=bounds.upper,
        futility=bounds.futility,
        alpha_spent=design.sided * spent.cumsum(),
        rejected=above,
        futile=other,
        drift=drift,
        inflation=inflation,
        expected=_expected(bounds.shares, above, other) * inflation,
        taken=taken,
    )


def _expected(shares: FloatArray, above: FloatArray, other: FloatArray) -> FloatArray:
    """Return (...) the share of the information by which trials stop, on average."""
    stopped = (above + other)[..., :-1]
    return np.asarray(shares[-1] - (stopped * (shares[-1] - shares[:-1])).sum(axis=-1))


def check_design(design: object) -> GroupSequential:
    """Return a group-sequential design; anything else is refused."""
    if not isinstance(design, GroupSequential):
        raise TrialError(
            f"`design` must be a `GroupSequential`, got {type(design).__name__}; write "
            "GroupSequential(looks=3)."
        )
    return design


def check_bounds(bounds: object) -> StoppingBounds:
    """Return bounds; anything else is refused."""
    if not isinstance(bounds, StoppingBounds):
        raise TrialError(
            f"`bounds` must be `StoppingBounds`, got {type(bounds).__name__}; make them with "
            "`stopping_bounds` or `at_information`."
        )
    return bounds


def _check_observed(design: GroupSequential, observed: ArrayLike) -> FloatArray:
    values = as_tuple(
        np.atleast_1d(np.asarray(observed, dtype=object)), "observed", of="the looks' information"
    )
    if not values or not all(is_number(each) and 0 < each < np.inf for each in values):
        raise TrialError(
            f"`observed` must be the information at each look taken, above 0; got {observed!r}."
        )
    if len(values) > len(design.shares):
        raise ImpossibleDesign(
            f"`observed` has {len(values)} looks and the design plans {len(design.shares)}; looks "
            "beyond the plan spend error that is not there."
        )
    return floats(values)


def check_drift(drift: ArrayLike) -> FloatArray:
    """Return effects, one or many, as (m,) numbers."""
    effects = as_numbers(drift, "drift")
    if not (np.abs(effects) <= 100).all():
        raise TrialError(f"`drift` must be numbers between -100 and 100, got {drift!r}.")
    return effects
