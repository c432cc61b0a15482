"""Sections about outcomes: what was promised, what was not, and what departs from the promise."""

from collections.abc import Sequence

import numpy as np

from checkpoint_eval.models.bounds import Bounds
from checkpoint_eval.models.subgroup_results import SubgroupEffects
from checkpoint_eval.report.deciding import decision_table
from checkpoint_eval.report.evaluation import Evaluation, Result
from checkpoint_eval.report.figure_texts import read_at
from checkpoint_eval.report.sections import Section, Table
from checkpoint_eval.report.sections_people import Drawings, named
from checkpoint_eval.report.tables import (
    format_effect,
    format_p,
    in_words,
    share,
    table_row,
    told,
    told_by_arm,
    untold,
)
from checkpoint_eval.results import Curve, Estimate

READING = (
    "Differences are treatment minus control, ratios treatment divided by control. Shares are in "
    "percentage points, means and their differences in the unit of the outcome. An interval tells "
    "which effects fit the data; p-values are two-sided, and no verdict."
)
ROUNDED = (
    " Effects were computed before counts were rounded; the share beside a rounded count is of the "
    "rounded one, so that two shares need not differ by as much as the effect."
)
UNTOLD = "–"
# People followed for less than the horizon are analysed, and yet what became of them is not known.
NOT_KNOWN = "Missing, or followed for less"


def results_table(evaluation: Evaluation, results: Sequence[Result], caption: str) -> Table:
    """Return results as a paper prints them."""
    several = len(evaluation.arms) > 2
    rows = [table_row(each, several_arms=several) for each in results]
    # Intercurrent events have a section of their own; a row tells those of its estimate alone.
    declared = any(each.value.intercurrent for each in results)
    return Table(
        caption=caption,
        columns=(
            "Outcome and measure",
            "Analysis set",
            f"{evaluation.arms[0]}\nevents/people; result",
            f"{'treatment arm' if several else evaluation.arms[1]}\nevents/people; result",
            f"Effect ({100 * evaluation.level:g}% interval)",
            "p",
            *(("Intercurrent events",) if declared else ()),
        ),
        rows=tuple(
            (
                f"{row['outcome']}: {row['measure']}\n{in_words(row['method'])}",
                row["analysis set"],
                row["control"],
                row["treatment"],
                row["effect (interval)"],
                row["p"],
                *((row["intercurrent"],) if declared else ()),
            )
            for row in rows
        ),
    )


def planned_section(evaluation: Evaluation, drawings: Drawings) -> Section:
    """Return what the protocol promised, confirmatory results first."""
    title, anchor = "Planned outcomes", "planned"
    planned = [each for each in evaluation.results if each.value.planned]
    if not planned:
        return Section(
            anchor=anchor,
            title=title,
            paragraphs=(
                "No protocol was given, so no result was planned; those below are exploratory.",
            ),
        )
    confirmatory = [each for each in planned if each.confirmatory]
    others = [each for each in planned if not each.confirmatory]
    tables = []
    if confirmatory:
        tables += [
            results_table(evaluation, confirmatory, "Planned, confirmatory"),
            _criteria(evaluation),
        ]
    if others:
        tables.append(results_table(evaluation, others, "Planned, not confirmatory"))
    return Section(
        anchor=anchor,
        title=title,
        paragraphs=(READING + (ROUNDED if evaluation.protected else ""),),
        drawings=named(drawings, "forest")[:1] if "forest" in drawings else (),
        tables=tuple(tables),
    )


def _criteria(evaluation: Evaluation) -> Table:
    table = decision_table(evaluation)
    several = len(evaluation.arms) > 2
    return Table(
        caption="Confirmatory results beside the criterion promised",
        columns=("Result", "Promised", "Found"),
        rows=tuple(
            (
                f"{row.outcome}: {row.estimand}" + (f", {row.treatment}" if several else ""),
                str(row.promised),
                str(row.in_words),
            )
            for row in table.loc[table["confirmatory"]].itertuples()
        ),
    )


