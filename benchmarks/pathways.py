"""Nine pathways compared by ten thousand redrawn allocations, beside the draws alone."""

import numpy as np
import pandas as pd
from measuring import Target, clocked, race

import checkpoint_eval as ce
from checkpoint_eval.models import compare_pathways
from checkpoint_eval.outcomes import REGISTER, PathwayScores
from checkpoint_eval.randomise.redrawing import redraw

DRAWS, PEOPLE = 10_000, 1_000


def run(repeats: int) -> None:
    """Race the whole comparison: two families, their adjusted p, two global tests, effects."""
    trial, scores = _simulated()
    print(f"  {trial.n:,} people, {len(scores.pathways)} pathways, {DRAWS:,} draws")

    def draws_alone() -> float:
        return float(sum(len(b) for b in redraw(trial.assignment, draws=DRAWS, rng=_rng())))

    def comparison() -> float:
        found = compare_pathways(trial, scores, draws=DRAWS, rng=_rng())
        return float(found.with_need.p_values["westfall-young"].min())

    contenders = [clocked("comparison", comparison), clocked("draws alone", draws_alone)]
    targets = [Target(slow="comparison", fast="draws alone", at_most=4)]
    race(contenders, targets, repeats=repeats)


def _rng() -> np.random.Generator:
    return np.random.default_rng(1)


def _simulated() -> tuple[ce.Trial, PathwayScores]:
    """People with two or three needs each, scored 0 to 3 before and after a contract."""
    rng = _rng()
    p = len(REGISTER.names)
    arm = rng.permutation(np.repeat([0, 1], PEOPLE // 2))
    need = 0.8 * rng.normal(size=(PEOPLE, 1)) + rng.normal(size=(PEOPLE, p)) - 0.2
    before = np.clip(np.round(need), 0, 3)
    gone = rng.random((PEOPLE, p)) < 0.3 + 0.1 * arm[:, None]
    after = np.where(gone, np.maximum(before - 2, 0), before)
    trial = ce.Trial.from_frame(pd.DataFrame({"arm": arm}), arm="arm", control=0)
    scores = PathwayScores(
        pathways=REGISTER.names, baseline=before, follow_up=after, scale="ordinal"
    )
    return trial, scores
