"""Parametric models of time to the event, with and without people who never have it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr

from checkpoint_eval._arrays import FloatArray, floats, frozen
from checkpoint_eval._checks import as_names, check_choice, check_count, counted
from checkpoint_eval._display import Shown, text_table
from checkpoint_eval.errors import InvalidData, TrialError
from checkpoint_eval.models.compared import Compared, compare
from checkpoint_eval.models.cox_models import check_flag
from checkpoint_eval.models.design_matrix import design_matrix
from checkpoint_eval.models.lifetime_likelihood import (
    DISTRIBUTIONS,
    ROYSTON_PARMAR,
    Distribution,
    LifetimeFit,
    Lifetimes,
    by_arm,
    fit_lifetimes,
    with_spline,
)
from checkpoint_eval.models.log_time_splines import falls
from checkpoint_eval.outcomes.trial import Trial

USUAL_KNOTS = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ParametricFit(Shown):
    """A fitted model of log time, and of the share who ever have the event.

    Attributes
    ----------
    distribution : str
    terms : (p,) str
        "(constant)", then treatment arms, then covariates.
    coef : (p,) float
        Of log time, so that a positive one means later events; of the log cumulative hazard for
        "royston-parmar", where a positive one means earlier events.
    log_scale : float
        log σ; 0 for the exponential, NaN for "royston-parmar", which has none.
    knots : (m + 2,) float
        Times of the knots of "royston-parmar", the outer two included; none for others.
    spline_coef : (m + 1,) float
        Of log time and of each internal knot's column; none for others.
    share_terms : (q,) str
        Of the log odds of ever having the event; none without a cured share.
    share_coef : (q,) float
    covariance : (k, k) float
        Of `coef`, log σ unless exponential or the spline's coefficients, and `share_coef`, in this
        order.
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
    knots: FloatArray
    spline_coef: FloatArray
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
        arrays = ("coef", "knots", "spline_coef", "share_coef", "covariance", "never", "time")
        for name in (*arrays, "survival"):
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
        hazard = self.distribution == ROYSTON_PARMAR
        spline = ["log time", *(f"knot at {time:g}" for time in self.knots[1:-1])]
        scale = [] if hazard or self.distribution == "exponential" else [self.log_scale]
        names = [
            *(("log cumulative hazard" if hazard else "log time", term) for term in self.terms),
            *(("log scale", "") for _ in scale),
            *(("spline", term) for term in spline[: self.spline_coef.size]),
            *(("log odds of ever", term) for term in self.share_terms),
        ]
        coef = np.concatenate([self.coef, scale, self.spline_coef, self.share_coef])
        with np.errstate(divide="ignore", invalid="ignore"):
            z = coef / self.std_error
        frame = pd.DataFrame(names, columns=["part", "term"])
        return frame.assign(coef=coef, std_error=self.std_error, z=z, p_value=2 * ndtr(-np.abs(z)))

    def __repr__(self) -> str:
        never = ", ".join(
            f"{arm}: {share:.3g}" for arm, share in zip(self.arms, self.never, strict=True)
        )
        told = f"; never: {never}" if self.share_terms else ""
        why = f"; not estimable: {self.reason}" if self.reason else ""
        return (
            f"{self.method} of {self.outcome}, {self.analysis_set}, n = {sum(self.n)}, events = "
            f"{sum(self.events)}; log likelihood {self.loglik:.3f}{told}{why}\n"
            f"{text_table(self.to_frame())}"
        )


def fit_parametric(
    trial: Trial,
    *,
    outcome: str,
    distribution: Distribution = "weibull",
    knots: int | None = None,
    adjust: str | Sequence[str] = (),
    analysis_set: str = "itt",
) -> ParametricFit:
    """Fit an accelerated failure time model, log t = xβ + σW, or a spline of the hazard.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A time-to-event outcome; times above 0.
    distribution : {"exponential", "weibull", "log-normal", "log-logistic", "royston-parmar"}
        The last: log cumulative hazard = xβ + a natural cubic spline of log time, so hazards are
        proportional.
    knots : int, optional
        Internal knots of "royston-parmar", 2 unless told, at equally spaced quantiles of the log
        event times (at 1/3 and 2/3 for 2); the outer knots are the first and the last event. With
        0 the model is the Weibull.
    adjust : str or sequence of str
        Baseline columns; categories become indicators.
    analysis_set : str

    Returns
    -------
    ParametricFit
        exp(coefficient) multiplies times: above 1 means later events under treatment. For
        "royston-parmar" it multiplies the hazard: above 1 means earlier events.

    Raises
    ------
    InvalidData
        For times of 0.
    TrialError
        For knots of a distribution that has none.
    ImpossibleDesign, UnknownColumn
        As in `fit_cox`.

    Notes
    -----
    Not stratified: strata may be named in `adjust`.

    Numbers are NaN with the reason where a spline's hazard is negative anywhere between the first
    event and the last, or where events come at too few different times for its knots.

    References
    ----------
    Kalbfleisch and Prentice (2002), chapter 3; Royston and Parmar (2002), Flexible parametric
    proportional-hazards and proportional-odds models for censored survival data. Checked against R
    survreg on Rossi and recid; the spline against the same likelihood climbed in base R, and
    figures printed for flexsurv, rstpm2 and Stata's stpm and stpm2.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> fit = fit_parametric(load_rossi(), outcome="rearrest")
    >>> fit.terms
    ('(constant)', 'financial aid')
    """
    internal = _internal(distribution, knots)
    people, x, terms = _matrix(trial, outcome, analysis_set, as_names(adjust), ())
    none = np.zeros((people.time.size, 0))
    told = f"{distribution} model"
    return _fitted(people, distribution, internal, (x, terms), (none, ()), told)


