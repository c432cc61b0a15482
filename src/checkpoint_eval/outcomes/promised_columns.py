"""Which column of the people table each part of a protocol reads."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from checkpoint_eval.design.protocol import Outcome, Protocol
from checkpoint_eval.errors import InvalidData, InvalidProtocol, TrialError
from checkpoint_eval.outcomes.vocabularies import COUNTY_DURHAM, CRIME_PANEL, NATIONAL, REGISTER

PUBLISHED = {each.name: each for each in (NATIONAL, COUNTY_DURHAM, REGISTER, CRIME_PANEL)}


def protocol_keywords(protocol: Protocol) -> dict[str, Any]:
    """Return the keywords of `Trial.from_frame` that a protocol implies."""
    outcomes = protocol.outcomes
    return {
        "arm": protocol.columns.arm,
        "control": protocol.arms[0].label,
        "arms": {arm.label: arm.name for arm in protocol.arms},
        "id": protocol.columns.id or None,
        "strata": protocol.allocation.strata,
        "rule": protocol.allocation.to_rule(),
        "order": protocol.columns.order or None,
        "covariates": protocol.covariates,
        "times": {each.name: _times(each, protocol) for each in outcomes if each.time},
        "binary": {each.name: each.binary for each in outcomes if each.binary},
        "counts": {each.name: _counts(each, protocol) for each in outcomes if each.count},
        "numeric": {
            each.name: each.numeric or each.ordinal
            for each in outcomes
            if each.numeric or each.ordinal
        },
        "received": protocol.columns.received or None,
        "analysis_sets": {each.name: each.column for each in protocol.analysis_sets},
        "factors": _factors(protocol),
        **_pathways(protocol),
    }


def check_promised(protocol: Protocol, columns: Mapping[str, Any], outcomes: Any) -> None:
    """Refuse what was read of people where a promise says what it can be.

    Raises
    ------
    InvalidData
        For grades that are none of those declared, and contacts that are no numbers of at least 0.
    """
    for each in protocol.outcomes:
        if not each.grades:
            continue
        held = outcomes[each.name]
        found = np.unique(held.value[~held.missing])
        strange = found[~np.isin(found, each.grades)]
        if strange.size:
            raise InvalidData(
                f"Column {each.ordinal!r} holds {strange[0]:g}, and the `grades` of outcome "
                f"{each.name!r} are {list(each.grades)}; correct it, or declare it among them."
            )
    contacts = protocol.navigators.contacts if protocol.navigators else ""
    if contacts and (columns[contacts].levels or (columns[contacts].values < 0).any()):
        raise InvalidData(
            f"The contacts column {contacts!r} must hold how often people met, as numbers of at "
            "least 0; name another under [navigators]."
        )


def _times(outcome: Outcome, protocol: Protocol) -> tuple[str, ...]:
    told = (outcome.time, outcome.event, protocol.unit)
    return (*told, outcome.competing) if outcome.competing else told


def _counts(outcome: Outcome, protocol: Protocol) -> tuple[str, str | float, str]:
    """Return column, exposure and unit; without a column everybody was followed alike."""
    alike = protocol.time_point(outcome.name)
    return outcome.count, outcome.exposure or alike, outcome.unit or protocol.unit


def _factors(protocol: Protocol) -> tuple[str, ...]:
    """Return the columns beside covariates and strata: eras, navigators and contacts."""
    named = [protocol.eras.column] if protocol.eras else []
    if protocol.navigators:
        named += [protocol.navigators.column, protocol.navigators.contacts]
    known = (*protocol.covariates, *protocol.allocation.strata)
    return tuple(name for name in dict.fromkeys(named) if name and name not in known)


def _pathways(protocol: Protocol) -> dict[str, Any]:
    plan = protocol.pathways
    if plan is None:
        return {}
    if plan.vocabulary:
        for place, need in enumerate(plan.needs):
            try:
                PUBLISHED[plan.vocabulary].check(need.pathway)
            except TrialError as problem:
                raise InvalidProtocol(
                    f"{problem} Leave `vocabulary` out for names of your own.",
                    at=("pathways", "needs", place),
                ) from problem
    return {
        "pathways": {each.pathway: (each.before, each.after) for each in plan.needs},
        "scale": plan.scale,
        "assessors": plan.assessors or None,
    }
