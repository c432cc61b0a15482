"""Planning to compare times to an event: hazards, and restricted means."""

import dataclasses
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

import numpy as np

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import check_choice, check_level, check_positive
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.power.comparing import (
    Better,
    Comparison,
    Spread,
    by_formula,
    check_better,
    check_not_negative,
    check_share,
    spread,
)
from checkpoint_eval.power.courses import POINTS, Course, legendre

HazardFormula: TypeAlias = Literal["schoenfeld", "freedman", "lachin-foulkes", "wald"]
SOURCE = {
    "schoenfeld": "log-rank test, log hazard ratio with variance 1/(π₀π₁ × events) (Schoenfeld "
    "1981)",
    "freedman": "log-rank test, (HR − 1)/(1 + r HR) in place of the log hazard ratio (Freedman "
    "1982)",
    "lachin-foulkes": "log ratio of exponential hazards, its variance under the null hypothesis "
    "that of the pooled hazard (Lachin and Foulkes 1986)",
    "wald": "log ratio of exponential hazards with variance 1/events in each arm",
}
# Beyond these ratios the formulas part by more than ten per cent.
EXTREME = (0.5, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazards(Comparison):
    """Time to a first event under proportional hazards.

    Parameters
    ----------
    ratio : float
        Hazard in treatment divided by that in control; below 1, fewer events under treatment.
    control : float, optional
        Share of control with the event by the time `at`. Needed for people, not for events.
    at, accrual, follow_up : float
        Times in one unit: of `control`; over which people enter evenly; from the last entry to
        the end. With `accrual` 0 everyone is followed for `follow_up`.
    dropout : float
        Share lost by the time `at` in each arm, exponentially.
    plateau : float
        Share of control who would never have the event; 0 for exponential times.
    formula : {"schoenfeld", "freedman", "lachin-foulkes", "wald"}
    margin : float
        Hazard ratio under the null hypothesis; above 1 with ``better="lower"`` for
        non-inferiority.
    better : {"lower", "higher"}, optional
        The side of `margin` on which a rejection is a success. Default: where the effect lies.

    Raises
    ------
    TrialError, ImpossibleDesign
        For numbers out of range; for a plateau that leaves too few for `control`.

    Notes
    -----
    With a plateau the cumulative hazard of control is −log(plateau) (1 − e^(−λt)), so that hazards
    stay proportional and plateau^ratio of treatment never have the event (Tsodikov, Ibrahim and
    Yakovlev 2003, JASA 98, 1063-1078). That is no mixture of people who never do and exponential
    times: with the same risk by `at` and the same plateau the two part at other times.

    Examples
    --------
    Half of control by 12 months, people entering over 18 months and followed for 12 more.

    >>> from checkpoint_eval.power import people_needed
    >>> people_needed(Hazards(ratio=0.7, control=0.5, at=12, accrual=18, follow_up=12)).people
    395.0
    """

    ratio: float
    control: float | None = None
    at: float = 1.0
    accrual: float = 0.0
    follow_up: float = 1.0
    dropout: float = 0.0
    plateau: float = 0.0
    formula: HazardFormula = "schoenfeld"
    margin: float = 1.0
    better: Better = None

    def __post_init__(self) -> None:
        for name in ("ratio", "at", "follow_up", "margin"):
            check_positive(getattr(self, name), name)
        check_not_negative(self.accrual, "accrual")
        check_share(self.dropout, "dropout")
        check_share(self.plateau, "plateau")
        check_choice(self.formula, "formula", SOURCE)
        check_better(self.better)
        if self.control is not None and not check_level(self.control, "control") < 1 - self.plateau:
            raise ImpossibleDesign(
                f"`control` is {self.control:g}, but with a `plateau` of {self.plateau:g} fewer "
                f"than {1 - self.plateau:g} ever have the event; lower one of them."
            )
        if self.formula == "freedman" and self.margin != 1:
            raise ImpossibleDesign(
                "`formula` 'freedman' tests against a ratio of 1; choose 'schoenfeld' for a "
                "`margin`."
            )

    @property
    def told(self) -> str:
        """What is compared, in words."""
        against = "" if self.margin == 1 else f", against {self.margin:g}"
        if self.control is None:
            return f"hazard ratio {self.ratio:g}{against}"
        lost = f", {self.dropout:g} lost by {self.at:g}" if self.dropout else ""
        never = f", {self.plateau:g} never" if self.plateau else ""
        return (
            f"hazard ratio {self.ratio:g}{against}; {self.control:g} of control by {self.at:g}"
            f"{never}; accrual over {self.accrual:g}, follow-up {self.follow_up:g} after it{lost}"
        )

    @property
    def formula_told(self) -> str:
        """The formula and its source, in words."""
        return SOURCE[self.formula]

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What must hold for the formula."""
        held = ["hazards are proportional", "the effect is small enough for one local variance"]
        if self.control is not None:
            kind = "exponential times to the event" if not self.plateau else "a bounded hazard"
            held += [kind, "even accrual", "the same dropout in both arms"]
        return tuple(held)

    @property
    def course(self) -> Course:
        """Hazard, dropout and follow-up of control."""
        if self.control is None:
            raise ImpossibleDesign(
                "People need the share of `control` with the event by the time `at`; without it "
                "only `events_needed`, and `power_of` with `events`, can be told."
            )
        total = -np.log1p(-self.control)
        rate = total if self.plateau == 0 else -np.log1p(total / np.log(self.plateau))
        return Course(
            rate=float(rate) / self.at,
            plateau=self.plateau,
            loss=float(-np.log1p(-self.dropout)) / self.at,
            accrual=self.accrual,
            follow_up=self.follow_up,
        )

    def spread(self, control: FloatArray, treatment: FloatArray) -> Spread:
        """Return the effect and its error with these people in each arm.

        Without a risk in control everyone is taken to have the event: people are events.
        """
        n = np.stack(np.broadcast_arrays(control, treatment))
        if self.formula == "freedman":
            r = n[1] / n[0]
            effect = (self.ratio - 1) * (1 + r) / (1 + r * self.ratio)
        else:
            effect = floats(np.log(self.ratio / self.margin))
        events = self.events(n[0], n[1])
        if self.formula in ("schoenfeld", "freedman"):
            # (1/n0 + 1/n1) / chance of an event = 1 / (π0 π1 events)
            each = n.sum(axis=0) / (n * events.sum(axis=0))
            return spread(effect, each, each)
        if self.formula == "wald":
            return spread(effect, 1 / events, 1 / events)
        # Under the null hypothesis, hazards with the same sum over people.
        null = (n[0] + n[1] * self.ratio) / (n[0] + n[1] * self.margin)
        believed = self._chance(np.stack([null, null * self.margin]))
        return spread(effect, 1 / (n * believed), 1 / events)

    def _chance(self, ratio: FloatArray) -> FloatArray:
        """Return the chance of an event at hazard ratios to control."""
        return np.ones_like(ratio) if self.control is None else self.course.event_chance(ratio)

    def events(self, control: FloatArray, treatment: FloatArray) -> FloatArray:
        """Return (2, ...): events expected in control and treatment."""
        n = np.stack(np.broadcast_arrays(floats(control), floats(treatment)))
        chance = self._chance(np.array([1.0, self.ratio]))
        return floats(n * chance.reshape(2, *(1,) * (n.ndim - 1)))

    @property
    def effect(self) -> float:
        """The hazard ratio."""
        return self.ratio

    def at_effect(self, effect: float) -> Self:
        """Return the same comparison with another hazard ratio."""
        return dataclasses.replace(self, ratio=float(effect))

    def effects(self, side: float) -> FloatArray:
        """Return hazard ratios from the margin to a thousandth or a thousand times of it."""
        return np.geomspace(self.margin, self.margin * 10 ** (3 * side), 301)

    def mixed(self, drop_out: float, drop_in: float) -> Self:
        """Return the arms as assigned: of the log hazard ratio a share is kept."""
        kept = 1 - drop_out - drop_in
        return dataclasses.replace(
            self,
            ratio=float(self.ratio**kept),
            better=self.better or ("higher" if self.sign > 0 else "lower"),
        )

    def alternatives(self) -> dict[str, Comparison]:
        """Return the same comparison by the other formulas."""
        known = tuple(SOURCE) if self.control is not None else ("schoenfeld", "freedman")
        return by_formula(self, known)

    @property
    def why(self) -> str:
        """Why its formulas disagree."""
        return (
            "they agree for ratios near 1: Freedman's (HR − 1)/(1 + r HR) falls behind the log "
            "hazard ratio as it leaves 1, and Schoenfeld takes the events to fall in the arms as "
            "the people do, where Lachin and Foulkes and Wald take each arm's own"
        )

    def cautions(self, ratio: float) -> tuple[str, ...]:
        """Return where the formula misleads."""
        if EXTREME[0] <= self.ratio <= EXTREME[1]:
            return ()
        unequal = " with unequal arms" if ratio != 1 else ""
        return (
            f"A hazard ratio of {self.ratio:g}{unequal} is beyond what these formulas were made "
            "for, and they disagree; check the power with simulate_power.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictedMeans(Comparison):
    """Mean time free of the event up to a horizon, where hazards are as stated.

    Parameters
    ----------
    hazards : Hazards
        Control risk, ratio, accrual, follow-up and dropout. Its formula and margin are not used.
    horizon : float
        In the unit of `hazards`; before the longest follow-up.
    measure : {"difference", "ratio"}
        Treatment minus control, or treatment divided by control.
    better : {"lower", "higher"}, optional
        Default: where the effect lies.

    Raises
    ------
    TrialError, ImpossibleDesign
        When control's risk is not stated; when nobody is followed to the horizon.
    """

    hazards: Hazards
    horizon: float
    measure: Literal["difference", "ratio"] = "difference"
    better: Better = None

    def __post_init__(self) -> None:
        check_positive(self.horizon, "horizon")
        check_choice(self.measure, "measure", ("difference", "ratio"))
        check_better(self.better)
        if not isinstance(self.hazards, Hazards):
            raise ImpossibleDesign(
                f"`hazards` must be Hazards(ratio=..., control=..., at=...), "
                f"got {type(self.hazards).__name__}."
            )
        course = self.hazards.course
        longest = course.follow_up + course.accrual
        if not (self.horizon < longest or self.horizon == course.follow_up):
            raise ImpossibleDesign(
                f"`horizon` is {self.horizon:g}, but nobody is followed beyond {longest:g}; "
                "shorten it or lengthen `follow_up`."
            )

    @property
    def told(self) -> str:
        """What is compared, in words."""
        means, _ = self._means()
        return (
            f"restricted means to {self.horizon:g}, {means[0]:.4g} in control and {means[1]:.4g} "
            f"in treatment; {self.measure}; {self.hazards.told}"
        )

    @property
    def formula_told(self) -> str:
        """The formula and its source, in words."""
        return (
            "Wald test of areas under Kaplan–Meier, with Greenwood's variance (Royston and Parmar "
            "2013)"
        )

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What must hold for the formula."""
        return ("curves are as stated; the test itself needs no proportional hazards",)

    def _means(self) -> tuple[FloatArray, FloatArray]:
        """Return (2,): restricted means, and the variance of each for one person."""
        course, ratio = self.hazards.course, np.array([[1.0], [self.hazards.ratio]])
        ends = course.pieces(self.horizon, self.hazards.ratio)
        t, weight = legendre(ends)
        area = (course.survival(t, ratio) * weight).reshape(2, -1, POINTS).sum(axis=-1)
        # Beyond each time: what is left of its piece, and the pieces after it.
        later, each = legendre(np.stack([t, np.repeat(ends[1:], POINTS)], axis=-1))
        after = np.cumsum(area[:, ::-1], axis=1)[:, ::-1][:, 1:]
        beyond = (course.survival(later, ratio[..., None]) * each).sum(axis=-1)
        beyond += np.repeat(np.pad(after, ((0, 0), (0, 1))), POINTS, axis=1)
        at_risk = course.survival(t, ratio) * course.watched(t)
        added = np.zeros_like(at_risk)  # as in the limit, where survival is too small for a float
        np.divide(beyond**2 * ratio * course.hazard(t), at_risk, out=added, where=at_risk > 0)
        variance = added @ weight
        return floats(area.sum(axis=1)), floats(variance)

    def spread(self, control: FloatArray, treatment: FloatArray) -> Spread:
        """Return the effect and its error with these people in each arm."""
        mean, variance = self._means()
        n = np.stack(np.broadcast_arrays(control, treatment))
        effect = mean[1] - mean[0]
        if self.measure == "ratio":
            effect, variance = np.log(mean[1] / mean[0]), variance / mean**2
        each = variance.reshape(2, *(1,) * (n.ndim - 1)) / n
        return spread(effect, each, each)

    def events(self, control: FloatArray, treatment: FloatArray) -> FloatArray:
        """Return (2, ...): events expected over all of follow-up."""
        return self.hazards.events(control, treatment)

    @property
    def effect(self) -> float:
        """The hazard ratio."""
        return self.hazards.ratio

    def at_effect(self, effect: float) -> Self:
        """Return the same comparison with another hazard ratio."""
        return dataclasses.replace(self, hazards=self.hazards.at_effect(effect))

    def effects(self, side: float) -> FloatArray:
        """Return hazard ratios from 1: below it the restricted mean is higher."""
        return np.geomspace(1.0, 10 ** (-3 * side), 301)

    def mixed(self, drop_out: float, drop_in: float) -> Self:
        """Return the arms as assigned: of the log hazard ratio a share is kept."""
        return dataclasses.replace(
            self,
            hazards=self.hazards.mixed(drop_out, drop_in),
            better=self.better or ("higher" if self.sign > 0 else "lower"),
        )
