"""Rate ratio: how often something happens per time at risk, by Poisson or negative binomial."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.optimize import root

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import as_names, check_choice, check_level, counted
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.models.compared import Compared, compare, strata_of
from checkpoint_eval.models.cox_models import refuse_repeated
from checkpoint_eval.models.design_matrix import COLLINEAR, design_matrix
from checkpoint_eval.models.recurrent import NO_ERROR
from checkpoint_eval.models.separation import separated
from checkpoint_eval.models.wald import wald_log_ratio
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate

Method = Literal["negative binomial", "poisson"]
UNREACHED = "no finite maximum of the likelihood was reached"
# A change of 1e-10 standardised coefficients: the deviance, quadratic at its end, would stop early.
STOP = {"tol_criterion": "params", "atol": 1e-10, "rtol": 1e-10, "maxiter": 200}
# At a maximum a Newton step would gain no more than this.
SETTLED = 1e-12
# Below this dispersion counts are Poisson's to six digits; their likelihoods differ by rounding.
LEAST, ROUNDING = 1e-6, 1e-6
# At a Poisson maximum fitted and seen totals differ by less than this share of all events.
ADRIFT = 1e-6
TOLD: dict[Method, str] = {
    "negative binomial": "negative binomial regression (NB2) by maximum likelihood",
    "poisson": "Poisson regression",
}


def rate_ratio(
    trial: Trial,
    *,
    outcome: str,
    method: Method = "negative binomial",
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate by what factor treatment multiplies how often something happens per time at risk.

    Parameters
    ----------
    trial : Trial
    outcome : str
        Counts over a time at risk (`CountOutcome`).
    method : {"negative binomial", "poisson"}
        "negative binomial": people differ in their rates, by a dispersion that is estimated.
        "poisson": no distribution is relied on; the variance is robust (sandwich).
    adjust : str or sequence of str
        Baseline columns.
    strata : str or sequence of str, optional
        Columns whose combinations enter as indicators. Default: the strata of the randomisation.
        ``()`` means none.
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Estimate
        Below 1: fewer events under treatment. `by_arm` holds crude rates, all events over all
        time at risk, per `unit`; `std_error` is of the log.

    Raises
    ------
    TrialError
        When the outcome is not a count over a time at risk; for options outside those stated.
    ImpossibleDesign
        For constant or collinear covariates, which are named.
    UnknownColumn
        For names the trial does not have.

    Notes
    -----
    log E(count) = log(exposure) + arm + strata + covariates, with variance m + αm² of a mean m in
    the negative binomial model (NB2). There the standard error is that of the expected
    information at the α found, as R's glm.nb prints it; α and the coefficients are orthogonal.
    Where no α above 0 has a higher likelihood than α = 0, counts vary no more than Poisson's: it is
    then Poisson regression with the model's variance, as `method` says. The robust variance is HC0,
    which has no small-sample factor and runs small where few people are compared.

    People without time at risk have no rate: they are left out, counted as `missing` and told in
    `method`. Strata without events compare nothing. Events at risk for no time at all, an arm
    without events, or a covariate that tells people without events apart: not estimable.

    References
    ----------
    Lawless (1987), Canadian Journal of Statistics 15; Venables and Ripley (2002); White (1982) for
    the sandwich; Correia, Guimarães and Zylkin (2019) for when there is a maximum. Engine:
    statsmodels GLM and NegativeBinomial. Checked against R MASS glm.nb, glm with sandwich vcovHC,
    and a slow reference.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import Assignment, Trial
    >>> from checkpoint_eval.outcomes import CountOutcome
    >>> arms = Assignment(arm=[0, 0, 1, 1], arms=("court", "contract"), stratum=[0] * 4)
    >>> arrests = CountOutcome(value=[4, 0, 1, 1], exposure=[1, 1, 1, 1], unit="years")
    >>> trial = Trial(assignment=arms, outcomes={"arrests": arrests})
    >>> round(rate_ratio(trial, outcome="arrests", method="poisson").value, 4)
    0.5
    """
    check_level(level)
    check_choice(method, "method", ("negative binomial", "poisson"))
    names = as_names(adjust)
    refuse_repeated(names, as_names(() if strata is None else strata))
    everyone = compare(
        trial, outcome=outcome, analysis_set=analysis_set, kind="count", arm=arm, complete=names
    )
    people, left_out = _at_risk(everyone)
    reason = _without_rates(people)
    stratum, strata_told = strata_of(trial, everyone if reason else people, strata)
    fit = _Fit(reason=reason)
    if not reason:
        matrix = design_matrix(trial, people, names)
        fit = _fitted(people, stratum, matrix.values, matrix.terms, method)
    parts = (
        TOLD[method],
        fit.told,
        "exposure as offset",
        strata_told if stratum is None else f"{strata_told}, as indicators",
        f"adjusted for {', '.join(names)}" if names else "",
        fit.variance,
        left_out,
    )
    found = wald_log_ratio(
        people,
        estimand="rate ratio",
        log_ratio=fit.log_ratio,
        std_error=fit.std_error,
        level=level,
        method="; ".join(part for part in parts if part),
        reason=fit.reason,
        adjusted_for=names,
    )
    return replace(found, by_arm=_crude_rates(people))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """The arm's coefficient, or why there is none, and what the method line tells of the fit."""

    log_ratio: float = NAN
    std_error: float = NAN
    told: str = ""
    variance: str = ""
    reason: str = ""


