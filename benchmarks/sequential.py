"""Bounds of group-sequential designs with five looks, beside R rpact where it is installed."""

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from measuring import Contender, RServer, Target, clocked, race

from checkpoint_eval.power import (
    GroupSequential,
    HwangShihDeCani,
    OBrienFleming,
    OBrienFlemingSpending,
    estimate_at_stopping,
    stopping_bounds,
)

TIMES = 20  # designs solved in one lap
SERVER = """
suppressPackageStartupMessages(library(rpact))
commands <- file("stdin", "r")
while (length(readLines(commands, 1))) {{
  seconds <- system.time(for (i in 1:{times}) {{
    d <- getDesignGroupSequential(kMax = 5, alpha = 0.025, beta = 0.1, sided = 1,
                                  typeOfDesign = "{kind}", tolerance = 1e-8)
    inflation <- getDesignCharacteristics(d)$inflationFactor
  }})[["elapsed"]]
  cat(seconds, inflation, "\\n"); flush(stdout())
}}
"""
DESIGNS = {
    "OF": GroupSequential(looks=5, alpha=0.025, sided=1, power=0.9, boundary=OBrienFleming()),
    "asOF": GroupSequential(
        looks=5, alpha=0.025, sided=1, power=0.9, boundary=OBrienFlemingSpending()
    ),
}


def run(repeats: int) -> None:
    """Race bounds and inflation factors; then say how long harder questions take."""
    for kind, design in DESIGNS.items():
        print(f"  {kind}, K = 5, seconds for one design")

        def ours(design: GroupSequential = design) -> float:
            for _ in range(TIMES):
                found = stopping_bounds(design)
            return found.inflation

        contenders = [clocked("checkpoint_eval", ours, share=TIMES)]
        if not _has_rpact():
            race(contenders, [], repeats=repeats, answer="inflation")
            continue
        with TemporaryDirectory() as folder:
            server = RServer(SERVER.format(times=TIMES, kind=kind), Path(folder))
            with server:
                contenders.append(Contender(name="R rpact", lap=server.lap, share=TIMES))
                targets = [Target(slow="R rpact", fast="checkpoint_eval")]
                race(contenders, targets, repeats=repeats, answer="inflation")
    futile = GroupSequential(
        looks=5,
        alpha=0.025,
        sided=1,
        power=0.9,
        boundary=HwangShihDeCani(gamma=-4),
        futility=HwangShihDeCani(gamma=-2),
    )
    bounds = stopping_bounds(DESIGNS["OF"])
    race(
        [
            clocked("with futility", lambda: stopping_bounds(futile).inflation),
            clocked(
                "estimate at look 4", lambda: estimate_at_stopping(bounds, z=2.5, look=4).value
            ),
        ],
        [],
        repeats=repeats,
    )


def _has_rpact() -> bool:
    """Return whether R has rpact; say so when it has not."""
    if shutil.which("Rscript"):
        code = "library(rpact)"
        if not subprocess.run(["Rscript", "--vanilla", "-e", code], capture_output=True).returncode:
            return True
    print("  R rpact: not installed, skipped")
    return False
