"""Survival as a Cox model has it: of one kind of person, and of each arm over everyone."""

from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import (
    check_choice,
    check_known,
    check_level,
    check_mapping,
    check_noun,
    is_number,
)
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models.compared import compare
from checkpoint_eval.models.cox import CoxFit
from checkpoint_eval.models.cox_hazards import CoxHazards, hazards_of, moves
from checkpoint_eval.models.residuals import refuse_unfitted
from checkpoint_eval.models.standardised_contrasts import horizon_of
from checkpoint_eval.models.survival import KaplanMeier, pointwise, survival_limits
from checkpoint_eval.models.wald import wald_estimate
from checkpoint_eval.results import Curve, Estimate

# Numbers held at a time for each arm: people times grid places.
BLOCK = 2_000_000


def predicted_survival(
    fit: CoxFit, *, values: Mapping[str, float] | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Return survival over time of somebody with given covariates, as the model has it.

    Parameters
    ----------
    fit : CoxFit
        From `fit_cox`.
    values : mapping of str to float, optional
        Values of the model's terms, as `fit.terms` names them; terms left out are 0. Without any
        it is the baseline: a control whose covariates are all 0.
    level : float

    Returns
    -------
    DataFrame
        By stratum and time: cumulative `hazard`, `survival` and its `std_error`, `low` and `high`
        (symmetric on the scale of log survival).

    Raises
    ------
    TrialError
        When a coefficient of the fit is not finite, or the fit is of a competing cause.
    UnknownColumn
        When `values` names what is no term.

    Notes
    -----
    The hazard follows the tie method of the fit. Zero may be far from everybody: an age of 0 has
    a baseline nobody stands for.

    References
    ----------
    Tsiatis (1981), Annals of Statistics 9, 93-108; Therneau and Grambsch (2000), section 10.2 for
    the variance under Efron's method. Checked against R survfit.coxph on Rossi.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> from checkpoint_eval.models import fit_cox
    >>> fit = fit_cox(load_rossi(), outcome="rearrest", adjust="age")
    >>> predicted_survival(fit, values={"age": 25})["survival"].iloc[-1].round(4)
    np.float64(0.7227)
    """
    check_level(level)
    _refuse_without_survival(fit)
    given = check_mapping(values, "values")
    for name, value in given.items():
        check_known(name, fit.terms, what="term")
        if not (is_number(value) and np.isfinite(value)):
            raise TrialError(f"`values` of {name!r} must be a finite number, got {value!r}.")
    hazards = hazards_of(fit.model, tuple(fit.coef.tolist()))
    sets, state = hazards.sets, hazards.state
    at = np.array([float(given.get(term, 0.0)) for term in fit.terms]) - sets.centre
    # The coefficients move the hazard itself, and the ratio to it.
    slope = hazards.slope + hazards.hazard[..., None] * at[:, None]
    variance = hazards.spread + np.einsum("smp,pq,smq->sm", slope, fit.covariance, slope)
    with np.errstate(over="ignore", invalid="ignore"):  # values far from everybody's
        ratio = np.exp(at @ fit.coef - state.largest)[:, None]
        cumulative = ratio * hazards.hazard
        curve = KaplanMeier(survival=floats(np.exp(-cumulative)), greenwood=ratio**2 * variance)
    low, high = survival_limits(curve, interval="log", half=pointwise(curve, level=level))
    s, m = cumulative.shape
    frame = pd.DataFrame(
        {
            "stratum": np.repeat(np.array(fit.model.stratum_labels, object), m),
            "time": np.tile(hazards.time, s),
            "hazard": cumulative.ravel(),
            "survival": curve.survival.ravel(),
            "std_error": curve.std_error.ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
        }
    )
    return frame[(np.arange(m) <= hazards.reach[:, None]).ravel()].reset_index(drop=True)


def standardised_survival(fit: CoxFit, *, level: float = 0.95) -> Curve:
    """Estimate survival had everyone been in each arm, as a Cox model has it.

    Parameters
    ----------
    fit : CoxFit
        From `fit_cox`, of n people, k arms.
    level : float

    Returns
    -------
    Curve
        Arms as rows, on the grid of all distinct times. NaN after the last follow-up of a stratum.

    Raises
    ------
    TrialError
        When a coefficient of the fit is not finite; for a fit with covariates that change over
        time, or of one competing cause, whose hazards make no survival by themselves.

    Notes
    -----
    The g-formula: the mean over all n people, weighted by their case weights, of exp(−Λ(t|a, x)),
    each with their own covariates and stratum and the arm set to a. Unlike the hazard ratio it is
    a contrast of whole populations, but it holds only as far as the model does;
    `survival_difference` with `adjust` needs no proportional hazards. The variance is of the
    influence function: who happened to be in the trial, the coefficients and the hazards together.

    References
    ----------
    Makuch (1982); Zhang, Loberiza, Klein and Zhang (2007); for influence functions Reid and
    Crépeau (1985). Checked against R survfit averaged over people, weight derivatives of R coxph
    and the jackknife.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> from checkpoint_eval.models import fit_cox
    >>> fit = fit_cox(load_rossi(), outcome="rearrest", adjust=["age", "prio"])
    >>> standardised_survival(fit).survival[:, -1].round(4).tolist()
    [0.6992, 0.7738]
    """
    check_level(level)
    hazards = _standardisable(fit)
    people = fit.model.people
    found = [
        (survival, np.sqrt((psi**2).sum(axis=1)))
        for survival, psi in _standardised(fit, hazards, np.arange(hazards.time.size))
    ]
    survival = np.concatenate([each for each, _ in found], axis=1)
    error = np.concatenate([each for _, each in found], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.where(survival > 0, (error / survival) ** 2, np.inf)
    curve = KaplanMeier(survival=survival, greenwood=greenwood)
    low, high = survival_limits(curve, interval="log-log", half=pointwise(curve, level=level))
    table = people.table()
    return Curve(
        outcome=people.outcome,
        analysis_set=people.analysis_set,
        unit=people.unit,
        arms=people.arms,
        time=table.time,
        at_risk=table.at_risk,
        events=table.events,
        censored=table.ended - table.events,
        survival=survival,
        std_error=error,
        low=low,
        high=high,
        level=level,
        method=f"{fit.method}; {_standardised_over(fit)}; log-log interval",
        missing=people.missing,
    )


def standardised_survival_difference(
    fit: CoxFit,
    *,
    at: float,
    measure: Literal["difference", "ratio"] = "difference",
    level: float = 0.95,
    arm: str | None = None,
) -> Estimate:
    """Compare survival at one time had everyone been in treatment, or in control.

    Parameters
    ----------
    fit : CoxFit
        From `fit_cox`.
    at : float
        When survival is compared, in the outcome's unit; within follow-up.
    measure : {"difference", "ratio"}
    level : float
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Estimate
        Positive, or above 1, means fewer events under treatment. `by_arm` is survival.

    Raises
    ------
    ImpossibleDesign
        When `at` is beyond the follow-up of a stratum.
    TrialError
        As in `standardised_survival`; for an unknown arm.

    Notes
    -----
    See `standardised_survival`.

    References
    ----------
    As `standardised_survival`. Checked against R survfit and weight derivatives of R
    coxph, and the jackknife, on Rossi.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> from checkpoint_eval.models import fit_cox
    >>> fit = fit_cox(load_rossi(), outcome="rearrest", adjust=["age", "prio"])
    >>> round(standardised_survival_difference(fit, at=52).value, 4)
    0.0746
    """
    check_level(level)
    check_choice(measure, "measure", ("difference", "ratio"))
    hazards = _standardisable(fit)
    people = compare(
        fit.model.trial,
        outcome=fit.outcome,
        analysis_set=fit.analysis_set,
        kind="time",
        arm=arm,
        complete=(*fit.model.adjust, *fit.model.columns.complete),
    )
    when = horizon_of(people, at, "at")
    _refuse_beyond(hazards, when, people.unit)
    place = int(np.searchsorted(hazards.time, when, side="right")) - 1
    survival, psi = np.ones(2), np.zeros((2, 1))
    if place >= 0:
        arms = [0, fit.model.people.arms.index(people.arms[1])]
        every, each = next(_standardised(fit, hazards, np.array([place])))
        survival, psi = every[arms, 0], each[arms, :, 0]
    value, of = float(survival[1] - survival[0]), psi[1] - psi[0]
    if measure == "ratio":
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float(np.log(survival[1] / survival[0]))
            of = psi[1] / survival[1] - psi[0] / survival[0]
    return wald_estimate(
        people,
        estimand=f"standardised survival {measure}",
        measure=measure,
        value=value,
        std_error=float(np.sqrt(of @ of)),
        level=level,
        method=f"{fit.method}; {_standardised_over(fit)}; Wald interval"
        + (" on the log scale" if measure == "ratio" else ""),
        reason="no events by then, so no variance",
        by_arm=(float(survival[0]), float(survival[1])),
        time_point=when,
        adjusted_for=fit.model.adjust,
    )


def _refuse_beyond(hazards: CoxHazards, when: float, unit: str) -> None:
    last = float(hazards.time[hazards.reach.min()])
    if when > last:
        where = "a stratum" if hazards.reach.size > 1 else "everybody"
        raise ImpossibleDesign(
            f"`at` is {when:g} {unit}, but the follow-up of {where} ends at {last:g}; choose "
            f"at most {last:g}."
        )


def _standardisable(fit: CoxFit) -> CoxHazards:
    _refuse_without_survival(fit)
    if fit.model.columns.varying is not None:
        raise TrialError(
            "`fit` has covariates that change over time, whose course under the other arm nobody "
            "knows; leave `varying` out."
        )
    return hazards_of(fit.model, tuple(fit.coef.tolist()))


def _refuse_without_survival(fit: CoxFit) -> None:
    """Refuse fits without finite coefficients, and those of a competing cause."""
    refuse_unfitted(check_noun(fit, CoxFit, "fit", of="fit_cox"))
    if fit.cause not in (None, fit.outcome):
        raise TrialError(
            f"`fit` is of the competing cause {fit.cause!r}, whose hazard gives no share of people "
            "by itself; see `cumulative_incidence`."
        )


def _standardised_over(fit: CoxFit) -> str:
    return f"standardised over {sum(fit.n)} people; influence-function variance"


def _standardised(
    fit: CoxFit, hazards: CoxHazards, places: IntArray
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield (k, c) survival by arm at grid places, and (k, n, c) what each person adds to it.

    In blocks of places. People of one cluster are added up into one row. Somebody whose weight
    counts people stands for so many rows.
    """
    sets, model = hazards.sets, fit.model
    n, k = model.people.people.size, len(model.people.arms)
    share = (sets.weight / sets.weight.sum())[:, None]
    moved = moves(hazards, fit.model_covariance)
    copies = np.ones((n, 1)) if model.sandwich else np.sqrt(sets.weight)[:, None]
    group = np.unique(sets.cluster, return_inverse=True)[1].reshape(-1)
    clusters = csr_array((np.ones(n), (group, np.arange(n))))
    strata = csr_array((np.ones(n), (sets.stratum, np.arange(n))), (hazards.reach.size, n))
    width = max(1, BLOCK // n)
    for start in range(0, places.size, width):
        columns = places[start : start + width]
        own = hazards.influence(columns)
        known = np.where(columns <= hazards.reach.min(), 1.0, np.nan)
        survival, psi = np.empty((k, columns.size)), np.empty((k, clusters.shape[0], columns.size))
        for arm in range(k):
            x = sets.covariates.copy()
            x[:, : k - 1] = (np.arange(1, k) == arm) - sets.centre[sets.stratum, : k - 1]
            ratio = np.exp(x @ fit.coef + sets.offset - hazards.state.largest[sets.stratum])
            hazard = hazards.hazard[sets.stratum[:, None], columns]
            alive = np.exp(-ratio[:, None] * hazard)
            falls = -share * alive * ratio[:, None]
            by_stratum = strata @ falls
            slope = x.T @ (falls * hazard)
            slope += np.einsum("sc,scp->pc", by_stratum, hazards.slope[:, columns])
            survival[arm] = (share * alive).sum(axis=0) * known
            added = share * (alive - survival[arm]) + by_stratum[sets.stratum] * own
            psi[arm] = clusters @ ((added + moved @ slope) / copies)
        yield survival, psi
