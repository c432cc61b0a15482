"""What is left of each person when a Cox model is fitted."""

from typing import Literal

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import check_choice, check_noun
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.cox import CoxFit
from checkpoint_eval.models.cox_models import CoxRows, person_sets, rows_of
from checkpoint_eval.models.partial_likelihood import (
    CoxState,
    evaluate_at,
    score_residuals,
    step_means,
)
from checkpoint_eval.models.risk_sets import RiskSets

ResidualKind = Literal[
    "martingale", "deviance", "score", "dfbeta", "schoenfeld", "scaled schoenfeld"
]
KINDS = ("martingale", "deviance", "score", "dfbeta", "schoenfeld", "scaled schoenfeld")


def cox_residuals(fit: CoxFit, *, kind: ResidualKind = "martingale") -> pd.DataFrame:
    """Return residuals of a fitted Cox model.

    Parameters
    ----------
    fit : CoxFit
        From `fit_cox`.
    kind : {"martingale", "deviance", "score", "dfbeta", "schoenfeld", "scaled schoenfeld"}
        Events less expected events; the same made symmetric; each person's part of the score; how
        far the coefficients move without the person, to first order; and, one row an event,
        covariates less their mean over those at risk, plain or scaled so that their running mean
        over time follows the coefficient.

    Returns
    -------
    DataFrame
        `row` is the row of the assignment. "martingale" and "deviance": one row a person and the
        column `residual`. "score" and "dfbeta": one row a person and a column for each term.
        Schoenfeld: one row an event, by stratum and time, with `time`, `stratum` and a column for
        each term.

    Raises
    ------
    TrialError
        When some coefficient of the fit is not finite, or `kind` is none of those above.

    Notes
    -----
    Residuals follow the tie method of the fit. With case weights w, "dfbeta" is that of the w
    people somebody stands for together; the others are each person's own.

    References
    ----------
    Therneau, Grambsch and Fleming (1990), Biometrika 77, 147-160; Schoenfeld (1982), Biometrika
    69, 239-241; Grambsch and Therneau (1994). Checked against R residuals.coxph on Rossi, recid
    and Therneau's closed-form tests.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> from checkpoint_eval.models import fit_cox
    >>> fit = fit_cox(load_rossi(), outcome="rearrest", adjust="age")
    >>> left = cox_residuals(fit)
    >>> bool(abs(left["residual"].sum()) < 1e-9)
    True
    """
    check_choice(kind, "kind", KINDS)
    refuse_unfitted(check_noun(fit, CoxFit, "fit", of="fit_cox"))
    model = fit.model
    rows, sets = rows_of(model), person_sets(model)
    state = evaluate_at(sets, fit.coef, model.ties)
    if kind in ("schoenfeld", "scaled schoenfeld"):
        return _of_events(fit, rows, sets, state, scaled=kind != "schoenfeld")
    own = np.bincount(rows.person, minlength=model.people.people.size)
    names: tuple[str, ...] = ("residual",)
    if kind in ("martingale", "deviance"):
        values = _martingale(fit, rows, sets, state, deviance=kind == "deviance")[:, None]
    else:
        names = fit.terms
        left = score_residuals(sets, state)
        if kind == "score":
            left = left / sets.weight[:, None]
        values = _by_person(left, rows, own.size)
        if kind == "dfbeta":
            values = values @ fit.model_covariance
    frame = pd.DataFrame(values, columns=list(names))
    frame.insert(0, "row", model.people.people)
    return frame


def refuse_unfitted(fit: CoxFit) -> None:
    """Refuse a fit some of whose coefficients are not finite."""
    if not np.isfinite(fit.coef).all():
        raise TrialError(f"`fit` has coefficients that are not finite: {fit.reason}.")


def _by_person(values: FloatArray, rows: CoxRows, people: int) -> FloatArray:
    """Sum (r, p) values over the rows of each person."""
    return np.stack(
        [np.bincount(rows.person, weights=column, minlength=people) for column in values.T], axis=1
    )


def _martingale(
    fit: CoxFit, rows: CoxRows, sets: RiskSets, state: CoxState, *, deviance: bool
) -> FloatArray:
    people = fit.model.people
    expected = (state.risk / sets.weight * state.hazard)[:, None]
    event = people.event.astype(np.float64)
    left = event - _by_person(expected, rows, event.size)[:, 0]
    if not deviance:
        return floats(left)
    # event − left is what was expected: only who had the event adds its logarithm.
    gone = np.where(people.event, np.log(np.where(people.event, event - left, 1.0)), 0.0)
    return floats(np.sign(left) * np.sqrt(np.maximum(-2 * (left + gone), 0.0)))


def _of_events(
    fit: CoxFit, rows: CoxRows, sets: RiskSets, state: CoxState, *, scaled: bool
) -> pd.DataFrame:
    """Return Schoenfeld residuals, in order of stratum and time."""
    dead = sets.dead[np.argsort(sets.last[sets.dead], kind="stable")]
    left = sets.covariates[dead] - step_means(state)[sets.last[dead]]
    if scaled:
        left = left @ fit.model_covariance * dead.size + fit.coef
    frame = pd.DataFrame(left, columns=list(fit.terms))
    frame.insert(0, "time", sets.time[sets.last[dead]])
    frame.insert(0, "stratum", np.array(fit.model.stratum_labels, object)[sets.stratum[dead]])
    frame.insert(0, "row", fit.model.people.people[rows.person[dead]])
    return frame
