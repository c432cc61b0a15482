"""Hazard ratios and log-rank tests from lifelines and statsmodels."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.report.second_data import DATA, people_of
from checkpoint_eval.report.second_engines import (
    BRESLOW,
    EFRON,
    LOG_RANK,
    NEWTON,
    Opinions,
    told,
    without,
)
from checkpoint_eval.results import Estimate, SignificanceTest

UNSIGNED = (
    "no second engine: statsmodels gives a weighted chi-square without a sign; its p is compared"
)
OTHER_STRATA = "the strata are not those of the randomisation"
# What a Cox model's method may say and still be the one that is fitted here.
PLAIN = (
    "Cox, ",
    "stratified by ",
    "unstratified",
    "adjusted for ",
    "the hazard ratio of ",
    "Wald ",
)
WEIGHTS: dict[str, dict[str, Any]] = {
    "log-rank": {},
    "Gehan log-rank": {"weight_type": "gb"},
    "Tarone–Ware log-rank": {"weight_type": "tw"},
    "Fleming–Harrington(1, 0) log-rank": {"weight_type": "fh", "fh_p": 1},
    "Fleming–Harrington(0.5, 0) log-rank": {"weight_type": "fh", "fh_p": 0.5},
}


def hazard(result: Estimate, trial: Trial) -> Opinions:
    """Fit Cox's partial likelihood, by Efron's ties or Breslow's as the result says."""
    said = result.method.partition("; not estimable")[0].split("; ")
    other = [part for part in said if not part.startswith(PLAIN)]
    if other:
        return without(f"the model has more than covariates and strata ({other[0]})")
    people = _in_strata(people_of(trial, result, result.contrast[::-1]), result, trial)
    if people is None:
        return without(OTHER_STRATA)
    return (_breslow if "Breslow ties" in said[0] else _efron)(people, result.level)


def _efron(people: pd.DataFrame, level: float) -> Opinions:
    from lifelines import CoxPHFitter

    def fitted() -> list[float]:
        fit = CoxPHFitter(alpha=1 - level).fit(
            people, "time", "event", strata=["stratum"], fit_options=NEWTON
        )
        limits = np.exp(fit.confidence_intervals_.loc["arm"])
        spread = [fit.standard_errors_["arm"], fit.summary.loc["arm", "p"]]
        return [fit.hazard_ratios_["arm"], *limits, *spread]

    return told(EFRON, "value low high std_error p_value", fitted)


def _breslow(people: pd.DataFrame, level: float) -> Opinions:
    from statsmodels.duration.hazard_regression import PHReg

    x = people[["arm", *people.columns.difference(list(DATA))]].astype(float)

    def fitted() -> list[float]:
        fit = PHReg(
            people["time"],
            x,
            status=people["event"].astype(int),
            strata=people["stratum"],
            ties="breslow",
        ).fit()
        limits = np.exp([fit.params[0], *fit.conf_int(1 - level)[0]])
        return [*limits, fit.bse[0], fit.pvalues[0]]

    return told(BRESLOW, "value low high std_error p_value", fitted)


def _in_strata(
    people: pd.DataFrame, result: Estimate | SignificanceTest, trial: Trial
) -> pd.DataFrame | None:
    """Return people with the strata that the result tells, or None for others than the trial's."""
    said = (part for part in result.method.split("; ") if part.startswith("stratified by "))
    strata = next(said, None)
    own = f"stratified by {', '.join(trial.assignment.stratified_by)}"
    if strata is None:
        return people.assign(stratum=0)
    return people if strata == own or strata.startswith(f"{own} (") else None


def log_rank(test: SignificanceTest, trial: Trial) -> Opinions:
    """Return the chi-square of a log-rank test; of two arms its root, with its sign."""
    people = _in_strata(people_of(trial, test, test.arms), test, trial)
    return without(OTHER_STRATA) if people is None else _log_rank(people, test)


def observed_log_rank(test: SignificanceTest, trial: Trial) -> Opinions:
    """Return the statistic of the allocation as it was, in its strata; its p needs the rule."""
    found = _log_rank(people_of(trial, test, test.arms), test)
    return {"statistic": found["statistic"]}


def _log_rank(people: pd.DataFrame, test: SignificanceTest) -> Opinions:
    from statsmodels.duration.hazard_regression import PHReg
    from statsmodels.duration.survfunc import survdiff

    kind = test.method.partition("; ")[0].replace(" weighted", "")
    if kind not in WEIGHTS:
        return without(f"statsmodels has no {kind} test")
    time, event, arm = people["time"], people["event"].astype(int), people["arm"].astype(float)

    def statistic() -> list[float]:
        found = float(survdiff(time, event, arm, strata=people["stratum"], **WEIGHTS[kind])[0])
        # survdiff's own p is 1 less a probability, which rounds to 0 for large statistics.
        p_value = chi2.sf(found, len(test.arms) - 1)
        if len(test.arms) == 2:
            # Its sign is that of the score of a Cox model.
            cox = PHReg(time, arm, status=event, strata=people["stratum"], ties="breslow")
            found = float(np.sign(cox.score(np.zeros(1)))[0] * np.sqrt(found))
        return [found, p_value]

    found = told(LOG_RANK, "statistic p_value", statistic)
    signed = len(test.arms) == 2 and kind != "log-rank"
    return found | {"statistic": UNSIGNED} if signed else found
