"""How a Word document is laid out: columns by what they hold, words on the page of their figure."""

import io
from pathlib import Path

import pytest

import checkpoint_eval as ce
from checkpoint_eval.report import write_folder, write_word
from checkpoint_eval.report.sections import Table
from checkpoint_eval.report.word import WIDTH, _widths

docx = pytest.importorskip("docx")


def table(*rows: tuple[str, ...]) -> Table:
    return Table(caption="t", columns=rows[0], rows=rows[1:])


def test_columns_share_the_page_by_what_they_hold() -> None:
    long = "a method told in so many words that it takes a line of its own and more"
    widths = [each.cm for each in _widths(table(("What", "n", "p"), (long, "260", "0.05")))]
    assert sum(widths) == pytest.approx(WIDTH, abs=0.01)
    assert widths[0] > 3 * max(widths[1:])
    assert min(widths) > 0.8
    even = [each.cm for each in _widths(table(("a", "b"), ("c", "d")))]
    assert even == pytest.approx([WIDTH / 2] * 2, abs=0.01)


def test_the_document_has_these_widths_and_keeps_words_with_figures(
    evaluation: ce.Evaluation, tmp_path: Path
) -> None:
    path = write_word(evaluation, tmp_path / "r.docx", disclosure=None)
    document = docx.Document(io.BytesIO(path.read_bytes()))
    for each in document.tables:
        assert sum(column.width.cm for column in each.columns) == pytest.approx(WIDTH, abs=0.02)
        for cell, column in zip(each.rows[0].cells, each.columns, strict=True):
            assert abs(cell.width - column.width) < 1000
    before = [
        document.paragraphs[place - 1]
        for place, paragraph in enumerate(document.paragraphs)
        if paragraph._p.xpath(".//pic:pic")
    ]
    assert before
    assert all(each.paragraph_format.keep_with_next for each in before)


def test_a_folder_holds_the_document_that_is_written_alone(
    evaluation: ce.Evaluation, tmp_path: Path
) -> None:
    """Its figures are those of the folder, drawn once."""
    folder = write_folder(evaluation, tmp_path / "f", word=True)
    alone = write_word(evaluation, tmp_path / "r.docx")
    assert (folder / "report.docx").read_bytes() == alone.read_bytes()