def curves_section(evaluation: Evaluation, drawings: Drawings) -> Section:
    """Return survival curves with numbers at risk."""
    told_of = (
        "The share of people who have not yet had the event, as time goes on, with the numbers "
        "still followed below each curve."
    )
    if not evaluation.curves:
        told_of = "No outcome is a time to an event, so there are no curves."
        if evaluation.protected is not None:
            told_of = (
                "There are no curves: no outcome is a time to an event, or too few people had the "
                "event for a curve to be shown."
            )
    return Section(
        anchor="curves",
        title="Curves over time",
        paragraphs=(told_of,),
        drawings=named(drawings, "survival"),
        tables=tuple(_curve_table(curve) for curve in evaluation.curves),
    )


def _curve_table(curve: Curve) -> Table:
    times, places = read_at(curve)
    rows = []
    for code, arm in enumerate(curve.arms):
        shares = [share(1.0 if place < 0 else curve.survival[code][place]) for place in places]
        before = [int(np.searchsorted(curve.time, time)) for time in times]
        rows.append((arm, *shares))
        rows.append((f"{arm}, at risk", *(told(curve.at_risk[code][each]) for each in before)))
    return Table(
        caption=f"Share without {curve.outcome}, and people at risk",
        columns=("Arm", *(f"{time:g} {curve.unit}" for time in times)),
        rows=tuple(rows),
        notes=(curve.method[0].upper() + curve.method[1:] + ".",),
    )


def sensitivity_section(evaluation: Evaluation, drawings: Drawings) -> Section:
    """Return the primary outcome looked at otherwise."""
    tables = []
    if evaluation.sensitivity:
        tables.append(
            results_table(evaluation, evaluation.sensitivity, "The primary outcome, otherwise")
        )
    if evaluation.bounds:
        tables.append(_bounds_table(evaluation))
    told_of = (
        "The primary outcome again: in other sets of people, among those who complied, by other "
        "definitions, and with every answer that missing outcomes might have given. Per-protocol "
        "and as-treated sets are not as randomised: their arms may differ in more than chance."
    )
    if not tables:
        told_of = "No other analysis of the primary outcome was asked for or could be made."
    return Section(
        anchor="sensitivity",
        title="Sensitivity",
        paragraphs=(told_of,),
        drawings=named(drawings, "forest-sensitivity"),
        tables=tuple(tables),
    )


def _bounds_table(evaluation: Evaluation) -> Table:
    shares = {
        each.value.outcome
        for each in (*evaluation.results, *evaluation.sensitivity)
        if isinstance(each.value, Estimate) and each.value.estimand.startswith(("risk", "odds"))
    }
    return Table(
        caption="Bounds for missing outcomes",
        columns=("Outcome and method", "People", NOT_KNOWN, "Effect lies between", "Interval"),
        rows=tuple(
            (
                f"{each.outcome}: {each.contrast[0]} against {each.contrast[1]}\n"
                f"{in_words(each.method)}",
                told_by_arm(each.n, each.contrast[::-1]),
                told_by_arm(each.missing, each.contrast[::-1]),
                _between(each, each.low, each.high, share=each.outcome in shares),
                _between(each, each.interval_low, each.interval_high, share=each.outcome in shares),
            )
            for each in evaluation.bounds
        ),
        notes=("The interval covers the effect, not all of the bounds.",),
    )


def _between(bounds: Bounds, low: float, high: float, *, share: bool) -> str:
    if np.isnan(low):
        return untold(bounds)
    # What happens by a time is a share too.
    if share or not np.isnan(bounds.time_point):
        return f"{100 * low:+.1f} to {100 * high:+.1f} points".replace("-", "−")
    return f"{low:+.3g} to {high:+.3g}".replace("-", "−")


