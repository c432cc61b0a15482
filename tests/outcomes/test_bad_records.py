"""Extracts and questions that must be refused, or be missing; the message says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from small_extracts import RECORDED, cohort, records

import checkpoint_eval as ce
from checkpoint_eval import Assignment, outcomes
from checkpoint_eval.outcomes import Counting, HarmWeights, Records

if TYPE_CHECKING:
    from pathlib import Path

TABLES: dict[str, pd.DataFrame] = {
    "people": pd.DataFrame({"id": ["a", "b"], "born": ["1990-01-01", None]}),
    "offences": pd.DataFrame(
        {"person": ["a", "b"], "date": ["2016-05-01", "2016-06-01"], "offence": [1, 2],
         "code": ["theft", "fraud"], "recorded": ["2016-05-02", None]}
    ),
    "disposals": pd.DataFrame({"offence": [1], "date": ["2016-07-01"], "disposal": ["caution"]}),
    "custody": pd.DataFrame({"person": ["a"], "start": ["2016-07-01"], "end": ["2016-07-09"]}),
    "deaths": pd.DataFrame({"person": ["b"], "date": ["2019-07-01"]}),
    "pathways": pd.DataFrame(
        {"person": ["a"], "date": ["2016-02-01"], "pathway": ["drugs"], "score": [3.0]}
    ),
}  # fmt: skip
NEEDED = [
    ("people", "id"), ("offences", "person"), ("offences", "date"), ("disposals", "offence"),
    ("disposals", "date"), ("disposals", "disposal"), ("custody", "person"), ("custody", "start"),
    ("custody", "end"), ("deaths", "person"), ("deaths", "date"), ("pathways", "person"),
    ("pathways", "date"), ("pathways", "pathway"), ("pathways", "score"),
]  # fmt: skip
DATED = [
    ("people", "born"), ("offences", "date"), ("offences", "recorded"), ("disposals", "date"),
    ("custody", "start"), ("custody", "end"), ("deaths", "date"), ("pathways", "date"),
]  # fmt: skip
VERBS = [
    outcomes.proven_reoffending, outcomes.reoffence_counts, outcomes.time_to_reoffence,
    outcomes.reoffence_episodes, outcomes.time_at_risk, outcomes.first_time_entrants,
    outcomes.change_in_offending, outcomes.on_contract_reoffending, outcomes.pathway_scores,
]  # fmt: skip
PROVEN_VERBS = [*VERBS[:4], outcomes.first_time_entrants, outcomes.measured_by_age]
WEIGHTS = HarmWeights(name="mine", version="1", source="none", weights={"theft": 1})


def read(**tables: Any) -> Records:
    """The extract above with tables replaced, or left out when None."""
    given = {
        name: table
        for name, table in (TABLES | tables).items()
        if table is not None or name == "extract_date"
    }
    return Records.from_tables(**({"extract_date": "2021-01-01"} | given))


def with_value(table: str, column: str, value: object) -> dict[str, pd.DataFrame]:
    """One table with a value at row 0 replaced."""
    values = TABLES[table][column].astype(object)
    values.iloc[0] = value
    return {table: TABLES[table].assign(**{column: values})}


def test_the_unspoiled_extract_is_read() -> None:
    """Or every refusal below would be worthless."""
    given = read()
    assert (given.n, given.offences.size, given.disposals.size, given.custody.size) == (2, 2, 1, 1)
    for verb in VERBS:
        verb(given, cohort())


def test_an_assessor_who_was_named_is_there() -> None:
    names = {"pathways": {"assessor": "asessor"}}
    spoiled = {"pathways": TABLES["pathways"].assign(assesor="Ann")}
    with pytest.raises(ce.UnknownColumn, match=r"'asessor' is not in the table; did you mean 'ass"):
        read(**spoiled, names=names)
    with pytest.raises(ce.UnknownColumn, match=r"names 'assesor'; did you mean 'assessor'"):
        read(**spoiled, names={"pathways": {"assesor": "assesor"}})
    assert read(**spoiled).assessments.assessors == ()  # not named, it is a column of no account


def test_the_seal_of_records_without_assessors() -> None:
    """As it was before extracts could say who assessed; whoever did is sealed too."""
    both = ["a", "b"]
    tables: dict[str, Any] = {
        "people": pd.DataFrame({"id": both}),
        "offences": pd.DataFrame({"person": ["a"], "date": ["2016-09-01"]}),
        "extract_date": "2019-01-01",
    }
    needs = {"person": both, "date": ["2016-08-01"] * 2, "pathway": ["drugs", "home"]}
    frame = pd.DataFrame(needs | {"score": [1.0, 2.0]})
    plain = Records.from_tables(**tables, pathways=frame).digest
    assert plain == "82d5a24ed17a812c231f328c2e47e56ab02a76a37e3659249c4011a1774f48a6"
    others = {
        Records.from_tables(**tables, pathways=frame.assign(assessor=each)).digest
        for each in (["Ann", None], ["Ann", "Bob"], ["Bob", "Ann"], ["Ann", "Cas"], [None, None])
    }
    assert len(others | {plain}) == 6


@pytest.mark.parametrize(("table", "column"), NEEDED)
def test_a_column_that_is_missing(table: str, column: str) -> None:
    spoiled = {table: TABLES[table].rename(columns={column: column + "s"})}
    told = rf"{table} {column} column '{column}' is not in the table; did you mean '{column}s'"
    with pytest.raises(ce.UnknownColumn, match=told):
        read(**spoiled)
    with pytest.raises(ce.UnknownColumn, match=rf"'{column}' is not in the table"):
        read(**{table: TABLES[table].drop(columns=column)})
    renamed = read(**spoiled, names={table: {column: column + "s"}})
    assert renamed.digest == read().digest


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"offence": {"date": "d"}}, r"'offence'; did you mean 'offences'"),
        ({"offences": {"dat": "d"}}, r"'dat'; did you mean 'date'"),
        ({"offences": {"date": "dates"}}, r"'dates' is not in the table; did you mean 'date'"),
        ({"offences": {"code": "codes"}}, r"'codes' is not in the table; did you mean 'code'"),
    ],
)
def test_names_of_nothing(names: dict[str, dict[str, str]], told: str) -> None:
    with pytest.raises(ce.UnknownColumn, match=told):
        read(names=names)


BAD_DATES = ["31/01/2016", "01 May 2016", "2016-13-01", "2017-02-29", "2016-5-1", "2016/05/01",
             "20160501", 42491, 20160501, 4.5, True, "1899-12-30", "2999-01-01", "NA"]  # fmt: skip


@pytest.mark.parametrize("value", BAD_DATES)
@pytest.mark.parametrize(("table", "column"), DATED)
def test_a_date_that_is_none(table: str, column: str, value: object) -> None:
    with pytest.raises(ce.InvalidData, match=rf"{table} .*'{column}'.*row 0.*(write|leave)"):
        read(**with_value(table, column, value))


@pytest.mark.parametrize("value", ["2016", "2016-05", 2016, "today", "now", "2016-05-01 noon"])
def test_a_date_that_is_half_a_date(value: object) -> None:
    with pytest.raises(ce.InvalidData, match=r"row 0.*write dates as"):
        read(**with_value("offences", "date", value))


@pytest.mark.parametrize(("table", "column"), DATED)
def test_dates_written_as_numbers(table: str, column: str) -> None:
    """Days since 1900 as spreadsheets keep them, whole or not."""
    for values in ([42491], [42491.0]):
        numbers = TABLES[table].head(1).assign(**{column: values})
        with pytest.raises(ce.InvalidData, match=rf"'{column}' holds numbers; give dates"):
            read(**{table: numbers})


def test_dates_may_be_missing_where_rows_are() -> None:
    """An offence without a date lies in no window."""
    given = read(**with_value("offences", "date", None))
    found = outcomes.proven_reoffending(given, cohort(), counting=RECORDED)
    assert found.reoffences.tolist() == [0, 1]


@pytest.mark.parametrize("value", [None, "", pd.NaT, "31/01/2016", 5.5, True, ["2020-01-01"]])
def test_no_day_of_the_extract(value: object) -> None:
    with pytest.raises(ce.TrialError, match="`extract_date`"):
        read(extract_date=value)


@pytest.mark.parametrize("value", [20200101, "1899-12-30", "2999-12-31", "today", "2020"])
def test_a_day_of_the_extract_that_cannot_be(value: object) -> None:
    with pytest.raises(ce.TrialError, match="`extract_date`"):
        read(extract_date=value)


def test_identifiers_of_offences() -> None:
    offences = TABLES["offences"]
    with pytest.raises(ce.InvalidData, match=r"2 offences have no identifier; give their column"):
        read(offences=offences.drop(columns="offence"))
    assert read(offences=offences.drop(columns="offence"), disposals=None).offences.size == 2
    for repeated in ([1, 1], ["1", None]):
        with pytest.raises(ce.InvalidData, match=r"`offence` is missing or repeated at row 1"):
            read(offences=offences.assign(offence=repeated))
    with pytest.raises(ce.InvalidData, match=r"'id' is missing at row 0|`id` is missing at row 0"):
        read(people=pd.DataFrame({"id": [None, "b"]}))


def test_a_missing_number_identifies_nothing() -> None:
    """Pandas keeps whole numbers with gaps as floats, so this is how gaps arrive."""
    offences = TABLES["offences"].assign(offence=[1.0, np.nan])
    of_nothing = TABLES["disposals"].assign(offence=[np.nan])
    try:
        found = outcomes.proven_reoffending(read(offences=offences, disposals=of_nothing), cohort())
    except ce.InvalidData:
        return
    assert found.reoffences.tolist() == [0, 0]


def test_a_person_whose_number_is_missing() -> None:
    with pytest.raises(ce.InvalidData, match="`id` is missing at row 1"):
        read(people=pd.DataFrame({"id": [1.0, np.nan]}))


def test_an_unknown_identifier_is_nobodys() -> None:
    """Rows of nobody in the extract are kept, and count for nobody: the audit finds them."""
    given = read(**with_value("offences", "person", "ghost"))
    assert given.offences.person.tolist() == [-1, 1]
    assert outcomes.proven_reoffending(given, cohort()).reoffences.tolist() == [0, 0]


@pytest.mark.parametrize("verb", VERBS)
def test_an_assignment_without_people_or_days(verb: Any) -> None:
    how: dict[str, Any] = {"arm": [0, 1], "arms": ("court", "contract"), "stratum": [0, 0]}
    with pytest.raises(ce.TrialError, match="no `ids`"):
        verb(read(), Assignment(**how, date=["2016-03-01"] * 2))
    undated = Assignment(**how, ids=["a", "b"])
    with pytest.raises(ce.TrialError, match=r"no `date`.*give `index`"):
        verb(read(), undated)
    verb(read(), undated, index=["2016-03-01"] * 2, index_name="interview")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"index": ["2016-03-01"] * 2}, "say which in `index_name`"),
        ({"index": ["2016-03-01"], "index_name": "x"}, r"1 dates, 0 of them missing, for 2"),
        ({"index": ["2016-03-01", None], "index_name": "x"}, r"2 dates, 1 of them missing"),
        ({"index": ["2016-03-01", "31/01/2016"], "index_name": "x"}, "must hold dates such as"),
        ({"index_name": "x"}, "give `index` too"),
        ({"months": 0}, r"`months` must be a whole number of at least 1, got 0"),
        ({"months": -12}, r"`months` must be a whole number of at least 1, got -12"),
        ({"months": 1.5}, r"`months` must be a whole number of at least 1, got 1\.5"),
        ({"months": "12"}, r"`months` must be a whole number"),
        ({"months": True}, r"`months` must be a whole number"),
    ],
)
def test_questions_that_have_no_answer(verb: Any, how: dict[str, Any], told: str) -> None:
    with pytest.raises(ce.TrialError, match=told):
        verb(read(), cohort(), **how)


def test_index_days_that_are_numbers() -> None:
    with pytest.raises(ce.InvalidData, match="must hold dates such as"):
        outcomes.time_at_risk(read(), cohort(), index=[42491, 42492], index_name="interview")


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"wait": -1}, "`wait` must be a whole number of at least 0"),
        ({"wait": 1.5}, "`wait` must be a whole number of at least 0"),
        ({"codes": ("thefts",)}, r"'thefts' is not known; (did you mean|choose from) .*'theft'"),
        ({"codes": ("theft", "arson")}, r"offence code 'arson' is not known"),
        ({"proving": ("conviction",)}, r"No disposal is one of 'conviction'.*has 'caution'"),
    ],
)
def test_counting_what_is_not_there(how: dict[str, Any], told: str) -> None:
    with pytest.raises(ce.TrialError, match=told):
        outcomes.proven_reoffending(read(), cohort(), counting=Counting(**how))


def test_codes_of_an_extract_without_codes() -> None:
    given = read(offences=TABLES["offences"].drop(columns="code"))
    with pytest.raises(ce.TrialError, match=r"'theft' is not known"):
        outcomes.proven_reoffending(given, cohort(), counting=Counting(codes=("theft",)))
    with pytest.raises(ce.InvalidData, match=r"no `code`"):
        outcomes.severity(given, WEIGHTS)


def test_codes_without_a_weight_are_all_listed() -> None:
    given = records([("a", "2016-04-01", code) for code in ("fraud", "theft", "arson", None)])
    for ask in (
        lambda: outcomes.severity(given, WEIGHTS),
        lambda: outcomes.harm_days(given, cohort(), weights=WEIGHTS, counting=RECORDED),
    ):
        with pytest.raises(ce.InvalidData, match=r"1 offence without a code.*'arson', 'fraud'"):
            ask()


@pytest.mark.parametrize("weight", [-1, -0.001, np.nan, np.inf, "3", None])
def test_weights_that_weigh_nothing_sensible(weight: object) -> None:
    with pytest.raises(ce.TrialError, match=r"`weights\['theft'\]` must be finite and at least 0"):
        HarmWeights(name="mine", version="1", source="none", weights={"theft": weight})  # type: ignore[dict-item]


def test_the_street_clock_needs_custody() -> None:
    given = read(custody=None)
    for verb in (outcomes.reoffence_counts, outcomes.time_to_reoffence,
                 outcomes.reoffence_episodes, outcomes.time_at_risk):  # fmt: skip
        with pytest.raises(ce.TrialError, match=r"without custody.*use elapsed time"):
            verb(given, cohort(), clock="street")
        verb(read(custody=TABLES["custody"].head(0)), cohort(), clock="street")
        with pytest.raises(ce.TrialError, match="`clock` is 'free'; did you mean 'street'"):
            verb(given, cohort(), clock="free")  # type: ignore[arg-type]


@pytest.mark.parametrize("verb", PROVEN_VERBS)
def test_proof_needs_disposals(verb: Any) -> None:
    """A table that was not given is not a table without rows."""
    with pytest.raises(ce.TrialError, match="without disposals"):
        verb(read(disposals=None), cohort())
    verb(read(disposals=TABLES["disposals"].head(0)), cohort())


def test_other_refusals() -> None:
    with pytest.raises(ce.TrialError, match="without pathway assessments"):
        outcomes.pathway_scores(read(pathways=None), cohort())
    with pytest.raises(ce.UnknownColumn, match=r"'drug' is not known; did you mean 'drugs'"):
        outcomes.pathway_scores(read(), cohort(), pathways=["drug"])
    with pytest.raises(ce.TrialError, match="`earliest` must be a whole number of at least 1"):
        outcomes.pathway_scores(read(), cohort(), earliest=0)
    with pytest.raises(ce.TrialError, match="`ages` must be a whole number of at least 0"):
        outcomes.measured_by_age(read(), cohort(), ages=(-1, 3))
    with pytest.raises(ce.TrialError, match="must be a pandas, polars or pyarrow table, got list"):
        read(people=["a", "b"])
    with pytest.raises(ce.InvalidData, match=r"'score' must hold numbers, got 'high' at row 0"):
        read(**with_value("pathways", "score", "high"))


@pytest.mark.parametrize("verb", VERBS)
def test_no_offences(verb: Any) -> None:
    """Nothing recorded is an answer: nobody reoffended."""
    empty = {name: table.head(0) for name, table in TABLES.items() if name != "people"}
    found = verb(read(**empty), cohort())
    for field in ("reoffences", "value", "event", "after"):
        if isinstance(getattr(found, field, None), np.ndarray):
            assert not getattr(found, field).any()
    assert not np.any(getattr(found, "missing", False))


@pytest.mark.parametrize("verb", VERBS)
def test_nobody_in_the_extract(verb: Any) -> None:
    found = verb(read(people=TABLES["people"].head(0)), cohort())
    if isinstance(found, outcomes.PathwayScores):
        found = found.follow_up
    assert np.all(np.isnan(found) if isinstance(found, np.ndarray) else found.missing)


def write(folder: Path, **kinds: str) -> Path:
    """Write tables of the extract, each as it is asked for."""
    for name, kind in kinds.items():
        getattr(pl.from_pandas(TABLES[name]), f"write_{kind}")(folder / f"{name}.{kind}")
    return folder


def test_folders(tmp_path: Path) -> None:
    with pytest.raises(ce.InvalidData, match=r"absent is no folder; put people\.csv"):
        Records.from_folder(tmp_path / "absent", extract_date="2021-01-01")
    for missing, kinds in (("people", {}), ("offences", {"people": "csv"})):
        with pytest.raises(ce.InvalidData, match=f"`{missing}` is missing"):
            Records.from_folder(write(tmp_path, **kinds), extract_date="2021-01-01")
    write(tmp_path, offences="csv")
    assert Records.from_folder(tmp_path, extract_date="2021-01-01").given == ("people", "offences")
    write(tmp_path, offences="parquet")
    with pytest.raises(ce.InvalidData, match=r"offences\.parquet and as offences\.csv; keep one"):
        Records.from_folder(tmp_path, extract_date="2021-01-01")


def test_pathways_in_a_csv(tmp_path: Path) -> None:
    folder = write(tmp_path, people="csv", offences="csv", pathways="csv")
    given = Records.from_folder(folder, extract_date="2021-01-01")
    assert given.assessments.score.tolist() == [3.0]


def test_a_parquet_file_without_rows(tmp_path: Path) -> None:
    """As from tables: given, and empty."""
    write(tmp_path, people="csv", offences="csv")
    pl.from_pandas(TABLES["custody"]).head(0).write_parquet(tmp_path / "custody.parquet")
    given = Records.from_folder(tmp_path, extract_date="2021-01-01")
    assert "custody" in given.given
    assert given.custody.size == 0


def test_a_folder_without_parts(tmp_path: Path) -> None:
    (write(tmp_path, people="csv", offences="csv") / "disposals").mkdir()
    with pytest.raises(ce.InvalidData, match="disposals"):
        Records.from_folder(tmp_path, extract_date="2021-01-01")


@pytest.mark.parametrize(
    "ask",
    [
        lambda: outcomes.measured_by_age(read(), cohort(), ages=()),
        lambda: HarmWeights(name="m", version="1", source="none", weights=[1]),  # type: ignore[arg-type]
    ],
)
def test_arguments_of_the_wrong_kind(ask: Any) -> None:
    with pytest.raises(ce.TrialError):
        ask()


def test_only_one_name(tmp_path: Path) -> None:
    folder = write(tmp_path, people="csv", offences="parquet")
    with pytest.raises(ce.TrialError):
        Records.from_folder(folder, extract_date="2021-01-01", only="a")  # type: ignore[arg-type]
