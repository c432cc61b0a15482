"""Gray's test of equal cumulative incidence."""

from collections.abc import Sequence

import numpy as np
from scipy.special import chdtrc, ndtr

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval.models.compared import compare, strata_of
from checkpoint_eval.models.competing import CauseTable, cause_row, cause_table, causes_of
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, SignificanceTest


def gray_test(
    trial: Trial,
    *,
    outcome: str,
    cause: str | None = None,
    strata: str | Sequence[str] | None = None,
    analysis_set: str = "itt",
) -> SignificanceTest:
    """Test whether the cumulative incidence of a cause is the same in every arm.

    Parameters
    ----------
    trial : Trial
        Two arms or more.
    outcome : str
        A time-to-event outcome with competing causes.
    cause : str, optional
        A competing cause; the event itself when left out.
    strata : str or sequence of str, optional
        Columns within whose combinations arms are compared. Default: the strata of the
        randomisation. ``()`` means none.
    analysis_set : str

    Returns
    -------
    SignificanceTest
        Two arms: a signed z, negative when treatment has fewer than expected; more arms: the
        chi-square on k − 1 df.

    Raises
    ------
    TrialError
        When the outcome has no such cause.

    References
    ----------
    Gray (1988), Annals of Statistics 16, 1141-1154, with weight 1 (ρ = 0). Checked against R
    cmprsk::cuminc on mgus2, strata included.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval.cohort import Recording, Scenario, generate, practice_trial
    >>> told = Scenario(people=300, recording=Recording(deaths=0.2))
    >>> trial = practice_trial(generate(told, np.random.default_rng(1)))
    >>> gray_test(trial, outcome="reoffence").df
    1.0
    """
    people = compare(trial, outcome=outcome, analysis_set=analysis_set, kind="time", every_arm=True)
    codes, names = causes_of(trial, people)
    row = cause_row(outcome, names, cause)
    kind = np.where(codes == row + 1, 1, np.where(codes > 0, 2, 0))
    stratum, told = strata_of(trial, people, strata)
    member = np.zeros(people.time.size, dtype=np.int64) if stratum is None else stratum
    k = len(people.arms)
    score, variance = np.zeros(k), np.zeros((k, k))
    for code in range(int(member.max(initial=0)) + 1):
        here = member == code
        table = cause_table(people.time[here], kind[here], people.arm[here], causes=2, groups=k)
        part = gray_score(table)
        score, variance = score + part[0], variance + part[1]
    statistic, df, p_value = _gray_result(score, variance)
    what = "" if row == 0 else f" of {cause}"
    method = "; ".join(part for part in ("Gray, weight 1", told) if part)
    if np.isnan(p_value):
        method += "; not estimable: nobody has it while both arms are at risk"
    return SignificanceTest(
        test=f"Gray's test{what}",
        outcome=outcome,
        analysis_set=analysis_set,
        arms=people.arms,
        statistic=statistic,
        df=df,
        p_value=p_value,
        method=method,
        n=people.n,
        events=tuple(int(((people.arm == code) & (kind == 1)).sum()) for code in range(k)),
        missing=people.missing,
        unit=people.unit,
    )


def _gray_result(score: FloatArray, variance: FloatArray) -> tuple[float, float, float]:
    """Return statistic, df and p: a signed z for two arms."""
    values, vectors = np.linalg.eigh(variance)
    kept = values > 1e-12 * max(float(values.max()), np.finfo(float).tiny)
    if not kept.any():
        return NAN, NAN, NAN
    if score.size == 2:
        z = float(score[1] / np.sqrt(variance[1, 1]))
        return z, 1.0, float(2 * ndtr(-abs(z)))
    parts = vectors.T[kept] @ score
    statistic = float((parts**2 / values[kept]).sum())
    df = float(kept.sum())
    return statistic, df, float(chdtrc(df, statistic))


def gray_score(table: CauseTable) -> tuple[FloatArray, FloatArray]:
    """Return (k,) Gray's scores of the first cause and their (k, k) covariance.

    With R_j = r_j/S_j(t−) and pooled dF = d₁/ΣR_j, score k is
    Σ d₁ₖ − d₁·R_k(1 − F_k)/ΣR_j(1 − F_j). Its influence is, for the first cause in group j,
    (a_kj + (1 − (1 − F)/S_j)·A_kj)·S_j/r_j and, for another, (1 − F)/S_j·A_kj·S_j/r_j, with
    a_kj = R_j(δ_kj − R_k/ΣR) and A_kj what is still to come of Σ a_kj dF/(1 − F).
    """
    r, d1, d2 = floats(table.at_risk), *floats(table.events[:2])
    events, here = floats(d1.sum(axis=0)), r > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        after = floats(np.cumprod(np.where(here, 1 - (d1 + d2) / r, 1.0), axis=-1))
        before = _shifted(after, 1.0)
        own = floats(np.cumsum(np.where(here, before * d1 / r, 0.0), axis=-1))
        held = np.where(here & (before > 0), r / before, 0.0)
        everyone = held.sum(axis=0)
        jump = np.where(everyone > 0, events / everyone, 0.0)
        risk = held * (1 - _shifted(own, 0.0))
        expected = np.where(risk.sum(axis=0) > 0, events * risk / risk.sum(axis=0), 0.0)
        tie1 = np.where(events > 1, 1 - (events - 1) / (everyone * before - 1), 1.0)
        tie2 = np.where(d2 > 1, 1 - (d2 - 1) / (r - 1), 1.0)
        weight1 = np.where(here & (everyone > 0), tie1 * before * jump / r, 0.0)
        weight2 = np.where(here, tie2 * (before / r) ** 2 * d2, 0.0)
    at_event, at_other = _influence(held, everyone, jump, after)
    variance = np.einsum("kjm,ljm,jm->kl", at_event, at_event, weight1)
    variance += np.einsum("kjm,ljm,jm->kl", at_other, at_other, weight2)
    return (d1 - expected).sum(axis=-1), variance


def _shifted(values: FloatArray, first: float) -> FloatArray:
    """Return a step function just before each time."""
    start = np.full_like(values[..., :1], first)
    return np.concatenate([start, values[..., :-1]], axis=-1)


def _influence(
    held: FloatArray, everyone: FloatArray, jump: FloatArray, after: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return (k, k, m) influence of an event of the cause, and of another, on each score."""
    pooled = np.cumsum(jump)
    free = 1 - _shifted(pooled, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(everyone > 0, held / everyone, 0.0)
        gained = np.where(free > 0, jump / free, 0.0)
        left = np.where(after > 0, (1 - pooled) / after, 0.0)
    a = held[None] * (np.eye(held.shape[0])[:, :, None] - share[:, None])
    coming = a * gained
    later = np.cumsum(coming[..., ::-1], axis=-1)[..., ::-1] - coming
    return floats(a + (1 - left) * later), floats(left * later)
