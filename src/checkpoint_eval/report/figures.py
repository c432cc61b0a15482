"""Figures: finished results in, Axes out."""

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from checkpoint_eval.balance.differences import BalanceTable
from checkpoint_eval.balance.participant_flow import Flow
from checkpoint_eval.models.incidence import Incidence
from checkpoint_eval.models.mean_events import MeanCumulative
from checkpoint_eval.models.survival import survival_quantiles
from checkpoint_eval.report.evaluation import Evaluation
from checkpoint_eval.report.tables import format_effect, is_share
from checkpoint_eval.results import Curve, Estimate

STYLE = {"axes.spines.top": False, "axes.spines.right": False}
# Colours that people with colour-blindness tell apart; control is grey in every figure.
CONTROL = "#5f6368"
TREATMENTS = ("#0b6fa4", "#c8561b", "#00795c", "#8d4a9e")


def arm_colours(arms: Sequence[str]) -> dict[str, str]:
    """Return one colour an arm, the same in every figure."""
    shades = [CONTROL, *(TREATMENTS[place % len(TREATMENTS)] for place in range(len(arms) - 1))]
    return dict(zip(arms, shades, strict=True))


def _axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    if ax is not None:
        return ax
    return plt.subplots(figsize=size)[1]


def plot_survival(curve: Curve, *, ax: Axes | None = None) -> Axes:
    """Draw the survival curve of each arm with its interval and the numbers at risk below.

    Parameters
    ----------
    curve : Curve
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Notes
    -----
    The median is dotted, and told in the legend, for each arm whose curve reaches one half.
    """
    with sns.axes_style("white", STYLE):
        ax = _axes(ax, (7.2, 4.8))
        colours = arm_colours(curve.arms)
        time = np.concatenate([[0.0], curve.time])
        medians = survival_quantiles(curve, (0.5,)).time[:, 0]
        for code, (arm, median) in enumerate(zip(curve.arms, medians, strict=True)):
            shown = np.concatenate([[True], curve.at_risk[code] > 0])
            steps = np.concatenate([[1.0], curve.survival[code]])[shown]
            told = ""
            if np.isfinite(median):
                told = f" (median {median:g} {curve.unit})"
                ax.plot([0, median, median], [0.5, 0.5, 0], ":", color=colours[arm], lw=1.2)
            ax.step(time[shown], steps, where="post", color=colours[arm], label=arm + told, lw=1.8)
            low = np.concatenate([[1.0], curve.low[code]])[shown]
            high = np.concatenate([[1.0], curve.high[code]])[shown]
            ax.fill_between(
                time[shown], low, high, step="post", color=colours[arm], alpha=0.15, lw=0
            )
        ax.set_xlim(0, 1.01 * float(curve.time[-1]))
        ax.set_ylim(0, 1.01)
        ax.set_xlabel(f"{curve.unit.capitalize()} since randomisation")
        ax.set_ylabel(f"Share without {curve.outcome}")
        ax.legend(frameon=False, loc="lower left")
        risk_table(ax, curve, colours)
    return ax


