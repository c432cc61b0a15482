"""`checkpoint-eval tidy --events`: outcomes from a second table, one row an event."""

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from checkpoint_eval.cli import main

# 2 repeats itself word for word; 5 was never randomised on a known day.
PEOPLE = """urn,arm,on
1,court,01/03/2018
2,diversion,02/03/2018
2,diversion,02/03/2018
3,court,03/03/2018
4,diversion,04-Mar-2018
5,court,
"""
# Of 1: before, on the day, twice on day 10, on day 40, and on day 200. Of 2: on day 100, the last.
OFFENCES = """urn,date
1,2018-02-01
1,2018-03-01
1,2018-03-11
1,11/03/2018
1,10 April 2018
1,2018-09-17
2,2018-06-10
4,
5,2018-04-01
9,2018-04-01
"""
FOLLOWED = (
    *("--id", "urn", "--start", "on", "--event", "date"),
    *("--until", "2019-01-01", "--days", "100"),
)


def run(folder: Path, *options: str, people: str = PEOPLE, events: str = OFFENCES) -> Result:
    (folder / "people.csv").write_text(people, encoding="utf-8")
    (folder / "offences.csv").write_text(events, encoding="utf-8")
    given = ["tidy", str(folder / "people.csv"), "--events", str(folder / "offences.csv")]
    return CliRunner().invoke(main, [*given, *options])


def table(file: Path) -> pd.DataFrame:
    return pd.read_csv(file, dtype=str, keep_default_na=False)


def test_the_first_event_after_the_day_of_randomisation_counts(tmp_path: Path) -> None:
    result = run(tmp_path, *FOLLOWED)
    assert result.exit_code == 0, result.output
    found = table(tmp_path / "people-tidy.csv")
    assert found["urn"].tolist() == ["1", "2", "3", "4", "5"]
    # By hand: 1 March to 11 March is 10 days; 2 March to 10 June is 100, the last day; 5 unknown.
    assert found["days to date"].tolist() == ["10", "100", "100", "100", ""]
    assert found["date"].tolist() == ["1", "1", "0", "0", ""]
    said = " ".join(result.output.split())
    for words in (
        "1 row left out that another row repeats word for word, the first of them row 4 (2)",
        "1 row of people (urn) who are not in the table not counted",
        "1 row without 'date' not counted",
        "3 rows on the day of 'on' or before it not counted",
        "offences.csv, 'date': 2 dates, day first, though no day is above 12",
        "1 person without 'on': unknown",
    ):
        assert words in said


def test_every_event_becomes_an_interval(tmp_path: Path) -> None:
    result = run(tmp_path, *FOLLOWED, "--episodes", str(tmp_path / "spells.csv"))
    assert result.exit_code == 0, result.output
    found = table(tmp_path / "spells.csv")
    # Two offences on day 10 are one; day 40 is the second, day 200 comes after the end.
    assert found.to_numpy().tolist() == [
        ["1", "0", "10", "1"],
        ["1", "10", "40", "1"],
        ["1", "40", "100", "0"],
        ["2", "0", "100", "1"],
        ["3", "0", "100", "0"],
        ["4", "0", "100", "0"],
    ]
    assert found.columns.tolist() == ["urn", "start", "stop", "event"]


def test_nobody_is_followed_who_was_randomised_on_the_last_day(tmp_path: Path) -> None:
    one = "urn,on\n1,2018-03-01\n2,2018-02-01\n"
    spells = str(tmp_path / "spells.csv")
    given = (*FOLLOWED[:6], "--until", "2018-03-01", "--episodes", spells)
    result = run(tmp_path, *given, people=one)
    assert result.exit_code == 0, result.output
    assert table(tmp_path / "spells.csv").to_numpy().tolist() == [["2", "0", "28", "0"]]


