"""Interactions against R: Wald tests in one model of all levels, which Cochran's Q must equal.

subgroups.json is written by subgroups.R.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import mean_difference
from checkpoint_eval.models.subgroups import subgroup_effects

if TYPE_CHECKING:
    from checkpoint_eval.models.subgroup_results import SubgroupEffects

Compare = Callable[..., None]
R = json.loads((Path(__file__).parent / "subgroups.json").read_text(encoding="utf-8"))
DATA = Path(__file__).parents[1] / "data"
EFFECTS: dict[str, Callable[..., ce.Estimate]] = {
    "cox": partial(ce.hazard_ratio, outcome="rearrest"),
    "logit": partial(ce.odds_ratio, outcome="any"),
    "means": partial(mean_difference, outcome="number", method="neyman"),
}


def found(effect: str) -> SubgroupEffects:
    trial = ce.Trial.from_frame(
        pd.read_csv(DATA / "rossi.csv"),
        arm="fin",
        control=0,
        covariates=["wexp", "race", "age"],
        times={"rearrest": ("week", "arrest", "weeks")},
        binary={"any": "arrest"},
        numeric={"number": "arrest"},
    )
    return subgroup_effects(
        trial, effect=EFFECTS[effect], by=["wexp", "race", "age"], cuts={"age": [20, 25]}
    )


@pytest.mark.parametrize("effect", EFFECTS)
def test_interactions(effect: str, agree: Compare) -> None:
    several = found(effect)
    for name, each in zip(("wexp", "race", "band"), several.subgroups, strict=True):
        want = R[effect][name]
        got = [each.interaction.statistic, each.interaction.df, each.interaction.p_value]
        # Separate fits against one joint fit, each iterated to its own last digits.
        agree(got, [want[part] for part in ("statistic", "df", "p_value")], 1e-7)


def test_adjusted_p(agree: Compare) -> None:
    agree([each.p_adjusted for each in found("cox").subgroups], R["holm"], 1e-7)
