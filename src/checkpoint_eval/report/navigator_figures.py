"""Figures of navigators: how those who deliver the treatment differ."""

import numpy as np
from matplotlib.axes import Axes

from checkpoint_eval._checks import check_noun
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.navigator_results import NavigatorEffects
from checkpoint_eval.report.figures import CONTROL, TREATMENTS, legible, own_axes, theme


@legible
def plot_navigators(found: NavigatorEffects, *, ax: Axes | None = None) -> Axes:
    """Draw each navigator's shrunken effect with its interval, in order (caterpillar plot).

    Parameters
    ----------
    found : NavigatorEffects
        Of `navigator_effects`. How many people each has stands at the right.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Notes
    -----
    Rings are the means as they are: with few people they are mostly chance, and are pulled to the
    average navigator. Where navigators are not seen to differ all are at 0, without intervals.

    Examples
    --------
    >>> import pandas as pd
    >>> from checkpoint_eval import Trial
    >>> from checkpoint_eval.models import navigator_effects
    >>> people = pd.DataFrame({
    ...     "arm": [0] * 4 + [1] * 6, "days": [15, 20, 40, 25, 10, 15, 20, 5, 30, 28],
    ...     "who": [None] * 4 + ["Ann"] * 2 + ["Bob"] * 2 + ["Cas"] * 2,
    ... })
    >>> trial = Trial.from_frame(
    ...     people, arm="arm", control=0, factors=["who"], numeric={"days": "days"}
    ... )
    >>> ax = plot_navigators(navigator_effects(trial, outcome="days", navigator="who"))
    >>> [each.get_text() for each in ax.get_yticklabels()]
    ['Ann', 'Bob', 'Cas']
    """
    check_noun(found, NavigatorEffects, "found", of="navigator_effects")
    if not found.estimable:
        reason = found.estimate.method.split("not estimable: ")[-1]
        raise TrialError(f"`found` has no fit to draw, as {reason}.")
    order = np.lexsort((found.raw, found.value))
    rows = np.arange(order.size)
    with theme():
        height = 1.6 + 0.26 * rows.size
        ax = own_axes(ax, (7.2, height), layout="constrained")
        ax.axvline(0, color=CONTROL, lw=0.8)
        ax.hlines(rows, found.low[order], found.high[order], color=TREATMENTS[0], lw=1.6)
        ax.plot(found.raw[order], rows, "o", mfc="none", color=CONTROL, ms=5, label="as seen")
        ax.plot(found.value[order], rows, "o", color=TREATMENTS[0], ms=5, label="shrunken")
        ax.set_yticks(rows, [found.navigators[place] for place in order])
        ax.set_ylim(-0.7, rows.size - 0.3)
        ax.set_xlabel(f"{found.estimate.outcome}: difference from the average navigator")
        people = ax.secondary_yaxis("right")
        people.set_yticks(rows, [f"{found.people[place]:,}" for place in order])
        people.tick_params(length=0)
        people.spines["right"].set_visible(False)
        ax.text(1.02, 1.0, "people", transform=ax.transAxes, va="bottom", size="small")
        interval = f"{100 * found.level:g}% interval {found.icc_low:.2g} to {found.icc_high:.2g}"
        ax.set_title(f"ICC {found.icc:.2g} ({interval})", loc="left", size=10)
        ax.legend(frameon=False, loc="lower right")
    return ax
