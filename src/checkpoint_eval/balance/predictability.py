"""How well the next allocation could be guessed, and how far the arms drift apart."""

import html
from dataclasses import dataclass

import numpy as np

from checkpoint_eval._checks import check_count
from checkpoint_eval.design.sequential import Sequential
from checkpoint_eval.errors import TrialError


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Guessability:
    """Exact properties of a two-arm rule over n people.

    Attributes
    ----------
    correct : float
        Expected share of right guesses by an officer who sees every allocation and always guesses
        the arm that is behind (a coin when they are equal).
    forced : float
        Expected share of people whose arm was certain.
    variance, balanced, mean_difference : float
        Of the difference between arms at the end: its variance, the chance that it is 0, and the
        mean of its size.
    """

    rule: str
    people: int
    correct: float
    forced: float
    variance: float
    balanced: float
    mean_difference: float

    def __repr__(self) -> str:
        return (
            f"{self.rule}, {self.people} people: {100 * self.correct:.1f}% guessed right by "
            f"convergence, {100 * self.forced:.1f}% certain; difference at the end 0 in "
            f"{100 * self.balanced:.1f}%, {self.mean_difference:.2f} on average."
        )

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>"


def guessability(rule: Sequential, *, people: int) -> Guessability:
    """Say how predictable a rule is, exactly, before it is used.

    Parameters
    ----------
    rule : Sequential
        A two-arm rule of one sequence, such as `BiasedCoin` or `BigStick`.
    people : int
        Allocated by it.

    Returns
    -------
    Guessability

    Raises
    ------
    TrialError
        For a rule whose next step is not told by the difference between arms.

    References
    ----------
    Blackwell and Hodges (1957), Design for the control of selection bias (convergence strategy).
    Checked against exact rational recursion.

    Examples
    --------
    >>> from checkpoint_eval.design import BigStick
    >>> guessability(BigStick(tolerance=3), people=50)
    BigStick(tolerance=3), 50 people: 57.9% guessed right by convergence, 15.8% certain; difference
    at the end 0 in 33.3%, 1.33 on average.
    """
    if not isinstance(rule, Sequential):
        raise TrialError(
            f"`rule` must be a two-arm sequential rule, got {type(rule).__name__}; exact "
            "guessability of other rules is not here yet."
        )
    check_count(people, "people")
    rows = rule.differences(people)
    values = np.arange(-people, people + 1)
    correct = forced = 0.0
    for place, row in enumerate(rows[:-1]):
        at, weight = values[row > 0], row[row > 0]
        chance = rule.chance(at, place=place)
        behind = np.where(at < 0, chance, np.where(at > 0, 1 - chance, 0.5))
        correct += float(weight @ behind)
        forced += float(weight[(chance == 0) | (chance == 1)].sum())
    return Guessability(
        rule=repr(rule),
        people=people,
        correct=correct / people,
        forced=forced / people,
        variance=float(rows[-1] @ values**2 - (rows[-1] @ values) ** 2),
        balanced=float(rows[-1, people]),
        mean_difference=float(rows[-1] @ np.abs(values)),
    )
