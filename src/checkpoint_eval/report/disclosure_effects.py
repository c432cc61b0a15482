"""Bounds, subgroups and pathways by the rule."""

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval.models.bounds import Bounds
from checkpoint_eval.models.pathway_overlap import CoOccurrence
from checkpoint_eval.models.pathway_parts import PathwayCounts
from checkpoint_eval.models.pathway_results import PathwayComparison, PathwayFamily
from checkpoint_eval.models.shrinkage import Shrunken
from checkpoint_eval.models.subgroup_results import Subgroup, SubgroupEffects
from checkpoint_eval.report.disclosure import Disclosure
from checkpoint_eval.report.disclosure_counts import Counts
from checkpoint_eval.report.disclosure_estimates import (
    estimate_told,
    rounded,
    rounded_all,
    significance_told,
)
from checkpoint_eval.report.disclosure_means import BESIDE, amounts_in
from checkpoint_eval.report.disclosure_texts import text_told, without_reasons
from checkpoint_eval.report.withheld import Withheld, told_as
from checkpoint_eval.results import NAN, Estimate

if TYPE_CHECKING:
    from checkpoint_eval.report.disclosure_audit import Cell

EVERYONE = "both arms"


def whole_number(count: Any) -> Any:
    """Return a count of an array as Python's own number; one that is withheld as it is."""
    return count if isinstance(count, Withheld) else int(count)


def bounds_told(bounds: Bounds, counts: Counts) -> Bounds:
    """Return bounds by the rule.

    Their width is the share that is missing: they are told to two figures, and not at all where
    the number missing, or the people, are withheld.
    """
    arms = bounds.contrast[1], bounds.contrast[0]
    missing = tuple(
        counts.tell(("missing", bounds.outcome, arm), n, zero=True)
        for arm, n in zip(arms, bounds.missing, strict=True)
    )
    people = tuple(counts.tell(("people", arm), n) for arm, n in zip(arms, bounds.n, strict=True))
    reason = ""
    if any(isinstance(each, Withheld) for each in (*missing, *people)):
        reason = "withheld: their width would tell how few are missing"
    elif _ends_tell(bounds, arms, counts):
        reason = "withheld: their ends would tell how few had the event, or who has most"
    hidden, method = bool(reason), text_told(bounds.method, counts.rule, names=counts.names)
    if hidden:
        method = f"{without_reasons(method)}; {reason}"

    def told(value: float) -> float:
        return NAN if hidden else rounded(value)

    def pair(values: tuple[float, float]) -> tuple[float, float]:
        return told(values[0]), told(values[1])

    single = ("low", "high", "interval_low", "interval_high", "share")
    double = ("std_errors", "arm_low", "arm_high", "trimmed")
    return told_as(
        bounds,
        **{name: told(getattr(bounds, name)) for name in single},
        **{name: pair(getattr(bounds, name)) for name in double},
        n=people,
        missing=missing,
        method=method,
    )


def _ends_tell(bounds: Bounds, arms: tuple[str, str], counts: Counts) -> bool:
    """Whether the bounds of an arm are made of few events or non-events, or of few amounts.

    An end of a share times the people is a number of events; the ends of trimmed ones count fewer.
    """
    held = [counts.amounts.get((bounds.outcome, bounds.analysis_set, arm)) for arm in arms]
    kinds = product(("amount", "dominated"), arms)
    of = bounds.outcome, bounds.analysis_set
    if any((what, *of, arm) in counts.few for what, arm in kinds):
        return True
    if any(held):
        return any(each and (each.is_of_few(counts.rule) or each.is_of_one()) for each in held)
    ends = [*bounds.arm_low, *(1 - each for each in bounds.arm_high)]
    return any(end * n < counts.rule.threshold for end, n in zip(ends, 2 * bounds.n, strict=True))


def subgroups_told(found: SubgroupEffects, counts: Counts) -> SubgroupEffects:
    """Return subgroup effects by the rule; the people of levels add up to everyone's."""
    for each in found.subgroups:
        _hear_levels(each, found.overall, counts)
    return told_as(
        found,
        overall=estimate_told(found.overall, counts),
        subgroups=tuple(_subgroup_told(each, counts) for each in found.subgroups),
    )


