"""Every table with the same print, listed: what a reader who knows the rule can work out."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from checkpoint_eval.report import Disclosure, Withheld
from checkpoint_eval.report.disclosure_audit import Audit
from checkpoint_eval.report.disclosure_counts import HeardCounts, SettledCounts

if TYPE_CHECKING:
    from checkpoint_eval.report.disclosure_audit import Cell

MOST = 24  # no count of these tables is larger


def settled(
    tables: list[tuple[Cell, list[Cell]]], rule: Disclosure, untold: set[str]
) -> SettledCounts:
    counts = HeardCounts(rule)
    for whole, parts in tables:
        for kind, count in (whole, *parts):
            if kind[0] not in untold:
                counts.tell(kind, count)
        counts.add_up(whole, parts)
    return counts.settle()


def prints_like(told: object, rule: Disclosure) -> list[int]:
    """Return every count that would be printed so, by the rule's words and not its code."""
    found = []
    for count in range(MOST + 1):
        small = count < rule.threshold
        nearest = int(count / rule.round_to + 0.5) * rule.round_to
        if isinstance(told, Withheld):
            fits = small if told.below else not small
        else:
            fits = told is None or (not small and nearest == told)
        found += [count] if fits else []
    return found


def listed(
    counts: SettledCounts, inner: list[Cell], sums: list[tuple[Cell, list[Cell]]]
) -> list[dict]:
    """Return every table that fits the print: the inner cells listed, the others added up."""
    rule = counts.rule
    options = [prints_like(counts.report.told.get(cell), rule) for cell in inner]
    allowed = {whole: set(prints_like(counts.report.told.get(whole), rule)) for whole, _ in sums}
    fitting = []
    for values in product(*options):
        table = dict(zip(inner, values, strict=True))
        for whole, parts in sums:
            table[whole] = sum(table[part] for part in parts)
        if all(table[whole] in allowed[whole] for whole in allowed):
            fitting.append(table)
    return fitting


def attacked(
    inner: list[Cell], sums: list[tuple[Cell, list[Cell]]], rule: Disclosure, untold: set[str]
) -> None:
    counts = settled(sums, rule, untold)
    tables = listed(counts, inner, sums)
    assert tables, "the true table has this print"
    audit = Audit(list(counts.sums), counts.report)
    for cell in (*inner, *(whole for whole, _ in sums)):
        possible = {table[cell] for table in tables}
        if cell[1] < rule.threshold:
            assert isinstance(counts.report.told.get(cell, Withheld()), Withheld)
            assert len(possible) >= rule.least_possible, (
                cell,
                sorted(possible),
                counts.report.told,
            )
        place = audit.place[cell]
        # Whole numbers, as these sums have no other corners.
        low, high = (round(audit.extreme(cell, sign)[place]) for sign in (1, -1))
        # The listing stops at `MOST`, the audit at no count.
        assert low == min(possible)
        assert high == max(possible) or max(possible) >= MOST - 2 or high > MOST


ONE_WAY = [(1, 12), (0, 15), (3, 4), (2, 2, 9), (12, 4, 3), (7, 7), (4, 5, 6), (0, 0, 8), (11, 9)]
RULES = [(4, 1), (4, 2), (4, 4), (5, 5), (6, 2), (3, 1), (2, 1)]


@pytest.mark.parametrize(("threshold", "round_to"), RULES)
@pytest.mark.parametrize("untold", ["", "c0"])
@pytest.mark.parametrize("parts", ONE_WAY, ids=str)
def test_parts_of_a_whole(
    parts: tuple[int, ...], untold: str, threshold: int, round_to: int
) -> None:
    inner: list[Cell] = [((f"c{place}", "arm"), count) for place, count in enumerate(parts)]
    whole: Cell = (("whole", "arm"), sum(parts))
    attacked(inner, [(whole, inner)], Disclosure(threshold=threshold, round_to=round_to), {untold})


TWO_WAY = [(1, 8, 9, 5), (0, 7, 8, 9), (2, 3, 9, 6), (8, 8, 8, 1), (6, 0, 0, 7), (2, 2, 2, 2)]


@pytest.mark.parametrize(("threshold", "round_to"), [(4, 1), (4, 2), (5, 5), (3, 3)])
@pytest.mark.parametrize("parts", TWO_WAY, ids=str)
def test_a_table_of_two_ways(parts: tuple[int, ...], threshold: int, round_to: int) -> None:
    inner: list[Cell] = [((f"c{place}", "arm"), count) for place, count in enumerate(parts)]
    sums = [
        ((("row 0", "arm"), parts[0] + parts[1]), inner[:2]),
        ((("row 1", "arm"), parts[2] + parts[3]), inner[2:]),
        ((("column 0", "arm"), parts[0] + parts[2]), inner[::2]),
        ((("column 1", "arm"), parts[1] + parts[3]), inner[1::2]),
    ]
    attacked(inner, sums, Disclosure(threshold=threshold, round_to=round_to), set())


@pytest.mark.parametrize(("larger", "smaller"), [(15, 13), (12, 12), (18, 10), (9, 7), (14, 3)])
@pytest.mark.parametrize(("threshold", "round_to"), [(4, 1), (5, 5), (10, 5)])
def test_one_analysis_set_less_another(
    larger: int, smaller: int, threshold: int, round_to: int
) -> None:
    rule = Disclosure(threshold=threshold, round_to=round_to)
    counts = HeardCounts(rule)
    kind = ("analysed", "outcome", "arm")
    for count in (larger, smaller):
        counts.tell(kind, count)
    counts = counts.settle()
    if not 0 < larger - smaller < threshold:
        return
    first, second = (prints_like(counts.tell(kind, each), rule) for each in (larger, smaller))
    between = {one - other for one, other in product(first, second) if one >= other}
    assert len(between) >= rule.least_possible
