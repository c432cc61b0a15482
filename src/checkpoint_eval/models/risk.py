"""Risk difference, risk ratio and odds ratio: who had the event by the horizon."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from checkpoint_eval._arrays import BoolArray, FloatArray, floats
from checkpoint_eval._checks import as_names, check_choice, check_level, counted
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.compared import Compared, compare, not_estimable
from checkpoint_eval.models.design_matrix import design_matrix
from checkpoint_eval.models.proportions import (
    Interval,
    Measure,
    TwoProportions,
    fisher_p,
    miettinen_nurminen_limits,
    newcombe_limits,
    point_estimate,
    wald_limits,
    wald_std_error,
)
from checkpoint_eval.models.standardise import standardised_risks
from checkpoint_eval.models.survival import survival_at
from checkpoint_eval.models.wald import wald
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate

ESTIMANDS: dict[Measure, str] = {
    "difference": "risk difference",
    "ratio": "risk ratio",
    "odds ratio": "odds ratio",
}


def risk_difference(
    trial: Trial,
    *,
    outcome: str,
    horizon: float | None = None,
    adjust: str | Sequence[str] = (),
    interval: Interval | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate how many more people, as a share, have the event under treatment than control.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A binary outcome, or a time-to-event outcome with a `horizon`.
    horizon : float, optional
        When a time-to-event outcome is read, in its unit.
    adjust : str or sequence of str
        Baseline columns to standardise over by logistic regression (g-computation).
    interval : {"newcombe", "miettinen-nurminen", "wald"}, optional
        Default: Newcombe's where risks are counted, Wald's where they are modelled.
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Estimate
        Negative means fewer events under treatment. `by_arm` holds the risks; all are shares
        between 0 and 1, not percentage points.

    Raises
    ------
    TrialError
        When a horizon is missing or needless; or a score interval is asked for and people are
        censored before the horizon or `adjust` is given.
    ImpossibleDesign
        For a horizon beyond follow-up; for constant or collinear covariates, which are named.
    UnknownColumn
        For names the trial does not have.

    Notes
    -----
    Unadjusted, p is Fisher's exact: it conditions on the total and may exceed alpha while a score
    interval leaves out 0. When people are censored before the horizon their status is
    unknown: risks are then Kaplan–Meier's, with Greenwood's variance, and `method` says so.
    Adjusted, the variance is unconditional (Ye et al. 2023) and p is Wald's; with people censored
    earlier it is not estimable. Strata of the
    randomisation do not enter; name them in `adjust` to use them.

    References
    ----------
    Newcombe (1998), method 10; Miettinen and Nurminen (1985); Ye et al. (2023). Checked
    against R, enumeration in fractions and beeca's values for Rossi.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> round(risk_difference(load_rossi(), outcome="rearrest", horizon=52).value, 4)
    -0.0833
    """
    return _risk(
        trial, outcome, "difference", horizon, as_names(adjust), interval, level, analysis_set, arm
    )


