"""Arrays that cannot change after birth."""

from collections.abc import Mapping
from types import MappingProxyType
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


def floats(values: ArrayLike) -> FloatArray:
    """Return values as floats, without a copy where they already are."""
    return np.asarray(values, dtype=np.float64)


def frozen_mapping(mapping: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return a read-only copy of a mapping."""
    return MappingProxyType(dict(mapping))
