"""Candidate rules side by side, on the people a trial expects."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from checkpoint_eval._checks import check_choice, check_count, check_rng
from checkpoint_eval._display import Shown, text_table
from checkpoint_eval._progress import watched
from checkpoint_eval._values import Value
from checkpoint_eval.balance.guessing import exactly, right_guesses
from checkpoint_eval.balance.predictability import STRATEGIES, Strategy
from checkpoint_eval.design.allocation import Rule
from checkpoint_eval.design.people import Factor, People, PeopleLike, as_factors, as_people
from checkpoint_eval.errors import TrialError
from checkpoint_eval.results import NAN

CHUNK_CELLS = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RuleProperties(Value, Shown):
    """What one rule would do with these people.

    Attributes
    ----------
    correct, correct_own : float
        Expected share guessed right by an officer who sees everyone, or the own group only.
    certain : float
        Expected share whose arm was certain to one who knows the rule; NaN where not found.
    difference : float
        Mean size of the difference between arms at the end, counts divided by the ratio.
    drift : float
        Mean of the greatest size on the way.
    margins : float
        Mean size of the difference within a level of a factor, over levels.
    """

    rule: str
    correct: float
    correct_own: float
    certain: float
    difference: float
    drift: float
    margins: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTable(Shown):
    """Candidate rules on the same people, two arms.

    Attributes
    ----------
    rows : tuple of RuleProperties
    people : int
    strategy, sees : str
    draws : int
    """

    rows: tuple[RuleProperties, ...]
    people: int
    strategy: str
    sees: str
    draws: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row a rule."""
        return pd.DataFrame(
            {
                "rule": [row.rule for row in self.rows],
                "guessed": [row.correct for row in self.rows],
                f"guessed, own {self.sees}": [row.correct_own for row in self.rows],
                "certain": [row.certain for row in self.rows],
                "difference at end": [row.difference for row in self.rows],
                "greatest difference": [row.drift for row in self.rows],
                "difference within levels": [row.margins for row in self.rows],
            }
        )

    def __repr__(self) -> str:
        head = (
            f"{len(self.rows)} rules, {self.people} people, {self.strategy}, {self.draws:,} draws"
        )
        return f"{head}\n{text_table(self.to_frame().round(3))}"


def compare_rules(
    rules: Mapping[str, Rule],
    *,
    people: PeopleLike,
    sees: str | tuple[str, ...],
    factors: str | tuple[str, ...] = (),
    strategy: Strategy = "convergence",
    draws: int = 2_000,
    rng: np.random.Generator,
) -> RuleTable:
    """Set candidate rules side by side: how well they are guessed, how well they balance.

    Parameters
    ----------
    rules : mapping of name to rule
        Two arms each.
    people : table
        In order of arrival, with the columns rules read: a past stream of arrests, say.
    sees : str or tuple of str
        Columns of the group an officer sees, such as the custody suite.
    factors : str or tuple of str, optional
        Columns whose levels should be balanced; those of `sees` when left out.
    strategy : {"convergence", "divergence"}
    draws : int
    rng : numpy.random.Generator
        Spawned once a rule, so each rule's numbers do not depend on the others.

    Returns
    -------
    RuleTable

    Raises
    ------
    TrialError
        When `rules` is empty or holds what is no rule of two arms.

    References
    ----------
    Blackwell and Hodges (1957), Design for the control of selection bias. Checked against
    `guessability` and exact recursion.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from checkpoint_eval.design import BigStick, PermutedBlocks
    >>> people = pd.DataFrame({"suite": ["north", "south"] * 20})
    >>> rules = {"blocks": PermutedBlocks(sizes=(4,)), "stick": BigStick(tolerance=3)}
    >>> table = compare_rules(rules, people=people, sees="suite", rng=np.random.default_rng(1))
    >>> [round(row.correct, 3) for row in table.rows]
    [0.708, 0.578]
    """
    check_choice(strategy, "strategy", STRATEGIES)
    check_count(draws, "draws")
    if not isinstance(rules, Mapping) or not rules:
        raise TrialError("`rules` must map a name to each rule, like {'blocks': PermutedBlocks()}.")
    for name, rule in rules.items():
        if not isinstance(name, str) or not name.strip():
            raise TrialError(f"`rules` must name each rule in words, got {name!r}.")
        if not isinstance(rule, Rule) or rule.n_arms != 2:
            raise TrialError(f"`rules[{name!r}]` must be a rule of two arms, got {rule!r}.")
    group = as_factors(sees, "sees")
    margins = as_factors(factors, "factors") if factors else group
    rows = [
        _properties(name, rule, people, group, margins, strategy, draws, child)
        for (name, rule), child in zip(rules.items(), check_rng(rng).spawn(len(rules)), strict=True)
    ]
    return RuleTable(
        rows=tuple(rows),
        people=as_people(people, factors=group).n,
        strategy=strategy,
        sees=", ".join(factor.name for factor in group),
        draws=draws,
    )


def _properties(
    name: str,
    rule: Rule,
    people: PeopleLike,
    group: tuple[Factor, ...],
    margins: tuple[Factor, ...],
    strategy: str,
    draws: int,
    rng: np.random.Generator,
) -> RuleProperties:
    every = {factor.name: factor for factor in (*group, *margins, *rule.columns)}
    read = as_people(people, factors=tuple(every.values()), covariates=rule.covariates)
    codes, _ = read.strata(group)
    names = tuple(factor.name for factor in group)
    drawn = _drawn(rule, read, codes, margins, strategy, draws, rng)
    whole = exactly(rule, read, (), strategy)
    own = exactly(rule, read, names, strategy)
    known = own if whole is None or np.isnan(whole.forced) else whole
    return RuleProperties(
        rule=name,
        correct=drawn["correct"] if whole is None else whole.right / read.n,
        correct_own=drawn["own"] if own is None else own.right / read.n,
        certain=NAN if known is None else known.forced / read.n,
        difference=drawn["difference"],
        drift=drawn["drift"],
        margins=drawn["margins"],
    )


def _drawn(
    rule: Rule,
    people: People,
    group: np.ndarray,
    margins: tuple[Factor, ...],
    strategy: str,
    draws: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return means over redraws."""
    ratio = rule.shares()
    steps = np.array([-1 / ratio[0], 1 / ratio[1]])
    everyone = np.zeros(people.n, dtype=np.int64)
    total = dict.fromkeys(("correct", "own", "difference", "drift", "margins"), 0.0)
    size = max(1, CHUNK_CELLS // people.n)
    for start in watched(range(0, draws, size), "Redrawing"):
        arms = rule.draw_many(people, min(size, draws - start), rng)
        step = steps[arms]
        path = np.abs(np.cumsum(step, axis=1))
        total["correct"] += float(right_guesses(arms, everyone, ratio, strategy).mean(1).sum())
        total["own"] += float(right_guesses(arms, group, ratio, strategy).mean(1).sum())
        total["difference"] += float(path[:, -1].sum())
        total["drift"] += float(path.max(axis=1).sum())
        cells = [
            np.abs(step[:, people.codes[factor.name] == code].sum(axis=1))
            for factor in margins
            for code in np.unique(people.codes[factor.name])
        ]
        total["margins"] += float(np.mean(cells, axis=0).sum())
    return {name: value / draws for name, value in total.items()}
