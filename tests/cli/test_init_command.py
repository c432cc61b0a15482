"""`checkpoint-eval init`: a draft that can be read, says what is open, and replaces nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from checkpoint_eval.cli import main
from checkpoint_eval.design import Protocol, read_protocol


@pytest.fixture
def people() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n = 120
    arm = np.array(["Contract", "Court"])[np.arange(n) % 2]
    time = np.ceil(rng.exponential(np.where(arm == "Court", 500, 800))).astype(int)
    return pd.DataFrame(
        {
            "Person ID": [f"{number:04d}" for number in range(n)],
            "Allocated": arm,
            "Received": np.where(np.arange(n) % 13 == 0, "Court", arm),
            "Custody Suite": rng.choice(["Durham", "Darlington"], n),
            "Age at arrest": rng.integers(18, 60, n),
            "Previous arrests": rng.poisson(3, n),
            "Days to reoffence": np.minimum(time, 365),
            "Re-offended?": (time <= 365).astype(int),
            "Breached": rng.integers(0, 2, n),
        }
    )


def run(folder: Path, people: pd.DataFrame, *options: object, answers: str = "") -> Result:
    people.to_csv(folder / "people.csv", index=False)
    given = ["init", str(folder / "people.csv"), "--out", str(folder / "protocol.toml")]
    return CliRunner().invoke(main, [*given, *map(str, options)], input=answers)


def drafted(folder: Path, result: Result) -> tuple[Protocol, str]:
    assert result.exit_code == 0, result.output
    path = folder / "protocol.toml"
    return read_protocol(path), path.read_text(encoding="utf-8")


def test_names_and_values_tell_most_of_it(tmp_path: Path, people: pd.DataFrame) -> None:
    result = run(tmp_path, people)
    found, text = drafted(tmp_path, result)
    assert "TODO" not in text
    assert [arm.label for arm in found.arms] == ["Court", "Contract"]  # control first
    columns = found.columns
    assert (columns.arm, columns.id, columns.received) == ("Allocated", "Person ID", "Received")
    assert found.covariates == ("Age at arrest", "Previous arrests")
    primary = found.primary
    assert (primary.time, primary.event) == ("Days to reoffence", "Re-offended?")
    assert (found.unit, found.horizon) == ("days", 365)
    assert '# strata = ["Custody Suite"]' in text  # offered, not assumed
    assert "the table has 60 and 60" in text
    assert f"evaluate {tmp_path / 'protocol.toml'} {tmp_path / 'people.csv'}" in result.output


def test_the_horizon_is_one_that_every_arm_reaches(tmp_path: Path, people: pd.DataFrame) -> None:
    court, time = people["Allocated"] == "Court", people["Days to reoffence"]
    shorter = people.assign(**{"Days to reoffence": time.where(~court, time.clip(upper=300))})
    found, _ = drafted(tmp_path, run(tmp_path, shorter))
    assert found.horizon == 300


def test_a_draft_without_todo_is_evaluated(tmp_path: Path, people: pd.DataFrame) -> None:
    run(tmp_path, people)
    command = ["evaluate", str(tmp_path / "protocol.toml"), str(tmp_path / "people.csv")]
    result = CliRunner().invoke(main, [*command, "--out", str(tmp_path / "report")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "report" / "report.html").exists()


def test_options_come_before_guesses(tmp_path: Path, people: pd.DataFrame) -> None:
    options: list[Any] = ["--arm", "Received", "--control", "Contract", "--binary", "Breached"]
    options += ["--outcome", "breach", "--unit", "months", "--horizon", 12, "--title", "Ours"]
    options += ["--strata", "Custody Suite", "--covariate", "Age at arrest"]
    found, text = drafted(tmp_path, run(tmp_path, people, *options))
    assert "TODO" not in text
    assert found.title == "Ours"
    assert [arm.label for arm in found.arms] == ["Contract", "Court"]
    assert (found.primary.name, found.primary.binary) == ("breach", "Breached")
    assert (found.unit, found.horizon) == ("months", 12)
    assert found.allocation.strata == ("Custody Suite",)
    assert found.covariates == ("Age at arrest",)


def test_a_time_and_further_yes_or_no_outcomes(tmp_path: Path, people: pd.DataFrame) -> None:
    options = ["--time", "Days to reoffence", "--event", "Re-offended?", "--binary", "Breached"]
    found, _ = drafted(tmp_path, run(tmp_path, people, *options))
    assert [outcome.name for outcome in found.outcomes] == ["re-offended", "breached"]
    assert [each.measure for each in found.estimands] == [
        "risk difference",
        "hazard ratio",
        "restricted mean difference",
        "risk difference",
    ]
    assert [each.confirmatory for each in found.estimands] == [True, False, False, False]


def test_what_cannot_be_guessed_is_left_open(tmp_path: Path) -> None:
    plain = pd.DataFrame({"a": [0, 1] * 10, "b": [1, 0] * 10, "c": range(20)})
    result = run(tmp_path, plain)
    _, text = drafted(tmp_path, result)
    todo = [line for line in text.splitlines() if "# TODO" in line]
    assert [line.split(" = ")[0] for line in todo] == ["unit", "horizon", "arm", "binary"]
    assert "settle 4 TODOs" in result.output
    command = ["evaluate", str(tmp_path / "protocol.toml"), str(tmp_path / "people.csv")]
    refused = CliRunner().invoke(main, [*command, "--out", str(tmp_path / "report")])
    assert refused.exit_code == 2
    assert "4 lines still to be decided" in refused.output
    assert f"line {text.splitlines().index(todo[0]) + 1}:" in refused.output


def test_what_is_not_certain_is_left_open(tmp_path: Path, people: pd.DataFrame) -> None:
    unclear = people.rename(columns={"Days to reoffence": "time", "Re-offended?": "Event"})
    unclear["group"] = unclear["Allocated"].map({"Court": "A", "Contract": "B"})
    unclear["Event"] = np.where(unclear["Event"] == 1, "Yes", "No")
    _, text = drafted(tmp_path, run(tmp_path, unclear))
    assert "# TODO: or is it 'group'?" in text
    assert "# TODO: in which unit is time counted?" in text
    assert "# TODO: or is it 'Breached'?; code yes as 1 and no as 0" in text
    _, text = drafted(tmp_path, _again(tmp_path, unclear, "--arm", "group"))
    assert "# TODO: control must come first; is it this one?" in text


def _again(folder: Path, people: pd.DataFrame, *options: object) -> Result:
    (folder / "protocol.toml").unlink()
    return run(folder, people, *options)


def test_asking(tmp_path: Path, people: pd.DataFrame) -> None:
    """Enter takes the guess; what is no answer is asked again, with what is near."""
    answers = ["", "", "-x", "", "", "", "time", "", "", "", "180", "Breached", "Custody Suite"]
    answers += ["Age at arrest, Previous arrests"]
    result = run(tmp_path, people, "--ask", answers="\n".join(answers) + "\n")
    found, text = drafted(tmp_path, result)
    assert "TODO" not in text
    assert "'-x' is not known" in result.output
    assert found.horizon == 180
    assert [outcome.name for outcome in found.outcomes] == ["re-offended", "breached"]
    assert found.allocation.strata == ("Custody Suite",)
    assert found.covariates == ("Age at arrest", "Previous arrests")


def test_an_interruption_while_asking_writes_nothing(tmp_path: Path, people: pd.DataFrame) -> None:
    result = run(tmp_path, people, "--ask", answers="\n\n")  # then the input ends
    assert result.exit_code == 1
    assert "Aborted" in result.output
    assert [each.name for each in tmp_path.iterdir()] == ["people.csv"]


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path, people: pd.DataFrame) -> None:
    (tmp_path / "protocol.toml").write_text("mine", encoding="utf-8")
    result = run(tmp_path, people, "--ask")
    assert result.exit_code == 2
    assert "exists and is left as it is" in " ".join(result.output.split())
    assert "Which column" not in result.output  # before anything is asked
    assert (tmp_path / "protocol.toml").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--arm", "allocated"], "did you mean 'Allocated'?"),
        (["--covariate", "Age"], "--covariate: column 'Age' is not known"),
        (["--arm", "Person ID"], "holds 120 labels"),
        (["--control", "court"], "`control` is 'court'; did you mean 'Court'"),
        (["--unit", "fortnights"], "`unit` is 'fortnights'"),
        (["--horizon", "-1"], "`horizon` must be a finite number above 0"),
        (["--event", "Age at arrest"], "an outcome that happened or not is told by 0 and 1"),
        (["--binary", "Custody Suite"], "told by 0 and 1"),
        (["--time", "Custody Suite"], "holds no numbers"),
    ],
)
def test_what_no_draft_can_be_made_of(
    tmp_path: Path, people: pd.DataFrame, options: list[str], message: str
) -> None:
    result = run(tmp_path, people, *options)
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.output.split())
    assert [each.name for each in tmp_path.iterdir()] == ["people.csv"]


def test_names_that_toml_must_quote(tmp_path: Path, people: pd.DataFrame) -> None:
    odd = people.rename(columns={"Allocated": 'arm "as\\drawn"', "Age at arrest": "Âge, é\tx"})
    found, _ = drafted(tmp_path, run(tmp_path, odd, "--arm", 'arm "as\\drawn"'))
    assert found.columns.arm == 'arm "as\\drawn"'


def test_numbered_arms_and_missing_outcomes(tmp_path: Path, people: pd.DataFrame) -> None:
    coded = people.assign(Allocated=(people["Allocated"] == "Contract").astype(int))
    coded = coded.drop(columns="Received").astype(
        {"Days to reoffence": float, "Re-offended?": float}
    )
    coded.loc[::9, ["Days to reoffence", "Re-offended?"]] = np.nan
    found, text = drafted(tmp_path, run(tmp_path, coded))
    assert [(arm.label, arm.name) for arm in found.arms] == [(0, "control"), (1, "treatment")]
    assert found.primary.event == "Re-offended?"
    assert "TODO" not in text


def test_a_messy_table_is_refused_by_column_and_row(tmp_path: Path, people: pd.DataFrame) -> None:
    told = {
        "spelt": people.assign(Allocated=people["Allocated"].where(people.index != 3, "court ")),
        "stray": people.assign(
            **{"Days to reoffence": people["Days to reoffence"].astype(object)}
        ).replace({"Days to reoffence": {people["Days to reoffence"][5]: "N/A"}}),
    }
    found = {}
    for name, table in told.items():
        result = run(tmp_path, table)
        assert result.exit_code == 2, name
        found[name] = " ".join(result.output.split())
    assert "holds 'Court', 'court ', which differ in case or blanks alone" in found["spelt"]
    assert "holds numbers, but 'N/A' at row" in found["stray"]
    assert not (tmp_path / "protocol.toml").exists()


def test_semicolons_with_a_comma_in_a_name(tmp_path: Path, people: pd.DataFrame) -> None:
    people.rename(columns={"Breached": "Breached, or not"}).to_csv(
        tmp_path / "people.csv", index=False, sep=";"
    )
    result = CliRunner().invoke(main, ["init", str(tmp_path / "people.csv")])
    assert result.exit_code == 2
    assert "save it with commas between the columns" in " ".join(result.output.split())
