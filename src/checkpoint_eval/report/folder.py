"""The folder of a finished evaluation: page, tables, JSON and figures."""

import json
from pathlib import Path

from checkpoint_eval._atomic import replaced_folder
from checkpoint_eval._checks import check_path
from checkpoint_eval.errors import OutputRefused
from checkpoint_eval.report.disclosure import Disclosure
from checkpoint_eval.report.disclosure_protecting import as_told
from checkpoint_eval.report.evaluation import SCHEMA, Evaluation
from checkpoint_eval.report.exporting import csv_bytes, parquet_bytes, write_workbook
from checkpoint_eval.report.page import DISCLOSURE, render_page
from checkpoint_eval.report.rendering import draw_all
from checkpoint_eval.report.word import word_bytes

FILES = ("report.html", "estimates.csv", "estimates.parquet", "evaluation.json")
ASKED = ("report.docx", "report.xlsx")
FIGURES = "figures"


def check_folder(folder: str | Path) -> Path:
    """Return the folder if it is free or holds a report of ours and nothing else.

    Raises
    ------
    OutputRefused
        When it is a file, or holds anything we did not write.
    """
    target = check_path(folder, "folder")
    if not target.exists():
        return target
    if not target.is_dir():
        raise OutputRefused(f"{target} is a file; choose a folder for the report.")
    present = sorted(path.name for path in target.iterdir())
    if not present:
        return target
    foreign = [name for name in present if name not in (*FILES, *ASKED, FIGURES)]
    drawings = target / FIGURES
    if drawings.is_dir():
        foreign += [
            f"{FIGURES}/{path.name}"
            for path in sorted(drawings.iterdir())
            if path.suffix not in (".svg", ".png")
        ]
    if foreign or not _is_ours(target / "evaluation.json"):
        what = f"{foreign[0]!r}, which is not ours" if foreign else "files that are not ours"
        raise OutputRefused(
            f"Folder {target} exists and holds {what}; choose another folder or move it away."
        )
    return target


def _is_ours(file: Path) -> bool:
    try:
        return bool(json.loads(file.read_text(encoding="utf-8")).get("schema") == SCHEMA)
    except (OSError, ValueError, AttributeError):
        return False


def write_folder(
    evaluation: Evaluation,
    folder: str | Path,
    *,
    word: bool = False,
    workbook: bool = False,
    disclosure: Disclosure | None = DISCLOSURE,
) -> Path:
    """Write the page, the estimates as CSV and Parquet, evaluation.json and the figures.

    Parameters
    ----------
    evaluation : Evaluation
    folder : str or Path
        Made when absent. A report of ours is replaced as a whole; any other folder is refused.
    word, workbook : bool
        Whether to write report.docx and report.xlsx too, as `write_word` and `write_workbook`.
    disclosure : Disclosure or None
        As of `write_report`: of every file of the folder.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OutputRefused
        When the folder holds anything we did not write, or cannot be written.
    TrialError
        When what Word or Excel files need is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from checkpoint_eval import evaluate, load_rossi
    >>> evaluation = evaluate(load_rossi())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = write_folder(evaluation, f"{folder}/report")
    ...     names = sorted(each.name for each in written.iterdir())
    >>> names
    ['estimates.csv', 'estimates.parquet', 'evaluation.json', 'figures', 'report.html']
    """
    target = check_folder(folder)
    shown = as_told(evaluation, disclosure)
    drawings = draw_all(shown)
    page = render_page(shown, drawings)
    with replaced_folder(target) as draft:
        (draft / "report.html").write_text(page, encoding="utf-8", newline="\n")
        (draft / "estimates.csv").write_bytes(csv_bytes(shown))
        (draft / "estimates.parquet").write_bytes(parquet_bytes(shown))
        (draft / "evaluation.json").write_text(shown.to_json(), encoding="utf-8", newline="\n")
        if word:
            (draft / "report.docx").write_bytes(word_bytes(shown, drawings))
        if workbook:
            write_workbook(shown, draft / "report.xlsx", disclosure=None)
        (draft / FIGURES).mkdir()
        for drawing in drawings:
            (draft / FIGURES / f"{drawing.name}.svg").write_text(
                drawing.svg, encoding="utf-8", newline="\n"
            )
            (draft / FIGURES / f"{drawing.name}.png").write_bytes(drawing.png)
    return target
