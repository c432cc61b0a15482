"""The command `checkpoint-eval`: demo, init, evaluate, power and the others."""

import codecs
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from checkpoint_eval._checks import counted
from checkpoint_eval.cli_init import init
from checkpoint_eval.cli_power import power
from checkpoint_eval.cli_practise import certify, generate
from checkpoint_eval.cli_randomise import randomise, refusals
from checkpoint_eval.cli_tidy import tidy
from checkpoint_eval.errors import OutputRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checkpoint_eval.design.protocol import Estimand
    from checkpoint_eval.outcomes.trial import Trial
    from checkpoint_eval.report.evaluation import Evaluation, Result


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="checkpoint-eval")
def main() -> None:
    """Deferred-prosecution trials, from design to published page."""
    _print_anywhere()


# Typographic signs, and what a terminal that lacks them is given.
PLAIN = {ord("−"): "-", ord("–"): "-", ord("“"): '"', ord("”"): '"', ord("·"): "-"}


def _print_anywhere() -> None:
    """Print what the terminal's encoding can hold, plain signs for those it cannot."""

    def plain(problem: UnicodeError) -> tuple[str, int]:
        if not isinstance(problem, UnicodeEncodeError):
            raise problem
        part = problem.object[problem.start : problem.end]
        return part.translate(PLAIN).encode("ascii", "replace").decode(), problem.end

    codecs.register_error("plain_signs", plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain_signs")


with_word = click.option("--word", is_flag=True, help="Write report.docx, too.")
with_excel = click.option("--excel", is_flag=True, help="Write report.xlsx, too.")
with_exact = click.option(
    "--exact", is_flag=True, help="Write every count as it is, for the team: not to be passed on."
)


@main.command(short_help="Evaluate a real trial, to see what a report is.")
@with_word
@with_excel
@with_exact
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("checkpoint-report"),
    show_default=True,
    help="Folder for the report.",
)
def demo(out: Path, **files: bool) -> None:
    """Evaluate a real trial: financial aid to men released from prison (Rossi et al. 1980)."""
    with refusals():
        from checkpoint_eval.cohort.published import load_rossi

        _check_output(out, **files)
        _report(load_rossi(), out, **files)


