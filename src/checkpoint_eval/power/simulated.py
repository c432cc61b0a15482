"""Power as simulation finds it, with what chance leaves open."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import FloatArray, frozen
from checkpoint_eval._checks import counted
from checkpoint_eval._display import Shown
from checkpoint_eval._values import Value
from checkpoint_eval.models.proportions import wilson_limits
from checkpoint_eval.results import NAN

ROUNDING = 1e-12  # a share of draws equals alpha only up to rounding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PowerRow(Value, Shown):
    """How often one analysis is significant.

    Attributes
    ----------
    analysis : str
    trials : int
    not_estimable : int
        Trials without a p-value; they count as not significant.
    significant : int
        Trials whose p-value is at most alpha, whichever arm it is in favour of.
    power, low, high : float
        Their share, with Wilson's limits: where the power lies that endless trials would show.
    mean, mean_if_significant : float
        Of the estimates or statistics; the second tells how much significant findings exaggerate.
    """

    analysis: str
    trials: int
    not_estimable: int
    significant: int
    power: float
    low: float
    high: float
    mean: float
    mean_if_significant: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SimulatedPower(Shown):
    """The power of several analyses of the same simulated trials.

    Attributes
    ----------
    rows : tuple of PowerRow
    alpha, level : float
        Of the tests, two-sided; of the Monte Carlo limits.
    scenario : str
    trials : int
        Simulated; fewer than were asked for where `precision` was reached.
    value, p_value : (a, t) float
        What every analysis found in every trial; NaN where not estimable.
    """

    rows: tuple[PowerRow, ...]
    alpha: float
    level: float
    scenario: str
    trials: int
    value: FloatArray
    p_value: FloatArray

    def __post_init__(self) -> None:
        for name in ("value", "p_value"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))

    def __repr__(self) -> str:
        told = "\n".join(
            f"  {row.analysis}: {row.power:.4f} ({100 * self.level:g}% limits {row.low:.4f} to "
            f"{row.high:.4f}){_left(row.not_estimable)}"
            for row in self.rows
        )
        return (
            f"Power at two-sided alpha {self.alpha:g} in {counted(self.trials, 'simulated trial')} "
            f"of {self.scenario}:\n{told}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row an analysis."""
        return pd.DataFrame([asdict(row) for row in self.rows])

    def to_dict(self) -> dict[str, Any]:
        """Return rows and what they are of as plain values."""
        names = ("alpha", "level", "scenario", "trials")
        return {name: getattr(self, name) for name in names} | {
            "rows": [asdict(row) for row in self.rows]
        }


def _left(not_estimable: int) -> str:
    return f"; not estimable in {counted(not_estimable, 'trial')}" if not_estimable else ""


def power_row(
    name: str, value: FloatArray, p_value: FloatArray, *, alpha: float, level: float
) -> PowerRow:
    """Return how often one analysis was significant.

    References
    ----------
    Wilson (1927); Morris, White and Crowther (2019) for Monte Carlo errors; Gelman and Carlin
    (2014) for exaggeration. Checked against R prop.test.
    """
    significant = p_value <= alpha + ROUNDING
    count, trials = int(significant.sum()), p_value.size
    low, high = wilson_limits(count, trials, level=level)
    known = np.isfinite(value)
    return PowerRow(
        analysis=name,
        trials=trials,
        not_estimable=int(np.isnan(p_value).sum()),
        significant=count,
        power=count / trials,
        low=float(low),
        high=float(high),
        mean=float(value[known].mean()) if known.any() else NAN,
        mean_if_significant=float(value[known & significant].mean())
        if (known & significant).any()
        else NAN,
    )


def simulated_power(
    names: Sequence[str],
    value: FloatArray,
    p_value: FloatArray,
    *,
    alpha: float,
    level: float,
    scenario: str,
) -> SimulatedPower:
    """Return the power of every analysis from (a, t) values and p-values."""
    return SimulatedPower(
        rows=tuple(
            power_row(name, *found, alpha=alpha, level=level)
            for name, *found in zip(names, value, p_value, strict=True)
        ),
        alpha=alpha,
        level=level,
        scenario=scenario,
        trials=p_value.shape[-1],
        value=value,
        p_value=p_value,
    )
