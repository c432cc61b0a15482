"""Where nothing can be written, a command says so in words, before the work where it can."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from checkpoint_eval.cli import main

TABLE = "arm,reoffended\n" + "\n".join(f"{('a', 'control')[n % 2]},{n % 3 // 2}" for n in range(40))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("people.csv").write_text(TABLE, encoding="utf-8")
    Path("file").write_text("mine", encoding="utf-8")
    return tmp_path


def run(*command: str) -> Result:
    return CliRunner().invoke(main, list(command))


def said(*command: str) -> str:
    result = run(*command)
    assert result.exit_code == 2, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return " ".join(result.output.split())


COMMANDS = [("tidy", "people.csv"), ("init", "people.csv"), ("demo",)]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_is_no_folder(folder: Path, command: tuple[str, ...]) -> None:
    told = said(*command, "--out", os.path.join("file", "new"))
    assert f"{folder / 'file'} is a file, not a folder; choose another place" in told
    assert (folder / "file").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("command", COMMANDS[:2])
def test_a_folder_that_is_not_there_is_not_made_for_a_file(
    folder: Path, command: tuple[str, ...]
) -> None:
    told = said(*command, "--out", os.path.join("nowhere", "new"))
    assert "there is no folder nowhere; make it, or choose another place" in told
    assert not (folder / "nowhere").exists()


@pytest.mark.parametrize("command", COMMANDS[:2])
def test_a_file_that_may_not_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    # As on Windows, where a spreadsheet holds its file: the new name cannot be taken.
    def held(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", held)
    told = said(*command, "--out", "new")
    assert f"you may not write in {folder}, or a program has it open; close that" in told
    assert sorted(path.name for path in folder.iterdir()) == ["file", "people.csv"]


def test_a_report_is_refused_before_the_work(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object, **__: object) -> None:
        raise AssertionError("the work was done")

    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setattr("checkpoint_eval.report.evaluating.evaluate", nothing)
    assert f"you may not write in {folder}" in said("demo", "--out", "report")


def test_blanks_and_letters_of_any_language_in_a_path(folder: Path) -> None:
    target = folder / "Öl ☃ & co" / "made ready.csv"
    target.parent.mkdir()
    result = run("tidy", "people.csv", "--out", str(target))
    assert result.exit_code == 0, result.output
    assert f'checkpoint-eval init "{target}"' in result.output
    assert target.read_bytes() == TABLE.encode() + b"\n"
