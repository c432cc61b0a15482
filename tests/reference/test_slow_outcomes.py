"""Every outcome from an extract against slow loops, on small random extracts full of errors."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import slow_outcomes as slow

from checkpoint_eval import Assignment, TrialError, outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

SEEDS = range(9)
CLOCKS = ("elapsed", "street")
Day = dt.date
INDEX = [
    Day(2016, 3, 1), Day(2016, 2, 29), Day(2016, 1, 31), Day(2016, 8, 31), Day(2015, 12, 31),
    Day(2015, 2, 28), Day(2016, 6, 15), Day(2016, 10, 30), Day(2015, 5, 31), Day(2016, 11, 1),
]  # fmt: skip
ASSIGNED = [*(f"p{i}" for i in range(len(INDEX) - 1)), "nobody"]  # the last is not in the extract
KNOWN = [*ASSIGNED[:-1], "elsewhere", "other"]
WRITERS = [*KNOWN, "ghost"]  # whose rows there are: ghosts are in no people table
CODES = ("theft", "fraud", "assault")
KINDS = ("conviction", "caution", "no further action")
WEIGHTS = {"theft": 2.0, "fraud": 0.5, "assault": 365.0}
RULES = [
    slow.Rules(),
    slow.Rules(proven=False),
    slow.Rules(day_zero=True, wait=3),
    slow.Rules(codes=("theft", "assault"), wait=0),
    slow.Rules(proven=False, codes=("fraud",), day_zero=True),
    slow.Rules(proving=("conviction",), wait=12),
]
COHORT = dict(zip(ASSIGNED, INDEX, strict=True))


def near(rng: np.random.Generator, who: str) -> Day | None:
    """A day on an edge of the person's windows, one beside it, anywhere near, or none."""
    if rng.random() < 0.04:
        return None
    index = COHORT.get(who, Day(2016, 4, 1))
    edge = slow.months_later(index, int(rng.choice([-12, 0, 4, 12, 15, 18, 24, 30])))
    spread = 1 if rng.random() < 0.4 else 120
    return edge + int(rng.integers(-spread, spread + 1)) * slow.ONE


def departures(rng: np.random.Generator) -> list[slow.Departure]:
    """Some die and some emigrate, the same person both perhaps; one kind is not told."""
    rows = []
    for who in rng.choice(WRITERS, 5):
        later = int(rng.integers(0, 900)) * slow.ONE
        date = None if rng.random() < 0.1 else COHORT.get(who, Day(2016, 4, 1)) + later
        rows.append(slow.Departure(str(who), date, str(rng.choice(["death", "emigration"]))))
    return rows


@cache
def extract(seed: int) -> slow.Extract:
    """An extract with unknown people, missing dates, overlaps and spells that cannot be."""
    rng = np.random.default_rng(seed)
    offences = []
    for name, who in enumerate(rng.choice(WRITERS, 90)):
        date = near(rng, who)
        late = None if date is None else date + int(rng.integers(0, 90)) * slow.ONE
        offences.append(slow.Offence(str(who), date, name, str(rng.choice(CODES)), late))
    disposals = []
    for name in rng.integers(0, 95, 110):  # some name no offence
        row = offences[name] if name < len(offences) else offences[0]
        index = COHORT.get(row.person, Day(2016, 4, 1))
        edge = slow.months_later(index, int(rng.choice([0, 12, 15, 18, 24, 30])))
        date = (
            edge + int(rng.integers(-1, 2)) * slow.ONE if rng.random() < 0.5 else near(rng, row[0])
        )
        disposals.append(slow.Disposal(int(name), date, str(rng.choice(KINDS))))
    custody = []
    for who in rng.choice(WRITERS, 24):
        start = near(rng, who)
        end = None if start is None else start + int(rng.integers(-2, 200)) * slow.ONE
        custody.append(slow.Spell(str(who), start, None if rng.random() < 0.1 else end))
    assessments = [
        slow.Assessment(str(who), near(rng, who), str(rng.choice(["drugs", "housing"])),
                        None if rng.random() < 0.1 else float(rng.integers(0, 5)),
                        None if rng.random() < 0.1 else str(rng.choice(["Ann", "Bob", "Cas"])))
        for who in rng.choice(WRITERS, 80)
    ]  # fmt: skip
    day = [Day(2021, 1, 1), Day(2017, 9, 1), Day(2016, 12, 31)][seed % 3]
    return slow.Extract(KNOWN, offences, disposals, custody, departures(rng), assessments, day)


def columns(rows: Sequence[Any], names: str) -> pd.DataFrame:
    """A table of tuples; None is a missing value."""
    return pd.DataFrame(list(rows), columns=names.split()).astype(object)


