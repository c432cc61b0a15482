"""One table, however it is held in memory, is one trial: the same digest, or the same refusal."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import checkpoint_eval as ce

PEOPLE = 60
NUMBERS = range(PEOPLE)
# As plain Python: None where a value is missing.
PLAIN: dict[str, list[Any]] = {
    "who": [f"p{place:03d}" for place in NUMBERS],
    "arm": ["contract" if place % 2 else "court" for place in NUMBERS],
    "got": [None if place % 17 == 0 else "contract" if place % 2 else "court" for place in NUMBERS],
    "suite": [["Durham", "Peterlee", "Darlington"][place % 3] for place in NUMBERS],
    "sex": [None if place % 13 == 0 else "fm"[place % 5 < 2] for place in NUMBERS],
    "age": [None if place % 11 == 0 else 18 + place % 40 for place in NUMBERS],
    "prior": [None if place % 9 == 0 else place / 7 for place in NUMBERS],
    "days": [None if place % 10 == 0 else place + 1 for place in NUMBERS],
    "again": [None if place % 10 == 0 else bool(place % 3 == 0) for place in NUMBERS],
    "moved": [int(place % 4 == 0) for place in NUMBERS],
    "harm": [None if place % 8 == 0 else 1.5 * place for place in NUMBERS],
    "offences": [place % 3 for place in NUMBERS],
    "local": [place % 6 > 0 for place in NUMBERS],
    "when": [f"2019-{1 + place % 12:02d}-{1 + place // 12:02d}" for place in NUMBERS],
}
ROLES: dict[str, Any] = {
    "arm": "arm",
    "control": "court",
    "id": "who",
    "strata": ["suite"],
    "covariates": ["sex", "age", "prior"],
    "received": "got",
    "times": {"reoffence": ("days", "again", "days")},
    "binary": {"moved": "moved"},
    "numeric": {"harm": "harm"},
    "counts": {"offences": ("offences", None, "years")},
    "analysis_sets": {"local": "local"},
    "rule": ce.Stratified(rule=ce.Complete(counts=(10, 10)), by="suite"),
    "order": "when",
}


def plain_pandas() -> pd.DataFrame:
    """numpy columns: NaN and None, text as objects."""
    frame = pd.DataFrame(PLAIN)
    return frame.assign(when=pd.to_datetime(frame["when"]))


def nullable_pandas() -> pd.DataFrame:
    """pandas' own integers, booleans and strings, with NA."""
    frame = pd.DataFrame(PLAIN).convert_dtypes()
    assert {"Int64", "boolean", "string"} <= set(map(str, frame.dtypes))
    return frame.assign(when=pd.to_datetime(frame["when"].astype(str)))


def categorical_pandas() -> pd.DataFrame:
    """Categories in another order, and one that nobody has."""
    frame = plain_pandas()
    for name in ("arm", "got", "suite", "sex"):
        levels = sorted({each for each in PLAIN[name] if each}, reverse=True)
        spare = [] if name in ("arm", "got") else ["nobody's"]
        frame[name] = pd.Categorical(frame[name], categories=[*levels, *spare])
    return frame


def arrow_pandas() -> pd.DataFrame:
    """pandas over pyarrow."""
    return table().to_pandas(types_mapper=pd.ArrowDtype)


def arrow_categories() -> pd.DataFrame:
    """pandas over pyarrow's dictionaries."""
    return dictionaries().to_pandas(types_mapper=pd.ArrowDtype)


def other_index() -> pd.DataFrame:
    """An index that is not the row."""
    return plain_pandas().set_index(pd.Index([3 * place for place in reversed(NUMBERS)]))


def dated() -> pl.Expr:
    return pl.col("when").str.to_date()


def polars() -> pl.DataFrame:
    return pl.DataFrame(PLAIN).with_columns(dated())


def polars_categories() -> pl.DataFrame:
    names = ["arm", "got", "suite", "sex"]
    suites = pl.Enum(["Peterlee", "Darlington", "Durham", "nobody's"])
    return polars().with_columns(
        pl.col("arm", "got", "sex").cast(pl.Categorical), pl.col("suite").cast(suites)
    )[[*names, *(name for name in PLAIN if name not in names)]]  # columns in another order


def polars_small() -> pl.DataFrame:
    """Narrow numbers."""
    return polars().with_columns(
        pl.col("age", "offences", "moved").cast(pl.Int8), pl.col("days").cast(pl.UInt16)
    )


def polars_chunks() -> pl.DataFrame:
    whole = polars()
    return pl.concat([whole[:7], whole[7:40], whole[40:]], rechunk=False)


def table() -> pa.Table:
    held = pa.table(PLAIN)
    days = pa.array([pd.Timestamp(each).date() for each in PLAIN["when"]], type=pa.date32())
    return held.set_column(held.column_names.index("when"), "when", days)


