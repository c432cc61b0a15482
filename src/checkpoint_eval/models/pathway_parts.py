"""Parts of the comparison of pathways: who has a need, who was seen, and redrawn statistics."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats, frozen_counts
from checkpoint_eval._display import Shown, grid_frame
from checkpoint_eval.errors import InvalidData, TrialError
from checkpoint_eval.models.compared import Compared
from checkpoint_eval.models.multiplicity import adjust_p_values
from checkpoint_eval.models.redrawn_statistics import residuals
from checkpoint_eval.outcomes.baseline import Covariate
from checkpoint_eval.outcomes.needs import PathwayScores
from checkpoint_eval.outcomes.observed import NumericOutcome
from checkpoint_eval.outcomes.trial import Trial

STRATUM = "stratum of the randomisation"
FAMILY: tuple[str, ...] = ("holm", "hochberg", "bh")
RESOLVED, NEEDS, ANY = "needs resolved", "number of needs", "any pathway"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PathwayCounts(Shown):
    """People by pathway and arm, control first: every array (p, 2) int.

    Attributes
    ----------
    randomised : (2,) int
        People of the analysis set.
    assessed_before, need, assessed_after : (p, 2) int
        Assessed before; with a need then; assessed after, whether with a need or not.
    need_assessed, resolved : (p, 2) int
        With a need before and assessed after; and no need any more then.
    """

    randomised: IntArray
    assessed_before: IntArray
    need: IntArray
    assessed_after: IntArray
    need_assessed: IntArray
    resolved: IntArray

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            object.__setattr__(self, name, frozen_counts(getattr(self, name)))

    @property
    def need_missing(self) -> IntArray:
        """(p, 2) with a need before and not assessed after."""
        return self.need - self.need_assessed

    def to_frame(self) -> pd.DataFrame:
        """Return one row a pathway and arm; the places of a batch come first."""
        return grid_frame(
            ("pathway", "arm"),
            **{
                name: getattr(self, name)
                for name in self.__dataclass_fields__
                if name != "randomised"
            },
        )


def check_same_people(trial: Trial, scores: PathwayScores) -> None:
    """Refuse scores of other people than the trial's."""
    n = scores.baseline.shape[0]
    if n != trial.n:
        raise InvalidData(
            f"`scores` are of {n} people, the trial has {trial.n}; give "
            "one row of scores for each person of the trial."
        )
    wrong = np.flatnonzero(scores.ids != trial.ids) if scores.ids.size else np.zeros(0, int)
    if wrong.size:
        row = int(wrong[0])
        raise InvalidData(
            f"`scores` are of {str(scores.ids[row])!r} at row {row}, the trial has "
            f"{str(trial.ids[row])!r} there; read the two in the same order, with the same `id`."
        )


def arms_redrawn(trial: Trial, analysis_set: str) -> IntArray:
    """Return (n,) arm codes, -1 outside the set; refuse what the rule did not draw."""
    code = trial.arm_in(analysis_set)
    if len(trial.arms) != 2:
        raise TrialError(
            f"`compare_pathways` compares two arms, the trial has {len(trial.arms)}; read two of "
            "them as a trial of their own."
        )
    if analysis_set in ("as-treated", "per-protocol"):
        raise TrialError(
            f"Analysis set {analysis_set!r} depends on what was received, which the rule did not "
            "draw; use 'itt' or a set fixed before randomisation."
        )
    for arm, name in enumerate(trial.arms):
        if not (code == arm).any():
            raise TrialError(f"Arm {name!r} has nobody in analysis set {analysis_set!r}.")
    return code


