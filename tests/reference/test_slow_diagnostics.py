"""Guess rates, replays, drift and rule tables beside enumeration of every allocation.

Exact results are held to 1e-12: sums of at most a few thousand products of numbers from 0 to 1.
Simulated ones to five of their own standard errors; the seeds are fixed.
"""

from __future__ import annotations

from fractions import Fraction as F
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from slow_diagnostics import (
    Path,
    as_far,
    at_the_end,
    band,
    chances,
    differences,
    expected,
    followed,
    forced,
    greatest,
    margins,
    mean,
    quantile,
    rate,
    right,
)
from slow_rules import (
    Minimise,
    Slow,
    big_stick,
    blocks,
    clustered,
    complete,
    custom,
    every_allocation,
    simple,
    stratified,
)

import checkpoint_eval as ce
from checkpoint_eval.balance import (
    Guessability,
    compare_rules,
    drift,
    guess_test,
    guessability,
    replay,
    sample_ratio_by,
)
from checkpoint_eval.design import (
    BigStick,
    Clustered,
    Complete,
    Custom,
    Minimisation,
    PermutedBlocks,
    Rule,
    Simple,
    Stratified,
)

EXACT, ERRORS = 1e-12, 5
SINGLE = 1e-6  # the band of a drift is kept in single precision
SUITE, BAND = "nsnnssn", "lhhlhll"
PEOPLE: list[dict[str, object]] = [
    {"suite": s, "band": b} for s, b in zip(SUITE, BAND, strict=True)
]
TABLE = pd.DataFrame(PEOPLE)
ONE = [F(1), F(1)]
BY_SUITE = Stratified(rule=PermutedBlocks(sizes=(4,)), by="suite")
MIXED = Stratified(rule=PermutedBlocks(sizes=(2, 4)), by="suite")
MINI = Minimisation(factors=["suite", "band"], p_best=0.8)
SLOW_MINI = Minimise(["suite", "band"], ONE, F(4, 5), "range", "biased-coin", (1, 1))
MINI_12 = Minimisation(factors=["band"], p_best=0.7, ratio=(1, 2))
SLOW_MINI_12 = Minimise(["band"], [F(1)], F(7, 10), "range", "biased-coin", (1, 2))
MATRIX = [[0, 1, 1, 0, 1, 0, 1], [1, 0, 0, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1, 0]]

CASES: dict[str, tuple[Rule, Slow, tuple[int, ...]]] = {
    "simple": (Simple(), simple(1, 1), (1, 1)),
    "simple 1:2": (Simple(ratio=(1, 2)), simple(1, 2), (1, 2)),
    "simple, 3 arms": (Simple(ratio=(2, 1, 1)), simple(2, 1, 1), (2, 1, 1)),
    "complete": (Complete(counts=(3, 4)), complete(3, 4), (3, 4)),
    "complete, 3 arms": (Complete(counts=(2, 2, 3)), complete(2, 2, 3), (2, 2, 3)),
    "blocks": (PermutedBlocks(sizes=(4,)), blocks((4,), 1, 1), (1, 1)),
    "blocks of 2 and 4": (PermutedBlocks(sizes=(2, 4)), blocks((2, 4), 1, 1), (1, 1)),
    "blocks 1:2": (PermutedBlocks(sizes=(3,), ratio=(1, 2)), blocks((3,), 1, 2), (1, 2)),
    "blocks of 3 and 6, 1:2": (
        PermutedBlocks(sizes=(3, 6), ratio=(1, 2)),
        blocks((3, 6), 1, 2),
        (1, 2),
    ),
    "blocks, 3 arms": (
        PermutedBlocks(sizes=(4,), ratio=(1, 1, 2)),
        blocks((4,), 1, 1, 2),
        (1, 1, 2),
    ),
    "big stick": (BigStick(tolerance=2), big_stick(2), (1, 1)),
    "by suite": (BY_SUITE, stratified(blocks((4,), 1, 1), "suite"), (1, 1)),
    "by suite, of 2 and 4": (MIXED, stratified(blocks((2, 4), 1, 1), "suite"), (1, 1)),
    "minimisation": (MINI, SLOW_MINI, (1, 1)),
    "minimisation 1:2": (MINI_12, SLOW_MINI_12, (1, 2)),
    "clusters": (
        Clustered(rule=Simple(), by="band"),
        clustered(simple(1, 1), 2, "band"),
        (1, 1),
    ),
}


@cache
def listed(name: str) -> dict[Path, F]:
    """Every allocation of a case."""
    return every_allocation(CASES[name][1], PEOPLE)


