"""Imports flow one way; heavy packages load where they are used and nowhere else."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "checkpoint_eval"
ORDER = [
    *("design", "randomise", "outcomes", "balance", "models", "cohort", "power", "report"),
    *("testing", "cli"),
]
HELPERS = {
    "errors",
    "results",
    "_arrays",
    "_atomic",
    "_checks",
    "_days",
    "_display",
    "_frames",
    "_memory",
    "_names",
    "_progress",
    "_tidy",
    "_times",
    "_values",
    "_version",
}
DRAWING = {
    "report/event_figures.py",
    "report/cohort_figures.py",
    "report/design_figures.py",
    "report/figures.py",
    "report/flow_figures.py",
    "report/forest_figures.py",
    "report/harm_figures.py",
    "report/monitor_figures.py",
    "report/pathway_figures.py",
    "report/navigator_figures.py",
    "report/rendering.py",
    "report/subgroup_figures.py",
    "report/survival_figures.py",
}
ENGINES = {
    "models/multiplicity.py",
    "models/ordinal_fits.py",
    "models/rates.py",
    "models/standardise.py",
    "models/standardised_contrasts.py",
    "models/two_part.py",
    "models/zero_counts.py",
}
SECOND_OPINIONS = {
    "report/recomputing.py",
    "report/second_hazards.py",
    "report/second_risks.py",
}
FILES = sorted(path.relative_to(SRC) for path in SRC.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse((SRC / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def room(path: Path) -> str:
    name = path.parts[0].removesuffix(".py")
    return next((room for room in ("cli", "testing") if name.startswith(f"{room}_")), name)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_room_imports_only_itself_and_earlier_rooms(path: Path) -> None:
    here = room(path)
    for name in imported(path):
        if not name.startswith("checkpoint_eval."):
            continue
        there = room(Path(name.split(".")[1]))
        if here in HELPERS:
            # `_frames` serves `outcomes`; helpers know no room.
            assert there in HELPERS, f"{path} imports {name}"
        elif here in ORDER:
            allowed = HELPERS | set(ORDER[: ORDER.index(here) + 1])
            assert there in allowed, f"{path} imports {name}"


def test_every_room_is_in_the_order() -> None:
    rooms = {path.parent.name for path in SRC.glob("*/__init__.py")}
    assert rooms <= set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_heavy_packages_stay_where_they_belong(path: Path) -> None:
    packages = {name.split(".")[0] for name in imported(path)}
    if str(path) not in DRAWING:
        assert not packages & {"matplotlib", "seaborn"}, path
    if str(path) not in ENGINES | SECOND_OPINIONS:
        assert "statsmodels" not in packages, path
    if str(path) not in {"testing.py", "testing_scenarios.py"}:
        assert "hypothesis" not in packages, path
    if str(path) not in SECOND_OPINIONS:
        assert "lifelines" not in packages, "lifelines is a second opinion, never an engine"


@pytest.mark.parametrize("path", sorted(SECOND_OPINIONS))
def test_a_second_opinion_asks_none_of_our_kernels(path: str) -> None:
    rooms = {name.split(".")[1] for name in imported(Path(path)) if name.startswith("checkpoint")}
    assert not rooms & {"models", "balance"}, path


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_are_absolute(path: Path) -> None:
    tree = ast.parse((SRC / path).read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]


def test_importing_the_library_loads_nothing_heavy() -> None:
    heavy = ("pandas", "scipy.stats", "statsmodels", "lifelines", "matplotlib", "seaborn")
    heavy += ("hypothesis", "checkpoint_eval.testing")
    code = (
        f"import sys, checkpoint_eval\nprint([name for name in {heavy!r} if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert found.strip() == "[]"


def test_a_name_that_does_not_exist_is_refused() -> None:
    import checkpoint_eval

    with pytest.raises(AttributeError, match="hazard_ration"):
        _ = checkpoint_eval.hazard_ration
