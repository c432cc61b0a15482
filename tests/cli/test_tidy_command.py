"""`checkpoint-eval tidy`: every change is told, what cannot be is refused by row of the sheet."""

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from checkpoint_eval.cli import main

MESSY = """URN,Group,Sex,Date randomised,Date of first offence,Reoffended,Harm days
007,court ,M,01/08/2016,,No,30
008,Court,f ,04/08/2016,14/08/2016,Yes,"1,926"
009,Checkpoint,M,06/08/2016,05/08/2019,YES,143
010,checkpoint,F,,,no,
011,Checkpoint,F,31/12/2016,31/12/2016,Y,NA
"""


def run(file: Path, *options: object) -> Result:
    return CliRunner().invoke(main, ["tidy", str(file), *map(str, options)])


def written(tmp_path: Path, content: bytes, *options: object) -> tuple[pd.DataFrame, str]:
    file = tmp_path / "people.csv"
    file.write_bytes(content)
    result = run(file, *options)
    assert result.exit_code == 0, result.output
    assert file.read_bytes() == content  # the export stays as it is
    new = tmp_path / "people-tidy.csv"
    return pd.read_csv(new, dtype=str, keep_default_na=False), result.output


def refused(tmp_path: Path, content: bytes, *options: object) -> str:
    file = tmp_path / "people.csv"
    file.write_bytes(content)
    result = run(file, *options)
    assert result.exit_code == 2
    assert not (tmp_path / "people-tidy.csv").exists()
    return " ".join(result.output.split())


def test_labels_flags_numbers_and_dates_become_readable(tmp_path: Path) -> None:
    found, told = written(tmp_path, MESSY.encode())
    assert found["URN"].tolist() == ["007", "008", "009", "010", "011"]
    assert found["Group"].tolist() == ["Court"] * 2 + ["Checkpoint"] * 3
    assert found["Sex"].tolist() == ["M", "F", "M", "F", "F"]
    assert found["Reoffended"].tolist() == ["0", "1", "1", "0", "1"]
    assert found["Harm days"].tolist() == ["30", "1926", "143", "", "NA"]
    assert found["Date randomised"].tolist() == [
        *("2016-08-01", "2016-08-04", "2016-08-06", "", "2016-12-31")
    ]
    for words in (
        "'Group': 1 cell with blanks too many",
        "'checkpoint' as 'Checkpoint'",
        "'Reoffended': yes as 1 and no as 0 (5 cells)",
        "'1,926' is now 1926",
        "4 dates, day first: '01/08/2016' is now 2016-08-01",
    ):
        assert words in told


def test_two_dates_become_a_duration_until_the_last_day(tmp_path: Path) -> None:
    dates = ("--start", "Date randomised", "--event", "Date of first offence")
    found, told = written(tmp_path, MESSY.encode(), *dates, "--until", "2017-01-31", "--days", 180)
    # By hand: 1 August to 31 January are 183 days, cut at 180; 4 to 14 August are 10; the offence
    # of 2019 comes after 31 January, 178 days from 6 August; no date, nothing known; one day is 0.
    assert found["days to first offence"].tolist() == ["180", "10", "178", "", "0"]
    assert found["first offence"].tolist() == ["0", "1", "0", "", "1"]
    assert "2 seen" in told
    assert "1 event after the end of follow-up not counted" in told
    assert "1 person without 'Date randomised': unknown" in told


def test_an_event_on_the_last_day_of_follow_up_is_seen(tmp_path: Path) -> None:
    content = b"On,Off\n2016-01-01,2016-01-11\n2016-01-01,2016-01-12\n"
    found, _ = written(tmp_path, content, "--start", "On", "--event", "Off", "--days", 10)
    assert found["days to off"].tolist() == ["10", "10"]
    assert found["off"].tolist() == ["1", "0"]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff".encode() + MESSY.encode(),
        MESSY.replace('"1,926"', "1926").replace(",", ";").encode(),
        MESSY.replace('"1,926"', "1926").replace(",", "\t").encode(),
        MESSY.replace("Sex", "Ethnicité").encode("cp1252"),
        (MESSY.replace("\n", ",,\n") + ",,,,,,,,\n").replace("\n", "\r\n").encode(),
    ],
    ids=["mark of Excel", "semicolons", "tabs", "Windows-1252", "empty columns and rows"],
)
def test_every_usual_export_is_read(tmp_path: Path, content: bytes) -> None:
    found, _ = written(tmp_path, content)
    assert found.shape == (5, 7)
    assert (tmp_path / "people-tidy.csv").read_bytes().startswith(b"URN,")  # no mark before it
    assert found["Reoffended"].tolist() == ["0", "1", "1", "0", "1"]


