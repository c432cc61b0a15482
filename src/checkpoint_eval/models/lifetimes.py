"""Parametric models of time to the event, with and without people who never have it."""

import hashlib
import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, ndtr

from checkpoint_eval._arrays import FloatArray, floats, frozen
from checkpoint_eval._checks import as_names, check_choice
from checkpoint_eval.errors import InvalidData, TrialError
from checkpoint_eval.models.compared import Compared, compare
from checkpoint_eval.models.design_matrix import design_matrix
from checkpoint_eval.models.lifetime_likelihood import (
    DISTRIBUTIONS,
    Distribution,
    LifetimeFit,
    Lifetimes,
    fit_lifetimes,
    survival_of,
)
from checkpoint_eval.outcomes.trial import Trial


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ParametricFit:
    """A fitted model of log time, and of the share who ever have the event.

    Attributes
    ----------
    distribution : str
    terms : (p,) str
        Of log time: "(constant)", then treatment arms, then covariates; a positive coefficient
        means later events.
    coef : (p,) float
    log_scale : float
        log σ; 0 for the exponential.
    share_terms : (q,) str
        Of the log odds of ever having the event; none without a cured share.
    share_coef : (q,) float
    covariance : (k, k) float
        Of `coef`, log σ unless exponential, and `share_coef`, in this order.
    loglik : float
        On the scale of time.
    never : (k,) float
        Mean share who never have the event, by arm; 0 without a cured share.
    reason : str
        Why numbers are NaN, if they are.
    people : str
        SHA-256 of who was analysed, with times and events.
    """

    outcome: str
    analysis_set: str
    unit: str
    arms: tuple[str, ...]
    distribution: str
    terms: tuple[str, ...]
    coef: FloatArray
    log_scale: float
    share_terms: tuple[str, ...]
    share_coef: FloatArray
    covariance: FloatArray
    loglik: float
    never: FloatArray
    n: tuple[int, ...]
    events: tuple[int, ...]
    missing: tuple[int, ...]
    method: str
    reason: str = ""
    time: FloatArray
    survival: FloatArray
    people: str = ""

    def __post_init__(self) -> None:
        for name in ("coef", "share_coef", "covariance", "never", "time", "survival"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))

    @property
    def std_error(self) -> FloatArray:
        """(k,) standard errors, in the order of `covariance`."""
        return floats(np.sqrt(np.diag(self.covariance)))

    @property
    def parameters(self) -> int:
        """How many numbers were estimated."""
        return int(self.covariance.shape[0])

    @property
    def aic(self) -> float:
        """Akaike's criterion: lower is better."""
        return 2 * self.parameters - 2 * self.loglik

    @property
    def bic(self) -> float:
        """Schwarz's criterion, with the number of events as size."""
        return self.parameters * float(np.log(max(sum(self.events), 1))) - 2 * self.loglik

    def to_frame(self) -> pd.DataFrame:
        """Return one row a number estimated: part, term, coefficient, standard error, z and p."""
        scale = [] if self.distribution == "exponential" else [("log scale", "", self.log_scale)]
        rows = [
            *(("log time", term, value) for term, value in zip(self.terms, self.coef, strict=True)),
            *scale,
            *(
                ("log odds of ever", term, value)
                for term, value in zip(self.share_terms, self.share_coef, strict=True)
            ),
        ]
        frame = pd.DataFrame(rows, columns=["part", "term", "coef"])
        with np.errstate(divide="ignore", invalid="ignore"):
            z = frame["coef"].to_numpy(dtype=float) / self.std_error
        return frame.assign(std_error=self.std_error, z=z, p_value=2 * ndtr(-np.abs(z)))

    def __repr__(self) -> str:
        never = ", ".join(
            f"{arm}: {share:.3g}" for arm, share in zip(self.arms, self.never, strict=True)
        )
        told = f"; never: {never}" if self.share_terms else ""
        why = f"; not estimable: {self.reason}" if self.reason else ""
        return (
            f"{self.method} of {self.outcome}, {self.analysis_set}, n = {sum(self.n)}, events = "
            f"{sum(self.events)}; log likelihood {self.loglik:.3f}{told}{why}\n"
            f"{self.to_frame().to_string(index=False)}"
        )

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.method)}</p>" + str(self.to_frame().to_html(index=False))


