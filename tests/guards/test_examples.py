"""Every example runs as it stands, in an empty folder."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))

# What each example says when it has come to its end.
LAST = {
    "analyse.py": "Found: -8.5 points",
    "check.py": "Checked: 521 people, no outcome opened.",
    "checkpoint_power.py": "Formula and simulation agree within Monte Carlo error.",
    "design.py": "digest of the promise:",
    "follow_up.py": "Trial(521 people; prosecution: 261, checkpoint: 260;",
    "minneapolis.py": "Minneapolis: -11.4 points as assigned.",
    "randomise.py": "Verified: 16 people, each arm drawn again from the revealed seed.",
    "report.py": "written: checkpoint.html and checkpoint.docx",
    "rossi.py": "written: rossi-report.html",
    "published_trials.py": "172 figures reproduced",
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_runs(path: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert LAST[path.name] in ran.stdout.splitlines()[-1]
