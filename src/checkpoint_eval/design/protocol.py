"""The promise: what the trial said it would do, as a value with a digest."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from checkpoint_eval._arrays import frozen_mapping, plain
from checkpoint_eval._checks import (
    check_choice,
    check_count,
    check_known,
    check_level,
    check_positive,
)
from checkpoint_eval.design.allocation_plan import AllocationPlan
from checkpoint_eval.design.intercurrent import IntercurrentEvent, with_strategies
from checkpoint_eval.errors import InvalidProtocol, TrialError

UNITS: tuple[str, ...] = ("days", "weeks", "months", "years")

MEASURES: tuple[str, ...] = (
    "risk difference",
    "risk ratio",
    "odds ratio",
    "hazard ratio",
    "restricted mean difference",
    "restricted mean ratio",
    "survival difference",
    "log-rank test",
    "randomisation test (risk difference)",
    "randomisation test (log-rank)",
)
BINARY_MEASURES: tuple[str, ...] = (
    "risk difference",
    "risk ratio",
    "odds ratio",
    "randomisation test (risk difference)",
)
ADJUSTABLE: tuple[str, ...] = ("risk difference", "risk ratio", "odds ratio", "hazard ratio")
CORRECTIONS: tuple[str, ...] = ("none", "bonferroni", "holm", "hochberg", "hommel")
BUILT_IN_SETS: tuple[str, ...] = ("itt", "per-protocol", "as-treated")


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
    binary : str
        Column of a yes/no outcome, instead of `time` and `event`.
    primary : bool
        Whether it is the primary outcome.
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

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidProtocol("`name` of an outcome is empty; name it.", at=("name",))
        if bool(self.binary) == bool(self.time) or bool(self.time) != bool(self.event):
            raise InvalidProtocol(
                f"Outcome {self.name!r} needs either `time` and `event` columns or one `binary` "
                f"column; got time={self.time!r}, event={self.event!r}, binary={self.binary!r}."
            )
        if not 0 <= self.time_point < float("inf"):
            raise InvalidProtocol(
                f"`time_point` of outcome {self.name!r} must be a finite number above 0, "
                f"got {self.time_point!r}.",
                at=("time_point",),
            )


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

    `intercurrent` lists the protocol's intercurrent events that this estimand takes otherwise.
    """

    outcome: str
    measure: str
    adjust: tuple[str, ...] = ()
    analysis_set: str = "itt"
    confirmatory: bool = False
    intercurrent: tuple[IntercurrentEvent, ...] = ()

    def __post_init__(self) -> None:
        check_choice(self.measure, "measure", MEASURES)
        if self.adjust and self.measure not in ADJUSTABLE:
            raise InvalidProtocol(
                f"`adjust` is given for {self.measure!r}, which takes none; covariates adjust "
                + ", ".join(ADJUSTABLE)
                + "."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisPlan:
    """Error rates and the numbers that make chance repeatable.

    `alpha` is two-sided; intervals have level 1 - alpha. `multiplicity` adjusts the p-values of
    the estimands marked confirmatory, taken as one family.
    """

    alpha: float = 0.05
    multiplicity: str = "none"
    draws: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        check_level(self.alpha, "alpha")
        check_choice(self.multiplicity, "multiplicity", CORRECTIONS)
        check_count(self.draws, "draws")
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
class Protocol:
    """What was promised: arms, allocation, outcomes, estimands, analysis sets, error rates.

    Read one with `read_protocol`. Every estimate says whether a protocol asked for it, and every
    output prints `digest`, the SHA-256 of the canonical JSON of this value: the same promise has
    the same digest however its file is laid out.
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

    def __post_init__(self) -> None:
        check_unit(self.unit)
        check_positive(self.horizon, "horizon")
        _check_arms(self)
        _check_outcomes(self)
        _check_estimands(self)

    def __repr__(self) -> str:
        promised = f"{len(self.outcomes)} outcomes, {len(self.estimands)} estimands"
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


def _refuse_repeats(names: list[object], what: str, key: str) -> None:
    for place, name in enumerate(names):
        if name in names[:place]:
            raise InvalidProtocol(
                f"{what} {name!r} is declared twice; they must differ.", at=(key, place)
            )


def _check_arms(protocol: Protocol) -> None:
    if len(protocol.arms) < 2:
        raise InvalidProtocol(
            f"`arms` needs control first and at least one more, got {len(protocol.arms)}."
        )
    _refuse_repeats([arm.name for arm in protocol.arms], "Arm name", "arms")
    _refuse_repeats([str(arm.label) for arm in protocol.arms], "Arm label", "arms")
    _refuse_repeats(list(protocol.covariates), "Covariate", "covariates")
    if len(protocol.allocation.ratio) != len(protocol.arms):
        raise InvalidProtocol(
            f"`ratio` has {len(protocol.allocation.ratio)} parts for {len(protocol.arms)} arms; "
            "give one whole number for each arm, control first.",
            at=("allocation", "ratio"),
        )


def _check_outcomes(protocol: Protocol) -> None:
    _refuse_repeats([outcome.name for outcome in protocol.outcomes], "Outcome", "outcomes")
    primary = [outcome.name for outcome in protocol.outcomes if outcome.primary]
    if len(primary) != 1:
        raise InvalidProtocol(
            f"Exactly one outcome is primary; {len(primary)} are marked ({', '.join(primary)}). "
            "Write primary = true under one of them.",
            at=("outcomes",),
        )
    for place, outcome in enumerate(protocol.outcomes):
        if outcome.time_point > protocol.horizon:
            raise InvalidProtocol(
                f"Outcome {outcome.name!r} is read at {outcome.time_point:g} {protocol.unit}, "
                f"after the horizon of {protocol.horizon:g}; choose an earlier time point.",
                at=("outcomes", place, "time_point"),
            )


def _check_estimands(protocol: Protocol) -> None:
    _refuse_repeats([each.name for each in protocol.analysis_sets], "Analysis set", "analysis_sets")
    _refuse_repeats(list(protocol.estimands), "Estimand", "estimands")
    events = tuple(each.event for each in protocol.intercurrent)
    _refuse_repeats(list(events), "Intercurrent event", "intercurrent")
    names = tuple(outcome.name for outcome in protocol.outcomes)
    sets = (*BUILT_IN_SETS, *(each.name for each in protocol.analysis_sets))
    for place, estimand in enumerate(protocol.estimands):
        for key, name, known in (
            ("outcome", estimand.outcome, names),
            ("analysis_set", estimand.analysis_set, sets),
            *(("adjust", name, protocol.covariates) for name in estimand.adjust),
            *(("intercurrent", each.event, events) for each in estimand.intercurrent),
        ):
            try:
                check_known(name, known, what=key)
            except TrialError as problem:
                raise InvalidProtocol(str(problem), at=("estimands", place, key)) from problem
        _check_possible(protocol, estimand, place)


def _check_possible(protocol: Protocol, estimand: Estimand, place: int) -> None:
    """Refuse an estimand that no data could give."""
    outcome = protocol.outcome(estimand.outcome)
    if estimand.analysis_set in BUILT_IN_SETS[1:] and not protocol.columns.received:
        raise InvalidProtocol(
            f"{estimand.analysis_set!r} needs the arm each person received; name its column as "
            "`received` under [columns].",
            at=("estimands", place, "analysis_set"),
        )
    if estimand.measure.startswith("randomisation") and len(protocol.arms) > 2:
        raise InvalidProtocol(
            f"{estimand.measure!r} compares two arms, and there are {len(protocol.arms)}; choose "
            "the log-rank test.",
            at=("estimands", place, "measure"),
        )
    if outcome.binary and estimand.measure not in BINARY_MEASURES:
        raise InvalidProtocol(
            f"{estimand.measure!r} needs a time-to-event outcome, but {outcome.name!r} is "
            "binary; choose a risk difference, risk ratio or odds ratio.",
            at=("estimands", place, "measure"),
        )