@pytest.mark.parametrize(
    ("people", "events", "options", "words"),
    [
        (PEOPLE + "1,diversion,\n", OFFENCES, FOLLOWED, "Rows 2 and 8 of the sheet are both urn"),
        (PEOPLE + "1,diversion,\n", OFFENCES, FOLLOWED, "differ in 'arm', 'on'; a table of people"),
        (PEOPLE + ",court,\n", OFFENCES, FOLLOWED, "Column 'urn' is empty in row 8"),
        (PEOPLE, "urn,date\nA1,2018-04-01\n", FOLLOWED, "both must write it in the same way"),
        (PEOPLE, "urn,date\n1,04/13/2018\n", FOLLOWED, "offences.csv, Column 'date' holds dates"),
        (PEOPLE, "urn,day\n1,2018-04-01\n", FOLLOWED, "--event: column 'date' is not known"),
        (PEOPLE, "id,date\n1,2018-04-01\n", FOLLOWED, "--id: column 'urn' is not known"),
        (PEOPLE, OFFENCES, FOLLOWED[2:], "--events needs --id"),
        (PEOPLE, OFFENCES, FOLLOWED[:2], "--events needs --id"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, people: str, events: str, options: tuple[str, ...], words: str
) -> None:
    result = run(tmp_path, *options, people=people, events=events)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
    assert not (tmp_path / "people-tidy.csv").exists()


def test_no_table_of_episodes_is_replaced_or_written_alone(tmp_path: Path) -> None:
    there = tmp_path / "spells.csv"
    there.write_text("mine", encoding="utf-8")
    result = run(tmp_path, *FOLLOWED, "--episodes", str(there))
    assert result.exit_code == 2
    assert "name another by --episodes" in " ".join(result.output.split())
    assert there.read_text(encoding="utf-8") == "mine"
    alone = ["tidy", str(tmp_path / "people.csv"), "--episodes", str(tmp_path / "new.csv")]
    assert "needs the table of --events" in CliRunner().invoke(main, alone).output


PROTOCOL = """
[[outcomes]]
name = "offences"
variable = "every offence"
metric = "number"
aggregation = "mean"
repeated = true

[[estimands]]
outcome = "offences"
measure = "mean events difference"
"""


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    """A folder with a tidy table, its intervals and a protocol that promises repeated events."""
    people = [f"{n:03},{('court', 'diversion')[n % 2]},2018-01-{1 + n % 28:02}" for n in range(80)]
    again = [f"{n:03},2018-{2 + k:02}-{1 + n % 28:02}" for n in range(80) for k in range(n % 4)]
    result = run(
        tmp_path,
        *FOLLOWED[:6],
        *("--days", "365", "--until", "2020-01-01", "--episodes", str(tmp_path / "spells.csv")),
        people="\n".join(["urn,arm,on", *people]),
        events="\n".join(["urn,date", *again]),
    )
    assert result.exit_code == 0, result.output
    draft = tmp_path / "protocol.toml"
    given = ["init", str(tmp_path / "people-tidy.csv"), "--out", str(draft), "--horizon", "365"]
    result = CliRunner().invoke(main, [*given, "--event", "date", "--time", "days to date"])
    assert result.exit_code == 0, result.output
    draft.write_text(draft.read_text(encoding="utf-8") + PROTOCOL, encoding="utf-8")
    return tmp_path


def evaluated(folder: Path, *options: str) -> Result:
    given = ["evaluate", str(folder / "protocol.toml"), str(folder / "people-tidy.csv")]
    return CliRunner().invoke(main, [*given, "--out", str(folder / "report"), "--exact", *options])


def test_a_table_of_episodes_is_evaluated(trial: Path) -> None:
    result = evaluated(trial, "--episodes", "offences", str(trial / "spells.csv"))
    assert result.exit_code == 0, result.output
    found = pd.read_csv(trial / "report" / "estimates.csv")
    row = found[(found["outcome"] == "offences") & (found["measure"] == "mean events difference")]
    # Even numbers are court with 0 or 2 events, odd ones diversion with 1 or 3: 1 apart in the mean
    # of 40 each, all within 365 days.
    assert row["value"].iloc[0] == pytest.approx(1.0, abs=1e-12)
    assert row[["events_control", "events_treatment"]].to_numpy().tolist() == [[40, 80]]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("", "", "give their table by --episodes offences TABLE"),
        ("offence", "", "repeated outcome 'offence' is not known; did you mean 'offences'?"),
        ("offences", "urn,from,stop,event\n000,0,9,1\n", "'start' is not in the table"),
        ("offences", "urn,start,stop,event\n999,0,9,1\n", "'999'"),
        ("offences", "urn,start,stop,event\n000,9,0,1\n", "must have a length above 0"),
    ],
)
def test_episodes_that_do_not_fit_are_refused(
    trial: Path, name: str, content: str, words: str
) -> None:
    file = trial / "other.csv"
    file.write_text(content, encoding="utf-8")
    result = evaluated(trial, *(("--episodes", name, str(file)) if name else ()))
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
    assert not (trial / "report").exists()


def test_episodes_need_a_repeated_outcome_and_identifiers(trial: Path) -> None:
    draft = trial / "protocol.toml"
    text = draft.read_text(encoding="utf-8")
    spells = ("--episodes", "offences", str(trial / "spells.csv"))
    draft.write_text(text.replace('id = "urn"', ""), encoding="utf-8")
    assert "name the column of identifiers as `id`" in evaluated(trial, *spells).output
    draft.write_text(text.replace(PROTOCOL, ""), encoding="utf-8")
    assert "give one the line `repeated = true`" in " ".join(
        evaluated(trial, *spells).output.split()
    )
