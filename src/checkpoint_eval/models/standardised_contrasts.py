"""Curves compared at one horizon: over strata in their shares, or adjusted for covariates."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import as_names, check_positive, counted
from checkpoint_eval._times import nearest_tie
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.models.compared import Compared, compare, strata_of
from checkpoint_eval.models.cox_models import refuse_repeated
from checkpoint_eval.models.design_matrix import design_matrix, refuse_collinear
from checkpoint_eval.models.pseudo_values import Measure, pseudo_values
from checkpoint_eval.models.wald import wald_contrast, wald_estimate
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate

Contrast = Literal["difference", "ratio", "lost ratio"]
# What is below this share of the values is their rounding: no variance, and no mean above 0.
NOTHING = 1e-9
# Of a mean time lost, a share of the horizon: the areas added up to a mean leave less than this.
ROUNDING = 1e-12
# From the people of one stratum to (2,) numbers by arm and their variances.
ByArm = Callable[[Compared], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """Two arms compared at a horizon.

    Attributes
    ----------
    people : Compared
    kind : (n,) int
        0 censored, 1 the event, 2 another cause.
    stratum : (n,) int or None
    adjust : tuple of str
    of : str
        What pseudo-observations are of.
    horizon : float
    method : str
        How the numbers by arm are found.
    told : str
        Strata, in words.
    """

    people: Compared
    kind: IntArray
    stratum: IntArray | None
    adjust: tuple[str, ...]
    of: Measure
    horizon: float
    method: str
    told: str


def asked(
    trial: Trial,
    *,
    outcome: str,
    adjust: str | Sequence[str],
    strata: str | Sequence[str] | None,
    analysis_set: str,
    arm: str | None,
) -> tuple[Compared, tuple[str, ...], IntArray | None, str]:
    """Return the people compared, what is adjusted for, their strata and how they are told."""
    names = as_names(adjust)
    refuse_repeated(names, as_names(() if strata is None else strata))
    people = compare(
        trial, outcome=outcome, analysis_set=analysis_set, kind="time", arm=arm, complete=names
    )
    stratum, told = strata_of(trial, people, strata)
    return people, names, stratum, told


def answered(
    trial: Trial,
    question: Question,
    by_arm: ByArm,
    *,
    estimand: str,
    contrast: Contrast,
    level: float,
    reason: str,
) -> Estimate:
    """Return the estimate: adjusted by pseudo-observations, or standardised over strata."""
    scale: Literal["difference", "ratio"] = "difference" if contrast == "difference" else "ratio"
    shares = "" if question.stratum is None else ", in their shares"
    told = f"; {question.told}{shares}" if question.told else ""
    wald = "Wald interval" + ("" if scale == "difference" else " on the log scale")
    if question.adjust:
        return _adjusted(trial, question, estimand=estimand, contrast=contrast, level=level)
    value, variance = _over_strata(question, by_arm)
    return wald_contrast(
        question.people,
        estimand=estimand,
        measure=scale,
        by_arm=time_lost(value, question.horizon) if contrast == "lost ratio" else value,
        variance=variance,
        level=level,
        method=f"{question.method}{told}; {wald}",
        reason=reason,
        time_point=question.horizon,
    )


def time_lost(mean: FloatArray, horizon: float | FloatArray) -> FloatArray:
    """Return horizons less restricted means: exactly 0, not a rounding error, without events."""
    lost = horizon - mean
    return floats(np.where(lost > ROUNDING * horizon, lost, 0.0))


def _over_strata(question: Question, by_arm: ByArm) -> tuple[FloatArray, FloatArray]:
    """Return (2,) numbers by arm and variances, strata weighted by their shares of the people."""
    people, stratum = question.people, question.stratum
    if stratum is None:
        return by_arm(people)
    value, variance = np.zeros(2), np.zeros(2)
    for code in range(int(stratum.max()) + 1):
        own = stratum == code
        share = float(own.mean())
        found = by_arm(within(people, own))
        value, variance = value + share * found[0], variance + share**2 * found[1]
    return value, variance


def within(people: Compared, own: FloatArray | IntArray) -> Compared:
    """Return some of the people compared; both arms must be among them."""
    if np.unique(people.arm[own]).size < len(people.arms):
        raise ImpossibleDesign(
            f"A stratum of {counted(int(np.count_nonzero(own)), 'person', 'people')} holds one arm "
            "only, so nothing can be standardised over it; name coarser `strata`."
        )
    return replace(
        people,
        people=people.people[own],
        arm=people.arm[own],
        time=people.time[own],
        event=people.event[own],
    )


def _adjusted(
    trial: Trial, question: Question, *, estimand: str, contrast: Contrast, level: float
) -> Estimate:
    """Return the estimate from a regression of pseudo-observations on arm and covariates."""
    people = question.people
    covariates = _covariates(trial, question)
    value = pseudo_values(
        people, people.arm, question.kind, measure=question.of, horizon=question.horizon
    )
    if contrast == "lost ratio":
        value = question.horizon - value
    log = contrast != "difference"
    found = regressed(value, people.arm, covariates, link="log" if log else "identity")
    link = "log link" if log else "identity link"
    told = f"; {question.told}" if question.told else ""
    return wald_estimate(
        people,
        estimand=estimand,
        measure="ratio" if log else "difference",
        value=found.value,
        std_error=found.std_error,
        by_arm=found.by_arm,
        level=level,
        method=(
            f"{question.method}, by pseudo-observations within arms and their regression "
            f"({link}) on arm and {', '.join(question.adjust)}{told}; sandwich variance; Wald "
            f"interval{' on the log scale' if log else ''}"
        ),
        reason="the regression has no solution, or leaves no variance",
        time_point=question.horizon,
        adjusted_for=question.adjust,
    )


def _covariates(trial: Trial, question: Question) -> FloatArray:
    """Return (n, p) covariates and indicators of the strata, none a combination of others."""
    people, stratum = question.people, question.stratum
    matrix = design_matrix(trial, people, question.adjust)
    if stratum is None:
        return matrix.values[:, 1:]
    codes = np.unique(stratum)
    for code in codes:
        within(people, stratum == code)  # refuses a stratum of one arm
    values = np.column_stack([matrix.values, stratum[:, None] == codes[1:]])
    refuse_collinear([*matrix.terms, *(f"stratum {code}" for code in codes[1:])], values)
    return floats(values[:, 1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Regressed:
    """The arm's coefficient, its standard error, and the mean prediction in each arm."""

    value: float = NAN
    std_error: float = NAN
    by_arm: tuple[float, float] = (NAN, NAN)


