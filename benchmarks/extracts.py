"""Outcomes of half a million people from ten million offences: time, growth and memory."""

import dataclasses
import json
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measuring import Contender, RServer, Target, clocked, race

import checkpoint_eval as ce
from checkpoint_eval.outcomes import (
    Records,
    proven_reoffending,
    reoffence_counts,
    time_to_reoffence,
)

OFFENCES = 10_000_000
SHARE_OF_PEOPLE, SHARE_OF_DISPOSALS = 0.05, 0.6
GROWTH = (100_000, 316_000, 1_000_000, 3_160_000, 10_000_000)
PARTS = (1, 16, 48)  # extracts of so many parts, all people of the trial in the first
PART = 250_000
KINDS = np.array(["conviction", "caution", "no further action"])
START, EXTRACT = np.datetime64("2014-01-01"), "2022-12-31"
Arrays = dict[str, np.ndarray[Any, Any]]

R_SERVER = """
suppressPackageStartupMessages(library(data.table))
get <- function(name, n) readBin(file.path("{folder}", name), "integer", n = n)
offences <- data.table(person = get("offence_person", {m}), date = get("offence_date", {m}),
                       offence = seq_len({m}) - 1L)
disposals <- data.table(offence = get("disposal_offence", {k}), date = get("disposal_date", {k}),
                        kind = get("disposal_kind", {k}))
people <- data.table(person = seq_len({n}) - 1L, index = get("index", {n}),
                     last = get("last", {n}), decided = get("decided", {n}))
derive <- function() {{
  proof <- disposals[kind < 2L, .(proven = min(date)), by = offence]
  rows <- copy(offences)
  rows[proof, on = "offence", proven := i.proven]
  hits <- rows[!is.na(proven)][people, on = .(person, date > index, date <= last), nomatch = NULL,
            .(person = i.person, time = x.date - i.index, ok = x.proven <= i.decided)][ok == TRUE]
  found <- hits[, .(n = .N, first = min(time)), by = person]
  out <- copy(people)
  out[, `:=`(n = 0L, event = FALSE, time = last - index, exposure = last - index)]
  out[found, on = "person", `:=`(n = i.n, event = TRUE, time = i.first)]
  sum(as.numeric(out$n)) + sum(as.numeric(out$time)) / 1e10
}}
commands <- file("stdin", "r")
while (length(readLines(commands, 1))) {{
  seconds <- system.time(answer <- derive())[["elapsed"]]
  cat(seconds, sprintf("%.12g", answer), "\\n"); flush(stdout())
}}
"""


def run(repeats: int) -> None:
    """Race the derivation, fit its growth, and measure memory in fresh processes."""
    _race(repeats)
    _growth()
    _memory()
    _parts()


def _race(repeats: int) -> None:
    arrays = simulated(OFFENCES)
    sizes = {name: arrays[name].size for name in ("index", "offence_date", "disposal_date")}
    print(
        "  {index:,} people, {offence_date:,} offences, {disposal_date:,} disposals".format(**sizes)
    )
    with TemporaryDirectory() as folder, ExitStack() as stack:
        for name, values in arrays.items():
            values.tofile(Path(folder) / name)
        started = time.perf_counter()
        records, assignment = read(arrays)
        print(f"  reading the tables, not raced: {time.perf_counter() - started:.2f} s")
        contenders = [
            clocked("verbs", lambda: derive(dataclasses.replace(records), assignment)),
            clocked("verbs, asked before", lambda: derive(records, assignment)),
        ]
        if peer := _polars(arrays):
            contenders.append(clocked("polars", peer))
        if session := _r(Path(folder), sizes):
            stack.enter_context(session)
            contenders.append(Contender(name="R", lap=session.lap))
        targets = [Target(slow=slow, fast="verbs", at_least=1) for slow in ("R", "polars")]
        targets.append(Target(slow="R", fast="verbs, asked before"))
        race(contenders, targets, repeats=min(repeats, 3), answer="checksum")


def simulated(offences: int, *, people: int = 0, seed: int = 1) -> Arrays:
    """Days are counted from 1970; index days lie in three years, offences in nine."""
    rng = np.random.default_rng(seed)
    n = people or int(offences * SHARE_OF_PEOPLE)
    k = int(offences * SHARE_OF_DISPOSALS)
    first = int(START.astype(np.int64))
    index = first + 730 + rng.integers(0, 1095, n, dtype=np.int32)
    date = first + rng.integers(0, 3200, offences, dtype=np.int32)
    which = rng.integers(0, offences, k, dtype=np.int32)
    return {
        "index": index,
        "last": _later(index, 12),
        "decided": _later(index, 18),
        "offence_person": rng.integers(0, n, offences, dtype=np.int32),
        "offence_date": date,
        "disposal_offence": which,
        "disposal_date": date[which] + rng.integers(0, 365, k, dtype=np.int32),
        "disposal_kind": rng.integers(0, 3, k, dtype=np.int32),
    }