TWO_ARMS = [name for name, (_, _, ratio) in CASES.items() if len(ratio) == 2]
SEES: list[tuple[str, ...]] = [(), ("suite",), ("suite", "band")]


def rng(seed: int = 11) -> np.random.Generator:
    return np.random.default_rng(seed)


def near(found: float, truth: F, error: float) -> bool:
    return abs(found - float(truth)) <= max(ERRORS * error, EXACT)


def p_error(p: float, draws: int) -> float:
    """Of (b + 1)/(B + 1), and the 1/(B + 1) by which it leans to 1."""
    return float(np.sqrt(p * (1 - p) / draws)) + 1 / draws


@pytest.mark.parametrize("strategy", ["convergence", "divergence"])
@pytest.mark.parametrize("sees", SEES, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_how_often_a_rule_is_guessed(name: str, sees: tuple[str, ...], strategy: Any) -> None:
    rule, slow, ratio = CASES[name]
    truth = rate(slow, PEOPLE, ratio, strategy, sees)
    found = guessability(
        rule, people=TABLE, strategy=strategy, sees=sees or None, draws=5000, rng=rng()
    )
    assert near(found.correct, truth, found.error)
    assert found.error < 0.005
    if len(ratio) == 2:
        _ends_fit(found, listed(name), ratio)
    else:
        assert np.isnan([found.variance, found.balanced, found.mean_difference]).all()


def _ends_fit(found: Guessability, weights: dict[Path, F], ratio: tuple[int, ...]) -> None:
    """Five errors of a mean of 5000; a variance's is found from the fourth moment."""
    variance, balanced, size = at_the_end(weights, ratio)
    centre = expected(weights, lambda path: differences(path, ratio)[-1])
    fourth = expected(weights, lambda path: (differences(path, ratio)[-1] - centre) ** 4)
    spread = [fourth - variance**2, balanced * (1 - balanced), variance]
    told = (found.variance, found.balanced, found.mean_difference)
    for value, truth, square in zip(told, (variance, balanced, size), spread, strict=True):
        # The simulated variance is about its own mean: 1 in 5000 smaller at most.
        assert near(value, truth, np.sqrt(float(square) / 5000) + float(truth) / 5000)


@pytest.mark.parametrize(
    ("name", "sees"),
    [(name, None) for name in CASES if name[:3] in ("sim", "com", "blo", "big")]
    + [("by suite", "suite"), ("by suite, of 2 and 4", "suite")],
)
def test_exact_where_promised(name: str, sees: str | None) -> None:
    rule, slow, ratio = CASES[name]
    found = guessability(rule, people=TABLE, sees=sees)
    assert found.error == 0
    truth = rate(slow, PEOPLE, ratio, "convergence", (sees,) if sees else ())
    assert near(found.correct, truth, 0)
    if len(ratio) == 2:
        exact = at_the_end(listed(name), ratio)
        told = (found.variance, found.balanced, found.mean_difference)
        assert told == pytest.approx([float(value) for value in exact], abs=EXACT)


@pytest.mark.parametrize("sees", [None, "suite"])
@pytest.mark.parametrize("name", CASES)
def test_how_many_are_certain(name: str, sees: str | None) -> None:
    """NaN where it was not found; never another number."""
    rule, slow, _ = CASES[name]
    found = guessability(rule, people=TABLE, sees=sees, draws=200, rng=rng())
    if not np.isnan(found.forced):
        assert found.forced == pytest.approx(float(forced(slow, PEOPLE)), abs=EXACT)
    elif sees is None:
        assert not name.startswith(("simple", "complete", "big"))
        assert name not in ("blocks", "blocks 1:2")


def read(path: Path, rule: Rule | None, *, seed: int = 0, **more: Any) -> ce.Trial:
    """The people with an allocation, rows shuffled; column `came` says who came first."""
    frame = TABLE.assign(
        arm=[f"arm{code}" for code in path],
        came=np.arange(len(path)) * 3 + 2,
        who=[f"p{place}" for place in range(len(path))],
        y=np.arange(len(path)) % 2,
        **{name: np.asarray(values, dtype=float) for name, values in more.items()},
    )
    frame = frame.iloc[rng(seed).permutation(len(frame))].reset_index(drop=True)
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control="arm0",
        id="who",
        arms=sorted(set(frame["arm"])),
        binary={"y": "y"},
        covariates=list(more),
        factors=["suite", "band"],
        rule=rule,
        order="came" if rule else None,
    )


