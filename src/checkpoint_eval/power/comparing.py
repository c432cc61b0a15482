"""What every planned comparison states: its effect, its error, and the power they give."""

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import nctdtr, ndtr, ndtri, stdtrit

from checkpoint_eval._arrays import FloatArray, floats, frozen
from checkpoint_eval._checks import as_tuple, check_choice, is_number
from checkpoint_eval.errors import ImpossibleDesign, TrialError

Better: TypeAlias = Literal["lower", "higher"] | None
# People enough that corrections for few vanish: only the sign of an effect is read there.
MANY = frozen(1e9, np.float64)
CERTAIN = 20.0  # standard errors beyond a critical value at which power is 1 to the last digit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spread:
    """An effect as its test sees it, and what each arm adds to the variance of its estimate.

    Attributes
    ----------
    effect : (...) float
        On the scale of the test, less the value under the null hypothesis.
    null, variance : (2, ...) float
        Control and treatment: what the test believes, and what is so under the effect.
    df : (...) float
        Of the t distribution the test refers to; infinite for the normal.
    """

    effect: FloatArray
    null: FloatArray
    variance: FloatArray
    df: FloatArray

    def power(self, *, tail: float, sign: float) -> FloatArray:
        """Return the chance of rejecting on the side of `sign`, with `tail` of chance there."""
        with np.errstate(divide="ignore", invalid="ignore"):
            believed, error = np.sqrt(self.null.sum(axis=0)), np.sqrt(self.variance.sum(axis=0))
            shift = sign * self.effect / error
            normal = ndtr(shift + ndtri(tail) * believed / error)
            known = np.isfinite(self.df)
            df = np.where(known & (self.df > 0), self.df, 1.0)
            critical = -stdtrit(df, tail) * believed / error
            t = 1 - nctdtr(df, shift, critical)
        # The tail below is then less than a float can hold, and scipy says NaN.
        t = np.where(np.isnan(t) & (shift > critical + CERTAIN), 1.0, t)
        return floats(np.where(known, np.where(self.df > 0, t, 0.0), normal))


def spread(
    effect: ArrayLike, null: ArrayLike, variance: ArrayLike, df: ArrayLike = np.inf
) -> Spread:
    """Return a spread, of floats throughout."""
    return Spread(
        effect=floats(effect), null=floats(null), variance=floats(variance), df=floats(df)
    )


class Comparison(ABC):
    """Two arms, one outcome, the effect to be found and the test that is to find it.

    People of each arm may be fractions, and arrays. Nouns are final: `Proportions`, `Hazards`,
    `RestrictedMeans`, `Means`, `Counts`, and what wraps them: `InClusters`, `PartiallyNested`,
    `InStrata`, `Diluted`.
    """

    __slots__ = ()

    @abstractmethod
    def spread(self, control: FloatArray, treatment: FloatArray) -> Spread:
        """Return the effect and its error with these people in each arm."""

    @property
    @abstractmethod
    def told(self) -> str:
        """What is compared, in words."""

    @property
    @abstractmethod
    def formula_told(self) -> str:
        """The formula and its source, in words."""

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What must hold for the formula."""
        return ()

    @property
    def sign(self) -> float:
        """The side on which a rejection is a success: −1 lower, 1 higher."""
        better: Better = getattr(self, "better", None)
        if better is not None:
            return 1.0 if better == "higher" else -1.0
        effect = float(self.spread(MANY, MANY).effect)
        return 1.0 if effect > 0 else -1.0

    @property
    def enumerated(self) -> bool:
        """Whether the power is a sum over tables, of whole people only."""
        return False

    @property
    def people_a_unit(self) -> float:
        """People in the smallest part that can be added to the study."""
        return 1.0

    def power(
        self, control: FloatArray, treatment: FloatArray, *, alpha: float, sided: int
    ) -> FloatArray:
        """Return the chance of rejecting on the side of success."""
        found = self.spread(floats(control), floats(treatment))
        return found.power(tail=alpha / sided, sign=self.sign)

    def events(self, control: FloatArray, treatment: FloatArray) -> FloatArray:
        """Return (2, ...): events expected in control and treatment; NaN where none are counted."""
        return np.full((2, *np.broadcast(control, treatment).shape), np.nan)

    @property
    @abstractmethod
    def effect(self) -> float:
        """The parameter of treatment that `detectable_effect` moves."""

    @abstractmethod
    def at_effect(self, effect: float) -> Self:
        """Return the same comparison with another effect."""

    @abstractmethod
    def effects(self, side: float) -> FloatArray:
        """Return effects from none to as far as there are any on one side, in order."""

    @abstractmethod
    def mixed(self, drop_out: float, drop_in: float) -> Self:
        """Return the comparison of the arms as assigned, when some received the other arm."""

    def alternatives(self) -> dict[str, "Comparison"]:
        """Return the same comparison by the other formulas there are for it."""
        return {}

    @property
    def why(self) -> str:
        """Why its formulas disagree."""
        return ""

    def cautions(self, ratio: float) -> tuple[str, ...]:  # noqa: ARG002 - few comparisons have any
        """Return where the formula misleads, and what to do instead."""
        return ()


def by_formula(design: Any, names: tuple[str, ...]) -> dict[str, Comparison]:
    """Return a comparison by each formula that is not its own and that can take it."""
    found: dict[str, Comparison] = {}
    for name in names:
        if name != design.formula:
            try:
                found[name] = dataclasses.replace(design, formula=name)
            except TrialError:  # a formula that knows no margin, or no such measure
                continue
    return found


def check_comparison(design: object) -> Comparison:
    """Return the comparison, or say what one is."""
    if not isinstance(design, Comparison):
        raise TrialError(
            f"`design` must be a comparison such as Proportions(control=0.48, treatment=0.38), "
            f"got {type(design).__name__}."
        )
    return design


def check_better(better: Better) -> None:
    """Check the side of success."""
    if better is not None:
        check_choice(better, "better", ("lower", "higher"))


def check_share(value: float, name: str) -> float:
    """Return a share from 0 up to, but not at, 1."""
    if not is_number(value) or not 0 <= value < 1:
        raise TrialError(f"`{name}` must lie from 0 to below 1, got {value!r}.")
    return float(value)


def check_not_negative(value: float, name: str) -> float:
    """Return a finite number of at least 0."""
    if not is_number(value) or not 0 <= value < np.inf:
        raise TrialError(f"`{name}` must be a finite number of at least 0, got {value!r}.")
    return float(value)


def check_finite(value: float, name: str) -> float:
    """Return a finite number."""
    if not is_number(value) or not -np.inf < value < np.inf:
        raise TrialError(f"`{name}` must be a finite number, got {value!r}.")
    return float(value)


def as_numbers(values: ArrayLike, name: str) -> FloatArray:
    """Return one number, or several, as (k,) floats."""
    several = as_tuple(np.atleast_1d(np.asarray(values, dtype=object)), name, of="numbers")
    if not all(is_number(each) for each in several):
        raise TrialError(f"`{name}` must be a number or a list of numbers, got {values!r}.")
    return floats(several)


def refuse_enumerated(design: Comparison, what: str) -> None:
    """Refuse exact tests where their tables cannot be enumerated."""
    if design.enumerated:
        raise ImpossibleDesign(
            f"Exact tests are enumerated for independent people only, not {what}; choose another "
            "`formula`, such as 'pooled'."
        )
