"""Solving a plan for people: how the test is done, how people are split, how many it takes."""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.optimize import brentq

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import check_level, check_positive, is_number
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.power.comparing import MANY, Comparison
from checkpoint_eval.power.wrapped import Diluted

MOST = 1e12  # more people than there are: what needs more has no answer
LEAST = 1e-3
People: TypeAlias = int | float | tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How the test is done and how people are split."""

    alpha: float
    sided: int
    ratio: float

    def __post_init__(self) -> None:
        check_level(self.alpha, "alpha")
        if isinstance(self.sided, bool) or self.sided not in (1, 2):
            raise TrialError(f"`sided` must be 1 or 2, got {self.sided!r}.")
        check_positive(self.ratio, "ratio")

    def split(self, people: float | FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return control and treatment, in fractions."""
        control = floats(people) / (1 + self.ratio)
        return control, floats(people) - control

    def whole(self, units: FloatArray, size: float) -> tuple[FloatArray, FloatArray]:
        """Return control and treatment in whole people, of whole units."""
        control = np.clip(np.floor(units / (1 + self.ratio) + 0.5), 1, np.maximum(units - 1, 1))
        return np.ceil(control * size - 1e-9), np.ceil((units - control) * size - 1e-9)

    def power(self, design: Comparison, control: Any, treatment: Any) -> FloatArray:
        """Return the power of a comparison."""
        return design.power(floats(control), floats(treatment), alpha=self.alpha, sided=self.sided)


def given(n: object, asked: Asked, *, whole: bool) -> tuple[float, float]:
    """Return people by arm, from a number in all or from two."""
    if isinstance(n, (tuple, list)):
        if len(n) != 2:
            raise TrialError(f"`n` must be a number or (control, treatment), got {n!r}.")
        return check_positive(n[0], "n"), check_positive(n[1], "n")
    if not is_number(n):
        raise TrialError(f"`n` must be a number or (control, treatment), got {n!r}.")
    total = check_positive(n, "n")
    if whole or (total == round(total) and total >= 2):
        return pair(*asked.whole(floats(total), 1.0))
    return pair(*asked.split(total))


def exact_people(design: Comparison, asked: Asked, power: float) -> float:
    """Return people in real numbers; infinite where no number reaches the power."""

    def short(log_people: float) -> float:
        return float(asked.power(design, *asked.split(math.exp(log_people)))) - power

    low, high = math.log(LEAST), math.log(MOST)
    if not short(high) > 0:
        return math.inf
    if short(low) >= 0:
        return LEAST
    return math.exp(brentq(short, low, high, xtol=1e-14, rtol=1e-14, maxiter=500))


def whole_units(design: Comparison, asked: Asked, power: float, exact: float) -> int:
    """Return the fewest whole units from which on the power is reached."""
    if design.enumerated:
        return _enumerated_units(design, asked, power)
    size = design.people_a_unit
    # Rounding of the smaller arm may cost or save a few; beyond that more are never worse.
    reach = 4 + 2 * math.ceil(asked.ratio + 1 / asked.ratio)
    first = max(2, math.floor(exact / size) - reach)
    units = np.arange(first, first + 2 * reach + 4, dtype=np.float64)
    short = asked.power(design, *asked.whole(units, size)) < power
    return first if not short.any() else int(units[np.flatnonzero(short)[-1]]) + 1


def _enumerated_units(design: Comparison, asked: Asked, power: float) -> int:
    """Return the fewest people from which on an exact test keeps the power, which is jagged."""
    closed = design.alternatives()["continuity"]
    top = math.ceil(exact_people(closed, asked, power) * 1.08) + 12

    def reached(people: int) -> bool:
        return float(asked.power(design, *asked.whole(floats(people), 1.0))) >= power

    while not all(reached(top + more) for more in range(3)):
        top = math.ceil(top * 1.1)
    while top > 2 and reached(top - 1):
        top -= 1
    return top


def refuse_no_effect(design: Comparison) -> None:
    """Refuse a plan to find nothing, or to find it on the wrong side."""
    effect = _effect_of(design)
    if not abs(effect) > 1e-12:
        raise ImpossibleDesign(
            f"There is no effect to find ({design.told}); state one that differs from the null "
            "hypothesis, or give a `margin`."
        )
    if effect * design.sign < 0:
        side = "lower" if design.sign < 0 else "higher"
        raise ImpossibleDesign(
            f"`better` is {side!r}, but the effect lies on the other side of the null hypothesis "
            f"({design.told}); no number of people finds it."
        )


def wrong_side(design: Comparison) -> tuple[str, ...]:
    """Return what a power should say of an effect on the other side than success."""
    if not _effect_of(design) * design.sign < -1e-12:
        return ()
    return ("The effect lies on the side where a rejection is no success; see `better`.",)


def _effect_of(design: Comparison) -> float:
    """Return the effect on those who receive their arm, as the test sees it with many people."""
    plain = design.design if isinstance(design, Diluted) else design
    return float(plain.spread(MANY, MANY).effect)


def pair(control: Any, treatment: Any) -> tuple[float, float]:
    """Return two numbers as floats."""
    return float(control), float(treatment)
