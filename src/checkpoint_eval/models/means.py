"""Mean difference: how much more or less of something, such as harm days, under treatment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import stdtr, stdtrit

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import as_names, check_choice, check_level
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models.compared import Compared, compare, strata_of
from checkpoint_eval.models.cox_models import refuse_repeated
from checkpoint_eval.models.design_matrix import design_matrix
from checkpoint_eval.models.linear_variance import LEVERAGE_POWER, Variance
from checkpoint_eval.models.mean_estimators import (
    Difference,
    Regressors,
    blocked_difference,
    plain_difference,
    regressed_difference,
)
from checkpoint_eval.models.wald import wald_estimate
from checkpoint_eval.outcomes.observed import BinaryOutcome, CountOutcome, NumericOutcome
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.results import Estimate

Method = Literal["neyman", "blocked", "lin", "ancova"]
METHODS: tuple[Method, ...] = ("neyman", "blocked", "lin", "ancova")
VARIANCES = (*LEVERAGE_POWER, "CR2")
# Below this many degrees of freedom tests with CR2 are not to be trusted (Tipton 2015).
FEW = 4


def mean_difference(  # noqa: PLR0913 - which variance is asked for is a protocol's question too
    trial: Trial,
    *,
    outcome: str,
    adjust: str | Sequence[str] = (),
    method: Method | None = None,
    strata: str | Sequence[str] | None = None,
    variance: Variance | None = None,
    cluster: str | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate how much higher the mean of an outcome is under treatment than under control.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A numeric or binary outcome, or a count, whose times at risk then do not enter.
    adjust : str or sequence of str
        Baseline columns that foretell the outcome; categories become indicators.
    method : {"neyman", "blocked", "lin", "ancova"}, optional
        "neyman": two means, unstratified. "blocked": means within strata, weighted by the strata's
        shares of the people. "lin": regression in which each arm has slopes of its own on strata
        and covariates. "ancova": the same with slopes in common. Default: "lin" with `adjust`,
        otherwise "blocked" where there are strata, otherwise "neyman".
    strata : str or sequence of str, optional
        Columns whose combinations are blocks, or enter a regression as indicators. Default: the
        strata of the randomisation. ``()`` means none.
    variance : {"HC0", "HC1", "HC2", "HC3", "CR2"}, optional
        Default: "HC2", which without covariates is Neyman's, or "CR2" with a `cluster`.
    cluster : str, optional
        Column of the groups that were allocated, or treated, together.
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Estimate
        Negative: less of it under treatment; of a binary outcome the risk difference. `by_arm`
        holds the means, adjusted to everybody's covariates where there are any.

    Raises
    ------
    TrialError
        For outcomes that are times or repeated events; for options that do not go together.
    ImpossibleDesign
        For constant or collinear covariates, which are named; where most of an arm has no cluster.
    UnknownColumn
        For names the trial does not have.

    Notes
    -----
    Interval and p are Student's. Degrees of freedom: of "neyman" Welch and Satterthwaite's; of a
    regression people less coefficients; of "blocked" people, or clusters, less twice the strata;
    of CR2 Bell and McCaffrey's, and below 4 `method` says not to trust p.

    Strata with one person in an arm have no variance of their own: it is taken from how effects
    differ between such strata, as in matched pairs. Clusters: where an arm of a stratum has one,
    it is taken between all strata. No model need be true; where few people have very much of the
    outcome, as of harm, a t interval covers badly whatever the variance: see
    `randomisation_test`, which holds its level, and `superiority_probability`.

    References
    ----------
    Neyman (1923); Lin (2013), Annals of Applied Statistics 7; Pashley and Miratrix (2021), Journal
    of Educational and Behavioral Statistics 46; Imai, King and Nall (2009) for clusters in pairs;
    see `least_squares` for variances. Engine: numpy. Checked against R estimatr on Rossi, Lin's
    data and others, and a slow reference.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame(
    ...     {"arm": [0, 0, 0, 1, 1, 1], "days": [15, 20, 40, 10, 15, 20], "age": [3, 2, 2, 2, 3, 1]}
    ... )
    >>> trial = Trial.from_frame(
    ...     people, arm="arm", control=0, covariates=["age"], numeric={"harm": "days"}
    ... )
    >>> mean_difference(trial, outcome="harm").value
    -10.0
    >>> round(mean_difference(trial, outcome="harm", adjust="age", method="ancova").value, 4)
    -11.875
    """
    check_level(level)
    names = as_names(adjust)
    asked = _asked(trial, names, method=method, strata=strata, variance=variance, cluster=cluster)
    if cluster is not None:
        _refuse_clusters_of_one_arm(trial, cluster, analysis_set, arm)
    people = compare(
        trial,
        outcome=outcome,
        analysis_set=analysis_set,
        kind="any",
        arm=arm,
        complete=(*names, *as_names(cluster or ())),
    )
    told_of_outcome = _check_numbers(trial, people)
    stratum, told_of_strata = strata_of(trial, people, () if asked.method == "neyman" else strata)
    found = _estimated(trial, people, asked, stratum)
    parts = (
        asked.told,
        told_of_outcome,
        told_of_strata,
        found.told,
        f"clusters: {cluster}" if cluster else "",
        _interval_told(found.df, asked.variance),
    )
    estimate = wald_estimate(
        people,
        estimand="risk difference" if _is_binary(trial, outcome) else "mean difference",
        measure="difference",
        value=found.value,
        std_error=found.std_error,
        level=level,
        method="; ".join(part for part in parts if part),
        reason=found.reason,
        by_arm=found.by_arm,
        adjusted_for=names,
    )
    return _with_student(estimate, found.df)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What was asked for, after defaults."""

    method: Method
    variance: Variance
    adjust: tuple[str, ...]
    cluster: str | None

    @property
    def regression(self) -> bool:
        """Whether means come from a regression: Neyman's has a variance of its own only as HC2."""
        return self.method in ("lin", "ancova") or (
            self.method == "neyman" and self.variance != "HC2"
        )

    @property
    def told(self) -> str:
        means = {
            "neyman": "difference of two means",
            "blocked": "difference of means within strata, in the shares of the strata",
            "lin": "linear regression with slopes by arm (Lin)",
            "ancova": "linear regression with common slopes (analysis of covariance)",
        }[self.method]
        adjusted = f"; adjusted for {', '.join(self.adjust)}" if self.adjust else ""
        if self.method == "blocked":
            return means
        return f"{means}{adjusted}; {self.variance} variance"


