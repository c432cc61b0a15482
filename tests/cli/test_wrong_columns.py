"""`checkpoint-eval evaluate` where protocol and table do not fit: all at once, with the lines."""

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from checkpoint_eval.cli import main
from checkpoint_eval.cli_columns import named_columns, proposals

PROTOCOL = """title = "A small trial"
unit = "days"
horizon = 30
covariates = [
  "age",
  'need',
]
[columns]
arm = "arm"   # the "arm" as randomised
id = "person"
order = "rows"
[[arms]]
label = "court"
name = "prosecution"
[[arms]]
label = "contract"
name = "contract"
[allocation]
strata = ["suite", "band"]
[[outcomes]]
name = "reoffence"
primary = true
variable = "first offence"
metric = "time"
aggregation = "hazard ratio"
time = "days"
event = "reoffended"
[[outcomes]]
name = "breach"
variable = "breach"
metric = "yes or no"
aggregation = "share"
binary = "breached"
[[estimands]]
outcome = "reoffence"
measure = "hazard ratio"
"""


@pytest.fixture
def people() -> pd.DataFrame:
    n = 40
    return pd.DataFrame(
        {
            "person": range(n),
            "arm": ["court", "contract"] * (n // 2),
            "suite": ["north", "north", "south", "south"] * (n // 4),
            "band": ["low"] * n,
            "days": [5 + (7 * number) % 26 if number % 3 == 0 else 30 for number in range(n)],
            "reoffended": [int(number % 3 == 0) for number in range(n)],
            "breached": [int(number % 5 == 0) for number in range(n)],
            "age": [20 + number % 17 for number in range(n)],
            "need": ["housing", "alcohol", "drugs", "drugs"] * (n // 4),
        }
    )


def refused(tmp_path: Path, people: pd.DataFrame, protocol: str = PROTOCOL) -> str:
    (tmp_path / "protocol.toml").write_text(protocol, encoding="utf-8")
    people.to_csv(tmp_path / "people.csv", index=False)
    command = ["evaluate", str(tmp_path / "protocol.toml"), str(tmp_path / "people.csv")]
    result = CliRunner().invoke(main, [*command, "--out", str(tmp_path / "report")])
    assert result.exit_code == 2, result.output
    assert not (tmp_path / "report").exists()
    return result.output


def test_every_wrong_name_is_told_at_once_with_the_line_to_write(
    tmp_path: Path, people: pd.DataFrame
) -> None:
    renamed = people.rename(
        columns={
            "person": "Person ID",
            "arm": "Arm",
            "days": "Days at risk",
            "reoffended": "Re-offended",
            "age": "AGE",
            "need": "needs",
            "suite": "custodySuite",
            "breached": "zzz",
        }
    )
    told = refused(tmp_path, renamed)
    assert "lacks 8 columns" in told
    for line in (
        "line 5:  \"age\",\n      'age' is not in the table; did you mean 'AGE'? Write:  \"AGE\",",
        "line 6:  'need',",
        'Write:  "needs",',
        'line 9:  arm = "arm"   # the "arm" as randomised',
        'Write:  arm = "Arm"',
        'Write:  id = "Person ID"',
        'Write:  strata = ["custodySuite", "band"]',
        'Write:  time = "Days at risk"',
        'Write:  event = "Re-offended"',
        "'breached' is not in the table, and nothing like it is; name its column",
    ):
        assert line in told, line
    assert "'zzz'" in told  # among all the table has
    assert "rows" not in told.partition("The table has")[0]


def test_the_lines_it_proposes_are_right(tmp_path: Path, people: pd.DataFrame) -> None:
    """Write what is proposed, and the protocol fits."""
    renamed = people.rename(columns={"arm": "Arm ", "days": "DAYS", "suite": "Suite (custody)"})
    told, text = refused(tmp_path, renamed), PROTOCOL.splitlines()
    numbers = [int(line.split()[1].rstrip(":")) for line in told.splitlines() if "  line" in line]
    written = [line.partition("Write:  ")[2] for line in told.splitlines() if "Write:" in line]
    for number, line in zip(numbers, written, strict=True):
        text[number - 1] = line
    mended = named_columns("\n".join(text))
    assert {each.name for each in mended} <= set(renamed.columns)


def test_a_column_is_proposed_once_and_only_when_near() -> None:
    names = ["arm", "date of birth", "reoffended", "reoffended_at"]
    found = proposals(names, ["Arm", "Reoffended", "colour"])
    assert found == {"arm": "Arm", "reoffended": "Reoffended"}
    assert proposals(["x"], []) == {}


def test_labels_of_the_arms(tmp_path: Path, people: pd.DataFrame) -> None:
    told = refused(tmp_path, people.assign(arm=people["arm"].str.title()))
    assert "write the arms differently" in told
    assert 'line 13:  label = "court"' in told
    assert 'Write:  label = "Court"' in told
    assert 'Write:  label = "Contract"' in told
    assert "'Court' (20 people), 'Contract' (20 people)" in told


def test_a_number_written_as_text(tmp_path: Path, people: pd.DataFrame) -> None:
    numbered = PROTOCOL.replace('label = "court"', 'label = "0"').replace('"contract"', '"1"', 1)
    told = refused(tmp_path, people.assign(arm=[0, 1] * 20), numbered)
    assert "'0' is not in column 'arm'; did you mean 0? Write:  label = 0" in told
    assert "Write:  label = 1" in told


def test_one_label_left_over_is_the_one_meant(tmp_path: Path, people: pd.DataFrame) -> None:
    told = refused(tmp_path, people.replace({"arm": {"court": "charge"}}))
    assert "'court' is not in column 'arm'; did you mean 'charge'?" in told
    three = people.replace({"arm": {"court": "charge"}})
    three.loc[0, "arm"] = "caution"
    told = refused(tmp_path, three)
    assert "'court' is not in column 'arm'\n" in told
    assert "'caution' (1 person)" in told


def test_a_stray_label_is_told_with_its_row(tmp_path: Path, people: pd.DataFrame) -> None:
    people.loc[7, "arm"] = "courtt"
    assert "holds 'courtt' at row 7" in " ".join(refused(tmp_path, people).split())


def test_a_draft_is_refused_with_its_lines(tmp_path: Path, people: pd.DataFrame) -> None:
    draft = PROTOCOL.replace("horizon = 30", "horizon = 30  # TODO: months?")
    told = refused(tmp_path, people, draft)
    assert "1 line still to be decided" in told
    assert "line 3:  horizon = 30  # TODO: months?" in told


def test_an_interruption_leaves_nothing(
    tmp_path: Path, people: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("checkpoint_eval.report.folder.render_page", interrupted)
    (tmp_path / "protocol.toml").write_text(PROTOCOL, encoding="utf-8")
    people.to_csv(tmp_path / "people.csv", index=False)
    command = ["evaluate", str(tmp_path / "protocol.toml"), str(tmp_path / "people.csv")]
    result = CliRunner().invoke(main, [*command, "--out", str(tmp_path / "report")])
    assert result.exit_code == 1
    assert "Aborted" in result.output
    assert sorted(each.name for each in tmp_path.iterdir()) == ["people.csv", "protocol.toml"]
