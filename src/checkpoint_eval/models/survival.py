"""Survival curves: Kaplan–Meier read off the event table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import ndtri

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import check_choice, check_level, check_noun, check_positive
from checkpoint_eval._display import Shown, grid_frame
from checkpoint_eval._times import nearest_tie
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models.bands import hall_wellner_value
from checkpoint_eval.models.compared import Compared, compare
from checkpoint_eval.models.event_tables import EventTable, check_table
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import Curve, Quantiles

CurveInterval = Literal["log-log", "log", "plain"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class KaplanMeier(Shown):
    """Survival and Greenwood's sum on the grid of an event table.

    Attributes
    ----------
    survival : (..., k, m) float
        Just after each time.
    greenwood : (..., k, m) float
        Running sum of d / (r (r − d)): the variance of log survival. Infinite once survival is 0.
    """

    survival: FloatArray
    greenwood: FloatArray

    @property
    def std_error(self) -> FloatArray:
        """(..., k, m) standard error of survival; NaN where survival is 0."""
        with np.errstate(invalid="ignore"):
            return floats(self.survival * np.sqrt(self.greenwood))

    def to_frame(self) -> pd.DataFrame:
        """Return one row a group and time; the places of a batch come first."""
        return grid_frame(("group", "place"), survival=self.survival, std_error=self.std_error)


def kaplan_meier(table: EventTable) -> KaplanMeier:
    """Return the product-limit estimate for every group of an event table.

    Parameters
    ----------
    table : EventTable
        (..., k, m): k groups on a grid of m times, leading axes for a batch. `event_table` makes
        one; of a trial ask `survival_curve`.

    Returns
    -------
    KaplanMeier

    References
    ----------
    Kaplan and Meier (1958); Greenwood (1926); both written out in docs/methods.md. Checked
    against R survival::survfit.

    Examples
    --------
    >>> from checkpoint_eval.models import event_table
    >>> table = event_table([1, 2, 3, 4], [True, False, True, False], [0, 0, 0, 0], groups=1)
    >>> kaplan_meier(table).survival
    array([[0.75 , 0.75 , 0.375, 0.375]])
    """
    r, d = check_table(table).at_risk, table.events
    with np.errstate(divide="ignore", invalid="ignore"):
        jump = np.where(d > 0, d / (r * (r - d)), 0.0)
    return KaplanMeier(survival=survival_after(r, d), greenwood=floats(np.cumsum(jump, axis=-1)))


def survival_after(at_risk: IntArray, events: IntArray | FloatArray) -> FloatArray:
    """Return (..., m) the product-limit estimate just after each time.

    Where nobody is left at risk it is carried forward.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = floats((at_risk - events) / at_risk)
    np.fmin(kept, 1.0, out=kept)  # 0/0 is NaN, which gives way to 1
    return np.cumprod(kept, axis=-1, out=kept)