def _asked(
    trial: Trial,
    adjust: tuple[str, ...],
    *,
    method: Method | None,
    strata: str | Sequence[str] | None,
    variance: Variance | None,
    cluster: str | None,
) -> _Asked:
    """Fill in defaults and refuse options that do not go together."""
    check_trial(trial)
    named = as_names(() if strata is None else strata)
    refuse_repeated(adjust, named)
    stratified = bool(trial.assignment.stratified_by) if strata is None else bool(named)
    if method is None:
        method = "lin" if adjust else "blocked" if stratified else "neyman"
    if variance is None:
        variance = "HC2" if cluster is None else "CR2"
    check_choice(method, "method", METHODS)
    check_choice(variance, "variance", VARIANCES)
    if adjust and method in ("neyman", "blocked"):
        raise TrialError(
            f"method={method!r} compares means as they are, but `adjust` names "
            f"{', '.join(adjust)}; use method='lin' or 'ancova'."
        )
    if method == "blocked" and not stratified:
        raise TrialError("method='blocked' needs strata; name their columns in `strata`.")
    if method == "neyman" and named:
        raise TrialError("method='neyman' is unstratified; leave out `strata`, or use 'blocked'.")
    if (variance == "CR2") != (cluster is not None):
        raise TrialError(
            f"variance={variance!r} and cluster={cluster!r} do not go together; 'CR2' needs "
            "`cluster`, and people in clusters need 'CR2'."
        )
    if method == "blocked" and variance not in ("HC2", "CR2"):
        raise TrialError(
            f"method='blocked' has no variance {variance!r}; method='lin' with the same `strata` "
            "gives the same difference, with any variance."
        )
    return _Asked(method=method, variance=variance, adjust=adjust, cluster=cluster)


