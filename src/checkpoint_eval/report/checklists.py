"""Checklists of a trial's report, filled in where the evaluation holds the answer."""

from collections.abc import Mapping

from checkpoint_eval.design.allocation_plan import AllocationPlan
from checkpoint_eval.design.protocol import Protocol
from checkpoint_eval.report.checklist_items import CONSORT, CRIMPORT
from checkpoint_eval.report.evaluation import Evaluation
from checkpoint_eval.report.sections import Section, Table
from checkpoint_eval.report.sections_people import Drawings
from checkpoint_eval.report.tables import told, told_by_arm

BLANK = "To be filled in by the authors"


def consort_section(evaluation: Evaluation, _: Drawings) -> Section:
    """Return the CONSORT 2025 checklist."""
    return _checklist(
        anchor="consort",
        title="CONSORT 2025 checklist",
        source="Hopewell and others (2025), BMJ 388, e081123",
        items=CONSORT,
        answers=consort_answers(evaluation),
    )


def crimport_section(evaluation: Evaluation, _: Drawings) -> Section:
    """Return the CrimPORT checklist."""
    return _checklist(
        anchor="crimport",
        title="CrimPORT checklist",
        source="Sherman and Strang (2009), Crim-PORT 1.0",
        items=CRIMPORT,
        answers=crimport_answers(evaluation),
    )


def _checklist(
    *,
    anchor: str,
    title: str,
    source: str,
    items: tuple[tuple[str, str], ...],
    answers: Mapping[str, str],
) -> Section:
    filled = sum(number in answers for number, _ in items)
    return Section(
        anchor=anchor,
        title=title,
        paragraphs=(
            f"{source}. {filled} of {len(items)} items are answered, wholly or in part, from the "
            "protocol and the data; the rest is left open, as neither holds an answer.",
        ),
        tables=(
            Table(
                caption=f"{title}: where each item is answered",
                columns=("Item", "What is asked", "Answer"),
                rows=tuple((number, asked, answers.get(number, BLANK)) for number, asked in items),
            ),
        ),
    )


def consort_answers(evaluation: Evaluation) -> dict[str, str]:
    """Return the answers to CONSORT's items that protocol and data hold, by number."""
    protocol = evaluation.protocol
    answers = _of_results(evaluation)
    if protocol is None:
        return answers
    answers |= {
        "9": f"Parallel arms ({', '.join(evaluation.arms)}), allocated "
        f"{':'.join(map(str, protocol.allocation.ratio))}, control first. Framework: {BLANK}",
        "14": "See Provenance: outcomes as promised",
        "17b": allocation_told(protocol.allocation),
        "21a": f"Named below each result. {_errors(protocol)}",
    }
    if protocol.registration:
        answers["2"] = protocol.registration
    if protocol.planning:
        plan = protocol.planning
        effect = (
            f"a hazard ratio of {plan.hazard_ratio:g}"
            if plan.hazard_ratio is not None
            else f"a difference of {100 * (plan.difference or 0):+.1f} points"
        )
        answers["16a"] = (
            f"{plan.people:,} people, for a power of {100 * plan.power:g}% to find {effect} where "
            f"{100 * plan.control_risk:g}% of control have the primary outcome"
        )
        if plan.looks:
            looks = ", ".join(f"{100 * look:g}%" for look in plan.looks)
            answers["16b"] = f"Looks planned at {looks} of the information. Stopping: {BLANK}"
    return answers


