"""Fidelity against counts by hand, what it refuses, and cohorts written to files and read back."""

from __future__ import annotations

import math
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import checkpoint_eval.cohort as cc
from checkpoint_eval import TrialError, UnknownColumn
from checkpoint_eval.cohort import Effect, Era, Scenario, fidelity, generate
from checkpoint_eval.outcomes import Records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCENARIO = Scenario(
    people=400,
    effect=Effect.constant(0.5),
    population=cc.Population(bands={"low": 0.3, "high": 0.7}),
    delivery=cc.Delivery(eras=(Era(to_prosecution=0.2, to_checkpoint=0.1),)),
)


@pytest.fixture(scope="module")
def cohort() -> cc.Cohort:
    return generate(SCENARIO, np.random.default_rng(8))


@pytest.fixture(scope="module")
def people(cohort: cc.Cohort) -> pd.DataFrame:
    return cohort.people


def one(cohort: cc.Cohort, measure: str, wanted: float = 0.0) -> cc.Margin:
    (margin,) = fidelity(cohort, {measure: wanted}).margins
    return margin


NEEDS = list(SCENARIO.population.needs)

COUNTED: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "suite=Durham": lambda p: p["suite"] == "Durham",
    "suite=Peterlee": lambda p: p["suite"] == "Peterlee",
    "band=low": lambda p: p["band"] == "low",
    "band=high": lambda p: p["band"] == "high",
    "female": lambda p: p["sex"] == "female",
    "no record": lambda p: p["record"] == 0,
    "mean record": lambda p: p.loc[p["record"] > 0, "record"],
    "need: health": lambda p: p["health"],
    "need: drugs and alcohol": lambda p: p["drugs and alcohol"],
    "more than one need": lambda p: p[NEEDS].sum(axis=1) > 1,
    "contract kept": lambda p: p["kept"].dropna(),
    "treated as assigned": lambda p: p["arm"] == p["received"],
}


@pytest.mark.parametrize("measure", COUNTED)
def test_a_share_or_mean_is_that_of_the_people(
    cohort: cc.Cohort, people: pd.DataFrame, measure: str
) -> None:
    counted = [float(value) for value in COUNTED[measure](people)]
    n, mean = len(counted), sum(counted) / len(counted)
    spread = math.sqrt(sum((value - mean) ** 2 for value in counted) / (n - 1))
    margin = one(cohort, measure, 0.25)
    assert margin.cohort == pytest.approx(mean)
    assert margin.std_error == pytest.approx(spread / math.sqrt(n))
    assert margin.difference == pytest.approx(mean - 0.25)
    assert margin.errors_away == pytest.approx((mean - 0.25) / (spread / math.sqrt(n)))
    assert margin.reference == 0.25


def test_ages_are_those_of_the_people(cohort: cc.Cohort, people: pd.DataFrame) -> None:
    ages = people["age"]  # rounded to two decimals
    assert one(cohort, "mean age").cohort == pytest.approx(ages.mean(), abs=0.01)
    assert one(cohort, "median age").cohort == pytest.approx(ages.median(), abs=0.01)
    assert one(cohort, "mean age").std_error == pytest.approx(ages.sem(), rel=1e-3)
    rng = np.random.default_rng(1)
    medians = np.median(rng.choice(ages.to_numpy(), (2000, len(ages))), axis=1)
    assert one(cohort, "median age").std_error == pytest.approx(medians.std(), rel=0.4)


@pytest.mark.parametrize("months", [1, 6, 12, 24, 30])
def test_a_risk_is_counted_from_the_histories_of_the_prosecuted(
    cohort: cc.Cohort, months: int
) -> None:
    histories = cohort.lives.histories
    days = round(months * 365 / 12)
    reoffended = {
        int(who) for who, day in zip(histories.person, histories.day[0], strict=True) if day <= days
    }
    share = len(reoffended) / cohort.n
    margin = one(cohort, f"risk at {months} months")
    assert margin.cohort == pytest.approx(share)
    wanted = math.sqrt(share * (1 - share) / (cohort.n - 1))
    assert margin.std_error == pytest.approx(wanted)