def test_excel_is_read(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    file = tmp_path / "people.xlsx"
    told = pd.DataFrame(
        {"ID": ["01", "02"], "On": pd.to_datetime(["2016-08-01", None]), "Done": ["Yes", "No"]}
    )
    told.assign(Cost=[1234.0, 1.5]).to_excel(file, index=False)
    result = run(file)
    assert result.exit_code == 0, result.output
    found = pd.read_csv(tmp_path / "people-tidy.csv", dtype=str, keep_default_na=False)
    assert found.to_numpy().tolist() == [["01", "2016-08-01", "1", "1234"], ["02", "", "0", "1.5"]]


def test_a_tidy_table_is_left_as_it_is(tmp_path: Path) -> None:
    content = b"id,arm,sex,note\n01,court,F,no\n02,checkpoint,M,nothing\n03,court,F,N/A\n"
    found, told = written(tmp_path, content)
    assert "nothing to change" in told
    assert (tmp_path / "people-tidy.csv").read_bytes() == content
    assert found["sex"].tolist() == ["F", "M", "F"]  # F is no "false"


BOTH = ("--start", "On", "--event", "Off", "--until", "2020-01-01")


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("a,b\n1,2,3\n", (), "has 2 columns, but row 2 (the header is row 1) has 3"),
        ("a,a\n1,2\n", (), "two columns named 'a'"),
        ("a,,b\n1,2,3\n", (), "Column 2 of"),
        ("\n\n", (), "holds nothing"),
        ("On\n12/31/2016\n", (), "row 2 of the sheet has '12/31/2016'"),
        ("On,Off\n01/02/2016,01/01/2016\n", BOTH, "In row 2 of the sheet 'Off' is before 'On'"),
        ("On,Off\n01/02/2021,\n,01/01/2016\n", BOTH, "In row 2 of the sheet 'On' is after 2020-01"),
        ("On,Off\n2016-01-01,soon\n", BOTH, "must hold dates such as 31/01/2026"),
        ("On,Of\n2016-01-01,\n", BOTH, "--event: column 'Off' is not known; did you mean"),
        ("On,Off,off\n2016-01-01,2016-01-02,1\n", BOTH, "has a column 'off' already; rename it"),
        ("On,Off\n", BOTH[:4], "with --until or --days"),
        ("On,Off\n", BOTH[2:], "--start and --event go together"),
        ("On,Off\n", BOTH[4:], "--start and --event go together"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, content: str, options: tuple[str, ...], words: str
) -> None:
    assert words in refused(tmp_path, content.encode(), *options)


def test_no_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("a\n1\n", encoding="utf-8")
    assert run(file).exit_code == 0
    again = run(file)
    assert again.exit_code == 2
    assert "exists and is left as it is" in " ".join(again.output.split())


def test_a_tidied_export_goes_all_the_way_to_a_draft(tmp_path: Path) -> None:
    rows = [
        f"{n:03},{('Court', 'Checkpoint ')[n % 2]},0{1 + n % 9}/01/2016,"
        f"{'' if n % 3 else f'1{n % 9}/0{2 + n % 7}/2016'},{'No' if n % 3 else 'Yes'}"
        for n in range(60)
    ]
    header = "URN,Group,Date randomised,Date of first offence,Reoffended"
    content = "\n".join([header, *rows]).encode()
    dates = ("--start", "Date randomised", "--event", "Date of first offence")
    written(tmp_path, content, *dates, "--days", 365)
    out = tmp_path / "protocol.toml"
    given = ["init", str(tmp_path / "people-tidy.csv"), "--out", str(out)]
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 0, result.output
    text = out.read_text(encoding="utf-8")
    assert 'time = "days to first offence"' in text
    assert 'event = "first offence"' in text
    assert "TODO" not in text


def test_a_table_that_cannot_be_read_names_the_command(tmp_path: Path) -> None:
    for name, content in (
        ("semicolons.csv", b"id;arm\n1;a\n"),
        ("windows.csv", "id,arm,Ethnicité\n1,a,b\n".encode("cp1252")),
        ("excel.xlsx", b""),
    ):
        file = tmp_path / name
        file.write_bytes(content)
        out = tmp_path / f"{name}.toml"
        result = CliRunner().invoke(main, ["init", str(file), "--out", str(out)])
        assert result.exit_code == 2
        assert "Or try: checkpoint-eval tidy" in " ".join(result.output.split())


def test_init_offers_a_duration_where_there_are_two_dates(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    rows = [f"{('a', 'control')[n % 2]},0{1 + n % 9}/01/2016,,{n % 2}" for n in range(20)]
    rows[0] = "a,01/01/2016,01/02/2016,1"
    header = "Group,Date randomised,Date of first offence,Reoffended"
    file.write_text("\n".join([header, *rows]), encoding="utf-8")
    given = ["init", str(file), "--out", str(tmp_path / "p.toml")]
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 0, result.output
    assert '--start "Date randomised" --event "Date of first offence" --until' in result.output
    # a horizon that is still open is no number in the words
    assert "yes or no by the time point" in (tmp_path / "p.toml").read_text(encoding="utf-8")


def test_a_row_is_told_as_a_line_of_the_file(tmp_path: Path) -> None:
    file, protocol = tmp_path / "people.csv", tmp_path / "p.toml"
    rows = [f"{('a', 'control')[n % 2]},{n % 2}" for n in range(20)]
    file.write_text("\n".join(["arm,reoffended", *rows]), encoding="utf-8")
    runner = CliRunner()
    given = ["--unit", "days", "--horizon", "365", "--out", str(protocol)]
    assert runner.invoke(main, ["init", str(file), *given]).exit_code == 0
    rows[4] = "a,2"
    file.write_text("\n".join(["arm,reoffended", *rows]), encoding="utf-8")
    out = ["--out", str(tmp_path / "report")]
    result = runner.invoke(main, ["evaluate", str(protocol), str(file), *out])
    assert result.exit_code == 2
    assert "got 2 at row 4" in " ".join(result.output.split())
    assert "(Row 4 is line 6 of people.csv.)" in result.output
    swapped = runner.invoke(main, ["evaluate", str(file), str(protocol), *out])
    assert swapped.exit_code == 2
    assert "The protocol comes first, then the table." in swapped.output
