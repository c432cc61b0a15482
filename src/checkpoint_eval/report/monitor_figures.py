"""Figures of looks at a trial under way: its results against the bounds."""

import numpy as np
from matplotlib.axes import Axes

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval._checks import check_noun
from checkpoint_eval.power.bounds_table import StoppingBounds
from checkpoint_eval.power.looks_taken import Look
from checkpoint_eval.report.figures import CONTROL, TREATMENTS, legible, own_axes, theme


@legible
def plot_monitoring(shown: Look | StoppingBounds, *, ax: Axes | None = None) -> Axes:
    """Draw the bounds of a design over information, and the results of the looks taken.

    Parameters
    ----------
    shown : Look or StoppingBounds
        Of `monitor`; of a design alone the bounds are drawn.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Notes
    -----
    A look that spends nothing has no bound and no mark. Positive z favour treatment.

    Examples
    --------
    >>> from checkpoint_eval.power import GroupSequential, stopping_bounds
    >>> ax = plot_monitoring(stopping_bounds(GroupSequential(looks=3)))
    >>> ax.get_ylabel()
    'z, above 0 in favour of treatment'
    """
    bounds = shown.bounds if isinstance(shown, Look) else shown
    check_noun(bounds, StoppingBounds, "shown", of="stopping_bounds")
    with theme():
        ax = own_axes(ax, (6.4, 4.2), layout="constrained")
        ax.axhline(0, color=CONTROL, lw=0.8)
        _edge(ax, bounds, bounds.critical, "stop for efficacy", TREATMENTS[0])
        if bounds.design.sided == 2:
            _edge(ax, bounds, -bounds.critical, "stop for harm", TREATMENTS[1])
        if bounds.design.futility is not None:
            _edge(ax, bounds, bounds.futility, "stop for futility", TREATMENTS[2])
            if bounds.design.sided == 2:
                _edge(ax, bounds, -bounds.futility, "", TREATMENTS[2])
        if isinstance(shown, Look):
            ax.plot(bounds.shares[: shown.z.size], shown.z, "-o", color="black", label="result")
            ax.set_title(
                f"{shown.outcome}, look {shown.number}: {shown.decision}", loc="left", size=10
            )
        ax.set_xlabel("share of the planned information")
        ax.set_ylabel("z, above 0 in favour of treatment")
        ax.set_xlim(0, 1.05 * max(1.0, float(bounds.shares[-1])))
        ax.legend(frameon=False)
    return ax


def _edge(ax: Axes, bounds: StoppingBounds, edge: FloatArray, label: str, colour: str) -> None:
    """Draw one bound where there is one."""
    there = np.isfinite(edge)
    ax.plot(bounds.shares[there], edge[there], "--s", color=colour, ms=4, lw=1.2, label=label)
