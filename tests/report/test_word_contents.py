"""The table of contents of a Word document: filled in before Word has seen it, and a field."""

import io
from typing import Any

import pytest

import checkpoint_eval as ce
from checkpoint_eval.report import write_word

docx = pytest.importorskip("docx")
qn = pytest.importorskip("docx.oxml.ns").qn


@pytest.fixture(scope="module")
def document(evaluation: ce.Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = write_word(evaluation, tmp_path_factory.mktemp("word") / "r.docx")
    return docx.Document(io.BytesIO(path.read_bytes()))


def test_the_contents_are_the_headings_in_their_order(document: Any) -> None:
    headings = [each.text for each in document.paragraphs if each.style.name == "Heading 1"]
    entries = [each.text for each in document.paragraphs if each.style.name == "toc 1"]
    assert entries == headings
    assert entries[0] == "In short"
    assert len(entries) > 10
    styles = [each.style.name for each in document.paragraphs]
    assert styles.index("toc 1") < styles.index("Heading 1")


def test_each_entry_is_a_link_to_its_heading(document: Any) -> None:
    marked = {
        mark.get(qn("w:name")): each.text
        for each in document.paragraphs
        for mark in each._p.iter(qn("w:bookmarkStart"))
    }
    for each in document.paragraphs:
        if each.style.name == "toc 1":
            (link,) = each._p.iter(qn("w:hyperlink"))
            assert marked[link.get(qn("w:anchor"))] == each.text
    starts = [each.get(qn("w:id")) for each in document.element.iter(qn("w:bookmarkStart"))]
    ends = [each.get(qn("w:id")) for each in document.element.iter(qn("w:bookmarkEnd"))]
    assert starts == ends
    assert len(set(starts)) == len(starts) == len(marked)


def test_the_field_begins_before_the_first_entry_and_ends_after_the_last(document: Any) -> None:
    """Word writes anew what stands between `separate` and `end`: that must be all entries."""
    order: list[str] = []
    for paragraph in document.paragraphs:
        for each in paragraph._p.iter(qn("w:fldChar"), qn("w:instrText"), qn("w:hyperlink")):
            if each.tag == qn("w:hyperlink"):
                order.append("entry")
            else:
                order.append(each.get(qn("w:fldCharType")) or each.text)
    entries = sum(each.style.name == "toc 1" for each in document.paragraphs)
    assert order == ["begin", 'TOC \\o "1-1" \\h \\z', "separate", *["entry"] * entries, "end"]


def test_entries_are_of_the_font_of_the_document(document: Any) -> None:
    assert document.styles["toc 1"].base_style.name == "Normal"
