"""Figures: finished results in, Axes out. The only file that draws."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullLocator

from checkpoint_eval.balance.differences import BalanceTable
from checkpoint_eval.balance.participant_flow import Flow
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
    """
    with sns.axes_style("white", STYLE):
        ax = _axes(ax, (7.2, 4.8))
        colours = arm_colours(curve.arms)
        time = np.concatenate([[0.0], curve.time])
        for code, arm in enumerate(curve.arms):
            shown = np.concatenate([[True], curve.at_risk[code] > 0])
            steps = np.concatenate([[1.0], curve.survival[code]])[shown]
            ax.step(time[shown], steps, where="post", color=colours[arm], label=arm, linewidth=1.8)
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
        _risk_table(ax, curve, colours)
    return ax


def _risk_table(ax: Axes, curve: Curve, colours: dict[str, str]) -> None:
    """Write the numbers at risk under the horizontal axis, aligned with its ticks."""
    ticks = [tick for tick in ax.get_xticks() if 0 <= tick <= curve.time[-1]]
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
        minus = " or ".join(table.contrast[0] for table in several)
        ax.set_xlabel(f"Standardised difference, {minus} − {several[0].contrast[1]}")
        ax.set_ylabel("")
    return ax


# Estimates that read alike share one scale: (estimands, whether log, what the axis says).
_PANELS: tuple[tuple[tuple[str, ...], bool, str], ...] = (
    (
        ("hazard ratio", "risk ratio", "odds ratio"),
        True,
        "Ratio, log scale (below 1: fewer events under treatment)",
    ),
    (
        ("risk difference",),
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
    (("restricted mean ratio",), True, "Ratio of mean time free, log scale (above 1: longer)"),
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
    ax.xaxis.set_major_locator(MaxNLocator(6))
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


def flow_diagram(flow: Flow, *, ax: Axes | None = None) -> Axes:
    """Draw the participant flow: assessed, randomised, then each arm to its analysis."""
    k = len(flow.arms)
    lines = [[f"{step.step}: {step.counts[code]:,}" for step in flow.steps] for code in range(k)]
    depth = len(flow.steps)
    height = 1.75 + 0.24 * depth + (0.9 + 0.2 * len(flow.excluded) if flow.assessed else 0)
    with sns.axes_style("white", STYLE):
        ax = _axes(ax, (max(7.2, 3.2 * k), height))
        ax.set_xlim(0, 1)
        ax.set_ylim(0, height)
        ax.axis("off")
        y = height - 0.35
        if flow.assessed is not None:
            y = _draw_screening(ax, flow, y)
        total = sum(flow.steps[0].counts)
        _box(ax, 0.5, y, f"Randomised: {total:,}")
        colours = arm_colours(flow.arms)
        for code, arm in enumerate(flow.arms):
            x = (code + 0.5) / k
            _arrow(ax, (0.5, y - 0.2), (x, y - 0.66))
            text = "\n".join([arm, *lines[code]])
            _box(ax, x, y - 0.8, text, edge=colours[arm], top=True)
    return ax


def _draw_screening(ax: Axes, flow: Flow, y: float) -> float:
    """Draw who was assessed and excluded; return where the flow goes on."""
    reasons = "\n".join(f"{reason}: {number:,}" for reason, number in flow.excluded)
    excluded = sum(number for _, number in flow.excluded)
    _box(ax, 0.5, y, f"Assessed for eligibility: {flow.assessed:,}")
    below = y - 0.9 - 0.2 * len(flow.excluded)
    _arrow(ax, (0.5, y - 0.18), (0.5, below + 0.18))
    _box(ax, 0.82, (y + below) / 2, f"Excluded: {excluded:,}" + (f"\n{reasons}" if reasons else ""))
    return below


def _box(
    ax: Axes, x: float, y: float, text: str, *, edge: str = "#3c4043", top: bool = False
) -> None:
    ax.text(
        x,
        y,
        text,
        ha="center",
        va="top" if top else "center",
        size=9.5,
        linespacing=1.45,
        bbox={"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": edge},
    )


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "#3c4043", "lw": 1})
