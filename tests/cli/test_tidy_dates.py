"""`checkpoint-eval tidy`: dates in whatever form, and the order of day and month never guessed."""

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from checkpoint_eval.cli import main


def tidy(folder: Path, cells: list[str], *options: str) -> tuple[int, str, list[str]]:
    """Return exit code, words on one line, and the cells written."""
    file = folder / "people.csv"
    quoted = "".join(f'x,"{cell}"\n' for cell in cells)
    file.write_text(f"id,On\n{quoted}", encoding="utf-8")
    new = folder / "people-tidy.csv"
    new.unlink(missing_ok=True)
    result = CliRunner().invoke(main, ["tidy", str(file), *options])
    after = []
    if new.exists():
        after = pd.read_csv(new, dtype=str, keep_default_na=False)["On"].tolist()
    return result.exit_code, " ".join(result.output.split()), after


MONTH_FIRST = ("--month-first", "On")


@pytest.mark.parametrize(
    ("cell", "options", "day"),
    [
        ("31/01/2016", (), "2016-01-31"),
        ("31.1.2016", (), "2016-01-31"),
        ("31-01-2016", (), "2016-01-31"),
        ("31-JAN-2016", (), "2016-01-31"),
        ("1 Sept 2016", (), "2016-09-01"),
        ("1st September 2016", (), "2016-09-01"),
        ("September 1, 2016", (), "2016-09-01"),
        ("2016-01-31 00:00:00", (), "2016-01-31"),
        ("2016-01-31T09:30", (), "2016-01-31 09:30"),
        ("31/01/2016 09:30", (), "2016-01-31 09:30"),
        ("01/31/2016", MONTH_FIRST, "2016-01-31"),
        ("02/03/2016", MONTH_FIRST, "2016-02-03"),
        ("31 Jan 2016", MONTH_FIRST, "2016-01-31"),
        ("29/02/2016", (), "2016-02-29"),
        ("", (), ""),
    ],
)
def test_a_date_is_read_in_whatever_form(
    tmp_path: Path, cell: str, options: tuple[str, ...], day: str
) -> None:
    # "28/12/2015" or its like beside it: the column as a whole is of dates, and its order is clear.
    other = "12/28/2015" if options else "28/12/2015"
    code, said, found = tidy(tmp_path, [cell, other], *options)
    assert code == 0, said
    assert found == [day, "2015-12-28"]
    assert "nothing tells it" not in said


def test_a_column_that_could_be_read_both_ways_is_told_aloud(tmp_path: Path) -> None:
    code, said, found = tidy(tmp_path, ["02/03/2016", "12/11/2016", "05/05/2016"])
    assert code == 0
    assert found == ["2016-03-02", "2016-11-12", "2016-05-05"]
    assert "no day is above 12 and nothing tells it from month first" in said
    assert "add --month-first On" in said
    _, told, found = tidy(tmp_path, ["02/03/2016", "12/11/2016", "05/05/2016"], *MONTH_FIRST)
    assert found == ["2016-02-03", "2016-12-11", "2016-05-05"]
    assert "3 dates, month first: '02/03/2016' is now 2016-02-03" in told


@pytest.mark.parametrize("cells", [["05/05/2016"], ["13/05/2016", "02/03/2016"], ["2 Mar 2016"]])
def test_nothing_is_said_where_the_order_is_told(tmp_path: Path, cells: list[str]) -> None:
    assert "nothing tells it" not in tidy(tmp_path, cells)[1]


@pytest.mark.parametrize(
    ("cells", "options", "words"),
    [
        (["02/03/2016", "12/31/2016"], (), "row 3 of the sheet has '12/31/2016'; dates are read"),
        (["12/31/2016"], (), "add --month-first On; else write that date as 2026-01-31"),
        (["31/12/2016", "12/31/2016"], (), "day first and month first in one column"),
        (["31/12/2016"], MONTH_FIRST, "which has no such month; --month-first reads month/day"),
        (["30/02/2016"], (), "a day that the calendar has not"),
        (["29-Feb-2015"], (), "a day that the calendar has not"),
        (["31/12/2016"], ("--month-first", "on"), "column 'on' is not known; did you mean 'On'?"),
    ],
)
def test_what_is_no_day_is_refused_with_the_remedy(
    tmp_path: Path, cells: list[str], options: tuple[str, ...], words: str
) -> None:
    code, said, found = tidy(tmp_path, cells, *options)
    assert code == 2
    assert not found
    assert words in said


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["31/12/16", "04-Mar-17"], "the year of '31/12/16' has two digits; export it with four"),
        (["31/12/2016", "1/2/2017", "n/k"], "'n/k' is no date, though most are"),
        (["1 Janvier 2016", "court"], ""),
    ],
)
def test_a_column_that_is_left_says_so(tmp_path: Path, cells: list[str], words: str) -> None:
    code, said, found = tidy(tmp_path, cells)
    assert code == 0
    assert found == cells
    assert words in said
    assert words or "nothing to change" in said
