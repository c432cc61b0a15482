"""Bounds and the effect they have their power at, found on the recursion."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.power.group_sequential import GroupSequential
from checkpoint_eval.power.recursion import (
    CLOSE,
    EDGE,
    NO_EFFECT,
    START,
    Edges,
    Reached,
    Span,
    advance,
    bound_above,
    bound_below,
    bound_inside,
    crossing,
    increments,
    probit,
    stopped_above,
    walk,
)
from checkpoint_eval.power.spending import Classical, HaybittlePeto, Spending, exponent

MOST_DRIFT = 15.0  # mean of a final z beyond which no trial is planned


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bounds:
    """Bounds of z at the looks.

    Attributes
    ----------
    shares, upper, futility : (k,) float
        Information as shares of what is planned; the bound for efficacy, inf where there is none;
        that for futility, of z or with two sides of |z|, −inf where there is none.
    """

    shares: FloatArray
    upper: FloatArray
    futility: FloatArray


def edges_of(upper: FloatArray, sided: int, futility: FloatArray | None = None) -> Edges:
    """Return where trials stop: with two sides above, below and, for futility, in between."""
    none = np.full(upper.size, -np.inf)
    inner = none if futility is None else futility
    if sided == 2:
        return Edges(lower=-upper, upper=upper, wedge=np.stack([-inner, inner]))
    return Edges(lower=inner, upper=upper, wedge=np.stack([-none, none]))


def efficacy(design: GroupSequential, shares: FloatArray) -> FloatArray:
    """Return (k,) bounds for efficacy, not bought with futility; the last look ends the trial."""
    boundary = design.boundary
    if isinstance(boundary, Spending):
        return _by_spending(alpha_spent(design, shares), shares, design.sided)
    if isinstance(boundary, HaybittlePeto):
        return _haybittle_peto(boundary.z, design, shares)
    return _classical(boundary, design, shares)


def alpha_spent(design: GroupSequential, shares: FloatArray) -> FloatArray:
    """Return (k,) what a spending function spends by each look; by the last, all."""
    if not isinstance(design.boundary, Spending):
        raise TypeError("only spending functions spend")
    return _spent(design.boundary, shares, design.alpha, design.sided)


def _spent(spending: Spending, shares: FloatArray, total: float, sided: int) -> FloatArray:
    return spending.spent(np.append(shares[:-1], 1.0), alpha=total, sided=sided)


def _by_spending(spent: FloatArray, shares: FloatArray, sided: int) -> FloatArray:
    upper: list[float] = []
    reached = START
    for look, chance in enumerate(increments(spent) / sided):
        upper.append(bound_above(reached, shares[look], chance, least=_least(sided)))
        reached = _onward(reached, shares, look, _spans(upper[-1], sided))
    return np.array(upper)


def _least(sided: int) -> float:
    return 0.0 if sided == 2 else -np.inf


def _spans(upper: float, sided: int) -> tuple[Span, ...]:
    return ((-upper if sided == 2 else -np.inf, upper),)


def _onward(
    reached: Reached,
    shares: FloatArray,
    look: int,
    spans: Sequence[Span],
    reach: float = 0.0,
) -> Reached:
    if look + 1 == shares.size:
        return reached
    return advance(reached, shares[look], spans, following=shares[look + 1], reach=reach)


def _error(upper: FloatArray, shares: FloatArray, sided: int) -> float:
    """Return how often a trial without effect crosses, both sides together."""
    return sided * float(crossing(shares, edges_of(upper, sided), NO_EFFECT)[0].sum())


def _classical(boundary: Classical, design: GroupSequential, shares: FloatArray) -> FloatArray:
    shape = shares ** exponent(boundary)
    target = probit(design.alpha)

    def excess(constant: float) -> float:
        return probit(_error(constant * shape, shares, design.sided)) - target

    least = float(ndtri(1 - design.alpha / design.sided))
    most = float(ndtri(1 - design.alpha / design.sided / shares.size)) / min(1.0, shape.min())
    if shares.size == 1:
        return np.array([least])
    return shape * float(brentq(excess, least - EDGE, most + EDGE, xtol=CLOSE))


def _haybittle_peto(z: float, design: GroupSequential, shares: FloatArray) -> FloatArray:
    upper = np.full(shares.size, float(z))
    interim = upper.copy()
    interim[-1] = np.inf
    left = design.alpha - _error(interim, shares, design.sided)
    if not left > 0:
        raise ImpossibleDesign(
            f"Looks at z = {z:g} err more often than alpha = {design.alpha:g}; give a higher `z`."
        )
    reached = START
    for look in range(shares.size - 1):
        reached = _onward(reached, shares, look, _spans(z, design.sided))
    upper[-1] = bound_above(reached, shares[-1], left / design.sided, least=_least(design.sided))
    return upper


def bounds_at(design: GroupSequential, shares: FloatArray, drift: float) -> Bounds:
    """Return bounds at given shares, futility's under a given effect."""
    if design.futility is not None:
        return _with_futility(design, shares, drift, _free(design, shares))[0]
    upper = efficacy(design, shares)
    return Bounds(shares=shares, upper=upper, futility=np.full(upper.size, -np.inf))


