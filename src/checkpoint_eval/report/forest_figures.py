"""Figure of estimates and intervals: those that are read on one scale in one panel."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from checkpoint_eval._checks import check_noun
from checkpoint_eval.errors import TrialError
from checkpoint_eval.report.evaluation import Evaluation
from checkpoint_eval.report.figures import (
    CONTROL,
    GUIDE,
    arm_colours,
    legible,
    theme,
    tick_around_null,
    wrapped,
)
from checkpoint_eval.report.tables import format_effect, is_share, measure_told, untold
from checkpoint_eval.results import Estimate

_LESS = "(below 0: less under treatment)"
# Estimates that read alike: (estimands, whether outcomes share a scale, what the axis says).
_KINDS: tuple[tuple[tuple[str, ...], bool, str], ...] = (
    (
        (
            *("hazard ratio", "marginal hazard ratio", "subdistribution hazard ratio"),
            *("risk ratio", "odds ratio", "rate ratio", "while-alive rate ratio"),
        ),
        True,
        "Ratio, log scale (below 1: fewer events under treatment)",
    ),
    (
        ("risk difference", "cumulative incidence difference"),
        True,
        "Difference in risk, percentage points (below 0: fewer events under treatment)",
    ),
    (
        ("survival difference",),
        True,
        "Difference in share free of the event, percentage points (above 0: fewer events)",
    ),
    (
        ("restricted mean difference",),
        True,
        "Difference in mean time free, {unit} (above 0: longer)",
    ),
    (
        ("mean events difference", "mean events with death difference"),
        True,
        "Difference in mean number of events (below 0: fewer under treatment)",
    ),
    (
        ("restricted mean ratio",),
        True,
        "Ratio of mean time free, log scale (above 1: longer)",
    ),
    (
        ("restricted mean time lost ratio",),
        True,
        "Ratio of mean time lost, log scale (below 1: less lost under treatment)",
    ),
    (
        ("mean difference", "trimmed mean difference", "winsorised mean difference"),
        False,
        f"Difference in mean {{outcome}} {_LESS}",
    ),
    (
        ("superiority difference", "net benefit"),
        True,
        "Pairs in which treatment does better, less those in which control does, percentage points",
    ),
    (("ordinal odds ratio",), True, "Odds ratio of worse, log scale (below 1: milder)"),
    (("win ratio", "win odds"), True, "Wins over losses, log scale (above 1: milder or later)"),
    (("complier average effect",), False, f"Effect on compliers: {{outcome}} {_LESS}"),
)
# Inches: the page's width is shared by names, intervals and numbers.
WIDE, NAMES, NUMBERS = 8.8, 3.0, 2.3
LINE, ROW, GAP, AXIS = 0.165, 0.28, 0.3, 0.42
MARKERS = "soD^v"  # of treatment arms, for those who do not tell their colours apart
LETTERS = 36  # of a line of a name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """Estimates that share a scale, and what its axis says."""

    rows: tuple[Estimate, ...]
    label: str

    def runs(self) -> list[tuple[str, int]]:
        """Return the wrapped names, and how many rows each has: one for each treatment arm."""
        names = [wrapped(_name(each), LETTERS) for each in self.rows]
        # The first arm again is another result of the same name.
        first = self.rows[0].contrast[0]
        starts = [
            place
            for place, each in enumerate(self.rows)
            if not place or names[place] != names[place - 1] or each.contrast[0] == first
        ]
        ends = [*starts[1:], len(self.rows)]
        return [(names[start], end - start) for start, end in zip(starts, ends, strict=True)]

    def heights(self) -> list[float]:
        """Return how high each row is in inches: a name has room beside its rows."""
        return [
            max(LINE * (name.count("\n") + 1) + 0.14, several * ROW) / several
            for name, several in self.runs()
            for _ in range(several)
        ]


@legible
def plot_forest(evaluation: Evaluation, *, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Draw every estimate with its interval, those of one scale and direction in one panel.

    Parameters
    ----------
    evaluation : Evaluation
    axes : sequence of matplotlib Axes, optional
        One for each panel, in order. How many there are is the length of what is returned.

    Returns
    -------
    list of matplotlib Axes
        One for each panel; empty when nothing is estimable. Ratios share a panel, and so do shares
        and times in one unit; amounts such as harm have one for each outcome.

    Raises
    ------
    TrialError
        When `axes` are not as many as the panels.

    Notes
    -----
    A result that is not estimable, or withheld, keeps its row. An arrow is an interval that goes on
    beyond the panel. Several treatment arms stand below one another, in the order of the key.

    Examples
    --------
    >>> from checkpoint_eval import evaluate, load_rossi
    >>> axes = plot_forest(evaluate(load_rossi()))
    >>> axes[0].get_xlabel()
    'Ratio, log scale (below 1: fewer events under treatment)'
    """
    check_noun(evaluation, Evaluation, "evaluation", of="evaluate")
    panels = list(_panels(evaluation))
    if axes is not None and len(axes) != len(panels):
        raise TrialError(
            f"`axes` has {len(axes)} Axes and the figure {len(panels)} panels; give one for each, "
            "or leave it out."
        )
    if not panels:
        return []
    with theme():
        drawn = _stacked(panels) if axes is None else list(axes)
        for ax, panel in zip(drawn, panels, strict=True):
            _draw(ax, panel, evaluation.arms)
        if len(evaluation.arms) > 2:
            _key(drawn[0], evaluation.arms)
    return drawn


