"""Figures that ask whether hazards are proportional, and how a contrast depends on the horizon."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, NullLocator
from patsy import dmatrix
from scipy.special import ndtri

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import check_known, check_level, check_noun
from checkpoint_eval.models.cox import CoxFit
from checkpoint_eval.models.residuals import cox_residuals
from checkpoint_eval.report.figures import GUIDE, TREATMENTS, arm_colours, legible, own_axes, theme
from checkpoint_eval.results import ContrastCurve, Curve

# Degrees of freedom of the smooth through residuals, R's for the same figure.
SMOOTH = 4


def _plain_log(axis: Axis) -> None:
    """Label a log axis at 1, 2 and 5 of each power of ten, in plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: f"{value:g}")


@legible
def plot_log_log(curve: Curve, *, ax: Axes | None = None) -> Axes:
    """Draw log(−log S) of each arm against time on a log scale: parallel when hazards are.

    Parameters
    ----------
    curve : Curve
        From `survival_curve`.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Notes
    -----
    Vertical distance is the log hazard ratio under proportional hazards; straight lines mean
    Weibull lifetimes. Each arm is drawn between its first event and its last follow-up.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi, survival_curve
    >>> ax = plot_log_log(survival_curve(load_rossi(), outcome="rearrest"))
    >>> ax.get_xlabel()
    'Weeks since randomisation, log scale'
    """
    check_noun(curve, Curve, "curve", of="survival_curve")
    with theme():
        ax = own_axes(ax, (7.2, 4.4), layout="constrained")
        colours = arm_colours(curve.arms)
        for code, arm in enumerate(curve.arms):
            survival = curve.survival[code]
            shown = (survival > 0) & (survival < 1) & (curve.at_risk[code] > 0) & (curve.time > 0)
            ax.step(
                curve.time[shown],
                np.log(-np.log(survival[shown])),
                where="post",
                color=colours[arm],
                lw=1.8,
                label=arm,
            )
        ax.set_xscale("log")
        _plain_log(ax.xaxis)
        ax.set_xlabel(f"{curve.unit.capitalize()} since randomisation, log scale")
        ax.set_ylabel(f"log(−log share without {curve.outcome})")
        ax.legend(frameon=False, loc="upper left")
    return ax


@legible
def plot_schoenfeld(
    fit: CoxFit, *, term: str | None = None, level: float = 0.95, ax: Axes | None = None
) -> Axes:
    """Draw how a coefficient changes with time: scaled Schoenfeld residuals and their smooth.

    Parameters
    ----------
    fit : CoxFit
        From `fit_cox`.
    term : str, optional
        As `fit.terms` names it; the first arm's when left out.
    level : float
        Of the band around the smooth.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Notes
    -----
    The smooth is a natural spline on 4 degrees of freedom; its band takes the residuals for
    independent with the variance of the coefficient times the number of events. Flat means
    proportional. The dashed line is the coefficient of the fit; the test of the same question is
    `proportional_hazards_test`.

    References
    ----------
    Grambsch and Therneau (1994), Biometrika 81, 515-526.

    Examples
    --------
    >>> from checkpoint_eval import fit_cox, load_rossi
    >>> ax = plot_schoenfeld(fit_cox(load_rossi(), outcome="rearrest"))
    >>> ax.get_ylabel()
    'Log hazard ratio of financial aid'
    """
    check_noun(fit, CoxFit, "fit", of="fit_cox")
    check_level(level)
    name = fit.terms[0] if term is None else check_known(term, fit.terms, what="term")
    place = fit.terms.index(name)
    left = cox_residuals(fit, kind="scaled schoenfeld")
    time, residual = left["time"].to_numpy(), left[name].to_numpy()
    with theme():
        ax = own_axes(ax, (7.2, 4.4), layout="constrained")
        ax.plot(time, residual, "o", color=GUIDE, ms=3.5, alpha=0.6)
        if np.unique(time).size > SMOOTH:
            grid = np.linspace(time.min(), time.max(), 200)
            middle, error = _smooth(time, residual, grid)
            spread = np.sqrt(fit.model_covariance[place, place] * time.size)
            half = ndtri(0.5 + level / 2) * error * spread
            ax.plot(grid, middle, color=TREATMENTS[0], lw=1.8, label="change with time")
            ax.fill_between(
                grid, middle - half, middle + half, color=TREATMENTS[0], alpha=0.15, lw=0
            )
        ax.axhline(fit.coef[place], color=TREATMENTS[1], ls="--", lw=1.4, label="Cox model")
        ax.axhline(0, color=GUIDE, lw=1)
        unit = fit.model.people.unit
        ax.set_xlabel(f"{unit.capitalize()} since randomisation")
        ax.set_ylabel(f"Log hazard ratio of {name}")
        ax.legend(frameon=False, loc="best")
    return ax


def _smooth(time: FloatArray, value: FloatArray, grid: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the spline through (n,) values on a grid, and its error when each value's is 1."""
    held = np.asarray(dmatrix(f"cr(x, df={SMOOTH})", {"x": time}))
    design = dmatrix(f"cr(x, df={SMOOTH})", {"x": time}).design_info
    shown = np.asarray(dmatrix(design, {"x": grid}))
    inverse = np.linalg.pinv(held.T @ held, hermitian=True)
    error = np.sqrt(np.einsum("ij,jk,ik->i", shown, inverse, shown))
    return floats(shown @ (inverse @ (held.T @ value))), floats(error)


@legible
def plot_contrast(
    curve: ContrastCurve, *, arms: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw one arm against control at every horizon, with its pointwise interval.

    Parameters
    ----------
    curve : ContrastCurve
        From `restricted_mean_curve`.
    arms : sequence of str, optional
        Every arm of the trial, control first: each has its colour in every figure. Default: the two
        compared.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> from checkpoint_eval.models import restricted_mean_curve
    >>> ax = plot_contrast(restricted_mean_curve(load_rossi(), outcome="rearrest"))
    >>> ax.get_ylabel()
    'Restricted mean difference, weeks'
    """
    check_noun(curve, ContrastCurve, "curve", of="restricted_mean_curve")
    ratio = curve.scale == "ratio"
    with theme():
        ax = own_axes(ax, (7.2, 4.4), layout="constrained")
        colour = arm_colours(curve.contrast[::-1], every=arms)[curve.contrast[0]]
        ax.axhline(1.0 if ratio else 0.0, color=GUIDE, lw=1)
        ax.plot(curve.time, curve.value, color=colour, lw=1.8)
        ax.fill_between(curve.time, curve.low, curve.high, color=colour, alpha=0.15, lw=0)
        if ratio:
            ax.set_yscale("log")
            _plain_log(ax.yaxis)
        ax.set_xlim(0, 1.01 * float(curve.time[-1]))
        ax.set_xlabel(f"Horizon, {curve.unit} since randomisation")
        unit = "" if ratio else f", {curve.unit}"
        ax.set_ylabel(f"{curve.estimand.capitalize()}{unit}")
        treatment, control = curve.contrast
        ax.set_title(f"{curve.outcome}: {treatment} against {control}", loc="left", size=10)
    return ax
