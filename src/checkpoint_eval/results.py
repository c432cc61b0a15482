"""The results every verb returns: an estimate, a test, a curve."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import FloatArray, IntArray, frozen, frozen_counts
from checkpoint_eval._checks import check_level
from checkpoint_eval._display import Shown, text_table
from checkpoint_eval._tidy import OWN, tidy_frame, tidy_row
from checkpoint_eval._tidy import strategies_told as strategies_told  # told with every result
from checkpoint_eval._values import Value
from checkpoint_eval.errors import TrialError

NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Estimate(Value, Shown):
    """One comparison between two arms, ready for a table row.

    Differences are treatment − control, ratios treatment ÷ control.

    Attributes
    ----------
    estimand, outcome, analysis_set : str
    contrast : (treatment, control)
        The arms compared, first against second.
    scale : {"difference", "ratio"}
        Whether no effect is 0 or 1.
    value, low, high : float
        Estimate and interval at `level`; NaN when not estimable, with the reason in `method`.
    p_value : float
        Two-sided, of no effect.
    std_error : float
        Of the difference, or of the logarithm of the ratio; NaN where the method has none.
    by_arm : (control, treatment)
        The result in each arm: risk, survival or restricted mean; NaN where there is none.
    n, events, missing : (control, treatment)
        People analysed, their events, and people of the set left out as data are missing.
    time_point, unit : float, str
        When it is read; NaN for measures over all of follow-up, "" for outcomes without a clock.
    planned : bool
        Whether a protocol asked for it; otherwise it is exploratory.
    intercurrent : tuple of (event, strategy)
        Intercurrent events as the protocol takes them (ICH E9(R1)). None: treatment policy for all
        of them, so that everything counts whatever happened in between.
    """

    estimand: str
    outcome: str
    analysis_set: str
    contrast: tuple[str, str]
    scale: Literal["difference", "ratio"]
    value: float
    low: float
    high: float
    level: float
    p_value: float
    method: str
    n: tuple[int, int]
    events: tuple[int, ...]  # empty for a numeric outcome
    missing: tuple[int, int] = (0, 0)
    std_error: float = NAN
    by_arm: tuple[float, float] = (NAN, NAN)
    time_point: float = NAN
    unit: str = ""
    adjusted_for: tuple[str, ...] = ()
    planned: bool = False
    intercurrent: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        check_level(self.level)
        _check_p(self.p_value)
        if self.low > self.value or self.value > self.high:
            raise TrialError(
                f"The interval ({self.low}, {self.high}) does not hold the estimate {self.value}; "
                "`low` is at most `value`, and `value` at most `high`."
            )

    @property
    def null(self) -> float:
        """The value that means no effect."""
        return 0.0 if self.scale == "difference" else 1.0

    @property
    def estimable(self) -> bool:
        """Whether there is a value; if not, `method` says why."""
        return not np.isnan(self.value)

    def __repr__(self) -> str:
        at = f" at {self.time_point:g} {self.unit}" if self.time_point == self.time_point else ""
        return (
            f"{self.estimand.capitalize()} of {self.outcome}{at}, {self.contrast[0]} against "
            f"{self.contrast[1]}: {self.value:.4g} ({100 * self.level:g}% interval {self.low:.4g} "
            f"to {self.high:.4g}), p = {self.p_value:.3g}; {self.analysis_set}, "
            f"n = {self.n[1]} against {self.n[0]}{_events(self.events)}{_left_out(self.missing)}; "
            f"{'planned' if self.planned else 'exploratory'}. {self.method}."
            f"{_between(self.intercurrent)}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)

    def to_frame(self) -> pd.DataFrame:
        """Return one row of the tidy table of estimates."""
        return tidy_frame([tidy_row(self)], OWN)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SignificanceTest(Value, Shown):
    """One test of no difference.

    Attributes
    ----------
    test, outcome, analysis_set : str
    statistic : float
        What the verb's docstring says: a log-rank test of two arms is signed (negative: fewer
        events than expected in treatment). NaN when the test cannot be done, with the reason in
        `method`.
    df : float
        Degrees of freedom of the chi-square, or of the square of a signed statistic; NaN for
        exact tests.
    p_value : float
        Two-sided.
    n, events, missing : (k,) int
        By arm, control first.
    draws, monte_carlo_error : int, float
        Of a test by re-randomisation: how many draws, and the standard error of its p-value.
    exact : bool
        Whether all allocations were listed, so that p has no error.
    intercurrent : tuple of (event, strategy)
        As of an `Estimate`.
    """

    test: str
    outcome: str
    analysis_set: str
    arms: tuple[str, ...]
    statistic: float
    p_value: float
    method: str
    n: tuple[int, ...]
    events: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    df: float = NAN
    draws: int = 0
    monte_carlo_error: float = NAN
    time_point: float = NAN
    unit: str = ""
    planned: bool = False
    exact: bool = False
    intercurrent: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        _check_p(self.p_value)

    @property
    def estimable(self) -> bool:
        """Whether the test could be done; if not, `method` says why."""
        return not np.isnan(self.p_value)

    def __repr__(self) -> str:
        of = f" of {self.outcome}" if self.outcome else ""
        df = f" on {self.df:g} df" if self.df > 1 else ""
        error = f" (Monte Carlo error {self.monte_carlo_error:.2g})" if self.draws else ""
        if self.exact:
            error = " (exact)"
        counts = ", ".join(f"{arm}: {n}" for arm, n in zip(self.arms, self.n, strict=True))
        return (
            f"{self.test[0].upper()}{self.test[1:]}{of}: statistic {self.statistic:.4g}{df}, "
            f"p = {self.p_value:.3g}{error}; {self.analysis_set}, n = {counts}"
            f"{_left_out(self.missing)}; "
            f"{'planned' if self.planned else 'exploratory'}. {self.method}."
            f"{_between(self.intercurrent)}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)

    def to_frame(self) -> pd.DataFrame:
        """Return one row of the tidy table of estimates."""
        return tidy_frame([tidy_row(self)], OWN)


def _between(intercurrent: tuple[tuple[str, str], ...]) -> str:
    """Tell intercurrent events where a protocol declares any."""
    told = strategies_told(intercurrent)
    return f" Intercurrent events: {told}." if intercurrent else ""


def _events(events: tuple[int, ...]) -> str:
    """Tell the events of treatment against control, where the outcome has any."""
    return f", events {events[1]} against {events[0]}" if events else ""


def _left_out(missing: tuple[int, ...]) -> str:
    """Tell who of the analysis set is not in a result, where anyone is not."""
    if not any(missing):
        return ""
    return f" ({sum(missing)} more left out, as data are missing)"


def _check_p(p_value: float) -> None:
    if not (0 <= p_value <= 1 or np.isnan(p_value)):
        raise TrialError(f"`p_value` must lie in [0, 1] or be NaN, got {p_value}.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Curve(Shown):
    """Survival of each arm over time: steps, intervals and numbers at risk.

    Attributes
    ----------
    outcome, analysis_set, unit : str
    arms : (k,) str
        Control first.
    time : (m,) float
        Every distinct time at which somebody's follow-up ended, ascending.
    at_risk, events, censored : (k, m) int
        At risk just before each time; events and censorings at it.
    survival, std_error, low, high : (k, m) float
        Just after each time; `std_error` by Greenwood's formula. NaN where undefined;
        carried forward where nobody is at risk any more.
    missing : (k,) int
        People of the set left out as their outcome is unknown.
    """

    outcome: str
    analysis_set: str
    unit: str
    arms: tuple[str, ...]
    time: FloatArray
    at_risk: IntArray
    events: IntArray
    censored: IntArray
    survival: FloatArray
    std_error: FloatArray
    low: FloatArray
    high: FloatArray
    level: float
    method: str
    missing: tuple[int, ...] = ()
    planned: bool = False

    def __post_init__(self) -> None:
        for name in ("time", "survival", "std_error", "low", "high"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))
        for name in ("at_risk", "events", "censored"):
            object.__setattr__(self, name, frozen_counts(getattr(self, name)))

    def __repr__(self) -> str:
        last = int(np.flatnonzero((self.at_risk > 0).all(axis=0))[-1])
        ends = ", ".join(
            f"{arm}: {row[last]:.3g}" for arm, row in zip(self.arms, self.survival, strict=True)
        )
        return (
            f"Survival curve of {self.outcome}, {self.analysis_set}, "
            f"n = {int(self.at_risk[:, 0].sum())}{_left_out(self.missing)}; at "
            f"{self.time[last]:g} {self.unit}: {ends}. {self.method}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row an arm and time."""
        k, m = self.survival.shape
        return pd.DataFrame(
            {
                "arm": np.repeat(np.array(self.arms, dtype=object), m),
                "time": np.tile(self.time, k),
                "at_risk": self.at_risk.ravel(),
                "events": self.events.ravel(),
                "censored": self.censored.ravel(),
                "survival": self.survival.ravel(),
                "std_error": self.std_error.ravel(),
                "low": self.low.ravel(),
                "high": self.high.ravel(),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Quantiles(Shown):
    """Times by which given shares have had the event, read off a curve.

    Attributes
    ----------
    arms : (k,) str
    probabilities : (q,) float
    time, low, high : (k, q) float
        NaN where the curve, or its limit, does not reach the share.
    """

    outcome: str
    unit: str
    arms: tuple[str, ...]
    probabilities: FloatArray
    time: FloatArray
    low: FloatArray
    high: FloatArray

    def __post_init__(self) -> None:
        for name in ("probabilities", "time", "low", "high"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))

    def __repr__(self) -> str:
        return f"Quantiles of {self.outcome} in {self.unit}:\n{text_table(self.to_frame())}"

    def to_frame(self) -> pd.DataFrame:
        """Return one row an arm and probability."""
        k, q = self.time.shape
        return pd.DataFrame(
            {
                "arm": np.repeat(np.array(self.arms, dtype=object), q),
                "probability": np.tile(self.probabilities, k),
                "time": self.time.ravel(),
                "low": self.low.ravel(),
                "high": self.high.ravel(),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ContrastCurve(Shown):
    """One arm against control, read at every time.

    Attributes
    ----------
    estimand, outcome, analysis_set, unit : str
    contrast : (treatment, control)
    scale : {"difference", "ratio"}
    time : (m,) float
    value, std_error, low, high : (m,) float
        `std_error` of the difference, or of the logarithm of the ratio; NaN where not estimable.
    by_arm : (2, m) float
        Control first.
    n : (control, treatment)
    """

    estimand: str
    outcome: str
    analysis_set: str
    unit: str
    contrast: tuple[str, str]
    scale: Literal["difference", "ratio"]
    time: FloatArray
    value: FloatArray
    std_error: FloatArray
    low: FloatArray
    high: FloatArray
    by_arm: FloatArray
    n: tuple[int, int]
    level: float
    method: str
    missing: tuple[int, int] = (0, 0)
    planned: bool = False

    def __post_init__(self) -> None:
        for name in ("time", "value", "std_error", "low", "high", "by_arm"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))

    def __repr__(self) -> str:
        return (
            f"{self.estimand.capitalize()} of {self.outcome} over time, {self.contrast[0]} against "
            f"{self.contrast[1]}; at {self.time[-1]:g} {self.unit}: {self.value[-1]:.4g} "
            f"({100 * self.level:g}% interval {self.low[-1]:.4g} to {self.high[-1]:.4g}); "
            f"{self.analysis_set}, n = {self.n[1]} against {self.n[0]}{_left_out(self.missing)}. "
            f"{self.method}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a time."""
        columns = ("time", "value", "std_error", "low", "high")
        return pd.DataFrame(
            {name: getattr(self, name) for name in columns}
            | {"control": self.by_arm[0], "treatment": self.by_arm[1]}
        )
