"""Randomisation tests that must be refused, and what happens where nothing varies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.design import (
    BiasedCoin,
    BigStick,
    Chen,
    Clustered,
    Complete,
    Custom,
    Mahalanobis,
    MaximalProcedure,
    Minimisation,
    PermutedBlocks,
    Rerandomised,
    Rule,
    Simple,
    Stratified,
    Urn,
)

N = 8
CAME = [3, 1, 4, 15, 9, 26, 5, 35]  # rows 1, 0, 2, 6, 4, 3, 5, 7 in order
BLOCKS = PermutedBlocks(sizes=(4,))


def people(**columns: object) -> pd.DataFrame:
    """Eight people; in order of arrival 1, 0, 1, 0 | 1, 0, 0, 1 are treated."""
    table: dict[str, Any] = {
        "who": [f"p{i}" for i in range(N)],
        "arm": [0, 1, 1, 0, 1, 0, 0, 1],
        "site": list("nsnsnsns"),
        "team": list("aabbccdd"),
        "came": CAME,
        "days": [1.0, 5.0, 3.0, 8.0, 2.0, 9.0, 4.0, 7.0],
        "any": [0, 1, 1, 0, 1, 0, 1, 0],
        "week": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
        "event": [1, 0, 1, 1, 1, 1, 0, 1],
        "age": [20.0, 31.0, 25.0, 44.0, 52.0, 23.0, 38.0, 61.0],
    }
    return pd.DataFrame(table | columns)


def read(table: pd.DataFrame | None = None, **options: Any) -> ce.Trial:
    """Read the trial; keywords replace options."""
    usual: dict[str, Any] = {
        "arm": "arm",
        "control": 0,
        "id": "who",
        "covariates": ["age"],
        "numeric": {"days": "days"},
        "binary": {"any": "any"},
        "times": {"re": ("week", "event", "weeks")},
    }
    return ce.Trial.from_frame(people() if table is None else table, **(usual | options))


def rng() -> np.random.Generator:
    """A fresh generator."""
    return np.random.default_rng(1)


def ask(trial: ce.Trial, **options: Any) -> ce.SignificanceTest:
    """The mean difference unless said."""
    usual = {"outcome": "days", "statistic": "mean difference", "rng": rng()}
    return ce.randomisation_test(trial, **(usual | options))


def interval(trial: ce.Trial, **options: Any) -> ce.Estimate:
    """Of the mean difference unless said."""
    return ce.randomisation_interval(trial, **({"outcome": "days", "rng": rng()} | options))


TRIAL = read()


def test_the_unspoiled_question_is_answered() -> None:
    """Or every refusal below would be worthless."""
    assert ask(TRIAL).draws == 70
    assert interval(TRIAL).estimable
    assert ask(read(rule=BLOCKS, order="came")).draws == 36


# --- order of arrival --------------------------------------------------------------------------

IN_ORDER: list[Rule] = [
    BLOCKS,
    BiasedCoin(),
    BigStick(),
    Chen(),
    Urn(),
    MaximalProcedure(tolerance=2, people=N),
    Minimisation(factors=["site"]),
    Stratified(rule=BLOCKS, by="site"),
    Clustered(rule=BLOCKS, by="team"),
    Rerandomised(rule=BLOCKS, criterion=Mahalanobis(covariates=("age",), acceptance=0.9)),
    Custom(matrix=[[0, 1] * 4, [1, 0] * 4]),
]


@pytest.mark.parametrize("rule", IN_ORDER, ids=lambda rule: type(rule).__name__)
def test_order_is_asked_for(rule: Rule) -> None:
    """Rows are not taken to stand in order of arrival unless that is said."""
    name = type(rule).__name__
    with pytest.raises(ce.TrialError, match=rf"{name} depends on who came first.*`order`.*'rows'"):
        read(rule=rule)


@pytest.mark.parametrize(
    "rule",
    [
        Complete(counts=(4, 4)),
        Simple(),
        Stratified(rule=Complete(counts=(2, 2)), by="site"),
        Rerandomised(
            rule=Complete(counts=(4, 4)),
            criterion=Mahalanobis(covariates=("age",), acceptance=0.9),
        ),
    ],
    ids=lambda rule: type(rule).__name__,
)
def test_order_is_not_asked_for_needlessly(rule: Rule) -> None:
    """Where everyone is alike."""
    assert ask(read(rule=rule)).estimable


ORDERS: dict[str, tuple[list[Any], str]] = {
    "ties": ([1, 1, 2, 3, 4, 5, 6, 7], r"'came' repeats '1' at row 1"),
    "missing": ([1, 2, None, 4, 5, 6, 7, 8], r"'came' is missing at row 2"),
    "empty": (["2026-01-01", "", *"345678"], r"'came' (is missing at row 1|holds text)"),
    "text numbers": (["1", "10", *"234567"], r"'came' holds text such as '1'"),
    "day first": (
        ["31/01/2026", *[f"0{i}/02/2026" for i in range(1, 8)]],
        r"'came' holds text such as '31/01/2026'.*2026-01-31",
    ),
    "words": (list("abcdefgh"), r"'came' holds text such as 'a'"),
}


@pytest.mark.parametrize("case", ORDERS)
def test_columns_that_tell_no_order(case: str) -> None:
    """Ties and gaps have no place; text sorts 10 before 2 and 31 January after 1 February."""
    values, message = ORDERS[case]
    with pytest.raises(ce.InvalidData, match=message):
        read(people(came=values), rule=BLOCKS, order="came")


def test_an_order_column_that_is_not_there() -> None:
    """The near name is offered."""
    with pytest.raises(ce.UnknownColumn, match=r"'cane'.*did you mean 'came'"):
        read(rule=BLOCKS, order="cane")


def test_times_with_a_zone_are_text_in_order() -> None:
    """As the ledger writes them: UTC, with a Z."""
    came = [f"2026-01-{place:02d}T09:00:00Z" for place in (2, 1, 3, 6, 5, 7, 4, 8)]
    found = ask(read(people(came=came), rule=BLOCKS, order="came"))
    assert found.p_value == ask(read(rule=BLOCKS, order="came")).p_value


# --- rules that do not fit ---------------------------------------------------------------------


def test_two_people_swapped_between_blocks() -> None:
    """Rows 0 and 4 came second and fifth; with arms exchanged three of a block are treated."""
    moved = people(arm=[1, 1, 1, 0, 0, 0, 0, 1])
    for verb in (ask, interval):
        with pytest.raises(
            ce.ImpossibleDesign, match=r"cannot have given 'treatment'.*row 2, the 3\. to arrive"
        ):
            verb(read(moved, rule=BLOCKS, order="came"))
    # Two of one block exchanged are still a block.
    like = people(came=[4, 1, 3, 15, 9, 26, 5, 35], arm=people()["arm"])
    assert ask(read(like, rule=BLOCKS, order="came")).draws == 36


IMPOSSIBLE: list[tuple[Rule, list[int], str]] = [
    (Complete(counts=(5, 3)), [0, 1] * 4, r"Complete cannot have given 'treatment'.*row 7"),
    (BigStick(tolerance=2), [0, 0, 0, 1, 1, 1, 1, 0], r"BigStick .*'control'.*row 2, the 3\."),
    (
        MaximalProcedure(tolerance=2, people=N),
        [0, 1, 1, 1, 1, 0, 0, 0],
        r"MaximalProcedure .*'treatment'.*row 4, the 5\.",
    ),
    (
        Custom(matrix=[[0, 1] * 4, [1, 0] * 4]),
        [0, 1, 0, 1, 1, 0, 1, 0],
        r"Custom .*'treatment'.*row 4, the 5\.",
    ),
    (
        Clustered(rule=Complete(counts=(2, 2)), by="team"),
        [0, 0, 1, 1, 0, 1, 0, 1],
        r"Clustered .*row 5",
    ),
    (
        Rerandomised(
            rule=Complete(counts=(4, 4)),
            criterion=Mahalanobis(covariates=("age",), acceptance=0.1),
        ),
        [0, 0, 0, 1, 1, 0, 1, 1],
        r"criterion.*does not accept",
    ),
    (
        Stratified(rule=Complete(counts=(2, 2)), by="site"),
        [0, 1, 0, 1, 0, 0, 1, 1],
        r"row 4|row 6|site",
    ),
]


@pytest.mark.parametrize(
    ("rule", "arm", "message"), IMPOSSIBLE, ids=lambda x: type(x).__name__ if x else None
)
def test_allocations_the_rule_cannot_have_made(rule: Rule, arm: list[int], message: str) -> None:
    """The row and the place in the order are named."""
    with pytest.raises(ce.ImpossibleDesign, match=message):
        ask(read(people(arm=arm), rule=rule, order="rows"))


def test_rules_of_another_trial() -> None:
    """Other arms, other people, other columns, other strata, no rule at all."""
    with pytest.raises(ce.ImpossibleDesign, match=r"3 arms.*2: 'control', 'treatment'"):
        ask(read(rule=Complete(counts=(3, 3, 2))))
    with pytest.raises(ce.ImpossibleDesign, match=r"allocates 6 people, but there are 8"):
        ask(read(rule=Custom(matrix=[[0, 1] * 3]), order="rows"))
    with pytest.raises(ce.UnknownColumn, match=r"'sitee'.*did you mean 'site'"):
        read(rule=Minimisation(factors=["sitee"]), order="rows")
    by_site = Stratified(rule=Complete(counts=(2, 2)), by="site")
    with pytest.raises(ce.TrialError, match=r"`strata` are 'team'.*stratified by 'site'"):
        read(people(team=list("aaaabbbb")), strata=["team"], rule=by_site)
    assert ask(read(strata=["site"], rule=by_site)).draws == 36


def test_the_name_of_a_rule_is_no_rule() -> None:
    """The first mistake of those who come from R."""
    with pytest.raises(ce.TrialError, match="rule"):
        read(rule="blocks", order="rows")


# --- questions ---------------------------------------------------------------------------------

OWN = {"statistic": lambda arm, who: arm @ who.value}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"horizon": 3}, r"`horizon` is 3, but outcome 'days' is read once; leave it out"),
    ({"outcome": "any", "statistic": "risk difference", "horizon": 3}, r"`horizon`.*leave it out"),
    ({"outcome": "re", "statistic": "log-rank", "horizon": 3}, r"`horizon`.*all of follow-up"),
    (OWN | {"horizon": 3}, r"`horizon` is not given to a statistic of your own"),
    ({"weight": ce.FlemingHarrington(rho=1)}, r"`weight` is for statistic='log-rank'"),
    ({"adjust": "age"}, r"`adjust` belongs to statistic='adjusted difference'; leave it out"),
    (OWN | {"adjust": "age"}, r"`adjust` belongs to statistic='adjusted difference'"),
    ({"statistic": "adjusted difference"}, r"name covariates in it"),
    ({"statistic": "adjusted difference", "adjust": "agee"}, r"did you mean 'age'"),
    ({"statistic": "log-rank"}, r"'days' is a number; use statistic='mean difference'"),
    ({"statistic": "risk difference"}, r"'days' is a number; use statistic='mean difference'"),
    ({"outcome": "any", "statistic": "log-rank"}, r"'any' is binary; use .*'risk difference'"),
    ({"outcome": "re", "statistic": "rank sum"}, r"'re' is a time.*use statistic='log-rank'"),
    ({"outcome": "re"}, r"`horizon` is needed"),
    ({"outcome": ["days", "any"]}, r"leave `statistic` out, got 2 and 'mean difference'"),
    (OWN | {"outcome": ["days", "any"]}, r"leave `statistic` out"),
    ({"outcome": ["days"], "statistic": "log-rank"}, r"name two or more"),
    ({"outcome": ["re", "re"], "statistic": "log-rank"}, r"'re' is named twice"),
    (
        {"outcome": ["days", "re"], "statistic": "log-rank", "alternative": "less"},
        r"two-sided; leave `alternative` out",
    ),
    ({"statistic": "means"}, r"`statistic` is 'means'; choose from.*'mean difference'"),
    ({"alternative": "two_sided"}, r"`alternative`.*did you mean 'two-sided'"),
    ({"alternative": "grater"}, r"`alternative`.*did you mean 'greater'"),
    ({"alternative": None}, r"`alternative`.*'two-sided', 'less', 'greater'"),
    ({"draws": 0}, r"`draws`.*whole number of at least 1, got 0"),
    ({"draws": 9.5}, r"`draws`.*whole number of at least 1, got 9\.5"),
    ({"rng": 3}, r"`rng`.*Generator, got int.*default_rng\(seed\)"),
    ({"analysis_set": "as-treated"}, r"'as-treated' needs the arm received"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_options_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    """Nothing given is passed over."""
    with pytest.raises(ce.TrialError, match=message):
        ask(TRIAL, **options)


NO_INTERVAL: list[tuple[dict[str, Any], str]] = [
    ({"statistic": "rank sum"}, r"'rank sum'; choose from.*'mean difference'"),
    ({"statistic": "log-rank"}, r"'log-rank'; choose from"),
    (OWN, r"`statistic`.*choose from"),
    ({"level": 95}, r"`level`.*95 % is written 0\.95"),
    ({"level": 1}, r"`level`.*between 0 and 1"),
    ({"draws": 0}, r"`draws`"),
    ({"rng": 3}, r"`rng`.*default_rng"),
    ({"adjust": "age"}, r"`adjust` belongs to"),
    ({"horizon": 3}, r"`horizon`.*leave it out"),
    ({"outcome": "re"}, r"`horizon` is needed"),
    ({"statistic": "risk difference"}, r"'days' is a number"),
    ({"outcome": ["days", "any"]}, r"outcome"),
]


@pytest.mark.parametrize(("options", "message"), NO_INTERVAL)
def test_intervals_that_are_refused(options: dict[str, Any], message: str) -> None:
    """Likewise; only a difference can be shifted."""
    with pytest.raises(ce.TrialError, match=message):
        interval(TRIAL, **options)


def test_trials_that_are_refused() -> None:
    """Three arms; sets by what was received; a table."""
    three = read(people(arm=list("abcabcab")), control="a", arms=("a", "b", "c"))
    received = read(people(got=[0, 1] * 4), received="got")
    for verb in (ask, interval):
        with pytest.raises(ce.TrialError, match=r"two arms, the trial has 3"):
            verb(three)
        for name in ("as-treated", "per-protocol"):
            with pytest.raises(ce.TrialError, match=rf"'{name}' depends on what was received"):
                verb(received, analysis_set=name)
        with pytest.raises(ce.TrialError, match=r"Trial.*got DataFrame.*from_frame"):
            verb(people())


@pytest.mark.parametrize("verb", [ce.hazard_ratio, ce.risk_difference, ce.logrank_test])
def test_numbers_have_no_events(verb: Any) -> None:
    """The verb that reads them is named."""
    with pytest.raises(ce.TrialError, match=r"'days' is a number.*`mean_difference`"):
        verb(TRIAL, outcome="days")


@pytest.mark.parametrize("arm", [0, 1])
def test_everyone_missing_in_one_arm(arm: int) -> None:
    """The arm and the outcome are named, alone and among several."""
    days = [np.nan if a == arm else 1.0 for a in people()["arm"]]
    lost = read(people(days=days))
    name = ("control", "treatment")[arm]
    for verb, options in (
        (ask, {}),
        (interval, {}),
        (ask, {"outcome": ["days", "re"], "statistic": "log-rank"}),
        (ask, OWN),
    ):
        with pytest.raises(ce.ImpossibleDesign, match=rf"'{name}' has nobody.*'days'"):
            verb(lost, **options)