@pytest.mark.parametrize(("months", "days"), [(6, 182), (12, 365), (24, 730)])
def test_reoffences_a_reoffender_are_counted(cohort: cc.Cohort, months: int, days: int) -> None:
    histories = cohort.lives.histories
    number = pd.Series(histories.person[histories.day[0] <= days]).value_counts()
    margin = one(cohort, f"reoffences a reoffender at {months} months")
    assert margin.cohort == pytest.approx(number.mean())
    assert margin.std_error == pytest.approx(number.sem())


def test_reoffending_on_contract_is_that_of_those_who_received_it(
    cohort: cc.Cohort, people: pd.DataFrame
) -> None:
    first = cohort.lives.histories.first()[1]
    on_contract = first[(people["received"] == "checkpoint").to_numpy()] <= 122
    assert one(cohort, "reoffending on contract").cohort == pytest.approx(on_contract.mean())


def test_without_anyone_on_contract_there_is_no_share_of_them() -> None:
    none = cc.Delivery(eras=(Era(to_prosecution=1.0),))
    found = fidelity(
        generate(Scenario(people=50, delivery=none), np.random.default_rng(1)),
        {"reoffending on contract": 0.05, "contract kept": 0.7, "female": 0.2},
    )
    assert np.isnan([margin.cohort for margin in found.margins[:2]]).all()
    assert found.to_frame()["measure"].iloc[0] == "female"


@pytest.mark.parametrize(("left", "right"), [("age", "record"), ("record", "health")])
def test_a_rank_correlation_is_that_of_the_ranks(
    cohort: cc.Cohort, people: pd.DataFrame, left: str, right: str
) -> None:
    ranks = people[[left, right]].rank()
    margin = one(cohort, f"{left} ~ {right}")
    assert margin.cohort == pytest.approx(ranks[left].corr(ranks[right]), abs=1e-9)
    assert margin.std_error == pytest.approx(math.sqrt(1.06 / (cohort.n - 3)))
    assert one(cohort, f"{right} ~ {left}").cohort == pytest.approx(margin.cohort)


def test_women_can_be_ranked(cohort: cc.Cohort, people: pd.DataFrame) -> None:
    female = (people["sex"] == "female").rank()
    wanted = female.corr(people["record"].rank())
    assert one(cohort, "female ~ record").cohort == pytest.approx(wanted)


# References of every kind.


def test_a_scenario_states_its_margins(cohort: cc.Cohort) -> None:
    found = fidelity(cohort, SCENARIO)
    told = {margin.measure: margin.reference for margin in found.margins}
    wanted = {f"suite={name}": share for name, share in SCENARIO.suites.items()}
    wanted |= {"band=low": 0.3, "band=high": 0.7, "female": 0.2, "no record": 0.5}
    wanted |= {f"need: {need}": 0.4 for need in NEEDS}
    wanted |= {"risk at 6 months": 0.4, "risk at 12 months": 0.5, "risk at 24 months": 0.6}
    assert told == wanted
    assert found.not_compared == ()
    assert all(abs(margin.errors_away) < 4 for margin in found.margins)


def test_a_mapping_keeps_its_order_and_its_numbers(cohort: cc.Cohort) -> None:
    wanted = {"risk at 12 months": 0.5, "age ~ record": 0.1, "female": np.float64(0.2)}
    found = fidelity(cohort, wanted)
    assert [margin.measure for margin in found.margins] == list(wanted)
    assert [margin.reference for margin in found.margins] == [0.5, 0.1, 0.2]


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_cohort_is_like_its_own_people(cohort: cc.Cohort, people: Any, kind: str) -> None:
    table = people if kind == "pandas" else pl.from_pandas(people)
    found = fidelity(cohort, table)
    assert {"suite=Durham", "band=low", "sex=female", "mean age", "age ~ record"} <= {
        margin.measure for margin in found.margins
    }
    for margin in found.margins:
        assert margin.difference == pytest.approx(0, abs=1e-12)
    assert set(found.not_compared) == {
        *("id", "date", "arm", "received", "officer", "era", "navigator", "contacts", "kept"),
        "consents",
    }
    assert "0 farther than 3" in repr(found)


