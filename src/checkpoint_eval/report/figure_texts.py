"""Each figure in words, with its numbers, for those who do not see it."""

from collections.abc import Iterable, Sequence

import numpy as np

from checkpoint_eval.balance.differences import BalanceTable
from checkpoint_eval.balance.integrity import Integrity
from checkpoint_eval.balance.participant_flow import Flow
from checkpoint_eval.models.inequality import Inequality
from checkpoint_eval.models.pathway_results import PathwayComparison, PathwayFamily
from checkpoint_eval.models.subgroup_results import SubgroupEffects
from checkpoint_eval.report.evaluation import Result
from checkpoint_eval.report.tables import (
    format_effect,
    format_p,
    share,
    told,
    told_by_arm,
    without_curve,
)
from checkpoint_eval.results import Curve, Estimate


def _joined(sentences: Iterable[str]) -> str:
    return "; ".join(sentences) + "."


def flow_text(flow: Flow) -> str:
    """Tell the people at each step, arm by arm."""
    before = []
    if flow.assessed is not None:
        before = [f"assessed for eligibility: {told(flow.assessed)}"]
        before += [f"excluded, {reason}: {told(number)}" for reason, number in flow.excluded]
    steps = [f"{step.step}: {told_by_arm(step.counts, flow.arms)}" for step in flow.steps]
    return f"Participant flow. {_joined([*before, *steps])}"


def balance_text(tables: Sequence[BalanceTable]) -> str:
    """Tell every standardised difference."""
    return "Standardised differences: " + _joined(
        f"{row.covariate} {row.level} {row.difference:.2f}".replace("  ", " ")
        for table in tables
        for row in table.rows
    )


def integrity_text(integrity: Integrity) -> str:
    """Tell the share treated as assigned in each group and arm."""
    return f"Share treated as assigned by {', '.join(integrity.by)}: " + _joined(
        f"{row.group}, {row.arm}: " + share(row.share) for row in integrity.rows
    )


def read_at(curve: Curve) -> tuple[list[float], list[int]]:
    """Return five times over the whole of a curve, and the last step at or before each (-1: none).

    The last is where follow-up ends, the others lie evenly before it.
    """
    end = float(curve.time[-1])
    times = [float(f"{end * quarter / 4:.3g}") if quarter < 4 else end for quarter in range(5)]
    return times, [int(np.searchsorted(curve.time, time, side="right")) - 1 for time in times]


def curve_text(curve: Curve) -> str:
    """Tell the share without the event at five times, arm by arm."""
    times, places = read_at(curve)
    return f"Share of people without {curve.outcome}: " + _joined(
        f"at {time:g} {curve.unit} "
        + ", ".join(
            f"{arm} {share(1.0 if place < 0 else row[place])}"
            for arm, row in zip(curve.arms, curve.survival, strict=True)
        )
        for time, place in zip(times[1:], places[1:], strict=True)
    )


def effects_text(results: Sequence[Result]) -> str:
    """Tell each estimate and its interval."""
    return "Estimates and intervals: " + _joined(
        f"{value.outcome}, {value.estimand}, {value.contrast[0]}: {format_effect(value)}"
        for value in (each.value for each in results)
        if isinstance(value, Estimate) and value.estimable
    )


def pathways_text(found: PathwayComparison, family: PathwayFamily) -> str:
    """Tell the difference on each pathway."""
    control, treatment = found.arms[:2]
    return f"Difference in score, {treatment} less {control}, among {family.among}: " + _joined(
        f"{pathway}: {format_effect(effect)}"
        for pathway, effect in zip(found.pathways, family.effects, strict=True)
    )


def inequality_text(found: Inequality) -> str:
    """Tell how equally each arm's sum is spread."""
    top = found.held_by(0.1)
    return f"Lorenz curves of {found.difference.outcome}: " + _joined(
        f"{arm}: {without_curve(found.difference)}"
        if np.isnan(gini)
        else f"{arm}: Gini {gini:.2f}, the tenth with most have {share(held)} of all"
        for arm, gini, held in zip(found.arms, found.gini, top, strict=True)
    )


def subgroups_text(found: SubgroupEffects) -> str:
    """Tell the effect in everyone, each interaction, and the effect at each level."""
    several = [f"everyone: {format_effect(found.overall)}"]
    for each in found.subgroups:
        several.append(
            f"{each.moderator}, p of the interaction {format_p(each.interaction.p_value)}"
        )
        several += [
            f"{level}: {format_effect(effect)}"
            for level, effect in zip(each.levels, each.effects, strict=True)
        ]
    return f"Effects in subgroups: {_joined(several)}"
