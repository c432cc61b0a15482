"""Who is allocated: how many, in order of arrival, and what a rule must know of them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from checkpoint_eval import _frames
from checkpoint_eval._arrays import FloatArray, IntArray, frozen, frozen_mapping
from checkpoint_eval._checks import as_names, as_tuple, check_count, did_you_mean
from checkpoint_eval._display import Shown, named
from checkpoint_eval._frames import at_row
from checkpoint_eval.errors import ImpossibleDesign, InvalidData, TrialError, UnknownColumn

FactorsLike: TypeAlias = str | Iterable[Any] | Mapping[str, Sequence[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A column with a few levels that a rule balances or stratifies by.

    Attributes
    ----------
    name : str
    levels : tuple of str
        The levels that may occur; a value outside is refused. Empty when they are read from the
        table, which a ledger does not allow: a typing error would be a new level.
    """

    name: str
    levels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ImpossibleDesign(f"A factor is named by its column, got {self.name!r}.")
        if any(_is_missing(level) for level in self.levels):
            raise ImpossibleDesign(f"Factor {self.name!r} has a missing level among {self.levels}.")
        levels = tuple(level_name(level) for level in self.levels)
        if any(not level.strip() for level in levels) or len(set(levels)) < len(levels):
            raise ImpossibleDesign(
                f"Factor {self.name!r} has an empty or a repeated level among {levels}; name each "
                "level once."
            )
        object.__setattr__(self, "levels", levels)

    def level_of(self, person: Mapping[str, object] | None) -> str:
        """Return the level of one person, refusing what is missing or was not declared."""
        try:
            given = ({} if person is None else person)[self.name]
        except (KeyError, TypeError, IndexError) as problem:
            several = isinstance(person, Mapping) or person is None
            told = ", ".join(map(repr, person or ())) if several else repr(person)
            raise UnknownColumn(
                f"`person` must say {self.name!r}, got {told or 'nothing'}."
            ) from problem
        if type(given) is str and given in self.levels:
            return given  # the common case, asked several times for each person of a ledger
        level = level_name(given)
        if not level.strip() or _is_missing(given):
            raise InvalidData(f"{self.name!r} is missing; find it before the person is allocated.")
        if self.levels and level not in self.levels:
            raise InvalidData(
                f"{self.name!r} is {level!r}, which was not declared; "
                f"{did_you_mean(level, self.levels)}"
            )
        return level


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or value != value


def level_name(value: object) -> str:
    """Return a level as text: 1, 1.0 and "1" are one level."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def as_factors(factors: FactorsLike, name: str) -> tuple[Factor, ...]:
    """Return factors from one name, several names, or names with their levels."""
    if isinstance(factors, Mapping):
        for each, levels in factors.items():
            if isinstance(levels, str) or not tuple(levels):
                raise ImpossibleDesign(
                    f"`{name}` gives {each!r} the levels {levels!r}; list at least one, such as "
                    f"{{{each!r}: ['low', 'high']}}."
                )
        factors = [
            Factor(name=each, levels=tuple(levels))  # type: ignore[arg-type]
            for each, levels in factors.items()
        ]
    if isinstance(factors, (str, Factor)):
        factors = (factors,)
    factors = as_tuple(factors, name, of="columns")
    found = tuple(each if isinstance(each, Factor) else Factor(name=each) for each in factors)
    as_names([factor.name for factor in found])
    if not found:
        raise ImpossibleDesign(f"`{name}` names no column; name at least one.")
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class People(Shown):
    """The n people of an allocation, in order of arrival, with the columns its rule reads.

    Attributes
    ----------
    n : int
    codes : mapping of str to (n,) int
        Level codes of each factor.
    levels : mapping of str to tuple of str
        The names of the levels, by code.
    values : mapping of str to (n,) float
        Numeric covariates.
    """

    n: int
    codes: Mapping[str, IntArray] = field(default_factory=dict)
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapping[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_count(self.n, "people")
        codes = {name: frozen(codes, np.int64) for name, codes in self.codes.items()}
        values = {name: frozen(value, np.float64) for name, value in self.values.items()}
        object.__setattr__(self, "codes", frozen_mapping(codes))
        object.__setattr__(self, "levels", frozen_mapping(self.levels))
        object.__setattr__(self, "values", frozen_mapping(values))

    def __repr__(self) -> str:
        return f"People({self.n}; {', '.join((*self.codes, *self.values)) or 'counted only'})"

    def take(self, rows: IntArray) -> "People":
        """Return some of the people, in the order of `rows`."""
        return People(
            n=len(rows),
            codes={name: codes[rows] for name, codes in self.codes.items()},
            levels=self.levels,
            values={name: values[rows] for name, values in self.values.items()},
        )

    def strata(self, factors: Sequence[Factor]) -> tuple[IntArray, tuple[str, ...]]:
        """Return (n,) codes of the combinations of levels that occur, and what they are called."""
        cells, codes = np.unique(
            np.stack([self.codes[factor.name] for factor in factors], axis=1),
            axis=0,
            return_inverse=True,
        )
        names = tuple(
            stratum_name(
                {
                    factor.name: self.levels[factor.name][code]
                    for factor, code in zip(factors, cell, strict=True)
                }
            )
            for cell in cells.tolist()
        )
        return codes.reshape(-1).astype(np.int64), names

    def person(self, row: int) -> dict[str, str]:
        """Return the levels of one person."""
        return {name: self.levels[name][codes[row]] for name, codes in self.codes.items()}

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person, in order of arrival, with the columns the rule reads."""
        names = {name: named(codes, self.levels[name]) for name, codes in self.codes.items()}
        return pd.DataFrame({"place": np.arange(self.n), **names, **self.values})


