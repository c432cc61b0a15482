"""Laws of integrity, losses, distances and the omnibus test; the figure of integrity."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import EXACT, shuffled

import checkpoint_eval as ce
from checkpoint_eval.balance import attrition, treatment_integrity
from checkpoint_eval.design import PermutedBlocks
from checkpoint_eval.report import plot_integrity

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn
    from matplotlib.axes import Axes
    from matplotlib.text import Text

COUNTED = ["people", "as_assigned", "otherwise", "unknown"]


@st.composite
def kept(draw: DrawFn) -> pd.DataFrame:
    """People with an arm, another perhaps received, a suite, losses and covariates."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(8, 40))
    table = pd.DataFrame(
        {
            "arm": np.arange(n) % 2,
            "got": rng.choice([0.0, 1.0, np.nan], n, p=[0.45, 0.45, 0.1]),
            "suite": rng.choice(list("nse"), n),
            "x": rng.integers(0, 9, n).astype(float),
            "z": rng.normal(size=n).round(2),
            "out": rng.choice([0.0, 1.0, np.nan], n, p=[0.3, 0.4, 0.3]),
            "week": rng.integers(1, 9, n),
            "ev": rng.integers(0, 2, n),
        }
    )
    table.loc[:3, ["got", "out", "x"]] = [[0, 0, 1], [1, 1, 2], [0, 1, 3], [1, 0, 4]]
    table.loc[:3, "suite"] = list("nnss")
    table["came"] = np.arange(n)
    table["team"] = np.array([f"t{i}" for i in 2 * (np.arange(n) // 4) + np.arange(n) % 2])
    return table


def read(table: pd.DataFrame, **changed: Any) -> ce.Trial:
    """Rows may stand in any order."""
    usual: dict[str, Any] = {
        "arm": "arm",
        "control": 0,
        "received": "got",
        "covariates": ["x", "z"],
        "factors": ["suite", "team"],
        "binary": {"out": "out"},
        "times": {"re": ("week", "ev", "weeks")},
        "order": "came",
    }
    return ce.Trial.from_frame(table, **(usual | changed))


def integrity(trial: ce.Trial, **asked: Any) -> pd.DataFrame:
    """As a table."""
    return treatment_integrity(trial, **asked).to_frame()


@given(kept(), st.integers(0, 99))
def test_order_of_rows(table: pd.DataFrame, seed: int) -> None:
    """The same people in another order, redrawn by their own rule in order of arrival."""
    rule = PermutedBlocks(sizes=(2,))  # every pair has one of each
    one, two = read(table, rule=rule), read(shuffled(table, seed), rule=rule)
    pd.testing.assert_frame_equal(integrity(one, by="suite"), integrity(two, by="suite"))

    def asked(trial: ce.Trial) -> list[float]:
        rng = np.random.default_rng(3)
        omnibus = ce.omnibus_balance(trial, draws=50, rng=rng)
        losses = attrition(trial, outcome="out", draws=50, rng=rng)
        late = attrition(trial, outcome="re", horizon=4)
        clusters = ce.omnibus_balance(trial, clusters="team")
        tests = (omnibus, losses.test, late.test, clusters)
        return [value for t in tests for value in (t.statistic, t.p_value)]

    assert asked(one) == pytest.approx(asked(two), rel=1e-7, abs=EXACT)


@given(kept())
def test_relabelled_arms(table: pd.DataFrame) -> None:
    """Treatment called control: rows change places, and so does the sign."""
    one, two = read(table), read(table, control=1)
    a, b = treatment_integrity(one, by="suite"), treatment_integrity(two, by="suite")
    turned = {(r.group, r.arm): r for r in b.rows}
    names = {"control": "treatment", "treatment": "control"}
    for row in a.rows:
        other = turned[(row.group, names[row.arm])]
        assert [getattr(row, c) for c in COUNTED] == [getattr(other, c) for c in COUNTED]
    assert np.array_equal(np.array(a.crossed_over)[::-1, ::-1], b.crossed_over)
    lost, tsol = attrition(one, outcome="out"), attrition(two, outcome="out")
    assert lost.lost == tsol.lost[::-1]
    assert lost.test.statistic == pytest.approx(-tsol.test.statistic, abs=EXACT)
    assert lost.test.p_value == pytest.approx(tsol.test.p_value, rel=EXACT)
    omnibus = [ce.omnibus_balance(t, clusters="team").statistic for t in (one, two)]
    assert omnibus[0] == pytest.approx(omnibus[1], rel=1e-7, abs=EXACT)
    ks = [ce.standardised_differences(t).to_frame()["ks"] for t in (one, two)]
    np.testing.assert_allclose(ks[0], ks[1], atol=EXACT)


@given(kept())
def test_groups_add_up(table: pd.DataFrame) -> None:
    """By suite, by team, by both: the same people; and everyone is in one of three columns."""
    trial = read(table)
    whole = integrity(trial).set_index("arm")[COUNTED]
    for by in ("suite", "team", ["suite", "team"]):
        parts = integrity(trial, by=by)
        pd.testing.assert_frame_equal(parts.groupby("arm")[COUNTED].sum(), whole, check_like=True)
    assert (whole["people"] == whole[COUNTED[1:]].sum(axis=1)).all()
    crossed = treatment_integrity(trial).crossed_over
    assert np.trace(crossed) == whole["as_assigned"].sum()
    assert np.sum(crossed) == (whole["people"] - whole["unknown"]).sum()
    codes = table["got"].fillna(2).astype(int)
    assert np.array_equal(pd.crosstab(table["arm"], codes).loc[[0, 1], [0, 1]], crossed)


@given(kept())
def test_shares_lie_within_their_limits(table: pd.DataFrame) -> None:
    """Between 0 and 1, and wider at a higher level."""
    trial = read(table)
    wide, narrow = (treatment_integrity(trial, by="suite", level=v).rows for v in (0.99, 0.8))
    for outer, inner in zip(wide, narrow, strict=True):
        if outer.people > outer.unknown:
            steps = [0, outer.low, inner.low, inner.share, inner.high, outer.high, 1]
            assert all(a <= b + EXACT for a, b in pairwise(steps))


@given(kept())
def test_losses_grow_with_the_horizon(table: pd.DataFrame) -> None:
    """Censored before it, and nobody with an event."""
    trial = read(table)
    censored = table["ev"] == 0
    for horizon in (0.5, 1, 2, 2.5, 4, 7, 8):
        want = [
            int((censored & (table["week"] < horizon) & (table["arm"] == a)).sum()) for a in (0, 1)
        ]
        assert list(attrition(trial, outcome="re", horizon=horizon).lost) == want


@given(kept(), st.floats(-50, 50), st.floats(0.1, 20), st.booleans())
def test_linear_recoding(table: pd.DataFrame, shift: float, scale: float, mixed: bool) -> None:
    """Other units, another zero, sums of covariates: the omnibus test does not care."""
    other = table.assign(x=shift - scale * table["x"])
    if mixed:
        other["z"] = table["z"] + 2 * table["x"] - 5
    for clusters in (None, "team"):
        one = ce.omnibus_balance(read(table), clusters=clusters)
        two = ce.omnibus_balance(read(other), clusters=clusters)
        assert one.statistic == pytest.approx(two.statistic, rel=1e-6, abs=1e-8)
        assert one.df == two.df


@given(kept())
def test_everyone_a_cluster(table: pd.DataFrame) -> None:
    """Clusters of one are people."""
    own = table.assign(team=[f"p{i}" for i in range(len(table))])
    one = ce.omnibus_balance(read(own), clusters="team")
    two = ce.omnibus_balance(read(own))
    assert (one.statistic, one.df) == pytest.approx((two.statistic, two.df), rel=1e-8, abs=1e-10)


def monthly(months: int = 24) -> ce.Trial:
    """Ten people a month in each arm over two years; court keeps to its arm the better."""
    number = np.arange(20 * months)
    month = number // 20
    arm = np.where(number % 2 == 0, "court", "contract")
    strays = (number // 2) % 10 < np.where(arm == "court", 1, 2 + month % 4)
    got = np.where(strays, np.where(arm == "court", "contract", "court"), arm)
    trial = ce.Trial.from_frame(
        pd.DataFrame({"arm": arm, "got": got}), arm="arm", control="court", received="got"
    )
    days = (np.datetime64("2019-07") + month).astype("datetime64[D]") + number % 28
    return replace(trial, assignment=replace(trial.assignment, date=days))


def marks(axes: Axes) -> set[float]:
    """Every height drawn, as a line's or as points'."""
    found = [line.get_ydata() for line in axes.lines]
    found += [np.asarray(c.get_offsets())[:, 1] for c in axes.collections]
    return {round(float(v), 6) for values in found for v in np.asarray(values, dtype=float)}


def overlap(one: Text, two: Text) -> bool:
    """Whether labels side by side lie on each other: level as boxes, slanted as parallel bars."""
    angle = np.deg2rad(one.get_rotation())
    apart = [t.get_transform().transform(t.get_position())[0] for t in (one, two)]
    one.set_rotation(0)
    box = one.get_window_extent()
    one.set_rotation(np.rad2deg(angle))
    gap = abs(apart[1] - apart[0])
    beside = gap * np.sin(angle) >= box.height  # across the bars
    return not (beside or gap * np.cos(angle) >= box.width)  # or one ends before the next begins


def test_figure_of_two_years() -> None:
    """All 24 months of both arms; labels do not lie on each other."""
    found = treatment_integrity(monthly(), by="month")
    assert len(found.rows) == 48
    figure, axes = plt.subplots(figsize=(7, 4))
    assert plot_integrity(found, ax=axes) is axes
    figure.canvas.draw()
    drawn = marks(axes)
    scale = 100 if max(drawn) > 1.5 else 1
    assert {round(row.share * scale, 6) for row in found.rows} <= drawn
    points = [len(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 24]
    assert len(points) >= 2
    legend = axes.get_legend()
    texts = [t.get_text() for t in (*axes.texts, *(legend.get_texts() if legend else []))]
    assert all(any(arm in text for text in texts) for arm in found.arms)
    labels = [t for t in axes.get_xticklabels() if t.get_text()]
    assert len(labels) >= 2
    assert not any(overlap(a, b) for a, b in pairwise(labels))
    plt.close(figure)


def test_figure_makes_its_own_axes() -> None:
    """Without axes to draw on, and by a suite."""
    axes = plot_integrity(treatment_integrity(monthly(3), by="month"))
    assert axes.figure is not None
    plt.close(axes.figure)
