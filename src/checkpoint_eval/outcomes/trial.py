"""The trial: assignment, baseline and outcomes, joined once, checked once, read-only."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import NO_CODES, BoolArray, IntArray, frozen, frozen_mapping
from checkpoint_eval._checks import as_names, check_known, check_mapping, counted
from checkpoint_eval._display import Shown
from checkpoint_eval.design.allocation import Rule
from checkpoint_eval.design.protocol import Protocol
from checkpoint_eval.design.protocol_parts import BUILT_IN_SETS
from checkpoint_eval.errors import ImpossibleDesign, InvalidData, TrialError, UnknownColumn
from checkpoint_eval.outcomes.baseline import Covariate
from checkpoint_eval.outcomes.episodes import Episodes
from checkpoint_eval.outcomes.needs import PathwayScores, Scale, check_pairs
from checkpoint_eval.outcomes.observed import CountOutcome, Observed, TimeToEvent
from checkpoint_eval.outcomes.promised_columns import check_promised, protocol_keywords
from checkpoint_eval.outcomes.reading import TableReader, strata_of_rule
from checkpoint_eval.randomise.assignment import Assignment


def check_trial(trial: object) -> None:
    """Refuse what is not a trial, such as the table it is read from."""
    if not isinstance(trial, Trial):
        raise TrialError(
            f"`trial` must be a `Trial`, got {type(trial).__name__}; read a table with "
            "`Trial.from_frame`."
        )


NO_IDS = np.zeros(0, dtype=str)


def _sealed(scores: PathwayScores) -> dict[str, Any]:
    """Return what a digest must cover of scores; nothing of a trial without them."""
    return {
        f"pathways {scores.scale}": np.array(scores.pathways),
        "need before": scores.baseline,
        "need after": scores.follow_up,
        "assessor": scores.assessor,
        "assessors": np.array(scores.assessors, dtype=str),
    }


def _need_columns(scores: PathwayScores) -> dict[str, Any]:
    """Return a column before and one after for each pathway."""
    return {
        f"{pathway}, {when}": table[:, place]
        for place, pathway in enumerate(scores.pathways)
        for when, table in (("before", scores.baseline), ("after", scores.follow_up))
    }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False, weakref_slot=True)
class Trial(Shown):
    """A randomised trial: n people, their arms, what was known before and what happened after.

    Make one with `Trial.from_frame` or `Trial.from_protocol`.

    Attributes
    ----------
    assignment : Assignment
        Arms and strata of the n people.
    outcomes : mapping of str to outcome
        `TimeToEvent`, `BinaryOutcome`, `NumericOutcome`, `CountOutcome` or `Episodes`.
    columns : mapping of str to Covariate
        Every baseline column that was read: covariates, strata, clusters.
    covariates : tuple of str
        The columns that are baseline covariates, in the order to be shown.
    ids : (n,) str
        Identifiers, unique.
    received : (n,) int
        Code of the arm each person received, -1 where unknown; empty when it was not recorded.
    sets : mapping of str to (n,) bool
        Named analysis sets beside the built-in ones.
    protocol : Protocol or None
        What was promised. Without one every result is exploratory.
    pathways : PathwayScores or None
        How great each need was before and afterwards, of the same people in the same order.
    """

    assignment: Assignment
    outcomes: Mapping[str, Observed | Episodes]
    columns: Mapping[str, Covariate] = field(default_factory=dict)
    covariates: tuple[str, ...] = ()
    ids: np.ndarray[Any, np.dtype[np.str_]] = field(default_factory=lambda: NO_IDS)
    received: IntArray = field(default_factory=lambda: NO_CODES)
    sets: Mapping[str, BoolArray] = field(default_factory=dict)
    protocol: Protocol | None = None
    pathways: PathwayScores | None = None

    def __post_init__(self) -> None:
        for name in ("outcomes", "columns", "sets"):
            object.__setattr__(self, name, frozen_mapping(getattr(self, name)))
        ids = self.ids if self.ids.size else np.arange(self.n).astype(str)
        object.__setattr__(self, "ids", frozen(ids, str))
        object.__setattr__(self, "received", frozen(self.received, np.int64))
        lengths = {"ids": self.ids.size}
        lengths |= {name: each.missing.size for name, each in self.outcomes.items()}
        lengths |= {name: each.values.size for name, each in self.columns.items()}
        lengths |= {name: mask.size for name, mask in self.sets.items()}
        if self.pathways is not None:
            lengths |= {"pathways": self.pathways.baseline.shape[0]}
        wrong = [f"{name} has {size}" for name, size in lengths.items() if size != self.n]
        if wrong:
            raise InvalidData(f"The assignment has {self.n} people, but {', '.join(wrong)}.")
        for name in self.covariates:
            check_known(name, self.columns, what="covariate")

    @classmethod
    def from_frame(  # noqa: PLR0913 - one keyword for each role a column can have
        cls,
        table: object,
        *,
        arm: str,
        control: object,
        id: str | None = None,  # noqa: A002 - the word every police extract uses
        arms: Sequence[object] | Mapping[Any, str] | None = None,
        strata: Sequence[str] = (),
        covariates: Sequence[str] = (),
        times: Mapping[str, tuple[str, ...]] | None = None,
        binary: Mapping[str, str] | None = None,
        received: str | None = None,
        analysis_sets: Mapping[str, str] | None = None,
        factors: Sequence[str] = (),
        numeric: Mapping[str, str] | None = None,
        counts: Mapping[str, tuple[str, str | float | None, str]] | None = None,
        rule: Rule | None = None,
        order: str | None = None,
        pathways: Mapping[str, tuple[str, str]] | None = None,
        scale: Scale = "scale",
        assessors: tuple[str, str] | None = None,
        protocol: Protocol | None = None,
    ) -> "Trial":
        """Read a trial from one flat table, one row a person.

        Parameters
        ----------
        table : pandas, polars or pyarrow table
        arm : str
            Column with the arm each person was randomised to: 0/1, or two labels, or labels
            declared in `arms`.
        control : object
            The value of `arm` that means control.
        id : str, optional
            Column with a unique identifier; without it rows are numbered.
        arms : sequence of labels or mapping from label to printed name, optional
            All arms that may occur. Needed for more than two arms.
        strata : sequence of str, optional
            Columns the randomisation was stratified by. They enter the analysis by default.
        covariates : sequence of str, optional
            Baseline columns; text becomes categories.
        times : mapping of name to (time, event, unit) or (time, event, unit, competing), optional
            Time-to-event outcomes: duration column, 0/1 event column, unit of the duration; and a
            column of text that says what else ended it, such as death, empty where nothing did.
        binary : mapping of name to column, optional
            Yes/no outcomes, coded 0/1 or False/True.
        received : str, optional
            Column with the arm each person received, labelled as `arm`.
        analysis_sets : mapping of name to column, optional
            Named sets of people, 0/1, beside itt, per-protocol and as-treated.
        factors : sequence of str, optional
            Further columns that models may name, such as clusters.
        numeric : mapping of name to column, optional
            Outcomes measured as numbers, such as harm days.
        counts : mapping of name to (count, exposure, unit), optional
            How often something happened: column of counts, column of the time at risk, its unit.
            Where everybody was followed alike, exposure is that length, or None for one unit.
        rule : rule, optional
            The rule that allocated people, with the columns it reads named as in the table; then
            randomisation tests redraw it. A `Stratified` rule gives the strata too. Without one
            they redraw complete randomisation within strata.
        order : str, optional
            Column that tells who came first: numbers, dates or text in order; "rows" when the
            rows stand in order of arrival. Needed when the rule depends on it.
        pathways : mapping of pathway to (before, after), optional
            Columns of the need on each critical pathway, for `compare_pathways`; empty where
            nobody assessed it.
        scale : {"binary", "ordinal", "scale"}
            Of these needs; see `PathwayScores`.
        assessors : (before, after), optional
            Columns of who assessed them.
        protocol : Protocol, optional
            What was promised; see `Trial.from_protocol`.

        Returns
        -------
        Trial

        Raises
        ------
        UnknownColumn
            When a column is not in the table; near names are listed.
        InvalidData
            When a value cannot be what its column says: the column, row and remedy are named.
        ImpossibleDesign
            When fewer than two arms have people, or a stratum holds one arm only.

        Notes
        -----
        Someone whose outcome is wholly missing (both time and event) is kept, counted in every
        result and left out of that outcome's analysis. Half an outcome is an error.

        Examples
        --------
        >>> import pandas as pd
        >>> people = pd.DataFrame(
        ...     {"arm": ["contract", "court", "contract", "court"], "days": [90, 40, 365, 365],
        ...      "reoffended": [1, 1, 0, 0]}
        ... )
        >>> Trial.from_frame(
        ...     people,
        ...     arm="arm",
        ...     control="court",
        ...     times={"reoffence": ("days", "reoffended", "days")},
        ... )
        Trial(4 people; court: 2, contract: 2; outcomes: reoffence)
        """
        strata, covariates = strata_of_rule(rule, as_names(strata)), as_names(covariates)
        given = {"times": times, "binary": binary, "numeric": numeric, "counts": counts}
        outcomes: dict[str, Any] = {
            kind: check_mapping(named, kind) for kind, named in given.items()
        }
        needs, factors = check_pairs(pathways, "pathways"), as_names(factors)
        reader = TableReader.open(table, id=id)
        reader.refuse_outcomes_at_baseline(
            (*covariates, *strata), arm=arm, received=received, outcomes=outcomes, pathways=needs
        )
        return cls(
            assignment=reader.assignment(
                arm=arm, control=control, arms=arms, strata=strata, rule=rule, order=order
            ),
            outcomes=reader.outcomes(**outcomes),
            columns=reader.columns(
                (*covariates, *strata, *factors), constant_allowed=(*strata, *factors)
            ),
            covariates=covariates,
            ids=reader.ids,
            received=reader.received(received, arm=arm, control=control, arms=arms),
            sets=reader.sets(check_mapping(analysis_sets, "analysis_sets")),
            protocol=protocol,
            pathways=reader.pathways(needs, scale=scale, id=id, assessors=assessors),
        )

    @classmethod
    def from_protocol(cls, table: object, protocol: Protocol) -> "Trial":
        """Read a trial from one flat table, its columns named by the protocol.

        Raises
        ------
        TrialError
            As `from_frame`; and when the arms in the table are not the arms promised, grades none
            of those declared, or contacts no numbers of at least 0.
        """
        trial = cls.from_frame(table, **protocol_keywords(protocol), protocol=protocol)
        check_promised(protocol, trial.columns, trial.outcomes)
        return trial

    def __repr__(self) -> str:
        arms = ", ".join(
            f"{name}: {count}"
            for name, count in zip(self.arms, self.assignment.counts, strict=True)
        )
        scores = self.pathways
        needs = "" if scores is None else f"; {counted(len(scores.pathways), 'pathway')}"
        return (
            f"Trial({counted(self.n, 'person', 'people')}; {arms}; "
            f"outcomes: {', '.join(self.outcomes) or 'none'}{needs})"
        )

    @property
    def n(self) -> int:
        """People randomised."""
        return int(self.assignment.arm.size)

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the k arms, control first."""
        return self.assignment.arms

    @property
    def analysis_sets(self) -> tuple[str, ...]:
        """Names of the analysis sets that can be asked for."""
        built_in = BUILT_IN_SETS if self.received.size else BUILT_IN_SETS[:1]
        return (*built_in, *self.sets)

    def arm_in(self, analysis_set: str) -> IntArray:
        """Return (n,) arm codes as the set counts them; -1 for people outside it.

        `itt`: everyone, as randomised. `per-protocol`: those who received what they were
        assigned. `as-treated`: everyone whose received arm is known, by that arm. A named set:
        its members, as randomised.
        """
        if analysis_set in BUILT_IN_SETS[1:] and not self.received.size:
            raise UnknownColumn(
                f"Analysis set {analysis_set!r} needs the arm received; name its column in "
                "`received` when the trial is read."
            )
        check_known(analysis_set, self.analysis_sets, what="analysis set")
        arm = self.assignment.arm
        if analysis_set == "itt":
            return arm
        if analysis_set == "as-treated":
            return self.received
        member = self.received == arm if analysis_set == "per-protocol" else self.sets[analysis_set]
        return np.where(member, arm, -1)

    def outcome(self, name: str) -> Observed | Episodes:
        """Return one outcome by name."""
        check_known(name, self.outcomes, what="outcome")
        return self.outcomes[name]

    def column(self, name: str) -> Covariate:
        """Return one baseline column by name."""
        check_known(name, self.columns, what="baseline column")
        return self.columns[name]

    @property
    def digest(self) -> str:
        """SHA-256 over every value the trial holds, in a fixed order."""
        seal = hashlib.sha256()
        for name, array in self._contents().items():
            seal.update(name.encode() + b"\0" + str(array.shape).encode() + b"\0")
            text = array.dtype.kind in "US"
            seal.update("\x1f".join(array.tolist()).encode() if text else array.tobytes())
        return seal.hexdigest()

    def _contents(self) -> dict[str, Any]:
        contents: dict[str, Any] = {
            "ids": self.ids,
            "arms": np.array(self.arms),
            "arm": self.assignment.arm,
            "strata": np.array(self.assignment.strata),
            "stratum": self.assignment.stratum,
            "received": self.received,
        } | self.assignment.seal()
        for name, column in sorted(self.columns.items()):
            contents[f"column {name}"] = column.values
            contents[f"levels {name}"] = np.array(column.levels, dtype=str)
        for name, outcome in sorted(self.outcomes.items()):
            if isinstance(outcome, TimeToEvent):
                contents[f"time {name} {outcome.unit}"] = outcome.time
                contents[f"event {name}"] = outcome.event
                if outcome.causes:
                    contents[f"causes {name}"] = np.array(outcome.causes)
                    contents[f"competing {name}"] = outcome.competing
            elif isinstance(outcome, Episodes):
                for part in ("person", "start", "stop", "event", "terminal", "end"):
                    contents[f"{part} {name} {outcome.unit}"] = getattr(outcome, part)
            else:
                contents[f"value {name}"] = outcome.value
                if isinstance(outcome, CountOutcome):
                    contents[f"exposure {name} {outcome.unit}"] = outcome.exposure
            contents[f"missing {name}"] = outcome.missing
        contents |= {f"set {name}": mask for name, mask in sorted(self.sets.items())}
        return contents | ({} if self.pathways is None else _sealed(self.pathways))

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person: id, arm, stratum, baseline columns, outcomes and needs."""
        if self.n == 0:
            raise ImpossibleDesign("A trial has people.")
        data: dict[str, Any] = {"id": self.ids, "arm": np.array(self.arms)[self.assignment.arm]}
        if self.assignment.stratified_by:
            data["stratum"] = np.array(self.assignment.strata)[self.assignment.stratum]
        for name, column in self.columns.items():
            if column.levels:
                names = np.array([*column.levels, None], dtype=object)
                data[name] = names[np.nan_to_num(column.values, nan=-1).astype(int)]
            else:
                data[name] = column.values
        for name, outcome in self.outcomes.items():
            if isinstance(outcome, TimeToEvent):
                data[f"{name} ({outcome.unit})"] = outcome.time
                data[name] = np.where(outcome.missing, np.nan, outcome.event)
            else:
                if isinstance(outcome, CountOutcome):
                    data[f"{name} ({outcome.unit})"] = outcome.exposure
                value = outcome.counts if isinstance(outcome, Episodes) else outcome.value
                data[name] = np.where(outcome.missing, np.nan, value)
        return pd.DataFrame(data | ({} if self.pathways is None else _need_columns(self.pathways)))
