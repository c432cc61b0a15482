"""The command `checkpoint-eval init`: a protocol drafted from a table."""

import sys
from pathlib import Path
from typing import Any

import click

from checkpoint_eval._checks import counted
from checkpoint_eval.cli_randomise import FILE, THERE, refusals
from checkpoint_eval.errors import OutputRefused


@click.command()
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
        from checkpoint_eval.cli_drafting import draft_text
        from checkpoint_eval.cli_guessing import Columns
        from checkpoint_eval.cli_interview import Interview, drafted
        from checkpoint_eval.design.protocol_toml import parse_protocol
        from checkpoint_eval.outcomes.files import read_people

        columns = Columns(frame=read_people(data, id=given["id"]).to_pandas())
        asking = sys.stdin.isatty() if ask is None else ask
        interview = Interview(columns=columns, given=given, asking=asking)
        text = draft_text(drafted(interview, data))
        parse_protocol(text, name=str(out))
        _write_new(out, text)
    _tell(text, data, out)


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
        f"  checkpoint-eval evaluate {out} {data} --out report"
    )
