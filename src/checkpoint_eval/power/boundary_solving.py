"""Bounds and the effect they have their power at, found on the recursion."""

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
    Reached,
    advance,
    bound_above,
    bound_below,
    crossed,
    crossing,
    increments,
    probit,
    walk,
)
from checkpoint_eval.power.spending import Classical, HaybittlePeto, Spending, exponent

MOST_DRIFT = 15.0  # mean of a final z beyond which no trial is planned


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bounds:
    """Bounds of z at the looks: below `lower` and above `upper` the trial stops.

    Attributes
    ----------
    shares, lower, upper : (k,) float
        Information as shares of what is planned; −inf and inf where there is no bound. `lower` is
        the other side of two, or futility.
    """

    shares: FloatArray
    lower: FloatArray
    upper: FloatArray


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
        least = 0.0 if sided == 2 else -np.inf
        upper.append(bound_above(reached, shares[look], chance, least=least))
        reached = _onward(reached, shares, look, (_other(upper[-1], sided), upper[-1]))
    return np.array(upper)


def _other(upper: float, sided: int) -> float:
    return -upper if sided == 2 else -np.inf


def _onward(
    reached: Reached,
    shares: FloatArray,
    look: int,
    bounds: tuple[float, float],
    reach: float = 0.0,
) -> Reached:
    if look + 1 == shares.size:
        return reached
    return advance(reached, shares[look], bounds, following=shares[look + 1], reach=reach)


def _error(upper: FloatArray, shares: FloatArray, sided: int) -> float:
    """Return how often a trial without effect crosses, both sides together."""
    lower = -upper if sided == 2 else np.full(upper.size, -np.inf)
    return sided * float(crossing(shares, lower, upper, NO_EFFECT)[0].sum())


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
        reached = _onward(reached, shares, look, (_other(z, design.sided), z))
    least = 0.0 if design.sided == 2 else -np.inf
    upper[-1] = bound_above(reached, shares[-1], left / design.sided, least=least)
    return upper


def bounds_at(design: GroupSequential, shares: FloatArray, drift: float) -> tuple[Bounds, float]:
    """Return bounds at given shares under a given effect, and how often it is then missed."""
    if design.futility is None:
        upper = efficacy(design, shares)
        lower = -upper if design.sided == 2 else np.full(upper.size, -np.inf)
        found = Bounds(shares=shares, lower=lower, upper=upper)
        return found, 1 - float(crossing(shares, lower, upper, np.asarray(drift))[0].sum())
    return _with_futility(design, shares, drift, _free(design, shares))


def _free(design: GroupSequential, shares: FloatArray) -> FloatArray | None:
    return None if design.binding else efficacy(design, shares)


def _with_futility(
    design: GroupSequential,
    shares: FloatArray,
    drift: float,
    free: FloatArray | None,
) -> tuple[Bounds, float]:
    """Return bounds for efficacy and futility; `free` are those for efficacy unless it binds."""
    if design.futility is None:
        raise TypeError("a design with futility is needed")
    misses = increments(_spent(design.futility, shares, 1 - design.power, 1))
    errors = misses
    if free is None:
        errors = increments(alpha_spent(design, shares))
    lower, upper = np.full(shares.size, -np.inf), np.full(shares.size, np.inf)
    missed, reached = 0.0, START
    for look, share in enumerate(shares):
        ends = look == shares.size - 1
        upper[look] = (
            bound_above(reached, share, errors[look], least=-np.inf) if free is None else free[look]
        )
        lower[look] = (
            upper[look]
            if ends
            else bound_below(reached, share, misses[look], drift, most=upper[look])
        )
        missed += float(reached.below(share, lower[look], np.asarray(drift)))
        reached = _onward(reached, shares, look, (lower[look], upper[look]), reach=drift)
    return Bounds(shares=shares, lower=lower, upper=upper), missed


def solve(design: GroupSequential) -> tuple[Bounds, float]:
    """Return a design's bounds and the mean of its final z at which it has its power."""
    shares = np.asarray(design.shares)
    free = _free(design, shares) if design.futility is not None else None
    if design.futility is None:
        bounds, _ = bounds_at(design, shares, 0.0)
        come = walk(shares, bounds.lower, bounds.upper, reach=MOST_DRIFT)

    def missed(drift: float) -> float:
        if design.futility is not None:
            return _with_futility(design, shares, drift, free)[1]
        return 1 - float(crossed(come, shares, bounds.upper, np.asarray(drift), side=1).sum())

    target = probit(1 - design.power)

    def excess(drift: float) -> float:
        return probit(missed(drift)) - target

    low, high = design.fixed_drift * (1 - EDGE), design.fixed_drift * 1.1
    while excess(high) > 0:
        high *= 1.3
        if high > MOST_DRIFT:
            raise ImpossibleDesign("No effect has this power with these bounds; change the looks.")
    drift = float(brentq(excess, low, high, xtol=CLOSE, rtol=CLOSE))
    if design.futility is not None:
        bounds, _ = _with_futility(design, shares, drift, free)
    return bounds, drift
