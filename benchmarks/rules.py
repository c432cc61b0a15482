"""Rules redrawn: beside a loop and smallerize; a log-rank test beside its draws; memory."""

import resource
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata

import numpy as np
import pandas as pd
from measuring import Target, clocked, race
from people import simulated

import checkpoint_eval as ce
from checkpoint_eval.design import Complete, Minimisation, PermutedBlocks, Rule, Stratified
from checkpoint_eval.randomise import redraw

DRAWS = 10_000
LOOP_DRAWS = 100
BLOCK_PEOPLE = 520
MINIMISED = 1_000
FACTORS = {"suite": 4, "band": 2, "age": 3, "offence": 5}
MEMORY_DRAWS, MEMORY_PEOPLE = 100_000, 5_000
GIB = 2**30


def run(repeats: int) -> None:
    """Race the rules, then the test they serve, then weigh the largest."""
    print("  R package randomizr: " + ("present" if _has_randomizr() else "absent, a loop instead"))
    for sizes in ((4,), (4, 6)):
        _blocks(sizes, repeats)
    _minimisation(repeats)
    for name, rule in _rules().items():
        _logrank(name, rule, repeats)
    _memory()


def _rng() -> np.random.Generator:
    return np.random.default_rng(1)


def _has_randomizr() -> bool:
    code = "quit(status = !requireNamespace('randomizr', quietly = TRUE))"
    try:
        done = subprocess.run(["Rscript", "--vanilla", "-e", code], capture_output=True)
    except FileNotFoundError:
        return False
    return done.returncode == 0


def _people(n: int) -> pd.DataFrame:
    """Return people in order of arrival with the factors that rules read."""
    rng = np.random.default_rng(2026)
    return pd.DataFrame(
        {name: rng.integers(0, size, n).astype(str) for name, size in FACTORS.items()}
    )


def _blocks(sizes: tuple[int, ...], repeats: int) -> None:
    people = _people(BLOCK_PEOPLE)
    rule = Stratified(rule=PermutedBlocks(sizes=sizes), by=["suite", "band"])
    print(
        f"  blocks of {sizes}: {BLOCK_PEOPLE} people, 8 strata, {DRAWS:,} draws; the loop makes "
        f"{LOOP_DRAWS} a round, extrapolated"
    )

    def ours() -> float:
        return float(rule.draw_many(people, DRAWS, _rng()).mean())

    contenders = [
        clocked("draw_many", ours),
        clocked("loop", _loop(people, sizes), share=LOOP_DRAWS / DRAWS),
    ]
    target = Target(slow="loop", fast="draw_many", at_least=20)
    race(contenders, [target], repeats=repeats, answer="share treated")


