"""Was treatment given as assigned: by arm, and by era, suite, officer or month."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats
from checkpoint_eval._checks import as_names, check_level
from checkpoint_eval._display import Shown, text_table
from checkpoint_eval._values import Value
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.baseline import Covariate, crossed
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.results import NAN

MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IntegrityRow(Value):
    """The people of one arm in one group, by what they received.

    `share` is of those whose treatment is known; `low` and `high` are Wilson's limits.
    `contacts` is the mean number of contacts with a navigator, where a column of them was named.
    """

    group: str
    arm: str
    people: int
    as_assigned: int
    otherwise: int
    unknown: int
    share: float
    low: float
    high: float
    contacts: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrity(Shown):
    """Treated as assigned, by group and arm.

    Attributes
    ----------
    arms : tuple of str
    by : tuple of str
        What the groups are; empty for one group of everyone.
    rows : tuple of IntegrityRow
        Groups in order, the arms of each with control first.
    crossed_over : (k, k) tuple of tuple of int
        People by arm assigned (row) and received (column).
    level : float
    """

    arms: tuple[str, ...]
    by: tuple[str, ...]
    rows: tuple[IntegrityRow, ...]
    crossed_over: tuple[tuple[int, ...], ...]
    level: float

    @property
    def contamination(self) -> float:
        """Share of the control arm, treatment known, that received a treatment arm's."""
        row = self.crossed_over[0]
        return sum(row[1:]) / sum(row) if sum(row) else NAN

    def to_frame(self) -> pd.DataFrame:
        """Return one row a group and arm."""
        return pd.DataFrame([asdict(row) for row in self.rows])

    def __repr__(self) -> str:
        by = f" by {', '.join(self.by)}" if self.by else ""
        shown = self.to_frame().drop(columns=["low", "high"]).round(3)
        if shown["contacts"].isna().all():
            shown = shown.drop(columns="contacts")
        return (
            f"Treated as assigned{by}; {100 * self.contamination:.1f}% of control received a "
            f"treatment\n{text_table(shown)}"
        )


def treatment_integrity(
    trial: Trial,
    *,
    by: str | Sequence[str] = (),
    contacts: str | None = None,
    level: float = 0.95,
) -> Integrity:
    """Count who received what they were assigned to.

    Parameters
    ----------
    trial : Trial
        Read with the arm each person received.
    by : str or sequence of str, optional
        Baseline columns such as the era, the suite or the officer; "month" is the calendar month of
        randomisation, from the assignment's dates.
    contacts : str, optional
        A baseline column with the number of contacts with a navigator.
    level : float
        Of the limits of each share.

    Returns
    -------
    Integrity

    Raises
    ------
    TrialError
        When the arm received was not recorded, or "month" is asked for without dates.

    References
    ----------
    Wilson (1927), Probable inference (limits of a share). Treatment-as-assigned by phase, site and
    officer: Slothower, Sherman and Neyroud (2015). Checked against hand-counted tables.

    Examples
    --------
    >>> import pandas as pd
    >>> from checkpoint_eval import Trial
    >>> people = pd.DataFrame({"arm": [0, 0, 1, 1], "got": [0, 1, 1, 1], "again": [0, 1, 0, 1]})
    >>> trial = Trial.from_frame(
    ...     people, arm="arm", control=0, received="got", binary={"again": "again"}
    ... )
    >>> treatment_integrity(trial).contamination
    0.5
    """
    check_trial(trial)
    check_level(level)
    if not trial.received.size:
        raise TrialError(
            "The arm each person received was not recorded; name its column in `received` when the "
            "trial is read."
        )
    names = as_names(by)
    codes, labels = _groups(trial, names)
    number = None if contacts is None else trial.column(contacts).values
    if contacts is not None and trial.column(contacts).levels:
        raise TrialError(f"`contacts` column {contacts!r} holds text; name one with numbers.")
    rows = [
        _row(trial, (codes == code) & (trial.assignment.arm == arm), label, arm, number, level)
        for code, label in enumerate(labels)
        for arm in range(len(trial.arms))
    ]
    k = len(trial.arms)
    known = trial.received >= 0
    table = np.bincount(
        trial.assignment.arm[known] * k + trial.received[known], minlength=k * k
    ).reshape(k, k)
    return Integrity(
        arms=trial.arms,
        by=names,
        rows=tuple(rows),
        crossed_over=tuple(tuple(row) for row in table.tolist()),
        level=level,
    )


def _groups(trial: Trial, names: tuple[str, ...]) -> tuple[IntArray, tuple[str, ...]]:
    """Return (n,) group codes and what the groups are called, in order."""
    if not names:
        return np.zeros(trial.n, dtype=np.int64), ("everyone",)
    if MONTH not in names or MONTH in trial.columns:
        return crossed([trial.column(name) for name in names])
    if not trial.assignment.date.size:
        raise TrialError("The trial has no dates of randomisation, so no 'month'; name a column.")
    found, place = np.unique(trial.assignment.date.astype("datetime64[M]"), return_inverse=True)
    months = tuple(np.datetime_as_string(found).tolist())
    if names == (MONTH,):
        return place.astype(np.int64), months
    month = Covariate(name=MONTH, values=floats(place), levels=months)
    return crossed([month if name == MONTH else trial.column(name) for name in names])


def _row(
    trial: Trial,
    here: BoolArray,
    label: str,
    arm: int,
    contacts: FloatArray | None,
    level: float,
) -> IntegrityRow:
    received = trial.received[here]
    known = int((received >= 0).sum())
    right = int((received == arm).sum())
    limits = binomtest(right, known).proportion_ci(level, "wilson") if known else None
    mean = NAN
    if contacts is not None and (~np.isnan(contacts[here])).any():
        mean = float(np.nanmean(contacts[here]))
    return IntegrityRow(
        group=label,
        arm=trial.arms[arm],
        people=int(here.sum()),
        as_assigned=right,
        otherwise=known - right,
        unknown=int(here.sum()) - known,
        share=right / known if known else NAN,
        low=NAN if limits is None else float(limits.low),
        high=NAN if limits is None else float(limits.high),
        contacts=mean,
    )
