"""Tables that a fuzz found read wrongly: zones of time, identifiers, broken files, bad questions.

What a cell says is written beside it in the test; nothing here is computed by the library.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result
from small_extracts import cohort, records

import checkpoint_eval as ce
from checkpoint_eval import outcomes
from checkpoint_eval.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PEOPLE = pd.DataFrame({"id": ["a", "b", "c"]})
# In summer time, on the night the clocks change, in winter.
DAYS = ["2016-07-01", "2016-03-27", "2016-12-31"]
LONDON = ZoneInfo("Europe/London")
LIBRARIES: list[Callable[[pd.DataFrame], Any]] = [
    lambda frame: frame, pl.from_pandas, pa.Table.from_pandas
]  # fmt: skip


def moments(clock: str, zone: str) -> pd.Series:
    return pd.Series(pd.to_datetime([f"{day} {clock}" for day in DAYS])).dt.tz_localize(zone)


# -- moments with a zone --------------------------------------------------------------------------


@pytest.mark.parametrize("library", LIBRARIES, ids=["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize(
    ("clock", "zone"),
    [
        ("00:00", "Europe/London"),  # in July 23:00 of the day before in Greenwich
        ("23:30", "Europe/London"),
        ("00:30", "Pacific/Auckland"),
        ("23:00", "America/New_York"),
    ],
)
def test_a_moment_lies_on_the_day_of_its_own_zone(library: Any, clock: str, zone: str) -> None:
    dates = moments(clock, zone)
    table = library(pd.DataFrame({"person": ["a", "b", "c"], "date": dates}))
    read = outcomes.Records.from_tables(people=PEOPLE, offences=table, extract_date="2018-01-01")
    assert read.offences.date.astype(str).tolist() == DAYS


def test_other_ways_to_hold_a_zone() -> None:
    """Arrow's type in pandas, python's moments, and a moment that is missing."""
    arrow = moments("00:00", "Europe/London").astype(
        pd.ArrowDtype(pa.timestamp("us", tz="Europe/London"))
    )
    python = pd.Series(
        [dt.datetime.fromisoformat(day).replace(tzinfo=LONDON) for day in DAYS], dtype=object
    )
    for dates in (arrow, python):
        table = pd.DataFrame({"person": ["a", "b", "c"], "date": dates})
        read = outcomes.Records.from_tables(
            people=PEOPLE, offences=table, extract_date="2018-01-01"
        )
        assert read.offences.date.astype(str).tolist() == DAYS
    gap = pd.DataFrame(
        {"person": ["a", "b"], "date": [*moments("00:00", "Europe/London")[:1], pd.NaT]}
    )
    read = outcomes.Records.from_tables(people=PEOPLE, offences=gap, extract_date="2018-01-01")
    assert read.offences.date.astype(str).tolist() == [DAYS[0], "NaT"]


@pytest.mark.parametrize(
    ("dates", "told"),
    [
        (pl.Series([dt.timedelta(days=3)] * 3), "holds durations; give dates"),
        (pl.Series([dt.time(3)] * 3), "holds times of day; give dates"),
    ],
)
def test_what_is_no_day_is_refused(dates: pl.Series, told: str) -> None:
    table = pl.DataFrame({"person": ["a", "b", "c"], "date": dates})
    with pytest.raises(ce.InvalidData, match=told):
        outcomes.Records.from_tables(people=PEOPLE, offences=table, extract_date="2018-01-01")


# -- identifiers: 7, 7.0 and "7" are one ----------------------------------------------------------


SEVENS = [
    pd.Series([7.0, 8.0, None], dtype=object),
    pd.Series([7.0, "8", np.nan], dtype=object),
    pd.Series([7, 8, None]).astype("category"),
    pd.Series([7.0, 8.0, 8.5]),
    pd.Series([np.float32(7), np.float64(8), None], dtype=object),
]


@pytest.mark.parametrize("persons", SEVENS, ids=lambda each: f"{each.dtype} {each[2]}")
@pytest.mark.parametrize("people", [[7, 8], ["7", "8"], [7.0, 8.0]])
def test_a_person_is_found_however_the_number_is_held(people: Any, persons: pd.Series) -> None:
    table = pd.DataFrame({"person": persons, "date": ["2016-09-01"] * 3})
    read = outcomes.Records.from_tables(
        people=pd.DataFrame({"id": people}), offences=table, extract_date="2018-01-01"
    )
    assert read.ids.tolist() == ["7", "8"]
    assert read.offences.person.tolist() == [0, 1, -1]


def test_numbers_beyond_eight_bytes_are_text() -> None:
    people = pd.DataFrame({"id": np.array([2**63, 2**63 + 1], dtype="uint64")})
    table = pd.DataFrame({"person": [str(2**63 + 1)], "date": ["2016-09-01"]})
    read = outcomes.Records.from_tables(people=people, offences=table, extract_date="2018-01-01")
    assert read.offences.person.tolist() == [1]


def test_columns_that_stand_twice_are_refused() -> None:
    table = pd.DataFrame([["a", "2016-05-01", "x"]], columns=["person", "date", "date"])
    with pytest.raises(ce.InvalidData, match="'date' stands 2 times"):
        outcomes.Records.from_tables(people=PEOPLE, offences=table, extract_date="2018-01-01")


@pytest.mark.parametrize("ids", [[7.0, 8.0], [" 7", "8 "], ["7", "8.0"]])
def test_an_assignment_finds_its_people(ids: list[Any]) -> None:
    found = outcomes.follow(records(people=["8", "7"]), cohort(ids=ids))
    assert found.person.tolist() == [1, 0]


def test_two_people_of_an_assignment_are_never_one_of_the_records() -> None:
    """Of "7" and "7.0" the first is there; " 7" and "7 " could each be."""
    read = records(people=["7", "8"])
    assert outcomes.follow(read, cohort(ids=["7", "7.0"])).person.tolist() == [0, -1]
    assert outcomes.follow(read, cohort(ids=[" 7", "7 "])).person.tolist() == [-1, -1]


# -- files ----------------------------------------------------------------------------------------


def folder(place: Path, offences: str | bytes) -> Path:
    (place / "people.csv").write_text("id\na\nb\n", encoding="utf-8")
    content = offences if isinstance(offences, bytes) else offences.encode()
    (place / "offences.csv").write_bytes(content)
    return place


@pytest.mark.parametrize(
    ("offences", "told"),
    [
        ("person,date\na,2016-05-01,\nb,2016-06-01,\n", "first row .* is longer than its names"),
        ("person,date\nx,a,2016-05-01\nb,2016-06-01\n", "first row .* is longer than its names"),
        ("person,date\na,2016-05-01\nb,2016-06-01,y\n", "Expected 2 fields in line 3, saw 3"),
        ('person,date,code\na,2016-05-01,"x\nb,2016-06-01,y\n', "EOF inside string"),
        ("", "cannot be read as csv"),
        ("person,date,date\na,2016-05-01,2017-05-01\n", "two columns named 'date'; rename one"),
        (b"person,date,code\na,2016-05-01,caf\xe9\n", "is not UTF-8 text; save the file as UTF-8"),
    ],
)
def test_a_broken_extract_is_refused(tmp_path: Path, offences: str | bytes, told: str) -> None:
    with pytest.raises(ce.InvalidData, match=told):
        outcomes.Records.from_folder(folder(tmp_path, offences), extract_date="2018-01-01")


def test_parts_have_the_same_columns(tmp_path: Path) -> None:
    """Custody without an end would be custody to this day."""
    folder(tmp_path, "person,date\na,2016-05-01\n")
    (tmp_path / "custody").mkdir()
    spell = pl.DataFrame({"person": ["a"], "start": ["2016-06-01"], "end": ["2016-07-01"]})
    spell.write_parquet(tmp_path / "custody" / "1.parquet")
    spell.drop("end").write_parquet(tmp_path / "custody" / "2.parquet")
    with pytest.raises(ce.InvalidData, match=r"Not every part of .* has the column 'end'"):
        outcomes.Records.from_folder(tmp_path, extract_date="2018-01-01")


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more"])
def test_a_broken_parquet_file_is_refused(tmp_path: Path, content: bytes) -> None:
    folder(tmp_path, "person,date\na,2016-05-01\n")
    (tmp_path / "custody.parquet").write_bytes(content)
    with pytest.raises(ce.InvalidData, match="cannot be read as parquet"):
        outcomes.Records.from_folder(tmp_path, extract_date="2018-01-01")


@pytest.mark.parametrize("only", [[7.0], [7], [" 7"]])
def test_only_names_people_as_tables_do(tmp_path: Path, only: list[Any]) -> None:
    (tmp_path / "people.csv").write_text("id\n007\n7\n", encoding="utf-8")
    (tmp_path / "offences.csv").write_text("person,date\n7,2016-05-01\n", encoding="utf-8")
    read = outcomes.Records.from_folder(tmp_path, extract_date="2018-01-01", only=only)
    assert read.ids.tolist() == ["7"]
    assert read.offences.size == 1


OPEN = 'id,arm,note\n1,court,late\n2,contract,"unfinished\n3,court,\n4,contract,\n'
TWICE = 'id,arm,note\n1,court,"x\n2,contract,\n3,court,"y\n4,contract,\n'


@pytest.mark.parametrize("text", [OPEN, TWICE])
def test_an_open_quote_swallows_nobody(tmp_path: Path, text: str) -> None:
    """Read loosely, people 3 and 4 would be part of the note of person 2."""
    file = tmp_path / "people.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ce.InvalidData, match="has a quote that is not closed"):
        outcomes.read_people(file, id="id")
    assert "has a quote that is not closed" in tidy(tmp_path, text).output


def test_a_text_of_two_lines_is_read(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text('id,note\n1,"two\nlines"\n2,"5 ""feet"" tall"\n', encoding="utf-8")
    assert outcomes.read_people(file)["note"].to_pylist() == ["two\nlines", '5 "feet" tall']


# -- tidy -----------------------------------------------------------------------------------------


def tidy(place: Path, text: str, *options: str) -> Result:
    file = place / "export.csv"
    file.write_text(text, encoding="utf-8")
    return CliRunner().invoke(main, ["tidy", str(file), *options])


FOLLOWED = ("--start", "on", "--event", "event date", "--until", "2017-01-01")


@pytest.mark.parametrize("day", ["0016-05-01", "01/05/1600", "9999-12-31"])
@pytest.mark.parametrize("column", ["on", "event date"])
def test_a_year_that_cannot_be_is_no_missing_day(tmp_path: Path, column: str, day: str) -> None:
    """A reoffence of 2016 that was typed as one of 0016 was counted as none."""
    row = {"on": "2016-01-01", "event date": "2016-02-01"} | {column: day}
    text = f"on,event date\n{row['on']},{row['event date']}\n2016-01-01,\n"
    result = tidy(tmp_path, text, *FOLLOWED)
    assert result.exit_code == 2
    assert f"Column {column!r} is" in result.output
    assert "in row 2 of the sheet" in " ".join(result.output.split())


def test_parts_of_a_second_are_no_part_of_a_date(tmp_path: Path) -> None:
    """SQL Server writes them."""
    text = (
        "on,event date\n2016-01-01 00:00:00.000,2016-02-01 10:20:30.123\n2016-01-01 00:00:00.000,\n"
    )
    assert tidy(tmp_path, text, *FOLLOWED).exit_code == 0
    table = pd.read_csv(tmp_path / "export-tidy.csv")
    assert table["on"].tolist() == ["2016-01-01"] * 2
    assert table["days to event"].tolist() == [31, 366]


def test_identifiers_are_no_categories(tmp_path: Path) -> None:
    text = 'urn,arm\nA1,Court\na1,court\nY,court\n"1,234",court\n01/02/2016,court\n'
    assert tidy(tmp_path, text, "--id", "urn").exit_code == 0
    table = pd.read_csv(tmp_path / "export-tidy.csv")
    assert table["urn"].tolist() == ["A1", "a1", "Y", "1,234", "01/02/2016"]
    assert table["arm"].tolist() == ["court"] * 5


def test_a_cell_that_no_reader_takes_is_refused(tmp_path: Path) -> None:
    result = tidy(tmp_path, f'urn,note\n1,"{"x" * 200_000}"\n')
    assert result.exit_code == 2
    assert "quote that is not closed" in " ".join(result.output.split())


# -- questions that have no answer ----------------------------------------------------------------


VERBS: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (outcomes.proven_reoffending, {}),
    (outcomes.time_to_reoffence, {}),
    (outcomes.reoffence_counts, {}),
    (outcomes.reoffence_episodes, {}),
    (outcomes.change_in_offending, {}),
    (outcomes.on_contract_reoffending, {}),
    (outcomes.measured_by_age, {"ages": [0]}),
    (outcomes.harm_days, {"weights": outcomes.CAMBRIDGE_MEDIANS}),
]


@pytest.mark.parametrize(("verb", "how"), VERBS)
@pytest.mark.parametrize("counting", [None, "proven", {"proven": False}, outcomes.Counting, True])
def test_what_counts_is_a_counting(verb: Any, how: dict[str, Any], counting: Any) -> None:
    with pytest.raises(ce.TrialError, match="`counting` must be a `Counting`, got"):
        verb(records(), cohort(), counting=counting, **how)


@pytest.mark.parametrize("how", [{"proven": "no"}, {"proven": None}, {"day_zero": 1}])
def test_rules_of_counting_are_true_or_false(how: dict[str, Any]) -> None:
    with pytest.raises(ce.TrialError, match="must be True or False, got"):
        outcomes.Counting(**how)


@pytest.mark.parametrize("months", [0, -1, 1.5, True, None, "12"])
def test_months_before_an_age(months: Any) -> None:
    with pytest.raises(ce.TrialError, match="`months` must be a whole number"):
        outcomes.measured_by_age(records(), cohort(), months=months, ages=[0])


@pytest.mark.parametrize("wrong", [None, "folder", PEOPLE])
def test_scores_are_of_records(wrong: Any) -> None:
    with pytest.raises(ce.TrialError, match="`records` must be `Records`"):
        outcomes.pathway_scores(wrong, cohort())


@pytest.mark.parametrize("day", ["1016-03-01", "9999-12-31"])
def test_index_days_are_of_this_age(day: str) -> None:
    with pytest.raises(ce.InvalidData, match=r"`index` is .* at row 1"):
        outcomes.follow(records(), cohort(), index=["2016-03-01", day], index_name="release")


def test_index_days_are_no_durations() -> None:
    spans = np.array([1, 2], dtype="timedelta64[D]")
    with pytest.raises(ce.InvalidData, match="`index` must hold dates"):
        outcomes.follow(records(), cohort(), index=spans, index_name="release")


def test_arms_are_those_of_the_same_people() -> None:
    other = ce.Assignment(arm=[0, 1, 1], arms=("court", "contract"), stratum=[0, 0, 0])
    found = [
        outcomes.proven_reoffending(records(), cohort()),
        outcomes.change_in_offending(records(), cohort()),
        outcomes.pathway_scores(records(), cohort()),
    ]
    for each in found:
        with pytest.raises(ce.TrialError, match="has 3 people, but the outcome is of 2"):
            each.by_arm(other)  # type: ignore[attr-defined]
        with pytest.raises(ce.TrialError, match="`assignment` must be an `Assignment`"):
            each.by_arm(None)  # type: ignore[attr-defined]


def test_harm_of_nobody_is_shown_without_a_mean() -> None:
    read = records(extract="2016-04-01")
    found = outcomes.harm_days(read, cohort(), weights=outcomes.CAMBRIDGE_MEDIANS)
    assert repr(found) == "NumericOutcome(2 people, 2 missing)"


@pytest.mark.parametrize("value", [["x"], [[1], [2, 3]], None, [[1.0]]])
def test_outcomes_are_numbers(value: Any) -> None:
    with pytest.raises(ce.InvalidData, match="`value` "):
        outcomes.NumericOutcome(value=value)


@pytest.mark.parametrize("path", [None, 5, ""])
def test_files_have_names(path: Any) -> None:
    with pytest.raises(ce.TrialError, match="must be where a file is"):
        outcomes.read_people(path)
    with pytest.raises(ce.TrialError, match="must be where a file is"):
        outcomes.Records.from_folder(path, extract_date="2018-01-01")


def test_one_kind_of_entry_may_be_named_bare() -> None:
    read = records([("a", "2016-09-01")], disposals=[(1, "2016-10-01", "caution")])
    found = outcomes.first_time_entrants(read, cohort(), proving="caution")
    assert found.value.tolist() == [True, False]
    assert found.provenance is not None
    assert found.provenance.definition == "first caution ever, within 12 months"


# -- one flat table -------------------------------------------------------------------------------


FLAT = {"arm": [0, 1, 0, 1], "days": [3, 9, 5, None], "event": [1, 0, 0, None]}
ASKED = {"arm": "arm", "control": 0}


def test_an_unknown_outcome_has_no_cause() -> None:
    table = pd.DataFrame(FLAT | {"cause": ["", "death", "", "death"]})
    with pytest.raises(ce.InvalidData, match=r"'days' is missing at row 3 .*'cause' is known"):
        ce.Trial.from_frame(table, **ASKED, times={"reoffence": ("days", "event", "days", "cause")})


def test_two_arms_have_two_names() -> None:
    with pytest.raises(ce.ImpossibleDesign, match="`arms` calls two arms 'court'"):
        ce.Trial.from_frame(
            pd.DataFrame(FLAT), **ASKED, arms={0: "court", 1: "court"},
            times={"reoffence": ("days", "event", "days")},
        )  # fmt: skip


@pytest.mark.parametrize("pair", [None, (), "days", 5, ("days",)])
def test_a_pathway_has_two_columns(pair: Any) -> None:
    with pytest.raises(ce.TrialError, match=r"must be \(column before, column after\), got"):
        ce.Trial.from_frame(pd.DataFrame(FLAT), **ASKED, pathways={"drugs": pair})
    with pytest.raises(ce.TrialError, match=r"must be \(column before, column after\), got"):
        outcomes.PathwayScores.from_frame(
            pd.DataFrame(FLAT), columns={"drugs": pair}, scale="scale"
        )


@pytest.mark.parametrize("kind", ["times", "binary", "numeric", "counts"])
def test_an_outcome_is_named_by_text(kind: str) -> None:
    with pytest.raises(ce.TrialError):
        ce.Trial.from_frame(pd.DataFrame(FLAT), **ASKED, **{kind: {"reoffence": 5}})


def test_episodes_of_nobody() -> None:
    table = pd.DataFrame({"id": ["a"], "from": [0], "to": [9], "again": [1]})
    with pytest.raises(ce.InvalidData, match="`ids` names nobody"):
        outcomes.Episodes.from_frame(table, ids=[], id="id", start="from", stop="to", event="again")
