"""The caterpillar plot of navigators holds what it is given."""

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt

import checkpoint_eval as ce
from checkpoint_eval.models.navigators import navigator_effects
from checkpoint_eval.report.navigator_figures import plot_navigators


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def trial(treated: list[float]) -> ce.Trial:
    """Four controls; treated by Ann, Bob and Cas in turn."""
    frame = pd.DataFrame(
        {
            "arm": [0] * 4 + [1] * len(treated),
            "harm": [15, 20, 40, 25, *treated],
            "navigator": [None] * 4 + ["Ann", "Bob", "Cas"] * (len(treated) // 3),
        }
    )
    return ce.Trial.from_frame(
        frame, arm="arm", control=0, factors=["navigator"], numeric={"harm": "harm"}
    )


def test_it_holds_effects_in_order() -> None:
    found = navigator_effects(
        trial([10, 20, 35, 15, 3, 28]), outcome="harm", navigator="navigator", level=0.9
    )
    ax = plot_navigators(found)
    order = np.argsort(found.value)
    _, raw, shrunken = ax.get_lines()
    assert np.array_equal(raw.get_xdata(), found.raw[order])
    assert np.array_equal(shrunken.get_xdata(), found.value[order])
    assert [each.get_text() for each in ax.get_yticklabels()] == ["Bob", "Ann", "Cas"]
    (bars,) = ax.collections
    ends = np.array([[low[0], high[0]] for low, high in bars.get_segments()])  # type: ignore[attr-defined]
    assert np.array_equal(ends, np.column_stack([found.low, found.high])[order])
    assert "90% interval" in ax.get_title(loc="left")
    assert ax.get_xlabel() == "harm: difference from the average navigator"


def test_navigators_not_seen_to_differ_have_no_intervals() -> None:
    found = navigator_effects(trial([10, 15, 20, 30, 28, 5]), outcome="harm", navigator="navigator")
    axes = plt.subplots()[1]
    assert plot_navigators(found, ax=axes) is axes
    axes.figure.canvas.draw()
    assert np.array_equal(axes.get_lines()[2].get_xdata(), [0, 0, 0])
    assert not any(np.size(each) for each in axes.collections[0].get_segments())  # type: ignore[attr-defined]


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(ce.TrialError, match="`found` must be a `NavigatorEffects`, got Trial"):
        plot_navigators(trial([1, 2, 3]))  # type: ignore[arg-type]
    lone = navigator_effects(trial([1, 2, 3]), outcome="harm", navigator="navigator")
    with pytest.raises(ce.TrialError, match="no fit to draw, as too few people share a navigator"):
        plot_navigators(lone)
