"""The command `checkpoint-eval init`: a protocol drafted from a table."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from checkpoint_eval._checks import counted
from checkpoint_eval.cli_randomise import FILE, THERE, refusals
from checkpoint_eval.cli_reading import lines_told, quoted, read_table
from checkpoint_eval.errors import OutputRefused

if TYPE_CHECKING:
    from checkpoint_eval.cli_guessing import Columns


@click.command(short_help="Draft a protocol from your table.")
@click.argument("data", type=THERE)
@click.option("--arm", metavar="COLUMN", help="The arm each person was randomised to.")
@click.option("--control", metavar="LABEL", help="The value of --arm that means control.")
@click.option("--id", "id", metavar="COLUMN", help="A unique identifier.")
@click.option("--received", metavar="COLUMN", help="The arm each person received.")
@click.option("--outcome", metavar="NAME", help="What to call the primary outcome.")
@click.option(
    "--time", metavar="COLUMN", help="Duration from randomisation, of the primary outcome."
)
@click.option("--event", metavar="COLUMN", help="0/1: whether the event ended --time.")
@click.option("--unit", metavar="UNIT", help="Of --time: days, weeks, months or years.")
@click.option("--horizon", type=float, help="When outcomes are read, in that unit.")
@click.option(
    "--binary", metavar="COLUMN", multiple=True, help="A yes-or-no outcome, 0/1; repeatable."
)
@click.option("--strata", metavar="COLUMN", multiple=True, help="A stratum of the randomisation.")
@click.option("--covariate", metavar="COLUMN", multiple=True, help="A baseline column; repeatable.")
@click.option("--title", help="The name of the trial.")
@click.option(
    "--ask/--no-ask", default=None, help="Ask for what no option says; by default in a terminal."
)
@click.option("--out", type=FILE, default=Path("protocol.toml"), show_default=True)
def init(data: Path, out: Path, *, ask: bool | None, **given: Any) -> None:
    """Draft a protocol for DATA, a CSV or Parquet table with one row a person.

    Options say which column is what; the rest is asked in a terminal, elsewhere guessed from names
    and values. What cannot be guessed says TODO, and `evaluate` refuses it until it is settled.
    """
    with refusals():
        _refuse_existing(out)
        from checkpoint_eval.cli_drafting import UNKNOWN, draft_text
        from checkpoint_eval.cli_guessing import Columns
        from checkpoint_eval.cli_interview import Interview, drafted
        from checkpoint_eval.design.protocol_toml import parse_protocol

        columns = Columns(frame=read_table(data, id=given["id"]).to_pandas())
        asking = sys.stdin.isatty() if ask is None else ask
        if asking:
            _show(columns)
        interview = Interview(columns=columns, given=given, asking=asking)
        with lines_told(data):
            found = drafted(interview, data)
        text = draft_text(found)
        parse_protocol(text, name=str(out))
        _write_new(out, text)
    _tell(text, data, out)
    if found.time == "":
        _tell_dates(columns.dates(), data)
    if UNKNOWN in (found.event, found.binary):
        _tell_events(found.id, columns.dates(), data)


def _show(columns: "Columns") -> None:
    """Say what the table has, so that questions can be answered by name."""
    size = counted(len(columns.frame), "row")
    names = ", ".join(map(repr, columns.names))
    click.echo(f"{size}; columns: {names}\nEnter takes what stands in brackets.\n", err=True)


def _tell_dates(dates: Sequence[str], data: Path) -> None:
    """Say how two dates become a duration; a yes or no knows nothing of when."""
    if len(dates) > 1:
        start, event = (quoted(name) for name in dates[:2])
        click.echo(
            f"{', '.join(map(repr, dates))} hold dates. To compare the time to an outcome instead, "
            "make a\nduration of two, of randomisation and outcome, and the last day of the "
            "records:\n"
            f"  checkpoint-eval tidy {quoted(data)} --start {start} --event {event} "
            "--until 2026-01-31"
        )


def _tell_events(person: str, dates: Sequence[str], data: Path) -> None:
    """Say how the outcome comes from another table."""
    who = quoted(person or "PERSON ID")
    start = quoted(dates[0] if dates else "DATE RANDOMISED")
    click.echo(
        "Is the outcome in a table of its own, one row an offence? Then take each person's first:\n"
        f"  checkpoint-eval tidy {quoted(data)} --id {who} --start {start} "
        '--events OFFENCES.csv --event "OFFENCE DATE" --until 2026-01-31'
    )


def _refuse_existing(out: Path) -> None:
    if out.exists():
        raise OutputRefused(f"{out} exists and is left as it is; choose another file by --out.")


def _write_new(out: Path, text: str) -> None:
    """Write a file that was not there, whole or not at all."""
    from checkpoint_eval._atomic import write_file

    _refuse_existing(out)  # once more: it may have come while questions were answered
    write_file(out, text.encode())


def _tell(text: str, data: Path, out: Path) -> None:
    click.echo(f"Drafted: {out}")
    todo = [line for line in text.splitlines() if "# TODO" in line]
    for line in todo:
        click.echo(f"  {' '.join(line.split())}")
    first = f"settle {counted(len(todo), 'TODO')}, " if todo else ""
    click.echo(
        f"Next: {first}read every line, put what is measured into words, and then\n"
        f"  checkpoint-eval evaluate {quoted(out)} {quoted(data)} --out report"
    )
