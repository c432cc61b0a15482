"""Files that were spoiled, belong to others or are read alone: nothing wrong is read in silence."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import checkpoint_eval as ce
from checkpoint_eval import report
from checkpoint_eval._tidy import ESTIMATES_SCHEMA
from checkpoint_eval.report.rendering import draw_all
from checkpoint_eval.report.undating import undated

if TYPE_CHECKING:
    from pathlib import Path


def evaluated(names: tuple[str, ...] = ("any",)) -> ce.Evaluation:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"arm": np.arange(120) % 2, "week": rng.integers(1, 50, 120)})
    frame = frame.assign(event=rng.random(120) < 0.5)
    times = dict.fromkeys(names, ("week", "event", "weeks"))
    return ce.evaluate(ce.Trial.from_frame(frame, arm="arm", control=0, times=times), progress=iter)


@pytest.fixture(scope="module")
def whole() -> ce.Evaluation:
    return evaluated()


@pytest.fixture
def csv_file(whole: ce.Evaluation, tmp_path: Path) -> Path:
    return report.write_estimates(whole, tmp_path / "e.csv")


def test_a_table_a_spreadsheet_saved_again_reads_the_same(csv_file: Path) -> None:
    """With a mark in front, TRUE for True, other line ends and another order of columns."""
    before = report.read_estimates(csv_file)
    frame = pd.read_csv(csv_file, dtype=str, keep_default_na=False)
    frame = frame.replace({"True": "TRUE", "False": "FALSE"})[[*frame.columns[::-1]]]
    frame.to_csv(csv_file, index=False, encoding="utf-8-sig", lineterminator="\r\n")
    pd.testing.assert_frame_equal(report.read_estimates(csv_file), before)


def test_a_table_without_rows_reads_back(whole: ce.Evaluation, tmp_path: Path) -> None:
    bare = replace(whole, results=(), sensitivity=())
    file = report.write_estimates(bare, tmp_path / "none.csv")
    assert report.read_estimates(file).empty
    assert report.write_estimates(whole, file) == file  # ours, so it is replaced


SPOILED = [
    (",False,", ",perhaps,", "cannot be read as a table"),
    ("section,", "outcome,", "cannot be read as a table"),
    ("outcome,", "outcome,outcome,", "tells no schema|cannot be read"),
    (",60,", ",60.5,", "cannot be read as a table"),
    (",60,", f",{10**30},", "cannot be read as a table"),
    (",60,", f",{'9' * 5_000},", "cannot be read as a table"),
    ("any", '"' + "x" * 200_000 + '"', "cannot be read as a table"),
    ("any", "\ud800", "cannot be read as a table"),
    (ESTIMATES_SCHEMA, ESTIMATES_SCHEMA[:-1] + "2", "tells no schema"),
]


@pytest.mark.parametrize(("old", "new", "says"), SPOILED)
def test_a_spoiled_table_is_refused(csv_file: Path, old: str, new: str, says: str) -> None:
    text = csv_file.read_text("utf-8")
    assert old in text
    csv_file.write_bytes(text.replace(old, new, 1).encode("utf-8", "surrogatepass"))
    with pytest.raises(ce.InvalidData, match=says):
        report.read_estimates(csv_file)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_table_cut_short_is_refused(
    whole: ce.Evaluation, kind: str, kept: float, tmp_path: Path
) -> None:
    file = report.write_estimates(whole, tmp_path / f"e.{kind}")
    content = file.read_bytes()
    file.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ce.InvalidData, match=r"`path` .*e\."):
        report.read_estimates(file)
    with pytest.raises(ce.OutputRefused, match="not a report of ours"):
        report.write_estimates(whole, file)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("value", pa.array(["0.5"])),
        ("n_control", pa.array([60.0])),
        ("planned", pa.array(["False"])),
        ("outcome", None),
    ],
)
def test_a_parquet_of_other_types_is_refused(
    whole: ce.Evaluation, tmp_path: Path, name: str, values: Any
) -> None:
    """Numbers as text would be read as missing, and a missing column as a column of nothing."""
    file = report.write_estimates(whole, tmp_path / "e.parquet")
    table = pq.read_table(file).slice(0, 1)
    place = table.schema.get_field_index(name)
    changed = table.remove_column(place)
    if values is not None:
        changed = changed.append_column(name, values)
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), file)
    with pytest.raises(ce.InvalidData, match=rf"cannot be read as a table: .*{name}"):
        report.read_estimates(file)
    order = [*reversed(table.column_names)]
    pq.write_table(table.select(order), file)
    assert report.read_estimates(file)["outcome"].tolist() == ["any"]


def test_every_file_read_alone_says_whether_counts_are_protected(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"arm": np.arange(120) % 2, "any": rng.random(120) < 0.5})
    trial = ce.Trial.from_frame(frame, arm="arm", control=0, binary={"any": "any"})
    found = ce.evaluate(trial, progress=iter)
    said = {}
    for name, rule in (("open", None), ("told", report.Disclosure())):
        folder = tmp_path / name
        report.write_folder(found, folder, word=True, workbook=True, disclosure=rule)
        book = openpyxl.load_workbook(folder / "report.xlsx")
        with zipfile.ZipFile(folder / "report.docx") as word:
            document = word.read("word/document.xml").decode()
        said[name] = {
            "csv": (folder / "estimates.csv").read_text("utf-8").splitlines()[1],
            "parquet": str(pq.read_schema(folder / "estimates.parquet").metadata),
            "json": str(json.loads((folder / "evaluation.json").read_text("utf-8"))["protected"]),
            "xlsx": str(dict(book["provenance"].iter_rows(values_only=True))["disclosure control"]),
            "docx": document,
            "html": (folder / "report.html").read_text("utf-8"),
        }
    for kind, text in said["open"].items():
        assert any(
            each in text for each in ("every count is told", "without disclosure", "None")
        ), kind
    for kind, text in said["told"].items():
        assert "every count is told" not in text, kind
        assert any(each in text for each in ("below 10", "'threshold': 10")), kind


def test_figures_that_are_sent_alone_say_it_too(whole: ce.Evaluation) -> None:
    """The footer of an open one is longer than that of a protected one."""
    from checkpoint_eval.report import rendering

    said: list[str] = []
    original = rendering._with_footer

    def noted(figure: Any, footer: str, *more: Any) -> Any:
        said.append(footer)
        return original(figure, footer, *more)

    patched = pytest.MonkeyPatch()
    with patched.context() as patch:
        patch.setattr(rendering, "_with_footer", noted)
        draw_all(replace(whole, curves=()), kinds=())
        opened = len(said)
        draw_all(report.protect(replace(whole, curves=())), kinds=())
    assert all("every count is told" in each for each in said[:opened])
    assert not any("every count is told" in each for each in said[opened:])
    assert 0 < opened < len(said)


def test_outcomes_of_nearly_one_name_keep_their_figures() -> None:
    """A file for each, whatever signs, case and length tell them apart."""
    names = ("re-arrest", "re arrest", "Re-Arrest", "x" * 300, "x" * 301)
    drawn = draw_all(evaluated(names), kinds=())
    curves = [each for each in drawn if each.name.startswith("survival")]
    assert [each.title.removeprefix("Time to ")[:9] for each in curves] == [n[:9] for n in names]
    taken = [each.name.casefold() for each in drawn]
    assert len(set(taken)) == len(taken)
    assert max(map(len, taken)) < 100


def test_office_files_do_not_tell_when_they_were_written(
    whole: ce.Evaluation, tmp_path: Path
) -> None:
    sealed = []
    for name in ("one", "two"):
        file = report.write_workbook(whole, tmp_path / f"{name}.xlsx")
        sealed.append(hashlib.sha256(file.read_bytes()).hexdigest())
        time.sleep(2.1)  # the clock of a zip ticks every other second
    assert sealed[0] == sealed[1]
    with zipfile.ZipFile(file) as held:
        assert {each.date_time for each in held.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"1980-01-01T00:00:00Z" in held.read("docProps/core.xml")
    assert undated(file.read_bytes()) == file.read_bytes()
    assert openpyxl.load_workbook(file).properties.creator == "checkpoint_eval"


WRITE = """
import hashlib, sys
from pathlib import Path
import numpy as np, pandas as pd
import checkpoint_eval as ce
from checkpoint_eval import report
rng = np.random.default_rng(4)
frame = pd.DataFrame({"arm": np.arange(80) % 2, "any": rng.random(80) < 0.5})
frame = frame.assign(site=list("aabb") * 20)
trial = ce.Trial.from_frame(
    frame, arm="arm", control=0, binary={"any": "any"}, covariates=["site"]
)
found = ce.evaluate(trial, progress=iter)
folder = report.write_folder(found, sys.argv[1], word=True, workbook=True)
for path in sorted(folder.rglob("*")):
    if path.is_file():
        print(path.relative_to(folder), hashlib.sha256(path.read_bytes()).hexdigest())
