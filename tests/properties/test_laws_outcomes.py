"""Laws of outcomes from police extracts: what must not matter, and what can only go one way."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import shuffled

from checkpoint_eval import Assignment, TrialError, outcomes
from checkpoint_eval.outcomes import Counting, Records

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hypothesis.strategies import DrawFn

Tables = dict[str, pd.DataFrame]
FIRST = np.datetime64("2016-01-31")
INDEX = FIRST + np.array([0, 29, 30, 213, 334])  # month ends and the 29th of February
PEOPLE = len(INDEX)
EXTRACT = "2020-06-30"
RECORDED = Counting(proven=False)
CODES, KINDS, NEEDS = ("theft", "fraud"), ("caution", "conviction", "dropped"), ("drugs", "home")
ASSESSORS = ("Ann", "Bob", None)
KEYS = {"people": "id", "offences": "person", "custody": "person", "deaths": "person",
        "pathways": "person"}  # fmt: skip
# One integer a row is decoded into these columns: far quicker to draw than one a column. People
# 5 and 6 are not in the trial, 7 is in no table of people.
WHO, DAY, LONG = PEOPLE + 3, 1400, 300


@st.composite
def coded(draw: DrawFn, most: int, **sizes: int) -> pd.DataFrame:
    """Draw a table of whole numbers."""
    last = int(np.prod(list(sizes.values()))) - 1
    rows = draw(st.lists(st.integers(0, last), max_size=most))
    codes = np.array(rows, dtype=np.int64)
    return pd.DataFrame(
        dict(zip(sizes, np.unravel_index(codes, tuple(sizes.values())), strict=True))
    )


def dates(days: pd.Series, start: int = -400) -> pd.Series:
    """Days around the first index day, as text."""
    return pd.Series((FIRST + start + days.to_numpy()).astype(str), index=days.index, dtype=object)


def labelled(codes: pd.Series, names: tuple[str | None, ...]) -> pd.Series:
    """Names of codes."""
    return pd.Series(np.array(names, dtype=object)[codes.to_numpy()], index=codes.index)


# Person 0 has every code, kind, need and cause long before or after, so that extracts differ in
# what people did and not in what there is to be known.
ALWAYS = {
    "offences": [(0, "2010-01-01", "theft", 90), (0, "2010-01-01", "fraud", 91)],
    "disposals": [(90, "2010-02-01", "caution"), (91, "2010-02-01", "conviction"),
                  (91, "2010-01-01", "dropped")],
    "custody": [(0, "2010-01-01", "2010-02-01")],
    "deaths": [(0, "2030-01-01", "death"), (0, "2030-01-01", "emigration")],
    "pathways": [(0, "2030-01-01", "drugs", 1.0, "Ann"), (0, "2030-01-01", "home", 1.0, "Bob")],
}  # fmt: skip


@st.composite
def extracts(draw: DrawFn) -> Tables:
    """Draw all six tables; spells may overlap, be open or end before they start."""
    offences = draw(coded(12, person=WHO, date=DAY, code=2))
    disposals = draw(coded(14, offence=14, date=DAY, disposal=3))
    custody = draw(coded(5, person=WHO, start=DAY, end=LONG))
    deaths = draw(coded(3, person=WHO, date=DAY, kind=2))
    pathways = draw(coded(8, person=WHO, date=DAY, pathway=2, score=4, assessor=3))
    end = dates(custody["start"] + custody["end"], -405)
    tables = {
        "people": pd.DataFrame({"id": np.arange(PEOPLE + 2)}),
        "offences": offences.assign(
            date=dates(offences["date"]),
            code=labelled(offences["code"], CODES),
            offence=np.arange(len(offences)),
        ),
        "disposals": disposals.assign(
            date=dates(disposals["date"]), disposal=labelled(disposals["disposal"], KINDS)
        ),
        "custody": custody.assign(
            start=dates(custody["start"]), end=end.where(custody["end"] < LONG - 30, None)
        ),
        "deaths": deaths.assign(
            date=dates(deaths["date"]), kind=labelled(deaths["kind"], ("death", "emigration"))
        ),
        "pathways": pathways.assign(
            date=dates(pathways["date"]),
            pathway=labelled(pathways["pathway"], NEEDS),
            score=pathways["score"].astype(float),
            assessor=labelled(pathways["assessor"], ASSESSORS),
        ),
    }
    for name, rows in ALWAYS.items():
        extra = pd.DataFrame(rows, columns=tables[name].columns).astype(tables[name].dtypes)
        tables[name] = pd.concat([tables[name], extra], ignore_index=True)
    return tables


def read(tables: Mapping[str, Any], extract: str = EXTRACT) -> Records:
    """Read the tables."""
    return Records.from_tables(**tables, extract_date=extract)


def cohort(ids: Any = range(PEOPLE)) -> Assignment:
    """Everybody of the trial."""
    return Assignment(
        arm=np.arange(PEOPLE) % 2,
        arms=("court", "contract"),
        stratum=np.zeros(PEOPLE, dtype=int),
        ids=list(ids),
        date=[str(day) for day in INDEX],
    )


def lenient(ask: Callable[[], Any]) -> Any:
    """Give the answer, or say that there is none: both must be invariant."""
    try:
        return ask()
    except TrialError as error:
        return type(error)


def answers(records: Records, assignment: Assignment | None = None) -> dict[str, Any]:
    """Give everything that an extract says of the people of a trial."""
    who = assignment or cohort()
    found: dict[str, Any] = {}
    for name, counting in (("proven", None), ("recorded", RECORDED)):
        how: dict[str, Any] = {} if counting is None else {"counting": counting}
        found[name] = lenient(lambda how=how: outcomes.proven_reoffending(records, who, **how))
        found[f"{name} change"] = lenient(
            lambda how=how: outcomes.change_in_offending(records, who, **how)
        )
        found[f"{name} first"] = lenient(
            lambda how=how: outcomes.time_to_reoffence(records, who, clock="street", **how)
        )
        found[f"{name} episodes"] = lenient(
            lambda how=how: outcomes.reoffence_episodes(records, who, **how)
        )
    found["street"] = outcomes.time_at_risk(records, who, clock="street")
    found["entrants"] = outcomes.first_time_entrants(records, who)
    found["contract"] = outcomes.on_contract_reoffending(records, who)
    found["needs"] = outcomes.pathway_scores(records, who)
    found["ages"] = lenient(lambda: outcomes.measured_by_age(records, who).to_numpy())
    return {name: plain(value) for name, value in found.items()}


def plain(value: Any) -> Any:
    """Arrays of an answer by field; names and the digest of the records are not part of it."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, type):
        return value
    fields = (name for name in value.__dataclass_fields__ if name not in ("provenance", "ids"))
    return {name: np.asarray(getattr(value, name)).astype(str).tolist() for name in fields}


