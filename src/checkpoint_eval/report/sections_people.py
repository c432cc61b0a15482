"""Sections about the people of the trial: flow, baseline, balance and integrity."""

from collections.abc import Mapping

import numpy as np

from checkpoint_eval.balance.integrity import Integrity, IntegrityRow
from checkpoint_eval.report.evaluation import Evaluation
from checkpoint_eval.report.sections import Drawing, Section, Table
from checkpoint_eval.report.tables import format_p, share, told

Drawings = Mapping[str, Drawing]


def named(drawings: Drawings, start: str) -> tuple[Drawing, ...]:
    """Return the drawings whose name is, or starts with, this word."""
    return tuple(
        each for name, each in drawings.items() if name == start or name.startswith(f"{start}-")
    )


def flow_section(evaluation: Evaluation, drawings: Drawings) -> Section:
    """Return who was assessed, randomised, treated and analysed."""
    flow = evaluation.flow
    blank = ("",) * len(flow.arms)
    before = []
    if flow.assessed is not None:
        before = [("Assessed for eligibility", told(flow.assessed), *blank)]
        before += [(f"Excluded: {why}", told(number), *blank) for why, number in flow.excluded]
    steps = [
        (step.step[0].upper() + step.step[1:], *(("",) if before else ()), *map(told, step.counts))
        for step in flow.steps
    ]
    screened = ("Before there were arms",) if before else ()
    told_of = (
        "Who was assessed before randomisation was not recorded in the protocol."
        if flow.assessed is None
        else "From everyone assessed to everyone analysed."
    )
    return Section(
        anchor="flow",
        title="Participant flow",
        paragraphs=(f"{told_of} Laid out as CONSORT 2025 asks (items 22a and 22b).",),
        drawings=named(drawings, "flow"),
        tables=(
            Table(
                caption="People at each step, by arm",
                columns=("Step", *screened, *flow.arms),
                rows=(*before, *steps),
            ),
        ),
    )


def baseline_section(evaluation: Evaluation, _: Drawings) -> Section:
    """Return who was randomised."""
    table = evaluation.baseline
    if not table.rows:
        return Section(
            anchor="baseline",
            title="Baseline",
            paragraphs=("No baseline characteristics were given.",),
        )
    rows = tuple(
        (
            f"{row['covariate']}: {row['level']}" if row["level"] else str(row["covariate"]),
            *(str(row[arm]) for arm in table.arms),
        )
        for row in table.to_wide().to_dict("records")
    )
    heads = (f"{arm}\nn = {told(n)}" for arm, n in zip(table.arms, table.n, strict=True))
    return Section(
        anchor="baseline",
        title="Baseline",
        paragraphs=(
            "Everyone randomised, in the arm they were randomised to. No test compares single "
            "characteristics: randomised groups differ by chance alone.",
        ),
        tables=(
            Table(
                caption="Baseline characteristics",
                columns=("Characteristic", *heads),
                rows=rows,
            ),
        ),
    )


def balance_section(evaluation: Evaluation, drawings: Drawings) -> Section:
    """Return how far the arms differ at baseline, and whether the draw looks as promised."""
    tables = (*_differences_table(evaluation), *_checks_table(evaluation))
    return Section(
        anchor="balance",
        title="Balance",
        paragraphs=("How alike the arms were before anything was done.",),
        drawings=named(drawings, "balance"),
        tables=tables,
    )


def _differences_table(evaluation: Evaluation) -> tuple[Table, ...]:
    if not evaluation.balance:
        return ()
    control = evaluation.arms[0]
    treatments = [table.contrast[0] for table in evaluation.balance]
    rows = tuple(
        (
            f"{several[0].covariate}: {several[0].level}"
            if several[0].level
            else several[0].covariate,
            *(_signed(row.difference) for row in several),
        )
        for several in zip(*(table.rows for table in evaluation.balance), strict=True)
    )
    return (
        Table(
            caption="Standardised differences at baseline",
            columns=("Characteristic", *(f"{arm}\nagainst {control}" for arm in treatments)),
            rows=rows,
            notes=(
                "In standard deviations, the root of the two arms' mean variance; within ±0.1 is "
                "the usual guide for alike.",
            ),
        ),
    )


def _checks_table(evaluation: Evaluation) -> tuple[Table, ...]:
    rows = tuple(
        (
            f"{check.test[0].upper()}{check.test[1:]}\n{check.method}",
            f"{check.statistic:.3f}".replace("-", "−")
            + (f" on {check.df:g} df" if check.df > 1 else ""),
            format_p(check.p_value),
        )
        for check in evaluation.checks
    )
    told = (
        "A small p would say that allocation may not have been as promised; a large one proves "
        "nothing."
    )
    table = Table(
        caption="Checks of the randomisation",
        columns=("Check", "Statistic", "p"),
        rows=rows,
        notes=(told,),
    )
    return (table,) if rows else ()


def _signed(number: float) -> str:
    # Adding 0 takes the sign from what rounds to it.
    return "–" if np.isnan(number) else f"{round(number, 2) + 0.0:+.2f}".replace("-", "−")


def integrity_section(evaluation: Evaluation, drawings: Drawings) -> Section:
    """Return whether people received what they were assigned to, and when not."""
    if not evaluation.integrity:
        return Section(
            anchor="integrity",
            title="Integrity over time",
            paragraphs=(
                "Which arm people received was not recorded, so this report cannot tell how many "
                "were treated as assigned.",
            ),
        )
    return Section(
        anchor="integrity",
        title="Integrity over time",
        paragraphs=(
            "Treated as assigned: the share of people, treatment known, who received the arm that "
            "chance gave them, with Wilson's interval.",
        ),
        drawings=named(drawings, "integrity"),
        tables=(
            *(_integrity_table(each) for each in evaluation.integrity),
            _crossed_table(evaluation.integrity[0]),
        ),
    )


def _integrity_table(integrity: Integrity) -> Table:
    by = f", by {', '.join(integrity.by)}" if integrity.by else ", overall"
    contacts = any(not np.isnan(row.contacts) for row in integrity.rows)
    return Table(
        caption=f"Treated as assigned{by}",
        columns=(
            *("Group and arm", "People", "As assigned", "Another arm", "Not known"),
            f"Share as assigned ({100 * integrity.level:g}% interval)",
            *(("Contacts, mean",) if contacts else ()),
        ),
        rows=tuple(
            _integrity_row(row, by=integrity.by, contacts=contacts) for row in integrity.rows
        ),
    )


def _integrity_row(row: IntegrityRow, *, by: tuple[str, ...], contacts: bool) -> tuple[str, ...]:
    found = share(row.share)
    if not np.isnan(row.low):
        found += f" ({100 * row.low:.1f} to {100 * row.high:.1f})"
    counts = (row.people, row.as_assigned, row.otherwise, row.unknown)
    mean = "–" if np.isnan(row.contacts) else f"{row.contacts:.1f}"
    # Of one column the caption tells the name.
    group = row.group.removeprefix(f"{by[0]}=") if len(by) == 1 else row.group
    return (f"{group}: {row.arm}", *map(told, counts), found, *((mean,) if contacts else ()))


def _crossed_table(integrity: Integrity) -> Table:
    return Table(
        caption="Arm assigned and arm received",
        columns=("Assigned to", *(f"Received {arm}" for arm in integrity.arms)),
        rows=tuple(
            (arm, *map(told, row))
            for arm, row in zip(integrity.arms, integrity.crossed_over, strict=True)
        ),
        notes=("People whose treatment is not known are in none of these.",),
    )
