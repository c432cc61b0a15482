"""The ledger at the custody desk: each command, what it prints and how it ends."""

import json
import re
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from checkpoint_eval.cli import main
from checkpoint_eval.randomise import Ledger, verify_commitment

PROTOCOL = """
title = "A small trial"
unit = "days"
horizon = 30
[columns]
arm = "arm"
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
[screening]
assessed = 10
excluded = { "under 18" = 0 }
[allocation]
"""
BLOCKS = """
rule = "permuted-blocks"
sizes = [4, 6]
strata = ["suite"]
levels = { suite = ["north", "south"] }
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["randomise", *(str(each) for each in arguments)])


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    protocol = tmp_path / "trial.toml"
    protocol.write_text(PROTOCOL + BLOCKS)
    path = tmp_path / "trial.ledger"
    made = run("create", path, protocol)
    assert made.exit_code == 0, made.output
    key = json.loads((tmp_path / "trial.ledger.key").read_text())
    assert str(tmp_path / "trial.ledger.key") in made.output
    assert key["seed"] not in made.output
    commitment = re.search(r"[0-9a-f]{64}", made.output)
    assert commitment
    assert verify_commitment(commitment.group(), key["seed"])
    return path


def test_allocation_is_told_plainly_and_repeated_the_same(ledger: Path) -> None:
    first = run("allocate", ledger, "A-1", "--set", "suite=north")
    assert first.exit_code == 0
    assert first.stdout.strip() in ("prosecution", "contract")
    assert first.stderr == ""
    again = run("allocate", ledger, "A-1", "--set", "suite=south")
    assert again.stdout == first.stdout
    assert "A repeated request" in again.stderr
    assert "otherwise of suite" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["A-1"], "suite"),
        (["A-1", "--set", "suite=nroth"], "did you mean 'north'"),
        (["A-1", "--set", "suite"], "FACTOR=LEVEL"),
        (["A-1 ", "--set", "suite=north"], "identifier"),
    ],
)
def test_what_cannot_be_allocated_is_refused(ledger: Path, arguments: list[str], told: str) -> None:
    refused = run("allocate", ledger, *arguments)
    assert refused.exit_code == 2
    assert told in refused.stderr
    assert refused.stdout == ""


def test_events_are_recorded(ledger: Path) -> None:
    assert run("record", ledger, "screened", "B", "--reason", "under 18").exit_code == 0
    refused = run("allocate", ledger, "B", "--set", "suite=north")
    assert (refused.exit_code, "excluded" in refused.stderr) == (2, True)
    run("allocate", ledger, "A-1", "--set", "suite=north")
    said = ["--to", "contract", "--by", "PC 12", "--role", "sergeant", "--reason", "risk"]
    assert "stands" in run("override", ledger, "A-1", *said).stdout
    assert run("record", ledger, "received", "A-1", "--arm", "contract").exit_code == 0
    assert run("record", ledger, "breached", "A-1", "--reason", "missed").exit_code == 0
    assert run("record", ledger, "withdrawn", "A-1").exit_code == 2  # no reason
    assert run("record", ledger, "withdrawn").exit_code == 2  # no person
    assert run("record", ledger, "closed", "--reason", "enough").exit_code == 0
    assert "closed" in run("allocate", ledger, "C", "--set", "suite=north").stderr
    assert run("verify", ledger).exit_code == 0


def test_an_amendment_is_read_from_a_protocol(ledger: Path, tmp_path: Path) -> None:
    for number in range(3):
        run("allocate", ledger, f"A-{number}", "--set", "suite=north")
    wider, other = tmp_path / "wider.toml", tmp_path / "other.toml"
    excluded = PROTOCOL.replace('"under 18" = 0', '"drug offence" = 0')
    wider.write_text(excluded + BLOCKS)
    other.write_text(excluded + 'rule = "simple"\nratio = [1, 2]\n')
    told = run("amend", ledger, wider, "--reason", "eligibility widened")
    assert told.exit_code == 0, told.stderr
    assert "entry 5: era 2, new exclusions." in told.stdout
    assert run("record", ledger, "screened", "B", "--reason", "under 18").exit_code == 2
    assert run("record", ledger, "screened", "B", "--reason", "drug offence").exit_code == 0
    told = run("amend", ledger, other, "--reason", "more contracts")
    assert "entry 7: era 3, new rule." in told.stdout
    assert run("allocate", ledger, "A-3", "--set", "suite=north").exit_code == 2
    assert run("allocate", ledger, "A-3").exit_code == 0
    key = ledger.with_name("trial.ledger.key")
    assert run("verify", ledger, "--key", key).exit_code == 0
    with Ledger.open(ledger, read_only=True) as opened:
        entries = list(opened.entries())
    amended = [entry.fields for entry in entries if entry.kind == "amended"]
    assert [each["changed"] for each in amended] == [["exclusions"], ["rule"]]
    assert [each["since"] for each in amended] == [1, 3]  # the rule went on where it was, once
    assert [each["reason"] for each in amended] == ["eligibility widened", "more contracts"]
    assert entries[-1].fields["probabilities"] == pytest.approx([1 / 3, 2 / 3])


def test_what_cannot_be_amended_is_refused(ledger: Path, tmp_path: Path) -> None:
    arms = PROTOCOL.replace('name = "contract"', 'name = "deferred"')
    for number, (text, why, told) in enumerate(
        (
            (PROTOCOL + BLOCKS, "none", "changes something"),
            (PROTOCOL + 'rule = "simple"\n', " ", "`reason`"),
            (PROTOCOL + 'rule = "complete"\n', "x", "permuted-blocks"),
            (arms + BLOCKS, "x", "keeps the arms"),
        )
    ):
        file = tmp_path / f"{number}.toml"
        file.write_text(text)
        refused = run("amend", ledger, file, "--reason", why)
        assert refused.exit_code == 2
        assert told in refused.stderr
        assert refused.stdout == ""
    assert run("amend", ledger, file).exit_code == 2  # no reason
    with Ledger.open(ledger, read_only=True) as opened:
        assert opened.head.sequence == 1


def test_verify_says_what_is_wrong_and_ends_with_1(ledger: Path) -> None:
    for number in range(6):
        run("allocate", ledger, f"A-{number}", "--set", "suite=north")
    key = ledger.with_name("trial.ledger.key")
    fine = run("verify", ledger, "--key", key)
    assert fine.exit_code == 0, fine.output
    assert "every arm drawn again" in fine.stdout
    head = fine.stdout.splitlines()[-1].removeprefix("Head: ")
    key.chmod(0o644)  # revealed, at the end of the trial
    assert run("verify", ledger, "--key", key, "--head", head).exit_code == 0
    file = sqlite3.connect(ledger, isolation_level=None)
    file.execute("DROP TRIGGER entry_update")
    file.execute("UPDATE entry SET body = replace(body, 'A-2', 'A-9') WHERE sequence = 4")
    file.close()
    wrong = run("verify", ledger, "--head", head)
    assert wrong.exit_code == 1
    assert "removed" in wrong.stdout
    assert "Head:" not in wrong.stdout


def test_export_has_a_row_for_each_person(ledger: Path, tmp_path: Path) -> None:
    arms = {}
    for number in range(5):
        told = run("allocate", ledger, f"A-{number}", "--set", "suite=north")
        arms[f"A-{number}"] = told.stdout.strip()
    out = tmp_path / "people.csv"
    assert "5 people" in run("export", ledger, out).stdout
    people = pd.read_csv(out)
    assert dict(zip(people["person"], people["arm"], strict=True)) == arms
    assert people["place"].tolist() == [1, 2, 3, 4, 5]
    refused = run("export", ledger, tmp_path / "no" / "people.csv")
    assert refused.exit_code == 2
    assert sorted(file.name for file in tmp_path.glob("*.part")) == []


def test_pseudonyms_by_a_secret_file(tmp_path: Path) -> None:
    (tmp_path / "trial.toml").write_text(PROTOCOL + BLOCKS)
    (tmp_path / "secret").write_text("a secret of the research unit\n")
    path, secret = tmp_path / "trial.ledger", ("--secret", tmp_path / "secret")
    assert run("create", path, tmp_path / "trial.toml", *secret).exit_code == 0
    assert run("allocate", path, "A-1", "--set", "suite=north").exit_code == 2
    assert run("allocate", path, "A-1", "--set", "suite=north", *secret).exit_code == 0
    assert b"A-1" not in path.read_bytes()


def test_a_protocol_without_a_rule_for_the_next_person_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trial.toml").write_text(PROTOCOL + 'rule = "complete"\n')
    refused = run("create", tmp_path / "trial.ledger", tmp_path / "trial.toml")
    assert refused.exit_code == 2
    assert "permuted-blocks" in refused.stderr
    assert not (tmp_path / "trial.ledger").exists()


def test_there_must_be_a_ledger(tmp_path: Path) -> None:
    for command in (["allocate", tmp_path / "no", "A"], ["verify", tmp_path / "no"]):
        refused = run(*command)
        assert refused.exit_code == 2
        assert "no ledger" in refused.stderr
