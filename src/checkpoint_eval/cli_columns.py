"""Where a protocol and a table do not fit: every wrong name at once, and the lines to change."""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from checkpoint_eval import _frames
from checkpoint_eval._checks import counted
from checkpoint_eval.design.protocol import Protocol
from checkpoint_eval.design.typed_toml import line_of
from checkpoint_eval.errors import InvalidData, InvalidProtocol, UnknownColumn
from checkpoint_eval.outcomes.arm_labels import same_label

# Where a protocol names columns: by table, or by table and key.
WHOLE_TABLES = ("columns",)
KEYS: dict[str, tuple[str, ...]] = {
    "": ("covariates",),
    "columns": (),
    "allocation": ("strata", "clusters", "factors"),
    "outcomes": ("time", "event", "competing", "binary", "count", "exposure", "numeric", "ordinal"),
    "analysis_sets": ("column",),
    "subgroups": ("column",),
    "navigators": ("column", "contacts"),
    "eras": ("column",),
    "pathways": ("assessors",),
    "pathways.needs": ("before", "after"),
}
NEAR = 0.6
OPEN = re.compile(r"#\s*TODO\b:?\s*(.*)")
Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One place where a protocol names a column."""

    name: str
    line: int
    text: str

    def told(self, remedy: str) -> str:
        """Return the line as it stands, and what to write instead."""
        return f"  line {self.line}:  {self.text}\n      {remedy}"


def refuse_open(text: str, *, file: str) -> None:
    """Refuse a protocol in which lines still say TODO.

    Raises
    ------
    InvalidProtocol
        With each such line.
    """
    lines = [
        f"  line {number}:  {line.strip()}"
        for number, line in enumerate(text.splitlines(), start=1)
        if OPEN.search(line)
    ]
    if lines:
        told = "\n".join(lines)
        raise InvalidProtocol(
            f"{file} is a draft: {counted(len(lines), 'line')} still to be decided.\n{told}\n"
            "Settle each and delete its TODO."
        )


def refuse_misfits(table: Any, protocol: Protocol, text: str, *, files: tuple[str, str]) -> None:
    """Refuse a table without the columns or arm labels that a protocol names.

    Parameters
    ----------
    table : pandas, polars or pyarrow table
    protocol : Protocol
        Parsed from `text`, the TOML whose lines are told.
    files : (str, str)
        What messages call the protocol and the table.

    Raises
    ------
    UnknownColumn
        With every name that is not there, its line, and the line to write instead.
    InvalidData
        The same of arm labels.
    """
    columns = _frames.column_names(table)
    wrong = [each for each in named_columns(text) if each.name not in columns]
    if wrong:
        raise UnknownColumn(_columns_told(wrong, columns, text, files))
    _refuse_labels(table, protocol, text, files)


def named_columns(text: str) -> list[Named]:
    """Return every place where the text of a protocol names a column, in order of lines."""
    found = [
        _named(text, path, name)
        for path, name in _places(tomllib.loads(text))
        if not (path[-1] == "order" and name == "rows")
    ]
    return sorted(found, key=lambda each: each.line)


def _places(content: dict[str, Any]) -> Iterator[tuple[Path_, str]]:
    for table, keys in KEYS.items():
        for path, held in _tables(content, tuple(filter(None, table.split(".")))):
            for key in held if table in WHOLE_TABLES else keys:
                yield from _several((*path, key), held.get(key))


def _tables(content: Any, parts: tuple[str, ...], path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Yield the table of a dotted name, or each table of a list of them."""
    if isinstance(content, list):
        for place, each in enumerate(content):
            yield from _tables(each, parts, (*path, place))
    elif not parts:
        yield path, content
    elif parts[0] in content:
        yield from _tables(content[parts[0]], parts[1:], (*path, parts[0]))


def _several(path: Path_, value: Any) -> Iterator[tuple[Path_, str]]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str) and each:
            yield path, each


def _named(text: str, path: Path_, name: str) -> Named:
    """Return where a name stands: in a list of several lines, its own line."""
    lines, line = text.splitlines(), line_of(text, path)
    quoted = (json.dumps(name, ensure_ascii=False), f"'{name}'")
    for number in range(max(line, 1), len(lines) + 1):
        if any(each in lines[number - 1] for each in quoted):
            line = number
            break
    return Named(name=name, line=line, text=lines[line - 1].strip())


def _columns_told(wrong: list[Named], columns: list[str], text: str, files: tuple[str, str]) -> str:
    protocol, people = files
    right = {each.name for each in named_columns(text)} & set(columns)
    free = [name for name in columns if name not in right]
    guess = proposals([each.name for each in wrong], free)
    lines = list(_lines_told(wrong, guess))
    names = len({each.name for each in wrong})
    some = "\n".join(lines)
    return (
        f"{people} lacks {counted(names, 'column')} that {protocol} names.\n{some}\n"
        f"The table has: {', '.join(repr(name) for name in columns)}."
    )


