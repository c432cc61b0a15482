"""Rendering every figure of a report to SVG and PNG, the same bytes for the same evaluation."""

import io
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count

import matplotlib.pyplot as plt
from markupsafe import escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from checkpoint_eval._progress import watched
from checkpoint_eval.report.design_figures import plot_integrity
from checkpoint_eval.report.evaluation import Evaluation, Result
from checkpoint_eval.report.figure_texts import (
    balance_text,
    curve_text,
    effects_text,
    flow_text,
    inequality_text,
    integrity_text,
    pathways_text,
    subgroups_text,
)
from checkpoint_eval.report.figures import parameters, plot_balance, plot_survival, theme
from checkpoint_eval.report.flow_figures import flow_diagram
from checkpoint_eval.report.forest_figures import plot_forest
from checkpoint_eval.report.harm_figures import plot_lorenz
from checkpoint_eval.report.pathway_figures import plot_pathways
from checkpoint_eval.report.sections import Drawing
from checkpoint_eval.report.subgroup_figures import plot_subgroups
from checkpoint_eval.report.tables import visible

# Inches around a drawing; and the width and height that its footer takes.
PAD, FOOTER = 0.1, (3.1, 0.1)
LONGEST = 80  # letters of a figure's name
KINDS: tuple[str, ...] = ("svg", "png")
POINTS, DOTS = 72, 150  # an inch, of SVG and of PNG


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """A figure to be drawn: its name, what it is called and tells, and what draws it."""

    name: str
    title: str
    text: str
    draw: Callable[[], Axes]


def draw_all(evaluation: Evaluation, *, kinds: Sequence[str] = KINDS) -> tuple[Drawing, ...]:
    """Return every figure of a report, its protocol and data digests in the footer.

    A kind that is not asked for is left empty: the page needs no PNG and the Word document no SVG.
    """
    short = evaluation.protocol_digest[:12] or "none"
    rule = "" if evaluation.protected else " · every count is told"
    footer = f"protocol {short} · data {evaluation.data_digest[:12]}{rule}"
    planned = watched(tuple(_named_apart(_planned(evaluation))), "figures")
    return tuple(_render(each, footer=footer, kinds=kinds) for each in planned)


def _named_apart(several: Iterable[_Planned]) -> Iterator[_Planned]:
    """Give each a name that a file can have and no other has, whatever its letters' case."""
    taken: set[str] = set()
    for each in several:
        names = (each.name[:LONGEST] + (f"-{n}" if n > 1 else "") for n in count(1))
        name = next(name for name in names if name.casefold() not in taken)
        taken.add(name.casefold())
        yield replace(each, name=name)


def _planned(evaluation: Evaluation) -> Iterator[_Planned]:
    found = evaluation.flow
    yield _Planned(
        name="flow",
        title="Participant flow",
        text=flow_text(found),
        draw=partial(flow_diagram, found),
    )
    tables = evaluation.balance
    if tables:
        yield _Planned(
            name="balance",
            title="Balance at baseline",
            text=balance_text(tables),
            draw=partial(plot_balance, tables),
        )
    yield from _integrity(evaluation)
    for curve in evaluation.curves:
        yield _Planned(
            name=f"survival-{_slug(curve.outcome)}",
            title=f"Time to {curve.outcome}",
            text=curve_text(curve),
            draw=partial(plot_survival, curve, medians=evaluation.protected is None),
        )
    yield from _more(evaluation)
    yield from _forests(evaluation)


def _integrity(evaluation: Evaluation) -> Iterator[_Planned]:
    for each in evaluation.integrity:
        if each.by:
            by = ", ".join(each.by)
            yield _Planned(
                name=f"integrity-{_slug(by)}",
                title=f"Treated as assigned, by {by}",
                text=integrity_text(each),
                draw=partial(plot_integrity, each),
            )


