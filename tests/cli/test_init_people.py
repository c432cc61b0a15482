"""`checkpoint-eval init`: who is who, several arms, and outcomes that stand in another table."""

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from checkpoint_eval.cli import main
from checkpoint_eval.design import read_protocol


@pytest.fixture
def people() -> pd.DataFrame:
    n = 90
    return pd.DataFrame(
        {
            "URN": [f"{number:04d}" for number in range(n)],
            "Arm": [("Court", "Contract", "Contract and mentor")[row % 3] for row in range(n)],
            "DOB": ["17/05/1990"] * n,
            "Referred": ["1 Mar 2018"] * n,
            "Randomised on": ["02-Mar-2018"] * n,
        }
    )


def init(folder: Path, people: pd.DataFrame, *options: str) -> tuple[str, str]:
    """Return the draft and what was said."""
    people.to_csv(folder / "people.csv", index=False)
    out = folder / "protocol.toml"
    given = ["init", str(folder / "people.csv"), "--out", str(out), *options]
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 0, result.output
    return out.read_text(encoding="utf-8"), " ".join(result.output.split())


def test_people_in_two_rows_are_left_to_decide(tmp_path: Path, people: pd.DataFrame) -> None:
    twice = pd.concat([people, people.head(2)])
    draft, said = init(tmp_path, twice)
    assert 'id = "URN"' in draft
    assert "TODO: some stand in two rows, and each row counts as a person" in said
    assert "people.csv --id URN" in said


@pytest.mark.parametrize("name", ["Arm", "DOB"])
def test_a_column_of_few_values_identifies_nobody(
    tmp_path: Path, people: pd.DataFrame, name: str
) -> None:
    assert "TODO: some stand in two rows" in init(tmp_path, people, "--id", name)[1]
    (tmp_path / "protocol.toml").unlink()
    assert "two rows" not in init(tmp_path, people, "--id", "URN")[1]


def test_several_arms_are_compared_with_care(tmp_path: Path, people: pd.DataFrame) -> None:
    timed = people.assign(Reoffended=[row % 2 for row in range(len(people))])
    draft, _ = init(tmp_path, timed, "--unit", "days", "--horizon", "365")
    assert "the table has 30, 30 and 30" in draft
    assert read_protocol(tmp_path / "protocol.toml").analysis.multiplicity == "holm"
    (tmp_path / "protocol.toml").unlink()
    two = timed[timed["Arm"] != "Contract"]
    draft, _ = init(tmp_path, two, "--unit", "days", "--horizon", "365")
    assert "multiplicity" not in draft
    assert "the table has 30 and 30" in draft


def test_an_outcome_in_another_table_is_told_how_to_fetch(
    tmp_path: Path, people: pd.DataFrame
) -> None:
    said = init(tmp_path, people)[1]
    # The day of randomisation by its name, whatever stands before it; birth starts nothing.
    assert '--id URN --start "Randomised on" --events OFFENCES.csv' in said
    (tmp_path / "protocol.toml").unlink()
    said = init(tmp_path, people.drop(columns="Randomised on"))[1]
    assert "--id URN --start Referred --events" in said
    (tmp_path / "protocol.toml").unlink()
    known = people.assign(Reoffended=0)
    known.loc[::2, "Reoffended"] = 1
    assert "OFFENCES.csv" not in init(tmp_path, known)[1]


def test_the_arm_received_is_an_arm(tmp_path: Path, people: pd.DataFrame) -> None:
    known = people.assign(Reoffended=[row % 2 for row in range(90)], Complied=["yes", "no"] * 45)
    known["Got"] = known["Arm"].where(known.index % 9 > 0, "")
    known.to_csv(tmp_path / "people.csv", index=False)
    given = ["init", str(tmp_path / "people.csv"), "--out", str(tmp_path / "protocol.toml")]
    refused = CliRunner().invoke(main, [*given, "--received", "Complied"])
    assert refused.exit_code == 2
    assert "holds 'no'; the arm received is one of 'Court', 'Contract'," in refused.output
    # Asked, the question comes again: arm, control, received twice, and Enter for all the rest.
    answers = "\n\nComplied\nGot\n\n\n\ndays\n365\n\n\n\n\n"
    asked = CliRunner().invoke(main, [*given, "--ask"], input=answers)
    assert asked.exit_code == 0, asked.output
    assert asked.output.count("holds 'no'") == 1
    assert 'received = "Got"' in (tmp_path / "protocol.toml").read_text(encoding="utf-8")
