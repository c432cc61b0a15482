"""Figures of competing and repeated events, and of fitted models."""

import numpy as np
from matplotlib.axes import Axes

from checkpoint_eval._checks import check_known, check_noun
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.incidence import Incidence
from checkpoint_eval.models.lifetimes import ParametricFit
from checkpoint_eval.models.mean_events import MeanCumulative
from checkpoint_eval.report.figures import arm_colours, legible, own_axes, risk_table, theme
from checkpoint_eval.results import Curve

LINES = ("-", "--", ":", "-.")


@legible
def plot_incidence(found: Incidence, *, cause: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the cumulative incidence of each arm, with the numbers at risk below.

    Parameters
    ----------
    found : Incidence
    cause : str, optional
        One cause, with its interval; all of them, without, when left out.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario, practice_trial
    >>> from checkpoint_eval.models import cumulative_incidence
    >>> trial = practice_trial(generate(Scenario(people=240), np.random.default_rng(1)))
    >>> ax = plot_incidence(cumulative_incidence(trial, outcome="reoffence"))
    >>> ax.get_ylabel()
    'Cumulative incidence'
    """
    check_noun(found, Incidence, "found", of="cumulative_incidence")
    causes = found.causes
    if cause is not None:
        causes = (check_known(cause, found.causes, what="cause"),)
    several = len(causes) > 1
    with theme():
        ax = own_axes(ax, (7.2, 4.8), layout="constrained")
        colours = arm_colours(found.arms)
        time = np.concatenate([[0.0], found.time])
        for style, name in zip(LINES * len(causes), causes, strict=False):
            row = found.causes.index(name)
            for code, arm in enumerate(found.arms):
                shown = np.concatenate([[True], found.at_risk[code] > 0])
                steps = np.concatenate([[0.0], found.incidence[row, code]])[shown]
                label = f"{name}, {arm}" if several else arm
                ax.step(
                    time[shown], steps, style, where="post", color=colours[arm], label=label, lw=1.8
                )
                if not several:
                    low, high = (
                        np.concatenate([[0.0], np.nan_to_num(each[row, code])])[shown]
                        for each in (found.low, found.high)
                    )
                    ax.fill_between(
                        time[shown], low, high, step="post", color=colours[arm], alpha=0.15, lw=0
                    )
        ax.set_xlim(0, 1.01 * float(found.time[-1]))
        ax.set_ylim(0, None)
        ax.set_xlabel(f"{found.unit.capitalize()} since randomisation")
        ax.set_ylabel("Cumulative incidence" if several else f"Cumulative incidence of {causes[0]}")
        beside = {"bbox_to_anchor": (1.0, 1.0)} if several else {}
        ax.legend(frameon=False, loc="upper left", **beside)
        risk_table(ax, found, colours)
    return ax


@legible
def plot_mean_events(found: MeanCumulative, *, ax: Axes | None = None) -> Axes:
    """Draw the mean number of events of each arm, with its interval and the numbers at risk.

    Parameters
    ----------
    found : MeanCumulative
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import Trial, generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> from checkpoint_eval.models import mean_cumulative_function
    >>> from checkpoint_eval.outcomes import reoffence_episodes
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> episodes = reoffence_episodes(cohort.records(), cohort.assignment)
    >>> trial = Trial(assignment=cohort.assignment, outcomes={"reoffences": episodes})
    >>> ax = plot_mean_events(mean_cumulative_function(trial, outcome="reoffences"))
    >>> ax.get_ylabel()
    'Mean number of reoffences a person'
    """
    check_noun(found, MeanCumulative, "found", of="mean_cumulative_function")
    if not found.time.size:
        raise TrialError("`found` has no events, so there is nothing to draw.")
    with theme():
        ax = own_axes(ax, (7.2, 4.8), layout="constrained")
        colours = arm_colours(found.arms)
        time = np.concatenate([[0.0], found.time])
        for code, arm in enumerate(found.arms):
            shown = np.concatenate([[True], found.at_risk[code] > 0])
            mean, low, high = (
                np.concatenate([[0.0], np.nan_to_num(each[code])])[shown]
                for each in (found.mean, found.low, found.high)
            )
            ax.step(time[shown], mean, where="post", color=colours[arm], label=arm, lw=1.8)
            ax.fill_between(
                time[shown], low, high, step="post", color=colours[arm], alpha=0.15, lw=0
            )
        ax.set_xlim(0, 1.01 * float(found.time[-1]))
        ax.set_ylim(0, None)
        ax.set_xlabel(f"{found.unit.capitalize()} since randomisation")
        ax.set_ylabel(f"Mean number of {found.outcome} a person")
        ax.legend(frameon=False, loc="upper left")
        risk_table(ax, found, colours)
    return ax


@legible
def plot_fit(fit: ParametricFit, *, curve: Curve | None = None, ax: Axes | None = None) -> Axes:
    """Draw a fitted model's survival by arm, over Kaplan–Meier's where it is given.

    Parameters
    ----------
    fit : ParametricFit
    curve : Curve, optional
        Of `survival_curve`, for the same outcome.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from checkpoint_eval import load_rossi, survival_curve
    >>> from checkpoint_eval.models import fit_parametric
    >>> trial = load_rossi()
    >>> curve = survival_curve(trial, outcome="rearrest")
    >>> ax = plot_fit(fit_parametric(trial, outcome="rearrest"), curve=curve)
    >>> ax.get_ylabel()
    'Share without rearrest'
    """
    check_noun(fit, ParametricFit, "fit", of="fit_parametric")
    if curve is not None:
        check_noun(curve, Curve, "curve", of="survival_curve")
    if fit.reason:
        raise TrialError(f"The fit is not estimable: {fit.reason}.")
    with theme():
        ax = own_axes(ax, (7.2, 4.4), layout="constrained")
        colours = arm_colours(fit.arms)
        for code, arm in enumerate(fit.arms):
            if curve is not None:
                ax.step(
                    np.concatenate([[0.0], curve.time]),
                    np.concatenate([[1.0], curve.survival[code]]),
                    where="post",
                    color=colours[arm],
                    alpha=0.45,
                    lw=1.2,
                )
            ax.plot(fit.time, fit.survival[code], color=colours[arm], lw=1.8, label=arm)
            if fit.share_terms:
                ax.axhline(float(fit.never[code]), color=colours[arm], ls=":", lw=1)
        ax.set_xlim(0, float(fit.time[-1]))
        ax.set_ylim(0, 1.01)
        ax.set_xlabel(f"{fit.unit.capitalize()} since randomisation")
        ax.set_ylabel(f"Share without {fit.outcome}")
        title = fit.method + (" (dotted: never)" if fit.share_terms else "")
        ax.set_title(title, loc="left", size=10)
        ax.legend(frameon=False, loc="upper right")
    return ax
