"""Arrays that cannot change after birth."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]

Value = TypeVar("Value")

NO_FLAGS: BoolArray = np.zeros(0, dtype=bool)
NO_CODES: IntArray = np.zeros(0, dtype=np.int64)


def frozen(values: ArrayLike, dtype: DTypeLike | None = None) -> NDArray[Any]:
    """Return a read-only copy: a frozen dataclass alone leaves array elements writable."""
    array = np.array(values, dtype=dtype)
    array.setflags(write=False)
    return array


def frozen_counts(values: ArrayLike) -> NDArray[Any]:
    """Return a read-only copy of whole numbers, as objects where a report withholds some."""
    array = np.asarray(values)
    withheld = array.dtype == object and any(isinstance(each, float) for each in array.flat)
    return frozen(array, object if withheld else np.int64)


def floats(values: ArrayLike) -> FloatArray:
    """Return values as floats, without a copy where they already are."""
    return np.asarray(values, dtype=np.float64)


def plain(value: Any, *, defaults: bool = True) -> Any:
    """Return nested dataclasses and mappings as dictionaries, sequences as lists.

    Without `defaults`, fields that hold their default are left out.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: plain(getattr(value, each.name), defaults=defaults)
            for each in fields(value)
            if defaults or not _holds_default(value, each)
        }
    if isinstance(value, Mapping):
        return {key: plain(each, defaults=defaults) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each, defaults=defaults) for each in value]
    return value


def _holds_default(value: Any, each: Field[Any]) -> bool:
    held = getattr(value, each.name)
    if each.default_factory is not MISSING:
        return bool(held == each.default_factory())
    return each.default is not MISSING and bool(held == each.default)


class FrozenMapping(Mapping[str, Value]):
    """A mapping that cannot change, but can be compared, hashed and sent to another process.

    The standard library's read-only proxy can neither be pickled nor hashed.
    """

    __slots__ = ("_held",)

    def __init__(self, held: Mapping[str, Value]) -> None:
        self._held = dict(held)

    def __getitem__(self, key: str) -> Value:
        return self._held[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __eq__(self, other: object) -> bool:
        """Return whether the items are the same: beside another such mapping, in the same order."""
        if isinstance(other, FrozenMapping):
            return list(self._held.items()) == list(other._held.items())
        return self._held == other

    def __hash__(self) -> int:
        return hash(tuple(self._held.items()))

    def __repr__(self) -> str:
        return repr(self._held)


def frozen_mapping(mapping: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return a read-only copy of a mapping."""
    return FrozenMapping(mapping)
