"""Bars are seen where somebody looks, only when it takes long, and never change a result."""

import io
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval import _progress, models, power


class Terminal(io.StringIO):
    """What somebody in front of a terminal sees."""

    def isatty(self) -> bool:
        return True


def looking(monkeypatch: pytest.MonkeyPatch, delay: float = 0.0) -> Terminal:
    """Put a terminal in the place of stderr, in the test itself: pytest's own comes after setup."""
    seen = Terminal()
    monkeypatch.setattr(sys, "stderr", seen)
    monkeypatch.setattr(_progress, "DELAY", delay)
    return seen


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def missing_some() -> ce.Trial:
    people = pd.DataFrame({"arm": [0, 1] * 30, "harm": [*range(50), *[None] * 10]})
    return ce.Trial.from_frame(people, arm="arm", control=0, numeric={"harm": "harm"})


PLANNED = power.ExponentialTrial(people=60, control_hazard=0.001, hazard_ratio=0.7)
LONG: dict[str, Callable[[], Any]] = {
    "Redrawing": lambda: models.randomisation_test(
        ce.load_rossi(), outcome="rearrest", draws=1999, rng=rng()
    ),
    "Resampling": lambda: models.bootstrap_interval(
        ce.load_rossi(), outcome="rearrest", horizon=52, draws=200, rng=rng()
    ),
    "Imputing": lambda: models.multiple_imputation(
        missing_some(), outcome="harm", imputations=5, rng=rng()
    ),
    "Simulating": lambda: power.simulate_power(
        PLANNED, ["log-rank"], trials=60, chunk=20, rng=rng()
    ),
    "": lambda: ce.evaluate(ce.load_rossi()),
}


@pytest.mark.parametrize("told", LONG)
def test_a_bar_is_seen_and_the_result_is_the_same(
    told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = looking(monkeypatch)
    seen = LONG[told]()
    shown = terminal.getvalue()
    assert f"{told}:   0%" in shown if told else "  0%" in shown
    assert shown.endswith("\r")  # it is gone when done
    dark = io.StringIO()
    monkeypatch.setattr(sys, "stderr", dark)
    assert repr(LONG[told]()) == repr(seen)
    assert dark.getvalue() == ""


def test_nothing_is_seen_of_what_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = looking(monkeypatch, delay=60.0)
    LONG["Redrawing"]()
    assert not terminal.getvalue().strip()


def test_a_bar_of_steps_is_only_shown_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = looking(monkeypatch)
    power.simulate_power(PLANNED, ["log-rank"], trials=40, rng=rng(), progress=False)
    with _progress.counting("Working", total=3) as step:
        for _ in range(3):
            step()
    assert "Simulating" not in terminal.getvalue()
    assert "Working:   0%" in terminal.getvalue()


def test_an_end_in_the_middle_leaves_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    looking(monkeypatch)

    def first_of_many() -> None:
        for step in _progress.watched(range(10), "Walking"):
            if step == 3:
                raise ce.TrialError("enough")

    with pytest.raises(ce.TrialError):
        first_of_many()
    from tqdm import tqdm

    assert not [bar for bar in getattr(tqdm, "_instances", ()) if bar.desc.startswith("Walking")]


def test_without_anybody_looking_the_steps_are_the_same_object() -> None:
    steps = range(5)
    assert _progress.watched(steps) is steps


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "", "PYTHONPATH": ":".join(sys.path), **environment},
    )
    return done.stdout


def test_nobody_looking_costs_no_import_and_the_environment_switches_off() -> None:
    code = (
        "import sys, checkpoint_eval as ce\n"
        "ce.evaluate(ce.load_rossi())\n"
        "print('tqdm' in sys.modules)"
    )
    assert run(code).strip() == "False"
    code = (
        "import io, sys\n"
        "from checkpoint_eval import _progress\n"
        "class Terminal(io.StringIO):\n"
        "    isatty = lambda self: True\n"
        "sys.stderr = Terminal()\n"
        "_progress.DELAY = 0\n"
        "list(_progress.watched(range(3), 'Walking'))\n"
        "print('Walking' in sys.stderr.getvalue())"
    )
    assert run(code).strip() == "True"
    assert run(code, TQDM_DISABLE="1").strip() == "False"
