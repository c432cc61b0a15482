"""Planning to compare means, and counts of events."""

import dataclasses
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

import numpy as np

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import check_choice, check_count, check_positive, is_number
from checkpoint_eval.errors import TrialError
from checkpoint_eval.power.comparing import (
    Better,
    Comparison,
    Spread,
    by_formula,
    check_better,
    check_finite,
    check_not_negative,
    spread,
)

MeanFormula: TypeAlias = Literal["t", "z"]
CountFormula: TypeAlias = Literal["pooled", "unpooled", "control"]
MEANS = {
    "t": "t test, its power by the noncentral t distribution (Cohen 1988; Welch's degrees of "
    "freedom where the standard deviations differ)",
    "z": "normal test of the difference with known standard deviations (Chow, Shao and Wang 2008)",
}
COUNTS = {
    "pooled": "log rate ratio of a negative binomial model, its variance under the null hypothesis "
    "that of the pooled rate (Zhu and Lakkis 2014, method 3)",
    "unpooled": "log rate ratio of a negative binomial model, variance of the two rates apart (Zhu "
    "and Lakkis 2014, method 2)",
    "control": "log rate ratio of a negative binomial model, its variance under the null "
    "hypothesis that of control's rate (Zhu and Lakkis 2014, method 1)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Means(Comparison):
    """The mean of a numeric outcome in each arm.

    Parameters
    ----------
    difference : float
        Treatment minus control.
    sd : float
        Standard deviation within control.
    treatment_sd : float, optional
        Within treatment; default the same.
    correlation : float
        Of the outcome with the covariates it is adjusted for, such as its value before
        randomisation: the variance left is 1 less its square.
    covariates : int
        How many are adjusted for; each takes a degree of freedom.
    formula : {"t", "z"}
    margin : float
        The difference under the null hypothesis.
    better : {"lower", "higher"}, optional
        The side of `margin` on which a rejection is a success. Default: where the effect lies.

    Raises
    ------
    TrialError
        For numbers out of range.
    """

    difference: float
    sd: float
    treatment_sd: float | None = None
    correlation: float = 0.0
    covariates: int = 0
    formula: MeanFormula = "t"
    margin: float = 0.0
    better: Better = None

    def __post_init__(self) -> None:
        check_finite(self.difference, "difference")
        check_finite(self.margin, "margin")
        check_positive(self.sd, "sd")
        if self.treatment_sd is not None:
            check_positive(self.treatment_sd, "treatment_sd")
        if not is_number(self.correlation) or not -1 < self.correlation < 1:
            raise TrialError(
                f"`correlation` must lie strictly between -1 and 1, got {self.correlation!r}."
            )
        check_count(self.covariates, "covariates", least=0)
        check_choice(self.formula, "formula", MEANS)
        check_better(self.better)

    @property
    def told(self) -> str:
        """What is compared, in words."""
        other = (
            "" if self.treatment_sd is None else f" in control, {self.treatment_sd:g} in treatment"
        )
        adjusted = f", correlation {self.correlation:g} with covariates" if self.correlation else ""
        against = f", against {self.margin:g}" if self.margin else ""
        return f"difference of means {self.difference:g}{against}; SD {self.sd:g}{other}{adjusted}"

    @property
    def formula_told(self) -> str:
        """The formula and its source, in words."""
        adjusted = "; variance times 1 − correlation² (Borm, Fransen and Lemmens 2007)"
        return MEANS[self.formula] + (adjusted if self.correlation else "")

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What must hold for the formula."""
        return ("people are independent", "means are near enough to normal")

    def spread(self, control: FloatArray, treatment: FloatArray) -> Spread:
        """Return the effect and its error with these people in each arm."""
        n = np.stack(np.broadcast_arrays(control, treatment))
        sd = np.array([self.sd, self.sd if self.treatment_sd is None else self.treatment_sd])
        left = sd**2 * (1 - self.correlation**2)
        each = left.reshape(2, *(1,) * (n.ndim - 1)) / n
        df = floats(np.full(n.shape[1:], np.inf))
        if self.formula == "t":
            df = n.sum(axis=0) - 2
            if sd[0] != sd[1]:
                with np.errstate(divide="ignore", invalid="ignore"):
                    df = each.sum(axis=0) ** 2 / (each**2 / (n - 1)).sum(axis=0)
            df = df - self.covariates
        return spread(self.difference - self.margin, each, each, df)

    @property
    def effect(self) -> float:
        """The difference."""
        return self.difference

    def at_effect(self, effect: float) -> Self:
        """Return the same comparison with another difference."""
        return dataclasses.replace(self, difference=float(effect))

    def effects(self, side: float) -> FloatArray:
        """Return differences from the margin to a thousand standard deviations from it."""
        steps = np.concatenate([[0.0], np.geomspace(1e-6, 1e3, 201)])
        return floats(self.margin + side * self.sd * steps)

    def mixed(self, drop_out: float, drop_in: float) -> Self:
        """Return the comparison of the arms as assigned: a share of the difference is kept."""
        return dataclasses.replace(
            self,
            difference=self.difference * (1 - drop_out - drop_in),
            better=self.better or ("higher" if self.sign > 0 else "lower"),
        )

    def alternatives(self) -> dict[str, Comparison]:
        """Return the same comparison by the other formula."""
        return by_formula(self, tuple(MEANS))

    @property
    def why(self) -> str:
        """Why its formulas disagree."""
        return "the t test pays for estimating the standard deviation, a person or two an arm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts(Comparison):
    """How often an event happens to each person: reoffences over time at risk.

    Parameters
    ----------
    control : float
        Events a person and unit of time in control.
    ratio : float
        Rate in treatment divided by that in control.
    exposure : float
        Mean time at risk of a person.
    dispersion : float
        Of the negative binomial: variance = mean + dispersion × mean². 0 for Poisson.
    formula : {"pooled", "unpooled", "control"}
        Where the variance under the null hypothesis is taken from.
    margin : float
        The ratio under the null hypothesis.
    better : {"lower", "higher"}, optional
        The side of `margin` on which a rejection is a success. Default: where the effect lies.

    Raises
    ------
    TrialError
        For numbers out of range.

    Notes
    -----
    One person's log rate has variance 1/(rate × exposure) + dispersion (Zhu and Lakkis 2014). Of
    unequal times at risk only the mean is taken.
    """

    control: float
    ratio: float
    exposure: float = 1.0
    dispersion: float = 0.0
    formula: CountFormula = "pooled"
    margin: float = 1.0
    better: Better = None

    def __post_init__(self) -> None:
        for name in ("control", "ratio", "exposure", "margin"):
            check_positive(getattr(self, name), name)
        check_not_negative(self.dispersion, "dispersion")
        check_choice(self.formula, "formula", COUNTS)
        check_better(self.better)

    @property
    def told(self) -> str:
        """What is compared, in words."""
        against = "" if self.margin == 1 else f", against {self.margin:g}"
        return (
            f"rate ratio {self.ratio:g}{against}; {self.control:g} events a unit of time in "
            f"control, {self.exposure:g} units a person, dispersion {self.dispersion:g}"
        )

    @property
    def formula_told(self) -> str:
        """The formula and its source, in words."""
        return COUNTS[self.formula]

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What must hold for the formula."""
        return (
            "counts are negative binomial with one dispersion in both arms, which is known",
            "everyone is at risk for about the mean exposure",
        )

    def spread(self, control: FloatArray, treatment: FloatArray) -> Spread:
        """Return the effect and its error with these people in each arm."""
        n = np.stack(np.broadcast_arrays(control, treatment))
        down = (2, *(1,) * (n.ndim - 1))
        mean = (self.control * self.exposure * np.array([1.0, self.ratio])).reshape(down)
        own = (1 / mean + self.dispersion) / n
        null = own
        if self.formula != "unpooled":
            times = np.array([1.0, self.margin]).reshape(down)
            base = mean[0]
            if self.formula == "pooled":
                base = (mean * n).sum(axis=0) / (times * n).sum(axis=0)
            null = (1 / (base * times) + self.dispersion) / n
        return spread(np.log(self.ratio / self.margin), null, own)

    def events(self, control: FloatArray, treatment: FloatArray) -> FloatArray:
        """Return (2, ...): events expected in control and treatment."""
        mean = self.control * self.exposure
        return np.stack([mean * floats(control), mean * self.ratio * floats(treatment)])

    @property
    def effect(self) -> float:
        """The rate ratio."""
        return self.ratio

    def at_effect(self, effect: float) -> Self:
        """Return the same comparison with another rate ratio."""
        return dataclasses.replace(self, ratio=float(effect))

    def effects(self, side: float) -> FloatArray:
        """Return rate ratios from the margin to a thousandth or a thousand times of it."""
        return np.geomspace(self.margin, self.margin * 10 ** (3 * side), 301)

    def mixed(self, drop_out: float, drop_in: float) -> Self:
        """Return the comparison of the arms as assigned: rates mixed by what was received."""
        control = 1 + drop_in * (self.ratio - 1)
        treatment = self.ratio - drop_out * (self.ratio - 1)
        return dataclasses.replace(
            self,
            control=self.control * control,
            ratio=treatment / control,
            better=self.better or ("higher" if self.sign > 0 else "lower"),
        )

    def alternatives(self) -> dict[str, Comparison]:
        """Return the same comparison by the other formulas."""
        return by_formula(self, tuple(COUNTS))

    @property
    def why(self) -> str:
        """Why its formulas disagree."""
        return (
            "they differ in the rate from which the variance under the null hypothesis is taken; "
            "Zhu and Lakkis advise against control's"
        )