"""


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the seed of hashing, by which the order of sets differs between processes."""
    told = [
        subprocess.run(
            [sys.executable, "-c", WRITE, str(tmp_path / seed)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert "report.docx" in told[0]
    assert "report.xlsx" in told[0]


WRITERS = {
    "report.html": report.write_report,
    "report.docx": report.write_word,
    "report.xlsx": report.write_workbook,
    "e.csv": report.write_estimates,
    "folder": report.write_folder,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_place_that_cannot_be_is_refused(name: str, whole: ce.Evaluation, tmp_path: Path) -> None:
    write: Any = WRITERS[name]
    for bad in (None, 3, "", f"a\0{name}"):
        with pytest.raises(ce.TrialError, match=r"must be where a file is or will be, got "):
            write(whole, bad)
    with pytest.raises(ce.TrialError, match=r"cannot be used: .*; shorten it"):
        write(whole, tmp_path / f"{'x' * 300}{name}")


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_no_evaluation_is_refused(name: str, tmp_path: Path) -> None:
    write: Any = WRITERS[name]
    for how in ({"disclosure": None}, {}):
        with pytest.raises(ce.TrialError, match=r"`evaluation` must be an `Evaluation`, got int"):
            write(3, tmp_path / name, **how)
    with pytest.raises(ce.TrialError, match=r"takes an `Evaluation` and a `Disclosure`, got int"):
        report.protect(3)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_what_is_withheld_cannot_be_protected_again(whole: ce.Evaluation) -> None:
    told = report.protect(whole, report.Disclosure(threshold=30, round_to=10))
    with pytest.raises(ce.TrialError, match=r"is withheld already; protect the evaluation that"):
        report.protect(replace(told, protected=None))
