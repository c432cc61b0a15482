"""Risks, survival and restricted means from lifelines and statsmodels."""

import numpy as np
import pandas as pd
from scipy.stats import norm

from checkpoint_eval._arrays import floats
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.report.second_data import by_arm, events_by, people_of, tied, until
from checkpoint_eval.report.second_engines import (
    PRODUCT_LIMIT,
    PROPORTIONS,
    RESTRICTED_MEAN,
    SCORE,
    TABLE,
    Opinions,
    told,
    without,
)
from checkpoint_eval.results import Estimate, SignificanceTest

KOOPMAN = (
    "no second engine: where everyone in an arm has the event statsmodels takes a wrong root of "
    "the score limits of a risk ratio"
)
CUBIC = (
    "no second engine: statsmodels' score limits of a risk difference solve a wrong cubic (its "
    "issue 10269)"
)
NO_START = (
    "no second engine: statsmodels starts from Wald limits of the odds ratio, and a cell of 0 has "
    "none"
)
STANDARDISED = "standardised over strata, which neither package does"
COMPARED = {"risk difference": "diff", "risk ratio": "ratio", "odds ratio": "odds-ratio"}
WALD = {"diff": "wald", "ratio": "log", "odds-ratio": "logit"}


def risk(result: Estimate, trial: Trial) -> Opinions:
    """Compare risks counted, or of the product limit where someone was followed for less."""
    control, treatment = by_arm(trial, result)
    if "time" not in control:
        return _counted(result, control["event"], treatment["event"])
    at = result.time_point
    both = pd.concat([control, treatment])
    if (~both["event"] & (both["time"] < at) & ~tied(both["time"], at)).any():
        return _from_curves(result, control, treatment, risks=True)
    return _counted(result, events_by(control, at), events_by(treatment, at))


def observed_difference(test: SignificanceTest, trial: Trial) -> Opinions:
    """Return the difference in risk of the allocation as it was; its p needs the rule."""
    from statsmodels.stats.proportion import confint_proportions_2indep

    if "weighted by" in test.method.partition("; ")[0]:
        return {"statistic": "no second engine: people are weighted by their chances of the arm"}
    people = people_of(trial, test, test.arms)
    event = events_by(people, test.time_point)
    control, treatment = (event[people["arm"] == code] for code in (0, 1))
    counts = (int(treatment.sum()), len(treatment), int(control.sum()), len(control))

    def difference() -> list[float]:
        return [float(np.mean(confint_proportions_2indep(*counts, "wald", "diff")))]

    return told(PROPORTIONS, "statistic", difference)


def _counted(result: Estimate, control: pd.Series, treatment: pd.Series) -> Opinions:
    """Compare two counts: the values of the table, and the interval that the result says."""
    from statsmodels.stats.contingency_tables import Table2x2
    from statsmodels.stats.proportion import confint_proportions_2indep

    counts = (int(treatment.sum()), len(treatment), int(control.sum()), len(control))
    alpha = 1 - result.level
    compare = COMPARED[result.estimand]

    def limits(method: str) -> tuple[float, float]:
        low, high = confint_proportions_2indep(*counts, method, compare, alpha=alpha)
        return float(low), float(high)

    def difference() -> list[float]:
        low, high = limits("wald")
        return [(low + high) / 2, (high - low) / 2 / norm.isf(alpha / 2)]

    cells = np.array([[x, n - x] for x, n in (counts[:2], counts[2:])])
    table = Table2x2(cells, shift_zeros=False)
    shares = cells[:, 0] / cells.sum(axis=1)
    found = told(TABLE, "result_treatment result_control", lambda: shares)
    if compare == "diff":
        found |= told(PROPORTIONS, "value std_error", difference)
    elif compare == "ratio":
        found |= told(TABLE, "value std_error", lambda: (table.riskratio, table.log_riskratio_se))
    else:
        found |= told(TABLE, "value std_error", lambda: (table.oddsratio, table.log_oddsratio_se))
    if "Newcombe" in result.method:
        return found | told(PROPORTIONS, "low high", lambda: limits("newcomb"))
    if "Wald" in result.method:
        return found | told(PROPORTIONS, "low high", lambda: limits(WALD[compare]))
    if compare == "diff":
        return found | dict.fromkeys(("low", "high"), CUBIC)
    if compare == "ratio" and not cells[:, 1].all():
        return found | dict.fromkeys(("low", "high"), KOOPMAN)
    if compare == "odds-ratio" and not cells.all():
        return found | dict.fromkeys(("low", "high"), NO_START)
    return found | told(SCORE, "low high", lambda: limits("score"))


def _from_curves(
    result: Estimate, control: pd.DataFrame, treatment: pd.DataFrame, *, risks: bool
) -> Opinions:
    """Compare survival, or 1 less survival, at a time, with Greenwood's standard errors."""

    def contrast() -> list[float]:
        arms = [_survival(each, result.time_point) for each in (control, treatment)]
        share, error = floats(arms).T
        share = 1 - share if risks else share
        shown = share
        if result.estimand == "risk ratio":
            share, error = np.log(share), error / share
        elif result.estimand == "odds ratio":
            share, error = np.log(share / (1 - share)), error / (share * (1 - share))
        value, std_error = share[1] - share[0], np.hypot(*error)
        half = norm.isf((1 - result.level) / 2) * std_error
        limits = floats([value, value - half, value + half])
        if result.scale == "ratio":
            limits = np.exp(limits)
        return [*limits, std_error, 2 * norm.sf(abs(value) / std_error), *shown]

    parts = "value low high std_error p_value result_control result_treatment"
    return told(PRODUCT_LIMIT, parts, contrast)


def _survival(people: pd.DataFrame, at: float) -> tuple[float, float]:
    """Return survival just after a time and its standard error: 0 where survival is 0 or 1."""
    from statsmodels.duration.survfunc import SurvfuncRight

    curve = SurvfuncRight(people["time"], people["event"])
    steps = int(until(curve.surv_times, at).sum())
    if not steps:
        return 1.0, 0.0
    return float(curve.surv_prob[steps - 1]), float(np.nan_to_num(curve.surv_prob_se[steps - 1]))


def survival(result: Estimate, trial: Trial) -> Opinions:
    """Compare survival at a time."""
    if "stratified by" in result.method:
        return without(STANDARDISED)
    return _from_curves(result, *by_arm(trial, result), risks=False)


def restricted_mean_time(result: Estimate, trial: Trial) -> Opinions:
    """Compare areas under Kaplan–Meier; lifelines' variances are wrong and not asked for."""
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time

    if "stratified by" in result.method:
        return without(STANDARDISED)
    arms = by_arm(trial, result)

    def means() -> list[float]:
        control, treatment = (
            restricted_mean_survival_time(
                KaplanMeierFitter().fit(each["time"], each["event"]), t=result.time_point
            )
            for each in arms
        )
        ratio = result.scale == "ratio"
        return [treatment / control if ratio else treatment - control, control, treatment]

    return told(RESTRICTED_MEAN, "value result_control result_treatment", means)
