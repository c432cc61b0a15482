"""What a trial that stopped at a look shows, with the looks allowed for."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtri

from checkpoint_eval._arrays import floats
from checkpoint_eval._checks import check_count, check_level, check_positive, is_number
from checkpoint_eval._display import Shown, row_frame
from checkpoint_eval._values import Value
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.power.bounds_table import StoppingBounds, check_bounds
from checkpoint_eval.power.recursion import Edges, stopped_above, walk

FARTHEST = 5.0  # standard errors past a normal interval within which its ends are sought


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class StoppedEstimate(Value, Shown):
    """An effect as seen when a trial stopped, with the looks before allowed for.

    Attributes
    ----------
    look : int
    z : float
        Positive favours treatment.
    value, low, high, level : float
        The median-unbiased estimate and its interval, on the scale of `std_error`.
    p_value : float
        Of as many sides as the design.
    naive : float
        The estimate as it is, z times its standard error.
    method : str
    """

    look: int
    z: float
    value: float
    low: float
    high: float
    level: float
    p_value: float
    naive: float
    method: str

    def __repr__(self) -> str:
        return (
            f"Stopped at look {self.look} with z = {self.z:.3f}: effect {self.value:.4g} "
            f"({100 * self.level:g}% interval {self.low:.4g} to {self.high:.4g}), p = "
            f"{self.p_value:.3g}; {self.naive:.4g} without allowing for the looks. {self.method}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        return row_frame(self)


def estimate_at_stopping(
    bounds: StoppingBounds,
    *,
    z: float,
    look: int | None = None,
    std_error: float | None = None,
    level: float = 0.95,
) -> StoppedEstimate:
    """Estimate the effect of a trial that stopped at a look.

    Parameters
    ----------
    bounds : StoppingBounds
        At the information there was (`at_information`), or as planned.
    z : float
        At the look; positive favours treatment.
    look : int, optional
        From 1; the last look taken, or the last of all, when not given.
    std_error : float, optional
        Of the effect at the look. Default: such that the effect is the mean of z at all the planned
        information.
    level : float
        Of the interval.

    Returns
    -------
    StoppedEstimate

    Raises
    ------
    TrialError
        When z is no number, or the look is none of the design's.

    Notes
    -----
    Results are ordered by the look at which they stop: stopping for efficacy earlier is stronger
    evidence than later, and at one look a larger z than a smaller. The p-value is the chance
    without effect of a result as far in that order; at the ends of the interval that chance is
    (1 − level)/2 on either side, and ½ at the estimate. None depends on looks not taken. A z
    between the bounds is taken as that of a trial that ended there. Futility that does not bind
    is left out; results in a wedge that does lie in the middle of the order.

    References
    ----------
    Tsiatis, Rosner and Mehta (1984); Fairbanks and Madsen (1982) for the p-value; Jennison and
    Turnbull (2000). Checked against R rpact (getFinalPValue,
    getFinalConfidenceInterval).

    Examples
    --------
    >>> from checkpoint_eval.power import GroupSequential, stopping_bounds
    >>> found = stopping_bounds(GroupSequential(looks=3))
    >>> stopped = estimate_at_stopping(found, z=2.8, look=2, std_error=0.1)
    >>> round(stopped.naive, 3), round(stopped.value, 3)
    (0.28, 0.28)
    """
    check_level(level)
    place = check_look(bounds, look)
    if not is_number(z) or not np.isfinite(z):
        raise TrialError(f"`z` must be a finite number, got {z!r}.")
    if bounds.design.sided == 2 and bounds.design.binding and z < 0:
        # with a wedge the order runs from each side to the middle
        found = estimate_at_stopping(bounds, z=-z, look=look, std_error=std_error, level=level)
        return replace(mirrored(found), z=float(z))
    share = float(bounds.shares[place])
    root = float(np.sqrt(share))
    unit = 1.0 if std_error is None else check_positive(std_error, "std_error") * root
    ordered = _Order(bounds, place, float(z), level)
    tail = (1 - level) / 2
    one_sided = ordered.chance(0.0)
    p_value = one_sided if bounds.design.sided == 1 else 2 * min(one_sided, 1 - one_sided)
    return StoppedEstimate(
        look=place + 1,
        z=float(z),
        value=ordered.effect(0.5) * unit,
        low=ordered.effect(tail) * unit,
        high=ordered.effect(1 - tail) * unit,
        level=level,
        p_value=float(np.clip(p_value, 0.0, 1.0)),
        naive=float(z) / root * unit,
        method="stage-wise ordering, median-unbiased",
    )


def mirrored(found: StoppedEstimate) -> StoppedEstimate:
    """Return an estimate where less of an outcome favours treatment, with the outcome's sign."""
    return replace(found, value=-found.value, low=-found.high, high=-found.low, naive=-found.naive)


def check_look(bounds: object, look: int | None) -> int:
    """Return the place of a look, from 0: the last taken, or of all, for None."""
    known = check_bounds(bounds)
    last = known.shares.size
    if look is None:
        return (known.taken or last) - 1
    if check_count(look, "look") > last:
        raise ImpossibleDesign(f"`look` is {look}, and there are {last}; looks count from 1.")
    return look - 1


class _Order:
    """How likely a result as far as one seen, or farther, is under each effect."""

    __slots__ = ("_edges", "_reach", "_shares")

    def __init__(self, bounds: StoppingBounds, place: int, z: float, level: float) -> None:
        edges = bounds.edges(binding_only=True)
        self._shares = bounds.shares[: place + 1]
        lower, wedge = edges.lower[: place + 1].copy(), edges.wedge[:, : place + 1].copy()
        lower[-1], wedge[:, -1] = -np.inf, 0.0
        self._edges = Edges(lower=lower, upper=np.append(edges.upper[:place], z), wedge=wedge)
        held = np.where(np.isfinite(lower), np.abs(lower), 0.0)
        held[-1] = abs(z)
        margin = float(ndtri((1 + level) / 2)) + FARTHEST
        self._reach = float(((held + margin) / np.sqrt(self._shares)).max())

    def chance(self, drift: float) -> float:
        """Return the chance of a result as far, or farther."""
        come = walk(self._shares, self._edges, base=drift)
        return float(stopped_above(come, self._shares, self._edges, floats(drift)).sum())

    def effect(self, chance: float) -> float:
        """Return the effect under which a result as far has a given chance."""
        return float(
            brentq(lambda drift: self.chance(drift) - chance, -self._reach, self._reach, xtol=1e-12)
        )
