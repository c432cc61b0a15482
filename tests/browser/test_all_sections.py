"""The page of a trial with every section: each is there with its figures, readable on a phone."""

from collections.abc import Iterator

import promised_trial
import pytest
from playwright.sync_api import Browser, Page

import checkpoint_eval as ce

SECTIONS = {
    "flow": 1,
    "baseline": 0,
    "balance": 1,
    "integrity": 2,  # by era and by stratum
    "planned": 1,
    "curves": 1,
    "pathways": 2,  # among those with the need, and everyone
    "harm": 1,
    "sensitivity": 1,
    "exploratory": 1,  # subgroups
    "deviations": 0,
    "intercurrent": 0,
    "consort": 0,
    "crimport": 0,
    "provenance": 0,
}
# Texts of a figure that lie over each other by more than a hair.
OVER = """() => [...document.querySelectorAll('figure svg')].flatMap(svg => {
  const boxes = [...svg.querySelectorAll('text')].filter(each => each.textContent.trim())
    .map(each => [each.textContent, each.getBoundingClientRect()]);
  const found = [];
  boxes.forEach(([one, a], place) => boxes.slice(place + 1).forEach(([other, b]) => {
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 2 && high > 0.45 * Math.min(a.height, b.height)) found.push([one, other]);
  }));
  return found;
})"""
# Texts that stick out of their drawing: a reader without our font must not lose a letter.
CUT = """() => [...document.querySelectorAll('figure svg')].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(each => {
    const own = each.getBoundingClientRect();
    return own.left < box.left - 1 || own.right > box.right + 1 || own.bottom > box.bottom + 1;
  }).map(each => each.textContent);
})"""
SMALLEST = """() => Math.min(...[...document.querySelectorAll('figure svg')].flatMap(svg => {
  const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  return [...svg.querySelectorAll('text')]
    .filter(each => each.textContent.trim() && !each.textContent.startsWith('protocol '))
    .map(each => scale * parseFloat(getComputedStyle(each).fontSize));
}))"""


@pytest.fixture(scope="module")
def everything(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    evaluation = ce.evaluate(promised_trial.promised())
    path = tmp_path_factory.mktemp("all") / "everything.html"
    written = ce.write_report(evaluation, path, disclosure=None)
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.goto(written.as_uri(), wait_until="load")
    yield page
    context.close()


def test_every_section_has_its_figures(everything: Page) -> None:
    shown = {
        anchor: len(everything.query_selector_all(f"section[aria-labelledby='{anchor}'] figure"))
        for anchor in SECTIONS
    }
    assert shown == SECTIONS


@pytest.mark.parametrize("fonts", ["own", "another"])
def test_no_text_of_a_figure_lies_over_another_or_is_cut(everything: Page, fonts: str) -> None:
    """With the font that measured it, and with that of a machine that has it not."""
    if fonts == "another":
        everything.add_style_tag(content="svg text { font-family: 'Liberation Sans' !important; }")
    assert everything.evaluate(OVER) == []
    assert everything.evaluate(CUT) == []


@pytest.mark.parametrize("width", [390, 1200])
def test_the_smallest_letters_of_figures_can_be_read(everything: Page, width: int) -> None:
    """Nine pixels on a phone, as small print; figures scroll there rather than shrink."""
    everything.set_viewport_size({"width": width, "height": 900})
    assert everything.evaluate(SMALLEST) >= (8 if width < 600 else 9)


def test_paper_keeps_letters_of_figures_readable(everything: Page) -> None:
    """Six points, the least of printed tables, at the width of A4; a point is 4/3 of a pixel."""
    everything.emulate_media(media="print")
    everything.set_viewport_size({"width": 680, "height": 1000})
    smallest = everything.evaluate(SMALLEST)
    everything.emulate_media(media="screen")
    assert smallest >= 5 * 4 / 3
