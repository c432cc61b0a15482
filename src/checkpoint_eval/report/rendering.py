"""Rendering every figure of a report to SVG and PNG, the same bytes for the same evaluation."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from checkpoint_eval.balance.differences import BalanceTable
from checkpoint_eval.balance.participant_flow import Flow
from checkpoint_eval.report.evaluation import Evaluation
from checkpoint_eval.report.figures import flow_diagram, plot_balance, plot_forest, plot_survival


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One figure as files, and in words for those who do not see it."""

    name: str
    title: str
    text: str
    svg: str
    png: bytes


def draw_all(evaluation: Evaluation) -> tuple[Drawing, ...]:
    """Return every figure of a report, its protocol and data digests in the footer."""
    short = evaluation.protocol_digest[:12] or "none"
    footer = f"protocol {short} · data {evaluation.data_digest[:12]}"
    drawn: list[tuple[str, str, str, Axes]] = [
        ("flow", "Participant flow", _flow_text(evaluation.flow), flow_diagram(evaluation.flow))
    ]
    if evaluation.balance:
        text = _balance_text(evaluation.balance)
        drawn.append(("balance", "Balance at baseline", text, plot_balance(evaluation.balance)))
    for curve in evaluation.curves:
        title = f"Time to {curve.outcome}"
        drawn.append((f"survival-{_slug(curve.outcome)}", title, repr(curve), plot_survival(curve)))
    forest = plot_forest(evaluation)
    if forest:
        text = "Estimates and intervals, as in the table of results."
        drawn.append(("forest", "Estimates and intervals", text, forest[0]))
    return tuple(_render(name, title, text, ax, footer=footer) for name, title, text, ax in drawn)


def _render(name: str, title: str, text: str, ax: Axes, *, footer: str) -> Drawing:
    figure = ax.figure
    if not isinstance(figure, Figure):
        raise TypeError("figures of a report stand alone, not inside another figure")
    # Under everything drawn, labels included; both in inches.
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    corner = (drawn.x1 / width, (drawn.y0 - 0.08) / height)
    figure.text(*corner, footer, ha="right", va="top", size=6, color="#5f6368")
    # A salt and no date: an SVG otherwise differs each time it is written.
    with mpl.rc_context({"svg.hashsalt": "checkpoint_eval", "svg.fonttype": "path"}):
        svg, png = io.StringIO(), io.BytesIO()
        figure.savefig(svg, format="svg", bbox_inches="tight", metadata={"Date": None})
        figure.savefig(png, format="png", bbox_inches="tight", dpi=150)
    plt.close(figure)
    return Drawing(name=name, title=title, text=text, svg=svg.getvalue(), png=png.getvalue())


def inline_svg(drawing: Drawing) -> str:
    """Return the SVG element alone, its ids made unique so that figures share one page."""
    body = drawing.svg[drawing.svg.index("<svg") :]
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{drawing.name}-", body)
    return re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)


def _flow_text(flow: Flow) -> str:
    steps = "; ".join(
        f"{step.step}: "
        + ", ".join(f"{arm} {n}" for arm, n in zip(flow.arms, step.counts, strict=True))
        for step in flow.steps
    )
    return f"Participant flow. {steps}."


def _balance_text(tables: Sequence[BalanceTable]) -> str:
    rows = [
        f"{row.covariate} {row.level} {row.difference:.2f}".replace("  ", " ")
        for table in tables
        for row in table.rows
    ]
    return f"Standardised differences: {'; '.join(rows)}."
