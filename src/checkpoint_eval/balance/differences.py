"""Standardised differences: how far apart the arms stood before anything happened."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import FloatArray, IntArray
from checkpoint_eval._checks import as_names, check_choice, check_known
from checkpoint_eval._display import Shown, text_table
from checkpoint_eval._values import Value
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.baseline import Covariate
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.results import NAN

Denominator: TypeAlias = Literal["pooled", "control"]
DENOMINATORS: tuple[str, ...] = ("pooled", "control")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BalanceRow(Value):
    """One covariate, or one level of it, compared between two arms.

    `level` is "" for a number or a yes/no, the category for one level of a categorical covariate,
    and "(overall)" for its single overall distance. Means and standard deviations leave missing
    values out; the missing are counted. `ks` is the greatest distance between the distributions of
    the two arms: between 0 and 1, for categories the greatest difference in a share.
    """

    covariate: str
    level: str
    kind: str
    mean_control: float
    mean_treatment: float
    sd_control: float
    sd_treatment: float
    difference: float
    variance_ratio: float
    ks: float
    missing_control: int
    missing_treatment: int


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BalanceTable(Shown):
    """Standardised differences of one treatment arm against control.

    Attributes
    ----------
    contrast : (treatment, control)
    rows : tuple of BalanceRow
        One a number or yes/no; of a category one a level, whose `difference` is of its 0/1 column,
        and one "(overall)". `variance_ratio` is treatment's over control's, `ks` the greatest
        distance between their distributions. Missing values are counted and left out.
    method : str
    """

    contrast: tuple[str, str]
    rows: tuple[BalanceRow, ...]
    method: str

    def __repr__(self) -> str:
        shown = self.to_frame()[
            ["covariate", "level", "mean_control", "mean_treatment", "difference"]
        ]
        return (
            f"Balance of {self.contrast[0]} against {self.contrast[1]}; {self.method}\n"
            f"{text_table(shown)}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a covariate or level."""
        return pd.DataFrame([asdict(row) for row in self.rows])


def standardised_differences(
    trial: Trial,
    *,
    covariates: str | Sequence[str] | None = None,
    arm: str | None = None,
    denominator: Denominator = "pooled",
) -> BalanceTable:
    """Compare the arms at baseline, each covariate in units of its spread.

    Parameters
    ----------
    trial : Trial
    covariates : str or sequence of str, optional
        Default: the trial's covariates.
    arm : str, optional
        Which treatment arm is compared with control, when there are several.
    denominator : {"pooled", "control"}
        What a difference in means is divided by: sqrt((s1² + s0²) / 2), or the control arm's s0.

    Returns
    -------
    BalanceTable
        Numbers and yes/no: (mean1 − mean0) / denominator, s² with n − 1. Categories: one row a
        level, as a 0/1 column, and one overall row, the distance of Yang and Dalton.

    Raises
    ------
    UnknownColumn
        For a covariate or arm the trial does not have.
    TrialError
        When the trial has no covariates, or several treatment arms and none is named.

    Notes
    -----
    Everyone randomised is compared, as randomised. A difference with no spread in either arm is 0
    when the means agree and infinite when they do not: arms that share no category are told as
    infinitely far apart, never as near. The overall distance has no sign.

    References
    ----------
    Austin (2009), Statistics in Medicine 28:3083; Yang and Dalton (2012), SAS Global Forum paper
    335-2012. Checked against R and direct arithmetic for Rossi.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> table = standardised_differences(load_rossi()).to_frame()
    >>> table.loc[table.covariate == "age", "difference"].round(4).item()
    0.1228
    """
    check_trial(trial)
    names = trial.covariates if covariates is None else as_names(covariates)
    if not names:
        raise TrialError("The trial has no covariates to compare; name some in `covariates`.")
    if arm is None and len(trial.arms) > 2:
        raise TrialError(
            f"The trial has {len(trial.arms)} arms; name the one to compare with "
            f"{trial.arms[0]!r} in `arm`: {', '.join(map(repr, trial.arms[1:]))}."
        )
    chosen = (
        trial.arms[1] if arm is None else check_known(arm, trial.arms[1:], what="treatment arm")
    )
    code = trial.arms.index(chosen)
    arms = np.where(trial.assignment.arm == code, 1, np.where(trial.assignment.arm == 0, 0, -1))
    check_choice(denominator, "denominator", DENOMINATORS)
    rows = tuple(row for name in names for row in _rows(trial.column(name), arms, denominator))
    told = "sqrt((s1² + s0²)/2)" if denominator == "pooled" else "the control arm's s0"
    return BalanceTable(
        contrast=(chosen, trial.arms[0]),
        rows=rows,
        method=f"difference / {told}, n − 1; categories overall by Yang and Dalton",
    )


