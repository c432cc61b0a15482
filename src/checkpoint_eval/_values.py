"""Nouns that equal each other when all their fields do, unknown numbers included."""

from dataclasses import fields
from math import isnan
from typing import Any


class Value:
    """A noun that equals another of its kind with the same fields; a NaN is the same as a NaN.

    What `dataclass` makes of NaN differs between versions of Python: up to 3.12 one is the same as
    itself, later it never is.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return bool(_known(self) == _known(other))

    def __hash__(self) -> int:
        return hash((type(self), _known(self)))


def _known(noun: Any) -> tuple[Any, ...]:
    """Return the fields of a noun, with what is unknown as it is printed."""
    return tuple(_one(getattr(noun, each.name)) for each in fields(noun))


def _one(field: Any) -> Any:
    if isinstance(field, tuple):
        return tuple(map(_one, field))
    return str(field) if isinstance(field, float) and isnan(field) else field
