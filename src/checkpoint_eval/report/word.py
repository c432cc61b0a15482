"""The report as a Word document, for those who circulate Word: the sections of the page."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checkpoint_eval._atomic import write_file
from checkpoint_eval._checks import check_path
from checkpoint_eval.errors import OutputRefused, TrialError
from checkpoint_eval.report.disclosure import Disclosure
from checkpoint_eval.report.disclosure_protecting import as_told
from checkpoint_eval.report.evaluation import Evaluation
from checkpoint_eval.report.page import DISCLOSURE, free_place
from checkpoint_eval.report.rendering import draw_all
from checkpoint_eval.report.sections import Drawing, Section, Table
from checkpoint_eval.report.sections_all import report_sections, subtitle, title
from checkpoint_eval.report.undating import undated

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import _Cell
    from docx.text.paragraph import Paragraph

MAKER = "checkpoint_eval"
# The field of a table of contents: headings of the first level, as links.
CONTENTS = 'TOC \\o "1-1" \\h \\z'
# Centimetres of an A4 page and its margins; the width left for text.
PAGE, MARGIN = (21.0, 29.7), 2.0
WIDTH = PAGE[0] - 2 * MARGIN
# Points of text in tables, small print below it.
TABLE, SMALL = 8.5, 7.5


def write_word(
    evaluation: Evaluation, path: str | Path, *, disclosure: Disclosure | None = DISCLOSURE
) -> Path:
    """Write the evaluation as a Word document: the same sections, tables and figures as the page.

    Parameters
    ----------
    evaluation : Evaluation
    path : str or Path
        The file to write, ending in ".docx". A report of ours is replaced; any other file is left
        alone.
    disclosure : Disclosure or None
        As of `write_report`.

    Returns
    -------
    Path
        Where the document is.

    Raises
    ------
    TrialError
        When python-docx is not installed.
    OutputRefused
        For another ending, and as `write_report`.

    Notes
    -----
    Headings are Word's own, so that its navigation pane and a screen reader find them. The table of
    contents has links; "Update field" in Word adds the numbers of pages, which it alone knows. The
    first row of a table repeats on every page, and figures have alternative text.

    References
    ----------
    As `write_report`. Checked against the tables of the page, cell by cell.

    Examples
    --------
    >>> import tempfile
    >>> from checkpoint_eval import evaluate, load_rossi
    >>> evaluation = evaluate(load_rossi())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     size = write_word(evaluation, f"{folder}/report.docx").stat().st_size
    >>> size > 10_000
    True
    """
    _check_installed()
    if check_path(path).suffix.lower() != ".docx":
        raise OutputRefused(f"`path` {path} must end in .docx, so that Word opens it.")
    target = free_place(path, is_ours=_is_ours)
    shown = as_told(evaluation, disclosure)
    write_file(target, word_bytes(shown, draw_all(shown, kinds=("png",))))
    return target


def _check_installed() -> None:
    try:
        import docx  # noqa: F401 - asked for here, so that what to install is told
    except ImportError as missing:
        raise TrialError(
            "A Word document needs python-docx; install `checkpoint-eval[docx]`."
        ) from missing


def word_bytes(evaluation: Evaluation, drawings: Sequence[Drawing]) -> bytes:
    """Return the document, its figures those that were drawn."""
    _check_installed()
    import docx

    document = docx.Document()
    _prepare(document, evaluation)
    document.add_heading(title(evaluation), level=0)
    document.add_paragraph(subtitle(evaluation))
    sections = report_sections(evaluation, drawings)
    _add_contents(document, sections)
    for section in sections:
        _add_section(document, section, level=1)
    written = io.BytesIO()
    document.save(written)
    return undated(written.getvalue())


def _is_ours(file: Path) -> bool:
    import docx

    try:
        return bool(docx.Document(str(file)).core_properties.category == MAKER)
    except Exception:
        return False


def _prepare(document: "Document", evaluation: Evaluation) -> None:
    """Set page, language, fonts, properties and the footer with page numbers."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml.ns import qn
    from docx.shared import Cm, Pt, RGBColor

    section = document.sections[0]
    section.page_width, section.page_height = (Cm(each) for each in PAGE)
    for side in ("left", "right", "top", "bottom"):
        setattr(section, f"{side}_margin", Cm(MARGIN))
    properties = document.core_properties
    properties.title, properties.category = title(evaluation), MAKER
    properties.author = properties.comments = ""
    properties.language = "en-GB"
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = "Arial", Pt(10)
    language = normal.element.get_or_add_rPr()
    mark = language.makeelement(qn("w:lang"), {qn("w:val"): "en-GB"})
    language.append(mark)
    for name in ("Title", "Heading 1", "Heading 2", "Caption"):
        style = document.styles[name]
        style.font.name, style.font.color.rgb = "Arial", RGBColor(0x20, 0x21, 0x24)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
    document.styles["Title"].font.size = Pt(20)
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    short = evaluation.protocol_digest[:12] or "none"
    footer.add_run(f"protocol {short} · data {evaluation.data_digest[:12]} · page ")
    _field(footer, "PAGE")
    footer.add_run(" of ")
    _field(footer, "NUMPAGES")


def _field(paragraph: "Paragraph", name: str) -> None:
    """Add a field that Word fills in, such as the page number."""
    field = _element("w:fldSimple", {"w:instr": name})
    run, shown = _element("w:r"), _element("w:t")
    shown.text = "1"
    run.append(shown)
    field.append(run)
    paragraph._p.append(field)


