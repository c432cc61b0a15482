"""Critical pathways compared between arms: one effect each, all of them together, and their p."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from checkpoint_eval._arrays import IntArray
from checkpoint_eval._checks import (
    as_names,
    check_choice,
    check_count,
    check_level,
    check_rng,
)
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models.compared import Compared, compare
from checkpoint_eval.models.means import mean_difference
from checkpoint_eval.models.pathway_families import Measured, family_of, redrawn_statistics
from checkpoint_eval.models.pathway_overlap import check_scores, check_threshold, co_occurrence
from checkpoint_eval.models.pathway_parts import (
    ANY,
    NEEDS,
    RESOLVED,
    arms_redrawn,
    before_name,
    check_same_people,
    counts_of,
    left_over,
    need_name,
    rank_sums,
    with_pathways,
)
from checkpoint_eval.models.pathway_results import PathwayComparison
from checkpoint_eval.models.shrinkage import SPREADS, Spread
from checkpoint_eval.outcomes.needs import PathwayScores
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.results import NAN, Estimate

Adjustment: TypeAlias = Literal["ancova", "lin"]
ADJUSTMENTS: tuple[str, ...] = ("ancova", "lin")


def compare_pathways(  # noqa: PLR0913 - effects, their adjustment and the draws of their tests
    trial: Trial,
    scores: PathwayScores,
    *,
    rng: np.random.Generator,
    draws: int = 10_000,
    method: Adjustment = "ancova",
    adjust: str | Sequence[str] = (),
    threshold: float = 0.0,
    spread: Spread = "reml",
    level: float = 0.95,
    analysis_set: str = "itt",
) -> PathwayComparison:
    """Compare the need left on every critical pathway, as one family.

    Parameters
    ----------
    trial : Trial
        Two arms; its own rule is redrawn.
    scores : PathwayScores
        Of the trial's people, in their order.
    rng : numpy.random.Generator
    draws : int
        Allocations drawn. When the rule has no more than these, all are listed instead: exact.
    method : {"ancova", "lin"}
        Regression of the score afterwards on arm, score before and strata; slopes in common, or of
        each arm its own. HC2 variance.
    adjust : str or sequence of str
        Baseline columns beside the score before.
    threshold : float
        A need is a score above it.
    spread : {"reml", "dl"}
        Of `shrunken_effects`.
    level : float
    analysis_set : {"itt"} or a named set

    Returns
    -------
    PathwayComparison
        Twice: among those with the need, and among everyone assessed. For each pathway need, n,
        assessed and missing by arm beside the difference. A pathway that nobody has, or on which
        an arm was not assessed, is not estimable and says so; it is not in the family.

    Raises
    ------
    TrialError
        For more than two arms, a set defined by what was received, or scores of other people.
    UnknownColumn
        For names the trial does not have.

    Notes
    -----
    The statistic redrawn is Welch's t of what least squares on score before, `adjust` and strata,
    blind to the arms, leaves of the score afterwards. From the same draws come p of each pathway,
    Westfall and Young's adjustment, and two global tests: the largest t in size, and O'Brien's,
    Welch's t of each person's sum of midranks of what is left, (rank − (m + 1)/2)/m on a pathway
    of m people. A pathway on which somebody is not compared adds nothing to that person's sum; with
    everyone on all it is O'Brien's own. All test the sharp null that neither scores nor who was
    assessed depend on the arm.

    A covariate that is the same for all, as a yes/no need among those with it, adjusts nothing and
    is left out. Differences of unlike scales should not be shrunk towards each other.

    References
    ----------
    O'Brien (1984), Biometrics 40, 1079-1087; Westfall and Young (1993); see `mean_difference`,
    `westfall_young` and `shrunken_effects`. Checked against R estimatr, coin and t.test, full
    enumeration, and a slow reference.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> people = pd.DataFrame(
    ...     {"arm": [0, 1] * 4, "drugs": [1, 1, 1, 1, 1, 1, 0, 0], "left": [1, 0, 1, 0, 1, 1, 0, 0]}
    ... )
    >>> trial = Trial.from_frame(people, arm="arm", control=0)
    >>> scores = PathwayScores.from_frame(
    ...     people, columns={"drugs": ("drugs", "left")}, scale="binary"
    ... )
    >>> found = compare_pathways(trial, scores, rng=np.random.default_rng(1))
    >>> round(found.with_need.effects[0].value, 4), found.exact
    (-0.6667, True)
    """
    names = _checked(trial, scores, method, adjust, threshold, spread, draws, rng, level)
    check_same_people(trial, scores)
    code = arms_redrawn(trial, analysis_set)
    whole = with_pathways(trial, scores, code, analysis_set=analysis_set, threshold=threshold)
    asked = _Asked(
        trial=whole, code=code, method=method, adjust=names, level=level, analysis_set=analysis_set
    )
    sets = [need_name(each, analysis_set) for each in scores.pathways]
    needing = _measured(asked, scores.pathways, sets, "those with the need")
    everyone = _measured(asked, scores.pathways, [analysis_set] * len(sets), "everyone")
    redrawn = redrawn_statistics(whole, (needing, everyone), draws=draws, rng=rng)
    families = [
        family_of(whole, each, redrawn, spread, first=first, level=level, analysis_set=analysis_set)
        for each, first in ((needing, 0), (everyone, len(sets) + 1))
    ]
    resolved = _effect(asked, RESOLVED, need_name(ANY, analysis_set), (before_name(NEEDS), *names))
    return PathwayComparison(
        pathways=scores.pathways,
        arms=trial.arms,
        analysis_set=analysis_set,
        threshold=float(threshold),
        level=level,
        counts=counts_of(scores, code, threshold),
        with_need=families[0],
        everyone=families[1],
        resolved=resolved.estimate,
        together=co_occurrence(scores, threshold=threshold, among=code >= 0),
        draws=redrawn.draws,
        exact=redrawn.chances is not None,
        notes=_notes(scores, trial.arms, code),
    )


def _checked(
    trial: Trial,
    scores: PathwayScores,
    method: str,
    adjust: str | Sequence[str],
    threshold: float,
    spread: str,
    draws: int,
    rng: np.random.Generator,
    level: float,
) -> tuple[str, ...]:
    """Check the options; return the names of covariates."""
    check_trial(trial)
    check_scores(scores)
    check_choice(method, "method", ADJUSTMENTS)
    check_choice(spread, "spread", SPREADS)
    check_count(draws, "draws")
    check_rng(rng)
    check_level(level)
    check_threshold(threshold)
    names = as_names(adjust)
    taken = {before_name(each) for each in (*scores.pathways, NEEDS)}
    for name in names:
        trial.column(name)
        if name in taken:
            raise TrialError(
                f"`adjust` names {name!r}, which `scores` bring already; leave it out."
            )
    return names


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Asked:
    """What every effect of a comparison has in common."""

    trial: Trial
    code: IntArray
    method: Adjustment
    adjust: tuple[str, ...]
    level: float
    analysis_set: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Effect:
    """One estimate, the people it is of when both arms have some, and what adjusts it."""

    estimate: Estimate
    people: Compared | None
    adjust: tuple[str, ...]


def _effect(asked: _Asked, outcome: str, among: str, adjust: tuple[str, ...]) -> _Effect:
    """Estimate one difference, or say why there is none."""
    trial = asked.trial
    try:
        people = compare(
            trial, outcome=outcome, analysis_set=among, kind="any", every_arm=True,
            complete=asked.adjust,
        )  # fmt: skip
    except ImpossibleDesign:
        return _Effect(estimate=_without(asked, outcome, among), people=None, adjust=())
    columns = people.columns(trial, adjust)
    useful = tuple(each.name for each in columns if np.ptp(each.values) > 0)
    same = ", ".join(name for name in adjust if name not in useful)
    how = {"method": asked.method, "level": asked.level, "analysis_set": among}
    try:
        found = mean_difference(trial, outcome=outcome, adjust=useful, **how)  # type: ignore[arg-type]
    except ImpossibleDesign as problem:
        reason = str(problem).removesuffix(".")
        found = _without(asked, outcome, among, people=people, reason=reason)
    if same:
        found = replace(found, method=f"{found.method}; {same} is the same for all")
    return _Effect(estimate=found, people=people, adjust=useful)


def _without(
    asked: _Asked, outcome: str, among: str, *, people: Compared | None = None, reason: str = ""
) -> Estimate:
    """Return the estimate that says why there is none, with the people there are by arm."""
    code, arms = asked.trial.arm_in(among), asked.trial.arms
    known = ~asked.trial.outcome(outcome).missing
    for name in asked.adjust:
        known = known & ~asked.trial.column(name).missing
    inside = [int((code == arm).sum()) for arm in (0, 1)]
    n = [int(((code == arm) & known).sum()) for arm in (0, 1)]
    if people is None:
        empty = [name for name, size in zip(arms, inside, strict=True) if not size]
        unseen = [name for name, size in zip(arms, n, strict=True) if not size]
        reason = f"nobody in {' or '.join(map(repr, unseen))} was assessed both times"
        if empty:
            reason = f"nobody in {' or '.join(map(repr, empty))} has the need"
        unknown = np.isnan(asked.trial.column(before_name(_need_of(outcome))).values)
        strange = [name for arm, name in enumerate(arms) if unknown[asked.code == arm].all()]
        if strange:
            reason = f"nobody in {' or '.join(map(repr, strange))} was assessed before"
    return Estimate(
        estimand="mean difference",
        outcome=outcome,
        analysis_set=among,
        contrast=(arms[1], arms[0]),
        scale="difference",
        value=NAN,
        low=NAN,
        high=NAN,
        level=asked.level,
        p_value=NAN,
        method=f"not estimable: {reason}",
        n=(n[0], n[1]),
        events=(),
        missing=(inside[0] - n[0], inside[1] - n[1]),
    )


def _need_of(outcome: str) -> str:
    """Return the need that an outcome follows up."""
    return NEEDS if outcome == RESOLVED else outcome


def _measured(asked: _Asked, pathways: Sequence[str], sets: Sequence[str], among: str) -> Measured:
    found = [
        _effect(asked, pathway, own, (before_name(pathway), *asked.adjust))
        for pathway, own in zip(pathways, sets, strict=True)
    ]
    value = left_over(asked.trial, [each.people for each in found], [each.adjust for each in found])
    inside = np.any([asked.trial.arm_in(own) >= 0 for own in sets], axis=0)
    return Measured(
        among=among,
        effects=tuple(each.estimate for each in found),
        value=np.column_stack([value, rank_sums(value)]),
        members=np.where(inside, asked.code, -1),
    )


def _notes(scores: PathwayScores, arms: Sequence[str], code: IntArray) -> tuple[str, ...]:
    """Say what stands in the way: an arm never assessed, or by other people than the other."""
    notes = []
    for when, table in (("before", scores.baseline), ("afterwards", scores.follow_up)):
        for arm, name in enumerate(arms):
            if np.isnan(table[code == arm]).all():
                notes.append(f"Nobody in {name!r} was assessed {when}: no comparison is made")
    if scores.assessor.size:
        by = [set(scores.assessor[code == arm, 1].tolist()) - {-1} for arm in (0, 1)]
        if all(by) and not by[0] & by[1]:
            notes.append(
                "Nobody assessed people of both arms afterwards, so differences between arms and "
                "between assessors cannot be told apart"
            )
    return tuple(notes)
