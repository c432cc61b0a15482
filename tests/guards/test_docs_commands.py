"""The page on commands shows every one of them, and none that is gone."""

import re
from pathlib import Path

import click

from checkpoint_eval.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


def test_every_command_has_its_section() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert sorted(re.findall(r"^## (\w+)$", text, re.MULTILINE)) == sorted(main.commands)
    shown = re.findall(r'^usage\("(\w+)"\)$', text, re.MULTILINE)
    assert sorted(shown) == sorted(main.commands)


def test_every_command_of_the_ledger_is_shown() -> None:
    ledger = main.commands["randomise"]
    assert isinstance(ledger, click.Group)
    listed = re.search(r"for each in \(([^)]*)\):", PAGE.read_text(encoding="utf-8"))
    assert listed
    assert sorted(re.findall(r'"(\w+)"', listed[1])) == sorted(ledger.commands)
