"""Planning to compare two proportions."""

import dataclasses
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import check_choice, check_level
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.models.proportions import (
    Measure,
    TwoProportions,
    restricted_difference,
    restricted_odds_ratio,
    restricted_ratio,
)
from checkpoint_eval.power.comparing import (
    Better,
    Comparison,
    Spread,
    by_formula,
    check_better,
    check_finite,
    spread,
)
from checkpoint_eval.power.exact_risks import exact_power

RiskFormula: TypeAlias = Literal[
    "pooled", "unpooled", "arcsine", "continuity", "fisher", "boschloo"
]
CLOSED = ("pooled", "unpooled", "arcsine", "continuity")
EXACT = ("fisher", "boschloo")
NO_EFFECT = {"difference": 0.0, "ratio": 1.0, "odds ratio": 1.0}
SOURCE = {
    "pooled": "score test, its variance under the null hypothesis the one of maximum likelihood "
    "there: pooled where there is no margin (Fleiss 1981; Farrington and Manning 1990)",
    "unpooled": "Wald test, its variance that of the two risks apart (Chow, Shao and Wang 2008)",
    "arcsine": "difference of the arcsine of √risk, variance 1/n in each arm (Cohen 1988)",
    "continuity": "pooled test with Yates's continuity correction (Casagrande, Pike and Smith "
    "1978; Fleiss, Tytun and Ury 1980)",
    "fisher": "Fisher's exact test: sum over all tables it rejects",
    "boschloo": "Boschloo's unconditional exact test, one-sided at alpha / sided: sum over all "
    "tables it rejects",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportions(Comparison):
    """The risk of an event in each arm.

    Parameters
    ----------
    control, treatment : float
        Risks, strictly between 0 and 1.
    measure : {"difference", "ratio", "odds ratio"}
        What is tested: treatment minus control, or treatment divided by control.
    formula : {"pooled", "unpooled", "arcsine", "continuity", "fisher", "boschloo"}
        The test. "pooled" is the score test; "unpooled" Wald's, of the logarithm of a ratio;
        "fisher" and "boschloo" are exact, by enumeration of all tables; two-sided, the first
        rejects by the tables no likelier than the one seen, as R's fisher.test, and the second by
        half of alpha on a side. The last four test the difference against none.
    margin : float, optional
        The value of the measure under the null hypothesis; default none, 0 or 1. With reoffending,
        a difference of 0.05 with ``better="lower"`` is non-inferiority.
    better : {"lower", "higher"}, optional
        The side of `margin` on which a rejection is a success. Default: where the effect lies.

    Raises
    ------
    TrialError, ImpossibleDesign
        For risks outside (0, 1); for a margin no risks can have, or with a formula that knows none.
    """

    control: float
    treatment: float
    measure: Measure = "difference"
    formula: RiskFormula = "pooled"
    margin: float | None = None
    better: Better = None

    def __post_init__(self) -> None:
        check_level(self.control, "control")
        check_level(self.treatment, "treatment")
        check_choice(self.measure, "measure", NO_EFFECT)
        check_choice(self.formula, "formula", SOURCE)
        check_better(self.better)
        if self.margin is not None:
            least = -1.0 if self.measure == "difference" else 0.0
            most = 1.0 if self.measure == "difference" else np.inf
            if not least < check_finite(self.margin, "margin") < most:
                raise ImpossibleDesign(
                    f"`margin` of a {self.measure} must lie between {least:g} and {most:g}, "
                    f"got {self.margin!r}."
                )
        plain = self.measure == "difference" and self.null == 0
        if self.formula not in ("pooled", "unpooled") and not plain:
            raise ImpossibleDesign(
                f"`formula` {self.formula!r} tests the difference against none; choose 'pooled' "
                f"or 'unpooled' for the {self.measure} against {self.null:g}."
            )

    @property
    def null(self) -> float:
        """The value of the measure under the null hypothesis."""
        return NO_EFFECT[self.measure] if self.margin is None else float(self.margin)

    @property
    def told(self) -> str:
        """What is compared, in words."""
        against = "" if self.margin is None else f", against {self.null:g}"
        return (
            f"risk {self.control:g} in control, {self.treatment:g} in treatment; "
            f"{self.measure}{against}"
        )

    @property
    def formula_told(self) -> str:
        """The formula and its source, in words."""
        return SOURCE[self.formula]

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What must hold for the formula."""
        held = ("people are independent and everyone's outcome is known",)
        return held if self.enumerated else (*held, "the estimate is near enough to normal")

    @property
    def enumerated(self) -> bool:
        """Whether the power is a sum over tables."""
        return self.formula in EXACT

    def spread(self, control: FloatArray, treatment: FloatArray) -> Spread:
        """Return the effect and its error with these people in each arm."""
        p, n = np.array([self.control, self.treatment]), np.stack([control, treatment])
        own = _down(p * (1 - p), n) / n
        if self.formula == "arcsine":
            angle = 2 * np.arcsin(np.sqrt(p))
            return spread(angle[1] - angle[0], 1 / n, 1 / n)
        if self.formula == "unpooled" and self.measure != "difference":
            log = np.log(p) if self.measure == "ratio" else np.log(p) - np.log1p(-p)
            each = (1 - p) / p if self.measure == "ratio" else 1 / (p * (1 - p))
            own = _down(each, n) / n
            return spread(log[1] - log[0] - np.log(self.null), own, own)
        if self.measure == "odds ratio":
            return self._log_odds(n)
        times = self.null if self.measure == "ratio" else 1.0
        effect = p[1] - times * p[0] - (self.null if self.measure == "difference" else 0.0)
        weight = _down(np.array([times**2, 1.0]), n)
        restricted = np.stack(np.broadcast_arrays(*self._restricted(n)))
        null = restricted * (1 - restricted) / n
        if self.formula == "continuity":
            # Half an event in each arm: what the test takes off the difference.
            less = (1 / n).sum(axis=0) / 2
            return spread(np.sign(effect) * (abs(effect) - less), weight * null, weight * own)
        return spread(effect, weight * (own if self.formula == "unpooled" else null), weight * own)

    def _restricted(self, n: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the likeliest risks under the null hypothesis, were the data as expected."""
        table = self._expected(n)
        if self.measure == "difference":
            control = restricted_difference(table, floats(self.null))
            return control, floats(control + self.null)
        control = restricted_ratio(table, floats(self.null))
        return control, floats(control * self.null)

    def _log_odds(self, n: FloatArray) -> Spread:
        """Return the spread of the log odds ratio."""
        with np.errstate(divide="ignore", invalid="ignore"):  # the root not taken
            p1, q1, p0, q0 = restricted_odds_ratio(self._expected(n), floats(self.null))
        p = np.array([self.control, self.treatment])
        logit = np.log(p) - np.log1p(-p)
        null = np.stack([1 / (n[0] * p0 * q0), 1 / (n[1] * p1 * q1)])
        own = 1 / (_down(p * (1 - p), n) * n)
        return spread(logit[1] - logit[0] - np.log(self.null), null, own)

    def _expected(self, n: FloatArray) -> TwoProportions:
        return TwoProportions(
            control_events=n[0] * self.control,
            control_n=n[0],
            treatment_events=n[1] * self.treatment,
            treatment_n=n[1],
        )

    def power(
        self, control: FloatArray, treatment: FloatArray, *, alpha: float, sided: int
    ) -> FloatArray:
        """Return the chance of rejecting on the side of success."""
        if not self.enumerated:
            # Named, as a dataclass of slots has no zero-argument super().
            return Comparison.power(self, control, treatment, alpha=alpha, sided=sided)
        return exact_power(
            floats(control),
            floats(treatment),
            risks=(self.control, self.treatment),
            test=self.formula,
            tail=(alpha, sided, int(self.sign)),
        )

    def events(self, control: FloatArray, treatment: FloatArray) -> FloatArray:
        """Return (2, ...): events expected in control and treatment."""
        return np.stack([floats(control) * self.control, floats(treatment) * self.treatment])

    @property
    def effect(self) -> float:
        """The risk in treatment."""
        return self.treatment

    def at_effect(self, effect: float) -> Self:
        """Return the same comparison with another risk in treatment."""
        return dataclasses.replace(self, treatment=float(effect))

    def effects(self, side: float) -> FloatArray:
        """Return risks in treatment from no effect to the last on one side."""
        none = (
            self.control + self.null if self.measure == "difference" else self.control * self.null
        )
        if self.measure == "odds ratio":
            odds = self.null * self.control / (1 - self.control)
            none = odds / (1 + odds)
        return np.linspace(np.clip(none, 1e-9, 1 - 1e-9), 1e-9 if side < 0 else 1 - 1e-9, 101)

    def mixed(self, drop_out: float, drop_in: float) -> Self:
        """Return the comparison of the arms as assigned: risks mixed by what was received."""
        gap = self.treatment - self.control
        return dataclasses.replace(
            self,
            control=self.control + drop_in * gap,
            treatment=self.treatment - drop_out * gap,
            better=self.better or ("higher" if self.sign > 0 else "lower"),
        )

    def alternatives(self) -> dict[str, Comparison]:
        """Return the same comparison by the other closed formulas."""
        return by_formula(self, CLOSED)

    @property
    def why(self) -> str:
        """Why its formulas disagree."""
        return (
            "pooled and unpooled differ in the variance the test uses, most when arms are unequal "
            "or risks far apart; the arcsine makes the variance the same at every risk; the "
            "continuity correction is near Fisher's exact test, which rejects less often than "
            "alpha allows"
        )


def _down(values: ArrayLike, like: FloatArray) -> FloatArray:
    """Return (2,) values as (2, 1, ...), to stand before the axes of `like`."""
    return floats(values).reshape(2, *(1,) * (like.ndim - 1))
