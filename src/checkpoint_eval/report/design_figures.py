"""Figures of the design: how arms drift apart, and what candidate rules trade."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from checkpoint_eval._checks import check_noun
from checkpoint_eval.balance.drifting import Drift
from checkpoint_eval.balance.integrity import Integrity
from checkpoint_eval.balance.rule_table import RuleTable
from checkpoint_eval.report.figures import (
    CONTROL,
    TREATMENTS,
    arm_colours,
    legible,
    own_axes,
    theme,
)


@legible
def plot_drift(path: Drift, *, ax: Axes | None = None) -> Axes:
    """Draw the difference between arms over the order of arrival, with the band of the rule.

    Parameters
    ----------
    path : Drift
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from checkpoint_eval import PermutedBlocks, Trial
    >>> from checkpoint_eval.balance import drift
    >>> people = {"arm": [0, 1, 1, 0] * 20, "moved": [0, 1, 0, 1] * 20}
    >>> trial = Trial.from_frame(
    ...     pd.DataFrame(people), arm="arm", control=0, binary={"moved": "moved"},
    ...     rule=PermutedBlocks(sizes=(4,)), order="rows",
    ... )
    >>> ax = plot_drift(drift(trial, draws=50, rng=np.random.default_rng(1)))
    >>> ax.get_ylabel()
    'treatment less control'
    """
    check_noun(path, Drift, "path", of="drift")
    with theme():
        ax = own_axes(ax, (7.2, 3.6), layout="constrained")
        ax.axhline(0, color=CONTROL, lw=0.8)
        ax.fill_between(
            path.when,
            path.low,
            path.high,
            step="post",
            color=TREATMENTS[0],
            alpha=0.15,
            lw=0,
            label=f"{100 * path.level:g}% of allocations by {path.rule}",
        )
        ax.step(path.when, path.difference, where="post", color=TREATMENTS[0], lw=1.6, label="Seen")
        dated = np.issubdtype(path.when.dtype, np.datetime64)
        if dated:
            locator = AutoDateLocator(maxticks=6)  # type: ignore[no-untyped-call]
            ax.xaxis.set_major_locator(locator)
            ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        ax.set_xlabel("Date of allocation" if dated else "People allocated before")
        ax.set_ylabel(f"{path.arms[1]} less {path.arms[0]}")
        ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    return ax


@legible
def plot_rules(table: RuleTable, *, ax: Axes | None = None) -> Axes:
    """Draw how well candidate rules are guessed, and write how far they let arms drift apart.

    "Arms apart" is the mean of the greatest difference on the way, "levels apart" the mean
    difference within a level at the end.

    Parameters
    ----------
    table : RuleTable
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from checkpoint_eval import Complete, PermutedBlocks
    >>> from checkpoint_eval.balance import compare_rules
    >>> rules = {"blocks": PermutedBlocks(sizes=(4,)), "one draw": Complete(counts=(10, 10))}
    >>> people = pd.DataFrame({"suite": ["north", "south"] * 10})
    >>> rng = np.random.default_rng(1)
    >>> ax = plot_rules(compare_rules(rules, people=people, sees="suite", draws=50, rng=rng))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('Guessed right by convergence, % (filled: seeing everyone; open: seeing own suite)', '')
    """
    check_noun(table, RuleTable, "table", of="compare_rules")
    with theme():
        height = 1.2 + 0.45 * len(table.rows)
        ax = own_axes(ax, (7.2, height), layout="constrained")
        colour = TREATMENTS[0]
        for place, row in enumerate(table.rows):
            ends = (100 * row.correct, 100 * row.correct_own)
            ax.plot(ends, (place, place), color=colour, lw=1.2, alpha=0.6)
            ax.plot(ends[0], place, "o", color=colour, ms=7)
            ax.plot(ends[1], place, "o", color=colour, ms=7, mfc="white")
            for column, number in ((1.04, row.drift), (1.2, row.margins)):
                ax.text(
                    column, place, f"{number:.1f}", transform=ax.get_yaxis_transform(), va="center"
                )
        for column, title in ((1.04, "arms\napart"), (1.2, "levels\napart")):
            ax.text(column, 1.0, title, transform=ax.transAxes, va="bottom", fontsize="small")
        ax.axvline(50, color=CONTROL, lw=0.8, ls=":")
        ax.set_yticks(range(len(table.rows)), [row.rule for row in table.rows])
        ax.set_ylim(len(table.rows) - 0.5, -0.5)
        ax.margins(x=0.1)
        ax.set_xlabel(
            f"Guessed right by {table.strategy}, % (filled: seeing everyone; open: seeing own "
            f"{table.sees})"
        )
    return ax


@legible
def plot_integrity(integrity: Integrity, *, ax: Axes | None = None) -> Axes:
    """Draw the share treated as assigned, by group, with its limits.

    Parameters
    ----------
    integrity : Integrity
        Of `treatment_integrity`, by at least one column. Months are joined by a line; suites and
        officers are not, as they have no order.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from checkpoint_eval import load_minneapolis
    >>> from checkpoint_eval.balance import treatment_integrity
    >>> trial = load_minneapolis()
    >>> ax = plot_integrity(treatment_integrity(trial, by=trial.covariates[:1]))
    >>> ax.get_ylabel()
    'Treated as assigned, %'
    """
    check_noun(integrity, Integrity, "integrity", of="treatment_integrity")
    groups = list(dict.fromkeys(row.group for row in integrity.rows))
    colours = arm_colours(integrity.arms)
    style = "o-" if integrity.by == ("month",) else "o"
    with theme():
        ax = own_axes(ax, (7.2, 3.8), layout="constrained")
        width = 0.12
        for number, arm in enumerate(integrity.arms):
            rows = [row for row in integrity.rows if row.arm == arm and row.people]
            at = np.array([groups.index(row.group) for row in rows])
            at = at + width * (number - (len(integrity.arms) - 1) / 2)
            share = 100 * np.array([row.share for row in rows])
            ends = 100 * np.array([[row.low, row.high] for row in rows])
            ax.vlines(at, ends[:, 0], ends[:, 1], color=colours[arm], lw=1.2, alpha=0.7)
            ax.plot(at, share, style, color=colours[arm], ms=5, lw=0.7, label=arm)
        only = integrity.by[0] if len(integrity.by) == 1 else ""
        ax.set_xticks(range(len(groups)), [each.removeprefix(f"{only}=") for each in groups])
        ax.set_xlabel(only)
        if len(groups) > 4:
            ax.tick_params(axis="x", labelrotation=45)
        ax.set_ylim(0, 103)
        ax.set_ylabel("Treated as assigned, %")
        ax.legend(frameon=False, loc="lower left")
    return ax