def _loop(people: pd.DataFrame, sizes: tuple[int, ...]) -> Callable[[], float]:
    """Draw by draw, stratum by stratum, block by block: numpy's permutation, as R's sample."""
    strata = [rows.to_numpy() for rows in people.groupby(["suite", "band"]).groups.values()]
    balanced = {size: np.repeat([0, 1], size // 2) for size in sizes}

    def work() -> float:
        rng, treated = _rng(), 0
        for _ in range(LOOP_DRAWS):
            arm = np.empty(len(people), dtype=np.int8)
            for rows in strata:
                blocks, filled = [], 0
                while filled < rows.size:
                    size = sizes[0] if len(sizes) == 1 else sizes[rng.integers(len(sizes))]
                    blocks.append(rng.permutation(balanced[size]))
                    filled += size
                arm[rows] = np.concatenate(blocks)[: rows.size]
            treated += int(arm.sum())
        return treated / LOOP_DRAWS / len(people)

    return work


def _minimisation(repeats: int) -> None:
    people = _people(MINIMISED)
    rule = Minimisation(factors=list(FACTORS), p_best=0.8)
    print(
        f"  minimisation: {MINIMISED:,} people, four factors; seconds are of one draw, ours of "
        f"{DRAWS:,} together"
    )

    def ours() -> float:
        return float(rule.draw_many(people, DRAWS, _rng()).mean())

    contenders = [clocked("draw_many", ours, share=DRAWS)]
    try:
        metadata.version("smallerize")
    except metadata.PackageNotFoundError:
        print("  smallerize: not installed, skipped")
    else:
        contenders.append(clocked("smallerize", _smallerize(people)))
    target = Target(slow="smallerize", fast="draw_many", at_least=1000)
    race(contenders, [target], repeats=min(repeats, 3), answer="share treated")


def _smallerize(people: pd.DataFrame) -> Callable[[], float]:
    """One draw: its cheapest imbalance, the range, and one arm preferred with 0.8."""
    from smallerize import Arm, Factor, Minimizer

    rows = people.to_dict("records")
    factors = [Factor(name, sorted(set(people[name]))) for name in FACTORS]

    def work() -> float:
        trial = Minimizer(
            factors,
            [Arm("0"), Arm("1")],
            d_imbalance_method="range",
            probability_method="best_only",
            preferred_p=0.8,
        )
        arms = [trial.assign_participant(row) for row in rows]
        return arms.count("1") / len(arms)

    return work


def _rules() -> dict[str, Rule]:
    return {
        "complete": Complete(counts=(500, 500)),
        "stratified blocks of 4": Stratified(rule=PermutedBlocks(sizes=(4,)), by=["suite", "band"]),
        "stratified blocks of 4 and 6": Stratified(
            rule=PermutedBlocks(sizes=(4, 6)), by=["suite", "band"]
        ),
        "minimisation": Minimisation(factors=list(FACTORS), p_best=0.8),
    }


def _logrank(name: str, rule: Rule, repeats: int) -> None:
    frame = simulated(1_000, last=450).join(_people(1_000))
    frame["arm"] = rule.draw(frame, _rng())
    trial = ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        times={"rearrest": ("days", "event", "days")},
        rule=rule,
        order="rows",
    )
    print(f"  log-rank test, {name}: 1,000 people, {DRAWS:,} draws")

    def draws_alone() -> float:
        return float(sum(len(b) for b in redraw(trial.assignment, draws=DRAWS, rng=_rng())))

    def test() -> float:
        return ce.randomisation_test(trial, outcome="rearrest", draws=DRAWS, rng=_rng()).p_value

    contenders = [clocked("test", test), clocked("draws alone", draws_alone)]
    target = Target(slow="test", fast="draws alone", at_most=4)
    race(contenders, [target], repeats=min(repeats, 3))


def _memory() -> None:
    """Peak growth of a fresh process: with the data read, and after the draws."""
    print(f"  memory: {MEMORY_DRAWS:,} draws of {MEMORY_PEOPLE:,} people, risk difference")
    for name in ("complete", "blocks"):
        command = [sys.executable, __file__, name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        before, redrawn, tested = (float(value) for value in done.stdout.split())
        for what, grown in (("redraw", redrawn), ("randomisation_test", tested)):
            verdict = "met" if grown < GIB else "MISSED"
            print(
                f"  {name}, {what}: grew by {grown / GIB:.3f} GiB from {before / GIB:.3f} GiB "
                f"target < 1 GiB: {verdict}"
            )


def _weigh(name: str) -> None:
    """In a process of its own: print bytes before, and the growth after each."""
    n = MEMORY_PEOPLE
    people = _people(n)
    rules: dict[str, Rule] = {
        "complete": Complete(counts=(n // 2, n // 2)),
        "blocks": Stratified(rule=PermutedBlocks(sizes=(4,)), by=["suite", "band"]),
    }
    frame = people.assign(arm=rules[name].draw(people, _rng()), y=np.arange(n) % 3 == 0)
    trial = ce.Trial.from_frame(
        frame, arm="arm", control=0, binary={"y": "y"}, rule=rules[name], order="rows"
    )

    def test(draws: int) -> None:
        ce.randomisation_test(
            trial, outcome="y", statistic="risk difference", draws=draws, rng=_rng()
        )

    test(10)  # what is imported and remembered once is no part of the draws
    before = _peak()
    for _ in redraw(trial.assignment, draws=MEMORY_DRAWS, rng=_rng()):
        pass
    redrawn = _peak() - before
    test(MEMORY_DRAWS)
    print(before, redrawn, _peak() - before)


def _peak() -> int:
    """Return the most memory held so far, bytes: Linux counts KiB, macOS bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    _weigh(sys.argv[1])
