"""The last section: what was promised, what made the numbers, and how to make them again."""

from checkpoint_eval.report.checklists import allocation_told, outcome_told
from checkpoint_eval.report.evaluation import Evaluation
from checkpoint_eval.report.sections import Section, Table
from checkpoint_eval.report.sections_people import Drawings

UNPROTECTED = (
    "Counts are told as they are: this report was written without disclosure control, so it may "
    "tell of single people."
)


def provenance_section(evaluation: Evaluation, _: Drawings) -> Section:
    """Return where the numbers come from."""
    protected = evaluation.protected
    return Section(
        anchor="provenance",
        title="Provenance",
        paragraphs=(protected.told if protected else UNPROTECTED,),
        parts=(
            *([_promised(evaluation)] if evaluation.protocol else []),
            _made(evaluation),
            _repeated(evaluation),
        ),
    )


def _promised(evaluation: Evaluation) -> Section:
    protocol = evaluation.protocol
    if protocol is None:  # pragma: no cover - asked for only where there is one
        raise TypeError("nothing was promised")
    rows = [
        ("Arms, control first", ", ".join(arm.name for arm in protocol.arms)),
        ("Allocation", allocation_told(protocol.allocation)),
        ("Horizon", f"{protocol.horizon:g} {protocol.unit}"),
    ]
    rows += [
        (
            f"Outcome {each.name}{' (primary)' if each.primary else ''}",
            outcome_told(protocol, each.name),
        )
        for each in protocol.outcomes
    ]
    rows += [(f"Analysis set {each.name}", each.description) for each in protocol.analysis_sets]
    analysis = protocol.analysis
    rows += [
        ("Alpha, two-sided", f"{analysis.alpha:g}"),
        ("Multiplicity", analysis.multiplicity),
        ("Draws of randomisation tests", f"{analysis.draws:,}"),
    ]
    return Section(
        anchor="promised",
        title="What was promised",
        tables=(Table(caption="The protocol", columns=("What", "As promised"), rows=tuple(rows)),),
    )


def _made(evaluation: Evaluation) -> Section:
    rows = [
        ("Protocol digest (SHA-256)", evaluation.protocol_digest or "none"),
        ("Data digest (SHA-256)", evaluation.data_digest),
        ("Seed", str(evaluation.seed)),
        *evaluation.versions.items(),
    ]
    return Section(
        anchor="made",
        title="What made these numbers",
        tables=(
            Table(
                caption="Digests, seed and versions", columns=("What", "Value"), rows=tuple(rows)
            ),
        ),
    )


def _repeated(evaluation: Evaluation) -> Section:
    version = evaluation.versions.get("checkpoint-eval", "")
    told_of = (
        "With the same protocol and data, these lines give the same numbers on any machine; the "
        "digests above tell whether they are the same. The folder they write holds this page, "
        "estimates.csv with a row for each estimate, evaluation.json with everything, and the "
        "figures."
    )
    commands = (
        f"pip install checkpoint-eval=={version}",
        "checkpoint-eval evaluate protocol.toml people.csv --out report",
    )
    if evaluation.protocol is None:
        told_of = (
            "With the same table read into a trial, these lines give the same numbers on any "
            "machine; the digests above tell whether the data are the same."
        )
        commands = (
            commands[0],
            'python -c "import checkpoint_eval as ce; help(ce.evaluate)"',
        )
    return Section(
        anchor="repeat", title="How to make them again", paragraphs=(told_of,), commands=commands
    )
