"""Skewed outcomes, such as harm days: trimmed means, and who has less when two people are drawn."""

from typing import Literal

import numpy as np
from scipy.special import stdtr, stdtrit
from scipy.stats import rankdata

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import check_choice, check_level, is_number
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.amounts import amounts
from checkpoint_eval.models.compared import Compared, not_estimable, strata_of
from checkpoint_eval.models.mean_estimators import Difference, plain_difference
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import Estimate

Method = Literal["trimmed", "winsorised"]
# Sums of squares below this share of the largest number's square are rounding.
ROUNDING = 1e-24


def trimmed_mean_difference(
    trial: Trial,
    *,
    outcome: str,
    trim: float = 0.2,
    method: Method = "trimmed",
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate how much more the bulk of people have under treatment, the extremes set aside.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A numeric outcome.
    trim : float
        The share of people at each end; above 0 and below 0.5.
    method : {"trimmed", "winsorised"}
        "trimmed": the mean of each arm without its `trim` lowest and `trim` highest people (Yuen
        and Welch). "winsorised": everyone counts, but for no less and no more than the two
        numbers that cut off `trim` of everybody at each end; they are the same in both arms.
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Estimate
        Negative: less of it under treatment. `by_arm` holds the trimmed means.

    Raises
    ------
    TrialError
        When the outcome is not a number for each person, or `trim` is not such a share.

    Notes
    -----
    With s² the variance of an arm of n winsorised at its own ends and h people left in the middle,
    the variance of its trimmed mean is (n − 1)s² / (h(h − 1)); Student's interval and p are on
    Welch's degrees of freedom, of arms of h. Winsorised at common numbers, it is Welch's interval.
    With n people floor(trim · n) are set aside at each end. Not stratified.

    Neither estimates a difference of means: the rare grave offence, in which most harm lies, is
    left out or counts for less. Report it beside `mean_difference`. Where few have anything at
    all, what is left in the middle is 0, and there is no estimate.

    References
    ----------
    Yuen (1974), Biometrika 61, 165-170; Wilcox (2012), Introduction to Robust Estimation and
    Hypothesis Testing. Checked against scipy's ``ttest_ind(trim=...)``, R and hand-worked arms.

    Examples
    --------
    >>> import pandas as pd
    >>> days = [9, 2, 4, 6, 99, 0, 1, 2, 6, 2555]
    >>> people = pd.DataFrame({"arm": [0] * 5 + [1] * 5, "days": days})
    >>> trial = Trial.from_frame(people, arm="arm", control=0, numeric={"harm": "days"})
    >>> round(trimmed_mean_difference(trial, outcome="harm").value, 4)
    -3.3333
    """
    check_level(level)
    check_choice(method, "method", ("trimmed", "winsorised"))
    if not is_number(trim) or not 0 < trim < 0.5:
        raise TrialError(
            f"`trim` must lie above 0 and below 0.5, got {trim!r}; it is the share at each end, "
            "and 20 % is written 0.2. Without trimming use `mean_difference`."
        )
    people = amounts(trial, outcome=outcome, analysis_set=analysis_set, arm=arm)
    if method == "trimmed":
        found = _trimmed(people, trim)
        told = f"means of the middle {100 * (1 - 2 * trim):g}% of each arm (Yuen and Welch)"
    else:
        low, high = _ends(people.value, trim)
        found = plain_difference(np.clip(people.value, low, high), people.arm, people.arms)
        told = f"means, nobody counting for less than {low:g} or more than {high:g}"
    return student_estimate(
        people,
        found,
        estimand=f"{method} mean difference",
        told=_with_strata(trial, people, told),
        level=level,
    )


def superiority_probability(
    trial: Trial,
    *,
    outcome: str,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate how likely someone under treatment is to have less than someone under control.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A numeric outcome, of something bad: the smaller number is the better one.
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Estimate
        `by_arm` holds the probabilities: that control, and that treatment, has the less of a pair
        drawn one from each arm, ties halved; they add up to 1. `value` is the second less the
        first, from −1 to 1, so that 0 is no effect; above 0: in favour of treatment, as the net
        benefit of `win_ratio`.

    Raises
    ------
    TrialError
        When the outcome is not a number for each person.

    Notes
    -----
    A person's placement is the share of the other arm that has more, ties halved. Placements have
    a variance s² in each arm, as means do: with p the mean of treatment's, Brunner and Munzel's
    statistic is (p − ½)/√(s₁²/n₁ + s₀²/n₀), on Welch's degrees of freedom, and `value` is 2p − 1.
    Only the order of numbers enters, so that one rape weighs no more than anything else that is
    the gravest; the size of harm is told by `mean_difference`. Not stratified: `win_ratio` is.

    Where everyone in one arm has less than anyone in the other the placements do not vary, and
    there is no estimate; `randomisation_test` with statistic="rank sum" has a p-value then.

    References
    ----------
    Brunner and Munzel (2000), Biometrical Journal 42, 17-25. Checked against scipy's
    ``brunnermunzel``, R, and every pair counted.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"arm": [0, 0, 0, 1, 1, 1], "days": [15, 20, 40, 0, 15, 2555]})
    >>> trial = Trial.from_frame(people, arm="arm", control=0, numeric={"harm": "days"})
    >>> found = superiority_probability(trial, outcome="harm")
    >>> [round(each, 4) for each in found.by_arm]
    [0.3889, 0.6111]
    """
    check_level(level)
    people = amounts(trial, outcome=outcome, analysis_set=analysis_set, arm=arm)
    found = _placed(people)
    told = "share of pairs in which treatment has less, less that in which control has, "
    told += "ties halved (Brunner and Munzel)"
    return student_estimate(
        people,
        found,
        estimand="superiority difference",
        told=_with_strata(trial, people, told),
        level=level,
        bounds=(-1.0, 1.0),
    )


def _with_strata(trial: Trial, people: Compared, told: str) -> str:
    """Tell where strata of the randomisation are left aside."""
    _, unstratified = strata_of(trial, people, ())
    return "; ".join(part for part in (told, unstratified) if part)


def student_estimate(
    people: Compared,
    found: Difference,
    *,
    estimand: str,
    told: str,
    level: float,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Estimate:
    """Return a difference with Student's interval, or why there is none."""
    if found.reason:
        return not_estimable(
            people,
            estimand=estimand,
            scale="difference",
            level=level,
            method=told,
            reason=found.reason,
        )
    half = float(stdtrit(found.df, 0.5 + level / 2)) * found.std_error
    return Estimate(
        estimand=estimand,
        scale="difference",
        value=found.value,
        low=max(found.value - half, bounds[0]),
        high=min(found.value + half, bounds[1]),
        level=level,
        p_value=float(2 * stdtr(found.df, -abs(found.value) / found.std_error)),
        std_error=found.std_error,
        by_arm=found.by_arm,
        method=f"{told}; t interval on {found.df:.4g} degrees of freedom",
        **people.labels(),
    )


def _ends(value: FloatArray, trim: float) -> tuple[float, float]:
    """Return the lowest and highest number left when a share of people is cut off at each end."""
    cut = _number_cut(value.size, trim)
    ordered = np.partition(value, (cut, value.size - cut - 1))
    return float(ordered[cut]), float(ordered[value.size - cut - 1])


def _number_cut(people: int, trim: float) -> int:
    return int(np.floor(trim * people + 1e-9))  # 0.29 * 100 is 28.999999999999996


def _trimmed(people: Compared, trim: float) -> Difference:
    """Compare the means of what is left of each arm, as Yuen does."""
    means, variance, left = np.zeros(2), np.zeros(2), np.zeros(2)
    for code, name in enumerate(people.arms):
        own = np.sort(people.value[people.arm == code])
        cut = _number_cut(own.size, trim)
        kept = own[cut : own.size - cut]
        h = kept.size
        if h < 2:
            return Difference(reason=f"one person is left in {name!r}, so no variance there")
        means[code], left[code] = kept.mean(), h
        held = np.clip(own, kept[0], kept[-1])
        variance[code] = held.var() * own.size / (h * (h - 1))
    if not variance.sum() > ROUNDING * float((people.value**2).max()):
        return Difference(reason="no variation is left within the arms once they are trimmed")
    total = float(variance.sum())
    return Difference(
        value=float(means[1] - means[0]),
        by_arm=(float(means[0]), float(means[1])),
        std_error=float(np.sqrt(total)),
        df=total**2 / float((variance**2 / (left - 1)).sum()),
    )


def _placed(people: Compared) -> Difference:
    """Compare placements: the share of the other arm that has more than a person, ties halved.

    The placements' means add up to 1, so that their difference has twice the error of either.
    """
    rank = rankdata(-people.value)  # the highest number first
    placement = np.zeros(rank.size)
    for code in (0, 1):
        own = people.arm == code
        placement[own] = (rank[own] - rankdata(-people.value[own])) / np.count_nonzero(~own)
    found = plain_difference(floats(placement), people.arm, people.arms)
    if found.reason.startswith("no variation"):
        return Difference(reason="how many of the other arm have more is alike for all in each arm")
    return Difference(
        value=found.value,
        by_arm=found.by_arm,
        std_error=2 * found.std_error,
        df=found.df,
        reason=found.reason,
    )
