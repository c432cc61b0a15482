"""The whole of `checkpoint-eval demo`, a process, beside the imports it cannot do without."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from measuring import Contender, Target, fresh_process, race

IMPORTS = "import pandas, scipy.stats, matplotlib.pyplot, seaborn"


def run(repeats: int) -> None:
    """Race the demo against the bare imports; skip when there is no demo."""
    command = [str(Path(sys.executable).with_name("checkpoint-eval")), "demo"]
    with TemporaryDirectory() as folder:
        try:
            first = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        except OSError as error:
            print(f"  skipped: {command[0]} cannot be run ({error.strerror})")
            return
        if first.returncode:
            lines = (first.stderr or first.stdout).strip().splitlines() or ["no message"]
            print(f"  skipped: `checkpoint-eval demo` fails ({lines[-1].strip()})")
            return
    contenders = [
        Contender(name="demo", lap=lambda: _demo(command)),
        fresh_process("imports", [sys.executable, "-c", IMPORTS]),
    ]
    race(contenders, [Target(slow="demo", fast="imports", at_most=4)], repeats=repeats)


def _demo(command: list[str]) -> tuple[float, float]:
    # The demo writes where it stands: each lap gets an empty folder.
    with TemporaryDirectory() as folder:
        return fresh_process("demo", ["env", "-C", folder, *command]).lap()
