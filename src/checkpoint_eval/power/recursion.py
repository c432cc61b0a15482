"""The chance that a score crosses bounds for the first time, look by look.

The score S of a trial at information I is normal with mean θI and variance I, and what is added
between looks is independent of what was there. The part of its density that is still between the
bounds is carried from look to look by Gauss–Legendre quadrature (Armitage, McPherson and Rowe
1969; Jennison and Turnbull 2000, chapter 19). One pass under an effect b serves every θ near it: on
a path that ends at S the likelihood ratio is exp((θ − b)S − (θ² − b²)I/2), whatever came before.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from checkpoint_eval._arrays import FloatArray, floats

TAIL = 8.5  # standard errors beyond which a normal density holds less than rounding
POINTS = 24  # of one panel of the quadrature, which is as wide as
PANEL = 8.0  # so many standard errors of the narrower of the steps before and after
NOTHING = 1e-16  # a chance below this buys no bound
NARROW = 1e-10  # nor one below this a wedge, whose chance is a difference
CLOSE = 1e-13  # how near a bound is found
NEAR = 5.0  # how far, in standard errors at the last look, effects are from that of their pass
EDGE = 1e-7  # beyond where a bound can be, for rounding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reached:
    """The scores with which a trial comes as far as some information.

    Attributes
    ----------
    information : float
    score : (m,) float
        Points of the quadrature.
    mass : (m,) float
        Density under the effect `base` times the weight of the point; it sums to the chance of
        coming so far.
    base : float
    """

    information: float
    score: FloatArray
    mass: FloatArray
    base: float = 0.0

    def tilted(self, drift: FloatArray) -> FloatArray:
        """Return (..., m) the masses under effects `drift` of shape (...)."""
        theta = drift[..., None]
        middle = (theta + self.base) / 2 * self.information
        return np.asarray(self.mass * np.exp((theta - self.base) * (self.score - middle)))

    def between(self, information: float, low: float, high: float, drift: FloatArray) -> FloatArray:
        """Return (...) the chance of coming so far and then being from `low` to `high`."""
        if not low < high:
            return np.zeros(np.shape(drift))
        return self.below(information, high, drift) - self.below(information, low, drift)

    def above(self, information: float, z: float, drift: FloatArray) -> FloatArray:
        """Return (...) the chance of coming so far and then being above `z` at the next look."""
        return self._beyond(information, z, drift, 1)

    def below(self, information: float, z: float, drift: FloatArray) -> FloatArray:
        """Return (...) the chance of coming so far and then being below `z` at the next look."""
        return self._beyond(information, z, drift, -1)

    def _beyond(self, information: float, z: float, drift: FloatArray, side: int) -> FloatArray:
        if np.isinf(z):
            everyone = self.tilted(drift).sum(axis=-1)
            return np.asarray(everyone if side * z < 0 else np.zeros_like(everyone))
        step = information - self.information
        ahead = self.score + drift[..., None] * step - z * np.sqrt(information)
        return np.asarray(
            (self.tilted(drift) * ndtr(side * ahead / np.sqrt(step))).sum(axis=-1),
        )


START = Reached(information=0.0, score=np.zeros(1), mass=np.ones(1))
Span: TypeAlias = tuple[float, float]
NO_EFFECT = np.zeros(())


@functools.cache
def _panel(points: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of Gauss–Legendre quadrature on (0, 1)."""
    node, weight = np.polynomial.legendre.leggauss(points)
    return (node + 1) / 2, weight / 2


