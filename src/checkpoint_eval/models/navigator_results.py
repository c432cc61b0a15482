"""What a partially nested model says of navigators: how much they differ, and who does best."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import FloatArray, IntArray, frozen
from checkpoint_eval._display import Shown
from checkpoint_eval.results import Estimate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NavigatorEffects(Shown):
    """How navigators differ, after a partially nested model.

    Attributes
    ----------
    estimate : Estimate
        Treatment less control, under a navigator like these.
    navigators : (j,) str
    people : (j,) int
        Compared people of each.
    raw : (j,) float
        Mean of each navigator's people, less what the model expects of them under an average one.
    value, std_error, low, high : (j,) float
        The same shrunk to 0, the less people the more (best linear unbiased prediction), its
        standard error of prediction and normal limits. NaN where there is no fit; where navigators
        are not seen to differ `value` is 0 and its error is not known.
    icc, icc_low, icc_high : float
        Share of the variance under treatment that is between navigators.
    design_effect : float
        Variance of the treated mean over that of people without navigators.
    spread : float
        Standard deviation between navigators.
    residual : (control, treatment)
        Standard deviations of people: of controls, and of those with the same navigator.
    df : float
        Satterthwaite's degrees of freedom of the estimate.
    level : float
    """

    estimate: Estimate
    navigators: tuple[str, ...]
    people: IntArray
    raw: FloatArray
    value: FloatArray
    std_error: FloatArray
    low: FloatArray
    high: FloatArray
    icc: float
    icc_low: float
    icc_high: float
    design_effect: float
    spread: float
    residual: tuple[float, float]
    df: float
    level: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "people", frozen(self.people, np.int64))
        for name in ("raw", "value", "std_error", "low", "high"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))

    @property
    def estimable(self) -> bool:
        """Whether there is a fit; if not, the estimate's `method` says why."""
        return self.estimate.estimable

    def __repr__(self) -> str:
        return (
            f"{len(self.navigators)} navigators under {self.estimate.contrast[0]}, "
            f"{self.estimate.outcome}: SD between them {self.spread:.4g}, ICC {self.icc:.3g} "
            f"({100 * self.level:g}% interval {self.icc_low:.3g} to {self.icc_high:.3g}), design "
            f"effect {self.design_effect:.3g}. {self.estimate!r}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a navigator."""
        columns = ("people", "raw", "value", "std_error", "low", "high")
        names = {"navigator": np.array(self.navigators, dtype=object)}
        return pd.DataFrame(names | {name: getattr(self, name) for name in columns})
