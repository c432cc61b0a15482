"""What the diagnostics cannot be asked: each refusal names the argument and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.balance import (
    compare_rules,
    drift,
    guess_test,
    guessability,
    replay,
    sample_ratio_by,
    sample_ratio_test,
)
from checkpoint_eval.design import (
    BigStick,
    MaximalProcedure,
    Minimisation,
    PermutedBlocks,
    Rule,
    Simple,
    Stratified,
)

PEOPLE = pd.DataFrame(
    {
        "suite": list("nsnnss"),
        "risk": [2.0, 3, 1, 5, 4, 7],
        "known": [1.0, np.nan, 2, 3, np.nan, 4],
        "kind": list("abcabc"),
        "two": list("ababba"),
        "came": [3, 1, 2, 6, 5, 4],
        "y": [0, 1, 0, 1, 0, 1],
    }
)
MINI = Minimisation(factors=["suite", "two"])
BY_SUITE = Stratified(rule=PermutedBlocks(sizes=(2,)), by="suite")
SIMPLE = Simple()
TWO, THREE = [0, 1, 1, 0, 1, 0], [0, 1, 2, 0, 1, 2]
SEED = {"rng": 0}


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def read(arm: list[int] = TWO, rule: Rule | None = SIMPLE) -> ce.Trial:
    return ce.Trial.from_frame(
        PEOPLE.assign(arm=arm),
        arm="arm",
        control=0,
        arms=sorted(set(arm)),
        binary={"y": "y"},
        covariates=["risk", "known", "kind"],
        factors=["suite", "two"],
        rule=rule,
        order="came" if rule else None,
    )


def three() -> ce.Trial:
    return read(THREE, Simple(ratio=(1, 1, 1)))


def refused(match: str, call: Any, *args: Any, **how: Any) -> None:
    with pytest.raises(ce.TrialError, match=match):
        call(*args, **how)


@pytest.mark.parametrize("verb", [replay, guess_test])
def test_no_rule(verb: Any) -> None:
    more = {"column": "risk"} if verb is guess_test else {}
    refused("without the rule .* give `rule` and `order`", verb, read(rule=None), rng=rng(), **more)


@pytest.mark.parametrize("verb", [guess_test, drift])
def test_three_arms(verb: Any) -> None:
    more = {"column": "risk"} if verb is guess_test else {}
    refused("3 arms|two arms", verb, three(), rng=rng(), **more)


@pytest.mark.parametrize(
    ("column", "match"),
    [
        ("known", "'known' is missing for 2 people"),
        ("kind", "'kind' has 3 categories"),
        ("nope", "'nope' is not known; choose from 'risk'"),
        ("rsk", "'rsk'.*did you mean 'risk'"),
        ("y", "'y' is not known"),
        ("arm", "'arm' is not known"),
    ],
)
def test_a_column_the_guess_test_cannot_use(column: str, match: str) -> None:
    refused(match, guess_test, read(), column=column, rng=rng())


def test_a_constant_column_is_refused_or_says_nothing() -> None:
    """A trial does not take one; so there is none to test."""
    frame = PEOPLE.assign(arm=TWO, risk=1.0)
    refused(
        "'risk' is constant",
        ce.Trial.from_frame,
        frame,
        arm="arm",
        control=0,
        covariates=["risk"],
        rule=SIMPLE,
        order="came",
    )


@pytest.mark.parametrize("sees", ["suit", ("suite", "suit"), "y", "came"])
def test_columns_that_are_not_there(sees: Any) -> None:
    name = "suit" if "suit" in sees or sees == "suit" else sees
    trial, table = read(), PEOPLE.drop(columns=["y", "came"])
    refused(f"'{name}'", replay, trial, sees=sees, rng=rng())
    refused(f"'{name}'", guess_test, trial, column="risk", sees=sees, rng=rng())
    refused(f"'{name}'", guessability, SIMPLE, people=table, sees=sees, rng=rng())
    refused(f"'{name}'", compare_rules, {"a": SIMPLE}, people=table, sees=sees, rng=rng())


def test_factors_and_strata_that_are_not_there() -> None:
    how = {"people": PEOPLE, "sees": "suite", "rng": rng()}
    refused("'bnd'", compare_rules, {"a": SIMPLE}, factors="bnd", **how)
    refused("'agee'", compare_rules, {"a": Minimisation(factors=["agee"])}, **how)
    refused("'bnd'", sample_ratio_by, read(), by="bnd")
    refused("no strata; name .* `by`", sample_ratio_by, read())
    refused("'known' is missing for 2 people", sample_ratio_by, read(), by="known")


@pytest.mark.parametrize(
    ("when", "match"),
    [
        ([1, 2, 3], r"`when` .*6"),
        ([], r"`when` .*6"),
        ([1, 2, 3, 4, 5, 6], "`when` at row 0 .*before .*came earlier"),
        (pd.to_datetime(["2021-01-01"] * 5 + ["2020-01-01"]), "`when` at row 5"),
        ([[1, 2, 3, 4, 5, 6]], "`when`"),
        ([3, 1, 2, float("nan"), 5, 4], "`when`"),
        ([3, 1, 2, None, 5, 4], "`when`"),
        (pd.to_datetime(["2020-01-03", "2020-01-01", None, *["2020-02-01"] * 3]), "`when`"),
        ("abcdef", "`when`"),
        (7, "`when`"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_when_does_not_fit(when: Any, match: str) -> None:
    refused(match, drift, read(), when=when, rng=rng())


@pytest.mark.parametrize("level", [0, 1, -0.1, 95, float("nan"), "0.9", True, None])
def test_a_level_that_is_none(level: Any) -> None:
    refused("`level`", drift, read(), level=level, rng=rng())


@pytest.mark.parametrize(
    ("rules", "match"),
    [
        ({}, "`rules` must map a name to each rule"),
        ([SIMPLE], "`rules` must map a name to each rule"),
        (SIMPLE, "`rules` must map a name to each rule"),
        (None, "`rules` must map a name to each rule"),
        ({"a": SIMPLE, "b": "blocks"}, r"`rules\['b'\]` must be a rule of two arms, got 'blocks'"),
        ({"a": Simple}, r"`rules\['a'\]` must be a rule"),
        ({"a": Simple(ratio=(1, 1, 1))}, r"`rules\['a'\]` must be a rule of two arms"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_rules_that_are_none(rules: Any, match: str) -> None:
    refused(match, compare_rules, rules, people=PEOPLE, sees="suite", rng=rng())


@pytest.mark.parametrize("strategy", ["converge", "Convergence", "", None, 1, "guess"])
def test_a_strategy_misspelt(strategy: Any) -> None:
    match = "`strategy`.*'convergence'"
    how = {"strategy": strategy, "rng": rng()}
    refused(match, replay, read(), **how)
    refused(match, guess_test, read(), column="risk", **how)
    refused(match, guessability, SIMPLE, people=6, **how)
    refused(match, compare_rules, {"a": SIMPLE}, people=PEOPLE, sees="suite", **how)


@pytest.mark.parametrize("draws", [0, -1, 1.5, 100.0, float("nan"), "9", True, None])
def test_draws_that_are_no_number(draws: Any) -> None:
    how = {"draws": draws, "rng": rng()}
    refused("`draws`", replay, read(), **how)
    refused("`draws`", guess_test, read(), column="risk", **how)
    refused("`draws`", drift, read(), **how)
    refused("`draws`", compare_rules, {"a": SIMPLE}, people=PEOPLE, sees="suite", **how)
    refused("`draws`", guessability, MINI, people=PEOPLE, **how)


@pytest.mark.parametrize("wrong", [0, None, "seed", np.random.RandomState(1)])
def test_no_generator(wrong: Any) -> None:
    refused("`rng`.*default_rng", replay, read(), rng=wrong)
    refused("`rng`.*default_rng", guess_test, read(), column="risk", rng=wrong)
    refused("`rng`.*default_rng", drift, read(), rng=wrong)
    refused(
        "`rng`.*default_rng", compare_rules, {"a": SIMPLE}, people=PEOPLE, sees="two", rng=wrong
    )
    match = "must be simulated; give rng" if wrong is None else "`rng`.*default_rng"
    refused(match, guessability, MINI, people=PEOPLE, rng=wrong)


@pytest.mark.parametrize(
    ("rule", "sees"),
    [(MINI, None), (MINI, "suite"), (BY_SUITE, None), (BY_SUITE, "two"), (SIMPLE, "suite")],
    ids=str,
)
def test_what_must_be_simulated_says_so(rule: Rule, sees: str | None) -> None:
    refused("must be simulated; give rng=np", guessability, rule, people=PEOPLE, sees=sees)
    found = guessability(rule, people=PEOPLE, sees=sees, draws=50, rng=rng())
    assert 0 < found.error < 0.1


@pytest.mark.parametrize("people", [0, -3, 2.5, True, None, "six", float("nan")])
def test_people_that_are_no_number(people: Any) -> None:
    refused("`people`|must be a pandas, polars", guessability, SIMPLE, people=people)


def test_a_number_where_a_table_is_needed() -> None:
    match = "in order of arrival instead of 6 people"
    refused(match, guessability, SIMPLE, people=6, sees="suite")
    refused(match, guessability, BY_SUITE, people=6)
    refused(match, guessability, MINI, people=6, rng=rng())
    refused(match, compare_rules, {"a": SIMPLE}, people=6, sees="suite", rng=rng())


@pytest.mark.parametrize("rule", ["simple", None, Simple, 4, {"rule": "simple"}])
def test_not_a_rule(rule: Any) -> None:
    refused("`rule` must be an allocation rule", guessability, rule, people=6)


def test_a_rule_for_other_numbers() -> None:
    """The maximal procedure is for a stated number of people, whoever they are."""
    rule = MaximalProcedure(tolerance=2, people=8)
    refused("8", guessability, rule, people=10)
    more = pd.concat([PEOPLE, PEOPLE])
    refused("8", compare_rules, {"m": rule}, people=more, sees="suite", rng=rng())


@pytest.mark.parametrize("verb", [replay, drift, guess_test])
def test_an_allocation_the_rule_cannot_make(verb: Any) -> None:
    more = {"column": "risk"} if verb is guess_test else {}
    for rule in (BigStick(tolerance=1), PermutedBlocks(sizes=(2,))):
        trial = read([0, 1, 1, 0, 0, 1], rule)  # the first to come are 1 and 1
        with pytest.raises(ce.ImpossibleDesign):
            verb(trial, rng=rng(), **more)


@pytest.mark.parametrize("ratio", [(1,), (1, 1, 1), (0, 1), (1, -1), (1, float("nan")), "11", 1])
def test_ratios_that_do_not_fit(ratio: Any) -> None:
    refused("ratio", sample_ratio_by, read(), by="suite", ratio=ratio)
    refused("ratio", sample_ratio_test, read(), ratio=ratio)


@pytest.mark.parametrize(
    "verb", [replay, drift, lambda it, **how: guess_test(it, column="risk", **how), sample_ratio_by]
)
@pytest.mark.parametrize("subject", [None, PEOPLE, SIMPLE])
def test_not_a_trial(verb: Any, subject: Any) -> None:
    how = {} if verb is sample_ratio_by else {"rng": rng()}
    refused("trial", verb, subject, **how)
