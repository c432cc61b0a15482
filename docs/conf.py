"""How the documentation is built: `make docs`."""

import os
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

import checkpoint_eval

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)
ROOMS = ("design", "randomise", "outcomes", "balance", "models", "cohort", "power", "report")

project = "checkpoint_eval"
author = "the authors of checkpoint_eval"
copyright = author  # noqa: A001 - Sphinx reads this name
release = version = checkpoint_eval.__version__
language = "en-GB"

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_nb"]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]
smartquotes = False  # "andersen-gill" is to be typed as it stands

# Tutorials are run at every build; an error or a warning ends it.
os.environ["TQDM_DISABLE"] = "1"
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_output_stderr = "error"

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

# A page for each public name, grouped by hand in rooms/; tests/guards/test_docs.py finds what is
# missing. `flow` and `Flow` would be one file where names of files have no case.
autosummary_generate = True
autosummary_filename_map = {
    f"checkpoint_eval.{room}.{name}": f"checkpoint_eval.{room}.{name}-noun"
    for room in ROOMS
    for name in import_module(f"checkpoint_eval.{room}").__all__
    if name[0].isupper()
}
autodoc_typehints = "none"  # docstrings say types and shapes
autodoc_member_order = "bysource"
default_role = "py:obj"  # single backticks in docstrings are names
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "checkpoint_eval"
html_static_path = ["_static"]
html_css_files = ["docs.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "show_nav_level": 1,
    "navigation_depth": 3,
    "footer_start": [],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
# Wide tables have the page to themselves.
html_sidebars = {
    "methods": [],
    "operating-characteristics": [],
    "coming-from-r": [],
    "coming-from-lifelines": [],
    "data-dictionary": [],
    "commands": [],
    "protocol": [],
    "glossary": [],
    "index": [],
}


# A constant has no docstring of its own; Sphinx would show that of its kind.
CONSTANTS = {
    "ESTIMATES_SCHEMA": "The name and version of the table of estimates, as written in it.",
    "MEASURES": "Every measure that an estimand of a protocol may name, by name.",
    "PROVEN": "Reoffending proven by conviction or caution in the follow-up or 6 months more.",
    "RECORDED": "Recorded crime: offences count whether or not they were proven.",
    "CAMBRIDGE_MEDIANS": "Median days of prison by kind of offence, by the Cambridge harm index.",
    "NATIONAL": "The seven pathways of the national offender management service (2004).",
    "COUNTY_DURHAM": "The pathways of the County Durham and Darlington strategy.",
    "REGISTER": "The needs as the register of the Checkpoint trial names them.",
    "CRIME_PANEL": "The needs as the police and crime panel was told of them.",
    "Boundary": "Any boundary: of a spending function, or classical.",
}


def show_formula(writer: "HTML5Translator", node: nodes.math | nodes.math_block) -> None:
    """Write a formula as MathML, which browsers draw by themselves."""
    block = isinstance(node, nodes.math_block)
    writer.body.append(tex2mathml(node.astext(), as_block=block))
    raise nodes.SkipNode


def link_names(_: "Sphinx", page: str, source: list[str]) -> None:
    """Let names in backticks of the methods page lead to their pages, where they are one name."""
    if page != "methods":
        return
    known = {
        name: f"rooms/names/checkpoint_eval.{room}.{name}{'-noun' * name[0].isupper()}"
        for room in ROOMS
        for name in import_module(f"checkpoint_eval.{room}").__all__
    }

    def linked(found: re.Match[str]) -> str:
        name = found[1].split(".")[-1]
        return f"[`{found[1]}`](/{known[name]}.rst)" if name in known else found[0]

    source[0] = re.sub(r"`([A-Za-z_.]+)`", linked, source[0])


def mend_docstring(_: "Sphinx", what: str, name: str, *told: Any) -> None:
    """Say what a constant is, and keep |x| an absolute value."""
    lines = told[-1]
    if what == "data" and name.split(".")[-1] in CONSTANTS:
        lines[:] = [CONSTANTS[name.split(".")[-1]], ""]
    for place, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            lines[place] = re.sub(r"\|([^|\s]+)\|", r"\\|\1\\|", line)


def refuse_unseen(_: "Sphinx", page: nodes.document, name: str) -> None:
    """Warn of a cell that draws and shows nothing; a warning ends the build."""
    for cell in page.findall(nodes.container):
        drawn = re.findall(r"plot_\w+", cell.astext()) if "cell" in cell["classes"] else []
        if drawn and next(cell.findall(nodes.image), None) is None:
            logger.warning("%s: %s draws nothing that is shown", name, drawn[0])


def setup(app: "Sphinx") -> dict[str, Any]:
    """Tell Sphinx how formulas are shown."""
    app.add_html_math_renderer("mathml", (show_formula, None), (show_formula, None))
    app.connect("source-read", link_names)
    app.connect("autodoc-process-docstring", mend_docstring, priority=900)
    app.connect("doctree-resolved", refuse_unseen)
    return {"parallel_read_safe": True}


html_math_renderer = "mathml"
