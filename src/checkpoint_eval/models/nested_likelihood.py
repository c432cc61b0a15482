"""REML of a model whose variances are sums: a few cross-products for each group of like rows."""

from dataclasses import dataclass

import numpy as np

from checkpoint_eval._arrays import FloatArray, IntArray, floats

# Newton's steps stop when the next step would raise the likelihood by less than this.
SETTLED = 1e-18
MOST = 200
# Shares of the total variance that is between navigators from which the search may start.
STARTS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.9)
# Values have a standard deviation of 1: less than this about a fit is rounding.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layers:
    """Rows of like variance, summed up: people without navigators, those within, each navigator.

    About the mean of their navigator people vary by their own variance alone; the mean of m
    people, times √m, varies by that and m times the variance between navigators. All are
    independent, so that nothing else of the people is needed.

    Attributes
    ----------
    count : (l,) float
        Independent rows of each layer.
    cross : (l, p + 1, p + 1) float
        Their cross-products, p columns of the design and then the values.
    share : (3, l) float
        How often each variance (of people without, of people with, of navigators) is in a row's.
    mean : (l - 2, p + 1) float
        √m times the means of each navigator.
    """

    count: FloatArray
    cross: FloatArray
    share: FloatArray
    mean: FloatArray

    @property
    def caseload(self) -> FloatArray:
        """People of each navigator."""
        return self.share[2, 2:]


def layers_of(design: FloatArray, value: FloatArray, group: IntArray) -> Layers:
    """Sum up people by the navigator (n,) whom they share; -1 for those without."""
    rows = np.column_stack([design, value])
    control, treated, own = rows[group < 0], rows[group >= 0], group[group >= 0]
    size = np.bincount(own)
    total = floats(np.stack([np.bincount(own, weights=each) for each in treated.T], axis=1))
    within = treated - (total / size[:, None])[own]
    # What is the same for all people of each navigator would by rounding look like a covariate.
    within[np.abs(within) < ROUNDING] = 0.0
    mean = total / np.sqrt(size)[:, None]
    j = size.size
    return Layers(
        count=np.concatenate([[len(control), own.size - j], np.ones(j)]),
        cross=np.concatenate(
            [
                (control.T @ control)[None],
                (within.T @ within)[None],
                mean[:, :, None] * mean[:, None, :],
            ]
        ),
        share=np.stack(
            [
                np.eye(j + 2)[0],
                np.concatenate([[0, 1], np.ones(j)]),
                np.concatenate([[0, 0], size]),
            ]
        ),
        mean=mean,
    )


def left_by(cross: FloatArray) -> tuple[float, int]:
    """Return the sum of squares that a fit of its own leaves of one layer, and its rank."""
    design, along = cross[:-1, :-1], cross[:-1, -1]
    solved = np.linalg.lstsq(design, along, rcond=1e-10)
    return max(float(cross[-1, -1] - along @ solved[0]), 0.0), int(solved[2])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """A fit by REML.

    Attributes
    ----------
    coef, variance : (p,), (p, p) float
    spread : (3,) float
        Variances: of people without a navigator, of people with, between navigators.
    likelihood : float
        Its logarithm, but for a constant.
    slope, information : (3,), (3, 3) float
        Of the logarithm, to the variances; expected information.
    curvature : (3, 3) float
        Observed information.
    gradient : (3, p, p) float
        Of `variance`, to the variances.
    """

    coef: FloatArray
    variance: FloatArray
    spread: FloatArray
    likelihood: float
    slope: FloatArray
    information: FloatArray
    curvature: FloatArray
    gradient: FloatArray

    def df(self, place: int) -> float:
        """Return Satterthwaite's degrees of freedom of a coefficient."""
        along = self.gradient[:, place, place]
        error = along @ np.linalg.solve(self.information, along)
        return float(2 * self.variance[place, place] ** 2 / error)


