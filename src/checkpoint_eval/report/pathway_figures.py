"""Figures of critical pathways: effects, and which needs come together."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes

from checkpoint_eval._arrays import IntArray
from checkpoint_eval._checks import check_choice, check_count, check_noun, counted
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.pathway_overlap import CoOccurrence
from checkpoint_eval.models.pathway_results import PathwayComparison, PathwayFamily
from checkpoint_eval.report.figures import (
    CONTROL,
    FAINT,
    GUIDE,
    INK,
    arm_colours,
    legible,
    own_axes,
    theme,
)
from checkpoint_eval.report.tables import format_p, untold, visible
from checkpoint_eval.results import Estimate

FAMILIES = ("need", "everyone")


@legible
def plot_pathways(
    found: PathwayComparison,
    *,
    among: str = "need",
    arms: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the effect on each pathway with its interval, and beside it need, n and missing by arm.

    Parameters
    ----------
    found : PathwayComparison
    among : {"need", "everyone"}
    arms : sequence of str, optional
        Every arm of the trial, control first: each has its colour in every figure. Default: the two
        compared.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Notes
    -----
    Circles are the effects drawn towards each other. p is Westfall and Young's, step-down. A
    pathway that is not estimable keeps its row and its counts.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import load_rossi
    >>> from checkpoint_eval.models import compare_pathways
    >>> from checkpoint_eval.outcomes import PathwayScores
    >>> drawn = np.random.default_rng(1).integers(0, 3, size=(2, 432, 2)).astype(float)
    >>> scores = PathwayScores(
    ...     pathways=("alcohol", "debt"), baseline=drawn[0], follow_up=drawn[1], scale="ordinal"
    ... )
    >>> found = compare_pathways(load_rossi(), scores, draws=99, rng=np.random.default_rng(1))
    >>> ax = plot_pathways(found)
    >>> ax.get_xlabel().splitlines()[0]
    'Difference in score, financial aid − no aid, among those with the need'
    """
    check_noun(found, PathwayComparison, "found", of="compare_pathways")
    check_choice(among, "among", FAMILIES)
    family = found.with_need if among == "need" else found.everyone
    rows = len(found.pathways)
    with theme():
        if ax is None:
            ax = _forest_axes(found, rows)
        colour = arm_colours(found.arms, every=arms)[found.arms[1]]
        for place, each in enumerate(family.effects):
            _effect(ax, place, each, float(family.shrunken.value[place]), colour)
        ax.axvline(0, color=GUIDE, lw=1, zorder=0)
        ax.set_yticks(range(rows), found.pathways)
        ax.set_ylim(rows - 0.4, -0.6)
        ax.set_xlabel(
            f"Difference in score, {found.arms[1]} − {found.arms[0]}, among {family.among}\n"
            "(square: as estimated; circle: drawn towards the others; left: less need)"
        )
        _table(ax, found, family)
    return ax


def _forest_axes(found: PathwayComparison, rows: int) -> Axes:
    """Return axes with room for names to their left and the table to their right."""
    left, middle, right = 0.3 + 0.085 * max(map(len, found.pathways)), 4.0, 3.7
    width, height = left + middle + right, 0.42 * rows + 1.6
    figure = plt.figure(figsize=(width, height))
    return figure.add_axes((left / width, 0.9 / height, middle / width, 1 - 1.5 / height))


def _effect(ax: Axes, place: int, each: Estimate, shrunken: float, colour: str) -> None:
    if not each.estimable:
        where = ("axes fraction", "data")
        ax.annotate(untold(each), (0.5, place), xycoords=where, ha="center", va="center",
                    size=9, color=CONTROL, style="italic")  # fmt: skip
        return
    ax.plot([each.low, each.high], [place, place], color=colour, lw=1.6)
    ax.plot(each.value, place, "s", color=colour, ms=6)
    if np.isfinite(shrunken):
        ax.plot(shrunken, place + 0.24, "o", mfc="white", mec=colour, ms=5)


