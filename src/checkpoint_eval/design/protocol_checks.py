"""What a protocol must be as a whole; every refusal names key and remedy."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from checkpoint_eval._checks import check_known
from checkpoint_eval.design.protocol_measures import KINDS, MEASURES, measures_of
from checkpoint_eval.design.protocol_parts import BUILT_IN_SETS
from checkpoint_eval.errors import InvalidProtocol, TrialError

if TYPE_CHECKING:
    from checkpoint_eval.design.protocol import Estimand, Outcome, Protocol

COLUMN_KEYS = ("time", "event", "competing", "binary", "count", "exposure", "numeric", "ordinal")
Place = tuple[str | int, ...]


def check_protocol(protocol: "Protocol") -> None:
    """Refuse a promise that nobody could keep."""
    _check_arms(protocol)
    _check_outcomes(protocol)
    _check_columns(protocol)
    _check_estimands(protocol)
    _check_parts(protocol)


def _refuse_repeats(names: Iterable[object], what: str, key: str) -> None:
    seen: list[object] = []
    for place, name in enumerate(names):
        if name in seen:
            raise InvalidProtocol(
                f"{what} {name!r} is declared twice; they must differ.", at=(key, place)
            )
        seen.append(name)


def _known(name: str, options: Iterable[str], *, what: str, at: Place) -> None:
    try:
        check_known(name, options, what=what)
    except TrialError as problem:
        raise InvalidProtocol(str(problem), at=at) from problem


def _check_arms(protocol: "Protocol") -> None:
    if len(protocol.arms) < 2:
        raise InvalidProtocol(
            f"`arms` needs control first and at least one more, got {len(protocol.arms)}."
        )
    _refuse_repeats((arm.name for arm in protocol.arms), "Arm name", "arms")
    _refuse_repeats((str(arm.label) for arm in protocol.arms), "Arm label", "arms")
    _refuse_repeats(protocol.covariates, "Covariate", "covariates")
    for place, name in enumerate(strata := protocol.allocation.strata):
        if name in strata[:place]:
            raise InvalidProtocol(
                f"Stratum {name!r} is declared twice; name each once.", at=("allocation", "strata")
            )
    if len(protocol.allocation.ratio) != len(protocol.arms):
        raise InvalidProtocol(
            f"`ratio` has {len(protocol.allocation.ratio)} parts for {len(protocol.arms)} arms; "
            "give one whole number for each arm, control first (left out, it is [1, 1]).",
            at=("allocation", "ratio"),
        )


def _check_outcomes(protocol: "Protocol") -> None:
    names = tuple(outcome.name for outcome in protocol.outcomes)
    _refuse_repeats(names, "Outcome", "outcomes")
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
        if outcome.sensitivity and (outcome.primary or outcome.kind != protocol.primary.kind):
            raise InvalidProtocol(
                f"`sensitivity` marks {outcome.name!r} as another definition of the primary "
                f"outcome, {primary[0]!r}, which is {KINDS[protocol.primary.kind]}; it must be "
                "another outcome of the same kind.",
                at=("outcomes", place, "sensitivity"),
            )
        if outcome.sensitivity and _read(protocol, outcome) == _read(protocol, protocol.primary):
            raise InvalidProtocol(
                f"`sensitivity` marks {outcome.name!r} as another definition of {primary[0]!r}, "
                "but it reads the same columns at the same time; name the other columns.",
                at=("outcomes", place, "sensitivity"),
            )


def _read(protocol: "Protocol", outcome: "Outcome") -> tuple[object, ...]:
    """Return what an outcome reads of people, and when."""
    held = tuple(getattr(outcome, key) for key in COLUMN_KEYS)
    # Repeated events have no column: two of them are read from different extracts.
    own = outcome.name if outcome.repeated else ""
    return (*held, own, protocol.time_point(outcome.name))


def _check_columns(protocol: "Protocol") -> None:
    """Refuse a column with two roles that no column has: who was in which arm is no outcome."""
    columns = protocol.columns
    taken = {columns.arm: "the arm", columns.id: "the identifier"}
    roles: list[tuple[str, Place]] = [(columns.received, ("columns", "received"))]
    for place, outcome in enumerate(protocol.outcomes):
        roles += [(getattr(outcome, key), ("outcomes", place, key)) for key in COLUMN_KEYS]
    for place, need in enumerate(protocol.pathways.needs if protocol.pathways else ()):
        roles += [
            (getattr(need, key), ("pathways", "needs", place, key)) for key in ("before", "after")
        ]
    for name, at in roles:
        if name in taken and name not in ("", "?"):  # "?" is what a draft leaves open
            raise InvalidProtocol(
                f"`{at[-1]}` is column {name!r}, which holds {taken[name]}; name another.", at=at
            )
        if at[0] == "pathways":
            taken[name] = "another score"


def _check_estimands(protocol: "Protocol") -> None:
    _refuse_repeats((each.name for each in protocol.analysis_sets), "Analysis set", "analysis_sets")
    _refuse_repeats(protocol.estimands, "Estimand", "estimands")
    events = tuple(each.event for each in protocol.intercurrent)
    _refuse_repeats(events, "Intercurrent event", "intercurrent")
    names = tuple(outcome.name for outcome in protocol.outcomes)
    sets = (*BUILT_IN_SETS, *(each.name for each in protocol.analysis_sets))
    for place, estimand in enumerate(protocol.estimands):
        for key, name, known in (
            ("outcome", estimand.outcome, names),
            ("analysis_set", estimand.analysis_set, sets),
            *(("adjust", name, protocol.covariates) for name in estimand.adjust),
            *(("intercurrent", each.event, events) for each in estimand.intercurrent),
        ):
            _known(name, known, what=key, at=("estimands", place, key))
        _check_possible(protocol, estimand, place)


def _check_possible(protocol: "Protocol", estimand: "Estimand", place: int) -> None:
    """Refuse an estimand that no data could give."""
    outcome, measure = protocol.outcome(estimand.outcome), MEASURES[estimand.measure]
    as_received = estimand.analysis_set in BUILT_IN_SETS[1:]
    if as_received and not protocol.columns.received:
        raise InvalidProtocol(
            f"{estimand.analysis_set!r} needs the arm each person received; name its column as "
            "`received` under [columns].",
            at=("estimands", place, "analysis_set"),
        )
    if as_received and (measure.needs == "received" or measure.redrawn):
        raise InvalidProtocol(
            f"{measure.name!r} compares people as randomised, not {estimand.analysis_set!r}; leave "
            "`analysis_set` out, or name a set of your own.",
            at=("estimands", place, "analysis_set"),
        )
    if measure.two_arms and len(protocol.arms) > 2:
        others = [name for name in measures_of(outcome.kind) if not MEASURES[name].two_arms]
        raise InvalidProtocol(
            f"{measure.name!r} compares two arms, and there are {len(protocol.arms)}; choose "
            f"from {', '.join(others)}.",
            at=("estimands", place, "measure"),
        )
    if outcome.kind not in measure.kinds:
        wanted = " or ".join(KINDS[kind] for kind in measure.kinds)
        raise InvalidProtocol(
            f"{measure.name!r} needs a {wanted} outcome, but {outcome.name!r} is "
            f"{KINDS[outcome.kind]}; choose from {', '.join(measures_of(outcome.kind))}.",
            at=("estimands", place, "measure"),
        )
    _check_needed(protocol, estimand, place)


def _check_needed(protocol: "Protocol", estimand: "Estimand", place: int) -> None:
    """Refuse a measure without the column it reads beside the outcome."""
    outcome, needs = protocol.outcome(estimand.outcome), MEASURES[estimand.measure].needs
    remedies = {
        "received": (protocol.columns.received, "the arm each person received", "[columns]"),
        "competing": (outcome.competing, "what else ended follow-up", "its outcome"),
        "navigators": (protocol.navigators, "who worked with whom", "[navigators]"),
    }
    if not needs or remedies[needs][0]:
        return
    _, what, where = remedies[needs]
    key = "column" if needs == "navigators" else needs
    raise InvalidProtocol(
        f"{estimand.measure!r} needs {what}; name its column as `{key}` under {where}.",
        at=("estimands", place, "measure"),
    )


def _check_parts(protocol: "Protocol") -> None:
    """Refuse subgroups, pathways and columns that do not go with the rest."""
    known = tuple(dict.fromkeys((*protocol.covariates, *protocol.allocation.strata)))
    _refuse_repeats((each.column for each in protocol.subgroups), "Subgroup", "subgroups")
    for place, each in enumerate(protocol.subgroups):
        at = ("subgroups", place, "column")
        _known(each.column, known, what="covariate or stratum", at=at)
    for name in protocol.pathways.adjust if protocol.pathways else ():
        _known(name, protocol.covariates, what="covariate", at=("pathways", "adjust"))
    if protocol.pathways and len(protocol.arms) > 2:
        raise InvalidProtocol(
            f"[pathways] compares two arms, and there are {len(protocol.arms)}; leave it out.",
            at=("pathways",),
        )
    if protocol.navigators and protocol.navigators.column in known:
        raise InvalidProtocol(
            f"`column` under [navigators] is {protocol.navigators.column!r}, which is known before "
            "randomisation; name who worked with people under treatment.",
            at=("navigators", "column"),
        )
