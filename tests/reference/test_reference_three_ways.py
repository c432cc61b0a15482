"""Every table of three ways with the same print, listed: where several counts must go together."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from checkpoint_eval.report import Disclosure, Withheld
from checkpoint_eval.report.disclosure_counts import HeardCounts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkpoint_eval.report.disclosure_audit import Kind

PLACES = ["".join(each) for each in product("01", repeat=3)]
# Cells and margins: a dot for a way that is added up.
NAMES = ["".join(each) for each in product("01.", repeat=3) if each.count(".") < 3]
MOST = 24  # no count of these tables is larger


def made_of(name: str) -> list[int]:
    """Return which cells of the table a margin adds up."""
    return [
        at
        for at, place in enumerate(PLACES)
        if all(one in (".", other) for one, other in zip(name, place, strict=True))
    ]


def prints_like(told: object, rule: Disclosure) -> set[int]:
    """Return every count that would be printed so, by the rule's words and not its code."""
    found = set()
    for count in range(2 * MOST):
        small = count < rule.threshold
        if isinstance(told, Withheld):
            fits = small if told.below else not small
        else:
            fits = not small and int(count / rule.round_to + 0.5) * rule.round_to == told
        found |= {count} if fits else set()
    return found


def listed(told: dict[str, object], rule: Disclosure) -> Iterator[list[int]]:
    """Yield every table that fits the print: cell after cell, given up when a margin is wrong."""
    allowed = {name: prints_like(each, rule) for name, each in told.items()}
    # Each margin is looked at once its last cell is known.
    ended = {at: [name for name in NAMES if made_of(name)[-1] == at] for at in range(8)}

    def filled(table: list[int]) -> Iterator[list[int]]:
        if len(table) == 8:
            yield table
            return
        for count in allowed[PLACES[len(table)]]:
            longer = [*table, count]
            if all(
                sum(longer[at] for at in made_of(name)) in allowed[name]
                for name in ended[len(table)]
            ):
                yield from filled(longer)

    return filled([])


def settled(table: tuple[int, ...], rule: Disclosure) -> dict[str, object]:
    """Return what is told of each cell and margin."""
    count = {name: sum(table[at] for at in made_of(name)) for name in NAMES}
    kind: dict[str, Kind] = {name: (name, "arm") for name in NAMES}
    counts = HeardCounts(rule)
    for name in NAMES:
        counts.tell(kind[name], count[name])
        if "." in name:
            cells = [(kind[PLACES[at]], table[at]) for at in made_of(name)]
            counts.add_up((kind[name], count[name]), cells)
    told = counts.settle()
    return {name: told.tell(kind[name], count[name]) for name in NAMES}


TABLES = [
    ((1, 0, 2, 8, 8, 8, 3, 4), (4, 1)),
    ((8, 3, 3, 0, 1, 6, 1, 6), (4, 1)),
    ((7, 6, 4, 0, 3, 3, 1, 1), (5, 1)),
    ((5, 2, 5, 9, 1, 4, 1, 0), (5, 1)),
]


@pytest.mark.parametrize(("table", "rule"), TABLES, ids=str)
def test_small_counts_of_three_ways_keep_room(
    table: tuple[int, ...], rule: tuple[int, int]
) -> None:
    """In these no single count gives a small one room: some were told to the person."""
    by = Disclosure(threshold=rule[0], round_to=rule[1])
    told = settled(table, by)
    fitting = list(listed(told, by))
    assert list(table) in fitting, "the true table has this print"
    for name in NAMES:
        small = sum(table[at] for at in made_of(name)) < by.threshold
        possible = {sum(each[at] for at in made_of(name)) for each in fitting}
        assert not small or isinstance(told[name], Withheld)
        assert not small or len(possible) >= by.least_possible, (name, possible, told)
    # And not all goes.
    assert sum(not isinstance(each, Withheld) for each in told.values()) >= 4
