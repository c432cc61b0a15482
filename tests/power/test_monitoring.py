"""A look is taken once: the record, who may add to it, and what a changed line does."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt

import checkpoint_eval as ce
from checkpoint_eval.errors import ImpossibleDesign, InvalidData, OutputRefused, TrialError
from checkpoint_eval.power import GroupSequential, KimDeMets, Look, monitor, stopping_bounds
from checkpoint_eval.report import plot_monitoring

if TYPE_CHECKING:
    from pathlib import Path

DESIGN = GroupSequential(looks=3)


def trial(until: float, *, effect: float = 0.7, n: int = 400) -> ce.Trial:
    """People followed until a time; reoffending is as common as `effect` times that of control."""
    rng = np.random.default_rng(4)
    arm = np.tile([0, 1], n // 2)
    life = rng.exponential(300 / np.where(arm == 1, effect, 1.0))
    frame = pd.DataFrame(
        {"arm": arm, "time": np.minimum(life, until), "event": life < until, "any": life < until}
    )
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        times={"arrest": ("time", "event", "days")},
        binary={"any": "any"},
    )


def take(record: Path, look: int, until: float, **how: Any) -> Look:
    usual = {"outcome": "arrest", "planned": 300, "look": look, "record": record}
    design = how.pop("design", DESIGN)
    return monitor(trial(until), design, **(usual | how))


def test_looks_in_turn(tmp_path: Path) -> None:
    record = tmp_path / "looks.jsonl"
    first, second = take(record, 1, 100), take(record, 2, 250)
    assert second.z[0] == first.z[0]
    assert second.information[0] == first.information[0]
    assert second.bounds.critical[0] == pytest.approx(first.bounds.critical[0], abs=1e-9)
    test = ce.logrank_test(trial(250), outcome="arrest")
    assert second.z[1] == pytest.approx(-test.statistic, rel=1e-12)
    assert sum(test.events) == second.information[1]
    assert len(record.read_text(encoding="utf-8").splitlines()) == 2


def test_a_look_is_not_taken_twice(tmp_path: Path) -> None:
    record = tmp_path / "looks.jsonl"
    take(record, 1, 100)
    before = record.read_bytes()
    with pytest.raises(OutputRefused, match=r"Look 1 was taken on .* and is not taken twice"):
        take(record, 1, 150)
    with pytest.raises(OutputRefused, match="those of look 1, unchanged"):
        take(record, 2, 100)
    with pytest.raises(ImpossibleDesign, match="taken in turn"):
        take(record, 3, 150)
    with pytest.raises(OutputRefused, match="of another design, outcome"):
        take(record, 2, 150, design=GroupSequential(looks=3, boundary=KimDeMets()))
    with pytest.raises(OutputRefused, match="of another design, outcome"):
        take(record, 2, 150, planned=400)
    with pytest.raises(OutputRefused, match="of another design, outcome"):
        take(record, 2, 150, outcome="any")
    assert record.read_bytes() == before


def test_a_look_refused_for_its_data_leaves_no_line(tmp_path: Path) -> None:
    record = tmp_path / "looks.jsonl"
    with pytest.raises(TrialError, match="There is no z of 'arrest'"):
        take(record, 1, 1e-6)
    assert not record.exists()
    take(record, 1, 100)
    with pytest.raises(ImpossibleDesign, match="must increase"):
        take(record, 2, 90)
    assert take(record, 2, 200).number == 2


def test_more_looks_than_planned(tmp_path: Path) -> None:
    record = tmp_path / "looks.jsonl"
    for look, until in enumerate((50, 100, 150), start=1):
        last = take(record, look, until)
    assert last.decision in ("end", "stop for efficacy")
    with pytest.raises(ImpossibleDesign, match="4 looks and the design plans 3"):
        take(record, 4, 200)


def test_one_of_many_who_look_at_once_is_let(tmp_path: Path) -> None:
    record = tmp_path / "looks.jsonl"

    def attempt(until: float) -> bool:
        try:
            take(record, 1, until)
        except OutputRefused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, (100, 110, 120, 130))) == 1
    assert len(record.read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda text: text.replace("continue", "end"), "Line 1 of the record .* was changed"),
        (lambda text: text.splitlines(keepends=True)[1], "does not follow the one before"),
        (lambda text: text[:-30], "Line 2 of the record .* is no look"),
        (lambda text: "[]\n" + text, "Line 1 of the record .* is no look"),
    ],
)
def test_a_changed_record_is_refused(tmp_path: Path, change: Any, match: str) -> None:
    record = tmp_path / "looks.jsonl"
    take(record, 1, 100)
    take(record, 2, 150)
    record.write_text(change(record.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(InvalidData, match=match):
        take(record, 3, 250)


def test_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputRefused, match="no folder"):
        take(tmp_path / "board" / "looks.jsonl", 1, 100)


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ({"favours": "less"}, "`favours`"),
        ({"planned": float("nan")}, "`planned`"),
        ({"look": 0}, "`look`"),
        ({"outcome": "arests"}, "did you mean 'arrest'"),
        ({"design": "OBF"}, "`design`"),
        ({"analysis_set": "mitt"}, "mitt"),
    ],
)
def test_bad_looks(tmp_path: Path, how: dict[str, Any], match: str) -> None:
    with pytest.raises(TrialError, match=match):
        take(tmp_path / "looks.jsonl", how.pop("look", 1), 100, **how)
    assert not (tmp_path / "looks.jsonl").exists()


def test_decisions(tmp_path: Path) -> None:
    """A strong effect either way, and next to none with futility."""
    one = GroupSequential(looks=3, alpha=0.025, sided=1, futility=KimDeMets(rho=1))
    wedge = GroupSequential(looks=3, futility=KimDeMets(rho=1))
    cases = [
        (DESIGN, 0.3, "fewer", "stop for efficacy"),
        (DESIGN, 0.3, "more", "stop for harm"),
        (one, 1.3, "fewer", "stop for futility"),
        (wedge, 1.0, "fewer", "stop for futility"),
        (wedge, 0.3, "fewer", "stop for efficacy"),
        (wedge, 1.3, "fewer", "continue"),
        (wedge, 3.0, "fewer", "stop for harm"),
    ]
    for number, (design, effect, favours, want) in enumerate(cases):
        found = monitor(
            trial(250, effect=effect),
            design,
            outcome="arrest",
            planned=300,
            look=1,
            record=tmp_path / str(number),
            favours=favours,  # type: ignore[arg-type]
        )
        assert found.decision == want


def test_what_is_shown(tmp_path: Path) -> None:
    found = take(tmp_path / "looks.jsonl", 1, 100)
    frame = found.to_frame()
    assert frame["look"].tolist() == [1, 2, 3]
    assert frame["z"].notna().tolist() == [True, False, False]
    assert "Look 1 of arrest (itt)" in repr(found)
    assert 0 < found.conditional_trend < 1
    assert 0 < found.predictive < 1
    assert found.estimate.naive < 0  # fewer events: the log hazard ratio is negative
    assert found.estimate.low < found.estimate.value < found.estimate.high


def test_the_plot_holds_bounds_and_results(tmp_path: Path) -> None:
    found = take(tmp_path / "looks.jsonl", 1, 100)
    ax = plot_monitoring(found)
    lines = {line.get_label(): line for line in ax.get_lines()}
    np.testing.assert_array_equal(lines["stop for efficacy"].get_ydata(), found.bounds.critical)
    np.testing.assert_array_equal(lines["stop for harm"].get_ydata(), -found.bounds.critical)
    np.testing.assert_array_equal(lines["result"].get_ydata(), found.z)
    assert ax.get_title(loc="left") == f"arrest, look 1: {found.decision}"
    plt.close("all")
    design = GroupSequential(looks=3, alpha=0.025, sided=1, futility=KimDeMets())
    bounds = stopping_bounds(design)
    lines = {line.get_label(): line for line in plot_monitoring(bounds).get_lines()}
    np.testing.assert_array_equal(lines["stop for futility"].get_ydata(), bounds.futility)
    plt.close("all")
    bounds = stopping_bounds(GroupSequential(looks=3, futility=KimDeMets()))
    drawn = [line.get_ydata() for line in plot_monitoring(bounds).get_lines()]
    assert any(np.array_equal(each, -bounds.futility) for each in drawn)
    assert len(plt.gca().get_legend().get_texts()) == 3
    plt.close("all")
    with pytest.raises(TrialError, match="`shown`"):
        plot_monitoring("look")  # type: ignore[arg-type]


def test_the_line_says_what_was_decided(tmp_path: Path) -> None:
    record = tmp_path / "looks.jsonl"
    found = take(record, 1, 100)
    said = json.loads(json.loads(record.read_text(encoding="utf-8"))["entry"])
    assert said["data"] == trial(100).digest
    assert said["z"] == found.z[0]
    assert said["critical"] == pytest.approx(found.bounds.critical[0])
    assert (said["kind"], said["sequence"], said["look"]) == ("look", 1, 1)