def _panels(evaluation: Evaluation) -> Iterator[_Panel]:
    """Sort estimates into panels, in the order of kinds and then of the evaluation."""
    found = [each.value for each in evaluation.results if isinstance(each.value, Estimate)]
    known = {name for estimands, _, _ in _KINDS for name in estimands}
    others = dict.fromkeys(each.estimand for each in found if each.estimand not in known)
    kinds = (*_KINDS, *(((name,), False, f"{name.capitalize()}: {{outcome}}") for name in others))
    for estimands, together, label in kinds:
        mine = [each for each in found if each.estimand in estimands]
        apart: dict[tuple[str, ...], list[Estimate]] = {}
        for each in mine:
            shared = together or is_share(each)
            key = (
                each.unit if "restricted" in each.estimand else "",
                "" if shared else each.outcome,
            )
            apart.setdefault(key, []).append(each)
        for (unit, outcome), rows in apart.items():
            if any(each.estimable for each in rows):
                told = label.format(unit=unit, outcome=outcome or "percentage points")
                yield _Panel(rows=tuple(rows), label=told)


def _name(value: Estimate) -> str:
    parts = [measure_told(value)]
    if value.adjusted_for:
        parts.append("adjusted")
    if value.analysis_set != "itt":
        parts.append(value.analysis_set)
    return f"{value.outcome}: {', '.join(parts)}"


def _stacked(panels: Sequence[_Panel]) -> list[Axes]:
    """Return one Axes a panel, below each other, each as high as its rows need."""
    heights = [sum(panel.heights()) for panel in panels]
    below = [AXIS + LINE * len(textwrap.wrap(panel.label, 62)) + GAP for panel in panels]
    total = sum(heights) + sum(below)
    figure = plt.figure(figsize=(WIDE, total))
    drawn, top = [], total
    for height, room in zip(heights, below, strict=True):
        top -= height
        place = (NAMES / WIDE, top / total, (WIDE - NAMES - NUMBERS) / WIDE, height / total)
        drawn.append(figure.add_axes(place))
        top -= room
    return drawn


def _draw(ax: Axes, panel: _Panel, arms: tuple[str, ...]) -> None:
    rows, first = panel.rows, next(each for each in panel.rows if each.estimable)
    tall = np.array(panel.heights())
    places = np.cumsum(tall) - tall / 2
    ax.set_ylim(float(tall.sum()), 0)
    if first.scale == "ratio":
        ax.set_xscale("log")
    ends = np.array([(each.low, each.value, each.high) for each in rows if each.estimable])
    _set_limits(ax, ends[np.isfinite(ends) & ((ends > 0) | (first.null == 0))], first.null)
    colours = arm_colours(arms)
    for place, each in zip(places, rows, strict=True):
        arm = each.contrast[0]
        _row(ax, float(place), each, colours[arm], _marker(arms, arm))
    ax.axvline(first.null, color=GUIDE, linewidth=1, zorder=0)
    tick_around_null(ax, first.null, most=6, factor=100 if is_share(first) else 1)
    ax.tick_params(axis="x", labelsize=8)
    ax.set_yticks(places, [""] * len(rows))
    start = 0
    for name, several in panel.runs():
        middle = float(places[start : start + several].mean())
        ax.annotate(name, (-0.02, middle), xycoords=("axes fraction", "data"), ha="right",
                    va="center", size=9)  # fmt: skip
        start += several
    ax.set_xlabel(wrapped(panel.label, 62), size=9)


def _marker(arms: tuple[str, ...], arm: str) -> str:
    return MARKERS[(arms.index(arm) - 1) % len(MARKERS)]


def _key(ax: Axes, arms: tuple[str, ...]) -> None:
    """Tell the treatment arms above the first panel."""
    colours = arm_colours(arms)
    handles = [
        Line2D([], [], color=colours[arm], marker=_marker(arms, arm), markersize=6,
               label=wrapped(arm, 70))
        for arm in arms[1:]
    ]  # fmt: skip
    ax.legend(handles=handles, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), fontsize=9)


def _set_limits(ax: Axes, ends: np.ndarray, null: float) -> None:
    """Let the axis hold every finite limit and no effect."""
    held = np.append(ends, null)
    low, high = float(held.min()), float(held.max())
    if ax.get_xscale() == "log":
        room = (high / low) ** 0.06 if high > low else 1.1
        ax.set_xlim(low / room, high * room)
    else:
        room = 0.06 * (high - low) or 0.1
        ax.set_xlim(low - room, high + room)


def _row(ax: Axes, place: float, each: Estimate, colour: str, marker: str) -> None:
    """Draw one interval and write it to the right."""
    across = ("axes fraction", "data")
    if each.estimable:
        edges = ax.get_xlim()
        low, high = max(each.low, edges[0]), min(each.high, edges[1])
        ax.plot([low, high], [place, place], color=colour, linewidth=1.6)
        for end, edge, mark in ((each.low, edges[0], "<"), (each.high, edges[1], ">")):
            if not edges[0] <= end <= edges[1]:
                ax.plot([edge], [place], mark, color=colour, markersize=6, clip_on=False)
        ax.plot(each.value, place, marker, color=colour, markersize=6)
    else:
        ax.annotate(untold(each), (0.5, place), xycoords=across, ha="center", va="center", size=8.5,
                    color=CONTROL, style="italic",
                    bbox={"fc": "white", "ec": "none", "pad": 1})  # fmt: skip
        return
    ax.annotate(format_effect(each), (1.02, place), xycoords=across, va="center", size=8)
