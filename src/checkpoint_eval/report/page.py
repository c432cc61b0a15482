"""One self-contained page: tables, figures and provenance, no network."""

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from checkpoint_eval._atomic import write_file
from checkpoint_eval.errors import OutputRefused
from checkpoint_eval.report.evaluation import Evaluation
from checkpoint_eval.report.rendering import Drawing, draw_all, inline_svg
from checkpoint_eval.report.tables import format_p, headline, table_row

GENERATOR = '<meta name="generator" content="checkpoint_eval">'


def write_report(evaluation: Evaluation, path: str | Path) -> Path:
    """Write the evaluation as one HTML page that needs nothing else.

    Parameters
    ----------
    evaluation : Evaluation
    path : str or Path
        The file to write. A report of ours is replaced; any other file is left alone.

    Returns
    -------
    Path
        Where the page is.

    Raises
    ------
    OutputRefused
        When the path is a folder, its folder does not exist, or it holds something that is not a
        report of ours.

    Notes
    -----
    The page is written beside its place and then renamed: an interrupted run leaves the old page
    or none, never half a one.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise OutputRefused(f"`path` {target}: folder {target.parent} does not exist; make it.")
    if target.is_dir():
        raise OutputRefused(
            f"`path` {target} is a folder; name a file in it, or use `write_folder`."
        )
    if target.exists() and GENERATOR.encode() not in target.read_bytes()[:2000]:
        raise OutputRefused(
            f"`path` {target} exists and is not a report of ours; choose another name."
        )
    write_file(target, render_page(evaluation, draw_all(evaluation)).encode())
    return target


def render_page(evaluation: Evaluation, drawings: tuple[Drawing, ...]) -> str:
    """Return the HTML of the page."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("checkpoint_eval.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(_content(evaluation, drawings))


def _content(evaluation: Evaluation, drawings: tuple[Drawing, ...]) -> dict[str, Any]:
    several = len(evaluation.arms) > 2
    rows = [table_row(result, several_arms=several) for result in evaluation.results]
    figures = {
        drawing.name: {
            "title": drawing.title,
            "text": drawing.text,
            # Our own SVG: the one piece of the page that is not escaped.
            "svg": Markup(inline_svg(drawing)),
        }
        for drawing in drawings
    }
    return {
        "generator": Markup(GENERATOR),
        "evaluation": evaluation,
        "protocol": evaluation.protocol,
        "headline": headline(evaluation),
        "level": f"{100 * evaluation.level:g}%",
        "figures": figures,
        "survival": [name for name in figures if name.startswith("survival-")],
        "groups": [
            (title, [row for row in rows if row["standing"] == standing])
            for title, standing in (
                ("Planned, confirmatory", "planned, confirmatory"),
                ("Planned", "planned"),
                ("Exploratory", "exploratory"),
            )
        ],
        "baseline": evaluation.baseline.to_wide(),
        "checks": [(check, format_p(check.p_value)) for check in evaluation.checks],
    }