def test_a_table_is_counted_without_its_gaps(cohort: cc.Cohort, people: pd.DataFrame) -> None:
    table = pd.DataFrame(
        {
            "suite": ["Durham", "Durham", None, "Peterlee"],
            "age": [20.0, 30.0, 40.0, np.nan],
            "record": [0.0, 4.0, 2.0, 9.0],
            "shoe": [1, 2, 3, 4],
        }
    )
    found = fidelity(cohort, table)
    held = {margin.measure: margin for margin in found.margins}
    assert held["suite=Durham"].reference == pytest.approx(2 / 3)
    assert held["suite=Darlington"].reference == 0
    assert held["mean age"].reference == 30
    assert held["mean record"].reference == 3.75
    assert held["mean record"].cohort == pytest.approx(people["record"].mean())
    assert held["age ~ record"].reference == pytest.approx(0.5)  # ranks 1 2 3 and 1 3 2
    assert found.not_compared == ("shoe",)
    assert "not compared: shoe" in repr(found)


def test_a_table_of_pandas_and_one_of_polars_agree(cohort: cc.Cohort) -> None:
    table = {"sex": ["male", "female", None], "age": [20, 30, 45], "health": [0, 1, 1]}
    one, other = (fidelity(cohort, make(table)) for make in (pd.DataFrame, pl.DataFrame))
    assert one.margins == other.margins


# What is refused.


@pytest.mark.parametrize(
    ("measure", "near"),
    [
        ("femal", "'female'"),
        ("suite=durham", "'suite=Durham'"),
        ("need: helth", "'need: health'"),
        ("risk at 12 month", "'risk at 12 months'"),
        ("age ~ recor", "'record'"),
        ("ages ~ record", "'age'"),
    ],
)
def test_an_unknown_measure_lists_near_ones(cohort: cc.Cohort, measure: str, near: str) -> None:
    with pytest.raises(UnknownColumn, match=f"not known; did you mean.*{near}"):
        fidelity(cohort, {measure: 0.5})


@pytest.mark.parametrize(
    "measure", ["", "~", " ~ ", "age ~ suite", "risk at -1 months", "risk at 1.5 months"]
)
def test_what_is_no_measure_is_refused(cohort: cc.Cohort, measure: str) -> None:
    with pytest.raises(UnknownColumn, match="not known"):
        fidelity(cohort, {measure: 0.5})


def test_nobody_has_reoffended_at_0_months(cohort: cc.Cohort) -> None:
    margin = one(cohort, "risk at 0 months")
    assert (margin.cohort, margin.std_error, margin.errors_away) == (0, 0, 0)


@pytest.mark.parametrize("wanted", ["0.2", None, True, [0.2], 1j, math.nan, math.inf])
def test_a_reference_is_a_finite_number(cohort: cc.Cohort, wanted: Any) -> None:
    with pytest.raises(TrialError, match=r"`reference\['female'\]` must be a finite number"):
        fidelity(cohort, {"female": wanted})


@pytest.mark.parametrize("measure", [5, None, "age ~ record ~ female"])
def test_a_measure_is_text_of_one_pair(cohort: cc.Cohort, measure: Any) -> None:
    with pytest.raises(TrialError, match=r"`reference` names the measure.*one pair"):
        fidelity(cohort, {measure: 0.5})


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ({}, "`reference` names no measure"),
        (pd.DataFrame({"shoe": [1]}), "`reference` shares no column.*suite"),
        (pd.DataFrame(), "no rows"),
        (pd.DataFrame({"age": []}), "no rows"),
        (None, "must be a pandas, polars or pyarrow table"),
        ("people.csv", "must be a pandas, polars or pyarrow table"),
        (5, "must be a pandas, polars or pyarrow table"),
        (pd.DataFrame([[1, 2]], columns=["age", "age"]), "2 times"),
    ],
)
def test_what_compares_nothing_is_refused(cohort: cc.Cohort, reference: Any, says: str) -> None:
    with pytest.raises(TrialError, match=says):
        fidelity(cohort, reference)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (pd.DataFrame({"age": ["a", "b"]}), "'age' must hold numbers"),
        (pd.DataFrame({"age": [20.0, math.inf]}), "'age' must hold numbers"),
        (pd.DataFrame({"sex": [0, 1, 1]}), "'sex' must hold text such as '(fe)?male'"),
        (pd.DataFrame({"sex": [None, None]}), "'sex' has no value"),
    ],
)
def test_a_column_of_another_kind_is_refused(
    cohort: cc.Cohort, table: pd.DataFrame, says: str
) -> None:
    with pytest.raises(TrialError, match=f"`reference` column {says}"):
        fidelity(cohort, table)


