"""Tables of a report as HTML, by great-tables."""

import re
import warnings
from typing import Any

import pyarrow as pa
from markupsafe import Markup, escape

from checkpoint_eval.report.sections import Table

LONG = re.compile(r"[^\s<>&;]{25,}")
HEADED = re.compile(r'<td headers="\S+ \S+-c(\d+)"')
INTERVAL = re.compile(r"\([^()<]* to [^()<]*\)")


def html_table(table: Table, *, name: str) -> Markup:
    """Return the table alone; `name` keeps its ids unlike those of others on the page.

    Notes
    -----
    great-tables puts a title into a cell of the head and its style sheet beside every table. Ours
    has a caption instead, which a screen reader announces, and the page's own style sheet, which
    knows dark screens and paper. Each cell bears the name of its column, which a phone shows
    beside it.
    """
    from great_tables import GT, html

    # Columns by place: their labels may repeat or hold what no id can.
    columns = [f"c{place}" for place in range(len(table.columns))]
    labels: list[Any] = [html(_cell(label)) for label in table.columns]
    # Its cells are read and set one by one, which pandas does slowly.
    cells = pa.table(dict(zip(columns, map(list, zip(*table.rows, strict=True)), strict=True)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PyArrow Table support is currently experimental")
        made = (
            GT(cells, rowname_col="c0", id=name)
            .tab_stubhead(labels[0])
            .cols_label(**dict(zip(columns[1:], labels[1:], strict=True)))
            .cols_align("left")
            .fmt(_cell, columns=columns)
        )
        for note in table.notes:
            made = made.tab_source_note(note)
        text = made.as_raw_html()
    body = text[text.index("<table") : text.index("</table>") + len("</table>")]
    caption = f"<caption>{escape(table.caption)}</caption>"
    body = HEADED.sub(lambda found: _with_label(found, table.columns), body)
    return Markup(re.sub(r"(<table[^>]*>)", lambda found: found[1] + caption, body, count=1))


def _with_label(found: re.Match[str], columns: tuple[str, ...]) -> str:
    label = columns[int(found[1])].partition("\n")[0]
    return f'{found[0]} data-label="{escape(label)}"'


def _cell(text: str) -> str:
    """Return escaped text; what follows a line break is small."""
    first, _, rest = text.partition("\n")
    # An interval stays on one line while there is room; a word that fits no column may be broken.
    shown = INTERVAL.sub(r'<span class="interval">\g<0></span>', str(escape(first)))
    shown = LONG.sub(r'<span class="long">\g<0></span>', shown)
    small = f"<br><small>{escape(rest)}</small>" if rest else ""
    return f"{shown}{small}"
