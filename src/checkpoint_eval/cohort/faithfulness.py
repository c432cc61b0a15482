"""How close a cohort is to stated margins and correlations."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import check_known, counted, is_number
from checkpoint_eval._display import Shown
from checkpoint_eval._frames import read_table
from checkpoint_eval._values import Value
from checkpoint_eval.cohort.cohorts import Cohort
from checkpoint_eval.cohort.hazards import days_of
from checkpoint_eval.cohort.histories import contract_days
from checkpoint_eval.cohort.scenario import Scenario
from checkpoint_eval.cohort.written import kept_contract
from checkpoint_eval.errors import TrialError

# Columns of people that say who they are, beside the needs.
DESCRIBING: tuple[str, ...] = ("suite", "band", "sex", "age", "record")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Margin(Value, Shown):
    """One number of a cohort beside the one it should have.

    Attributes
    ----------
    measure : str
    cohort, reference : float
    std_error : float
        Of the cohort's.
    """

    measure: str
    cohort: float
    reference: float
    std_error: float

    @property
    def difference(self) -> float:
        """Cohort less reference."""
        return self.cohort - self.reference

    @property
    def errors_away(self) -> float:
        """The difference in standard errors; beyond 3 or so it is not chance.

        Without a standard error, as where everyone is alike: 0 when there is no difference.
        """
        if self.std_error > 0 or np.isnan(self.difference):
            return self.difference / self.std_error
        return float(np.copysign(np.inf, self.difference)) if self.difference else 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Fidelity(Shown):
    """How close a cohort is to a reference.

    Attributes
    ----------
    margins : tuple of Margin
    not_compared : tuple of str
        What the reference has and the cohort does not.
    """

    margins: tuple[Margin, ...]
    not_compared: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row a measure, the farthest from its reference first."""
        rows = [
            asdict(each) | {"difference": each.difference, "errors_away": each.errors_away}
            for each in self.margins
        ]
        frame = pd.DataFrame(
            rows,
            columns=[
                "measure",
                "cohort",
                "reference",
                "std_error",
                "difference",
                "errors_away",
            ],
        )
        order = frame["errors_away"].abs().sort_values(ascending=False, na_position="last").index
        return frame.loc[order].reset_index(drop=True)

    def __repr__(self) -> str:
        far = sum(abs(each.errors_away) > 3 for each in self.margins)
        left = f"; not compared: {', '.join(self.not_compared)}" if self.not_compared else ""
        told = counted(len(self.margins), "measure")
        return f"Fidelity({told}, {far} farther than 3 standard errors{left})"


def fidelity(cohort: Cohort, reference: object) -> Fidelity:
    """Compare a cohort with what it should be like.

    Parameters
    ----------
    cohort : Cohort
    reference : Scenario, mapping of measure to number, or table of people
        A scenario states its own margins. A mapping names measures: "suite=Durham", "female",
        "no record", "median age", "need: health", "more than one need", "risk at 12 months",
        "reoffences a reoffender at 12 months" (both as they would be under prosecution),
        "reoffending on contract", "contract kept", "treated as assigned", or a rank correlation
        such as "age ~ record". A table gives shares, means and rank correlations of the columns it
        shares with `cohort.people`.

    Returns
    -------
    Fidelity

    Raises
    ------
    UnknownColumn
        For a measure that a cohort does not have; near names are listed.
    TrialError
        When nothing can be compared.

    References
    ----------
    Fisher's approximation 1/√(n − 3) for the error of a rank correlation, √1.06 times it (Fieller,
    Hartley and Pearson 1957). Checked against hand-counted cohorts.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval.cohort import Scenario, generate
    >>> scenario = Scenario(people=500)
    >>> fidelity(generate(scenario, np.random.default_rng(1)), scenario).margins[0].measure
    'suite=Durham'
    """
    if not isinstance(cohort, Cohort):
        raise TrialError(f"`cohort` must be a `Cohort`, got {type(cohort).__name__}.")
    if isinstance(reference, Scenario):
        return _compared(cohort, stated(reference))
    if isinstance(reference, Mapping):
        return _compared(cohort, reference)
    return _with_table(cohort, read_table(reference).to_pandas())


def stated(scenario: Scenario) -> dict[str, float]:
    """Return the margins that a scenario states."""
    population, told = scenario.population, scenario.reoffending
    found = {f"suite={name}": share for name, share in scenario.suites.items()}
    found |= {f"band={name}": share for name, share in population.bands.items()}
    found |= {"female": population.female, "no record": population.no_record}
    found |= {f"need: {need}": share for need, share in population.needs.items()}
    steps = zip(told.months, told.risks, strict=True)
    return found | {f"risk at {month} months": risk for month, risk in steps}


def _compared(cohort: Cohort, reference: Mapping[str, Any]) -> Fidelity:
    values, ranked = _measures(cohort), _numbers(cohort.people)
    margins, left = [], []
    reach = int((cohort.lives.extract - cohort.lives.persons.index.max()).astype(int))
    for name, wanted in reference.items():
        if not isinstance(name, str) or name.count(" ~ ") > 1:
            raise TrialError(f"`reference` names the measure {name!r}; name one, or one pair.")
        if not is_number(wanted) or not -np.inf < wanted < np.inf:
            raise TrialError(f"`reference[{name!r}]` must be a finite number, got {wanted!r}.")
        month = re.fullmatch(r"(?:risk|reoffences a reoffender) at (\d+) months", name)
        if month and days_of(int(month.group(1))) > reach:
            left.append(name)  # the extract does not follow everyone for so long
            continue
        if month:
            value, error = _by_month(cohort, name, days_of(int(month.group(1))))
        elif " ~ " in name:
            value, error = _correlation(ranked, *name.split(" ~ "))
        else:
            value, error = values[check_known(name, [*values, "risk at 12 months"], what="measure")]
        margins.append(Margin(measure=name, cohort=value, reference=float(wanted), std_error=error))
    if not margins:
        why = "; the extract comes too early" if left else ""
        raise TrialError(f"`reference` names no measure that can be compared{why}.")
    return Fidelity(margins=tuple(margins), not_compared=tuple(left))