def exploratory_section(evaluation: Evaluation, drawings: Drawings) -> Section:
    """Return what nobody promised, apart from what was."""
    others = [each for each in evaluation.results if not each.value.planned]
    if not others and not evaluation.subgroups:
        return Section(
            anchor="exploratory",
            title="Exploratory results",
            paragraphs=("Every result was planned.",),
        )
    tables = [results_table(evaluation, others, "Exploratory")] if others else []
    tables += [_subgroup_table(each) for each in evaluation.subgroups]
    return Section(
        anchor="exploratory",
        title="Exploratory results and subgroups"
        if evaluation.subgroups
        else "Exploratory results",
        paragraphs=(
            "Nobody promised these results in advance. The more of them one looks at, the surer "
            "some will look striking by chance: they suggest questions and answer none."
            if others
            else "Subgroups tell whether the effect differs between people.",
        ),
        drawings=(*named(drawings, "forest-exploratory"), *named(drawings, "subgroups")),
        tables=tuple(tables),
    )


def _subgroup_table(found: SubgroupEffects) -> Table:
    rows = [("Everyone", *map(told, found.overall.n), format_effect(found.overall), "")]
    for each in found.subgroups:
        p = f"{format_p(each.interaction.p_value)}; {format_p(each.p_adjusted)} by Holm"
        standing = "planned" if each.planned else "exploratory"
        rows.append((f"{each.moderator} ({standing})", "", "", "interaction", p))
        rows += [
            (f"{each.moderator}: {level}", *map(told, effect.n), format_effect(effect), "")
            for level, effect in zip(each.levels, each.effects, strict=True)
        ]
    overall = found.overall
    treatment, control = overall.contrast
    return Table(
        caption=f"{overall.estimand.capitalize()} of {overall.outcome} in subgroups",
        columns=(
            *("Subgroup", f"{control}\npeople", f"{treatment}\npeople"),
            f"Effect ({100 * overall.level:g}% interval)",
            "p of the interaction",
        ),
        rows=tuple(rows),
        notes=(
            "Levels have no p-values: only the interaction, Cochran's Q of the effects of the "
            "levels, asks whether effects differ.",
        ),
    )


def deviations_section(evaluation: Evaluation, _: Drawings) -> Section:
    """Return what departed from the protocol."""
    told_of = (
        "What this evaluation could see of departures from what was promised. Others are for the "
        "authors to tell."
    )
    if not evaluation.deviations:
        told_of = (
            "This evaluation found no departure from the protocol in the data. Departures that "
            "leave no trace in the data are for the authors to tell."
            if evaluation.protocol
            else "No protocol was given, so nothing can be told of departures from one."
        )
    table = Table(
        caption="Departures found in the data",
        columns=("What", "In words", *evaluation.arms),
        rows=tuple(
            (
                each.what[0].upper() + each.what[1:],
                each.told[0].upper() + each.told[1:],
                *(map(told, each.counts) if each.counts else (UNTOLD,) * len(evaluation.arms)),
            )
            for each in evaluation.deviations
        ),
    )
    return Section(
        anchor="deviations",
        title="Deviations from the protocol",
        paragraphs=(told_of,),
        tables=(table,) if table.rows else (),
    )


def intercurrent_section(evaluation: Evaluation, _: Drawings) -> Section:
    """Return how what happened after randomisation is taken account of."""
    protocol = evaluation.protocol
    declared = protocol.intercurrent if protocol else ()
    told_of = (
        "What may happen between randomisation and outcome, and what the comparison makes of it "
        "(ICH E9(R1)). Where one estimate takes an event otherwise, its row of results says so."
        if declared
        else "No intercurrent events were declared: everything counts as it happened, whatever "
        "came in between (treatment policy)."
    )
    table = Table(
        caption="Intercurrent events and strategies",
        columns=("Event", "Strategy", "How it is done"),
        rows=tuple((each.event, each.strategy, each.handled or UNTOLD) for each in declared),
    )
    return Section(
        anchor="intercurrent",
        title="Intercurrent events",
        paragraphs=(told_of,),
        tables=(table,) if declared else (),
    )
