"""Figures in a notebook: every cell that draws shows what it drew, and not only the first."""

import os
import subprocess
import sys

import pytest

# A kernel opens its first figure with this backend, which then switches `interactive` on: what
# draws must leave it on, or no later figure is shown.
SCRIPT = """
import matplotlib as mpl
import matplotlib.pyplot as plt
import checkpoint_eval as ce
from checkpoint_eval import report

opened = plt.figure


def first(*args, **kwargs):
    mpl.rcParams["interactive"] = True
    plt.figure = opened
    return opened(*args, **kwargs)


plt.figure = first
trial = ce.load_rossi()
math = mpl.rcParams["text.parse_math"]
{draw}
assert plt.figure is opened, "nothing was drawn"
assert mpl.rcParams["text.parse_math"] is math
assert mpl.is_interactive(), "no later figure would be shown"
"""
DRAWN = {
    "a figure": "report.plot_survival(ce.survival_curve(trial, outcome='rearrest'))",
    "a page": "report.write_report(ce.evaluate(trial), 'report.html')",
    "a page without results, so that no forest is opened ahead": (
        "from dataclasses import replace\n"
        "report.write_report(replace(ce.evaluate(trial), results=()), 'report.html')"
    ),
}


@pytest.mark.parametrize("what", DRAWN)
def test_the_first_figure_leaves_a_notebook_showing_the_next(
    tmp_path: "os.PathLike[str]", what: str
) -> None:
    script = SCRIPT.format(draw=DRAWN[what])
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
