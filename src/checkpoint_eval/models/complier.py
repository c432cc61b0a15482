"""The effect on compliers: those who received treatment because they were assigned to it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from scipy.special import stdtr, stdtrit

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import as_names, check_choice, check_level
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.compared import Compared, compare, not_estimable, strata_of
from checkpoint_eval.models.cox_models import refuse_repeated
from checkpoint_eval.models.design_matrix import design_matrix, refuse_collinear
from checkpoint_eval.models.instrumental import Instrument, Variance, anderson_rubin, instrument
from checkpoint_eval.models.measured import Measured, known_received, measured
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.results import Estimate

Method = Literal["wald", "2sls"]
Interval = Literal["wald", "anderson-rubin"]
# Below this first-stage F a normal interval is not to be trusted (Staiger and Stock 1997).
WEAK = 10


def complier_average_effect(  # noqa: PLR0913 - one keyword for each choice an analysis makes
    trial: Trial,
    *,
    outcome: str,
    horizon: float | None = None,
    adjust: str | Sequence[str] = (),
    method: Method | None = None,
    strata: str | Sequence[str] | None = None,
    variance: Variance = "HC2",
    interval: Interval = "wald",
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate the effect of treatment on those who received it because they were assigned to it.

    Parameters
    ----------
    trial : Trial
        Read with the arm each person received.
    outcome : str
        A binary or numeric outcome, a count, whose times at risk then do not enter, or a
        time-to-event outcome with a `horizon`.
    horizon : float, optional
        When a time-to-event outcome is read, in its unit; within follow-up.
    adjust : str or sequence of str
        Baseline columns that enter both stages; categories become indicators.
    method : {"wald", "2sls"}, optional
        "wald": the difference between arms over the difference in what was received, unstratified.
        "2sls": two-stage least squares with strata and covariates. Default: "2sls" where there are
        any, otherwise "wald"; without them both are the same.
    strata : str or sequence of str, optional
        Columns whose combinations enter both stages as indicators. Default: the strata of the
        randomisation. ``()`` means none.
    variance : {"classical", "HC0", "HC1", "HC2"}
    interval : {"wald", "anderson-rubin"}
        Student's, or the effects that the Anderson–Rubin test does not refuse, which covers
        however weak the instrument is; p is of the same kind.
    level : float
    analysis_set : str
        Everyone as randomised, or a named set of them.
    arm : str, optional
        Which treatment arm is compared with control, when there are several; anything else
        received then counts as control.

    Returns
    -------
    Estimate
        Scale "difference". `by_arm` holds the means of compliers without and with treatment.
        `method` tells the share of compliers and the first stage's F. An Anderson–Rubin set that
        is unbounded has infinite limits, and `method` tells its pieces.

    Raises
    ------
    TrialError
        When the arm received was not recorded, a horizon is missing or needless, or options do not
        go together.
    ImpossibleDesign
        For a horizon beyond follow-up; for constant or collinear covariates, which are named.
    UnknownColumn
        For names the trial does not have.

    Notes
    -----
    Assumed, and not to be seen in the data: assignment acts through what is received alone, and
    nobody does the opposite of it whatever it is. When nobody complies, it is not estimable. People
    whose arm received is unknown are left out and counted as missing. With a first-stage F below
    10 `method` says that the instrument is weak; use the Anderson–Rubin interval.

    Where people are censored before the horizon, risks are Kaplan–Meier's: the difference of the
    arms' curves over the share of compliers, by pseudo-observations. Censoring must not depend on
    the time or on complying, within each arm.

    References
    ----------
    Bloom (1984), Evaluation Review 8, 225-246; Angrist, Imbens and Rubin (1996), JASA 91, 444-455;
    Anderson and Rubin (1949), Annals of Mathematical Statistics 20, 46-63. Times: Baker (1998),
    JASA; Kjaersgaard and Parner (2016), Biometrics, for pseudo-observations. Engine: numpy. Checked
    against R estimatr, statsmodels' IV2SLS, the vitamin A trial and the Minneapolis experiment.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame(
    ...     {"arm": [0] * 4 + [1] * 4, "got": [0, 0, 0, 0, 0, 1, 1, 1],
    ...      "days": [40, 30, 20, 30, 30, 10, 15, 20]}
    ... )
    >>> trial = Trial.from_frame(
    ...     people, arm="arm", control=0, received="got", numeric={"harm": "days"}
    ... )
    >>> round(complier_average_effect(trial, outcome="harm").value, 4)
    -15.0
    """
    check_trial(trial)
    check_level(level)
    check_choice(variance, "variance", ("classical", "HC0", "HC1", "HC2"))
    check_choice(interval, "interval", ("wald", "anderson-rubin"))
    names = as_names(adjust)
    method = _method(trial, names, method, strata)
    if analysis_set in ("per-protocol", "as-treated"):
        raise TrialError(
            f"`analysis_set` is {analysis_set!r}, but compliers are found by comparing people as "
            "randomised; use 'itt' or a named set."
        )
    people = compare(
        trial, outcome=outcome, analysis_set=analysis_set, kind="any", arm=arm, complete=names
    )
    people, received = known_received(trial, people)
    number = measured(trial, people, horizon)
    stratum, told_of_strata = strata_of(trial, people, () if method == "wald" else strata)
    found = instrument(
        number.value,
        received,
        floats(people.arm),
        _beside(trial, people, names, stratum),
        variance=variance,
    )
    named = {"wald": "Wald's ratio", "2sls": "two-stage least squares"}[method]
    adjusted = f"adjusted for {', '.join(names)}" if names else ""
    parts = (named, number.told, adjusted, told_of_strata, f"{variance} variance")
    return _answered(people, number, found, _told(parts), names, interval, level)


