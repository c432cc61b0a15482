"""What a plan comes to: people, events, power, and by which formula."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import pandas as pd

from checkpoint_eval._display import Shown, row_frame
from checkpoint_eval._values import Value
from checkpoint_eval.power.comparing import Comparison
from checkpoint_eval.results import NAN

Pair = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PowerResult(Value, Shown):
    """How many people, how many events or how much power, by which formula.

    Attributes
    ----------
    question : {"people needed", "events needed", "power", "detectable effect"}
    design : comparison
        For a detectable effect, with that effect.
    n : (control, treatment) float
        Whole people, unless asked of a power at fractions; NaN where no number will do, with the
        reason in `reason`, or where only events are known.
    exact : (control, treatment) float
        Before rounding up; NaN for exact tests and where `n` was given.
    power, power_below : float
        At `n` (or `events`), and with one person (cluster, event) fewer; the latter NaN where it
        was not asked.
    events : (control, treatment) float
        Expected, at `n`; NaN for outcomes without events.
    exact_events : float
        Of both arms, before rounding; NaN where not asked for.
    effect : float
        What `detectable_effect` moves: risk in treatment, hazard or rate ratio, or difference.
    alpha, sided, ratio : float, int, float
        `ratio` is people in treatment to one in control.
    formula : str
    assumptions, cautions : tuple of str
    others : tuple of (formula, number)
        The same question by other formulas: people or events before rounding, or power.
    why : str
        Why they disagree.
    reason : str
        Why there is no answer; "" where there is one.
    """

    question: Literal["people needed", "events needed", "power", "detectable effect"]
    design: Comparison
    n: Pair
    power: float
    alpha: float
    sided: int
    ratio: float
    formula: str
    exact: Pair = (NAN, NAN)
    power_below: float = NAN
    events: Pair = (NAN, NAN)
    exact_events: float = NAN
    effect: float = NAN
    assumptions: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    others: tuple[tuple[str, float], ...] = ()
    why: str = ""
    reason: str = ""

    @property
    def people(self) -> float:
        """People in both arms."""
        return self.n[0] + self.n[1]

    @property
    def exact_people(self) -> float:
        """People in both arms before rounding up."""
        return self.exact[0] + self.exact[1]

    @property
    def total_events(self) -> float:
        """Events expected in both arms."""
        return self.events[0] + self.events[1]

    @property
    def estimable(self) -> bool:
        """Whether there is an answer; if not, `reason` says why."""
        return not self.reason

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, the design in words."""
        told = {name: value for name, value in asdict(self).items() if name != "design"}
        return told | {"design": self.design.told, "people": self.people}

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        sides = "two-sided" if self.sided == 2 else "one-sided"
        lines = [
            f"{self.question.capitalize()}: {self._answer()}",
            f"Compared: {self.design.told}.",
        ]
        lines.append(
            f"Test: alpha {self.alpha:g}, {sides}; {self.ratio:g} in treatment to 1 in control."
        )
        lines.append(f"Formula: {self.formula}.")
        if self.assumptions:
            lines.append(f"Assumes: {'; '.join(self.assumptions)}.")
        if self.others:
            told = ", ".join(f"{name} {value:.6g}" for name, value in self.others)
            lines.append(f"Other formulas: {told}; {self.why}.")
        return lines + [f"Caution: {each}" for each in self.cautions]

    def _answer(self) -> str:
        if self.reason:
            return f"not estimable, {self.reason}."
        power = f"power {self.power:.4f}"
        if self.power_below == self.power_below:
            power += f" ({self.power_below:.4f} with one fewer)"
        events = ""
        if self.total_events == self.total_events:
            events = f"; {self.total_events:.6g} events expected"
        if self.question == "events needed":
            return f"{self.total_events:.6g} events (exactly {self.exact_events:.6g}); {power}."
        if self.people != self.people:
            return f"{power} at {self.total_events:.6g} events."
        people = f"{self.people:,g} people ({self.n[0]:,g} control, {self.n[1]:,g} treatment)"
        if self.question == "people needed":
            exact = ""
            if self.exact_people == self.exact_people:
                exact = (
                    f"; exactly {self.exact_people:.6g} ({self.exact[0]:.6g}, {self.exact[1]:.6g})"
                )
            return f"{people}{exact}; {power}{events}."
        if self.question == "power":
            return f"{self.power:.4f} with {people}{events}."
        return f"{self.effect:.4g} with {people}; {power}{events}."

    def _table(self) -> None:
        """Show the lines alone: they say more than a row."""

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        return row_frame(self)