def _hear_levels(found: Subgroup, overall: Estimate, counts: Counts) -> None:
    for place, arm in enumerate((overall.contrast[1], overall.contrast[0])):
        for name, of in (("analysed", "n"), ("events", "events"), ("missing", "missing")):
            if not getattr(overall, of):
                continue
            whole: Cell = (name, overall.outcome, arm), getattr(overall, of)[place]
            parts: list[Cell] = [
                (
                    (name, overall.outcome, found.moderator, level, arm),
                    getattr(effect, of)[place],
                )
                for level, effect in zip(found.levels, found.effects, strict=True)
                if getattr(effect, of)  # a level that cannot be compared has no events
            ]
            counts.add_up(whole, parts, all_of_it=len(parts) == len(found.levels))


def _subgroup_told(found: Subgroup, counts: Counts) -> Subgroup:
    effects = tuple(
        estimate_told(effect, counts, of=(found.moderator, level))
        for level, effect in zip(found.levels, found.effects, strict=True)
    )
    if _is_of_amounts(found, counts) and any(np.isnan(each.value) for each in effects):
        effects = tuple(_without_level(each, counts.rule) for each in effects)
    interaction = significance_told(found.interaction, counts)
    closed = np.isnan(interaction.p_value)
    # A test of levels whose effects are not told would tell of them.
    if not closed and any(np.isnan(each.value) for each in effects):
        interaction = told_as(interaction, statistic=NAN, p_value=NAN)
        closed = True
    arms = found.interaction.arms
    return told_as(
        found,
        effects=effects,
        interaction=interaction,
        p_adjusted=NAN if closed else rounded(found.p_adjusted),
        unknown=tuple(
            counts.tell(("level unknown", found.moderator, arm), n, zero=True)
            for arm, n in zip(arms, found.unknown, strict=False)
        ),
    )


def _is_of_amounts(found: Subgroup, counts: Counts) -> bool:
    return any(
        not each.events
        or amounts_in(each, each.contrast[0], counts, of=(found.moderator, level)) is not None
        for level, each in zip(found.levels, found.effects, strict=True)
    )


def _without_level(effect: Estimate, rule: Disclosure) -> Estimate:
    """Return the effect on a level without its numbers: everyone's less it is the last level's."""
    if np.isnan(effect.value):
        return effect
    empty = dict.fromkeys(("value", "low", "high", "p_value", "std_error"), NAN)
    why = f"{BESIDE} {rule.threshold}"
    return told_as(effect, **empty, by_arm=(NAN, NAN), method=f"{effect.method}; {why}")


def pathways_told(found: PathwayComparison, counts: Counts) -> PathwayComparison:
    """Return a comparison of pathways by the rule."""
    return told_as(
        found,
        counts=_pathway_counts(found, counts),
        with_need=_family_told(found.with_need, counts),
        everyone=_family_told(found.everyone, counts),
        resolved=estimate_told(found.resolved, counts, of=("needs resolved",)),
        together=_together_told(found, counts),
        draws=0 if found.exact else found.draws,
        notes=tuple(text_told(each, counts.rule, names=counts.names) for each in found.notes),
    )


def _pathway_counts(found: PathwayComparison, counts: Counts) -> PathwayCounts:
    held = found.counts
    for code, arm in enumerate(found.arms):
        whole: Cell = ("people", arm), whole_number(held.randomised[code])
        for place, pathway in enumerate(found.pathways):
            cells = {
                name: ((name, pathway, arm), whole_number(getattr(held, name)[place, code]))
                for name in PATHWAY
            }
            # That nobody was left out of an assessment may be told; not that nobody had a need.
            counts.add_up(whole, [cells["assessed_before"]])
            counts.add_up(whole, [cells["assessed_after"]])
            counts.add_up(cells["assessed_before"], [cells["need"]], all_of_it=False)
            counts.add_up(cells["need"], [cells["need_assessed"]])
            counts.add_up(cells["need_assessed"], [cells["resolved"]], all_of_it=False)
    told = {
        name: _objects(
            [
                [
                    counts.tell((name, pathway, arm), getattr(held, name)[place, code])
                    for code, arm in enumerate(found.arms)
                ]
                for place, pathway in enumerate(found.pathways)
            ]
        )
        for name in PATHWAY
    }
    people = [
        counts.tell(("people", arm), n, keep=True)
        for arm, n in zip(found.arms, held.randomised, strict=True)
    ]
    return PathwayCounts(randomised=_objects(people), **told)