def counts_of(scores: PathwayScores, code: IntArray, threshold: float) -> PathwayCounts:
    """Count people by pathway and arm."""
    before, after = ~np.isnan(scores.baseline), ~np.isnan(scores.follow_up)
    need = scores.in_need(threshold)
    gone = need & (scores.follow_up <= threshold)

    def by_arm(flags: BoolArray) -> IntArray:
        return np.stack([flags[code == arm].sum(axis=0) for arm in (0, 1)], axis=-1)

    return PathwayCounts(
        randomised=np.array([(code == arm).sum() for arm in (0, 1)]),
        assessed_before=by_arm(before),
        need=by_arm(need),
        assessed_after=by_arm(after),
        need_assessed=by_arm(need & after),
        resolved=by_arm(gone),
    )


def before_name(pathway: str) -> str:
    """Return what the baseline column of a pathway is called."""
    return f"{pathway} before"


def need_name(pathway: str, analysis_set: str) -> str:
    """Return what the analysis set of people with a need is called."""
    return f"{analysis_set}, need in {pathway}"


def with_pathways(
    trial: Trial, scores: PathwayScores, code: IntArray, *, analysis_set: str, threshold: float
) -> Trial:
    """Return the trial with a score of each pathway as outcome, covariate and analysis set."""
    need, inside = scores.in_need(threshold), code >= 0
    outcomes, columns, sets = dict(trial.outcomes), dict(trial.columns), dict(trial.sets)
    for place, pathway in enumerate(scores.pathways):
        before = scores.baseline[:, place]
        after = np.where(np.isnan(before), np.nan, scores.follow_up[:, place])
        outcomes[pathway] = NumericOutcome(value=after, missing=np.isnan(after))
        name = before_name(pathway)
        columns[name] = Covariate(name=name, values=before)
        sets[need_name(pathway, analysis_set)] = need[:, place] & inside
    settled = needs_resolved(scores, threshold)
    outcomes[RESOLVED] = NumericOutcome(value=settled, missing=np.isnan(settled))
    columns[before_name(NEEDS)] = Covariate(
        name=before_name(NEEDS), values=floats(scores.needs(threshold))
    )
    sets[need_name(ANY, analysis_set)] = need.any(axis=1) & inside
    assignment = trial.assignment
    if assignment.stratified_by:
        columns[STRATUM] = Covariate(
            name=STRATUM, values=floats(assignment.stratum), levels=assignment.strata
        )
    return replace(trial, outcomes=outcomes, columns=columns, sets=sets)


def needs_resolved(scores: PathwayScores, threshold: float) -> FloatArray:
    """Return (n,) how many needs of before were gone after; NaN where one was not assessed then."""
    need = scores.in_need(threshold)
    lost = (need & np.isnan(scores.follow_up)).any(axis=1)
    return np.where(lost, np.nan, (need & (scores.follow_up <= threshold)).sum(axis=1))


def left_over(
    trial: Trial, people: Sequence[Compared | None], adjust: Sequence[tuple[str, ...]]
) -> FloatArray:
    """Return (n, m) residuals of each pathway on its covariates and strata, NaN outside."""
    value = np.full((trial.n, len(people)), np.nan)
    strata = (STRATUM,) if STRATUM in trial.columns else ()
    for place, (who, names) in enumerate(zip(people, adjust, strict=True)):
        if who is not None:
            found = residuals(trial, who, (*names, *strata), who.value)
            value[who.people, place] = found - found.mean()
    return value


def rank_sums(value: FloatArray) -> FloatArray:
    """Return (n,) sums over pathways of ranks within each, about the middle, in its people."""
    total, inside = np.zeros(value.shape[0]), ~np.isnan(value)
    for column, here in zip(value.T, inside.T, strict=True):
        m = int(here.sum())
        total[here] += (rankdata(column[here]) - (m + 1) / 2) / max(m, 1)
    return np.where(inside.any(axis=1), total, np.nan)


def adjusted_family(raw: FloatArray) -> dict[str, FloatArray]:
    """Return (m,) p adjusted as one family, of those that there are; NaN stays and is not in it."""
    known = ~np.isnan(raw)
    adjusted = {name: np.full(raw.size, np.nan) for name in FAMILY}
    for name, values in adjusted.items():
        values[known] = adjust_p_values(raw[known], method=name)
    return adjusted
