"""Extracts that a fuzz found wrong, the smallest each, and a spread of it that is right.

A plain loop over people and days is the judge (`slow_outcomes`). What no other file draws: deaths
before randomisation, people randomised after the extract, horizons on a day that the month lacks,
offences copied word for word, and windows that end a day before or after the extract.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import slow_outcomes as slow
from small_extracts import INDEX, RECORDED, cohort, records

from checkpoint_eval import Assignment, TrialError, outcomes

Day = dt.date
SEEDS = range(20)
PROVEN = outcomes.Counting(wait=1)
STARTS = [
    Day(2016, 2, 29), Day(2015, 12, 31), Day(2016, 1, 31), Day(2016, 3, 26), Day(2016, 10, 30),
    Day(2015, 2, 28), Day(2016, 8, 31), Day(2020, 2, 29),
]  # fmt: skip


# -- the smallest that were wrong -----------------------------------------------------------------


def test_a_death_before_randomisation_stands_in_the_way() -> None:
    """Person a died two months before: no time at risk, and not one merely lost from sight."""
    read = records(gone=[("a", "2016-01-01", "death")])
    found = outcomes.time_to_reoffence(read, cohort(), counting=RECORDED)
    assert found.time.tolist() == [0.0, 730.0]
    assert found.event.tolist() == [False, False]
    assert found.competing.tolist() == [1, 0]
    intervals = outcomes.reoffence_episodes(read, cohort(), counting=RECORDED)
    assert intervals.terminal.tolist() == [True, False]
    assert intervals.end.tolist() == [0.0, 730.0]


def test_an_emigration_before_randomisation_is_told() -> None:
    read = records(gone=[("a", "2016-01-01", "emigration")])
    found = outcomes.reoffence_episodes(read, cohort(), counting=RECORDED)
    assert found.terminal.tolist() == [False, False]
    assert found.provenance is not None
    assert "1 person last seen at 'emigration'" in " ".join(found.provenance.notes)


@pytest.mark.parametrize("kinds", [(None, None), ("", "death"), (None, "emigration")])
def test_a_departure_of_unknown_kind_is_a_departure(kinds: tuple[str | None, str | None]) -> None:
    """Both left 184 days after the index day; an empty cell does not make that loss of sight."""
    gone = [(who, "2016-09-01", kind) for who, kind in zip("ab", kinds, strict=True)]
    read = records(gone=gone)
    found = outcomes.time_to_reoffence(read, cohort(), counting=RECORDED)
    assert found.time.tolist() == [184.0, 184.0]
    told = [(None, *found.causes)[code] for code in found.competing]
    assert told == [kind or "unknown" for kind in kinds]
    intervals = outcomes.reoffence_episodes(read, cohort(), counting=RECORDED)
    assert intervals.terminal.tolist() == [kind == "death" for kind in kinds]
    assert intervals.provenance is not None
    assert "last seen at 'unknown', which is not terminal" in " ".join(intervals.provenance.notes)


def test_nothing_counts_after_the_extract() -> None:
    """The extract ends on 28 February; an offence of 1 March cannot be in it."""
    rule = outcomes.Counting(proven=False, day_zero=True)
    read = records([("a", INDEX)], extract="2016-02-28")
    found = outcomes.time_to_reoffence(read, cohort(), counting=rule)
    assert found.event.tolist() == [False, False]
    intervals = outcomes.reoffence_episodes(read, cohort(), counting=rule)
    assert intervals.counts.tolist() == [0, 0]


def test_ages_run_from_the_index_day_too() -> None:
    """31 August and 6 + 1 months is 31 March; by way of 28 February it would be the 28th.

    The offence was disposed of on 30 March.
    """
    read = records([("a", "2016-09-30")], disposals=[(1, "2017-03-30", "caution")])
    how: dict[str, Any] = {"months": 6, "counting": PROVEN}
    table = outcomes.measured_by_age(read, cohort("2016-08-31"), ages=[1], **how)
    whole = outcomes.proven_reoffending(read, cohort("2016-08-31"), **how)
    assert table["proven"].tolist() == [whole.rate] == [0.5]


@pytest.mark.parametrize(("extract", "followed"), [("2017-03-30", False), ("2017-03-31", True)])
def test_whom_the_extract_outlives_runs_from_the_index_day(extract: str, followed: bool) -> None:
    read = records([("a", "2016-09-30")], disposals=[(1, "2017-03-01", "caution")], extract=extract)
    how: dict[str, Any] = {"months": 6, "counting": PROVEN}
    whole = outcomes.proven_reoffending(read, cohort("2016-08-31"), **how)
    assert whole.missing.tolist() == [not followed] * 2
    if followed:
        table = outcomes.measured_by_age(read, cohort("2016-08-31"), ages=[1], **how)
        assert table["people"].tolist() == [2]
    else:
        with pytest.raises(TrialError, match="Nobody was followed for 6 \\+ 1 months"):
            outcomes.measured_by_age(read, cohort("2016-08-31"), ages=[1], **how)


def test_who_was_not_found_is_not_followed() -> None:
    """b stands in no record: of the contract arm nobody was followed, however late the extract."""
    table = outcomes.linkage(records(people=["a"]), cohort())
    assert table["share linked"].tolist() == [1.0, 0.0]
    assert table["share followed 12 months"].tolist() == [1.0, 0.0]


# -- a spread that is right -----------------------------------------------------------------------


class Case(NamedTuple):
    """An extract, whose outcomes it tells, and which are asked for."""

    given: slow.Extract
    starts: dict[str, Day]
    months: int
    rules: slow.Rules


def near(rng: np.random.Generator, start: Day, edges: list[int], last: Day) -> Day | None:
    """A day on an edge of a window or beside it, anywhere about it, by the extract, or none."""
    where = rng.random()
    if where < 0.03:
        return None
    if where < 0.5:
        edge = slow.months_later(start, int(rng.choice(edges)))
        return edge + int(rng.integers(-1, 2)) * slow.ONE
    if where < 0.85:
        return start + int(rng.integers(-20, 31 * max(edges) + 20)) * slow.ONE
    return last + int(rng.integers(-2, 3)) * slow.ONE


@cache
def case(seed: int) -> Case:
    """A small extract with every fault that can be read."""
    rng = np.random.default_rng(seed)
    n, months = int(rng.choice([2, 3, 5, 8, 12])), int(rng.choice([1, 2, 6, 12, 13]))
    rules = slow.Rules(
        proven=bool(rng.random() < 0.6),
        wait=int(rng.choice([0, 1, 6])),
        day_zero=bool(rng.random() < 0.4),
    )
    reach = months + rules.wait
    days = [STARTS[at] for at in rng.choice(len(STARTS), 2)]
    starts = {f"p{place}": days[int(rng.integers(2))] for place in range(n)}
    ends = [reach, reach, months, 60, 60, 3, -1]
    last = slow.months_later(days[0], int(rng.choice(ends))) + int(rng.integers(-1, 2)) * slow.ONE
    edges = [0, 0, months, reach, -months, 4]

    def one() -> tuple[str, Day | None]:
        who = str(rng.choice([*starts, "ghost"]))
        return who, near(rng, starts.get(who, days[0]), edges, last)

    offences: list[slow.Offence] = []
    for name in range(int(rng.choice([1, n, 5 * n]))):
        who, day = offences[-1][:2] if offences and rng.random() < 0.15 else one()
        late = None if day is None else day + int(rng.integers(0, 60)) * slow.ONE
        offences.append(slow.Offence(who, day, name, "theft", late))
    kinds = ["conviction", "caution", "no further action"]
    disposals = [slow.Disposal(0, None, "conviction")]
    for row in offences * 2:
        about = near(rng, starts.get(row.person, days[0]), edges, last)
        disposals.append(slow.Disposal(row.name, about, str(rng.choice(kinds))))
    custody = []
    for _ in range(n):
        who, begun = one()
        length = int(rng.choice([-3, 0, 1, 10, 100, 400])) * slow.ONE
        closed = begun is not None and rng.random() > 0.15
        custody.append(slow.Spell(who, begun, begun + length if begun and closed else None))
    gone = [slow.Departure(*one(), str(rng.choice(["death", "emigration"]))) for _ in range(n // 3)]
    people = [who for who in starts if rng.random() < 0.93]
    given = slow.Extract([*people, "other"], offences, disposals, custody, gone, [], last)
    return Case(given, starts, months, rules)


def table(rows: list[Any], names: str) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=names.split()).astype(object).sample(frac=1, random_state=1)


@cache
def read(seed: int) -> tuple[outcomes.Records, Assignment]:
    """The same for the library, rows in another order."""
    given, starts, _, _ = case(seed)
    found = outcomes.Records.from_tables(
        people=pd.DataFrame({"id": list(given.people)}),
        offences=table(list(given.offences), "person date offence code recorded"),
        disposals=table(list(given.disposals), "offence date disposal"),
        custody=table(list(given.custody), "person start end"),
        deaths=table(list(given.departures), "person date kind"),
        extract_date=str(given.day),
    )
    arm = np.arange(len(starts)) % 2
    return found, Assignment(
        arm=arm, arms=("court", "contract"), stratum=arm * 0, ids=list(starts),
        date=[str(day) for day in starts.values()],
    )  # fmt: skip


def due(seed: int, clock: str) -> list[tuple[float, bool, str | None] | None]:
    """Each person's first reoffence; who was randomised after the extract was never seen."""
    given, starts, months, rules = case(seed)
    found: list[tuple[float, bool, str | None] | None] = []
    for who, start in starts.items():
        row = slow.first_reoffence(given, who, start, months, rules, clock)
        found.append(None if row is None else tuple(row))
    return found


