"""Log-rank tests: weighted, stratified, any number of arms, batched."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtr

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval._display import Shown, grid_frame
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.compared import compare, strata_of
from checkpoint_eval.models.event_tables import EventTable, check_table
from checkpoint_eval.models.logrank_weights import LOG_RANK, Weight, check_weight
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, SignificanceTest

NO_VARIANCE = (
    "the event times leave no variance (nobody with the event, one arm at risk, or everyone with "
    "the event at once)"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class LogRank(Shown):
    """Observed and expected events, and the covariance of their difference, summed over strata.

    Attributes
    ----------
    observed, expected : (..., k) float
        Weighted counts by arm.
    covariance : (..., k, k) float
        Of observed − expected.
    """

    observed: FloatArray
    expected: FloatArray
    covariance: FloatArray

    def to_frame(self) -> pd.DataFrame:
        """Return one row a group; the places of a batch come first."""
        return grid_frame(("group",), observed=self.observed, expected=self.expected)


def logrank(table: EventTable, weight: Weight = LOG_RANK) -> LogRank:
    """Return observed minus expected events and their covariance.

    Parameters
    ----------
    table : EventTable
        at_risk (..., s, k, m): strata on the third axis from the end; sums run over them.
    weight : Weight

    References
    ----------
    Mantel (1966), hypergeometric variance; Fleming and Harrington (1991); strata: Collett (2015),
    section 2.8; written out in docs/methods.md. Checked against R survdiff.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> from checkpoint_eval.models import compare
    >>> table = compare(load_rossi(), outcome="rearrest").table_by_stratum(None)
    >>> found = logrank(table)
    >>> found.observed, found.expected.round(2)
    (array([66., 48.]), array([55.57, 58.43]))
    """
    check_weight(weight)
    r, d = check_table(table, axes=3).at_risk, table.events
    pooled_r, pooled_d = r.sum(axis=-2), d.sum(axis=-2)
    w = weight.weights(pooled_r, pooled_d, table.time)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(pooled_r[..., None, :] > 0, r / pooled_r[..., None, :], 0.0)
        # With one person at risk the variance is exactly 0; 0/0 would hide it.
        tie = np.where(pooled_r > 1, pooled_d * (pooled_r - pooled_d) / (pooled_r - 1), 0.0)
    scaled = w**2 * tie
    cross = np.einsum("...skm,...slm,...sm->...kl", share, share, scaled, optimize=True)
    own = np.einsum("...skm,...sm->...k", share, scaled)
    diagonal = own[..., None] * np.eye(own.shape[-1])
    return LogRank(
        observed=np.einsum("...skm,...sm->...k", d, np.broadcast_to(w, pooled_d.shape)),
        expected=np.einsum("...skm,...sm->...k", share, w * pooled_d),
        covariance=diagonal - cross,
    )


def logrank_z(table: EventTable, weight: Weight = LOG_RANK) -> FloatArray:
    """Return (...) the signed two-arm statistic; NaN where it has no variance.

    `table` has shape (..., s, 2, m). Negative: fewer events than expected in treatment.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> from checkpoint_eval.models import compare
    >>> table = compare(load_rossi(), outcome="rearrest").table_by_stratum(None)
    >>> round(float(logrank_z(table)), 3)
    -1.959
    """
    check_weight(weight)
    r, d = check_table(table, axes=3).at_risk, table.events
    if r.shape[-2] != 2:
        raise TrialError(
            f"`logrank_z` compares two groups, `table` has {r.shape[-2]}; use `logrank`."
        )
    pooled_r, pooled_d = r.sum(axis=-2), d.sum(axis=-2)
    w = weight.weights(pooled_r, pooled_d, table.time)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(pooled_r > 0, r[..., 1, :] / pooled_r, 0.0)
        tie = np.where(pooled_r > 1, pooled_d * (pooled_r - pooled_d) / (pooled_r - 1), 0.0)
    difference = (w * (d[..., 1, :] - pooled_d * share)).sum(axis=(-2, -1))
    variance = (w**2 * tie * share * (1 - share)).sum(axis=(-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(variance > 0, difference / np.sqrt(variance), np.nan)


def logrank_test(
    trial: Trial,
    *,
    outcome: str,
    weight: Weight = LOG_RANK,
    strata: str | Sequence[str] | None = None,
    analysis_set: str = "itt",
) -> SignificanceTest:
    """Test whether the arms have the event at the same rate over time.

    Parameters
    ----------
    trial : Trial
        Two arms or more.
    outcome : str
        A time-to-event outcome.
    weight : FlemingHarrington, Gehan, TaroneWare, PetoPeto or ModestlyWeighted
        How much each event time counts; all alike by default.
    strata : str or sequence of str, optional
        Baseline columns; expectations are formed within their combinations. Default: the strata
        of the randomisation. ``()`` means none.
    analysis_set : str

    Returns
    -------
    SignificanceTest
        Two arms: `statistic` is the signed z, negative when treatment has fewer events than
        expected; its square is a chi-square on 1 df. More arms: the chi-square on k − 1 df.

    Raises
    ------
    UnknownColumn
        When outcome, strata or analysis set is not in the trial.
    ImpossibleDesign
        When an arm has nobody with a known outcome.

    Notes
    -----
    Valid when censoring is independent of event time given arm and strata; most powerful,
    unweighted, when hazards are proportional. Survival in the weight is pooled over arms. Ties:
    hypergeometric variance.

    References
    ----------
    Mantel (1966); Fleming and Harrington (1991); strata: Collett (2015), section 2.8.
    Checked against R survdiff on Rossi, recid and lung, and a slow reference.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> round(logrank_test(load_rossi(), outcome="rearrest").statistic, 4)
    -1.959
    """
    check_weight(weight)
    people = compare(trial, outcome=outcome, analysis_set=analysis_set, kind="time", every_arm=True)
    stratum, told = strata_of(trial, people, strata)
    table = people.table_by_stratum(stratum)
    method = _method(weight, told)
    k = len(people.arms)
    if k == 2:
        z = float(logrank_z(table, weight))
        statistic, df, p_value = z, 1.0, float(2 * ndtr(-abs(z)))
    else:
        statistic, df = _chi_square(logrank(table, weight))
        p_value = float(chdtrc(df, statistic)) if df > 0 else NAN
    if np.isnan(p_value):
        method += f"; not estimable: {NO_VARIANCE}"
    return SignificanceTest(
        test="log-rank test",
        outcome=outcome,
        analysis_set=analysis_set,
        arms=people.arms,
        statistic=statistic,
        df=df,
        p_value=p_value,
        method=method,
        n=people.n,
        events=people.events(),
        missing=people.missing,
        unit=people.unit,
    )


def _method(weight: Weight, strata: str) -> str:
    kind = "log-rank" if weight == LOG_RANK else f"{weight.told} weighted log-rank"
    return "; ".join(part for part in (kind, "hypergeometric variance", strata) if part)


def _chi_square(test: LogRank) -> tuple[float, float]:
    """Return the quadratic form of one trial and its rank; (NaN, NaN) without variance."""
    difference = test.observed - test.expected
    values, vectors = np.linalg.eigh(test.covariance)
    kept = values > 1e-12 * max(values.max(), np.finfo(float).tiny)
    if not kept.any():
        return NAN, NAN
    scores = vectors.T[kept] @ difference
    return float((scores**2 / values[kept]).sum()), float(kept.sum())
