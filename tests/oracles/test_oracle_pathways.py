"""Critical pathways against R: estimatr's differences, coin's maxT, R's own redraws, and phi.

pathways.json is written by pathways.R, with full precision. Two shares of draws differ by chance: a
p-value near p from B and from D draws by √(p(1 − p)(1/B + 1/D)), of which five are allowed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval import models
from checkpoint_eval.outcomes import PathwayScores
from checkpoint_eval.randomise.redrawing import redraw

Compare = Callable[..., None]
R = json.loads((Path(__file__).parent / "pathways.json").read_text(encoding="utf-8"))
PEOPLE = pd.DataFrame(R["people"])
DRAWS = 4000
FAMILIES = ["need", "everyone"]
DESIGNS = ["unstratified", "stratified"]


def trial(design: str = "unstratified") -> ce.Trial:
    return ce.Trial.from_frame(
        PEOPLE, arm="arm", control=0, strata=["suite"] if design == "stratified" else [],
        times={"re": ("day", "event", "days")}, binary={"any": "event"},
    )  # fmt: skip


def scores() -> PathwayScores:
    return PathwayScores.from_frame(
        PEOPLE, columns={name: (f"before.{name}", f"after.{name}") for name in R["pathways"]},
        scale="ordinal",
    )  # fmt: skip


def compared(design: str, **how: Any) -> models.PathwayComparison:
    rng = np.random.default_rng(5)
    return models.compare_pathways(trial(design), scores(), rng=rng, draws=DRAWS, **how)


def family(found: models.PathwayComparison, among: str) -> models.PathwayFamily:
    return found.with_need if among == "need" else found.everyone


def by_chance(p: Any, draws: int) -> Any:
    """Five standard errors of the difference of two shares, and one draw."""
    p = np.asarray(p)
    return 5 * np.sqrt(p * (1 - p) * (1 / DRAWS + 1 / draws)) + 2 / DRAWS


def check(found: ce.Estimate, want: dict[str, float], agree: Compare) -> None:
    # Two orthogonal factorisations of the same columns: a few digits short of double precision.
    names = ("value", "std_error", "low", "high", "p_value")
    agree([getattr(found, each) for each in names], [want[each] for each in names], 1e-8)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("method", ["ancova", "lin"])
def test_effects_are_estimatrs(design: str, method: Any, agree: Compare) -> None:
    found = compared(design, method=method)
    for among in FAMILIES:
        want = R[design][among]["effects"]
        for effect, each in zip(family(found, among).effects, want, strict=True):
            check(effect, each[method], agree)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("among", FAMILIES)
def test_redrawn_families(design: str, among: str, agree: Compare) -> None:
    found, want = family(compared(design), among), R[design][among]
    # Residuals of two least-squares fits; the last is O'Brien's.
    seen = [*found.statistics, found.rank_sum.statistic]
    agree(seen, want["statistic"], 1e-7)
    assert found.largest.statistic == pytest.approx(np.abs(want["statistic"][:-1]).max(), rel=1e-7)
    raw = np.array([*found.p_values["redrawn"], found.rank_sum.p_value])
    assert (np.abs(raw - want["raw"]) <= by_chance(want["raw"], R["draws"])).all()
    stepped = found.p_values["westfall-young"]
    assert (np.abs(stepped - want["step_down"]) <= by_chance(want["step_down"], R["draws"])).all()
    # The largest is the first step, so the two global p are one.
    assert found.largest.p_value == pytest.approx(stepped.min(), abs=1e-12)


def test_needs_resolved(agree: Compare) -> None:
    check(compared("unstratified").resolved, R["resolved"], agree)


def test_needs_together(agree: Compare) -> None:
    found = models.co_occurrence(scores())
    agree(found.phi, R["phi"], 1e-12)
    table = dict(zip(found.to_frame()["needs"], found.counts.tolist(), strict=True))
    assert table == {("" if name == "none" else name): n for name, n in R["combinations"].items()}


@pytest.mark.parametrize(("outcome", "key"), [("any", "difference"), ("re", "log_ratio")])
def test_interactions(outcome: str, key: str, agree: Compare) -> None:
    found = models.pathway_interactions(trial(), scores(), outcome=outcome)
    for each, want in zip(found.interactions, R["interactions"], strict=True):
        value = np.log(each.value) if key == "log_ratio" else each.value
        # Newton's method stops within 1e-9 of the maximum in either program.
        agree([value, each.std_error], want[key], 1e-6)


def test_westfall_young_is_coins_max_t() -> None:
    """Rossi's columns by aid: linear statistics standardised by their permutation moments."""
    want = R["max_t"]
    rossi = ce.load_rossi()
    x = np.column_stack(
        [
            rossi.outcome("rearrest").event if name == "arrest" else rossi.column(name).values
            for name in want["columns"]
        ]
    )
    n, treated = rossi.n, int(rossi.assignment.arm.sum())
    variance = treated * (n - treated) / (n * (n - 1)) * ((x - x.mean(0)) ** 2).sum(0)

    def standardised(codes: np.ndarray) -> np.ndarray:
        return (codes @ x - treated * x.mean(0)) / np.sqrt(variance)

    seen = standardised(rossi.assignment.arm[None, :].astype(float))[0]
    # coin's statistic is of the first level of the factor, which is control.
    np.testing.assert_allclose(seen, -np.array(want["statistic"]), rtol=1e-10)
    rng = np.random.default_rng(11)
    drawn = np.concatenate(
        [
            standardised(block.astype(float))
            for block in redraw(rossi.assignment, draws=DRAWS, rng=rng)
        ]
    )
    for step, name in (("down", "step_down"), ("single", "single_step")):
        found = models.westfall_young(seen, drawn, step=step)  # type: ignore[arg-type]
        off = np.abs(found - want[name])
        assert (off <= by_chance(want[name], want["draws"])).all(), (step, found)


def test_shrunken_effects_are_best_predictions(agree: Compare) -> None:
    """BCG trials; R by matrices. Metafor's printed REML is 0.3132, mean −0.7145 (0.1798)."""
    want = R["shrunk"]
    found = models.shrunken_effects(want["y"], np.sqrt(want["v"]))
    # The highest point of a flat likelihood is found to half the digits of its value.
    agree(found.spread**2, want["tau2"], 1e-6)
    agree([found.mean, found.std_error], [want["mean"], want["std_error"]], 1e-6)
    agree(found.value, want["value"], 1e-6)
    agree((found.high - found.low) / (2 * 1.959963984540054), want["of_value"], 1e-6)
    assert (round(found.spread**2, 4), round(found.mean, 4)) == (0.3132, -0.7145)
    assert round(found.std_error, 4) == 0.1798


def test_the_spread_by_moments_is_statsmodels() -> None:
    from statsmodels.stats.meta_analysis import combine_effects

    want = R["shrunk"]
    found = models.shrunken_effects(want["y"], np.sqrt(want["v"]), spread="dl")
    asked = combine_effects(np.array(want["y"]), np.array(want["v"]), method_re="chi2")
    assert found.spread**2 == pytest.approx(asked.tau2, rel=1e-12)
    assert found.mean == pytest.approx(asked.mean_effect_re, rel=1e-12)
