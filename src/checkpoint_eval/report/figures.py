"""Figures: finished results in, Axes out; and what all figures share."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from checkpoint_eval._checks import check_known, check_noun
from checkpoint_eval.balance.differences import BalanceTable
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.incidence import Incidence
from checkpoint_eval.models.mean_events import MeanCumulative
from checkpoint_eval.models.survival import survival_quantiles
from checkpoint_eval.report.tables import UNSEEN, visible
from checkpoint_eval.results import Curve

# The font is the one that matplotlib brings along, so that figures are alike on every machine.
STYLE = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
}
# Colours that people with colour-blindness tell apart; control is grey in every figure.
CONTROL = "#5f6368"
GUIDE, FAINT, INK = "#9aa0a6", "#d5d8dc", "#202124"
TREATMENTS = ("#0b6fa4", "#c8561b", "#00795c", "#8d4a9e")
Asked = ParamSpec("Asked")
Drawn = TypeVar("Drawn", bound=Axes | Sequence[Axes])


@contextmanager
def parameters(values: Mapping[str, object]) -> Iterator[None]:
    """Set parameters of matplotlib for the time of a `with` block."""
    # Not rc_context, which restores every parameter: also `interactive`, set as a notebook opens
    # its first figure, and then no later one would be shown.
    settings: Any = mpl.rcParams
    before = {name: settings[name] for name in values}
    settings.update(values)
    try:
        yield
    finally:
        settings.update(before)


@contextmanager
def theme() -> Iterator[None]:
    """Set the style of every figure, for the time of a `with` block; a $ in a name is a $."""
    with sns.axes_style("white", STYLE), parameters({"text.parse_math": False}):
        yield


def legible(verb: Callable[Asked, Drawn]) -> Callable[Asked, Drawn]:
    """Let what a verb draws hold no character that fonts lack: names come from data."""

    @wraps(verb)
    def drawn(*args: Asked.args, **kwargs: Asked.kwargs) -> Drawn:
        axes = verb(*args, **kwargs)
        several = (axes,) if isinstance(axes, Axes) else tuple(axes)
        for ax in several:
            _write_visibly(ax)
        return axes

    return drawn


def _write_visibly(ax: Axes) -> None:
    strange = [each for each in ax.findobj(Text) if UNSEEN.search(each.get_text())]
    for each in strange:
        each.set_text(visible(each.get_text()))
    # Labels of ticks are written anew whenever a figure is drawn.
    for axis in (ax.xaxis, ax.yaxis) if strange else ():
        labels = [visible(each.get_text()) for each in axis.get_ticklabels()]
        axis.set_ticks(axis.get_ticklocs(), labels)


def arm_colours(arms: Sequence[str], *, every: Sequence[str] | None = None) -> dict[str, str]:
    """Return one colour an arm, the same in every figure; `every` lists all arms of the trial."""
    known = tuple(arms if every is None else every)
    for arm in arms:
        check_known(arm, known, what="arm")
    shades = [CONTROL, *(TREATMENTS[place % len(TREATMENTS)] for place in range(len(known) - 1))]
    return {arm: shades[known.index(arm)] for arm in arms}


def own_axes(ax: Axes | None, size: tuple[float, float], *, layout: str = "none") -> Axes:
    """Return the Axes that were given, or those of a new figure of this size in inches."""
    if ax is not None:
        return ax
    return plt.subplots(figsize=size, layout=layout)[1]


def wrapped(text: str, letters: int) -> str:
    """Return text in lines of so many letters."""
    return "\n".join(textwrap.wrap(text, letters))


@legible
def plot_survival(curve: Curve, *, medians: bool = True, ax: Axes | None = None) -> Axes:
    """Draw the survival curve of each arm with its interval and the numbers at risk below.

    Parameters
    ----------
    curve : Curve
    medians : bool
        Whether to tell them. A protected report does not: its curves have fewer steps than the
        data, and cross one half elsewhere.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Notes
    -----
    The median is dotted, and told in the legend, for each arm whose curve reaches one half.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi, survival_curve
    >>> ax = plot_survival(survival_curve(load_rossi(), outcome="rearrest"))
    >>> ax.get_xlabel()
    'Weeks since randomisation'
    """
    check_noun(curve, Curve, "curve", of="survival_curve")
    with theme():
        ax = own_axes(ax, (7.2, 4.8))
        colours = arm_colours(curve.arms)
        time = np.concatenate([[0.0], curve.time])
        halves = survival_quantiles(curve, (0.5,)).time[:, 0]
        for code, (arm, median) in enumerate(zip(curve.arms, halves, strict=True)):
            shown = np.concatenate([[True], curve.at_risk[code] > 0])
            steps = np.concatenate([[1.0], curve.survival[code]])[shown]
            told = ""
            if medians and np.isfinite(median):
                told = f" (median {median:g} {curve.unit})"
                ax.plot([0, median, median], [0.5, 0.5, 0], ":", color=colours[arm], lw=1.2)
            ax.step(
                time[shown],
                steps,
                where="post",
                color=colours[arm],
                label=wrapped(arm + told, 54),
                lw=1.8,
            )
            low = np.concatenate([[1.0], curve.low[code]])[shown]
            high = np.concatenate([[1.0], curve.high[code]])[shown]
            ax.fill_between(
                time[shown], low, high, step="post", color=colours[arm], alpha=0.15, lw=0
            )
        ax.set_xlim(0, 1.01 * float(curve.time[-1]))
        ax.set_ylim(0, 1.01)
        ax.set_xlabel(f"{curve.unit.capitalize()} since randomisation")
        ax.set_ylabel(wrapped(f"Share without {curve.outcome}", 40))
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
    rows, names = len(curve.arms), [wrapped(arm, 26) for arm in curve.arms]
    high = rows * max(0.07, 0.045 * max(name.count("\n") + 1 for name in names))
    below = ax.inset_axes((0, -0.21 - high, 1, high), sharex=ax)
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
            names[code],
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


@legible
def plot_balance(tables: BalanceTable | Sequence[BalanceTable], *, ax: Axes | None = None) -> Axes:
    """Draw each covariate's standardised difference (Love plot), with a guide at ±0.1.

    Parameters
    ----------
    tables : BalanceTable, or sequence of them
        From `standardised_differences`, one for each treatment arm.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Notes
    -----
    A difference that is infinite, as the arms share no value, is drawn as an arrow at the edge.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi, standardised_differences
    >>> ax = plot_balance(standardised_differences(load_rossi()))
    >>> ax.get_xlabel()
    'Standardised difference from no aid'
    """
    several = [
        check_noun(each, BalanceTable, "tables", of="standardised_differences")
        for each in (tables if isinstance(tables, (list, tuple)) else [tables])
    ]
    if not several:
        raise TrialError("`tables` has no table; give what `standardised_differences` returns.")
    rows = [row for row in several[0].rows if row.level != "(overall)"]
    names = [
        wrapped(f"{row.covariate}: {row.level}" if row.level else row.covariate, 40) for row in rows
    ]
    with theme():
        lines = max(name.count("\n") + 1 for name in names)
        ax = own_axes(ax, (7.2, 1.3 + (0.15 + 0.17 * lines) * len(names)))
        colours = arm_colours((several[0].contrast[1], *(table.contrast[0] for table in several)))
        values = [
            [row.difference for row in table.rows if row.level != "(overall)"] for table in several
        ]
        finite = np.abs([v for row in values for v in row if np.isfinite(v)])
        edge = max(0.25, 1.15 * float(finite.max(initial=0.0)))
        for table, row in zip(several, values, strict=True):
            x = np.clip(np.nan_to_num(np.array(row), nan=np.nan), -edge, edge)
            ax.scatter(
                x,
                range(len(names)),
                color=colours[table.contrast[0]],
                s=46,
                edgecolors="white",
                zorder=3,
                label=table.contrast[0] if len(several) > 1 else None,
            )
            for place, value in enumerate(row):
                if np.isinf(value):
                    ax.annotate(
                        "∞", (float(np.sign(value)) * edge, place), ha="center", va="bottom"
                    )
        for guide in (-0.1, 0.1):
            ax.axvline(guide, color=GUIDE, linestyle=":", linewidth=1)
        ax.axvline(0, color=GUIDE, linewidth=1)
        ax.grid(visible=True, axis="y", color="#e8eaed")
        ax.set_axisbelow(True)
        ax.set_xlim(-1.05 * edge, 1.05 * edge)
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.5, -0.5)
        label = f"Standardised difference from {several[0].contrast[1]}"
        ax.set_xlabel(wrapped(label, 60))
        if len(several) > 1:
            ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0))
    return ax


def tick_around_null(ax: Axes, null: float, *, most: int, factor: float = 1.0) -> None:
    """Label a horizontal axis at round numbers, on a log scale too, and always at no effect.

    Powers of ten are too far apart to read a ratio by. Labels are multiplied by `factor`.
    """
    low, high = ax.get_xlim()
    ticks = [each for each in MaxNLocator(most).tick_values(low, high) if low <= each <= high]
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 0.0
    # The neighbours of no effect leave its label room.
    apart = [each for each in ticks if abs(each - null) > 0.4 * step]
    ax.xaxis.set_major_locator(FixedLocator([*apart, null]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(lambda value, _: f"{factor * value:g}".replace("-", "−"))
