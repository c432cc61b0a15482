"""One test of all baseline covariates together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import as_names, check_count
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.baseline import Covariate, crossed
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.randomise.redrawing import tail
from checkpoint_eval.results import NAN, SignificanceTest

# Directions with less than this share of the largest variance are rounding, not balance.
RANK_TOLERANCE = 1e-10
# What rounding leaves of a constant, as a share of the covariate's size.
ROUNDING = 1e-13


def omnibus_balance(
    trial: Trial,
    *,
    covariates: str | Sequence[str] | None = None,
    strata: str | Sequence[str] | None = None,
    clusters: str | Sequence[str] | None = None,
    draws: int = 10_000,
    rng: np.random.Generator | None = None,
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
    clusters : str or sequence of str, optional
        Columns whose combinations were randomised as a whole: their sums are compared. Default:
        those of a stated `Clustered` rule.
    draws : int
    rng : numpy.random.Generator, optional
        With it p comes from redrawing the trial's own rule, whatever its size; the statistic stays.

    Returns
    -------
    SignificanceTest
        Chi-square on the rank of the covariates (times the treatment arms), or with `rng`
        p = (b + 1) / (draws + 1).

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
    form = _form_of(trial, names, strata, clusters)
    statistic, df = form.value(trial.assignment.arm), form.rank
    method = f"Hansen–Bowers; {', '.join(names)}" + (f"; within {', '.join(by)}" if by else "")
    method += form.told
    p_value, error = float(chdtrc(df, statistic)) if df else NAN, NAN
    if rng is not None:
        method += f"; p from {check_count(draws, 'draws'):,} allocations redrawn by the rule"
        if df:
            bar = statistic * (1 - 1e-9)
            found = tail(
                trial.assignment, lambda codes: form.values(codes) >= bar, draws=draws, rng=rng
            )
            p_value, error = found.p_value, found.error
    return SignificanceTest(
        test="omnibus balance test",
        outcome="",
        analysis_set="itt",
        arms=trial.arms,
        statistic=statistic if df else NAN,
        df=float(df) if df else NAN,
        p_value=p_value,
        method=method if df else f"{method}; not estimable: no covariate varies within strata",
        n=trial.assignment.counts,
        draws=draws if rng is not None else 0,
        monte_carlo_error=error,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Form:
    """The quadratic form d'V⁺d: what each person adds to d in each treatment arm, and V⁺.

    Attributes
    ----------
    centred : (n, p) float
        Covariates less their mean over the units of the stratum, each person's share of a cluster.
    inverse : (kp, kp) float
    rank : int
    arms : int
    """

    centred: FloatArray
    inverse: FloatArray
    rank: int
    arms: int
    told: str

    def value(self, arm: IntArray) -> float:
        """Return the statistic of one allocation."""
        return float(self.values(arm[None, :])[0])

    def values(self, arms: NDArray[np.integer]) -> FloatArray:
        """Return (b,) statistics of (b, n) allocations."""
        d = np.concatenate(
            [(arms == code).astype(np.float64) @ self.centred for code in range(1, self.arms)],
            axis=1,
        )
        return floats(np.einsum("bi,ij,bj->b", d, self.inverse, d))


def _form_of(
    trial: Trial,
    names: Sequence[str],
    strata: str | Sequence[str] | None,
    clusters: str | Sequence[str] | None,
) -> Form:
    """Return the form for the trial's covariates, strata and clusters."""
    stratum = _stratum_codes(trial, strata)
    x = np.concatenate([_numbers(trial.column(name)) for name in names], axis=1)
    x = x - x[0]  # far from 0 digits would be lost
    scale = x.std(axis=0)
    x = x / np.where(scale > 0, scale, 1.0)
    unit, by = _units(trial, clusters)
    k = len(trial.arms) - 1
    centred, v = np.empty_like(x), np.zeros((k * x.shape[1], k * x.shape[1]))
    for code in range(int(stratum.max()) + 1):
        member = np.flatnonzero(stratum == code)
        centred[member], spread = _within(x[member], unit[member], trial, member)
        v += spread
    # Each in units of its spread within strata; what rounding left of a constant is none.
    spread = np.sqrt(np.diag(v))
    rounding = ROUNDING * np.sqrt(trial.n) * np.tile(np.abs(x).max(axis=0), k)
    unit_of = np.where(spread > rounding, spread, np.inf)
    values, vectors = np.linalg.eigh(v / np.outer(unit_of, unit_of))
    kept = values > RANK_TOLERANCE * max(values.max(), np.finfo(float).tiny)
    vectors = vectors[:, kept] / unit_of[:, None]
    inverse = (vectors / values[kept]) @ vectors.T
    return Form(
        centred=centred,
        inverse=inverse,
        rank=int(kept.sum()),
        arms=k + 1,
        told=f"; of whole {', '.join(by)}" if by else "",
    )


def _within(
    x: FloatArray, unit: IntArray, trial: Trial, member: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return one stratum's centred covariates and the covariance of its part of d.

    Units are people, or clusters with the sums of theirs: complete randomisation of units, with
    the numbers of units in each arm that were seen.
    """
    arms = len(trial.arms)
    _, first, code = np.unique(unit, return_index=True, return_inverse=True)
    units = first.size
    mean = x.mean(axis=0)
    centred = x - mean
    total = np.stack([np.bincount(code, weights=column) for column in centred.T], axis=1)
    size = np.bincount(code)
    if units < 2:
        return np.zeros_like(x), np.zeros(((arms - 1) * x.shape[1],) * 2)
    share = np.bincount(trial.assignment.arm[member][first], minlength=arms)[1:] / units
    spread = total.T @ total / (units - 1)
    cross = units * (np.diag(share) - np.outer(share, share))
    return total[code] / size[code][:, None], floats(np.kron(cross, spread))


def _units(trial: Trial, clusters: str | Sequence[str] | None) -> tuple[IntArray, tuple[str, ...]]:
    """Return (n,) codes of what was randomised, and the columns that tell it; people by default."""
    names = () if clusters is None else as_names(clusters)
    rule = trial.assignment.rule
    if names:
        unit, _ = crossed([trial.column(name) for name in names])
    elif clusters is None and rule is not None and rule.clusters and trial.assignment.people:
        factors = rule.clusters[0]
        names = tuple(factor.name for factor in factors)
        unit, _ = trial.assignment.people.strata(factors)
    else:
        return np.arange(trial.n), ()
    mixed = np.unique(np.stack([unit, trial.assignment.arm], axis=1), axis=0)
    if len(mixed) > np.unique(unit).size:
        raise TrialError(
            f"`clusters` {', '.join(names)}: some hold people of several arms, so they were not "
            "allocated as a whole; leave `clusters` out."
        )
    return unit, names


def _stratum_codes(trial: Trial, strata: str | Sequence[str] | None) -> IntArray:
    if strata is None:
        return trial.assignment.stratum
    names = as_names(strata)
    if not names:
        return np.zeros(trial.n, dtype=np.int64)
    return crossed([trial.column(name) for name in names])[0]


def _numbers(column: Covariate) -> FloatArray:
    """Return (n, c) columns with missing values at the mean, and a column of missingness."""
    missing = column.missing
    if column.levels:
        values = (column.values[:, None] == np.arange(len(column.levels))).astype(np.float64)
    else:
        values = column.values[:, None].copy()
    values[missing] = values[~missing].mean(axis=0)
    return np.column_stack([values, missing.astype(np.float64)]) if missing.any() else values
