"""Estimates as files for other programs, one row each, and everything as a workbook."""

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from checkpoint_eval._atomic import write_file
from checkpoint_eval._checks import check_path
from checkpoint_eval._tidy import COLUMNS, OWN, tidy_frame, tidy_row
from checkpoint_eval._tidy import ESTIMATES_SCHEMA as ESTIMATES_SCHEMA  # public, of this room
from checkpoint_eval.errors import InvalidData, OutputRefused, TrialError
from checkpoint_eval.report.disclosure import Disclosure, told_of
from checkpoint_eval.report.disclosure_protecting import as_told
from checkpoint_eval.report.evaluation import PARTS, SCHEMA, Evaluation
from checkpoint_eval.report.page import DISCLOSURE, free_place
from checkpoint_eval.report.sections_headline import headline_section
from checkpoint_eval.report.undating import undated

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

MAKER = "checkpoint_eval"
BESIDE = ("disclosure", "schema")  # columns of a CSV that are no part of the table
FLAGS = {"true": True, "false": False}
ARROW = {"text": "string", "number": "float64", "count": "int64", "flag": "bool"}
# Characters wide: a column of a sheet holds at least a number and at most a line of text.
NARROW, WIDE = 9, 60


def write_estimates(
    evaluation: Evaluation, path: str | Path, *, disclosure: Disclosure | None = DISCLOSURE
) -> Path:
    """Write the estimates as a tidy table, one row each, as CSV or Parquet.

    Parameters
    ----------
    evaluation : Evaluation
    path : str or Path
        Ending in ".csv" or ".parquet". Such a table of ours is replaced; any other file is left
        alone.
    disclosure : Disclosure or None
        As of `write_report`.

    Returns
    -------
    Path
        Where the table is.

    Raises
    ------
    OutputRefused
        For another ending, and as `write_report`.

    Notes
    -----
    Columns and their types are those of `Evaluation.to_frame`, whatever was estimated, and change
    only with ``ESTIMATES_SCHEMA``. A CSV tells it in its last column, Parquet in its metadata; both
    tell beside it by which rule counts were withheld.
    Numbers are written so that they read back as they were, to the last bit.

    References
    ----------
    Wickham (2014), Tidy Data, Journal of Statistical Software 59(10). Checked against
    `read_estimates`, pyarrow and the evaluation itself.

    Examples
    --------
    >>> import tempfile
    >>> from checkpoint_eval import evaluate, load_rossi
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = read_estimates(write_estimates(evaluate(load_rossi()), f"{folder}/e.parquet"))
    >>> table["measure"][0]
    'hazard ratio'
    """
    target = check_path(path)
    if target.suffix not in (".csv", ".parquet"):
        raise OutputRefused(f"`path` {target} must end in .csv or .parquet.")
    free_place(target, is_ours=_is_table)
    shown = as_told(evaluation, disclosure)
    make = csv_bytes if target.suffix == ".csv" else parquet_bytes
    write_file(target, make(shown))
    return target


def csv_bytes(evaluation: Evaluation) -> bytes:
    """Return the estimates as CSV; its last columns tell the rule of disclosure and the schema."""
    rule = told_of(evaluation.protected)
    told = evaluation.to_frame().assign(disclosure=rule, schema=ESTIMATES_SCHEMA)
    return str(told.to_csv(index=False, lineterminator="\n")).encode()


