"""One test of all baseline covariates together."""

from collections.abc import Sequence

import numpy as np
from scipy.special import chdtrc

from checkpoint_eval._arrays import FloatArray, IntArray
from checkpoint_eval._checks import as_names
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.baseline import Covariate
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.results import NAN, SignificanceTest

# Directions with less than this share of the largest variance are rounding, not balance.
RANK_TOLERANCE = 1e-10


def omnibus_balance(
    trial: Trial,
    *,
    covariates: str | Sequence[str] | None = None,
    strata: str | Sequence[str] | None = None,
) -> SignificanceTest:
    """Test whether the arms differ at baseline more than the randomisation explains.

    Parameters
    ----------
    trial : Trial
        Two arms or more.
    covariates : str or sequence of str, optional
        Default: the trial's covariates.
    strata : str or sequence of str, optional
        Columns within whose combinations people were randomised. Default: the trial's strata.

    Returns
    -------
    SignificanceTest
        Chi-square on the rank of the covariates (times the treatment arms).

    Raises
    ------
    TrialError
        When there are no covariates.
    UnknownColumn
        For a covariate or stratum the trial does not have.

    Notes
    -----
    The covariance is that of complete randomisation within strata with the numbers seen, so nothing
    is fitted; the chi-square distribution holds for large samples. Categories enter as 0/1 columns.
    Missing values stand at the mean of the known, and whether a value is missing is itself
    compared.

    References
    ----------
    Hansen and Bowers (2008), Statistical Science 23:219, their combined statistic d²; it is the
    quadratic form d'V⁺d written in docs/methods.md. Checked against R coin (quadratic form) on
    Rossi and nuclear, and full enumeration.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> test = omnibus_balance(load_rossi())
    >>> round(test.statistic, 4), int(test.df)
    (4.2513, 6)
    """
    check_trial(trial)
    names = trial.covariates if covariates is None else as_names(covariates)
    by = trial.assignment.stratified_by if strata is None else as_names(strata)
    names = tuple(name for name in names if name not in by)
    if not names:
        raise TrialError("The trial has no covariates to compare; name some in `covariates`.")
    stratum = _stratum_codes(trial, strata)
    x = np.concatenate([_numbers(trial.column(name)) for name in names], axis=1)
    statistic, df = _quadratic(x, trial.assignment.arm, stratum, arms=len(trial.arms))
    method = f"Hansen–Bowers; {', '.join(names)}" + (f"; within {', '.join(by)}" if by else "")
    return SignificanceTest(
        test="omnibus balance test",
        outcome="",
        analysis_set="itt",
        arms=trial.arms,
        statistic=statistic if df else NAN,
        df=float(df) if df else NAN,
        p_value=float(chdtrc(df, statistic)) if df else NAN,
        method=method if df else f"{method}; not estimable: no covariate varies within strata",
        n=trial.assignment.counts,
    )


def _stratum_codes(trial: Trial, strata: str | Sequence[str] | None) -> IntArray:
    if strata is None:
        return trial.assignment.stratum
    codes = [trial.column(name).codes for name in as_names(strata)]
    if not codes:
        return np.zeros(trial.n, dtype=np.int64)
    return np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)[1].reshape(-1)


def _numbers(column: Covariate) -> FloatArray:
    """Return (n, c) columns with missing values at the mean, and a column of missingness."""
    missing = column.missing
    if column.levels:
        values = (column.values[:, None] == np.arange(len(column.levels))).astype(np.float64)
    else:
        values = column.values[:, None].copy()
    values[missing] = values[~missing].mean(axis=0)
    return np.column_stack([values, missing.astype(np.float64)]) if missing.any() else values


def _quadratic(x: FloatArray, arm: IntArray, stratum: IntArray, *, arms: int) -> tuple[float, int]:
    """Return d'V⁺d and the rank of V, d the arms' sums of centred covariates over strata."""
    scale = x.std(axis=0)
    x = x / np.where(scale > 0, scale, 1.0)
    p, k = x.shape[1], arms - 1
    d, v = np.zeros(k * p), np.zeros((k * p, k * p))
    for code in range(int(stratum.max()) + 1):
        member = stratum == code
        n = int(member.sum())
        if n < 2:
            continue
        centred = x[member] - x[member].mean(axis=0)
        share = np.bincount(arm[member], minlength=arms)[1:] / n
        d += np.stack([centred[arm[member] == a].sum(axis=0) for a in range(1, arms)]).ravel()
        spread = centred.T @ centred / (n - 1)
        v += np.kron(n * (np.diag(share) - np.outer(share, share)), spread)
    values, vectors = np.linalg.eigh(v)
    kept = values > RANK_TOLERANCE * max(values.max(), np.finfo(float).tiny)
    along = vectors.T[kept] @ d
    return float((along**2 / values[kept]).sum()), int(kept.sum())
