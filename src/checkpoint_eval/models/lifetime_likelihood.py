"""One likelihood for parametric and cure models: a share who ever have the event, and when."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_ndtr

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats
from checkpoint_eval.models.log_time_splines import Spline, knots_of, spline_at

Distribution = Literal["exponential", "weibull", "log-normal", "log-logistic", "royston-parmar"]
DISTRIBUTIONS: tuple[str, ...] = get_args(Distribution)
ROYSTON_PARMAR = "royston-parmar"
LARGEST_STEPS = 100
VANISHED = 1e-9  # least eigenvalue of the information, each parameter scaled
LEAST = 1e-2  # root of information: beyond, a standard error is 100 in standard columns
ROOT_TAU = float(np.log(2 * np.pi) / 2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """Log density, log survival and their slopes, of a standard form; each (n,)."""

    log_density: FloatArray
    density_slope: FloatArray
    log_survival: FloatArray
    survival_slope: FloatArray


def shape_of(distribution: str, w: FloatArray) -> Shape:
    """Return a distribution's standard form at w."""
    if distribution in ("exponential", "weibull", ROYSTON_PARMAR):
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
class Placed:
    """Where people's times fall on the standard form, and how the parameters of time move that.

    Attributes
    ----------
    w : (n,) float
        (log t − xβ)/σ, or the log cumulative hazard xβ + s(log t).
    log_speed : (n,) float
        Log of its derivative by log time.
    w_slopes, speed_slopes : (n, k) float
        Of `w` and `log_speed`, by each parameter.
    """

    w: FloatArray
    log_speed: FloatArray
    w_slopes: FloatArray
    speed_slopes: FloatArray


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
    spline : Spline, optional
        Of "royston-parmar", at these times; nothing else has one.
    """

    x: FloatArray
    time: FloatArray
    event: BoolArray
    z: FloatArray
    distribution: str
    spline: Spline | None = None

    @property
    def shapes(self) -> int:
        """How many parameters of shape: log σ, or the spline's coefficients."""
        if self.spline is not None:
            return int(self.spline.columns.shape[1])
        return int(self.distribution != "exponential")

    @property
    def size(self) -> int:
        """How many parameters: of time, of shape, and of the share."""
        return int(self.x.shape[1] + self.shapes + self.z.shape[1])

    def parts(self, theta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return coefficients of time, parameters of shape, and coefficients of the share."""
        p = self.x.shape[1]
        return theta[:p], theta[p : p + self.shapes], theta[p + self.shapes :]

    def placed(self, theta: FloatArray) -> Placed:
        """Return everybody's place on the standard form."""
        beta, shape, _ = self.parts(theta)
        n = self.time.size
        if self.spline is not None:
            speed = self.spline.slopes @ shape
            return Placed(
                w=floats(self.x @ beta + self.spline.columns @ shape),
                log_speed=np.log(speed),
                w_slopes=floats(np.hstack([self.x, self.spline.columns])),
                speed_slopes=floats(
                    np.hstack([np.zeros_like(self.x), self.spline.slopes / speed[:, None]])
                ),
            )
        log_sigma = float(shape.sum())  # 0 for the exponential, which has none
        w = floats((np.log(self.time) - self.x @ beta) / np.exp(log_sigma))
        scale = np.ones((n, self.shapes))
        return Placed(
            w=w,
            log_speed=np.full(n, -log_sigma),
            w_slopes=floats(np.hstack([-self.x / np.exp(log_sigma), -w[:, None] * scale])),
            speed_slopes=floats(np.hstack([np.zeros_like(self.x), -scale])),
        )

    def loglik(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return the log likelihood on the scale of time, and its slope."""
        gamma = self.parts(theta)[2]
        placed = self.placed(theta)
        form = shape_of(self.distribution, placed.w)
        event = self.event
        by_w = np.where(event, form.density_slope, form.survival_slope)
        log_density = form.log_density + placed.log_speed - np.log(self.time)
        value = np.where(event, log_density, form.log_survival)
        by_share = np.zeros(event.size)
        if gamma.size:
            eta = self.z @ gamma
            ever = expit(eta)
            log_ever, log_never = -np.logaddexp(0, -eta), -np.logaddexp(0, eta)
            free = np.logaddexp(log_never, log_ever + form.log_survival)
            waiting = np.exp(log_ever + form.log_survival - free)  # yet to come, of those free
            value = np.where(event, value + log_ever, free)
            by_w = np.where(event, by_w, waiting * form.survival_slope)
            by_share = np.where(event, 1 - ever, waiting - ever)
        by_time = placed.w_slopes.T @ by_w + placed.speed_slopes[event].sum(axis=0)
        return float(value.sum()), floats(np.concatenate([by_time, self.z.T @ by_share]))

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


def with_spline(people: Lifetimes, internal: int) -> Lifetimes:
    """Return the people, for "royston-parmar" with a spline's columns at their times."""
    if people.distribution != ROYSTON_PARMAR:
        return people
    knots = knots_of(people.time, people.event, internal)
    return replace(people, spline=spline_at(np.log(people.time), knots))


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
    (1996); spline: Royston and Parmar (2002). Checked against R survreg, four programs' cure models
    of recid, and a spline likelihood written in R.
    """
    x, of_x = _standard(people.x)
    z, of_z = _standard(people.z)
    spline, of_spline = _orthonormal(people.spline)
    unit = float(np.median(people.time))
    held = replace(people, x=x, z=z, spline=spline, time=people.time / unit)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        theta, value, converged = _climbed(held)
        information = held.information(theta)
        scale = np.sqrt(np.abs(np.diag(information)))
        usable = bool(np.isfinite(information).all() and (scale > 0).all())
        if usable:
            least = np.linalg.eigvalsh(information / np.outer(scale, scale))[0]
            # a share that runs to nobody or everybody leaves hardly any information
            usable = bool(least > VANISHED and (scale > LEAST).all())
    whole = _turned(people, of_x, of_spline, of_z)
    inverse = np.linalg.inv(information) if usable else np.full((theta.size, theta.size), np.nan)
    if usable and z.shape[1]:
        # the share of one arm may run there alone
        of_odds = inverse[-z.shape[1] :, -z.shape[1] :]
        usable = bool(np.einsum("ij,jk,ik->i", z, of_odds, z).max() < LEAST**-2)
    told = whole @ theta
    if spline is None:
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


def _orthonormal(spline: Spline | None) -> tuple[Spline | None, FloatArray]:
    """Return columns of mean 0 and SD 1, each free of the others, and what turns back.

    The columns as written are nearly a straight line of one another.
    """
    if spline is None:
        return None, np.eye(1)
    n = len(spline.columns)
    whole = np.hstack([np.ones((n, 1)), spline.columns])
    turn = floats(np.linalg.inv(np.linalg.qr(whole, mode="r")) * np.sqrt(n))
    columns, slopes = whole @ turn[:, 1:], spline.slopes @ turn[1:, 1:]
    return replace(spline, columns=floats(columns), slopes=floats(slopes)), turn


def _turned(
    people: Lifetimes, of_x: FloatArray, of_spline: FloatArray, of_z: FloatArray
) -> FloatArray:
    """Return the matrix that takes all parameters back to the columns as given."""
    whole = np.eye(people.size)
    p, q = people.x.shape[1], people.z.shape[1]
    whole[:p, :p] = of_x
    if people.spline is not None:
        whole[0, p : people.size - q] = of_spline[0, 1:]
        whole[p : people.size - q, p : people.size - q] = of_spline[1:, 1:]
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
        theta[p + people.shapes] = np.log(share / (1 - share))
        total = float(people.time[people.event].sum()) * 1.5 if people.event.any() else total
    theta[0] = np.log(total / events)
    if people.spline is not None:
        # log time itself, of which the columns and a constant are a basis
        whole = np.hstack([np.ones((people.time.size, 1)), people.spline.columns])
        line = np.linalg.lstsq(whole, np.log(people.time), rcond=None)[0]
        theta[0] = line[0] - theta[0]
        theta[p : p + people.shapes] = line[1:]
    return theta


def survival_of(people: Lifetimes, theta: FloatArray, times: FloatArray) -> FloatArray:
    """Return (m,) survival at some times, averaged over the people."""
    beta, shape, gamma = people.parts(theta)
    center = people.x @ beta
    ever = expit(people.z @ gamma) if gamma.size else np.ones(center.size)
    with np.errstate(divide="ignore"):
        log_time = np.log(times)
    if people.spline is None:
        w = (log_time[:, None] - center) / np.exp(shape.sum())
    else:
        w = (spline_at(log_time, people.spline.knots).columns @ shape)[:, None] + center
    free = np.exp(shape_of(people.distribution, floats(w)).log_survival)
    return floats((1 - ever + ever * free).mean(axis=1))


def by_arm(
    people: Lifetimes, theta: FloatArray, arm: IntArray, times: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return (k,) mean shares who never have the event, and (k, m) fitted survival."""
    gamma = people.parts(theta)[2]
    never, survival = [], []
    for code in range(int(arm.max()) + 1):
        own = replace(people, x=people.x[arm == code], z=people.z[arm == code])
        survival.append(survival_of(own, theta, times))
        never.append(float(expit(-(own.z @ gamma)).mean()) if gamma.size else 0.0)
    return floats(never), floats(survival)