def _lines_told(wrong: Iterable[Named], guess: Mapping[str, str]) -> Iterator[str]:
    """Yield each line as it stands, what is wrong in it, and the line to write instead."""
    for (line, text), group in groupby(wrong, key=lambda each: (each.line, each.text)):
        names = list(dict.fromkeys(each.name for each in group))
        remedies = [_remedy(name, guess.get(name)) for name in names]
        meant = [name for name in names if name in guess]
        new = text
        for name in meant:
            new = _rewritten(new, name, guess[name])
        told = "\n      ".join(remedies) + (f" Write:  {new}" if meant else "")
        yield Named(name=names[0], line=line, text=text).told(told)


def _remedy(name: str, guess: str | None) -> str:
    if guess is None:
        return f"{name!r} is not in the table, and nothing like it is; name its column"
    return f"{name!r} is not in the table; did you mean {guess!r}?"


def _rewritten(line: str, name: str, guess: str) -> str:
    now = json.dumps(guess, ensure_ascii=False)
    code = line.split("#")[0].rstrip() if "#" not in name else line
    for quoted in (json.dumps(name, ensure_ascii=False), f"'{name}'"):
        if quoted in code:
            return code.replace(quoted, now)
    return now


def proposals(names: Iterable[str], columns: Sequence[str]) -> dict[str, str]:
    """Return for each name the column that is probably meant, each column at most once."""
    pairs = sorted(
        ((_likeness(name, column), name, column) for name in names for column in columns),
        key=lambda pair: -pair[0],
    )
    found: dict[str, str] = {}
    for likeness, name, column in pairs:
        if likeness >= NEAR and name not in found and column not in found.values():
            found[name] = column
    return found


def _likeness(one: str, other: str) -> float:
    """Return 1 where names differ in case, spaces or signs only, less the less they are alike."""
    first, second = name_words(one), name_words(other)
    if "".join(first) == "".join(second):
        return 1.0
    # One name within the other, word by word: "days" of "days at risk".
    within = bool(first and second) and (set(first) <= set(second) or set(second) <= set(first))
    ratio = difflib.SequenceMatcher(None, "".join(first), "".join(second)).ratio()
    return max(ratio, 0.8 if within else 0.0)


def name_words(name: str) -> list[str]:
    """Return the words of a column's name, whatever its case and signs."""
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", str(name))
    return re.findall(r"[^\W_]+", apart.casefold())


def _refuse_labels(table: Any, protocol: Protocol, text: str, files: tuple[str, str]) -> None:
    """Refuse arm labels of the protocol that are not in the table, with those that are."""
    series = _frames.column(_frames.read_table(table), protocol.columns.arm, role="arm")
    codes, found = _frames.distinct(series)
    held = {same_label(value): value for value in found}
    declared = [same_label(arm.label) for arm in protocol.arms]
    wrong = [place for place, label in enumerate(declared) if label not in held]
    if not wrong:
        return  # a stray label of the table is told with its row by `Trial.from_protocol`
    free = [value for key, value in held.items() if key not in declared]
    guess = _labels_meant([protocol.arms[place].label for place in wrong], free)
    lines = []
    for place in wrong:
        label = protocol.arms[place].label
        number = line_of(text, ("arms", place, "label"))
        where = Named(name=str(label), line=number, text=text.splitlines()[number - 1].strip())
        meant = guess.get(str(label))
        remedy = f"{label!r} is not in column {protocol.columns.arm!r}"
        if meant is not None:
            remedy += f"; did you mean {meant!r}? Write:  label = {_toml(meant)}"
        lines.append(where.told(remedy))
    counts = ", ".join(
        f"{value!r} ({counted(int((codes == code).sum()), 'person', 'people')})"
        for code, value in enumerate(found)
    )
    some = "\n".join(lines)
    raise InvalidData(
        f"{files[0]} and {files[1]} write the arms differently.\n{some}\n"
        f"The column holds {counts or 'nothing'}."
    )


def _labels_meant(labels: Sequence[object], free: Sequence[Any]) -> dict[str, Any]:
    """Return the label of the table that each declared one probably means."""
    held = {str(value): value for value in free}
    meant = proposals([str(label) for label in labels], list(held))
    if len(labels) == len(held) == 1:
        return {str(labels[0]): free[0]}
    return {label: held[value] for label, value in meant.items()}


def _toml(value: Any) -> str:
    """Return a label as TOML writes it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False, default=str)
