"""Who was lost: by arm, reason and time, and whether the lost were others than the kept."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, fisher_exact

from checkpoint_eval._arrays import BoolArray, FloatArray, floats
from checkpoint_eval._checks import check_count, check_rng, is_number
from checkpoint_eval._display import Shown
from checkpoint_eval._values import Value
from checkpoint_eval.balance.differences import mean_and_sd, standardised
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.observed import TimeToEvent
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.randomise.redrawing import Tail, tail
from checkpoint_eval.results import NAN, SignificanceTest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LostRow(Value):
    """People lost from one arm for one reason, and when, where that is known."""

    arm: str
    reason: str
    people: int
    median_time: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SelectionRow(Value):
    """One covariate of the lost and of the kept in one arm.

    `difference` is (lost − kept) over sqrt((s² lost + s² kept) / 2), n − 1; NaN where fewer than
    two were lost or kept, infinite where each are all alike and differ.
    """

    covariate: str
    arm: str
    mean_lost: float
    mean_kept: float
    difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Attrition(Shown):
    """Losses of one outcome.

    Attributes
    ----------
    outcome : str
    horizon : float
        Until when a time to event must be known; NaN for the end of each person's time.
    arms : tuple of str
    people, lost : tuple of int
        By arm.
    reasons : tuple of LostRow
    selection : tuple of SelectionRow
    test : SignificanceTest
        Whether the arms lost the same share.
    """

    outcome: str
    horizon: float
    arms: tuple[str, ...]
    people: tuple[int, ...]
    lost: tuple[int, ...]
    reasons: tuple[LostRow, ...]
    selection: tuple[SelectionRow, ...]
    test: SignificanceTest

    @property
    def share(self) -> tuple[float, ...]:
        """Share lost by arm."""
        return tuple(lost / n for lost, n in zip(self.lost, self.people, strict=True))

    def to_frame(self) -> pd.DataFrame:
        """Return one row an arm and reason."""
        columns = ["arm", "reason", "people", "median_time"]
        return pd.DataFrame([asdict(row) for row in self.reasons], columns=columns)

    def selection_frame(self) -> pd.DataFrame:
        """Return one row a covariate and arm."""
        columns = ["covariate", "arm", "mean_lost", "mean_kept", "difference"]
        return pd.DataFrame([asdict(row) for row in self.selection], columns=columns)

    def __repr__(self) -> str:
        each = ", ".join(
            f"{arm}: {lost} of {n}"
            for arm, lost, n in zip(self.arms, self.lost, self.people, strict=True)
        )
        return f"Attrition of {self.outcome}: {each}; p = {self.test.p_value:.3g}."


def attrition(
    trial: Trial,
    *,
    outcome: str,
    horizon: float | None = None,
    reason: str | None = None,
    draws: int = 10_000,
    rng: np.random.Generator | None = None,
) -> Attrition:
    """Count whom an outcome lost, and compare them with those it kept.

    Parameters
    ----------
    trial : Trial
    outcome : str
    horizon : float, optional
        For a time to event: people censored before it are lost too. Without it only those whose
        outcome is wholly unknown are.
    reason : str, optional
        A column with the reason of each loss, missing for those kept; read as one of `factors`.
    draws : int
    rng : numpy.random.Generator, optional
        With it the test of equal shares redraws the trial's own rule.

    Returns
    -------
    Attrition
        The test: Fisher's exact for two arms (`statistic` the difference in shares lost),
        Pearson's chi-square for more; with `rng`, the range of shares over arms by redrawing.

    Raises
    ------
    TrialError
        For a horizon of an outcome that is no time, or a column that is not there.

    References
    ----------
    CONSORT 2025, items 22a and 22b; Fisher (1935). Checked against R and hand-counted tables.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> attrition(load_rossi(), outcome="rearrest").lost
    (0, 0)
    """
    check_trial(trial)
    gone = _gone(trial, outcome, horizon)
    check_count(draws, "draws")
    if rng is not None:
        check_rng(rng)
    arm, k = trial.assignment.arm, len(trial.arms)
    lost = np.bincount(arm[gone], minlength=k)
    return Attrition(
        outcome=outcome,
        horizon=NAN if horizon is None else float(horizon),
        arms=trial.arms,
        people=trial.assignment.counts,
        lost=tuple(lost.tolist()),
        reasons=_reasons(trial, gone, outcome, reason),
        selection=_selection(trial, gone),
        test=_test(trial, outcome, gone, draws=draws, rng=rng),
    )


def _gone(trial: Trial, outcome: str, horizon: float | None) -> BoolArray:
    observed = trial.outcome(outcome)
    if horizon is None:
        return observed.missing
    if not isinstance(observed, TimeToEvent):
        raise TrialError(
            f"`horizon` is {horizon!r}, but outcome {outcome!r} is read once; leave it out."
        )
    if not is_number(horizon) or not 0 < horizon < np.inf:
        raise TrialError(f"`horizon` must be a finite time above 0, got {horizon!r}.")
    early = ~observed.event & (observed.time < horizon)
    if observed.competing.size:
        early &= observed.competing == 0  # a death is known, not lost
    return observed.missing | early


def _reasons(
    trial: Trial, gone: BoolArray, outcome: str, reason: str | None
) -> tuple[LostRow, ...]:
    observed = trial.outcome(outcome)
    time = observed.time if isinstance(observed, TimeToEvent) else np.full(trial.n, np.nan)
    told = np.full(trial.n, "not told", dtype=object)
    if reason is not None:
        column = trial.column(reason)
        known = ~column.missing
        told[known] = np.array(column.group_names, dtype=object)[column.codes[known]]
    rows = []
    for code, arm in enumerate(trial.arms):
        here = gone & (trial.assignment.arm == code)
        for why in sorted(set(told[here].tolist())):
            when = time[here & (told == why)]
            seen = when[~np.isnan(when)]
            rows.append(
                LostRow(
                    arm=arm,
                    reason=why,
                    people=int(when.size),
                    median_time=float(np.median(seen)) if seen.size else NAN,
                )
            )
    return tuple(rows)


def _selection(trial: Trial, gone: BoolArray) -> tuple[SelectionRow, ...]:
    rows = []
    for name in trial.covariates:
        column = trial.column(name)
        parts = {name: column.values}
        if column.levels:  # each level as a column of yes and no
            parts = {
                f"{name}={level}": np.where(column.missing, np.nan, column.values == code)
                for code, level in enumerate(column.levels)
            }
        rows += [
            _compared(label, arm, values[trial.assignment.arm == code], gone_here)
            for label, values in parts.items()
            for code, arm in enumerate(trial.arms)
            for gone_here in (gone[trial.assignment.arm == code],)
        ]
    return tuple(rows)


def _compared(label: str, arm: str, values: FloatArray, gone: BoolArray) -> SelectionRow:
    """Compare the lost of one arm with the kept, of those whose value is known."""
    known = ~np.isnan(values)
    lost, kept = values[known & gone], values[known & ~gone]
    (mean_lost, sd_lost), (mean_kept, sd_kept) = mean_and_sd(lost), mean_and_sd(kept)
    return SelectionRow(
        covariate=label,
        arm=arm,
        mean_lost=mean_lost,
        mean_kept=mean_kept,
        difference=standardised(mean_lost - mean_kept, (sd_lost, sd_kept)),
    )


def _test(
    trial: Trial,
    outcome: str,
    gone: BoolArray,
    *,
    draws: int,
    rng: np.random.Generator | None,
) -> SignificanceTest:
    arm, k = trial.assignment.arm, len(trial.arms)
    table = np.bincount(arm * 2 + gone, minlength=2 * k).reshape(k, 2)
    shares = table[:, 1] / table.sum(axis=1)
    error, made, df = NAN, 0, NAN
    statistic = float(shares[1] - shares[0]) if k == 2 else float(np.ptp(shares))
    if not (table.sum(axis=0) > 0).all():
        p_value, method = 1.0, "nobody or everybody was lost"
    elif rng is not None:
        made = draws
        redrawn = _redrawn(trial, gone, draws=draws, rng=rng)
        p_value, error = redrawn.p_value, redrawn.error
        method = f"range of shares; {draws:,} allocations redrawn by the rule"
    elif k == 2:
        p_value, method = float(fisher_exact(table).pvalue), "Fisher's exact"
    else:
        found = chi2_contingency(table, correction=False)
        statistic, df = float(found.statistic), float(k - 1)
        p_value, method = float(found.pvalue), "chi-square"
    return SignificanceTest(
        test="differential attrition",
        outcome=outcome,
        analysis_set="itt",
        arms=trial.arms,
        statistic=statistic,
        df=df,
        p_value=p_value,
        method=method,
        n=trial.assignment.counts,
        draws=made,
        monte_carlo_error=error,
    )


def _redrawn(trial: Trial, gone: BoolArray, *, draws: int, rng: np.random.Generator) -> Tail:
    k = len(trial.arms)
    of = gone.astype(np.float64)

    def spread(codes: NDArray[np.integer]) -> FloatArray:
        each = []
        for code in range(k):
            here = (codes == code).astype(np.float64)
            with np.errstate(invalid="ignore", divide="ignore"):
                each.append(here @ of / here.sum(axis=1))
        return floats(np.nan_to_num(np.ptp(np.stack(each), axis=0)))

    bar = spread(trial.assignment.arm[None, :])[0] - 1e-12
    return tail(trial.assignment, lambda codes: spread(codes) >= bar, draws=draws, rng=rng)
