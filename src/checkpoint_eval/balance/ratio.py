"""Sample ratio: whether as many people landed in each arm as promised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtrc
from scipy.stats import binomtest

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import as_names, check_positive
from checkpoint_eval._display import Shown, text_table
from checkpoint_eval.design.rerandomised import Rerandomised
from checkpoint_eval.design.within import Stratified
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.outcomes.baseline import crossed
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.results import NAN, SignificanceTest

# Sums of larger parts would overflow.
MOST = 1e300


def sample_ratio_test(trial: Trial, *, ratio: Sequence[float] | None = None) -> SignificanceTest:
    """Test whether the numbers in each arm fit the promised ratio.

    Parameters
    ----------
    trial : Trial
    ratio : sequence of float, optional
        One number for each arm, control first; only proportions matter. Default: the ratio of the
        rule or the protocol, or equal arms; where strata have rules of different ratios, each
        person's own.

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
    The p-value supposes that each person was drawn independently. Blocks, minimisation and
    complete randomisation hold the numbers closer, so that a departure which passes here may still
    be impossible under them: `drift` compares with the rule itself.

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
    return _tested(trial, np.array(trial.assignment.counts), promised_ratio(trial, ratio))


def promised_ratio(trial: Trial, ratio: Sequence[float] | None = None) -> FloatArray:
    """Return (k,) the ratio that all people together were promised; see `sample_ratio_test`."""
    return _together(_promised(trial, ratio))


def _promised(trial: Trial, ratio: Sequence[float] | None) -> FloatArray:
    """Return (n, k) the ratio promised each: as given, the rule's, the protocol's, or equal arms.

    A rule may promise strata different ratios.
    """
    if ratio is not None or trial.assignment.rule is None:
        return np.tile(_parts(trial, ratio), (trial.n, 1))
    rule, people = trial.assignment.redrawn_by()
    while isinstance(rule, Rerandomised):
        rule = rule.rule
    promised = np.tile(np.array(rule.shares(), dtype=np.float64), (trial.n, 1))
    if isinstance(rule, Stratified) and isinstance(rule.rule, Mapping):
        for within, rows in rule.parts(people):
            promised[trial.assignment.order[rows]] = within.shares()
    return promised


def _together(promised: FloatArray) -> FloatArray:
    """Return the ratio of several people: theirs, or the mean of the shares where they differ."""
    if (promised == promised[0]).all():
        return floats(promised[0])
    return floats((promised / promised.sum(axis=1, keepdims=True)).mean(axis=0))


def _parts(trial: Trial, ratio: Sequence[float] | None) -> FloatArray:
    """Return the ratio given, the protocol's, or equal arms."""
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
    return parts if parts.max() < MOST else floats(parts / parts.max())


def _tested(trial: Trial, counts: IntArray, parts: FloatArray, where: str = "") -> SignificanceTest:
    """Test the numbers by arm of the whole trial or of one stratum."""
    people, promised = int(counts.sum()), parts / parts.sum()
    told = ":".join(f"{part:g}" for part in parts)
    if counts.size == 2:
        statistic, df = float(counts[1] / people - promised[1]), NAN
        p_value = float(binomtest(int(counts[1]), people, float(promised[1])).pvalue)
        method = f"exact binomial against {told}, control first"
    else:
        statistic, df = _pearson(counts, people * promised)
        p_value = float(chdtrc(df, statistic))
        method = f"chi-square against {told}, control first"
    return SignificanceTest(
        test="sample ratio test",
        outcome=where,
        analysis_set="itt",
        arms=trial.arms,
        statistic=statistic,
        df=df,
        p_value=min(1.0, p_value),
        method=method,
        n=tuple(int(count) for count in counts),
    )


def _pearson(counts: IntArray, expected: FloatArray) -> tuple[float, float]:
    """Return chi-square and degrees of freedom, over the arms that people may have."""
    may = expected > 0
    return float(((counts - expected)[may] ** 2 / expected[may]).sum()), float(may.sum() - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioTable(Shown):
    """Sample ratio tests of each stratum, and of all together.

    Attributes
    ----------
    by : tuple of str
    strata : tuple of str
    tests : tuple of SignificanceTest
        One a stratum.
    overall : SignificanceTest
        Pearson's chi-squares of all strata added up, one degree of freedom fewer than arms for
        each: not moved by departures in opposite directions cancelling.
    """

    by: tuple[str, ...]
    strata: tuple[str, ...]
    tests: tuple[SignificanceTest, ...]
    overall: SignificanceTest

    def to_frame(self) -> pd.DataFrame:
        """Return one row a stratum: people by arm, and p."""
        rows = [
            {"stratum": name, **dict(zip(test.arms, test.n, strict=True)), "p": test.p_value}
            for name, test in zip(self.strata, self.tests, strict=True)
        ]
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        return (
            f"Sample ratio, all strata: p = {self.overall.p_value:.3g} ({self.overall.method})\n"
            f"{text_table(self.to_frame().round(4))}"
        )


def sample_ratio_by(
    trial: Trial,
    *,
    by: str | Sequence[str] | None = None,
    ratio: Sequence[float] | None = None,
) -> RatioTable:
    """Test within each stratum whether the numbers in each arm fit the promised ratio.

    Parameters
    ----------
    trial : Trial
    by : str or sequence of str, optional
        Baseline columns without missing values; the strata of the randomisation when left out.
    ratio : sequence of float, optional
        As in `sample_ratio_test`.

    Returns
    -------
    RatioTable

    Raises
    ------
    TrialError
        When there are no strata, or a column is missing for someone.

    References
    ----------
    As `sample_ratio_test`, and like it checked against R. The strata and their sum: checked by
    hand and against a slow reference.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> sample_ratio_by(load_rossi(), by="race").to_frame()["p"].round(2).tolist()
    [0.27, 0.68]
    """
    check_trial(trial)
    promised = _promised(trial, ratio)
    names, labels, codes = _strata(trial, by)
    k = len(trial.arms)
    table = np.bincount(codes * k + trial.assignment.arm, minlength=len(labels) * k).reshape(-1, k)
    parts = [_together(promised[codes == code]) for code in range(len(labels))]
    tests = tuple(
        _tested(trial, counts, part, where=label)
        for counts, part, label in zip(table, parts, labels, strict=True)
    )
    share = np.stack([part / part.sum() for part in parts])
    expected = table.sum(axis=1, keepdims=True) * share
    statistic, df = np.sum([_pearson(*each) for each in zip(table, expected, strict=True)], axis=0)
    overall = SignificanceTest(
        test="sample ratio test",
        outcome=f"within {', '.join(names)}",
        analysis_set="itt",
        arms=trial.arms,
        statistic=float(statistic),
        df=float(df),
        p_value=float(chdtrc(df, statistic)),
        method=f"chi-squares of {len(labels)} strata added up",
        n=trial.assignment.counts,
    )
    return RatioTable(by=names, strata=labels, tests=tests, overall=overall)


def _strata(
    trial: Trial, by: str | Sequence[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...], IntArray]:
    """Return columns, names of strata and (n,) codes."""
    if by is None:
        if not trial.assignment.stratified_by:
            raise TrialError("The randomisation had no strata; name baseline columns in `by`.")
        return trial.assignment.stratified_by, trial.assignment.strata, trial.assignment.stratum
    names = as_names(by)
    if not names:
        raise TrialError("`by` names no column; leave it out for the strata of the randomisation.")
    codes, labels = crossed([trial.column(name) for name in names])
    return names, labels, codes
