"""Two risks and their contrast: counted, from a curve, over strata, or standardised."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats
from checkpoint_eval._checks import counted
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.compared import Compared, not_estimable
from checkpoint_eval.models.design_matrix import design_matrix, refuse_collinear
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
from checkpoint_eval.models.stratified_risks import (
    CommonEffect,
    mantel_haenszel,
    strata_of_counts,
)
from checkpoint_eval.models.stratified_scores import Common, common_score_limits
from checkpoint_eval.models.survival import survival_at
from checkpoint_eval.models.wald import wald_estimate
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate

ESTIMANDS: dict[Measure, str] = {
    "difference": "risk difference",
    "ratio": "risk ratio",
    "odds ratio": "odds ratio",
}
_INTERVALS: dict[Interval, str] = {
    "newcombe": "Newcombe hybrid score interval",
    "miettinen-nurminen": "Miettinen–Nurminen score interval",
    "wald": "Wald interval",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RiskQuestion:
    """One comparison of risks: who, when, which measure.

    Attributes
    ----------
    event : (n,) bool
        The event by the horizon.
    censored : int
        People whose status at the horizon is unknown.
    stratum : (n,) int or None
    told : str
        Strata, in words.
    """

    people: Compared
    measure: Measure
    horizon: float
    level: float
    event: BoolArray
    censored: int
    stratum: IntArray | None
    told: str

    @property
    def scale(self) -> Literal["difference", "ratio"]:
        """Whether no effect is 0 or 1."""
        return "difference" if self.measure == "difference" else "ratio"

    @property
    def risks(self) -> str:
        """What is compared, in words."""
        return f"risks by {self.horizon:g} {self.people.unit}" if self.people.time.size else "risks"

    @property
    def lost(self) -> str:
        """Who was censored, in words."""
        return f"{counted(self.censored, 'person is', 'people are')} censored earlier"

    def refused(self, method: str, reason: str, *, adjust: tuple[str, ...] = ()) -> Estimate:
        """Return the estimate that says why there is none."""
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

    def wald(
        self,
        value: float,
        variance: float,
        *,
        risk: FloatArray,
        method: str,
        reason: str,
        adjust: tuple[str, ...] = (),
    ) -> Estimate:
        """Return Wald's interval, of the logarithm for ratios; or why there is none."""
        return wald_estimate(
            self.people,
            estimand=ESTIMANDS[self.measure],
            measure=self.scale,
            value=value,
            std_error=float(np.sqrt(variance)) if variance > 0 else NAN,
            level=self.level,
            method=f"{method}; Wald interval"
            + ("" if self.scale == "difference" else " on the log scale"),
            reason=reason,
            by_arm=(float(risk[0]), float(risk[1])),
            time_point=self.horizon,
            adjusted_for=adjust,
        )


def risk_question(
    people: Compared,
    measure: Measure,
    *,
    horizon: float | None,
    level: float,
    stratum: IntArray | None,
    told: str,
) -> RiskQuestion:
    """Read the outcome at the horizon, which a time needs and a binary outcome must not have."""
    event, censored, at = people.event, 0, NAN
    if not people.time.size:
        if horizon is not None:
            raise TrialError(
                f"`horizon` is {horizon!r}, but {people.outcome!r} is binary and has no clock; "
                "leave it out."
            )
    elif horizon is None:
        raise TrialError(
            f"`horizon` is needed to read the time-to-event outcome {people.outcome!r}: "
            f"by how many {people.unit}?"
        )
    else:
        survival_at(people, at=horizon, name="horizon")
        event, at = people.event_by(horizon), float(horizon)
        censored = people.censored_before(horizon)
    return RiskQuestion(
        people=people,
        measure=measure,
        horizon=at,
        level=level,
        event=event,
        censored=censored,
        stratum=stratum,
        told=f"; {told}" if told else "",
    )


def counted_risks(question: RiskQuestion, interval: Interval) -> Estimate:
    """Compare shares of people, with an exact p."""
    people, level = question.people, question.level
    events = np.bincount(people.arm[question.event], minlength=2)
    table = TwoProportions(
        control_events=floats(events[0]),
        control_n=floats(people.n[0]),
        treatment_events=floats(events[1]),
        treatment_n=floats(people.n[1]),
    )
    value = point_estimate(table, question.measure)
    method = f"{question.risks}{question.told}; {_INTERVALS[interval]}; Fisher's exact p"
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
    elif interval == "wald" and low == high:
        method += "; no width: each arm has no events or only events, so use another interval"
    elif np.isinf(value):
        method += "; the ratio is infinite: a cell of the comparison is 0"
    return Estimate(
        estimand=ESTIMANDS[question.measure],
        scale=question.scale,
        value=float(value),
        low=float(low),
        high=float(high),
        level=level,
        p_value=fisher_p(table),
        std_error=float(wald_std_error(table, question.measure)),
        by_arm=(float(table.control), float(table.treatment)),
        method=method,
        time_point=question.horizon,
        **people.labels(question.horizon if people.time.size else np.inf),
    )


def risks_from_curve(question: RiskQuestion) -> Estimate:
    """Compare Kaplan–Meier risks: the status of some at the horizon is unknown."""
    survival, variance = survival_at(question.people, at=question.horizon, name="horizon")
    method = f"Kaplan–Meier {question.risks}, as {question.lost}{question.told}; Greenwood variance"
    return _contrast(question, 1 - survival, np.diag(variance), method)


