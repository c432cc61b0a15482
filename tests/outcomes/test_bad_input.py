"""Tables that must be refused: the message names the column, the row and what to do."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import checkpoint_eval as ce

N = 20
ROW = 17


def people(**columns: object) -> pd.DataFrame:
    """Twenty people in two arms and two sites; keywords replace or add columns."""
    table: dict[str, object] = {
        "who": [f"p{i}" for i in range(N)],
        "arm": [0, 1] * 10,
        "week": [float(i + 1) for i in range(N)],
        "ev": [1, 1, 0, 1] * 5,
        "age": [20.0 + i % 7 for i in range(N)],
        "site": ["n", "n", "s", "s"] * 5,
        "any": [0, 1, 1, 0] * 5,
    }
    return pd.DataFrame(table | columns)


def spoiled(column: str, value: object) -> pd.DataFrame:
    """The same people with one value replaced at row 17."""
    table = people()
    values = table[column].astype(object)
    values.iloc[ROW] = value
    return table.assign(**{column: values})


def read(table: object, **options: Any) -> ce.Trial:
    """Read the trial with every kind of column in use."""
    columns: dict[str, Any] = {
        "arm": "arm",
        "control": 0,
        "id": "who",
        "strata": ["site"],
        "covariates": ["age"],
        "times": {"re": ("week", "ev", "weeks")},
        "binary": {"any": "any"},
    }
    return ce.Trial.from_frame(table, **(columns | options))


def test_the_unspoiled_table_is_read() -> None:
    """Or every refusal below would be worthless."""
    assert read(people()).n == N
    assert issubclass(ce.TrialError, ValueError)


ONE_VALUE = [
    ("arm", 2, r"'arm'.*2 \(first at row 17\).*correct"),
    ("arm", 0.5, r"'arm'.*0\.5 \(first at row 17\).*correct"),
    ("arm", "x", r"'arm'.*'x' \(first at row 17\).*correct"),
    ("arm", None, r"'arm' is missing at row 17.*find it"),
    ("arm", np.nan, r"'arm' is missing at row 17.*find it"),
    ("ev", 2, r"'ev' must hold 0/1.*got 2 at row 17.*code yes as 1"),
    ("ev", 0.5, r"'ev' must hold 0/1.*got 0\.5 at row 17.*code yes as 1"),
    ("ev", -1, r"'ev' must hold 0/1.*got -1 at row 17.*code yes as 1"),
    ("ev", np.inf, r"'ev' must hold 0/1.*got inf at row 17.*code yes as 1"),
    ("ev", "yes", r"'ev'.*got 'yes' at row 17.*(convert|code)"),
    ("ev", "1", r"'ev'.*got '1' at row 17.*(convert|code)"),
    ("ev", np.nan, r"'ev' is missing at row 17.*'week' is known.*find the value, or"),
    ("ev", None, r"'ev' is missing at row 17.*'week' is known.*find the value, or"),
    ("any", 2, r"'any' must hold 0/1.*got 2 at row 17.*code yes as 1"),
    ("any", 0.5, r"'any' must hold 0/1.*got 0\.5 at row 17.*code yes as 1"),
    ("any", "yes", r"'any'.*got 'yes' at row 17.*(convert|code)"),
    ("week", -1.0, r"'week' is -1 at row 17.*at least 0"),
    ("week", np.nan, r"'week' is missing at row 17.*'ev' is known.*find the value, or"),
    ("week", np.inf, r"'week' is inf at row 17.*finite"),
    ("week", -np.inf, r"'week' is -inf at row 17.*finite"),
    ("week", "soon", r"'week' must hold numbers, got 'soon' at row 17.*(convert|correct)"),
    ("week", dt.date(2020, 1, 1), r"'week' must hold numbers.*row 17.*(convert|correct)"),
    ("age", np.inf, r"'age' is infinite at row 17.*(mend|missing)"),
    ("age", "old", r"'age'.*'old'.*row 17"),
    ("site", None, r"'site' is missing at row 17.*find it"),
    ("who", "p3", r"'who' repeats 'p3' at rows 3 and 17.*one row a person"),
    ("who", None, r"'who' is missing at row 17.*identifier"),
    ("who", np.nan, r"'who' is missing at row 17.*identifier"),
    ("who", "", r"'who'.*row 17.*identifier"),
]


@pytest.mark.parametrize(("column", "value", "message"), ONE_VALUE)
def test_one_spoiled_value(column: str, value: object, message: str) -> None:
    """One value no trial can have, in row 17 of 20."""
    with pytest.raises(ce.TrialError, match=message):
        read(spoiled(column, value))


WHOLE_COLUMN = [
    ({"arm": [0] * N}, r"'arm'.*one arm.*a comparison needs two"),
    ({"arm": [1] * N}, r"`control` is 0.*'arm' holds 1.*row 0.*name the value"),
    ({"ev": [1, 2, 2, 1] * 5}, r"'ev' must hold 0/1.*got 2 at row 1 .*code yes as 1"),
    ({"any": [2, 1, 2, 1] * 5}, r"'any' must hold 0/1.*got 2 at row 0 .*code yes as 1"),
    ({"ev": ["yes", "no"] * 10}, r"'ev'.*got 'yes' at row 0.*(convert|code)"),
    ({"week": [str(i) for i in range(N)]}, r"'week' must hold numbers, got '0' at row 0.*convert"),
    ({"week": pd.date_range("2020-01-01", periods=N)}, r"'week' holds dates.*whole days between"),
    ({"week": pd.to_timedelta(np.arange(N), unit="D")}, r"'week' .*(give|convert).*days"),
    ({"age": [3.0] * N}, r"'age' is constant \(3\).*leave it out"),
    ({"age": [np.nan] * N}, r"'age' is missing for everyone.*leave it out"),
    ({"age": [np.nan] * (N - 1) + [3.0]}, r"'age' is constant \(3\).*leave it out"),
    ({"site": ["n", "s"] * 10}, r"Stratum 'site=[ns]' holds one arm only.*merge it"),
]


@pytest.mark.parametrize(("columns", "message"), WHOLE_COLUMN)
def test_spoiled_column(columns: dict[str, object], message: str) -> None:
    """A column that is wrong from top to bottom."""
    with pytest.raises(ce.TrialError, match=message):
        read(people(**columns))


def test_r_coding_is_not_guessed() -> None:
    """R reads 1/2 as censored/event if a 2 is about, else 1 as event: the same 1s flip."""
    with pytest.raises(ce.InvalidData, match=r"got 2 at row 17"):
        read(people(ev=[1] * ROW + [2, 1, 1]))
    everyone = read(people(ev=[1] * N)).outcome("re")
    assert isinstance(everyone, ce.TimeToEvent)
    assert everyone.event.all()


def test_no_rows() -> None:
    """An empty table, with and without columns."""
    with pytest.raises(ce.InvalidData, match=r"no rows.*at least one person in each arm"):
        read(people().iloc[:0])
    with pytest.raises(ce.TrialError):
        read(pd.DataFrame())


UNKNOWN = [
    ({"arm": "amr"}, r"'amr'.*did you mean 'arm'"),
    ({"id": "whoo"}, r"'whoo'.*did you mean 'who'"),
    ({"strata": ["sit"]}, r"'sit'.*did you mean 'site'"),
    ({"covariates": ["agee"]}, r"'agee'.*did you mean 'age'"),
    ({"times": {"re": ("weeek", "ev", "weeks")}}, r"'weeek'.*did you mean 'week'"),
    ({"times": {"re": ("week", "evv", "weeks")}}, r"'evv'.*did you mean 'ev'"),
    ({"binary": {"a": "anyy"}}, r"'anyy'.*did you mean 'any'"),
    ({"received": "armm"}, r"'armm'.*did you mean 'arm'"),
    ({"analysis_sets": {"a": "sitee"}}, r"'sitee'.*did you mean 'site'"),
    ({"factors": ["officer"]}, r"'officer'.*choose from 'who', 'arm'"),
]


@pytest.mark.parametrize(("options", "message"), UNKNOWN)
def test_unknown_column(options: dict[str, Any], message: str) -> None:
    """Whatever names the column, the near name is offered."""
    with pytest.raises(ce.UnknownColumn, match=message):
        read(people(), **options)


def test_messages_are_punctuated_once() -> None:
    """A question is not followed by a full stop."""
    with pytest.raises(ce.UnknownColumn) as caught:
        read(people(), arm="amr")
    assert "did you mean 'arm'?" in str(caught.value)
    assert not str(caught.value).endswith("?.")


@pytest.mark.parametrize("name", ["age", "arm", "week"])
def test_duplicated_column(name: str) -> None:
    """Two columns of one name, which pandas allows."""
    table = people(extra=1)
    table.columns = [*table.columns[:-1], name]
    with pytest.raises(ce.InvalidData, match=rf"'{name}' stands 2 times.*rename or drop"):
        read(table)


def test_third_label() -> None:
    """Undeclared, and outside a declaration."""
    labels = ["a", "b"] * 8 + ["a", "c", "a", "b"]
    with pytest.raises(ce.InvalidData, match=r"'arm'.*'c' \(first at row 17\).*declare all arms"):
        read(people(arm=labels), control="a")
    assert read(people(arm=labels), control="a", arms=("a", "b", "c"), strata=[]).n == N
    labels[ROW], labels[0], labels[2] = "d", "c", "a"
    with pytest.raises(ce.InvalidData, match=r"'arm' holds 'd' at row 17.*declare it in `arms`"):
        read(people(arm=labels), control="a", arms=("a", "b", "c"), strata=[])


ARMS = [
    ({"control": 7}, r"`control` is 7.*'arm' holds 0.*name the value"),
    ({"control": "0"}, r"`control` is '0'.*'arm' holds 0.*name the value"),
    ({"arms": (0, 0)}, r"`arms`.*two different labels"),
    ({"arms": (1, 2)}, r"`arms`.*`control` 0 among them"),
    ({"arms": (0, 1, 2)}, r"'2' has nobody"),
]


@pytest.mark.parametrize(("options", "message"), ARMS)
def test_arms_and_control(options: dict[str, Any], message: str) -> None:
    """Declarations that the column contradicts."""
    with pytest.raises(ce.TrialError, match=message):
        read(people(), **options)


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ("week", "did you mean 'weeks'"),
        ("Weeks", "did you mean 'weeks'"),
        ("fortnights", "choose from 'days', 'weeks', 'months', 'years'"),
        (7, "choose from 'days', 'weeks', 'months', 'years'"),
        (None, "choose from 'days', 'weeks', 'months', 'years'"),
    ],
)
def test_unknown_unit(unit: object, message: str) -> None:
    """A unit is stated, never guessed."""
    with pytest.raises(ce.TrialError, match=f"`unit`.*{message}"):
        read(people(), times={"re": ("week", "ev", unit)})


@pytest.mark.parametrize("entry", [("week", "ev"), "week", None, ("week", "ev", "weeks", "x", "y")])
def test_times_entry_of_the_wrong_shape(entry: object) -> None:
    """An outcome in time needs its three parts."""
    with pytest.raises(ce.TrialError, match=r"times\['re'\].*time column, event column, unit"):
        read(people(), times={"re": entry})


@pytest.mark.parametrize("option", ["times", "binary", "analysis_sets"])
def test_a_list_where_names_are_needed(option: str) -> None:
    """These are mappings from a name; a list has no names."""
    with pytest.raises(ce.TrialError, match=option):
        read(people(), **{option: ["week"]})


def test_one_name_for_two_outcomes() -> None:
    """Results could not be told apart."""
    with pytest.raises(ce.TrialError, match=r"'re' stands in both `times` and `binary`.*rename"):
        read(people(), binary={"re": "any"})


TABLES = [
    [[0, 1.0, 1]],
    [{"arm": 0, "week": 1.0}],
    people().to_dict("list"),
    np.zeros((4, 3)),
    people().to_records(index=False),
    people()["arm"],
    "people.csv",
    None,
]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: type(table).__name__)
def test_not_a_table(table: object) -> None:
    """Lists, dicts, arrays, one column, a path, nothing."""
    with pytest.raises(ce.TrialError, match=r"must be a pandas, polars or pyarrow table, got \w+"):
        read(table)


def test_lazy_polars() -> None:
    """A query not yet run; the remedy is polars' own."""
    lazy = pl.DataFrame(people().to_dict("list")).lazy()
    with pytest.raises(ce.TrialError, match=r"LazyFrame.*\.collect\(\)"):
        read(lazy)
    assert read(lazy.collect()).n == N


