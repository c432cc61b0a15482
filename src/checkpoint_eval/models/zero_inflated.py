"""Rate ratios under several models of many zeros, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import FloatArray, IntArray, floats, frozen
from checkpoint_eval._checks import as_names
from checkpoint_eval._display import Shown, text_table
from checkpoint_eval.models.compared import Compared, compare, strata_of
from checkpoint_eval.models.design_matrix import design_matrix
from checkpoint_eval.models.rates import rate_ratio
from checkpoint_eval.models.wald import wald
from checkpoint_eval.models.zero_counts import (
    LEAST,
    UNREACHED,
    Counts,
    Fit,
    Maximum,
    hurdle_fit,
    inflated_fit,
    plain_fit,
)
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate

MODELS = (
    "poisson, robust",
    "negative binomial",
    "zero-inflated poisson",
    "zero-inflated negative binomial",
    "hurdle poisson",
    "hurdle negative binomial",
)
# What `rate_ratio` tells of Poisson regression alone.
OF_POISSON = ("robust variance", "Wald", "not estimable")
TOLD = {
    "zero-inflated": "zeros added by logistic regression on the arm",
    "hurdle": "any events by complementary log-log regression on the arm with time as offset, "
    "numbers above 0 truncated",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RateSensitivity(Shown):
    """The ratio of two arms' rates under several models of the counts.

    Attributes
    ----------
    models : (m,) str
    estimates : (m,) Estimate
        Of the ratio of overall means, zeros and all; not estimable ones with the reason.
    log_likelihood, aic : (m,) float
        At the maximum, and Akaike's criterion: the lower, the better the model foretells counts.
        Of robust Poisson those of Poisson's distribution, on which its interval does not rely.
    parameters : (m,) int
    zeros : (control, treatment)
        People without events.
    """

    models: tuple[str, ...]
    estimates: tuple[Estimate, ...]
    log_likelihood: FloatArray
    aic: FloatArray
    parameters: IntArray
    zeros: tuple[int, int]

    def __post_init__(self) -> None:
        for name in ("log_likelihood", "aic"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))
        object.__setattr__(self, "parameters", frozen(self.parameters, np.int64))

    def __repr__(self) -> str:
        first = self.estimates[0]
        return (
            f"Rate ratio of {first.outcome} under {len(self.models)} models, {first.contrast[0]} "
            f"against {first.contrast[1]}; {first.analysis_set}, n = {first.n[1]} against "
            f"{first.n[0]}, of whom {self.zeros[1]} against {self.zeros[0]} without events:\n"
            f"{text_table(self.to_frame().drop(columns='method'))}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a model."""
        columns = ("value", "low", "high", "p_value", "std_error", "method")
        return pd.DataFrame(
            {"model": self.models}
            | {name: [getattr(each, name) for each in self.estimates] for name in columns[:-1]}
            | {
                "log_likelihood": self.log_likelihood,
                "parameters": self.parameters,
                "aic": self.aic,
                "method": [each.method for each in self.estimates],
            }
        )