def risks_over_strata(question: RiskQuestion, interval: Interval | None) -> Estimate:
    """Compare risks within strata, by Mantel and Haenszel."""
    people, measure = question.people, question.measure
    method = f"{question.risks}{question.told}; Mantel–Haenszel"
    if question.stratum is None:
        return question.refused(method, "there are no strata")
    if question.censored:
        reason = f"{question.lost}, so strata cannot be counted; use `survival_difference`"
        return question.refused(method, reason)
    tables, kept = strata_of_counts(question.event.astype(np.int64), people.arm, question.stratum)
    if not kept.size:
        return question.refused(method, "no stratum holds both arms")
    large = interval == "greenland-robins"
    found = mantel_haenszel(tables, measure, variance="greenland-robins" if large else "sato")
    wald = np.isfinite(found.value) and found.variance > 0
    if measure != "odds ratio" and not np.isnan(found.value):
        if interval == "miettinen-nurminen":
            return _scored(question, tables, measure, found, method)
        if interval is None and not wald:
            told = f"{method}; zeros leave no Wald interval"
            return _scored(question, tables, measure, found, told)
    error = {
        "difference": "Greenland–Robins" if large else "Sato",
        "ratio": "Greenland–Robins",
        "odds ratio": "Robins–Breslow–Greenland",
    }[measure]
    return question.wald(
        float(found.value),
        float(found.variance),
        risk=found.risk,
        method=f"{method}; {error} variance",
        reason=_why_no_common_effect(question, found.risk),
    )


def _scored(
    question: RiskQuestion,
    tables: TwoProportions,
    measure: Common,
    found: CommonEffect,
    method: str,
) -> Estimate:
    """Return the common effect with its score interval, which needs no half added to a zero."""
    value = float(found.value if measure == "difference" else np.exp(found.value))
    low, high, p = common_score_limits(tables, measure, value, level=question.level)
    variance = float(found.variance)
    people = question.people
    return Estimate(
        estimand=ESTIMANDS[measure],
        scale=question.scale,
        value=value,
        low=low,
        high=high,
        level=question.level,
        p_value=p,
        std_error=float(np.sqrt(variance)) if 0 < variance < np.inf else NAN,
        by_arm=(float(found.risk[0]), float(found.risk[1])),
        method=f"{method}; Miettinen–Nurminen score interval and p over strata",
        time_point=question.horizon,
        **people.labels(question.horizon if people.time.size else np.inf),
    )


def _why_no_common_effect(question: RiskQuestion, risk: FloatArray) -> str:
    """Say which zero leaves Mantel and Haenszel without an estimate or a variance."""
    if question.measure == "difference":
        return "the strata that hold both arms leave no variance; the score interval needs none"
    none = [arm for arm, own in zip(question.people.arms, risk, strict=True) if not own > 0]
    if len(none) == 2:
        return f"no events in {none[0]!r} and {none[1]!r} in the strata that hold both arms"
    if none:
        reason = f"no events in {' and '.join(map(repr, none))} in the strata that hold both arms"
    elif question.measure == "ratio":
        reason = "everyone in the strata that hold both arms has the event"
    else:
        reason = "zeros in every stratum that holds both arms leave it 0 or infinite"
    if question.measure == "ratio":
        return f"{reason}; the score interval needs none"
    return f"{reason}; without strata there is a score interval"


def adjusted_risks(
    trial: Trial, question: RiskQuestion, adjust: tuple[str, ...], *, interactions: bool
) -> Estimate:
    """Compare risks standardised by logistic regression over covariates, and strata if any."""
    people = question.people
    method = f"{question.risks} standardised over {', '.join(adjust)} by logistic regression"
    method += (" in each arm" if interactions else "") + question.told
    if question.censored:
        reason = f"{question.lost}, so their risk is unknown; choose a hazard ratio"
        return question.refused(method, reason, adjust=adjust)
    covariates = _covariates(trial, question, adjust)
    result = standardised_risks(question.event, people.arm, covariates, interactions=interactions)
    if np.isnan(result.risk).any():
        return question.refused(method, result.reason, adjust=adjust)
    method += "; unconditional variance"
    return _contrast(question, result.risk, result.covariance, method, adjust=adjust)


def _covariates(trial: Trial, question: RiskQuestion, adjust: tuple[str, ...]) -> FloatArray:
    """Return (n, p) covariates and indicators of the strata, none a combination of others."""
    matrix = design_matrix(trial, question.people, adjust)
    values = matrix.values
    if question.stratum is not None:
        codes = np.unique(question.stratum)[1:]
        values = np.column_stack([values, question.stratum[:, None] == codes])
        refuse_collinear([*matrix.terms, *(f"stratum {code}" for code in codes)], values)
    return floats(values[:, matrix.arms :])


def _contrast(
    question: RiskQuestion,
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
        else:
            odds = risk / (1 - risk)
            value, gradient = np.log(odds[1] / odds[0]), np.array([-1, 1]) / (risk * (1 - risk))
        variance = float(gradient @ covariance @ gradient)
    return question.wald(
        float(value),
        variance,
        risk=risk,
        method=method,
        reason="a risk is 0 or 1, so the contrast has no variance",
        adjust=adjust,
    )
