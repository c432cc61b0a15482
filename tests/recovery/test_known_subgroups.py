"""Ordinal odds ratios and interactions where the truth is known."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import mean_difference
from checkpoint_eval.models.ordinal import ordinal_odds_ratio, proportional_odds_test
from checkpoint_eval.models.subgroups import subgroup_effects

if TYPE_CHECKING:
    from conftest import Methods, Recovery

RATIO, PEOPLE = 0.55, 240


def trial(frame: pd.DataFrame, **how: object) -> ce.Trial:
    return ce.Trial.from_frame(frame, arm="arm", control=0, **how)  # type: ignore[arg-type]


def severity(rng: np.random.Generator) -> ce.Trial:
    """Logistic severity in four grades, a prognostic age, two suites; proportional odds hold."""
    suite = np.arange(PEOPLE) % 2
    arm = np.concatenate([rng.permutation(np.arange(PEOPLE // 2) % 2) for _ in range(2)])
    suite = np.repeat([0, 1], PEOPLE // 2)
    age = rng.normal(size=PEOPLE)
    latent = np.log(RATIO) * arm + 0.5 * age + 0.4 * suite + rng.logistic(size=PEOPLE)
    return trial(
        pd.DataFrame(
            {"arm": arm, "suite": suite, "age": age, "grade": np.digitize(latent, [-0.5, 1, 2])}
        ),
        strata=["suite"],
        covariates=["age"],
        numeric={"grade": "grade"},
    )


def plain(rng: np.random.Generator) -> ce.Trial:
    """The same without anything to adjust for; about 13 of the treated are in the top grade.

    With a cut at 2 they are 8, and in one of 4,000 trials nobody: then Brant's test says why not.
    """
    arm = rng.permutation(np.arange(PEOPLE) % 2)
    latent = np.log(RATIO) * arm + rng.logistic(size=PEOPLE)
    return trial(
        pd.DataFrame({"arm": arm, "grade": np.digitize(latent, [-0.5, 0.5, 1.5])}),
        numeric={"grade": "grade"},
    )


def no_interaction(rng: np.random.Generator) -> ce.Trial:
    """One effect for all, while levels differ in means and variances."""
    arm = rng.permutation(np.arange(PEOPLE) % 2)
    band = rng.integers(0, 3, PEOPLE)
    harm = 2 * band - arm + (1 + band) * rng.normal(size=PEOPLE)
    return trial(
        pd.DataFrame({"arm": arm, "band": np.array(list("abc"))[band], "harm": harm}),
        covariates=["band"],
        numeric={"harm": "harm"},
    )


def interaction(each: ce.Trial) -> ce.SignificanceTest:
    effect = partial(mean_difference, outcome="harm", method="neyman")
    return subgroup_effects(each, effect=effect, by="band").subgroups[0].interaction


ADJUSTED: Methods = {
    "adjusted": (lambda each: ordinal_odds_ratio(each, outcome="grade", adjust="age"), RATIO),
}
CRUDE: Methods = {
    "crude": (lambda each: ordinal_odds_ratio(each, outcome="grade"), RATIO),
    "Brant": (lambda each: proportional_odds_test(each, outcome="grade"), None),
}
LEVELS: Methods = {"interaction": (interaction, None)}


@pytest.mark.parametrize(
    ("draw", "methods", "name"), [(severity, ADJUSTED, "adjusted"), (plain, CRUDE, "crude")]
)
def test_bias_and_coverage(recovery: Recovery, draw: object, methods: Methods, name: str) -> None:
    recovery.check_estimates(draw, methods, name)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("draw", "methods", "name"), [(plain, CRUDE, "Brant"), (no_interaction, LEVELS, "interaction")]
)
def test_size(recovery: Recovery, draw: object, methods: Methods, name: str) -> None:
    recovery.check_size(draw, methods, name)  # type: ignore[arg-type]
