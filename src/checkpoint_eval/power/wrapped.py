"""Planned comparisons inside others: clusters, navigators, and treatment not received."""

import dataclasses
from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import check_choice, check_count, check_positive
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.power.comparing import (
    Comparison,
    Spread,
    check_comparison,
    check_not_negative,
    check_share,
    refuse_enumerated,
    spread,
)

Distribution = Literal["t", "normal"]


class Wrapped(Comparison):
    """A comparison around another, `design`, whose effect it has."""

    __slots__ = ()
    design: Comparison

    @property
    @abstractmethod
    def told(self) -> str:
        """What is compared, in words."""

    @property
    def formula_told(self) -> str:
        """The formula and its source, in words."""
        return self.design.formula_told

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What must hold for the formula."""
        return self.design.assumptions

    @property
    def sign(self) -> float:
        """The side on which a rejection is a success."""
        return self.design.sign

    def events(self, control: FloatArray, treatment: FloatArray) -> FloatArray:
        """Return (2, ...): events expected in control and treatment."""
        return self.design.events(control, treatment)

    @property
    def effect(self) -> float:
        """The effect of the comparison inside."""
        return self.design.effect

    def around(self, design: Comparison) -> Self:
        """Return the same around another comparison."""
        return dataclasses.replace(self, design=design)  # type: ignore[type-var]

    def at_effect(self, effect: float) -> Self:
        """Return the same with another effect."""
        return self.around(self.design.at_effect(effect))

    def effects(self, side: float) -> FloatArray:
        """Return effects from none to as far as there are any on one side."""
        return self.design.effects(side)

    def mixed(self, drop_out: float, drop_in: float) -> Self:
        """Return the comparison of the arms as assigned, when some received the other arm."""
        return self.around(self.design.mixed(drop_out, drop_in))

    def alternatives(self) -> dict[str, Comparison]:
        """Return the same by the other formulas of the comparison inside."""
        return {name: self.around(each) for name, each in self.design.alternatives().items()}

    @property
    def why(self) -> str:
        """Why its formulas disagree."""
        return self.design.why

    def cautions(self, ratio: float) -> tuple[str, ...]:
        """Return where the formula misleads."""
        return self.design.cautions(ratio)


def design_effect(size: float | FloatArray, icc: float, cv: float) -> FloatArray:
    """Return by how much clusters of a mean size multiply a variance.

    References
    ----------
    Eldridge, Ashby and Kerry (2006), International Journal of Epidemiology 35, 1292-1300: means
    of clusters weighted by size. Checked against clusterPower's printed values and by hand.
    """
    return floats(1 + ((1 + cv**2) * floats(size) - 1) * icc)


@dataclass(frozen=True, slots=True, kw_only=True)
class InClusters(Wrapped):
    """A comparison of arms to which whole clusters are allocated.

    Parameters
    ----------
    design : comparison
        Of single people.
    size : float
        Mean people in a cluster.
    icc : float
        Intraclass correlation.
    cv : float
        Standard deviation of the sizes divided by their mean.
    distribution : {"t", "normal"}
        What the test refers to: t with clusters less 2 degrees of freedom, or the normal.

    Raises
    ------
    TrialError, ImpossibleDesign
        For numbers out of range; around an exact test.

    Notes
    -----
    Clusters multiply the variance by 1 + ((1 + cv²) size − 1) icc (Eldridge, Ashby and Kerry 2006).
    People are asked for in whole clusters.
    """

    design: Comparison
    size: float
    icc: float
    cv: float = 0.0
    distribution: Distribution = "t"

    def __post_init__(self) -> None:
        refuse_enumerated(check_comparison(self.design), "in clusters")
        check_positive(self.size, "size")
        check_share(self.icc, "icc")
        check_not_negative(self.cv, "cv")
        check_choice(self.distribution, "distribution", ("t", "normal"))

    @property
    def told(self) -> str:
        """What is compared, in words."""
        return (
            f"{self.design.told}; in clusters of {self.size:g} (CV {self.cv:g}), ICC {self.icc:g}"
        )

    @property
    def formula_told(self) -> str:
        """The formula and its source, in words."""
        return (
            f"{self.design.formula_told}; variance times 1 + ((1 + CV²) size − 1) ICC (Donner and "
            f"Klar 2000; Eldridge, Ashby and Kerry 2006); {self.distribution} distribution"
        )

    @property
    def people_a_unit(self) -> float:
        """People in a cluster."""
        return self.size

    def spread(self, control: FloatArray, treatment: FloatArray) -> Spread:
        """Return the effect and its error with these people in each arm."""
        inner = self.design.spread(control, treatment)
        times = design_effect(self.size, self.icc, self.cv)
        df = (control + treatment) / self.size - 2 if self.distribution == "t" else np.inf
        return spread(inner.effect, inner.null * times, inner.variance * times, df)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartiallyNested(Wrapped):
    """A comparison in which treatment has clusters, its navigators, and control has none.

    Parameters
    ----------
    design : comparison
        Of single people.
    icc : float
        Intraclass correlation within navigators.
    caseload : float, optional
        Mean people of a navigator; more people then mean more navigators.
    navigators : int, optional
        How many there are; more people then mean larger caseloads. One of the two is given.
    cv : float
        Standard deviation of caseloads divided by their mean.
    distribution : {"t", "normal"}
        What the test refers to: t with Satterthwaite's degrees of freedom, of people in control
        and navigators in treatment, or the normal.

    Raises
    ------
    TrialError, ImpossibleDesign
        For numbers out of range; around an exact test; with both or neither of `caseload` and
        `navigators`.

    Notes
    -----
    Navigators multiply the variance in treatment by 1 + ((1 + cv²) caseload − 1) icc (Moerbeek and
    Wong 2008; Eldridge, Ashby and Kerry 2006). With the navigators fixed, their number bounds the
    power: the variance of the mean in treatment does not fall below ICC/navigators of one person's.
    """

    design: Comparison
    icc: float
    caseload: float | None = None
    navigators: int | None = None
    cv: float = 0.0
    distribution: Distribution = "t"

    def __post_init__(self) -> None:
        refuse_enumerated(check_comparison(self.design), "with navigators")
        check_share(self.icc, "icc")
        check_not_negative(self.cv, "cv")
        check_choice(self.distribution, "distribution", ("t", "normal"))
        if (self.caseload is None) == (self.navigators is None):
            raise ImpossibleDesign(
                "Give one of `caseload`, when more people mean more navigators, and `navigators`, "
                "when they mean larger caseloads."
            )
        if self.caseload is not None:
            check_positive(self.caseload, "caseload")
        if self.navigators is not None:
            check_count(self.navigators, "navigators", least=2)

    @property
    def told(self) -> str:
        """What is compared, in words."""
        of = (
            f"{self.navigators} navigators"
            if self.caseload is None
            else (f"navigators with {self.caseload:g} each")
        )
        return f"{self.design.told}; treatment by {of} (CV {self.cv:g}), ICC {self.icc:g}"

    @property
    def formula_told(self) -> str:
        """The formula and its source, in words."""
        return (
            f"{self.design.formula_told}; variance in treatment times 1 + ((1 + CV²) caseload − 1) "
            f"ICC (Moerbeek and Wong 2008; Eldridge, Ashby and Kerry 2006); {self.distribution} "
            "distribution"
        )

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What must hold for the formula."""
        return (
            *(each for each in self.design.assumptions if each != "people are independent"),
            "people of different navigators are independent",
            "means of caseloads are weighted by their size",
        )

    def spread(self, control: FloatArray, treatment: FloatArray) -> Spread:
        """Return the effect and its error with these people in each arm."""
        inner = self.design.spread(control, treatment)
        n0, n1 = np.broadcast_arrays(floats(control), floats(treatment))
        size = n1 / self.navigators if self.navigators is not None else floats(self.caseload or 0)
        times = np.stack(
            np.broadcast_arrays(np.ones_like(n0), design_effect(size, self.icc, self.cv))
        )
        variance = inner.variance * times
        df = floats(np.inf)
        if self.distribution == "t":
            free = np.stack([n0 - 1, n1 / size - 1])
            with np.errstate(divide="ignore", invalid="ignore"):
                df = variance.sum(axis=0) ** 2 / (variance**2 / free).sum(axis=0)
            df = np.where((free > 0).all(axis=0), df, 0.0)
        return spread(inner.effect, inner.null * times, variance, df)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diluted(Wrapped):
    """A comparison of arms as assigned, when some did not receive what they were assigned.

    Parameters
    ----------
    design : comparison
        With the effect on those who receive their arm.
    overrides : float
        Share of treatment whom an officer sends to control.
    non_compliance : float
        Share of the rest of treatment who do not take it up.
    contamination : float
        Share of control who receive treatment.

    Raises
    ------
    TrialError
        For shares outside 0 to 1.

    Notes
    -----
    Risks and rates are mixed in the shares of each arm; of a difference of means and of a log
    hazard ratio the share kept is 1 less what is lost in either arm. The people needed multiply by
    about the inverse square of it (Lachin and Foulkes 1986). Nobody's outcome may depend on
    whether they comply, but for the treatment itself.
    """

    design: Comparison
    overrides: float = 0.0
    non_compliance: float = 0.0
    contamination: float = 0.0

    def __post_init__(self) -> None:
        check_comparison(self.design)
        for name in ("overrides", "non_compliance", "contamination"):
            check_share(getattr(self, name), name)

    @property
    def drop_out(self) -> float:
        """Share of treatment who do not receive it."""
        return 1 - (1 - self.overrides) * (1 - self.non_compliance)

    @property
    def kept(self) -> float:
        """Share of the effect that the arms as assigned keep."""
        return 1 - self.drop_out - self.contamination

    @property
    def received(self) -> Comparison:
        """The comparison of the arms as assigned."""
        return self.design.mixed(self.drop_out, self.contamination)

    @property
    def told(self) -> str:
        """What is compared, in words."""
        return (
            f"{self.design.told}; {self.overrides:g} overridden, {self.non_compliance:g} not taken "
            f"up, {self.contamination:g} of control treated: {self.kept:.3g} of the effect is kept"
        )

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What must hold for the formula."""
        return (*self.design.assumptions, "those who do not receive their arm are like the others")

    @property
    def enumerated(self) -> bool:
        """Whether the power is a sum over tables."""
        return self.design.enumerated

    @property
    def people_a_unit(self) -> float:
        """People in the smallest part that can be added to the study."""
        return self.design.people_a_unit

    def spread(self, control: FloatArray, treatment: FloatArray) -> Spread:
        """Return the effect and its error with these people in each arm."""
        return self.received.spread(control, treatment)

    def power(
        self, control: FloatArray, treatment: FloatArray, *, alpha: float, sided: int
    ) -> FloatArray:
        """Return the chance of rejecting on the side of success."""
        return self.received.power(control, treatment, alpha=alpha, sided=sided)

    def events(self, control: FloatArray, treatment: FloatArray) -> FloatArray:
        """Return (2, ...): events expected in control and treatment."""
        return self.received.events(control, treatment)
