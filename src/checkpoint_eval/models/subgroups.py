"""Subgroups: whether the effect differs between kinds of people, before what it is in each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from scipy.special import chdtrc

from checkpoint_eval._arrays import BoolArray, IntArray, floats
from checkpoint_eval._checks import as_names, check_known, check_mapping, is_number
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models.multiplicity import adjust_p_values
from checkpoint_eval.models.subgroup_results import Subgroup, SubgroupEffects
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.results import NAN, Estimate, SignificanceTest

Effect: TypeAlias = Callable[..., Estimate]


def subgroup_effects(
    trial: Trial,
    *,
    effect: Effect,
    by: str | Sequence[str],
    cuts: Mapping[str, Sequence[float]] | None = None,
    planned: str | Sequence[str] = (),
    expected: Mapping[str, Sequence[str]] | None = None,
    analysis_set: str = "itt",
) -> SubgroupEffects:
    """Ask whether treatment did more for some people than for others.

    Parameters
    ----------
    trial : Trial
    effect : callable
        A verb with all it needs but the trial and the analysis set, such as
        ``functools.partial(risk_difference, outcome="reoffence", horizon=730)``. It is called as
        ``effect(trial, analysis_set=...)`` and returns an `Estimate`.
    by : str or sequence of str
        Baseline columns: categories, or 0 and 1.
    cuts : mapping of str to sequence of float, optional
        Where columns of numbers are cut; a level holds its lower end. There is no default.
    planned : str or sequence of str
        Those of `by` that were planned before outcomes were seen. The others are exploratory.
    expected : mapping of str to sequence of str, optional
        For planned columns, levels from the lowest effect to the highest, as stated in advance.
    analysis_set : str

    Returns
    -------
    SubgroupEffects
        The effect in everyone; for each column the test of interaction, with its p-value adjusted
        over all columns by Holm's method; then the effect, people, events and missing of each
        level. `credibility()` lists what bears on believing a difference.

    Raises
    ------
    UnknownColumn
        For columns, levels or an analysis set the trial does not have.
    TrialError
        For numbers without `cuts`, cuts that do not ascend, a direction for what was not planned,
        an `effect` that gives no `Estimate`, and the analysis set "as-treated".

    Notes
    -----
    Levels hold different people, so their effects y (logarithms of ratios) are independent, with
    variances s². With weights 1/s² around the weighted mean, Q = Σ (y − ȳ)²/s² is chi-square with a
    degree of freedom fewer than there are levels, where all effects are one. Levels that are not
    estimable are left out of it, and `method` says so. People of one cluster in several levels are
    not independent, and Q takes no account of that.

    Whether effects differ depends on the scale: equal risk ratios are unequal risk differences
    where risks differ. A trial that is large enough for its outcome is a quarter as large as it
    would have to be for an interaction of the same size between halves. Columns of what happened
    after randomisation do not tell subgroups: `credibility()` says of columns read as neither
    covariate nor stratum that it is not known when they were measured.

    References
    ----------
    Cochran (1954), Biometrics 10, 101-129; Wang et al. (2007), New England Journal of Medicine 357,
    2189-2194; Sun et al. (2010), BMJ 340, c117; Schandelmaier et al. (2020), CMAJ 192, E901-E906
    (ICEMAN), whose items on prior evidence and overall credibility need a reader. Checked against
    Wald tests of interaction in R coxph with a baseline hazard for each level and in R glm, and a
    slow reference.

    Examples
    --------
    >>> from functools import partial
    >>> from checkpoint_eval import hazard_ratio, load_rossi
    >>> found = subgroup_effects(
    ...     load_rossi(),
    ...     effect=partial(hazard_ratio, outcome="rearrest"),
    ...     by=["wexp", "age"],
    ...     cuts={"age": [25]},
    ... )
    >>> [round(each.interaction.p_value, 3) for each in found.subgroups]
    [0.875, 0.906]
    """
    _check_asked(trial, effect, analysis_set)
    names, promised = as_names(by), as_names(planned)
    if not names:
        raise TrialError("`by` is empty; name at least one baseline column.")
    splits = [_split(trial, name, check_mapping(cuts, "cuts")) for name in names]
    stated = check_mapping(expected, "expected")
    _check_stated(splits, promised, stated, tuple(cuts or ()))
    overall = effect(trial, analysis_set=analysis_set)
    if not isinstance(overall, Estimate):
        raise TrialError(f"`effect` must give an `Estimate`, got {type(overall).__name__}.")
    inside = trial.arm_in(analysis_set) >= 0
    known = {*trial.covariates, *trial.assignment.stratified_by}
    found = [
        Subgroup(
            moderator=split.name,
            levels=split.levels,
            effects=(effects := _effects(trial, effect, split, overall, inside)),
            interaction=replace(
                _heterogeneity(split, effects, overall), planned=split.name in promised
            ),
            p_adjusted=NAN,
            planned=split.name in promised,
            expected=tuple(stated.get(split.name, ())),
            baseline=split.name in known,
            cuts=split.cuts,
            unknown=_by_arm(trial, overall, (split.code < 0) & inside),
        )
        for split in splits
    ]
    p_adjusted = adjust_p_values([each.interaction.p_value for each in found], method="holm")
    return SubgroupEffects(
        overall=overall,
        subgroups=tuple(
            replace(each, p_adjusted=p) for each, p in zip(found, p_adjusted.tolist(), strict=True)
        ),
    )


def _check_asked(trial: Trial, effect: Effect, analysis_set: str) -> None:
    """Refuse what is no trial, no verb, or no randomised comparison."""
    check_trial(trial)
    if not callable(effect):
        raise TrialError(
            f"`effect` must be a function that takes a `Trial` and `analysis_set` and gives an "
            f"`Estimate`, such as functools.partial(risk_difference, outcome=...); got {effect!r}."
        )
    if analysis_set == "as-treated":
        raise TrialError(
            "Subgroups are compared by the arm people were randomised to; use another "
            "`analysis_set`."
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Split:
    """A baseline column as levels: (n,) codes, -1 where unknown."""

    name: str
    code: IntArray
    levels: tuple[str, ...]
    cuts: tuple[float, ...] = ()


def _split(trial: Trial, name: str, cuts: Mapping[str, Sequence[float]]) -> _Split:
    """Return the levels of a column, a number cut where it was stated."""
    column = trial.column(name)
    if name not in cuts:
        if column.kind == "continuous":
            raise TrialError(
                f"Column {name!r} holds numbers; state where to cut it, as `cuts`={{{name!r}: "
                "[...]}."
            )
        return _Split(name=name, code=column.codes, levels=column.group_names)
    if column.levels:
        raise TrialError(f"Column {name!r} holds categories; leave it out of `cuts`.")
    points = tuple(cuts[name])
    if not points or not all(is_number(point) and np.isfinite(point) for point in points):
        raise TrialError(f"`cuts` of {name!r} must list numbers, got {cuts[name]!r}.")
    if not (np.diff(points) > 0).all():
        raise TrialError(f"`cuts` of {name!r} must ascend, got {points}.")
    told = [f"{point:g}" for point in points]
    between = [f"{low} to below {high}" for low, high in pairwise(told)]
    code = np.searchsorted(points, column.values, side="right")
    return _Split(
        name=name,
        code=np.where(column.missing, -1, code),
        levels=(f"below {told[0]}", *between, f"{told[-1]} and above"),
        cuts=tuple(float(point) for point in points),
    )


def _check_stated(
    splits: Sequence[_Split],
    planned: tuple[str, ...],
    expected: Mapping[str, Sequence[str]],
    cut: tuple[str, ...],
) -> None:
    """Refuse plans, directions and cuts of what is not shown."""
    levels = {split.name: split.levels for split in splits}
    for name in (*planned, *cut):
        check_known(name, levels, what="subgroup column")
    for name, order in expected.items():
        check_known(name, levels, what="subgroup column")
        if name not in planned:
            raise TrialError(
                f"`expected` states a direction for {name!r}, which is not among `planned`; a "
                "direction counts when it was stated before outcomes were seen."
            )
        for level in as_names(order):
            check_known(level, levels[name], what=f"level of {name!r}")
        if len(as_names(order)) < 2:
            raise TrialError(
                f"`expected` of {name!r} must list at least two levels, from the lowest effect to "
                f"the highest; got {order!r}."
            )


def _effects(
    trial: Trial, effect: Effect, split: _Split, overall: Estimate, inside: BoolArray
) -> tuple[Estimate, ...]:
    """Return the effect in each level, or why there is none."""
    found = []
    for code, level in enumerate(split.levels):
        name = f"{overall.analysis_set}, {split.name}: {level}"
        member = (split.code == code) & inside
        part = replace(trial, sets={**trial.sets, name: member})
        try:
            found.append(effect(part, analysis_set=name))
        except ImpossibleDesign as problem:
            found.append(_without(trial, overall, name, member, str(problem).removesuffix(".")))
    return tuple(replace(each, planned=False) for each in found)


def _without(
    trial: Trial, overall: Estimate, name: str, member: BoolArray, reason: str
) -> Estimate:
    """Return the estimate that says why a level has none."""
    seen = trial.outcomes.get(overall.outcome)
    lost = np.zeros(trial.n, dtype=bool) if seen is None else seen.missing
    return replace(
        overall,
        analysis_set=name,
        value=NAN,
        low=NAN,
        high=NAN,
        p_value=NAN,
        std_error=NAN,
        by_arm=(NAN, NAN),
        method=f"not estimable: {reason}",
        n=_by_arm(trial, overall, member & ~lost),
        events=(),
        missing=_by_arm(trial, overall, member & lost),
    )


def _by_arm(trial: Trial, overall: Estimate, member: BoolArray) -> tuple[int, int]:
    """Count people in control and treatment, as randomised."""
    arm = trial.assignment.arm[member]
    control, treatment = (trial.arms.index(name) for name in overall.contrast[::-1])
    return int((arm == control).sum()), int((arm == treatment).sum())


def _heterogeneity(
    split: _Split, effects: Sequence[Estimate], overall: Estimate
) -> SignificanceTest:
    """Test whether the effects of all levels are one."""
    value = floats([each.value for each in effects])
    error = floats([each.std_error for each in effects])
    ratio = overall.scale == "ratio"
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(value) if ratio else value
    usable = np.isfinite(y) & (error > 0) & np.isfinite(error)
    statistic = df = p_value = NAN
    scale = f"logarithms of {overall.estimand}s" if ratio else f"{overall.estimand}s"
    told = [f"Cochran's Q of {scale} by {split.name}"]
    out = [level for level, kept in zip(split.levels, usable, strict=True) if not kept]
    if usable.sum() < 2:
        told.append("not estimable: fewer than two levels have an effect with a standard error")
    else:
        weight = 1 / error[usable] ** 2
        mean = weight @ y[usable] / weight.sum()
        statistic, df = float(weight @ (y[usable] - mean) ** 2), float(usable.sum() - 1)
        p_value = float(chdtrc(df, statistic))
        if out:
            told.append(f"without {', '.join(out)}, which cannot be estimated")
    n, missing = (
        tuple(sum(pair) for pair in zip(*several, strict=True))
        for several in ([each.n for each in effects], [each.missing for each in effects])
    )
    return SignificanceTest(
        test=f"interaction with {split.name}",
        outcome=overall.outcome,
        analysis_set=overall.analysis_set,
        arms=overall.contrast[::-1],
        statistic=statistic,
        df=df,
        p_value=p_value,
        method="; ".join(told),
        n=n,
        missing=missing,
        time_point=overall.time_point,
        unit=overall.unit,
    )
