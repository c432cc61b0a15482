"""One self-contained page: what the sections say, with no network."""

from collections.abc import Callable
from pathlib import Path

import jinja2
from markupsafe import Markup

from checkpoint_eval._atomic import write_file
from checkpoint_eval._checks import check_path
from checkpoint_eval.errors import OutputRefused
from checkpoint_eval.report.disclosure import Disclosure
from checkpoint_eval.report.disclosure_protecting import as_told
from checkpoint_eval.report.evaluation import Evaluation
from checkpoint_eval.report.html_tables import html_table
from checkpoint_eval.report.rendering import draw_all, inline_svg
from checkpoint_eval.report.sections import Drawing, Table
from checkpoint_eval.report.sections_all import report_sections, subtitle, title

# Frozen, so that one value may be the default of every call.
DISCLOSURE = Disclosure()
GENERATOR = '<meta name="generator" content="checkpoint_eval">'


def write_report(
    evaluation: Evaluation, path: str | Path, *, disclosure: Disclosure | None = DISCLOSURE
) -> Path:
    """Write the evaluation as one HTML page that needs nothing else.

    Parameters
    ----------
    evaluation : Evaluation
    path : str or Path
        The file to write, ending in ".html" or ".htm". A report of ours is replaced; any other
        file is left alone.
    disclosure : Disclosure or None
        The rule by which counts are withheld and rounded before anything is written. None: not at
        all. The page tells which.

    Returns
    -------
    Path
        Where the page is.

    Raises
    ------
    OutputRefused
        When the path has another ending, is a folder, its folder does not exist, or it holds
        something that is not a report of ours.

    Notes
    -----
    The page is written beside its place and then renamed: an interrupted run leaves the old page
    or none, never half a one. `write_word` writes the same sections.

    References
    ----------
    Sections and checklist: CONSORT 2025 (Hopewell et al., BMJ 2025;388:e081123) and Crim-PORT 1.0
    (Sherman and Strang, 2009). Checked against tables worked out by hand and in R in tests/report.

    Examples
    --------
    >>> import tempfile
    >>> from checkpoint_eval import evaluate, load_rossi
    >>> evaluation = evaluate(load_rossi())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = write_report(evaluation, f"{folder}/report.html").read_text(encoding="utf-8")
    >>> "<h1" in page
    True
    """
    target = free_place(path, is_ours=_is_ours)
    if target.suffix.lower() not in (".html", ".htm"):
        raise OutputRefused(f"`path` {path} must end in .html, so that a browser opens it.")
    shown = as_told(evaluation, disclosure)
    write_file(target, render_page(shown, draw_all(shown, kinds=("svg",))).encode())
    return target


def _is_ours(file: Path) -> bool:
    return GENERATOR.encode() in file.read_bytes()[:2000]


def free_place(path: str | Path, *, is_ours: Callable[[Path], bool]) -> Path:
    """Return a path that is free, or holds a report of ours."""
    target = check_path(path)
    if not target.parent.is_dir():
        raise OutputRefused(f"`path` {target}: folder {target.parent} does not exist; make it.")
    if target.is_dir():
        raise OutputRefused(
            f"`path` {target} is a folder; name a file in it, or use `write_folder`."
        )
    if target.exists() and not is_ours(target):
        raise OutputRefused(
            f"`path` {target} exists and is not a report of ours; choose another name."
        )
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
    numbered: list[str] = []

    def table_html(table: Table) -> Markup:
        numbered.append(table.caption)
        return html_table(table, name=f"table-{len(numbered)}")

    headline, *sections = report_sections(evaluation, drawings)
    return environment.get_template("report.html.j2").render(
        generator=Markup(GENERATOR),
        title=title(evaluation),
        subtitle=subtitle(evaluation),
        headline=headline,
        sections=sections,
        table_html=table_html,
        # Our own SVG: with the tables, the pieces of the page that are not escaped again.
        figure_svg=lambda drawing: Markup(inline_svg(drawing)),
    )
