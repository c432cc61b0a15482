"""The promise: what the trial said it would do, as a value with a digest."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from checkpoint_eval._arrays import frozen_mapping, plain
from checkpoint_eval._checks import (
    check_choice,
    check_count,
    check_known,
    check_level,
    check_positive,
    counted,
)
from checkpoint_eval._display import Shown, frame_of
from checkpoint_eval.design.allocation_plan import AllocationPlan
from checkpoint_eval.design.intercurrent import IntercurrentEvent, with_strategies
from checkpoint_eval.design.planning import Planning
from checkpoint_eval.design.protocol_checks import check_protocol
from checkpoint_eval.design.protocol_measures import KINDS, MEASURES
from checkpoint_eval.design.protocol_parts import (
    BUILT_IN_SETS,
    EraPlan,
    NavigatorPlan,
    PathwayPlan,
    SubgroupPlan,
)
from checkpoint_eval.errors import InvalidProtocol

if TYPE_CHECKING:
    import pandas as pd

UNITS: tuple[str, ...] = ("days", "weeks", "months", "years")

CORRECTIONS: tuple[str, ...] = ("none", "bonferroni", "holm", "hochberg", "hommel")


MOST_DRAWS = 100_000_000  # hours of randomisation tests


def check_unit(unit: str, name: str = "unit") -> str:
    """Return a known unit of time."""
    return check_choice(unit, name, UNITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column of the people table holds the arm, the identifier and the arm received.

    `order` tells who came first; a rule that depends on it needs it ("rows": as they stand).
    """

    arm: str
    id: str = ""
    received: str = ""
    order: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One arm: how it is written in the table (`label`) and how it is printed (`name`)."""

    label: str | int | bool
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One outcome, told as CONSORT 2025 item 14 asks.

    Attributes
    ----------
    name : str
        What results call it.
    variable, metric, aggregation : str
        The measurement variable, the analysis metric and the method of aggregation, in words.
    time_point : float
        When it is read, in the protocol's unit; 0 means the protocol's horizon.
    time, event : str
        Columns of a time-to-event outcome: duration, and 0/1 whether the event ended it.
    competing : str
        Column of what else ended its follow-up so that the event could no longer happen, such as
        "death"; empty in the table for everybody else.
    binary : str
        Column of a yes/no outcome, instead of `time` and `event`.
    count, exposure : str
        Column of how often something happened, and of the time at risk; without the latter
        everybody was at risk until the time point.
    unit : str
        Of `exposure`; the protocol's when left out.
    numeric : str
        Column of an amount, such as harm days.
    ordinal : str
        Column of a grade of severity, as a number.
    grades : tuple of float
        All grades there are, ascending, the least severe first; those that occur when left out.
    repeated : bool
        Whether it is of repeated events, which have no column: they are derived from extracts.
    primary : bool
        Whether it is the primary outcome.
    sensitivity : bool
        Whether it is another definition of the primary outcome, such as time at liberty.
    """

    name: str
    variable: str
    metric: str
    aggregation: str
    time_point: float = 0.0
    time: str = ""
    event: str = ""
    binary: str = ""
    primary: bool = False
    competing: str = ""
    count: str = ""
    exposure: str = ""
    unit: str = ""
    numeric: str = ""
    ordinal: str = ""
    grades: tuple[float, ...] = ()
    repeated: bool = False
    sensitivity: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidProtocol("`name` of an outcome is empty; name it.", at=("name",))
        given = [kind for kind in KINDS if getattr(self, kind)]
        if len(given) != 1 or bool(self.time) != bool(self.event):
            told = ", ".join(f"{key}={getattr(self, key)!r}" for key in ("event", *given))
            raise InvalidProtocol(
                f"Outcome {self.name!r} needs either `time` and `event` columns or one `binary`, "
                f"`count`, `numeric` or `ordinal` column; got {told}. One of repeated events has "
                "none and is marked `repeated`."
            )
        self._check_beside()
        if not 0 <= self.time_point < float("inf"):
            raise InvalidProtocol(
                f"`time_point` of outcome {self.name!r} must be a finite number above 0, "
                f"got {self.time_point!r}.",
                at=("time_point",),
            )

    def _check_beside(self) -> None:
        """Refuse keys that belong to another kind of outcome, and what they cannot hold."""
        for key, of in _BESIDE.items():
            if getattr(self, key) and not getattr(self, of):
                raise InvalidProtocol(
                    f"`{key}` of outcome {self.name!r} goes with `{of}`, and the outcome is "
                    f"{KINDS[self.kind]}; leave it out.",
                    at=(key,),
                )
        if self.unit:
            check_unit(self.unit)
        ascend = all(low < high for low, high in pairwise(self.grades))
        if self.grades and not (ascend and len(self.grades) >= 2 and _finite(self.grades)):
            raise InvalidProtocol(
                f"`grades` of outcome {self.name!r} must be two or more numbers that ascend, the "
                f"least severe first; got {list(self.grades)}.",
                at=("grades",),
            )

    @property
    def kind(self) -> str:
        """What is observed: "time", "binary", "count", "numeric", "ordinal" or "repeated"."""
        return next(kind for kind in KINDS if getattr(self, kind))


