"""Reading frozen values from TOML: typed, validated, with the line and key of what is wrong."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import cattrs
from cattrs.errors import (
    AttributeValidationNote,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn

from checkpoint_eval._checks import did_you_mean
from checkpoint_eval.design.allocation import Rule
from checkpoint_eval.design.declared import rule_from_dict
from checkpoint_eval.errors import InvalidProtocol, TrialError

Path_ = tuple[str | int, ...]
Hook = Callable[[Any, Any], Any]
Value = TypeVar("Value")
LONGEST = 2_000  # characters of a message
# Line breaks and tabs may stand in a text; other control characters and turns of direction not.
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def read_text(path: str | Path, *, what: str) -> str:
    """Return the text of a UTF-8 file; `what` is how messages call it, such as "Protocol"."""
    if not isinstance(path, (str, Path)):
        raise InvalidProtocol(f"{what} must be the path of a file, got {path!r}.")
    file = Path(path)
    try:
        return file.read_text(encoding="utf-8-sig")  # Windows editors begin with a mark
    except OSError as problem:
        raise InvalidProtocol(f"{what} {file} cannot be read: {problem.strerror}.") from problem
    except UnicodeDecodeError as problem:
        raise InvalidProtocol(f"{what} {file} is not UTF-8 text; save it as UTF-8.") from problem
    except ValueError as problem:
        raise InvalidProtocol(f"{what} {str(file)!r} cannot be read: {problem}.") from problem


def parse_table(text: str, kind: type[Value], *, name: str) -> Value:
    """Return a frozen dataclass from TOML text; `name` is how messages call the text.

    Raises
    ------
    InvalidProtocol
        When the text is not TOML, a key is missing or unknown, or a value is not possible; the
        message names line, key and remedy.
    """
    if not isinstance(text, str):
        raise InvalidProtocol(f"{name} must be text, got {type(text).__name__}.")
    try:
        text.encode()
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise InvalidProtocol(_syntax_message(text, name, problem)) from problem
    except (ValueError, RecursionError) as problem:  # half a sign, thousands of digits or brackets
        raise InvalidProtocol(f"{name} is no TOML that can be read: {problem}.") from problem
    try:
        return _CONVERTER.structure(content, kind)
    except (cattrs.BaseValidationError, TrialError, ValueError, TypeError) as problem:
        path, reason = _first_problem(problem)
        line = line_of(text, path)
        where = (f", line {line}" if line else "") + (f", key `{_dotted(path)}`" if path else "")
        raise InvalidProtocol(f"{name}{where}: {_shortened(reason)}", at=path) from problem


def _shortened(text: str) -> str:
    """Return a message without the middle of what is too long to be read."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"


def _strict(value: Any, kind: Any) -> Any:
    """Refuse what Python would coerce: "52" is no number, 1 is no truth value."""
    wanted: tuple[type, ...] = (int, float) if kind is float else (kind,)
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
        raise InvalidProtocol(f"must be a {_KINDS[kind]}, got {_called(value)}")
    return _readable(value) if isinstance(value, str) else kind(value)


def _readable(text: str) -> str:
    """Refuse what no reader sees: control characters, and those that turn the direction of text."""
    found = UNSEEN.search(text)
    if found:
        raise InvalidProtocol(
            f"holds the character U+{ord(found.group()):04X}, which cannot be seen; take it out"
        )
    return text


_KINDS: dict[type, str] = {
    str: "text in quotes",
    int: "whole number",
    float: "number",
    bool: "truth value (true or false)",
}


def _label(value: Any, _: Any) -> str | int | bool:
    if isinstance(value, (str, int)):
        return _readable(value) if isinstance(value, str) else value
    raise InvalidProtocol(f"must be text, a whole number or true/false, got {value!r}")


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    for kind in _KINDS:
        converter.register_structure_hook(kind, _strict)
    converter.register_structure_hook(str | int | bool, _label)
    converter.register_structure_hook(Rule, lambda value, _: rule_from_dict(value))
    converter.register_structure_hook_factory(is_dataclass)(_table_hook)
    converter.register_structure_hook_factory(_is_tuple)(_list_hook)
    converter.register_structure_hook_factory(_is_mapping)(_map_hook)
    return converter


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _is_mapping(kind: Any) -> bool:
    return get_origin(kind) is Mapping


def _table_hook(kind: type[Any], converter: cattrs.Converter) -> Hook:
    """Read a dataclass from a TOML table, and from nothing else."""
    read: Hook = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True)
    required = [each.name for each in fields(kind) if each.type is str and each.default is MISSING]

    def hook(value: Any, wanted: Any) -> Any:
        if not isinstance(value, dict):
            raise InvalidProtocol(f"must be one table of keys, got {_called(value)}")
        made = read(value, wanted)
        for name in required:
            if not getattr(made, name).strip():
                raise InvalidProtocol(f"`{name}` is empty; write it out.", at=(name,))
        return made

    return hook