def regressed(
    value: FloatArray,
    arm: IntArray,
    covariates: FloatArray,
    *,
    link: Literal["identity", "log"],
) -> Regressed:
    """Regress (n,) pseudo-observations on arm and (n, p) covariates; NaN without a solution.

    Scores are Σ x(y − μ): Gaussian for the identity link, Poisson's for the log link. Each makes
    the arms' fitted means equal their observed ones, so that randomisation alone makes the
    contrast right; least squares under a log link would need the model to be true.

    Engine: statsmodels GEE, independence.
    """
    # Imported here as it takes longer than everything else this library imports.
    from statsmodels.genmod.cov_struct import Independence
    from statsmodels.genmod.families import Gaussian, Poisson
    from statsmodels.genmod.generalized_estimating_equations import GEE

    x = covariates - covariates.mean(axis=0)
    spread = x.std(axis=0)
    design = np.column_stack([np.ones(arm.size), arm, x / np.where(spread > 0, spread, 1.0)])
    # The engine stops at a gradient of absolute size: values are brought to a size of 1.
    size = float(np.abs(value).mean())
    least = min(float(value[arm == code].mean()) for code in (0, 1))
    if not (size > 0 and (link == "identity" or least > NOTHING * size)):
        return Regressed()
    family = Gaussian() if link == "identity" else Poisson()
    groups = np.arange(arm.size)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what did not converge is told by `converged`
        engine = GEE(value / size, design, groups, family=family, cov_struct=Independence())
        fit = engine.fit(start_params=np.zeros(design.shape[1]), maxiter=200, ctol=1e-10)
    coef, covariance = floats(fit.params), floats(fit.cov_params())
    if not (fit.converged and np.isfinite(coef).all() and covariance[1, 1] > NOTHING**2):
        return Regressed()
    if link == "log" and not (fit.fittedvalues > NOTHING).all():
        return Regressed()  # separated: coefficients run off for the sake of means of 0
    means = []
    for code in (0, 1):
        design[:, 1] = code
        linear = design @ coef
        means.append(size * float((np.exp(linear) if link == "log" else linear).mean()))
    unit = size if link == "identity" else 1.0
    return Regressed(
        value=unit * float(coef[1]),
        std_error=unit * float(np.sqrt(covariance[1, 1])),
        by_arm=(means[0], means[1]),
    )


def horizon_of(people: Compared, value: float, name: str) -> float:
    """Return a checked horizon, made equal to the time it ties with."""
    return nearest_tie(check_positive(value, name), people.table().time)
