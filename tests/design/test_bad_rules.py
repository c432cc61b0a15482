"""Rules and people that are not possible: each refusal names what, its value and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import checkpoint_eval as ce
from checkpoint_eval.design import (
    BiasedCoin,
    BigStick,
    Chen,
    Clustered,
    Complete,
    Custom,
    Factor,
    Mahalanobis,
    MaximalProcedure,
    Minimisation,
    PermutedBlocks,
    Rerandomised,
    Rule,
    Simple,
    Stratified,
    Urn,
    rule_from_dict,
    rule_to_dict,
)

NAN, INF = float("nan"), float("inf")
TABLE = pd.DataFrame(
    {
        "s": ["n", "n", "s", "s", "n", "s"],
        "team": list("aabbcc"),
        "few": list("aabcdb"),
        "x": [1.0, 2, 3, 4, 5, 7],
    }
)
HALF = Complete(counts=(3, 3))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def mini(**how: Any) -> Minimisation:
    """Minimisation by one factor."""
    return Minimisation(**({"factors": ["s"]} | how))


def strata(rule: Any = None, by: Any = "s") -> Stratified:
    return Stratified(rule=Simple() if rule is None else rule, by=by)


def again(criterion: Any) -> Rerandomised:
    return Rerandomised(rule=HALF, criterion=criterion)


def near(table: pd.DataFrame = TABLE, **how: Any) -> Any:
    """Draw with Mahalanobis by x."""
    criterion = Mahalanobis(**({"covariates": ("x",), "acceptance": 0.5} | how))
    return again(criterion).draw(table, rng())


RULES = [
    *[
        (lambda wrong=wrong: Simple(ratio=wrong), f"`ratio` .* at least 1, got {said}")
        for wrong, said in [
            ((0, 1), "0"),
            ((-1, 2), "-1"),
            ((1.0, 2.0), "1.0"),
            ((1, NAN), "nan"),
            ((True, 1), "True"),
            (("1", 2), "'1'"),
        ]
    ],
    (lambda: Simple(ratio=(1,)), r"`ratio` needs at least two arms, got \(1,\); give a whole"),
    (lambda: Complete(counts=(3,)), r"`counts` needs .* at least two arms, got \(3,\)"),
    (lambda: Complete(counts=(0, 3)), r"`counts` .* at least two arms, got \(0, 3\)"),
    (lambda: Complete(counts=(-1, 3)), "`counts` .* got -1"),
    (lambda: Complete(counts=(1.0, 2)), "`counts` .* whole number .* got 1.0"),
    (lambda: PermutedBlocks(sizes=(5,)), "5 / 2 = 2.5 is no whole number; choose a multiple of 2"),
    (lambda: PermutedBlocks(sizes=(6,), ratio=(2, 2)), "ratio 2:2: 6 / 4 = 1.5"),
    (lambda: PermutedBlocks(sizes=(4, 0)), "`sizes` .* at least 1, got 0"),
    (lambda: PermutedBlocks(sizes=(4.0,)), "`sizes` .* whole number .* got 4.0"),
    (lambda: PermutedBlocks(sizes=()), "`sizes` names no block size; give at least one"),
    (lambda: BiasedCoin(p=0.49), "`p` .* between 0.5 and 1, got 0.49"),
    (lambda: BiasedCoin(p=1.01), "`p` .* between 0.5 and 1, got 1.01"),
    (lambda: BiasedCoin(p="x"), "`p` .* got 'x'"),
    (lambda: Chen(p=NAN), "`p` .* got nan"),
    (lambda: Chen(tolerance=0), "`tolerance` .* at least 1, got 0"),
    (lambda: BigStick(tolerance=1.5), "`tolerance` .* whole number .* got 1.5"),
    (lambda: Urn(alpha=-1), "`alpha` must be finite and at least 0, got -1"),
    (lambda: Urn(beta=INF), "`beta` must be finite and at least 0, got inf"),
    (lambda: Urn(alpha=0, beta=0), "`alpha` and `beta` are both 0"),
    (lambda: MaximalProcedure(tolerance=2, people=7), "`people` is 7: an odd number"),
    *[
        (lambda wrong=wrong: mini(weights=(wrong,)), f"`weights` .* above 0, got {said}")
        for wrong, said in [(NAN, "nan"), (0, "0"), (-1, "-1"), (INF, "inf"), ("a", "'a'")]
    ],
    (lambda: mini(weights=(1, 2)), "`weights` has 2 numbers for 1 factors; give one each"),
    (lambda: mini(p_best=1.1), r"`p_best` .* between 0.5 \(1/2\) and 1 .* got 1.1"),
    (lambda: mini(p_best=0.4), "`p_best` .* with 2 arms, got 0.4"),
    (lambda: mini(p_best=0.3, ratio=(1, 1, 1)), r"between 0.3333 \(1/3\) and 1 .*3 arms, got 0.3"),
    (lambda: mini(p_best=NAN), "`p_best` .* got nan"),
    (lambda: mini(p_best=0.9, rule="rank", ratio=(1,) * 4), "and 0.6667 for rule 'rank'.*got 0.9"),
    (lambda: mini(rule="rank", ratio=(1, 2)), r"'rank' is for equal ratios, got \(1, 2\); use 'b"),
    (lambda: mini(rule="best"), "`rule` is 'best'; did you mean 'best-only'"),
    (lambda: mini(imbalance="max"), "`imbalance` is 'max'; choose from 'range', 'variance', 'sd'"),
    (lambda: mini(factors=[]), "`factors` names no column; name at least one"),
    (lambda: mini(factors=["s", "s"]), "'s' is named twice; name each column once"),
    (lambda: mini(factors={"s": ["n", " "]}), "'s' has an empty or a repeated level among"),
    (lambda: mini(factors={"s": []}), r"gives 's' the levels \[\]; list at least one"),
    (lambda: mini(factors={"s": "ns"}), "gives 's' the levels 'ns'; list at least one"),
    (lambda: Factor(name="s", levels=("n", "n")), "repeated level.*'n', 'n'.*name each level once"),
    (lambda: strata(by=[]), "`by` names no column; name at least one"),
    (lambda: strata(by=["s", "s"]), "'s' is named twice"),
    (lambda: strata(rule=Simple), "`rule` must be an allocation rule such as .* got "),
    (lambda: strata(rule={"n": 3}), "`rule` must be an allocation rule .* got int"),
    (lambda: strata(rule={"n": Simple()}, by={"s": ["n", "s"]}), "Stratum 's=s' has no rule"),
    (
        lambda: strata(rule={"n": Simple(), "s": Simple(ratio=(1, 1, 1))}),
        r"rules for \[2, 3\] arms",
    ),
    (lambda: Clustered(rule="x", by="team"), "`rule` must be an allocation rule .* got str"),
    (lambda: again(3), "`criterion` must be callable, got int; for example Mahalanobis"),
    (lambda: Mahalanobis(covariates=()), "`covariates` names no column"),
    (lambda: Mahalanobis(covariates=("x", "x")), "'x' is named twice"),
    (lambda: Mahalanobis(covariates=("x",), acceptance=0), "`acceptance` .* strictly .* got 0"),
    (lambda: Mahalanobis(covariates=("x",), acceptance=5), "`acceptance` .* got 5"),
    (lambda: Mahalanobis(covariates=("x",), acceptance=NAN), "`acceptance` .* got nan"),
    (lambda: Custom(matrix=[[0, 2]]), r"`matrix` .* without a gap .* got \[0, 2\]"),
    (lambda: Custom(matrix=[[0, 0]]), r"`matrix` .* at least two arms, got \[0\]"),
    (lambda: Custom(matrix=[[-1, 0], [1, 0]]), r"`matrix` .* got \[-1, 0, 1\]"),
    (lambda: Custom(matrix=[[0.5, 0], [1, 0]]), "`matrix` must hold whole arm codes, .* float64"),
    (lambda: Custom(matrix=[[NAN, 0], [1, 0]]), "`matrix` must hold whole arm codes"),
    (lambda: Custom(matrix=[0, 1]), r"one allocation a row, got int64 of shape \(2,\)"),
    (lambda: Custom(matrix=[]), r"`matrix` .* of shape \(0,\)"),
    *[
        (lambda wrong=wrong: Custom(matrix=[[0, 1], [1, 0]], weights=wrong), "`weights` must be 2 ")
        for wrong in ([1], [1, -1], [0, 1], [NAN, 1], [INF, 1], [[1, 1]])
    ],
]
PEOPLE = [
    *[
        (lambda wrong=wrong: Simple().draw(wrong, rng()), f"`people` .* at least 1, got {wrong}")
        for wrong in (0, -1)
    ],
    (lambda: Simple().draw(2.5, rng()), "must be a count or a table of people, got 2.5"),
    (lambda: Simple().draw(TABLE.iloc[:0], rng()), "no rows"),
    (lambda: Simple().draw_many(3, 0, rng()), "`draws` .* at least 1, got 0"),
    (lambda: Simple().draw_many(3, 2.5, rng()), "`draws` .* whole number .* got 2.5"),
    (lambda: Simple().draw(3, 1), "`rng` must be a numpy random Generator, got int; write rng=np"),
    (lambda: Complete(counts=(1, 2)).draw(4, rng()), "add up to 3, but there are 4 people"),
    (lambda: Complete(counts=(1, 2)).probabilities(4), "add up to 3, but there are 4 people"),
    (lambda: MaximalProcedure(tolerance=1, people=4).draw(5, rng()), "made for 4 people, got 5"),
    (lambda: Custom(matrix=[[0, 1]]).support(3), "allocates 2 people, but there are 3"),
    (lambda: mini().draw(6, rng()), "reads 's' of each person; give a table .* instead of 6"),
    (lambda: mini(factors=["q"]).draw(TABLE, rng()), "'q' is not in the table; choose from 's'"),
    (lambda: mini(factors={"s": ["n", "e"]}).draw(TABLE, rng()), "'s' at row 2, .*not declared"),
    (lambda: mini().draw(TABLE.iloc[:0], rng()), "no rows"),
    *[
        (lambda gone=gone: mini().draw(TABLE.assign(s=["n", gone] * 3), rng()), "missing at row 1")
        for gone in (None, NAN, " ", "")
    ],
    (lambda: mini().draw(pl.DataFrame({"s": ["n", None]}), rng()), "'s' is missing at row 1"),
    (lambda: strata({"n": Simple()}).draw(TABLE, rng()), "Stratum 's=s' has no rule"),
    (
        lambda: strata(Complete(counts=(1, 2)), by="few").draw(TABLE, rng()),
        r"Stratum 'few=a' has 2 people, but its rule Complete\(counts=\(1, 2\)\) is for 3",
    ),
    (
        lambda: Clustered(rule=Complete(counts=(1, 3)), by="team").draw(TABLE, rng()),
        r"`counts` \(1, 3\) add up to 4, but there are 3",
    ),
]
SPLIT = "Cluster 'team=c' lies in 2 strata .1 in 's=n', 1 in 's=s'"
BOTH: list[Rule] = [
    Stratified(rule=Clustered(rule=Simple(), by="team"), by="s"),
    Clustered(rule=Stratified(rule=Simple(), by="s"), by="team"),
    Clustered(rule=Minimisation(factors=["s"]), by="team"),
]
PEOPLE += [
    (lambda rule=rule, what=what: what(rule), SPLIT)
    for rule in BOTH
    for what in (
        lambda rule: rule.draw(TABLE, rng()),
        lambda rule: rule.support(TABLE),
        lambda rule: rule.probabilities(TABLE),
    )
]
CRITERIA = [
    (lambda a, p: np.zeros(len(a), bool), "criterion accepted 0; ask for less balance"),
    (lambda a, p: np.ones((len(a), 2), bool), r"truth values, one an allocation, .*4096, 2\)"),
    (lambda a, p: True, r"truth values, one an allocation, got bool of shape \(\)"),
    (lambda a, p: a.mean(axis=1), "truth values, one an allocation, got float64"),
    (lambda a, p: np.full(len(a), NAN), "truth values, one an allocation, got float64"),
]
PEOPLE += [
    (lambda accept=accept: again(accept).draw(6, rng()), message) for accept, message in CRITERIA
]
PEOPLE += [
    (lambda: again(CRITERIA[0][0]).support(6), "accepts none of the rule's 20 allocations; ask"),
    (lambda: again(CRITERIA[0][0]).probabilities(6), "accepts none of the rule's 20 allocations"),
    (lambda: near(covariates=("s",)), "'s' must hold numbers, got 'n' at row 0"),
    (lambda: near(covariates=("q",)), "'q' is not in the table"),
    (lambda: near(TABLE.assign(x=1.0)), r"\('x',\) are constant or copies .* leave one out"),
    (lambda: near(TABLE.assign(y=2 * TABLE["x"]), covariates=("x", "y")), "leave one out"),
    (lambda: near(TABLE.assign(x=[1, 2, 3, 4, 5, NAN])), "'x' is missing at row 5"),
    (lambda: again(Mahalanobis(covariates=("x",))).draw(6, rng()), "give a table"),
    (
        lambda: Rerandomised(
            rule=Complete(counts=(2, 2, 2)), criterion=Mahalanobis(covariates=("x",))
        ).draw(TABLE, rng()),
        "compares two arms; give a criterion of your own",
    ),
    (lambda: Simple().support(30), "more than 1,000,000 allocations of 30 people; use draw_many"),
    (lambda: mini().support(TABLE, limit=10), "more than 10 allocations of 6 people; use draw_ma"),
    (lambda: HALF.support(6, limit=19), "more than 19 allocations of 6 people"),
    (lambda: strata(BigStick()).support(TABLE, limit=63), "more than 63 allocations of 6 people"),
    (lambda: Custom(matrix=[[0, 1], [1, 0]]).support(2, limit=1), "more than 1 allocation"),
]
HISTORY = [
    *[
        (
            lambda wrong=wrong: Simple().next_probabilities([wrong]),
            f"`history` .*0 to 1, got {wrong}",
        )
        for wrong in (2, -1, 0.5, NAN)
    ],
    (lambda: Complete(counts=(1, 2)).next_probabilities([0, 1, 1]), "All 3 places .* are taken"),
    (lambda: Complete(counts=(1, 2)).next_probabilities([0, 0]), "more people in arm 0 than the 1"),
    (lambda: PermutedBlocks(sizes=(2,)).next_probabilities([1, 1]), "cannot have come from these"),
    (
        lambda: Custom(matrix=[[0, 1], [0, 1]]).next_probabilities([1]),
        "Custom cannot have done after",
    ),
    (lambda: Custom(matrix=[[0, 1]]).next_probabilities([0, 1]), "has 2 people; .* no place"),
    (
        lambda: again(CRITERIA[0][0]).next_probabilities([]),
        "allocates everyone at once.* use `draw`",
    ),
    (lambda: strata(again(CRITERIA[0][0])).next_probabilities([], {"s": "n"}), "everyone at once"),
    (lambda: mini().next_probabilities([]), "`person` must say 's', got nothing"),
    (lambda: mini().next_probabilities([], {"t": "n"}), "`person` must say 's', got 't'"),
    *[
        (lambda gone=gone: mini().next_probabilities([], {"s": gone}), "'s' is missing; find it")
        for gone in (None, NAN, " ")
    ],
    (lambda: mini().next_probabilities([0], {"s": "n"}), "must be a table with a column `arm` and"),
    (lambda: mini().next_probabilities(TABLE, {"s": "n"}), "'arm' is not in the table"),
    *[
        (
            lambda wrong=wrong: mini().next_probabilities(TABLE.assign(arm=wrong), {"s": "n"}),
            f"0 to 1, got {wrong}",
        )
        for wrong in (2, -1, 0.5, NAN)
    ],
    (
        lambda: mini(factors={"s": ["n", "e"]}).next_probabilities([], {"s": "x"}),
        "'s' is 'x', which was not declared; choose from 'n', 'e'",
    ),
    (
        lambda: strata({"n": Simple()}).next_probabilities([], {"s": "z"}),
        "Stratum 's=z' has no rule",
    ),
    (
        lambda: Clustered(rule=Simple(), by="team").next_probabilities(
            TABLE.assign(arm=[0, 1, 1, 1, 0, 0]), {"team": "a"}
        ),
        "`history` has cluster 'team=a' in more than one arm",
    ),
    (
        lambda: BOTH[1].next_probabilities(
            TABLE.iloc[:5].assign(arm=[0, 0, 1, 1, 0]), {"s": "s", "team": "c"}
        ),
        "Cluster 'team=c' was allocated with 's' 'n', and now has 's'",
    ),
]
STORED = [
    (lambda: rule_from_dict({"kind": "zzz"}), "`kind` is 'zzz'; choose from 'simple', 'complete'"),
    (
        lambda: rule_from_dict({"kind": "simple", "p": 2}),
        "`p` is no field of a simple rule; choose from 'ratio'",
    ),
    (
        lambda: rule_from_dict({"kind": "simple", "ratios": [1, 1]}),
        "`ratios` is no field of a simple rule; did you mean 'ratio'",
    ),
    (lambda: rule_from_dict({"kind": "big-stick", "tolerance": 0}), "`tolerance` .* got 0"),
    (lambda: rule_from_dict({"kind": "big-stick", "tolerance": "3"}), "`tolerance` .* got '3'"),
    (lambda: rule_to_dict(again(CRITERIA[0][0])), "function cannot be stored; only"),
    (lambda: rule_to_dict(3), "int cannot be stored"),
]


@pytest.mark.parametrize(("wrong", "message"), [*RULES, *PEOPLE, *HISTORY, *STORED])
def test_refused(wrong: Any, message: str) -> None:
    with pytest.raises(ce.TrialError, match=message):
        wrong()


def test_numpy_whole_numbers_are_whole_numbers() -> None:
    """They arise from tables; the rule is the one with Python's numbers."""
    two = np.int64(2)
    assert Simple(ratio=(two, 1)) == Simple(ratio=(2, 1))  # type: ignore[arg-type]
    assert Complete(counts=np.array([1, 2])) == Complete(counts=(1, 2))  # type: ignore[arg-type]
    assert BigStick(tolerance=two).support(two).arm.shape == (4, 2)  # type: ignore[arg-type]
    assert Minimisation(factors=["s"], ratio=np.array([1, 2])).ratio == (1, 2)  # type: ignore[arg-type]
    assert Simple().draw(two, rng()).shape == (2,)


def test_a_refusal_leaves_the_stream_of_random_numbers_alone() -> None:
    """A draw that is refused for the people it was given has taken nothing from the generator."""
    used, fresh = rng(), rng()
    with pytest.raises(ce.TrialError):
        strata(Complete(counts=(1, 2)), by="few").draw(TABLE, used)
    assert used.bit_generator.state == fresh.bit_generator.state
