"""The command `checkpoint-eval`: demo and evaluate."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from checkpoint_eval._checks import counted
from checkpoint_eval.errors import InvalidData, TrialError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from checkpoint_eval.design.protocol import Estimand, Protocol
    from checkpoint_eval.outcomes.trial import Trial
    from checkpoint_eval.report.evaluation import Evaluation, Result

# What an empty cell of a CSV may say. Nothing else is taken for missing: "None" may be a category.
MISSING = ("", "NA")


class Refused(click.ClickException):
    """A refusal shown as one message, without a traceback."""

    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="checkpoint-eval")
def main() -> None:
    """Deferred-prosecution trials, from design to published page."""


@main.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("checkpoint-report"),
    show_default=True,
    help="Folder for the report.",
)
def demo(out: Path) -> None:
    """Evaluate a real trial: financial aid to men released from prison (Rossi et al. 1980)."""
    try:
        from checkpoint_eval.cohort.published import load_rossi
        from checkpoint_eval.report.folder import check_folder

        check_folder(out)
        _report(load_rossi(), out)
    except TrialError as problem:
        raise Refused(str(problem)) from problem


@main.command()
@click.argument("protocol", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("people", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder for the report."
)
def evaluate(protocol: Path, people: Path, out: Path) -> None:
    """Evaluate your own trial: PROTOCOL is a TOML file, PEOPLE a CSV or Parquet table."""
    try:
        from checkpoint_eval.design.protocol_toml import read_protocol
        from checkpoint_eval.outcomes.trial import Trial
        from checkpoint_eval.report.folder import check_folder

        check_folder(out)
        promised = read_protocol(protocol)
        _report(Trial.from_protocol(read_people(people, promised), promised), out)
    except TrialError as problem:
        raise Refused(str(problem)) from problem


def read_people(path: Path, protocol: "Protocol") -> "pa.Table":
    """Read a CSV or Parquet table; identifiers and text stay as they are written.

    The reader is pyarrow's: it refuses lines that are too long or too short, where pandas would
    shift columns in silence.
    """
    import pyarrow as pa
    from pyarrow import csv, parquet

    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("csv", "parquet"):
        raise InvalidData(f"{path} is neither .csv nor .parquet; save the table as one of them.")
    try:
        if kind == "parquet":
            return parquet.read_table(path)
        as_written = {protocol.columns.id: pa.string()} if protocol.columns.id else {}
        return csv.read_csv(
            path,
            # One block: types are then told from every row, not from the first megabyte.
            read_options=csv.ReadOptions(block_size=max(1 << 20, path.stat().st_size + 1)),
            convert_options=csv.ConvertOptions(
                null_values=list(MISSING), strings_can_be_null=True, column_types=as_written
            ),
        )
    except (pa.ArrowException, OSError) as problem:
        told = str(problem).splitlines()[0].rstrip(".")
        raise InvalidData(f"{path} cannot be read as {kind}: {told}.") from problem


def _report(trial: "Trial", out: Path) -> None:
    """Evaluate, write and tell."""
    from checkpoint_eval.report.evaluating import evaluate as evaluate_trial
    from checkpoint_eval.report.folder import write_folder

    console = Console()
    with Progress(
        TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), console=console
    ) as progress:
        task = progress.add_task("Evaluating", total=None)

        def shown(estimands: "Sequence[Estimand]") -> "Iterator[Estimand]":
            progress.update(task, total=len(estimands) + 1)
            for estimand in estimands:
                progress.update(task, description=f"{estimand.outcome}: {estimand.measure}")
                yield estimand
                progress.advance(task)

        evaluation = evaluate_trial(trial, progress=shown)
        progress.update(task, description="Writing the report")
        folder = write_folder(evaluation, out)
        progress.update(task, description="Done", advance=1)
    _tell(console, evaluation, folder)


def _tell(console: Console, evaluation: "Evaluation", folder: Path) -> None:
    """Print the results as a table, and where the report is."""
    from checkpoint_eval.report.tables import headline

    console.print()
    console.print(evaluation.title, style="bold", highlight=False)
    console.print(headline(evaluation), highlight=False)
    for outcome in dict.fromkeys(result.value.outcome for result in evaluation.results):
        console.print()
        table = Table(
            title=outcome, title_justify="left", title_style="bold", box=None, pad_edge=False
        )
        table.add_column("Measure", overflow="fold")
        for arm in (evaluation.arms[0], ", ".join(evaluation.arms[1:])):
            table.add_column(arm, overflow="fold")
        table.add_column(f"Effect ({100 * evaluation.level:g}% interval)", overflow="fold")
        table.add_column("p", justify="right")
        for result in evaluation.results:
            if result.value.outcome == outcome:
                table.add_row(*_cells(result))
        console.print(table)
    console.print()
    standing = "Planned; * confirmatory." if evaluation.protocol else "No protocol: exploratory."
    console.print(
        f"{standing} Cells: events/people; result. Protocol {evaluation.protocol_digest[:12]}, "
        f"data {evaluation.data_digest[:12]}, seed {evaluation.seed}.",
        highlight=False,
        style="dim",
    )
    console.print(f"Report: {folder / 'report.html'}", highlight=False)


def _cells(result: "Result") -> list[str]:
    """Return one row of the terminal's table; the page and the CSV say more."""
    from checkpoint_eval.report.tables import table_row
    from checkpoint_eval.results import Estimate

    row, value = table_row(result), result.value
    name = value.estimand if isinstance(value, Estimate) else value.test
    if isinstance(value, Estimate) and value.adjusted_for:
        name += f", {counted(len(value.adjusted_for), 'covariate')}"
    if value.analysis_set != "itt":
        name += f", {value.analysis_set}"
    name += " *" if result.confirmatory else ""
    return [name, row["control"], row["treatment"], row["effect (interval)"], row["p"]]
