"""An allocation replayed: how likely each arm was, and whether what could be guessed was used."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from checkpoint_eval._arrays import FloatArray, IntArray, floats, frozen
from checkpoint_eval._checks import as_names, check_choice, check_count, check_rng
from checkpoint_eval._display import Shown
from checkpoint_eval.balance.guessing import guesses, right_guesses
from checkpoint_eval.balance.predictability import STRATEGIES, Strategy
from checkpoint_eval.design.declared import rule_told
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.outcomes.baseline import crossed
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.randomise.redrawing import (
    chances_given,
    redraw,
    refuse_impossible,
    tail,
    tail_of,
)
from checkpoint_eval.results import SignificanceTest

Codes: TypeAlias = NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Replay(Shown):
    """Each allocation as it could have been foreseen, in the trial's order of rows.

    Attributes
    ----------
    ids : (n,) str
    arm : (n,) str
    place : (n,) int
        In the order of arrival, from 0.
    chance : (n,) float
        How likely the arm given was to one who knows the rule and everyone's arm before; NaN for
        rules that allocate everyone at once.
    guessed : (n,) float
        The chance that the strategy guessed it right: 1, 0, or a share where arms were equal.
    correct, expected : float
        Share guessed right, and what the rule would give on average.
    p_value, monte_carlo_error : float
        How often the rule itself would be guessed right as often or more often.
    """

    ids: NDArray[np.str_]
    arm: NDArray[np.str_]
    place: IntArray
    chance: FloatArray
    guessed: FloatArray
    strategy: str
    sees: str
    rule: str
    correct: float
    expected: float
    p_value: float
    monte_carlo_error: float

    def __post_init__(self) -> None:
        for name in ("ids", "arm", "place", "chance", "guessed"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def __repr__(self) -> str:
        sure = int((self.chance == 1).sum())
        return (
            f"Replay of {self.place.size} allocations by {self.rule}: {100 * self.correct:.1f}% "
            f"guessed right by {self.strategy} seeing {self.sees}, {100 * self.expected:.1f}% "
            f"expected (p = {self.p_value:.3g}, Monte Carlo error {self.monte_carlo_error:.2g}); "
            f"{sure} certain beforehand."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person, in order of arrival."""
        frame = pd.DataFrame(
            {
                "id": self.ids,
                "place": self.place,
                "arm": self.arm,
                "chance": self.chance,
                "guessed": self.guessed,
            }
        )
        return frame.sort_values("place", ignore_index=True)


def replay(
    trial: Trial,
    *,
    strategy: Strategy = "convergence",
    sees: str | tuple[str, ...] = (),
    draws: int = 1_000,
    rng: np.random.Generator,
) -> Replay:
    """Go through the allocations in order of arrival and say how each could have been foreseen.

    Parameters
    ----------
    trial : Trial
        Read with the rule that allocated it and the order of arrival.
    strategy : {"convergence", "divergence"}
        Guess the arm furthest behind its share of those seen, or furthest ahead.
    sees : str or tuple of str
        Baseline columns: an officer sees people with the same values only. Default: everyone.
    draws : int
        Redraws by the rule, for what is expected.
    rng : numpy.random.Generator

    Returns
    -------
    Replay

    Raises
    ------
    TrialError
        When the trial was read without its rule.
    ImpossibleDesign
        When the rule cannot have made the allocation.

    References
    ----------
    Blackwell and Hodges (1957), Design for the control of selection bias. Checked against a plain
    loop.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from checkpoint_eval import PermutedBlocks, Trial
    >>> people = pd.DataFrame({"arm": [0, 1, 1, 0], "moved": [0, 1, 0, 1]})
    >>> trial = Trial.from_frame(
    ...     people, arm="arm", control=0, binary={"moved": "moved"},
    ...     rule=PermutedBlocks(sizes=(2,)), order="rows",
    ... )
    >>> replay(trial, rng=np.random.default_rng(1)).to_frame()["guessed"].tolist()
    [0.5, 1.0, 0.5, 1.0]
    """
    group, told = _group(trial, sees)
    check_choice(strategy, "strategy", STRATEGIES)
    order, ratio = trial.assignment.order, _ratio(trial)
    seen = trial.assignment.arm[order].astype(np.int8)[None, :]
    right = right_guesses(seen, group[order], ratio, strategy)[0]
    drawn = np.concatenate(
        [
            right_guesses(codes[:, order], group[order], ratio, strategy).mean(axis=1)
            for codes in redraw(trial.assignment, draws=draws, rng=check_rng(rng))
        ]
    )
    found = tail_of(int((drawn >= right.mean() - 1e-12).sum()), draws)
    guessed = np.empty(trial.n)
    guessed[order] = right
    place = np.empty(trial.n, dtype=np.int64)
    place[order] = np.arange(trial.n)
    return Replay(
        ids=trial.ids,
        arm=np.array(trial.arms)[trial.assignment.arm],
        place=place,
        chance=chances_given(trial.assignment),
        guessed=guessed,
        strategy=strategy,
        sees=told,
        rule=rule_told(trial.assignment.redrawn_by()[0]),
        correct=float(right.mean()),
        expected=float(drawn.mean()),
        p_value=found.p_value,
        monte_carlo_error=found.error,
    )


