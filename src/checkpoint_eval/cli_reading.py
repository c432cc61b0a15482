"""Reading the people table for a command, with the remedy a command line has."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checkpoint_eval._checks import check_known
from checkpoint_eval._frames import column_names
from checkpoint_eval.errors import InvalidData, TrialError

if TYPE_CHECKING:
    from checkpoint_eval.design.protocol import Protocol
    from checkpoint_eval.outcomes.trial import Trial

ROW = re.compile(r"\brow ([\d,]+)")


def read_table(file: Path, *, id: str | None) -> Any:  # noqa: A002
    """Return the table; where it cannot be read, say which command mends it.

    Raises
    ------
    InvalidData
        As `read_people` does.
    """
    from checkpoint_eval.outcomes.files import read_people

    try:
        return read_people(file, id=id)
    except InvalidData as problem:
        raise InvalidData(f"{problem}\nOr try:  checkpoint-eval tidy {quoted(file)}") from problem


def with_episodes(
    trial: "Trial", protocol: "Protocol", files: Iterable[tuple[str, Path]]
) -> "Trial":
    """Return the trial with the repeated events that stand in tables of their own.

    Raises
    ------
    TrialError
        For an outcome that the protocol does not say is repeated, and without `columns.id`.
    InvalidData
        As `Episodes.from_frame` does.
    """
    from checkpoint_eval.outcomes.episodes import Episodes

    repeated = [outcome.name for outcome in protocol.outcomes if outcome.repeated]
    found: dict[str, Episodes] = {}
    for name, file in files:
        if not repeated:
            raise TrialError(
                f"--episodes {name!r}: no outcome of the protocol is of repeated events; give one "
                "the line `repeated = true`."
            )
        check_known(name, repeated, what="--episodes: repeated outcome")
        who = protocol.columns.id
        if not who:
            raise TrialError(
                "--episodes needs to know who is who; name the column of identifiers as `id` under "
                "[columns]."
            )
        table = read_table(file, id=who)
        ends = {"terminal": "terminal"} if "terminal" in column_names(table) else {}
        with lines_told(file):
            found[name] = Episodes.from_frame(
                table,
                ids=trial.ids,
                id=who,
                start="start",
                stop="stop",
                event="event",
                unit=protocol.unit,
                **ends,
            )
    for name in repeated:
        if name not in found and name in {estimand.outcome for estimand in protocol.estimands}:
            raise TrialError(
                f"Outcome {name!r} is of repeated events, which a people table does not hold; give "
                f"their table by --episodes {quoted(name)} TABLE (checkpoint-eval tidy --episodes "
                "writes it)."
            )
    return replace(trial, outcomes={**trial.outcomes, **found}) if found else trial


@contextmanager
def lines_told(file: Path) -> Iterator[None]:
    """Say of a row, which dataframes count from 0, which line of the file it is."""
    try:
        yield
    except TrialError as problem:
        found = ROW.search(str(problem))
        if found is None or file.suffix.lower() != ".csv":
            raise
        row = int(found.group(1).replace(",", ""))
        told = f"(Row {row} is line {row + 2} of {file.name}.)"
        raise type(problem)(f"{problem}\n{told}") from problem


def quoted(text: object) -> str:
    """Return a word of a command line, in quotes where it needs them; they suit every shell."""
    word = str(text)
    return word if re.fullmatch(r"[\w./:\\-]+", word) else f'"{word}"'
