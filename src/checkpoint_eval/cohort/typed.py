"""Holding the fields of a frozen part to their types, whoever gave them."""

import types
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from checkpoint_eval._arrays import frozen_mapping
from checkpoint_eval._checks import is_number
from checkpoint_eval.errors import TrialError

TOLD: dict[Any, str] = {float: "a finite number", int: "a whole number", str: "text"}


class Typed:
    """A frozen part that holds every field to its annotation, in the form it is kept in.

    Lists become tuples, whole numbers floats where a float is meant, mappings read-only; anything
    else is refused by its name. So equal parts have equal hashes and digests.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for each in fields(self):  # type: ignore[arg-type]
            kept = held(getattr(self, each.name), hints[each.name], each.name)
            object.__setattr__(self, each.name, kept)


def held(value: Any, hint: Any, name: str) -> Any:
    """Return a value in the form it is kept in, or refuse it by its name."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return None if value is None else held(value, parts[0], name)
    if origin is tuple:
        return _several(value, parts, name)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(value, parts[1], name)
    if hint in TOLD:
        if not FITS[hint](value):
            raise _wrong(value, name, TOLD[hint])
        return hint(value)
    if not isinstance(value, hint):
        raise _wrong(value, name, f"a `{hint.__name__}`")
    return value


def _whole(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


FITS: dict[Any, Callable[[Any], bool]] = {
    float: lambda value: is_number(value) and -np.inf < value < np.inf,
    int: _whole,
    str: lambda value: isinstance(value, str),
}


def _several(value: Any, parts: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    kind = TOLD.get(parts[0], f"a `{getattr(parts[0], '__name__', parts[0])}`")
    if not isinstance(value, (list, tuple, np.ndarray)):
        raise _wrong(value, name, f"a tuple, each of it {kind}")
    fixed = parts[-1] is not Ellipsis
    if fixed and len(value) != len(parts):
        raise TrialError(f"`{name}` needs {len(parts)} values, control first, got {value!r}.")
    return tuple(held(each, parts[0], f"{name}[{place}]") for place, each in enumerate(value))


def _mapping(value: Any, kind: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(value, name, f"a mapping of names, each with {TOLD.get(kind, 'a value')}")
    for key in value:
        if not isinstance(key, str) or not key.strip():
            raise TrialError(f"`{name}` names {key!r}; a name is text.")
    return frozen_mapping(
        {key: held(each, kind, f"{name}[{key!r}]") for key, each in value.items()}
    )


def _wrong(value: Any, name: str, kind: str) -> TrialError:
    return TrialError(f"`{name}` must be {kind}, got {value!r}.")
