"""Sample ratio: whether as many people landed in each arm as promised."""

from collections.abc import Sequence

import numpy as np
from scipy.special import chdtrc
from scipy.stats import binomtest

from checkpoint_eval._checks import check_positive
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.results import NAN, SignificanceTest


def sample_ratio_test(trial: Trial, *, ratio: Sequence[float] | None = None) -> SignificanceTest:
    """Test whether the numbers in each arm fit the promised ratio.

    Parameters
    ----------
    trial : Trial
    ratio : sequence of float, optional
        One number for each arm, control first; only proportions matter. Default: the protocol's
        ratio, or equal arms.

    Returns
    -------
    SignificanceTest
        Two arms: exact binomial p, `statistic` the share in treatment minus its promise. More
        arms: Pearson's chi-square.

    Raises
    ------
    ImpossibleDesign
        When the ratio has not one number for each arm.

    Notes
    -----
    The p-value supposes that each person was drawn independently. Complete randomisation, the
    rule of this version, fixes the numbers: a departure is then a matter of record-keeping, and
    the p-value only a measure of its size.

    References
    ----------
    Binomial: the chance of all numbers no likelier than those seen, as R binom.test; Pearson
    (1900). Checked against R binom.test and chisq.test.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> sample_ratio_test(load_rossi()).p_value
    1.0
    """
    check_trial(trial)
    if ratio is None:
        ratio = trial.protocol.allocation.ratio if trial.protocol else (1,) * len(trial.arms)
    if isinstance(ratio, str) or not isinstance(ratio, Sequence | np.ndarray):
        raise ImpossibleDesign(
            f"`ratio` must be a sequence of numbers, control first, got {ratio!r}; write (1, 1)."
        )
    parts = np.array([check_positive(part, "ratio") for part in ratio])
    if parts.size != len(trial.arms):
        raise ImpossibleDesign(
            f"`ratio` has {parts.size} parts for {len(trial.arms)} arms; give one number for each "
            "arm, control first."
        )
    counts, promised = np.array(trial.assignment.counts), parts / parts.sum()
    told = ":".join(f"{part:g}" for part in parts)
    if counts.size == 2:
        statistic, df = float(counts[1] / trial.n - promised[1]), NAN
        p_value = float(binomtest(int(counts[1]), trial.n, float(promised[1])).pvalue)
        method = f"exact binomial against {told}, control first"
    else:
        expected = trial.n * promised
        statistic, df = float(((counts - expected) ** 2 / expected).sum()), float(counts.size - 1)
        p_value = float(chdtrc(df, statistic))
        method = f"chi-square against {told}, control first"
    return SignificanceTest(
        test="sample ratio test",
        outcome="",
        analysis_set="itt",
        arms=trial.arms,
        statistic=statistic,
        df=df,
        p_value=min(1.0, p_value),
        method=method,
        n=trial.assignment.counts,
    )
