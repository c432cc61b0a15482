"""What a reader who knows the rule can work out from counts that add up, and what to withhold."""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval.report.disclosure import Disclosure
from checkpoint_eval.report.withheld import Withheld

# What is counted, the arm last; a cell is that with its true count.
Kind: TypeAlias = tuple[str, ...]
Cell: TypeAlias = tuple[Kind, int]
Sum: TypeAlias = tuple[Cell, tuple[Cell, ...]]
Told: TypeAlias = int | Withheld

MANY = 1e9  # people: more than any trial has
ROUNDING = 1e-6  # of a solution that is a whole number


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """What stands in a report: the counts told, and what a reader who knows the rule takes of them.

    `zeros` are kinds of which nobody may be told, `kept` cells that others go before. An effect
    that is a function of four counts, told beside them, tells these exactly: they are `exact`.
    """

    rule: Disclosure
    told: dict[Cell, Told]
    zeros: Set[Kind] = frozenset()
    kept: Set[Cell] = frozenset()
    exact: set[Cell] = field(default_factory=set)

    def ends(self, cell: Cell) -> tuple[float, float]:
        """Return the least and greatest count that what is told of a cell itself allows."""
        if cell in self.exact:
            return cell[1], cell[1]
        if cell not in self.told:
            return 0, MANY
        low, high = self.rule.possible(self.told[cell], zero=cell[0] in self.zeros)
        return low, min(high, MANY)

    def is_small(self, cell: Cell) -> bool:
        """Whether a count is small and not told as it is: of some kinds nobody may be told."""
        return cell[1] < self.rule.threshold and not self.is_open(cell)

    def is_open(self, cell: Cell) -> bool:
        """Whether a count is told."""
        return not isinstance(self.told.get(cell, Withheld()), Withheld)

    def after(self, cell: Cell) -> tuple[float, float]:
        """Return what a reader takes of a cell once `withhold` has dealt with it."""
        if cell in self.exact:
            return self.rule.possible(self.told[cell], zero=cell[0] in self.zeros)
        return self.rule.threshold, MANY

    def withhold(self, cell: Cell) -> None:
        """Tell less of a cell: first not its effect, then not the count.

        The count goes wherever the arm has the same count, as it may be the same people.
        """
        if cell in self.exact:
            self.exact.remove(cell)
            return
        for other in self.told:
            if other[1] == cell[1] and other[0][-1] == cell[0][-1]:
                self.told[other] = Withheld()


def withhold_partners(
    report: Print, sums: Sequence[Sum], *, only: Callable[[Cell], bool] = lambda _: True
) -> None:
    """Withhold more counts until no small one is told too closely (secondary suppression).

    Each time the smallest count goes that leaves a small one more room. What is withheld only
    widens what is possible elsewhere, so that each small count is seen to once.
    """
    for part in connected(sums):
        audit = Audit(part, report)
        for cell in audit.place:
            while report.is_small(cell) and only(cell) and not audit.has_room(cell):
                partner = _partner(cell, audit)
                if partner is None:
                    break
                report.withhold(partner)


class Audit:
    """Sums as a reader knows them: the least and greatest count that each cell can have.

    By linear programming, so exactly wherever the sums make a tree or a table of two ways, whose
    corners are whole numbers. What was found possible is remembered.
    """

    def __init__(self, sums: Sequence[Sum], report: Print) -> None:
        every = sorted({cell for whole, parts in sums for cell in (whole, *parts)})
        self.sums, self.report = sums, report
        self.place = {cell: column for column, cell in enumerate(every)}
        entries = [
            (row, self.place[cell], -1.0 if at else 1.0)
            for row, (whole, parts) in enumerate(sums)
            for at, cell in enumerate((whole, *parts))
        ]
        rows, columns, signs = zip(*entries, strict=True)
        self.matrix = csr_array((signs, (rows, columns)), shape=(len(sums), len(every)))
        # The true counts are possible, whatever is told.
        true = [float(count) for _, count in every]
        self.seen = np.array([true, true])

    def has_room(self, cell: Cell) -> bool:
        """Whether enough values are possible for a cell, given what is told.

        Every solution tells what is possible for all cells at once, and remains possible when more
        is withheld: few cells need a solution of their own.
        """
        column, least = self.place[cell], self.report.rule.least_possible
        bounds = [self.report.ends(each) for each in self.place]
        for sign in (-1, 1):
            if self._width(column) >= least:
                return True
            found = self._solved(column, sign, bounds)
            self.seen[0] = np.minimum(self.seen[0], np.ceil(found - ROUNDING))
            self.seen[1] = np.maximum(self.seen[1], np.floor(found + ROUNDING))
        return self._width(column) >= least

    def ends(self, cell: Cell, *, without: Cell | None = None) -> tuple[float, float]:
        """Return the least and the greatest count that a cell can have, were one cell withheld."""
        column, report = self.place[cell], self.report
        bounds = [
            report.after(each) if each == without else report.ends(each) for each in self.place
        ]
        low, high = (float(self._solved(column, sign, bounds)[column]) for sign in (1, -1))
        return float(np.ceil(low - ROUNDING)), float(np.floor(high + ROUNDING))

    def _width(self, column: int) -> float:
        return float(self.seen[1, column] - self.seen[0, column] + 1)

    def _solved(self, column: int, sign: int, bounds: list[tuple[float, float]]) -> FloatArray:
        """Return counts that fit all that is told, one as small (1) or great (-1) as can be."""
        aim = np.zeros(len(bounds))
        aim[column] = sign
        nothing = np.zeros(len(self.sums))
        found = linprog(aim, A_eq=self.matrix, b_eq=nothing, bounds=bounds, method="highs-ds")
        if found.x is None:
            raise RuntimeError(f"what is told contradicts itself: {found.message}")
        return floats(found.x)


def connected(sums: Sequence[Sum]) -> list[list[Sum]]:
    """Return the sums in groups that share no cell."""
    place: dict[Cell, int] = {}
    rows, columns = [], []
    for row, (whole, parts) in enumerate(sums):
        for cell in (whole, *parts):
            rows.append(row)
            columns.append(len(sums) + place.setdefault(cell, len(place)))
    size = len(sums) + len(place)
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    labels = connected_components(graph, directed=False)[1][: len(sums)]
    groups: dict[int, list[Sum]] = {}
    for label, each in zip(labels.tolist(), sums, strict=True):
        groups.setdefault(label, []).append(each)
    return list(groups.values())


def _partner(cell: Cell, audit: Audit) -> Cell | None:
    """Return the count to tell less of beside a small one; None when none would give it room."""
    report = audit.report
    near = {
        other for whole, parts in audit.sums if cell in (whole, *parts) for other in (whole, *parts)
    }
    open_to = [other for other in audit.place if other[1] and report.is_open(other)]
    open_to.sort(
        key=lambda other: (
            *(other not in near, other in report.kept, other not in report.exact),
            *(other[1], other[0]),
        )
    )
    low, high = audit.ends(cell)
    for other in open_to:
        ends = audit.ends(cell, without=other)
        if ends[1] - ends[0] > high - low:
            return other
    # Two may do together what neither does alone.
    return next((other for other in open_to if other in near), None)
