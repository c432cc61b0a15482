"""The public names, their docstrings, and nouns that never change."""

import ast
import dataclasses
import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import checkpoint_eval as ce

SRC = Path(__file__).parents[2] / "src" / "checkpoint_eval"
ROOMS = ["balance", "cohort", "design", "models", "outcomes", "power", "randomise", "report"]
TOP = {
    *("Assignment", "BalanceTable", "BinaryOutcome", "Complete", "CoxFit", "Curve", "Estimate"),
    *("Evaluation", "EventTable", "FlemingHarrington", "Flow", "Protocol", "SignificanceTest"),
    *("TimeToEvent", "Trial", "ImpossibleDesign", "InvalidData", "InvalidProtocol"),
    *("OutputRefused", "TrialError", "UnknownColumn", "__version__"),
    *("evaluate", "fit_cox", "flow", "hazard_ratio", "load_rossi", "logrank_test", "odds_ratio"),
    *("omnibus_balance", "randomisation_test", "read_people", "read_protocol", "restricted_mean"),
    *("risk_difference", "risk_ratio", "sample_ratio_test", "standardised_differences"),
    *("survival_curve", "survival_difference", "write_report", "randomisation_interval"),
    *("Clustered", "Minimisation", "NumericOutcome", "PermutedBlocks", "Stratified"),
    *("Scenario", "checkpoint_scenario", "generate", "cross_check"),
    *("load_milwaukee", "load_minneapolis", "load_recid", "ContrastCurve", "Quantiles"),
}


def public() -> dict[str, Any]:
    """Every public object by qualified name."""
    found: dict[str, Any] = {}
    for room in [None, *ROOMS]:
        module: ModuleType = (
            ce if room is None else importlib.import_module(f"{ce.__name__}.{room}")
        )
        for name in module.__all__:
            value = getattr(module, name)
            if not isinstance(value, (ModuleType, str)):
                found[f"{room or 'ce'}.{name}"] = value
    return found


PUBLIC = public()
FUNCTIONS = {name: value for name, value in PUBLIC.items() if inspect.isfunction(value)}
CLASSES = {name: value for name, value in PUBLIC.items() if inspect.isclass(value)}
VERBS = {name: value for name, value in FUNCTIONS.items() if name.startswith("ce.")}


def test_the_top_level_is_what_users_were_told() -> None:
    assert set(ce.__all__) - set(ROOMS) == TOP


def test_stub_and_all_agree() -> None:
    for room in [None, *ROOMS]:
        folder = SRC / (room or "")
        tree = ast.parse((folder / "__init__.pyi").read_text(encoding="utf-8"))
        stated = next(
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
        )
        module = ce if room is None else importlib.import_module(f"checkpoint_eval.{room}")
        assert sorted(module.__all__) == sorted(stated)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_documented(name: str) -> None:
    doc = inspect.getdoc(FUNCTIONS[name])
    assert doc
    assert doc.splitlines()[0].endswith(".")


# Functions that compute nothing: they read, write or lay out.
LAYOUT = {
    "ce.load_milwaukee",
    "ce.load_minneapolis",
    "ce.load_recid",
    "ce.load_rossi",
    "ce.read_people",
    "ce.read_protocol",
    "ce.write_report",
    "ce.evaluate",
    "ce.flow",
}


@pytest.mark.parametrize("name", sorted(set(VERBS) - LAYOUT))
def test_verbs_name_their_source_and_their_check(name: str) -> None:
    doc = " ".join((inspect.getdoc(VERBS[name]) or "").split())
    for needed in ("References", "hecked against", "Examples"):
        assert needed in doc, f"{name} lacks {needed!r}"


@pytest.mark.parametrize("name", VERBS)
def test_verbs_take_keywords(name: str) -> None:
    """The thing acted on first, at most one more by position."""
    kinds = [each.kind for each in inspect.signature(VERBS[name]).parameters.values()]
    assert kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) <= 2


@pytest.mark.parametrize(
    "name", [name for name in CLASSES if dataclasses.is_dataclass(CLASSES[name])]
)
def test_nouns_are_frozen_and_keyword_only(name: str) -> None:
    kind = CLASSES[name]
    assert kind.__dataclass_params__.frozen
    assert all(field.kw_only for field in dataclasses.fields(kind))
    assert "__dict__" not in dir(kind) or name == "ce.Trial"


def test_nothing_writes_to_self_after_construction() -> None:
    wrong = []
    for path in SRC.rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef) or function.name == "__init__":
                continue
            for node in ast.walk(function):
                targets = (
                    node.targets
                    if isinstance(node, ast.Assign)
                    else ([node.target] if isinstance(node, (ast.AugAssign, ast.AnnAssign)) else [])
                )
                own = [
                    target
                    for target in targets
                    if isinstance(target, ast.Attribute)
                    and isinstance(target.value, ast.Name)
                    and target.value.id == "self"
                ]
                set_outside = (
                    isinstance(node, ast.Call)
                    and ast.unparse(node.func) == "object.__setattr__"
                    and function.name != "__post_init__"
                )
                if own or set_outside:
                    wrong.append(f"{path.name}:{node.lineno}")
    assert not wrong


def test_names_in_messages_exist() -> None:
    """A remedy that names a function in backticks must name one that is there."""
    known = {name.split(".")[1] for name in PUBLIC} | {"Trial.from_protocol", "Trial.from_frame"}
    known |= {"Episodes.from_frame"}
    known |= parameters() | TOML_KEYS
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                text = ast.unparse(node.exc)
                for name in re.findall(r"`([A-Za-z_.]+)`", text):
                    assert name in known, f"{path.name}:{node.lineno} names `{name}`"


TOML_KEYS = {"allocation.ratio", "time_point", "screening", "binary", "time", "event"}


def parameters() -> set[str]:
    """Every parameter, field and method name in the package."""
    names = set()
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.arg):
                names.add(node.arg)
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                names.add(node.name)
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names.add(node.target.id)
    return names


def test_sizes() -> None:
    """No file over 400 lines, no function over 50 without its docstring."""
    for path in SRC.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 400, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                doc = ast.get_docstring(node, clean=False) or ""
                size = node.end_lineno - node.lineno - doc.count("\n")  # type: ignore[operator]
                assert size <= 50, f"{path}: {node.name} has {size} lines"


def test_no_public_name_is_also_a_module() -> None:
    """A module of the same name would take the name's place once it is imported by itself."""
    for folder in [SRC, *(SRC / room for room in ROOMS)]:
        modules = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
        module = ce if folder == SRC else importlib.import_module(f"checkpoint_eval.{folder.name}")
        clash = modules & set(module.__all__)
        assert clash <= (set(ROOMS) if folder == SRC else set()), clash
