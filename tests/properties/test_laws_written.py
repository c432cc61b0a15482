"""Laws of what is written: random trials, protected or not, and every file tells the same."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import strategies  # noqa: F401 - registers the profile of hypothesis
from hypothesis import given, settings
from hypothesis import strategies as st

import checkpoint_eval as ce
from checkpoint_eval.report import Disclosure, protect
from checkpoint_eval.report.exporting import csv_bytes, sheets
from checkpoint_eval.report.sections_all import report_sections
from checkpoint_eval.testing import trials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkpoint_eval.report.sections import Section

RULES = (
    *(None, Disclosure()),
    *(Disclosure(threshold=5, round_to=1), Disclosure(threshold=3, round_to=3)),
)
EFFECT = ("value", "low", "high")
FEW = settings(max_examples=12)  # a second each


def tables(sections: tuple[Section, ...]) -> Iterator[tuple[str, tuple[tuple[str, ...], ...]]]:
    for section in sections:
        yield from ((each.caption, each.rows) for each in section.tables)
        yield from tables(section.parts)


def numbers(text: str) -> list[str]:
    return re.findall(
        r"[-+]?(?:\d[\d,]*(?:\.\d+)?|inf)", text.replace("−", "-").replace("∞", "inf")
    )


def decimals(number: str) -> int:
    return len(number.partition(".")[2])


@FEW
@given(
    trial=trials(most=40, missing=True)
    | trials(most=60, strata=2)
    | trials(most=40, arms=("court", "contract", "other")),
    rule=st.sampled_from(RULES),
)
def test_page_workbook_and_csv_tell_the_same(trial: ce.Trial, rule: Disclosure | None) -> None:
    whole = ce.evaluate(trial, progress=iter)
    shown = whole if rule is None else protect(whole, rule)
    printed = dict(tables(report_sections(shown, ())))["Exploratory"]
    frame = shown.to_frame().query("section == 'results'").reset_index(drop=True)
    book = sheets(shown)["results"].reset_index(drop=True)
    written = pd.read_csv(io.BytesIO(csv_bytes(shown)), float_precision="round_trip").query(
        "section == 'results'"
    )
    assert len(printed) == len(frame) == len(book) == len(written)
    for name in ("value", "low", "high", "p_value", "n_control", "events_treatment"):
        for other in (book[name], written[name].reset_index(drop=True)):
            first, second = (each.astype(float).to_numpy() for each in (frame[name], other))
            np.testing.assert_array_equal(first, second)
    for row, cells in zip(frame.to_dict("records"), printed, strict=True):
        effect = cells[4]
        if effect in ("not estimable", "withheld"):
            assert np.isnan(row["value"]) or np.isnan(row["p_value"])
            continue
        found = numbers(effect.replace(" to ", " ").split(" on ")[0])  # of so many df
        held = [row[name] for name in (EFFECT if row["scale"] != "test" else ("statistic",))]
        points = 100 if "points" in effect else 1
        for text, value in zip(found, held, strict=True):
            number = float(text.replace(",", ""))
            if np.isfinite(value):
                assert number == pytest.approx(points * value, abs=0.51 * 10 ** -decimals(text))
            else:
                assert number == value


@FEW
@given(trial=trials(most=30, missing=True), rule=st.sampled_from(RULES[1:]))
def test_nothing_that_leaves_holds_a_small_count(trial: ce.Trial, rule: Disclosure) -> None:
    """Counts in tables of people and results, in words about people, and below curves."""
    told = protect(ce.evaluate(trial, progress=iter), rule)
    for name in ("n_control", "n_treatment", "events_control", "events_treatment"):
        held = told.to_frame()[name].dropna()
        assert (held >= rule.threshold).all()
        assert (held % rule.round_to == 0).all()
    printed = dict(tables(report_sections(told, ())))
    for caption in ("People at each step, by arm", "Baseline characteristics"):
        for _, *cells in printed.get(caption, ()):
            for cell in cells:
                if re.fullmatch(r"[\d,]+", cell):
                    assert cell == "0" or int(cell.replace(",", "")) >= rule.threshold
    text = told.to_json() + repr(told)
    for count in re.findall(r"(?<![\d,.<])(\d+) (?:such )?(?:people|person)\b", text):
        assert int(count) >= rule.threshold