def survival_limits(
    curve: KaplanMeier, *, interval: CurveInterval, half: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper limits of survival.

    Parameters
    ----------
    half : (..., k, m) float
        Half-width on the scale of log survival: `pointwise` or `hall_wellner`.

    References
    ----------
    Kalbfleisch and Prentice (2002), section 1.4.1. Conventions at
    survival 0 and 1 are those of R survival::survfit.
    """
    s = curve.survival
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if interval == "plain":
            low, high = s - s * half, s + s * half
        elif interval == "log":
            log_s = np.where(s > 0, np.log(s), np.nan)
            low, high = np.exp(log_s - half), np.exp(log_s + half)
        else:
            log_s = np.where((s > 0) & (s < 1), np.log(s), np.nan)
            ratio = half / log_s
            low, high = np.exp(log_s * np.exp(-ratio)), np.exp(log_s * np.exp(ratio))
        return np.maximum(low, 0.0), np.minimum(high, 1.0)


def pointwise(curve: KaplanMeier, *, level: float) -> FloatArray:
    """Return the half-width of log survival that covers each time by itself."""
    return floats(ndtri(0.5 + level / 2) * np.sqrt(curve.greenwood))


def hall_wellner(curve: KaplanMeier, people: IntArray, *, level: float) -> FloatArray:
    """Return the half-width of log survival that covers the whole curve at once.

    c·(1 + nG)/√n, G Greenwood's sum and c the value that a Brownian bridge stays below, with the
    chance `level`, up to nG/(1 + nG) at the last time somebody is left. NaN after it.
    """
    n = floats(people)[:, None]
    known = np.isfinite(curve.greenwood) & (curve.survival > 0)
    spread = np.where(known, n * curve.greenwood, 0.0)
    ends = (spread / (1 + spread)).max(axis=-1)
    value = np.array([hall_wellner_value(float(end), level=level) for end in ends])
    return np.where(known, value[:, None] * (1 + spread) / np.sqrt(n), np.nan)


def survival_curve(
    trial: Trial,
    *,
    outcome: str,
    interval: CurveInterval = "log-log",
    band: Literal["pointwise", "hall-wellner"] = "pointwise",
    level: float = 0.95,
    analysis_set: str = "itt",
) -> Curve:
    """Estimate, for each arm, the share still free of the event over time.

    Parameters
    ----------
    trial : Trial
        n people, k arms.
    outcome : str
        A time-to-event outcome.
    interval : {"log-log", "log", "plain"}
        Scale on which intervals are symmetric.
    band : {"pointwise", "hall-wellner"}
        Limits that cover each time by itself, or the whole curve at once, from the start to the
        last time at which somebody is left free of the event.
    level : float
    analysis_set : str

    Returns
    -------
    Curve
        On the grid of all distinct times, arms as rows.

    Raises
    ------
    UnknownColumn
        When outcome or analysis set is not in the trial.
    TrialError
        When the outcome is binary, or an option is not among those stated.

    Notes
    -----
    At risk at t: follow-up not ended before t, so someone censored at t counts. Log-log limits
    are NaN where survival is 0 or 1, log and plain limits where it is 0: no variance is defined
    there. After an arm's last follow-up, where nobody is at risk, its values are carried forward
    (R's ``extend``); what needs follow-up, such as `survival_difference`, refuses such times.

    References
    ----------
    Kaplan and Meier (1958); Greenwood (1926); Hall and Wellner (1980), Biometrika 67, 133-143.
    Checked against R survival::survfit on Rossi and recid, hand tables and a slow reference; the
    band against simulated Brownian bridges.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> survival_curve(load_rossi(), outcome="rearrest")
    Survival curve of rearrest, itt, n = 432; at 52 weeks: no aid: 0.694, financial aid: 0.778.
    Kaplan–Meier; Greenwood variance; log-log interval.
    """
    check_choice(interval, "interval", ("log-log", "log", "plain"))
    check_choice(band, "band", ("pointwise", "hall-wellner"))
    check_level(level)
    people = compare(trial, outcome=outcome, analysis_set=analysis_set, kind="time", every_arm=True)
    table = people.table()
    curve = kaplan_meier(table)
    half = (
        pointwise(curve, level=level)
        if band == "pointwise"
        else hall_wellner(curve, table.at_risk[:, 0], level=level)
    )
    low, high = survival_limits(curve, interval=interval, half=half)
    told = f"{interval} interval" if band == "pointwise" else f"{interval} Hall–Wellner band"
    return Curve(
        outcome=outcome,
        analysis_set=analysis_set,
        unit=people.unit,
        arms=people.arms,
        time=table.time,
        at_risk=table.at_risk,
        events=table.events,
        censored=table.ended - table.events,
        survival=curve.survival,
        std_error=curve.std_error,
        low=low,
        high=high,
        level=level,
        method=f"Kaplan–Meier; Greenwood variance; {told}",
        missing=people.missing,
    )


def survival_quantiles(curve: Curve, probabilities: Sequence[float] = (0.25, 0.5)) -> Quantiles:
    """Read off the times by which given shares of each arm have had the event.

    Parameters
    ----------
    curve : Curve
    probabilities : sequence of float
        Shares strictly between 0 and 1; 0.5 is the median.

    Returns
    -------
    Quantiles
        `time`, `low` and `high`, (k, q) each: a row an arm, a column a share; NaN where the curve
        does not reach it. Limits are read off those of the curve (Brookmeyer and Crowley).

    Notes
    -----
    When survival equals 1 − p exactly over a flat stretch, the mid-point of the stretch is
    returned, as R does (SAS prints its start).

    References
    ----------
    Brookmeyer and Crowley (1982). Checked against R quantile(survfit).

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> curve = survival_curve(load_rossi(), outcome="rearrest")
    >>> survival_quantiles(curve, probabilities=[0.1, 0.2]).time.tolist()
    [[21.0, 37.0], [24.0, 49.0]]
    """
    check_noun(curve, Curve, "curve", of="survival_curve")
    if isinstance(probabilities, str) or not isinstance(probabilities, Sequence | np.ndarray):
        raise TrialError(
            f"`probabilities` must be a sequence of shares, got {probabilities!r}; write [0.5]."
        )
    shares = np.array([check_level(share, "probabilities") for share in probabilities])
    ends = [int(np.flatnonzero(row > 0)[-1]) + 1 for row in curve.at_risk]
    time, low, high = (
        np.array(
            [
                _crossing(curve.time[:end], row[:end], shares)
                for row, end in zip(rows, ends, strict=True)
            ]
        )
        for rows in (curve.survival, curve.low, curve.high)
    )
    return Quantiles(
        outcome=curve.outcome,
        unit=curve.unit,
        arms=curve.arms,
        probabilities=shares,
        time=time,
        low=low,
        high=high,
    )


def _crossing(time: FloatArray, survival: FloatArray, share: FloatArray) -> FloatArray:
    """Return when a step function first falls by each share; the middle of an exactly flat stretch.

    A stretch that lasts to the end of the arm's follow-up ends there.
    """
    known = ~np.isnan(survival)
    when = np.append(time[known], np.nan)
    fallen = np.maximum.accumulate(1 - survival[known])
    tolerance = 1e-8  # a product of fractions reaches 1/2 only up to rounding
    first = np.searchsorted(fallen, share - tolerance)
    beyond = np.searchsorted(fallen, share + tolerance)
    reached_at_end = (first < fallen.size) & (beyond == fallen.size) & known[-1]
    return (when[first] + np.where(reached_at_end, time[-1], when[beyond])) / 2


def survival_at(people: Compared, *, at: float, name: str) -> tuple[FloatArray, FloatArray]:
    """Return (k,) survival just after a time and its Greenwood variance, within follow-up."""
    table = people.table()
    at = nearest_tie(check_positive(at, name), table.time)
    curve = kaplan_meier(table)
    check_follow_up(people, table, curve, horizon=at, name=name)
    last = int(np.searchsorted(table.time, at, side="right")) - 1
    if last < 0:
        return np.ones(len(people.arms)), np.zeros(len(people.arms))
    return curve.survival[:, last], np.nan_to_num(curve.std_error[:, last] ** 2)


def check_follow_up(
    people: Compared, table: EventTable, curve: KaplanMeier, *, horizon: float, name: str
) -> None:
    """Refuse a horizon at which some arm has nobody left to tell what happened."""
    for code, arm in enumerate(people.arms):
        followed = np.flatnonzero(table.at_risk[code] > 0)
        end = float(table.time[followed[-1]]) if followed.size else 0.0
        if horizon > end and (not followed.size or curve.survival[code, -1] > 0):
            raise ImpossibleDesign(
                f"`{name}` is {horizon:g} {people.unit}, beyond the follow-up of arm {arm!r}, "
                f"which ends at {end:g}; choose at most {end:g}."
            )
