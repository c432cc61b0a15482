"""Nobody has a need, and nobody was asked: two things, and a comparison tells which."""

from __future__ import annotations

import numpy as np
import pandas as pd

import checkpoint_eval as ce
from checkpoint_eval.models import compare_pathways

N = 40
ARM = np.arange(N) % 2
SCORE = np.random.default_rng(4).integers(1, 4, N).astype(float)


def reasons(before: np.ndarray, after: np.ndarray) -> list[str]:
    """Of one pathway beside an ordinary one: among those with the need, and among everyone."""
    frame = pd.DataFrame({"arm": ARM, "b": before, "a": after, "h0": SCORE, "h1": SCORE % 3})
    trial = ce.Trial.from_frame(
        frame, arm="arm", control=0, pathways={"debt": ("b", "a"), "health": ("h0", "h1")}
    )
    assert trial.pathways is not None
    found = compare_pathways(trial, trial.pathways, rng=np.random.default_rng(1), draws=99)
    table = found.to_frame()
    health = table["value"][table["pathway"] == "health"]
    assert health.notna().all()
    return [method.partition("not estimable: ")[2] for method in table["method"][::2]]


def test_a_need_that_nobody_has() -> None:
    told = reasons(np.zeros(N), np.zeros(N))
    assert told[0] == "nobody in 'control' or 'treatment' has the need"


def test_a_need_that_nobody_of_an_arm_has() -> None:
    told = reasons(np.where(ARM == 0, 0.0, SCORE), SCORE - 1)
    assert told[0] == "nobody in 'control' has the need"
    assert told[1] == ""


def test_an_arm_that_nobody_asked_before() -> None:
    """That controls have no need is not known: it was not asked."""
    told = reasons(np.where(ARM == 0, np.nan, SCORE), SCORE - 1)
    assert told == ["nobody in 'control' was assessed before"] * 2


def test_a_pathway_that_nobody_asked_about() -> None:
    nothing = np.full(N, np.nan)
    told = reasons(nothing, nothing)
    assert told == ["nobody in 'control' or 'treatment' was assessed before"] * 2


def test_an_arm_that_nobody_asked_afterwards() -> None:
    told = reasons(SCORE, np.where(ARM == 0, np.nan, SCORE - 1))
    assert told == ["nobody in 'control' was assessed both times"] * 2