# A key of an outcome, and the key of the kind of outcome that it goes with.
_BESIDE = {"competing": "time", "exposure": "count", "unit": "exposure", "grades": "ordinal"}


def _finite(numbers: tuple[float, ...]) -> bool:
    return all(abs(each) < float("inf") for each in numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisSet:
    """A named set of people: those with 1 in `column`, and why that set exists."""

    name: str
    column: str
    description: str

    def __post_init__(self) -> None:
        if self.name in BUILT_IN_SETS:
            raise InvalidProtocol(
                f"Analysis set {self.name!r} is built in; give your own set another name."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimand:
    """One promised comparison: outcome, measure, covariates, analysis set, and its standing.

    Attributes
    ----------
    outcome : str
        The name of one of the protocol's outcomes.
    measure : str
        One of `MEASURES`, such as "risk difference"; each says of what kinds of outcome it is.
    adjust : tuple of str
        Covariates that adjust it.
    analysis_set : str
        "itt", "per-protocol", "as-treated", or a set of the protocol's own.
    confirmatory : bool
        Whether it belongs to the family that `multiplicity` adjusts.
    intercurrent : tuple of IntercurrentEvent
        The protocol's intercurrent events that this estimand takes otherwise.
    """

    outcome: str
    measure: str
    adjust: tuple[str, ...] = ()
    analysis_set: str = "itt"
    confirmatory: bool = False
    intercurrent: tuple[IntercurrentEvent, ...] = ()

    def __post_init__(self) -> None:
        check_choice(self.measure, "measure", MEASURES)
        takes = MEASURES[self.measure].adjust
        if self.adjust and takes == "none":
            raise InvalidProtocol(
                f"`adjust` is given for {self.measure!r}, which takes none; covariates adjust "
                + ", ".join(name for name, each in MEASURES.items() if each.adjust != "none")
                + "."
            )
        if not self.adjust and takes == "must":
            raise InvalidProtocol(
                f"`adjust` is needed for {self.measure!r}: name the covariates that adjust it."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisPlan:
    """Error rates and the numbers that make chance repeatable.

    Attributes
    ----------
    alpha : float
        Two-sided; intervals have level 1 - alpha.
    multiplicity : {"none", "bonferroni", "holm", "hochberg", "hommel"}
        Adjusts the p-values of the estimands marked confirmatory, taken as one family.
    draws : int
        How often tests by re-randomisation redraw the allocation.
    seed : int
        From which every draw of chance follows: the same one gives the same evaluation.
    """

    alpha: float = 0.05
    multiplicity: str = "none"
    draws: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        check_level(self.alpha, "alpha")
        check_choice(self.multiplicity, "multiplicity", CORRECTIONS)
        if check_count(self.draws, "draws") > MOST_DRAWS:
            raise InvalidProtocol(
                f"`draws` is {self.draws:,}, which would take days; {MOST_DRAWS:,} are the most.",
                at=("draws",),
            )
        check_count(self.seed, "seed", least=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """People before randomisation: assessed, and excluded by reason (CONSORT flow)."""

    assessed: int
    excluded: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "excluded", frozen_mapping(self.excluded))
        check_count(self.assessed, "assessed")
        for reason, number in self.excluded.items():
            check_count(number, f"excluded[{reason!r}]", least=0)
        lost = sum(self.excluded.values())
        if lost > self.assessed:
            raise InvalidProtocol(
                f"`excluded` adds up to {lost} people, but only {self.assessed} were assessed.",
                at=("excluded",),
            )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Protocol(Shown):
    """What was promised: arms, allocation, outcomes, estimands, analysis sets, error rates.

    Read one with `read_protocol`. Every estimate says whether a protocol asked for it, and every
    output prints `digest`, the SHA-256 of the canonical JSON of this value: the same promise has
    the same digest however its file is laid out.

    Attributes
    ----------
    title, registration, source : str
        What the trial is called, where it is registered, and where the promise was read.
    unit : {"days", "weeks", "months", "years"}
        Of every time in it.
    horizon : float
        When outcomes are read that state no time point of their own.
    columns : Columns
    arms : tuple of Arm
        Control first.
    outcomes : tuple of Outcome
        One of them primary.
    estimands : tuple of Estimand
        In the order in which results are reported.
    covariates : tuple of str
        Baseline columns, in the order to be shown.
    allocation, analysis_sets, analysis, screening, intercurrent, planning
    pathways, subgroups, navigators, eras
        The other parts; all can be left out.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> promised = load_rossi().protocol
    >>> promised.primary.name, promised.unit, promised.horizon, promised.level
    ('rearrest', 'weeks', 52.0, 0.95)
    """

    title: str
    unit: str
    horizon: float
    columns: Columns
    arms: tuple[Arm, ...]
    outcomes: tuple[Outcome, ...]
    estimands: tuple[Estimand, ...]
    registration: str = ""
    source: str = ""
    covariates: tuple[str, ...] = ()
    allocation: AllocationPlan = field(default_factory=AllocationPlan)
    analysis_sets: tuple[AnalysisSet, ...] = ()
    analysis: AnalysisPlan = field(default_factory=AnalysisPlan)
    screening: Screening | None = None
    intercurrent: tuple[IntercurrentEvent, ...] = ()
    planning: Planning | None = None
    pathways: PathwayPlan | None = None
    subgroups: tuple[SubgroupPlan, ...] = ()
    navigators: NavigatorPlan | None = None
    eras: EraPlan | None = None

    def __post_init__(self) -> None:
        check_unit(self.unit)
        check_positive(self.horizon, "horizon")
        check_protocol(self)

    def __repr__(self) -> str:
        promised = (
            f"{counted(len(self.outcomes), 'outcome')}, {counted(len(self.estimands), 'estimand')}"
        )
        return f"Protocol({self.title!r}; {promised}; digest {self.digest[:12]})"

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of what was promised.

        Keys left at their default are left out, so that a key which later versions may add does
        not change the digest of a protocol that does not use it.
        """
        told = plain(self, defaults=False)
        text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def level(self) -> float:
        """Confidence level of intervals: 1 - alpha."""
        return 1 - self.analysis.alpha

    @property
    def primary(self) -> Outcome:
        """The primary outcome."""
        return next(outcome for outcome in self.outcomes if outcome.primary)

    def outcome(self, name: str) -> Outcome:
        """Return one outcome by name."""
        check_known(name, (each.name for each in self.outcomes), what="outcome")
        return next(each for each in self.outcomes if each.name == name)

    def time_point(self, name: str) -> float:
        """Return when an outcome is read: its own time point, or the protocol's horizon."""
        return self.outcome(name).time_point or self.horizon

    def strategies(self, estimand: Estimand) -> tuple[IntercurrentEvent, ...]:
        """Return the intercurrent events as one estimand takes them.

        None declared means treatment policy for all: what happens after randomisation changes
        nothing in what is counted.
        """
        return with_strategies(self.intercurrent, estimand.intercurrent)

    def to_frame(self) -> "pd.DataFrame":
        """Return one row an estimand, as promised."""
        names = ("outcome", "measure", "analysis_set", "confirmatory")
        columns = {name: [getattr(each, name) for each in self.estimands] for name in names}
        return frame_of(columns | {"adjust": [", ".join(each.adjust) for each in self.estimands]})
