"""Number needed to treat: how many people treated for one event fewer, or one more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from checkpoint_eval._display import Shown
from checkpoint_eval.models.proportions import Interval
from checkpoint_eval.models.risk import risk_difference
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate

# A difference below this is the rounding of none.
NO_DIFFERENCE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NumberNeeded(Shown):
    """How many people are treated for one event fewer, or for one more.

    Attributes
    ----------
    difference : Estimate
        The risk difference all else is read off; its `method` and denominators hold here too.
    """

    difference: Estimate

    @property
    def value(self) -> float:
        """People treated for one event fewer or more; infinite for no difference, NaN for none."""
        return _needed(abs(self.difference.value))

    @property
    def direction(self) -> Literal["fewer", "more", ""]:
        """Whether treatment has fewer events or more; "" when neither."""
        if not abs(self.difference.value) >= NO_DIFFERENCE:
            return ""
        return "fewer" if self.difference.value < 0 else "more"

    @property
    def fewer(self) -> tuple[float, float]:
        """Numbers for one event fewer that the interval holds, low and high; NaN when none."""
        return _piece(-self.difference.high, -self.difference.low)

    @property
    def more(self) -> tuple[float, float]:
        """Numbers for one event more that the interval holds, low and high; NaN when none."""
        return _piece(self.difference.low, self.difference.high)

    @property
    def interval(self) -> str:
        """The interval in words; two pieces that meet at infinity when it holds no effect."""
        fewer, more = self.fewer, self.more
        if np.isnan(fewer[0]) and np.isnan(more[0]):
            return "none" if np.isnan(self.difference.low) else "no effect only"
        if np.isnan(more[0]):
            return f"{_told(fewer[0])} to {_told(fewer[1])} for one event fewer"
        if np.isnan(fewer[0]):
            return f"{_told(more[0])} to {_told(more[1])} for one event more"
        return (
            f"from {_told(fewer[0])} for one event fewer, through infinity (no effect), "
            f"to {_told(more[0])} for one event more"
        )

    @property
    def told(self) -> str:
        """The number and its interval in words."""
        if np.isnan(self.value):
            return "not estimable"
        number = f"{_told(self.value)} for one event {self.direction}"
        if not self.direction:
            number = "infinity, as there is no difference"
        return f"{number} ({100 * self.difference.level:g}% interval: {self.interval})"

    def __repr__(self) -> str:
        one = self.difference
        at = f" at {one.time_point:g} {one.unit}" if one.time_point == one.time_point else ""
        return (
            f"Number needed to treat of {one.outcome}{at}, {one.contrast[0]} against "
            f"{one.contrast[1]}: {self.told}. Read off: {one!r}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a row for events fewer and one for more: value, low and high, NaN where none."""
        return pd.DataFrame(needed_rows(self))


def needed_rows(number: NumberNeeded) -> list[dict[str, Any]]:
    """Return the rows of a table: one for events fewer, one for more."""
    return [
        {
            "measure": f"number needed for one {direction}",
            "value": number.value if number.direction == direction else NAN,
            "low": piece[0],
            "high": piece[1],
        }
        for direction, piece in (("fewer", number.fewer), ("more", number.more))
    ]


def _needed(share: float) -> float:
    """Return 1 / share, infinite for none."""
    return float("inf") if share < NO_DIFFERENCE else 1 / share


def _piece(low: float, high: float) -> tuple[float, float]:
    """Return the numbers needed for shares from low, or 0 when it is below, to high."""
    if not high >= NO_DIFFERENCE:
        return NAN, NAN
    return _needed(high), _needed(max(low, 0.0))


def _told(number: float) -> str:
    """Write a number needed with three digits at least."""
    if np.isinf(number):
        return "infinity"
    return f"{number:.3g}" if number < 999.5 else f"{number:,.0f}"


def number_needed_to_treat(  # noqa: PLR0913 - the arguments of the difference it is read off
    trial: Trial,
    *,
    outcome: str,
    horizon: float | None = None,
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = (),
    interactions: bool = False,
    interval: Interval | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> NumberNeeded:
    """Tell how many people must be treated for one of them fewer, or more, to have the event.

    Parameters and errors are those of `risk_difference`, whose reciprocal this is.

    Returns
    -------
    NumberNeeded
        `value` with a `direction`, "fewer" or "more" events under treatment, and the `interval`
        in words; its numbers are `fewer` and `more`.

    Notes
    -----
    When the interval of the difference holds 0, that of the number runs from the low number for
    one event fewer up to infinity, which is no effect, and down again to the low number for one
    more: two pieces that meet at infinity, not one from a negative to a positive number. Altman
    writes them NNTB and NNTH. The number is of this trial's control risk and this horizon; among
    people of another risk it is another. Numbers are kept as they are; a plan rounds them up.

    References
    ----------
    Altman (1998), BMJ 317, 1309-1312. Checked against epiR's reciprocals of limits over strata,
    and arithmetic.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> needed = number_needed_to_treat(load_rossi(), outcome="rearrest", horizon=52)
    >>> round(needed.value, 6), needed.direction
    (12.0, 'fewer')
    >>> number_needed_to_treat(load_rossi(), outcome="rearrest", horizon=26).interval
    'from 9.13 for one event fewer, through infinity (no effect), to 60.2 for one event more'
    """
    return NumberNeeded(
        difference=risk_difference(
            trial,
            outcome=outcome,
            horizon=horizon,
            adjust=adjust,
            strata=strata,
            interactions=interactions,
            interval=interval,
            level=level,
            analysis_set=analysis_set,
            arm=arm,
        )
    )