def parquet_bytes(evaluation: Evaluation) -> bytes:
    """Return the estimates as Parquet; its metadata tell the rule of disclosure and the schema."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [(name, pa.type_for_alias(ARROW[kind])) for name, kind in COLUMNS.items()],
        metadata={"schema": ESTIMATES_SCHEMA, "disclosure": told_of(evaluation.protected)},
    )
    frame = evaluation.to_frame()
    columns = [pa.array(frame[field.name], type=field.type, from_pandas=True) for field in schema]
    written = io.BytesIO()
    pq.write_table(pa.table(columns, schema=schema), written)
    return written.getvalue()


def read_estimates(path: str | Path) -> pd.DataFrame:
    """Read a table that `write_estimates` or `write_folder` wrote.

    Parameters
    ----------
    path : str or Path
        A CSV or Parquet file.

    Returns
    -------
    DataFrame
        With the columns and types of `Evaluation.to_frame`.

    Raises
    ------
    TrialError
        For a file that is not there, or has another ending.
    InvalidData
        When it is no table of estimates, or one of another version.

    References
    ----------
    As `write_estimates`. Checked against what was written.

    Examples
    --------
    >>> import tempfile
    >>> from checkpoint_eval import evaluate, load_rossi
    >>> from checkpoint_eval.report import write_estimates
    >>> evaluation = evaluate(load_rossi())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = read_estimates(write_estimates(evaluation, f"{folder}/estimates.csv"))
    >>> table["measure"].tolist()[:2]
    ['hazard ratio', 'hazard ratio']
    """
    file = check_path(path)
    if file.suffix not in (".csv", ".parquet"):
        raise TrialError(f"`path` {file} must end in .csv or .parquet.")
    if not file.is_file():
        raise TrialError(f"`path` {file} is not there; `write_folder` writes estimates.csv.")
    try:
        told, frame = _csv_table(file) if file.suffix == ".csv" else _parquet_table(file)
    except (ValueError, KeyError, OSError, OverflowError, csv.Error) as problem:
        raise InvalidData(f"`path` {file} cannot be read as a table: {problem}.") from problem
    if told != ESTIMATES_SCHEMA:
        found = f"is {told!r}" if told else "tells no schema"
        raise InvalidData(
            f"`path` {file} {found}, and this version reads {ESTIMATES_SCHEMA!r}; write it again "
            "with `write_estimates`, or read it with the version that wrote it."
        )
    return frame


def _csv_table(file: Path) -> tuple[str, pd.DataFrame]:
    """Return the schema and the estimates of a CSV."""
    with file.open(encoding="utf-8-sig", newline="") as opened:  # Excel begins with a mark
        reader = csv.DictReader(opened)
        rows, heads = list(reader), list(reader.fieldnames or ())
    if not rows and heads == [*COLUMNS, *BESIDE]:  # nothing was estimated
        return ESTIMATES_SCHEMA, tidy_frame([])
    told = {row.get("schema") or "" for row in rows}
    if told != {ESTIMATES_SCHEMA}:
        return (told.pop() if len(told) == 1 else ""), tidy_frame([])
    if len(set(heads)) < len(heads):
        raise ValueError("a column occurs twice")
    return ESTIMATES_SCHEMA, tidy_frame(
        {name: _value(row[name], kind) for name, kind in COLUMNS.items()} for row in rows
    )


def _value(text: str, kind: str) -> str | float | int | bool | None:
    """Return what a cell of a CSV stands for; None for an empty one that is no text."""
    if kind == "text":
        return text
    if not text:
        return None
    if kind == "flag":
        return FLAGS[text.lower()]  # spreadsheets write TRUE
    return float(text) if kind == "number" else int(text)


def _parquet_table(file: Path) -> tuple[str, pd.DataFrame]:
    """Return the schema and the estimates of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
    except pa.ArrowException as problem:  # not all of them are ValueErrors
        raise ValueError(str(problem)) from problem
    told = (table.schema.metadata or {}).get(b"schema", b"").decode()
    if told == ESTIMATES_SCHEMA:
        for name, kind in COLUMNS.items():
            if table.schema.field(name).type != pa.type_for_alias(ARROW[kind]):
                raise ValueError(f"column {name!r} is {table.schema.field(name).type}")
    return told, tidy_frame(table.to_pylist() if told == ESTIMATES_SCHEMA else [])


def _is_table(file: Path) -> bool:
    try:
        read_estimates(file)
    except TrialError:
        return False
    return True


def write_workbook(
    evaluation: Evaluation, path: str | Path, *, disclosure: Disclosure | None = DISCLOSURE
) -> Path:
    """Write the evaluation as an Excel workbook, a sheet for each table.

    Parameters
    ----------
    evaluation : Evaluation
    path : str or Path
        Ending in ".xlsx". A workbook of ours is replaced; any other file is left alone.
    disclosure : Disclosure or None
        As of `write_report`.

    Returns
    -------
    Path
        Where the workbook is.

    Raises
    ------
    TrialError
        When openpyxl is not installed.
    OutputRefused
        For another ending, and as `write_report`.

    Notes
    -----
    Sheets: headline, flow, baseline, balance, checks, results, sensitivity, bounds, integrity,
    pathways, inequality, subgroups, deviations, curves and provenance; those that the evaluation
    has nothing for are left out. Numbers are numbers, what is missing or withheld is empty, and
    text is never a formula, whatever it begins with.

    References
    ----------
    As `write_estimates`. Checked against the evaluation's own tables, cell by cell.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from checkpoint_eval import evaluate, load_rossi
    >>> evaluation = evaluate(load_rossi())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_workbook(evaluation, f"{folder}/tables.xlsx")
    ...     book = pd.read_excel(path, sheet_name=None)
    >>> list(book)
    ['headline', 'flow', 'baseline', 'balance', 'checks', 'results', 'curves', 'provenance']
    """
    try:
        import openpyxl
    except ImportError as missing:
        raise TrialError(
            "A workbook needs openpyxl; install `checkpoint-eval[excel]`."
        ) from missing
    target = check_path(path)
    if target.suffix != ".xlsx":
        raise OutputRefused(f"`path` {target} must end in .xlsx, so that Excel opens it.")
    free_place(target, is_ours=_is_workbook)
    shown = as_told(evaluation, disclosure)
    book = openpyxl.Workbook()
    book.remove(book["Sheet"])
    book.properties.creator, book.properties.title = MAKER, shown.title
    for name, frame in sheets(shown).items():
        _fill(book.create_sheet(name), frame)
    written = io.BytesIO()
    book.save(written)
    write_file(target, undated(written.getvalue()))
    return target


