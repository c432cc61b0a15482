"""Every figure is drawn where it is asked to be, and leaves matplotlib as it was."""

import importlib
import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from every_noun import every_noun
from matplotlib.axes import Axes

import checkpoint_eval as ce
from checkpoint_eval import models, report
from checkpoint_eval.results import ContrastCurve


def contrast() -> ContrastCurve:
    return models.restricted_mean_curve(ce.load_rossi(), outcome="rearrest")


DRAWN: dict[str, Callable[[], Any]] = {
    "flow_diagram": lambda: every_noun()["Flow"],
    "plot_balance": lambda: every_noun()["BalanceTable"],
    "plot_contrast": contrast,
    "plot_drift": lambda: every_noun()["Drift"],
    "plot_fidelity": lambda: every_noun()["Fidelity"],
    "plot_fit": lambda: every_noun()["ParametricFit"],
    "plot_incidence": lambda: every_noun()["Incidence"],
    "plot_integrity": lambda: every_noun()["Integrity"],
    "plot_log_log": lambda: every_noun()["Curve"],
    "plot_lorenz": lambda: every_noun()["Inequality"],
    "plot_mean_events": lambda: every_noun()["MeanCumulative"],
    "plot_monitoring": lambda: every_noun()["Look"],
    "plot_navigators": lambda: every_noun()["NavigatorEffects"],
    "plot_pathways": lambda: every_noun()["PathwayComparison"],
    "plot_phi": lambda: every_noun()["CoOccurrence"],
    "plot_rules": lambda: every_noun()["RuleTable"],
    "plot_schoenfeld": lambda: every_noun()["CoxFit"],
    "plot_subgroups": lambda: every_noun()["SubgroupEffects"],
    "plot_survival": lambda: every_noun()["Curve"],
}
# These need several Axes: the first makes its own, the second takes three.
SEVERAL = {"plot_forest": "Evaluation", "plot_needs_together": "CoOccurrence"}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    plt.close("all")
    yield
    plt.close("all")


def test_every_plot_is_looked_at() -> None:
    public = {name for name in report.__all__ if name.startswith(("plot_", "flow_diagram"))}
    assert public == set(DRAWN) | set(SEVERAL)


@pytest.mark.parametrize("name", DRAWN)
def test_a_plot_is_drawn_into_the_axes_it_is_given(name: str) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5))
    before = [ax.get_position().bounds for ax in (left, right)]
    held = [figure.number, set(figure.axes)]
    settings = dict(mpl.rcParams)
    drawn = getattr(report, name)(DRAWN[name](), ax=right)
    assert drawn is right
    assert plt.get_fignums() == [held[0]], "a figure was opened beside the one that was given"
    assert dict(mpl.rcParams) == settings
    assert left.get_position().bounds == before[0]
    assert not left.has_data(), "the other subplot is somebody else's"
    # A second scale or a key may take a part of the room it was given, never more.
    x, y, width, height = before[1]
    for ax in set(figure.axes) - {left}:
        own = ax.get_position()
        assert own.x0 >= x - 0.12
        assert own.x1 <= x + width + 0.12
        assert own.y1 <= y + height + 0.01
    assert right.has_data() or right.texts or right.patches
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()


@pytest.mark.parametrize("name", [*DRAWN, *SEVERAL])
def test_a_plot_makes_one_figure_of_its_own(name: str) -> None:
    noun = DRAWN[name]() if name in DRAWN else every_noun()[SEVERAL[name]]
    settings = dict(mpl.rcParams)
    drawn = getattr(report, name)(noun)
    several = list(drawn) if name in SEVERAL else [drawn]
    assert all(isinstance(ax, Axes) for ax in several)
    assert plt.get_fignums() == [1]
    assert {ax.figure.number for ax in several} == {1}
    assert dict(mpl.rcParams) == settings


def test_three_axes_may_be_given_for_needs_together() -> None:
    figure, axes = plt.subplots(1, 3)
    drawn = report.plot_needs_together(every_noun()["CoOccurrence"], axes=tuple(axes))
    assert drawn == tuple(axes)
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("name", [*DRAWN, *SEVERAL])
def test_a_plot_never_shows_and_says_what_it_returns(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown(*_: object, **__: object) -> None:
        raise AssertionError("a notebook shows what it is given; a script calls plt.show itself")

    monkeypatch.setattr(plt, "show", shown)
    noun = DRAWN[name]() if name in DRAWN else every_noun()[SEVERAL[name]]
    getattr(report, name)(noun)
    given = inspect.signature(getattr(report, name)).return_annotation
    assert "Axes" in str(given)


def test_arms_have_the_same_colours_in_every_figure() -> None:
    """One theme: control is grey, and the treatment arm blue, wherever they are drawn."""
    module = importlib.import_module("checkpoint_eval.report.figures")
    colours = set(module.arm_colours(("control", "treatment")).values())
    for name in ("plot_survival", "plot_incidence", "plot_mean_events", "plot_fit"):
        ax = getattr(report, name)(DRAWN[name]())
        used = {mpl.colors.to_hex(line.get_color()) for line in ax.get_lines()}
        assert colours <= used, name


def test_a_figure_holds_numbers_and_no_not_a_number_axis() -> None:
    for name, noun in DRAWN.items():
        ax = getattr(report, name)(noun())
        assert np.isfinite([*ax.get_xlim(), *ax.get_ylim()]).all(), name
