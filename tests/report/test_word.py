"""The Word document tells what the page tells, table by table."""

import html
import re
from html.parser import HTMLParser
from pathlib import Path

import docx
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.report import write_word


class Tables(HTMLParser):
    """The cells of every table of a page, row by row, and its headings."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.headings: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.inside = "cell"
        elif tag == "br" and self.inside == "cell":
            self.tables[-1][-1][-1] += "\n"
        elif tag in ("h2", "h3"):
            self.headings.append("")
            self.inside = "heading"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "h2", "h3"):
            self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "cell":
            self.tables[-1][-1][-1] += data
        elif self.inside == "heading":
            self.headings[-1] += data


@pytest.fixture(scope="module")
def written(
    evaluation: ce.Evaluation, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    place = tmp_path_factory.mktemp("both")
    page = ce.write_report(evaluation, place / "r.html", disclosure=None)
    word = write_word(evaluation, place / "r.docx", disclosure=None)
    return page.read_text(encoding="utf-8"), word


def test_word_has_the_tables_of_the_page(written: tuple[str, Path]) -> None:
    page, path = written
    parsed = Tables()
    parsed.feed(page)
    # The page's notes are its tables' last rows of one cell; in Word they are paragraphs.
    shown = [[row for row in table if len(row) > 1] for table in parsed.tables]
    document = docx.Document(str(path))
    found = [[[cell.text for cell in row.cells] for row in each.rows] for each in document.tables]
    assert found == shown
    assert len(found) >= 10
    headings = [each.text for each in document.paragraphs if each.style.name.startswith("Heading")]
    assert headings == parsed.headings


def test_word_has_the_words_of_the_page(written: tuple[str, Path]) -> None:
    page, path = written
    paragraphs = {each.text for each in docx.Document(str(path)).paragraphs}
    told = re.findall(r"^<p>(.*?)</p>$", page, flags=re.MULTILINE)
    assert len(told) > 15
    assert {html.unescape(each) for each in told} <= paragraphs


def test_word_is_made_for_everyone(written: tuple[str, Path], evaluation: ce.Evaluation) -> None:
    document = docx.Document(str(written[1]))
    assert document.core_properties.title == evaluation.title
    assert document.core_properties.language == "en-GB"
    texts = [shape._inline.docPr.get("descr") for shape in document.inline_shapes]
    assert len(texts) == 4
    assert texts[0].startswith("Participant flow. randomised: no aid 216, financial aid 216;")
    wide = document.sections[0].page_width - 2 * document.sections[0].left_margin
    assert all(shape.width <= wide for shape in document.inline_shapes)
    for table in document.tables:
        assert table.rows[0]._tr.xpath("./w:trPr/w:tblHeader")
    assert document.sections[0].footer._element.xpath(".//w:fldSimple[@w:instr='PAGE']")


def test_word_protects_as_the_page_does(evaluation: ce.Evaluation, tmp_path: Path) -> None:
    document = docx.Document(str(write_word(evaluation, tmp_path / "r.docx")))
    cells = {cell.text for table in document.tables for row in table.rows for cell in row.cells}
    assert "215" in cells
    assert not {text for text in cells if "216" in text}


def test_word_leaves_other_files_alone(evaluation: ce.Evaluation, tmp_path: Path) -> None:
    theirs = tmp_path / "thesis.docx"
    docx.Document().save(str(theirs))
    before = theirs.read_bytes()
    with pytest.raises(ce.OutputRefused, match=r"not a report of ours; choose another name"):
        write_word(evaluation, theirs)
    assert theirs.read_bytes() == before
    with pytest.raises(ce.OutputRefused, match=r"must end in \.docx"):
        write_word(evaluation, tmp_path / "report.doc")
    ours = write_word(evaluation, tmp_path / "ours.docx")
    assert write_word(evaluation, ours) == ours


def test_text_of_users_is_text_in_word(tmp_path: Path) -> None:
    frame = pd.DataFrame({"arm": [0, 0, 1, 1] * 5, "y": [1, 0, 1, 1] * 5})
    trial = ce.Trial.from_frame(frame, arm="arm", control=0, binary={"<w:p>& co": "y"})
    path = write_word(ce.evaluate(trial), tmp_path / "r.docx", disclosure=None)
    texts = [each.text for each in docx.Document(str(path)).paragraphs]
    assert any("<w:p>& co" in text for text in texts)