def _table(ax: Axes, found: PathwayComparison, family: PathwayFamily) -> None:
    """Write need, people compared, missing and p of each pathway to the right of the axes."""
    adjusted = family.p_values["westfall-young"]
    cells = [
        (
            _pair(found.counts.need[place]),
            _pair(each.n),
            _pair(each.missing),
            "" if np.isnan(adjusted[place]) else format_p(float(adjusted[place])),
        )
        for place, each in enumerate(family.effects)
    ]
    heads = ("Need", "Compared", "Missing", "Adjusted p")
    for column, head in enumerate(heads):
        for place, text in [
            (-0.95, head),
            *((row, cell[column]) for row, cell in enumerate(cells)),
        ]:
            ax.annotate(text, (1.13 + 0.23 * column, place), xycoords=("axes fraction", "data"),
                        ha="center", va="center", size=9,
                        weight="bold" if text == head else "normal")  # fmt: skip
    ax.annotate(
        f"{found.arms[0]} / {found.arms[1]}",
        (1.13 + 0.23, -0.6),
        xycoords=("axes fraction", "data"),
        ha="center",
        va="center",
        size=8,
        color=CONTROL,
    )


def _pair(counts: Sequence[int] | IntArray) -> str:
    return f"{counts[0]:,} / {counts[1]:,}"


@legible
def plot_needs_together(
    found: CoOccurrence, *, most: int = 20, axes: tuple[Axes, Axes, Axes] | None = None
) -> tuple[Axes, Axes, Axes]:
    """Draw how many people have which needs together (UpSet plot).

    Parameters
    ----------
    found : CoOccurrence
    most : int
        Combinations shown, the most frequent; how many people are in the others is told.
    axes : (bars, matrix, totals), optional
        Axes to draw on: bars above the matrix, totals to its left.

    Returns
    -------
    (bars, matrix, totals) : matplotlib Axes

    References
    ----------
    Lex et al. (2014), UpSet: visualization of intersecting sets, IEEE Transactions on Visualization
    and Computer Graphics 20.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval.models import co_occurrence
    >>> from checkpoint_eval.outcomes import PathwayScores
    >>> drawn = np.random.default_rng(1).integers(0, 3, size=(2, 432, 2)).astype(float)
    >>> scores = PathwayScores(
    ...     pathways=("alcohol", "debt"), baseline=drawn[0], follow_up=drawn[1], scale="ordinal"
    ... )
    >>> counts, sets, sizes = plot_needs_together(co_occurrence(scores))
    >>> sets.get_yticklabels()[0].get_text()
    'alcohol'
    """
    check_noun(found, CoOccurrence, "found", of="co_occurrence")
    check_count(most, "most")
    shown = min(most, found.counts.size)
    if not shown:
        raise TrialError("Nobody was assessed on every pathway, so no combination is known.")
    with theme():
        bars, matrix, totals = axes or _upset_axes(len(found.pathways), shown)
        _bars(bars, found, shown)
        _dots(matrix, found, shown)
        order = _by_need(found)
        rows = np.arange(len(found.pathways))
        totals.barh(rows, found.need[order], color=CONTROL, height=0.6)
        for row, count in zip(rows, found.need[order], strict=True):
            totals.annotate(f"{count:,}", (count, row), xytext=(-3, 0), ha="right", va="center",
                            size=8, textcoords="offset points")  # fmt: skip
        totals.set(xlim=(1.35 * max(int(found.need.max()), 1), 0), ylim=matrix.get_ylim())
        totals.set_yticks([])
        totals.spines[["left", "bottom"]].set_visible(False)
        totals.set_xticks([])
        totals.set_xlabel("With the need", size=9)
    return bars, matrix, totals


def _upset_axes(pathways: int, shown: int) -> tuple[Axes, Axes, Axes]:
    figure = plt.figure(figsize=(4.6 + 0.3 * shown, 2.6 + 0.32 * pathways), layout="constrained")
    grid = figure.add_gridspec(
        2,
        2,
        width_ratios=(1.4, 0.3 * shown + 0.6),
        height_ratios=(2.0, 0.32 * pathways),
    )
    return (
        figure.add_subplot(grid[0, 1]),
        figure.add_subplot(grid[1, 1]),
        figure.add_subplot(grid[1, 0]),
    )


def _by_need(found: CoOccurrence) -> np.ndarray:
    """Return places of pathways, the commonest need first."""
    return np.argsort(-found.need, kind="stable")


