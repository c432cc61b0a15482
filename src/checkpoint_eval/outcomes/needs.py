"""Critical pathways: how great each need was before, and afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import FloatArray, IntArray, frozen
from checkpoint_eval._checks import as_names, check_count, check_known
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.follow_up import FollowUp, follow
from checkpoint_eval.outcomes.observed import NumericOutcome, Provenance
from checkpoint_eval.outcomes.records import Records
from checkpoint_eval.randomise.assignment import Assignment


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PathwayScores:
    """Scores of each person on each pathway.

    Attributes
    ----------
    pathways : tuple of str
    baseline, follow_up : (n, p) float
        NaN where nobody assessed it.
    provenance : Provenance
    """

    pathways: tuple[str, ...]
    baseline: FloatArray
    follow_up: FloatArray
    provenance: Provenance

    def __post_init__(self) -> None:
        object.__setattr__(self, "baseline", frozen(self.baseline))
        object.__setattr__(self, "follow_up", frozen(self.follow_up))

    def outcome(self, pathway: str) -> NumericOutcome:
        """Return the follow-up score of one pathway, for `Trial`."""
        check_known(pathway, self.pathways, what="pathway")
        value = self.follow_up[:, self.pathways.index(pathway)]
        return NumericOutcome(value=value, missing=np.isnan(value), provenance=self.provenance)

    def needs(self, threshold: float = 0.0) -> IntArray:
        """Return (n,) how many pathways stood above a threshold before."""
        return np.asarray((self.baseline > threshold).sum(axis=1))

    def by_arm(self, assignment: Assignment) -> pd.DataFrame:
        """Return one row a pathway and arm: assessed before and after, and mean scores."""
        rows = []
        for column, pathway in enumerate(self.pathways):
            for code, name in enumerate(assignment.arms):
                here = assignment.arm == code
                row: dict[str, object] = {"pathway": pathway, "arm": name}
                for label, table in (("before", self.baseline), ("after", self.follow_up)):
                    known = table[here, column][~np.isnan(table[here, column])]
                    row[f"assessed {label}"] = known.size
                    row[f"mean {label}"] = float(known.mean()) if known.size else np.nan
                rows.append(row)
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        people = self.baseline.shape[0]
        before = 100 * float(np.mean(~np.isnan(self.baseline))) if self.baseline.size else 0.0
        after = 100 * float(np.mean(~np.isnan(self.follow_up))) if self.follow_up.size else 0.0
        return (
            f"PathwayScores({people} people, {len(self.pathways)} pathways; {before:.0f}% known "
            f"before, {after:.0f}% after)"
        )


def pathway_scores(
    records: Records,
    assignment: Assignment,
    *,
    months: int = 12,
    earliest: int = 1,
    pathways: Sequence[str] | None = None,
    index: Sequence[object] | None = None,
    index_name: str = "",
) -> PathwayScores:
    """Read how great each need was before the index day, and last within a follow-up.

    Parameters
    ----------
    records : Records
        With pathway assessments.
    assignment, index, index_name
        As `proven_reoffending`.
    months : int
        Calendar months of follow-up.
    earliest : int
        Days after the index day from which an assessment is of the follow-up.
    pathways : sequence of str, optional
        Which, in which order; all when left out.

    Returns
    -------
    PathwayScores
        Baseline: the last assessment on or before the index day. Follow-up: the last from
        `earliest` days after it to the end of follow-up. Of several on one day the highest score.

    Raises
    ------
    TrialError
        When the extract came without assessments.

    References
    ----------
    Critical pathways of the County Durham strategies. Checked against a plain loop over people.
    """
    check_count(months, "months")
    check_count(earliest, "earliest")
    if "pathways" not in records.given:
        raise TrialError("The extract came without pathway assessments; give them as `pathways`.")
    table = records.assessments
    names = table.pathways if pathways is None else as_names(pathways)
    for name in names:
        check_known(name, table.pathways, what="pathway")
    people = follow(records, assignment, index=index, index_name=index_name)
    day = table.date.view(np.int64)
    start = people.index.view(np.int64)
    last = people.until(months).view(np.int64)
    never, always = np.iinfo(np.int64).min + 1, np.iinfo(np.int64).max
    begin = people.per_record(start, never)[table.person]
    end = people.per_record(last, never)[table.person]
    known = ~np.isnat(table.date) & ~np.isnan(table.score) & (begin > never)
    after = known & (day >= np.where(begin > never, begin, always - earliest) + earliest)
    return PathwayScores(
        pathways=names,
        baseline=_latest(people, names, known & (day <= begin)),
        follow_up=_latest(people, names, after & (day <= end)),
        provenance=people.provenance(
            f"last assessment on or before the index day, and from {earliest} days after it to "
            f"{months} months"
        ),
    )


def _latest(people: FollowUp, names: Sequence[str], usable: np.ndarray) -> FloatArray:
    """Return (n, p) the score of the last usable assessment, of one day the highest."""
    table = people.records.assessments
    row = people.per_record(np.arange(people.n), -1)[table.person]
    place = np.array([names.index(name) if name in names else -1 for name in table.pathways])
    column = place[table.pathway] if table.size else np.zeros(0, dtype=np.int64)
    rows = np.flatnonzero(usable & (row >= 0) & (column >= 0) & (table.pathway >= 0))
    order = rows[np.lexsort((table.score[rows], table.date[rows].view(np.int64)))]
    scores = np.full((people.n, len(names)), np.nan)
    scores[row[order], column[order]] = table.score[order]  # the last written is the latest
    return scores
