"""Risk difference, risk ratio and odds ratio: who had the event by the horizon."""

from collections.abc import Sequence

from checkpoint_eval._checks import as_names, check_choice, check_level
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.compared import compare, strata_of
from checkpoint_eval.models.cox_models import refuse_repeated
from checkpoint_eval.models.proportions import Interval, Measure
from checkpoint_eval.models.risk_estimators import (
    RiskQuestion,
    adjusted_risks,
    counted_risks,
    risk_question,
    risks_from_curve,
    risks_over_strata,
)
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import Estimate


def risk_difference(  # noqa: PLR0913 - which model is asked for is a protocol's question too
    trial: Trial,
    *,
    outcome: str,
    horizon: float | None = None,
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = (),
    interactions: bool = False,
    interval: Interval | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate how many more people, as a share, have the event under treatment than control.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A binary outcome, or a time-to-event outcome with a `horizon`.
    horizon : float, optional
        When a time-to-event outcome is read, in its unit.
    adjust : str or sequence of str
        Baseline columns to standardise over by logistic regression (g-computation).
    strata : str or sequence of str, optional
        Columns within whose combinations the arms are compared (Mantel and Haenszel), or that with
        `adjust` enter the regression as indicators. Default: none, whatever the randomisation
        was; None means its strata.
    interactions : bool
        With `adjust`: fit a regression in each arm, so that covariates may foretell differently.
    interval : {"newcombe", "miettinen-nurminen", "wald", "greenland-robins"}, optional
        Default: Newcombe's where risks are counted, otherwise Wald's; over strata with Sato's
        variance, or that of Greenland and Robins, and Miettinen and Nurminen's where zeros leave
        none.
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Estimate
        Negative means fewer events under treatment. `by_arm` holds the risks; all are shares
        between 0 and 1, not percentage points.

    Raises
    ------
    TrialError
        When a horizon is missing or needless; or a score interval is asked for and people are
        censored before the horizon, or `adjust` is given, or Newcombe's with `strata`.
    ImpossibleDesign
        For a horizon beyond follow-up; for constant or collinear covariates, which are named.
    UnknownColumn
        For names the trial does not have.

    Notes
    -----
    Unadjusted, p is Fisher's exact: it conditions on the total and may exceed alpha while a score
    interval leaves out 0. When people are censored before the horizon their status is
    unknown: risks are then Kaplan–Meier's, with Greenwood's variance, and `method` says so.
    Adjusted, the variance is unconditional (Ye et al. 2023; n − 1 in moments, that of predictions
    over everyone): right for simple randomisation, and wide rather than narrow for stratified.
    Over strata it is Sato's, which supposes that they share the difference; the score interval
    over strata is of few large ones. p is then Wald's or the score's. With people censored
    earlier, what is adjusted or over strata is not estimable: see `survival_difference`.
    Strata of one arm compare nothing and are told.

    References
    ----------
    Newcombe (1998), method 10; Miettinen and Nurminen (1985); Mantel and Haenszel (1959); Sato
    (1989); Greenland and Robins (1985); Ye et al. (2023). Checked against R, epiR, metafor,
    enumeration in fractions and beeca's values for Rossi.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> round(risk_difference(load_rossi(), outcome="rearrest", horizon=52).value, 4)
    -0.0833
    >>> by_race = risk_difference(load_rossi(), outcome="rearrest", horizon=52, strata="race")
    >>> round(by_race.value, 4), round(by_race.std_error, 4)
    (-0.0855, 0.0423)
    """
    return _risk(
        trial,
        "difference",
        outcome=outcome,
        horizon=horizon,
        adjust=as_names(adjust),
        strata=strata,
        interactions=interactions,
        interval=interval,
        level=level,
        analysis_set=analysis_set,
        arm=arm,
    )


def risk_ratio(  # noqa: PLR0913 - which model is asked for is a protocol's question too
    trial: Trial,
    *,
    outcome: str,
    horizon: float | None = None,
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = (),
    interactions: bool = False,
    interval: Interval | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate by what factor treatment multiplies the risk of the event.

    Parameters, errors and conventions are those of `risk_difference`; `interval` is
    "miettinen-nurminen" (default where risks are counted) or "wald" (on the log scale). With no
    events in control the ratio is infinite or undefined: the score interval then has an infinite
    limit, the Wald interval has none (NaN), and an undefined ratio is NaN. Over strata the
    interval is Wald's, and the score's where an arm has no events: never is a half added.

    References
    ----------
    Miettinen and Nurminen (1985); Greenland and Robins (1985) over strata; Ye et al. (2023).
    Checked against R, epiR, metafor and the printed interval of the Milwaukee experiment.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> round(risk_ratio(load_rossi(), outcome="rearrest", horizon=52).value, 4)
    0.7273
    """
    return _risk(
        trial,
        "ratio",
        outcome=outcome,
        horizon=horizon,
        adjust=as_names(adjust),
        strata=strata,
        interactions=interactions,
        interval=interval,
        level=level,
        analysis_set=analysis_set,
        arm=arm,
    )


def odds_ratio(  # noqa: PLR0913 - which model is asked for is a protocol's question too
    trial: Trial,
    *,
    outcome: str,
    horizon: float | None = None,
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = (),
    interactions: bool = False,
    interval: Interval | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate by what factor treatment multiplies the odds of the event.

    Parameters, errors and conventions are those of `risk_ratio`. Adjusted, it is the odds ratio
    of standardised risks (marginal), not the coefficient of a logistic regression. Over strata it
    is the one they share (conditional), and not that of the risks in `by_arm`.

    References
    ----------
    Miettinen and Nurminen (1985); Robins, Breslow and Greenland (1986) over strata; Ye et al.
    (2023). Checked against R, mantelhaen.test among it, and metafor.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> round(odds_ratio(load_rossi(), outcome="rearrest", horizon=52).value, 4)
    0.6494
    """
    return _risk(
        trial,
        "odds ratio",
        outcome=outcome,
        horizon=horizon,
        adjust=as_names(adjust),
        strata=strata,
        interactions=interactions,
        interval=interval,
        level=level,
        analysis_set=analysis_set,
        arm=arm,
    )


def _risk(  # noqa: PLR0913 - the arguments of the three verbs
    trial: Trial,
    measure: Measure,
    *,
    outcome: str,
    horizon: float | None,
    adjust: tuple[str, ...],
    strata: str | Sequence[str] | None,
    interactions: bool,
    interval: Interval | None,
    level: float,
    analysis_set: str,
    arm: str | None,
) -> Estimate:
    if interval is not None:
        check_choice(interval, "interval", _CHOICES[measure])
    check_level(level)
    if interactions and not adjust:
        raise TrialError("`interactions` are of covariates; name them in `adjust`.")
    refuse_repeated(adjust, as_names(() if strata is None else strata))
    people = compare(trial, outcome=outcome, analysis_set=analysis_set, arm=arm, complete=adjust)
    stratum, told = strata_of(trial, people, strata)
    question = risk_question(
        people,
        measure,
        horizon=horizon,
        level=level,
        stratum=stratum,
        told="" if adjust and stratum is None else told,
    )
    _check_interval(interval, question, adjust)
    if adjust:
        return adjusted_risks(trial, question, adjust, interactions=interactions)
    if stratum is not None:
        return risks_over_strata(question, interval)
    if question.censored:
        return risks_from_curve(question)
    standard: Interval = "newcombe" if measure == "difference" else "miettinen-nurminen"
    return counted_risks(question, interval or standard)


_CHOICES: dict[Measure, tuple[Interval, ...]] = {
    "difference": ("newcombe", "miettinen-nurminen", "wald", "greenland-robins"),
    "ratio": ("miettinen-nurminen", "wald"),
    "odds ratio": ("miettinen-nurminen", "wald"),
}


def _check_interval(
    interval: Interval | None, question: RiskQuestion, adjust: tuple[str, ...]
) -> None:
    """Refuse an interval that risks found in this way do not have."""
    over_strata = question.stratum is not None and not adjust
    if interval == "greenland-robins" and not over_strata:
        raise TrialError(
            "`interval` is 'greenland-robins', the variance of a difference over strata; name "
            "`strata` without `adjust`, or leave it out."
        )
    why = ""
    if adjust:
        why = "risks are standardised"
    elif over_strata and (interval == "newcombe" or question.measure == "odds ratio"):
        why = "these are compared within strata"
    elif question.censored and not over_strata:
        why = "some are censored before `horizon`"
    if why and interval in ("newcombe", "miettinen-nurminen"):
        raise TrialError(
            f"`interval` is {interval!r}, but {why} and their interval is Wald's; leave it out."
        )
