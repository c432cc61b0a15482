"""Sections about critical pathways, and how harm is spread over people."""

import numpy as np

from checkpoint_eval.models.inequality import Inequality
from checkpoint_eval.models.pathway_results import PathwayComparison, PathwayFamily
from checkpoint_eval.report.evaluation import Evaluation
from checkpoint_eval.report.sections import Section, Table
from checkpoint_eval.report.sections_people import Drawings, named
from checkpoint_eval.report.sections_results import UNTOLD
from checkpoint_eval.report.tables import format_effect, format_p, told


def pathways_section(evaluation: Evaluation, drawings: Drawings) -> Section:
    """Return the comparison of critical pathways."""
    found = evaluation.pathways
    if found is None:
        return Section(
            anchor="pathways",
            title="Critical pathways",
            paragraphs=("The trial has no scores of critical pathways.",),
        )
    resolved = found.resolved
    paragraphs = [
        f"Needs scored before and after on {len(found.pathways)} pathways; a need is a score above "
        f"{found.threshold:g}. A difference below 0 means less need under {found.arms[1]}. "
        "Adjusted p-values are Westfall and Young's, of one family of all pathways.",
        f"Needs resolved a person, among those who had any: {format_effect(resolved)} (above 0: "
        f"more under {found.arms[1]}).",
        *(f"{note[0].upper()}{note[1:]}." for note in found.notes),
    ]
    families = (found.with_need, found.everyone)
    return Section(
        anchor="pathways",
        title="Critical pathways",
        paragraphs=tuple(paragraphs),
        drawings=named(drawings, "pathways"),
        tables=tuple(_pathway_table(found, family) for family in families),
    )


def _pathway_table(found: PathwayComparison, family: PathwayFamily) -> Table:
    control, treatment = found.arms[:2]
    rows = tuple(
        (
            pathway,
            " / ".join(told(count) for count in found.counts.need[place]),
            " / ".join(told(count) for count in effect.n),
            " / ".join(told(count) for count in effect.missing),
            format_effect(effect),
            format_p(float(family.p_values["westfall-young"][place])),
        )
        for place, (pathway, effect) in enumerate(zip(found.pathways, family.effects, strict=True))
    )
    pair = f"{control} / {treatment}"
    return Table(
        caption=f"Critical pathways, among {family.among}",
        columns=(
            *("Pathway", f"With need\n{pair}", f"Compared\n{pair}", f"Missing\n{pair}"),
            f"Difference in score ({100 * found.level:g}% interval)",
            "Adjusted p",
        ),
        rows=rows,
        notes=(
            f"No effect on any pathway: p {format_p(family.rank_sum.p_value)} by rank sums, "
            f"{format_p(family.largest.p_value)} by the largest difference.",
        ),
    )


def harm_section(evaluation: Evaluation, drawings: Drawings) -> Section:
    """Return how harm is spread over people."""
    if not evaluation.inequality:
        return Section(
            anchor="harm",
            title="Harm",
            paragraphs=(
                "No outcome measures harm as a number. Unintended events are for the authors to "
                "report.",
            ),
        )
    return Section(
        anchor="harm",
        title="Harm",
        paragraphs=(
            "Harm is mostly done by few people, so its mean tells little by itself: here is how it "
            "is spread. A Gini coefficient of 0 means all have the same, of 1 that one person has "
            "all. The comparison of means stands among the results.",
        ),
        drawings=named(drawings, "lorenz"),
        tables=tuple(_inequality_table(each) for each in evaluation.inequality),
    )


def _inequality_table(found: Inequality) -> Table:
    difference = found.difference
    level = f"{100 * difference.level:g}% interval"
    rows = []
    for code, arm in enumerate(found.arms):
        gini = f"{found.gini[code]:.2f} ({found.low[code]:.2f} to {found.high[code]:.2f})"
        held = f"{100 * found.held_by(0.1)[code]:.0f}%"
        none = np.isnan(found.gini[code])
        rows.append(
            (
                arm,
                f"{told(difference.n[code])}",
                told(difference.missing[code]),
                UNTOLD if none else gini,
                UNTOLD if none or np.isnan(found.held_by(0.1)[code]) else held,
            )
        )
    treatment, control = difference.contrast
    return Table(
        caption=f"How {difference.outcome} is spread, {treatment} against {control}",
        columns=("Arm", "People", "Missing", f"Gini ({level})", "Held by the tenth with most"),
        rows=tuple(rows),
        notes=(
            f"Difference in Gini: {format_effect(difference)}. Jack-knife variance; the interval "
            "of an arm is on the logit scale.",
        ),
    )
