"""A list of allocations given as it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from checkpoint_eval._arrays import FloatArray, floats, frozen
from checkpoint_eval._checks import check_count, check_rng
from checkpoint_eval.design.allocation import (
    LARGEST_SUPPORT,
    OneAtATime,
    Person,
    State,
    Support,
    too_many,
)
from checkpoint_eval.design.people import PeopleLike
from checkpoint_eval.errors import ImpossibleDesign


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Custom(OneAtATime):
    """One of the rows of a matrix, each as likely as its weight.

    Parameters
    ----------
    matrix : (m, n) int
        One allocation a row, in order of arrival, control 0.
    weights : (m,) float, optional
        How likely each row is, up to a constant; all alike when left out.

    Raises
    ------
    ImpossibleDesign
        When codes are not whole numbers from 0, an arm never occurs, or weights do not fit.

    References
    ----------
    Fisher (1935), The Design of Experiments. Checked against enumeration.

    Examples
    --------
    >>> Custom(matrix=[[0, 1, 1], [1, 0, 1]]).probabilities(3)
    array([[0.5, 0.5],
           [0.5, 0.5],
           [0. , 1. ]])
    """

    matrix: ArrayLike
    weights: ArrayLike | None = None

    def __post_init__(self) -> None:
        try:
            given = np.asarray(self.matrix)
        except ValueError as problem:
            raise ImpossibleDesign("`matrix` has rows of different length.") from problem
        if given.ndim != 2 or not given.size or given.dtype.kind not in "iub":
            raise ImpossibleDesign(
                f"`matrix` must hold whole arm codes, one allocation a row, got {given.dtype} of "
                f"shape {given.shape}."
            )
        found = np.unique(given)
        if not np.array_equal(found, np.arange(found.size)) or not 2 <= found.size <= 127:
            raise ImpossibleDesign(
                f"`matrix` must hold arm codes 0, 1, ... without a gap and at least two arms, got "
                f"{found[:5].tolist()}."
            )
        m = given.shape[0]
        weights = np.ones(m) if self.weights is None else np.asarray(self.weights)
        if (
            weights.dtype.kind not in "iuf"
            or weights.shape != (m,)
            or not (np.isfinite(weights) & (weights > 0)).all()
        ):
            raise ImpossibleDesign(
                f"`weights` must be {m} finite numbers above 0, one a row of `matrix`, got "
                f"{weights.dtype} of shape {weights.shape}."
            )
        object.__setattr__(self, "matrix", frozen(given, np.int8))
        object.__setattr__(self, "weights", frozen(weights))

    @property
    def n_arms(self) -> int:
        """How many arms, control included."""
        return int(self._rows.max()) + 1

    @property
    def _rows(self) -> NDArray[np.int8]:
        return self.matrix  # type: ignore[return-value]

    @property
    def _weights(self) -> FloatArray:
        weights = floats(self.weights)  # type: ignore[arg-type]
        weights = weights / weights.max()  # the sum of the largest numbers would overflow
        return floats(weights / weights.sum())

    def draw_many(
        self, people: PeopleLike, draws: int, rng: np.random.Generator
    ) -> NDArray[np.int8]:
        """Return (draws, n) arm codes, one independent allocation a row."""
        self._check_people(people)
        size = check_count(draws, "draws")
        return self._rows[check_rng(rng).choice(len(self._rows), size=size, p=self._weights)]

    def probabilities(self, people: PeopleLike) -> FloatArray:
        """Return (n, k): each person's chance of each arm before anyone is allocated."""
        return self.support(people).probabilities(self.n_arms)

    def support(self, people: PeopleLike, *, limit: int = LARGEST_SUPPORT) -> Support:
        """Return the rows, each once, and their chance; at most `limit` of them."""
        self._check_people(people)
        check_count(limit, "limit")
        rows, row = np.unique(self._rows, axis=0, return_inverse=True)
        if len(rows) > limit:
            raise too_many(rows.shape[1], limit)
        weight = np.bincount(row.reshape(-1), weights=self._weights)
        return Support(arm=rows, weight=np.asarray(weight, dtype=np.float64))

    def start(self) -> State:
        """Return no arms."""
        return []

    def chances(self, state: State, person: Person = None) -> tuple[float, ...]:
        """Return the share of each arm among the rows that begin as the arms so far."""
        if len(state) >= self._rows.shape[1]:
            raise ImpossibleDesign(
                f"`matrix` has {self._rows.shape[1]} people; it has no place for another."
            )
        like = (self._rows[:, : len(state)] == np.array(state, dtype=np.int8)).all(axis=1)
        if not like.any():
            raise ImpossibleDesign(f"`history` {state} begins no row of `matrix`.")
        weight = np.bincount(
            self._rows[like, len(state)], weights=self._weights[like], minlength=self.n_arms
        )
        return tuple((weight / weight.sum()).tolist())

    def after(self, state: State, arm: int, person: Person = None) -> State:
        """Return the arms so far."""
        return [*state, int(arm)]

    def _check_people(self, people: PeopleLike) -> None:
        n = self.read(people).n
        if n != self._rows.shape[1]:
            raise ImpossibleDesign(
                f"`matrix` allocates {self._rows.shape[1]} people, but there are {n}; the two "
                "must agree."
            )
