"""Restricted means by re-randomisation: the size and p of redrawing, listed in full by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from checkpoint_eval.cohort.resampling import TrialBatch
from checkpoint_eval.design import Complete, Simple
from checkpoint_eval.errors import TrialError
from checkpoint_eval.power import Analysis, ExponentialTrial, simulate_power
from checkpoint_eval.power.batched_analyses import block_of


def batch_of(arm: list[int], time: list[int]) -> TrialBatch:
    return TrialBatch(
        first=0,
        arm=np.array([arm], dtype=np.int8),
        time=np.array([time], dtype=np.int16),
        event=np.ones((1, len(time)), dtype=bool),
    )


def test_all_allocations_by_hand() -> None:
    """Nobody censored: the restricted mean is the mean of min(time, 8).

    Days 1, 2, 4 and 9 (8) in control, 3, 5, 6 and 7 in treatment: 15/4 and 21/4. All 70 ways to
    choose treatment are listed, as the rule has no more than the draws.
    """
    time = [1, 2, 4, 9, 3, 5, 6, 7]
    block = block_of(
        batch_of([0, 0, 0, 0, 1, 1, 1, 1], time), horizon=9, rule=Complete(counts=(4, 4))
    )
    asked = Analysis(statistic="restricted mean difference", horizon=8, draws=999)
    assert asked.told == "restricted mean difference to 8 days by 999 re-randomisations"
    value, p_value = asked.of(block, np.random.default_rng(1))
    seen = np.minimum(time, 8)
    all_of_them = [seen[list(each)].sum() for each in combinations(range(8), 4)]
    gaps = np.abs([2 * treated - seen.sum() for treated in all_of_them]) / 4
    assert value[0] == pytest.approx(21 / 4 - 15 / 4)
    assert p_value[0] == pytest.approx((gaps >= 1.5 - 1e-9).mean())


def test_nobody_to_compare_is_not_estimable() -> None:
    block = block_of(batch_of([1, 1, 1, 1], [1, 2, 3, 4]), horizon=4, rule=Simple())
    asked = Analysis(statistic="restricted mean difference", draws=9)
    assert np.isnan(asked.of(block, np.random.default_rng(1))).all()


def test_the_test_has_its_size_and_the_power_of_walds() -> None:
    """400 trials: four standard errors; with 199 draws p is uniform on whole 200ths."""
    for ratio, least, most in ((1.0, 0.05 - 0.044, 0.05 + 0.044), (0.4, 0.75, 1.0)):
        world = ExponentialTrial(
            people=80, control_hazard=0.004, hazard_ratio=ratio, follow_up=300, dropout=0.0005
        )
        asked = [
            Analysis(statistic="restricted mean difference", draws=199),
            Analysis(statistic="restricted mean difference"),
        ]
        rng = np.random.default_rng(3)
        redrawn, normal = simulate_power(world, asked, trials=400, rng=rng, progress=False).rows
        assert least <= redrawn.power <= most
        assert redrawn.mean == pytest.approx(normal.mean)
        # By chance only: both have the same trials.
        assert abs(redrawn.power - normal.power) < 0.05


def test_hazard_ratios_are_redrawn_by_the_log_rank_test() -> None:
    with pytest.raises(TrialError, match="score test of the hazard ratio"):
        Analysis(statistic="hazard ratio", draws=99)