def quadrature(low: float, high: float, scale: float) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights on (low, high) for what changes over lengths of `scale`."""
    if not low < high:
        return np.zeros(0), np.zeros(0)
    panels = max(1, int(np.ceil((high - low) / (PANEL * scale))))
    node, weight = _panel(POINTS)
    width = (high - low) / panels
    nodes = low + width * (np.arange(panels)[:, None] + node)
    return nodes.ravel(), np.tile(width * weight, panels)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Edges:
    """Bounds of z at looks: a trial goes on between `lower` and `upper`, but not in the wedge.

    Attributes
    ----------
    lower, upper : (k,) float
        Infinite where there are none. Those of the last look do not stop a walk.
    wedge : (2, k) float
        Ends of z between which the trial stops too; nowhere where the first is not below the
        second.
    """

    lower: FloatArray
    upper: FloatArray
    wedge: FloatArray

    def spans(self, look: int) -> tuple[Span, ...]:
        """Return where the trial goes on."""
        lower, upper = float(self.lower[look]), float(self.upper[look])
        low, high = (float(end) for end in self.wedge[:, look])
        if not low < high:
            return ((lower, upper),)
        return (lower, min(low, upper)), (max(high, lower), upper)


def advance(
    reached: Reached,
    information: float,
    spans: Sequence[Span],
    *,
    following: float,
    reach: float = 0.0,
) -> Reached:
    """Return the scores that stay within `spans` of z at the next look.

    `following` is the information of the look after it, and `reach` how far effects asked about may
    be from that of the pass: both decide how fine and how wide the grid must be.
    """
    root, base = np.sqrt(information), reached.base
    far = TAIL + reach * root
    steps = np.array([information - reached.information, following - information])
    scale = min(1.0, float(np.sqrt(steps.min() / information)))
    centre = base * root
    z, weight = np.concatenate(
        [quadrature(max(low, centre - far), min(high, centre + far), scale) for low, high in spans],
        axis=-1,
    )
    score = z * root
    apart = (score[:, None] - reached.score - base * steps[0]) / np.sqrt(steps[0])
    density = np.exp(-0.5 * apart**2) @ reached.mass / np.sqrt(2 * np.pi * steps[0])
    mass = density * weight * root
    return Reached(information=information, score=score, mass=mass, base=base)


def walk(
    information: FloatArray, edges: Edges, *, base: float = 0.0, reach: float = 0.0
) -> list[Reached]:
    """Return the scores with which a trial comes to each of k looks: what is reached before it.

    Parameters
    ----------
    information : (k,) float
        At each look, ascending.
    edges : Edges
    base, reach : float
        The effect of the pass, and how far from it those asked about may be.
    """
    come = [replace(START, base=base)]
    for look in range(information.size - 1):
        spans, following = edges.spans(look), float(information[look + 1])
        come.append(advance(come[-1], information[look], spans, following=following, reach=reach))
    return come


def crossing(
    information: FloatArray, edges: Edges, drift: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return (..., k) the chances of stopping above, and of stopping otherwise, at each look.

    Parameters
    ----------
    information : (k,) float
    edges : Edges
    drift : (...) float
        Effects θ, so that z at information I has mean θ√I.
    """
    effects = floats(drift).ravel()
    above, other = np.empty((2, effects.size, information.size))
    reach = NEAR / float(np.sqrt(information[-1]))
    group = np.floor((effects - effects.min(initial=np.inf)) / (2 * reach))
    for number in np.unique(group):
        own = group == number
        base = (effects[own].min() + effects[own].max()) / 2
        come = walk(information, edges, base=base, reach=reach)
        above[own] = stopped_above(come, information, edges, effects[own])
        other[own] = stopped_otherwise(come, information, edges, effects[own])
    shape = (*np.shape(drift), information.size)
    return above.reshape(shape), other.reshape(shape)


def stopped_above(
    come: Sequence[Reached], information: FloatArray, edges: Edges, drift: FloatArray
) -> FloatArray:
    """Return (..., k) the chances of stopping above at each look, on a walk there."""
    looks = zip(come, information, edges.upper, strict=True)
    return np.stack([reached.above(info, z, drift) for reached, info, z in looks], axis=-1)


def stopped_otherwise(
    come: Sequence[Reached], information: FloatArray, edges: Edges, drift: FloatArray
) -> FloatArray:
    """Return (..., k) the chances of stopping below or in the wedge, on a walk there."""
    looks = zip(come, information, edges.lower, *edges.wedge, strict=True)
    return np.stack(
        [
            reached.below(info, z, drift) + reached.between(info, low, high, drift)
            for reached, info, z, low, high in looks
        ],
        axis=-1,
    )


def probit(chance: float | FloatArray) -> float:
    """Return the normal quantile of a chance, finite where rounding takes it to 0 or past 1."""
    return float(ndtri(np.clip(chance, 1e-300, 1 - 1e-16)))


def bound_above(reached: Reached, information: float, chance: float, *, least: float) -> float:
    """Return the z above which `chance` lies under no effect; not below `least`."""
    if chance < NOTHING:
        return np.inf
    target = probit(chance)

    def excess(z: float) -> float:
        return probit(reached.above(information, z, NO_EFFECT)) - target

    # Who has come so far is not everyone, so the bound is below that of a first look.
    high = -target + EDGE
    low = next((z for z in (high - 1, high - 3, -TAIL) if z < least or excess(z) > 0), least)
    low = max(low, least)
    return float(brentq(excess, low, high, xtol=CLOSE)) if excess(low) > 0 else low


def bound_below(
    reached: Reached, information: float, chance: float, drift: float, *, most: float
) -> float:
    """Return the z below which `chance` lies under an effect; not above `most`."""
    if chance < NOTHING:
        return -np.inf
    effect, target = floats(drift), probit(chance)

    def excess(z: float) -> float:
        return probit(reached.below(information, z, effect)) - target

    low = drift * np.sqrt(information) + target - EDGE
    high = next((z for z in (low + 1, low + 3, low + 9) if z > most or excess(z) > 0), most)
    high = min(high, most)
    if high <= low or not excess(high) > 0:
        return most
    return float(brentq(excess, low, high, xtol=CLOSE))


def bound_inside(
    reached: Reached, information: float, chance: float, drift: float, *, most: float
) -> float:
    """Return the |z| within which `chance` lies under an effect; not above `most`."""
    if chance < NARROW:
        return -np.inf
    effect = floats(drift)

    def excess(z: float) -> float:
        return float(reached.between(information, -z, z, effect)) - chance

    if not excess(most) > 0:
        return most
    return float(brentq(excess, 0.0, min(most, drift * information**0.5 + TAIL), xtol=CLOSE))


def increments(spent: Sequence[float] | FloatArray) -> FloatArray:
    """Return (k,) what is spent at each look, of what is spent up to it."""
    return np.diff(floats(spent), prepend=0.0)
