"""Bounds of an effect when some outcomes are missing, and why is not known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats
from checkpoint_eval._checks import as_names, check_choice, check_level, counted, is_number
from checkpoint_eval._times import nearest_tie
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models.bounds import Bounds
from checkpoint_eval.models.compared import Compared, compare
from checkpoint_eval.models.measured import check_clock
from checkpoint_eval.models.partly_seen import (
    BoundedEffect,
    Rule,
    Seen,
    both_trimmed,
    bounded,
    imbens_manski,
    lee,
    worst_case,
)
from checkpoint_eval.models.survival import survival_at
from checkpoint_eval.outcomes.baseline import crossed
from checkpoint_eval.outcomes.observed import BinaryOutcome, TimeToEvent
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN

Method = Literal["manski", "lee", "horowitz-manski"]


def attrition_bounds(
    trial: Trial,
    *,
    outcome: str,
    horizon: float | None = None,
    method: Method = "manski",
    covariates: str | Sequence[str] = (),
    support: tuple[float, float] | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Bounds:
    """Bound an effect whatever became of those whose outcome is missing.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A binary or numeric outcome, a count, whose times at risk then do not enter, or a
        time-to-event outcome with a `horizon`; who was censored before it is missing.
    horizon : float, optional
        In the outcome's unit; within follow-up.
    method : {"manski", "lee", "horowitz-manski"}
        "manski": of everyone, the missing at their worst and best. "lee": of those whose outcome
        would be known in either arm, if being in one arm only ever adds to who is seen: the arm
        that sees more is trimmed until both see the same share. "horowitz-manski": of the same
        people without that condition, at their fewest: both arms are trimmed.
    covariates : str or sequence of str, optional
        Categories within which to trim, for "lee" and "horowitz-manski": bounds become tighter.
        Under "lee" each cell trims the arm that sees more there.
    support : (low, high), optional
        The least and greatest value there can be, for "manski"; 0 and 1 for a yes or no. It needs
        no data and must be known beforehand.
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Bounds

    Raises
    ------
    TrialError
        When a support is missing, needless or does not hold what was seen; when a horizon is
        missing or needless.
    ImpossibleDesign
        For a horizon beyond follow-up; for a cell of covariates in which an arm has nobody seen.
    UnknownColumn
        For names the trial does not have.

    Notes
    -----
    The person on the edge of what is trimmed counts in part, so that outcomes may tie: a yes or no
    p, trimmed by q, lies between max(0, (p − q)/(1 − q)) and min(1, p/(1 − q)). Standard errors are
    Lee's formula, by what each person moves a bound, and take in the shares seen; within cells,
    also how many people each holds. The interval is Imbens and Manski's. Where both arms see nearly
    the same share, which arm is trimmed is chance, and Lee's interval is rough.

    People with a missing covariate are left out and counted with the missing in `method`.

    With outcomes alone missing, the bounds of Horowitz and Manski (2000) are "manski"; what carries
    their name here is their earlier bound of a mixture.

    References
    ----------
    Manski (1989), Journal of Human Resources 24, 343-360; Horowitz and Manski (1995), Econometrica
    63, 281-302, and (2000), JASA 95, 77-84; Zhang and Rubin (2003), Journal of Educational and
    Behavioral Statistics 28, 353-368; Lee (2009), Review of Economic Studies 76, 1071-1102; Imbens
    and Manski (2004), Econometrica 72, 1845-1857. Engine: numpy. Checked against hand tables, the
    bounds that Stasny's survey was printed with, and a slow reference.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"arm": [0] * 5 + [1] * 5, "y": [1, 1, 0, 0, None, 1, 0, 0, 0, 0]})
    >>> trial = Trial.from_frame(people, arm="arm", control=0, binary={"again": "y"})
    >>> found = attrition_bounds(trial, outcome="again")
    >>> round(found.low, 4), round(found.high, 4)
    (-0.4, -0.2)
    """
    check_level(level)
    check_choice(method, "method", ("manski", "lee", "horowitz-manski"))
    names = as_names(covariates)
    people = compare(trial, outcome=outcome, analysis_set=analysis_set, kind="any", arm=arm)
    check_clock(trial, outcome, horizon)
    ends = _support(trial, people, method, support, names)
    asked = _asked(trial, people, horizon, names)
    _check_inside(asked.seen, ends, outcome)
    cells = _cells(trial, asked, names)
    rule: Rule = lee if method == "lee" else both_trimmed
    if ends is not None:
        rule = worst_case(ends)
    return _answered(people, asked, bounded(rule, asked.seen, cells), method, ends, names, level)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Asked:
    """Everyone of two arms, seen or not; when the outcome is read; who lacks a covariate."""

    seen: Seen
    place: IntArray
    when: float
    without: int


def _support(
    trial: Trial,
    people: Compared,
    method: Method,
    support: tuple[float, float] | None,
    covariates: tuple[str, ...],
) -> tuple[float, float] | None:
    """Return the least and greatest value for worst-case bounds, None for trimmed ones."""
    if method != "manski":
        if support is not None:
            raise TrialError(f"`support` is {support!r}, but method={method!r} needs none.")
        return None
    if covariates:
        raise TrialError(
            f"`covariates` names {', '.join(covariates)}, but worst and best cases are the same "
            "within covariates; leave it out, or use method='lee'."
        )
    share = isinstance(trial.outcome(people.outcome), BinaryOutcome | TimeToEvent)
    if share and support is not None:
        raise TrialError(
            f"`support` is {support!r}, but {people.outcome!r} is a yes or no; leave it out."
        )
    if share:
        return 0.0, 1.0
    if support is None:
        raise TrialError(
            f"`support` is needed for method='manski': the least and greatest value that "
            f"{people.outcome!r} can have, as (low, high)."
        )
    ends = tuple(support) if isinstance(support, Sequence) else ()
    if len(ends) != 2 or not all(map(is_number, ends)) or not -np.inf < ends[0] < ends[1] < np.inf:
        raise TrialError(f"`support` must be two finite numbers, low and high, got {support!r}.")
    return float(ends[0]), float(ends[1])


def _asked(
    trial: Trial, people: Compared, horizon: float | None, covariates: tuple[str, ...]
) -> _Asked:
    """Return everyone of the two arms compared, those with a missing outcome too."""
    observed = trial.outcome(people.outcome)
    value, seen, when = _observed(trial, people, horizon)
    codes = trial.arm_in(people.analysis_set)
    treatment = trial.arms.index(people.arms[1])
    complete = np.ones(trial.n, dtype=bool)
    for name in covariates:
        complete &= ~trial.column(name).missing
    members = (codes == 0) | (codes == treatment)
    place = np.flatnonzero(members & complete)
    known = (seen & ~observed.missing)[place]
    return _Asked(
        seen=Seen(
            value=np.where(known, value[place], 0.0),
            seen=known,
            arm=(codes[place] == treatment).astype(np.int64),
        ),
        place=place,
        when=when,
        without=int((members & ~complete).sum()),
    )


def _observed(
    trial: Trial, people: Compared, horizon: float | None
) -> tuple[FloatArray, BoolArray, float]:
    """Return everybody's number, whether it is known, and when it is read."""
    observed = trial.outcome(people.outcome)
    if not check_clock(trial, people.outcome, horizon):
        value = observed.value  # type: ignore[union-attr]
        return floats(value), np.ones(trial.n, dtype=bool), NAN
    assert isinstance(observed, TimeToEvent)
    assert horizon is not None
    survival_at(people, at=horizon, name="horizon")
    when = nearest_tie(float(horizon), people.time)
    by = observed.event & (observed.time <= when)
    known = by | (observed.time >= when)
    if observed.competing.size:
        known |= observed.competing > 0  # the dead are known not to have had it
    return floats(by), known, when