@pytest.mark.parametrize(
    "table",
    [pd.DataFrame({"age": [20.0, 30.0], "record": 1}), pd.DataFrame({"age": [20.0], "record": 1})],
    ids=["a constant", "one row"],
)
def test_what_does_not_vary_has_no_rank_correlation(cohort: cc.Cohort, table: pd.DataFrame) -> None:
    held = {margin.measure: margin for margin in fidelity(cohort, table).margins}
    assert math.isnan(held["age ~ record"].reference)
    assert math.isnan(held["age ~ record"].errors_away)
    assert held["mean record"].reference == 1


def test_a_level_that_the_cohort_lacks_is_far_away(cohort: cc.Cohort) -> None:
    found = fidelity(cohort, pd.DataFrame({"suite": ["Leeds"] * 9 + ["Durham"]}))
    assert found.to_frame()["measure"].iloc[0] == "suite=Leeds"


def test_a_scenario_can_state_a_risk_at_six_years() -> None:
    scenario = Scenario(
        people=50,
        reoffending=cc.Reoffending(months=(12, 72), risks=(0.3, 0.5)),
        recording=cc.Recording(extract="2026-01-01"),
    )
    assert fidelity(generate(scenario, np.random.default_rng(1)), scenario).margins


def test_a_risk_the_extract_does_not_reach_is_not_compared() -> None:
    def compared(extract: str) -> cc.Fidelity:
        scenario = Scenario(people=2000, recording=cc.Recording(extract=extract))
        return fidelity(generate(scenario, np.random.default_rng(1)), scenario)

    # the last are randomised on 31 March 2018
    whole, cut = compared("2020-03-30"), compared("2020-03-29")
    late = "risk at 24 months"
    assert (whole.not_compared, cut.not_compared) == ((), (late,))
    assert {each.measure for each in whole.margins} - {each.measure for each in cut.margins} == {
        late
    }
    assert all(abs(each.errors_away) < 4 for each in whole.margins)
    assert f"not compared: {late}" in repr(cut)


def test_a_reference_of_risks_beyond_the_extract_alone_is_refused(cohort: cc.Cohort) -> None:
    with pytest.raises(TrialError):
        fidelity(cohort, {"risk at 999 months": 0.5})


# Tables.


def test_a_frame_has_the_farthest_first(cohort: cc.Cohort) -> None:
    share = one(cohort, "female")
    at = {
        "female": share.cohort + 5 * share.std_error,
        "no record": one(cohort, "no record").cohort,
        "mean age": one(cohort, "mean age").cohort - 9 * one(cohort, "mean age").std_error,
        "median age": one(cohort, "median age").cohort + one(cohort, "median age").std_error,
    }
    found = fidelity(cohort, at)
    frame = found.to_frame()
    assert list(frame["measure"]) == ["mean age", "female", "median age", "no record"]
    assert frame["errors_away"].tolist() == pytest.approx([9, -5, -1, 0], abs=1e-9)
    assert list(frame.index) == [0, 1, 2, 3]
    assert list(frame.columns) == [
        *("measure", "cohort", "reference", "std_error", "difference", "errors_away"),
    ]
    assert repr(found) == "Fidelity(4 measures, 2 farther than 3 standard errors)"


