"""Laws of what leaves the building: no small count anywhere, and nothing that tells one."""

from __future__ import annotations

import csv
import io
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from disclosed import evaluated
from hypothesis import given
from hypothesis import strategies as st

from checkpoint_eval._arrays import plain
from checkpoint_eval.report import Disclosure, Withheld, differencing, protect
from checkpoint_eval.report.disclosure_audit import Audit
from checkpoint_eval.report.disclosure_counts import HeardCounts
from checkpoint_eval.report.rendering import draw_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkpoint_eval import report

SEEDS = (1, 3)
RULE = Disclosure()
# Fields that hold counts of people or events, by arm or not.
COUNTS = (
    *("n", "events", "missing", "counts", "count", "known", "assessed", "unknown", "incomplete"),
    *("people", "as_assigned", "otherwise", "crossed_over", "at_risk", "censored", "need"),
    *("missing_control", "missing_treatment", "randomised", "assessed_before", "assessed_after"),
    *("need_assessed", "resolved"),
)
# Of these that there is nobody may be told.
NOBODY = (
    *("missing", "unknown", "otherwise", "crossed_over", "censored", "incomplete"),
    *("missing_control", "missing_treatment", "counts"),
)
PARTS = ("flow", "baseline", "balance", "checks", "results", "sensitivity", "bounds")
MORE = ("integrity", "subgroups", "deviations")


@cache
def pair(seed: int) -> tuple[report.Evaluation, report.Evaluation]:
    whole = evaluated(seed)
    return whole, protect(whole)


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every number in a value and the field it stands in."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, key)
    elif isinstance(value, (list, tuple, np.ndarray)):
        for each in value:
            yield from leaves(each, name)
    else:
        yield name, value


def may_be_told(name: str, count: Any) -> bool:
    if isinstance(count, Withheld) or count is None or np.isnan(count):
        return True
    return (count == 0 and name in NOBODY) or (count >= 10 and count % 5 == 0)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("part", [*PARTS, *MORE])
def test_small_counts_are_withheld_and_others_rounded(seed: int, part: str) -> None:
    whole, told = pair(seed)
    before, after = (list(leaves(plain(getattr(each, part)))) for each in (whole, told))
    assert [name for name, _ in before] == [name for name, _ in after]
    seen = 0
    for (name, true), (_, shown) in zip(before, after, strict=True):
        if name not in COUNTS or true is None:
            continue
        seen += 1
        if isinstance(shown, Withheld):
            assert (shown.below == 10) == (true < 10)
        elif true < 10:
            assert true == shown == 0
            assert name in NOBODY
        else:
            assert shown % 5 == 0
            assert abs(shown - true) <= 2
    assert seen


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_written_holds_a_small_count(seed: int) -> None:
    told = pair(seed)[1]
    content = json.loads(told.to_json())
    content.pop("protected")
    content.pop("protocol")
    found = [(name, each) for name, each in leaves(content) if name in COUNTS]
    assert found
    assert [each for each in found if not may_be_told(*each)] == []
    for row in csv.DictReader(io.StringIO(told.to_frame().to_csv())):
        for name, cell in row.items():
            kind = name.rpartition("_")[0]
            if kind in ("n", "events", "missing") and cell:
                assert may_be_told(kind, float(cell)), (name, cell)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_words_hold_a_small_count_of_people(seed: int) -> None:
    told = pair(seed)[1]
    drawn = draw_all(told)
    texts = [told.to_json(), repr(told), *(each.text for each in drawn)]
    for text in texts:
        assert not re.findall(r"(?<![\d,.<])[1-9] (?:such )?(?:people|person)", text)
    flow = next(each for each in drawn if each.name == "flow")
    assert "<10" in flow.text


@pytest.mark.parametrize("seed", SEEDS)
def test_protected_twice_is_protected_once(seed: int) -> None:
    told = pair(seed)[1]
    again = protect(told)
    assert again is told
    assert again.to_json() == protect(pair(seed)[0]).to_json()