def fit_parametric(
    trial: Trial,
    *,
    outcome: str,
    distribution: Distribution = "weibull",
    adjust: str | Sequence[str] = (),
    analysis_set: str = "itt",
) -> ParametricFit:
    """Fit an accelerated failure time model: log t = xβ + σW.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A time-to-event outcome; times above 0.
    distribution : {"exponential", "weibull", "log-normal", "log-logistic"}
    adjust : str or sequence of str
        Baseline columns; categories become indicators.
    analysis_set : str

    Returns
    -------
    ParametricFit
        exp(coefficient) multiplies times: above 1 means later events under treatment.

    Raises
    ------
    InvalidData
        For times of 0.
    ImpossibleDesign, UnknownColumn
        As in `fit_cox`.

    References
    ----------
    Kalbfleisch and Prentice (2002), chapter 3. Checked against R survreg on Rossi and recid.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> fit = fit_parametric(load_rossi(), outcome="rearrest")
    >>> fit.terms
    ('(constant)', 'financial aid')
    """
    check_choice(distribution, "distribution", DISTRIBUTIONS)
    people, x, terms = _matrix(trial, outcome, analysis_set, as_names(adjust), ())
    none = np.zeros((people.time.size, 0))
    return _fitted(people, distribution, (x, terms), (none, ()), f"{distribution} model")


def fit_cure(
    trial: Trial,
    *,
    outcome: str,
    distribution: Distribution = "weibull",
    adjust: str | Sequence[str] = (),
    adjust_share: str | Sequence[str] = (),
    arm_in_time: bool = True,
    analysis_set: str = "itt",
) -> ParametricFit:
    """Fit a split population: a share who ever have the event, and when they do.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A time-to-event outcome; times above 0.
    distribution : {"exponential", "weibull", "log-normal", "log-logistic"}
    adjust, adjust_share : str or sequence of str
        Baseline columns of the time, and of the share; the arm is in the share.
    arm_in_time : bool
        Whether the arm is in the time too.
    analysis_set : str

    Returns
    -------
    ParametricFit
        `share_coef` of an arm below 0: fewer ever have the event under treatment.

    Raises
    ------
    InvalidData
        For times of 0.
    ImpossibleDesign, UnknownColumn
        As in `fit_cox`.

    Notes
    -----
    Without a plateau in the data the share rests on the distribution chosen: fit several, and
    report how the share moves (`compare_fits`). Where it runs to everyone or nobody, numbers are
    NaN with the reason.

    References
    ----------
    Schmidt and Witte (1989), Predicting criminal recidivism using split population survival time
    models; Maller and Zhou (1996). Checked against published fits of recid.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> fit = fit_cure(load_rossi(), outcome="rearrest", distribution="exponential")
    >>> fit.share_terms
    ('(constant)', 'financial aid')
    """
    check_choice(distribution, "distribution", DISTRIBUTIONS)
    names, share = as_names(adjust), as_names(adjust_share)
    people, x, terms = _matrix(trial, outcome, analysis_set, names, share, arm=arm_in_time)
    _, z, share_terms = _matrix(trial, outcome, analysis_set, share, names)
    told = f"split population, {distribution}"
    return _fitted(people, distribution, (x, terms), (z, share_terms), told)


def _matrix(
    trial: Trial,
    outcome: str,
    analysis_set: str,
    names: tuple[str, ...],
    others: tuple[str, ...],
    *,
    arm: bool = True,
) -> tuple[Compared, FloatArray, tuple[str, ...]]:
    """Return the people, and a matrix with a constant, the arms and covariates."""
    people = compare(
        trial,
        outcome=outcome,
        analysis_set=analysis_set,
        kind="time",
        every_arm=True,
        complete=tuple(dict.fromkeys((*names, *others))),
    )
    if not (people.time > 0).all():
        raise InvalidData(
            f"Outcome {outcome!r} has {int((people.time == 0).sum())} times of 0, which have no "
            "logarithm; mend them, or count from the day before."
        )
    matrix = design_matrix(trial, people, names)
    k = len(people.arms) - 1
    values, terms = matrix.values, matrix.terms
    if not arm:
        values, terms = values[:, k:], terms[k:]
    ones = np.ones((people.time.size, 1))
    return people, floats(np.hstack([ones, values])), ("(constant)", *terms)


