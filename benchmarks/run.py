"""Run benchmarks: `python benchmarks/run.py [name ...]`. They measure; nothing here is asserted."""

import argparse
import importlib
import os
import platform
from importlib import metadata

BENCHMARKS = (
    *("importing", "survival", "rerandomise", "bootstrap", "cox", "ledger", "rules", "extracts"),
    *("cohorts", "demo", "survival_more", "pathways", "power", "scale", "sequential", "telling"),
)
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
PACKAGES = ("checkpoint-eval", "numpy", "scipy", "pandas", "lifelines")


def main() -> None:
    """Read the command line, say what ran where, and run each benchmark asked for."""
    parser = argparse.ArgumentParser(description="Ratios of one run, on the machine at hand.")
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}; default: all"
    )
    parser.add_argument("--repeats", type=int, default=5, help="rounds a race has (default 5)")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; choose from {', '.join(BENCHMARKS)}")
    if options.repeats < 1:
        parser.error("--repeats must be at least 1")
    # One BLAS thread for everyone, R too: on shared cores more add noise. numpy is not loaded yet.
    os.environ |= dict.fromkeys(THREADS, "1")
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    print(f"{platform.platform()}, {os.cpu_count()} cores, one BLAS thread")
    print(f"Python {platform.python_version()}, {versions}")
    for name in options.names or BENCHMARKS:
        print(f"\n{name}")
        importlib.import_module(name).run(options.repeats)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


if __name__ == "__main__":
    main()
