"""Between which values an effect lies, when the data do not settle it."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from checkpoint_eval._display import Shown
from checkpoint_eval._values import Value
from checkpoint_eval.results import NAN


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Bounds(Value, Shown):
    """Between which values an effect lies, of whom, and an interval that covers it.

    Attributes
    ----------
    outcome, analysis_set, method : str
    contrast : (treatment, control)
    low, high : float
        The effect, treatment − control, can be anything between; NaN when not estimable, with the
        reason in `method`.
    interval_low, interval_high : float
        Covers the effect, not all of the bounds, at `level`; NaN where people do not tell how far
        they vary, with the reason in `method`.
    std_errors : (low, high)
        Of the two bounds.
    arm_low, arm_high : (control, treatment)
        Bounds of the mean, or risk, in each arm.
    share : float
        Of the people whom the effect is about: 1 for everyone.
    trimmed : (control, treatment)
        Share of those seen that was set aside, at either end; 0 where nobody was.
    n, missing : (control, treatment)
        People of the set, and those of them whose outcome is not known.
    time_point, unit : float, str
    adjusted_for : tuple of str
        Columns the bounds were formed within.
    """

    outcome: str
    analysis_set: str
    contrast: tuple[str, str]
    low: float
    high: float
    interval_low: float
    interval_high: float
    level: float
    method: str
    n: tuple[int, int]
    missing: tuple[int, int]
    std_errors: tuple[float, float] = (NAN, NAN)
    arm_low: tuple[float, float] = (NAN, NAN)
    arm_high: tuple[float, float] = (NAN, NAN)
    share: float = 1.0
    trimmed: tuple[float, float] = (0.0, 0.0)
    time_point: float = NAN
    unit: str = ""
    adjusted_for: tuple[str, ...] = ()
    planned: bool = False

    @property
    def estimable(self) -> bool:
        """Whether there are bounds; if not, `method` says why."""
        return not np.isnan(self.low)

    def __repr__(self) -> str:
        at = f" by {self.time_point:g} {self.unit}" if self.time_point == self.time_point else ""
        return (
            f"Bounds of the effect on {self.outcome}{at}, {self.contrast[0]} against "
            f"{self.contrast[1]}: {self.low:.4g} to {self.high:.4g} ({100 * self.level:g}% "
            f"interval of the effect {self.interval_low:.4g} to {self.interval_high:.4g}); "
            f"{self.analysis_set}, n = {self.n[1]} against {self.n[0]}, outcome missing for "
            f"{self.missing[1]} against {self.missing[0]}; "
            f"{'planned' if self.planned else 'exploratory'}. {self.method}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)

    def to_frame(self) -> pd.DataFrame:
        """Return a row an arm, with bounds of its mean, and one for the effect."""
        treatment, control = self.contrast
        return pd.DataFrame(
            {
                "of": [control, treatment, "effect"],
                "n": [*self.n, sum(self.n)],
                "missing": [*self.missing, sum(self.missing)],
                "trimmed": [*self.trimmed, NAN],
                "low": [*self.arm_low, self.low],
                "high": [*self.arm_high, self.high],
                "interval_low": [NAN, NAN, self.interval_low],
                "interval_high": [NAN, NAN, self.interval_high],
            }
        )
