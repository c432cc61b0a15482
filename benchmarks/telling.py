"""The page of a thousand people with every section, beside the analyses that it shows."""

import io
import os
import runpy
from contextlib import chdir, redirect_stdout
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from measuring import Target, clocked, race

import checkpoint_eval as ce

EXAMPLE = Path(__file__).parents[1] / "examples" / "report.py"
PEOPLE, LARGEST = 1_000, 3e6  # bytes that the page may have


def run(repeats: int) -> None:
    """Race `write_report` against `evaluate`, with the draws of a protocol that names none."""
    with TemporaryDirectory() as folder, chdir(folder):
        trial = _example()
        page = Path("page.html")
        evaluation = ce.evaluate(trial)

        def analyses() -> float:
            return ce.evaluate(trial).results[0].value.value

        def report() -> float:
            return float(os.path.getsize(ce.write_report(evaluation, page)))

        def unprotected() -> float:
            return float(os.path.getsize(ce.write_report(evaluation, page, disclosure=None)))

        draws = evaluation.protocol.analysis.draws if evaluation.protocol else 0
        print(f"  {trial.n:,} people, {draws:,} draws")
        contenders = [
            clocked("report", report),
            clocked("analyses", analyses),
            clocked("unprotected", unprotected),
        ]
        targets = [
            Target(slow="report", fast="analyses", at_most=2),
            Target(slow="unprotected", fast="analyses", at_most=2),
        ]
        race(contenders, targets, repeats=repeats)
        size = report()
        print(f"  page {size / 1e6:.2f} MB, {'under' if size < LARGEST else 'OVER'} 3 MB")


def _example() -> ce.Trial:
    """Return the trial of examples/report.py, with more people and as many draws as by default."""
    scenario = replace(ce.checkpoint_scenario(), people=PEOPLE)
    with patch.object(ce, "checkpoint_scenario", lambda: scenario), redirect_stdout(io.StringIO()):
        example = runpy.run_path(str(EXAMPLE))
    protocol = example["protocol"]
    usual = replace(protocol.analysis, draws=type(protocol.analysis)().draws)
    return ce.Trial.from_protocol(example["people"], replace(protocol, analysis=usual))
