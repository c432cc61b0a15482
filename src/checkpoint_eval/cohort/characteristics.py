"""Operating characteristics: how an estimator behaves when the truth is known."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from checkpoint_eval._arrays import FloatArray, frozen
from checkpoint_eval._display import Shown
from checkpoint_eval._values import Value
from checkpoint_eval.results import NAN

COVERED = (0.93, 0.97)  # of a nominal 95 %
SIZE = (0.03, 0.07)  # of a nominal 5 %


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replicates:
    """What an estimator found in each trial of a setting.

    Attributes
    ----------
    value, low, high, std_error, p_value : (t,) float
        NaN where not estimable.
    """

    value: FloatArray
    low: FloatArray
    high: FloatArray
    std_error: FloatArray
    p_value: FloatArray

    def __post_init__(self) -> None:
        for each in fields(self):
            object.__setattr__(self, each.name, frozen(getattr(self, each.name), np.float64))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Characteristic(Value, Shown):
    """How one estimator or test behaved in one setting.

    Attributes
    ----------
    setting, estimator, estimand : str
    assumptions : str
        Empty when they hold; otherwise what does not.
    scale : str
        "difference", "ratio" (bias and errors are then of the logarithm) or "test".
    truth : float
    trials, estimable : int
    bias, bias_error : float
        Mean of the estimates less the truth, and its Monte Carlo standard error.
    spread, reported : float
        SD of the estimates, and mean reported standard error.
    covered, covered_low, covered_high : float
        Share of intervals that hold the truth, with Wilson's 95 % limits.
    rejected, rejected_low, rejected_high : float
        Share of p-values at most 0.05; the size where the null is true, else the power.
    null : bool
        Whether the null is true.
    """

    setting: str
    estimator: str
    estimand: str
    assumptions: str
    scale: str
    truth: float
    trials: int
    estimable: int
    bias: float
    bias_error: float
    spread: float
    reported: float
    covered: float
    covered_low: float
    covered_high: float
    rejected: float
    rejected_low: float
    rejected_high: float
    null: bool

    @property
    def verdict(self) -> str:
        """What to make of it: coverage of 93 to 97 %, and a size of at most 7 %, are as should be.

        Judged by the limits: only what chance does not explain is told.
        """
        told = []
        if self.covered_high < COVERED[0]:
            told.append("covers too seldom")
        if self.covered_low > COVERED[1]:
            told.append("covers too often")
        if self.null and self.rejected_low > SIZE[1]:
            told.append("rejects too often")
        if self.null and self.rejected_high < SIZE[0]:
            told.append("rejects seldom")
        return "; ".join(told) or "as it should"


def characteristic(
    replicates: Replicates,
    *,
    setting: str,
    estimator: str,
    estimand: str,
    assumptions: str,
    scale: str,
    truth: float,
    null: bool,
) -> Characteristic:
    """Summarise what an estimator found in many trials."""
    known = np.isfinite(replicates.p_value if scale == "test" else replicates.value)
    value, low, high = (
        np.array(getattr(replicates, name))[known] for name in ("value", "low", "high")
    )
    target = truth
    if scale == "ratio":
        with np.errstate(divide="ignore"):
            value, low, high = np.log(value), np.log(low), np.log(high)
        target = float(np.log(truth)) if truth > 0 else NAN
    n = int(known.sum())
    spread = float(value.std(ddof=1)) if n > 1 and scale != "test" else NAN
    held = int(((low <= target) & (target <= high)).sum())
    p_values = replicates.p_value[~np.isnan(replicates.p_value)]
    estimated = scale != "test"
    covered = _share(held, n) if estimated and not np.isnan(target) else (NAN, NAN, NAN)
    rejected = _share(int((p_values <= 0.05 + 1e-12).sum()), p_values.size)
    errors = replicates.std_error[known]
    return Characteristic(
        setting=setting,
        estimator=estimator,
        estimand=estimand,
        assumptions=assumptions,
        scale=scale,
        truth=truth,
        trials=replicates.p_value.size,
        estimable=n,
        bias=float(value.mean()) - target if estimated and n else NAN,
        bias_error=spread / np.sqrt(n) if n else NAN,
        spread=spread,
        reported=float(errors.mean()) if n and np.isfinite(errors).all() else NAN,
        covered=covered[0],
        covered_low=covered[1],
        covered_high=covered[2],
        rejected=rejected[0],
        rejected_low=rejected[1],
        rejected_high=rejected[2],
        null=null,
    )


def _share(successes: int, n: int) -> tuple[float, float, float]:
    """Return a share with Wilson's 95 % limits."""
    if not n:
        return NAN, NAN, NAN
    limits = binomtest(successes, n).proportion_ci(method="wilson")
    return successes / n, float(limits.low), float(limits.high)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Certificate(Shown):
    """The operating characteristics of every estimator in every setting.

    Attributes
    ----------
    rows : tuple of Characteristic
    trials, people, seed : int
    version : str
        Of this library.
    digests : mapping of str to str
        Of each setting's scenario.
    """

    rows: tuple[Characteristic, ...]
    trials: int
    people: int
    seed: int
    version: str
    digests: Mapping[str, str]

    def to_frame(self) -> pd.DataFrame:
        """Return one row an estimator and setting."""
        names = [each.name for each in fields(Characteristic)]
        return pd.DataFrame(
            [
                {name: getattr(row, name) for name in names} | {"verdict": row.verdict}
                for row in self.rows
            ],
            columns=[*names, "verdict"],
        )

    def defects(self) -> tuple[Characteristic, ...]:
        """Return what misses 93 to 97 %, or its size, where its assumptions hold."""
        return tuple(
            row for row in self.rows if not row.assumptions and row.verdict != "as it should"
        )

    def __repr__(self) -> str:
        settings = len({row.setting for row in self.rows})
        return (
            f"Certificate({len({row.estimator for row in self.rows})} estimators in {settings} "
            f"settings, {self.trials:,} trials of {self.people:,} people each; "
            f"{len(self.defects())} outside 93-97 % or their size where assumptions hold)"
        )
