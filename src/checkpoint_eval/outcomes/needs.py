"""Critical pathways: how great each need was before, and afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from checkpoint_eval import _frames
from checkpoint_eval._arrays import NO_CODES, BoolArray, FloatArray, IntArray, frozen
from checkpoint_eval._checks import (
    as_names,
    check_choice,
    check_count,
    check_known,
    check_mapping,
    counted,
)
from checkpoint_eval._display import Shown, grid_frame, named
from checkpoint_eval._frames import at_row
from checkpoint_eval.errors import InvalidData, TrialError
from checkpoint_eval.outcomes.assessing import latest, who_assessed
from checkpoint_eval.outcomes.follow_up import check_people, follow
from checkpoint_eval.outcomes.observed import NumericOutcome, Provenance
from checkpoint_eval.outcomes.records import Records, check_records
from checkpoint_eval.outcomes.vocabularies import Pathways
from checkpoint_eval.randomise.assignment import Assignment

Scale: TypeAlias = Literal["binary", "ordinal", "scale"]
# The scores a kind of scale allows, and how to say so.
SCALES: dict[str, tuple[tuple[float, ...], str]] = {
    "binary": ((0, 1), "0 or 1"),
    "ordinal": ((0, 1, 2, 3), "0, 1, 2 or 3"),
    "scale": ((), "finite numbers"),
}
NO_IDS = np.zeros(0, dtype=str)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PathwayScores(Shown):
    """Scores of each person on each pathway.

    Attributes
    ----------
    pathways : tuple of str
    baseline, follow_up : (n, p) float
        NaN where nobody assessed it.
    provenance : Provenance or None
    scale : {"binary", "ordinal", "scale"}
        Need or none (0, 1); none to severe (0 to 3); or any numbers, more for a greater need.
    ids : (n,) str
        Whose scores; empty when not told, and then the order of the trial's people is taken.
    assessor : (n, 2) int
        Who assessed each person before and after, into `assessors`; -1 where nobody did or it is
        not known; empty when not told.
    assessors : tuple of str

    Raises
    ------
    InvalidData
        For scores that the scale does not have, naming pathway and row, and arrays that do not
        match.
    """

    pathways: tuple[str, ...]
    baseline: FloatArray
    follow_up: FloatArray
    provenance: Provenance | None = None
    scale: Scale = "scale"
    ids: np.ndarray[Any, np.dtype[np.str_]] = field(default_factory=lambda: NO_IDS)
    assessor: IntArray = field(default_factory=lambda: NO_CODES)
    assessors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "pathways", as_names(self.pathways))
        check_choice(self.scale, "scale", SCALES)
        for name in ("baseline", "follow_up"):
            scores = np.array(getattr(self, name), dtype=np.float64)
            _check_scores(scores, name, self.pathways, self.scale)
            object.__setattr__(self, name, frozen(scores))
        n = self.baseline.shape[0]
        object.__setattr__(self, "ids", frozen(self.ids, str))
        object.__setattr__(self, "assessor", frozen(self.assessor, np.int64))
        if self.follow_up.shape[0] != n or self.ids.size not in (0, n):
            raise InvalidData(
                f"`baseline` has {n} people, `follow_up` {self.follow_up.shape[0]} and `ids` "
                f"{self.ids.size}; all need one row a person."
            )
        told = self.assessor
        if told.size and (
            told.shape != (n, 2) or not ((told >= -1) & (told < len(self.assessors))).all()
        ):
            raise InvalidData(
                f"`assessor` must hold two codes a person, before and after, from -1 to "
                f"{len(self.assessors) - 1}; got shape {told.shape} for {n} people."
            )

    @classmethod
    def from_frame(
        cls,
        table: object,
        *,
        columns: Mapping[str, tuple[str, str]],
        scale: Scale,
        id: str | None = None,  # noqa: A002 - the word every police extract uses
        assessors: tuple[str, str] | None = None,
    ) -> "PathwayScores":
        """Read scores from one flat table, one row a person.

        Parameters
        ----------
        table : pandas, polars or pyarrow table
        columns : mapping of pathway to (before, after)
            The two columns of each pathway's scores; empty where not assessed.
        scale : {"binary", "ordinal", "scale"}
        id : str, optional
            Column of identifiers, by which a comparison checks that these are the trial's people.
        assessors : (before, after), optional
            Columns of who assessed.

        Returns
        -------
        PathwayScores
        """
        check_choice(scale, "scale", SCALES)
        frame = _frames.read_table(table)
        given = check_pairs(columns, "columns")
        if not given:
            raise TrialError("`columns` names no pathway; give {'drugs': ('before', 'after')}.")
        read = [
            [
                _frames.numbers(_frames.column(frame, each, role="score"), role="score")
                for each in pair
            ]
            for pair in given.values()
        ]
        codes, names = _assessors(frame, assessors)
        return cls(
            pathways=tuple(given),
            baseline=np.stack([before for before, _ in read], axis=1),
            follow_up=np.stack([after for _, after in read], axis=1),
            scale=scale,
            ids=NO_IDS if id is None else _frames.text(_frames.column(frame, id, role="id")),
            assessor=codes,
            assessors=names,
        )

    def outcome(self, pathway: str) -> NumericOutcome:
        """Return the follow-up score of one pathway, for `Trial`."""
        check_known(pathway, self.pathways, what="pathway")
        value = self.follow_up[:, self.pathways.index(pathway)]
        return NumericOutcome(value=value, missing=np.isnan(value), provenance=self.provenance)

    def in_need(self, threshold: float = 0.0) -> BoolArray:
        """Return (n, p) whose score stood above a threshold before; False where not assessed."""
        return np.asarray(self.baseline > threshold)

    def needs(self, threshold: float = 0.0) -> IntArray:
        """Return (n,) how many pathways stood above a threshold before."""
        return np.asarray(self.in_need(threshold).sum(axis=1))

    def merged(self, groups: Mapping[str, Sequence[str]]) -> "PathwayScores":
        """Return scores by groups of pathways: the highest of a group, unknown if any is.

        With `Pathways.counterparts` scores in one vocabulary are told in a coarser one.
        """
        given = check_mapping(groups, "groups")
        places = [
            [self.pathways.index(check_known(name, self.pathways, what="pathway")) for name in own]
            for own in map(as_names, given.values())
        ]
        if not places or not all(places):
            raise TrialError("`groups` must name at least one pathway for each group.")
        return PathwayScores(
            pathways=tuple(given),
            baseline=np.stack([self.baseline[:, each].max(axis=1) for each in places], axis=1),
            follow_up=np.stack([self.follow_up[:, each].max(axis=1) for each in places], axis=1),
            provenance=self.provenance,
            scale=self.scale,
            ids=self.ids,
            assessor=self.assessor,
            assessors=self.assessors,
        )

    def by_arm(self, assignment: Assignment) -> pd.DataFrame:
        """Return one row a pathway and arm: assessed before and after, and mean scores."""
        check_people(assignment, self.baseline.shape[0])
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

    def assessed_by(self, assignment: Assignment) -> pd.DataFrame:
        """Return one row an assessor: people of each arm they assessed before, after, and both.

        A last row counts people who were assessed, but by whom is not known.
        """
        if not self.assessor.size:
            raise TrialError("Who assessed is not told; give `assessor` and `assessors`.")
        check_people(assignment, self.baseline.shape[0])
        unknown = len(self.assessors)
        seen = np.stack([~np.isnan(each).all(axis=1) for each in (self.baseline, self.follow_up)])
        codes = np.where(seen & (self.assessor.T < 0), unknown, self.assessor.T)
        rows = []
        for code, name in enumerate((*self.assessors, "not known")):
            before, after = codes == code
            if code == unknown and not (before | after).any():
                continue
            row: dict[str, object] = {"assessor": name}
            both = before & after & (code < unknown)
            for when, people in (("before", before), ("after", after), ("both", both)):
                for arm, label in enumerate(assignment.arms):
                    row[f"{label}, {when}"] = int((people & (assignment.arm == arm)).sum())
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

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person and pathway."""
        axes = ("person", "pathway")
        frame = grid_frame(axes, before=self.baseline, after=self.follow_up)
        frame["pathway"] = named(frame["pathway"].to_numpy(), self.pathways)
        if self.ids.size:
            frame["person"] = self.ids[frame["person"].to_numpy()]
        return frame


