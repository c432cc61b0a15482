"""Other packages' routines: how far each may be off, and why."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from typing import TypeAlias

import numpy as np

# Of a result, by the columns of `Evaluation.to_frame`.
COUNTS = tuple(
    f"{what}_{arm}" for what in ("n", "events", "missing") for arm in ("control", "treatment")
)
PARTS: tuple[str, ...] = ("value", "low", "high", "std_error", "statistic", "p_value")
PARTS += ("result_control", "result_treatment")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Another package's routine.

    `tolerance` is how far apart, relatively, two right answers may be, and `differs` why.
    """

    package: str
    routine: str
    tolerance: float
    differs: str

    def __str__(self) -> str:
        return f"{self.package} {metadata.version(self.package)} {self.routine}"


def _closed(package: str, routine: str) -> Engine:
    # A product over a thousand times loses about 1e-13; the logarithm of a survival near 1 and
    # differences of near numbers lose a few digits more.
    told = "rounding: the same closed form in another order"
    return Engine(package=package, routine=routine, tolerance=1e-9, differs=told)


KAPLAN_MEIER = _closed("lifelines", "KaplanMeierFitter")
RESTRICTED_MEAN = _closed("lifelines", "restricted_mean_survival_time")
PRODUCT_LIMIT = _closed("statsmodels", "SurvfuncRight")
LOG_RANK = _closed("statsmodels", "survdiff")
TABLE = _closed("statsmodels", "Table2x2")
PROPORTIONS = _closed("statsmodels", "confint_proportions_2indep")
CHI_SQUARE = _closed("statsmodels", "gof.chisquare")
GROUPS = Engine(
    package="pandas",
    routine="groupby",
    tolerance=0.0,  # whole numbers
    differs="none: people are counted",
)
SCORE = Engine(
    package="statsmodels",
    routine="confint_proportions_2indep (score)",
    tolerance=1e-6,  # brentq stops within 2e-12, which a limit near 0 divides
    differs="limits are found by a search that stops within 2e-12",
)
EFRON = Engine(
    package="lifelines",
    routine="CoxPHFitter",
    tolerance=1e-6,  # sqrt(2e-16) standard errors, and the rounding of the data it standardises
    differs="Newton's method stops within 2e-8 standard errors of the maximum",
)
# Its own criteria stop up to 1e-3 standard errors short of the maximum.
NEWTON = {"precision": 1e-16, "r_precision": 1e-16}
BRESLOW = Engine(
    package="statsmodels",
    routine="PHReg",
    tolerance=1e-6,  # Newton's last step is at most 1e-8, and the next would be its square
    differs="Newton's method stops when a coefficient moves by less than 1e-8",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """One number, the engine that gave it, and what it warned of."""

    value: float
    engine: Engine
    warned: str = ""


# By part of a result, such as "low": another engine's number, or why it gave none.
Opinions: TypeAlias = dict[str, Opinion | str]


def told(engine: Engine, parts: str, ask: Callable[[], Iterable[float]]) -> Opinions:
    """Return an engine's numbers by part, or that it gave none."""
    names = parts.split()
    with warnings.catch_warnings(record=True) as heard, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            values = [float(value) for value in ask()]
        except (ArithmeticError, RuntimeError, ValueError) as problem:
            why = problem.args[0] if problem.args else problem
            return dict.fromkeys(names, f"{engine} gave no number: {why}")
    warned = " ".join(str(heard[0].message).split()) if heard else ""
    return {
        name: Opinion(value=value, engine=engine, warned=warned)
        for name, value in zip(names, values, strict=True)
    }


def without(reason: str) -> Opinions:
    """Return why no engine computes any part of a result."""
    return dict.fromkeys(PARTS, f"no second engine: {reason}")
