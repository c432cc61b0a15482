"""The course of an event over follow-up: hazard, dropout, and when people are still watched."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import ArrayLike

from checkpoint_eval._arrays import FloatArray, floats

# Gauss–Legendre points on each piece, and pieces that grow fourfold from the shortest time in which
# a curve falls by e: what falls fast early on is seen there, and what is left falls slowly.
POINTS = 32
GROWTH = 4.0
X, W = leggauss(POINTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Proportional hazards of a control curve, exponential or with a plateau.

    The cumulative hazard of control is rate × t, or −log(plateau) (1 − e^(−rate t)): some never
    have the event. People enter evenly over `accrual` and are watched until `follow_up` after the
    last; `loss` is the hazard of dropping out.
    """

    rate: float
    plateau: float
    loss: float
    accrual: float
    follow_up: float

    def cumulative(self, time: ArrayLike) -> FloatArray:
        """Return the cumulative hazard of control."""
        if self.plateau == 0:
            return floats(self.rate * floats(time))
        return floats(np.log(self.plateau) * np.expm1(-self.rate * floats(time)))

    def hazard(self, time: ArrayLike) -> FloatArray:
        """Return the hazard of control."""
        if self.plateau == 0:
            return np.full_like(floats(time), self.rate)
        return floats(-np.log(self.plateau) * self.rate * np.exp(-self.rate * floats(time)))

    def survival(self, time: ArrayLike, ratio: ArrayLike) -> FloatArray:
        """Return the survival at a hazard ratio to control."""
        return floats(np.exp(-floats(ratio) * self.cumulative(time)))

    def watched(self, time: ArrayLike) -> FloatArray:
        """Return the chance of still being watched, event or not."""
        t = floats(time)
        waiting = np.ones_like(t)
        if self.accrual > 0:
            waiting = np.clip((self.follow_up + self.accrual - t) / self.accrual, 0, 1)
        return floats(waiting * np.exp(-self.loss * t))

    def event_chance(self, ratio: ArrayLike) -> FloatArray:
        """Return the chance that a person's event is seen, at hazard ratios (...) to control."""
        k = floats(ratio)[..., None]
        t, weight = self.points(self.follow_up + self.accrual, float(k.max()))
        return floats((self.hazard(t) * k * self.survival(t, k) * self.watched(t)) @ weight)

    def points(self, horizon: float, ratio: float) -> tuple[FloatArray, FloatArray]:
        """Return times to a horizon and their weights in an integral."""
        return legendre(self.pieces(horizon, ratio))

    def pieces(self, horizon: float, ratio: float) -> FloatArray:
        """Return the ends of pieces to a horizon on which curves are smooth, a bend at `follow_up`.

        `ratio` is the largest hazard ratio of the curves to be integrated.
        """
        steepest = max(float(self.hazard(0.0)) * max(ratio, 1.0), self.rate) + self.loss
        pieces = max(0, math.ceil(math.log(horizon * steepest, GROWTH)))
        edges = GROWTH ** np.arange(pieces) / steepest
        return np.unique([0.0, min(self.follow_up, horizon), *edges, horizon])


def legendre(edges: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return Gauss–Legendre points and weights between edges (..., m), on the last axis."""
    ends = floats(edges)
    half, middle = np.diff(ends) / 2, (ends[..., 1:] + ends[..., :-1]) / 2
    shape = (*ends.shape[:-1], -1)
    points = (middle[..., None] + half[..., None] * X).reshape(shape)
    return points, (half[..., None] * W).reshape(shape)