def _of_results(evaluation: Evaluation) -> dict[str, str]:
    """Return the answers that need no protocol."""
    exploratory = sum(not each.value.planned for each in evaluation.results)
    sets = dict.fromkeys(each.value.analysis_set for each in evaluation.results)
    randomised = evaluation.flow.steps[0].counts
    answers = {
        "1a": f"People were randomised: see Participant flow. The title: {BLANK}",
        "3": f"Protocol digest {evaluation.protocol_digest[:12]}; where to read it: {BLANK}"
        if evaluation.protocol
        else "No protocol was given",
        "4": "See Provenance for code, versions and seed. Access to the data: " + BLANK,
        "10": f"{exploratory} of {len(evaluation.results)} results were not promised; see "
        f"Exploratory results and Deviations. Reasons: {BLANK}",
        "21b": f"Analysis sets: {', '.join(sets)}; each result names its own",
        "21c": "People whose outcome, or a covariate adjusted for, is unknown are left out of that "
        "analysis and counted; see Participant flow"
        + (", and Sensitivity for bounds" if evaluation.bounds else ""),
        "21d": "Each result is marked planned or exploratory; see Sensitivity",
        "22a": f"See Participant flow: randomised {told_by_arm(randomised, evaluation.arms)}",
        "22b": f"Numbers: see Participant flow. Reasons: {BLANK}",
        "26": "See Planned outcomes" + (" and Exploratory results" if exploratory else ""),
        "28": "See Sensitivity and Exploratory results",
    }
    if evaluation.integrity:
        answers["24a"] = f"Treated as assigned: see Integrity. What was delivered: {BLANK}"
    if evaluation.baseline.rows:
        answers["25"] = "See Baseline"
    if evaluation.inequality:
        answers["27"] = f"Harm that participants did: see Harm. Harms of taking part: {BLANK}"
    return answers


def crimport_answers(evaluation: Evaluation) -> dict[str, str]:
    """Return the answers to CrimPORT's items that protocol and data hold, by number."""
    protocol = evaluation.protocol
    answers: dict[str, str] = {}
    flow = evaluation.flow
    if flow.assessed is not None:
        answers["5"] = f"{told(flow.assessed)} people assessed; see Participant flow"
    if evaluation.integrity:
        answers["9"] = "Treated as assigned: see Integrity. How it was managed: " + BLANK
    if protocol is None:
        return answers
    outcomes = "; ".join(f"{each.name}: {each.variable}" for each in protocol.outcomes)
    several = [each for found in evaluation.subgroups for each in found.subgroups]
    planned = [each.moderator for each in several if each.planned]
    primary = ", ".join(each.variable for each in protocol.outcomes if each.primary)
    control, *others = evaluation.arms
    return answers | {
        "1A": protocol.title,
        "1E": f"{' or '.join(others)} against {control}, on {primary}. Direction: {BLANK}",
        "1F2": outcomes,
        "1F3": ", ".join(planned) if planned else "None were promised",
        "3": f"One row a person; randomised: {told_by_arm(flow.steps[0].counts, flow.arms)}",
        "6": f"Outcomes are read within {protocol.horizon:g} {protocol.unit}. Dates: {BLANK}",
        "7": allocation_told(protocol.allocation),
        "8": f"Arms: {', '.join(evaluation.arms)}, control first. Their elements: {BLANK}",
        "10": "See Provenance: outcomes as promised",
        "11": f"Protocol digest {evaluation.protocol_digest[:12]}: {len(protocol.estimands)} "
        f"estimands. {_errors(protocol)}",
    }


def _errors(protocol: Protocol) -> str:
    analysis = protocol.analysis
    return f"Two-sided alpha {analysis.alpha:g}, multiplicity: {analysis.multiplicity}"


def allocation_told(plan: AllocationPlan) -> str:
    """Return the promised allocation in words."""
    parts = [
        f"{plan.rule.replace('-', ' ')}, ratio {':'.join(map(str, plan.ratio))}, control first"
    ]
    if plan.sizes:
        parts.append(f"block sizes {', '.join(map(str, plan.sizes))}")
    if plan.strata:
        parts.append(f"within strata of {', '.join(plan.strata)}")
    if plan.clusters:
        parts.append(f"whole clusters of {', '.join(plan.clusters)}")
    return "; ".join(parts)


def outcome_told(protocol: Protocol, name: str) -> str:
    """Return an outcome as CONSORT item 14 asks: variable, metric, aggregation, time point."""
    outcome = protocol.outcome(name)
    at = "" if outcome.binary else f"; read at {protocol.time_point(name):g} {protocol.unit}"
    return f"{outcome.variable}; {outcome.metric}; {outcome.aggregation}{at}"
