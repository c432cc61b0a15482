"""Figure of the participant flow."""

import textwrap

import numpy as np
from matplotlib.axes import Axes

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import check_noun
from checkpoint_eval.balance.participant_flow import Flow
from checkpoint_eval.report.figures import arm_colours, legible, own_axes, theme

# Inches of the participant flow: a line of text, a letter, the room around a box's text, and the
# way from box to box.
LINE, LETTER, PAD, STEP = 0.19, 0.08, 0.3, 0.52
# How steps of a flow end that are about one outcome.
UNKNOWN, ANALYSED = " unknown", " analysed"


@legible
def flow_diagram(flow: Flow, *, ax: Axes | None = None) -> Axes:
    """Draw the participant flow: assessed, randomised, then each arm to its analysis.

    Parameters
    ----------
    flow : Flow
        From the verb `flow` or an evaluation; `protect` withholds its small counts.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        Its data units are inches: long names are wrapped, and the drawing is as wide as its boxes
        need.

    Examples
    --------
    >>> from checkpoint_eval import flow, load_rossi
    >>> ax = flow_diagram(flow(load_rossi()))
    >>> ax.texts[0].get_text()
    'Randomised: 432'
    """
    check_noun(flow, Flow, "flow", of="flow")
    rows = [
        [_box_text(lines) for lines in row] for row in (_received(flow), _analysed(flow)) if row
    ]
    column = max(_size(text)[0] for row in rows for text in row) + 0.4
    top = _screening(flow)
    side = 2 * (_size(top[1])[0] + 0.7) if top else 0.0
    width = max(column * len(flow.arms), side, 4.0)
    heights = [max(_size(text)[1] for text in row) for row in rows]
    height = sum(heights) + 0.95 + STEP * len(rows) + (_size(top[1])[1] + 1.0 if top else 0)
    with theme():
        if ax is None:  # the room of somebody else's Axes is theirs to give
            ax = own_axes(ax, (width, height))
            ax.set_position((0.0, 0.0, 1.0, 1.0))
        ax.set(xlim=(0, width), ylim=(0, height))
        ax.axis("off")
        y = height - 0.35
        if top:
            y = _draw_screening(ax, width / 2, y, top)
        _box(ax, width / 2, y, f"Randomised: {sum(flow.steps[0].counts):,}")
        middles = width / 2 + column * (np.arange(len(flow.arms)) - (len(flow.arms) - 1) / 2)
        _draw_arms(ax, flow, (width / 2, y - 0.2), floats(middles), rows)
    return ax


def _draw_arms(
    ax: Axes, flow: Flow, start: tuple[float, float], middles: FloatArray, rows: list[list[str]]
) -> None:
    """Draw the boxes of each arm below one another, those of one step at one height."""
    colours = arm_colours(flow.arms)
    froms = [start] * len(flow.arms)
    y = start[1]
    for row in rows:
        y -= STEP
        for place, (x, text) in enumerate(zip(middles.tolist(), row, strict=True)):
            high = _size(text)[1]
            _arrow(ax, froms[place], (x, y + 0.02))
            _box(ax, x, y - high / 2, text, edge=colours[flow.arms[place]])
            froms[place] = (x, y - high)
        y -= max(_size(text)[1] for text in row)


def _received(flow: Flow) -> list[list[str]]:
    """Return what the first box of each arm says: who it was, and who received it."""
    steps = [each for each in flow.steps if not each.step.endswith((UNKNOWN, ANALYSED))]
    return [
        [arm, *(f"{_capital(each.step)}: {each.counts[code]:,}" for each in steps)]
        for code, arm in enumerate(flow.arms)
    ]


def _analysed(flow: Flow) -> list[list[str]]:
    """Return what the second box of each arm says: whose outcomes are known, and whose are not."""
    ends = [each for each in flow.steps if each.step.endswith(ANALYSED)]
    lost = {
        each.step.removesuffix(UNKNOWN): each.counts
        for each in flow.steps
        if each.step.endswith(UNKNOWN)
    }
    told = []
    for code in range(len(flow.arms) if ends else 0):
        lines = ["Analysed"]
        for each in ends:
            name = each.step.removesuffix(ANALYSED)
            unknown = f" ({lost[name][code]:,} unknown)" if name in lost else ""
            lines.append(f"{_capital(name)}: {each.counts[code]:,}{unknown}")
        told.append(lines)
    return told


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _box_text(lines: list[str]) -> str:
    return "\n".join(line for each in lines for line in _wrapped(each))


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