@given(tables=extracts(), seed=st.integers(0, 99))
def test_the_order_of_rows_is_of_no_account(tables: Tables, seed: int) -> None:
    mixed = {name: shuffled(table, seed) for name, table in tables.items()}
    assert answers(read(mixed)) == answers(read(tables))


SPELLINGS: dict[str, Callable[[int], object]] = {
    "floats": float,
    "text": str,
    "padded": lambda who: f"{who:05d}",
    "others": lambda who: 10**12 - 7 * who,
    "words": lambda who: f"person {(who * 5) % 97}",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@settings(max_examples=12)
@given(tables=extracts())
def test_names_of_people_are_of_no_account(spelling: str, tables: Tables) -> None:
    """Numbers whole, whole but kept as 7.0, as text, or padded with noughts."""
    renamed = {
        name: table.assign(**{KEYS[name]: table[KEYS[name]].map(SPELLINGS[spelling])})
        if name in KEYS
        else table
        for name, table in tables.items()
    }
    who = cohort(
        [SPELLINGS[spelling](row) if spelling != "floats" else row for row in range(PEOPLE)]
    )
    assert answers(read(renamed), who) == answers(read(tables))


@pytest.mark.parametrize("spelling", SPELLINGS)
@settings(max_examples=12)
@given(tables=extracts())
def test_names_of_offences_are_of_no_account(spelling: str, tables: Tables) -> None:
    renamed = tables | {
        name: tables[name].assign(offence=tables[name]["offence"].map(SPELLINGS[spelling]))
        for name in ("offences", "disposals")
    }
    assert answers(read(renamed)) == answers(read(tables))


@pytest.mark.parametrize("library", [pl.from_pandas, pa.Table.from_pandas])
@settings(max_examples=15)
@given(tables=extracts())
def test_libraries_agree(library: Callable[..., Any], tables: Tables) -> None:
    """The digest covers every value of the records."""
    assert (
        read({name: library(table) for name, table in tables.items()}).digest == read(tables).digest
    )


def write(folder: Path, tables: Tables, parts: int) -> None:
    """One CSV for disposals and people, other tables as Parquet in so many parts."""
    for name, table in tables.items():
        if name in ("people", "disposals"):
            table.to_csv(folder / f"{name}.csv", index=False)
        elif parts == 1:
            pl.from_pandas(table, schema_overrides=TEXT).write_parquet(folder / f"{name}.parquet")
        else:
            (folder / name).mkdir()
            for part in range(parts):
                rows = table.iloc[part::parts]
                text = {key: kind for key, kind in TEXT.items() if key in table}
                pl.from_pandas(rows, schema_overrides=text).write_parquet(
                    folder / name / f"part-{part}.parquet"
                )


TEXT = {"date": pl.String, "start": pl.String, "end": pl.String, "code": pl.String,
        "kind": pl.String, "pathway": pl.String, "assessor": pl.String}  # fmt: skip


@settings(max_examples=20)
@given(tables=extracts(), parts=st.integers(1, 3), only=st.booleans())
def test_splitting_the_extract_is_of_no_account(tables: Tables, parts: int, only: bool) -> None:
    """CSV, Parquet, Parquet in parts, all people or only those of the trial: one answer."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), tables, parts)
        kept = np.array([str(row) for row in range(PEOPLE)]) if only else None
        found = Records.from_folder(folder, extract_date=EXTRACT, only=kept)
    due = answers(read(tables))
    assert answers(found) == due
    assert found.n == (PEOPLE if only else PEOPLE + 2)


@given(tables=extracts(), more=extracts())
def test_other_people_are_of_no_account(tables: Tables, more: Tables) -> None:
    """People beside the trial, with offences, custody and deaths of their own."""
    shift = {"person": 100, "id": 100, "offence": 1000}
    joined = {}
    for name, table in more.items():
        moved = table.assign(**{key: table[key] + by for key, by in shift.items() if key in table})
        joined[name] = pd.concat([moved, tables[name]], ignore_index=True).astype(
            tables[name].dtypes.to_dict()
        )
    assert answers(read(joined)) == answers(read(tables))


@given(tables=extracts(), months=st.integers(1, 24))
def test_what_is_proven_was_recorded(tables: Tables, months: int) -> None:
    records = read(tables)
    proven = outcomes.proven_reoffending(records, cohort(), months=months)
    recorded = outcomes.proven_reoffending(records, cohort(), months=months, counting=RECORDED)
    assert np.all((recorded.reoffences >= proven.reoffences)[~proven.missing])
    assert not np.any(recorded.missing & ~proven.missing)


@given(tables=extracts(), days=st.integers(0, 900), months=st.integers(1, 24))
def test_a_later_extract_loses_nothing(tables: Tables, days: int, months: int) -> None:
    """An extract of a day has only rows known by then; a later one has them too, and more."""
    day = str(FIRST + 500 + days)
    early = tables | {
        name: tables[name][tables[name]["date"] <= day] for name in ("offences", "disposals")
    }
    before = outcomes.proven_reoffending(read(early, day), cohort(), months=months)
    after = outcomes.proven_reoffending(read(tables), cohort(), months=months)
    known = ~before.missing
    assert not np.any(after.missing & known)
    assert np.array_equal(after.reoffences[known], before.reoffences[known])
    times = [
        outcomes.time_to_reoffence(read(*which), cohort()) for which in ((early, day), (tables,))
    ]
    assert np.all(times[1].event[times[0].event])
    assert np.all(times[1].time[times[0].event] <= times[0].time[times[0].event])


@given(tables=extracts(), months=st.integers(1, 30))
def test_the_street_is_no_longer_than_the_calendar(tables: Tables, months: int) -> None:
    records = read(tables)
    street, elapsed = (
        outcomes.time_at_risk(records, cohort(), months=months, clock=clock)
        for clock in ("street", "elapsed")
    )
    assert np.all(street <= elapsed)
    assert np.all(street >= 0)
    first = [
        outcomes.time_to_reoffence(records, cohort(), months=months, clock=clock)
        for clock in ("street", "elapsed")
    ]
    assert np.all(first[0].time <= first[1].time)
    assert np.array_equal(first[0].event, first[1].event)
    free = tables | {"custody": tables["custody"].head(0)}
    at_large = outcomes.time_at_risk(read(free), cohort(), months=months, clock="street")
    assert np.array_equal(at_large, elapsed)


@pytest.mark.parametrize("counting", [RECORDED, Counting()])
@given(tables=extracts(), months=st.integers(1, 30))
def test_episodes_counts_and_first_events_are_one_story(
    counting: Counting, tables: Tables, months: int
) -> None:
    """Offences after a departure are set aside: counts keep them, episodes end before."""
    gone = tables["deaths"].groupby("person")["date"].min()
    last = tables["offences"]["person"].map(gone).fillna("9999")
    offences = tables["offences"][tables["offences"]["date"] <= last]
    offences = offences.drop_duplicates(["person", "date"])  # no two on a day
    records, how = read(tables | {"offences": offences}), {"months": months, "counting": counting}
    counts = outcomes.reoffence_counts(records, cohort(), **how)
    episodes = outcomes.reoffence_episodes(records, cohort(), collapse="offence", **how)
    first = outcomes.time_to_reoffence(records, cohort(), **how)
    assert not counts.missing.any()
    events = np.bincount(episodes.person, weights=episodes.event, minlength=PEOPLE)
    length = np.bincount(episodes.person, weights=episodes.stop - episodes.start, minlength=PEOPLE)
    assert events.tolist() == counts.value.tolist()
    assert length.tolist() == counts.exposure.tolist()
    assert first.event.tolist() == (events > 0).tolist()
    table = episodes.to_frame()
    begun = table[table["event"]].groupby("person")["stop"].min()
    assert first.time[begun.index].tolist() == begun.tolist()
    assert np.all(table["stop"] > table["start"])


@given(tables=extracts())
def test_codes_part_the_offences(tables: Tables) -> None:
    """Thefts and frauds together are all offences, in number and in harm."""
    records = read(tables)
    every, *parts = (
        outcomes.proven_reoffending(records, cohort(), counting=Counting(codes=codes)).reoffences
        for codes in ((), CODES[:1], CODES[1:])
    )
    assert (parts[0] + parts[1]).tolist() == every.tolist()
    ones = outcomes.HarmWeights(
        name="one", version="1", source="none", weights=dict.fromkeys(CODES, 1)
    )
    assert outcomes.harm_days(records, cohort(), weights=ones).value.tolist() == every.tolist()