def _group(trial: Trial, sees: str | tuple[str, ...]) -> tuple[IntArray, str]:
    """Return (n,) who is seen together, and how it is told."""
    check_trial(trial)
    if trial.assignment.rule is None:
        raise TrialError(
            "The trial was read without the rule that allocated it; give `rule` and `order` to "
            "`Trial.from_frame`."
        )
    refuse_impossible(trial.assignment)
    names = as_names(sees)
    if not names:
        return np.zeros(trial.n, dtype=np.int64), "everyone"
    return crossed([trial.column(name) for name in names])[0], f"own {', '.join(names)}"


def _ratio(trial: Trial) -> tuple[int, ...]:
    rule = trial.assignment.rule
    return rule.shares() if rule is not None else (1,) * len(trial.arms)


def guess_test(
    trial: Trial,
    *,
    column: str,
    strategy: Strategy = "convergence",
    sees: str | tuple[str, ...] = (),
    draws: int = 10_000,
    rng: np.random.Generator,
) -> SignificanceTest:
    """Test whether something about people followed the arm that could be guessed for them.

    An officer who guesses the next arm may hold a person back, bring a likelier success forward,
    or override. Then what is seen of people, such as their risk, the delay before randomisation,
    or whether the arm was overridden, goes with the guess.

    Parameters
    ----------
    trial : Trial
        Two arms, read with its rule and order of arrival.
    column : str
        A baseline column of numbers, 0/1 or two categories (name it in `covariates` or `factors`).
    strategy, sees
        As `replay`.
    draws : int
        Allocations redrawn; with them the guesses change, and the column does not.
    rng : numpy.random.Generator

    Returns
    -------
    SignificanceTest
        `statistic` is the mean of the column where treatment was guessed, less where control was,
        who stands at equal arms counting half in either; two-sided p = (b + 1) / (draws + 1).

    Raises
    ------
    TrialError
        When the trial was read without its rule, has more arms than two, or the column is missing
        for someone or has more than two categories.

    Notes
    -----
    Exact whatever the rule: under the null the column does not depend on earlier allocations, so
    any allocation the rule could have made was as likely to precede it. A test that takes guesses
    as independent of one another is not (Berger and Exner 1999 is known to reject too often).

    References
    ----------
    Berger and Exner (1999), Detecting selection bias in randomized clinical trials (the idea).
    Checked against enumeration and for its size.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from checkpoint_eval import PermutedBlocks, Trial
    >>> people = pd.DataFrame({"arm": [0, 1, 1, 0], "risk": [3, 5, 3, 1], "y": [0, 1, 0, 1]})
    >>> trial = Trial.from_frame(
    ...     people, arm="arm", control=0, covariates=["risk"], binary={"y": "y"},
    ...     rule=PermutedBlocks(sizes=(2,)), order="rows",
    ... )
    >>> guess_test(trial, column="risk", rng=np.random.default_rng(1)).statistic
    2.0
    """
    group, told = _group(trial, sees)
    check_choice(strategy, "strategy", STRATEGIES)
    check_count(draws, "draws")
    if len(trial.arms) != 2:
        raise TrialError(f"`guess_test` needs two arms, the trial has {len(trial.arms)}.")
    value = _numbers(trial, column)
    order, ratio = trial.assignment.order, _ratio(trial)

    def statistic(codes: Codes) -> FloatArray:
        guess = guesses(codes[:, order], group[order], ratio, strategy)[1]
        with np.errstate(invalid="ignore", divide="ignore"):
            one = guess @ value[order] / guess.sum(axis=1)
            two = (1 - guess) @ value[order] / (1 - guess).sum(axis=1)
        return floats(np.nan_to_num(one - two))

    observed = float(statistic(trial.assignment.arm.astype(np.int8)[None, :])[0])
    bar = abs(observed) * (1 - 1e-9) - 1e-12 * float(np.abs(value).max())
    found = tail(
        trial.assignment, lambda codes: np.abs(statistic(codes)) >= bar, draws=draws, rng=rng
    )
    return SignificanceTest(
        test="guess test",
        outcome=column,
        analysis_set="itt",
        arms=trial.arms,
        statistic=observed,
        p_value=found.p_value,
        method=(
            f"mean of {column} where {trial.arms[1]} was guessed by {strategy}, seeing {told}, "
            f"less where {trial.arms[0]} was; {draws:,} allocations redrawn"
        ),
        n=trial.assignment.counts,
        draws=draws,
        monte_carlo_error=found.error,
    )


def _numbers(trial: Trial, name: str) -> FloatArray:
    column = trial.column(name)
    if column.missing.any():
        raise TrialError(
            f"Column {name!r} is missing for {int(column.missing.sum())} people; the test needs "
            "everyone randomised."
        )
    if len(column.levels) > 2:
        raise TrialError(
            f"Column {name!r} has {len(column.levels)} categories; give one a column of its own, "
            "0/1."
        )
    if (column.values == column.values[0]).all():
        raise ImpossibleDesign(f"Column {name!r} is the same for everyone; it follows nothing.")
    return floats(column.values - column.values.mean())
