"""What was known of each person before randomisation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, frozen
from checkpoint_eval._checks import counted
from checkpoint_eval._display import Shown, named
from checkpoint_eval.errors import InvalidData


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Covariate(Shown):
    """One baseline column.

    Attributes
    ----------
    name : str
    values : (n,) float
        Numbers, or level codes when there are `levels`; NaN where missing.
    levels : tuple of str
        Names of the categories in sorted order; empty for a number.

    Examples
    --------
    >>> Covariate(name="suite", values=[0, 1, 1], levels=("Durham", "Peterlee"))
    Covariate(suite: categorical, 3 people)
    """

    name: str
    values: FloatArray
    levels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        values = frozen(self.values, np.float64)
        if np.isinf(values).any():
            raise InvalidData(
                f"Covariate {self.name!r} is infinite at row {int(np.isinf(values).argmax())}; "
                "mend it or leave it missing."
            )
        object.__setattr__(self, "values", values)

    def __repr__(self) -> str:
        people = counted(self.values.size, "person", "people")
        return f"Covariate({self.name}: {self.kind}, {people})"

    @property
    def kind(self) -> Literal["continuous", "binary", "categorical"]:
        """Categorical when it has levels, binary when it is all 0 and 1, else continuous."""
        if self.levels:
            return "categorical"
        known = self.values[~self.missing]
        return "binary" if np.isin(known, (0.0, 1.0)).all() else "continuous"

    @property
    def missing(self) -> BoolArray:
        """(n,) where the value is unknown."""
        return np.isnan(self.values)

    @property
    def codes(self) -> IntArray:
        """(n,) the value as a group code 0, 1, ...; -1 where missing."""
        missing = self.missing
        codes = np.full(self.values.size, -1, dtype=np.int64)
        codes[~missing] = pd.factorize(self.values[~missing], sort=True)[0]
        return codes

    @property
    def group_names(self) -> tuple[str, ...]:
        """The name of each group code."""
        found = np.sort(pd.unique(self.values[~self.missing]))
        if self.levels:
            return tuple(self.levels[int(code)] for code in found)
        return tuple(f"{value:g}" for value in found)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person: the number, or the name of the category."""
        if not self.levels:
            return pd.DataFrame({self.name: self.values})
        codes = np.nan_to_num(self.values, nan=-1).astype(np.int64)
        return pd.DataFrame({self.name: named(codes, self.levels)})


def crossed(columns: Sequence[Covariate]) -> tuple[IntArray, tuple[str, ...]]:
    """Return (n,) codes of the combinations of values that occur, and what they are called.

    Raises
    ------
    InvalidData
        When a value is missing: such a person would belong nowhere.
    """
    for column in columns:
        if column.missing.any():
            raise InvalidData(
                f"Column {column.name!r} is missing for {int(column.missing.sum())} people; give "
                "them a category of their own."
            )
    each = [column.codes for column in columns]
    names = [column.group_names for column in columns]
    codes = np.zeros_like(each[0])
    for own, found in zip(each, names, strict=True):
        # Numbered anew after each column, so that no product of levels can overflow.
        codes = pd.factorize(codes * len(found) + own, sort=True)[0]
    someone = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.int64)
    someone[codes] = np.arange(codes.size)
    labels = tuple(
        ", ".join(
            f"{column.name}={found[own[person]]}"
            for column, found, own in zip(columns, names, each, strict=True)
        )
        for person in someone.tolist()
    )
    return codes.astype(np.int64), labels
