"""The baseline table: who was randomised, by arm, without tests of what chance did."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from checkpoint_eval._display import Shown, text_table
from checkpoint_eval._values import Value
from checkpoint_eval.outcomes.baseline import Covariate
from checkpoint_eval.outcomes.trial import Trial, check_trial


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BaselineRow(Value):
    """One covariate, or one level of it (`first` or not), in one arm.

    A continuous covariate has a mean, SD, median and quartiles; a yes/no or a level has a count
    and its share of the people whose value is known.
    """

    covariate: str
    level: str
    kind: str
    arm: str
    first: bool
    known: int
    missing: int
    count: int
    share: float
    mean: float
    sd: float
    median: float
    lower_quartile: float
    upper_quartile: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BaselineTable(Shown):
    """Baseline characteristics by arm (CONSORT 2025 item 25).

    Attributes
    ----------
    arms : (k,) str
    n : (k,) int
        People randomised.
    rows : tuple of BaselineRow
        One a covariate, level and arm: mean, SD, median and quartiles of a number; count and share
        of the known of a yes/no or a level; how many are known and missing.
    """

    arms: tuple[str, ...]
    n: tuple[int, ...]
    rows: tuple[BaselineRow, ...]

    def __repr__(self) -> str:
        return f"Baseline characteristics\n{text_table(self.to_wide())}"

    def to_frame(self) -> pd.DataFrame:
        """Return one row a covariate, level and arm."""
        return pd.DataFrame([asdict(row) for row in self.rows])

    def _table(self) -> pd.DataFrame:
        return self.to_wide()

    def to_wide(self) -> pd.DataFrame:
        """Return one row a covariate or level, one column an arm, as a paper prints it."""
        lines: dict[tuple[str, str], dict[str, str]] = {}
        for row in self.rows:
            lines.setdefault((_label(row), row.level), {})[row.arm] = _cell(row)
        return pd.DataFrame(
            [
                {"covariate": label, "level": level, **cells}
                for (label, level), cells in lines.items()
            ]
        )


def _label(row: BaselineRow) -> str:
    return f"{row.covariate}, {'mean (SD)' if row.kind == 'continuous' else 'n (%)'}"


def _cell(row: BaselineRow) -> str:
    lost = f"; {row.missing} missing" if row.missing and row.first else ""
    if row.kind == "continuous":
        return f"{row.mean:.1f} ({row.sd:.1f}){lost}"
    # A report may withhold the count, and with it the share.
    share = "" if np.isnan(row.share) and row.known else f" ({100 * row.share:.1f})"
    return f"{row.count}{share}{lost}"


def baseline_table(trial: Trial) -> BaselineTable:
    """Describe everyone randomised at baseline, arm by arm.

    Parameters
    ----------
    trial : Trial

    Returns
    -------
    BaselineTable
        The strata of the randomisation, then the trial's covariates; missing values are counted.

    Notes
    -----
    No p-values: randomised groups differ by chance, so testing each covariate answers nothing
    (CONSORT 2025, item 25). `omnibus_balance` asks the one question worth asking.

    References
    ----------
    CONSORT 2025 (Hopewell et al., BMJ 2025;388:e081123), item 25. Checked against hand counts.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> baseline_table(load_rossi()).to_wide().iloc[0].tolist()
    ['age, mean (SD)', '', '24.2 (5.7)', '25.0 (6.5)']
    """
    check_trial(trial)
    rows = [
        _row(column, values, level, code, trial, first=place == 0)
        for column in (trial.column(name) for name in _shown(trial))
        for place, (level, values) in enumerate(_levels(column))
        for code in range(len(trial.arms))
    ]
    return BaselineTable(arms=trial.arms, n=trial.assignment.counts, rows=tuple(rows))


def _shown(trial: Trial) -> list[str]:
    """Return the covariates, and the strata of the randomisation where they are not among them."""
    strata = trial.assignment.stratified_by
    return [*(name for name in strata if name not in trial.covariates), *trial.covariates]


def _levels(column: Covariate) -> list[tuple[str, "np.ndarray[tuple[int], np.dtype[np.float64]]"]]:
    if not column.levels:
        return [("", column.values)]
    return [
        (level, np.where(column.missing, np.nan, column.values == code))
        for code, level in enumerate(column.levels)
    ]


def _row(
    column: Covariate,
    values: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    level: str,
    code: int,
    trial: Trial,
    *,
    first: bool,
) -> BaselineRow:
    member = trial.assignment.arm == code
    known = values[member & ~np.isnan(values)]
    size = known.size
    quartiles = np.quantile(known, [0.25, 0.5, 0.75]) if size else np.full(3, np.nan)
    counted = column.kind != "continuous"
    return BaselineRow(
        covariate=column.name,
        level=level,
        kind=column.kind,
        arm=trial.arms[code],
        first=first,
        known=size,
        missing=int(member.sum()) - size,
        count=int(known.sum()) if counted else size,
        share=float(known.mean()) if counted and size else float("nan"),
        mean=float(known.mean()) if size else float("nan"),
        sd=float(known.std(ddof=1)) if size > 1 else float("nan"),
        median=float(quartiles[1]),
        lower_quartile=float(quartiles[0]),
        upper_quartile=float(quartiles[2]),
    )