def fit_cure(
    trial: Trial,
    *,
    outcome: str,
    distribution: Distribution = "weibull",
    knots: int | None = None,
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
    distribution : {"exponential", "weibull", "log-normal", "log-logistic", "royston-parmar"}
    knots : int, optional
        Both as in `fit_parametric`, of those who ever have the event.
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
    TrialError
        For knots of a distribution that has none.
    ImpossibleDesign, UnknownColumn
        As in `fit_cox`.

    Notes
    -----
    Without a plateau in the data the share rests on the distribution chosen: fit several, and
    report how the share moves (`compare_fits`). "royston-parmar" chooses least, and the share's
    error grows with its knots unless there is a plateau. Where the share runs to everyone or
    nobody, numbers are NaN with the reason. Not stratified: strata may be named in `adjust` and
    `adjust_share`.

    References
    ----------
    Schmidt and Witte (1989), Predicting criminal recidivism using split population survival time
    models; Maller and Zhou (1996). Checked against published fits of recid and a likelihood
    climbed in R.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> fit = fit_cure(load_rossi(), outcome="rearrest", distribution="exponential")
    >>> fit.share_terms
    ('(constant)', 'financial aid')
    """
    internal = _internal(distribution, knots)
    names, share = as_names(adjust), as_names(adjust_share)
    arm = check_flag(arm_in_time, "arm_in_time")
    people, x, terms = _matrix(trial, outcome, analysis_set, names, share, arm=arm)
    _, z, share_terms = _matrix(trial, outcome, analysis_set, share, names)
    told = f"split population, {distribution}"
    return _fitted(people, distribution, internal, (x, terms), (z, share_terms), told)


def _internal(distribution: str, knots: int | None) -> int:
    """Return how many internal knots to use, none where a distribution has none."""
    check_choice(distribution, "distribution", DISTRIBUTIONS)
    if distribution == ROYSTON_PARMAR:
        return check_count(USUAL_KNOTS if knots is None else knots, "knots", least=0)
    if knots is not None:
        raise TrialError(
            f"`knots` is for distribution={ROYSTON_PARMAR!r}; leave it out for {distribution!r}."
        )
    return 0


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
    internal: int,
    of_time: tuple[FloatArray, tuple[str, ...]],
    of_share: tuple[FloatArray, tuple[str, ...]],
    told: str,
) -> ParametricFit:
    (x, terms), (z, share_terms) = of_time, of_share
    grid = np.linspace(0, float(people.time.max()), 201)
    held = Lifetimes(x=x, time=people.time, event=people.event, z=z, distribution=distribution)
    held = with_spline(held, internal)
    knots = held.spline.knots if held.spline is not None else np.zeros(0)
    reason, k, size = _obstacle(held), len(people.arms), held.size
    theta, covariance, loglik = np.full(size, np.nan), np.full((size, size), np.nan), np.nan
    never, survival = np.full(k, np.nan), np.full((k, grid.size), np.nan)
    if not reason:
        found = fit_lifetimes(held)
        reason = _fault(held, found)
    if not reason:
        theta, covariance, loglik = found.theta, found.covariance, found.loglik
        never, survival = by_arm(held, theta, people.arm, grid)
    beta, shape, gamma = held.parts(theta)
    return ParametricFit(
        outcome=people.outcome,
        analysis_set=people.analysis_set,
        unit=people.unit,
        arms=people.arms,
        distribution=distribution,
        terms=terms,
        coef=beta,
        log_scale=np.nan if knots.size else float(shape.sum()),
        knots=floats(np.exp(knots)),
        spline_coef=shape if knots.size else knots,
        share_terms=share_terms,
        share_coef=gamma,
        covariance=covariance,
        loglik=loglik,
        never=never,
        n=people.n,
        events=people.events(),
        missing=people.missing,
        method=told + (f", {counted(internal, 'internal knot')}" if knots.size else ""),
        reason=reason,
        time=grid,
        survival=survival,
        people=hashlib.sha256(
            people.people.tobytes() + people.time.tobytes() + people.event.tobytes()
        ).hexdigest(),
    )


def _obstacle(held: Lifetimes) -> str:
    """Return why no likelihood can be climbed, if so."""
    if not held.event.any():
        return "no events"
    if held.spline is not None and np.isnan(held.spline.knots).any():
        return "events come at too few different times for the knots"
    return ""


def _fault(held: Lifetimes, found: LifetimeFit) -> str:
    """Return what is wrong with what was climbed to, if anything."""
    if not found.converged:
        where = "; no plateau tells a share who never do" if held.z.shape[1] else ""
        return f"the likelihood has no maximum inside{where}"
    if held.spline is not None and falls(held.parts(found.theta)[1], held.spline.knots):
        return "the fitted hazard is negative between events; ask for fewer knots"
    return ""