def rate_sensitivity(
    trial: Trial,
    *,
    outcome: str,
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> RateSensitivity:
    """Ask whether a rate ratio depends on how the many people without events are modelled.

    Parameters
    ----------
    trial : Trial
    outcome : str
        Counts over a time at risk (`CountOutcome`).
    adjust, strata : str or sequence of str, optional
        As `rate_ratio`; of the counts, not of the part for zeros, which has the arm alone.
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    RateSensitivity
        Six models, in order: robust Poisson and negative binomial (`rate_ratio`), zero-inflated
        and hurdle models of either distribution. All estimate the ratio of the arms' overall
        means, so that they compare; below 1: fewer events under treatment.

    Raises
    ------
    TrialError, ImpossibleDesign, UnknownColumn
        As `rate_ratio`.

    Notes
    -----
    Zero-inflated: a share of people, by arm, never has events, whoever is left has Poisson or NB2
    counts; the mean is (1 − share) times theirs. Hurdle: the chance of any events in time t is
    1 − exp(−t·rate), by arm; numbers above 0 are truncated Poisson or NB2; means are averaged over
    everybody's time and columns, in each arm. Standard errors are of the observed information, by
    the delta method.

    A coefficient of either part alone compares people who differ by more than the arm: those who
    have events at all. It is not shown. Neither is a choice by AIC to be made after the fact:
    `rate_ratio` is the planned answer, and this tells how far it would move. Where no zeros are to
    be added, or counts vary no more than Poisson's, the model is not estimable, as the one
    without that part says the same; where the search does not settle it says so too.

    References
    ----------
    Lambert (1992), Technometrics 34, 1-14; Mullahy (1986), Journal of Econometrics 33, 341-365;
    Zeileis, Kleiber and Jackman (2008), Journal of Statistical Software 27(8). Engine: statsmodels
    likelihoods, climbed by scipy. Checked against R pscl, MASS and a slow reference.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import Assignment, Trial
    >>> from checkpoint_eval.outcomes import CountOutcome
    >>> arms = Assignment(arm=[0, 1] * 8, arms=("court", "contract"), stratum=[0] * 16)
    >>> events = [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 4, 1, 5, 2, 7, 4]
    >>> arrests = CountOutcome(value=events, exposure=np.ones(16), unit="years")
    >>> trial = Trial(assignment=arms, outcomes={"arrests": arrests})
    >>> table = rate_sensitivity(trial, outcome="arrests")
    >>> [round(each.value, 3) for each in table.estimates[:3]]
    [0.412, 0.412, 0.412]
    """
    told: dict[str, Any] = {"outcome": outcome, "adjust": adjust, "strata": strata, "level": level}
    told |= {"analysis_set": analysis_set, "arm": arm}
    poisson = rate_ratio(trial, method="poisson", **told)
    dispersed = rate_ratio(trial, method="negative binomial", **told)
    names = as_names(adjust)
    people = compare(
        trial, outcome=outcome, analysis_set=analysis_set, kind="count", arm=arm, complete=names
    )
    without = people.arm[(people.exposure > 0) & (people.value == 0)]
    fits = (Fit(reason=_reason(poisson)),) * len(MODELS)
    if poisson.estimable:
        fits = _fits(_counts(trial, people, names, strata))
    estimates = [poisson, dispersed]
    estimates += [
        _estimate(poisson, name, fit) for name, fit in zip(MODELS[2:], fits[2:], strict=True)
    ]
    return RateSensitivity(
        models=MODELS,
        estimates=tuple(estimates),
        log_likelihood=floats([fit.log_likelihood for fit in fits]),
        aic=floats([fit.aic for fit in fits]),
        parameters=np.array([fit.parameters for fit in fits]),
        zeros=(int((without == 0).sum()), int((without == 1).sum())),
    )


def _counts(
    trial: Trial, people: Compared, names: tuple[str, ...], strata: str | Sequence[str] | None
) -> Counts:
    """Return what `rate_ratio` fits: people with time at risk, in strata with events."""
    stratum, _ = strata_of(trial, people, strata)
    codes = np.zeros(people.arm.size, dtype=np.int64) if stratum is None else stratum
    events = np.bincount(codes, weights=people.value)
    kept = (people.exposure > 0) & (events[codes] > 0)
    matrix = design_matrix(trial, people, names).values[kept]
    spread = matrix[:, 1:].std(axis=0)
    scaled = (matrix[:, 1:] - matrix[:, 1:].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    own = floats(codes[kept, None] == np.unique(codes[kept]))
    return Counts(
        value=people.value[kept],
        log_time=np.log(people.exposure[kept]),
        arm=matrix[:, 0],
        columns=np.hstack([matrix[:, :1], scaled, own]),
    )


def _fits(counts: Counts) -> tuple[Fit, ...]:
    """Fit the six models, each begun where a simpler one ends."""
    rate = np.log(counts.value.sum() / np.exp(counts.log_time).sum())
    start = np.where((counts.columns.min(axis=0) >= 0), rate, 0.0)
    start[0] = 0.0
    poisson = plain_fit(counts, "poisson", start)
    if poisson.reason:
        return (Fit(reason=UNREACHED),) * 6
    dispersed = plain_fit(counts, "negative binomial", np.append(poisson.at, 1.0))
    without = not dispersed.at.size or dispersed.reason or dispersed.at[-1] < LEAST
    begun = np.append(poisson.at, 0.5) if without else dispersed.at
    return (
        _of_plain(poisson),
        _of_plain(poisson, parameters=1) if without else _of_plain(dispersed),
        inflated_fit(counts, "poisson", poisson.at),
        inflated_fit(counts, "negative binomial", begun),
        hurdle_fit(counts, "poisson", poisson.at),
        hurdle_fit(counts, "negative binomial", begun),
    )


def _of_plain(found: Maximum, parameters: int = 0) -> Fit:
    """Return the likelihood of a model whose ratio `rate_ratio` tells."""
    return Fit(log_likelihood=found.log_likelihood, parameters=found.at.size + parameters)


def _reason(estimate: Estimate) -> str:
    return estimate.method.rpartition("not estimable: ")[2]


def _estimate(poisson: Estimate, name: str, fit: Fit) -> Estimate:
    """Return a model's estimate, of the people of Poisson's, who are told as there."""
    parts = (
        f"{name} regression by maximum likelihood",
        TOLD[name.partition(" ")[0]],
        fit.told,
        "ratio of overall means",
        *(part for part in poisson.method.split("; ")[1:] if not part.startswith(OF_POISSON)),
    )
    told = "; ".join(part for part in parts if part)
    if fit.reason or not 0 < fit.std_error < np.inf:
        reason = fit.reason or UNREACHED
        return replace(
            poisson,
            value=NAN,
            low=NAN,
            high=NAN,
            p_value=NAN,
            std_error=NAN,
            method=f"{told}; not estimable: {reason}",
        )
    low, high, p_value = wald(fit.log_ratio, fit.std_error, level=poisson.level)
    value, low, high = np.exp([fit.log_ratio, low, high]).tolist()
    return replace(
        poisson,
        value=value,
        low=low,
        high=high,
        p_value=p_value,
        std_error=fit.std_error,
        method=f"{told}; Wald interval on the log scale",
    )