def fit_at(layers: Layers, spread: FloatArray) -> Fit:
    """Return the fit at given variances."""
    count, cross, share = layers.count, layers.cross, layers.share
    v = spread @ share
    total = np.tensordot(1 / v, cross, 1)
    variance = floats(np.linalg.inv(total[:-1, :-1]))
    coef = variance @ total[:-1, -1]
    left = np.append(-coef, 1.0)  # from rows to residuals
    first = np.tensordot(share / v**2, cross, 1)
    second = np.tensordot(share[:, None] * share / v**3, cross, 1)
    pulled = variance @ first[:, :-1, :-1]
    trace = share @ (count / v) - np.trace(pulled, axis1=1, axis2=2)
    information = (share * count / v**2) @ share.T - 2 * np.trace(
        variance @ second[..., :-1, :-1], axis1=2, axis2=3
    )
    information += np.einsum("aij,bji->ab", pulled, pulled)
    along = (first @ left)[:, :-1]
    observed = 2 * (left @ (second @ left).swapaxes(-1, -2) - along @ variance @ along.T)
    logs = count @ np.log(v) - np.linalg.slogdet(variance)[1]
    return Fit(
        coef=coef,
        variance=variance,
        spread=spread,
        likelihood=float(-(logs + left @ total @ left) / 2),
        slope=floats((left @ first @ left - trace) / 2),
        information=floats(information / 2),
        curvature=floats((observed - information) / 2),
        gradient=floats(pulled @ variance),
    )


def reml(layers: Layers) -> Fit | None:
    """Return the fit of restricted maximum likelihood by Newton's steps; None if they wander.

    The variance between navigators may be 0. Both arms vary about fits of their own, the treated
    within navigators: otherwise the likelihood has no maximum.
    """
    (control, p0), (within, p1) = left_by(layers.cross[0]), left_by(layers.cross[1])
    alone = np.array([control / (layers.count[0] - p0), within / (layers.count[1] - p1)])
    starts = [np.append(alone, alone[1] * icc / (1 - icc)) for icc in STARTS]
    fit = max((fit_at(layers, start) for start in starts), key=lambda each: each.likelihood)
    for _ in range(MOST):
        # At 0 and with a likelihood that falls from there, navigators do not vary.
        free = (fit.spread > 0) | (fit.slope > 0)
        step = np.zeros(3)
        own = np.ix_(free, free)
        concave = np.linalg.eigvalsh(fit.curvature[own])[0] > 0
        known = fit.curvature if concave else fit.information
        step[free] = np.linalg.solve(known[own], fit.slope[free])
        if fit.slope @ step < SETTLED:
            return fit
        fit = _stepped(layers, fit, step)
    return None


def _stepped(layers: Layers, fit: Fit, step: FloatArray) -> Fit:
    """Go along a step as far as the likelihood rises; residual variances stay above 0."""
    for _ in range(60):
        spread = fit.spread + step
        spread[2] = max(spread[2], 0.0)
        if (spread[:2] > fit.spread[:2] / 10).all():
            found = fit_at(layers, spread)
            if found.likelihood >= fit.likelihood - ROUNDING * abs(fit.likelihood):
                return found
        step = step / 2
    return fit


def quadratic_of_navigators(layers: Layers, ratio: float) -> tuple[float, int, int]:
    """Return how F the means of navigators vary, were their variance `ratio` times the treated's.

    Harville and Fenech (1985): of the treated alone, the squares that a fit weighted by that ratio
    leaves beyond those within navigators, over those within, each by its degrees of freedom. At
    the true ratio it has an F distribution; it falls as the ratio rises. Of navigators of one size
    without covariates it is the analysis of variance's.
    """
    inside, within_rank = left_by(layers.cross[1])
    weight = 1 / (1 + ratio * layers.caseload)
    rows = layers.cross[1] + np.tensordot(weight, layers.cross[2:], 1)
    everything, rank = left_by(rows)
    between_df = layers.caseload.size - (rank - within_rank)
    within_df = int(layers.count[1]) - within_rank
    if between_df < 1:
        return np.nan, between_df, within_df
    value = (everything - inside) / between_df / (inside / within_df)
    return max(float(value), 0.0), between_df, within_df
