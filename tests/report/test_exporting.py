"""Tables for other programs: what is read back is what was found, and columns do not change."""

import csv
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest

import checkpoint_eval as ce
from checkpoint_eval import report
from checkpoint_eval._tidy import COLUMNS, ESTIMATES_SCHEMA, MEANINGS, tidy_frame

# Whoever changes a column gives the schema its next number, and writes it here.
GOLDEN = {
    "checkpoint-eval/estimates/1": {
        "section": "text",
        "outcome": "text",
        "measure": "text",
        "treatment": "text",
        "control": "text",
        "analysis_set": "text",
        "adjusted_for": "text",
        "time_point": "number",
        "unit": "text",
        "scale": "text",
        "value": "number",
        "low": "number",
        "high": "number",
        "level": "number",
        "std_error": "number",
        "statistic": "number",
        "df": "number",
        "p_value": "number",
        "result_control": "number",
        "result_treatment": "number",
        "n_control": "count",
        "n_treatment": "count",
        "events_control": "count",
        "events_treatment": "count",
        "missing_control": "count",
        "missing_treatment": "count",
        "p_adjusted": "number",
        "planned": "flag",
        "confirmatory": "flag",
        "intercurrent": "text",
        "method": "text",
        "protocol_digest": "text",
        "data_digest": "text",
    }
}


def odd(evaluation: ce.Evaluation) -> ce.Evaluation:
    """The evaluation with what files are bad at: infinities, marks, text that looks like code."""
    first = evaluation.results[0]
    assert isinstance(first.value, ce.Estimate)
    strange = dataclasses.replace(
        first.value,
        outcome='=1+1, "quoted"\nin two lines; NA',
        value=1 / 3,
        low=-math.inf,
        high=math.inf,
        p_value=5e-324,
        events=(),
        missing=(1, 2),
        method="+cmd|' /C calc'!A0 – ünïcode \x07",
    )
    more = (dataclasses.replace(first, value=strange), *evaluation.results)
    return dataclasses.replace(evaluation, results=more)


def test_columns_change_only_with_the_version() -> None:
    assert GOLDEN[ESTIMATES_SCHEMA] == COLUMNS
    assert list(GOLDEN[ESTIMATES_SCHEMA]) == list(COLUMNS)
    assert set(MEANINGS) == set(COLUMNS)


def test_types_do_not_depend_on_what_was_found(evaluation: ce.Evaluation) -> None:
    bare = dataclasses.replace(evaluation, results=())
    for each in (bare, odd(evaluation)):
        assert each.to_frame().dtypes.equals(evaluation.to_frame().dtypes)
        assert list(each.to_frame().columns) == list(COLUMNS)
    kinds = {"number": "float64", "count": "Int64", "flag": "bool"}
    for name, kind in COLUMNS.items():
        if kind in kinds:
            assert evaluation.to_frame()[name].dtype == kinds[kind]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_estimates_read_back_to_the_last_bit(
    evaluation: ce.Evaluation, kind: str, tmp_path: Path
) -> None:
    for each in (evaluation, odd(evaluation), dataclasses.replace(evaluation, results=())):
        file = report.write_estimates(each, tmp_path / f"estimates.{kind}", disclosure=None)
        pd.testing.assert_frame_equal(report.read_estimates(file), each.to_frame())


def test_other_programs_read_the_same(evaluation: ce.Evaluation, tmp_path: Path) -> None:
    """pyarrow and the csv module see the values of the results themselves."""
    report.write_estimates(evaluation, tmp_path / "e.csv", disclosure=None)
    report.write_estimates(evaluation, tmp_path / "e.parquet", disclosure=None)
    table = pq.read_table(tmp_path / "e.parquet")
    assert table.schema.metadata == {
        b"schema": ESTIMATES_SCHEMA.encode(),
        b"disclosure": b"none: every count is told",
    }
    with (tmp_path / "e.csv").open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    for result, row, cells in zip(evaluation.results, table.to_pylist(), rows, strict=True):
        value = result.value
        assert cells["schema"] == ESTIMATES_SCHEMA
        assert (row["n_control"], row["n_treatment"]) == value.n
        assert float(cells["p_value"]) == row["p_value"] == value.p_value
        assert row["confirmatory"] is result.confirmatory
        if isinstance(value, ce.Estimate):
            assert float(cells["value"]) == row["value"] == value.value
            assert (row["treatment"], row["control"]) == value.contrast
            assert row["measure"] == value.estimand
        else:
            assert row["value"] is None
            assert cells["value"] == ""
            assert row["scale"] == "test"


