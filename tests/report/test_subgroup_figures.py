"""The figure of subgroups: each row where it belongs, each number as it was computed."""

from __future__ import annotations

from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

import checkpoint_eval as ce
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.subgroups import subgroup_effects
from checkpoint_eval.report.subgroup_figures import plot_subgroups


def drawn(effect: Any, **how: Any) -> tuple[Any, Any]:
    found = subgroup_effects(
        ce.load_rossi(), effect=effect, by=["wexp", "age"], cuts={"age": [20, 25]}, **how
    )
    return found, plot_subgroups(found)


def texts(ax: Any) -> list[str]:
    return [each.get_text() for each in ax.texts]


def test_rows_intervals_and_counts() -> None:
    found, ax = drawn(partial(ce.hazard_ratio, outcome="rearrest"), planned="wexp")
    labels = [each.get_text() for each in ax.get_yticklabels()]
    assert labels[:2] == ["Everyone", "wexp"]
    assert len(labels) == 1 + 1 + 2 + 1 + 3
    squares = {line.get_ydata()[0]: line for line in ax.lines if line.get_marker() == "s"}
    bars = {
        line.get_ydata()[0]: line
        for line in ax.lines
        if len(line.get_xdata()) == 2 and line.get_ydata()[0] == line.get_ydata()[1]
    }
    effects = {0: found.overall, 2: found.subgroups[0].effects[0], 5: found.subgroups[1].effects[0]}
    for place, effect in effects.items():
        assert squares[place].get_xdata()[0] == effect.value
        assert tuple(bars[place].get_xdata()) == (effect.low, effect.high)
        # the column headed by the treatment holds the treated, the other the controls
        for arm, name in ((1, effect.contrast[0]), (0, effect.contrast[1])):
            head = next(each for each in ax.texts if each.get_text().startswith(f"{name}\n"))
            cell = next(each for each in ax.texts if each.xy == (head.xy[0], place))
            assert cell.get_text() == f"{effect.events[arm]:,} / {effect.n[arm]:,}"
    assert any(text.endswith(", planned") for text in texts(ax))
    assert any(text.endswith(", exploratory") for text in texts(ax))
    assert ax.get_xscale() == "log"
    plt.close(ax.figure)


def test_shares_are_in_percentage_points() -> None:
    _, ax = drawn(partial(ce.risk_difference, outcome="rearrest", horizon=52))
    assert "percentage points" in ax.get_xlabel()
    assert ax.get_xscale() == "linear"
    assert "0" in [each.get_text() for each in ax.get_xticklabels()]
    plt.close(ax.figure)


def test_a_level_that_is_not_estimable_keeps_its_row() -> None:
    found = subgroup_effects(
        ce.load_rossi(),
        effect=partial(ce.hazard_ratio, outcome="rearrest"),
        by="age",
        cuts={"age": [20, 43]},
    )
    empty = subgroup_effects(
        ce.load_rossi(),
        effect=partial(ce.hazard_ratio, outcome="rearrest"),
        by="age",
        cuts={"age": [20, 99]},
    )
    assert np.isnan(empty.subgroups[0].effects[2].value)
    for each in (found, empty):
        ax = plot_subgroups(each, ax=plt.figure().add_subplot())
        assert len(ax.get_yticks()) == 5
        plt.close(ax.figure)
    assert "0 / 0" not in texts(ax)
    assert "not estimable" in texts(ax)


def test_only_subgroups_are_drawn() -> None:
    with pytest.raises(TrialError, match="`found` must be a `SubgroupEffects`, got list"):
        plot_subgroups([])  # type: ignore[arg-type]
