"""Figures of how harm is spread over people."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from checkpoint_eval._checks import check_noun
from checkpoint_eval.models.inequality import Inequality
from checkpoint_eval.report.figures import GUIDE, arm_colours, legible, own_axes, theme, wrapped
from checkpoint_eval.report.tables import without_curve


@legible
def plot_lorenz(
    inequality: Inequality, *, arms: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw what share of the harm the people with least of it have, in each arm.

    Parameters
    ----------
    inequality : Inequality
        From `harm_inequality`.
    arms : sequence of str, optional
        Every arm of the trial, control first: each has its colour in every figure. Default: the two
        compared.
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

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from checkpoint_eval import Trial
    >>> from checkpoint_eval.models import harm_inequality
    >>> people = pd.DataFrame({"arm": [0, 1] * 20, "harm": np.arange(40.0) ** 2})
    >>> trial = Trial.from_frame(people, arm="arm", control=0, numeric={"harm": "harm"})
    >>> ax = plot_lorenz(harm_inequality(trial, outcome="harm"))
    >>> ax.get_xlabel()
    'People, those with least first'
    """
    check_noun(inequality, Inequality, "inequality", of="harm_inequality")
    found = inequality.difference
    with theme():
        ax = own_axes(ax, (5.4, 5.2), layout="constrained")
        colours = arm_colours(inequality.arms, every=arms)
        ax.plot([0, 1], [0, 1], color=GUIDE, lw=1)
        for code, arm in enumerate(inequality.arms):
            gini = inequality.gini[code]
            told = f"Gini {gini:.2f}" if gini == gini else without_curve(found)
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
