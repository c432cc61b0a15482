"""The command `checkpoint-eval tidy`: a table as exported, made into one that can be read."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from checkpoint_eval._checks import counted
from checkpoint_eval.cli_randomise import FILE, THERE, refusals
from checkpoint_eval.cli_reading import quoted
from checkpoint_eval.errors import OutputRefused

if TYPE_CHECKING:
    import pandas as pd


@click.command(short_help="Make an exported table (Excel, dates, Yes/No) ready to be read.")
@click.argument("data", type=THERE)
@click.option("--start", metavar="COLUMN", help="The date of randomisation.")
@click.option("--event", metavar="COLUMN", help="The date of the outcome; empty where none.")
@click.option("--events", type=THERE, help="The table with --event, one row an event; needs --id.")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="The last day the records cover.",
)
@click.option("--days", type=click.IntRange(min=1), help="Everybody is followed so many days.")
@click.option("--id", "id", metavar="COLUMN", help="Who it is; rows that are alike are then one.")
@click.option(
    "--month-first", metavar="COLUMN", multiple=True, help="Dates as 12/31/2026; repeatable."
)
@click.option("--episodes", type=FILE, help="Write every event of --events here, for evaluate.")
@click.option("--out", type=FILE, help="The new CSV.  [default: DATA-tidy.csv]")
def tidy(
    data: Path,
    events: Path | None,
    id: str | None,  # noqa: A002 - as in `init`
    month_first: tuple[str, ...],
    episodes: Path | None,
    out: Path | None,
    **dates: Any,
) -> None:
    """Write DATA, an exported CSV or Excel table, as a CSV that the other commands can read.

    Yes and No become 1 and 0, 31/01/2026 and 31 Jan 2026 become 2026-01-31, "1,234" 1234; blanks
    too many go and a category is spelt in one way. Every change is told, DATA stays as it is.

    With --start and --event two columns are added: the days between the two dates and 0/1 whether
    the event was seen; follow-up ends at --until, after --days, or at what comes first. Where
    events have a table of their own (--events), each person's first after the day of --start
    counts. Deaths and custody do not enter: docs/records.md tells how outcomes come from a police
    extract.
    """
    start, event = dates["start"], dates["event"]
    ends = dates["until"], dates["days"]
    if (start is None) != (event is None) or (start is None) != (ends == (None, None)):
        raise click.UsageError("--start and --event go together, with --until or --days.")
    if events is not None and (start is None or id is None):
        raise click.UsageError("--events needs --id, of both tables, and --start, --event.")
    if episodes is not None and events is None:
        raise click.UsageError("--episodes needs the table of --events.")
    target = out or data.with_name(f"{data.stem}-tidy.csv")
    with refusals():
        _refuse_existing(target, episodes)
        from checkpoint_eval.cli_durations import one_row_each
        from checkpoint_eval.cli_tidying import read_tidied, refuse_unknown

        tables, told = read_tidied(data, events, month_first=month_first, id=id)
        frame, seen = tables[0], tables[-1]
        refuse_unknown(frame, {"--id": id, "--start": start})
        refuse_unknown(seen, {"--id": id, "--event": event})
        if id is not None:
            frame, more = one_row_each(frame, id=id)
            told += more
        written = {}
        if start is not None:
            apart = seen if events is not None else None
            frame, spells, more = _followed(frame, apart, id=id, **dates)
            told += more
            written = {} if episodes is None or spells is None else {episodes: spells}
        for file, table in {**written, target: frame}.items():
            _write(file, table)
    _tell(frame, told, target, episodes)


def _refuse_existing(target: Path, episodes: Path | None) -> None:
    for option, file in (("--out", target), ("--episodes", episodes)):
        if file is not None and file.exists():
            raise OutputRefused(f"{file} exists and is left as it is; name another by {option}.")


def _followed(
    frame: "pd.DataFrame",
    events: "pd.DataFrame | None",
    *,
    id: str | None,  # noqa: A002
    start: str,
    event: str,
    until: datetime | None,
    days: int | None,
) -> "tuple[pd.DataFrame, pd.DataFrame | None, list[str]]":
    """Return the table with a duration, intervals where events have a table, and what to say."""
    from checkpoint_eval.cli_durations import first_events, intervals, with_duration

    follow_up: dict[str, Any] = {
        "start": start,
        "event": event,
        "until": None if until is None else f"{until:%Y-%m-%d}",
        "days": days,
    }
    if events is None or id is None:
        frame, told = with_duration(frame, None, **follow_up)
        return frame, None, told
    happened, left_out = first_events(frame, events, id=id, start=start, event=event)
    longer, told = with_duration(frame, happened, **follow_up)
    return longer, intervals(frame, events, id=id, **follow_up), left_out + told


def _write(file: Path, table: "pd.DataFrame") -> None:
    from checkpoint_eval._atomic import write_file

    write_file(file, table.to_csv(index=False, lineterminator="\n").encode())


def _tell(frame: "pd.DataFrame", told: list[str], target: Path, episodes: Path | None) -> None:
    for line in told:
        click.echo(f"  {line}")
    size = f"{counted(len(frame), 'row')}, {counted(frame.shape[1], 'column')}"
    click.echo(f"Written: {target} ({size}; {'as above' if told else 'nothing to change'})")
    if episodes is not None:
        click.echo(f"Written: {episodes} (every event, as intervals at risk)")
    click.echo(f"Next, if it has one row a person:\n  checkpoint-eval init {quoted(target)}")
