"""How well the next allocation could be guessed, and how far the arms drift apart."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from checkpoint_eval._checks import check_choice, check_count, check_rng
from checkpoint_eval._display import Shown, row_frame
from checkpoint_eval._values import Value
from checkpoint_eval.balance.guessing import exactly, simulated
from checkpoint_eval.design.allocation import Rule
from checkpoint_eval.design.declared import rule_told
from checkpoint_eval.design.people import PeopleLike, as_factors, as_people
from checkpoint_eval.errors import TrialError
from checkpoint_eval.results import NAN

Strategy: TypeAlias = Literal["convergence", "divergence"]
STRATEGIES: tuple[str, ...] = ("convergence", "divergence")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Guessability(Value, Shown):
    """How predictable a rule is over n people.

    Attributes
    ----------
    rule, strategy, sees : str
        "everyone", or the columns within which the officer sees allocations.
    people : int
    correct : float
        Expected share of right guesses by an officer who sees every allocation within `sees` and
        always guesses the arm furthest behind its share ("convergence") or furthest ahead
        ("divergence"), one at random among equals.
    forced : float
        Expected share of people whose arm was certain to one who knows the rule; NaN where it was
        not found.
    variance, balanced, mean_difference : float
        Of the difference between two arms at the end, counts divided by the ratio: its variance,
        the chance that it is 0, and the mean of its size. NaN for more arms.
    error : float
        Monte Carlo standard error of `correct`.
    draws : int
        Allocations simulated; 0 when everything is exact.
    """

    rule: str
    people: int
    correct: float
    forced: float
    variance: float
    balanced: float
    mean_difference: float
    strategy: str = "convergence"
    sees: str = "everyone"
    error: float = 0.0
    draws: int = 0

    def __repr__(self) -> str:
        error = f" (Monte Carlo error {100 * self.error:.2g})" if self.draws else ""
        sees = "" if self.sees == "everyone" else f", seeing own {self.sees} only"
        told = (
            f"{self.rule}, {self.people} people: {100 * self.correct:.1f}% guessed right by "
            f"{self.strategy}{sees}{error}"
        )
        if not np.isnan(self.forced):
            told += f", {100 * self.forced:.1f}% certain"
        if not np.isnan(self.variance):
            told += (
                f"; difference at the end 0 in {100 * self.balanced:.1f}%, "
                f"{self.mean_difference:.2f} on average"
            )
        return told + "."

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        return row_frame(self)


def guessability(
    rule: Rule,
    *,
    people: PeopleLike,
    strategy: Strategy = "convergence",
    sees: str | tuple[str, ...] | None = None,
    draws: int = 10_000,
    rng: np.random.Generator | None = None,
) -> Guessability:
    """Say how predictable a rule is, before it is used.

    Parameters
    ----------
    rule : rule
    people : int or table
        How many, or who in order of arrival: needed when the rule or `sees` reads columns. A past
        stream of arrests tells what a rule would have been worth.
    strategy : {"convergence", "divergence"}
        Guess the arm furthest behind its share of those seen, or furthest ahead.
    sees : str or tuple of str, optional
        Columns: the officer sees only allocations of people with the same values, such as those
        of the own custody suite. Without it, everyone's.
    draws : int
        Allocations simulated where there is no exact recursion.
    rng : numpy.random.Generator, optional
        Needed where guesses are simulated.

    Returns
    -------
    Guessability
        Exact for the sequential rules, simple, complete and permuted-block randomisation, and for
        these within strata when `sees` is the strata; simulated otherwise.

    Raises
    ------
    TrialError
        When guesses must be simulated and there is no `rng`.

    References
    ----------
    Blackwell and Hodges (1957), Design for the control of selection bias (convergence and
    divergence strategies). Checked against exact rational recursion and enumeration.

    Examples
    --------
    >>> from checkpoint_eval.design import BigStick
    >>> guessability(BigStick(tolerance=3), people=50)
    big-stick, 50 people: 57.9% guessed right by convergence, 15.8% certain; difference at the end
    0 in 33.3%, 1.33 on average.
    """
    if not isinstance(rule, Rule):
        raise TrialError(f"`rule` must be an allocation rule, got {type(rule).__name__}.")
    check_choice(strategy, "strategy", STRATEGIES)
    check_count(draws, "draws")
    factors = () if sees is None else as_factors(sees, "sees")
    names = tuple(factor.name for factor in factors)
    every = {factor.name: factor for factor in (*factors, *rule.columns)}
    read = as_people(people, factors=tuple(every.values()), covariates=rule.covariates)
    found, made = exactly(rule, read, names, strategy), 0
    if found is None:
        if rng is None:
            raise TrialError(
                f"The guesses of {rule_told(rule)} among these people must be simulated; give "
                "rng=np.random.default_rng(seed)."
            )
        group = read.strata(factors)[0] if factors else np.zeros(read.n, dtype=np.int64)
        made = draws
        found = simulated(rule, read, group, strategy, draws=draws, rng=check_rng(rng))
    at = np.array([float(each) for each in found.difference])
    chance = np.array([*found.difference.values()])
    known = bool(at.size)
    return Guessability(
        rule=rule_told(rule),
        people=read.n,
        strategy=strategy,
        sees=", ".join(names) or "everyone",
        correct=found.right / read.n,
        forced=found.forced / read.n,
        variance=float(chance @ at**2 - (chance @ at) ** 2) if known else NAN,
        balanced=float(chance[at == 0].sum()) if known else NAN,
        mean_difference=float(chance @ np.abs(at)) if known else NAN,
        error=found.error / read.n,
        draws=made,
    )
