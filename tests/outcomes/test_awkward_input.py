"""Tables that look odd and must be read: types, indexes, nulls, names; nothing is mutated."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import checkpoint_eval as ce

if TYPE_CHECKING:
    from collections.abc import Callable

N = 20
BASE: dict[str, list[Any]] = {
    "who": [f"p{i}" for i in range(N)],
    "arm": [0, 1] * 10,
    "week": [float(i + 1) for i in range(N)],
    "ev": [1, 1, 0, 1] * 5,
    "age": [20.0 + i % 7 for i in range(N)],
    "site": ["n", "n", "s", "s"] * 5,
    "any": [0, 1, 1, 0] * 5,
}
COLUMNS: dict[str, Any] = {
    "arm": "arm",
    "control": 0,
    "id": "who",
    "strata": ["site"],
    "covariates": ["age"],
    "times": {"re": ("week", "ev", "weeks")},
    "binary": {"any": "any"},
}


def read(table: object, **options: Any) -> ce.Trial:
    """Read with every kind of column in use."""
    return ce.Trial.from_frame(table, **(COLUMNS | options))


def people(**columns: object) -> pd.DataFrame:
    """The same twenty people; keywords replace or add columns."""
    return pd.DataFrame(BASE | columns)


def results(trial: ce.Trial) -> tuple[float, ...]:
    """A few numbers that use every column."""
    hazard = ce.hazard_ratio(trial, outcome="re", adjust="age")
    risk = ce.risk_difference(trial, outcome="any", adjust="age")
    return (hazard.value, hazard.p_value, risk.value, risk.low)


PLAIN = results(read(people()))

TYPES = [
    ("arm", ["bool", "int8", "uint8", "float32", "Int64", "boolean", "category", "object"]),
    ("ev", ["bool", "int8", "uint8", "float64", "Int64", "boolean", "category", "object"]),
    ("any", ["bool", "int8", "float64", "Int64", "boolean", "category", "object"]),
    ("week", ["int8", "uint8", "int64", "float32", "Int64", "Float64", "object"]),
    ("age", ["int8", "int64", "float32", "Int64", "Float64", "object"]),
    ("site", ["category", "string", "object", "string[pyarrow]"]),
    ("who", ["category", "string", "object"]),
]


@pytest.mark.parametrize(
    ("column", "dtype"), [(column, dtype) for column, dtypes in TYPES for dtype in dtypes]
)
def test_column_types(column: str, dtype: str) -> None:
    """The values count, not how pandas stores them."""
    table = people()
    trial = read(table.assign(**{column: table[column].astype(dtype)}))
    assert results(trial) == PLAIN
    assert trial.digest == read(people()).digest


def test_int8_does_not_overflow() -> None:
    """Sums of 127 copies of 127 do not fit in the column's own type."""
    table = pd.DataFrame({"arm": [0, 1] * 60, "x": [126, 126, 127, 127] * 30, "week": [100] * 120})
    table["ev"] = [1, 0, 0, 1] * 30
    small = table.astype("int8")
    options: dict[str, Any] = {"arm": "arm", "control": 0, "covariates": ["x"]}
    options["times"] = {"re": ("week", "ev", "weeks")}
    wide, narrow = (ce.Trial.from_frame(t, **options) for t in (table, small))
    assert narrow.digest == wide.digest
    row = ce.standardised_differences(narrow).to_frame().iloc[0]
    assert row["mean_control"] == pytest.approx(126.5, rel=1e-15)


@pytest.mark.parametrize(
    "table",
    [
        pl.DataFrame(BASE),
        pa.table(BASE),
        pl.DataFrame(BASE).with_columns(pl.col("site").cast(pl.Categorical)),
        pl.DataFrame(BASE).with_columns(pl.col("arm", "ev", "any").cast(pl.Boolean)),
        pl.DataFrame(BASE).with_columns(pl.col("arm", "ev", "any", "week").cast(pl.Int8)),
        pa.table(BASE | {"site": pa.array(BASE["site"]).dictionary_encode()}),
    ],
    ids=["polars", "pyarrow", "polars categorical", "polars bool", "polars int8", "arrow dict"],
)
def test_other_tables(table: object) -> None:
    """Polars and arrow hold the same trial."""
    trial = read(table)
    assert results(trial) == PLAIN
    assert trial.digest == read(people()).digest