PATHWAY = ("assessed_before", "need", "assessed_after", "need_assessed", "resolved")


def _objects(values: list) -> "np.ndarray":  # type: ignore[type-arg]
    return np.array(values, dtype=object)


def _family_told(found: PathwayFamily, counts: Counts) -> PathwayFamily:
    effects = tuple(estimate_told(each, counts, of=(found.among,)) for each in found.effects)
    hidden = np.array([np.isnan(each.value) for each in effects])

    def told(values: FloatArray) -> FloatArray:
        return np.where(hidden, NAN, rounded_all(values))

    return told_as(
        found,
        effects=effects,
        statistics=told(found.statistics),
        p_values={name: told(each) for name, each in found.p_values.items()},
        shrunken=_shrunken_told(found.shrunken, hidden),
        largest=significance_told(found.largest, counts),
        rank_sum=significance_told(found.rank_sum, counts),
    )


def _shrunken_told(found: Shrunken, hidden: "np.ndarray") -> Shrunken:
    held = {
        name: np.where(hidden, NAN, np.round(getattr(found, name), 2) + 0.0)
        for name in ("value", "low", "high")
    }
    numbers = {name: rounded(getattr(found, name)) for name in ("mean", "std_error", "spread")}
    return told_as(found, **held, **numbers)


def _hear_together(comparison: PathwayComparison, counts: Counts) -> None:
    """State that both arms make everyone, and combinations those with each need."""
    found, held = comparison.together, comparison.counts
    combined = [
        (("combination", str(row.tolist()), EVERYONE), whole_number(n))
        for row, n in zip(found.combinations, found.counts, strict=True)
    ]
    for place, pathway in enumerate(found.pathways):
        seen: Cell = ("assessed together", pathway, EVERYONE), whole_number(found.assessed[place])
        need: Cell = ("need together", pathway, EVERYONE), whole_number(found.need[place])
        counts.add_up(seen, [need], all_of_it=False)
        having = found.combinations[:, place]
        counts.add_up(need, [cell for cell, has in zip(combined, having, strict=True) if has])
        for whole, name in ((seen, "assessed_before"), (need, "need")):
            by_arm = [
                ((name, pathway, arm), whole_number(getattr(held, name)[place, code]))
                for code, arm in enumerate(comparison.arms)
            ]
            counts.add_up(whole, by_arm)


def _together_told(comparison: PathwayComparison, counts: Counts) -> CoOccurrence:
    """Return which needs came together by the rule: combinations of few are left out."""
    rule, found = counts.rule, comparison.together
    _hear_together(comparison, counts)
    often = found.counts >= rule.threshold
    told = [
        counts.tell(("combination", str(row.tolist()), EVERYONE), n)
        for row, n in zip(found.combinations[often], found.counts[often], strict=True)
    ]
    shown = np.array([not isinstance(each, Withheld) for each in told], dtype=bool)
    return told_as(
        found,
        assessed=_objects(
            [
                counts.tell(("assessed together", pathway, EVERYONE), n)
                for pathway, n in zip(found.pathways, found.assessed, strict=True)
            ]
        ),
        need=_objects(
            [
                counts.tell(("need together", pathway, EVERYONE), n)
                for pathway, n in zip(found.pathways, found.need, strict=True)
            ]
        ),
        phi=_phi_told(found, rule),
        combinations=found.combinations[often][shown],
        counts=np.array([each for each in told if not isinstance(each, Withheld)], dtype=np.int64),
        incomplete=counts.tell(("incomplete", EVERYONE), found.incomplete, zero=True),
    )


def _phi_told(found: CoOccurrence, rule: Disclosure) -> FloatArray:
    """Return correlations to one decimal, where enough people have both, either and neither."""
    need, without = found.combinations.astype(int), 1 - found.combinations.astype(int)
    cells = [
        (one * found.counts[:, None]).T @ other
        for one, other in product((need, without), (need, without))
    ]
    few = np.min(cells, axis=0) < rule.threshold
    np.fill_diagonal(
        few, (found.need < rule.threshold) | (without.T @ found.counts < rule.threshold)
    )
    # 0 without a sign, which would tell on which side of it φ is.
    return np.where(few, NAN, np.round(found.phi, 1) + 0.0)