@main.command(short_help="Evaluate your own trial: protocol and table in, report out.")
@click.argument("protocol", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("people", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_word
@with_excel
@with_exact
@click.option(
    "--episodes",
    type=(str, click.Path(exists=True, dir_okay=False, path_type=Path)),
    multiple=True,
    metavar="OUTCOME TABLE",
    help="A repeated outcome's own table: who, start, stop, event; repeatable.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder for the report."
)
def evaluate(
    protocol: Path, people: Path, out: Path, episodes: tuple[tuple[str, Path], ...], **files: bool
) -> None:
    """Evaluate your own trial: PROTOCOL is a TOML file, PEOPLE a CSV or Parquet table.

    `checkpoint-eval init PEOPLE` drafts the protocol; docs/protocol.md explains every key of it.
    An outcome that is `repeated` there has one row an interval at risk in a TABLE of its own, as
    `checkpoint-eval tidy --episodes` writes it; times run in the protocol's unit.
    """
    if people.suffix.lower() == ".toml" and protocol.suffix.lower() != ".toml":
        raise click.UsageError("The protocol comes first, then the table.")
    with refusals():
        from checkpoint_eval.cli_columns import refuse_misfits, refuse_open
        from checkpoint_eval.cli_reading import lines_told, read_table, with_episodes
        from checkpoint_eval.design.protocol_toml import parse_protocol
        from checkpoint_eval.design.typed_toml import read_text
        from checkpoint_eval.outcomes.trial import Trial

        _check_output(out, **files)
        text = read_text(protocol, what="Protocol")
        promised = parse_protocol(text, name=str(protocol))
        refuse_open(text, file=str(protocol))
        table = read_table(people, id=promised.columns.id or None)
        refuse_misfits(table, promised, text, files=(str(protocol), str(people)))
        with lines_told(people):
            trial = Trial.from_protocol(table, promised)
        trial = with_episodes(trial, promised, episodes)
        _report(trial, out, **files)


def _check_output(out: Path, *, word: bool, excel: bool, exact: bool) -> None:  # noqa: ARG001
    """Refuse before any work what could not be written after it."""
    from importlib.util import find_spec

    from checkpoint_eval._atomic import check_writable
    from checkpoint_eval.report.folder import check_folder

    check_writable(check_folder(out))
    for asked, package, extra in ((word, "docx", "docx"), (excel, "openpyxl", "excel")):
        if asked and find_spec(package) is None:
            raise OutputRefused(
                f"--{'word' if package == 'docx' else 'excel'} needs more than is installed: "
                f"pip install 'checkpoint-eval[{extra}]'."
            )


def _report(trial: "Trial", out: Path, *, word: bool, excel: bool, exact: bool) -> None:
    """Evaluate, write and tell."""
    from checkpoint_eval.report.disclosure import Disclosure
    from checkpoint_eval.report.evaluating import evaluate as evaluate_trial
    from checkpoint_eval.report.folder import write_folder

    with Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
    ) as progress:
        task = progress.add_task("Evaluating", total=None)

        def shown(estimands: "Sequence[Estimand]") -> "Iterator[Estimand]":
            progress.update(task, total=len(estimands) + 1)
            for estimand in estimands:
                progress.update(task, description=escape(f"{estimand.outcome}: {estimand.measure}"))
                yield estimand
                progress.advance(task)

        evaluation = evaluate_trial(trial, progress=shown)
        progress.update(task, description="Writing the report")
        rule = None if exact else Disclosure()
        folder = write_folder(evaluation, out, word=word, workbook=excel, disclosure=rule)
        progress.update(task, description="Done", advance=1)
    _tell(Console(markup=False, emoji=False), evaluation, folder, exact=exact)


def _tell(console: Console, evaluation: "Evaluation", folder: Path, *, exact: bool) -> None:
    """Print the results as a table, and where the report is."""
    from checkpoint_eval.report.sections_headline import headline

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
                table.add_row(*_cells(result, several=len(evaluation.arms) > 2))
        console.print(table)
    console.print()
    standing = "Planned; * confirmatory." if evaluation.protocol else "No protocol: exploratory."
    console.print(
        f"{standing} Cells: events/people; result. Protocol {evaluation.protocol_digest[:12]}, "
        f"data {evaluation.data_digest[:12]}, seed {evaluation.seed}.",
        highlight=False,
        style="dim",
    )
    if not exact:
        console.print(
            "Counts here are exact; in the files small ones are withheld and others rounded "
            "(--exact writes them as they are).",
            highlight=False,
            style="dim",
        )
    for name in ("report.html", "report.docx", "report.xlsx"):
        if (folder / name).exists():
            click.echo(f"Report: {folder / name}")


def _cells(result: "Result", *, several: bool) -> list[str]:
    """Return one row of the terminal's table; the page and the CSV say more."""
    from checkpoint_eval.report.tables import table_row
    from checkpoint_eval.results import Estimate

    row, value = table_row(result), result.value
    name = value.estimand if isinstance(value, Estimate) else value.test
    if isinstance(value, Estimate) and several:
        name += f", {value.contrast[0]}"
    if isinstance(value, Estimate) and value.adjusted_for:
        name += f", {counted(len(value.adjusted_for), 'covariate')}"
    if value.analysis_set != "itt":
        name += f", {value.analysis_set}"
    name += " *" if result.confirmatory else ""
    return [name, row["control"], row["treatment"], row["effect (interval)"], row["p"]]


for command in (tidy, init, power, randomise, generate, certify):
    main.add_command(command)

if __name__ == "__main__":
    main()