def test_received_and_analysis_sets() -> None:
    """Stray labels, half a membership, built-in names."""
    codes = [0, 1] * 8 + [0, 2, 0, 1]
    with pytest.raises(ce.InvalidData, match=r"'got' holds 2 at row 17.*correct it"):
        read(people(got=codes), received="got")
    with pytest.raises(ce.InvalidData, match=r"'in' must hold 0/1.*got 2 at row 17.*code yes"):
        read(people(**{"in": codes}), analysis_sets={"fit": "in"})
    holed = [1.0] * ROW + [np.nan, 0.0, 1.0]
    with pytest.raises(ce.InvalidData, match=r"'in' is missing at row 17"):
        read(people(**{"in": holed}), analysis_sets={"fit": "in"})
    for name in ("itt", "per-protocol", "as-treated"):
        with pytest.raises(ce.TrialError, match=f"'{name}' is built in.*another name"):
            read(people(fit=1), analysis_sets={name: "fit"})


def test_rows_are_counted_from_0_whatever_the_index() -> None:
    """Row 17 is the eighteenth line, not the label 17."""
    table = spoiled("week", -1.0)
    table.index = pd.Index(range(1000, 1000 + N))
    with pytest.raises(ce.InvalidData, match=r"row 17\b"):
        read(table)
    table.index = pd.Index([3] * N)
    with pytest.raises(ce.InvalidData, match=r"row 17\b"):
        read(table)