@pytest.mark.parametrize("dtype", ["float64", "Float64", "object", "polars", "arrow"])
def test_nulls_are_missing_outcomes_and_covariates(dtype: str) -> None:
    """Three people without an outcome, one of them and another without an age."""
    columns = {name: list(values) for name, values in BASE.items()}
    for row in (2, 3, 8):
        columns["week"][row] = columns["ev"][row] = None
    columns["any"][5] = None
    columns["age"][8] = columns["age"][9] = None
    table: Any
    if dtype == "polars":
        table = pl.DataFrame(columns)
    elif dtype == "arrow":
        table = pa.table(columns)
    else:
        table = pd.DataFrame(columns)
        for name in ("week", "ev", "any", "age"):
            table[name] = table[name].astype(dtype)
    trial = read(table)
    hazard = ce.hazard_ratio(trial, outcome="re")
    assert (hazard.n, hazard.missing) == ((8, 9), (2, 1))  # rows 2 and 8 are control, 3 treated
    adjusted = ce.hazard_ratio(trial, outcome="re", adjust="age")
    assert (adjusted.n, adjusted.missing) == ((8, 8), (2, 2))  # row 9 as well
    curve = ce.survival_curve(trial, outcome="re")
    assert curve.missing == (2, 1)
    assert curve.at_risk[:, 0].tolist() == [8, 9]
    assert ce.logrank_test(trial, outcome="re").missing == (2, 1)
    risk = ce.risk_difference(trial, outcome="any")
    assert (risk.n, risk.missing) == ((10, 9), (0, 1))
    adjusted_risk = ce.risk_difference(trial, outcome="any", adjust="age")
    assert (adjusted_risk.n, adjusted_risk.missing) == ((9, 8), (1, 2))
    assert trial.n == N


@pytest.mark.parametrize(
    "index",
    [[5] * N, list(range(100, 100 + N)), list("abcdefghijklmnopqrst"), list(range(N))[::-1]],
    ids=["all the same", "offset", "text", "reversed"],
)
def test_index_is_ignored(index: list[Any]) -> None:
    """The order of the rows counts, their labels never."""
    table = people()
    table.index = pd.Index(index)
    assert results(read(table)) == PLAIN


def test_a_sorted_or_filtered_frame() -> None:
    """What notebooks do before they call a library."""
    table = people(keep=[True] * N)
    shuffled = table.sample(frac=1, random_state=3)
    assert results(read(shuffled)) == pytest.approx(PLAIN, rel=1e-9)  # sums in another order
    doubled = pd.concat([table, table.assign(keep=False)])
    assert results(read(doubled[doubled["keep"]])) == PLAIN


def test_column_order() -> None:
    """Columns are found by name."""
    table = people()
    for order in (sorted(table.columns), list(table.columns)[::-1]):
        trial = read(table[order])
        assert results(trial) == PLAIN
        assert trial.digest == read(table).digest


def test_identifiers_keep_their_zeros() -> None:
    """`0007` and `7` are two people."""
    who = [f"{i:04d}" for i in range(N - 1)] + ["7"]
    assert read(people(who=who)).ids.tolist() == who
    assert read(people(who=range(N))).ids.tolist() == [str(i) for i in range(N)]


def test_names_beyond_ascii() -> None:
    """Columns, levels, labels and outcomes in other scripts."""
    table = people(site=["Ørsted", "Ørsted", "東京", "東京"] * 5)
    table["arm"] = np.where(table["arm"] == 1, "bedømt – ja", "straf")
    table = table.rename(
        columns={"arm": "bras é", "week": "неделя", "age": "年齢", "site": "Ort ß"}
    )
    trial = ce.Trial.from_frame(
        table,
        arm="bras é",
        control="straf",
        strata=["Ort ß"],
        covariates=["年齢"],
        times={"récidive": ("неделя", "ev", "weeks")},
    )
    assert trial.arms == ("straf", "bedømt – ja")
    got = ce.hazard_ratio(trial, outcome="récidive", adjust="年齢")
    assert got.value == PLAIN[0]
    assert got.outcome == "récidive"
    with pytest.raises(ce.UnknownColumn, match="'récidive'"):
        ce.hazard_ratio(trial, outcome="recidive")


def test_ten_thousand_strata() -> None:
    """One pair a stratum: the log-rank test is then McNemar's on who goes first."""
    strata = 10_000
    rng = np.random.default_rng(7)
    first = rng.integers(0, 2, strata)  # 1: the treated person of the pair goes first
    week = np.column_stack([1 + first, 2 - first]).ravel()  # control, treated
    table = pd.DataFrame(
        {
            "arm": np.tile([0, 1], strata),
            "pair": np.repeat([f"s{i}" for i in range(strata)], 2),
            "week": week,
            "ev": 1,
        }
    )
    trial = ce.Trial.from_frame(
        table, arm="arm", control=0, strata=["pair"], times={"re": ("week", "ev", "weeks")}
    )
    assert len(trial.assignment.strata) == strata
    b = int(first.sum())
    expected = (b - strata / 2) / np.sqrt(strata / 4)  # O - E, V = 1/4 from each first event
    assert ce.logrank_test(trial, outcome="re").statistic == pytest.approx(expected, rel=1e-9)
    hazard = ce.hazard_ratio(trial, outcome="re")  # conditional likelihood: b wins, the rest lost
    assert hazard.value == pytest.approx(b / (strata - b), rel=1e-7)