def _check_inside(people: Seen, ends: tuple[float, float] | None, outcome: str) -> None:
    if ends is None:
        return
    value = people.value[people.seen]
    if value.min() < ends[0] or value.max() > ends[1]:
        raise TrialError(
            f"`support` is {ends!r}, but {outcome!r} was seen from {value.min():g} to "
            f"{value.max():g}; give the values that there can be."
        )


def _cells(trial: Trial, asked: _Asked, covariates: tuple[str, ...]) -> IntArray:
    """Return (n,) codes of the cells of covariates; each must have people seen in both arms."""
    codes = np.zeros(asked.place.size, dtype=np.int64)
    labels: tuple[str, ...] = ("everyone",)
    if covariates:
        everyone = [trial.column(name) for name in covariates]
        codes, labels = crossed(
            [
                type(each)(name=each.name, values=each.values[asked.place], levels=each.levels)
                for each in everyone
            ]
        )
    people = asked.seen
    counts = np.bincount(2 * codes + people.arm, weights=people.seen, minlength=2 * len(labels))
    empty = np.flatnonzero(counts == 0)
    if empty.size:
        code, arm = divmod(int(empty[0]), 2)
        raise ImpossibleDesign(
            f"{'Treatment' if arm else 'Control'} has nobody seen among {labels[code]}; bounds "
            "need some in every cell: name coarser `covariates`."
        )
    return codes