def _at_risk(people: Compared) -> tuple[Compared, str]:
    """Leave out people with neither events nor time at risk, and say how many."""
    idle = (people.exposure == 0) & (people.value == 0)
    if not idle.any():
        return people, ""
    left_out = np.bincount(people.arm[idle], minlength=len(people.arms))
    kept = replace(
        people,
        people=people.people[~idle],
        arm=people.arm[~idle],
        value=people.value[~idle],
        exposure=people.exposure[~idle],
        missing=tuple(int(each) for each in left_out + people.missing),
    )
    told = counted(int(idle.sum()), "person", "people")
    return kept, f"{told} without time at risk left out"


def _without_rates(people: Compared) -> str:
    """Return why there are no two rates to compare."""
    impossible = int((people.exposure == 0).sum())
    if impossible:
        told = counted(impossible, "person has", "people have")
        return f"{told} events and no time at risk, so no rate"
    nobody = [name for name, n in zip(people.arms, people.n, strict=True) if not n]
    if nobody:
        return f"nobody in {nobody[0]!r} has time at risk"
    none = [name for name, count in zip(people.arms, people.events(), strict=True) if not count]
    if len(none) == len(people.arms):
        return "no events"
    return f"no events in {none[0]!r}" if none else ""


def _crude_rates(people: Compared) -> tuple[float, float]:
    """Return events over time at risk in control and treatment; NaN where there is no time."""
    time = np.bincount(people.arm, weights=people.exposure, minlength=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = np.where(time > 0, floats(people.events()) / time, np.nan)
    return float(rates[0]), float(rates[1])


def _fitted(
    people: Compared,
    stratum: IntArray | None,
    values: FloatArray,
    terms: tuple[str, ...],
    method: Method,
) -> _Fit:
    """Fit arm and covariates with an indicator of each stratum, of strata that have events.

    Someone in a stratum without events adds nothing to the likelihood at its maximum.
    """
    codes = np.zeros(people.arm.size, dtype=np.int64) if stratum is None else stratum
    kept = np.bincount(codes, weights=people.value)[codes] > 0
    own = floats(codes[kept, None] == np.unique(codes[kept]))
    data = _CountData(
        counts=people.value[kept],
        log_time=np.log(people.exposure[kept]),
        columns=np.hstack([_scaled(values[kept]), own]),
    )
    if not _vary_within(values[kept], own, terms):
        return _Fit(reason="no stratum with events holds both arms")
    if separated(data.counts, data.columns):
        return _Fit(reason="a column tells people without events apart: there is no finite maximum")
    fit = _poisson(data) if method == "poisson" else _negative_binomial(data)
    some = "" if kept.all() else "strata without events compare nothing"
    return replace(fit, told="; ".join(part for part in (fit.told, some) if part))


def _scaled(values: FloatArray) -> FloatArray:
    """Centre and scale covariates, not the arm in front of them, whose coefficient is wanted."""
    centred = values - values.mean(axis=0)
    spread = centred.std(axis=0)
    scaled = floats(centred / np.where(spread > 0, spread, 1.0))
    scaled[:, 0] = values[:, 0]
    return scaled


def _vary_within(values: FloatArray, own: FloatArray, terms: tuple[str, ...]) -> bool:
    """Return whether arms vary within strata, refusing covariates that do not once arms do."""
    within = values - own @ (own.T @ values / own.sum(axis=0)[:, None])
    within = within / np.where(values.std(axis=0) > 0, values.std(axis=0), 1.0)
    for place, term in enumerate(terms):
        known = np.linalg.matrix_rank(within[:, : place + 1], tol=COLLINEAR * len(within) ** 0.5)
        if known <= place == 0:
            return False
        if known <= place:
            raise ImpossibleDesign(
                f"{term!r} does not vary within the strata with events, or only as the columns "
                "before it do; leave it out of `adjust`, or out of `strata`."
            )
    return True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _CountData:
    """What is fitted: (n,) counts and logs of times at risk, (n, p) columns with the arm first."""

    counts: FloatArray
    log_time: FloatArray
    columns: FloatArray


def _poisson(data: _CountData) -> _Fit:
    """Fit the means by Poisson's likelihood, with a sandwich that holds whatever the variance."""
    fit = _poisson_fit(data, "HC0")
    if fit is None:
        return _Fit(reason=UNREACHED)
    return _fit_of(fit.params[0], fit.bse[0], variance="robust variance (HC0)")


def _poisson_fit(data: _CountData, covariance: Literal["HC0", "nonrobust"]) -> Any:
    """Return statsmodels' Poisson regression, or None where it does not come to an end."""
    # Imported here as it takes longer than everything else this library imports.
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM

    model = GLM(data.counts, data.columns, family=families.Poisson(), offset=data.log_time)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fit = model.fit(cov_type=covariance, **STOP)
        except (ValueError, np.linalg.LinAlgError):
            return None
    adrift = np.abs(data.columns.T @ (data.counts - fit.mu)).max()
    return fit if fit.converged and adrift < ADRIFT * data.counts.sum() else None


def _negative_binomial(data: _CountData) -> _Fit:
    """Fit means and dispersion where their likelihood is highest: at dispersion 0 it is Poisson's.

    That is the higher of two places, as there may be a maximum at 0 and another above it.
    """
    variance = "variance of the model (expected information)"
    poisson = _poisson_fit(data, "nonrobust")
    if poisson is None:
        return _Fit(reason=UNREACHED)
    coef, dispersion, gained = _highest(data, poisson)
    if gained > 0:
        told = f"dispersion {dispersion:.3g}"
        found = _fit_of(coef[0], _expected_error(data, coef, dispersion), variance=variance)
        return replace(found, told=told)
    # The slope of the likelihood in the dispersion, at 0.
    rises = ((data.counts - poisson.mu) ** 2 - data.counts).sum() > 0
    if rises and not abs(gained) <= ROUNDING:
        return _Fit(reason=UNREACHED)
    told = "counts vary no more than Poisson's, so dispersion 0: Poisson regression"
    return replace(_fit_of(poisson.params[0], poisson.bse[0], variance=variance), told=told)


def _highest(data: _CountData, poisson: Any) -> tuple[FloatArray, float, float]:
    """Return coefficients and dispersion above 0, and what the likelihood gains on Poisson's.

    Without a maximum above 0, the gain is 0 where the dispersion runs to 0, otherwise NaN.
    statsmodels climbs and scipy takes the last digits, both in the dispersion's log:
    Newton's method of statsmodels steps below 0 and hangs there, and its BFGS stops early.
    """
    from statsmodels.discrete.discrete_model import NegativeBinomial

    model = NegativeBinomial(data.counts, data.columns, offset=data.log_time)

    def slope(logged: FloatArray) -> FloatArray:
        at = np.append(logged[:-1], np.exp(logged[-1]))
        return floats(model.score(at) * np.append(np.ones(at.size - 1), at[-1]))

    start = np.append(poisson.params, 1.0)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        climbed = model.fit(start, method="bfgs", maxiter=500, gtol=1e-8, disp=0, skip_hessian=True)
        logged = root(slope, np.append(climbed.params[:-1], np.log(climbed.params[-1])), tol=1e-12)
        at = np.append(logged.x[:-1], np.exp(logged.x[-1]))
        if climbed.params[-1] < LEAST or at[-1] < LEAST:
            return poisson.params, 0.0, 0.0
        if not (np.isfinite(at).all() and _is_maximum(model, at)):
            return at[:-1], NAN, NAN
        return at[:-1], float(at[-1]), float(model.loglike(at) - poisson.llf)


def _is_maximum(model: Any, at: FloatArray) -> bool:
    """Return whether the likelihood curves down everywhere and a Newton step gains nothing."""
    curvature, slope = floats(model.hessian(at)), floats(model.score(at))
    if not (np.isfinite(curvature).all() and np.linalg.eigvalsh(curvature)[-1] < 0):
        return False
    return bool(-slope @ np.linalg.solve(curvature, slope) < SETTLED)


def _expected_error(data: _CountData, coef: FloatArray, dispersion: float) -> float:
    """Return the arm's standard error by the expected information, the dispersion held."""
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM

    family = families.NegativeBinomial(alpha=dispersion)
    model = GLM(data.counts, data.columns, family=family, offset=data.log_time)
    information = -floats(model.hessian(coef, scale=1.0, observed=False))
    return float(np.sqrt(np.linalg.inv(information)[0, 0]))


def _fit_of(log_ratio: float, std_error: float, *, variance: str) -> _Fit:
    """Return the arm's coefficient and its standard error."""
    if not std_error > NO_ERROR:
        return _Fit(reason="people do not vary within the arms", variance=variance)
    return _Fit(log_ratio=float(log_ratio), std_error=float(std_error), variance=variance)
