"""Checks at the public boundary, in positive form so that NaN is refused."""

import difflib
import os
import reprlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeGuard, TypeVar

import numpy as np

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval.errors import ImpossibleDesign, InvalidData, TrialError, UnknownColumn

LARGEST = sys.float_info.max  # a whole number may be beyond it


def did_you_mean(name: object, options: Iterable[object]) -> str:
    """Return a remedy as the end of a sentence: the nearest names, or all when none is near."""
    known = [str(option) for option in options]
    alike = [option for option in known if option.casefold() == str(name).casefold()]
    near = alike or difflib.get_close_matches(str(name), known, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(option) for option in near) + "?"
    if not known:
        return "there are none."
    return "choose from " + ", ".join(repr(option) for option in known) + "."


def check_known(name: str, options: Iterable[str], *, what: str) -> str:
    """Return `name` if it is among `options`; otherwise raise with the nearest names."""
    known = tuple(options)
    if not isinstance(name, str) or name not in known:
        raise UnknownColumn(f"{what} {name!r} is not known; {did_you_mean(name, known)}")
    return name


def check_choice(value: str, name: str, choices: Iterable[str]) -> str:
    """Return `value` if it is one of the stated choices."""
    known = tuple(choices)
    if not isinstance(value, str) or value not in known:
        raise TrialError(f"`{name}` is {value!r}; {did_you_mean(value, known)}")
    return value


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is one real number; truth values are not."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def check_level(level: float, name: str = "level") -> float:
    """Return a confidence level, an alpha or a share strictly between 0 and 1."""
    if not is_number(level) or not 0 < level < 1:
        remedy = "95 % is written 0.95" if name == "level" else "give a number between them"
        if name != "level" and is_number(level) and 1 <= level < 100:
            remedy = f"{level:g} % is written {level / 100:g}"
        raise TrialError(f"`{name}` must lie strictly between 0 and 1, got {level!r}; {remedy}.")
    return float(level)


def check_positive(value: float, name: str) -> float:
    """Return a finite number above 0."""
    if not is_number(value) or not 0 < value <= LARGEST:
        raise TrialError(f"`{name}` must be a finite number above 0, got {reprlib.repr(value)}.")
    return float(value)


def as_floats(values: object, name: str) -> FloatArray:
    """Return a copy of values as floats; text and lists of uneven length are refused."""
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as problem:
        raise InvalidData(f"`{name}` must hold numbers, got {reprlib.repr(values)}.") from problem


def check_count(value: int, name: str, *, least: int = 1) -> int:
    """Return a whole number not below `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise TrialError(f"`{name}` must be a whole number of at least {least}, got {value!r}.")
    return int(value)


def check_path(path: object, name: str = "path") -> Path:
    """Return a path that a file system can hold, be there something or not."""
    if not isinstance(path, (str, os.PathLike)) or not str(path) or "\0" in str(path):
        raise TrialError(f"`{name}` must be where a file is or will be, got {path!r}.")
    try:
        Path(path).exists()
    except OSError as problem:
        raise TrialError(f"`{name}` cannot be used: {problem.strerror}; shorten it.") from problem
    return Path(path)


def check_rng(rng: object) -> np.random.Generator:
    """Return the generator; a bare seed or the global state is refused."""
    if not isinstance(rng, np.random.Generator):
        raise TrialError(
            f"`rng` must be a numpy random Generator, got {type(rng).__name__}; "
            "write rng=np.random.default_rng(seed) so that the draw can be repeated."
        )
    return rng


Value = TypeVar("Value")


def check_noun(value: object, kind: type[Value], name: str, *, of: str) -> Value:
    """Return a value of the kind a verb takes, or say which verb makes one."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIO" else "a"
        raise TrialError(
            f"`{name}` must be {article} `{kind.__name__}`, got {type(value).__name__}; "
            f"`{of}` makes one."
        )
    return value


def check_mapping(value: Mapping[str, Value] | None, name: str) -> Mapping[str, Value]:
    """Return a mapping, empty for None."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TrialError(
            f"`{name}` must map each name to its columns or value, like {{'name': ...}}, "
            f"got {type(value).__name__}."
        )
    return value


def as_tuple(values: Iterable[Value], name: str, *, of: str) -> tuple[Value, ...]:
    """Return several values as a tuple; one alone, text or nothing is refused."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TrialError(f"`{name}` must list {of}, got {values!r}; write ({values!r},) for one.")
    return tuple(values)


def as_names(names: str | Iterable[str]) -> tuple[str, ...]:
    """Return names as a tuple; one name may be given bare, and none twice."""
    listed = isinstance(names, Iterable)
    several = (names,) if isinstance(names, str) else tuple(names) if listed else ()
    if not listed or not all(isinstance(name, str) for name in several):
        raise TrialError(
            f"Columns are named by text, one or a list of them, got {names!r}; () names none."
        )
    repeated = [name for name in several if several.count(name) > 1]
    if repeated:
        raise ImpossibleDesign(f"{repeated[0]!r} is named twice; name each column once.")
    return several


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """Return "1 person" or "3 people"."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
