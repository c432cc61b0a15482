"""Cox regression: the hazard ratio, and the fitted model for further questions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import ndtr

from checkpoint_eval._arrays import BoolArray, FloatArray, floats, frozen
from checkpoint_eval._checks import as_names, check_level
from checkpoint_eval._display import Shown, text_table
from checkpoint_eval.models.compared import Compared, compare, not_estimable
from checkpoint_eval.models.competing import of_cause
from checkpoint_eval.models.cox_models import (
    CoxColumns,
    CoxModel,
    refuse_constant,
    risk_sets_of,
)
from checkpoint_eval.models.cox_scores import score_limits
from checkpoint_eval.models.partial_likelihood import CoxRegression, Ties, cox_regression
from checkpoint_eval.models.proportional import changes_with_time
from checkpoint_eval.models.risk_sets import RiskSets
from checkpoint_eval.models.wald import wald_log_ratio
from checkpoint_eval.outcomes.time_varying import TimeVarying
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import Estimate

# Below this p-value of a change with time a hazard ratio says that hazards are not proportional.
CHANGING = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CoxFit(Shown):
    """A fitted Cox model.

    Attributes
    ----------
    terms : (p,) str
        Treatment arms first, then covariates.
    coef : (p,) float
        Log hazard ratios; NaN where the likelihood runs to infinity.
    covariance : (p, p) float
        The one reported: robust when asked for, else the inverse information; NaN for a term
        whose residuals cancel in each cluster, as `method` says.
    model_covariance : (p, p) float
        The inverse information.
    loglik_null, loglik : float
        Partial log likelihood at zero coefficients and at the fit.
    reason : str
        Why coefficients are NaN, if any are.
    model : CoxModel
        What was fitted, for residuals and curves.
    cause : str or None
        The competing cause the events are of, if they are not the outcome's own.
    """

    outcome: str
    analysis_set: str
    terms: tuple[str, ...]
    coef: FloatArray
    covariance: FloatArray
    model_covariance: FloatArray
    loglik_null: float
    loglik: float
    n: tuple[int, ...]
    events: tuple[int, ...]
    missing: tuple[int, ...]
    method: str
    model: CoxModel
    reason: str = ""
    cause: str | None = None

    def __post_init__(self) -> None:
        for name in ("coef", "covariance", "model_covariance"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))

    @property
    def std_error(self) -> FloatArray:
        """(p,) standard errors of the log hazard ratios."""
        return floats(np.sqrt(np.diag(self.covariance)))

    def __repr__(self) -> str:
        return (
            f"Cox model of {self.outcome}, {self.analysis_set}, n = {sum(self.n)}, "
            f"events = {sum(self.events)}; {self.method}\n{text_table(self.to_frame())}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a term: coefficient, hazard ratio, standard error, z and p."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            z, ratio = self.coef / self.std_error, np.exp(self.coef)
        return pd.DataFrame(
            {
                "term": self.terms,
                "coef": self.coef,
                "hazard_ratio": ratio,
                "std_error": self.std_error,
                "z": z,
                "p_value": 2 * ndtr(-np.abs(z)),
            }
        )


def fit_cox(  # noqa: PLR0913 - one keyword for each column a Cox model can read
    trial: Trial,
    *,
    outcome: str,
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = None,
    ties: Ties = "efron",
    robust: bool = False,
    cluster: str | None = None,
    weights: str | None = None,
    offset: str | None = None,
    entry: str | None = None,
    varying: TimeVarying | None = None,
    cause: str | None = None,
    analysis_set: str = "itt",
) -> CoxFit:
    """Fit a Cox model of arm and covariates.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A time-to-event outcome.
    adjust : str or sequence of str
        Baseline columns; categories become indicators.
    strata : str or sequence of str, optional
        Columns whose combinations have baseline hazards of their own. Default: the strata of the
        randomisation. ``()`` means none.
    ties : {"efron", "breslow"}
    robust : bool
        Report the sandwich variance.
    cluster : str, optional
        Column of clusters over which the sandwich is summed; implies `robust`.
    weights : str, optional
        Column of case weights above 0. Weights that are not whole numbers imply `robust`, as
        they count no people.
    offset : str, optional
        Column added to the linear predictor with the coefficient 1, such as a known risk score.
    entry : str, optional
        Column of times from when on people were at risk, in the outcome's unit (delayed entry);
        someone who enters at t is at risk after t.
    varying : TimeVarying, optional
        Covariates that change after randomisation. The arms' coefficients are then no effect of
        the arms: part of it may pass through what changed.
    cause : str, optional
        A competing cause of the outcome, in place of the event itself: others are censored.
    analysis_set : str

    Returns
    -------
    CoxFit

    Raises
    ------
    ImpossibleDesign
        For constant or collinear covariates, which are named.
    InvalidData
        For weights not above 0, entry not before the end of follow-up, unknown changing values.
    UnknownColumn
        For names the trial does not have.

    Notes
    -----
    People with a missing covariate are left out and counted in `missing`.

    References
    ----------
    Cox (1972); Efron (1977); Lin and Wei (1989). Checked against R coxph and Therneau's
    closed-form tests; docs/methods.md lists where other packages differ.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> fit = fit_cox(load_rossi(), outcome="rearrest", adjust="age")
    >>> dict(zip(fit.terms, fit.coef.round(4).tolist()))
    {'financial aid': -0.3279, 'age': -0.0715}
    """
    columns = CoxColumns(
        cluster=cluster, weights=weights, offset=offset, entry=entry, varying=varying
    )
    names = as_names(adjust)
    people = compare(
        trial,
        outcome=outcome,
        analysis_set=analysis_set,
        kind="time",
        every_arm=True,
        complete=(*names, *columns.complete),
    )
    model = CoxModel.of(
        trial,
        of_cause(trial, people, cause),
        names,
        strata=strata,
        ties=ties,
        robust=robust,
        columns=columns,
    )
    return replace(_fit(model)[0], cause=cause)


def _fit(model: CoxModel) -> tuple[CoxFit, RiskSets | None]:
    """Return the fit, and the risk sets it was found from."""
    people, terms = model.people, model.terms
    p = len(terms)
    unknown = np.full((p, p), np.nan)
    coef, covariance, reported = unknown[0], unknown, unknown
    sets, result, reason, told = None, None, "no events", ""
    if people.event.any():
        sets = risk_sets_of(model)
        refuse_constant(sets, terms, arms=len(people.arms) - 1)
        result = cox_regression(sets, ties=model.ties, robust=model.sandwich)
        reason = _why_infinite(people, terms, result)
        gone = result.infinite[:, None] | result.infinite
        coef = np.where(result.infinite, np.nan, result.coef)
        covariance = np.where(gone, np.nan, result.covariance)
        reported = covariance
        if result.robust is not None:
            still = np.diag(result.robust) == 0
            reported = np.where(gone | still[:, None] | still, np.nan, result.robust)
            told = _not_varying(terms, still & ~result.infinite)
        told += _not_proportional(model, sets, result)
    fit = CoxFit(
        outcome=people.outcome,
        analysis_set=people.analysis_set,
        terms=terms,
        coef=coef,
        covariance=reported,
        model_covariance=covariance,
        loglik_null=np.nan if result is None else result.loglik_null,
        loglik=np.nan if result is None else result.loglik,
        n=people.n,
        events=people.events(),
        missing=people.missing,
        method=model.method + told,
        reason=reason,
        model=model,
    )
    return fit, sets


def _not_proportional(model: CoxModel, sets: RiskSets, result: CoxRegression) -> str:
    """Say which arms' hazard ratios change with time, where the test says so."""
    told = ""
    if model.weighs or model.columns.cluster is not None:
        return told  # the test takes everyone for one person, and a person for independent
    for place, arm in enumerate(model.people.arms[1:]):
        p_value = changes_with_time(sets, result, model.people.table(), ties=model.ties, term=place)
        if p_value < CHANGING:
            told += (
                f"; the hazard ratio of {arm!r} changes with time (p = {p_value:.2g}), so one "
                "number for all of follow-up misleads: see `restricted_mean`"
            )
    return told


