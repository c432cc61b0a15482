"""The written page in a real browser: quiet, whole, readable by everyone, and on paper."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

PHONE, DESKTOP = 390, 1200
# A4 less margins of 15 mm, at the 96 points an inch that style sheets count in.
PAPER = round((210 - 30) / 25.4 * 96)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# Whatever is wider than the window without standing in a box that scrolls.
STICKING_OUT = """() => [...document.querySelectorAll('body *')].filter(element => {
  const box = element.getBoundingClientRect();
  if (box.width === 0 || box.right <= innerWidth + 1) return false;
  for (let up = element.parentElement; up; up = up.parentElement)
    if (/auto|scroll|hidden/.test(getComputedStyle(up).overflowX)) return false;
  return true;
}).map(element => element.tagName + '.' + element.className)"""

# Tables and figures of which a part does not show: paper has no scroll bar.
CLIPPED = """() => [...document.querySelectorAll('table, figure, svg, pre')].filter(element => {
  const box = element.getBoundingClientRect();
  if (box.width === 0) return false;
  if (box.right > innerWidth + 1 || box.left < -1) return true;
  for (let up = element.parentElement; up; up = up.parentElement) {
    const around = up.getBoundingClientRect();
    if (getComputedStyle(up).overflowX !== 'visible' && box.right > around.right + 1) return true;
  }
  return false;
}).map(element => element.tagName + ' ' + element.textContent.trim().slice(0, 60))"""

FIGURES = """() => [...document.querySelectorAll('figure')].map(figure => {
  const svg = figure.querySelector('svg'), box = svg ? svg.getBoundingClientRect() : null;
  const named = figure.querySelector('[role=img]') ||
    (figure.getAttribute('role') === 'img' ? figure : null);
  const label = named ? named.getAttribute('aria-label') || (named.getAttribute('aria-labelledby')
    || '').split(' ').map(id => document.getElementById(id)?.textContent || '').join(' ') : '';
  return {width: box ? box.width : 0, height: box ? box.height : 0, label: label.trim(),
    drawn: svg ? svg.querySelectorAll('path, rect, line, circle, text, use').length : 0,
    shown: svg ? getComputedStyle(svg).visibility === 'visible' : false};
})"""

Noted = dict[str, list[Any]]


@pytest.fixture
def noted(page: Page, written: Path) -> Noted:
    """Open the page and note what it asked for and said."""
    found: Noted = {"requests": [], "console": [], "errors": [], "dialogs": []}
    page.on("request", lambda request: found["requests"].append(request.url))
    page.on("console", lambda message: found["console"].append(message.text))
    page.on("pageerror", lambda error: found["errors"].append(str(error)))
    page.on("dialog", lambda dialog: (found["dialogs"].append(dialog.message), dialog.dismiss()))
    page.goto(written.as_uri(), wait_until="load")
    return found


def test_page_is_quiet_and_asks_nothing_of_the_network(
    page: Page, noted: Noted, written: Path
) -> None:
    assert noted == {"requests": [written.as_uri()], "console": [], "errors": [], "dialogs": []}


def test_page_is_under_three_megabytes(written: Path) -> None:
    assert written.stat().st_size < 3_000_000


@pytest.mark.parametrize("width", [320, PHONE, 820, DESKTOP])
def test_nothing_sticks_out_of_the_window(page: Page, noted: Noted, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(STICKING_OUT) == []


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_every_figure_is_drawn_shown_and_told_in_words(
    page: Page, noted: Noted, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    figures = page.evaluate(FIGURES)
    assert len(figures) >= 2
    for figure in figures:
        assert figure["shown"]
        assert figure["width"] >= 200
        assert figure["height"] >= 60
        assert figure["drawn"] >= 10
        assert len(figure["label"]) >= 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_accessibility(page: Page, noted: Noted, scheme: Any, width: int) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    options = {"runOnly": {"type": "tag", "values": RULES}}
    found = Axe().run(page, options=options).response
    told = [
        (broken["id"], node["html"][:120], node["failureSummary"][:200])
        for broken in found["violations"]
        for node in broken["nodes"]
    ]
    assert told == []
    # A run that looked at nothing would pass too.
    assert {"color-contrast", "html-has-lang"} <= {passed["id"] for passed in found["passes"]}


def test_contents_lead_to_their_sections_in_order(page: Page, noted: Noted) -> None:
    links = page.eval_on_selector_all("nav.beside a", "all => all.map(a => a.getAttribute('href'))")
    assert len(links) >= 5
    places = [page.eval_on_selector(link, "e => e.getBoundingClientRect().top") for link in links]
    assert places == sorted(places)


def test_keyboard_reaches_the_content_first_and_every_box_that_scrolls(
    page: Page, noted: Noted
) -> None:
    page.set_viewport_size({"width": PHONE, "height": 900})
    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.getAttribute('href')")
    assert first
    assert page.query_selector(first)
    scrolling = """() => [...document.querySelectorAll('main *')].filter(element =>
      /auto|scroll/.test(getComputedStyle(element).overflowX) &&
      element.scrollWidth > element.clientWidth + 1 && element.tabIndex < 0).length"""
    assert page.evaluate(scrolling) == 0


def test_paper_clips_no_table_and_no_figure(page: Page, noted: Noted, tmp_path: Path) -> None:
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER, "height": 1000})
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
    page.pdf(path=tmp_path / "page.pdf", format="A4")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-")


def test_dark_style_is_dark_and_paper_is_white(page: Page, noted: Noted) -> None:
    luminance = """() => { const [r, g, b] = getComputedStyle(document.body).backgroundColor
      .match(/[0-9.]+/g).map(Number); return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255; }"""
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(luminance) < 0.2
    page.emulate_media(color_scheme="dark", media="print")
    assert page.evaluate(luminance) > 0.95