def risk_ratio(
    trial: Trial,
    *,
    outcome: str,
    horizon: float | None = None,
    adjust: str | Sequence[str] = (),
    interval: Interval | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate by what factor treatment multiplies the risk of the event.

    Parameters, errors and conventions are those of `risk_difference`; `interval` is
    "miettinen-nurminen" (default where risks are counted) or "wald" (on the log scale). With no
    events in control the ratio is infinite or undefined: the score interval then has an infinite
    limit, the Wald interval has none (NaN), and an undefined ratio is NaN.

    References
    ----------
    Miettinen and Nurminen (1985); Ye et al. (2023). Checked against R and the printed
    interval of the Milwaukee experiment.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> round(risk_ratio(load_rossi(), outcome="rearrest", horizon=52).value, 4)
    0.7273
    """
    return _risk(
        trial, outcome, "ratio", horizon, as_names(adjust), interval, level, analysis_set, arm
    )


def odds_ratio(
    trial: Trial,
    *,
    outcome: str,
    horizon: float | None = None,
    adjust: str | Sequence[str] = (),
    interval: Interval | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate by what factor treatment multiplies the odds of the event.

    Parameters, errors and conventions are those of `risk_ratio`. Adjusted, it is the odds ratio
    of standardised risks (marginal), not the coefficient of a logistic regression.

    References
    ----------
    Miettinen and Nurminen (1985); Ye et al. (2023). Checked against R.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> round(odds_ratio(load_rossi(), outcome="rearrest", horizon=52).value, 4)
    0.6494
    """
    return _risk(
        trial, outcome, "odds ratio", horizon, as_names(adjust), interval, level, analysis_set, arm
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Question:
    """One comparison of risks: who, when, which measure."""

    people: Compared
    measure: Measure
    horizon: float
    level: float
    event: BoolArray  # (n,) the event by the horizon
    censored: int  # people whose status at the horizon is unknown

    @property
    def scale(self) -> Literal["difference", "ratio"]:
        return "difference" if self.measure == "difference" else "ratio"

    @property
    def until(self) -> str:
        return f" by {self.horizon:g} {self.people.unit}" if self.people.time.size else ""

    def refused(self, method: str, reason: str, *, adjust: tuple[str, ...] = ()) -> Estimate:
        return not_estimable(
            self.people,
            estimand=ESTIMANDS[self.measure],
            scale=self.scale,
            level=self.level,
            method=method,
            reason=reason,
            time_point=self.horizon,
            adjusted_for=adjust,
        )

    def answer(
        self,
        limits: tuple[float, float, float],
        *,
        risks: FloatArray,
        p_value: float,
        method: str,
        std_error: float = NAN,
        adjust: tuple[str, ...] = (),
    ) -> Estimate:
        low, value, high = limits
        return Estimate(
            estimand=ESTIMANDS[self.measure],
            scale=self.scale,
            value=value,
            low=low,
            high=high,
            level=self.level,
            p_value=p_value,
            std_error=std_error,
            by_arm=(float(risks[0]), float(risks[1])),
            method=method,
            time_point=self.horizon,
            adjusted_for=adjust,
            **self.people.labels(self.horizon if self.people.time.size else np.inf),
        )


def _risk(
    trial: Trial,
    outcome: str,
    measure: Measure,
    horizon: float | None,
    adjust: tuple[str, ...],
    interval: Interval | None,
    level: float,
    analysis_set: str,
    arm: str | None,
) -> Estimate:
    intervals = ("miettinen-nurminen", "wald")
    if interval is not None:
        check_choice(interval, "interval", ("newcombe", *intervals)[measure != "difference" :])
    check_level(level)
    people = compare(trial, outcome=outcome, analysis_set=analysis_set, arm=arm, complete=adjust)
    question = _question(people, measure, horizon, level)
    if interval not in (None, "wald") and (adjust or question.censored):
        why = "risks are standardised" if adjust else "some are censored before `horizon`"
        raise TrialError(
            f"`interval` is {interval!r}, but {why} and their interval is Wald's; leave it out."
        )
    if adjust:
        return _adjusted(trial, question, adjust)
    if question.censored:
        return _from_curve(question)
    standard: Interval = "newcombe" if measure == "difference" else "miettinen-nurminen"
    return _from_counts(question, interval or standard)


def _question(people: Compared, measure: Measure, horizon: float | None, level: float) -> _Question:
    if not people.time.size:
        if horizon is not None:
            raise TrialError(
                f"`horizon` is {horizon!r}, but {people.outcome!r} is binary and has no clock; "
                "leave it out."
            )
        return _Question(
            people=people,
            measure=measure,
            horizon=NAN,
            level=level,
            event=people.event,
            censored=0,
        )
    if horizon is None:
        raise TrialError(
            f"`horizon` is needed to read the time-to-event outcome {people.outcome!r}: "
            f"by how many {people.unit}?"
        )
    survival_at(people, at=horizon, name="horizon")
    return _Question(
        people=people,
        measure=measure,
        horizon=float(horizon),
        level=level,
        event=people.event_by(horizon),
        censored=people.censored_before(horizon),
    )


def _from_counts(question: _Question, interval: Interval) -> Estimate:
    people, level = question.people, question.level
    events = np.bincount(people.arm[question.event], minlength=2)
    table = TwoProportions(
        control_events=floats(events[0]),
        control_n=floats(people.n[0]),
        treatment_events=floats(events[1]),
        treatment_n=floats(people.n[1]),
    )
    value = point_estimate(table, question.measure)
    method = f"risks{question.until}; {_INTERVALS[interval]}; Fisher's exact p"
    if question.measure != "difference" and not events.sum():
        return question.refused(method, "no events in either arm")
    if np.isnan(value):
        return question.refused(method, "everyone in both arms has the event")
    if interval == "newcombe":
        low, high = newcombe_limits(table, level=level)
    elif interval == "wald":
        low, high = wald_limits(table, question.measure, level=level)
    else:
        low, high = miettinen_nurminen_limits(table, question.measure, level=level)
    if np.isnan(low):
        method += "; no interval: a cell is 0, use the Miettinen–Nurminen interval"
    elif np.isinf(value):
        method += "; the ratio is infinite: a cell of the comparison is 0"
    return question.answer(
        (float(low), float(value), float(high)),
        risks=np.array([table.control, table.treatment]),
        p_value=fisher_p(table),
        std_error=float(wald_std_error(table, question.measure)),
        method=method,
    )


_INTERVALS: dict[Interval, str] = {
    "newcombe": "Newcombe hybrid score interval",
    "miettinen-nurminen": "Miettinen–Nurminen score interval",
    "wald": "Wald interval",
}


def _from_curve(question: _Question) -> Estimate:
    """Compare Kaplan–Meier risks: the status of some at the horizon is unknown."""
    survival, variance = survival_at(question.people, at=question.horizon, name="horizon")
    method = (
        f"Kaplan–Meier risks{question.until}, as "
        f"{counted(question.censored, 'person is', 'people are')} censored earlier; "
        "Greenwood variance; Wald interval"
    )
    return _wald_answer(question, 1 - survival, np.diag(variance), method)


def _adjusted(trial: Trial, question: _Question, adjust: tuple[str, ...]) -> Estimate:
    people = question.people
    method = f"risks{question.until} standardised over {', '.join(adjust)} by logistic regression"
    if question.censored:
        lost = counted(question.censored, "person is", "people are")
        reason = f"{lost} censored earlier, so their risk is unknown; choose a hazard ratio"
        return question.refused(method, reason, adjust=adjust)
    matrix = design_matrix(trial, people, adjust)
    result = standardised_risks(question.event, people.arm, matrix.values[:, matrix.arms :])
    if np.isnan(result.risk).any():
        return question.refused(
            method,
            "the logistic regression separates events from others, so it has no maximum",
            adjust=adjust,
        )
    method += "; unconditional variance; Wald interval"
    return _wald_answer(question, result.risk, result.covariance, method, adjust=adjust)


def _wald_answer(
    question: _Question,
    risk: FloatArray,
    covariance: FloatArray,
    method: str,
    *,
    adjust: tuple[str, ...] = (),
) -> Estimate:
    """Return the contrast of two risks with its delta-method interval."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if question.measure == "difference":
            value, gradient = risk[1] - risk[0], np.array([-1.0, 1.0])
        elif question.measure == "ratio":
            value, gradient = np.log(risk[1] / risk[0]), np.array([-1, 1]) / risk
            method += " on the log scale"
        else:
            odds = risk / (1 - risk)
            value, gradient = np.log(odds[1] / odds[0]), np.array([-1, 1]) / (risk * (1 - risk))
            method += " on the log scale"
        variance = float(gradient @ covariance @ gradient)
    if not (np.isfinite(value) and variance > 0):
        reason = "a risk is 0 or 1, so the contrast has no variance"
        return question.refused(method, reason, adjust=adjust)
    std_error = float(np.sqrt(variance))
    low, high, p_value = wald(float(value), std_error, level=question.level)
    limits = (low, float(value), high)
    if question.measure != "difference":
        limits = (float(np.exp(low)), float(np.exp(value)), float(np.exp(high)))
    return question.answer(
        limits, risks=risk, p_value=p_value, std_error=std_error, method=method, adjust=adjust
    )
