"""The command as a user meets it: a report, or one clear message and nothing written."""

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import checkpoint_eval as ce
from checkpoint_eval.cli import main

PROTOCOL = """
title = "A small trial"
unit = "days"
horizon = 30
covariates = ["age", "need"]
[columns]
arm = "arm"
id = "person"
[[arms]]
label = "court"
name = "prosecution"
[[arms]]
label = "contract"
name = "contract"
[[outcomes]]
name = "reoffence"
primary = true
variable = "first offence"
metric = "time"
aggregation = "hazard ratio"
time = "days"
event = "reoffended"
[[estimands]]
outcome = "reoffence"
measure = "hazard ratio"
adjust = ["need"]
[[estimands]]
outcome = "reoffence"
measure = "risk difference"
"""


@pytest.fixture
def people() -> pd.DataFrame:
    n = 40
    return pd.DataFrame(
        {
            "person": [f"{number:03d}" for number in range(n)],
            "arm": ["court", "contract"] * (n // 2),
            "days": [5 + (7 * number) % 26 if number % 3 == 0 else 30 for number in range(n)],
            "reoffended": [int(number % 3 == 0) for number in range(n)],
            "age": [20 + number % 17 for number in range(n)],
            "need": ["None", "housing", "alcohol", "None", "alcohol"] * (n // 5),
        }
    )


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def write(folder: Path, people: pd.DataFrame, protocol: str = PROTOCOL) -> tuple[Path, Path]:
    (folder / "protocol.toml").write_text(protocol, encoding="utf-8")
    people.to_csv(folder / "people.csv", index=False)
    return folder / "protocol.toml", folder / "people.csv"


def test_demo(tmp_path: Path) -> None:
    result = run("demo", "--out", tmp_path / "report")
    assert result.exit_code == 0, result.output
    assert "hazard ratio" in result.output
    assert "0.047" in result.output
    assert (tmp_path / "report" / "report.html").stat().st_size > 50_000


def test_evaluate_csv_and_parquet_agree(tmp_path: Path, people: pd.DataFrame) -> None:
    protocol, csv = write(tmp_path, people)
    people.to_parquet(tmp_path / "people.parquet")
    for name, table in (("one", csv), ("two", tmp_path / "people.parquet")):
        result = run("evaluate", protocol, table, "--out", tmp_path / name)
        assert result.exit_code == 0, result.output
    first, second = ((tmp_path / name / "estimates.csv").read_bytes() for name in ("one", "two"))
    assert first == second


def test_identifiers_and_categories_stay_as_written(tmp_path: Path, people: pd.DataFrame) -> None:
    protocol, csv = write(tmp_path, people)
    trial = ce.Trial.from_protocol(ce.read_people(csv, id="person"), ce.read_protocol(protocol))
    assert trial.ids[7] == "007"
    assert trial.column("need").levels == ("None", "alcohol", "housing")
    assert not trial.column("need").missing.any()


def test_word_and_excel_are_written_when_asked(tmp_path: Path, people: pd.DataFrame) -> None:
    protocol, csv = write(tmp_path, people, PROTOCOL.replace("A small trial", "Small [b]trial[/i]"))
    out = tmp_path / "report"
    result = run("evaluate", protocol, csv, "--out", out, "--word", "--excel")
    assert result.exit_code == 0, result.output
    for name in ("report.html", "report.docx", "report.xlsx"):
        assert (out / name).stat().st_size > 5_000
    told = " ".join(result.output.split())
    assert "report.docx" in told
    assert "Small [b]trial[/i]" in told  # no markup of ours
    assert "in the files small ones are withheld" in told


def test_counts_are_written_as_they_are_when_asked(tmp_path: Path, people: pd.DataFrame) -> None:
    protocol, csv = write(tmp_path, people)
    for name, options in (("told", []), ("exact", ["--exact"])):
        assert run("evaluate", protocol, csv, "--out", tmp_path / name, *options).exit_code == 0
    told, exact = (
        pd.read_csv(tmp_path / name / "estimates.csv", comment="#") for name in ("told", "exact")
    )
    held = (exact["events_control"] + exact["events_treatment"]).dropna()
    assert held.tolist() == [14] * len(exact)  # every third of 40
    assert told["events_control"].isna().all()  # 7 an arm: below 10


def test_what_is_not_installed_is_told_before_any_work(
    tmp_path: Path, people: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    protocol, csv = write(tmp_path, people)
    result = run("evaluate", protocol, csv, "--out", tmp_path / "report", "--word")
    assert result.exit_code == 2
    assert "pip install 'checkpoint-eval[docx]'" in " ".join(result.output.split())
    assert not (tmp_path / "report").exists()


def refused(tmp_path: Path, people: pd.DataFrame, protocol: str = PROTOCOL) -> str:
    paths = write(tmp_path, people, protocol)
    result = run("evaluate", *paths, "--out", tmp_path / "report")
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "report").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["people.csv", "protocol.toml"]
    return " ".join(result.output.split())


def test_bad_tables_write_nothing(tmp_path: Path, people: pd.DataFrame) -> None:
    message = refused(tmp_path, people.rename(columns={"days": "day"}))
    assert "'days' is not in the table; did you mean 'day'?" in message
    assert "row 3" in refused(
        tmp_path, people.assign(days=people["days"].where(people.index != 3, -1))
    )
    assert "repeats '001' at rows 1 and 2" in refused(
        tmp_path, people.assign(person=people["person"].replace("002", "001"))
    )
    assert "no rows" in refused(tmp_path, people.iloc[:0])
    assert "holds 'caution'" in refused(
        tmp_path, people.assign(arm=["caution", *people["arm"][1:]])
    )


def test_a_repeated_column_is_refused(tmp_path: Path, people: pd.DataFrame) -> None:
    twice = pd.concat([people, people[["days"]]], axis=1)
    assert "'days' stands 2 times" in refused(tmp_path, twice)


def test_bad_protocols_name_line_and_key(tmp_path: Path, people: pd.DataFrame) -> None:
    message = refused(tmp_path, people, PROTOCOL.replace("horizon", "horizn"))
    assert "line 4, key `horizn`: no such key; did you mean 'horizon'?" in message
    message = refused(tmp_path, people, PROTOCOL.replace("unit = ", "unit "))
    assert "line 3" in message
    message = refused(tmp_path, people, PROTOCOL.replace("horizon = 30", "horizon = 31"))
    assert "beyond the follow-up" in message


def test_what_is_not_a_table(tmp_path: Path, people: pd.DataFrame) -> None:
    protocol, csv = write(tmp_path, people)
    for name, content, message in (
        ("a.csv", b"", "cannot be read as csv: Empty"),
        ("b.csv", b"person,arm\n1,2\n1,2,3,4\n", "Expected 2 columns, got 4"),
        ("c.csv", "person,arm\n1,José\n".encode("latin-1"), "'arm' of"),
        ("d.parquet", b"not parquet", "cannot be read as parquet"),
        ("e.xlsx", b"", "neither .csv nor .parquet"),
        ("f.csv", b"person;arm\n1;2\n", "commas between the columns"),
    ):
        (tmp_path / name).write_bytes(content)
        result = run("evaluate", protocol, tmp_path / name, "--out", tmp_path / "report")
        assert result.exit_code == 2, (name, result.output)
        assert message in " ".join(result.output.split()), name
    assert not (tmp_path / "report").exists()
    assert csv.exists()


def test_a_folder_of_others_is_left_alone_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    result = run("demo", "--out", tmp_path)
    assert result.exit_code == 2
    assert "not ours" in " ".join(result.output.split())
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_help_and_version() -> None:
    assert "evaluate" in run("--help").output
    assert ce.__version__ in run("--version").output


def test_a_terminal_without_typographic_signs(tmp_path: Path) -> None:
    """Windows' code page 1252, and plain ASCII: signs become plain, nothing is lost."""
    import os
    import subprocess
    import sys

    for encoding in ("cp1252", "ascii"):
        ran = subprocess.run(
            [
                sys.executable,
                "-m",
                "checkpoint_eval.cli",
                "demo",
                "--out",
                str(tmp_path / encoding),
            ],
            env=os.environ | {"PYTHONIOENCODING": encoding},
            capture_output=True,
            check=False,
        )
        text = ran.stdout.decode(encoding)
        assert ran.returncode == 0, ran.stderr
        assert "-16.50" in text
        assert "?" not in text
