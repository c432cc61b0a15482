"""What pathways refuse, and what they say when there is nothing to compare."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval import models, outcomes
from checkpoint_eval.outcomes import COUNTY_DURHAM, Pathways, PathwayScores

N = 40
TABLE = np.random.default_rng(3).integers(0, 4, (2, N, 3)).astype(float)
ARM = np.arange(N) % 2


def rng() -> np.random.Generator:
    return np.random.default_rng(4)


def trial(**how: Any) -> ce.Trial:
    frame = pd.DataFrame(
        {"who": [f"p{each}" for each in range(N)], "arm": ARM, "three": np.arange(N) % 3,
         "re": np.arange(N) % 5 == 0, "got": ARM, "age": np.arange(N), "even": 1}
    )  # fmt: skip
    usual: dict[str, Any] = {"arm": "arm", "control": 0, "id": "who", "binary": {"re": "re"}}
    usual |= {"received": "got", "covariates": ["age"], "factors": ["even"]}
    return ce.Trial.from_frame(frame, **usual | how)


def scores(**how: Any) -> PathwayScores:
    usual: dict[str, Any] = {
        "pathways": ("drugs", "housing", "health"),
        "baseline": TABLE[0],
        "follow_up": TABLE[1],
    }
    return PathwayScores(**usual | how)


def compared(given: PathwayScores, **how: Any) -> models.PathwayComparison:
    return models.compare_pathways(trial(), given, rng=rng(), draws=how.pop("draws", 49), **how)


def changed(table: np.ndarray, where: Any, column: int, value: float = np.nan) -> np.ndarray:
    new = table.copy()
    new[where, column] = value
    return new


@pytest.mark.parametrize(
    ("how", "kind", "words"),
    [
        ({"baseline": TABLE[0][:, :2]}, ce.InvalidData, r"`baseline` has shape \(40, 2\).*3 pathw"),
        ({"follow_up": TABLE[1][:5]}, ce.InvalidData, "`baseline` has 40 people, `follow_up` 5"),
        ({"pathways": ()}, ce.InvalidData, "for each of 0 pathways"),
        ({"pathways": ("a", "a", "b")}, ce.ImpossibleDesign, "'a' is named twice"),
        ({"scale": "ordinals"}, ce.TrialError, "did you mean 'ordinal'"),
        ({"scale": "binary"}, ce.InvalidData, "must hold 0 or 1 on scale='binary', got"),
        ({"baseline": changed(TABLE[0], 7, 1, 5.0), "scale": "ordinal"}, ce.InvalidData,
         "0, 1, 2 or 3 .* got 5 for 'housing' at row 7"),
        ({"baseline": changed(TABLE[0], 7, 1, np.inf)}, ce.InvalidData, "finite numbers.*got inf"),
        ({"assessor": np.zeros((N, 1))}, ce.InvalidData, "two codes a person"),
        ({"assessor": np.full((N, 2), 2), "assessors": ("x", "y")}, ce.InvalidData, "-1 to 1"),
        ({"ids": ["a"]}, ce.InvalidData, "`ids` 1"),
    ],
)  # fmt: skip
def test_scores_refused(how: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        scores(**how)


def test_a_table_of_scores_refused() -> None:
    frame = pd.DataFrame({"before": [1, 0], "after": ["high", "low"]})
    with pytest.raises(ce.UnknownColumn, match="did you mean 'before'"):
        PathwayScores.from_frame(frame, columns={"d": ("befor", "after")}, scale="scale")
    with pytest.raises(ce.InvalidData, match="must hold numbers, got 'high' at row 0"):
        PathwayScores.from_frame(frame, columns={"d": ("before", "after")}, scale="scale")
    with pytest.raises(ce.TrialError, match="names no pathway"):
        PathwayScores.from_frame(frame, columns={}, scale="scale")


def test_other_peoples_scores_are_refused() -> None:
    with pytest.raises(ce.InvalidData, match="are of 39 people, the trial has 40"):
        compared(scores(baseline=TABLE[0][1:], follow_up=TABLE[1][1:]))
    ids = [f"p{each}" for each in range(N)]
    assert compared(scores(ids=ids)).pathways == ("drugs", "housing", "health")
    with pytest.raises(ce.InvalidData, match="'p1' at row 0, the trial has 'p0' there"):
        compared(scores(ids=[ids[1], ids[0], *ids[2:]]))


@pytest.mark.parametrize(
    ("how", "kind", "words"),
    [
        ({"method": "ancov"}, ce.TrialError, "did you mean 'ancova'"),
        ({"spread": "pm"}, ce.TrialError, "`spread` is 'pm'.*'reml', 'dl'"),
        ({"threshold": np.nan}, ce.TrialError, "`threshold` must be a finite number"),
        ({"level": 95}, ce.TrialError, "written 0.95"),
        ({"draws": 0}, ce.TrialError, "`draws`"),
        ({"adjust": "ages"}, ce.UnknownColumn, "did you mean 'age'"),
        ({"analysis_set": "as-treated"}, ce.TrialError, "depends on what was received"),
        ({"analysis_set": "per-protocol"}, ce.TrialError, "depends on what was received"),
        ({"analysis_set": "it"}, ce.UnknownColumn, "analysis set 'it'"),
    ],
)
def test_options_refused(how: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        compared(scores(), **how)


def test_what_is_compared_is_refused() -> None:
    with pytest.raises(ce.TrialError, match="`rng` must be a numpy random Generator"):
        models.compare_pathways(trial(), scores(), rng=1)  # type: ignore[arg-type]
    with pytest.raises(ce.TrialError, match="`scores` must be `PathwayScores`, got ndarray"):
        models.compare_pathways(trial(), TABLE[0], rng=rng())  # type: ignore[arg-type]
    nothing = scores(pathways=(), baseline=np.zeros((N, 0)), follow_up=np.zeros((N, 0)))
    with pytest.raises(ce.TrialError, match="hold no pathway"):
        models.compare_pathways(trial(), nothing, rng=rng())
    three = trial(arm="three", arms=[0, 1, 2], received=None)
    with pytest.raises(ce.TrialError, match="two arms, the trial has 3"):
        models.compare_pathways(three, scores(), rng=rng())
    frame = pd.DataFrame({"arm": ARM, "drugs before": TABLE[0][:, 0]})
    own = ce.Trial.from_frame(frame, arm="arm", control=0, covariates=["drugs before"])
    with pytest.raises(ce.TrialError, match="'drugs before', which `scores` bring already"):
        models.compare_pathways(own, scores(), rng=rng(), adjust="drugs before")


def test_a_pathway_nobody_has() -> None:
    found = compared(scores(baseline=changed(TABLE[0], slice(None), 1, 0.0)))
    effect = found.with_need.effects[1]
    assert not effect.estimable
    assert "nobody in 'control' or 'treatment' has the need" in effect.method
    assert (effect.n, effect.missing) == ((0, 0), (0, 0))
    assert np.isnan([each[1] for each in found.with_need.p_values.values()]).all()
    # The others are a family of two: Holm doubles the smaller p.
    raw, holm = (found.with_need.p_values[name][[0, 2]] for name in ("redrawn", "holm"))
    assert holm.min() == pytest.approx(min(1, 2 * raw.min()))
    assert found.everyone.effects[1].estimable
    assert np.isnan(found.together.phi[1]).all()
    assert found.with_need.shrunken.method.endswith("fewer than four effects to learn from")


def test_controls_never_assessed_afterwards() -> None:
    given = scores(follow_up=np.where((ARM == 0)[:, None], np.nan, TABLE[1]))
    found = compared(given)
    assert found.notes == ("Nobody in 'control' was assessed afterwards: no comparison is made",)
    assert "no comparison is made" in repr(found)
    for family in (found.with_need, found.everyone):
        assert not any(each.estimable for each in family.effects)
        assert "nobody in 'control' was assessed both times" in family.effects[0].method
        assert family.effects[0].n[0] == 0 < family.effects[0].missing[0]
        assert not family.rank_sum.estimable
        assert "no pathway was assessed in both arms" in family.largest.method
    assert not found.resolved.estimable
    frame = found.to_frame()
    assert (frame["assessed control"] == 0).all()
    assert (frame["missing control"] > 0).all()
    assert (frame["missing treatment"] == 0).all()


def test_one_pathway_on_which_one_arm_was_not_assessed() -> None:
    found = compared(scores(follow_up=changed(TABLE[1], ARM == 1, 2)))
    assert [each.estimable for each in found.with_need.effects] == [True, True, False]
    assert found.with_need.rank_sum.estimable
    assert found.notes == ()


def test_nothing_varies() -> None:
    given = scores(follow_up=np.ones((N, 3)))
    found = compared(given)
    assert "no variation is left" in found.with_need.effects[0].method
    assert np.isnan(found.with_need.statistics).all()
    assert not found.with_need.largest.estimable


def test_a_covariate_that_is_the_same_for_all() -> None:
    found = compared(scores(), adjust=["even", "age"])
    assert found.everyone.effects[0].adjusted_for == ("drugs before", "age")
    assert "even is the same for all" in found.everyone.effects[0].method


def test_one_person_with_the_need_in_an_arm() -> None:
    alone = np.zeros((N, 3))
    alone[[0, 1, 3, 5], 0] = 1.0
    found = compared(scores(baseline=alone))
    assert found.with_need.effects[0].n == (1, 3)
    assert not found.with_need.effects[0].estimable


@pytest.mark.parametrize(
    ("seen", "drawn", "how", "words"),
    [
        ([1.0], [[1.0, 2.0]], {}, r"shape \(1, 2\) for `statistics` of shape \(1,\)"),
        (1.0, [[1.0]], {}, "one row a draw"),
        ([1.0], np.zeros((0, 1)), {}, "has no draws"),
        ([1.0], [[1.0]], {"step": "up"}, "`step` is 'up'"),
        ([1.0], [[1.0]], {"chances": [0.0]}, "above 0"),
        ([1.0], [[1.0]], {"chances": [np.nan]}, "above 0"),
        ([1.0], [[1.0]], {"chances": [1, 1]}, "each of 1 allocations"),
    ],
)
def test_westfall_young_refuses(seen: Any, drawn: Any, how: dict[str, Any], words: str) -> None:
    with pytest.raises(ce.TrialError, match=words):
        models.westfall_young(seen, drawn, **how)


def test_westfall_young_needs_the_draws() -> None:
    with pytest.raises(ce.TrialError, match="Use `westfall_young`"):
        models.adjust_p_values([0.1, 0.2], method="westfall-young")


@pytest.mark.parametrize(
    ("values", "errors", "how", "words"),
    [
        ([1.0, 2.0], [1.0], {}, r"shapes \(2,\) and \(1,\)"),
        ([1.0, 2.0], [1.0, 0.0], {}, "above 0, or NaN"),
        ([1.0], [1.0], {"spread": "mle"}, "`spread` is 'mle'"),
        ([1.0], [1.0], {"level": 1}, "`level`"),
    ],
)
def test_shrinkage_refuses(values: Any, errors: Any, how: dict[str, Any], words: str) -> None:
    with pytest.raises(ce.TrialError, match=words):
        models.shrunken_effects(values, errors, **how)


def test_effects_that_are_not_estimable_are_not_shrunk() -> None:
    found = models.shrunken_effects([1.0, np.nan, 0.0, 0.5, 0.2], [0.1, np.nan, 0.1, 0.1, 0.1])
    assert np.isnan(found.value).tolist() == [False, True, False, False, False]
    few = models.shrunken_effects([1.0, np.nan, 0.0], [0.1, np.nan, 0.1])
    assert np.isnan([few.mean, few.spread, *few.value]).all()


def test_interactions_refuse() -> None:
    with pytest.raises(ce.UnknownColumn, match="did you mean 're'"):
        models.pathway_interactions(trial(), scores(), outcome="ree")
    with pytest.raises(ce.TrialError, match="use another set"):
        models.pathway_interactions(trial(), scores(), outcome="re", analysis_set="as-treated")
    given = scores(baseline=TABLE[0][1:], follow_up=TABLE[1][1:])
    with pytest.raises(ce.InvalidData, match="39 people"):
        models.pathway_interactions(trial(), given, outcome="re")
    none = np.zeros(N)
    episodes = outcomes.Episodes(
        people=N, person=np.arange(N), start=none, stop=none + 9, event=none > 0
    )
    several = replace(trial(), outcomes={"all": episodes})
    with pytest.raises(ce.TrialError, match="repeated events"):
        models.pathway_interactions(several, scores(), outcome="all")


def test_a_need_that_nobody_has_moderates_nothing() -> None:
    given = scores(baseline=changed(TABLE[0], slice(None), 1, 0.0))
    found = models.pathway_interactions(trial(), given, outcome="re")
    both = found.interactions[1]
    assert not both.estimable
    assert "with a need: Arm 'control' has nobody" in both.method
    assert np.isnan(found.p_values["holm"][1])
    assert found.to_frame().loc[1, "n with control"] == 0


def test_people_not_assessed_before_moderate_nothing_and_are_counted() -> None:
    given = scores(baseline=changed(TABLE[0], [0, 1, 2], 1))
    found = models.pathway_interactions(trial(), given, outcome="re")
    assert found.interactions[1].missing == (2, 1)
    assert sum(found.interactions[1].n) == N - 3


def test_co_occurrence_refuses() -> None:
    with pytest.raises(ce.TrialError, match="must be `PathwayScores`"):
        models.co_occurrence(TABLE[0])  # type: ignore[arg-type]
    with pytest.raises(ce.TrialError, match="one flag for each of 40 people"):
        models.co_occurrence(scores(), among=[True])


def test_vocabularies_refuse() -> None:
    with pytest.raises(ce.UnknownColumn, match="did you mean 'Accommodation'"):
        COUNTY_DURHAM.check("Acommodation")
    with pytest.raises(ce.TrialError, match="has no pathways"):
        Pathways.of("empty", [], source="none")
    with pytest.raises(ce.TrialError, match="says nothing of what 'a' covers"):
        Pathways(name="x", themes={"a": ()}, source="none")
    with pytest.raises(ce.ImpossibleDesign, match="named twice"):
        Pathways.of("twice", ["a", "a"], source="none")
    with pytest.raises(ce.UnknownColumn, match="did you mean 'drugs'"):
        scores().merged({"substances": ["drug"]})
    with pytest.raises(ce.TrialError, match="at least one pathway"):
        scores().merged({"substances": []})
    with pytest.raises(ce.TrialError, match="Who assessed is not told"):
        scores().assessed_by(trial().assignment)


def test_records_and_a_vocabulary() -> None:
    people = pd.DataFrame({"id": ["a", "b"]})
    needs = pd.DataFrame(
        [("a", "2016-02-01", "Health", 2.0), ("b", "2016-02-01", "Health", 1.0)],
        columns=["person", "date", "pathway", "score"],
    )
    assignment = ce.Assignment(
        arm=[0, 1], arms=("court", "contract"), stratum=[0, 0], ids=["a", "b"],
        date=np.array(["2016-03-01"] * 2, dtype="datetime64[D]"),
    )  # fmt: skip

    def read(table: pd.DataFrame, **how: Any) -> PathwayScores:
        offences = pd.DataFrame({"person": ["a"], "date": ["2015-01-01"]})
        records = outcomes.Records.from_tables(
            people=people, offences=offences, pathways=table, extract_date="2018-01-01"
        )
        return outcomes.pathway_scores(records, assignment, **how)

    found = read(needs, pathways=COUNTY_DURHAM, scale="ordinal")
    assert found.pathways == COUNTY_DURHAM.names
    assert found.ids.tolist() == ["a", "b"]
    assert np.isnan(found.baseline).sum() == 14
    with pytest.raises(
        ce.UnknownColumn, match=r"pathway of County Durham 2014-18 'Helth'.*'Health'"
    ):
        read(needs.assign(pathway=["Health", "Helth"]), pathways=COUNTY_DURHAM)
    with pytest.raises(ce.InvalidData, match="0 or 1 on scale='binary', got 2 for 'Health'"):
        read(needs, scale="binary")