def _not_varying(terms: tuple[str, ...], still: BoolArray) -> str:
    """Say which terms have no sandwich variance."""
    names = ", ".join(repr(term) for term, none in zip(terms, still, strict=True) if none)
    return f"; no variance of {names}: the residuals of each cluster cancel" if names else ""


def _why_infinite(people: Compared, terms: tuple[str, ...], result: CoxRegression) -> str:
    """Say which coefficients have no finite maximum, and why when an arm explains it."""
    if not result.infinite.any():
        return ""
    names = ", ".join(repr(term) for term, gone in zip(terms, result.infinite, strict=True) if gone)
    none = [arm for arm, count in zip(people.arms, people.events(), strict=True) if count == 0]
    why = f" (no events in {none[0]!r})" if none else ""
    return f"the partial likelihood of {names} has no finite maximum{why}"


def hazard_ratio(  # noqa: PLR0913 - the keywords of fit_cox, and which arm at which level
    trial: Trial,
    *,
    outcome: str,
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = None,
    ties: Ties = "efron",
    robust: bool = False,
    cluster: str | None = None,
    weights: str | None = None,
    offset: str | None = None,
    entry: str | None = None,
    varying: TimeVarying | None = None,
    cause: str | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate how the rate of events under treatment compares with control.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A time-to-event outcome.
    adjust, strata, ties, robust, cluster, weights, offset, entry, varying, cause, analysis_set
        As in `fit_cox`.
    level : float
    arm : str, optional
        Which treatment arm is compared with control, when there are several; the others are left
        out of the model.

    Returns
    -------
    Estimate
        Scale "ratio": below 1 means fewer events under treatment. `std_error` is of the log.

    Raises
    ------
    ImpossibleDesign, InvalidData, UnknownColumn
        As in `fit_cox`.

    Notes
    -----
    One number for the whole of follow-up: meaningful as such when hazards are proportional. Where
    the test of `proportional_hazards_test` finds a change with time, `method` says so.

    With no events in an arm the likelihood has no finite maximum: the ratio is not estimable and
    `method` says so, while the limits are those of the score test, one of them 0 or infinite.

    References
    ----------
    Cox (1972); Wald interval on the log scale. Checked against R coxph on Rossi and recid.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> round(hazard_ratio(load_rossi(), outcome="rearrest", adjust=["age", "prio"]).value, 4)
    0.7068
    """
    check_level(level)
    columns = CoxColumns(
        cluster=cluster, weights=weights, offset=offset, entry=entry, varying=varying
    )
    names = as_names(adjust)
    people = compare(
        trial,
        outcome=outcome,
        analysis_set=analysis_set,
        kind="time",
        arm=arm,
        complete=(*names, *columns.complete),
    )
    people = of_cause(trial, people, cause)
    model = CoxModel.of(
        trial, people, names, strata=strata, ties=ties, robust=robust, columns=columns
    )
    fit, sets = _fit(model)
    what = "" if cause is None or cause == outcome else f" of {cause}"
    if sets is not None and np.isnan(fit.coef[0]):
        return _without_maximum(fit, sets, estimand=f"hazard ratio{what}", level=level)
    return wald_log_ratio(
        people,
        estimand=f"hazard ratio{what}",
        log_ratio=float(fit.coef[0]),
        std_error=float(fit.std_error[0]),
        level=level,
        method=fit.method,
        reason=fit.reason or "the residuals of each cluster cancel, so there is no variance",
        adjusted_for=names,
    )


def _without_maximum(fit: CoxFit, sets: RiskSets, *, estimand: str, level: float) -> Estimate:
    """Return the estimate that has no value, with the limits of the score test where they are."""
    found = score_limits(sets, ties=fit.model.ties, level=level, robust=fit.model.sandwich)
    told = "; limits and p of the score test" if found is not None else ""
    none = not_estimable(
        fit.model.people,
        estimand=estimand,
        scale="ratio",
        level=level,
        method=fit.method,
        reason=f"{fit.reason}{told}",
        adjusted_for=fit.model.adjust,
    )
    if found is None:
        return none
    return replace(none, low=found.low, high=found.high, p_value=found.p_value)
