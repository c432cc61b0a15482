"""One likelihood for parametric and cure models: a share who ever have the event, and when."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_ndtr

from checkpoint_eval._arrays import BoolArray, FloatArray, floats

Distribution = Literal["exponential", "weibull", "log-normal", "log-logistic"]
DISTRIBUTIONS: tuple[str, ...] = ("exponential", "weibull", "log-normal", "log-logistic")
LARGEST_STEPS = 100
VANISHED = 1e-9  # least eigenvalue of the information, each parameter scaled
LEAST = 1e-2  # root of information: beyond, a standard error is 100 in standard columns
ROOT_TAU = float(np.log(2 * np.pi) / 2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """Log density, log survival and their slopes of (log t − μ)/σ; each (n,)."""

    log_density: FloatArray
    density_slope: FloatArray
    log_survival: FloatArray
    survival_slope: FloatArray


def shape_of(distribution: str, w: FloatArray) -> Shape:
    """Return a distribution's standard form at w."""
    if distribution in ("exponential", "weibull"):
        hazard = np.exp(np.minimum(w, 700.0))
        return Shape(
            log_density=w - hazard,
            density_slope=1 - hazard,
            log_survival=-hazard,
            survival_slope=-hazard,
        )
    if distribution == "log-normal":
        log_survival = floats(log_ndtr(-w))
        log_density = floats(-(w**2) / 2 - ROOT_TAU)
        return Shape(
            log_density=log_density,
            density_slope=-w,
            log_survival=log_survival,
            survival_slope=-np.exp(log_density - log_survival),
        )
    share = floats(expit(w))
    log_survival = floats(-np.logaddexp(0, w))
    return Shape(
        log_density=w + 2 * log_survival,
        density_slope=1 - 2 * share,
        log_survival=log_survival,
        survival_slope=-share,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lifetimes:
    """n people: what may move the time, and what the share who ever have the event.

    Attributes
    ----------
    x : (n, p) float
        With a column of ones.
    time : (n,) float
        Above 0.
    event : (n,) bool
    z : (n, q) float
        With a column of ones; no columns where everybody has the event in the end.
    distribution : str
    """

    x: FloatArray
    time: FloatArray
    event: BoolArray
    z: FloatArray
    distribution: str

    @property
    def scaled(self) -> bool:
        """Whether σ is estimated."""
        return self.distribution != "exponential"

    @property
    def size(self) -> int:
        """How many parameters: of time, log σ, and of the share."""
        return int(self.x.shape[1] + self.scaled + self.z.shape[1])

    def parts(self, theta: FloatArray) -> tuple[FloatArray, float, FloatArray]:
        """Return coefficients of time, σ, and coefficients of the share."""
        p = self.x.shape[1]
        sigma = float(np.exp(theta[p])) if self.scaled else 1.0
        return theta[:p], sigma, theta[p + self.scaled :]

    def loglik(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return the log likelihood on the scale of time, and its slope."""
        beta, sigma, gamma = self.parts(theta)
        log_time = np.log(self.time)
        w = (log_time - self.x @ beta) / sigma
        form = shape_of(self.distribution, w)
        event = self.event
        by_w = np.where(event, form.density_slope, form.survival_slope)
        value = np.where(event, form.log_density - np.log(sigma) - log_time, form.log_survival)
        by_share = np.zeros((0, w.size))
        if gamma.size:
            eta = self.z @ gamma
            ever = expit(eta)
            log_ever, log_never = -np.logaddexp(0, -eta), -np.logaddexp(0, eta)
            free = np.logaddexp(log_never, log_ever + form.log_survival)
            waiting = np.exp(log_ever + form.log_survival - free)  # yet to come, of those free
            value = np.where(event, value + log_ever, free)
            by_w = np.where(event, by_w, waiting * form.survival_slope)
            by_share = np.where(event, 1 - ever, waiting - ever)[None]
        slope = [self.x.T @ (-by_w / sigma)]
        if self.scaled:
            slope.append(np.array([-(by_w * w).sum() - event.sum()]))
        if gamma.size:
            slope.append(self.z.T @ by_share[0])
        return float(value.sum()), floats(np.concatenate(slope))

    def information(self, theta: FloatArray) -> FloatArray:
        """Return minus the second derivatives, from central differences of the slope."""
        k = theta.size
        found = np.empty((k, k))
        for i in range(k):
            step = 1e-5 * max(1.0, abs(float(theta[i])))
            ahead, back = theta.copy(), theta.copy()
            ahead[i] += step
            back[i] -= step
            found[i] = -(self.loglik(ahead)[1] - self.loglik(back)[1]) / (2 * step)
        return floats((found + found.T) / 2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LifetimeFit:
    """Where the likelihood is greatest.

    Attributes
    ----------
    theta : (k,) float
    covariance : (k, k) float
        Inverse of the observed information.
    loglik : float
    converged : bool
    """

    theta: FloatArray
    covariance: FloatArray
    loglik: float
    converged: bool


def fit_lifetimes(people: Lifetimes) -> LifetimeFit:
    """Maximise the likelihood: quasi-Newton, then Newton to rounding, in columns of one size.

    References
    ----------
    Kalbfleisch and Prentice (2002), chapter 3; mixture: Schmidt and Witte (1989), Maller and Zhou
    (1996). Checked against R survreg and four programs' cure models of recid.
    """
    x, of_x = _standard(people.x)
    z, of_z = _standard(people.z)
    held = replace(people, x=x, z=z, time=people.time / (unit := float(np.median(people.time))))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        theta, value, converged = _climbed(held)
        information = held.information(theta)
        scale = np.sqrt(np.abs(np.diag(information)))
        usable = bool(np.isfinite(information).all() and (scale > 0).all())
        if usable:
            least = np.linalg.eigvalsh(information / np.outer(scale, scale))[0]
            # a share that runs to nobody or everybody leaves hardly any information
            usable = bool(least > VANISHED and (scale > LEAST).all())
    whole = _turned(people, of_x, of_z)
    inverse = np.linalg.inv(information) if usable else np.full((theta.size, theta.size), np.nan)
    told = whole @ theta
    told[0] += np.log(unit)
    return LifetimeFit(
        theta=floats(told),
        covariance=floats(whole @ inverse @ whole.T),
        loglik=value - float(people.event.sum()) * float(np.log(unit)),
        converged=converged and usable,
    )


def _standard(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return columns of mean 0 and SD 1 beside the first, and what turns coefficients back."""
    turn = np.eye(x.shape[1])
    if x.shape[1] < 2:
        return x, turn
    mean, spread = x[:, 1:].mean(axis=0), x[:, 1:].std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    turn[0, 1:] = -mean / spread
    turn[np.arange(1, x.shape[1]), np.arange(1, x.shape[1])] = 1 / spread
    return floats(np.hstack([x[:, :1], (x[:, 1:] - mean) / spread])), turn


def _turned(people: Lifetimes, of_x: FloatArray, of_z: FloatArray) -> FloatArray:
    """Return the matrix that takes all parameters back to the columns as given."""
    whole = np.eye(people.size)
    p, q = people.x.shape[1], people.z.shape[1]
    whole[:p, :p] = of_x
    whole[people.size - q :, people.size - q :] = of_z
    return whole


def _climbed(people: Lifetimes) -> tuple[FloatArray, float, bool]:
    """Return where the likelihood is greatest, its value, and whether a maximum was found."""
    starts = [_start(people)]
    if people.z.shape[1]:
        plain = _top(replace(people, z=people.z[:, :0]), _start(replace(people, z=people.z[:, :0])))
        nearly = np.zeros(people.z.shape[1])
        nearly[0] = 2.0
        starts.append(np.concatenate([plain, nearly]))
    tops = [_top(people, start) for start in starts]
    theta = max(tops, key=lambda top: _finite(people.loglik(top)[0]))
    value, slope = people.loglik(theta)
    for _ in range(LARGEST_STEPS):
        information = people.information(theta)
        if not (np.isfinite(information).all() and np.isfinite(slope).all()):
            return theta, value, False
        step = np.linalg.pinv(information, hermitian=True) @ slope
        gain, size = float(step @ slope), 1.0
        if abs(gain) <= 1e-12:
            return theta, value, True
        new = people.loglik(theta + step)
        while not _finite(new[0]) >= value - 1e-12 * abs(value) and size > 1e-4:
            size /= 2
            new = people.loglik(theta + size * step)
        if not _finite(new[0]) >= value - 1e-12 * abs(value):
            return theta, value, False
        theta, (value, slope) = theta + size * step, new
    return theta, value, False


def _finite(value: float) -> float:
    return value if np.isfinite(value) else -np.inf


def _top(people: Lifetimes, start: FloatArray) -> FloatArray:
    """Return where a quasi-Newton search ends."""

    def negative(at: FloatArray) -> tuple[float, FloatArray]:
        value, slope = people.loglik(at)
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            return 1e300, np.zeros_like(at)
        return -value, -slope

    return floats(minimize(negative, start, jac=True, method="BFGS", options={"gtol": 1e-6}).x)


def _start(people: Lifetimes) -> FloatArray:
    """Return where to begin: the rate of events, σ of 1, and twice the share seen."""
    theta = np.zeros(people.size)
    p = people.x.shape[1]
    events = max(int(people.event.sum()), 1)
    seen = people.event.mean()
    total = float(people.time.sum())
    if people.z.shape[1]:
        share = min(0.95, max(0.05, 1.1 * float(seen)))
        theta[p + people.scaled] = np.log(share / (1 - share))
        total = float(people.time[people.event].sum()) * 1.5 if people.event.any() else total
    theta[0] = np.log(total / events)
    return theta


def survival_of(people: Lifetimes, theta: FloatArray, times: FloatArray) -> FloatArray:
    """Return (m,) survival at some times, averaged over the people."""
    beta, sigma, gamma = people.parts(theta)
    center = people.x @ beta
    ever = expit(people.z @ gamma) if gamma.size else np.ones(center.size)
    with np.errstate(divide="ignore"):
        w = (np.log(times)[:, None] - center) / sigma
    free = np.exp(shape_of(people.distribution, w).log_survival)
    return floats((1 - ever + ever * free).mean(axis=1))