def records(given: slow.Extract, **without: Any) -> outcomes.Records:
    """The same extract for the library."""
    tables: dict[str, Any] = {
        "people": pd.DataFrame({"id": [*given.people, given.people[0]]}),
        "offences": columns(given.offences, "person date offence code recorded"),
        "disposals": columns(given.disposals, "offence date disposal"),
        "custody": columns(given.custody, "person start end"),
        "deaths": columns(given.departures, "person date kind"),
        "pathways": columns(given.assessments, "person date pathway score assessor"),
    }
    return outcomes.Records.from_tables(**(tables | without), extract_date=str(given.day))


@cache
def whole(seed: int) -> outcomes.Records:
    """The extract of a seed for the library, as it is."""
    return records(extract(seed))


ASSIGNMENT = Assignment(
    arm=np.arange(len(INDEX)) % 2,
    arms=("court", "contract"),
    stratum=np.zeros(len(INDEX), dtype=int),
    ids=ASSIGNED,
    date=[str(day) for day in INDEX],
)


def asked(rules: slow.Rules) -> outcomes.Counting:
    """The same rules for the library."""
    return outcomes.Counting(**(rules._asdict() | {"proving": tuple(rules.proving)}))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("months", [1, 12, 24])
def test_counts_exposure_and_harm(seed: int, rules: slow.Rules, months: int) -> None:
    """Who reoffended how often over how long, and what it weighs."""
    given = extract(seed)
    read, counting = whole(seed), asked(rules)
    found = outcomes.proven_reoffending(read, ASSIGNMENT, months=months, counting=counting)
    weights = outcomes.HarmWeights(name="w", version="1", source="none", weights=WEIGHTS)
    harm = outcomes.harm_days(read, ASSIGNMENT, weights=weights, months=months, counting=counting)
    due = [slow.reoffences(given, who, day, months, rules) for who, day in COHORT.items()]
    heavy = [slow.harm(given, who, day, months, rules, WEIGHTS) for who, day in COHORT.items()]
    assert found.missing.tolist() == [rows is None for rows in due]
    assert found.reoffences.tolist() == [len(rows or ()) for rows in due]
    assert harm.missing.tolist() == found.missing.tolist()
    assert harm.value[~harm.missing].tolist() == [value for value in heavy if value is not None]
    followed = [len(rows) for rows in due if rows is not None]
    if followed:
        assert found.per_person == sum(followed) / len(followed)
        assert found.rate == sum(map(bool, followed)) / len(followed)
    if any(followed):
        assert found.per_reoffender == sum(followed) / sum(map(bool, followed))
    for clock in CLOCKS:
        counts = outcomes.reoffence_counts(
            read, ASSIGNMENT, months=months, counting=counting, clock=clock
        )
        days = [slow.time_at_risk(given, who, day, months, clock) for who, day in COHORT.items()]
        seen = ~counts.missing
        assert counts.missing.tolist() == found.missing.tolist()
        assert counts.value.tolist() == found.reoffences.tolist()
        assert counts.exposure[seen].tolist() == [d for d, ok in zip(days, seen, strict=True) if ok]


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("months", [1, 12, 24])
def test_time_at_risk(seed: int, months: int, clock: Any) -> None:
    """Days up to the first of horizon, extract and departure; NaN for people not there."""
    given = extract(seed)
    found = outcomes.time_at_risk(whole(seed), ASSIGNMENT, months=months, clock=clock)
    days = [slow.time_at_risk(given, who, day, months, clock) for who, day in COHORT.items()]
    np.testing.assert_array_equal(found, np.array(days, dtype=float))


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rules", RULES)
def test_first_reoffence(seed: int, rules: slow.Rules, clock: Any) -> None:
    """Time, event, missing and what stood in the way."""
    given, months = extract(seed), (24, 12, 6)[seed % 3]
    found = outcomes.time_to_reoffence(
        whole(seed), ASSIGNMENT, months=months, counting=asked(rules), clock=clock
    )
    due = [
        slow.first_reoffence(given, who, day, months, rules, clock) for who, day in COHORT.items()
    ]
    assert found.missing.tolist() == [row is None for row in due]
    names = (None, *found.causes)
    for row, time, event, cause in zip(due, found.time, found.event, found.competing, strict=True):
        if row is not None:
            assert (time, event, names[cause]) == row


