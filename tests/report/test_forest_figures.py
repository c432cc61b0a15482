"""The forest: which estimates share a panel, what keeps its row, and whose Axes it is drawn on."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

import checkpoint_eval as ce
from checkpoint_eval import report
from checkpoint_eval.errors import TrialError
from checkpoint_eval.report import Result


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def made(estimand: str, outcome: str, value: float, low: float, high: float, **more: Any) -> Any:
    held: dict[str, Any] = {
        "estimand": estimand,
        "outcome": outcome,
        "analysis_set": "itt",
        "contrast": ("financial aid", "no aid"),
        "scale": "ratio" if estimand.endswith("ratio") else "difference",
        "value": value,
        "low": low,
        "high": high,
        "level": 0.95,
        "p_value": 0.5,
        "method": "m",
        "n": (100, 100),
        "events": (),
    }
    return ce.Estimate(**held | more)


def forest(
    evaluation: ce.Evaluation, *values: ce.Estimate, arms: tuple[str, ...] = ()
) -> list[Axes]:
    results = tuple(Result(value=each) for each in values)
    return report.plot_forest(replace(evaluation, results=results, arms=arms or evaluation.arms))


def points(ax: Axes) -> list[float]:
    return [
        float(np.atleast_1d(each.get_xdata())[0])
        for each in ax.lines
        if each.get_marker() in "soD^v"
    ]


def written(ax: Axes) -> list[str]:
    return [each.get_text().replace("\n", " ") for each in ax.texts]


def test_amounts_in_other_units_have_panels_of_their_own(evaluation: ce.Evaluation) -> None:
    """A hundred days of harm and a tenth of an offence cannot be read off one axis."""
    axes = forest(
        evaluation,
        made("mean difference", "harm", -120, -200, -40),
        made("mean difference", "offences", -0.1, -0.2, 0.0, events=(3, 4), unit="years"),
        made("trimmed mean difference", "harm", -60, -90, -30),
        made("restricted mean difference", "rearrest", 2, -1, 5, unit="weeks"),
        made("restricted mean difference", "return", 9, 1, 17, unit="days"),
    )
    assert [points(ax) for ax in axes] == [[2], [9], [-120, -60], [-0.1]]
    assert "weeks" in axes[0].get_xlabel()
    assert "days" in axes[1].get_xlabel()
    assert "mean harm" in axes[2].get_xlabel()
    assert "mean offences" in axes[3].get_xlabel()
    for ax in axes:
        low, high = ax.get_xlim()
        assert low < min(0, *points(ax))
        assert max(0, *points(ax)) < high


def test_shares_and_ratios_of_several_outcomes_share_a_panel(evaluation: ce.Evaluation) -> None:
    axes = forest(
        evaluation,
        made("risk difference", "a", -0.1, -0.2, 0.0),
        made("risk difference", "b", 0.05, -0.1, 0.2),
        made("hazard ratio", "a", 0.7, 0.5, 0.98),
        made("marginal hazard ratio", "a", 0.8, 0.5, 1.2),
        made("complier average effect", "b", -0.2, -0.3, -0.1, events=(9, 8)),
        made("complier average effect", "harm", -30, -50, -10),
    )
    assert [points(ax) for ax in axes] == [[0.7, 0.8], [-0.1, 0.05], [-0.2], [-30]]
    assert [ax.get_xscale() for ax in axes] == ["log", "linear", "linear", "linear"]
    assert "percentage points" in axes[2].get_xlabel()
    assert "harm" in axes[3].get_xlabel()
    # An axis of shares is labelled in percentage points: 0.05 reads 5.
    ticks = [each.get_text() for each in axes[1].get_xticklabels()]
    assert "0" in ticks
    assert any(abs(float(each.replace("−", "-"))) >= 5 for each in ticks)


def test_every_row_stays_and_says_what_it_is(evaluation: ce.Evaluation) -> None:
    nan = float("nan")
    axes = forest(
        evaluation,
        made("risk difference", "a", -0.1, -0.2, 0.0),
        made("risk difference", "b", nan, nan, nan, method="x; not estimable: nobody"),
        made("risk difference", "c", nan, nan, nan, method="x; withheld: fewer than 10"),
        made("hazard ratio", "d", nan, nan, nan, method="not estimable: no events"),
    )
    assert len(axes) == 1, "a panel without any estimate would have no scale"
    assert len(axes[0].get_yticks()) == 3
    texts = written(axes[0])
    assert {"a: risk difference", "b: risk difference", "c: risk difference"} <= set(texts)
    assert texts.count("not estimable") == 1
    assert texts.count("withheld") == 1
    assert "−10.0 points (−20.0 to +0.0)" in texts


def test_an_interval_without_end_is_an_arrow(evaluation: ce.Evaluation) -> None:
    (ax,) = forest(evaluation, made("odds ratio", "a", 3.0, 1.2, float("inf")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax.figure.draw_without_rendering()
    assert np.isfinite(ax.get_xlim()).all()
    assert all(np.isfinite(np.asarray(line.get_xdata(), dtype=float)).all() for line in ax.lines)
    assert ">" in [line.get_marker() for line in ax.lines]
    assert "3.00 (1.20 to ∞)" in written(ax)


def test_several_arms_are_told_apart_by_shape_and_key(evaluation: ce.Evaluation) -> None:
    arms = ("court", "a letter sent by post within two weeks of the decision", "contract")
    values = [
        made("risk difference", outcome, value, value - 0.1, value + 0.1, contrast=(arm, "court"))
        for outcome, shift in (("a", 0.0), ("b", 0.1))
        for arm, value in ((arms[1], -0.2 + shift), (arms[2], -0.05 + shift))
    ]
    (ax,) = forest(evaluation, *values, arms=arms)
    assert points(ax) == pytest.approx([-0.2, -0.05, -0.1, 0.05])
    shapes = [line.get_marker() for line in ax.lines if line.get_marker() in "soD^v"]
    assert shapes == ["s", "o", "s", "o"]
    legend = ax.get_legend()
    assert legend is not None
    assert [each.get_text() for each in legend.get_texts()] == [*arms[1:]]
    assert written(ax).count("a: risk difference") == 1, "one name for the rows of all arms"
    # The name of a stands in the middle of its two rows, above that of b.
    heights = {text.get_text(): text.xy[1] for text in ax.texts}
    rows = ax.get_yticks()
    assert heights["a: risk difference"] == pytest.approx((rows[0] + rows[1]) / 2)
    assert heights["b: risk difference"] == pytest.approx((rows[2] + rows[3]) / 2)


def test_long_names_are_wrapped_and_keep_their_size(evaluation: ce.Evaluation) -> None:
    name = "first offence of a very long kind recorded by any police force anywhere in the country"
    (ax,) = forest(evaluation, made("risk difference", name, -0.1, -0.2, 0.0))
    label = next(each for each in ax.texts if each.get_text().startswith("first offence"))
    assert max(map(len, label.get_text().split("\n"))) <= 36
    assert label.get_size() == 9
    # The whole is no wider than what fits on paper at that size.
    box = ax.figure.get_tightbbox()
    assert box.width < 9


def test_a_measure_nobody_thought_of_is_drawn_all_the_same(evaluation: ce.Evaluation) -> None:
    axes = forest(evaluation, made("novel difference", "a", 1.0, 0.0, 2.0))
    assert [points(ax) for ax in axes] == [[1.0]]
    assert axes[0].get_xlabel() == "Novel difference: a"


def test_it_is_drawn_on_the_axes_given(evaluation: ce.Evaluation) -> None:
    panels = len(report.plot_forest(evaluation))
    plt.close("all")
    figure, given = plt.subplots(panels, 1, squeeze=False)
    drawn = report.plot_forest(evaluation, axes=list(given[:, 0]))
    assert drawn == list(given[:, 0])
    assert plt.get_fignums() == [figure.number]
    assert all(points(ax) for ax in drawn)
    with pytest.raises(TrialError, match=rf"`axes` has 1 Axes and the figure {panels} panels"):
        report.plot_forest(evaluation, axes=[given[0, 0]])


def test_nothing_estimable_is_no_figure(evaluation: ce.Evaluation) -> None:
    assert report.plot_forest(replace(evaluation, results=())) == []
