"""Public names that load when first used, and what is said of a name that is not there."""

import difflib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import lazy_loader

PACKAGE = "checkpoint_eval"
# What other packages and other fields call it.
CALLED = {
    "cace": "complier_average_effect",
    "competing_risks": "cumulative_incidence",
    "cox": "fit_cox",
    "cox_model": "fit_cox",
    "coxph": "hazard_ratio",
    "cuminc": "cumulative_incidence",
    "forest_plot": "plot_forest",
    "km": "survival_curve",
    "late": "complier_average_effect",
    "log_rank": "logrank_test",
    "love_plot": "plot_balance",
    "nnt": "number_needed_to_treat",
    "permutation_test": "randomisation_test",
    "plot_km": "plot_survival",
    "randomise": "allocate",
    "rmst": "restricted_mean",
    "sample_size": "people_needed",
    "smd": "standardised_differences",
    "srm": "sample_ratio_test",
    "survdiff": "logrank_test",
    "survfit": "survival_curve",
    "table_one": "baseline_table",
}


class NoSuchName(AttributeError):
    """A name that a package does not have; the remedy is looked for only when it is read.

    The import system asks packages for their modules in vain as a matter of course.
    """

    def __init__(self, package: str, name: str) -> None:
        super().__init__(package, name, name=name)
        self.package = package

    def __str__(self) -> str:
        """Say what the package does not have, and where it or its like is."""
        return f"{self.package} has no {self.name!r}{_remedy(str(self.name), self.package)}"


def attach(
    package: str, file: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` of a package, as its stub states them."""
    load, listed, names = lazy_loader.attach_stub(package, file)

    def get(name: str) -> Any:
        if name not in names:
            raise NoSuchName(package, name)
        return load(name)

    return get, listed, names


def _remedy(name: str, package: str) -> str:
    """Return where the name is, or which are like it, in the nearest room first."""
    wanted = CALLED.get(name.casefold(), name.casefold().replace("iz", "is"))
    found: dict[str, str] = {}
    for path, each in _public(package):
        found.setdefault(each.casefold(), f"{path}.{each}")
    near = difflib.get_close_matches(wanted, found, n=3, cutoff=0.7)
    within = [key for key in found if len(wanted) > 3 and wanted in key][:3]
    paths = [found[key] for key in ([wanted] if wanted in found else near or within)]
    if not paths:
        return f"; dir({package}) lists what it has."
    return f"; did you mean {' or '.join(paths)}?"


def _public(package: str) -> Iterator[tuple[str, str]]:
    """Yield every public name with its package: those of `package` first, then of every room."""
    rooms = [stub.parent.name for stub in Path(__file__).parent.glob("*/__init__.pyi")]
    for path in dict.fromkeys([package, PACKAGE, *(f"{PACKAGE}.{room}" for room in sorted(rooms))]):
        yield from ((path, name) for name in import_module(path).__all__ if name not in rooms)