def _add_contents(document: "Document", sections: Sequence[Section]) -> None:
    """Add the table of contents, filled in: Word lays pages out, and adds their numbers on asking.

    It is a field, so that "Update field" in Word writes it anew. Until then each entry leads to
    its section by a link.
    """
    from docx.enum.style import WD_STYLE_TYPE
    from docx.shared import Pt

    style = document.styles.add_style("toc 1", WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = document.styles["Normal"]
    label = document.add_paragraph()
    label.add_run("Contents").bold = True
    label.paragraph_format.keep_with_next = True
    entries = [document.add_paragraph(style="toc 1") for _ in sections]
    for entry, section in zip(entries, sections, strict=True):
        entry.paragraph_format.space_after = Pt(2)
        link = _element("w:hyperlink", {"w:anchor": _bookmark(section), "w:history": "1"})
        link.append(entry.add_run(section.title)._r)
        entry._p.append(link)
    first, last = entries[0]._p, entries[-1]._p
    for place, kind in enumerate(("begin", "instruction", "separate")):
        first.insert(1 + place, _field_run(kind))  # after the properties of the paragraph
    last.append(_field_run("end"))


def _field_run(kind: str) -> Any:
    run = _element("w:r")
    if kind == "instruction":
        told = _element("w:instrText", {"xml:space": "preserve"})
        told.text = CONTENTS
        run.append(told)
    else:
        run.append(_element("w:fldChar", {"w:fldCharType": kind}))
    return run


def _bookmark(section: Section) -> str:
    """Return the name by which the table of contents knows a section."""
    return f"_Toc_{section.anchor.replace('-', '_')}"


def _mark(heading: "Paragraph", section: Section, number: int) -> None:
    ends = {"w:id": str(number)}
    start = _element("w:bookmarkStart", ends | {"w:name": _bookmark(section)})
    heading._p.insert(1, start)
    heading._p.append(_element("w:bookmarkEnd", ends))


def _element(name: str, attributes: Mapping[str, str] | None = None) -> Any:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    made = OxmlElement(name)
    for key, value in (attributes or {}).items():
        made.set(qn(key), value)
    return made


def _add_section(document: "Document", section: Section, *, level: int) -> None:
    heading = document.add_heading(section.title, level=level)
    if level == 1:
        _mark(heading, section, len(document.paragraphs))
    for paragraph in section.paragraphs:
        document.add_paragraph(paragraph)
    if section.drawings or section.tables:  # what is said of them stands on their page
        document.paragraphs[-1].paragraph_format.keep_with_next = True
    for command in section.commands:
        document.add_paragraph().add_run(command).font.name = "Courier New"
    for drawing in section.drawings:
        _add_drawing(document, drawing)
    for table in section.tables:
        _add_table(document, table)
    for part in section.parts:
        _add_section(document, part, level=level + 1)


def _add_drawing(document: "Document", drawing: Drawing) -> None:
    from docx.shared import Cm

    picture = document.add_picture(io.BytesIO(drawing.png))
    # As drawn at 150 dots an inch, but no wider or higher than the page.
    most = min(1.0, Cm(WIDTH) / picture.width, Cm(20) / picture.height)
    picture.width, picture.height = int(picture.width * most), int(picture.height * most)
    named = picture._inline.docPr
    named.set("descr", drawing.text)
    named.set("title", drawing.title)
    document.paragraphs[-1].paragraph_format.keep_with_next = True
    document.add_paragraph(drawing.title, style="Caption")


def _add_table(document: "Document", table: Table) -> None:
    from docx.shared import Pt

    caption = document.add_paragraph(table.caption, style="Caption")
    caption.paragraph_format.keep_with_next = True
    made = document.add_table(rows=1 + len(table.rows), cols=len(table.columns))
    made.style = "Table Grid"
    made.autofit = False
    widths = _widths(table)
    for column, width in zip(made.columns, widths, strict=True):  # LibreOffice reads these,
        column.width = width
    # Rows are looked up once: python-docx searches the whole table each time.
    for place, (into, row) in enumerate(zip(made.rows, (table.columns, *table.rows), strict=True)):
        for cell, text, width in zip(into.cells, row, widths, strict=True):
            cell.width = width  # and Word these
            _fill(cell, text, bold=place == 0)
        properties = into._tr.get_or_add_trPr()
        properties.append(_element("w:cantSplit"))
        if place == 0:
            properties.append(_element("w:tblHeader"))
    for note in table.notes:
        document.add_paragraph().add_run(note).font.size = Pt(SMALL)
    document.add_paragraph()


def _widths(table: Table) -> list[int]:
    """Return the widths of columns: each has room for its longest word, the rest goes by length."""
    from docx.shared import Cm

    columns = [
        [row[place] for row in (table.columns, *table.rows)] for place in range(len(table.columns))
    ]
    words = [max(len(word) for text in each for word in text.split() or [""]) for each in columns]
    longest = [
        max(min(len(line), 60) for text in each for line in text.split("\n")) for each in columns
    ]
    # Letters of the small type of tables are a sixth of a centimetre wide.
    least = [min(0.17 * letters + 0.45, WIDTH / len(columns)) for letters in words]
    more = [
        max(0.17 * letters - each, 0.0) + 1 for letters, each in zip(longest, least, strict=True)
    ]
    share = (WIDTH - sum(least)) / sum(more)
    return [Cm(each + share * room) for each, room in zip(least, more, strict=True)]


def _fill(cell: "_Cell", text: str, *, bold: bool) -> None:
    from docx.shared import Pt

    first, _, rest = text.partition("\n")
    paragraph: Any = cell.paragraphs[0]
    paragraph.paragraph_format.space_after = Pt(0)
    run = paragraph.add_run(first)
    run.font.size, run.bold = Pt(TABLE), bold
    if rest:
        run.add_break()
        small = paragraph.add_run(rest)
        small.font.size = Pt(SMALL)