def _by_month(cohort: Cohort, name: str, days: int) -> tuple[float, float]:
    """Return a measure of a time point, as it would be under prosecution."""
    histories = cohort.lives.histories
    if name.startswith("risk"):
        return _share(histories.first()[0] <= days)
    number = histories.totals(days)[0]
    return _share(number[number > 0])


def _share(each: Any) -> tuple[float, float]:
    """Return a mean and its standard error."""
    values = floats(each)
    if not values.size:
        return np.nan, np.nan
    spread = values.std(ddof=1) if values.size > 1 else np.nan
    return float(values.mean()), float(spread / np.sqrt(values.size))


def _measures(cohort: Cohort) -> dict[str, tuple[float, float]]:
    """Return every measure of a cohort with its standard error."""
    lives, persons = cohort.lives, cohort.lives.persons
    scenario, delivered = lives.scenario, lives.delivered
    found = {
        f"suite={name}": _share(persons.suite == code) for code, name in enumerate(scenario.suites)
    }
    found |= {
        f"band={name}": _share(persons.band == code)
        for code, name in enumerate(scenario.population.bands)
    }
    found |= {"female": _share(persons.female), "no record": _share(persons.record == 0)}
    found |= {"mean age": _share(persons.age), "median age": _median(persons.age)}
    found |= {"mean record": _share(persons.record[persons.record > 0])}
    found |= {
        f"need: {need}": _share(persons.needs[row])
        for row, need in enumerate(scenario.population.needs)
    }
    found["more than one need"] = _share(persons.needs.sum(axis=0) > 1)
    contract = delivered.received == 1
    first = lives.histories.first()
    found["reoffending on contract"] = _share(first[1][contract] <= contract_days(scenario))
    found["contract kept"] = _share(kept_contract(lives)[contract])
    found["treated as assigned"] = _share(delivered.received == delivered.arm)
    return found


def _median(values: FloatArray) -> tuple[float, float]:
    """Return the median, and a standard error from the order statistics about it."""
    n = values.size
    half = np.sqrt(n) / 2
    low, high = np.sort(values)[[int(max(0, n / 2 - half)), int(min(n - 1, n / 2 + half))]]
    return float(np.median(values)), float((high - low) / 2)


def _correlation(columns: Mapping[str, Any], one: str, other: str) -> tuple[float, float]:
    pair = [columns[check_known(name, columns, what="column")] for name in (one, other)]
    return _ranked(*pair), float(np.sqrt(1.06 / max(len(pair[0]) - 3, 1)))


def _ranked(one: Any, other: Any) -> float:
    """Return Spearman's correlation; NaN where a column does not vary."""
    if len(one) < 2 or min(np.ptp(floats(one)), np.ptp(floats(other))) == 0:
        return np.nan
    return float(spearmanr(one, other).statistic)


def _numbers(people: pd.DataFrame) -> dict[str, Any]:
    """Return columns that can be ranked."""
    names = [*people.columns]
    columns = {name: people[name] for name in ("age", *names[names.index("record") :])}
    return columns | {"female": (people["sex"] == "female").astype(int)}


def _with_table(cohort: Cohort, table: pd.DataFrame) -> Fidelity:
    people = cohort.people
    describing = [*DESCRIBING, *cohort.scenario.population.needs]
    shared = [name for name in describing if name in table.columns]
    if not shared:
        raise TrialError(
            f"`reference` shares no column with the cohort's people: {', '.join(describing)}."
        )
    for name in shared:
        _refuse_kind(name, people[name], table[name])
    margins = [each for name in shared for each in _column(name, people[name], table[name])]
    ranked = {name: people[name] for name in shared if _numeric(people[name])}
    for one, other in combinations(ranked, 2):
        value, error = _correlation(ranked, one, other)
        known = table[[one, other]].dropna()
        wanted = _ranked(known[one], known[other])
        margins.append(
            Margin(measure=f"{one} ~ {other}", cohort=value, reference=wanted, std_error=error)
        )
    left = tuple(str(name) for name in table.columns if name not in shared)
    return Fidelity(margins=tuple(margins), not_compared=left)


def _numeric(column: Any) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column))


def _refuse_kind(name: str, column: Any, given: Any) -> None:
    """Refuse a column of another kind than the cohort's, or without any value."""
    if not given.notna().any():
        raise TrialError(f"`reference` column {name!r} has no value; leave it out.")
    if _numeric(column) != _numeric(given) or (_numeric(given) and np.isinf(given).any()):
        kind = "numbers" if _numeric(column) else f"text such as {column.iloc[0]!r}"
        raise TrialError(f"`reference` column {name!r} must hold {kind}, as the cohort's does.")


def _column(name: str, column: Any, given: Any) -> list[Margin]:
    """Return the mean of a column of numbers, or the shares of one of text."""
    if _numeric(column):
        value, error = _share(column)
        wanted = float(given.mean())
        return [Margin(measure=f"mean {name}", cohort=value, reference=wanted, std_error=error)]
    found = []
    for level in sorted({*column.astype(str), *given.dropna().astype(str)}):
        value, error = _share(column.astype(str) == level)
        wanted = float((given.dropna().astype(str) == level).mean())
        found.append(
            Margin(measure=f"{name}={level}", cohort=value, reference=wanted, std_error=error)
        )
    return found
