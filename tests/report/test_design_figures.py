"""Figures of drift and of rules: what is drawn is what was found, and it can be read."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import checkpoint_eval as ce
from checkpoint_eval.balance import Drift, RuleTable, compare_rules, drift
from checkpoint_eval.design import (
    BigStick,
    Minimisation,
    PermutedBlocks,
    Rule,
    Simple,
    Stratified,
)
from checkpoint_eval.report import plot_drift, plot_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

mpl.use("Agg")
N = 60
SUITES = pd.DataFrame(
    {"suite": [("north", "south", "west")[place * 7 % 5 % 3] for place in range(N)]}
)
BLOCKS = PermutedBlocks(sizes=(4, 6))
LONG = "permuted blocks of four and six within each custody suite"
RULES: dict[str, Rule] = {
    LONG: Stratified(rule=BLOCKS, by="suite"),
    "big stick": BigStick(tolerance=3),
    "minimisation": Minimisation(factors=["suite"]),
    "simple": Simple(),
}


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def path(when: Any = None, level: float = 0.95) -> Drift:
    frame = SUITES.assign(arm=BLOCKS.draw(N, rng()), y=np.arange(N) % 2)
    trial = ce.Trial.from_frame(
        frame, arm="arm", control=0, binary={"y": "y"}, rule=BLOCKS, order="rows"
    )
    return drift(trial, when=when, level=level, draws=200, rng=rng())


def table(*names: str) -> RuleTable:
    rules = {name: RULES[name] for name in names or RULES}
    return compare_rules(rules, people=SUITES, sees="suite", draws=200, rng=rng())


WHEN = {
    "places": None,
    "days": pd.date_range("2024-01-01", periods=N),
    "datetimes": list(pd.date_range("2024-01-01", periods=N, freq="7h").to_pydatetime()),
    "numpy": pd.date_range("2024-01-01", periods=N).to_numpy(),
    "weeks": np.arange(N) // 7,
}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def drawn(ax: Axes) -> None:
    """Draw it, so that places of text are known; warnings are errors."""
    ax.figure.canvas.draw()


def lie_apart(texts: list[Any]) -> None:
    """No two texts cover one another."""
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    for place, (one, box) in enumerate(boxes):
        for other, second in boxes[place + 1 :]:
            assert not box.overlaps(second), (one, other)


def written(ax: Axes) -> list[Any]:
    """Every visible text with something in it."""
    legend = ax.get_legend()
    texts = [*ax.texts, ax.title, ax.xaxis.label, ax.yaxis.label]
    texts += list(legend.get_texts()) if legend else []
    for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        # Labels beyond the limits are there and are not drawn.
        ticks = zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=True)
        texts += [label for at, label in ticks if min(limits) <= at <= max(limits)]
    return [text for text in texts if text.get_visible() and text.get_text().strip()]


@pytest.mark.parametrize("when", WHEN)
def test_drift_is_drawn_over_any_order(when: str) -> None:
    found = path(WHEN[when])
    ax = plot_drift(found)
    assert isinstance(ax, Axes)
    drawn(ax)
    heights = [line.get_ydata() for line in ax.lines]
    assert any(np.isin(found.difference, np.asarray(ys, dtype=float)).all() for ys in heights)
    low, high = ax.get_ylim()
    assert low <= min(found.low.min(), found.difference.min())
    assert high >= max(found.high.max(), found.difference.max())
    lie_apart(written(ax))
    assert ax.get_ylabel()
    assert ax.get_xlabel() or when not in ("places",)


def test_the_band_is_drawn() -> None:
    found = path(level=0.8)
    ax = plot_drift(found)
    corners = np.concatenate([p.vertices for c in ax.collections for p in c.get_paths()])
    assert corners[:, 1].min() == pytest.approx(found.low.min())
    assert corners[:, 1].max() == pytest.approx(found.high.max())
    assert any("80" in text.get_text() for text in written(ax)), "the level is not written"


@pytest.mark.parametrize("names", [(), (LONG,), ("simple", "minimisation")], ids=len)
def test_all_rules_are_drawn(names: tuple[str, ...]) -> None:
    found = table(*names)
    ax = plot_rules(found)
    assert isinstance(ax, Axes)
    drawn(ax)
    labels = [text.get_text().replace("\n", " ") for text in ax.get_yticklabels()]
    assert [name for name in labels if name] == [row.rule for row in found.rows]
    across = np.concatenate([np.atleast_1d(line.get_xdata()) for line in ax.lines]).astype(float)
    for row in found.rows:
        for share in (row.correct, row.correct_own):
            assert np.isclose(across, 100 * share, atol=1e-9).any(), row.rule
    told = " ".join(text.get_text() for text in ax.texts)
    for row in found.rows:
        assert f"{row.drift:.1f}" in told
        assert f"{row.margins:.1f}" in told


@pytest.mark.parametrize("names", [(), (LONG,), ("simple", "minimisation")], ids=len)
def test_what_is_written_about_rules_can_be_read(names: tuple[str, ...]) -> None:
    ax = plot_rules(table(*names))
    drawn(ax)
    lie_apart(written(ax))
    area = ax.get_window_extent()
    for text in ax.texts:
        assert not area.overlaps(text.get_window_extent()), text.get_text()


@pytest.mark.parametrize("kind", ["drift", "rules"])
def test_on_axes_of_one_s_own(kind: str) -> None:
    _, axes = plt.subplots(1, 2, figsize=(14, 4), layout="constrained")
    ax = plot_drift(path(), ax=axes[1]) if kind == "drift" else plot_rules(table(), ax=axes[1])
    assert ax is axes[1]
    assert not axes[0].lines
    assert ax.lines
    assert plt.get_fignums() == [ax.figure.number]
    drawn(ax)


@pytest.mark.parametrize("kind", ["drift", "rules"])
def test_data_and_style_are_left_as_they_were(kind: str) -> None:
    found: Any = path(WHEN["days"]) if kind == "drift" else table()
    before, style = copy.deepcopy(found), dict(mpl.rcParams)
    drawn((plot_drift if kind == "drift" else plot_rules)(found))
    assert dict(mpl.rcParams) == style
    pd.testing.assert_frame_equal(found.to_frame(), before.to_frame())