def _free(design: GroupSequential, shares: FloatArray) -> FloatArray | None:
    return None if design.binding else efficacy(design, shares)


def _with_futility(
    design: GroupSequential,
    shares: FloatArray,
    drift: float,
    free: FloatArray | None,
) -> tuple[Bounds, float]:
    """Return bounds for efficacy and futility, and how often an effect is then missed.

    `free` are those for efficacy, unless futility binds.
    """
    futile, misses = np.full((2, shares.size), -np.inf)
    if design.futility is not None:
        misses = increments(_spent(design.futility, shares, design.futile_total, 1))
    upper = np.full(shares.size, np.inf) if free is None else free.copy()
    errors = increments(alpha_spent(design, shares)) / design.sided if free is None else misses
    missed, reached = 0.0, START
    for look, share in enumerate(shares):
        if free is None:
            upper[look] = bound_above(reached, share, errors[look], least=_least(design.sided))
        futile[look] = upper[look]
        if look + 1 < shares.size:
            futile[look] = _futile(design, reached, share, misses[look], drift, upper[look])
        edges = edges_of(upper, design.sided, futile)
        effect, (low, high) = np.asarray(drift), edges.wedge[:, look]
        missed += float(reached.below(share, edges.lower[look], effect))
        missed += float(reached.between(share, low, high, effect))
        reached = _onward(reached, shares, look, edges.spans(look), reach=drift)
    return Bounds(shares=shares, upper=upper, futility=futile), missed


def _futile(
    design: GroupSequential,
    reached: Reached,
    share: float,
    chance: float,
    drift: float,
    most: float,
) -> float:
    """Return the bound for futility at which a look spends `chance`."""
    effect = drift if design.futile_share is None else 0.0
    if design.sided == 1:
        return bound_below(reached, share, chance, effect, most=most)
    if design.futile_share is None:  # who stops on the other side is missed too
        chance -= float(reached.below(share, -most, np.asarray(effect)))
    return bound_inside(reached, share, chance, effect, most=most)


def solve(design: GroupSequential) -> tuple[Bounds, float]:
    """Return a design's bounds and the mean of its final z at which it has its power."""
    shares = np.asarray(design.shares)
    bounds = None if design.futility is not None else bounds_at(design, shares, 0.0)
    free = _free(design, shares) if bounds is None else bounds.upper
    edges = None if bounds is None else edges_of(bounds.upper, design.sided)
    come = None if edges is None else walk(shares, edges, reach=MOST_DRIFT)

    def missed(drift: float) -> float:
        if come is None or edges is None:
            return _with_futility(design, shares, drift, free)[1]
        return 1 - float(stopped_above(come, shares, edges, np.asarray(drift)).sum())

    target = probit(1 - design.power)

    def excess(drift: float) -> float:
        return probit(missed(drift)) - target

    low, high = design.fixed_drift * (1 - EDGE), design.fixed_drift * 1.1
    while excess(high) > 0:
        high *= 1.3
        if high > MOST_DRIFT:
            raise ImpossibleDesign("No effect has this power with these bounds; change the looks.")
    drift = float(brentq(excess, low, high, xtol=CLOSE, rtol=CLOSE))
    if bounds is None:
        bounds, _ = _with_futility(design, shares, drift, free)
    return bounds, drift