def _is_binary(trial: Trial, outcome: str) -> bool:
    return isinstance(trial.outcome(outcome), BinaryOutcome)


def _check_numbers(trial: Trial, people: Compared) -> str:
    """Refuse outcomes without a number for each person; tell of times at risk left aside."""
    observed = trial.outcome(people.outcome)
    if not isinstance(observed, (NumericOutcome, BinaryOutcome, CountOutcome)):
        raise TrialError(
            f"Outcome {people.outcome!r} is not one number for each person; use `restricted_mean` "
            "for a time to an event, or `mean_cumulative_difference` for repeated events."
        )
    if not isinstance(observed, CountOutcome):
        return ""
    least, most = float(people.exposure.min()), float(people.exposure.max())
    if least == most:
        return f"mean count, each person {most:g} {people.unit} at risk"
    return f"mean count, whatever the time at risk ({least:g} to {most:g} {people.unit})"


def _refuse_clusters_of_one_arm(
    trial: Trial, cluster: str, analysis_set: str, arm: str | None
) -> None:
    """Refuse clusters that most of an arm does not have: the few who do are no arm."""
    lost, codes = trial.column(cluster).missing, trial.arm_in(analysis_set)
    for code, name in enumerate(trial.arms):
        here = (codes == code) & (arm in (None, name) or code == 0)
        without = int((lost & here).sum())
        if 2 * without > here.sum():
            raise ImpossibleDesign(
                f"{without} of {here.sum()} people in {name!r} have no {cluster!r}, so they would "
                "be left out. Use `partially_nested_difference` where the clusters are part of "
                "treatment, or give people without one a cluster of their own."
            )


def _estimated(
    trial: Trial, people: Compared, asked: _Asked, stratum: IntArray | None
) -> Difference:
    """Return the difference by the method asked for."""
    value = people.value if people.value.size else floats(people.event)
    cluster = None
    if asked.cluster is not None:
        cluster = people.columns(trial, (asked.cluster,))[0].codes
    if asked.method == "blocked" and stratum is not None:
        return blocked_difference(value, people.arm, stratum, cluster)
    if not asked.regression:
        return plain_difference(value, people.arm, people.arms)
    matrix = design_matrix(trial, people, asked.adjust)
    return regressed_difference(
        value,
        people.arm,
        Regressors(
            terms=matrix.terms[matrix.arms :],
            values=_unit_columns(matrix.values[:, matrix.arms :]),
            stratum=stratum,
        ),
        arms=people.arms,
        crossed=asked.method == "lin",
        variance=asked.variance,
        cluster=cluster,
    )


def _unit_columns(values: FloatArray) -> FloatArray:
    """Return covariates in their standard deviations, so that units do not matter."""
    return floats((values - values.mean(axis=0)) / values.std(axis=0))


def _interval_told(df: float, variance: Variance) -> str:
    if not np.isfinite(df):
        return ""
    few = ", too few to trust p" if variance == "CR2" and df < FEW else ""
    return f"t interval on {df:.4g} degrees of freedom{few}"


def _with_student(estimate: Estimate, df: float) -> Estimate:
    """Return the estimate with Student's interval and p for the normal ones."""
    if not estimate.estimable:
        return estimate
    half = float(stdtrit(df, 0.5 + estimate.level / 2)) * estimate.std_error
    return replace(
        estimate,
        low=estimate.value - half,
        high=estimate.value + half,
        p_value=float(2 * stdtr(df, -abs(estimate.value) / estimate.std_error)),
    )