def test_a_count_that_is_not_there_is_missing_and_not_zero(evaluation: ce.Evaluation) -> None:
    row = odd(evaluation).to_frame().iloc[0]
    assert row["events_control"] is pd.NA
    assert row["missing_treatment"] == 2
    several = tidy_frame([{"n_control": report.Withheld(below=10), "n_treatment": 40}])
    assert several["n_control"][0] is pd.NA
    assert several["n_treatment"][0] == 40


def test_several_treatment_arms_are_added_up() -> None:
    test = ce.SignificanceTest(
        test="log-rank test",
        outcome="y",
        analysis_set="itt",
        arms=("court", "a", "b"),
        statistic=3.0,
        df=2.0,
        p_value=0.2,
        method="m",
        n=(10, 11, 12),
        events=(1, 2, 4),
    )
    row = test.to_frame().iloc[0]
    assert (row["n_treatment"], row["events_treatment"], row["missing_treatment"]) == (23, 6, 0)
    assert (row["n_control"], row["events_control"], row["missing_control"]) == (10, 1, 0)
    assert (row["treatment"], row["control"], row["df"]) == ("a / b", "court", 2.0)


def test_files_that_cannot_be_read_are_refused(evaluation: ce.Evaluation, tmp_path: Path) -> None:
    with pytest.raises(ce.TrialError, match=r"must end in \.csv or \.parquet"):
        report.read_estimates(tmp_path / "e.xlsx")
    with pytest.raises(ce.TrialError, match="is not there"):
        report.read_estimates(tmp_path / "e.csv")
    with pytest.raises(ce.OutputRefused, match=r"must end in \.csv or \.parquet"):
        report.write_estimates(evaluation, tmp_path / "e.txt")
    for kind in ("csv", "parquet"):
        (tmp_path / f"other.{kind}").write_bytes(b"name,value\nAnn,3\n")
        with pytest.raises(ce.InvalidData, match=r"cannot be read|tells no schema"):
            report.read_estimates(tmp_path / f"other.{kind}")
        with pytest.raises(ce.OutputRefused, match="not a report of ours"):
            report.write_estimates(evaluation, tmp_path / f"other.{kind}")
    file = report.write_estimates(evaluation, tmp_path / "e.csv")
    file.write_text(file.read_text("utf-8").replace("estimates/1", "estimates/2"), "utf-8")
    with pytest.raises(ce.InvalidData, match=r"is 'checkpoint-eval/estimates/2', and this version"):
        report.read_estimates(file)
    wrong = file.read_text("utf-8").replace("estimates/2", "estimates/1").replace(",215,", ",x,", 1)
    file.write_text(wrong, "utf-8")
    with pytest.raises(ce.InvalidData, match="cannot be read as a table"):
        report.read_estimates(file)


SHEETS = ["headline", "flow", "baseline", "balance", "checks", "results", "curves", "provenance"]


