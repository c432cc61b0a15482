"""How much further a trial goes when its last look before the end is promising."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import check_choice, check_level, check_positive, is_number
from checkpoint_eval._display import Shown, row_frame
from checkpoint_eval._values import Value
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.power.bounds_table import StoppingBounds, check_drift
from checkpoint_eval.power.recursion import START, Reached, Span, advance, crossing, walk
from checkpoint_eval.power.stopped import check_look

Statistic = Literal["combination", "all data"]
Zone = Literal["unfavourable", "promising", "favourable"]
HALVINGS = 60  # of an interval, which leave nothing of it


@dataclass(frozen=True, slots=True, kw_only=True)
class PromisingZone:
    """A plan to end a trial later should its last look before the end be promising.

    Attributes
    ----------
    bounds : StoppingBounds
        With a look before the last; it is there that the end is set anew.
    zone : (float, float), optional
        Conditional powers from which to which a result is promising. Default: 0.5 and the design's
        power.
    target : float, optional
        The conditional power wanted then; the design's power when not given.
    most : float
        The information at the end at most, as a multiple of that planned; above 1.
    effect : {"trend"} or float
        For conditional power: as seen so far, or the mean of z at all the planned information.
    statistic : {"combination", "all data"}
        How the end is judged. "combination" keeps the weights planned for the data before and after
        the look (inverse normal), and errs as often as planned whatever the extension. "all data"
        weights people alike: its error is at most that planned where only results with a
        conditional power of at least about one half are extended.

    Raises
    ------
    ImpossibleDesign
        When there is one look only, or the zone or `most` leave nothing to extend.
    TrialError
        For other numbers out of range.

    References
    ----------
    Cui, Hung and Wang (1999); Chen, DeMets and Lan (2004); Mehta and Pocock (2011). Checked against
    values printed for R gsDesign (ssrCP) and East, and a simulation.

    Examples
    --------
    >>> from checkpoint_eval.power import GroupSequential, stopping_bounds
    >>> PromisingZone(bounds=stopping_bounds(GroupSequential(looks=2))).wanted
    (0.5, 0.8, 0.8)
    """

    bounds: StoppingBounds
    zone: tuple[float, float] | None = None
    target: float | None = None
    most: float = 2.0
    effect: Literal["trend"] | float = "trend"
    statistic: Statistic = "combination"

    def __post_init__(self) -> None:
        check_look(self.bounds, None)
        if self.bounds.shares.size < 2:
            raise ImpossibleDesign("`bounds` must have a look before the last; give looks=2.")
        if self.target is not None:
            check_level(self.target, "target")
        _check_zone(self.wanted[:2] if self.zone is None else self.zone)
        check_choice(self.statistic, "statistic", ("combination", "all data"))
        if not is_number(self.most) or not 1 < self.most < np.inf:
            raise ImpossibleDesign(
                f"`most` must be above 1, the end as planned; got {self.most!r}."
            )
        if self.effect != "trend":
            check_positive(self.effect, "effect")

    @property
    def wanted(self) -> tuple[float, float, float]:
        """Conditional powers: where the zone begins and ends, and the target."""
        power = self.bounds.design.power
        low, high = (0.5, power) if self.zone is None else self.zone
        return low, high, power if self.target is None else self.target

    @property
    def told(self) -> tuple[float, float, float]:
        """Information at the look and at the end, as shares of the planned, and the final bound."""
        now, end = self.bounds.shares[-2:]
        return float(now), float(end), float(self.bounds.critical[-1])

    def weights(self, after: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return by what the final bound and z now count in what z must be after the look."""
        now, end, _ = self.told
        span = floats(after) if self.statistic == "all data" else np.full_like(after, end - now)
        return np.sqrt((now + span) / span), np.sqrt(now / span)

    def needed(self, z: FloatArray, after: FloatArray) -> FloatArray:
        """Return (...) what z of the data after the look must be alone."""
        bound, own = self.weights(after)
        return np.asarray(self.told[2] * bound - z * own)

    def conditional(self, z: FloatArray, after: FloatArray) -> FloatArray:
        """Return (...) conditional power with so much information after the look."""
        drift = z / np.sqrt(self.told[0]) if self.effect == "trend" else floats(self.effect)
        return np.asarray(ndtr(drift * np.sqrt(after) - self.needed(z, after)))

    def z_of(self, chance: float, after: float) -> float:
        """Return the z at which conditional power is a chance, in which it is linear."""
        now, _, critical = self.told
        bound, own = self.weights(floats(after))
        base = float(ndtri(chance) + critical * bound)
        if self.effect == "trend":
            return base / float(own + np.sqrt(after / now))
        return (base - float(self.effect) * float(np.sqrt(after))) / float(own)

    def after(self, z: FloatArray) -> FloatArray:
        """Return (...) the information after the look: as planned, or what the target needs."""
        (now, end, _), (first, last, target) = self.told, self.wanted
        low = np.full_like(z, end - now)
        planned = self.conditional(z, low)
        high = np.full_like(z, self.most * end - now)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            short = self.conditional(z, middle) < target
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        promising = (planned >= first) & (planned <= last) & (planned < target)
        return np.where(promising, high, end - now)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Extension(Value, Shown):
    """Where a trial ends after its last look but one.

    Attributes
    ----------
    z : float
    zone : str
        "unfavourable", "promising" or "favourable".
    share, planned : float
        Information at the end as a share of the planned, now and before.
    conditional, as_planned : float
        Conditional power with that end, and with the one planned.
    needed : float
        What z of the data after the look alone must be for efficacy.
    """

    z: float
    zone: Zone
    share: float
    planned: float
    conditional: float
    as_planned: float
    needed: float

    def __repr__(self) -> str:
        return (
            f"z = {self.z:.3f} is {self.zone}: conditional power {self.as_planned:.3f} as planned. "
            f"The trial ends at {100 * self.share:.1f}% of the planned information (conditional "
            f"power {self.conditional:.3f}), for efficacy at a z of {self.needed:.3f} or more in "
            "the data after this look."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        return row_frame(self)


def extend_information(plan: PromisingZone, *, z: float) -> Extension:
    """Tell where a trial ends, given its last look before the end.

    Parameters
    ----------
    plan : PromisingZone
    z : float
        At that look; positive favours treatment.

    Returns
    -------
    Extension

    Raises
    ------
    TrialError
        When z is no number.
    ImpossibleDesign
        When the trial stops at this look.

    References
    ----------
    Cui, Hung and Wang (1999); Mehta and Pocock (2011). Checked against the closed form of the
    combination test, and values printed for R gsDesign.

    Examples
    --------
    >>> from checkpoint_eval.power import GroupSequential, stopping_bounds
    >>> plan = PromisingZone(bounds=stopping_bounds(GroupSequential(looks=2)), most=1.5)
    >>> extend_information(plan, z=1.6)
    z = 1.600 is promising: conditional power 0.661 as planned. The trial ends at 130.1% of the
    planned information (conditional power 0.800), for efficacy at a z of 1.184 or more in the
    data after this look.
    """
    _check_plan(plan)
    if not is_number(z) or not np.isfinite(z):
        raise TrialError(f"`z` must be a finite number, got {z!r}.")
    look = plan.bounds.shares.size - 2
    if not any(low < z < high for low, high in plan.bounds.edges().spans(look)):
        raise ImpossibleDesign(
            f"A `z` of {z:.4g} is at or beyond a bound of look {look + 1}, where the trial stops."
        )
    now, end, _ = plan.told
    seen, planned = floats(z), floats(end - now)
    after = plan.after(seen)
    chance = float(plan.conditional(seen, planned))
    zone: Zone = "promising" if after > planned else "unfavourable"
    if zone != "promising" and chance >= plan.wanted[0]:
        zone = "favourable"
    return Extension(
        z=float(z),
        zone=zone,
        share=now + float(after),
        planned=end,
        conditional=float(plan.conditional(seen, after)),
        as_planned=chance,
        needed=float(plan.needed(seen, after)),
    )


def extension_power(plan: PromisingZone, *, drift: ArrayLike) -> pd.DataFrame:
    """Tell how often a trial succeeds that may be extended, and how long it is, over effects.

    Parameters
    ----------
    plan : PromisingZone
    drift : (m,) float
        Effects, as the mean of z at all the planned information.

    Returns
    -------
    DataFrame
        One row an effect: `drift`, `efficacy` (the chance to stop favouring treatment), `extended`
        (the chance to be extended), `expected` information over that of a trial without looks.

    References
    ----------
    Mehta and Pocock (2011). Checked against values printed for R gsDesign (Power.ssrCP) and East,
    and a simulation.

    Examples
    --------
    >>> from checkpoint_eval.power import GroupSequential, stopping_bounds
    >>> bounds = stopping_bounds(GroupSequential(looks=2))
    >>> extension_power(PromisingZone(bounds=bounds), drift=[0, bounds.drift]).round(3)
       drift  efficacy  extended  expected
    0  0.000     0.025     0.047     1.020
    1  2.807     0.818     0.155     0.971
    """
    _check_plan(plan)
    effects = check_drift(drift)
    rows = [_over_looks(plan, float(each)) for each in effects]
    return pd.DataFrame(rows, columns=["drift", "efficacy", "extended", "expected"])


def _over_looks(plan: PromisingZone, drift: float) -> tuple[float, float, float, float]:
    bounds, (now, end, _) = plan.bounds, plan.told
    edges = bounds.edges()
    above, other = crossing(bounds.shares, edges, floats(drift))
    look = bounds.shares.size - 2
    come = walk(bounds.shares, edges, base=drift)[look] if look else _start(drift)
    *ends, target = plan.wanted
    kinks = [plan.z_of(chance, end - now) for chance in (*ends, target)]
    kinks.append(plan.z_of(target, plan.most * end - now))
    reached = advance(come, now, _cut(edges.spans(look), sorted(kinks)), following=end)
    z = reached.score / np.sqrt(now)
    after = plan.after(z)
    succeeds = ndtr(drift * np.sqrt(after) - plan.needed(z, after))
    stopped = (above + other)[: look + 1]
    length = float(stopped @ bounds.shares[: look + 1] + reached.mass @ (now + after))
    return (
        drift,
        float(above[: look + 1].sum() + reached.mass @ succeeds),
        float(reached.mass @ (after > end - now)),
        length * bounds.inflation,
    )


def _start(drift: float) -> Reached:
    return Reached(information=0.0, score=START.score, mass=START.mass, base=drift)


def _cut(spans: tuple[Span, ...], points: list[float]) -> list[Span]:
    """Return spans cut at points, so that nothing jumps within one."""
    pieces = []
    for low, high in spans:
        ends = [low, *(each for each in points if low < each < high), high]
        pieces += list(pairwise(ends))
    return pieces


def _check_plan(plan: object) -> None:
    if not isinstance(plan, PromisingZone):
        raise TrialError(
            f"`plan` must be a `PromisingZone`, got {type(plan).__name__}; write "
            "PromisingZone(bounds=stopping_bounds(design))."
        )


def _check_zone(zone: object) -> None:
    if (
        not isinstance(zone, tuple)
        or len(zone) != 2
        or not all(is_number(each) for each in zone)
        or not 0 < zone[0] < zone[1] < 1
    ):
        raise ImpossibleDesign(
            f"`zone` must be two rising conditional powers between 0 and 1, got {zone!r}."
        )
