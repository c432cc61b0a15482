"""Reading a protocol from TOML: typed, validated, with the line and key of what is wrong."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import cattrs
from cattrs.errors import (
    AttributeValidationNote,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)

from checkpoint_eval._checks import did_you_mean
from checkpoint_eval.design.protocol import Protocol
from checkpoint_eval.errors import InvalidProtocol, TrialError

Path_ = tuple[str | int, ...]


def read_protocol(path: str | Path) -> Protocol:
    """Read what a trial promised from a TOML file.

    Parameters
    ----------
    path : str or Path
        A UTF-8 TOML file; keys are the fields of `Protocol` and its parts.

    Returns
    -------
    Protocol

    Raises
    ------
    InvalidProtocol
        When the file cannot be read as TOML, a key is missing or unknown, or a value is not
        possible; the message names line, key and remedy.

    References
    ----------
    CONSORT 2025 (Hopewell et al., BMJ 2025;388:e081123), items 9, 14 and 21. Checked against
    hand-written protocols in tests/hand.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as problem:
        raise InvalidProtocol(f"Protocol {file} cannot be read: {problem.strerror}.") from problem
    except UnicodeDecodeError as problem:
        raise InvalidProtocol(f"Protocol {file} is not UTF-8 text; save it as UTF-8.") from problem
    return parse_protocol(text, name=str(file))


def parse_protocol(text: str, *, name: str = "protocol") -> Protocol:
    """Parse the text of a protocol; `name` is how messages call it. See `read_protocol`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise InvalidProtocol(_syntax_message(text, name, problem)) from problem
    try:
        return _CONVERTER.structure(content, Protocol)
    except (cattrs.BaseValidationError, TrialError, ValueError, TypeError) as problem:
        path, reason = _first_problem(problem)
        key = _dotted(path)
        line = _line_of(text, path)
        where = f"{name}, line {line}" if line else name
        raise InvalidProtocol(f"{where}, key `{key}`: {reason}") from problem


def _strict(value: Any, kind: type) -> Any:
    """Refuse what Python would coerce: "52" is no number, 1 is no truth value."""
    wanted: tuple[type, ...] = (int, float) if kind is float else (kind,)
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
        raise InvalidProtocol(
            f"must be a {_KINDS[kind]}, got {value!r} ({_KINDS.get(type(value), 'table or list')})"
        )
    return kind(value)


_KINDS: dict[type, str] = {
    str: "text in quotes",
    int: "whole number",
    float: "number",
    bool: "truth value (true or false)",
}


def _label(value: Any, _: Any) -> str | int | bool:
    if isinstance(value, (str, int)):
        return value
    raise InvalidProtocol(f"must be text, a whole number or true/false, got {value!r}")


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    for kind in _KINDS:
        converter.register_structure_hook(kind, _strict)
    converter.register_structure_hook(str | int | bool, _label)
    return converter


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
        return (*path, extra), f"no such key; {did_you_mean(extra, known)}."
    if isinstance(problem, KeyError):
        return (*path, str(problem.args[0])), "this key is missing; add it."
    message = str(problem)
    return path, message if message.endswith((".", "?")) else message + "."


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


def _line_of(text: str, path: Path_) -> int:
    """Return the 1-based line of a key, or of the nearest table that should hold it; 0 if none."""
    names = [str(part) for part in path if not isinstance(part, int)]
    nth = next((part for part in path if isinstance(part, int)), 0)
    lines = text.splitlines()
    start = 0
    if len(names) > 1 or any(isinstance(part, int) for part in path):
        header = re.compile(rf"^\s*\[\[?\s*{re.escape(names[0])}[\s.\]]")
        headers = [number for number, line in enumerate(lines) if header.match(line)]
        if nth < len(headers):
            start = headers[nth]
    key = re.compile(rf"^\s*['\"]?{re.escape(names[-1])}['\"]?\s*=") if names else None
    for number in range(start, len(lines)):
        if number > start and lines[number].lstrip().startswith("[") and start:
            break
        if key and key.match(lines[number]):
            return number + 1
    return start + 1 if start else 0
