"""A trial that a look has ended is not looked at again: its error is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.power import GroupSequential, KimDeMets, Look, PocockSpending, monitor

if TYPE_CHECKING:
    from pathlib import Path


DESIGN = GroupSequential(looks=4, boundary=PocockSpending())


def take(record: Path, look: int, *, effect: float = 1.0, **how: Any) -> Look:
    """Look at 400 people followed for longer at each look."""
    rng = np.random.default_rng(4)
    arm = np.tile([0, 1], 200)
    life, until = rng.exponential(300 / np.where(arm == 1, effect, 1.0)), 100 * look
    frame = pd.DataFrame({"arm": arm, "time": np.minimum(life, until), "event": life < until})
    times = {"arrest": ("time", "event", "days")}
    trial = ce.Trial.from_frame(frame, arm="arm", control=0, times=times)
    usual = {"design": DESIGN, "planned": 400} | how
    return monitor(trial, outcome="arrest", look=look, record=record, **usual)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"effect": 0.3}, "stop for efficacy"),
        ({"effect": 0.3, "favours": "more"}, "stop for harm"),
        ({"final": True}, "end"),
        (
            {
                "effect": 1.3,
                "design": GroupSequential(
                    looks=4, alpha=0.025, sided=1, futility=KimDeMets(rho=1), binding=True
                ),
            },
            "stop for futility",
        ),
    ],
)
def test_no_look_follows_the_one_that_ended_the_trial(
    tmp_path: Path, how: dict[str, Any], said: str
) -> None:
    record = tmp_path / "looks.jsonl"
    assert take(record, 1, **how).decision == said
    held = record.read_bytes()
    with pytest.raises(ImpossibleDesign, match=rf"Look 1 ended the trial \({said}\)"):
        take(record, 2, **{name: value for name, value in how.items() if name != "final"})
    assert record.read_bytes() == held


def test_futility_that_does_not_bind_is_advice(tmp_path: Path) -> None:
    design = GroupSequential(looks=4, alpha=0.025, sided=1, futility=KimDeMets(rho=1))
    record = tmp_path / "looks.jsonl"
    assert take(record, 1, effect=1.3, design=design).decision == "stop for futility"
    assert take(record, 2, effect=1.3, design=design).number == 2