def _more(evaluation: Evaluation) -> Iterator[_Planned]:
    """Plan the figures of pathways, harm and subgroups."""
    pathways = evaluation.pathways
    if pathways:
        for among, family in (("need", pathways.with_need), ("everyone", pathways.everyone)):
            yield _Planned(
                name=f"pathways-{among}",
                title=f"Critical pathways, among {family.among}",
                text=pathways_text(pathways, family),
                draw=partial(plot_pathways, pathways, among=among, arms=evaluation.arms),
            )
    for inequality in evaluation.inequality:
        difference = inequality.difference
        which = f", {difference.contrast[0]}" if len(evaluation.arms) > 2 else ""
        yield _Planned(
            name=f"lorenz-{_slug(difference.outcome)}-{_slug(difference.contrast[0])}",
            title=f"How {difference.outcome} is spread over people{which}",
            text=inequality_text(inequality),
            draw=partial(plot_lorenz, inequality, arms=evaluation.arms),
        )
    for place, subgroups in enumerate(evaluation.subgroups, 1):
        overall = subgroups.overall
        yield _Planned(
            name=f"subgroups-{place}",
            title=f"{overall.estimand.capitalize()} of {overall.outcome} in subgroups",
            text=subgroups_text(subgroups),
            draw=partial(plot_subgroups, subgroups, arms=evaluation.arms),
        )


def _forests(evaluation: Evaluation) -> Iterator[_Planned]:
    """Plan one forest for what was promised, one for what was not and one for sensitivity."""
    planned = tuple(each for each in evaluation.results if each.value.planned)
    others = tuple(each for each in evaluation.results if not each.value.planned)
    groups: tuple[tuple[str, str, tuple[Result, ...]], ...] = (
        ("forest", "Planned estimates and intervals", planned),
        ("forest-exploratory", "Exploratory estimates and intervals", others),
        ("forest-sensitivity", "Sensitivity: estimates and intervals", evaluation.sensitivity),
    )
    for name, title, results in groups:
        axes = plot_forest(replace(evaluation, results=results)) if results else []
        if axes:
            yield _Planned(
                name=name,
                title=title,
                text=effects_text(results),
                draw=partial(axes.__getitem__, 0),
            )


def _render(planned: _Planned, *, footer: str, kinds: Sequence[str]) -> Drawing:
    # A salt and no date: an SVG otherwise differs each time it is written. Its text stays text,
    # which can be found, selected and read in any script.
    same = parameters({"svg.hashsalt": "checkpoint_eval", "svg.fonttype": "none"})
    with theme(), same, warnings.catch_warnings():
        # What the font lacks a browser takes from another; it is measured as a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = planned.draw().figure
        if not isinstance(figure, Figure):
            raise TypeError("figures of a report stand alone, not inside another figure")
        # The box is as large as what is drawn, so nothing need be moved to make it fit.
        figure.set_layout_engine("none")
        box = _with_footer(figure, footer)
        written = {kind: _saved(figure, box, kind=kind) if kind in kinds else b"" for kind in KINDS}
    plt.close(figure)
    return Drawing(
        name=planned.name,
        title=visible(planned.title),
        text=visible(planned.text),
        svg=visible(written["svg"].decode()),
        png=written["png"],
    )


def _saved(figure: Figure, box: Bbox, *, kind: str) -> bytes:
    written = io.BytesIO()
    dots, undated = (POINTS, {"Date": None}) if kind == "svg" else (DOTS, None)
    figure.savefig(written, format=kind, bbox_inches=box, dpi=dots, metadata=undated)
    return written.getvalue()


def _with_footer(figure: Figure, footer: str) -> Bbox:
    """Write the footer under everything drawn, labels included, and return the box of it all."""
    figure.set_dpi(POINTS)
    wide, high = figure.get_size_inches()
    renderer = RendererSVG(POINTS * wide, POINTS * high, io.StringIO())  # type: ignore[no-untyped-call]
    drawn = figure.get_tightbbox(renderer)
    left = min(drawn.x0, drawn.x1 - FOOTER[0])
    corner = (drawn.x1 / wide, (drawn.y0 - PAD) / high)
    figure.text(*corner, footer, ha="right", va="top", size=6, color="#5f6368")
    return Bbox([[left - PAD, drawn.y0 - 2 * PAD - FOOTER[1]], [drawn.x1 + PAD, drawn.y1 + PAD]])


def inline_svg(drawing: Drawing) -> str:
    """Return the SVG element alone, named and told in words, its ids unlike those of others."""
    body = drawing.svg[drawing.svg.index("<svg") :]
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{drawing.name}-", body)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    ids = f"{drawing.name}-title", f"{drawing.name}-desc"
    named = (
        f'role="img" aria-labelledby="{ids[0]} {ids[1]}"><title id="{ids[0]}">'
        f'{escape(drawing.title)}</title><desc id="{ids[1]}">{escape(drawing.text)}</desc>'
    )
    return re.sub(r"<svg([^>]*)>", lambda found: f"<svg{found[1]} {named}", body, count=1)


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)
