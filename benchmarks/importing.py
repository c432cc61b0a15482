"""What it costs to import the library, in a fresh process each time."""

import subprocess
import sys

from measuring import Target, first_import, fresh_process, race

HEAVY = ("numpy", "pandas", "scipy", "statsmodels", "pyarrow", "seaborn", "matplotlib", "narwhals",
         "jinja2", "click", "rich", "cattrs", "lazy_loader")  # fmt: skip
USE = "import checkpoint_eval as ce; ce.hazard_ratio(ce.load_rossi(), outcome='rearrest')"


def run(repeats: int) -> None:
    """Race the import against pandas'; list what it leaves loaded."""
    loaded = _output(
        "import sys, checkpoint_eval; "
        f"print(', '.join(name for name in {HEAVY!r} if name in sys.modules) or 'none')"
    )
    print(f"  heavy modules loaded by `import checkpoint_eval`: {loaded}")
    used = _output(
        f"import sys; {USE}; "
        f"print(', '.join(name for name in {HEAVY!r} if name in sys.modules) or 'none')"
    )
    print(f"  and after load_rossi and hazard_ratio: {used}")
    python = sys.executable
    contenders = [
        first_import("import checkpoint_eval", "import checkpoint_eval"),
        first_import("import pandas", "import pandas"),
        fresh_process("process: checkpoint_eval", [python, "-c", "import checkpoint_eval"]),
        fresh_process("process: pandas", [python, "-c", "import pandas"]),
        first_import("import and a first hazard ratio", USE),
    ]
    every = first_import("import every room at once", "import checkpoint_eval", EAGER_IMPORT="1")
    try:
        every.lap()
    except subprocess.CalledProcessError as error:
        print(f"  every room at once: skipped, it fails ({_last_line(error.stderr)})")
    else:
        contenders.append(every)
    targets = [
        Target(slow="import checkpoint_eval", fast="import pandas", at_most=1.3),
        Target(slow="process: checkpoint_eval", fast="process: pandas", at_most=1.3),
        Target(slow="import and a first hazard ratio", fast="import pandas"),
        Target(slow="import every room at once", fast="import pandas"),
    ]
    race(contenders, targets, repeats=max(repeats, 7))


def _output(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1] if text.strip() else "no message"