def _check_scores(scores: FloatArray, name: str, pathways: tuple[str, ...], scale: Scale) -> None:
    """Refuse scores that are not one a person and pathway, or not of the scale."""
    if scores.ndim != 2 or scores.shape[1] != len(pathways):
        raise InvalidData(
            f"`{name}` has shape {scores.shape}; it needs one row a person and one column for each "
            f"of {counted(len(pathways), 'pathway')}."
        )
    allowed, told = SCALES[scale]
    good = np.isnan(scores) | (np.isin(scores, allowed) if allowed else np.isfinite(scores))
    wrong = np.argwhere(~good)
    if wrong.size:
        row, column = wrong[0].tolist()
        raise InvalidData(
            f"`{name}` must hold {told} on scale={scale!r}, got {scores[row, column]:g} for "
            f"{pathways[column]!r} at {at_row(row)} ({counted(len(wrong), 'such score')}); mend "
            "them, leave them missing, or state another `scale`."
        )


def _assessors(frame: Any, names: tuple[str, str] | None) -> tuple[IntArray, tuple[str, ...]]:
    """Return (n, 2) codes of who assessed before and after, and who they are."""
    if names is None:
        return NO_CODES, ()
    read = [_frames.column(frame, name, role="assessor") for name in names]
    missing = np.stack([_frames.missing_mask(each) for each in read], axis=1)
    texts = np.stack([_frames.text(each) for each in read], axis=1)
    found = np.unique(texts[~missing])
    codes = np.where(missing, -1, np.searchsorted(found, texts))
    return codes.astype(np.int64), tuple(found.tolist())


