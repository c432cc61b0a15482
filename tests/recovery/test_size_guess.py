"""The guess test: never too often when officers are honest; often when one selects.

Size is exact over the support: the observed allocation and B redraws are exchangeable, so that
P(p <= j/(B + 1)) <= j/(B + 1), and by full enumeration P(p <= alpha) <= alpha.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from slow_diagnostics import followed

import checkpoint_eval as ce
from checkpoint_eval.balance import guess_test, replay
from checkpoint_eval.design import (
    BigStick,
    Complete,
    Minimisation,
    PermutedBlocks,
    Rule,
    Stratified,
)

N = 8
PEOPLE = pd.DataFrame(
    {
        "suite": list("nsnnssns"),
        "band": list("lhhlhlhl"),
        "risk": [3.0, 1, 4, 1, 5, 9, 2, 6],
        "override": [0.0, 1, 0, 0, 1, 0, 0, 1],
    }
)
RULES: dict[str, Rule] = {
    "blocks": PermutedBlocks(sizes=(4,)),
    "blocks of 2 and 4": PermutedBlocks(sizes=(2, 4)),
    "by suite": Stratified(rule=PermutedBlocks(sizes=(4,)), by="suite"),
    "complete": Complete(counts=(4, 4)),
    "big stick": BigStick(tolerance=2),
    "minimisation": Minimisation(factors=["suite", "band"], p_best=0.8),
}
ALPHAS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)


def read(frame: pd.DataFrame, arm: np.ndarray, rule: Rule) -> ce.Trial:
    return ce.Trial.from_frame(
        frame.assign(arm=arm, y=np.arange(len(frame)) % 2),
        arm="arm",
        control=0,
        binary={"y": "y"},
        covariates=[name for name in ("risk", "override") if name in frame],
        factors=[name for name in ("suite", "band") if name in frame],
        rule=rule,
        order="rows",
    )


def guess_statistic(rule: Rule, arm: np.ndarray, column: str, sees: tuple[str, ...]) -> float:
    """The test's own; by the slow reference where one arm has everyone, which no trial may."""
    if len(set(arm)) == 1:
        people = PEOPLE.to_dict("records")
        risk = [Fraction(value) for value in PEOPLE[column]]
        path = tuple(arm.tolist())
        return float(followed(path, people, risk, (1, 1), "convergence", sees))
    trial, rng = read(PEOPLE, arm, rule), np.random.default_rng(1)
    return guess_test(trial, column=column, sees=sees, draws=1, rng=rng).statistic


@pytest.mark.parametrize(("column", "sees"), [("risk", ()), ("override", ("suite",))], ids=str)
@pytest.mark.parametrize("name", RULES)
def test_honest_officers_over_the_whole_support(
    name: str, sees: tuple[str, ...], column: str
) -> None:
    """The test's own statistic of every allocation, and the p-value that full enumeration gives."""
    every = RULES[name].support(PEOPLE)
    weight = every.weight
    statistic = np.abs([guess_statistic(RULES[name], arm, column, sees) for arm in every.arm])
    statistic = np.round(statistic, 10)  # equal ones are equal
    p = np.array([weight[statistic >= one].sum() for one in statistic])
    for alpha in ALPHAS:
        assert weight[p <= alpha + 1e-12].sum() <= alpha + 1e-9


@pytest.mark.parametrize("name", ["blocks of 2 and 4", "by suite", "complete"])
@pytest.mark.parametrize("draws", [1, 19])
def test_honest_officers_with_few_draws(name: str, draws: int) -> None:
    """p = (b + 1)/(B + 1) of redraws; b/B would reject at 1/(B + 1) far more often."""
    rng = np.random.default_rng(7)
    rule, trials = RULES[name], 200
    every = rule.support(PEOPLE)
    picked = rng.choice(len(every.arm), size=trials, p=every.weight / every.weight.sum())
    p = np.array(
        [
            guess_test(
                read(PEOPLE, every.arm[one], rule),
                column="risk",
                sees="suite",
                draws=draws,
                rng=rng,
            ).p_value
            for one in picked
        ]
    )
    for j in range(1, draws + 1):
        alpha = j / (draws + 1)
        assert (p <= alpha + 1e-9).mean() <= alpha + 5 * np.sqrt(alpha * (1 - alpha) / trials)


BLOCKS = PermutedBlocks(sizes=(4,))


def admitted(
    rng: np.random.Generator, people: int, cheats: float
) -> tuple[pd.DataFrame, np.ndarray]:
    """People an officer let in, one at a time, and their arms.

    Whoever comes has a standard normal risk. When treatment is not the guess, a cheating officer
    turns the low-risk away (with chance `cheats`): they are kept for when it is.
    """
    arm = BLOCKS.draw(people, rng)
    risks = []
    for place in range(people):
        treated = arm[:place].sum()
        guessed = treated < place - treated
        risk = rng.normal()
        while risk < 0 and not guessed and rng.random() < cheats:
            risk = rng.normal()
        risks.append(risk)
    return pd.DataFrame({"risk": risks}), arm


def rejected(cheats: float, trials: int, people: int) -> float:
    rng = np.random.default_rng(2026)
    p = []
    for _ in range(trials):
        frame, arm = admitted(rng, people, cheats)
        p.append(guess_test(read(frame, arm, BLOCKS), column="risk", draws=199, rng=rng).p_value)
    return float(np.mean(np.array(p) <= 0.05))


TRIALS = [pytest.param(300, id="reduced"), pytest.param(2000, id="full", marks=pytest.mark.slow)]


@pytest.mark.parametrize("trials", TRIALS)
def test_an_officer_who_selects_is_found(trials: int) -> None:
    """With 80 people: 5 % when honest, most of the time when cheating, more the more of it."""
    honest, some, always = (rejected(cheats, trials, 80) for cheats in (0, 0.7, 1))
    noise = 5 * np.sqrt(0.05 * 0.95 / trials)
    assert honest <= 0.05 + noise
    assert some > 0.05 + noise
    assert always > 0.8
    assert always >= some


def test_selection_moves_the_guess_and_not_how_often_it_is_right() -> None:
    """An officer who chooses people does not change arms: the replay stays as the rule has it."""
    rng = np.random.default_rng(3)
    p = []
    for _ in range(40):
        frame, arm = admitted(rng, 40, 1)
        p.append(replay(read(frame, arm, BLOCKS), draws=99, rng=rng).p_value)
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 5 * np.sqrt(0.05 * 0.95 / 40)
