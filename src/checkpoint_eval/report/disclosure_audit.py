"""What a reader who knows the rule can work out from counts that add up, and what to withhold."""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
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
SEVERAL = 4  # cells: for fewer, one look at each costs no more than looking round
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
        small = [cell for cell in audit.place if report.is_small(cell) and only(cell)]
        audit.look_round(small)
        for cell in small:
            while report.is_small(cell) and not audit.has_room(cell):
                partners = _partners(cell, audit)
                if not partners:
                    break
                for partner in partners:
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
        matrix = csr_array((signs, (rows, columns)), shape=(len(sums), len(every)))
        self.nothing = LinearConstraint(matrix.tocsc(), 0, 0)
        # The true counts are possible, whatever is told.
        true = [float(count) for _, count in every]
        self.seen = np.array([true, true])

    def look_round(self, cells: Sequence[Cell]) -> None:
        """See what is possible for many cells at once: most are not too closely told."""
        near = [cell for cell in cells if not self._is_wide(cell)]
        for turn in (1, 2) if len(near) > SEVERAL else ():
            # Some up and others down, each by a weight of its own, as cells add up to others.
            aim = np.zeros(len(self.place))
            aim[[self.place[cell] for cell in near]] = np.cos(turn * np.arange(len(near)))
            for sign in (-1, 1):
                self.see(self._solved(sign * aim))

    def has_room(self, cell: Cell) -> bool:
        """Whether enough values are possible for a cell, given what is told.

        Every solution tells what is possible for all cells at once, and remains possible when more
        is withheld: few cells need a solution of their own.
        """
        for sign in (-1, 1):
            if self._is_wide(cell):
                return True
            self.see(self.extreme(cell, sign))
        return self._is_wide(cell)

    def see(self, found: FloatArray) -> None:
        """Remember counts that are possible."""
        self.seen[0] = np.minimum(self.seen[0], np.ceil(found - ROUNDING))
        self.seen[1] = np.maximum(self.seen[1], np.floor(found + ROUNDING))

    def extreme(self, cell: Cell, sign: int, *, without: Set[Cell] = frozenset()) -> FloatArray:
        """Return possible counts with a cell as small (1) or great (-1) as can be.

        They fit all that is told, or would were less told of some counts.
        """
        aim = np.zeros(len(self.place))
        aim[self.place[cell]] = sign
        return self._solved(aim, without=without)

    def width_without(self, cell: Cell, others: Set[Cell]) -> tuple[float, list[FloatArray]]:
        """Return how many values of a cell were possible with less told of others, and its ends."""
        ends = [self.extreme(cell, sign, without=others) for sign in (1, -1)]
        least, most = (found[self.place[cell]] for found in ends)
        return float(np.floor(most + ROUNDING) - np.ceil(least - ROUNDING) + 1), ends

    def width(self, cell: Cell) -> float:
        """Return how many values of a cell have been seen to be possible."""
        low, high = self.seen[:, self.place[cell]]
        return float(high - low + 1)

    def _is_wide(self, cell: Cell) -> bool:
        return self.width(cell) >= self.report.rule.least_possible

    def _solved(self, aim: FloatArray, *, without: Set[Cell] = frozenset()) -> FloatArray:
        report = self.report
        ends = [report.after(each) if each in without else report.ends(each) for each in self.place]
        # Without whole numbers asked for, this is the shortest way to the solver of `linprog`.
        found = milp(aim, constraints=self.nothing, bounds=Bounds(*np.transpose(ends)))
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


def _partners(cell: Cell, audit: Audit) -> list[Cell]:
    """Return the counts to tell less of beside a small one; none when that would give no room."""
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
    # The cell was seen to have no room, at both its ends: this is its width.
    width = audit.width(cell)
    for other in open_to:
        wider, ends = audit.width_without(cell, {other})
        if wider > width:
            # Possible from now on, for every cell.
            for found in ends:
                audit.see(found)
            return [other]
    # Several do together what none does alone: of all that are told, what can stay stays.
    several = set(open_to)
    if audit.width_without(cell, several)[0] <= width:
        return []
    for other in reversed(open_to):
        if audit.width_without(cell, several - {other})[0] > width:
            several.remove(other)
    return sorted(several)
