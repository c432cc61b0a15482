"""Allocating a whole table at once, from a seed that was committed to."""

from collections.abc import Iterable

import numpy as np

from checkpoint_eval.design.allocation import Rule
from checkpoint_eval.design.nested import checked_rule
from checkpoint_eval.design.people import Factor, PeopleLike
from checkpoint_eval.design.within import Stratified
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.randomise.assignment import Assignment
from checkpoint_eval.randomise.keys import commit_seed, seed_number
from checkpoint_eval.randomise.terms import check_arms


def allocate(
    rule: Rule,
    people: PeopleLike,
    *,
    seed: int | str,
    arms: Iterable[str] = ("control", "treatment"),
) -> Assignment:
    """Allocate a whole table of people at once.

    Parameters
    ----------
    rule : rule
        How.
    people : int or table
        How many, or a table in order of arrival where the rule reads columns of it.
    seed : int or str
        All chance comes from it. Publish `commit_seed(seed)` before and the seed after, and
        anyone can draw the same again; it must then be one that nobody can guess.
    arms : sequence of str
        The arms' names, control first.

    Returns
    -------
    Assignment
        In the order of `people`.

    Raises
    ------
    ImpossibleDesign
        When the rule does not fit the people or the arms, or an arm is left with nobody.

    References
    ----------
    Rosenberger and Lachin (2016), Randomization in Clinical Trials. Checked against the rule's own
    draw and, over many seeds, its probabilities, in tests/randomise.

    Examples
    --------
    >>> from checkpoint_eval.design import Complete
    >>> allocate(Complete(counts=(3, 3)), 6, seed="a secret")
    Assignment(control: 3, treatment: 3; by Complete)
    """
    names = check_arms(arms)
    if checked_rule(rule).n_arms != len(names):
        raise ImpossibleDesign(
            f"`rule` has {rule.n_arms} arms, but `arms` names {len(names)}: {', '.join(names)}."
        )
    read = rule.read(people)
    arm = rule.draw(read, np.random.default_rng(seed_number(seed)))
    stratum = np.zeros(read.n, dtype=np.int64)
    strata: tuple[str, ...] = ("everyone",)
    by: tuple[Factor, ...] = ()
    if isinstance(rule, Stratified):
        by = rule.factors
        stratum, strata = read.strata(by)
    return Assignment(
        arm=arm,
        arms=names,
        stratum=stratum,
        strata=strata,
        stratified_by=tuple(factor.name for factor in by),
        rule=rule,
        people=read,
        commitment=commit_seed(seed),
    )