def risk_table(
    ax: Axes, curve: Curve | Incidence | MeanCumulative, colours: dict[str, str]
) -> None:
    """Write the numbers at risk under the horizontal axis, aligned with its ticks."""
    end = float(curve.time[-1])
    ticks = [tick for tick in ax.get_xticks() if 0 <= tick <= 0.95 * end]
    ticks.append(end)  # where follow-up ends is always told
    ax.set_xticks(ticks)
    rows = len(curve.arms)
    below = ax.inset_axes((0, -0.21 - 0.07 * rows, 1, 0.07 * rows), sharex=ax)
    below.set_ylim(rows - 0.5, -0.5)
    below.axis("off")
    for code, arm in enumerate(curve.arms):
        for tick in ticks:
            left = int(np.searchsorted(curve.time, tick))
            count = curve.at_risk[code, left] if left < curve.time.size else 0
            below.text(
                tick, code, f"{count:,}", ha="center", va="center", color=colours[arm], size=9
            )
        below.annotate(
            arm,
            (0, code),
            xycoords=("axes fraction", "data"),
            xytext=(-24, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            color=colours[arm],
            size=9,
        )
    below.set_title("At risk", loc="left", size=9, pad=2)


def plot_balance(tables: BalanceTable | Sequence[BalanceTable], *, ax: Axes | None = None) -> Axes:
    """Draw each covariate's standardised difference (Love plot), with a guide at ±0.1.

    A difference that is infinite, as the arms share no value, is drawn as an arrow at the edge.
    """
    several = (tables,) if isinstance(tables, BalanceTable) else tuple(tables)
    rows = [row for row in several[0].rows if row.level != "(overall)"]
    names = [f"{row.covariate}: {row.level}" if row.level else row.covariate for row in rows]
    with sns.axes_style("white", STYLE):
        ax = _axes(ax, (7.2, 1.3 + 0.32 * len(names)))
        colours = arm_colours((several[0].contrast[1], *(table.contrast[0] for table in several)))
        values = [
            [row.difference for row in table.rows if row.level != "(overall)"] for table in several
        ]
        finite = np.abs([v for row in values for v in row if np.isfinite(v)])
        edge = max(0.25, 1.15 * float(finite.max(initial=0.0)))
        for table, row in zip(several, values, strict=True):
            x = np.clip(np.nan_to_num(np.array(row), nan=np.nan), -edge, edge)
            sns.scatterplot(
                x=x,
                y=names,
                ax=ax,
                color=colours[table.contrast[0]],
                s=46,
                zorder=3,
                label=table.contrast[0] if len(several) > 1 else None,
            )
            for place, value in enumerate(row):
                if np.isinf(value):
                    ax.annotate(
                        "∞", (float(np.sign(value)) * edge, place), ha="center", va="bottom"
                    )
        for guide in (-0.1, 0.1):
            ax.axvline(guide, color="#9aa0a6", linestyle=":", linewidth=1)
        ax.axvline(0, color="#9aa0a6", linewidth=1)
        ax.grid(visible=True, axis="y", color="#e8eaed")
        ax.set_axisbelow(True)
        ax.set_xlim(-1.05 * edge, 1.05 * edge)
        label = f"Standardised difference from {several[0].contrast[1]}"
        ax.set_xlabel("\n".join(textwrap.wrap(label, width=60)))
        ax.set_ylabel("")
        if len(several) > 1:
            ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


# Estimates that read alike share one scale: (estimands, whether log, what the axis says).
_PANELS: tuple[tuple[tuple[str, ...], bool, str], ...] = (
    (
        ("hazard ratio", "risk ratio", "odds ratio", "rate ratio"),
        True,
        "Ratio, log scale (below 1: fewer events under treatment)",
    ),
    (
        ("risk difference", "cumulative incidence difference"),
        False,
        "Difference in risk, percentage points (below 0: fewer events under treatment)",
    ),
    (
        ("survival difference",),
        False,
        "Difference in share free of the event, percentage points (above 0: fewer events)",
    ),
    (
        ("restricted mean difference",),
        False,
        "Difference in mean time free, {unit} (above 0: longer)",
    ),
    (
        ("mean events difference", "mean events with death difference"),
        False,
        "Difference in mean number of events (below 0: fewer under treatment)",
    ),
    (("restricted mean ratio",), True, "Ratio of mean time free, log scale (above 1: longer)"),
    (
        ("mean difference", "trimmed mean difference", "winsorised mean difference"),
        False,
        "Difference in mean (below 0: less under treatment)",
    ),
    (
        ("superiority difference", "net benefit"),
        False,
        "Pairs in which treatment has less, less those in which control has (above 0: less)",
    ),
    (("ordinal odds ratio",), True, "Odds ratio of worse, log scale (below 1: milder)"),
    (("win ratio", "win odds"), True, "Wins over losses, log scale (above 1: milder or later)"),
    (("restricted mean time lost ratio",), True, "Ratio of mean time lost, log scale (below 1)"),
    (("complier average effect",), False, "Effect on compliers, risk or mean (below 0: less)"),
)


def plot_forest(evaluation: Evaluation) -> list[Axes]:
    """Draw every estimate with its interval, those of one scale and direction in one panel.

    Returns
    -------
    list of matplotlib Axes
        One for each kind of measure in the evaluation; empty when nothing is estimable.
    """
    found = [each.value for each in evaluation.results if isinstance(each.value, Estimate)]
    usable = [each for each in found if np.isfinite([each.value, each.low, each.high]).all()]
    panels = [
        (log, label, [each for each in usable if each.estimand in estimands])
        for estimands, log, label in _PANELS
    ]
    panels = [panel for panel in panels if panel[2]]
    if not panels:
        return []
    heights = [len(rows) + 1.6 for _, _, rows in panels]
    with sns.axes_style("white", STYLE):
        # Constrained layout would place panels by a solver whose last digits differ by process.
        figure = plt.figure(figsize=(7.2, 0.46 * sum(heights)))
        spacing = {"hspace": 1.9 * len(panels) / sum(heights), "top": 0.99, "bottom": 0.06}
        axes = figure.subplots(
            len(panels), 1, height_ratios=heights, squeeze=False, gridspec_kw=spacing
        )[:, 0]
        for ax, (log, label, rows) in zip(axes, panels, strict=True):
            _forest_panel(ax, rows, log=log, label=label, arms=evaluation.arms)
    return list(axes)


def _forest_panel(
    ax: Axes, rows: list[Estimate], *, log: bool, label: str, arms: tuple[str, ...]
) -> None:
    colours = arm_colours(arms)
    for place, each in enumerate(rows):
        colour = colours[each.contrast[0]]
        ax.plot([each.low, each.high], [place, place], color=colour, linewidth=1.6)
        ax.plot(each.value, place, "s", color=colour, markersize=6)
        ax.annotate(
            format_effect(each),
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            size=8,
        )
    ax.axvline(rows[0].null, color="#9aa0a6", linewidth=1)
    if log:
        ax.set_xscale("log")
    # Ticks at round numbers on either scale: powers of ten are too far apart to read a ratio by.
    low, high = ax.get_xlim()
    null = rows[0].null
    ticks = [each for each in MaxNLocator(6).tick_values(low, high) if low <= each <= high]
    # The value of no effect is always labelled, and its neighbours leave it room.
    apart = [each for each in ticks if abs(each - null) > 0.4 * (ticks[1] - ticks[0])]
    ax.xaxis.set_major_locator(FixedLocator([*apart, null]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(_percent if is_share(rows[0]) else _plain)
    ax.tick_params(axis="x", labelsize=8)
    ax.set_yticks(range(len(rows)), [_forest_label(each, len(arms)) for each in rows], size=9)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlabel(label.format(unit=rows[0].unit), size=9)


def _plain(value: float, _: float) -> str:
    return f"{value:g}".replace("-", "−")


def _percent(value: float, _: float) -> str:
    return f"{100 * value:g}".replace("-", "−")


def _forest_label(value: Estimate, arms: int) -> str:
    parts = [value.estimand]
    if value.adjusted_for:
        parts.append("adjusted")
    if value.analysis_set != "itt":
        parts.append(value.analysis_set)
    if arms > 2:
        parts.append(value.contrast[0])
    return f"{value.outcome}: {', '.join(parts)}"


# Inches of the participant flow: a line of text, a letter, the room around a box's text.
LINE, LETTER, PAD = 0.19, 0.08, 0.3


def flow_diagram(flow: Flow, *, ax: Axes | None = None) -> Axes:
    """Draw the participant flow: assessed, randomised, then each arm to its analysis.

    Long names are wrapped and the drawing is as wide as its boxes need. Returns the Axes, whose
    data units are inches.
    """
    arms = [
        [*_wrapped(arm), *(f"{step.step}: {step.counts[code]:,}" for step in flow.steps)]
        for code, arm in enumerate(flow.arms)
    ]
    texts = ["\n".join(line for each in lines for line in _wrapped(each)) for lines in arms]
    column = max(_size(text)[0] for text in texts) + 0.4
    middle = column * len(arms) / 2
    top = _screening(flow)
    side = 2 * (_size(top[1])[0] + 0.7) if top else 0.0
    width = max(column * len(arms), side, 4.0)
    offset = width / 2 - middle
    heights = [_size(text)[1] for text in texts]
    height = max(heights) + 1.5 + (_size(top[1])[1] + 1.0 if top else 0)
    with sns.axes_style("white", STYLE):
        if ax is None:  # the room of somebody else's Axes is theirs to give
            ax = _axes(ax, (width, height))
            ax.set_position((0.0, 0.0, 1.0, 1.0))
        ax.set(xlim=(0, width), ylim=(0, height))
        ax.axis("off")
        y = height - 0.35
        if top:
            y = _draw_screening(ax, width / 2, y, top)
        _box(ax, width / 2, y, f"Randomised: {sum(flow.steps[0].counts):,}")
        colours = arm_colours(flow.arms)
        for code, arm in enumerate(flow.arms):
            x = offset + (code + 0.5) * column
            _arrow(ax, (width / 2, y - 0.2), (x, y - 0.72))
            _box(ax, x, y - 0.74 - heights[code] / 2, texts[code], edge=colours[arm])
    return ax


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, width=34) or [""]


def _size(text: str) -> tuple[float, float]:
    """Return a box's width and height in inches."""
    lines = text.split("\n")
    return max(map(len, lines)) * LETTER + PAD, len(lines) * LINE + PAD


def _screening(flow: Flow) -> tuple[str, str] | None:
    """Return what the two boxes before randomisation say, when the protocol tells."""
    if flow.assessed is None:
        return None
    reasons = [f"{reason}: {number:,}" for reason, number in flow.excluded]
    excluded = [f"Excluded: {sum(number for _, number in flow.excluded):,}", *reasons]
    lines = [line for each in excluded for line in _wrapped(each)]
    return f"Assessed for eligibility: {flow.assessed:,}", "\n".join(lines)


def _draw_screening(ax: Axes, x: float, y: float, texts: tuple[str, str]) -> float:
    """Draw who was assessed and excluded; return where the flow goes on."""
    assessed, excluded = texts
    wide, high = _size(excluded)
    below = y - high - 1.0
    aside = (y + below) / 2
    _box(ax, x, y, assessed)
    _arrow(ax, (x, y - 0.2), (x, below + 0.2))
    _arrow(ax, (x, aside), (x + 0.5, aside))
    _box(ax, x + 0.52 + wide / 2, aside, excluded)
    return below


def _box(ax: Axes, x: float, y: float, text: str, *, edge: str = "#3c4043") -> None:
    style = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": edge}
    ax.text(x, y, text, ha="center", va="center", size=9.5, linespacing=1.45, bbox=style)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "#3c4043", "lw": 1})
