"""All sections of a report, in order."""

from collections.abc import Sequence
from dataclasses import replace

from checkpoint_eval.report.checklists import consort_section, crimport_section
from checkpoint_eval.report.evaluation import Evaluation
from checkpoint_eval.report.sections import Drawing, Section, Table
from checkpoint_eval.report.sections_headline import headline_section
from checkpoint_eval.report.sections_needs_harm import harm_section, pathways_section
from checkpoint_eval.report.sections_people import (
    balance_section,
    baseline_section,
    flow_section,
    integrity_section,
)
from checkpoint_eval.report.sections_provenance import provenance_section
from checkpoint_eval.report.sections_results import (
    curves_section,
    deviations_section,
    exploratory_section,
    intercurrent_section,
    planned_section,
    sensitivity_section,
)
from checkpoint_eval.report.tables import visible

BUILDERS = (
    *(flow_section, baseline_section, balance_section, integrity_section),
    *(planned_section, curves_section, pathways_section, harm_section, sensitivity_section),
    *(exploratory_section, deviations_section, intercurrent_section),
    *(consort_section, crimport_section, provenance_section),
)


def report_sections(evaluation: Evaluation, drawings: Sequence[Drawing]) -> tuple[Section, ...]:
    """Return all that a report says: the headline, then its sections.

    A section of which the evaluation has nothing says so and why.
    """
    by_name = {each.name: each for each in drawings}
    told = (headline_section(evaluation), *(each(evaluation, by_name) for each in BUILDERS))
    return tuple(map(_visible, told))


def _visible(section: Section) -> Section:
    """Return a section of which every character can be printed."""
    return replace(
        section,
        paragraphs=tuple(map(visible, section.paragraphs)),
        tables=tuple(
            Table(
                caption=visible(each.caption),
                columns=tuple(map(visible, each.columns)),
                rows=tuple(tuple(map(visible, row)) for row in each.rows),
                notes=tuple(map(visible, each.notes)),
            )
            for each in section.tables
        ),
        parts=tuple(map(_visible, section.parts)),
    )


def title(evaluation: Evaluation) -> str:
    """Return the title as a heading."""
    return visible(evaluation.title[:1].upper() + evaluation.title[1:])


def subtitle(evaluation: Evaluation) -> str:
    """Return where the protocol was registered and published, or that there is none."""
    protocol = evaluation.protocol
    if protocol is None:
        return "No protocol was given: every result is exploratory."
    registered = f"Registration: {protocol.registration}" if protocol.registration else ""
    return visible(" · ".join(each for each in (protocol.source, registered) if each))