@pytest.mark.parametrize("clock", ["elapsed", "street"])
@pytest.mark.parametrize("seed", SEEDS)
def test_first_reoffence(seed: int, clock: Any) -> None:
    given, starts, months, rules = case(seed)
    counting = outcomes.Counting(**rules._asdict())
    found = outcomes.time_to_reoffence(*read(seed), months=months, counting=counting, clock=clock)
    names = (None, *found.causes)
    for place, row in enumerate(due(seed, clock)):
        assert found.missing[place] == (row is None)
        start = list(starts.values())[place]
        if row is None:
            continue
        cause = names[found.competing[place]]
        assert (found.time[place], found.event[place]) == row[:2]
        assert cause == row[2] or start > given.day  # then neither end is in sight
    at_risk = outcomes.time_at_risk(*read(seed), months=months, clock=clock)
    days = [slow.time_at_risk(given, who, day, months, clock) for who, day in starts.items()]
    np.testing.assert_array_equal(at_risk, np.array(days, dtype=float))


@pytest.mark.parametrize("clock", ["elapsed", "street"])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_reoffence(seed: int, clock: Any) -> None:
    given, starts, months, rules = case(seed)
    how: dict[str, Any] = {"counting": outcomes.Counting(**rules._asdict()), "clock": clock}
    rows = [
        slow.episodes(given, who, day, months, rules, clock) for who, day in starts.items()
    ]  # fmt: skip
    if any(row is None for row in rows):
        with pytest.raises(TrialError, match="two events at one time"):
            outcomes.reoffence_episodes(*read(seed), months=months, **how)
        return
    found = outcomes.reoffence_episodes(*read(seed), months=months, **how)
    for place, intervals in enumerate(rows):
        mine = found.person == place
        got = zip(found.start[mine], found.stop[mine], found.event[mine], strict=True)
        assert list(got) == [tuple(each) for each in intervals or ()]
    causes = [None if row is None else row[2] for row in due(seed, clock)]
    late = np.array([day > given.day for day in starts.values()])
    died = np.array([cause == "death" for cause in causes]) | (found.counts > 0) | late
    assert not (found.terminal & ~died).any()
    assert found.terminal[np.array([cause == "death" for cause in causes])].all()


@pytest.mark.parametrize("seed", SEEDS)
def test_measured_by_age(seed: int) -> None:
    given, starts, months, rules = case(seed)
    ages = (0, 1, rules.wait)
    how: dict[str, Any] = {"months": months, "counting": outcomes.Counting(**rules._asdict())}
    reach = months + max(ages)
    seen = [
        who in given.people and slow.months_later(day, reach) <= given.day
        for who, day in starts.items()
    ]
    if not any(seen):
        with pytest.raises(TrialError, match="Nobody was followed"):
            outcomes.measured_by_age(*read(seed), ages=ages, **how)
        return
    found = outcomes.measured_by_age(*read(seed), ages=ages, **how)
    rows = slow.measured(given, starts, months, ages, rules)
    # shares of whole counts: the same divisions
    np.testing.assert_allclose(found.to_numpy(dtype=float), np.array(rows), rtol=1e-14)