def test_polars_rows_are_named_too() -> None:
    """A null is a missing value there, a NaN as well."""
    table = pl.DataFrame(people().to_dict("list"))
    row = pl.int_range(pl.len()) == ROW
    for bad, message in [
        (pl.lit(-1.0), r"'week' is -1 at row 17"),
        (pl.lit(None), r"'week' is missing at row 17"),
        (pl.lit(float("nan")), r"'week' is (nan|missing) at row 17"),
    ]:
        spoilt = table.with_columns(pl.when(row).then(bad).otherwise(pl.col("week")).alias("week"))
        with pytest.raises(ce.InvalidData, match=message):
            read(spoilt)


NOUNS = [
    (lambda: ce.TimeToEvent(time=[1, -1], event=[True, False]), r"`time`.*got -1 at row 1"),
    (lambda: ce.TimeToEvent(time=[1, np.nan], event=[True, False]), r"`time`.*nan at row 1"),
    (lambda: ce.TimeToEvent(time=[1, np.inf], event=[True, False]), r"`time`.*inf at row 1"),
    (lambda: ce.TimeToEvent(time=[1, 2], event=[True]), r"`event`.*2 people"),
    (lambda: ce.TimeToEvent(time=[1, 2], event=[1, 2]), r"`event`.*got 2 at row 1"),
    (lambda: ce.TimeToEvent(time=[1], event=[1], unit="week"), r"`unit`.*'weeks'"),
    (lambda: ce.BinaryOutcome(value=[1, 2]), r"`value`.*got 2 at row 1"),
    (lambda: ce.Complete(counts=(2,)), r"`counts` needs people in at least two arms"),
    (lambda: ce.Complete(counts=(2, 0)), r"`counts` needs people in at least two arms, got .2, 0"),
    (lambda: ce.Complete(counts=(2, 1.5)), r"`counts`.*whole number.*got 1\.5"),
    (lambda: ce.Assignment(arm=[0, 1, 2], arms=("a", "b"), stratum=[0, 0, 0]), r"arm.*2"),
    (lambda: ce.Assignment(arm=[0, 1, -1], arms=("a", "b"), stratum=[0, 0, 0]), r"arm.*-1"),
    (lambda: ce.Assignment(arm=[0, 1], arms=("a", "b"), stratum=[0, 0, 0]), r"`stratum`"),
    (lambda: ce.Assignment(arm=[0, 0], arms=("a", "b"), stratum=[0, 0]), r"'b'.*nobody"),
]


@pytest.mark.parametrize(("make", "message"), NOUNS, ids=[case[1] for case in NOUNS])
def test_nouns_built_by_hand(make: Any, message: str) -> None:
    """The values behind a trial check themselves as well."""
    with pytest.raises(ce.TrialError, match=message):
        make()


@pytest.mark.parametrize("dtype", ["int64", "Int64", object], ids=str)
@pytest.mark.parametrize("role", ["strata", "covariates", "factors"])
def test_long_identifiers_are_refused_where_floats_would_merge_them(
    role: str, dtype: object
) -> None:
    """10^18 and 10^18 + 1 are one float: two suites would be one."""
    suite = pd.Series([10**18, 10**18, 10**18 + 1, 10**18 + 1] * 5).astype(dtype)  # type: ignore[call-overload]
    assert len(set(suite)) == 2
    with pytest.raises(ce.InvalidData, match="'suite' holds whole numbers of 16 digits"):
        read(people(suite=suite), **{role: ["suite"]})
    known = read(people(suite=suite.astype(str)), **{role: ["suite"]})
    assert known.n == N
