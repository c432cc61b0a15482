"""Cox regression: the hazard ratio, and the fitted model for further questions."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr

from checkpoint_eval._arrays import FloatArray, floats, frozen
from checkpoint_eval._checks import as_names, check_choice, check_level
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models.compared import Compared, compare, strata_of
from checkpoint_eval.models.design_matrix import design_matrix
from checkpoint_eval.models.partial_likelihood import CoxRegression, Ties, cox_regression
from checkpoint_eval.models.risk_sets import RiskSets
from checkpoint_eval.models.wald import wald_log_ratio
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import Estimate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CoxFit:
    """A fitted Cox model.

    Attributes
    ----------
    terms : (p,) str
        Treatment arms first, then covariates.
    coef : (p,) float
        Log hazard ratios; NaN where the likelihood runs to infinity.
    covariance : (p, p) float
        The one reported: robust when asked for, else the inverse information.
    model_covariance : (p, p) float
        The inverse information.
    loglik_null, loglik : float
        Partial log likelihood at zero coefficients and at the fit.
    reason : str
        Why coefficients are NaN, if any are.
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
    reason: str = ""

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
            f"events = {sum(self.events)}; {self.method}\n{self.to_frame().to_string(index=False)}"
        )

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.method)}</p>" + str(self.to_frame().to_html(index=False))

    def to_frame(self) -> pd.DataFrame:
        """Return one row a term: coefficient, hazard ratio, standard error, z and p."""
        with np.errstate(invalid="ignore", divide="ignore"):
            z = self.coef / self.std_error
        return pd.DataFrame(
            {
                "term": self.terms,
                "coef": self.coef,
                "hazard_ratio": np.exp(self.coef),
                "std_error": self.std_error,
                "z": z,
                "p_value": 2 * ndtr(-np.abs(z)),
            }
        )


def fit_cox(
    trial: Trial,
    *,
    outcome: str,
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = None,
    ties: Ties = "efron",
    robust: bool = False,
    cluster: str | None = None,
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
    analysis_set : str

    Returns
    -------
    CoxFit

    Raises
    ------
    ImpossibleDesign
        For constant or collinear covariates, which are named.
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
    names = as_names(adjust)
    people = compare(
        trial,
        outcome=outcome,
        analysis_set=analysis_set,
        kind="time",
        every_arm=True,
        complete=(*names, *as_names(cluster or ())),
    )
    return _fit(trial, people, names, strata=strata, ties=ties, robust=robust, cluster=cluster)


def _fit(
    trial: Trial,
    people: Compared,
    adjust: tuple[str, ...],
    *,
    strata: str | Sequence[str] | None,
    ties: Ties,
    robust: bool,
    cluster: str | None,
) -> CoxFit:
    check_choice(ties, "ties", ("efron", "breslow"))
    refuse_repeated(adjust, as_names(strata or ()))
    matrix = design_matrix(trial, people, adjust)
    stratum, told = strata_of(trial, people, strata)
    sandwich = robust or cluster is not None
    p = len(matrix.terms)
    variance = f"sandwich variance by {cluster}" if cluster else "sandwich variance"
    parts = (
        f"Cox, {ties.capitalize()} ties",
        told,
        f"adjusted for {', '.join(adjust)}" if adjust else "",
        variance if sandwich else "",
    )
    result, reason = None, "no events"
    if people.event.any():
        group = people.columns(trial, (cluster,))[0].codes if cluster else None
        sets = RiskSets.of(matrix.values, people.time, people.event, stratum=stratum, cluster=group)
        refuse_constant(sets, matrix.terms, arms=len(people.arms) - 1)
        result = cox_regression(sets, ties=ties, robust=sandwich)
        reason = _why_infinite(people, matrix.terms, result)
    unknown = np.full((p, p), np.nan)
    covariance = unknown if result is None else result.covariance
    reported = result.robust if result is not None and result.robust is not None else covariance
    if result is not None:
        gone = result.infinite[:, None] | result.infinite
        covariance, reported = (np.where(gone, np.nan, each) for each in (covariance, reported))
    return CoxFit(
        outcome=people.outcome,
        analysis_set=people.analysis_set,
        terms=matrix.terms,
        coef=unknown[0] if result is None else np.where(result.infinite, np.nan, result.coef),
        covariance=reported,
        model_covariance=covariance,
        loglik_null=np.nan if result is None else result.loglik_null,
        loglik=np.nan if result is None else result.loglik,
        n=people.n,
        events=people.events(),
        missing=people.missing,
        method="; ".join(part for part in parts if part),
        reason=reason,
    )


def refuse_constant(sets: RiskSets, terms: tuple[str, ...], *, arms: int) -> None:
    """Refuse a covariate, after so many arms, that varies within no stratum."""
    spread = np.abs(sets.covariates).max(axis=0)
    told = zip(terms[arms:], spread[arms:], strict=True)
    still = [term for term, each in told if not each > 0]
    if still:
        raise ImpossibleDesign(
            f"{still[0]!r} does not vary within the strata, so no comparison there tells of it; "
            "leave it out of `adjust`, or out of `strata`."
        )


def refuse_repeated(adjust: tuple[str, ...], strata: tuple[str, ...]) -> None:
    """Refuse a column that is both adjusted for and stratified by."""
    repeated = sorted(set(adjust) & set(strata))
    if repeated:
        raise TrialError(f"{repeated[0]!r} stands in both `adjust` and `strata`; keep one.")


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
    adjust, strata, ties, robust, cluster, analysis_set
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
    ImpossibleDesign, UnknownColumn
        As in `fit_cox`.

    Notes
    -----
    One number for the whole of follow-up: meaningful as such when hazards are proportional. With
    no events in an arm the ratio is not estimable and `method` says so.

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
    names = as_names(adjust)
    people = compare(
        trial,
        outcome=outcome,
        analysis_set=analysis_set,
        kind="time",
        arm=arm,
        complete=(*names, *as_names(cluster or ())),
    )
    fit = _fit(trial, people, names, strata=strata, ties=ties, robust=robust, cluster=cluster)
    return wald_log_ratio(
        people,
        estimand="hazard ratio",
        log_ratio=float(fit.coef[0]),
        std_error=float(fit.std_error[0]),
        level=level,
        method=fit.method,
        reason=fit.reason or "the event times leave no information about the arms",
        adjusted_for=names,
    )
