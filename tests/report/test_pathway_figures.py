"""Figures of pathways hold what they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.colors import to_hex

import checkpoint_eval as ce
from checkpoint_eval import models, report
from checkpoint_eval.outcomes import PathwayScores

if TYPE_CHECKING:
    from collections.abc import Iterator

N, NAMES = 80, ("drugs", "housing", "health", "finances", "work")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def found() -> models.PathwayComparison:
    """Nobody has a need for work; two were not assessed on housing; some were not seen again."""
    rng = np.random.default_rng(8)
    arm = np.arange(N) % 2
    before = rng.integers(0, 4, (N, 5)).astype(float)
    before[:, 4], before[:2, 1] = 0, np.nan
    after = np.maximum(before - rng.integers(0, 2, (N, 5)) - arm[:, None], 0) + 0.0
    after[::9] = np.nan
    trial = ce.Trial.from_frame(pd.DataFrame({"arm": arm}), arm="arm", control=0)
    scores = PathwayScores(pathways=NAMES, baseline=before, follow_up=after)
    return models.compare_pathways(trial, scores, rng=rng, draws=99)


@pytest.mark.parametrize("among", ["need", "everyone"])
def test_the_forest_holds_effects(found: models.PathwayComparison, among: str) -> None:
    family = found.with_need if among == "need" else found.everyone
    ax = report.plot_pathways(found, among=among)
    squares = [line for line in ax.get_lines() if line.get_marker() == "s"]
    circles = [line for line in ax.get_lines() if line.get_marker() == "o"]
    shown = [place for place, each in enumerate(family.effects) if each.estimable]
    assert [line.get_ydata()[0] for line in squares] == shown
    assert [line.get_xdata()[0] for line in squares] == [
        family.effects[place].value for place in shown
    ]
    assert [line.get_xdata()[0] for line in circles] == [
        family.shrunken.value[place] for place in shown
    ]
    intervals = [line.get_xdata() for line in ax.get_lines() if len(line.get_xdata()) == 2]
    for place, line in zip(shown, intervals, strict=False):
        assert list(line) == [family.effects[place].low, family.effects[place].high]
    assert [each.get_text() for each in ax.get_yticklabels()] == list(NAMES)


def test_the_forest_tells_who_was_compared(found: models.PathwayComparison) -> None:
    texts = [each.get_text() for each in report.plot_pathways(found).texts]
    first = found.with_need.effects[0]
    assert f"{first.n[0]} / {first.n[1]}" in texts
    assert f"{first.missing[0]} / {first.missing[1]}" in texts
    need = found.counts.need[0]
    assert f"{need[0]} / {need[1]}" in texts
    assert "control / treatment" in texts
    assert texts.count("not estimable") == 1
    assert f"{found.with_need.p_values['westfall-young'][0]:.3f}" in texts


def test_upset_holds_the_counts(found: models.PathwayComparison) -> None:
    together = found.together
    bars, matrix, totals = report.plot_needs_together(together, most=7)
    heights = [each.get_height() for each in bars.patches]
    assert heights == together.counts[:7].tolist()
    rest = int(together.counts[7:].sum())
    assert f"{rest} people in {together.counts.size - 7} rarer combinations" in bars.get_title(
        "right"
    )
    assert "2 not assessed on every pathway" in bars.get_title("right")
    names = [each.get_text() for each in matrix.get_yticklabels()]
    assert names[-1] == "work"
    widths = [each.get_width() for each in totals.patches]
    assert widths == sorted(together.need.tolist(), reverse=True)
    assert dict(zip(names, widths, strict=True)) == dict(
        zip(NAMES, together.need.tolist(), strict=True)
    )
    dark = [line for line in matrix.get_lines() if to_hex(line.get_color()) == "#202124"]
    for place, line in enumerate(dark):
        needs = {names[int(row)] for row in line.get_ydata()}
        assert needs == {
            name for name, has in zip(NAMES, together.combinations[place], strict=True) if has
        }


def test_upset_on_axes_of_ones_own(found: models.PathwayComparison) -> None:
    axes = tuple(plt.subplots(1, 3)[1])
    assert report.plot_needs_together(found.together, axes=axes) == axes


def test_phi_holds_the_matrix(found: models.PathwayComparison) -> None:
    ax = report.plot_phi(found.together)
    shown = sorted(float(each.get_text().replace("−", "-")) for each in ax.texts)
    lower = found.together.phi[np.tril_indices(5, -1)]
    due = np.sort(lower[~np.isnan(lower)])
    assert shown == pytest.approx(due.tolist(), abs=0.0051)  # two decimals are written


def test_what_is_not_theirs_is_refused(found: models.PathwayComparison) -> None:
    with pytest.raises(ce.TrialError, match="must be a `PathwayComparison`, got CoOccurrence"):
        report.plot_pathways(found.together)  # type: ignore[arg-type]
    for plot in (report.plot_needs_together, report.plot_phi):
        with pytest.raises(ce.TrialError, match="must be a `CoOccurrence`"):
            plot(found)  # type: ignore[operator]
    with pytest.raises(ce.TrialError, match="`among` is 'all'"):
        report.plot_pathways(found, among="all")
    with pytest.raises(ce.TrialError, match="`most` must be a whole number"):
        report.plot_needs_together(found.together, most=0)


def test_nobody_assessed_on_everything() -> None:
    scores = PathwayScores(
        pathways=("a", "b"), baseline=[[1, np.nan], [np.nan, 0]], follow_up=np.zeros((2, 2))
    )
    with pytest.raises(ce.TrialError, match="Nobody was assessed on every pathway"):
        report.plot_needs_together(models.co_occurrence(scores))


def test_results_print_themselves(found: models.PathwayComparison) -> None:
    assert "<table" in found._repr_html_()
    assert "4 of 5 pathways compared among those with the need" in repr(found)
    assert "<table" in found.together._repr_html_()
    assert len(found.to_frame()) == 10