def large_strings() -> pa.Table:
    held = table()
    fields = [
        field.with_type(pa.large_string()) if pa.types.is_string(field.type) else field
        for field in held.schema
    ]
    return held.cast(pa.schema(fields))


def dictionaries() -> pa.Table:
    held = table()
    for name in ("arm", "got", "suite", "sex"):
        place = held.column_names.index(name)
        held = held.set_column(place, name, held[name].dictionary_encode())
    return held


def chunks() -> pa.Table:
    held = table()
    return pa.concat_tables([held[:5], held[5:33], held[33:]])


def dictionary_chunks() -> pa.Table:
    """Each chunk with a dictionary of its own."""
    parts = [table()[:5], table()[5:33], table()[33:]]
    coded = []
    for part in parts:
        place = part.column_names.index("suite")
        coded.append(part.set_column(place, "suite", part["suite"].dictionary_encode()))
    return pa.concat_tables(coded)


def dictionary_numbers() -> pa.Table:
    held = table()
    for name in ("age", "days", "moved"):
        place = held.column_names.index(name)
        held = held.set_column(place, name, held[name].dictionary_encode())
    return held


HELD: dict[str, Callable[[], object]] = {
    "nullable pandas": nullable_pandas,
    "categorical pandas": categorical_pandas,
    "pandas over arrow": arrow_pandas,
    "pandas over dictionaries": arrow_categories,
    "another index": other_index,
    "polars": polars,
    "polars categories": polars_categories,
    "polars, narrow numbers": polars_small,
    "polars in chunks": polars_chunks,
    "pyarrow": table,
    "large strings": large_strings,
    "dictionaries": dictionaries,
    "dictionaries in chunks": dictionary_chunks,
    "dictionaries of numbers": dictionary_numbers,
    "pyarrow in chunks": chunks,
}


@pytest.fixture(scope="module")
def wanted() -> ce.Trial:
    return ce.Trial.from_frame(plain_pandas(), **ROLES)


def test_the_trial_holds_what_the_table_said(wanted: ce.Trial) -> None:
    """By hand, once: the other tables need only agree with this one."""
    assert wanted.n == PEOPLE
    assert wanted.arms == ("court", "contract")
    assert wanted.columns["suite"].levels == ("Darlington", "Durham", "Peterlee")
    assert int(wanted.columns["sex"].missing.sum()) == 5  # 0, 13, 26, 39, 52
    assert wanted.columns["age"].values[1] == 19
    assert int(wanted.outcome("reoffence").missing.sum()) == 6
    assert int((wanted.received < 0).sum()) == 4  # 0, 17, 34, 51
    assert wanted.sets["local"].sum() == 50


@pytest.mark.parametrize("name", HELD)
def test_the_same_digest(name: str, wanted: ce.Trial) -> None:
    found = ce.Trial.from_frame(HELD[name](), **ROLES)
    assert found.ids.tolist() == wanted.ids.tolist()
    for column in wanted.columns:
        assert found.columns[column].levels == wanted.columns[column].levels, column
    assert found.assignment.arrival.tolist() == wanted.assignment.arrival.tolist()
    assert found.digest == wanted.digest


@pytest.mark.parametrize("name", HELD)
def test_the_same_answer(name: str, wanted: ce.Trial) -> None:
    found = ce.Trial.from_frame(HELD[name](), **ROLES)
    asked = {"outcome": "reoffence"}
    assert ce.logrank_test(found, **asked) == ce.logrank_test(wanted, **asked)


@pytest.mark.parametrize("name", HELD)
def test_the_same_refusal(name: str) -> None:
    """Errors name the column, the row and the person alike."""
    wrong = {**ROLES, "binary": {"moved": "age"}}
    wrong["covariates"] = ["sex", "prior"]
    with pytest.raises(ce.InvalidData) as expected:
        ce.Trial.from_frame(plain_pandas(), **wrong)
    with pytest.raises(ce.InvalidData) as found:
        ce.Trial.from_frame(HELD[name](), **wrong)
    assert str(found.value) == str(expected.value)
    with pytest.raises(ce.UnknownColumn, match="did you mean 'suite'"):
        ce.Trial.from_frame(HELD[name](), **{**ROLES, "rule": None, "strata": ["suit"]})


def test_a_change_of_one_value_is_seen(wanted: ce.Trial) -> None:
    changed = polars().with_columns(
        pl.when(pl.col("who") == "p007").then(99).otherwise(pl.col("age")).alias("age")
    )
    assert ce.Trial.from_frame(changed, **ROLES).digest != wanted.digest


def test_a_lazy_table_says_how_to_read_it() -> None:
    with pytest.raises(ce.TrialError, match=r"lazy .*\.collect\(\)"):
        ce.Trial.from_frame(polars().lazy(), **ROLES)