def _later(days: np.ndarray[Any, Any], months: int) -> np.ndarray[Any, Any]:
    """Return the same day of a later month, or its last; R and polars get these ready made."""
    day = days.astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    target = month + months
    longest = (target + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
    return np.minimum(target.astype("datetime64[D]") + (day - month), longest).astype(np.int32)


def tables(arrays: Arrays) -> dict[str, pa.Table]:
    """Return pyarrow tables: identifiers and dates of 32 bits, kinds as a dictionary."""
    kinds = pa.DictionaryArray.from_arrays(pa.array(arrays["disposal_kind"]), pa.array(KINDS))
    return {
        "people": pa.table({"id": np.arange(arrays["index"].size, dtype=np.int32)}),
        "offences": pa.table(
            {
                "person": arrays["offence_person"],
                "date": pa.array(arrays["offence_date"]).cast(pa.date32()),
                "offence": np.arange(arrays["offence_date"].size, dtype=np.int32),
            }
        ),
        "disposals": pa.table(
            {
                "offence": arrays["disposal_offence"],
                "date": pa.array(arrays["disposal_date"]).cast(pa.date32()),
                "disposal": kinds,
            }
        ),
    }


def cohort(arrays: Arrays) -> ce.Assignment:
    """Everybody, in two arms."""
    n = arrays["index"].size
    return ce.Assignment(
        arm=np.arange(n) % 2,
        arms=("court", "contract"),
        stratum=np.zeros(n, dtype=np.int64),
        ids=np.arange(n).astype(str),
        date=arrays["index"].astype("datetime64[D]"),
    )


def read(arrays: Arrays) -> tuple[Records, ce.Assignment]:
    """Return records and assignment of an extract."""
    return Records.from_tables(**tables(arrays), extract_date=EXTRACT), cohort(arrays)


def derive(records: Records, assignment: ce.Assignment) -> float:
    """Ask for proven reoffending, first events, and counts with exposure, each by itself."""
    found = proven_reoffending(records, assignment)
    first = time_to_reoffence(records, assignment, months=12)
    counts = reoffence_counts(records, assignment)
    assert counts.value.sum() == found.reoffences.sum()
    return float(found.reoffences.sum()) + float(first.time.sum()) / 1e10


def _polars(arrays: Arrays) -> Callable[[], float] | None:
    try:
        import polars as pl
    except ModuleNotFoundError:
        print("  polars: not installed, skipped")
        return None
    print(f"  polars {pl.__version__}, {pl.thread_pool_size()} threads")
    windows = pl.DataFrame({name: arrays[name] for name in ("index", "last", "decided")})
    windows = windows.with_row_index("person").cast({"person": pl.Int32})
    offences = pl.DataFrame({"person": arrays["offence_person"], "date": arrays["offence_date"]})
    offences = offences.with_row_index("offence").cast({"offence": pl.Int32})
    disposals = pl.DataFrame(
        {
            "offence": arrays["disposal_offence"],
            "proven": arrays["disposal_date"],
            "kind": arrays["disposal_kind"],
        }
    )

    def work() -> float:
        proof = disposals.lazy().filter(pl.col("kind") < 2)
        proof = proof.group_by("offence").agg(pl.col("proven").min())
        hits = (
            offences.lazy()
            .join(windows.lazy(), on="person")
            .filter(pl.col("date") > pl.col("index"), pl.col("date") <= pl.col("last"))
            .join(proof, on="offence")
            .filter(pl.col("proven") <= pl.col("decided"))
        )
        found = hits.group_by("person").agg(
            pl.len().alias("n"), (pl.col("date") - pl.col("index")).min().alias("first")
        )
        elapsed = pl.col("last") - pl.col("index")
        out = (
            windows.lazy()
            .join(found, on="person", how="left")
            .with_columns(
                pl.col("n").fill_null(0),
                pl.col("first").fill_null(elapsed).alias("time"),
                elapsed.alias("exposure"),
            )
        )
        sums = out.select(pl.col("n").sum(), pl.col("time").cast(pl.Int64).sum()).collect().row(0)
        return sums[0] + sums[1] / 1e10

    return work


def _r(folder: Path, sizes: dict[str, int]) -> RServer | None:
    if shutil.which("Rscript") is None:
        print("  R: not on PATH, skipped")
        return None
    code = "cat('R', as.character(getRversion()), 'data.table', \
as.character(packageVersion('data.table')), 'threads', data.table::getDTthreads())"
    done = subprocess.run(["Rscript", "--vanilla", "-e", code], capture_output=True, text=True)
    if done.returncode:
        print("  R: no package data.table, skipped")
        return None
    print(f"  {done.stdout}")
    n, m, k = sizes["index"], sizes["offence_date"], sizes["disposal_date"]
    return RServer(R_SERVER.format(folder=folder, n=n, m=m, k=k), folder)


def _growth() -> None:
    """Seconds by number of offences: the exponent of the fitted power."""
    seconds = []
    for size in GROWTH:
        extract = read(simulated(size))
        derive(*extract)
        laps = []
        for _ in range(5 if size < 1_000_000 else 3):
            start = time.perf_counter()
            derive(dataclasses.replace(extract[0]), extract[1])
            laps.append(time.perf_counter() - start)
        seconds.append(median(laps))
    told = ", ".join(f"{size:,}: {lap:.3f} s" for size, lap in zip(GROWTH, seconds, strict=True))
    exponent = np.polyfit(np.log(GROWTH), np.log(seconds), 1)[0]
    print(f"  growth: {told}")
    print(f"  fitted exponent {exponent:.2f} target < 1.1: {'met' if exponent < 1.1 else 'MISSED'}")


def _memory() -> None:
    """Peak resident memory above what the imports take, over the bytes of the input columns."""
    told = _fresh("whole", str(OFFENCES))
    share = told["peak"] / told["input"]
    print(
        f"  memory: peak {told['peak'] / 2**20:.0f} MB above imports, inputs of "
        f"{told['input'] / 2**20:.0f} MB among them: {share:.2f} times, after reading "
        f"{told['read'] / told['input']:.2f}; target <= 6: {'met' if share <= 6 else 'MISSED'}"
    )


def _parts() -> None:
    """Peak memory as the extract grows by people who are not in the trial."""
    with TemporaryDirectory() as folder:
        peaks, done = [], 0
        for parts in PARTS:
            for part in range(done, parts):
                _write_part(Path(folder), part)
            done = parts
            told = _fresh("parts", folder)
            peaks.append(told["peak"])
            print(
                f"  in parts: {parts * PART:,} offences, {told['kept']:,.0f} kept: peak "
                f"{told['peak'] / 2**20:.0f} MB above imports"
            )
    ratio = peaks[-1] / peaks[0]
    print(
        f"  extract {PARTS[-1] // PARTS[0]} times as large: peak {ratio:.2f} times target <= 1.5: "
        f"{'met' if ratio <= 1.5 else 'MISSED'}"
    )


def _write_part(folder: Path, part: int, size: int = PART) -> None:
    given = tables(simulated(size, seed=part))
    names = {"people": ("id",), "offences": ("person", "offence"), "disposals": ("offence",)}
    for table, columns in names.items():
        rows = given[table]
        for column in columns:
            shift = part * (PART if column == "offence" else int(PART * SHARE_OF_PEOPLE))
            moved = pa.array(rows[column].to_numpy() + shift)
            rows = rows.set_column(rows.column_names.index(column), column, moved)
        (folder / table).mkdir(exist_ok=True)
        pq.write_table(rows, folder / table / f"{part:03d}.parquet", row_group_size=65_536)


def _fresh(*arguments: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, *arguments], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def _peak() -> int:
    """Return the most memory this process ever held, in bytes.

    Not ru_maxrss where it can be helped: Linux hands it down from parent to child.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        assert found is not None
        return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _measure(task: str, argument: str) -> dict[str, float]:
    """Do one task in this process; a small one first, so that all imports are done."""
    derive(*read(simulated(1000)))
    if task == "parts":
        with TemporaryDirectory() as folder:
            _write_part(Path(folder), 0, size=1000)
            Records.from_folder(folder, extract_date=EXTRACT, only=np.array(["1"]))
        base = _peak()
        arrays = simulated(PART, seed=0)
        ids = np.arange(arrays["index"].size).astype(str)
        records = Records.from_folder(argument, extract_date=EXTRACT, only=ids)
        derive(records, cohort(arrays))
        return {"peak": _peak() - base, "kept": records.offences.size}
    given = simulated(int(argument))
    with TemporaryDirectory() as folder:
        for name, values in given.items():
            np.save(Path(folder) / f"{name}.npy", values)
        return _fresh("loaded", folder)


def _loaded(folder: str) -> dict[str, float]:
    """Read and derive from arrays on disk; making them is not in this process."""
    derive(*read(simulated(1000)))
    base = _peak()
    arrays = {path.stem: np.load(path) for path in Path(folder).glob("*.npy")}
    given = tables(arrays)
    size = sum(table.nbytes for table in given.values())
    assignment = cohort(arrays)
    size += assignment.date.nbytes + assignment.ids.nbytes
    records = Records.from_tables(**given, extract_date=EXTRACT)
    after = _peak() - base
    derive(records, assignment)
    return {"peak": _peak() - base, "read": after, "input": size}


if __name__ == "__main__":
    task, argument = sys.argv[1:]
    print(json.dumps(_loaded(argument) if task == "loaded" else _measure(task, argument)))