@pytest.fixture(scope="module")
def book(evaluation: ce.Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("book") / "report.xlsx"
    return openpyxl.load_workbook(report.write_workbook(evaluation, path, disclosure=None))


def test_a_sheet_for_each_table(book: Any) -> None:
    assert book.sheetnames == SHEETS
    for sheet in book:
        assert sheet.freeze_panes == "A2"
        assert all(cell.font.b for cell in sheet[1])
        assert len(sheet.title) <= 31
        for column in sheet.columns:
            width = sheet.column_dimensions[column[0].column_letter].width
            assert 9 <= width <= 60
            assert width >= min(60, len(str(column[0].value)))


def test_cells_are_the_numbers_themselves(book: Any, evaluation: ce.Evaluation) -> None:
    rows = list(book["results"].iter_rows(values_only=True))
    head = {name: place for place, name in enumerate(rows[0])}
    for row, result in zip(rows[1:], evaluation.results, strict=True):
        value = result.value
        # A cell holds 16 digits, one fewer than it takes to tell every number apart.
        assert row[head["p_value"]] == pytest.approx(value.p_value, rel=1e-15)
        assert row[head["n_treatment"]] == value.n[1]
        assert isinstance(row[head["n_treatment"]], int)
        assert row[head["planned"]] is True
        if isinstance(value, ce.Estimate):
            assert row[head["value"]] == pytest.approx(value.value, rel=1e-15)
    curves = list(book["curves"].iter_rows(values_only=True))
    curve = evaluation.curves[0]
    assert len(curves) - 1 == curve.survival.size
    place = curves[0].index("survival")
    assert [row[place] for row in curves[1:]] == pytest.approx(curve.survival.ravel(), rel=1e-15)
    assert curves[1][0] == "rearrest"
    flow = [row for row in book["flow"].iter_rows(values_only=True) if row[0] == "randomised"]
    assert flow == [("randomised", 432, 216, 216)]
    told = dict(book["provenance"].iter_rows(values_only=True))
    assert told["data digest"] == evaluation.data_digest
    assert told["schema of results"] == ESTIMATES_SCHEMA
    assert told["disclosure control"] == "none: every count is told"


def test_text_is_never_a_formula(evaluation: ce.Evaluation, tmp_path: Path) -> None:
    path = report.write_workbook(odd(evaluation), tmp_path / "odd.xlsx", disclosure=None)
    sheet = openpyxl.load_workbook(path)["results"]
    cells = {sheet.cell(1, place).value: sheet.cell(2, place) for place in range(1, 33)}
    assert cells["outcome"].data_type == "s"
    assert cells["outcome"].quotePrefix
    assert cells["outcome"].value.startswith("=1+1")
    assert cells["method"].value == "+cmd|' /C calc'!A0 – ünïcode �"
    assert cells["method"].quotePrefix
    assert cells["low"].value == "-inf"
    assert cells["events_control"].value is None
    for each in openpyxl.load_workbook(path):
        assert not [cell for row in each.iter_rows() for cell in row if cell.data_type == "f"]


def test_sensitivity_and_parts_have_their_sheets(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    people = pd.DataFrame(
        {
            "arm": ["court", "contract"] * 60,
            "got": ["court", "contract"] * 55 + ["court"] * 10,
            "harm": np.where(np.arange(120) % 11 == 0, np.nan, rng.integers(0, 90, 120)),
        }
    )
    trial = ce.Trial.from_frame(
        people, arm="arm", control="court", received="got", numeric={"harm": "harm"}
    )
    found = ce.evaluate(trial)
    names = openpyxl.load_workbook(
        report.write_workbook(found, tmp_path / "r.xlsx", disclosure=None)
    ).sheetnames
    held = [
        name
        for name in ("sensitivity", "bounds", "integrity", "inequality", "deviations")
        if getattr(found, name)
    ]
    assert held  # the arm received and missing outcomes ask for some of these
    assert [name for name in names if name in held] == held


def test_a_workbook_that_is_not_ours_is_left_alone(
    evaluation: ce.Evaluation, tmp_path: Path
) -> None:
    theirs = openpyxl.Workbook()
    theirs.save(tmp_path / "budget.xlsx")
    before = (tmp_path / "budget.xlsx").read_bytes()
    with pytest.raises(ce.OutputRefused, match="not a report of ours"):
        report.write_workbook(evaluation, tmp_path / "budget.xlsx")
    (tmp_path / "text.xlsx").write_text("words")
    with pytest.raises(ce.OutputRefused, match="not a report of ours"):
        report.write_workbook(evaluation, tmp_path / "text.xlsx")
    assert (tmp_path / "budget.xlsx").read_bytes() == before
    with pytest.raises(ce.OutputRefused, match=r"must end in \.xlsx"):
        report.write_workbook(evaluation, tmp_path / "report.xls")
    report.write_workbook(evaluation, tmp_path / "report.xlsx")
    report.write_workbook(evaluation, tmp_path / "report.xlsx")


def small() -> ce.Evaluation:
    """Few events in an arm: 3 of 30 against 12 of 30."""
    moved = [1] * 3 + [0] * 27 + [1] * 12 + [0] * 18
    people = pd.DataFrame({"arm": [1] * 30 + [0] * 30, "moved": moved})
    return ce.evaluate(ce.Trial.from_frame(people, arm="arm", control=0, binary={"m": "moved"}))


def test_the_whole_folder_is_protected_unless_told_otherwise(tmp_path: Path) -> None:
    folder = report.write_folder(small(), tmp_path / "told", word=True, workbook=True)
    names = {path.name for path in folder.iterdir()}
    assert {"report.docx", "report.xlsx", "estimates.parquet"} <= names
    told = report.read_estimates(folder / "estimates.parquet")
    assert told["events_treatment"].isna().all()
    pd.testing.assert_frame_equal(told, report.read_estimates(folder / "estimates.csv"))
    sheet = openpyxl.load_workbook(folder / "report.xlsx")["results"]
    rows = list(sheet.iter_rows(values_only=True))
    assert {row[rows[0].index("events_treatment")] for row in rows[1:]} == {None}
    held = json.loads((folder / "evaluation.json").read_text("utf-8"))
    assert held["protected"] == {"threshold": 10, "round_to": 5}
    assert {each["events"][1] for each in held["results"] if each["events"]} == {None}
    open_one = report.write_folder(small(), tmp_path / "open", disclosure=None)
    assert not (open_one / "report.docx").exists()
    known = report.read_estimates(open_one / "estimates.csv")
    assert known["events_treatment"].dropna().eq(3).all()
    again = report.write_folder(small(), folder)  # what was asked for is ours too
    assert not (again / "report.xlsx").exists()
