"""Figures of how harm is spread over people."""

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.inequality import Inequality
from checkpoint_eval.report.figures import GUIDE, arm_colours, own_axes, theme, wrapped


def plot_lorenz(inequality: Inequality, *, ax: Axes | None = None) -> Axes:
    """Draw what share of the harm the people with least of it have, in each arm.

    Parameters
    ----------
    inequality : Inequality
        From `harm_inequality`.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Notes
    -----
    The grey diagonal is where all have the same; the further below it, the fewer have the most.
    Where a curve leaves 0 is the share of people without any. An arm in which nobody has any has
    no curve, and its name says so.

    References
    ----------
    Lorenz (1905), Publications of the American Statistical Association 9, 209-219.
    """
    if not isinstance(inequality, Inequality):
        raise TrialError(f"`inequality` must be an `Inequality`, got {type(inequality).__name__}.")
    found = inequality.difference
    with theme():
        ax = own_axes(ax, (5.4, 5.2), layout="constrained")
        colours = arm_colours(inequality.arms)
        ax.plot([0, 1], [0, 1], color=GUIDE, lw=1)
        for code, arm in enumerate(inequality.arms):
            gini = inequality.gini[code]
            told = f"Gini {gini:.2f}" if gini == gini else "nobody has any"
            ax.plot(
                inequality.people[code],
                inequality.share[code],
                color=colours[arm],
                lw=1.8,
                label=wrapped(f"{arm} (n = {found.n[code]:,}): {told}", 50),
            )
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=0))
        ax.set_xlabel("People, those with least first")
        ax.set_ylabel(wrapped(f"Share of all {found.outcome}", 40))
        ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
    return ax