def test_reading_many_strata_is_not_quadratic() -> None:
    """Four times the strata may not take sixteen times as long."""
    profile = pytest.importorskip("cProfile")
    pstats = pytest.importorskip("pstats")
    calls = []
    for strata in (200, 800):
        table = pd.DataFrame(
            {
                "arm": np.tile([0, 1], strata),
                "pair": np.repeat([f"s{i}" for i in range(strata)], 2),
                "any": np.tile([0, 1, 1, 0], strata // 2),
            }
        )
        watch = profile.Profile()
        watch.runcall(
            ce.Trial.from_frame, table, arm="arm", control=0, strata=["pair"], binary={"a": "any"}
        )
        calls.append(pstats.Stats(watch).total_calls)
    assert calls[1] < 8 * calls[0]  # linear is 4, quadratic 16; counts of calls, not time


def test_read_only_inputs() -> None:
    """Memory-mapped or shared columns cannot be written to."""
    week = np.arange(1.0, N + 1)
    arm = np.tile([0, 1], 10)
    for values in (week, arm):
        values.setflags(write=False)
    assert results(read(people(week=week, arm=arm))) == PLAIN
    outcome = ce.TimeToEvent(time=week, event=np.ones(N, bool))
    assert outcome.time.tolist() == week.tolist()


def test_inputs_are_not_mutated_and_not_shared() -> None:
    """Reading leaves the table as it was; changing the table later leaves the trial as it was."""
    week = np.arange(1.0, N + 1)
    table = pd.DataFrame(BASE | {"week": week}, copy=False)
    before = table.copy(deep=True)
    strata, times = ["site"], {"re": ("week", "ev", "weeks")}
    trial = read(table, strata=strata, times=times)
    digest = trial.digest
    results(trial)
    ce.standardised_differences(trial)
    ce.randomisation_test(trial, outcome="re", draws=19, rng=np.random.default_rng(1))
    pd.testing.assert_frame_equal(table, before)
    assert (strata, times) == (["site"], {"re": ("week", "ev", "weeks")})
    table.loc[:, "week"] = 1.0
    week[:] = 99.0
    strata.append("age")
    times["other"] = ("week", "ev", "weeks")
    assert trial.digest == digest
    assert results(trial) == PLAIN


def frozen_values() -> list[object]:
    """One of each noun and result."""
    trial = read(people())
    curve = ce.survival_curve(trial, outcome="re")
    return [
        trial,
        trial.assignment,
        trial.outcome("re"),
        trial.outcome("any"),
        trial.column("age"),
        curve,
        ce.models.survival_quantiles(curve),
        ce.models.fit_cox(trial, outcome="re", adjust="age"),
        ce.hazard_ratio(trial, outcome="re"),
        ce.logrank_test(trial, outcome="re"),
        ce.standardised_differences(trial),
        ce.standardised_differences(trial).rows[0],
        ce.flow(trial),
        ce.flow(trial).steps[0],
        ce.FlemingHarrington(rho=1),
        ce.Complete(counts=(2, 2)),
        ce.load_rossi().protocol,
        ce.design.Screening(assessed=9, excluded={"refused": 3}),
    ]


@pytest.mark.parametrize("value", frozen_values(), ids=lambda value: type(value).__name__)
def test_nouns_and_results_are_frozen(value: Any) -> None:
    """No field can be set, no array written, no mapping changed."""
    for field in dataclasses.fields(value):
        content = getattr(value, field.name)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, content)
        with pytest.raises(dataclasses.FrozenInstanceError):
            delattr(value, field.name)
        if isinstance(content, np.ndarray):
            assert not content.flags.writeable, field.name
        assert not isinstance(content, dict | list | set), field.name
        if hasattr(content, "keys"):
            with pytest.raises(TypeError):
                content["new"] = 1


WRITES: list[Callable[[ce.Trial], None]] = [
    lambda trial: trial.assignment.arm.__setitem__(0, 1),
    lambda trial: trial.ids.__setitem__(0, "z"),
    lambda trial: ce.survival_curve(trial, outcome="re").survival.__setitem__((0, 0), 2.0),
    lambda trial: ce.models.fit_cox(trial, outcome="re").covariance.__setitem__((0, 0), 2.0),
]


@pytest.mark.parametrize("write", WRITES)
def test_arrays_are_read_only(write: Callable[[ce.Trial], None]) -> None:
    """Numpy's own error, as for any read-only array."""
    with pytest.raises(ValueError, match="read-only"):
        write(read(people()))