def _fitted(
    people: Compared,
    distribution: str,
    of_time: tuple[FloatArray, tuple[str, ...]],
    of_share: tuple[FloatArray, tuple[str, ...]],
    method: str,
) -> ParametricFit:
    (x, terms), (z, share_terms) = of_time, of_share
    grid = np.linspace(0, float(people.time.max()), 201)
    held = Lifetimes(x=x, time=people.time, event=people.event, z=z, distribution=distribution)
    found, reason = None, "no events"
    if people.event.any():
        found = fit_lifetimes(held)
        where = "; no plateau tells a share who never do" if z.shape[1] else ""
        reason = "" if found.converged else f"the likelihood has no maximum inside{where}"
    usable = found is not None and not reason
    theta = found.theta if found is not None and usable else np.full(held.size, np.nan)
    beta, sigma, gamma = held.parts(theta)
    never, survival = _by_arm(people, held, theta, grid, usable=usable)
    size = held.size
    return ParametricFit(
        outcome=people.outcome,
        analysis_set=people.analysis_set,
        unit=people.unit,
        arms=people.arms,
        distribution=distribution,
        terms=terms,
        coef=beta,
        log_scale=float(np.log(sigma)),
        share_terms=share_terms,
        share_coef=gamma,
        covariance=_covariance(found, size, usable=usable),
        loglik=found.loglik if found is not None and usable else np.nan,
        never=never,
        n=people.n,
        events=people.events(),
        missing=people.missing,
        method=method,
        reason=reason,
        time=grid,
        survival=survival,
        people=hashlib.sha256(
            people.people.tobytes() + people.time.tobytes() + people.event.tobytes()
        ).hexdigest(),
    )


def _covariance(found: LifetimeFit | None, size: int, *, usable: bool) -> FloatArray:
    if found is None or not usable:
        return np.full((size, size), np.nan)
    return found.covariance


def _by_arm(
    people: Compared, held: Lifetimes, theta: FloatArray, grid: FloatArray, *, usable: bool
) -> tuple[FloatArray, FloatArray]:
    """Return (k,) mean shares who never have the event, and (k, m) fitted survival."""
    k = len(people.arms)
    never, survival = np.full(k, np.nan), np.full((k, grid.size), np.nan)
    if not usable:
        return never, survival
    gamma = held.parts(theta)[2]
    for code in range(k):
        own = people.arm == code
        arm = Lifetimes(
            x=held.x[own],
            time=held.time[own],
            event=held.event[own],
            z=held.z[own],
            distribution=held.distribution,
        )
        survival[code] = survival_of(arm, theta, grid)
        never[code] = float(expit(-(arm.z @ gamma)).mean()) if gamma.size else 0.0
    return never, survival


def compare_fits(fits: Sequence[ParametricFit]) -> pd.DataFrame:
    """Return models side by side: parameters, log likelihood, AIC, BIC and the share who never do.

    Parameters
    ----------
    fits : sequence of ParametricFit
        Of one outcome and the same people.

    Returns
    -------
    DataFrame
        The lowest AIC first.

    Raises
    ------
    TrialError
        When the fits are of different people, which no criterion compares.
    """
    several = tuple(fits) if isinstance(fits, Sequence) else ()
    if not several or not all(isinstance(each, ParametricFit) for each in several):
        raise TrialError(f"`fits` must list fits of `fit_parametric` or `fit_cure`, got {fits!r}.")
    about = {
        (each.outcome, each.analysis_set, each.unit, each.n, each.events, each.people)
        for each in several
    }
    if len(about) > 1:
        raise TrialError("`fits` are of different people, so their likelihoods do not compare.")
    rows = [
        {
            "model": each.method,
            "parameters": each.parameters,
            "loglik": each.loglik,
            "aic": each.aic,
            "bic": each.bic,
            **{f"never, {arm}": share for arm, share in zip(each.arms, each.never, strict=True)},
        }
        for each in several
    ]
    return pd.DataFrame(rows).sort_values("aic", kind="stable").reset_index(drop=True)
