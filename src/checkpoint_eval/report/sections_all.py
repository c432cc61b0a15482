"""All sections of a report, in order."""

from collections.abc import Sequence

from checkpoint_eval.report.checklists import consort_section, crimport_section
from checkpoint_eval.report.evaluation import Evaluation
from checkpoint_eval.report.sections import Drawing, Section
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
    return (
        headline_section(evaluation),
        *(builder(evaluation, by_name) for builder in BUILDERS),
    )


def title(evaluation: Evaluation) -> str:
    """Return the title as a heading."""
    return evaluation.title[:1].upper() + evaluation.title[1:]


def subtitle(evaluation: Evaluation) -> str:
    """Return where the protocol was registered and published, or that there is none."""
    protocol = evaluation.protocol
    if protocol is None:
        return "No protocol was given: every result is exploratory."
    registered = f"Registration: {protocol.registration}" if protocol.registration else ""
    return " · ".join(each for each in (protocol.source, registered) if each)