def _bars(ax: Axes, found: CoOccurrence, shown: int) -> None:
    """Draw how many people have exactly each combination."""
    counts = found.counts[:shown]
    ax.bar(range(shown), counts, color=arm_colours(("", "x"))["x"], width=0.62)
    for place, count in enumerate(counts):
        ax.annotate(f"{count:,}", (place, count), xytext=(0, 2), ha="center", va="bottom", size=8,
                    textcoords="offset points")  # fmt: skip
    ax.set_xlim(-0.6, shown - 0.4)
    ax.set_ylim(0, 1.12 * float(counts.max()))
    ax.set_xticks([])
    ax.set_ylabel("People with exactly these", size=9)
    ax.tick_params(axis="y", labelsize=8)
    told = [f"{found.several:,} of {int(found.counts.sum()):,} people have more than one need"]
    rest = found.counts[shown:]
    if rest.size:
        told.append(f"{int(rest.sum()):,} people in {counted(rest.size, 'rarer combination')}")
    if found.incomplete:
        told.append(f"{found.incomplete:,} not assessed on every pathway")
    ax.set_title("\n".join(told), loc="right", size=9)


def _dots(ax: Axes, found: CoOccurrence, shown: int) -> None:
    """Draw which needs make up each combination."""
    order = _by_need(found)
    inside = found.combinations[:shown, order]
    rows = len(order)
    for row in range(0, rows, 2):
        ax.axhspan(row - 0.5, row + 0.5, color="#f4f5f6", zorder=0)
    for place, combination in enumerate(inside):
        ax.plot(np.full(rows, place), range(rows), "o", color=FAINT, ms=6, ls="")
        has = np.flatnonzero(combination)
        ax.plot(np.full(has.size, place), has, "o-", color=INK, ms=6, lw=1.6)
    ax.set_xlim(-0.6, shown - 0.4)
    ax.set_ylim(rows - 0.5, -0.5)
    ax.set_xticks([])
    ax.set_yticks(range(rows), [found.pathways[place] for place in order], size=9)
    ax.spines[["left", "bottom"]].set_visible(False)


@legible
def plot_phi(found: CoOccurrence, *, ax: Axes | None = None) -> Axes:
    """Draw how needs go together: φ of each pair of pathways.

    Parameters
    ----------
    found : CoOccurrence
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval.models import co_occurrence
    >>> from checkpoint_eval.outcomes import PathwayScores
    >>> drawn = np.random.default_rng(1).integers(0, 3, size=(2, 432, 2)).astype(float)
    >>> scores = PathwayScores(
    ...     pathways=("alcohol", "debt"), baseline=drawn[0], follow_up=drawn[1], scale="ordinal"
    ... )
    >>> ax = plot_phi(co_occurrence(scores))
    >>> [each.get_text() for each in ax.get_yticklabels()]
    ['alcohol', 'debt']
    """
    check_noun(found, CoOccurrence, "found", of="co_occurrence")
    p = len(found.pathways)
    with theme():
        ax = own_axes(ax, (3.2 + 0.55 * p, 1.8 + 0.5 * p), layout="constrained")
        hidden = np.triu(np.ones((p, p), dtype=bool))
        # seaborn measures labels at once
        table = found.phi_frame().rename(index=visible, columns=visible)
        sns.heatmap(
            table,
            mask=hidden | np.isnan(found.phi),
            vmin=-1,
            vmax=1,
            cmap=sns.diverging_palette(245, 35, s=75, l=52, as_cmap=True),
            annot=True,
            # By the rule φ is told to one decimal.
            fmt=".1f"
            if np.array_equal(np.round(found.phi, 1), found.phi, equal_nan=True)
            else ".2f",
            annot_kws={"size": 8},
            square=True,
            linewidths=0.6,
            cbar_kws={"label": "φ", "shrink": 0.7},
            ax=ax,
        )
        ax.set_xlim(0, max(p - 1, 1))
        ax.set_ylim(p, min(1, p - 1))
        ax.tick_params(axis="both", labelsize=9, length=0)
        ax.set_xticklabels(ax.get_xticklabels(), rotation=40, ha="right", rotation_mode="anchor")
    return ax