@pytest.mark.parametrize("seed", SEEDS)
def test_asking_again_tells_the_same(seed: int) -> None:
    """What is withheld depends on counts alone, so that nobody learns by asking again."""
    whole, told = pair(seed)
    assert protect(whole).flow == told.flow
    assert protect(whole).baseline.to_wide().equals(told.baseline.to_wide())


@pytest.mark.parametrize("seed", SEEDS)
def test_each_step_of_a_curve_stands_for_enough_events(seed: int) -> None:
    whole, told = pair(seed)
    assert told.curves
    for curve in told.curves:
        true = next(each for each in whole.curves if each.outcome == curve.outcome)
        step = np.searchsorted(true.time, curve.time, side="right") - 1
        cumulated = np.cumsum(true.events, axis=1)[:, step]
        assert (np.diff(cumulated, axis=1, prepend=0) >= 10).all()
        # Each height is the true one, to the share that five people of an arm are.
        n = true.at_risk[:, :1]
        assert (np.abs(curve.survival - true.survival[:, step]) <= 2.5 / n * 1.05 + 1e-9).all()
        assert (np.diff(curve.survival, axis=1) <= 0).all()
        assert ((curve.low <= curve.survival) & (curve.survival <= curve.high)).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_effects_of_few_are_not_told(seed: int) -> None:
    whole, told = pair(seed)
    closed = 0
    for true, shown in zip(whole.results, told.results, strict=True):
        value, after = true.value, shown.value
        without = [n - events for n, events in zip(value.n, value.events, strict=False)]
        few = any(0 <= each < 10 for each in (*value.n, *value.events, *without))
        if few:
            closed += 1
            assert np.isnan(after.p_value)
            assert "withheld" in after.method
            assert not after.estimable
    assert closed, "these people have a rare outcome"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_report_beside_itself_tells_nothing_more(seed: int) -> None:
    told = pair(seed)[1]
    assert [each for each in differencing(told, told) if each.first != each.second] == []


@given(
    parts=st.lists(st.integers(0, 40), min_size=1, max_size=6),
    rest=st.integers(0, 15),
    rule=st.sampled_from(
        [RULE, Disclosure(threshold=10, round_to=1), Disclosure(threshold=6, round_to=3)]
    ),
)
def test_no_sum_tells_a_small_count(parts: list[int], rest: int, rule: Disclosure) -> None:
    """Levels of a covariate, with the missing, beside the people of an arm."""
    counts = HeardCounts(rule)
    cells = [((f"level {place}", "arm"), count) for place, count in enumerate(parts)]
    known = (("known", "arm"), sum(parts))
    missing = (("missing", "arm"), rest)
    people = (("people", "arm"), sum(parts) + rest)
    for kind, count in (*cells, known, people):
        counts.tell(kind, count)
    counts.tell(*missing, zero=True)
    counts.add_up(known, cells)
    counts.add_up(people, [known, missing])
    counts = counts.settle()
    audit = Audit(list(counts.sums), counts.report)
    for kind, count in (*cells, known, people, missing):
        told = counts.report.told[kind, count]
        place = audit.place[(kind, count)]
        # Whole numbers, as these sums have no other corners.
        low, high = (round(audit.extreme((kind, count), sign)[place]) for sign in (1, -1))
        assert low <= count <= high
        if count < rule.threshold and not (count == 0 and kind[0] == "missing"):
            assert isinstance(told, Withheld)
            assert high - low + 1 >= rule.least_possible


@given(count=st.integers(0, 10_000), threshold=st.integers(2, 30), data=st.data())
def test_what_a_count_can_be_holds_the_count(count: int, threshold: int, data: Any) -> None:
    divisors = [each for each in range(1, threshold + 1) if threshold % each == 0]
    rule = Disclosure(threshold=threshold, round_to=data.draw(st.sampled_from(divisors)))
    zero = data.draw(st.booleans())
    told = rule.published(count, zero=zero)
    low, high = rule.possible(told, zero=zero)
    assert low <= count <= high
    if not isinstance(told, Withheld) and count:
        assert told >= threshold
        assert {rule.published(int(each), zero=zero) for each in (low, high)} == {told}
        # and no further
        assert rule.published(int(high) + 1, zero=zero) != told
        assert rule.published(int(low) - 1, zero=zero) != told
