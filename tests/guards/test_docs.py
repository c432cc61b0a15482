"""The documentation names everything that is public, once, and its tutorials run."""

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

import checkpoint_eval as ce
from checkpoint_eval import testing
from checkpoint_eval.outcomes.reading_extracts import COLUMNS

DOCS = Path(__file__).parents[2] / "docs"
ROOMS = ("balance", "cohort", "design", "models", "outcomes", "power", "randomise", "report")
TUTORIALS = sorted(path for path in (DOCS / "tutorials").glob("*.md") if path.stem != "index")


def listed(page: str) -> dict[str, list[str]]:
    """Return the names a page lists, by the module they are listed under."""
    found: dict[str, list[str]] = {}
    text = (DOCS / "rooms" / f"{page}.md").read_text(encoding="utf-8")
    for block in re.findall(r"```\{eval-rst\}\n(.*?)```", text, re.DOTALL):
        module = re.search(r"currentmodule:: (\S+)", block)
        assert module, page
        names = re.findall(r"^   (\w+)$", block.split(":toctree:")[1], re.MULTILINE)
        found.setdefault(module[1], []).extend(names)
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_of_a_room_is_on_its_page_once(room: str) -> None:
    module = f"checkpoint_eval.{room}"
    assert set(listed(room)) == {module}
    assert sorted(listed(room)[module]) == sorted(importlib.import_module(module).__all__), (
        f"docs/rooms/{room}.md lists other names than {module}; group each with its kind"
    )


def test_names_of_no_room_are_among_the_values() -> None:
    told = listed("values")
    in_rooms = {name for room in ROOMS for name in [room, *listed(room)[f"checkpoint_eval.{room}"]]}
    assert set(told["checkpoint_eval"]) == set(ce.__all__) - in_rooms - {"__version__"}
    assert set(told["checkpoint_eval.testing"]) == set(testing.__all__)


# What yields no number of its own: it reads, writes, draws, repairs, or wraps a verb that is named.
NO_NUMBER = {
    *("parse_protocol", "read_protocol", "rule_from_dict", "rule_to_dict", "parse_scenario"),
    *("read_scenario", "checkpoint_scenario", "gateway_scenario", "turning_point_scenario"),
    *("commit_seed", "redraw", "verify_commitment", "read_people", "load_rossi", "follow"),
    *("close_custody", "collapse_episodes", "merge_custody", "without_rows", "linkage", "settings"),
    *("practice_trial", "true_value", "truth_frame", "estimates_table", "certificate_page"),
    *("flow_diagram", "read_estimates"),
}


def test_every_number_is_in_methods() -> None:
    told = set(re.findall(r"\w+", (DOCS / "methods.md").read_text(encoding="utf-8")))
    lacking = []
    for room in ROOMS:
        module = importlib.import_module(f"checkpoint_eval.{room}")
        lacking += [
            name
            for name in module.__all__
            if inspect.isfunction(getattr(module, name))
            and not name.startswith(("plot_", "write_"))
            and name not in told | NO_NUMBER
        ]
    assert not lacking, f"docs/methods.md says nothing of {', '.join(lacking)}"


@pytest.mark.parametrize("table", COLUMNS)
def test_every_column_of_an_extract_is_in_the_dictionary(table: str) -> None:
    text = (DOCS / "data-dictionary.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {table}\n")[1].split("\n## ")[0]
    needed, optional = COLUMNS[table]
    for kind, columns in (("needed", needed), ("optional", optional)):
        told = re.findall(rf"^\| `(\w+)` \| \w+, {kind} ", section, re.MULTILINE)
        assert sorted(told) == sorted(columns), f"{kind} columns of {table}"


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorials_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the build runs them, but by this interpreter, with warnings as errors."""
    monkeypatch.chdir(path.parent)
    monkeypatch.syspath_prepend(path.parent)
    mpl.use("Agg")
    cells = re.findall(
        r"```\{code-cell\} python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL
    )
    assert cells
    names: dict[str, Any] = {}
    for cell in cells:
        tree = ast.parse(cell)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, path.name, "exec"), names)
        if last is not None:  # shown below the cell
            assert repr(eval(ast.unparse(last), names))
    plt.close("all")
