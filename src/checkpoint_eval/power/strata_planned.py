"""Planned comparisons added up over strata."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import as_tuple, check_choice, check_positive
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.power.comparing import (
    MANY,
    Comparison,
    Spread,
    check_comparison,
    refuse_enumerated,
    spread,
)

NO_ONE_EFFECT = (
    "Strata have an effect each, so there is no one effect to detect; state the effects in "
    "`designs` and ask `power_of` or `people_needed`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InStrata(Comparison):
    """A comparison added up over strata, in each of which the arms are compared.

    Parameters
    ----------
    designs : sequence of comparisons
        One a stratum, all of one kind.
    shares : sequence of float
        Shares of the people in each stratum; add up to 1.
    weights : {"shares", "information"}
        How strata are weighed: by people, as Mantel–Haenszel and standardised differences, or by
        the inverse of the variance.

    Raises
    ------
    TrialError, ImpossibleDesign
        For shares that do not add up to 1; for comparisons of different kinds; around exact tests.
    """

    designs: Sequence[Comparison]
    shares: Sequence[float]
    weights: Literal["shares", "information"] = "shares"

    def __post_init__(self) -> None:
        designs = as_tuple(self.designs, "designs", of="one comparison a stratum")
        shares = as_tuple(self.shares, "shares", of="one share a stratum")
        for design in designs:
            refuse_enumerated(check_comparison(design), "in strata")
        check_choice(self.weights, "weights", ("shares", "information"))
        if len({type(design) for design in designs}) != 1:
            raise ImpossibleDesign("`designs` must be comparisons of one kind, at least one.")
        if len(designs) != len(shares):
            raise ImpossibleDesign(
                f"`shares` has {len(shares)} values for {len(designs)} strata; give one a stratum."
            )
        for share in shares:
            check_positive(share, "shares")
        if not abs(sum(shares) - 1) <= 1e-9:
            raise ImpossibleDesign(f"`shares` must add up to 1, got {sum(shares):g}.")
        object.__setattr__(self, "designs", designs)
        object.__setattr__(self, "shares", tuple(float(share) for share in shares))

    @property
    def told(self) -> str:
        """What is compared, in words."""
        each = (f"{s:g}: {d.told}" for s, d in zip(self.shares, self.designs, strict=True))
        return "in strata, " + " | ".join(each)

    @property
    def formula_told(self) -> str:
        """The formula and its source, in words."""
        by = "their shares of the people" if self.weights == "shares" else "their information"
        return f"{self.designs[0].formula_told}; strata weighed by {by} (Cochran 1954)"

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What must hold for the formula."""
        return (*self.designs[0].assumptions, "every stratum is allocated in the same ratio")

    def spread(self, control: FloatArray, treatment: FloatArray) -> Spread:
        """Return the effect and its error with these people in each arm."""
        each = [
            design.spread(floats(control) * share, floats(treatment) * share)
            for design, share in zip(self.designs, self.shares, strict=True)
        ]
        weight = floats(self.shares)
        if self.weights == "information":
            weight = np.stack([1 / one.variance.sum(axis=0) for one in each])
            weight = weight / weight.sum(axis=0)
        parts = list(zip(weight, each, strict=True))
        return spread(
            sum(w * one.effect for w, one in parts),
            sum(w**2 * one.null for w, one in parts),
            sum(w**2 * one.variance for w, one in parts),
            sum(one.df + 0.0 for one in each),
        )

    def events(self, control: FloatArray, treatment: FloatArray) -> FloatArray:
        """Return (2, ...): events expected in control and treatment."""
        return floats(
            sum(
                design.events(floats(control) * share, floats(treatment) * share)
                for design, share in zip(self.designs, self.shares, strict=True)
            )
        )

    @property
    def effect(self) -> float:
        """The effect over all strata, on the scale of the test."""
        return float(self.spread(MANY, MANY).effect)

    def at_effect(self, effect: float) -> Self:  # noqa: ARG002 - refused whatever it is
        """Refuse: strata have an effect each."""
        raise ImpossibleDesign(NO_ONE_EFFECT)

    def effects(self, side: float) -> FloatArray:  # noqa: ARG002 - refused whatever it is
        """Refuse: strata have an effect each."""
        raise ImpossibleDesign(NO_ONE_EFFECT)

    def mixed(self, drop_out: float, drop_in: float) -> Self:
        """Return the comparison of the arms as assigned, when some received the other arm."""
        mixed = tuple(design.mixed(drop_out, drop_in) for design in self.designs)
        return dataclasses.replace(self, designs=mixed)

    @property
    def sign(self) -> float:
        """The side on which a rejection is a success, as of the first stratum that says."""
        named = [design for design in self.designs if getattr(design, "better", None)]
        return named[0].sign if named else (1.0 if self.effect > 0 else -1.0)
