"""`checkpoint-eval power`: the study a protocol implies, or what is missing to imply one."""

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from checkpoint_eval.cli import main

PROTOCOL = """title = "A contract instead of prosecution"
unit = "days"
horizon = 730
[columns]
arm = "arm"
[[arms]]
label = 0
name = "court"
[[arms]]
label = 1
name = "contract"
[[outcomes]]
name = "again"
primary = true
variable = "v"
metric = "m"
aggregation = "a"
time = "days"
event = "again"
[[estimands]]
outcome = "again"
measure = "risk difference"
confirmatory = true
[[estimands]]
outcome = "again"
measure = "hazard ratio"
confirmatory = true
"""
PLAN = """[planning]
people = 521
control_risk = 0.48
difference = -0.103
overrides = 0.1
navigators = 8
icc = 0.02
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["power", *(str(each) for each in arguments)])


@pytest.fixture
def protocol(tmp_path: Path) -> Path:
    path = tmp_path / "protocol.toml"
    path.write_text(PROTOCOL + PLAN, encoding="utf-8")
    return path


def told(result: Result) -> str:
    return " ".join(result.output.split())


def test_the_study_is_told_step_by_step(protocol: Path) -> None:
    result = run(protocol)
    assert result.exit_code == 0, result.output
    text = told(result)
    assert "48% in control, 37.7% in treatment (−10.3 points); 521 people planned" in text
    for step in ("on paper 723 0.662 −12.1 points", "10% overridden 895 0.570"):
        assert step in text
    assert "8 navigators, ICC 0.02 3,460 0.422" in text
    assert "Farrington and Manning 1990" in text
    assert "people of different navigators are independent" in text
    assert "20% 0.448" in text  # of the surface
    assert "Simulated" not in text


def test_numbers_are_written(protocol: Path, tmp_path: Path) -> None:
    out = tmp_path / "study.json"
    result = run(protocol, "--out", out, "--simulate", 400, "--seed", 1)
    assert result.exit_code == 0, result.output
    assert "Monte Carlo limits" in told(result)
    held = json.loads(out.read_text(encoding="utf-8"))
    assert [step["people_needed"] for step in held["steps"]] == [723, 895, 3460]
    assert held["simulated"]["rows"][0]["trials"] == 400
    assert held["planning"]["hazard_ratio"] is None
    none = [row for row in held["integrity_surface"] if row["icc"] == 0.05]
    assert all(row["people_needed"] is None for row in none)  # eight navigators are too few
    again = tmp_path / "study.csv"
    assert run(protocol, "--out", again).exit_code == 0
    frame = pd.read_csv(again)
    assert frame["people_needed"].tolist() == [723, 895, 3460]


def test_the_same_seed_gives_the_same_study(protocol: Path) -> None:
    first, second = (run(protocol, "--simulate", 300, "--seed", 7).output for _ in range(2))
    assert first == second


def test_too_few_navigators_are_told(protocol: Path) -> None:
    protocol.write_text(PROTOCOL + PLAN.replace("0.02", "0.1"), encoding="utf-8")
    text = told(run(protocol))
    assert "8 navigators, ICC 0.1 none will do" in text
    assert "no number of people reaches it" in text


def test_a_hazard_ratio_and_shared_alpha(protocol: Path) -> None:
    plan = PLAN.replace("difference = -0.103", "hazard_ratio = 0.7\naccrual = 600")
    several = '[analysis]\nmultiplicity = "holm"\n'
    protocol.write_text(PROTOCOL + several + plan, encoding="utf-8")
    text = told(run(protocol))
    assert "again: hazard ratio 0.7, 48% in control" in text
    assert "Schoenfeld 1981" in text
    assert "ratio 0." in text
    assert "2 confirmatory results share alpha (holm)" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PROTOCOL, "has no [planning], so no study follows from it"),
        (PROTOCOL, "control_risk = 0.48 # share of control"),
        (PROTOCOL + PLAN.replace("0.48", "48"), "line 30, key `planning.control_risk`"),
        (PROTOCOL.replace("[columns]", '[[arms]]\nlabel = 2\nname = "c"\n[columns]'), "ratio"),
    ],
)
def test_what_implies_no_study_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "protocol.toml"
    path.write_text(text, encoding="utf-8")
    result = run(path, "--out", tmp_path / "study.json")
    assert result.exit_code == 2
    assert message in told(result)
    assert [each.name for each in tmp_path.iterdir()] == ["protocol.toml"]


def test_the_block_shown_can_be_pasted(tmp_path: Path) -> None:
    path = tmp_path / "protocol.toml"
    path.write_text(PROTOCOL, encoding="utf-8")
    block = run(path).output.partition("\n\n")[2].partition("\n\n")[0]
    path.write_text(PROTOCOL + block + "\n", encoding="utf-8")
    assert run(path).exit_code == 0


def test_three_arms_are_no_plan(tmp_path: Path) -> None:
    text = PROTOCOL.replace("[[outcomes]]", '[[arms]]\nlabel = 2\nname = "c"\n[[outcomes]]')
    text = text.replace("[columns]", "[allocation]\nratio = [1, 1, 1]\n[columns]")
    path = tmp_path / "protocol.toml"
    path.write_text(text + PLAN, encoding="utf-8")
    result = run(path)
    assert result.exit_code == 2
    assert "has 3 arms, and a plan is of two" in told(result)


def test_options_that_do_not_fit(protocol: Path, tmp_path: Path) -> None:
    for options, message in (
        (["--simulate", 100], "--simulate and --seed go together"),
        (["--seed", 1], "--simulate and --seed go together"),
        (["--simulate", 0, "--seed", 1], "--simulate"),
        (["--out", tmp_path / "study.xlsx"], "neither .json nor .csv"),
        (["--out", tmp_path], "is a directory"),
    ):
        result = run(protocol, *options)
        assert result.exit_code == 2, options
        assert message in told(result)
    assert run(tmp_path / "absent.toml").exit_code == 2
    assert [each.name for each in tmp_path.iterdir()] == ["protocol.toml"]


def test_an_interruption_writes_nothing(
    protocol: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("checkpoint_eval.power.simulated_study.simulate_power", interrupted)
    result = run(protocol, "--simulate", 100, "--seed", 1, "--out", tmp_path / "study.json")
    assert result.exit_code == 1
    assert "Aborted" in result.output
    assert [each.name for each in tmp_path.iterdir()] == ["protocol.toml"]
