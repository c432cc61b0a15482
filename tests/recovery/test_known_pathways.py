"""Pathways whose truth is known: four needs, scored 0 to 3 with equal chances, some resolved.

A need is resolved (score 0) with chance q, otherwise it stays: the effect among those with it is
−2(q₁ − q₀), as 1, 2 and 3 are as likely; among everyone −1.5(q₁ − q₀). A tenth are not seen again.
Of reoffending, risk falls by 0.2, and the hazard to 0.6, for those with the first need only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval import models
from checkpoint_eval._memory import remembered
from checkpoint_eval.outcomes import PathwayScores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Methods, Recovery

NAMES = ("drugs", "housing", "health", "finances")
P = len(NAMES)
RESOLVED = np.array([0.3] * P)
GAIN = np.array([0.15, 0.0, 0.15, 0.0])
RISK, HAZARD = -0.2, 0.6
DRAWS = 199  # with 199 draws a test at 0.05 has exact size


@pytest.fixture(scope="module", autouse=True)
def _without_collecting() -> Iterator[None]:
    """Statsmodels collects garbage in every Holm adjustment."""
    with mock.patch("gc.collect"):
        yield


def drawn(rng: np.random.Generator, people: int, gain: np.ndarray) -> ce.Trial:
    arm = rng.permutation(np.arange(people) % 2)
    before = rng.integers(0, 4, (people, P)).astype(float)
    gone = rng.random((people, P)) < RESOLVED + gain * arm[:, None]
    after = np.where(gone, 0.0, before)
    after[rng.random(people) < 0.1] = np.nan
    helped = arm * (before[:, 0] > 0) * gain.any()
    day = rng.exponential(200 / HAZARD**helped)
    frame = pd.DataFrame(
        {"arm": arm, "again": rng.random(people) < 0.5 + RISK * helped, "day": np.minimum(day, 365)}
    ).assign(event=day <= 365)
    for place, name in enumerate(NAMES):
        frame[f"{name} then"], frame[f"{name} now"] = before[:, place], after[:, place]
    return ce.Trial.from_frame(
        frame, arm="arm", control=0, binary={"again": "again"},
        times={"reoffence": ("day", "event", "days")},
        factors=[f"{name} {when}" for name in NAMES for when in ("then", "now")],
    )  # fmt: skip


def scores(trial: ce.Trial) -> PathwayScores:
    then, now = (
        np.stack([trial.column(f"{name} {when}").values for name in NAMES], axis=1)
        for when in ("then", "now")
    )
    return PathwayScores(pathways=NAMES, baseline=then, follow_up=now, scale="ordinal")


@remembered
def compared(trial: ce.Trial, draws: int, method: str = "ancova") -> models.PathwayComparison:
    rng = np.random.default_rng(int(trial.column("drugs then").values @ np.arange(trial.n)))
    return models.compare_pathways(
        trial,
        scores(trial),
        rng=rng,
        draws=draws,
        method=method,  # type: ignore[arg-type]
    )


def with_effects(rng: np.random.Generator) -> ce.Trial:
    return drawn(rng, 300, GAIN)


def without(rng: np.random.Generator) -> ce.Trial:
    return drawn(rng, 60, 0 * GAIN)


def needing(place: int, method: str = "ancova") -> Callable[[ce.Trial], ce.Estimate]:
    return lambda trial: compared(trial, 9, method).with_need.effects[place]


def moderated(outcome: str, place: int) -> Callable[[ce.Trial], Any]:
    return lambda trial: models.pathway_interactions(
        trial, scores(trial), outcome=outcome
    ).interactions[place]


# Four independent needs of chance 3/4, of which somebody compared has one at least.
SOMEBODY = 1 - 0.25**P
ESTIMATES: Methods = {
    "with the need": (needing(0), -0.3),
    "with the need, no effect": (needing(1), 0.0),
    "with the need, Lin": (needing(2, "lin"), -0.3),
    "everyone": (lambda trial: compared(trial, 9).everyone.effects[0], -0.225),
    "needs resolved": (lambda trial: compared(trial, 9).resolved, 0.75 * 0.3 / SOMEBODY),
    "moderated risk": (moderated("again", 0), RISK),
    "no moderated risk": (moderated("again", 1), 0.0),
}
TESTS: Methods = {
    "largest": (lambda trial: compared(trial, DRAWS).with_need.largest, None),
    "rank sum": (lambda trial: compared(trial, DRAWS).with_need.rank_sum, None),
    "largest, everyone": (lambda trial: compared(trial, DRAWS).everyone.largest, None),
    "rank sum, everyone": (lambda trial: compared(trial, DRAWS).everyone.rank_sum, None),
}


@pytest.mark.parametrize("name", ESTIMATES)
def test_bias_and_coverage(name: str, recovery: Recovery) -> None:
    recovery.check_estimates(with_effects, ESTIMATES, name)


@pytest.mark.parametrize("name", TESTS)
def test_size(name: str, recovery: Recovery) -> None:
    recovery.check_size(without, TESTS, name)


def test_moderated_hazards(recovery: Recovery) -> None:
    """Other needs do not moderate; of the first, 0.6. Custody apart, hazards are proportional."""
    ratios: Methods = {"moderated hazard": (moderated("reoffence", 0), HAZARD)}
    recovery.check_estimates(_for_hazards, ratios, "moderated hazard")


def _for_hazards(rng: np.random.Generator) -> ce.Trial:
    return drawn(rng, 300, GAIN)


def test_no_false_word_beside_true_effects(recovery: Recovery) -> None:
    """Two of four effects are great; the family of all keeps its error rate on the other two."""
    rng = np.random.default_rng([417, recovery.trials])
    wrong: dict[str, list[bool]] = {"westfall-young": [], "holm": []}
    right = []
    for _ in range(recovery.trials):
        found = compared(drawn(rng, 80, 4 * GAIN), DRAWS).with_need.p_values
        for name, several in wrong.items():
            several.append(bool((found[name][[1, 3]] <= 0.05).any()))
        right.append(found["westfall-young"][[0, 2]] <= 0.05)
    error = 5 * np.sqrt(0.05 * 0.95 / recovery.trials)
    for name, several in wrong.items():
        assert np.mean(several) < 0.05 + error, name
    assert np.mean(right) > 0.9


def test_shrunken_effects_are_nearer_the_truth(recovery: Recovery) -> None:
    """Nine effects spread by 0.15, seen with errors of 0.15: less error than as estimated."""
    rng = np.random.default_rng([418, recovery.trials])
    covered, nearer = [], []
    for _ in range(recovery.trials):
        truth = rng.normal(-0.2, 0.15, 9)
        seen = rng.normal(truth, 0.15)
        found = models.shrunken_effects(seen, np.full(9, 0.15))
        covered.append(((found.low <= truth) & (truth <= found.high)).mean())
        nearer.append(((found.value - truth) ** 2).mean() - ((seen - truth) ** 2).mean())
    assert np.mean(nearer) < -5 * np.std(nearer) / np.sqrt(recovery.trials)
    error = 5 * np.std(covered) / np.sqrt(recovery.trials)
    assert 0.93 - error < np.mean(covered) < 0.97 + error
