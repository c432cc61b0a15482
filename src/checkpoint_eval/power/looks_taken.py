"""What a board is shown at one look."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import FloatArray, frozen
from checkpoint_eval._display import Shown
from checkpoint_eval.power.bounds_table import StoppingBounds
from checkpoint_eval.power.stopped import StoppedEstimate
from checkpoint_eval.results import NAN

Decision = Literal["continue", "stop for efficacy", "stop for futility", "stop for harm", "end"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Look(Shown):
    """What a board is shown at one look.

    Attributes
    ----------
    outcome, analysis_set : str
    number : int
        From 1.
    bounds : StoppingBounds
        At the information there was, and of the looks still planned.
    information : (j,) float
        Events or people at the looks taken, this one last.
    z : (j,) float
        Positive favours treatment.
    decision : str
        What the bounds say: "continue", "stop for efficacy", "stop for futility", "stop for harm"
        (the other side of two), or at the last look, with no bound crossed, "end".
    estimate : StoppedEstimate
        Were the trial to stop here; on the scale and with the sign of `measure`.
    measure : str
        "log hazard ratio", "risk difference", "mean difference" or "log rate ratio".
    conditional_trend, conditional_design, predictive : float
        Chances to stop for efficacy later: should the trend go on, at the effect planned for, and
        averaged over what the data leave open. NaN at the last look.
    record_hash : str
        Of this look in the record: note it in the board's minutes.
    """

    outcome: str
    analysis_set: str
    number: int
    bounds: StoppingBounds
    information: FloatArray
    z: FloatArray
    decision: Decision
    estimate: StoppedEstimate
    measure: str
    conditional_trend: float
    conditional_design: float
    predictive: float
    record_hash: str

    def __post_init__(self) -> None:
        for name in ("information", "z"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))

    def __repr__(self) -> str:
        here = self.number - 1
        return (
            f"Look {self.number} of {self.outcome} ({self.analysis_set}) at "
            f"{100 * self.bounds.shares[here]:.1f}% of the information "
            f"({self.information[here]:g}): z = {self.z[here]:.3f} against "
            f"{self.bounds.critical[here]:.3f}: {self.decision}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a look: those taken, and those planned without a z."""
        taken, every = self.z.size, self.bounds.shares.size
        rest = np.full(every - taken, NAN)
        return pd.DataFrame(
            {
                "look": np.arange(every) + 1,
                "share": self.bounds.shares,
                "information": np.append(self.information, rest),
                "z": np.append(self.z, rest),
                "critical": self.bounds.critical,
                "futility": self.bounds.futility,
                "nominal_p": self.bounds.nominal_p,
                "alpha_spent": self.bounds.alpha_spent,
            }
        )
