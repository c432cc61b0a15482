"""The largest of several weighted log-rank tests, with their joint distribution."""

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr
from scipy.stats import multivariate_normal

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.compared import compare, strata_of
from checkpoint_eval.models.event_tables import EventTable
from checkpoint_eval.models.logrank_weights import FlemingHarrington, Weight, check_weight
from checkpoint_eval.models.weighted_logrank import NO_VARIANCE
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, SignificanceTest

USUAL: tuple[Weight, ...] = tuple(
    FlemingHarrington(rho=rho, gamma=gamma) for rho, gamma in ((0, 0), (0, 1), (1, 0), (1, 1))
)
POINTS = 1_000_000  # of the integration at most; its error was 1.5e-5 for four weights


def maxcombo_test(
    trial: Trial,
    *,
    outcome: str,
    weights: Sequence[Weight] = USUAL,
    strata: str | Sequence[str] | None = None,
    analysis_set: str = "itt",
) -> SignificanceTest:
    """Test whether two arms differ by the largest of several weighted log-rank tests.

    Parameters
    ----------
    trial : Trial
        Two arms.
    outcome : str
        A time-to-event outcome.
    weights : sequence of Weight
        Fleming–Harrington (0, 0), (0, 1), (1, 0) and (1, 1) unless said.
    strata : str or sequence of str, optional
        As in `logrank_test`.
    analysis_set : str

    Returns
    -------
    SignificanceTest
        `statistic` is the signed z of the largest size; `p_value` two-sided, from the joint normal
        distribution of all, so that looking for the largest costs what it must.

    Raises
    ------
    TrialError
        When the trial has more than two arms, or fewer than two weights are given.

    Notes
    -----
    For effects whose shape over time is not known beforehand. It tells that arms differ, not that
    treatment is better throughout: with crossing curves either sign may be the largest.

    References
    ----------
    Karrison (2016), Stata Journal 16, 678-690; covariance Σ w_a w_b V. Checked against R
    simtrial's z-values and p-values on Rossi and lung, and a slow reference.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> round(maxcombo_test(load_rossi(), outcome="rearrest").p_value, 3)
    0.079
    """
    several = tuple(weights) if isinstance(weights, Sequence) else ()
    if len(several) < 2:
        raise TrialError(f"`weights` must list two or more, got {weights!r}.")
    for weight in several:
        check_weight(weight)
    people = compare(trial, outcome=outcome, analysis_set=analysis_set, kind="time", every_arm=True)
    if len(people.arms) != 2:
        raise TrialError(
            f"`maxcombo_test` compares two arms, the trial has {len(people.arms)}; read two of "
            "them as a trial of their own."
        )
    stratum, told = strata_of(trial, people, strata)
    scores, covariance = joint_scores(people.table_by_stratum(stratum), several)
    z, p_value = _largest(scores, covariance)
    names = ", ".join(weight.told for weight in several)
    method = "; ".join(part for part in (f"largest of {names}; joint normal p", told) if part)
    if np.isnan(p_value):
        method += f"; not estimable: {_lacking(covariance, several)}"
    return SignificanceTest(
        test="MaxCombo test",
        outcome=outcome,
        analysis_set=analysis_set,
        arms=people.arms,
        statistic=z,
        df=1.0,
        p_value=p_value,
        method=method,
        n=people.n,
        events=people.events(),
        missing=people.missing,
        unit=people.unit,
    )


def joint_scores(table: EventTable, weights: Sequence[Weight]) -> tuple[FloatArray, FloatArray]:
    """Return (q,) observed less expected events in treatment, and their (q, q) covariance."""
    r, d = table.at_risk, table.events
    pooled_r, pooled_d = r.sum(axis=-2), d.sum(axis=-2)
    w = np.stack(
        [
            np.broadcast_to(each.weights(pooled_r, pooled_d, table.time), pooled_d.shape)
            for each in weights
        ]
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(pooled_r > 0, r[..., 1, :] / pooled_r, 0.0)
        tie = np.where(pooled_r > 1, pooled_d * (pooled_r - pooled_d) / (pooled_r - 1), 0.0)
    variance = tie * share * (1 - share)
    scores = (w * (d[..., 1, :] - pooled_d * share)).sum(axis=(-2, -1))
    return floats(scores), floats(np.einsum("asm,bsm,sm->ab", w, w, variance))


def _lacking(covariance: FloatArray, weights: Sequence[Weight]) -> str:
    """Return the weights under which nothing varies, or that there is no variance at all."""
    flat = ~(np.diag(covariance) > 0)
    if flat.all():
        return NO_VARIANCE
    names = [weight.told for weight, none in zip(weights, flat, strict=True) if none]
    return f"weighted by {' or '.join(names)} the event times leave no variance"


def _largest(scores: FloatArray, covariance: FloatArray) -> tuple[float, float]:
    """Return the signed z of the largest size, and how likely one as large is."""
    error = np.sqrt(np.diag(covariance))
    if not (error > 0).all():
        return NAN, NAN
    z = scores / error
    top = float(z[np.abs(z).argmax()])
    joint = multivariate_normal(
        cov=covariance / np.outer(error, error),
        allow_singular=True,
        maxpts=POINTS,
        abseps=1e-6,
        releps=0,
    )
    bound = np.full(z.size, abs(top))
    joint.random_state = np.random.default_rng(1)  # the integration's points are the same each time
    inside = float(joint.cdf(bound, lower_limit=-bound))
    # the largest of several is never less likely than one of them alone
    return top, float(np.clip(1 - inside, 2 * ndtr(-abs(top)), 1.0))
