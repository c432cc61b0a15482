"""The numbers of an evaluation from other packages: which function recomputes which measure.

Each engine reads arrays of the trial and is called as its documentation says; nothing here calls
this library's kernels. The tails of the normal and chi-square are scipy's on both sides.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import BoolArray, FloatArray, floats
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.report.second_data import events_by, people_of
from checkpoint_eval.report.second_engines import (
    CHI_SQUARE,
    GROUPS,
    KAPLAN_MEIER,
    PRODUCT_LIMIT,
    Engine,
    Opinion,
    Opinions,
    told,
)
from checkpoint_eval.report.second_hazards import hazard, log_rank, observed_log_rank
from checkpoint_eval.report.second_risks import (
    observed_difference,
    restricted_mean_time,
    risk,
    survival,
)
from checkpoint_eval.results import Curve, Estimate, SignificanceTest

ESTIMATES: dict[str, Callable[[Estimate, Trial], Opinions]] = {
    "risk difference": risk,
    "risk ratio": risk,
    "odds ratio": risk,
    "survival difference": survival,
    "restricted mean difference": restricted_mean_time,
    "restricted mean ratio": restricted_mean_time,
    "hazard ratio": hazard,
}
TESTS: dict[str, Callable[[SignificanceTest, Trial], Opinions]] = {
    "log-rank test": log_rank,
    "randomisation test (log-rank)": observed_log_rank,
    "randomisation test (risk difference)": observed_difference,
}


def second_opinions(
    result: Estimate | SignificanceTest, trial: Trial, ratio: FloatArray
) -> Opinions:
    """Return what another engine says of each part of a result; empty when none computes it.

    `ratio` is what a sample ratio test was promised.
    """
    if isinstance(result, SignificanceTest):
        if result.test == "sample ratio test":
            return _sample_ratio(result, trial, ratio)
        test = TESTS.get(result.test)
        return test(result, trial) if test else {}
    if result.adjusted_for and result.estimand != "hazard ratio":
        return {}
    if result.method.startswith(MIXED):
        return {}
    estimate = ESTIMATES.get(result.estimand)
    return estimate(result, trial) if estimate else {}


def second_counts(result: Estimate | SignificanceTest, trial: Trial) -> Opinions:
    """Return people, events and missing of control and of all treatment arms, counted by pandas."""
    arms = result.arms if isinstance(result, SignificanceTest) else result.contrast[::-1]
    people = people_of(trial, result, arms)
    lost = people_of(trial, result, arms, missing=True)
    counts = {"n": people.assign(counted=1), "missing": lost.assign(counted=1)}
    if "event" in people:
        counts["events"] = people.assign(counted=events_by(people, result.time_point).astype(int))
    found: Opinions = {}
    for name, frame in counts.items():
        summed = frame.groupby("arm")["counted"].sum()
        control = float(summed.get(0, 0))
        found |= {
            f"{name}_{arm}": Opinion(value=value, engine=GROUPS)
            for arm, value in (("control", control), ("treatment", float(summed.sum()) - control))
        }
    return found


def no_engine(result: Estimate | SignificanceTest) -> str:
    """Return why no other engine computes the remaining parts of a result."""
    name = result.estimand if isinstance(result, Estimate) else result.test
    if result.method.startswith(MIXED):
        return "no second engine: neither package has a variance by arm in a mixed model"
    if isinstance(result, Estimate) and result.adjusted_for and name != "hazard ratio":
        if name.startswith(("restricted", "survival", "cumulative incidence")):
            return PSEUDO
        if name.startswith(("risk", "odds")):
            return REGRESSION
    reasons = (why for start, why in NO_ENGINE.items() if name.startswith(start))
    return next(reasons, f"no second engine: neither package computes the {name}")


PSEUDO = "no second engine: neither package regresses pseudo-observations"
REGRESSION = "no second engine: the regression is statsmodels' here too"
MIXED = "mixed model"
FISHER = "no second engine: Fisher's p is scipy's here, and statsmodels has none"
NO_ENGINE = {
    "risk": FISHER,
    "odds": FISHER,
    "rate ratio": REGRESSION,
    "ordinal": REGRESSION,
    "mean difference": "no second engine is asked: R estimatr is, in the tests",
    "restricted mean time lost": "no second engine: neither package computes the time lost",
    "restricted mean": "no second engine: lifelines' variance of a restricted mean is that of "
    "min(T, t), not of its mean (its issue 1682)",
    "sample ratio": "no second engine: the binomial p is scipy's here, and statsmodels calls scipy",
    "randomisation test": "no second engine draws by the trial's own rule",
}


def _sample_ratio(test: SignificanceTest, trial: Trial, ratio: FloatArray) -> Opinions:
    """Compare the numbers in three arms or more with those promised."""
    from statsmodels.stats.gof import chisquare

    if len(test.arms) == 2:
        return {}  # an exact test
    counts = pd.Series(trial.assignment.arm).value_counts().sort_index().to_numpy()
    promised = counts.sum() * ratio / ratio.sum()
    return told(CHI_SQUARE, "statistic p_value", lambda: chisquare(counts, promised))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """One column of an arm's curve: (m,) numbers, where they are defined, and whose they are."""

    values: FloatArray
    defined: BoolArray
    engine: Engine


def second_curve(curve: Curve, trial: Trial, arm: str) -> dict[str, Column]:
    """Return the columns of one arm's curve that another engine computes, at the curve's times."""
    from lifelines import KaplanMeierFitter
    from statsmodels.duration.survfunc import SurvfuncRight

    people = people_of(trial, curve, [arm])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        fit = KaplanMeierFitter(alpha=1 - curve.level).fit(people["time"], people["event"])
        other = SurvfuncRight(people["time"], people["event"])
    at = curve.time
    counts = fit.event_table.reindex(at, fill_value=0)
    share = floats(fit.survival_function_at_times(at))
    limits = fit.confidence_interval_.reindex(at, method="ffill").to_numpy()
    steps = np.searchsorted(other.surv_times, at, side="right")
    always, left, inside = share > -1, share > 0, (share > 0) & (share < 1)
    columns = {
        "at_risk": (fit.event_table["at_risk"].reindex(at, method="bfill").fillna(0), always),
        "events": (counts["observed"], always),
        "censored": (counts["censored"], always),
        "survival": (share, always),
    }
    if "log-log interval" in curve.method:
        columns |= {"low": (limits[:, 0], inside), "high": (limits[:, 1], inside)}
    found = {
        name: Column(values=floats(values), defined=defined, engine=KAPLAN_MEIER)
        for name, (values, defined) in columns.items()
    }
    error = np.concatenate([[0.0], other.surv_prob_se])[steps]
    return found | {"std_error": Column(values=error, defined=left, engine=PRODUCT_LIMIT)}
