"""Time contenders side by side: interleaved repetitions, medians of ratios taken within one run."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One way of getting an answer.

    Attributes
    ----------
    name : str
    lap : callable
        Does the work once; returns the seconds it took and the answer it got.
    share : float
        Which part of the whole task one lap does; seconds are divided by it.
    """

    name: str
    lap: Callable[[], tuple[float, float]]
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A ratio of two contenders' seconds and what it should be."""

    slow: str
    fast: str
    at_least: float | None = None
    at_most: float | None = None

    def verdict(self, ratio: float) -> str:
        """Say whether a ratio meets the target."""
        if self.at_least is not None:
            return f"target >= {self.at_least:g}: {'met' if ratio >= self.at_least else 'MISSED'}"
        if self.at_most is not None:
            return f"target <= {self.at_most:g}: {'met' if ratio <= self.at_most else 'MISSED'}"
        return ""


def clocked(name: str, work: Callable[[], float], *, share: float = 1.0) -> Contender:
    """Return a contender that runs in this process."""

    def lap() -> tuple[float, float]:
        start = time.perf_counter()
        answer = work()
        return time.perf_counter() - start, answer

    return Contender(name=name, lap=lap, share=share)


def race(
    contenders: Sequence[Contender], targets: Sequence[Target], *, repeats: int, answer: str = ""
) -> None:
    """Run everyone once to warm up, then `repeats` rounds A B C A B C ..., and print.

    A ratio is formed within each round, so that a slow spell of the machine meets both sides; the
    median over rounds is reported.
    """
    answers = {each.name: each.lap()[1] for each in contenders}
    seconds: dict[str, list[float]] = {each.name: [] for each in contenders}
    for _ in range(repeats):
        for each in contenders:
            seconds[each.name].append(each.lap()[0] / each.share)
    width = max(map(len, seconds))
    for name, laps in seconds.items():
        told = f"   {answer} {answers[name]:.6g}" if answer else ""
        print(f"  {name:<{width}}  {_human(statistics.median(laps)):>9}{told}")
    for target in targets:
        if target.slow in seconds and target.fast in seconds:
            _print_ratio(target, seconds[target.slow], seconds[target.fast])


def _print_ratio(target: Target, slow: Sequence[float], fast: Sequence[float]) -> None:
    ratios = [one / other for one, other in zip(slow, fast, strict=True)]
    ratio = statistics.median(ratios)
    print(
        f"  {target.slow} / {target.fast} = {ratio:.2f} "
        f"[{min(ratios):.2f} to {max(ratios):.2f}, {len(ratios)} rounds] {target.verdict(ratio)}"
    )


def _human(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def fresh_process(name: str, command: Sequence[str], **environment: str) -> Contender:
    """Return a contender whose lap is a whole process, from start to exit."""

    def lap() -> tuple[float, float]:
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})
        return time.perf_counter() - start, float("nan")

    return Contender(name=name, lap=lap)


def first_import(name: str, code: str, **environment: str) -> Contender:
    """Return a contender whose lap is some code in a fresh interpreter, clocked inside it."""
    program = (
        f"import time; start = time.perf_counter()\n{code}\nprint(time.perf_counter() - start)"
    )

    def lap() -> tuple[float, float]:
        done = subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
        )
        return float(done.stdout), float("nan")

    return Contender(name=name, lap=lap)


class RServer:
    """An R process that holds its data and works whenever it is told to.

    R clocks itself (system.time, elapsed): reading the data and talking to us is not counted.
    """

    def __init__(self, program: str, folder: Path) -> None:
        script = folder / "server.R"
        script.write_text(program)
        self._process = subprocess.Popen(
            ["Rscript", "--vanilla", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def lap(self) -> tuple[float, float]:
        """Work once; R clocks itself."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        seconds, answer = self._process.stdout.readline().split()
        return float(seconds), float(answer)


class RSession(RServer):
    """One expression on columns of numbers, with survival loaded."""

    SERVER = """
    suppressPackageStartupMessages(library(survival))
    columns <- list()
    for (name in strsplit("{names}", ",")[[1]])
      columns[[name]] <- readBin(file.path("{folder}", name), "double", n = {people})
    data <- as.data.frame(columns)
    commands <- file("stdin", "r")
    while (length(readLines(commands, 1))) {{
      seconds <- system.time(answer <- {{ {work} }})[["elapsed"]]
      cat(seconds, answer, "\\n"); flush(stdout())
    }}
    """

    def __init__(self, work: str, columns: Mapping[str, Any]) -> None:
        self._folder = TemporaryDirectory()
        people = 0
        for name, values in columns.items():
            array = np.asarray(values, dtype=np.float64)
            array.tofile(Path(self._folder.name) / name)
            people = array.size
        program = self.SERVER.format(
            names=",".join(columns), folder=self._folder.name, people=people, work=work
        )
        super().__init__(program, Path(self._folder.name))

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._folder.cleanup()


def r_version() -> str | None:
    """Return the versions of R and survival, or None with a message when either is absent."""
    if shutil.which("Rscript") is None:
        print("  R: not on PATH, skipped")
        return None
    code = "cat(as.character(getRversion()), as.character(packageVersion('survival')))"
    done = subprocess.run(["Rscript", "--vanilla", "-e", code], capture_output=True, text=True)
    if done.returncode:
        print("  R: no package survival, skipped")
        return None
    return "R {}, survival {}".format(*done.stdout.split())


def has_lifelines() -> bool:
    """Return whether lifelines is installed; say so when it is not."""
    try:
        metadata.version("lifelines")
    except metadata.PackageNotFoundError:
        print("  lifelines: not installed, skipped")
        return False
    return True
