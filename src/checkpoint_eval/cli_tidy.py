"""The command `checkpoint-eval tidy`: a table as exported, made into one that can be read."""

from datetime import datetime
from pathlib import Path

import click

from checkpoint_eval._checks import counted
from checkpoint_eval.cli_randomise import FILE, THERE, refusals
from checkpoint_eval.cli_reading import quoted
from checkpoint_eval.errors import OutputRefused


@click.command(short_help="Make an exported table (Excel, dates, Yes/No) ready to be read.")
@click.argument("data", type=THERE)
@click.option("--start", metavar="COLUMN", help="The date of randomisation.")
@click.option("--event", metavar="COLUMN", help="The date of the outcome; empty where none.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day the records cover.")
@click.option("--days", type=click.IntRange(min=1), help="Everybody is followed so many days.")
@click.option("--out", type=FILE, help="The new CSV.  [default: DATA-tidy.csv]")
def tidy(
    data: Path,
    start: str | None,
    event: str | None,
    until: datetime | None,
    days: int | None,
    out: Path | None,
) -> None:
    """Write DATA, an exported CSV or Excel table, as a CSV that the other commands can read.

    Yes and No become 1 and 0, British dates 2026-01-31, "1,234" 1234; blanks too many go and a
    category is spelt in one way. Every change is told, DATA stays as it is.

    With --start and --event two columns are added: the days between the two dates and 0/1 whether
    the event was seen; follow-up ends at --until, after --days, or at what comes first. Deaths and
    custody do not enter: docs/records.md tells how outcomes come from a police extract.
    """
    if (start is None) != (event is None) or (start is None) != (until is None and days is None):
        raise click.UsageError("--start and --event go together, with --until or --days.")
    target = out or data.with_name(f"{data.stem}-tidy.csv")
    with refusals():
        if target.exists():
            raise OutputRefused(f"{target} exists and is left as it is; name another by --out.")
        from checkpoint_eval._atomic import write_file
        from checkpoint_eval._checks import check_known
        from checkpoint_eval.cli_sheets import read_sheet
        from checkpoint_eval.cli_tidying import tidied, with_duration

        frame, told = read_sheet(data)
        frame, more = tidied(frame)
        if start is not None and event is not None:
            for option, name in (("--start", start), ("--event", event)):
                check_known(name, list(frame.columns), what=f"{option}: column")
            last = None if until is None else f"{until:%Y-%m-%d}"
            frame, dated = with_duration(frame, start=start, event=event, until=last, days=days)
            more += dated
        write_file(target, frame.to_csv(index=False, lineterminator="\n").encode())
    for line in told + more:
        click.echo(f"  {line}")
    size = f"{counted(len(frame), 'person', 'people')}, {counted(frame.shape[1], 'column')}"
    click.echo(f"Written: {target} ({size}; {'as above' if told + more else 'nothing to change'})")
    click.echo(f"Next:\n  checkpoint-eval init {quoted(target)}")