def refusal(given: slow.Extract, rules: slow.Rules, clock: str, months: int) -> bool:
    """Whether somebody has two events at one time, or one at time 0."""
    every = [slow.episodes(given, who, day, months, rules, clock) for who, day in COHORT.items()]
    return any(row is None for row in every)


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rules", RULES)
def test_episodes(seed: int, rules: slow.Rules, clock: Any) -> None:
    """Each interval of each person; refused where one would have no length."""
    given, months = extract(seed), 24
    if clock == "street":  # offences inside spells are refused: leave most spells out
        given = given._replace(custody=given.custody[: 3 + seed % 3])
    read = records(given)

    def ask() -> outcomes.Episodes:
        return outcomes.reoffence_episodes(
            read, ASSIGNMENT, months=months, counting=asked(rules), clock=clock
        )

    if refusal(given, rules, clock, months):
        with pytest.raises(TrialError, match="two events at one time"):
            ask()
        return
    found = ask()
    due = [
        (row, *interval)
        for row, (who, day) in enumerate(COHORT.items())
        for interval in slow.episodes(given, who, day, months, rules, clock) or ()
    ]
    got = zip(
        found.person.tolist(), found.start.tolist(), found.stop.tolist(), found.event.tolist(),
        strict=True,
    )  # fmt: skip
    assert list(got) == due
    assert found.missing.tolist() == [who == "nobody" for who in COHORT]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rules", [rules for rules in RULES if not rules.day_zero])
@pytest.mark.parametrize("months", [3, 12])
def test_change(seed: int, rules: slow.Rules, months: int) -> None:
    """As many months before the index day as after it."""
    given = extract(seed)
    found = outcomes.change_in_offending(
        whole(seed), ASSIGNMENT, months=months, counting=asked(rules)
    )
    due = [slow.change(given, who, day, months, rules) for who, day in COHORT.items()]
    assert found.missing.tolist() == [row is None for row in due]
    for row, before, after in zip(due, found.before, found.after, strict=True):
        if row is not None:
            assert (before, after) == row


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rules", [rules for rules in RULES if rules.proven and not rules.codes])
def test_entrants(seed: int, rules: slow.Rules) -> None:
    """Only who was never proven to have offended by the index day can enter."""
    given = extract(seed)
    given = given._replace(disposals=given.disposals[seed::5])  # or nobody could enter
    found = outcomes.first_time_entrants(
        records(given), ASSIGNMENT, months=12, proving=rules.proving
    )
    due = [slow.entered(given, who, day, 12, rules) for who, day in COHORT.items()]
    assert found.missing.tolist() == [row is None for row in due]
    assert found.value.tolist() == [bool(row) for row in due]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("months", [4, 6])
def test_on_contract(seed: int, months: int) -> None:
    """Offences as recorded while a contract ran."""
    given, rules = extract(seed), slow.Rules(proven=False)
    found = outcomes.on_contract_reoffending(whole(seed), ASSIGNMENT, months=months)
    due = [slow.reoffences(given, who, day, months, rules) for who, day in COHORT.items()]
    assert found.missing.tolist() == [rows is None for rows in due]
    assert found.value.tolist() == [bool(rows) for rows in due]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("months", "earliest"), [(12, 1), (18, 90)])
def test_pathways(seed: int, months: int, earliest: int) -> None:
    """The last score on either side of the index day, the highest of a day."""
    given = extract(seed)
    found = outcomes.pathway_scores(
        records(given), ASSIGNMENT, months=months, earliest=earliest,
        pathways=("housing", "drugs"),
    )  # fmt: skip
    for column, name in enumerate(("housing", "drugs")):
        due = [slow.pathway(given, who, day, months, earliest, name) for who, day in COHORT.items()]
        both = np.array(due, dtype=float)
        np.testing.assert_array_equal(found.baseline[:, column], both[:, 0])
        np.testing.assert_array_equal(found.follow_up[:, column], both[:, 1])
    whose = [
        slow.assessed(given, who, day, months, earliest, ("housing", "drugs"))
        for who, day in COHORT.items()
    ]
    assert np.array([*found.assessors, ""])[found.assessor].tolist() == [[*each] for each in whose]


def by_age(seed: int, rules: slow.Rules, ages: tuple[int, ...], *, told: bool) -> None:
    """Compare the table with loops, with and without days of recording."""
    given = extract(seed)
    if not told:
        given = given._replace(offences=[row._replace(recorded=None) for row in given.offences])
    offences = columns(given.offences, "person date offence code recorded")
    offences = offences if told else offences.drop(columns="recorded")
    found = outcomes.measured_by_age(
        records(given, offences=offences),
        ASSIGNMENT,
        months=12,
        ages=ages,
        counting=asked(rules),
    )
    due = slow.measured(given, COHORT, 12, ages, rules)
    np.testing.assert_allclose(found.to_numpy(dtype=float), np.array(due), rtol=1e-14)


@pytest.mark.parametrize("seed", [seed for seed in SEEDS if seed % 3 == 0])
@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("told", [True, False])
def test_measured_by_age(seed: int, rules: slow.Rules, told: bool) -> None:
    """What an extract of each age would have shown while the wait still ran."""
    ages = tuple(age for age in (0, 1, 3, 6, 12) if age <= rules.wait)
    by_age(seed, rules, ages, told=told)