def _interval(
    arms: Sequence[str], n: IntArray, found: BoundedEffect, level: float
) -> tuple[tuple[float, float], tuple[float, float], str]:
    """Return the interval, both standard errors and what is told; NaN where people do not vary."""
    single = [name for name, size in zip(arms, n, strict=True) if size == 1]
    errors = found.low.std_error, found.high.std_error
    if not single and max(errors) > 0:
        interval = imbens_manski(found.low, found.high, level=level)
        return interval, errors, "Imbens–Manski interval"
    reason = "no variation is left within arms"
    if single:
        reason = f"one person in {single[0]!r}, so no variance there"
    return (NAN, NAN), (NAN, NAN), f"interval not estimable: {reason}"


def _answered(
    people: Compared,
    asked: _Asked,
    found: BoundedEffect,
    method: Method,
    ends: tuple[float, float] | None,
    covariates: tuple[str, ...],
    level: float,
) -> Bounds:
    arm, seen = asked.seen.arm, asked.seen.seen
    n, missing = np.bincount(arm, minlength=2), np.bincount(arm[~seen], minlength=2)
    share = 1 - missing / n
    told = _told(asked, method, ends, covariates)
    estimable = np.isfinite(found.low.value)
    trimmed = 1 - found.share / share if method != "manski" else np.zeros(2)
    interval = errors = NAN, NAN
    if not estimable:
        told += "; not estimable: so many are missing that nobody need be seen in both arms"
    else:
        told += _trimmed_told(people, trimmed, method, within=bool(covariates))
        in_arm = n if method == "manski" else n - missing
        interval, errors, of_interval = _interval(people.arms, in_arm, found, level)
        told += f"; {of_interval}"
    count = "; counts, whatever the time at risk" if people.exposure.size else ""
    return Bounds(
        outcome=people.outcome,
        analysis_set=people.analysis_set,
        contrast=(people.arms[1], people.arms[0]),
        low=min(found.low.value, found.high.value),  # one point may differ by rounding
        high=max(found.low.value, found.high.value),
        interval_low=interval[0],
        interval_high=interval[1],
        level=level,
        method=told + count,
        n=(int(n[0]), int(n[1])),
        missing=(int(missing[0]), int(missing[1])),
        std_errors=errors,
        arm_low=(found.by_arm[0][0].value, found.by_arm[1][0].value),
        arm_high=(found.by_arm[0][1].value, found.by_arm[1][1].value),
        share=found.share,
        trimmed=(float(max(trimmed[0], 0)), float(max(trimmed[1], 0))) if estimable else (NAN, NAN),
        time_point=asked.when,
        unit=people.unit,
        adjusted_for=covariates,
    )


def _told(
    asked: _Asked, method: Method, ends: tuple[float, float] | None, covariates: tuple[str, ...]
) -> str:
    told = _METHODS[method]
    if ends is not None and ends != (0.0, 1.0):
        told += f", {ends[0]:g} and {ends[1]:g}"
    if covariates:
        told += f", within {', '.join(covariates)}"
    if asked.without:
        told += f"; {counted(asked.without, 'person', 'people')} without a covariate left out"
    return told


_METHODS: dict[Method, str] = {
    "manski": "worst-case bounds of everyone (Manski), the missing at the ends of the support",
    "lee": "trimming bounds of those seen in either arm (Lee), one arm seeing all the other does",
    "horowitz-manski": "trimming bounds of those seen in either arm (Horowitz–Manski)",
}


def _trimmed_told(people: Compared, trimmed: FloatArray, method: Method, *, within: bool) -> str:
    """Tell which arm was trimmed, and by how much of those seen."""
    if method == "manski":
        return ""
    told = [
        f"{name!r} trimmed by {100 * share:.3g}% of those seen"
        for name, share in zip(people.arms, trimmed, strict=True)
        if share > 1e-12
    ]
    return f"; {', '.join(told) or 'both arms see the same share, nobody trimmed'}" + (
        " overall" if within and told else ""
    )