def test_what_has_no_error_is_exact_or_far_away() -> None:
    cohort = generate(Scenario(people=100), np.random.default_rng(1))
    exact, far = (one(cohort, "band=moderate", wanted) for wanted in (1.0, 0.9))
    assert (exact.cohort, exact.std_error, exact.errors_away) == (1, 0, 0)
    assert math.isinf(far.errors_away)
    found = fidelity(cohort, {"female": 0.2, "band=moderate": 0.9})
    assert found.to_frame()["measure"].iloc[0] == "band=moderate"
    assert "1 farther than 3" in repr(found)


def test_a_fidelity_changes_nothing_and_goes_through_pickle(cohort: cc.Cohort) -> None:
    found = fidelity(cohort, SCENARIO)
    back = pickle.loads(pickle.dumps(found))
    assert back.margins == found.margins
    with pytest.raises((AttributeError, TypeError)):
        found.margins = ()  # type: ignore[misc]
    assert fidelity(cohort, SCENARIO).margins == found.margins


# Files.


@pytest.mark.parametrize("dirty", [{}, {"repeated identifier": 3, "offence without a date": 5}])
@pytest.mark.parametrize("parquet", [False, True], ids=["CSV", "Parquet"])
def test_an_extract_written_to_files_is_read_back(
    tmp_path: Path, dirty: dict[str, int], *, parquet: bool
) -> None:
    scenario = Scenario(people=150, recording=cc.Recording(dirty=dirty))
    cohort = generate(scenario, np.random.default_rng(2))
    place = cohort.write(tmp_path / "deep" / "down", parquet=parquet)
    read = Records.from_folder(place, extract_date=scenario.recording.extract)
    assert read.digest == cohort.records().digest
    assert read.n == cohort.records().n
    suffix = "parquet" if parquet else "csv"
    names = sorted(path.name for path in place.iterdir())
    tables = ("custody", "deaths", "disposals", "offences", "pathways", "people", "trial")
    assert names == [f"{name}.{suffix}" for name in tables]
    trial = (pd.read_parquet if parquet else pd.read_csv)(place / f"trial.{suffix}")
    assert trial["id"].tolist() == cohort.people["id"].tolist()
    assert trial["arm"].tolist() == cohort.people["arm"].tolist()
    assert list(trial.columns) == list(cohort.people.columns)


def test_an_extract_in_parquet_is_read_without_a_warning(tmp_path: Path) -> None:
    cohort = generate(Scenario(people=150), np.random.default_rng(2))
    cohort.write(tmp_path, parquet=True)
    assert Records.from_folder(tmp_path, extract_date=cohort.scenario.recording.extract).n == 150


def test_writing_twice_is_the_same(tmp_path: Path) -> None:
    for seed in (1, 2):
        cohort = generate(Scenario(people=40), np.random.default_rng(seed))
        cohort.write(tmp_path)
    read = Records.from_folder(tmp_path, extract_date=cohort.scenario.recording.extract)
    assert read.digest == cohort.records().digest


def test_nothing_of_the_other_arm_is_written(tmp_path: Path) -> None:
    cohort = generate(SCENARIO, np.random.default_rng(3))
    cohort.write(tmp_path)
    offences = pd.read_csv(tmp_path / "offences.csv")
    after = cohort.lives.histories
    received = (cohort.people["received"] == "checkpoint").to_numpy().astype(int)
    day = after.day[received[after.person], np.arange(len(after.person))]
    happened = day < np.iinfo(np.int32).max
    index = cohort.people["date"].to_numpy().astype("datetime64[D]")
    lived = index[after.person[happened]] + day[happened].astype(int)
    known = pd.to_datetime(offences["date"]).to_numpy().astype("datetime64[D]")
    who = offences["person"].to_numpy() - 1
    later = known > index[who]
    written = set(zip(who[later].tolist(), known[later].tolist(), strict=True))
    assert written <= set(zip(after.person[happened].tolist(), lived.tolist(), strict=True))
    assert len(written) > 50


@pytest.mark.parametrize("wrong", [None, 5])
def test_a_folder_is_a_path(cohort: cc.Cohort, wrong: Any) -> None:
    with pytest.raises(TrialError, match="folder"):
        cohort.write(wrong)


def test_a_folder_that_is_a_file_is_refused(cohort: cc.Cohort, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(TrialError, match="file"):
        cohort.write(tmp_path / "file")