def some(name: str, how_many: int, arms: int) -> list[Path]:
    """A few allocations with everyone's arm in them, evenly through the list."""
    paths = [path for path in listed(name) if len(set(path)) == arms]
    return paths[:: max(1, len(paths) // how_many)][:how_many]


@pytest.mark.parametrize("strategy", ["convergence", "divergence"])
@pytest.mark.parametrize("sees", SEES[:2], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_replay(name: str, sees: tuple[str, ...], strategy: Any) -> None:
    rule, slow, ratio = CASES[name]
    weights = every_allocation(slow, PEOPLE)

    shares = {path: mean(right(path, PEOPLE, ratio, strategy, sees)) for path in weights}
    for seed, path in enumerate(some(name, 3, len(ratio))):
        found = replay(read(path, rule, seed=seed), strategy=strategy, sees=sees, rng=rng(seed))
        places = [int(who[1:]) for who in found.ids]
        assert found.place.tolist() == places
        assert found.arm.tolist() == [f"arm{path[place]}" for place in places]
        truth = right(path, PEOPLE, ratio, strategy, sees)
        assert found.guessed == pytest.approx([float(truth[i]) for i in places], abs=EXACT)
        step = chances(slow, PEOPLE, path)
        assert found.chance == pytest.approx([float(step[i]) for i in places], abs=EXACT)
        assert found.correct == pytest.approx(float(shares[path]), abs=EXACT)
        error = 0.5 / np.sqrt(1000)  # of a mean of a thousand shares
        assert near(found.expected, expected(weights, shares.__getitem__), error)
        p = float(as_far(weights, shares.__getitem__, path))
        assert abs(found.p_value - p) <= ERRORS * p_error(p, 1000)


def test_replay_of_a_custom_list() -> None:
    rows = custom(MATRIX)
    path = tuple(MATRIX[1])
    found = replay(read(path, Custom(matrix=MATRIX)), rng=rng())
    step = [float(value) for value in chances(rows, PEOPLE, path)]
    assert found.chance == pytest.approx([step[place] for place in found.place], abs=EXACT)


RISKS = {"whole": [3, 1, 4, 1, 5, 9, 2], "tenths": [0.1, 0.2, 0.3, 0.7, 0.6, 0.1, 0.4]}


@pytest.mark.parametrize("risk", RISKS)
@pytest.mark.parametrize("strategy", ["convergence", "divergence"])
@pytest.mark.parametrize("sees", SEES[:2], ids=str)
@pytest.mark.parametrize("name", [name for name in TWO_ARMS if name != "clusters"])
def test_guess_test(name: str, sees: tuple[str, ...], strategy: Any, risk: str) -> None:
    """Tenths are not exact in binary: equal statistics must still count as equal."""
    rule, _, ratio = CASES[name]
    column = [F(str(value)) for value in RISKS[risk]]
    weights = listed(name)

    def statistic(path: Path) -> F:
        return followed(path, PEOPLE, column, ratio, strategy, sees)

    values = {path: statistic(path) for path in weights}
    for seed, path in enumerate(some(name, 2, 2)):
        trial = read(path, rule, seed=seed, risk=RISKS[risk])
        found = guess_test(
            trial, column="risk", strategy=strategy, sees=sees, draws=2000, rng=rng(seed)
        )
        assert found.statistic == pytest.approx(float(values[path]), abs=EXACT)
        p = float(as_far(weights, lambda one: abs(values[one]), path))
        assert abs(found.p_value - p) <= ERRORS * p_error(p, 2000)
        assert (found.p_value * 2001) == pytest.approx(round(found.p_value * 2001), abs=1e-6)


@pytest.mark.parametrize("name", TWO_ARMS)
def test_drift(name: str) -> None:
    """The band is of equal tails; 0.917 leaves tails that no sum of chances here hits."""
    rule, _, ratio = CASES[name]
    level, tail = 0.917, F(83, 2000)
    weights = listed(name)
    rows = band(weights, ratio)
    for seed, path in enumerate(some(name, 3, 2)):
        found = drift(read(path, rule, seed=seed), level=level, draws=4000, rng=rng(seed))
        told = [float(value) for value in differences(path, ratio)]
        assert found.difference == pytest.approx(told, abs=EXACT)
        assert found.largest == pytest.approx(float(greatest(path, ratio)), abs=EXACT)
        p = float(as_far(weights, lambda one: greatest(one, ratio), path))
        assert abs(found.p_value - p) <= ERRORS * p_error(p, 4000)
        for row, low, high in zip(rows, found.low, found.high, strict=True):
            _band_fits(row, tail, float(low), float(high))


def _band_fits(row: dict[F, F], tail: F, low: float, high: float) -> None:
    """Each limit is the quantile, unless a sum of chances is within five errors of its tail."""
    slack = F(ERRORS) * F(str(round(float(np.sqrt(0.0415 * 0.9585 / 4000)), 6)))
    lows = {float(quantile(row, t)) for t in (tail, tail - slack, tail + slack)}
    highs = {float(quantile(row, 1 - t)) for t in (tail, tail - slack, tail + slack)}
    assert min(lows) - SINGLE <= low <= max(lows) + SINGLE
    assert min(highs) - SINGLE <= high <= max(highs) + SINGLE


@pytest.mark.parametrize("strategy", ["convergence", "divergence"])
@pytest.mark.parametrize(
    ("sees", "factors"), [("suite", ()), ("suite", ("suite", "band")), ("band", ("suite",))]
)
def test_compare_rules(sees: str, factors: tuple[str, ...], strategy: Any) -> None:
    names = [name for name in TWO_ARMS if name != "clusters"]
    table = compare_rules(
        {name: CASES[name][0] for name in names},
        people=TABLE,
        sees=sees,
        factors=factors,
        strategy=strategy,
        draws=4000,
        rng=rng(),
    )
    assert (table.people, table.draws, table.strategy) == (7, 4000, strategy)
    assert [row.rule for row in table.rows] == names
    for name, row in zip(names, table.rows, strict=True):
        _, slow, ratio = CASES[name]
        weights = listed(name)
        # None of these has a standard deviation above 1.5, and 1.5/√4000 is 0.024.
        truths: dict[str, tuple[F, float]] = {
            "correct": (rate(slow, PEOPLE, ratio, strategy), 0.006),
            "correct_own": (rate(slow, PEOPLE, ratio, strategy, (sees,)), 0.006),
            "difference": (at_the_end(weights, ratio)[2], 0.024),
            "drift": (expected(weights, lambda path, r=ratio: greatest(path, r)), 0.024),
            "margins": (_margins(weights, ratio, factors or (sees,)), 0.024),
        }
        for column, (truth, error) in truths.items():
            assert near(getattr(row, column), truth, error), (name, column)
        if not np.isnan(row.certain):
            assert row.certain == pytest.approx(float(forced(slow, PEOPLE)), abs=ERRORS * 0.006)


def _margins(weights: dict[Path, F], ratio: tuple[int, ...], factors: tuple[str, ...]) -> F:
    return expected(weights, lambda path: margins(path, PEOPLE, factors, ratio))


def _binomial(counts: tuple[int, ...], ratio: tuple[float, ...]) -> float:
    return float(stats.binomtest(counts[1], sum(counts), ratio[1] / sum(ratio)).pvalue)


def _pearson(counts: tuple[int, ...], ratio: tuple[float, ...]) -> float:
    wanted = np.array(ratio) / sum(ratio) * sum(counts)
    return float(stats.chisquare(counts, wanted).pvalue)


@pytest.mark.parametrize(
    ("ratio", "test"),
    [
        ((1, 1), _binomial),
        ((1, 2), _binomial),
        ((0.5, 0.3), _binomial),
        ((1, 1, 1), _pearson),
        ((3, 2, 1), _pearson),
    ],
)
def test_sample_ratio_within_strata(ratio: tuple[float, ...], test: Any) -> None:
    arms, size = len(ratio), 90
    frame = pd.DataFrame(
        {
            "arm": np.arange(size) * 7 % 11 % arms,
            "suite": np.array(["n", "s", "w"])[np.arange(size) % 13 % 3],
            "y": np.arange(size) % 2,
        }
    )
    trial = ce.Trial.from_frame(
        frame, arm="arm", control=0, arms=range(arms), binary={"y": "y"}, strata=["suite"]
    )
    found = sample_ratio_by(trial, ratio=ratio)
    assert found.strata == tuple(f"suite={name}" for name in "nsw")
    pearson = 0.0
    for name, one in zip("nsw", found.tests, strict=True):
        own = frame.loc[frame["suite"] == name, "arm"]
        counts = tuple(int((own == arm).sum()) for arm in range(arms))
        assert one.n == counts
        assert one.p_value == pytest.approx(test(counts, ratio), rel=1e-10)
        wanted = np.array(ratio) / sum(ratio) * sum(counts)
        pearson += float(((np.array(counts) - wanted) ** 2 / wanted).sum())
    df = 3 * (arms - 1)
    assert (found.overall.statistic, found.overall.df) == pytest.approx((pearson, df), rel=1e-12)
    assert found.overall.p_value == pytest.approx(float(stats.chi2.sf(pearson, df)), rel=1e-10)
    by = sample_ratio_by(trial, by="suite", ratio=ratio).to_frame()
    pd.testing.assert_frame_equal(by, found.to_frame())