def check_pairs(
    columns: Mapping[str, tuple[str, str]] | None, name: str
) -> Mapping[str, tuple[str, str]]:
    """Return the columns of each pathway before and after, empty for None."""
    for pathway, pair in check_mapping(columns, name).items():
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TrialError(
                f"`{name}[{pathway!r}]` must be (column before, column after), got {pair!r}."
            )
    return columns or {}


def pathway_scores(
    records: Records,
    assignment: Assignment,
    *,
    months: int = 12,
    earliest: int = 1,
    pathways: Pathways | Sequence[str] | None = None,
    scale: Scale = "scale",
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
        Calendar months of follow-up. Contracts run four months: ``months=6, earliest=90`` reads
        the assessment at their exit, or within two months of it, and nothing earlier.
    earliest : int
        Days after the index day from which an assessment is of the follow-up.
    pathways : Pathways or sequence of str, optional
        A vocabulary, whose pathways may be in nobody's records but which must hold all that are;
        or some of those in the records. All when left out.
    scale : {"binary", "ordinal", "scale"}
        What scores mean; those that the scale does not have are refused.

    Returns
    -------
    PathwayScores
        Baseline: the last assessment on or before the index day. Follow-up: the last from
        `earliest` days after it to the end of follow-up. Of several on one day the highest score.
        Where the extract says who assessed, the one person whose scores these are; -1, and counted
        in the provenance, where several people's are.

    Raises
    ------
    TrialError
        When the extract came without assessments.
    UnknownColumn
        For a pathway that is not in the records, or of the records that is not in the vocabulary;
        near names are listed.
    InvalidData
        For scores that are not of the scale.

    References
    ----------
    Critical pathways of the County Durham strategies. Checked against a plain loop over people.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> scores = pathway_scores(cohort.records(), cohort.assignment)
    >>> scores.pathways[:3], scores.baseline.shape
    (('accommodation', 'attitudes and behaviour', 'children and families'), (240, 8))
    """
    check_count(months, "months")
    check_count(earliest, "earliest")
    check_records(records)
    if "pathways" not in records.given:
        raise TrialError("The extract came without pathway assessments; give them as `pathways`.")
    table = records.assessments
    names = _asked(table.pathways, pathways)
    people = follow(records, assignment, index=index, index_name=index_name)
    day = table.date.view(np.int64)
    start = people.index.view(np.int64)
    last = people.until(months).view(np.int64)
    never, always = np.iinfo(np.int64).min + 1, np.iinfo(np.int64).max
    begin = people.per_record(start, never)[table.person]
    end = people.per_record(last, never)[table.person]
    known = ~np.isnat(table.date) & ~np.isnan(table.score) & (begin > never)
    after = known & (day >= np.where(begin > never, begin, always - earliest) + earliest)
    used = (
        latest(people, names, known & (day <= begin)),
        latest(people, names, after & (day <= end)),
    )
    baseline, follow_up = (np.append(table.score, np.nan)[rows] for rows in used)
    assessor, notes = who_assessed(table, used)
    return PathwayScores(
        pathways=names,
        baseline=baseline,
        follow_up=follow_up,
        provenance=people.provenance(
            f"last assessment on or before the index day, and from {earliest} days after it to "
            f"{months} months",
            notes,
        ),
        scale=scale,
        ids=assignment.ids,
        assessor=assessor,
        assessors=table.assessors,
    )


def _asked(found: tuple[str, ...], pathways: Pathways | Sequence[str] | None) -> tuple[str, ...]:
    """Return the pathways to read: nothing in the records lies outside a vocabulary in silence."""
    if pathways is None:
        return found
    if isinstance(pathways, Pathways):
        for name in found:
            pathways.check(name)
        return pathways.names
    names = as_names(pathways)
    for name in names:
        check_known(name, found, what="pathway")
    return names