PeopleLike: TypeAlias = Any  # a count, a table in order of arrival, or People


def stratum_name(levels: Mapping[str, str]) -> str:
    """Return what a combination of levels is called; no two are called alike."""
    return ", ".join(f"{name}={_quoted(level)}" for name, level in levels.items())


def _quoted(level: str) -> str:
    """Return a level, in quotes where its signs could be taken for those between levels."""
    return json.dumps(level, ensure_ascii=False) if set(level) & set(',="') else level


def as_people(
    people: PeopleLike, *, factors: Sequence[Factor] = (), covariates: Sequence[str] = ()
) -> People:
    """Return people with the columns a rule reads, from a count or a table in order of arrival.

    Raises
    ------
    TrialError
        When columns are needed and only a count was given.
    UnknownColumn, InvalidData
        When a column is not in the table, or a value is missing or was not declared.
    """
    if isinstance(people, People):
        return _with_declared_levels(people, factors, covariates)
    if isinstance(people, (int, np.integer)) and not isinstance(people, bool):
        needed = [*(factor.name for factor in factors), *covariates]
        if needed:
            raise TrialError(
                f"The rule reads {', '.join(map(repr, needed))} of each person; give a table in "
                f"order of arrival instead of {people} people."
            )
        return People(n=int(people))
    if people is None or isinstance(people, (str, float, np.floating, bool)):
        raise TrialError(f"`people` must be a count or a table of people, got {people!r}.")
    frame = _frames.read_table(people)
    codes, levels, values = {}, {}, {}
    for factor in factors:
        series = _frames.column(frame, factor.name, role="factor")
        _refuse_missing(_frames.missing_mask(series), factor.name)
        found_codes, found = _frames.distinct(series)
        codes[factor.name], levels[factor.name] = _coded(factor, found_codes, found)
    for name in covariates:
        series = _frames.column(frame, name, role="covariate")
        _refuse_missing(_frames.missing_mask(series), name, "covariate")
        values[name] = _frames.numbers(series, role="covariate")
        if not np.isfinite(values[name]).all():
            row = int((~np.isfinite(values[name])).argmax())
            raise InvalidData(
                f"The covariate column {name!r} is infinite at {at_row(row)}; correct it."
            )
    return People(n=frame.shape[0], codes=codes, levels=levels, values=values)


def _refuse_missing(missing: Any, name: str, role: str = "factor") -> None:
    if missing.any():
        raise InvalidData(
            f"The {role} column {name!r} is missing at {at_row(int(missing.argmax()))}; everyone "
            "allocated has a value."
        )


def _coded(
    factor: Factor, codes: IntArray, found: Sequence[object]
) -> tuple[IntArray, tuple[str, ...]]:
    """Return codes into the factor's declared levels, or into the sorted levels found."""
    names = [level_name(value) for value in found]
    levels = factor.levels or tuple(sorted(set(names)))
    for number, name in enumerate(names):
        if name not in levels:
            row = int((codes == number).argmax())
            raise InvalidData(
                f"The factor column {factor.name!r} holds {name!r} at {at_row(row)}, which was "
                f"not declared; {did_you_mean(name, levels)}"
            )
    return np.array([levels.index(name) for name in names], dtype=np.int64)[codes], levels


def _with_declared_levels(
    people: People, factors: Sequence[Factor], covariates: Sequence[str]
) -> People:
    """Return people already read, coded by the levels this rule declares."""
    for name, known in (
        *((factor.name, people.codes) for factor in factors),
        *((name, people.values) for name in covariates),
    ):
        if name not in known:
            raise UnknownColumn(f"{people!r} lack {name!r}, which the rule reads.")
    codes, levels = dict(people.codes), dict(people.levels)
    for factor in factors:
        if factor.levels and factor.levels != levels[factor.name]:
            codes[factor.name], levels[factor.name] = _coded(
                factor, codes[factor.name], levels[factor.name]
            )
    return People(n=people.n, codes=codes, levels=levels, values=people.values)