def _rows(column: Covariate, arms: IntArray, denominator: Denominator) -> Iterator[BalanceRow]:
    if not column.levels:
        yield _row(column, column.values, arms, level="", denominator=denominator)
        return
    for code, level in enumerate(column.levels):
        values = np.where(column.missing, np.nan, column.values == code)
        yield _row(column, values, arms, level=level, denominator=denominator)
    distance = _categorical_distance(column, arms)
    codes = np.where(column.missing, np.nan, column.values)
    overall = _row(column, codes, arms, level="(overall)", denominator=denominator)
    shares = [codes[(arms == code) & ~column.missing] for code in (0, 1)]
    apart = NAN
    if all(share.size for share in shares):
        found = [np.bincount(share.astype(int), minlength=len(column.levels)) for share in shares]
        apart = float(np.abs(found[1] / found[1].sum() - found[0] / found[0].sum()).max())
    nothing = dict.fromkeys(
        ("mean_control", "mean_treatment", "sd_control", "sd_treatment", "variance_ratio"), NAN
    )
    yield replace(overall, difference=distance, ks=apart, **nothing)  # type: ignore[arg-type]


def _row(
    column: Covariate,
    values: FloatArray,
    arms: IntArray,
    *,
    level: str,
    denominator: Denominator,
) -> BalanceRow:
    groups = [values[(arms == code) & ~np.isnan(values)] for code in (0, 1)]
    mean, sd = zip(*map(mean_and_sd, groups), strict=True)
    missing = [int((column.missing & (arms == code)).sum()) for code in (0, 1)]
    ratio = sd[1] ** 2 / sd[0] ** 2 if sd[0] > 0 else NAN
    return BalanceRow(
        covariate=column.name,
        level=level,
        kind=column.kind,
        mean_control=mean[0],
        mean_treatment=mean[1],
        sd_control=sd[0],
        sd_treatment=sd[1],
        difference=standardised(mean[1] - mean[0], sd if denominator == "pooled" else sd[:1]),
        variance_ratio=ratio,
        ks=_furthest(groups),
        missing_control=missing[0],
        missing_treatment=missing[1],
    )


def _furthest(groups: list[FloatArray]) -> float:
    """Return the greatest distance between two empirical distributions."""
    if not all(group.size for group in groups):
        return NAN
    both = np.unique(np.concatenate(groups))
    below = [np.searchsorted(np.sort(group), both, side="right") / group.size for group in groups]
    return float(np.abs(below[1] - below[0]).max())


def mean_and_sd(values: FloatArray) -> tuple[float, float]:
    """Return mean and standard deviation, NaN of too few; of values all alike exactly 0."""
    if not values.size:
        return NAN, NAN
    alike = bool((values == values[0]).all())  # 0.1 three times has a mean beside 0.1
    sd = 0.0 if alike else float(values.std(ddof=1))
    return float(values[0] if alike else values.mean()), sd if values.size > 1 else NAN


def standardised(gap: float, sds: Sequence[float]) -> float:
    """Return a difference in units of the spread; infinite without any, NaN of an unknown one."""
    spread = float(np.sqrt(np.mean(np.square(sds))))
    if np.isnan(gap + spread):
        return NAN
    if spread > 0:
        return gap / spread
    return 0.0 if gap == 0 else float(np.copysign(np.inf, gap))


def _categorical_distance(column: Covariate, arms: IntArray) -> float:
    """Return the Mahalanobis distance between two sets of shares; infinite when disjoint."""
    k = len(column.levels)
    codes = column.values[~column.missing].astype(np.int64)
    of = arms[~column.missing]
    counts = [np.bincount(codes[of == code], minlength=k) for code in (0, 1)]
    if not all(count.sum() for count in counts):
        return NAN
    shares = [(count / count.sum())[1:] for count in counts]
    spread = sum(np.diag(share) - np.outer(share, share) for share in shares) / 2
    gap = shares[1] - shares[0]
    values, vectors = np.linalg.eigh(spread)
    along = vectors.T @ gap
    kept = values > 1e-12
    if (np.abs(along[~kept]) > 1e-9).any():
        return float("inf")
    return float(np.sqrt((along[kept] ** 2 / values[kept]).sum()))