def sheets(evaluation: Evaluation) -> dict[str, pd.DataFrame]:
    """Return the tables of an evaluation by name, those without rows left out."""
    told = evaluation.to_frame()
    by_section = dict(tuple(told.drop(columns="section").groupby(told["section"])))
    none = told.iloc[:0]
    several = {"balance": evaluation.balance, "curves": evaluation.curves}
    several |= {name: getattr(evaluation, name) for name in PARTS if name != "deviations"}
    tables = {name: _stacked(held) for name, held in several.items()}
    found = {
        "headline": pd.DataFrame({"In short": headline_section(evaluation).paragraphs}),
        "flow": evaluation.flow.to_frame(),
        "baseline": evaluation.baseline.to_frame(),
        "balance": tables.pop("balance"),
        "checks": tidy_frame(map(tidy_row, evaluation.checks), OWN),
        "results": by_section.get("results", none),
        "sensitivity": by_section.get("sensitivity", none),
        **{name: frame for name, frame in tables.items() if name != "curves"},
        "deviations": _deviations(evaluation),
        "curves": tables["curves"],
        "provenance": _provenance(evaluation),
    }
    return {name: frame for name, frame in found.items() if len(frame)}


def _stacked(held: Any) -> pd.DataFrame:
    """Return the tables of several nouns as one, each row with what its noun is about."""
    nouns = held if isinstance(held, tuple) else () if held is None else (held,)
    frames = []
    for noun in nouns:
        frame = noun.to_frame()
        about = {"outcome": getattr(noun, "outcome", None), "by": getattr(noun, "by", None)}
        about["treatment"] = getattr(noun, "contrast", (None,))[0]
        for name, value in reversed(about.items()):
            if value and name not in frame:
                frame.insert(0, name, ", ".join(value) if isinstance(value, tuple) else value)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _deviations(evaluation: Evaluation) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"what": each.what, "told": each.told}
            | dict(zip(evaluation.arms, each.counts, strict=False))
            for each in evaluation.deviations
        ]
    )


def _provenance(evaluation: Evaluation) -> pd.DataFrame:
    rule = evaluation.protected
    rows = {
        "title": evaluation.title,
        "protocol digest": evaluation.protocol_digest or "no protocol",
        "data digest": evaluation.data_digest,
        "level of intervals": evaluation.level,
        "seed": evaluation.seed,
        "disclosure control": rule.told if rule is not None else told_of(rule),
        "schema of results": ESTIMATES_SCHEMA,
        "schema of the evaluation": SCHEMA,
        **{f"version of {name}": version for name, version in evaluation.versions.items()},
    }
    return pd.DataFrame({"what": list(rows), "value": list(rows.values())})


def _fill(sheet: "Worksheet", frame: pd.DataFrame) -> None:
    """Write a table to a sheet: its head stays in view, text is text, columns are wide enough."""
    from openpyxl.styles import Alignment, Font

    values = frame.astype(object).where(frame.notna(), None)
    for row in [list(frame.columns), *values.to_numpy().tolist()]:
        sheet.append([_cell(value) for value in row])
    for line in sheet.iter_rows():
        for cell in line:
            if isinstance(cell.value, str):
                cell.data_type = "s"
                cell.quotePrefix = cell.value[:1] in ("=", "+", "-", "@")
                cell.alignment = Alignment(vertical="top", wrap_text=len(cell.value) > WIDE)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for letter, column in zip(_letters(sheet), values, strict=True):
        longest = max((len(_shown(each)) for each in (column, *values[column])), default=0)
        sheet.column_dimensions[letter].width = min(WIDE, max(NARROW, longest + 2))
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions


def _letters(sheet: "Worksheet") -> list[str]:
    from openpyxl.utils import get_column_letter

    return [get_column_letter(place + 1) for place in range(sheet.max_column)]


def _cell(value: Any) -> Any:
    """Return a value that a cell can hold: control characters cannot be written."""
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return str(value)
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "�", value) if isinstance(value, str) else value


def _shown(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else "" if value is None else str(value)


def _is_workbook(file: Path) -> bool:
    import openpyxl

    try:
        return bool(openpyxl.load_workbook(file, read_only=True).properties.creator == MAKER)
    except Exception:  # whatever another file does to the reader
        return False