def _list_hook(kind: Any, converter: cattrs.Converter) -> Hook:
    """Read a tuple from a TOML list: text is no list of letters."""
    several: Any = list.__class_getitem__(get_args(kind)[0])
    read = converter.get_structure_hook(several)

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, list):
            raise InvalidProtocol(f"must be a list in [ ], got {_called(value)}")
        return tuple(read(value, several))

    return hook


def _map_hook(kind: Any, converter: cattrs.Converter) -> Hook:
    """Read names with their values from a TOML table."""
    each = get_args(kind)[1]
    read = converter.get_structure_hook(each)

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            raise InvalidProtocol(f"must be a table of names and values, got {_called(value)}")
        if any(not name.strip() for name in value):
            raise InvalidProtocol("has a name that is empty; write what it is")
        return {_readable(name): _at(name, read, held, each) for name, held in value.items()}

    return hook


def _at(name: str, read: Hook, value: Any, kind: Any) -> Any:
    """Read one value of a table, saying under which name it stands when it cannot be."""
    try:
        return read(value, kind)
    except InvalidProtocol as problem:
        raise InvalidProtocol(str(problem), at=(name, *problem.at)) from problem


def _called(value: Any) -> str:
    if isinstance(value, date):
        return f"a date; write it in quotes, as '{value}'"
    kind = "a list" if isinstance(value, list) else _KINDS.get(type(value), "a table")
    return f"{value!r} ({kind})" if type(value) in _KINDS else kind


_CONVERTER = _converter()


def _syntax_message(text: str, name: str, problem: tomllib.TOMLDecodeError) -> str:
    """Say the line, and what stands there."""
    found = re.search(r"at line (\d+)", str(problem))
    number = int(found.group(1)) if found else len(text.splitlines())
    lines = text.splitlines()
    shown = lines[number - 1].strip() if 0 < number <= len(lines) else "end of file"
    reason = re.sub(r"\s*\(at .*\)$", "", str(problem))
    return f"{name}, line {number}, at `{shown}`: not TOML ({reason})."


def _first_problem(problem: BaseException, path: Path_ = ()) -> tuple[Path_, str]:
    """Walk a tree of validation errors down to its first leaf: where it is and what it says."""
    if isinstance(problem, (ClassValidationError, IterableValidationError)):
        # A key that is not known explains one that is missing, so it is told first.
        first = min(
            problem.exceptions, key=lambda each: not isinstance(each, ForbiddenExtraKeysError)
        )
        return _first_problem(first, path + _step(first))
    if isinstance(problem, ForbiddenExtraKeysError):
        extra = sorted(problem.extra_fields)[0]
        known = [field.name for field in fields(problem.cl)]
        return (*path, extra), f"no such key; {did_you_mean(extra, known)}"
    if isinstance(problem, KeyError):
        return (*path, str(problem.args[0])), "this key is missing; add it."
    message = str(problem)
    path += problem.at if isinstance(problem, InvalidProtocol) else _named(message)
    return path, message if message.endswith((".", "?")) else message + "."


def _named(message: str) -> Path_:
    """Return the key that a check's message names first, in backticks."""
    found = re.match(r"`(\w+)(?:\['([^']+)'\])?`", message)
    return tuple(part for part in found.groups() if part) if found else ()


def _step(problem: BaseException) -> Path_:
    for note in getattr(problem, "__notes__", ()):
        if isinstance(note, AttributeValidationNote) and not isinstance(problem, KeyError):
            return (note.name,)
        if isinstance(note, IterableValidationNote):
            return (note.index,)
    return ()


def _dotted(path: Path_) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "protocol"


def line_of(text: str, path: Path_) -> int:
    """Return the 1-based line of a key, or of the table that should hold it; 0 if neither is."""
    if not path:
        return 0
    lines = text.splitlines()
    top, key = str(path[0]), str(next(part for part in reversed(path) if isinstance(part, str)))
    header = re.compile(rf"^\s*\[\[?\s*{re.escape(top)}\s*[.\]]")
    headers = [number for number, line in enumerate(lines) if header.match(line)]
    nth = path[1] if len(path) > 1 and isinstance(path[1], int) else 0
    start = headers[nth] if nth < len(headers) else 0
    for number in range(start, len(lines)):
        if number > start and lines[number].lstrip().startswith("["):
            break
        if re.match(rf"^\s*['\"]?{re.escape(key)}['\"]?\s*=", lines[number]):
            return number + 1
    if headers:
        return start + 1
    inline = (n for n, line in enumerate(lines) if re.match(rf"^\s*{re.escape(top)}\s*=", line))
    return next(inline, -1) + 1