def _method(
    trial: Trial, adjust: tuple[str, ...], method: Method | None, strata: str | Sequence[str] | None
) -> Method:
    """Fill in the default and refuse options that do not go together."""
    named = as_names(() if strata is None else strata)
    refuse_repeated(adjust, named)
    stratified = bool(trial.assignment.stratified_by) if strata is None else bool(named)
    if method is None:
        return "2sls" if adjust or stratified else "wald"
    check_choice(method, "method", ("wald", "2sls"))
    if method == "wald" and (adjust or named):
        raise TrialError(
            f"method='wald' compares the arms as they are, but {', '.join((*adjust, *named))} is "
            "named in `adjust` or `strata`; use method='2sls'."
        )
    return method


def _beside(
    trial: Trial, people: Compared, adjust: tuple[str, ...], stratum: IntArray | None
) -> FloatArray:
    """Return (n, c) independent columns of strata and covariates, in their standard deviations."""
    matrix = design_matrix(trial, people, adjust)
    terms, columns = matrix.terms[matrix.arms :], matrix.values[:, matrix.arms :]
    if stratum is not None:
        own = floats(stratum[:, None] == np.unique(stratum)[1:])
        terms = (*(f"stratum {place + 2}" for place in range(own.shape[1])), *terms)
        columns = np.hstack([own, columns])
        refuse_collinear(terms, columns)
    return floats((columns - columns.mean(axis=0)) / columns.std(axis=0))


def _told(parts: Sequence[str]) -> str:
    return "; ".join(part for part in parts if part)


def _answered(
    people: Compared,
    number: Measured,
    found: Instrument,
    told: str,
    adjust: tuple[str, ...],
    interval: Interval,
    level: float,
) -> Estimate:
    """Return the estimate with the interval asked for, or why there is none."""
    none = not_estimable(
        people,
        estimand="complier average effect",
        scale="difference",
        level=level,
        method=told,
        reason=found.reason or "no variation is left within arms",
        time_point=number.when,
        adjusted_for=adjust,
    )
    if found.reason or not (found.yy if interval == "anderson-rubin" else found.std_error) > 0:
        return none
    limit = float(stdtrit(found.df, 0.5 + level / 2))
    if interval == "wald":
        half = limit * found.std_error
        low, high, shape = found.effect - half, found.effect + half, ""
        statistic = found.effect / found.std_error
    else:
        low, high, shape = anderson_rubin(found, limit)
        statistic = found.zy / np.sqrt(found.yy)
    kind = "t interval" if interval == "wald" else "Anderson–Rubin interval"
    parts = (
        told,
        f"{kind} on {found.df:.4g} degrees of freedom",
        shape,
        f"{100 * found.compliance:.3g}% comply",
        f"first-stage F = {found.first_stage_f:.4g}{_weakness(found, interval)}",
    )
    return replace(
        none,
        value=found.effect,
        low=min(low, found.effect),
        high=max(high, found.effect),
        p_value=float(2 * stdtr(found.df, -abs(statistic))),
        std_error=found.std_error,
        by_arm=found.by_arm,
        method=_told(parts),
    )


def _weakness(found: Instrument, interval: Interval) -> str:
    if not found.first_stage_f < WEAK:
        return ""
    remedy = "" if interval == "anderson-rubin" else ", so use interval='anderson-rubin'"
    return f", below {WEAK}: a weak instrument{remedy}"
